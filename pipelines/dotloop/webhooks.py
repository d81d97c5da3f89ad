"""Dotloop's webhooks: signed with a key of ours, ids only, in two forms (§5).

What is signed is disputed: the body alone, or the time, a dot and the body. Either is accepted, and
the log tells which it was. A loop is read again with its details and people.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from pipelines.common.entity import Read, Row
from pipelines.common.errors import RecordUnavailable
from pipelines.common.http import Api, VendorSettings
from pipelines.common.moments import moment
from pipelines.common.reading import Reading
from pipelines.common.webhooks import (
    REPLAY_SECONDS,
    Delivery,
    Event,
    Hint,
    NotGenuine,
    NotUnderstood,
    Registry,
    Secrets,
    Subscription,
    Webhooks,
    by_id,
    check_moment,
    read_each,
    same,
    text_of,
    whole_number,
)
from pipelines.dotloop.account import read_accounts
from pipelines.dotloop.client import (
    DotloopSettings,
    id_of,
    list_of,
    object_of,
    rows_of,
    settings_of,
)
from pipelines.dotloop.loops import answer_about, loop_of, read_merged_loops, with_details
from pipelines.dotloop.parts import plain
from pipelines.dotloop.source import DOTLOOP

log = logging.getLogger(__name__)

BODY_SECONDS = 24 * 3600
"""A delivery that fails is repeated for sixteen hours (§5.4); what is older is a replay. It is the
body's own time that tells, because a header that is not signed can be made new."""

_EPOCH_MS = 10**11

LOOP_EVENTS = (
    "LOOP_CREATED",
    "LOOP_UPDATED",
    "LOOP_MERGED",
    "LOOP_PARTICIPANT_CREATED",
    "LOOP_PARTICIPANT_UPDATED",
    "LOOP_PARTICIPANT_DELETED",
)
USER_EVENTS = (
    "CONTACT_CREATED",
    "CONTACT_UPDATED",
    "CONTACT_DELETED",
    "PROFILE_UPDATED",
    "USER_PROFILE_ACTIVATED",
    "USER_PROFILE_DEACTIVATED",
    "USER_ADDED_TO_PROFILE",
    "USER_REMOVED_FROM_PROFILE",
)
_OF_LOOP = ("loops", "participants", "merged_loops")


# -- is it genuine ---------------------------------------------------------------------------------


def signatures(body: bytes, stamp: str, key: str) -> dict[str, str]:
    """Hex of HMAC-SHA1 by what may be signed (§5.3)."""
    forms = {"time and body": stamp.encode("utf-8", "replace") + b"." + body, "body": body}
    return {
        form: hmac.new(key.encode(), signed, hashlib.sha1).hexdigest()
        for form, signed in forms.items()
    }


def verify(delivery: Delivery, secrets: Secrets, settings: VendorSettings) -> None:
    """Raise `NotGenuine` unless our key signed the body, and the header's time is now."""
    given, key = delivery.headers.get("x-dotloop-signature", ""), secrets.get("signing_key")
    stamp = delivery.headers.get("x-dotloop-timestamp", "")
    if not given:
        raise NotGenuine("no signature")
    # both are compared, so that the time taken does not tell which one was near
    forms = signatures(delivery.body, stamp, key or "")
    matched = [form for form, signature in forms.items() if same(signature, given)]
    if key is None or not matched:
        raise NotGenuine("wrong signature")
    seconds = whole_number(stamp)
    if seconds is None:
        raise NotGenuine("no time")
    check_moment(seconds / 1000 if seconds > _EPOCH_MS else seconds, delivery.now, REPLAY_SECONDS)
    # one for each delivery: the form that never comes can go (§5.3)
    log.info("Dotloop signed a delivery in the form: %s", matched[0])


def read(body: Any, now: float) -> Iterator[Event]:
    """The one event of a delivery, in either of its forms (§5.2)."""
    source_id, name = text_of(body, "eventId"), text_of(body, "eventType")
    if source_id is None or name is None:
        raise NotUnderstood("A delivery of Dotloop has no eventId and eventType.")
    made = body.get("timestamp") or body.get("createdOn")
    seconds = made / 1000 if isinstance(made, int) else _seconds(made)
    if seconds is not None:
        check_moment(seconds, now, BODY_SECONDS)
    event = body.get("event")
    about = event if isinstance(event, Mapping) else {}
    profile = text_of(about, "profileId") or text_of(body, "profileId")
    names = ("id", "profileId", "loopId", "participantId", "fromId", "toId")
    kept = {
        **{n: body.get(n) for n in ("eventId", "eventType", "timestamp", "createdOn", "profileId")},
        "event": {n: about[n] for n in names if n in about},
    }
    yield Event(source_id, name, tuple(_hints(name, about, profile)), kept)


def _seconds(text: object) -> float | None:
    found = moment(text)
    return found.timestamp() if found is not None else None


def _hints(name: str, about: Mapping[str, Any], profile: str | None) -> Iterator[Hint]:
    if name in LOOP_EVENTS:
        loops = [text_of(about, "loopId", "id"), text_of(about, "fromId"), text_of(about, "toId")]
        named = list(dict.fromkeys(loop for loop in loops if loop and whole_number(loop)))
        if profile is None or whole_number(profile) is None or not named:
            yield Hint("loops")
            return
        for loop in named:
            for table in _OF_LOOP:
                yield Hint(table, f"{profile}|{loop}", is_new=name == "LOOP_CREATED")
    elif name.startswith("CONTACT_") and name in USER_EVENTS:
        key = text_of(about, "id")
        known = key is not None and whole_number(key) is not None
        yield Hint("contacts", key if known else None, is_new=name == "CONTACT_CREATED")
    elif name in USER_EVENTS:
        yield Hint("profiles")


# -- reading it again ------------------------------------------------------------------------------


def _loops(reading: Reading) -> Iterator[Sequence[Row]]:
    """The wanted loops with their details; one that is part of another now is gone."""
    merged: dict[str, str] = {}

    def one(_reading: Reading, key: str) -> list[Row]:
        answer = answer_about(reading, key)
        if isinstance(answer, str):
            merged[key] = answer
            return []
        return [with_details(reading, key, loop_of(answer))]

    yield from read_each(reading, one, sorted(reading.wanted))
    reading.gone |= merged.keys()
    reading.handover.put("loops.merged", merged)
    reading.handover.put("loops.gone", set(reading.gone))


def _participants(reading: Reading) -> Iterator[Sequence[Row]]:
    """The people of the wanted loops; whom a loop shows no more is gone."""
    gone: set[str] = reading.handover.get("loops.gone", set())

    def one(_reading: Reading, key: str) -> list[Row]:
        answer = answer_about(reading, key, "/participant")
        if isinstance(answer, str):
            raise RecordUnavailable("The loop is part of another now.", reason="missing")
        return [plain(row, key) for row in rows_of(answer.data, answer.url)]

    for key in sorted(reading.wanted):
        shown: set[str] = set()
        for rows in read_each(reading, one, [key]):
            shown |= {f"{key}|{own}" for row in rows if (own := id_of(row)) is not None}
            yield rows
        reading.gone.discard(key)
        answered = key not in reading.failed and key not in reading.missing
        if answered or key in gone:
            held = reading.memory.keys_where("participants", "loop_id", [key.split("|")[1]])
            reading.gone |= {row for row in held if row.startswith(f"{key}|")} - shown


def _contact(reading: Reading, key: str) -> list[Row]:
    return [object_of(reading.api, f"{settings_of(reading).base_url}/contact/{key}")]


READERS: Mapping[str, Read] = {
    "accounts": read_accounts,
    "loops": _loops,
    "participants": _participants,
    "merged_loops": read_merged_loops,
    "contacts": by_id(_contact),
}


# -- subscriptions ---------------------------------------------------------------------------------


def _base(settings: VendorSettings) -> str:
    return cast(DotloopSettings, settings).base_url


def _topics(api: Api, settings: VendorSettings) -> Sequence[str]:
    """One for the person, and one for each open profile."""
    person = id_of(object_of(api, f"{_base(settings)}/account"))
    profiles = list_of(api, f"{_base(settings)}/profile")
    return [
        f"USER {person}",
        *(f"PROFILE {id_of(row)}" for row in profiles if row.get("deactivated") is not True),
    ]


def _events_of(topic: str) -> tuple[str, ...]:
    return USER_EVENTS if topic.startswith("USER") else LOOP_EVENTS


def _existing(api: Api, settings: VendorSettings) -> list[Subscription]:
    found: list[Subscription] = []
    params: tuple[tuple[str, str], ...] = ()
    while True:
        body = api.get(f"{_base(settings)}/subscription", params).data
        found += [_subscription(row) for row in rows_of(body, "/subscription")]
        cursor = text_of(body, "next_cursor") or text_of(body.get("meta"), "next_cursor")
        if cursor is None:
            return found
        params = (("next_cursor", cursor),)


def _subscription(row: Row) -> Subscription:
    topic = f"{row.get('targetType')} {row.get('targetId')}"
    lacking = sorted(set(_events_of(topic)) - set(row.get("eventTypes") or ()))
    problem = None
    if row.get("enabled") is not True:
        problem = "it is disabled"
    elif lacking:
        problem = f"it lacks {len(lacking)} events, such as {lacking[0]}"
    return Subscription(text_of(row, "id") or "", topic, text_of(row, "url") or "", problem)


def _create(api: Api, settings: VendorSettings, topic: str, url: str, secrets: Secrets) -> Secrets:
    kind, _, target = topic.partition(" ")
    api.write(
        "POST",
        f"{_base(settings)}/subscription",
        body={
            "targetType": kind,
            "targetId": int(target),
            "url": url,
            "enabled": True,
            "eventTypes": list(_events_of(topic)),
            "signingKey": secrets["signing_key"],
        },
    )
    return {}


def _remove(api: Api, settings: VendorSettings, source_id: str) -> None:
    api.write("DELETE", f"{_base(settings)}/subscription/{source_id}")


_REGISTRY = Registry(_topics, _existing, _create, _remove)

WEBHOOKS = Webhooks(
    vendor=DOTLOOP,
    verify=verify,
    read=read,
    readers=READERS,
    first=("accounts",),
    registry=lambda _settings: _REGISTRY,
    signing="HMAC-SHA1 of the body, or of time and body, with a key of ours",
    own_key=True,
)
