"""Where reZEN's consent and tokens are asked for, and what an answer means (rezen.md §2.3)."""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest
from pydantic import SecretStr

from pipelines.common.errors import AccountBroken, ContractBroken, CredentialExpired, RetryLater
from pipelines.common.oauth import Attempt, code_of
from pipelines.rezen.client import OAUTH, RezenSettings, authorize

ISSUER = "https://issuer.test"
PUBLIC = RezenSettings(oauth_base_url=ISSUER, oauth_client_id="app_public")
CONFIDENTIAL = PUBLIC.model_copy(
    update={"oauth_client_id": "app:1", "oauth_client_secret": SecretStr("a+b c:d")}
)
ATTEMPT = Attempt("https://here.example.com/back", "s-1", "n-1", "v" * 43)
HELD = {"access_token": "k-1", "refresh_token": "r-1", "renew_at": "2026-01-01T00:00:00+00:00"}
ADDRESSES = {
    "issuer": ISSUER,
    "authorization_endpoint": f"{ISSUER}/go/here",
    "token_endpoint": f"{ISSUER}/and/there",
    "revocation_endpoint": f"{ISSUER}/and/gone",
}


def id_token(**claims: Any) -> str:
    ends = datetime.now(UTC).timestamp() + 3600
    told = {"iss": ISSUER, "aud": "app_public", "nonce": "n-1", "exp": ends, **claims}
    parts = ({"alg": "RS256"}, told)
    texts = [base64.urlsafe_b64encode(json.dumps(p).encode()).rstrip(b"=").decode() for p in parts]
    return ".".join([*texts, "c2ln"])


class Issuer:
    """Answers discovery and the token endpoint, and remembers what it was asked."""

    def __init__(self, *, addresses: Any = None, tokens: Any = None) -> None:
        self.addresses = ADDRESSES if addresses is None else addresses
        self.tokens = tokens or {
            "access_token": "k-2",
            "refresh_token": "r-2",
            "expires_in": 43_200,
            "id_token": id_token(),
        }
        self.asked: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        if request.url.path == "/.well-known/openid-configuration":
            return self._answer(self.addresses)
        assert request.method == "POST"
        if str(request.url) == ADDRESSES["revocation_endpoint"]:
            return httpx.Response(200)
        assert str(request.url) == ADDRESSES["token_endpoint"]
        return self._answer(self.tokens)

    @staticmethod
    def _answer(body: Any) -> httpx.Response:
        return body if isinstance(body, httpx.Response) else httpx.Response(200, json=body)

    @property
    def client(self) -> httpx.Client:
        return httpx.Client(transport=httpx.MockTransport(self))

    @property
    def form(self) -> dict[str, list[str]]:
        return parse_qs(self.asked[-1].content.decode())


def test_consent_is_asked_where_the_issuer_says_with_all_it_demands() -> None:
    address = httpx.URL(OAUTH.consent(Issuer().client, PUBLIC, ATTEMPT))
    assert address.host + address.path == "issuer.test/go/here"
    query = dict(address.params)
    digest = hashlib.sha256(ATTEMPT.verifier.encode()).digest()
    assert query == {
        "response_type": "code",
        "client_id": "app_public",
        "redirect_uri": "https://here.example.com/back",
        "scope": "openid profile email real.identity ACCOUNT_READ",
        "state": "s-1",
        "nonce": "n-1",
        "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
        "code_challenge_method": "S256",
    }
    assert ATTEMPT.verifier not in str(address)
    assert ATTEMPT.verifier not in repr(ATTEMPT)


def test_every_attempt_has_words_of_its_own() -> None:
    one, other = Attempt.begin("https://x.test"), Attempt.begin("https://x.test")
    assert {one.state, one.nonce, one.verifier}.isdisjoint(
        {other.state, other.nonce, other.verifier}
    )
    assert 43 <= len(one.verifier) <= 128


def test_an_answer_of_another_service_is_not_used() -> None:
    back = "https://here.example.com/back?code=c-1&state=s-1&iss="
    assert code_of(f"{back}https%3A%2F%2Fissuer.test", "s-1", ISSUER) == "c-1"
    with pytest.raises(ValueError, match="was not sent by the vendor"):
        code_of(f"{back}https%3A%2F%2Fevil.test", "s-1", ISSUER)


def test_a_public_app_is_named_in_the_form() -> None:
    issuer = Issuer()
    tokens = OAUTH.redeem(issuer.client, PUBLIC, "c-1", ATTEMPT)
    assert issuer.form == {
        "grant_type": ["authorization_code"],
        "code": ["c-1"],
        "redirect_uri": ["https://here.example.com/back"],
        "code_verifier": ["v" * 43],
        "client_id": ["app_public"],
    }
    assert "authorization" not in issuer.asked[-1].headers
    assert tokens.keys() == {"access_token", "refresh_token", "expires_at", "renew_at"}


def test_a_confidential_app_proves_itself_form_encoded() -> None:
    issuer = Issuer()
    renewed = OAUTH.exchange(issuer.client, HELD, CONFIDENTIAL)
    given = issuer.asked[-1].headers["authorization"].removeprefix("Basic ")
    assert base64.b64decode(given) == b"app%3A1:a%2Bb+c%3Ad"
    assert issuer.form == {"grant_type": ["refresh_token"], "refresh_token": ["r-1"]}
    assert (renewed["access_token"], renewed["refresh_token"]) == ("k-2", "r-2")
    ends, renew = (datetime.fromisoformat(renewed[name]) for name in ("expires_at", "renew_at"))
    assert (ends - renew).total_seconds() == 600
    assert 43_100 < (ends - datetime.now(UTC)).total_seconds() <= 43_200


@pytest.mark.parametrize(
    ("held", "token"),
    [
        (HELD, {"token": ["r-1"], "token_type_hint": ["refresh_token"]}),
        ({"access_token": "k-1"}, {"token": ["k-1"], "token_type_hint": ["access_token"]}),
    ],
)
def test_the_grant_is_given_back(held: dict[str, str], token: dict[str, list[str]]) -> None:
    """The refresh token, because the keys that came of it die with it."""
    issuer = Issuer()
    assert OAUTH.revoke(issuer.client, held, PUBLIC)
    assert str(issuer.asked[-1].url) == ADDRESSES["revocation_endpoint"]
    assert issuer.form == {**token, "client_id": ["app_public"]}
    issuer = Issuer()
    assert OAUTH.revoke(issuer.client, held, CONFIDENTIAL)
    assert issuer.form == token
    assert issuer.asked[-1].headers["authorization"].startswith("Basic ")


def test_an_issuer_that_takes_nothing_back_says_so() -> None:
    issuer = Issuer(addresses={k: v for k, v in ADDRESSES.items() if "revocation" not in k})
    with pytest.raises(ContractBroken, match="does not tell its addresses"):
        OAUTH.revoke(issuer.client, HELD, PUBLIC)


def test_a_token_is_renewed_before_it_ends_and_a_key_never() -> None:
    assert authorize({"api_key": "k"}, PUBLIC) == {"X-API-KEY": "k"}
    fresh = {**HELD, "renew_at": "2100-01-01T00:00:00+00:00"}
    assert authorize(fresh, PUBLIC) == {"X-API-KEY": "k-1"}
    with pytest.raises(CredentialExpired):
        authorize(HELD, PUBLIC)


@pytest.mark.parametrize(
    "claims",
    [
        {"nonce": "of another"},
        {"nonce": None},
        {"aud": "app_other"},
        {"aud": ["app_other", "app_third"]},
        {"iss": "https://evil.test"},
        {"exp": 1_600_000_000},
        {"exp": None},
    ],
)
def test_tokens_of_another_attempt_are_not_taken(claims: dict[str, Any]) -> None:
    body = {"access_token": "k-2", "refresh_token": "r-2", "id_token": id_token(**claims)}
    with pytest.raises(AccountBroken, match="of another attempt"):
        OAUTH.redeem(Issuer(tokens=body).client, PUBLIC, "c-1", ATTEMPT)


def test_an_audience_may_be_a_list() -> None:
    body = {"access_token": "k-2", "id_token": id_token(aud=["app_public", "other"])}
    tokens = OAUTH.redeem(Issuer(tokens=body).client, PUBLIC, "c-1", ATTEMPT)
    assert dict(tokens) == {"access_token": "k-2"}


@pytest.mark.parametrize("text", [None, "", "a.b", "a.!!.c", "a.bnVsbA.c", 7])
def test_no_id_token_is_another_contract(text: Any) -> None:
    body = {"access_token": "k-2", "refresh_token": "r-2", "id_token": text}
    with pytest.raises(ContractBroken, match="without an id token"):
        OAUTH.redeem(Issuer(tokens=body).client, PUBLIC, "c-1", ATTEMPT)


@pytest.mark.parametrize(
    "addresses",
    [
        httpx.Response(404),
        httpx.Response(403),
        httpx.Response(301, headers={"location": "https://elsewhere.test"}),
        httpx.Response(200, text="<html>hello</html>"),
        [],
        {**ADDRESSES, "issuer": "https://evil.test"},
        {"issuer": ISSUER},
        {**ADDRESSES, "token_endpoint": None},
    ],
)
def test_an_issuer_that_tells_no_addresses_breaks_no_account(addresses: Any) -> None:
    issuer = Issuer(addresses=addresses)
    with pytest.raises(ContractBroken, match="check BROKERAGE_REZEN_OAUTH_BASE_URL"):
        OAUTH.exchange(issuer.client, HELD, CONFIDENTIAL)
    assert len(issuer.asked) == 1


def test_a_refresh_token_goes_to_no_unsafe_address() -> None:
    issuer = Issuer(addresses={**ADDRESSES, "token_endpoint": "http://issuer.test/and/there"})
    with pytest.raises(ContractBroken, match="nothing was sent there"):
        OAUTH.exchange(issuer.client, HELD, CONFIDENTIAL)
    assert len(issuer.asked) == 1


@pytest.mark.parametrize("down", ["addresses", "tokens"])
def test_an_issuer_that_is_down_breaks_no_account(down: str) -> None:
    issuer = Issuer(**{down: httpx.Response(503)})
    with pytest.raises(RetryLater, match=r"service answered HTTP 503; try the sync again later\."):
        OAUTH.exchange(issuer.client, HELD, CONFIDENTIAL)


def test_a_refused_renewal_breaks_the_account_and_a_refused_app_does_not() -> None:
    gone = Issuer(tokens=httpx.Response(400, json={"error": "invalid_grant"}))
    with pytest.raises(AccountBroken) as broken:
        OAUTH.exchange(gone.client, HELD, CONFIDENTIAL)
    said = "reZEN does not renew the access (invalid_grant); connect the account again."
    assert broken.value.sentence == said
    unknown = Issuer(tokens=httpx.Response(401, json={"error": "invalid_client"}))
    with pytest.raises(ContractBroken, match="check BROKERAGE_REZEN_OAUTH_CLIENT_ID"):
        OAUTH.exchange(unknown.client, HELD, CONFIDENTIAL)
    with pytest.raises(ContractBroken, match="set BROKERAGE_REZEN_OAUTH_CLIENT_ID"):
        OAUTH.exchange(Issuer().client, HELD, RezenSettings(oauth_base_url=ISSUER))
