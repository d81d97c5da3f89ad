"""What a warehouse must hold of Dotloop for one connection, told from the books.

``{"account_id", "entities": {entity: {key: {column: value}}}}``: ids are text, instants ISO UTC
with milliseconds, numbers of tasks are numbers. Keys: ``loops`` by ``profile_id|id``,
``participants`` by ``profile_id|loop_id|id``, ``merged_loops`` by ``profile_id|old_loop_id``,
``activities`` by ``profile_id|loop_id|date|hash`` with the date as it is sent and the hash of the
message. Two names are no columns: ``details`` of a loop is the block with its labels, amounts as
text with two places and dates ISO; ``labels`` of a participant are the extras, labels in small
letters, the phone not among them.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import xxhash

from sandbox.dotloop import facts
from sandbox.dotloop.model import Contact, Loop, Profile, Value

if TYPE_CHECKING:
    from sandbox.dotloop.books import Books

Columns = dict[str, Any]
Rows = dict[str, Columns]


def of(books: Books, agent_key: str) -> dict[str, Any]:
    """The truth of one connected agent's view: a profile that is deactivated or refuses the list
    has no loops.
    """
    account = books.accounts[agent_key]
    agent = books.world.agents[account.agent_id]
    told = {
        "firstName": agent.first_name,
        "lastName": agent.last_name,
        "email": agent.email or f"{agent_key}@example.com",
        **account.edits,
    }
    places = [p for p in books.profiles_of(agent_key) if p.lists_for(agent_key)]
    seen = [(p, loop) for p in places for loop in books.listed(p.id)]
    return {
        "account_id": str(account.id),
        "entities": {
            "accounts": {
                str(account.id): {
                    "first_name": told["firstName"],
                    "last_name": told["lastName"],
                    "email": told["email"],
                    "default_profile_id": _text(account.default_profile_id),
                }
            },
            "profiles": {
                str(p.id): _profile(p, default=p.id == account.default_profile_id)
                for p in books.profiles_of(agent_key)
            },
            "loops": {
                f"{p.id}|{books.view_id(loop, p.id)}": _loop(books, p, loop) for p, loop in seen
            },
            "participants": _participants(books, seen),
            "contacts": {str(c.id): _contact(c) for c in books.contacts[agent_key].values()},
            "merged_loops": _merged(books, places),
            "activities": _activities(books, seen),
        },
    }


def _at(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat(timespec="milliseconds")


def _text(value: int | None) -> str | None:
    return None if value is None else str(value)


def _profile(profile: Profile, *, default: bool) -> Columns:
    newer = {"country": profile.country, "deactivated": profile.deactivated}
    return {
        "name": profile.name,
        "type": profile.type,
        "company": profile.company,
        "phone": profile.phone,
        "fax": profile.fax,
        "address": profile.address,
        "city": profile.city,
        "state": profile.state,
        "zip_code": profile.zip_code,
        "default": default,
        "requires_template": profile.requires_template,
        **{name: None if name in profile.unsent else value for name, value in newer.items()},
    }


def _loop(books: Books, profile: Profile, loop: Loop) -> Columns:
    return {
        "profile_id": str(profile.id),
        "owner_profile_id": _text(loop.owner_profile_id),
        "name": loop.edits.get("name", loop.name),
        "transaction_type": facts.kind(loop),
        "status": facts.status(loop),
        "created": _at(loop.created),
        "updated": _at(loop.updated),
        "total_task_count": loop.tasks,
        "completed_task_count": None if loop.tasks is None else loop.tasks_done,
        "loop_url": loop.url(books.view_id(loop, profile.id)),
        "details": {
            section: {label: _plain(value) for label, value in labels.items()}
            for section, labels in facts.facts(loop).items()
        },
    }


def _plain(value: Value) -> str:
    if isinstance(value, Decimal):
        return f"{value:.2f}"
    return value.isoformat() if isinstance(value, date) else value


def _participants(books: Books, seen: list[tuple[Profile, Loop]]) -> Rows:
    rows: Rows = {}
    for profile, loop in seen:
        view_id = books.view_id(loop, profile.id)
        for party in facts.parties(loop):
            rows[f"{profile.id}|{view_id}|{party.id}"] = {
                "full_name": party.full_name,
                "email": party.email,
                "role": party.role,
                "phone": party.phone,
                "labels": {label.lower(): value for label, value in party.labels.items()},
            }
    return rows


def _contact(contact: Contact) -> Columns:
    return {
        "first_name": contact.first_name,
        "last_name": contact.last_name,
        "email": contact.email,
        "home": contact.home,
        "office": contact.office,
        "cell": contact.cell,
        "fax": contact.fax,
        "address": contact.address,
        "city": contact.city,
        "state": contact.state,
        "zip_code": contact.zip_code,
        "country": contact.country,
        "updated": _at(contact.updated),
    }


def _merged(books: Books, places: list[Profile]) -> Rows:
    """Only of loops that a list had shown before: of others no client can know."""
    rows: Rows = {}
    for old in books.merges:
        if old.merged_into is None:
            continue
        for profile in places:
            if profile.id in old.shown_in:
                key = f"{profile.id}|{books.view_id(old, profile.id)}"
                rows[key] = {"new_loop_id": str(books.view_id(old.merged_into, profile.id))}
    return rows


def _activities(books: Books, seen: list[tuple[Profile, Loop]]) -> Rows:
    rows: Rows = {}
    for profile, loop in seen:
        view_id = books.view_id(loop, profile.id)
        for moment, message in loop.activities:
            digest = xxhash.xxh3_64_hexdigest(message.encode())
            sent = f"{moment:%Y-%m-%dT%H:%M:%SZ}"
            rows[f"{profile.id}|{view_id}|{sent}|{digest}"] = {
                "date": _at(moment),
                "message": message,
            }
    return rows
