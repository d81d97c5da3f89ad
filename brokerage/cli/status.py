"""What `brokerage status` shows: services, connections, syncs, rows, failures."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from rich.markup import escape

from brokerage.cli.console import make_table, out
from brokerage.cli.session import Session
from brokerage.errors import BrokerageError
from brokerage.stack.stack import ServiceStatus

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

    from brokerage.cli.inventory import TableRows
    from brokerage.control.repository import ConnectionRecord
    from brokerage.control.sync_state import SyncState
    from brokerage.control.webhooks import InboxCounts

_RECENT = timedelta(hours=24)
_SHOWN_FAILURES = 12
# milliseconds since 1970, as some cursors are
_EPOCH_DIGITS = 13
_COLOURS = {
    "running": "green",
    "active": "green",
    "ok": "green",
    "starting": "yellow",
    "paused": "yellow",
    "stopped": "dim",
}
# an account that may not read something is a fact about the account, not a failure
_SOUND = ("ok", "not_permitted", "not_available")


@dataclass(frozen=True)
class EntitySync:
    """The last syncs of one entity over all connections; `rows` is what raw holds.

    `accounts` are those that have been read and those that should have been. `cursor` is the one
    that lags most, `rejected` the rows that are kept beside the table because they do not fit the
    contract.
    """

    vendor: str
    entity: str
    accounts: int
    accounts_ok: int
    accounts_without: int
    last_sync_at: datetime | None
    oldest_success_at: datetime | None
    cursor: str | None
    rows: int | None
    rejected: int
    api_calls: int


@dataclass(frozen=True)
class Failure:
    """Something that went wrong, in one sentence."""

    at: datetime | None
    subject: str
    message: str


@dataclass(frozen=True)
class Overview:
    """Everything that `status` knows; `database_error` says why there is nothing below services."""

    home: str
    sandbox: bool
    services: list[ServiceStatus]
    database_error: str | None = None
    agents: int = 0
    connections: list[ConnectionRecord] = field(default_factory=list)
    syncs: list[EntitySync] = field(default_factory=list)
    tables: list[TableRows] = field(default_factory=list)
    webhooks: list[InboxCounts] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)


def collect(session: Session) -> Overview:
    """Look at everything without starting or changing anything."""
    from brokerage.database.engine import check_reachable

    services = session.stack.status()
    base: dict[str, Any] = {
        "home": str(session.settings.home),
        "sandbox": session.settings.is_sandbox,
        "services": services,
    }
    try:
        check_reachable(session.engine)
        if not session.is_set_up():
            raise BrokerageError("The database is not set up yet: run `brokerage up`.")
    except BrokerageError as error:
        return Overview(**base, database_error=str(error))
    return _with_database(session, base)


def _with_database(session: Session, base: dict[str, Any]) -> Overview:
    from brokerage.cli.inventory import table_rows
    from brokerage.control.sync_state import read_sync_state, refresh_views
    from brokerage.control.webhooks import WebhookInbox

    engine = session.engine
    refresh_views(engine)
    states = read_sync_state(engine)
    tables = table_rows(engine)
    connections = session.repository.connections()
    return Overview(
        **base,
        agents=len(session.repository.agents()),
        connections=connections,
        syncs=_entity_syncs(
            states,
            tables,
            _rejected(engine, {s.vendor for s in states}),
            _to_be_read(connections),
        ),
        tables=tables,
        webhooks=WebhookInbox(engine).counts(),
        failures=_failures(engine, states, connections, session),
    )


def _rejected(engine: Engine, vendors: set[str]) -> dict[tuple[str, str], int]:
    """How many refused rows are kept, by vendor and entity."""
    from sqlalchemy import text

    parts = [
        f"select '{vendor}', entity, count(*) from raw_{vendor}.rejected_rows group by entity"  # noqa: S608 - names are ours
        for vendor in sorted(vendors)
    ]
    if not parts:
        return {}
    with engine.connect() as connection:
        rows = connection.execute(text(" union all ".join(parts))).all()
    return {(vendor, entity): count for vendor, entity, count in rows}


def _to_be_read(connections: list[ConnectionRecord]) -> dict[tuple[str, str], set[str]]:
    """The connections in use by vendor and entity.

    What is read only when a setting says so is left out: to know the settings of vendors takes the
    time of Dagster's import, and such an entity is there as soon as it was read.
    """
    used = [connection for connection in connections if connection.status != "paused"]
    if not used:
        return {}
    from pipelines.registry import VENDORS

    found: dict[tuple[str, str], set[str]] = {}
    for connection in used:
        vendor = VENDORS[connection.vendor]
        for entity in vendor.entities:
            if entity.enabled(vendor.settings_type()):
                found.setdefault((vendor.name, entity.name), set()).add(connection.connection_id)
    return found


def _entity_syncs(
    states: list[SyncState],
    tables: list[TableRows],
    rejected: dict[tuple[str, str], int],
    to_be_read: dict[tuple[str, str], set[str]],
) -> list[EntitySync]:
    rows = {(table.schema, table.table): table.rows for table in tables}
    grouped: dict[tuple[str, str], list[SyncState]] = {key: [] for key in to_be_read}
    for state in states:
        grouped.setdefault((state.vendor, state.entity), []).append(state)
    return [
        EntitySync(
            vendor=vendor,
            entity=entity,
            accounts=len(
                {state.connection_id for state in group} | to_be_read.get((vendor, entity), set())
            ),
            accounts_ok=sum(state.status == "ok" for state in group),
            accounts_without=sum(state.status.startswith("not_") for state in group),
            last_sync_at=max((s.last_sync_at for s in group if s.last_sync_at), default=None),
            oldest_success_at=min(
                (s.last_success_at for s in group if s.last_success_at), default=None
            ),
            cursor=min((s.cursor for s in group if s.cursor), key=_place, default=None),
            rows=rows.get((f"raw_{vendor}", entity)),
            rejected=rejected.get((vendor, entity), 0),
            api_calls=sum(state.api_calls or 0 for state in group),
        )
        for (vendor, entity), group in sorted(grouped.items())
    ]


def _place(cursor: str) -> tuple[int, str]:
    """What cursors of an entity are compared by: ids are numbers, instants sort as they are."""
    part = _oldest_part(cursor)
    return (int(part), "") if part.isdigit() else (0, part)


def _oldest_part(cursor: str) -> str:
    """The cursor, or of one with an instant per part of the account the one that lags most."""
    try:
        parts = json.loads(cursor)
    except ValueError:
        return cursor
    if not isinstance(parts, dict):
        return cursor
    return min(map(str, parts.values()), default="")


def _failures(
    engine: Engine,
    states: list[SyncState],
    connections: list[ConnectionRecord],
    session: Session,
) -> list[Failure]:
    found = [
        Failure(c.updated_at, c.connection_id, f"{c.status}: {c.status_reason or 'no reason'}")
        for c in connections
        if c.status == "needs_reauth"
    ]
    found += [
        Failure(s.last_sync_at, f"{s.connection_id} {s.entity}", s.error or s.status)
        for s in states
        if s.status not in _SOUND
    ]
    since = datetime.now(UTC) - _RECENT
    found += _failed_runs(engine, since)
    found += [
        Failure(row["occurred_at"], row["module"], row["message"])
        for row in session.log.errors_since(since)
    ]
    return found


def _failed_runs(engine: Engine, since: datetime) -> list[Failure]:
    """Read from Dagster's table: importing Dagster would take three seconds."""
    from sqlalchemy import text

    with engine.connect() as connection:
        if connection.execute(text("select to_regclass('dagster.runs')")).scalar_one() is None:
            return []
        rows = connection.execute(
            text(
                "select run_id, pipeline_name, update_timestamp from dagster.runs "
                "where status = 'FAILURE' and update_timestamp > :since "
                "order by update_timestamp desc limit 20"
            ),
            {"since": since.replace(tzinfo=None)},
        ).all()
    return [
        Failure(at.replace(tzinfo=UTC), f"run {run_id[:8]}", f"{name} failed: see Dagster's UI.")
        for run_id, name, at in rows
    ]


# -- showing it -------------------------------------------------------------------------------


def show(overview: Overview) -> None:
    """Print the overview, readable at 100 columns."""
    out.print(f"[bold]Home[/bold] {overview.home}" + (" (sandbox)" if overview.sandbox else ""))
    _show_services(overview.services)
    if overview.database_error is not None:
        out.print(overview.database_error)
        return
    _show_connections(overview)
    _show_syncs(overview.syncs)
    _show_webhooks(overview.webhooks)
    _show_tables(overview.tables)
    _show_failures(overview.failures)


def _show_services(services: list[ServiceStatus]) -> None:
    table = make_table(["Service", "State", "Pid", "Up for", "Address"], title="Services")
    for service in services:
        up_for = "" if service.started_at is None else _ago(service.started_at)
        table.add_row(
            service.title,
            _coloured(service.state),
            str(service.pid or ""),
            up_for,
            service.address or "",
        )
    out.print(table)
    for service in services:
        if service.detail:
            out.print(f"[red]{service.title}:[/red] {escape(service.detail)}")


def _show_connections(overview: Overview) -> None:
    if not overview.connections:
        out.print("No accounts are connected yet: `brokerage connect AGENT VENDOR`.")
        return
    title = f"Connections ({overview.agents} agents)"
    table = make_table(["Connection", "State", "Account", "Role", "Checked"], title=title)
    for connection in overview.connections:
        table.add_row(
            connection.connection_id,
            _coloured(connection.status),
            escape(connection.account_label or connection.account_source_id or ""),
            connection.account_role or "",
            _moment(connection.verified_at),
        )
    out.print(table)


def _show_syncs(syncs: list[EntitySync]) -> None:
    if not syncs:
        out.print("Nothing has been pulled yet: `brokerage onboard AGENT`.")
        return
    table = make_table(
        ["Vendor and entity", "Ok", "Last sync", "Cursor (UTC)", "Rows", "Refused", "Calls"],
        title="Last sync of all accounts; of their cursors the one that lags most",
        right=(4, 5, 6),
    )
    vendor = None
    for sync in syncs:
        if sync.vendor != vendor:
            vendor = sync.vendor
            table.add_section()
            table.add_row(f"[bold]{vendor}[/bold]")
        sound = sync.accounts_ok + sync.accounts_without == sync.accounts
        colour = "green" if sound else "red"
        without = f" ({sync.accounts_without} without)" if sync.accounts_without else ""
        table.add_row(
            f" {sync.entity}",
            f"[{colour}]{sync.accounts_ok}/{sync.accounts}[/{colour}]{without}",
            "never" if sync.last_sync_at is None else f"{sync.last_sync_at:%m-%d %H:%M}",
            _cursor(sync.cursor),
            "" if sync.rows is None else f"{sync.rows:,}",
            f"[red]{sync.rejected:,}[/red]" if sync.rejected else "",
            f"{sync.api_calls:,}",
        )
    out.print(table)


def _show_webhooks(inbox: list[InboxCounts]) -> None:
    if not inbox:
        return
    table = make_table(
        ["Vendor", "Waiting", "Read again", "Ignored", "Dead", "Last (UTC)"],
        title="Webhooks",
        right=(1, 2, 3, 4),
    )
    for counts in inbox:
        table.add_row(
            counts.vendor,
            f"{counts.new:,}",
            f"{counts.done:,}",
            f"{counts.ignored:,}",
            f"[red]{counts.failed:,}[/red]" if counts.failed else "",
            "" if counts.last_received_at is None else f"{counts.last_received_at:%m-%d %H:%M}",
        )
    out.print(table)


def _show_tables(tables: list[TableRows]) -> None:
    sums: dict[str, tuple[int, int]] = {}
    for table in tables:
        count, rows = sums.get(table.schema, (0, 0))
        sums[table.schema] = (count + 1, rows + table.rows)
    if not sums:
        return
    shown = make_table(["Schema", "Tables", "Rows"], title="Warehouse", right=(1, 2))
    for schema, (count, rows) in sums.items():
        shown.add_row(schema, str(count), f"{rows:,}")
    out.print(shown)


def _show_failures(failures: list[Failure]) -> None:
    if not failures:
        out.print("[green]No failures in the last 24 hours.[/green]")
        return
    table = make_table(["When (UTC)", "What", "Why"], title=f"Failures ({len(failures)})")
    for failure in failures[:_SHOWN_FAILURES]:
        table.add_row(_moment(failure.at), failure.subject, escape(failure.message))
    out.print(table)


def _coloured(state: str) -> str:
    colour = _COLOURS.get(state, "red")
    return f"[{colour}]{state}[/{colour}]"


def _cursor(value: str | None) -> str:
    """A cursor for people: an instant to the minute, anything else cut short."""
    if value is None:
        return ""
    value = _oldest_part(value)
    if value.isdigit():
        if len(value) != _EPOCH_DIGITS:
            return value
        return f"{datetime.fromtimestamp(int(value) / 1000, UTC):%y-%m-%d %H:%M}"
    try:
        return f"{datetime.fromisoformat(value.partition(' ')[0]):%y-%m-%d %H:%M}"
    except ValueError:
        return escape(value if len(value) <= 14 else f"{value[:13]}…")


def _moment(value: datetime | None) -> str:
    return "" if value is None else value.astimezone(UTC).strftime("%Y-%m-%d %H:%M")


def _ago(started_at: float) -> str:
    seconds = int(datetime.now(UTC).timestamp() - started_at)
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{max(seconds, 0)} s"
