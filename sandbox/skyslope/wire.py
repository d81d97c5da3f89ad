"""Files, people and lists as SkySlope sends them (contract §3)."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from sandbox.skyslope.model import File, Person
from sandbox.world.model import Participant

if TYPE_CHECKING:
    from sandbox.skyslope.books import Books

NO_DATE = "0001-01-01T00:00:00"
# a mark that must never be found in a warehouse
SECRET = "DO-NOT-STORE"


def at(moment: datetime | None) -> str | None:
    """An instant as SkySlope writes it: milliseconds, no zone."""
    return None if moment is None else moment.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3]


def day(value: date | None, number: int) -> str | None:
    """A day as its midnight; no day is null or the year 1."""
    if value is None:
        return NO_DATE if number % 3 == 0 else None
    return f"{value.isoformat()}T00:00:00"


def money(value: Decimal | None) -> float | int | None:
    """A JSON number."""
    if value is None:
        return None
    return int(value) if value == value.to_integral_value() else float(value)


def user(person: Person) -> dict[str, Any]:
    """§3.11."""
    row: dict[str, Any] = {
        "userGuid": person.guid,
        "firstName": person.first_name,
        "lastName": person.last_name,
        "email": person.email,
        "userType": person.kind,
        "publicId": f"PUB-{100 + person.number}",
        "streetNumber": str(10 + person.number),
        "streetName": "Sample St",
        "city": "Fairview",
        "state": "UT",
        "zipCode": "84000",
        "phone": person.phone,
        "alternatePhone": "801-555-0199" if person.number % 2 else None,
    }
    if person.number % 3 == 0:
        row |= {"contactId": 990_000 + person.number, "oktaUserId": SECRET}
    return row


def contact(person: Participant | None, number: int, **extra: Any) -> dict[str, Any]:
    """§3.8."""
    if person is None:
        return {}
    return {
        "firstName": person.first_name,
        "lastName": person.last_name,
        "company": person.company,
        "email": person.email,
        "phoneNumber": person.phone,
        "alternatePhone": "801-555-0198" if number % 9 == 0 else None,
        "fax": None,
        "streetNumber": number if number % 5 == 0 else str(number),
        "streetName": "Oak Ave",
        "city": "Fairview",
        "state": "UT",
        "zip": "84001",
        "notes": "Prefers\u0001 evenings" if number % 7 == 0 else None,
        **extra,
    }


def _party(file: File, *roles: str) -> list[Participant]:
    return [p for p in file.deal.participants if p.role in roles]


def _first(file: File, *roles: str) -> Participant | None:
    return next(iter(_party(file, *roles)), None)


def _loose(value: dict[str, Any], number: int) -> Any:
    """Nobody as null, an empty object or an empty list; somebody as an object or a list of one."""
    if not value:
        return (None, {}, [])[number % 3]
    return [value] if number % 4 == 3 else value


def _house_number(text: str, number: int) -> str | int:
    """Text, now and then a number."""
    return int(text) if number % 7 == 3 and text.isdigit() else text


def status(file: File) -> str:
    """§4."""
    deal = file.deal
    if file.listing:
        known = {
            "LISTING_ACTIVE": "Active",
            "LISTING_IN_CONTRACT": "Pending",
            "LISTING_CLOSED": "Closed",
        }
        return known.get(deal.state or "", "Archived" if file.number % 3 == 1 else "Expired")
    if deal.group == "CLOSED":
        return "Closed"
    if deal.group == "TERMINATED":
        return "Canceled/App"
    if file.number % 23 == 5:
        # the list of statuses is open: this one is in no table
        return "In Compliance"
    return "Pre-Contract" if deal.state == "NEW" else "Pending"


def _common(books: Books, file: File) -> dict[str, Any]:
    deal, number = file.deal, file.number
    office_guid, _ = books.office(file)
    address = deal.address
    sellers = [
        contact(p, number, contactGuid=p.id, isTrustCompanyOrOtherEntity=bool(p.company))
        for p in _party(file, "SELLER")
    ]
    row: dict[str, Any] = {
        "objectType": ("listing", "Listing")[number % 2]
        if file.listing
        else ("sale", "Sale", "SALE")[number % 3],
        "agentGuid": file.owner,
        "createdByGuid": file.owner,
        "mlsNumber": deal.mls_number,
        "status": status(file),
        "officeId": 8800 + number % 2,
        "officeGuid": office_guid.upper() if number % 11 == 0 else office_guid,
        "checklistType": "Listing - Residential" if file.listing else "Residential Purchase",
        "createdOn": at(deal.created_at),
        "modifiedOn": at(file.modified_at),
        "source": deal.lead_source,
        "otherSource": "A friend" if number % 6 == 0 else None,
        "listingPrice": money(deal.price),
        "email": f"file-{file.guid[:8]}@example.com",
        "fileId": f"{'L-' if file.listing else ''}2026-{number:04d}",
        "url": f"https://app.example.com/f/{file.guid}",
        "property": {
            "streetNumber": _house_number(address.street.split(" ", 1)[0], number),
            "streetAddress": address.street.split(" ", 1)[-1],
            "unit": address.unit,
            "direction": None,
            "city": address.city,
            "county": address.county,
            "state": address.short_state,
            "zip": address.zip,
            "yearBuilt": deal.year_built,
            "areasqft": 1800.5 if number % 2 else None,
            "apn": f"R-{number:06d}",
            "realPropertyTypeId": 1,
            "realPropertySubtypeId": 2,
        },
        "sellers": sellers,
        "miscContact": _loose(
            contact(
                _first(file, "SELLER")
                if file.listing and number % 3 == 0
                else _first(file, "REAL", "TITLE"),
                number,
                miscContactType="Stager",
            ),
            number,
        ),
        "homeWarrantyContact": {
            "company": "Invented Warranty",
            "representativeName": "Robin Example",
            "phoneNumber": None,
            "confirmationNumber": f"HW-{number}",
            "notes": None,
        }
        if number % 4 < 2
        else None,
        "commercialLease": {"size": 1200, "sizeType": "sqft", "purchaseOption": "No"}
        if "LEASE" in deal.type or (file.listing and number % 5 == 1)
        else None,
        "commission": commission(file),
        "coAgentGuids": list(file.co_agents),
        "coAgents": [{"guid": guid} for guid in file.co_agents],
        "agent": {"publicId": f"PUB-{number}"},
        "stage": {"id": 310 + number % 3, "name": "Inspections", "isDefault": False},
        "customFields": {"serviceType": "Full"} if number % 2 else {},
    }
    return row


def on_listing_side(file: File) -> bool:
    """Whether the office earns at the seller's side."""
    return file.listing or file.deal.representation in ("SELLER", "LANDLORD")


def referred(file: File) -> bool:
    """Whether a referral fee is paid: 500, which is 25 %."""
    return not file.listing and file.number % 8 in (2, 3)


def commission(file: File) -> dict[str, Any]:
    """§3.9, in one of two vintages."""
    deal, number = file.deal, file.number
    gross, percent = money(deal.gross), money(deal.percent)
    selling = on_listing_side(file)
    shared = {
        "saleCommissionPercent": percent,
        "listingCommissionPercent": percent if selling else None,
        "listingCommissionAmount": gross if selling else None,
    }
    if file.new_vintage:
        return {
            **shared,
            "officeGrossCommissionOnSale": gross,
            "saleCommissionAmount": gross,
            "transactionCoordinatorFee": 350,
            "transactionCoordinatorName": "Casey Example",
            "commissionBreakdownDetails": "Half at closing" if number % 6 == 1 else None,
            "adminBrokerageComp": 150,
            "otherDeductions": 45.5 if number % 3 else 0,
            "personalDeal": number % 10 == 9,
            "dateOfCheck": day(deal.closing_actual, number),
            "datePostedToLogBook": day(deal.closing_actual, number),
        }
    return {
        **shared,
        "officeGrossCommission": gross,
        "salesCommissionAmount": gross,
        "referralAmount": 500 if referred(file) else None,
        "referralAmountPercent": 25 if referred(file) else None,
        "transCoordinatorFee": 350,
        "commissionBreakdown": "Half at closing" if number % 6 == 4 else "",
    }


def sale(books: Books, file: File) -> dict[str, Any]:
    """§3.4."""
    deal, number = file.deal, file.number
    listing = books.file_of_listing(deal)
    title = _first(file, "TITLE")
    purchase = deal.representation in ("BUYER", "TENANT")
    buyers = [contact(p, number, contactGuid=p.id) for p in _party(file, "BUYER")]
    row = _common(books, file)
    row |= {
        "saleGuid": file.guid.upper() if number % 13 == 5 else file.guid,
        "listingGuid": listing.guid if listing else None,
        "escrowNumber": f"ESC-{4000 + number}",
        "statusId": 50 + number % 10,
        "checklistTypeId": 17001,
        "escrowClosingDate": day(deal.closing_estimated, number),
        "actualClosingDate": day(deal.closing_actual, number),
        "sourceId": number % 5,
        "dealType": "Purchase / Tenant" if purchase else "Listing / Landlord",
        "salePrice": money(deal.price),
        "isOfficeLead": number % 4 == 1,
        "coBrokerCompany": "Invented Realty LLC" if number % 3 else None,
        "apn": f"R-{number:06d}",
        "buyers": buyers,
        "titleContact": _loose(contact(title, number), number),
        "escrowContact": _loose(contact(title if number % 3 else None, number), number),
        "lenderContact": _loose(
            contact(
                title if number % 2 else None, number, isCashDeal=False, loanAmount=350_000,
                loanTypeId=2, loanType="Conventional",
            ),
            number,
        ),
        "otherSideAgentContact": _loose(
            contact(
                _first(file, "OTHER_AGENT", "LISTING_AGENT", "BUYERS_AGENT", "SELLERS_AGENT"),
                number, brokerTaxId=SECRET if number % 2 else 123456789,
            ),
            number,
        ),
        "attorneyContact": [contact(_first(file, "SELLER"), number)] if number % 5 == 4 else [],
        "commissionBreakdowns": [{"name": "Admin fee", "details": None, "amount": 285}],
        "commissionSplits": [
            {
                "agentGuid": books.people[p.agent_id].guid,
                "amount": money(p.amount),
                "percentage": money(p.percent),
            }
            for p in deal.participants
            if p.paid and p.agent_id in books.people
        ],
        "commissionReferral": {
            "type": {"id": 1, "name": "Outbound"},
            "contact": {"firstName": "Riley", "lastName": "Example", "company": "Elsewhere Realty"},
            "brokerageName": "Elsewhere Realty",
            "amount": 500,
            "percent": 25,
        }
        if file.new_vintage and referred(file)
        else None,
        "earnestMoneyDeposit": {
            "isEarnestMoneyHeld": True,
            "depositAmount": 5000,
            "depositDueDate": NO_DATE,
        },
    }  # fmt: skip
    # the newer API has more, and calls two things otherwise
    if file.new_vintage:
        row |= {
            "contractAcceptanceDate": day(deal.contract_date, number),
            "checklistModifiedOn": at(deal.created_at),
            "deadDate": day(deal.contract_date if deal.group == "TERMINATED" else None, number),
            "saleTypeId": 2,
            "portalEmail": row.pop("email"),
            "reviewerGuid": books.auditor,
            "realPropertyType": "Residential",
            "realPropertySubtype": "Condo",
            "fileCreator": {"guid": file.owner, "email": "creator@example.com"},
            "transactionCoordinators": [
                {
                    "contactGuid": books.auditor,
                    "firstName": "Casey",
                    "lastName": "Example",
                    "fullName": "Casey Example",
                    "email": "casey@example.com",
                    "phoneNumber": "801-555-0197",
                    "fee": 350,
                    "hasAccess": True,
                    "notes": None,
                }
            ],
            "checklist": {"typeId": 1, "activities": [{"comments": [{"comment": SECRET}]}]},
        }
    else:
        row["contractAcceptedDate"] = day(deal.contract_date, number)
    return {**row, **file.edits}


def listing(books: Books, file: File) -> dict[str, Any]:
    """§3.6."""
    deal, number = file.deal, file.number
    row = _common(books, file)
    row |= {
        "listingGuid": file.guid,
        "coListingAgentGuid": file.co_agents[0] if file.co_agents else None,
        "referringAgentGuid": books.auditor if number % 5 == 0 else None,
        "type": "Residential",
        "listingDate": day(deal.listing_date, number),
        "expirationDate": day(deal.listing_expiration_date, number),
        "company": "Sample Realty",
    }
    if not file.new_vintage:
        row["homeWarranty"] = row.pop("homeWarrantyContact")
    return {**row, **file.edits}


def folder_row(file: File, prefix: str) -> dict[str, Any]:
    """§3.3, §3.6."""
    noun = "listings" if file.listing else "sales"
    row: dict[str, Any] = {
        "listingGuid" if file.listing else "saleGuid": file.guid,
        "status": file.edits.get("status", status(file)),
        "propertyAddress": file.deal.one_line,
        "link": {"href": f"{prefix}/api/files/{noun}/{file.guid}", "rel": "self", "method": "GET"},
    }
    if file.listing:
        return {**row, "mlsNumber": file.deal.mls_number}
    return {
        **row,
        "escrowClosingDate": day(file.deal.closing_estimated, 1),
        "actualClosingDate": day(file.deal.closing_actual, 1),
    }
