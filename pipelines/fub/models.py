"""The raw tables of Follow Up Boss, one model each (contract: fub.md, sections per model).

Ids are integers at the vendor and text here. Only the id is required: accounts are of all ages
and nearly every other field has been seen missing or null on some row.
"""

from __future__ import annotations

from typing import ClassVar

from pydantic import AliasChoices, Field

from pipelines.common.model import (
    Amount,
    CalendarDate,
    Id,
    Instant,
    Json,
    VendorModel,
)


class FubModel(VendorModel):
    """Any Follow Up Boss answer."""

    denied: ClassVar[frozenset[str]] = frozenset(
        {
            # whoever knows a user's lead address can put leads into the account
            "leadEmailAddress",
            "acceptedShowingtimeConsent",
            "acceptedShowingtimeConsentV2",
            # relative to the caller, so not facts about the appointment (§5.9)
            "isEditable",
            "isDeletable",
            "detailsVisible",
        }
    )


class _Stamped(FubModel):
    """Rows with the vendor's own clocks."""

    id: Id = Field(description="id at the vendor")
    created: Instant | None = Field(None, description="when the record was created")
    updated: Instant | None = Field(None, description="when the record itself last changed")


class Identity(FubModel):
    """The account and the user behind the credential. fub.md §1.4."""

    account_id: Id = Field(description="account id, the tenant at the vendor (account.id)")
    account_domain: str | None = Field(None, description="sub-domain of the account")
    account_name: str | None = Field(None, description="name of the account")
    owner_name: str | None = Field(None, description="name of the account owner")
    owner_email: str | None = Field(None, description="e-mail of the account owner")
    user_id: str | None = Field(None, description="user behind the credential")
    user_name: str | None = Field(None, description="name of that user")
    user_email: str | None = Field(None, description="e-mail of that user")
    user_role: str | None = Field(None, description="Agent, Broker (owner or admin) or Lender")
    is_owner: bool | None = Field(None, description="the user owns the account")
    is_admin: bool | None = Field(None, description="the user is an admin")
    is_lender: bool | None = Field(None, description="the user is a lender")
    sees_all: bool | None = Field(
        None,
        description="the credential sees the whole account; false for agents and lenders, whose "
        "answers hold only their own people",
    )
    account: Json | None = Field(None, description="the account object")
    user: Json | None = Field(None, description="the user object")


class User(_Stamped):
    """A user of the account, deleted ones included. fub.md §5.10."""

    name: str | None = Field(None, description="full name")
    first_name: str | None = Field(None, description="first name")
    last_name: str | None = Field(None, description="last name")
    email: str | None = Field(None, description="login e-mail")
    phone: str | None = Field(None, description="phone")
    role: str | None = Field(None, description="Agent, Broker or Lender")
    is_owner: bool | None = Field(None, description="owns the account")
    status: str | None = Field(None, description="Active; deleted variants are an open set")
    timezone: str | None = Field(None, description="IANA time zone")
    fuid: str | None = Field(None, description="internal global id")
    beta: bool | None = Field(None, description="takes part in betas")
    pause_lead_distribution: bool | None = Field(None, description="gets no new leads now")
    can_export: bool | None = Field(None, description="may export")
    can_create_api_keys: bool | None = Field(None, description="may create API keys")
    picture: Json | None = Field(None, description="size → URL")
    last_seen_ios: Instant | None = Field(None, description="last seen in the iOS app")
    last_seen_android: Instant | None = Field(None, description="last seen in the Android app")
    last_seen_fub2: Instant | None = Field(
        None,
        validation_alias=AliasChoices("lastSeenFub2"),
        description="last seen in the web app",
    )
    groups: Json | None = Field(None, description="group references")
    team_ids: Json | None = Field(None, description="teams of the user")
    team_leader_of: Json | None = Field(None, description="teams the user leads")
    mls_memberships: Json | None = Field(None, description="MLS memberships")


class Team(FubModel):
    """A team of users. fub.md §5.12."""

    id: Id = Field(description="team id")
    name: str | None = Field(None, description="team name")
    user_ids: Json | None = Field(None, description="members")
    leader_ids: Json | None = Field(None, description="leaders, a subset of the members")


class Group(FubModel):
    """A lead-distribution group. fub.md §5.11."""

    id: Id = Field(description="group id")
    name: str | None = Field(None, description="group name")
    type: str | None = Field(None, description="Agent or Lender")
    distribution: str | None = Field(None, description="round-robin or first-to-claim")
    default_user_id: str | None = Field(None, description="fallback owner: user")
    default_pond_id: str | None = Field(None, description="fallback owner: pond")
    default_group_id: str | None = Field(None, description="fallback owner: group")
    claim_window: int | None = Field(None, description="seconds to claim a lead")
    hide_name: int | None = Field(None, description="0/1: the lead's name is hidden")
    hide_source: int | None = Field(None, description="0/1: the lead's source is hidden")
    next_round_robin_user: Json | None = Field(None, description="next user in turn")
    is_primary: bool | None = Field(None, description="primary group")
    users: Json | None = Field(None, description="members of the group")


class Pond(FubModel):
    """A shared lead pool. fub.md §5.13."""

    id: Id = Field(description="pond id")
    name: str | None = Field(None, description="pond name")
    user_id: str | None = Field(None, description="pond lead")
    user_ids: Json | None = Field(None, description="users with access")


class PipelineStage(FubModel):
    """A column of a deal board; nested in a pipeline. fub.md §5.3."""

    id: Id = Field(description="pipeline-stage id, another id space than people stages")
    name: str | None = Field(None, description="stage name")
    closed_stage: bool | None = Field(None, description="a closed column")


class Pipeline(FubModel):
    """A deal pipeline with its stages. fub.md §5.3."""

    id: Id = Field(description="pipeline id")
    name: str | None = Field(None, description="pipeline name")
    description: str | None = Field(None, description="text")
    order_weight: int | None = Field(None, description="display order")
    stages: list[PipelineStage] | None = Field(None, description="columns of the board")


class Stage(FubModel):
    """A people stage. fub.md §5.4."""

    id: Id = Field(description="stage id")
    name: str | None = Field(None, description="stage name; Trash is a stage")
    order_weight: int | None = Field(None, description="display order")
    is_protected: bool | None = Field(None, description="system stage")
    pipeline_id: str | None = Field(None, description="pipeline, usually null")
    description: str | None = Field(None, description="text")
    systems: Json | None = Field(None, description="[{id, name, externalLabel, externalIcon}]")
    people_count: int | None = Field(None, description="people in the stage")


class CustomField(FubModel):
    """A custom field of people. fub.md §5.16."""

    id: Id = Field(description="field id")
    name: str | None = Field(None, description="JSON key on the record, e.g. customBirthCity")
    label: str | None = Field(None, description="label in the UI; may change")
    type: str | None = Field(None, description="text, date, number, dropdown")
    choices: Json | None = Field(None, description="choices of a dropdown")
    order_weight: int | None = Field(None, description="display order")
    hide_if_empty: bool | None = Field(None, description="hidden when empty")
    read_only: bool | None = Field(None, description="cannot be edited")


class DealCustomField(CustomField):
    """A custom field of deals. fub.md §5.16."""


class PersonEmail(FubModel):
    """An e-mail address of a person; nested. fub.md §5.1."""

    value: str | None = Field(None, description="address")
    type: str | None = Field(None, description="home, work, other")
    status: str | None = Field(None, description="Valid, Not Validated, …")
    is_primary: int | None = Field(None, description="0/1")


class PersonPhone(PersonEmail):
    """A phone of a person; nested. fub.md §5.1."""

    normalized: str | None = Field(None, description="digits only")


class Person(_Stamped):
    """A contact, trashed and unclaimed ones included. fub.md §5.1."""

    custom_prefix: ClassVar[str | None] = "custom"

    created_via: str | None = Field(None, description="API, Email Parsing, Import, Manually …")
    created_by_id: str | None = Field(None, description="user who created the person")
    updated_by_id: str | None = Field(None, description="user who last changed the person")
    last_activity: Instant | None = Field(
        None, description="last communication or site visit; does not move updated"
    )
    name: str | None = Field(None, description="full name")
    first_name: str | None = Field(None, description="first name")
    last_name: str | None = Field(None, description="last name")
    stage: str | None = Field(None, description="stage name; Trash for trashed and merged people")
    stage_id: str | None = Field(None, description="stage id")
    type: str | None = Field(None, description="Buyer, Seller …; open set")
    source: str | None = Field(None, description="lead source")
    source_id: str | None = Field(None, description="lead source id")
    source_url: str | None = Field(None, description="where the lead came from")
    lead_flow_id: str | None = Field(None, description="routing rule used")
    delayed: bool | None = Field(None, description="lead-flow delay pending")
    contacted: int | None = Field(None, description="0/1: has been contacted")
    price: Amount | None = Field(None, description="target price; no currency is sent")
    assigned_to: str | None = Field(None, description="name of the assignee")
    assigned_user_id: str | None = Field(None, description="assignee; null when in a pond")
    assigned_pond_id: str | None = Field(None, description="pond, when in a pond")
    assigned_lender_id: str | None = Field(None, description="assigned lender")
    assigned_lender_name: str | None = Field(None, description="name of the assigned lender")
    tags: Json | None = Field(None, description="tags, case preserved")
    emails: list[PersonEmail] | None = Field(None, description="e-mail addresses")
    phones: list[PersonPhone] | None = Field(None, description="phones")
    addresses: Json | None = Field(None, description="postal addresses")
    picture: Json | None = Field(None, description="size → URL")
    social_data: Json | None = Field(None, description="object, list or null")
    website_visits: int | None = Field(None, description="visits to the web site")
    timeframe_id: str | None = Field(None, description="buying time frame")
    timeframe_updated: Json | None = Field(None, description="when the time frame was set")
    timeframe_status: Json | None = Field(None, description="state of the time frame")
    timeframe_date_range: Json | None = Field(None, description="dates of the time frame")
    claimed: bool | None = Field(None, description="first-to-claim state")
    first_to_claim_offer: bool | None = Field(None, description="offered to be claimed")
    deal_status: str | None = Field(None, description="status of the main deal")
    deal_stage: str | None = Field(None, description="stage of the main deal")
    deal_name: str | None = Field(None, description="name of the main deal")
    deal_close_date: CalendarDate | None = Field(None, description="close date of the main deal")
    deal_price: Amount | None = Field(None, description="price of the main deal")
    collaborators: Json | None = Field(None, description="[{id, name, assigned, role}]")
    team_leaders: Json | None = Field(None, description="team leaders with access")
    pond_members: Json | None = Field(None, description="pond members with access")
    background: str | None = Field(None, description="free text about the person")
    relationships: Json | None = Field(None, description="related people (§5.15)")


class DealPerson(FubModel):
    """A person on a deal; nested. fub.md §5.2."""

    id: Id = Field(description="person id")
    name: str | None = Field(None, description="name")


class DealUser(FubModel):
    """A user on a deal; nested. fub.md §5.2."""

    id: Id = Field(description="user id")
    name: str | None = Field(None, description="name")


class Deal(FubModel):
    """A deal, archived and deleted ones included. fub.md §5.2."""

    custom_prefix: ClassVar[str | None] = "custom"

    id: Id = Field(description="deal id")
    name: str | None = Field(None, description="deal name")
    type: int | None = Field(None, description="0 in all samples; meaning unknown")
    status: str | None = Field(None, description="Active, Archived or Deleted")
    price: Amount | None = Field(None, description="price; no currency is sent")
    created_at: Instant | None = Field(None, description="when the deal was created")
    entered_stage_at: Instant | None = Field(None, description="last change of stage")
    order_weight: int | None = Field(None, description="order on the board")
    description: str | None = Field(None, description="text")
    pipeline_id: str | None = Field(None, description="pipeline")
    pipeline_name: str | None = Field(None, description="name of the pipeline")
    stage_id: str | None = Field(None, description="pipeline stage")
    stage_name: str | None = Field(None, description="name of the pipeline stage")
    projected_close_date: CalendarDate | None = Field(None, description="expected closing")
    commission_value: Amount | None = Field(None, description="commission; no currency is sent")
    agent_commission: Amount | None = Field(None, description="agent's part")
    team_commission: Amount | None = Field(None, description="team's part")
    time_to_close: int | None = Field(None, description="days to close")
    earnest_money_due_date: CalendarDate | None = Field(None, description="milestone")
    mutual_acceptance_date: CalendarDate | None = Field(None, description="milestone")
    due_diligence_date: CalendarDate | None = Field(None, description="milestone")
    final_walk_through_date: CalendarDate | None = Field(None, description="milestone")
    possession_date: CalendarDate | None = Field(None, description="milestone")
    people: list[DealPerson] | None = Field(None, description="people on the deal")
    users: list[DealUser] | None = Field(
        None, description="users on the deal; none makes it invisible to agents"
    )


class Event(_Stamped):
    """A lead event. fub.md §5.5."""

    occurred: Instant | None = Field(None, description="when it happened at the source")
    person_id: str | None = Field(None, description="person; 0 occurs")
    type: str | None = Field(None, description="Registration, Viewed Property …; open set")
    source: str | None = Field(None, description="lead source")
    message: str | None = Field(None, description="text of the lead")
    description: str | None = Field(None, description="text")
    additional: Json | None = Field(None, description="extras")
    note_id: str | None = Field(None, description="note")
    page_title: str | None = Field(None, description="title of the page viewed")
    page_url: str | None = Field(None, description="address of the page viewed")
    page_duration: int | None = Field(None, description="seconds on the page")
    property: Json | None = Field(None, description="property; price and rooms are text")
    property_search: Json | None = Field(None, description="saved-search criteria")


class Call(_Stamped):
    """A call. fub.md §5.6."""

    created_by_id: str | None = Field(None, description="creator; -1 is the system")
    updated_by_id: str | None = Field(None, description="last editor; -1 is the system")
    person_id: str | None = Field(None, description="person; null or 0 when unknown")
    relationship_id: str | None = Field(None, description="related person; 0 for none")
    name: str | None = Field(None, description="name of the person at the time")
    first_name: str | None = Field(None, description="first name at the time")
    last_name: str | None = Field(None, description="last name at the time")
    user_id: str | None = Field(None, description="user; may be missing on old rows")
    user_name: str | None = Field(None, description="name of the user")
    phone: str | None = Field(None, description="phone of the person")
    from_number: str | None = Field(None, description="calling number")
    to_number: str | None = Field(None, description="called number")
    forward_number: str | None = Field(None, description="forwarded to")
    is_incoming: bool | None = Field(None, description="the person called")
    duration: int | None = Field(None, description="seconds")
    ring_duration: int | None = Field(None, description="seconds until answered")
    started_at: Instant | None = Field(None, description="start; use created when null")
    outcome: str | None = Field(None, description="No Answer, Interested …; open set")
    note: str | None = Field(None, description="note on the call")
    recording_url: str | None = Field(
        None, description="recording, or a mask sentence instead of an address"
    )
    shared_inbox_id: str | None = Field(None, description="shared inbox")
    conference_call_id: str | None = Field(None, description="conference")
    system_id: str | None = Field(None, description="system that logged it")


class TextMessage(_Stamped):
    """A text message. fub.md §5.7."""

    sent: Instant | None = Field(None, description="when it was sent")
    created_by_id: str | None = Field(None, description="creator")
    updated_by_id: str | None = Field(None, description="last editor")
    person_id: str | None = Field(None, description="person; null or 0 when unknown")
    thread_id: str | None = Field(None, description="conversation")
    name: str | None = Field(None, description="name of the person")
    first_name: str | None = Field(None, description="first name")
    last_name: str | None = Field(None, description="last name")
    picture: Json | None = Field(None, description="picture")
    user_id: str | None = Field(None, description="user")
    user_name: str | None = Field(None, description="name of the user")
    message: str | None = Field(None, description="body; may be masked")
    status: str | None = Field(None, description="Sent …; open set")
    delivery_status: str | None = Field(None, description="sent, delivered, undelivered")
    from_number: str | None = Field(None, description="sending number")
    to_number: str | None = Field(None, description="receiving number")
    is_incoming: bool | None = Field(None, description="the person wrote")
    archived: bool | None = Field(None, description="archived")
    read: bool | None = Field(None, description="has been read")
    is_external: bool | None = Field(None, description="logged by another system")
    external_url: str | None = Field(None, description="address at the other system")
    external_label: str | None = Field(None, description="label of the other system")
    system_name: str | None = Field(None, description="name of the other system")
    shared_inbox_id: str | None = Field(None, description="shared inbox")
    action_plan_id: str | None = Field(None, description="action plan that sent it")
    group_text_id: str | None = Field(None, description="group text")
    media: Json | None = Field(None, description="attachments")


class Note(_Stamped):
    """A note on a person without its text. fub.md §5.14."""

    denied: ClassVar[frozenset[str]] = FubModel.denied | {"subject", "body"}

    created_by_id: str | None = Field(None, description="author: user")
    created_by: str | None = Field(None, description="name of the author")
    updated_by_id: str | None = Field(None, description="last editor: user")
    updated_by: str | None = Field(None, description="name of the last editor")
    person_id: str | None = Field(None, description="person")
    type: str | None = Field(None, description="Note; open set")
    is_html: bool | None = Field(None, description="the text is HTML")
    show_content: bool | None = Field(None, description="the text is shown")
    is_external: bool | None = Field(None, description="logged by another system")
    action_plan_id: str | None = Field(None, description="action plan that wrote it")
    automation_id: str | None = Field(None, description="automation that wrote it")
    system_id: str | None = Field(None, description="system that wrote it")
    system_name: str | None = Field(None, description="name of that system")


class Task(_Stamped):
    """Something to be done. fub.md §5.14."""

    completed: Instant | None = Field(None, description="when it was done")
    person_id: str | None = Field(None, description="person; null when about nobody")
    assigned_user_id: str | None = Field(None, description="whose task: user")
    assigned_to: str | None = Field(
        None, validation_alias=AliasChoices("AssignedTo"), description="name of that user"
    )
    name: str | None = Field(None, description="what is to be done")
    type: str | None = Field(None, description="Call, Email, Text, Showing, Follow Up …; open set")
    is_completed: int | None = Field(None, description="0/1: is done")
    due_date: CalendarDate | None = Field(None, description="day by which it is to be done")
    due_date_time: Instant | None = Field(None, description="the same as a moment")


class Invitee(FubModel):
    """Someone invited to an appointment; nested. fub.md §5.9."""

    user_id: str | None = Field(None, description="user")
    person_id: str | None = Field(None, description="person")
    name: str | None = Field(None, description="name")
    email: str | None = Field(None, description="e-mail")


class Appointment(_Stamped):
    """An appointment made in Follow Up Boss. fub.md §5.9."""

    created_by_id: str | None = Field(None, description="creator; may be missing")
    updated_by_id: str | None = Field(None, description="last editor")
    title: str | None = Field(None, description="title")
    description: str | None = Field(None, description="text")
    location: str | None = Field(None, description="place")
    start: Instant | None = Field(None, description="start; midnight for all-day rows")
    end: Instant | None = Field(None, description="end; midnight for all-day rows")
    timezone: str | None = Field(None, description="IANA time zone")
    all_day: bool | None = Field(None, description="whole day")
    origin_fub: bool | None = Field(None, description="made in Follow Up Boss")
    invitees: list[Invitee] | None = Field(
        None, description="users and people invited; the only link to either"
    )
    type_id: str | None = Field(None, description="appointment type")
    type: str | None = Field(None, description="name of the type")
    outcome_id: str | None = Field(None, description="outcome")
    outcome: str | None = Field(None, description="name of the outcome")
    external_event_link: str | None = Field(None, description="link to the outside calendar")
    external_calendar_id: str | None = Field(None, description="outside calendar")


class AppointmentType(FubModel):
    """A kind of appointment. fub.md §5.9."""

    id: Id = Field(description="type id")
    name: str | None = Field(None, description="name")
    order_weight: int | None = Field(None, description="display order")


class AppointmentOutcome(AppointmentType):
    """A result of an appointment. fub.md §5.9."""
