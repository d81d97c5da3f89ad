"""The raw tables of Qualia, one model each (contract: qualia.md, sections per model).

Only ids are required: no schema is public, and every field was seen in somebody's query only.
Lists inside an order show no ids, so their rows are named by the order and their position (§3.4).
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, ClassVar

from pydantic import BeforeValidator, Field

from pipelines.common.model import Amount as ExactAmount
from pipelines.common.model import Id, Instant, Json, Number, VendorModel

DENIED = frozenset({"ssn", "dateOfBirth", "maritalStatus", "loanNumber"})
"""What is never asked for, and never stored should it come all the same (§3.5)."""


CENT = Decimal("0.01")
NOISE = Decimal("0.000001")


def _without_noise(value: object) -> object:
    """A JSON number that is next to a cent is that cent: 0.30000000000000004 is 0.30 (§2)."""
    if not isinstance(value, float):
        return value
    sent = Decimal(repr(value))
    # what is larger does not fit the column, and is refused as it was sent
    if sent.adjusted() > 15:
        return value
    near = sent.quantize(CENT)
    return near if abs(sent - near) <= NOISE else value


Amount = Annotated[ExactAmount, BeforeValidator(_without_noise)]
"""Money as Qualia sends it, which may have been through floats."""


class QualiaModel(VendorModel):
    """Any Qualia answer."""

    denied: ClassVar[frozenset[str]] = DENIED


class User(QualiaModel):
    """A user of the title company's account. qualia.md §3.6."""

    id: Id = Field(description="user id")
    email: str | None = Field(None, description="e-mail")


class Company(QualiaModel):
    """An entry of the address book. qualia.md §3.6."""

    id: Id = Field(description="company id")
    name: str | None = Field(None, description="name")
    email: str | None = Field(None, description="e-mail")
    phone: str | None = Field(None, description="phone")
    type: str | None = Field(None, description="kind of company, an open set")
    national_license_id: str | None = Field(
        None, alias="nationalLicenseID", description="national licence, NMLS or similar"
    )
    state_license_ids: Json | None = Field(
        None, alias="stateLicenseIDs", description="licences by state"
    )
    primary_address: Json | None = Field(None, description="address")
    mailing_address: Json | None = Field(None, description="address for mail")


class Order(QualiaModel):
    """A title order. qualia.md §3.4."""

    id: Id = Field(description="order id")
    order_number: str | None = Field(None, description="file number shown to people")
    status: str | None = Field(None, description="OPEN, PENDING, CLOSED, CANCELLED; an open set")
    transaction_type: str | None = Field(None, description="PURCHASE, REFINANCE …; an open set")
    created_date: Instant | None = Field(None, description="opened")
    estimated_closing: Instant | None = Field(None, description="planned closing")
    close_date: Instant | None = Field(None, description="closed")
    disbursement_date: Instant | None = Field(None, description="money out")
    cancelled_date: Instant | None = Field(None, description="cancelled")
    external_reference_number: str | None = Field(None, description="the partner's number")
    purchase_price: Amount | None = Field(None, description="price, no currency sent")
    earnest_amount: Amount | None = Field(None, description="earnest money, no currency sent")
    settlement_agency_id: str | None = Field(None, description="settlement agency: its id")
    properties: Json | None = Field(None, description="addresses of the property, often one")
    loans: Json | None = Field(None, description="loans: amount and rate")
    closing_location: Json | None = Field(None, description="address of the closing")
    disbursement_accounts: Json | None = Field(None, description="bank accounts, labels only")
    dates_sent: Json | None = Field(None, description="the dates in the form they were sent in")


class Agency(QualiaModel):
    """A settlement agency, as the newest of its orders shows it. qualia.md §3.4."""

    id: Id = Field(description="agency id")
    name: str | None = Field(None, description="name")
    branch_name: str | None = Field(None, description="branch")
    email: str | None = Field(None, description="e-mail")
    phone: str | None = Field(None, description="phone")
    fax: str | None = Field(None, description="fax")
    addresses: Json | None = Field(None, description="addresses")


class _Child(QualiaModel):
    """A row of a list inside an order."""

    order_id: Id = Field(description="order id")
    position: int = Field(description="place in the order's list, from 1")


class Disbursement(_Child):
    """Money out. qualia.md §3.4 `accounting.disbursements`."""

    amount: Amount | None = Field(None, description="amount, no currency sent")
    payee_name: str | None = Field(None, description="who gets it, may be a person")
    status: str | None = Field(None, description="POSTED, PENDING, VOIDED; an open set")
    posted: Json | None = Field(None, description="when it was posted, or whether")
    voided: Json | None = Field(None, description="when it was voided, or whether")


class Receipt(_Child):
    """Money in. qualia.md §3.4 `accounting.receipts`."""

    amount: Amount | None = Field(None, description="amount, no currency sent")
    for_benefit_of: str | None = Field(None, description="for whom")
    received_from: str | None = Field(None, description="from whom")
    posted: Json | None = Field(None, description="when it was posted, or whether")
    voided: Json | None = Field(None, description="when it was voided, or whether")


class Charge(_Child):
    """A line of the closing disclosure. qualia.md §3.4 `charges`."""

    section: str | None = Field(None, description="section of the closing disclosure")
    line_number: str | None = Field(None, description="line within the section, sent as 03 or 3")
    description: str | None = Field(None, description="what for")
    payee_name: str | None = Field(None, description="who gets it")
    borrower_amount: Amount | None = Field(None, description="the borrower's total")
    seller_amount: Amount | None = Field(None, description="the seller's total")
    payees: Json | None = Field(None, description="shares of the line: type, amount, name, label")


class StatementLine(_Child):
    """A line of the settlement statement. qualia.md §3.4 `settlementStatement.lines`."""

    description: str | None = Field(None, description="what for")
    payee_name: str | None = Field(None, description="who gets it")
    borrower_amount: Amount | None = Field(None, description="the borrower's column")
    seller_amount: Amount | None = Field(None, description="the seller's column")


class TeamMember(_Child):
    """Somebody of the staff on an order. qualia.md §3.4 `settlementTeam`."""

    first_name: str | None = Field(None, description="first name")
    last_name: str | None = Field(None, description="last name")
    role: str | None = Field(None, description="role, such as Escrow Officer")
    role_id: str | None = Field(None, alias="roleID", description="id of the role")
    user_id: str | None = Field(None, alias="userID", description="user id")
    email: str | None = Field(None, description="e-mail")
    phone: str | None = Field(None, description="phone")
    fax: str | None = Field(None, description="fax")


class Party(QualiaModel):
    """Somebody else on an order: a person, a company or its associate. qualia.md §3.5 `contacts`.

    `position` is the place in the list of the kind; an associate's is `<company>.<place>`.
    """

    order_id: Id = Field(description="order id")
    kind: Id = Field(description="the list it stands in: borrowers, lenders, sourceOfBusiness …")
    position: Id = Field(description="place in the list of that kind, from 1")
    party_type: str | None = Field(
        None, description="Individual, Organization, OrderCompany, OrderAssociate, User, Source"
    )
    party_id: str | None = Field(None, description="id of the company, associate or user")
    name: str | None = Field(None, description="name of a company or organization")
    first_name: str | None = Field(None, description="first name of a person")
    middle_name: str | None = Field(None, description="middle name of a person")
    last_name: str | None = Field(None, description="last name of a person")
    suffix: str | None = Field(None, description="suffix of a person's name")
    job_title: str | None = Field(None, description="job title")
    email: str | None = Field(None, description="e-mail")
    phone: str | None = Field(None, description="phone, at work if it is a person's")
    cell_phone: str | None = Field(None, description="mobile phone")
    fax: str | None = Field(None, description="fax")
    type: str | None = Field(None, description="kind of company or source, an open set")
    manual_entry: Json | None = Field(None, description="source of business in free form")
    national_license_id: str | None = Field(
        None, alias="nationalLicenseID", description="national licence, NMLS or similar"
    )
    state_license_ids: Json | None = Field(
        None, alias="stateLicenseIDs", description="licences by state"
    )
    primary_address: Json | None = Field(None, description="a company's address")
    mailing_address: Json | None = Field(None, description="a company's address for mail")
    current_address: Json | None = Field(None, description="a borrower's or seller's address")
    forwarding_address: Json | None = Field(None, description="the same after the move")


class Appointment(_Child):
    """A closing or another appointment. qualia.md §3.4 `appointments`."""

    start: Instant | None = Field(None, description="when it begins")
    type: str | None = Field(None, description="kind, an open set")
    event_name: str | None = Field(None, description="name")
    guest_instructions: str | None = Field(None, description="what guests are told")
    duration: Number | None = Field(None, description="length, presumably in minutes")
    address: Json | None = Field(None, description="where")
    dates_sent: Json | None = Field(None, description="the dates in the form they were sent in")


class Task(_Child):
    """A task on an order. qualia.md §3.4 `tasks`."""

    label: str | None = Field(None, description="what is to be done")
    assignee_name: str | None = Field(None, description="by whom")
    due: Instant | None = Field(None, description="by when")
    completed: Json | None = Field(None, description="when it was done, or whether")
    dates_sent: Json | None = Field(None, description="the dates in the form they were sent in")
