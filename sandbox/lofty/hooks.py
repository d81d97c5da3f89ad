"""Webhooks of Lofty (contract §7): buckets of lead ids, unsigned, never repeated."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, cast

from sandbox.hooks import Notice, Rules

if TYPE_CHECKING:
    from sandbox.box import Sandbox
    from sandbox.lofty.books import Books

_LEADS = {
    "add_lead": "newLead",
    "edit_lead": "updatedLead",
    "assign_lead": "updatedLead",
    "tag_lead": "updatedLead",
    "restore_lead": "updatedLead",
    "set_stage": "updatedLead",
    "delete_lead": "deletedLead",
}
_HANGING = {"note": 9, "task": 10, "appointment": 11, "transaction": 5}
_MANUAL = {"Call": 6, "Email": 7, "Text": 8}


def notices(box: Sandbox, change: Mapping[str, Any], result: Any) -> Iterable[Notice]:
    """What a `lofty.` change tells; of a hidden lead nobody but its agent is told."""
    books = cast("Books", box.books["lofty"])
    agent_key = str(change.get("agent_key", ""))
    op = str(change.get("op", "")).removeprefix("lofty.")
    team = None
    for number, buckets in _told(books, agent_key, op, result):
        team = team or books.of(agent_key).team_id
        at = int(box.clock.now().timestamp() * 1000)
        body: dict[str, Any] = {"teamId": team, "listId": number}
        for bucket, leads in buckets.items():
            items = [{"leadId": lead, "updateTime": at} for lead in leads]
            if bucket == "ping":
                body.update(items[0])
            else:
                body[bucket] = items
        yield Notice(agent_key, str(number), body)


def _told(
    books: Books, agent_key: str, op: str, result: Mapping[str, Any]
) -> Iterator[tuple[int, dict[str, list[int]]]]:
    if op in _LEADS:
        lead = int(result["lead_id"])
        held = books.of(agent_key).leads.get(lead)
        if held is not None and held.hidden:
            return
        yield 2, {_LEADS[op]: [lead]}
        if op == "set_stage":
            yield 12, {"updatedLead": [lead]}
    elif op == "merge_leads":
        yield 2, {"updatedLead": [int(result["winner"])], "deletedLead": [int(result["loser"])]}
    elif op == "add_visit":
        yield 3, {"ping": [int(result["lead_id"])]}
    elif op.endswith("_member"):
        yield 1, {}
    elif op.endswith("_communication"):
        # which channel it was is not in the answer; all three subscribers look at the same feed
        yield 6, {}
    else:
        verb, _, what = op.partition("_")
        number = _HANGING.get(what)
        lead_id = _lead_of(books, agent_key, what, result)
        if number is not None and lead_id:
            done = {"add": "created", "delete": "deleted"}.get(verb, "updated")
            yield number, {f"{done}{what.title()}": [lead_id]}


def _lead_of(books: Books, agent_key: str, what: str, result: Mapping[str, Any]) -> int | None:
    if what != "transaction":
        return result.get("lead_id")
    held = books.of(agent_key).transactions.get(int(result["transaction_id"]))
    return held.lead_id if held is not None else None


RULES = Rules(notices)
