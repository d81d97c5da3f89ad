with

deals as (
    select
        office_source_id,
        office_name,
        null::text as state_as_sent,
        updated_at
    from {{ ref("int_deals__unified") }}
    where office_source_id is not null
),

agents as (
    select
        {{ json_text("office", "id") }} as office_source_id,
        {{ json_text("office", "name") }} as office_name,
        {{ json_text("(office -> 'address')", ["stateOrProvince", "state"]) }}
            as state_as_sent,
        own_agents.updated_at
    from {{ ref("stg_rezen__agents") }} as own_agents
    cross join lateral {{ json_elements("own_agents.offices") }} as office
    where {{ json_text("office", "id") }} is not null
),

states as (
    select * from {{ ref("state_province") }}
),

sighted as (
    select * from deals
    union all
    select * from agents
),

latest as (
    select
        office_source_id,
        {{ latest_value("office_name", "updated_at") }} as office_name,
        max({{ state_key("state_as_sent") }}) as state_key
    from sighted
    group by office_source_id
),

final as (
    select
        {{ our_id("rezen", "latest.office_source_id") }} as office_id,
        latest.office_source_id,
        latest.office_name,
        states.state_code,
        states.country
    from latest
    left join states on latest.state_key in (states.state_key, states.state_code)
)

select * from final
