"""The changes that a test may play on the world, by name (``POST /sandbox/mutate``)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from sandbox.world.deals import AFTER_CLOSING, share_out
from sandbox.world.model import (
    AGENT_STATUSES,
    CLOSED_STATES,
    LISTING_STATES,
    OPEN_STATES,
    Agent,
    Deal,
)
from sandbox.world.world import World

Change = Mapping[str, Any]


def play(world: World, change: Change) -> dict[str, Any]:
    """Plays one change and returns the ids it touched. Raises ValueError for an unknown or
    impossible one.
    """
    op = str(change.get("op", ""))
    action = ACTIONS.get(op)
    if action is None:
        raise ValueError(f"Unknown change {op!r}; known are: {', '.join(sorted(ACTIONS))}.")
    result = action(world, change)
    world.ledger.people_changed()
    world.touch()
    return result


def _deal(world: World, change: Change) -> Deal:
    deal = world.deal(str(change.get("deal_id", "")))
    if deal is None:
        raise ValueError(f"There is no deal {change.get('deal_id')!r}.")
    return deal


def _agent(world: World, change: Change, name: str = "agent_id") -> Agent:
    """The person named by id, or the connected agent named by ``agent_key``."""
    if name in change:
        agent = world.agents.get(str(change[name]))
        if agent is None:
            raise ValueError(f"There is no agent {change[name]!r}.")
        return agent
    return world.agent_by_key(str(change.get("agent_key", "")))


def _moved(world: World, deal: Deal) -> dict[str, Any]:
    deal.updated_at = max(world.now(), deal.updated_at + timedelta(milliseconds=1))
    return {"deal_id": deal.id, "state": deal.state, "updated_at": deal.updated_at.isoformat()}


def _update_deal(world: World, change: Change) -> dict[str, Any]:
    deal = _deal(world, change)
    if "price" in change:
        deal.price = Decimal(str(change["price"]))
        deal.raw.pop("price", None)
    if "gross" in change:
        deal.gross = Decimal(str(change["gross"]))
        paid = [p for p in deal.participants if p.percent is not None]
        if paid:
            for person, amount in zip(
                paid, share_out(deal.gross, [p.percent or Decimal(0) for p in paid]), strict=True
            ):
                person.amount = amount
        # a correction of a closed deal leaves what was booked for caps and revenue share
        world.estimate(deal)
    if "street" in change:
        deal.address.street = str(change["street"])
    if "lead_source" in change:
        deal.lead_source = None if change["lead_source"] is None else str(change["lead_source"])
    for name in ("closing_actual", "closing_estimated", "agent_reported", "skyslope_actual"):
        if name in change:
            setattr(deal, name, date.fromisoformat(change[name]) if change[name] else None)
    deal.raw.update(change.get("raw", {}))
    return _moved(world, deal)


def _set_state(world: World, change: Change) -> dict[str, Any]:
    deal = _deal(world, change)
    state = str(change.get("state", ""))
    if not change.get("force") and state not in (
        *OPEN_STATES,
        *CLOSED_STATES,
        *LISTING_STATES,
        "TERMINATED",
    ):
        raise ValueError(
            f'reZEN has no lifecycle state {state!r}; add "force": true to send it all the same.'
        )
    deal.token += 1
    deal.plan = []
    world.step(deal, state, max(world.now(), deal.updated_at + timedelta(milliseconds=1)))
    return {"deal_id": deal.id, "state": deal.state, "updated_at": deal.updated_at.isoformat()}


def _close_deal(world: World, change: Change) -> dict[str, Any]:
    deal = _deal(world, change)
    if deal.group != "OPEN":
        raise ValueError(f"Deal {deal.id} is {deal.group}; only an open one can close.")
    if deal.listing:
        return _set_state(world, {**change, "state": "LISTING_CLOSED"})
    now = max(world.now(), deal.updated_at + timedelta(milliseconds=1))
    deal.planned_actual = now.date()
    deal.token += 1
    deal.plan = [(now + timedelta(days=d), s) for d, s in AFTER_CLOSING]
    world.queue(deal)
    world.catch_up()
    if deal.state == "CLOSED":
        return {"deal_id": deal.id, "state": deal.state, "updated_at": deal.updated_at.isoformat()}
    world.step(deal, "CLOSED", now)
    return {"deal_id": deal.id, "state": deal.state, "updated_at": deal.updated_at.isoformat()}


def _terminate_deal(world: World, change: Change) -> dict[str, Any]:
    return _set_state(world, {**change, "state": "TERMINATED"})


def _hide_deal(world: World, change: Change) -> dict[str, Any]:
    """The deal vanishes: for one agent (403), or for all (404) when no ``agent_key`` is given."""
    deal = _deal(world, change)
    if "agent_key" in change:
        deal.hidden_from.add(world.agent_by_key(str(change["agent_key"])).id)
    else:
        deal.deleted = True
    return {"deal_id": deal.id}


def _show_deal(world: World, change: Change) -> dict[str, Any]:
    deal = _deal(world, change)
    deal.hidden_from.clear()
    deal.deleted = False
    return _moved(world, deal)


def _add_deal(world: World, change: Change) -> dict[str, Any]:
    agent = _agent(world, change)
    deal = world.open_deal(
        agent,
        price=Decimal(str(change.get("price", "450000"))),
        percent=Decimal(str(change.get("percent", "3"))),
        listing=bool(change.get("listing", False)),
        partner=world.agent_by_key(str(change["partner_key"])) if "partner_key" in change else None,
    )
    return {"deal_id": deal.id, "state": deal.state, "updated_at": deal.updated_at.isoformat()}


def _change_participant(world: World, change: Change) -> dict[str, Any]:
    """Renames, re-roles, adds or removes a participant (``participant``: position, default 0)."""
    deal = _deal(world, change)
    index = int(change.get("participant", 0))
    if change.get("remove"):
        if deal.participants[index].paid:
            raise ValueError(
                "A participant with a share cannot be removed; the splits must sum to 100."
            )
        deal.participants.pop(index)
    elif change.get("add"):
        deal.participants.append(world.outsider(str(change.get("role", "OTHER"))))
    else:
        person = deal.participants[index]
        person.role = str(change.get("role", person.role))
        person.first_name = change.get("first_name", person.first_name)
        person.last_name = change.get("last_name", person.last_name)
    return _moved(world, deal)


def _add_member(world: World, change: Change) -> dict[str, Any]:
    """Somebody joins under ``sponsor_id`` (default: the agent himself)."""
    sponsor = _agent(world, change, "sponsor_id")
    name = (str(change["first_name"]), str(change["last_name"])) if "first_name" in change else None
    agent = world.join(sponsor, world.today, name)
    agent.updated_at = world.now()
    return {"agent_id": agent.id, "sponsor_id": sponsor.id}


def _remove_member(world: World, change: Change) -> dict[str, Any]:
    """The person is gone from every answer, as if the tree had never known him."""
    agent = _agent(world, change)
    if world.children.get(agent.id):
        raise ValueError(f"{agent.full_name} has people below; move or remove them first.")
    for sponsor in (agent.sponsor_id, agent.co_sponsor_id):
        if sponsor is not None:
            world.children[sponsor].remove(agent.id)
    agent.sponsor_id = agent.co_sponsor_id = None
    return {"agent_id": agent.id}


def _set_status(world: World, change: Change) -> dict[str, Any]:
    agent = _agent(world, change)
    status = str(change.get("status", ""))
    if status not in AGENT_STATUSES and not change.get("force"):
        raise ValueError(f"Status must be one of {', '.join(AGENT_STATUSES)}.")
    world.set_status(agent, status, world.now())
    return {"agent_id": agent.id, "status": status}


def _set_sponsor(world: World, change: Change) -> dict[str, Any]:
    agent = _agent(world, change)
    sponsor = _agent(world, change, "sponsor_id")
    if agent.id == sponsor.id or agent in world.sponsors(sponsor.id):
        raise ValueError("A sponsor cannot be below the person himself.")
    if agent.sponsor_id is not None:
        world.children[agent.sponsor_id].remove(agent.id)
    agent.sponsor_id = sponsor.id
    world.children.setdefault(sponsor.id, []).append(agent.id)
    agent.updated_at = world.now()
    return {"agent_id": agent.id, "sponsor_id": sponsor.id}


def _update_agent(world: World, change: Change) -> dict[str, Any]:
    agent = _agent(world, change)
    for name in ("first_name", "last_name", "email", "phone"):
        if name in change:
            setattr(agent, name, change[name])
    agent.updated_at = world.now()
    return {"agent_id": agent.id}


def _revoke_key(world: World, change: Change) -> dict[str, Any]:
    """The agent's reZEN key stops working (403 with an empty body) until ``restore``."""
    agent_key = str(change.get("agent_key", ""))
    key = world.api_keys[world.key_of(world.agent_by_key(agent_key).id)]
    if change.get("restore"):
        world.revoked.discard(key)
    else:
        world.revoked.add(key)
    return {"agent_key": agent_key}


def _remove_team_member(world: World, change: Change) -> dict[str, Any]:
    agent = _agent(world, change)
    gone = 0
    for team in world.teams_of(agent.id):
        team.members = [m for m in team.members if m.agent_id != agent.id or m.role == "LEADER"]
        team.updated_at = world.now()
        gone += 1
    return {"agent_id": agent.id, "teams": gone}


ACTIONS: dict[str, Callable[[World, Change], dict[str, Any]]] = {
    "update_deal": _update_deal,
    "set_state": _set_state,
    "close_deal": _close_deal,
    "terminate_deal": _terminate_deal,
    "hide_deal": _hide_deal,
    "show_deal": _show_deal,
    "add_deal": _add_deal,
    "change_participant": _change_participant,
    "add_member": _add_member,
    "remove_member": _remove_member,
    "set_status": _set_status,
    "set_sponsor": _set_sponsor,
    "update_agent": _update_agent,
    "revoke_key": _revoke_key,
    "remove_team_member": _remove_team_member,
}
