"""The brokerage as a whole: built from (seed, size, day), lived on event by event, changed on
request.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from sandbox.clock import REPORTING_ZONE, Clock
from sandbox.world import compensation
from sandbox.world.deals import DealBuilder, instant
from sandbox.world.ledger import Ledger
from sandbox.world.model import CLOSED_STATES, Agent, Deal, Participant, Team, User
from sandbox.world.people import PeopleBuilder, new_id
from sandbox.world.sizes import Size

POOL_CUT = Decimal("0.93")


class World:
    """One synthetic brokerage.

    ``agents`` and ``teams`` by id; ``deals`` are those that a connected agent takes part in
    (transactions and
    listings); ``far_deals`` maps the ids of all other people's deals to their agent. ``connected``
    are the agents
    with an account, the demo agents first; ``users`` are they and their team mates, one row per
    account.
    ``version`` grows with every change.
    """

    def __init__(self, *, seed: int, size: Size, clock: Clock) -> None:
        self.seed = seed
        self.size = size
        self.clock = clock
        self.version = 0
        self._events: list[tuple[datetime, int, str, tuple[Any, ...]]] = []
        self._sequence = 0
        self._down_lines: dict[tuple[str, int], list[Agent]] = {}
        self._down_lines_version = -1
        people = PeopleBuilder(self.rng("people"), size, clock.today)
        people.build()
        self._people = people
        self.agents: dict[str, Agent] = people.agents
        self.children: dict[str, list[str]] = people.children
        self.teams: dict[str, Team] = people.teams
        self.connected: list[Agent] = [agent for _, agent in people.connected]
        self._keys = {agent.id: key for key, agent in people.connected}
        self._ids = {key: agent.id for key, agent in people.connected}
        self.api_keys = {
            key: f"sandbox_key_{key}_{Random(f'{seed}:{key}').getrandbits(48):012x}"
            for key in self._ids
        }
        self._accounts = {api_key: key for key, api_key in self.api_keys.items()}
        self.revoked: set[str] = set()
        month = compensation.add_months(clock.today.replace(day=1), -3)
        self.ledger = Ledger(
            self.agents,
            self.children,
            self._ids.values(),
            self.rng("ledger"),
            {(month.year, month.month): POOL_CUT},
        )
        self.deals: list[Deal] = []
        self._deals: dict[str, Deal] = {}
        self.far_deals: dict[str, str] = {}
        self._by_agent: dict[str, list[Deal]] = {}
        self._builder = DealBuilder(self.rng("deals"), self.agents, self.teams)
        self._far_ids = self.rng("far ids")
        self.users = self._users()
        self._populate()

    # --- looking things up --------------------------------------------------------------------

    def rng(self, name: str) -> Random:
        """An independent stream of chance: the same for the same seed and name."""
        return Random(f"{self.seed}:{name}")

    @property
    def today(self) -> date:
        """The current UTC day of the world."""
        return self.clock.today

    def now(self) -> datetime:
        """The current instant of the world, UTC."""
        return self.clock.now()

    def key_of(self, agent_id: str) -> str:
        """The agent_key of a connected agent. Raises KeyError for anybody else."""
        return self._keys[agent_id]

    def agent_by_key(self, agent_key: str) -> Agent:
        """The connected agent of that key. Raises ValueError when there is none."""
        if agent_key not in self._ids:
            raise ValueError(
                f"There is no connected agent {agent_key!r}; GET /sandbox/accounts lists them."
            )
        return self.agents[self._ids[agent_key]]

    def account_of(self, api_key: str | None) -> str | None:
        """The agent_key behind a reZEN key or any credential registered with ``register_key``."""
        return self._accounts.get(api_key) if api_key else None

    def register_key(self, api_key: str, agent_key: str) -> None:
        """Makes another vendor's credential known to the request log and the faults."""
        self._accounts[api_key] = agent_key

    def deal(self, deal_id: str) -> Deal | None:
        """A deal by id."""
        return self._deals.get(deal_id)

    def deals_of(self, agent_id: str, *, listing: bool | None = None) -> list[Deal]:
        """The deals that the agent can see, in no particular order."""
        return [
            d
            for d in self._by_agent.get(agent_id, ())
            if d.visible_to(agent_id) and (listing is None or d.listing is listing)
        ]

    def owned_by(self, agent_id: str) -> list[Deal]:
        """The agent's own transactions that some connected agent can still see."""
        return [
            d
            for d in self._by_agent.get(agent_id, ())
            if d.owner_id == agent_id
            and not d.listing
            and any(d.visible_to(viewer.id) for viewer in self.connected)
        ]

    def down_line(self, agent_id: str, tier: int) -> list[Agent]:
        """Everybody whose distance below the agent is ``tier``, whatever the status, in order of
        joining the tree.
        """
        if self._down_lines_version != self.version:
            self._down_lines.clear()
            self._down_lines_version = self.version
        known = self._down_lines.get((agent_id, tier))
        if known is None:
            above = [agent_id] if tier == 1 else [a.id for a in self.down_line(agent_id, tier - 1)]
            known = [self.agents[c] for parent in above for c in self.children.get(parent, ())]
            self._down_lines[agent_id, tier] = known
        return known

    def network_size(self, agent_id: str) -> int:
        """How many people are below the agent, five tiers deep, ACTIVE only."""
        return sum(
            a.status == "ACTIVE"
            for tier in compensation.TIERS
            for a in self.down_line(agent_id, tier)
        )

    def sponsors(self, agent_id: str) -> list[Agent]:
        """The up-line, nearest first, to the founder."""
        found: list[Agent] = []
        sponsor = self.agents[agent_id].sponsor_id
        while sponsor is not None:
            found.append(self.agents[sponsor])
            sponsor = found[-1].sponsor_id
        return found

    def teams_of(self, agent_id: str) -> list[Team]:
        """The teams on whose roster the agent is."""
        return [t for t in self.teams.values() if any(m.agent_id == agent_id for m in t.members)]

    def counts(self) -> dict[str, int]:
        """How much there is of what."""
        ledger = self.ledger
        return {
            "agents": len(self.agents),
            "connected": len(self.connected),
            "teams": len(self.teams),
            "transactions": sum(not d.listing for d in self.deals),
            "listings": sum(d.listing for d in self.deals),
            "participants": sum(len(d.participants) for d in self.deals),
            "far_deals": len(self.far_deals),
            "contributions": sum(len(rows) for rows in ledger.contributions.values()),
            "payments": sum(len(rows) for rows in ledger.payments.values()),
        }

    def touch(self) -> None:
        """Notes that something changed."""
        self.version += 1

    # --- building -----------------------------------------------------------------------------

    def _users(self) -> list[User]:
        users: list[User] = []
        for agent in self.connected:
            teams = self.teams_of(agent.id)
            own = next((t for t in teams if t.leader_id == agent.id), None)
            users.append(self._user(agent, agent, own or (teams[0] if teams else None)))
            for member in own.members if own else ():
                mate = self.agents[member.agent_id]
                if mate.id != agent.id and mate.id not in self._keys:
                    users.append(self._user(agent, mate, own))
        return users

    def _user(self, account: Agent, person: Agent, team: Team | None) -> User:
        return User(
            agent_key=self._keys[account.id],
            agent_id=person.id,
            first_name=person.first_name,
            last_name=person.last_name,
            email=person.email or f"member.{person.id[:8]}@example.com",
            phone=person.phone,
            team_id=team.id if team else None,
            is_connected=person.id == account.id,
            is_active=person.status == "ACTIVE",
        )

    def _populate(self) -> None:
        today, now = self.today, self.now()
        start = today - timedelta(days=self.size.months * 31)
        for index, agent in enumerate(self.connected):
            self._history(index, agent, max(start, agent.join_date or start), today)
        ada, ben = self.connected[:2]
        mates = [
            self.agents[m.agent_id]
            for t in self.teams_of(ada.id)
            for m in t.members
            if m.role == "MEMBER" and self.agents[m.agent_id].status == "ACTIVE"
        ]
        for deal in self._builder.odd_deals(ada, ben, mates, today):
            self._add_deal(deal)
        rng = self.rng("network")
        for agent in self.agents.values():
            if agent.closings_per_year and agent.id not in self._keys:
                self._network_history(agent, start, today, rng)
        month = start.replace(day=15)
        self._push(datetime.combine(month, time(17), tzinfo=UTC), "payday")
        self._run_until(now)
        for deal in self.deals:
            self.estimate(deal)
        self.ledger.vest(today)

    def _history(self, index: int, agent: Agent, start: date, today: date) -> None:
        """A connected agent's deals and listings since ``start``, with some under contract now."""
        rng = self.rng(f"history:{self._keys[agent.id]}")
        factor = (0.5, 0.5, 1.3)[index] if index < 3 else rng.uniform(0.5, 1.5)
        wanted = max(4, round(self.size.deals * factor))
        span = (today - start).days
        for number in range(wanted):
            ago = span - span * number // wanted - rng.randint(0, max(1, span // wanted - 1))
            self._new_deal(agent, today - timedelta(days=max(1, ago)), rng)
        for number in range(self.size.listings if index != 1 else self.size.listings // 2):
            ago = max(1, span * number // max(1, self.size.listings) + rng.randint(0, 9))
            self._new_listing(agent, today - timedelta(days=ago), rng)

    def _prices(self, agent: Agent, rng: Random) -> tuple[Decimal, Decimal]:
        low, high = {
            "ada-sample": (320, 620),
            "ben-example": (140, 260),
            "cora-upline": (900, 2000),
        }.get(self._keys[agent.id], (220, 700))
        price = Decimal(rng.randint(low, high) * 1000)
        odd = rng.random()
        if odd < 0.2:
            price += Decimal("0.50")
        elif odd < 0.35:
            price += Decimal("999.25")
        return price, rng.choice((Decimal("2.5"), Decimal(3), Decimal("2.75"), Decimal("2.8")))

    def _new_deal(self, agent: Agent, opened: date, rng: Random) -> Deal:
        price, percent = self._prices(agent, rng)
        partners: list[tuple[Agent | None, str, Decimal]] = []
        others = [a for a in self.connected if a.id != agent.id]
        dice = rng.random()
        side = rng.choice(("BUYER", "BUYER", "SELLER"))
        role = "BUYERS_AGENT" if side == "BUYER" else "SELLERS_AGENT"
        if dice < 0.08 and others:
            partners.append((rng.choice(others[:8]), role, Decimal(rng.choice((20, 40, 50)))))
        elif dice < 0.14:
            partners.append((None, "REFERRING_AGENT", Decimal(25)))
        kind = "SALE"
        if rng.random() < 0.06:
            kind, price, percent = "LEASE", Decimal(rng.randint(1500, 4000)), Decimal(50)
            side = rng.choice(("TENANT", "LANDLORD"))
        deal = self._builder.deal(
            agent,
            opened,
            price=price,
            percent=percent,
            partners=partners,
            kind=kind,
            representation=side,
        )
        self._builder.plan_sale(deal, days=rng.randint(25, 50), closes=rng.random() > 0.14)
        self._add_deal(deal)
        return deal

    def _new_listing(self, agent: Agent, opened: date, rng: Random) -> Deal:
        price, percent = self._prices(agent, rng)
        deal = self._builder.deal(
            agent, opened, price=price, percent=percent, listing=True, representation="SELLER"
        )
        days = rng.randint(12, 90)
        sells = rng.random() > 0.15
        self._builder.plan_listing(deal, days=days, sells=sells)
        self._add_deal(deal)
        under = opened + timedelta(days=days)
        if sells and under <= self.today:
            sale = self._builder.deal(
                agent, under, price=price - 5000, percent=percent, representation="SELLER"
            )
            sale.address, sale.mls_number = deal.address, deal.mls_number
            sale.built_from, sale.journey_id = deal.id, deal.journey_id
            self._builder.plan_sale(sale, days=33)
            self._add_deal(sale)
        return deal

    def _add_deal(self, deal: Deal) -> None:
        self.deals.append(deal)
        self._deals[deal.id] = deal
        for agent_id in deal.agent_ids():
            self._by_agent.setdefault(agent_id, []).append(deal)
        self.queue(deal)

    def queue(self, deal: Deal) -> None:
        """Queues a deal's plan; steps long past are skipped over except the one that books the
        closing.
        """
        now, done = self.now(), None
        for at, state in deal.plan:
            if at > now or state == "CLOSED" or (deal.listing and state == "LISTING_CLOSED"):
                self._push(at, "deal", deal, state, deal.token)
            else:
                done = (at, state)
        if done is not None:
            self._push(done[0], "deal", deal, done[1], deal.token)

    def _network_history(self, agent: Agent, start: date, today: date, rng: Random) -> None:
        first = max(start, agent.join_date or start)
        last = min(today, agent.terminated_as_of or today)
        gap = 365 // agent.closings_per_year
        day = first + timedelta(days=rng.randint(2, gap))
        while day < last:
            self._push(instant(day, rng), "far", agent.id, self._far_gross(agent, rng))
            day += timedelta(days=max(3, gap + rng.randint(-gap // 3, gap // 3)))

    def _far_gross(self, agent: Agent, rng: Random) -> Decimal:
        low, high = (11_000, 17_000) if agent.closings_per_year > 10 else (4_000, 15_000)
        return Decimal(rng.randint(low * 100, high * 100)) / 100

    # --- living -------------------------------------------------------------------------------

    def _push(self, at: datetime, kind: str, *payload: Any) -> None:
        self._sequence += 1
        heapq.heappush(self._events, (at, self._sequence, kind, payload))

    def _run_until(self, now: datetime) -> None:
        events = self._events
        while events and events[0][0] <= now:
            at, _, kind, payload = heapq.heappop(events)
            match kind:
                case "deal":
                    deal, state, token = payload
                    if token == deal.token:
                        self.step(deal, state, at)
                case "far":
                    agent_id, gross = payload
                    deal_id, code = new_id(self._far_ids), self._builder.code()
                    self.far_deals[deal_id] = agent_id
                    self.ledger.close(deal_id, code, "SALE", "USD", [(agent_id, gross)], gross, at)
                case _:
                    before = at.date().replace(day=1) - timedelta(days=1)
                    self.ledger.pay_month(before.year, before.month, at)
                    self.ledger.buy_stock(at)
                    self._push(
                        datetime.combine(
                            compensation.add_months(at.date(), 1), time(17), tzinfo=UTC
                        ),
                        "payday",
                    )
        self.touch()

    def step(self, deal: Deal, state: str, at: datetime) -> None:
        """Puts a deal into a state; entering the closed group books it."""
        was_closed = deal.group == "CLOSED"
        deal.state = state
        deal.updated_at = max(at, deal.updated_at)
        if state in CLOSED_STATES or state == "LISTING_CLOSED":
            deal.group = "CLOSED"
        elif state == "TERMINATED":
            deal.group = "TERMINATED"
            deal.net = {}
        else:
            deal.group = "OPEN"
        if deal.group == "CLOSED" and not was_closed and not deal.listing:
            self._book(deal, at)

    def _book(self, deal: Deal, at: datetime) -> None:
        deal.closing_actual = deal.planned_actual
        deal.skyslope_actual = deal.planned_skyslope
        deal.agent_reported = deal.planned_reported
        deal.closed_at = at
        deal.rezen_closed_at = at + timedelta(minutes=4)
        if deal.gross is not None:
            deal.net = self.ledger.close(
                deal.id, deal.code, deal.type, deal.currency, self.shares(deal), deal.gross, at
            )

    @staticmethod
    def shares(deal: Deal) -> list[tuple[str, Decimal]]:
        """Each of Real's agents with a share, once, with the sum of the shares."""
        sums: dict[str, Decimal] = {}
        for person in deal.participants:
            if person.agent_id is not None and person.amount is not None:
                sums[person.agent_id] = sums.get(person.agent_id, Decimal(0)) + person.amount
        return list(sums.items())

    def estimate(self, deal: Deal) -> None:
        """Reckons what an open deal would pay if it closed today."""
        if deal.group != "OPEN" or deal.listing or deal.gross is None:
            return
        deal.net = {
            agent_id: self.ledger.estimate(
                self.agents[agent_id], gross, deal.gross, deal.type, deal.currency, self.today
            )
            for agent_id, gross in self.shares(deal)
        }

    def open_deal(
        self,
        agent: Agent,
        *,
        price: Decimal,
        percent: Decimal,
        listing: bool = False,
        partner: Agent | None = None,
    ) -> Deal:
        """A deal that starts right now, half of it the partner's if there is one."""
        role = "SELLERS_AGENT" if listing else "BUYERS_AGENT"
        deal = self._builder.deal(
            agent,
            self.today,
            price=price,
            percent=percent,
            listing=listing,
            representation="SELLER" if listing else "BUYER",
            partners=((partner, role, Decimal(50)),) if partner else (),
        )
        deal.created_at = deal.updated_at = self.now()
        for number, person in enumerate(deal.participants):
            person.created_at = deal.created_at + timedelta(milliseconds=number)
        if listing:
            self._builder.plan_listing(deal, days=30)
        else:
            self._builder.plan_sale(deal, days=40)
        deal.plan = [step for step in deal.plan if step[0] > deal.created_at]
        self._add_deal(deal)
        self.estimate(deal)
        self.touch()
        return deal

    def outsider(self, role: str) -> Participant:
        """Somebody from outside, to be put on a deal now."""
        return self._builder.participant(role, self.now())

    def catch_up(self) -> None:
        """Lets everything happen that was due by now."""
        self._run_until(self.now())

    def advance(self, days: int) -> None:
        """Lives on, day by day: new deals, people who join, leave and close, payments, states
        moving on.
        """
        for _ in range(days):
            self.clock.advance(days=1)
            self.live()

    def live(self) -> None:
        """Lets the 24 hours up to now happen."""
        self._live(self.today)
        self._run_until(self.now())
        self.ledger.vest(self.today)
        self.touch()

    def _live(self, day: date) -> None:
        rng = self.rng(f"day:{day}")
        span = self.size.months * 31
        yesterday = day - timedelta(days=1)
        for agent in self.connected:
            if rng.random() < self.size.deals / span:
                self.estimate(self._new_deal(agent, yesterday, rng))
            if rng.random() < self.size.listings / span:
                self._new_listing(agent, yesterday, rng)
        for agent in list(self.agents.values()):
            if agent.id in self._keys or agent.status != "ACTIVE" or not agent.closings_per_year:
                continue
            if rng.random() < agent.closings_per_year / 365:
                self._push(instant(yesterday, rng), "far", agent.id, self._far_gross(agent, rng))
        for agent in self.connected:
            if rng.random() < self.size.network / span:
                parents = [
                    agent,
                    *(
                        a
                        for t in (1, 2, 3)
                        for a in self.down_line(agent.id, t)
                        if a.status == "ACTIVE"
                    ),
                ]
                self.join(rng.choice(parents), yesterday)
            if rng.random() < self.size.network / span / 4:
                leaving = [
                    a
                    for t in (2, 3, 4)
                    for a in self.down_line(agent.id, t)
                    if a.status == "ACTIVE"
                ]
                leaving = [a for a in leaving if a.id not in self._keys]
                if leaving:
                    self.set_status(rng.choice(leaving), "INACTIVE", instant(yesterday, rng))

    def join(self, sponsor: Agent, day: date, name: tuple[str, str] | None = None) -> Agent:
        """A new person under a sponsor."""
        agent = self._people.agent(sponsor, name=name, joined=day, closings=self.size.network_deals)
        agent.updated_at = datetime.combine(day, time(18), tzinfo=UTC)
        self.touch()
        return agent

    def set_status(self, agent: Agent, status: str, at: datetime) -> None:
        """Changes a person's status; INACTIVE means left."""
        agent.status = status
        agent.terminated_as_of = at.date() if status == "INACTIVE" else None
        agent.updated_at = at
        self.ledger.people_changed()
        self.touch()

    def mutate(self, change: Mapping[str, Any]) -> dict[str, Any]:
        """Plays one change. Raises ValueError for one that is unknown or impossible."""
        from sandbox.world.changes import play

        return play(self, change)

    def closed_on(self, deal: Deal) -> date | None:
        """The real-world closing day by contract §6.3.2, None while open."""
        if deal.group != "CLOSED" or deal.listing:
            return None
        day = deal.closing_actual or deal.skyslope_actual or deal.agent_reported
        if day is None and deal.closed_at is not None:
            day = deal.closed_at.astimezone(REPORTING_ZONE).date()
        return day
