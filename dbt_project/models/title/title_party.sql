with

parties as (
    {{ of_orders("stg_qualia__parties") }}
),

agents as (
    {{ agents_by_email() }}
),

companies as (
    select * from parties
    where party_type = 'OrderCompany'
),

final as (
    select
        -- ids
        parties.title_order_id,
        parties.party_kind,
        parties.party_position,
        parties.party_source_id,
        agents.agent_id,

        -- strings
        parties.party_type,
        coalesce(
            parties.party_name,
            nullif(
                concat_ws(
                    ' ',
                    parties.first_name,
                    parties.middle_name,
                    parties.last_name,
                    parties.suffix
                ),
                ''
            )
        ) as party_name,
        parties.first_name,
        parties.last_name,
        parties.email,
        parties.job_title,
        parties.company_type,
        companies.party_name as company_name,

        -- booleans
        parties.party_type in ('Individual', 'OrderAssociate', 'User') as is_person
    from parties
    left join companies
        on
            parties.title_order_id = companies.title_order_id
            and parties.party_kind = companies.party_kind
            and parties.company_position = companies.party_position
    left join agents on parties.email = agents.email
)

select * from final
