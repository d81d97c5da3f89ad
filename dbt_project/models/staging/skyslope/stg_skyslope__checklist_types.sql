with

source as (
    {{ live_rows("skyslope", "checklist_types") }}
),

renamed as (
    select
        -- ids
        connection_id,
        {{ present('checklist_type_id') }} as checklist_type_source_id,

        -- strings
        lower(transaction_type) as file_kind,
        {{ present('checklist_type_name') }} as checklist_type_name,

        -- loading
        _synced_at as synced_at
    from source
)

select * from renamed
