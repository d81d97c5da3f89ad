with

connections as (
    select * from {{ ref("connection") }}
),

registered as (
    select * from {{ ref("stg_control__connections") }}
),

product_users as (
    select
        'product' as vendor,
        'product' as account_source_id,
        agent_key as person_source_id,
        'user' as person_kind,
        display_name as person_name,
        email,
        {{ our_id("rezen", "rezen_agent_source_id") }} as known_agent_id,
        agent_key as known_agent_key,
        agent_key as seen_by
    from {{ ref("stg_control__agents") }}
),

fub_users as (
    select
        'fub' as vendor,
        connections.fub_account_id as account_source_id,
        users.user_source_id as person_source_id,
        'user' as person_kind,
        users.user_name as person_name,
        users.user_email as email,
        null::text as known_agent_id,
        case
            when users.user_source_id = identities.user_source_id
                then connections.agent_key
        end as known_agent_key,
        connections.agent_key as seen_by
    from {{ ref("stg_fub__users") }} as users
    inner join connections on users.connection_id = connections.connection_id
    left join {{ ref("stg_fub__identities") }} as identities
        on users.connection_id = identities.connection_id
),

skyslope_users as (
    select
        'skyslope' as vendor,
        coalesce(registered.account_source_id, users.connection_id)
            as account_source_id,
        lower(users.user_source_id) as person_source_id,
        'user' as person_kind,
        nullif(concat_ws(' ', users.first_name, users.last_name), '') as person_name,
        users.email,
        null::text as known_agent_id,
        null::text as known_agent_key,
        split_part(users.connection_id, ':', 1) as seen_by
    from {{ ref("stg_skyslope__users") }} as users
    left join registered on users.connection_id = registered.connection_id
),

dotloop_accounts as (
    select
        'dotloop' as vendor,
        connection_id as account_source_id,
        account_source_id as person_source_id,
        'account' as person_kind,
        nullif(concat_ws(' ', first_name, last_name), '') as person_name,
        email,
        null::text as known_agent_id,
        split_part(connection_id, ':', 1) as known_agent_key,
        split_part(connection_id, ':', 1) as seen_by
    from {{ ref("stg_dotloop__accounts") }}
),

-- participants have other numbers on every loop: the person is the address or the name
dotloop_participants as (
    select
        'dotloop' as vendor,
        connection_id as account_source_id,
        coalesce('email:' || email, 'name:' || {{ name_key("full_name") }})
            as person_source_id,
        'participant' as person_kind,
        full_name as person_name,
        email,
        null::text as known_agent_id,
        null::text as known_agent_key,
        split_part(connection_id, ':', 1) as seen_by
    from {{ ref("stg_dotloop__participants") }}
    where
        role_name in (
            'BUYING_AGENT', 'LISTING_AGENT', 'TENANT_AGENT', 'BUYING_BROKER',
            'LISTING_BROKER'
        )
        and coalesce(email, {{ name_key("full_name") }}) is not null
),

qualia_users as (
    select
        'qualia' as vendor,
        connection_id as account_source_id,
        user_source_id as person_source_id,
        'user' as person_kind,
        null::text as person_name,
        email,
        null::text as known_agent_id,
        null::text as known_agent_key,
        split_part(connection_id, ':', 1) as seen_by
    from {{ ref("stg_qualia__users") }}
),

qualia_associates as (
    select
        'qualia' as vendor,
        connection_id as account_source_id,
        party_source_id as person_source_id,
        'associate' as person_kind,
        coalesce(party_name, nullif(concat_ws(' ', first_name, last_name), ''))
            as person_name,
        email,
        null::text as known_agent_id,
        null::text as known_agent_key,
        split_part(connection_id, ':', 1) as seen_by
    from {{ ref("stg_qualia__parties") }}
    where
        party_kind in ('listingAgencies', 'sellingAgencies')
        and party_type = 'OrderAssociate'
        and party_source_id is not null
),

stripe_customers as (
    select
        'stripe' as vendor,
        connection_id as account_source_id,
        customer_source_id as person_source_id,
        'customer' as person_kind,
        customer_name as person_name,
        email,
        null::text as known_agent_id,
        user_source_id as known_agent_key,
        split_part(connection_id, ':', 1) as seen_by
    from {{ ref("stg_stripe__customers") }}
),

file_agents as (
    select
        'files' as vendor,
        connection_id as account_source_id,
        coalesce('email:' || agent_email, 'name:' || {{ name_key("agent_name") }})
            as person_source_id,
        'participant' as person_kind,
        agent_name as person_name,
        agent_email as email,
        null::text as known_agent_id,
        null::text as known_agent_key,
        split_part(connection_id, ':', 1) as seen_by
    from (
        select
            connection_id,
            agent_name,
            agent_email
        from {{ ref("stg_files__transactions") }}
        union all
        select
            connection_id,
            agent_name,
            agent_email
        from {{ ref("stg_files__listings") }}
    ) as imported
    where coalesce(agent_email, {{ name_key("agent_name") }}) is not null
),

combined as (
    {% for cte in [
        "product_users", "fub_users", "skyslope_users", "dotloop_accounts",
        "dotloop_participants", "qualia_users", "qualia_associates",
        "stripe_customers", "file_agents",
    ] %}
    select * from {{ cte }}
    {{ "union all" if not loop.last }}
    {% endfor %}
),

-- several connections show the same person
final as (
    select
        vendor,
        account_source_id,
        person_source_id,
        min(person_kind) as person_kind,
        min(person_name) as person_name,
        min(lower(email)) as email,
        min(known_agent_id) as known_agent_id,
        min(known_agent_key) as known_agent_key,
        string_agg(distinct seen_by, ',') as seen_by
    from combined
    group by vendor, account_source_id, person_source_id
)

select * from final
