with

libraries as (
    select * from {{ ref("default_chart_library") }}
),

final as (
    select
        chart_library,
        library_name,
        engine,
        license
    from libraries
)

select * from final
