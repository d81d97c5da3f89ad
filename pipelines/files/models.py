"""The raw tables of imported files, one model each (contract: docs/vendors/files.md).

Only the key is required: what a file lacks is null. The headings under which a field is found
without a mapping are in `headings.py`.
"""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from pipelines.common.model import CalendarDate, Id, Money, Number, VendorModel

REFUSED = "(refused)"
"""Under this key a row says why it was refused while it was prepared."""


class FilesModel(VendorModel):
    """Any row of a file. A row that was refused while it was prepared is refused with its reason.

    Columns that no field takes stay under their heading, in `_extra`.
    """

    model_config = ConfigDict(alias_generator=None)

    default_keys: ClassVar[tuple[tuple[str, ...], ...]] = ()
    """Fields that name a row when a mapping does not say which: the first choice that it has."""

    @model_validator(mode="before")
    @classmethod
    def _refuse(cls, row: Any) -> Any:
        if isinstance(row, dict) and REFUSED in row:
            raise PydanticCustomError("refused", "{reason}", {"reason": row[REFUSED]})
        return row


class Transaction(FilesModel):
    """A sale or lease."""

    default_keys = (("transaction_id",), ("street", "unit", "city", "postal_code", "side"))

    row_key: Id = Field(description="the key columns of the mapping, joined")
    transaction_id: str | None = Field(None, description="number of the deal where it comes from")
    mls_number: str | None = Field(None, description="MLS number")
    status: str | None = Field(None, description="status in the file's words")
    transaction_type: str | None = Field(None, description="sale, lease, … in the file's words")
    side: str | None = Field(None, description="represented side in the file's words")
    property_type: str | None = Field(None, description="property class in the file's words")
    lead_source: str | None = Field(None, description="where the client came from")
    street: str | None = Field(None, description="house number and street")
    unit: str | None = Field(None, description="unit")
    city: str | None = Field(None, description="city")
    county: str | None = Field(None, description="county")
    state: str | None = Field(None, description="state or province")
    postal_code: str | None = Field(None, description="postal code")
    country: str | None = Field(None, description="country")
    buyer_name: str | None = Field(None, description="buyer or tenant")
    seller_name: str | None = Field(None, description="seller or landlord")
    agent_name: str | None = Field(None, description="agent of the deal")
    agent_email: str | None = Field(None, description="e-mail of the agent of the deal")
    list_price: Money | None = Field(None, description="list price")
    price: Money | None = Field(None, description="contract or closing price")
    gross_commission: Money | None = Field(None, description="gross commission income")
    net_commission: Money | None = Field(None, description="what the agent got")
    commission_percent: Number | None = Field(None, description="commission; 3 is 3 %")
    listing_date: CalendarDate | None = Field(None, description="begin of the listing")
    contract_date: CalendarDate | None = Field(None, description="contract accepted")
    expected_closing_date: CalendarDate | None = Field(None, description="planned closing")
    closing_date: CalendarDate | None = Field(None, description="closing")
    cancelled_date: CalendarDate | None = Field(None, description="when it fell through")


class Listing(FilesModel):
    """An agreement to sell or let."""

    default_keys = (
        ("listing_id",),
        ("mls_number",),
        ("street", "unit", "city", "postal_code"),
    )

    row_key: Id = Field(description="the key columns of the mapping, joined")
    listing_id: str | None = Field(None, description="number of the listing where it comes from")
    mls_number: str | None = Field(None, description="MLS number")
    status: str | None = Field(None, description="status in the file's words")
    listing_type: str | None = Field(None, description="kind of listing in the file's words")
    property_type: str | None = Field(None, description="property class in the file's words")
    lead_source: str | None = Field(None, description="where the client came from")
    street: str | None = Field(None, description="house number and street")
    unit: str | None = Field(None, description="unit")
    city: str | None = Field(None, description="city")
    county: str | None = Field(None, description="county")
    state: str | None = Field(None, description="state or province")
    postal_code: str | None = Field(None, description="postal code")
    country: str | None = Field(None, description="country")
    seller_name: str | None = Field(None, description="seller or landlord")
    agent_name: str | None = Field(None, description="listing agent")
    agent_email: str | None = Field(None, description="e-mail of the listing agent")
    list_price: Money | None = Field(None, description="list price")
    commission_percent: Number | None = Field(None, description="commission; 3 is 3 %")
    listing_date: CalendarDate | None = Field(None, description="begin of the agreement")
    expiration_date: CalendarDate | None = Field(None, description="end of the agreement")
    cancelled_date: CalendarDate | None = Field(None, description="when it was withdrawn")


class Contact(FilesModel):
    """A person of the agent's book."""

    default_keys = (("contact_id",), ("email",), ("phone",), ("last_name", "first_name"))

    row_key: Id = Field(description="the key columns of the mapping, joined")
    contact_id: str | None = Field(None, description="number of the contact where it comes from")
    name: str | None = Field(None, description="whole name, where the file has it in one column")
    first_name: str | None = Field(None, description="first name")
    last_name: str | None = Field(None, description="last name")
    email: str | None = Field(None, description="e-mail")
    phone: str | None = Field(None, description="phone as written")
    company: str | None = Field(None, description="company")
    stage: str | None = Field(None, description="stage in the file's words")
    lead_source: str | None = Field(None, description="where the contact came from")
    tags: str | None = Field(None, description="tags as written")
    agent_name: str | None = Field(None, description="agent the contact belongs to")
    street: str | None = Field(None, description="house number and street")
    unit: str | None = Field(None, description="unit")
    city: str | None = Field(None, description="city")
    state: str | None = Field(None, description="state or province")
    postal_code: str | None = Field(None, description="postal code")
    country: str | None = Field(None, description="country")
    budget: Money | None = Field(None, description="what the contact means to spend")
    created_date: CalendarDate | None = Field(None, description="when the contact was added")
    last_contact_date: CalendarDate | None = Field(None, description="last contact")
