"""What is only told lead by lead: site activity, notes, tasks, calls and so on (lofty.md §5.2).

A call each per lead, so only for leads that changed since these were last read; a first or a full
reading takes all leads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

import xxhash

from pipelines.common.entity import Read, Row
from pipelines.common.errors import RecordUnavailable
from pipelines.common.reading import Reading
from pipelines.common.records import RecordReader
from pipelines.lofty.account import SIGHT
from pipelines.lofty.client import PAGE, Params, count_of, get, id_of, metadata_of, rows_of
from pipelines.lofty.leads import COLUMNS

ACTIVITY_PAGE = 100
"""The fixed page of site activity (§5.2)."""

ACTIVITY_KEY = ("lead_id", "created", "type", "text_hash")
"""Site activity has no id of its own (§5.2)."""

FOUND_LATE = timedelta(days=2)
"""How long after an edit the daily scan may find it; the weekly full reading takes the rest."""


def per_lead(what: str, of_lead: Callable[[Reading, str], list[Row]]) -> Read:
    """A reader that asks `of_lead` for every lead that is due; `what` names its rows."""

    def read(reading: Reading) -> Iterator[Sequence[Row]]:
        denied: set[str] = set()

        def ask(lead: str) -> list[Row]:
            try:
                return of_lead(reading, lead)
            except RecordUnavailable as error:
                if error.reason == "denied":
                    denied.add(lead)
                raise

        records = RecordReader(reading, ask, f"leads' {what}")
        yield from records.rows(_due(reading))
        records.raise_failures()
        if denied:
            # what may not be seen is not gone
            stay = reading.memory.keys_where(reading.entity.name, "lead_id", denied)
            reading.confirm_gone = lambda key: key not in stay
        everybody = reading.first or reading.full
        scanned: bool = reading.handover.get("leads.whole", False)
        reading.mode = "full" if everybody else "changed leads"
        reading.complete = everybody and scanned and SIGHT.is_whole(reading)

    return read


def _due(reading: Reading) -> list[str]:
    stored = reading.memory.values("leads", "_synced_at", "create_time", *COLUMNS)
    due: set[str] = set(reading.handover.get("leads.changed", set()))
    if reading.first or reading.full:
        # those, too, whom the list left out: they may still be there, and so is what hangs on them
        return sorted({*stored, *due}, key=_number)
    own, leads = reading.last, reading.memory.mark("leads")
    if own is not None and leads is not None and own.started_at < leads.started_at:
        # leads were read without these, or these failed: who moved since then is due as well, but
        # not whose row was rewritten for a score
        moved = own.started_at - FOUND_LATE
        due |= {
            key
            for key, (synced_at, *clocks) in stored.items()
            if synced_at > own.started_at and any(at and at > moved for at in clocks)
        }
    return sorted(due, key=_number)


def _number(key: str) -> tuple[int, str]:
    """Newest lead first, so that a first reading that breaks off has the useful part."""
    return (-int(key), key) if key.isdigit() else (0, key)


def of_lead(path: str, *names: str, params: Params = ()) -> Callable[[Reading, str], list[Row]]:
    """Rows of a lead in one unpaged answer."""

    def read(reading: Reading, lead: str) -> list[Row]:
        body = get(reading, path, (("leadId", lead), *params), single_record=True)
        return [{**row, "leadId": row.get("leadId") or lead} for row in rows_of(body, path, *names)]

    return read


notes_of = of_lead("v1.0/notes", "notes", params=(("includeSystemNote", "true"),))
tasks_of = of_lead("v1.0/tasks", "taskList", "tasks")
appointments_of = of_lead("v1.0/appts", "appts")


def activities_of(reading: Reading, lead: str) -> list[Row]:
    """Site activity of a lead, newest first, down to what is known already."""
    path = f"v1.0/leads/{lead}/activities"
    found: list[Row] = []
    number = 0
    while True:
        page = rows_of(
            get(reading, path, (("curPage", str(number)),), single_record=True), path, "activities"
        )
        rows = [{**row, "leadId": lead, "textHash": text_hash(row)} for row in page]
        found += rows
        number += 1
        if len(rows) < ACTIVITY_PAGE or _knows(reading, rows):
            return found


def calls_of(reading: Reading, lead: str) -> list[Row]:
    """Recorded calls of a lead, as many as the vendor counts."""

    def ask(_number: int, read: int) -> Params:
        return (("offset", str(read)), ("limit", str(PAGE)))

    def goes_on(body: Any, read: int) -> bool:
        total = count_of(metadata_of(body).get("total"))
        return total is None or read < total

    return _paged(reading, "v1.0/calls", "calls", lead, ask, goes_on)


def system_logs_of(reading: Reading, lead: str) -> list[Row]:
    """What the system noted of a lead, until it says that this was all."""

    def ask(number: int, _read: int) -> Params:
        return (("pageNumber", str(number)), ("pageSize", str(PAGE)))

    def goes_on(body: Any, _read: int) -> bool:
        return isinstance(body, Mapping) and bool(body.get("hasMore"))

    return _paged(reading, "v1.0/systemLogs", "timeLines", lead, ask, goes_on)


def _paged(
    reading: Reading,
    path: str,
    name: str,
    lead: str,
    ask: Callable[[int, int], Params],
    goes_on: Callable[[Any, int], bool],
) -> list[Row]:
    """All pages of a lead's list; `ask` gets the number of the page and of the rows so far.

    A page without anything new is the end, whatever is said: the number may be ignored.
    """
    found: list[Row] = []
    seen: set[str] = set()
    number = 0
    while True:
        params = (("leadId", lead), *ask(number, len(found)))
        body = get(reading, path, params, single_record=True)
        rows = rows_of(body, path, name)
        fresh = {key for row in rows if (key := id_of(row, "id")) is not None} - seen
        found += [{**row, "leadId": row.get("leadId") or lead} for row in rows]
        seen |= fresh
        number += 1
        if not fresh or not goes_on(body, len(found)):
            return found


def text_hash(row: Row) -> str:
    """Tells apart what has no id: two activities of one kind at one moment (§5.2)."""
    text = f"{row.get('text') or ''}{row.get('link') or ''}"
    return xxhash.xxh3_64_hexdigest(text.encode())


def _knows(reading: Reading, rows: list[Row]) -> bool:
    if reading.first or reading.full:
        return False
    parts = ("leadId", "created", "type", "textHash")
    keys = ["|".join(str(row.get(part)) for part in parts) for row in rows]
    return bool(reading.memory.hashes("lead_activities", keys))
