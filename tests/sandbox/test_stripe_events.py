"""Stripe's events tell what happened, and the control verbs make things happen (§3.7)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from sandbox.box import Sandbox
from sandbox.stripe.billing import after
from sandbox.stripe.books import Books
from sandbox.vendor import HOUSE

NEW = "2026-06-24.dahlia"
DAY = 86_400
Get = Callable[..., Any]
Events = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def get(box: Sandbox, http: httpx.Client) -> Get:
    key = box.account(HOUSE, "stripe")["api_key"]

    def call(path: str, **params: Any) -> Any:
        headers = {"Authorization": f"Bearer {key}", "Stripe-Version": NEW}
        answer = http.get(f"/stripe/v1/{path}", params=params, headers=headers)
        assert answer.status_code == 200, answer.text
        return answer.json()

    return call


@pytest.fixture
def events(get: Get) -> Events:
    def walk(**params: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while True:
            body = get("events", limit=100, **params)
            found += body["data"]
            if not body["has_more"]:
                return found
            params["starting_after"] = found[-1]["id"]

    return walk


def books(box: Sandbox) -> Books:
    found = box.books["stripe"]
    assert isinstance(found, Books)
    return found


def test_events_are_kept_for_thirty_days(box: Sandbox, get: Get, events: Events) -> None:
    now = box.clock.now().timestamp()
    every = events()
    assert all(now - 30 * DAY <= event["created"] <= now for event in every)
    oldest = every[-1]
    assert now - oldest["created"] > 25 * DAY
    box.advance(days=31)
    later = {event["id"] for event in events()}
    assert not later & {event["id"] for event in every}
    assert later
    truth = box.truth(HOUSE)["stripe"]
    assert set(truth["control"]["expired_events"]) >= {event["id"] for event in every}
    assert truth["entities"]["events"].keys() - truth["control"]["expired_events"] == later


def test_types_filter_with_and_without_wildcards(events: Events) -> None:
    every = events()
    for params, fits in (
        ({"type": "invoice.paid"}, lambda t: t == "invoice.paid"),
        ({"type": "customer.subscription.*"}, lambda t: t.startswith("customer.subscription.")),
        (
            {"types[]": ["invoice.paid", "customer.updated"]},
            lambda t: t in ("invoice.paid", "customer.updated"),
        ),
    ):
        wanted = [event["id"] for event in every if fits(event["type"])]
        assert [event["id"] for event in events(**params)] == wanted != []
    pending = {e["id"] for e in events(delivery_success="false")}
    assert pending == {e["id"] for e in every if e["pending_webhooks"]}


def test_an_events_object_has_the_shape_of_its_own_version(events: Events) -> None:
    subs = events(type="customer.subscription.updated")
    versions = {event["api_version"] for event in subs}
    assert versions == {"2024-06-20", NEW}
    for event in subs:
        thing = event["data"]["object"]
        old = event["api_version"] == "2024-06-20"
        assert ("current_period_end" in thing) is old
        assert ("current_period_end" in thing["items"]["data"][0]) is not old
    assert any(event["api_version"] is None for event in events())


def test_previous_attributes_are_the_old_values_of_what_changed(events: Events) -> None:
    updated = [e for e in events() if e["type"].endswith(".updated")]
    assert updated
    for event in updated:
        thing, before = event["data"]["object"], event["data"]["previous_attributes"]
        assert before
        for name, value in before.items():
            assert thing.get(name) != value
    statuses = {
        (e["data"]["previous_attributes"].get("status"), e["data"]["object"].get("status"))
        for e in updated
        if "status" in e["data"]["previous_attributes"]
    }
    assert ("active", "past_due") in statuses
    assert ("past_due", "unpaid") in statuses
    assert ("trialing", "active") in statuses
    created = [e for e in events() if e["type"].endswith(".created")]
    assert not any("previous_attributes" in e["data"] for e in created)


def test_the_last_event_of_a_subscription_agrees_with_the_subscription(
    get: Get, events: Events
) -> None:
    newest: dict[str, tuple[int, set[str]]] = {}
    for event in events(type="customer.subscription.*"):
        thing = event["data"]["object"]
        at, statuses = newest.setdefault(thing["id"], (event["created"], set()))
        if at == event["created"]:
            # the order within one second means nothing
            statuses.add(thing["status"])
    for sub_id, (_, statuses) in newest.items():
        assert get(f"subscriptions/{sub_id}")["status"] in statuses


def test_some_changes_are_told_twice_by_different_events(events: Events) -> None:
    told: dict[tuple[Any, ...], set[str]] = {}
    for event in events():
        thing = event["data"]["object"]
        told.setdefault((event["type"], thing["id"], event["created"]), set()).add(event["id"])
    assert any(len(ids) > 1 for ids in told.values())


def test_events_of_one_change_come_in_no_meaningful_order(box: Sandbox, get: Get) -> None:
    orders = set()
    for _ in range(6):
        made = box.mutate({"op": "stripe.subscribe"})
        types = [get(f"events/{event}")["type"] for event in made["events"]]
        orders.add(tuple(dict.fromkeys(types)))
    assert {frozenset(order) for order in orders} == {
        frozenset(
            {
                "customer.created", "customer.updated", "customer.subscription.created",
                "invoice.created", "invoice.finalized", "invoice.paid",
                "invoice.payment_succeeded", "payment_intent.succeeded",
            }
        )
    }  # fmt: skip
    assert len(orders) > 1


# --- control verbs ------------------------------------------------------------------------------


def subscription(box: Sandbox, get: Get, **change: Any) -> Any:
    made = box.mutate({"op": "stripe.subscribe", **change})
    return get(f"subscriptions/{made['subscription']}")


def play(box: Sandbox, get: Get, op: str, sub: Any, **change: Any) -> tuple[Any, set[str]]:
    told = box.mutate({"op": f"stripe.{op}", "subscription": sub["id"], **change})
    types = {get(f"events/{event}")["type"] for event in told["events"]}
    return get(f"subscriptions/{sub['id']}"), types


def test_upgrading_bills_the_difference(box: Sandbox, get: Get) -> None:
    sub = subscription(box, get)
    changed, types = play(box, get, "upgrade", sub, price="team")
    assert changed["items"]["data"][0]["price"]["lookup_key"] == "team-monthly"
    bill = get(f"invoices/{changed['latest_invoice']}")
    assert (bill["billing_reason"], bill["total"]) == ("subscription_update", 14_900 - 4_900)
    assert {"customer.subscription.updated", "invoice.paid"} <= types
    with pytest.raises(ValueError, match="currency"):
        play(box, get, "upgrade", sub, price="solo-jpy")


def test_cancelling_at_the_end_and_now(box: Sandbox, get: Get) -> None:
    sub = subscription(box, get)
    end = sub["items"]["data"][0]["current_period_end"]
    leaving, types = play(box, get, "cancel_at_period_end", sub)
    assert (leaving["cancel_at"], leaving["status"]) == (end, "active")
    assert types == {"customer.subscription.updated"}
    stays, _ = play(box, get, "cancel_at_period_end", sub, undo=True)
    assert (stays["cancel_at"], stays["canceled_at"]) == (None, None)
    play(box, get, "cancel_at_period_end", sub)
    box.advance(days=32)
    assert get(f"subscriptions/{sub['id']}")["ended_at"] == end
    other = subscription(box, get)
    gone, types = play(box, get, "cancel_now", other)
    assert gone["status"] == "canceled"
    assert types == {"customer.subscription.deleted"}
    with pytest.raises(ValueError, match="canceled already"):
        play(box, get, "cancel_now", other)


def test_a_failed_payment_is_dunned_and_given_up_or_paid(box: Sandbox, get: Get) -> None:
    sub = subscription(box, get)
    failed, types = play(box, get, "fail_payment", sub)
    assert failed["status"] == "past_due"
    assert {"invoice.payment_failed", "payment_intent.payment_failed", "customer.updated"} <= types
    bill = get(f"invoices/{failed['latest_invoice']}")
    assert bill["next_payment_attempt"] == bill["created"] + 3 * DAY
    assert get(f"customers/{sub['customer']}")["delinquent"] is True
    box.advance(days=16)
    assert get(f"subscriptions/{sub['id']}")["status"] == "unpaid"
    assert get(f"invoices/{bill['id']}")["attempt_count"] == 4
    paid, types = play(box, get, "pay", sub)
    assert paid["status"] == "active"
    assert get(f"invoices/{bill['id']}")["status"] == "paid"
    assert get(f"customers/{sub['customer']}")["delinquent"] is False
    assert {"invoice.paid", "customer.subscription.updated"} <= types


def test_a_refused_card_leaves_an_incomplete_subscription_for_a_day(box: Sandbox, get: Get) -> None:
    sub = subscription(box, get, card="declined")
    assert sub["status"] == "incomplete"
    box.advance(days=1)
    expired = get(f"subscriptions/{sub['id']}")
    assert expired["status"] == "incomplete_expired"
    assert get(f"invoices/{sub['latest_invoice']}")["status"] == "void"


def test_a_trial_ends_by_itself_and_by_hand(box: Sandbox, get: Get) -> None:
    sub = subscription(box, get, trial_days=14)
    assert (sub["status"], get(f"invoices/{sub['latest_invoice']}")["total"]) == ("trialing", 0)
    short = subscription(box, get, trial_days=14)
    assert play(box, get, "end_trial", short)[0]["status"] == "active"
    poor = subscription(box, get, trial_days=14, card="none")
    box.advance(days=15)
    assert get(f"subscriptions/{sub['id']}")["status"] == "active"
    paused = get(f"subscriptions/{poor['id']}")
    assert paused["status"] == "paused"
    resumed, types = play(box, get, "resume", paused)
    assert resumed["status"] == "active"
    assert "customer.subscription.resumed" in types


def test_paused_collection_is_no_status(box: Sandbox, get: Get) -> None:
    sub = subscription(box, get)
    paused, _ = play(box, get, "pause", sub, behavior="void", days=40)
    assert (paused["status"], paused["pause_collection"]["behavior"]) == ("active", "void")
    box.advance(days=32)
    held = get(f"subscriptions/{sub['id']}")
    assert get(f"invoices/{held['latest_invoice']}")["status"] == "void"
    assert play(box, get, "resume", sub)[0]["pause_collection"] is None


def test_items_come_and_go(box: Sandbox, get: Get) -> None:
    sub = subscription(box, get, price="team", seats=3)
    more, _ = play(box, get, "set_quantity", sub, quantity=9)
    assert [item["quantity"] for item in more["items"]["data"]] == [1, 9]
    added, _ = play(box, get, "add_item", sub, price="addon-1")
    assert len(added["items"]["data"]) == 3
    fewer, _ = play(box, get, "remove_item", sub)
    assert len(fewer["items"]["data"]) == 2


def test_the_catalogue_changes(box: Sandbox, get: Get) -> None:
    product = box.mutate({"op": "stripe.create_product", "name": "New"})["product"]
    price = box.mutate({"op": "stripe.create_price", "product": product})["price"]
    archived = box.mutate({"op": "stripe.archive_price", "price": price})
    assert get(f"prices/{price}")["active"] is False
    [event] = {get(f"events/{e}")["type"] for e in archived["events"]}
    assert event == "price.updated"
    box.mutate({"op": "stripe.update_product", "product": product, "name": "Newer"})
    shown = get(f"products/{product}")
    assert (shown["name"], shown["updated"] >= shown["created"]) == ("Newer", True)
    with pytest.raises(ValueError, match="prices"):
        box.mutate({"op": "stripe.delete_product", "product": product})
    box.mutate({"op": "stripe.delete_price", "price": price})
    box.mutate({"op": "stripe.delete_product", "product": product})
    assert get(f"products/{product}")["deleted"] is True
    truth = box.truth(HOUSE)["stripe"]
    assert product not in truth["entities"]["products"]
    assert product in truth["control"]["deleted"]["products"]


def test_customers_change_and_go(box: Sandbox, get: Get) -> None:
    made = box.mutate({"op": "stripe.create_customer", "user_id": "someone"})["customer"]
    box.mutate({"op": "stripe.update_customer", "agent_key": "someone", "name": "Renamed"})
    assert get(f"customers/{made}")["name"] == "Renamed"
    sub = subscription(box, get, customer=made)
    told = box.mutate({"op": "stripe.delete_customer", "customer": made})
    types = {get(f"events/{event}")["type"] for event in told["events"]}
    assert types == {"customer.deleted", "customer.subscription.deleted"}
    assert get(f"subscriptions/{sub['id']}")["status"] == "canceled"
    with pytest.raises(ValueError, match="no customer"):
        box.mutate({"op": "stripe.delete_customer", "customer": made})


def test_the_rest_of_the_verbs_leave_their_events(box: Sandbox, get: Get) -> None:
    def types(**change: Any) -> set[str]:
        told = box.mutate(change)
        return {get(f"events/{event}")["type"] for event in told["events"]}

    sub = subscription(box, get)["id"]
    assert types(op="stripe.pending_update", subscription=sub) == {"customer.subscription.updated"}
    for outcome in ("applied", "expired"):
        told = types(op="stripe.pending_update", subscription=sub, outcome=outcome)
        assert told == {f"customer.subscription.pending_update_{outcome}"}
    for outcome in ("expired", "async_payment_failed", "async_payment_succeeded"):
        told = types(op="stripe.leave_checkout", agent_key="ada-sample", outcome=outcome)
        assert told == {f"checkout.session.{outcome}"}
    declined = subscription(box, get, card="declined")["id"]
    assert types(op="stripe.void_invoice", subscription=declined) == {"invoice.voided"}
    declined = subscription(box, get, card="declined")["id"]
    told = types(op="stripe.write_off", subscription=declined)
    assert told == {"invoice.marked_uncollectible"}
    told = types(op="stripe.update_subscription", subscription=sub, metadata={"user_id": "x"})
    assert told == {"customer.subscription.updated"}
    told = types(op="stripe.update_price", price="solo", nickname="Solo by the month")
    assert told == {"price.updated"}


def test_a_checkout_names_our_user(box: Sandbox, get: Get) -> None:
    told = box.mutate({"op": "stripe.subscribe", "agent_key": "ben-example"})
    sessions = [
        event["data"]["object"]
        for event in map(get, (f"events/{e}" for e in told["events"]))
        if event["type"] == "checkout.session.completed"
    ]
    assert {s["client_reference_id"] for s in sessions} == {"ben-example"}
    assert get(f"checkout/sessions/{sessions[0]['id']}")["payment_status"] == "paid"


def test_a_silent_change_leaves_no_event(box: Sandbox, events: Events, get: Get) -> None:
    before = {event["id"] for event in events()}
    told = box.mutate({"op": "stripe.archive_price", "price": "solo", "silent": True})
    assert told["events"] == []
    assert {event["id"] for event in events()} == before
    assert get(f"prices/{told['price']}")["active"] is False


def test_unknown_changes_are_refused_in_one_sentence(box: Sandbox) -> None:
    for change in (
        {"op": "stripe.fly"},
        {"op": "stripe.upgrade", "subscription": "sub_x"},
        {"op": "stripe.subscribe", "price": "gold"},
        {"op": "stripe.subscribe", "price": "onboarding"},
        {"op": "stripe.switch", "name": "mood", "value": 1},
        {"op": "stripe.revoke_key", "key": "none"},
        {"op": "stripe.pay", "agent_key": "ada-sample"},
    ):
        with pytest.raises(ValueError, match=r"\.$"):
            box.mutate(change)


# --- living -------------------------------------------------------------------------------------


def test_time_renews_subscriptions(box: Sandbox, get: Get) -> None:
    [sub] = get("subscriptions", customer=customer_of(box, "ada-sample"))["data"]
    item = sub["items"]["data"][0]
    box.advance(days=35)
    [later] = get("subscriptions", customer=sub["customer"])["data"]
    renewed = later["items"]["data"][0]
    assert renewed["current_period_start"] >= item["current_period_end"]
    assert later["latest_invoice"] != sub["latest_invoice"]
    assert box.truth(HOUSE)["stripe"]["entities"]["subscriptions"][sub["id"]]["status"] == "active"


def customer_of(box: Sandbox, agent_key: str) -> str:
    agents: dict[str, str] = box.truth(HOUSE)["stripe"]["control"]["agents"]
    return agents[agent_key]


def test_people_who_are_renamed_or_leave_do_so_here_too(box: Sandbox, get: Get) -> None:
    ada = box.world.agent_by_key("ada-sample")
    box.mutate({"op": "update_agent", "agent_key": "ada-sample", "email": "new@example.com"})
    mate = next(
        user
        for user in box.world.users
        if not user.is_connected
        and user.is_active
        and any(
            c.agent_id == user.agent_id and s.status == "active"
            for s in books(box).store.subscriptions.values()
            for c in [books(box).store.customers[s.customer]]
        )
    )
    box.mutate({"op": "set_status", "agent_id": mate.agent_id, "status": "INACTIVE"})
    box.advance(days=1)
    assert get(f"customers/{customer_of(box, 'ada-sample')}")["email"] == ada.email
    [sub] = [
        s
        for s in books(box).store.subscriptions.values()
        if books(box).store.customers[s.customer].agent_id == mate.agent_id
    ]
    assert sub.cancel_at_period_end


def test_what_is_due_happens_without_being_asked(box: Sandbox, get: Get) -> None:
    sub = subscription(box, get, card="declined")
    box.clock.advance(seconds=24 * 3600)
    assert get(f"subscriptions/{sub['id']}")["status"] == "incomplete_expired"


def test_nothing_is_ever_told_before_what_was_told_already(box: Sandbox) -> None:
    store = books(box).store
    known = max(event.created for event in store.events.values())
    seen = set(store.events)
    for _ in range(10):
        box.advance(days=2)
        new = [event for key, event in store.events.items() if key not in seen]
        seen |= set(store.events)
        assert all(event.created >= known for event in new)
        known = max([known, *(event.created for event in new)])


@pytest.mark.parametrize(
    ("start", "interval", "cycles", "end"),
    [
        ("2026-01-31", "month", 1, "2026-02-28"),
        ("2026-01-31", "month", 2, "2026-03-31"),
        ("2024-02-29", "year", 1, "2025-02-28"),
        ("2026-06-15", "week", 3, "2026-07-06"),
    ],
)
def test_periods_keep_the_anchors_day(start: str, interval: str, cycles: int, end: str) -> None:
    def stamp(day: str) -> int:
        return int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp())

    assert after(stamp(start), {"interval": interval, "interval_count": 1}, cycles) == stamp(end)
