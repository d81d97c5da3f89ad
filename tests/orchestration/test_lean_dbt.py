"""The dbt that is changed: what it tells, what a context holds, what is left in a session."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg2
from sqlalchemy.engine import make_url

TELL = """
import json
from resources.lean_dbt import _keep_details_quiet
_keep_details_quiet()
from dbt.adapters.events.types import SQLQuery
from dbt_common.events.base_types import EventLevel
from dbt_common.events.event_manager_client import get_event_manager
from dbt_common.events.functions import fire_event
from dbt_common.events.types import Note, PrintEvent
heard = []
manager = get_event_manager()
manager.loggers.clear()
manager.add_callback(lambda event: heard.append([event.info.level, event.info.msg]))
query = SQLQuery(conn_name="one", sql="select 1", node_info={})
fire_event(query)
fire_event(Note(msg="a detail"), level=EventLevel.DEBUG)
fire_event(Note(msg="a note"))
fire_event(Note(msg="a warning"), level=EventLevel.WARN)
fire_event(PrintEvent(msg="printed"))
print(json.dumps([heard, query.sql]))
"""


HOLD = """
import json
from types import SimpleNamespace
from dbt.clients.jinja import MacroStack
from dbt.context.macros import MacroNamespaceBuilder
from resources.lean_dbt import _make_macros_at_once
packages = {
    "dbt": "abc", "dbt_postgres": "bf", "ours": "ad", "util": "aeg", "dbt_other": "cx",
}
macros = {
    package: {
        name: SimpleNamespace(name=name, package_name=package, unique_id=f"{package}.{name}")
        for name in names
    }
    for package, names in packages.items()
}

def held(value):
    if isinstance(value, dict):
        return {name: held(one) for name, one in value.items()}
    return [value.macro.unique_id, value.context is CONTEXT, value.node, value.stack is STACK]

CONTEXT, STACK = {}, MacroStack()

def contexts():
    found = {}
    for search in packages:
        builder = MacroNamespaceBuilder(
            "ours", search, STACK, ["dbt_postgres", "dbt_other", "dbt"], "the node"
        )
        names = builder.build_namespace(macros, CONTEXT)
        found[search] = {
            "flat": held({**names}),
            "long": len(names),
            "of": {
                f"{package}.{name}": held(names.get_from_package(package, name))
                for package in (None, "dbt", "ours", "util")
                for name in "abcdefgx"
                if names.get_from_package(package, name) is not None
            },
        }
    return found

before = contexts()
_make_macros_at_once()
print(json.dumps([before, contexts()]))
"""

GUESS = """
import json
from threading import Thread
from dbt_common.clients.agate_helper import table_from_data_flat
from resources.lean_dbt import _keep_calendars
rows = [
    {"day": "2026-06-15", "at": "2026-06-15 12:30:00", "iso": "2026-06-15T12:30:00", "word": "may"},
    {"day": "2026-02-28", "at": "2026-02-28 00:00:00", "iso": None, "word": "tomorrow"},
]

def guessed():
    table = table_from_data_flat(rows, list(rows[0]))
    kinds = [type(kind).__name__ for kind in table.column_types]
    return [kinds, [[str(value) for value in row] for row in table.rows]]

before = guessed()
_keep_calendars()
after = []
for _ in range(2):
    thread = Thread(target=lambda: after.extend([guessed(), guessed()]))
    thread.start()
    thread.join()
print(json.dumps([before, after]))
"""

MODELS = {
    "kept": "{{ config(materialized='incremental', unique_key='id') }} select 1 as id",
    "found": """
-- depends_on: {{ ref('kept') }}
select count(*) as temporary from pg_class
where relpersistence = 't' and relnamespace = pg_my_temp_schema()
""",
    **{f"other_{number}": "select * from {{ ref('found') }}" for number in range(10)},
}


def test_details_are_not_told_and_all_else_is() -> None:
    # in a process of its own: dbt is changed for good
    done = subprocess.run(
        [sys.executable, "-c", TELL], capture_output=True, check=True, text=True, timeout=120
    )
    heard, sql = json.loads(done.stdout.splitlines()[-1])
    assert heard == [["info", "a note"], ["warn", "a warning"], ["info", "printed"]]
    assert sql == "select 1", "an event that is asked has what it was given"


def test_a_context_holds_the_macros_that_it_held() -> None:
    done = subprocess.run(
        [sys.executable, "-c", HOLD], capture_output=True, check=True, text=True, timeout=120
    )
    before, after = json.loads(done.stdout.splitlines()[-1])
    assert after == before
    assert before["util"]["flat"]["a"][0] == "util.a"
    assert before["dbt"]["flat"]["a"][0] == "ours.a"
    assert before["dbt"]["flat"]["b"][0] == "dbt_postgres.b"


def test_texts_of_a_result_are_taken_for_what_they_were_taken_for() -> None:
    done = subprocess.run(
        [sys.executable, "-c", GUESS], capture_output=True, check=True, text=True, timeout=120
    )
    before, after = json.loads(done.stdout.splitlines()[-1])
    assert after == [before] * 4


def test_a_session_goes_from_one_node_to_the_next_without_its_tables(
    database: str, tmp_path: Path
) -> None:
    # the second time the incremental one goes by a temporary table
    for _ in range(2):
        logins = _logins(database, tmp_path / "lean")
    with closing(psycopg2.connect(database)) as connection, connection.cursor() as cursor:
        cursor.execute("select temporary from lean.other_9")
        assert cursor.fetchall() == [(0,)]
    # unchanged, dbt logs in for each of them, and for itself
    assert logins < len(MODELS)


def _logins(database: str, folder: Path) -> int:
    environment = _project(folder, database, "lean")
    before = _sessions(database)
    done = subprocess.run(
        [sys.executable, "-m", "resources.lean_dbt", "build"],
        cwd=folder,
        env=environment,
        capture_output=True,
        check=False,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout
    return _sessions(database) - before


def _sessions(database: str) -> int:
    with closing(psycopg2.connect(database)) as connection, connection.cursor() as cursor:
        cursor.execute("select pg_stat_force_next_flush()")
        cursor.execute("select sessions from pg_stat_database where datname = current_database()")
        [(found,)] = cursor.fetchall()
        return int(found)


def _project(folder: Path, database: str, schema: str) -> Mapping[str, str]:
    url = make_url(database)
    profile: Mapping[str, Any] = {
        "type": "postgres", "host": url.host, "port": url.port, "user": url.username,
        "password": url.password, "dbname": url.database, "schema": schema, "threads": 1,
    }  # fmt: skip
    (folder / "models").mkdir(parents=True, exist_ok=True)
    (folder / "dbt_project.yml").write_text(
        "name: lean\nprofile: lean\nmodels: {lean: {+materialized: table}}\n"
    )
    (folder / "profiles.yml").write_text(
        json.dumps({"lean": {"target": "here", "outputs": {"here": profile}}})
    )
    for name, text in MODELS.items():
        (folder / "models" / f"{name}.sql").write_text(text)
    return {
        **os.environ,
        "DBT_PROFILES_DIR": str(folder),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    }
