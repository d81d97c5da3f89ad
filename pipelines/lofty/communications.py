"""Calls, texts and e-mails of all agents: the only feed with a time window (lofty.md §5.1).

Windows are at most ninety days. An increment starts 48 hours before the newest communication, once
a week 30 days before it; everything is read again once a month.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pipelines.common.entity import Row
from pipelines.common.errors import ContractBroken, ResourceUnavailable
from pipelines.common.reading import Reading
from pipelines.lofty.account import SIGHT
from pipelines.lofty.client import count_of, get, id_of, moment, rows_of

PATH = "v2.0/communication/agent"
LIMIT = 1000
SPAN = timedelta(days=90)
STEP = timedelta(milliseconds=1)
"""Both ends of a window are in it."""

OVERLAP = timedelta(hours=48)
WEEK = timedelta(days=7)
WEEKLY_OVERLAP = timedelta(days=30)
FULL = timedelta(days=30)
QUIET_WINDOWS = 4
"""Windows without anything, about a year, after which nothing older is expected."""

EARLIEST = datetime(2010, 1, 1, tzinfo=UTC)


def read_communications(reading: Reading) -> Iterator[Sequence[Row]]:
    """What was said since the last time; monthly everything."""
    newest = moment(reading.cursor_from)
    whole = newest is None or reading.due_for_full(FULL)
    feed = _Feed(reading)
    if whole or newest is None:
        reading.mode = "full"
        batches = feed.backwards()
    else:
        reading.mode = "incremental"
        batches = feed.since(newest - _overlap(reading))
    for rows in batches:
        times = [newest, *(moment(row.get("communicationTime")) for row in rows)]
        newest = max((at for at in times if at is not None), default=None)
        yield rows
    # an account where nobody ever wrote is not read from the beginning each time
    reading.cursor_to = min(newest or reading.now, reading.now).isoformat()
    if whole:
        reading.complete = feed.whole and feed.team and SIGHT.is_whole(reading)


def _overlap(reading: Reading) -> timedelta:
    """Two days, once a week thirty: that reading counts as the week's probe."""
    last = reading.last
    since = (last.last_probe_at or last.last_complete_at) if last else None
    if since is not None and reading.now - since < WEEK:
        return OVERLAP
    reading.probed = True
    return WEEKLY_OVERLAP


@dataclass
class _Feed:
    """The feed of one account. `team` is False if only the own communication is shown."""

    reading: Reading
    team: bool = True
    whole: bool = True

    def since(self, start: datetime) -> Iterator[list[Row]]:
        """Everything from a moment to now."""
        end = self.reading.now
        while start <= end:
            stop = min(end, start + SPAN - STEP)
            yield from self._window(start, stop)
            start = stop + STEP

    def backwards(self) -> Iterator[list[Row]]:
        """Everything, the newest window first, until it has been quiet for long.

        While leads are known that are older, the feed is followed down to them.
        """
        created = self.reading.memory.values("leads", "create_time").values()
        oldest = min((row[0] for row in created if row[0]), default=self.reading.now)
        end, quiet = self.reading.now, 0
        while end > EARLIEST and (quiet < QUIET_WINDOWS or end > oldest):
            start = end - SPAN + STEP
            count = 0
            for rows in self._window(start, end):
                count += len(rows)
                yield rows
            quiet = 0 if count else quiet + 1
            end = start - STEP

    def _window(self, start: datetime, end: datetime) -> Iterator[list[Row]]:
        """One window. A cursor that is refused starts it once more from its beginning."""
        try:
            yield from self._pages(start, end)
        except _CursorRefused:
            yield from self._pages(start, end)

    def _pages(self, start: datetime, end: datetime) -> Iterator[list[Row]]:
        seen: set[str] = set()
        cursors: set[str] = set()
        cursor: str | None = None
        while True:
            body = self._page(start, end, cursor)
            rows = rows_of(body, PATH, "data")
            seen.update(key for row in rows if (key := id_of(row, "id")) is not None)
            yield rows
            told = body if isinstance(body, dict) else {}
            cursor = str(told["nextCursor"]) if told.get("nextCursor") else None
            if cursor is None:
                break
            if cursor in cursors:
                raise ContractBroken(
                    "Lofty's communication feed points back to a page that was read already; "
                    "compare docs/vendors/lofty.md."
                )
            cursors.add(cursor)
        total = count_of(told.get("totalCount"))
        self.reading.vendor_count = (self.reading.vendor_count or 0) + (total or 0)
        self.whole = self.whole and (total is None or len(seen) >= total)

    def _page(self, start: datetime, end: datetime, cursor: str | None) -> object:
        params = [
            ("type", "ALL"),
            ("startTime", _milliseconds(start)),
            ("endTime", _milliseconds(end)),
            ("limit", str(LIMIT)),
        ]
        if cursor is not None:
            try:
                return get(self.reading, PATH, [*params, *self._view(), ("cursor", cursor)])
            except ContractBroken as refused:
                raise _CursorRefused(refused.sentence) from refused
        try:
            return get(self.reading, PATH, [*params, *self._view()])
        except (ContractBroken, ResourceUnavailable) as refused:
            missing = getattr(refused, "status", None) == "not_available"
            if missing or not self.team:
                raise
            # the team's view needs a right of its own (§5.1)
            self.team = False
            self.reading.note = (
                "Lofty shows only the communication of the credential's own user; connect the "
                "account with a key that may see all team leads."
            )
            return get(self.reading, PATH, [*params, *self._view()])

    def _view(self) -> list[tuple[str, str]]:
        return [("teamView", "true")] if self.team else []


class _CursorRefused(ContractBroken):
    """The feed does not know its own cursor any more."""


def _milliseconds(instant: datetime) -> str:
    return str(round(instant.timestamp() * 1000))
