with

source as (
    {{ live_rows("dotloop", "merged_loops") }}
),

renamed as (
    select
        -- ids
        connection_id,
        {{ present('profile_id') }} as profile_source_id,
        {{ present('old_loop_id') }} as old_loop_source_id,
        {{ present('new_loop_id') }} as new_loop_source_id,

        -- strings
        'dotloop' as source_system,

        -- loading
        _synced_at as synced_at
    from source
)

select * from renamed
