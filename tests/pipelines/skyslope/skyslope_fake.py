"""A tiny SkySlope: the login, the feed, the folders and the details of skyslope.md, for sales."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import orjson

from pipelines.skyslope.client import SkyslopeSettings
from pipelines.skyslope.source import SKYSLOPE
from tests.pipelines.in_memory import Connection

BASE = "http://skyslope.test"
KEYS = {"client_id": "cid", "client_secret": "cs", "access_key": "ak", "access_secret": "as"}
Row = dict[str, Any]


def guid(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012d}"


def sale(number: int, created: str = "2026-05-01T09:15:22.007", **members: Any) -> Row:
    return {
        "objectType": "sale",
        "saleGuid": guid(number),
        "status": "Pending",
        "createdOn": created,
        "modifiedOn": "2026-06-01T10:11:12.345",
        "fileId": f"2026-{number}",
        "url": f"https://app.example.com/f/{number}",
        **members,
    }


def refused(status: int) -> httpx.Response:
    return httpx.Response(status, json={"message": "No"})


class SkySlope:
    """`sales` are all there are; those in `left_out` are missing in the feed, those in `unlisted`
    in the folder, those in `denied` are refused by themselves. `folder` is what the folder answers
    instead, `link` where the feed goes on, `expires` the end of new sessions; `dead` are over.
    """

    def __init__(self, *sales: Row) -> None:
        self.sales = list(sales)
        self.left_out: set[str] = set()
        self.unlisted: set[str] = set()
        self.denied: set[str] = set()
        self.folder: httpx.Response | None = None
        self.most_pages = 1000
        self.shape = "array"
        self.summary = True
        self.link: str | None = None
        self.expires = (datetime.now(UTC) + timedelta(hours=2)).isoformat()
        self.sessions = 0
        self.dead: set[str] = set()
        self.slices: list[tuple[int, int]] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path, asked = request.url.path, dict(request.url.params.items())
        if path == "/auth/login":
            self.sessions += 1
            answer = {"Session": f"session-{self.sessions}", "Expiration": self.expires}
            return httpx.Response(200, json=answer)
        if request.headers["Session"] in self.dead:
            return refused(401)
        match path.split("/")[2:]:
            case ["files"]:
                return self._feed(asked)
            case ["files", "sales"]:
                return self.folder or self._folder(asked)
            case ["files", "sales", key]:
                found = next((row for row in self.sales if row["saleGuid"] == key), None)
                if found is None or key in self.denied:
                    return refused(403)
                alone = {name: v for name, v in found.items() if name not in ("fileId", "url")}
                return httpx.Response(200, json={"value": {"sale": alone}})
            case ["offices"]:
                return httpx.Response(200, json={"value": {"offices": [{"officeGuid": guid(1)}]}})
        return refused(404)

    def _feed(self, asked: dict[str, str]) -> httpx.Response:
        inside = [
            row
            for row in self.sales
            if row["saleGuid"] not in self.left_out
            and asked.get("createdAfter", "") <= row["createdOn"]
            and row["createdOn"] < asked.get("createdBefore", "9999")
            and asked.get("modifiedAfter", "") <= row["modifiedOn"]
        ]
        rows = list(inside)
        if self.summary:
            rows.append({"objectType": "summary", "numberOfSales": len(inside)})
        if self.shape == "stream":
            return httpx.Response(200, content=b",\n".join(orjson.dumps(row) for row in rows))
        linked = {"value": rows, "nextLink": self.link}
        return httpx.Response(200, json=rows if self.link is None else linked)

    def _folder(self, asked: dict[str, str]) -> httpx.Response:
        """Ten rows a page, and no page after `most_pages` (§3.3)."""
        earliest, latest, page = (
            int(asked[name]) for name in ("earliestDate", "latestDate", "pageNumber")
        )
        if page > self.most_pages:
            return refused(400)
        if page == 1:
            self.slices.append((earliest, latest))
        shown = [
            row["saleGuid"]
            for row in self.sales
            if row["saleGuid"] not in self.unlisted
            and earliest
            <= datetime.fromisoformat(row["createdOn"]).replace(tzinfo=UTC).timestamp()
            <= latest
        ]
        here = shown[(page - 1) * 10 : page * 10]
        links = [{"rel": "next"}] if page * 10 < len(shown) else []
        rows = [{"saleGuid": key, "status": "Pending"} for key in here]
        return httpx.Response(200, json={"value": {"sales": rows}, "links": links})


def connect(skyslope: SkySlope) -> Connection:
    return Connection(SKYSLOPE, skyslope, SkyslopeSettings(base_url=BASE), KEYS)
