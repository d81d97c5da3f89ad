"""Which events are asked for, and what is read because of them (stripe.md Sync strategy)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from pipelines.common.errors import RetryLater
from pipelines.common.reading import Reading
from pipelines.stripe.client import StripeSettings
from pipelines.stripe.source import STRIPE
from pipelines.stripe.webhooks import READERS
from tests.pipelines.in_memory import Connection, Outcome

NOON = datetime(2026, 6, 15, 12, tzinfo=UTC)


def seconds(instant: datetime) -> int:
    return int(instant.timestamp())


def told(key: str, kind: str, about: str, at: datetime) -> dict[str, Any]:
    return {
        "id": key,
        "object": "event",
        "type": f"{kind}.updated",
        "created": seconds(at),
        "data": {"object": {"id": about, "object": kind, "name": "as it was"}},
    }


@dataclass
class Account:
    """A Stripe of a few objects: lists in one page, events by `created[gte]`, objects by id."""

    events: list[dict[str, Any]] = field(default_factory=list)
    objects: dict[str, dict[str, Any]] = field(default_factory=dict)
    hidden: set[str] = field(default_factory=set)
    broken: dict[str, dict[str, str]] = field(default_factory=dict)

    def add(self, path: str, key: str, **fields: Any) -> None:
        self.objects[f"{path}/{key}"] = {"id": key, **fields}

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path.removeprefix("/v1/")
        if path in self.broken:
            return httpx.Response(500, json={"error": {}}, headers=self.broken[path])
        if path == "subscription_items":
            of = request.url.params["subscription"]
            rows = [{"id": f"si_{of}", "object": "subscription_item"}]
            if f"{path}/{of}" in self.broken:
                return httpx.Response(500, json={"error": {}}, headers=self.broken[f"{path}/{of}"])
            return httpx.Response(200, json={"object": "list", "data": rows, "has_more": False})
        if "/" in path:
            found = self.objects.get(path)
            missing = {"error": {"code": "resource_missing"}}
            return httpx.Response(200, json=found) if found else httpx.Response(404, json=missing)
        if path == "events":
            since = int(request.url.params.get("created[gte]", 0))
            rows = [event for event in self.events if event["created"] >= since]
        else:
            rows = [
                row
                for name, row in self.objects.items()
                if name.startswith(f"{path}/") and not row.get("deleted")
            ]
            rows = [row for row in rows if row["id"] not in self.hidden]
        return httpx.Response(200, json={"object": "list", "data": rows, "has_more": False})


@pytest.fixture
def stripe() -> Account:
    account = Account()
    for number in range(3):
        account.add("products", f"prod_{number}", name="one")
    return account


@pytest.fixture
def connected(stripe: Account) -> Connection:
    settings = StripeSettings(base_url="http://stripe.test/v1")
    made = Connection(STRIPE, stripe, settings, {"api_key": "rk_test_x"}, now=NOON)
    sync(made)
    made.later(minutes=15)
    return made


def sync(connection: Connection, *names: str) -> Outcome:
    """The last outcome of the named entities, by default of events and products."""
    outcome = None
    for name in names or ("events", "products"):
        outcome = connection.read(name)
        connection.now += timedelta(seconds=1)
    assert outcome is not None
    return outcome


def test_an_object_is_read_anew_and_never_taken_out_of_an_event(
    stripe: Account, connected: Connection
) -> None:
    stripe.add("products", "prod_1", name="as it is")
    stripe.events = [told("evt_1", "product", "prod_1", NOON + timedelta(minutes=10))]
    read = sync(connected)
    assert [request.url.path for request in read.requests] == ["/v1/products/prod_1"]
    assert [row["name"] for row in read.rows] == ["as it is"]


def test_the_next_reading_begins_an_hour_before_the_newest_event(
    stripe: Account, connected: Connection
) -> None:
    newest = NOON + timedelta(minutes=10)
    stripe.events = [told("evt_1", "product", "prod_1", newest)]
    sync(connected)
    connected.later(minutes=15)
    asked = sync(connected, "events").requests
    assert [request.url.params["created[gte]"] for request in asked] == [
        str(seconds(newest - timedelta(hours=1)))
    ]


def test_an_event_that_comes_late_is_applied_and_one_that_was_applied_is_not(
    stripe: Account, connected: Connection
) -> None:
    early = told("evt_2", "product", "prod_2", NOON - timedelta(minutes=40))
    stripe.events = [told("evt_1", "product", "prod_1", NOON + timedelta(minutes=10))]
    assert sync(connected).ids == ["prod_1"]
    connected.later(minutes=15)
    stripe.events.append(early)
    assert sync(connected).ids == ["prod_2"]
    connected.later(minutes=15)
    assert sync(connected).requests == []


def test_an_event_from_the_future_hides_none_of_the_present(
    stripe: Account, connected: Connection
) -> None:
    stripe.events = [told("evt_1", "product", "prod_1", NOON + timedelta(days=3))]
    sync(connected)
    connected.later(minutes=15)
    stripe.events.append(told("evt_2", "product", "prod_2", connected.now))
    assert sync(connected).ids == ["prod_2"]


@pytest.mark.parametrize("gone", [None, {"id": "prod_1", "object": "product", "deleted": True}])
def test_what_is_not_found_or_only_a_tombstone_is_gone(
    stripe: Account, connected: Connection, gone: dict[str, Any] | None
) -> None:
    del stripe.objects["products/prod_1"]
    if gone:
        stripe.objects["products/prod_1"] = gone
    stripe.events = [told("evt_1", "product", "prod_1", NOON + timedelta(minutes=10))]
    read = sync(connected)
    assert (read.gone, read.rows, read.reading.complete) == ({"prod_1"}, [], False)


def test_a_change_that_a_list_does_not_show_is_asked_for_by_id(
    stripe: Account, connected: Connection
) -> None:
    """Two changes of three rows: the list is cheaper, and it forgets one of them."""
    for key in ("prod_0", "prod_1"):
        stripe.add("products", key, name="two")
    stripe.events = [
        told(f"evt_{key}", "product", key, NOON + timedelta(minutes=10))
        for key in ("prod_0", "prod_1")
    ]
    stripe.hidden = {"prod_1"}
    read = sync(connected)
    assert [request.url.path for request in read.requests] == [
        "/v1/products",
        "/v1/products/prod_1",
    ]
    assert {row["id"]: row["name"] for row in read.rows} == {
        "prod_0": "two",
        "prod_1": "two",
        "prod_2": "one",
    }
    assert read.gone == set()


def test_after_29_days_events_are_not_trusted_any_more(
    stripe: Account, connected: Connection
) -> None:
    connected.later(days=28)
    asked = sync(connected, "events").requests
    assert "created[gte]" in asked[0].url.params
    connected.later(days=29, minutes=1)
    asked = sync(connected, "events").requests
    assert "created[gte]" not in asked[0].url.params
    stripe.add("products", "prod_3", name="told by nobody")
    assert "prod_3" in sync(connected, "products").ids


def test_an_account_where_nothing_happens_for_months_is_not_read_from_the_beginning(
    connected: Connection,
) -> None:
    for _ in range(3):
        connected.later(days=20)
        assert sync(connected, "events").reading.mode == "incremental"


def test_a_kind_without_news_costs_nothing_but_the_newest_customers(
    connected: Connection,
) -> None:
    for name in ("prices", "customers", "subscriptions", "invoices"):
        connected.read(name)
    connected.later(minutes=15)
    assert len(connected.read("events").requests) == 1
    paths = {name: connected.read(name).paths for name in connected.warehouse.marks}
    assert paths == {
        "events": ["events"],
        "products": [],
        "prices": [],
        "customers": ["customers"],
        "subscriptions": [],
        "invoices": [],
    }


def test_a_row_that_is_no_object_is_refused_and_stops_nothing(connected: Connection) -> None:
    connected.later(days=1)
    rows = [7, {"id": "sub_1"}, {"id": "sub_2", "items": {"data": [], "has_more": False}}]
    connected.handler = lambda _request: httpx.Response(
        200, json={"object": "list", "data": rows, "has_more": False}
    )
    read = connected.read("subscriptions")
    assert len(read.rejected) == 2
    assert connected.warehouse.keys("subscriptions") == {"sub_2"}


# -- an object that cannot be read -----------------------------------------------------------------

BROKEN = pytest.mark.parametrize("headers", [{}, {"stripe-should-retry": "false"}])


@BROKEN
def test_an_object_that_fails_costs_none_of_the_others(
    stripe: Account, connected: Connection, headers: dict[str, str]
) -> None:
    for number in range(3, 300):
        stripe.add("products", f"prod_{number}", name="one")
    connected.read("products", full=True)
    connected.later(minutes=15)
    for key in ("prod_1", "prod_2", "prod_200"):
        stripe.add("products", key, name="two")
        stripe.events.append(told(f"evt_{key}", "product", key, connected.now))
    stripe.broken = {"products/prod_1": headers}
    with pytest.raises(RetryLater, match="1 of 3 products could not be read"):
        sync(connected)
    held = connected.warehouse.rows["products"]
    assert [held[key]["name"] for key in ("prod_1", "prod_2", "prod_200")] == ["one", "two", "two"]
    stripe.broken = {}
    connected.later(minutes=15)
    sync(connected)
    assert held["prod_1"]["name"] == "two"


def test_a_subscription_whose_items_fail_costs_none_of_the_others(
    stripe: Account, connected: Connection
) -> None:
    for number in range(3):
        items = {"data": [{"id": "si_0"}], "has_more": number < 2}
        stripe.add("subscriptions", f"sub_{number}", items=items)
    stripe.broken = {"subscription_items/sub_0": {}}
    with pytest.raises(RetryLater, match="1 of 2 subscriptions could not be read"):
        connected.read("subscriptions")
    assert connected.warehouse.keys("subscriptions") == {"sub_1", "sub_2"}
    stripe.broken = {}
    read = connected.read("subscriptions")
    assert connected.warehouse.keys("subscriptions") == {"sub_0", "sub_1", "sub_2"}
    assert read.paths == ["subscriptions", "subscription_items", "subscription_items"]


@BROKEN
def test_an_object_that_fails_costs_none_of_the_others_that_webhooks_name(
    stripe: Account, connected: Connection, headers: dict[str, str]
) -> None:
    stripe.broken = {"products/prod_1": headers}
    del stripe.objects["products/prod_2"]
    with ThreadPoolExecutor(4) as pages:
        reading = Reading(
            entity=STRIPE.entity("products"),
            api=connected.api(),
            settings=connected.settings,
            memory=connected.warehouse,
            handover=connected.handover,
            now=connected.now,
            full=False,
            pages=pages,
            wanted=frozenset({"prod_0", "prod_1", "prod_2"}),
        )
        rows = [row["id"] for page in READERS["products"](reading) for row in page]
    assert (rows, set(reading.failed), reading.gone) == (["prod_0"], {"prod_1"}, {"prod_2"})
