"""Transactions: a list by page number without a filter, read whole (lofty.md §5.3)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pipelines.common.entity import Row
from pipelines.common.errors import RecordUnavailable
from pipelines.common.reading import Reading
from pipelines.lofty.account import SIGHT
from pipelines.lofty.client import (
    PAGE,
    Params,
    count_of,
    get,
    id_of,
    moment,
    rows_of,
    unwrapped,
)

PATH = "v2.0/transactions"
EVERY_TYPE = ("transactionType", "All")
"""Without it only purchases come (§5.3)."""


def read_transactions(reading: Reading) -> Iterator[Sequence[Row]]:
    """All transactions; a second time if rows slipped between two pages.

    Tells the reader of commissions which leads' transactions moved, and which are there.
    """
    known = reading.memory.values("transactions", "lead_id", "updated")
    seen: set[str] = set()
    changed: set[str] = set()
    for _ in range(2):
        for rows in _sweep(reading, seen):
            changed.update(_moved(rows, known))
            yield rows
        if reading.complete:
            break
    reading.complete = reading.complete and SIGHT.is_whole(reading)
    reading.confirm_gone = lambda key: _is_gone(reading, key, known[key][0])
    reading.handover.put("transactions.changed", changed)
    if reading.complete:
        reading.handover.put("transactions.seen", seen)


def _moved(rows: list[Row], known: Mapping[str, tuple[Any, ...]]) -> Iterator[str]:
    """The leads of those rows that are new, have another lead or another time of change."""
    for row in rows:
        key, lead = id_of(row, "transactionId"), id_of(row, "leadId")
        if key is not None and lead and known.get(key) != (lead, moment(row.get("updated"))):
            yield lead


def _sweep(reading: Reading, seen: set[str]) -> Iterator[list[Row]]:
    """All pages; fills `seen`, and says whether the vendor's count is reached."""
    for rows, total in pages(reading, ()):
        seen.update(key for row in rows if (key := id_of(row, "transactionId")) is not None)
        reading.vendor_count = total
        yield rows
    reading.complete = reading.vendor_count is None or len(seen) >= reading.vendor_count


def pages(
    reading: Reading, narrower: Params, *, of_lead: bool = False
) -> Iterator[tuple[list[Row], int | None]]:
    """Pages with the vendor's count, to an empty one or until that many rows came."""
    number, read = 0, 0
    while True:
        page = (("pageNum", str(number)), ("pageSize", str(PAGE)))
        body = get(reading, PATH, (EVERY_TYPE, *narrower, *page), single_record=of_lead)
        rows = rows_of(body, PATH, "pageData")
        held = unwrapped(body)
        total = count_of(held.get("totalCount")) if isinstance(held, dict) else None
        yield rows, total
        number, read = number + 1, read + len(rows)
        if not rows or (total is not None and read >= total):
            return


def _is_gone(reading: Reading, key: str, lead: str | None) -> bool:
    """Look among its lead's transactions for one that the pages did not show."""
    if not lead or lead == "0":
        return True
    try:
        return not any(
            id_of(row, "transactionId") == key
            for rows, _ in pages(reading, (("leadId", lead),), of_lead=True)
            for row in rows
        )
    except RecordUnavailable as error:
        if error.reason != "missing":
            raise
        return True
