"""``/dotloop/oauth/authorize``, ``/token`` and ``/token/revoke`` (contract §1)."""

from __future__ import annotations

import base64
import binascii
import hmac
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from sandbox.dotloop.grants import CLIENT_ID, CLIENT_SECRET, GrantError
from sandbox.http import HTML, Call, Query, Reply, Scope, header

if TYPE_CHECKING:
    from sandbox.dotloop.books import Books


def answer(books: Books, call: Call, scope: Scope) -> Reply:
    """Plays one request below ``/oauth``. Parameters are read from the query only."""
    query = Query(call.query)
    match call.method, call.path.rstrip("/"):
        case "GET", "/oauth/authorize":
            return _authorize(books, query)
        case "POST", "/oauth/token":
            return _token(books, call, scope, query)
        case "POST", "/oauth/token/revoke":
            return _revoke(books, call, scope, query)
        case _:
            return _error(404, "not_found", "There is no such page.")


def _authorize(books: Books, query: Query) -> Reply:
    """The browser step with the click made already, as the switch `authorize` says.

    ``agent_key`` (ours) says who clicks, else the first account.
    """
    redirect = query.get("redirect_uri")
    if query.get("response_type") != "code" or not redirect:
        return _error(400, "invalid_request", "response_type=code and redirect_uri are required.")
    if query.get("client_id") != CLIENT_ID:
        return _error(401, "invalid_client", "The client_id is unknown.")
    agent_key = query.get("agent_key") or next(iter(books.accounts))
    if agent_key not in books.accounts:
        return _error(400, "invalid_request", "There is no such account.")
    state = query.get("state") or ""
    told = {"state": state}
    if books.switches["authorize"] == "approve":
        told["code"] = books.grants.code(agent_key, redirect, state)
    elif query.get("redirect_on_deny") == "true":
        told["error"] = "access_denied"
    else:
        return Reply(200, b"<html><body><h1>Access denied</h1></body></html>", HTML)
    mark = "&" if "?" in redirect else "?"
    return Reply(302, headers=((b"location", f"{redirect}{mark}{urlencode(told)}".encode()),))


def _token(books: Books, call: Call, scope: Scope, query: Query) -> Reply:
    if not _client_is_known(scope):
        return _error(401, "invalid_client", "Client authentication failed.")
    grants = books.grants
    try:
        match query.get("grant_type"):
            case "authorization_code":
                code, state = query.get("code") or "", query.get("state") or ""
                grant = grants.exchange(code, query.get("redirect_uri"), state)
            case "refresh_token":
                grant = grants.refresh(query.get("refresh_token") or "")
            case None:
                return _error(400, "invalid_request", "grant_type is required in the query.")
            case _:
                return _error(400, "unsupported_grant_type", "The grant_type is not supported.")
    except GrantError as error:
        return _error(int(books.switches["refusal_status"]), error.code, str(error))
    call.account = grant.agent_key
    return Reply.json(grants.answer(grant))


def _revoke(books: Books, call: Call, scope: Scope, query: Query) -> Reply:
    if not _client_is_known(scope):
        return _error(401, "invalid_client", "Client authentication failed.")
    grant = books.grants.revoke(query.get("token") or "")
    if grant is None:
        return _error(400, "invalid_token", "The token is unknown.")
    call.account = grant.agent_key
    return Reply()


def _client_is_known(scope: Scope) -> bool:
    scheme, _, text = (header(scope, b"authorization") or "").partition(" ")
    try:
        given = base64.b64decode(text, validate=True)
    except binascii.Error:
        return False
    known = f"{CLIENT_ID}:{CLIENT_SECRET}".encode()
    return scheme.lower() == "basic" and hmac.compare_digest(given, known)


def _error(status: int, code: str, description: str) -> Reply:
    return Reply.json({"error": code, "error_description": description}, status)
