{{ config(**kept_by_key(
    ["connection_id", "source_entity", "row_key"],
    row_key=["connection_id", "source_entity", "row_key", "participant_source_id"],
)) }}

{#- the raw table and the staging model of each kind of deal row -#}
{%- set deal_rows = {
    "transactions": "stg_rezen__transactions",
    "listings": "stg_rezen__listings",
    "transaction_list": "stg_rezen__transaction_list_rows",
    "listing_list": "stg_rezen__listing_list_rows",
} -%}
{#- what only an increment reads has to be known before it is known that it is one -#}
{%- do ref("stg_rezen__tombstones") -%}
{%- for model in deal_rows.values() %}{% do ref(model) %}{% endfor -%}

{%- set read_after = read_after("stg_rezen__sync_marks") -%}
{%- set is_made_otherwise = flags.FULL_REFRESH or (
    is_incremental()
    and run_query(
        "select 1 from (select made_by from " ~ this ~ " limit 1) as built where made_by <> "
        ~ made_by()
    ).rows | length > 0
) %}

with
{%- if is_incremental() %}

changed as (
    {%- for entity, model in deal_rows.items() %}
    select
        connection_id,
        '{{ entity }}' as source_entity,
        row_key
    from {{ ref(model) }}
    {%- if not is_made_otherwise %}
    where synced_at > {{ read_after }}
    {%- endif %}

    union
    {% endfor %}
    select
        connection_id,
        entity as source_entity,
        row_key
    from {{ ref("stg_rezen__tombstones") }}
    where
        entity in ('{{ deal_rows | join("', '") }}')
        and deleted_at > {{ read_after }}
    {%- if is_made_otherwise %}

    union

    select
        connection_id,
        source_entity,
        row_key
    from {{ this }}
    {%- endif %}
),
{%- endif %}

final as (
    select
        staged.*,
        case
            when jsonb_typeof(staged.address) = 'object'
                then {{ address_hash("staged.address") }}
        end as address_id,
        {{ made_by() }} as made_by
    {%- if is_incremental() %}
    from changed
    cross join lateral (
        select *
        from {{ ref("stg_rezen__participants") }} as staged_rows
        where
            staged_rows.connection_id = changed.connection_id
            and staged_rows.source_entity = changed.source_entity
            and staged_rows.row_key = changed.row_key
        -- keeps it a look-up per key: as a join, all participants would be parsed
        offset 0
    ) as staged
    {%- else %}
    from {{ ref("stg_rezen__participants") }} as staged
    {%- endif %}
)

{{ kept_rows("final", ["connection_id", "source_entity", "row_key"]) }}
