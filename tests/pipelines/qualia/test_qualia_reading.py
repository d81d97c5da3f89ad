"""What is asked for and when: windows, nights, pages (qualia.md §3.1, §3.2, Sync strategy)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import orjson
import pytest

from pipelines.common.errors import ContractBroken, ResourceUnavailable, RetryLater, VendorError
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
        self.silent = False
        self.broken: set[str] = set()
        self.refused: dict[str, Body] = {}
        self.lacks: dict[tuple[str, str], str] = {}
        """Blocks that errors stand for: the code by order and block."""

    def _all(self, variables: Body) -> Body:
        start = variables.get("filter", {}).get("lastActivity", {}).get("start", "")
        nothing = start > "2027" or (self.silent and start)
        nodes = [] if nothing else list(self.orders.values())
        return {
            "edges": [{"cursor": node["id"], "node": node} for node in nodes],
            "pageInfo": {"hasNextPage": False, "endCursor": None},
        }

    def __call__(self, request: httpx.Request) -> httpx.Response:
        body = orjson.loads(request.content)
        name, variables = body["operationName"], body["variables"]
        self.asked.append((name, variables))
        data: Any
        errors: list[Body] = []
        match name:
            case "OrdersList" | "FilterProbe":
                data = {"ordersList": self.page(variables)}
                for number, edge in enumerate(data["ordersList"]["edges"] if self.lacks else ()):
                    errors += self._lacking(edge, ["ordersList", "edges", number, "node"])
            case "OrderIds":
                future = variables.get("filter", {}).get("lastActivity", {}).get("start", "")
                nothing = future > "2027" or (self.silent and "filter" in variables)
                data = {"orders": [] if nothing else list(self.orders)}
            case "Order":
                if variables["id"] in self.broken:
                    return httpx.Response(500)
                if variables["id"] in self.refused:
                    errors.append(self.refused[variables["id"]])
                data = {"order": None if errors else self.orders.get(variables["id"])}
                errors += self._lacking({"node": data["order"]}, ["order"])
            case _:
                raise AssertionError(name)
        return httpx.Response(200, json={"data": data, **({"errors": errors} if errors else {})})

    def _lacking(self, edge: Body, path: list[Any]) -> list[Body]:
        found = []
        for (key, block), code in self.lacks.items():
            if (edge["node"] or {}).get("id") == key:
                names = block.split(".")
                edge["node"] = {**edge["node"], names[0]: None}
                found.append({"message": "It broke.", "path": [*path, *names],
                              "extensions": {"code": code}})  # fmt: skip
        return found

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


def test_where_the_list_ignores_the_filter_ids_are_asked_for_and_a_failure_is_kept_in_mind() -> (
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
    assert outcome.reading.cursor_to == "2026-06-15T12:10:00+00:00 o2", "o2 is still to be read"
    assert outcome.gone == set()
    tasks = connection.read("tasks").reading
    assert (tasks.mode, tasks.cursor_to) == ("incremental by ids", "2026-06-15T12:10:00+00:00 o2")
    title.broken, title.silent = set(), True
    connection.later(minutes=15)
    assert connection.read("orders").ids == ["o2"]
    assert connection.warehouse.marks["orders"].cursor == "2026-06-15T12:25:00+00:00"


# -- orders that cannot be read by themselves ------------------------------------------------------


FORBIDDEN: Body = {"message": "Not yours.", "extensions": {"code": "FORBIDDEN"}}
BROKEN, CLOSED = "INTERNAL_SERVER_ERROR", "FORBIDDEN"


def after_a_night_without(*keys: str) -> tuple[Title, Connection]:
    """A night that no window shows anything in, and whose list lacks some of the orders."""
    title = Title("o1", "o2", *keys)
    connection = connected(title)
    connection.read("orders")
    for key in keys:
        del title.orders[key]
    title.silent = True
    connection.later(hours=22)
    return title, connection


def test_one_forbidden_order_costs_only_itself() -> None:
    title, connection = after_a_night_without("o3", "o4")
    title.refused["o3"] = FORBIDDEN
    outcome = connection.read("orders")
    assert (outcome.gone, outcome.reading.probed) == ({"o4"}, True)
    assert outcome.reading.note == "1 orders could not be read by themselves and stay as they were."
    connection.later(minutes=15)
    assert connection.read("orders").reading.mode == "incremental", "a night comes once"
    assert [v["id"] for name, v in title.asked if name == "Order"][-1] == "o3"


def test_five_orders_that_may_not_be_asked_for_close_the_list() -> None:
    keys = [f"f{n}" for n in range(5)]
    title, connection = after_a_night_without(*keys)
    title.refused = dict.fromkeys(keys, FORBIDDEN)
    with pytest.raises(ResourceUnavailable, match="may not read it"):
        connection.read("orders")


@pytest.mark.parametrize("code", ["FORBIDDEN", "NOT_FOUND", ""])
def test_orders_that_qualia_answers_with_an_error_are_neither_gone_nor_an_outage(code: str) -> None:
    keys = [f"f{n}" for n in range(7)]
    title, connection = after_a_night_without(*keys)
    said = {"message": "No.", "path": ["order"], "extensions": {"code": code}}
    title.refused = dict.fromkeys(keys, said)
    outcome = connection.read("orders")
    assert (outcome.gone, outcome.reading.probed) == (set(), True)
    assert outcome.reading.note == "Qualia does not show 7 orders; they stay as they were."
    assert outcome.reading.cursor_to == "2026-06-16T09:55:00+00:00", "asking again is for the night"
    title.silent = False
    connection.later(days=7)
    whole = connection.read("orders")
    assert (whole.reading.complete, whole.gone) == (True, set())


def test_orders_that_fail_within_are_an_outage() -> None:
    keys = [f"f{n}" for n in range(5)]
    title, connection = after_a_night_without(*keys)
    said = {"message": "No.", "path": ["order"], "extensions": {"code": BROKEN}}
    title.refused = dict.fromkeys(keys, said)
    with pytest.raises(RetryLater, match="try the sync again later"):
        connection.read("orders")


def test_where_no_order_may_be_asked_for_by_its_id_the_list_is_closed() -> None:
    keys = [f"o{n}" for n in range(6)]
    title = Title(*keys)
    title.page = lambda _variables: page(*keys, hasNextPage=False)
    connection = connected(title)
    assert connection.read("orders").reading.mode == "full by ids"
    title.refused = {key: {**FORBIDDEN, "path": ["order"]} for key in keys}
    connection.later(minutes=15)
    with pytest.raises(ResourceUnavailable, match="one by one"):
        connection.read("orders")


# -- blocks that cannot be read --------------------------------------------------------------------


def paid(key: str, amount: str = "1.00") -> Body:
    return {"id": key, "accounting": {"disbursements": [{"amount": amount}], "receipts": []}}


def with_money(count: int = 3) -> tuple[Title, Connection]:
    """Orders with a disbursement each, read once."""
    title = Title()
    title.orders = {f"o{n}": paid(f"o{n}") for n in range(1, count + 1)}
    connection = connected(title)
    connection.read("orders")
    connection.read("disbursements")
    return title, connection


def held(connection: Connection) -> dict[str, str]:
    rows = connection.warehouse.rows["disbursements"].values()
    return {row["order_id"]: str(row["amount"]) for row in rows}


def both(connection: Connection) -> str:
    """Read the orders and their disbursements; what was said when the latter failed."""
    connection.read("orders")
    try:
        connection.read("disbursements")
    except VendorError as error:
        return error.sentence
    return ""


def test_a_missed_order_whose_money_fails_is_asked_for_until_it_comes() -> None:
    title, connection = with_money()
    title.silent = True
    title.orders |= {"o4": paid("o4"), "o5": paid("o5")}
    title.lacks["o4", "accounting"] = BROKEN
    connection.later(hours=22)
    assert both(connection) == ""
    assert set(held(connection)) == {"o1", "o2", "o3", "o5"}
    assert connection.warehouse.marks["disbursements"].cursor == "2026-06-16T09:55:00+00:00 o4"
    connection.later(minutes=15)
    assert both(connection) == (
        "Qualia sent 1 orders without their accounting.disbursements (It broke); their rows stay "
        "as they were, and they are read again in the next sync."
    )
    title.lacks.clear()
    title.asked.clear()
    connection.later(minutes=15)
    assert both(connection) == ""
    assert set(held(connection)) == {"o1", "o2", "o3", "o4", "o5"}
    connection.later(minutes=15)
    title.asked.clear()
    assert both(connection) == ""
    assert [name for name, _ in title.asked] == ["OrdersList"], "and no longer"


def test_a_night_that_the_block_did_not_live_through_is_made_up_for() -> None:
    """Nothing came with its money, so the block failed: what it missed is in no later window."""
    title, connection = with_money()
    title.silent = True
    title.orders |= {"o4": paid("o4")}
    del title.orders["o2"]
    title.lacks["o4", "accounting"] = BROKEN
    connection.later(hours=22)
    assert "(It broke)" in both(connection)
    assert "o2" in held(connection)
    title.lacks.clear()
    connection.later(minutes=15)
    assert both(connection) == ""
    assert set(held(connection)) == {"o1", "o3", "o4"}
    assert connection.warehouse.marks["disbursements"].mode == "full"
    connection.later(minutes=15)
    assert both(connection) == ""
    assert connection.warehouse.marks["disbursements"].mode == "incremental"


def test_a_night_that_finds_an_order_gone_takes_its_rows_though_another_fails() -> None:
    title, connection = with_money()
    title.silent = True
    title.orders |= {"o4": paid("o4"), "o5": paid("o5")}
    del title.orders["o2"]
    title.lacks["o4", "accounting"] = BROKEN
    connection.later(hours=22)
    assert both(connection) == ""
    assert set(held(connection)) == {"o1", "o3", "o5"}


def test_an_order_without_a_block_keeps_the_rows_it_had_in_a_full_reading() -> None:
    title, connection = with_money(30)
    title.lacks["o7", "accounting.disbursements"] = BROKEN
    title.orders["o8"] = paid("o8", "8.00")
    connection.later(days=7)
    assert both(connection) == ""
    assert connection.warehouse.marks["disbursements"].complete
    assert (held(connection)["o7"], held(connection)["o8"]) == ("1.00", "8.00")


@pytest.mark.parametrize(("code", "kind"), [(BROKEN, VendorError), (CLOSED, ResourceUnavailable)])
def test_a_block_that_no_order_has_is_closed_only_where_qualia_says_so(
    code: str, kind: type[VendorError]
) -> None:
    title = Title()
    title.orders = {f"o{n}": paid(f"o{n}") for n in range(12)}
    title.lacks = {(key, "accounting"): code for key in title.orders}
    connection = connected(title)
    connection.read("orders")
    with pytest.raises(VendorError) as failed:
        connection.read("disbursements")
    assert type(failed.value) is kind
    assert "orders" not in {name for name, _ in title.asked[-12:] if code == CLOSED}
    singles = [name for name, _ in title.asked if name == "Order"]
    assert len(singles) == (12 if code == BROKEN else 0), "what is closed is not asked for again"


def test_what_one_order_does_not_show_is_noted_and_not_asked_for_again() -> None:
    title, connection = with_money()
    title.lacks["o1", "accounting"] = CLOSED
    title.orders["o1"] = paid("o1", "9.00")
    connection.later(minutes=15)
    title.asked.clear()
    assert both(connection) == ""
    assert held(connection)["o1"] == "1.00"
    assert [name for name, _ in title.asked] == ["OrdersList"]
    assert connection.warehouse.marks["disbursements"].cursor == "2026-06-15T12:10:00+00:00"


def test_an_own_block_that_fails_in_a_full_reading_is_asked_for_until_it_comes() -> None:
    title = Title("o1", "o2")
    title.lacks["o2", "loans"] = BROKEN
    connection = connected(title)
    reading = connection.read("orders").reading
    assert reading.cursor_to == "2026-06-15T11:55:00+00:00 o2"
    assert reading.note == "Qualia sent 1 orders without some of their own blocks (It broke)."
    title.lacks.clear()
    title.silent = True
    connection.later(minutes=15)
    assert connection.read("orders").ids == ["o2"]
    assert connection.warehouse.marks["orders"].cursor == "2026-06-15T12:10:00+00:00"


def test_too_many_to_be_named_are_read_again_with_everything_else() -> None:
    title = Title(*(f"o{n}" for n in range(30)))
    title.lacks = {(key, "loans"): BROKEN for key in title.orders}
    connection = connected(title)
    assert connection.read("orders").reading.cursor_to is None
    connection.later(minutes=15)
    assert connection.read("orders").reading.mode == "full"
    title.lacks = {(key, "loans"): CLOSED for key in title.orders}
    connection.later(minutes=15)
    reading = connection.read("orders").reading
    assert reading.cursor_to == "2026-06-15T12:25:00+00:00", "what is closed does not come"
    title.lacks = {(key, "loans"): BROKEN for key in title.orders}
    connection.later(minutes=15)
    assert connection.read("orders").reading.cursor_to == reading.cursor_to, (
        "the window comes again"
    )


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


def test_a_company_that_cannot_be_read_costs_only_itself_and_is_asked_for_again() -> None:
    asked: list[str] = []
    listed = ["c1", "c2", "c3", "c4"]
    errors: dict[str, Body] = {
        "c1": FORBIDDEN,
        "c2": {**FORBIDDEN, "path": ["companyContact"]},
        "c3": {"message": "No.", "extensions": {"code": BROKEN}},
    }

    def answer(request: httpx.Request) -> httpx.Response:
        body = orjson.loads(request.content)
        if body["operationName"] == "CompanyIds":
            return httpx.Response(200, json={"data": {"companyContacts": listed}})
        key = body["variables"]["id"]
        asked.append(key)
        if key in errors:
            return httpx.Response(
                200, json={"data": {"companyContact": None}, "errors": [errors[key]]}
            )
        return httpx.Response(200, json={"data": {"companyContact": {"id": key}}})

    connection = connected(Title())
    connection.handler = answer
    outcome = connection.read("companies")
    assert outcome.ids == ["c4"]
    assert outcome.reading.cursor_to == "2026-06-15T11:55:00+00:00 c1 c3"
    assert outcome.reading.note == (
        "2 companies could not be read and 1 are not shown; they stay as they were."
    )
    errors.clear()
    asked.clear()
    listed.clear()
    connection.later(hours=24)
    assert sorted(connection.read("companies").ids) == ["c1", "c3"]
    listed[:] = [f"n{n}" for n in range(5)]
    errors |= dict.fromkeys(listed, FORBIDDEN)
    connection.later(hours=24)
    with pytest.raises(ResourceUnavailable):
        connection.read("companies")
