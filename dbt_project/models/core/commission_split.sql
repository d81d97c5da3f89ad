with

deals as (
    select * from {{ ref("int_deals__unified") }}
    where not is_listing
),

splits as (
    select * from {{ ref("stg_rezen__commission_splits") }}
),

final as (
    select
        -- ids
        {{ our_id("rezen", "deals.deal_source_id") }} as transaction_id,
        splits.split_number,
        splits.participant_source_id,
        {{ our_id("rezen", "splits.agent_source_id") }} as agent_id,

        -- strings
        coalesce(
            splits.currency, deals.gross_commission_currency, deals.currency
        ) as currency,

        -- numerics
        splits.split_amount,
        splits.split_percent
    from deals
    inner join splits
        on
            deals.deal_source_id = splits.deal_source_id
            and deals.parties_connection_id = splits.connection_id
            and deals.parties_entity = splits.source_entity
)

select * from final
