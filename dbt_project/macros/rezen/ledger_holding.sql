{# What the ledger of `latest.agent_id` comes to at the end of a period, as far as the period had
   gone when the vendor summed it. Grants vest on their day, unless vesting has rows of its own. #}
{% macro ledger_holding(ledger, period_end) -%}
    {%- set last_day -%}
        least(({{ period_end }})::date, (latest.synced_at at time zone 'UTC')::date)
    {%- endset -%}
    select
        coalesce(
            sum(
                {{ ledger }}.shares * case
                    when {{ ledger }}.equity_type in ('GRANT', 'PURCHASE') then 1
                    when {{ ledger }}.equity_type in ('EXERCISE', 'FORFEIT') then -1
                    else 0
                end
            ) filter (where {{ ledger }}.transaction_date <= {{ last_day }}),
            0
        ) as total_shares,
        coalesce(
            sum(
                {{ ledger }}.shares * case
                    when {{ ledger }}.equity_type in ('VEST', 'PURCHASE') then 1
                    when
                        {{ ledger }}.equity_type = 'GRANT'
                        and not {{ ledger }}.is_vested_by_own_row
                        then 1
                    when {{ ledger }}.equity_type = 'EXERCISE' then -1
                    else 0
                end
            ) filter (
                where
                {{ ledger }}.transaction_date <= {{ last_day }}
                and coalesce({{ ledger }}.vesting_date, {{ ledger }}.transaction_date)
                <= {{ last_day }}
            ),
            0
        ) as vested_shares
    from {{ ledger }}
    where
        {{ ledger }}.agent_id = latest.agent_id
        and coalesce({{ ledger }}.equity_status, '') <> 'CANCELLED'
{%- endmacro %}
