with

source as (
    select * from {{ ref("stg_fub__appointments") }}
),

renamed as (
    select
        -- ids
        source.connection_id,
        source.appointment_source_id,
        elements.position as invitee_number,
        {{ foreign_id("(elements.item ->> 'userId')") }} as user_source_id,
        {{ foreign_id("(elements.item ->> 'personId')") }} as person_source_id,

        -- strings
        {{ json_text("elements.item", "name") }} as invitee_name,
        lower({{ json_text("elements.item", "email") }}) as invitee_email,

        -- loading
        source.synced_at
    from source
    cross join
        lateral {{ json_elements("source.invitees") }}
        with ordinality as elements (item, position)
    where jsonb_typeof(elements.item) = 'object'
)

select * from renamed
