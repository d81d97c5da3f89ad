{%- set person = {
    "first_name": "first_name", "last_name": "last_name", "email": "email_address",
    "phone": "phone_number", "agent_status": "member_status", "join_date": "join_date",
    "anniversary_date": "anniversary_date", "updated_at": "updated_at",
} -%}

with

sightings as (
    {{ agent_sighting(
        "own_account", 1, ref("stg_rezen__agents"),
        "agent_source_id", {
            "first_name": "first_name", "last_name": "last_name",
            "full_name": "coalesce(full_name, display_name)",
            "email": "email_address", "phone": "phone_number",
            "agent_status": "agent_status", "account_country": "account_country",
            "join_date": "join_date", "anniversary_date": "anniversary_date",
            "updated_at": "updated_at",
        },
    ) }}
    union all
    {{ agent_sighting(
        "team_roster", 2, ref("stg_rezen__team_members"),
        "agent_source_id", {
            "first_name": "first_name", "last_name": "last_name",
            "full_name": "full_name", "email": "email_address",
            "phone": "phone_number", "agent_status": "agent_status",
            "account_country": "account_country", "join_date": "join_date",
            "updated_at": "updated_at",
        },
    ) }}
    union all
    {{ agent_sighting(
        "front_line", 3, ref("stg_rezen__front_line_agents"),
        "member_source_id", person,
    ) }}
    union all
    {{ agent_sighting(
        "down_line", 4, ref("stg_rezen__down_line_agents"),
        "member_source_id", person,
    ) }}
    union all
    {{ agent_sighting(
        "sponsor_tree", 5, ref("stg_rezen__sponsors"),
        "sponsor_source_id", {
            "first_name": "first_name", "last_name": "last_name",
            "agent_status": "sponsor_status", "updated_at": "synced_at",
        },
    ) }}
    union all
    {{ agent_sighting(
        "deal", 6, ref("participant"),
        "agent_source_id", {
            "first_name": "first_name", "last_name": "last_name",
            "email": "email_address", "phone": "phone_number",
            "updated_at": "coalesce(updated_at, created_at)",
        },
    ) }}
    union all
    {{ agent_sighting(
        "revenue_share", 7, ref("stg_rezen__revshare_payment_contributions"),
        "contributor_source_id", {"full_name": "contributor_name"},
    ) }}
    union all
    {{ agent_sighting(
        "revenue_share", 7, ref("stg_rezen__revshare_pending_contributions"),
        "contributor_source_id", {"full_name": "contributor_name"},
    ) }}
    union all
    {{ agent_sighting(
        "revenue_share", 7, ref("stg_rezen__revshare_contributors"),
        "contributor_source_id", {"full_name": "contributor_name"},
    ) }}
    union all
    {{ agent_sighting(
        "reference", 8, ref("int_deals__unified"),
        "owner_source_id", {},
    ) }}
    union all
    {{ agent_sighting(
        "reference", 8, ref("stg_rezen__down_line_agents"),
        "sponsor_source_id", {},
    ) }}
    union all
    {{ agent_sighting(
        "reference", 8, ref("stg_rezen__front_line_agents"),
        "sponsor_source_id", {},
    ) }}
    union all
    {{ agent_sighting(
        "reference", 8, ref("stg_rezen__commission_splits"),
        "agent_source_id", {},
    ) }}
    union all
    {{ agent_sighting(
        "reference", 8, ref("stg_rezen__paid_participants"),
        "agent_source_id", {},
    ) }}
),

-- an agent is on many deals and in many down-lines: the latest of each place is enough
latest_per_place as (
    select distinct on (agent_source_id, priority) *
    from sightings
    order by
        agent_source_id, priority, updated_at desc nulls last, full_name, last_name,
        first_name, email
)

select * from latest_per_place
