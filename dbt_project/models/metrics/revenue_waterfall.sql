with

rolled_up as (
    {{ rollup(
        "commission_line", ["period_month", "line_number", "line_type", "line_kind"]
    ) }}
),

-- what is left after each step; the net is what is left after the last one
final as (
    select
        *,
        sum(case when line_kind <> 'net' then line_amount else 0 end) over (
            partition by scope_kind, scope_id, currency, period_month
            order by line_number
        ) as remaining_amount
    from rolled_up
)

select * from final
