with

source as (
    select * from {{ ref("stg_lofty__leads") }}
),

renamed as (
    select
        -- ids
        source.connection_id,
        source.lead_source_id,
        elements.position as type_position,

        -- strings
        elements.item #>> '{}' as type_code,
        case elements.item #>> '{}'
            when '-1' then 'other'
            when '1' then 'seller'
            when '2' then 'buyer'
            when '5' then 'renter'
            when '6' then 'investor'
            when '7' then 'agent'
            when '8' then 'homeowner'
            when '9' then 'landlord'
        end as lead_type,

        -- loading
        source.synced_at
    from source
    cross join
        lateral {{ json_elements("source.lead_types") }}
        with ordinality as elements (item, position)
)

select * from renamed
