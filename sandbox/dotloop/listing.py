"""Batches, sorting and filters of the lists (contract §2, §3.3), each list put in order once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from sandbox.dotloop import facts
from sandbox.dotloop.model import Contact, Loop, Value
from sandbox.http import Query

if TYPE_CHECKING:
    from sandbox.dotloop.books import Books

BATCH_SIZE = 20
MOST_LISTS = 256
LABEL_KEYS = {
    "purchase_price": ("Financials", "Purchase/Sale Price"),
    "listing_date": ("Listing Information", "Listing Date"),
    "expiration_date": ("Listing Information", "Expiration Date"),
    "closing_date": ("Contract Dates", "Closing Date"),
}
SORT_KEYS = ("default", "address", "created", "updated", *LABEL_KEYS, "review_submission_date")


class BadRequest(ValueError):
    """A parameter that the vendor refuses."""


def batch(query: Query, cap: int) -> tuple[int, int]:
    """Where a batch begins and how many rows it has at most; a cap is applied silently."""
    number, size = _count(query, "batch_number", 1), _count(query, "batch_size", BATCH_SIZE)
    size = min(size, cap)
    return (number - 1) * size, size


def _count(query: Query, name: str, default: int) -> int:
    text = query.get(name)
    if text is None:
        return default
    if not text.isdecimal() or int(text) < 1:
        raise BadRequest(f"{name} must be a positive integer")
    return int(text)


def conditions(text: str | None) -> dict[str, list[str]]:
    """The filter taken apart: `a=1,b=2|3` is `{"a": ["1"], "b": ["2", "3"]}`."""
    found: dict[str, list[str]] = {}
    for part in (text or "").split(","):
        name, equals, values = part.partition("=")
        if part and not equals:
            raise BadRequest(f"filter has no value for {name}")
        if part:
            found[name.strip()] = values.split("|")
    return found


def moment(text: str) -> datetime:
    """An instant of a filter. Raises BadRequest for anything else."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise BadRequest(f"{text} is no ISO 8601 instant") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


class Lists:
    """Ordered and filtered lists, kept until the books change."""

    def __init__(self) -> None:
        self._version = -1
        self._books: Books | None = None
        self._lists: dict[tuple[Any, ...], list[Any]] = {}

    def _once(self, books: Books, key: tuple[Any, ...], make: Callable[[], list[Any]]) -> list[Any]:
        stale = self._version != books.version or self._books is not books
        if stale or len(self._lists) >= MOST_LISTS:
            self._lists.clear()
            self._version, self._books = books.version, books
        if key not in self._lists:
            self._lists[key] = make()
        return self._lists[key]

    def loops(self, books: Books, profile_id: int, query: Query) -> list[Loop]:
        """A profile's loops as `sort` and `filter` want them."""
        books.follow()
        order, wanted = query.get("sort") or "default:desc", query.get("filter")

        def make() -> list[Loop]:
            found = [loop for loop in books.listed(profile_id) if fits(loop)]
            return _ordered(found, order)

        fits = _fits(conditions(wanted), inclusive=bool(books.switches["updated_min_inclusive"]))
        return self._once(books, ("loops", profile_id, order, wanted), make)

    def contacts(self, books: Books, agent_key: str, query: Query) -> list[Contact]:
        """An account's contacts by id."""
        wanted = query.get("filter") if books.switches["contact_filter"] else None
        since = conditions(wanted).get("updated_min")

        def make() -> list[Contact]:
            rows = list(books.contacts[agent_key].values())
            if since is None:
                return rows
            bound = moment(since[0])
            return [row for row in rows if row.updated is not None and row.updated >= bound]

        return self._once(books, ("contacts", agent_key, wanted), make)


def _fits(wanted: dict[str, list[str]], *, inclusive: bool) -> Callable[[Loop], bool]:
    """A test of one loop. Keys that nobody knows are ignored [assumed]."""
    updated = moment(wanted["updated_min"][0]) if "updated_min" in wanted else None
    created = moment(wanted["created_min"][0]) if "created_min" in wanted else None
    kinds, statuses = wanted.get("transaction_type"), wanted.get("transaction_status")

    def fits(loop: Loop) -> bool:
        if updated is not None and (
            loop.updated < updated or (loop.updated == updated and not inclusive)
        ):
            return False
        if created is not None and loop.created < created:
            return False
        if kinds is not None and facts.kind(loop) not in kinds:
            return False
        return statuses is None or facts.status(loop) in statuses

    return fits


def _ordered(loops: list[Loop], order: str) -> list[Loop]:
    name, _, direction = order.partition(":")
    if name not in SORT_KEYS or direction not in ("", "asc", "desc"):
        raise BadRequest(f"sort {order} is not supported")
    by = _key(name)
    known = [(value, loop) for loop in loops if (value := by(loop)) is not None]
    known.sort(key=lambda pair: (pair[0], pair[1].id), reverse=direction == "desc")
    ordered = [loop for _, loop in known]
    if len(ordered) < len(loops):
        # loops without the value are last either way
        have = {loop.id for loop in ordered}
        ordered += [loop for loop in loops if loop.id not in have]
    return ordered


def _key(name: str) -> Callable[[Loop], Any]:
    match name:
        case "created":
            return lambda loop: loop.created
        case "default" | "updated":
            return lambda loop: loop.updated
        case "address":
            return _street
        case "review_submission_date":
            return lambda loop: loop.created if loop.number % 3 == 2 else None
        case _:
            section, label = LABEL_KEYS[name]
            return lambda loop: _comparable(facts.facts(loop).get(section, {}).get(label))


def _street(loop: Loop) -> str | None:
    deal = loop.current
    return deal.address.street if deal else None


def _comparable(value: Value | None) -> Decimal | date | None:
    return None if isinstance(value, str) else value
