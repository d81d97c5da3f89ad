"""The comparison of the mart with the truth: exact, per currency, and it names what differs."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from brokerage.cli.figures import differences


def _row(currency: str, **changes: Any) -> dict[str, Any]:
    row: dict[str, Any] = {"currency": currency, "pending_units": 0, "terminated_units": 0}
    for suffix in ("", "_ytd"):
        row |= {f"closed_units{suffix}": 0, f"revenue_share_amount{suffix}": Decimal(0)}
        for name in ("volume_amount", "gci_amount", "net_payout_amount"):
            row[name + suffix] = Decimal(0)
    row |= {f"network_size_tier_{tier}": 0 for tier in range(1, 6)}
    return row | changes


def _truth(**changes: Any) -> dict[str, Any]:
    return {
        "all_time": {"closed_units": 0, "by_currency": {}},
        "year_to_date": {"closed_units": 0, "by_currency": {}},
        "pending_units": 0,
        "terminated_units": 0,
        "network_size_by_tier": {},
        "revenue_share": {"currency": "USD", "total": "0.00", "year_to_date": "0.00"},
    } | changes


CLOSED = {"units": 2, "volume": "500000.00", "gci": "12500.01", "net_payout": "9000.00"}
MART = {
    "closed_units": 2,
    "volume_amount": Decimal("500000.0000"),
    "gci_amount": Decimal("12500.0100"),
    "net_payout_amount": Decimal("9000.0000"),
}


def test_equal_figures_differ_in_nothing() -> None:
    truth = _truth(all_time={"closed_units": 2, "by_currency": {"CAD": CLOSED}})
    assert differences("ada", [_row("USD"), _row("CAD", **MART)], truth) == []


def test_a_cent_is_a_difference() -> None:
    truth = _truth(all_time={"closed_units": 2, "by_currency": {"USD": CLOSED}})
    found = differences("ada", [_row("USD", **MART | {"gci_amount": Decimal("12500.00")})], truth)
    assert found == ["ada: gci_amount USD is 12500.00 in the mart and 12500.01 in the sandbox."]


def test_a_currency_that_is_not_in_the_truth_is_a_difference() -> None:
    found = differences("ada", [_row("USD"), _row("CAD", **MART)], _truth())
    assert len(found) == 4
    assert all("CAD" in sentence for sentence in found)


def test_a_currency_that_is_missing_in_the_mart_is_a_difference() -> None:
    truth = _truth(all_time={"closed_units": 2, "by_currency": {"CAD": CLOSED}})
    assert len(differences("ada", [_row("USD")], truth)) == 4


@pytest.mark.parametrize(
    ("row", "truth", "named"),
    [
        ({"pending_units": 1}, {}, "pending_units"),
        ({}, {"network_size_by_tier": {"3": 4}}, "network_size_tier_3"),
        ({"revenue_share_amount_ytd": Decimal("0.01")}, {}, "revenue_share_amount_ytd USD"),
    ],
)
def test_every_figure_counts(row: dict[str, Any], truth: dict[str, Any], named: str) -> None:
    (sentence,) = differences("ada", [_row("USD", **row)], _truth(**truth))
    assert named in sentence


def test_an_agent_without_a_row_is_a_difference() -> None:
    assert differences("ada", [], _truth()) == ["ada is missing in marts.agent_summary."]
