"""The agent's network: front line, down-line by tier, sizes, and the sponsors above (§5.5)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from pipelines.common.entity import Row
from pipelines.common.errors import ContractBroken
from pipelines.common.reading import Reading
from pipelines.rezen.client import (
    DEAL_PAGE,
    DOWN_LINE_PAGE,
    SLOW_TIMEOUT,
    Listing,
    Pager,
    epoch_ms,
    get,
    own_id,
    read_page,
    settings_of,
)

TIERS = (1, 2, 3, 4, 5)
STATUSES = ("ACTIVE", "INACTIVE", "CANDIDATE", "REJECTED", "RESURRECTING")
OVERLAP = timedelta(days=3)
FULL_WALK = timedelta(days=7)


def _url(reading: Reading, path: str) -> str:
    return f"{settings_of(reading).yenta_base_url}/agents/{own_id(reading)}/{path}"


def _whole_list(reading: Reading, path: str, array: str) -> list[Row]:
    """An unpaged list; it always holds everything there is."""
    data = get(reading, _url(reading, path), timeout=SLOW_TIMEOUT).data
    page = read_page(data, array, number=0, size=0)
    reading.complete = True
    return page.rows


def read_front_line(reading: Reading) -> Iterator[Sequence[Row]]:
    """The people the agent sponsored, in one unpaged answer."""
    yield _whole_list(reading, "front-line-agents-info", "frontLineAgentInfos")


def read_sponsor_tree(reading: Reading) -> Iterator[Sequence[Row]]:
    """The people above the agent, nearest first; empty for founders."""
    yield _whole_list(reading, "sponsor-tree", "flattenedSponsors")


def read_network_size(reading: Reading) -> Iterator[Sequence[Row]]:
    """People per tier; the body is open, so a list and a map are both read (§5.5)."""
    data = get(reading, _url(reading, "network-size-by-tier"), timeout=SLOW_TIMEOUT).data
    rows = network_sizes(data)
    if not rows:
        raise ContractBroken(
            "reZEN answered network-size-by-tier in neither of the expected shapes; compare "
            "docs/vendors/rezen.md with a live answer."
        )
    # the day and not the instant: a count that stays the same is written once a day at most
    yield [{**row, "readAt": reading.now.date().isoformat()} for row in rows]


def network_sizes(data: Any) -> list[Row]:
    """Rows of tier and count from `[{tier, count}]`, `{"1": 12}` or either inside an object."""
    if isinstance(data, list):
        return [row for row in data if isinstance(row, dict) and "tier" in row]
    if not isinstance(data, Mapping):
        return []
    counts = {key: value for key, value in data.items() if str(key).isdigit()}
    if counts:
        return [{"tier": int(key), "count": value} for key, value in counts.items()]
    inner = (network_sizes(value) for value in data.values() if isinstance(value, (list, Mapping)))
    return next((rows for rows in inner if rows), [])


def read_down_line(reading: Reading) -> Iterator[Sequence[Row]]:
    """All five tiers in all five statuses; an increment asks for changes of the last days.

    Somebody who shows up in another tier than before has moved, and a whole walk then ends the
    old row (§16.3 rule 6).
    """
    newest = epoch_ms(reading.cursor_from) or 0
    since = None if reading.due_for_full(FULL_WALK) else _from_day(reading)
    held = reading.memory.keys("down_line") if since is not None else set()
    if since is not None:
        tiers = reading.parallel(lambda tier: _read_tier(reading, tier, since), TIERS)
        changed = [row for tier in tiers for row in tier.rows]
        if _somebody_moved(changed, held):
            since = None
        else:
            newest = max([newest, *(_moment(row) for row in changed)])
            yield changed
    if since is None:
        reading.mode = "full"
        whole = True
        for tier in reading.parallel(lambda tier: _read_tier(reading, tier, None), TIERS):
            newest = max([newest, *(_moment(row) for row in tier.rows)])
            whole &= tier.whole
            yield tier.rows
        reading.complete = whole
    now = int(reading.now.timestamp() * 1000)
    # rows may come without updatedAt; then the start of this sync is the best watermark there is
    reading.cursor_to = str(min(newest, now) if newest else now)


def _from_day(reading: Reading) -> str | None:
    cursor = epoch_ms(reading.cursor_from)
    if cursor is None:
        return None
    return (datetime.fromtimestamp(cursor / 1000, UTC) - OVERLAP).date().isoformat()


def _moment(row: Row) -> int:
    return epoch_ms(row.get("updatedAt")) or 0


def _somebody_moved(rows: Sequence[Row], held: set[str]) -> bool:
    known = {key.rsplit("|", 1)[0] for key in held}
    return any(
        row.get("id") in known and f"{row.get('id')}|{row['tier']}" not in held for row in rows
    )


def _read_tier(reading: Reading, tier: int, since: str | None) -> Listing:
    """One tier, each person once."""
    try:
        listing = _tier_listing(reading, tier, since, DOWN_LINE_PAGE)
    except ContractBroken:
        # the largest page was seen working in public code only (§3.2)
        listing = _tier_listing(reading, tier, since, DEAL_PAGE)
    people: dict[Any, Row] = {}
    for row in listing.rows:
        people[row.get("id") or len(people)] = {**row, "tier": tier}
    return replace(listing, rows=list(people.values()))


def _tier_listing(reading: Reading, tier: int, since: str | None, size: int) -> Listing:
    params = [("statusIn", status) for status in STATUSES]
    if since is not None:
        params.append(("updatedAtFrom", since))
    url = _url(reading, f"down-line/{tier}")
    pager = Pager(reading, url, "downLineAgents", params, size=size, timeout=SLOW_TIMEOUT)
    return pager.listing()
