{# A table of a subject (see metric_subject) has the sums of its fact, in every scope and for every
   measure, or for the `columns` named: no row was lost or counted twice. #}
{% test adds_up_to(model, subject, scopes=["agent", "team"], columns=none) %}

{%- set it = metric_subject(subject) %}
{%- set scope_key = ["scope_kind"] if scopes else [] %}
{%- set keys = scope_key + it.get("keys", []) %}
    with

    facts as (
        select * from {{ ref(it.fact) }}
        where {{ it.get("where", "true") }}
    ),

    base as (
        select *
        from facts
        {%- if scopes %}
        cross join (values ('{{ scopes | join("'), ('") }}')) as scopes (scope_kind)
        {%- endif %}
    ),

    {%- for name, relation in {"base": "base", "model": model}.items() %}

    {{ name }}_sums as (
        select
            {{ (keys + ["count(*) > 0 as has_rows"]) | join(", ") }}
            {%- for column in columns or it.sums %},
            sum({{ column }}) as {{ column }}
            {%- endfor %}
        from {{ relation }}
        {{ "group by " ~ keys | join(", ") if keys }}
    ){{ "," if not loop.last }}
    {%- endfor %}

    select *
    from (
        select * from base_sums
        except
        select * from model_sums
    ) as lost
    union all
    select *
    from (
        select * from model_sums
        except
        select * from base_sums
    ) as invented

{% endtest %}
