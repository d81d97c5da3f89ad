with

source as (
    select * from {{ ref("stg_lofty__leads") }}
),

renamed as (
    select
        -- ids
        source.connection_id,
        source.lead_source_id,
        elements.position as attribute_position,

        -- strings
        {{ json_text('elements.item', 'attributeName') }} as field_name,
        {{ json_text('elements.item', 'attributeType') }} as field_type,
        {{ json_text('elements.item', 'value') }} as attribute_value,

        -- numerics
        case
            when
                elements.item
                ->> 'attributeType' in ('number', 'percentage', 'currency')
                then {{ json_numeric('elements.item', 'value') }}
        end as attribute_figure,

        -- loading
        source.synced_at
    from source
    cross join
        lateral {{ json_elements("source.custom_attributes") }}
        with ordinality as elements (item, position)
)

select * from renamed
