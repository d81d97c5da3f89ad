"""What is kept key by key equals what is built anew, byte for byte.

A small Follow Up Boss is written into the raw tables, then changed round by round at random: rows
change, come, go and come back; the second user of an account shows older and newer copies; a load
that began before the last build ends after it; users and stages are renamed, a user goes, a
connection moves to another account or ends. After each round the tables are built from what they
are, then once more from nothing, and compared both ways.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg2
import psycopg2.extras
import pytest

from brokerage.control.repository import ControlRepository
from brokerage.database.engine import LIBPQ_DRIVER, LOADER, build_url, make_engine
from pipelines.common.load import prepare_raw
from pipelines.registry import VENDORS
from tests.warehouse.running import run_dbt

PROJECT = Path(__file__).parents[2] / "dbt_project"
START = datetime(2026, 6, 15, 12, tzinfo=UTC)
ROUNDS = 4
KEPT_BY_KEY = "config.incremental_strategy:replace_keys"
ENTITIES = ("people", "calls", "events", "text_messages")
DEALS = ("transactions", "transaction_list", "listings")
# the second is another spelling of the first, the third another unit of it
ADDRESSES = (
    None,
    {"street": "1 Main St", "city": "Provo", "state": "UTAH", "zip": "84601"},
    {"street": "1 MAIN ST", "city": "Provo", "state": "UT", "zip": "84601", "oneLine": "1 Main"},
    {"street": "1 Main St", "unit": "2", "city": "Provo", "state": "UTAH", "zip": "84601"},
    {"street": "9 Queen St W", "city": "Toronto", "stateOrProvince": "ONTARIO", "zip": "M5H 2N2"},
)
# agent → account; two users of account 1
ACCOUNTS = {"ann": "1", "bob": "1", "cat": "2", "dan": "3"}

Databases = Callable[[], AbstractContextManager[str]]


def vendor_of(entity: str) -> str:
    return "rezen" if entity in DEALS else "fub"


def numbered(pick: random.Random) -> dict[str, str]:
    """An address that hardly another row has: it comes and goes with its deal."""
    return {"street": f"{pick.randrange(10**6)} Oak Ave", "city": "Ogden", "state": "UTAH"}


def connection_of(agent: str, entity: str = "people") -> str:
    return f"{agent}:{vendor_of(entity)}"


@dataclass
class Crm:
    """The raw tables of a small Follow Up Boss, and dbt over them."""

    database: str
    folder: Path
    session: Any
    random: random.Random
    now: datetime = START
    numbers: int = 0
    keys: dict[str, set[tuple[str, str]]] = field(
        default_factory=lambda: {entity: set() for entity in (*ENTITIES, *DEALS)}
    )

    def execute(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        with self.session.cursor() as cursor:
            # without values a percent sign is nothing but that
            cursor.execute(statement, values or None)
            return cursor.fetchall() if cursor.description else []

    def put(self, entity: str, agent: str, key: str, read_at: datetime, **columns: Any) -> None:
        """A row as a load leaves it: in the place of the one before."""
        row = {
            "connection_id": connection_of(agent, entity),
            "_key": key,
            "_row_hash": str(self.next_number()),
            "_synced_at": read_at,
            **columns,
        }
        table = f"raw_{vendor_of(entity)}.{entity}"
        self.execute(
            f"delete from {table} where connection_id = %s and _key = %s",
            row["connection_id"],
            key,
        )
        names = ", ".join(f'"{name}"' for name in row)
        places = ", ".join(["%s"] * len(row))
        values = [
            psycopg2.extras.Json(v) if isinstance(v, list | dict) else v for v in row.values()
        ]
        self.execute(f"insert into {table} ({names}) values ({places})", *values)

    def next_number(self) -> int:
        self.numbers += 1
        return self.numbers

    def mark(self, agent: str, entity: str, started_at: datetime, finished_at: datetime) -> None:
        """The mark of a reading whose load is complete."""
        number, schema = str(self.next_number()), f"raw_{vendor_of(entity)}"
        self.execute(
            f"insert into {schema}._dlt_loads values (%s, %s, 0, now(), '')", number, schema
        )
        self.execute(
            f"insert into {schema}.sync_marks (run_id, connection_id, entity, status, mode,"
            " started_at, finished_at, rows_read, rows_written, rows_unchanged, rows_rejected,"
            " rows_deleted, api_calls, is_complete_sweep, is_probe, _dlt_load_id, _dlt_id)"
            " values (%s, %s, %s, 'ok', 'incremental', %s, %s, 0, 0, 0, 0, 0, 1, false, false,"
            " %s, %s)",
            *(number, connection_of(agent, entity), entity),
            *(started_at, finished_at, number, number),
        )

    def write(self, entity: str, agent: str, key: str, read_at: datetime) -> None:
        """A row with random content."""
        pick, changed_at = self.random, read_at - timedelta(minutes=self.random.randrange(90))
        if entity in DEALS:
            roles = pick.sample(["BUYER", "SELLER", "TITLE"], pick.randrange(4))
            people = [
                {
                    "id": f"{key}-{place}",
                    "participantRole": role,
                    "firstName": pick.choice("ABC"),
                    "address": pick.choice([*ADDRESSES, numbered(pick)]),
                }
                for place, role in enumerate(roles)
            ]
            # the same one twice, and one without an id
            people += [dict(people[0]), {"company": "Title LLC"}] if people else []
            self.put(
                entity,
                agent,
                key,
                read_at,
                id=key,
                updated_at=changed_at,
                participants=people,
                address=pick.choice([*ADDRESSES[1:], numbered(pick)]),
                **({"lifecycle_group": "OPEN"} if entity == "transaction_list" else {}),
            )
            self.keys[entity].add((agent, key))
            return
        stamps = {"created": START - timedelta(days=9), "updated": changed_at}
        person = str(pick.randrange(20))
        user = pick.choice(["1", "2", "3", None])
        if entity == "people":
            mails = [{"value": f"Mail{n}@example.test"} for n in range(pick.randrange(3))]
            phones = [{"value": f"555-{n}", "isPrimary": n} for n in range(pick.randrange(3))]
            own: dict[str, Any] = {
                "name": f"Person {self.next_number()}",
                "stage_id": pick.choice(["1", "2", "9"]),
                "stage": "As sent",
                "assigned_user_id": user,
                "assigned_to": "As sent",
                "emails": mails,
                "phones": phones,
                "tags": pick.sample(["a", "b", "c", "a"], pick.randrange(4)),
                "price": pick.randrange(10**6),
            }
        elif entity == "calls":
            own: dict[str, Any] = {
                "person_id": person,
                "user_id": user,
                "duration": pick.randrange(600),
                "is_incoming": pick.choice([True, False, None]),
                "started_at": changed_at,
                "outcome": pick.choice(["Busy", "Interested"]),
            }
        elif entity == "events":
            own = {"person_id": person, "type": pick.choice(["Inquiry", "Seen"]), "source": "Web"}
        else:
            own = {"person_id": person, "user_id": user, "message": "x" * pick.randrange(9)}
        self.put(entity, agent, key, read_at, id=key, **stamps, **own)
        self.keys[entity].add((agent, key))

    def read(self, entity: str, agent: str, keys: list[str], read_at: datetime) -> None:
        """A reading that has ended, of these rows."""
        for key in keys:
            self.write(entity, agent, key, read_at)
        self.mark(agent, entity, read_at - timedelta(minutes=1), read_at + timedelta(seconds=9))

    def delete(self, entity: str, agent: str, key: str, seen_at: datetime) -> None:
        """A tombstone; the absence that was seen last counts."""
        self.execute(
            f"insert into raw_{vendor_of(entity)}.tombstones values (%s, %s, %s, %s, %s)"
            " on conflict (connection_id, _key) do update"
            " set deleted_at = greatest(tombstones.deleted_at, excluded.deleted_at)",
            *(connection_of(agent, entity), f"{entity}|{key}", entity, key, seen_at),
        )

    def dimensions(self, agents: list[str]) -> None:
        """Who has an account, its users and stages."""
        for agent in agents:
            account = ACCOUNTS[agent]
            self.put(
                *("identity", agent, account, self.now),
                account_id=account,
                sees_all=agent != "bob",
                user_id="1",
            )
            for user in ("1", "2"):
                self.put(
                    *("users", agent, user, self.now),
                    id=user,
                    name=f"User {user} of {account}",
                    email=f"user{user}@example.test",
                    updated=self.now,
                )
            for stage in ("1", "2"):
                self.put("stages", agent, stage, self.now, id=stage, name=f"Stage {stage}")

    def dbt(self, *arguments: str, command: str = "run") -> None:
        run_dbt(self.database, self.folder, command, *arguments, as_of=self.now)

    def kept_models(self) -> dict[str, str]:
        """The tables that are kept key by key, by model."""
        manifest = json.loads((self.folder / "target" / "manifest.json").read_bytes())
        return {
            node["name"]: f"{node['schema']}.{node['name']}"
            for node in manifest["nodes"].values()
            if node["config"].get("incremental_strategy") == "replace_keys"
        }


@pytest.fixture(scope="module")
def crm(new_database: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crm]:
    with ExitStack() as stack:
        url = stack.enter_context(new_database())
        folder = tmp_path_factory.mktemp("incremental")
        loader = build_url(url, role=LOADER, driver=LIBPQ_DRIVER)
        for vendor in VENDORS.values():
            prepare_raw(vendor, loader, folder / "dlt")
        engine = make_engine(url)
        control = ControlRepository(engine)
        for agent, account in ACCOUNTS.items():
            control.add_agent(agent, agent, email=f"{agent}@example.test", is_demo=False)
            control.save_connection(agent, "fub", account_source_id=account, account_label=agent)
        engine.dispose()
        session = stack.enter_context(closing(psycopg2.connect(url)))
        session.autocommit = True
        world = Crm(url, folder, session, random.Random(11))
        world.dimensions(list(ACCOUNTS))
        for entity in (*ENTITIES, *DEALS):
            for agent in ACCOUNTS:
                numbers = range(1, 30) if agent != "bob" else range(1, 12)
                world.read(entity, agent, [str(n) for n in numbers], START)
        # once all that the tables are made of
        tests = ("--exclude-resource-type", "test", "unit_test")
        world.dbt("--select", f"+{KEPT_BY_KEY}", *tests, command="build")
        yield world


def change(crm: Crm, number: int) -> None:
    """What happens between two builds."""
    before, crm.now = crm.now, crm.now + timedelta(hours=8)
    for entity in (*ENTITIES, *DEALS):
        for agent in ACCOUNTS:
            known = sorted(key for who, key in crm.keys[entity] if who == agent)
            crm.read(
                *(entity, agent),
                [*crm.random.sample(known, 4), str(100 * number + crm.random.randrange(9))],
                crm.now - timedelta(minutes=crm.random.randrange(1, 50)),
            )
            gone, *back = crm.random.sample(known, 3)
            crm.delete(entity, agent, gone, crm.now - timedelta(minutes=2))
            # deleted and read again later; deleted earlier than it was read
            crm.delete(entity, agent, back[0], crm.now - timedelta(minutes=9))
            crm.write(entity, agent, back[0], crm.now - timedelta(minutes=1))
            crm.delete(entity, agent, back[1], START - timedelta(days=1))
        # read long before the last build, in a load that has ended since
        late = before - timedelta(hours=5)
        crm.write(entity, "cat", str(1000 + number), late)
        crm.write(entity, "ann", "5", late)
        crm.mark("cat", entity, late - timedelta(hours=1), before + timedelta(minutes=20))
    if number == 1:
        crm.execute("update raw_fub.users set name = 'Renamed' where _key = '1'")
    if number == 2:
        crm.execute("update raw_fub.stages set name = 'Trash' where _key = '2'")
        crm.execute("update core.city_geo set latitude = 40.25 where city_key = 'provo'")
        # the second user of account 1 turns out to belong to account 3
        crm.execute(
            "update raw_fub.identity set account_id = '3', _key = '3' where connection_id = %s",
            connection_of("bob"),
        )
    if number == 3:
        # a user is gone, and a connection of which nothing is left
        crm.delete("users", "cat", "2", crm.now)
        for table in ("raw_fub.identity", "control.connections"):
            crm.execute(f"delete from {table} where connection_id = %s", connection_of("dan"))
        for entity in ENTITIES:
            crm.execute(
                f"delete from raw_fub.{entity} where connection_id = %s", connection_of("dan")
            )
            crm.keys[entity] = {(who, key) for who, key in crm.keys[entity] if who != "dan"}
        ACCOUNTS.pop("dan")


def differences(crm: Crm, table: str, other: str) -> list[tuple[Any, ...]]:
    return crm.execute(
        f"select 'only kept', t.* from (table {other} except all table {table}) t"
        f" union all select 'only anew', t.* from (table {table} except all table {other}) t"
    )


def test_what_is_kept_equals_what_is_built_anew(crm: Crm) -> None:
    kept = crm.kept_models()
    assert {"fub_call", "fub_person", "fub_event", "fub_text_message"} <= set(kept)
    small = ["connection", "app_user", "fub_user", "fub_stage", "int_deals__unified"]
    selection = ["--select", *small, KEPT_BY_KEY]
    crm.execute("create schema kept")
    sizes = {}
    for number in range(1, ROUNDS + 1):
        change(crm, number)
        crm.dbt(*selection)
        for name, table in kept.items():
            crm.execute(f"drop table if exists kept.{name}")
            crm.execute(f"create table kept.{name} as select * from {table}")
        crm.dbt(*selection, "--full-refresh")
        for name, table in kept.items():
            assert differences(crm, table, f"kept.{name}") == [], (number, name)
            [[sizes[number, name]]] = crm.execute(f"select count(*) from {table}")
            # the next increment is one of what the increments have made
            crm.execute(f"delete from {table}")
            crm.execute(f"insert into {table} select * from kept.{name}")
    for name in kept:
        assert len({sizes[number, name] for number in range(1, ROUNDS + 1)}) > 1, name


def test_nothing_new_changes_nothing(crm: Crm) -> None:
    kept = crm.kept_models()
    crm.dbt("--select", KEPT_BY_KEY)
    before = {
        name: crm.execute(f"select md5(string_agg(t::text, '|' order by t::text)) from {table} t")
        for name, table in kept.items()
    }
    crm.now += timedelta(minutes=15)
    crm.dbt("--select", KEPT_BY_KEY)
    after = {
        name: crm.execute(f"select md5(string_agg(t::text, '|' order by t::text)) from {table} t")
        for name, table in kept.items()
    }
    assert after == before


def test_a_key_of_a_row_is_the_vendors_id(crm: Crm) -> None:
    """An increment finds rows by their key in raw, and the model names them by the vendor's id."""
    for entity in ENTITIES:
        [model] = [e for e in VENDORS["fub"].entities if e.name == entity]
        assert tuple(model.key) == ("id",)
    assert crm.execute("select 1 from raw_fub.calls where _key <> id") == []
