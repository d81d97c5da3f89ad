"""PostgreSQL as dlt's destination, with connections that outlive a job.

dlt opens a connection for each step and each file of a load: a dozen for a small one. Each costs
the server a process that has to learn the catalogue anew, more than the rows of a small load do.
Here a job leaves its connection to the next one, the first ones are those through which the sync
has looked up what is stored, and the end of the load closes them: a sync may wait for a vendor for
long, and what lies idle for long may be cut off.
"""

from __future__ import annotations

import copy
import functools
import threading
from collections.abc import Iterable
from typing import Any

import psycopg2
from dlt.common.destination import DestinationCapabilitiesContext
from dlt.common.normalizers.naming import NamingConvention
from dlt.common.schema import Schema
from dlt.destinations import postgres
from dlt.destinations.impl.postgres.configuration import PostgresClientConfiguration
from dlt.destinations.impl.postgres.postgres import PostgresClient
from dlt.destinations.impl.postgres.sql_client import Psycopg2SqlClient
from psycopg2 import extensions


class KeptConnections:
    """The connections of one load that no job is using. Thread-safe; `close` it after the load."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: list[tuple[str, extensions.connection]] = []

    def adopt(self, connections: Iterable[extensions.connection]) -> None:
        """Use these, which commit each statement by itself, before any is opened."""
        with self._lock:
            self._idle[:0] = [("", connection) for connection in connections]

    def take(self, search_path: str) -> extensions.connection | None:
        """One that has this search path, or another one that gets it; None if there is none."""
        while True:
            with self._lock:
                if not self._idle:
                    return None
                fitting = (n for n, (path, _) in enumerate(self._idle) if path == search_path)
                path, connection = self._idle.pop(next(fitting, -1))
            if path == search_path:
                return connection
            try:
                with connection.cursor() as cursor:
                    cursor.execute(f"set search_path to {search_path}, public")
            except psycopg2.Error:
                # it lay idle while a vendor was waited for, and was cut off
                connection.close()
            else:
                return connection

    def give(self, search_path: str, connection: extensions.connection) -> None:
        """Leave it to the next job, unless something has gone wrong in it."""
        if connection.info.transaction_status == extensions.TRANSACTION_STATUS_IDLE:
            with self._lock:
                self._idle.append((search_path, connection))
        else:
            connection.close()

    def close(self) -> None:
        """Close them all; those of a later load are opened anew."""
        with self._lock:
            while self._idle:
                _, connection = self._idle.pop()
                connection.close()


COPIED_BYTES = 1 << 20
"""Bytes of a file that are copied at a time."""


class _Cursor(extensions.cursor):
    def copy_expert(self, sql: Any, file: Any, size: int = COPIED_BYTES) -> None:
        # dlt says 8 kB, and after each piece a copy waits for as long as a reader is computing
        super().copy_expert(sql, file, max(size, COPIED_BYTES))


class _SqlClient(Psycopg2SqlClient):
    kept: KeptConnections

    def open_connection(self) -> Any:
        kept = self.kept.take(self.fully_qualified_dataset_name())
        self._conn = super().open_connection() if kept is None else kept
        self._conn.cursor_factory = _Cursor
        return self._conn

    def has_dataset(self) -> bool:
        # asked three times in a load; dlt asks the information schema, which checks rights first
        _, name, _ = self._get_information_schema_components()
        return bool(self.execute_sql("select 1 from pg_namespace where nspname = %s", name))

    def close_connection(self) -> None:
        if self._conn is not None:
            self.kept.give(self.fully_qualified_dataset_name(), self._conn)
            self._conn = None


class _Postgres(postgres):
    kept: KeptConnections

    @functools.cached_property
    def _able(self) -> DestinationCapabilitiesContext:
        return super()._raw_capabilities()

    def _raw_capabilities(self) -> DestinationCapabilitiesContext:
        # asked for three dozen times in a load; dlt then looks for a driver that is not installed
        return copy.copy(self._able)

    def capabilities(
        self,
        config: PostgresClientConfiguration | None = None,
        naming: NamingConvention | None = None,
    ) -> DestinationCapabilitiesContext:
        # nothing that PostgreSQL can do depends on its configuration, which dlt would resolve anew
        return super().capabilities(self.spec() if config is None else config, naming)

    @functools.cached_property
    def client_class(self) -> type[PostgresClient]:
        kept = self.kept

        class Client(PostgresClient):
            def __init__(
                self,
                schema: Schema,
                config: PostgresClientConfiguration,
                capabilities: DestinationCapabilitiesContext,
            ) -> None:
                super().__init__(schema, config, capabilities)
                plain = self.sql_client
                keeping = _SqlClient(
                    plain.dataset_name,
                    plain.staging_dataset_name,
                    plain.credentials,
                    capabilities,
                )
                keeping.kept = kept
                self.sql_client = keeping

        return Client


def kept_postgres(url: str, lane: str, kept: KeptConnections) -> postgres:
    """dlt's destination for the raw schemas, as the role that `url` connects as.

    Indexes are ours, and each lane has a staging dataset of its own.
    """
    destination = _Postgres(
        credentials=url,
        create_indexes=False,
        staging_dataset_name_layout=f"%s_staging_{lane}",
        destination_name="postgres",
    )
    destination.kept = kept
    return destination
