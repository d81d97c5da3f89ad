with

versions as (
    select
        *,
        dbt_valid_from as seen_at,
        -- archived and deleted deals are on no board
        dbt_is_deleted = 'False' and coalesce(deal_status, 'Active') = 'Active'
            as is_on_board,
        case
            when dbt_is_deleted = 'True' then 'gone'
            when coalesce(deal_status, 'Active') <> 'Active' then lower(deal_status)
        end as off_board_reason
    from {{ ref("snap_fub_deal") }}
),

compared as (
    select
        *,
        lag(is_on_board) over deals as was_on_board,
        lag(pipeline_source_id) over deals as old_pipeline_source_id,
        lag(stage_source_id) over deals as old_stage_source_id,
        lag(entered_stage_at) over deals as old_entered_stage_at,
        lag(seen_at) over deals as old_seen_at
    from versions
    window deals as (partition by fub_account_id, deal_source_id order by seen_at)
),

-- a stay begins on the board: in another stage, or in the same one entered anew
numbered as (
    select
        *,
        count(*) filter (
            where
            old_seen_at is null
            or is_on_board <> was_on_board
            or pipeline_source_id is distinct from old_pipeline_source_id
            or stage_source_id is distinct from old_stage_source_id
            or entered_stage_at > coalesce(old_entered_stage_at, old_seen_at)
        ) over (
            partition by fub_account_id, deal_source_id order by seen_at
        ) as stay_number
    from compared
),

stays as (
    select distinct on (fub_account_id, deal_source_id, stay_number)
        fub_account_id,
        deal_source_id,
        stay_number,
        is_on_board,
        off_board_reason,
        entered_stage_at,
        seen_at,
        -- back on the board in a stage of long ago: the stay begins when it is back
        coalesce(
            entered_stage_at > coalesce(old_entered_stage_at, '-infinity'), false
        ) as is_entry_told
    from numbered
    order by fub_account_id, deal_source_id, stay_number, seen_at
),

-- what is shown of a stay is its latest version
shown as (
    select distinct on (fub_account_id, deal_source_id, stay_number)
        fub_account_id,
        deal_source_id,
        stay_number,
        deal_name,
        pipeline_source_id,
        pipeline_name,
        stage_source_id,
        stage_name,
        is_closed_stage,
        primary_user_source_id,
        primary_agent_id,
        price_amount
    from numbered
    order by fub_account_id, deal_source_id, stay_number, seen_at desc
),

entered as (
    select
        *,
        case when is_entry_told then entered_stage_at else seen_at end as entered_at
    from stays
),

followed as (
    select
        *,
        lead(entered_at) over deals as next_entered_at,
        lead(seen_at) over deals as next_seen_at,
        lead(is_on_board) over deals as is_next_on_board,
        lead(off_board_reason) over deals as next_reason
    from entered
    window deals as (
        partition by fub_account_id, deal_source_id order by stay_number
    )
),

-- when a deal was archived or deleted is not told: it is when that was seen
ended as (
    select
        *,
        case
            when next_seen_at is not null then
                greatest(
                    entered_at,
                    case
                        when is_next_on_board then next_entered_at
                        else next_seen_at
                    end
                )
        end as left_at
    from followed
    where is_on_board
),

final as (
    select
        -- ids
        ended.fub_account_id,
        ended.deal_source_id,
        row_number() over (
            partition by ended.fub_account_id, ended.deal_source_id
            order by ended.stay_number
        ) as stay_number,
        shown.pipeline_source_id,
        shown.stage_source_id,
        shown.primary_user_source_id,
        shown.primary_agent_id,

        -- strings
        shown.deal_name,
        shown.pipeline_name,
        shown.stage_name,
        case when ended.is_entry_told then 'vendor' else 'snapshot' end as provenance,
        case
            when ended.is_next_on_board then 'moved'
            else ended.next_reason
        end as exit_reason,

        -- numerics
        shown.price_amount,
        (
            extract(
                epoch from coalesce(ended.left_at, {{ as_of() }}) - ended.entered_at
            ) / 86400
        )::numeric(12, 4) as days_in_stage,

        -- booleans
        shown.is_closed_stage,
        ended.next_seen_at is null as is_current,

        -- dates
        ended.entered_at,
        ended.left_at,
        ended.seen_at as entry_seen_at,
        ended.next_seen_at as exit_seen_at
    from ended
    inner join shown
        on
            ended.fub_account_id = shown.fub_account_id
            and ended.deal_source_id = shown.deal_source_id
            and ended.stay_number = shown.stay_number
)

select * from final
