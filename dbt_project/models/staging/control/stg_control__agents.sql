with

source as (
    select * from {{ source("control", "agents") }}
),

renamed as (
    select
        -- ids
        agent_key,
        {{ present("rezen_agent_id") }} as rezen_agent_source_id,

        -- strings
        {{ present("display_name") }} as display_name,
        {{ present("email") }} as email,
        {{ present("referral_code") }} as referral_code,
        status as agent_key_status,

        -- booleans
        coalesce(is_demo, false) as is_demo,

        -- dates
        created_at,
        updated_at
    from source
)

select * from renamed
