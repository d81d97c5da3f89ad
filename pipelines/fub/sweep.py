"""Reading a whole list: by the cursor if it is small, in several id windows at once if it is big.

One page of 100 takes a round trip, so one cursor alone cannot use the allowed rate. A window is
read by `idLessThan`, which needs no cursor and starts again anywhere (fub.md §2.2).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from pipelines.common.entity import Row
from pipelines.common.errors import RecordUnavailable
from pipelines.common.reading import Reading
from pipelines.fub.account import SIGHT
from pipelines.fub.client import PAGE, Listing, Page, id_of, lowest_id

SMALL = 10 * PAGE
WINDOW_PAGES = 8
MOST_WINDOWS = 64
AT_ONCE = 8
TOTAL_DRIFT = 0.01
"""Share of the rows that may be missing from a sweep before it no longer counts as whole."""


@dataclass(frozen=True)
class _Window:
    """Ids from `low` to `high`, both included."""

    low: int
    high: int


class _NotKeyset(Exception):
    """The list ignores id bounds or is not ordered by id."""


class _Queue(Iterator[_Window]):
    """Windows still to read; grows while it is consumed, so it may end more than once."""

    def __init__(self, windows: Sequence[_Window]) -> None:
        self._windows = deque(windows)

    def put(self, window: _Window) -> None:
        self._windows.append(window)

    def __next__(self) -> _Window:
        if not self._windows:
            raise StopIteration
        return self._windows.popleft()


def sweep(reading: Reading, listing: Listing) -> Iterator[list[Row]]:
    """Every row of a list; sets `complete` and `vendor_count` when it is through."""
    first = listing.page()
    reading.vendor_count = first.total
    count = 0
    in_windows = first.next is not None and (first.total or 0) > SMALL and descends(first.rows)
    if in_windows:
        try:
            for rows in _in_windows(reading, listing, first):
                count += len(rows)
                yield rows
        except _NotKeyset:
            reading.note = f"/{listing.path} ignores id bounds, so it was read page by page."
            in_windows, count = False, 0
    if not in_windows:
        for page in listing.pages(first=first):
            count += len(page.rows)
            yield page.rows
    whole = is_whole(reading, listing, count, first.total)
    reading.complete = whole and SIGHT.is_whole(reading)


def is_whole(reading: Reading, listing: Listing, count: int, total: int | None) -> bool:
    """True if a list brought what it announced; if a row or two less, what is missing is asked for.

    A page that moved may have jumped over a row.
    """
    if total is None or count >= total:
        return True
    if count < total * (1 - TOTAL_DRIFT):
        reading.note = f"Only {count} of the {total} rows announced by /{listing.path} came."
        return False
    reading.confirm_gone = lambda key: is_gone(listing, key)
    return True


def descends(rows: Sequence[Row]) -> bool:
    """True if a page is in the default order, highest id first."""
    ids = [id_of(row) for row in rows]
    known = [key for key in ids if key is not None]
    return all(high > low for high, low in pairwise(known))


def _in_windows(reading: Reading, listing: Listing, first: Page) -> Iterator[list[Row]]:
    yield first.rows
    highest = lowest_id(first.rows)
    if highest is None:
        raise _NotKeyset
    low = _lowest(listing, highest)
    queue = _Queue(windows(low, highest - 1, first.total or 0))
    for window, rows, rest in reading.parallel(
        lambda window: _read_window(listing, window), queue, at_once=AT_ONCE
    ):
        yield rows
        if rest is not None and rest.low <= rest.high and rest != window:
            queue.put(rest)


def _lowest(listing: Listing, highest: int) -> int:
    """The lowest id there is; 0 if the list does not sort by id when asked."""
    page = listing.page(("sort", "id"), limit=1)
    found = lowest_id(page.rows)
    return found if found is not None and found <= highest else 0


def windows(low: int, high: int, total: int) -> list[_Window]:
    """Cut the ids into windows of about `WINDOW_PAGES` pages, were they evenly spread."""
    if high < low:
        return []
    count = max(1, min(MOST_WINDOWS, total // (PAGE * WINDOW_PAGES), high - low + 1))
    edges = [low + (high - low + 1) * i // count for i in range(count + 1)]
    return [_Window(a, b - 1) for a, b in pairwise(edges)][::-1]


def _read_window(listing: Listing, window: _Window) -> tuple[_Window, list[Row], _Window | None]:
    """The highest page of a window, and what is left of it: only pages are held in memory.

    Whether bounds are inclusive is not documented: they are sent one wider, and what comes from
    outside is dropped. Rows from further away mean that the bounds are ignored.
    """
    bounds = (("idGreaterThan", str(window.low - 1)), ("idLessThan", str(window.high + 1)))
    page = listing.page(*bounds)
    ids = [key for row in page.rows if (key := id_of(row)) is not None]
    near = window.low - 1, window.high + 1
    if not descends(page.rows) or any(not near[0] <= key <= near[1] for key in ids):
        raise _NotKeyset
    inside = [
        row for row in page.rows if (key := id_of(row)) is None or window.low <= key <= window.high
    ]
    rest = _Window(window.low, min(ids) - 1) if page.next is not None and ids else None
    return window, inside, rest


def is_gone(listing: Listing, key: str) -> bool:
    """Ask for a record that a sweep did not show; one that may not be seen (403) is not gone."""
    try:
        listing.record(key)
    except RecordUnavailable as error:
        return error.reason == "missing"
    return False
