with

types as (
    select * from {{ ref("default_chart_type") }}
),

final as (
    select
        chart_type,
        chart_type_name,
        category,
        chart_library
    from types
)

select * from final
