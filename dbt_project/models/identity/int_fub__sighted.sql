with

deals as (
    select * from {{ ref("fub_deal") }}
    where not is_deleted
),

connections as (
    select distinct on (fub_account_id)
        fub_account_id,
        connection_id
    from {{ ref("connection") }}
    where fub_account_id is not null
    order by fub_account_id, connection_id
),

deal_users as (
    select * from {{ ref("stg_fub__deal_users") }}
),

crosswalk as (
    select * from {{ ref("agent_crosswalk") }}
    where vendor = 'fub'
),

account_connections as (
    select
        fub_account_id,
        connection_id
    from {{ ref("connection") }}
    where fub_account_id is not null
),

agents as (
    select
        account_connections.fub_account_id,
        deal_users.deal_source_id,
        array_remove(array_agg(distinct crosswalk.email), null) as agent_emails,
        array_remove(array_agg(distinct crosswalk.agent_id), null) as agent_ids
    from deal_users
    inner join account_connections
        on deal_users.connection_id = account_connections.connection_id
    inner join crosswalk
        on
            account_connections.fub_account_id = crosswalk.account_source_id
            and deal_users.user_source_id = crosswalk.person_source_id
    group by account_connections.fub_account_id, deal_users.deal_source_id
),

-- people write "12 Main St, Provo — Sample": what stands before the dash is the address
named as (
    select
        deals.*,
        btrim(split_part(parts.place, ',', 1)) as street_text,
        nullif(btrim(split_part(parts.place, ',', 2)), '') as city_text
    from deals
    cross join
        lateral regexp_replace(deals.deal_name, '\s+[—–|-]\s+.*$', '')
            as parts (place)
),

final as (
    select
        {{ deal_sighting("fub", {
            "account_source_id": "named.fub_account_id",
            "source_id": "substr(named.fub_account_id, 5) || ':' || named.deal_source_id",
            "connection_id": "connections.connection_id",
            "is_listing": "false",
            "street": "case
                when named.street_text ~ '^[0-9]+[a-zA-Z]?\s+\S' then named.street_text
            end",
            "city": "case
                when named.city_text !~ '[0-9]' then named.city_text
            end",
            "price_amount": "named.price_amount",
            "gross_commission_amount": "named.commission_amount",
            "estimated_closing_date": "named.projected_close_date",
            "actual_closing_date":
                "case when named.is_closed_stage then named.projected_close_date end",
            "agent_emails": "agents.agent_emails",
            "agent_ids": "agents.agent_ids",
            "vendor_status":
                "case when named.is_closed_stage then 'Closed' else named.stage_name end",
            "can_stand_alone": "named.is_closed_stage",
            "created_at": "named.created_at",
            "updated_at": "named.entered_stage_at",
        }) }}
    from named
    left join connections on named.fub_account_id = connections.fub_account_id
    left join agents
        on
            named.fub_account_id = agents.fub_account_id
            and named.deal_source_id = agents.deal_source_id
)

select * from final
