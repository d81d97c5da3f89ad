with

source as (
    {{ live_rows("files", "contacts") }}
),

renamed as (
    select
        -- ids
        connection_id,
        row_key as contact_key,
        {{ present('contact_id') }} as contact_source_id,

        -- strings
        coalesce(
            {{ present('name') }},
            {{ present("concat_ws(' ', first_name, last_name)") }}
        ) as contact_name,
        {{ present('first_name') }} as first_name,
        {{ present('last_name') }} as last_name,
        lower({{ present('email') }}) as email,
        {{ present('phone') }} as phone,
        {{ present('company') }} as company,
        {{ present('stage') }} as stage_name,
        {{ present('lead_source') }} as lead_source,
        {{ present('tags') }} as tags,
        {{ present('agent_name') }} as agent_name,
        {{ present('street') }} as street,
        {{ present('unit') }} as unit,
        {{ present('city') }} as city,
        {{ present('state') }} as state,
        {{ postal_code('postal_code', 'country') }} as postal_code,
        {{ present('country') }} as country,
        {{ currency_code('budget_currency') }} as budget_currency,

        -- json
        _extra as other_columns,

        -- numerics
        budget_amount,

        -- dates
        created_date,
        last_contact_date,

        -- loading
        _synced_at as synced_at
    from source
)

select * from renamed
