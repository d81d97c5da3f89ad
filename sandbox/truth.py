"""What a warehouse must hold for one agent, computed from the world, not from any answer."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sandbox.clock import REPORTING_ZONE
from sandbox.world import compensation, holdings
from sandbox.world.model import Agent, Contribution, Deal
from sandbox.world.world import World

Rows = dict[str, dict[str, Any]]
ZERO = Decimal(0)


def rezen_truth(world: World, agent_id: str) -> dict[str, Any]:
    """``{"entities": {entity: {key: {field: value}}}, "control": {...}, "summary": {...}}``.

    Keys are the parts of the natural key joined with ``|`` as in the raw tables; Decimals are
    strings, instants
    ISO UTC, dates ISO. Only the fields listed are compared.
    """
    return {
        "agent_id": agent_id,
        "entities": _entities(world, world.agents[agent_id]),
        "control": _control(world, agent_id),
        "summary": summary(world, agent_id),
    }


def _text(value: Decimal | None) -> str | None:
    return None if value is None else str(value.quantize(compensation.CENT))


def _at(moment: datetime | None) -> str | None:
    """ISO with milliseconds, the precision that reZEN sends."""
    return None if moment is None else moment.isoformat(timespec="milliseconds")


def _on(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


def _entities(world: World, agent: Agent) -> dict[str, Rows]:
    ledger = world.ledger
    transactions = world.deals_of(agent.id, listing=False)
    listings = world.deals_of(agent.id, listing=True)
    cap = ledger.cap_year(agent, world.today)
    rows = ledger.equity[agent.id]
    teams = world.teams_of(agent.id)
    return {
        "agents": {agent.id: _agent(agent)},
        "cap_info": {
            agent.id: {
                "annual_cap_amount": _text(cap.cap),
                "cap_amount_paid": _text(cap.paid),
                "capped": cap.capped,
                "elite": cap.elite,
            }
        },
        "teams": {t.id: {"name": t.name, "flex": t.flex} for t in teams},
        "team_members": {
            f"{t.id}|{m.id}": {
                "agent_id": m.agent_id,
                "role": m.role,
                "agent_status": world.agents[m.agent_id].status,
                "real_cap": _text(m.cap),
                "member_commission_split": _text(m.split),
            }
            for t in teams
            for m in t.members
        },
        "transaction_list": {d.id: _list_row(d, agent.id) for d in transactions},
        "transactions": {d.id: _deal(d, agent.id) for d in transactions},
        "listing_list": {d.id: _list_row(d, agent.id) for d in listings},
        "listings": {d.id: _deal(d, agent.id) for d in listings},
        "front_line": {a.id: _network(a) for a in world.down_line(agent.id, 1)},
        "down_line": {
            f"{a.id}|{tier}": {**_network(a), "tier": tier}
            for tier in compensation.TIERS
            for a in world.down_line(agent.id, tier)
        },
        "network_size": {str(t): {"size": n} for t, n in sizes(world, agent.id).items()},
        "sponsor_tree": {
            a.id: {"level": level, "status": a.status}
            for level, a in enumerate(world.sponsors(agent.id), start=1)
        },
        "revshare_payments": {
            p.id: {
                "amount": _text(p.amount),
                "paid_at": _at(p.paid_at),
                "period_end": _on(p.period_end),
            }
            for p in ledger.payments[agent.id]
        },
        "revshare_payment_contributions": {
            f"{p.id}|{c.id}": _contribution(c)
            for p in ledger.payments[agent.id]
            for c in p.contributions
        },
        "revshare_pending": {c.id: _contribution(c) for c in ledger.pending(agent.id)},
        "equity_transactions": {
            r.id: {
                "grant_type": r.grant_type,
                "transaction_type": r.transaction_type,
                "shares": str(r.shares),
                "value_amount": _text(r.amount),
                "status": r.status,
                "transaction_date": _on(r.on),
            }
            for r in rows
        },
        "equity_monthly": {
            f"{start.year}|{start.month}": {"total_shares": str(h.total)}
            for year in range(
                min((r.on.year for r in rows), default=world.today.year), world.today.year + 1
            )
            for start, h in holdings.months(rows, year, world.today)
        },
        "equity_annual": {
            str(start.year): {"total_shares": str(h.total)}
            for start, h in holdings.years(rows, world.today)
        },
    }


def _agent(agent: Agent) -> dict[str, Any]:
    return {
        "first_name": agent.first_name,
        "last_name": agent.last_name,
        "email_address": agent.email,
        "phone_number": agent.phone,
        "agent_status": agent.status,
        "join_date": _on(agent.join_date),
        "anniversary_date": _on(agent.anniversary_date),
        "updated_at": _at(agent.updated_at),
    }


def _network(agent: Agent) -> dict[str, Any]:
    return {
        "first_name": agent.first_name,
        "last_name": agent.last_name,
        "status": agent.status,
        "join_date": _on(agent.join_date),
        "terminated_as_of": _on(agent.terminated_as_of),
        "updated_at": _at(agent.updated_at),
    }


def _list_row(deal: Deal, viewer_id: str) -> dict[str, Any]:
    return {
        "lifecycle_group": deal.group,
        "lifecycle_state": deal.state,
        "updated_at": _at(deal.updated_at),
        "price_amount": _text(deal.price),
        "price_currency": deal.currency,
        "my_net_payout_amount": _text(deal.net.get(viewer_id)),
    }


def _deal(deal: Deal, viewer_id: str) -> dict[str, Any]:
    return {
        "code": deal.code,
        "listing": deal.listing,
        "transaction_type": deal.type,
        "lifecycle_state": deal.state,
        "owner_id": deal.owner_id,
        "one_line": None if "no_one_line" in deal.flags else deal.one_line,
        "price_amount": _text(deal.price),
        "price_currency": deal.currency if deal.price is not None else None,
        "gross_commission_amount": _text(deal.gross),
        "my_net_payout_amount": _text(deal.net.get(viewer_id)),
        "participants": len(deal.participants),
        "split_percent": _text(sum((p.percent or ZERO for p in deal.participants), ZERO)),
        "closing_date_actual": _on(deal.closing_actual),
        "closed_at": _at(deal.closed_at),
        "rezen_closed_at": _at(deal.rezen_closed_at),
        "created_at": _at(deal.created_at),
        "updated_at": _at(deal.updated_at),
    }


def _contribution(row: Contribution) -> dict[str, Any]:
    return {
        "agent_yenta_id": row.contributor_id,
        "tier": row.tier,
        "payout_amount": _text(row.payout),
        "payout_currency": "USD",
        "contribution_base_amount": _text(row.base),
        "transaction_id": row.deal_id,
        "earned_at": _at(row.earned_at),
        "earned_on": _on(row.earned_on),
        "status": row.status,
        "outgoing_payment_id": row.payment_id,
    }


def sizes(world: World, agent_id: str) -> dict[int, int]:
    """ACTIVE people by tier."""
    return {
        t: sum(a.status == "ACTIVE" for a in world.down_line(agent_id, t))
        for t in compensation.TIERS
    }


def _control(world: World, agent_id: str) -> dict[str, Any]:
    """Control values: sums that other endpoints report about the same contributions."""
    rows = world.ledger.contributions[agent_id]
    kept = [r for r in rows if not r.missed]
    months: dict[str, Decimal] = {}
    for row in kept:
        month = f"{row.earned_on:%Y-%m}"
        months[month] = months.get(month, ZERO) + row.payout
    return {
        "by_tier": {
            str(t): _text(_sum(r for r in kept if r.tier == t)) for t in compensation.TIERS
        },
        "missed_by_tier": {
            str(t): _text(_sum(r for r in rows if r.missed and r.tier == t))
            for t in compensation.TIERS
        },
        "history": {month: _text(amount) for month, amount in sorted(months.items())},
        "groups": {
            kind: {
                group: sum(
                    d.group == group for d in world.deals_of(agent_id, listing=kind == "listings")
                )
                for group in ("OPEN", "CLOSED", "TERMINATED")
            }
            for kind in ("transactions", "listings")
        },
    }


def _sum(rows: Iterable[Contribution]) -> Decimal:
    return sum((r.payout for r in rows), ZERO)


def summary(world: World, agent_id: str) -> dict[str, Any]:
    """The agent's figures: deals go whole to their owner, once, and every amount stays in its
    currency.
    """
    year = world.clock.reporting_today.year
    # a deal that its owner lost sight of still counts while another account shows it
    owned = world.owned_by(agent_id)
    closed = [d for d in owned if d.group == "CLOSED"]
    this_year = [d for d in closed if (day := world.closed_on(d)) is not None and day.year == year]
    kept = [c for c in world.ledger.contributions[agent_id] if not c.missed]
    return {
        "year": year,
        "all_time": _production(closed, agent_id),
        "year_to_date": _production(this_year, agent_id),
        "pending_units": sum(d.group == "OPEN" for d in owned),
        "terminated_units": sum(d.group == "TERMINATED" for d in owned),
        "network_size_by_tier": {str(t): n for t, n in sizes(world, agent_id).items()},
        "revenue_share": {
            "currency": "USD",
            "total": _text(_sum(kept)),
            "year_to_date": _text(_sum(c for c in kept if _reporting_day(c).year == year)),
            "paid": _text(_sum(c for c in kept if c.payment_id)),
            "pending": _text(_sum(c for c in kept if not c.payment_id)),
        },
    }


def _net(deal: Deal, agent_id: str) -> Decimal:
    return deal.net.get(agent_id, ZERO) if deal.visible_to(agent_id) else ZERO


def _reporting_day(row: Contribution) -> date:
    return row.earned_at.astimezone(REPORTING_ZONE).date()


def _production(deals: list[Deal], agent_id: str) -> dict[str, Any]:
    """``{"closed_units": n, "by_currency": {"USD": {"units", "volume", "gci", "net_payout"}}}``."""
    by_currency: dict[str, dict[str, Any]] = {}
    for currency in sorted({d.currency for d in deals}):
        own = [d for d in deals if d.currency == currency]
        by_currency[currency] = {
            "units": len(own),
            "volume": _text(sum((d.price or ZERO for d in own), ZERO)),
            "gci": _text(sum((d.gross or ZERO for d in own), ZERO)),
            "net_payout": _text(sum((_net(d, agent_id) for d in own), ZERO)),
        }
    return {"closed_units": len(deals), "by_currency": by_currency}
