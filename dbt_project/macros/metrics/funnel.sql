{# A row per step out of a row with a column per step, with the part that got there of the step
   before and of the first one. #}
{% macro funnel(relation, grain, steps) -%}
steps as (
    {%- for step, column in steps.items() %}
    select
        {{ grain | join(", ") }},
        {{ loop.index }} as step_number,
        '{{ step }}' as step_name,
        {{ column }} as members
    from {{ relation }}
    {%- if not loop.last %}

    union all
    {% endif %}
    {%- endfor %}
),

compared as (
    select
        *,
        lag(members) over (
            partition by {{ grain | join(", ") }} order by step_number
        ) as members_before,
        first_value(members) over (
            partition by {{ grain | join(", ") }} order by step_number
        ) as members_first
    from steps
),

final as (
    select
        {{ grain | join(", ") }},
        step_number,
        step_name,
        members,
        {{ rate("members", "members_before") }} as rate_of_step_before,
        {{ rate("members", "members_first") }} as rate_of_first_step
    from compared
)
{%- endmacro %}
