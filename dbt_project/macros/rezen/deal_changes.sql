{# The changes of deals or listings, from their snapshot: each with its values as what they are.
   `attributes` are columns of the snapshot; `currencies` maps an amount to its currency. A deal
   that no connected account shows any more is not visible, whatever the reason. #}
{% macro deal_changes(snapshot, id, attributes, currencies) %}
    {%- set expressions = {"is_visible": "dbt_is_deleted <> 'True'"} -%}
    {%- for name in attributes %}{% do expressions.update({name: name}) %}{% endfor -%}
    {%- set kept = ["updated_at"] + currencies.values() | unique | list -%}
    select
        {{ id }},
        attribute,
        old_value,
        new_value,
        {%- for side in ("old", "new") %}
        case when attribute like '%\_amount' then {{ side }}_value::numeric end
            as {{ side }}_amount,
        case attribute
            {%- for amount, currency in currencies.items() %}
            when '{{ amount }}' then {{ "old_" if side == "old" }}{{ currency }}
            {%- endfor %}
        end as {{ side }}_currency,
        case
            when attribute like '%\_date' or attribute like '%\_on'
                then {{ side }}_value::date
        end as {{ side }}_date,
        {%- endfor %}
        case when is_told then updated_at else detected_at end as changed_at,
        case when is_told then 'vendor' else 'snapshot' end as provenance,
        detected_at
    from (
        select
            *,
            -- the vendor dates a change unless nothing but our reading of it has changed
            coalesce(
                attribute <> 'is_visible'
                and updated_at > old_updated_at
                and updated_at <= detected_at,
                false
            ) as is_told
        from ({{ version_changes(snapshot, [id], expressions, kept) }}) as changes
    ) as changes
{% endmacro %}
