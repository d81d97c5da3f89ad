"""The raw tables of SkySlope, one model each (contract: skyslope.md, sections per model).

Only the guid is required: the feed, the detail call and two vintages of clients disagree about
nearly everything else.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator, Field

from pipelines.common.model import Amount, Id, Json, RawType, VendorModel


def _no_date(value: Any) -> Any:
    """`0001-01-01T00:00:00` is how SkySlope writes no date (§2.2); a date loses its midnight."""
    if isinstance(value, str) and (not value or value.startswith("0001-")):
        return None
    return value


def _day(value: Any) -> Any:
    known = _no_date(value)
    return known[:10] if isinstance(known, str) else known


Moment = Annotated[datetime | None, BeforeValidator(_no_date), RawType("timestamptz")]
"""An instant without a zone, read as UTC."""

Day = Annotated[date | None, BeforeValidator(_day), RawType("date")]
"""A day, sent as its midnight."""

LowerId = Annotated[
    str, BeforeValidator(lambda v: v.lower() if isinstance(v, str) else v), Field(min_length=1),
    RawType("text"),
]  # fmt: skip
"""A guid; guids come in either case."""


class SkyslopeModel(VendorModel):
    """Any SkySlope answer."""

    denied: ClassVar[frozenset[str]] = frozenset(
        {
            # a tax id and an identity provider's id; checklists hold reviewers' remarks (§3.5)
            "brokerTaxId",
            "oktaUserId",
            "checklist",
            "documents",
        }
    )


class Office(SkyslopeModel):
    """An office. skyslope.md §3.12."""

    office_guid: LowerId = Field(description="office guid")
    office_name: str | None = Field(None, description="name")


class User(SkyslopeModel):
    """A user of the brokerage's account, deactivated ones included. skyslope.md §3.11."""

    user_guid: LowerId = Field(description="user guid")
    first_name: str | None = Field(None, description="first name")
    last_name: str | None = Field(None, description="last name")
    email: str | None = Field(None, description="e-mail, the link to our own agents")
    user_type: str | None = Field(None, description="Agent, Broker, Auditor, …")
    public_id: str | None = Field(None, description="the agent's licence or public id")
    street_number: str | None = Field(None, description="house number")
    street_name: str | None = Field(None, description="street")
    city: str | None = Field(None, description="city")
    state: str | None = Field(None, description="state")
    zip_code: str | None = Field(None, description="postal code")
    phone: str | None = Field(None, description="phone")
    alternate_phone: str | None = Field(None, description="other phone")
    contact_id: str | None = Field(None, description="contact id (newer)")


class ChecklistType(SkyslopeModel):
    """A kind of checklist. skyslope.md §3.12."""

    transaction_type: str = Field(description="Sale or Listing")
    checklist_type_id: Id = Field(description="checklist type id")
    checklist_type_name: str | None = Field(None, description="name")


class _File(SkyslopeModel):
    """What sales and listings share."""

    object_type: str | None = Field(None, description="sale or listing, in any letter case")
    agent_guid: str | None = Field(None, description="owning agent: user guid")
    created_by_guid: str | None = Field(None, description="who created the file: user guid")
    mls_number: str | None = Field(None, description="MLS number")
    status: str | None = Field(None, description="system status, an open set")
    office_id: str | None = Field(None, description="office number")
    office_guid: str | None = Field(None, description="office guid")
    checklist_type: str | None = Field(None, description="name of the checklist")
    created_on: Moment | None = Field(None, description="when the file was created")
    modified_on: Moment | None = Field(None, description="when the file last changed; the cursor")
    source: str | None = Field(None, description="lead source")
    other_source: str | None = Field(None, description="lead source in free text")
    listing_price: Amount | None = Field(None, description="list price, no currency sent")
    email: str | None = Field(None, description="e-mail tied to the file")
    file_id: str | None = Field(None, description="file number for people (feed only)")
    url: str | None = Field(None, description="web address (feed only)")
    property: Json | None = Field(None, description="the property and its address")
    sellers: Json | None = Field(None, description="sellers")
    misc_contact: Json | None = Field(None, description="another party")
    home_warranty_contact: Json | None = Field(None, description="home warranty company")
    commercial_lease: Json | None = Field(None, description="terms of a commercial lease")
    commission: Json | None = Field(None, description="commission, in one of two vintages")
    co_agent_guids: Json | None = Field(None, description="co-agents: user guids")
    co_agents: Json | None = Field(None, description="co-agents as objects")
    agent: Json | None = Field(None, description="the owning agent inlined")
    stage: Json | None = Field(None, description="column of the brokerage's own pipeline")
    custom_fields: Json | None = Field(None, description="the brokerage's own fields")


class Sale(_File):
    """A sale file. skyslope.md §3.4."""

    sale_guid: LowerId = Field(description="sale guid")
    listing_guid: str | None = Field(None, description="listing that the sale came from")
    escrow_number: str | None = Field(None, description="escrow or title number")
    status_id: str | None = Field(None, description="number of the status")
    checklist_type_id: str | None = Field(None, description="number of the checklist")
    checklist_modified_on: Moment | None = Field(None, description="last change of the checklist")
    escrow_closing_date: Day | None = Field(None, description="planned closing")
    actual_closing_date: Day | None = Field(None, description="closing")
    contract_acceptance_date: Day | None = Field(None, description="contract accepted")
    contract_accepted_date: Day | None = Field(None, description="the same under its older name")
    dead_date: Day | None = Field(None, description="when it fell through")
    source_id: str | None = Field(None, description="number of the lead source")
    deal_type: str | None = Field(None, description="side and kind, a free vocabulary")
    sale_type_id: str | None = Field(None, description="number of the deal type")
    sale_price: Amount | None = Field(None, description="contract price, no currency sent")
    is_office_lead: bool | None = Field(None, description="the lead came from the office")
    co_broker_company: str | None = Field(None, description="the other brokerage")
    portal_email: str | None = Field(None, description="newer name of the file's e-mail")
    apn: str | None = Field(None, description="parcel number")
    reviewer_guid: str | None = Field(None, description="auditor: user guid")
    real_property_type: str | None = Field(None, description="property class")
    real_property_subtype: str | None = Field(None, description="property class, finer")
    file_creator: Json | None = Field(None, description="the creator inlined")
    buyers: Json | None = Field(None, description="buyers")
    title_contact: Json | None = Field(None, description="title company")
    escrow_contact: Json | None = Field(None, description="escrow company")
    lender_contact: Json | None = Field(None, description="lender")
    other_side_agent_contact: Json | None = Field(None, description="agent of the other side")
    attorney_contact: Json | None = Field(None, description="attorneys")
    commission_breakdowns: Json | None = Field(None, description="deductions and lines")
    commission_splits: Json | None = Field(None, description="shares per agent")
    commission_referral: Json | None = Field(None, description="referral fee")
    earnest_money_deposit: Json | None = Field(None, description="earnest money")
    transaction_coordinators: Json | None = Field(None, description="coordinators and their fees")


class Listing(_File):
    """A listing file. skyslope.md §3.6."""

    listing_guid: LowerId = Field(description="listing guid")
    co_listing_agent_guid: str | None = Field(None, description="co-lister: user guid")
    referring_agent_guid: str | None = Field(None, description="referring agent: user guid")
    type: str | None = Field(None, description="kind of listing")
    listing_date: Day | None = Field(None, description="begin of the agreement")
    expiration_date: Day | None = Field(None, description="end of the agreement")
    company: str | None = Field(None, description="company")
    home_warranty: Json | None = Field(None, description="older name of the warranty contact")
