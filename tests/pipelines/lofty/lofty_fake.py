"""A tiny Lofty: the envelopes, cursors and refusals of lofty.md, in dictionaries."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import httpx

from pipelines.common.reading import Reading
from pipelines.lofty.client import LoftySettings
from pipelines.lofty.source import LOFTY
from pipelines.lofty.webhooks import WEBHOOKS
from tests.pipelines.in_memory import Connection, Outcome

Row = dict[str, Any]
ADMIN: Row = {
    "id": 1207, "memberUserId": 90210, "teamId": 880001, "roleName": "Company Owner",
    "isAdmin": True, "firstName": "Ona", "lastName": "Demo", "email": "ona@example.com",
}  # fmt: skip
AGENT: Row = {**ADMIN, "id": 1208, "roleName": "Agent", "isAdmin": False, "firstName": "Ari"}
FIRST_LEAD = 730_000_000_000_101


def lead(number: int, **members: Any) -> Row:
    """A lead; a higher number is a newer one."""
    return {
        "leadId": FIRST_LEAD + number,
        "firstName": f"Mira {number}",
        "createTime": f"2026-01-01T{number // 60 % 24:02}:{number % 60:02}:00GMT",
        "lastUpdateTime": "2026-02-01T10:00:00GMT",
        "lastTouch": None,
        "lastVisit": "",
        **members,
    }


class Lofty:
    """`cap` is the largest page that is given; `forget_scrolls` refuses every cursor once."""

    def __init__(self, *leads: Row) -> None:
        self.me: Row | httpx.Response = ADMIN
        self.leads: list[Row] = list(leads)
        self.hidden: set[int] = set()
        self.trash: set[int] = set()
        self.metadata = "_metadata"
        self.cap = 100
        self.most_members = 100
        self.scrolls = True
        self.total_more = 0
        self.forget_scrolls = False
        self.lists: dict[str, Any] = {}
        self.communications: list[Row] = []
        self.team_view = True
        self.transactions: list[Row] = []
        self.slipped: set[int] = set()
        self.per_lead: dict[str, dict[str, Any]] = {"v1.0/calls": {}, "v1.0/systemLogs": {}}
        self.splits: dict[int, Row] = {}
        self.broken: dict[str, httpx.Response] = {}

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path.lstrip("/")
        params = dict(request.url.params.items())
        if path in self.broken:
            return self.broken[path]
        if path == "v1.0/me":
            return self.me if isinstance(self.me, httpx.Response) else ok(self.me)
        if path == "v1.0/leads":
            return self._leads(params)
        if path.startswith("v1.0/leads/") and path.endswith("/activities"):
            return self._activities(path.split("/")[2], int(params["curPage"]))
        if path.startswith("v1.0/leads/") and path.endswith("/transactions"):
            return self._commissions(int(path.split("/")[2]))
        if path == "v1.0/calls":
            return self._calls(params)
        if path == "v1.0/systemLogs":
            return self._system_logs(params)
        if path.startswith("v1.0/leads/"):
            return self._lead(int(path.split("/")[2]), params)
        if path == "v1.0/members":
            return self._members(params)
        if path == "v2.0/communication/agent":
            return self._communications(params)
        if path == "v2.0/transactions":
            return self._transactions(params)
        if path in self.per_lead:
            return ok(self.per_lead[path].get(params["leadId"], []))
        if path in self.lists:
            return ok(self.lists[path])
        return refused(404, "NOT_FOUND")

    # -- leads ---------------------------------------------------------------------------------

    def _leads(self, params: dict[str, str]) -> httpx.Response:
        limit = int(params.get("limit", "25"))
        if not 1 <= limit <= 100:
            return refused(400, 20042)
        rows = [row for row in self.leads if row["leadId"] not in self.hidden]
        order = {"CreateTime": "createTime", "LastActivity": "lastVisit"}.get(
            params.get("sort", "")
        )
        rows.sort(key=lambda row: str(row.get(order or "leadId") or ""), reverse=True)
        at = int(params.get("offset", "0"))
        if "scrollId" in params:
            if self.forget_scrolls:
                self.forget_scrolls = False
                return refused(400, 20012)
            at = int(params["scrollId"].removeprefix("scroll-"))
        page = rows[at : at + min(limit, self.cap)]
        meta: Row = {
            "collection": "leads", "limit": min(limit, self.cap), "offset": at,
            "total": len(rows) + self.total_more,
        }  # fmt: skip
        if self.scrolls and at + len(page) < len(rows):
            meta["scrollId"] = f"scroll-{at + len(page)}"
        return ok({self.metadata: meta, "leads": page})

    def _lead(self, key: int, params: dict[str, str]) -> httpx.Response:
        if key in self.trash:
            found = params.get("withTrash") == "true"
            return ok({"lead": {"leadId": key}}) if found else refused(404, 20006)
        if any(row["leadId"] == key for row in self.leads):
            return ok({"lead": {"leadId": key}})
        return refused(404, 20006)

    def _activities(self, key: str, page: int) -> httpx.Response:
        rows = self.per_lead["activities"].get(key, [])
        return ok(rows[page * 100 : page * 100 + 100])

    def _calls(self, params: dict[str, str]) -> httpx.Response:
        rows = self.per_lead["v1.0/calls"].get(params["leadId"], [])
        at, limit = int(params["offset"]), min(int(params["limit"]), self.cap)
        meta = {"collection": "call", "limit": limit, "offset": at, "total": len(rows)}
        return ok({self.metadata: meta, "calls": rows[at : at + limit]})

    def _system_logs(self, params: dict[str, str]) -> httpx.Response:
        rows = self.per_lead["v1.0/systemLogs"].get(params["leadId"], [])
        size = min(int(params["pageSize"]), self.cap)
        at = int(params["pageNumber"]) * size
        return ok({"hasMore": int(at + size < len(rows)), "timeLines": rows[at : at + size]})

    def _commissions(self, lead: int) -> httpx.Response:
        if all(row["leadId"] != lead for row in self.leads):
            return refused(404, 20006)
        deals = [row for row in self.transactions if row.get("leadId") == lead]
        none = {"preSplit": [], "split": [], "postSplit": []}
        return ok([{**row, "commissions": self.splits.get(row["transactionId"], none)}
                   for row in deals])  # fmt: skip

    # -- the others ----------------------------------------------------------------------------

    def _members(self, params: dict[str, str]) -> httpx.Response:
        limit, at = int(params.get("limit", "25")), int(params.get("offset", "0"))
        if limit > self.most_members:
            return refused(400, "LIMIT_PARAM_OVERSIZE")
        rows = self.lists.get("members", [])
        if at >= len(rows):
            return refused(404, 20003)
        meta = {"collection": "members", "limit": limit, "offset": at, "total": len(rows)}
        return ok({self.metadata: meta, "members": rows[at : at + limit]})

    def _communications(self, params: dict[str, str]) -> httpx.Response:
        if params.get("teamView") == "true" and not self.team_view:
            return refused(400, 20017)
        start, end = int(params["startTime"]), int(params["endTime"])
        if end - start > 90 * 86_400_000:
            return refused(400, 20012)
        rows = [row for row in self.communications if start <= row["communicationTime"] <= end]
        at, limit = int(params.get("cursor", "0")), min(int(params["limit"]), self.cap)
        page = rows[at : at + limit]
        # a full last page is followed by an empty one
        following = str(at + limit) if len(page) == limit else None
        return ok(
            {
                "data": page, "nextCursor": following, "hasMore": following is not None,
                "limit": limit, "totalCount": len(rows),
            }
        )  # fmt: skip

    def _transactions(self, params: dict[str, str]) -> httpx.Response:
        rows = self.transactions
        if params.get("transactionType") != "All":
            rows = [row for row in rows if row["transactionType"] == "Purchase"]
        if "leadId" in params:
            rows = [row for row in rows if str(row.get("leadId")) == params["leadId"]]
        size, number = min(int(params["pageSize"]), self.cap), int(params["pageNum"])
        page = rows[number * size : number * size + size]
        if "leadId" not in params:
            page = [row for row in page if row["transactionId"] not in self.slipped]
        return ok({"pageNum": number, "pageSize": size, "totalCount": len(rows), "pageData": page})


def ok(body: Any) -> httpx.Response:
    return httpx.Response(200, json=body)


def refused(status: int, code: int | str) -> httpx.Response:
    return httpx.Response(status, json={"code": code, "message": "no"})


def connect(lofty: Any, *, lead_details: bool = True, team: str | None = None) -> Connection:
    """One account with an admin's key."""
    settings = LoftySettings(base_url="http://lofty.test", lead_details=lead_details)
    return Connection(LOFTY, lofty, settings, {"api_key": "key-demo"}, team)


def told(connection: Connection, name: str, *keys: str) -> Outcome:
    """Read records that webhooks named. As in the engine, no later reading builds on it."""

    def read(reading: Reading) -> Iterator[Sequence[Row]]:
        reading.wanted = frozenset(keys)
        yield from WEBHOOKS.readers[name](reading)

    pulled, marks = connection.vendor, dict(connection.warehouse.marks)
    entities = tuple(replace(e, read=read) if e.name == name else e for e in pulled.entities)
    connection.vendor = replace(pulled, entities=entities)
    try:
        return connection.read(name)
    finally:
        connection.vendor, connection.warehouse.marks = pulled, marks
