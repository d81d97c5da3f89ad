"""Which orders are asked for, in which order, from where on (contract §§3.1, 3.2)."""

from __future__ import annotations

import base64
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from zlib import crc32

from graphql import GraphQLError

from sandbox.qualia.model import Company, Order, Row

if TYPE_CHECKING:
    from sandbox.qualia.books import Books

DEFAULT_FIRST = 20
KEPT = 8
Key = tuple[int, str]


class Listing:
    """Orders in an order that means nothing and is another at each first page; a cursor knows the
    order that it belongs to, so that a traversal meets everything once.
    """

    def __init__(self) -> None:
        self._sorted: dict[tuple[Any, ...], tuple[list[Key], list[Order]]] = {}
        self._traversals = 0

    def ids(self, books: Books, arguments: Mapping[str, Any]) -> list[str]:
        """`orders(filter)`."""
        honoured = books.switches["activity_filter"] != "none"
        wanted = _honoured(arguments.get("filter"), honoured)
        _, orders = self._rows(books, wanted, self._salt(books))
        return [order.id for order in orders]

    def connection(self, books: Books, arguments: Mapping[str, Any]) -> Row:
        """`ordersList(first, after, last, before, filter)`."""
        after, before = arguments.get("after"), arguments.get("before")
        cursor = after or before
        # one client sends an empty string for the first page
        salt, key = _read(cursor) if cursor else (self._salt(books), None)
        honoured = books.switches["activity_filter"] == "both"
        keys, orders = self._rows(books, _honoured(arguments.get("filter"), honoured), salt)
        first, last = arguments.get("first"), arguments.get("last")
        size = last if first is None and last is not None else first
        cap = int(books.switches["page_cap"])
        if size is not None and size < 0:
            raise GraphQLError("first and last must not be negative.")
        size = min(DEFAULT_FIRST if size is None else size, cap)
        low, high = 0, len(keys)
        if after and key is not None:
            low = bisect_right(keys, key)
        elif before and key is not None:
            high = bisect_left(keys, key)
        if first is None and last is not None:
            low = max(low, high - size)
        else:
            high = min(high, low + size)
        edges = [{"cursor": _cursor(salt, keys[n]), "node": orders[n]} for n in range(low, high)]
        return {
            "edges": edges,
            "pageInfo": {
                "hasNextPage": high < len(keys),
                "hasPreviousPage": low > 0,
                "startCursor": edges[0]["cursor"] if edges else None,
                "endCursor": edges[-1]["cursor"] if edges else None,
            },
        }

    def _salt(self, books: Books) -> int:
        if not books.switches["stable_order"]:
            self._traversals += 1
        return self._traversals

    def _rows(self, books: Books, wanted: Row | None, salt: int) -> tuple[list[Key], list[Order]]:
        fits = _filter(wanted)
        name = (salt, repr(wanted), id(books), books.version)
        found = self._sorted.get(name)
        if found is None:
            prefix = crc32(str(salt).encode())
            rows = sorted(
                ((crc32(o.id.encode(), prefix), o.id), o) for o in books.orders.values() if fits(o)
            )
            found = [key for key, _ in rows], [order for _, order in rows]
            if len(self._sorted) >= KEPT:
                self._sorted.pop(next(iter(self._sorted)))
            self._sorted[name] = found
        return found


def _cursor(salt: int, key: Key) -> str:
    return base64.urlsafe_b64encode(f"{salt}|{key[0]}|{key[1]}".encode()).decode()


def _read(cursor: str) -> tuple[int, Key]:
    try:
        salt, place, order_id = base64.urlsafe_b64decode(cursor).decode().split("|")
        return int(salt), (int(place), order_id)
    except ValueError:
        raise GraphQLError("The cursor is not one of this list.") from None


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise GraphQLError("A date of a filter must be ISO-8601 in UTC.") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def between(wanted: Row | None) -> Callable[[datetime], bool]:
    """A `DateRange`: both ends count, either may be left out."""
    start = wanted.get("start") if wanted else None
    end = wanted.get("end") if wanted else None
    low = None if start is None else _moment(start)
    high = None if end is None else _moment(end)
    return lambda at: (low is None or at >= low) and (high is None or at <= high)


def _honoured(wanted: Row | None, honoured: bool) -> Row | None:
    """The filter, without its last activity if the query is one that does not look at it."""
    if honoured or not wanted:
        return wanted
    return {name: value for name, value in wanted.items() if name != "lastActivity"}


def _filter(wanted: Row | None) -> Callable[[Order], bool]:
    wanted = wanted or {}
    active, created = between(wanted.get("lastActivity")), between(wanted.get("createdDate"))
    statuses = wanted.get("status")
    return lambda order: (
        active(order.last_activity)
        and created(order.created)
        and (statuses is None or order.status in statuses)
    )


def companies(books: Books, arguments: Mapping[str, Any]) -> list[str]:
    """`companyContacts(filter)`."""
    touched = between((arguments.get("filter") or {}).get("lastTouched"))
    found: list[Company] = list(books.office.companies.values())
    return [company.id for company in found if touched(company.touched)]
