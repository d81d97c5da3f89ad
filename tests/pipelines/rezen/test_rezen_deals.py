"""Lists walked newest first, details of what changed, and deals that move meanwhile (§16.3)."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from pipelines.common.errors import AccountBroken, RetryLater
from tests.pipelines.rezen.rezen_fake import Rezen, connect, envelope, wrapper

DAY = 86_400_000
START = 1781000000000


class Deals(Rezen):
    """A reZEN that holds deals; `deals[id] = (group, updatedAt)`."""

    def __init__(self, count: int = 0) -> None:
        super().__init__()
        self.deals: dict[str, tuple[str, int]] = {
            f"d{n:03}": ("CLOSED", START - n * DAY) for n in range(count)
        }
        self.broken: set[str] = set()
        self.sortable = True
        self.after_page: dict[tuple[str, int], Any] = {}
        for group in ("OPEN", "CLOSED", "TERMINATED"):
            self.routes[f"/transactions/{group}"] = self._list
        self.routes[""] = self._detail

    def _list(self, request: httpx.Request) -> Any:
        group = request.url.path.rsplit("/", 1)[1]
        if "sortBy" in request.url.params and not self.sortable:
            return wrapper(400, "No enum constant UPDATED_AT")
        rows = [
            {"id": key, "updatedAt": updated}
            for key, (name, updated) in sorted(self.deals.items(), key=lambda d: -d[1][1])
            if name == group
        ]
        if not self.sortable:
            rows.sort(key=lambda row: str(row["id"]))
        answer = envelope("transactions", rows, request)
        action = self.after_page.pop((group, answer["pageNumber"]), None)
        if action is not None:
            action()
        return answer

    def _detail(self, request: httpx.Request) -> Any:
        key = request.url.path.rsplit("/", 1)[1]
        if key in self.broken:
            return httpx.Response(500, text="oops")
        if key not in self.deals:
            return wrapper(404, "no such deal")
        group, updated = self.deals[key]
        return {"id": key, "updatedAt": updated, "lifecycleState": {"state": group}}


def test_the_first_time_everything_is_read() -> None:
    connection = connect(Deals(250))
    listed = connection.read("transaction_list")
    assert len(listed.rows) == 250
    assert {row["lifecycleGroup"] for row in listed.rows} == {"CLOSED"}
    assert listed.reading.complete
    assert listed.reading.vendor_count == 250
    assert listed.reading.vendor_counts == {"OPEN": 0, "CLOSED": 250, "TERMINATED": 0}
    assert listed.reading.cursor_to == str(START)
    assert len(connection.read("transactions").rows) == 250


def test_an_increment_reads_one_page_per_group_and_what_changed() -> None:
    rezen = Deals(250)
    connection = connect(rezen)
    connection.read("transaction_list")
    connection.read("transactions")
    rezen.deals["d200"] = ("CLOSED", START + 1)
    connection.later(hours=1)
    listed = connection.read("transaction_list")
    assert len(listed.requests) == 3
    assert not listed.reading.complete
    details = connection.read("transactions")
    assert details.ids == ["d200"]
    assert details.gone == set()


def test_a_deal_that_is_refused_without_a_word_is_not_gone() -> None:
    rezen = Deals(5)
    connection = connect(rezen)
    connection.read("transaction_list")
    connection.read("transactions")
    rezen.routes["/transactions/d003"] = lambda _request: httpx.Response(403)
    connection.later(hours=1)
    connection.read("transaction_list", full=True)
    with pytest.raises(RetryLater, match="takes the key elsewhere: what is stored of it stays"):
        connection.read("transactions", full=True)
    assert len(connection.warehouse.rows["transactions"]) == 5


def test_nothing_changed_costs_no_detail() -> None:
    connection = connect(Deals(5))
    connection.read("transaction_list")
    connection.read("transactions")
    connection.later(hours=1)
    connection.read("transaction_list")
    assert connection.read("transactions").requests == []


def test_the_walk_overlaps_by_a_day() -> None:
    rezen = Deals()
    hour = DAY // 24
    rezen.deals = {f"d{n:03}": ("CLOSED", START - n * hour) for n in range(250)}
    connection = connect(rezen)
    connection.read("transaction_list")
    connection.later(hours=1)
    # 24 hours are 24 deals, so the first page of 100 reaches past the watermark
    assert len(connection.read("transaction_list").rows) == 100


def test_a_page_that_shifts_loses_nothing() -> None:
    rezen = Deals(250)

    def move_to_the_front() -> None:
        rezen.deals["d150"] = ("CLOSED", START + 5)

    rezen.after_page["CLOSED", 0] = move_to_the_front
    listed = connect(rezen).read("transaction_list")
    assert sorted(listed.ids) == sorted(rezen.deals)
    (moved,) = [row for row in listed.rows if row["id"] == "d150"]
    assert moved["updatedAt"] == START + 5


def test_a_deal_that_closes_between_two_walks_is_in_its_last_group() -> None:
    rezen = Deals(3)
    rezen.deals["d001"] = ("OPEN", START)

    def close() -> None:
        rezen.deals["d001"] = ("CLOSED", START + 1)

    rezen.after_page["OPEN", 0] = close
    listed = connect(rezen).read("transaction_list")
    assert len(listed.rows) == 3
    assert {row["id"]: row["lifecycleGroup"] for row in listed.rows}["d001"] == "CLOSED"


def test_a_deal_that_moved_unseen_is_found_by_the_count() -> None:
    rezen = Deals(250)
    rezen.deals["d249"] = ("OPEN", START - 400 * DAY)
    connection = connect(rezen)
    connection.read("transaction_list")
    rezen.deals["d249"] = ("CLOSED", START - 300 * DAY)
    connection.later(hours=1)
    listed = connection.read("transaction_list")
    assert listed.reading.complete
    assert connection.warehouse.values("transaction_list", "lifecycle_group")["d249"] == ("CLOSED",)


def test_a_deal_that_left_is_gone_only_when_its_detail_is() -> None:
    rezen = Deals(5)
    connection = connect(rezen)
    connection.read("transaction_list")
    connection.read("transactions")
    rezen.deals["d001"] = ("ELSEWHERE", START)
    del rezen.deals["d002"]
    connection.later(hours=1)
    assert connection.read("transaction_list").gone == {"d002"}
    assert connection.read("transactions").gone == {"d002"}


def test_a_deal_that_disappears_between_list_and_detail() -> None:
    rezen = Deals(3)
    connection = connect(rezen)
    connection.read("transaction_list")
    del rezen.deals["d001"]
    details = connection.read("transactions")
    assert sorted(details.ids) == ["d000", "d002"]
    assert details.reading.note == "1 listed deals are gone or belong to others."


def test_a_detail_that_always_fails_costs_only_itself() -> None:
    rezen = Deals(20)
    rezen.broken = {"d007"}
    connection = connect(rezen)
    connection.read("transaction_list")
    with pytest.raises(RetryLater, match="1 of 20 deals could not be read"):
        connection.read("transactions")
    assert len(connection.warehouse.keys("transactions")) == 19
    rezen.broken = set()
    connection.later(hours=1)
    assert connection.read("transactions").ids == ["d007"]


def test_what_was_read_before_the_key_died_is_kept() -> None:
    rezen = Deals(20)
    connection = connect(rezen)
    connection.read("transaction_list")
    answer = rezen.routes[""]
    asked: list[str] = []

    def die_after_ten(request: httpx.Request) -> Any:
        asked.append(request.url.path)
        return answer(request) if len(asked) <= 10 else httpx.Response(403)

    rezen.routes = {**dict.fromkeys(rezen.routes, die_after_ten), "/users/me": die_after_ten}
    with pytest.raises(AccountBroken):
        connection.read("transactions")
    assert len(connection.warehouse.keys("transactions")) >= 5


def test_a_vendor_that_is_down_is_not_asked_for_every_deal() -> None:
    rezen = Deals(100)
    connection = connect(rezen)
    connection.read("transaction_list")
    rezen.broken = set(rezen.deals)
    with pytest.raises(RetryLater):
        connection.read("transactions")
    assert len({request.url.path for request in connection.requests}) < 15


def test_a_refused_sort_compares_whole_lists() -> None:
    rezen = Deals(450)
    rezen.sortable = False
    connection = connect(rezen)
    assert len(connection.read("transaction_list").rows) == 450
    connection.later(hours=1)
    listed = connection.read("transaction_list")
    assert listed.reading.note is not None
    # the first three pages of CLOSED, one of each other group, each after a refused sort
    assert len([r for r in listed.requests if "sortBy" not in r.url.params]) == 5


def test_an_order_that_is_not_kept_is_not_trusted() -> None:
    rezen = Deals(250)
    connection = connect(rezen)
    connection.read("transaction_list")
    connection.later(hours=1)
    honest = rezen.routes["/transactions/CLOSED"]

    def unsorted(request: httpx.Request) -> Any:
        answer = honest(request)
        answer["transactions"].reverse()
        return answer

    rezen.routes["/transactions/CLOSED"] = unsorted
    assert connection.read("transaction_list").reading.complete


def test_a_deal_dated_far_in_the_future_does_not_stop_the_account() -> None:
    rezen = Deals(250)
    rezen.deals["d000"] = ("CLOSED", 32_503_680_000_000)
    connection = connect(rezen)
    connection.read("transaction_list")
    cursor = int(connection.warehouse.marks["transaction_list"].cursor or 0)
    assert cursor == int(connection.now.timestamp() * 1000)


def test_closed_deals_are_looked_at_again_weekly_until_settled() -> None:
    rezen = Deals(4)
    connection = connect(rezen)
    connection.read("transaction_list")
    connection.read("transactions")
    connection.later(days=8)
    connection.read("transaction_list")
    assert sorted(connection.read("transactions").ids) == sorted(rezen.deals)
    connection.later(hours=1)
    connection.read("transaction_list")
    assert connection.read("transactions").ids == []


def test_a_row_without_an_id_is_refused_whole() -> None:
    rezen = Rezen()
    for group in ("OPEN", "CLOSED", "TERMINATED"):
        rows = [{"code": "S4K7Q2"}, "nonsense", {"id": "d1"}] if group == "OPEN" else []
        rezen.routes[f"/transactions/{group}"] = lambda request, rows=rows: envelope(
            "transactions", rows, request
        )
    outcome = connect(rezen).read("transaction_list")
    assert len(outcome.rejected) == 2
    assert outcome.reading.seen.missing(["d1"]) == []
