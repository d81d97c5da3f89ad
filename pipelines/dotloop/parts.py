"""What is read loop by loop: participants, and what was done (dotloop.md §3.6, §3.8).

A request per loop is dear, so a loop is read again when its row was written since the last good
reading. Whether a change of a participant touches the loop is not documented: loops that are about
to close are read once a day all the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta

import xxhash

from pipelines.common.entity import Row
from pipelines.common.reading import Reading
from pipelines.common.records import RecordReader
from pipelines.dotloop.client import batches, id_of, rows_of
from pipelines.dotloop.loops import answer_about, loop_url

RECHECK = timedelta(hours=23)
"""Once a day, whichever sync comes then."""

NEAR_CLOSING = timedelta(days=60)
ACTIVITY_BATCH = 100

_LABELS = frozenset({"city", "country", "county"})
"""Labels of one word, which in small letters look like fields."""

_DATE_FORMS = ("%m/%d/%Y", "%B %d, %Y")


def read_participants(reading: Reading) -> Iterator[Sequence[Row]]:
    """People of loops that changed or are about to close."""
    merged: dict[str, str] = {}

    def read(key: str) -> list[Row]:
        answer = answer_about(reading, key, "/participant")
        if isinstance(answer, str):
            # the other loop's people are read with that one
            merged[key] = answer
            return []
        return [plain(row, key) for row in rows_of(answer.data, answer.url)]

    last = reading.last
    checked_at = datetime.fromisoformat(last.cursor) if last and last.cursor else None
    recheck = checked_at is None or reading.now - checked_at >= RECHECK
    if recheck:
        reading.cursor_to = reading.now.isoformat()
    yield from _read_by_loop(reading, read, id_of, merged, recheck=recheck)
    reading.handover.put("participants.merged", merged)


def read_activities(reading: Reading) -> Iterator[Sequence[Row]]:
    """What was done in loops that changed."""

    def read(key: str) -> list[Row]:
        profile, loop = key.split("|")
        url = f"{loop_url(reading, key)}/activity"
        found = batches(reading.api, url, ACTIVITY_BATCH, single_record=True)
        return [
            {**_hashed(row), "profileId": profile, "loopId": loop} for rows in found for row in rows
        ]

    yield from _read_by_loop(reading, read, _activity_id, {}, recheck=False)


def plain(row: Row, key: str) -> Row:
    """The row with its display labels by themselves, and the loop it belongs to.

    Which labels there are is open, and their letter case varies; `Phone` is one way to send the
    phone (§3.6).
    """
    fields = {name: value for name, value in row.items() if not _is_label(name)}
    labels = {name.lower(): value for name, value in row.items() if _is_label(name)}
    if not fields.get("phone"):
        fields["phone"] = labels.pop("phone", None)
    profile, loop = key.split("|")
    return {**fields, "labels": labels or None, "profileId": profile, "loopId": loop}


def _is_label(name: str) -> bool:
    return " " in name or "/" in name or not name[:1].islower() or name in _LABELS


def _hashed(row: Row) -> Row:
    """The row with what makes its key: an activity has no id (§3.8)."""
    message = row.get("message")
    text = message if isinstance(message, str) else ""
    return {
        **row,
        "sentDate": row.get("date"),
        "messageHash": xxhash.xxh3_64_hexdigest(text.encode()),
    }


def _activity_id(row: Row) -> str | None:
    return f"{row['sentDate']}|{row['messageHash']}" if row["sentDate"] else None


def _read_by_loop(
    reading: Reading,
    read: Callable[[str], list[Row]],
    own_id: Callable[[Row], str | None],
    merged: Mapping[str, str],
    *,
    recheck: bool,
) -> Iterator[list[Row]]:
    """Read the loops that are due; what a loop no longer shows is gone, what was not read stays."""
    table = reading.entity.name
    live = _live(reading)
    wanted = _wanted(reading, table, live, recheck=recheck)
    records = RecordReader(reading, read, "loops")
    for rows in records.rows(wanted):
        # also a row that will be refused is there
        reading.seen.add(
            f"{row['profileId']}|{row['loopId']}|{key}" for row in rows if (key := own_id(row))
        )
        yield rows
    records.raise_failures()
    unread = (live.keys() - set(wanted)) | (records.missing & live.keys())
    held = reading.memory.keys(table)
    reading.seen.add(key for key in held if _loop_of(key) in unread - merged.keys())
    reading.complete = True
    if records.missing:
        reading.note = f"{len(records.missing)} listed loops are gone or belong to others."


def _live(reading: Reading) -> dict[str, datetime | None]:
    """The loops that there are, with when they were written; None for new ones of this sync."""
    listed: set[str] = reading.handover.get("loops.listed", set())
    written = reading.memory.values("loops", "_synced_at")
    found: dict[str, datetime | None] = {
        **dict.fromkeys(listed, None),
        **{key: at for key, (at,) in written.items()},
    }
    gone: set[str] = reading.handover.get("loops.gone", set())
    # a merged loop may stand in raw for a week
    gone = gone | reading.memory.keys("merged_loops")
    return {key: at for key, at in found.items() if key not in gone}


def _wanted(
    reading: Reading, table: str, live: Mapping[str, datetime | None], *, recheck: bool
) -> list[str]:
    """Keys of the loops to read: those written since the last good reading, and those due again."""
    last = reading.last
    if reading.full:
        return sorted(live)
    wanted: set[str] = reading.handover.get("loops.changed", set()) & live.keys()
    if last is None:
        # a first reading that broke off goes on where it stopped
        done = _last_written(reading, table)
        wanted |= {k for k, at in live.items() if at is None or k not in done or done[k] < at}
        return sorted(wanted)
    wanted |= {key for key, at in live.items() if at is None or at > last.started_at}
    if recheck:
        wanted |= _near_closing(reading) & live.keys()
    return sorted(wanted)


def _near_closing(reading: Reading) -> set[str]:
    """Loops that are not archived and close, or closed, within sixty days."""
    today = reading.now.astimezone(UTC).date()
    found = set[str]()
    for key, (status, details) in reading.memory.values("loops", "status", "details").items():
        dates = details.get("Contract Dates") if isinstance(details, Mapping) else None
        closing = day_of(dates.get("Closing Date")) if isinstance(dates, Mapping) else None
        if status != "ARCHIVED" and closing is not None and abs(closing - today) <= NEAR_CLOSING:
            found.add(key)
    return found


def _last_written(reading: Reading, table: str) -> dict[str, datetime]:
    """When the newest row of each loop was written."""
    newest: dict[str, datetime] = {}
    for key, (written,) in reading.memory.values(table, "_synced_at").items():
        loop = _loop_of(key)
        newest[loop] = max(written, newest.get(loop, written))
    return newest


def _loop_of(key: str) -> str:
    return "|".join(key.split("|")[:2])


def day_of(text: object) -> date | None:
    """A day as details write it, in either form of §3.5; None for free text."""
    for form in _DATE_FORMS:
        try:
            return datetime.strptime(str(text).strip(), form).replace(tzinfo=UTC).date()
        except ValueError:
            continue
    return None
