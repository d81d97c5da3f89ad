with

source as (
    {{ live_rows("stripe", "products") }}
),

renamed as (
    select
        -- ids
        connection_id,
        {{ present('id') }} as product_source_id,
        {{ present('default_price') }} as default_price_source_id,

        -- strings
        {{ present('name') }} as product_name,
        {{ present('description') }} as product_description,
        {{ present('type') }} as product_type,
        {{ present('unit_label') }} as unit_label,
        {{ present('statement_descriptor') }} as statement_descriptor,
        {{ present('url') }} as product_url,

        -- json
        marketing_features,
        metadata,

        -- booleans
        active as is_active,
        livemode as is_live,

        -- dates
        created as created_at,
        updated as updated_at,

        -- loading
        _synced_at as synced_at
    from source
)

select * from renamed
