{{ config(severity="warn") }}

-- a goal whose agent, team or period is unknown shows nowhere
select
    goals.scope_kind,
    goals.scope_key,
    goals.metric,
    goals.period_kind,
    goals.period_key
from {{ ref("kpi_goal") }} as goals
left join {{ ref("int_goals__resolved") }} as resolved
    on
        goals.scope_kind = resolved.scope_kind
        and goals.scope_key = resolved.scope_key
        and goals.metric = resolved.metric
        and goals.period_kind = resolved.period_kind
        and goals.period_key = resolved.period_key
where resolved.scope_id is null
