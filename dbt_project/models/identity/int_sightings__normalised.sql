with

gathered as (
    {% for vendor in ["rezen", "skyslope", "files", "qualia", "fub", "dotloop"] %}
    select
        {{ loop.index }} as vendor_rank,
        *
    from {{ ref("int_" ~ vendor ~ "__sighted") }}
    {{ "union all" if not loop.last }}
    {% endfor %}
),

states as (
    select * from {{ ref("state_province") }}
),

statuses as (
    select * from {{ ref("vendor_deal_status") }}
),

rezen_deals as (
    select * from {{ ref("int_deals__classified") }}
),

{{ street_keys("gathered") }},

-- a placeholder of a state writes it by code, by name or in the vendor's key
state_spellings as (
    select
        state_code,
        country,
        state_code as spelling
    from states
    union
    select
        state_code,
        country,
        state_key as spelling
    from states
),

normalised as (
    select
        gathered.vendor || ':' || gathered.source_id as sighting_id,
        gathered.*,
        case when gathered.is_listing then 'listing' else 'transaction' end
            as deal_kind,
        street_keys.street_key,
        street_keys.street_number,
        coalesce({{ unit_key("gathered.unit") }}, street_keys.unit_in_street)
            as unit_key,
        {{ city_key("gathered.city") }} as city_key,
        {{ postal_key("gathered.postal_code") }} as postal_key,
        state_spellings.state_code,
        state_spellings.country,
        nullif(concat_ws(',', gathered.agent_emails, gathered.agent_ids), '')
            as agent_keys,
        coalesce(
            rezen_deals.lifecycle_group,
            statuses.lifecycle_group,
            case when gathered.actual_closing_date is not null then 'CLOSED' end,
            'UNKNOWN'
        ) as lifecycle_group,
        coalesce(
            rezen_deals.conformed_status, statuses.display_status,
            gathered.vendor_status, 'Unknown'
        ) as deal_status
    from gathered
    left join street_keys on gathered.street = street_keys.street
    left join state_spellings
        on {{ state_key("gathered.state") }} = state_spellings.spelling
    left join rezen_deals
        on gathered.vendor = 'rezen' and gathered.source_id = rezen_deals.deal_source_id
    left join statuses
        on
            gathered.vendor = statuses.vendor
            and lower(gathered.vendor_status) = statuses.vendor_status
            and statuses.deal_kind
            = case when gathered.is_listing then 'listing' else 'transaction' end
)

select * from normalised
