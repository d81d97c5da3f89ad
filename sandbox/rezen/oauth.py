"""``/rezen/keymaker-oauth/...``, an OpenID Connect issuer (contract §2.3).

Its paths are the sandbox's own: a client has to read them from the discovery document.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from functools import cache
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import unquote_plus, urlencode

import orjson
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from sandbox.http import Call, Query, Reply, Scope, header
from sandbox.rezen.grants import (
    CLIENT_SECRET,
    CONFIDENTIAL_ID,
    PUBLIC_ID,
    SCOPES,
    Family,
    GrantError,
)

if TYPE_CHECKING:
    from sandbox.box import Sandbox
    from sandbox.rezen.books import Books

PREFIX = "/keymaker-oauth"
KEY_ID = "sandbox-1"


class Issuer:
    """Plays the requests below ``PREFIX``."""

    def __init__(self, box: Sandbox) -> None:
        self._box = box

    @property
    def _books(self) -> Books:
        return cast("Books", self._box.books["rezen"])

    @property
    def _address(self) -> str:
        return f"{self._box.url}/rezen{PREFIX}"

    def answer(self, call: Call, scope: Scope, body: bytes) -> Reply:
        """Plays one request; forms are read from the body only."""
        form = Query(body.decode("utf-8", "replace"))
        match call.method, call.path.removeprefix(PREFIX):
            case "GET", "/.well-known/openid-configuration":
                return Reply.json(self._discovery())
            case "GET", "/oauth2/authorize":
                return self._authorize(Query(call.query))
            case "POST", "/oauth2/token":
                return self._token(call, scope, form)
            case "GET", "/oauth2/userinfo":
                return self._userinfo(call, scope)
            case "GET", "/oauth2/jwks":
                return Reply.json({"keys": [_public_key()]})
            case "POST", "/oauth2/revoke":
                return self._revoke(scope, form)
            case _:
                return _error(404, "not_found", "There is no such page.")

    def _discovery(self) -> dict[str, Any]:
        at = self._address
        return {
            "issuer": at,
            "authorization_endpoint": f"{at}/oauth2/authorize",
            "token_endpoint": f"{at}/oauth2/token",
            "userinfo_endpoint": f"{at}/oauth2/userinfo",
            "jwks_uri": f"{at}/oauth2/jwks",
            "revocation_endpoint": f"{at}/oauth2/revoke",
            "response_types_supported": ["code"],
            "grant_types_supported": ["authorization_code", "refresh_token"],
            "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "none"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "scopes_supported": list(SCOPES),
            "authorization_response_iss_parameter_supported": True,
        }

    def _authorize(self, query: Query) -> Reply:
        """The browser step with the click made already, as the switch `authorize` says.

        ``agent_key`` (ours) says who clicks, else the first agent.
        """
        client_id, redirect = query.get("client_id") or "", query.get("redirect_uri")
        if client_id not in (CONFIDENTIAL_ID, PUBLIC_ID) or not redirect:
            return _error(400, "invalid_request", "client_id or redirect_uri is not registered.")
        world = self._box.world
        agent_key = query.get("agent_key") or world.key_of(world.connected[0].id)
        told = {"state": query.get("state") or "", "iss": self._address}
        asked = (query.get("scope") or "").split()
        if (
            query.get("response_type") != "code"
            or query.get("code_challenge_method") != "S256"
            or not all(query.get(name) for name in ("code_challenge", "state", "nonce"))
        ):
            told["error"] = "invalid_request"
        elif "openid" not in asked or not set(asked) <= set(SCOPES):
            told["error"] = "invalid_scope"
        elif self._books.switches["authorize"] != "approve":
            told["error"] = "access_denied"
        else:
            told["code"] = self._books.grants.authorize(
                agent_key,
                client_id,
                redirect,
                query.get("code_challenge") or "",
                query.get("nonce") or "",
            )
        mark = "&" if "?" in redirect else "?"
        return Reply(302, headers=((b"location", f"{redirect}{mark}{urlencode(told)}".encode()),))

    def _token(self, call: Call, scope: Scope, form: Query) -> Reply:
        client_id = _client_of(scope, form)
        if client_id is None:
            return _error(401, "invalid_client", "Client authentication failed.")
        grants = self._books.grants
        try:
            match form.get("grant_type"):
                case "authorization_code":
                    family = grants.exchange(
                        form.get("code") or "",
                        client_id,
                        form.get("redirect_uri") or "",
                        form.get("code_verifier") or "",
                    )
                case "refresh_token":
                    family = grants.refresh(form.get("refresh_token") or "", client_id)
                case _:
                    return _error(400, "unsupported_grant_type", "The grant_type is not supported.")
        except GrantError as error:
            return _error(400, error.code, str(error))
        call.account = family.agent_key
        return Reply.json(
            {
                "access_token": family.access,
                "token_type": "Bearer",
                "expires_in": int(self._books.switches["expires_in"]),
                "refresh_token": family.refresh,
                "scope": " ".join(SCOPES),
                "id_token": self._id_token(family),
            },
            headers=((b"cache-control", b"no-store"),),
        )

    def _claims(self, family: Family) -> dict[str, Any]:
        agent = self._box.world.agent_by_key(family.agent_key)
        return {
            "iss": self._address,
            "aud": family.client_id,
            "sub": agent.keymaker_id,
            "name": agent.full_name,
            "email": agent.email,
            "yentaId": agent.id,
        }

    def _id_token(self, family: Family) -> str:
        ends = int(family.told.timestamp())
        issued = ends - int(self._books.switches["expires_in"])
        claims = {**self._claims(family), "iat": issued, "exp": ends}
        nonce = family.nonce if self._books.switches["nonce"] == "same" else "of-another-attempt"
        if family.nonce:
            claims["nonce"] = nonce
        head = {"alg": "RS256", "typ": "JWT", "kid": KEY_ID}
        signed = b".".join(_base64(orjson.dumps(part)) for part in (head, claims))
        proof = _key().sign(signed, padding.PKCS1v15(), hashes.SHA256())
        return b".".join((signed, _base64(proof))).decode()

    def _userinfo(self, call: Call, scope: Scope) -> Reply:
        scheme, _, token = (header(scope, b"authorization") or "").partition(" ")
        family = self._books.grants.of_key(token)
        if scheme.lower() != "bearer" or family is None:
            return _error(401, "invalid_token", "The access token is unknown or expired.")
        call.account = family.agent_key
        return Reply.json({**self._claims(family), "email_verified": True})

    def _revoke(self, scope: Scope, form: Query) -> Reply:
        if _client_of(scope, form) is None:
            return _error(401, "invalid_client", "Client authentication failed.")
        self._books.grants.revoke(form.get("token") or "")
        return Reply()


def _client_of(scope: Scope, form: Query) -> str | None:
    """The client's id, None if it does not prove itself: the secret as Basic, both form-encoded;
    a public one names itself in the form.
    """
    scheme, _, text = (header(scope, b"authorization") or "").partition(" ")
    if scheme.lower() == "basic":
        try:
            name, _, secret = base64.b64decode(text, validate=True).decode("latin-1").partition(":")
        except binascii.Error:
            return None
        given = unquote_plus(secret).encode()
        known = unquote_plus(name) == CONFIDENTIAL_ID
        right = hmac.compare_digest(given, CLIENT_SECRET.encode())
        return CONFIDENTIAL_ID if known and right else None
    return PUBLIC_ID if form.get("client_id") == PUBLIC_ID else None


@cache
def _key() -> rsa.RSAPrivateKey:
    """The signing key of this process."""
    return rsa.generate_private_key(public_exponent=65_537, key_size=2048)


def _public_key() -> dict[str, str]:
    numbers = _key().public_key().public_numbers()
    return {
        "kty": "RSA",
        "use": "sig",
        "alg": "RS256",
        "kid": KEY_ID,
        "n": _base64(numbers.n.to_bytes(256, "big")).decode(),
        "e": _base64(numbers.e.to_bytes(3, "big")).decode(),
    }


def _base64(raw: bytes) -> bytes:
    return base64.urlsafe_b64encode(raw).rstrip(b"=")


def _error(status: int, code: str, description: str) -> Reply:
    return Reply.json({"error": code, "error_description": description}, status)
