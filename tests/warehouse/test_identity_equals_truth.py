"""Files, loops, orders and cards of the sandbox's deals are matched to the right deal of reZEN.

The vendors' books know which deal of the world each of their records is about; no answer tells it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

import pytest

from sandbox.skyslope.books import Books as SkySlopeBooks
from tests.sources import stripe_case
from tests.sources.rig import ADA, AGENTS, BEN
from tests.warehouse.filled import Warehouse, copy_of
from tests.warehouse.identity_case import Record, Row, records, rows_of
from tests.warehouse.running import run_dbt


@pytest.fixture(scope="module")
def built(lived_world: Warehouse) -> Warehouse:
    return lived_world


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
            if row["vendor"] == "fub" and is_elsewhere(built, row, record):
                continue
            states[row["vendor"], row["match_state"]] += 1
            assert row["match_state"] in ("in_rezen", "review", "unidentified"), row
    for vendor, at_least in (("skyslope", 1.0), ("dotloop", 1.0), ("qualia", 0.9), ("fub", 0.7)):
        total = sum(n for (name, _), n in states.items() if name == vendor)
        assert total > 10, vendor
        assert states[vendor, "in_rezen"] >= at_least * total, (vendor, states)


def is_elsewhere(built: Warehouse, card: Row, record: Record) -> bool:
    """A card by whose place nobody can know its deal, which has another address since."""
    return not any(
        deal.address.street == card["street"]
        for deal in built.box.world.deals
        if deal.id in (record.about or ())
    )


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
    assert outside, "reZEN has lost one"
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
    paying = stripe_case.control(built.box)["agents"].keys() & {*AGENTS}
    assert paying
    assert linked >= {(v, a) for v in ("product", "fub", "dotloop") for a in AGENTS}
    assert linked >= {("stripe", agent) for agent in paying}


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
    known, most = records(built.box), 0
    for deal in (deal for deal in built.box.world.deals if deal.deleted):
        keys = [key for key, r in known.items() if r.about == {deal.id}]
        rows = [row for row in sightings(built) if (row["vendor"], row["source_id"]) in keys]
        assert len(rows) == len(keys)
        most = max(most, len(rows))
        assert {row["match_state"] for row in rows if row["vendor"] != "fub"} == {"outside_rezen"}
        assert len({row["deal_id"] for row in rows if row["deal_id"]}) == 1
        # what one vendor changed by itself is its own affair
        if len(rows) == 1:
            continue
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
    assert most >= 3, "reZEN has lost one that three others know"


@pytest.fixture
def counted(built: Warehouse, tmp_path: Path) -> Iterator[list[Row]]:
    """What agents closed when deals that only other vendors know count too, on a copy."""
    with copy_of(built) as database:
        run_dbt(
            database,
            tmp_path,
            *("run", "--select", "core", "int_transactions__credited", "fact_transaction"),
            "agent_production",
            as_of=built.box.clock.now(),
            variables={"count_deals_outside_rezen": True},
        )
        yield rows_of(
            database,
            "select agent_id, sum(closed_units)::int as units, sum(volume_amount) as volume"
            " from metrics.agent_production where currency = 'USD' group by 1",
        )


# a variable has dbt parse its project anew
@pytest.mark.slow
def test_deals_outside_rezen_count_when_they_are_wanted(
    built: Warehouse, counted: list[Row]
) -> None:
    """The sum is the truth's plus that of closed files of deals that reZEN does not show, and of
    cards that nobody but the CRM knows."""
    known, visible = records(built.box), in_rezen(built)
    found = {row["agent_id"]: (row["units"], row["volume"]) for row in counted}
    files_outside = 0
    for agent in AGENTS:
        told = built.box.truth(agent)["rezen"]["summary"]["all_time"]["by_currency"]["USD"]
        prices = [Decimal(card.price or 0) for card in cards_outside(built, agent)]
        books = built.box.truth(agent)["skyslope"]
        for guid, file in books["entities"]["sales"].items():
            about = known["skyslope", guid].about or frozenset()
            closed = file["actual_closing_date"] or file["status"] == "Closed"
            if closed and file["agent_guid"] == books["user_guid"] and not about & visible:
                prices.append(Decimal(file["sale_price"] or 0))
                files_outside += 1
        owner = built.box.world.agent_by_key(agent).id
        assert found[f"rezen:{owner}"] == (
            told["units"] + len(prices),
            Decimal(told["volume"]) + sum(prices),
        )
    assert files_outside


def cards_outside(built: Warehouse, agent: str) -> list[Any]:
    """The closed deals of an agent's CRM that are no deal that others know, as far as they tell."""
    account = built.box.crm.accounts[agent]
    streets = {deal.id: deal.address.street for deal in built.box.world.deals}
    return [
        card
        for card in account.deals.rows()
        if (card.world_id is None or not card.name.startswith(streets[card.world_id]))
        and card.status != "Deleted"
        and account.deal_stage(card.stage_id).name == "Closed"
        and card.user_ids[:1] == [account.owner.id]
    ]


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
