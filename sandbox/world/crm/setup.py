"""What an account has before its first lead: people with a login and the small lists."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sandbox.world.crm.account import TRASH, Account
from sandbox.world.crm.model import (
    ADMIN,
    AGENT,
    LENDER,
    OWNER,
    CustomField,
    Group,
    Kind,
    Pipeline,
    PipelineStage,
    Pond,
    Stage,
    Team,
    User,
)
from sandbox.world.crm.words import STAGES
from sandbox.world.model import User as WorldUser


def add_users(account: Account, people: Sequence[WorldUser], start: datetime) -> None:
    """The owner, the team mates, and one of each kind: admin, agent, lender, private calendar,
    removed.
    """
    mates = [u for u in people if not u.is_connected]
    owner = next(u for u in people if u.is_connected)
    for number, person in enumerate([owner, *mates], start=1):
        account.users[number] = User(
            id=number,
            created=start + timedelta(days=number),
            updated=start + timedelta(days=number + 30),
            first_name=person.first_name.strip(),
            last_name=person.last_name,
            email=person.email,
            phone=person.phone,
            kind=OWNER if person.is_connected else AGENT,
            status="Active" if person.is_active else "Deleted",
            team_ids=[1],
            leads=[1] if person.is_connected else [],
            group_ids=[7],
        )
    extra = (
        ("Bo", "Broker-Admin", ADMIN, "Active", True),
        ("Ari", "Agent", AGENT, "Active", True),
        ("Lou", "Lender", LENDER, "Active", True),
        ("Pia", "Private", AGENT, "Active", False),
        ("Del", "Removed", AGENT, "Deleted", True),
    )
    for first, last, kind, status, shares in extra:
        number = len(account.users) + 1
        account.users[number] = User(
            id=number,
            created=start + timedelta(days=number),
            updated=start + timedelta(days=number + 90),
            first_name=first,
            last_name=last,
            email=f"{first.lower()}.{account.domain}@example.test",
            phone=None if kind == LENDER else f"5550102{number:03d}",
            kind=kind,
            status=status,
            timezone=None if kind == LENDER else "America/New_York",
            team_ids=[2] if kind == AGENT and status == "Active" else [],
            shares_calendar=shares,
        )


def add_lists(account: Account) -> None:
    """Teams, groups, ponds, pipelines, stages, custom fields, appointment types and outcomes."""
    active = [u for u in account.users.values() if not u.deleted]
    agents = [u.id for u in active if u.kind in (OWNER, AGENT)]
    account.teams = {
        1: Team(1, "East team", [u.id for u in active if 1 in u.team_ids], [account.owner.id]),
        2: Team(2, "West team — Ñ", [u.id for u in active if 2 in u.team_ids], []),
        3: Team(3, "Empty team", [], []),
    }
    lenders = [u.id for u in active if u.kind == LENDER]
    account.groups = {
        7: Group(7, "Weekend shift", "Agent", "round-robin", agents[:3], default_user_id=agents[0]),
        8: Group(
            8,
            "First to claim",
            "Agent",
            "first-to-claim",
            agents,
            default_pond_id=5,
            claim_window=900,
        ),
        9: Group(9, "Lenders", "Lender", "round-robin", lenders, is_primary=True),
    }
    account.ponds = {
        5: Pond(5, "Cold leads", account.owner.id, agents),
        6: Pond(6, "Orphan pond", None, []),
    }
    account.pipelines = {
        number: Pipeline(
            number,
            name,
            number * 100,
            [
                PipelineStage(
                    number * 10 + index, stage, (index + 1) * 100, stage == "Closed", "#4a90d9"
                )
                for index, stage in enumerate(stages)
            ],
        )
        for number, name, stages in (
            (2, "Buyers", ("Appointment", "Under Contract", "Closed", "Lost")),
            (3, "Sellers", ("Listing Prep", "Active", "Under Contract", "Closed")),
        )
    }
    names = [*STAGES, TRASH]
    account.stages = {
        index + 11: Stage(index + 11, name, (index + 1) * 100, name in ("Lead", TRASH))
        for index, name in enumerate(names)
    }
    account.custom_fields = {
        field.id: field
        for field in (
            CustomField(14, "customBirthCity", "Birth city", "text", 10),
            CustomField(15, "customMoveDate", "Move date", "date", 20),
            CustomField(16, "customHouseholdSize", "Household size", "number", 30),
            CustomField(17, "customHeat", "Heat", "dropdown", 40, ["Hot", "Warm", "Cold"]),
            CustomField(18, "customOrder", "Order / group by", "text", 50),
        )
    }
    account.deal_custom_fields = {
        3: CustomField(
            3, "customLenderName", "Lender name", "dropdown", 10, ["Demo Bank", "Sample Credit"]
        ),
        4: CustomField(4, "customInspectionDate", "Inspection", "date", 20),
    }
    account.appointment_types = {
        1: Kind(1, "Showing", 10),
        2: Kind(2, "Listing Consultation", 20),
    }
    account.appointment_outcomes = {
        1: Kind(1, "Held", 10),
        2: Kind(2, "No show", 20),
        3: Kind(3, "Moved", 30),
    }
