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
