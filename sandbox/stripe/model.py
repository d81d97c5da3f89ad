"""Stripe's objects. Instants are whole Unix seconds UTC and amounts whole smallest units, as at the
vendor; `deleted` things stay in the books as tombstones.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Metadata = dict[str, str]
STATUSES = (
    "incomplete",
    "incomplete_expired",
    "trialing",
    "active",
    "past_due",
    "canceled",
    "unpaid",
    "paused",
)


@dataclass(slots=True)
class Product:
    """What is sold (contract §3.1)."""

    id: str
    created: int
    name: str
    updated: int
    description: str | None = None
    active: bool = True
    default_price: str | None = None
    type: str = "service"
    images: list[str] = field(default_factory=list)
    marketing_features: list[dict[str, str]] = field(default_factory=list)
    metadata: Metadata = field(default_factory=dict)
    package_dimensions: dict[str, float] | None = None
    shippable: bool | None = None
    statement_descriptor: str | None = None
    unit_label: str | None = None
    url: str | None = None
    tax_code: str | None = None
    deleted: bool = False


@dataclass(slots=True)
class Price:
    """What it costs (§3.2). `unit_amount` is None for tiered, custom and sub-cent prices."""

    id: str
    created: int
    product: str
    currency: str = "usd"
    unit_amount: int | None = None
    unit_amount_decimal: str | None = None
    active: bool = True
    billing_scheme: str = "per_unit"
    recurring: dict[str, Any] | None = None
    tiers: list[dict[str, Any]] | None = None
    tiers_mode: str | None = None
    transform_quantity: dict[str, Any] | None = None
    custom_unit_amount: dict[str, Any] | None = None
    currency_options: dict[str, Any] = field(default_factory=dict)
    nickname: str | None = None
    lookup_key: str | None = None
    tax_behavior: str | None = "unspecified"
    metadata: Metadata = field(default_factory=dict)
    deleted: bool = False

    @property
    def type(self) -> str:
        """`recurring` or `one_time`."""
        return "recurring" if self.recurring else "one_time"

    @property
    def options(self) -> dict[str, dict[str, Any]]:
        """What it costs in each currency, its own first."""
        own = {
            "custom_unit_amount": self.custom_unit_amount,
            "tax_behavior": self.tax_behavior,
            "unit_amount": self.unit_amount,
            "unit_amount_decimal": self.unit_amount_decimal,
        }
        others = {name: {**own, **more} for name, more in self.currency_options.items()}
        return {self.currency: own, **others}

    @property
    def metered(self) -> bool:
        """Whether use is billed and not seats."""
        return bool(self.recurring) and self.recurring["usage_type"] == "metered"


@dataclass(slots=True)
class Customer:
    """Who pays (§3.5). `card` decides what happens to a charge: ok, declined or none.

    `agent_id` is the person of the world behind it, None for somebody who left long ago.
    """

    id: str
    created: int
    email: str | None
    name: str | None
    metadata: Metadata | None = field(default_factory=dict)
    currency: str | None = None
    delinquent: bool | None = False
    balance: int | None = 0
    description: str | None = None
    card: str = "ok"
    agent_id: str | None = None
    deleted: bool = False


@dataclass(slots=True)
class Item:
    """One price of a subscription (§3.4). `anchor` and `cycle` count its own billing periods."""

    id: str
    created: int
    subscription: str
    price: str
    quantity: int | None
    current_period_start: int
    current_period_end: int
    anchor: int
    cycle: int = 1
    metadata: Metadata = field(default_factory=dict)
    discounts: list[str] = field(default_factory=list)
    tax_rates: list[dict[str, Any]] = field(default_factory=list)
    billing_thresholds: dict[str, int] | None = None
    billed_until: int | None = None


@dataclass(slots=True)
class Subscription:
    """A customer's contract (§3.3). `token` voids what was planned for it before."""

    id: str
    created: int
    customer: str
    start_date: int
    billing_cycle_anchor: int
    currency: str
    status: str = "active"
    items: list[Item] = field(default_factory=list)
    cancel_at_period_end: bool = False
    cancel_at: int | None = None
    canceled_at: int | None = None
    ended_at: int | None = None
    cancellation_details: dict[str, Any] = field(
        default_factory=lambda: {"comment": None, "feedback": None, "reason": None}
    )
    billing_mode: str = "classic"
    trial_start: int | None = None
    trial_end: int | None = None
    collection_method: str = "charge_automatically"
    days_until_due: int | None = None
    default_payment_method: str | None = None
    latest_invoice: str | None = None
    schedule: str | None = None
    pending_setup_intent: str | None = None
    test_clock: str | None = None
    on_behalf_of: str | None = None
    application: str | None = None
    discounts: list[str] = field(default_factory=list)
    pause_collection: dict[str, Any] | None = None
    pending_update: dict[str, Any] | None = None
    description: str | None = None
    metadata: Metadata = field(default_factory=dict)
    gives_up_as: str = "unpaid"
    token: int = 0

    @property
    def period_end(self) -> int:
        """The next billing moment: the earliest end over the items."""
        return min(item.current_period_end for item in self.items)

    @property
    def period_start(self) -> int:
        """The earliest start over the items."""
        return min(item.current_period_start for item in self.items)


@dataclass(slots=True)
class Invoice:
    """A bill (§3.6). `subscription` is where the wire puts `parent` or, before basil, itself."""

    id: str
    created: int
    customer: str | None
    currency: str
    total: int
    status: str
    billing_reason: str
    period_start: int
    period_end: int
    subscription: str | None = None
    amount_paid: int = 0
    attempt_count: int = 0
    next_payment_attempt: int | None = None
    number: str | None = None
    payment_intent: str | None = None
    quote: str | None = None
    finalized_at: int | None = None
    paid_at: int | None = None
    voided_at: int | None = None
    marked_uncollectible_at: int | None = None

    @property
    def status_transitions(self) -> dict[str, int | None]:
        """When it became what it was or is."""
        return {
            "finalized_at": self.finalized_at,
            "marked_uncollectible_at": self.marked_uncollectible_at,
            "paid_at": self.paid_at,
            "voided_at": self.voided_at,
        }

    @property
    def amount_due(self) -> int:
        """What was to be paid; a credit is no debt."""
        return max(0, self.total)

    @property
    def amount_remaining(self) -> int:
        """What is still to be paid."""
        return self.amount_due - self.amount_paid


@dataclass(slots=True)
class PaymentIntent:
    """A try to take money (§3.6)."""

    id: str
    created: int
    amount: int
    currency: str
    customer: str | None
    status: str
    amount_received: int = 0
    last_payment_error: dict[str, Any] | None = None
    latest_charge: str | None = None
    payment_method: str | None = None


@dataclass(slots=True)
class CheckoutSession:
    """The page where somebody subscribed (§3.6); `user_id` is our own id of that person."""

    id: str
    created: int
    expires_at: int
    mode: str
    status: str | None
    payment_status: str
    customer: str | None
    subscription: str | None
    invoice: str | None
    user_id: str | None
    email: str | None
    name: str | None
    amount_total: int | None
    currency: str | None
    payment_intent: str | None = None


@dataclass(slots=True)
class Event:
    """Something that happened (§3.7). `data` was rendered then, in the version of `api_version`."""

    id: str
    created: int
    type: str
    api_version: str | None
    data: dict[str, Any]
    object: str
    object_id: str
    pending_webhooks: int
    request: dict[str, Any] | None
    account: str | None = None
    context: str | None = None


Thing = (
    Product | Price | Customer | Subscription | Invoice | PaymentIntent | CheckoutSession | Event
)
KIND_OF: dict[type, str] = {
    Product: "product",
    Price: "price",
    Customer: "customer",
    Subscription: "subscription",
    Invoice: "invoice",
    PaymentIntent: "payment_intent",
    CheckoutSession: "checkout.session",
    Event: "event",
}
