{#
The incremental strategy `replace_keys`: what the query yields for a key takes the place of
everything that the table has under it. The query has a row without synced_at for a key that is
gone. delete+insert would keep such a row for ever, as it only deletes what comes again.
#}
{% macro get_incremental_replace_keys_sql(arg_dict) -%}
    {%- set target = arg_dict["target_relation"] -%}
    {%- set changed = arg_dict["temp_relation"] -%}
    {%- set columns = arg_dict["dest_columns"] | map(attribute="quoted") | join(", ") -%}
    delete from {{ target }} as built
    using (
        select distinct {{ arg_dict["unique_key"] | join(", ") }} from {{ changed }}
    ) as changed
    where
        {%- for column in arg_dict["unique_key"] %}
        {{ "and " if not loop.first }}built.{{ column }} = changed.{{ column }}
        {%- endfor %};

    insert into {{ target }} ({{ columns }})
    select {{ columns }}
    from {{ changed }}
    where synced_at is not null
{%- endmacro %}


{# The settings of a table that is kept key by key. `row_key` is its primary key, if that is longer
   than the key that is replaced. The lock lets a second build wait. #}
{% macro kept_by_key(key, row_key=none, indexes=[["synced_at"]]) -%}
    {%- set all_indexes = [{"columns": row_key or key, "unique": true}] -%}
    {%- for columns in indexes -%}
        {%- do all_indexes.append({"columns": columns}) -%}
    {%- endfor -%}
    {{ return({
        "materialized": "incremental",
        "incremental_strategy": "replace_keys",
        "unique_key": key,
        "on_schema_change": "append_new_columns",
        "pre_hook": "{{ lock_this() }}",
        "indexes": all_indexes,
    }) }}
{%- endmacro %}


{# The end of such a model: everything, or in an increment what the changed keys have become. #}
{% macro kept_rows(relation, key) -%}
    select *
    from {{ relation }}
    {%- if is_incremental() %}
    right join changed using ({{ key | join(", ") }})
    {%- endif %}
{%- endmacro %}


{# In an increment, leaves the rows out whose key has not changed. #}
{% macro only_changed(relation, key) -%}
    {%- if is_incremental() %}
    inner join changed
        on
            {%- for column in key %}
            {{ "and " if not loop.first }}{{ relation }}.{{ column }} = changed.{{ column }}
            {%- endfor %}
    {%- endif %}
{%- endmacro %}


{# What a table is made by, as a short text: its model and the variables that it reads. Another one says
   that every row is to be made anew. #}
{% macro made_by() -%}
    '{{ local_md5(model.raw_code ~ reporting_timezone() ~ var("include_demo")) }}'
{%- endmacro %}


{#
The moment from which on rows may have been read that this table does not have. `readings` is a
model of the readings whose load is complete.

A vendor's row is read before its load is complete. A reading that was not complete at the last
build has ended since then, so rows are taken from the beginning of such a reading on.

It is asked for before the table is built: of a moment that it does not know the planner expects a
third of all rows to be later, and reads millions for a few hundred.
#}
{% macro read_after(readings) -%}
    {%- set question -%}
        select coalesce(least(built.through, min(marks.started_at)), '-infinity')::text
        from (
            select max(synced_at) - interval '{{ var("load_takes_at_most") }}' as through
            from {{ this }}
        ) as built
        left join {{ ref(readings) }} as marks on built.through < marks.finished_at
        group by built.through
    {%- endset -%}
    {%- if is_incremental() -%}
        '{{ run_query(question).rows[0][0] }}'::timestamptz
    {%- endif -%}
{%- endmacro %}
