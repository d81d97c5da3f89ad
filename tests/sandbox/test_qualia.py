"""Qualia's endpoint as the contract describes it: keys, GraphQL, lists, forms of values."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest
from graphql import (
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLUnionType,
    build_client_schema,
    execute_sync,
    get_introspection_query,
    get_named_type,
    is_leaf_type,
    parse,
)

from sandbox.box import Sandbox
from sandbox.qualia import wire
from sandbox.qualia.blocks import NAMES
from sandbox.qualia.books import Books
from sandbox.qualia.model import CANARY, Order
from sandbox.qualia.schema import Variant, schema_of
from sandbox.vendor import HOUSE

URL = "/qualia/api/platform/graphql"
DENIED = {"ssn", "dateOfBirth", "maritalStatus", "loanNumber"}
LIGHT = """
query Orders($first: Int, $after: String, $filter: OrdersFilter) {
  ordersList(first: $first, after: $after, filter: $filter) {
    edges { cursor node { id orderNumber status createdDate closeDate disbursementDate
      purchasePrice earnestAmount externalReferenceNumber } }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}
"""
Json = dict[str, Any]
Send = Callable[..., httpx.Response]
Ask = Callable[..., Any]


@pytest.fixture
def send(box: Sandbox, http: httpx.Client) -> Send:
    account = box.account(HOUSE, "qualia")

    def call(query: str, **variables: Any) -> httpx.Response:
        body = {"query": query, "variables": variables}
        return http.post(URL, json=body, auth=(account["username"], account["api_key"]))

    return call


@pytest.fixture
def ask(send: Send) -> Ask:
    def call(query: str, **variables: Any) -> Any:
        answer = send(query, **variables)
        assert answer.status_code == 200
        body = answer.json()
        assert "errors" not in body, body["errors"]
        return body["data"]

    return call


def books(box: Sandbox) -> Books:
    found = box.books["qualia"]
    assert isinstance(found, Books)
    return found


def switch(box: Sandbox, name: str, value: Any) -> None:
    box.mutate({"op": "qualia.switch", "name": name, "value": value})


def now(box: Sandbox) -> str:
    """The present as the vendor keeps instants: whole milliseconds."""
    return box.clock.now().isoformat(timespec="milliseconds")


def every(ask: Ask, query: str = LIGHT, first: int = 7, **variables: Any) -> list[Json]:
    """All nodes of `ordersList`, page by page."""
    found: list[Json] = []
    after = None
    while True:
        page = ask(query, first=first, after=after, **variables)["ordersList"]
        found += [edge["node"] for edge in page["edges"]]
        if not page["pageInfo"]["hasNextPage"]:
            return found
        after = page["pageInfo"]["endCursor"]


def selection(of: Any, schema: Any, without: frozenset[str] = frozenset()) -> str:
    """Every field below a type, as text."""
    named = get_named_type(of)
    if is_leaf_type(named):
        return ""
    if isinstance(named, GraphQLUnionType | GraphQLInterfaceType):
        parts = [
            f"... on {possible.name} {selection(possible, schema, without)}"
            for possible in schema.get_possible_types(named)
        ]
        return f"{{ __typename {' '.join(parts)} }}"
    assert isinstance(named, GraphQLObjectType)
    fields = [
        f"{name} {selection(field.type, schema, without)}"
        for name, field in named.fields.items()
        if name not in without
    ]
    return f"{{ {' '.join(fields)} }}"


def whole_query(without: frozenset[str] = frozenset()) -> str:
    schema = schema_of(Variant())
    node = selection(schema.type_map["Order"], schema, without)
    return (
        "query Orders($first: Int, $after: String, $filter: OrdersFilter) {"
        " ordersList(first: $first, after: $after, filter: $filter) {"
        f" edges {{ cursor node {node} }} pageInfo {{ hasNextPage endCursor }} }} }}"
    )


# --- who asks -----------------------------------------------------------------------------------


def test_the_account_is_the_houses_and_nobody_elses(box: Sandbox) -> None:
    account = box.account(HOUSE, "qualia")
    assert account["credentials"] == {
        "username": account["username"],
        "api_key": account["api_key"],
    }
    with pytest.raises(ValueError, match="no account"):
        box.account("ben-example", "qualia")


def test_missing_and_malformed_headers_are_401_and_a_wrong_password_403(
    box: Sandbox, http: httpx.Client
) -> None:
    account = box.account(HOUSE, "qualia")
    body = {"query": "{ users { id } }"}

    def told(answer: httpx.Response) -> tuple[int, str, str]:
        [error] = answer.json()["errors"]
        return answer.status_code, error["extensions"]["code"], error["message"]

    missing = told(http.post(URL, json=body))
    assert missing == (401, "UNAUTHORIZED", "Authorization header is missing")
    for value in (f"Bearer {account['api_key']}", "Basic !!!", "Basic"):
        status, code, message = told(http.post(URL, json=body, headers={"Authorization": value}))
        assert (status, code) == (401, "UNAUTHORIZED")
        assert "not properly formatted" in message
    forbidden = (403, "FORBIDDEN", "User is not authenticated")
    assert told(http.post(URL, json=body, auth=(account["username"], "wrong"))) == forbidden
    assert told(http.post(URL, json=body, auth=("wrong", account["api_key"]))) == forbidden
    right = (account["username"], account["api_key"])
    assert http.post(URL, json=body, auth=right).status_code == 200
    box.mutate({"op": "qualia.revoke_key"})
    assert told(http.post(URL, json=body, auth=right)) == forbidden
    box.mutate({"op": "qualia.restore_key"})
    assert http.post(URL, json=body, auth=right).status_code == 200


def test_other_methods_and_paths_are_405(box: Sandbox, http: httpx.Client) -> None:
    account = box.account(HOUSE, "qualia")
    auth = (account["username"], account["api_key"])
    assert http.get(URL, auth=auth).status_code == 405
    assert http.post("/qualia/api/v1/orders", auth=auth, json={}).status_code == 405
    assert http.post(URL, auth=auth, content=b"{").status_code == 400
    assert http.post(URL, auth=auth, json=[{"query": "{ users { id } }"}]).status_code == 400


def test_the_log_tells_requests_apart_by_what_they_asked(box: Sandbox, ask: Ask) -> None:
    ask("{ users { id } }")
    ask(LIGHT)
    assert box.requests.count(vendor="qualia", account=HOUSE, template="#ordersList$") == 1


# --- GraphQL ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "part"),
    [
        ("{ users { id email shoeSize } }", "shoeSize"),
        ("{ users", "Syntax Error"),
        ("{ order { id } }", "required"),
        ("{ ordersList(first: 1) { edges { node { status(x: 1) } } } }", "Unknown argument"),
        ("mutation { placeOrder }", "refused"),
        ("query A { users { id } } query B { users { id } }", "operation name"),
        ('{ ordersList(filter: {status: ["OPEN"]}) { edges { cursor } } }', "enum"),
        ("{ ordersList(first: -1) { edges { cursor } } }", "negative"),
        ('{ ordersList(after: "x") { edges { cursor } } }', "cursor"),
        ('{ orders(filter: {lastActivity: {start: "soon"}}) }', "ISO"),
        (
            "{ ordersList { edges { node { contacts { lenders { name } } } } } }",
            "Cannot query field",
        ),
    ],
)
def test_mistakes_are_errors_with_status_200(send: Send, query: str, part: str) -> None:
    answer = send(query)
    assert answer.status_code == 200
    body = answer.json()
    assert not body.get("data")
    assert part in body["errors"][0]["message"]


def test_wrong_variables_are_errors_too(send: Send) -> None:
    query = "query One($id: ID!) { order(id: $id) { id } }"
    assert "id" in send(query).json()["errors"][0]["message"]
    assert send(query, id="unknown").json() == {"data": {"order": None}}


def test_introspection_can_be_switched_off(box: Sandbox, send: Send) -> None:
    told = send(get_introspection_query()).json()["data"]
    client = build_client_schema(told)
    order = client.type_map["Order"]
    assert isinstance(order, GraphQLObjectType)
    assert "orderNumber" in order.fields
    switch(box, "introspection", False)
    assert "not allowed" in send("{ __schema { types { name } } }").json()["errors"][0]["message"]
    assert send("{ __typename users { __typename id } }").json()["data"]["__typename"] == "Query"


def test_the_answers_are_those_of_graphql_cores_executor(box: Sandbox, ask: Ask) -> None:
    """Aliases, fragments, directives, arguments, unions: nothing may differ, not even an order."""
    shared = (
        "id n: orderNumber ...Scalars ... on Order { loans { amount } loans { interestRate } }"
        " accounting { posted: disbursements(statuses: [POSTED]) { ...Money }"
        " disbursements(statuses: $statuses) { ...Money } receipts { amount posted } }"
        " contacts { sellers { __typename email ... on Individual { firstName } ... on Organization"
        " { name } currentAddress @include(if: $far) { city } } listingAgencies { ... on"
        " OrderCompany { id associates { email } } } sourceOfBusiness { type company { name } } }"
        " tasks @skip(if: $far) { label due completed } charges { lineNumber borrowerAmount {"
        " total } payees { amount } }"
    )
    fragments = (
        " fragment Scalars on Order { status createdDate purchasePrice closingLocation { city } }"
        " fragment Money on Disbursement { amount payeeName status posted voided }"
    )
    head = "query One($id: ID!, $far: Boolean!, $statuses: [DisbursementStatus!])"
    query = f"{head} {{ order(id: $id) {{ {shared} }} }} {fragments}"
    own = books(box)
    # a flag says false where there is nothing; the other executor calls no form for that
    switch(box, "completed", "date")
    schema = schema_of(Variant())
    for name, form in wire.leaves(own.switches).items():
        scalar = schema.type_map[name]
        assert isinstance(scalar, GraphQLScalarType)
        scalar.serialize = form  # type: ignore[method-assign]
    view = wire.order_view(own)

    def resolve(source: Any, info: Any, **arguments: Any) -> Any:
        if info.field_name == "disbursements":
            return wire.disbursements(source, arguments)
        if info.field_name == "order":
            return view(own.orders[arguments["id"]], NAMES)
        return source[info.field_name]

    for number, order in enumerate(own.orders.values()):
        variables = {"id": order.id, "far": number % 2 == 0, "statuses": ["VOIDED", "PENDING"]}
        expected = execute_sync(
            schema,
            parse(query),
            variable_values=variables,
            field_resolver=resolve,
            type_resolver=lambda value, *_: value["__typename"],
        )
        assert expected.errors is None
        got = ask(query, **variables)
        assert got == expected.data
        assert repr(got) == repr(expected.data), "members in another order"


# --- lists --------------------------------------------------------------------------------------


def test_pages_make_the_whole_whatever_their_size(box: Sandbox, ask: Ask) -> None:
    known = set(books(box).orders)
    for first in (1, 7, 50):
        nodes = every(ask, first=first)
        assert len(nodes) == len(known)
        assert {node["id"] for node in nodes} == known
    assert set(ask("{ orders }")["orders"]) == known


def test_the_order_means_nothing_and_is_another_each_time(box: Sandbox, ask: Ask) -> None:
    first, second = ([n["id"] for n in every(ask)] for _ in range(2))
    assert first != second
    assert sorted(first) == sorted(second)
    switch(box, "stable_order", True)
    assert [n["id"] for n in every(ask)] == [n["id"] for n in every(ask)]


def test_first_is_capped_silently(box: Sandbox, ask: Ask) -> None:
    switch(box, "page_cap", 10)
    page = ask(LIGHT, first=1000)["ordersList"]
    assert (len(page["edges"]), page["pageInfo"]["hasNextPage"]) == (10, True)
    # one client sends an empty string for the first page
    page = ask(LIGHT, first=3, after="")["ordersList"]
    assert (len(page["edges"]), page["pageInfo"]["hasPreviousPage"]) == (3, False)
    assert page["pageInfo"]["endCursor"] == page["edges"][-1]["cursor"]


def test_pages_lead_backward_too(ask: Ask) -> None:
    query = (
        "query ($last: Int, $before: String, $first: Int, $after: String) { ordersList(last: $last,"
        " before: $before, first: $first, after: $after) { edges { cursor node { id } } pageInfo"
        " { hasPreviousPage } } }"
    )
    head = ask(query, first=9)["ordersList"]["edges"]
    page = ask(query, last=4, before=head[6]["cursor"])["ordersList"]
    assert [e["node"] for e in page["edges"]] == [e["node"] for e in head[2:6]]
    assert page["pageInfo"]["hasPreviousPage"] is True


def test_an_edit_while_reading_loses_and_doubles_nothing(box: Sandbox, ask: Ask) -> None:
    page = ask(LIGHT, first=10)["ordersList"]
    met = [edge["node"]["id"] for edge in page["edges"]]
    box.mutate({"op": "qualia.touch", "order": met[0]})
    after = page["pageInfo"]["endCursor"]
    while page["pageInfo"]["hasNextPage"]:
        page = ask(LIGHT, first=10, after=after)["ordersList"]
        met += [edge["node"]["id"] for edge in page["edges"]]
        after = page["pageInfo"]["endCursor"]
    assert sorted(met) == sorted(books(box).orders)


def test_last_activity_filters_with_either_bound(box: Sandbox, ask: Ask) -> None:
    orders = books(box).orders.values()
    middle = sorted(order.last_activity for order in orders)[len(orders) // 2]
    bound = middle.isoformat().replace("+00:00", "Z")
    later = {order.id for order in orders if order.last_activity >= middle}
    earlier = {order.id for order in orders if order.last_activity <= middle}
    for given, wanted in (
        ({"start": bound}, later),
        ({"end": bound}, earlier),
        ({"start": bound, "end": bound}, later & earlier),
        ({}, later | earlier),
    ):
        found = every(ask, filter={"lastActivity": given})
        assert {node["id"] for node in found} == wanted


def test_edits_move_the_last_activity_unless_silent(box: Sandbox, ask: Ask) -> None:
    since = {"lastActivity": {"start": now(box)}}
    assert every(ask, filter=since) == []
    edited = box.mutate({"op": "qualia.edit_order", "set": {"purchase_price": "123456.78"}})
    assert [node["purchasePrice"] for node in every(ask, filter=since)] == ["123456.78"]
    silent = box.mutate({"op": "qualia.post_disbursement", "silent": True, "amount": "1.23"})
    assert silent["order"] == edited["order"]
    other = next(o for o in books(box).orders.values() if o.id != edited["order"])
    box.mutate({"op": "qualia.edit_order", "order": other.id, "set": {}, "silent": True})
    assert len(every(ask, filter=since)) == 1


def test_created_date_and_status_filter_and_the_first_may_not_exist(
    box: Sandbox, ask: Ask, send: Send
) -> None:
    orders = books(box).orders.values()
    day = sorted(order.created for order in orders)[5]
    wanted = {"createdDate": {"start": day.isoformat()}}
    found = {node["id"] for node in every(ask, filter=wanted)}
    assert found == {order.id for order in orders if order.created >= day}
    found = {node["id"] for node in every(ask, filter={"status": ["CANCELLED"]})}
    assert found == {order.id for order in orders if order.status == "CANCELLED"} != set()
    switch(box, "created_date_filter", False)
    assert "createdDate" in send(LIGHT, filter=wanted).json()["errors"][0]["message"]


def test_last_activity_may_be_a_field(box: Sandbox, ask: Ask, send: Send) -> None:
    query = "{ ordersList(first: 1) { edges { node { id lastActivity } } } }"
    assert "lastActivity" in send(query).json()["errors"][0]["message"]
    switch(box, "last_activity_field", True)
    [edge] = ask(query)["ordersList"]["edges"]
    order = books(box).orders[edge["node"]["id"]]
    assert datetime.fromisoformat(edge["node"]["lastActivity"]) == order.last_activity


def test_companies_and_users(box: Sandbox, ask: Ask) -> None:
    ids = ask("{ companyContacts }")["companyContacts"]
    assert set(ids) == set(books(box).office.companies)
    query = (
        "query ($id: ID!) { companyContact(id: $id) { id name email phone type nationalLicenseID"
        " stateLicenseIDs { id state } primaryAddress { city } mailingAddress { address1 } } }"
    )
    shown = [ask(query, id=company)["companyContact"] for company in ids]
    assert any(company["mailingAddress"] for company in shown)
    assert any(company["nationalLicenseID"] for company in shown)
    assert ask(query, id="unknown") == {"companyContact": None}
    since = now(box)
    added = box.mutate({"op": "qualia.add_company", "name": "New Realty"})["company"]
    box.mutate({"op": "qualia.edit_company", "company": ids[0], "phone": "555-0999"})
    touched = "query ($f: CompaniesFilter) { companyContacts(filter: $f) }"
    found = ask(touched, f={"lastTouched": {"start": since}})["companyContacts"]
    assert set(found) == {ids[0], added}
    users = ask("{ users { id email } }")["users"]
    assert {u["id"] for u in users} == set(books(box).office.people)
    assert any(u["email"] is None for u in users)


# --- forms of values ----------------------------------------------------------------------------


def test_dates_come_in_forms_that_disagree(box: Sandbox, ask: Ask) -> None:
    truth = box.truth(HOUSE)["qualia"]["entities"]["orders"]

    def read(value: Any) -> datetime:
        if isinstance(value, int) or value.isdigit():
            assert len(str(value)) == 13
            return datetime.fromtimestamp(int(value) / 1000, UTC)
        assert value.endswith("Z")
        return datetime.fromisoformat(value)

    kinds: dict[str, set[str]] = {}
    for form in ("iso", "epoch_number", "epoch_text", "mixed"):
        switch(box, "dates", form)
        for node in every(ask):
            for name, column in (("createdDate", "created_date"), ("closeDate", "close_date")):
                wanted = truth[node["id"]][column]
                if wanted is None:
                    assert node[name] is None
                    continue
                assert read(node[name]) == datetime.fromisoformat(wanted)
                text = isinstance(node[name], str)
                kind = "number" if not text else "digits" if node[name].isdigit() else "iso"
                kinds.setdefault(form, set()).add(kind)
    assert kinds == {
        "iso": {"iso"},
        "epoch_number": {"number"},
        "epoch_text": {"digits"},
        "mixed": {"iso", "number", "digits"},
    }


def test_money_comes_as_text_or_number(box: Sandbox, ask: Ask) -> None:
    truth = box.truth(HOUSE)["qualia"]["entities"]["orders"]
    for form, kinds in (("text", {str}), ("number", {float}), ("mixed", {str, float})):
        switch(box, "money", form)
        nodes = every(ask)
        amounts = [n["purchasePrice"] for n in nodes if n["purchasePrice"] is not None]
        assert {type(amount) for amount in amounts} == kinds
        for node in nodes:
            wanted = truth[node["id"]]["purchase_price"]
            if wanted is None:
                assert node["purchasePrice"] is None
            else:
                assert Decimal(str(node["purchasePrice"])) == Decimal(wanted)


def test_posted_and_completed_are_dates_or_flags(box: Sandbox, ask: Ask) -> None:
    query = (
        "query Q($first: Int, $after: String) { ordersList(first: $first, after: $after) { edges {"
        " node { accounting { disbursements { status posted voided } } tasks { completed }"
        " charges { lineNumber } } } pageInfo { hasNextPage endCursor } } }"
    )

    def kinds() -> dict[str, set[type]]:
        found: dict[str, set[type]] = {"posted": set(), "voided": set(), "completed": set()}
        found["line"] = set()
        for node in every(ask, query):
            for row in (node["accounting"] or {}).get("disbursements", ()):
                assert bool(row["voided"]) == (row["status"] == "VOIDED")
                assert bool(row["posted"]) == (row["status"] != "PENDING")
                found["posted"].add(type(row["posted"]))
                found["voided"].add(type(row["voided"]))
            found["completed"] |= {type(task["completed"]) for task in node["tasks"] or ()}
            found["line"] |= {type(charge["lineNumber"]) for charge in node["charges"] or ()}
        return found

    absent = type(None)
    assert kinds() == {
        "posted": {str, absent}, "voided": {str, absent}, "completed": {bool}, "line": {str},
    }  # fmt: skip
    for name, value in (("posted", "flag"), ("completed", "date"), ("line_numbers", "number")):
        switch(box, name, value)
    assert kinds() == {
        "posted": {bool}, "voided": {bool}, "completed": {str, absent}, "line": {int},
    }  # fmt: skip


def test_the_source_of_business_may_be_a_list(box: Sandbox, ask: Ask) -> None:
    query = (
        "query Q($first: Int, $after: String) { ordersList(first: $first, after: $after) { edges {"
        " node { id contacts { sourceOfBusiness { type } } } }"
        " pageInfo { hasNextPage endCursor } } }"
    )

    def by_id() -> dict[str, Any]:
        return {
            node["id"]: (node["contacts"] or {}).get("sourceOfBusiness")
            for node in every(ask, query)
        }

    single = by_id()
    switch(box, "source_of_business_list", True)
    listed = by_id()
    blank = next(o.id for o in books(box).orders.values() if "blank" in o.quirks)
    assert (single.pop(blank), listed.pop(blank)) == (None, None)
    assert listed == {key: [] if one is None else [one] for key, one in single.items()}
    assert {(one or {}).get("type") for one in single.values()} >= {None, "COMPANY", "MANUAL"}


# --- what is there ------------------------------------------------------------------------------


@pytest.fixture
def nodes(ask: Ask) -> list[Json]:
    """All orders with everything but what may never be asked for."""
    return every(ask, whole_query(frozenset(DENIED)), first=25)


def test_about_two_thirds_of_the_sales_are_settled_here(box: Sandbox) -> None:
    sales = [d for d in box.world.deals if not d.listing and d.type == "SALE"]
    deals = {o.deal.id for o in books(box).orders.values() if o.deal is not None}
    assert 0.5 < len(deals) / len(sales) < 0.8
    assert {d.group for d in sales if d.id in deals} == {"OPEN", "CLOSED", "TERMINATED"}
    assert any(order.deal is None for order in books(box).orders.values())


def test_an_order_tells_its_deal(box: Sandbox, nodes: list[Json]) -> None:
    own = books(box)
    referred = 0
    for node in nodes:
        order = own.orders[node["id"]]
        deal = order.deal
        if deal is None or order.quirks or "status" in order.overrides:
            continue
        assert node["purchasePrice"] == f"{deal.price:.2f}"
        assert node["properties"][0]["address1"] == deal.address.street
        assert node["properties"][0]["state"] == deal.address.short_state
        day = box.world.closed_on(deal)
        assert (node["closeDate"] or "")[:10] == ("" if day is None else day.isoformat())
        assert (node["status"] == "CANCELLED") == (deal.group == "TERMINATED")
        mails = {
            associate["email"]
            for key in ("listingAgencies", "sellingAgencies")
            for company in node["contacts"][key]
            for associate in company["associates"]
        }
        agents = {p.email for p in deal.participants if p.agent_id and p.role.endswith("RS_AGENT")}
        assert agents <= mails
        paid = [
            Decimal(charge["sellerAmount"]["total"])
            for charge in node["charges"]
            if charge["payeeName"] == "Real Broker LLC"
        ]
        if deal.gross is not None:
            assert sum(paid) == deal.gross
        referred += node["externalReferenceNumber"] == deal.code
    assert referred > 5


def test_the_money_adds_up(nodes: list[Json]) -> None:
    disbursed = 0
    for node in nodes:
        if node["accounting"] is None:
            continue
        lines = node["settlementStatement"]["lines"]
        for side in ("borrowerAmount", "sellerAmount"):
            assert sum(Decimal(line[side] or 0) for line in lines) == 0
        charged = {
            side: sum(Decimal((c[side] or {"total": 0})["total"]) for c in node["charges"])
            for side in ("borrowerAmount", "sellerAmount")
        }
        texts = {charge["description"] for charge in node["charges"]}
        for side, amount in charged.items():
            of_lines = [Decimal(x[side] or 0) for x in lines if x["description"] in texts]
            assert sum(of_lines) == amount
        for charge in node["charges"]:
            total = sum(
                Decimal((charge[s] or {"total": 0})["total"])
                for s in ("borrowerAmount", "sellerAmount")
            )
            assert sum(Decimal(p["amount"]) for p in charge["payees"]) == total
        posted = [
            Decimal(d["amount"])
            for d in node["accounting"]["disbursements"]
            if d["status"] == "POSTED"
        ]
        received = sum(
            Decimal(r["amount"]) for r in node["accounting"]["receipts"] if not r["voided"]
        )
        if node["disbursementDate"] is not None:
            disbursed += 1
            assert sum(posted) == received > 0
            loans = sum(Decimal(loan["amount"]) for loan in node["loans"])
            if node["transactionType"] != "REFINANCE":
                price = Decimal(node["purchasePrice"])
                assert received == price + charged["borrowerAmount"]
                assert loans < price
        else:
            assert sum(posted) in (0, received)
    assert disbursed > 20


def test_the_odd_orders_of_the_contract(box: Sandbox, nodes: list[Json]) -> None:
    by_quirk = {
        next(iter(order.quirks)): node
        for node in nodes
        if (order := books(box).orders[node["id"]]).quirks
    }
    assert by_quirk["no_property"]["properties"] == []
    assert len(by_quirk["two_properties"]["properties"]) == 2
    assert by_quirk["no_agency"]["settlementAgency"] is None
    assert by_quirk["unnamed_agency"]["settlementAgency"]["name"] is None
    assert len(by_quirk["estate"]["accounting"]["disbursements"]) >= 300
    assert by_quirk["estate"]["contacts"]["sellers"][0]["__typename"] == "Organization"
    payments = by_quirk["reposted"]["accounting"]["disbursements"]
    voided = [p for p in payments if p["status"] == "VOIDED"]
    again = [p for p in payments if p["status"] == "POSTED"]
    assert voided
    assert all(any(v["amount"] == p["amount"] for p in again) for v in voided)
    blank = by_quirk["blank"]
    assert {blank[name] for name in NAMES} == {None}
    assert blank["purchasePrice"] is None
    statuses = {node["status"] for node in nodes}
    assert statuses == {"OPEN", "PENDING", "CLOSED", "CANCELLED", "ON_HOLD"}
    assert {n["transactionType"] for n in nodes} >= {"PURCHASE", "REFINANCE", None}
    kinds = {b["__typename"] for n in nodes if n["contacts"] for b in n["contacts"]["borrowers"]}
    assert kinds == {"Individual", "Organization"}


def test_every_field_has_a_value_somewhere(nodes: list[Json]) -> None:
    met: set[tuple[str, str]] = set()
    schema = schema_of(Variant())

    def look(value: Any, of: Any) -> None:
        named = get_named_type(of)
        if isinstance(value, list):
            for one in value:
                look(one, of)
        elif isinstance(value, dict):
            if not isinstance(named, GraphQLObjectType):
                named = schema.type_map[value["__typename"]]
                assert isinstance(named, GraphQLObjectType)
            for name, inner in value.items():
                if name != "__typename" and inner not in (None, [], {}):
                    met.add((named.name, name))
                    look(inner, named.fields[name].type)

    look(nodes, schema.type_map["Order"])
    wanted = {
        (type_name, name)
        for type_name in {name for name, _ in met}
        for name in schema.type_map[type_name].fields  # type: ignore[attr-defined]
        if name not in DENIED
    }
    unmet = wanted - met
    assert not unmet


def test_what_may_never_be_asked_for_is_there_and_marked(ask: Ask, nodes: list[Json]) -> None:
    assert CANARY not in repr(nodes)
    everything = every(ask, whole_query(), first=25)
    people = [p for n in everything if n["contacts"] for p in n["contacts"]["borrowers"]]
    marked = [p for p in people if p["__typename"] == "Individual"]
    assert {p["ssn"] for p in marked} == {p["dateOfBirth"] for p in marked} == {CANARY}
    loans = [loan for n in everything for loan in n["loans"] or ()]
    assert {loan["loanNumber"] for loan in loans} == {CANARY}


def test_the_truth_is_what_is_sent(box: Sandbox, nodes: list[Json]) -> None:
    truth = box.truth(HOUSE)["qualia"]
    orders, control = truth["entities"]["orders"], truth["control"]["orders"]
    assert orders.keys() == {node["id"] for node in nodes}
    total, count = Decimal(0), 0
    agencies: dict[str, Any] = {}
    for node in nodes:
        row, sums = orders[node["id"]], control[node["id"]]
        assert row["order_number"] == node["orderNumber"]
        assert row["status"] == node["status"]
        assert row["earnest_amount"] == node["earnestAmount"]
        payments = (node["accounting"] or {"disbursements": []})["disbursements"]
        assert (sums["disbursements"] or {"count": 0})["count"] == len(payments)
        posted = sum(Decimal(p["amount"]) for p in payments if p["status"] == "POSTED")
        if sums["disbursements"]:
            assert Decimal(sums["disbursements"]["posted"]["amount"]) == posted
        count, total = count + len(payments), total + posted
        assert sums["tasks"] == (
            None
            if node["tasks"] is None
            else {
                "count": len(node["tasks"]),
                "completed": sum(bool(task["completed"]) for task in node["tasks"]),
            }
        )
        if node["settlementAgency"]:
            agencies[node["settlementAgency"]["id"]] = node["settlementAgency"]["name"]
    totals = truth["control"]["totals"]
    assert totals["count"]["disbursements"] == count
    assert Decimal(totals["amount"]["disbursements_posted"]) == total
    assert {k: a["name"] for k, a in truth["entities"]["agencies"].items()} == agencies
    numbers = [row["order_number"] for row in orders.values()]
    assert len(set(numbers)) == len(numbers)


def test_the_same_seed_gives_the_same_bytes(box: Sandbox, send: Send) -> None:
    def picture() -> list[bytes]:
        switch(box, "stable_order", True)
        return [send(whole_query(), first=50).content, send("{ orders }").content]

    before = picture()
    box.reset()
    assert picture() == before


# --- faults and limits --------------------------------------------------------------------------


def test_the_limit_is_503_by_default(box: Sandbox, send: Send) -> None:
    box.limits.enabled = True
    box.limits.set("qualia", "global", 3, 60)
    try:
        answers = [send("{ users { id } }") for _ in range(5)]
        assert [a.status_code for a in answers] == [200, 200, 200, 503, 503]
        assert "retry-after" not in answers[-1].headers
        switch(box, "throttle_status", 429)
        switch(box, "retry_after", True)
        refused = send("{ users { id } }")
        assert (refused.status_code, int(refused.headers["retry-after"]) > 0) == (429, True)
        box.clock.advance(seconds=61)
        assert send("{ users { id } }").status_code == 200
    finally:
        box.limits.set("qualia", "global", 200, 60)


def test_the_contracts_errors_can_be_had(box: Sandbox, send: Send) -> None:
    def fault(kind: str, query: str = LIGHT, **params: Any) -> httpx.Response:
        box.faults.add(kind, vendor="qualia", **params)
        return send(query)

    assert fault("throttled").status_code == 503
    assert fault("throttled", status=429, retry_after=7).headers["retry-after"] == "7"
    assert fault("wrong_password").status_code == 403
    assert fault("missing_header").status_code == 401
    body = fault("errors", message="The field is deprecated.").json()
    assert (body["data"], body["errors"][0]["message"]) == (None, "The field is deprecated.")
    body = fault("partial", whole_query(), field="accounting.receipts", row=1).json()
    path = ["ordersList", "edges", 1, "node", "accounting", "receipts"]
    assert body["errors"][0]["path"] == path
    node = body["data"]["ordersList"]["edges"][1]["node"]
    assert node["accounting"]["receipts"] is None
    assert node["accounting"]["disbursements"] is not None
    edges = fault("edit_node", set={"status": "NEW_WORD"}, drop=["id"]).json()["data"]
    assert edges["ordersList"]["edges"][0]["node"]["status"] == "NEW_WORD"
    assert "id" not in edges["ordersList"]["edges"][0]["node"]
    edges = fault("duplicate_edge").json()["data"]["ordersList"]["edges"]
    assert edges[0] == edges[-1]
    info = fault("stuck_cursor").json()["data"]["ordersList"]["pageInfo"]
    assert (info["hasNextPage"], info["endCursor"]) == (True, None)
    order = next(iter(books(box).orders))
    assert fault("vanish", f'{{ order(id: "{order}") {{ id }} }}').json()["data"] == {"order": None}
    for name in ("ok", "slow", "flaky", "limited", "auth-broken", "partial", "drift"):
        assert box.faults.profile("qualia", name)


def test_a_fault_finds_its_requests_by_what_they_ask_for(box: Sandbox, send: Send) -> None:
    rule = box.faults.add("status", vendor="qualia", match="#ordersList$", times=None, status=502)
    assert send("{ users { id } }").status_code == 200
    assert send(LIGHT).status_code == 502
    assert send("{ users").status_code == 200, "what cannot be parsed asks for nothing"
    assert rule.hits == 1


def test_a_block_may_be_missing_of_all_orders_and_of_a_single_one(box: Sandbox, send: Send) -> None:
    box.faults.add("partial", vendor="qualia", times=2, all=True, field="tasks")
    body = send(whole_query(), first=3).json()
    assert [e["path"] for e in body["errors"]] == [
        ["ordersList", "edges", number, "node", "tasks"] for number in range(3)
    ]
    order = next(iter(books(box).orders))
    body = send(f'{{ order(id: "{order}") {{ id tasks {{ label }} }} }}').json()
    assert body["data"]["order"] == {"id": order, "tasks": None}
    assert body["errors"][0]["path"] == ["order", "tasks"]


@pytest.mark.parametrize(("value", "listed", "ids"), [("ids", True, False), ("none", True, True)])
def test_the_filter_by_last_activity_may_be_ignored(
    box: Sandbox, ask: Ask, value: str, listed: bool, ids: bool
) -> None:
    switch(box, "activity_filter", value)
    future = {"lastActivity": {"start": "2030-01-01T00:00:00Z"}}
    query = "query ($filter: OrdersFilter) { orders(filter: $filter) }"
    assert bool(every(ask, filter=future)) is listed
    assert bool(ask(query, filter=future)["orders"]) is ids


def test_nobody_new_works_on_an_old_order(box: Sandbox, ask: Ask) -> None:
    query = whole_query(frozenset(DENIED))
    before = {node["id"]: node for node in every(ask, query, first=25)}
    box.mutate({"op": "qualia.add_user"})
    assert {node["id"]: node for node in every(ask, query, first=25)} == before


def test_the_frames_row_faults_reach_the_orders(box: Sandbox, send: Send) -> None:
    def nodes_with(kind: str, **params: Any) -> list[Json]:
        box.faults.add(kind, vendor="qualia", **params)
        body = send(LIGHT, first=3).json()
        assert list(body) == ["data"]
        return [edge["node"] for edge in body["data"]["ordersList"]["edges"]]

    assert ["id" in node for node in nodes_with("missing_id", row=1)] == [True, False, True]
    assert nodes_with("unknown_enum", row=2)[2]["status"] == "SOMETHING_NEW"
    assert len(nodes_with("drop_row")) == 2
    twice = nodes_with("duplicate_row")
    assert twice[0] == twice[3]
    box.faults.add("null_field", vendor="qualia", field="email")
    assert send("{ users { id email } }").json()["data"]["users"][0]["email"] is None
    box.faults.add("drop_row", vendor="qualia")
    order = next(iter(books(box).orders))
    assert send(f'{{ order(id: "{order}") {{ id }} }}').json() == {"data": {"order": None}}


# --- living -------------------------------------------------------------------------------------


def one(ask: Ask, order_id: str) -> Json:
    schema = schema_of(Variant())
    fields = selection(schema.type_map["Order"], schema, frozenset(DENIED))
    node = ask(f"query ($id: ID!) {{ order(id: $id) {fields} }}", id=order_id)["order"]
    assert isinstance(node, dict)
    return node


def test_orders_follow_their_deals(box: Sandbox, ask: Ask) -> None:
    order = next(
        o
        for o in books(box).orders.values()
        if o.deal and o.status in ("OPEN", "PENDING") and o.deal.gross is not None
    )
    assert order.deal is not None
    before = now(box)
    box.mutate({"op": "update_deal", "deal_id": order.deal.id, "price": "505000", "gross": "15150"})
    since = {"lastActivity": {"start": before}}
    assert [n["id"] for n in every(ask, filter=since)] == [order.id]
    assert one(ask, order.id)["purchasePrice"] == "505000.00"
    box.mutate({"op": "close_deal", "deal_id": order.deal.id})
    closed = one(ask, order.id)
    assert (closed["status"], closed["disbursementDate"]) == ("CLOSED", None)
    statuses = {d["status"] for d in closed["accounting"]["disbursements"]}
    assert statuses == {"PENDING"}
    box.advance(days=3)
    paid = one(ask, order.id)
    assert paid["disbursementDate"] is not None
    assert "POSTED" in {d["status"] for d in paid["accounting"]["disbursements"]}
    # who works on it does not change because money moves
    for name in ("settlementTeam", "contacts", "charges", "properties"):
        assert paid[name] == closed[name]


def test_a_terminated_deal_gives_the_earnest_money_back(box: Sandbox, ask: Ask) -> None:
    order = next(
        o
        for o in books(box).orders.values()
        if o.deal
        and o.earnest
        and o.status in ("OPEN", "PENDING")
        and o.created < box.clock.now() - timedelta(days=4)
    )
    assert order.deal is not None
    box.mutate({"op": "terminate_deal", "deal_id": order.deal.id})
    node = one(ask, order.id)
    assert node["status"] == "CANCELLED"
    assert node["cancelledDate"] is not None
    amounts = [[row["amount"] for row in node["accounting"][k]] for k in ("receipts",)]
    [back] = node["accounting"]["disbursements"]
    assert amounts == [[back["amount"]]] == [[f"{order.earnest:.2f}"]]


def test_time_brings_new_orders_and_moves_the_rest(box: Sandbox, ask: Ask) -> None:
    before = {node["id"]: node for node in every(ask)}
    start = box.clock.now()
    box.advance(days=40)
    after = {node["id"]: node for node in every(ask)}
    assert after.keys() > before.keys()
    moved = {key for key in before if before[key] != after[key]}
    assert moved
    since = {"lastActivity": {"start": start.isoformat()}}
    found = {node["id"] for node in every(ask, filter=since)}
    assert moved | (after.keys() - before.keys()) <= found
    assert len({node["orderNumber"] for node in after.values()}) == len(after)


def test_an_order_changes_only_with_its_last_activity(box: Sandbox, ask: Ask) -> None:
    """What an incremental reader relies on."""
    query = whole_query(frozenset(DENIED))

    def picture() -> dict[str, Json]:
        return {node["id"]: node for node in every(ask, query, first=25)}

    before = picture()
    for _ in range(4):
        start = box.clock.now() - timedelta(days=1)
        box.advance(days=5)
        after = picture()
        since = {"lastActivity": {"start": start.isoformat()}}
        told = {node["id"] for node in every(ask, filter=since)}
        assert {key for key in after if before.get(key) != after[key]} <= told
        before = after


def order_of(box: Sandbox, fits: Callable[[Order], bool]) -> Order:
    return next(order for order in books(box).orders.values() if fits(order))


def test_verbs_on_orders(box: Sandbox, ask: Ask) -> None:
    made = box.mutate({"op": "qualia.add_order", "price": "300000"})
    node = one(ask, made["order"])
    assert (node["status"], node["purchasePrice"]) == ("OPEN", "300000.00")
    assert node["orderNumber"] == made["order_number"]
    box.mutate({"op": "qualia.close_order", "order": made["order"]})
    assert one(ask, made["order"])["disbursementDate"] is None
    box.mutate({"op": "qualia.disburse_order", "order": made["order"]})
    assert one(ask, made["order"])["disbursementDate"] is not None
    other = box.mutate({"op": "qualia.add_order"})["order"]
    box.mutate({"op": "qualia.cancel_order", "order": other})
    assert one(ask, other)["status"] == "CANCELLED"
    changes = {"status": "ON_HOLD", "estimated_closing": "2026-07-01T17:00:00Z",
               "earnest_amount": None, "external_reference_number": "X-1"}  # fmt: skip
    box.mutate({"op": "qualia.edit_order", "order": other, "set": changes})
    node = one(ask, other)
    assert (node["status"], node["estimatedClosing"]) == ("ON_HOLD", "2026-07-01T17:00:00Z")
    assert (node["earnestAmount"], node["externalReferenceNumber"]) == (None, "X-1")
    box.mutate({"op": "qualia.delete_order", "order": other})
    assert ask(f'{{ order(id: "{other}") {{ id }} }}') == {"order": None}
    gone = order_of(box, lambda o: o.deal is not None)
    box.mutate({"op": "qualia.delete_order", "order": gone.id})
    box.advance(days=1)
    assert gone.id not in {node["id"] for node in every(ask)}
    assert gone.id not in box.truth(HOUSE)["qualia"]["entities"]["orders"]


def test_verbs_on_blocks(box: Sandbox, ask: Ask) -> None:
    order = order_of(box, lambda o: o.disbursed and not o.quirks).id
    before = one(ask, order)

    def play(op: str, **change: Any) -> Json:
        box.mutate({"op": f"qualia.{op}", "order": order, **change})
        return one(ask, order)

    paid = play("post_disbursement", amount="77.70", payee="Late LLC")["accounting"]
    assert paid["disbursements"][-1]["amount"] == "77.70"
    voided = play("void_disbursement", index=0, repost=True)["accounting"]["disbursements"]
    assert [row["status"] for row in voided[:2]] == ["VOIDED", "POSTED"]
    assert voided[0]["amount"] == voided[1]["amount"]
    assert play("post_receipt", amount="5.00")["accounting"]["receipts"][-1]["amount"] == "5.00"
    charges = play("add_charge", borrower="9.99", description="Courier")["charges"]
    assert charges[-1]["borrowerAmount"] == {"total": "9.99"}
    assert len(play("remove_charge", index=0)["charges"]) == len(before["charges"])
    assert play("complete_task", index=1, undo=True)["tasks"][1]["completed"] is False
    assert play("add_task", label="Call")["tasks"][-1]["label"] == "Call"
    start = play("add_appointment", start="2026-08-01T10:00:00Z")["appointments"][-1]["start"]
    assert start == "2026-08-01T10:00:00Z"
    sums = box.truth(HOUSE)["qualia"]["control"]["orders"][order]
    assert sums["disbursements"]["voided"]["count"] >= 1
    person = box.mutate({"op": "qualia.add_user"})["user"]
    assert person in {user["id"] for user in ask("{ users { id } }")["users"]}


def test_unknown_changes_are_refused_in_one_sentence(box: Sandbox) -> None:
    for change in (
        {"op": "qualia.fly"},
        {"op": "qualia.edit_order", "order": "unknown"},
        {"op": "qualia.edit_order", "set": {"mood": "good"}},
        {"op": "qualia.edit_order", "set": {"status": "NEW_WORD"}},
        {"op": "qualia.void_disbursement", "index": 10_000},
        {"op": "qualia.close_order", "order": order_of(box, lambda o: o.disbursed).id},
        {"op": "qualia.switch", "name": "mood", "value": 1},
        {"op": "qualia.switch", "name": "dates", "value": "roman"},
        {"op": "qualia.edit_company", "company": "unknown"},
    ):
        with pytest.raises(ValueError, match=r"\.$"):
            box.mutate(change)
