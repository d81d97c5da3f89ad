{%- set board = ["scope_kind", "scope_id", "currency", "agent_id = 'unknown'"] -%}

with

rolled_up as (
    {{ rollup("transaction", ["agent_id"], scopes=["company", "team"]) }}
),

-- the unknown agent holds what nobody is known for, and is no competitor
final as (
    select
        {%- for measure, name in {
            "closed_units": "units", "volume_amount": "volume", "gci_amount": "gci",
        }.items() %}
        {{ rank_of(measure, board, "agent_id <> 'unknown'") }} as {{ name }}_rank,
        {%- endfor %}
        *
    from rolled_up
)

select * from final
