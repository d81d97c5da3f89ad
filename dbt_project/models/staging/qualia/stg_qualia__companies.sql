with

source as (
    {{ live_rows("qualia", "companies") }}
),

renamed as (
    select
        -- ids
        connection_id,
        {{ present('id') }} as company_source_id,

        -- strings
        {{ present('name') }} as company_name,
        upper({{ present('type') }}) as company_type,
        lower({{ present('email') }}) as email,
        {{ present('phone') }} as phone,
        {{ present('national_license_id') }} as national_license_number,
        {{ address_columns('primary_address', '') }},
        {{ address_columns('mailing_address', 'mailing_') }},

        -- json
        state_license_ids,

        -- loading
        _synced_at as synced_at
    from source
)

select * from renamed
