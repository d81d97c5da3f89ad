"""What all contenders share: one PostgreSQL, one sandbox without limits, and its accounts."""

from __future__ import annotations

import contextlib
import json
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import psycopg2
from psycopg2 import sql

from brokerage.database.embedded import EmbeddedPostgres, free_port

ENTITIES = ("people", "calls")


@dataclass(frozen=True)
class Site:
    """Where the contenders find everything.

    `accounts` holds API keys by agent; everything changed since the initial load is newer than
    `changed_after` (ISO, the sandbox's clock).
    """

    database_url: str
    fub_url: str
    system: str
    system_key: str
    accounts: dict[str, str]
    folder: str
    changed_after: str = ""

    def to_json(self) -> str:
        """For handing it to a contender's process."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Site:
        """The reverse of `to_json`."""
        return cls(**json.loads(text))

    @property
    def control_url(self) -> str:
        """The sandbox's control API."""
        return self.fub_url.removesuffix("/fub/v1") + "/sandbox"


@dataclass(frozen=True)
class VendorSite:
    """Where every vendor finds its sandbox: what it tells by vendor, credentials by vendor and
    agent.
    """

    database_url: str
    url: str
    folder: str
    settings: dict[str, dict[str, Any]]
    credentials: dict[str, dict[str, dict[str, str]]]

    def to_json(self) -> str:
        """For handing it to a process."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> VendorSite:
        """The reverse of `to_json`."""
        return cls(**json.loads(text))


@contextlib.contextmanager
def open_site(accounts: int, people: int, calls: int) -> Iterator[Site]:
    """Start a database and a sandbox for one bench and remove both afterwards."""
    figures = {
        "connections": max(accounts, 3), "deals": 5, "listings": 2, "network": 10,
        "people": people, "calls": calls, "events": 20, "texts": 20, "appointments": 5,
    }  # fmt: skip
    with _servers(figures) as (database_url, url, folder):
        found = httpx.get(f"{url}/sandbox/accounts").json()[:accounts]
        yield Site(
            database_url=database_url,
            fub_url=f"{url}/fub/v1",
            system=found[0]["fub"]["system"],
            system_key=found[0]["fub"]["system_key"],
            accounts={a["agent_key"]: a["fub"]["api_key"] for a in found},
            folder=folder,
        )


@contextlib.contextmanager
def open_vendor_site(deals: int, people: int) -> Iterator[VendorSite]:
    """A world with many deals, in which every vendor's accounts are."""
    figures = {
        "connections": 3, "deals": deals, "listings": deals // 5, "network": 50,
        "people": people, "calls": 100, "events": 20, "texts": 20, "appointments": 5,
    }  # fmt: skip
    with _servers(figures) as found:
        yield _vendor_site(*found)


@contextlib.contextmanager
def open_demo_site() -> Iterator[VendorSite]:
    """The world of the demo."""
    with _servers({}, size="demo") as found:
        yield _vendor_site(*found)


def _vendor_site(database_url: str, url: str, folder: str) -> VendorSite:
    credentials: dict[str, dict[str, dict[str, str]]] = {}
    for account in httpx.get(f"{url}/sandbox/accounts").json():
        for vendor, own in account.items():
            if isinstance(own, dict) and "credentials" in own:
                credentials.setdefault(vendor, {})[account["agent_key"]] = own["credentials"]
    settings = httpx.get(f"{url}/sandbox/settings").json()
    return VendorSite(database_url, url, folder, settings, credentials)


@contextlib.contextmanager
def _servers(figures: dict[str, int], size: str = "bench") -> Iterator[tuple[str, str, str]]:
    """A database and a sandbox of these figures: their addresses, and a folder to work in."""
    with tempfile.TemporaryDirectory(prefix="brokerage-bench-") as folder:
        base = Path(folder)
        base.chmod(0o755)
        server = EmbeddedPostgres(base / "home", port=free_port(), reachable_bases=(base,))
        server.start()
        with _sandbox(figures, size) as url:
            try:
                yield server.url(), url, str(base)
            finally:
                server.destroy()


@contextlib.contextmanager
def _sandbox(figures: dict[str, int], size: str) -> Iterator[str]:
    port = free_port()
    flags = [part for name, value in figures.items() for part in (f"--{name}", str(value))]
    process = subprocess.Popen(
        [sys.executable, "-m", "sandbox", "--port", str(port), "--size", size, "--fast", *flags],
        stdout=subprocess.DEVNULL,
    )
    try:
        _wait_for(port, process)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=30)


def _wait_for(port: int, process: subprocess.Popen[Any], seconds: float = 300.0) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise SystemExit("The sandbox ended at its start; run python -m sandbox to see why.")
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1.0):
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=0.2)
    raise SystemExit(f"The sandbox was not ready after {seconds:.0f} seconds.")


def warm_up(site: Site) -> int:
    """Read everything once, so that no contender pays for the sandbox's rendering."""
    rows = 0
    with httpx.Client(timeout=60.0) as client:
        for key in site.accounts.values():
            for entity in ENTITIES:
                link: str | None = f"{site.fub_url}/{entity}?limit=100&{EVERYTHING}"
                while link:
                    data = client.get(link, auth=(key, "")).json()
                    rows += len(data[entity])
                    link = data["_metadata"]["nextLink"]
    return rows


EVERYTHING = "fields=allFields&includeTrash=true&includeUnclaimed=true"


def change_share(site: Site, share: float) -> tuple[Site, int]:
    """Change this share of the people of every account and add as many calls; rows touched.

    Ten minutes pass before each change, so that a delta is one or two days of an account, and of
    two deltas the second reads again what is kept for safety's sake and not all of the first.
    """
    touched = 0
    with httpx.Client(timeout=60.0) as client:

        def tell(what: str, **change: Any) -> None:
            client.post(f"{site.control_url}/{what}", json=change).raise_for_status()

        before = datetime.fromisoformat(client.get(f"{site.control_url}/health").json()["now"])
        after = (before + timedelta(minutes=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
        for agent_key, key in site.accounts.items():
            page = client.get(f"{site.fub_url}/people?limit=1&{EVERYTHING}", auth=(key, "")).json()
            count = int(page["_metadata"]["total"] * share)
            newest = int(page["people"][0]["id"])
            for number in range(count):
                tell("clock", seconds=600)
                person = {"agent_key": agent_key, "id": newest - number}
                tell("mutate", op="fub.update_person", set={"price": 1000 + number}, **person)
                tell("mutate", op="fub.create_call", agent_key=agent_key)
                touched += 2
    return replace(site, changed_after=after), touched


@contextlib.contextmanager
def _database(site: Site) -> Iterator[Any]:
    """A cursor whose statements are committed one by one."""
    connection = psycopg2.connect(site.database_url)
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            yield cursor
    finally:
        connection.close()


def settle(site: Site) -> None:
    """Let the database do now what it would do beside the next contender for the one before."""
    with _database(site) as cursor:
        cursor.execute("vacuum analyze")
        cursor.execute("checkpoint")


def forget(site: Site) -> None:
    """Remove what the contenders have loaded and remembered."""
    with _database(site) as cursor:
        cursor.execute("drop table bench_floor")
        cursor.execute("select nspname from pg_namespace where nspname ~ '^(raw_fub|bench_stock)'")
        for (schema,) in cursor.fetchall():
            cursor.execute(sql.SQL("drop schema {} cascade").format(sql.Identifier(schema)))
    for name in ("platform", "stock"):
        shutil.rmtree(Path(site.folder) / name)


def count_rows(site: Site, schema: str, table: str) -> int:
    """Rows of a table, to check that what was read was really loaded."""
    with _database(site) as cursor:
        cursor.execute(sql.SQL("select count(*) from {}").format(sql.Identifier(schema, table)))
        row = cursor.fetchone()
        return int(row[0]) if row else 0
