{# Empties a mart before it is refilled, in the same transaction: readers see the old rows until
   the new ones are there, and the table keeps its grants, policies and dependent views. The lock
   lets a second build wait, which would otherwise not see the rows of the first and double them.
   A mart that is kept key by key is not emptied. #}
{% macro empty_this() -%}
    {%- if is_incremental() and config.get("incremental_strategy") != "replace_keys" -%}
        lock table {{ this }} in share row exclusive mode;
        delete from {{ this }}
    {%- endif -%}
{%- endmacro %}
