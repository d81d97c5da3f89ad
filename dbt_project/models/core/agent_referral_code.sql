with

users as (
    select * from {{ ref("stg_control__agents") }}
    where referral_code is not null and rezen_agent_source_id is not null
),

final as (
    select
        -- ids
        {{ our_id("rezen", "rezen_agent_source_id") }} as agent_id,
        agent_key,

        -- strings
        referral_code,

        -- booleans
        referral_code ~ '^[a-z0-9]{7}$' as has_usual_form,

        -- dates
        updated_at
    from users
)

select * from final
