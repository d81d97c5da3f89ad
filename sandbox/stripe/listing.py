"""Stripe's lists: parameters, filters, cursors, `expand[]` (contract §2)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from sandbox.http import Query, Reply
from sandbox.stripe import wire
from sandbox.stripe.model import STATUSES, Subscription
from sandbox.stripe.store import Store

DEFAULT_LIMIT, MAXIMUM_LIMIT = 10, 100
DEPTH = 4
NO_FILTER = frozenset({"limit", "starting_after", "ending_before", "expand", "created"})
FILTERS: Mapping[str, frozenset[str]] = {
    "product": frozenset({"active", "ids", "shippable", "type", "url"}),
    "price": frozenset({"active", "currency", "product", "type", "lookup_keys", "recurring"}),
    "customer": frozenset({"email", "test_clock"}),
    "subscription": frozenset(
        {
            "status",
            "customer",
            "price",
            "plan",
            "collection_method",
            "current_period_start",
            "current_period_end",
            "automatic_tax",
            "test_clock",
        }
    ),
    "invoice": frozenset({"customer", "status", "subscription", "collection_method"}),
    "payment_intent": frozenset({"customer"}),
    "checkout.session": frozenset({"customer", "subscription", "status"}),
    "event": frozenset({"type", "types", "delivery_success"}),
}
# what may be expanded where, and the kind of thing that the id names
EXPANDABLE: Mapping[str, frozenset[str]] = {
    "product": frozenset({"default_price", "tax_code"}),
    "price": frozenset({"product", "tiers", "currency_options"}),
    "subscription": frozenset(
        {"customer", "latest_invoice", "default_payment_method", "discounts"}
    ),
    "subscription_item": frozenset({"discounts"}),
    "invoice": frozenset({"customer"}),
    "payment_intent": frozenset({"customer", "payment_method", "latest_charge"}),
    "checkout.session": frozenset({"customer", "subscription", "invoice", "payment_intent"}),
}
BOUNDS: Mapping[str, Callable[[int, int], bool]] = {
    "gt": lambda a, b: a > b,
    "gte": lambda a, b: a >= b,
    "lt": lambda a, b: a < b,
    "lte": lambda a, b: a <= b,
}


class Refused(Exception):
    """Ends a request with Stripe's error envelope (§2)."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        error_type: str = "invalid_request_error",
        code: str | None = None,
        param: str | None = None,
        headers: tuple[tuple[bytes, bytes], ...] = (),
    ) -> None:
        super().__init__(message)
        error: dict[str, Any] = {"message": message, "type": error_type}
        if code is not None:
            error["code"] = code
            error["doc_url"] = f"https://docs.stripe.com/error-codes/{code.replace('_', '-')}"
        if param is not None:
            error["param"] = param
        self.reply = Reply.json({"error": error}, status, headers)


def missing(kind: str, thing_id: str, param: str, status: int = 404) -> Refused:
    """No such thing."""
    return Refused(status, f"No such {kind}: '{thing_id}'", code="resource_missing", param=param)


def check_names(query: Query, known: frozenset[str]) -> None:
    """400 for a parameter that the list does not have, as Stripe answers."""
    for name in query.names():
        if name.split("[", 1)[0] not in known:
            raise Refused(
                400, f"Received unknown parameter: {name}", code="parameter_unknown", param=name
            )


def whole(raw: str, name: str) -> int:
    """An integer parameter, else 400."""
    if not re.fullmatch(r"-?\d+", raw):
        raise Refused(400, f"Invalid integer: {raw}", code="parameter_invalid_integer", param=name)
    return int(raw)


def flag(query: Query, name: str) -> bool | None:
    """A boolean parameter, else 400."""
    raw = query.get(name)
    if raw is None:
        return None
    if raw not in ("true", "false"):
        raise Refused(400, f"Invalid boolean: {raw}", param=name)
    return raw == "true"


def values(query: Query, name: str) -> list[str]:
    """An array parameter as `name[]=` or `name[0]=`."""
    found = query.all(f"{name}[]")
    return found or [
        value for n in query.names() if re.fullmatch(rf"{name}\[\d+\]", n) for value in query.all(n)
    ]


def in_range(query: Query, name: str) -> Callable[[int], bool]:
    """`name=` or `name[gt|gte|lt|lte]=` in Unix seconds."""
    tests: list[tuple[Callable[[int, int], bool], int]] = []
    exact = query.get(name)
    if exact is not None:
        tests.append((lambda a, b: a == b, whole(exact, name)))
    for given in query.names():
        found = re.fullmatch(rf"{name}\[(\w+)\]", given)
        if found:
            if found[1] not in BOUNDS:
                raise Refused(
                    400, f"Received unknown parameter: {given}", code="parameter_unknown",
                    param=given,
                )  # fmt: skip
            tests.append((BOUNDS[found[1]], whole(query.get(given) or "", given)))
    return lambda moment: all(test(moment, bound) for test, bound in tests)


@dataclass(frozen=True, slots=True)
class Window:
    """Which rows of a list are asked for."""

    limit: int
    after: str | None
    before: str | None


def window_of(query: Query) -> Window:
    """`limit` 1…100 and at most one cursor, else 400."""
    raw = query.get("limit")
    limit = DEFAULT_LIMIT if raw is None else whole(raw, "limit")
    if limit > MAXIMUM_LIMIT or limit < 1:
        bound = "less than or equal to 100" if limit > 1 else "greater than or equal to 1"
        raise Refused(
            400,
            f"This value must be {bound} (it currently is {limit}).",
            code="parameter_invalid_integer",
            param="limit",
        )
    after, before = query.get("starting_after"), query.get("ending_before")
    if after is not None and before is not None:
        raise Refused(
            400, "You can only specify one of these parameters: starting_after, ending_before."
        )
    return Window(limit, after, before)


def cut(rows: list[Any], window: Window, kind: str) -> tuple[list[Any], bool]:
    """The rows of a window and whether more follow in its direction."""
    name = window.after or window.before
    if name is None:
        return rows[: window.limit], len(rows) > window.limit
    position = next((n for n, row in enumerate(rows) if row.id == name), None)
    if position is None:
        param = "starting_after" if window.after else "ending_before"
        raise missing(kind, name, param, 400)
    if window.after:
        part = rows[position + 1 : position + 1 + window.limit]
        return part, position + 1 + window.limit < len(rows)
    start = max(0, position - window.limit)
    return rows[start:position], start > 0


def filter_of(kind: str, query: Query, store: Store) -> Callable[[Any], bool]:
    """What a list's own parameters let through."""
    created = in_range(query, "created")
    own = _OWN[kind](query, store) if kind in _OWN else _same(query, FILTERS[kind])
    return lambda row: created(row.created) and own(row)


def _same(query: Query, names: frozenset[str]) -> Callable[[Any], bool]:
    wanted = {name: query.get(name) for name in names if query.get(name) is not None}
    return lambda row: all(getattr(row, name, None) == value for name, value in wanted.items())


def _products(query: Query, store: Store) -> Callable[[Any], bool]:
    active, shippable = flag(query, "active"), flag(query, "shippable")
    ids = values(query, "ids")
    rest = _same(query, frozenset({"type", "url"}))
    return lambda row: (
        active in (None, row.active)
        and shippable in (None, bool(row.shippable))
        and (not ids or row.id in ids)
        and rest(row)
    )


def _prices(query: Query, store: Store) -> Callable[[Any], bool]:
    active, keys = flag(query, "active"), values(query, "lookup_keys")
    rest = _same(query, frozenset({"currency", "product", "type"}))
    recurring = {
        name: query.get(f"recurring[{name}]") for name in ("interval", "usage_type", "meter")
    }
    wanted = {name: value for name, value in recurring.items() if value is not None}
    return lambda row: (
        active in (None, row.active)
        and (not keys or row.lookup_key in keys)
        and all((row.recurring or {}).get(name) == value for name, value in wanted.items())
        and rest(row)
    )


def _subscriptions(query: Query, store: Store) -> Callable[[Any], bool]:
    status = query.get("status")
    if status not in (None, "all", "ended", *STATUSES):
        raise Refused(400, f"Invalid status: {status}", param="status")
    price = query.get("price") or query.get("plan")
    start, end = in_range(query, "current_period_start"), in_range(query, "current_period_end")
    taxed = flag(query, "automatic_tax[enabled]")
    rest = _same(query, frozenset({"customer", "collection_method", "test_clock"}))

    def fits(row: Subscription) -> bool:
        if status is None:
            # without the parameter the cancelled ones are kept back
            shown = row.status != "canceled"
        elif status == "ended":
            shown = row.status in ("canceled", "incomplete_expired")
        else:
            shown = status in ("all", row.status)
        return (
            shown
            and (price is None or any(i.price == price for i in row.items))
            and start(row.period_start)
            and end(row.period_end)
            and not taxed
            and rest(row)
        )

    return fits


def _events(query: Query, store: Store) -> Callable[[Any], bool]:
    types = values(query, "types")
    if len(types) > 20:
        raise Refused(400, "You may pass up to 20 event types.", param="types")
    single = query.get("type")
    if single is not None and types:
        raise Refused(400, "You may only specify one of these parameters: type, types.")
    patterns = [single] if single is not None else types
    delivered = flag(query, "delivery_success")
    return lambda row: (
        (not patterns or any(fnmatchcase(row.type, p) for p in patterns))
        and (delivered is None or delivered == (row.pending_webhooks == 0))
    )


_OWN: Mapping[str, Callable[[Query, Store], Callable[[Any], bool]]] = {
    "product": _products,
    "price": _prices,
    "subscription": _subscriptions,
    "event": _events,
}


def expand(body: dict[str, Any], path: str, version: str | None, store: Store) -> None:
    """Replaces the ids at a path by their things, in place. 400 for what cannot be expanded."""
    parts = path.split(".")
    if len(parts) > DEPTH + (parts[0] == "data"):
        raise Refused(400, f"You cannot expand more than {DEPTH} levels of a property.")
    _expand(body, parts, path, version, store)


def _expand(
    node: dict[str, Any], parts: list[str], path: str, version: str | None, store: Store
) -> None:
    name, *rest = parts
    if node.get("object") == "list":
        if name != "data":
            raise _not_expandable(path)
        if rest:
            for child in node["data"]:
                _expand(child, rest, path, version, store)
        return
    kind = str(node.get("object", ""))
    value = node.get(name)
    if isinstance(value, dict) and rest:
        _expand(value, rest, path, version, store)
        return
    if name not in EXPANDABLE.get(kind, ()):
        raise _not_expandable(path)
    if kind == "price" and name in ("tiers", "currency_options"):
        extra = wire.price_extra(store.prices[node["id"]], name)
        if extra is not None:
            node[name] = extra
        return
    thing = store.named(value) if isinstance(value, str) else None
    if thing is None:
        return
    node[name] = wire.render(thing, version, store)
    if rest:
        _expand(node[name], rest, path, version, store)


def _not_expandable(path: str) -> Refused:
    return Refused(400, f"This property cannot be expanded ({path}).", param="expand")
