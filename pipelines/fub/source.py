"""Follow Up Boss as a vendor: its entities in reading order, and the check of a credential.

Pulls users, teams and the account's configuration whole every time, people in whichever way works
for the account, deals whole, events, calls, notes and tasks from their watermarks, appointments
around today and texts of people who were active. Every table is merged on (connection, id). The
order is that of fub.md §11. `fub_source` runs it alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dlt.extract import DltSource

from pipelines.alone import source_of
from pipelines.common.entity import Count, Entity, Read, Row, Vendor
from pipelines.common.model import VendorModel
from pipelines.common.reading import Reading
from pipelines.fub import models
from pipelines.fub.account import check, read_identity
from pipelines.fub.activity import (
    read_calls,
    read_events,
    read_notes,
    read_tasks,
    read_text_messages,
)
from pipelines.fub.appointments import read_appointments
from pipelines.fub.client import DIALECT, OAUTH, FubSettings, Params, id_of, listing
from pipelines.fub.counts import count_list
from pipelines.fub.people import read_people
from pipelines.fub.sweep import is_gone, sweep

_IDENTITY = ("identity",)
_SEEN_LIVE = "official page, fields observed in public code"


def _whole(path: str, params: Params = ()) -> Read:
    """A reader of a small list: everything, every time."""

    def read(reading: Reading) -> Iterator[Sequence[Row]]:
        yield from sweep(reading, listing(reading, path, params))

    return read


def _read_users(reading: Reading) -> Iterator[Sequence[Row]]:
    users: set[str] = set()
    for rows in sweep(reading, listing(reading, "users", (("includeDeleted", "true"),))):
        users |= {str(key) for row in rows if (key := id_of(row)) is not None}
        yield rows
    reading.handover.put("users", users)


def _read_deals(reading: Reading) -> Iterator[Sequence[Row]]:
    """Everything, every time: a deal has no clock of its changes (§4.1)."""
    params = (("includeArchived", "1"), ("includeDeleted", "1"))
    deals = listing(reading, "deals", params)
    yield from sweep(reading, deals)
    reading.confirm_gone = lambda key: is_gone(deals, key)


def _small(
    name: str,
    path: str,
    title: str,
    description: str,
    model: type[VendorModel],
    contract: str,
    read: Read | None = None,
    count: Count | None = None,
) -> Entity:
    return Entity(
        name=name,
        title=title,
        description=description,
        model=model,
        key=("id",),
        read=read or _whole(path),
        strategy="sweep",
        contract=contract,
        evidence=_SEEN_LIVE,
        depends_on=_IDENTITY,
        count=count or count_list(path),
    )


ENTITIES = (
    Entity(
        name="identity",
        title="Identity",
        description="The account and the user behind the credential.",
        model=models.Identity,
        key=("account_id",),
        read=read_identity,
        strategy="snapshot",
        contract="§1.4",
        evidence="official docs; field list observed in public code",
    ),
    _small(
        "users",
        "users",
        "Users",
        "Users of the account, deleted ones included.",
        models.User,
        "§5.10",
        _read_users,
        count_list("users", {"includeDeleted": "true"}),
    ),
    _small("teams", "teams", "Teams", "Teams of users.", models.Team, "§5.12"),
    _small("groups", "groups", "Groups", "Lead-distribution groups.", models.Group, "§5.11"),
    _small("ponds", "ponds", "Ponds", "Shared lead pools.", models.Pond, "§5.13"),
    _small(
        "pipelines",
        "pipelines",
        "Pipelines",
        "Deal pipelines with their stages.",
        models.Pipeline,
        "§5.3",
    ),
    _small("stages", "stages", "Stages", "Stages of people.", models.Stage, "§5.4"),
    _small(
        "custom_fields",
        "customFields",
        "Custom fields",
        "Definitions of the custom fields of people.",
        models.CustomField,
        "§5.16",
    ),
    _small(
        "deal_custom_fields",
        "dealCustomFields",
        "Deal custom fields",
        "Definitions of the custom fields of deals.",
        models.DealCustomField,
        "§5.16",
    ),
    _small(
        "appointment_types",
        "appointmentTypes",
        "Appointment types",
        "Kinds of appointments.",
        models.AppointmentType,
        "§5.9",
    ),
    _small(
        "appointment_outcomes",
        "appointmentOutcomes",
        "Appointment outcomes",
        "Results of appointments.",
        models.AppointmentOutcome,
        "§5.9",
    ),
    Entity(
        name="people",
        title="People",
        description="Contacts with their custom fields, trashed and unclaimed ones included.",
        model=models.Person,
        key=("id",),
        read=read_people,
        strategy="probe",
        contract="§5.1",
        evidence="official docs; whether updatedAfter works is disputed and therefore probed",
        depends_on=_IDENTITY,
        count=count_list("people", {"includeTrash": "true", "includeUnclaimed": "true"}),
    ),
    Entity(
        name="deals",
        title="Deals",
        description="Deals with their custom fields, archived and deleted ones included.",
        model=models.Deal,
        key=("id",),
        read=_read_deals,
        strategy="sweep",
        contract="§5.2",
        evidence="client library, fields observed in public code; no usable filter",
        depends_on=_IDENTITY,
        count=count_list("deals", {"includeArchived": "1", "includeDeleted": "1"}),
    ),
    Entity(
        name="events",
        title="Events",
        description="Lead events: registrations, inquiries, property views.",
        model=models.Event,
        key=("id",),
        read=read_events,
        strategy="incremental",
        contract="§5.5",
        evidence="official docs; idGreaterThan is checked against what comes back",
        depends_on=_IDENTITY,
        count=count_list("events", context="events"),
    ),
    Entity(
        name="calls",
        title="Calls",
        description="Calls with outcome and note.",
        model=models.Call,
        key=("id",),
        read=read_calls,
        strategy="incremental",
        contract="§5.6",
        evidence="createdAfter verified live in public code",
        depends_on=_IDENTITY,
        count=count_list("calls"),
    ),
    Entity(
        name="notes",
        title="Notes",
        description="Notes on people, without their text.",
        model=models.Note,
        key=("id",),
        read=read_notes,
        strategy="incremental",
        contract="§5.14",
        evidence="createdAfter verified live in public code",
        depends_on=_IDENTITY,
        count=count_list("notes"),
    ),
    Entity(
        name="tasks",
        title="Tasks",
        description="What is to be done, for whom and by whom.",
        model=models.Task,
        key=("id",),
        read=read_tasks,
        strategy="incremental",
        contract="§5.14",
        evidence="client library; updatedAfter is checked against what comes back",
        depends_on=_IDENTITY,
        count=count_list("tasks"),
    ),
    Entity(
        name="appointments",
        title="Appointments",
        description="Appointments made in Follow Up Boss, with their invitees.",
        model=models.Appointment,
        key=("id",),
        read=read_appointments,
        strategy="incremental",
        contract="§5.9",
        evidence="official docs; what an owner's key sees is disputed",
        depends_on=("identity", "users"),
    ),
    Entity(
        name="text_messages",
        title="Text messages",
        description="Text messages, read person by person.",
        model=models.TextMessage,
        key=("id",),
        read=read_text_messages,
        strategy="incremental",
        contract="§5.7",
        evidence="client library; the scope rule was read from a live error",
        depends_on=("identity", "people"),
    ),
)


FUB = Vendor(
    name="fub",
    title="Follow Up Boss",
    dialect=DIALECT,
    oauth=OAUTH,
    entities=ENTITIES,
    settings_type=FubSettings,
    check=check,
    docs="docs/vendors/fub.md",
    links={"web application": "https://app.followupboss.com"},
)


def fub_source(api_key: str, settings: FubSettings | None = None) -> DltSource:
    """One Follow Up Boss account as a plain dlt source."""
    return source_of(FUB, {"api_key": api_key}, settings or FubSettings())
