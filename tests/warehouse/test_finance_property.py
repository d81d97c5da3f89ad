"""Finance on random worlds: deals, sponsors and caps are put into the tables that finance reads,
and each figure is compared with a reckoning in plain Python, written from the contract (§12).
"""

from __future__ import annotations

import calendar
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import psycopg2
import psycopg2.extras
import pytest

from tests.warehouse.finance_case import FINANCE, make_raw_tables, rows_of, run_dbt

ZONE = ZoneInfo("America/New_York")
AS_OF = datetime(2026, 6, 15, 12, tzinfo=UTC)
FIRST_DAY = date(2024, 9, 1)
CENT, ZERO = Decimal("0.01"), Decimal(0)
WORLDS = 12

PERCENT = {1: 5, 2: 4, 3: 3, 4: 2, 5: 1}
MAXIMUM = {1: 4000, 2: 3200, 3: 2400, 4: 1600, 5: 800}
STOCK_MOST = {12000: (3400, 15000), 6000: (1700, 7500), 4000: (850, 5000)}

Databases = Callable[[], AbstractContextManager[str]]


def cents(amount: Decimal) -> Decimal:
    return amount.quantize(CENT, ROUND_HALF_UP)


def day_of(moment: datetime) -> date:
    return moment.astimezone(ZONE).date()


def anniversary(anchor: date, year: int) -> date:
    return date(year, anchor.month, min(anchor.day, calendar.monthrange(year, anchor.month)[1]))


def cap_year(anchor: date, day: date) -> date:
    start = anniversary(anchor, day.year)
    return start if start <= day else anniversary(anchor, day.year - 1)


def months_later(day: date, months: int) -> date:
    index = day.year * 12 + day.month - 1 + months
    year, month = index // 12, index % 12 + 1
    return date(year, month, min(day.day, calendar.monthrange(year, month)[1]))


@dataclass
class Person:
    id: str
    anchor: date
    cap: Decimal
    sponsors: list[str]
    connected: bool = False
    buys_stock: bool = False
    hidden_sponsor: bool = False


@dataclass
class Share:
    """What an agent's part of a deal came to."""

    deal: str
    agent: str
    currency: str
    gross: Decimal
    at: datetime
    split: Decimal = ZERO
    yearly: Decimal = ZERO
    fee: Decimal = ZERO
    after_cap: Decimal = ZERO
    stock: Decimal = ZERO
    base: Decimal = ZERO
    visible: bool = True

    @property
    def net(self) -> Decimal:
        return self.gross - self.split - self.yearly - self.fee - self.after_cap - self.stock

    @property
    def full_base(self) -> Decimal:
        return max(ZERO, self.gross - self.yearly - self.fee)


@dataclass
class Due:
    """A contribution: the formula up to the yearly maximum, and what became of it."""

    receiver: str
    share: Share
    tier: int
    formula: Decimal
    expected: Decimal
    payout: Decimal
    outcome: str  # paid, pending, missed or forgotten by the vendor
    number: int = 0


@dataclass
class Books:
    """One cap year of an agent, as the contract keeps it."""

    paid: Decimal = ZERO
    gross: Decimal = ZERO
    deals: int = 0
    fees: Decimal = ZERO
    stock_before: Decimal = ZERO
    stock_after: Decimal = ZERO


@dataclass
class World:
    name: str
    people: dict[str, Person] = field(default_factory=dict)
    shares: list[Share] = field(default_factory=list)
    dues: list[Due] = field(default_factory=list)
    deals: dict[str, dict[str, Any]] = field(default_factory=dict)
    years: dict[tuple[str, date], Books] = field(default_factory=dict)
    paths: dict[str, list[tuple[str, int, bool]]] = field(default_factory=dict)
    closings: dict[str, list[date]] = field(default_factory=dict)


def make_people(world: World, rng: Random) -> None:
    for number in range(rng.randint(8, 16)):
        name = f"{world.name}-p{number}"
        anchor = rng.choice(
            (date(2024, 2, 29), date(2023, rng.randint(1, 12), rng.randint(1, 28)), FIRST_DAY)
        )
        above = list(world.people)
        sponsors = [rng.choice(above[-5:])] if above else []
        if len(above) > 2 and rng.random() < 0.25:
            second = rng.choice(above)
            sponsors += [second] if second != sponsors[0] else []
        connected = number < 2 or rng.random() < 0.35
        # who may exceed a yearly maximum has to be known whole
        caps = (4000, 6000, 12000, 30000) if connected else (4000, 6000, 12000)
        person = Person(f"rezen:{name}", anchor, Decimal(rng.choice(caps)), sponsors, connected)
        person.buys_stock = connected and person.cap in STOCK_MOST and rng.random() < 0.4
        world.people[name] = person
    parents = {s for p in world.people.values() for s in p.sponsors}
    for name, person in world.people.items():
        # the vendor does not name everybody's sponsor
        leaf = name not in parents and not person.connected and len(person.sponsors) == 1
        person.hidden_sponsor = leaf and rng.random() < 0.3
    for name in world.people:
        world.paths[name] = up_line(world, name)


def up_line(world: World, name: str) -> list[tuple[str, int, bool]]:
    """Who receives: everybody five tiers up, on each path; below a co-sponsorship 45 %."""
    found: list[tuple[str, int, bool]] = []
    level = [(name, False)]
    for tier in PERCENT:
        above = []
        for member, shared in level:
            sponsors = world.people[member].sponsors
            for sponsor in sponsors:
                split = shared or len(sponsors) > 1
                found.append((sponsor, tier, split))
                above.append((sponsor, split))
        level = above
    return [f for f in found if world.people[f[0]].connected]


def make_deals(world: World, rng: Random) -> None:
    moments = set()
    # somebody closes enough to cap and to become Elite
    star = rng.choice(list(world.people)[:4])
    for number in range(rng.randint(60, 140)):
        day = FIRST_DAY + timedelta(days=rng.randint(0, 640))
        # often around midnight, when UTC and the reporting zone differ
        hour = rng.choice((0, 3, 4, 5, 12, 23))
        at = datetime(day.year, day.month, day.day, hour, rng.randint(0, 59), tzinfo=UTC)
        if at in moments or at > AS_OF:
            continue
        moments.add(at)
        deal = f"rezen:{world.name}-d{number}"
        agents = rng.sample(list(world.people), rng.choice((1, 1, 1, 2)))
        if rng.random() < 0.4:
            agents = [star]
        currency = "CAD" if rng.random() < 0.06 else "USD"
        gross = Decimal(rng.randint(80_000, 4_000_000)) / 100
        if rng.random() < 0.03:
            gross = Decimal(-500)
        referral = cents(gross / 4) if rng.random() < 0.2 else ZERO
        parts, rest = [], gross - referral
        for agent in agents[1:]:
            part = cents(rest * rng.choice((20, 40, 50)) / 100)
            parts.append((agent, part))
            rest -= part
        parts.append((agents[0], rest))
        world.deals[deal] = {
            "currency": currency,
            "gross": gross,
            "referral": referral,
            "lease": rng.random() < 0.08,
            "at": at,
            "visible": any(world.people[a].connected for a in agents),
            "parts": parts,
        }


def live(world: World, rng: Random, pool: dict[tuple[int, int], Decimal]) -> None:
    """Everything that follows from the closings, one after the other."""
    used: dict[tuple[str, str, date, int], Decimal] = {}
    for deal_id, deal in sorted(world.deals.items(), key=lambda item: item[1]["at"]):
        for agent, gross in deal["parts"]:
            share = settle(world, agent, gross, deal_id, deal)
            if share.base > 0:
                contribute(world, share, agent, used, rng, pool)
        for agent, gross in deal["parts"]:
            if gross > 0:
                world.closings.setdefault(agent, []).append(day_of(deal["at"]))


def settle(world: World, agent: str, gross: Decimal, deal_id: str, deal: dict[str, Any]) -> Share:
    person = world.people[agent]
    share = Share(deal_id, agent, deal["currency"], gross, deal["at"], visible=deal["visible"])
    world.shares.append(share)
    if gross <= 0:
        return share
    full = cents(gross * 15 / 100)
    share.fee = Decimal(30)
    if share.currency != "USD":
        share.split = full
        return share
    start = cap_year(person.anchor, day_of(share.at))
    year = world.years.setdefault((agent, start), Books())
    capped = year.paid >= person.cap
    share.split = ZERO if capped else min(full, person.cap - year.paid)
    share.yearly = Decimal(250) if year.deals < 3 else ZERO
    elite = year.fees >= 6000 or (year.gross >= 500_000 and year.deals >= 10)
    if capped:
        most = Decimal(125 if deal["lease"] else 129 if elite else 285)
        share.after_cap = min(cents(most * gross / deal["gross"]), full)
    if person.buys_stock and share.net > 0:
        before, after = STOCK_MOST[int(person.cap)]
        if capped:
            share.stock = min(cents(share.net / 10), after - year.stock_after)
            year.stock_after += share.stock
        else:
            share.stock = min(cents(share.net / 20), before - year.stock_before)
            year.stock_before += share.stock
    if share.split > 0:
        part = gross if share.split == full else cents(share.split * 100 / 15)
        share.base = max(ZERO, part - share.yearly - share.fee)
    year.paid += share.split
    year.gross += gross
    year.deals += 1
    year.fees += share.after_cap
    return share


def contribute(
    world: World,
    share: Share,
    agent: str,
    used: dict[tuple[str, str, date, int], Decimal],
    rng: Random,
    pool: dict[tuple[int, int], Decimal],
) -> None:
    person = world.people[agent]
    day = day_of(share.at)
    start = cap_year(person.anchor, day)
    for receiver, tier, shared in world.paths[agent]:
        book = (receiver, agent, start, tier)
        before = used.get(book, ZERO)
        formula = cents(share.base * PERCENT[tier] / 100 * (Decimal("0.45") if shared else 1))
        expected = min(formula, MAXIMUM[tier] - before)
        used[book] = before + expected
        if expected <= 0:
            continue
        payout = cents(expected * pool.get((day.year, day.month), Decimal(1)))
        outcome = "paid" if day < date(2026, 5, 1) else "pending"
        dice = rng.random()
        # what a vendor misses or forgets of a person that we do not see whole stays hidden
        if dice < 0.08 and person.connected:
            outcome = "missed"
        elif dice < 0.1 and person.connected:
            outcome = "forgotten"
        number = len(world.dues)
        world.dues.append(Due(receiver, share, tier, formula, expected, payout, outcome, number))


def make_worlds(seed: int) -> list[World]:
    rng = Random(seed)
    pool = {(2025, 3): Decimal("0.93"), (2025, 8): Decimal("0.8125"), (2026, 2): Decimal("0.9871")}
    worlds = []
    for number in range(WORLDS):
        world = World(f"w{number}")
        make_people(world, rng)
        make_deals(world, rng)
        live(world, rng, pool)
        worlds.append(world)
    return worlds


# -- into the tables -------------------------------------------------------------------------------


class Tables:
    """The tables that finance reads, filled row by row."""

    PARENTS = (
        "core.connection", "core.agent", "core.agent_cap", "core.team_member", "core.transaction",
        "core.transaction_financials", "core.transaction_viewer", "core.commission_split",
        "core.participant", "network.network_member", "network.sponsor_edge",
        "staging.stg_rezen__equity_positions", "staging.stg_rezen__equity_transactions",
        "staging.stg_rezen__equity_months", "staging.stg_rezen__equity_years",
        "staging.stg_rezen__revshare_payments", "staging.stg_rezen__revshare_payment_contributions",
        "staging.stg_rezen__revshare_pending_contributions",
        "staging.stg_rezen__revshare_window_contributions",
        "staging.stg_rezen__revshare_contributors", "staging.stg_rezen__revshare_tiers",
    )  # fmt: skip

    def __init__(self, database: str) -> None:
        self.rows: dict[str, list[dict[str, Any]]] = {name: [] for name in self.PARENTS}
        self._database = database

    def add(self, table: str, **values: Any) -> None:
        [name] = [n for n in self.PARENTS if n.endswith((f".{table}", f"__{table}"))]
        self.rows[name].append(values)

    def write(self) -> None:
        with closing(psycopg2.connect(self._database)) as connection:
            cursor = connection.cursor()
            cursor.execute("set role brokerage_transformer")
            for name, rows in self.rows.items():
                self._as_table(cursor, name)
                cursor.execute(f"truncate {name}")
                for columns in {tuple(row) for row in rows}:
                    values = [tuple(row.values()) for row in rows if tuple(row) == columns]
                    listed = ", ".join(columns)
                    psycopg2.extras.execute_values(
                        cursor, f"insert into {name} ({listed}) values %s", values
                    )
            connection.commit()

    @staticmethod
    def _as_table(cursor: Any, name: str) -> None:
        cursor.execute("select relkind::text from pg_class where oid = %s::regclass", (name,))
        if cursor.fetchone()[0] == "v":
            cursor.execute(f"create table {name}_rows as select * from {name} where false")
            cursor.execute(f"drop view {name} cascade")
            cursor.execute(f"alter table {name}_rows rename to {name.split('.')[1]}")


def fill(tables: Tables, world: World, rng: Random) -> None:
    for name, person in world.people.items():
        _add_person(tables, world, name, person, rng)
    for deal_id, deal in world.deals.items():
        if deal["visible"]:
            _add_deal(tables, world, deal_id, deal)
    missed: dict[tuple[str, str, int, date], list[Due]] = {}
    for due in world.dues:
        month = day_of(due.share.at).replace(day=1)
        if due.outcome == "missed":
            missed.setdefault((due.receiver, due.share.agent, due.tier, month), []).append(due)
        elif due.outcome != "forgotten":
            _add_contribution(tables, world, due)
    # some accounts list what was missed deal by deal, others as a sum per agent and month
    by_deal = rng.random() < 0.5
    for (receiver, agent, tier, month), dues in missed.items():
        for part in [[due] for due in dues] if by_deal else [dues]:
            share, number = part[0].share, part[0].number
            tables.add(
                "revshare_window_contributions",
                connection_id=f"{receiver}:rezen",
                contribution_source_id=f"{world.name}-c{number}" if by_deal else None,
                transaction_source_id=share.deal.removeprefix("rezen:") if by_deal else None,
                row_key=f"{world.name}-c{number}" if by_deal else f"{month}|missed",
                contributor_source_id=agent,
                tier=tier,
                payout_amount=sum((d.payout for d in part), ZERO),
                base_amount=sum((d.share.base for d in part), ZERO),
                currency="USD",
                base_currency="USD",
                is_missed=True,
                missed_reason="TIER_LOCKED" if tier > 1 else "NOT_PRODUCING",
                window_start_date=month,
                earned_date=day_of(share.at) if by_deal else None,
                synced_at=AS_OF,
            )


def _add_person(tables: Tables, world: World, name: str, person: Person, rng: Random) -> None:
    tables.add(
        "agent",
        agent_id=person.id,
        agent_source_id=name,
        is_connected=person.connected,
        anniversary_date=person.anchor if rng.random() < 0.7 else None,
        join_date=person.anchor,
        account_currency="USD",
    )
    if person.connected:
        tables.add(
            "connection", connection_id=f"{name}:rezen", agent_id=person.id, account_currency="USD"
        )
        tables.add(
            "equity_positions",
            connection_id=f"{name}:rezen",
            agent_source_id=name,
            is_stock_plan_member=person.buys_stock,
            synced_at=AS_OF,
        )
    # the cap comes from the team, the brokerage or the user, in this order, else from the plan
    source = rng.choice(("group", "team", "brokerage", "user"))
    if person.cap == 12000 and rng.random() < 0.3:
        source = "plan"
    other = person.cap + 1000
    if source in ("group", "brokerage"):
        start = cap_year(person.anchor, AS_OF.date())
        tables.add(
            "agent_cap",
            agent_id=person.id,
            cap_year_end_date=anniversary(person.anchor, start.year + 1),
            currency="USD",
            annual_cap_amount=other if source == "group" else person.cap,
            group_team_cap_amount=person.cap if source == "group" else None,
            read_date=AS_OF.date(),
        )
    if source in ("group", "team"):
        tables.add(
            "team_member",
            team_id=f"team-{world.name}",
            agent_id=person.id,
            real_cap_amount=other if source == "group" else person.cap,
            is_flex=False,
            is_active=True,
        )
    if source != "plan":
        tables.add(
            "network_member",
            owner_agent_id="rezen:somebody",
            member_agent_id=person.id,
            cap_amount=person.cap if source == "user" else other,
            cap_currency="USD",
        )
    for sponsor in () if person.hidden_sponsor else person.sponsors:
        tables.add(
            "sponsor_edge",
            member_agent_id=person.id,
            sponsor_agent_id=world.people[sponsor].id,
            is_co_sponsored=len(person.sponsors) > 1,
        )


def _add_deal(tables: Tables, world: World, deal_id: str, deal: dict[str, Any]) -> None:
    tables.add(
        "transaction",
        transaction_id=deal_id,
        owner_agent_id=world.people[deal["parts"][-1][0]].id,
        is_closed=True,
        is_lease=deal["lease"],
        rezen_closed_at=deal["at"],
        closed_on=day_of(deal["at"]) - timedelta(days=2),
    )
    tables.add(
        "transaction_financials",
        transaction_id=deal_id,
        gross_commission_amount=deal["gross"],
        gross_commission_currency=deal["currency"],
    )
    splits: list[tuple[str | None, Decimal, str]] = [
        (world.people[a].id, gross, "BUYERS_AGENT") for a, gross in deal["parts"]
    ]
    splits.append((None, deal["referral"], "REFERRING_AGENT"))
    for number, (agent_id, gross, role) in enumerate(splits):
        ids = {"transaction_id": deal_id, "participant_source_id": f"{deal_id}-{number}"}
        tables.add(
            "commission_split",
            **ids,
            split_number=number,
            agent_id=agent_id,
            currency=deal["currency"],
            split_amount=gross,
        )
        tables.add("participant", **ids, participant_role=role, is_external=agent_id is None)
    for share in world.shares:
        if share.deal == deal_id and world.people[share.agent].connected:
            tables.add(
                "transaction_viewer",
                transaction_id=deal_id,
                connection_id=f"{share.agent}:rezen",
                viewer_agent_id=world.people[share.agent].id,
                net_payout_currency=share.currency,
                net_payout_amount=share.net,
                is_owner=share.agent == deal["parts"][-1][0],
            )


def _add_contribution(tables: Tables, world: World, due: Due) -> None:
    paid = due.outcome == "paid"
    payment = f"{due.receiver}-{day_of(due.share.at):%Y-%m}"
    tables.add(
        "revshare_payment_contributions" if paid else "revshare_pending_contributions",
        connection_id=f"{due.receiver}:rezen",
        contribution_source_id=f"{world.name}-c{due.number}",
        payment_source_id=payment if paid else None,
        contributor_source_id=due.share.agent,
        transaction_source_id=due.share.deal.removeprefix("rezen:"),
        tier=due.tier,
        payout_amount=due.payout,
        currency="USD",
        base_amount=due.share.base,
        base_currency="USD",
        is_missed=False,
        earned_at=due.share.at,
        earned_date=day_of(due.share.at),
        synced_at=AS_OF,
    )


# -- the comparison --------------------------------------------------------------------------------


@dataclass
class Case:
    database: str
    worlds: list[World]
    overpaid: dict[tuple[str, str, str, int], Decimal]

    def rows(self, query: str) -> list[dict[str, Any]]:
        return rows_of(self.database, query)

    def dues(self) -> dict[tuple[str, str, str, int], list[tuple[World, Due]]]:
        found: dict[tuple[str, str, str, int], list[tuple[World, Due]]] = {}
        for world in self.worlds:
            for due in world.dues:
                ids = world.people[due.receiver].id, world.people[due.share.agent].id
                found.setdefault((*ids, due.share.deal, due.tier), []).append((world, due))
        return found


def key_of(row: dict[str, Any]) -> tuple[str, str, str, int]:
    return (
        row["receiving_agent_id"],
        row["contributing_agent_id"],
        row["transaction_id"],
        row["tier"],
    )


@pytest.fixture(scope="module")
def empty(
    new_database: Databases, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, Path]]:
    """A database with all models, built from nothing."""
    folder = tmp_path_factory.mktemp("property")
    with new_database() as database:
        make_raw_tables(database, folder)
        without = ("--exclude", "resource_type:test", "resource_type:unit_test")
        run_dbt(database, folder, "build", "--select", f"+{FINANCE}", *without, as_of=AS_OF)
        yield database, folder


SEEDS = (20260615, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (2, 3)))


@pytest.fixture(scope="module", params=SEEDS)
def case(empty: tuple[str, Path], request: pytest.FixtureRequest) -> Case:
    """The worlds in the tables, and only finance built anew. Some payouts are wrong by a dollar."""
    database, folder = empty
    worlds = make_worlds(request.param)
    rng = Random(1)
    overpaid: dict[tuple[str, str, str, int], Decimal] = {}
    tables = Tables(database)
    for world in worlds:
        for due in rng.sample(world.dues, min(2, len(world.dues))):
            # where the tree is not known, a wrong amount cannot be told from a co-sponsor's
            seen = not world.people[due.share.agent].hidden_sponsor
            if seen and due.outcome in ("paid", "pending"):
                due.payout += 1
                ids = world.people[due.receiver].id, world.people[due.share.agent].id
                key = (*ids, due.share.deal, due.tier)
                overpaid[key] = overpaid.get(key, ZERO) + 1
        fill(tables, world, rng)
    tables.write()
    run_dbt(database, folder, "run", "--select", FINANCE, as_of=AS_OF)
    return Case(database, worlds, overpaid)


def test_the_worlds_have_what_they_are_made_for(case: Case) -> None:
    dues = [due for world in case.worlds for due in world.dues]
    assert len(dues) > 500
    assert any(due.expected < due.formula for due in dues)
    assert {due.outcome for due in dues} == {"paid", "pending", "missed", "forgotten"}
    shares = [share for world in case.worlds for share in world.shares]
    assert {share.currency for share in shares} == {"USD", "CAD"}
    assert any(share.after_cap == 129 for share in shares)
    assert any(share.stock for share in shares)
    assert any(person.hidden_sponsor for world in case.worlds for person in world.people.values())
    assert any(day_of(share.at) != share.at.date() for share in shares)
    assert case.overpaid


def test_each_share_is_settled_as_the_contract_says(case: Case) -> None:
    held = {
        (row["agent_id"], row["transaction_id"]): row
        for row in case.rows("select * from finance.int_shares__settled where is_connected")
    }
    told = {
        (world.people[share.agent].id, share.deal): share
        for world in case.worlds
        for share in world.shares
        if world.people[share.agent].connected
    }
    assert held.keys() == told.keys()
    for key, share in told.items():
        row = held[key]
        assert row["company_split_amount"] == share.split, (key, row, share)
        assert row["brokerage_fee_amount"] == share.yearly, (key, row, share)
        assert row["processing_fee_amount"] == share.fee, (key, row, share)
        assert row["post_cap_fee_amount"] == share.after_cap, (key, row, share)
        assert row["stock_amount"] == share.stock, (key, row, share)
        assert row["base_amount"] == share.base, (key, row, share)


def test_cap_years_add_up_and_begin_on_the_anniversary(case: Case) -> None:
    held = {
        (row["agent_id"], row["cap_year_start_date"]): row
        for row in case.rows("select * from finance.agent_cap_year where is_connected")
    }
    for world in case.worlds:
        for (agent, start), year in world.years.items():
            person = world.people[agent]
            if not person.connected:
                continue
            row = held[person.id, start]
            assert row["deals_paid_amount"] == year.paid, row
            assert row["cap_amount"] == person.cap, row
            assert row["cap_remaining_amount"] == person.cap - year.paid, row
            assert row["is_capped"] is (year.paid >= person.cap), row
            assert row["deal_count"] == year.deals, row


def test_waterfalls_add_up_to_the_net(case: Case) -> None:
    lines: dict[tuple[str, str], dict[str, Decimal]] = {}
    currencies: dict[tuple[str, str], set[str]] = {}
    for row in case.rows("select * from finance.commission_line"):
        key = (row["agent_id"], row["transaction_id"])
        lines.setdefault(key, {})[row["line_type"]] = row["line_amount"]
        currencies.setdefault(key, set()).add(row["currency"])
    for world in case.worlds:
        for share in world.shares:
            person = world.people[share.agent]
            if not person.connected:
                continue
            found = lines.pop((person.id, share.deal))
            deal = world.deals[share.deal]
            assert currencies[person.id, share.deal] == {share.currency}
            assert "unexplained" not in found, found
            assert found["net"] == share.net
            assert found["gci"] == deal["gross"]
            assert found.get("referral", ZERO) == -deal["referral"]
            assert found.get("co_agent", ZERO) == share.gross + deal["referral"] - deal["gross"]
    assert not lines


def test_expected_revenue_share_is_the_contracts(case: Case) -> None:
    held = {
        key_of(row): row
        for row in case.rows("select * from finance.revshare_expected where currency = 'USD'")
    }
    for key, dues in case.dues().items():
        world, due = dues[0]
        person = world.people[due.share.agent]
        if due.outcome == "forgotten" and key not in held:
            continue
        row = held[key]
        expected = sum((d.expected for _, d in dues), ZERO)
        if person.hidden_sponsor:
            # without the tree nobody can know of co-sponsors above
            assert row["expected_amount"] >= expected, (row, due)
        else:
            assert row["expected_amount"] == expected, (row, due)
        assert row["earned_date"] == day_of(due.share.at)


def test_the_pool_is_found_in_its_months_and_in_no_other(case: Case) -> None:
    held = {
        (row["earned_month"].year, row["earned_month"].month): row["pool_factor"]
        for row in case.rows("select * from finance.revshare_pool where is_limited")
    }
    assert held == {
        (2025, 3): Decimal("0.93"),
        (2025, 8): Decimal("0.8125"),
        (2026, 2): Decimal("0.9871"),
    }


def test_each_difference_has_the_cause_that_it_has(case: Case) -> None:
    told = case.dues()
    closings = {
        world.people[agent].id: days
        for world in case.worlds
        for agent, days in world.closings.items()
    }
    seen = set()
    for row in case.rows("select * from finance.revshare_reconciliation"):
        key = key_of(row)
        if row["reconciled_by"] == "month":
            assert row["cause"] in ("locked_tier", "missed"), row
            continue
        seen.add(key)
        if row["currency"] == "CAD":
            assert row["currency_difference"] == row["difference_amount"], row
            assert row["cause"] in ("currency", None), row
            continue
        dues = [due for _, due in told.get(key, [])]
        listed = [due for due in dues if due.outcome in ("paid", "pending")]
        assert row["vendor_amount"] == sum((d.payout for d in listed), ZERO), row
        paid = sum((d.payout for d in listed if d.outcome == "paid"), ZERO)
        assert row["paid_amount"] == paid, row
        if listed:
            unknown = case.overpaid.get(key, ZERO)
            # what a second, forgotten path would have paid is missing from the rest
            lacking = sum((d.payout for d in dues if d not in listed), ZERO)
            assert abs(row["unknown_difference"] + lacking - unknown) <= CENT * len(dues), row
        elif any(due.outcome == "forgotten" for due in dues) and row["expected_amount"] > 0:
            days = [d for d in closings.get(key[0], []) if d < row["earned_date"]]
            producing = any(months_later(day, 6) >= row["earned_date"] for day in days)
            recent = row["earned_date"] > date(2026, 6, 12)
            # a missed sum of the same month may stand for it
            lost_elsewhere = row["locked_tier_difference"] or row["missed_difference"]
            assert lost_elsewhere or recent or (producing and row["unknown_difference"] < 0), row
        else:
            assert row["unknown_difference"] == 0 or not _known(case, key), row
    visible = {key for key, dues in told.items() if dues[0][1].outcome in ("paid", "pending")}
    assert visible <= seen


def _known(case: Case, key: tuple[str, str, str, int]) -> bool:
    """Whether all deals of the contributor are in the tables."""
    return any(
        person.id == key[1] and person.connected
        for world in case.worlds
        for person in world.people.values()
    )


def test_parts_of_each_difference_add_up(case: Case) -> None:
    causes = (
        "capped_contributor", "yearly_maximum", "locked_tier", "missed", "pool_limit", "co_sponsor",
        "other_base", "currency", "deal_not_visible", "rounding", "pending", "unknown",
    )  # fmt: skip
    found = set()
    for row in case.rows("select * from finance.revshare_reconciliation"):
        parts = [row[f"{cause}_difference"] for cause in causes]
        assert sum(parts, ZERO) == row["difference_amount"], row
        assert row["difference_amount"] == row["paid_amount"] - row["formula_amount"], row
        assert (row["cause"] is None) is not any(parts), row
        found |= {cause for cause in causes if row[f"{cause}_difference"]}
    assert found >= {
        "capped_contributor", "yearly_maximum", "locked_tier", "missed", "pool_limit", "currency",
        "pending", "unknown",
    }  # fmt: skip


def test_income_is_each_net_and_each_contribution_once(case: Case) -> None:
    held: dict[tuple[str, str, str], Decimal] = {}
    for row in case.rows("select * from finance.income"):
        key = (row["agent_id"], row["income_type"], row["currency"])
        held[key] = held.get(key, ZERO) + row["amount"]
    told: dict[tuple[str, str, str], Decimal] = {}
    for world in case.worlds:
        for share in world.shares:
            if world.people[share.agent].connected:
                key = (world.people[share.agent].id, "Compensation", share.currency)
                told[key] = told.get(key, ZERO) + share.net
        for due in world.dues:
            if due.outcome in ("paid", "pending"):
                key = (world.people[due.receiver].id, "RevShare", "USD")
                told[key] = told.get(key, ZERO) + due.payout
    assert held == told
