"""The things of a Lofty account. Unset is None everywhere; sentinels are the wire's business.

Instants are aware UTC with whole seconds, amounts whole currency units or Decimal.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sandbox.world.model import Deal


@dataclass(slots=True)
class Member:
    """Somebody with a login.

    ``id`` and ``short_user_id`` are what ``/me`` shows, ``user_id`` is the long id that records
    carry. ``sees_all`` has the owner's or an admin's view; a ``pending`` invitee is listed but not
    found by e-mail. ``agent_id`` links to the world, ``told`` is what the world said of them last.
    """

    id: int
    user_id: int
    short_user_id: int
    first_name: str
    last_name: str
    email: str
    phone: str
    role: int
    role_name: str
    is_admin: bool = False
    group_id: int | None = None
    status: int = 1
    account_status: str | None = "ACTIVE"
    time_zone: str | None = "America/Denver"
    virtual_number: str = ""
    invitor_user_id: int | None = None
    agent_info: dict[str, str] | None = None
    pending: bool = False
    sees_all: bool = False
    agent_id: str | None = None
    told: tuple[str, str, str | None, str | None, str] | None = None
    new_leads: int = 0

    @property
    def name(self) -> str:
        """First and last name, as labels show it."""
        return f"{self.first_name} {self.last_name}".strip()


@dataclass(slots=True)
class Tag:
    """The definition of a tag; which leads have it stands with the lead."""

    id: int
    name: str
    creator_user_id: int
    visible_type: int
    created: datetime
    updated: datetime


@dataclass(slots=True)
class CustomField:
    """A lead's custom field; its name is its only key."""

    name: str
    type: str
    value: str
    params: str | None


@dataclass(slots=True)
class Stage:
    """A stage of a transaction pipeline. Its id stays when it is renamed."""

    id: int
    name: str
    default: bool = False


@dataclass(slots=True)
class Pond:
    """A shared pool of leads."""

    id: int
    name: str
    owner_id: int
    agent_ids: list[int]


@dataclass(slots=True)
class Inquiry:
    """What a lead looks for (§3.4)."""

    id: int
    price_min: int | None
    price_max: int | None
    property_types: list[str]
    bedrooms_min: int | None
    bathrooms_min: str | None
    cities: list[str]
    modified_by_agent: bool
    default_value: bool
    created: datetime
    updated: datetime


@dataclass(slots=True)
class Property:
    """An address of a lead: a home of theirs, or where their mail goes (§3.4)."""

    id: int
    street: str
    city: str
    state: str
    zip: str
    county: str
    mailing: bool
    price: int | None
    bedrooms: int | None
    bathrooms: Decimal | None
    square_feet: int | None
    lot_size: int | None
    property_type: str | None
    listing_id: str
    auto_listing_id: int | None
    label: str
    listing_status: str | None
    note: str
    created: datetime


@dataclass(slots=True)
class Relative:
    """A family member of a lead."""

    relationship: str
    first_name: str
    last_name: str
    phones: list[str]
    emails: list[str]
    birthday: date | None


@dataclass(slots=True)
class SiteActivity:
    """Something a lead did on the website. It has no id."""

    type: str
    created: datetime
    text: str
    link: str
    picture: str
    listing: Property | None = None
    scheduled: datetime | None = None
    page_name: str | None = None


@dataclass(slots=True)
class Note:
    """A note; ``id`` is the timeline's row, ``note_id`` the note."""

    id: int
    note_id: int
    creator_id: int | None
    content: str
    created: datetime
    updated: datetime
    editor_id: int | None
    pinned: bool = False
    system: bool = False
    deleted: bool = False


@dataclass(slots=True)
class Task:
    """A to-do."""

    id: int
    creator_id: int
    content: str
    type: str
    deadline: datetime
    assigned_user_id: int
    assigned_role: str
    created: datetime
    updated: datetime
    finished: datetime | None = None
    subject: str = ""
    body: str = ""
    deleted: bool = False


@dataclass(slots=True)
class Appointment:
    """A meeting with a lead."""

    id: int
    descr: str
    address: str
    start: datetime
    end: datetime | None
    created: datetime
    updated: datetime
    assign_to: int
    creator_id: int
    all_day: bool = False
    finished: datetime | None = None
    role_type: int = 0
    deleted: bool = False


@dataclass(slots=True)
class PhoneCall:
    """The record of a call; its id is the communication's."""

    id: int
    dialer_id: int | None
    user_id: int
    user_phone: str
    lead_phone: str
    direction: str | None
    status: str | None
    start: datetime
    seconds: int | None
    outcome: str | None
    rate: int | None


@dataclass(slots=True)
class SystemLog:
    """Something that the system noted: a stage or an assignment that changed."""

    id: int
    agent_id: int | None
    type: str
    description: str
    at: datetime
    from_id: int | None
    from_name: str | None
    to_id: int | None
    to_name: str | None
    kind: str
    sticky: bool = False


@dataclass(slots=True)
class Communication:
    """A row of the team's feed. ``subject`` and ``body`` are never in it."""

    id: int
    lead_id: int
    agent_id: int
    channel: str
    direction: str | None
    event: str
    kind: str
    at: datetime
    outcome: str | None = None
    seconds: int | None = None
    status: str | None = None
    from_pond: bool | None = False
    subject: str | None = None


@dataclass(slots=True)
class Transaction:
    """A transaction, mostly one that mirrors a deal of the brokerage and moves with it.

    ``edits`` are JSON members that were changed by hand; ``stage_id`` None means by the deal.
    """

    id: int
    type: str
    name: str
    created: datetime
    deal: Deal | None
    number: int
    assigned_agent: int | None
    lead_id: int | None = None
    property_id: int | None = None
    stage_id: int | None = None
    edits: dict[str, Any] = field(default_factory=dict)
    edited: datetime | None = None

    @property
    def updated(self) -> datetime:
        """The last change of the deal or of the transaction, whichever is later."""
        moved = self.deal.updated_at if self.deal else self.created
        moved = max(self.created, moved)
        return max(moved, self.edited) if self.edited else moved


@dataclass(slots=True)
class Lead:
    """A lead with everything that hangs on it.

    ``number`` decides which optional members are sent. ``blob`` is the cached JSON: put it to None
    after a change, or use ``Account.touch``.
    """

    id: int
    user_id: int
    number: int
    first_name: str
    last_name: str
    created: datetime
    updated: datetime | None
    emails: list[str]
    phones: list[str]
    phone_statuses: list[int]
    stage_id: int
    assigned_user_id: int | None
    birthday: str | None = None
    language: str | None = None
    source_id: int | None = None
    assign_time: datetime | None = None
    assign_completion: bool | None = None
    lender_user_id: int | None = None
    pond_id: int | None = None
    ownership_scope: str | None = None
    ownership_id: int | None = None
    score: int = 0
    opportunity: str | None = None
    lead_types: list[int] = field(default_factory=list)
    tags: dict[int, datetime] = field(default_factory=dict)
    segments: list[str] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)
    street: str = ""
    city: str = ""
    state: str = ""
    zip: str = ""
    last_touch: datetime | None = None
    last_visit: datetime | None = None
    facebook: str | None = None
    twitter: str | None = None
    referred_by: str | None = None
    hidden: bool = False
    private: bool | None = None
    cannot_text: bool = False
    cannot_call: bool = False
    cannot_email: bool = False
    unsubscription: bool = False
    buying_time_frame: str | None = None
    selling_time_frame: str | None = None
    answers: dict[str, str] = field(default_factory=dict)
    inquiry: Inquiry | None = None
    properties: list[Property] = field(default_factory=list)
    custom: dict[str, str] = field(default_factory=dict)
    family: list[Relative] = field(default_factory=list)
    roles: dict[int, int] = field(default_factory=dict)
    extra: dict[str, Any] = field(default_factory=dict)
    trashed: datetime | None = None
    site_activities: list[SiteActivity] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    tasks: list[Task] = field(default_factory=list)
    appointments: list[Appointment] = field(default_factory=list)
    calls: list[PhoneCall] = field(default_factory=list)
    system_logs: list[SystemLog] = field(default_factory=list)
    blob: bytes | None = None

    @property
    def active(self) -> datetime:
        """The last sign of life, by which the order ``LastActivity`` goes."""
        return max(filter(None, (self.created, self.last_touch, self.last_visit)))

    @property
    def name(self) -> str:
        """First and last name."""
        return f"{self.first_name} {self.last_name}".strip()
