"""The ASGI app: who asks, how often, and the envelopes, of which each family has its own."""

from __future__ import annotations

import base64
import binascii
import time
from bisect import bisect_right
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import unquote, urlencode

import orjson

from sandbox.faults import ROW, spoil_rows
from sandbox.hooks import Subscription
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
from sandbox.lofty import wire
from sandbox.lofty.account import Account
from sandbox.lofty.books import Books
from sandbox.lofty.errors import Refused, too_many
from sandbox.lofty.grants import CLIENT_ID, CLIENT_SECRET, GrantError, Holder
from sandbox.lofty.listing import ListingError
from sandbox.lofty.model import Appointment, Communication, Lead, Member, Task, Transaction
from sandbox.lofty.words import OFFICES

if TYPE_CHECKING:
    from sandbox.box import Sandbox

KINDS = {
    "shift_page", "repeat_row", "moving_total", "scroll_expired", "lead_gone", "scope_missing",
    "unauthorized", "server_error", "code_in_200", "error_text",
}  # fmt: skip
LIMITS = {"key": 10, "development": 100, "production": 500}
WINDOW = 60.0
LONGEST_WINDOW = timedelta(days=90)
VISITS_PER_PAGE = 100
LOGS_PER_PAGE = 100
# where a GET without Content-Type gets 415; the contract says "some"
STRICT = ("leads", "members", "transactions")
FEED_TYPES = ("CALL", "TEXT", "EMAIL", "ALL")
CHANNELS = {"call": "Call", "email": "Email", "text": "Text"}


def credential_of(scope: Scope) -> str | None:
    """The key or the access token, whatever scheme it came with; none at the token endpoints."""
    scheme, _, rest = (header(scope, b"authorization") or "").partition(" ")
    return rest.strip() if scheme.lower() in ("token", "bearer") and rest else None


def build_app(box: Sandbox) -> ASGIApp:
    """Lofty over the box's books."""
    for context, requests in LIMITS.items():
        box.limits.default("lofty", context, requests, WINDOW)
    box.faults.register("lofty", KINDS)
    return _App(box)


MOST_SUBSCRIPTIONS = 36


def _subscription(row: Subscription, account: Account) -> dict[str, Any]:
    return {
        "subscribeId": int(row.id),
        "teamId": account.team_id,
        "listId": int(next(iter(row.topics))),
        "callbackUrl": row.url,
        **row.shown,
    }


def _object(body: bytes) -> dict[str, Any]:
    try:
        given = orjson.loads(body)
    except orjson.JSONDecodeError:
        given = None
    if not isinstance(given, dict):
        raise Refused("INVALID_PARAMETER")
    return given


class _Request:
    """A request whose sender is known."""

    def __init__(self, call: Call, account: Account, viewer: Member, now: datetime) -> None:
        self.call = call
        self.query = Query(call.query)
        self.account = account
        self.viewer = viewer
        self.now = now

    def number(self, name: str, default: int, *, low: int = 0, high: int | None = None) -> int:
        """An integer parameter; outside its bounds 400."""
        text = self.query.get(name)
        if text is None or text == "":
            return default
        try:
            value = int(text)
        except ValueError:
            raise Refused("INVALID_PARAMETER") from None
        if value < low or (high is not None and value > high):
            raise Refused("LIMIT_NOT_VALID" if high is not None else "INVALID_PARAMETER")
        return value

    def flag(self, name: str) -> bool:
        """A boolean parameter, false by default."""
        return (self.query.get(name) or "").lower() == "true"

    def moment(self, name: str) -> datetime | None:
        """An instant in epoch milliseconds; None if it is not sent."""
        text = self.query.get(name)
        if not text:
            return None
        try:
            return datetime.fromtimestamp(int(text) / 1000, tz=UTC)
        except (ValueError, OverflowError, OSError):
            raise Refused("INVALID_PARAMETER") from None


class _App:
    def __init__(self, box: Sandbox) -> None:
        self._box = box

    @property
    def _books(self) -> Books:
        return cast(Books, self._box.books["lofty"])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        call: Call = scope["sandbox.call"]
        body = await read_body(receive)
        try:
            with self._box.lock:
                call.sent = body
                reply = self._answer(call, scope, body)
        except Refused as refused:
            text = call.fault("error_text")
            style = "exception" if text else str(self._books.switches["error_style"])
            reply = refused.reply(style)
        await send_reply(send, reply)

    # --- who asks, how often ------------------------------------------------------------------

    def _answer(self, call: Call, scope: Scope, body: bytes) -> Reply:
        path = [unquote(part) for part in call.path.split("/") if part]
        match path:
            case ["page", "vendor-auth.html"]:
                return self._consent(Query(call.query))
            case ["api", "user-web", "oauth", "token"]:
                return self._token_a(call, scope, body)
            case ["oauth", "token"]:
                return self._token_b(call, body)
            case [("v1.0" | "v2.0") as version, *rest] if rest:
                return self._metered(call, scope, version, rest)
            case _:
                raise Refused("NOT_FOUND")

    def _metered(self, call: Call, scope: Scope, version: str, rest: list[str]) -> Reply:
        """Every answer to somebody known has the limit's headers, a refusal as well."""
        holder, oauth = self._holder(call, scope)
        headers = self._limit(holder, scope, oauth=oauth)
        if isinstance(headers, Reply):
            return headers
        try:
            self._content_type(call, scope, rest)
            reply = self._serve(call, holder, version, rest, oauth=oauth)
        except Refused as refused:
            refused.headers = headers
            raise
        reply.headers = (*reply.headers, *headers)
        return reply

    def _serve(
        self, call: Call, holder: Holder, version: str, rest: list[str], *, oauth: bool
    ) -> Reply:
        if call.fault("scope_missing") or (oauth and self._outside(call.path)):
            raise Refused("VENDOR_HAS_NO_PERMISSION")
        if call.fault("server_error"):
            raise Refused("INTERNAL_ERROR")
        if call.fault("code_in_200"):
            return Reply.json({"code": 20005, "message": "internal error", "data": None})
        account, viewer = self._books.viewer(holder)
        if version == "v1.0" and rest[0] in ("webhook", "webhooks"):
            return self._webhooks(call, account, rest)
        request = _Request(call, account, viewer, self._books.now())
        if call.method == "DELETE" and version == "v1.0" and rest[0] == "leads" and len(rest) == 2:
            return self._delete(request, rest[1])
        if call.method != "GET":
            return Reply(405)
        return self._v1(request, rest) if version == "v1.0" else self._v2(request, rest)

    def _holder(self, call: Call, scope: Scope) -> tuple[Holder, bool]:
        grants = self._books.grants
        scheme, _, text = (header(scope, b"authorization") or "").partition(" ")
        scheme, text = scheme.lower(), text.strip()
        refused = Refused("BAD_CREDENTIALS", int(self._books.switches["unauthorized_status"]))
        if call.fault("unauthorized"):
            raise refused
        if (scheme == "bearer" and text in grants.keys) or (
            scheme == "token" and text in grants.access
        ):
            raise Refused("USER_IN_TOKEN_NOT_FOUND")
        oauth = scheme == "bearer"
        holder = None
        if oauth:
            holder = grants.by_token(text)
        elif scheme == "token":
            holder = grants.by_key(text)
        if holder is None:
            raise refused
        call.account = holder.agent_key
        return holder, oauth

    def _limit(self, holder: Holder, scope: Scope, *, oauth: bool) -> Reply | Headers:
        switches, limits = self._books.switches, self._box.limits
        context = str(switches["app"]) if oauth else "key"
        # a key has its own allowance; an app's is shared by all who gave it their consent
        who = CLIENT_ID if oauth else credential_of(scope) or holder.agent_key
        verdict = limits.take("lofty", who, context)
        if not limits.enabled:
            # a limit that is not enforced must not be announced: a reader would obey it
            return ()
        wait = verdict.retry_after or verdict.window
        match switches["reset_style"]:
            case "milliseconds":
                reset = int(wait * 1000)
            case "seconds":
                reset = int(wait)
            case _:
                # clients have no other clock than the real one
                reset = int(time.time() + wait)
        headers = (
            (b"x-ratelimit-limit", str(verdict.limit).encode()),
            (b"x-ratelimit-remaining", str(verdict.remaining).encode()),
            (b"x-ratelimit-reset", str(reset).encode()),
        )
        return headers if verdict.allowed else too_many(headers)

    def _content_type(self, call: Call, scope: Scope, rest: list[str]) -> None:
        rule = self._books.switches["content_type"]
        sent = (header(scope, b"content-type") or "").partition(";")[0].strip().lower()
        if sent == "application/json" or rule == "none":
            return
        if call.method == "DELETE":
            raise Refused("CONTENT_TYPE_MISSING")
        if rule == "all" or rest[0] in STRICT:
            raise Refused("UNSUPPORTED_MEDIA_TYPE")

    def _outside(self, path: str) -> bool:
        return any(str(part) in path for part in self._books.switches["missing_scopes"])

    # --- webhooks, §7 -------------------------------------------------------------------------

    def _webhooks(self, call: Call, account: Account, rest: list[str]) -> Reply:
        hooks, owner = self._box.hooks, account.agent_key
        match call.method, rest:
            case "GET", ["webhooks"]:
                return Reply.json([_subscription(s, account) for s in hooks.of("lofty", owner)])
            case "POST", ["webhook"]:
                given = _object(call.sent)
                number = given.get("listId")
                if not isinstance(number, int) or not 1 <= number <= 12:
                    raise Refused("WEBHOOK_TYPE_ERROR")
                if len(hooks.of("lofty", owner)) >= MOST_SUBSCRIPTIONS:
                    raise Refused("WEBHOOK_EXCEED_LIMIT")
                made = Subscription(
                    str(hooks.number()), "lofty", owner, str(given.get("callbackUrl", "")),
                    frozenset({str(number)}),
                    shown={"limit": given.get("limit", 100),
                           "permissionMode": given.get("permissionMode", 0)},
                )  # fmt: skip
                try:
                    hooks.subscribe(made)
                except ValueError:
                    raise Refused("WEBHOOK_CALLBACK_URL_INVALID") from None
                return Reply.json(_subscription(made, account))
            case "DELETE", ["webhook", number]:
                found = hooks.find("lofty", owner, number)
                if found is None:
                    raise Refused("WEBHOOK_DELETE_NOT_EXIST")
                hooks.unsubscribe(found)
                return Reply(200)
            case _:
                raise Refused("NOT_FOUND")

    # --- OAuth --------------------------------------------------------------------------------

    def _consent(self, query: Query) -> Reply:
        """§1.2, with the click already made: ``agent_key`` is whose, ``deny=1`` says no (ours)."""
        books = self._books
        if query.get("clientId") != CLIENT_ID:
            return _oauth_error("invalid_client", "The clientId is unknown.", 400)
        target = str(books.switches["redirect_url"])
        answer = {"error": "access_denied"}
        if query.get("deny") is None:
            agent_key = query.get("agent_key") or books.keys[0]
            if agent_key not in books.keys:
                return _oauth_error("invalid_request", "There is no such account.", 400)
            challenge = query.get("code_challenge")
            answer = {"code": books.grants.authorize(Holder(agent_key), challenge)}
        if query.get("state") is not None:
            answer["state"] = query.get("state") or ""
        mark = "&" if "?" in target else "?"
        return Reply(302, headers=((b"location", f"{target}{mark}{urlencode(answer)}".encode()),))

    def _token_a(self, call: Call, scope: Scope, body: bytes) -> Reply:
        """The help centre's: Basic, and a form or query parameters."""
        if self._books.switches["token_endpoint"] == "B":
            raise Refused("NOT_FOUND")
        if call.method != "POST":
            return Reply(405)
        scheme, _, text = (header(scope, b"authorization") or "").partition(" ")
        try:
            pair = base64.b64decode(text).decode("latin-1").partition(":")
        except binascii.Error:
            pair = ("", "", "")
        if scheme.lower() != "basic" or (pair[0], pair[2]) != (CLIENT_ID, CLIENT_SECRET):
            return _oauth_error("invalid_client", "Client authentication failed.", 401)
        sent = body.decode("utf-8", "replace") or call.query
        return self._grant(call, Query(sent), customer_keys=False)

    def _token_b(self, call: Call, body: bytes) -> Reply:
        """The developer site's: the client's secret in the form."""
        if self._books.switches["token_endpoint"] == "A":
            raise Refused("NOT_FOUND")
        if call.method != "POST":
            return Reply(405)
        sent = Query(body.decode("utf-8", "replace"))
        if (sent.get("client_id"), sent.get("client_secret")) != (CLIENT_ID, CLIENT_SECRET):
            return _oauth_error("invalid_client", "Client authentication failed.", 401)
        return self._grant(call, sent, customer_keys=True)

    def _grant(self, call: Call, sent: Query, *, customer_keys: bool) -> Reply:
        grants = self._books.grants
        try:
            match sent.get("grant_type"):
                case "authorization_code":
                    pair = grants.exchange(sent.get("code") or "", sent.get("code_verifier"))
                case "refresh_token":
                    pair = grants.renew(sent.get("refresh_token") or "")
                case "client_credentials" if customer_keys:
                    holder = grants.by_key(sent.get("customer_key") or "")
                    if holder is None:
                        raise GrantError("invalid_grant", "The customer_key is not valid.")
                    pair = grants.issue(holder)
                case None:
                    return _oauth_error("invalid_request", "grant_type is required.", 400)
                case _:
                    return _oauth_error(
                        "unsupported_grant_type", "The grant_type is not supported.", 400
                    )
        except GrantError as error:
            return _oauth_error(error.code, str(error), 400)
        call.account = grants.access[pair["access_token"]].holder.agent_key
        return Reply.json(pair)

    # --- what: version 1 ----------------------------------------------------------------------

    def _v1(self, request: _Request, path: list[str]) -> Reply:
        account = request.account
        match path:
            case ["me"]:
                return Reply.json(wire.member(account, request.viewer, long_id=False))
            case ["org"]:
                request.call.assumed = True
                return Reply.json(_org(account))
            case ["leads"]:
                return self._leads(request)
            case ["leads", lead_id]:
                return self._lead(request, lead_id)
            case ["leads", lead_id, "activities"]:
                return self._visits(request, lead_id)
            case ["leads", lead_id, "transactions"]:
                lead = self._found(request, lead_id)
                deals = [t for t in account.transactions.values() if t.lead_id == lead.id]
                return Reply.json([wire.transaction_of_lead(account, t) for t in deals])
            case ["members"]:
                return self._members(request)
            case ["members", email]:
                request.call.template = "/v1.0/members/{email}"
                return self._member(request, lambda m: m.email == email)
            case ["users", user_id]:
                return self._member(
                    request, lambda m: user_id in (str(m.user_id), str(m.short_user_id))
                )
            case ["teamFeatures", "lead-pipelines"]:
                return self._stages(request)
            case ["teamFeatures", "listTag"]:
                return Reply.json(_tags(account, request.viewer))
            case ["teamFeatures", "listCustomField"]:
                return Reply.json([wire.custom_field(f) for f in account.custom_fields.values()])
            case ["team-features", "lead-ponds"]:
                return Reply.json([wire.pond(p) for p in account.ponds.values()])
            case ["transaction", "customfields"]:
                return Reply.json(wire.transaction_fields())
            case ["communication", ("call" | "email" | "text") as channel]:
                return self._said(request, CHANNELS[channel])
            case ["communication", "call", "v2"]:
                return self._said(request, "Call", short=True)
            case ["calls"]:
                return self._calls(request)
            case ["systemLogs"]:
                return self._system_logs(request)
            case ["notes"]:
                lead = self._of_lead(request)
                system = request.flag("includeSystemNote")
                notes = [wire.note(account, lead, n) for n in lead.notes if system or not n.system]
                # the list has no order of its own
                return Reply.json({"notes": notes[1::2] + notes[::2]})
            case ["tasks"]:
                lead = self._of_lead(request)
                rows = [wire.task_v1(account, lead, t, request.now) for t in lead.tasks]
                return Reply.json({"taskList": rows})
            case ["appts"]:
                lead = self._of_lead(request)
                rows = [wire.appointment(lead, a, request.now) for a in lead.appointments]
                return Reply.json(rows)
            case ["logType"]:
                return self._manual_logs(request)
            case _:
                raise Refused("NOT_FOUND")

    # --- what: version 2 ----------------------------------------------------------------------

    def _v2(self, request: _Request, path: list[str]) -> Reply:
        account = request.account
        match path:
            case ["communication", "agent"] if self._books.switches["communication_feed"]:
                return self._feed(request)
            case ["communication", ("call" | "email" | "text") as channel, number]:
                return self._one_said(request, CHANNELS[channel], number)
            case ["leads", lead_id, "activities"]:
                return self._activities(request, lead_id)
            case ["transactions"]:
                return self._transactions(request)
            case ["transactions", "pipelines"]:
                return Reply.json({"pipelines": wire.pipelines(account)})
            case ["tasks"]:
                lead = self._of_lead(request)
                rows = [wire.task_v2(account, lead, t, request.now) for t in lead.tasks]
                return Reply.json({"tasks": rows})
            case ["calendar"]:
                return self._calendar(request)
            case _:
                raise Refused("NOT_FOUND")

    # --- leads --------------------------------------------------------------------------------

    def _leads(self, request: _Request) -> Reply:
        """§3.1."""
        call, account, viewer, query = request.call, request.account, request.viewer, request.query
        switches, listing = self._books.switches, self._books.listing
        limit = request.number("limit", 25, low=1, high=100)
        limit = min(limit, int(switches["page_cap"]))
        offset = request.number("offset", 0)
        guard = int(switches["offset_guard"])
        if guard and offset + limit > guard:
            raise Refused("OFFSET_EXCEED_LIMIT")
        if call.fault("shift_page"):
            builder = self._books.builder(account)
            builder.lead(builder.now)
        token = query.get("scrollId")
        if call.fault("scroll_expired") and token:
            raise Refused("INVALID_PARAMETER")
        try:
            ids = listing.leads(account, viewer, query)
            total = len(ids)
            if token:
                idle = timedelta(minutes=float(switches["scroll_idle_minutes"]))
                name, ids, offset = listing.resume(token, account, viewer, request.now, idle)
            else:
                name = listing.begin(account, viewer, ids, request.now)
        except ListingError as error:
            raise Refused(str(error)) from None
        chosen = ids[offset : offset + limit]
        # a scan keeps its order, but not what has gone meanwhile
        leads = [lead for i in chosen if (lead := account.find(viewer, i)) is not None]
        if call.fault("repeat_row") and offset:
            again = account.find(viewer, ids[offset - 1])
            leads = [*([again] if again else []), *leads]
        moving = call.fault("moving_total")
        if moving:
            total += int(moving.params.get("by", 1)) * (1 + offset // limit)
        meta: dict[str, Any] = {
            "collection": "lead", "limit": limit, "offset": offset, "total": total,
        }  # fmt: skip
        if chosen and (len(chosen) == limit or switches["last_page"] == "empty"):
            meta["scrollId"] = f"{name}.{offset + len(chosen)}"
        body = b",".join([wire.lead_blob(account, lead) for lead in leads])
        key = str(switches["metadata_key"]).encode()
        return Reply(200, b'{"' + key + b'":' + orjson.dumps(meta) + b',"leads":[' + body + b"]}")

    def _found(self, request: _Request, lead_id: str, *, with_trash: bool = False) -> Lead:
        """The lead that is asked for; deleted, trashed and invisible ones are the same 404."""
        number = int(lead_id) if lead_id.isdecimal() else 0
        lead = request.account.find(request.viewer, number, with_trash=with_trash)
        if lead is None or request.call.fault("lead_gone"):
            raise Refused("LEAD_NOT_EXIST")
        return lead

    def _of_lead(self, request: _Request) -> Lead:
        """The lead of a list that needs one."""
        lead_id = request.query.get("leadId")
        if not lead_id:
            raise Refused("MISSING_PARAMETER")
        return self._found(request, lead_id)

    def _lead(self, request: _Request, lead_id: str) -> Reply:
        """§3.2."""
        found = self._found(request, lead_id, with_trash=request.flag("withTrash"))
        blob = wire.lead_blob(request.account, found)
        for rule in request.call.rules:
            # the frame would spoil the wrapper, or the tags
            if rule.kind in ROW:
                rows = orjson.loads(spoil_rows(b"[" + blob + b"]", rule))
                blob = orjson.dumps(rows[0]) if rows else b"{}"
        if self._books.switches["lead_detail"] == "wrapped":
            blob = b'{"lead":' + blob + b"}"
        return Reply(200, blob)

    def _delete(self, request: _Request, lead_id: str) -> Reply:
        """§3.5: into the trash."""
        lead = self._found(request, lead_id)
        lead.trashed = request.now.replace(microsecond=0)
        request.account.touch(lead, lead.trashed)
        return Reply.json({"deleted": True, "leadId": lead_id})

    def _visits(self, request: _Request, lead_id: str) -> Reply:
        """§5.2: what the lead did on the website, newest first, pages of 100."""
        lead = self._found(request, lead_id)
        begin = request.number("curPage", 0) * VISITS_PER_PAGE
        rows = sorted(lead.site_activities, key=lambda v: v.created, reverse=True)
        page = rows[begin : begin + VISITS_PER_PAGE]
        return Reply.json([wire.site_activity(lead, v) for v in page])

    # --- people and lists ---------------------------------------------------------------------

    def _meta(self, collection: str, limit: int, offset: int, total: int) -> dict[str, Any]:
        meta = {
            "collection": collection, "limit": limit, "offset": offset, "total": total,
            "scrollId": None,
        }  # fmt: skip
        return {str(self._books.switches["metadata_key"]): meta}

    def _members(self, request: _Request) -> Reply:
        """§4.1."""
        account = request.account
        offset = max(0, request.number("offset", 0, low=-(10**9)))
        limit = request.number("limit", 25)
        if limit > int(self._books.switches["member_limit"]):
            raise Refused("LIMIT_PARAM_OVERSIZE")
        if limit < 1:
            raise Refused("LIMIT_NOT_VALID")
        groups = {part for text in request.query.all("groupIds") for part in text.split(",")}
        rows = [m for m in account.members.values() if not groups or str(m.group_id) in groups]
        if not rows:
            raise Refused("USER_NOT_EXIST")
        page = [
            wire.member(account, m, long_id=self._books.long_id(m))
            for m in rows[offset : offset + limit]
        ]
        return Reply.json({**self._meta("member", limit, offset, len(rows)), "members": page})

    def _member(self, request: _Request, fits: Callable[[Member], bool]) -> Reply:
        account = request.account
        found = next((m for m in account.members.values() if fits(m) and not m.pending), None)
        if found is None:
            raise Refused("USER_NOT_EXIST")
        return Reply.json(wire.member(account, found, long_id=self._books.long_id(found)))

    def _stages(self, request: _Request) -> Reply:
        """§4.2: the leads' pipelines, which serve as stages."""
        page, size = request.number("currPage", 0), request.number("pageSize", 10, low=1)
        wanted = (request.query.get("name") or "").lower()
        rows = [
            {"id": i, "name": name}
            for i, name in request.account.stages.items()
            if wanted in name.lower()
        ]
        meta = self._meta("pipeline", size, page * size, len(rows))
        return Reply.json({**meta, "pipelines": rows[page * size : (page + 1) * size]})

    # --- communication ------------------------------------------------------------------------

    def _feed(self, request: _Request) -> Reply:
        """§5.1."""
        start, end = request.moment("startTime"), request.moment("endTime")
        if start is None or end is None:
            raise Refused("MISSING_PARAMETER")
        kind = request.query.get("type") or "ALL"
        if kind not in FEED_TYPES or not timedelta(0) <= end - start <= LONGEST_WINDOW:
            raise Refused("INVALID_PARAMETER")
        limit = request.number("limit", 100, low=1, high=1000)
        limit = min(limit, int(self._books.switches["feed_cap"]))
        team = request.flag("teamView")
        if team and not request.viewer.sees_all:
            raise Refused("PERMISSION_DENIED")
        rows = self._books.listing.communications(
            request.account, request.viewer, kind, (start, end), team=team
        )
        begin = 0
        cursor = request.query.get("cursor")
        if cursor:
            begin = _after(rows, cursor)
        page = rows[begin : begin + limit]
        # a full page may be the last one: only the next, empty page tells
        more = len(page) == limit
        form_ = str(self._books.switches["communication_time"])
        return Reply.json(
            {
                "data": [wire.communication(row, form_) for row in page],
                "nextCursor": _cursor(page[-1]) if more else None,
                "hasMore": more,
                "limit": limit,
                "totalCount": len(rows),
            }
        )

    def _lead_said(self, request: _Request, lead: Lead, channel: str) -> list[Communication]:
        rows = self._books.listing.of_lead(request.account, lead)
        return [row for row in rows if channel in (row.channel, "")]

    def _slice(self, request: _Request, rows: list[Communication]) -> list[Communication]:
        """``currentId`` (after that id) or ``offset``, and ``limit``."""
        limit = request.number("limit", 10, low=1, high=1000)
        offset = request.number("offset", 0)
        current = request.number("currentId", 0)
        if current:
            ids = [row.id for row in rows]
            offset = ids.index(current) + 1 if current in ids else len(rows)
        return rows[offset : offset + limit]

    def _said(self, request: _Request, channel: str, *, short: bool = False) -> Reply:
        """§5.2: calls, e-mails or texts of a lead."""
        lead = self._of_lead(request)
        page = self._slice(request, self._lead_said(request, lead, channel))
        name = f"{channel.lower()}s"
        if channel == "Email":
            return Reply.json({name: [wire.email(row) for row in page]})
        if channel == "Text":
            return Reply.json({name: [wire.text(row) for row in page]})
        if short:
            phones = {call.id: call.lead_phone for call in lead.calls}
            rows = [wire.short_call(row, phones.get(row.id, "")) for row in page]
            return Reply.json({name: rows})
        request.call.assumed = True
        ids = {row.id for row in page}
        return Reply.json({name: [wire.phone_call(lead, c) for c in lead.calls if c.id in ids]})

    def _one_said(self, request: _Request, channel: str, number: str) -> Reply:
        """§5.1: the detail; its members are those of the lead's list."""
        request.call.assumed = True
        account = request.account
        row = next(
            (r for r in account.communications() if str(r.id) == number and r.channel == channel),
            None,
        )
        if row is None:
            raise Refused("NOT_FOUND")
        if channel == "Call":
            lead = account.leads.get(row.lead_id)
            call = next((c for c in lead.calls if c.id == row.id), None) if lead else None
            if lead is None or call is None:
                raise Refused("NOT_FOUND")
            return Reply.json(wire.phone_call(lead, call))
        return Reply.json(wire.email(row) if channel == "Email" else wire.text(row))

    def _activities(self, request: _Request, lead_id: str) -> Reply:
        """§5.2: one list of all channels, oldest first."""
        lead = self._found(request, lead_id)
        page = self._slice(request, self._lead_said(request, lead, ""))
        if not self._books.switches["unified_activities"]:
            page = []
        phones = {call.id: call.lead_phone for call in lead.calls}
        rows = [wire.unified(row, phones.get(row.id, "")) for row in page]
        return Reply.json({"activities": rows})

    def _calls(self, request: _Request) -> Reply:
        """§5.2: without a lead 404."""
        lead_id = request.query.get("leadId")
        if not lead_id:
            raise Refused("LEAD_NOT_EXIST")
        lead = self._found(request, lead_id)
        limit, offset = request.number("limit", 25, low=1, high=100), request.number("offset", 0)
        rows = [wire.phone_call(lead, call) for call in lead.calls[offset : offset + limit]]
        return Reply.json({**self._meta("call", limit, offset, len(lead.calls)), "calls": rows})

    def _system_logs(self, request: _Request) -> Reply:
        """§5.2."""
        lead = self._of_lead(request)
        start, end = request.moment("startTime"), request.moment("endTime")
        logs = [
            log
            for log in sorted(lead.system_logs, key=lambda entry: (entry.at, entry.id))
            if (start is None or log.at >= start) and (end is None or log.at <= end)
        ]
        size = request.number("pageSize", LOGS_PER_PAGE, low=1, high=LOGS_PER_PAGE)
        begin = request.number("pageNumber", 0) * size
        rows = [wire.system_log(lead, log) for log in logs[begin : begin + size]]
        return Reply.json({"hasMore": int(begin + size < len(logs)), "timeLines": rows})

    def _manual_logs(self, request: _Request) -> Reply:
        """§5.2: what agents logged by hand; a bad ``limit`` means 10."""
        request.call.assumed = True
        lead = self._of_lead(request)
        kinds = {"logCall": "Call", "logEmail": "Email", "logText": "Text"}
        kind = kinds.get(request.query.get("logType") or "")
        if kind is None:
            raise Refused("INVALID_PARAMETER")
        text = request.query.get("limit") or ""
        limit = int(text) if text.isdecimal() and int(text) else 10
        offset = request.number("offset", 0)
        if offset + limit > int(self._books.switches["offset_guard"] or 10**9):
            raise Refused("OFFSET_EXCEED_LIMIT")
        rows = [r for r in self._lead_said(request, lead, kind) if r.kind == "LOGGED"]
        page = [wire.unified(row, "") for row in rows[offset : offset + limit]]
        return Reply.json({"logs": page})

    # --- transactions and calendar ------------------------------------------------------------

    def _transactions(self, request: _Request) -> Reply:
        """§5.3: purchases only, unless asked; newest first, so a new one moves every page."""
        account, viewer = request.account, request.viewer
        size = request.number("pageSize", 20, low=1, high=100)
        size = min(size, int(self._books.switches["transaction_cap"]))
        page = request.number("pageNum", 0)
        kind = request.query.get("transactionType") or "Purchase"
        if kind != "All" and kind not in account.pipelines:
            raise Refused("INVALID_PARAMETER")
        wanted = (request.query.get("queryKey") or "")[:15].lower()
        lead_id = request.query.get("leadId")
        rows: Iterable[Transaction] = (
            row
            for row in account.transactions.values()
            if (kind == "All" or row.type == kind)
            and (viewer.sees_all or row.assigned_agent == viewer.user_id)
            and wanted in row.name.lower()
            and (not lead_id or str(row.lead_id) == lead_id)
        )
        found = sorted(rows, key=lambda row: (row.created, row.id), reverse=True)
        chosen = found[page * size : (page + 1) * size]
        if request.call.fault("repeat_row") and page:
            chosen = [found[page * size - 1], *chosen]
        return Reply.json(
            {
                "pageNum": page,
                "pageSize": size,
                "totalCount": len(found),
                "pageData": [wire.transaction(account, row) for row in chosen],
            }
        )

    def _calendar(self, request: _Request) -> Reply:
        """§5.2: the caller's own."""
        bounds = []
        for name in ("startTime", "endTime"):
            moment = request.moment(f"{name}Ms")
            text = request.query.get(name)
            if moment is None and text:
                try:
                    moment = datetime.fromisoformat(text)
                except ValueError:
                    raise Refused("INVALID_PARAMETER") from None
                moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
            bounds.append(moment)
        start, end = bounds
        if start is None and end is None:
            raise Refused("MISSING_PARAMETER")
        size = request.number("pageSize", 50, low=1, high=500)
        page = request.number("page", 0)
        lead_id = request.query.get("leadId")
        done = request.flag("includeFinished")
        me = request.viewer.user_id
        items = []
        for lead in request.account.visible(request.viewer):
            if lead_id and str(lead.id) != lead_id:
                continue
            mine: list[tuple[datetime, Task | Appointment]] = [
                (t.deadline, t) for t in lead.tasks if t.assigned_user_id == me
            ]
            mine += [(a.start, a) for a in lead.appointments if a.assign_to == me]
            for at, what in mine:
                if (
                    not what.deleted
                    and (done or what.finished is None)
                    and (start is None or at >= start)
                    and (end is None or at <= end)
                ):
                    items.append(wire.calendar_item(lead, what))
        items.sort(key=lambda item: (item["startAtMs"], item["id"]))
        data = {
            "total": len(items),
            "page": page,
            "pageSize": size,
            "items": items[page * size : (page + 1) * size],
        }
        for rule in request.call.rules:
            # the frame does not look below the first level
            if rule.kind in ROW:
                data = orjson.loads(spoil_rows(orjson.dumps(data), rule))
        return Reply.json({"data": data})


def _oauth_error(code: str, description: str, status: int) -> Reply:
    return Reply.json({"error": code, "error_description": description}, status)


def _org(account: Account) -> dict[str, Any]:
    groups = [{"groupId": i, "groupName": name, "parentId": 0} for i, name in OFFICES]
    return {
        "orgType": 1,
        "enterpriseInfo": {
            "groupId": OFFICES[0][0],
            "groupName": OFFICES[0][1],
            "profileId": 1,
            "profileName": account.name,
            "visibleOrgInfoList": groups,
        },
    }


def _tags(account: Account, viewer: Member) -> list[dict[str, Any]]:
    """§4.2: definitions, and the tags of all leads that the viewer sees."""
    rows = [wire.tag(tag, 0) for tag in account.tags.values()]
    for lead in account.visible(viewer):
        rows += [wire.tag(account.tags[i], lead.id, at) for i, at in lead.tags.items()]
    return rows


def _cursor(row: Communication) -> str:
    return base64.urlsafe_b64encode(f"{wire.millis(row.at)}.{row.id}".encode()).decode()


def _after(rows: list[Communication], cursor: str) -> int:
    """Where to go on: behind the place that the cursor names, though its row may have gone."""
    try:
        at, _, number = base64.urlsafe_b64decode(cursor).decode().partition(".")
        place = datetime.fromtimestamp(int(at) / 1000, tz=UTC), int(number)
    except (ValueError, OverflowError):
        raise Refused("INVALID_PARAMETER") from None
    return bisect_right(rows, place, key=lambda row: (row.at, row.id))
