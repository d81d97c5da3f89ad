"""One page of a list: cursor or offset, total, envelope (contract §2)."""

from __future__ import annotations

import base64
import binascii
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any
from urllib.parse import quote

import orjson

from sandbox.fub.selection import INSTANTS, BadRequest, Selection, parse_int
from sandbox.http import Query
from sandbox.world.crm.switches import Switches
from sandbox.world.crm.tables import FormulaTable

DEFAULT_LIMIT, MAX_LIMIT = 10, 100
SORTS = {
    "id": "id",
    "created": "created",
    "updated": "updated",
    "name": "name",
    "lastActivity": "last_activity",
    "price": "price",
    "start": "start",
}


@dataclass(frozen=True, slots=True)
class Window:
    """Where a page starts. ``since`` is the last id seen, ``offset`` the rows to skip;
    ``by_offset`` when sorted.
    """

    limit: int
    offset: int
    since: int | None
    sort: str
    descending: bool
    by_offset: bool


MOST_KEPT = 200_000


class Counts:
    """Totals of filters and what they let through, kept until the table changes."""

    def __init__(self) -> None:
        self._totals: dict[tuple[Any, ...], tuple[int, int]] = {}
        self._orders: dict[tuple[Any, ...], tuple[int, list[int]]] = {}
        self._matches: dict[tuple[Any, ...], tuple[int, list[int]]] = {}

    def matches(self, chosen: Selection) -> list[int] | None:
        """All ids that a filter by time lets through, ascending: pages are cut out of it instead of
        testing the whole table for each. None for other selections and for very many rows.
        """
        if not chosen.timed:
            return None
        key = (*chosen.key, chosen.low, chosen.high, chosen.nothing)
        known = self._matches.get(key)
        if known is None or known[0] != chosen.table.version:
            if len(self._matches) > 50:
                self._matches.clear()
            ids = list(chosen.down())
            ids.reverse()
            known = self._matches[key] = (chosen.table.version, ids)
        return known[1] if len(known[1]) <= MOST_KEPT else None

    def total(self, chosen: Selection) -> int:
        """How many rows qualify."""
        if chosen.plain:
            return len(chosen.table)
        matches = self.matches(chosen)
        if matches is not None:
            return len(matches)
        known = self._totals.get(chosen.key)
        if known is None or known[0] != chosen.table.version:
            if len(self._totals) > 5_000:
                self._totals.clear()
            known = self._totals[chosen.key] = (chosen.table.version, sum(1 for _ in chosen.down()))
        return known[1]

    def order(self, chosen: Selection, window: Window) -> list[int]:
        """All qualifying ids in the order of a column."""
        key = (*chosen.key, window.sort, window.descending)
        known = self._orders.get(key)
        if known is None or known[0] != chosen.table.version:
            if len(self._orders) > 50:
                self._orders.clear()
            known = self._orders[key] = (chosen.table.version, _sorted_ids(chosen, window))
        return known[1]


def _sorted_ids(chosen: Selection, window: Window) -> list[int]:
    """Rows without a value come last when descending. Equal values keep no promised order."""
    table = chosen.table
    place = INSTANTS.get(window.sort)
    filled: list[tuple[Any, int]] = []
    empty: list[int] = []
    for row_id in chosen.down():
        if (
            place is not None
            and isinstance(table, FormulaTable)
            and table.pattern(row_id) is not None
        ):
            filled.append((table.instants(row_id)[place], row_id))
            continue
        value = getattr(table.get(row_id), window.sort, None)
        if value is None:
            empty.append(row_id)
        else:
            filled.append((value.timestamp() if isinstance(value, datetime) else value, row_id))
    filled.sort(reverse=window.descending)
    ordered = [row_id for _, row_id in filled]
    return [*ordered, *empty] if window.descending else [*empty, *ordered]


def read_window(query: Query, switches: Switches, now: datetime) -> Window:
    """Limit, offset, cursor and sort of a request. Raises BadRequest as the vendor does."""
    limit = parse_int("limit", query.get("limit") or str(DEFAULT_LIMIT))
    if limit < 1:
        raise BadRequest("Invalid value for limit: must be at least 1.")
    if limit > MAX_LIMIT:
        if switches.over_limit == "error":
            raise BadRequest(f"Invalid value for limit: must be at most {MAX_LIMIT}.")
        limit = MAX_LIMIT
    text = query.get("sort") or "-id"
    column = SORTS.get(text.lstrip("-"))
    if column is None:
        raise BadRequest(f"Invalid sort column: {text.lstrip('-')}.")
    descending = text.startswith("-")
    by_offset = column != "id"
    offset = parse_int("offset", query.get("offset") or "0")
    since = None
    cursor = query.get("next")
    if cursor:
        held = _decode(cursor)
        issued = held.get("t")
        if switches.cursor_ttl is not None and (
            issued is None or now.timestamp() - issued > switches.cursor_ttl
        ):
            raise BadRequest("The next parameter is invalid or has expired.")
        if by_offset:
            offset = int(held.get("offset", 0))
        else:
            since, offset = held.get("sinceId"), 0
    elif offset >= switches.offset_limit and not by_offset:
        raise BadRequest("The offset is too high. Use the nextLink of the previous page instead.")
    return Window(limit, offset, since, column, descending, by_offset)


def _decode(cursor: str) -> dict[str, Any]:
    try:
        held = orjson.loads(base64.b64decode(cursor, validate=True))
    except (binascii.Error, ValueError) as error:
        raise BadRequest("The next parameter is invalid.") from error
    if not isinstance(held, dict) or not isinstance(held.get("sinceId", held.get("offset")), int):
        raise BadRequest("The next parameter is invalid.")
    return held


def _encode(held: dict[str, int], switches: Switches, now: datetime) -> str:
    if switches.cursor_ttl is not None:
        held = {**held, "t": int(now.timestamp())}
    return base64.b64encode(orjson.dumps(held)).decode()


def read_page(
    chosen: Selection, window: Window, counts: Counts, shift: int = 0
) -> tuple[list[int], dict[str, int] | None]:
    """The ids of a page and what its cursor holds, None on the last page. ``shift`` starts it that
    many rows off.
    """
    wanted = window.limit + 1
    if window.by_offset:
        start = max(0, window.offset + shift)
        ids = counts.order(chosen, window)[start : start + wanted]
        more = {"offset": window.offset + window.limit}
    else:
        skip = window.offset
        # whole table, newest first: the page every sweep asks for
        if chosen.plain and window.descending and not skip and not shift:
            ids = chosen.table.page(window.since, wanted)
        elif (matches := counts.matches(chosen)) is not None and not skip and not shift:
            ids = _cut(matches, window, wanted)
        else:
            found: Iterator[int]
            since = window.since
            if shift < 0 and since is not None:
                since = since + 1 if window.descending else since - 1
            found = chosen.down(since) if window.descending else chosen.up(since)
            ids = list(islice(found, skip + max(0, shift), skip + max(0, shift) + wanted))
        more = {"sinceId": ids[window.limit - 1]} if len(ids) > window.limit else {}
    return (ids[: window.limit], more) if len(ids) > window.limit else (ids, None)


def _cut(matches: list[int], window: Window, wanted: int) -> list[int]:
    """The page after ``window.since`` out of ascending ids."""
    since = window.since
    if window.descending:
        stop = len(matches) if since is None else bisect_left(matches, since)
        return matches[max(0, stop - wanted) : stop][::-1]
    start = 0 if since is None else bisect_right(matches, since)
    return matches[start : start + wanted]


def envelope(
    *,
    collection: str,
    rows: list[bytes],
    window: Window,
    total: int,
    cursor: dict[str, int] | None,
    link: str,
    query: Query,
    switches: Switches,
    now: datetime,
    totals_by_stage: Counter[int] | None = None,
) -> bytes:
    """The answer's body: ``_metadata`` and the rows under the collection's name."""
    following = _encode(cursor, switches, now) if cursor is not None else None
    next_link = None
    if following is not None:
        sent = [(n, v) for n in query.names() for v in query.all(n) if n not in ("next", "offset")]
        text = "&".join(f"{quote(n)}={quote(v, safe=',:')}" for n, v in sent)
        mark = "&&" if switches.doubled_ampersand and text else "&" if text else ""
        next_link = f"{link}?{text}{mark}next={quote(following)}"
    metadata: dict[str, Any] = {
        "collection": collection,
        "offset": window.offset,
        "limit": window.limit,
        "total": total,
        "next": following,
        "nextLink": next_link,
    }
    if totals_by_stage is not None:
        metadata["totalByStageId"] = {
            str(stage): count for stage, count in sorted(totals_by_stage.items())
        }
    return b'{"_metadata":%b,"%b":[%b]}' % (
        orjson.dumps(metadata),
        collection.encode(),
        b",".join(rows),
    )


def project(body: dict[str, Any], fields: str | None) -> dict[str, Any]:
    """Only the named fields, and always the id; no list means everything."""
    if not fields:
        return body
    names = {n.strip() for n in fields.split(",")} | {"id"}
    return {n: v for n, v in body.items() if n in names}
