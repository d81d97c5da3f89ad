"""People: the biggest table with the most disputed filter (fub.md §4.3, §5.1, §11).

Which way of reading changes works is tried out when the account is first read and then weekly;
the mark's mode carries the answer, so that a change of it can be seen.

| mode                | increment                                                      |
|---------------------|----------------------------------------------------------------|
| `updated_after`     | `updatedAfter` = watermark less ten minutes                    |
| `sort_updated_walk` | `sort=-updated` until older than that, at most 20 pages        |
| `full_sweep`        | everything                                                     |

`updated` does not move with a call, a text or a visit; a second pass by `lastActivityAfter` takes
what does.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from pipelines.common.entity import Row
from pipelines.common.moments import as_text, moment
from pipelines.common.reading import Reading
from pipelines.fub.account import SIGHT
from pipelines.fub.client import Listing, id_of, latest, listing
from pipelines.fub.incremental import (
    FilterIgnored,
    after,
    date_filter_works,
    lets_through,
    never_later_than_now,
    sort_works,
    sorted_walk,
)
from pipelines.fub.sweep import is_gone, sweep

Mode = Literal["updated_after", "sort_updated_walk", "full_sweep"]

OVERLAP = timedelta(minutes=10)
PROBE_EVERY = timedelta(days=7)
FULL_SWEEP = timedelta(days=7)
EVERYONE = (("fields", "allFields"), ("includeTrash", "true"), ("includeUnclaimed", "true"))
"""Without these, trashed and merged people and all custom values vanish (§5.1)."""


@dataclass
class _Watermark:
    """The newest change and the newest activity seen; as text `<updated> <activity>`."""

    updated: datetime | None = None
    activity: datetime | None = None

    @classmethod
    def parse(cls, cursor: str | None) -> _Watermark:
        updated, _, activity = (cursor or "").partition(" ")
        return cls(moment(updated), moment(activity))

    def take(self, rows: Sequence[Row]) -> None:
        for name, row_name in (("updated", "updated"), ("activity", "lastActivity")):
            seen, known = latest(rows, row_name), getattr(self, name)
            if seen is not None and (known is None or seen > known):
                setattr(self, name, seen)

    def text(self, reading: Reading) -> str | None:
        updated = never_later_than_now(reading, self.updated)
        activity = never_later_than_now(reading, self.activity)
        if updated is None:
            return None
        return f"{as_text(updated)} {as_text(activity) if activity else ''}".strip()


@dataclass
class People:
    """Who has a phone and when they were last active (epoch seconds, 0 for never).

    Two numbers each: a million people must not fill the memory between two readers. `since` is
    the activity that this sync started from; None if everybody is in it.
    """

    since: datetime | None = None
    ids: array[int] = field(default_factory=lambda: array("q"))
    active: array[int] = field(default_factory=lambda: array("q"))

    def take(self, rows: Sequence[Row]) -> None:
        """Remember those of a page who have a phone."""
        for row in rows:
            key = id_of(row)
            if key is not None and row.get("phones"):
                last = moment(row.get("lastActivity"))
                self.ids.append(key)
                self.active.append(int(last.timestamp()) if last else 0)


def read_people(reading: Reading) -> Iterator[Sequence[Row]]:
    """People in the probed mode, weekly whole."""
    people = listing(reading, "people", EVERYONE)
    mode = _known_mode(reading) or _probe(reading, people)
    start = _Watermark.parse(reading.cursor_from)
    seen = _Watermark(start.updated, start.activity)
    with_phone = People()
    whole = (
        start.updated is None or mode == "full_sweep" or SIGHT.due_for_sweep(reading, FULL_SWEEP)
    )
    if not whole and start.updated is not None:
        try:
            for rows in _changes(reading, people, mode, start.updated - OVERLAP):
                seen.take(rows)
                with_phone.take(rows)
                yield rows
        except FilterIgnored:
            # what worked at the last probe does not any more
            mode, whole = _probe(reading, people), True
    if not whole and start.activity is not None:
        for rows in _activity(reading, people, start.activity - OVERLAP):
            seen.take(rows)
            with_phone.take(rows)
            yield rows
    if whole:
        for rows in sweep(reading, people):
            seen.take(rows)
            with_phone.take(rows)
            yield rows
        reading.confirm_gone = lambda key: is_gone(people, key)
    reading.mode = f"full (probe:{mode})" if whole else f"probe:{mode}"
    reading.cursor_to = seen.text(reading)
    with_phone.since = None if whole else start.activity
    reading.handover.put("people", with_phone)


def _known_mode(reading: Reading) -> Mode | None:
    """The mode of the last probe, None if it is time for another."""
    last = reading.last
    if last is None or last.last_probe_at is None or reading.full:
        return None
    if reading.now - last.last_probe_at >= PROBE_EVERY:
        return None
    found = re.search(r"probe:(updated_after|sort_updated_walk|full_sweep)", last.mode)
    return _as_mode(found[1]) if found else None


def _as_mode(text: str) -> Mode:
    if text == "updated_after":
        return "updated_after"
    return "sort_updated_walk" if text == "sort_updated_walk" else "full_sweep"


def _probe(reading: Reading, people: Listing) -> Mode:
    reading.probed = True
    if date_filter_works(people, "updatedAfter", reading.now):
        return "updated_after"
    return "sort_updated_walk" if sort_works(people, "updated") else "full_sweep"


def _changes(reading: Reading, people: Listing, mode: Mode, since: datetime) -> Iterator[list[Row]]:
    """Changed people. Raises `FilterIgnored` if the mode does not hold what it promised."""
    if mode == "sort_updated_walk":
        yield from sorted_walk(people, "updated", since)
        return
    count = 0
    for rows in after(people, "updatedAfter", "updated", since):
        count += len(rows)
        yield rows
    # the overlap holds the row of the watermark; without it, either that row or the filter is gone
    if count == 0 and not date_filter_works(people, "updatedAfter", reading.now):
        raise FilterIgnored("updatedAfter")


def _activity(reading: Reading, people: Listing, since: datetime) -> Iterator[list[Row]]:
    """People with new activity; a filter that does not work costs freshness, not data."""
    count = 0
    try:
        for rows in after(people, "lastActivityAfter", "lastActivity", since):
            count += len(rows)
            yield rows
        if count == 0 and not lets_through(people, "lastActivityAfter"):
            raise FilterIgnored("lastActivityAfter")
    except FilterIgnored:
        reading.note = (
            "lastActivityAfter does not work at Follow Up Boss, so activity columns are as of the "
            "last full sweep."
        )
