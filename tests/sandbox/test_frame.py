"""The frame around the vendors: faults of the wire, limits, the control API, the request log."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import httpx
import orjson
import pytest

from sandbox.__main__ import limit, main
from sandbox.box import Sandbox
from sandbox.clock import Clock
from sandbox.faults import Faults, Rule, spoil_rows
from sandbox.limits import Limits
from sandbox.requests import template_of
from sandbox.server import listen

ME = "/rezen/yenta/api/v1/users/me"


@pytest.fixture
def ada(box: Sandbox) -> dict[str, str]:
    return {"X-API-KEY": box.accounts[0]["rezen"]["api_key"]}


@pytest.fixture
def closed(box: Sandbox) -> str:
    who = box.accounts[0]["rezen"]["yenta_id"]
    return f"/rezen/arrakis/api/v1/transactions/participant/{who}/transactions/CLOSED"


# --- faults -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "params", "status", "body"),
    [
        ("status", {"status": 503}, 503, b"Injected fault"),
        ("html", {}, 502, b"<html>"),
        ("429_with_retry_after", {"retry_after": 3}, 429, b"Too many requests"),
        ("429_without", {}, 429, b"Too many requests"),
        ("empty_403", {}, 403, b""),
        ("no_content", {}, 204, b""),
        ("empty_body", {}, 200, b""),
        ("garbage", {}, 200, b"not json"),
        ("wrong_key", {}, 403, b""),
        ("not_found", {}, 404, b"NOT_FOUND"),
    ],
)
def test_faults_that_answer(
    box: Sandbox,
    http: httpx.Client,
    ada: dict[str, str],
    kind: str,
    params: dict[str, Any],
    status: int,
    body: bytes,
) -> None:
    box.faults.add(kind, vendor="rezen", match="users/me", **params)
    answer = http.get(ME, headers=ada)
    assert answer.status_code == status
    assert body in answer.content
    assert answer.headers.get("retry-after") == ("3" if "retry_after" in params else None)
    assert http.get(ME, headers=ada).json()["firstName"] == "Ada"


@pytest.mark.parametrize("kind", ["reset", "timeout"])
def test_faults_that_cut_the_line(
    box: Sandbox, http: httpx.Client, ada: dict[str, str], kind: str
) -> None:
    box.faults.add(kind, vendor="rezen", seconds=0.05)
    with pytest.raises(httpx.TransportError):
        http.get(ME, headers=ada)
    assert http.get(ME, headers=ada).status_code == 200
    assert box.requests.count(status=0) == 1


def test_truncated_json_keeps_its_length_header(
    box: Sandbox, http: httpx.Client, ada: dict[str, str]
) -> None:
    whole = http.get(ME, headers=ada)
    box.faults.add("truncated_json")
    answer = http.get(ME, headers=ada)
    assert answer.content == whole.content[: len(whole.content) // 2]
    with pytest.raises(ValueError, match=r"JSON|Unterminated|Expecting"):
        answer.json()


def test_rules_skip_repeat_and_end() -> None:
    rule = Rule("status", skip=2, every=2, times=2)
    assert [rule.strike() for _ in range(8)] == [
        False, False, False, True, False, True, False, False,
    ]  # fmt: skip
    faults = Faults()
    faults.add("status", vendor="rezen", match="down-line/2", agent_key="ada-sample")
    assert not faults.strike("fub", "/down-line/2", "ada-sample", None)
    assert not faults.strike("rezen", "/down-line/1", "ada-sample", None)
    assert not faults.strike("rezen", "/down-line/2", "ben-example", None)
    assert faults.strike("rezen", "/down-line/2?pageNumber=0", "ada-sample", None)


@pytest.mark.parametrize(
    ("kind", "params", "expected"),
    [
        ("missing_id", {}, b'{"rows":[{"n":1}]}'),
        ("string_for_number", {"field": "n", "value": "x"}, b'{"rows":[{"id":"a","n":"x"}]}'),
        ("string_for_number", {}, b'{"rows":[{"id":"a","n":"not-a-number"}]}'),
        ("unknown_field", {"field": "q", "value": 2}, b'{"rows":[{"id":"a","n":1,"q":2}]}'),
        ("null_field", {"field": "n"}, b'{"rows":[{"id":"a","n":null}]}'),
        ("drop_field", {"field": "n"}, b'{"rows":[{"id":"a"}]}'),
        ("rename_field", {"field": "n", "to": "m"}, b'{"rows":[{"id":"a","m":1}]}'),
        ("rename_field", {"field": "other", "to": "m"}, b'{"rows":[{"id":"a","n":1}]}'),
        ("drop_row", {}, b'{"rows":[]}'),
        ("duplicate_row", {}, b'{"rows":[{"id":"a","n":1},{"id":"a","n":1}]}'),
        ("edit_row", {"set": {"n": 5}}, b'{"rows":[{"id":"a","n":5}]}'),
    ],
)
def test_row_faults(kind: str, params: dict[str, object], expected: bytes) -> None:
    body = b'{"rows":[{"id":"a","n":1}]}'
    assert spoil_rows(body, Rule(kind, params=params)) == expected


def test_a_field_is_renamed_in_all_rows() -> None:
    rule = Rule("rename_field", params={"field": "n", "to": "m"})
    spoiled = spoil_rows(b'{"rows":[{"id":1,"n":1},{"id":2},{"id":3,"n":3}]}', rule)
    assert spoiled == b'{"rows":[{"id":1,"m":1},{"id":2},{"id":3,"m":3}]}'


@pytest.mark.parametrize("place", ["_metadata", "meta"])
def test_a_total_is_shifted_wherever_it_is(place: str) -> None:
    body = orjson.dumps({place: {"total": 0}, "rows": []})
    spoiled = orjson.loads(spoil_rows(body, Rule("wrong_total", params={"by": 2})))
    assert spoiled == {place: {"total": 2}, "rows": []}


def test_profiles(box: Sandbox, http: httpx.Client, ada: dict[str, str], closed: str) -> None:
    answer = http.post("/sandbox/faults", json={"vendor": "rezen", "profile": "legacy"})
    assert answer.status_code == 201
    assert "hasNext" not in http.get(closed, headers=ada).json()
    http.request("DELETE", "/sandbox/faults")
    http.post("/sandbox/faults", json={"vendor": "rezen", "profile": "bare"})
    assert isinstance(http.get(closed, headers=ada).json(), list)
    http.request("DELETE", "/sandbox/faults")
    http.post(
        "/sandbox/faults",
        json={"vendor": "rezen", "profile": "auth-broken", "agent_key": "ada-sample"},
    )
    statuses = [http.get(ME, headers=ada).status_code for _ in range(52)]
    assert statuses == [200] * 50 + [403] * 2
    for name in ("ok", "slow", "flaky", "limited", "partial", "drift"):
        assert box.faults.profile("rezen", name)


def test_a_wrong_fault_is_refused_with_a_reason(http: httpx.Client) -> None:
    for wrong in ({"kind": "mischief"}, {"kind": "status", "match": "("}, {"profile": "none"}):
        answer = http.post("/sandbox/faults", json=wrong)
        assert answer.status_code == 400
        assert answer.json()["error"].endswith(".")


# --- limits -----------------------------------------------------------------------------------


def test_a_limit_of_the_command_line_names_vendor_and_context() -> None:
    assert limit("lofty.key=1200") == ("lofty", "key", 1200)
    for text in ("lofty=1200", "lofty.key", "lofty.key=many", ".key=1"):
        with pytest.raises(ValueError, match=r"vendor\.context=requests|invalid literal"):
            limit(text)


def test_a_sliding_window() -> None:
    clock = Clock(date(2026, 6, 15))
    limits = Limits(clock)
    limits.set("v", "global", 2, 10)
    assert [limits.take("v", "k").allowed for _ in range(3)] == [True, True, False]
    assert limits.take("v", "other").allowed
    refused = limits.take("v", "k")
    assert 9 <= refused.retry_after <= 10
    assert 9 < refused.resets_in <= 10
    clock.advance(seconds=10)
    assert limits.take("v", "k").remaining == 1
    clock.factor = 100
    limits.take("v", "k")
    refused = limits.take("v", "k")
    assert refused.retry_after == 1
    assert 0 < refused.resets_in <= 0.1


def test_the_limit_answers_429_and_half_of_them_say_when(
    box: Sandbox, http: httpx.Client, ada: dict[str, str]
) -> None:
    http.post(
        "/sandbox/limits",
        json={"enabled": True, "vendor": "rezen", "requests": 5, "window": 60},
    )
    answers = [http.get(ME, headers=ada) for _ in range(9)]
    assert [a.status_code for a in answers] == [200] * 5 + [429] * 4
    assert sum("retry-after" in a.headers for a in answers[5:]) == 2
    assert box.requests.throttled == 4
    http.post("/sandbox/clock", json={"seconds": 61})
    assert http.get(ME, headers=ada).status_code == 200
    box.limits.set("rezen", "global", 600, 60)


# --- control ----------------------------------------------------------------------------------


def undated(truth: dict[str, Any]) -> dict[str, Any]:
    """Without the second in which it was told."""
    return {**truth, "fub": {k: v for k, v in truth["fub"].items() if k != "now"}}


def test_accounts_truth_clock_and_mutate(box: Sandbox, http: httpx.Client) -> None:
    accounts = http.get("/sandbox/accounts").json()
    keys = ["ada-sample", "ben-example", "cora-upline"]
    *accounts, house = accounts
    assert house["agent_key"] == "house"
    assert [a["agent_key"] for a in accounts] == keys
    assert all(a["rezen"]["api_key"].startswith("sandbox_key_") for a in accounts)
    truth = http.get("/sandbox/truth", params={"agent_key": "ada-sample"}).json()
    assert undated(truth) == undated(box.truth("ada-sample"))
    assert http.get("/sandbox/truth", params={"agent_key": "nobody"}).status_code == 400
    now = http.post("/sandbox/clock", json={"days": 3}).json()
    assert now["reporting_day"] == (box.start + timedelta(days=3)).isoformat()
    deal = http.post("/sandbox/mutate", json={"op": "add_deal", "agent_key": "ada-sample"}).json()
    after = http.get("/sandbox/truth", params={"agent_key": "ada-sample"}).json()
    assert deal["deal_id"] in after["rezen"]["entities"]["transactions"]
    assert http.post("/sandbox/reset").json() == {"status": "ok"}
    again = http.get("/sandbox/truth", params={"agent_key": "ada-sample"}).json()
    assert undated(again) == undated(truth)
    assert http.get("/sandbox/health").json()["status"] == "ok"
    assert http.get("/sandbox/nothing").status_code == 404
    assert http.post("/sandbox/mutate", json={"op": "fly"}).status_code == 400


def test_the_request_log(
    box: Sandbox, http: httpx.Client, ada: dict[str, str], closed: str
) -> None:
    http.get(closed, headers=ada)
    http.get(closed, headers=ada, params={"pageNumber": 1})
    http.get("/rezen/yenta/api/v1/agents/x/cap-info", headers=ada)
    log = http.get("/sandbox/requests", params={"recent": 2}).json()
    template = "/arrakis/api/v1/transactions/participant/{id}/transactions/CLOSED"
    assert {
        "vendor": "rezen",
        "account": "ada-sample",
        "method": "GET",
        "path": template,
        "status": 200,
        "count": 2,
    } in log["counts"]
    assert log["recent"][-1]["status"] == 404
    assert ada["X-API-KEY"] not in str(log)
    http.request("DELETE", "/sandbox/requests")
    assert http.get("/sandbox/requests").json()["total"] == 0
    assert template_of("/v1/people/12/notes/7") == "/v1/people/{n}/notes/{n}"


def test_a_taken_port_is_said_plainly(capsys: pytest.CaptureFixture[str]) -> None:
    with listen() as taken:
        port = taken.getsockname()[1]
        assert main(["--port", str(port), "--size", "small"]) == 2
    assert f"port {port}" in capsys.readouterr().err
