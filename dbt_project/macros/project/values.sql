{# Text without surrounding blanks; '' is null, however the loader wrote it. #}
{% macro present(expression) -%}
    nullif(btrim({{ expression }}), '')
{%- endmacro %}


{# A foreign id: vendors write '' and 0 for none. #}
{% macro foreign_id(expression) -%}
    nullif(nullif(btrim({{ expression }}), ''), '0')
{%- endmacro %}


{# Our id from a vendor's: unique over vendors, readable, null for null. #}
{% macro our_id(vendor, expression) -%}
    '{{ vendor }}:' || {{ expression }}
{%- endmacro %}


{# A hash of expressions that tells null from ''. #}
{% macro hash_of(expressions) -%}
    md5(concat_ws('|',
    {%- for expression in expressions %}
        coalesce({{ expression }}::text, chr(65533)){{ "," if not loop.last }}
    {%- endfor %}
    ))
{%- endmacro %}


{# Whether a row of a relation has a blank text, or a word for true, false or null. #}
{% macro has_blank_text(relation) -%}
    {%- set blanks = [] -%}
    {%- if execute -%}
        {%- for column in adapter.get_columns_in_relation(relation) if column.is_string() -%}
            {%- do blanks.append(column.quoted ~ " in ('', 'true', 'false', 'null')") -%}
        {%- endfor -%}
    {%- endif -%}
    {{ blanks | join("\n    or ") or "false" }}
{%- endmacro %}
