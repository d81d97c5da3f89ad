"""The lists inside orders as the rows that a warehouse makes of them (README, "Truth").

A list shows no ids, so a row is known by its order and its place, from 1: `<order>|<place>`.
Parties have the list they stand in before it: `<order>|<kind>|<place>`. A company's associates
follow it as `<company>.<place>`; whom a source of business names is `<source>.company`,
`<source>.party`, `<source>.associate.<place>` or `<source>.user.<place>`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from sandbox.qualia.model import Row


def at(moment: datetime | None) -> str | None:
    """An instant as the truth has it."""
    return None if moment is None else moment.isoformat(timespec="milliseconds")


def text(amount: Decimal | None) -> str | None:
    """An amount as the truth has it."""
    return None if amount is None else f"{amount:.2f}"


def of(order_id: str, blocks: Row, switches: Mapping[str, Any]) -> Iterator[tuple[str, str, Row]]:
    """(entity, key, row) of every row of an order; `switches` say what a flag is."""

    def happened(name: str, moment: datetime | None) -> str | bool | None:
        return moment is not None if switches[name] == "flag" else at(moment)

    accounting = blocks["accounting"] or {"disbursements": [], "receipts": []}
    statement = blocks["settlementStatement"] or {"lines": []}
    lists: dict[str, Iterable[Row]] = {
        "disbursements": (
            {
                "amount": text(it["amount"]),
                "payee_name": it["payeeName"],
                "status": it["status"],
                "posted": happened("posted", it["posted"]),
                "voided": happened("posted", it["voided"]),
            }
            for it in accounting["disbursements"]
        ),
        "receipts": (
            {
                "amount": text(it["amount"]),
                "for_benefit_of": it["forBenefitOf"],
                "received_from": it["receivedFrom"],
                "posted": happened("posted", it["posted"]),
                "voided": happened("posted", it["voided"]),
            }
            for it in accounting["receipts"]
        ),
        "charges": (
            {
                "section": it["section"],
                "line_number": f"{it['lineNumber']:02d}"
                if switches["line_numbers"] == "text"
                else str(it["lineNumber"]),
                "description": it["description"],
                "payee_name": it["payeeName"],
                "borrower_amount": text((it["borrowerAmount"] or {"total": None})["total"]),
                "seller_amount": text((it["sellerAmount"] or {"total": None})["total"]),
                "payees": [{**share, "amount": text(share["amount"])} for share in it["payees"]],
            }
            for it in blocks["charges"] or ()
        ),
        "statement_lines": (
            {
                "description": it["description"],
                "payee_name": it["payeeName"],
                "borrower_amount": text(it["borrowerAmount"]),
                "seller_amount": text(it["sellerAmount"]),
            }
            for it in statement["lines"]
        ),
        "settlement_team": (
            {
                "first_name": it["firstName"],
                "last_name": it["lastName"],
                "role": it["role"],
                "role_id": it["roleID"],
                "user_id": it["userID"],
                "email": it["email"],
                "phone": it["phone"],
                "fax": it["fax"],
            }
            for it in blocks["settlementTeam"] or ()
        ),
        "appointments": (
            {
                "start": at(it["start"]),
                "type": it["type"],
                "event_name": it["eventName"],
                "guest_instructions": it["guestInstructions"],
                "duration": it["duration"],
                "address": it["place"] and it["place"]["address"],
            }
            for it in blocks["appointments"] or ()
        ),
        "tasks": (
            {
                "label": it["label"],
                "assignee_name": it["assigneeName"],
                "due": at(it["due"]),
                "completed": happened("completed", it["completed"]),
            }
            for it in blocks["tasks"] or ()
        ),
    }
    for entity, rows in lists.items():
        for place, row in enumerate(rows, start=1):
            yield entity, f"{order_id}|{place}", {"order_id": order_id, "position": place, **row}
    for kind, place_of_party, row in _parties(blocks["contacts"] or {}):
        named = {"order_id": order_id, "kind": kind, "position": place_of_party}
        yield "parties", f"{order_id}|{kind}|{place_of_party}", {**named, **row}


def _parties(contacts: Row) -> Iterator[tuple[str, str, Row]]:
    for kind, people in contacts.items():
        if kind == "sourceOfBusiness":
            for place, row in _source(people):
                yield kind, place, row
        elif kind in ("borrowers", "sellers"):
            for number, it in enumerate(people, start=1):
                yield kind, str(number), _side(it)
        else:
            for number, it in enumerate(people, start=1):
                for place, row in _company(str(number), it):
                    yield kind, place, row


def _source(it: Row | None) -> Iterator[tuple[str, Row]]:
    if it is None:
        return
    source = {"party_type": "Source", "type": it["type"], "manual_entry": it["manualEntry"]}
    yield "1", _party(**source)
    if it["company"] is not None:
        yield from _company("1.company", it["company"])
    for number, person in enumerate(it["associates"], start=1):
        yield f"1.associate.{number}", _associate(person)
    if it["borrowerOrSeller"] is not None:
        yield "1.party", _side(it["borrowerOrSeller"])
    for number, user in enumerate(it["users"], start=1):
        yield (
            f"1.user.{number}",
            _party(
                party_type="User",
                party_id=user["id"],
                email=user["email"],
                first_name=user["firstName"],
                middle_name=user["middleName"],
                last_name=user["lastName"],
                suffix=user["suffix"],
                job_title=user["jobTitle"],
                phone=user["phone"],
            ),
        )


_COLUMNS = (
    "party_type", "party_id", "name", "first_name", "middle_name", "last_name", "suffix",
    "job_title", "email", "phone", "cell_phone", "fax", "type", "manual_entry",
    "national_license_id", "state_license_ids", "primary_address", "mailing_address",
    "current_address", "forwarding_address",
)  # fmt: skip


def _party(**known: Any) -> Row:
    return {**dict.fromkeys(_COLUMNS), **known}


def _side(it: Row) -> Row:
    return _party(
        party_type=it["__typename"],
        name=it.get("name"),
        first_name=it.get("firstName"),
        last_name=it.get("lastName"),
        email=it["email"],
        cell_phone=it.get("cellPhone"),
        type=it.get("type"),
        current_address=it["currentAddress"],
        forwarding_address=it["forwardingAddress"],
    )


def _company(place: str, it: Row) -> Iterator[tuple[str, Row]]:
    yield (
        place,
        _party(
            party_type="OrderCompany",
            party_id=it["id"],
            name=it["name"],
            email=it["email"],
            phone=it["phone"],
            fax=it["fax"],
            type=it["type"],
            national_license_id=it["nationalLicenseID"],
            state_license_ids=it["stateLicenseIDs"],
            primary_address=it["primaryAddress"],
            mailing_address=it["mailingAddress"],
        ),
    )
    for number, person in enumerate(it["associates"], start=1):
        yield f"{place}.{number}", _associate(person)


def _associate(it: Row) -> Row:
    return _party(
        party_type="OrderAssociate",
        party_id=it["id"],
        first_name=it["firstName"],
        last_name=it["lastName"],
        job_title=it["jobTitle"],
        email=it["email"],
        phone=it["workPhone"],
        cell_phone=it["cellPhone"],
        national_license_id=it["nationalLicenseID"],
        state_license_ids=it["stateLicenseIDs"],
    )
