"""Ending a connection: the grant is given back, the key deleted, and the data kept or erased.

The order makes a command that is interrupted harmless to repeat: nothing reads the account any more
before its key goes, and its key is gone before its rows are.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import text

from brokerage.cli.session import Session
from brokerage.errors import UnavailableError

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from brokerage.control.repository import ConnectionRecord
    from pipelines.common.entity import Vendor

REASON = "disconnected"
PATIENCE = 60.0
"""Seconds that a sync is waited for before its rows are deleted."""

_HISTORY = "snapshots"


@dataclass(frozen=True)
class Disconnected:
    """What became of one connection.

    `withdrawn` is True if the vendor took the access back, False if that is a person's to do
    there; `advice` says what, if anything. `rows` are the raw rows that were erased.
    """

    connection_id: str
    withdrawn: bool
    advice: str | None
    rows: int | None = None


def disconnect_account(session: Session, connection: ConnectionRecord) -> Disconnected:
    """Stop reading the account, give the access back and delete the key; rows stay.

    A vendor that cannot take the access back now does not keep the key from being deleted.
    """
    from pipelines.registry import VENDORS

    vendor = VENDORS[connection.vendor]
    session.repository.set_connection_status(connection.connection_id, "paused", REASON)
    withdrawn, advice = _withdraw(session, vendor, connection)
    session.vault.delete(connection.connection_id)
    session.log.event(
        "connection.disconnected",
        f"{connection.agent_key} is disconnected from {vendor.title}.",
        source="cli",
        agent_key=connection.agent_key,
        connection_id=connection.connection_id,
    )
    return Disconnected(connection.connection_id, withdrawn, advice)


def _withdraw(
    session: Session, vendor: Vendor, connection: ConnectionRecord
) -> tuple[bool, str | None]:
    """Whether the vendor took the access back, and what is left to do."""
    import httpx

    from pipelines.common.errors import AccountBroken, VendorError
    from resources.vendor_settings import vendor_settings

    credentials = session.vault.get(connection.connection_id)
    if not credentials:
        return False, None
    if vendor.oauth is None or "access_token" not in credentials:
        return False, (
            f"The key still opens {vendor.title} for whoever has it: delete it there."
            if vendor.credential_names
            else None
        )
    settings = vendor_settings(vendor, session.settings)
    try:
        with httpx.Client(timeout=settings.timeout_seconds) as client:
            if vendor.oauth.revoke(client, credentials, settings):
                return True, None
    except AccountBroken:
        # a grant that is gone need not be given back
        return True, None
    except VendorError as error:
        return False, f"The access was not given back: {error.sentence}"
    return False, (
        f"{vendor.title} has no call that takes an access back: withdraw it in the account's "
        "settings there."
    )


def erase_account(session: Session, connection: ConnectionRecord) -> int:
    """Delete all raw rows that were read through a disconnected account, and the files of imports.

    Returns the rows deleted.

    Raises:
        UnavailableError: when a sync still reads the account.
    """
    from brokerage.database.engine import LIBPQ_DRIVER, LOADER, role_url
    from pipelines.common.warehouse import SyncLocks, create_raw_tables, forget_connection
    from pipelines.registry import VENDORS

    vendor = VENDORS[connection.vendor]
    url = role_url(LOADER, session.settings, driver=LIBPQ_DRIVER)
    create_raw_tables(vendor, url)
    locks = SyncLocks(url)
    try:
        if not locks.take_account(connection.connection_id, PATIENCE):
            raise UnavailableError(
                f"A sync is reading {connection.connection_id}: its key is deleted; run this again "
                "when the sync has ended."
            )
        rows = forget_connection(vendor, url, connection.connection_id)
    finally:
        locks.release()
    if vendor.name == "files":
        shutil.rmtree(session.settings.files_dir / connection.agent_key, ignore_errors=True)
    session.repository.delete_connection(connection.connection_id)
    session.log.event(
        "connection.erased",
        f"{rows} {vendor.title} rows of {connection.agent_key} are deleted.",
        source="cli",
        agent_key=connection.agent_key,
        connection_id=connection.connection_id,
    )
    return rows


# -- history ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Snapshot:
    table: str
    keys: tuple[str, ...]


def _snapshots() -> list[_Snapshot]:
    """The snapshots of the dbt project with their unique keys, from its manifest."""
    from assets.manifest import find_manifest

    found = []
    for node in json.loads(find_manifest().read_bytes())["nodes"].values():
        if node["resource_type"] == "snapshot":
            key = node["config"]["unique_key"]
            keys = (key,) if isinstance(key, str) else tuple(key)
            found.append(_Snapshot(node.get("alias") or node["name"], keys))
    return sorted(found, key=lambda snapshot: snapshot.table)


@contextmanager
def erasing_history(session: Session, connection_ids: Sequence[str]) -> Iterator[None]:
    """Erase from the snapshots what the build inside no longer has, and the accounts' own figures.

    What was there before and is not afterwards has gone because its account was erased, so that
    all its versions go: a snapshot would keep them otherwise, and call it a departure. The build
    before must be up to date, or departures that it has not seen yet are taken for erased.
    """
    with session.engine.connect() as connection:
        present = [s for s in _snapshots() if _exists(connection, f"{_HISTORY}.{s.table}")]
        for snapshot in present:
            keys = ", ".join(snapshot.keys)
            connection.execute(
                text(
                    f"create temp table before_{snapshot.table} as select {keys} "  # noqa: S608
                    f"from {_HISTORY}.{snapshot.table} "
                    "where dbt_valid_to is null and dbt_is_deleted = 'False'"
                )
            )
        connection.commit()
        yield
        for snapshot in present:
            same = " and ".join(
                f"versions.{key} is not distinct from gone.{key}" for key in snapshot.keys
            )
            columns = ", ".join(snapshot.keys)
            connection.execute(
                text(
                    f"delete from {_HISTORY}.{snapshot.table} as versions using ("  # noqa: S608
                    f"select {columns} from before_{snapshot.table} intersect "
                    f"select {columns} from {_HISTORY}.{snapshot.table} "
                    "where dbt_valid_to is null and dbt_is_deleted = 'True') as gone "
                    f"where {same}"
                )
            )
        if _exists(connection, "metrics.metrics_snapshot"):
            connection.execute(
                text(
                    "delete from metrics.metrics_snapshot "
                    "where subject_type = 'connection' and subject_id = any(:ids)"
                ),
                {"ids": list(connection_ids)},
            )
        connection.commit()


def _exists(connection: Connection, table: str) -> bool:
    query = text("select to_regclass(:table) is not null")
    return bool(connection.scalar(query, {"table": table}))
