"""The things of the brokerage. Money is Decimal in major units, instants are aware UTC, dates have
no zone.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

OPEN_STATES = (
    "NEW",
    "CALCULATE_LEDGER",
    "NEEDS_COMMISSION_VALIDATION",
    "COMMISSION_VALIDATED",
    "READY_FOR_COMMISSION_DOCUMENT_GENERATION",
    "COMMISSION_DOCUMENT_GENERATED",
    "COMMISSION_DOCUMENT_APPROVED",
    "COMMISSION_DOCUMENT_SENT",
    "APPROVED_FOR_CLOSING",
    "TERMINATION_REQUESTED",
)
CLOSED_STATES = ("CLOSED", "WAITING_ON_PAYMENT", "PAYMENT_ACCEPTED", "PAYMENT_SCHEDULED", "SETTLED")
LISTING_STATES = ("LISTING_ACTIVE", "LISTING_IN_CONTRACT", "LISTING_CLOSED")
AGENT_STATUSES = ("ACTIVE", "INACTIVE", "CANDIDATE", "REJECTED", "RESURRECTING")


@dataclass(slots=True)
class Agent:
    """A person of the brokerage. ``id`` is the yenta id; ``sponsor_id`` the direct sponsor, None
    for founders.
    """

    id: str
    keymaker_id: str
    first_name: str
    last_name: str
    email: str | None
    phone: str | None
    status: str
    country: str
    area: str
    join_date: date | None
    anniversary_date: date | None
    created_at: datetime
    updated_at: datetime
    sponsor_id: str | None = None
    co_sponsor_id: str | None = None
    terminated_as_of: date | None = None
    cap: Decimal = Decimal(12000)
    avatar: str | None = None
    buys_stock: bool = False
    closings_per_year: int = 0
    middle_name: str | None = None

    @property
    def full_name(self) -> str:
        """First and last name."""
        return f"{self.first_name} {self.last_name}"


@dataclass(slots=True)
class Member:
    """A place in a team; ``id`` is the membership's, not the agent's. ``split`` is the percent the
    member keeps.
    """

    id: str
    agent_id: str
    role: str
    split: Decimal
    cap: Decimal


@dataclass(slots=True)
class Team:
    """A team and its roster (people who left stay on it)."""

    id: str
    name: str
    type: str
    flex: bool
    split: Decimal
    created_at: datetime
    updated_at: datetime
    members: list[Member] = field(default_factory=list)
    invitations: list[dict[str, Any]] = field(default_factory=list)

    @property
    def leader_id(self) -> str:
        """The agent id of the first leader."""
        return next(m.agent_id for m in self.members if m.role == "LEADER")


@dataclass(frozen=True, slots=True)
class User:
    """A person who also works in the CRM: a connected agent or a team mate of one.

    ``agent_key`` is the slug of the connected agent whose account the person works in;
    ``is_connected`` is true for that agent, false for the team mates. Team mates may have no phone
    or email.
    """

    agent_key: str
    agent_id: str
    first_name: str
    last_name: str
    email: str
    phone: str | None
    team_id: str | None
    is_connected: bool
    is_active: bool


@dataclass(slots=True)
class Address:
    """A property's address; ``state`` is the full name in upper snake case, ``short_state`` the two
    letters.
    """

    street: str
    unit: str | None
    city: str
    state: str
    short_state: str
    zip: str
    county: str
    country: str

    @property
    def one_line(self) -> str:
        """The address in one line, as reZEN writes it."""
        street = f"{self.street}, Unit {self.unit}" if self.unit else self.street
        return f"{street}, {self.city}, {self.state} {self.zip}"


@dataclass(slots=True)
class Participant:
    """Somebody on a deal. ``percent``/``amount`` are the share of the gross commission, None when
    unpaid.
    """

    id: str
    role: str
    agent_id: str | None
    first_name: str | None
    last_name: str | None
    company: str | None
    email: str | None
    phone: str | None
    external: bool
    created_at: datetime
    percent: Decimal | None = None
    amount: Decimal | None = None

    @property
    def paid(self) -> bool:
        """Whether the person has a share."""
        return self.percent is not None


@dataclass(slots=True)
class Deal:
    """A transaction, or a listing when ``listing``. Amounts are in ``currency``.

    ``net`` has the net payout of each of Real's agents with a share. ``raw`` holds JSON members
    that are sent
    instead of the rendered ones, ``flags`` names odd renderings. ``hidden_from`` are the agents who
    lost sight of it. ``plan`` is what will happen to it: (instant, state) pairs, and ``token``
    voids queued steps.
    """

    id: str
    code: str
    listing: bool
    type: str
    property_type: str | None
    representation: str
    address: Address
    currency: str
    price: Decimal | None
    gross: Decimal | None
    percent: Decimal
    owner_id: str
    participants: list[Participant]
    created_at: datetime
    updated_at: datetime
    state: str | None = "NEW"
    group: str = "OPEN"
    owner_sent: bool = True
    net: dict[str, Decimal] = field(default_factory=dict)
    listing_date: date | None = None
    listing_expiration_date: date | None = None
    contract_date: date | None = None
    firm_date: date | None = None
    closing_estimated: date | None = None
    closing_actual: date | None = None
    agent_reported: date | None = None
    skyslope_actual: date | None = None
    closed_at: datetime | None = None
    rezen_closed_at: datetime | None = None
    office_id: str | None = None
    office_name: str | None = None
    team_id: str | None = None
    lead_source: str | None = None
    mls_number: str | None = None
    year_built: int | None = None
    journey_id: str | None = None
    built_from: str | None = None
    planned_actual: date | None = None
    planned_skyslope: date | None = None
    planned_reported: date | None = None
    plan: list[tuple[datetime, str]] = field(default_factory=list)
    token: int = 0
    raw: dict[str, Any] = field(default_factory=dict)
    flags: set[str] = field(default_factory=set)
    hidden_from: set[str] = field(default_factory=set)
    deleted: bool = False

    @property
    def one_line(self) -> str:
        """The address in one line."""
        return self.address.one_line

    def agent_ids(self) -> list[str]:
        """Real's people on the deal, each once, the owner first."""
        ids = dict.fromkeys([self.owner_id])
        ids.update(dict.fromkeys(p.agent_id for p in self.participants if p.agent_id))
        return [i for i in ids if i]

    def visible_to(self, agent_id: str) -> bool:
        """Whether the agent finds the deal in lists and may open it."""
        return (
            not self.deleted and agent_id not in self.hidden_from and agent_id in self.agent_ids()
        )


@dataclass(frozen=True, slots=True)
class Closing:
    """One agent's share of one deal at the moment Real closed it: what cap and revenue share work
    on.
    """

    deal_id: str
    code: str
    type: str
    agent_id: str
    gross: Decimal
    deal_gross: Decimal
    at: datetime


@dataclass(slots=True)
class CapYear:
    """An agent's anniversary year: what was paid toward the cap and what followed."""

    agent_id: str
    start: date
    cap: Decimal
    paid: Decimal = Decimal(0)
    gross: Decimal = Decimal(0)
    deals: int = 0
    brokerage_fees: int = 0
    post_cap_fees: Decimal = Decimal(0)
    stock_pre: Decimal = Decimal(0)
    stock_post: Decimal = Decimal(0)
    capped_at: datetime | None = None
    elite: bool = False

    @property
    def capped(self) -> bool:
        """Whether the cap is reached."""
        return self.paid >= self.cap


@dataclass(slots=True)
class Contribution:
    """A share of one closing for one receiver. ``formula`` is the share before the pool's cut."""

    id: str
    receiver_id: str
    contributor_id: str
    tier: int
    payout: Decimal
    formula: Decimal
    base: Decimal
    deal_id: str
    code: str
    type: str
    earned_at: datetime
    earned_on: date
    status: str
    missed_reason: str | None = None
    payment_id: str | None = None

    @property
    def missed(self) -> bool:
        """Earned by the tree, lost by the receiver."""
        return self.status == "MISSED"


@dataclass(slots=True)
class Payment:
    """A month's revenue share, sent on the 15th of the next month."""

    id: str
    receiver_id: str
    amount: Decimal
    paid_at: datetime
    period_start: date
    period_end: date
    contributions: list[Contribution]


@dataclass(slots=True)
class EquityRow:
    """A movement of shares. ``amount`` is its value in USD at ``price``."""

    id: str
    agent_id: str
    grant_type: str
    transaction_type: str
    shares: Decimal
    price: Decimal
    amount: Decimal
    status: str
    on: date
    vesting_date: date | None
    deal_id: str | None
    created_at: datetime
    updated_at: datetime
