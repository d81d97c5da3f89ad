{# Business counters, one row per measure: `measures` are columns of a relation and become the
   names of metrics. The currency is null for what is no money and not of one. #}
{% macro counters(relation, subject_type, subject_id, measures, currency="null::text", dimension="'all'") %}
    select
        '{{ subject_type }}' as subject_type,
        rows_of.{{ subject_id }} as subject_id,
        counted.metric_name,
        {{ dimension }} as dimension,
        {{ currency }} as currency,
        counted.metric_value
    from {{ relation }} as rows_of
    cross join lateral (
        values
        {%- for measure in measures %}
        ('{{ measure }}', rows_of.{{ measure }}::numeric){{ "," if not loop.last }}
        {%- endfor %}
    ) as counted (metric_name, metric_value)
    where rows_of.{{ subject_id }} is not null
{% endmacro %}
