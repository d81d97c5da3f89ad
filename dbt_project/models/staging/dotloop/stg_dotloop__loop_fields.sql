with

source as (
    select * from {{ ref("stg_dotloop__loops") }}
),

sections as (
    select
        source.connection_id,
        source.profile_source_id,
        source.loop_source_id,
        source.source_system,
        source.synced_at,
        members.section_label,
        members.fields
    from source
    cross join
        lateral jsonb_each(
            case when jsonb_typeof(source.details) = 'object' then source.details end
        ) as members (section_label, fields)
    where jsonb_typeof(members.fields) = 'object'
),

renamed as (
    select
        -- ids
        sections.connection_id,
        sections.profile_source_id,
        sections.loop_source_id,
        sections.section_label,
        members.field_label,

        -- strings
        sections.source_system,
        {{ present('members.field_text') }} as field_text,

        -- loading
        sections.synced_at
    from sections
    cross join
        lateral jsonb_each_text(
            -- a condition of the query may be tested later than this is read
            case when jsonb_typeof(sections.fields) = 'object' then sections.fields end
        ) as members (field_label, field_text)
)

select * from renamed
