-- nothing is null in one way only: no blank text, and no truth value written as a word
{%- set checked = [
    "agent", "team", "team_member", "transaction", "listing", "participant", "address",
    "office", "network_member", "contribution", "fub_person", "fub_deal", "fub_user",
    "fub_event", "lofty_lead", "title_order", "subscription",
] %}
{% for name in checked %}
select
    '{{ name }}' as model,
    count(*) as blank_rows
from {{ ref(name) }}
where {{ has_blank_text(ref(name)) }}
having count(*) > 0
{% if not loop.last %}union all{% endif %}
{% endfor %}
