with

stays as (
    select * from {{ ref("fub_deal_stage_history") }}
),

stages as (
    select * from {{ ref("fub_pipeline_stage") }}
),

agents as (
    select * from {{ ref("agent") }}
),

-- a stage that was deleted keeps the name it had last
named as (
    select
        *,
        first_value(pipeline_name) over latest as last_pipeline_name,
        first_value(stage_name) over latest as last_stage_name
    from stays
    window latest as (
        partition by fub_account_id, pipeline_source_id, stage_source_id
        order by entered_at desc, deal_source_id desc
    )
),

final as (
    select
        -- ids
        named.fub_account_id as crm_account_id,
        named.deal_source_id,
        named.stay_number,
        {{ or_unknown("named.primary_agent_id") }} as agent_id,
        {{ or_unknown("agents.team_id") }} as team_id,
        {{ or_unknown("named.pipeline_source_id") }} as pipeline_source_id,
        {{ or_unknown("named.stage_source_id") }} as stage_source_id,

        -- strings
        {{ or_unknown("coalesce(stages.pipeline_name, named.last_pipeline_name)") }}
            as pipeline_name,
        {{ or_unknown("coalesce(stages.stage_name, named.last_stage_name)") }}
            as stage_name,

        -- numerics
        coalesce(stages.order_weight, 0) as order_weight,
        1 as stays,
        (not named.is_current)::int as finished_stays,
        {{ counted("not named.is_current", "named.days_in_stage") }} as finished_days,
        named.is_current::int as current_stays,
        {{ counted("named.is_current", "named.days_in_stage") }} as current_days,

        -- dates
        named.entered_at,
        named.left_at
    from named
    left join stages
        on
            named.fub_account_id = stages.fub_account_id
            and named.pipeline_source_id = stages.pipeline_source_id
            and named.stage_source_id = stages.stage_source_id
    left join agents on named.primary_agent_id = agents.agent_id
    where {{ not_demo("named.primary_agent_id") }}
)

select * from final
