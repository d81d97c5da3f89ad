with

lines as (
    select distinct on (lower(sale_source_id), line_position) *
    from {{ ref("stg_skyslope__sale_commission_lines") }}
    where line_name is not null
    order by lower(sale_source_id), line_position, synced_at desc, connection_id
),

-- the lookup of the fees that offices take off a commission, as they name them
final as (
    select
        {{ name_key("line_name") }} as deduction_item_key,
        mode() within group (order by line_name) as deduction_item_name,
        'skyslope' as vendor,
        count(*) as line_count,
        mode() within group (order by line_amount) as usual_amount
    from lines
    where {{ name_key("line_name") }} is not null
    group by {{ name_key("line_name") }}
)

select * from final
