"""Orders, read with all their blocks in one traversal that the readers of the blocks share.

The only filter that is known to work is the last activity (qualia.md §3.1), so an increment asks
for what happened since a day before the end of the last one. Nightly the last seven days are read
again, with the unpaid orders that close about now, and the list of all ids tells what was missed
and what is gone; weekly everything is read. Lists have no order and their cursors may shift, so
nothing is concluded from where an order stands.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from typing import Any

import orjson

from pipelines.common.entity import Row
from pipelines.common.errors import (
    ContractBroken,
    RecordUnavailable,
    ResourceUnavailable,
    VendorError,
)
from pipelines.common.moments import as_text
from pipelines.common.reading import Reading
from pipelines.qualia.client import RECORD_ERRORS, Block, Lack, ask, lack_of, list_of
from pipelines.qualia.cursor import Cursor

OVERLAP = timedelta(days=1)
LAG = timedelta(minutes=5)
"""The next window begins this much before the present: our clock is not Qualia's."""

NIGHT = time(9, tzinfo=UTC)
"""The first sync after four in the morning in New York does what is done nightly."""

NIGHTLY_WINDOW = timedelta(days=7)
CLOSING_SOON = timedelta(days=14)
WEEK = timedelta(days=7)
PAGE = 10
"""Orders with all their blocks are large, and the largest page is not known (§3.2)."""

BY_LIST, BY_IDS, UNFILTERED = "", " by ids", " without a filter"
"""How an increment finds what has changed; the mark's mode ends with it."""

FETCHED, REFUSED = "orders.fetched", "orders.refused"
MOST_FAILURES = 5
"""Orders that may fail one after another's retries before Qualia counts as down."""

MOST_ASKED_AGAIN = 20
"""Orders that lack something and are asked for by themselves, now and in the next sync; with more
of them the lack will last."""

OWN_BLOCKS = (
    ("properties",),
    ("loans",),
    ("closingLocation",),
    ("accounting", "disbursementAccounts"),
)
"""Blocks that are columns of the order itself; all others are tables."""

_DATES = ("createdDate", "estimatedClosing", "closeDate", "disbursementDate", "cancelledDate")
_TABLES = (
    "settlementAgency", "settlementTeam", "accounting", "charges", "settlementStatement",
    "appointments", "tasks", "contacts",
)  # fmt: skip


@dataclass(frozen=True)
class Told:
    """An order as an answer had it; `missing` are the blocks that an error stood for."""

    node: Row
    missing: tuple[Lack, ...] = ()

    def lacks(self, block: Block) -> list[Lack]:
        """The errors that lie in the block, and those that took it away with what it lies in."""
        return [
            lack
            for lack in self.missing
            if lack.block[: len(block)] == block or block[: len(lack.block)] == lack.block
        ]


@dataclass
class Fetched:
    """What one traversal brought, packed: thousands of orders stay a few megabytes.

    `since` is None if everything was read. `gone` are orders that Qualia has no more, `failed`
    those that were asked for by themselves and not answered, `hidden` those that Qualia does not
    show. `sure` is False if any other order that did not come may be there all the same. `lacking`
    has the blocks that an error stood for, by order.
    """

    since: datetime | None
    until: datetime
    mode: str
    gone: set[str] = field(default_factory=set)
    failed: set[str] = field(default_factory=set)
    hidden: set[str] = field(default_factory=set)
    sure: bool = True
    lacking: dict[str, tuple[Lack, ...]] = field(default_factory=dict)
    _packed: dict[str, bytes] = field(default_factory=dict, repr=False)

    @property
    def ids(self) -> set[str]:
        """The orders that were read."""
        return set(self._packed)

    @property
    def asked(self) -> set[str]:
        """The orders of which is known what became of them, were it that they cannot be read."""
        return self.ids | self.gone | self.failed | self.hidden

    @property
    def owed(self) -> set[str]:
        """The orders that may come whole if they are asked for again."""
        return self.failed | {
            key for key, lacks in self.lacking.items() if not all(lack.is_closed for lack in lacks)
        }

    def keep(self, told: Told) -> None:
        """Keep the latest copy of an order's blocks."""
        if told.node.get("id"):
            key = str(told.node["id"])
            node = {name: told.node.get(name) for name in ("createdDate", *_TABLES)}
            self._packed[key] = zlib.compress(orjson.dumps(node), 1)
            self.lacking.pop(key, None)
            if told.missing:
                self.lacking[key] = told.missing

    def orders(self) -> Iterator[tuple[str, Told]]:
        """The orders with those blocks that are tables."""
        for key, packed in self._packed.items():
            node = orjson.loads(zlib.decompress(packed))
            yield key, Told(node, self.lacking.get(key, ()))


def read_orders(reading: Reading) -> Iterator[Sequence[Row]]:
    """Orders; what their blocks hold is left for the readers of the blocks."""
    fetch = Fetch(reading, nightly=_night_has_come(reading))
    try:
        for page in fetch.run():
            yield [order_row(told.node) for told in page]
    except ResourceUnavailable as refused:
        # nobody needs to find out again
        reading.handover.put(REFUSED, refused)
        raise
    fetched = fetch.fetched
    reading.handover.put(FETCHED, fetched)
    reading.mode = fetched.mode
    reading.probed = fetch.nightly
    reading.complete = fetched.since is None
    # what could not be asked for is not gone
    reading.seen.add(fetched.failed | fetched.hidden)
    reading.whole(fetched.gone)
    without = [
        lack
        for missing in fetched.lacking.values()
        for lack in _first(Told({}, missing), OWN_BLOCKS)
    ]
    _note(reading, fetched, without)
    lasting = fetched.failed or any(not lack.is_closed for lack in without)
    if len(fetched.owed) <= MOST_ASKED_AGAIN:
        reading.cursor_to = str(Cursor(fetched.until, frozenset(fetched.owed)))
    elif not lasting:
        reading.cursor_to = str(Cursor(fetched.until))
    elif fetch.nightly:
        # too many to name, and no window shows them all: the next sync reads everything
        reading.cursor_to = None


def _first(told: Told, blocks: Sequence[Block]) -> list[Lack]:
    """What an order lacks of some blocks, one error of it; the one that may pass if there is."""
    found = [lack for block in blocks for lack in told.lacks(block)]
    return sorted(found, key=lambda lack: lack.is_closed)[:1]


def _note(reading: Reading, fetched: Fetched, without: Sequence[Lack]) -> None:
    notes = [reading.note] if reading.note else []
    if without:
        notes.append(
            f"Qualia sent {len(without)} orders without some of their own blocks "
            f"({without[0].said})."
        )
    if fetched.hidden:
        notes.append(f"Qualia does not show {len(fetched.hidden)} orders; they stay as they were.")
    if fetched.failed:
        notes.append(
            f"{len(fetched.failed)} orders could not be read by themselves and stay as they were."
        )
    reading.note = " ".join(notes) or None


def _night_has_come(reading: Reading) -> bool:
    last = reading.last.last_probe_at if reading.last else None
    night = datetime.combine(reading.now.astimezone(UTC).date(), NIGHT)
    if night > reading.now:
        night -= timedelta(days=1)
    return last is None or last < night


def order_row(node: Row) -> Row:
    """The order without the blocks that are tables."""
    row = {name: value for name, value in node.items() if name not in _TABLES}
    agency, accounting = node.get("settlementAgency"), node.get("accounting")
    row["settlementAgencyId"] = agency.get("id") if isinstance(agency, Mapping) else None
    row["disbursementAccounts"] = (
        accounting.get("disbursementAccounts") if isinstance(accounting, Mapping) else None
    )
    return with_dates_sent(row, *_DATES)


def with_dates_sent(row: Row, *names: str) -> Row:
    """The row with its dates once more as they were sent: their form is disputed (§2)."""
    return {**row, "datesSent": {name: row.get(name) for name in names}}


class Fetch:
    """One traversal: everything if it is due, else what happened since the cursor less a day.

    With `nightly` it also reads what an increment may miss, with `whole` everything.
    """

    def __init__(self, reading: Reading, *, nightly: bool, whole: bool = False) -> None:
        self._reading = reading
        self._way = _way_of(reading)
        cursor = Cursor.read(reading.cursor_from)
        self._again = cursor.again
        whole = whole or reading.due_for_full(WEEK) or self._way == UNFILTERED
        since = None
        if cursor.until is not None and not whole:
            since = min(cursor.until, reading.now) - OVERLAP
            if nightly:
                since = min(since, reading.now - NIGHTLY_WINDOW)
        self.nightly = nightly or since is None
        kind = "full" if since is None else "nightly" if nightly else "incremental"
        self.fetched = Fetched(since, reading.now - LAG, kind + self._way)

    def run(self) -> Iterator[list[Told]]:
        """The orders, a page at a time; an order that comes twice counts as it came last."""
        for page in self._orders():
            for told in page:
                self.fetched.keep(told)
            yield page
        again = sorted(self.fetched.owed & self.fetched.ids)
        if len(again) <= MOST_ASKED_AGAIN:
            for page in self._one_by_one(iter(again), known=set()):
                self.fetched.keep(page[0])
                yield page

    def _orders(self) -> Iterator[list[Told]]:
        if self._way == BY_IDS and self.fetched.since is not None:
            ids = list_of(
                self._reading.api,
                self._reading.settings,
                "order_ids",
                filter=_since(self.fetched.since),
            )
            yield from self._one_by_one(map(str, ids), known=set())
            if len(self.fetched.hidden) >= MOST_FAILURES and not self.fetched.ids:
                raise ResourceUnavailable(
                    "Qualia shows none of the orders that have changed: this account may not read "
                    "them one by one.",
                    status="not_permitted",
                )
        else:
            yield from self._pages()
        owed = set(self._again - self.fetched.asked)
        yield from self._one_by_one(iter(sorted(owed)), known=owed)
        if self.nightly:
            yield from self._missed()
            kind = self.fetched.mode.removesuffix(self._way)
            self.fetched.mode = kind + self._try_the_filter()

    def _pages(self) -> Iterator[list[Told]]:
        """The list, page by page, as long as a cursor leads on (§3.2)."""
        given = None if self.fetched.since is None else _since(self.fetched.since)
        after: str | None = None
        used: set[str] = set()
        while True:
            answer, errors = ask(
                self._reading.api,
                self._reading.settings,
                "orders_list",
                first=PAGE,
                after=after,
                filter=given,
            )
            edges = _edges(answer)
            yield [
                Told(_object(edge["node"]), _missing(errors, number))
                for number, edge in enumerate(edges)
            ]
            if not edges or not _goes_on(answer):
                return
            after = _next(answer, edges, used)
            used.add(after)

    def _one(self, key: str) -> tuple[str, Told | VendorError | None]:
        """An order by its id; None if there is none, the error if it cannot be read."""
        try:
            node, errors = ask(self._reading.api, self._reading.settings, "order", id=key)
        except RECORD_ERRORS as error:
            return key, error
        if node is None:
            return key, None
        return key, Told(_object(node), _missing(errors, None))

    def _one_by_one(self, keys: Iterator[str], known: set[str]) -> Iterator[list[Told]]:
        """Orders by their ids. One that keeps failing, or is not shown, costs only itself."""
        for key, told in self._reading.parallel(self._one, keys):
            if isinstance(told, Told):
                yield [told]
            elif isinstance(told, RecordUnavailable):
                self.fetched.hidden.add(key)
            elif told is not None:
                self.fetched.failed.add(key)
                if len(self.fetched.failed) >= MOST_FAILURES:
                    raise told
            elif key in known:
                self.fetched.gone.add(key)

    def _missed(self) -> Iterator[list[Told]]:
        """What the traversal left out, and the unpaid orders that close about now."""
        known = self._reading.memory.values(
            "orders", "status", "estimated_closing", "close_date", "disbursement_date"
        )
        wanted = {key for key, row in known.items() if self._closes_now(*row)}
        ids = self._all_ids()
        if ids is None and self.fetched.since is None:
            ids = self.fetched.ids
        if ids is not None:
            self._reading.vendor_count = len(ids)
            doubtful = known.keys() - ids
            if self._reading.too_few(len(known) - len(doubtful), len(known)):
                self.fetched.sure = False
                self._reading.note = (
                    f"Qualia listed only {len(known) - len(doubtful)} of {len(known)} known "
                    f"orders, so nothing was marked as deleted."
                )
            else:
                wanted |= doubtful
            wanted |= ids if self.fetched.since is None else ids - known.keys()
        yield from self._one_by_one(iter(sorted(wanted - self.fetched.asked)), set(known))

    def _closes_now(self, status: Any, planned: Any, closed: Any, paid: Any) -> bool:
        """True for an unpaid order within a fortnight of its closing: money is posted late."""
        at = closed or planned
        return (
            status not in ("CANCELLED", "CANCELED")
            and paid is None
            and at is not None
            and abs(at - self._reading.now) <= CLOSING_SOON
        )

    def _all_ids(self) -> set[str] | None:
        """The ids of all orders, in one unpaged answer (§3.1); None if they are not to be had."""
        try:
            found = list_of(self._reading.api, self._reading.settings, "order_ids")
        except (ContractBroken, ResourceUnavailable) as error:
            self._reading.note = f"The list of all orders is not to be had: {error.sentence}"
            return None
        return {str(key) for key in found}

    def _try_the_filter(self) -> str:
        """How to find what has changed: which query returns nothing of the year after next."""
        future = _since(self._reading.now + timedelta(days=500))
        api, settings = self._reading.api, self._reading.settings
        answer, _ = ask(api, settings, "filter_probe", filter=future)
        if not _edges(answer, "cursor"):
            return BY_LIST
        if not list_of(api, settings, "order_ids", filter=future):
            return BY_IDS
        return UNFILTERED


def _way_of(reading: Reading) -> str:
    """What the last reading of the orders found out about the filter."""
    mark = reading.memory.mark("orders")
    mode = mark.mode if mark else ""
    return next((way for way in (BY_IDS, UNFILTERED) if mode.endswith(way)), BY_LIST)


def _since(start: datetime) -> dict[str, Any]:
    # no end: an order that is touched while the list is read would leave the window
    return {"lastActivity": {"start": as_text(start)}}


def _edges(answer: Any, member: str = "node") -> list[Row]:
    edges = answer.get("edges") if isinstance(answer, Mapping) else None
    if not isinstance(edges, list) or not all(
        isinstance(edge, dict) and member in edge for edge in edges
    ):
        raise ContractBroken(
            "Qualia answered 'ordersList' without edges; compare docs/vendors/qualia.md."
        )
    return edges


def _object(node: Any) -> Row:
    return node if isinstance(node, dict) else {"value": node}


def _missing(errors: Sequence[Mapping[str, Any]], number: int | None) -> tuple[Lack, ...]:
    """The blocks that errors took from the order at a place of its page, or from the only one."""
    found = []
    for error in errors:
        lack = lack_of(error)
        places = [part for part in error["path"] if isinstance(part, int)] if lack else []
        if lack and (number is None or places[:1] == [number]):
            found.append(lack)
    return tuple(found)


def _goes_on(answer: Mapping[str, Any]) -> bool:
    """False on the last page; without `pageInfo` one goes on until a page is empty (§3.2)."""
    info = answer.get("pageInfo")
    return not isinstance(info, Mapping) or info.get("hasNextPage") is not False


def _next(answer: Mapping[str, Any], edges: Sequence[Row], used: set[str]) -> str:
    """The cursor of the next page: that of the page, else of its last edge."""
    info = answer.get("pageInfo")
    ends = info.get("endCursor") if isinstance(info, Mapping) else None
    for cursor in (ends, edges[-1].get("cursor")):
        if isinstance(cursor, str) and cursor and cursor not in used:
            return cursor
    raise ContractBroken(
        "Qualia's list of orders points back to a page that was read already; compare "
        "docs/vendors/qualia.md."
    )
