"""Users and the address book: small lists beside the orders (qualia.md §3.6)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

from pipelines.common.entity import Row
from pipelines.common.errors import ContractBroken
from pipelines.common.reading import Reading
from pipelines.qualia.client import as_text, ask, list_of, moment
from pipelines.qualia.orders import LAG, OVERLAP

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

    The lists hold ids only, and a company costs a request.
    """
    cursor = moment(reading.cursor_from)
    whole = cursor is None or reading.due_for_full(WEEK)
    given = None
    if cursor is not None and not whole:
        given = {"lastTouched": {"start": as_text(min(cursor, reading.now) - OVERLAP)}}
    ids = [str(key) for key in list_of(reading.api, reading.settings, "company_ids", filter=given)]
    reading.mode = "full" if whole else "incremental"

    def one(key: str) -> Any:
        return ask(reading.api, reading.settings, "company", id=key)[0]

    batch: list[Row] = []
    for company in reading.parallel(one, ids):
        if company is None:
            continue
        if not isinstance(company, dict):
            raise ContractBroken(
                "Qualia answered 'companyContact' that is no object; compare "
                "docs/vendors/qualia.md."
            )
        batch.append(company)
        if len(batch) >= BATCH:
            yield batch
            batch = []
    yield batch
    if whole:
        reading.vendor_count = len(ids)
        # a company that the list shows is not gone, whatever its own answer was
        reading.seen.add(ids)
        reading.complete = True
    reading.cursor_to = (reading.now - LAG).isoformat()
