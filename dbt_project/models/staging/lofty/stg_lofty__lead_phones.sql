with

source as (
    select * from {{ ref("stg_lofty__leads") }}
),

renamed as (
    select
        -- ids
        source.connection_id,
        source.lead_source_id,
        elements.position as phone_position,

        -- strings
        {{ present("elements.item #>> '{}'") }} as phone,
        nullif(regexp_replace(elements.item #>> '{}', '[^0-9]', '', 'g'), '')
            as phone_digits,
        case source.phone_statuses ->> (elements.position - 1)::int
            when '1' then 'invalid'
            when '2' then 'valid'
            when '3' then 'talked'
            when '4' then 'do_not_call_number'
            when '5' then 'do_not_call_contact'
        end as phone_status,

        -- booleans
        source.is_call_forbidden,
        source.is_text_forbidden,

        -- loading
        source.synced_at
    from source
    cross join
        lateral {{ json_elements("source.phones") }}
        with ordinality as elements (item, position)
    where {{ present("elements.item #>> '{}'") }} is not null
)

select * from renamed
