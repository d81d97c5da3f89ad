"""keymaker-oauth as the contract describes it (§2.3): what it demands, and what it takes away."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from typing import Any

import httpx
import orjson
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from sandbox.box import Sandbox

ISSUER = "/rezen/keymaker-oauth"
ME = "/rezen/yenta/api/v1/users/me"
HERE = "https://here.example.com/back"
VERIFIER = "v" * 50
ASKED = {
    "response_type": "code",
    "client_id": "app_sandbox_confidential",
    "redirect_uri": HERE,
    "scope": "openid profile email real.identity ACCOUNT_READ",
    "state": "s-1",
    "nonce": "n-1",
    "code_challenge": base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest())
    .rstrip(b"=")
    .decode(),
    "code_challenge_method": "S256",
    "agent_key": "ada-sample",
}
# the secret "sandbox:rezen/secret+1", form-encoded
APP = ("app_sandbox_confidential", "sandbox%3Arezen%2Fsecret%2B1")

Token = Callable[..., httpx.Response]


@pytest.fixture
def told(http: httpx.Client) -> dict[str, Any]:
    body: dict[str, Any] = http.get(f"{ISSUER}/.well-known/openid-configuration").json()
    return body


@pytest.fixture
def token(http: httpx.Client, told: dict[str, Any]) -> Token:
    def send(auth: tuple[str, str] | None = APP, **form: str) -> httpx.Response:
        return http.post(told["token_endpoint"], data=form, auth=auth)

    return send


def consent(http: httpx.Client, told: dict[str, Any], **other: str) -> dict[str, str]:
    """What the browser comes back with."""
    answer = http.get(told["authorization_endpoint"], params={**ASKED, **other})
    assert answer.status_code == 302, answer.text
    return dict(httpx.URL(answer.headers["location"]).params)


def redeem(token: Token, code: str, **other: Any) -> httpx.Response:
    form = {"code": code, "redirect_uri": HERE, "code_verifier": VERIFIER, **other}
    return token(grant_type="authorization_code", **form)


def renew(token: Token, refresh_token: str, **other: Any) -> httpx.Response:
    return token(grant_type="refresh_token", refresh_token=refresh_token, **other)


@pytest.fixture
def granted(http: httpx.Client, told: dict[str, Any], token: Token) -> dict[str, Any]:
    body: dict[str, Any] = redeem(token, consent(http, told)["code"]).json()
    return body


def works(http: httpx.Client, key: str) -> bool:
    return http.get(ME, headers={"X-API-KEY": key}).status_code == 200


def part(jwt: str, number: int) -> Any:
    text = jwt.split(".")[number]
    return orjson.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))


def test_the_answer_to_consent_says_whose_it_is(
    http: httpx.Client, box: Sandbox, told: dict[str, Any]
) -> None:
    assert told["issuer"] == f"{box.url}{ISSUER}"
    answer = consent(http, told)
    assert (answer["state"], answer["iss"]) == ("s-1", told["issuer"])
    box.mutate({"op": "rezen.switch", "name": "authorize", "value": "deny"})
    assert consent(http, told)["error"] == "access_denied"


@pytest.mark.parametrize("missing", ["state", "nonce", "code_challenge", "code_challenge_method"])
def test_consent_wants_all_that_protects_it(
    http: httpx.Client, told: dict[str, Any], missing: str
) -> None:
    assert consent(http, told, **{missing: ""})["error"] == "invalid_request"
    assert consent(http, told, scope="ACCOUNT_READ")["error"] == "invalid_scope"


def test_an_access_token_is_a_key_of_its_agent(
    http: httpx.Client, box: Sandbox, told: dict[str, Any], granted: dict[str, Any]
) -> None:
    ada = box.accounts[0]
    assert granted["expires_in"] == 43_200
    answer = http.get(ME, headers={"X-API-KEY": granted["access_token"]})
    assert answer.json()["id"] == ada["rezen"]["yenta_id"]
    bearer = {"Authorization": f"Bearer {granted['access_token']}"}
    assert http.get(ME, headers=bearer).status_code == 403
    assert http.get(told["userinfo_endpoint"], headers=bearer).json()["email_verified"] is True


def test_the_id_token_is_signed_for_this_attempt(
    http: httpx.Client, box: Sandbox, told: dict[str, Any], granted: dict[str, Any]
) -> None:
    head, claims = part(granted["id_token"], 0), part(granted["id_token"], 1)
    assert claims["nonce"] == "n-1"
    assert claims["aud"] == "app_sandbox_confidential"
    assert claims["iss"] == told["issuer"]
    assert claims["yentaId"] == box.accounts[0]["rezen"]["yenta_id"]
    assert claims["exp"] - claims["iat"] == 43_200
    [key] = http.get(told["jwks_uri"]).json()["keys"]
    assert (head["alg"], head["kid"]) == ("RS256", key["kid"])
    n, e = (
        int.from_bytes(base64.urlsafe_b64decode(key[name] + "=" * (-len(key[name]) % 4)), "big")
        for name in ("n", "e")
    )
    signed, _, proof = granted["id_token"].rpartition(".")
    public = rsa.RSAPublicNumbers(e, n).public_key()
    signature = base64.urlsafe_b64decode(proof + "==")
    public.verify(signature, signed.encode(), padding.PKCS1v15(), hashes.SHA256())
    with pytest.raises(InvalidSignature):
        public.verify(signature, b"other", padding.PKCS1v15(), hashes.SHA256())


def test_a_code_works_once_and_with_its_verifier_only(
    http: httpx.Client, told: dict[str, Any], token: Token
) -> None:
    for wrong in ({"code_verifier": "w" * 50}, {"redirect_uri": "https://elsewhere.example.com"}):
        refused = redeem(token, consent(http, told)["code"], **wrong)
        assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")
    code = consent(http, told)["code"]
    assert redeem(token, code).status_code == 200
    assert redeem(token, code).json()["error"] == "invalid_grant"


@pytest.mark.parametrize(
    "auth", [None, ("app_sandbox_confidential", "wrong"), (APP[0], "sandbox:rezen/secret 1")]
)
def test_a_confidential_app_proves_itself(
    http: httpx.Client, told: dict[str, Any], token: Token, auth: tuple[str, str] | None
) -> None:
    refused = redeem(token, consent(http, told)["code"], auth=auth)
    assert (refused.status_code, refused.json()["error"]) == (401, "invalid_client")


def test_a_public_app_names_itself_in_the_form(
    http: httpx.Client, told: dict[str, Any], token: Token
) -> None:
    public = {"client_id": "app_sandbox_public"}
    code = consent(http, told, **public)["code"]
    granted = redeem(token, code, auth=None, **public).json()
    assert part(granted["id_token"], 1)["aud"] == "app_sandbox_public"
    assert renew(token, granted["refresh_token"]).json()["error"] == "invalid_grant", (
        "another app's"
    )
    assert renew(token, granted["refresh_token"], auth=None, **public).status_code == 200


def test_a_refresh_token_shown_twice_ends_all_that_descends_from_it(
    http: httpx.Client, token: Token, granted: dict[str, Any]
) -> None:
    second = renew(token, granted["refresh_token"]).json()
    assert second["refresh_token"] != granted["refresh_token"]
    assert works(http, second["access_token"])
    assert renew(token, granted["refresh_token"]).json()["error"] == "invalid_grant"
    assert not works(http, second["access_token"])
    assert not works(http, granted["access_token"])
    assert renew(token, second["refresh_token"]).json()["error"] == "invalid_grant"


def test_a_revoked_refresh_token_takes_its_keys_along(
    http: httpx.Client, told: dict[str, Any], token: Token, granted: dict[str, Any]
) -> None:
    form = {"token": granted["refresh_token"]}
    assert http.post(told["revocation_endpoint"], data=form, auth=APP).status_code == 200
    refused = http.get(ME, headers={"X-API-KEY": granted["access_token"]})
    assert (refused.status_code, refused.content) == (403, b"")
    assert renew(token, granted["refresh_token"]).status_code == 400


def test_a_token_ends_and_a_grant_is_withdrawn(http: httpx.Client, box: Sandbox) -> None:
    own = box.account("ada-sample", "rezen")["oauth"]
    assert works(http, own["access_token"])
    box.mutate({"op": "rezen.expire_token", "agent_key": "ada-sample"})
    assert not works(http, own["access_token"])
    box.mutate({"op": "rezen.revoke_grant", "agent_key": "ben-example"})
    assert not works(http, box.account("ben-example", "rezen")["oauth"]["access_token"])
    with pytest.raises(ValueError, match="no switch 'rotate'"):
        box.mutate({"op": "rezen.switch", "name": "rotate", "value": False})
    with pytest.raises(ValueError, match=r"no change 'rezen\.nothing'"):
        box.mutate({"op": "rezen.nothing"})
