"""Webhooks of Follow Up Boss (contract §6): thin, signed with the system's key, five retries."""

from __future__ import annotations

import base64
import hashlib
import hmac
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sandbox.hooks import Flawed, Notice, Rules, Subscription
from sandbox.world.crm import SYSTEM, SYSTEM_KEY

if TYPE_CHECKING:
    from sandbox.box import Sandbox

_CRUD = ("Created", "Updated", "Deleted")
_WITH_ALL = (
    "notes", "emails", "tasks", "appointments", "textMessages", "calls", "deals", "stage",
    "pipeline", "pipelineStage", "customFields", "dealCustomFields", "threadedReply",
)  # fmt: skip
EVENTS = frozenset(
    {
        *(f"people{c}" for c in (*_CRUD, "TagsCreated", "StageUpdated")),
        *(f"peopleRelationship{c}" for c in _CRUD),
        *(f"{name}{c}" for name in _WITH_ALL for c in _CRUD),
        *("emEventsOpened", "emEventsClicked", "emEventsUnsubscribed", "eventsCreated"),
        *("reactionCreated", "reactionDeleted"),
    }
)
# our table → the vendor's name of it in events
NAMES = {
    "people": "people",
    "deals": "deals",
    "events": "events",
    "calls": "calls",
    "text_messages": "textMessages",
    "appointments": "appointments",
    "notes": "notes",
    "tasks": "tasks",
}


def notice(box: Sandbox, agent_key: str, event: str, ids: Sequence[int], **data: Any) -> Notice:
    """One event about some records."""
    path = next((n for n in NAMES.values() if event.startswith(n)), None)
    known = path is not None and not event.endswith("Deleted")
    joined = ",".join(map(str, ids))
    body: dict[str, Any] = {
        "eventId": str(uuid.uuid4()),
        "eventCreated": datetime.now(UTC).isoformat(timespec="seconds"),
        "event": event,
        "resourceIds": list(ids),
        "uri": f"{box.url}/fub/v1/{path}?id={joined}" if known else None,
    }
    if data:
        body["data"] = data
    box.crm.told[body["eventId"]] = agent_key, box.world.now()
    return Notice(agent_key, event, body)


def notices(box: Sandbox, change: Mapping[str, Any], result: Any) -> Iterable[Notice]:
    """What a `fub.` change tells."""
    agent_key = str(change.get("agent_key") or next(iter(box.crm.accounts)))
    for event, ids in _events(str(change.get("op", "")).removeprefix("fub."), change, result):
        if event not in EVENTS:
            continue
        # a bulk edit may come in several requests, each with a part of the ids (§6.3)
        most = box.crm.switches.ids_per_event or max(1, len(ids))
        for start in range(0, max(1, len(ids)), most):
            yield notice(box, agent_key, event, ids[start : start + most])


def _events(
    op: str, change: Mapping[str, Any], result: Mapping[str, Any]
) -> Iterator[tuple[str, list[int]]]:
    ids = [int(result["id"])] if "id" in result else []
    table = NAMES.get(str(change.get("table", "")), "")
    match op:
        case "create_person":
            yield "peopleCreated", ids
        case "update_person":
            yield "peopleUpdated", ids
        case "trash_person":
            yield "peopleStageUpdated", ids
            yield "peopleUpdated", ids
        case "delete_person":
            # what belongs to the person goes without a word
            yield "peopleDeleted", ids
        case "merge":
            yield "peopleUpdated", [int(result["winner"])]
            yield "peopleStageUpdated", [int(i) for i in result["losers"]]
        case "update":
            yield f"{table}Updated", ids
        case "delete":
            yield f"{table}Deleted", ids
        case "create_event" | "create_call" | "create_note" | "create_task" | "create_appointment":
            yield f"{op.removeprefix('create_')}sCreated", ids
        case "create_text":
            yield "textMessagesCreated", ids
        case "move_deal" | "archive_deal":
            yield "dealsUpdated", ids
        case "delete_deal":
            yield "dealsDeleted", ids
        case "rename_stage":
            yield "stageUpdated", ids
        case "add_stage":
            yield "stageCreated", ids
        case "add_custom_field":
            yield "customFieldsCreated", []
            yield "peopleUpdated", ids
        case _:
            return


def headers(_subscription: Subscription, body: bytes, flawed: Flawed) -> dict[str, str]:
    """The signature over the base64 of the body (§6.4)."""
    key = b"another key" if flawed.wrong_signature else SYSTEM_KEY.encode()
    signed = hmac.new(key, base64.b64encode(body), hashlib.sha256).hexdigest()
    return {"FUB-Signature": signed, "X-System": SYSTEM}


RULES = Rules(notices, headers, (60, 300, 300, 600, 1800), 10.0, frozenset({406, 410}))
