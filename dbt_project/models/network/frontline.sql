{%- set readings = {
    "vendor": "case
            when members.is_unlocking is null
                then coalesce(producing.is_producing, false)
            else
                members.is_unlocking
                and coalesce(
                    members.unlocking_expiry_date >= " ~ reporting_today() ~ ", true
                )
        end",
    "closings": "coalesce(producing.is_producing, false)",
    "active": "true",
} -%}
{%- if var("qualified_agent_reading") not in readings -%}
    {{ exceptions.raise_compiler_error(
        "qualified_agent_reading is one of " ~ readings | join(", ")
    ) }}
{%- endif -%}

with

members as (
    select * from {{ ref("int_members__sighted") }}
    where tier = 1 or is_on_front_line
),

producing as (
    select * from {{ ref("int_agents__producing") }}
),

final as (
    select
        -- ids
        members.owner_agent_id,
        members.member_agent_id,

        -- strings
        members.member_status,
        members.sponsorship_type,
        case
            when not members.is_active then 'status'
            when '{{ var("qualified_agent_reading") }}' = 'vendor'
                and members.is_unlocking is not null then 'vendor'
            when '{{ var("qualified_agent_reading") }}' = 'active' then 'status'
            else 'closings'
        end as qualified_by,

        -- numerics
        members.sponsor_split_percent,

        -- booleans
        members.is_active,
        members.is_unlocking as is_unlocking_source,
        coalesce(producing.is_producing, false) as is_producing,
        members.is_active
        and {{ readings[var("qualified_agent_reading")] }} as is_qualified,

        -- dates
        members.join_date,
        members.unlocking_expiry_date,
        producing.last_closed_date,
        producing.producing_from_date,
        producing.producing_until_date,
        members.synced_at
    from members
    left join producing on members.member_agent_id = producing.agent_id
)

select * from final
