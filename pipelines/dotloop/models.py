"""The raw tables of Dotloop, one model each (contract: dotloop.md, sections per model).

Only keys are required. The terms of use forbid any use with AI; nothing of these tables may reach
a language model (docs/vendors/dotloop.md).
"""

from __future__ import annotations

from pydantic import Field

from pipelines.common.model import Id, Instant, Json, VendorModel


class Account(VendorModel):
    """The person whose access it is. dotloop.md §3.1."""

    id: Id = Field(description="account (person) id")
    first_name: str | None = Field(None, description="first name")
    last_name: str | None = Field(None, description="last name")
    email: str | None = Field(None, description="login")
    default_profile_id: str | None = Field(None, description="the person's default profile")


class Profile(VendorModel):
    """A profile of the person: individual, team, office, company. dotloop.md §3.2."""

    id: Id = Field(description="profile id")
    name: str | None = Field(None, description="name")
    type: str | None = Field(None, description="INDIVIDUAL, TEAM, OFFICE, COMPANY, …")
    company: str | None = Field(None, description="company name")
    phone: str | None = Field(None, description="phone, free format")
    fax: str | None = Field(None, description="fax, free format")
    address: str | None = Field(None, description="street address")
    city: str | None = Field(None, description="city")
    state: str | None = Field(None, description="state")
    zip_code: str | None = Field(None, description="postal code")
    country: str | None = Field(None, description="country")
    default: bool | None = Field(None, description="the person's default profile")
    requires_template: bool | None = Field(None, description="loops need a template")
    deactivated: bool | None = Field(None, description="closed; its loops are not asked for")


class Loop(VendorModel):
    """A loop as one profile sees it. dotloop.md §3.3, details §3.5."""

    profile_id: Id = Field(description="the profile that was asked")
    id: Id = Field(description="loop view id")
    owner_profile_id: str | None = Field(None, description="profile of the loop's owner")
    name: str | None = Field(None, description="usually client names and address")
    transaction_type: str | None = Field(None, description="PURCHASE_OFFER, LISTING_FOR_SALE, …")
    status: str | None = Field(None, description="UNDER_CONTRACT, SOLD, ARCHIVED, …")
    created: Instant | None = Field(None, description="created (UTC)")
    updated: Instant | None = Field(None, description="last change (UTC), the cursor")
    total_task_count: int | None = Field(None, description="tasks")
    completed_task_count: int | None = Field(None, description="tasks that are done")
    loop_url: str | None = Field(None, description="address of the loop in Dotloop")
    details: Json | None = Field(
        None, description="sections by display label, each an object of label and text"
    )


class Participant(VendorModel):
    """Somebody in a loop. dotloop.md §3.6."""

    profile_id: Id = Field(description="the profile that was asked")
    loop_id: Id = Field(description="loop view id")
    id: Id = Field(description="participant id, unique in its loop")
    full_name: str | None = Field(None, description="name")
    email: str | None = Field(None, description="e-mail address")
    role: str | None = Field(None, description="BUYER, LISTING_AGENT, … (open vocabulary)")
    phone: str | None = Field(None, description="phone, free format")
    labels: Json | None = Field(
        None, description="what else is known of the person, by display label in small letters"
    )


class Contact(VendorModel):
    """A contact of the person's address book. dotloop.md §3.7."""

    id: Id = Field(description="contact id")
    first_name: str | None = Field(None, description="first name")
    last_name: str | None = Field(None, description="last name")
    email: str | None = Field(None, description="e-mail address")
    home: str | None = Field(None, description="phone at home, free format")
    office: str | None = Field(None, description="phone at work, free format")
    cell: str | None = Field(None, description="mobile phone, free format")
    fax: str | None = Field(None, description="fax, free format")
    address: str | None = Field(None, description="street address")
    city: str | None = Field(None, description="city")
    state: str | None = Field(None, description="state")
    zip_code: str | None = Field(None, description="postal code")
    country: str | None = Field(None, description="country")
    updated: Instant | None = Field(None, description="last change (UTC), the cursor")


class MergedLoop(VendorModel):
    """A loop that became part of another: its address answers with the other's. dotloop.md §2."""

    profile_id: Id = Field(description="the profile that was asked")
    old_loop_id: Id = Field(description="view id of the loop that is no more")
    new_loop_id: Id = Field(description="view id of the loop that it is part of")


class Activity(VendorModel):
    """What somebody did in a loop. The message names people. dotloop.md §3.8."""

    profile_id: Id = Field(description="the profile that was asked")
    loop_id: Id = Field(description="loop view id")
    date: Instant | None = Field(description="when (UTC)")
    sent_date: Id = Field(description="when, as sent, part of the key")
    message_hash: Id = Field(description="hash of the message, part of the key")
    message: str | None = Field(None, description="what was done, personal data")
