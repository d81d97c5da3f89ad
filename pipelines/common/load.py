"""Handing checked rows to dlt: the schema made from the models, the resource, the pipeline.

Rows reach PostgreSQL as CSV files that are written while pages arrive and handed to dlt whole:
its per-row normalisation, 60-70 % of the time of a dict load, is not run. dlt merges by
delete-insert on (connection_id, _key), the only merge that PostgreSQL 14 knows, and completes the
load package last: that is what commits the cursors, see `sync_marks`.
"""

from __future__ import annotations

import logging
import shutil
import threading
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import dlt
import psycopg2
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
from dlt.common.configuration.container import Container
from dlt.common.configuration.providers.provider import ConfigProvider
from dlt.common.configuration.specs.pluggable_run_context import PluggableRunContext
from dlt.common.runtime.run_context import RunContext
from dlt.common.runtime.telemetry import stop_telemetry
from dlt.common.schema import Schema
from dlt.common.schema.typing import TColumnSchema, TDeleteInsertStrategyDict
from dlt.extract import DltResource, DltSource

from pipelines.common.destination import KeptConnections, kept_postgres
from pipelines.common.entity import Vendor
from pipelines.common.lean_dlt import make_lean
from pipelines.common.model import Column
from pipelines.common.warehouse import BOOKKEEPING, create_raw_tables

_DLT_TYPES: dict[str, TColumnSchema] = {
    "text": {"data_type": "text"},
    "bigint": {"data_type": "bigint"},
    "boolean": {"data_type": "bool"},
    "timestamptz": {"data_type": "timestamp", "timezone": True},
    "date": {"data_type": "date"},
    "jsonb": {"data_type": "json"},
    "numeric(20,4)": {"data_type": "decimal", "precision": 20, "scale": 4},
    "numeric(38,9)": {"data_type": "decimal", "precision": 38, "scale": 9},
}


def dlt_columns(columns: Sequence[Column]) -> dict[str, TColumnSchema]:
    """Column hints for dlt; the latest copy of a row wins if a load holds it twice."""
    hints: dict[str, TColumnSchema] = {}
    for column in columns:
        hint: TColumnSchema = {
            "name": column.name,
            "nullable": column.nullable,
            **_DLT_TYPES[column.data_type],
        }
        if column.name == "_synced_at":
            hint["dedup_sort"] = "desc"
        hints[column.name] = hint
    return hints


def hints_of(vendor: Vendor, name: str) -> dict[str, Any]:
    """dlt's hints for a table of a vendor's raw schema."""
    merge: TDeleteInsertStrategyDict = {"disposition": "merge", "strategy": "delete-insert"}
    key = ["connection_id", "_key"]
    columns = BOOKKEEPING.get(name)
    if columns is None:
        # a package holds a row once, see `run`: dlt need not sort it to find the latest copy
        once: TDeleteInsertStrategyDict = {**merge, "deduplicated": True}
        return {
            "table_name": name,
            "write_disposition": once,
            "primary_key": key,
            "columns": dlt_columns(vendor.entity(name).columns()),
        }
    own = [column for column in columns if not column.name.startswith("_dlt_")]
    return {
        "table_name": name,
        "write_disposition": "append" if name == "sync_marks" else merge,
        "primary_key": None if name == "sync_marks" else key,
        "columns": dlt_columns(own),
    }


def table_hints(vendor: Vendor) -> dict[str, dict[str, Any]]:
    """dlt's hints for every table of a vendor's raw schema, by table name."""
    names = (*(entity.name for entity in vendor.entities), *BOOKKEEPING)
    return {name: hints_of(vendor, name) for name in names}


WRITTEN_ROWS = 4_000
"""Rows that are written together, for the same reason for which rows are checked together: at first
as many as there are already, so that of a few only some are left for the end."""

FILE_ROWS = 16_000
"""Rows of a file, about: the files of a load are copied side by side."""


def _as_text(rows: pa.Table) -> pa.Table:
    """The rows with their moments as texts in UTC.

    Arrow writes a moment with a zone through a C++ stream, which takes longer than all other
    columns together; one without a zone is written directly.
    """
    for number, kind in enumerate(rows.schema.types):
        if pa.types.is_timestamp(kind):
            plain = rows.column(number).cast(pa.timestamp("us")).cast(pa.string())
            # made when pyarrow is imported, which no stub says
            text = pc.binary_join_element_wise(plain, "Z", "")  # type: ignore[missing-attribute]
            rows = rows.set_column(number, rows.schema.names[number], text)
    return rows


class _File:
    """One CSV file in the making and how many rows are in it."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self.path = path
        self.rows = 0
        # text is quoted and null is not, so that COPY can tell them apart
        options = pacsv.WriteOptions(include_header=True, quoting_style="needed")
        self._writer = pacsv.CSVWriter(str(path), schema, write_options=options)

    def write(self, rows: pa.Table) -> None:
        self._writer.write(rows)
        self.rows += rows.num_rows

    def close(self) -> None:
        self._writer.close()


class Package:
    """The rows of one load: CSV files per entity, written as pages arrive, and bookkeeping rows.

    The files are what COPY reads. dlt would make them itself out of Arrow tables, by way of
    parquet and one table at a time, for a third of the whole time of a sync.

    `owners` are the connections by table whose rows are in a file. Files of the tables in
    `added_only` meet no row of theirs in the warehouse: they are copied, and not merged.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._waiting: defaultdict[str, list[pa.RecordBatch]] = defaultdict(list)
        self._left: Counter[str] = Counter()
        self._written: Counter[str] = Counter()
        self.files: defaultdict[str, list[_File]] = defaultdict(list)
        self.rows: dict[str, list[dict[str, Any]]] = {}
        self.owners: dict[str, set[str]] = {}
        self.added_only: set[str] = set()

    def write(self, table: str, batch: pa.RecordBatch, connection_id: str) -> None:
        """Add rows of a connection to an entity's files."""
        self.owners.setdefault(table, set()).add(connection_id)
        self._waiting[table].append(batch)
        self._left[table] += batch.num_rows
        if self._left[table] >= min(WRITTEN_ROWS, self._written[table]):
            self._flush(table)

    def _flush(self, table: str) -> None:
        rows = _as_text(pa.Table.from_batches(self._waiting.pop(table)))
        self._written[table] += self._left.pop(table)
        files = self.files[table]
        if not files or files[-1].rows >= FILE_ROWS:
            if files:
                files[-1].close()
            self._folder.mkdir(parents=True, exist_ok=True)
            files.append(_File(self._folder / f"{table}.{len(files)}.csv", rows.schema))
        files[-1].write(rows)

    def add(self, table: str, rows: list[dict[str, Any]]) -> None:
        """Add rows of a bookkeeping table."""
        if rows:
            self.rows.setdefault(table, []).extend(rows)

    def close(self) -> None:
        """Complete the files."""
        for table in list(self._waiting):
            self._flush(table)
        for files in self.files.values():
            files[-1].close()


def as_source(vendor: Vendor, package: Package) -> DltSource:
    """A dlt source over a closed package: one resource for each of its tables."""
    package.close()
    resources: list[DltResource] = []
    for name, files in package.files.items():
        hints = hints_of(vendor, name)
        if name in package.added_only:
            hints["write_disposition"] = "append"
        rows = [dlt.mark.with_file_import(str(file.path), "csv", file.rows) for file in files]
        resources.append(dlt.resource(rows, name=name, **hints))
    # the marks are always part of it: dlt makes its own tables with the first load
    for name in dict.fromkeys((*package.rows, "sync_marks")):
        data = [package.rows.get(name, [])]
        hints = hints_of(vendor, name)
        resources.append(dlt.resource(data, name=name, max_table_nesting=0, **hints))
    source = DltSource(Schema(vendor.schema), vendor.name, resources)
    source.max_table_nesting = 0
    return source


def workers_for(package: Package) -> int:
    """Files of a load that are copied side by side. Each needs a connection, and to open one takes
    longer than to copy some hundred rows.
    """
    rows = sum(file.rows for files in package.files.values() for file in files)
    return 4 if rows > FILE_ROWS else 2


class _OurSettings(ConfigProvider):
    """All settings of dlt that differ from its own, by name alone: looking each name up under
    every section it may have takes longer than the rest of its settings."""

    name = "the platform"
    supports_secrets = False
    supports_sections = False
    held: Mapping[str, Any] = {
        "dlthub_telemetry": False,
        "restore_from_destination": False,
        "disable_compression": True,
        "enable_runtime_trace": False,
        # dlt waits as long for more rows after the last one
        "futures_poll_interval": 0.0,
    }

    def get_value(
        self, key: str, hint: type[Any], pipeline_name: str | None, *sections: str
    ) -> tuple[Any, str]:
        return self.held.get(key), key


class _OurContext(RunContext):
    """Where dlt finds its settings: here and nowhere else."""

    def initial_providers(self) -> list[ConfigProvider]:
        return [_OurSettings()]


_SETTLING = threading.Lock()


def _settle_dlt() -> None:
    """Let dlt take its settings from here and nowhere else, and do nothing in vain.

    A variable or a `.dlt` folder that happens to be there could change how money is loaded; looking
    for them, under each of dozens of names, was also a third of the time of a small load. The
    context that dlt makes for itself reports each load to its makers from its first moment on.
    """
    container = Container()
    with _SETTLING:
        make_lean()
        ours = PluggableRunContext in container and isinstance(
            container[PluggableRunContext].context, _OurContext
        )
        if not ours:
            # what was begun under other settings would go on
            stop_telemetry()
            container[PluggableRunContext] = PluggableRunContext(_OurContext(None))


def make_pipeline(
    vendor: Vendor, url: str, lane: str, pipelines_dir: Path, kept: KeptConnections
) -> dlt.Pipeline:
    """The dlt pipeline of one lane: a fresh working folder and a staging dataset of its own.

    `url` connects as the role that owns raw data. The caller holds the lane's lock, and closes
    `kept` after each load.
    """
    name = f"{vendor.schema}__{lane}"
    # what a killed sync left behind is read again from its cursor: loading it now could put
    # older copies over newer ones
    shutil.rmtree(pipelines_dir / name, ignore_errors=True)
    _settle_dlt()
    pipeline: dlt.Pipeline = dlt.pipeline(
        pipeline_name=name,
        destination=kept_postgres(url, lane, kept),
        dataset_name=vendor.schema,
        pipelines_dir=str(pipelines_dir),
    )
    # the first schema of a process teaches dlt to name things: now, while a vendor is waited for
    Schema(vendor.schema)
    # dlt warns at each batch that Arrow calls jsonb a string, which is how it travels
    logging.getLogger("dlt").setLevel(logging.ERROR)
    return pipeline


def prepare_raw(vendor: Vendor, url: str, pipelines_dir: Path) -> None:
    """Make a vendor's raw schema complete before its first load; again is harmless and cheap.

    Our tables and dlt's own two are made under one lock: two first loads at once would race on
    creating them. `url` connects as the role that owns raw data.
    """
    with psycopg2.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute("select pg_advisory_xact_lock(hashtextextended('prepare raw', 0))")
        create_raw_tables(vendor, url)
        cursor.execute("select to_regclass(%s)", (f"{vendor.schema}._dlt_loads",))
        row = cursor.fetchone()
        if row is None or row[0] is None:
            kept = KeptConnections()
            pipeline = make_pipeline(vendor, url, "prepare", pipelines_dir, kept)
            pipeline.extract(as_source(vendor, Package(pipelines_dir)))
            try:
                pipeline.sync_schema()
            finally:
                kept.close()
    connection.close()
