"""Sales and listings: one feed with everything, filtered by when a file changed (skyslope.md §3.1).

The feed is a replica's, and the zone of its instants is not documented: an increment starts 26
hours before the last watermark. It may leave out files; the folder lists are the inventory (§3.3).
Once a month everything is read, what only the folders hold is read by itself, and what neither
holds is gone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import httpx

from pipelines.common.entity import Row
from pipelines.common.errors import (
    ContractBroken,
    RecordUnavailable,
    ResourceUnavailable,
    RetryLater,
    VendorError,
)
from pipelines.common.reading import Reading
from pipelines.skyslope.client import (
    FEED_PATIENCE,
    as_text,
    moment,
    settings_of,
    value_of,
)

OVERLAP = timedelta(hours=26)
"""Absorbs the unknown zone and what the replica has not got yet."""

FULL = timedelta(days=30)
BEGINNING = "1990-01-01T00:00:00"
"""Without a date filter only what was created in the last seven days comes back (§3.1)."""

FOLDER_PAGE = 10
MOST_FOLDER_PAGES = 1000


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


def _read(reading: Reading, kind: Kind) -> Iterator[Sequence[Row]]:
    newest = moment(reading.cursor_from)
    whole = newest is None or reading.due_for_full(FULL)
    replica = _replica_time(reading)
    window = ("createdAfter", BEGINNING)
    if not whole and newest is not None:
        window = ("modifiedAfter", as_text(newest - OVERLAP))
    seen: set[str] = set()
    for rows in _feed(reading, kind, window):
        for row in rows:
            changed = moment(row.get("modifiedOn"))
            if changed is not None and (newest is None or changed > newest):
                newest = changed
            if (guid := kind.guid(row)) is not None:
                seen.add(guid)
        yield rows
    if whole:
        yield from _reconcile(reading, kind, seen)
    reading.mode = "full" if whole else "incremental"
    # the replica may not have got the newest edits: the next increment starts where it stands
    watermark = min((at for at in (newest, replica) if at is not None), default=None)
    if watermark is not None:
        reading.cursor_to = min(watermark, reading.now).isoformat()


def _replica_time(reading: Reading) -> datetime | None:
    """Up to when the replica has everything; None if the host does not tell (§3.2)."""
    url = f"{settings_of(reading).base_url}/api/files/replica-timestamp"
    try:
        data = reading.api.get(url).data
    except ResourceUnavailable:
        return None
    holder = data.get("value", data) if isinstance(data, dict) else {}
    return moment(holder.get("replicaTimestamp")) if isinstance(holder, dict) else None


def _feed(reading: Reading, kind: Kind, window: tuple[str, str]) -> Iterator[list[Row]]:
    """The files of a window. Raises `RetryLater` if fewer came than the feed says it sent."""
    url: str | None = f"{settings_of(reading).base_url}/api/files"
    params: tuple[tuple[str, str], ...] = (window, ("type", kind.type))
    patience = reading.settings.timeout_seconds * FEED_PATIENCE
    came, told, links = set[str | int](), None, set[str]()
    while url is not None:
        data = reading.api.get(url, params, timeout=patience).data
        rows: list[Row] = []
        for item in _items(data):
            what = str(item.get("objectType") or kind.type).lower()
            if what == "summary":
                told = item.get(kind.counted)
            elif what == kind.type:
                rows.append(item)
        # a row that is sent twice counts once
        came.update(kind.guid(row) or id(row) for row in rows)
        yield rows
        links.add(url)
        url, params = _next(data, url), ()
        if url in links:
            raise ContractBroken(
                "SkySlope's feed points back to a page that was read already; compare "
                "docs/vendors/skyslope.md."
            )
    reading.vendor_count = told if isinstance(told, int) else None
    if isinstance(told, int) and told != len(came):
        raise RetryLater(
            f"SkySlope's feed sent {len(came)} of the {told} {kind.folder} that it announced; try "
            f"the sync again later."
        )


def _items(data: Any) -> Iterator[Row]:
    """The objects of the feed in any of its shapes (§3.1)."""
    if isinstance(data, dict) and isinstance(data.get("value"), list):
        data = data["value"]
    elif isinstance(data, dict) and "objectType" in data:
        data = [data]
    if not isinstance(data, list):
        raise ContractBroken(
            "SkySlope's feed is neither a list nor holds one; compare docs/vendors/skyslope.md."
        )
    for item in data:
        yield item if isinstance(item, dict) else {"value": item}


def _next(data: Any, url: str) -> str | None:
    link = None
    if isinstance(data, dict):
        link = data.get("@odata.nextLink") or data.get("nextLink")
    return str(httpx.URL(url).join(link)) if isinstance(link, str) and link else None


def _reconcile(reading: Reading, kind: Kind, seen: set[str]) -> Iterator[list[Row]]:
    """Read what only the folders hold; afterwards what neither holds is gone."""
    folder = f"{settings_of(reading).base_url}/api/files/{kind.folder}"
    for guid in sorted(_inventory(reading, kind, folder) - seen):
        row = _detail(reading, kind, f"{folder}/{guid}")
        if row is not None:
            yield [row]
    reading.complete = True
    reading.confirm_gone = lambda key: _detail(reading, kind, f"{folder}/{key}") is None


def _inventory(reading: Reading, kind: Kind, folder: str) -> set[str]:
    """All guids of a folder: pages of ten, as long as they bring something new (§3.3)."""
    found: set[str] = set()
    window = (("earliestDate", "0"), ("latestDate", str(int(reading.now.timestamp()) + 86_400)))
    for number in range(1, MOST_FOLDER_PAGES + 1):
        data = reading.api.get(folder, (*window, ("pageNumber", str(number)))).data
        rows = value_of(data, kind.folder, httpx.URL(folder).path)
        guids = {guid for row in rows if (guid := kind.guid(row)) is not None}
        if not guids - found:
            return found
        found |= guids
        links = data.get("links") or []
        goes_on = any(isinstance(link, dict) and link.get("rel") == "next" for link in links)
        if len(rows) < FOLDER_PAGE and not goes_on:
            return found
    raise VendorError(
        f"SkySlope has more than {MOST_FOLDER_PAGES * FOLDER_PAGE} {kind.folder}, which its folder "
        f"list cannot show; what was deleted is not known."
    )


def _detail(reading: Reading, kind: Kind, url: str) -> Row | None:
    """One file, None if it is gone or not ours."""
    try:
        answer = reading.api.get(url, single_record=True)
    except RecordUnavailable:
        return None
    row = value_of(answer.data, kind.type, httpx.URL(url).path)
    return row if isinstance(row, dict) else None
