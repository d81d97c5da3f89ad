"""The product's Stripe account: it belongs to the house and lives with the world's users."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, time
from random import Random
from typing import TYPE_CHECKING, Any

from sandbox.stripe import changes, truth, wire
from sandbox.stripe.billing import Billing
from sandbox.stripe.catalogue import Catalogue
from sandbox.stripe.history import History
from sandbox.stripe.model import Event, Invoice
from sandbox.stripe.store import DAY, KEPT_DAYS, Journal, Store
from sandbox.vendor import HOUSE
from sandbox.world.model import User

if TYPE_CHECKING:
    from sandbox.box import Sandbox

READS = frozenset({"product", "price", "customer", "subscription", "invoice", "event", "checkout"})
# the account's default version changed this many days before the first day
UPGRADED_DAYS = 12
# no event falls so near the vendor's limit that a slow first reading would just miss it
QUIET = 2 * 3600
SWITCHES: Mapping[str, Any] = {
    "inline_items": wire.INLINE_ITEMS,
    "deleted_as_404": False,
    "strict_parameters": True,
}


class Books:
    """See the module's text. `keys` maps each API key to what it may read; `switches` are
    documented in the README.
    """

    def __init__(self, box: Sandbox) -> None:
        self._world = box.world
        self._rng = box.world.rng("stripe")
        self.switches = dict(SWITCHES)
        self.revoked: set[str] = set()
        self.keys: dict[str, frozenset[str]] = {}
        self._names: dict[str, str] = {}
        self._issue_keys()
        noon = int(datetime.combine(box.world.today, time(12), tzinfo=UTC).timestamp())
        self.first_day = noon
        days = box.world.size.months * 31
        self.store = Store(box.world.rng("stripe ids"))
        self.journal = Journal(
            self.store,
            self._rng,
            since=noon - (KEPT_DAYS + 5) * DAY,
            upgraded_at=noon - UPGRADED_DAYS * DAY,
        )
        self.billing = Billing(self.store, self.journal, self._rng)
        self.catalogue = Catalogue(self.store, noon - (days + 430) * DAY)
        history = History(self.billing, self.catalogue, self._rng, noon=noon, days=days)
        history.users(box.world.users)
        history.strangers(1 + len(box.world.users) // 20)
        self.billing.run_until(noon)
        self._odd_things(noon)
        self.journal.flush()
        self.store.forget_events(noon - KEPT_DAYS * DAY, QUIET)
        for event in self.store.events.values():
            # the newest are still on their way to a webhook
            event.pending_webhooks = 1 if event.created > noon - DAY else 0

    def _issue_keys(self) -> None:
        named = {
            "api_key": READS,
            "full": READS | {"payment_intent"},
            "without_customers": READS - {"customer"},
            "without_events": READS - {"event"},
        }
        for name, reads in named.items():
            chance = Random(f"{self._world.seed}:stripe:{name}")
            key = f"{'sk' if name == 'full' else 'rk'}_test_{chance.getrandbits(96):024x}"
            self.keys[key] = reads
            self._names[name] = key
            self._world.register_key(key, HOUSE)

    def _odd_things(self, noon: int) -> None:
        """Invoices without a subscription, edits of the catalogue, an event of no version."""
        store, at = self.store, noon - 20 * DAY
        payer = next(iter(store.customers.values()))
        price = self.catalogue.price("onboarding")
        for quote, status in ((None, "paid"), (store.new_id("qt"), "open")):
            bill = store.add(
                Invoice(
                    store.new_id("in"), at, payer.id, "usd", price.unit_amount or 0, status,
                    "manual", at, at, number=f"{payer.id[-8:].upper()}-90{len(status)}",
                    amount_paid=(price.unit_amount or 0) if status == "paid" else 0, quote=quote,
                    finalized_at=at, paid_at=at if status == "paid" else None,
                )
            )  # fmt: skip
            self.journal.note("invoice.finalized", bill, at)
        foundling = Invoice(
            store.new_id("in"), at - 90 * DAY, None, "usd", -500, "void",
            "subscription_threshold", at, at, voided_at=at,
        )  # fmt: skip
        store.add(foundling)
        sign, addon = self.catalogue.price("sign"), self.catalogue.price("addon-3")
        with self.journal.change("price.updated", sign, noon - 5 * DAY):
            sign.nickname = "Yard sign 2026"
        with self.journal.change("product.updated", store.products[addon.product], noon - 6 * DAY):
            store.products[addon.product].description = "Reports by market, weekly"
            store.products[addon.product].updated = noon - 6 * DAY
        self.journal.flush()
        store.add(
            Event(
                id=store.new_id("evt"),
                created=noon - 3 * DAY,
                type="account.application.deauthorized",
                api_version=None,
                data={"object": {"id": "ca_Sample01", "object": "application", "name": "Old app"}},
                object="application",
                object_id="ca_Sample01",
                pending_webhooks=0,
                request=None,
                account="acct_Sample01",
                context="acct_Sample01",
            )
        )

    # --- the seam -----------------------------------------------------------------------------

    @property
    def now(self) -> int:
        """The current second."""
        return int(self._world.now().timestamp())

    def account(self, agent_key: str) -> dict[str, Any] | None:
        """The house's restricted key, and further keys by what they may."""
        if agent_key != HOUSE:
            return None
        key = self._names["api_key"]
        return {
            "api_key": key,
            "account_id": "acct_SandboxHouse1",
            "keys": dict(self._names),
            "credentials": {"api_key": key},
        }

    def truth(self, agent_key: str) -> dict[str, Any]:
        """See `truth`."""
        self.settle()
        return truth.of(self)

    def settle(self) -> None:
        """Lets everything happen that was due by now."""
        self.billing.run_until(self.now)

    def advance(self, days: int) -> None:
        """Bills fall due, people are renamed, leave and join."""
        for back in range(days - 1, -1, -1):
            noon = self.now - back * DAY
            self.billing.run_until(noon)
            self._follow(noon)
            self._live(noon)
        self.settle()

    def mutate(self, change: Mapping[str, Any]) -> dict[str, Any]:
        """Plays one `stripe.` change; see the README's table."""
        self.settle()
        self.journal.silent = bool(change.get("silent", False))
        self.journal.request = {
            "id": self.store.new_id("req"),
            "idempotency_key": self.store.new_id("key"),
        }
        try:
            result = changes.play(self, change)
        finally:
            self.journal.silent, self.journal.request = False, None
        events = self.journal.flush()
        return {**result, "events": [event.id for event in events]}

    # --- keys ---------------------------------------------------------------------------------

    def key(self, name: str) -> str:
        """A key by its name. Raises ValueError for an unknown one."""
        if name not in self._names:
            raise ValueError(f"There is no key {name!r}; known are: {', '.join(self._names)}.")
        return self._names[name]

    # --- living -------------------------------------------------------------------------------

    def _follow(self, at: int) -> None:
        """What the world's users became: new names and addresses, people who left or came."""
        world, billing = self._world, self.billing
        known = {c.agent_id: c for c in self.store.customers.values() if c.agent_id}
        for user in world.users:
            customer = known.get(user.agent_id)
            person = world.agents[user.agent_id]
            if customer is None:
                known[user.agent_id] = self._welcome(user, at)
                continue
            email, name = person.email or user.email, person.full_name
            if not customer.deleted and (customer.email, customer.name) != (email, name):
                with self.journal.change("customer.updated", customer, at):
                    customer.email, customer.name = email, name
            if person.status == "INACTIVE" and user.is_active:
                for sub in self.store.subscriptions.values():
                    if (
                        sub.customer == customer.id
                        and sub.status in ("active", "trialing")
                        and not sub.cancel_at_period_end
                    ):
                        billing.cancel_at_period_end(sub, at)
        self.journal.flush()

    def _welcome(self, user: User, at: int) -> Any:
        customer = self.billing.customer(
            at,
            email=user.email,
            name=f"{user.first_name} {user.last_name}",
            metadata={"user_id": user.agent_key} if user.is_connected else {},
            agent_id=user.agent_id,
        )
        if user.is_connected:
            self.billing.subscribe(
                customer, [(self.catalogue.price("solo"), 1)], at, trial_days=14,
                user_id=user.agent_key,
            )  # fmt: skip
        return customer

    def _live(self, at: int) -> None:
        """Now and then somebody subscribes, changes seats or leaves."""
        rng = self._world.rng(f"stripe day:{datetime.fromtimestamp(at, UTC):%Y-%m-%d}")
        store, billing = self.store, self.billing
        active = [s for s in store.subscriptions.values() if s.status == "active"]
        chance = rng.random()
        if chance < 0.25:
            new = billing.customer(
                at,
                email=f"newcomer.{at // DAY}@example.com",
                name=f"Newcomer {at // DAY}",
                metadata={"user_id": f"newcomer-{at // DAY}"},
                card="ok" if rng.random() < 0.8 else "declined",
            )
            billing.subscribe(
                new, [(self.catalogue.price("solo"), 1)], at,
                trial_days=14 if rng.random() < 0.5 else 0,
            )  # fmt: skip
        elif chance < 0.4 and active:
            sub = rng.choice(active)
            item = sub.items[-1]
            if item.quantity is not None:
                billing.set_quantity(sub, item, item.quantity + 1, at)
        elif chance < 0.5 and active:
            sub = rng.choice(active)
            known = store.customers[sub.customer].agent_id
            if known is None and not sub.cancel_at_period_end:
                billing.cancel_at_period_end(sub, at)
        self.journal.flush()
