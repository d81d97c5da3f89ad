"""What changed since the last time, without trusting a filter that nobody checked (§2.3, §4.3).

Every filtered read looks at what comes back: a row that the filter should have held back means
that the filter is ignored. And since each read overlaps the last one, it must at least bring back
the row that set the watermark: nothing at all means that the filter is broken, too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

from pipelines.common.entity import Row
from pipelines.common.errors import ContractBroken
from pipelines.common.moments import as_text, moment
from pipelines.common.reading import Reading
from pipelines.fub.client import PAGE, Listing
from pipelines.fub.sweep import descends

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
MOST_SORTED_PAGES = 2000 // PAGE
"""Sorted lists are paged by offset, and offsets end at about 2000 (§2.2)."""


class FilterIgnored(ContractBroken):
    """The vendor did not do what the parameter asks for."""

    def __init__(self, parameter: str) -> None:
        super().__init__(f"Follow Up Boss ignores '{parameter}'; compare docs/vendors/fub.md.")


def filtered(
    listing: Listing, parameter: str, value: str, fits: Callable[[Row], bool]
) -> Iterator[list[Row]]:
    """All pages under a filter. Raises `FilterIgnored` at the first row that does not fit."""
    for page in listing.pages((parameter, value)):
        if not all(fits(row) for row in page.rows):
            raise FilterIgnored(parameter)
        yield page.rows


def after(listing: Listing, parameter: str, column: str, since: datetime) -> Iterator[list[Row]]:
    """Rows whose `column` is not before `since`, by a date filter; one second of rounding."""
    bound = since - timedelta(seconds=1)

    def fits(row: Row) -> bool:
        changed = moment(row.get(column))
        return changed is None or changed >= bound

    yield from filtered(listing, parameter, as_text(since), fits)


def newest_first(listing: Listing, reached: Callable[[Row], bool]) -> Iterator[list[Row]]:
    """Pages of the plain list, highest id first, to the page on which a row is `reached`.

    Needs no filter at all. Raises `FilterIgnored` if the list is not in that order.
    """
    for page in listing.pages():
        if not descends(page.rows):
            raise FilterIgnored("id order")
        yield page.rows
        if any(reached(row) for row in page.rows):
            return


def sorted_walk(listing: Listing, column: str, since: datetime) -> Iterator[list[Row]]:
    """Pages sorted by `column`, newest first, to the first one that ends before `since`.

    Rows that change during the walk move to the front and push others along, so the front is read
    once more. Raises `FilterIgnored` if the sort is ignored or the walk would go too deep.
    """
    by_column = ("sort", f"-{column}")
    newest: datetime | None = None
    for number, page in enumerate(listing.pages(by_column)):
        known = [m for row in page.rows if (m := moment(row.get(column))) is not None]
        if known != sorted(known, reverse=True):
            raise FilterIgnored("sort")
        newest = newest or (known[0] if known else None)
        yield page.rows
        if not known or known[-1] < since or page.next is None:
            if number > 0 and newest is not None:
                yield from _front(listing, by_column, column, newest)
            return
        if number + 1 >= MOST_SORTED_PAGES:
            raise FilterIgnored("sort depth")


def _front(
    listing: Listing, by_column: tuple[str, str], column: str, newest: datetime
) -> Iterator[list[Row]]:
    for page in listing.pages(by_column):
        yield page.rows
        if any((moment(row.get(column)) or newest) <= newest for row in page.rows):
            return


def date_filter_works(
    listing: Listing, parameter: str, now: datetime, total: int | None = None
) -> bool:
    """The probe of §4.3: nearly everything is newer than long ago, nothing newer than tomorrow."""
    if total is None:
        total = listing.page(limit=1).total
    if not total:
        return False
    old = listing.page((parameter, as_text(LONG_AGO)), limit=1).total
    future = listing.page((parameter, as_text(now + timedelta(days=1))), limit=1).total
    return old is not None and old >= 0.9 * total and future == 0


def lets_through(listing: Listing, parameter: str) -> bool:
    """True if a date filter shows anything at all that is newer than long ago."""
    return bool(listing.page((parameter, as_text(LONG_AGO)), limit=1).total)


def sort_works(listing: Listing, column: str) -> bool:
    """True if a page sorted by `column` is in that order and not in the default one.

    Where both are the same (nothing was edited, or all at once) nobody knows: False, too.
    """
    rows = listing.page(("sort", f"-{column}")).rows
    known = [m for row in rows if (m := moment(row.get(column))) is not None]
    in_order = len(known) == len(rows) and known == sorted(known, reverse=True)
    return in_order and not descends(rows)


def never_later_than_now(reading: Reading, instant: datetime | None) -> datetime | None:
    """A watermark: a row dated in the future must not stop the account."""
    return None if instant is None else min(instant, reading.now)
