with

source as (
    {{ live_rows("dotloop", "participants") }}
),

renamed as (
    select
        -- ids
        connection_id,
        {{ present('profile_id') }} as profile_source_id,
        {{ present('loop_id') }} as loop_source_id,
        {{ present('id') }} as participant_source_id,

        -- strings
        'dotloop' as source_system,
        {{ present('full_name') }} as full_name,
        lower({{ present('email') }}) as email,
        {{ present('role') }} as role_name,
        {{ present('phone') }} as phone,
        {{ json_text('labels', 'cell phone') }} as cell_phone,
        {{ json_text('labels', 'company name') }} as company,
        {{ json_text('labels', 'license number') }} as license_number,
        {{ json_text('labels', 'street number') }} as street_number,
        {{ json_text('labels', 'street name') }} as street_name,
        {{ json_text('labels', 'unit number') }} as unit,
        {{ json_text('labels', 'city') }} as city,
        {{ json_text('labels', 'state/prov') }} as state,
        {{ json_text('labels', 'zip/postal code') }} as postal_code,
        {{ json_text('labels', 'country') }} as country,

        -- json
        labels,

        -- loading
        _synced_at as synced_at
    from source
)

select * from renamed
