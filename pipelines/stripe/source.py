"""Stripe as a vendor: its entities in reading order, and the check of a key.

Pulls the product's own billing: events first, because they say what has to be read again of the
products, prices, customers, subscriptions and invoices. The account belongs to the brokerage and
not to an agent. `stripe_source` runs it alone.
"""

from __future__ import annotations

from typing import cast

from dlt.extract import DltSource

from pipelines.alone import source_of
from pipelines.common.account import Identity
from pipelines.common.entity import Entity, Vendor
from pipelines.common.errors import ResourceUnavailable
from pipelines.common.http import Api, VendorSettings
from pipelines.stripe import models
from pipelines.stripe.client import DIALECT, StripeSettings, rows_of
from pipelines.stripe.feed import read_events
from pipelines.stripe.objects import (
    read_customers,
    read_invoices,
    read_prices,
    read_products,
    read_subscriptions,
)

_EVENTS = ("events",)
_CLIENT = "official client library and OpenAPI fixtures"

ENTITIES = (
    Entity(
        name="events",
        title="Events",
        description="What happened in the account, as Stripe tells it for 30 days.",
        model=models.Event,
        key=("id",),
        read=read_events,
        strategy="incremental",
        contract="§3.7",
        evidence="official client library, with its documentation of methods",
    ),
    Entity(
        name="products",
        title="Products",
        description="Products, those not for sale included.",
        model=models.Product,
        key=("id",),
        read=read_products,
        strategy="incremental",
        contract="§3.1",
        evidence=_CLIENT,
        depends_on=_EVENTS,
    ),
    Entity(
        name="prices",
        title="Prices",
        description="Prices with their tiers, those not for sale included.",
        model=models.Price,
        key=("id",),
        read=read_prices,
        strategy="incremental",
        contract="§3.2",
        evidence=f"{_CLIENT}; seats in the metadata are assumed",
        depends_on=_EVENTS,
    ),
    Entity(
        name="customers",
        title="Customers",
        description="Customers: who they are, and nothing of how they pay.",
        model=models.Customer,
        key=("id",),
        read=read_customers,
        strategy="incremental",
        contract="§3.5",
        evidence=f"{_CLIENT}; the user id in the metadata is assumed",
        depends_on=_EVENTS,
    ),
    Entity(
        name="subscriptions",
        title="Subscriptions",
        description="Subscriptions in every status, with all their items.",
        model=models.Subscription,
        key=("id",),
        read=read_subscriptions,
        strategy="incremental",
        contract="§3.3, §3.4",
        evidence=f"{_CLIENT}; the number of items sent inline is assumed",
        depends_on=_EVENTS,
    ),
    Entity(
        name="invoices",
        title="Invoices",
        description="Invoices of subscriptions and others, without their lines.",
        model=models.Invoice,
        key=("id",),
        read=read_invoices,
        strategy="incremental",
        contract="§3.6",
        evidence=f"{_CLIENT}; that a restricted key may list them is assumed",
        depends_on=_EVENTS,
    ),
)


def check(api: Api, settings: VendorSettings) -> Identity:
    """Ask for one row of each list: no call tells whose key it is, only what it may read.

    The account is named by the mode of its key, so that a test key never replaces a live one.
    """
    own = cast(StripeSettings, settings)
    closed: list[str] = []
    for entity in ENTITIES:
        try:
            rows_of(api.get(f"{own.base_url}/{entity.name}", {"limit": "1"}).data, entity.name)
        except ResourceUnavailable:
            closed.append(entity.name)
    mode = "live" if "_live_" in api.account.credentials.get()["api_key"] else "test"
    return Identity(
        account_source_id=mode,
        label=f"Stripe billing, {mode} mode",
        limited=f"The Stripe key may not read {', '.join(closed)}." if closed else None,
    )


STRIPE = Vendor(
    name="stripe",
    title="Stripe",
    dialect=DIALECT,
    entities=ENTITIES,
    settings_type=StripeSettings,
    check=check,
    docs="docs/vendors/stripe.md",
)


def stripe_source(api_key: str, settings: StripeSettings | None = None) -> DltSource:
    """The billing account of one key, as a plain dlt source."""
    return source_of(STRIPE, {"api_key": api_key}, settings or StripeSettings())
