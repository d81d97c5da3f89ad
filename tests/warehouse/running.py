"""dbt as the tests of the warehouse start it.

What the project was parsed to is kept below `.brokerage`, by all that goes into it, and shared by
the test processes; a command then runs in a fork of a process that has dbt imported already.
"""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import functools
import hashlib
import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import msgpack

from assets.manifest import ARTIFACTS, find_manifest, fingerprint
from brokerage.database.engine import parse_url
from resources.ready_dbt import PARSED, ReadyDbt

ROOT = Path(__file__).parents[2]
PROJECT = ROOT / "dbt_project"
KEPT = ROOT / ".brokerage" / "tests" / "parsed"
KEPT_SECONDS = 86_400.0


@functools.cache
def _dbt() -> ReadyDbt:
    """This test process's dbt, for as long as the process lives."""
    ready = ReadyDbt(os.environ)
    atexit.register(ready.close)
    return ready


_fingerprint = functools.cache(fingerprint)


def _parsed(
    database: str, variables: str, target: Path, arguments: list[str], environment: dict[str, str]
) -> Path:
    """The parsed project, also in `target`; whoever needs it first parses for all.

    It holds the database's name wherever it names a table, and nothing else of the database: it is
    parsed once, and copied with the names of others.
    """
    here = KEPT / _name_of(variables, database)
    with _locked(here):
        if not here.exists():
            _forget_old()
            anywhere = _parsed_anywhere(variables, target, arguments, environment)
            _keep(here, _of(database, anywhere))
    if not (target / "manifest.json").exists():
        target.mkdir(parents=True, exist_ok=True)
        for artifact in ARTIFACTS:
            shutil.copy(here / artifact, target / artifact)
    return here / PARSED


def _parsed_anywhere(
    variables: str, target: Path, arguments: list[str], environment: dict[str, str]
) -> Path:
    """The project parsed for whatever database; without variables that is what Dagster reads."""
    if variables == json.dumps(None):
        return find_manifest().parent
    anywhere = KEPT / _name_of(variables)
    with _locked(anywhere):
        if not anywhere.exists():
            made = _dbt().run(
                ["--quiet", "parse", *arguments], environment=environment, timeout=900
            )
            assert made.returncode == 0, made.stdout[-3000:]
            _keep(anywhere, {name: (target / name).read_bytes() for name in ARTIFACTS})
            shutil.rmtree(target)
    return anywhere


def put_parsed(database: str, folder: Path, environment: Mapping[str, str]) -> None:
    """The parsed project in `folder`, so that dbt itself takes it for its own of this database.

    dbt parses anew when a hash of where its database is has changed. It is asked for the hash, with
    an empty project.
    """
    folder.mkdir(parents=True)
    empty = folder / "empty"
    empty.mkdir()
    (empty / "dbt_project.yml").write_text("name: empty\nprofile: brokerage\nflags: {}\n")
    made = _dbt().run(
        ["--quiet", "parse", "--project-dir", str(empty), "--profiles-dir", str(PROJECT)],
        environment={**environment, **_place(database), "DBT_TARGET_PATH": str(empty)},
        timeout=900,
    )
    assert made.returncode == 0, made.stdout[-3000:]
    found = msgpack.unpackb((empty / PARSED).read_bytes(), ext_hook=msgpack.ExtType)
    parsed = _of(str(parse_url(database).database), find_manifest().parent)[PARSED]
    held = msgpack.unpackb(parsed, ext_hook=msgpack.ExtType)
    held["state_check"]["profile_hash"] = found["state_check"]["profile_hash"]
    (folder / PARSED).write_bytes(msgpack.packb(held))


def _place(database: str) -> dict[str, str]:
    """Where a database is, as the profile reads it."""
    url = parse_url(database)
    return {
        "BROKERAGE_PG_HOST": str(url.host),
        "BROKERAGE_PG_PORT": str(url.port),
        "BROKERAGE_PG_USER": str(url.username),
        "BROKERAGE_PG_PASSWORD": str(url.password),
        "BROKERAGE_PG_DBNAME": str(url.database),
    }


def _name_of(*parts: str) -> str:
    return hashlib.sha256(json.dumps([_fingerprint(), *parts]).encode()).hexdigest()[:24]


def _of(database: str, parsed: Path) -> dict[str, bytes]:
    """The artifacts, JSON and msgpack, with this database's name for the one that they have."""
    nodes = json.loads((parsed / "manifest.json").read_bytes())["nodes"]
    [other] = {node["database"] for node in nodes.values()}

    def renamed(value: Any, name: str = "") -> Any:
        if isinstance(value, dict):
            return {key: renamed(held, key) for key, held in value.items()}
        if isinstance(value, list):
            return [renamed(held) for held in value]
        if name == "database" and value == other:
            return database
        if name == "relation_name" and isinstance(value, str):
            return value.replace(f'"{other}".', f'"{database}".', 1)
        return value

    found: dict[str, bytes] = {}
    for artifact in ARTIFACTS:
        content = (parsed / artifact).read_bytes()
        if artifact == PARSED:
            held = msgpack.unpackb(content, ext_hook=msgpack.ExtType)
            found[artifact] = msgpack.packb(renamed(held))
        else:
            found[artifact] = json.dumps(renamed(json.loads(content))).encode()
    return found


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    KEPT.mkdir(parents=True, exist_ok=True)
    with folder.with_suffix(".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _keep(folder: Path, artifacts: Mapping[str, bytes]) -> None:
    part = folder.with_suffix(".part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir()
    for name, content in artifacts.items():
        (part / name).write_bytes(content)
    part.rename(folder)


def _forget_old() -> None:
    for folder in KEPT.iterdir():
        if folder.is_dir() and folder.stat().st_mtime < time.time() - KEPT_SECONDS:
            shutil.rmtree(folder)


def run_dbt(
    database: str,
    folder: Path,
    *arguments: str,
    as_of: datetime | None = None,
    variables: Mapping[str, Any] | None = None,
    may_fail: bool = False,
) -> subprocess.CompletedProcess[str]:
    """A dbt command on a database, with its artifacts in `folder/target`.

    `as_of` is a setting of the session: as a variable, each new moment would have dbt parse the
    project anew.
    """
    url, target = parse_url(database), folder / "target"
    environment = {
        **_place(database),
        "DBT_TARGET_PATH": str(target),
        "DBT_LOG_PATH": str(folder / "logs"),
        "DBT_LOG_LEVEL_FILE": "none",
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "PGOPTIONS": f"-c brokerage.as_of={as_of.isoformat()}" if as_of else "",
    }
    where = [
        *("--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT)),
        *(("--vars", json.dumps(variables)) if variables else ()),
    ]
    parsed = _parsed(str(url.database), json.dumps(variables), target, where, environment)
    done = _dbt().run(
        [*arguments, *where],
        parsed=parsed,
        results=target / ("sources.json" if arguments[0] == "source" else "run_results.json"),
        environment=environment,
        timeout=900,
    )
    # warnings come last and hide what failed
    failed = [line for line in done.stdout.splitlines() if " ERROR " in line or " FAIL " in line]
    assert may_fail or done.returncode == 0, "\n".join([*failed, done.stdout[-3000:], done.stderr])
    return done


def results_of(folder: Path, name: str = "run_results") -> dict[str, str]:
    """The statuses of the last command by the names of what was built or tested."""
    results = json.loads((folder / "target" / f"{name}.json").read_bytes())["results"]
    return {result["unique_id"].split(".")[2]: str(result["status"]) for result in results}
