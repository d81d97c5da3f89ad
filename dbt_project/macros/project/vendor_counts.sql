{# What a CRM counts in an account and what is held of it: a column <list>_<vendor> and one <list>_ad
   for each of `lists` (list: model). A list that the vendor does not count has null. #}
{% macro vendor_counts(vendor, lists, accounts) %}
    {%- set account = vendor ~ "_account_id" %}
    select
        {{ accounts }}.{{ account }},
        told.counted_at
        {%- for list in lists %},
        told.{{ list }}_{{ vendor }},
        coalesce({{ list }}.{{ list }}_ad, 0) as {{ list }}_ad
        {%- endfor %}
    from {{ accounts }}
    left join (
        select
            crm_account_id,
            max(counted_at) as counted_at
            {%- for list in lists %},
            max(vendor_count) filter (where list_name = '{{ list }}')
                as {{ list }}_{{ vendor }}
            {%- endfor %}
        from {{ ref("int_lists__counted") }}
        group by crm_account_id
    ) as told on {{ accounts }}.{{ account }} = told.crm_account_id
    {%- for list, model in lists.items() %}
    left join (
        select
            {{ account }},
            count(*) as {{ list }}_ad
        from {{ ref(model) }}
        group by {{ account }}
    ) as {{ list }} on {{ accounts }}.{{ account }} = {{ list }}.{{ account }}
    {%- endfor %}
{% endmacro %}
