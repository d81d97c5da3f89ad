"""The things of Dotloop: accounts, profiles, contacts, and loops that follow the world's deals."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sandbox.world.model import Deal

ROLES = (
    "ADMIN", "APPRAISER", "BUYER", "BUYER_ATTORNEY", "BUYING_AGENT", "BUYING_BROKER",
    "ESCROW_TITLE_REP", "HOME_IMPROVEMENT_SPECIALIST", "HOME_INSPECTOR", "HOME_SECURITY_PROVIDER",
    "HOME_WARRANTY_REP", "INSPECTOR", "INSURANCE_REP", "LANDLORD", "LISTING_AGENT",
    "LISTING_BROKER", "LOAN_OFFICER", "LOAN_PROCESSOR", "MANAGING_BROKER", "MOVING_STORAGE",
    "OTHER", "PROPERTY_MANAGER", "SELLER", "SELLER_ATTORNEY", "TENANT", "TENANT_AGENT",
    "TRANSACTION_COORDINATOR", "UTILITIES_PROVIDER",
)  # fmt: skip
"""Contract §3.6, 28 values."""

STATUSES = {
    "PURCHASE_OFFER": ("PRE_OFFER", "UNDER_CONTRACT", "SOLD", "ARCHIVED"),
    "LISTING_FOR_SALE": (
        "PRE_LISTING", "PRIVATE_LISTING", "ACTIVE_LISTING", "UNDER_CONTRACT", "SOLD", "ARCHIVED",
    ),
    "LISTING_FOR_LEASE": (
        "PRE_LISTING", "PRIVATE_LISTING", "ACTIVE_LISTING", "UNDER_CONTRACT", "LEASED", "ARCHIVED",
    ),
    "LEASE_OFFER": ("PRE_OFFER", "UNDER_CONTRACT", "LEASED", "ARCHIVED"),
    "REAL_ESTATE_OTHER": ("NEW", "IN_PROGRESS", "DONE", "ARCHIVED"),
    "OTHER": ("NEW", "IN_PROGRESS", "DONE", "ARCHIVED"),
}  # fmt: skip
"""Contract §4."""

LABELS = {
    "Property Address": (
        "Country", "Street Number", "Street Name", "Unit Number", "City", "State/Prov",
        "Zip/Postal Code", "County", "MLS Number", "Parcel/Tax ID",
    ),
    "Financials": (
        "Purchase/Sale Price", "Sale Commission Rate", "Sale Commission Total",
        "Sale Commission Split % - Buy Side", "Sale Commission Split % - Sell Side",
        "Sale Commission Split $ - Buy Side", "Sale Commission Split $ - Sell Side",
        "Earnest Money Amount", "Earnest Money Held By", "Rent", "Rent Commission Amount",
    ),
    "Contract Dates": ("Contract Agreement Date", "Closing Date"),
    "Offer Dates": ("Inspection Date", "Offer Date", "Offer Expiration Date", "Occupancy Date"),
    "Contract Info": ("Transaction Number", "Class", "Type", "Start Date", "End Date"),
    "Referral": ("Referral %", "Referral Source"),
    "Listing Information": (
        "Expiration Date", "Listing Date", "Original Price", "Current Price",
        "1st Mortgage Balance", "2nd Mortgage Balance", "Other Liens",
        "Description of Other Liens", "Homeowner's Association", "Homeowner's Association Dues",
        "Total Encumbrances", "Property Includes", "Property Excludes", "Remarks",
    ),
    "Geographic Description": (
        "MLS Area", "Legal Description", "Map Grid", "Subdivision", "Lot", "Deed Page",
        "Deed Book", "Section", "Addition", "Block",
    ),
    "Property": (
        "Year Built", "Bedrooms", "Square Footage", "School District", "Type", "Bathrooms",
        "Lot Size",
    ),
}  # fmt: skip
"""Contract §3.5: every section with its labels."""

AMOUNTS = frozenset(
    {
        "Purchase/Sale Price", "Sale Commission Total", "Sale Commission Split $ - Buy Side",
        "Sale Commission Split $ - Sell Side", "Earnest Money Amount", "Rent",
        "Rent Commission Amount", "Original Price", "Current Price", "1st Mortgage Balance",
        "2nd Mortgage Balance", "Other Liens", "Homeowner's Association Dues",
        "Total Encumbrances",
    }
)  # fmt: skip
DATES = frozenset(
    {
        "Contract Agreement Date", "Closing Date", "Inspection Date", "Offer Date",
        "Offer Expiration Date", "Occupancy Date", "Start Date", "End Date", "Expiration Date",
        "Listing Date",
    }
)  # fmt: skip

WEB = "https://www.dotloop.example.com/m/loop?viewId="

Value = str | Decimal | date
Facts = dict[str, dict[str, Value]]
"""A detail block before it is written down: amounts are Decimal, dates are dates."""


@dataclass(slots=True)
class Profile:
    """A place to work in. ``members`` are the agent_keys who see it, ``listers`` those of them who
    may list its loops; ``owner_id`` is the agent of an individual one. ``unsent`` are members that
    the vendor leaves out, as it does with newer ones.
    """

    id: int
    type: str
    name: str
    company: str | None = None
    phone: str | None = None
    fax: str | None = None
    address: str | None = None
    city: str | None = None
    state: str | None = None
    zip_code: str | None = None
    country: str | None = None
    requires_template: bool = False
    deactivated: bool | None = False
    owner_id: str | None = None
    members: set[str] = field(default_factory=set)
    listers: set[str] = field(default_factory=set)
    unsent: frozenset[str] = frozenset()

    def lists_for(self, agent_key: str) -> bool:
        """Whether the agent may list the profile's loops."""
        return agent_key in self.members & self.listers and not self.deactivated


@dataclass(slots=True)
class Account:
    """A person with a login. Names and e-mail are the world's unless edited here."""

    id: int
    agent_key: str
    agent_id: str
    default_profile_id: int | None
    edits: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Contact:
    """Somebody in an account's address book. ``updated`` may be null."""

    id: int
    first_name: str | None
    last_name: str | None
    email: str | None
    home: str | None = None
    office: str | None = None
    cell: str | None = None
    fax: str | None = None
    address: str | None = None
    city: str | None = None
    state: str | None = None
    zip_code: str | None = None
    country: str | None = None
    updated: datetime | None = None


@dataclass(slots=True)
class Party:
    """Somebody on a loop. ``labels`` are the extras under the labels as the contract spells them;
    the letter case of an answer is the wire's business.
    """

    id: int
    full_name: str | None
    email: str | None
    role: str
    phone: str | None
    labels: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Loop:
    """A loop. ``id`` is its view id in the first profile of ``views``, the owner's.

    ``deal`` is the world's deal, ``sale`` the one that a listing became; a loop that was made by
    hand has none. ``number`` decides which oddities it shows. ``edits`` are JSON members and
    ``details`` labels that were changed by hand in Dotloop (a value of None empties one).
    ``ids`` gives the world's participants their numbers, ``guests`` are those added in Dotloop,
    ``changed`` and ``removed`` tell what was done to either by hand. ``shown_in`` are the profiles
    whose lists have had the loop, ``face`` is what the last look at the deals saw, ``looked_at``
    the deal's own stamp then.
    """

    id: int
    number: int
    views: list[int]
    deal: Deal | None
    created: datetime
    updated: datetime
    name: str
    sale: Deal | None = None
    edits: dict[str, Any] = field(default_factory=dict)
    details: dict[str, dict[str, Value | None]] = field(default_factory=dict)
    tasks_done: int = 0
    activities: list[tuple[datetime, str]] = field(default_factory=list)
    ids: dict[str, int] = field(default_factory=dict)
    guests: list[Party] = field(default_factory=list)
    changed: dict[int, dict[str, Any]] = field(default_factory=dict)
    removed: set[int] = field(default_factory=set)
    next_party: int = 8801
    merged_into: Loop | None = None
    shown_in: set[int] = field(default_factory=set)
    face: tuple[Any, ...] = ()
    looked_at: datetime | None = None

    @property
    def current(self) -> Deal | None:
        """The deal that counts now: the sale, once there is one."""
        return self.sale or self.deal

    @property
    def tasks(self) -> int | None:
        """How many tasks the loop has; some loops do not tell."""
        return None if self.number % 10 == 6 else 5 + self.number % 4

    @property
    def owner_profile_id(self) -> int | None:
        """The owner's profile, which some loops do not tell."""
        return None if self.number % 29 == 7 else self.views[0]

    def url(self, view_id: int) -> str | None:
        """The web link, which some loops do not have."""
        return None if self.number % 21 == 9 else f"{WEB}{view_id}"
