"""How subscriptions live: they start, renew, fail, are paid, end. Every step leaves its events."""

from __future__ import annotations

import calendar
import heapq
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from random import Random
from typing import Any

from sandbox.stripe.catalogue import amount_of
from sandbox.stripe.model import (
    CheckoutSession,
    Customer,
    Invoice,
    Item,
    PaymentIntent,
    Price,
    Subscription,
)
from sandbox.stripe.store import DAY, Journal, Store
from sandbox.stripe.wire import CANARY

HOUR = 3600
SUBSCRIPTION_UPDATED = "customer.subscription.updated"
# days after a failed charge at which it is tried again; after the last one Stripe gives up
RETRIES = (3, 5, 7)
ENDED = ("canceled", "incomplete_expired")
Order = tuple[Price, int | None]


def after(anchor: int, recurring: dict[str, Any], cycles: int) -> int:
    """The end of a number of billing cycles: the anchor's day of the month, or the last one."""
    count = int(recurring["interval_count"]) * cycles
    match recurring["interval"]:
        case "day":
            return anchor + count * DAY
        case "week":
            return anchor + count * 7 * DAY
        case "month":
            months = count
        case _:
            months = count * 12
    start = datetime.fromtimestamp(anchor, UTC)
    index = start.year * 12 + start.month - 1 + months
    year, month = index // 12, index % 12 + 1
    day = min(start.day, calendar.monthrange(year, month)[1])
    return int(start.replace(year=year, month=month, day=day).timestamp())


def _if_still(
    sub: Subscription, token: int, action: Callable[[Subscription, int], None], at: int
) -> None:
    """What was planned for a subscription, unless it has been planned otherwise since."""
    if sub.token == token:
        action(sub, at)


class Billing:
    """Plans and plays the steps of all subscriptions."""

    def __init__(self, store: Store, journal: Journal, rng: Random) -> None:
        self.store = store
        self.journal = journal
        self._rng = rng
        self._plan: list[tuple[int, int, Callable[[int], None]]] = []
        self._planned = 0
        self._now = 0
        self._invoices_of: dict[str, int] = {}

    def at(self, moment: int, action: Callable[[int], None]) -> None:
        """Plans an action, which is told the moment."""
        self._planned += 1
        heapq.heappush(self._plan, (max(moment, self._now), self._planned, action))

    def run_until(self, now: int) -> None:
        """Plays everything that is due."""
        while self._plan and self._plan[0][0] <= now:
            moment, _, action = heapq.heappop(self._plan)
            # nothing is ever written before what was written already: readers poll by time
            self._now = moment
            action(moment)
        self._now = max(self._now, now)
        self.journal.flush()

    def _later(
        self, sub: Subscription, moment: int, action: Callable[[Subscription, int], None]
    ) -> None:
        self.at(moment, partial(_if_still, sub, sub.token, action))

    # --- starting -----------------------------------------------------------------------------

    def customer(self, at: int, **fields: Any) -> Customer:
        """Somebody new."""
        new = self.store.add(Customer(self.store.new_id("cus"), at, **fields))
        self.journal.note("customer.created", new, at)
        return new

    def subscribe(
        self,
        customer: Customer,
        order: Sequence[Order],
        at: int,
        *,
        trial_days: int = 0,
        started: int | None = None,
        user_id: str | None = None,
        **fields: Any,
    ) -> Subscription:
        """A subscription that starts now, in a trial, or `incomplete` when the card is refused."""
        store = self.store
        anchor = at + trial_days * DAY
        sub = Subscription(
            id=store.new_id("sub"),
            created=at,
            customer=customer.id,
            start_date=at if started is None else started,
            billing_cycle_anchor=anchor,
            currency=order[0][0].currency,
            **fields,
        )
        for price, quantity in order:
            sub.items.append(self._item(sub, price, quantity, at, anchor if trial_days else None))
        store.add(sub)
        if customer.card != "none":
            sub.default_payment_method = store.new_id("pm")
        if trial_days:
            sub.status, sub.trial_start, sub.trial_end = "trialing", at, anchor
            bill = self._bill(sub, 0, "subscription_create", at)
        else:
            total = sum(self._price_of(item) for item in sub.items)
            bill = self._bill(sub, total, "subscription_create", at)
        sub.latest_invoice = bill.id
        refused = not self._charge(bill, customer, at)
        if refused and sub.collection_method == "charge_automatically":
            sub.status = "incomplete"
        self.journal.note("customer.subscription.created", sub, at)
        if sub.status == "incomplete":
            self._later(sub, at + 23 * HOUR, self._expire)
        else:
            self._plan_next(sub)
        if user_id is not None:
            self._checkout(sub, bill, customer, user_id, at)
        return sub

    def _item(
        self, sub: Subscription, price: Price, quantity: int | None, at: int, trial_end: int | None
    ) -> Item:
        if price.recurring is None:
            raise ValueError("A one-time price cannot be subscribed to.")
        anchor = at if trial_end is None else trial_end
        return Item(
            id=self.store.new_id("si"),
            created=at,
            subscription=sub.id,
            price=price.id,
            quantity=None if price.metered else quantity or 1,
            current_period_start=at,
            current_period_end=after(at, price.recurring, 1) if trial_end is None else trial_end,
            anchor=anchor,
            cycle=1 if trial_end is None else 0,
        )

    def _price_of(self, item: Item) -> int:
        quantity = self._rng.randint(20, 900) if item.quantity is None else item.quantity
        return amount_of(self.store.prices[item.price], quantity)

    def _plan_next(self, sub: Subscription) -> None:
        if sub.status == "trialing":
            if sub.trial_end is not None:
                warn = sub.trial_end - 3 * DAY
                if warn > sub.created:
                    self._later(sub, warn, self._warn)
                self._later(sub, sub.trial_end, self.end_trial)
        elif sub.status in ("active", "past_due", "unpaid"):
            end = sub.period_end
            if sub.cancel_at is not None:
                end = min(end, sub.cancel_at)
            self._later(sub, end, self.renew)

    def _checkout(
        self, sub: Subscription, bill: Invoice, customer: Customer, user_id: str, at: int
    ) -> None:
        session = CheckoutSession(
            id=self.store.new_id("cs_test"),
            created=at - 240,
            expires_at=at - 240 + DAY,
            mode="subscription",
            status="complete",
            payment_status=(
                "no_payment_required"
                if not bill.total
                else "paid"
                if bill.status == "paid"
                else "unpaid"
            ),
            customer=customer.id,
            subscription=sub.id,
            invoice=bill.id,
            user_id=user_id,
            email=customer.email,
            name=customer.name,
            amount_total=bill.total,
            currency=bill.currency,
        )
        self.store.add(session)
        self.journal.note("checkout.session.completed", session, at)

    # --- money --------------------------------------------------------------------------------

    def _bill(
        self, sub: Subscription, total: int, reason: str, at: int, *, draft: bool = False
    ) -> Invoice:
        number = self._invoices_of[sub.customer] = self._invoices_of.get(sub.customer, 0) + 1
        bill = self.store.add(
            Invoice(
                id=self.store.new_id("in"),
                created=at,
                customer=sub.customer,
                currency=sub.currency,
                total=total,
                status="draft" if draft else "open",
                billing_reason=reason,
                # the window of the invoice's items, which is not the subscription's period
                period_start=sub.period_start if reason == "subscription_cycle" else at,
                period_end=at,
                subscription=sub.id,
                number=None if draft else f"{sub.customer[-8:].upper()}-{number:04d}",
                finalized_at=None if draft else at,
            )
        )
        self.journal.note("invoice.created", bill, at)
        if not draft:
            self.journal.note("invoice.finalized", bill, at)
        return bill

    def _charge(self, bill: Invoice, customer: Customer, at: int) -> bool:
        """Tries to take the money; true when nothing is owed any more."""
        note = self.journal.note
        sub = self.store.subscriptions.get(bill.subscription or "")
        if bill.total > 0 and sub is not None and sub.collection_method == "send_invoice":
            return False
        if bill.total <= 0:
            bill.status, bill.paid_at = "paid", at
            note("invoice.paid", bill, at)
            note("invoice.payment_succeeded", bill, at)
            return True
        bill.attempt_count += 1
        intent = self._intent(bill, customer, at)
        if customer.card == "ok":
            intent.status, intent.amount_received = "succeeded", bill.amount_remaining
            intent.latest_charge, intent.last_payment_error = self.store.new_id("ch"), None
            note("payment_intent.succeeded", intent, at)
            self._settle(bill, at)
            if customer.currency is None:
                with self.journal.change("customer.updated", customer, at):
                    customer.currency = bill.currency
            return True
        intent.status = "requires_payment_method"
        intent.last_payment_error = {
            "code": "card_declined",
            "decline_code": "insufficient_funds",
            "message": "Your card has insufficient funds.",
            "source": {"id": f"card_{CANARY}", "address_line1": CANARY, "last4": CANARY},
            "type": "card_error",
        }
        note("payment_intent.payment_failed", intent, at)
        note("invoice.payment_failed", bill, at)
        return False

    def _intent(self, bill: Invoice, customer: Customer, at: int) -> PaymentIntent:
        intent = self.store.payment_intents.get(bill.payment_intent or "")
        if intent is None:
            intent = self.store.add(
                PaymentIntent(
                    self.store.new_id("pi"),
                    at,
                    bill.amount_due,
                    bill.currency,
                    customer.id,
                    "requires_payment_method",
                )
            )
            bill.payment_intent = intent.id
        if customer.card != "none":
            intent.payment_method = self.store.new_id("pm")
        return intent

    def _settle(self, bill: Invoice, at: int) -> None:
        bill.status, bill.amount_paid, bill.next_payment_attempt = "paid", bill.amount_due, None
        bill.paid_at = at
        self.journal.note("invoice.paid", bill, at)
        self.journal.note("invoice.payment_succeeded", bill, at)

    def pay(self, bill: Invoice, at: int) -> None:
        """An open bill is paid after all; the subscription is well again."""
        if bill.status not in ("open", "uncollectible"):
            raise ValueError(f"The invoice is {bill.status}; only an open one can be paid.")
        customer = self.store.customers[bill.customer or ""]
        customer.card = "ok"
        if not self._charge(bill, customer, at):
            # a bill that was sent is paid by transfer, without a charge
            self._settle(bill, at)
        sub = self.store.subscriptions.get(bill.subscription or "")
        if sub is not None and sub.status in ("past_due", "unpaid", "incomplete"):
            with self.journal.change(SUBSCRIPTION_UPDATED, sub, at):
                sub.status = "active"
                sub.token += 1
            self._plan_next(sub)
        self._delinquent(customer, False, at)

    def fail(self, sub: Subscription, at: int) -> Invoice:
        """The card is refused from now on, beginning with a bill of this moment."""
        customer = self.store.customers[sub.customer]
        customer.card = "declined"
        bill = self._bill(
            sub, sum(self._price_of(item) for item in sub.items), "subscription_cycle", at
        )
        self._charge(bill, customer, at)
        self._dun(sub, bill, at)
        return bill

    def _delinquent(self, customer: Customer, value: bool, at: int) -> None:
        if customer.delinquent != value and not customer.deleted:
            with self.journal.change("customer.updated", customer, at):
                customer.delinquent = value

    def void(self, bill: Invoice, at: int) -> None:
        """A bill that nobody has to pay any more."""
        with self.journal.change("invoice.voided", bill, at):
            bill.status, bill.next_payment_attempt, bill.voided_at = "void", None, at

    def write_off(self, bill: Invoice, at: int) -> None:
        """A bill that nobody will pay."""
        with self.journal.change("invoice.marked_uncollectible", bill, at):
            bill.status, bill.next_payment_attempt = "uncollectible", None
            bill.marked_uncollectible_at = at

    # --- living -------------------------------------------------------------------------------

    def renew(self, sub: Subscription, at: int) -> None:
        """The end of a period: the subscription ends as planned or the items due are billed."""
        if sub.cancel_at_period_end or (sub.cancel_at is not None and sub.cancel_at <= at):
            self.cancel(sub, at, asked=False)
            return
        paused = sub.pause_collection
        if paused and paused["resumes_at"] is not None and paused["resumes_at"] <= at:
            paused = None
        draft = sub.status == "unpaid"
        due = [item for item in sub.items if item.current_period_end <= at]
        total = sum(self._price_of(item) for item in due)
        bill = self._bill(sub, total, "subscription_cycle", at, draft=draft)
        customer = self.store.customers[sub.customer]
        with self.journal.change(SUBSCRIPTION_UPDATED, sub, at):
            for item in due:
                self._next_period(item)
            sub.latest_invoice, sub.pause_collection = bill.id, paused
        if paused:
            self._hold(bill, paused["behavior"], at)
        elif not draft and not self._charge(bill, customer, at):
            if sub.collection_method == "send_invoice":
                self.at(at + 40 * DAY, partial(self._overdue, bill))
            elif sub.status == "active":
                self._dun(sub, bill, at)
                return
        self._plan_next(sub)

    def _hold(self, bill: Invoice, behavior: str, at: int) -> None:
        if behavior == "void":
            self.void(bill, at)
        elif behavior == "mark_uncollectible":
            self.write_off(bill, at)
        else:
            bill.status, bill.number, bill.finalized_at = "draft", None, None

    def _overdue(self, bill: Invoice, at: int) -> None:
        if bill.status == "open":
            self.write_off(bill, at)

    def _next_period(self, item: Item) -> None:
        recurring = self.store.prices[item.price].recurring
        if recurring is None:
            raise ValueError("An item of a subscription has a recurring price.")
        item.cycle += 1
        item.current_period_start = item.current_period_end
        item.current_period_end = after(item.anchor, recurring, item.cycle)

    def _dun(self, sub: Subscription, bill: Invoice, at: int) -> None:
        with self.journal.change(SUBSCRIPTION_UPDATED, sub, at):
            sub.status = "past_due"
            sub.latest_invoice = bill.id
            sub.token += 1
        self._delinquent(self.store.customers[sub.customer], True, at)
        self._retry_at(sub, bill, at, RETRIES)

    def _retry_at(self, sub: Subscription, bill: Invoice, at: int, days: Sequence[int]) -> None:
        first, *rest = days
        bill.next_payment_attempt = at + first * DAY
        self._later(sub, at + first * DAY, partial(self._retry, bill, rest))

    def _retry(self, bill: Invoice, rest: Sequence[int], sub: Subscription, at: int) -> None:
        if bill.status != "open":
            return
        customer = self.store.customers[sub.customer]
        if self._charge(bill, customer, at):
            with self.journal.change(SUBSCRIPTION_UPDATED, sub, at):
                sub.status = "active"
            self._delinquent(customer, False, at)
            self._plan_next(sub)
        elif rest:
            self._retry_at(sub, bill, at, rest)
        else:
            bill.next_payment_attempt = None
            self._give_up(sub, at)

    def _give_up(self, sub: Subscription, at: int) -> None:
        if sub.gives_up_as == "canceled":
            self.cancel(sub, at, reason="payment_failed")
            return
        with self.journal.change(SUBSCRIPTION_UPDATED, sub, at):
            sub.status = "unpaid"
        self._plan_next(sub)

    def _expire(self, sub: Subscription, at: int) -> None:
        with self.journal.change(SUBSCRIPTION_UPDATED, sub, at):
            sub.status = "incomplete_expired"
            sub.ended_at = at
            sub.token += 1
        bill = self.store.invoices[sub.latest_invoice or ""]
        self.void(bill, at)

    def _warn(self, sub: Subscription, at: int) -> None:
        self.journal.note("customer.subscription.trial_will_end", sub, at)

    def end_trial(self, sub: Subscription, at: int) -> None:
        """The trial is over: the first bill, or a pause when nobody left a card."""
        customer = self.store.customers[sub.customer]
        if sub.cancel_at_period_end:
            self.cancel(sub, at, asked=False)
            return
        if customer.card == "none":
            with self.journal.change("customer.subscription.paused", sub, at):
                sub.status = "paused"
                sub.token += 1
            return
        with self.journal.change(SUBSCRIPTION_UPDATED, sub, at):
            sub.status, sub.trial_end, sub.billing_cycle_anchor = "active", at, at
            sub.token += 1
            for item in sub.items:
                item.anchor = item.current_period_end = at
                item.cycle = 0
                self._next_period(item)
            bill = self._bill(
                sub, sum(self._price_of(item) for item in sub.items), "subscription_cycle", at
            )
            sub.latest_invoice = bill.id
        if self._charge(bill, customer, at):
            self._plan_next(sub)
        else:
            self._dun(sub, bill, at)

    # --- what the customer decides --------------------------------------------------------------

    def cancel(
        self, sub: Subscription, at: int, *, asked: bool = True, reason: str | None = None
    ) -> None:
        """It is over now, because somebody asked for it or as it was planned."""
        if sub.status in ENDED:
            raise ValueError(f"The subscription is {sub.status} already.")
        sub.token += 1
        with self.journal.change("customer.subscription.deleted", sub, at):
            sub.status, sub.ended_at = "canceled", at
            if asked:
                sub.canceled_at, sub.cancel_at_period_end = at, False
                sub.cancellation_details = {
                    "comment": None,
                    "feedback": None,
                    "reason": reason or "cancellation_requested",
                }
            elif sub.canceled_at is None:
                sub.canceled_at = at

    def cancel_at_period_end(
        self, sub: Subscription, at: int, *, undo: bool = False, comment: str | None = None
    ) -> None:
        """It will be over at the end of the period, or goes on after all."""
        with self.journal.change(SUBSCRIPTION_UPDATED, sub, at):
            sub.cancel_at_period_end = not undo
            sub.cancel_at = None if undo else sub.period_end
            sub.canceled_at = None if undo else at
            sub.cancellation_details = {
                "comment": comment,
                "feedback": None if undo else "too_expensive",
                "reason": None if undo else "cancellation_requested",
            }
            sub.token += 1
        self._plan_next(sub)

    def cancel_on(self, sub: Subscription, moment: int, at: int) -> None:
        """It will be over at a moment that is no period's end."""
        with self.journal.change(SUBSCRIPTION_UPDATED, sub, at):
            sub.cancel_at, sub.canceled_at = moment, at
            sub.token += 1
        self._plan_next(sub)

    def upgrade(self, sub: Subscription, price: Price, quantity: int | None, at: int) -> Invoice:
        """Another price for the first item, the difference billed at once."""
        item = sub.items[0]
        old = self.store.prices[item.price]
        if price.recurring is None or price.currency != sub.currency:
            raise ValueError("A subscription takes a recurring price of its own currency.")
        with self.journal.change(SUBSCRIPTION_UPDATED, sub, at):
            before = self._price_of(item)
            item.price = price.id
            item.quantity = None if price.metered else quantity or item.quantity or 1
            if old.recurring is None or _rhythm(old) != _rhythm(price):
                # another rhythm begins a period of its own
                item.anchor = item.current_period_start = at
                item.cycle = 1
                item.current_period_end = after(at, price.recurring, 1)
                sub.billing_cycle_anchor = at
            bill = self._bill(sub, self._price_of(item) - before, "subscription_update", at)
            sub.latest_invoice = bill.id
            sub.token += 1
        self._charge(bill, self.store.customers[sub.customer], at)
        self._plan_next(sub)
        return bill

    def set_quantity(self, sub: Subscription, item: Item, quantity: int, at: int) -> None:
        """More or fewer seats, to be billed with the next period."""
        with self.journal.change(SUBSCRIPTION_UPDATED, sub, at):
            item.quantity = quantity

    def add_item(self, sub: Subscription, price: Price, quantity: int | None, at: int) -> Item:
        """One more price, with periods of its own."""
        with self.journal.change(SUBSCRIPTION_UPDATED, sub, at):
            item = self._item(sub, price, quantity, at, None)
            sub.items.append(item)
            sub.token += 1
        self._plan_next(sub)
        return item

    def remove_item(self, sub: Subscription, item: Item, at: int) -> None:
        """One price less; the last one stays."""
        if len(sub.items) == 1:
            raise ValueError("A subscription keeps at least one item; cancel it instead.")
        with self.journal.change(SUBSCRIPTION_UPDATED, sub, at):
            sub.items.remove(item)
            sub.token += 1
        self._plan_next(sub)

    def pause_collection(
        self, sub: Subscription, behavior: str, resumes_at: int | None, at: int
    ) -> None:
        """Bills go on but nobody has to pay them; the status stays."""
        with self.journal.change(SUBSCRIPTION_UPDATED, sub, at):
            sub.pause_collection = {"behavior": behavior, "resumes_at": resumes_at}

    def resume(self, sub: Subscription, at: int) -> None:
        """Out of the status `paused`, or out of paused collection."""
        if sub.status == "paused":
            customer = self.store.customers[sub.customer]
            customer.card = "ok"
            with self.journal.change("customer.subscription.resumed", sub, at):
                sub.status = "active"
                for item in sub.items:
                    item.anchor = item.current_period_end = at
                    item.cycle = 0
                    self._next_period(item)
                bill = self._bill(
                    sub, sum(self._price_of(i) for i in sub.items), "subscription_cycle", at
                )
                sub.latest_invoice = bill.id
                sub.token += 1
            self._charge(bill, customer, at)
            self._plan_next(sub)
            return
        with self.journal.change(SUBSCRIPTION_UPDATED, sub, at):
            sub.pause_collection = None

    def delete_customer(self, customer: Customer, at: int) -> None:
        """The customer is gone for good, and what he paid for ends."""
        for sub in self.store.subscriptions.values():
            if sub.customer == customer.id and sub.status not in ENDED:
                self.cancel(sub, at)
        with self.journal.change("customer.deleted", customer, at):
            customer.deleted = True


def _rhythm(price: Price) -> tuple[str, int]:
    recurring = price.recurring or {}
    return str(recurring.get("interval")), int(recurring.get("interval_count", 0))
