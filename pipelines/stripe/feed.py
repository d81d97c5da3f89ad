"""Events: what happened in the account, and thereby which objects are to be read again.

No list has a filter for what changed, but everything that changes is told as an event and kept for
30 days (stripe.md §3.7, Sync strategy). An event carries its object as it was at that moment, in
the API version of that day: it says which object changed, and nothing of it is taken over. An
object that an event names is read by its id.

The events are read first and left in the handover. Each kind of object applies those that are about
it and keeps a cursor of its own, so that a kind that failed catches up by itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from pipelines.common.entity import Row
from pipelines.common.errors import ResourceUnavailable
from pipelines.common.reading import Reading
from pipelines.stripe.client import as_text, id_of, listing, moment

OVERLAP = timedelta(hours=1)
"""Events come late and in no order (Sync strategy)."""

KEPT = timedelta(days=29)
"""Whoever was away for longer may have missed events: they are gone after 30 days (§3.7)."""

TOLD = frozenset(
    {
        "product",
        "price",
        "customer",
        "subscription",
        "invoice",
        "checkout.session",
        "payment_intent",
    }
)
"""Kinds of objects whose events are kept with what they tell (§3.6, §3.7)."""

_NEVER = datetime.max.replace(tzinfo=UTC)
_HANDOVER = "events"


@dataclass
class Feed:
    """What events are about: by kind the ids, with when the warehouse got the last of their events.

    `since` is None if everything was read that the vendor keeps. `closed` means that the key may
    not read events, or that they have not been read to the end.
    """

    since: datetime | None
    newest: datetime | None
    closed: bool = True
    told: dict[str, dict[str, datetime]] = field(default_factory=dict)

    def covers(self, since: datetime) -> bool:
        """True if the feed has whatever happened since then."""
        return self.since is None or self.since <= since

    def of(self, kind: str, applied: datetime) -> set[str]:
        """Ids of a kind, without those of which nothing is new since `applied`."""
        return {key for key, got in self.told.get(kind, {}).items() if got >= applied}


def about(row: Row) -> tuple[str | None, str | None]:
    """Kind and id of the object that an event is about."""
    data = row.get("data")
    told = data.get("object") if isinstance(data, dict) else None
    if not isinstance(told, dict):
        return None, None
    kind = told.get("object")
    return (kind if isinstance(kind, str) else None), id_of(told)


def read_events(reading: Reading) -> Iterator[Sequence[Row]]:
    """Events since the last time, or all that the vendor keeps."""
    newest = None if _was_away(reading) else _instant(reading.cursor_from)
    feed = Feed(since=None if newest is None else newest - OVERLAP, newest=newest)
    reading.handover.put(_HANDOVER, feed)
    for rows in _pages(reading, feed):
        yield [kept(row) for row in rows]
    feed.closed = False
    reading.mode = "full" if feed.since is None else "incremental"
    reading.cursor_to = _text(feed.newest or reading.now)


def changed(reading: Reading, kind: str, types: str) -> set[str] | None:
    """Ids of a kind's objects that changed since the last time; sets the cursor for the next.

    None if events cannot tell: at first, after a long absence, or if the key may not read them.
    `types` is the pattern of the kind's events, for a sync in which they are not read anyway.
    """
    newest = _instant(reading.cursor_from)
    feed: Feed | None = reading.handover.get(_HANDOVER, None)
    reading.cursor_to = _text((feed.newest if feed else None) or reading.now)
    if newest is None or reading.last is None or _was_away(reading) or (feed and feed.closed):
        return None
    if feed is None or not feed.covers(newest - OVERLAP):
        feed = Feed(since=newest - OVERLAP, newest=newest)
        try:
            for _ in _pages(reading, feed, ("type", types)):
                pass
        except ResourceUnavailable:
            return None
        reading.cursor_to = _text(feed.newest or reading.now)
    return feed.of(kind, reading.last.started_at)


def _pages(reading: Reading, feed: Feed, *narrowed: tuple[str, str]) -> Iterator[list[Row]]:
    """The events of a feed, noted in it."""
    bounds = () if feed.since is None else (("created[gte]", as_text(feed.since)),)
    for rows in listing(reading, "events", narrowed).pages(*bounds):
        # asked before the page is handed over: then it is what earlier syncs got
        got = reading.memory.fetched_at("events", filter(None, map(id_of, rows)))
        for row in rows:
            told = moment(row.get("created"))
            if told is not None:
                # a moment in the future must not hide what comes before it
                told = min(told, reading.now)
                feed.newest = max(feed.newest or told, told)
            kind, key = about(row)
            if kind and key:
                of_kind = feed.told.setdefault(kind, {})
                at = got.get(id_of(row) or "", _NEVER)
                of_kind[key] = max(of_kind.get(key, at), at)
        yield rows


def kept(row: Row) -> Row:
    """The event as it is kept: of kinds that nobody asked for, only what it is about."""
    kind, key = about(row)
    if kind is None or kind in TOLD:
        return row
    return {**row, "data": {"object": {"id": key, "object": kind}}}


def _was_away(reading: Reading) -> bool:
    """True if the vendor may have forgotten events that were never read."""
    return reading.last is not None and reading.now - reading.last.started_at > KEPT


def _instant(cursor: str | None) -> datetime | None:
    return None if cursor is None else datetime.fromisoformat(cursor)


def _text(instant: datetime) -> str:
    return instant.isoformat()
