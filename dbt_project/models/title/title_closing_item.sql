with

charges as (
    select * from {{ ref("title_charge") }}
),

sections as (
    select * from {{ ref("closing_disclosure_section") }}
),

-- what the form prints at one place: several charges may share it
placed as (
    select
        title_order_id,
        coalesce(section, 'unknown') as section,
        coalesce(line_number, 'unknown') as line_number,
        currency,
        string_agg(charge_description, '; ' order by charge_position)
            as item_description,
        sum(coalesce(borrower_amount, 0)) as borrower_amount,
        sum(coalesce(seller_amount, 0)) as seller_amount,
        sum(charge_amount) as item_amount,
        count(*) as charge_count
    from charges
    group by
        title_order_id,
        coalesce(section, 'unknown'),
        coalesce(line_number, 'unknown'),
        currency
),

final as (
    select
        -- ids
        placed.title_order_id,
        placed.section,
        placed.line_number,

        -- strings
        sections.section_title,
        placed.item_description,

        -- numerics
        placed.borrower_amount,
        placed.seller_amount,
        placed.item_amount,
        placed.currency,
        placed.charge_count,

        -- booleans
        sections.is_loan_cost
    from placed
    left join sections on placed.section = sections.section
)

select * from final
