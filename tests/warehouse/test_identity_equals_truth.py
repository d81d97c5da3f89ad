"""Files, loops, orders and cards of the sandbox's deals are matched to the right deal of reZEN.

The vendors' books know which deal of the world each of their records is about; no answer tells it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from decimal import Decimal
from typing import cast

import pytest

from sandbox.box import Sandbox
from sandbox.dotloop.books import Books as DotloopBooks
from sandbox.qualia.books import Books as QualiaBooks
from sandbox.server import serve
from sandbox.skyslope.books import Books as SkySlopeBooks
from sandbox.world.model import Deal
from tests.sources import rezen_case
from tests.sources.rig import ADA, AGENTS, BEN, on_the_sandbox_calendar
from tests.warehouse.identity_case import Row, rows_of
from tests.warehouse.running import run_dbt
from tests.warehouse.test_marts_equal_truth import Warehouse

STATES = ("first_day", "ten_days_later")
Databases = Callable[[], AbstractContextManager[str]]


@pytest.fixture(scope="module")
def world(new_database: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    with ExitStack() as stack:
        box = stack.enter_context(serve(size="small", seed=11))
        stack.enter_context(on_the_sandbox_calendar(box))
        url = stack.enter_context(new_database())
        yield Warehouse(box, url, tmp_path_factory.mktemp("identity"))


@pytest.fixture(scope="module", params=STATES)
def built(world: Warehouse, request: pytest.FixtureRequest) -> Warehouse:
    """The warehouse in each of the states, one after the other."""
    if request.param == "ten_days_later":
        world.box.mutate({"op": "add_deal", "agent_key": ADA, "price": "654321.10"})
        deal = rezen_case.deals_of(world.box, "OPEN")[0]
        world.box.mutate({"op": "close_deal", "deal_id": deal.id})
        world.box.advance(days=10)
        world.box.mutate({"op": "hide_deal", "deal_id": lost_deal(world.box).id})
    assert world.sync() == 0
    world.build()
    return world


def lost_deal(box: Sandbox) -> Deal:
    """A closed deal of Ada's that reZEN will not show any more, and that three others know."""
    about = Counter(d for r in records(box).values() if r.vendor != "fub" for d in r.about or ())
    mine = box.world.owned_by(box.world.agent_by_key(ADA).id)
    known = [d for d in mine if d.group == "CLOSED" and not d.listing and about[d.id] == 3]
    return min((d for d in known if d.currency == "USD" and d.gross), key=lambda d: d.id)


@dataclass(frozen=True)
class Record:
    """A vendor's record: `about` are the ids of deals it may be told to be, None for no deal."""

    vendor: str
    source_id: str
    about: frozenset[str] | None


def skyslope_records(box: Sandbox) -> Iterator[Record]:
    books = cast(SkySlopeBooks, box.books["skyslope"])
    for file in books.files.values():
        yield Record("skyslope", file.guid, frozenset({file.deal.id}))


def dotloop_records(box: Sandbox) -> Iterator[Record]:
    books = cast(DotloopBooks, box.books["dotloop"])
    for loop in books.loops.values():
        now = loop.current
        if loop.merged_into is None:
            yield Record("dotloop", str(loop.id), now and frozenset({now.id}))


def qualia_records(box: Sandbox) -> Iterator[Record]:
    books = cast(QualiaBooks, box.books["qualia"])
    for order in books.orders.values():
        yield Record("qualia", order.id, order.deal and frozenset({order.deal.id}))


def fub_records(box: Sandbox) -> Iterator[Record]:
    for account in box.crm.accounts.values():
        number = box.truth(account.agent_key)["fub"]["account_id"]
        for card in account.deals.rows():
            about = frozenset({card.world_id}) if card.world_id else None
            yield Record("fub", f"{number}:{card.id}", about)


def records(box: Sandbox) -> dict[tuple[str, str], Record]:
    found = (skyslope_records, dotloop_records, qualia_records, fub_records)
    return {(r.vendor, r.source_id): r for records_of in found for r in records_of(box)}


def sightings(built: Warehouse) -> list[Row]:
    return rows_of(
        built.database,
        "select sightings.*, crosswalk.transaction_id, crosswalk.listing_id, crosswalk.is_in_rezen"
        " from identity.deal_sighting as sightings"
        " left join identity.deal_crosswalk as crosswalk using (sighting_id)"
        " where sightings.vendor <> 'rezen'",
    )


def in_rezen(built: Warehouse) -> set[str]:
    """What connected accounts show."""
    world = built.box.world
    return {deal.id for agent in world.connected for deal in world.deals_of(agent.id)} | {
        deal.id for agent in world.connected for deal in world.deals_of(agent.id, listing=True)
    }


def test_no_record_is_joined_to_the_wrong_deal(built: Warehouse) -> None:
    known = records(built.box)
    joined = [row for row in sightings(built) if row["is_in_rezen"]]
    assert len(joined) > 150
    wrong = []
    for row in joined:
        record = known[row["vendor"], row["source_id"]]
        deal = (row["transaction_id"] or row["listing_id"]).removeprefix("rezen:")
        if record.about is None or deal not in record.about:
            wrong.append((row["sighting_id"], deal, record.about))
    assert wrong == []


def test_every_record_of_a_known_deal_is_joined_or_says_why_not(built: Warehouse) -> None:
    """A record that were taken for a deal of its own would count the deal twice."""
    known, visible = records(built.box), in_rezen(built)
    states: Counter[tuple[str, str]] = Counter()
    for row in sightings(built):
        record = known[row["vendor"], row["source_id"]]
        if record.about and record.about <= visible:
            states[row["vendor"], row["match_state"]] += 1
            assert row["match_state"] in ("in_rezen", "review", "unidentified"), row
    for vendor, at_least in (("skyslope", 1.0), ("dotloop", 1.0), ("qualia", 0.95), ("fub", 0.7)):
        total = sum(n for (name, _), n in states.items() if name == vendor)
        assert total > 10, vendor
        assert states[vendor, "in_rezen"] >= at_least * total, (vendor, states)


def test_every_record_of_every_vendor_is_accounted_for(built: Warehouse) -> None:
    found = {(row["vendor"], row["source_id"]) for row in sightings(built)}
    counted = rows_of(
        built.database,
        "select 'skyslope' as vendor, lower(sale_source_id) as id from staging.stg_skyslope__sales"
        " union select 'skyslope', lower(listing_source_id) from staging.stg_skyslope__listings"
        " union select 'dotloop', loop_source_id from staging.stg_dotloop__loops"
        " union select 'qualia', order_source_id from staging.stg_qualia__orders",
    )
    assert {(row["vendor"], row["id"]) for row in counted} == {f for f in found if f[0] != "fub"}


def test_a_file_that_no_account_of_rezen_shows_is_a_deal_of_its_own(built: Warehouse) -> None:
    known, visible = records(built.box), in_rezen(built)
    outside = [
        row
        for row in sightings(built)
        if row["vendor"] == "skyslope"
        and not (known["skyslope", row["source_id"]].about or frozenset()) & visible
    ]
    for row in outside:
        assert row["match_state"] == "outside_rezen", row
    assert bool(outside) is any(deal.deleted for deal in built.box.world.deals)
    assert not rows_of(built.database, "select 1 from core.transaction where not is_in_rezen")


def test_people_of_all_vendors_are_the_right_agents(built: Warehouse) -> None:
    world = built.box.world
    users = {user.email.lower(): user.agent_id for user in world.users}
    rows = rows_of(built.database, "select * from identity.agent_crosswalk")
    by_address = {a.email.lower(): a.id for a in world.agents.values() if a.email}
    for row in rows:
        right = users.get(row["email"] or "") or by_address.get(row["email"] or "")
        if row["agent_id"] is not None and right is not None:
            assert row["agent_id"] == f"rezen:{right}", row
    skyslope = {p.guid: p for p in cast(SkySlopeBooks, built.box.books["skyslope"]).people.values()}
    for row in (row for row in rows if row["vendor"] == "skyslope"):
        person = skyslope[row["person_source_id"]]
        assert row["agent_id"] == (person.agent_id and f"rezen:{person.agent_id}"), row
    linked = {(row["vendor"], row["agent_key"]) for row in rows if row["match_rule"] == "id"}
    assert linked >= {(v, a) for v in ("product", "fub", "dotloop", "stripe") for a in AGENTS}


def test_subscriptions_belong_to_the_right_users(built: Warehouse) -> None:
    rows = rows_of(
        built.database,
        "select agent_key, customer_email from core.user_subscription where agent_key is not null",
    )
    emails = {account["email"]: account["agent_key"] for account in built.box.accounts}
    assert {row["agent_key"] for row in rows} == set(AGENTS)
    for row in rows:
        assert emails.get(row["customer_email"], row["agent_key"]) == row["agent_key"]


def test_teams_are_owned_by_their_leaders(built: Warehouse) -> None:
    rows = rows_of(built.database, "select team_id, owner_agent_id from core.team_owner")
    found = {row["team_id"]: row["owner_agent_id"] for row in rows}
    teams = {f"rezen:{t.id}": f"rezen:{t.leader_id}" for t in built.box.world.teams.values()}
    assert found
    assert found == {team: teams[team] for team in found}


def test_the_records_of_a_deal_that_rezen_lost_are_one_deal(built: Warehouse) -> None:
    for deal in (deal for deal in built.box.world.deals if deal.deleted):
        keys = [key for key, r in records(built.box).items() if r.about == {deal.id}]
        rows = [row for row in sightings(built) if (row["vendor"], row["source_id"]) in keys]
        assert len(rows) == len(keys) >= 3
        assert {row["match_state"] for row in rows if row["vendor"] != "fub"} == {"outside_rezen"}
        assert len({row["deal_id"] for row in rows if row["deal_id"]}) == 1
        [found] = rows_of(
            built.database,
            "select price_amount, price_currency, gross_commission_amount, owner_agent_id"
            " from identity.deal where deal_id = %s",
            next(row["deal_id"] for row in rows if row["deal_id"]),
        )
        assert found == {
            "price_amount": deal.price,
            "price_currency": deal.currency,
            "gross_commission_amount": deal.gross,
            "owner_agent_id": f"rezen:{deal.owner_id}",
        }


@pytest.fixture
def counting(built: Warehouse) -> Iterator[Warehouse]:
    """The core with the deals that only other vendors know; afterwards as it was."""
    _build_core(built, {"count_deals_outside_rezen": True})
    yield built
    _build_core(built, None)


def _build_core(built: Warehouse, variables: Mapping[str, bool] | None) -> None:
    run_dbt(
        built.database,
        built.folder,
        *("run", "--select", "core", "int_transactions__credited", "fact_transaction"),
        "agent_production",
        as_of=built.box.clock.now(),
        variables=variables,
    )


def test_deals_outside_rezen_count_when_they_are_wanted(counting: Warehouse) -> None:
    """The sum is the truth's plus that of the cards that nobody but the CRM knows."""
    accounts = counting.box.crm.accounts
    sums = rows_of(
        counting.database,
        "select agent_id, sum(closed_units)::int as units, sum(volume_amount) as volume"
        " from metrics.agent_production where currency = 'USD' group by 1",
    )
    found = {row["agent_id"]: (row["units"], row["volume"]) for row in sums}
    for agent in AGENTS:
        account, world = accounts[agent], counting.box.world
        told = counting.box.truth(agent)["rezen"]["summary"]["all_time"]["by_currency"]["USD"]
        cards = [
            card
            for card in account.deals.rows()
            if card.world_id is None
            and card.status != "Deleted"
            and account.deal_stage(card.stage_id).name == "Closed"
            and card.user_ids[:1] == [account.owner.id]
        ]
        owner = world.agent_by_key(agent).id
        lost = [deal for deal in world.deals if deal.deleted and deal.owner_id == owner]
        assert found[f"rezen:{owner}"] == (
            told["units"] + len(cards) + len(lost),
            Decimal(told["volume"])
            + sum(card.price or 0 for card in cards)
            + sum((deal.price or Decimal(0) for deal in lost), Decimal(0)),
        )


def test_the_two_who_share_deals_have_one_row_each(built: Warehouse) -> None:
    """Ada and Ben see some deals both; files, loops and orders of those are still one deal."""
    world = built.box.world
    ada, ben = (world.agent_by_key(key).id for key in (ADA, BEN))
    shared = [d.id for d in world.deals_of(ada) if d.id in {e.id for e in world.deals_of(ben)}]
    assert shared
    rows = rows_of(
        built.database,
        "select transaction_id, count(*) as records, count(distinct deal_id) as deals"
        " from identity.deal_crosswalk where transaction_id = any(%s) group by 1",
        [f"rezen:{d}" for d in shared],
    )
    assert len(rows) == len(shared)
    assert {row["deals"] for row in rows} == {1}
