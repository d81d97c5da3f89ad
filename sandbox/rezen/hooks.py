"""Webhooks of reZEN (contract §9): all of it assumed, thin and unsigned, three retries."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from sandbox.hooks import Notice, Rules
from sandbox.world.model import CLOSED_STATES

if TYPE_CHECKING:
    from sandbox.box import Sandbox

_DEALS = frozenset(
    {
        *("update_deal", "set_state", "close_deal", "terminate_deal", "hide_deal", "show_deal"),
        *("add_deal", "change_participant"),
    }
)


def notices(box: Sandbox, change: Mapping[str, Any], result: Any) -> Iterable[Notice]:
    """A deal's change, to every connected agent on it."""
    op = str(change.get("op", ""))
    deal = box.world.deal(str(result.get("deal_id", ""))) if op in _DEALS else None
    if deal is None:
        return
    kind = "LISTING" if deal.listing else "TRANSACTION"
    event = f"{kind}_{_verb(op, deal.state, listing=deal.listing)}"
    for agent in box.world.connected:
        if agent.id in deal.agent_ids():
            yield notice(box, box.world.key_of(agent.id), event, deal.id, kind)


def notice(box: Sandbox, agent_key: str, event: str, key: str, kind: str) -> Notice:
    """One event about a deal."""
    body = {
        "eventName": event,
        "rezenObject": {"id": key, "type": kind},
        "timestamp": box.clock.now().isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "userId": box.world.agent_by_key(agent_key).keymaker_id,
    }
    return Notice(agent_key, event, body)


def _verb(op: str, state: str | None, *, listing: bool) -> str:
    if op == "add_deal":
        return "CREATED"
    if op in ("close_deal", "set_state") and state in (*CLOSED_STATES, "LISTING_CLOSED"):
        return "CLOSED"
    if state == "TERMINATED" and op in ("terminate_deal", "set_state") and not listing:
        return "TERMINATED"
    return "UPDATED"


RULES = Rules(notices, ladder=(1, 5, 25))
