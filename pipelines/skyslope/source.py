"""SkySlope as a vendor: its entities in reading order, and the check of a credential.

Pulls offices, users and checklist types whole, sales and listings by their feed. What a key sees is
what its user sees: an agent the own files, a broker those of the office (skyslope.md §1.1), so
files of one brokerage come through several connections. `skyslope_source` runs it alone.
"""

from __future__ import annotations

import hashlib
from typing import cast

from dlt.extract import DltSource

from pipelines.alone import source_of
from pipelines.common.account import Identity
from pipelines.common.entity import Entity, Vendor
from pipelines.common.http import Api, VendorSettings
from pipelines.skyslope import models
from pipelines.skyslope.client import DIALECT, SkyslopeSettings, list_of
from pipelines.skyslope.directory import read_checklist_types, read_offices, read_users
from pipelines.skyslope.files import read_listings, read_sales

# whose keys are refused is found out once, not by five readers at the same moment
_OFFICES = ("offices",)
_CLIENTS = "client libraries and integrations agree; no public reference"

ENTITIES = (
    Entity(
        name="offices",
        title="Offices",
        description="Offices of the brokerage's SkySlope account.",
        model=models.Office,
        key=("office_guid",),
        read=read_offices,
        strategy="sweep",
        contract="§3.12",
        evidence=_CLIENTS,
    ),
    Entity(
        name="users",
        title="Users",
        description="Users of the brokerage's SkySlope account, deactivated ones included.",
        model=models.User,
        key=("user_guid",),
        read=read_users,
        strategy="sweep",
        contract="§3.11",
        evidence=_CLIENTS,
        depends_on=_OFFICES,
    ),
    Entity(
        name="checklist_types",
        title="Checklist types",
        description="Kinds of checklists for sales and for listings.",
        model=models.ChecklistType,
        key=("transaction_type", "checklist_type_id"),
        read=read_checklist_types,
        strategy="sweep",
        contract="§3.12",
        evidence=_CLIENTS,
        depends_on=_OFFICES,
    ),
    Entity(
        name="listings",
        title="Listings",
        description="Listing files with property, contacts and commission, as the user sees them.",
        model=models.Listing,
        key=("listing_guid",),
        read=read_listings,
        strategy="incremental",
        contract="§3.1, §3.6",
        evidence="official sample and client libraries; shape of the feed disputed",
        depends_on=_OFFICES,
    ),
    Entity(
        name="sales",
        title="Sales",
        description="Sale files with property, contacts, commission and shares, as the user sees "
        "them.",
        model=models.Sale,
        key=("sale_guid",),
        read=read_sales,
        strategy="incremental",
        contract="§3.1, §3.4",
        evidence="official sample and client libraries; shape of the feed and vintage of the "
        "commission disputed",
        depends_on=_OFFICES,
    ),
)


def check(api: Api, settings: VendorSettings) -> Identity:
    """Log in and name the brokerage: there is no call that tells whose key it is."""
    own = cast(SkyslopeSettings, settings)
    offices = list_of(api, f"{own.base_url}/api/offices", "offices")
    names = sorted(str(office["officeName"]) for office in offices if office.get("officeName"))
    client_id = api.account.credentials.get()["client_id"]
    return Identity(
        account_source_id=hashlib.sha256(client_id.encode()).hexdigest()[:16],
        label=names[0] if names else "SkySlope brokerage",
    )


SKYSLOPE = Vendor(
    name="skyslope",
    title="SkySlope",
    dialect=DIALECT,
    entities=ENTITIES,
    settings_type=SkyslopeSettings,
    check=check,
    credential_names=("client_id", "client_secret", "access_key", "access_secret"),
    docs="docs/vendors/skyslope.md",
)


def skyslope_source(
    client_id: str,
    client_secret: str,
    access_key: str,
    access_secret: str,
    settings: SkyslopeSettings | None = None,
) -> DltSource:
    """SkySlope as one user sees it, as a plain dlt source."""
    return source_of(
        SKYSLOPE,
        {
            "client_id": client_id,
            "client_secret": client_secret,
            "access_key": access_key,
            "access_secret": access_secret,
        },
        settings or SkyslopeSettings(),
    )
