{#
A fact of metric_subject, added up by dimensions for each scope: every row counts once for its
agent, once for its team and once for the company, as far as `scopes` names them.
#}
{% macro rollup(subject, dimensions, scopes=["agent", "team"]) -%}
{%- set it = metric_subject(subject) -%}
{%- set grain = ["scope_kind", "scope_id"] + it.get("keys", []) + dimensions -%}
with

facts as (
    select * from {{ ref(it.fact) }}
    where {{ it.get("where", "true") }}
),

scoped as (
    {{ scoped_rows("facts", scopes) }}
),

summed as (
    select
        {{ grain | join(", ") }}
        {%- for column in it.sums %},
        sum({{ column }}) as {{ column }}
        {%- endfor %}
        {%- for name, column in it.get("distincts", {}).items() %},
        count(distinct {{ column }}) as {{ name }}
        {%- endfor %}
    from scoped
    group by {{ grain | join(", ") }}
),

final as (
    select
        *
        {%- for name, (above, below) in it.get("rates", {}).items() %},
        {{ rate(above, below) }} as {{ name }}
        {%- endfor %}
    from summed
)

select * from final
{%- endmacro %}


{# A quotient with four decimals; null when there is nothing to divide by. #}
{% macro rate(above, below) -%}
    round(({{ above }})::numeric / nullif({{ below }}, 0), 4)
{%- endmacro %}


{# The rows of a fact, once for each scope that they count in. #}
{% macro scoped_rows(relation, scopes=["agent", "team"]) -%}
    select
        {{ relation }}.*,
        scopes.scope_kind,
        scopes.scope_id
    from {{ relation }}
    cross join lateral ({{ scopes_of(relation, scopes) }}) as scopes
{%- endmacro %}


{# The scopes that a row of a fact counts in. #}
{% macro scopes_of(relation, scopes) -%}
    {%- set ids = {
        "agent": relation ~ ".agent_id", "team": relation ~ ".team_id", "company": "'company'"
    } -%}
    {%- for scope in scopes %}
    select '{{ scope }}' as scope_kind, {{ ids[scope] }} as scope_id
    {%- if not loop.last %} union all {% endif %}
    {%- endfor %}
{%- endmacro %}


{# Nothing but a name for what is not known: the row is never dropped. #}
{% macro or_unknown(expression) -%}
    coalesce({{ expression }}, 'unknown')
{%- endmacro %}


{# False for demo agents when they are excluded; ranks and team sums cannot lose them later. #}
{% macro not_demo(agent) -%}
    {%- if var('include_demo') in (true, 'true') -%} true
    {%- else -%}
    not exists (
        select 1
        from {{ ref("app_user") }} as demo_users
        where demo_users.agent_id = {{ agent }} and demo_users.is_demo
    )
    {%- endif -%}
{%- endmacro %}
