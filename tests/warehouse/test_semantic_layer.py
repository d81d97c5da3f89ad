"""Every metric of the semantic layer is what the marts say, and what the sandbox's truth says."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from csv import DictReader
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from brokerage.database.engine import parse_url
from tests import metrics_doc
from tests.sources.rig import ADA, AGENTS, HOUSE
from tests.warehouse.filled import Warehouse
from tests.warehouse.running import PROJECT
from tests.warehouse.semantic_case import SemanticLayer, first_of_month, plain

MONTH = "metric_time__month"


@pytest.fixture(scope="module")
def layer(lived_world: Warehouse) -> SemanticLayer:
    return SemanticLayer(lived_world.folder / "target", lived_world.database)


@dataclass(frozen=True)
class Case:
    """Metrics by a grouping, and the SQL that says the same without the semantic layer."""

    metrics: tuple[str, ...]
    group_by: tuple[str, ...]
    sql: str


def _sums(**columns: str) -> str:
    return ", ".join(f"sum({expression}) as {metric}" for metric, expression in columns.items())


CASES = {
    "production of connected agents": Case(
        ("closed_units", "pending_units", "terminated_units", "volume", "gci", "net_payout"),
        ("agent", "currency"),
        "select agent_id as agent, currency, closed_units, pending_units, terminated_units,"
        " volume_amount as volume, gci_amount as gci, net_payout_amount as net_payout"
        " from marts.agent_summary",
    ),
    "production of teams": Case(
        (
            *("closed_units", "pending_units", "terminated_units", "volume", "gci"),
            *("net_payout", "pending_volume", "pending_gci"),
            *("active_listings", "active_list_volume"),
        ),
        ("team", "currency"),
        "select team_id as team, currency, closed_units, pending_units, terminated_units,"
        " volume_amount as volume, gci_amount as gci, net_payout_amount as net_payout,"
        " pending_volume_amount as pending_volume, pending_gci_amount as pending_gci,"
        " active_listings, active_list_volume_amount as active_list_volume from marts.team_summary",
    ),
    "boards of months": Case(
        ("closed_units", "volume", "gci"),
        ("agent", "currency", MONTH),
        "select ranked_id as agent, currency, to_date(period_key, 'YYYY-MM') as metric_time__month,"
        " units as closed_units, volume_amount as volume, gci_amount as gci"
        " from marts.leaderboards where ranked_kind = 'agent' and scope_kind = 'company'"
        " and period_kind = 'month' and period_key <> 'unknown' and deal_status = 'closed'",
    ),
    "listings": Case(
        (
            *("listings", "active_listings", "in_contract_listings", "closed_listings"),
            *("terminated_listings", "unknown_listings", "priced_listings", "timed_listings"),
            *("days_on_market", "list_volume", "active_list_volume", "average_list_price"),
            "average_days_on_market",
        ),
        ("agent", "currency"),
        "select owner_agent_id as agent, currency, count(*) as listings,"
        + "".join(
            f" count(*) filter (where listing_status = '{status}') as {metric},"
            for metric, status in {
                "active_listings": "Active",
                "in_contract_listings": "In Contract",
                "closed_listings": "Closed",
                "terminated_listings": "Terminated",
                "unknown_listings": "Unknown",
            }.items()
        )
        + " count(list_price_amount) as priced_listings, count(days_on_market) as timed_listings,"
        " sum(days_on_market) as days_on_market, sum(list_price_amount) as list_volume,"
        " sum(list_price_amount) filter (where listing_status = 'Active') as active_list_volume,"
        " avg(list_price_amount) as average_list_price,"
        " avg(days_on_market) as average_days_on_market from marts.listings group by 1, 2",
    ),
    "income": Case(
        (
            *("income_events", "total_revenue", "settled_revenue", "pending_revenue"),
            *("compensation", "revenue_share_income", "equity_income", "bonus"),
        ),
        ("agent", "currency", MONTH),
        "select agent_id as agent, currency, income_month as metric_time__month,"
        " count(*) as income_events, sum(amount) as total_revenue,"
        " sum(amount) filter (where income_status <> 'Pending') as settled_revenue,"
        " sum(amount) filter (where income_status = 'Pending') as pending_revenue,"
        + ",".join(
            f" sum(amount) filter (where income_type = '{kind}') as {metric}"
            for metric, kind in {
                "compensation": "Compensation",
                "revenue_share_income": "RevShare",
                "equity_income": "Equity",
                "bonus": "Bonus",
            }.items()
        )
        + " from finance.income group by 1, 2, 3",
    ),
    "income as the mart has it": Case(
        ("total_revenue", "settled_revenue", "pending_revenue"),
        ("agent", "currency", MONTH),
        "select agent_id as agent, currency, income_month as metric_time__month, "
        + _sums(
            total_revenue="income_amount",
            settled_revenue="settled_amount",
            pending_revenue="pending_amount",
        )
        + " from marts.income_events group by 1, 2, 3",
    ),
    "revenue share": Case(
        (
            *("contributions", "contributors", "revenue_share", "revenue_share_paid"),
            *("revenue_share_pending", "revenue_share_missed"),
        ),
        ("agent", "currency", MONTH, "contribution__tier"),
        "select agent_id as agent, currency, earned_month as metric_time__month,"
        " tier as contribution__tier, contribution_count as contributions,"
        " contributor_count as contributors, earned_amount as revenue_share,"
        " paid_amount as revenue_share_paid, pending_amount as revenue_share_pending,"
        " missed_amount as revenue_share_missed from marts.revenue_share_by_month",
    ),
    "revenue share by contributor": Case(
        ("revenue_share",),
        ("agent", "currency", "contributor"),
        "select receiving_agent_id as agent, currency, contributing_agent_id as contributor,"
        " total_amount as revenue_share from marts.revenue_share_contributors",
    ),
    "missed revenue share": Case(
        ("missed_contributions",),
        ("agent",),
        # the sandbox tells sums of deals that it does not count
        "select receiving_agent_id as agent, sum(greatest(contribution_count, 1))"
        " as missed_contributions from finance.contribution_missed group by 1",
    ),
    "pending revenue share": Case(
        ("pending_revenue_share",),
        ("agent", "currency", "pending_contribution__tier", "pending_contribution__pending_reason"),
        "select receiving_agent_id as agent, currency, tier as pending_contribution__tier,"
        " pending_reason as pending_contribution__pending_reason,"
        " sum(payout_amount) as pending_revenue_share from finance.contribution_pending"
        " group by 1, 2, 3, 4",
    ),
    "pending revenue share, two ways": Case(
        ("pending_revenue_share",),
        ("agent", "currency", MONTH),
        "select agent_id as agent, currency, earned_month as metric_time__month,"
        " sum(pending_amount) as pending_revenue_share from marts.revenue_share_by_month"
        " group by 1, 2, 3",
    ),
    "payouts": Case(
        ("payouts",),
        ("agent", "currency", "payment__payment_status"),
        "select receiving_agent_id as agent, currency, payment_status as payment__payment_status,"
        " sum(payment_amount) as payouts from finance.revshare_payment group by 1, 2, 3",
    ),
    "outgoing payments": Case(
        ("outgoing_payments",),
        ("agent", "currency", "contributor", "outgoing_line__tier"),
        "select receiving_agent_id as agent, currency, contributing_agent_id as contributor,"
        " tier as outgoing_line__tier, sum(payout_amount) as outgoing_payments"
        " from finance.outgoing_payment group by 1, 2, 3, 4",
    ),
    "contribution per member": Case(
        ("member_contribution", "vendor_contribution", "contribution_difference"),
        ("agent", "currency", "contributor"),
        "select owner_agent_id as agent, currency, member_agent_id as contributor,"
        " comparable_amount as member_contribution, vendor_amount as vendor_contribution,"
        " difference_amount as contribution_difference from network.network_contribution"
        " where contribution_count > 0",
    ),
    "caps": Case(
        ("cap", "cap_paid", "cap_remaining", "cap_paid_rate", "capped_agents"),
        ("agent", "currency", "cap_year__is_current"),
        "select agent_id as agent, coalesce(currency, 'unknown') as currency,"
        " is_current as cap_year__is_current, sum(cap_amount) as cap,"
        " sum(cap_paid_amount) as cap_paid, sum(cap_remaining_amount) as cap_remaining,"
        " sum(cap_paid_amount) / nullif(sum(cap_amount), 0) as cap_paid_rate,"
        " count(*) filter (where is_capped) as capped_agents"
        " from finance.agent_cap_year group by 1, 2, 3",
    ),
    "stock": Case(
        ("equity_value", "total_shares", "vested_shares", "unvested_shares"),
        ("agent", "currency"),
        "select agent_id as agent, coalesce(currency, 'unknown') as currency,"
        " total_value_amount as equity_value, total_shares, vested_shares, unvested_shares"
        " from finance.equity_position",
    ),
    "movements of stock": Case(
        ("granted_shares", "newly_vested_shares", "exercised_shares", "forfeited_shares"),
        ("agent", "metric_time__year"),
        "select agent_id as agent, make_date(period_year::int, 1, 1) as metric_time__year, "
        + _sums(
            granted_shares="granted_shares",
            newly_vested_shares="newly_vested_shares",
            exercised_shares="exercised_shares",
            forfeited_shares="forfeited_shares",
        )
        + " from finance.equity_month group by 1, 2",
    ),
    "network": Case(
        (
            *("active_members", "inactive_members", "candidate_members", "other_members"),
            *("capped_members", "capped_rate"),
        ),
        ("agent", "network__tier"),
        "select agent_id as agent, tier as network__tier, active_members, inactive_members,"
        " candidate_members, other_members, capped_members,"
        " capped_members::numeric / nullif(active_members, 0) as capped_rate"
        " from marts.agent_network_tier",
    ),
    "members of networks": Case(
        ("members", "distinct_members", "joined_members", "left_members"),
        ("agent", "network__tier"),
        "select owner_agent_id as agent, tier as network__tier, count(*) as members,"
        " count(distinct member_agent_id) as distinct_members,"
        " count(*) filter (where join_date is not null"
        " or member_status in ('ACTIVE', 'INACTIVE')) as joined_members,"
        " count(*) filter (where has_left) as left_members"
        " from marts.network_members group by 1, 2",
    ),
    "who moves in networks": Case(
        ("joins", "leaves", "net_joins"),
        ("agent", MONTH),
        "select agent_id as agent, period_month as metric_time__month, sum(joins) as joins,"
        " sum(leaves) as leaves, sum(joins) - sum(leaves) as net_joins"
        " from marts.agent_month group by 1, 2",
    ),
    "changes in networks": Case(
        ("status_changes",),
        ("agent",),
        "select owner_agent_id as agent, count(*) as status_changes"
        " from network.network_change_log where change_type = 'Status' group by 1",
    ),
    "leads": Case(
        (
            *("leads", "trashed_leads", "contacted_leads", "active_leads", "leads_with_deal"),
            *("leads_with_closed_deal", "contact_rate", "deal_rate", "conversion_rate"),
        ),
        ("crm_account", "lead__stage_name"),
        "select crm_account_id as crm_account, stage_name as lead__stage_name, count(*) as leads,"
        " count(*) filter (where is_trashed) as trashed_leads,"
        " count(*) filter (where is_contacted) as contacted_leads,"
        " count(*) filter (where is_active) as active_leads,"
        " count(*) filter (where has_deal) as leads_with_deal,"
        " count(*) filter (where has_closed_deal) as leads_with_closed_deal,"
        " avg(is_contacted::int) as contact_rate, avg(has_deal::int) as deal_rate,"
        " avg(has_closed_deal::int) as conversion_rate"
        " from marts.leads where vendor = 'fub' group by 1, 2",
    ),
    "calls": Case(
        (
            *("calls", "incoming_calls", "outgoing_calls", "connected_calls", "call_seconds"),
            "average_call_seconds",
        ),
        ("crm_account", "activity__user_source_id"),
        "select fub_account_id as crm_account, user_source_id as activity__user_source_id, "
        + _sums(
            calls="calls",
            incoming_calls="incoming_calls",
            outgoing_calls="outgoing_calls",
            connected_calls="connected_calls",
            call_seconds="duration_seconds",
        )
        + ", sum(duration_seconds)::numeric / sum(calls) as average_call_seconds"
        " from marts.call_activity group by 1, 2",
    ),
    "texts": Case(
        ("texts", "incoming_texts", "outgoing_texts"),
        ("crm_account",),
        "select fub_account_id as crm_account, count(*) as texts,"
        " count(*) filter (where direction = 'incoming') as incoming_texts,"
        " count(*) filter (where direction = 'outgoing') as outgoing_texts"
        " from crm.fub_text_message group by 1",
    ),
    "title": Case(
        ("title_orders", "title_volume", "title_received", "title_disbursed"),
        ("currency", "title_agency", "title_order__title_status"),
        "select orders.currency, title_agency_id as title_agency,"
        " title_status as title_order__title_status, count(*) as title_orders,"
        " sum(orders.purchase_price_amount) as title_volume,"
        " sum(received_amount) as title_received, sum(disbursed_amount) as title_disbursed"
        " from title.title_order as orders join title.title_order_financials as money"
        " using (title_order_id) group by 1, 2, 3",
    ),
    "title closings": Case(
        ("title_closings",),
        (MONTH,),
        "select closed_month as metric_time__month, count(*) as title_closings"
        " from title.title_order where is_closed group by 1",
    ),
    "subscriptions": Case(
        ("subscriptions", "subscription_value"),
        ("currency", "subscription__subscription_status"),
        "select coalesce(currency, 'unknown') as currency,"
        " subscription_status as subscription__subscription_status,"
        " count(*) as subscriptions, sum(monthly_amount) as subscription_value"
        " from billing.subscription group by 1, 2",
    ),
    "seats": Case(
        ("seats_bought", "seats_used"),
        ("subscription__package_code",),
        "select package_code as subscription__package_code, sum(seats_bought) as seats_bought,"
        " sum(seats_used) as seats_used from billing.seats group by 1",
    ),
    "recurring revenue": Case(
        ("mrr", "new_mrr", "reactivated_mrr", "expanded_mrr", "contracted_mrr", "churned_mrr"),
        ("currency", MONTH),
        "select currency, mrr_month as metric_time__month, mrr_amount as mrr,"
        " new_amount as new_mrr, reactivation_amount as reactivated_mrr,"
        " expansion_amount as expanded_mrr, contraction_amount as contracted_mrr,"
        " churn_amount as churned_mrr from billing.mrr",
    ),
    "recurring revenue is that of the last month": Case(
        ("mrr",),
        ("currency",),
        "select currency, mrr_amount as mrr from billing.mrr"
        " where mrr_month = (select max(mrr_month) from billing.mrr)",
    ),
    "subscriptions that recur": Case(
        ("mrr",),
        ("currency",),
        "select currency, sum(mrr_amount) as mrr from marts.subscriptions group by 1",
    ),
}


# nothing of it happened in the sandbox
MAY_BE_EMPTY = {"changes in networks"}


@pytest.mark.parametrize("name", CASES)
def test_a_metric_is_what_the_tables_say(layer: SemanticLayer, name: str) -> None:
    case = CASES[name]
    asked = layer.query(case.metrics, case.group_by).cells(case.group_by, case.metrics)
    told = layer.sql(case.sql).cells(case.group_by, case.metrics)
    if name == "production of connected agents":
        connected = {key[1] for key in told}
        asked = {key: value for key, value in asked.items() if key[1] in connected}
    if name == "boards of months":
        # the unknown day and the unknown agent are on no board of a month
        asked = {k: v for k, v in asked.items() if k[3].year > 1900 and k[1] != "unknown"}
    assert asked == told
    assert told or name in MAY_BE_EMPTY, "a comparison of nothing proves nothing"


def _of_agent_month(layer: SemanticLayer, *, by_currency: bool) -> dict[str, str]:
    """The metrics that marts.agent_month shows, with their columns."""
    found = {}
    for column in layer.nodes["agent_month"]["columns"].values():
        metric = column["config"]["meta"].get("metric")
        if metric and metric not in ROLLING and _has_currency(layer, metric) == by_currency:
            found[metric] = column["name"]
    return found


def _has_currency(layer: SemanticLayer, metric: str) -> bool:
    """Whether the rows that a metric is made of have a currency."""
    return "currency" in _entities(layer, metric)


ROLLING = {
    *("closed_units_12_months", "volume_12_months", "gci_12_months"),
    *("average_closed_units_12_months", "average_volume_12_months", "average_gci_12_months"),
}


def test_the_months_of_agents_are_the_metrics_by_currency(layer: SemanticLayer) -> None:
    columns = _of_agent_month(layer, by_currency=True)
    group_by = ("agent", "currency", MONTH)
    selected = ", ".join(f"{column} as {metric}" for metric, column in columns.items())
    told = layer.sql(
        f"select agent_id as agent, currency, period_month as {MONTH}, {selected}"
        " from marts.agent_month"
    ).cells(group_by, columns)
    assert layer.query(columns, group_by).cells(group_by, columns) == told
    assert {"gci", "volume", "compensation", "revenue_share", "list_volume"} <= columns.keys()


def test_the_months_of_agents_count_once_what_has_no_currency(layer: SemanticLayer) -> None:
    columns = _of_agent_month(layer, by_currency=False)
    group_by = ("agent", MONTH)
    selected = ", ".join(f"sum({column}) as {metric}" for metric, column in columns.items())
    told = layer.sql(
        f"select agent_id as agent, period_month as {MONTH}, {selected}"
        " from marts.agent_month group by 1, 2"
    ).cells(group_by, columns)
    assert layer.query(columns, group_by).cells(group_by, columns) == told
    assert {"joins", "leads", "calls"} <= columns.keys()


def test_the_last_twelve_months_are_those_of_the_mart(
    layer: SemanticLayer, lived_world: Warehouse
) -> None:
    """In months that are over; the mart is silent about those to come."""
    group_by = ("agent", "currency", MONTH)
    columns = {m: layer.meta(m)["mart"].split(".")[-1] for m in sorted(ROLLING)}
    selected = ", ".join(f"{column} as {metric}" for metric, column in columns.items())
    told = layer.sql(
        f"select agent_id as agent, currency, period_month as {MONTH}, {selected}"
        " from marts.agent_month where rolling_closed_units is not null"
    )
    this_month = first_of_month(lived_world.box.clock.reporting_today)
    months = {(r["agent"], r["currency"], r[MONTH]) for r in told.rows if r[MONTH] < this_month}

    def over(cells: Mapping[tuple[Any, ...], Any]) -> dict[tuple[Any, ...], Any]:
        return {key: value for key, value in cells.items() if key[1:] in months}

    wanted = over(told.cells(group_by, columns))
    assert over(layer.query(columns, group_by).cells(group_by, columns)) == wanted
    assert len(wanted) > 100


@pytest.mark.parametrize("agent", AGENTS)
def test_revenue_share_of_the_year_is_that_of_its_last_month(
    layer: SemanticLayer, lived_world: Warehouse, agent: str
) -> None:
    key = f"rezen:{lived_world.box.world.agent_by_key(agent).id}"
    told = layer.sql(
        "select agent_id as agent, currency, earned_month as metric_time__month,"
        " sum(sum(earned_amount)) over (partition by currency,"
        " date_trunc('year', earned_month) order by earned_month) as revenue_share_ytd"
        f" from marts.revenue_share_by_month where agent_id = '{key}' group by 1, 2, 3"
    )
    group_by = ("agent", "currency", MONTH)
    wanted = told.cells(group_by, ["revenue_share_ytd"])
    asked = layer.query(["revenue_share_ytd"], group_by).cells(group_by, ["revenue_share_ytd"])
    # a month without revenue share has a row in the semantic layer only
    assert {k: v for k, v in asked.items() if k in wanted} == wanted


def test_a_saved_query_is_the_table_of_the_catalogue(layer: SemanticLayer) -> None:
    """All of them in one test: each is some milliseconds."""
    compared = 0
    for name, saved in layer.saved_queries.items():
        rows = layer.ask(name)
        assert rows.rows, name
        meta = saved["config"]["meta"]
        if "table" not in meta:
            continue
        metrics = saved["query_params"]["metrics"]
        group_by = [column for column in rows.columns if column not in metrics]
        scope = "agent_id" if meta["scope"] == "company" else "scope_id"
        named = {"agent": scope, "crm_account": "crm_account_id"}
        named |= {"metric_time__month": "period_month", "metric_time__week": "period_week"}
        columns = [f"{named.get(c, c.split('__')[-1])} as {c}" for c in group_by]
        columns += [f"{layer.meta(m)['column']} as {m}" for m in metrics]
        told = layer.sql(
            f"select {', '.join(columns)} from metrics.{meta['table']}"
            f" where scope_kind = '{meta['scope']}'"
        )
        assert rows.cells(group_by, metrics) == told.cells(group_by, metrics), name
        compared += 1
    assert compared > 30


@pytest.mark.parametrize("agent", AGENTS)
def test_production_and_revenue_share_are_the_truths(
    layer: SemanticLayer, lived_world: Warehouse, agent: str
) -> None:
    key = f"rezen:{lived_world.box.world.agent_by_key(agent).id}"
    told = lived_world.box.truth(agent)["rezen"]["summary"]
    rows = layer.query(
        ["closed_units", "volume", "gci", "net_payout"],
        ["agent", "currency"],
        where_constraints=[f"{{{{ Entity('agent') }}}} = '{key}'"],
    ).rows
    assert {
        row["currency"]: {
            "units": row["closed_units"],
            "volume": row["volume"],
            "gci": row["gci"],
            "net_payout": row["net_payout"],
        }
        for row in rows
        if row["closed_units"]
    } == {
        currency: {
            "units": figures["units"],
            **{name: Decimal(figures[name]) for name in ("volume", "gci", "net_payout")},
        }
        for currency, figures in told["all_time"]["by_currency"].items()
    }
    share = told["revenue_share"]
    names = {"revenue_share": "total", "revenue_share_paid": "paid"}
    names["revenue_share_pending"] = "pending"
    found = layer.query(names, ["agent", "currency"]).cells(["agent", "currency"], names)
    assert {m: found.get((m, key, share["currency"]), Decimal(0)) for m in names} == {
        m: Decimal(share[name]) for m, name in names.items()
    }


@pytest.mark.parametrize("agent", AGENTS)
def test_network_and_crm_are_the_truths(
    layer: SemanticLayer, lived_world: Warehouse, agent: str
) -> None:
    key = f"rezen:{lived_world.box.world.agent_by_key(agent).id}"
    rezen, fub = (lived_world.box.truth(agent)[vendor] for vendor in ("rezen", "fub"))
    tiers = layer.query(["active_members"], ["agent", "network__tier"]).rows
    assert {
        str(int(row["network__tier"])): row["active_members"]
        for row in tiers
        if row["agent"] == key and row["active_members"]
    } == {t: n for t, n in rezen["summary"]["network_size_by_tier"].items() if n}
    account = f"fub:{fub['account_id']}"
    counts = {"leads": len(fub["entities"]["people"]["rows"])}
    counts["calls"] = len(fub["entities"]["calls"]["rows"])
    counts["incoming_calls"] = fub["summary"]["calls_incoming"]
    counts["call_seconds"] = fub["summary"]["calls_seconds"]
    found = layer.query(counts, ["crm_account"]).cells(["crm_account"], counts)
    assert {m: found.get((m, account), 0) for m in counts} == counts


def test_title_money_and_subscriptions_are_the_truths(
    layer: SemanticLayer, lived_world: Warehouse
) -> None:
    house = lived_world.box.truth(HOUSE)
    orders = house["qualia"]["control"]["orders"].values()
    posted = [o["disbursements"].get("posted") for o in orders if o["disbursements"]]
    [row] = layer.query(["title_orders", "title_disbursed"], ["currency"]).rows
    assert row["title_orders"] == len(house["qualia"]["entities"]["orders"])
    assert row["title_disbursed"] == sum(Decimal(p["amount"]) for p in posted if p)
    statuses = layer.query(["subscriptions"], ["subscription__subscription_status"]).rows
    assert {
        row["subscription__subscription_status"]: row["subscriptions"] for row in statuses
    } == house["stripe"]["control"]["statuses"]


def test_no_amount_adds_up_currencies(layer: SemanticLayer) -> None:
    """Without currency in the grouping, an amount is there only if there is one currency."""
    money = {metric for metric in layer.public() if layer.meta(metric)["kind"] == "money"}
    assert [metric for metric in money if "currency" not in _entities(layer, metric)] == []
    by_month = {m for m in money if m in ROLLING or m.endswith("_ytd")}
    of_agents = {m for m in money - by_month if "agent" in _entities(layer, m)}
    silent = set()
    for metrics, group_by in (
        (money - by_month, []),
        (of_agents, ["agent"]),
        (by_month, [MONTH]),
        (by_month, ["agent", MONTH]),
    ):
        names = sorted(metrics)
        parts: dict[tuple[Any, ...], list[Any]] = {}
        for row in layer.query(names, ["currency", *group_by]).rows:
            for name in names:
                if row[name] is not None:
                    parts.setdefault((name, *(row[c] for c in group_by)), []).append(row[name])
        for row in layer.query(names, group_by).rows:
            for name in names:
                found = parts.get((name, *(row[c] for c in group_by)), [])
                if row[name] is not None:
                    assert found == [row[name]], f"{name} adds up currencies: {row}"
                elif len(found) > 1:
                    silent.add(name)
                else:
                    # an average needs a deal to be there, a currency only needs an amount
                    assert not found or name.startswith("average_"), f"{name} is missing: {row}"
    # the sandbox has two currencies: the guard has had something to do
    assert {"gci", "volume", "net_payout", "total_revenue", "average_gci", "mrr"} <= silent
    assert {"gci_12_months", "cap_paid", "pending_gci"} & silent


def _entities(layer: SemanticLayer, metric: str) -> set[str]:
    nodes = layer.metrics[metric]["depends_on"]["nodes"]
    found: list[set[str]] = []
    for node in nodes:
        kind, *_, name = node.split(".")
        if kind == "semantic_model":
            found.append({e["name"] for e in layer.models[name]["entities"]})
        elif kind == "metric":
            found.append(_entities(layer, name))
    return set.intersection(*found)


def test_only_guarded_sums_of_money_are_for_people(layer: SemanticLayer) -> None:
    """A sum of amounts is a part, called so, and used by a metric that looks at the currencies."""
    expressions = {
        measure["name"]: measure["expr"] or measure["name"]
        for model in layer.models.values()
        for measure in model["measures"]
    }
    for name, metric in layer.metrics.items():
        measure = (metric["type_params"].get("measure") or {}).get("name")
        if measure and expressions[measure].endswith("_amount"):
            assert name.endswith("_over_currencies"), name
            assert layer.meta(name)["kind"] == "part", name
        inputs = [i["name"] for i in metric["type_params"].get("metrics") or []]
        if name.endswith("_over_currencies") or not any("_over_currencies" in i for i in inputs):
            continue
        [part, guard] = inputs
        assert metric["type_params"]["expr"] == f"case when {guard} = 1 then {part} end", name
        assert layer.meta(name)["kind"] == "money", name
        counted = layer.metrics[guard]["type_params"]["measure"]["name"]
        assert expressions[counted] == "currency", name
        filters = [i["filter"] for i in metric["type_params"]["metrics"]]
        assert filters[0] == filters[1], f"{name} looks at the currencies of other rows"


def test_saved_queries_with_amounts_group_by_currency(layer: SemanticLayer) -> None:
    for name, saved in layer.saved_queries.items():
        metrics, groups = (saved["query_params"][k] for k in ("metrics", "group_by"))
        assert not set(metrics) - layer.public(), f"{name} asks for parts"
        if any(layer.meta(m)["kind"] == "money" for m in metrics):
            assert "Entity('currency')" in groups, name


def test_every_metric_is_compared_with_something(layer: SemanticLayer) -> None:
    compared = {metric for case in CASES.values() for metric in case.metrics}
    compared |= {*_of_agent_month(layer, by_currency=True), *ROLLING, "revenue_share_ytd"}
    compared |= {*_of_agent_month(layer, by_currency=False)}
    for saved in layer.saved_queries.values():
        if "table" in saved["config"]["meta"]:
            compared.update(saved["query_params"]["metrics"])
    assert layer.public() - compared == set()


def test_metrics_and_columns_of_marts_name_each_other(layer: SemanticLayer) -> None:
    columns = {
        f"{row['table_schema']}.{row['table_name']}.{row['column_name']}"
        for row in layer.sql(
            "select table_schema, table_name, column_name from information_schema.columns"
            " where table_schema in ('marts', 'metrics')"
        ).rows
    }
    named = {}
    for metric in layer.public():
        mart = layer.meta(metric)["mart"]
        named[metric] = mart if mart.startswith("metrics.") else f"marts.{mart}"
    assert {metric for metric, mart in named.items() if mart not in columns} == set()
    marts = [node for node in layer.nodes.values() if node["schema"] == "marts"]
    bound = {
        (node["name"], column["name"], column["config"]["meta"]["metric"])
        for node in marts
        for column in node["columns"].values()
        if column["config"]["meta"]
    }
    assert {entry for entry in bound if entry[2] not in layer.public()} == set()
    assert {m for *_, m in bound} >= {"gci", "volume", "mrr", "revenue_share", "cap_paid"}
    for node in marts:
        for column in node["columns"].values():
            assert column["description"].strip(), (node["name"], column["name"])


# the names of the specification's tables of metrics: core measures, financial metrics, aggregates
CORE = (
    *("Closed count / units", "Pending count", "Terminated count", "Total count", "Volume", "GCI"),
    *("Net payout", "Average sale price", "Average GCI / rate", "Pending volume / pending GCI"),
    *("Fall-through rate", "Days contract→close", "Units per side", "Participation credit"),
)
FINANCIAL = (
    *("Compensation", "Rev-share income", "Pending rev-share", "Rev-share total / YTD / MTD"),
    *("Payouts", "Outgoing payments", "Largest contributor", "Total contribution per member"),
    *("Equity value / shares", "Cap paid, remaining, %", "Total revenue"),
)
AGGREGATES = (
    *(931, 972, 932, 933, 935, 934, 979, 936, 983, 984, 937, 938, 939, 941, 940, 942, 945, 946),
    *(973, 943, 944, 947, 948, 949, 952, 974, 950, 951, 953, 954, 955, 957, 956, 1004, 1003),
    *(1008, 1009, 1006, 1007, 1010, 958, 959, 961, 962, 963, 964, 970, 960, 968, 969),
)


def test_the_page_of_metrics_has_a_row_for_everything_that_was_asked_for() -> None:
    written = metrics_doc.PAGE.read_text("utf-8")
    assert written == metrics_doc.render(), "run: python -m tests.metrics_doc"
    rows = [line.split("|")[1].strip() for line in written.splitlines() if line.startswith("|")]
    assert [name for name in (*CORE, *FINANCIAL) if name not in rows] == []
    missing = [n for n in AGGREGATES if not any(row.endswith(f"({n})") for row in rows)]
    assert missing == []


def test_a_person_asks_on_the_command_line(
    layer: SemanticLayer, lived_world: Warehouse, tmp_path: Path
) -> None:
    """As docs/metrics.md says, in a copy of the project whose manifest is the built one."""
    for path in PROJECT.iterdir():
        if path.name not in {"target", "logs"}:
            (tmp_path / path.name).symlink_to(path)
    (tmp_path / "target").symlink_to(lived_world.folder / "target")
    url = parse_url(lived_world.database)
    answer = tmp_path / "answer.csv"
    asked = ["query", "--metrics", "gci", "--group-by", "agent,currency", "--csv", str(answer)]
    done = subprocess.run(
        [str(Path(sys.executable).with_name("mf")), *asked],
        cwd=tmp_path,
        env={
            **os.environ,
            "BROKERAGE_PG_HOST": str(url.host),
            "BROKERAGE_PG_PORT": str(url.port),
            "BROKERAGE_PG_USER": str(url.username),
            "BROKERAGE_PG_PASSWORD": str(url.password),
            "BROKERAGE_PG_DBNAME": str(url.database),
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    with answer.open(newline="") as file:
        found = {(r["agent"], r["currency"]): plain(Decimal(r["gci"])) for r in DictReader(file)}
    wanted = layer.query(["gci"], ["agent", "currency"]).rows
    assert found == {(row["agent"], row["currency"]): row["gci"] for row in wanted}
    ada = lived_world.box.world.agent_by_key(ADA).id
    assert {currency for agent, currency in found if agent == f"rezen:{ada}"} == {"USD", "CAD"}
