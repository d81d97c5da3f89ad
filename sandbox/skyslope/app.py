"""The ASGI app: the signed login, the session, the feed, the folders and the small lists."""

from __future__ import annotations

import hashlib
import hmac
import time
from base64 import b64encode
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

import orjson

from sandbox.faults import ROW, spoil_rows
from sandbox.http import (
    ASGIApp,
    Call,
    Headers,
    Query,
    Receive,
    Reply,
    Scope,
    Send,
    header,
    read_body,
    send_reply,
)
from sandbox.skyslope import wire
from sandbox.skyslope.books import CLIENT_ID, CLIENT_SECRET, Books
from sandbox.skyslope.model import CHECKLISTS, OFFICES, File

if TYPE_CHECKING:
    from sandbox.box import Sandbox

FOLDER_PAGE = 10
DEFAULT_DAYS = 7
STAMP_SECONDS = 900
KINDS = {"no_summary", "wrong_summary", "no_replica"}


class _Refused(Exception):
    def __init__(self, status: int, message: str, headers: Headers = ()) -> None:
        self.reply = Reply.json({"message": message}, status, headers)


def credential_of(scope: Scope) -> str | None:
    """The session, or at the login the access key."""
    session = header(scope, b"session")
    if session:
        return session
    scheme, _, rest = (header(scope, b"authorization") or "").partition(" ")
    return rest.partition(":")[0] if scheme.upper() == "SS" else rest or None


def build_app(box: Sandbox) -> ASGIApp:
    """SkySlope over the box's books."""
    box.limits.default("skyslope", "global", 200, 60.0)
    box.faults.register("skyslope", KINDS)
    return _App(box)


class _App:
    def __init__(self, box: Sandbox) -> None:
        self._box = box

    @property
    def _books(self) -> Books:
        return cast(Books, self._box.books["skyslope"])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        call: Call = scope["sandbox.call"]
        body = await read_body(receive)
        try:
            with self._box.lock:
                reply = self._answer(call, scope, body)
        except _Refused as refused:
            reply = refused.reply
        await send_reply(send, reply)

    def _answer(self, call: Call, scope: Scope, body: bytes) -> Reply:
        path = [part for part in call.path.split("/") if part]
        if path == ["auth", "login"]:
            return self._login(call, scope, body)
        if call.method != "GET":
            return Reply(405)
        agent_key = self._caller(call, scope)
        self._limit(agent_key)
        query = Query(call.query)
        match path:
            case ["api", "files"]:
                return self._feed(call, agent_key, query)
            case ["api", "files", "replica-timestamp"]:
                if call.fault("no_replica"):
                    raise _Refused(404, "Not found")
                told = {"replicaTimestamp": wire.at(self._replica()), "server": "replica-a"}
                wrapped = self._books.switches["replica_in_value"]
                return Reply.json({"value": told} if wrapped else told)
            case ["api", "files", ("sales" | "listings") as noun]:
                return self._folder(call, agent_key, noun, query)
            case ["api", "files", ("sales" | "listings") as noun, guid]:
                call.template = f"/api/files/{noun}/{{guid}}"
                return self._detail(agent_key, noun, guid)
            case ["api", "offices"]:
                rows = [{"officeGuid": guid, "officeName": name} for guid, name in OFFICES]
                return _value("offices", rows)
            case ["api", "users"]:
                everybody = query.get("includeDeactivated") == "true"
                people = [p for p in self._books.people.values() if everybody or p.active]
                return _value("users", [wire.user(p) for p in people])
            case ["api", "checklistTypes"]:
                types = CHECKLISTS.get(query.get("transactionType") or "")
                if types is None:
                    raise _Refused(400, "transactionType is Sale or Listing.")
                rows_ = [{"checklistTypeId": n, "checklistTypeName": name} for n, name in types]
                return _value("checklistTypes", rows_)
            case _:
                raise _Refused(404, "Not found")

    # --- who asks ---------------------------------------------------------------------------------

    def _login(self, call: Call, scope: Scope, body: bytes) -> Reply:
        refused = _Refused(401, "Unauthorized")
        scheme, _, rest = (header(scope, b"authorization") or "").partition(" ")
        access, _, sent = rest.partition(":")
        stamp = header(scope, b"timestamp") or ""
        try:
            fields = {str(k).lower(): v for k, v in orjson.loads(body).items()}
            moment = datetime.fromisoformat(stamp)
        except (orjson.JSONDecodeError, AttributeError, ValueError):
            raise refused from None
        found = self._books.secret_of(access)
        client = fields.get("clientid"), fields.get("clientsecret")
        if scheme.upper() != "SS" or found is None or client != (CLIENT_ID, CLIENT_SECRET):
            raise refused
        message = f"{CLIENT_ID}:{CLIENT_SECRET}:{stamp}".encode()
        right = b64encode(hmac.new(found[1].encode(), message, hashlib.sha256).digest()).decode()
        off = abs((datetime.now(UTC) - moment.astimezone(UTC)).total_seconds())
        if not hmac.compare_digest(right, sent) or off > STAMP_SECONDS:
            raise refused
        call.account = found[0]
        token, ends = self._books.open_session(found[0])
        return Reply.json({"Session": token, "Expiration": ends.strftime("%Y-%m-%dT%H:%M:%SZ")})

    def _caller(self, call: Call, scope: Scope) -> str:
        bearer = (header(scope, b"authorization") or "").removeprefix("Bearer ")
        agent_key = self._books.session(header(scope, b"session") or bearer)
        if agent_key is None:
            raise _Refused(401, "Unauthorized")
        call.account = agent_key
        return agent_key

    def _limit(self, agent_key: str) -> None:
        verdict = self._box.limits.take("skyslope", agent_key)
        if verdict.allowed:
            return
        style = self._books.switches["throttle"]
        reset = str(int(time.time()) + verdict.retry_after).encode()
        headers: Mapping[str, Headers] = {
            "retry_after": ((b"retry-after", str(verdict.retry_after).encode()),),
            "reset": ((b"x-ratelimit-remaining", b"0"), (b"x-ratelimit-reset", reset)),
        }
        status = 503 if style == "503" else 429
        raise _Refused(status, "Slow down", headers.get(style, ()))

    # --- files ------------------------------------------------------------------------------------

    def _replica(self) -> datetime:
        return self._box.clock.now() - timedelta(seconds=float(self._books.switches["replica_lag"]))

    def _feed(self, call: Call, agent_key: str, query: Query) -> Reply:
        """§3.1: everything of a window in one answer, in the shape that the switch says."""
        books = self._books
        kind = (query.get("type") or "all").lower()
        chosen = self._window(query)
        replica = self._replica()
        files: list[File] = []
        for listing, name in ((False, "sale"), (True, "listing")):
            if kind in ("all", name):
                files += [
                    f
                    for f in books.visible(agent_key, listing=listing)
                    if not f.folder_only and f.modified_at <= replica and chosen(f)
                ]
        rows = [wire.listing(books, f) if f.listing else wire.sale(books, f) for f in files]
        size, start = int(books.switches["page_size"]), int(query.get("skip") or 0)
        link = None
        if size:
            if start + size < len(rows):
                rest = _without_skip(call.query)
                link = f"{self._box.url}/skyslope/api/files?{rest}&skip={start + size}"
            rows = rows[start : start + size]
        if not call.fault("no_summary") and link is None:
            listings = sum(f.listing for f in files)
            extra = 1 if call.fault("wrong_summary") else 0
            rows.append(
                {
                    "objectType": "summary",
                    "numberOfSales": len(files) - listings + extra,
                    "numberOfListings": listings + extra,
                    "numberOfUsers": len(books.people),
                }
            )
        for rule in call.rules:
            # the frame cannot look into a body that is no clean JSON
            if rule.kind in ROW:
                rows = orjson.loads(spoil_rows(orjson.dumps(rows), rule))
        return self._shaped(rows, link)

    def _shaped(self, rows: list[dict[str, Any]], link: str | None) -> Reply:
        switches = self._books.switches
        # a control character inside a text comes as it is, which no JSON parser takes
        blobs = [orjson.dumps(row).replace(b"\\u0001", b"\x01") for row in rows]
        match "value" if link else switches["shape"]:
            case "value":
                tail = b"" if link is None else b',"nextLink":' + orjson.dumps(link)
                body = b'{"value":[' + b",".join(blobs) + b"]" + tail + b"}"
            case "stream":
                body = b",\n".join(blobs)
            case _:
                body = b"[" + b",".join(blobs) + b"]"
        return Reply(200, (b"\xef\xbb\xbf" if switches["bom"] else b"") + body)

    def _window(self, query: Query) -> Callable[[File], bool]:
        bounds: list[tuple[str, bool, datetime]] = []
        for what in ("modified", "created", "closed"):
            for name, after in ((f"{what}After", True), (f"{what}Before", False)):
                text = query.get(name)
                if text:
                    try:
                        moment = datetime.fromisoformat(text).replace(tzinfo=UTC)
                    except ValueError:
                        raise _Refused(400, f"{name} is no date") from None
                    bounds.append((what, after, moment))
        if not bounds:
            since = self._box.clock.now() - timedelta(days=DEFAULT_DAYS)
            bounds.append(("created", True, since))

        def fits(file: File) -> bool:
            closed = file.deal.closing_actual
            moments = {
                "modified": file.modified_at,
                "created": file.deal.created_at,
                "closed": datetime(closed.year, closed.month, closed.day, tzinfo=UTC)
                if closed
                else None,
            }
            return all(
                (m := moments[what]) is not None and (m >= bound if after else m < bound)
                for what, after, bound in bounds
            )

        return fits

    def _folder(self, call: Call, agent_key: str, noun: str, query: Query) -> Reply:
        """§3.3: ten rows a page; unknown parameters are ignored."""
        files = self._books.visible(agent_key, listing=noun == "listings")
        earliest, latest = (float(query.get(n) or 0) for n in ("earliestDate", "latestDate"))
        files = [
            f
            for f in files
            if f.deal.created_at.timestamp() >= earliest
            and (not latest or f.deal.created_at.timestamp() <= latest)
        ]
        page = int(query.get("pageNumber") or 1)
        if not 1 <= page <= 1000:
            raise _Refused(400, "pageNumber is 1 to 1000")
        begin = (page - 1) * FOLDER_PAGE
        rows = [wire.folder_row(f, "/skyslope") for f in files[begin : begin + FOLDER_PAGE]]
        links = []
        if begin + FOLDER_PAGE < len(files):
            links.append({"href": f"{call.path}?pageNumber={page + 1}", "rel": "next"})
        return Reply.json({"value": {noun: rows}, "warnings": [], "links": links})

    def _detail(self, agent_key: str, noun: str, guid: str) -> Reply:
        files = self._books.visible(agent_key, listing=noun == "listings")
        file = next((f for f in files if f.guid == guid.lower()), None)
        if file is None:
            raise _Refused(404, "Not found")
        row = wire.listing(self._books, file) if file.listing else wire.sale(self._books, file)
        # only the feed has these two
        row = {name: value for name, value in row.items() if name not in ("fileId", "url")}
        return _value("listing" if file.listing else "sale", row)


def _value(noun: str, value: Any) -> Reply:
    return Reply.json({"value": {noun: value}, "warnings": [], "links": []})


def _without_skip(query: str) -> str:
    return "&".join(part for part in query.split("&") if not part.startswith("skip="))
