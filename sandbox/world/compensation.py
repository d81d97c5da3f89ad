"""The published compensation model (contract §12) as pure functions over Decimal."""

from __future__ import annotations

import calendar
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from sandbox.world.model import CapYear

CENT = Decimal("0.01")
REAL_SHARE = Decimal("0.15")
BROKERAGE_FEE = Decimal(250)
BROKERAGE_FEE_DEALS = 3
PROCESSING_FEE = Decimal(30)
POST_CAP_FEE = {"UNITED_STATES": Decimal(285), "CANADA": Decimal(375)}
ELITE_FEE = {"UNITED_STATES": Decimal(129), "CANADA": Decimal(175)}
LEASE_FEE = Decimal(125)
LEASES = frozenset({"LEASE", "COMMERCIAL_LEASE"})
ELITE_GCI, ELITE_DEALS, ELITE_FEES = Decimal(500_000), 10, Decimal(6_000)

TIERS = (1, 2, 3, 4, 5)
TIER_PERCENT = {1: Decimal(5), 2: Decimal(4), 3: Decimal(3), 4: Decimal(2), 5: Decimal(1)}
TIER_MAXIMUM = {
    1: Decimal(4000),
    2: Decimal(3200),
    3: Decimal(2400),
    4: Decimal(1600),
    5: Decimal(800),
}
# the number of producing tier-1 agents that opens a tier; 10, 15 and 20 are assumed by the contract
UNLOCK_AT = {1: 0, 2: 5, 3: 10, 4: 15, 5: 20}
CO_SPONSOR_SHARE = Decimal("0.45")
PRODUCING_MONTHS = 6

STOCK_PRE, STOCK_POST = Decimal("0.05"), Decimal("0.10")
STOCK_MAXIMUM_PRE = {Decimal(12000): Decimal(3400), Decimal(6000): Decimal(1700)}
STOCK_MAXIMUM_POST = {Decimal(12000): Decimal(15000), Decimal(6000): Decimal(7500)}


def cents(amount: Decimal) -> Decimal:
    """Rounded to the cent, halves up."""
    return amount.quantize(CENT, ROUND_HALF_UP)


def on_day(year: int, month: int, day: int) -> date:
    """That day, or the month's last day when it has no such day (29 February)."""
    return date(year, month, min(day, calendar.monthrange(year, month)[1]))


def add_months(day: date, months: int) -> date:
    """The same day some months on, or the month's last day."""
    index = day.year * 12 + day.month - 1 + months
    return on_day(index // 12, index % 12 + 1, day.day)


def year_start(anniversary: date, day: date) -> date:
    """The start of the anniversary year that holds ``day``."""
    start = on_day(day.year, anniversary.month, anniversary.day)
    return start if start <= day else on_day(day.year - 1, anniversary.month, anniversary.day)


def year_end(anniversary: date, day: date) -> date:
    """The next anniversary after ``day``: the reset day."""
    start = year_start(anniversary, day)
    return on_day(start.year + 1, anniversary.month, anniversary.day)


@dataclass(frozen=True, slots=True)
class Settlement:
    """What one agent's share of a deal comes to. ``base`` is what revenue share is reckoned on."""

    real_split: Decimal
    brokerage_fee: Decimal
    processing_fee: Decimal
    post_cap_fee: Decimal
    stock: Decimal
    net: Decimal
    base: Decimal


def settle(
    gross: Decimal,
    year: CapYear,
    *,
    country: str,
    deal_type: str,
    share_of_deal: Decimal = Decimal(1),
    buys_stock: bool = False,
    counts: bool = True,
) -> Settlement:
    """Settles one share: split up to the cap (the rest on the crossing deal), fees, stock.

    ``counts`` false (a share in another currency than the cap) takes the split but leaves cap and
    revenue share
    alone. A share of zero or less costs nothing.
    """
    zero = Decimal(0)
    if gross <= 0:
        return Settlement(zero, zero, zero, zero, zero, gross, zero)
    full = cents(gross * REAL_SHARE)
    if not counts:
        net = gross - full - PROCESSING_FEE
        return Settlement(full, zero, PROCESSING_FEE, zero, zero, net, zero)
    was_capped = year.capped
    split = zero if was_capped else min(full, year.cap - year.paid)
    yearly = BROKERAGE_FEE if year.brokerage_fees < BROKERAGE_FEE_DEALS else zero
    fee = zero
    if was_capped:
        table = ELITE_FEE if year.elite else POST_CAP_FEE
        most = LEASE_FEE if deal_type in LEASES else table[country]
        fee = min(cents(most * share_of_deal), full)
    net = gross - split - yearly - PROCESSING_FEE - fee
    stock = zero
    if buys_stock and net > 0:
        maxima = STOCK_MAXIMUM_POST if was_capped else STOCK_MAXIMUM_PRE
        used = year.stock_post if was_capped else year.stock_pre
        rate = STOCK_POST if was_capped else STOCK_PRE
        stock = min(cents(net * rate), max(zero, maxima[year.cap] - used))
    # only the part of the share that paid the split earns revenue share
    portion = gross if split == full else cents(split / REAL_SHARE)
    base = max(zero, portion - yearly - PROCESSING_FEE) if split > 0 else zero
    return Settlement(split, yearly, PROCESSING_FEE, fee, stock, net - stock, base)


def post(settlement: Settlement, gross: Decimal, year: CapYear) -> None:
    """Books a settlement into the anniversary year (the caller notes the moment of capping)."""
    was_capped = year.capped
    year.paid += settlement.real_split
    year.gross += gross
    year.deals += 1
    year.brokerage_fees += int(settlement.brokerage_fee > 0)
    year.post_cap_fees += settlement.post_cap_fee
    if was_capped:
        year.stock_post += settlement.stock
    else:
        year.stock_pre += settlement.stock
    rich = year.gross >= ELITE_GCI and year.deals >= ELITE_DEALS
    year.elite = year.elite or rich or year.post_cap_fees >= ELITE_FEES


def revenue_share(base: Decimal, tier: int, co_sponsored: bool) -> Decimal:
    """The formula's share of a base at a tier, before yearly maximum and pool."""
    share = base * TIER_PERCENT[tier] / 100
    return cents(share * CO_SPONSOR_SHARE if co_sponsored else share)


def unlocked(tier: int, producing_first_tier: int, table: Mapping[int, int] = UNLOCK_AT) -> bool:
    """Whether a tier is open with that many producing tier-1 agents."""
    return producing_first_tier >= table[tier]
