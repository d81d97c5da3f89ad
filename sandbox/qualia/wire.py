"""How values are sent, in the forms that the contract finds in disagreement (§2), and the dicts
behind the schema's types.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from sandbox.qualia.blocks import NAMES
from sandbox.qualia.model import Order, Row

if TYPE_CHECKING:
    from sandbox.qualia.books import Books

Leaf = Callable[[Any], Any]


def _iso(moment: datetime) -> str:
    # strftime takes five times as long
    return f"{moment.isoformat()[: 23 if moment.microsecond else 19]}Z"


def _ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


def _mixed_date(moment: datetime) -> str | int:
    # a form per value, the same each time
    form = (moment.minute + moment.day) % 3
    return _iso(moment) if form == 0 else _ms(moment) if form == 1 else str(_ms(moment))


def _amount_text(amount: Decimal) -> str:
    return f"{amount:.2f}"


def _mixed_money(amount: Decimal) -> str | float:
    return float(amount) if int(amount) % 2 else _amount_text(amount)


def _noisy_money(amount: Decimal) -> float:
    """As who calculates with floats sends it: 0.3 is 0.30000000000000004."""
    return math.nextafter(float(amount), math.inf)


DATES: Mapping[str, Leaf] = {
    "iso": _iso,
    "epoch_number": _ms,
    "epoch_text": lambda moment: str(_ms(moment)),
    "mixed": _mixed_date,
}
MONEY: Mapping[str, Leaf] = {
    "text": _amount_text,
    "number": float,
    "mixed": _mixed_money,
    "noisy": _noisy_money,
}


def _nullable(form: Leaf) -> Leaf:
    return lambda value: None if value is None else form(value)


def leaves(switches: Mapping[str, Any]) -> dict[str, Leaf]:
    """The scalars' forms as the switches have them."""
    date = _nullable(DATES[switches["dates"]])
    return {
        "QDate": date,
        "QPosted": bool if switches["posted"] == "flag" else date,
        "QCompleted": bool if switches["completed"] == "flag" else date,
        "Money": _nullable(MONEY[switches["money"]]),
        "LineNumber": _nullable(
            (lambda n: f"{n:02d}") if switches["line_numbers"] == "text" else int
        ),
    }


def order_view(books: Books) -> Callable[[Order, frozenset[str]], Mapping[str, Any]]:
    """An order's fields; the blocks are made only when one of them is asked for."""

    def view(it: Order, names: frozenset[str]) -> Row:
        row: Row = {
            "id": it.id,
            "orderNumber": it.number,
            "status": it.status,
            "transactionType": it.transaction_type,
            "createdDate": it.created,
            "estimatedClosing": it.estimated_closing,
            "closeDate": it.close_date,
            "disbursementDate": it.disbursement_date,
            "cancelledDate": it.cancelled_date,
            "externalReferenceNumber": it.external_reference,
            "purchasePrice": it.purchase_price,
            "earnestAmount": it.earnest,
            "lastActivity": it.last_activity,
        }
        if not names.isdisjoint(NAMES):
            row.update(books.blocks(it))
        return row

    return view


def contacts_view(as_list: bool) -> Callable[[Row, frozenset[str]], Mapping[str, Any]]:
    """Contacts, whose source of business is one thing or a list of them (§3.5)."""

    def view(row: Row, names: frozenset[str]) -> Row:
        if not as_list:
            return row
        source = row["sourceOfBusiness"]
        return {**row, "sourceOfBusiness": [] if source is None else [source]}

    return view


def disbursements(accounting: Row, arguments: Mapping[str, Any]) -> list[Row]:
    """`disbursements(statuses: [...])`."""
    rows: list[Row] = accounting["disbursements"]
    wanted = arguments.get("statuses")
    return rows if wanted is None else [row for row in rows if row["status"] in wanted]
