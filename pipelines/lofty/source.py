"""Lofty as a vendor: its entities in reading order, and the check of a credential.

Pulls the account's people and configuration whole, leads by looking for recent ones and once a day
by a scan of all, communication by its window, transactions whole. Site activity, notes, tasks,
appointments, calls, system logs and commissions cost a call per changed lead and are read only if
`lead_details` is on. Every table is merged on (connection, key). `lofty_source` runs it alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from dlt.extract import DltSource

from pipelines.alone import source_of
from pipelines.common.entity import Count, Entity, Read, Strategy, Vendor
from pipelines.common.http import VendorSettings
from pipelines.common.model import VendorModel
from pipelines.lofty import models
from pipelines.lofty.account import check, read_account
from pipelines.lofty.client import DIALECT, OAUTH, LoftySettings
from pipelines.lofty.commissions import read_commissions
from pipelines.lofty.communications import read_communications
from pipelines.lofty.configuration import (
    bare_list,
    read_members,
    read_pipelines,
    read_tags,
    read_transaction_pipelines,
)
from pipelines.lofty.counts import count_leads, count_transactions
from pipelines.lofty.details import (
    ACTIVITY_KEY,
    activities_of,
    appointments_of,
    calls_of,
    notes_of,
    per_lead,
    system_logs_of,
    tasks_of,
)
from pipelines.lofty.leads import read_leads
from pipelines.lofty.transactions import read_transactions

# whose credential it is has to be known before anything of it is kept
_ACCOUNT = ("account",)
_OFFICIAL = "official description of the API"
_DISPUTED = "official description of the API; envelope and paging observed in public code"


def _lead_details(settings: VendorSettings) -> bool:
    return cast(LoftySettings, settings).lead_details


def _whole(
    name: str,
    title: str,
    description: str,
    model: type[VendorModel],
    key: tuple[str, ...],
    read: Read,
    contract: str,
    evidence: str = _OFFICIAL,
    count: Count | None = None,
) -> Entity:
    """A list without a clock of its changes."""
    strategy: Strategy = "sweep"
    return Entity(
        name, title, description, model, key, read, strategy, contract, evidence, _ACCOUNT,
        count=count,
    )  # fmt: skip


def _detail(
    name: str, title: str, description: str, model: type[VendorModel], key: tuple[str, ...],
    read: Read, evidence: str = _OFFICIAL,
) -> Entity:  # fmt: skip
    """What is asked for lead by lead."""
    return Entity(
        name=name,
        title=title,
        description=description,
        model=model,
        key=key,
        read=read,
        strategy="detail",
        contract="§5.2",
        evidence=evidence,
        depends_on=("account", "leads"),
        enabled=_lead_details,
    )


ENTITIES = (
    Entity(
        name="account",
        title="Account",
        description="The member behind the credential, and whether it sees the whole account.",
        model=models.Account,
        key=("member_user_id",),
        read=read_account,
        strategy="snapshot",
        contract="§1.3",
        evidence=_OFFICIAL,
    ),
    _whole(
        "members", "Members", "Members of the team with office and licence.",
        models.Member, ("id",), read_members, "§4.1", _DISPUTED,
    ),
    _whole(
        "pipelines", "Lead pipelines", "Pipelines of leads, which serve as their stages.",
        models.Pipeline, ("id",), read_pipelines, "§4.2", _DISPUTED,
    ),
    _whole(
        "tags", "Tags", "Tags: definitions, and those applied to a lead.",
        models.Tag, ("tag_id", "lead_id"), read_tags, "§4.2", _DISPUTED,
    ),
    _whole(
        "custom_fields", "Custom fields", "Custom fields of leads by their name.",
        models.CustomField, ("attribute_name",),
        bare_list("v1.0/teamFeatures/listCustomField"), "§4.2",
    ),
    _whole(
        "ponds", "Ponds", "Shared lead pools.",
        models.Pond, ("id",), bare_list("v1.0/team-features/lead-ponds"), "§4.2",
    ),
    _whole(
        "transaction_fields", "Transaction fields", "Custom fields of transactions.",
        models.TransactionField, ("id",), bare_list("v1.0/transaction/customfields"), "§4.2",
    ),
    _whole(
        "transaction_pipelines", "Transaction stages", "Stages of each kind of transaction.",
        models.TransactionPipeline, ("transaction_type", "id"), read_transaction_pipelines, "§4.2",
    ),
    Entity(
        name="leads",
        title="Leads",
        description="Leads with contact data, consent, stage, owner, tags and wishes.",
        model=models.Lead,
        key=("lead_id",),
        read=read_leads,
        strategy="sweep",
        contract="§3",
        evidence=_DISPUTED,
        depends_on=_ACCOUNT,
        count=count_leads,
    ),
    Entity(
        name="communications",
        title="Communications",
        description="Calls, texts and e-mails of all agents, without their bodies.",
        model=models.Communication,
        key=("id",),
        read=read_communications,
        strategy="window",
        contract="§5.1",
        evidence="official description of the API, newest version only",
        depends_on=_ACCOUNT,
    ),
    _whole(
        "transactions", "Transactions", "Transactions with price, commission income and dates.",
        models.Transaction, ("transaction_id",), read_transactions, "§5.3",
        count=count_transactions,
    ),
    _detail(
        "lead_activities", "Site activity", "What leads did on the site.",
        models.LeadActivity, ACTIVITY_KEY, per_lead("site activity", activities_of), _DISPUTED,
    ),
    _detail(
        "notes", "Notes", "Notes on leads, without their text.", models.Note, ("note_id",),
        per_lead("notes", notes_of),
    ),
    _detail(
        "tasks", "Tasks", "Tasks on leads, without their text.", models.Task, ("id",),
        per_lead("tasks", tasks_of),
    ),
    _detail(
        "appointments", "Appointments", "Appointments with leads.", models.Appointment, ("id",),
        per_lead("appointments", appointments_of),
    ),
    _detail(
        "calls", "Calls", "Calls that the dialer recorded, with their length and outcome.",
        models.PhoneCall, ("id",), per_lead("calls", calls_of),
    ),
    _detail(
        "system_logs", "System logs", "How leads changed stage and owner, without messages.",
        models.SystemLog, ("id",), per_lead("system logs", system_logs_of),
    ),
    Entity(
        name="transaction_commissions",
        title="Commissions",
        description="Lines of commission of transactions that have a lead.",
        model=models.TransactionCommission,
        key=("transaction_id", "part", "id"),
        read=read_commissions,
        strategy="detail",
        contract="§5.3",
        evidence=_OFFICIAL,
        depends_on=("account", "transactions"),
        enabled=_lead_details,
        grouped_by="lead_id",
    ),
)  # fmt: skip

LOFTY = Vendor(
    name="lofty",
    title="Lofty",
    dialect=DIALECT,
    oauth=OAUTH,
    entities=ENTITIES,
    settings_type=LoftySettings,
    check=check,
    credential_names=("api_key",),
    docs="docs/vendors/lofty.md",
)


def lofty_source(
    credentials: Mapping[str, str], settings: LoftySettings | None = None
) -> DltSource:
    """One Lofty account as a plain dlt source.

    `credentials` holds an `api_key`, or `access_token`, `refresh_token` and `expires_at`.
    """
    return source_of(LOFTY, credentials, settings or LoftySettings())
