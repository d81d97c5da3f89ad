"""The raw side of the warehouse: tables made ahead of the first load, memory, and locks.

Tables, indexes and column comments are made here and not by dlt, because (a) two first runs at
once race on CREATE TABLE, (b) the merge needs the unique index, (c) descriptions belong to the
columns. dlt finds the tables complete and adds nothing.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import psycopg2
from psycopg2 import extensions, sql

from pipelines.common.entity import Vendor
from pipelines.common.model import Column
from pipelines.common.reading import Group, Mark

SYNC_MARKS = (
    Column("run_id", "text", "the sync that made the mark", nullable=False),
    Column("connection_id", "text", "the connection", nullable=False),
    Column("entity", "text", "the raw table", nullable=False),
    Column("status", "text", "ok, not_permitted, not_available or failed", nullable=False),
    Column(
        "mode",
        "text",
        "how it was read: full, incremental, sweep, probe:…; webhook: single records, no sync",
        nullable=False,
    ),
    Column("started_at", "timestamptz", "when reading began", nullable=False),
    Column("finished_at", "timestamptz", "when reading ended", nullable=False),
    Column("cursor_from", "text", "cursor that the reading started from"),
    Column("cursor_to", "text", "cursor that the next one starts from"),
    Column("rows_read", "bigint", "rows the vendor sent", nullable=False),
    Column("rows_written", "bigint", "new or changed rows", nullable=False),
    Column("rows_unchanged", "bigint", "rows equal to what is stored", nullable=False),
    Column("rows_rejected", "bigint", "rows refused by the contract", nullable=False),
    Column("rows_deleted", "bigint", "rows newly marked as gone", nullable=False),
    Column("api_calls", "bigint", "requests sent, retries included", nullable=False),
    Column("vendor_count", "bigint", "rows that the vendor says exist"),
    Column("vendor_counts", "jsonb", "the same by part of the list, as the vendor counts them"),
    Column("is_complete_sweep", "boolean", "everything that exists was seen", nullable=False),
    Column("is_probe", "boolean", "the vendor's filters were tried out", nullable=False),
    Column("error", "text", "why it failed or what is remarkable, one sentence"),
    Column("_dlt_load_id", "text", "the mark counts once this load is complete", nullable=False),
    Column("_dlt_id", "text", "dlt's row id", nullable=False),
)
REJECTED_ROWS = (
    Column("connection_id", "text", "the connection", nullable=False),
    Column("_key", "text", "hash of entity and row", nullable=False),
    Column("entity", "text", "the raw table the row was meant for", nullable=False),
    Column("source_id", "text", "the row's id, if it had one"),
    Column("reason", "text", "what does not fit, in words", nullable=False),
    Column("row", "jsonb", "the whole row as sent", nullable=False),
    Column("rejected_at", "timestamptz", "when", nullable=False),
    Column("run_id", "text", "in which sync", nullable=False),
)
TOMBSTONES = (
    Column("connection_id", "text", "the connection", nullable=False),
    Column("_key", "text", "entity|row key", nullable=False),
    Column("entity", "text", "the raw table", nullable=False),
    Column("row_key", "text", "_key of the row that is gone", nullable=False),
    Column("deleted_at", "timestamptz", "when its absence was seen", nullable=False),
)
SCHEMA_DRIFT = (
    Column("connection_id", "text", "the connection", nullable=False),
    Column("_key", "text", "entity|field", nullable=False),
    Column("entity", "text", "the raw table", nullable=False),
    Column("field", "text", "JSON key that the contract does not know", nullable=False),
    Column("sample_type", "text", "JSON type of its value", nullable=False),
    Column("first_seen_at", "timestamptz", "when it was first seen", nullable=False),
)
BOOKKEEPING = {
    "sync_marks": SYNC_MARKS,
    "rejected_rows": REJECTED_ROWS,
    "tombstones": TOMBSTONES,
    "schema_drift": SCHEMA_DRIFT,
}


def create_raw_tables(vendor: Vendor, url: str) -> None:
    """Create what is missing of a vendor's raw schema; safe to call at any time, by anyone.

    `url` connects as the role that owns raw data.
    """
    with psycopg2.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute("select pg_advisory_xact_lock(hashtextextended(%s, 0))", ("raw ddl",))
        schema = sql.Identifier(vendor.schema)
        cursor.execute("select 1 from pg_namespace where nspname = %s", (vendor.schema,))
        if cursor.fetchone() is None:
            cursor.execute(sql.SQL("create schema {}").format(schema))
        for entity in vendor.entities:
            _create_table(cursor, vendor.schema, entity.name, entity.columns(), entity.description)
            # the warehouse finds what was read since its last build without looking at all rows
            _index(cursor, vendor.schema, entity.name, "by_time", ["_synced_at"])
        for name, columns in BOOKKEEPING.items():
            _create_table(cursor, vendor.schema, name, columns, f"bookkeeping of {vendor.title}")
        # and whether a row is gone, for some rows as for all
        row = ["connection_id", "entity", "row_key"]
        _index(cursor, vendor.schema, "tombstones", "by_row", row)
        cursor.execute(
            sql.SQL(
                "create index if not exists sync_marks_by_entity"
                " on {}.sync_marks (connection_id, entity, started_at desc)"
            ).format(schema)
        )
    connection.close()


def _create_table(
    cursor: Any, schema: str, name: str, columns: Sequence[Column], description: str
) -> None:
    table = sql.Identifier(schema, name)
    cursor.execute(
        "select attname from pg_attribute where attrelid = to_regclass(%s) and attnum > 0"
        " and not attisdropped",
        (f'"{schema}"."{name}"',),
    )
    existing = {row[0] for row in cursor.fetchall()}
    missing = [column for column in columns if column.name not in existing]
    if not missing:
        return
    definitions = [
        sql.SQL("{} {} {}").format(
            sql.Identifier(column.name),
            sql.SQL(column.data_type),
            sql.SQL("null" if column.nullable or existing else "not null"),
        )
        for column in missing
    ]
    if existing:
        for definition in definitions:
            cursor.execute(sql.SQL("alter table {} add column {}").format(table, definition))
    else:
        cursor.execute(
            sql.SQL("create table {} ({})").format(table, sql.SQL(", ").join(definitions))
        )
        if any(column.name == "_key" for column in columns):
            cursor.execute(
                sql.SQL("create unique index {} on {} (connection_id, _key)").format(
                    sql.Identifier(f"{name}_by_key"), table
                )
            )
    cursor.execute(sql.SQL("comment on table {} is %s").format(table), (description,))
    for column in missing:
        cursor.execute(
            sql.SQL("comment on column {} is %s").format(sql.Identifier(schema, name, column.name)),
            (column.description,),
        )


def _index(cursor: Any, schema: str, name: str, suffix: str, columns: Sequence[str]) -> None:
    """An index on a raw table, unless it is there.

    Asked for first: `create index if not exists` would wait for whoever writes the table.
    """
    index = f"{name}_{suffix}"
    cursor.execute("select to_regclass(%s)", (f'"{schema}"."{index}"',))
    if cursor.fetchone() == (None,):
        cursor.execute(
            sql.SQL("create index {} on {} ({})").format(
                sql.Identifier(index),
                sql.Identifier(schema, name),
                sql.SQL(", ").join(sql.Identifier(column) for column in columns),
            )
        )


def forget_connection(vendor: Vendor, url: str, connection_id: str) -> int:
    """Delete what was ever read through a connection, also what a lane has staged of it.

    Returns the rows deleted from raw tables. `url` connects as the role that owns raw data; no
    sync may be reading the connection meanwhile (`SyncLocks.take_account`).
    """
    with psycopg2.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute(
            "select table_schema, table_name from information_schema.columns"
            " where column_name = 'connection_id'"
            " and (table_schema = %s or starts_with(table_schema, %s))",
            (vendor.schema, f"{vendor.schema}_staging_"),
        )
        deleted = 0
        for schema, table in cursor.fetchall():
            cursor.execute(
                sql.SQL("delete from {} where connection_id = %s").format(
                    sql.Identifier(schema, table)
                ),
                (connection_id,),
            )
            if schema == vendor.schema and table not in BOOKKEEPING:
                deleted += cursor.rowcount
    connection.close()
    return deleted


_LIVE = sql.SQL(
    "from {table} as r where r.connection_id = %s and not exists ("
    " select 1 from {tombstones} as t where t.connection_id = r.connection_id"
    " and t._key = %s || r._key and t.deleted_at >= r._synced_at)"
)
_MARKS = """
select m.entity, m.connection_id, m.started_at, m.mode, m.cursor_to, m.rows_read,
       m.is_complete_sweep, whole.last_complete_at, whole.last_probe_at
from (
    select distinct on (connection_id, entity) *
    from {marks}
    where connection_id = any(%s) and status = 'ok' and mode <> 'webhook'
      and _dlt_load_id in (select load_id from {loads} where status = 0)
    order by connection_id, entity, started_at desc
) as m
join (
    select connection_id, entity,
           max(started_at) filter (where is_complete_sweep) as last_complete_at,
           max(started_at) filter (where is_probe) as last_probe_at
    from {marks}
    where connection_id = any(%s) and status = 'ok' and mode <> 'webhook'
      and _dlt_load_id in (select load_id from {loads} where status = 0)
    group by connection_id, entity
) as whole using (connection_id, entity)
"""


PATIENCE = 0.01
"""Seconds for which a question waits for a connection that another one is using before it opens one
of its own: a server process has to learn the catalogue, which takes longer than most questions."""


@dataclass
class RawStore:
    """Reads what one vendor's raw schema holds. Thread-safe; `close` it."""

    vendor: Vendor
    url: str = field(repr=False)
    connections: Sequence[str] = ()
    size: int = 8

    def __post_init__(self) -> None:
        self._free: queue.LifoQueue[extensions.connection] = queue.LifoQueue()
        self._lock = threading.Lock()
        self._opened = 0
        self._is_closed = False
        self._gate = threading.BoundedSemaphore(self.size)
        self._marks = self._read_marks()
        self._drift = self._read_keys("schema_drift")
        self._rejections = self._read_keys("rejected_rows")

    def close(self) -> None:
        """Close all connections; one that is in use follows when it no longer is."""
        self._is_closed = True
        for connection in self.hand_over():
            connection.close()

    def hand_over(self) -> list[extensions.connection]:
        """The connections that nobody is using, for whoever needs some: new ones are opened here
        when they are needed. Each has to learn the catalogue anew, and a login takes longer than
        most questions. They commit each statement by itself.
        """
        handed = []
        with suppress(queue.Empty):
            while True:
                handed.append(self._free.get_nowait())
        self._count(-len(handed))
        return handed

    def _count(self, opened: int) -> None:
        with self._lock:
            self._opened += opened

    def _take(self) -> extensions.connection:
        with suppress(queue.Empty):
            return self._free.get(timeout=PATIENCE if self._opened else 0)
        connection = psycopg2.connect(self.url)
        connection.autocommit = True
        self._count(1)
        return connection

    @contextmanager
    def _cursor(self) -> Iterator[Any]:
        with self._gate:
            connection = self._take()
            try:
                with connection.cursor() as cursor:
                    yield cursor
            finally:
                if self._is_closed:
                    connection.close()
                elif connection.closed:
                    self._count(-1)
                else:
                    self._free.put(connection)

    def _names(self, entity: str = "sync_marks") -> dict[str, sql.Composable]:
        return {
            "table": sql.Identifier(self.vendor.schema, entity),
            "tombstones": sql.Identifier(self.vendor.schema, "tombstones"),
            "marks": sql.Identifier(self.vendor.schema, "sync_marks"),
            "loads": sql.Identifier(self.vendor.schema, "_dlt_loads"),
        }

    def _read_marks(self) -> dict[tuple[str, str], Mark]:
        with self._cursor() as cursor:
            cursor.execute("select to_regclass(%s)", (f'"{self.vendor.schema}"._dlt_loads',))
            if cursor.fetchone()[0] is None:
                return {}
            wanted = list(self.connections)
            cursor.execute(sql.SQL(_MARKS).format(**self._names()), (wanted, wanted))
            return {
                (row[1], row[0]): Mark(row[2], row[3], row[4], row[5], row[6], row[7], row[8])
                for row in cursor.fetchall()
            }

    def _read_keys(self, table: str) -> set[tuple[str, str]]:
        query = sql.SQL("select connection_id, _key from {} where connection_id = any(%s)").format(
            sql.Identifier(self.vendor.schema, table)
        )
        with self._cursor() as cursor:
            cursor.execute(query, (list(self.connections),))
            return {(row[0], row[1]) for row in cursor.fetchall()}

    def is_new_rejection(self, connection_id: str, key: str) -> bool:
        """True if a row was not refused in this very form before this sync."""
        return (connection_id, key) not in self._rejections

    def is_new_drift(self, connection_id: str, key: str) -> bool:
        """True the first time that an unknown field is seen in a connection's entity."""
        if (connection_id, key) in self._drift:
            return False
        self._drift.add((connection_id, key))
        return True

    def mark(self, connection_id: str, entity: str) -> Mark | None:
        """The last committed successful sync."""
        return self._marks.get((connection_id, entity))

    def values(
        self, connection_id: str, entity: str, columns: Sequence[str]
    ) -> dict[str, tuple[Any, ...]]:
        """The named columns of all live rows by key."""
        names = [sql.Identifier("r", column) for column in ("_key", *columns)]
        query = sql.SQL("select {} ").format(sql.SQL(", ").join(names)) + _LIVE.format(
            **self._names(entity)
        )
        with self._cursor() as cursor:
            cursor.execute(query, (connection_id, f"{entity}|"))
            return {row[0]: tuple(row[1:]) for row in cursor.fetchall()}

    def tables_without(self, owners: Mapping[str, Collection[str]]) -> set[str]:
        """Those of the tables that hold no row, not even a dead one, of any of these connections.

        It stays so while the caller holds the locks of the connections.
        """
        if not owners:
            return set()
        asked = sql.SQL(" union all ").join(
            sql.SQL(
                "select {} where not exists (select from {} where connection_id = any(%s))"
            ).format(sql.Literal(table), sql.Identifier(self.vendor.schema, table))
            for table in owners
        )
        with self._cursor() as cursor:
            cursor.execute(asked, [sorted(connections) for connections in owners.values()])
            return {row[0] for row in cursor.fetchall()}

    def key_batches(
        self, connection_id: str, entity: str, size: int = 50_000
    ) -> Iterator[list[str]]:
        """The keys of all live rows, a batch at a time."""
        query = sql.SQL("select r._key ") + _LIVE.format(**self._names(entity))
        last = ""
        with self._cursor() as cursor:
            while True:
                cursor.execute(
                    query + sql.SQL(" and r._key > %s order by r._key limit %s"),
                    (connection_id, f"{entity}|", last, size),
                )
                keys = [row[0] for row in cursor.fetchall()]
                if not keys:
                    return
                yield keys
                last = keys[-1]

    def keys_where(
        self, connection_id: str, entity: str, column: str, values: Sequence[Group]
    ) -> list[str]:
        """The keys of all live rows that have one of `values` in `column`."""
        query = (
            sql.SQL("select r._key ")
            + _LIVE.format(**self._names(entity))
            + sql.SQL(" and r.{} = any(%s)").format(sql.Identifier(column))
        )
        with self._cursor() as cursor:
            cursor.execute(query, (connection_id, f"{entity}|", list(values)))
            return [row[0] for row in cursor.fetchall()]

    def hashes(self, connection_id: str, entity: str, keys: Sequence[str]) -> dict[str, str]:
        """The row hashes of those of `keys` that are live."""
        return self._of_keys("_row_hash", connection_id, entity, keys)

    def fetched_at(
        self, connection_id: str, entity: str, keys: Sequence[str]
    ) -> dict[str, datetime]:
        """When those of `keys` that are live were fetched in the form they have."""
        return self._of_keys("_synced_at", connection_id, entity, keys)

    def _of_keys(
        self, column: str, connection_id: str, entity: str, keys: Sequence[str]
    ) -> dict[str, Any]:
        if not keys:
            return {}
        query = (
            sql.SQL("select r._key, r.{} ").format(sql.Identifier(column))
            + _LIVE.format(**self._names(entity))
            + sql.SQL(" and r._key = any(%s)")
        )
        with self._cursor() as cursor:
            cursor.execute(query, (connection_id, f"{entity}|", list(keys)))
            return dict(cursor.fetchall())


@dataclass(frozen=True)
class ConnectionMemory:
    """The `Memory` of one connection over the raw store."""

    store: RawStore
    connection_id: str

    def mark(self, entity: str) -> Mark | None:
        """The last committed successful sync of the entity."""
        return self.store.mark(self.connection_id, entity)

    def keys(self, entity: str) -> set[str]:
        """The keys of all live rows."""
        return set(self.store.values(self.connection_id, entity, ()))

    def values(self, entity: str, *columns: str) -> dict[str, tuple[Any, ...]]:
        """The named columns of all live rows by key."""
        return self.store.values(self.connection_id, entity, columns)

    def hashes(self, entity: str, keys: Iterable[str]) -> dict[str, str]:
        """The row hashes of those of `keys` that are live."""
        return self.store.hashes(self.connection_id, entity, list(keys))

    def fetched_at(self, entity: str, keys: Iterable[str]) -> dict[str, datetime]:
        """When those of `keys` that are live were fetched in the form they have."""
        return self.store.fetched_at(self.connection_id, entity, list(keys))

    def keys_where(self, entity: str, column: str, values: Iterable[Group]) -> set[str]:
        """The keys of all live rows that have one of `values` in a column of texts or days."""
        return set(self.store.keys_where(self.connection_id, entity, column, list(values)))


class SyncLocks:
    """Advisory locks held for one sync: its lane, and every connection it reads.

    They live on a database session of their own, so that they vanish with the process. Two
    writers in one lane would share a staging dataset and silently lose each other's rows.
    """

    def __init__(self, url: str) -> None:
        self._connection: extensions.connection = psycopg2.connect(url)
        self._connection.autocommit = True

    def take_lane(self, vendor: str, lane: str, wait_seconds: float) -> bool:
        """Take the lane, waiting for whoever is in it. False if it stayed taken."""
        return self._take(f"lane {vendor} {lane}", wait_seconds)

    def take_account(self, connection_id: str, wait_seconds: float) -> bool:
        """Take a connection; False if another sync reads it (and it did not finish in time)."""
        return self._take(f"connection {connection_id}", wait_seconds)

    def _take(self, name: str, wait_seconds: float) -> bool:
        with self._connection.cursor() as cursor:
            if wait_seconds <= 0:
                cursor.execute("select pg_try_advisory_lock(hashtextextended(%s, 0))", (name,))
                return bool(cursor.fetchone()[0])  # type: ignore[index]
            cursor.execute(f"set lock_timeout = {int(wait_seconds * 1000)}")
            try:
                cursor.execute("select pg_advisory_lock(hashtextextended(%s, 0))", (name,))
            except psycopg2.errors.LockNotAvailable:
                return False
            return True

    def still_held(self) -> bool:
        """False if the database session that holds the locks is gone."""
        try:
            with self._connection.cursor() as cursor:
                cursor.execute("select 1")
        except psycopg2.Error:
            return False
        return True

    def release(self) -> None:
        """Give everything back."""
        self._connection.close()
