"""The books' tables, and the journal that turns each change into Stripe's events."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from random import Random
from typing import Any, TypeVar, cast

from sandbox.stripe import wire
from sandbox.stripe.model import (
    KIND_OF,
    CheckoutSession,
    Customer,
    Event,
    Invoice,
    PaymentIntent,
    Price,
    Product,
    Subscription,
    Thing,
)

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
DAY = 86_400
KEPT_DAYS = 30
# one change in so many is told twice, by two events: the vendor says that this happens
TWICE = 9
T = TypeVar("T")


class Store:
    """Everything of one account by id, in the order of creation."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self.products: dict[str, Product] = {}
        self.prices: dict[str, Price] = {}
        self.customers: dict[str, Customer] = {}
        self.subscriptions: dict[str, Subscription] = {}
        self.invoices: dict[str, Invoice] = {}
        self.payment_intents: dict[str, PaymentIntent] = {}
        self.sessions: dict[str, CheckoutSession] = {}
        self.events: dict[str, Event] = {}
        self._tables: dict[str, dict[str, Any]] = {
            "product": self.products,
            "price": self.prices,
            "customer": self.customers,
            "subscription": self.subscriptions,
            "invoice": self.invoices,
            "payment_intent": self.payment_intents,
            "checkout.session": self.sessions,
            "event": self.events,
        }
        self._newest_first: dict[str, list[Any]] = {}

    def new_id(self, prefix: str) -> str:
        """`prefix_` and fourteen letters and digits."""
        return f"{prefix}_{''.join(self._rng.choices(LETTERS, k=14))}"

    def add(self, thing: T) -> T:
        """Puts a new thing into its table."""
        kind = KIND_OF[type(thing)]
        self._tables[kind][cast(Any, thing).id] = thing
        self._newest_first.pop(kind, None)
        return thing

    def find(self, kind: str, thing_id: str) -> Any | None:
        """A thing by id, tombstones too."""
        return self._tables[kind].get(thing_id)

    def named(self, thing_id: str) -> Any | None:
        """A thing by id alone, whatever it is."""
        return next((t[thing_id] for t in self._tables.values() if thing_id in t), None)

    def forget_events(self, moment: int, near: int) -> None:
        """Drops the events within so many seconds of a moment."""
        for event_id, event in list(self.events.items()):
            if abs(event.created - moment) < near:
                del self.events[event_id]
        self._newest_first.pop("event", None)

    def newest_first(self, kind: str) -> list[Any]:
        """A table as a list shows it: latest creation first; without tombstones it is not."""
        rows = self._newest_first.get(kind)
        if rows is None:
            # turned round after a stable sort, the later of two in one second is in front
            rows = sorted(self._tables[kind].values(), key=lambda t: t.created)[::-1]
            self._newest_first[kind] = rows
        return rows


class Journal:
    """Notes changes as events. What is older than the vendor keeps is not even rendered.

    `upgraded_at` is when the account's default API version changed from `before` to `after`;
    `silent` notes nothing, as if every message were lost.
    """

    def __init__(self, store: Store, rng: Random, *, since: int, upgraded_at: int) -> None:
        self._store = store
        self._rng = rng
        self._since = since
        self._upgraded_at = upgraded_at
        self._batch: list[Event] = []
        self._noted = 0
        self.before, self.after = "2024-06-20", wire.NEWEST
        self.silent = False
        self.request: dict[str, Any] | None = None

    def version_at(self, at: int) -> str:
        """The account's default API version of that moment."""
        return self.after if at >= self._upgraded_at else self.before

    def note(self, event_type: str, thing: Thing, at: int, before: Any = None) -> None:
        """One event about a thing; `before` is how it was rendered before the change."""
        if self.silent or at < self._since:
            return
        version = self.version_at(at)
        now = wire.render(thing, version, self._store)
        if getattr(thing, "deleted", False) and before is not None:
            # the last full picture: a deletion's event does not carry the tombstone
            now = before
        data: dict[str, Any] = {"object": now}
        if before is not None and not event_type.endswith(".deleted"):
            data["previous_attributes"] = changed(before, now)
        self._noted += 1
        for _ in range(2 if self._noted % TWICE == 0 else 1):
            self._batch.append(
                Event(
                    id=self._store.new_id("evt"),
                    created=at,
                    type=event_type,
                    api_version=version,
                    data=data,
                    object=KIND_OF[type(thing)],
                    object_id=thing.id,
                    pending_webhooks=0,
                    request=self.request or {"id": None, "idempotency_key": None},
                )
            )

    @contextmanager
    def change(self, event_type: str, thing: Thing, at: int) -> Iterator[None]:
        """Notes what the block did to the thing."""
        before = None
        if not self.silent and at >= self._since:
            before = wire.render(thing, self.version_at(at), self._store)
        yield
        self.note(event_type, thing, at, before)

    def flush(self) -> list[Event]:
        """Files the events noted so far; those of one second in no order that means anything."""
        batch, self._batch = self._batch, []
        self._rng.shuffle(batch)
        batch.sort(key=lambda event: event.created)
        for event in batch:
            self._store.add(event)
        return batch


def changed(before: dict[str, Any], now: dict[str, Any]) -> dict[str, Any]:
    """The old values of the members that differ, nested objects only as far as they differ."""
    found: dict[str, Any] = {}
    for name in before.keys() | now.keys():
        old, new = before.get(name), now.get(name)
        if old == new:
            continue
        if isinstance(old, dict) and isinstance(new, dict) and old.get("object") != "list":
            found[name] = changed(old, new)
        else:
            found[name] = old
    return dict(sorted(found.items()))
