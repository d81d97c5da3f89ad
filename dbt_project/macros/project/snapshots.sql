{# "Now" of a snapshot is that of the figures, with its zone; dbt would take the clock's, without.
   It never goes back: a build at an earlier as_of, or twice at the same one, could otherwise close
   a version before it began. #}
{% macro postgres__snapshot_get_time() -%}
    {%- set existing = load_relation(this) if execute else none -%}
    {%- if existing is none -%}
        {{ as_of() }}
    {%- else -%}
        {%- set latest = run_query(
            "select greatest("
            ~ as_of()
            ~ ", max(dbt_updated_at) + interval '1 microsecond')::text from "
            ~ existing
        ) -%}
        '{{ latest.columns[0].values()[0] }}'::timestamptz
    {%- endif -%}
{%- endmacro %}


{# Lets a second build wait: it would not see the versions of the first and write them again. #}
{% macro lock_this() -%}
    {%- if load_relation(this) is not none -%}
        lock table {{ this }} in share row exclusive mode
    {%- endif -%}
{%- endmacro %}


{# What differs between a version of a snapshot and the one before: one row per attribute. Values
   are text. `attributes` maps a name to its expression; of `kept` columns both sides come along,
   the earlier one as old_<column>. A version that says "gone" has the last values that were seen. #}
{% macro version_changes(snapshot, key, attributes, kept=[]) %}
    select
        {%- for column in key %}
        versions.{{ column }},
        {%- endfor %}
        changes.attribute,
        changes.old_value,
        changes.new_value,
        {%- for column in kept %}
        versions.{{ column }},
        versions.old_{{ column }},
        {%- endfor %}
        versions.dbt_is_deleted = 'True' as is_gone,
        versions.seen_before_at,
        versions.dbt_valid_from as detected_at
    from (
        select
            *,
            {%- for column in kept %}
            lag({{ column }}) over versions as old_{{ column }},
            {%- endfor %}
            {%- for expression in attributes.values() %}
            ({{ expression }})::text as new_value_{{ loop.index }},
            lag(({{ expression }})::text) over versions as old_value_{{ loop.index }},
            {%- endfor %}
            lag(dbt_valid_from) over versions as seen_before_at
        from {{ ref(snapshot) }}
        window versions as (partition by {{ key | join(", ") }} order by dbt_valid_from)
    ) as versions
    cross join lateral (
        values
        {%- for name in attributes %}
        (
            '{{ name }}',
            versions.old_value_{{ loop.index }},
            versions.new_value_{{ loop.index }}
        ){{ "," if not loop.last }}
        {%- endfor %}
    ) as changes (attribute, old_value, new_value)
    where
        versions.seen_before_at is not null
        and changes.old_value is distinct from changes.new_value
{% endmacro %}
