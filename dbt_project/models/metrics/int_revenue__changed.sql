with

measured as (
    select
        subject_id as agent_id,
        snapshot_date,
        currency,
        metric_value as amount,
        measured_at
    from {{ ref("metrics_snapshot") }}
    where
        subject_type = 'agent'
        and metric_name = 'revenue_share_amount'
        and dimension = 'all'
),

-- days on which nothing was measured are stepped over: the next has what changed
measured_days as (
    select
        subject_id as agent_id,
        snapshot_date,
        lag(snapshot_date) over (
            partition by subject_id order by snapshot_date
        ) as date_before
    from {{ ref("metrics_snapshot") }}
    where subject_type = 'agent'
    group by subject_id, snapshot_date
),

final as (
    select
        measured.agent_id,
        measured.currency,
        measured.snapshot_date as news_date,
        coalesce(before.amount, 0) as amount_before,
        measured.amount as amount_after,
        measured.measured_at
    from measured
    inner join measured_days
        on
            measured.agent_id = measured_days.agent_id
            and measured.snapshot_date = measured_days.snapshot_date
            and measured_days.date_before is not null
    left join measured as before
        on
            measured.agent_id = before.agent_id
            and measured.currency = before.currency
            and measured_days.date_before = before.snapshot_date
    where measured.amount <> coalesce(before.amount, 0)
)

select * from final
