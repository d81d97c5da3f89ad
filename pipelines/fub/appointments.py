"""Appointments, whose visibility depends on who asks (fub.md §5.9, §11).

The list is read without a scope and once per user; if the passes per user brought nothing more at
the last full reading, increments leave them out. The mark's mode says which it was.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from pipelines.common.entity import Row
from pipelines.common.moments import as_text, moment
from pipelines.common.reading import Reading
from pipelines.fub.account import SIGHT
from pipelines.fub.client import Listing, Params, latest, listing
from pipelines.fub.incremental import (
    FilterIgnored,
    after,
    date_filter_works,
    lets_through,
    never_later_than_now,
)
from pipelines.fub.sweep import is_whole, sweep

FULL_SWEEP = timedelta(days=30)
OVERLAP = timedelta(minutes=10)
PAST = timedelta(days=30)
FUTURE = timedelta(days=365)
PER_USER = "per_user"
UPDATED = "updated_after"


def read_appointments(reading: Reading) -> Iterator[Sequence[Row]]:
    """The window around today and what was edited since, monthly everything."""
    newest = moment(reading.cursor_from)
    whole = newest is None or SIGHT.due_for_sweep(reading, FULL_SWEEP)
    seen: dict[str, Row] = {}
    rows = _everything(reading, seen) if whole else _window(reading, seen)
    for batch in rows:
        found = latest(batch, "updated")
        if found is not None:
            newest = max(newest, found) if newest else found
        yield batch
    watermark = never_later_than_now(reading, newest)
    reading.cursor_to = as_text(watermark) if watermark else None


def _users(reading: Reading) -> list[str]:
    fresh: set[str] = reading.handover.get("users", set())
    return sorted(fresh or reading.memory.keys("users"), key=int)


def _new(rows: Sequence[Row], seen: dict[str, Row]) -> list[Row]:
    fresh = [row for row in rows if row.get("id") is None or str(row["id"]) not in seen]
    seen.update({str(row["id"]): row for row in fresh if row.get("id") is not None})
    return fresh


def _pass(reading: Reading, params: Params, seen: dict[str, Row]) -> Iterator[list[Row]]:
    for page in listing(reading, "appointments", params).pages():
        yield _new(page.rows, seen)


def _passes_per_user(reading: Reading, params: Params, seen: dict[str, Row]) -> Iterator[list[Row]]:
    def of_user(user: str) -> tuple[Listing, list[Row], int | None]:
        own = listing(reading, "appointments", (*params, ("userId", user)))
        pages = list(own.pages())
        return own, [row for page in pages for row in page.rows], pages[0].total

    for own, rows, total in reading.parallel(of_user, _users(reading)):
        if not is_whole(reading, own, len(rows), total):
            reading.complete = False
        yield _new(rows, seen)


def _everything(reading: Reading, seen: dict[str, Row]) -> Iterator[list[Row]]:
    unscoped = listing(reading, "appointments")
    for rows in sweep(reading, unscoped):
        yield _new(rows, seen)
    shown = len(seen)
    yield from _passes_per_user(reading, (), seen)
    more = len(seen) - shown
    works = date_filter_works(unscoped, "updatedAfter", reading.now, reading.vendor_count)
    if reading.vendor_count is not None:
        # what the list announced; that it does not count what is shown by user only is no lack
        reading.vendor_count += more
    ways = [*([PER_USER] if more else ["unscoped"]), *([UPDATED] if works else [])]
    reading.probed = True
    reading.mode = f"full (probe:{'+'.join(ways)})"
    if more and reading.complete:
        reading.note = f"{more} of {len(seen)} appointments are shown only when asked for by user."


def _window(reading: Reading, seen: dict[str, Row]) -> Iterator[list[Row]]:
    last_mode = reading.last.mode if reading.last else ""
    ways = [way for way in ("unscoped", PER_USER, UPDATED) if way in last_mode]
    reading.mode = f"probe:{'+'.join(ways)}"
    since = moment(reading.cursor_from)
    # from the last edit seen, if that is longer ago: an account may have been cut off for months
    start = min(reading.now, since or reading.now) - PAST
    window = (("start", as_text(start)), ("end", as_text(reading.now + FUTURE)))
    yield from _pass(reading, window, seen)
    if PER_USER in ways:
        yield from _passes_per_user(reading, window, seen)
    if UPDATED in ways and since is not None:
        try:
            yield from _changed(reading, since - OVERLAP, seen)
        except FilterIgnored:
            reading.note = "updatedAfter has no effect on appointments at Follow Up Boss any more."
            reading.mode = f"probe:{'+'.join(way for way in ways if way != UPDATED)}"


def _changed(reading: Reading, since: datetime, seen: dict[str, Row]) -> Iterator[list[Row]]:
    appointments = listing(reading, "appointments")
    count = 0
    for rows in after(appointments, "updatedAfter", "updated", since):
        count += len(rows)
        yield _new(rows, seen)
    # the newest edit may be of one that is shown by user only
    if count == 0 and not lets_through(appointments, "updatedAfter"):
        raise FilterIgnored("updatedAfter")
