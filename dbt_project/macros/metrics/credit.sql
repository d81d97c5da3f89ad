{# Who has the credit for a deal: owner (the whole deal, as the product's board does) or split (the
   agents on the deal by their shares of the commission). #}
{% macro credit_rule() -%}
    {%- set rule = var("credit_rule") -%}
    {%- if rule not in ("owner", "split") -%}
        {{ exceptions.raise_compiler_error("credit_rule is owner or split, not " ~ rule) }}
    {%- endif -%}
    {{ return(rule) }}
{%- endmacro %}


{# An agent's part of an amount of a deal in cents; the first agent has what rounding leaves, so
   that the parts add up to the amount. #}
{% macro credited(amount) -%}
    case
        when credit_number = 1
            then
                {{ amount }} - coalesce(
                    sum(round({{ amount }} * credit_share, 2))
                    filter (where credit_number > 1)
                    over (partition by transaction_id),
                    0
                )
        else round({{ amount }} * credit_share, 2)
    end
{%- endmacro %}
