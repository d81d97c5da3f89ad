"""Dotloop as a vendor: its entities in reading order, and the check of a credential.

Pulls the person, the profiles, the loops of every open profile with their details and people, and
the person's contacts. The same deal may come through several profiles and connections, so core
joins on more than the loop's id (dotloop.md §3.2). `dotloop_source` runs it alone.
"""

from __future__ import annotations

from typing import cast

from dlt.extract import DltSource

from pipelines.alone import source_of
from pipelines.common.entity import Entity, Vendor
from pipelines.dotloop import models
from pipelines.dotloop.account import check, read_accounts, read_profiles
from pipelines.dotloop.client import DIALECT, OAUTH, DotloopSettings
from pipelines.dotloop.contacts import read_contacts
from pipelines.dotloop.loops import read_loops, read_merged_loops
from pipelines.dotloop.parts import read_activities, read_participants

# whose access is refused is found out once, not by five readers at the same moment
_ACCOUNT = ("accounts",)
_DOCUMENTED = "official guide and client libraries"

ENTITIES = (
    Entity(
        name="accounts",
        title="Accounts",
        description="The person whose access it is.",
        model=models.Account,
        key=("id",),
        read=read_accounts,
        strategy="sweep",
        contract="§3.1",
        evidence=_DOCUMENTED,
    ),
    Entity(
        name="profiles",
        title="Profiles",
        description="Profiles of the person, closed ones included.",
        model=models.Profile,
        key=("id",),
        read=read_profiles,
        strategy="sweep",
        contract="§3.2",
        evidence=_DOCUMENTED,
        depends_on=_ACCOUNT,
    ),
    Entity(
        name="loops",
        title="Loops",
        description="Loops with their details, as each profile sees them.",
        model=models.Loop,
        key=("profile_id", "id"),
        read=read_loops,
        strategy="incremental",
        contract="§3.3, §3.5",
        evidence=f"{_DOCUMENTED}; loops of other than individual profiles not stated",
        depends_on=("profiles",),
    ),
    Entity(
        name="participants",
        title="Participants",
        description="People of each loop.",
        model=models.Participant,
        key=("profile_id", "loop_id", "id"),
        read=read_participants,
        strategy="detail",
        contract="§3.6",
        evidence=f"{_DOCUMENTED}; whether they touch the loop not stated",
        depends_on=("loops",),
    ),
    Entity(
        name="merged_loops",
        title="Merged loops",
        description="Which loop became part of which other.",
        model=models.MergedLoop,
        key=("profile_id", "old_loop_id"),
        read=read_merged_loops,
        strategy="detail",
        contract="§2, §3.4",
        evidence="official guide",
        depends_on=("loops", "participants"),
    ),
    Entity(
        name="activities",
        title="Activities",
        description="What was done in each loop.",
        model=models.Activity,
        key=("profile_id", "loop_id", "sent_date", "message_hash"),
        read=read_activities,
        strategy="detail",
        contract="§3.8",
        evidence="official guide",
        depends_on=("loops",),
        enabled=lambda settings: cast(DotloopSettings, settings).activities,
    ),
    Entity(
        name="contacts",
        title="Contacts",
        description="Contacts of the person.",
        model=models.Contact,
        key=("id",),
        read=read_contacts,
        strategy="incremental",
        contract="§3.7",
        evidence=f"{_DOCUMENTED}; filter assumed",
        depends_on=_ACCOUNT,
    ),
)

DOTLOOP = Vendor(
    name="dotloop",
    title="Dotloop",
    dialect=DIALECT,
    oauth=OAUTH,
    entities=ENTITIES,
    settings_type=DotloopSettings,
    check=check,
    credential_names=(),
    docs="docs/vendors/dotloop.md",
)


def dotloop_source(
    access_token: str, refresh_token: str, settings: DotloopSettings | None = None
) -> DltSource:
    """Dotloop as one person sees it, as a plain dlt source."""
    return source_of(
        DOTLOOP,
        {"access_token": access_token, "refresh_token": refresh_token},
        settings or DotloopSettings(),
    )
