{# Agents by their e-mail address, the only link between the vendors; an address that several
   agents share links none. #}
{% macro agents_by_email() %}
    select
        email,
        min(agent_id) as agent_id
    from {{ ref("agent") }}
    where email is not null
    group by email
    having count(*) = 1
{% endmacro %}
