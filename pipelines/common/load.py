"""Handing checked rows to dlt: the schema made from the models, the resource, the pipeline.

Rows travel as Arrow and reach PostgreSQL by CSV and COPY: dlt's per-row normalisation, 60-70 % of
the time of a dict load, is not run. dlt merges by delete-insert on (connection_id, _key), the only
merge that PostgreSQL 14 knows, and completes the load package last: that is what commits the
cursors, see `sync_marks`.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import dlt
import psycopg2
from dlt.common.schema.typing import TColumnSchema, TDeleteInsertStrategyDict
from dlt.extract import DltResource, DltSource

from pipelines.common.entity import Vendor
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


def table_hints(vendor: Vendor) -> dict[str, Any]:
    """dlt's hints for every table of a vendor's raw schema, by table name."""
    merge: TDeleteInsertStrategyDict = {"disposition": "merge", "strategy": "delete-insert"}
    key = ["connection_id", "_key"]
    tables: dict[str, Any] = {
        entity.name: dlt.mark.make_hints(
            table_name=entity.name,
            write_disposition=merge,
            primary_key=key,
            columns=dlt_columns(entity.columns()),
        )
        for entity in vendor.entities
    }
    for name, columns in BOOKKEEPING.items():
        own = [column for column in columns if not column.name.startswith("_dlt_")]
        tables[name] = dlt.mark.make_hints(
            table_name=name,
            write_disposition="append" if name == "sync_marks" else merge,
            primary_key=None if name == "sync_marks" else key,
            columns=dlt_columns(own),
        )
    return tables


def as_source(vendor: Vendor, items: Iterator[tuple[str, Any]]) -> DltSource:
    """A dlt source over (table name, Arrow table or row dicts), whatever the order of tables."""
    hints = table_hints(vendor)

    def rows() -> Iterator[Any]:
        declared: set[str] = set()
        for table, item in items:
            if table in declared:
                yield dlt.mark.with_table_name(item, table)
            else:
                declared.add(table)
                yield dlt.mark.with_hints(item, hints[table], create_table_variant=True)

    resource: DltResource = dlt.resource(rows, name="rows", max_table_nesting=0)

    def source() -> DltResource:
        return resource

    return dlt.source(source, name=vendor.schema, max_table_nesting=0)()


def make_pipeline(vendor: Vendor, url: str, lane: str, pipelines_dir: Path) -> dlt.Pipeline:
    """The dlt pipeline of one lane: a fresh working folder and a staging dataset of its own.

    `url` connects as the role that owns raw data. The caller holds the lane's lock.
    """
    name = f"{vendor.schema}__{lane}"
    # what a killed sync left behind is read again from its cursor: loading it now could put
    # older copies over newer ones
    shutil.rmtree(pipelines_dir / name, ignore_errors=True)
    dlt.config["runtime.dlthub_telemetry"] = False
    dlt.config["restore_from_destination"] = False
    dlt.config["normalize.data_writer.disable_compression"] = True
    dlt.config["load.workers"] = 4
    pipeline: dlt.Pipeline = dlt.pipeline(
        pipeline_name=name,
        destination=dlt.destinations.postgres(
            credentials=url,
            create_indexes=False,
            staging_dataset_name_layout=f"%s_staging_{lane}",
        ),
        dataset_name=vendor.schema,
        pipelines_dir=str(pipelines_dir),
    )
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
            pipeline = make_pipeline(vendor, url, "prepare", pipelines_dir)
            pipeline.extract(as_source(vendor, iter(())))
            pipeline.sync_schema()
    connection.close()
