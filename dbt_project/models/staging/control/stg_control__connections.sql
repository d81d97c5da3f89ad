with

source as (
    select * from {{ source("control", "connections") }}
),

renamed as (
    select
        -- ids
        connection_id,
        agent_key,
        {{ present("account_source_id") }} as account_source_id,

        -- strings
        vendor,
        status as connection_status,
        {{ present("account_label") }} as account_label,
        {{ present("account_role") }} as account_role,

        -- dates
        verified_at,
        created_at
    from source
)

select * from renamed
