"""The marts of a world that has lived for a while: the figures are the truth's, to the cent."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date
from decimal import Decimal

import pytest

from tests.sources.rig import AGENTS, HOUSE
from tests.warehouse.filled import Row, Warehouse


@pytest.fixture(scope="module")
def built(lived_world: Warehouse) -> Warehouse:
    return lived_world


def truth(world: Warehouse, agent: str) -> Row:
    summary: Row = world.box.truth(agent)["rezen"]["summary"]
    return summary


@pytest.mark.parametrize("agent", AGENTS)
def test_production_equals_the_truth_in_each_currency(built: Warehouse, agent: str) -> None:
    rows = built.rows("select * from marts.agent_summary where agent_key = %s", agent)
    told = truth(built, agent)
    for suffix, period in (("", "all_time"), ("_ytd", "year_to_date")):
        found = {
            row["currency"]: {
                "units": row[f"closed_units{suffix}"],
                "volume": row[f"volume_amount{suffix}"],
                "gci": row[f"gci_amount{suffix}"],
                "net_payout": row[f"net_payout_amount{suffix}"],
            }
            for row in rows
            if row[f"closed_units{suffix}"]
        }
        wanted = {
            currency: {
                "units": figures["units"],
                **{n: Decimal(figures[n]) for n in ("volume", "gci", "net_payout")},
            }
            for currency, figures in told[period]["by_currency"].items()
        }
        assert found == wanted, period
        assert sum(row[f"closed_units{suffix}"] for row in rows) == told[period]["closed_units"]


@pytest.mark.parametrize("agent", AGENTS)
def test_units_under_way_and_terminated_equal_the_truth(built: Warehouse, agent: str) -> None:
    [row] = built.rows(
        "select sum(pending_units)::int as pending, sum(terminated_units)::int as terminated"
        " from marts.agent_summary where agent_key = %s",
        agent,
    )
    told = truth(built, agent)
    assert row == {"pending": told["pending_units"], "terminated": told["terminated_units"]}


@pytest.mark.parametrize("agent", AGENTS)
def test_the_network_equals_the_truth_by_tier(built: Warehouse, agent: str) -> None:
    told = {int(t): n for t, n in truth(built, agent)["network_size_by_tier"].items()}
    tiers = built.rows("select * from marts.agent_network_tier where agent_key = %s", agent)
    assert {row["tier"]: row["active_members"] for row in tiers} == told
    assert {row["tier"]: row["vendor_count"] for row in tiers} == told
    for row in built.rows("select * from marts.agent_summary where agent_key = %s", agent):
        assert {tier: row[f"network_size_tier_{tier}"] for tier in told} == told
        assert row["network_size"] == sum(told.values())
    members = Counter(
        member.status
        for tier in told
        for member in built.box.world.down_line(built.box.world.agent_by_key(agent).id, tier)
    )
    assert sum(row["inactive_members"] for row in tiers) == members["INACTIVE"]
    assert sum(row["candidate_members"] for row in tiers) == members["CANDIDATE"]


@pytest.mark.parametrize("agent", AGENTS)
def test_revenue_share_equals_the_truth(built: Warehouse, agent: str) -> None:
    told = truth(built, agent)["revenue_share"]
    [row] = built.rows(
        "select revenue_share_amount as total, revenue_share_amount_ytd as year_to_date"
        " from marts.agent_summary where agent_key = %s and currency = %s",
        agent,
        told["currency"],
    )
    assert row == {name: Decimal(told[name]) for name in row}
    [months] = built.rows(
        "select coalesce(sum(earned_amount), 0) as total, coalesce(sum(paid_amount), 0) as paid,"
        " coalesce(sum(pending_amount), 0) as pending"
        " from marts.revenue_share_by_month where agent_key = %s and currency = %s",
        agent,
        told["currency"],
    )
    assert months == {name: Decimal(told[name]) for name in months}


@pytest.mark.parametrize("agent", AGENTS)
def test_revenue_share_by_month_equals_the_vendors_own_history(
    built: Warehouse, agent: str
) -> None:
    history = built.box.truth(agent)["rezen"]["control"]["history"]
    rows = built.rows(
        "select to_char(earned_month, 'YYYY-MM') as month, sum(earned_amount) as amount"
        " from marts.revenue_share_by_month where agent_key = %s group by 1",
        agent,
    )
    found = {row["month"]: row["amount"] for row in rows if row["amount"]}
    assert found == {month: Decimal(amount) for month, amount in history.items() if Decimal(amount)}


def test_every_deal_is_there_once_with_its_owner_and_money(built: Warehouse) -> None:
    world = built.box.world
    visible = {
        deal.id: deal
        for agent in world.connected
        for deal in world.deals_of(agent.id, listing=False)
    }
    rows = built.rows("select * from marts.transactions")
    assert sorted(row["transaction_source_id"] for row in rows) == sorted(visible)
    for row in rows:
        deal = visible[row["transaction_source_id"]]
        assert row["price_amount"] == deal.price, deal.id
        assert row["gross_commission_amount"] == deal.gross, deal.id
        assert row["lifecycle_group"] == deal.group, deal.id
        assert row["closed_date"] == world.closed_on(deal), deal.id
        if deal.owner_id is not None:
            assert row["owner_agent_id"] == f"rezen:{deal.owner_id}", deal.id


@pytest.mark.parametrize("agent", AGENTS)
def test_the_crm_equals_the_truth(built: Warehouse, agent: str) -> None:
    told = built.box.truth(agent)["fub"]
    people, calls = told["entities"]["people"]["rows"], told["entities"]["calls"]["rows"]
    contacts = built.rows("select * from marts.contacts where agent_key = %s", agent)
    account = f"fub:{told['account_id']}"
    assert sorted(row["person_source_id"] for row in contacts) == sorted(people)
    assert {row["fub_account_id"] for row in contacts} == {account}
    stages = Counter(row["stage_name"] for row in contacts)
    assert stages == Counter(told["summary"]["people_by_stage"])
    assert sum(row["is_trashed"] for row in contacts) == told["summary"]["people_in_trash"]
    for row in contacts:
        person = people[row["person_source_id"]]
        assert row["price_amount"] == person["price"], person
        assert (row["person_name"] or "") == (person["name"] or "").strip(), person
    [activity] = built.rows(
        "select sum(calls)::int as calls, sum(incoming_calls)::int as incoming,"
        " sum(duration_seconds)::int as seconds from marts.call_activity where agent_key = %s",
        agent,
    )
    assert activity == {
        "calls": len(calls),
        "incoming": told["summary"]["calls_incoming"],
        "seconds": told["summary"]["calls_seconds"],
    }
    [deals] = built.rows(
        "select count(*) filter (where deal_status = 'Active')::int as active from crm.fub_deal"
        " where fub_account_id = %s",
        account,
    )
    assert deals == {"active": told["summary"]["deals_active"]}


def test_billing_equals_the_truth_to_the_smallest_unit(built: Warehouse) -> None:
    told = built.box.truth(HOUSE)["stripe"]["control"]
    paid = built.rows(
        "select lower(currency) as currency, sum(paid_amount) as amount"
        " from staging.stg_stripe__invoices group by 1 having sum(paid_amount) <> 0"
    )
    decimals = {"jpy": 0}
    assert {row["currency"]: row["amount"] for row in paid} == {
        currency: Decimal(amount).scaleb(-decimals.get(currency, 2))
        for currency, amount in told["paid"].items()
    }
    subscriptions = built.rows("select * from staging.stg_stripe__subscriptions")
    assert Counter(row["subscription_status"] for row in subscriptions) == told["statuses"]
    periods = {
        row["subscription_source_id"]: {
            "start": row["period_starts_at"].astimezone(UTC).isoformat(),
            "end": row["period_ends_at"].astimezone(UTC).isoformat(),
        }
        for row in subscriptions
    }
    assert periods == told["periods"]
    items = built.rows("select * from staging.stg_stripe__subscription_items")
    assert {
        f"{row['subscription_source_id']}|{row['item_source_id']}": (
            row["price_source_id"],
            row["quantity"],
        )
        for row in items
    } == {
        key: (item["price"], item["quantity"]) for key, item in told["subscription_items"].items()
    }


def test_title_orders_and_their_money_equal_the_truth(built: Warehouse) -> None:
    told = built.box.truth(HOUSE)["qualia"]
    orders = {row["order_source_id"]: row for row in built.rows(_TITLE_ORDERS)}
    assert orders.keys() == told["entities"]["orders"].keys()
    for key, order in told["entities"]["orders"].items():
        assert orders[key]["order_status"] == order["status"]
        price = order["purchase_price"]
        assert orders[key]["purchase_price_amount"] == (price and Decimal(price))
    for key, wanted in told["control"]["orders"].items():
        out, charges = wanted["disbursements"] or {}, wanted["charges"] or {}
        assert orders[key]["posted"] == Decimal(out.get("posted", {}).get("amount", 0)), key
        assert orders[key]["voided"] == Decimal(out.get("voided", {}).get("amount", 0)), key
        assert orders[key]["borrower"] == Decimal(charges.get("borrower", 0)), key
        assert orders[key]["seller"] == Decimal(charges.get("seller", 0)), key
        # what comes in is what goes out
        assert orders[key]["statement"] == 0, key
    assert sum(row["shares"] for row in orders.values()) == sum(
        row["borrower"] + row["seller"] for row in orders.values()
    )


_TITLE_ORDERS = """
select o.order_source_id, o.order_status, o.purchase_price_amount,
       coalesce(d.posted, 0) as posted, coalesce(d.voided, 0) as voided,
       coalesce(c.borrower, 0) as borrower, coalesce(c.seller, 0) as seller,
       coalesce(l.both, 0) as statement, coalesce(p.shares, 0) as shares
from staging.stg_qualia__orders as o
left join (
    select order_source_id,
           sum(disbursement_amount) filter (where is_posted and not is_voided) as posted,
           sum(disbursement_amount) filter (where is_voided) as voided
    from staging.stg_qualia__disbursements group by 1
) as d using (order_source_id)
left join (
    select order_source_id, sum(borrower_amount) as borrower, sum(seller_amount) as seller
    from staging.stg_qualia__charges group by 1
) as c using (order_source_id)
left join (
    select order_source_id, sum(abs(side)) as both from (
        select order_source_id, sum(borrower_amount) as side
        from staging.stg_qualia__statement_lines group by 1
        union all
        select order_source_id, sum(seller_amount) as side
        from staging.stg_qualia__statement_lines group by 1
    ) as sides group by 1
) as l using (order_source_id)
left join (
    select order_source_id, sum(payee_amount) as shares
    from staging.stg_qualia__charge_payees group by 1
) as p using (order_source_id)
"""


@pytest.mark.parametrize("agent", AGENTS)
def test_what_lofty_leaves_unset_is_null_in_staging(built: Warehouse, agent: str) -> None:
    """The truth tells what a sentinel stands for; raw keeps the sentinel."""
    told = built.box.truth(agent)["lofty"]["control"]["leads"]
    found = built.rows(
        "select lead_source_id as key, lead_source_source_id as lead_source,"
        " assigned_user_source_id as assigned_user_id, lender_user_source_id as lender_user_id,"
        " pond_source_id as pond_id, inquiries.min_price_amount as price_min,"
        " inquiries.max_price_amount as price_max, inquiries.min_bedrooms as bedrooms_min"
        " from staging.stg_lofty__leads as leads"
        " left join staging.stg_lofty__lead_inquiries as inquiries"
        " using (connection_id, lead_source_id) where connection_id = %s",
        f"{agent}:lofty",
    )
    assert {row["key"] for row in found} == told.keys()
    differing = [
        (row["key"], name, value, told[row["key"]][name])
        for row in found
        for name, value in row.items()
        if name != "key" and value != told[row["key"]][name]
    ]
    assert differing == []
    sent = built.rows("select * from raw_lofty.leads where connection_id = %s", f"{agent}:lofty")
    assert {row["pond_id"] for row in sent} >= {"0"}, "there is something to make null"


def test_no_agent_shows_in_anothers_marts(built: Warehouse) -> None:
    accounts = {a["agent_key"]: f"fub:{a['fub']['account_id']}" for a in built.box.accounts}
    seen = built.rows("select distinct agent_key, fub_account_id from marts.contacts")
    assert {row["agent_key"]: row["fub_account_id"] for row in seen} == accounts
    assert len(seen) == len(accounts)


LOOP_AMOUNTS = {
    "sale_price_amount": ("Financials", "Purchase/Sale Price"),
    "commission_percent": ("Financials", "Sale Commission Rate"),
    "commission_amount": ("Financials", "Sale Commission Total"),
    "buy_side_percent": ("Financials", "Sale Commission Split % - Buy Side"),
    "sell_side_amount": ("Financials", "Sale Commission Split $ - Sell Side"),
    "earnest_money_amount": ("Financials", "Earnest Money Amount"),
    "rent_amount": ("Financials", "Rent"),
    "referral_percent": ("Referral", "Referral %"),
    "original_price_amount": ("Listing Information", "Original Price"),
}
LOOP_DAYS = {
    "closing_date": ("Contract Dates", "Closing Date"),
    "contract_agreement_date": ("Contract Dates", "Contract Agreement Date"),
    "offer_date": ("Offer Dates", "Offer Date"),
    "listing_expiration_date": ("Listing Information", "Expiration Date"),
}


@pytest.mark.parametrize("agent", AGENTS)
def test_loops_equal_the_truth_to_the_cent_and_the_day(built: Warehouse, agent: str) -> None:
    """Dotloop sends money and days as people write them."""
    told = built.box.truth(agent)["dotloop"]["entities"]
    mine = f"{agent}:dotloop"
    loops = built.rows("select * from staging.stg_dotloop__loops where connection_id = %s", mine)
    by_key = {f"{row['profile_source_id']}|{row['loop_source_id']}": row for row in loops}
    assert by_key.keys() == told["loops"].keys()
    for key, row in by_key.items():
        details = told["loops"][key]["details"]
        for column, (section, label) in LOOP_AMOUNTS.items():
            text = details.get(section, {}).get(label)
            assert row[column] == (None if text is None else Decimal(text)), (key, label)
        for column, (section, label) in LOOP_DAYS.items():
            text = details.get(section, {}).get(label)
            assert row[column] == (None if text is None else date.fromisoformat(text)), (key, label)
    [counts] = built.rows(
        "select (select count(*) from staging.stg_dotloop__loop_fields where connection_id = %s"
        " and field_text is not null)::int as fields, (select count(*) from"
        " staging.stg_dotloop__participants where connection_id = %s)::int as people",
        mine,
        mine,
    )
    assert counts == {
        "fields": sum(len(s) for row in told["loops"].values() for s in row["details"].values()),
        "people": len(told["participants"]),
    }


def equals_the_truth(built: Warehouse) -> None:
    """All of this, at once: for worlds that are looked at on more than one day."""
    for agent in AGENTS:
        test_production_equals_the_truth_in_each_currency(built, agent)
        test_units_under_way_and_terminated_equal_the_truth(built, agent)
        test_the_network_equals_the_truth_by_tier(built, agent)
        test_revenue_share_equals_the_truth(built, agent)
        test_revenue_share_by_month_equals_the_vendors_own_history(built, agent)
        test_the_crm_equals_the_truth(built, agent)
        test_what_lofty_leaves_unset_is_null_in_staging(built, agent)
        test_loops_equal_the_truth_to_the_cent_and_the_day(built, agent)
    test_every_deal_is_there_once_with_its_owner_and_money(built)
    test_billing_equals_the_truth_to_the_smallest_unit(built)
    test_title_orders_and_their_money_equal_the_truth(built)
    test_no_agent_shows_in_anothers_marts(built)
