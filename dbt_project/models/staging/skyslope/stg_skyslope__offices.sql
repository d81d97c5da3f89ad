with

source as (
    {{ live_rows("skyslope", "offices") }}
),

renamed as (
    select
        -- ids
        connection_id,
        {{ present('office_guid') }} as office_source_id,

        -- strings
        {{ present('office_name') }} as office_name,

        -- loading
        _synced_at as synced_at
    from source
)

select * from renamed
