"""What `brokerage doctor` checks, each with what to do about it."""

from __future__ import annotations

import platform
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.markup import escape

from brokerage.cli.console import MARKS, out
from brokerage.database.embedded import EmbeddedPostgres, find_installation, is_free
from brokerage.errors import BrokerageError
from brokerage.settings import PROJECT_DIR, Settings

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

_LEAST_FREE_BYTES = 2 * 2**30


@dataclass(frozen=True)
class Check:
    """One finding; `ok` is None when it is only worth knowing."""

    name: str
    ok: bool | None
    detail: str


def examine(settings: Settings) -> list[Check]:
    """All checks, none of which changes anything or raises."""
    return [*_machine(), *_home(settings), *_database(settings), *_vendors(settings)]


def show(checks: list[Check]) -> None:
    for check in checks:
        out.print(f"{MARKS[check.ok]} {check.name}: {escape(check.detail)}", soft_wrap=True)
    bad = sum(check.ok is False for check in checks)
    out.print("Everything is in order." if not bad else f"{bad} of {len(checks)} need attention.")


def _guarded(name: str, probe: Callable[[], str]) -> Check:
    try:
        return Check(name, True, probe())
    except BrokerageError as error:
        return Check(name, False, str(error))


def _machine() -> Iterator[Check]:
    version = platform.python_version()
    fits = (3, 11) <= sys.version_info[:2] <= (3, 13)
    yield Check("Python", fits, version if fits else f"{version}: use Python 3.11, 3.12 or 3.13.")
    for name in ("workspace.yaml", "dagster.yaml", "definitions.py"):
        found = (PROJECT_DIR / name).exists()
        yield Check(name, found, "found" if found else f"missing in {PROJECT_DIR}: restore it.")


def _home(settings: Settings) -> Iterator[Check]:
    yield _guarded("Home folder", lambda: str(settings.make_home()))
    existing = next(p for p in (settings.home, *settings.home.parents) if p.exists())
    free = shutil.disk_usage(existing).free
    enough = free >= _LEAST_FREE_BYTES
    told = f"{free / 2**30:.1f} GB free"
    yield Check("Disk", enough, told if enough else f"{told}: make room, 2 GB are needed.")


def _database(settings: Settings) -> Iterator[Check]:
    from brokerage.database.engine import check_reachable, make_engine, owner_url

    if settings.uses_embedded_database:
        yield _guarded("Embedded PostgreSQL", lambda: str(find_installation()))
        status = EmbeddedPostgres.for_settings(settings).status()
        if not status.running:
            taken = status.port is not None and not is_free(status.port)
            yield Check(
                "Database",
                False if taken else None,
                f"port {status.port} is taken by another program: stop it or set "
                "BROKERAGE_POSTGRES_PORT."
                if taken
                else "it does not run now: start it with `brokerage up`.",
            )
            return
    try:
        engine = make_engine(owner_url(settings))
    except BrokerageError as error:
        yield Check("Database", False, str(error))
        return
    try:
        reachable = _guarded("Database", lambda: f"PostgreSQL {check_reachable(engine)}")
        yield reachable
        if reachable.ok:
            yield from _inside_database(engine, settings)
    finally:
        engine.dispose()


def _inside_database(engine: Engine, settings: Settings) -> Iterator[Check]:
    from sqlalchemy import text

    from brokerage.control.migrations import is_current
    from brokerage.control.vault import Vault

    with engine.connect() as connection:
        is_set_up = connection.execute(
            text("select to_regclass('control.secrets') is not null")
        ).scalar_one()
    current = bool(is_set_up) and is_current(engine)
    yield Check(
        "Control schema", current, "up to date" if current else "not up to date: `brokerage init`."
    )
    if not is_set_up:
        return

    def open_all() -> str:
        vault = Vault.for_settings(engine, settings)
        with engine.connect() as connection:
            ids = connection.execute(
                text("select distinct connection_id from control.secrets order by 1")
            ).scalars()
            count = sum(bool(vault.get(connection_id)) for connection_id in ids.all())
        return f"the keys open the secrets of {count} connections"

    yield _guarded("Secrets", open_all)


def _vendors(settings: Settings) -> Iterator[Check]:
    import httpx

    from pipelines.registry import VENDORS
    from resources.vendor_settings import vendor_settings

    addresses = {
        f"{vendor.name}_{name}": value
        for vendor in VENDORS.values()
        for name, value in vendor_settings(vendor, settings).model_dump().items()
        if name.endswith("base_url")
    }
    for name, url in addresses.items():
        if not url:
            yield Check(name, True, f"not set; BROKERAGE_{name.upper()} is for who has an account")
            continue
        try:
            answer = httpx.get(url, timeout=5.0, follow_redirects=False)
        except httpx.HTTPError as error:
            yield Check(
                name,
                None,
                f"{url} does not answer ({type(error).__name__}): check the network or "
                f"BROKERAGE_{name.upper()}.",
            )
        else:
            # without a key any answer will do: it shows that somebody is there
            yield Check(name, True, f"{url} answers (HTTP {answer.status_code})")
