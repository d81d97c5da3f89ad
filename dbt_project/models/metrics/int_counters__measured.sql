with

agent_production as (
    select
        agent_id,
        currency,
        sum(closed_units) as closed_units,
        {%- for measure in ["volume_amount", "gci_amount", "net_payout_amount"] %}
        sum({{ measure }}) as {{ measure }},
        coalesce(
            sum({{ measure }}) filter (where {{ in_current_year("period_month") }}), 0
        ) as {{ measure }}_ytd,
        {%- endfor %}
        coalesce(
            sum(closed_units) filter (where {{ in_current_year("period_month") }}), 0
        ) as closed_units_ytd,
        sum(pending_units) as pending_units,
        sum(terminated_units) as terminated_units
    from {{ ref("agent_production") }}
    group by agent_id, currency
),

team_production as (
    select * from {{ ref("int_teams__measured") }}
),

agent_listings as (
    select
        owner_agent_id,
        listing_status,
        count(*) as listings
    from {{ ref("listing") }}
    group by owner_agent_id, listing_status
),

team_listings as (
    select
        team_id,
        listing_status,
        count(*) as listings
    from {{ ref("listing") }}
    group by team_id, listing_status
),

network_sizes as (
    select
        owner_agent_id,
        tier,
        active_members as network_members_active,
        all_members as network_members
    from {{ ref("network_size") }}
),

team_sizes as (
    select
        team_id,
        team_role,
        count(*) filter (where is_active) as team_members_active,
        count(*) as team_members
    from {{ ref("team_member") }}
    group by team_id, team_role
),

-- contacts belong to an account: each of its users counts them all
contacts as (
    select
        coalesce(users.agent_id, users.agent_key) as agent_id,
        count(*) filter (where not people.is_trashed) as contacts,
        count(*) filter (where people.is_trashed) as contacts_in_trash
    from {{ ref("app_user") }} as users
    inner join {{ ref("fub_person") }} as people
        on users.fub_account_id = people.fub_account_id
    group by coalesce(users.agent_id, users.agent_key)
),

revenue_share as (
    select
        receiving_agent_id,
        currency,
        sum(total_amount) as revenue_share_amount,
        sum(ytd_amount) as revenue_share_amount_ytd,
        sum(pending_amount) as revenue_share_pending_amount
    from {{ ref("revshare_totals") }}
    group by receiving_agent_id, currency
),

caps as (
    select
        agent_id,
        currency,
        cap_paid_amount,
        cap_remaining_amount
    from {{ ref("agent_cap") }}
    where is_current
),

final as (
    {{ counters(
        "agent_production", "agent", "agent_id",
        [
            "closed_units", "closed_units_ytd", "pending_units", "terminated_units",
            "volume_amount", "volume_amount_ytd", "gci_amount", "gci_amount_ytd",
            "net_payout_amount", "net_payout_amount_ytd",
        ],
        currency="rows_of.currency",
    ) }}
    union all
    {{ counters(
        "team_production", "team", "team_id",
        [
            "closed_units", "closed_units_ytd", "pending_units", "terminated_units",
            "volume_amount", "volume_amount_ytd", "gci_amount", "gci_amount_ytd",
        ],
        currency="rows_of.currency",
    ) }}
    union all
    {{ counters(
        "agent_listings", "agent", "owner_agent_id", ["listings"],
        dimension="rows_of.listing_status",
    ) }}
    union all
    {{ counters(
        "team_listings", "team", "team_id", ["listings"],
        dimension="rows_of.listing_status",
    ) }}
    union all
    {{ counters(
        "network_sizes", "agent", "owner_agent_id",
        ["network_members_active", "network_members"],
        dimension="'TIER_' || rows_of.tier",
    ) }}
    union all
    {{ counters(
        "team_sizes", "team", "team_id", ["team_members_active", "team_members"],
        dimension="rows_of.team_role",
    ) }}
    union all
    {{ counters(
        "contacts", "agent", "agent_id", ["contacts", "contacts_in_trash"],
    ) }}
    union all
    {{ counters(
        "revenue_share", "agent", "receiving_agent_id",
        [
            "revenue_share_amount", "revenue_share_amount_ytd",
            "revenue_share_pending_amount",
        ],
        currency="rows_of.currency",
    ) }}
    union all
    {{ counters(
        "caps", "agent", "agent_id", ["cap_paid_amount", "cap_remaining_amount"],
        currency="rows_of.currency",
    ) }}
)

select * from final
