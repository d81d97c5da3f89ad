"""Calendar months: how the revenue-share totals are asked for (rezen.md §16.3 rule 9)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TypeVar

T = TypeVar("T")

CHUNK = 12
"""Months that are looked at together before each of them is asked for."""


@dataclass(frozen=True, order=True)
class Window:
    """Days `start` to `end`, both included."""

    start: date
    end: date

    @property
    def params(self) -> list[tuple[str, str]]:
        """As the vendor's date parameters."""
        return [("startDate", self.start.isoformat()), ("endDate", self.end.isoformat())]


def month_of(day: date) -> Window:
    """The calendar month that holds `day`."""
    start = day.replace(day=1)
    return Window(start, (start + timedelta(days=32)).replace(day=1) - timedelta(days=1))


def month_before(day: date) -> Window:
    """The calendar month before the one that holds `day`."""
    return month_of(day.replace(day=1) - timedelta(days=1))


def months(first: date, last: date) -> list[Window]:
    """All calendar months from the one that holds `first` to the one that holds `last`."""
    found: list[Window] = []
    month = month_of(first)
    while month.start <= last:
        found.append(month)
        month = month_of(month.end + timedelta(days=1))
    return found


def months_back(day: date, count: int) -> date:
    """The first day of the month `count` months before the one that holds `day`."""
    total = day.year * 12 + day.month - 1 - count
    return date(total // 12, total % 12 + 1, 1)


def filled(
    wanted: Sequence[Window], read: Callable[[Window], T], is_empty: Callable[[T], bool]
) -> Iterator[tuple[Window, T]]:
    """The months that hold something, with what they hold.

    A year whose total is empty costs one request and not twelve; a new agent's past and the deep
    tiers of a small network are mostly empty.
    """
    for at in range(0, len(wanted), CHUNK):
        chunk = wanted[at : at + CHUNK]
        if len(chunk) > 2 and is_empty(read(Window(chunk[0].start, chunk[-1].end))):
            continue
        for month in chunk:
            yield month, read(month)
