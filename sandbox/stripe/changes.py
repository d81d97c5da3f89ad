"""The changes that a test may play on the account (`stripe.…`); the README has the table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, cast

from sandbox.stripe.billing import HOUR
from sandbox.stripe.model import (
    CheckoutSession,
    Customer,
    Invoice,
    Item,
    Price,
    Product,
    Subscription,
)
from sandbox.stripe.store import DAY
from sandbox.switches import turn

if TYPE_CHECKING:
    from sandbox.stripe.books import Books

Change = Mapping[str, Any]


def play(books: Books, change: Change) -> dict[str, Any]:
    """Plays one change and returns the ids it touched. Raises ValueError for an unknown or
    impossible one.
    """
    op = str(change.get("op", "")).removeprefix("stripe.")
    action = ACTIONS.get(op)
    if action is None:
        raise ValueError(
            f"Unknown change {change.get('op')!r}; known are: "
            f"{', '.join(f'stripe.{name}' for name in sorted(ACTIONS))}."
        )
    return action(books, change)


# --- finding ------------------------------------------------------------------------------------


def _find(books: Books, kind: str, change: Change, name: str | None = None) -> Any:
    name = name or kind
    found = books.store.find(kind, str(change.get(name, "")))
    if found is None or getattr(found, "deleted", False):
        raise ValueError(f"There is no {kind} {change.get(name)!r}.")
    return found


def _customer(books: Books, change: Change) -> Customer:
    """By `customer`, or whose `metadata.user_id` is `agent_key`."""
    if "customer" in change:
        return cast(Customer, _find(books, "customer", change))
    key = change.get("agent_key")
    for customer in books.store.customers.values():
        if not customer.deleted and (customer.metadata or {}).get("user_id") == key:
            return customer
    raise ValueError(f"There is no customer of {key!r}; give customer or agent_key.")


def _subscription(books: Books, change: Change) -> Subscription:
    """By `subscription`, or the newest of `customer` or `agent_key` that has not ended."""
    if "subscription" in change:
        return cast(Subscription, _find(books, "subscription", change))
    customer = _customer(books, change)
    for sub in books.store.newest_first("subscription"):
        if sub.customer == customer.id and sub.ended_at is None:
            return cast(Subscription, sub)
    raise ValueError(f"Customer {customer.id} has no subscription that goes on.")


def _price(books: Books, change: Change, default: str = "solo") -> Price:
    return books.catalogue.price(str(change.get("price", default)))


def _item(sub: Subscription, change: Change) -> Item:
    wanted = change.get("item")
    found = [item for item in sub.items if wanted in (None, item.id)]
    if not found:
        raise ValueError(f"The subscription has no item {wanted!r}.")
    return found[-1]


def _told(sub: Subscription) -> dict[str, Any]:
    return {"subscription": sub.id, "status": sub.status, "customer": sub.customer}


# --- customers ----------------------------------------------------------------------------------


def _create_customer(books: Books, change: Change) -> dict[str, Any]:
    metadata = {"user_id": str(change["user_id"])} if "user_id" in change else {}
    customer = books.billing.customer(
        books.now,
        email=change.get("email", "new.customer@example.com"),
        name=change.get("name", "New Customer"),
        metadata=change.get("metadata", metadata),
        card=str(change.get("card", "ok")),
    )
    return {"customer": customer.id}


def _update_customer(books: Books, change: Change) -> dict[str, Any]:
    customer = _customer(books, change)
    with books.journal.change("customer.updated", customer, books.now):
        for name in ("email", "name", "metadata", "balance", "description", "card"):
            if name in change:
                setattr(customer, name, change[name])
    return {"customer": customer.id}


def _delete_customer(books: Books, change: Change) -> dict[str, Any]:
    customer = _customer(books, change)
    books.billing.delete_customer(customer, books.now)
    return {"customer": customer.id}


# --- subscriptions ------------------------------------------------------------------------------


def _subscribe(books: Books, change: Change) -> dict[str, Any]:
    """A customer's (`customer`, `agent_key`) or, without either, a new person's."""
    if "customer" in change or "agent_key" in change:
        customer = _customer(books, change)
    else:
        customer = books.store.customers[_create_customer(books, change)["customer"]]
    if "card" in change:
        customer.card = str(change["card"])
    quantity = int(change.get("quantity", 1))
    order: list[tuple[Price, int | None]] = [(_price(books, change), quantity)]
    if "seats" in change:
        order.append((books.catalogue.price("seat"), int(change["seats"])))
    sub = books.billing.subscribe(
        customer,
        order,
        books.now,
        trial_days=int(change.get("trial_days", 0)),
        user_id=change.get("user_id", change.get("agent_key")),
        metadata=dict(change.get("metadata", {})),
    )
    return _told(sub)


def _upgrade(books: Books, change: Change) -> dict[str, Any]:
    sub = _subscription(books, change)
    quantity = change.get("quantity")
    bill = books.billing.upgrade(
        sub,
        _price(books, change, "team"),
        None if quantity is None else int(quantity),
        books.now,
    )
    return {**_told(sub), "invoice": bill.id}


def _set_quantity(books: Books, change: Change) -> dict[str, Any]:
    sub = _subscription(books, change)
    item = _item(sub, change)
    books.billing.set_quantity(sub, item, int(change["quantity"]), books.now)
    return {**_told(sub), "item": item.id}


def _add_item(books: Books, change: Change) -> dict[str, Any]:
    sub = _subscription(books, change)
    quantity = int(change.get("quantity", 1))
    item = books.billing.add_item(sub, _price(books, change, "seat"), quantity, books.now)
    return {**_told(sub), "item": item.id}


def _remove_item(books: Books, change: Change) -> dict[str, Any]:
    sub = _subscription(books, change)
    item = _item(sub, change)
    books.billing.remove_item(sub, item, books.now)
    return {**_told(sub), "item": item.id}


def _update_subscription(books: Books, change: Change) -> dict[str, Any]:
    sub = _subscription(books, change)
    with books.journal.change("customer.subscription.updated", sub, books.now):
        for name in ("metadata", "description", "discounts"):
            if name in change:
                setattr(sub, name, change[name])
    return _told(sub)


def _cancel_at_period_end(books: Books, change: Change) -> dict[str, Any]:
    sub = _subscription(books, change)
    books.billing.cancel_at_period_end(
        sub, books.now, undo=bool(change.get("undo", False)), comment=change.get("comment")
    )
    return _told(sub)


def _cancel_now(books: Books, change: Change) -> dict[str, Any]:
    sub = _subscription(books, change)
    books.billing.cancel(sub, books.now)
    return _told(sub)


def _end_trial(books: Books, change: Change) -> dict[str, Any]:
    sub = _subscription(books, change)
    if sub.status != "trialing":
        raise ValueError(f"The subscription is {sub.status}, not trialing.")
    books.billing.end_trial(sub, books.now)
    return _told(sub)


def _pause(books: Books, change: Change) -> dict[str, Any]:
    sub = _subscription(books, change)
    days = change.get("days")
    until = None if days is None else books.now + int(days) * DAY
    books.billing.pause_collection(sub, str(change.get("behavior", "void")), until, books.now)
    return _told(sub)


def _resume(books: Books, change: Change) -> dict[str, Any]:
    sub = _subscription(books, change)
    books.billing.resume(sub, books.now)
    return _told(sub)


def _pending_update(books: Books, change: Change) -> dict[str, Any]:
    """An upgrade that waits for money, or what became of it (`outcome`: applied, expired)."""
    sub = _subscription(books, change)
    outcome = change.get("outcome")
    at = books.now
    if outcome is None:
        with books.journal.change("customer.subscription.updated", sub, at):
            sub.pending_update = {
                "billing_cycle_anchor": None,
                "expires_at": at + 23 * HOUR,
                "subscription_items": None,
                "trial_end": None,
                "trial_from_plan": None,
            }
        return _told(sub)
    if outcome not in ("applied", "expired"):
        raise ValueError("A pending update's outcome is applied or expired.")
    with books.journal.change(f"customer.subscription.pending_update_{outcome}", sub, at):
        sub.pending_update = None
    return _told(sub)


# --- money --------------------------------------------------------------------------------------


def _open_invoice(books: Books, change: Change) -> Invoice:
    if "invoice" in change:
        return cast(Invoice, _find(books, "invoice", change))
    sub = _subscription(books, change)
    for bill in books.store.newest_first("invoice"):
        if bill.subscription == sub.id and bill.status == "open":
            return cast(Invoice, bill)
    raise ValueError(f"Subscription {sub.id} has no open invoice.")


def _pay(books: Books, change: Change) -> dict[str, Any]:
    bill = _open_invoice(books, change)
    books.billing.pay(bill, books.now)
    return {"invoice": bill.id, "status": bill.status}


def _fail_payment(books: Books, change: Change) -> dict[str, Any]:
    sub = _subscription(books, change)
    if sub.status not in ("active", "trialing", "past_due"):
        raise ValueError(f"The subscription is {sub.status}; nothing is charged for it.")
    bill = books.billing.fail(sub, books.now)
    return {**_told(sub), "invoice": bill.id}


def _void_invoice(books: Books, change: Change) -> dict[str, Any]:
    bill = _open_invoice(books, change)
    books.billing.void(bill, books.now)
    return {"invoice": bill.id, "status": bill.status}


def _write_off(books: Books, change: Change) -> dict[str, Any]:
    bill = _open_invoice(books, change)
    books.billing.write_off(bill, books.now)
    return {"invoice": bill.id, "status": bill.status}


def _expire_checkout(books: Books, change: Change) -> dict[str, Any]:
    """A checkout page that nobody finished: `outcome` is expired or async_payment_failed,
    async_payment_succeeded.
    """
    customer, at = _customer(books, change), books.now
    outcome = str(change.get("outcome", "expired"))
    session = books.store.add(
        CheckoutSession(
            id=books.store.new_id("cs_test"),
            created=at - DAY,
            expires_at=at,
            mode="subscription",
            status="expired" if outcome == "expired" else "complete",
            payment_status="paid" if outcome == "async_payment_succeeded" else "unpaid",
            customer=customer.id,
            subscription=None,
            invoice=None,
            user_id=(customer.metadata or {}).get("user_id"),
            email=customer.email,
            name=customer.name,
            amount_total=4900,
            currency="usd",
        )
    )
    books.journal.note(f"checkout.session.{outcome}", session, at)
    return {"session": session.id}


# --- catalogue ----------------------------------------------------------------------------------


def _edit_price(books: Books, price: Price, **fields: Any) -> dict[str, Any]:
    with books.journal.change("price.updated", price, books.now):
        for name, value in fields.items():
            setattr(price, name, value)
    return {"price": price.id}


def _archive_price(books: Books, change: Change) -> dict[str, Any]:
    return _edit_price(books, _price(books, change), active=bool(change.get("undo", False)))


def _update_price(books: Books, change: Change) -> dict[str, Any]:
    names = ("nickname", "metadata", "lookup_key", "tax_behavior")
    fields = {name: change[name] for name in names if name in change}
    return _edit_price(books, _price(books, change), **fields)


def _create_price(books: Books, change: Change) -> dict[str, Any]:
    product = cast(Product, _find(books, "product", change))
    amount = int(change.get("unit_amount", 9900))
    recurring = {
        "interval": str(change.get("interval", "month")),
        "interval_count": int(change.get("interval_count", 1)),
        "meter": None,
        "trial_period_days": None,
        "usage_type": "licensed",
    }
    price = books.store.add(
        Price(
            books.store.new_id("price"),
            books.now,
            product.id,
            currency=str(change.get("currency", "usd")),
            unit_amount=amount,
            unit_amount_decimal=str(amount),
            recurring=None if change.get("one_time") else recurring,
            nickname=change.get("nickname"),
            lookup_key=change.get("lookup_key"),
        )
    )
    books.journal.note("price.created", price, books.now)
    return {"price": price.id, "product": product.id}


def _delete_price(books: Books, change: Change) -> dict[str, Any]:
    price = _price(books, change)
    if any(i.price == price.id for s in books.store.subscriptions.values() for i in s.items):
        raise ValueError("A price that a subscription uses cannot be deleted; archive it.")
    with books.journal.change("price.deleted", price, books.now):
        price.deleted = True
    return {"price": price.id}


def _create_product(books: Books, change: Change) -> dict[str, Any]:
    now = books.now
    product = books.store.add(
        Product(
            books.store.new_id("prod"),
            now,
            str(change.get("name", "New package")),
            now,
            metadata=dict(change.get("metadata", {})),
        )
    )
    books.journal.note("product.created", product, now)
    return {"product": product.id}


def _update_product(books: Books, change: Change) -> dict[str, Any]:
    product = cast(Product, _find(books, "product", change))
    with books.journal.change("product.updated", product, books.now):
        for name in ("name", "description", "active", "metadata", "default_price"):
            if name in change:
                setattr(product, name, change[name])
        product.updated = books.now
    return {"product": product.id}


def _delete_product(books: Books, change: Change) -> dict[str, Any]:
    product = cast(Product, _find(books, "product", change))
    if any(p.product == product.id and not p.deleted for p in books.store.prices.values()):
        raise ValueError("A product with prices cannot be deleted; archive it or delete them.")
    with books.journal.change("product.deleted", product, books.now):
        product.deleted = True
    return {"product": product.id}


# --- the account --------------------------------------------------------------------------------


def _revoke_key(books: Books, change: Change) -> dict[str, Any]:
    """A key (`key`: its name, by default the source's) is rolled away until `restore`."""
    name = str(change.get("key", "api_key"))
    key = books.key(name)
    if change.get("restore"):
        books.revoked.discard(key)
    else:
        books.revoked.add(key)
    return {"key": name}


def _deny(books: Books, change: Change) -> dict[str, Any]:
    """A key loses the permission to read `resource`, or gets it back with `restore`."""
    name = str(change.get("key", "api_key"))
    key, resource = books.key(name), str(change["resource"])
    reads = books.keys[key]
    books.keys[key] = reads | {resource} if change.get("restore") else reads - {resource}
    return {"key": name, "reads": sorted(books.keys[key])}


def _switch(books: Books, change: Change) -> dict[str, Any]:
    if change.get("name") == "default_version":
        # of requests without a version and of the events from now on
        books.journal.after = str(change["value"])
        return {"name": "default_version", "value": books.journal.after}
    return turn(books.switches, change)


ACTIONS: dict[str, Callable[[Books, Change], dict[str, Any]]] = {
    "create_customer": _create_customer,
    "update_customer": _update_customer,
    "delete_customer": _delete_customer,
    "subscribe": _subscribe,
    "upgrade": _upgrade,
    "set_quantity": _set_quantity,
    "add_item": _add_item,
    "remove_item": _remove_item,
    "update_subscription": _update_subscription,
    "cancel_at_period_end": _cancel_at_period_end,
    "cancel_now": _cancel_now,
    "end_trial": _end_trial,
    "pause": _pause,
    "resume": _resume,
    "pending_update": _pending_update,
    "pay": _pay,
    "fail_payment": _fail_payment,
    "void_invoice": _void_invoice,
    "write_off": _write_off,
    "leave_checkout": _expire_checkout,
    "archive_price": _archive_price,
    "update_price": _update_price,
    "create_price": _create_price,
    "delete_price": _delete_price,
    "create_product": _create_product,
    "update_product": _update_product,
    "delete_product": _delete_product,
    "revoke_key": _revoke_key,
    "deny": _deny,
    "switch": _switch,
}
