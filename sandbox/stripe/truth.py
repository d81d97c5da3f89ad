"""What a warehouse must hold of the account, told from the objects."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sandbox.stripe.model import Customer, Event, Invoice, Price, Product, Subscription
from sandbox.stripe.store import DAY, KEPT_DAYS

if TYPE_CHECKING:
    from sandbox.stripe.books import Books

Row = dict[str, Any]


def of(books: Books) -> Row:
    """`{"entities": {entity: {id: {column: value}}}, "control": {...}}`.

    Amounts are whole smallest units, instants ISO UTC, nested values the vendor's JSON. What was
    deleted is not in it. Events are those that somebody holds who has read since the first day;
    `control` names the ones that the vendor does not show any more.
    """
    store = books.store
    since, kept = books.first_day - KEPT_DAYS * DAY, books.now - KEPT_DAYS * DAY
    return {
        "entities": {
            "products": {p.id: _product(p) for p in store.products.values() if not p.deleted},
            "prices": {p.id: _price(p) for p in store.prices.values() if not p.deleted},
            "customers": {c.id: _customer(c) for c in store.customers.values() if not c.deleted},
            "subscriptions": {s.id: _subscription(s) for s in store.subscriptions.values()},
            "invoices": {i.id: _invoice(i) for i in store.invoices.values()},
            "events": {e.id: _event(e) for e in store.events.values() if e.created > since},
        },
        "control": {
            "deleted": {
                name: sorted(t.id for t in table if t.deleted)
                for name, table in (
                    ("products", store.products.values()),
                    ("prices", store.prices.values()),
                    ("customers", store.customers.values()),
                )
            },
            "subscription_items": {
                f"{s.id}|{i.id}": {
                    "price": i.price,
                    "quantity": i.quantity,
                    "current_period_start": _at(i.current_period_start),
                    "current_period_end": _at(i.current_period_end),
                }
                for s in store.subscriptions.values()
                for i in s.items
            },
            "periods": {
                s.id: {"start": _at(s.period_start), "end": _at(s.period_end)}
                for s in store.subscriptions.values()
            },
            "cancellations": {
                s.id: {
                    "feedback": s.cancellation_details["feedback"],
                    "reason": s.cancellation_details["reason"],
                }
                for s in store.subscriptions.values()
                if s.canceled_at is not None
            },
            "tiers": {p.id: p.tiers for p in store.prices.values() if p.tiers},
            "event_objects": {
                e.id: [e.object, e.object_id] for e in store.events.values() if e.created > since
            },
            "expired_events": sorted(
                e.id for e in store.events.values() if since < e.created <= kept
            ),
            "statuses": dict(Counter(s.status for s in store.subscriptions.values())),
            "paid": _paid(store.invoices.values()),
            "agents": {
                c.metadata["user_id"]: c.id
                for c in store.customers.values()
                if c.metadata and not c.deleted and "user_id" in c.metadata
            },
        },
    }


def _at(moment: int | None) -> str | None:
    return None if moment is None else datetime.fromtimestamp(moment, UTC).isoformat()


def _product(it: Product) -> Row:
    return {
        "name": it.name,
        "description": it.description,
        "active": it.active,
        "default_price": it.default_price,
        "type": it.type,
        "images": it.images,
        "marketing_features": it.marketing_features,
        "metadata": it.metadata,
        "package_dimensions": it.package_dimensions,
        "shippable": it.shippable,
        "statement_descriptor": it.statement_descriptor,
        "unit_label": it.unit_label,
        "url": it.url,
        "tax_code": it.tax_code,
        "created": _at(it.created),
        "updated": _at(it.updated),
        "livemode": False,
    }


def _price(it: Price) -> Row:
    return {
        "product": it.product,
        "active": it.active,
        "type": it.type,
        "currency": it.currency,
        "unit_amount": it.unit_amount,
        "unit_amount_decimal": it.unit_amount_decimal,
        "billing_scheme": it.billing_scheme,
        "recurring": it.recurring,
        "tiers_mode": it.tiers_mode,
        "transform_quantity": it.transform_quantity,
        "custom_unit_amount": it.custom_unit_amount,
        "currency_options": it.options,
        "nickname": it.nickname,
        "lookup_key": it.lookup_key,
        "tax_behavior": it.tax_behavior,
        "metadata": it.metadata,
        "created": _at(it.created),
        "livemode": False,
    }


def _customer(it: Customer) -> Row:
    return {
        "email": it.email,
        "name": it.name,
        "created": _at(it.created),
        "currency": it.currency,
        "delinquent": it.delinquent,
        "balance": it.balance,
        "metadata": it.metadata,
        "livemode": False,
    }


def _subscription(it: Subscription) -> Row:
    return {
        "status": it.status,
        "customer": it.customer,
        "items": [
            {"id": i.id, "price": i.price, "quantity": i.quantity}
            for i in sorted(it.items, key=lambda i: i.id)
        ],
        "cancel_at_period_end": it.cancel_at_period_end,
        "cancel_at": _at(it.cancel_at),
        "canceled_at": _at(it.canceled_at),
        "ended_at": _at(it.ended_at),
        "start_date": _at(it.start_date),
        "created": _at(it.created),
        "billing_cycle_anchor": _at(it.billing_cycle_anchor),
        "trial_start": _at(it.trial_start),
        "trial_end": _at(it.trial_end),
        "collection_method": it.collection_method,
        "days_until_due": it.days_until_due,
        "currency": it.currency,
        "latest_invoice": it.latest_invoice,
        "schedule": it.schedule,
        "discounts": it.discounts,
        "pause_collection": it.pause_collection,
        "description": it.description,
        "metadata": it.metadata,
        "livemode": False,
    }


def _invoice(it: Invoice) -> Row:
    return {
        "customer": it.customer,
        "status": it.status,
        "billing_reason": it.billing_reason,
        "amount_due": it.amount_due,
        "amount_paid": it.amount_paid,
        "amount_remaining": it.amount_remaining,
        "subtotal": it.total,
        "total": it.total,
        "currency": it.currency,
        "attempt_count": it.attempt_count,
        "next_payment_attempt": _at(it.next_payment_attempt),
        "period_start": _at(it.period_start),
        "period_end": _at(it.period_end),
        "number": it.number,
        "status_transitions": it.status_transitions,
        "created": _at(it.created),
    }


def _event(it: Event) -> Row:
    return {
        "type": it.type,
        "created": _at(it.created),
        "api_version": it.api_version,
        "livemode": False,
    }


def _paid(invoices: Any) -> dict[str, int]:
    total: Counter[str] = Counter()
    for bill in invoices:
        total[bill.currency] += bill.amount_paid
    return dict(total)
