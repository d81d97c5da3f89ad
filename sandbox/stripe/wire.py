"""Stripe's JSON in two shapes: before API version 2025-03-31 ("basil") and from it on (§3.3)."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from sandbox.stripe import model
from sandbox.stripe.model import KIND_OF

if TYPE_CHECKING:
    from sandbox.stripe.store import Store

Json = dict[str, Any]
NEWEST = "2026-06-24.dahlia"
BASIL = "2025-03-31"
CANARY = "DO-NOT-STORE"
INLINE_ITEMS = 10
PATHS = {
    "product": "products",
    "price": "prices",
    "customer": "customers",
    "subscription": "subscriptions",
    "invoice": "invoices",
    "payment_intent": "payment_intents",
    "checkout.session": "checkout/sessions",
    "event": "events",
}


def is_basil(version: str | None) -> bool:
    """Whether a version has the period on the items; none stands for an old one."""
    return version is not None and version[:10] >= BASIL


def render(thing: model.Thing, version: str | None, store: Store) -> Json:
    """A thing as a retrieve shows it in that version; a deleted one as its tombstone."""
    kind = KIND_OF[type(thing)]
    if getattr(thing, "deleted", False):
        return {"id": thing.id, "object": kind, "deleted": True}
    return _RENDER[kind](thing, version, store)


def product(it: model.Product, version: str | None, store: Store) -> Json:
    """§3.1."""
    return {
        "id": it.id,
        "object": "product",
        "active": it.active,
        "attributes": [],
        "created": it.created,
        "default_price": it.default_price,
        "description": it.description,
        "images": list(it.images),
        "livemode": False,
        "marketing_features": copy.deepcopy(it.marketing_features),
        "metadata": dict(it.metadata),
        "name": it.name,
        "package_dimensions": it.package_dimensions,
        "shippable": it.shippable,
        "statement_descriptor": it.statement_descriptor,
        "tax_code": it.tax_code,
        "type": it.type,
        "unit_label": it.unit_label,
        "updated": it.updated,
        "url": it.url,
    }


def price(it: model.Price, version: str | None, store: Store) -> Json:
    """§3.2, without what is sent only when expanded."""
    return {
        "id": it.id,
        "object": "price",
        "active": it.active,
        "billing_scheme": it.billing_scheme,
        "created": it.created,
        "currency": it.currency,
        "custom_unit_amount": it.custom_unit_amount,
        "livemode": False,
        "lookup_key": it.lookup_key,
        "metadata": dict(it.metadata),
        "nickname": it.nickname,
        "product": it.product,
        "recurring": _recurring(it, version),
        "tax_behavior": it.tax_behavior,
        "tiers_mode": it.tiers_mode,
        "transform_quantity": it.transform_quantity,
        "type": it.type,
        "unit_amount": it.unit_amount,
        "unit_amount_decimal": it.unit_amount_decimal,
    }


def _recurring(it: model.Price, version: str | None) -> Json | None:
    if it.recurring is None:
        return None
    return dict(it.recurring) if is_basil(version) else {"aggregate_usage": None, **it.recurring}


def price_extra(it: model.Price, name: str) -> Any:
    """What `expand[]` adds to a price: `tiers` (absent when it has none) or `currency_options`."""
    return copy.deepcopy(it.tiers if name == "tiers" else it.options)


def _plan(it: model.Price) -> Json:
    recurring = it.recurring or {}
    return {
        "id": it.id,
        "object": "plan",
        "active": it.active,
        "amount": it.unit_amount,
        "amount_decimal": it.unit_amount_decimal,
        "billing_scheme": it.billing_scheme,
        "created": it.created,
        "currency": it.currency,
        "interval": recurring.get("interval"),
        "interval_count": recurring.get("interval_count"),
        "livemode": False,
        "metadata": dict(it.metadata),
        "nickname": it.nickname,
        "product": it.product,
        "tiers_mode": it.tiers_mode,
        "usage_type": recurring.get("usage_type"),
    }


def customer(it: model.Customer, version: str | None, store: Store) -> Json:
    """§3.5 with the parts that nobody is to keep, which carry a marker."""
    return {
        "id": it.id,
        "object": "customer",
        "address": {
            "city": CANARY,
            "country": "US",
            "line1": CANARY,
            "line2": None,
            "postal_code": CANARY,
            "state": None,
        },
        "balance": it.balance,
        "created": it.created,
        "currency": it.currency,
        "default_source": None,
        "delinquent": it.delinquent,
        "description": it.description,
        "discount": None,
        "email": it.email,
        "invoice_prefix": it.id[-8:].upper(),
        "invoice_settings": {
            "custom_fields": None,
            "default_payment_method": f"pm_{CANARY}",
            "footer": None,
            "rendering_options": None,
        },
        "livemode": False,
        "metadata": None if it.metadata is None else dict(it.metadata),
        "name": it.name,
        "next_invoice_sequence": 1,
        "phone": CANARY,
        "preferred_locales": [],
        "shipping": {"address": {"line1": CANARY}, "name": CANARY, "phone": CANARY},
        "tax_exempt": "none",
        "test_clock": None,
    }


def subscription(it: model.Subscription, version: str | None, store: Store) -> Json:
    """§3.3. Before basil the period is the subscription's, from it on each item's."""
    basil = is_basil(version)
    shown = [item(i, version, store) for i in it.items[:INLINE_ITEMS]]
    body: Json = {
        "id": it.id,
        "object": "subscription",
        "application": it.application,
        "automatic_tax": _no_tax(),
        "billing_cycle_anchor": it.billing_cycle_anchor,
        "cancel_at": it.cancel_at,
        "cancel_at_period_end": it.cancel_at_period_end,
        "canceled_at": it.canceled_at,
        "cancellation_details": dict(it.cancellation_details),
        "collection_method": it.collection_method,
        "created": it.created,
        "currency": it.currency,
        "customer": it.customer,
        "days_until_due": it.days_until_due,
        "default_payment_method": it.default_payment_method,
        "default_source": None,
        "description": it.description,
        "discounts": list(it.discounts),
        "ended_at": it.ended_at,
        "invoice_settings": {"account_tax_ids": None, "issuer": {"type": "self"}},
        "items": {
            "object": "list",
            "data": shown,
            "has_more": len(it.items) > len(shown),
            "url": f"/v1/subscription_items?subscription={it.id}",
        },
        "latest_invoice": it.latest_invoice,
        "livemode": False,
        "metadata": dict(it.metadata),
        "on_behalf_of": it.on_behalf_of,
        "pause_collection": it.pause_collection,
        "pending_setup_intent": it.pending_setup_intent,
        "pending_update": it.pending_update,
        "schedule": it.schedule,
        "start_date": it.start_date,
        "status": it.status,
        "test_clock": it.test_clock,
        "trial_end": it.trial_end,
        "trial_settings": {"end_behavior": {"missing_payment_method": "pause"}},
        "trial_start": it.trial_start,
    }
    if basil:
        body["billing_mode"] = {"flexible": None, "type": it.billing_mode}
        body["billing_schedules"] = []
    else:
        body["current_period_start"] = it.period_start
        body["current_period_end"] = it.period_end
        body["discount"] = None
        body["plan"] = _plan(store.prices[it.items[0].price]) if len(it.items) == 1 else None
        body["quantity"] = it.items[0].quantity if len(it.items) == 1 else None
    return body


def _no_tax() -> Json:
    return {"disabled_reason": None, "enabled": False, "liability": None}


def item(it: model.Item, version: str | None, store: Store) -> Json:
    """§3.4."""
    of = store.prices[it.price]
    body: Json = {
        "id": it.id,
        "object": "subscription_item",
        "billing_thresholds": it.billing_thresholds,
        "created": it.created,
        "discounts": list(it.discounts),
        "metadata": dict(it.metadata),
        "plan": _plan(of),
        "price": price(of, version, store),
        "subscription": it.subscription,
        "tax_rates": list(it.tax_rates),
    }
    if it.quantity is not None:
        body["quantity"] = it.quantity
    if is_basil(version):
        body["billed_until"] = it.billed_until
        body["current_period_start"] = it.current_period_start
        body["current_period_end"] = it.current_period_end
    return body


def invoice(it: model.Invoice, version: str | None, store: Store) -> Json:
    """§3.6. The subscription is below `parent` from basil on, at the top before."""
    payer = store.customers.get(it.customer or "")
    body: Json = {
        "id": it.id,
        "object": "invoice",
        "amount_due": it.amount_due,
        "amount_overpaid": 0,
        "amount_paid": it.amount_paid,
        "amount_remaining": it.amount_remaining,
        "amount_shipping": 0,
        "application": None,
        "attempt_count": it.attempt_count,
        "attempted": it.attempt_count > 0,
        "auto_advance": it.status in ("draft", "open"),
        "automatic_tax": _no_tax(),
        "billing_reason": it.billing_reason,
        "collection_method": "charge_automatically",
        "created": it.created,
        "currency": it.currency,
        "customer": it.customer,
        "customer_address": {"line1": CANARY, "postal_code": CANARY},
        "customer_email": payer.email if payer else None,
        "customer_name": payer.name if payer else None,
        "customer_phone": CANARY,
        "customer_tax_exempt": "none",
        "default_payment_method": None,
        "default_source": None,
        "default_tax_rates": [],
        "discounts": [],
        "hosted_invoice_url": f"https://invoice.example.com/i/{CANARY}/{it.id}"
        if it.number
        else None,
        "issuer": {"type": "self"},
        "latest_revision": None,
        "lines": _lines(it),
        "livemode": False,
        "metadata": {},
        "next_payment_attempt": it.next_payment_attempt,
        "number": it.number,
        "on_behalf_of": None,
        "payment_settings": {
            "default_mandate": None,
            "payment_method_options": None,
            "payment_method_types": None,
        },
        "period_end": it.period_end,
        "period_start": it.period_start,
        "post_payment_credit_notes_amount": 0,
        "pre_payment_credit_notes_amount": 0,
        "starting_balance": 0,
        "status": it.status,
        "status_transitions": it.status_transitions,
        "subtotal": it.total,
        "test_clock": None,
        "total": it.total,
    }
    if is_basil(version):
        body["parent"] = _parent(it)
    else:
        body["subscription"] = it.subscription
        body["payment_intent"] = it.payment_intent
        body["paid"] = it.status == "paid"
    return body


def _lines(it: model.Invoice) -> Json:
    """One line for the whole sum."""
    line: Json = {
        "id": it.id.replace("in_", "il_", 1),
        "object": "line_item",
        "amount": it.total,
        "currency": it.currency,
        "description": None,
        "discounts": [],
        "invoice": it.id,
        "livemode": False,
        "metadata": {},
        "period": {"end": it.period_end, "start": it.period_start},
        "quantity": 1,
        "subtotal": it.total,
    }
    return {
        "object": "list",
        "data": [line],
        "has_more": False,
        "url": f"/v1/invoices/{it.id}/lines",
    }


def _parent(it: model.Invoice) -> Json | None:
    if it.subscription is not None:
        details: Json = {"metadata": {}, "subscription": it.subscription}
        return {
            "quote_details": None,
            "subscription_details": details,
            "type": "subscription_details",
        }
    if it.quote is not None:
        return {
            "quote_details": {"quote": it.quote},
            "subscription_details": None,
            "type": "quote_details",
        }
    return None


def payment_intent(it: model.PaymentIntent, version: str | None, store: Store) -> Json:
    """§3.6, with the client secret that nobody is to keep."""
    return {
        "id": it.id,
        "object": "payment_intent",
        "amount": it.amount,
        "amount_capturable": 0,
        "amount_received": it.amount_received,
        "application": None,
        "cancellation_reason": None,
        "capture_method": "automatic_async",
        "client_secret": f"{it.id}_secret_{CANARY}",
        "confirmation_method": "automatic",
        "created": it.created,
        "currency": it.currency,
        "customer": it.customer,
        "last_payment_error": it.last_payment_error,
        "latest_charge": it.latest_charge,
        "livemode": False,
        "metadata": {},
        "on_behalf_of": None,
        "payment_method": it.payment_method,
        "payment_method_types": ["card"],
        "review": None,
        "setup_future_usage": "off_session",
        "source": None,
        "status": it.status,
    }


def checkout_session(it: model.CheckoutSession, version: str | None, store: Store) -> Json:
    """§3.6, with the client secret that nobody is to keep."""
    return {
        "id": it.id,
        "object": "checkout.session",
        "amount_subtotal": it.amount_total,
        "amount_total": it.amount_total,
        "automatic_tax": {"enabled": False, "liability": None, "provider": None, "status": None},
        "billing_address_collection": None,
        "client_reference_id": it.user_id,
        "client_secret": f"{it.id}_secret_{CANARY}",
        "created": it.created,
        "currency": it.currency,
        "custom_fields": [],
        "custom_text": {
            "after_submit": None,
            "shipping_address": None,
            "submit": None,
            "terms_of_service_acceptance": None,
        },
        "customer": it.customer,
        "customer_creation": None,
        "customer_details": {
            "address": {"line1": CANARY},
            "email": it.email,
            "name": it.name,
            "phone": CANARY,
        },
        "customer_email": None,
        "expires_at": it.expires_at,
        "invoice": it.invoice,
        "livemode": False,
        "locale": None,
        "metadata": {},
        "mode": it.mode,
        "origin_context": None,
        "payment_intent": it.payment_intent,
        "payment_link": None,
        "payment_method_collection": "always",
        "payment_method_types": ["card"],
        "payment_status": it.payment_status,
        "redirect_on_completion": None,
        "setup_intent": None,
        "shipping_options": [],
        "status": it.status,
        "submit_type": None,
        "subscription": it.subscription,
        "ui_mode": "hosted_page",
        "url": None,
    }


def event(it: model.Event, version: str | None, store: Store) -> Json:
    """§3.7. What it is about stays in the version of its own day, whatever the header asks."""
    body: Json = {
        "id": it.id,
        "object": "event",
        "api_version": it.api_version,
        "created": it.created,
        "data": it.data,
        "livemode": False,
        "pending_webhooks": it.pending_webhooks,
        "request": it.request,
        "type": it.type,
    }
    if it.account is not None:
        body["account"] = it.account
    if it.context is not None:
        body["context"] = it.context
    return body


_RENDER: Mapping[str, Callable[[Any, str | None, Store], Json]] = {
    "product": product,
    "price": price,
    "customer": customer,
    "subscription": subscription,
    "invoice": invoice,
    "payment_intent": payment_intent,
    "checkout.session": checkout_session,
    "event": event,
}
