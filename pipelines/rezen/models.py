"""The raw tables of reZEN, one model each (contract: rezen.md; sections are named per model).

Only what identifies a row is required: the contract marks most answers as partly or wholly
assumed, so a field that is missing or null must never cost a row. Where the contract lists
several names for one value, they are aliases in order of preference.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar

from pydantic import AliasChoices, BeforeValidator, Field

from pipelines.common.model import (
    Amount,
    CalendarDate,
    Id,
    Instant,
    Json,
    Money,
    Number,
    VendorModel,
)

DENIED = frozenset(
    {
        "birthDate",
        "nationalId",
        "nationalIds",
        "taxId",
        "taxIds",
        "taxForms",
        "ssn",
        "leoPhone",
        "paymentInstructions",
        "paymentDetails",
        "paymentSettings",
        "maskedPaymentMethods",
        "bankAccount",
        "bankAccounts",
        "canadaBankAccounts",
        "tipaltiId",
        "tipaltiUrl",
        "qualiaConnectUserId",
        "msdxVendors",
        "beneficiary",
        "willBeneficiaryTyped",
        "licenseImage",
        "licenseImages",
        "accessToken",
        "refreshToken",
        "apiKey",
    }
)
"""What §16.5 and §5.2 forbid to store: tax, bank, beneficiary, birth date, licences, tokens."""


def _state_name(value: object) -> object:
    """Take the state out of `{"state": …}`; some answers carry the plain string (§13)."""
    return value.get("state") if isinstance(value, Mapping) else value


LifecycleState = Annotated[str, BeforeValidator(_state_name)]


def _names(*names: str) -> AliasChoices:
    return AliasChoices(*names)


class RezenModel(VendorModel):
    """Any reZEN answer."""

    denied: ClassVar[frozenset[str]] = DENIED


class Agent(RezenModel):
    """The connection's own agent. rezen.md §5.2."""

    id: Id = Field(description="yenta id of the agent (UUID)")
    created_at: Instant | None = Field(None, description="when the agent record was created")
    updated_at: Instant | None = Field(None, description="when the agent record last changed")
    type: str | None = Field(None, description="AGENT; staff have other values")
    first_name: str | None = Field(None, description="first name")
    middle_name: str | None = Field(None, description="middle name")
    last_name: str | None = Field(None, description="last name")
    full_name: str | None = Field(None, description="full name, display form")
    display_name: str | None = Field(None, description="name shown to others")
    email_address: str | None = Field(None, description="e-mail address")
    phone_number: str | None = Field(None, description="phone, 10 or 11 digits")
    company: str | None = Field(None, description="company")
    title: str | None = Field(None, description="title")
    about: str | None = Field(None, description="text about the agent")
    avatar: str | None = Field(None, description="relative path of the picture, not a URL")
    agent_status: str | None = Field(
        None,
        validation_alias=_names("agentStatus", "status"),
        description="CANDIDATE, ACTIVE, INACTIVE, REJECTED, RESURRECTING; open set",
    )
    agent_account_country: str | None = Field(
        None,
        validation_alias=_names("agentAccountCountry", "accountCountry"),
        description="UNITED_STATES or CANADA",
    )
    join_date: CalendarDate | None = Field(None, description="day the agent joined Real")
    anniversary_date: CalendarDate | None = Field(
        None, description="anchor of the cap year; often differs from join_date"
    )
    last_anniversary_date: CalendarDate | None = Field(
        None, description="first day of the current cap year"
    )
    next_anniversary_date: CalendarDate | None = Field(
        None, description="first day of the next cap year"
    )
    key_maker_id: str | None = Field(None, description="sign-in id, not the yenta id")
    sky_slope_id: str | None = Field(None, description="SkySlope id (UUID)")
    sky_slope_public_id: str | None = Field(None, description="SkySlope public id (digits)")
    personal_website_url: str | None = Field(
        None, validation_alias=_names("personalWebsiteURL"), description="own web site"
    )
    facebook_url: str | None = Field(
        None, validation_alias=_names("facebookURL"), description="Facebook page"
    )
    youtube_url: str | None = Field(
        None, validation_alias=_names("youtubeURL"), description="YouTube channel"
    )
    twitter_url: str | None = Field(
        None, validation_alias=_names("twitterURL"), description="Twitter page"
    )
    instagram_url: str | None = Field(
        None, validation_alias=_names("instagramURL"), description="Instagram page"
    )
    clubhouse_url: str | None = Field(
        None, validation_alias=_names("clubhouseURL"), description="Clubhouse page"
    )
    linked_in_url: str | None = Field(
        None, validation_alias=_names("linkedInURL"), description="LinkedIn page"
    )
    zillow_url: str | None = Field(
        None, validation_alias=_names("zillowURL"), description="Zillow page"
    )
    yelp_url: str | None = Field(None, validation_alias=_names("yelpURL"), description="Yelp page")
    google_business_profile_url: str | None = Field(
        None,
        validation_alias=_names("googleBusinessProfileURL"),
        description="Google business profile",
    )
    divisions: Json | None = Field(None, description="divisions: [{id, name, logoUrl}]")
    administrative_area_ids: Json | None = Field(
        None, description="licensed areas such as US-UT or CA-ON"
    )
    availability: Json | None = Field(None, description="office hours")
    opted_into_sms: bool | None = Field(None, description="agreed to text messages")
    voice_vector_disclaimer_accepted_at: Instant | None = Field(
        None, description="when the voice disclaimer was accepted"
    )
    offices: Json | None = Field(None, description="offices: [{id, name, address}]")
    team_memberships: Json | None = Field(
        None, description="teams: [{teamId, teamName, teamType, flex}]"
    )


class CapInfo(RezenModel):
    """Cap state of the agent's current year, one row per day read. rezen.md §5.4 (open body)."""

    agent_id: Id = Field(description="yenta id of the agent")
    read_on: CalendarDate = Field(description="UTC day on which the figures were read")
    annual_cap: Money | None = Field(None, description="cap of the year")
    cap_amount: Money | None = Field(None, description="cap under its other name")
    cap_amount_paid: Money | None = Field(None, description="split paid so far in the cap year")
    group_team_cap: Money | None = Field(None, description="cap shared by a group or domestic team")
    capped: bool | None = Field(None, description="cap reached")
    capped_at: Instant | None = Field(None, description="when the cap was reached")
    unlocked: bool | None = Field(
        None, description="state of the revenue-share tiers; exact meaning unknown"
    )
    next_anniversary_date: CalendarDate | None = Field(None, description="day the cap resets")
    sponsor_producing_grace_period_end: CalendarDate | None = Field(
        None, description="end of the sponsor's producing grace period"
    )
    grace_period_end: CalendarDate | None = Field(None, description="end of the grace period")
    deferred_cap_end_date: CalendarDate | None = Field(None, description="end of a deferred cap")
    pre_cap_real_commission_split: Number | None = Field(
        None, description="Real's share before the cap, percent"
    )
    pre_cap_fee: Money | None = Field(None, description="fee per deal before the cap")
    post_cap_fee: Money | None = Field(None, description="fee per deal after the cap")
    leader_split: Number | None = Field(None, description="team leader's share, percent")
    member_commission_split: Number | None = Field(
        None, description="share the team member keeps, percent"
    )
    pays_leader_split: bool | None = Field(None, description="pays a split to a team leader")
    normal_team_lead_annual_cap: Money | None = Field(
        None, description="annual cap of the lead of a normal team"
    )
    elite: bool | None = Field(None, description="Elite status")


class Team(RezenModel):
    """A team the agent belongs to, without its roster. rezen.md §5.3."""

    id: Id = Field(description="team id (UUID)")
    name: str | None = Field(None, description="team name")
    type: str | None = Field(None, description="NORMAL, PLATINUM, GROUP, DOMESTIC, PRO; open set")
    status: str | None = Field(None, description="ACTIVE or INACTIVE")
    country: str | None = Field(None, description="UNITED_STATES or CANADA")
    flex: bool | None = Field(None, description="allows several memberships per agent")
    instant_payment_eligible: bool | None = Field(None, description="may be paid instantly")
    paid_at_closing: bool | None = Field(None, description="is paid at closing")
    member_commission_split: Number | None = Field(
        None, description="default share the member keeps, percent"
    )
    max_member_commission_split: Number | None = Field(
        None, description="highest share a member may keep, percent"
    )
    commission_document_approver: str | None = Field(
        None, description="who approves commission documents, e.g. TEAM_LEADER"
    )
    permitted_transaction_editors: str | None = Field(None, description="who may edit deals")
    config: Json | None = Field(None, description="limits and plan of the team")
    team_invitations: Json | None = Field(None, description="invitations (§5.3.2)")
    pending_generic_team_applications: Json | None = Field(None, description="open applications")
    created_at: Instant | None = Field(None, description="when the team was created")
    updated_at: Instant | None = Field(None, description="when the team last changed")


class TeamMember(RezenModel):
    """A roster row: one membership. rezen.md §5.3.1."""

    team_id: Id = Field(description="team id, from the request")
    id: Id = Field(description="membership id, not the agent's id")
    agent_id: str | None = Field(None, description="yenta id of the member (agent.id)")
    agent_status: str | None = Field(
        None, description="the member's agentStatus; the roster keeps people who left"
    )
    agent: Json | None = Field(None, description="the member as an agent object (§5.2)")
    roles: Json | None = Field(None, description="LEADER, ADMIN, MEMBER; usually one")
    flex_roles: Json | None = Field(None, description="roles in a flex team")
    member_commission_split: Number | None = Field(
        None, description="share the member keeps, percent"
    )
    real_cap: Amount | None = Field(None, description="the member's cap with Real")
    leader_split: Number | None = Field(None, description="leader's share, percent")
    leader_fee_splits: Json | None = Field(None, description="[{feeType, percent}]")
    teammate_leader_splits: Json | None = Field(None, description="[{leaderId, leaderSplit}]")
    teammate_fee_splits: Json | None = Field(None, description="[{leaderId, feeSplits[]}]")
    invitation_status: str | None = Field(None, description="null once joined")


class Participant(RezenModel):
    """A person or company on a deal; nested in a deal. rezen.md §6.4."""

    id: Id = Field(description="participant id, per deal")
    participant_role: str | None = Field(
        None,
        validation_alias=_names("participantRole", "role"),
        description="role such as BUYERS_AGENT; open set",
    )
    yenta_user_id: str | None = Field(
        None,
        validation_alias=_names("yentaUserId", "yentaId"),
        description="yenta id, set only for Real's people",
    )
    first_name: str | None = Field(None, description="first name; null for a company")
    last_name: str | None = Field(None, description="last name; null for a company")
    company: str | None = Field(
        None, validation_alias=_names("company", "companyName"), description="company name"
    )
    email_address: str | None = Field(
        None, validation_alias=_names("emailAddress", "email"), description="e-mail address"
    )
    phone_number: str | None = Field(None, description="phone")
    address: Json | None = Field(None, description="text or object")
    external: bool | None = Field(None, description="not at Real")
    paid_by_real: bool | None = Field(None, description="Real pays this participant")
    payment: Json | None = Field(None, description="share: {amount: money, percent}")
    created_at: Instant | None = Field(None, description="when the participant was added")
    updated_at: Instant | None = Field(None, description="when the participant last changed")


class PaidParticipant(RezenModel):
    """Someone who gets money from a deal; nested in a deal. rezen.md §6.5 (assumed)."""

    participant_id: str | None = Field(
        None, validation_alias=_names("participantId", "id"), description="→ participants[].id"
    )
    yenta_id: str | None = Field(
        None, validation_alias=_names("yentaId", "yentaUserId"), description="yenta id"
    )
    payment_amount: Money | None = Field(
        None, validation_alias=_names("paymentAmount", "amount"), description="what is paid"
    )
    paid_at: Instant | None = Field(None, description="when it was paid")


class CommissionSplit(RezenModel):
    """A share of the gross commission; nested in a deal. rezen.md §6.5."""

    participant_id: Id = Field(description="→ participants[].id")
    yenta_id: str | None = Field(None, description="yenta id")
    amount: Money | None = Field(None, description="share of the gross commission")
    percentage: Json | None = Field(None, description='{"string": "80.00%"}')


class _DealRow(RezenModel):
    """What a list row and a detail have in common. rezen.md §6.1, §6.3."""

    id: Id = Field(description="deal id (UUID)")
    code: str | None = Field(None, description="short human code, unique")
    listing: bool | None = Field(None, description="true for a listing record")
    transaction_type: str | None = Field(
        None,
        validation_alias=_names("transactionType", "dealType"),
        description="SALE, LEASE, REFERRAL …; open set",
    )
    property_type: str | None = Field(None, description="RESIDENTIAL, CONDO …; open set")
    representation: str | None = Field(
        None,
        validation_alias=_names("representation", "representationType"),
        description="side of Real's owner: BUYER, SELLER, DUAL, LANDLORD, TENANT",
    )
    currency: str | None = Field(None, description="currency of the deal (ISO 4217)")
    closed: bool | None = Field(None, description="Real counts it as closed")
    terminated: bool | None = Field(None, description="Real counts it as terminated")
    lifecycle_state: LifecycleState | None = Field(
        None, description="state of the deal, unwrapped from {state}; open set (§6.6)"
    )
    transaction_status: str | None = Field(None, description="repeats the state")
    address: Json | None = Field(None, description="property address (§6.3.1)")
    price: Money | None = Field(
        None, description="sale or lease price; list price when it is a listing"
    )
    gross_commission: Money | None = Field(
        None, description="whole commission to Real's side; 0 is legal"
    )
    my_net_payout: Money | None = Field(
        None, description="net to the agent whose key made the request"
    )
    contract_acceptance_date: CalendarDate | None = Field(None, description="contract accepted")
    closing_date_estimated: CalendarDate | None = Field(None, description="expected closing")
    closing_date_actual: CalendarDate | None = Field(None, description="actual closing")
    closed_at: Instant | None = Field(None, description="when Real marked it closed")
    listing_date: CalendarDate | None = Field(None, description="listed on")
    created_at: Instant | None = Field(None, description="when the deal was created")
    updated_at: Instant | None = Field(None, description="when the deal last changed")


class TransactionListRow(_DealRow):
    """A deal as the agent's list shows it; one row per viewer. rezen.md §6.1."""

    lifecycle_group: str = Field(description="list it came from: OPEN, CLOSED or TERMINATED")
    participants: Json | None = Field(None, description="participants, partial in a list")


class Transaction(_DealRow):
    """A deal in full; one row per viewer. rezen.md §6.3."""

    gross_commission_percentage: Json | None = Field(
        None, description="gross commission as a share of the price; a number or an object"
    )
    sale_commission_amount: Money | None = Field(None, description="commission of the sale side")
    listing_commission_amount: Money | None = Field(
        None, description="commission of the listing side"
    )
    sale_commission_percent: Number | None = Field(None, description="sale side, percent")
    listing_commission_percent: Number | None = Field(None, description="listing side, percent")
    compliance_status: str | None = Field(None, description="COMPLIANT …; open set")
    listing_expiration_date: CalendarDate | None = Field(None, description="listing ends")
    firm_date: CalendarDate | None = Field(None, description="Canada: conditions gone")
    agent_reported_closing_date: CalendarDate | None = Field(
        None, description="closing as the agent reported it"
    )
    sky_slope_actual_closing_date: CalendarDate | None = Field(
        None, description="real-world closing as SkySlope has it"
    )
    sky_slope_escrow_closing_date: CalendarDate | None = Field(
        None, description="escrow closing as SkySlope has it"
    )
    rezen_closed_at: Instant | None = Field(None, description="when reZEN closed the deal")
    office: Json | None = Field(None, description="Real's office: {id, name}")
    team_id: str | None = Field(None, description="team of the owner")
    transaction_owner: Json | None = Field(
        None, description="owner agent; nesting not evidenced, usually {id, name, email}"
    )
    lead_source: Json | None = Field(None, description="lead source: {id, name}")
    mls_number: str | None = Field(
        None, validation_alias=_names("mlsNumber", "mlsNum"), description="MLS number"
    )
    escrow_number: str | None = Field(None, description="escrow number")
    personal_deal: bool | None = Field(None, description="the agent's own property")
    year_built: int | None = Field(None, description="year the building was built")
    journey_id: str | None = Field(None, description="shared by a listing and its sale")
    checklist_id: str | None = Field(None, description="checklist in sherlock")
    dropbox_id: str | None = Field(None, description="files in dropbox")
    built_from_transaction_id: str | None = Field(
        None, description="the listing that this sale came from"
    )
    cd_payer: Json | None = Field(None, description="who gets the commission document")
    cd_payer_business_entity: Json | None = Field(None, description="that payer's company")
    participants: list[Participant] | None = Field(
        None, description="people and companies on the deal (§6.4)"
    )
    other_participants: Json | None = Field(None, description="external parties")
    paid_participants: list[PaidParticipant] | None = Field(
        None, description="who gets money from the deal (§6.5, assumed)"
    )
    commission_splits: list[CommissionSplit] | None = Field(
        None, description="shares of the gross commission (§6.5)"
    )
    errors: Json | None = Field(None, description="validation texts")
    builder_errors: Json | None = Field(None, description="validation texts of the builder")
    transaction_warnings: Json | None = Field(None, description="warnings")


class NetworkPerson(RezenModel):
    """A person in the agent's network. rezen.md §5.5."""

    id: Id = Field(description="yenta id of the person")
    first_name: str | None = Field(None, description="first name as typed")
    last_name: str | None = Field(None, description="last name as typed")
    status: str | None = Field(
        None,
        validation_alias=_names("status", "agentStatus"),
        description="ACTIVE, INACTIVE, CANDIDATE, REJECTED, RESURRECTING; open set",
    )
    email_address: str | None = Field(None, description="e-mail address; doubtful on deep tiers")
    phone_number: str | None = Field(None, description="phone")
    avatar: str | None = Field(None, description="relative path of the picture")
    join_date: CalendarDate | None = Field(None, description="joined Real")
    anniversary_date: CalendarDate | None = Field(None, description="anchor of the cap year")
    terminated_as_of: CalendarDate | None = Field(None, description="left Real")
    size_of_network: int | None = Field(None, description="the person's own network size")
    updated_at: Instant | None = Field(None, description="when the record last changed")
    sponsor_id: str | None = Field(None, description="direct sponsor; not evidenced")
    sponsorship_type: str | None = Field(None, description="sole or co-sponsor")
    sponsor_split: Number | None = Field(None, description="the sponsor's share, percent")
    unlocking: bool | None = Field(None, description="counts toward unlocking a tier")
    unlocking_expiry_date: CalendarDate | None = Field(None, description="until when it counts")
    capped: bool | None = Field(None, description="cap reached")
    cap_amount: Money | None = Field(None, description="annual cap")
    cap_amount_paid: Money | None = Field(None, description="paid toward the cap")


class FrontLineAgent(NetworkPerson):
    """A person the agent sponsored directly. rezen.md §5.5."""


class DownLineAgent(NetworkPerson):
    """A person in one tier of the agent's down-line. rezen.md §5.5."""

    tier: int = Field(description="tier 1 to 5, from the request; 1 is sponsored directly")


class NetworkSize(RezenModel):
    """Size of one tier of the network, for reconciliation. rezen.md §5.5 (open body)."""

    tier: int = Field(description="tier")
    size: int | None = Field(
        None,
        validation_alias=_names("size", "count", "networkSize"),
        description="people in the tier; which statuses count is unknown",
    )
    read_at: Instant = Field(description="midnight UTC of the day on which it was read")


class Sponsor(RezenModel):
    """A person above the agent. rezen.md §5.5 (seed)."""

    id: Id = Field(description="yenta id of the sponsor")
    level: int | None = Field(None, description="1 is the direct sponsor; may exceed 5")
    first_name: str | None = Field(None, description="first name")
    last_name: str | None = Field(None, description="last name")
    status: str | None = Field(
        None, validation_alias=_names("status", "agentStatus"), description="agent status"
    )


_AGENT_ALIASES = _names("agentYentaId", "contributorYentaId", "yentaId", "agentId", "contributorId")


class RevshareContribution(RezenModel):
    """Revenue share from one contributor. rezen.md §7 (no field is proven)."""

    id: str | None = Field(
        None,
        validation_alias=_names("id", "contributionId"),
        description="contribution id; absent in sums per agent",
    )
    agent_yenta_id: str | None = Field(
        None, validation_alias=_AGENT_ALIASES, description="yenta id of who closed the deal"
    )
    agent_name: str | None = Field(
        None,
        validation_alias=_names("agentName", "contributorName", "fullName", "name"),
        description="name of who closed the deal",
    )
    tier: int | None = Field(None, description="tier at the time of the contribution")
    payout: Money | None = Field(
        None,
        validation_alias=_names(
            "payout", "payoutAmount", "paymentAmount", "amount", "earnedAmount"
        ),
        description="what the connection's agent gets",
    )
    contribution_base: Money | None = Field(
        None, description="gross commission less fees that the percent is taken of"
    )
    transaction_id: str | None = Field(None, description="the contributor's deal")
    transaction_code: str | None = Field(None, description="its human code")
    transaction_type: str | None = Field(None, description="its type")
    transaction_status: str | None = Field(None, description="its state")
    closing_date: CalendarDate | None = Field(None, description="day Real closed the deal")
    earned_at: Instant | None = Field(None, description="when it was earned")
    status: str | None = Field(None, description="PENDING, PAID, MISSED; open set")
    pending_reason: str | None = Field(None, description="why it is not paid yet")
    missed: bool | None = Field(None, description="earned by the tree but lost")
    missed_reason: str | None = Field(None, description="why it was lost")
    outgoing_payment_id: str | None = Field(None, description="the payment that paid it")


class RevshareWindowContribution(RevshareContribution):
    """A contribution, or a sum per agent, of a tier in a calendar month. rezen.md §7."""

    row_key: Id = Field(
        description="contribution id, or the window's first day where rows are sums per agent"
    )
    window_start: CalendarDate = Field(description="first day of the month asked for")
    window_end: CalendarDate = Field(description="last day of the month asked for")


class RevsharePaymentContribution(RevshareContribution):
    """A contribution behind a payment. rezen.md §7."""

    payment_id: Id = Field(description="the payment asked for")
    row_key: Id = Field(description="contribution id, else agent|deal|tier")


class RevsharePending(RevshareContribution):
    """A contribution earned and not yet paid. rezen.md §7."""

    row_key: Id = Field(description="contribution id, else agent|deal|tier")


class RevsharePayment(RezenModel):
    """A monthly revenue-share payment. rezen.md §7 (assumed)."""

    id: Id = Field(
        validation_alias=_names("id", "outgoingPaymentId", "paymentId"), description="payment id"
    )
    amount: Money | None = Field(
        None, validation_alias=_names("amount", "paymentAmount", "payout"), description="paid sum"
    )
    status: str | None = Field(None, description="PENDING, SCHEDULED, PAID, FAILED; open set")
    paid_at: Instant | None = Field(
        None,
        validation_alias=_names("paidAt", "paymentDate", "createdAt"),
        description="when it was paid, about the 15th of the next month",
    )
    period_start: CalendarDate | None = Field(None, description="first day of the earning month")
    period_end: CalendarDate | None = Field(None, description="last day of the earning month")
    method: str | None = Field(None, description="e.g. ACH")
    reference: str | None = Field(None, description="payment reference")


class RevshareContributor(RezenModel):
    """What one agent contributed to a tier in a calendar month. rezen.md §7 (assumed)."""

    tier: int = Field(description="tier, from the request")
    window_start: CalendarDate = Field(description="first day of the month asked for")
    window_end: CalendarDate = Field(description="last day of the month asked for")
    agent_yenta_id: Id = Field(
        validation_alias=_names(
            "agentYentaId", "contributorYentaId", "yentaId", "agentId", "contributorId", "id"
        ),
        description="yenta id of the contributor",
    )
    agent_name: str | None = Field(
        None,
        validation_alias=_names("agentName", "contributorName", "fullName", "name"),
        description="name of the contributor",
    )
    total_payout: Money | None = Field(
        None,
        validation_alias=_names("totalPayout", "payout", "amount"),
        description="what the connection's agent got from the contributor",
    )
    transaction_count: int | None = Field(None, description="deals behind it")
    capped: bool | None = Field(None, description="the contributor reached the cap")


class RevshareTier(RezenModel):
    """Revenue share of a tier in a calendar month; a control value. rezen.md §7 (assumed)."""

    tier: int = Field(description="tier")
    window_start: CalendarDate = Field(description="first day of the month asked for")
    window_end: CalendarDate = Field(description="last day of the month asked for")
    amount: Money | None = Field(
        None,
        validation_alias=_names("amount", "totalPayout", "payout"),
        description="sum of the tier",
    )
    contributor_count: int | None = Field(None, description="contributing agents")
    unlocked: bool | None = Field(None, description="the tier pays out")


class RevshareMonth(RezenModel):
    """Revenue share of one month as the history shows it. rezen.md §7 (assumed)."""

    month: Id = Field(
        validation_alias=_names("month", "period", "yearMonth"), description="YYYY-MM"
    )
    amount: Money | None = Field(
        None,
        validation_alias=_names("amount", "payout", "totalPayout", "total"),
        description="sum of the month",
    )


class RevshareOverview(RezenModel):
    """A summary whose shape is not known, kept whole. rezen.md §7."""

    kind: Id = Field(description="pending (the coming payment) or current (running overview)")
    body: Json | None = Field(None, description="the answer as it came")


class EquityPerformance(RezenModel):
    """Stock holdings of the agent. rezen.md §8 (assumed)."""

    agent_id: Id = Field(description="yenta id of the agent")
    as_of: Instant | None = Field(None, description="date of the figures")
    total_shares: Number | None = Field(None, description="all shares")
    vested_shares: Number | None = Field(None, description="vested shares")
    unvested_shares: Number | None = Field(None, description="shares not vested yet")
    total_value: Money | None = Field(None, description="value of all shares")
    share_price: Money | None = Field(None, description="price of a share")
    plan: Json | None = Field(None, description="equity plan")


class EquityTransaction(RezenModel):
    """An entry of the stock ledger. rezen.md §8 (assumed)."""

    id: Id = Field(description="entry id")
    grant_type: str | None = Field(None, description="STOCK_PURCHASE, CAPPING_AWARD …; open set")
    transaction_type: str | None = Field(
        None, description="GRANT, VEST, PURCHASE, EXERCISE, FORFEIT; open set"
    )
    shares: Number | None = Field(None, description="number of shares")
    price: Money | None = Field(None, description="price of a share")
    value: Money | None = Field(None, description="value of the entry")
    status: str | None = Field(None, description="PENDING, GRANTED, VESTED, CANCELLED; open set")
    transaction_date: CalendarDate | None = Field(None, description="day of the entry")
    vesting_date: CalendarDate | None = Field(None, description="vests on")
    expiration_date: CalendarDate | None = Field(None, description="expires on")
    transaction_id: str | None = Field(None, description="the deal that funded a purchase")
    created_at: Instant | None = Field(None, description="when the entry was made")
    updated_at: Instant | None = Field(None, description="when the entry last changed")


class _EquityPeriod(RezenModel):
    """Stock figures of a period. rezen.md §8 (assumed)."""

    year: int = Field(description="calendar year")
    total_shares: Number | None = Field(None, description="shares at the end")
    vested_shares: Number | None = Field(None, description="vested at the end")
    unvested_shares: Number | None = Field(None, description="not vested at the end")
    total_value: Money | None = Field(None, description="value at the end")
    grants_this_period: Number | None = Field(None, description="granted in the period")
    vested_this_period: Number | None = Field(None, description="vested in the period")
    exercised_this_period: Number | None = Field(None, description="exercised in the period")
    forfeited_this_period: Number | None = Field(None, description="forfeited in the period")


class EquityMonth(_EquityPeriod):
    """Stock figures of a month. rezen.md §8 (assumed)."""

    month: int = Field(description="calendar month 1 to 12")


class EquityYear(_EquityPeriod):
    """Stock figures of a year. rezen.md §8 (assumed)."""
