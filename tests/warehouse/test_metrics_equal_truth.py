"""The metrics of a living sandbox, after changes, are those of its world, to the cent."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from sandbox.clock import REPORTING_ZONE
from sandbox.world.model import Deal
from tests.sources.rig import ADA, AGENTS
from tests.warehouse.filled import Warehouse

ZERO = Decimal(0)
UNKNOWN = date(1900, 1, 1)


@pytest.fixture(scope="module")
def built(lived_world: Warehouse) -> Warehouse:
    return lived_world


def agent_id(world: Warehouse, agent: str) -> str:
    return f"rezen:{world.box.world.agent_by_key(agent).id}"


def visible(world: Warehouse, *, listing: bool) -> list[Deal]:
    """What some connected agent can see, once."""
    brokerage = world.box.world
    return list(
        {
            deal.id: deal
            for agent in brokerage.connected
            for deal in brokerage.deals_of(agent.id, listing=listing)
        }.values()
    )


def day_of(world: Warehouse, deal: Deal) -> date:
    """The day a deal counts on: of its closing, or of its contract."""
    if deal.group == "CLOSED":
        return world.box.world.closed_on(deal) or UNKNOWN
    return deal.contract_date or UNKNOWN


@pytest.mark.parametrize("column", ["period_month", "period_week"])
@pytest.mark.parametrize("agent", AGENTS)
def test_months_and_weeks_of_an_agent_equal_the_world(
    built: Warehouse, agent: str, column: str
) -> None:
    owner = built.box.world.agent_by_key(agent).id
    wanted: dict[tuple[date, str], list[Any]] = defaultdict(lambda: [0, 0, 0] + [ZERO] * 4)
    for deal in built.box.world.owned_by(owner):
        day = day_of(built, deal)
        first = day.replace(day=1)
        if column == "period_week":
            first = day - timedelta(days=day.weekday())
        closed, pending = deal.group == "CLOSED", deal.group == "OPEN"
        price, gross = deal.price or ZERO, deal.gross or ZERO
        net = deal.net.get(owner, ZERO) if deal.visible_to(owner) else ZERO
        row = [closed, pending, deal.group == "TERMINATED"]
        row += [price * closed, gross * closed, net * closed, gross * pending]
        held = wanted[first, deal.currency]
        wanted[first, deal.currency] = [a + b for a, b in zip(held, row, strict=True)]
    table = "transactions_by_month" if column == "period_month" else "transactions_by_week"
    rows = built.rows(
        f"select * from metrics.{table} where scope_kind = 'agent' and scope_id = %s",
        agent_id(built, agent),
    )
    names = ("closed_units", "pending_units", "terminated_units", "volume_amount")
    names += ("gci_amount", "net_payout_amount", "pending_gci_amount")
    found = {(row[column], row["currency"]): [row[n] for n in names] for row in rows}
    assert found == dict(wanted)


@pytest.mark.parametrize("agent", AGENTS)
def test_the_board_shows_the_figures_of_the_truth(built: Warehouse, agent: str) -> None:
    told = built.box.truth(agent)["rezen"]["summary"]
    for kind, period in (("all_time", "all_time"), ("ytd", "year_to_date")):
        rows = built.rows(
            "select * from metrics.leaderboard where scope_kind = 'company' and period_kind = %s"
            " and deal_status = 'closed' and agent_id = %s",
            kind,
            agent_id(built, agent),
        )
        assert {
            row["currency"]: (row["units"], row["volume_amount"], row["gci_amount"]) for row in rows
        } == {
            currency: (f["units"], Decimal(f["volume"]), Decimal(f["gci"]))
            for currency, f in told[period]["by_currency"].items()
        }, period


def test_the_board_of_all_time_ranks_every_owner(built: Warehouse) -> None:
    totals: Counter[str] = Counter()
    for deal in visible(built, listing=False):
        if deal.group == "CLOSED" and deal.currency == "USD":
            totals[f"rezen:{deal.owner_id}"] += 1
    ladder = sorted(set(totals.values()), reverse=True)
    rows = built.rows(
        "select agent_id, units::int as units, units_rank::int as place from metrics.leaderboard"
        " where scope_kind = 'company' and period_kind = 'all_time' and deal_status = 'closed'"
        " and currency = 'USD'"
    )
    assert {row["agent_id"]: (row["units"], row["place"]) for row in rows} == {
        owner: (units, ladder.index(units) + 1) for owner, units in totals.items()
    }


def test_listings_equal_the_world(built: Warehouse) -> None:
    wanted: Counter[tuple[str, str]] = Counter()
    volume: dict[str, Decimal] = defaultdict(lambda: ZERO)
    for item in visible(built, listing=True):
        owner = f"rezen:{item.owner_id}"
        shown = {"LISTING_IN_CONTRACT": "In Contract"}.get(item.state or "")
        shown = shown or {"OPEN": "Active", "CLOSED": "Closed"}.get(item.group, "Terminated")
        wanted[owner, shown] += 1
        volume[owner] += item.price or ZERO
    rows = built.rows("select * from metrics.listings_by_stage where scope_kind = 'agent'")
    found: Counter[tuple[str, str]] = Counter()
    listed: dict[str, Decimal] = defaultdict(lambda: ZERO)
    for row in rows:
        found[row["scope_id"], row["listing_status"]] += row["listings"]
        listed[row["scope_id"]] += row["list_volume_amount"]
    assert found == wanted
    assert listed == volume


@pytest.mark.parametrize("agent", AGENTS)
def test_income_by_month_equals_the_world(built: Warehouse, agent: str) -> None:
    world = built.box.world
    person = world.agent_by_key(agent).id
    history = built.box.truth(agent)["rezen"]["control"]["history"]
    wanted: dict[tuple[str, str, str], Decimal] = defaultdict(lambda: ZERO)
    for month, amount in history.items():
        wanted["RevShare", "USD", month] += Decimal(amount)
    for deal in world.deals_of(person, listing=False):
        if deal.group == "CLOSED":
            day = world.closed_on(deal) or UNKNOWN
            wanted["Compensation", deal.currency, f"{day:%Y-%m}"] += deal.net.get(person, ZERO)
    rows = built.rows(
        "select income_type, currency, to_char(period_month, 'YYYY-MM') as month, income_amount"
        " from metrics.revenue_by_month where scope_kind = 'agent' and scope_id = %s"
        " and income_type in ('RevShare', 'Compensation')",
        agent_id(built, agent),
    )
    found = {(r["income_type"], r["currency"], r["month"]): r["income_amount"] for r in rows}
    assert {key: v for key, v in found.items() if v} == {k: v for k, v in wanted.items() if v}


@pytest.mark.parametrize("agent", AGENTS)
def test_the_waterfall_runs_from_gross_to_net(built: Warehouse, agent: str) -> None:
    world = built.box.world
    person = world.agent_by_key(agent).id
    wanted: dict[tuple[str, str, str], Decimal] = defaultdict(lambda: ZERO)
    for deal in world.deals_of(person, listing=False):
        if deal.group == "CLOSED" and person in deal.net:
            month = f"{world.closed_on(deal) or UNKNOWN:%Y-%m}"
            wanted["gci", deal.currency, month] += deal.gross or ZERO
            wanted["net", deal.currency, month] += deal.net[person]
    rows = built.rows(
        "select *, to_char(period_month, 'YYYY-MM') as month from metrics.revenue_waterfall"
        " where scope_kind = 'agent' and scope_id = %s",
        agent_id(built, agent),
    )
    found = {
        (row["line_type"], row["currency"], row["month"]): row["line_amount"]
        for row in rows
        if row["line_kind"] != "deduction"
    }
    assert found == dict(wanted)
    for row in rows:
        if row["line_type"] == "net":
            assert row["remaining_amount"] == row["line_amount"]


@pytest.mark.parametrize("agent", AGENTS)
def test_stages_hold_the_deals_of_the_board(built: Warehouse, agent: str) -> None:
    told = built.box.truth(agent)["fub"]
    board = Counter(
        (deal["pipeline_id"], deal["stage_id"])
        for deal in told["entities"]["deals"]["rows"].values()
        if deal["status"] == "Active"
    )
    for table, column in (
        ("pipeline_velocity", "current_stays"),
        ("funnel_conversion", "deals_now"),
    ):
        rows = built.rows(
            f"select pipeline_source_id, stage_source_id, sum({column})::int as deals"
            f" from metrics.{table} where scope_kind = 'agent' and crm_account_id = %s"
            " group by 1, 2",
            f"fub:{told['account_id']}",
        )
        found = {(r["pipeline_source_id"], r["stage_source_id"]): r["deals"] for r in rows}
        assert {key: n for key, n in found.items() if n} == board, table


@pytest.mark.parametrize(("column", "told"), [("earned", "by_tier"), ("missed", "missed_by_tier")])
@pytest.mark.parametrize("agent", AGENTS)
def test_revenue_share_by_tier_equals_the_control_values(
    built: Warehouse, agent: str, column: str, told: str
) -> None:
    control = built.box.truth(agent)["rezen"]["control"]
    rows = built.rows(
        f"select tier, sum({column}_amount) as amount from metrics.network_revshare_by_month"
        " where scope_kind = 'agent' and scope_id = %s group by 1",
        agent_id(built, agent),
    )
    assert {row["tier"]: row["amount"] for row in rows if row["amount"]} == {
        int(tier): Decimal(v) for tier, v in control[told].items() if Decimal(v)
    }


@pytest.mark.parametrize("agent", AGENTS)
def test_the_network_equals_the_world(built: Warehouse, agent: str) -> None:
    world = built.box.world
    owner = world.agent_by_key(agent).id
    members = {t: world.down_line(owner, t) for t in range(1, 6)}
    scope = agent_id(built, agent)

    def by(table: str, key: str, value: str) -> dict[Any, int]:
        rows = built.rows(
            f"select {key} as key, {value}::int as value from metrics.{table}"
            " where scope_kind = 'agent' and scope_id = %s",
            scope,
        )
        return {row["key"]: row["value"] for row in rows if row["value"]}

    people = [a for tier in members.values() for a in tier]
    assert by("network_by_tier", "tier", "members") == {t: len(m) for t, m in members.items() if m}
    assert by("network_by_tier", "tier", "active_members") == {
        t: n for t, m in members.items() if (n := sum(a.status == "ACTIVE" for a in m))
    }
    assert by("network_by_status", "member_status", "members") == Counter(a.status for a in people)
    # who is no candidate has joined, on a day that is known or not
    joined = [a for a in people if a.join_date or a.status in ("ACTIVE", "INACTIVE")]
    assert by("network_by_month", "period_month", "joins") == Counter(
        (a.join_date or UNKNOWN).replace(day=1) for a in joined
    )
    left = [a for a in people if a.status == "INACTIVE"]
    assert by("network_by_week", "period_week", "leaves") == Counter(
        day - timedelta(days=day.weekday()) for a in left for day in [a.terminated_as_of or UNKNOWN]
    )
    steps = by("network_recruitment_funnel", "step_name", "members")
    assert steps == {
        name: n
        for name, n in (
            ("known", len(people)),
            ("joined", len(joined)),
            ("active", sum(a.status == "ACTIVE" for a in people)),
        )
        if n
    }


@pytest.mark.parametrize("agent", AGENTS)
def test_the_crm_equals_the_truth(built: Warehouse, agent: str) -> None:
    told = built.box.truth(agent)["fub"]
    entities, summary = told["entities"], told["summary"]
    people, calls = entities["people"]["rows"], entities["calls"]["rows"]

    def by(table: str, key: str, value: str) -> dict[Any, int]:
        rows = built.rows(
            f"select {key} as key, sum({value})::int as value from metrics.{table}"
            " where scope_kind = 'agent' and crm_account_id = %s group by 1",
            f"fub:{told['account_id']}",
        )
        return {row["key"]: row["value"] for row in rows if row["value"]}

    def month(text: str) -> date:
        moment = datetime.fromisoformat(text).astimezone(REPORTING_ZONE)
        return moment.date().replace(day=1)

    assert by("leads_by_stage", "stage_name", "people") == summary["people_by_stage"]
    assert by("leads_by_source", "lead_source", "people") == Counter(
        p["source"] or "unknown" for p in people.values()
    )
    assert by("leads_by_month", "period_month", "people") == Counter(
        month(p["created"]) for p in people.values()
    )
    incoming = summary["calls_incoming"]
    assert by("calls_by_direction", "direction", "calls") == {
        k: n for k, n in (("incoming", incoming), ("outgoing", len(calls) - incoming)) if n
    }
    seconds = by("calls_by_outcome", "outcome", "call_seconds")
    assert sum(seconds.values()) == summary["calls_seconds"]
    assert by("calls_by_outcome", "outcome", "calls") == Counter(
        c["outcome"] or "unknown" for c in calls.values()
    )
    events = entities["events"]["rows"]
    assert by("events_by_type", "activity_type", "events") == Counter(
        e["type"] or "unknown" for e in events.values()
    )
    assert by("events_by_source", "lead_source", "events") == Counter(
        e["source"] or "unknown" for e in events.values()
    )
    texts = entities["text_messages"]["rows"]
    assert by("texts_by_direction", "direction", "texts") == Counter(
        "incoming" if t["is_incoming"] else "outgoing" for t in texts.values()
    )
    starts = Counter(month(a["start"]) for a in entities["appointments"]["rows"].values())
    assert by("fub_activity_by_month", "period_month", "appointments") == starts


def test_goals_are_measured_by_the_truth(built: Warehouse) -> None:
    told = built.box.truth(ADA)["rezen"]["summary"]["year_to_date"]
    today = built.box.clock.reporting_today
    share = Decimal((today - date(today.year, 1, 1)).days + 1) / (
        (date(today.year, 12, 31) - date(today.year, 1, 1)).days + 1
    )
    rows = {
        row["metric"]: row
        for row in built.rows(
            "select * from metrics.targets where scope_id = %s and period_kind = 'year'",
            agent_id(built, ADA),
        )
    }
    dollars = told["by_currency"]["USD"]
    assert rows["closed_units"]["actual_value"] == told["closed_units"]
    assert rows["volume_amount"]["actual_value"] == Decimal(dollars["volume"])
    assert rows["gci_amount"]["actual_value"] == Decimal(dollars["gci"])
    for row in rows.values():
        pace = row["actual_value"] / (row["goal_value"] * share)
        assert row["pace"] == pace.quantize(Decimal("0.0001"))
