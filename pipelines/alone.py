"""A vendor as a plain dlt source: one account, everything, no memory of the last time.

For looking at a vendor without the platform, with dlt's credentials in the environment:

    pipeline = dlt.pipeline("look", destination="postgres", dataset_name="look_at_rezen")
    pipeline.run(rezen_source(api_key="…"), loader_file_format="csv")

The platform itself uses `pipelines.common.run.sync`, which reads many accounts at once, skips
unchanged rows and commits cursors.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import dlt
import httpx
import orjson
from dlt.extract import DltResource, DltSource

from pipelines.common.account import Account, StaticCredentials
from pipelines.common.entity import Entity, Vendor, in_reading_order
from pipelines.common.errors import ResourceUnavailable
from pipelines.common.http import CallCounter, VendorHttp, VendorSettings
from pipelines.common.load import table_hints
from pipelines.common.reading import EmptyMemory, Handover, Reading
from pipelines.common.rows import CheckedRows, check_rows, row_hash, to_arrow

CONNECTION = "alone"


def source_of(
    vendor: Vendor,
    credentials: Mapping[str, str],
    settings: VendorSettings,
    *,
    entities: Collection[str] | None = None,
    transport: httpx.BaseTransport | None = None,
) -> DltSource:
    """All enabled entities (or those named) of one account; tables as in the raw schema.

    A resource that the account may not read is left out. Vendor errors pass through.
    """
    chosen = [
        entity
        for entity in in_reading_order(vendor.entities)
        if entity.enabled(settings) and (entities is None or entity.name in entities)
    ]
    account = Account(CONNECTION, CONNECTION, vendor.name, StaticCredentials(dict(credentials)))

    def items() -> Iterator[tuple[str, Any]]:
        http = VendorHttp(vendor.dialect, settings, transport=transport)
        pages = ThreadPoolExecutor(settings.page_workers)
        handover = Handover()
        try:
            for entity in chosen:
                reading = Reading(
                    entity=entity,
                    api=http.api(account, CallCounter()),
                    settings=settings,
                    memory=EmptyMemory(),
                    handover=handover,
                    now=datetime.now(UTC),
                    full=False,
                    pages=pages,
                )
                yield from _items_of(entity, reading)
        finally:
            pages.shutdown(wait=False, cancel_futures=True)
            http.close()

    return _as_source(vendor, items())


def _as_source(vendor: Vendor, items: Iterator[tuple[str, Any]]) -> DltSource:
    """A dlt source over (table name, Arrow table or row dicts), whatever the order of tables."""
    hints = {name: dlt.mark.make_hints(**hint) for name, hint in table_hints(vendor).items()}

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


def _items_of(entity: Entity, reading: Reading) -> Iterator[tuple[str, Any]]:
    try:
        for rows in entity.read(reading):
            checked = check_rows(entity, rows, CONNECTION, datetime.now(UTC))
            if len(checked):
                yield entity.name, to_arrow([checked])
            if checked.rejected:
                yield "rejected_rows", list(_rejected(checked))
    except ResourceUnavailable:
        return


def _rejected(checked: CheckedRows) -> Iterator[dict[str, Any]]:
    for bad in checked.rejected:
        whole = bad.row if isinstance(bad.row, dict) else {"value": bad.row}
        yield {
            "connection_id": CONNECTION,
            "_key": f"{checked.entity.name}|{row_hash(whole)}",
            "entity": checked.entity.name,
            "source_id": bad.source_id,
            "reason": bad.reason,
            "row": orjson.loads(orjson.dumps(whole, default=str)),
            "rejected_at": checked.synced_at,
            "run_id": CONNECTION,
        }
