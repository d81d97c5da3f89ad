"""Random deals and listings in an empty warehouse: months, weeks, years and boards are what a plain
loop over the deals finds, under both credit rules, to the cent.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from random import Random
from typing import Any

import psycopg2
import psycopg2.extras
import pytest

from tests.warehouse.running import run_dbt

PROJECT = Path(__file__).parents[2] / "dbt_project"
# still the last of February in New York, so that the running month is the one before
AS_OF, TODAY = "2026-03-01T03:30:00+00:00", date(2026, 2, 28)
UNKNOWN = date(1900, 1, 1)
ZERO, ONE = Decimal(0), Decimal(1)
MODELS = (
    "int_transactions__credited fact_transaction fact_listing time_period agent_monthly"
    " leaderboard team_leaderboard transactions_by_month transactions_by_week transactions_by_stage"
    " transactions_by_geo transactions_by_agent transactions_yoy listings_by_dom_bucket"
)
Databases = Callable[[], AbstractContextManager[str]]
Key = tuple[Any, ...]


@dataclass
class Deal:
    id: str
    owner: str | None
    team: str | None
    group: str
    currency: str
    price: Decimal | None
    gross: Decimal | None
    closed_on: date | None
    contract_on: date | None
    city: str | None
    parties: list[tuple[str | None, Decimal, bool]] = field(default_factory=list)
    """(agent, percent of the commission, whether in a role that can own)."""

    @property
    def day(self) -> date:
        """The day it counts on."""
        return known(self.closed_on if self.group == "CLOSED" else self.contract_on)

    @property
    def status(self) -> str:
        return {"OPEN": "pending"}.get(self.group, self.group.lower())


@dataclass
class Listing:
    id: str
    owner: str | None
    currency: str
    price: Decimal | None
    status: str
    listed_on: date | None


def known(day: date | None) -> date:
    """The day, or the unknown one if it is missing or impossible."""
    if day is None or not date(2000, 1, 2) <= day <= TODAY + timedelta(days=730):
        return UNKNOWN
    return day


class Market:
    """Random agents, teams, deals and listings."""

    def __init__(self, seed: int) -> None:
        rng = self.rng = Random(seed)
        self.agents = [f"agent{n:02}" for n in range(14)]
        self.team_of = {a: rng.choice([None, "red", "blue", "green"]) for a in self.agents}
        self.deals = [self._deal(n) for n in range(500)]
        self.listings = [self._listing(n) for n in range(80)]

    def _day(self) -> date | None:
        rng, dice = self.rng, self.rng.random()
        if dice < 0.06:
            return rng.choice([None, date(1970, 1, 1), date(2200, 1, 1), date(2000, 1, 1)])
        if dice < 0.3:
            # both sides of the ends of months, quarters and years, and of the leap day
            first = date(rng.choice([2023, 2024, 2025, 2026]), rng.choice([1, 2, 3, 4, 7, 12]), 1)
            return first - timedelta(days=rng.randint(-1, 2))
        return TODAY - timedelta(days=rng.randint(-20, 1200))

    def _deal(self, number: int) -> Deal:
        rng = self.rng
        owner = rng.choice(self.agents) if rng.random() > 0.04 else None
        deal = Deal(
            id=f"deal{number}",
            owner=owner,
            team=self.team_of[owner] if owner and rng.random() > 0.3 else None,
            group=rng.choice(["CLOSED"] * 6 + ["OPEN", "OPEN", "TERMINATED", "UNKNOWN"]),
            currency="USD" if rng.random() > 0.25 else "CAD",
            # few prices, so that agents tie
            price=rng.choice([None, *[Decimal(100_000)] * 3, Decimal("250000.01")]),
            gross=rng.choice([None, *[Decimal(3000)] * 3, Decimal("7500.01"), Decimal("-500.00")]),
            closed_on=self._day(),
            contract_on=self._day(),
            city=rng.choice([None, "Lehi", "LEHI", "Salt Lake City"]),
        )
        own = owner or rng.choice(self.agents)
        others = rng.sample([a for a in self.agents if a != own], 2)
        deal.parties = rng.choice(
            [
                [],
                [(own, Decimal(100), True)],
                [(own, Decimal(50), True), (own, Decimal(50), True)],
                [(own, Decimal(60), True), (others[0], Decimal(40), True)],
                [(own, Decimal("33.33"), True)]
                + [(other, Decimal("33.33"), True) for other in others],
                [(own, Decimal(75), True), (None, Decimal(25), False)],
                [(own, Decimal(70), True), (others[0], Decimal(30), False)],
                [(others[0], Decimal(45), True), (others[1], Decimal(55), True)],
            ]
        )
        return deal

    def _listing(self, number: int) -> Listing:
        rng = self.rng
        return Listing(
            id=f"listing{number}",
            owner=rng.choice([*self.agents, None]),
            currency=rng.choice(["USD", "USD", "CAD"]),
            price=rng.choice([None, Decimal(400_000), Decimal(500_000)]),
            status=rng.choice(["Active", "Active", "Terminated"]),
            listed_on=self._day(),
        )

    # --- what a loop finds --------------------------------------------------------------------

    def shares(self, deal: Deal, rule: str) -> list[tuple[str, Decimal]]:
        """Who is credited, the one who bears the rounding first. The parts add up to one."""
        weights: dict[str, Decimal] = {}
        for agent, percent, can_own in deal.parties:
            if agent is not None and can_own:
                weights[agent] = weights.get(agent, ZERO) + percent
        if rule == "owner" or not weights:
            return [(deal.owner or "unknown", ONE)]
        order = sorted(weights, key=lambda a: (a != deal.owner, -weights[a], a))
        total = sum(weights.values())
        parts = [(weights[a] / total).quantize(Decimal("0.000001"), ROUND_HALF_UP) for a in order]
        parts[0] = ONE - sum(parts[1:], ZERO)
        return list(zip(order, parts, strict=True))

    def credits(self, rule: str) -> Iterator[tuple[Deal, str, str, Decimal, Decimal, Decimal]]:
        """(deal, agent, team, units, price, gross) of each deal and credited agent."""
        for deal in self.deals:
            shares = self.shares(deal, rule)
            prices = parts_of(deal.price or ZERO, [s for _, s in shares])
            grosses = parts_of(deal.gross or ZERO, [s for _, s in shares])
            for (agent, share), price, gross in zip(shares, prices, grosses, strict=True):
                then = deal.team if agent == deal.owner else None
                team = then or self.team_of.get(agent) or "unknown"
                yield deal, agent, team, share, price, gross

    def sums(self, rule: str, key: Callable[[Deal, str, str], Key]) -> dict[Key, list[Decimal]]:
        """[closed, pending, terminated, all, volume, GCI, pending volume and GCI] by a key, for
        each scope."""
        found: dict[Key, list[Decimal]] = defaultdict(lambda: [ZERO] * 8)
        for deal, agent, team, units, price, gross in self.credits(rule):
            closed, pending = deal.group == "CLOSED", deal.group == "OPEN"
            row = [
                units * closed,
                units * pending,
                units * (deal.group == "TERMINATED"),
                units,
                price * closed,
                gross * closed,
                price * pending,
                gross * pending,
            ]
            for scope in (("agent", agent), ("team", team)):
                at = (*scope, deal.currency, *key(deal, agent, team))
                found[at] = [a + b for a, b in zip(found[at], row, strict=True)]
        return found


def parts_of(amount: Decimal, shares: list[Decimal]) -> list[Decimal]:
    """An amount in cents by shares; the first one has what rounding leaves."""
    parts = [(amount * s).quantize(Decimal("0.01"), ROUND_HALF_UP) for s in shares]
    parts[0] = amount - sum(parts[1:], ZERO)
    return parts


def periods(day: date) -> Iterator[tuple[str, str]]:
    """All periods of the boards that a day is in."""
    yield "all_time", "all_time"
    if day == UNKNOWN:
        yield from ((kind, "unknown") for kind in ("month", "quarter", "year"))
        return
    quarter = (day.month + 2) // 3
    yield "month", f"{day:%Y-%m}"
    yield "quarter", f"{day.year}-Q{quarter}"
    yield "year", f"{day.year}"
    if day.year == TODAY.year:
        yield "ytd", "ytd"
        if quarter == (TODAY.month + 2) // 3:
            yield "qtd", "qtd"
        if day.month == TODAY.month:
            yield "mtd", "mtd"
    before = TODAY.replace(day=1) - timedelta(days=1)
    if (day.year, day.month) == (before.year, before.month):
        yield "last_month", "last_month"


def board(market: Market, rule: str, *, teams: bool) -> dict[Key, tuple[Any, ...]]:
    """The leaderboard: (units, volume, GCI and their ranks) by the board's whole key."""
    totals: dict[Key, list[Decimal | None]] = {}

    def add(who: Key, day: date, status: str, currency: str, row: list[Decimal | None]) -> None:
        agent, team = who
        places = (
            [("company", "company", team)]
            if teams
            else [("company", "company", agent), ("team", team, agent)]
        )
        for kind, place, ranked in places:
            if "unknown" in (ranked, place):
                continue
            for period in periods(day):
                at = (kind, place, *period, status, currency, ranked)
                held = totals.setdefault(at, [ZERO, ZERO, None])
                totals[at] = [
                    b if a is None else a if b is None else a + b
                    for a, b in zip(held, row, strict=True)
                ]

    for deal, agent, team, units, price, gross in market.credits(rule):
        if deal.group in ("CLOSED", "OPEN"):
            add((agent, team), deal.day, deal.status, deal.currency, [units, price, gross])
    for item in market.listings:
        if item.status == "Active":
            agent = item.owner or "unknown"
            team = market.team_of.get(agent) or "unknown"
            row = [ONE, item.price or ZERO, None]
            add((agent, team), known(item.listed_on), "active", item.currency, row)

    boards: dict[Key, list[Key]] = defaultdict(list)
    for at in totals:
        boards[at[:-1]].append(at)
    ranked: dict[Key, tuple[Any, ...]] = {}
    for members in boards.values():
        ladders = [
            sorted({v for m in members if (v := totals[m][n]) is not None}, reverse=True)
            for n in range(3)
        ]
        for member in members:
            values = totals[member]
            ranks = [
                None if v is None else ladder.index(v) + 1
                for v, ladder in zip(values, ladders, strict=True)
            ]
            ranked[member] = (*values, *ranks)
    return ranked


# --- the warehouse ------------------------------------------------------------------------------


@dataclass
class Built:
    market: Market
    rule: str
    database: str

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with closing(psycopg2.connect(self.database)) as connection:
            cursor = connection.cursor()
            cursor.execute(query)
            return cursor.fetchall()

    def table(self, name: str, key: str, values: str) -> dict[Key, tuple[Any, ...]]:
        """The rows of a table of schema metrics by key, which must be unique."""
        width = len(key.split(","))
        found = self.rows(f"select {key}, {values} from metrics.{name}")
        by_key = {row[:width]: row[width:] for row in found}
        assert len(by_key) == len(found), name
        return by_key


INPUTS: Mapping[str, str] = {
    "transaction": "transaction_id text, owner_agent_id text, team_id text, address_id text,"
    " listing_id text, lifecycle_group text, lifecycle_state text, transaction_type text,"
    " property_type text, representation text, lead_source text, is_closed boolean,"
    " is_pending boolean, closed_on date, contract_date date",
    "transaction_financials": "transaction_id text, currency text, price_currency text,"
    " gross_commission_currency text, price_amount numeric(20, 4),"
    " gross_commission_amount numeric(20, 4)",
    "transaction_viewer": "transaction_id text, viewer_agent_id text, connection_id text,"
    " net_payout_amount numeric(20, 4), net_payout_currency text, updated_at timestamptz",
    "commission_split": "transaction_id text, participant_source_id text, agent_id text,"
    " split_percent numeric",
    "participant": "transaction_id text, participant_source_id text, can_own boolean",
    "agent": "agent_id text, team_id text",
    "address": "address_id text, country text, state_code text, city text",
    "listing": "listing_id text, owner_agent_id text, team_id text, address_id text,"
    " lifecycle_state text, lifecycle_group text, listing_status text, property_type text,"
    " currency text, list_price_amount numeric(20, 4), listing_date date, closed_on date",
}


def fill(database: str, market: Market) -> None:
    """The tables of core that the metrics read."""
    rows: dict[str, list[tuple[Any, ...]]] = {name: [] for name in INPUTS}
    rows["agent"] = list(market.team_of.items())
    for deal in market.deals:
        place = deal.id if deal.city else None
        kind = (deal.group, f"{deal.group}_STATE", "Sale", None, "BUYER", None)
        state = (deal.group == "CLOSED", deal.group == "OPEN", deal.closed_on, deal.contract_on)
        rows["transaction"].append((deal.id, deal.owner, deal.team, place, None, *kind, *state))
        if deal.city:
            rows["address"].append((deal.id, "UNITED_STATES", "UT", deal.city))
        money = (deal.currency, deal.currency, deal.currency, deal.price, deal.gross)
        rows["transaction_financials"].append((deal.id, *money))
        for number, (agent, percent, can_own) in enumerate(deal.parties):
            rows["commission_split"].append((deal.id, f"p{number}", agent, percent))
            rows["participant"].append((deal.id, f"p{number}", can_own))
    for item in market.listings:
        group = "OPEN" if item.status == "Active" else "TERMINATED"
        kind = (None, group, item.status, None)
        money = (item.currency, item.price, item.listed_on, None)
        rows["listing"].append((item.id, item.owner, None, None, *kind, *money))
    with closing(psycopg2.connect(database)) as connection, connection.cursor() as cursor:
        for name, columns in INPUTS.items():
            cursor.execute(f"create table core.{name} ({columns})")
            if rows[name]:
                insert = f"insert into core.{name} values %s"
                psycopg2.extras.execute_values(cursor, insert, rows[name])
        cursor.execute("grant select on all tables in schema core to brokerage_transformer")
        connection.commit()


def build(database: str, rule: str, folder: Path) -> None:
    run_dbt(
        database,
        folder,
        *("run", "--select", *MODELS.split()),
        as_of=datetime.fromisoformat(AS_OF),
        # a variable has the project parsed anew, and this is how it is without any
        variables=None if rule == "owner" else {"credit_rule": rule},
    )


@pytest.fixture(scope="module", params=["owner", pytest.param("split", marks=pytest.mark.slow)])
def built(
    request: pytest.FixtureRequest,
    new_database: Databases,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Built]:
    rule = request.param
    market = Market(seed=11 if rule == "owner" else 12)
    with new_database() as database:
        fill(database, market)
        build(database, rule, tmp_path_factory.mktemp(rule))
        yield Built(market, rule, database)


MEASURES = (
    "closed_units, pending_units, terminated_units, total_units, volume_amount, gci_amount,"
    " pending_volume_amount, pending_gci_amount"
)
SCOPE = "scope_kind, scope_id, currency"


def plain(rows: Mapping[Key, Any]) -> dict[Key, list[Decimal]]:
    return {key: list(values) for key, values in rows.items()}


def test_months_are_those_of_the_deals(built: Built) -> None:
    found = built.table("transactions_by_month", f"{SCOPE}, period_month", MEASURES)
    wanted = built.market.sums(built.rule, lambda deal, *_: (deal.day.replace(day=1),))
    assert plain(found) == plain(wanted)


def test_weeks_begin_on_monday(built: Built) -> None:
    found = built.table("transactions_by_week", f"{SCOPE}, period_week", MEASURES)
    wanted = built.market.sums(
        built.rule, lambda deal, *_: (deal.day - timedelta(days=deal.day.weekday()),)
    )
    assert plain(found) == plain(wanted)


def test_stages_and_places_are_those_of_the_deals(built: Built) -> None:
    stages = built.table("transactions_by_stage", f"{SCOPE}, lifecycle_state", MEASURES)
    assert plain(stages) == plain(
        built.market.sums(built.rule, lambda deal, *_: (f"{deal.group}_STATE",))
    )
    places = built.table("transactions_by_geo", f"{SCOPE}, city", MEASURES)
    assert plain(places) == plain(
        built.market.sums(
            built.rule, lambda deal, *_: (deal.city.title() if deal.city else "unknown",)
        )
    )


def test_a_deal_is_credited_once_whoever_shares_it(built: Built) -> None:
    """All agents together have each deal once: no rule makes money or loses it."""
    [found] = built.rows(
        "select sum(total_units), sum(volume_amount + pending_volume_amount),"
        " sum(gci_amount + pending_gci_amount) from metrics.fact_transaction"
    )
    counted = [d for d in built.market.deals if d.group in ("CLOSED", "OPEN")]
    assert found == (
        len(built.market.deals),
        sum((d.price or ZERO for d in counted), ZERO),
        sum((d.gross or ZERO for d in counted), ZERO),
    )


@pytest.mark.parametrize("name", ["leaderboard", "team_leaderboard"])
def test_boards_rank_with_ties_in_every_period(built: Built, name: str) -> None:
    teams = name == "team_leaderboard"
    found = built.table(
        name,
        "scope_kind, scope_id, period_kind, period_key, deal_status, currency,"
        f" {'team_id' if teams else 'agent_id'}",
        "units, volume_amount, gci_amount, units_rank, volume_rank, gci_rank",
    )
    wanted = board(built.market, built.rule, teams=teams)
    assert found == wanted
    ranks = [(key[:-1], row[4]) for key, row in found.items() if key[4] == "closed"]
    assert len(ranks) > len(set(ranks)), "the deals must make somebody tie"


def test_agents_rank_over_all_time(built: Built) -> None:
    found = built.table(
        "transactions_by_agent",
        f"{SCOPE}, agent_id",
        "closed_units, volume_amount, gci_amount",
    )
    wanted: dict[Key, list[Decimal]] = defaultdict(lambda: [ZERO] * 3)
    for deal, agent, team, units, price, gross in built.market.credits(built.rule):
        for scope in (("company", "company"), ("team", team)):
            at = (*scope, deal.currency, agent)
            row = [v * (deal.group == "CLOSED") for v in (units, price, gross)]
            wanted[at] = [a + b for a, b in zip(wanted[at], row, strict=True)]
    assert plain(found) == plain(wanted)


def test_years_are_compared_month_by_month(built: Built) -> None:
    found = built.table(
        "transactions_yoy",
        f"{SCOPE}, period_month",
        "closed_units, volume_amount, gci_amount, prior_closed_units, prior_volume_amount,"
        " prior_gci_amount",
    )
    months = built.market.sums(built.rule, lambda deal, *_: (deal.day.replace(day=1),))
    closed = {key: [row[0], row[4], row[5]] for key, row in months.items()}
    keys = set(closed)
    for *scope, month in closed:
        later = month.replace(year=month.year + 1)
        if month != UNKNOWN and later <= TODAY:
            keys.add((*scope, later))
    none = [ZERO] * 3
    wanted = {}
    for *scope, month in keys:
        before = month.replace(year=month.year - 1)
        prior = none if month == UNKNOWN else closed.get((*scope, before), none)
        wanted[(*scope, month)] = closed.get((*scope, month), none) + prior
    assert plain(found) == wanted


def test_rolling_months_are_the_last_twelve_that_are_over(built: Built) -> None:
    found = built.table(
        "agent_monthly", "agent_id, currency, period_month", "closed_units, rolling_gci_amount"
    )
    months = {
        key[1:]: row
        for key, row in built.market.sums(
            built.rule, lambda deal, *_: (deal.day.replace(day=1),)
        ).items()
        if key[0] == "agent"
    }
    running = TODAY.replace(day=1)
    wanted: dict[Key, tuple[Any, ...]] = {}
    for agent, currency in {key[:2] for key in months}:
        own = {key[2]: row for key, row in months.items() if key[:2] == (agent, currency)}
        listed = set(own)
        first = min((m for m in own if m != UNKNOWN), default=None)
        while first is not None and first <= running:
            listed.add(first)
            first = (first + timedelta(days=32)).replace(day=1)
        for month in listed:
            last = month if month < running else (running - timedelta(days=1)).replace(day=1)
            span = [m for m in own if 0 <= months_between(m, last) < 12]
            rolling = sum((own[m][5] for m in span), ZERO)
            if month == UNKNOWN or month > running:
                rolling = None
            wanted[agent, currency, month] = (own[month][0] if month in own else ZERO, rolling)
    assert found == wanted


def months_between(first: date, last: date) -> int:
    return (last.year - first.year) * 12 + last.month - first.month


def test_days_on_market_fall_into_their_bucket(built: Built) -> None:
    found = built.rows(
        "select dom_bucket, sum(listings)::int from metrics.listings_by_dom_bucket"
        " where scope_kind = 'agent' group by 1"
    )
    wanted: dict[str, int] = defaultdict(int)
    for item in built.market.listings:
        day = known(item.listed_on)
        days = (TODAY - day).days
        name = "unknown"
        if item.status == "Active" and day != UNKNOWN and days >= 0:
            ends = [(30, "0-30"), (60, "31-60"), (90, "61-90"), (180, "91-180"), (9999, "181+")]
            name = next(label for end, label in ends if days <= end)
        wanted[name] += 1
    assert dict(found) == wanted


def test_periods_are_those_of_the_calendar(built: Built) -> None:
    rows = built.rows(
        "select period_kind, period_key, starts_on, ends_on, is_current, elapsed_share::float"
        " from metrics.time_period"
    )
    by_key = {row[:2]: row[2:] for row in rows}
    assert len(by_key) == len(rows)
    assert by_key["ytd", "ytd"][:2] == (date(2026, 1, 1), date(2026, 12, 31))
    assert by_key["mtd", "mtd"] == (date(2026, 2, 1), TODAY, True, 1.0)
    assert by_key["last_month", "last_month"][:2] == (date(2026, 1, 1), date(2026, 1, 31))
    assert by_key["qtd", "qtd"][3] == pytest.approx(59 / 90, abs=1e-6)
    for (kind, key), (starts_on, ends_on, *_) in by_key.items():
        if kind == "week" and key != "unknown":
            year, week, weekday = starts_on.isocalendar()
            assert (key, weekday) == (f"{year}-W{week:02}", 1)
            assert ends_on - starts_on == timedelta(days=6)
        if kind in ("month", "quarter", "year") and key != "unknown":
            middle = starts_on + (ends_on - starts_on) / 2
            assert (kind, key) in set(periods(middle))
