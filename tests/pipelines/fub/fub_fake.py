"""A tiny Follow Up Boss: lists with the real envelope, keyset cursor, filters and their faults."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import httpx
from pydantic import SecretStr

from pipelines.fub.client import FubSettings
from pipelines.fub.source import FUB
from tests.pipelines.in_memory import Connection

IDENTITY = {
    "account": {"id": 70011, "name": "Northwind Realty", "owner": {"name": "Ona Demo"}},
    "user": {"id": 3, "name": "Ari Demo", "email": "ari@example.com", "role": "Broker"},
}
OWNER = {**IDENTITY, "user": {**IDENTITY["user"], "isOwner": True}}
ODD_KEYS = {"textMessages": "textmessages", "customFields": "customfields"}
DATE_FILTERS = {
    "createdAfter": "created",
    "updatedAfter": "updated",
    "lastActivityAfter": "lastActivity",
}


class Fub:
    """Lists by path. `ignored` parameters have no effect, `empty` ones let nothing through.

    `hidden` rows are not listed, `denied` ids and `refused` paths answer 403.
    """

    def __init__(self) -> None:
        self.lists: dict[str, list[dict[str, Any]]] = {"users": [{"id": 3}, {"id": 4}]}
        self.identity: Any = OWNER
        self.ignored: set[str] = set()
        self.empty: set[str] = set()
        self.hidden: Callable[[dict[str, Any], httpx.Request], bool] = lambda _row, _request: False
        self.denied: set[int] = set()
        self.refused: set[str] = set()
        self.refuse_cursor_at: int | None = None

    def __call__(self, request: httpx.Request) -> httpx.Response:
        parts = request.url.path.removeprefix("/v1/").split("/")
        if parts == ["identity"]:
            answer = self.identity
            return (
                answer if isinstance(answer, httpx.Response) else httpx.Response(200, json=answer)
            )
        if parts[0] not in self.lists:
            return httpx.Response(404, json={"errorMessage": f"unknown collection {parts[0]}"})
        if parts[0] in self.refused:
            return httpx.Response(403, json={"errorMessage": "no access"})
        if len(parts) == 2:
            return self._record(parts[0], int(parts[1]))
        return self._list(parts[0], request)

    def _record(self, path: str, key: int) -> httpx.Response:
        if key in self.denied:
            return httpx.Response(403, json={"errorMessage": "no access"})
        for row in self.lists[path]:
            if row["id"] == key:
                return httpx.Response(200, json=row)
        return httpx.Response(404, json={"errorMessage": "not found"})

    def _list(self, path: str, request: httpx.Request) -> httpx.Response:
        params = {k: v for k, v in request.url.params.items() if k not in self.ignored}
        if path == "textMessages" and "personId" not in params:
            return httpx.Response(400, json={"errorMessage": "a scope is required"})
        rows = [row for row in self.lists[path] if not self.hidden(row, request)]
        if self.empty & set(params):
            rows = []
        for name, column in DATE_FILTERS.items():
            if name in params:
                rows = [r for r in rows if (r.get(column) or "") > params[name]]
        if "personId" in params:
            rows = [row for row in rows if str(row.get("personId")) == params["personId"]]
        if "id" in params:
            rows = [row for row in rows if str(row["id"]) in params["id"].split(",")]
        if "idGreaterThan" in params:
            rows = [row for row in rows if row["id"] > int(params["idGreaterThan"])]
        if "idLessThan" in params:
            rows = [row for row in rows if row["id"] < int(params["idLessThan"])]
        return self._page(path, rows, params)

    def _page(
        self, path: str, rows: list[dict[str, Any]], params: dict[str, str]
    ) -> httpx.Response:
        total, limit = len(rows), min(int(params.get("limit", 10)), 100)
        sort = params.get("sort", "-id")
        column = sort.lstrip("-")
        rows = sorted(rows, key=lambda r: r.get(column) or "", reverse=sort.startswith("-"))
        cursor = json.loads(base64.b64decode(params["next"])) if "next" in params else {}
        if cursor and self.refuse_cursor_at == cursor.get("sinceId"):
            self.refuse_cursor_at = None
            return httpx.Response(400, json={"errorMessage": "the cursor has expired"})
        if column == "id" and "sinceId" in cursor:
            rows = [row for row in rows if row["id"] < cursor["sinceId"]]
        rows = rows[cursor.get("offset", 0) :]
        page, rest = rows[:limit], rows[limit:]
        after = {"offset": cursor.get("offset", 0) + limit}
        if column == "id" and page:
            after = {"sinceId": page[-1]["id"]}
        token = base64.b64encode(json.dumps(after).encode()).decode() if rest else None
        meta = {
            "collection": ODD_KEYS.get(path, path),
            "offset": 0,
            "limit": limit,
            "total": total,
            "next": token,
            "nextLink": None,
        }
        return httpx.Response(200, json={"_metadata": meta, ODD_KEYS.get(path, path): page})


def connect(fub: Callable[[httpx.Request], httpx.Response], **more: Any) -> Connection:
    """A connection to it with an API key."""
    more.setdefault("credentials", {"api_key": "fka_demo"})
    more.setdefault("account_source_id", "70011")
    app = FubSettings(oauth_client_id="c", oauth_client_secret=SecretStr("s"))
    return Connection(FUB, fub, app, **more)
