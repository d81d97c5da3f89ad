"""Webhooks of Lofty (contract §7): buckets of lead ids, unsigned, never repeated."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, cast

from sandbox.hooks import Notice, Rules
from sandbox.lofty.account import Account
from sandbox.lofty.changes import DEFAULT

if TYPE_CHECKING:
    from sandbox.box import Sandbox
    from sandbox.lofty.books import Books

Buckets = dict[str, list[int]]

_LEADS = {
    "add_lead": "newLead",
    "edit_lead": "updatedLead",
    "assign_lead": "updatedLead",
    "hide_lead": "updatedLead",
    "tag_lead": "updatedLead",
    "restore_lead": "updatedLead",
    "set_stage": "updatedLead",
    "delete_lead": "deletedLead",
}
_HANGING = {"note": 9, "task": 10, "appointment": 11, "transaction": 5}
_MANUAL = {"Call": 6, "Email": 7, "Text": 8}


def notices(box: Sandbox, change: Mapping[str, Any], result: Any) -> Iterable[Notice]:
    """What a `lofty.` change tells the owner, in deliveries of at most `webhook_batch` items."""
    books = cast("Books", box.books["lofty"])
    agent_key = str(change.get("agent_key", DEFAULT))
    op = str(change.get("op", "")).removeprefix("lofty.")
    most = int(books.switches["webhook_batch"])
    for number, buckets in _told(books, agent_key, op, change, result):
        account = books.of(agent_key)
        at = int(box.clock.now().timestamp() * 1000)
        body: dict[str, Any] = {"teamId": account.team_id, "listId": number}
        shown = {
            name: [x for x in leads if _is_told(account, x)] for name, leads in buckets.items()
        }
        if buckets and not any(shown.values()):
            continue
        if "ping" in shown:
            yield Notice(agent_key, str(number), {**body, **_item(shown["ping"][0], at)})
            continue
        longest = max((len(leads) for leads in shown.values()), default=0)
        for begin in range(0, max(1, longest), most):
            parts = {name: leads[begin : begin + most] for name, leads in shown.items()}
            items = {n: [_item(x, at) for x in leads] for n, leads in parts.items() if leads}
            yield Notice(agent_key, str(number), {**body, **items})


def _item(lead: int, at: int) -> dict[str, int]:
    return {"leadId": lead, "updateTime": at}


def _is_told(account: Account, lead_id: int) -> bool:
    """Whether the owner is told of a lead: a hidden one is its agent's only."""
    held = account.leads.get(lead_id)
    return held is None or account.sees(account.owner, held)


def _told(
    books: Books, agent_key: str, op: str, change: Mapping[str, Any], result: Mapping[str, Any]
) -> Iterator[tuple[int, Buckets]]:
    """The lists that are told, with the leads by bucket."""
    verb, _, what = op.partition("_")
    if op in _LEADS:
        lead = int(result["lead_id"])
        yield 2, {_LEADS[op]: [lead]}
        if op == "set_stage":
            yield 12, {"updatedLead": [lead]}
    elif op == "merge_leads":
        yield 2, {"updatedLead": [int(result["winner"])], "deletedLead": [int(result["loser"])]}
    elif op == "touch_all":
        account = books.of(agent_key)
        yield 2, {"updatedLead": sorted(x.id for x in account.visible(account.owner))}
    elif op == "add_visit":
        yield 3, {"ping": [int(result["lead_id"])]}
    elif op == "edit_alert":
        yield 4, {"updatedAlert": [int(result["lead_id"])]}
    elif what == "member":
        yield 1, {}
    elif what == "communication":
        yield from _said(books.of(agent_key), verb, int(result["communication_id"]))
    elif what in _HANGING and result.get("lead_id"):
        done = {"add": "created", "delete": "deleted", "finish": "finished"}.get(verb, "updated")
        if change.get("finished"):
            done = "finished"
        yield _HANGING[what], {f"{done}{what.title()}": [int(result["lead_id"])]}


def _said(account: Account, verb: str, number: int) -> Iterator[tuple[int, Buckets]]:
    """Manual and logged communication only; that some is deleted is told to nobody."""
    row = next((row for row in account.communications() if row.id == number), None)
    if row is not None and row.kind != "AUTO":
        done = "new" if verb == "add" else "updated"
        yield _MANUAL[row.channel], {f"{done}{row.channel}": [row.lead_id]}


RULES = Rules(notices)
