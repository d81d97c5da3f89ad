"""The ASGI app: who asks, how often, and the answer of the GraphQL endpoint."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast

import orjson
from graphql import FieldNode, GraphQLError, OperationDefinitionNode, parse

from sandbox.faults import ROW, Rule, spoil_rows
from sandbox.http import (
    ASGIApp,
    Call,
    Headers,
    Receive,
    Reply,
    Scope,
    Send,
    header,
    read_body,
    send_reply,
)
from sandbox.qualia import listing, wire
from sandbox.qualia.execute import Executor, Json, Language
from sandbox.qualia.schema import Variant, schema_of

if TYPE_CHECKING:
    from sandbox.box import Sandbox
    from sandbox.qualia.books import Books

PATH = "/api/platform/graphql"
REQUESTS, WINDOW = 200, 60.0
KINDS = {
    "errors",
    "partial",
    "throttled",
    "wrong_password",
    "missing_header",
    "edit_node",
    "duplicate_edge",
    "stuck_cursor",
    "vanish",
}


def question(body: bytes) -> str:
    """The root fields that a request asks for, as its query has them; empty if it has none."""
    try:
        asked = orjson.loads(body)
    except orjson.JSONDecodeError:
        return ""
    return _root_fields(str(asked.get("query"))) if isinstance(asked, dict) else ""


@lru_cache(maxsize=256)
def _root_fields(query: str) -> str:
    try:
        document = parse(query)
    except GraphQLError:
        return ""
    return "+".join(
        field.name.value
        for operation in document.definitions
        if isinstance(operation, OperationDefinitionNode)
        for field in operation.selection_set.selections
        if isinstance(field, FieldNode)
    )


def build_app(box: Sandbox) -> ASGIApp:
    """The platform's endpoint over the box's books."""
    box.limits.default("qualia", "global", REQUESTS, WINDOW)
    box.faults.register("qualia", KINDS, PROFILES)
    return _App(box)


def _refusal(status: int, message: str, code: str, headers: Headers = ()) -> Reply:
    errors = [{"message": message, "extensions": {"code": code}}]
    return Reply.json({"errors": errors}, status, headers)


class _App:
    def __init__(self, box: Sandbox) -> None:
        self._box = box
        self._executor = Executor()
        self._listing = listing.Listing()
        self._languages: dict[object, Language] = {}
        self._rebuilt = box.rebuilt

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = await read_body(receive)
        call: Call = scope["sandbox.call"]
        with self._box.lock:
            if self._rebuilt != self._box.rebuilt:
                # languages hold on to the books they were made for
                self._languages.clear()
                self._listing, self._rebuilt = listing.Listing(), self._box.rebuilt
            reply = self._answer(scope, call, body)
        await send_reply(send, reply)

    def _answer(self, scope: Scope, call: Call, body: bytes) -> Reply:
        books = cast("Books", self._box.books["qualia"])
        if call.path.rstrip("/") != PATH or call.method != "POST":
            return _refusal(405, "Method not allowed.", "METHOD_NOT_ALLOWED")
        refused = self._caller(scope, call, books) or self._limit(call, books)
        if refused is not None:
            return refused
        try:
            asked = orjson.loads(body)
        except orjson.JSONDecodeError:
            return _refusal(400, "The body is not JSON.", "BAD_REQUEST")
        if not isinstance(asked, dict) or not isinstance(asked.get("query"), str):
            return _refusal(400, "The body needs a query; batches are not taken.", "BAD_REQUEST")
        books.follow()
        # the whole schema is our reading of other people's queries
        call.assumed = True
        rule = call.fault("errors")
        if rule is not None:
            message = str(rule.params.get("message", "Internal server error"))
            code = str(rule.params.get("code", "INTERNAL_SERVER_ERROR"))
            errors = [{"message": message, "extensions": {"code": code}}]
            return Reply.json({"data": None, "errors": errors})
        answer = self._executor.run(
            self._language(books),
            asked["query"],
            asked.get("variables"),
            asked.get("operationName"),
            introspection=bool(books.switches["introspection"]),
        )
        if answer.get("data"):
            # all requests have one path; the log tells them apart by what they asked for
            call.template = f"{PATH}#{'+'.join(answer['data'])}"
        for rule in call.rules:
            if rule.kind in ROW:
                _spoil_row(answer, rule)
            else:
                _spoil(answer, rule, asked.get("variables") or {})
        # done here: the frame looks for rows in the first list of a body, and these are deeper
        call.rules = [rule for rule in call.rules if rule.kind not in ROW]
        return Reply.json(answer)

    def _caller(self, scope: Scope, call: Call, books: Books) -> Reply | None:
        value = header(scope, b"authorization")
        if value is None or call.fault("missing_header"):
            return _refusal(401, "Authorization header is missing", "UNAUTHORIZED")
        scheme, _, text = value.partition(" ")
        try:
            name, colon, key = base64.b64decode(text, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            name = colon = key = ""
        if scheme.lower() != "basic" or not colon:
            return _refusal(401, "Authorization header is not properly formatted", "UNAUTHORIZED")
        known = name == books.username and hmac.compare_digest(key, books.api_key)
        if not known or books.revoked or call.fault("wrong_password"):
            # not 401: the vendor has it the other way round
            return _refusal(403, "User is not authenticated", "FORBIDDEN")
        return None

    def _limit(self, call: Call, books: Books) -> Reply | None:
        verdict = self._box.limits.take("qualia", call.account or "nobody")
        rule = call.fault("throttled")
        if verdict.allowed and rule is None:
            return None
        status = int(books.switches["throttle_status"])
        wait = verdict.retry_after
        if rule is not None:
            status = int(rule.params.get("status", status))
            wait = int(rule.params.get("retry_after", 1))
        headers: Headers = ()
        if books.switches["retry_after"] or (rule is not None and "retry_after" in rule.params):
            headers = ((b"retry-after", str(wait).encode()),)
        return _refusal(status, "Too many requests.", "THROTTLED", headers)

    def _language(self, books: Books) -> Language:
        switches = books.switches
        variant = Variant(
            created_date_filter=bool(switches["created_date_filter"]),
            last_activity_field=bool(switches["last_activity_field"]),
            source_of_business_list=bool(switches["source_of_business_list"]),
        )
        forms = ("dates", "money", "posted", "completed", "line_numbers")
        key = (variant, tuple(switches[name] for name in forms))
        found = self._languages.get(key)
        if found is None:
            found = self._languages[key] = Language(
                schema=schema_of(variant),
                key=(key, id(books)),
                leaves=wire.leaves(switches),
                views={
                    "Order": wire.order_view(books),
                    "Contacts": wire.contacts_view(variant.source_of_business_list),
                },
                resolvers={("Accounting", "disbursements"): wire.disbursements},
                roots=self._roots(books),
            )
        return found

    def _roots(self, books: Books) -> dict[str, Callable[[Mapping[str, Any]], Any]]:
        def company(arguments: Mapping[str, Any]) -> Any:
            found = books.office.companies.get(arguments["id"])
            return None if found is None else books.office.company_row(found)

        def order(arguments: Mapping[str, Any]) -> Any:
            found, code = books.orders.get(arguments["id"]), books.switches["unknown_order"]
            if found is None and code != "null":
                raise GraphQLError("There is no such order.", extensions={"code": code})
            return found

        return {
            "orders": lambda arguments: self._listing.ids(books, arguments),
            "ordersList": lambda arguments: self._listing.connection(books, arguments),
            "order": order,
            "companyContacts": lambda arguments: listing.companies(books, arguments),
            "companyContact": company,
            "users": lambda _arguments: [
                {"id": p.id, "email": p.email} for p in books.office.people.values()
            ],
        }


def _spoil(answer: Json, rule: Rule, variables: Mapping[str, Any]) -> None:
    """What a fault does to an answer with data."""
    data = answer.get("data")
    if not data:
        return
    if rule.kind == "vanish" and "order" in data:
        data["order"] = None
    if rule.kind == "partial" and data.get("order"):
        answer.setdefault("errors", []).append(_lack(rule, ["order"], data["order"]))
    connection = data.get("ordersList")
    if connection is None or not connection.get("edges"):
        return
    edges: list[Json] = connection["edges"]
    row = min(int(rule.params.get("row", 0)), len(edges) - 1)
    node: Json = edges[row].get("node") or {}
    match rule.kind:
        case "partial":
            for number in range(len(edges)) if rule.params.get("all") else (row,):
                path = ["ordersList", "edges", number, "node"]
                lack = _lack(rule, path, edges[number]["node"])
                answer.setdefault("errors", []).append(lack)
        case "edit_node":
            node.update(rule.params.get("set", {}))
            for name in rule.params.get("drop", []):
                node.pop(name, None)
        case "duplicate_edge":
            edges.append(edges[row])
        case "stuck_cursor":
            connection["pageInfo"] = {
                **(connection.get("pageInfo") or {}),
                "hasNextPage": True,
                "endCursor": variables.get("after"),
            }


def _spoil_row(answer: Json, rule: Rule) -> None:
    """The frame's row kinds, played on an order of a page or on the one thing asked for."""
    data = answer.get("data") or {}
    connection = data.get("ordersList") or {}
    edges: list[Json] = connection.get("edges") or []
    if edges:
        nodes = orjson.loads(spoil_rows(orjson.dumps([edge["node"] for edge in edges]), rule))
        cursors = [edge.get("cursor") for edge in edges]
        cursors += cursors[-1:] * (len(nodes) - len(cursors))
        connection["edges"] = [
            {"cursor": cursor, "node": node} for cursor, node in zip(cursors, nodes, strict=False)
        ]
        return
    for name, value in data.items():
        if isinstance(value, (dict, list)) and value:
            rows = value if isinstance(value, list) else [value]
            if isinstance(rows[0], dict):
                spoiled = orjson.loads(spoil_rows(orjson.dumps(rows), rule))
                data[name] = spoiled if isinstance(value, list) else next(iter(spoiled), None)
            return


def _lack(rule: Rule, path: list[Any], node: Json) -> Json:
    """The error that stands for the field of an order which could not be resolved."""
    message = str(rule.params.get("message", "The field could not be resolved."))
    lack: Json = {"message": message, "path": [*path, *_hole(node, rule)]}
    if "code" in rule.params:
        lack["extensions"] = {"code": rule.params["code"]}
    return lack


def _hole(node: Json, rule: Rule) -> list[str]:
    """Nulls the node's field that the rule names (`accounting`, `accounting.receipts`)."""
    *above, name = str(rule.params.get("field", "accounting")).split(".")
    place: Any = node
    for step in above:
        place = place.get(step) or {}
    place[name] = None
    return [*above, name]


def _rule(kind: str, **params: Any) -> Rule:
    skip, every = params.pop("skip", 0), params.pop("every", 1)
    return Rule(kind, "qualia", "", skip=skip, every=every, times=None, params=params)


PROFILES: Mapping[str, Callable[[], list[Rule]]] = {
    "ok": lambda: [_rule("slow", seconds=0.05)],
    "slow": lambda: [_rule("slow", every=5, seconds=30)],
    "flaky": lambda: [_rule("status", every=7, status=500), _rule("errors", every=11),
                      _rule("reset", every=13)],
    "limited": lambda: [_rule("throttled", every=4), _rule("throttled", every=9, status=429)],
    "auth-broken": lambda: [_rule("wrong_password", skip=3)],
    "partial": lambda: [_rule("partial")],
    "drift": lambda: [_rule("duplicate_edge", every=2)],
}  # fmt: skip
