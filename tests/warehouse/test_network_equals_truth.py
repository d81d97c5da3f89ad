"""Sandbox → sync → dbt: the network is the world's, person by person.

Two states of one world: the first day; and ten days later, after moves, a departure and a new
member.
"""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from sandbox.box import Sandbox
from sandbox.server import serve
from sandbox.world.model import Agent
from sandbox.world.world import World
from tests.sources import rezen_case
from tests.sources.rig import ADA, AGENTS, BEN, CORA, Rig, on_the_sandbox_calendar
from tests.warehouse.filled import Warehouse as Filled
from tests.warehouse.filled import copy_of
from tests.warehouse.network_case import Row, build_network, make_raw_tables, rows_of
from tests.warehouse.running import results_of, run_dbt

LIVED, FIRST_DAY = "lived_world", "first_day"
STATES = (FIRST_DAY, "ten_days_and_some_moves_later")
TIERS = (1, 2, 3, 4, 5)
NEEDED = {1: 0, 2: 5, 3: 10, 4: 15, 5: 20}
"""Qualifying front-line agents by tier, contract §12.2."""

Databases = Callable[[], AbstractContextManager[str]]


class Warehouse:
    """reZEN's data of three agents and the network built from it."""

    def __init__(self, box: Sandbox, database: str, folder: Path, state: str) -> None:
        self.box = box
        self.world: World = box.world
        self.database = database
        self.folder = folder
        self.state = state

    def sync_and_build(self) -> None:
        rig = Rig(rezen_case.CASE, self.box, self.database, self.folder / "dlt")
        assert not rig.sync(*AGENTS).failures
        build_network(self.database, self.folder, self.box.clock.now())

    def rows(self, query: str, *values: Any) -> list[Row]:
        return rows_of(self.database, query, *values)

    def owned(self, table: str, agent: str, order: str = "1") -> list[Row]:
        """The rows of an owner, named by his key."""
        owner = f"rezen:{self.world.agent_by_key(agent).id}"
        return self.rows(
            f"select * from network.{table} where owner_agent_id = %s order by {order}", owner
        )

    def person(self, agent_id: str) -> Agent:
        return self.world.agents[agent_id.removeprefix("rezen:")]


def _live_on(box: Sandbox) -> None:
    """People move: within a network, up into the first tier, into another network, away."""
    world = box.world
    ada, ben, cora = (world.agent_by_key(key) for key in (ADA, BEN, CORA))
    connected = {ada.id, ben.id, cora.id}

    def leaf(owner: Agent, tier: int) -> Agent:
        return next(
            a
            for a in world.down_line(owner.id, tier)
            if not world.children.get(a.id)
            and a.status == "ACTIVE"
            and a.co_sponsor_id is None
            and a.id not in connected
        )

    def parent(owner: Agent, tier: int) -> Agent:
        """Somebody with people below, who takes them along."""
        return next(
            a
            for a in world.down_line(owner.id, tier)
            if world.children.get(a.id) and a.co_sponsor_id is None and a.id not in connected
        )

    box.mutate({"op": "set_sponsor", "agent_id": leaf(ada, 3).id, "sponsor_id": ada.id})
    box.mutate({"op": "set_sponsor", "agent_id": parent(ada, 2).id, "sponsor_id": ben.id})
    box.mutate({"op": "set_sponsor", "agent_id": leaf(ada, 1).id, "sponsor_id": parent(ada, 1).id})
    box.mutate({"op": "set_status", "agent_id": leaf(ada, 2).id, "status": "INACTIVE"})
    # one of the five who open Cora's second tier
    box.mutate({"op": "remove_member", "agent_id": leaf(cora, 1).id})
    box.mutate({"op": "add_member", "sponsor_id": leaf(ben, 1).id})
    box.advance(days=10)


@pytest.fixture(scope="module")
def warehouse(
    new_database: Databases, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Warehouse]:
    with ExitStack() as stack:
        box = stack.enter_context(serve(size="small", seed=7))
        stack.enter_context(on_the_sandbox_calendar(box))
        url = stack.enter_context(new_database())
        folder = tmp_path_factory.mktemp("network")
        make_raw_tables(url, folder)
        yield Warehouse(box, url, folder, FIRST_DAY)


@pytest.fixture(
    scope="module",
    params=[LIVED, *(pytest.param(state, marks=pytest.mark.slow) for state in STATES)],
)
def built(request: pytest.FixtureRequest) -> Warehouse:
    """The warehouse in each of the states; pytest runs all tests of one before the next."""
    if request.param == LIVED:
        lived: Filled = request.getfixturevalue("lived_world")
        return Warehouse(lived.box, lived.database, lived.folder, LIVED)
    warehouse: Warehouse = request.getfixturevalue("warehouse")
    warehouse.state = request.param
    if request.param != STATES[0]:
        _live_on(warehouse.box)
    warehouse.sync_and_build()
    return warehouse


@pytest.mark.parametrize("agent", AGENTS)
def test_members_are_the_down_lines_with_tier_status_and_dates(
    built: Warehouse, agent: str
) -> None:
    told = built.box.truth(agent)["rezen"]["entities"]["down_line"]
    nearest: dict[str, Row] = {}
    for key, person in told.items():
        member = key.split("|")[0]
        if member not in nearest or person["tier"] < nearest[member]["tier"]:
            nearest[member] = person
    found = {
        row["member_agent_id"].removeprefix("rezen:"): (
            row["tier"],
            row["member_status"],
            row["join_date"] and row["join_date"].isoformat(),
            row["has_left"],
        )
        for row in built.owned("network_member", agent)
    }
    assert found == {
        member: (p["tier"], p["status"], p["join_date"], p["status"] == "INACTIVE")
        for member, p in nearest.items()
    }


@pytest.mark.parametrize("agent", AGENTS)
def test_sizes_are_the_truths_and_the_vendors(built: Warehouse, agent: str) -> None:
    told = built.box.truth(agent)["rezen"]["summary"]["network_size_by_tier"]
    rows = built.owned("network_size", agent)
    assert {str(row["tier"]): row["active_members"] for row in rows} == told
    assert {str(row["tier"]): row["vendor_count"] for row in rows} == told
    assert {row["difference"] for row in rows} == {0}


@pytest.mark.parametrize("agent", AGENTS)
def test_the_front_line_knows_who_produces(built: Warehouse, agent: str) -> None:
    world, today = built.world, built.world.today
    told = built.box.truth(agent)["rezen"]["entities"]["front_line"]
    found = {
        row["member_agent_id"].removeprefix("rezen:"): row["is_qualified"]
        for row in built.owned("frontline", agent)
    }
    assert found == {
        member: person["status"] == "ACTIVE" and world.ledger.producing(member, today)
        for member, person in told.items()
    }


def test_who_produces_by_his_closings_does(built: Warehouse) -> None:
    """Capped agents contribute nothing, so that not all who produce are known; connected are."""
    ledger, today = built.world.ledger, built.world.today
    rows = built.rows("select * from network.int_agents__producing")
    producing = {r["agent_id"].removeprefix("rezen:") for r in rows if r["is_producing"]}
    assert len(producing) > 20
    assert all(ledger.producing(agent, today) for agent in producing)
    connected = {agent.id for agent in built.world.connected}
    assert producing & connected == {a for a in connected if ledger.producing(a, today)}


@pytest.mark.parametrize("agent", AGENTS)
def test_tiers_open_as_in_the_ledger(built: Warehouse, agent: str) -> None:
    world = built.world
    owner = world.agent_by_key(agent).id
    qualified = world.ledger.producing_first_tier(owner, world.today)
    rows = built.owned("tier_unlock", agent, "tier")
    assert [row["tier"] for row in rows] == list(TIERS)
    for row in rows:
        assert row["qualified_agents"] == qualified
        assert row["frontline_needed"] == NEEDED[row["tier"]]
        assert row["is_unlocked"] == (qualified >= NEEDED[row["tier"]]) == row["is_unlocked_source"]
        assert row["is_owner_producing"] == world.ledger.producing(owner, world.today)
    locked = {row["tier"]: not row["is_unlocked"] for row in rows}
    for member in built.owned("network_member", agent):
        assert member["is_tier_locked"] == locked[member["tier"]]


def test_five_open_the_second_tier_and_four_do_not(built: Warehouse) -> None:
    """Cora has exactly five on the first day (contract §15.5); in one story one is removed."""
    [cora] = [row for row in built.owned("tier_unlock", CORA) if row["tier"] == 2]
    found = cora["qualified_agents"], cora["missing_agents"], cora["is_unlocked"]
    assert found == ((4, 1, False) if built.state == STATES[1] else (5, 0, True))


@pytest.mark.parametrize("agent", AGENTS)
def test_the_up_line_is_the_vendors_chain(built: Warehouse, agent: str) -> None:
    told = built.box.truth(agent)["rezen"]["entities"]["sponsor_tree"]
    rows = built.rows(
        "select * from network.sponsor_tree where agent_id = %s and is_primary",
        f"rezen:{built.world.agent_by_key(agent).id}",
    )
    found = {row["sponsor_agent_id"].removeprefix("rezen:"): row["sponsor_level"] for row in rows}
    assert found == {sponsor: row["level"] for sponsor, row in told.items()}


def test_shares_of_the_up_line_are_the_ledgers(built: Warehouse) -> None:
    """45 of 100 for both co-sponsors and for everybody above them, by tier."""
    world = built.world
    rows = built.rows("select * from network.sponsor_tree where share_percent is not null")
    assert {row["share_percent"] for row in rows} >= {Decimal(45), Decimal(100)}
    by_agent: dict[str, dict[tuple[str, int], Decimal]] = defaultdict(dict)
    for row in rows:
        key = row["sponsor_agent_id"].removeprefix("rezen:"), row["tier"]
        by_agent[row["agent_id"]][key] = row["share_percent"]
    for agent, found in by_agent.items():
        wanted: dict[tuple[str, int], Decimal] = defaultdict(Decimal)
        for receiver, tier, shared in world.ledger.uplines(built.person(agent)):
            wanted[receiver, tier] += Decimal(45) if shared else Decimal(100)
        for key, share in found.items():
            assert share == wanted[key], (agent, key)


def test_the_closure_holds_true_distances_and_every_network(built: Warehouse) -> None:
    world = built.world
    found = {
        (
            r["ancestor_agent_id"].removeprefix("rezen:"),
            r["descendant_agent_id"].removeprefix("rezen:"),
        ): r
        for r in built.rows("select * from network.network_closure")
    }
    for (ancestor, descendant), row in found.items():
        assert row["depth"] == _distance(world, ancestor, descendant), row
        if row["has_whole_path"]:
            path = [step.removeprefix("rezen:") for step in row["path"]]
            for below, above in itertools.pairwise(path):
                person = world.agents[below]
                assert above in (person.sponsor_id, person.co_sponsor_id), row
    for owner in world.connected:
        above = [owner.id, *(sponsor.id for sponsor in world.sponsors(owner.id))]
        for tier in TIERS:
            for member in world.down_line(owner.id, tier):
                assert {(ancestor, member.id) for ancestor in above} <= set(found), member


def _distance(world: World, ancestor: str, descendant: str) -> int | None:
    level, steps = {descendant}, 0
    while level:
        steps += 1
        level = {
            sponsor
            for below in level
            for sponsor in (world.agents[below].sponsor_id, world.agents[below].co_sponsor_id)
            if sponsor is not None
        }
        if ancestor in level:
            return steps
    return None


@pytest.mark.parametrize("agent", AGENTS)
def test_contributions_of_members_are_the_ledgers(built: Warehouse, agent: str) -> None:
    owner = built.world.agent_by_key(agent).id
    told: dict[str, Decimal] = defaultdict(Decimal)
    for row in built.world.ledger.contributions[owner]:
        if not row.missed:
            told[row.contributor_id] += row.payout
    rows = built.owned("network_contribution", agent)
    for column in ("contribution_amount", "vendor_amount"):
        assert {r["member_agent_id"].removeprefix("rezen:"): r[column] for r in rows} == told
    assert {row["difference_amount"] for row in rows} == {0}
    for member in built.owned("network_member", agent):
        amount = told.get(member["member_agent_id"].removeprefix("rezen:"), 0)
        assert member["contribution_amount"] == amount, member


def test_known_states_are_where_people_work(built: Warehouse) -> None:
    # where most of somebody's deals are is no more than a guess
    rows = built.rows(
        "select members.* from network.network_member as members"
        " inner join network.int_agents__located as located"
        " on members.member_agent_id = located.agent_id and located.provenance <> 'deals'"
    )
    assert len(rows) > 5
    for row in rows:
        assert built.person(row["member_agent_id"]).area == f"US-{row['state_code']}", row
    counted = Counter(
        {
            (row["owner_agent_id"], row["tier"]): row["members"]
            for row in built.rows(
                "select owner_agent_id, tier, sum(all_members)::int as members"
                " from network.network_geography group by 1, 2"
            )
        }
    )
    assert counted == Counter(
        (row["owner_agent_id"], row["tier"])
        for row in built.rows("select * from network.network_member")
    )


@pytest.mark.parametrize("agent", AGENTS)
def test_recruits_are_in_the_stage_of_their_status(built: Warehouse, agent: str) -> None:
    stages = {
        "ACTIVE": "active",
        "INACTIVE": "left",
        "CANDIDATE": "candidate",
        "REJECTED": "rejected",
        "RESURRECTING": "returning",
    }
    for row in built.owned("network_recruit", agent):
        person = built.person(row["member_agent_id"])
        assert row["recruitment_stage"] == stages[person.status]
        joined = person.join_date and person.join_date.replace(day=1).isoformat()
        if row["has_joined"]:
            assert row["joined_month"].isoformat() == (joined or "1900-01-01")
        else:
            assert row["joined_month"] is None


@pytest.mark.parametrize("landed", ["before the build", "meanwhile"])
def test_who_was_read_while_the_build_went_on_is_judged_by_the_next(
    lived_world: Filled, landed: str, tmp_path: Path
) -> None:
    """Staging shows what has landed, the tables what had; a load of an hour from now stands for one
    that ended after the build began."""
    moment = "now() + interval '1 hour'" if landed == "meanwhile" else "now() - interval '1 hour'"
    with copy_of(lived_world) as database:
        with closing(psycopg2.connect(database)) as session, session:
            session.cursor().execute(
                "delete from raw_rezen.down_line where (connection_id, id) in ("
                " select connection_id, id from raw_rezen.down_line as rows"
                " where connection_id = %s and tier = 3 and not exists ("
                " select 1 from raw_rezen.tombstones as t where t.row_key = rows._key)"
                " order by id limit 1)",
                (f"{ADA}:rezen",),
            )
            session.cursor().execute(
                f"update raw_rezen._dlt_loads set inserted_at = {moment} where load_id in"
                " (select _dlt_load_id from raw_rezen.sync_marks where connection_id = %s)",
                (f"{ADA}:rezen",),
            )
        run_dbt(
            database,
            tmp_path,
            *("test", "--select", "dq_05_network_members_once"),
            as_of=lived_world.box.clock.now(),
            may_fail=True,
        )
    [status] = results_of(tmp_path).values()
    assert status == ("pass" if landed == "meanwhile" else "fail")
