with

versions as (
    select
        transaction_id as deal_id,
        false as is_listing,
        dbt_valid_from
    from {{ ref("snap_transaction") }}

    union all

    select
        listing_id as deal_id,
        true as is_listing,
        dbt_valid_from
    from {{ ref("snap_listing") }}
),

final as (
    select
        deal_id,
        is_listing,
        min(dbt_valid_from) as first_seen_at
    from versions
    group by deal_id, is_listing
)

select * from final
