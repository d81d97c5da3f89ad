"""Webhooks of Dotloop (contract §5): thin, in two forms, signed with the subscriber's key."""

from __future__ import annotations

import hashlib
import hmac
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

from sandbox.hooks import Flawed, Notice, Rules, Subscription

if TYPE_CHECKING:
    from sandbox.box import Sandbox
    from sandbox.dotloop.books import Books
    from sandbox.dotloop.model import Loop

PROFILE_EVENTS = frozenset(
    {
        *("LOOP_CREATED", "LOOP_UPDATED", "LOOP_MERGED"),
        *(f"LOOP_PARTICIPANT_{what}" for what in ("CREATED", "UPDATED", "DELETED")),
    }
)
USER_EVENTS = frozenset(
    {
        *(f"CONTACT_{what}" for what in ("CREATED", "UPDATED", "DELETED")),
        *("PROFILE_UPDATED", "USER_PROFILE_ACTIVATED", "USER_PROFILE_DEACTIVATED"),
        *("USER_ADDED_TO_PROFILE", "USER_REMOVED_FROM_PROFILE"),
    }
)
LIFECYCLE = frozenset({"SUBSCRIPTION_DISABLED"})
"""What a subscription is told about itself, whatever it was made for."""

_LOOPS = {"add_loop": "LOOP_CREATED", "edit_loop": "LOOP_UPDATED", "add_activity": "LOOP_UPDATED"}
_PEOPLE = {
    "add_participant": "LOOP_PARTICIPANT_CREATED",
    "edit_participant": "LOOP_PARTICIPANT_UPDATED",
    "delete_participant": "LOOP_PARTICIPANT_DELETED",
}
_CONTACTS = {
    "add_contact": "CONTACT_CREATED",
    "edit_contact": "CONTACT_UPDATED",
    "delete_contact": "CONTACT_DELETED",
}


def notices(box: Sandbox, change: Mapping[str, Any], result: Any) -> Iterable[Notice]:
    """What a `dotloop.` change tells; every member of a profile is told of its loops."""
    books = cast("Books", box.books["dotloop"])
    op = str(change.get("op", "")).removeprefix("dotloop.")
    if op in _LOOPS or op in _PEOPLE:
        loop = books.loops[int(result["loop_id"])]
        event = _LOOPS.get(op) or _PEOPLE[op]
        more = {"participantId": result["id"]} if op in _PEOPLE else {}
        yield from _of_loop(books, loop, event, more)
    elif op == "merge_loops":
        old, into = books.loops[int(result["loop_id"])], books.loops[int(result["into"])]
        for profile_id in old.views:
            view = books.view_id(old, profile_id)
            target = books.view_id(into, profile_id)
            yield from _to_profile(
                books, profile_id, "LOOP_MERGED", view, {"fromId": view, "toId": target}
            )
    elif op in _CONTACTS:
        account = books.accounts[str(change["agent_key"])]
        number = result.get("id", result.get("deleted"))
        body = _body(_CONTACTS[op], {"id": number}, None, variant_b=False)
        yield Notice(account.agent_key, _CONTACTS[op], body, f"USER {account.id}")
    elif op in ("add_profile", "edit_profile", "remove_profile"):
        yield from _of_profile(box, books, op, change, int(result["profile_id"]))


def without_access(books: Books, subscription: Subscription) -> bool:
    """True if the profile that a subscription is about is not its owner's any more (§5.4)."""
    kind, _, target = subscription.target.partition(" ")
    return kind == "PROFILE" and subscription.account not in books.profiles[int(target)].members


def _of_profile(
    box: Sandbox, books: Books, op: str, change: Mapping[str, Any], profile_id: int
) -> Iterator[Notice]:
    """Its people are told; a subscription of one who is removed says so, and is disabled."""
    people = set(books.profiles[profile_id].members)
    event = {"add_profile": "USER_ADDED_TO_PROFILE", "edit_profile": "PROFILE_UPDATED"}.get(op)
    if event is None:
        event, people = "USER_REMOVED_FROM_PROFILE", {str(change["agent_key"])}
    elif "deactivated" in change.get("set", {}):
        closed = books.profiles[profile_id].deactivated
        event = f"USER_PROFILE_{'DEACTIVATED' if closed else 'ACTIVATED'}"
    for agent_key in sorted(people):
        body = _body(event, {"id": profile_id}, None, variant_b=False)
        yield Notice(agent_key, event, body, f"USER {books.accounts[agent_key].id}")
        for subscription in box.hooks.of("dotloop", agent_key):
            if subscription.active and without_access(books, subscription):
                body = _body("SUBSCRIPTION_DISABLED", {"id": subscription.id}, None, variant_b=True)
                yield Notice(agent_key, "SUBSCRIPTION_DISABLED", body, subscription.target)
                subscription.active = False


def _of_loop(books: Books, loop: Loop, event: str, more: Mapping[str, Any]) -> Iterator[Notice]:
    for profile_id in loop.views:
        yield from _to_profile(books, profile_id, event, books.view_id(loop, profile_id), more)


def _to_profile(
    books: Books, profile_id: int, event: str, view: int, more: Mapping[str, Any]
) -> Iterator[Notice]:
    for number, agent_key in enumerate(sorted(books.profiles[profile_id].members)):
        body = _body(event, {"id": view, **more}, profile_id, variant_b=bool((view + number) % 2))
        yield Notice(agent_key, event, body, f"PROFILE {profile_id}")


def _body(
    event: str, about: dict[str, Any], profile_id: int | None, *, variant_b: bool
) -> dict[str, Any]:
    """Both forms are in circulation (§5.2)."""
    number = str(uuid.uuid4())
    if variant_b:
        return {
            "eventId": number,
            "createdOn": datetime.now(UTC).isoformat(timespec="seconds"),
            "profileId": profile_id,
            "eventType": event,
            "event": about,
        }
    inside = {**about, "profileId": profile_id, "loopId": about["id"]}
    return {
        "eventId": number,
        "timestamp": int(time.time() * 1000),
        "eventType": event,
        "event": inside if profile_id is not None else about,
    }


def headers(subscription: Subscription, body: bytes, flawed: Flawed) -> dict[str, str]:
    """HMAC-SHA1 of time, dot and body, or of the body alone; nothing without a key (§5.3)."""
    stamp = str(flawed.now)
    if subscription.key is None:
        return {"X-DOTLOOP-TIMESTAMP": stamp}
    key = b"another key" if flawed.wrong_signature else subscription.key.encode()
    signed = body if subscription.shown.get("signs") == "body" else f"{stamp}.".encode() + body
    return {
        "X-DOTLOOP-TIMESTAMP": stamp,
        "X-DOTLOOP-SIGNATURE": hmac.new(key, signed, hashlib.sha1).hexdigest(),
    }


RULES = Rules(notices, headers, (30, 60, 900, 1800, 3600, 7200, 14_400, 28_800), 5.0)
