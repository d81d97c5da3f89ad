"""What a warehouse must hold of SkySlope for one connection, told from the files and their deals.

``{"user_guid", "entities": {entity: {key: {column: value}}}}``: ids lower case, instants ISO UTC,
dates ISO or null (never the year 1), money as text. Names that are no columns of their own tell
what is inside a nested value: ``buyers_named``, ``splits``, ``gross``, ``city``, and the amounts
``listing_side`` and ``referral``.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from sandbox.skyslope.model import CHECKLISTS, OFFICES, File
from sandbox.skyslope.wire import on_listing_side, referred, status

if TYPE_CHECKING:
    from sandbox.skyslope.books import Books


def of(books: Books, agent_key: str) -> dict[str, Any]:
    """The truth of one connected agent's view."""
    return {
        "user_guid": books.person_of(agent_key).guid,
        "entities": {
            "offices": {guid: {"office_name": name} for guid, name in OFFICES},
            "users": {
                person.guid: {
                    "first_name": person.first_name,
                    "last_name": person.last_name,
                    "email": person.email,
                    "user_type": person.kind,
                }
                for person in books.people.values()
            },
            "checklist_types": {
                f"{kind}|{number}": {"checklist_type_name": name}
                for kind, types in CHECKLISTS.items()
                for number, name in types
            },
            "sales": {
                file.guid: _edited(file, _sale(books, file))
                for file in books.visible(agent_key, listing=False)
            },
            "listings": {
                file.guid: _edited(file, _listing(books, file))
                for file in books.visible(agent_key, listing=True)
            },
        },
    }


def _at(moment: datetime) -> str:
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000).isoformat()


def _on(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


def _amount(value: Decimal | None) -> str | None:
    return None if value is None else str(value)


def _shared(books: Books, file: File) -> dict[str, Any]:
    deal = file.deal
    return {
        "agent_guid": file.owner,
        "mls_number": deal.mls_number,
        "status": status(file),
        "office": books.office(file)[0],
        "created_on": _at(deal.created_at),
        "modified_on": _at(file.modified_at),
        "source": deal.lead_source,
        "listing_price": _amount(deal.price),
        "city": deal.address.city,
        "gross": _amount(deal.gross),
        "listing_side": _amount(deal.gross) if on_listing_side(file) else None,
        "co_agent_guids": list(file.co_agents),
    }


def _sale(books: Books, file: File) -> dict[str, Any]:
    deal = file.deal
    listing = books.file_of_listing(deal)
    return {
        **_shared(books, file),
        "listing_guid": listing.guid if listing else None,
        "escrow_number": f"ESC-{4000 + file.number}",
        "escrow_closing_date": _on(deal.closing_estimated),
        "actual_closing_date": _on(deal.closing_actual),
        "accepted_on": _on(deal.contract_date),
        "sale_price": _amount(deal.price),
        "referral": "500" if referred(file) else None,
        "buyers_named": [p.last_name for p in deal.participants if p.role == "BUYER"],
        "splits": [
            [books.people[p.agent_id].guid, f"{p.amount or 0:.2f}"]
            for p in deal.participants
            if p.paid and p.agent_id in books.people
        ],
    }


def _listing(books: Books, file: File) -> dict[str, Any]:
    deal = file.deal
    return {
        **_shared(books, file),
        "listing_date": _on(deal.listing_date),
        "expiration_date": _on(deal.listing_expiration_date),
    }


_COLUMNS = {"escrowNumber": "escrow_number", "status": "status", "mlsNumber": "mls_number",
            "salePrice": "sale_price", "listingPrice": "listing_price"}  # fmt: skip


def _edited(file: File, row: dict[str, Any]) -> dict[str, Any]:
    """The row with what was changed by hand."""
    for member, value in file.edits.items():
        row[_COLUMNS[member]] = str(value) if isinstance(value, int | float) else value
    return row
