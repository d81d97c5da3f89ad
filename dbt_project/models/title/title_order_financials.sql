with

orders as (
    select * from {{ ref("title_order") }}
),

loans as (
    select
        connection_id,
        order_source_id,
        count(*) as loan_count,
        sum(loan_amount) as loan_amount
    from {{ ref("stg_qualia__order_loans") }}
    group by connection_id, order_source_id
),

disbursements as (
    select
        title_order_id,
        count(*) as disbursement_count,
        sum(disbursement_amount) filter (where is_effective) as disbursed_amount,
        sum(disbursement_amount) filter (where not is_posted and not is_voided)
            as undisbursed_amount,
        sum(disbursement_amount) filter (where is_voided) as voided_amount
    from {{ ref("title_disbursement") }}
    group by title_order_id
),

receipts as (
    select
        title_order_id,
        count(*) as receipt_count,
        sum(receipt_amount) filter (where is_effective) as received_amount
    from {{ ref("title_receipt") }}
    group by title_order_id
),

charges as (
    select
        title_order_id,
        count(*) as charge_count,
        sum(borrower_amount) as charges_borrower_amount,
        sum(seller_amount) as charges_seller_amount,
        sum(charge_amount) as charges_amount
    from {{ ref("title_charge") }}
    group by title_order_id
),

payees as (
    select
        title_order_id,
        sum(payee_amount) as payees_amount
    from {{ ref("title_charge_payee") }}
    group by title_order_id
),

lines as (
    select
        title_order_id,
        count(*) as statement_line_count,
        sum(borrower_amount) as statement_borrower_amount,
        sum(seller_amount) as statement_seller_amount
    from {{ ref("title_statement_line") }}
    group by title_order_id
),

final as (
    select
        -- ids
        orders.title_order_id,

        -- numerics
        orders.purchase_price_amount,
        orders.earnest_amount,
        loans.loan_amount,
        coalesce(receipts.received_amount, 0) as received_amount,
        coalesce(disbursements.disbursed_amount, 0) as disbursed_amount,
        coalesce(disbursements.undisbursed_amount, 0) as undisbursed_amount,
        coalesce(disbursements.voided_amount, 0) as voided_amount,
        coalesce(charges.charges_borrower_amount, 0) as charges_borrower_amount,
        coalesce(charges.charges_seller_amount, 0) as charges_seller_amount,
        coalesce(charges.charges_amount, 0) as charges_amount,
        coalesce(payees.payees_amount, 0) as payees_amount,
        coalesce(lines.statement_borrower_amount, 0) as statement_borrower_amount,
        coalesce(lines.statement_seller_amount, 0) as statement_seller_amount,
        orders.currency,
        coalesce(loans.loan_count, 0) as loan_count,
        coalesce(receipts.receipt_count, 0) as receipt_count,
        coalesce(disbursements.disbursement_count, 0) as disbursement_count,
        coalesce(charges.charge_count, 0) as charge_count,
        coalesce(lines.statement_line_count, 0) as statement_line_count,

        -- booleans
        coalesce(lines.statement_borrower_amount, 0) = 0
        and coalesce(lines.statement_seller_amount, 0) = 0 as is_statement_balanced,
        not orders.is_disbursed
        or coalesce(receipts.received_amount, 0)
        = coalesce(disbursements.disbursed_amount, 0) as is_escrow_balanced
    from orders
    left join loans
        on
            orders.read_through_connection_id = loans.connection_id
            and orders.order_source_id = loans.order_source_id
    left join disbursements on orders.title_order_id = disbursements.title_order_id
    left join receipts on orders.title_order_id = receipts.title_order_id
    left join charges on orders.title_order_id = charges.title_order_id
    left join payees on orders.title_order_id = payees.title_order_id
    left join lines on orders.title_order_id = lines.title_order_id
)

select * from final
