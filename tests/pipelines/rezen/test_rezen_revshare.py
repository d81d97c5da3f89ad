"""Payments, pending, and totals by calendar month (rezen.md §7, §16.3 rule 9)."""

from __future__ import annotations

from datetime import date
from typing import Any

import httpx
import pytest

from pipelines.common.errors import ContractBroken, ResourceUnavailable
from pipelines.rezen.revshare import RowKeys, contribution, month_rows, tier_rows
from pipelines.rezen.windows import Window, filled, month_before, month_of, months, months_back
from tests.pipelines.in_memory import Connection
from tests.pipelines.rezen.rezen_fake import ADA, Rezen, connect, envelope, wrapper


class Payments(Rezen):
    """A reZEN with payments of one contribution each."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.status = {f"pay{n:03}": "PAID" for n in reversed(range(count))}
        self.behind: dict[str, list[str]] = {}
        self.announced: int | None = None
        self.routes["/payments"] = lambda request: envelope(
            "payments",
            [{"id": key, "status": status} for key, status in self.status.items()],
            request,
        )
        self.routes[""] = self._detail

    def _detail(self, request: httpx.Request) -> Any:
        key = request.url.path.rsplit("/", 1)[1]
        if key not in self.status:
            return wrapper(404, "no such payment")
        names = self.behind.get(key, [f"c-{key}"])
        rows = [{"id": n, "agent": {"id": "x"}, "tier": 1, "payout": 1.5} for n in names]
        answer = {"id": key, **envelope("contributions", rows, request)}
        return answer if self.announced is None else {**answer, "totalCount": self.announced}


def test_a_payment_is_opened_once_it_is_final() -> None:
    rezen = Payments(3)
    rezen.status["pay002"] = "SCHEDULED"
    connection = connect(rezen)
    connection.read("revshare_payments")
    assert len(connection.read("revshare_payment_contributions").rows) == 3
    connection.later(days=1)
    connection.read("revshare_payments")
    assert connection.read("revshare_payment_contributions").paths == ["pay002"]
    rezen.status["pay002"] = "PAID"
    connection.later(days=1)
    connection.read("revshare_payments")
    assert connection.read("revshare_payment_contributions").paths == ["pay002"]
    connection.later(days=1)
    connection.read("revshare_payments")
    assert connection.read("revshare_payment_contributions").paths == []


def test_the_walk_ends_at_a_page_of_known_payments() -> None:
    rezen = Payments(250)
    connection = connect(rezen)
    assert len(connection.read("revshare_payments").requests) == 3
    connection.later(days=1)
    rezen.status = {"new": "PAID", **rezen.status}
    outcome = connection.read("revshare_payments")
    assert len(outcome.requests) == 2
    assert not outcome.reading.complete


def _read_payments(connection: Connection, **options: Any) -> set[str]:
    """The contributions that are gone by the next reading of both tables."""
    connection.later(days=1)
    connection.read("revshare_payments", **options)
    return connection.read("revshare_payment_contributions", **options).gone


def test_a_contribution_that_a_payment_lost_is_gone() -> None:
    rezen = Payments(2)
    rezen.status["pay001"] = "SCHEDULED"
    rezen.behind["pay001"] = ["c1", "c2"]
    connection = connect(rezen)
    _read_payments(connection)
    rezen.status["pay001"] = "PAID"
    rezen.behind["pay001"] = ["c1"]
    assert _read_payments(connection) == {"pay001|c2"}
    assert connection.warehouse.keys("revshare_payment_contributions") == {
        "pay000|c-pay000",
        "pay001|c1",
    }


def test_a_payment_that_announces_more_than_it_shows_loses_nothing() -> None:
    rezen = Payments(1)
    rezen.status["pay000"] = "SCHEDULED"
    rezen.behind["pay000"] = ["c1", "c2"]
    connection = connect(rezen)
    _read_payments(connection)
    rezen.behind["pay000"], rezen.announced = ["c1"], 2
    assert _read_payments(connection) == set()


def test_what_was_behind_a_payment_goes_with_it() -> None:
    rezen = Payments(2)
    connection = connect(rezen)
    _read_payments(connection)
    del rezen.status["pay001"]
    assert _read_payments(connection, full=True) == {"pay001|c-pay001"}


def test_a_payment_that_leaves_between_two_pages_takes_no_other_along() -> None:
    rezen = Payments(250)
    connection = connect(rezen)
    connection.read("revshare_payments")
    listed = rezen.routes["/payments"]

    def one_leaves(request: httpx.Request) -> Any:
        answer = listed(request)
        rezen.status.pop("pay249", None)
        return answer

    rezen.routes["/payments"] = one_leaves
    outcome = connection.read("revshare_payments", full=True)
    assert outcome.gone == set()
    assert not outcome.reading.complete


def test_a_nested_agent_is_made_flat() -> None:
    connection = connect(Payments(1))
    connection.read("revshare_payments")
    connection.read("revshare_payment_contributions")
    found = connection.warehouse.values("revshare_payment_contributions", "agent_yenta_id")
    assert found == {"pay000|c-pay000": ("x",)}
    assert contribution({"contributor": {"id": "y"}})["agentYentaId"] == "y"


def test_rows_without_an_id_are_named_by_what_they_are() -> None:
    names = RowKeys()
    row = {"agentYentaId": "a", "transactionId": "d", "tier": 2}
    assert [names.of(row), names.of(row), names.of({"id": "c1"})] == ["a|d|2", "a|d|2#2", "c1"]


def test_pending_is_replaced_even_when_all_of_it_was_paid() -> None:
    rezen = Rezen()
    rows = [{"id": f"c{n}", "agentYentaId": "x"} for n in range(30)]
    rezen.routes["/payments/pending"] = lambda request: envelope("contributions", rows, request)
    connection = connect(rezen)
    connection.read("revshare_pending")
    rows.clear()
    connection.later(days=1)
    outcome = connection.read("revshare_pending")
    assert len(outcome.gone) == 30
    assert not outcome.reading.guarded


def test_a_pending_list_that_announces_more_than_it_shows_deletes_nothing() -> None:
    rezen = Rezen()
    rezen.routes["/payments/pending"] = lambda _request: {
        "contributions": [{"id": "c1"}],
        "hasNext": False,
        "totalCount": 9,
    }
    assert not connect(rezen).read("revshare_pending").reading.complete


def _monthly(rezen: Rezen, path: str, array: str, rows: dict[int, list[dict[str, Any]]]) -> None:
    """Rows by month number, in tier 1 only."""

    def answer(request: httpx.Request) -> Any:
        first = date.fromisoformat(request.url.params["startDate"]).month
        last = date.fromisoformat(request.url.params["endDate"]).month
        found = [row for month, own in rows.items() if first <= month <= last for row in own]
        return envelope(array, found, request)

    for tier in range(1, 6):
        rezen.routes[f"/{path}/{tier}"] = (
            answer if tier == 1 else lambda request: envelope(array, [], request)
        )


def test_single_deals_are_asked_for_at_once_and_put_into_their_months() -> None:
    rezen = Rezen()
    deals = [{"id": "c1", "agentYentaId": "x", "closingDate": "2026-05-20"}]
    _monthly(rezen, "contributions", "contributions", {5: deals})
    connection = connect(rezen)
    outcome = connection.read("revshare_contributions")
    # the agent's join date once, then two calls per tier: reZEN does not mind the second here
    assert len(outcome.requests) == 11
    assert connection.warehouse.keys("revshare_contributions") == {"1|x|c1"}
    assert outcome.rows[0]["windowStart"] == "2026-05-01"


def test_sums_per_agent_are_asked_for_month_by_month() -> None:
    rezen = Rezen()
    sums = {4: [{"agentYentaId": "x", "payout": 1}], 6: [{"agentYentaId": "x", "payout": 2}]}
    _monthly(rezen, "contributions", "contributions", sums)
    connection = connect(rezen)
    connection.read("revshare_contributions")
    assert connection.warehouse.keys("revshare_contributions") == {
        "1|x|2026-04-01",
        "1|x|2026-06-01",
    }
    assert connection.warehouse.marks["revshare_contributions"].cursor == "2026-06-01"


def test_what_was_missed_is_asked_for_and_kept_beside_what_was_earned() -> None:
    rezen = Rezen()

    def answer(request: httpx.Request) -> Any:
        window = request.url.params["startDate"], request.url.params["endDate"]
        if not window[0] <= "2026-06-09" <= window[1]:
            return envelope("contributions", [], request)
        earned = {"agentYentaId": "x", "payout": 1, "missed": False, "status": "MISSED"}
        lost = {"agentYentaId": "x", "payout": 2, "status": "missed"}
        asked = request.url.params.get("missed") == "true"
        # the earned row comes again, as from a reZEN that minds the parameter only half
        return envelope("contributions", [earned, lost] if asked else [earned], request)

    for tier in range(1, 6):
        rezen.routes[f"/contributions/{tier}"] = (
            answer if tier == 1 else lambda request: envelope("contributions", [], request)
        )
    connection = connect(rezen)
    connection.read("revshare_contributions")
    assert connection.warehouse.keys("revshare_contributions") == {
        "1|x|2026-06-01",
        "1|x|2026-06-01|missed",
    }


def test_contributors_by_month_and_then_this_month_and_the_last() -> None:
    rezen = Rezen()
    _monthly(rezen, "contributors", "contributors", {5: [{"agentYentaId": "x", "totalPayout": 1}]})
    connection = connect(rezen)
    connection.read("revshare_contributors")
    assert connection.warehouse.keys("revshare_contributors") == {"1|2026-05-01|x"}
    connection.later(days=30)
    starts = {
        r.url.params.get("startDate") for r in connection.read("revshare_contributors").requests
    }
    # April stays in: the last month that held anything was May
    assert starts - {None} == {"2026-04-01", "2026-05-01", "2026-06-01", "2026-07-01"}


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("form", ["sums", "deals"])
def test_a_contribution_that_left_its_month_is_gone(form: str, full: bool) -> None:
    rezen = Rezen()
    deals = form == "deals"
    rows = {
        month: [
            {"agentYentaId": who, "closingDate": f"2026-0{month}-02"}
            | ({"id": f"{who}{month}"} if deals else {})
            for who in "xy"
        ]
        for month in (4, 6)
    }
    _monthly(rezen, "contributions", "contributions", rows)
    connection = connect(rezen)
    connection.read("revshare_contributions")
    rows[4].pop()
    rows[6].pop()
    connection.later(days=1)
    april, june = ("1|y|y4", "1|y|y6") if deals else ("1|y|2026-04-01", "1|y|2026-06-01")
    gone = connection.read("revshare_contributions", full=full).gone
    # an increment does not look at April again
    assert gone == ({april, june} if full else {june})


@pytest.mark.parametrize("announced", [None, 9])
def test_a_contributor_who_left_the_month_is_gone(announced: int | None) -> None:
    rezen = Rezen()
    rows = {6: [{"agentYentaId": who, "totalPayout": 1} for who in "xy"]}
    _monthly(rezen, "contributors", "contributors", rows)
    connection = connect(rezen)
    connection.read("revshare_contributors")
    rows[6].pop()
    if announced is not None:
        short = {"contributors": rows[6], "hasNext": False, "totalCount": announced}
        rezen.routes["/contributors/1"] = lambda _request: short
    connection.later(days=1)
    gone = connection.read("revshare_contributors").gone
    assert gone == ({"1|2026-06-01|y"} if announced is None else set())


def test_sums_that_are_no_more_are_gone() -> None:
    rezen = Rezen()
    tiers = [{"tier": tier, "amount": {"amount": 5}} for tier in (1, 2)]
    months = [{"month": "2026-05", "amount": 5}, {"month": "2026-06", "amount": 5}]
    rezen.routes["/by-tier"] = lambda _request: {"tiers": tiers}
    rezen.routes["/history"] = lambda _request: {"history": months}
    connection = connect(rezen)
    connection.read("revshare_by_tier")
    connection.read("revshare_history")
    tiers.pop()
    months.pop()
    connection.later(days=1)
    # an increment does not look at April again
    assert connection.read("revshare_by_tier").gone == {"2|2026-05-01", "2|2026-06-01"}
    assert connection.read("revshare_history").gone == {"2026-06"}


def test_by_tier_in_all_its_shapes() -> None:
    rezen = Rezen()
    rezen.routes["/by-tier"] = lambda _request: {"tiers": [{"tier": 1, "amount": {"amount": 5}}]}
    connection = connect(rezen)
    connection.read("revshare_by_tier")
    assert "1|2026-06-01" in connection.warehouse.keys("revshare_by_tier")
    assert tier_rows({"1": 5}) == [{"tier": 1, "amount": 5}]
    assert tier_rows(None) == []
    with pytest.raises(ContractBroken):
        tier_rows("five")


def test_history_in_all_its_shapes() -> None:
    assert month_rows({"history": [{"month": "2026-05"}]}) == [{"month": "2026-05"}]
    assert month_rows({"2026-05": 5}) == [{"month": "2026-05", "amount": 5}]
    with pytest.raises(ContractBroken):
        month_rows(7)


def test_one_overview_may_be_missing_but_not_both() -> None:
    rezen = Rezen()
    rezen.routes["/pending-overview"] = lambda _request: {"amount": 5}
    outcome = connect(rezen).read("revshare_overview")
    assert [row["kind"] for row in outcome.rows] == ["pending"]
    assert outcome.reading.note is not None
    rezen.routes["/pending-overview"] = lambda _request: wrapper(403, "Not authorized.")
    with pytest.raises(ResourceUnavailable):
        connect(rezen).read("revshare_overview")


def test_months() -> None:
    assert month_of(date(2024, 2, 10)) == Window(date(2024, 2, 1), date(2024, 2, 29))
    assert month_before(date(2026, 1, 31)).start == date(2025, 12, 1)
    assert months_back(date(2026, 6, 15), 24) == date(2024, 6, 1)
    assert [m.start.month for m in months(date(2025, 11, 9), date(2026, 2, 1))] == [11, 12, 1, 2]


def test_an_empty_year_costs_one_question() -> None:
    asked: list[Window] = []

    def read(window: Window) -> list[int]:
        asked.append(window)
        return [1] if window.end >= date(2026, 1, 1) else []

    wanted = months(date(2025, 1, 1), date(2026, 12, 31))
    assert len(list(filled(wanted, read, lambda rows: not rows))) == 12
    assert len(asked) == 14


def test_an_entry_that_leaves_the_ledger_while_it_is_paged_takes_no_other_along() -> None:
    rezen = Rezen()
    rows = [{"id": f"e{n:03}"} for n in range(150)]

    def one_leaves(request: httpx.Request) -> Any:
        answer = envelope("equityTransactions", rows, request)
        rows[:] = [row for row in rows if row["id"] != "e050"]
        return answer

    rezen.routes["/transactions"] = lambda request: envelope("equityTransactions", rows, request)
    connection = connect(rezen)
    connection.read("equity_transactions")
    rezen.routes["/transactions"] = one_leaves
    connection.later(days=1)
    assert connection.read("equity_transactions").gone == set()
    connection.later(days=1)
    assert connection.read("equity_transactions").gone == {"e050"}


def test_equity_by_year_since_joining() -> None:
    rezen = Rezen()
    rezen.routes["/monthly"] = lambda request: {"months": [{"month": 1, "totalShares": "1.5"}]}
    connection = connect(rezen)
    connection.read("equity_monthly")
    assert connection.warehouse.keys("equity_monthly") == {"2026|1"}
    rezen.routes["/performance"] = lambda _request: {"totalShares": 10.25}
    connection.read("equity_performance")
    assert connection.warehouse.keys("equity_performance") == {ADA}
