with

latest as (
    {{ newest_copy("stg_qualia__agencies", "agency_source_id") }}
),

addresses as (
    select distinct on (connection_id, agency_source_id) *
    from {{ ref("stg_qualia__agency_addresses") }}
    order by connection_id, agency_source_id, address_position
),

final as (
    select
        -- ids
        {{ our_id("qualia", "latest.agency_source_id") }} as title_agency_id,
        latest.agency_source_id,

        -- strings
        latest.agency_name,
        latest.branch_name,
        latest.email,
        latest.phone,
        addresses.street,
        addresses.unit,
        addresses.city,
        addresses.county,
        addresses.state,
        addresses.postal_code
    from latest
    left join addresses
        on
            latest.connection_id = addresses.connection_id
            and latest.agency_source_id = addresses.agency_source_id
)

select * from final
