{{ config(**kept_by_key(["address_id"], indexes=[])) }}

{%- set seeds = {
    "state_province": ["state_code", "state_name", "state_key", "country"],
    "state_geo": ["state_code", "country", "latitude", "longitude"],
    "city_geo": ["city_key", "state_code", "latitude", "longitude"],
    "street_word": ["word", "canonical_word", "word_kind"],
} %}

with

deals as (
    select * from {{ ref("int_deals__unified") }}
),

participants as (
    select * from {{ ref("int_participants__parsed") }}
),

states as (
    select * from {{ ref("state_province") }}
),

-- counted deals that reZEN does not know have addresses, too
outside as (
    select
        {{ deal_address("deals") }} as address,
        deals.updated_at
    from {{ ref("deal") }} as deals
    where not deals.is_in_rezen and {{ counts_deals_outside_rezen() }}
),

state_geo as (
    select * from {{ ref("state_geo") }}
),

city_geo as (
    select * from {{ ref("city_geo") }}
),

sighted as (
    select
        {{ address_hash("address") }} as address_id,
        address,
        updated_at,
        synced_at
    from deals
    where jsonb_typeof(address) = 'object'

    union all

    select
        address_id,
        address,
        updated_at,
        synced_at
    from participants
    where address_id is not null

    union all

    select
        {{ address_hash("address") }} as address_id,
        address,
        updated_at,
        '-infinity'::timestamptz as synced_at
    from outside
),

made_with as (
    select
        hashtextextended({{ made_by() }}, 0)
        {%- for seed, columns in seeds.items() %}
        + (
            select sum(hashtextextended(concat_ws('|', {{ columns | join(", ") }}), 0))
            from {{ ref(seed) }}
        )
        {%- endfor %} as project_version
),

-- another sighting of an address, or one that has changed, gives it another number
versions as (
    select
        sighted.address_id,
        max(sighted.synced_at) as synced_at,
        sum(
            hashtextextended(
                concat_ws(
                    '|', sighted.address,
                    date_part('epoch', sighted.updated_at),
                    date_part('epoch', sighted.synced_at)
                ),
                0
            )
        ) + max(made_with.project_version) as sightings_version
    from sighted
    cross join made_with
    group by sighted.address_id
),
{%- if is_incremental() %}

built as (
    select
        address_id,
        sightings_version
    from {{ this }}
),

changed as (
    select coalesce(versions.address_id, built.address_id) as address_id
    from versions
    full outer join built on versions.address_id = built.address_id
    where versions.sightings_version is distinct from built.sightings_version
),
{%- endif %}

keyed as (
    select
        sighted.address_id,
        {{ json_text("sighted.address", "street") }} as street,
        {{ json_text("sighted.address", ["unit", "street2"]) }} as unit,
        {{ json_text("sighted.address", "city") }} as city,
        {{ json_text("sighted.address", "county") }} as county,
        {{ json_text("sighted.address", ["state", "stateOrProvince"]) }}
            as state_as_sent,
        {{ state_key(json_text("sighted.address", ["state", "stateOrProvince"])) }}
            as state_key,
        {{ json_text("sighted.address", ["zip", "zipCode", "zipcode"]) }} as zip,
        {{ json_text("sighted.address", "country") }} as country_as_sent,
        {{ json_text("sighted.address", "oneLine") }} as one_line,
        sighted.updated_at
    from sighted
    {{- only_changed("sighted", ["address_id"]) }}
),

latest as (
    select distinct on (address_id) *
    from keyed
    order by
        address_id, (one_line is null), updated_at desc nulls last, one_line, street,
        county, country_as_sent
),

{{ street_keys("latest") }},

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
        ) as one_line,

        -- the same place in the spelling that addresses are compared by
        initcap(street_keys.street_key) as normalised_street,
        street_keys.street_number,
        coalesce({{ unit_key("latest.unit") }}, street_keys.unit_in_street) as unit_key,
        {{ city_key("latest.city") }} as city_key,
        {{ postal_key("latest.zip") }} as postal_key
    from latest
    left join states on latest.state_key in (states.state_key, states.state_code)
    left join street_keys on latest.street = street_keys.street
),

final as (
    select
        normalised.*,
        coalesce(city_geo.latitude, state_geo.latitude) as latitude,
        coalesce(city_geo.longitude, state_geo.longitude) as longitude,
        case
            when city_geo.latitude is not null then 'city'
            when state_geo.latitude is not null then 'state'
        end as geo_provenance,
        versions.sightings_version,
        versions.synced_at
    from normalised
    left join city_geo
        on
            normalised.city_key = city_geo.city_key
            and normalised.state_code = city_geo.state_code
    left join state_geo
        on
            normalised.state_code = state_geo.state_code
            and normalised.country = state_geo.country
    inner join versions on normalised.address_id = versions.address_id
)

{{ kept_rows("final", ["address_id"]) }}
