"""Random worlds → raw tables → dbt: the network is what a walk through each world finds.

All worlds live in one database, each with ids of its own, and dbt runs once per state: as first
read, and after people have moved, left and changed. The expected figures are walked, counted and
enumerated here, one person at a time.
"""

from __future__ import annotations

import calendar
import itertools
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any, ClassVar

import psycopg2
import psycopg2.extras
import pytest

from tests.warehouse.network_case import Row, build_network, make_raw_tables, rows_of

WORLDS = 160
BROKEN_WORLDS = 120
"""More worlds, in which one account cannot be read the second time."""
STATES = ("as_first_read", "after_moves")
TODAY = date(2026, 8, 31)
NOW = datetime(2026, 8, 31, 16, tzinfo=UTC)
FIRST_READ = datetime(2026, 8, 20, 12, tzinfo=UTC)
SECOND_READ = datetime(2026, 8, 30, 12, tzinfo=UTC)
TIERS = range(1, 6)
NEEDED = {1: 0, 2: 5, 3: 10, 4: 15, 5: 20}
STATUSES = ("ACTIVE", "INACTIVE", "CANDIDATE", "REJECTED", "RESURRECTING")

Databases = Callable[[], AbstractContextManager[str]]
Key = tuple[str, str, str]
"""Table, connection, key of a raw row."""


@dataclass
class Person:
    """Somebody in a world. `flag` is what the vendor tells of his producing, if anything."""

    id: str
    sponsor: str | None
    co_sponsor: str | None = None
    status: str = "ACTIVE"
    flag: bool | None = None
    tells_sponsor: bool = True
    closings: tuple[date, ...] = ()
    changed_at: datetime = FIRST_READ - timedelta(days=90)

    @property
    def sponsors(self) -> tuple[str, ...]:
        return tuple(s for s in (self.sponsor, self.co_sponsor) if s is not None)


@dataclass
class RandomWorld:
    """One brokerage of 4 to 45 people, one to four of whom are connected."""

    number: int
    breaks: bool = False
    people: dict[str, Person] = field(default_factory=dict)
    owners: list[str] = field(default_factory=list)
    raw: dict[Key, dict[str, Any]] = field(default_factory=dict)
    gone: dict[Key, datetime] = field(default_factory=dict)
    has_moved: bool = False

    EDGES: ClassVar[tuple[date, ...]] = (
        TODAY,
        TODAY - timedelta(days=1),
        date(2026, 3, 1),
        date(2026, 2, 28),
        date(2026, 2, 27),
        date(2025, 8, 31),
    )

    def __post_init__(self) -> None:
        rng = self.rng = Random(f"network:{self.number}")
        wide = rng.random() < 0.4
        for index in range(rng.randint(4, 45)):
            known = list(self.people)
            # wide worlds have front lines on both sides of the numbers that open a tier
            near = known[:2] if wide and rng.random() < 0.8 else known
            sponsor = rng.choice(near) if near and rng.random() > 0.03 else None
            person = Person(f"w{self.number}-{index}", sponsor)
            others = [k for k in known if k != sponsor]
            if sponsor and others and rng.random() < 0.12:
                person.co_sponsor = rng.choice(others)
            person.status = rng.choices(STATUSES, (80, 10, 5, 2, 3))[0]
            person.flag = rng.choices((True, False, None), (60, 15, 25))[0]
            person.tells_sponsor = rng.random() < 0.8
            person.closings = tuple(rng.sample(self.EDGES, rng.randint(0, 2)))
            self.people[person.id] = person
        ids = list(self.people)
        self.owners = rng.sample(ids[: max(4, len(ids) // 2)], rng.randint(1, min(4, len(ids))))
        if rng.random() < 0.25:
            self._go_round()
        self.read(FIRST_READ)

    def _go_round(self) -> None:
        """The vendor's data has a loop: somebody at the top is sponsored from below."""
        top = self.rng.choice([p for p in self.people.values() if p.sponsor is None])
        below = [i for i in self.people if top.id in self.above(i)]
        if below:
            top.sponsor = self.rng.choice(below)

    # -- walking -------------------------------------------------------------------------------

    def above(self, person: str) -> dict[str, int]:
        """Everybody above with the shortest distance; nobody is above himself."""
        found: dict[str, int] = {}
        level, steps = {person}, 0
        while level:
            steps += 1
            level = {s for p in level for s in self.people[p].sponsors} - set(found) - {person}
            found.update(dict.fromkeys(level, steps))
        return found

    def tier_of(self, owner: str, person: str) -> int | None:
        distance = self.above(person).get(owner)
        return distance if distance in TIERS else None

    def tiers_of(self, owner: str, person: str) -> set[int]:
        """All tiers in which a co-sponsored person, or somebody below one, stands at once."""
        return {
            len(chain) - 1
            for chain in self.chains(person, lambda p: self.people[p].sponsors, 5)
            if chain[-1] == owner
        }

    def chains(
        self, person: str, sponsors: Callable[[str], Iterable[str]], longest: int
    ) -> Iterator[tuple[str, ...]]:
        """Every way up that visits nobody twice."""
        ways: list[tuple[str, ...]] = [(person,)]
        while ways:
            way = ways.pop()
            for sponsor in sponsors(way[-1]):
                if sponsor not in way and len(way) <= longest:
                    ways.append((*way, sponsor))
                    yield ways[-1]

    def up_line(self, person: str) -> list[str]:
        """The chain over the first sponsors until it ends or goes round."""
        chain: list[str] = [person]
        while (sponsor := self.people[chain[-1]].sponsor) and sponsor not in chain:
            chain.append(sponsor)
        return chain[1:]

    @property
    def readable(self) -> list[str]:
        """The connected agents whose accounts can be read now."""
        broken = self.breaks and len(self.owners) > 1 and self.has_moved
        return self.owners[:-1] if broken else self.owners

    def told_sponsors(self, person: str) -> set[str]:
        """The sponsors that somebody can know of from what was sent last."""
        it = self.people[person]
        listed = any(self.tier_of(owner, person) for owner in self.readable)
        known = {s for s in it.sponsors if s in self.readable}
        if listed and it.tells_sponsor and it.sponsor:
            known.add(it.sponsor)
        for owner in self.readable:
            chain = [owner, *self.up_line(owner)]
            known.update(b for a, b in itertools.pairwise(chain) if a == person)
        return known

    def is_stale(self, person: Person) -> bool:
        """Whether the account that was not read has the person below somebody else."""
        silent = {f"{owner}:rezen": owner for owner in self.owners if owner not in self.readable}
        claims = [
            silent[connection] if row["tier"] == 1 else row["sponsor_id"]
            for (table, connection, _), row in self.raw.items()
            if table == "down_line" and connection in silent and row["id"] == person.id
        ]
        return any(claim not in (None, person.sponsor) for claim in claims)

    def counts_for(self, owner: str) -> int:
        """How many of the owner's front line count toward unlocking."""
        return sum(
            p.status == "ACTIVE"
            and (p.flag if p.flag is not None else any(map(_counts_today, p.closings)))
            for p in self.people.values()
            if owner in p.sponsors
        )

    # -- what the vendor sends -------------------------------------------------------------------

    def read(self, at: datetime) -> None:
        """Writes what every connected agent is told, as a sync leaves it in the raw tables."""
        sent: dict[Key, dict[str, Any]] = {}
        for owner in self.readable:
            connection = f"{owner}:rezen"
            sent["agents", connection, owner] = {"id": owner}
            for level, sponsor in enumerate(self.up_line(owner), start=1):
                sent["sponsor_tree", connection, sponsor] = {"id": sponsor, "level": level}
            for person in self.people.values():
                if person.id == owner:
                    continue
                row = self._row(person)
                for tier in self.tiers_of(owner, person.id):
                    key = "down_line", connection, f"{person.id}|{tier}"
                    sent[key] = {**row, "tier": tier}
                if owner in person.sponsors:
                    sent["front_line", connection, person.id] = row
            for tier in TIERS:
                size = sum(
                    p.status == "ACTIVE" and self.tier_of(owner, p.id) == tier
                    for p in self.people.values()
                )
                sent["network_size", connection, str(tier)] = {
                    "tier": tier,
                    "size": size,
                    "read_at": at,
                }
        for person in self.people.values():
            for number, day in enumerate(person.closings):
                name = f"{person.id}#{number}"
                sent["revshare_pending", f"{self.owners[0]}:rezen", name] = {
                    "row_key": name,
                    "id": name,
                    "agent_yenta_id": person.id,
                    "tier": 1,
                    "payout_amount": Decimal("1.00"),
                    "payout_currency": "USD",
                    "earned_at": datetime.combine(day, time(16), tzinfo=UTC),
                }
        self._land(sent, at)

    def _row(self, person: Person) -> dict[str, Any]:
        return {
            "id": person.id,
            "status": person.status,
            "updated_at": person.changed_at,
            "sponsor_id": person.sponsor if person.tells_sponsor else None,
            "sponsorship_type": "CO_SPONSOR" if person.co_sponsor else "PRIMARY",
            "sponsor_split": 45 if person.co_sponsor else 100,
            "unlocking": person.flag,
        }

    def _land(self, sent: dict[Key, dict[str, Any]], at: datetime) -> None:
        """Unchanged rows keep their time; rows that are gone get a tombstone. Rows of a tier that
        somebody has left may stay behind without one.
        """
        for key, row in sent.items():
            stored = self.raw.get(key)
            if stored is None or {k: v for k, v in stored.items() if k != "_synced_at"} != row:
                self.raw[key] = {**row, "_synced_at": at}
            self.gone.pop(key, None)
        read = {f"{owner}:rezen" for owner in self.readable}
        for key in self.raw.keys() - sent.keys():
            if key[1] in read and not (self._has_moved_tier(key, sent) and self.rng.random() < 0.5):
                self.gone.setdefault(key, at)

    def _has_moved_tier(self, key: Key, sent: dict[Key, dict[str, Any]]) -> bool:
        table, connection, name = key
        person = name.split("|")[0]
        if table != "down_line" or person not in self.people or self.people[person].co_sponsor:
            return False
        return any((table, connection, f"{person}|{tier}") in sent for tier in TIERS)

    def move(self) -> None:
        """People get new sponsors, change their status, leave without a trace, or join."""
        rng = self.rng
        self.has_moved = True
        for person in rng.sample(list(self.people.values()), len(self.people) // 4):
            below = {i for i in self.people if person.id in self.above(i)}
            free = [i for i in self.people if i not in below | {person.id, person.sponsor}]
            if person.co_sponsor is None and free and rng.random() < 0.6:
                person.sponsor = rng.choice(free)
            elif rng.random() < 0.6:
                person.status = rng.choice(STATUSES)
            else:
                person.flag = rng.choice((True, False, None))
                continue
            person.changed_at = SECOND_READ - timedelta(hours=2)
        leaves = set(self.people) - {s for p in self.people.values() for s in p.sponsors}
        for leaf in sorted(leaves - set(self.owners))[:2]:
            if rng.random() < 0.5:
                del self.people[leaf]
        sponsor = rng.choice(list(self.people))
        joined = Person(f"w{self.number}-new", sponsor, changed_at=SECOND_READ, flag=True)
        self.people[joined.id] = joined
        self.read(SECOND_READ)


def _counts_today(closed: date) -> bool:
    """From the day after a closing to the same day six months on, or that month's last day."""
    months = closed.year * 12 + closed.month - 1 + 6
    year, month = months // 12, months % 12 + 1
    last = date(year, month, min(closed.day, calendar.monthrange(year, month)[1]))
    return closed < TODAY <= last


class Worlds:
    """All worlds, in one database."""

    def __init__(self, database: str, folder: Path) -> None:
        self.database = database
        self.folder = folder
        self.all = [RandomWorld(number) for number in range(WORLDS)]
        self.broken = [
            RandomWorld(number, breaks=True) for number in range(WORLDS, WORLDS + BROKEN_WORLDS)
        ]
        make_raw_tables(database, folder)

    def move(self) -> None:
        for world in (*self.all, *self.broken):
            world.move()

    def load_and_build(self) -> None:
        tables: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for world in (*self.all, *self.broken):
            for (table, account, key), row in world.raw.items():
                engine = {"connection_id": account, "_key": key, "_row_hash": ""}
                tables[table].append({**engine, **row})
            for (table, account, key), at in world.gone.items():
                tables["tombstones"].append(
                    {
                        "connection_id": account,
                        "_key": f"{table}|{key}",
                        "entity": table,
                        "row_key": key,
                        "deleted_at": at,
                    }
                )
        with closing(psycopg2.connect(self.database)) as connection, connection:
            cursor = connection.cursor()
            for table, rows in tables.items():
                columns = sorted({name for row in rows for name in row})
                cursor.execute(f"truncate raw_rezen.{table}")
                psycopg2.extras.execute_values(
                    cursor,
                    f"insert into raw_rezen.{table} ({', '.join(columns)}) values %s",
                    [[row.get(name) for name in columns] for row in rows],
                    page_size=1000,
                )
        build_network(self.database, self.folder, NOW)

    def rows(self, query: str) -> list[Row]:
        return rows_of(self.database, query)

    def by_world(self, query: str, column: str) -> dict[int, list[Row]]:
        """Rows by the number of the world that a column's id belongs to."""
        found: dict[int, list[Row]] = defaultdict(list)
        for row in self.rows(query):
            found[int(row[column].removeprefix("rezen:w").split("-")[0])].append(row)
        return found


@pytest.fixture(scope="module")
def worlds(new_database: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worlds]:
    with new_database() as url:
        yield Worlds(url, tmp_path_factory.mktemp("worlds"))


@pytest.fixture(scope="module", params=[pytest.param(STATES[0], marks=pytest.mark.slow), STATES[1]])
def built(worlds: Worlds, request: pytest.FixtureRequest) -> Worlds:
    """The worlds in each of the states; pytest runs all tests of one before the next."""
    if request.param != STATES[0]:
        worlds.move()
    worlds.load_and_build()
    return worlds


def own(agent_id: str) -> str:
    """The id as the world has it."""
    return agent_id.removeprefix("rezen:")


def test_everybody_is_in_the_nearest_tier_of_each_owner(built: Worlds) -> None:
    rows = built.by_world("select * from network.network_member", "owner_agent_id")
    for world in built.all:
        found = {
            (own(r["owner_agent_id"]), own(r["member_agent_id"])): (r["tier"], r["member_status"])
            for r in rows[world.number]
        }
        wanted = {
            (owner, person.id): (tier, person.status)
            for owner in world.owners
            for person in world.people.values()
            if (tier := world.tier_of(owner, person.id)) is not None
        }
        assert found == wanted, world.number


def test_tiers_have_the_size_that_a_walk_counts(built: Worlds) -> None:
    rows = built.by_world("select * from network.network_size", "owner_agent_id")
    for world in built.all:
        assert len(rows[world.number]) == 5 * len(world.owners)
        for row in rows[world.number]:
            owner, tier = own(row["owner_agent_id"]), row["tier"]
            there = [p for p in world.people.values() if world.tier_of(owner, p.id) == tier]
            assert row["all_members"] == len(there), (world.number, row)
            assert row["active_members"] == sum(p.status == "ACTIVE" for p in there)
            assert row["difference"] == 0


def test_the_closure_is_true_and_holds_every_network(built: Worlds) -> None:
    rows = built.by_world("select * from network.network_closure", "ancestor_agent_id")
    for world in built.all:
        found: dict[tuple[str, str], int] = {}
        for row in rows[world.number]:
            ancestor, descendant = own(row["ancestor_agent_id"]), own(row["descendant_agent_id"])
            found[ancestor, descendant] = row["depth"]
            # a second sponsor of whom nobody told can make the true distance shorter
            told = world.above(descendant).get(ancestor)
            assert told is not None, (world.number, row)
            assert told <= row["depth"], (world.number, row)
            _check_path(world, row)
        for owner in world.owners:
            for person in world.people:
                tier = world.tier_of(owner, person)
                assert tier is None or found[owner, person] == tier, (world.number, owner, person)


def _check_path(world: RandomWorld, row: Row) -> None:
    path = [own(step) for step in row["path"]]
    assert path[0] == own(row["descendant_agent_id"])
    assert path[-1] == own(row["ancestor_agent_id"])
    assert len(set(path)) == len(path)
    if row["has_whole_path"]:
        assert len(path) == row["depth"] + 1
        for below, above in itertools.pairwise(path):
            assert above in world.people[below].sponsors, (world.number, row)
    else:
        assert len(path) <= row["depth"]


def test_sponsors_are_those_of_today(built: Worlds) -> None:
    rows = built.by_world("select * from network.sponsor_edge", "member_agent_id")
    for world in built.all:
        found: dict[str, set[str]] = defaultdict(set)
        for row in rows[world.number]:
            found[own(row["member_agent_id"])].add(own(row["sponsor_agent_id"]))
        wanted = {p: told for p in world.people if (told := world.told_sponsors(p))}
        assert found == wanted, world.number


def test_an_old_list_does_not_bring_back_a_sponsor(built: Worlds) -> None:
    """An account that could not be read still shows who sponsored whom before."""
    rows = built.by_world("select * from network.sponsor_edge", "member_agent_id")
    replaced = 0
    for world in built.broken:
        found: dict[str, set[str]] = defaultdict(set)
        for row in rows[world.number]:
            found[own(row["member_agent_id"])].add(own(row["sponsor_agent_id"]))
        for person in world.people.values():
            told = world.told_sponsors(person.id)
            if told and person.co_sponsor is None:
                assert found[person.id] == {person.sponsor}, (world.number, person)
                replaced += world.is_stale(person)
    assert replaced > 10 or not any(world.has_moved for world in built.broken)


def test_up_lines_carry_what_the_chains_pay(built: Worlds) -> None:
    rows = built.by_world(
        "select * from network.sponsor_tree where whole_chains > 0 and tier is not null", "agent_id"
    )
    for world in built.all:
        told = {person: world.told_sponsors(person) for person in world.people}
        found = {
            (own(r["agent_id"]), own(r["sponsor_agent_id"]), r["tier"]): r["share_percent"]
            for r in rows[world.number]
        }
        wanted: dict[tuple[str, str, int], Decimal] = defaultdict(Decimal)
        for person in world.people:
            for chain in world.chains(person, told.__getitem__, 5):
                shared = any(_is_shared(world, below) for below in chain[:-1])
                share = Decimal(45) if shared else Decimal(100)
                wanted[person, chain[-1], len(chain) - 1] += share
        assert found == wanted, world.number


def _is_shared(world: RandomWorld, person: str) -> bool:
    """Whether anybody was told that there are two sponsors."""
    listed = any(world.tier_of(owner, person) for owner in world.owners)
    return listed and world.people[person].co_sponsor is not None


def test_the_vendors_chain_is_the_primary_one(built: Worlds) -> None:
    rows = built.by_world("select * from network.sponsor_tree where is_primary", "agent_id")
    for world in built.all:
        for owner in world.owners:
            found = {
                own(row["sponsor_agent_id"]): row["sponsor_level"]
                for row in rows[world.number]
                if own(row["agent_id"]) == owner
            }
            chain = {sponsor: level for level, sponsor in enumerate(world.up_line(owner), start=1)}
            assert chain.items() <= found.items(), (world.number, owner)


def test_tiers_open_by_counting(built: Worlds) -> None:
    rows = built.by_world("select * from network.tier_unlock", "owner_agent_id")
    counts: set[int] = set()
    for world in built.all:
        for row in rows[world.number]:
            counted = world.counts_for(own(row["owner_agent_id"]))
            counts.add(counted)
            assert row["qualified_agents"] == counted, (world.number, row)
            assert row["is_unlocked"] == (counted >= NEEDED[row["tier"]])
            assert row["missing_agents"] == max(0, NEEDED[row["tier"]] - counted)
    # both sides of the numbers that open the second and the third tier
    assert {4, 5, 9, 10} <= counts


def test_worlds_have_what_is_hard(built: Worlds) -> None:
    """Loops, two sponsors, two tiers at once and, later, moves and stale rows are all there."""
    people = [(world, p) for world in built.all for p in world.people.values()]
    assert sum(p.id in _all_above(world, p) for world, p in people) > 9
    assert sum(p.co_sponsor is not None for _, p in people) > 99
    twice = [w for w, p in people for owner in w.owners if len(w.tiers_of(owner, p.id)) > 1]
    assert len(twice) > 20
    if built.rows("select 1 from raw_rezen.tombstones limit 1"):
        stale = built.rows(
            "select member_source_id from staging.stg_rezen__down_line_agents as listed"
            " left join network.network_member as held"
            " on held.owner_agent_id = 'rezen:' || split_part(listed.connection_id, ':', 1)"
            " and held.member_agent_id = 'rezen:' || listed.member_source_id"
            " and held.tier = listed.tier where held.tier is null"
        )
        assert len(stale) > 50


def _all_above(world: RandomWorld, person: Person) -> set[str]:
    """Everybody above, the person himself too where the data goes round."""
    seen: set[str] = set()
    level = set(person.sponsors)
    while level - seen:
        seen |= level
        level = {s for p in level for s in world.people[p].sponsors}
    return seen
