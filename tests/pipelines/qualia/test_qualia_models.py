"""What of a value is refused and what is mended (qualia.md §2)."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from pipelines.common.rows import check_rows
from pipelines.qualia.source import QUALIA

NOON = datetime(2026, 6, 15, 12, tzinfo=UTC)


def landed(price: Any) -> Decimal | str | None:
    """The price of an order as raw holds it, else why it was refused."""
    row = {"id": "o1", "purchasePrice": price}
    checked = check_rows(QUALIA.entity("orders"), [row], "house:qualia", NOON)
    if checked.rejected:
        return checked.rejected[0].reason
    [values] = checked.values
    price = values["purchase_price"]
    assert price is None or isinstance(price, Decimal)
    return price


@pytest.mark.parametrize(
    ("sent", "wanted"),
    [
        (0.1 + 0.2, "0.30"),
        (501500.00000000006, "501500"),
        (-1234.5600000000002, "-1234.56"),
        (0.0000001, "0"),
        (12.25, "12.25"),
        (12.1234, "12.1234"),
        ("401200.00", "401200"),
        (7, "7"),
        (9999999999999998.0, "9999999999999998"),
    ],
)
def test_the_noise_of_floats_is_no_cent(sent: Any, wanted: str) -> None:
    assert landed(sent) == Decimal(wanted)


@pytest.mark.parametrize("sent", [0.00001, 12.123456, "12.00001", 1e300, -1e22, "a lot", True])
def test_what_could_be_a_part_of_a_cent_is_refused(sent: Any) -> None:
    assert isinstance(landed(sent), str)


@pytest.mark.parametrize("sent", [None, ""])
def test_no_amount_is_null(sent: Any) -> None:
    assert landed(sent) is None
