{{ config(severity="warn") }}

-- a charge is what its payees get; one that names none is not compared
with

payees as (
    select
        title_order_id,
        charge_position,
        sum(payee_amount) as payees_amount
    from {{ ref("title_charge_payee") }}
    group by title_order_id, charge_position
)

select
    charges.title_order_id,
    charges.charge_position,
    charges.charge_amount,
    payees.payees_amount
from {{ ref("title_charge") }} as charges
inner join payees
    on
        charges.title_order_id = payees.title_order_id
        and charges.charge_position = payees.charge_position
where charges.charge_amount <> payees.payees_amount
