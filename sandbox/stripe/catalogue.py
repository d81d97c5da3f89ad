"""What the product sells: packages with a plan price and a price per seat, and the odd prices."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from sandbox.stripe.model import Price, Product
from sandbox.stripe.store import DAY, Store


def _every(interval: str, count: int = 1, **more: Any) -> dict[str, Any]:
    return {
        "interval": interval,
        "interval_count": count,
        "meter": None,
        "trial_period_days": None,
        "usage_type": "licensed",
        **more,
    }


class Catalogue:
    """Puts products and prices on sale and knows them by the names the stories use."""

    def __init__(self, store: Store, start: int) -> None:
        self._store = store
        self._at = start
        self._prices: dict[str, str] = {}
        self._stock()

    def price(self, name: str) -> Price:
        """A price by its name here, its id or its lookup key. Raises ValueError for none."""
        store = self._store
        found = store.prices.get(self._prices.get(name, name)) or next(
            (p for p in store.prices.values() if p.lookup_key == name and not p.deleted), None
        )
        if found is None:
            raise ValueError(f"There is no price {name!r}.")
        return found

    def _product(self, name: str, **fields: Any) -> Product:
        self._at += 60
        return self._store.add(
            Product(self._store.new_id("prod"), self._at, name, self._at, **fields)
        )

    def _price(self, key: str, product: Product, amount: int | None, **fields: Any) -> Price:
        self._at += 5
        decimal = fields.pop("unit_amount_decimal", None if amount is None else str(amount))
        price = self._store.add(
            Price(
                self._store.new_id("price"),
                self._at,
                product.id,
                unit_amount=amount,
                unit_amount_decimal=decimal,
                **fields,
            )
        )
        self._prices[key] = price.id
        return price

    def _stock(self) -> None:
        month, year = _every("month"), _every("year")
        solo = self._product(
            "Solo plan",
            description="One agent",
            marketing_features=[{"name": "Own dashboards"}],
            metadata={"tier": "solo"},
            statement_descriptor="SANDBOX SOLO",
        )
        solo.default_price = self._price(
            "solo", solo, 4900, recurring=month, lookup_key="solo-monthly", nickname="Solo monthly"
        ).id
        self._price(
            "solo-yearly", solo, 49000, recurring=year, lookup_key="solo-yearly",
            tax_behavior="exclusive",
        )  # fmt: skip
        # a currency without decimals: 6800 is ¥6,800
        self._price("solo-jpy", solo, 6800, currency="jpy", recurring=month, tax_behavior=None)
        self._price("solo-old", solo, 2900, recurring=month, active=False, nickname="Solo 2023")
        team = self._product(
            "Team plan",
            description="Up to 25 seats",
            images=["https://files.example.com/team.png"],
            marketing_features=[{"name": "Priority support"}, {"name": "Team leaderboards"}],
            metadata={"tier": "team"},
            url="https://product.example.com/team",
        )
        seat = self._product("Team seat", metadata={"tier": "team"}, unit_label="seat")
        seat_price = self._price("seat", seat, 1900, recurring=month, lookup_key="team-seat")
        seat.default_price = seat_price.id
        team.default_price = self._price(
            "team", team, 14900, recurring=month, lookup_key="team-monthly",
            nickname="Team monthly",
            metadata={
                "seats_included": "5", "price_per_seat": "19.00", "admin_accounts": "2",
                "seat_price_id": seat_price.id,
            },
        ).id  # fmt: skip
        self._price(
            "team-yearly", team, 149000, recurring=year, lookup_key="team-yearly",
            currency_options={"cad": {"unit_amount": 199000, "unit_amount_decimal": "199000"}},
        )  # fmt: skip
        house = self._product("Brokerage plan", metadata={"tier": "brokerage"})
        self._price(
            "brokerage", house, None, recurring=month, billing_scheme="tiered",
            tiers_mode="graduated", nickname="Brokerage by agents",
            tiers=[
                _tier(10, 2500), _tier(100, 1500, flat=5000), _tier(None, None, decimal="999.5"),
            ],
        )  # fmt: skip
        self._price(
            "volume", house, None, recurring=_every("month", 3), billing_scheme="tiered",
            tiers_mode="volume", tiers=[_tier(50, 2000), _tier(None, 1000)],
        )  # fmt: skip
        minutes = self._product("Assistant minutes", unit_label="minute", tax_code="txcd_10000000")
        self._price(
            "minutes", minutes, None, unit_amount_decimal="0.5",
            recurring=_every("month", usage_type="metered", meter="mtr_Sample01"),
        )  # fmt: skip
        self._price(
            "texts", minutes, 100, recurring=_every("month"),
            transform_quantity={"divide_by": 1000, "round": "up"},
        )  # fmt: skip
        addon = self._product("Add-ons", description="Reports by market")
        for number in range(12):
            self._price(
                f"addon-{number}", addon, 300 + 50 * number, recurring=_every("week"),
                nickname=f"Market report {number + 1}",
            )  # fmt: skip
        setup = self._product("Onboarding")
        self._price("onboarding", setup, 25000)
        self._price(
            "support", setup, None,
            custom_unit_amount={"maximum": 50000, "minimum": 500, "preset": 2500},
        )  # fmt: skip
        sign = self._product(
            "Yard sign", type="good", shippable=True,
            package_dimensions={"height": 24.0, "length": 18.0, "weight": 40.0, "width": 1.0},
        )  # fmt: skip
        self._price("sign", sign, 3500, tax_behavior="inclusive")
        old = self._product("Founders plan", active=False, metadata={"tier": "founder"})
        self._price("founder", old, 1000, recurring=_every("day", 30, trial_period_days=14),
                    active=False)  # fmt: skip
        old.updated = self._at + 300 * DAY


def _tier(
    up_to: int | None, amount: int | None, *, flat: int | None = None, decimal: str | None = None
) -> dict[str, Any]:
    return {
        "flat_amount": flat,
        "flat_amount_decimal": None if flat is None else str(flat),
        "unit_amount": amount,
        "unit_amount_decimal": decimal if amount is None else str(amount),
        "up_to": up_to,
    }


def amount_of(price: Price, quantity: int) -> int:
    """What a quantity costs in the smallest unit, halves up (§3.2)."""
    if price.transform_quantity:
        quantity = -(-quantity // int(price.transform_quantity["divide_by"]))
    if not price.tiers:
        exact = Decimal(price.unit_amount_decimal or 0) * quantity
        return int(exact.quantize(Decimal(1), ROUND_HALF_UP))
    total, below = Decimal(0), 0
    for tier in price.tiers:
        top = quantity if tier["up_to"] is None else min(quantity, tier["up_to"])
        if price.tiers_mode == "volume":
            if top == quantity:
                total = Decimal(tier["unit_amount_decimal"] or 0) * quantity
                total += tier["flat_amount"] or 0
                break
        elif top > below:
            total += Decimal(tier["unit_amount_decimal"] or 0) * (top - below)
            total += tier["flat_amount"] or 0
            below = top
    return int(total.quantize(Decimal(1), ROUND_HALF_UP))
