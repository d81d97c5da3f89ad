"""Builds deals: parties, splits, life cycles, and the odd ones of contract §15.4."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from random import Random

from sandbox.world.compensation import cents
from sandbox.world.model import Address, Agent, Deal, Participant, Team
from sandbox.world.names import CANADIAN, COMPANIES, FIRST, LAST, LEAD_SOURCES, PLACES, STREETS
from sandbox.world.people import new_id, slug

CODE = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
MAIN_ROLES = {
    "BUYER": "BUYERS_AGENT",
    "SELLER": "SELLERS_AGENT",
    "DUAL": "BUYERS_AGENT",
    "TENANT": "TENANT_AGENT",
    "LANDLORD": "SELLERS_AGENT",
}
# days after opening at which a deal reaches a state, before it closes
PROGRESS = (
    (0, "NEW"),
    (1, "NEEDS_COMMISSION_VALIDATION"),
    (3, "COMMISSION_VALIDATED"),
    (5, "READY_FOR_COMMISSION_DOCUMENT_GENERATION"),
    (7, "COMMISSION_DOCUMENT_GENERATED"),
    (12, "COMMISSION_DOCUMENT_APPROVED"),
    (16, "COMMISSION_DOCUMENT_SENT"),
)
ONE_PM = time(13)
AFTER_CLOSING = ((0, "CLOSED"), (1, "PAYMENT_ACCEPTED"), (3, "PAYMENT_SCHEDULED"), (6, "SETTLED"))


def instant(day: date, rng: Random) -> datetime:
    """A moment of that day when UTC and the reporting zone agree on the date."""
    return datetime.combine(day, ONE_PM, tzinfo=UTC) + timedelta(seconds=int(rng.random() * 35_000))


def share_out(gross: Decimal, percents: Sequence[Decimal]) -> list[Decimal]:
    """The gross in those percentages to the cent; the rounding lands on the last row."""
    rows = [cents(gross * p / 100) for p in percents]
    rows[-1] += gross - sum(rows)
    return rows


class DealBuilder:
    """Makes deals of one stream of chance."""

    def __init__(self, rng: Random, agents: dict[str, Agent], teams: dict[str, Team]) -> None:
        self._rng = rng
        self._agents = agents
        self._teams = teams
        self._codes: set[str] = set()
        self._team_by_agent: dict[str, Team] = {}

    def code(self) -> str:
        """A new short human code."""
        while True:
            bits = self._rng.getrandbits(30)
            code = "".join([CODE[bits >> shift & 31] for shift in (0, 5, 10, 15, 20, 25)])
            if code not in self._codes:
                self._codes.add(code)
                return code

    def deal(
        self,
        owner: Agent,
        opened: date,
        *,
        price: Decimal,
        percent: Decimal,
        partners: Sequence[tuple[Agent | None, str, Decimal]] = (),
        listing: bool = False,
        kind: str = "SALE",
        representation: str = "BUYER",
        place: tuple[str, str, str, str, str, str] | None = None,
        currency: str = "USD",
        gross: Decimal | None = None,
    ) -> Deal:
        """A deal in state NEW with its parties, without a plan.

        ``partners`` share the commission with the owner: (agent or None for somebody outside, role,
        percent);
        the owner keeps the rest.
        """
        rng = self._rng
        created = instant(opened, rng)
        city, state, short, zip_code, county, country = place or rng.choice(PLACES)
        address = Address(
            street=f"{rng.randint(1, 9899)} {rng.choice(STREETS)}",
            unit=str(rng.randint(1, 40)) if rng.random() < 0.2 else None,
            city=city,
            state=state,
            short_state=short,
            zip=zip_code,
            county=county,
            country=country,
        )
        total = cents(price * percent / 100) if gross is None else gross
        team = self._team_of(owner)
        deal = Deal(
            id=new_id(rng),
            code=self.code(),
            listing=listing,
            type=kind,
            property_type=rng.choice(("RESIDENTIAL", "RESIDENTIAL", "CONDO", "NEW_CONSTRUCTION")),
            representation=representation,
            address=address,
            currency=currency,
            price=price,
            gross=total,
            percent=percent,
            owner_id=owner.id,
            participants=[],
            created_at=created,
            updated_at=created,
            owner_sent=rng.random() > 0.2,
            office_id=new_id(Random(f"office {state}")),
            office_name=f"Real {state.replace('_', ' ').title()}",
            team_id=team.id if team else None,
            lead_source=rng.choice(LEAD_SOURCES) if rng.random() < 0.6 else None,
            mls_number=str(1900000 + rng.randint(0, 99999)) if rng.random() < 0.8 else None,
            year_built=rng.randint(1920, 2024) if rng.random() < 0.5 else None,
            journey_id=new_id(rng),
            state="LISTING_ACTIVE" if listing else "NEW",
        )
        shares = [
            (
                owner,
                MAIN_ROLES[representation],
                Decimal(100) - sum((p for _, _, p in partners), Decimal(0)),
            )
        ]
        self._parties(deal, [*shares, *partners])
        return deal

    def _team_of(self, agent: Agent) -> Team | None:
        if not self._team_by_agent:
            for team in self._teams.values():
                for member in () if team.flex else team.members:
                    self._team_by_agent.setdefault(member.agent_id, team)
        return self._team_by_agent.get(agent.id)

    def _parties(self, deal: Deal, shares: Sequence[tuple[Agent | None, str, Decimal]]) -> None:
        rng = self._rng
        amounts = (
            share_out(deal.gross, [p for _, _, p in shares]) if deal.gross is not None else None
        )
        moment = deal.created_at
        for index, (agent, role, percent) in enumerate(shares):
            moment += timedelta(seconds=rng.randint(1, 90))
            paid = not deal.listing and amounts is not None
            deal.participants.append(
                self.participant(
                    role,
                    moment,
                    agent,
                    percent=percent if paid else None,
                    amount=amounts[index] if paid and amounts is not None else None,
                )
            )
        for role in ("SELLER", "BUYER") if deal.type == "SALE" else ("LANDLORD", "TENANT"):
            if deal.listing and role in ("BUYER", "TENANT"):
                continue
            for _ in range(rng.choice((0, 1, 1, 1, 2))):
                moment += timedelta(seconds=rng.randint(1, 90))
                deal.participants.append(self.participant(role, moment))
        if not deal.listing:
            moment += timedelta(seconds=30)
            deal.participants.append(self.company("TITLE", moment))
            if rng.random() < 0.15:
                deal.participants.append(
                    self.company("REAL", moment, name="Real Broker LLC", external=False)
                )

    def participant(
        self,
        role: str,
        created: datetime,
        agent: Agent | None = None,
        *,
        percent: Decimal | None = None,
        amount: Decimal | None = None,
    ) -> Participant:
        """One of Real's people, or somebody from outside with an invented name."""
        rng = self._rng
        first = agent.first_name if agent else rng.choice(FIRST)
        last = agent.last_name if agent else rng.choice(LAST)
        number = rng.randint(1000, 9999)
        return Participant(
            id=new_id(rng),
            role=role,
            agent_id=agent.id if agent else None,
            first_name=first,
            last_name=last,
            company=None,
            email=agent.email if agent else f"{slug(first, last, number)}@example.com",
            phone=agent.phone if agent else None,
            external=agent is None,
            created_at=created,
            percent=percent,
            amount=amount,
        )

    def company(
        self, role: str, created: datetime, *, name: str | None = None, external: bool = True
    ) -> Participant:
        """A company without a person's name."""
        title = name or self._rng.choice(COMPANIES)
        return Participant(
            id=new_id(self._rng),
            role=role,
            agent_id=None,
            first_name=None,
            last_name=None,
            company=title,
            email="desk@example.com",
            phone=None,
            external=external,
            created_at=created,
        )

    # --- plans --------------------------------------------------------------------------------

    def plan_sale(self, deal: Deal, *, days: int, closes: bool = True) -> None:
        """What will happen to a transaction: progress, then closing and payment, or termination."""
        rng = self._rng
        opened = deal.created_at.date()
        deal.contract_date = opened - timedelta(days=rng.randint(0, 5))
        deal.closing_estimated = opened + timedelta(days=days)
        steps = [(deal.created_at, "NEW")]
        steps += [
            (instant(opened + timedelta(days=after), rng), state)
            for after, state in PROGRESS[1:]
            if after < days - 2
        ]
        if closes:
            actual = opened + timedelta(days=days + rng.choice((-1, 0, 0, 0, 2, 4)))
            deal.planned_actual = actual
            deal.planned_skyslope = actual if rng.random() < 0.7 else None
            deal.planned_reported = actual if rng.random() < 0.3 else None
            if rng.random() < 0.2:
                # closing dates of the second and third rank
                deal.planned_actual = None
                deal.planned_skyslope = deal.planned_skyslope or actual
            closed = instant(actual + timedelta(days=rng.randint(0, 3)), rng)
            steps.append((instant(actual - timedelta(days=1), rng), "APPROVED_FOR_CLOSING"))
            settle = AFTER_CLOSING
            if rng.random() < 0.06:
                settle = (
                    (0, "CLOSED"),
                    (1, "WAITING_ON_PAYMENT"),
                    (40, "PAYMENT_ACCEPTED"),
                    (44, "SETTLED"),
                )
            steps += [
                (closed + timedelta(days=after, seconds=17 * after), state)
                for after, state in settle
            ]
        else:
            end = opened + timedelta(days=max(4, days * 2 // 3))
            if rng.random() < 0.5:
                steps.append((instant(end - timedelta(days=2), rng), "TERMINATION_REQUESTED"))
            steps.append((instant(end, rng), "TERMINATED"))
        deal.plan = sorted(steps, key=lambda step: step[0])

    def plan_listing(self, deal: Deal, *, days: int, sells: bool = True) -> None:
        """What will happen to a listing."""
        rng = self._rng
        opened = deal.created_at.date()
        deal.listing_date = opened
        deal.listing_expiration_date = opened + timedelta(days=180)
        if sells:
            under = opened + timedelta(days=days)
            steps = [
                (instant(under, rng), "LISTING_IN_CONTRACT"),
                (instant(under + timedelta(days=35), rng), "LISTING_CLOSED"),
            ]
        else:
            steps = [(instant(opened + timedelta(days=days + 60), rng), "TERMINATED")]
        deal.plan = [(deal.created_at, "LISTING_ACTIVE"), *steps]

    # --- the odd ones -------------------------------------------------------------------------

    def odd_deals(self, ada: Agent, ben: Agent, mates: Sequence[Agent], today: date) -> list[Deal]:
        """The values and nulls of contract §15.4, one deal each, owned by ada unless the name says
        otherwise.
        """
        rng = self._rng
        deals: list[Deal] = []

        def closed(
            days_ago: int, price: str = "400000", percent: str = "3", **extra: object
        ) -> Deal:
            opened = today - timedelta(days=days_ago + 35)
            partners = extra.pop("partners", ())
            deal = self.deal(
                extra.pop("owner", ada),  # type: ignore[arg-type]
                opened,
                price=Decimal(price),
                percent=Decimal(percent),
                partners=partners,  # type: ignore[arg-type]
                **extra,  # type: ignore[arg-type]
            )
            self.plan_sale(deal, days=30)
            deals.append(deal)
            return deal

        def drafted(days_ago: int, days: int = 45) -> Deal:
            deal = self.deal(
                ada,
                today - timedelta(days=days_ago),
                price=Decimal("350000"),
                percent=Decimal("2.5"),
            )
            self.plan_sale(deal, days=days)
            deals.append(deal)
            return deal

        canadian = closed(70, "640000.50", "2.5", place=CANADIAN, currency="CAD")
        canadian.firm_date = canadian.created_at.date() + timedelta(days=6)
        texty = closed(330, "512500.50", "3")
        texty.raw["price"] = {"amount": "512500.50", "currency": "USD"}
        negative = closed(345, "410000", kind="OTHER", gross=Decimal("-500.00"))
        negative.raw["complianceStatus"] = None
        closed(110, "2400", "0", kind="LEASE", representation="TENANT", gross=Decimal(0))
        unpriced = drafted(2)
        unpriced.gross = None
        for person in unpriced.participants:
            person.percent = person.amount = None
        millis = closed(360)
        millis.planned_actual, millis.planned_skyslope = (
            None,
            millis.created_at.date() + timedelta(days=30),
        )
        moment = datetime.combine(millis.planned_skyslope, time(17), tzinfo=UTC)
        millis.raw["skySlopeActualClosingDate"] = int(moment.timestamp() * 1000)
        self._close_only_at(
            closed(140), datetime.combine(today - timedelta(days=140), time(23, 30), tzinfo=UTC)
        )
        new_year = datetime(today.year, 1, 1, 3, 30, tzinfo=UTC)
        # in the reporting zone this one still closed in the old year
        self._close_only_at(closed((today - new_year.date()).days), new_year)
        leap = today.year - today.year % 4
        leap_day = date(leap if date(leap, 2, 29) <= today else leap - 4, 2, 29)
        quit_deal = self.deal(ada, leap_day, price=Decimal(305000), percent=Decimal(3))
        self.plan_sale(quit_deal, days=40, closes=False)
        quit_deal.contract_date = leap_day
        deals.append(quit_deal)
        closed(400).flags.add("no_one_line")
        no_office = closed(410)
        no_office.office_id = no_office.office_name = None
        stateless = drafted(5, 60)
        stateless.state, stateless.plan = None, []
        nobody = self.deal(
            ada, today - timedelta(days=200), price=Decimal(99000), percent=Decimal(3)
        )
        self.plan_sale(nobody, days=30, closes=False)
        nobody.participants, nobody.owner_sent = [], True
        deals.append(nobody)
        both = closed(
            58,
            "380000",
            "5",
            representation="DUAL",
            partners=((ada, "SELLERS_AGENT", Decimal(50)),),
        )
        both.participants[1].company = None
        strange = closed(390)
        strange.participants.append(
            self.participant("UNKNOWN", strange.created_at + timedelta(hours=1))
        )
        strange.participants.append(
            self.participant("CONCIERGE", strange.created_at + timedelta(hours=2))
        )
        unknown = drafted(9, 70)
        unknown.state, unknown.plan = "AWAITING_STARS", []
        third = Decimal("33.33")
        closed(
            40,
            gross=Decimal("10000.01"),
            partners=(
                (mates[0], "OTHER_AGENT", third),
                (mates[1], "OTHER_AGENT", Decimal("33.34")),
            ),
        )
        closed(33, "455000", partners=((None, "REFERRING_AGENT", Decimal(25)),))
        plain = closed(420)
        plain.flags.add("plain_state")
        short = closed(430)
        short.flags.add("short_state")
        waiting = closed(12)
        waiting.plan = [
            s
            for s in waiting.plan
            if s[1] not in ("PAYMENT_ACCEPTED", "PAYMENT_SCHEDULED", "SETTLED")
        ]
        waiting.plan.append((waiting.plan[-1][0] + timedelta(hours=4), "WAITING_ON_PAYMENT"))
        asked = drafted(20, 60)
        asked.plan = [s for s in asked.plan if s[0].date() < today - timedelta(days=4)]
        asked.plan.append((instant(today - timedelta(days=3), rng), "TERMINATION_REQUESTED"))
        asked.plan.append((instant(today + timedelta(days=4), rng), "COMMISSION_VALIDATED"))
        # the owner is named, and is not the earliest on the deal
        late = closed(65, "520000", partners=((ben, "BUYERS_AGENT", Decimal(20)),))
        late.owner_sent = True
        late.participants[1].created_at = late.participants[0].created_at - timedelta(hours=5)
        shared = closed(25, "500000", partners=((ben, "BUYERS_AGENT", Decimal(20)),))
        shared.owner_sent = False
        closed(28, "430000", partners=((ada, "BUYERS_AGENT", Decimal(50)),), owner=ben)
        for mate in mates[:2]:
            led = closed(52, "365000", partners=((ada, "TEAM_LEADER", Decimal(30)),), owner=mate)
            led.owner_sent = mate is mates[0]
        return deals

    def _close_only_at(self, deal: Deal, moment: datetime) -> None:
        """A deal with no closing date but the instant Real closed it."""
        deal.planned_actual = deal.planned_skyslope = deal.planned_reported = None
        before = [s for s in deal.plan if s[1] not in {state for _, state in AFTER_CLOSING}]
        before = [s for s in before if s[0] < moment and s[1] != "WAITING_ON_PAYMENT"]
        deal.plan = [*before, *((moment + timedelta(days=d), s) for d, s in AFTER_CLOSING)]
