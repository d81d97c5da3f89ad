"""The synthetic brokerage obeys the published compensation model and its own arithmetic."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.box import Sandbox
from sandbox.clock import REPORTING_ZONE, Clock
from sandbox.world import compensation as model
from sandbox.world.model import CLOSED_STATES, CapYear, Contribution
from sandbox.world.sizes import SIZES
from sandbox.world.world import World

TODAY = date(2026, 6, 15)
ZERO = Decimal(0)


def make(seed: int = 7, size: str = "small", today: date = TODAY) -> World:
    return World(seed=seed, size=SIZES[size], clock=Clock(today))


@pytest.fixture(scope="module")
def world() -> World:
    return make()


@pytest.fixture(scope="module")
def demo() -> World:
    return make(size="demo")


@given(seed=st.integers(0, 10_000), days=st.integers(0, 40))
@settings(max_examples=8, deadline=None)
def test_every_seed_keeps_the_books_straight(seed: int, days: int) -> None:
    world = make(seed)
    world.advance(days)
    check_caps(world)
    check_splits(world)
    check_contributions(world)
    check_payments(world)


def check_caps(world: World) -> None:
    for year in world.ledger.cap_years.values():
        assert ZERO <= year.paid <= year.cap
        assert year.capped == (year.paid == year.cap)
        assert (year.capped_at is not None) == year.capped
        # 15 % of the year's gross, up to the cap; rounding at most half a cent per deal
        expected = min(year.cap, year.gross * model.REAL_SHARE)
        assert abs(year.paid - expected) <= Decimal("0.005") * max(1, year.deals)


def check_splits(world: World) -> None:
    for deal in world.deals:
        paid = [p for p in deal.participants if p.percent is not None]
        if paid:
            assert sum(p.percent or ZERO for p in paid) == 100
            assert sum(p.amount or ZERO for p in paid) == deal.gross


def check_contributions(world: World) -> None:
    sums: dict[tuple[str, str, date, int], Decimal] = defaultdict(Decimal)
    for receiver, rows in world.ledger.contributions.items():
        for row in rows:
            agent = world.agents[row.contributor_id]
            assert row.payout <= row.formula
            uplines = {u for u in world.ledger.uplines(agent) if u[0] == receiver}
            assert {(receiver, row.tier)} <= {(u[0], u[1]) for u in uplines}
            year = world.ledger.cap_year(agent, row.earned_on)
            # nothing is earned from a contributor after the deal that capped him
            assert year.capped_at is None or row.earned_at <= year.capped_at
            sums[receiver, agent.id, year.start, row.tier] += row.formula
    for (_, _, _, tier), formula in sums.items():
        assert formula <= model.TIER_MAXIMUM[tier]


def check_payments(world: World) -> None:
    for receiver, payments in world.ledger.payments.items():
        for payment in payments:
            assert payment.paid_at.day == 15
            assert payment.amount == sum(c.payout for c in payment.contributions)
            assert all(c.payment_id == payment.id for c in payment.contributions)
            assert all(c.earned_on <= payment.period_end for c in payment.contributions)
        kept = [c for c in world.ledger.contributions[receiver] if not c.missed]
        pending = world.ledger.pending(receiver)
        assert len(kept) == len(pending) + sum(len(p.contributions) for p in payments)
        assert all(c.status == "PENDING" and c.payment_id is None for c in pending)


def test_the_contracts_own_example() -> None:
    year = CapYear("a", date(2025, 4, 1), Decimal(12000))
    result = model.settle(
        Decimal(12000),
        year,
        country="UNITED_STATES",
        deal_type="SALE",
        share_of_deal=Decimal("0.8"),
    )
    assert result.net == Decimal(9920)
    assert model.revenue_share(result.base, 1, False) == Decimal("586.00")
    assert model.revenue_share(Decimal(9720), 1, False) == Decimal("486.00")


def test_the_deal_that_reaches_the_cap_pays_only_the_rest() -> None:
    year = CapYear("a", date(2025, 4, 1), Decimal(12000), paid=Decimal(11700), brokerage_fees=3)
    crossing = model.settle(Decimal(10000), year, country="UNITED_STATES", deal_type="SALE")
    assert (crossing.real_split, crossing.post_cap_fee) == (Decimal(300), ZERO)
    assert crossing.base == Decimal(2000) - model.PROCESSING_FEE
    model.post(crossing, Decimal(10000), year)
    after = model.settle(Decimal(10000), year, country="UNITED_STATES", deal_type="SALE")
    assert (after.real_split, after.post_cap_fee, after.base) == (ZERO, Decimal(285), ZERO)
    assert after.net == Decimal(10000) - 285 - 30
    small = model.settle(Decimal(1000), year, country="UNITED_STATES", deal_type="SALE")
    assert small.post_cap_fee == Decimal(150)
    year.elite = True
    elite = model.settle(Decimal(10000), year, country="UNITED_STATES", deal_type="SALE")
    assert elite.post_cap_fee == Decimal(129)


@pytest.mark.parametrize("size", ["small", "demo"])
def test_the_three_agents_are_what_the_contract_asks_for(size: str) -> None:
    world = make(size=size)
    ada, ben, cora = world.connected[:3]
    assert [world.key_of(a.id) for a in (ada, ben, cora)] == [
        "ada-sample",
        "ben-example",
        "cora-upline",
    ]
    caps = {a.id: world.ledger.cap_year(a, TODAY) for a in (ada, ben, cora)}
    assert caps[ada.id].capped
    assert not caps[ada.id].elite
    assert not caps[ben.id].capped
    assert caps[cora.id].elite
    # four producing tier-1 agents leave the second tier locked, five open it
    assert world.ledger.producing_first_tier(ben.id, TODAY) == 4
    assert world.ledger.producing_first_tier(cora.id, TODAY) == 5
    assert world.ledger.producing_first_tier(ada.id, TODAY) >= 10
    locked = [c for c in world.ledger.contributions[ben.id] if c.tier > 1]
    assert locked
    assert {c.missed_reason for c in locked} == {"TIER_LOCKED"}
    assert any(c.tier == 2 and not c.missed for c in world.ledger.contributions[cora.id])
    shared = [d for d in world.deals_of(ada.id) if d.visible_to(ben.id)]
    assert any(d.net[ada.id] != d.net[ben.id] for d in shared if d.group == "CLOSED")
    assert len(world.sponsors(ada.id)) > 5
    assert any(a.status == "INACTIVE" for a in world.sponsors(ada.id))
    assert world.teams_of(ben.id) == []
    assert len(world.teams_of(cora.id)) == 2


def test_a_co_sponsored_agent_gives_both_the_same_share(demo: World) -> None:
    agent = next(a for a in demo.agents.values() if a.co_sponsor_id)
    rows: dict[str, dict[str, Contribution]] = defaultdict(dict)
    for receiver in (agent.sponsor_id, agent.co_sponsor_id):
        assert receiver is not None
        for row in demo.ledger.contributions[receiver]:
            if row.contributor_id == agent.id:
                rows[row.deal_id][receiver] = row
    assert rows
    for pair in rows.values():
        formulas = {row.formula for row in pair.values()}
        base = next(iter(pair.values())).base
        assert formulas == {model.cents(base * Decimal("0.05") * Decimal("0.45"))}


def test_one_month_is_cut_by_the_pool(demo: World) -> None:
    rows = [c for c in demo.ledger.contributions[demo.connected[0].id] if c.payout < c.formula]
    assert {(c.earned_on.year, c.earned_on.month) for c in rows} == set(demo.ledger.pool_months)


def test_every_oddity_is_there_in_the_smallest_world(world: World) -> None:
    deals = [d for d in world.deals if not d.listing]
    assert any(d.currency == "CAD" and d.group == "CLOSED" for d in deals)
    assert any(isinstance(d.raw.get("price", {}).get("amount"), str) for d in deals)
    assert any(d.gross is not None and d.gross < 0 for d in deals)
    assert any(d.gross == 0 for d in deals)
    assert any(d.gross is None for d in deals)
    assert any(isinstance(d.raw.get("skySlopeActualClosingDate"), int) for d in deals)
    assert any(d.contract_date == date(2024, 2, 29) for d in deals)
    assert any(d.closed_at and (d.closed_at.hour, d.closed_at.minute) == (23, 30) for d in deals)
    assert any(d.state is None for d in deals)
    assert any(d.state == "AWAITING_STARS" for d in deals)
    assert any(d.participants == [] for d in deals)
    assert any(d.office_id is None for d in deals)
    assert any(d.state == "WAITING_ON_PAYMENT" for d in deals)
    assert any(d.state == "TERMINATION_REQUESTED" for d in deals)
    roles = {p.role for d in deals for p in d.participants}
    assert {"UNKNOWN", "CONCIERGE", "TEAM_LEADER", "REFERRING_AGENT", "TITLE"} <= roles
    percents = [sorted(p.percent for p in d.participants if p.percent) for d in deals]
    assert [Decimal("33.33"), Decimal("33.33"), Decimal("33.34")] in percents
    twice = [
        d
        for d in deals
        for p in d.participants
        if [q.agent_id for q in d.participants].count(p.agent_id) > 1 and p.agent_id
    ]
    assert twice
    names = {a.last_name for a in world.agents.values()}
    assert {"DOE", "O'Sample", "Núñez-Example", "Placeholder"} <= names
    assert any(a.join_date is None and a.status == "ACTIVE" for a in world.agents.values())
    statuses = {a.status for t in (1, 2) for a in world.down_line(world.connected[0].id, t)}
    assert statuses == {"ACTIVE", "INACTIVE", "CANDIDATE", "REJECTED", "RESURRECTING"}
    roster = {m.role for m in world.teams_of(world.connected[0].id)[0].members}
    assert roster == {"LEADER", "ADMIN", "MEMBER"}


def test_the_year_of_a_closing_is_that_of_the_reporting_zone(world: World) -> None:
    deal = next(
        d
        for d in world.deals_of(world.connected[0].id)
        if d.closed_at and (d.closed_at.month, d.closed_at.day, d.closed_at.hour) == (1, 1, 3)
    )
    assert deal.closed_at is not None
    assert deal.closed_at.year == 2026
    assert world.closed_on(deal) == date(2025, 12, 31)


def test_states_and_groups_agree(demo: World) -> None:
    for deal in demo.deals:
        closed = deal.state in CLOSED_STATES or deal.state == "LISTING_CLOSED"
        assert (deal.group == "CLOSED") == closed, deal.state
        assert (deal.group == "TERMINATED") == (deal.state == "TERMINATED")
        assert deal.updated_at <= demo.now()
        assert (deal.closed_at is None) == (deal.listing or not closed)


def test_the_owner_can_be_found_when_it_is_not_sent(demo: World) -> None:
    main = {"BUYERS_AGENT", "SELLERS_AGENT", "TENANT_AGENT", "OTHER_AGENT"}
    for deal in demo.deals:
        if not deal.owner_sent:
            first = min(
                (p for p in deal.participants if p.agent_id and not p.external and p.role in main),
                key=lambda p: (p.created_at, p.id),
            )
            assert first.agent_id == deal.owner_id


def test_the_same_seed_gives_the_same_truth_and_another_one_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # the truth tells what is overdue by now, so both are asked at one instant
    noon = datetime(2026, 6, 15, 12, tzinfo=UTC)
    monkeypatch.setattr(Clock, "now", lambda self: noon)
    first, again, other = (Sandbox(seed=s) for s in (3, 3, 4))
    assert first.truth() == again.truth()
    assert first.truth() != other.truth()


def test_time_moves_the_brokerage() -> None:
    box = Sandbox(size="demo")
    before = box.truth("ada-sample")["rezen"]
    box.advance(days=31)
    after = box.truth("ada-sample")["rezen"]
    pending, paid = (
        before["entities"]["revshare_pending"],
        after["entities"]["revshare_payment_contributions"],
    )
    assert {k.split("|")[1] for k in paid} >= set(pending)
    assert len(after["entities"]["transactions"]) > len(before["entities"]["transactions"])
    assert after["entities"]["down_line"] != before["entities"]["down_line"]
    box.reset()
    assert box.truth("ada-sample")["rezen"] == before


def test_truth_adds_up() -> None:
    box = Sandbox()
    for key, truth in box.truth().items():
        entities, figures = truth["rezen"]["entities"], truth["rezen"]["summary"]
        share = figures["revenue_share"]
        rows = [
            *entities["revshare_pending"].values(),
            *entities["revshare_payment_contributions"].values(),
        ]
        assert sum(Decimal(r["payout_amount"]) for r in rows) == Decimal(share["total"]), key
        this_year = [r for r in rows if date.fromisoformat(r["earned_on"]).year == figures["year"]]
        assert sum(Decimal(r["payout_amount"]) for r in this_year) == Decimal(share["year_to_date"])
        control = truth["rezen"]["control"]
        assert sum(Decimal(a) for a in control["by_tier"].values()) == Decimal(share["total"])
        assert figures["network_size_by_tier"] == {
            t: sum(
                r["tier"] == int(t) and r["status"] == "ACTIVE"
                for r in entities["down_line"].values()
            )
            for t in "12345"
        }
        groups = control["groups"]["transactions"]
        assert sum(groups.values()) == len(entities["transactions"])


def test_changes_show_in_the_truth() -> None:
    box = Sandbox()
    ada = box.world.agent_by_key("ada-sample")
    units = box.truth("ada-sample")["rezen"]["summary"]["all_time"]["closed_units"]
    new = box.mutate({"op": "add_deal", "agent_key": "ada-sample", "partner_key": "ben-example"})
    closed = box.mutate({"op": "close_deal", "deal_id": new["deal_id"]})
    assert closed["state"] == "CLOSED"
    truth = box.truth("ada-sample")["rezen"]
    assert truth["summary"]["all_time"]["closed_units"] == units + 1
    assert new["deal_id"] in box.truth("ben-example")["rezen"]["entities"]["transactions"]
    day = box.world.closed_on(box.world.deals[-1])
    assert day == box.clock.now().astimezone(REPORTING_ZONE).date()
    box.mutate({"op": "hide_deal", "deal_id": new["deal_id"], "agent_key": "ben-example"})
    assert new["deal_id"] not in box.truth("ben-example")["rezen"]["entities"]["transactions"]
    box.mutate({"op": "hide_deal", "deal_id": new["deal_id"]})
    assert box.truth("ada-sample")["rezen"]["summary"]["all_time"]["closed_units"] == units
    joined = box.mutate(
        {"op": "add_member", "sponsor_id": ada.id, "first_name": "A", "last_name": "B"}
    )
    key = f"{joined['agent_id']}|1"
    assert key in box.truth("ada-sample")["rezen"]["entities"]["down_line"]
    box.mutate({"op": "set_status", "agent_id": joined["agent_id"], "status": "INACTIVE"})
    row = box.truth("ada-sample")["rezen"]["entities"]["down_line"][key]
    assert row["status"] == "INACTIVE"
    box.mutate({"op": "remove_member", "agent_id": joined["agent_id"]})
    assert key not in box.truth("ada-sample")["rezen"]["entities"]["down_line"]


@pytest.mark.parametrize(
    "change",
    [
        {"op": "fly"},
        {"op": "close_deal", "deal_id": "none"},
        {"op": "set_status", "agent_key": "ada-sample", "status": "HAPPY"},
        {"op": "add_deal", "agent_key": "nobody"},
    ],
)
def test_an_impossible_change_says_why(change: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"\."):
        make().mutate(change)
