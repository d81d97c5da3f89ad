"""A sign-in service that is not there says nothing about the credential; one that refuses does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import httpx
import pytest

from pipelines.common.errors import AccountBroken, ContractBroken, RetryLater
from pipelines.common.http import VendorSettings
from pipelines.common.oauth import Attempt, Form, OAuth, ask_sign_in, code_of

ATTEMPT = Attempt("https://here.example.com", "s-1", "n-1", "v-1")


def sending(answer: httpx.Response | Exception) -> Callable[[], httpx.Response]:
    def send() -> httpx.Response:
        if isinstance(answer, Exception):
            raise answer
        return answer

    return send


@pytest.mark.parametrize("status", [200, 400, 401, 403])
def test_a_yes_and_a_no_are_answers(status: int) -> None:
    answer = httpx.Response(status)
    assert ask_sign_in(sending(answer), "Vendor's login") is answer


@pytest.mark.parametrize("status", [408, 429, 500, 503])
def test_a_service_that_is_not_able_to_answer_is_asked_later(status: int) -> None:
    with pytest.raises(RetryLater) as caught:
        ask_sign_in(sending(httpx.Response(status)), "Vendor's login")
    said = f"Vendor's login answered HTTP {status}; try the sync again later."
    assert caught.value.sentence == said


def test_a_service_that_cannot_be_reached_is_asked_later() -> None:
    with pytest.raises(RetryLater, match="Vendor's login could not be reached"):
        ask_sign_in(sending(httpx.ConnectError("no route")), "Vendor's login")


# -- consent and grants ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "answer",
    [
        "https://here.example.com/connected?code=c-1&state=s-1",
        "https://here.example.com/connected?response=approved&code=c-1&state=s-1\n",
        "code=c-1&state=s-1",
        " c-1 ",
    ],
)
def test_the_code_is_found_in_whatever_was_pasted(answer: str) -> None:
    assert code_of(answer, "s-1") == "c-1"


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("https://here.example.com/?error=access_denied&state=s-1", "was not allowed"),
        ("https://here.example.com/?response=denied&state=s-1", "was not allowed"),
        ("https://here.example.com/?code=c-1&state=other", "another attempt"),
        ("https://here.example.com/?state=s-1", "holds no code"),
    ],
)
def test_an_answer_without_consent_says_what_to_do(answer: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        code_of(answer, "s-1")


def granting(**body: object) -> tuple[OAuth, httpx.Client, list[dict[str, str]]]:
    forms: list[dict[str, str]] = []

    def ask(client: httpx.Client, _settings: VendorSettings, form: Form) -> httpx.Response:
        forms.append(dict(form))
        return client.post("https://vendor.test/token", data=dict(form))

    client = httpx.Client(
        transport=httpx.MockTransport(lambda _request: httpx.Response(200, json=body))
    )
    oauth = OAuth("vendor", "The vendor", "BROKERAGE_VENDOR_APP", ask, lambda *_: "https://x.test")
    return oauth, client, forms


def test_a_code_is_traded_once_for_tokens_with_their_end() -> None:
    oauth, client, forms = granting(access_token="a", refresh_token="r", expires_in=3600)
    tokens = oauth.redeem(client, VendorSettings(), "c-1", ATTEMPT)
    assert forms == [
        {
            "grant_type": "authorization_code",
            "code": "c-1",
            "redirect_uri": "https://here.example.com",
        }
    ]
    assert (tokens["access_token"], tokens["refresh_token"]) == ("a", "r")
    ends, renew = (datetime.fromisoformat(tokens[name]) for name in ("expires_at", "renew_at"))
    assert ends - renew == timedelta(minutes=10)


def test_the_state_goes_with_the_code_where_the_vendor_asks_for_it() -> None:
    oauth, client, forms = granting(access_token="a")
    replace(oauth, sends_state=True).redeem(client, VendorSettings(), "c-1", ATTEMPT)
    assert forms[0]["state"] == "s-1"


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, AccountBroken), (401, AccountBroken),
        (302, ContractBroken), (403, ContractBroken), (405, ContractBroken), (422, ContractBroken),
        (429, RetryLater), (503, RetryLater),
    ],
)  # fmt: skip
def test_only_a_token_service_that_says_no_breaks_the_account(
    status: int, kind: type[Exception]
) -> None:
    def ask(client: httpx.Client, _settings: VendorSettings, form: Form) -> httpx.Response:
        return client.post("https://vendor.test/token", data=dict(form))

    transport = httpx.MockTransport(lambda _r: httpx.Response(status, text="<html>no</html>"))
    oauth = OAuth("vendor", "The vendor", "BROKERAGE_VENDOR_APP", ask, lambda *_: "https://x.test")
    with httpx.Client(transport=transport) as client, pytest.raises(kind):
        oauth.exchange(client, {"access_token": "a", "refresh_token": "r"}, VendorSettings())


def test_a_short_life_is_used_by_half_before_it_is_renewed() -> None:
    oauth, client, _ = granting(access_token="a", refresh_token="r", expires_in=300)
    tokens = oauth.redeem(client, VendorSettings(), "c-1", ATTEMPT)
    ends, renew = (datetime.fromisoformat(tokens[name]) for name in ("expires_at", "renew_at"))
    assert ends - renew == timedelta(seconds=150)
    assert oauth.bearer(tokens) == "a"
