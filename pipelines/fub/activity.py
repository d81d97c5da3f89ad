"""What happens to people: events, calls, notes, tasks, text messages (fub.md §5.5-5.7, §5.14)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

from pipelines.common.entity import Read, Row
from pipelines.common.errors import RecordUnavailable, ResourceUnavailable, RetryLater
from pipelines.common.moments import as_text, moment
from pipelines.common.reading import Reading
from pipelines.fub.account import SIGHT
from pipelines.fub.client import PAGE, Listing, id_of, latest, listing
from pipelines.fub.incremental import (
    FilterIgnored,
    after,
    date_filter_works,
    filtered,
    never_later_than_now,
    newest_first,
)
from pipelines.fub.people import People
from pipelines.fub.sweep import sweep

FULL_SWEEP = timedelta(days=30)
OVERLAP = timedelta(hours=24)
WEEKLY = timedelta(days=7)
WINDOW = timedelta(days=30)
TEXTS_OVERLAP = timedelta(minutes=10)
TEXTS_ROTATION = 30
"""Days in which everybody's texts are read again, a part of the people each day."""

MOST_FAILURES = 5


# -- events --------------------------------------------------------------------------------------


def read_events(reading: Reading) -> Iterator[Sequence[Row]]:
    """Events by id: the last page again and all newer ones; monthly everything.

    Ids are given in order of arrival, but not always committed in it: hence the page of overlap.
    """
    events = listing(reading, "events", context="events")
    newest = int(reading.cursor_from) if reading.cursor_from else 0
    if newest and not SIGHT.due_for_sweep(reading, FULL_SWEEP):
        source: Iterator[list[Row]] = _newer_events(reading, events, newest)
    else:
        source = sweep(reading, events)
    for rows in source:
        newest = max([newest, *(key for row in rows if (key := id_of(row)) is not None)])
        yield rows
    reading.cursor_to = str(newest) if newest else None


def _newer_events(reading: Reading, events: Listing, newest: int) -> Iterator[list[Row]]:
    low = max(0, newest - PAGE)
    reading.mode = "incremental"
    count = 0
    try:
        for rows in filtered(
            events, "idGreaterThan", str(low), lambda row: (id_of(row) or low) >= low
        ):
            count += len(rows)
            yield rows
        if count:
            return
    except FilterIgnored:
        pass
    # ignored, or nothing where at least the last page must be: the plain list needs no filter
    reading.mode = "incremental without filter"
    yield from _or_sweep(reading, events, lambda row: (id_of(row) or 0) <= low)


def _or_sweep(
    reading: Reading, plain: Listing, reached: Callable[[Row], bool]
) -> Iterator[list[Row]]:
    try:
        yield from newest_first(plain, reached)
    except FilterIgnored:
        reading.mode = "full"
        yield from sweep(reading, plain)


# -- calls, notes, tasks -------------------------------------------------------------------------


def _stamped(path: str, parameter: str, column: str) -> Read:
    """A reader by a date filter with a day of overlap, because outcomes and edits come late.

    Weekly the last 30 days, monthly everything; older edits are left to that.
    """

    def read(reading: Reading) -> Iterator[Sequence[Row]]:
        rows_of = listing(reading, path)
        newest = moment(reading.cursor_from)
        if newest is None or SIGHT.due_for_sweep(reading, FULL_SWEEP):
            source: Iterator[list[Row]] = sweep(reading, rows_of)
        else:
            source = _newer(reading, rows_of, parameter, column, newest - _overlap(reading))
        for rows in source:
            seen = latest(rows, column)
            if seen is not None:
                newest = max(newest, seen) if newest else seen
            yield rows
        watermark = never_later_than_now(reading, newest)
        reading.cursor_to = as_text(watermark) if watermark else None

    return read


def _overlap(reading: Reading) -> timedelta:
    """A day, once a week thirty: that reading counts as the week's probe."""
    probed_at = reading.last.last_probe_at if reading.last else None
    since = probed_at or (reading.last.last_complete_at if reading.last else None)
    if since is not None and reading.now - since < WEEKLY:
        return OVERLAP
    reading.probed = True
    return WINDOW


def _newer(
    reading: Reading, rows_of: Listing, parameter: str, column: str, since: datetime
) -> Iterator[list[Row]]:
    reading.mode = "incremental"
    count = 0
    try:
        for rows in after(rows_of, parameter, column, since):
            count += len(rows)
            yield rows
        if count or date_filter_works(rows_of, parameter, reading.now):
            return
    except FilterIgnored:
        pass
    # ids are given as rows are created: without the filter, edits wait for the weekly window
    reading.mode = "incremental without filter"
    yield from _or_sweep(
        reading, rows_of, lambda row: (moment(row.get("created")) or since) < since
    )


read_calls = _stamped("calls", "createdAfter", "created")
read_notes = _stamped("notes", "createdAfter", "created")
read_tasks = _stamped("tasks", "updatedAfter", "updated")
"""A task is done long after it was made; whether its `updatedAfter` works is nowhere said."""


# -- text messages -------------------------------------------------------------------------------


def read_text_messages(reading: Reading) -> Iterator[Sequence[Row]]:
    """Texts person by person, because there is no other way (§4.2): everybody with a phone the
    first time, then those whose last activity moved, and each day a thirtieth of all others: a
    merge moves texts to a person whose activity did not move (§7).
    """
    cursor = _TextCursor.parse(reading.cursor_from)
    people = _people(reading, cursor)
    asked = failed = 0
    trouble: RetryLater | None = None
    wanted = _people_to_ask(reading, people, cursor)
    for outcome in reading.parallel(lambda person: _texts_of(reading, person), wanted):
        asked += 1
        if isinstance(outcome, RetryLater):
            failed, trouble = failed + 1, outcome
            if failed >= MOST_FAILURES:
                raise outcome
        else:
            yield outcome
    if trouble is not None:
        raise RetryLater(
            f"The texts of {failed} of {asked} people could not be read and are tried again in "
            f"the next sync: {trouble.sentence}"
        )
    everybody = reading.first or reading.full
    reading.mode = "full" if everybody else "incremental"
    reading.complete = everybody and people.since is None and SIGHT.is_whole(reading)
    newest = max([*people.active, int(cursor.activity.timestamp()) if cursor.activity else 0])
    watermark = never_later_than_now(reading, datetime.fromtimestamp(newest, UTC))
    if newest and watermark:
        reading.cursor_to = f"{as_text(watermark)} {reading.now.date().isoformat()}"


@dataclass(frozen=True)
class _TextCursor:
    """The newest activity read and the day of the last rotation; as text `<activity> <day>`."""

    activity: datetime | None
    rotated_on: date | None

    @classmethod
    def parse(cls, cursor: str | None) -> _TextCursor:
        activity, _, day = (cursor or "").partition(" ")
        return cls(moment(activity), date.fromisoformat(day) if day else None)

    def parts_due(self, today: date) -> set[int]:
        """The parts of the rotation that the days since the last one stand for."""
        if self.rotated_on is None:
            return set()
        first, last = self.rotated_on.toordinal() + 1, today.toordinal()
        return {day % TEXTS_ROTATION for day in range(max(first, last - TEXTS_ROTATION), last + 1)}


def _people(reading: Reading, cursor: _TextCursor) -> People:
    """The people of this sync if they reach back to our watermark, else the stored ones, too."""
    fresh: People | None = reading.handover.get("people", None)
    reaches_back = fresh is not None and (
        fresh.since is None or (cursor.activity is not None and fresh.since <= cursor.activity)
    )
    if fresh is not None and reaches_back and not cursor.parts_due(reading.now.date()):
        return fresh
    people = People()
    stored = reading.memory.values("people", "phones", "last_activity")
    for key, (phones, active) in stored.items():
        if phones:
            people.ids.append(int(key))
            people.active.append(int(active.timestamp()) if active else 0)
    if fresh is not None:
        people.ids.extend(fresh.ids)
        people.active.extend(fresh.active)
    return people


def _people_to_ask(reading: Reading, people: People, cursor: _TextCursor) -> list[int]:
    """Most recently active first, so that a first load that breaks off has the useful part."""
    since = int((cursor.activity - TEXTS_OVERLAP).timestamp()) if cursor.activity else None
    due = cursor.parts_due(reading.now.date())
    done = _read_before(reading) if reading.first else {}
    wanted: dict[int, int] = {}
    for person, active in zip(people.ids, people.active, strict=True):
        quiet = since is not None and active < since and person % TEXTS_ROTATION not in due
        if not quiet and not (person in done and active <= done[person]):
            wanted[person] = active
    return sorted(wanted, key=lambda person: wanted[person], reverse=True)


def _read_before(reading: Reading) -> dict[int, int]:
    """When a person's texts were read by a first load that broke off: it goes on from there."""
    done: dict[int, int] = {}
    stored = reading.memory.values("text_messages", "person_id", "_synced_at")
    for person, synced_at in stored.values():
        if person is not None and person.isdigit():
            done[int(person)] = max(int(synced_at.timestamp()), done.get(int(person), 0))
    return done


def _texts_of(reading: Reading, person: int) -> list[Row] | RetryLater:
    texts = replace(
        listing(reading, "textMessages", (("personId", str(person)),)), single_record=True
    )
    try:
        return [row for page in texts.pages() for row in page.rows]
    except RecordUnavailable as error:
        if error.reason == "denied":
            # a list is refused as a whole (§3.2); read as "no texts" it would end them all
            raise ResourceUnavailable(
                "Follow Up Boss refuses the text messages (HTTP 403); connect the account with the "
                "owner's key.",
                status="not_permitted",
            ) from error
        return []
    except RetryLater as error:
        return error
