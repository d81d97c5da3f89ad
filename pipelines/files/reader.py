"""The imports of an agent, read as one list: of each key the row of the latest import.

The cursor says which imports were there and which of them were in force. While none was added or
taken back there is nothing to read; otherwise all are read, the latest first, and a key that none
of them has is gone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pipelines.common.entity import Entity, Row
from pipelines.common.errors import VendorError
from pipelines.common.reading import Reading
from pipelines.files.client import settings_of
from pipelines.files.errors import ImportRefused
from pipelines.files.mapping import ColumnMapping, Plan, complete, mapping_of
from pipelines.files.preparing import PAGE_ROWS, Prepared, prepare
from pipelines.files.store import Import, ImportStore, fingerprint
from pipelines.files.table import Table, read_table


def read_imports(reading: Reading) -> Iterator[Sequence[Row]]:
    """The rows in force, then those that were refused.

    Raises `VendorError` if the folder has lost imports that were loaded from it.
    """
    agent, entity = reading.account.agent_key, reading.entity
    store = ImportStore(settings_of(reading).dir, agent, entity.name)
    known = store.all()
    _must_hold_what_was_read(reading, known)
    records = [record for record in known if record.in_force]
    cursor = f"{len(known)}:{fingerprint(known)}:{fingerprint(records)}"
    reading.cursor_to = cursor
    if reading.cursor_from == cursor:
        reading.mode = "unchanged"
        return
    # what people take back is gone, however much it is
    reading.guarded = False
    seen: set[str] = set()
    for record in reversed(records):
        prepared = prepare_import(entity, store, record)
        rows = [row.data for row in prepared.good if row.key not in seen]
        seen.update(row.key for row in prepared.good)
        for page in (rows, prepared.refused_rows):
            for start in range(0, len(page), PAGE_ROWS):
                yield page[start : start + PAGE_ROWS]
    reading.mode = "full"
    reading.complete = True
    reading.vendor_count = len(seen)


def _must_hold_what_was_read(reading: Reading, known: list[Import]) -> None:
    """A folder that lies elsewhere now must not end all rows."""
    if reading.last is None or reading.last.cursor is None:
        return
    count, read_before, _ = reading.last.cursor.split(":")
    if fingerprint(known[: int(count)]) != read_before:
        raise VendorError(
            f"The folder of imports does not hold the {count} imports of {reading.entity.name} "
            "that were read from it, so nothing was changed: set BROKERAGE_FILES_DIR to the right "
            "folder or restore it."
        )


def prepare_import(entity: Entity, store: ImportStore, record: Import) -> Prepared:
    """The rows of a kept file. Raises `VendorError` if it cannot be read as it once was."""
    try:
        table, plan = open_table(entity, store.content(record), mapping_of(record.mapping))
    except ImportRefused as refused:
        # why could quote headings, and this sentence is logged
        raise VendorError(
            f"Import {record.id} can no longer be read by its mapping: take it back with "
            f"`brokerage import --undo {record.id}` and import the file again."
        ) from refused
    return prepare(entity, table, plan, record.file_name)


def open_table(entity: Entity, content: bytes, given: ColumnMapping) -> tuple[Table, Plan]:
    """A file and a mapping as they fit each other. Raises `ImportRefused` if they do not."""
    table = read_table(
        content,
        encoding=given.encoding,
        delimiter=given.delimiter,
        header_row=given.header_row,
    )
    return table, complete(table, entity, given)
