"""What an agent's stock amounts to, by month, by year and now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from sandbox.world.compensation import add_months, cents
from sandbox.world.ledger import share_price
from sandbox.world.model import EquityRow

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Holding:
    """Shares at the end of a period and what moved in it."""

    total: Decimal
    vested: Decimal
    unvested: Decimal
    value: Decimal
    granted: Decimal
    vested_in_period: Decimal


def vested_on(row: EquityRow) -> date:
    """The day the shares became (or will become) the agent's own."""
    return row.vesting_date or row.on


def holding(rows: Sequence[EquityRow], start: date, end: date) -> Holding:
    """The holding at the end of ``start``…``end``, both inclusive."""
    owned = [r for r in rows if r.on <= end]
    total = sum((r.shares for r in owned), ZERO)
    vested = sum((r.shares for r in owned if vested_on(r) <= end), ZERO)
    return Holding(
        total=total,
        vested=vested,
        unvested=total - vested,
        value=cents(total * share_price(end)),
        granted=sum((r.shares for r in owned if r.on >= start), ZERO),
        vested_in_period=sum((r.shares for r in owned if start <= vested_on(r) <= end), ZERO),
    )


def months(rows: Sequence[EquityRow], year: int, today: date) -> list[tuple[date, Holding]]:
    """The months of a year up to today that saw a holding."""
    found = []
    for month in range(1, 13):
        start = date(year, month, 1)
        end = min(add_months(start, 1) - timedelta(days=1), today)
        if start <= today:
            state = holding(rows, start, end)
            if state.total:
                found.append((start, state))
    return found


def years(rows: Sequence[EquityRow], today: date) -> list[tuple[date, Holding]]:
    """The years from the first movement to today."""
    if not rows:
        return []
    first = min(r.on for r in rows).year
    return [
        (date(y, 1, 1), holding(rows, date(y, 1, 1), min(date(y, 12, 31), today)))
        for y in range(first, today.year + 1)
    ]
