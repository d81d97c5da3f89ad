"""``/fub/oauth/authorize`` and ``/fub/oauth/token`` (contract §1.3)."""

from __future__ import annotations

import base64
import binascii
from urllib.parse import urlencode

from sandbox.http import Query, Reply
from sandbox.world.crm import Crm
from sandbox.world.crm.grants import GrantError


def authorize(crm: Crm, query: Query) -> Reply:
    """The browser step with the click already made.

    ``agent_key`` (ours) says whose account it is, else the first; ``deny=1`` answers as if the user
    had refused.
    """
    redirect = query.get("redirect_uri")
    if query.get("response_type") != "auth_code":
        return _error("invalid_request", "response_type must be auth_code.", 400)
    if query.get("client_id") not in crm.grants.clients:
        return _error("invalid_client", "The client_id is unknown.", 401)
    if not redirect:
        return _error("invalid_request", "redirect_uri is required.", 400)
    state = query.get("state") or ""
    answer = {"response": "denied", "state": state}
    if query.get("deny") is None:
        agent_key = query.get("agent_key") or next(iter(crm.accounts))
        if agent_key not in crm.accounts:
            return _error("invalid_request", "There is no such account.", 400)
        owner = crm.accounts[agent_key].owner
        answer = {
            "response": "approved",
            "code": crm.grants.authorize(agent_key, owner.id, redirect),
            "state": state,
        }
    mark = "&" if "?" in redirect else "?"
    return Reply(302, headers=((b"location", f"{redirect}{mark}{urlencode(answer)}".encode()),))


def token(crm: Crm, method: str, authorization: str | None, query: Query, body: bytes) -> Reply:
    """Code or refresh token for a token pair; the GET form wraps it as the deprecated interface
    did.
    """
    if not _client_is_known(crm, authorization):
        return _error("invalid_client", "Client authentication failed.", 401)
    form = query if method == "GET" else Query(body.decode("utf-8", "replace"))
    switches = crm.switches
    try:
        match form.get("grant_type"):
            case "authorization_code" if not form.get("state"):
                return _error("invalid_request", "state is required.", 400)
            case "authorization_code":
                pair = crm.grants.exchange(
                    form.get("code") or "", form.get("redirect_uri"), switches.token_requests
                )
            case "refresh_token":
                pair = crm.grants.renew(
                    form.get("refresh_token") or "",
                    rotate=switches.rotate,
                    uses=switches.token_requests,
                )
            case None:
                return _error("invalid_request", "grant_type is required.", 400)
            case _:
                return _error("unsupported_grant_type", "The grant_type is not supported.", 400)
    except GrantError as error:
        return _error(error.code, str(error), 400)
    if method == "GET":
        issued = int(crm.world.now().timestamp())
        wrapped = {
            "access_token": pair["access_token"],
            "token_type": pair["token_type"],
            "refresh_token": pair["refresh_token"],
            "ttl": pair["expires_in"],
            "issued_at": issued,
            "expires_at": issued + pair["expires_in"],
        }
        return Reply.json({"success": True, "data": wrapped})
    return Reply.json(pair)


def _client_is_known(crm: Crm, authorization: str | None) -> bool:
    scheme, _, text = (authorization or "").partition(" ")
    if scheme.lower() != "basic":
        return False
    try:
        client, _, secret = base64.b64decode(text).decode("latin-1").partition(":")
    except binascii.Error:
        return False
    return crm.grants.clients.get(client) == secret


def _error(code: str, description: str, status: int) -> Reply:
    return Reply.json({"error": code, "error_description": description}, status)
