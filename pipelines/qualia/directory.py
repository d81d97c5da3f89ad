"""Users and the address book: small lists beside the orders (qualia.md §3.6)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

from pipelines.common.entity import Row
from pipelines.common.errors import ContractBroken, RecordUnavailable, VendorError
from pipelines.common.moments import as_text
from pipelines.common.reading import Reading
from pipelines.qualia.client import RECORD_ERRORS, ask, list_of
from pipelines.qualia.cursor import Cursor
from pipelines.qualia.orders import LAG, MOST_FAILURES, OVERLAP

WEEK = timedelta(days=7)
BATCH = 50


def read_users(reading: Reading) -> Iterator[Sequence[Row]]:
    """Users, in one unpaged answer."""
    rows = list_of(reading.api, reading.settings, "users")
    reading.vendor_count = len(rows)
    yield [row if isinstance(row, dict) else {"value": row} for row in rows]
    reading.complete = True


def read_companies(reading: Reading) -> Iterator[Sequence[Row]]:
    """Companies that were touched since a day before the last reading, weekly all of them.

    The lists hold ids only, and a company costs a request. One that cannot be read stays as it was
    and is asked for again in the next sync.
    """
    cursor = Cursor.read(reading.cursor_from)
    whole = cursor.until is None or reading.due_for_full(WEEK)
    given = None
    if cursor.until is not None and not whole:
        given = {"lastTouched": {"start": as_text(min(cursor.until, reading.now) - OVERLAP)}}
    ids = {str(key) for key in list_of(reading.api, reading.settings, "company_ids", filter=given)}
    reading.mode = "full" if whole else "incremental"
    failed: set[str] = set()
    hidden = 0

    def one(key: str) -> tuple[str, Any]:
        try:
            return key, ask(reading.api, reading.settings, "company", id=key)[0]
        except RECORD_ERRORS as error:
            return key, error

    batch: list[Row] = []
    for key, company in reading.parallel(one, sorted(ids | cursor.again)):
        if isinstance(company, RecordUnavailable):
            hidden += 1
        elif isinstance(company, VendorError):
            failed.add(key)
            if len(failed) >= MOST_FAILURES:
                raise company
        elif isinstance(company, dict):
            batch.append(company)
        elif company is not None:
            raise ContractBroken(
                "Qualia answered 'companyContact' that is no object; compare "
                "docs/vendors/qualia.md."
            )
        if len(batch) >= BATCH:
            yield batch
            batch = []
    yield batch
    if whole:
        reading.vendor_count = len(ids)
        # a company that the list shows is not gone, whatever its own answer was
        reading.seen.add(ids)
        reading.complete = True
    if failed or hidden:
        reading.note = (
            f"{len(failed)} companies could not be read and {hidden} are not shown; they stay as "
            f"they were."
        )
    reading.cursor_to = str(Cursor(reading.now - LAG, frozenset(failed)))
