with

users as (
    {{ newest_copy("stg_qualia__users", "user_source_id") }}
),

team as (
    {{ of_orders("stg_qualia__settlement_team") }}
),

orders as (
    select * from {{ ref("title_order") }}
),

emails as (
    select
        email,
        min(user_source_id) as user_source_id
    from users
    where email is not null
    group by email
    having count(*) = 1
),

-- staff without an id are told by e-mail, then by name
worked as (
    select
        coalesce(
            team.user_source_id,
            emails.user_source_id,
            'email:' || team.email,
            'name:' || {{ name_key("concat_ws(' ', team.first_name, team.last_name)") }}
        ) as user_key,
        team.*,
        orders.opened_at
    from team
    inner join orders on team.title_order_id = orders.title_order_id
    left join emails on team.email = emails.email
),

staff as (
    select
        user_key,
        {{ latest_value("user_source_id", "opened_at") }} as user_source_id,
        {{ latest_value("first_name", "opened_at") }} as first_name,
        {{ latest_value("last_name", "opened_at") }} as last_name,
        {{ latest_value("email", "opened_at") }} as email,
        array_agg(distinct team_role) filter (where team_role is not null)
            as team_roles,
        count(distinct title_order_id) as order_count,
        max(opened_at) as last_order_opened_at
    from worked
    where user_key <> 'name:'
    group by user_key
),

final as (
    select
        -- ids
        {{ our_id("qualia", "coalesce(users.user_source_id, staff.user_key)") }}
            as title_user_id,
        coalesce(users.user_source_id, staff.user_source_id) as user_source_id,

        -- strings
        staff.first_name,
        staff.last_name,
        coalesce(users.email, staff.email) as email,
        staff.team_roles,

        -- numerics
        coalesce(staff.order_count, 0) as order_count,

        -- booleans
        users.user_source_id is not null as has_login,

        -- dates
        staff.last_order_opened_at
    from users
    full outer join staff on users.user_source_id = staff.user_key
)

select * from final
