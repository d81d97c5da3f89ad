"""What is the case with a loop: kind, status, details and parties, told from the world's deals and
from what was done by hand. Wire and truth both start here, and write it down in their own ways.
"""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

from sandbox.dotloop.model import LABELS, ROLES, Facts, Loop, Party, Value
from sandbox.world.compensation import cents
from sandbox.world.model import Deal, Participant

COUNTRIES = {"UNITED_STATES": "US", "CANADA": "CA"}
# the world's roles, which are reZEN's
ROLE_OF = {
    "BUYERS_AGENT": "BUYING_AGENT",
    "SELLERS_AGENT": "LISTING_AGENT",
    "TENANT_AGENT": "TENANT_AGENT",
    "LISTING_AGENT": "LISTING_AGENT",
    "OTHER_AGENT": "OTHER",
    "REFERRING_AGENT": "OTHER",
    "TEAM_LEADER": "ADMIN",
    "TITLE": "ESCROW_TITLE_REP",
    "REAL": "MANAGING_BROKER",
}
CLIENTS = ("BUYER", "SELLER", "TENANT", "LANDLORD")


def kind(loop: Loop) -> str | None:
    """The transactionType (§4)."""
    if "transactionType" in loop.edits:
        given: str | None = loop.edits["transactionType"]
        return given
    deal = loop.deal
    if deal is None:
        return None
    if deal.type == "OTHER":
        return "REAL_ESTATE_OTHER"
    seller_side = deal.listing or deal.representation in ("SELLER", "LANDLORD")
    if "LEASE" in deal.type:
        return "LISTING_FOR_LEASE" if seller_side else "LEASE_OFFER"
    return "LISTING_FOR_SALE" if seller_side else "PURCHASE_OFFER"


def status(loop: Loop) -> str | None:
    """The status (§4), with PURCHASED for some, which is in no list of the guide."""
    if "status" in loop.edits:
        given: str | None = loop.edits["status"]
        return given
    deal, what = loop.current, kind(loop)
    if deal is None:
        return None
    if deal.group == "TERMINATED":
        return "ARCHIVED"
    if what in ("REAL_ESTATE_OTHER", "OTHER"):
        if deal.group == "CLOSED":
            return "DONE"
        return "NEW" if deal.state == "NEW" else "IN_PROGRESS"
    if deal.group == "CLOSED":
        if what == "PURCHASE_OFFER" and loop.number % 13 == 6:
            return "PURCHASED"
        return "LEASED" if what in ("LEASE_OFFER", "LISTING_FOR_LEASE") else "SOLD"
    if deal.listing and deal.state == "LISTING_ACTIVE":
        return {3: "PRIVATE_LISTING", 7: "PRE_LISTING"}.get(loop.number % 11, "ACTIVE_LISTING")
    if deal.state in (None, "NEW") and what in ("PURCHASE_OFFER", "LEASE_OFFER"):
        return "PRE_OFFER"
    return "UNDER_CONTRACT"


def fingerprint(loop: Loop) -> tuple[Any, ...]:
    """What of the deals Dotloop shows in the loop itself, the status first: a change of it moves
    `updated`.
    """
    deal = loop.current
    if deal is None:
        return ()
    return (
        status(loop), deal.address.street, deal.price, deal.gross, deal.percent, deal.mls_number,
        deal.closing_actual, deal.skyslope_actual, deal.agent_reported, deal.closing_estimated,
        deal.contract_date, deal.lead_source,
    )  # fmt: skip


def people(loop: Loop) -> tuple[Any, ...]:
    """Who is on the loop, as the deals have it."""
    deal = loop.current
    on_it = deal.participants if deal else ()
    return tuple((p.id, p.role, p.first_name, p.last_name) for p in on_it)


def facts(loop: Loop) -> Facts:
    """The detail block; empty labels and sections are not in it (§3.5)."""
    block: dict[str, dict[str, Value | None]] = {}
    deal = loop.current
    if deal is not None and loop.deal is not None:
        block = _of_deal(loop, loop.deal, deal)
    for section, labels in loop.details.items():
        block[section] = {**block.get(section, {}), **labels}
    found: Facts = {}
    for section, labels in block.items():
        filled = {label: value for label, value in labels.items() if value is not None}
        if filled:
            found[section] = filled
    return found


def _of_deal(loop: Loop, first: Deal, deal: Deal) -> dict[str, dict[str, Value | None]]:
    number, what = loop.number, kind(loop)
    block: dict[str, dict[str, Value | None]] = {}
    lease = what in ("LEASE_OFFER", "LISTING_FOR_LEASE")
    # a loop that nobody filled in has no address yet
    if number % 23 != 11:
        block["Property Address"] = _address(deal, number)
    block["Financials"] = _financials(deal, number, lease=lease)
    agreed = status(loop) not in ("PRE_OFFER", "PRE_LISTING", "PRIVATE_LISTING", "ACTIVE_LISTING")
    closing = deal.closing_actual or deal.skyslope_actual or deal.agent_reported
    closing = closing or deal.closing_estimated
    if agreed:
        block["Contract Dates"] = {
            "Contract Agreement Date": deal.contract_date,
            "Closing Date": closing,
        }
    if deal.contract_date is not None and number % 3 != 2:
        block["Offer Dates"] = {
            "Inspection Date": deal.contract_date + timedelta(days=10),
            "Offer Date": deal.contract_date - timedelta(days=3),
            "Offer Expiration Date": deal.contract_date - timedelta(days=1),
            "Occupancy Date": closing + timedelta(days=1) if closing and number % 2 else None,
        }
    block["Contract Info"] = {
        "Transaction Number": deal.code,
        "Class": "Residential",
        "Type": "Lease" if lease else "Conventional",
        "Start Date": closing if lease else None,
        "End Date": closing + timedelta(days=364) if closing and lease else None,
    }
    referred = any(p.role == "REFERRING_AGENT" for p in deal.participants)
    block["Referral"] = {
        "Referral %": "25" if referred else None,
        "Referral Source": deal.lead_source,
    }
    if what in ("LISTING_FOR_SALE", "LISTING_FOR_LEASE"):
        block["Listing Information"] = _listing(first, deal, number)
    if number % 4 == 1:
        block["Geographic Description"] = {
            label: f"{label} {number}" for label in LABELS["Geographic Description"]
        }
        block["Property"] = {
            "Year Built": str(deal.year_built) if deal.year_built else None,
            "Bedrooms": str(2 + number % 4),
            "Square Footage": f"{1200 + number % 1000:,}",
            "School District": "Fairview",
            "Type": deal.property_type.title() if deal.property_type else None,
            "Bathrooms": "2.5",
            "Lot Size": "0.25 acre",
        }
    if number % 19 == 3:
        # labels of an office's own making
        block["Office Use"] = {"File Colour": "Green", "Desk #": str(number)}
    return block


def _address(deal: Deal, number: int) -> dict[str, Value | None]:
    address = deal.address
    street_number, _, street = address.street.partition(" ")
    return {
        "Country": COUNTRIES.get(address.country, address.country),
        "Street Number": street_number,
        "Street Name": street,
        "Unit Number": address.unit,
        "City": address.city,
        "State/Prov": address.short_state,
        "Zip/Postal Code": address.zip,
        "County": address.county.title(),
        "MLS Number": deal.mls_number,
        "Parcel/Tax ID": f"R-{number:06d}" if number % 2 else None,
    }


def _financials(deal: Deal, number: int, *, lease: bool) -> dict[str, Value | None]:
    if lease:
        return {"Rent": deal.price, "Rent Commission Amount": deal.gross}
    percent = Decimal(60 if deal.representation == "BUYER" else 45)
    buy = None if deal.gross is None else cents(deal.gross * percent / 100)
    split = number % 3 != 1
    return {
        "Purchase/Sale Price": deal.price,
        "Sale Commission Rate": str(deal.percent),
        "Sale Commission Total": deal.gross,
        "Sale Commission Split % - Buy Side": str(percent) if split else None,
        "Sale Commission Split % - Sell Side": str(100 - percent) if split else None,
        "Sale Commission Split $ - Buy Side": buy if split else None,
        "Sale Commission Split $ - Sell Side": deal.gross - buy
        if split and deal.gross is not None and buy is not None
        else None,
        "Earnest Money Amount": Decimal(5000) if number % 2 and not deal.listing else None,
        "Earnest Money Held By": "Example Title LLC" if number % 2 and not deal.listing else None,
    }


def _listing(first: Deal, deal: Deal, number: int) -> dict[str, Value | None]:
    told: dict[str, Value | None] = {
        "Expiration Date": first.listing_expiration_date,
        "Listing Date": first.listing_date or first.created_at.date(),
        "Original Price": first.price,
        "Current Price": deal.price,
    }
    if number % 2:
        told |= {
            "1st Mortgage Balance": Decimal("110000"),
            "2nd Mortgage Balance": Decimal("12500.50"),
            "Other Liens": Decimal(900),
            "Description of Other Liens": "Solar panels",
            "Homeowner's Association": "Sample Commons",
            "Homeowner's Association Dues": Decimal("85.25"),
            "Total Encumbrances": Decimal("123400.50"),
            "Property Includes": "Washer, dryer",
            "Property Excludes": 'Curtains 60"',
            "Remarks": "Señora's garden: ask first.\nKeys at the desk.",
        }
    return told


# --- who is on a loop -----------------------------------------------------------------------------


def parties(loop: Loop) -> list[Party]:
    """The participants (§3.6), those of the deal first; numbers are counted inside the loop."""
    deal = loop.current
    found: list[Party] = []
    for person in deal.participants if deal else ():
        number = loop.ids.get(person.id)
        if number is None:
            number = loop.ids[person.id] = next_number(loop)
        found.append(_party(loop, person, number))
    if deal is not None and loop.number % 2 == 0:
        found.append(_helper(loop))
    found += loop.guests
    return [_edited(loop, party) for party in found if party.id not in loop.removed]


def next_number(loop: Loop) -> int:
    """A number that nobody on the loop has had."""
    loop.next_party += 1
    return loop.next_party - 1


def _party(loop: Loop, person: Participant, number: int) -> Party:
    name = " ".join(part for part in (person.first_name, person.last_name) if part)
    labels: dict[str, str] = {}
    if person.company:
        labels["Company Name"] = person.company
    elif person.agent_id:
        labels = {"Company Name": "Invented Realty LLC", "License Number": f"L-{loop.number:05d}"}
        if loop.number % 4 == 0:
            labels["Cell Phone"] = "(555) 010-0104"
    elif person.role in CLIENTS and loop.number % 4 != 1:
        labels = {
            "Street Name": "Oak Ave",
            "Street Number": str(10 + loop.number),
            "City": "Fairview",
            "State/Prov": "OR",
            "Zip/Postal Code": "97000",
            "Country": "US",
        }
        if loop.number % 2:
            labels["Unit Number"] = "4B"
    return Party(
        id=number,
        full_name=name or None,
        email=person.email,
        role=ROLE_OF.get(person.role, person.role),
        phone=person.phone or ("555-0100" if number % 3 == 0 else None),
        labels=labels,
    )


def _helper(loop: Loop) -> Party:
    """Somebody of whom only Dotloop knows; all roles of the list have their turn."""
    number = loop.ids.get("helper")
    if number is None:
        number = loop.ids["helper"] = next_number(loop)
    role = ROLES[loop.number // 2 % len(ROLES)]
    return Party(
        id=number,
        full_name="Casey Example",
        email=None if loop.number % 8 == 0 else "casey@example.com",
        role=role,
        phone="+1 (555) 010-0100",
        labels={"Company Name": "Sample Services"},
    )


def _edited(loop: Loop, party: Party) -> Party:
    change = loop.changed.get(party.id)
    if change is None:
        return party
    return Party(
        id=party.id,
        full_name=change.get("fullName", party.full_name),
        email=change.get("email", party.email),
        role=change.get("role", party.role),
        phone=change.get("phone", party.phone),
        labels={**party.labels, **change.get("labels", {})},
    )
