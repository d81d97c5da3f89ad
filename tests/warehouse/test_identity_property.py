"""Random deals, each written down by several vendors in their own ways: no two deals become one,
none counts twice, and few records stay apart.

The deals are made here, with all that makes two of them look alike: other units of one house, the
same house sold again, both sides of one sale, a contract that failed and was made anew. The rows
go into tables in the place of staging's views; which record is about which deal is only known here.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import psycopg2
import pytest
from psycopg2 import sql

from brokerage.database.engine import LIBPQ_DRIVER, LOADER, build_url
from pipelines.common.load import prepare_raw
from pipelines.registry import VENDORS
from tests.warehouse.identity_case import rows_of
from tests.warehouse.running import run_dbt

DEALS = 2500
SEEDS = (1, pytest.param(2, marks=pytest.mark.slow))
NOW = datetime(2026, 6, 15, 12, tzinfo=UTC)
READ = datetime(2026, 6, 15, 11, tzinfo=UTC)
RECALL = {"skyslope": 0.95, "files": 0.9, "qualia": 0.9, "dotloop": 0.95, "fub": 0.95}
"""The least share of the records of deals in reZEN that are joined to them; of cards, those that
need neither unit nor contract to be told apart, for they tell neither.
"""

# every spelling of a word: the first is the one that reZEN gets
SUFFIXES = (
    ("Street", "St", "St.", "STREET"),
    ("Avenue", "Ave", "Ave.", "av"),
    ("Boulevard", "Blvd", "Blvd."),
    ("Drive", "Dr", "Dr.", "DRIVE"),
    ("Court", "Ct", "Ct."),
    ("Lane", "Ln", "Ln."),
    ("Road", "Rd", "Rd."),
    ("Parkway", "Pkwy", "Pky"),
    ("Terrace", "Ter", "Terr."),
    ("Highway", "Hwy", "Hwy."),
    ("Way", "Wy", "way"),
)
NAMES = (
    ("Oak", "oak", "OAK"),
    ("Saint George", "St George", "St. George"),
    ("Mount Vernon", "Mt Vernon", "Mt. Vernon"),
    ("5th", "Fifth", "5TH"),
    ("O'Sample", "OSample", "O\u2019Sample"),
    ("Cañada", "Canada", "CAÑADA"),
    ("Example", "example"),
    ("Fixture", "FIXTURE"),
)
DIRECTIONS = (("", ""), ("", ""), ("North", "N", "N."), ("Southwest", "SW", "S.W."))
CITIES = (
    ("Saint Sample", "St. Sample", "UTAH", "UT", "84770", "USD"),
    ("Fort Example", "Ft Example", "TEXAS", "TX", "76102", "USD"),
    ("Fairview", "FAIRVIEW", "OREGON", "OR", "97024", "USD"),
    ("Toronto", "toronto", "ONTARIO", "ON", "M5H 2N2", "CAD"),
)
SIDES = {
    "buy": ("BUYER", "Purchase / Tenant", "PURCHASE_OFFER", "Buyer"),
    "sell": ("SELLER", "Listing / Landlord", "LISTING_FOR_SALE", "seller side"),
}
STATES = {
    "OPEN": ("COMMISSION_VALIDATED", "Pending", "UNDER_CONTRACT", "PENDING", "Pending"),
    "CLOSED": ("SETTLED", "Closed", "SOLD", "CLOSED", "Closed"),
    "TERMINATED": ("TERMINATED", "Canceled/App", "ARCHIVED", "CANCELLED", "Cancelled"),
}

Databases = Callable[[], AbstractContextManager[str]]
Key = tuple[str, str]


@dataclass(frozen=True)
class TrueDeal:
    """What is the case. `twin` is the deal of the other side of the same sale, `attempt` the other
    contract of the same client for the same house.
    """

    id: int
    agent: int
    number: int
    direction: tuple[str, ...]
    name: tuple[str, ...]
    suffix: tuple[str, ...]
    unit: str | None
    city: tuple[str, str, str, str, str, str]
    price: Decimal
    contract: date
    closing: date
    side: str
    group: str
    twin: int | None = None
    attempt: int | None = None

    @property
    def code(self) -> str:
        return f"C{self.id:05d}"

    @property
    def street(self) -> str:
        parts = (str(self.number), self.direction[0], self.name[0], self.suffix[0])
        return " ".join(part for part in parts if part)


@dataclass
class Telling:
    """The rows by staging table, and what each record is about."""

    rng: Random
    rows: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))
    about: dict[Key, frozenset[int]] = field(default_factory=dict)
    in_rezen: set[int] = field(default_factory=set)
    unclear: set[Key] = field(default_factory=set)

    def say(self, table: str, **columns: Any) -> None:
        self.rows[table].append({"synced_at": READ, **columns})

    # -- noise -----------------------------------------------------------------------------------

    def street(self, deal: TrueDeal) -> tuple[str, str]:
        """Number and name, as somebody types them."""
        words = (deal.direction, deal.name, deal.suffix)
        return str(deal.number), " ".join(w for w in map(self.rng.choice, words) if w)

    def unit(self, deal: TrueDeal) -> str | None:
        if deal.unit is None:
            return None
        forms = ("{}", "Apt {}", "Unit {}", "#{}", "Ste. {}")
        text = self.rng.choice(forms).format(deal.unit)
        return text.upper() if self.rng.random() < 0.3 else text

    def price(self, deal: TrueDeal) -> Decimal:
        return deal.price if self.rng.random() < 0.7 else Decimal(int(deal.price))

    def near(self, day: date) -> date:
        return day + timedelta(days=self.rng.choice((0, 0, 0, 1, -1, 5, -9, 14)))

    def zip(self, deal: TrueDeal) -> str | None:
        code = deal.city[4]
        if self.rng.random() < 0.1:
            return None
        if deal.city[5] == "CAD":
            return self.rng.choice((code, code.replace(" ", ""), code.lower()))
        return self.rng.choice((code, f"{code}-1234"))

    def email(self, agent: int) -> str:
        return f"agent{agent}@example.com"

    # -- vendors ---------------------------------------------------------------------------------

    def rezen(self, deal: TrueDeal) -> None:
        self.in_rezen.add(deal.id)
        self.about["rezen", f"d{deal.id}"] = frozenset({deal.id})
        self.say(
            "stg_rezen__transactions",
            connection_id="w:rezen",
            deal_source_id=f"d{deal.id}",
            transaction_code=deal.code,
            owner_source_id=f"y{deal.agent}",
            representation=SIDES[deal.side][0],
            lifecycle_state=STATES[deal.group][0],
            is_listing=False,
            price_amount=deal.price,
            price_currency=deal.city[5],
            contract_date=deal.contract,
            estimated_closing_date=deal.closing,
            actual_closing_date=deal.closing if deal.group == "CLOSED" else None,
            updated_at=READ,
            address=json.dumps(
                {
                    "street": deal.street,
                    "unit": deal.unit,
                    "city": deal.city[0],
                    "state": deal.city[2],
                    "zip": deal.city[4],
                }
            ),
        )
        self.say(
            "stg_rezen__participants",
            connection_id="w:rezen",
            source_entity="transactions",
            deal_source_id=f"d{deal.id}",
            participant_source_id=f"p{deal.id}",
            agent_source_id=f"y{deal.agent}",
            participant_role="BUYERS_AGENT" if deal.side == "buy" else "SELLERS_AGENT",
            first_name="Robin",
            last_name=f"Number{deal.agent}",
            email_address=self.email(deal.agent).upper(),
            is_external=False,
            is_other_party=False,
            has_payment=True,
            is_paid_by_real=False,
        )

    def skyslope(self, deal: TrueDeal) -> None:
        number, name = self.street(deal)
        self.about["skyslope", f"s{deal.id}"] = frozenset({deal.id})
        self.say(
            "stg_skyslope__sales",
            connection_id="w:skyslope",
            sale_source_id=f"S{deal.id}",
            agent_user_source_id=f"u{deal.agent}",
            file_status=STATES[deal.group][1],
            deal_type=SIDES[deal.side][1],
            street_number=number,
            street_name=name,
            unit=self.unit(deal),
            city=self.rng.choice(deal.city[:2]),
            state=self.rng.choice((deal.city[3], deal.city[2].title())),
            postal_code=self.zip(deal),
            sale_price_amount=self.price(deal),
            contract_acceptance_date=self.near(deal.contract),
            estimated_closing_date=self.near(deal.closing),
            actual_closing_date=deal.closing if deal.group == "CLOSED" else None,
            modified_at=READ,
        )

    def dotloop(self, deal: TrueDeal) -> None:
        number, name = self.street(deal)
        named = self.rng.random() < 0.4
        self.about["dotloop", f"l{deal.id}"] = frozenset({deal.id})
        self.say(
            "stg_dotloop__loops",
            connection_id="w:dotloop",
            profile_source_id="1",
            loop_source_id=f"l{deal.id}",
            transaction_number=deal.code if named else None,
            transaction_type=SIDES[deal.side][2],
            loop_status=STATES[deal.group][2],
            street_number=number,
            street_name=name,
            unit=self.unit(deal),
            city=self.rng.choice(deal.city[:2]),
            state=deal.city[3],
            postal_code=self.zip(deal),
            sale_price_amount=self.price(deal),
            contract_agreement_date=self.near(deal.contract),
            closing_date=self.near(deal.closing),
            updated_at=READ,
        )
        self.say(
            "stg_dotloop__participants",
            connection_id="w:dotloop",
            profile_source_id="1",
            loop_source_id=f"l{deal.id}",
            participant_source_id="1",
            full_name=f"Robin Number{deal.agent}",
            email=self.email(deal.agent),
            role_name="BUYING_AGENT" if deal.side == "buy" else "LISTING_AGENT",
        )

    def qualia(self, deal: TrueDeal, twin: TrueDeal | None, other: TrueDeal) -> None:
        """An order is about a sale: with both agents on it, it is about either deal."""
        number, name = self.street(deal)
        chance = self.rng.random()
        reference = deal.code.lower() if chance < 0.4 else None
        # somebody mistook one deal for another
        if chance > 0.97:
            reference = other.code
        both = {deal.id} | ({twin.id} if twin else set())
        self.about["qualia", f"o{deal.id}"] = frozenset(both)
        closes = datetime.combine(self.near(deal.closing), time(17), tzinfo=UTC)
        self.say(
            "stg_qualia__orders",
            connection_id="house:qualia",
            order_source_id=f"o{deal.id}",
            external_reference_number=reference,
            order_status=STATES[deal.group][3],
            transaction_type="PURCHASE",
            purchase_price_amount=self.price(deal),
            estimated_closing_at=closes,
            closed_at=closes if deal.group == "CLOSED" else None,
        )
        self.say(
            "stg_qualia__order_properties",
            connection_id="house:qualia",
            order_source_id=f"o{deal.id}",
            property_position=1,
            street=f"{number} {name}",
            unit=self.unit(deal),
            city=self.rng.choice(deal.city[:2]),
            state=deal.city[3],
            postal_code=self.zip(deal),
        )
        for place, one in enumerate((deal, twin)):
            if one is not None:
                self.say(
                    "stg_qualia__parties",
                    connection_id="house:qualia",
                    order_source_id=f"o{deal.id}",
                    party_kind="sellingAgencies" if one.side == "buy" else "listingAgencies",
                    party_position=str(place),
                    party_source_id=f"q{one.agent}",
                    party_type="OrderAssociate",
                    email=self.email(one.agent),
                )

    def fub(self, deal: TrueDeal) -> None:
        number, name = self.street(deal)
        card = f"{number} {name}, {self.rng.choice(deal.city[:2])} — Client"
        # a card follows the client and not the contract
        self.about["fub", f"1:{deal.id}"] = frozenset({deal.id, deal.attempt} - {None})
        if deal.unit or deal.attempt is not None:
            self.unclear.add(("fub", f"1:{deal.id}"))
        self.say(
            "stg_fub__deals",
            connection_id="w:fub",
            deal_source_id=str(deal.id),
            deal_name=card,
            deal_status="Active",
            pipeline_source_id="1",
            stage_source_id="9" if deal.group == "CLOSED" else "8",
            stage_name="Closed" if deal.group == "CLOSED" else "Under Contract",
            price_amount=Decimal(int(deal.price)),
            projected_close_date=self.near(deal.closing),
        )
        self.say(
            "stg_fub__deal_users",
            connection_id="w:fub",
            deal_source_id=str(deal.id),
            user_source_id=str(deal.agent),
            user_number=1,
        )

    def files(self, deal: TrueDeal) -> None:
        number, name = self.street(deal)
        unit = self.unit(deal)
        together = unit is not None and self.rng.random() < 0.5
        # a wrong currency: whatever else fits, that is not the same money
        currency = deal.city[5] if self.rng.random() > 0.04 else {"USD": "CAD"}.get(deal.city[5])
        self.about["files", f"w:files:{deal.id}"] = frozenset({deal.id})
        self.say(
            "stg_files__transactions",
            connection_id="w:files",
            transaction_key=str(deal.id),
            transaction_status=STATES[deal.group][4],
            represented_side=SIDES[deal.side][3],
            street=f"{number} {name}, Unit {deal.unit}" if together else f"{number} {name}",
            unit=None if together else unit,
            city=self.rng.choice(deal.city[:2]),
            state=self.rng.choice((deal.city[3], deal.city[2].title())),
            postal_code=self.zip(deal),
            agent_email=self.email(deal.agent),
            price_amount=self.price(deal),
            price_currency=currency,
            contract_date=self.near(deal.contract),
            closing_date=self.near(deal.closing) if deal.group == "CLOSED" else None,
        )


def make_deals(rng: Random) -> list[TrueDeal]:
    """Deals, and others that look like them."""
    deals: list[TrueDeal] = []

    def add(deal: TrueDeal, **other: Any) -> TrueDeal:
        made = replace(deal, id=len(deals), **other)
        deals.append(made)
        return made

    while len(deals) < DEALS:
        contract = date(2024, 1, 1) + timedelta(days=rng.randint(0, 700))
        base = add(
            TrueDeal(
                id=0,
                agent=rng.randint(0, 29),
                number=rng.randint(1, 9899),
                direction=rng.choice(DIRECTIONS),
                name=rng.choice(NAMES),
                suffix=rng.choice(SUFFIXES),
                unit=rng.choice((None, None, None, None, None, None, "4B", "12", "7")),
                city=rng.choice(CITIES),
                price=Decimal(rng.randint(10_000_000, 90_000_000)) / 100,
                contract=contract,
                closing=contract + timedelta(days=rng.randint(20, 60)),
                side=rng.choice(("buy", "sell")),
                group=rng.choice(("CLOSED", "CLOSED", "OPEN", "TERMINATED")),
            )
        )
        later = timedelta(days=rng.choice((420, 800)))
        match rng.randint(0, 11):
            case 0 | 6 if base.unit:
                add(base, unit="9")
            case 1:
                add(base, contract=base.contract + later, closing=base.closing + later)
            case 2:
                other = "sell" if base.side == "buy" else "buy"
                add(base, side=other, agent=(base.agent + 1) % 30, twin=base.id)
                deals[base.id] = replace(base, twin=len(deals) - 1)
            case 3:
                add(base, number=base.number + 2)
            case 4:
                again = timedelta(days=12)
                deals[base.id] = replace(base, group="TERMINATED", attempt=len(deals))
                add(
                    base,
                    group="CLOSED",
                    attempt=base.id,
                    contract=base.contract + again,
                    closing=base.closing + again,
                )
            case 5:
                add(base, city=rng.choice([c for c in CITIES if c[5] == "USD" and c != base.city]))
            case _:
                pass
    return deals


def tell(seed: int) -> Telling:
    """Each deal as some vendors tell it."""
    rng = Random(f"identity:{seed}")
    deals, telling = make_deals(rng), Telling(rng)
    for deal in deals:
        twin = None if deal.twin is None else deals[deal.twin]
        if rng.random() < 0.8:
            telling.rezen(deal)
        for share, vendor in (
            (0.6, telling.skyslope),
            (0.45, telling.dotloop),
            (0.4, telling.fub),
            (0.35, telling.files),
        ):
            if rng.random() < share:
                vendor(deal)
        first = twin is None or deal.id < twin.id
        if deal.city[5] == "USD" and first and rng.random() < 0.5:
            telling.qualia(deal, twin, rng.choice(deals))
    for agent in range(30):
        telling.say(
            "stg_skyslope__users",
            connection_id="w:skyslope",
            user_source_id=f"U{agent}",
            first_name="Robin",
            last_name=f"Number{agent}",
            email=telling.email(agent),
        )
        telling.say(
            "stg_fub__users",
            connection_id="w:fub",
            user_source_id=str(agent),
            user_name=f"R. Number{agent}",
            user_email=telling.email(agent),
        )
    telling.say("stg_fub__identities", connection_id="w:fub", account_source_id="1", sees_all=True)
    for number, name in (("8", "Under Contract"), ("9", "Closed")):
        telling.say(
            "stg_fub__pipeline_stages",
            connection_id="w:fub",
            pipeline_source_id="1",
            stage_source_id=number,
            stage_name=name,
            is_closed_stage=name == "Closed",
        )
    return telling


def put(database: str, rows: dict[str, list[dict[str, Any]]]) -> None:
    """Tables in the place of staging's views, with these rows."""
    with closing(psycopg2.connect(database)) as connection, connection.cursor() as cursor:
        cursor.execute(
            "select table_name from information_schema.views where table_schema = 'staging'"
        )
        views = [name for (name,) in cursor.fetchall()]
        cursor.execute("create schema made")
        for view in views:
            cursor.execute(
                sql.SQL("create table made.{0} as table staging.{0} with no data").format(
                    sql.Identifier(view)
                )
            )
        for view in views:
            cursor.execute(
                sql.SQL("drop view if exists staging.{} cascade").format(sql.Identifier(view))
            )
        for view in views:
            cursor.execute(
                sql.SQL("alter table made.{} set schema staging").format(sql.Identifier(view))
            )
        cursor.execute("grant select on all tables in schema staging to brokerage_transformer")
        for table, records in rows.items():
            for row in records:
                cursor.execute(
                    sql.SQL("insert into staging.{} ({}) values ({})").format(
                        sql.Identifier(table),
                        sql.SQL(", ").join(map(sql.Identifier, row)),
                        sql.SQL(", ").join(sql.Placeholder() * len(row)),
                    ),
                    list(row.values()),
                )
        connection.commit()


@dataclass(frozen=True)
class Found:
    """What the warehouse made of a telling."""

    telling: Telling
    deal_of: dict[Key, str]
    states: dict[Key, str]
    deals: dict[str, bool]


@pytest.fixture(scope="module", params=SEEDS)
def found(
    request: pytest.FixtureRequest,
    new_database: Databases,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Found]:
    folder, telling = tmp_path_factory.mktemp("identity"), tell(request.param)
    with new_database() as url:
        loader = build_url(url, role=LOADER, driver=LIBPQ_DRIVER)
        for vendor in VENDORS.values():
            prepare_raw(vendor, loader, folder / "dlt")
        wanted = ("+deal_crosswalk", "+deal_match_review")
        run_dbt(url, folder, "seed", as_of=NOW)
        run_dbt(url, folder, "run", "--select", "path:models/staging", as_of=NOW)
        put(url, telling.rows)
        selected = ("--select", *wanted, "--exclude", "path:models/staging")
        run_dbt(url, folder, "run", *selected, as_of=NOW)
        crosswalk = rows_of(url, "select * from identity.deal_crosswalk")
        sightings = rows_of(url, "select * from identity.deal_sighting")
        deals = rows_of(url, "select deal_id, is_in_rezen from identity.deal")
        yield Found(
            telling,
            {(row["vendor"], row["source_id"]): row["deal_id"] for row in crosswalk},
            {(row["vendor"], row["source_id"]): row["match_state"] for row in sightings},
            {row["deal_id"]: row["is_in_rezen"] for row in deals},
        )


def test_no_two_deals_become_one(found: Found) -> None:
    records: dict[str, list[Key]] = defaultdict(list)
    for key, deal in found.deal_of.items():
        records[deal].append(key)
    about = found.telling.about
    mixed = {
        deal: [(key, sorted(about[key])) for key in keys]
        for deal, keys in records.items()
        if not frozenset.intersection(*(about[key] for key in keys))
    }
    assert mixed == {}


def test_no_deal_counts_twice(found: Found) -> None:
    """However many vendors know a deal, there is one of it, or none where people must look."""
    deals: dict[int, set[str]] = defaultdict(set)
    for key, deal in found.deal_of.items():
        if len(found.telling.about[key]) == 1:
            [true_deal] = found.telling.about[key]
            deals[true_deal].add(deal)
    assert {true: ids for true, ids in deals.items() if len(ids) > 1} == {}
    assert len(found.deals) <= len(deals)


def test_no_record_and_no_deal_of_rezen_is_lost(found: Found) -> None:
    assert found.states.keys() == found.telling.about.keys()
    assert {f"rezen:d{deal}" for deal in found.telling.in_rezen} == {
        deal for deal, is_in_rezen in found.deals.items() if is_in_rezen
    }
    assert found.deal_of.keys() == {
        key for key, state in found.states.items() if state in ("in_rezen", "outside_rezen")
    }


def test_most_records_find_their_deal(found: Found) -> None:
    told = found.telling
    for vendor, bound in RECALL.items():
        mine = {k: about for k, about in told.about.items() if k[0] == vendor}
        known = [k for k in mine.keys() - told.unclear if mine[k] <= told.in_rezen]
        joined = [key for key in known if found.states[key] == "in_rezen"]
        assert len(known) > 40
        assert len(joined) >= bound * len(known), (vendor, len(joined), len(known))


def test_records_of_a_deal_outside_rezen_find_each_other(found: Found) -> None:
    told = found.telling
    outside: dict[int, list[Key]] = defaultdict(list)
    for key, about in told.about.items():
        if key[0] != "fub" and len(about) == 1 and not about & told.in_rezen:
            outside[next(iter(about))].append(key)
    several = [keys for keys in outside.values() if len(keys) > 1]
    together = [k for k in several if len({found.deal_of.get(key) for key in k} - {None}) == 1]
    assert len(several) > 20
    assert len(together) >= 0.85 * len(several)
