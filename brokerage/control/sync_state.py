"""`control.sync_state`: the latest committed mark of every connection and entity.

A mark counts only when its load package is complete (`_dlt_loads.status = 0`): rows and cursor
become visible together. The view is built over the raw schemas that exist; call `refresh_views`
after a raw schema's first load.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import text

from brokerage.database.roles import RAW_SCHEMAS

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection, Engine

# column of the view: its type; every one is cast, so that the view keeps its shape
_COLUMNS = {
    "run_id": "text",
    "connection_id": "text",
    "entity": "text",
    "status": "text",
    "mode": "text",
    "started_at": "timestamptz",
    "finished_at": "timestamptz",
    "cursor_from": "text",
    "cursor_to": "text",
    "rows_read": "bigint",
    "rows_written": "bigint",
    "rows_unchanged": "bigint",
    "rows_rejected": "bigint",
    "rows_deleted": "bigint",
    "api_calls": "bigint",
    "vendor_count": "bigint",
    "is_complete_sweep": "boolean",
    "error": "text",
}


@dataclass(frozen=True)
class SyncState:
    """One row of `control.sync_state`; instants are UTC, `cursor` is the last one committed."""

    connection_id: str
    vendor: str
    entity: str
    status: str
    mode: str | None
    cursor: str | None
    last_sync_at: datetime | None
    last_success_at: datetime | None
    rows_read: int | None
    rows_written: int | None
    rows_unchanged: int | None
    rows_rejected: int | None
    rows_deleted: int | None
    api_calls: int | None
    vendor_count: int | None
    run_id: str | None
    error: str | None


_VERSION_SQL = "select obj_description(to_regclass('control.sync_mark'), 'pg_class')"


def refresh_views(engine: Engine) -> list[str]:
    """Make `control.sync_mark` and `control.sync_state` cover the raw schemas that have marks.

    Cheap when nothing changed; to be called after each load, because a raw schema has marks from
    its first load on.

    Returns:
        The vendors in it, for example `["fub", "rezen"]`.
    """
    with engine.begin() as connection:
        connection.execute(text("select pg_advisory_xact_lock(hashtext('brokerage.setup'))"))
        vendors = _vendors_with_marks(connection)
        marks = _sync_mark_sql(connection, vendors)
        version = hashlib.sha256((marks + _SYNC_STATE_SQL).encode()).hexdigest()[:16]
        # unchanged views are left alone: replacing them would wait for everyone who reads them
        if connection.execute(text(_VERSION_SQL)).scalar() != version:
            connection.execute(text("drop view if exists control.sync_state, control.sync_mark"))
            connection.execute(text(marks))
            connection.execute(text(_SYNC_STATE_SQL))
            connection.execute(text(f"comment on view control.sync_mark is '{version}'"))
    return vendors


def read_sync_state(
    engine: Engine, *, connection_ids: Iterable[str] | None = None
) -> list[SyncState]:
    """The rows of `control.sync_state`, by vendor, entity and connection."""
    wanted = None if connection_ids is None else list(connection_ids)
    names = ", ".join(SyncState.__dataclass_fields__)
    query = text(
        f"select {names} from control.sync_state "  # noqa: S608 - names are ours
        "where cast(:wanted as text[]) is null or connection_id = any(:wanted) "
        "order by vendor, entity, connection_id"
    )
    with engine.connect() as connection:
        rows = connection.execute(query, {"wanted": wanted})
        return [SyncState(**row._asdict()) for row in rows]


def has_marks(connection: Connection, schema: str) -> bool:
    """Whether a raw schema has been loaded into by now: else it has no marks and no loads."""
    query = text(
        "select to_regclass(:schema || '.sync_marks') is not null "
        "and to_regclass(:schema || '._dlt_loads') is not null"
    )
    return bool(connection.scalar(query, {"schema": schema}))


def _vendors_with_marks(connection: Connection) -> list[str]:
    return sorted(
        schema.removeprefix("raw_") for schema in RAW_SCHEMAS if has_marks(connection, schema)
    )


def _sync_mark_sql(connection: Connection, vendors: list[str]) -> str:
    parts = [_marks_of(connection, vendor) for vendor in vendors]
    if not parts:
        empty = ", ".join(f"null::{kind} as {name}" for name, kind in _COLUMNS.items())
        parts = [f"select null::text as vendor, {empty} where false"]
    return "create view control.sync_mark as " + " union all ".join(parts)


def _marks_of(connection: Connection, vendor: str) -> str:
    present = set(
        connection.execute(
            text(
                "select attname from pg_attribute where attnum > 0 and not attisdropped "
                "and attrelid = to_regclass(:marks)"
            ),
            {"marks": f"raw_{vendor}.sync_marks"},
        ).scalars()
    )
    columns = ", ".join(
        f"{f'm.{name}' if name in present else 'null'}::{kind} as {name}"
        for name, kind in _COLUMNS.items()
    )
    return (
        f"select '{vendor}'::text as vendor, {columns} from raw_{vendor}.sync_marks m "  # noqa: S608
        f"where exists (select 1 from raw_{vendor}._dlt_loads l "
        "where l.load_id = m._dlt_load_id and l.status = 0)"
    )


_SYNC_STATE_SQL = """
create view control.sync_state as
-- a webhook's reading of single records is no sync of the entity
with syncs as (
    select * from control.sync_mark where mode is distinct from 'webhook'
),

latest as (
    select distinct on (connection_id, vendor, entity) *
    from syncs
    order by connection_id, vendor, entity, finished_at desc
),

successes as (
    select
        connection_id,
        vendor,
        entity,
        max(finished_at) filter (where status = 'ok') as last_success_at,
        (
            array_agg(cursor_to order by finished_at desc)
            filter (where cursor_to is not null and status in ('ok', 'partial'))
        )[1] as cursor
    from syncs
    group by connection_id, vendor, entity
)

select
    latest.connection_id,
    latest.vendor,
    latest.entity,
    latest.status,
    latest.mode,
    successes.cursor,
    latest.finished_at as last_sync_at,
    successes.last_success_at,
    latest.rows_read,
    latest.rows_written,
    latest.rows_unchanged,
    latest.rows_rejected,
    latest.rows_deleted,
    latest.api_calls,
    latest.vendor_count,
    latest.run_id,
    latest.error
from latest
inner join successes using (connection_id, vendor, entity)
"""
