with

rolled_up as (
    {{ rollup("transaction", ["agent_id"], scopes=["company", "team"]) }}
),

-- the unknown agent holds what nobody is known for, and is no competitor
final as (
    select
        *
        {%- for measure in ["closed_units", "volume_amount", "gci_amount"] %},
        case
            when agent_id <> 'unknown'
                then dense_rank() over (
                    partition by scope_kind, scope_id, currency, agent_id = 'unknown'
                    order by {{ measure }} desc
                )
        end as {{ measure | replace("closed_", "") | replace("_amount", "") }}_rank
        {%- endfor %}
    from rolled_up
)

select * from final
