with

deals as (
    select * from {{ ref("int_deals__unified") }}
),

participants as (
    select * from {{ ref("stg_rezen__participants") }}
),

states as (
    select * from {{ ref("state_province") }}
),

sighted as (
    select
        address,
        updated_at
    from deals
    where jsonb_typeof(address) = 'object'

    union all

    select
        address,
        updated_at
    from participants
    where jsonb_typeof(address) = 'object'
),

keyed as (
    select
        {{ address_hash("address") }} as address_id,
        {{ json_text("address", "street") }} as street,
        {{ json_text("address", ["unit", "street2"]) }} as unit,
        {{ json_text("address", "city") }} as city,
        {{ json_text("address", "county") }} as county,
        {{ json_text("address", ["state", "stateOrProvince"]) }} as state_as_sent,
        {{ state_key(json_text("address", ["state", "stateOrProvince"])) }}
            as state_key,
        {{ json_text("address", ["zip", "zipCode", "zipcode"]) }} as zip,
        {{ json_text("address", "country") }} as country_as_sent,
        {{ json_text("address", "oneLine") }} as one_line,
        updated_at
    from sighted
),

latest as (
    select distinct on (address_id) *
    from keyed
    order by
        address_id, (one_line is null), updated_at desc nulls last, one_line, street,
        county, country_as_sent
),

normalised as (
    select
        latest.address_id,
        latest.street,
        latest.unit,
        latest.city,
        latest.county,
        states.state_code,
        coalesce(states.state_name, latest.state_as_sent) as state_name,
        latest.zip,
        coalesce(states.country, latest.country_as_sent) as country,
        coalesce(
            latest.one_line,
            concat_ws(
                ', ',
                latest.street,
                latest.unit,
                latest.city,
                concat_ws(
                    ' ', coalesce(states.state_code, latest.state_key), latest.zip
                )
            )
        ) as one_line
    from latest
    left join states on latest.state_key in (states.state_key, states.state_code)
)

select * from normalised
