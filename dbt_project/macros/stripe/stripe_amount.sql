{# Major units out of Stripe's smallest ones, exact to the last decimal; null where the currency is
   not known. Icelandic króna and Ugandan shilling have no decimals, but Stripe counts them in
   hundredths. A product with a power of ten loses nothing, a quotient would. #}
{% macro stripe_amount(expression, currency) -%}
    ({{ expression }})::numeric
    * case
        when
            lower({{ currency }}) in (
                'bif', 'clp', 'djf', 'gnf', 'jpy', 'kmf', 'krw', 'mga',
                'pyg', 'rwf', 'vnd', 'vuv', 'xaf', 'xof', 'xpf'
            )
            then 1
        when lower({{ currency }}) in ('bhd', 'jod', 'kwd', 'omr', 'tnd') then 0.001
        when {{ currency }} <> '' then 0.01
    end
{%- endmacro %}


{# Rounded to the smallest unit that Stripe bills in, halves up, as its invoices are. #}
{% macro stripe_rounded(expression, currency) -%}
    (
        round(({{ expression }}) / ({{ stripe_amount("1", currency) }}))
        * ({{ stripe_amount("1", currency) }})
    )
{%- endmacro %}


{# A key for a quantity of a price, and the currency that it is paid in; metered items have no
   quantity. #}
{% macro quantity_key(quantity, currency) -%}
    concat_ws(
        ' ', coalesce(trim_scale({{ quantity }})::text, 'none'), {{ currency }}
    )
{%- endmacro %}


{# What a subscription is to the monthly recurring revenue: `recurring` counts; `trial` and `paused`
   are what may come; `none` are those that are over, not begun, or given up. Stripe says `active`
   of one whose collection is paused. #}
{% macro mrr_class(status, is_collection_paused) -%}
    case
        when {{ status }} = 'trialing' then 'trial'
        when {{ status }} = 'paused' then 'paused'
        when {{ status }} not in ('active', 'past_due') or {{ status }} is null then 'none'
        {%- if var('mrr_counts_paused_collection') not in (true, 'true') %}
        when {{ is_collection_paused }} then 'paused'
        {%- endif %}
        else 'recurring'
    end
{%- endmacro %}
