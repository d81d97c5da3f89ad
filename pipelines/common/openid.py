"""What OpenID Connect adds to OAuth: addresses that the issuer tells, and proof of the attempt.

An id token's signature is not looked at: it comes from the token endpoint itself, over TLS, which
stands for it (OpenID Connect Core §3.1.3.7). Whose account it is, the vendor's API tells.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal
from urllib.parse import urlsplit

import httpx
import orjson

from pipelines.common.errors import AccountBroken, ContractBroken
from pipelines.common.oauth import ask_sign_in

DISCOVERY = "/.well-known/openid-configuration"


def discover(
    client: httpx.Client,
    issuer: str,
    endpoint: Literal["authorization_endpoint", "token_endpoint", "revocation_endpoint"],
    *,
    title: str,
    setting: str,
) -> str:
    """The address of an endpoint, as the issuer tells it now.

    Raises `RetryLater` if the issuer cannot answer now, `ContractBroken`, which names the
    `setting`, if it is none: neither says anything about an account.
    """
    response = ask_sign_in(
        lambda: client.get(f"{issuer}{DISCOVERY}", headers={"Accept": "application/json"}),
        f"{title}'s sign-in service",
    )
    told = _object(response.content) if response.is_success else {}
    address = told.get(endpoint)
    if str(told.get("issuer", "")).rstrip("/") != issuer or not isinstance(address, str):
        raise ContractBroken(
            f"{title}'s sign-in service does not tell its addresses (HTTP "
            f"{response.status_code}); check {setting}."
        )
    if urlsplit(address).scheme != urlsplit(issuer).scheme:
        # the app's secret and the refresh token go there
        raise ContractBroken(
            f"{title}'s sign-in service tells an address that is not as safe as its own; nothing "
            f"was sent there, ask {title} about it."
        )
    return address


def must_answer(id_token: Any, *, issuer: str, client_id: str, nonce: str, title: str) -> None:
    """Raises `AccountBroken` if the token is not for this app and this attempt, or is over;
    `ContractBroken` if it is none.
    """
    claims = _claims(id_token)
    if not claims:
        raise ContractBroken(
            f"{title}'s token service answered without an id token; compare its documentation."
        )
    audience = claims.get("aud")
    expires = claims.get("exp")
    if (
        str(claims.get("iss", "")).rstrip("/") != issuer
        or client_id not in (audience if isinstance(audience, list) else [audience])
        or claims.get("nonce") != nonce
        or not isinstance(expires, int | float)
        or expires <= datetime.now(UTC).timestamp()
    ):
        raise AccountBroken(
            f"{title} answered with the access of another attempt; connect the account again."
        )


def _claims(id_token: Any) -> Mapping[str, Any]:
    """The claims of a JWT, empty if it is none."""
    if not isinstance(id_token, str) or id_token.count(".") != 2:
        return {}
    payload = id_token.split(".")[1]
    try:
        return _object(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except ValueError:
        return {}


def _object(text: bytes) -> Mapping[str, Any]:
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}
