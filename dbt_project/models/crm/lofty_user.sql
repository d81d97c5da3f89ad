{#- who records name: model, column with the id, column with the name -#}
{%- set sightings = [
    ("stg_lofty__members", "user_source_id", none),
    ("stg_lofty__accounts", "user_source_id", none),
    ("stg_lofty__leads", "assigned_user_source_id", "assigned_user_name"),
    ("stg_lofty__leads", "lender_user_source_id", none),
    ("stg_lofty__lead_roles", "assignee_user_source_id", "assignee_name"),
    ("stg_lofty__ponds", "owner_user_source_id", none),
    ("stg_lofty__pond_agents", "agent_user_source_id", none),
    ("stg_lofty__communications", "agent_user_source_id", none),
    ("stg_lofty__transactions", "assigned_user_source_id", "agent_name"),
    ("stg_lofty__tasks", "assigned_user_source_id", "assigned_user_name"),
    ("stg_lofty__notes", "creator_user_source_id", "creator_name"),
    ("stg_lofty__appointments", "assigned_user_source_id", none),
] -%}

with

tenants as (
    select * from {{ ref("int_tenants__identified") }}
),

members as (
    select * from {{ ref("lofty_member") }}
),

own_accounts as (
    select * from {{ ref("stg_lofty__accounts") }}
),

sighted as (
    {%- for model, id, name in sightings %}
    select distinct
        connection_id,
        {{ id }} as user_source_id,
        {{ name or "null::text" }} as user_name
    from {{ ref(model) }}
    where {{ id }} is not null
    {%- if not loop.last %}
    union
    {%- endif %}
    {%- endfor %}
),

seen as (
    select distinct
        tenants.lofty_account_id,
        sighted.user_source_id,
        sighted.user_name,
        {{ name_key("sighted.user_name") }} as name_key
    from sighted
    inner join tenants on sighted.connection_id = tenants.connection_id
),

candidates as (
    select
        lofty_account_id,
        user_source_id,
        member_source_id,
        1 as priority,
        'user_id' as matched_by
    from members
    where user_source_id is not null

    union all

    select
        tenants.lofty_account_id,
        own_accounts.user_source_id,
        own_accounts.member_source_id,
        2 as priority,
        'own_account' as matched_by
    from own_accounts
    inner join tenants on own_accounts.connection_id = tenants.connection_id
    where own_accounts.member_source_id is not null

    union all

    -- the list of members has short ids where records have long ones
    select
        seen.lofty_account_id,
        seen.user_source_id,
        min(members.member_source_id) as member_source_id,
        3 as priority,
        'name' as matched_by
    from seen
    inner join members
        on
            seen.lofty_account_id = members.lofty_account_id
            and seen.name_key = {{ name_key("members.member_name") }}
    group by seen.lofty_account_id, seen.user_source_id
    having count(distinct members.member_source_id) = 1
),

matched as (
    select distinct on (lofty_account_id, user_source_id) *
    from candidates
    order by lofty_account_id, user_source_id, priority, member_source_id
),

users as (
    select
        lofty_account_id,
        user_source_id,
        min(user_name) as user_name
    from seen
    group by lofty_account_id, user_source_id
),

final as (
    select
        -- ids
        users.lofty_account_id,
        users.user_source_id,
        matched.member_source_id,
        members.agent_id,

        -- strings
        coalesce(members.member_name, users.user_name) as user_name,
        matched.matched_by
    from users
    left join matched
        on
            users.lofty_account_id = matched.lofty_account_id
            and users.user_source_id = matched.user_source_id
    left join members
        on
            matched.lofty_account_id = members.lofty_account_id
            and matched.member_source_id = members.member_source_id
)

select * from final
