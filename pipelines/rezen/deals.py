"""Deals and listings: the agent's lists per lifecycle group, then the detail of what changed.

The lists have no server filter that is proven, so an increment walks each group newest first and
stops at the watermark less 24 hours (§16.3 rule 1). Pages are no snapshot: a deal that changes
while its group is paged moves to the front, so the front is looked at again afterwards.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from zlib import crc32

from pipelines.common.entity import Read, Row
from pipelines.common.errors import ContractBroken, RecordUnavailable, VendorError
from pipelines.common.reading import Reading
from pipelines.common.records import RecordReader
from pipelines.rezen.client import (
    Page,
    Pager,
    as_object,
    epoch_ms,
    get,
    own_id,
    settings_of,
)

# forwards, so that a deal which moves on while the lists are read is seen twice and not never
GROUPS = ("OPEN", "CLOSED", "TERMINATED")
OVERLAP = timedelta(hours=24)
FULL_WALK = timedelta(days=7)
UNSORTED_PAGES = 3
"""Pages of CLOSED and TERMINATED that an increment reads if the vendor refuses to sort."""

RECHECK = timedelta(days=7)
RECHECK_SETTLED = timedelta(days=92)
DETAIL_BATCH = 50
_UNSETTLED = frozenset({"CLOSED", "WAITING_ON_PAYMENT", "PAYMENT_ACCEPTED", "PAYMENT_SCHEDULED"})
_SORTED = (("sortBy", "UPDATED_AT"), ("sortDirection", "DESC"))


@dataclass
class _Group:
    """What was seen of one lifecycle group; `whole` if nothing of it was left out."""

    name: str
    rows: list[Row] = field(default_factory=list)
    total: int | None = None
    whole: bool = False


def read_list(kind: str, table: str) -> Read:
    """A reader of the caller's `kind` list ('transactions' or 'listing-transactions')."""

    def read(reading: Reading) -> Iterator[Sequence[Row]]:
        since = _since(reading)
        groups = [_walk(reading, kind, name, since) for name in GROUPS]
        if since is not None and _misses_something(reading, table, groups):
            groups = [_walk(reading, kind, name, None) for name in GROUPS]
        whole = all(group.whole for group in groups)
        rows = _newest_copies(groups)
        updated = {row["id"]: epoch_ms(row.get("updatedAt")) for row in rows if row.get("id")}
        reading.handover.put(f"{table}.updated", updated)
        reading.handover.put(f"{table}.whole", whole)
        reading.cursor_to = _watermark(reading, updated)
        totals = {group.name: group.total for group in groups if group.total is not None}
        if len(totals) == len(groups):
            reading.vendor_count = sum(totals.values())
            reading.vendor_counts = totals
        reading.complete = whole
        reading.confirm_gone = lambda key: _is_gone(reading, key)
        reading.mode = "full" if since is None or whole else "incremental"
        yield rows

    return read


def _since(reading: Reading) -> int | None:
    cursor = epoch_ms(reading.cursor_from)
    if cursor is None or reading.due_for_full(FULL_WALK):
        return None
    return cursor - int(OVERLAP.total_seconds() * 1000)


def _watermark(reading: Reading, updated: Mapping[str, int | None]) -> str | None:
    """The newest change seen, but never later than now: a deal dated 2099 must not stop us."""
    seen = [moment for moment in updated.values() if moment is not None]
    known = epoch_ms(reading.cursor_from)
    if known is not None:
        seen.append(known)
    now = int(reading.now.timestamp() * 1000)
    return str(min(max(seen), now)) if seen else None


def _walk(reading: Reading, kind: str, group: str, since: int | None) -> _Group:
    base = settings_of(reading).arrakis_base_url
    url = f"{base}/transactions/participant/{own_id(reading)}/{kind}/{group}"
    pager = Pager(reading, url, "transactions", _SORTED)
    found = _Group(group)
    try:
        first = pager.page(0)
    except ContractBroken:
        # the sort was refused: whatever order there is, without stopping at the watermark
        plain = Pager(reading, url, "transactions")
        most = UNSORTED_PAGES if since is not None and group != "OPEN" else None
        reading.note = "reZEN refused to sort deals by UPDATED_AT, so whole lists are compared."
        return _take_all(found, plain.pages(), most)
    newest = max((epoch_ms(row.get("updatedAt")) or 0 for row in first.rows), default=0)
    found.total = first.total
    page, pages = first, 1
    _take(found, page)
    while page.more and not _reached(page, since):
        page = pager.page(page.number + 1)
        pages += 1
        _take(found, page)
    found.whole = not page.more
    if pages > 1:
        _look_at_the_front_again(pager, found, newest)
    return found


def _take(found: _Group, page: Page) -> None:
    found.rows += page.rows


def _take_all(found: _Group, pages: Iterator[Page], most: int | None) -> _Group:
    for page in pages:
        found.total = page.total if page.number == 0 else found.total
        _take(found, page)
        found.whole = not page.more
        if most is not None and page.number + 1 >= most:
            break
    return found


def _reached(page: Page, since: int | None) -> bool:
    """True if the page ends before the watermark, and is sorted so that this means something."""
    if since is None or not page.rows:
        return False
    moments = [epoch_ms(row.get("updatedAt")) for row in page.rows]
    known = [moment for moment in moments if moment is not None]
    in_order = len(known) == len(moments) and known == sorted(known, reverse=True)
    return in_order and known[-1] < since


def _look_at_the_front_again(pager: Pager, found: _Group, newest: int) -> None:
    for page in pager.pages():
        _take(found, page)
        if any((epoch_ms(row.get("updatedAt")) or 0) <= newest for row in page.rows):
            return


def _newest_copies(groups: Sequence[_Group]) -> list[Row]:
    """Each deal once, as last changed; on a tie the later group, where it was seen last."""
    best: dict[str, Row] = {}
    without_id: list[Row] = []
    for group in groups:
        for row in group.rows:
            row["lifecycleGroup"] = group.name
            key = row.get("id")
            if not isinstance(key, str):
                without_id.append(row)
                continue
            held = best.get(key)
            if held is None or _moment(row) >= _moment(held):
                best[key] = row
    return [*sorted(best.values(), key=_moment, reverse=True), *without_id]


def _moment(row: Row) -> int:
    return epoch_ms(row.get("updatedAt")) or 0


def _misses_something(reading: Reading, table: str, groups: Sequence[_Group]) -> bool:
    """True if a group's own count differs from what the warehouse will hold (§16.3 rule 3)."""
    held = {key: row[0] for key, row in reading.memory.values(table, "lifecycle_group").items()}
    for group in groups:
        held.update({str(row["id"]): group.name for row in group.rows if row.get("id")})
    return any(
        not group.whole
        and group.total is not None
        and group.total != sum(name == group.name for name in held.values())
        for group in groups
    )


def _detail_url(reading: Reading, key: str) -> str:
    return f"{settings_of(reading).arrakis_base_url}/transactions/{key}"


def _is_gone(reading: Reading, key: str) -> bool:
    """Ask for a deal that no list shows any more: it may only have moved between two walks."""
    try:
        get(reading, _detail_url(reading, key), single_record=True)
    except RecordUnavailable:
        return True
    return False


def read_details(list_table: str, table: str) -> Read:
    """A reader of the details of those deals in `list_table` that are new or have changed."""

    def read(reading: Reading) -> Iterator[Sequence[Row]]:
        def detail(key: str) -> list[Row]:
            answer = get(reading, _detail_url(reading, key), single_record=True)
            return [as_object(answer.data, "transactions/{id}")]

        listed = _listed(reading, list_table)
        wanted = _wanted(reading, table, listed)
        records = RecordReader(reading, detail, "deals")
        batch: list[Row] = []
        try:
            for rows in records.rows(wanted):
                batch += rows
                if len(batch) >= DETAIL_BATCH:
                    yield batch
                    batch = []
        except VendorError:
            # what was read before the account broke need not be read again
            yield batch
            raise
        yield batch
        if reading.handover.get(f"{list_table}.whole", False):
            # what the list shows and did not change was not asked for, and is there all the same
            reading.seen.add(set(listed) - records.missing)
            reading.complete = True
            reading.confirm_gone = lambda key: key in records.missing or _is_gone(reading, key)
        if records.missing:
            reading.note = f"{len(records.missing)} listed deals are gone or belong to others."
        records.raise_failures()

    return read


def _listed(reading: Reading, list_table: str) -> dict[str, int | None]:
    """The last change of every listed deal; a whole list of this sync replaces the stored one."""
    fresh: dict[str, int | None] = reading.handover.get(f"{list_table}.updated", {})
    if reading.handover.get(f"{list_table}.whole", False):
        return fresh
    stored = reading.memory.values(list_table, "updated_at")
    listed = {key: _to_ms(row[0]) for key, row in stored.items()}
    listed.update(fresh)
    return listed


def _to_ms(moment: datetime | None) -> int | None:
    return None if moment is None else int(moment.timestamp() * 1000)


def _wanted(reading: Reading, table: str, listed: Mapping[str, int | None]) -> list[str]:
    """Ids to read, last changed first; sets the cursor, which is the time of the last recheck."""
    stored = reading.memory.values(
        table, "updated_at", "_synced_at", "lifecycle_state", "closed_at"
    )
    last = reading.cursor_from
    recheck = last is None or reading.now - datetime.fromisoformat(last) >= RECHECK
    if recheck:
        reading.cursor_to = reading.now.isoformat()
    wanted: list[str] = []
    for key, changed in listed.items():
        held = stored.get(key)
        if held is None or reading.full:
            wanted.append(key)
            continue
        as_of = _to_ms(held[0] or held[1])
        stale = changed is not None and as_of is not None and as_of < changed
        if stale or (recheck and last is not None and _may_still_change(reading, key, held)):
            wanted.append(key)
    return sorted(wanted, key=lambda key: listed[key] or 0, reverse=True)


def _may_still_change(reading: Reading, key: str, held: tuple[object, ...]) -> bool:
    """Rule 5 of §16.3: closed deals weekly until settled, then monthly for three months.

    The month is spread over its weeks by a hash of the id, so no state is needed.
    """
    state, closed_at = held[2], held[3]
    if state in _UNSETTLED:
        return True
    if state != "SETTLED" or not isinstance(closed_at, datetime):
        return False
    week = int(reading.now.astimezone(UTC).timestamp() // RECHECK.total_seconds())
    recent = reading.now - closed_at <= RECHECK_SETTLED
    return recent and crc32(key.encode()) % 4 == week % 4
