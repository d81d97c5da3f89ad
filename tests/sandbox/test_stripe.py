"""Stripe's interface as the contract describes it: keys, versions, lists, errors (§§1-3)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, get_args, get_origin

import httpx
import orjson
import pytest
import stripe

from sandbox.box import Sandbox
from sandbox.stripe.books import Books
from sandbox.stripe.model import STATUSES
from sandbox.stripe.wire import CANARY
from sandbox.vendor import HOUSE

NEW, OLD = "2026-06-24.dahlia", "2024-06-20"
Get = Callable[..., httpx.Response]
Rows = Callable[..., list[dict[str, Any]]]
KINDS = ("products", "prices", "customers", "subscriptions", "invoices", "events")


@pytest.fixture
def keys(box: Sandbox) -> dict[str, str]:
    keys: dict[str, str] = box.account(HOUSE, "stripe")["keys"]
    return keys


@pytest.fixture
def get(http: httpx.Client, keys: dict[str, str]) -> Get:
    def call(
        path: str, *, key: str = "api_key", version: str | None = NEW, **params: Any
    ) -> httpx.Response:
        headers = {"Authorization": f"Bearer {keys[key]}"}
        if version is not None:
            headers["Stripe-Version"] = version
        return http.get(f"/stripe/v1/{path}", params=params, headers=headers)

    return call


@pytest.fixture
def rows(get: Get) -> Rows:
    """Every row of a list, page by page."""

    def walk(path: str, limit: int = 100, **params: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while True:
            body = get(path, limit=limit, **params).json()
            found += body["data"]
            if not body["has_more"]:
                return found
            params["starting_after"] = body["data"][-1]["id"]

    return walk


def books(box: Sandbox) -> Books:
    found = box.books["stripe"]
    assert isinstance(found, Books)
    return found


def error(answer: httpx.Response, status: int) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    found: dict[str, Any] = answer.json()["error"]
    return found


# --- who asks -----------------------------------------------------------------------------------


def test_the_account_is_the_houses_and_nobody_elses(box: Sandbox) -> None:
    account = box.account(HOUSE, "stripe")
    assert account["credentials"] == {"api_key": account["api_key"]}
    assert account["api_key"].startswith("rk_test_")
    with pytest.raises(ValueError, match="no account"):
        box.account("ada-sample", "stripe")
    assert "stripe" not in box.truth("ada-sample")


def test_bearer_and_basic_are_taken_and_the_log_knows_whose_key_it_was(
    box: Sandbox, http: httpx.Client, keys: dict[str, str]
) -> None:
    bearer = {"Authorization": f"Bearer {keys['api_key']}"}
    assert http.get("/stripe/v1/prices", headers=bearer).status_code == 200
    assert http.get("/stripe/v1/prices", auth=(keys["api_key"], "")).status_code == 200
    assert box.requests.count(vendor="stripe", account=HOUSE, template="^/v1/prices$") == 2


def test_no_key_and_a_wrong_one_are_401(http: httpx.Client) -> None:
    assert "did not provide" in error(http.get("/stripe/v1/prices"), 401)["message"]
    wrong = http.get("/stripe/v1/prices", auth=("rk_test_unknown_key", ""))
    found = error(wrong, 401)
    assert found["type"] == "invalid_request_error"
    assert "rk_test_unknown_key" not in found["message"]
    assert wrong.headers["request-id"].startswith("req_")


def test_a_key_without_a_permission_is_403_and_the_message_names_it(box: Sandbox, get: Get) -> None:
    found = error(get("customers", key="without_customers"), 403)
    assert "rak_customer_read" in found["message"]
    assert get("prices", key="without_customers").status_code == 200
    assert error(get("events/evt_x", key="without_events"), 403)
    box.mutate({"op": "stripe.deny", "resource": "invoice"})
    assert get("invoices").status_code == 403
    box.mutate({"op": "stripe.deny", "resource": "invoice", "restore": True})
    assert get("invoices").status_code == 200


def test_a_revoked_key_is_refused_until_restored(box: Sandbox, get: Get) -> None:
    box.mutate({"op": "stripe.revoke_key"})
    assert get("prices").status_code == 401
    assert get("prices", key="full").status_code == 200
    box.mutate({"op": "stripe.revoke_key", "restore": True})
    assert get("prices").status_code == 200


def test_writes_are_refused(http: httpx.Client, keys: dict[str, str]) -> None:
    for method in ("POST", "DELETE"):
        answer = http.request(method, "/stripe/v1/customers", auth=(keys["full"], ""))
        assert error(answer, 403)["type"] == "invalid_request_error"


# --- versions -----------------------------------------------------------------------------------


def test_the_period_is_on_the_items_from_basil_on_and_on_the_subscription_before(
    get: Get,
) -> None:
    new = get("subscriptions", version="2025-03-31.basil", limit=1)
    [sub] = new.json()["data"]
    assert new.headers["stripe-version"] == "2025-03-31.basil"
    assert "current_period_end" not in sub
    assert all("current_period_end" in item for item in sub["items"]["data"])
    [old] = get("subscriptions", version="2025-02-24.acacia", limit=1).json()["data"]
    assert old["id"] == sub["id"]
    ends = [item["current_period_end"] for item in sub["items"]["data"]]
    assert old["current_period_end"] == min(ends)
    assert not any("current_period_end" in item for item in old["items"]["data"])


def test_an_invoice_names_its_subscription_in_two_ways(get: Get, rows: Rows) -> None:
    for bill in rows("invoices"):
        before = get(f"invoices/{bill['id']}", version=OLD).json()
        assert "parent" not in before
        assert "subscription" not in bill
        details = (bill["parent"] or {}).get("subscription_details")
        assert before["subscription"] == (details["subscription"] if details else None)


def test_without_the_header_the_accounts_version_counts(box: Sandbox, get: Get) -> None:
    assert get("prices", version=None).headers["stripe-version"] == NEW
    box.mutate({"op": "stripe.switch", "name": "default_version", "value": OLD})
    assert get("prices", version=None).headers["stripe-version"] == OLD
    told = box.mutate({"op": "stripe.subscribe"})
    assert {get(f"events/{e}").json()["api_version"] for e in told["events"]} == {OLD}
    assert "API version" in error(get("prices", version="latest"), 400)["message"]


# --- lists --------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_lists_are_newest_first_and_pages_make_the_whole(rows: Rows, kind: str) -> None:
    params = {"status": "all"} if kind == "subscriptions" else {}
    whole = rows(kind, **params)
    stamps = [row["created"] for row in whole]
    assert stamps == sorted(stamps, reverse=True)
    assert len({row["id"] for row in whole}) == len(whole) > 7
    assert [row["id"] for row in rows(kind, limit=7, **params)] == [row["id"] for row in whole]


def test_backward_pages_lead_to_the_front(get: Get, rows: Rows) -> None:
    ids = [row["id"] for row in rows("prices")]
    body = get("prices", limit=4, ending_before=ids[6]).json()
    assert [row["id"] for row in body["data"]] == ids[2:6]
    assert body["has_more"] is True
    body = get("prices", limit=4, ending_before=ids[2]).json()
    assert ([row["id"] for row in body["data"]], body["has_more"]) == (ids[:2], False)


@pytest.mark.parametrize(
    ("params", "param"),
    [
        ({"limit": 101}, "limit"),
        ({"limit": 0}, "limit"),
        ({"limit": "many"}, "limit"),
        ({"starting_after": "price_unknown"}, "starting_after"),
        ({"ending_before": "price_unknown"}, "ending_before"),
        ({"created[gte]": "yesterday"}, "created[gte]"),
        ({"created[since]": "1"}, "created[since]"),
        ({"updated[gte]": "1"}, "updated[gte]"),
        ({"active": "yes"}, "active"),
        ({"expand[]": "data.unit_amount"}, "expand"),
    ],
)
def test_bad_parameters_are_400_and_named(get: Get, params: dict[str, Any], param: str) -> None:
    found = error(get("prices", **params), 400)
    assert (found["type"], found["param"]) == ("invalid_request_error", param)


def test_an_unknown_cursor_is_resource_missing(get: Get) -> None:
    assert error(get("prices", starting_after="price_x"), 400)["code"] == "resource_missing"
    assert error(get("prices/price_x"), 404)["code"] == "resource_missing"
    assert error(get("nothing"), 404)


def test_created_filters_by_seconds(rows: Rows) -> None:
    whole = rows("customers")
    middle = whole[len(whole) // 2]["created"]
    later = [row["id"] for row in whole if row["created"] >= middle]
    earlier = [row["id"] for row in whole if row["created"] < middle]
    assert [r["id"] for r in rows("customers", **{"created[gte]": middle})] == later
    assert [r["id"] for r in rows("customers", **{"created[lt]": middle})] == earlier
    assert {r["created"] for r in rows("customers", created=middle)} == {middle}


def test_cancelled_subscriptions_are_kept_back_by_default(rows: Rows) -> None:
    every = rows("subscriptions", status="all")
    assert {row["status"] for row in every} == set(STATUSES)
    shown = {row["id"] for row in rows("subscriptions")}
    assert shown == {row["id"] for row in every if row["status"] != "canceled"}
    for status in STATUSES:
        found = {row["id"] for row in rows("subscriptions", status=status)}
        assert found == {row["id"] for row in every if row["status"] == status} != set()
    ended = rows("subscriptions", status="ended")
    assert {row["status"] for row in ended} == {"canceled", "incomplete_expired"}


def test_lists_of_prices_by_what_they_are(get: Get, rows: Rows) -> None:
    whole = rows("prices")
    for params, fits in (
        ({"active": "false"}, lambda p: not p["active"]),
        ({"type": "one_time"}, lambda p: p["recurring"] is None),
        ({"currency": "jpy"}, lambda p: p["currency"] == "jpy"),
        ({"lookup_keys[]": "team-seat"}, lambda p: p["lookup_key"] == "team-seat"),
        (
            {"recurring[interval]": "year"},
            lambda p: (p["recurring"] or {}).get("interval") == "year",
        ),
    ):
        wanted = [price["id"] for price in whole if fits(price)]
        assert [price["id"] for price in rows("prices", **params)] == wanted != []
    assert get("prices", limit=3).json()["url"] == "/v1/prices"


def test_tiers_come_only_when_expanded(get: Get, rows: Rows) -> None:
    assert not any("tiers" in price for price in rows("prices"))
    tiered = {p["id"]: p for p in rows("prices", **{"expand[]": "data.tiers"}) if "tiers" in p}
    assert {p["billing_scheme"] for p in tiered.values()} == {"tiered"}
    assert {p["unit_amount"] for p in tiered.values()} == {None}
    assert {p["tiers_mode"] for p in tiered.values()} == {"graduated", "volume"}
    one = next(iter(tiered))
    assert get(f"prices/{one}", **{"expand[]": "tiers"}).json()["tiers"] == tiered[one]["tiers"]


def test_other_currencies_come_only_when_expanded(get: Get, rows: Rows) -> None:
    assert not any("currency_options" in price for price in rows("prices"))
    for price in rows("prices", **{"expand[]": "data.currency_options"}):
        own = price["currency_options"][price["currency"]]
        assert {name: price[name] for name in own} == own
    [both] = [p for p in rows("prices", **{"expand[]": "data.currency_options"})
              if len(p["currency_options"]) > 1]  # fmt: skip
    one = get(f"prices/{both['id']}", **{"expand[]": "currency_options"}).json()
    assert one["currency_options"] == both["currency_options"]
    assert both["currency_options"]["cad"]["unit_amount"] == 199_000


def test_expansion_puts_the_thing_in_place_of_its_id(get: Get) -> None:
    [sub] = get("subscriptions", limit=1, **{"expand[]": "data.customer"}).json()["data"]
    assert sub["customer"]["object"] == "customer"
    whole = get(f"subscriptions/{sub['id']}", **{"expand[]": "items.data.price.product"}).json()
    assert whole["items"]["data"][0]["price"]["product"]["object"] == "product"
    deep = {"expand[]": "data.items.data.price.product.default_price"}
    assert "levels" in error(get("subscriptions", **deep), 400)["message"]


def test_items_beyond_ten_are_on_pages_of_their_own(get: Get, rows: Rows) -> None:
    [many] = [s for s in rows("subscriptions", status="all") if s["items"]["has_more"]]
    inline = [item["id"] for item in many["items"]["data"]]
    path = many["items"]["url"].removeprefix("/v1/")
    assert path == f"subscription_items?subscription={many['id']}"
    every = [i["id"] for i in rows("subscription_items", limit=5, subscription=many["id"])]
    assert (len(inline), len(every)) == (10, 12)
    assert every[:10] == inline
    assert error(get("subscription_items"), 400)["param"] == "subscription"


# --- what is there ------------------------------------------------------------------------------


def test_periods_differ_between_the_items_of_one_subscription(rows: Rows) -> None:
    mixed = [
        sub
        for sub in rows("subscriptions")
        if len({item["current_period_end"] for item in sub["items"]["data"]}) > 1
    ]
    assert {sub["billing_mode"]["type"] for sub in mixed} >= {"flexible"}


def test_prices_of_every_shape(rows: Rows) -> None:
    prices = rows("prices")
    no_amount = [p for p in prices if p["unit_amount"] is None]
    assert {p["billing_scheme"] for p in no_amount} == {"tiered", "per_unit"}
    assert any(p["unit_amount_decimal"] == "0.5" for p in no_amount)
    assert any(p["custom_unit_amount"] for p in no_amount)
    assert any(p["transform_quantity"] for p in prices)
    assert {p["currency"] for p in prices} == {"usd", "jpy"}
    assert {(p["recurring"] or {}).get("interval") for p in prices} == {
        None, "day", "week", "month", "year",
    }  # fmt: skip


def test_every_connected_agent_pays_and_some_customer_says_nothing(
    box: Sandbox, rows: Rows
) -> None:
    customers = rows("customers")
    users = {(c["metadata"] or {}).get("user_id") for c in customers}
    assert users > {box.world.key_of(agent.id) for agent in box.world.connected}
    assert any(c["metadata"] == {} for c in customers)
    assert any(c["metadata"] is None for c in customers)
    mails = {c["email"] for c in customers}
    assert mails >= {user.email for user in box.world.users}
    plans = [
        {item["price"]["lookup_key"] for item in sub["items"]["data"]}
        for sub in rows("subscriptions")
        if sub["metadata"].get("user_id") == "ada-sample"
    ]
    assert plans == [{"team-monthly", "team-seat"}]


def test_one_customer_is_deleted(box: Sandbox, get: Get, rows: Rows) -> None:
    [gone] = [c.id for c in books(box).store.customers.values() if c.deleted]
    assert gone not in {c["id"] for c in rows("customers")}
    assert get(f"customers/{gone}").json() == {"id": gone, "object": "customer", "deleted": True}
    [sub] = rows("subscriptions", status="all", customer=gone)
    assert sub["status"] == "canceled"
    box.mutate({"op": "stripe.switch", "name": "deleted_as_404", "value": True})
    assert get(f"customers/{gone}").status_code == 404


def test_what_nobody_is_to_keep_is_marked(rows: Rows) -> None:
    assert all(row["phone"] == CANARY for row in rows("customers"))
    secrets = {row["hosted_invoice_url"] for row in rows("invoices")} - {None}
    assert all(CANARY in url for url in secrets)
    intents = rows("events", type="payment_intent.*")
    assert all(CANARY in row["data"]["object"]["client_secret"] for row in intents)


def test_invoices_add_up(box: Sandbox, rows: Rows) -> None:
    bills = rows("invoices")
    for bill in bills:
        assert bill["amount_due"] == bill["amount_paid"] + bill["amount_remaining"]
        assert (bill["status"] == "paid") == (
            bill["amount_remaining"] == 0 and bill["status"] not in ("void", "draft")
        )
    assert {b["status"] for b in bills} == {"draft", "open", "paid", "uncollectible", "void"}
    assert {b["billing_reason"] for b in bills} >= {
        "subscription_create", "subscription_cycle", "subscription_update", "manual",
    }  # fmt: skip
    paid = box.truth(HOUSE)["stripe"]["control"]["paid"]
    for currency, amount in paid.items():
        assert amount == sum(b["amount_paid"] for b in bills if b["currency"] == currency)


def test_a_seat_more_costs_a_seat_more(box: Sandbox, get: Get) -> None:
    made = box.mutate(
        {"op": "stripe.subscribe", "price": "team-monthly", "seats": 7, "user_id": "new"}
    )
    sub = get(f"subscriptions/{made['subscription']}").json()
    bill = get(f"invoices/{sub['latest_invoice']}").json()
    assert bill["total"] == 14_900 + 7 * 1_900
    assert bill["status"] == "paid"


@pytest.mark.parametrize("kind", KINDS)
def test_the_truth_is_what_the_lists_show(box: Sandbox, rows: Rows, kind: str) -> None:
    params = {"status": "all"} if kind == "subscriptions" else {}
    shown = {row["id"]: row for row in rows(kind, **params)}
    truth = box.truth(HOUSE)["stripe"]["entities"][kind]
    assert truth.keys() == shown.keys()
    plain = ("name", "email", "status", "customer", "currency", "total", "active", "product",
             "unit_amount", "unit_amount_decimal", "cancel_at_period_end", "type", "metadata",
             "attempt_count", "number", "lookup_key", "recurring", "trial_end")  # fmt: skip
    for key, row in truth.items():
        for name in plain:
            if name in row and name != "trial_end":
                assert row[name] == shown[key][name], (kind, key, name)


OBJECTS = {
    "products": stripe.Product,
    "prices": stripe.Price,
    "customers": stripe.Customer,
    "subscriptions": stripe.Subscription,
    "invoices": stripe.Invoice,
    "events": stripe.Event,
    "payment_intents": stripe.PaymentIntent,
    "checkout/sessions": stripe.checkout.Session,
}


def types_of(thing: type) -> dict[str, Any]:
    return {
        name: kind
        for base in thing.__mro__
        for name, kind in getattr(base, "__annotations__", {}).items()
        if not name.startswith("_") and get_origin(kind) is not ClassVar
    }


@pytest.mark.parametrize("kind", [*OBJECTS, "subscription_items"])
def test_the_keys_are_those_of_the_vendors_own_types(rows: Rows, kind: str) -> None:
    if kind == "subscription_items":
        subs = rows("subscriptions", status="all")
        shown = [item for sub in subs for item in sub["items"]["data"]]
        known = types_of(stripe.SubscriptionItem)
    else:
        params = {"status": "all"} if kind == "subscriptions" else {}
        shown = rows(kind, key="full", **params)
        known = types_of(OBJECTS[kind])
    sent = {name for row in shown for name in row}
    # `attributes` are of old products, which are listed still
    assert sent - known.keys() <= {"attributes"}
    always = {name for name, kind in known.items() if type(None) not in get_args(kind)}
    assert all(always <= row.keys() for row in shown), always - set.intersection(*map(set, shown))


def test_every_field_of_the_contract_has_a_value_somewhere(rows: Rows) -> None:
    for kind in KINDS:
        params = {"status": "all"} if kind == "subscriptions" else {}
        every = rows(kind, **params)
        # of products `good` alone has dimensions; these are null by contract or left out of scope
        silent = {
            "attributes", "default_source", "discount", "test_clock", "preferred_locales",
            "automatic_tax", "billing_schedules",
            *(() if kind != "invoices" else (
                "application", "default_payment_method", "default_tax_rates", "discounts",
                "latest_revision", "on_behalf_of",
            )),
        }  # fmt: skip
        names = {name for row in every for name in row} - silent
        empty = {n for n in names if all(row.get(n) in (None, [], {}) for row in every)}
        if kind == "subscriptions":
            assert any(row["test_clock"] for row in every)
        assert empty <= ({"metadata"} if kind == "invoices" else set()), (kind, empty)


# --- faults and limits --------------------------------------------------------------------------


def test_the_limit_is_429_with_a_reason_and_no_promise(box: Sandbox, get: Get) -> None:
    box.limits.enabled = True
    answers = [get("prices", limit=1) for _ in range(40)]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert refused
    for answer in refused:
        assert answer.json()["error"]["code"] == "rate_limit"
        assert answer.headers["stripe-rate-limited-reason"]
        assert "retry-after" not in answer.headers


def test_the_contracts_errors_can_be_had(box: Sandbox, get: Get) -> None:
    def fault(kind: str, **params: Any) -> httpx.Response:
        box.faults.add(kind, vendor="stripe", **params)
        return get("prices")

    assert error(fault("lock_timeout"), 429)["code"] == "lock_timeout"
    assert error(fault("conflict"), 409)["type"] == "idempotency_error"
    plain = fault("server_error")
    assert error(plain, 500)["type"] == "api_error"
    assert "stripe-should-retry" not in plain.headers
    assert fault("server_error", should_retry=False).headers["stripe-should-retry"] == "false"
    assert error(fault("unauthorized"), 401)
    assert error(fault("forbidden"), 403)
    box.faults.add("missing", vendor="stripe")
    product = next(iter(books(box).store.products))
    assert error(get(f"products/{product}"), 404)["code"] == "resource_missing"
    for name in ("ok", "slow", "flaky", "limited", "auth-broken", "partial", "drift"):
        assert box.faults.profile("stripe", name)


@pytest.mark.parametrize("kind", ["products", "prices", "customers", "subscriptions", "events"])
def test_a_list_may_grow_while_it_is_read(box: Sandbox, get: Get, rows: Rows, kind: str) -> None:
    before = [row["id"] for row in rows(kind)]
    box.faults.add("shift_page", vendor="stripe", match="starting_after=")
    assert [row["id"] for row in rows(kind, limit=5)] == before
    assert get(kind, limit=1).json()["data"][0]["id"] not in before


def test_the_same_seed_gives_the_same_bytes(box: Sandbox, get: Get) -> None:
    def picture() -> bytes:
        bodies = [get(kind, limit=100, status="all").content for kind in ("subscriptions",)]
        return b"".join([*bodies, get("events", limit=100).content, get("invoices").content])

    before = picture()
    box.reset()
    assert picture() == before
    assert orjson.dumps(box.truth(HOUSE)["stripe"])
