"""Contacts of the account (dotloop.md §3.7).

That the list can be filtered is assumed. If the filter is ignored everything comes, and what did
not change is not written; if it is refused, everything is asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from pipelines.common.entity import Row
from pipelines.common.errors import ContractBroken, RecordUnavailable
from pipelines.common.moments import as_text, moment
from pipelines.common.reading import Reading
from pipelines.dotloop.client import batch, batches, list_of, object_of, settings_of

OVERLAP = timedelta(minutes=10)
FULL = timedelta(days=7)
BATCH = 50
"""What every source says is allowed; some say 100 (§2)."""


def read_contacts(reading: Reading) -> Iterator[Sequence[Row]]:
    """Contacts that changed; once a week all of them, since deletions show in no other way."""
    newest = moment(reading.cursor_from)
    since = None if newest is None or reading.due_for_full(FULL) else newest - OVERLAP
    for rows in _batches(reading, since):
        dated = [at for row in rows if (at := moment(row.get("updated"))) is not None]
        newest = max((*dated, *filter(None, [newest])), default=None)
        yield rows
    if since is None:
        reading.complete = True
        reading.confirm_gone = lambda key: _is_gone(reading, key)
    reading.mode = "incremental" if since else "full"
    if newest is not None:
        # a contact that is dated in the future must not stop the account
        reading.cursor_to = as_text(min(newest, reading.now))


def _batches(reading: Reading, since: datetime | None) -> Iterator[list[Row]]:
    url = f"{settings_of(reading).base_url}/contact"
    if since is not None:
        bound = ("filter", f"updated_min={as_text(since)}")
        try:
            first = list_of(reading.api, url, (bound, *batch(1, BATCH)))
        except ContractBroken:
            reading.note = "Dotloop refused to filter contacts, so all of them were read."
        else:
            yield first
            if len(first) == BATCH:
                yield from batches(reading.api, url, BATCH, (bound,), start=2)
            return
    yield from batches(reading.api, url, BATCH)


def _is_gone(reading: Reading, key: str) -> bool:
    try:
        object_of(reading.api, f"{settings_of(reading).base_url}/contact/{key}")
    except RecordUnavailable:
        return True
    return False
