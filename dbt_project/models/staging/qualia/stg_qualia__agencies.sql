with

source as (
    {{ live_rows("qualia", "agencies") }}
),

renamed as (
    select
        -- ids
        connection_id,
        {{ present('id') }} as agency_source_id,

        -- strings
        {{ present('name') }} as agency_name,
        {{ present('branch_name') }} as branch_name,
        lower({{ present('email') }}) as email,
        {{ present('phone') }} as phone,
        {{ present('fax') }} as fax,

        -- json
        addresses,

        -- loading
        _synced_at as synced_at
    from source
)

select * from renamed
