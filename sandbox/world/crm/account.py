"""One CRM account: its small lists, its tables, and who may see what."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sandbox.world.crm.model import (
    ADMIN,
    OWNER,
    Appointment,
    Call,
    CustomField,
    Deal,
    Event,
    Group,
    Kind,
    Note,
    Person,
    Pipeline,
    PipelineStage,
    Pond,
    Stage,
    Task,
    Team,
    Text,
    User,
)
from sandbox.world.crm.tables import Table

TRASH = "Trash"
TABLES = ("people", "deals", "events", "calls", "text_messages", "appointments", "notes", "tasks")
PERSON_TABLES = ("events", "calls", "text_messages", "notes", "tasks")


@dataclass(slots=True)
class Account:
    """A tenant. ``id`` is the account id; every other id is only unique inside it.

    ``unlisted`` people are missing from lists though they exist; ``pending`` maps people who were
    just created to the instant from which reads find them. An ``expired`` account was not paid for.
    """

    id: int
    agent_key: str
    agent_id: str
    name: str
    domain: str
    people: Table[Person]
    deals: Table[Deal]
    events: Table[Event]
    calls: Table[Call]
    text_messages: Table[Text]
    appointments: Table[Appointment]
    notes: Table[Note]
    tasks: Table[Task]
    users: dict[int, User] = field(default_factory=dict)
    teams: dict[int, Team] = field(default_factory=dict)
    groups: dict[int, Group] = field(default_factory=dict)
    ponds: dict[int, Pond] = field(default_factory=dict)
    pipelines: dict[int, Pipeline] = field(default_factory=dict)
    stages: dict[int, Stage] = field(default_factory=dict)
    custom_fields: dict[int, CustomField] = field(default_factory=dict)
    deal_custom_fields: dict[int, CustomField] = field(default_factory=dict)
    appointment_types: dict[int, Kind] = field(default_factory=dict)
    appointment_outcomes: dict[int, Kind] = field(default_factory=dict)
    expired: bool = False
    unlisted: set[int] = field(default_factory=set)
    pending: dict[int, datetime] = field(default_factory=dict)

    @property
    def owner(self) -> User:
        """The user who owns the account: the connected agent."""
        return next(u for u in self.users.values() if u.kind == OWNER)

    @property
    def trash_id(self) -> int:
        """The id of the Trash stage."""
        return next(s.id for s in self.stages.values() if s.name == TRASH)

    def table(self, name: str) -> Table[Any]:
        """A table by its entity name. Raises ValueError for an unknown one."""
        tables: dict[str, Table[Any]] = {
            "people": self.people,
            "deals": self.deals,
            "events": self.events,
            "calls": self.calls,
            "text_messages": self.text_messages,
            "appointments": self.appointments,
            "notes": self.notes,
            "tasks": self.tasks,
        }
        if name not in tables:
            raise ValueError(f"There is no table {name!r}; there are: {', '.join(tables)}.")
        return tables[name]

    def tables(self) -> list[Table[Any]]:
        """Every table."""
        return [self.table(name) for name in TABLES]

    def forget_renderings(self) -> None:
        """Drops cached JSON after a change to a user, stage or other small list that rows are shown
        with.
        """
        for table in self.tables():
            table.forget_renderings()

    def user_name(self, user_id: int | None) -> str | None:
        """A user's name, None when there is no such user."""
        user = self.users.get(user_id) if user_id is not None else None
        return user.name if user else None

    def deal_stage(self, stage_id: int) -> PipelineStage:
        """A pipeline stage by id."""
        return next(s for p in self.pipelines.values() for s in p.stages if s.id == stage_id)

    def readable(self, person: Person, now: datetime) -> bool:
        """Whether reads already find the person."""
        ready_at = self.pending.get(person.id)
        return ready_at is None or ready_at <= now

    def sees_person(self, viewer: User, person: Person) -> bool:
        """Owners and admins see everybody; others whom they are assigned or collaborate on."""
        if viewer.kind in (OWNER, ADMIN):
            return True
        mine = (person.assigned_user_id, person.assigned_lender_id)
        return viewer.id in mine or viewer.id in person.collaborator_ids

    def sees_child(self, viewer: User, row: Any) -> bool:
        """Whether a viewer finds a call, text, event, note or task: through its person, or as its
        own user.
        """
        if viewer.kind in (OWNER, ADMIN):
            return True
        if viewer.id in (getattr(row, "user_id", None), getattr(row, "assigned_user_id", None)):
            return True
        person = self.people.get(row.person_id) if row.person_id else None
        return person is not None and self.sees_person(viewer, person)

    def sees_deal(self, viewer: User, deal: Deal) -> bool:
        """A deal without users is invisible to agents."""
        return viewer.kind in (OWNER, ADMIN) or viewer.id in deal.user_ids

    def sees_appointment(
        self, viewer: User, row: Appointment, *, scoped_to: int | None = None
    ) -> bool:
        """Own calendar and shared ones; an owner or admin who asks for one user also finds the
        unshared.
        """
        if not row.origin_fub:
            return False
        if row.calendar_user_id == viewer.id or any(
            i.get("userId") == viewer.id for i in row.invitees
        ):
            return True
        if viewer.kind not in (OWNER, ADMIN):
            return False
        holder = self.users.get(row.calendar_user_id)
        return (holder is not None and holder.shares_calendar) or scoped_to is not None

    def deals_of_person(self, person_id: int) -> Iterator[Deal]:
        """The deals that a person is on."""
        return (d for d in self.deals.rows() if person_id in d.person_ids)
