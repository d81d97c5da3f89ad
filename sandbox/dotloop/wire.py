"""Accounts, profiles, loops, parties and the rest as Dotloop sends them (contract §3)."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from sandbox.dotloop import facts
from sandbox.dotloop.model import Account, Contact, Loop, Party, Profile, Value
from sandbox.world.model import Agent

if TYPE_CHECKING:
    from sandbox.dotloop.books import Books

Json = dict[str, Any]


def at(moment: datetime | None) -> str | None:
    """An instant as Dotloop writes it: seconds and a Z."""
    return None if moment is None else f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def account(account: Account, agent: Agent) -> Json:
    """§3.1."""
    row: Json = {
        "id": account.id,
        "firstName": agent.first_name,
        "lastName": agent.last_name,
        "email": agent.email or f"{account.agent_key}@example.com",
        "defaultProfileId": account.default_profile_id,
    }
    return {**row, **account.edits}


def profile(profile: Profile, account: Account) -> Json:
    """§3.2."""
    row: Json = {
        "id": profile.id,
        "name": profile.name,
        "type": profile.type,
        "company": profile.company,
        "phone": profile.phone,
        "fax": profile.fax,
        "address": profile.address,
        "city": profile.city,
        "state": profile.state,
        "zipCode": profile.zip_code,
        "country": profile.country,
        "default": account.default_profile_id == profile.id,
        "requiresTemplate": profile.requires_template,
        "deactivated": profile.deactivated,
    }
    return {name: value for name, value in row.items() if name not in profile.unsent}


def loop(books: Books, loop: Loop, profile_id: int, *, details: bool) -> Json:
    """§3.3; with `details` the block, which older records have in the row itself."""
    view_id = books.view_id(loop, profile_id)
    row: Json = {
        "id": view_id,
        "profileId": None if loop.number % 17 == 4 else profile_id,
        "ownerProfileId": loop.owner_profile_id,
        "name": loop.edits.get("name", loop.name),
        "transactionType": facts.kind(loop),
        "status": facts.status(loop),
        "created": at(loop.created),
        "updated": at(loop.updated),
        "totalTaskCount": loop.tasks,
        "completedTaskCount": None if loop.tasks is None else loop.tasks_done,
        "loopUrl": loop.url(view_id),
    }
    if details:
        block = detail(loop)
        if block and loop.number % 10 == 9 and books.switches["inline_details"]:
            row |= block
        elif block or loop.number % 2:
            row["details"] = block
    return row


def detail(loop: Loop) -> Json:
    """§3.5: labels and texts."""
    count = loop.number
    block: Json = {}
    for section, labels in facts.facts(loop).items():
        block[section] = {}
        for label, value in labels.items():
            count += 1
            block[section][label] = text(value, count)
    return block


def text(value: Value, turn: int) -> str:
    """A value in one of the ways in which people have typed it."""
    if isinstance(value, date):
        return f"{value:%m/%d/%Y}" if turn % 2 else f"{value:%B %d, %Y}"
    if isinstance(value, Decimal):
        return money(value, turn)
    return value


def money(value: Decimal, turn: int) -> str:
    """`25000`, `110000.0`, `$110,000` or `110000.00`; cents are never lost."""
    cents = f"{value:.2f}"
    short = cents.removesuffix(".00")
    match turn % 4:
        case 0:
            return short
        case 1:
            return f"{short}.0" if "." not in short else short.removesuffix("0")
        case 2:
            sign = "-" if value < 0 else ""
            return f"{sign}${abs(value):,.2f}".removesuffix(".00")
        case _:
            return cents


def party(party: Party, loop: Loop) -> Json:
    """§3.6: the extras' letters are as typed, small or capital, and the phone is one of them in
    some answers.
    """
    labels = dict(party.labels)
    row: Json = {
        "id": party.id,
        "fullName": party.full_name,
        "email": party.email,
        "role": party.role,
    }
    if loop.number % 2:
        row["phone"] = party.phone
    elif party.phone is not None:
        labels["Phone"] = party.phone
    case = (str, str.lower, str.upper)[loop.number % 3]
    return row | {case(label): value for label, value in labels.items()}


def contact(contact: Contact) -> Json:
    """§3.7."""
    return {
        "id": contact.id,
        "firstName": contact.first_name,
        "lastName": contact.last_name,
        "email": contact.email,
        "home": contact.home,
        "office": contact.office,
        "cell": contact.cell,
        "fax": contact.fax,
        "address": contact.address,
        "city": contact.city,
        "state": contact.state,
        "zipCode": contact.zip_code,
        "country": contact.country,
        "updated": at(contact.updated),
    }


# --- what the first release does not load (§3.8) --------------------------------------------------


def activities(loop: Loop) -> list[Json]:
    """The newest first."""
    rows = sorted(loop.activities, key=lambda row: row[0])
    return [{"date": at(moment), "message": message} for moment, message in reversed(rows)]


def folders(loop: Loop, *, documents: bool, archived: bool) -> list[Json]:
    """Two folders and one that is archived."""
    names = ("Disclosures", "Offers", "Archived")[: 3 if archived else 2]
    rows: list[Json] = []
    for place, name in enumerate(names):
        row: Json = {
            "id": loop.id * 10 + place,
            "name": name,
            "created": at(loop.created),
            "updated": at(loop.updated),
        }
        if documents:
            row["documents"] = documents_of(loop, place)
        rows.append(row)
    return rows


def documents_of(loop: Loop, place: int) -> list[Json]:
    """The documents of a folder."""
    return [
        {
            "id": loop.id * 100 + place * 10 + n,
            "name": f"offer-{n}.pdf",
            "created": at(loop.created),
            "updated": at(loop.updated),
        }
        for n in range(1 + (loop.number + place) % 2)
    ]


def task_lists(loop: Loop) -> list[Json]:
    """One list per loop."""
    return [{"id": loop.id * 10 + 1, "name": "My tasks"}]


def tasks(loop: Loop) -> list[Json]:
    """As many as the loop counts, the first of them done."""
    return [
        {
            "id": loop.id * 100 + n,
            "name": f"Task {n + 1}",
            "due": None if n % 3 == 2 else f"{loop.created:%Y-%m-%dT00:00:00}-04:00",
            "completed": n < loop.tasks_done,
        }
        for n in range(loop.tasks or 0)
    ]


def templates(profile: Profile) -> list[Json]:
    """Two templates per profile."""
    return [
        {
            "id": profile.id * 10 + n,
            "profileId": profile.id,
            "name": f"{what.replace('_', ' ').title()} template",
            "transactionType": what,
            "shared": n == 0,
            "global": n == 1,
        }
        for n, what in enumerate(("PURCHASE_OFFER", "LISTING_FOR_SALE"))
    ]
