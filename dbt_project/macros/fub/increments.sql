{#
CTEs for a table of Follow Up Boss that is kept key by key (see docs/warehouse-speed.md):

- versions: for each account a number that changes with everything that its rows are joined with,
  and with the model itself. `reads` maps small models to the columns that are taken of them,
  `builds_on` names models that are kept in the same way, `also` is a query of further rows.
- changed, only in an increment: the keys that may have changed since the table was built: read,
  deleted or come back since; and all keys of an account with another version.

An increment asks for the versions before it is built. What changes in between is written under the
old number, so the next build finds the account stale.
#}
{% macro kept_by_account(entity, key, reads={}, builds_on=[], also=none) %}
{#- what only an increment reads has to be known before it is known that it is one -#}
{%- do ref("int_rows__touched") -%}
{%- set read_after = read_after("int_readings__ended") -%}
{%- set versions %}
    select
        connections.fub_account_id,
        hashtextextended(
            concat_ws(
                '|',
                {{ made_by() }},
                string_agg(
                    connections.connection_id, ' ' order by connections.connection_id
                )
                {%- for relation, columns in reads.items() %},
                (
                    select jsonb_agg(read_row order by read_row)
                    from (
                        select jsonb_build_array({{ columns | join(", ") }}) as read_row
                        from {{ ref(relation) }} as read_rows
                        where read_rows.fub_account_id = connections.fub_account_id
                    ) as read_here
                )
                {%- endfor %}
                {%- for relation in builds_on %},
                {{ version_of(ref(relation), "connections.fub_account_id", key) }}
                {%- endfor %}
                {%- if also %},
                (
                    {{ also }}
                )
                {%- endif %}
            ),
            0
        ) as account_version
    from {{ ref("connection") }} as connections
    where connections.fub_account_id is not null
    group by connections.fub_account_id
{%- endset -%}
{%- if not is_incremental() %}
versions as (
    {{- versions }}
)
{%- else %}
{%- set known = run_query(accounts_and_versions(versions, key)).rows %}
{%- set stale = known | rejectattr("is_current") | map(attribute="account_literal") | list %}
versions as (
    select
        fub_account_id::text as fub_account_id,
        account_version::bigint as account_version
    from (
        values
        (null, null)
        {%- for account in known if account.account_version is not none %},
        ({{ account.account_literal }}, {{ account.account_version }})
        {%- endfor %}
    ) as known (fub_account_id, account_version)
),

changed as (
    select
        connections.fub_account_id,
        touched.row_key as {{ key }}
    from {{ ref("int_rows__touched") }} as touched
    inner join {{ ref("connection") }} as connections
        on touched.connection_id = connections.connection_id
    where
        touched.entity = '{{ entity }}'
        and touched.touched_at > {{ read_after }}
        and connections.fub_account_id is not null
    {%- if not stale %}
    group by connections.fub_account_id, touched.row_key
    {%- else %}

    union

    select
        connections.fub_account_id,
        touched.row_key as {{ key }}
    from {{ ref("int_rows__touched") }} as touched
    inner join {{ ref("connection") }} as connections
        on touched.connection_id = connections.connection_id
    where
        touched.entity = '{{ entity }}'
        and connections.fub_account_id in ({{ stale | join(", ") }})

    union

    select
        fub_account_id,
        {{ key }}
    from {{ this }}
    where fub_account_id in ({{ stale | join(", ") }})
    {%- endif %}
)
{%- endif %}
{% endmacro %}


{# The version that an account's rows have in a table. All have the same: the first by key is looked
   up. Any one would do, but for that PostgreSQL reads the table until it meets the account. #}
{% macro version_of(relation, account, key) -%}
    (
        select built_on.account_version
        from {{ relation }} as built_on
        where built_on.fub_account_id = {{ account }}
        order by built_on.{{ key }}
        limit 1
    )
{%- endmacro %}


{# The accounts that are there or are in this table: the version that each has now, and whether its
   rows were built with it. The table's accounts are found one after the other through its index:
   there are few, and millions of rows. #}
{% macro accounts_and_versions(versions, key) -%}
    with recursive

    versions as (
        {{ versions }}
    ),

    found as (
        (
            select fub_account_id
            from {{ this }}
            order by fub_account_id
            limit 1
        )

        union all

        select (
            select built.fub_account_id
            from {{ this }} as built
            where built.fub_account_id > found.fub_account_id
            order by built.fub_account_id
            limit 1
        ) as fub_account_id
        from found
        where found.fub_account_id is not null
    )

    select
        quote_literal(coalesce(versions.fub_account_id, found.fub_account_id))
            as account_literal,
        versions.account_version::text as account_version,
        not {{ flags.FULL_REFRESH }} and coalesce(
            versions.account_version = {{ version_of(this, "found.fub_account_id", key) }}, false
        ) as is_current
    from versions
    full outer join found on versions.fub_account_id = found.fub_account_id
    where coalesce(versions.fub_account_id, found.fub_account_id) is not null
{%- endmacro %}
