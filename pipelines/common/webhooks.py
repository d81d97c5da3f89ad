"""Webhooks: how a vendor proves that it sent one, what it names, and how that is read again.

A webhook is a hint. Nothing of what it carries reaches the warehouse: it says which record has
changed, and the record is read by the vendor's API like any other. A lost webhook therefore costs
freshness and never data, and a forged one that got through would cost a request.

What is peculiar to a vendor is in `pipelines/<vendor>/webhooks.py`, as a `Webhooks`.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pipelines.common.entity import Entity, Read, Row, Vendor, in_reading_order
from pipelines.common.errors import RecordUnavailable, RetryLater
from pipelines.common.http import Api, VendorSettings
from pipelines.common.reading import WEBHOOK, Reading

__all__ = ["WEBHOOK", "Delivery", "Event", "Hint", "NotGenuine", "Subscription", "Webhooks"]

REPLAY_SECONDS = 300
"""How far the time that a vendor signs may be from ours, either way."""

Secrets = Mapping[str, str]
"""What is kept for a connection's webhooks: `token`, the unguessable part of its address, and the
key that signs its deliveries, where there is one."""

Body = Mapping[str, Any]


class NotGenuine(Exception):
    """A delivery that the vendor cannot have sent now; `reason` is a word or two for the count."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class NotUnderstood(Exception):
    """A genuine delivery of an unknown shape; the sentence quotes nothing of it."""


@dataclass(frozen=True)
class Delivery:
    """One request as it came: the raw body, headers by lower-case name, our time (Unix seconds)."""

    body: bytes = field(repr=False)
    headers: Mapping[str, str]
    now: float


@dataclass(frozen=True)
class Hint:
    """A record that may have changed. `key` is the row's `_key`; None stands for the whole entity.

    `is_new` says that the vendor has just made it and may not show it yet.
    """

    entity: str
    key: str | None = None
    is_new: bool = False


@dataclass(frozen=True)
class Event:
    """What a delivery tells, once. `source_id` is the same whenever the same thing is told again.

    `body` is what is kept: ids and times, never a person's data. No `hints` means that the event
    is about something that the platform does not pull.
    """

    source_id: str
    type: str
    hints: tuple[Hint, ...]
    body: Body


@dataclass(frozen=True)
class Subscription:
    """A subscription as the vendor shows it. `problem` is a clause if it is not alive as wanted."""

    source_id: str
    topic: str
    url: str
    problem: str | None = None


@dataclass(frozen=True)
class Registry:
    """How subscriptions are managed at the vendor.

    `topics` are those that an account needs, one subscription each. `create` returns secrets to
    keep, which it made or got. All raise the typed errors of `Api`.
    """

    topics: Callable[[Api, VendorSettings], Sequence[str]]
    existing: Callable[[Api, VendorSettings], list[Subscription]]
    create: Callable[[Api, VendorSettings, str, str, Secrets], Secrets]
    remove: Callable[[Api, VendorSettings, str], None]


@dataclass(frozen=True)
class Webhooks:
    """One vendor's webhooks.

    `verify` raises `NotGenuine`. `read` turns the parsed body, and our time, into events; it raises
    `NotUnderstood`, or `NotGenuine` for a replay. `readers` read single records, by entity; an
    entity without one is read as in a sync. `first` are entities that are read before, because they
    tell whose credential it is. More than `most` records of an entity at once are read as in a
    sync, from the beginning if `scan` names the entity. `acknowledgement` is the status that a
    stored delivery is answered with. `own_key` says that the key which signs is made by us,
    `vendor_key` that the vendor tells it once, when the subscription is made; `by_hand`, how to
    subscribe where the vendor has no way to do it by program.
    """

    vendor: Vendor
    verify: Callable[[Delivery, Secrets, VendorSettings], None]
    read: Callable[[Any, float], Iterator[Event]]
    readers: Mapping[str, Read]
    first: tuple[str, ...]
    registry: Callable[[VendorSettings], Registry | None]
    signing: str
    most: int = 500
    scan: frozenset[str] = frozenset()
    acknowledgement: int = 200
    own_key: bool = False
    vendor_key: bool = False
    by_hand: str = ""

    def closure(self, entities: Sequence[str]) -> list[str]:
        """The entities with all that they depend on, in reading order."""
        wanted: dict[str, Entity] = {}
        waiting = list(entities)
        while waiting:
            entity = self.vendor.entity(waiting.pop())
            if entity.name not in wanted:
                wanted[entity.name] = entity
                waiting += entity.depends_on
        return [entity.name for entity in in_reading_order(list(wanted.values()))]


def same(expected: str, given: str) -> bool:
    """Compare two signatures in constant time; `given` may hold anything."""
    return hmac.compare_digest(expected.encode(), given.encode("utf-8", "surrogateescape"))


def check_moment(seconds: float, now: float, window: float = REPLAY_SECONDS) -> None:
    """Raise `NotGenuine` if a signed time is too long ago, or ahead of ours."""
    if seconds < now - window:
        raise NotGenuine("too old")
    if seconds > now + REPLAY_SECONDS:
        raise NotGenuine("from the future")


def whole_number(text: str) -> int | None:
    """Digits as a number, None for anything else; `isdigit` takes signs that `int` does not."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 20 else None


def text_of(body: Any, *names: str) -> str | None:
    """The first of the fields that holds a text or a number, as text."""
    if not isinstance(body, Mapping):
        return None
    for name in names:
        value = body.get(name)
        if isinstance(value, str | int) and not isinstance(value, bool) and value != "":
            return str(value)
    return None


def address_token(delivery: Delivery, secrets: Secrets, settings: VendorSettings) -> None:
    """For vendors that sign nothing: the address was looked up by its token, which is all."""


def by_id(one: Callable[[Reading, str], list[Row]]) -> Read:
    """A reader of the wanted records that asks for each by itself; see `Reading.wanted`."""

    def read(reading: Reading) -> Iterator[Sequence[Row]]:
        yield from read_each(reading, one, sorted(reading.wanted))

    return read


def read_each(
    reading: Reading, one: Callable[[Reading, str], list[Row]], keys: Sequence[str]
) -> Iterator[list[Row]]:
    """The rows of each record; what is not there any more is gone, what fails costs only itself."""

    def ask(key: str) -> tuple[str, list[Row] | RecordUnavailable | RetryLater]:
        try:
            return key, one(reading, key)
        except (RecordUnavailable, RetryLater) as error:
            return key, error

    for key, found in reading.parallel(ask, keys):
        if isinstance(found, RetryLater):
            reading.failed[key] = found.sentence
        elif isinstance(found, RecordUnavailable):
            lose(reading, key, found)
        else:
            yield found


def lose(reading: Reading, key: str, error: RecordUnavailable) -> None:
    """Note that the vendor does not show a record.

    One that is not there is gone. One that may not be seen stays: whether the right to see it was
    lost for good is judged by a sync, which knows what else is seen no more.
    """
    reading.missing.add(key)
    if error.reason == "missing":
        reading.gone.add(key)
