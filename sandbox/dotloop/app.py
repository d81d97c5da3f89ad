"""The ASGI app: who asks, what they may see, how often, and the lists of contract §3."""

from __future__ import annotations

import math
import time
import uuid
from typing import TYPE_CHECKING, Any, cast

import orjson

from sandbox.dotloop import facts, oauth, wire
from sandbox.dotloop.books import Books
from sandbox.dotloop.grants import Grant
from sandbox.dotloop.hooks import LIFECYCLE, PROFILE_EVENTS, USER_EVENTS, without_access
from sandbox.dotloop.listing import BadRequest, Lists, batch
from sandbox.dotloop.model import Account, Loop, Profile
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

if TYPE_CHECKING:
    from sandbox.box import Sandbox

PER_MINUTE = 100
KINDS = {"shift_page", "rate_limited", "invalid_token", "vanish", "merge"}
PREFIX = ["public", "v2"]
PDF = b"application/pdf"


class _Refused(Exception):
    """An answer other than 200; its body has one of the shapes that were seen (§2)."""

    def __init__(self, status: int, message: str, headers: Headers = ()) -> None:
        body: dict[str, Any] = {"message": message}
        if status == 401:
            body = {"error": "invalid_token", "error_description": message}
        elif status in (400, 404):
            body = {"errors": [{"code": status, "message": message}]}
        self.reply = Reply.json(body, status, headers)


def build_app(box: Sandbox) -> ASGIApp:
    """Dotloop over the box's books."""
    box.limits.default("dotloop", "global", PER_MINUTE, 60.0)
    box.faults.register("dotloop", KINDS)
    return _App(box)


class _App:
    def __init__(self, box: Sandbox) -> None:
        self._box = box
        self._lists = Lists()

    @property
    def _books(self) -> Books:
        return cast(Books, self._box.books["dotloop"])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        call: Call = scope["sandbox.call"]
        body = await read_body(receive)
        with self._box.lock:
            if call.path.startswith("/oauth"):
                reply = oauth.answer(self._books, call, scope)
            else:
                reply = self._play(call, scope, body)
        await send_reply(send, reply)

    def _play(self, call: Call, scope: Scope, body: bytes) -> Reply:
        limits: Headers = ()
        try:
            grant = self._caller(call, scope)
            limits = self._limit(call, grant)
            path = [part for part in call.path.split("/") if part]
            if path[:2] != PREFIX:
                raise _Refused(404, "Not found")
            if path[2:3] == ["subscription"]:
                return self._subscriptions(call, grant, path[3:], body)
            if call.method != "GET":
                # a reader has no business to write, whatever it was allowed
                raise _Refused(403, "This client may only read")
            self._books.follow()
            reply = self._answer(call, scope, grant, path[2:])
        except _Refused as refused:
            reply = refused.reply
        except BadRequest as error:
            reply = _Refused(400, str(error)).reply
        reply.headers = (*reply.headers, *limits)
        return reply

    # --- who asks ---------------------------------------------------------------------------------

    def _caller(self, call: Call, scope: Scope) -> Grant:
        scheme, _, token = (header(scope, b"authorization") or "").partition(" ")
        grant = self._books.grants.of(token) if scheme == "Bearer" else None
        if grant is None or call.fault("invalid_token"):
            raise _Refused(401, "The access token is invalid or has expired")
        call.account = grant.agent_key
        return grant

    def _limit(self, call: Call, grant: Grant) -> Headers:
        """The three headers. Raises 429 when the user has asked too often."""
        limits = self._box.limits
        verdict = limits.take("dotloop", grant.agent_key)
        rule = call.fault("rate_limited")
        if not limits.enabled and rule is None:
            # a limit that is not enforced must not be announced: a reader would obey it
            return ()
        wait = math.ceil(verdict.resets_in * 1000)
        remaining = verdict.remaining
        if rule is not None:
            wait, remaining = int(rule.params.get("reset_ms", 1000)), 0
        if self._books.switches["reset_as"] == "epoch_ms":
            wait += int(time.time() * 1000)
        headers: Headers = (
            (b"x-ratelimit-limit", str(verdict.limit).encode()),
            (b"x-ratelimit-remaining", str(remaining).encode()),
            (b"x-ratelimit-reset", str(wait).encode()),
        )
        if rule is not None or not verdict.allowed:
            raise _Refused(429, "Too many requests", headers)
        return headers

    def _must_have(self, grant: Grant, what: str) -> None:
        scopes = {scope.strip() for scope in grant.scope.split(",")}
        if not scopes & {f"{what}:*", f"{what}:read"}:
            raise _Refused(403, f"The scope {what}:read is missing")

    # --- subscriptions, §5.1 ---------------------------------------------------------------------

    def _subscriptions(self, call: Call, grant: Grant, path: list[str], body: bytes) -> Reply:
        hooks, owner, query = self._box.hooks, grant.agent_key, Query(call.query)
        for subscription in hooks.of("dotloop", owner):
            if without_access(self._books, subscription):
                subscription.active = False
        match call.method, path:
            case "GET", []:
                rows = [_subscription(s) for s in hooks.of("dotloop", owner)]
                return self._page(_chosen(rows, "enabled", query.get("enabled")), query)
            case "POST", []:
                return self._subscribe(grant, _object(body))
        found = hooks.find("dotloop", owner, path[0])
        if found is None:
            raise _Refused(404, "Subscription not found")
        match call.method, path[1:]:
            case "GET", []:
                return Reply.json({"data": _subscription(found)})
            case "PATCH", []:
                given = _object(body)
                found.active = bool(given.get("enabled", found.active))
                found.url = str(given.get("url", found.url))
                if "eventTypes" in given:
                    found.topics = frozenset(given["eventTypes"]) | LIFECYCLE
                return Reply.json({"data": _subscription(found)})
            case "DELETE", []:
                hooks.unsubscribe(found)
                return Reply(204)
            case "GET", ["event"]:
                wanted = query.get("delivery_status")
                return self._page(_chosen(self._log(found), "deliveryStatus", wanted), query)
            case "GET", ["event", event_id]:
                rows = [row for row in self._log(found) if row["id"] == event_id]
                if rows:
                    return Reply.json({"data": rows[0]})
        raise _Refused(404, "Not found")

    def _log(self, subscription: Subscription) -> list[dict[str, Any]]:
        """What was sent to a subscription, the newest first."""
        sent = [s for s in self._box.hooks.sent.values() if s.subscription == subscription.id]
        return [
            {**orjson.loads(s.body), "id": s.id, "deliveryStatus": s.status.upper()}
            for s in reversed(sent)
        ]

    def _page(self, rows: list[dict[str, Any]], query: Query) -> Reply:
        """A page, with the cursor of the next in `meta`; nobody has said where it is [assumed]."""
        cursor, size = query.get("next_cursor"), int(self._books.switches["cursor_page"])
        start = 0
        if cursor is not None:
            places = [n for n, row in enumerate(rows, 1) if row["id"] == cursor]
            if not places:
                raise BadRequest("next_cursor is unknown")
            [start] = places
        page = rows[start : start + size]
        meta: dict[str, Any] = {"total": len(page)}
        if start + size < len(rows):
            meta["next_cursor"] = page[-1]["id"]
        return Reply.json({"meta": meta, "data": page})

    def _subscribe(self, grant: Grant, given: dict[str, Any]) -> Reply:
        kind, target = str(given.get("targetType")), _number(str(given.get("targetId")))
        account = self._books.accounts[grant.agent_key]
        known = {"PROFILE": PROFILE_EVENTS, "USER": USER_EVENTS}.get(kind)
        events = frozenset(map(str, given.get("eventTypes", ())))
        if known is None or not events or not events <= known:
            raise _Refused(400, "eventTypes do not fit the targetType")
        if kind == "USER" and target != account.id:
            raise _Refused(403, "The target belongs to others")
        if kind == "PROFILE":
            self._profile(account, str(target))
        made = Subscription(
            str(uuid.uuid4()), "dotloop", grant.agent_key, str(given.get("url", "")),
            events | LIFECYCLE,
            f"{kind} {target}", given.get("signingKey"), bool(given.get("enabled", True)),
            {"externalId": given.get("externalId"), "signs": self._books.switches["signs"]},
        )  # fmt: skip
        try:
            self._box.hooks.subscribe(made)
        except ValueError as error:
            raise _Refused(400, str(error)) from error
        return Reply.json({"data": _subscription(made)}, 201)

    # --- what is asked for ------------------------------------------------------------------------

    def _answer(self, call: Call, scope: Scope, grant: Grant, path: list[str]) -> Reply:
        books, query = self._books, Query(call.query)
        account = books.accounts[grant.agent_key]
        match path:
            case ["account"]:
                self._must_have(grant, "account")
                return _one(call, wire.account(account, books.world.agents[account.agent_id]))
            case ["profile"]:
                self._must_have(grant, "profile")
                rows = [wire.profile(p, account) for p in books.profiles_of(grant.agent_key)]
                return _list(rows, len(rows))
            case ["profile", profile_id]:
                self._must_have(grant, "profile")
                return _one(call, wire.profile(self._profile(account, profile_id), account))
            case ["profile", profile_id, "loop-template"]:
                self._must_have(grant, "template")
                rows = wire.templates(self._profile(account, profile_id))
                return _list(rows, len(rows))
            case ["profile", profile_id, "loop"]:
                self._must_have(grant, "loop")
                return self._loops(call, self._listable(account, profile_id), query)
            case ["profile", profile_id, "loop", loop_id, *rest]:
                self._must_have(grant, "loop")
                profile = self._listable(account, profile_id)
                loop = self._loop(call, profile, loop_id, rest)
                return self._inside(call, scope, profile, loop, rest, query)
            case ["contact"]:
                self._must_have(grant, "contact")
                # nobody has said that this list can be filtered
                call.assumed = query.get("filter") is not None
                return self._contacts(call, account, query)
            case ["contact", contact_id]:
                self._must_have(grant, "contact")
                contact = books.contacts[grant.agent_key].get(_number(contact_id))
                if contact is None:
                    raise _Refused(404, "Contact not found")
                return _one(call, wire.contact(contact))
            case _:
                raise _Refused(404, "Not found")

    def _profile(self, account: Account, text: str) -> Profile:
        profile = self._books.profiles.get(_number(text))
        if profile is None:
            raise _Refused(404, "Profile not found")
        if account.agent_key not in profile.members:
            raise _Refused(403, "The profile belongs to others")
        return profile

    def _listable(self, account: Account, text: str) -> Profile:
        profile = self._profile(account, text)
        if not profile.lists_for(account.agent_key):
            raise _Refused(403, "The loops of this profile are not yours to see")
        return profile

    def _loop(self, call: Call, profile: Profile, text: str, rest: list[str]) -> Loop:
        books = self._books
        loop = books.find(profile.id, _number(text))
        if loop is not None and loop.merged_into is None:
            self._meddle(call, profile, loop)
            loop = books.find(profile.id, _number(text))
        if loop is None:
            raise _Refused(404, "Loop not found")
        if loop.merged_into is not None:
            view_id = books.view_id(loop.merged_into, profile.id)
            tail = "/".join(["", *rest]) + (f"?{call.query}" if call.query else "")
            place = f"/dotloop/public/v2/profile/{profile.id}/loop/{view_id}{tail}"
            raise _Refused(
                301, "The loop was merged", ((b"location", f"{self._box.url}{place}".encode()),)
            )
        return loop

    def _meddle(self, call: Call, profile: Profile, loop: Loop) -> None:
        """What somebody does to a loop between the list and a question about it."""
        books = self._books
        if call.fault("vanish"):
            books.delete(loop)
        elif call.fault("merge"):
            others = (other for other in books.listed(profile.id) if other is not loop)
            into = next(others, None)
            if into is not None:
                books.merge(loop, into)

    def _loops(self, call: Call, profile: Profile, query: Query) -> Reply:
        """§3.3; the total is 0 whatever there is."""
        books = self._books
        start, size = batch(query, int(books.switches["batch_cap"]))
        if call.fault("shift_page"):
            # somebody writes into the loop at the front while the list is read
            front = self._lists.loops(books, profile.id, query)
            if front:
                books.touch(front[0])
        chosen = self._lists.loops(books, profile.id, query)[start : start + size]
        details = query.get("include_details") == "true"
        for loop in chosen:
            loop.shown_in.add(profile.id)
        return _list([wire.loop(books, x, profile.id, details=details) for x in chosen], 0)

    def _contacts(self, call: Call, account: Account, query: Query) -> Reply:
        """§3.7; a last batch counts only itself."""
        books = self._books
        start, size = batch(query, int(books.switches["contact_batch_cap"]))
        if call.fault("shift_page"):
            front = self._lists.contacts(books, account.agent_key, query)
            if front:
                books.touch_contact(account.agent_key, front[0])
        everybody = self._lists.contacts(books, account.agent_key, query)
        rows = [wire.contact(c) for c in everybody[start : start + size]]
        return _list(rows, len(everybody) if len(rows) == size else len(rows))

    def _inside(
        self, call: Call, scope: Scope, profile: Profile, loop: Loop, rest: list[str], query: Query
    ) -> Reply:
        """A loop, or what is below it."""
        books = self._books
        match rest:
            case []:
                details = query.get("include_details") == "true"
                return _one(call, wire.loop(books, loop, profile.id, details=details))
            case ["detail"]:
                return _one(call, wire.detail(loop))
            case ["participant"]:
                rows = [wire.party(p, loop) for p in facts.parties(loop)]
            case ["activity"]:
                start, size = batch(query, int(books.switches["batch_cap"]))
                return _list(wire.activities(loop)[start : start + size], -1)
            case ["tasklist"]:
                rows = wire.task_lists(loop)
            case ["tasklist", number, "task"]:
                _one_of(wire.task_lists(loop), number)
                rows = wire.tasks(loop)
            case ["folder"]:
                rows = wire.folders(
                    loop,
                    documents=query.get("include_documents") == "true",
                    archived=query.get("include_archived") == "true",
                )
            case ["folder", folder_id, "document", *document]:
                rows = self._documents(loop, folder_id)
                if document:
                    _one_of(rows, document[0])
                    return _pdf(call, scope)
            case _:
                raise _Refused(404, "Not found")
        return _list(rows, len(rows))

    def _documents(self, loop: Loop, folder_id: str) -> list[dict[str, Any]]:
        found = wire.folders(loop, documents=True, archived=True)
        documents: list[dict[str, Any]] = _one_of(found, folder_id)["documents"]
        return documents


def _subscription(row: Subscription) -> dict[str, Any]:
    kind, _, target = row.target.partition(" ")
    return {
        "id": row.id,
        "targetType": kind,
        "targetId": int(target),
        "url": row.url,
        "enabled": row.active,
        "eventTypes": sorted(row.topics - LIFECYCLE),
        "externalId": row.shown["externalId"],
    }


def _chosen(rows: list[dict[str, Any]], name: str, wanted: str | None) -> list[dict[str, Any]]:
    """The rows in which a member is as the query wants it; true and false are written small."""
    if wanted is None:
        return rows
    return [row for row in rows if str(row[name]).upper() == wanted.upper()]


def _object(body: bytes) -> dict[str, Any]:
    try:
        given = orjson.loads(body)
    except orjson.JSONDecodeError:
        given = None
    if not isinstance(given, dict):
        raise _Refused(400, "The body is no object")
    return given


def _number(text: str) -> int:
    if not text.isdecimal():
        raise _Refused(404, "Not found")
    return int(text)


def _one_of(rows: list[dict[str, Any]], text: str) -> dict[str, Any]:
    found = next((row for row in rows if row["id"] == _number(text)), None)
    if found is None:
        raise _Refused(404, "Not found")
    return found


def _pdf(call: Call, scope: Scope) -> Reply:
    call.assumed = True
    if header(scope, b"accept") != PDF.decode():
        raise _Refused(400, "A document is sent as application/pdf only")
    return Reply(200, b"%PDF-1.4\n%%EOF\n", PDF)


def _list(rows: list[dict[str, Any]], total: int) -> Reply:
    return Reply.json({"meta": {"total": total}, "data": rows})


def _one(call: Call, row: dict[str, Any]) -> Reply:
    for rule in call.rules:
        if rule.kind in ROW:
            # the frame would take the envelope for the row
            row = next(iter(orjson.loads(spoil_rows(orjson.dumps([row]), rule))), {})
    call.rules = [rule for rule in call.rules if rule.kind not in ROW]
    return Reply.json({"data": row})
