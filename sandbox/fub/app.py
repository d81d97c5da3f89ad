"""The ASGI app: who asks, how often, for what; everything about data is in ``selection``,
``listing`` and ``wire``.
"""

from __future__ import annotations

import base64
import binascii
import math
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import orjson

from sandbox.faults import Rule
from sandbox.fub import oauth, wire
from sandbox.fub.hooks import EVENTS
from sandbox.fub.listing import Counts, Window, envelope, project, read_page, read_window
from sandbox.fub.selection import BadRequest, Selection, flag, select
from sandbox.hooks import Subscription
from sandbox.http import (
    ASGIApp,
    Call,
    Query,
    Receive,
    Reply,
    Scope,
    Send,
    header,
    read_body,
    send_reply,
)
from sandbox.limits import Verdict
from sandbox.world.crm import Account, Credential, Crm
from sandbox.world.crm.model import OWNER, User

if TYPE_CHECKING:
    from sandbox.box import Sandbox

# path → (our entity, the vendor's array key)
TABLES = {
    "people": ("people", "people"),
    "deals": ("deals", "deals"),
    "events": ("events", "events"),
    "calls": ("calls", "calls"),
    "textMessages": ("text_messages", "textmessages"),
    "appointments": ("appointments", "appointments"),
    "notes": ("notes", "notes"),
    "tasks": ("tasks", "tasks"),
}
SMALL: Mapping[str, tuple[str, str, Callable[[Account, Any], dict[str, Any]]]] = {
    "users": ("users", "users", wire.user),
    "teams": ("teams", "teams", wire.team),
    "groups": ("groups", "groups", wire.group),
    "ponds": ("ponds", "ponds", wire.pond),
    "pipelines": ("pipelines", "pipelines", wire.pipeline),
    "stages": ("stages", "stages", wire.stage),
    "customFields": ("custom_fields", "customfields", wire.custom_field),
    "dealCustomFields": ("deal_custom_fields", "dealCustomFields", wire.custom_field),
    "appointmentTypes": ("appointment_types", "appointmenttypes", wire.kind),
    "appointmentOutcomes": ("appointment_outcomes", "appointmentoutcomes", wire.kind),
}
ROWS: Mapping[str, Callable[[Account, Any], dict[str, Any]]] = {
    "deals": wire.deal,
    "events": wire.event,
    "calls": wire.call,
    "text_messages": wire.text,
    "notes": wire.note,
    "tasks": wire.task,
}
CONTEXTS = {
    "global": (250, 125),
    "events": (20, 10),
}
KINDS = {
    "shift_page",
    "stale_cursor",
    "unauthorized",
    "expired_account",
    "rate_limited",
    "forbidden",
}
WINDOW = 10.0


MOST_PER_EVENT = 2
EVENTS_KEPT = timedelta(days=3)


def _subscription(row: Subscription) -> dict[str, Any]:
    return {
        "id": int(row.id.removeprefix("fub:")),
        "status": "Active" if row.active else "Disabled",
        "event": next(iter(row.topics)),
        "url": row.url,
    }


def _object(body: bytes) -> dict[str, Any]:
    try:
        given = orjson.loads(body)
    except orjson.JSONDecodeError:
        given = None
    if not isinstance(given, dict):
        raise Refusal(400, "The body must be a JSON object.")
    return given


class Refusal(Exception):
    """An answer with ``errorMessage``."""

    def __init__(
        self, status: int, message: str, headers: tuple[tuple[bytes, bytes], ...] = ()
    ) -> None:
        super().__init__(message)
        self.reply = Reply.json({"errorMessage": message}, status, headers)


@dataclass(slots=True)
class Request:
    """A request whose sender is known."""

    account: Account
    viewer: User
    query: Query
    call: Call
    body: bytes = b""


class FollowUpBoss:
    """``/v1/...`` and ``/oauth/...`` below ``/fub``."""

    def __init__(self, box: Sandbox) -> None:
        self._box = box
        self._counts = Counts()
        self._rebuilt = box.rebuilt
        box.faults.register("fub", KINDS, PROFILES)
        for context, (registered, plain) in CONTEXTS.items():
            box.limits.default("fub", context, registered, WINDOW)
            box.limits.default("fub", f"{context}:unregistered", plain, WINDOW)

    @property
    def _crm(self) -> Crm:
        crm = self._box.crm
        if not isinstance(crm, Crm):
            raise TypeError("The sandbox was built without a CRM; sandbox.world.crm is missing.")
        return crm

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Plays one request."""
        body = await read_body(receive)
        with self._box.lock:
            if self._rebuilt != self._box.rebuilt:
                self._counts, self._rebuilt = Counts(), self._box.rebuilt
            try:
                reply = self._answer(scope, body)
            except Refusal as refusal:
                reply = refusal.reply
        await send_reply(send, reply)

    def _answer(self, scope: Scope, body: bytes) -> Reply:
        path, method = str(scope["path"]).rstrip("/"), str(scope["method"])
        query = Query(scope["query_string"].decode("latin-1"))
        if path == "/oauth/authorize":
            return oauth.authorize(self._crm, query)
        if path == "/oauth/token":
            reply = oauth.token(self._crm, method, header(scope, b"authorization"), query, body)
            # the shape of a token error is our reading (§1.3.7)
            scope["sandbox.call"].assumed = reply.status != 200
            return reply
        if not path.startswith("/v1/"):
            raise Refusal(404, f"Unknown path {path}.")
        call: Call = scope["sandbox.call"]
        registered = self._registered(scope)
        rest = path.removeprefix("/v1/")
        if rest.startswith("rateLimit/"):
            return self._rate_limits(registered)
        credential = self._credential(scope, call)
        account = credential.account
        call.account = account.agent_key
        verdict, headers = self._take(account, rest, method, registered, call)
        if not verdict.allowed:
            if self._crm.switches.retry_after:
                headers = (*headers, (b"retry-after", str(verdict.retry_after).encode()))
            raise Refusal(429, "Too many requests. Slow down and try again later.", headers)
        try:
            request = Request(account, credential.user, query, call, body)
            reply = self._resource(method, rest, request, registered)
        except BadRequest as error:
            reply = Reply.json({"errorMessage": str(error)}, 400)
        except Refusal as refusal:
            reply = refusal.reply
        return replace(reply, headers=(*reply.headers, *headers))

    # --- who, how often ---

    def _registered(self, scope: Scope) -> bool:
        name = header(scope, b"x-system")
        return name is not None and self._crm.systems.get(name) == header(scope, b"x-system-key")

    def _credential(self, scope: Scope, call: Call) -> Credential:
        scheme, _, text = (header(scope, b"authorization") or "").partition(" ")
        found = None
        if scheme.lower() == "basic":
            try:
                key = base64.b64decode(text).decode("latin-1").partition(":")[0]
            except binascii.Error:
                key = ""
            found = self._crm.credential(key)
        elif scheme.lower() == "bearer":
            found = self._crm.bearer(text.strip())
        if found is None or found.user.deleted or call.fault("unauthorized"):
            raise Refusal(401, "Invalid or expired credentials.")
        if found.account.expired or call.fault("expired_account"):
            raise Refusal(403, "This account has expired. Please update your billing information.")
        return found

    def _take(
        self, account: Account, rest: str, method: str, registered: bool, call: Call
    ) -> tuple[Verdict, tuple[tuple[bytes, bytes], ...]]:
        limits = self._box.limits
        context = "events" if rest.split("/")[0] == "events" and method == "GET" else "global"
        limit = limits.get("fub", context if registered else f"{context}:unregistered")
        verdict = limits.take("fub", str(account.id), context, limit=limit)
        burst = call.fault("rate_limited")
        if burst is not None:
            verdict = replace(
                verdict,
                allowed=False,
                remaining=0,
                retry_after=int(burst.params.get("retry_after", 1)),
            )
        if not limits.enabled and verdict.allowed:
            # a limit that is not enforced must not be announced: a reader would obey it
            return verdict, ()
        headers = (
            (b"x-ratelimit-limit", str(verdict.limit).encode()),
            (b"x-ratelimit-remaining", str(verdict.remaining).encode()),
            (b"x-ratelimit-window", str(math.ceil(verdict.window)).encode()),
            (b"x-ratelimit-context", context.encode()),
        )
        return verdict, headers

    def _rate_limits(self, registered: bool) -> Reply:
        if not registered:
            raise Refusal(401, "X-System and X-System-Key are required.")
        limits = {
            c: limit.requests
            for c in CONTEXTS
            if (limit := self._box.limits.get("fub", c)) is not None
        }
        shown = {"default" if c == "global" else c: n for c, n in limits.items()}
        every = {c: n * 20 for c, n in shown.items()}
        name = next(iter(self._crm.systems))
        return Reply.json(
            {"system": name, "current_limits": {"across_all_accounts": every, "per_account": shown}}
        )

    # --- what ---

    def _resource(self, method: str, rest: str, request: Request, registered: bool) -> Reply:
        name, _, tail = rest.partition("/")
        if request.call.fault("forbidden"):
            raise Refusal(403, "You do not have access to this resource.")
        if (name, tail, method) == ("oauthApps", "revokeAccess", "DELETE"):
            # whose token it is says which grant ends; the contract names the call alone (§1.3)
            request.call.assumed = True
            self._crm.grants.revoke(request.account.agent_key)
            return Reply(204)
        if name == "webhooks":
            return self._webhooks(method, tail, request, registered)
        if name == "webhookEvents":
            return self._webhook_event(tail, request)
        if name == "emails":
            raise Refusal(400, "Set id, inboxThreadId or personId to list emails.")
        known = name in TABLES or name in SMALL or name in ("identity", "me")
        if not known:
            raise Refusal(404, f"The resource '{name}' does not exist.")
        if method != "GET":
            raise Refusal(405, f"The sandbox does not take {method} for {name}.")
        account, viewer = request.account, request.viewer
        if name == "identity":
            return Reply.json(wire.identity(account, viewer))
        if name == "me":
            return Reply.json(wire.user(account, viewer))
        if name in SMALL:
            return self._small_one(name, tail, request) if tail else self._small_list(name, request)
        return self._one(name, tail, request) if tail else self._list(name, request)

    def _webhooks(self, method: str, tail: str, request: Request, registered: bool) -> Reply:
        """§6.1."""
        if not registered:
            raise Refusal(401, "X-System and X-System-Key are required to manage webhooks.")
        if request.viewer.kind != OWNER:
            raise Refusal(403, "Only the account owner can manage webhooks.")
        hooks, owner = self._box.hooks, request.account.agent_key
        match method, tail:
            case "GET", "":
                event = request.query.get("event")
                shown = [_subscription(s) for s in hooks.of("fub", owner)]
                rows = [row for row in shown if event in (None, row["event"])]
                return self._page_of_dicts("webhooks", "webhooks", rows, request)
            case "POST", "":
                return self._subscribe(request)
        found = hooks.find("fub", owner, f"fub:{tail}")
        if found is None:
            raise Refusal(404, f"No webhook with id {tail}.")
        match method:
            case "GET":
                return Reply.json(_subscription(found))
            case "PUT":
                given = _object(request.body)
                if "status" in given:
                    found.active = given["status"] == "Active"
                if "url" in given:
                    found.url = str(given["url"])
                return Reply.json(_subscription(found))
            case "DELETE":
                hooks.unsubscribe(found)
                return Reply(200)
            case _:
                raise Refusal(405, f"A webhook does not take {method}.")

    def _subscribe(self, request: Request) -> Reply:
        hooks, owner = self._box.hooks, request.account.agent_key
        given = _object(request.body)
        event, url = str(given.get("event", "")), str(given.get("url", ""))
        if event not in EVENTS:
            raise Refusal(400, f"Unknown event {event}.")
        if sum(event in s.topics for s in hooks.of("fub", owner)) >= MOST_PER_EVENT:
            raise Refusal(400, f"There are {MOST_PER_EVENT} webhooks of {event} already.")
        number = hooks.number()
        try:
            made = hooks.subscribe(
                Subscription(f"fub:{number}", "fub", owner, url, frozenset({event}))
            )
        except ValueError as error:
            raise Refusal(400, str(error)) from error
        return Reply.json(_subscription(made), 201)

    def _webhook_event(self, tail: str, request: Request) -> Reply:
        """An account's event that got lost may be fetched again for about three days (§6.1)."""
        agent_key, told_at = self._crm.told.get(tail, ("", self._crm.world.now()))
        kept = self._crm.world.now() - told_at < EVENTS_KEPT
        if agent_key != request.account.agent_key or not kept:
            raise Refusal(404, f"No webhook event {tail}.")
        for sent in self._box.hooks.sent.values():
            body = orjson.loads(sent.body) if sent.vendor == "fub" else {}
            if body.get("eventId") == tail:
                return Reply.json(body)
        raise Refusal(404, f"No webhook event {tail}.")

    def _small_one(self, name: str, tail: str, request: Request) -> Reply:
        attribute, _, make = SMALL[name]
        rows: dict[int, Any] = getattr(request.account, attribute)
        if name == "groups" and tail == "roundRobin":
            robin = [
                make(request.account, g) for g in rows.values() if g.distribution == "round-robin"
            ]
            return self._page_of_dicts("groups", name, robin, request)
        row = rows.get(int(tail)) if tail.isdigit() else None
        if row is None:
            raise Refusal(404, f"No record with id {tail} in {name}.")
        return Reply.json(make(request.account, row))

    def _small_list(self, name: str, request: Request) -> Reply:
        attribute, collection, make = SMALL[name]
        query = request.query
        rows: list[Any] = list(getattr(request.account, attribute).values())
        if name == "users":
            if not flag(query, "includeDeleted"):
                rows = [u for u in rows if not u.deleted]
            rows = [
                u
                for u in rows
                if query.get("role") in (None, u.role) and query.get("email") in (None, u.email)
            ]
        if name == "groups":
            rows = [g for g in rows if query.get("type") in (None, g.type)]
        if name in ("users", "pipelines"):
            rows = [r for r in rows if query.get("name") in (None, r.name)]
        if name in ("customFields", "dealCustomFields"):
            rows = [f for f in rows if query.get("label") in (None, f.label)]
        fields = query.get("fields")
        shown = [make(request.account, row) for row in rows]
        if fields and not set(fields.split(",")) & {"allFields", "calling"}:
            shown = [project(row, fields) for row in shown]
        return self._page_of_dicts(collection, name, shown, request)

    def _page_of_dicts(
        self, collection: str, path: str, shown: list[dict[str, Any]], request: Request
    ) -> Reply:
        crm, query = self._crm, request.query
        now = crm.world.now()
        window = read_window(query, crm.switches, now)
        shown = sorted(shown, key=lambda row: row["id"], reverse=window.descending)
        if window.since is not None:
            since = window.since
            shown_from = [
                r for r in shown if (r["id"] < since if window.descending else r["id"] > since)
            ]
        else:
            shown_from = shown[window.offset :]
        page = shown_from[: window.limit]
        more = len(shown_from) > window.limit
        cursor = {"sinceId": int(page[-1]["id"])} if more else None
        body = envelope(
            collection=collection,
            rows=[orjson.dumps(row) for row in page],
            window=window,
            total=len(shown),
            cursor=cursor,
            link=self._link(path),
            query=query,
            switches=crm.switches,
            now=now,
        )
        return Reply(body=body)

    def _link(self, path: str) -> str:
        return f"{self._box.url}/fub/v1/{path}"

    def _one(self, name: str, tail: str, request: Request) -> Reply:
        entity, _ = TABLES[name]
        account, viewer = request.account, request.viewer
        row = account.table(entity).get(int(tail)) if tail.isdigit() else None
        if (
            row is not None
            and entity == "people"
            and not account.readable(row, self._crm.world.now())
        ):
            row = None
        hidden = entity == "appointments" and not flag(request.query, "includeDeleted")
        if row is None or (hidden and row.deleted):
            raise Refusal(404, f"No record with id {tail} in {name}.")
        if not self._sees(entity, account, viewer, row):
            raise Refusal(403, "You do not have access to this record.")
        fields = request.query.get("fields")
        if entity == "people":
            return Reply.json(_person(account, row, fields))
        if entity == "appointments":
            return Reply.json(
                project(wire.appointment(account, row, viewer), _plain_fields(fields))
            )
        return Reply.json(project(ROWS[entity](account, row), _plain_fields(fields)))

    @staticmethod
    def _sees(entity: str, account: Account, viewer: User, row: Any) -> bool:
        match entity:
            case "people":
                return account.sees_person(viewer, row)
            case "deals":
                return account.sees_deal(viewer, row)
            case "appointments":
                return account.sees_appointment(viewer, row, scoped_to=row.calendar_user_id)
            case _:
                return account.sees_child(viewer, row)

    def _list(self, name: str, request: Request) -> Reply:
        crm, query = self._crm, request.query
        entity, collection = TABLES[name]
        account, viewer, switches = request.account, request.viewer, crm.switches
        now = crm.world.now()
        window = read_window(query, switches, now)
        if request.call.fault("stale_cursor") and query.get("next"):
            raise BadRequest("The next parameter is invalid or has expired.")
        self._drift(request, window, entity)
        chosen = select(entity, account, viewer, query, switches, now)
        shift = _shift(request.call.fault("shift_page"))
        ids, cursor = read_page(chosen, window, self._counts, shift)
        body = envelope(
            collection=collection,
            rows=self._render(entity, ids, chosen, request),
            window=window,
            total=self._counts.total(chosen),
            cursor=cursor,
            link=self._link(name),
            query=query,
            switches=switches,
            now=now,
            totals_by_stage=_by_stage(chosen) if entity == "deals" else None,
        )
        return Reply(body=body)

    def _render(
        self, entity: str, ids: list[int], chosen: Selection, request: Request
    ) -> list[bytes]:
        account, table = request.account, chosen.table
        fields = request.query.get("fields")
        if entity == "people":
            view, rest = _person_view(fields)
            if rest is None:
                return [
                    table.render(i, view, lambda p: orjson.dumps(wire.person(account, p, view)))
                    for i in ids
                ]
            return [orjson.dumps(_person(account, table.get(i), fields)) for i in ids]
        if entity == "appointments":
            found = [row for row in map(table.get, ids) if row is not None]
            shown = [wire.appointment(account, row, request.viewer) for row in found]
            return [orjson.dumps(project(row, _plain_fields(fields))) for row in shown]
        make = ROWS[entity]
        if _plain_fields(fields):
            return [orjson.dumps(project(make(account, table.get(i)), fields)) for i in ids]
        return [table.render(i, "all", lambda row: orjson.dumps(make(account, row))) for i in ids]

    def _drift(self, request: Request, window: Window, entity: str) -> None:
        """Touches rows between the pages of a list sorted by ``updated``: some come twice, some
        never.
        """
        wanted = self._crm.switches.sort_drift
        if not wanted or window.sort != "updated" or not window.offset:
            return
        table = request.account.table(entity)
        now = self._crm.world.now().replace(microsecond=0)
        for row in sorted(table.rows(), key=lambda r: (r.updated, r.id))[:wanted]:
            table.put(replace(row, updated=now))


def _person_view(fields: str | None) -> tuple[str, str | None]:
    """(the rendering that holds everything asked for, the field list left to apply)."""
    names = {n.strip() for n in (fields or "").split(",") if n.strip()}
    if not names:
        return "default", None
    if "allFields" in names:
        return "all", None
    if names == {"allCustom"}:
        return "custom", None
    return "all", fields


def _person(account: Account, row: Any, fields: str | None) -> dict[str, Any]:
    view, rest = _person_view(fields)
    body = wire.person(account, row, view)
    if rest and "allCustom" in rest:
        rest = ",".join([rest, *row.custom])
    return project(body, rest)


def _plain_fields(fields: str | None) -> str | None:
    return None if fields and "allFields" in fields else fields


def _by_stage(chosen: Selection) -> Counter[int]:
    found = map(chosen.table.get, chosen.down())
    return Counter(row.stage_id for row in found if row is not None)


def _shift(rule: Rule | None) -> int:
    """1 skips a row (a miss), -1 repeats the last one of the page before (a duplicate)."""
    return int(rule.params.get("by", -1)) if rule is not None else 0


PROFILES: Mapping[str, Callable[[], list[Rule]]] = {
    # what a bad week looks like: every kind of hiccup that a sync must survive without losing a row
    "rough": lambda: [
        Rule("rate_limited", "fub", match="^/v1/(people|calls)", skip=2, times=2),
        Rule("html", "fub", match="^/v1/people", skip=5),
        Rule("truncated_json", "fub", match="^/v1/calls", skip=1),
        Rule("empty_body", "fub", match="^/v1/events", skip=1),
        Rule("shift_page", "fub", match="^/v1/people.*next=", skip=1, params={"by": -1}),
        Rule("stale_cursor", "fub", match="^/v1/events.*next=", skip=2),
        Rule("429_without", "fub", match="^/v1/textMessages", skip=3),
    ],
    "tokens": lambda: [Rule("unauthorized", "fub", match="^/v1/people", skip=3)],
}


def build_app(box: Sandbox) -> ASGIApp:
    """The Follow Up Boss side of a sandbox."""
    return FollowUpBoss(box)
