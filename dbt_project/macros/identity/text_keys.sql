{# Text without case and accents, for comparing. #}
{% macro plain_text(expression) -%}
    translate(
        lower({{ expression }}),
        'áàâäãåéèêëíìîïóòôöõúùûüñçýÿ’',
        'aaaaaaeeeeiiiiooooouuuuncyy'''
    )
{%- endmacro %}


{# A person's name for comparing: words of letters and digits with one blank between them. #}
{% macro name_key(expression) -%}
    nullif(btrim(regexp_replace(
        regexp_replace({{ plain_text(expression) }}, '[.'']', '', 'g'),
        '[^[:alnum:]]+', ' ', 'g'
    )), '')
{%- endmacro %}


{# A city for comparing: "St. George" and "Saint George" alike. #}
{% macro city_key(expression) -%}
    regexp_replace(
        regexp_replace(
            regexp_replace({{ name_key(expression) }}, '^st ', 'saint '),
            '^ft ', 'fort '
        ),
        '^mt ', 'mount '
    )
{%- endmacro %}


{# The five digits of a US code, the six characters of a Canadian one. #}
{% macro postal_key(expression) -%}
    case
        when {{ expression }} ~ '^\s*[0-9]{5}' then substr(btrim({{ expression }}), 1, 5)
        else nullif(upper(regexp_replace({{ expression }}, '[^[:alnum:]]', '', 'g')), '')
    end
{%- endmacro %}


{# A unit for comparing: "Apt. 04-B", "#4B" and "Unit 4b" alike. #}
{% macro unit_key(expression) -%}
    nullif(ltrim(regexp_replace(
        regexp_replace(
            lower({{ expression }}),
            '\m(apartment|apt|unit|suite|ste|number|no)\M', '', 'g'
        ),
        '[^a-z0-9]', '', 'g'
    ), '0'), '')
{%- endmacro %}


{# A unit at the end of a street: "12 Main St, Apt 4B" or "12 Main St #4". #}
{% macro unit_pattern() -%}
    [ ,]+(?:\m(?:apartment|apt|unit|suite|ste)\M\.? *#?|#) *([a-z0-9-]+) *$
{%- endmacro %}


{#
Two CTEs that give each distinct street of a CTE the key it is compared by: without case, accents,
punctuation and unit, each word in its canonical spelling (seed street_word). "St" is a saint as
the first word of a name that goes on ("St George Blvd"), and a street anywhere else.
Columns of street_keys: street, street_key, street_number, unit_in_street.
#}
{% macro street_keys(from_cte) -%}
street_spellings as (
    select
        texts.street,
        {{ unit_key(
            "substring(lower(texts.street) from '" ~ unit_pattern() ~ "')"
        ) }} as unit_in_street,
        spelled.word,
        spelled.place,
        street_words.canonical_word,
        min(spelled.place) filter (
            where spelled.word !~ '^[0-9]'
                and street_words.word_kind is distinct from 'direction'
        ) over (partition by texts.street) as first_place,
        max(spelled.place) over (partition by texts.street) as last_place
    from (select distinct street from {{ from_cte }} where street is not null) as texts
    cross join lateral
        regexp_split_to_table(
            {{ name_key(
                "regexp_replace(lower(texts.street), '" ~ unit_pattern() ~ "', '')"
            ) }},
            ' '
        ) with ordinality as spelled (word, place)
    left join {{ ref("street_word") }} as street_words on spelled.word = street_words.word
),

street_keys as (
    select
        street,
        max(unit_in_street) as unit_in_street,
        string_agg(
            case
                when word = 'st' and place = first_place and place < last_place
                    then 'saint'
                else coalesce(canonical_word, word)
            end,
            ' ' order by place
        ) as street_key,
        max(word) filter (where place = 1 and word ~ '^[0-9]') as street_number
    from street_spellings
    group by street
)
{%- endmacro %}
