"""A tiny Dotloop: one person, profiles, loops in batches, and a token service."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl

import httpx
from pydantic import SecretStr

from pipelines.dotloop.client import DotloopSettings
from pipelines.dotloop.source import DOTLOOP
from tests.pipelines.in_memory import Connection

START = datetime(2026, 6, 15, 10, tzinfo=UTC)
ME = {"id": 90001, "firstName": "Ada", "lastName": "Sample", "email": "ada@example.com"}
SETTINGS = DotloopSettings(
    base_url="http://dotloop.test/v2",
    auth_base_url="http://auth.dotloop.test/oauth",
    client_id="the-app",
    client_secret=SecretStr("its-secret"),
    activities=True,
)


def stamp(minutes: float = 0) -> str:
    return (START + timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%SZ")


def a_loop(key: int, minutes: float, **more: Any) -> dict[str, Any]:
    return {"id": key, "name": f"Loop {key}", "updated": stamp(minutes), **more}


class Dotloop:
    """Keeps to sort and filter unless told otherwise; caps are applied without a word."""

    def __init__(self) -> None:
        self.profiles: list[dict[str, Any]] = [{"id": 42}]
        self.loops: dict[int, list[dict[str, Any]]] = {42: []}
        self.people: dict[int, list[dict[str, Any]]] = {}
        self.activities: dict[int, list[dict[str, Any]]] = {}
        self.contacts: list[dict[str, Any]] = []
        self.merged: dict[int, int] = {}
        # in front of where a merged loop is said to be
        self.host = ""
        # answers about single loops that are no object
        self.odd: dict[int, Any] = {}
        self.refuses: set[str] = set()
        self.down: set[str] = set()
        self.cap = self.activity_cap = 100
        self.contact_cap = 50
        self.ignores: set[str] = set()
        self.before_batch: Callable[[int], None] = lambda _asked: None
        self.before_contacts: Callable[[int], None] = lambda _asked: None
        self.batches_asked = self.contacts_asked = 0
        self.token = "fresh-0"
        self.grants = {"grant"}
        self.renewals = 0
        self.lock = threading.Lock()

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.host == "auth.dotloop.test":
            return self._renew(request)
        if request.headers["Authorization"] != f"Bearer {self.token}":
            body = {"error": "invalid_token", "error_description": "Ada Sample's token is over"}
            return httpx.Response(401, json=body)
        path = request.url.path.removeprefix("/v2")
        if path in self.down:
            return httpx.Response(503)
        if path in self.refuses:
            return httpx.Response(403, json={"message": "Ada Sample may not"})
        return self._answer(path, request)

    def _renew(self, request: httpx.Request) -> httpx.Response:
        params = dict(parse_qsl(request.url.query.decode()))
        assert request.url.path == "/oauth/token"
        assert params["grant_type"] == "refresh_token"
        assert not request.content
        if request.headers["Authorization"] != "Basic dGhlLWFwcDppdHMtc2VjcmV0":
            return httpx.Response(401, json={"error": "invalid_client"})
        if params["refresh_token"] not in self.grants:
            return httpx.Response(400, json={"error": "invalid_grant"})
        with self.lock:
            self.renewals += 1
            self.token = f"fresh-{self.renewals}"
        return httpx.Response(
            200,
            json={
                "access_token": self.token,
                "token_type": "Bearer",
                "refresh_token": params["refresh_token"],
                "expires_in": 43199,
                "scope": "account:read, loop:read",
            },
        )

    def _answer(self, path: str, request: httpx.Request) -> httpx.Response:
        match path.strip("/").split("/"):
            case ["account"]:
                return httpx.Response(200, json={"data": ME})
            case ["profile"]:
                return _list(self.profiles, len(self.profiles))
            case ["profile", key]:
                return _one(self.profiles, int(key))
            case ["profile", profile, "loop"]:
                return self._loops(self.loops[int(profile)], request)
            case ["profile", profile, "loop", key, *rest] if int(key) in self.merged:
                moved = [f"{self.host}/v2/profile/{profile}/loop/{self.merged[int(key)]}", *rest]
                return httpx.Response(301, headers={"Location": "/".join(moved)})
            case ["profile", _, "loop", key] if int(key) in self.odd:
                return httpx.Response(200, json={"data": self.odd[int(key)]})
            case ["profile", profile, "loop", key]:
                return _one(self.loops[int(profile)], int(key), "details")
            case ["profile", profile, "loop", key, "detail"]:
                [row] = [row for row in self.loops[int(profile)] if row["id"] == int(key)]
                return httpx.Response(200, json={"data": row.get("details", {})})
            case ["profile", _, "loop", key, "participant"]:
                rows = self.people.get(int(key))
                return httpx.Response(404) if rows is None else _list(rows, len(rows))
            case ["profile", _, "loop", key, "activity"]:
                rows = self.activities.get(int(key), [])
                return _list(_batch(rows, request, self.activity_cap), -1)
            case ["contact"]:
                return self._contacts(request)
            case ["contact", key]:
                return _one(self.contacts, int(key))
        return httpx.Response(404)

    def _loops(self, rows: list[dict[str, Any]], request: httpx.Request) -> httpx.Response:
        self.batches_asked += 1
        self.before_batch(self.batches_asked)
        rows = [row for row in rows if not row.get("hidden")]
        rows = self._filtered(rows, request)
        if request.url.params.get("sort") == "updated:asc" and "sort" not in self.ignores:
            rows = sorted(rows, key=lambda row: (row["updated"], row["id"]))
        return _list(_batch(rows, request, self.cap), 0)

    def _contacts(self, request: httpx.Request) -> httpx.Response:
        if "filter" in request.url.params and "refuse filter" in self.ignores:
            return httpx.Response(400)
        self.contacts_asked += 1
        self.before_contacts(self.contacts_asked)
        return _list(_batch(self._filtered(self.contacts, request), request, self.contact_cap), 7)

    def _filtered(self, rows: list[dict[str, Any]], request: httpx.Request) -> list[dict[str, Any]]:
        wanted = request.url.params.get("filter", "")
        if not wanted or "filter" in self.ignores:
            return rows
        name, _, bound = wanted.partition("=")
        assert name == "updated_min"
        exclusive = "inclusive" in self.ignores
        return [
            row
            for row in rows
            if (row["updated"] or "") > bound or (row["updated"] == bound and not exclusive)
        ]


def _list(rows: list[dict[str, Any]], total: int) -> httpx.Response:
    return httpx.Response(200, json={"meta": {"total": total}, "data": rows})


def _one(rows: list[dict[str, Any]], key: int, *without: str) -> httpx.Response:
    for row in rows:
        if row["id"] == key:
            shown = {name: value for name, value in row.items() if name not in without}
            return httpx.Response(200, json={"data": shown})
    return httpx.Response(404)


def _batch(rows: list[dict[str, Any]], request: httpx.Request, cap: int) -> list[dict[str, Any]]:
    number = int(request.url.params["batch_number"])
    size = min(int(request.url.params["batch_size"]), cap)
    return rows[(number - 1) * size : number * size]


def connect(dotloop: Dotloop, **more: Any) -> Connection:
    """Ada's connection to it, with the token in force."""
    more.setdefault("credentials", {"access_token": dotloop.token, "refresh_token": "grant"})
    more.setdefault("account_source_id", "90001")
    return Connection(DOTLOOP, dotloop, SETTINGS, **more)
