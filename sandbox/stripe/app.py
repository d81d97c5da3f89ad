"""The ASGI app: who asks, in which version, how often, for what."""

from __future__ import annotations

import base64
import binascii
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import count
from secrets import token_hex
from typing import TYPE_CHECKING, Any, cast

from sandbox.faults import Rule
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
from sandbox.stripe import listing, wire
from sandbox.stripe.listing import Refused
from sandbox.stripe.store import DAY, KEPT_DAYS
from sandbox.vendor import HOUSE

if TYPE_CHECKING:
    from sandbox.box import Sandbox
    from sandbox.stripe.books import Books

KIND_AT = {path: kind for kind, path in wire.PATHS.items()}
KINDS = {
    "rate_limited",
    "lock_timeout",
    "server_error",
    "conflict",
    "unauthorized",
    "forbidden",
    "missing",
    "shift_page",
}
# which key permission a resource needs, where it is not its own name
PERMISSION = {"checkout.session": "checkout"}


def build_app(box: Sandbox) -> ASGIApp:
    """Stripe over the box's books; paths start at `/v1/`."""
    # a test-mode account has about 25 reads a second (§2)
    box.limits.default("stripe", "global", 25, 1.0)
    box.faults.register("stripe", KINDS, PROFILES)
    return _App(box)


class _App:
    def __init__(self, box: Sandbox) -> None:
        self._box = box
        self._requests = count(1)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        sent = await read_body(receive)
        call: Call = scope["sandbox.call"]
        version = None
        with self._box.lock:
            try:
                books = cast("Books", self._box.books["stripe"])
                books.settle()
                version = self._version(scope, books)
                reply = self._answer(scope, call, books, version, sent)
            except Refused as refused:
                reply = refused.reply
        headers: Headers = ((b"request-id", f"req_{next(self._requests):014d}".encode()),)
        if version is not None:
            headers = (*headers, (b"stripe-version", version.encode()))
        await send_reply(send, replace(reply, headers=(*reply.headers, *headers)))

    def _version(self, scope: Scope, books: Books) -> str:
        asked = header(scope, b"stripe-version") or books.journal.after
        if not re.fullmatch(r"\d{4}-\d{2}-\d{2}(\.[a-z]+)?", asked):
            raise Refused(400, f"Invalid Stripe API version: {asked}")
        return asked

    def _answer(self, scope: Scope, call: Call, books: Books, version: str, sent: bytes) -> Reply:
        reads = self._caller(scope, call, books)
        self._limit(call)
        if call.path.startswith("/v1/webhook_endpoints"):
            return self._endpoints(call, sent)
        if call.method != "GET":
            raise Refused(403, "The sandbox does not take writes; use its control API.")
        query = Query(call.query)
        path = call.path.strip("/").removeprefix("v1/")
        if not call.path.startswith("/v1/"):
            raise Refused(404, f"Unrecognized request URL (GET: {call.path}).")
        if path == "subscription_items":
            self._permit("subscription", reads)
            call.template = "/v1/subscription_items"
            return self._items(query, books, version)
        name, _, thing_id = path.rpartition("/")
        kind = KIND_AT.get(path)
        if kind is not None:
            self._permit(PERMISSION.get(kind, kind), reads)
            call.template = f"/v1/{path}"
            return self._list(kind, query, call, books, version)
        kind = KIND_AT.get(name)
        if kind is None:
            raise Refused(404, f"Unrecognized request URL (GET: {call.path}).")
        self._permit(PERMISSION.get(kind, kind), reads)
        call.template = f"/v1/{name}/{{id}}"
        return self._one(kind, thing_id, query, call, books, version)

    # --- who, how often ---

    def _caller(self, scope: Scope, call: Call, books: Books) -> frozenset[str]:
        scheme, _, text = (header(scope, b"authorization") or "").partition(" ")
        key = ""
        if scheme.lower() == "bearer":
            key = text.strip()
        elif scheme.lower() == "basic":
            try:
                key = base64.b64decode(text).decode("latin-1").partition(":")[0]
            except binascii.Error:
                key = ""
        if not key:
            raise Refused(
                401, "You did not provide an API key. Use the header 'Authorization: Bearer KEY'."
            )
        if key not in books.keys or key in books.revoked or call.fault("unauthorized"):
            raise Refused(401, f"Invalid API Key provided: {key[:8]}****{key[-4:]}")
        if call.fault("forbidden"):
            return frozenset()
        return books.keys[key]

    def _permit(self, resource: str, reads: frozenset[str]) -> None:
        if resource not in reads:
            raise Refused(
                403,
                "The provided key does not have the required permissions for this endpoint. "
                f"Having the 'rak_{resource}_read' permission would allow this request.",
            )

    def _limit(self, call: Call) -> None:
        if not self._box.limits.take("stripe", call.account or "nobody").allowed:
            raise _rate_limited("global-rate")
        for rule in call.rules:
            match rule.kind:
                case "rate_limited":
                    raise _rate_limited(str(rule.params.get("reason", "endpoint-rate")))
                case "lock_timeout":
                    raise Refused(
                        429, "This object cannot be accessed right now.", code="lock_timeout"
                    )
                case "conflict":
                    raise Refused(
                        409,
                        "Another request is working on the same thing.",
                        error_type="idempotency_error",
                        code="idempotency_key_in_use",
                    )
                case "server_error":
                    retry = rule.params.get("should_retry")
                    headers: Headers = ()
                    if retry is not None:
                        headers = ((b"stripe-should-retry", str(bool(retry)).lower().encode()),)
                    raise Refused(
                        int(rule.params.get("status", 500)),
                        "An unknown error occurred.",
                        error_type="api_error",
                        headers=headers,
                    )

    # --- webhook endpoints ---

    def _endpoints(self, call: Call, sent: bytes) -> Reply:
        """§4.4; the secret is in the answer to the making only."""
        hooks = self._box.hooks
        number = call.path.removeprefix("/v1/webhook_endpoints").strip("/")
        call.template = "/v1/webhook_endpoints" + ("/{id}" if number else "")
        match call.method, number:
            case "GET", "":
                rows = [_endpoint(s) for s in reversed(hooks.of("stripe", HOUSE))]
                return Reply.json(
                    {"object": "list", "data": rows, "has_more": False, "url": call.template}
                )
            case "POST", "":
                form = Query(sent.decode("utf-8", "replace"))
                url, events = form.get("url"), form.all("enabled_events[]")
                if not url or not events:
                    raise Refused(400, "Missing required param.", code="parameter_missing")
                number = f"we_{hooks.number():014d}"
                made = Subscription(
                    number, "stripe", HOUSE, url, frozenset(events),
                    key=f"whsec_{token_hex(16)}",
                    shown={"api_version": form.get("api_version"), "created": int(time.time())},
                )  # fmt: skip
                try:
                    hooks.subscribe(made)
                except ValueError as error:
                    raise Refused(400, str(error)) from error
                return Reply.json({**_endpoint(made), "secret": made.key})
        found = hooks.find("stripe", HOUSE, number)
        if found is None:
            raise Refused(404, f"No such webhook endpoint: '{number}'", code="resource_missing")
        match call.method:
            case "GET":
                return Reply.json(_endpoint(found))
            case "DELETE":
                hooks.unsubscribe(found)
                return Reply.json({"id": number, "object": "webhook_endpoint", "deleted": True})
            case _:
                raise Refused(403, "The sandbox changes no webhook endpoint.")

    # --- what ---

    def _list(self, kind: str, query: Query, call: Call, books: Books, version: str) -> Reply:
        if call.fault("shift_page"):
            _something_new(kind, books)
        if books.switches["strict_parameters"]:
            listing.check_names(query, listing.NO_FILTER | listing.FILTERS[kind])
        store = books.store
        window = listing.window_of(query)
        fits = listing.filter_of(kind, query, store)
        oldest = books.now - KEPT_DAYS * DAY if kind == "event" else 0
        rows = [
            row
            for row in store.newest_first(kind)
            if row.created > oldest and not getattr(row, "deleted", False) and fits(row)
        ]
        part, more = listing.cut(rows, window, kind)
        body: dict[str, Any] = {
            "object": "list",
            "data": [_shown(row, version, books) for row in part],
            "has_more": more,
            "url": f"/v1/{wire.PATHS[kind]}",
        }
        for path in listing.values(query, "expand"):
            listing.expand(body, path, version, store)
        return Reply.json(body)

    def _one(
        self, kind: str, thing_id: str, query: Query, call: Call, books: Books, version: str
    ) -> Reply:
        if books.switches["strict_parameters"]:
            listing.check_names(query, frozenset({"expand"}))
        thing = books.store.find(kind, thing_id)
        too_old = kind == "event" and thing and thing.created <= books.now - KEPT_DAYS * DAY
        hidden = getattr(thing, "deleted", False) and books.switches["deleted_as_404"]
        if thing is None or too_old or hidden or call.fault("missing"):
            raise listing.missing(kind, thing_id, "id")
        body = _shown(thing, version, books)
        for path in listing.values(query, "expand"):
            listing.expand(body, path, version, books.store)
        return Reply.json(body)

    def _items(self, query: Query, books: Books, version: str) -> Reply:
        known = listing.NO_FILTER - {"created"} | {"subscription"}
        if books.switches["strict_parameters"]:
            listing.check_names(query, known)
        sub_id = query.get("subscription")
        if sub_id is None:
            raise Refused(
                400, "Missing required param: subscription.", code="parameter_missing",
                param="subscription",
            )  # fmt: skip
        sub = books.store.subscriptions.get(sub_id)
        if sub is None:
            raise listing.missing("subscription", sub_id, "subscription")
        window = listing.window_of(query)
        part, more = listing.cut(sub.items, window, "subscription_item")
        body: dict[str, Any] = {
            "object": "list",
            "data": [wire.item(item, version, books.store) for item in part],
            "has_more": more,
            "url": "/v1/subscription_items",
        }
        for path in listing.values(query, "expand"):
            listing.expand(body, path, version, books.store)
        return Reply.json(body)


def _endpoint(row: Subscription) -> dict[str, Any]:
    return {
        "id": row.id,
        "object": "webhook_endpoint",
        "url": row.url,
        "enabled_events": sorted(row.topics),
        "status": "enabled" if row.active else "disabled",
        "description": None,
        "metadata": {},
        "livemode": False,
        **row.shown,
    }


def _shown(thing: Any, version: str, books: Books) -> dict[str, Any]:
    body = wire.render(thing, version, books.store)
    inline = int(books.switches["inline_items"])
    items = body.get("items")
    if isinstance(items, dict) and inline < len(items["data"]):
        items["data"], items["has_more"] = items["data"][:inline], True
    return body


def _rate_limited(reason: str) -> Refused:
    # no Retry-After and no X-RateLimit-*: Stripe sends none
    return Refused(
        429,
        "Request rate limit exceeded.",
        code="rate_limit",
        headers=((b"stripe-rate-limited-reason", reason.encode()),),
    )


def _something_new(kind: str, books: Books) -> None:
    """A thing of that kind turns up while its list is being read."""
    match kind:
        case "product":
            books.mutate({"op": "stripe.create_product"})
        case "price":
            product = next(p.id for p in books.store.products.values() if not p.deleted)
            books.mutate({"op": "stripe.create_price", "product": product})
        case "customer":
            books.mutate({"op": "stripe.create_customer"})
        case _:
            books.mutate({"op": "stripe.subscribe"})


def _rule(kind: str, match: str = "", **params: Any) -> Rule:
    skip, every = params.pop("skip", 0), params.pop("every", 1)
    return Rule(kind, "stripe", match, skip=skip, every=every, times=None, params=params)


PROFILES: Mapping[str, Callable[[], list[Rule]]] = {
    "ok": lambda: [_rule("slow", seconds=0.05)],
    "slow": lambda: [_rule("slow", "/v1/(events|invoices)", seconds=2)],
    "flaky": lambda: [
        _rule("server_error", every=7),
        _rule("server_error", every=11, should_retry=True),
        _rule("conflict", every=13),
        _rule("reset", every=17),
    ],
    "limited": lambda: [_rule("rate_limited", every=5), _rule("lock_timeout", every=9)],
    "auth-broken": lambda: [_rule("unauthorized", skip=5)],
    "partial": lambda: [_rule("forbidden", "/v1/customers")],
    "drift": lambda: [_rule("shift_page", "starting_after=", every=2)],
}
