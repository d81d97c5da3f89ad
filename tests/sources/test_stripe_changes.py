"""What only Stripe does: changes told by events that may be lost, late or forgotten."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pyarrow as pa
import pytest
from dlt.load.load import Load

from pipelines.common import run
from pipelines.common.account import StaticCredentials
from pipelines.common.entity import check_account
from pipelines.stripe.client import StripeSettings
from pipelines.stripe.source import stripe_source
from tests.sources.rig import ADA, HOUSE, FlyingClock, Rig, only, result, sentence
from tests.sources.stripe_case import CASE, control, customer, truth

MakeRig = Callable[..., AbstractContextManager[Rig]]
ONLY = "stripe"
RENAME = {"op": "stripe.update_customer", "agent_key": ADA, "name": "Ada Renamed"}


def switch(rig: Rig, name: str, value: object) -> None:
    rig.box.mutate({"op": "stripe.switch", "name": name, "value": value})


def with_key(rig: Rig, name: str) -> Any:
    keys = rig.box.account(HOUSE, "stripe")["keys"]
    return rig.account(HOUSE, StaticCredentials({"api_key": keys[name]}))


def inject(rig: Rig, kind: str, match: str, **fields: Any) -> Any:
    return rig.box.faults.add(kind, vendor="stripe", match=match, **fields)


def requests(rig: Rig) -> list[str]:
    """Path templates of what was sent since the counts were cleared, sorted."""
    sent: list[str] = []
    for (vendor, _, _, path, _), count in rig.box.requests.counts.items():
        sent += [path] * count if vendor == "stripe" else []
    return sorted(sent)


# -- events as the feed of changes -----------------------------------------------------------------


def test_what_an_event_told_is_read_once_although_readings_overlap(rig: Rig) -> None:
    rig.box.mutate(RENAME)
    rig.box.mutate({"op": "stripe.update_price", "price": "solo", "nickname": "Solo again"})
    rig.box.requests.clear()
    assert not rig.sync().failures
    assert requests(rig) == ["/v1/customers", "/v1/customers/{id}", "/v1/events", "/v1/prices/{id}"]
    rig.box.clock.advance(seconds=900)
    rig.box.requests.clear()
    assert not rig.sync().failures
    assert requests(rig) == ["/v1/customers", "/v1/events"]
    rig.must_equal_truth()


def test_many_changes_of_a_short_list_are_read_as_a_list(rig: Rig) -> None:
    for key in list(truth(rig.box)["entities"]["products"])[:3]:
        rig.box.mutate({"op": "stripe.update_product", "product": key, "description": "New"})
    rig.box.requests.clear()
    report = rig.sync()
    assert requests(rig) == ["/v1/customers", "/v1/events", "/v1/products"]
    assert result(report, "products").rows_written == 3
    rig.must_equal_truth()


@pytest.mark.parametrize("as_404", [True, False])
@pytest.mark.every_time
def test_what_is_gone_is_marked_by_an_increment(rig: Rig, as_404: bool) -> None:
    switch(rig, "deleted_as_404", as_404)
    gone = customer(rig.box, "ben-example")
    rig.box.mutate({"op": "stripe.delete_customer", "customer": gone})
    rig.box.clock.advance(seconds=60)
    report = rig.sync()
    assert result(report, "customers").mode == "incremental"
    assert result(report, "customers").rows_deleted == 1
    assert gone in rig.rows("customers", live=False).keys() - rig.rows("customers").keys()
    rig.must_equal_truth()
    rig.box.clock.advance(seconds=60)
    assert result(rig.sync(), "customers").rows_deleted == 0


@pytest.mark.parametrize(
    "lost", [RENAME, {"op": "stripe.delete_customer", "agent_key": ADA}], ids=["edit", "departure"]
)
@pytest.mark.every_time
def test_a_lost_event_is_made_up_for_within_a_day(rig: Rig, lost: dict[str, Any]) -> None:
    rig.box.mutate({**lost, "silent": True})
    rig.box.clock.advance(seconds=60)
    assert not rig.sync().failures
    assert rig.differences(), "no event told of it"
    rig.box.clock.advance(seconds=23 * 3600)
    report = rig.sync()
    assert {r.mode for r in report.results if r.entity != "events"} == {"full"}
    assert result(report, "events").mode == "incremental"
    rig.must_equal_truth()


def test_a_kind_that_failed_catches_up_by_itself(rig: Rig) -> None:
    """Its events are old news to the others by then, and older than the overlap."""
    rig.box.mutate({"op": "stripe.update_price", "price": "solo", "nickname": "Solo again"})
    inject(rig, "server_error", "^/v1/prices/", times=None)
    report = rig.sync()
    assert {failure.entity for failure in report.failures} == {"prices"}
    rig.box.faults.clear()
    for _ in range(2):
        rig.box.clock.advance(seconds=3 * 3600)
        rig.box.mutate({"op": "stripe.create_product"})
        inject(rig, "server_error", "^/v1/(prices/|events.*type=price)", times=None)
        assert {failure.entity for failure in rig.sync().failures} == {"prices"}
        rig.box.faults.clear()
    rig.box.clock.advance(seconds=3600)
    report = rig.sync()
    assert result(report, "prices").mode == "incremental"
    assert not report.failures
    rig.must_equal_truth()


def test_a_crash_between_the_events_and_what_they_name_loses_nothing(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The events are loaded, and the loads with the marks and with the objects are not."""

    class Killed(BaseException):
        pass

    complete, loads = Load.complete_package, 0

    def die_at_the_second(self: Any, *args: Any, **kwargs: Any) -> Any:
        nonlocal loads
        loads += 1
        if loads == 2:
            raise Killed
        return complete(self, *args, **kwargs)

    before = rig.rows("events").keys()
    rig.box.mutate(RENAME)
    rig.box.mutate({"op": "stripe.update_price", "price": "solo", "nickname": "Solo again"})
    monkeypatch.setattr(run, "LOAD_ROWS", 1)
    monkeypatch.setattr(run, "PAGE_ROWS", 1)
    with monkeypatch.context() as patch:
        patch.setattr("dlt.load.load.Load.complete_package", die_at_the_second)
        with pytest.raises(Killed):
            rig.sync()
    assert rig.rows("events").keys() - before, "some events are there already"
    monkeypatch.undo()
    rig.box.clock.advance(seconds=60)
    report = rig.sync()
    assert not report.failures
    assert {r.mode for r in report.results} == {"incremental"}
    rig.must_equal_truth()


def test_a_kind_that_is_read_alone_asks_for_its_own_events(rig: Rig) -> None:
    rig.box.mutate({"op": "stripe.update_price", "price": "solo", "nickname": "Solo again"})
    rig.box.requests.clear()
    assert not rig.sync(entities=["prices"]).failures
    assert requests(rig) == ["/v1/events", "/v1/prices/{id}"]
    assert not rig.sync().failures
    rig.must_equal_truth()


@pytest.mark.every_time
def test_events_older_than_the_vendor_keeps_them_mean_a_reading_from_the_beginning(
    rig: Rig,
) -> None:
    rig.box.advance(days=20)
    report = rig.sync()
    assert result(report, "events").mode == "incremental"
    rig.must_equal_truth()
    rig.box.advance(days=30)
    report = rig.sync()
    assert result(report, "events").mode == "full"
    assert control(rig.box)["expired_events"]
    rig.must_equal_truth()


def test_an_event_of_a_kind_that_nobody_asked_for_keeps_only_what_it_is_about(loaded: Rig) -> None:
    strange = [
        row["data"]["object"]
        for row in loaded.rows("events").values()
        if row["type"].startswith("account.application")
    ]
    assert strange
    assert all(told.keys() == {"id", "object"} for told in strange)


def test_events_in_an_older_shape_change_nothing_but_themselves(loaded: Rig) -> None:
    versions = {row["api_version"] for row in loaded.rows("events").values()}
    assert versions >= {None, "2024-06-20", loaded.settings.model_dump()["api_version"]}
    assert all(row["current_period_end"] is None for row in loaded.rows("subscriptions").values())


# -- lists -----------------------------------------------------------------------------------------


def test_items_beyond_those_sent_inline_are_asked_for(rig: Rig) -> None:
    switch(rig, "inline_items", 1)
    assert not rig.sync(full=True).failures
    several = [row for row in rig.rows("subscriptions").values() if len(row["items"]) > 1]
    assert len(several) > 3
    rig.must_equal_truth()


@pytest.mark.parametrize("path", ["invoices", "events"])
def test_a_list_that_grows_while_it_is_read_loses_nothing(new_rig: Rig, path: str) -> None:
    rule = inject(new_rig, "shift_page", f"^/v1/{path}.*starting_after", times=1)
    assert not new_rig.sync().failures
    assert rule.hits == 1
    new_rig.box.clock.advance(seconds=60)
    assert not new_rig.sync().failures
    new_rig.must_equal_truth()


@pytest.mark.parametrize("path", ["invoices", "events"])
def test_a_page_that_ended_with_a_row_that_is_gone_is_followed(new_rig: Rig, path: str) -> None:
    missing = {"error": {"code": "resource_missing", "param": "starting_after"}}
    rule = inject(new_rig, "status", f"^/v1/{path}.*starting_after", status=400, body=missing)
    assert not new_rig.sync().failures
    assert rule.hits == 1
    new_rig.must_equal_truth()


def test_no_more_than_ten_requests_leave_in_a_second(make_rig: MakeRig) -> None:
    """What the contract advises (§2), with the vendor counting."""
    with make_rig(CASE, limited=True) as rig:
        rig.box.limits.set("stripe", "global", 10, 1.0)
        switch(rig, "inline_items", 1)
        rig.settings = rig.settings.model_copy(update={"rates": {}})
        rig.box.clock.factor = 1.0

        class InStep(FlyingClock):
            """Whoever waits moves the limits' stopwatch on as well."""

            def monotonic(self) -> float:
                return rig.box.clock.monotonic()

            def _fly(self, seconds: float) -> None:
                rig.box.clock.advance(seconds=max(0.0, seconds))

        assert not rig.sync(clock=InStep()).failures
        assert len(requests(rig)) > 10
        assert rig.box.requests.throttled == 0
        rig.must_equal_truth()


# -- versions --------------------------------------------------------------------------------------


def test_an_account_pinned_to_an_older_version_has_periods_on_the_subscription(
    new_rig: Rig,
) -> None:
    old = new_rig.settings.model_copy(update={"api_version": "2024-06-20"})
    assert not new_rig.sync(settings=old).failures
    assert new_rig.rejected() == []
    assert new_rig.query("select entity, field from raw_stripe.schema_drift") == []
    rows = new_rig.rows("subscriptions")
    for row in rows.values():
        assert not any("current_period_start" in item for item in row["items"])
        assert row["current_period_start"] < row["current_period_end"]
    linked = {row["subscription"] for row in new_rig.rows("invoices").values()} - {None}
    assert linked <= rows.keys()
    assert linked


def test_the_accounts_own_version_does_not_matter(new_rig: Rig) -> None:
    switch(new_rig, "default_version", "2024-06-20")
    assert not new_rig.sync().failures
    new_rig.must_equal_truth()


def test_the_plain_source_reads_everything(loaded: Rig) -> None:
    key = loaded.account(HOUSE).credentials.get()["api_key"]
    settings = StripeSettings(base_url=f"{loaded.box.url}/stripe/v1")
    tables = [table for table in stripe_source(key, settings) if isinstance(table, pa.Table)]
    ids = [key for table in tables for key in table.column("id").to_pylist()]
    entities = truth(loaded.box)["entities"]
    assert sorted(ids) == sorted(key for rows in entities.values() for key in rows)


# -- permissions and errors ------------------------------------------------------------------------


def test_without_the_right_to_read_events_lists_are_read_each_time(new_rig: Rig) -> None:
    account = with_key(new_rig, "without_events")
    assert result(new_rig.sync(account), "events").status == "not_permitted"
    for change in CASE.changes[:6]:
        change.play(new_rig.box)
    new_rig.box.clock.advance(seconds=60)
    report = new_rig.sync(account)
    assert not report.failures
    assert {r.mode for r in report.results if r.entity != "events"} == {"full"}
    assert only({"events"}, new_rig.differences())
    new_rig.box.clock.advance(seconds=60)
    assert not new_rig.sync().failures
    new_rig.must_equal_truth()


@pytest.mark.every_time
def test_a_missing_permission_is_named_and_costs_only_its_kind(new_rig: Rig) -> None:
    account = with_key(new_rig, "without_customers")
    report = new_rig.sync(account)
    assert not report.failures
    refused = result(report, "customers")
    assert refused.status == "not_permitted"
    assert "the key lacks the permission rak_customer_read;" in (refused.error or "")
    assert only({"customers"}, new_rig.differences())
    limited = check_account(new_rig.case.vendor, account, new_rig.settings).limited
    assert limited == "The Stripe key may not read customers."


@pytest.mark.parametrize(
    ("kind", "fields", "pauses"),
    [
        ("rate_limited", {"reason": "endpoint-rate"}, [1, 2, 4]),
        ("lock_timeout", {}, [1, 2, 4]),
        ("conflict", {}, [1, 2, 4]),
        ("server_error", {}, [1, 2, 4]),
        ("server_error", {"should_retry": True}, [1, 2, 4]),
    ],
)
def test_what_passes_is_waited_for(
    rig: Rig, kind: str, fields: dict[str, Any], pauses: list[int]
) -> None:
    rig.box.mutate(RENAME)
    rule = inject(rig, kind, "^/v1/customers/", times=3, **fields)
    clock = FlyingClock()
    assert not rig.sync(clock=clock).failures
    assert rule.hits == 3
    assert [round(pause - 0.125) for pause in clock.slept] == pauses
    rig.must_equal_truth()


def test_a_limit_that_lasts_is_told_with_its_reason_and_the_request(rig: Rig) -> None:
    inject(rig, "rate_limited", "^/v1/customers", times=None, reason="endpoint-rate")
    said = sentence(rig.sync(), "customers")
    assert "(rate_limit, endpoint-rate, req_" in said


def test_what_stripe_says_not_to_try_again_is_not(rig: Rig) -> None:
    rule = inject(rig, "server_error", "^/v1/customers", times=None, should_retry=False)
    clock = FlyingClock()
    said = sentence(rig.sync(clock=clock), "customers")
    assert "asks not to be tried again at once" in said
    assert (rule.hits, clock.slept) == (1, [])
    rig.box.faults.clear()
    assert not rig.sync().failures
    rig.must_equal_truth()


def test_an_object_that_was_missing_for_a_moment_comes_back(rig: Rig) -> None:
    rig.box.mutate(RENAME)
    inject(rig, "missing", "^/v1/customers/", times=1)
    assert result(rig.sync(), "customers").rows_deleted == 1
    rig.box.mutate({**RENAME, "name": "Ada Again"})
    rig.box.clock.advance(seconds=60)
    assert not rig.sync().failures
    rig.must_equal_truth()


def test_an_address_that_is_no_stripe_takes_nothing_for_gone(rig: Rig) -> None:
    rig.box.mutate(RENAME)
    inject(rig, "status", "^/v1/customers/", times=None, status=404)
    said = sentence(rig.sync(), "customers")
    assert "check BROKERAGE_STRIPE_BASE_URL" in said
    assert rig.query("select count(*) from raw_stripe.tombstones") == [(0,)]
    rig.box.faults.clear()
    assert not rig.sync().failures
    rig.must_equal_truth()


@pytest.mark.parametrize(
    "name",
    [
        "'client_secret'",
        "'address'",
        "'phone'",
        "'shipping'",
        "'default_payment_method'",
        "'pm_",
        "'comment'",
        "'last4'",
        "'line_item'",
    ],
)
@pytest.mark.every_time
def test_nothing_of_how_people_pay_or_live_is_stored(loaded: Rig, name: str) -> None:
    assert name not in repr(loaded.content())
