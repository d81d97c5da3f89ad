"""Small JSON-like parts of rows, and copies of rows under another id (for formula tables)."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from random import Random
from typing import Any

from sandbox.world.crm.model import Call, Event, Note, Person, Text
from sandbox.world.names import STREETS


def slug_of(text: str) -> str:
    """Letters of a name that may stand in an address."""
    return "".join(c for c in text.lower() if c.isascii() and c.isalpha()) or "x"


def email_of(value: str, kind: str = "home", primary: int = 1) -> dict[str, Any]:
    """An entry of ``emails``."""
    return {
        "value": value,
        "type": kind,
        "status": "Valid" if primary else "Not Validated",
        "isPrimary": primary,
    }


def phone_of(person_id: int) -> dict[str, Any]:
    """An entry of ``phones``; the number holds the person's id."""
    digits = f"555{person_id}"
    return {
        "value": digits,
        "normalized": digits,
        "type": "mobile",
        "status": "Valid",
        "isPrimary": 1,
    }


def address_of(rng: Random) -> dict[str, str]:
    """An entry of ``addresses``."""
    return {
        "type": "home",
        "street": f"{rng.randint(1, 999)} {rng.choice(STREETS)}",
        "city": "Bend",
        "state": "OR",
        "code": "97000",
        "country": "US",
    }


def property_of(rng: Random, number: int) -> dict[str, Any]:
    """An event's property: price, bedrooms and bathrooms are texts."""
    return {
        "id": number,
        "street": f"{rng.randint(1, 999)} {rng.choice(STREETS)}",
        "city": "Bend",
        "state": "OR",
        "code": "97000",
        "mlsNumber": f"DEMO-{rng.randint(1, 9999)}",
        "price": str(rng.randint(150, 900) * 1000),
        "forRent": 0,
        "url": "https://site.example.test/home",
        "type": "Residential",
        "bedrooms": str(rng.randint(1, 5)),
        "bathrooms": rng.choice(("1", "2.5", "3")),
        "area": "1800",
        "lot": "",
    }


def stamp_person(
    row: Person, row_id: int, created: datetime, updated: datetime, person_id: int
) -> Person:
    """A copy of the pattern as row ``row_id``."""
    del person_id
    old, new = str(row.id), str(row_id)
    return replace(
        row,
        id=row_id,
        created=created,
        updated=updated,
        last_activity=updated if row.last_activity is not None else None,
        source_url=row.source_url and row.source_url.replace(old, new),
        emails=[{**e, "value": e["value"].replace(old, new)} for e in row.emails],
        phones=[
            {k: v.replace(old, new) if isinstance(v, str) else v for k, v in p.items()}
            for p in row.phones
        ],
        merged_into=None,
        main_deal_id=None,
        tags=list(row.tags),
        custom=dict(row.custom),
        collaborator_ids=list(row.collaborator_ids),
        extra=dict(row.extra),
    )


def stamp_event(
    row: Event, row_id: int, created: datetime, updated: datetime, person_id: int
) -> Event:
    """A copy of the pattern as row ``row_id``."""
    return replace(
        row,
        id=row_id,
        created=created,
        updated=updated,
        occurred=created if row.occurred else None,
        person_id=person_id if row.person_id else row.person_id,
    )


def stamp_call(
    row: Call, row_id: int, created: datetime, updated: datetime, person_id: int
) -> Call:
    """A copy of the pattern as row ``row_id``."""
    return replace(
        row,
        id=row_id,
        created=created,
        updated=updated,
        started_at=created if row.started_at else None,
        person_id=person_id if row.person_id else row.person_id,
        phone=f"555{person_id}" if row.phone else None,
    )


def stamp_text(
    row: Text, row_id: int, created: datetime, updated: datetime, person_id: int
) -> Text:
    """A copy of the pattern as row ``row_id``."""
    number = f"555{person_id}"
    return replace(
        row,
        id=row_id,
        created=created,
        updated=updated,
        sent=created if row.sent else None,
        person_id=person_id,
        from_number=number if row.is_incoming else row.from_number,
        to_number=row.to_number if row.is_incoming else number,
        thread_id=person_id,
    )


def stamp_note(
    row: Note, row_id: int, created: datetime, updated: datetime, person_id: int
) -> Note:
    """A copy of the pattern as row ``row_id``."""
    return replace(row, id=row_id, created=created, updated=updated, person_id=person_id)
