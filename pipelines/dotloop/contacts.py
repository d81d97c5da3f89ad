"""Contacts of the account (dotloop.md §3.7).

That the list can be filtered is assumed. If the filter is ignored everything comes, and what did
not change is not written; if it is refused, everything is asked for.

The order of the list is not documented. Whoever comes, goes or changes meanwhile may push another
over the edge between two batches, so a list of more than one batch is walked until nobody new
turns up.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from pipelines.common.entity import Row
from pipelines.common.errors import ContractBroken, RecordUnavailable
from pipelines.common.moments import as_text, moment
from pipelines.common.reading import Reading
from pipelines.dotloop.client import batches, id_of, object_of, settings_of

OVERLAP = timedelta(minutes=10)
FULL = timedelta(days=7)
BATCH = 50
"""What every source says is allowed; some say 100 (§2)."""

MOST_WALKS = 5
"""An address book that is being filled would be walked as long as that takes."""


def read_contacts(reading: Reading) -> Iterator[Sequence[Row]]:
    """Contacts that changed; once a week all of them, since deletions show in no other way."""
    newest = moment(reading.cursor_from)
    since = None if newest is None or reading.due_for_full(FULL) else newest - OVERLAP
    shown: set[str] = set()
    for rows in _walks(reading, since, shown):
        dated = [at for row in rows if (at := moment(row.get("updated"))) is not None]
        newest = max((*dated, *filter(None, [newest])), default=None)
        yield rows
    if since is None:
        yield from _missing(reading, shown)
        reading.complete = True
    reading.mode = "incremental" if since else "full"
    if newest is not None:
        # a contact that is dated in the future must not stop the account
        reading.cursor_to = as_text(min(newest, reading.now))


def _walks(reading: Reading, since: datetime | None, shown: set[str]) -> Iterator[list[Row]]:
    """Each contact as the first walk that shows it does; fills `shown`."""
    for walk in range(MOST_WALKS):
        known, count = len(shown), 0
        for rows in _batches(reading, since):
            count += 1
            # a row without an id is refused, once
            fresh = [row for row in rows if _is_fresh(row, shown, first=walk == 0)]
            shown.update(key for row in rows if (key := id_of(row)) is not None)
            yield fresh
        if count <= 1 or len(shown) == known:
            return


def _is_fresh(row: Row, shown: set[str], *, first: bool) -> bool:
    key = id_of(row)
    return first if key is None else key not in shown


def _batches(reading: Reading, since: datetime | None) -> Iterator[list[Row]]:
    url = f"{settings_of(reading).base_url}/contact"
    if since is not None:
        found = batches(reading.api, url, BATCH, [("filter", f"updated_min={as_text(since)}")])
        try:
            first = next(found)
        except ContractBroken:
            reading.note = "Dotloop refused to filter contacts, so all of them were read."
        else:
            yield first
            yield from found
            return
    yield from batches(reading.api, url, BATCH)


def _missing(reading: Reading, shown: set[str]) -> Iterator[list[Row]]:
    """Ask for each known contact that no walk showed: one that is there may have changed."""
    held = reading.memory.keys("contacts")
    missing = held - shown
    if reading.too_few(len(held) - len(missing), len(held)):
        return
    for row in reading.parallel(lambda key: _ask(reading, key), sorted(missing)):
        if row is not None:
            yield [row]


def _ask(reading: Reading, key: str) -> Row | None:
    try:
        return object_of(reading.api, f"{settings_of(reading).base_url}/contact/{key}")
    except RecordUnavailable:
        return None
