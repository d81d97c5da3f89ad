"""reZEN's interface as the contract describes it: authentication, pages, permissions, shapes."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import httpx
import orjson
import pytest

from sandbox.box import Sandbox
from sandbox.rezen.render import CANARY

YENTA, ARRAKIS, PLUTUS = "/rezen/yenta/api/v1", "/rezen/arrakis/api/v1", "/rezen/plutus/api/v1"
WRAPPER = "com.real.commons.apierror.ApiError"
Get = Callable[..., httpx.Response]


@pytest.fixture
def ids(box: Sandbox) -> dict[str, str]:
    return {account["agent_key"]: account["rezen"]["yenta_id"] for account in box.accounts}


@pytest.fixture
def keys(box: Sandbox) -> dict[str, str]:
    return {account["agent_key"]: account["rezen"]["api_key"] for account in box.accounts}


@pytest.fixture
def get(http: httpx.Client, keys: dict[str, str]) -> Get:
    def call(path: str, agent: str = "ada-sample", **params: Any) -> httpx.Response:
        return http.get(path, params=params, headers={"X-API-KEY": keys[agent]})

    return call


def walk(get: Get, path: str, key: str, agent: str = "ada-sample", **params: Any) -> list[Any]:
    rows: list[Any] = []
    page = 0
    while True:
        body = get(path, agent, pageNumber=page, **params).json()
        rows += body[key]
        if not body["hasNext"]:
            assert body["totalCount"] == len(rows)
            return rows
        page += 1


def message(answer: httpx.Response) -> str:
    text = answer.json()[WRAPPER]["message"]
    assert isinstance(text, str)
    return text


# --- authentication ---------------------------------------------------------------------------


def test_no_key_is_401_and_a_wrong_one_an_empty_403(
    http: httpx.Client, keys: dict[str, str]
) -> None:
    path = f"{YENTA}/users/me"
    assert WRAPPER in http.get(path).json()
    assert http.get(path).status_code == 401
    for headers in (
        {"X-API-KEY": "sandbox_key_unknown"},
        {"Authorization": f"Bearer {keys['ada-sample']}"},
    ):
        answer = http.get(path, headers=headers)
        assert (answer.status_code, answer.content) == (403, b"")


def test_a_revoked_key_is_refused_until_restored(box: Sandbox, get: Get) -> None:
    box.mutate({"op": "revoke_key", "agent_key": "ada-sample"})
    assert get(f"{YENTA}/users/me").status_code == 403
    assert get(f"{YENTA}/users/me", "ben-example").status_code == 200
    box.mutate({"op": "revoke_key", "agent_key": "ada-sample", "restore": True})
    assert get(f"{YENTA}/users/me").status_code == 200


def test_a_signed_in_person_may_use_the_token_as_bearer(http: httpx.Client) -> None:
    answer = http.post(
        "/rezen/keymaker/api/v1/auth/signin",
        json={"usernameOrEmail": "ada@example.com", "password": "sandbox"},
    ).json()
    me = http.get(
        f"{YENTA}/users/me", headers={"Authorization": f"Bearer {answer['accessToken']}"}
    ).json()
    assert me["firstName"] == "Ada"
    assert me["keyMakerId"] == answer["userId"] != me["id"]


def test_anything_but_reading_is_405_and_counted(
    box: Sandbox, http: httpx.Client, keys: dict[str, str]
) -> None:
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        answer = http.request(
            method, f"{ARRAKIS}/transactions/1", headers={"X-API-KEY": keys["ada-sample"]}
        )
        assert answer.status_code == 405
    assert box.requests.writes_refused == 4


def test_other_peoples_things_are_refused(box: Sandbox, get: Get, ids: dict[str, str]) -> None:
    ben, team = ids["ben-example"], next(iter(box.world.teams_of(ids["ada-sample"]))).id
    for path in (
        f"{YENTA}/agents/{ben}/down-line/1",
        f"{YENTA}/agents/{ben}/front-line-agents-info",
        f"{YENTA}/agents/{ben}/cap-info",
        f"{ARRAKIS}/revshares/{ben}/payments",
        f"{ARRAKIS}/transactions/participant/{ben}/transactions/OPEN",
        f"{PLUTUS}/equity/{ben}/performance",
        f"{ARRAKIS}/transactions/{next(iter(box.world.far_deals))}",
    ):
        answer = get(path)
        assert answer.status_code == 403, path
        assert message(answer) == "Not authorized."
    assert get(f"{YENTA}/teams/{team}").status_code == 200
    assert get(f"{YENTA}/teams/{team}", "ben-example").status_code == 403
    foreign = next(
        d for d in box.world.deals_of(ids["cora-upline"]) if not d.visible_to(ids["ada-sample"])
    )
    assert get(f"{ARRAKIS}/transactions/{foreign.id}").status_code == 403


@pytest.mark.parametrize(
    "path",
    [
        f"{ARRAKIS}/transactions/00000000-0000-4000-8000-000000000000",
        f"{YENTA}/agents/nobody/cap-info",
        f"{YENTA}/agents/me/cap-data",
        f"{ARRAKIS}/transactions",
        f"{ARRAKIS}/listings",
        "/rezen/arrakis",
    ],
)
def test_what_does_not_exist_is_404(get: Get, path: str) -> None:
    assert get(path).status_code == 404


# --- pages ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "params",
    [
        {"pageSize": 0},
        {"pageSize": -1},
        {"pageSize": 1001},
        {"pageSize": "many"},
        {"pageNumber": -1},
        {"pageNumber": "first"},
        {"sortBy": "MOOD"},
        {"sortDirection": "UP"},
    ],
)
def test_bad_parameters_are_400(get: Get, ids: dict[str, str], params: dict[str, Any]) -> None:
    path = f"{ARRAKIS}/transactions/participant/{ids['ada-sample']}/transactions/CLOSED"
    assert get(path, **params).status_code == 400


def test_a_full_last_page_says_so_and_the_next_one_is_empty(get: Get, ids: dict[str, str]) -> None:
    path = f"{ARRAKIS}/transactions/participant/{ids['ada-sample']}/transactions/CLOSED"
    total = get(path).json()["totalCount"]
    full = get(path, pageSize=total).json()
    assert (full["hasNext"], len(full["transactions"])) == (False, total)
    past = get(path, pageSize=total, pageNumber=1)
    assert (past.status_code, past.json()["transactions"]) == (200, [])
    assert get(path).json()["pageSize"] == 20


def test_deals_come_newest_first_and_counts_agree(get: Get, ids: dict[str, str]) -> None:
    for kind in ("transactions", "listing-transactions"):
        base = f"{ARRAKIS}/transactions/participant/{ids['ada-sample']}/{kind}"
        counts = get(f"{base}/lifecycle-group-counts").json()
        for group, count in counts.items():
            rows = walk(
                get,
                f"{base}/{group}",
                "transactions",
                pageSize=5,
                sortBy="UPDATED_AT",
                sortDirection="DESC",
            )
            stamps = [row["updatedAt"] for row in rows]
            assert stamps == sorted(stamps, reverse=True)
            assert len({row["id"] for row in rows}) == count
            assert {row["listing"] for row in rows} <= {kind != "transactions"}


def test_unknown_groups_name_a_java_enum_and_dates_do_not_filter(
    get: Get, ids: dict[str, str]
) -> None:
    base = f"{ARRAKIS}/transactions/participant/{ids['ada-sample']}"
    assert message(get(f"{base}/transactions/open")).startswith("No enum constant ")
    path = f"{base}/transactions/CLOSED"
    assert get(path, updatedAtFrom="2099-01-01").json() == get(path).json()
    assert get(f"{base}/listing-transactions/CURRENT").status_code == 200


def test_a_page_that_shifts_loses_nothing_for_an_overlapping_reader(
    box: Sandbox, get: Get, ids: dict[str, str]
) -> None:
    path = f"{ARRAKIS}/transactions/participant/{ids['ada-sample']}/transactions/CLOSED"
    order = {"sortBy": "UPDATED_AT", "sortDirection": "DESC"}
    box.faults.add("shift_page", vendor="rezen", match="pageNumber=1")
    rows = walk_unchecked(get, path, order)
    twice = {row["id"] for row in rows if [r["id"] for r in rows].count(row["id"]) > 1}
    again = walk_unchecked(get, path, order)
    assert len(twice) == 1
    assert {r["id"] for r in again} - {r["id"] for r in rows} == {again[0]["id"]}


def walk_unchecked(get: Get, path: str, params: dict[str, Any]) -> list[Any]:
    rows: list[Any] = []
    page = 0
    while True:
        body = get(path, pageNumber=page, pageSize=10, **params).json()
        rows += body["transactions"]
        if not body["hasNext"]:
            return rows
        page += 1


# --- network ----------------------------------------------------------------------------------


def test_down_line_filters(box: Sandbox, get: Get, ids: dict[str, str]) -> None:
    path = f"{YENTA}/agents/{ids['ada-sample']}/down-line/1"
    active = walk(get, path, "downLineAgents")
    assert {row["status"] for row in active} == {"ACTIVE"}
    every = ["ACTIVE", "INACTIVE", "CANDIDATE", "REJECTED", "RESURRECTING"]
    everybody = walk(get, path, "downLineAgents", statusIn=every)
    assert len(everybody) > len(active)
    assert get(path, statusIn="ACTIVE,INACTIVE").status_code == 400
    joined = box.mutate({"op": "add_member", "agent_key": "ada-sample"})["agent_id"]
    today = box.clock.today.isoformat()
    assert [r["id"] for r in get(path, updatedAtFrom=today).json()["downLineAgents"]] == [joined]
    assert joined not in [
        r["id"] for r in walk(get, path, "downLineAgents", updatedAtTo="2026-06-14")
    ]
    for tier in ("0", "6", "x"):
        assert get(f"{YENTA}/agents/{ids['ada-sample']}/down-line/{tier}").status_code == 400


def test_network_sizes_count_the_active(get: Get, ids: dict[str, str]) -> None:
    base = f"{YENTA}/agents/{ids['ada-sample']}"
    sizes = get(f"{base}/network-size-by-tier")
    assert sizes.headers["x-sandbox-assumed"] == "true"
    for row in sizes.json():
        assert row["count"] == len(walk(get, f"{base}/down-line/{row['tier']}", "downLineAgents"))
    front = get(f"{base}/front-line-agents-info")
    assert "x-sandbox-assumed" not in front.headers
    rows = front.json()["frontLineAgentInfos"]
    assert any("phoneNumber" not in row for row in rows)
    levels = [row["level"] for row in get(f"{base}/sponsor-tree").json()["flattenedSponsors"]]
    assert levels == list(range(1, len(levels) + 1))


def test_caps_that_may_be_read(box: Sandbox, get: Get, ids: dict[str, str]) -> None:
    ada = ids["ada-sample"]
    cap = get(f"{YENTA}/agents/{ada}/cap-info").json()
    assert cap == get(f"{ARRAKIS}/agent/{ada}/cap-info").json()
    assert cap["capped"] is True
    assert cap["capAmountPaid"] == cap["annualCap"]["amount"] == 12000
    mate = box.world.teams_of(ada)[0].members[1].agent_id
    assert get(f"{YENTA}/agents/{mate}/cap-info").status_code == 200
    assert get(f"{YENTA}/agents/{ada}/cap-info", "cora-upline").status_code == 200


def test_agents_by_ids_and_the_roster(box: Sandbox, get: Get, ids: dict[str, str]) -> None:
    two = [ids["ada-sample"], ids["ben-example"]]
    assert [a["id"] for a in get(f"{YENTA}/agents/ids", agentIds=two).json()] == two
    assert get(f"{YENTA}/agents/ids", agentIds=["x"] * 21).status_code == 400
    team_id = get(f"{YENTA}/users/me").json()["teamMemberships"][0]["teamId"]
    team = get(f"{YENTA}/teams/{team_id}").json()
    assert team["agents"] == get(f"{YENTA}/teams/{team_id}/members").json()
    assert {row["realCap"] for row in team["agents"]} == {6000.0, 12000.0}
    assert all(row["id"] != row["agent"]["id"] for row in team["agents"])
    assert team["teamInvitations"][0]["status"] == "EMAILED"
    assert get(f"{YENTA}/users/me", "ben-example").json()["teamMemberships"] == []


# --- deals ------------------------------------------------------------------------------------


def test_detail_agrees_with_list_and_truth(box: Sandbox, get: Get, ids: dict[str, str]) -> None:
    truth = box.truth("ada-sample")["rezen"]["entities"]
    for kind, entity in (("transactions", "transactions"), ("listing-transactions", "listings")):
        seen = set()
        for group in ("OPEN", "CLOSED", "TERMINATED"):
            path = f"{ARRAKIS}/transactions/participant/{ids['ada-sample']}/{kind}/{group}"
            for row in walk(get, path, "transactions", pageSize=100):
                detail = get(f"{ARRAKIS}/transactions/{row['id']}").json()
                partial = row.pop("participants")
                assert row.items() <= detail.items()
                people = {p["id"]: p for p in detail["participants"]}
                assert all(p.items() <= people[p["id"]].items() for p in partial)
                expected = truth[entity][row["id"]]
                seen.add(row["id"])
                for name, value in (
                    ("price_amount", row["price"]),
                    ("gross_commission_amount", row["grossCommission"]),
                ):
                    amount = None if value is None else Decimal(str(value["amount"]))
                    assert amount == (expected[name] and Decimal(expected[name]))
                shares = detail["commissionSplits"]
                if shares:
                    whole = sum(Decimal(s["percentage"]["string"].rstrip("%")) for s in shares)
                    assert whole == 100
        assert seen == set(truth[entity])


def test_two_viewers_of_one_deal_see_their_own_payout(box: Sandbox, get: Get) -> None:
    ada, ben = (box.world.agent_by_key(k) for k in ("ada-sample", "ben-example"))
    deal = next(
        d for d in box.world.deals_of(ada.id) if d.visible_to(ben.id) and d.group == "CLOSED"
    )
    path = f"{ARRAKIS}/transactions/{deal.id}"
    first, second = get(path).json(), get(path, "ben-example").json()
    assert first.pop("myNetPayout") != second.pop("myNetPayout")
    assert first == second


def test_forbidden_data_is_sent_so_that_storing_it_can_be_caught(get: Get) -> None:
    assert CANARY in get(f"{YENTA}/users/me").text


# --- revenue share and stock --------------------------------------------------------------------


def test_payments_are_the_sum_of_their_pages(get: Get, ids: dict[str, str]) -> None:
    base = f"{ARRAKIS}/revshares/{ids['ada-sample']}"
    payments = walk(get, f"{base}/payments", "payments", pageSize=7)
    assert [p["paidAt"] for p in payments] == sorted((p["paidAt"] for p in payments), reverse=True)
    for payment in payments:
        rows = walk(get, f"{base}/payments/{payment['id']}", "contributions", pageSize=3)
        total = sum(Decimal(str(r["payout"]["amount"])) for r in rows)
        assert total == Decimal(str(payment["amount"]["amount"]))
        assert {r["outgoingPaymentId"] for r in rows} == {payment["id"]}
    pending = walk(get, f"{base}/payments/pending", "contributions")
    overview = get(f"{base}/payments/pending-overview").json()
    assert overview["contributionCount"] == len(pending)
    text = get(f"{base}/payments/pending/export").text
    assert len(list(csv.reader(io.StringIO(text)))) == len(pending) + 1


def test_control_sums_match_the_truth(box: Sandbox, get: Get, ids: dict[str, str]) -> None:
    base = f"{ARRAKIS}/revshares/{ids['cora-upline']}"
    control = box.truth("cora-upline")["rezen"]["control"]
    window = {"startDate": "2020-01-01", "endDate": "2030-01-01"}
    tiers = get(f"{base}/by-tier", "cora-upline", **window).json()["tiers"]
    assert {str(t["tier"]): Decimal(str(t["amount"]["amount"])) for t in tiers} == {
        t: Decimal(a) for t, a in control["by_tier"].items()
    }
    for tier in "12345":
        missed = walk(
            get, f"{base}/contributions/{tier}", "contributions", "cora-upline", missed="true"
        )
        assert all(row["missed"] and row["id"] is None for row in missed)
        total = sum((Decimal(str(r["payout"]["amount"])) for r in missed), Decimal(0))
        assert total == Decimal(control["missed_by_tier"][tier])
    history = get(f"{base}/history", "cora-upline", **window).json()["history"]
    assert {h["month"]: Decimal(str(h["amount"]["amount"])) for h in history} == {
        m: Decimal(a) for m, a in control["history"].items()
    }
    assert get(f"{base}/by-tier", "cora-upline").status_code == 400
    assert get(f"{base}/contributions", "cora-upline").status_code == 404


def test_stock_adds_up(get: Get, ids: dict[str, str]) -> None:
    base = f"{PLUTUS}/equity/{ids['cora-upline']}"
    rows = walk(get, f"{base}/transactions", "equityTransactions", "cora-upline")
    performance = get(f"{base}/performance", "cora-upline").json()
    total = sum(Decimal(str(r["shares"])) for r in rows)
    assert total == Decimal(str(performance["totalShares"]))
    vested = sum(Decimal(str(r["shares"])) for r in rows if r["status"] == "VESTED")
    assert vested == Decimal(str(performance["vestedShares"]))
    years = get(f"{base}/annual", "cora-upline").json()["years"]
    assert years[-1]["totalShares"] == performance["totalShares"]
    assert get(f"{PLUTUS}/equity/{ids['ben-example']}/annual", "ben-example").status_code == 200


def test_the_same_request_gives_the_same_bytes(get: Get, ids: dict[str, str]) -> None:
    path = f"{ARRAKIS}/transactions/participant/{ids['ada-sample']}/transactions/CLOSED"
    assert get(path).content == get(path).content
    assert orjson.loads(get(path).content)["transactions"]


# --- things that change while they are read ---------------------------------------------------


def test_a_deal_can_close_between_two_walks(box: Sandbox, get: Get, ids: dict[str, str]) -> None:
    base = f"{ARRAKIS}/transactions/participant/{ids['ada-sample']}/transactions"
    box.faults.add("group_move", vendor="rezen", match="/CLOSED")
    open_ids = {row["id"] for row in walk(get, f"{base}/OPEN", "transactions")}
    closed_ids = {row["id"] for row in walk(get, f"{base}/CLOSED", "transactions")}
    assert len(open_ids & closed_ids) == 1
    assert get(f"{base}/lifecycle-group-counts").json()["OPEN"] == len(open_ids) - 1


@pytest.mark.parametrize(("for_viewer", "status"), [(False, 404), (True, 403)])
def test_a_deal_can_vanish_between_list_and_detail(
    box: Sandbox, get: Get, ids: dict[str, str], for_viewer: bool, status: int
) -> None:
    base = f"{ARRAKIS}/transactions/participant/{ids['ada-sample']}/transactions/OPEN"
    deal_id = get(base).json()["transactions"][0]["id"]
    box.faults.add(
        "vanish_between_list_and_detail",
        vendor="rezen",
        match=f"/transactions/{deal_id}$",
        for_viewer=for_viewer,
    )
    assert get(f"{ARRAKIS}/transactions/{deal_id}").status_code == status
    assert deal_id not in [row["id"] for row in get(base).json()["transactions"]]
    assert deal_id not in box.truth("ada-sample")["rezen"]["entities"]["transactions"]
