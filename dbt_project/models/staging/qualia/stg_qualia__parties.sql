with

source as (
    {{ live_rows("qualia", "parties") }}
),

renamed as (
    select
        -- ids
        connection_id,
        {{ present('order_id') }} as order_source_id,
        {{ present('kind') }} as party_kind,
        {{ present('position') }} as party_position,
        {{ present('party_id') }} as party_source_id,

        -- strings
        {{ present('party_type') }} as party_type,
        case
            when party_type = 'OrderAssociate' and kind <> 'sourceOfBusiness'
                then split_part(position, '.', 1)
        end as company_position,
        {{ present('name') }} as party_name,
        {{ present('first_name') }} as first_name,
        {{ present('middle_name') }} as middle_name,
        {{ present('last_name') }} as last_name,
        {{ present('suffix') }} as suffix,
        {{ present('job_title') }} as job_title,
        lower({{ present('email') }}) as email,
        {{ present('phone') }} as phone,
        {{ present('cell_phone') }} as cell_phone,
        {{ present('fax') }} as fax,
        {{ present('type') }} as company_type,
        {{ present("(manual_entry #>> '{}')") }} as manual_entry,
        {{ present('national_license_id') }} as national_license_number,
        {{ address_columns('coalesce(primary_address, current_address)', '') }},

        -- json
        state_license_ids,
        mailing_address,
        forwarding_address,

        -- loading
        _synced_at as synced_at
    from source
)

select * from renamed
