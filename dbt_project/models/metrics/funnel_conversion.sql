{%- set pipeline = [
    "scope_kind", "scope_id", "crm_account_id", "pipeline_source_id"
] | join(", ") -%}

with

stays as (
    select * from {{ ref("fact_stage_stay") }}
),

stages as (
    select
        *,
        -- what comes after the closed stage is for lost deals
        coalesce(
            max(order_weight) filter (where is_closed_stage) over pipelines,
            max(order_weight) over pipelines
        ) as last_weight,
        min(order_weight) over pipelines as first_weight
    from {{ ref("fub_pipeline_stage") }}
    window pipelines as (partition by fub_account_id, pipeline_source_id)
),

scoped as (
    {{ scoped_rows("stays") }}
),

-- how far each deal came: it has been in all stages before that
deals as (
    select
        scoped.scope_kind,
        scoped.scope_id,
        scoped.crm_account_id,
        scoped.pipeline_source_id,
        scoped.deal_source_id,
        coalesce(
            max(scoped.order_weight)
            filter (where scoped.order_weight <= stages.last_weight),
            min(stages.first_weight)
        ) as furthest_weight,
        array_agg(distinct scoped.stage_source_id) as stages_seen,
        max(case when scoped.current_stays = 1 then scoped.stage_source_id end)
            as current_stage_source_id
    from scoped
    inner join stages
        on
            scoped.crm_account_id = stages.fub_account_id
            and scoped.pipeline_source_id = stages.pipeline_source_id
            and scoped.stage_source_id = stages.stage_source_id
    group by
        scoped.scope_kind, scoped.scope_id, scoped.crm_account_id,
        scoped.pipeline_source_id, scoped.deal_source_id
),

counted as (
    select
        deals.scope_kind,
        deals.scope_id,
        deals.crm_account_id,
        deals.pipeline_source_id,
        stages.stage_source_id,
        stages.pipeline_name,
        stages.stage_name,
        stages.order_weight,
        stages.order_weight > stages.last_weight as is_lost_stage,
        count(*) as pipeline_deals,
        count(*) filter (
            where case
                when stages.order_weight > stages.last_weight
                    then stages.stage_source_id = any(deals.stages_seen)
                else deals.furthest_weight >= stages.order_weight
            end
        ) as deals_reached,
        count(*) filter (where deals.current_stage_source_id = stages.stage_source_id)
            as deals_now
    from deals
    inner join stages
        on
            deals.crm_account_id = stages.fub_account_id
            and deals.pipeline_source_id = stages.pipeline_source_id
    group by
        deals.scope_kind, deals.scope_id, deals.crm_account_id,
        deals.pipeline_source_id, stages.stage_source_id, stages.pipeline_name,
        stages.stage_name, stages.order_weight, stages.last_weight
),

followed as (
    select
        *,
        lead(deals_reached) over (
            partition by {{ pipeline }}, is_lost_stage
            order by order_weight, stage_source_id
        ) as deals_reached_next
    from counted
),

final as (
    select
        *,
        case
            when not is_lost_stage
                then {{ rate("deals_reached_next", "deals_reached") }}
        end as rate_to_next_stage,
        {{ rate("deals_reached", "pipeline_deals") }} as rate_of_pipeline
    from followed
)

select * from final
