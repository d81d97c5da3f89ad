"""An order's blocks, told from the order and its deal each time they are asked for: the same
order gives the same blocks, and a production-size account needs no memory for them.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random

from sandbox.qualia import ledger
from sandbox.qualia.model import CANARY, Order, Row, new_id
from sandbox.qualia.office import BROKERAGE, OTHER_AGENCIES, TRADES, Office, address, county
from sandbox.world.model import Deal, Participant
from sandbox.world.names import FIRST, LAST, STREETS

BUYING, SELLING = ("BUYER", "TENANT"), ("SELLER", "LANDLORD")
OUR_LISTING, OUR_SELLING = ("SELLERS_AGENT",), ("BUYERS_AGENT", "TENANT_AGENT")
# label, days after opening until it is due
TASKS = (
    ("Open title", 1),
    ("Order payoff", 5),
    ("Order survey", 7),
    ("Review commitment", 12),
    ("Balance with lender", 20),
    ("Send statement to agents", 24),
)
NAMES = frozenset(
    {
        "properties",
        "loans",
        "settlementTeam",
        "settlementAgency",
        "contacts",
        "accounting",
        "charges",
        "settlementStatement",
        "closingLocation",
        "appointments",
        "tasks",
        "documents",
    }
)


def of(order: Order, office: Office) -> Row:
    """All blocks by their names in the schema, with Decimals and instants."""
    # streams of their own: that money moves must not change who works on the order
    rng, counting, late = (Random(f"{order.seed}:{name}") for name in ("people", "money", "late"))
    if "blank" in order.quirks:
        rows: Row = dict.fromkeys(NAMES)
        for patch in order.patches:
            patch(rows)
        return rows
    deal = order.deal
    buyers = _parties(order, rng, BUYING)
    sellers = _parties(order, rng, SELLING) if order.transaction_type != "REFINANCE" else []
    agency = office.agency_of(_title_company(deal))
    if "unnamed_agency" in order.quirks:
        agency = list(office.agencies.values())[-1]
    buyer, seller = _name(buyers), _name(sellers)
    money = ledger.of(order, counting, buyer, seller, agency.name or "Settlement agent")
    payments, receipts = ledger.accounting(order, money, counting, buyer)
    place = agency.addresses[0] if agency.addresses and rng.random() < 0.8 else None
    rows = {
        "properties": _properties(order, rng),
        "loans": [
            {
                "amount": amount,
                "interestRate": None if rate is None else float(rate),
                "loanNumber": CANARY,
            }
            for amount, rate in money.loans
        ],
        "settlementTeam": [
            {
                "firstName": p.first_name,
                "lastName": p.last_name,
                "role": p.role,
                "roleID": p.role_id,
                "userID": p.id,
                "email": p.email,
                "phone": p.phone,
                "fax": None if p.phone is None else "555-0199",
            }
            for p in office.staff(rng)
        ],
        "settlementAgency": None
        if "no_agency" in order.quirks
        else {
            "id": agency.id,
            "name": agency.name,
            "branchName": agency.branch_name,
            "email": agency.email,
            "phone": agency.phone,
            "fax": agency.fax,
            "addresses": agency.addresses,
        },
        "accounting": {
            "disbursements": payments,
            "disbursementAccounts": [{"name": "Escrow trust"}],
            "receipts": receipts,
        },
        "charges": [_charge(c) for c in money.charges],
        "settlementStatement": {
            "lines": [
                {
                    "description": text,
                    "payeeName": payee,
                    "borrowerAmount": borrower,
                    "sellerAmount": seller_amount,
                }
                for text, payee, borrower, seller_amount in money.lines
            ]
        },
        "contacts": _contacts(order, rng, office, buyers, sellers),
        "closingLocation": place,
        "appointments": _appointments(order, late, place),
        "tasks": _tasks(order, office),
        "documents": [{"name": "Purchase agreement.pdf", "created": order.created}],
    }
    for patch in order.patches:
        patch(rows)
    return rows


def _title_company(deal: Deal | None) -> str | None:
    if deal is None:
        return None
    return next((p.company for p in deal.participants if p.role == "TITLE"), None)


def _properties(order: Order, rng: Random) -> list[Row]:
    if "no_property" in order.quirks:
        return []
    if order.deal is None:
        street = f"{rng.randint(1, 9899)} {rng.choice(STREETS)}"
        return [address(street, rng.randrange(6))]
    a = order.deal.address
    first: Row = {
        "address1": a.street,
        "address2": f"Unit {a.unit}" if a.unit else None,
        "city": a.city,
        "state": a.short_state,
        "zipcode": a.zip,
        "county": county(a.county),
    }
    if "two_properties" in order.quirks:
        return [first, {**first, "address1": f"Lot behind {a.street}", "address2": None}]
    return [first]


# --- people -------------------------------------------------------------------------------------


def _parties(order: Order, rng: Random, roles: tuple[str, ...]) -> list[Row]:
    """The deal's buyers or sellers; the title company knows them also where the deal does not."""
    found = [] if order.deal is None else [p for p in order.deal.participants if p.role in roles]
    rows = [_individual(p.first_name, p.last_name, p.email, rng) for p in found]
    if not rows:
        first, last = rng.choice(FIRST), rng.choice(LAST)
        email = f"{first}.{last}@example.com".lower() if rng.random() < 0.8 else None
        rows = [_individual(first, last, email, rng)]
    if "estate" in order.quirks and roles == SELLING:
        rows = [_organization("Example Estate", "ESTATE")]
    elif rng.random() < 0.12:
        rows.append(_organization(f"{rng.choice(LAST)} Family Trust", "TRUST"))
    return rows


def _individual(first: str | None, last: str | None, email: str | None, rng: Random) -> Row:
    return {
        "__typename": "Individual",
        "firstName": first,
        "lastName": last,
        "email": email,
        "cellPhone": f"555-06{rng.randint(10, 99)}",
        "maritalStatus": CANARY,
        "ssn": CANARY,
        "dateOfBirth": CANARY,
        "currentAddress": address(f"{rng.randint(1, 999)} Old Street", rng.randrange(6)),
        "forwardingAddress": address("9 New Home Road", 3) if rng.random() < 0.3 else None,
    }


def _organization(name: str, kind: str) -> Row:
    trust = kind == "TRUST"
    return {
        "__typename": "Organization",
        "name": name,
        "type": kind,
        "email": "trustee@example.com" if trust else None,
        "currentAddress": address("2 Trustee Plaza", 2) if trust else None,
        "forwardingAddress": address("1 Trustee Plaza", 2),
    }


def _name(parties: list[Row]) -> str:
    if not parties:
        return "Nobody"
    first = parties[0]
    if first["__typename"] == "Organization":
        return str(first["name"])
    return f"{first['firstName']} {first['lastName']}"


def _associate(person: Participant) -> Row:
    return {
        "id": new_id(f"associate:{person.agent_id}"),
        "firstName": person.first_name,
        "lastName": person.last_name,
        "workPhone": person.phone,
        "cellPhone": None,
        "email": person.email,
        "jobTitle": "Agent",
        "nationalLicenseID": None,
        "stateLicenseIDs": [{"id": f"SL{str(person.agent_id)[:6]}", "state": None}],
    }


def _stranger(rng: Random) -> Row:
    first, last = rng.choice(FIRST), rng.choice(LAST)
    return {
        "id": new_id(f"associate:{first}:{last}"),
        "firstName": first,
        "lastName": last,
        "workPhone": f"555-07{rng.randint(10, 99)}",
        "cellPhone": f"555-08{rng.randint(10, 99)}",
        "email": f"{first}.{last}@realty.example.com".lower(),
        "jobTitle": None,
        "nationalLicenseID": f"{rng.randint(100000, 999999)}",
        "stateLicenseIDs": [],
    }


def _contacts(
    order: Order, rng: Random, office: Office, buyers: list[Row], sellers: list[Row]
) -> Row:
    rows: Row = {"borrowers": buyers, "sellers": sellers}
    for key, (_, names) in TRADES.items():
        if key == "agencies":
            continue
        chosen = rng.random() < (0.9 if key in ("lenders", "recordingOffices") else 0.4)
        rows[key] = (
            [office.company_row(office.company(names[rng.randrange(len(names))]))] if chosen else []
        )
    other = OTHER_AGENCIES[rng.randrange(len(OTHER_AGENCIES))]
    people = order.deal.participants if order.deal else []
    ours: list[Row] = []
    for key, roles in (("listingAgencies", OUR_LISTING), ("sellingAgencies", OUR_SELLING)):
        agents = {p.agent_id: p for p in people if p.agent_id and p.role in roles}
        if agents:
            associates = [_associate(p) for p in agents.values()]
            ours += associates
            rows[key] = [office.company_row(office.company(BROKERAGE), associates)]
        elif order.transaction_type == "REFINANCE":
            rows[key] = []
        else:
            rows[key] = [office.company_row(office.company(other), [_stranger(rng)])]
    rows["sourceOfBusiness"] = _source(rng, office, ours, buyers)
    return rows


def _source(rng: Random, office: Office, ours: list[Row], buyers: list[Row]) -> Row | None:
    blank: Row = {
        "type": None,
        "manualEntry": None,
        "company": None,
        "associates": [],
        "borrowerOrSeller": None,
        "users": [],
    }
    chance = rng.random()
    if ours and chance < 0.6:
        company = office.company_row(office.company(BROKERAGE), ours[:1])
        return {**blank, "type": "COMPANY", "company": company, "associates": ours[:1]}
    if chance < 0.75:
        return {**blank, "type": "MANUAL", "manualEntry": "Walked in"}
    if chance < 0.85:
        return {**blank, "type": "BORROWER_OR_SELLER", "borrowerOrSeller": buyers[0]}
    if chance < 0.93:
        person = list(office.people.values())[1]
        user = {
            "id": person.id,
            "email": person.email,
            "firstName": person.first_name,
            "middleName": "Q.",
            "lastName": person.last_name,
            "suffix": "Jr.",
            "jobTitle": person.role,
            "phone": person.phone,
        }
        return {**blank, "type": "USER", "users": [user]}
    return None


# --- the rest -----------------------------------------------------------------------------------


def _charge(it: ledger.Charge) -> Row:
    shares = it.shares or [("COMPANY", it.payee, it.total, None)]
    return {
        "section": it.section,
        "lineNumber": it.line,
        "description": it.description,
        "payeeName": it.payee,
        "borrowerAmount": None if it.borrower is None else {"total": it.borrower},
        "sellerAmount": None if it.seller is None else {"total": it.seller},
        "payees": [
            {
                "type": kind,
                "amount": amount,
                "name": name,
                "label": label,
                "address": address("5 Payee Plaza", 1) if kind == "REFERRAL" else None,
            }
            for kind, name, amount, label in shares
        ],
    }


def _appointments(order: Order, rng: Random, place: Row | None) -> list[Row]:
    at: datetime | None = order.close_date or order.estimated_closing
    if at is None or order.status == "CANCELLED":
        return []
    rows: list[Row] = [
        {
            "start": at,
            "type": "SIGNING",
            "eventName": "Signing",
            "guestInstructions": "Bring a photo id." if rng.random() < 0.7 else None,
            "duration": 60,
            "place": None if place is None else {"address": place},
        }
    ]
    if rng.random() < 0.3:
        rows.append(
            {
                "start": at - timedelta(days=1),
                "type": None,
                "eventName": "Walk-through",
                "guestInstructions": None,
                "duration": None,
                "place": {"address": None},
            }
        )
    return rows


def _tasks(order: Order, office: Office) -> list[Row]:
    assignee = next(iter(office.people.values()))
    rows: list[Row] = []
    for number, (label, days) in enumerate(TASKS):
        due = (order.created + timedelta(days=days)).replace(hour=0, minute=0, second=0)
        done_at = due + timedelta(hours=16)
        done = order.status == "CLOSED" or done_at <= order.last_activity
        rows.append(
            {
                "label": label,
                "assigneeName": f"{assignee.first_name} {assignee.last_name}"
                if number % 2 == 0
                else None,
                "due": due if number != 3 else None,
                "completed": done_at if done else None,
            }
        )
    return rows
