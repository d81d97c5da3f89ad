"""Credentials, renewals, limits, error codes, envelopes and instants (lofty.md §1, §2)."""

from __future__ import annotations

import base64
import time
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

import httpx
import orjson
import pytest
from pydantic import SecretStr

from pipelines.common.account import Account, StaticCredentials
from pipelines.common.budget import Rate, RateBudget, SystemClock
from pipelines.common.errors import (
    AccountBroken,
    ContractBroken,
    CredentialExpired,
    RecordUnavailable,
    ResourceUnavailable,
    RetryLater,
)
from pipelines.common.http import CallCounter, Failure, VendorHttp, rate_limit_headers
from pipelines.lofty.client import (
    DIALECT,
    OAUTH,
    LimitRefused,
    LoftySettings,
    NobodyThere,
    authorize,
    classify,
    code_of,
    message,
    metadata_of,
    moment,
    refusal,
    rows_of,
)

SETTINGS = LoftySettings(
    base_url="http://api.lofty.test",
    oauth_base_url="http://crm.lofty.test",
    oauth_client_id="app",
    oauth_client_secret=SecretStr("app-secret"),
)


def in_seconds(seconds: float) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()


# -- credentials -----------------------------------------------------------------------------------


def test_a_key_and_a_token_have_schemes_of_their_own_and_gets_have_a_type() -> None:
    kind = {"Content-Type": "application/json"}
    assert authorize({"api_key": "k"}, SETTINGS) == {"Authorization": "token k", **kind}
    granted = {"access_token": "a", "refresh_token": "r", "expires_at": in_seconds(3600)}
    assert authorize(granted, SETTINGS) == {"Authorization": "Bearer a", **kind}


@pytest.mark.parametrize(
    ("clocks", "due"),
    [
        ({"expires_at": 3600}, False),
        ({"expires_at": 290}, True),
        ({"expires_at": -5}, True),
        # the life is known: four fifths of it count, however short it is
        ({"expires_at": 20, "renew_at": 4}, False),
        ({"expires_at": 3600, "renew_at": -1}, True),
        ({}, False),
    ],
)
def test_a_token_is_replaced_before_it_ends(clocks: dict[str, float], due: bool) -> None:
    granted = {"access_token": "a", "refresh_token": "r"}
    granted |= {name: in_seconds(seconds) for name, seconds in clocks.items()}
    if due:
        with pytest.raises(CredentialExpired):
            authorize(granted, SETTINGS)
    else:
        assert authorize(granted, SETTINGS)["Authorization"] == "Bearer a"


def test_a_token_that_cannot_be_renewed_is_used_to_its_end() -> None:
    old = {"access_token": "a", "expires_at": in_seconds(-5)}
    assert authorize(old, SETTINGS)["Authorization"] == "Bearer a"


def tokens(**members: Any) -> httpx.Response:
    body = {"access_token": "a2", "refresh_token": "r2", "expires_in": 1000, "token_type": "Bearer"}
    return httpx.Response(200, json={**body, **members})


class TokenService:
    """Answers by host; remembers what was asked."""

    def __init__(self, **answers: httpx.Response | Exception) -> None:
        self.answers = answers
        self.seen: list[httpx.Request] = []

    def client(self) -> httpx.Client:
        return httpx.Client(transport=httpx.MockTransport(self._answer))

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.seen.append(request)
        answer = self.answers[request.url.host.split(".")[0]]
        if isinstance(answer, Exception):
            raise answer
        return answer


OLD = {
    "access_token": "a1",
    "refresh_token": "r1",
    "expires_at": "2026-01-01T00:00:00+00:00",
    "renew_at": "2026-01-01T00:00:00+00:00",
}


def test_a_renewal_asks_the_crm_with_the_secret_as_basic_and_keeps_both_tokens() -> None:
    service = TokenService(crm=tokens())
    renewed = OAUTH.exchange(service.client(), OLD, SETTINGS)
    [request] = service.seen
    assert request.url.path == "/api/user-web/oauth/token"
    basic = "Basic " + base64.b64encode(b"app:app-secret").decode()
    assert request.headers["Authorization"] == basic
    assert parse_qs(request.content.decode()) == {
        "grant_type": ["refresh_token"],
        "refresh_token": ["r1"],
    }
    assert (renewed["access_token"], renewed["refresh_token"]) == ("a2", "r2")
    left = datetime.fromisoformat(renewed["expires_at"]) - datetime.now(UTC)
    assert timedelta(seconds=990) < left <= timedelta(seconds=1000)
    early = datetime.fromisoformat(renewed["expires_at"]) - datetime.fromisoformat(
        renewed["renew_at"]
    )
    assert early == timedelta(seconds=200), "a fifth of its life remains"


def test_the_api_is_asked_when_the_crm_has_no_token_endpoint() -> None:
    service = TokenService(crm=httpx.Response(404), api=tokens(refresh_token=None))
    renewed = OAUTH.exchange(service.client(), OLD, SETTINGS)
    request = service.seen[-1]
    assert str(request.url) == "http://api.lofty.test/oauth/token"
    assert "Authorization" not in request.headers
    assert parse_qs(request.content.decode()) == {
        "grant_type": ["refresh_token"],
        "refresh_token": ["r1"],
        "client_id": ["app"],
        "client_secret": ["app-secret"],
    }
    assert renewed["refresh_token"] == "r1", "an old one that is not replaced stays"


def test_whose_endpoint_is_asked_first_is_a_setting() -> None:
    service = TokenService(api=tokens())
    chosen = SETTINGS.model_copy(update={"oauth_endpoint": "api"})
    assert OAUTH.exchange(service.client(), OLD, chosen)["access_token"] == "a2"
    assert [request.url.host for request in service.seen] == ["api.lofty.test"]


def test_a_token_of_unknown_life_is_used_until_it_is_refused() -> None:
    renewed = OAUTH.exchange(TokenService(crm=tokens(expires_in=None)).client(), OLD, SETTINGS)
    assert renewed == {"access_token": "a2", "refresh_token": "r2"}


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (httpx.Response(400, json={"error": "invalid_grant"}), AccountBroken),
        (httpx.Response(401), AccountBroken),
        (httpx.Response(200, json={"code": 20004, "message": "no"}), AccountBroken),
        (httpx.Response(200, json={}), ContractBroken),
        (httpx.Response(200, text="<html>"), ContractBroken),
        (httpx.Response(404), ContractBroken),
        (httpx.Response(503), RetryLater),
        (httpx.Response(429), RetryLater),
        (httpx.ConnectError("down"), RetryLater),
    ],
)
def test_a_renewal_that_fails(answer: httpx.Response | Exception, error: type[Exception]) -> None:
    with pytest.raises(error):
        OAUTH.exchange(TokenService(crm=answer, api=answer).client(), OLD, SETTINGS)


def test_a_key_is_not_renewed() -> None:
    service = TokenService()
    with pytest.raises(AccountBroken, match="refused the API key"):
        OAUTH.exchange(service.client(), {"api_key": "k"}, SETTINGS)
    with pytest.raises(AccountBroken, match="cannot be renewed"):
        OAUTH.exchange(service.client(), {"access_token": "a"}, SETTINGS)
    assert service.seen == []


def api_of(credentials: StaticCredentials, *answers: httpx.Response) -> tuple[Any, list[str]]:
    """The API over a fake that answers in turn; and the credential that each request carried."""
    left, carried = list(answers), list[str]()

    def reply(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/token"):
            carried.append("renewal")
            return tokens(access_token=f"a{2 + carried.count('renewal') - 1}")
        stored = credentials.get()["access_token"]
        assert request.headers["Authorization"] == f"Bearer {stored}", "stored before it is used"
        carried.append(stored)
        return left.pop(0)

    http = VendorHttp(DIALECT, SETTINGS, transport=httpx.MockTransport(reply))
    return http.api(Account("a:lofty", "a", "lofty", credentials), CallCounter()), carried


def test_a_token_about_to_end_is_replaced_before_a_request_is_lost() -> None:
    held = StaticCredentials({**OLD})
    api, carried = api_of(held, httpx.Response(200, json={"a": 1}), httpx.Response(200, json=[]))
    api.get("http://api.lofty.test/v1.0/me")
    api.get("http://api.lofty.test/v1.0/me")
    assert carried == ["renewal", "a2", "a2"]


def test_a_token_that_is_refused_is_replaced_once() -> None:
    held = StaticCredentials({"access_token": "a1", "refresh_token": "r1"})
    no = httpx.Response(401, json={"code": "BAD_CREDENTIALS"})
    api, carried = api_of(held, no, httpx.Response(200, json={"a": 1}))
    assert api.get("http://api.lofty.test/v1.0/me").data == {"a": 1}
    assert carried == ["a1", "renewal", "a2"]
    api, carried = api_of(held, no, no)
    with pytest.raises(AccountBroken, match="connect the account again"):
        api.get("http://api.lofty.test/v1.0/me")
    assert carried == ["a2", "renewal", "a2"]


# -- errors ----------------------------------------------------------------------------------------


def read(
    status: int, body: Any = None, path: str = "/v1.0/leads", *, single_record: bool = False,
    **headers: str,
) -> Any:  # fmt: skip
    content = body if isinstance(body, bytes) else orjson.dumps(body)
    said = message(body) if not isinstance(body, bytes) else ""
    sent = httpx.Headers({name.replace("_", "-"): value for name, value in headers.items()})
    return classify(Failure(status, said, content, sent, path, single_record))


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"code": 20012, "message": "invalid parameter"}, "20012"),
        ({"code": "LIMIT_NOT_VALID"}, "LIMIT_NOT_VALID"),
        ({"errorCode": 20006}, "20006"),
        ({"message": "com.example.BizException: errorCode=200058, user missing"}, "200058"),
        ("PERMISSION_DENIED: not yours", "PERMISSION_DENIED"),
        ({"message": "Too Many Requests"}, None),
        ("out of order", None),
        (None, None),
        ([1], None),
    ],
)
def test_a_code_is_found_in_every_form_of_body(body: Any, code: str | None) -> None:
    assert code_of(body) == code


def test_an_error_tells_its_code_and_never_its_text() -> None:
    assert message({"code": 20006, "message": "lead mira@example.com is gone"}) == "code 20006"
    assert message({"message": "lead mira@example.com is gone"}) == ""
    assert message({"code": "what mira@example.com said"}) == ""


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (401, None, CredentialExpired),
        (400, {"code": 20004}, CredentialExpired),
        (400, {"code": 200058}, AccountBroken),
        (400, {"code": 20017}, ResourceUnavailable),
        (400, "PERMISSION_DENIED", ResourceUnavailable),
        (403, {"code": 200100}, ResourceUnavailable),
        (403, {"code": "ACCESS_ALL_TEAM_LEADS"}, ResourceUnavailable),
        (403, b"<html>", ResourceUnavailable),
        (404, {"code": 20003}, NobodyThere),
        (400, {"code": 20042}, LimitRefused),
        (400, {"code": "LIMIT_PARAM_OVERSIZE"}, LimitRefused),
    ],
)
def test_what_a_status_alone_does_not_tell(status: int, body: Any, error: type[Exception]) -> None:
    assert type(read(status, body)) is error


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, {"code": 20012}),
        (404, {"code": 20006}),
        (415, None),
        (500, {"code": 20005}),
        (502, b"<html>"),
    ],
)
def test_the_rest_is_what_its_status_says(status: int, body: Any) -> None:
    assert read(status, body) is None


def test_a_record_that_is_not_ours_costs_only_itself() -> None:
    found = read(403, {"code": "PERMISSION_DENIED"}, "/v1.0/leads/7", single_record=True)
    assert isinstance(found, RecordUnavailable)
    assert found.reason == "denied"


@pytest.mark.parametrize("code", [200100, "200100", "VENDOR_HAS_NO_PERMISSION"])
def test_a_path_that_may_not_be_asked_is_no_matter_of_a_record(code: int | str) -> None:
    found = read(403, {"code": code}, "/v1.0/notes", single_record=True)
    assert isinstance(found, ResourceUnavailable)
    assert found.status == "not_permitted"


def test_whose_key_it_is_must_be_told() -> None:
    assert isinstance(read(403, {"code": 200100}, "/v1.0/me"), AccountBroken)
    wrong = read(404, None, "/v1/v1.0/me")
    assert isinstance(wrong, ContractBroken)
    assert "BROKERAGE_LOFTY_BASE_URL" in wrong.sentence


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"code": 20004}, 401),
        ({"code": "20017"}, 403),
        ({"code": 20006}, 404),
        ({"code": 20005, "message": "x"}, 500),
        ({"code": 99}, 400),
        ({"code": 0, "data": []}, None),
        ({"code": "0"}, None),
        ({"leads": []}, None),
        ([{"code": 5}], None),
    ],
)
def test_a_success_with_a_code_is_an_error(body: Any, status: int | None) -> None:
    assert refusal(body) == status


# -- limits ----------------------------------------------------------------------------------------


def test_how_long_to_wait_is_read_in_every_style() -> None:
    def wait(**headers: str) -> float:
        limited = read(429, {"message": "Too Many Requests"}, **headers)
        assert isinstance(limited, RetryLater)
        assert limited.limited
        assert limited.retry_after is not None
        return limited.retry_after

    assert wait(Retry_After="7") == 7.0
    assert wait() == 60.0
    assert 20 < wait(X_RateLimit_Reset=str(int(time.time()) + 30)) <= 30
    assert wait(X_RateLimit_Reset="45000") == 45.0
    assert wait(X_RateLimit_Reset="12") == 12.0
    assert wait(X_RateLimit_Reset=str(int(time.time()) - 30)) == 1.0
    assert wait(X_RateLimit_Reset="soon") == 60.0


def test_the_budget_starts_at_ten_a_minute_and_follows_the_headers() -> None:
    assert LoftySettings().rates["default"] == Rate(10, 60.0, 4)
    assert LoftySettings(requests_per_minute=80).rates["default"] == Rate(80, 60.0, 4)
    for limit in (10, 100, 500):
        budget = RateBudget(LoftySettings().rates["default"], SystemClock())
        told = {"x-ratelimit-limit": str(limit), "x-ratelimit-remaining": str(limit - 1)}
        allowed, remaining = rate_limit_headers(told)
        with budget.place():
            pass
        budget.observe(limit=allowed, remaining=remaining)
        assert budget._free_places(time.monotonic()) == limit - 1


def test_accounts_of_the_app_share_its_limit_and_keys_have_their_own() -> None:
    answer = httpx.MockTransport(lambda _request: httpx.Response(200, json=[]))
    http = VendorHttp(DIALECT, SETTINGS, transport=answer)
    for agent in ("a", "b"):
        for kind in ({"access_token": f"t-{agent}"}, {"api_key": f"k-{agent}"}):
            account = Account(f"{agent}:lofty", agent, "lofty", StaticCredentials(kind))
            http.api(account, CallCounter()).get("http://api.lofty.test/v1.0/leads")
    shared = http.budgets.of("OAuth app", "default")
    own = [http.budgets.of(f"{agent}:lofty", "default") for agent in ("a", "b")]
    assert [budget._free_places(time.monotonic()) for budget in (shared, *own)] == [8, 9, 9]


# -- bodies and values -----------------------------------------------------------------------------


def test_the_metadata_has_two_names() -> None:
    assert metadata_of({"_metadata": {"total": 3}}) == {"total": 3}
    assert metadata_of({"get_metadata": {"total": 3}}) == {"total": 3}
    assert metadata_of({"_metadata": 7}) == {}
    assert metadata_of([]) == {}


def test_rows_are_found_bare_named_and_wrapped() -> None:
    row = {"id": 1}
    assert rows_of([row], "x") == [row]
    assert rows_of({"taskList": [row]}, "x", "taskList", "tasks") == [row]
    assert rows_of({"tasks": [row]}, "x", "taskList", "tasks") == [row]
    assert rows_of({"code": 0, "message": "", "data": {"tasks": [row]}}, "x", "tasks") == [row]
    assert rows_of([7], "x") == [{"value": 7}]
    for body in ({"other": []}, {"tasks": {}}, "text", None, 42):
        with pytest.raises(ContractBroken, match=r"compare docs/vendors/lofty.md"):
            rows_of(body, "x", "tasks")


def test_instants_come_in_five_forms() -> None:
    at = datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC)
    assert moment("2026-02-03T04:05:06GMT") == at
    assert moment("2026-02-03 04:05:06") == at
    assert moment("2026-02-02T23:05:06-05:00") == at
    assert moment(1770091506000) == at
    assert moment("1770091506000") == at
    for nothing in (None, "", -1, 0, "0", True, "soon", 10**30):
        assert moment(nothing) is None
