"""The title company's things. Money is Decimal in dollars, instants are aware UTC."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from random import Random
from typing import Any

from sandbox.world.model import Deal

Row = dict[str, Any]
LETTERS = "23456789ABCDEFGHJKLMNPQRSTWXYZabcdefghijkmnopqrstuvwxyz"
STATUSES = ("OPEN", "PENDING", "CLOSED", "CANCELLED", "ON_HOLD")
# whoever finds this in a warehouse has found a leak
CANARY = "DO-NOT-STORE"


def new_id(seed: str) -> str:
    """Seventeen letters and digits, the same for the same seed."""
    return "".join(Random(seed).choices(LETTERS, k=17))


@dataclass(slots=True)
class Order:
    """A file of the title company (contract §3.4).

    `deal` is the brokerage's deal behind it, None for the company's other business. The blocks are
    told from the rest by `blocks.of`: `patches` are what happened to them since, in order, and
    `overrides` scalars that somebody set by hand. `disburse_at` is when the money will go out.
    """

    id: str
    number: str
    seed: str
    created: datetime
    last_activity: datetime
    deal: Deal | None
    status: str = "OPEN"
    transaction_type: str | None = "PURCHASE"
    estimated_closing: datetime | None = None
    close_date: datetime | None = None
    disbursement_date: datetime | None = None
    cancelled_date: datetime | None = None
    external_reference: str | None = None
    purchase_price: Decimal | None = None
    earnest: Decimal | None = None
    disburse_at: datetime | None = None
    quirks: frozenset[str] = frozenset()
    overrides: Row = field(default_factory=dict)
    patches: list[Callable[[Row], None]] = field(default_factory=list)
    seen: datetime | None = None

    @property
    def disbursed(self) -> bool:
        """Whether the money is out."""
        return self.disbursement_date is not None


@dataclass(slots=True)
class Company:
    """Somebody in the address book (§3.6); `touched` is when the entry was last edited."""

    id: str
    name: str | None
    type: str | None
    email: str | None
    phone: str | None
    fax: str | None
    national_license: str | None
    state_licenses: list[dict[str, str | None]]
    address: Row | None
    mailing_address: Row | None
    touched: datetime


@dataclass(slots=True)
class Agency:
    """A branch that settles (§3.4 `settlementAgency`)."""

    id: str
    name: str | None
    branch_name: str | None
    email: str | None
    phone: str | None
    fax: str | None
    addresses: list[Row]


@dataclass(slots=True)
class Person:
    """Staff of the title company."""

    id: str
    first_name: str
    last_name: str
    email: str | None
    phone: str | None
    role: str
    role_id: str
