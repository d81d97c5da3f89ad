"""The raw tables of Lofty, one model each (contract: lofty.md, sections per model).

Raw keeps the vendor's sentinels (-1, 0, blank) as they came, but for instants, where they are null;
staging makes nulls of them (§2.2). Only keys are required: the vendor declares no field as such.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator, Field

from pipelines.common.model import Amount, Id, Json, Number, RawType, VendorModel
from pipelines.lofty.client import moment


def _moment(value: Any) -> datetime | None:
    if value in (None, "", 0, -1, "0", "-1"):
        return None
    if isinstance(value, datetime):
        return value
    found = moment(value)
    if found is None:
        raise ValueError("not an instant in one of Lofty's forms")
    return found


Moment = Annotated[datetime | None, BeforeValidator(_moment), RawType("timestamptz")]
"""An instant in any of the forms of §2.2."""


class LoftyModel(VendorModel):
    """Any Lofty answer."""

    denied: ClassVar[frozenset[str]] = frozenset({"birthday"})


# -- people and configuration ----------------------------------------------------------------------


class Member(LoftyModel):
    """A member of the team. lofty.md §4.1."""

    id: Id = Field(description="team-member record id, a short number")
    member_user_id: str | None = Field(
        None, description="user id; records name people by ids of fifteen digits, not by this one"
    )
    team_id: str | None = Field(None, description="account (tenant) id")
    invitor_user_id: str | None = Field(None, description="who invited the member")
    role: int | None = Field(None, description="code of the role")
    role_name: str | None = Field(None, description="label of the role")
    is_admin: bool | None = Field(None, description="company admin")
    email: str | None = Field(None, description="login e-mail, the link to our own agents")
    first_name: str | None = Field(None, description="first name")
    last_name: str | None = Field(None, description="last name")
    first_letter: str | None = Field(None, description="initial")
    phone_number: str | None = Field(None, description="phone")
    virtual_number: str | None = Field(None, description="dialer number")
    status: int | None = Field(None, description="code of the status, meaning unpublished")
    account_status: str | None = Field(None, description="state of the login, an open set")
    new_lead_count: int | None = Field(None, description="new leads now")
    assigned_lead_count: int | None = Field(None, description="assigned leads now")
    time_zone_id: str | None = Field(None, description="IANA time zone")
    group_id: str | None = Field(None, description="office")
    group_name: str | None = Field(None, description="name of the office")
    group: Json | None = Field(None, description="the office inlined")
    agent_info: Json | None = Field(None, description="licence and company")


class Account(Member):
    """The member behind the credential. lofty.md §1.3."""

    # here they are never missing
    member_user_id: Id = Field(  # type: ignore[bad-override-mutable-attribute]
        description="user id, which was seen to be a short number here"
    )
    team_id: Id = Field(  # type: ignore[bad-override-mutable-attribute]
        description="account (tenant) id"
    )
    sees_all: bool | None = Field(
        None, description="an owner or admin; everybody else is shown only the own leads"
    )


class Pipeline(LoftyModel):
    """A lead pipeline, which serves as a stage of leads. lofty.md §4.2."""

    id: Id = Field(description="id, the stage id of leads")
    name: str | None = Field(None, description="name")


class Tag(LoftyModel):
    """A tag, defined for all (lead 0) or applied to one lead. lofty.md §4.2."""

    tag_id: Id = Field(description="tag id")
    lead_id: Id = Field(description="lead that carries the tag; 0 for its definition")
    tag_name: str | None = Field(None, description="name")
    creator_user_id: str | None = Field(None, description="who made it: user")
    visible_type: int | None = Field(None, description="code of who sees it")
    create_time: Moment | None = Field(None, description="when it was made")
    update_time: Moment | None = Field(None, description="when it last changed")


class CustomField(LoftyModel):
    """A custom field of leads; its name is its key. lofty.md §4.2."""

    attribute_name: Id = Field(description="name")
    attribute_type: str | None = Field(None, description="text, number, date, single_select, …")
    value: str | None = Field(None, description="default value")
    params: str | None = Field(None, description="choices, JSON as text")


class Pond(LoftyModel):
    """A shared lead pool. lofty.md §4.2."""

    id: Id = Field(description="pond id")
    pond_name: str | None = Field(None, description="name")
    pond_owner_id: str | None = Field(None, description="owner: user")
    agent_ids: Json | None = Field(None, description="users with access")


class TransactionField(LoftyModel):
    """A custom field of transactions. lofty.md §4.2."""

    id: Id = Field(description="field id")
    name: str | None = Field(None, description="name")
    type: str | None = Field(None, description="DATE, TEXT, NUMBER, CURRENCY, Single-Select, …")
    params: str | None = Field(None, description="choices, JSON as text")


class TransactionPipeline(LoftyModel):
    """A stage of a kind of transaction. lofty.md §4.2."""

    transaction_type: Id = Field(description="Purchase, Listing, Lease, Other")
    id: Id = Field(description="stage id, stable across renames")
    name: str | None = Field(None, description="name; transactions carry only this")
    default: bool | None = Field(None, description="the stage that new transactions get")


# -- leads -----------------------------------------------------------------------------------------


class Lead(LoftyModel):
    """A lead as the list shows it, which is whole. lofty.md §3.3."""

    lead_id: Id = Field(description="lead id")
    lead_user_id: str | None = Field(None, description="the lead's own site user")
    team_id: str | None = Field(None, description="account (tenant) id")
    first_name: str | None = Field(None, description="first name")
    last_name: str | None = Field(None, description="last name")
    emails: Json | None = Field(None, description="e-mail addresses")
    phones: Json | None = Field(None, description="phones")
    phone_statuses: Json | None = Field(
        None,
        description="parallel to phones, at times shorter: 1 invalid, 2 valid, 3 talked, 4 DNC "
        "number, 5 DNC contact",
    )
    language: str | None = Field(None, description="language")
    lead_source: str | None = Field(None, description="source id; -1 is none")
    source: str | None = Field(None, description="source name")
    stage_id: str | None = Field(None, description="stage: pipeline id")
    stage: str | None = Field(None, description="name of the stage")
    assigned_user_id: str | None = Field(None, description="owner: user; 0 is none")
    assigned_user: str | None = Field(None, description="name of the owner")
    assign_time: Moment | None = Field(None, description="when it was assigned")
    assign_completion_status: bool | None = Field(None, description="all roles are assigned")
    lender_user_id: str | None = Field(None, description="lender: user; 0 and -1 are none")
    pond_id: str | None = Field(None, description="pond; 0 is none")
    pond_name: str | None = Field(None, description="name of the pond")
    ownership_scope: str | None = Field(None, description="TEAM, OFFICE or PERSONAL")
    ownership_id: str | None = Field(
        None, description="office or user by scope; means nothing for TEAM"
    )
    score: int | None = Field(None, description="score, moves by itself")
    opportunity: str | None = Field(None, description="High Interest, Sell, Back to Site, …")
    lead_types: Json | None = Field(
        None, description="-1 other, 1 seller, 2 buyer, 5 renter, 6 investor, 7 agent, …"
    )
    lead_type: int | None = Field(None, description="older single value of the same")
    tags: Json | None = Field(None, description="tags applied")
    segments: Json | None = Field(None, description="segments (groups in the UI)")
    groups: Json | None = Field(None, description="older name of segments")
    street_address: str | None = Field(None, description="street; the property list is newer")
    city: str | None = Field(None, description="city")
    state: str | None = Field(None, description="state")
    zip_code: str | None = Field(None, description="postal code")
    create_time: Moment | None = Field(None, description="when the lead was created")
    last_update_time: Moment | None = Field(
        None, description="when the lead last changed; what moves it is undocumented"
    )
    last_touch: Moment | None = Field(None, description="last contact")
    last_visit: Moment | None = Field(None, description="last visit to the site")
    facebook: str | None = Field(None, description="social handle")
    twitter: str | None = Field(None, description="social handle")
    referred_by: str | None = Field(None, description="referrer")
    hidden_flag: bool | None = Field(None, description="restricted to its agent")
    private_flag: bool | None = Field(None, description="private")
    cannot_text: bool | None = Field(None, description="true: must not be texted")
    cannot_call: bool | None = Field(None, description="true: must not be called")
    cannot_email: bool | None = Field(None, description="true: must not be e-mailed")
    unsubscription: bool | None = Field(None, description="true: has unsubscribed")
    buying_time_frame: str | None = Field(None, description="when the lead wants to buy")
    selling_time_frame: str | None = Field(None, description="when the lead wants to sell")
    pre_qual: str | None = Field(None, description="prequalified: Yes or No")
    house_to_sell: str | None = Field(None, description="has a house to sell: Yes or No")
    fthb: str | None = Field(None, description="first-time home buyer: Yes or No")
    with_buyer_agent: str | None = Field(None, description="has a buyer's agent: Yes or No")
    with_listing_agent: str | None = Field(None, description="has a listing agent: Yes or No")
    mortgage: str | None = Field(None, description="has a mortgage: Yes or No")
    buy_house: str | None = Field(None, description="wants to buy: Yes or No")
    lead_inquiry: Json | None = Field(None, description="what the lead looks for")
    lead_property_list: Json | None = Field(None, description="owned and mailing addresses")
    custom_attributes: Json | None = Field(None, description="values of custom fields")
    lead_family_member_list: Json | None = Field(None, description="family")
    custom_role_list: Json | None = Field(
        None, description="all roles of the account; assignee 0 is nobody"
    )


# -- what is done with them ------------------------------------------------------------------------


class Communication(LoftyModel):
    """A call, text or e-mail without its body. lofty.md §5.1."""

    id: Id = Field(description="communication id")
    lead_id: str | None = Field(None, description="with whom: lead")
    agent_id: str | None = Field(None, description="by whom: user")
    direction: str | None = Field(None, description="Outbound or Inbound")
    event_type: str | None = Field(None, description="Call, Text, Sent Email, Opened Email, …")
    communication_type: str | None = Field(None, description="AUTO, MANUAL or LOGGED")
    communication_time: Moment | None = Field(None, description="when; the cursor")
    call_outcome: str | None = Field(None, description="outcome of a call")
    call_duration: str | None = Field(None, description="seconds of a call, sent as text")
    status: str | None = Field(None, description="delivery")
    from_pond: bool | None = Field(None, description="the lead was in a pond")


class Transaction(LoftyModel):
    """A transaction; its commissions are a table of their own. lofty.md §5.3."""

    transaction_id: Id = Field(description="transaction id")
    created: Moment | None = Field(None, description="when it was created")
    updated: Moment | None = Field(None, description="when it last changed")
    lead_id: str | None = Field(None, description="lead")
    property_id: str | None = Field(None, description="property")
    transaction_name: str | None = Field(None, description="address or name")
    lead_name: str | None = Field(None, description="label of the lead")
    agent_name: str | None = Field(None, description="label of the agent")
    assigned_agent: str | None = Field(None, description="agent: user")
    transaction_type: str | None = Field(None, description="Purchase, Listing, Lease, Other")
    transaction_status: str | None = Field(None, description="name of the stage")
    home_price: Amount | None = Field(None, description="price, no currency sent")
    gci: Amount | None = Field(None, description="gross commission income, no currency sent")
    team_revenue: Amount | None = Field(None, description="the team's part, no currency sent")
    agent_revenue: Amount | None = Field(None, description="the agent's part, no currency sent")
    commission_rate: Number | None = Field(None, description="percent: 3 is 3 %")
    expected_close_date: Moment | None = Field(None, description="planned closing")
    close_date: Moment | None = Field(None, description="closing")
    appointment_date: Moment | None = Field(None, description="appointment")
    agreement_signed_date: Moment | None = Field(None, description="agreement signed")
    offer_date: Moment | None = Field(None, description="offer")
    contract_date: Moment | None = Field(None, description="contract")
    appraisal_date: Moment | None = Field(None, description="appraisal")
    home_inspection_date: Moment | None = Field(None, description="inspection")
    escrow_date: Moment | None = Field(None, description="escrow")
    expiration: Moment | None = Field(None, description="end of the agreement")
    custom_fields: Json | None = Field(None, description="values of custom fields by field id")


class LeadActivity(LoftyModel):
    """What a lead did on the site; it has no id. lofty.md §5.2."""

    lead_id: Id = Field(description="lead")
    created: int = Field(description="when, epoch milliseconds")
    type: Id = Field(description="Search, Browse, Favorite, Request, Submission")
    text_hash: Id = Field(description="hash of text and link, which tells apart what has no id")
    text: str | None = Field(None, description="as the site shows it")
    link: str | None = Field(None, description="address of the page")
    picture: str | None = Field(None, description="address of the picture")
    listing: Json | None = Field(None, description="property")
    scheduled_date: Moment | None = Field(None, description="showing that was asked for")
    page_name: str | None = Field(None, description="form page")


class Note(LoftyModel):
    """A note on a lead without its text. lofty.md §5.2."""

    denied: ClassVar[frozenset[str]] = LoftyModel.denied | {"content"}

    note_id: Id = Field(description="note id")
    id: str | None = Field(None, description="row of the timeline")
    lead_id: str | None = Field(None, description="lead")
    creator_id: str | None = Field(None, description="author: user")
    creator_name: str | None = Field(None, description="name of the author")
    last_editor_id: str | None = Field(None, description="last editor: user")
    last_editor_name: str | None = Field(None, description="name of the last editor")
    create_time: Moment | None = Field(None, description="when it was written")
    last_update: Moment | None = Field(None, description="when it last changed")
    delete_flag: bool | None = Field(None, description="deleted")
    is_pin: bool | None = Field(None, description="pinned")
    system_note: bool | None = Field(None, description="written by the system")


class Task(LoftyModel):
    """A task on a lead without its text. lofty.md §5.2."""

    denied: ClassVar[frozenset[str]] = LoftyModel.denied | {"content", "body"}

    id: Id = Field(description="task id")
    lead_id: str | None = Field(None, description="lead")
    creator_id: str | None = Field(None, description="author: user")
    type: str | None = Field(None, description="kind")
    subject: str | None = Field(None, description="subject")
    deadline: Moment | None = Field(None, description="due")
    start_at: Moment | None = Field(None, description="start (newer form)")
    end_at: Moment | None = Field(None, description="end (newer form)")
    finish_flag: bool | None = Field(None, description="finished")
    finish_time: Moment | None = Field(None, description="when it was finished")
    overdue_flag: bool | None = Field(None, description="overdue")
    delete_flag: bool | None = Field(None, description="deleted")
    create_time: Moment | None = Field(None, description="when it was created")
    last_update: Moment | None = Field(None, description="when it last changed")
    assigned_user_id: str | None = Field(None, description="whose task: user")
    assigned_role: str | None = Field(None, description="role of that user")
    assigned_user: str | None = Field(None, description="name of that user")
    lead_first_name: str | None = Field(None, description="first name of the lead")
    lead_last_name: str | None = Field(None, description="last name of the lead")


class Appointment(LoftyModel):
    """An appointment with a lead. lofty.md §5.2."""

    id: Id = Field(description="appointment id")
    lead_id: str | None = Field(None, description="lead")
    assign_to_uid: str | None = Field(None, description="whose: user")
    assign_role_type: str | None = Field(None, description="role of that user")
    creator_id: str | None = Field(None, description="author: user")
    descr: str | None = Field(None, description="what it is about")
    address: str | None = Field(None, description="where")
    deadline: Moment | None = Field(None, description="start")
    end_time: Moment | None = Field(None, description="end")
    finish_time: Moment | None = Field(None, description="when it was finished")
    create_time: Moment | None = Field(None, description="when it was created")
    last_update: Moment | None = Field(None, description="when it last changed")
    all_day: bool | None = Field(None, description="lasts all day")
    finish_flag: bool | None = Field(None, description="finished")
    delete_flag: bool | None = Field(None, description="deleted")
    overdue: bool | None = Field(None, description="overdue")


class PhoneCall(LoftyModel):
    """A call that the dialer recorded. lofty.md §5.2."""

    id: Id = Field(description="call id")
    dialer_call_record_id: str | None = Field(None, description="id of the dialer's own record")
    user_id: str | None = Field(None, description="who called or was called: user")
    user_phone_number: str | None = Field(None, description="phone of that user")
    lead_id: str | None = Field(None, description="lead")
    lead_phone_number: str | None = Field(None, description="phone of the lead")
    direction: str | None = Field(None, description="Outbound or Inbound")
    status: str | None = Field(
        None, description="Completed, Missed, Failed, Busy, NoAnswer, VoiceMail"
    )
    start_time: Moment | None = Field(None, description="start")
    end_time: Moment | None = Field(None, description="end")
    duration: int | None = Field(None, description="seconds")
    calling_outcome: str | None = Field(
        None, description="Talked, VoiceMessage, NoAnswer, BadNumber, DNCNumber, DNCContact"
    )
    rate_score: int | None = Field(None, description="how the call was rated, 0 to 5")


class SystemLog(LoftyModel):
    """What the system noted of a lead: stages and assignments, say. lofty.md §5.2."""

    # by type it may quote what somebody wrote
    denied: ClassVar[frozenset[str]] = LoftyModel.denied | {"content"}

    id: Id = Field(description="row of the timeline")
    lead_id: str | None = Field(None, description="lead")
    agent_id: str | None = Field(None, description="who did it: user; 0 is the system")
    timeline_type: str | None = Field(None, description="kind, an open set")
    timeline_type_desc: str | None = Field(None, description="kind in words")
    timeline_time: Moment | None = Field(None, description="when it happened")
    create_time: Moment | None = Field(None, description="when it was noted")
    update_time: Moment | None = Field(None, description="when the row last changed")
    from_id: str | None = Field(None, description="what it was before, by from_type; 0 is none")
    from_type: str | None = Field(None, description="what from_id is an id of")
    from_name: str | None = Field(None, description="its name")
    to_id: str | None = Field(None, description="what it is since, by to_type; 0 is none")
    to_type: str | None = Field(None, description="what to_id is an id of")
    to_name: str | None = Field(None, description="its name")
    ref_id: str | None = Field(None, description="record that it is about; 0 is none")
    sticky: bool | None = Field(None, description="kept at the top")


class TransactionCommission(LoftyModel):
    """A line of a transaction's commission. lofty.md §5.3."""

    transaction_id: Id = Field(description="transaction")
    part: Id = Field(description="preSplit, split or postSplit")
    id: Id = Field(description="line id")
    lead_id: str | None = Field(None, description="lead of the transaction, below which it is told")
    split_pay_type: str | None = Field(
        None, description="TEAM, AGENT, VENDOR_PARTNER, LEAD, OTHER, BROKERAGE or UPLINE"
    )
    split_pay_to: str | None = Field(None, description="party of that kind; 0 is none")
    split_pay_to_name: str | None = Field(None, description="its name")
    pay_type: str | None = Field(None, description="kind of who is paid, as split_pay_type")
    pay_to: str | None = Field(None, description="who is paid; 0 is none")
    pay_to_name: str | None = Field(None, description="name of who is paid")
    value: Number | None = Field(
        None, description="percent or amount, by calculate_type; no currency sent"
    )
    calculate_type: str | None = Field(None, description="PERCENT or AMOUNT")
    description: str | None = Field(None, alias="desc", description="label of the line")
