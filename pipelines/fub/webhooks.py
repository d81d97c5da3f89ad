"""Follow Up Boss's webhooks: signed with the system's key, ids only, one event a subscription (§6).

Records are read by the list with `id=a,b,c`, a hundred at a time, which is what an event's `uri`
asks for; what the list does not show is asked for by itself. Who deletes a person deletes what was
said to that person, too, without a word about it: those rows are ended with the person's.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

import xxhash

from pipelines.common.entity import Read, Row
from pipelines.common.errors import ContractBroken, RecordUnavailable
from pipelines.common.http import Api, VendorSettings
from pipelines.common.moments import moment
from pipelines.common.reading import Reading
from pipelines.common.webhooks import (
    Delivery,
    Event,
    Hint,
    NotGenuine,
    NotUnderstood,
    Registry,
    Secrets,
    Subscription,
    Webhooks,
    check_moment,
    read_each,
    same,
    text_of,
    whole_number,
)
from pipelines.fub.account import SIGHT, read_identity
from pipelines.fub.client import PAGE, FubSettings, Params, id_of, listing, read_page, settings_of
from pipelines.fub.people import EVERYONE
from pipelines.fub.source import FUB

REPLAY_SECONDS = 24 * 3600
"""Nothing but the body is signed, and a delivery that failed is repeated for up to eight hours
(§6.5): what is older is a replay. A younger one is known by its event id."""

_CHANGES = ("Created", "Updated", "Deleted")
_PEOPLE = ("Created", "Updated", "Deleted", "TagsCreated", "StageUpdated", "RelationshipCreated",
           "RelationshipUpdated", "RelationshipDeleted")  # fmt: skip
_RECORDS = {
    "calls": ("calls", ()),
    "notes": ("notes", ()),
    "tasks": ("tasks", ()),
    "deals": ("deals", (("includeArchived", "1"), ("includeDeleted", "1"))),
    "appointments": ("appointments", ()),
    "textMessages": ("text_messages", ()),
}
_LISTS = {
    "stage": "stages",
    "pipeline": "pipelines",
    "pipelineStage": "pipelines",
    "customFields": "custom_fields",
    "dealCustomFields": "deal_custom_fields",
}
_OF_PERSON = ("calls", "text_messages", "events", "notes", "tasks")
"""What goes with a person who is deleted, of what is pulled (§6.3)."""

_PERSON = "person="

TOPICS: Mapping[str, tuple[str, str]] = {
    **{f"people{change}": ("people", change) for change in _PEOPLE},
    "eventsCreated": ("events", "Created"),
    **{
        f"{name}{change}": (table, change)
        for name, (table, _) in _RECORDS.items()
        for change in _CHANGES
    },
    **{f"{name}{change}": (table, "") for name, table in _LISTS.items() for change in _CHANGES},
}
"""The events that are subscribed to: the table that each is about, and the kind of change."""


# -- is it genuine ---------------------------------------------------------------------------------


def signature(body: bytes, key: str) -> str:
    """Hex of HMAC-SHA256 over the base64 of the raw body (§6.4)."""
    return hmac.new(key.encode(), base64.b64encode(body), hashlib.sha256).hexdigest()


def verify(delivery: Delivery, secrets: Secrets, settings: VendorSettings) -> None:
    """Raise `NotGenuine` unless the system's key signed the body."""
    key = cast(FubSettings, settings).system_key
    given = delivery.headers.get("fub-signature", "")
    if key is None or not same(signature(delivery.body, key.get_secret_value()), given):
        raise NotGenuine("wrong signature" if given else "no signature")


def read(body: Any, now: float) -> Iterator[Event]:
    """The one event of a delivery. Raises `NotGenuine` if it was made too long ago (§6.3)."""
    source_id, name = text_of(body, "eventId"), text_of(body, "event")
    ids = body.get("resourceIds") if isinstance(body, Mapping) else None
    if source_id is None or name is None or not isinstance(ids, list):
        raise NotUnderstood("A delivery of Follow Up Boss has no eventId, event and resourceIds.")
    made = moment(body.get("eventCreated"))
    if made is not None:
        check_moment(made.timestamp(), now, REPLAY_SECONDS)
    keys = sorted({str(key) for key in ids if id_of({"id": key}) is not None})
    if len(keys) < len(set(map(str, ids))):
        raise NotUnderstood(
            "A delivery of Follow Up Boss names records by something else than ids."
        )
    # a bulk edit may come in parts; whether they share their id is not documented
    part = xxhash.xxh3_64_hexdigest(",".join(keys).encode())
    kept = {n: body.get(n) for n in ("eventId", "eventCreated", "event", "resourceIds", "uri")}
    yield Event(f"{source_id}:{part}", name, tuple(hints(name, keys)), kept)


def hints(name: str, keys: Sequence[str]) -> Iterator[Hint]:
    """What an event says may have changed; nothing if it is about what is not pulled."""
    table, change = TOPICS.get(name, (None, ""))
    if table is None:
        return
    if not change:
        yield Hint(table)
        return
    for key in keys:
        yield Hint(table, key, is_new=change == "Created")
        if name == "peopleDeleted":
            yield from (Hint(child, f"{_PERSON}{key}") for child in _OF_PERSON)


# -- reading it again ------------------------------------------------------------------------------


def _records(path: str, params: Params = (), context: str = "default") -> Read:
    """A reader of the wanted records of a list, and of whose person may be gone."""

    def read_some(reading: Reading) -> Iterator[Sequence[Row]]:
        keys = sorted(key for key in reading.wanted if not key.startswith(_PERSON))
        for start in range(0, len(keys), PAGE):
            yield from _some(reading, keys[start : start + PAGE])
        people = [key.removeprefix(_PERSON) for key in reading.wanted if key.startswith(_PERSON)]
        _end_those_of(reading, people)
        if not SIGHT.is_whole(reading):
            # whether a role is answered 403 or 404 about what it may not see is not documented
            reading.gone.clear()

    def _some(reading: Reading, keys: Sequence[str]) -> Iterator[list[Row]]:
        asked = listing(reading, path, params, context)
        page = read_page(
            reading.api.get(
                f"{asked.base_url}/{path}",
                [*params, ("id", ",".join(keys)), ("limit", str(PAGE))],
                context=context,
            ).data,
            path,
        )
        # an unknown parameter is ignored: whatever was not asked for is left out (§2.3)
        rows = [row for row in page.rows if str(id_of(row)) in keys]
        yield rows
        shown = {str(id_of(row)) for row in rows}
        left = [key for key in keys if key not in shown]
        yield from read_each(reading, one, left)

    def one(reading: Reading, key: str) -> list[Row]:
        url = f"{settings_of(reading).base_url}/{path}/{key}"
        found = reading.api.get(url, params, context=context, single_record=True).data
        if not isinstance(found, dict):
            raise ContractBroken(
                f"Follow Up Boss answered /{path} with no object; compare docs/vendors/fub.md."
            )
        return [found]

    return read_some


def _end_those_of(reading: Reading, people: Sequence[str]) -> None:
    """End the rows of people who are gone for good."""
    for person in people:
        url = f"{settings_of(reading).base_url}/people/{person}"
        try:
            reading.api.get(url, single_record=True)
        except RecordUnavailable as error:
            if error.reason == "missing":
                reading.gone |= reading.memory.keys_where(
                    reading.entity.name, "person_id", [person]
                )


READERS: Mapping[str, Read] = {
    "identity": read_identity,
    "people": _records("people", EVERYONE),
    "events": _records("events", context="events"),
    **{table: _records(name, params) for name, (table, params) in _RECORDS.items()},
}


# -- subscriptions ---------------------------------------------------------------------------------


def _base(settings: VendorSettings) -> str:
    return cast(FubSettings, settings).base_url


def _topics(_api: Api, settings: VendorSettings) -> Sequence[str]:
    own = cast(FubSettings, settings)
    if not own.system or own.system_key is None:
        raise ContractBroken(
            "Follow Up Boss takes webhooks of registered systems only: set BROKERAGE_FUB_SYSTEM "
            "and BROKERAGE_FUB_SYSTEM_KEY."
        )
    return list(TOPICS)


def _existing(api: Api, settings: VendorSettings) -> list[Subscription]:
    found: list[Subscription] = []
    params: list[tuple[str, str]] = [("limit", str(PAGE))]
    while True:
        page = read_page(api.get(f"{_base(settings)}/webhooks", params).data, "webhooks")
        for row in page.rows:
            status = text_of(row, "status")
            found.append(
                Subscription(
                    source_id=text_of(row, "id") or "",
                    topic=text_of(row, "event") or "",
                    url=text_of(row, "url") or "",
                    problem=None if status == "Active" else f"its status is {status}",
                )
            )
        if page.next is None:
            return found
        params = [("limit", str(PAGE)), ("next", page.next)]


def _create(api: Api, settings: VendorSettings, topic: str, url: str, _secrets: Secrets) -> Secrets:
    api.write("POST", f"{_base(settings)}/webhooks", body={"event": topic, "url": url})
    return {}


def _remove(api: Api, settings: VendorSettings, source_id: str) -> None:
    if whole_number(source_id) is None:
        raise ContractBroken("A webhook of Follow Up Boss has an id that is no number.")
    api.write("DELETE", f"{_base(settings)}/webhooks/{source_id}")


_REGISTRY = Registry(_topics, _existing, _create, _remove)

WEBHOOKS = Webhooks(
    vendor=FUB,
    verify=verify,
    read=read,
    readers=READERS,
    first=("identity",),
    registry=lambda _settings: _REGISTRY,
    signing="HMAC-SHA256 of the base64 of the body, with the system's key",
    most=5_000,
)
