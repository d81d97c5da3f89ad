"""Who is refused, what a page looks like, and what is a dead key (rezen.md §3.2, §4)."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from pipelines.common.errors import (
    AccountBroken,
    ContractBroken,
    RecordUnavailable,
    ResourceUnavailable,
    RetryLater,
)
from pipelines.rezen.client import RezenSettings, day_of, epoch_ms, read_page
from pipelines.rezen.source import check
from tests.pipelines.rezen.rezen_fake import ADA, ME, Rezen, connect, wrapper


def answer(response: httpx.Response, path: str = "/things", **more: Any) -> Any:
    rezen = Rezen()
    rezen.routes[path] = lambda _request: response
    return connect(rezen).api().get(f"https://yenta.test/api/v1{path}", **more).data


def test_the_key_travels_in_its_header() -> None:
    connection = connect(Rezen())
    connection.read("agents")
    (request,) = connection.requests
    assert request.headers["X-API-KEY"] == "sandbox_key_ada"
    assert "Authorization" not in request.headers


@pytest.mark.parametrize("entity", ["sponsor_tree", "revshare_by_tier", "down_line"])
def test_a_closed_service_does_not_stop_a_key_that_works(entity: str) -> None:
    rezen = Rezen()
    paths = ("/sponsor-tree", "/by-tier", *(f"/down-line/{tier}" for tier in range(1, 6)))
    for path in paths:
        rezen.routes[path] = lambda _request: httpx.Response(403)
    connection = connect(rezen)
    with pytest.raises(ResourceUnavailable, match="takes the key elsewhere") as closed:
        connection.read(entity)
    assert closed.value.status == "not_permitted"
    assert "me" in {request.url.path.rsplit("/", 1)[-1] for request in connection.requests}


def test_a_closed_record_is_left_out() -> None:
    rezen = Rezen()
    rezen.routes["/teams/t1"] = lambda _request: httpx.Response(403)
    assert connect(rezen).read("teams").ids == ["t1"]


@pytest.mark.parametrize("entity", ["sponsor_tree", "teams"])
def test_a_key_that_is_refused_everywhere_breaks_the_account(entity: str) -> None:
    rezen = Rezen()
    connection = connect(rezen)
    connection.read("agents")
    rezen.routes = {"": lambda _request: httpx.Response(403)}
    with pytest.raises(AccountBroken, match=r"\(HTTP 403\): it is unknown, revoked or expired"):
        connection.read(entity)
    assert len(connection.requests) == 2


def test_a_worded_403_speaks_of_the_record_or_the_resource() -> None:
    with pytest.raises(RecordUnavailable) as record:
        answer(wrapper(403, "Not authorized."), single_record=True)
    assert record.value.reason == "denied"
    with pytest.raises(ResourceUnavailable) as resource:
        answer(wrapper(403, "Not authorized."))
    assert resource.value.status == "not_permitted"
    assert "Not authorized." in resource.value.sentence


def test_a_bad_enum_is_not_tried_again() -> None:
    rezen = Rezen()
    rezen.routes["/things"] = lambda _request: wrapper(400, "No enum constant com.real.Sort.X")
    connection = connect(rezen)
    with pytest.raises(ContractBroken, match="No enum constant"):
        connection.api().get("https://yenta.test/things")
    assert len(connection.requests) == 1


def test_html_from_a_gateway_is_passing_and_not_quoted() -> None:
    with pytest.raises(RetryLater) as error:
        answer(httpx.Response(502, text="<html>secret</html>"))
    assert "secret" not in error.value.sentence


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_refused_equity_service_does_not_break_the_account(status: int) -> None:
    with pytest.raises(ResourceUnavailable, match="equity stays unread"):
        answer(httpx.Response(status), "/equity/x/performance")


@pytest.mark.parametrize(
    ("body", "rows", "more"),
    [
        ({"transactions": [{"id": 1}], "hasNext": True, "totalCount": 9}, 1, True),
        ({"transactions": [{"id": 1}, {"id": 2}]}, 2, True),
        ({"transactions": [{"id": 1}]}, 1, False),
        ([{"id": 1}], 1, False),
        ({"results": []}, 0, False),
        ({"whatever": [{"id": 1}], "hasNext": False}, 1, False),
        ({"transactions": [], "hasNext": True}, 0, False),
        (None, 0, False),
    ],
)
def test_pages_in_all_their_shapes(body: Any, rows: int, more: bool) -> None:
    page = read_page(body, "transactions", number=0, size=2)
    assert (len(page.rows), page.more) == (rows, more)


def test_a_missing_list_is_loud() -> None:
    with pytest.raises(ContractBroken, match="without the list 'transactions'"):
        read_page({"message": "hello"}, "transactions", number=0, size=2)


@pytest.mark.parametrize(
    "value",
    [1766361600000, 1766361600, "1766361600000", "2025-12-22", "2025-12-22T00:00:00Z"],
)
def test_one_moment_in_five_spellings(value: object) -> None:
    assert epoch_ms(value) == 1766361600000
    assert str(day_of(value)) == "2025-12-22"


@pytest.mark.parametrize("value", [None, True, "soon", {}])
def test_no_moment(value: object) -> None:
    assert epoch_ms(value) is None


def test_check_names_the_agent() -> None:
    identity = check(connect(Rezen()).api(), RezenSettings())
    assert (identity.account_source_id, identity.label) == (ADA, "Ada Sample")
    assert (identity.email, identity.role, identity.limited) == ("ada@example.com", "AGENT", None)


def test_a_swapped_key_stops_the_account() -> None:
    rezen = Rezen()
    rezen.routes["/users/me"] = lambda _request: {**ME, "id": "somebody-else"}
    with pytest.raises(AccountBroken, match="another agent"):
        connect(rezen).read("agents")
