"""Looking at the sandbox's world each time that it is built, so that what a warehouse tells of the
time between can be compared with what happened."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import pairwise
from typing import Any

from sandbox.box import Sandbox
from sandbox.clock import REPORTING_ZONE
from sandbox.world.model import Agent, Deal
from tests.sources.rig import AGENTS
from tests.warehouse.filled import Warehouse

LISTING_STATUS = {
    "LISTING_ACTIVE": "Active",
    "LISTING_IN_CONTRACT": "In Contract",
    "LISTING_CLOSED": "Closed",
    "TERMINATED": "Terminated",
}

Row = Mapping[str, Any]
Facts = dict[Any, dict[str, Any]]


@dataclass
class Look:
    """What the world was like when it was read and built. `network` is that of the last day on
    which the network could be read."""

    as_of: datetime
    deals: Facts
    listings: Facts
    updated: dict[str, datetime]
    closed: dict[str, datetime]
    rosters: Facts
    network: Facts
    network_is_read: bool
    caps: dict[str, tuple[Any, ...]]
    board: Facts
    figures: dict[tuple[str, ...], Decimal]


@dataclass
class Sight:
    """What one agent could see when it was read and built."""

    network: Facts
    groups: dict[str, str]
    listings: dict[str, datetime]
    """By id, since when they are there."""
    share: dict[str, Decimal]


@dataclass
class Story:
    """A warehouse after some days, with what was looked at on those that it was built on, and who
    was played with."""

    warehouse: Warehouse
    looks: dict[int, Look] = field(default_factory=dict)
    sights: dict[int, dict[str, Sight]] = field(default_factory=dict)
    played: dict[str, Any] = field(default_factory=dict)

    def days_of(self, rows: list[Row]) -> list[int]:
        """The days on which rows were detected; a moment that is no build's is an error."""
        days = {look.as_of: day for day, look in self.looks.items()}
        return [days[row["detected_at"].astimezone(UTC)] for row in rows]

    def pairs(self) -> Iterator[tuple[int, Look, Look]]:
        """Each day that was built with the one before."""
        days = sorted(self.looks)
        for before, day in pairwise(days):
            yield day, self.looks[before], self.looks[day]


def visible(box: Sandbox, *, listing: bool) -> dict[str, Deal]:
    world = box.world
    return {
        deal.id: deal
        for agent in world.connected
        for deal in world.deals_of(agent.id, listing=listing)
    }


def _closed_on(deal: Deal) -> date | None:
    day = deal.closing_actual or deal.skyslope_actual or deal.agent_reported
    if day is None and deal.closed_at is not None:
        day = deal.closed_at.astimezone(REPORTING_ZONE).date()
    return day


def _deal_facts(deal: Deal) -> dict[str, Any]:
    return {
        "lifecycle_state": deal.state,
        "lifecycle_group": deal.group,
        "price_amount": deal.price,
        "gross_commission_amount": deal.gross,
        "estimated_closing_date": deal.closing_estimated,
        "closed_on": _closed_on(deal),
    }


def _listing_facts(deal: Deal) -> dict[str, Any]:
    return {
        "lifecycle_state": deal.state,
        "listing_status": LISTING_STATUS[str(deal.state)],
        "list_price_amount": deal.price,
    }


def _member_facts(box: Sandbox, who: Agent, tier: int) -> dict[str, Any]:
    return {
        "Tier moved": tier,
        "Status": who.status,
        "Network Size": box.world.network_size(who.id),
        "Join Date": who.join_date,
        "Left": who.terminated_as_of,
    }


def _network(box: Sandbox) -> Facts:
    found: Facts = {}
    for owner in box.world.connected:
        for tier in range(5, 0, -1):
            # whoever is below an agent in two ways is in the nearer tier
            for who in box.world.down_line(owner.id, tier):
                found[owner.id, who.id] = _member_facts(box, who, tier)
    return found


def _rosters(box: Sandbox) -> Facts:
    world = box.world
    return {
        (team.id, member.agent_id): {
            "Role": member.role,
            "Status": world.agents[member.agent_id].status,
            "Split": member.split,
            "Cap": member.cap,
        }
        for agent in world.connected
        for team in world.teams_of(agent.id)
        for member in team.members
    }


def _figures(box: Sandbox) -> dict[tuple[str, ...], Decimal]:
    """Counters as {(agent or team, metric, dimension, currency): value}; zeros are left out."""
    found: Counter[tuple[str, ...]] = Counter()
    for key in AGENTS:
        agent = box.world.agent_by_key(key).id
        told = box.truth(key)
        summary, crm = told["rezen"]["summary"], told["fub"]["summary"]
        for suffix, period in (("", "all_time"), ("_ytd", "year_to_date")):
            for currency, sums in summary[period]["by_currency"].items():
                found[agent, f"closed_units{suffix}", "all", currency] += sums["units"]
                for name in ("volume", "gci", "net_payout"):
                    found[agent, f"{name}_amount{suffix}", "all", currency] += Decimal(sums[name])
        # open and terminated deals are compared over the currencies
        found[agent, "pending_units", "all", "*"] += summary["pending_units"]
        found[agent, "terminated_units", "all", "*"] += summary["terminated_units"]
        for tier, size in summary["network_size_by_tier"].items():
            found[agent, "network_members_active", f"TIER_{tier}", ""] += size
        share = summary["revenue_share"]
        for metric, name in (
            ("revenue_share_amount", "total"),
            ("revenue_share_amount_ytd", "year_to_date"),
            ("revenue_share_pending_amount", "pending"),
        ):
            found[agent, metric, "all", share["currency"]] += Decimal(share[name])
        people = told["fub"]["entities"]["people"]["rows"]
        found[agent, "contacts", "all", ""] += len(people) - crm["people_in_trash"]
    for deal in visible(box, listing=True).values():
        found[deal.owner_id, "listings", LISTING_STATUS[str(deal.state)], ""] += 1
    for deal in visible(box, listing=False).values():
        if deal.team_id is not None and deal.group == "CLOSED":
            found[deal.team_id, "closed_units", "all", deal.currency] += 1
            found[deal.team_id, "volume_amount", "all", deal.currency] += deal.price or 0
            found[deal.team_id, "gci_amount", "all", deal.currency] += deal.gross or 0
    return {key: Decimal(value) for key, value in found.items() if value}


def _cap(box: Sandbox, agent: str) -> tuple[Any, ...]:
    [told] = box.truth(agent)["rezen"]["entities"]["cap_info"].values()
    return tuple(told.values())


def look_at(box: Sandbox, before: Look | None, *, network_is_read: bool) -> Look:
    deals, listings = visible(box, listing=False), visible(box, listing=True)
    return Look(
        as_of=box.clock.now(),
        deals={key: _deal_facts(deal) for key, deal in deals.items()},
        listings={key: _listing_facts(deal) for key, deal in listings.items()},
        updated={key: deal.updated_at for key, deal in (deals | listings).items()},
        closed={
            key: deal.closed_at
            for key, deal in deals.items()
            if deal.group == "CLOSED" and deal.closed_at is not None
        },
        rosters=_rosters(box),
        network=_network(box) if network_is_read or before is None else before.network,
        network_is_read=network_is_read,
        caps={key: _cap(box, key) for key in AGENTS},
        board={
            (key, deal): dict(row)
            for key in AGENTS
            for deal, row in box.truth(key)["fub"]["entities"]["deals"]["rows"].items()
        },
        figures=_figures(box),
    )


def sight_of(box: Sandbox, key: str) -> Sight:
    """What the agent of this key can see now."""
    world = box.world
    agent = world.agent_by_key(key)
    network = {}
    for tier in range(5, 0, -1):
        for who in world.down_line(agent.id, tier):
            network[who.id] = {
                "tier": tier,
                "status": who.status,
                "size": world.network_size(who.id),
                "joined": who.join_date,
                "left": who.terminated_as_of,
            }
    share = box.truth(key)["rezen"]["summary"]["revenue_share"]
    return Sight(
        network=network,
        groups={deal.id: deal.group for deal in world.deals_of(agent.id, listing=False)},
        listings={deal.id: deal.created_at for deal in world.deals_of(agent.id, listing=True)},
        share={share["currency"]: Decimal(share["total"])},
    )
