"""The title company's account: orders for most of the brokerage's deals, and for others."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import partial
from random import Random
from typing import TYPE_CHECKING, Any

from sandbox.qualia import blocks, changes, truth
from sandbox.qualia.model import Order, Row, new_id
from sandbox.qualia.office import Office
from sandbox.vendor import HOUSE
from sandbox.world.compensation import cents
from sandbox.world.model import Deal

if TYPE_CHECKING:
    from sandbox.box import Sandbox

SHARE = 0.68
UNDER_CONTRACT = frozenset(
    {
        "COMMISSION_VALIDATED",
        "READY_FOR_COMMISSION_DOCUMENT_GENERATION",
        "COMMISSION_DOCUMENT_GENERATED",
        "COMMISSION_DOCUMENT_APPROVED",
        "COMMISSION_DOCUMENT_SENT",
        "APPROVED_FOR_CLOSING",
        "TERMINATION_REQUESTED",
    }
)
# the odd orders of the contract's section on the sandbox, given to the first closed ones
QUIRKS = (
    ("blank",),
    ("no_property",),
    ("two_properties",),
    ("no_agency",),
    ("unnamed_agency",),
    ("estate",),
    ("reposted",),
)
SWITCHES: Mapping[str, Any] = {
    "dates": "iso",
    "money": "text",
    "posted": "date",
    "completed": "flag",
    "line_numbers": "text",
    "page_cap": 50,
    "stable_order": False,
    "introspection": True,
    "throttle_status": 503,
    "retry_after": False,
    "created_date_filter": True,
    "last_activity_field": False,
    "source_of_business_list": False,
    "activity_filter": "both",
    "unknown_order": "null",
}
CHOICES: Mapping[str, tuple[Any, ...]] = {
    "dates": ("iso", "epoch_number", "epoch_text", "mixed"),
    "money": ("text", "number", "mixed", "noisy"),
    "posted": ("date", "flag"),
    "completed": ("date", "flag"),
    "line_numbers": ("text", "number"),
    "throttle_status": (503, 429),
    "activity_filter": ("both", "ids", "none"),
    "unknown_order": ("null", "NOT_FOUND", "FORBIDDEN", "INTERNAL_SERVER_ERROR"),
}


def whole_ms(moment: datetime) -> datetime:
    """The moment to the millisecond, as the vendor sends it."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def _disburse(order: Order, moment: datetime) -> None:
    if order.disburse_at == moment and order.status == "CLOSED":
        order.disbursement_date = moment
        order.last_activity = max(order.last_activity, moment)


class Books:
    """See the module's text. `version` grows with every change of an order."""

    def __init__(self, box: Sandbox) -> None:
        self._world = box.world
        self._seed = f"{box.world.seed}:qualia"
        self.switches: dict[str, Any] = dict(SWITCHES)
        self.version = 0
        self.revoked = False
        self.username = "sandbox-house"
        self.api_key = f"qualia_{Random(self._seed).getrandbits(96):024x}"
        box.world.register_key(self.username, HOUSE)
        self.orders: dict[str, Order] = {}
        self._by_deal: dict[str, str | None] = {}
        self._numbers: dict[int, int] = {}
        self._plan: list[tuple[datetime, int, Callable[[datetime], None]]] = []
        self._planned = 0
        self._seen = -1
        # noon and not now: the first day has the same bytes however long it took to build
        noon = datetime.combine(box.world.today, time(12), tzinfo=UTC)
        opened = noon - timedelta(days=box.world.size.months * 31)
        self.office = Office(self._seed, Random(f"{self._seed}:office"), opened)
        self.follow()
        self._own_business(noon, opened)
        self.number()
        self._make_odd()

    @property
    def now(self) -> datetime:
        """The current instant, to the millisecond."""
        return whole_ms(self._world.now())

    # --- the seam -----------------------------------------------------------------------------

    def account(self, agent_key: str) -> dict[str, Any] | None:
        """The house's user name and key."""
        if agent_key != HOUSE:
            return None
        credentials = {"username": self.username, "api_key": self.api_key}
        return {**credentials, "credentials": credentials}

    def truth(self, agent_key: str) -> dict[str, Any]:
        """See `truth`."""
        self.follow()
        return truth.of(self)

    def advance(self, days: int) -> None:
        """The deals have lived; now and then the company gets an order from elsewhere."""
        for back in range(days - 1, -1, -1):
            at = self.now - timedelta(days=back)
            rng = Random(f"{self._seed}:day:{at:%Y-%m-%d}")
            if rng.random() < 0.25:
                self.open_own(at, f"day:{at:%Y-%m-%d}")
        self.follow()
        self.number()

    def mutate(self, change: Mapping[str, Any]) -> dict[str, Any]:
        """Plays one `qualia.` change; see the README's table."""
        self.follow()
        result = changes.play(self, change)
        self.version += 1
        return result

    # --- following the world ------------------------------------------------------------------

    def follow(self) -> None:
        """Brings the orders up to what the deals became and to what was due by now."""
        now = self.now
        if self._seen != self._world.version:
            self._seen = self._world.version
            for deal in self._world.deals:
                if deal.id not in self._by_deal:
                    self._by_deal[deal.id] = self._open(deal, now) if self._ours(deal) else None
                order_id = self._by_deal[deal.id]
                if order_id is not None:
                    order = self.orders[order_id]
                    if order.seen != deal.updated_at:
                        self._sync(order, deal)
            self.number()
        while self._plan and self._plan[0][0] <= now:
            at, _, action = heapq.heappop(self._plan)
            action(at)
            self.version += 1

    def _ours(self, deal: Deal) -> bool:
        return (
            not deal.listing
            and deal.type == "SALE"
            and deal.currency == "USD"
            and deal.price is not None
            and (deal.gross is None or deal.gross > 0)
            and Random(f"{self._seed}:pick:{deal.id}").random() < SHARE
        )

    def _open(self, deal: Deal, now: datetime) -> str:
        seed = f"{self._seed}:order:{deal.id}"
        rng = Random(seed)
        created = whole_ms(min(deal.created_at + timedelta(hours=2), now))
        reference = None
        chance = rng.random()
        if chance < 0.55:
            reference = deal.code if chance < 0.45 else deal.code.lower()
        elif chance < 0.6:
            reference = f"TX-{rng.randint(1000, 9999)}"
        order = Order(
            id=new_id(seed),
            number="",
            seed=seed,
            created=created,
            last_activity=created,
            deal=deal,
            external_reference=reference,
            earnest=_earnest(deal.price, rng),
        )
        self.orders[order.id] = order
        return order.id

    def _sync(self, order: Order, deal: Deal) -> None:
        """Takes over what the deal says, except where somebody edited the order by hand."""
        order.seen = deal.updated_at
        order.last_activity = max(order.last_activity, whole_ms(deal.updated_at))
        facts: Row = {
            "purchase_price": deal.price,
            "estimated_closing": _at_five(deal.closing_estimated),
        }
        match deal.group:
            case "CLOSED":
                facts |= {"status": "CLOSED", "cancelled_date": None}
                facts["close_date"] = order.close_date or _at_five(
                    self._world.closed_on(deal) or order.last_activity.date()
                )
            case "TERMINATED":
                facts |= {"status": "CANCELLED", "close_date": None}
                facts["cancelled_date"] = order.cancelled_date or order.last_activity
            case _:
                pending = deal.state in UNDER_CONTRACT
                facts |= {"status": "PENDING" if pending else "OPEN"}
                facts |= {"close_date": None, "cancelled_date": None}
        for name, value in facts.items():
            if name not in order.overrides:
                setattr(order, name, value)
        if order.status == "CLOSED" and order.close_date is not None and not order.disbursed:
            closed = max(order.close_date, whole_ms(deal.closed_at or order.close_date))
            self.plan_disbursement(order, closed + timedelta(days=1))
        elif order.status != "CLOSED" and "disbursement_date" not in order.overrides:
            order.disbursement_date = order.disburse_at = None
        self.version += 1

    def plan_disbursement(self, order: Order, at: datetime) -> None:
        """The money goes out then, if the order is still closed."""
        if order.disburse_at == at:
            return
        order.disburse_at = at
        self.at(at, partial(_disburse, order))

    def at(self, moment: datetime, action: Callable[[datetime], None]) -> None:
        """Plans an action, which is told the moment."""
        self._planned += 1
        heapq.heappush(self._plan, (moment, self._planned, action))

    # --- business of its own --------------------------------------------------------------------

    def _own_business(self, noon: datetime, opened: datetime) -> None:
        rng = Random(f"{self._seed}:own")
        span = int((noon - opened) / timedelta(days=1))
        for number in range(max(5, len(self.orders) // 20)):
            at = noon - timedelta(days=rng.randint(3, span), minutes=rng.randint(0, 600))
            self.open_own(at, f"own:{number}")
        self.follow()

    def open_own(self, at: datetime, name: str, price: Decimal | None = None) -> Order:
        """An order that is no deal of the brokerage; it closes and pays out as time goes by."""
        seed = f"{self._seed}:{name}"
        rng = Random(seed)
        kind = rng.choice(("REFINANCE", "REFINANCE", "PURCHASE", "OTHER", None))
        if price is not None:
            kind = "PURCHASE"
        elif kind != "REFINANCE":
            price = Decimal(rng.randint(150, 900) * 1000)
        order = Order(
            id=new_id(seed),
            number="",
            seed=seed,
            created=at,
            last_activity=at,
            deal=None,
            transaction_type=kind,
            purchase_price=price,
            earnest=_earnest(price, rng),
            estimated_closing=_at_five((at + timedelta(days=30)).date()),
        )
        self.orders[order.id] = order
        days = rng.randint(20, 40)
        self.at(at + timedelta(days=days), partial(self._close_own, order))
        self.version += 1
        return order

    def _close_own(self, order: Order, at: datetime) -> None:
        if order.status in ("OPEN", "PENDING") and "status" not in order.overrides:
            order.status, order.close_date = "CLOSED", at
            order.last_activity = max(order.last_activity, at)
            self.plan_disbursement(order, at + timedelta(days=1))

    # --- details --------------------------------------------------------------------------------

    def number(self) -> None:
        """File numbers in order of opening, for those that have none yet."""
        new = [order for order in self.orders.values() if not order.number]
        for order in sorted(new, key=lambda o: (o.created, o.id)):
            year = order.created.year
            self._numbers[year] = self._numbers.get(year, 0) + 1
            order.number = f"FV-{year}-{self._numbers[year]:04d}"

    def _make_odd(self) -> None:
        rows = sorted(self.orders.values(), key=lambda o: (o.created, o.id))
        closed = [o for o in rows if o.disbursed and o.deal is not None and o.deal.gross]
        for order, quirks in zip(closed, QUIRKS, strict=False):
            order.quirks = frozenset(quirks)
        open_ones = [o for o in rows if o.status in ("OPEN", "PENDING")]
        if open_ones:
            strange = open_ones[0]
            strange.status = strange.overrides["status"] = "ON_HOLD"
        blank = next((o for o in rows if "blank" in o.quirks), None)
        if blank is not None:
            for name in ("purchase_price", "earnest", "estimated_closing", "transaction_type"):
                blank.overrides[name] = None
                setattr(blank, name, None)
            blank.external_reference = None

    def blocks(self, order: Order) -> Row:
        """An order's blocks; see `blocks`."""
        return blocks.of(order, self.office)

    def forget(self, order: Order) -> None:
        """The order is gone and does not come back with its deal."""
        del self.orders[order.id]
        if order.deal is not None:
            self._by_deal[order.deal.id] = None


def _at_five(day: date | None) -> datetime | None:
    return None if day is None else datetime.combine(day, time(17), tzinfo=UTC)


def _earnest(price: Decimal | None, rng: Random) -> Decimal | None:
    if price is None or rng.random() < 0.08:
        return None
    share = cents(price * Decimal(rng.choice((1, 2, 3))) / 100)
    return share if rng.random() < 0.3 else Decimal(max(500, int(share) // 500 * 500))
