"""Tokens, waits and envelopes, from the contract (dotloop.md §1, §2)."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from pipelines.common.account import Credentials
from pipelines.common.budget import Rate
from pipelines.common.errors import (
    AccountBroken,
    ContractBroken,
    CredentialExpired,
    RetryLater,
)
from pipelines.common.http import Failure
from pipelines.dotloop.client import (
    OAUTH,
    PACE,
    DotloopSettings,
    authorize,
    classify,
    limits,
    list_of,
)
from tests.pipelines.dotloop.dotloop_fake import SETTINGS, Dotloop, connect
from tests.pipelines.in_memory import Connection

HELD = {"access_token": "old", "refresh_token": "grant"}


def ends_in(**delta: float) -> dict[str, str]:
    return {**HELD, "expires_at": (datetime.now(UTC) + timedelta(**delta)).isoformat()}


# -- when a token is used --------------------------------------------------------------------------


@pytest.mark.parametrize("minutes", [12, 660, None])
def test_a_token_that_lasts_or_whose_end_is_not_known_is_used(minutes: int | None) -> None:
    credential = HELD if minutes is None else ends_in(minutes=minutes)
    assert authorize(credential, SETTINGS) == {"Authorization": "Bearer old"}


@pytest.mark.parametrize(
    "credential", [ends_in(minutes=9), ends_in(minutes=-1), {"refresh_token": "grant"}]
)
def test_a_token_that_is_over_or_nearly_is_not_used(credential: Credentials) -> None:
    with pytest.raises(CredentialExpired):
        authorize(credential, SETTINGS)


def test_an_end_that_is_no_instant_breaks_the_account() -> None:
    with pytest.raises(AccountBroken, match="no instant"):
        authorize({**HELD, "expires_at": "soon"}, SETTINGS)


# -- renewal ---------------------------------------------------------------------------------------


def token_service(answer: httpx.Response | Exception) -> httpx.Client:
    def reply(_request: httpx.Request) -> httpx.Response:
        if isinstance(answer, Exception):
            raise answer
        return answer

    return httpx.Client(transport=httpx.MockTransport(reply))


def test_a_renewal_keeps_whatever_refresh_token_came_back() -> None:
    body = {"access_token": "new", "refresh_token": "other", "expires_in": 43199}
    renewed = OAUTH.exchange(
        token_service(httpx.Response(200, json=body)), ends_in(hours=-1), SETTINGS
    )
    assert renewed["access_token"] == "new"
    assert renewed["refresh_token"] == "other"
    lasts = datetime.fromisoformat(renewed["expires_at"]) - datetime.now(UTC)
    assert timedelta(seconds=43190) < lasts <= timedelta(seconds=43199)


@pytest.mark.parametrize("seconds", [None, "soon", True, -5])
def test_a_token_whose_life_is_not_told_is_used_until_it_is_refused(seconds: Any) -> None:
    body = {"access_token": "new", "expires_in": seconds}
    renewed = OAUTH.exchange(
        token_service(httpx.Response(200, json=body)), ends_in(hours=-1), SETTINGS
    )
    assert renewed == {"access_token": "new", "refresh_token": "grant"}
    assert authorize(renewed, SETTINGS) == {"Authorization": "Bearer new"}


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (httpx.Response(400, json={"error": "invalid_grant"}), AccountBroken),
        (httpx.Response(401), AccountBroken),
        (httpx.Response(401, json={"error": "invalid_client"}), ContractBroken),
        (httpx.Response(200, json={"token": "?"}), ContractBroken),
        (httpx.Response(200, text="<html>"), ContractBroken),
        (httpx.Response(503), RetryLater),
        (httpx.Response(429), RetryLater),
        (httpx.ConnectError("down"), RetryLater),
    ],
)
def test_a_renewal_that_fails(answer: httpx.Response | Exception, error: type[Exception]) -> None:
    with pytest.raises(error):
        OAUTH.exchange(token_service(answer), HELD, SETTINGS)


def test_an_app_that_is_not_set_up_breaks_no_account() -> None:
    bare = SETTINGS.model_copy(update={"client_secret": None})
    with pytest.raises(ContractBroken, match="BROKERAGE_DOTLOOP_CLIENT_SECRET"):
        OAUTH.exchange(token_service(httpx.Response(200)), HELD, bare)


def test_a_refused_renewal_breaks_the_account_in_one_sentence() -> None:
    dotloop = Dotloop()
    dotloop.grants.clear()
    connection = connect(dotloop, credentials={"access_token": "dead", "refresh_token": "grant"})
    with pytest.raises(AccountBroken) as caught:
        connection.read("accounts")
    assert caught.value.sentence == "Dotloop refused the credential; connect the account again."


def connection_over(answer: Any, credential: Credentials) -> Connection:
    connection = connect(Dotloop(), credentials=credential)
    connection.handler = answer
    return connection


@pytest.mark.parametrize(
    "credential",
    [{"access_token": "dead", "refresh_token": "grant"}, ends_in(minutes=5)],
    ids=["refused", "about_to_end"],
)
def test_readers_that_need_a_new_token_at_once_renew_it_once(credential: Credentials) -> None:
    """A second renewal would kill the token that the first reader goes on with."""
    dotloop = Dotloop()
    readers = 4
    together = threading.Barrier(readers)
    refused = threading.Barrier(readers)

    def answer(request: httpx.Request) -> httpx.Response:
        response = dotloop(request)
        if response.status_code == 401:
            # nobody renews before all have been refused
            refused.wait(10)
        return response

    connection = connection_over(answer, credential)
    api = connection.api()

    def read(_number: int) -> list[dict[str, Any]]:
        together.wait(10)
        return list_of(api, f"{SETTINGS.base_url}/profile")

    with ThreadPoolExecutor(readers) as pool:
        found = list(pool.map(read, range(readers)))
    assert found == [[{"id": 42}]] * readers
    assert dotloop.renewals == 1
    assert connection.account.credentials.get()["access_token"] == "fresh-1"


# -- answers ---------------------------------------------------------------------------------------


def wait(reset: str | None, **more: str) -> float | None:
    headers = {**more, **({} if reset is None else {"X-RateLimit-Reset": reset})}
    said = classify(Failure(429, "", b"", httpx.Headers(headers), "/v2/contact", False))
    if said is None:
        return None
    assert isinstance(said, RetryLater)
    assert said.limited
    return said.retry_after


def test_the_reset_is_milliseconds_or_a_moment_and_never_waited_for_long() -> None:
    assert wait("7500") == 7.5
    assert wait("12") == 1.0
    assert wait("300000") == 60.0
    in_half_a_minute = wait(str(int((time.time() + 30) * 1000)))
    assert in_half_a_minute is not None
    assert 28 < in_half_a_minute <= 30
    assert wait(str(int((time.time() - 30) * 1000))) == 1.0


@pytest.mark.parametrize("reset", [None, "soon"])
def test_without_a_reset_the_common_reading_of_a_429_holds(reset: str | None) -> None:
    assert wait(reset) is None


def test_the_live_limit_slows_down_and_never_hurries() -> None:
    def read(limit: str, remaining: str) -> tuple[int | None, int | None]:
        return limits({"x-ratelimit-limit": limit, "x-ratelimit-remaining": remaining})

    assert read("100", "93") == (None, 93)
    assert read("50", "3") == (50, 3)
    assert read("many", "") == (None, None)
    assert PACE < 100


def test_no_error_quotes_a_body() -> None:
    dotloop = Dotloop()
    dotloop.refuses.add("/account")
    with pytest.raises(Exception, match="HTTP 403") as caught:
        connect(dotloop).read("accounts")
    assert "Ada" not in str(caught.value)


@pytest.mark.parametrize("body", [{"rows": []}, [], "data", {"data": {"id": 1}}])
def test_a_list_that_is_none_is_a_broken_contract(body: Any) -> None:
    connection = connection_over(lambda _request: httpx.Response(200, json=body), HELD)
    with pytest.raises(ContractBroken, match=r"compare docs/vendors/dotloop\.md"):
        list_of(connection.api(), f"{SETTINGS.base_url}/profile")


def test_the_pace_is_a_setting() -> None:
    assert DotloopSettings().rates == {"default": Rate(80, 60.0)}
    assert DotloopSettings(requests_per_minute=30).rates == {"default": Rate(30, 60.0)}
    own = {"default": Rate(1, 1.0)}
    assert DotloopSettings(rates=own).rates == own
