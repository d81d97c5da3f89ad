with

source as (
    select * from {{ ref("stg_lofty__leads") }}
),

renamed as (
    select
        -- ids
        source.connection_id,
        source.lead_source_id,
        elements.position as member_position,

        -- strings
        {{ json_text('elements.item', 'relationship') }} as relationship,
        {{ json_text('elements.item', 'firstName') }} as first_name,
        {{ json_text('elements.item', 'lastName') }} as last_name,

        -- json
        elements.item -> 'phones' as phones,
        elements.item -> 'emails' as emails,

        -- loading
        source.synced_at
    from source
    cross join
        lateral {{ json_elements("source.lead_family_member_list") }}
        with ordinality as elements (item, position)
)

select * from renamed
