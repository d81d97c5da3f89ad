"""Keeps the books in the order things happen: caps, fees, revenue share, payments, stock."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import ROUND_DOWN, Decimal
from random import Random

from sandbox.clock import REPORTING_ZONE
from sandbox.world import compensation as model
from sandbox.world.model import Agent, CapYear, Closing, Contribution, EquityRow, Payment
from sandbox.world.people import new_id

ZERO = Decimal(0)
CAP_AWARD, ELITE_AWARD = Decimal(4000), Decimal(16000)
STOCK_BONUS_PRE, STOCK_BONUS_POST = Decimal("0.10"), Decimal("0.15")
STOCK_LOT = Decimal(250)


def share_price(day: date) -> Decimal:
    """An invented closing price of the stock, one per month."""
    step = (day.year * 12 + day.month) * 7919 % 23
    return Decimal("3.10") + Decimal(step) * Decimal("0.07")


class Ledger:
    """Everything that follows from closings, which must arrive in the order of their instants."""

    def __init__(
        self,
        agents: dict[str, Agent],
        children: dict[str, list[str]],
        receivers: Iterable[str],
        rng: Random,
        pool_months: dict[tuple[int, int], Decimal],
    ) -> None:
        self._agents = agents
        self._children = children
        self._receivers = frozenset(receivers)
        self._rng = rng
        self.pool_months = pool_months
        self.cap_years: dict[tuple[str, date], CapYear] = {}
        self.closings: dict[str, list[Closing]] = {}
        self.contributions: dict[str, list[Contribution]] = {r: [] for r in self._receivers}
        self.payments: dict[str, list[Payment]] = {r: [] for r in self._receivers}
        self.equity: dict[str, list[EquityRow]] = {r: [] for r in self._receivers}
        self._pending: dict[str, list[Contribution]] = {r: [] for r in self._receivers}
        self._formula: dict[tuple[str, str, date, int], Decimal] = {}
        self._first_tier: dict[tuple[str, date], int] = {}
        self._stock_purse: dict[str, list[tuple[Decimal, bool, str]]] = {}

    # --- caps ---------------------------------------------------------------------------------

    def cap_year(self, agent: Agent, day: date) -> CapYear:
        """The anniversary year of the agent that holds ``day``; a new one starts at nothing."""
        anchor = agent.anniversary_date or agent.join_date or date(day.year, 1, 1)
        start = model.year_start(anchor, day)
        year = self.cap_years.get((agent.id, start))
        if year is None:
            year = CapYear(agent.id, start, agent.cap)
            self.cap_years[agent.id, start] = year
        return year

    def estimate(
        self, agent: Agent, gross: Decimal, deal_gross: Decimal, kind: str, currency: str, day: date
    ) -> Decimal:
        """The net payout if the deal closed on ``day``; books nothing."""
        return self._settle(
            agent, gross, deal_gross, kind, currency, replace(self.cap_year(agent, day))
        ).net

    def _settle(
        self,
        agent: Agent,
        gross: Decimal,
        deal_gross: Decimal,
        kind: str,
        currency: str,
        year: CapYear,
    ) -> model.Settlement:
        return model.settle(
            gross,
            year,
            country="CANADA" if currency == "CAD" else "UNITED_STATES",
            deal_type=kind,
            share_of_deal=gross / deal_gross if deal_gross > 0 else Decimal(1),
            buys_stock=agent.buys_stock,
            # caps and revenue share are reckoned in USD; a share in CAD stays outside both
            counts=currency == "USD",
        )

    def close(
        self,
        deal_id: str,
        code: str,
        kind: str,
        currency: str,
        shares: Sequence[tuple[str, Decimal]],
        deal_gross: Decimal,
        at: datetime,
    ) -> dict[str, Decimal]:
        """Books a closed deal. ``shares`` has each agent once with the gross share; returns the net
        payouts.
        """
        nets: dict[str, Decimal] = {}
        day = at.astimezone(REPORTING_ZONE).date()
        for agent_id, gross in shares:
            agent = self._agents[agent_id]
            year = self.cap_year(agent, day)
            result = self._settle(agent, gross, deal_gross, kind, currency, year)
            nets[agent_id] = result.net
            if gross <= 0:
                continue
            closing = Closing(deal_id, code, kind, agent_id, gross, deal_gross, at)
            if currency == "USD":
                was_capped, was_elite = year.capped, year.elite
                model.post(result, gross, year)
                if year.capped and not was_capped:
                    year.capped_at = at
                    self._award(agent, "CAPPING_AWARD", CAP_AWARD, deal_id, at)
                if year.elite and not was_elite:
                    self._award(agent, "ELITE_AWARD", ELITE_AWARD, deal_id, at)
                if result.stock > 0 and agent_id in self._receivers:
                    self._stock_purse.setdefault(agent_id, []).append(
                        (result.stock, was_capped, deal_id)
                    )
                if result.base > 0:
                    self._contribute(agent, closing, result.base, year, day)
            self.closings.setdefault(agent_id, []).append(closing)
        return nets

    # --- revenue share ------------------------------------------------------------------------

    def producing(self, agent_id: str, day: date) -> bool:
        """Whether the agent closed something in the six months before ``day``."""
        for closing in reversed(self.closings.get(agent_id, ())):
            closed = closing.at.astimezone(REPORTING_ZONE).date()
            if closed < day:
                return model.add_months(closed, model.PRODUCING_MONTHS) >= day
        return False

    def producing_first_tier(self, receiver_id: str, day: date) -> int:
        """How many active tier-1 agents of the receiver are producing on ``day``."""
        known = self._first_tier.get((receiver_id, day))
        if known is None:
            known = sum(
                1
                for child in self._children.get(receiver_id, ())
                if self._agents[child].status == "ACTIVE" and self.producing(child, day)
            )
            self._first_tier[receiver_id, day] = known
        return known

    def people_changed(self) -> None:
        """Somebody's status or place in the tree changed: counts of producing agents are stale."""
        self._first_tier.clear()

    def uplines(self, agent: Agent) -> list[tuple[str, int, bool]]:
        """Who receives from the agent: (id, tier, whether a co-sponsorship lies between), five
        tiers up.
        """
        found: list[tuple[str, int, bool]] = []
        level: list[tuple[Agent, bool]] = [(agent, False)]
        for tier in model.TIERS:
            above: list[tuple[Agent, bool]] = []
            for person, shared in level:
                split = shared or person.co_sponsor_id is not None
                for sponsor in (person.sponsor_id, person.co_sponsor_id):
                    if sponsor is not None:
                        above.append((self._agents[sponsor], split))
                        found.append((sponsor, tier, split))
            level = above
        return found

    def _contribute(
        self, agent: Agent, closing: Closing, base: Decimal, year: CapYear, day: date
    ) -> None:
        for receiver, tier, shared in self.uplines(agent):
            if receiver not in self._receivers:
                continue
            book = (receiver, agent.id, year.start, tier)
            used = self._formula.get(book, ZERO)
            formula = min(model.revenue_share(base, tier, shared), model.TIER_MAXIMUM[tier] - used)
            if formula <= 0:
                continue
            self._formula[book] = used + formula
            reason = None
            if not self.producing(receiver, day):
                reason = "NOT_PRODUCING"
            elif not model.unlocked(tier, self.producing_first_tier(receiver, day)):
                reason = "TIER_LOCKED"
            cut = self.pool_months.get((day.year, day.month), Decimal(1))
            row = Contribution(
                id=new_id(self._rng),
                receiver_id=receiver,
                contributor_id=agent.id,
                tier=tier,
                payout=model.cents(formula * cut),
                formula=formula,
                base=base,
                deal_id=closing.deal_id,
                code=closing.code,
                type=closing.type,
                earned_at=closing.at,
                earned_on=day,
                status="MISSED" if reason else "PENDING",
                missed_reason=reason,
            )
            self.contributions[receiver].append(row)
            if reason is None:
                self._pending[receiver].append(row)

    def pending(self, receiver_id: str) -> list[Contribution]:
        """Earned and not yet paid, oldest first."""
        return self._pending[receiver_id]

    def pay_month(self, year: int, month: int, at: datetime) -> None:
        """Pays what was earned up to the end of that month: one payment per receiver who has
        something due.
        """
        start, end = date(year, month, 1), date(year, month, monthrange(year, month)[1])
        for receiver in sorted(self._receivers):
            due = [c for c in self._pending[receiver] if c.earned_on <= end]
            if not due:
                continue
            payment = Payment(
                id=new_id(self._rng),
                receiver_id=receiver,
                amount=sum((c.payout for c in due), ZERO),
                paid_at=at,
                period_start=start,
                period_end=end,
                contributions=due,
            )
            for row in due:
                row.status, row.payment_id = "PAID", payment.id
            self._pending[receiver] = [c for c in self._pending[receiver] if c.earned_on > end]
            self.payments[receiver].append(payment)

    # --- stock --------------------------------------------------------------------------------

    def _award(self, agent: Agent, grant: str, worth: Decimal, deal_id: str, at: datetime) -> None:
        if agent.id not in self._receivers:
            return
        day = at.date()
        self._grant(agent.id, grant, "GRANT", worth, day, model.add_months(day, 12), deal_id, at)

    def _grant(
        self,
        agent_id: str,
        grant: str,
        kind: str,
        worth: Decimal,
        day: date,
        vests: date | None,
        deal_id: str | None,
        at: datetime,
    ) -> None:
        price = share_price(day)
        shares = (worth / price).quantize(Decimal("0.0001"), ROUND_DOWN)
        self.equity[agent_id].append(
            EquityRow(
                id=new_id(self._rng),
                agent_id=agent_id,
                grant_type=grant,
                transaction_type=kind,
                shares=shares,
                price=price,
                amount=model.cents(shares * price),
                status="GRANTED" if vests else "VESTED",
                on=day,
                vesting_date=vests,
                deal_id=deal_id,
                created_at=at,
                updated_at=at,
            )
        )

    def buy_stock(self, at: datetime) -> None:
        """On the 15th: grants last month's purchases (once 250 are collected) with their bonus
        shares.
        """
        for agent_id, purse in sorted(self._stock_purse.items()):
            before = [p for p in purse if p[0] > 0]
            total = sum((amount for amount, _, _ in before), ZERO)
            if total < STOCK_LOT:
                continue
            bonus = sum(
                (
                    amount * (STOCK_BONUS_POST if capped else STOCK_BONUS_PRE)
                    for amount, capped, _ in before
                ),
                ZERO,
            )
            deal_id = before[-1][2]
            day = at.date()
            self._grant(agent_id, "STOCK_PURCHASE", "PURCHASE", total, day, None, deal_id, at)
            vests = model.add_months(day, 12)
            self._grant(agent_id, "BONUS_MATCH", "GRANT", bonus, day, vests, deal_id, at)
            purse.clear()

    def vest(self, day: date) -> None:
        """Turns grants whose day has come into vested shares."""
        for rows in self.equity.values():
            for row in rows:
                if (
                    row.status == "GRANTED"
                    and row.vesting_date is not None
                    and row.vesting_date <= day
                ):
                    row.status = "VESTED"
                    moment = datetime.combine(row.vesting_date, time(6), tzinfo=UTC)
                    row.updated_at = max(moment, row.created_at + timedelta(seconds=1))
