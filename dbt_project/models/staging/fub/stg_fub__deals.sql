with

source as (
    {{ live_rows("fub", "deals") }}
),

renamed as (
    select
        -- ids
        connection_id,
        {{ present('id') }} as deal_source_id,
        {{ foreign_id('pipeline_id') }} as pipeline_source_id,
        {{ foreign_id('stage_id') }} as stage_source_id,

        -- strings
        {{ present('name') }} as deal_name,
        {{ present('status') }} as deal_status,
        {{ present('pipeline_name') }} as pipeline_name,
        {{ present('stage_name') }} as stage_name,

        -- json
        people,
        users,
        _custom as custom_fields,

        -- numerics
        price as price_amount,
        commission_value as commission_amount,
        agent_commission as agent_commission_amount,
        team_commission as team_commission_amount,
        time_to_close as days_to_close,

        -- dates
        projected_close_date,
        created_at,
        entered_stage_at,

        -- loading
        _synced_at as synced_at
    from source
)

select * from renamed
