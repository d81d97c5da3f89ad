"""The raw tables of Stripe, one model each (contract: stripe.md, sections per model).

Amounts are whole smallest units of the currency beside them, as Stripe sends them (§2): staging
makes major units of them. A decimal amount stays the text it is, because it has up to twelve
decimals. Shapes of API versions before 2025-03-31 ("basil") fit as well.
"""

from __future__ import annotations

from typing import ClassVar

from pydantic import ConfigDict, Field

from pipelines.common.model import Id, Instant, Json, VendorModel


class StripeModel(VendorModel):
    """Any Stripe object. Its fields are called as their columns are."""

    model_config = ConfigDict(alias_generator=str)

    denied: ClassVar[frozenset[str]] = frozenset(
        {
            # what lets somebody pay, or see what was paid
            "client_secret",
            "confirmation_secret",
            "hosted_invoice_url",
            "invoice_pdf",
            "receipt_url",
            "next_action",
            # how people pay
            "default_payment_method",
            "default_source",
            "invoice_settings",
            "payment_method",
            "payment_method_details",
            "payment_method_options",
            "payment_settings",
            "billing_details",
            "sources",
            "card",
            # where they live
            "address",
            "customer_address",
            "phone",
            "customer_phone",
            "shipping",
            "customer_shipping",
            "shipping_details",
            "collected_information",
            "tax_ids",
            "customer_tax_ids",
            # what they wrote
            "comment",
            "custom_fields",
            # a counter that moves without an event, and of no use
            "next_invoice_sequence",
        }
    )

    id: Id = Field(description="Stripe's id")
    object: str | None = Field(None, description="kind of object")
    livemode: bool | None = Field(None, description="false in test mode")
    created: Instant | None = Field(None, description="when it was created")


_OF_A_BILL = frozenset(
    {
        # the card of a payment that failed; elsewhere it is where a discount comes from
        "source",
        # the first ten, whole objects; nothing is made of them, and the sums are beside them
        "lines",
    }
)
"""What is denied of invoices and of events besides."""


class _WithMetadata(StripeModel):
    metadata: Json | None = Field(None, description="the product's own texts by key")


class Product(_WithMetadata):
    """A product. stripe.md §3.1."""

    name: str | None = Field(None, description="name")
    description: str | None = Field(None, description="what it is")
    active: bool | None = Field(None, description="sellable")
    default_price: str | None = Field(None, description="its usual price: price id")
    type: str | None = Field(None, description="service or good")
    attributes: Json | None = Field(None, description="names of properties (old)")
    images: Json | None = Field(None, description="addresses of images")
    marketing_features: Json | None = Field(None, description="bullet points")
    package_dimensions: Json | None = Field(None, description="size of a good")
    shippable: bool | None = Field(None, description="is sent by post")
    statement_descriptor: str | None = Field(None, description="text on a bank statement")
    tax_code: str | None = Field(None, description="tax code id")
    unit_label: str | None = Field(None, description="what one unit is called")
    updated: Instant | None = Field(None, description="last change")
    url: str | None = Field(None, description="web address")


class Price(_WithMetadata):
    """A price of a product. stripe.md §3.2."""

    product: str | None = Field(None, description="product id")
    active: bool | None = Field(None, description="sellable")
    type: str | None = Field(None, description="recurring or one_time")
    currency: str | None = Field(None, description="currency, lower case")
    unit_amount: int | None = Field(
        None, description="smallest units; null if tiered, custom or less than one"
    )
    unit_amount_decimal: str | None = Field(
        None, description="smallest units with up to 12 decimals, as sent"
    )
    billing_scheme: str | None = Field(None, description="per_unit or tiered")
    recurring: Json | None = Field(None, description="interval and usage; null if one_time")
    tiers: Json | None = Field(None, description="amounts by quantity")
    tiers_mode: str | None = Field(None, description="graduated or volume")
    transform_quantity: Json | None = Field(None, description="how a quantity is divided")
    custom_unit_amount: Json | None = Field(None, description="bounds of a free amount")
    currency_options: Json | None = Field(None, description="amounts by currency, its own included")
    nickname: str | None = Field(None, description="name for the back office")
    lookup_key: str | None = Field(None, description="name by which the product finds it")
    tax_behavior: str | None = Field(None, description="exclusive, inclusive or unspecified")


class Customer(_WithMetadata):
    """A customer, without anything about how to pay or where to live. stripe.md §3.5."""

    email: str | None = Field(None, description="e-mail (personal)")
    name: str | None = Field(None, description="name (personal)")
    description: str | None = Field(None, description="note of the back office")
    currency: str | None = Field(None, description="currency; null until the first charge")
    delinquent: bool | None = Field(None, description="the latest invoice is overdue")
    balance: int | None = Field(None, description="smallest units; negative is a credit")
    discount: Json | None = Field(None, description="discount")
    invoice_prefix: str | None = Field(None, description="begin of invoice numbers")
    preferred_locales: Json | None = Field(None, description="languages")
    tax_exempt: str | None = Field(None, description="none, exempt or reverse")
    test_clock: str | None = Field(None, description="test clock id")


class Subscription(_WithMetadata):
    """A subscription with all its items. stripe.md §3.3, §3.4."""

    status: str | None = Field(None, description="one of eight")
    customer: str | None = Field(None, description="customer id")
    items: Json = Field(description="all items, each with its whole price")
    cancel_at_period_end: bool | None = Field(None, description="ends with the period")
    cancel_at: Instant | None = Field(None, description="planned end")
    canceled_at: Instant | None = Field(None, description="when it was cancelled")
    ended_at: Instant | None = Field(None, description="when it was over")
    cancellation_details: Json | None = Field(None, description="feedback and reason")
    start_date: Instant | None = Field(None, description="start, may be before created")
    current_period_start: Instant | None = Field(
        None, description="begin of the period, before basil; now on the items"
    )
    current_period_end: Instant | None = Field(
        None, description="end of the period, before basil; now on the items"
    )
    plan: Json | None = Field(None, description="copy of the only price, before basil")
    quantity: int | None = Field(None, description="of the only item, before basil")
    billing_cycle_anchor: Instant | None = Field(None, description="where periods are counted from")
    billing_mode: Json | None = Field(None, description="classic or flexible")
    billing_schedules: Json | None = Field(None, description="items billed ahead")
    trial_start: Instant | None = Field(None, description="begin of the trial")
    trial_end: Instant | None = Field(None, description="end of the trial")
    trial_settings: Json | None = Field(None, description="what follows a trial without a card")
    collection_method: str | None = Field(None, description="charge_automatically or send_invoice")
    days_until_due: int | None = Field(None, description="days to pay a sent invoice")
    currency: str | None = Field(None, description="currency, lower case")
    latest_invoice: str | None = Field(None, description="newest invoice id")
    schedule: str | None = Field(None, description="schedule id")
    pending_setup_intent: str | None = Field(None, description="setup intent id")
    test_clock: str | None = Field(None, description="test clock id")
    on_behalf_of: str | None = Field(None, description="account id (Connect)")
    application: str | None = Field(None, description="application id (Connect)")
    automatic_tax: Json | None = Field(None, description="tax computed by Stripe")
    discounts: Json | None = Field(None, description="discount ids")
    discount: Json | None = Field(None, description="the only discount (old)")
    pause_collection: Json | None = Field(
        None, description="collection is paused, which is not the status paused"
    )
    pending_update: Json | None = Field(None, description="change that waits for a payment")
    description: str | None = Field(None, description="note")


class Invoice(_WithMetadata):
    """An invoice without its lines. stripe.md §3.6."""

    denied: ClassVar[frozenset[str]] = StripeModel.denied | _OF_A_BILL

    customer: str | None = Field(None, description="customer id")
    customer_email: str | None = Field(None, description="e-mail then (personal)")
    customer_name: str | None = Field(None, description="name then (personal)")
    subscription: str | None = Field(
        None, description="subscription id, before basil; now inside parent"
    )
    parent: Json | None = Field(None, description="what it is for")
    payment_intent: str | None = Field(None, description="payment intent id, before basil")
    paid: bool | None = Field(None, description="is paid, before basil")
    status: str | None = Field(None, description="draft, open, paid, uncollectible or void")
    billing_reason: str | None = Field(None, description="why it was made")
    collection_method: str | None = Field(None, description="charge_automatically or send_invoice")
    number: str | None = Field(None, description="invoice number")
    currency: str | None = Field(None, description="currency, lower case")
    amount_due: int | None = Field(None, description="smallest units")
    amount_paid: int | None = Field(None, description="smallest units")
    amount_remaining: int | None = Field(None, description="smallest units")
    amount_overpaid: int | None = Field(None, description="smallest units")
    amount_shipping: int | None = Field(None, description="smallest units")
    starting_balance: int | None = Field(
        None, description="smallest units; the customer's balance then, negative is a credit"
    )
    pre_payment_credit_notes_amount: int | None = Field(None, description="smallest units")
    post_payment_credit_notes_amount: int | None = Field(None, description="smallest units")
    subtotal: int | None = Field(None, description="smallest units")
    total: int | None = Field(None, description="smallest units")
    discounts: Json | None = Field(None, description="discount ids")
    automatic_tax: Json | None = Field(None, description="tax computed by Stripe")
    default_tax_rates: Json | None = Field(None, description="tax rates of all lines")
    customer_tax_exempt: str | None = Field(None, description="none, exempt or reverse, then")
    status_transitions: Json | None = Field(
        None, description="when it was finalized, paid, voided and written off: Unix seconds"
    )
    issuer: Json | None = Field(None, description="whose it is (Connect)")
    on_behalf_of: str | None = Field(None, description="account id (Connect)")
    application: str | None = Field(None, description="application id (Connect)")
    latest_revision: str | None = Field(None, description="invoice id that replaces it")
    test_clock: str | None = Field(None, description="test clock id")
    attempted: bool | None = Field(None, description="a payment was tried")
    attempt_count: int | None = Field(None, description="payments tried")
    next_payment_attempt: Instant | None = Field(None, description="next try")
    auto_advance: bool | None = Field(None, description="Stripe goes on by itself")
    period_start: Instant | None = Field(
        None, description="begin of the window of its items, not of the subscription's period"
    )
    period_end: Instant | None = Field(None, description="end of that window")


class Event(StripeModel):
    """Something that happened. stripe.md §3.7."""

    # the address of a checkout lets somebody go on with it
    denied: ClassVar[frozenset[str]] = StripeModel.denied | _OF_A_BILL | {"url"}

    type: str = Field(description="what happened")
    api_version: str | None = Field(None, description="version of the shape of data")
    data: Json = Field(description="the object at that moment, and old values of what changed")
    pending_webhooks: int | None = Field(None, description="deliveries outstanding")
    request: Json | None = Field(None, description="who caused it")
    account: str | None = Field(None, description="account id (Connect)")
    context: str | None = Field(None, description="organisation context")
