"""What is asked for and when: windows, nights, pages (qualia.md §3.1, §3.2, Sync strategy)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import orjson
import pytest

from pipelines.common.errors import ContractBroken
from pipelines.qualia.client import QualiaSettings
from pipelines.qualia.source import QUALIA
from tests.pipelines.in_memory import Connection

NOON = datetime(2026, 6, 15, 12, tzinfo=UTC)
Body = dict[str, Any]


class Title:
    """A title company: its orders, and what was asked of it."""

    def __init__(self, *keys: str) -> None:
        self.orders: dict[str, Body] = {key: {"id": key} for key in keys}
        self.asked: list[tuple[str, Body]] = []
        self.page: Callable[[Body], Body] = self._all
        self.broken: set[str] = set()

    def _all(self, variables: Body) -> Body:
        future = variables.get("filter", {}).get("lastActivity", {}).get("start", "") > "2027"
        nodes = [] if future else list(self.orders.values())
        return {
            "edges": [{"cursor": node["id"], "node": node} for node in nodes],
            "pageInfo": {"hasNextPage": False, "endCursor": None},
        }

    def __call__(self, request: httpx.Request) -> httpx.Response:
        body = orjson.loads(request.content)
        name, variables = body["operationName"], body["variables"]
        self.asked.append((name, variables))
        data: Any
        match name:
            case "OrdersList" | "FilterProbe":
                data = {"ordersList": self.page(variables)}
            case "OrderIds":
                future = variables.get("filter", {}).get("lastActivity", {}).get("start", "")
                data = {"orders": [] if future > "2027" else list(self.orders)}
            case "Order":
                if variables["id"] in self.broken:
                    return httpx.Response(500)
                data = {"order": self.orders.get(variables["id"])}
            case _:
                raise AssertionError(name)
        return httpx.Response(200, json={"data": data})

    def starts(self) -> list[str | None]:
        """From when on orders were asked for, by each question."""
        found = [
            variables.get("filter", {}).get("lastActivity", {})
            for name, variables in self.asked
            if name == "OrdersList"
        ]
        assert not any("end" in window for window in found), "what is touched meanwhile must stay"
        self.asked.clear()
        return [window.get("start") for window in found]


def connected(title: Title, now: datetime = NOON) -> Connection:
    return Connection(
        QUALIA,
        title,
        QualiaSettings(base_url="http://qualia.test/graphql"),
        {"username": "house", "api_key": "key"},
        now=now,
    )


def test_a_first_reading_asks_for_everything_and_tries_the_filter() -> None:
    title = Title("o1", "o2")
    outcome = connected(title).read("orders")
    assert title.asked == [
        ("OrdersList", {"first": 10}),
        ("OrderIds", {}),
        ("FilterProbe", {"filter": {"lastActivity": {"start": "2027-10-28T12:00:00Z"}}}),
    ]
    reading = outcome.reading
    assert (reading.mode, reading.complete, reading.probed) == ("full", True, True)
    assert reading.cursor_to == "2026-06-15T11:55:00+00:00"
    assert reading.vendor_count == 2


def test_an_increment_begins_a_day_before_the_end_of_the_last_one() -> None:
    title = Title("o1")
    connection = connected(title)
    connection.read("orders")
    title.asked.clear()
    connection.later(minutes=15)
    outcome = connection.read("orders")
    assert outcome.reading.mode == "incremental"
    assert not outcome.reading.complete
    assert outcome.reading.cursor_to == "2026-06-15T12:10:00+00:00"
    assert [name for name, _ in title.asked] == ["OrdersList"]
    assert title.starts() == ["2026-06-14T11:55:00Z"]


@pytest.mark.parametrize(
    ("first", "then", "nightly"),
    [
        ((15, 12, 0), (16, 8, 59), False),
        ((15, 12, 0), (16, 9, 0), True),
        ((15, 8, 0), (15, 8, 59), False),
        ((15, 8, 59), (15, 9, 1), True),
        ((15, 9, 1), (15, 23, 59), False),
        ((15, 23, 0), (16, 1, 0), False),
    ],
)
def test_the_night_comes_once_a_day(
    first: tuple[int, int, int], then: tuple[int, int, int], nightly: bool
) -> None:
    title = Title("o1")
    connection = connected(title, datetime(2026, 6, *first, tzinfo=UTC))
    connection.read("orders")
    title.asked.clear()
    connection.now = datetime(2026, 6, *then, tzinfo=UTC)
    outcome = connection.read("orders")
    assert (outcome.reading.mode == "nightly") is nightly
    week_ago = (connection.now - timedelta(days=7)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert (title.starts() == [week_ago]) is nightly


def test_after_a_week_everything_is_read_again() -> None:
    title = Title("o1")
    connection = connected(title)
    connection.read("orders")
    title.starts()
    for days, start in ((6, "2026-06-14T11:55:00Z"), (1, None)):
        connection.later(days=days)
        connection.read("orders")
        assert title.starts() == [start], "seven days back would leave a gap after a pause"


def test_a_clock_that_went_back_asks_from_the_present() -> None:
    title = Title("o1")
    connection = connected(title)
    connection.read("orders")
    title.starts()
    connection.later(hours=-2)
    connection.read("orders")
    assert title.starts() == ["2026-06-14T10:00:00Z"]


PLANNED = "2026-06-20T17:00:00Z"


@pytest.mark.parametrize(
    ("fields", "again"),
    [
        ({"status": "OPEN", "estimatedClosing": PLANNED}, True),
        ({"status": "PENDING", "estimatedClosing": "2026-06-02T17:00:00Z"}, True),
        ({"status": "CLOSED", "closeDate": "2026-06-10T17:00:00Z"}, True),
        ({"status": "CLOSED", "closeDate": "2026-01-10T17:00:00Z", "estimatedClosing": PLANNED},
         False),
        ({"status": "CLOSED", "closeDate": "2026-06-10T17:00:00Z",
          "disbursementDate": "2026-06-11T17:00:00Z"}, False),
        ({"status": "CANCELLED", "estimatedClosing": PLANNED}, False),
        ({"status": "OPEN", "estimatedClosing": "2026-07-20T17:00:00Z"}, False),
        ({"status": "OPEN"}, False),
        ({"status": "ON_HOLD", "estimatedClosing": PLANNED}, True),
    ],
)  # fmt: skip
def test_at_night_unpaid_orders_about_their_closing_are_read_again(
    fields: Body, again: bool
) -> None:
    title = Title("o1")
    title.orders["o1"].update(fields)
    connection = connected(title)
    connection.read("orders")
    title.asked.clear()
    title.page = lambda _variables: {"edges": [], "pageInfo": {"hasNextPage": False}}
    connection.later(hours=22)
    connection.read("orders")
    singles = [variables["id"] for name, variables in title.asked if name == "Order"]
    assert singles == (["o1"] if again else [])


def test_an_order_that_no_window_shows_and_the_list_of_all_has_is_read() -> None:
    title = Title("o1")
    connection = connected(title)
    connection.read("orders")
    title.orders["o2"] = {"id": "o2"}
    title.page = lambda _variables: {"edges": [], "pageInfo": {"hasNextPage": False}}
    connection.later(hours=22)
    assert connection.read("orders").ids == ["o2"]


def test_where_the_list_ignores_the_filter_ids_are_asked_for_and_a_failure_holds_the_cursor() -> (
    None
):
    title = Title("o1", "o2")
    title.page = lambda _variables: page("o1", "o2", hasNextPage=False, endCursor=None)
    connection = connected(title)
    assert connection.read("orders").reading.mode == "full by ids"
    connection.read("tasks")
    connection.later(minutes=15)
    title.asked.clear()
    title.broken = {"o2"}
    outcome = connection.read("orders")
    window = {"filter": {"lastActivity": {"start": "2026-06-14T11:55:00Z"}}}
    assert title.asked[0] == ("OrderIds", window)
    assert outcome.ids == ["o1"]
    assert outcome.reading.cursor_to == "2026-06-15T11:55:00+00:00", "o2 is still to be read"
    assert outcome.gone == set()
    tasks = connection.read("tasks").reading
    assert (tasks.mode, tasks.cursor_to) == ("incremental by ids", "2026-06-15T11:55:00+00:00")
    title.broken = set()
    connection.later(minutes=15)
    assert sorted(connection.read("orders").ids) == ["o1", "o2"]
    assert connection.warehouse.marks["orders"].cursor == "2026-06-15T12:25:00+00:00"


# -- pages -----------------------------------------------------------------------------------------


def paged(title: Title, pages: dict[str | None, Body]) -> list[Any]:
    """Read a list whose pages depend on `after`; the cursors that were sent."""
    title.page = lambda variables: pages[variables.get("after")]
    outcome = connected(title).read("orders")
    assert sorted(outcome.ids) == sorted(title.orders)
    return [variables.get("after") for name, variables in title.asked if name == "OrdersList"]


def page(*keys: str, **info: Any) -> Body:
    edges = [{"cursor": f"at {key}", "node": {"id": key}} for key in keys]
    return {"edges": edges, **({"pageInfo": info} if info else {})}


def test_pages_follow_the_end_cursor() -> None:
    sent = paged(
        Title("o1", "o2"),
        {
            None: page("o1", hasNextPage=True, endCursor="next"),
            "next": page("o2", hasNextPage=False, endCursor="end"),
        },
    )
    assert sent == [None, "next"]


def test_without_page_info_the_last_edge_leads_on_to_an_empty_page() -> None:
    pages = {None: page("o1"), "at o1": page("o2"), "at o2": page()}
    assert paged(Title("o1", "o2"), pages) == [None, "at o1", "at o2"]


@pytest.mark.parametrize("stuck", [None, "", "at o1", 7])
def test_an_end_cursor_that_leads_nowhere_gives_way_to_the_last_edge(stuck: Any) -> None:
    pages = {
        None: page("o1", hasNextPage=True, endCursor=stuck),
        "at o1": page("o2", hasNextPage=True, endCursor=stuck),
        "at o2": page("o3", hasNextPage=False, endCursor=stuck),
    }
    assert paged(Title("o1", "o2", "o3"), pages) == [None, "at o1", "at o2"]


def test_pages_that_go_in_a_circle_are_refused() -> None:
    title = Title("o1")
    title.page = lambda _variables: page("o1", hasNextPage=True, endCursor="at o1")
    with pytest.raises(ContractBroken, match="points back"):
        connected(title).read("orders")
    assert len(title.asked) == 2


@pytest.mark.parametrize("broken", [None, [], {}, {"edges": None}, {"edges": [7]}, {"edges": [{}]}])
def test_a_list_without_edges_is_refused(broken: Any) -> None:
    title = Title("o1")
    title.page = lambda _variables: broken
    with pytest.raises(ContractBroken, match="without edges"):
        connected(title).read("orders")


# -- companies -------------------------------------------------------------------------------------


def test_companies_are_asked_for_by_their_last_touch_and_weekly_all() -> None:
    asked: list[tuple[str, Body]] = []
    listed, silent = ["c1", "c2", "c3"], set[str]()

    def answer(request: httpx.Request) -> httpx.Response:
        body = orjson.loads(request.content)
        asked.append((body["operationName"], body["variables"]))
        if body["operationName"] == "CompanyIds":
            return httpx.Response(200, json={"data": {"companyContacts": listed}})
        key = body["variables"]["id"]
        company = None if key in silent else {"id": key}
        return httpx.Response(200, json={"data": {"companyContact": company}})

    connection = connected(Title())
    connection.handler = answer
    assert sorted(connection.read("companies").ids) == ["c1", "c2", "c3"]
    assert asked[0] == ("CompanyIds", {})
    asked.clear()
    connection.later(hours=24)
    listed[:] = ["c1"]
    outcome = connection.read("companies")
    assert (outcome.reading.mode, outcome.gone) == ("incremental", set())
    start = {"lastTouched": {"start": "2026-06-14T11:55:00Z"}}
    assert asked[0] == ("CompanyIds", {"filter": start})
    asked.clear()
    connection.later(days=6)
    listed[:], silent = ["c1", "c2"], {"c2"}
    outcome = connection.read("companies")
    assert (asked[0], outcome.reading.complete) == (("CompanyIds", {}), True)
    assert outcome.gone == {"c3"}, "c2 is listed, whatever its own answer"
