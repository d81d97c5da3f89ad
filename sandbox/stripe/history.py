"""The account's past: who subscribed when, told from the world's users and some who left."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import Any

from sandbox.stripe.billing import HOUR, Billing, Order
from sandbox.stripe.catalogue import Catalogue
from sandbox.stripe.model import Customer, Subscription
from sandbox.stripe.store import DAY
from sandbox.world.model import User
from sandbox.world.names import FIRST, LAST

Start = Callable[[Customer, int], Subscription]


class History:
    """Plans everything that happened until `noon` of the first day."""

    def __init__(
        self, billing: Billing, catalogue: Catalogue, rng: Random, *, noon: int, days: int
    ) -> None:
        self._billing = billing
        self._catalogue = catalogue
        self._rng = rng
        self._noon = noon
        self._days = days

    def users(self, users: Sequence[User]) -> None:
        """Customers of the world's users; leaders pay for their team, some mates for themselves."""
        seats: dict[str, int] = {}
        for user in users:
            seats[user.agent_key] = seats.get(user.agent_key, 0) + 1
        people = {user.agent_id: user for user in users}
        plain = False
        for number, user in enumerate(people.values()):
            at = self._noon - self._rng.randint(40, max(60, self._days)) * DAY
            at -= self._rng.randint(0, 30_000)
            metadata: dict[str, str] = {}
            if user.is_connected:
                metadata = {"user_id": user.agent_key}
            elif plain:
                metadata = {"team_of": user.agent_key}
            else:
                # one customer says nothing about whose it is
                plain = True
            self._billing.at(at, self._joining(user, metadata, number, seats[user.agent_key]))

    def _joining(
        self, user: User, metadata: dict[str, str], number: int, seats: int
    ) -> Callable[[int], None]:
        billing, price = self._billing, self._catalogue.price

        def join(at: int) -> None:
            customer = billing.customer(
                at,
                email=user.email,
                name=f"{user.first_name} {user.last_name}",
                metadata=dict(metadata),
                agent_id=user.agent_id,
            )
            if not user.is_connected:
                if number % 3 == 0:
                    billing.subscribe(customer, [(price("solo"), 1)], at + HOUR)
                return
            order: list[Order] = [(price("solo" if number % 2 else "solo-yearly"), 1)]
            if seats > 1:
                order = [(price("team"), 1), (price("seat"), seats)]
            billing.subscribe(
                customer,
                order,
                at + HOUR,
                user_id=user.agent_key,
                metadata={"user_id": user.agent_key},
            )

        return join

    def strangers(self, rounds: int) -> None:
        """People who are no agents here (any more): every state a subscription can be in."""
        for number in range(rounds):
            stories = self._stories() if number == 0 else self._ordinary()
            for name, (days_ago, card, start) in stories.items():
                at = self._noon - round(days_ago * DAY) - self._rng.randint(0, 20_000)
                self._billing.at(at, self._meeting(f"{name}-{number}", card, start))

    def _meeting(self, name: str, card: str, start: Start) -> Callable[[int], None]:
        first, last = self._rng.choice(FIRST), self._rng.choice(LAST)

        def meet(at: int) -> None:
            customer = self._billing.customer(
                at,
                email=None if name.startswith("nobody") else f"{name}@example.com",
                name=None if name.startswith("nobody") else f"{first} {last}",
                metadata=None if name.startswith("nobody") else {"user_id": f"former-{name}"},
                card=card,
            )
            start(customer, at)

        return meet

    def _plain(self, *names: str, **fields: Any) -> Start:
        order: list[Order] = [(self._catalogue.price(name), 1) for name in names]
        return lambda customer, at: self._billing.subscribe(customer, order, at, **fields)

    def _and_then(
        self, start: Start, days: float, action: Callable[[Subscription, int], object]
    ) -> Start:
        def begin(customer: Customer, at: int) -> Subscription:
            sub = start(customer, at)
            self._billing.at(at + round(days * DAY), lambda moment: (action(sub, moment), None)[1])
            return sub

        return begin

    def _card(self, card: str) -> Callable[[Subscription, int], object]:
        def change(sub: Subscription, at: int) -> None:
            self._billing.store.customers[sub.customer].card = card

        return change

    def _ordinary(self) -> dict[str, tuple[float, str, Start]]:
        billing = self._billing
        month = float(self._rng.randint(70, max(90, self._days)))
        return {
            "leaver": (month, "ok", self._and_then(self._plain("solo"), 40, billing.cancel)),
            "stayer": (month / 2, "ok", self._plain("solo-yearly")),
        }

    def _stories(self) -> dict[str, tuple[float, str, Start]]:
        """Name → (days ago, card, what happened); one for each state and shape of the contract."""
        billing, price = self._billing, self._catalogue.price
        solo = self._plain("solo")

        def leaves_at_the_end(sub: Subscription, at: int) -> None:
            billing.cancel_at_period_end(sub, at, comment="Too few leads for me.")

        def pauses(behavior: str, days: int | None) -> Callable[[Subscription, int], None]:
            return lambda sub, at: billing.pause_collection(
                sub, behavior, None if days is None else at + days * DAY, at
            )

        def upgraded(sub: Subscription, at: int) -> None:
            billing.upgrade(sub, price("solo-yearly"), 1, at)

        def odd_customer(customer: Customer, at: int) -> Subscription:
            customer.balance, customer.delinquent, customer.currency = None, None, None
            return solo(customer, at)

        def credited(customer: Customer, at: int) -> Subscription:
            customer.balance, customer.description = -1500, "Two referrals"
            return solo(customer, at)

        def dressed(customer: Customer, at: int) -> Subscription:
            sub = solo(customer, at)
            new_id = billing.store.new_id
            sub.schedule, sub.test_clock = new_id("sub_sched"), new_id("clock")
            sub.on_behalf_of, sub.application = new_id("acct"), new_id("ca")
            sub.discounts, sub.pending_setup_intent = [new_id("di")], new_id("seti")
            sub.pending_update = {
                "billing_cycle_anchor": None,
                "expires_at": at + 22 * HOUR,
                "subscription_items": None,
                "trial_end": None,
                "trial_from_plan": None,
            }
            sub.description, sub.start_date = "Moved from the old system", at - 90 * DAY
            item = sub.items[0]
            item.metadata, item.discounts = {"note": "first"}, [new_id("di")]
            item.billing_thresholds, item.billed_until = {"usage_gte": 100}, at
            item.tax_rates = [{"id": new_id("txr"), "object": "tax_rate", "percentage": 6.25}]
            return sub

        addons = self._plain(*[f"addon-{number}" for number in range(12)])
        return {
            "gone": (200, "ok", self._and_then(solo, 75, billing.cancel)),
            "just-gone": (100, "ok", self._and_then(solo, 92, billing.cancel)),
            "leaving": (50, "ok", self._and_then(solo, 45, leaves_at_the_end)),
            "left-as-planned": (100, "ok", self._and_then(solo, 70, leaves_at_the_end)),
            "leaving-on-a-day": (
                95, "ok",
                self._and_then(solo, 90, lambda s, at: billing.cancel_on(s, at + 40 * DAY, at)),
            ),
            "incomplete": (0.5, "declined", solo),
            "expired": (4, "declined", solo),
            "trying": (9, "ok", self._plain("solo", trial_days=14)),
            "tried": (20, "ok", self._plain("solo", trial_days=14)),
            "past-due": (65, "ok", self._and_then(solo, 50, self._card("declined"))),
            "unpaid": (100, "ok", self._and_then(solo, 50, self._card("declined"))),
            "given-up": (
                58, "ok",
                self._and_then(
                    self._plain("solo", gives_up_as="canceled"), 25, self._card("declined")
                ),
            ),
            "recovered": (
                65, "ok",
                self._and_then(
                    self._and_then(solo, 20, self._card("declined")), 33, self._card("ok")
                ),
            ),
            "paused": (20, "none", self._plain("solo", trial_days=14)),
            "holding": (90, "ok", self._and_then(solo, 45, pauses("void", 75))),
            "drafting": (91, "ok", self._and_then(solo, 47, pauses("keep_as_draft", None))),
            "lossy": (92, "ok", self._and_then(solo, 46, pauses("mark_uncollectible", None))),
            "invoiced": (
                125, "ok", self._plain("team", collection_method="send_invoice", days_until_due=30)
            ),
            "mixed": (
                70, "ok", self._plain("solo", "team-yearly", billing_mode="flexible")
            ),
            "many": (33, "ok", addons),
            "yen": (47, "ok", self._plain("solo-jpy")),
            "brokers": (48, "ok", self._plain("brokerage", "minutes", "texts")),
            "quarterly": (49, "ok", self._plain("volume")),
            "old-price": (400, "ok", self._plain("solo-old")),
            "upgraded": (60, "ok", self._and_then(solo, 51.5, upgraded)),
            "deleted": (
                80, "ok",
                self._and_then(
                    solo, 72.2,
                    lambda s, at: billing.delete_customer(billing.store.customers[s.customer], at),
                ),
            ),
            "nobody": (55, "ok", odd_customer),
            "credited": (56, "ok", credited),
            "dressed": (40, "ok", dressed),
        }  # fmt: skip
