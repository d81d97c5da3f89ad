"""Sales and listings: one feed with everything, filtered by when a file changed (skyslope.md §3.1).

The feed is a replica's, and the zone of its instants is not documented: an increment starts 26
hours before the last watermark. It may leave out files; the folder lists are the inventory (§3.3).
At least once a month everything is read, what only the folders hold is read by itself, and what
neither holds is gone. A comparison that fails costs no increment: it is tried again a day later.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import httpx

from pipelines.common.entity import Row
from pipelines.common.errors import (
    AccountBroken,
    ContractBroken,
    RecordUnavailable,
    ResourceUnavailable,
    RetryLater,
    VendorError,
)
from pipelines.common.reading import Reading
from pipelines.skyslope.client import (
    FEED_PATIENCE,
    STREAM,
    as_text,
    moment,
    settings_of,
    value_of,
)

OVERLAP = timedelta(hours=26)
"""Absorbs the unknown zone and what the replica has not got yet."""

FULL = timedelta(days=30)
RETRY = timedelta(days=1)
"""How long after a comparison that failed everything is read again."""

BEGINNING = datetime(1990, 1, 1, tzinfo=UTC)
"""Without a date filter only what was created in the last seven days comes back (§3.1)."""

FIRST_WINDOW = timedelta(days=365)
SHORTEST_WINDOW = timedelta(days=1)
WINDOW_FILES = 2_000
"""Files that one answer of a whole reading should hold: 25,000 in one take half a gigabyte."""

GROWTH = 8
ROUNDING = timedelta(seconds=1)
"""Whether a bound is inclusive is not documented (§3.1)."""

HANDED_OVER = 500

FOLDER_PAGE = 10
MOST_FOLDER_PAGES = 1000
SLICE_FILES = 5_000
"""Files between two dates that a folder list is asked for: it shows 10,000, the feed not all."""


@dataclass(frozen=True)
class Kind:
    """Sales or listings: what the feed, the folder and the detail call them."""

    type: str
    folder: str
    key: str
    counted: str

    def guid(self, row: Row) -> str | None:
        """The row's key; guids come in either case (§2.2)."""
        value = row.get(self.key)
        return value.lower() if isinstance(value, str) and value else None


SALES = Kind("sale", "sales", "saleGuid", "numberOfSales")
LISTINGS = Kind("listing", "listings", "listingGuid", "numberOfListings")


def read_sales(reading: Reading) -> Iterator[Sequence[Row]]:
    """Sales with all their parts."""
    yield from _read(reading, SALES)


def read_listings(reading: Reading) -> Iterator[Sequence[Row]]:
    """Listings with all their parts."""
    yield from _read(reading, LISTINGS)


@dataclass
class _Sight:
    """What a reading saw in the feed: guids, seconds of creation, and the newest change."""

    newest: datetime | None
    guids: set[str] = field(default_factory=set)
    created: list[int] = field(default_factory=list)

    def note(self, kind: Kind, row: Row) -> None:
        changed, created = moment(row.get("modifiedOn")), moment(row.get("createdOn"))
        if changed is not None and (self.newest is None or changed > self.newest):
            self.newest = changed
        if created is not None:
            self.created.append(int(created.timestamp()))
        if (guid := kind.guid(row)) is not None:
            self.guids.add(guid)


def _read(reading: Reading, kind: Kind) -> Iterator[Sequence[Row]]:
    sight = _Sight(newest=moment(reading.cursor_from))
    replica = _replica_time(reading)
    if sight.newest is None or _due(reading):
        reading.mode = "full"
        pages = _everything(reading, kind)
    else:
        reading.mode = "incremental"
        since = ("modifiedAfter", as_text(sight.newest - OVERLAP))
        pages = _feed(reading, kind, (since,))
    for rows in pages:
        for row in rows:
            sight.note(kind, row)
        yield rows
    if reading.mode == "full":
        yield from _reconcile(reading, kind, sight)
    # the replica may not have got the newest edits: the next increment starts where it stands
    watermark = min((at for at in (sight.newest, replica) if at is not None), default=None)
    if watermark is not None:
        reading.cursor_to = min(watermark, reading.now).isoformat()


def _due(reading: Reading) -> bool:
    """True if everything must be read, and the last try to do so is a day ago."""
    tried = reading.last.last_probe_at if reading.last else None
    resting = tried is not None and reading.now - tried < RETRY
    return reading.full or (reading.due_for_full(FULL) and not resting)


def _everything(reading: Reading, kind: Kind) -> Iterator[list[Row]]:
    """All files, those created last first, in windows that no answer grows too large for."""
    start, span = reading.now, FIRST_WINDOW
    window: tuple[tuple[str, str], ...] = ()
    while start > BEGINNING:
        start, files = max(start - span, BEGINNING), 0
        for rows in _feed(reading, kind, (("createdAfter", as_text(start)), *window)):
            files += len(rows)
            yield rows
        window = (("createdBefore", as_text(start + ROUNDING)),)
        span = max(span * min(GROWTH, WINDOW_FILES / max(files, 1)), SHORTEST_WINDOW)


def _replica_time(reading: Reading) -> datetime | None:
    """Up to when the replica has everything; None if the host does not tell (§3.2)."""
    url = f"{settings_of(reading).base_url}/api/files/replica-timestamp"
    try:
        data = reading.api.get(url).data
    except ResourceUnavailable:
        return None
    holder = data.get("value", data) if isinstance(data, dict) else {}
    return moment(holder.get("replicaTimestamp")) if isinstance(holder, dict) else None


def _feed(reading: Reading, kind: Kind, window: tuple[tuple[str, str], ...]) -> Iterator[list[Row]]:
    """The files of a window. Raises `RetryLater` if fewer came than the feed says it sent."""
    base = settings_of(reading).base_url
    url: str | None = f"{base}/api/files"
    params: tuple[tuple[str, str], ...] = (*window, ("type", kind.type))
    patience = reading.settings.timeout_seconds * FEED_PATIENCE
    came, told, links = set[str | int](), None, set[str]()
    streamed = False
    while url is not None:
        data = reading.api.get(url, params, timeout=patience).data
        streamed = streamed or _is_stream(data)
        rows: list[Row] = []
        for item in _items(data):
            what = str(item.get("objectType") or kind.type).lower()
            if what == "summary":
                told = item.get(kind.counted)
            elif what == kind.type:
                rows.append(item)
        # a row that is sent twice counts once
        came.update(kind.guid(row) or id(row) for row in rows)
        links.add(url)
        url, params = _next(data, url, base), ()
        # what was handed over need not be held until the last row is
        del data
        while rows:
            yield rows[:HANDED_OVER]
            del rows[:HANDED_OVER]
        if url in links:
            raise ContractBroken(
                "SkySlope's feed points back to a page that was read already; compare "
                "docs/vendors/skyslope.md."
            )
    if isinstance(told, int):
        reading.vendor_count = (reading.vendor_count or 0) + told
        if told != len(came):
            raise RetryLater(
                f"SkySlope's feed sent {len(came)} of the {told} {kind.folder} that it announced; "
                f"try the sync again later."
            )
    elif streamed:
        # an array that is cut is broken; of a stream only the last element tells that it is whole
        raise RetryLater(
            f"SkySlope's feed of {kind.folder} ended without its summary, so it may not be whole; "
            f"try the sync again later."
        )


def _is_stream(data: Any) -> bool:
    """Whether the objects of a body only followed each other, or there was only one."""
    return isinstance(data, dict) and (STREAM in data or "objectType" in data)


def _items(data: Any) -> Iterator[Row]:
    """The objects of the feed in any of its shapes (§3.1)."""
    if isinstance(data, dict) and "objectType" in data:
        data = [data]
    elif isinstance(data, dict):
        data = data.get("value", data.get(STREAM))
    if not isinstance(data, list):
        raise ContractBroken(
            "SkySlope's feed is neither a list nor holds one; compare docs/vendors/skyslope.md."
        )
    for item in data:
        yield item if isinstance(item, dict) else {"value": item}


def _next(data: Any, url: str, base: str) -> str | None:
    """The address of the next page. Another host would be shown the session."""
    link = None
    if isinstance(data, dict):
        link = data.get("@odata.nextLink") or data.get("nextLink")
    if not isinstance(link, str) or not link:
        return None
    found, home = httpx.URL(url).join(link), httpx.URL(base)
    if (found.scheme, found.netloc) != (home.scheme, home.netloc):
        raise ContractBroken(
            f"SkySlope's feed goes on at another host ({found.host}), which is not asked; compare "
            f"docs/vendors/skyslope.md."
        )
    return str(found)


def _reconcile(reading: Reading, kind: Kind, sight: _Sight) -> Iterator[list[Row]]:
    """Compare with the folders. If that fails, the feed counts all the same."""
    reading.probed = True
    try:
        yield from _compare(reading, kind, sight)
    except AccountBroken:
        raise
    except VendorError as error:
        reading.note = (
            f"What was deleted is not known, the folder of {kind.folder} could not be compared: "
            f"{error.sentence}"
        )


def _compare(reading: Reading, kind: Kind, sight: _Sight) -> Iterator[list[Row]]:
    """Read what only the folders hold; afterwards what neither holds is gone."""
    folder = f"{settings_of(reading).base_url}/api/files/{kind.folder}"
    listed = _inventory(reading, kind, folder, sight.created)
    left_out, skipped = sorted(listed - sight.guids), 0
    # only the feed has these two: what it told once is kept
    held = reading.memory.values(kind.folder, "file_id", "url") if left_out else {}
    for guid in left_out:
        row = _detail(reading, kind, f"{folder}/{guid}")
        if row is None:
            skipped += 1
        else:
            told = zip(("fileId", "url"), held.get(guid, ()), strict=False)
            yield [{**{name: text for name, text in told if text}, **row}]
    if skipped:
        reading.note = (
            f"{skipped} {kind.folder} are in the folder and could not be read, as the feed leaves "
            f"them out and they are refused by themselves."
        )
    reading.complete = True
    # what the folder shows is there, whoever may read it
    reading.confirm_gone = lambda key: (
        key not in listed and _detail(reading, kind, f"{folder}/{key}") is None
    )


def _inventory(reading: Reading, kind: Kind, folder: str, created: list[int]) -> set[str]:
    """All guids of a folder, between dates that leave no more files than it can show (§3.3)."""
    tomorrow = int(reading.now.timestamp()) + 86_400
    bounds = (0, *sorted(created)[SLICE_FILES::SLICE_FILES], tomorrow)
    found: set[str] = set()
    for earliest, latest in pairwise(bounds):
        window = (("earliestDate", str(earliest)), ("latestDate", str(latest)))
        found |= _slice(reading, kind, folder, window)
    return found


def _slice(
    reading: Reading, kind: Kind, folder: str, window: tuple[tuple[str, str], ...]
) -> set[str]:
    """The guids of a folder between two dates: pages of ten, as long as they bring new ones."""
    found: set[str] = set()
    for number in range(1, MOST_FOLDER_PAGES + 1):
        data = reading.api.get(folder, (*window, ("pageNumber", str(number)))).data
        rows = value_of(data, kind.folder, httpx.URL(folder).path)
        if not isinstance(rows, list):
            raise ContractBroken(
                f"SkySlope's folder of {kind.folder} holds no list; compare "
                f"docs/vendors/skyslope.md."
            )
        guids = {guid for row in rows if (guid := kind.guid(row)) is not None}
        if not guids - found:
            return found
        found |= guids
        links = data.get("links") or []
        goes_on = any(isinstance(link, dict) and link.get("rel") == "next" for link in links)
        if len(rows) < FOLDER_PAGE and not goes_on:
            return found
    raise VendorError(
        f"SkySlope has more {kind.folder} between two dates than the "
        f"{MOST_FOLDER_PAGES * FOLDER_PAGE} that its folder list shows."
    )


def _detail(reading: Reading, kind: Kind, url: str) -> Row | None:
    """One file, None if it is gone or not ours."""
    try:
        answer = reading.api.get(url, single_record=True)
    except RecordUnavailable:
        return None
    row = value_of(answer.data, kind.type, httpx.URL(url).path)
    return row if isinstance(row, dict) else None
