"""The things a CRM account holds. Ids are the account's own integers and repeat between accounts on
purpose.

Instants are aware UTC with whole seconds; amounts are whole currency units as the vendor keeps
them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

OWNER, ADMIN, AGENT, LENDER = "owner", "admin", "agent", "lender"


@dataclass(slots=True)
class User:
    """Somebody with a login. ``kind`` is owner, admin, agent or lender; ``shares_calendar`` lets
    the owner see it.
    """

    id: int
    created: datetime
    updated: datetime
    first_name: str
    last_name: str
    email: str
    phone: str | None
    kind: str
    status: str = "Active"
    timezone: str | None = "America/Denver"
    team_ids: list[int] = field(default_factory=list)
    leads: list[int] = field(default_factory=list)
    group_ids: list[int] = field(default_factory=list)
    shares_calendar: bool = True

    @property
    def name(self) -> str:
        """First and last name."""
        return f"{self.first_name} {self.last_name}".strip()

    @property
    def role(self) -> str:
        """The vendor's word: owners and admins are both ``Broker``."""
        return {OWNER: "Broker", ADMIN: "Broker", LENDER: "Lender"}.get(self.kind, "Agent")

    @property
    def deleted(self) -> bool:
        """Removed from the account; hidden from lists unless asked for."""
        return self.status != "Active"


@dataclass(slots=True)
class Team:
    """A team inside the account."""

    id: int
    name: str
    user_ids: list[int]
    leader_ids: list[int]


@dataclass(slots=True)
class Group:
    """A lead-distribution group (not a tag)."""

    id: int
    name: str
    type: str
    distribution: str
    user_ids: list[int]
    default_user_id: int | None = None
    default_pond_id: int | None = None
    claim_window: int | None = None
    is_primary: bool = False


@dataclass(slots=True)
class Pond:
    """A shared pool of leads."""

    id: int
    name: str
    user_id: int | None
    user_ids: list[int]


@dataclass(slots=True)
class PipelineStage:
    """A column of a deal pipeline; its ids are another space than people stages."""

    id: int
    name: str
    order_weight: int
    closed: bool
    color: str | None = None


@dataclass(slots=True)
class Pipeline:
    """A board of deals."""

    id: int
    name: str
    order_weight: int
    stages: list[PipelineStage]


@dataclass(slots=True)
class Stage:
    """A stage of people. ``Trash`` is one."""

    id: int
    name: str
    order_weight: int
    protected: bool


@dataclass(slots=True)
class CustomField:
    """The definition of a custom field; ``name`` is the JSON key on the record."""

    id: int
    name: str
    label: str
    type: str
    order_weight: int
    choices: list[str] | None = None


@dataclass(slots=True)
class Kind:
    """An appointment type or outcome."""

    id: int
    name: str
    order_weight: int


@dataclass(slots=True)
class Person:
    """A contact. ``merged_into`` is never sent: the API has no link from loser to winner."""

    id: int
    created: datetime
    updated: datetime
    first_name: str
    last_name: str
    stage_id: int
    created_by_id: int
    updated_by_id: int
    created_via: str | None = "API"
    last_activity: datetime | None = None
    type: str | None = None
    source: str | None = None
    source_id: int | None = None
    source_url: str | None = None
    lead_flow_id: int | None = None
    contacted: int = 0
    price: int | None = None
    assigned_user_id: int | None = None
    assigned_pond_id: int | None = None
    assigned_lender_id: int | None = None
    tags: list[str] = field(default_factory=list)
    emails: list[dict[str, Any]] = field(default_factory=list)
    phones: list[dict[str, Any]] = field(default_factory=list)
    addresses: list[dict[str, Any]] = field(default_factory=list)
    picture: dict[str, str] | None = None
    social_data: Any = None
    website_visits: int = 0
    timeframe_id: int | None = None
    claimed: bool | None = True
    collaborator_ids: list[int] = field(default_factory=list)
    background: str | None = None
    relationships: list[dict[str, Any]] = field(default_factory=list)
    custom: dict[str, Any] = field(default_factory=dict)
    main_deal_id: int | None = None
    extra: dict[str, Any] = field(default_factory=dict)
    merged_into: int | None = None

    @property
    def name(self) -> str:
        """First and last name, as the vendor joins them."""
        return f"{self.first_name} {self.last_name}".strip()

    @property
    def person_id(self) -> int:
        """Lets people be indexed like their children."""
        return self.id


@dataclass(slots=True)
class Deal:
    """A deal on a board. It has no ``updated``: only ``entered_stage_at`` moves. ``world_id`` is
    the mirrored deal.
    """

    id: int
    created: datetime
    name: str
    status: str
    pipeline_id: int
    stage_id: int
    price: int | None
    entered_stage_at: datetime | None
    order_weight: int
    description: str | None = None
    projected_close: date | datetime | None = None
    commission_value: float | None = None
    agent_commission: float | None = None
    team_commission: float | None = None
    time_to_close: int | None = None
    person_ids: list[int] = field(default_factory=list)
    user_ids: list[int] = field(default_factory=list)
    custom: dict[str, Any] = field(default_factory=dict)
    extra: dict[str, Any] = field(default_factory=dict)
    world_id: str | None = None


@dataclass(slots=True)
class Event:
    """Something a lead did. ``person_id`` 0 occurs."""

    id: int
    created: datetime
    updated: datetime
    person_id: int
    type: str
    occurred: datetime | None
    source: str | None
    message: str | None = None
    description: str | None = None
    page_title: str | None = None
    page_url: str | None = None
    page_duration: int | None = None
    property: dict[str, Any] | None = None
    property_search: dict[str, Any] | None = None
    extra: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Call:
    """A phone call; ``label`` is the person's name at that time."""

    id: int
    created: datetime
    updated: datetime
    created_by_id: int
    person_id: int | None
    label: tuple[str, str] | None
    user_id: int | None
    phone: str | None
    is_incoming: bool
    duration: int
    ring_duration: int | None = None
    started_at: datetime | None = None
    outcome: str | None = None
    note: str | None = None
    recording_url: str | None = None
    extra: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Text:
    """A text message."""

    id: int
    created: datetime
    updated: datetime
    created_by_id: int
    person_id: int | None
    label: tuple[str, str] | None
    user_id: int | None
    message: str | None
    from_number: str
    to_number: str
    is_incoming: bool
    sent: datetime | None = None
    delivery_status: str | None = None
    is_external: bool = False
    thread_id: int = 0
    extra: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Appointment:
    """A calendar entry. ``origin_fub`` false is one synchronised from elsewhere, which the API
    never lists.

    ``calendar_user_id`` owns the calendar; it stays when ``created_by_id`` is missing.
    """

    id: int
    created: datetime
    updated: datetime
    created_by_id: int | None
    calendar_user_id: int
    title: str
    start: datetime
    end: datetime
    all_day: bool = False
    description: str | None = ""
    location: str | None = None
    timezone: str | None = "America/Denver"
    invitees: list[dict[str, Any]] = field(default_factory=list)
    type_id: int | None = None
    outcome_id: int | None = None
    origin_fub: bool = True
    deleted: bool = False
    extra: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Note:
    """A note on a person."""

    id: int
    created: datetime
    updated: datetime
    created_by_id: int | None
    person_id: int
    subject: str | None
    body: str | None
    is_html: bool = False
    extra: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Task:
    """A to-do."""

    id: int
    created: datetime
    updated: datetime
    person_id: int | None
    assigned_user_id: int
    name: str
    type: str
    due: date | None
    completed: datetime | None = None
    extra: dict[str, Any] = field(default_factory=dict)
