"""Leads: there is no filter by change, so recent ones are looked for and all are scanned (§3, §11).

| reading     | brings                                                                      |
|-------------|-----------------------------------------------------------------------------|
| `recent`    | what was created or active since the last one, by the lists sorted by that  |
| `full scan` | everything, edits included; daily. What it misses is asked for one by one   |

A scan that brings less than 99 % of the total which it began with, or whose cursor did not end, is
not complete and ends nobody (§11).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from pipelines.common.entity import Row
from pipelines.common.errors import ContractBroken, RecordUnavailable
from pipelines.common.reading import Mark, Reading
from pipelines.lofty.account import SIGHT
from pipelines.lofty.client import (
    PAGE,
    Params,
    count_of,
    get,
    id_of,
    metadata_of,
    moment,
    rows_of,
)

PATH = "v1.0/leads"
FULL_SCAN = timedelta(days=1)
RETRY_SCAN = timedelta(hours=6)
"""A scan that was not complete is not repeated sooner: at ten requests a minute it takes long."""

WHOLE = 0.99
"""The share of the announced leads that makes a scan complete (§11)."""

OVERLAP = timedelta(minutes=10)
"""An increment looks this far behind the start of the last one: clocks differ, lists lag."""

MOST_RECENT_PAGES = 20
"""Pages of a sorted walk; what changed beyond them comes with the next scan."""

CLOCKS = ("lastUpdateTime", "lastTouch", "lastVisit")
COLUMNS = ("last_update_time", "last_touch", "last_visit")

Clocks = tuple[datetime | None, ...]


@dataclass(frozen=True)
class Page:
    """One page: its rows, how many leads there are, the cursor of the next, the granted size."""

    rows: list[Row]
    total: int | None
    scroll: str | None
    limit: int | None

    @property
    def ids(self) -> list[str]:
        """The ids of those rows that have one."""
        return [key for row in self.rows if (key := id_of(row, "leadId")) is not None]


@dataclass
class _Known:
    """What the warehouse knows of the leads' clocks; `changed` are the leads that differ."""

    clocks: dict[str, Clocks]
    changed: set[str] = field(default_factory=set)

    def take(self, page: Page) -> bool:
        """Remember the leads of a page. True if one is new or moved."""
        before = len(self.changed)
        for row in page.rows:
            key = id_of(row, "leadId")
            if key is not None:
                clocks = tuple(moment(row.get(name)) for name in CLOCKS)
                if self.clocks.get(key) != clocks:
                    self.clocks[key] = clocks
                    self.changed.add(key)
        return len(self.changed) > before


def read_leads(reading: Reading) -> Iterator[Sequence[Row]]:
    """Recent leads; once a day all of them. Tells the detail readers which changed."""
    known = _Known(reading.memory.values("leads", *COLUMNS))
    last = reading.last
    if last is None or _scan_is_due(reading, last):
        seen: set[str] = set()
        for page in _scan(reading, seen):
            known.take(page)
            yield page.rows
        reading.confirm_gone = _Departures(reading).confirm
        reading.handover.put("leads.whole", reading.complete)
    else:
        reading.mode = "recent"
        for page in _recent(reading, known, last.started_at - OVERLAP):
            yield page.rows
    reading.handover.put("leads.changed", known.changed)
    newest = max((c for clocks in known.clocks.values() for c in clocks if c), default=None)
    if newest is not None:
        # shown to people only: no filter takes it
        reading.cursor_to = min(newest, reading.now).isoformat()


def _scan_is_due(reading: Reading, last: Mark) -> bool:
    if reading.full or last.last_probe_at is None:
        return True
    return reading.due_for_full(FULL_SCAN) and reading.now - last.last_probe_at >= RETRY_SCAN


def _page(reading: Reading, params: Params) -> Page:
    body = get(reading, PATH, [*params, ("limit", str(PAGE))])
    meta = metadata_of(body)
    scroll = meta.get("scrollId")
    return Page(
        rows_of(body, PATH, "leads"),
        count_of(meta.get("total")),
        str(scroll) if scroll else None,
        count_of(meta.get("limit")),
    )


class _PlaceLost(ContractBroken):
    """Neither the cursor nor an offset leads on: beyond row 20,000 offsets are refused (§10.5)."""


def _scan(reading: Reading, seen: set[str]) -> Iterator[Page]:
    """Every lead, by the cursor, begun anew once if its place is lost; fills `seen`."""
    reading.probed = True
    try:
        yield from _walk(reading, seen)
    except _PlaceLost:
        seen.clear()
        yield from _walk(reading, seen)


def _walk(reading: Reading, seen: set[str]) -> Iterator[Page]:
    """One scan from its first page to its end; says whether that was everything."""
    page = _page(reading, ())
    announced, idle, read = page.total, 0, 0
    reading.vendor_count = announced
    reading.mode = f"full scan, pages of {page.limit or len(page.rows)}"
    ended = True
    while page.rows:
        count = len(seen)
        seen.update(page.ids)
        read += len(page.rows)
        yield page
        # the vendor's page may be smaller than asked for: a short one is no end (§3.1)
        if page.scroll is None and page.total is not None and read >= page.total:
            break
        idle = idle + 1 if len(seen) == count else 0
        if idle > 1:
            # the list goes in circles
            ended = False
            break
        page = _next(reading, page, len(seen), overlap=not idle)
    whole = announced is not None and len(seen) >= WHOLE * announced
    if announced is not None and not whole:
        reading.note = f"Only {len(seen)} of the {announced} announced leads came."
    reading.complete = ended and whole and SIGHT.is_whole(reading)


def _next(
    reading: Reading, page: Page, count: int, *, overlap: bool = True, order: Params = ()
) -> Page:
    """The page after this one. A cursor that is missing or refused is replaced by an offset.

    After a refusal the offset goes back a page, because leads that left the list meanwhile moved
    the others up; not if that page was the one just read. Raises `_PlaceLost` if the offset is
    refused as well.
    """
    if page.scroll is None:
        return _page(reading, (*order, ("offset", str(count))))
    try:
        return _page(reading, (*order, ("scrollId", page.scroll)))
    except ContractBroken:
        count = max(0, count - len(page.rows)) if overlap else count
    try:
        return _page(reading, (*order, ("offset", str(count))))
    except ContractBroken as refused:
        raise _PlaceLost(refused.sentence) from refused


def _recent(reading: Reading, known: _Known, since: datetime) -> Iterator[Page]:
    """New leads and active ones, newest first, down to those from before `since`.

    What the warehouse knows already is no sign: a reading that failed leaves its first pages, and
    webhooks bring single leads.
    """
    for sort, names in (("CreateTime", ("createTime",)), ("LastActivity", CLOCKS)):
        for page in _sorted(reading, sort):
            known.take(page)
            yield page
            times = [moment(page.rows[-1].get(name)) for name in names] if page.rows else []
            if not any(at is not None and at >= since for at in times):
                break


def _sorted(reading: Reading, sort: str) -> Iterator[Page]:
    order = (("sort", sort), ("desc", "true"))
    page, count = _page(reading, order), 0
    for _ in range(MOST_RECENT_PAGES):
        yield page
        count += len(page.rows)
        if page.scroll is None or not page.rows:
            return
        page = _next(reading, page, count, order=order)


@dataclass
class _Departures:
    """Asks for leads that a scan did not show, and counts where they went (§6)."""

    reading: Reading
    trashed: int = 0
    hidden: int = 0

    def confirm(self, key: str) -> bool:
        """True if the lead is in the trash, gone or no longer shown to us.

        Raises `RecordUnavailable` if that may not be asked: it is no answer (§6).
        """
        path = f"{PATH}/{key}"
        if self._is_there(path):
            return False
        if self._is_there(path, ("withTrash", "true")):
            self.trashed += 1
        else:
            self.hidden += 1
        self.reading.note = (
            f"Leads no longer listed: {self.trashed} in the trash, {self.hidden} gone or hidden."
        )
        return True

    def _is_there(self, path: str, *params: tuple[str, str]) -> bool:
        try:
            get(self.reading, path, params, single_record=True)
        except RecordUnavailable as error:
            if error.reason != "missing":
                raise
            return False
        return True
