"""Rows as the contract shows them, and the odd values it warns of (rezen.md §15.4)."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from pipelines.common.rows import CheckedRows, check_rows, to_arrow
from pipelines.rezen.source import REZEN

NOW = datetime(2026, 6, 15, tzinfo=UTC)


def check(entity: str, *rows: dict[str, Any]) -> CheckedRows:
    return check_rows(REZEN.entity(entity), list(rows), "ada-sample:rezen", NOW)


def test_a_deal_in_full() -> None:
    deal = {
        "id": "d1",
        "lifecycleState": {"state": "SETTLED"},
        "price": {"amount": "500000.5", "currency": "CAD"},
        "myNetPayout": {"amount": 9920, "currency": "USD"},
        "closedAt": 1766361600000,
        "skySlopeActualClosingDate": 1766361600000,
        "contractAcceptanceDate": "2024-02-29",
        "mlsNum": "1900001",
        "participants": [{"id": "p1", "participantRole": "NEVER_SEEN", "yentaUserId": None}],
        "commissionSplits": [{"participantId": "p1", "percentage": {"string": "80.00%"}}],
        "somethingNew": {"a": 1},
    }
    checked = check("transactions", deal)
    (values,) = checked.values
    assert checked.rejected == []
    assert values["lifecycle_state"] == "SETTLED"
    assert values["price"] == (Decimal("500000.5"), "CAD")
    assert values["closed_at"] == datetime(2025, 12, 22, tzinfo=UTC)
    assert values["sky_slope_actual_closing_date"] == date(2025, 12, 22)
    assert values["contract_acceptance_date"] == date(2024, 2, 29)
    assert values["mls_number"] == "1900001"
    assert checked.extras == [{"somethingNew": {"a": 1}}]
    table = to_arrow([checked])
    assert table["my_net_payout_amount"].to_pylist() == [Decimal("9920.0000")]
    assert '"participantRole":"NEVER_SEEN"' in table["participants"][0].as_py()


@pytest.mark.parametrize("state", [{"state": "CLOSED"}, "CLOSED"])
def test_the_state_comes_wrapped_or_plain(state: object) -> None:
    (values,) = check("transactions", {"id": "d", "lifecycleState": state}).values
    assert values["lifecycle_state"] == "CLOSED"


def test_nothing_but_the_id_is_needed() -> None:
    assert len(check("transactions", {"id": "d", "lifecycleState": None, "participants": []})) == 1


def test_what_is_refused_says_why() -> None:
    bad = check(
        "transactions",
        {"code": "no id"},
        {"id": "d1", "price": {"amount": "a lot"}},
        {"id": "d2", "participants": [{"firstName": "nobody"}]},
        {"id": "d3"},
    )
    assert bad.keys == ["d2", "d3"], "what is in a list is staging's to judge"
    assert [row.reason.split(":")[0] for row in bad.rejected] == ["id", "price"]


def test_forbidden_fields_never_get_in_at_any_depth() -> None:
    agent = {"id": "a1", "birthDate": "1980-01-01", "tipaltiId": "x"}
    member = {"id": "m1", "teamId": "t1", "agent": agent}
    paid = {"id": "p1", "paidViaBusinessEntity": {"name": "LLC", "nationalIds": ["1"]}}
    for checked in (
        check("agents", agent),
        check("team_members", member),
        check("transactions", {"id": "d1", "participants": [paid]}),
    ):
        text = str(to_arrow([checked]).to_pylist())
        for secret in ("1980-01-01", "tipalti", "nationalIds"):
            assert secret not in text


def test_web_addresses_keep_the_brief_column_names() -> None:
    (values,) = check("agents", {"id": "a", "personalWebsiteURL": "https://a.test"}).values
    assert values["personal_website_url"] == "https://a.test"


def test_a_contribution_under_any_of_its_names() -> None:
    rows = [
        {"rowKey": "1", "contributorYentaId": "c", "payoutAmount": 5, "tier": 1},
        {"rowKey": "2", "agentId": "c", "earnedAmount": {"amount": 5, "currency": "USD"}},
    ]
    for values in check("revshare_pending", *rows).values:
        assert values["agent_yenta_id"] == "c"
        assert values["payout"].amount == 5
