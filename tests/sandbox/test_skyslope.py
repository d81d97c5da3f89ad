"""SkySlope as the contract describes it: the signed login, sessions, folders, forms of values."""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64encode
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from sandbox.box import Sandbox
from sandbox.skyslope.books import Books

ADA, CORA = "ada-sample", "cora-upline"
Get = Callable[..., httpx.Response]


def stamp(minutes: float) -> str:
    return (datetime.now(UTC) + timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%SZ")


def log_in(
    box: Sandbox, http: httpx.Client, *, agent: str = ADA, scheme: str = "SS", late: float = 0,
    sent: str = "", **keys: str,
) -> httpx.Response:  # fmt: skip
    """A login, stamped `late` minutes from now; `sent` is another stamp than the signed one."""
    own = {**box.account(agent, "skyslope")["credentials"], **keys}
    signed = stamp(late)
    message = f"{own['client_id']}:{own['client_secret']}:{signed}".encode()
    digest = hmac.new(own["access_secret"].encode(), message, hashlib.sha256).digest()
    return http.post(
        "/skyslope/auth/login",
        json={"CLIENTID": own["client_id"], "clientSecret": own["client_secret"]},
        headers={
            "Timestamp": sent or signed,
            "Authorization": f"{scheme} {own['access_key']}:{b64encode(digest).decode()}",
        },
    )


@pytest.fixture
def get(box: Sandbox, http: httpx.Client) -> Get:
    session = log_in(box, http).json()["Session"]

    def call(path: str, **params: Any) -> httpx.Response:
        return http.get(f"/skyslope/api/{path}", params=params, headers={"Session": session})

    return call


def switch(box: Sandbox, name: str, value: Any) -> None:
    box.mutate({"op": "skyslope.switch", "name": name, "value": value})


@pytest.mark.parametrize("scheme", ["SS", "ss"])
def test_a_login_gives_a_session_of_two_hours(
    box: Sandbox, http: httpx.Client, scheme: str
) -> None:
    answer = log_in(box, http, scheme=scheme)
    assert answer.status_code == 200
    left = datetime.fromisoformat(answer.json()["Expiration"]) - datetime.now(UTC)
    assert timedelta(minutes=119) < left <= timedelta(hours=2)


@pytest.mark.parametrize(
    "wrong",
    [
        {"sent": "2026-03-02T18:05:10Z"},
        {"sent": "today"},
        {"late": -16},
        {"late": 16},
        {"access_secret": "other"},
        {"access_key": "other"},
        {"client_secret": "other"},
        {"scheme": "Bearer"},
    ],
)
def test_a_login_that_is_not_signed_right_is_refused(
    box: Sandbox, http: httpx.Client, wrong: dict[str, Any]
) -> None:
    answer = log_in(box, http, **wrong)
    assert (answer.status_code, answer.json()) == (401, {"message": "Unauthorized"})


def test_a_stamp_of_a_quarter_of_an_hour_ago_is_taken(box: Sandbox, http: httpx.Client) -> None:
    assert log_in(box, http, late=-14).status_code == 200


def test_the_session_goes_in_either_header_and_ends(box: Sandbox, http: httpx.Client) -> None:
    session = log_in(box, http).json()["Session"]
    either = ({"Session": session}, {"Authorization": f"Bearer {session}"})

    def statuses() -> list[int]:
        return [http.get("/skyslope/api/offices", headers=h).status_code for h in (*either, {})]

    assert statuses() == [200, 200, 401]
    box.mutate({"op": "skyslope.expire_session", "agent_key": ADA})
    assert statuses() == [401, 401, 401]
    switch(box, "session_seconds", 0)
    over = log_in(box, http).json()["Session"]
    assert http.get("/skyslope/api/offices", headers={"Session": over}).status_code == 401


def test_a_folder_has_ten_rows_a_page_whatever_is_asked_for(get: Get) -> None:
    pages, number = [], 1
    while True:
        body = get("files/sales", pageNumber=number, pageSize=100, fromDate="2030-01-01").json()
        pages.append([row["saleGuid"] for row in body["value"]["sales"]])
        if not any(link["rel"] == "next" for link in body["links"]):
            break
        number += 1
    assert len(pages) > 2
    assert {len(page) for page in pages[:-1]} == {10}
    shown = [guid for page in pages for guid in page]
    assert len(set(shown)) == len(shown)
    fed = {i["saleGuid"].lower() for i in feed(get, "sale") if "saleGuid" in i}
    assert fed < set(shown), "the feed leaves some out"
    assert get("files/sales", pageNumber=1001).status_code == 400


def test_the_folders_filter_counts_in_seconds(get: Get) -> None:
    assert get("files/sales", latestDate=86_400).json()["value"]["sales"] == []


def feed(get: Get, kind: str) -> list[dict[str, Any]]:
    """A feed, of which only the raw control characters are taken out."""
    answer = get("files", type=kind, createdAfter="1990-01-01T00:00:00")
    items: list[dict[str, Any]] = httpx.Response(
        200, content=answer.content.removeprefix(b"\xef\xbb\xbf").replace(b"\x01", b"")
    ).json()
    return items


def test_without_a_date_only_a_week_of_files_comes(get: Get, box: Sandbox) -> None:
    switch(box, "bom", False)
    week = get("files", type="sale").content.count(b'"saleGuid"')
    assert week < len(feed(get, "sale")) - 1


def test_the_feed_ends_with_its_summary(get: Get, box: Sandbox) -> None:
    *files, summary = feed(get, "sale")
    assert summary["objectType"] == "summary"
    assert summary["numberOfSales"] == len(files)
    box.faults.add("no_summary", vendor="skyslope", match="type=sale", times=1)
    assert len(feed(get, "sale")) == len(files)


def test_files_show_the_forms_that_the_contract_names(box: Sandbox, http: httpx.Client) -> None:
    session = log_in(box, http, agent=CORA).json()["Session"]

    def get(path: str, **params: Any) -> httpx.Response:
        return http.get(f"/skyslope/api/{path}", params=params, headers={"Session": session})

    sales, listings = feed(get, "sale")[:-1], feed(get, "listing")[:-1]
    assert {type(row["property"]["streetNumber"]) for row in sales} == {str, int}
    assert {row["objectType"].lower() for row in sales} == {"sale"}
    assert len({row["objectType"] for row in sales}) > 1
    for older, newer in (
        ("officeGrossCommission", "officeGrossCommissionOnSale"),
        ("salesCommissionAmount", "saleCommissionAmount"),
        ("transCoordinatorFee", "transactionCoordinatorFee"),
    ):
        assert {older in row["commission"] for row in sales} == {True, False}
        assert all((older in r["commission"]) != (newer in r["commission"]) for r in sales)
    assert any(row["commission"].get("referralAmount") for row in sales)
    assert any((row["commissionReferral"] or {}).get("contact") for row in sales)
    assert any(row["commission"]["listingCommissionAmount"] for row in sales)
    nobody = [value for row in sales for value in (row["titleContact"], row["lenderContact"])]
    assert all(form in nobody for form in (None, {}, []))
    assert {type(value) for value in nobody if value} == {dict, list}
    assert {"email" in row for row in sales} == {"portalEmail" in row for row in sales}
    assert any(row["actualClosingDate"] == "0001-01-01T00:00:00" for row in sales)
    for name in ("miscContact", "commercialLease", "coAgentGuids", "coListingAgentGuid"):
        assert any(row[name] for row in listings), name
    for name in ("homeWarranty", "homeWarrantyContact"):
        assert any(row.get(name) for row in listings), name
    assert "Archived" in {row["status"] for row in listings}


def test_who_works_on_a_file_without_a_key_changes_nobodys_view(box: Sandbox) -> None:
    own = box.books["skyslope"]
    assert isinstance(own, Books)
    gone = own.people["Gone"].guid
    shared = [file for file in own.files.values() if gone in file.co_agents]
    assert shared
    for agent in (ADA, "ben-example"):
        me = own.person_of(agent).guid
        seen = own.visible(agent, listing=True)
        assert all(me in (file.owner, *file.co_agents) for file in seen)


def test_nothing_can_be_written(get: Get, http: httpx.Client, box: Sandbox) -> None:
    session = log_in(box, http).json()["Session"]
    for method in ("POST", "PUT", "DELETE"):
        answer = http.request(method, "/skyslope/api/files/sales", headers={"Session": session})
        assert answer.status_code == 405
