"""What only Qualia does: errors beside data, blocks replaced whole, forms that disagree, nights."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, cast

import httpx
import pyarrow as pa
import pytest

from pipelines.common import http as engine_http
from pipelines.common.entity import check_account
from pipelines.common.errors import VendorError
from pipelines.qualia.client import QualiaSettings
from pipelines.qualia.source import qualia_source
from sandbox.qualia.model import CANARY, Order
from tests.sources.qualia_case import BLOCKS, LIST, books, paid
from tests.sources.rig import FlyingClock, Rig, must_be_one_sentence, result, sentence

ONLY = "qualia"
CHILDREN = {"agencies", *BLOCKS}


def switch(rig: Rig, name: str, value: object) -> None:
    rig.box.mutate({"op": "qualia.switch", "name": name, "value": value})


def play(rig: Rig, op: str, **fields: Any) -> dict[str, Any]:
    return rig.box.mutate({"op": f"qualia.{op}", **fields})


def order_where(rig: Rig, fits: Callable[[Order], bool]) -> Order:
    return next(order for order in books(rig.box).orders.values() if fits(order))


def next_night(rig: Rig) -> None:
    """Ten in the morning UTC of the next day, on the sandbox's clock alone."""
    now = rig.box.clock.now()
    then = datetime.combine(now.date() + timedelta(days=1), now.timetz().replace(hour=10))
    rig.box.clock.advance(seconds=(then - now).total_seconds())


# -- what an error means ---------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["missing_header", "wrong_password"])
def test_401_and_403_both_break_the_account(rig: Rig, kind: str) -> None:
    rig.box.faults.add(kind, vendor="qualia", times=None)
    report = rig.sync()
    status = 401 if kind == "missing_header" else 403
    [said] = report.broken_accounts.values()
    assert said == f"Qualia refused the credential (HTTP {status}); connect the account again."
    assert sum(r.api_calls for r in report.results) == 1


@pytest.mark.parametrize(
    ("switches", "wait"),
    [
        ({}, 60.0),
        pytest.param({"throttle_status": 429}, 60.0, marks=pytest.mark.slow),
        ({"retry_after": True}, 1.0),
    ],
)
@pytest.mark.every_time
def test_too_fast_is_503_or_429_and_waited_for(
    rig: Rig, switches: dict[str, Any], wait: float
) -> None:
    for name, value in switches.items():
        switch(rig, name, value)
    rig.case.changes[0].play(rig.box)
    rig.box.faults.add("throttled", vendor="qualia", match=LIST, times=4)
    clock = FlyingClock()
    assert not rig.sync(clock=clock).failures
    assert len(clock.slept) == 4
    assert all(wait <= pause < wait + 1 for pause in clock.slept)
    rig.must_equal_truth()


def test_the_fifth_refusal_in_a_row_is_the_last(rig: Rig) -> None:
    rule = rig.box.faults.add("throttled", vendor="qualia", match=LIST, times=None)
    report = rig.sync()
    assert "HTTP 503 to POST" in sentence(report, "orders")
    assert rule.hits == 5


@pytest.mark.parametrize(
    ("code", "status", "said"),
    [
        ("FORBIDDEN", "not_permitted", "this account may not read it"),
        ("GRAPHQL_VALIDATION_FAILED", "failed", "compare docs/vendors/qualia.md"),
        pytest.param(
            "INTERNAL_SERVER_ERROR", "failed", "try the sync again later", marks=pytest.mark.slow
        ),
        pytest.param(
            "UNAUTHENTICATED", "failed", "connect the account again", marks=pytest.mark.slow
        ),
    ],
)
@pytest.mark.every_time
def test_an_error_with_http_200_is_what_its_code_says(
    rig: Rig, code: str, status: str, said: str
) -> None:
    rule = rig.box.faults.add(
        "errors", vendor="qualia", match=LIST, times=None, code=code, message="This\nis deprecated."
    )
    report = rig.sync()
    failed = result(report, "orders")
    assert failed.status == status
    assert said in must_be_one_sentence(failed.error or "")
    if code != "UNAUTHENTICATED":
        assert "(This is deprecated)" in (failed.error or ""), "a deprecation has to be seen"
    assert rule.hits == (4 if code == "INTERNAL_SERVER_ERROR" else 1)
    assert failed.cursor_to == failed.cursor_from


def test_a_wrong_address_is_said(rig: Rig) -> None:
    wrong = rig.settings.model_copy(update={"base_url": f"{rig.box.url}/qualia/graphql"})
    report = rig.sync(settings=wrong)
    assert "check BROKERAGE_QUALIA_BASE_URL" in sentence(report, "orders")


def test_users_of_whom_least_is_known_stop_nothing_else(rig: Rig) -> None:
    wrong = {"kind": "errors", "code": "GRAPHQL_VALIDATION_FAILED"}
    rig.box.faults.add(vendor="qualia", match="#users$", times=None, **wrong)
    assert {r.entity for r in rig.sync().failures} == {"users"}
    assert check_account(rig.case.vendor, rig.account("house"), rig.settings).account_source_id


def test_no_address_is_said_before_anything_is_sent(rig: Rig) -> None:
    unset = rig.settings.model_copy(update={"base_url": ""})
    with pytest.raises(VendorError, match="set BROKERAGE_QUALIA_BASE_URL"):
        check_account(rig.case.vendor, rig.account("house"), unset)
    assert rig.box.requests.count(vendor="qualia") == 0


# -- answers that are partly there -----------------------------------------------------------------


EVERYWHERE = "#(ordersList|order)$"


def touch_some_blocks(rig: Rig) -> None:
    key = play(rig, "post_disbursement", amount="5.55", status="POSTED")["order"]
    play(rig, "post_receipt", amount="5.55", order=key)
    play(rig, "add_task", label="Late", order=key)
    rig.box.clock.advance(seconds=60)


@pytest.mark.parametrize(
    ("field", "without"),
    [
        pytest.param("accounting.receipts", {"receipts"}, marks=pytest.mark.slow),
        ("accounting", {"receipts", "disbursements"}),
        pytest.param("tasks", {"tasks"}, marks=pytest.mark.slow),
        pytest.param("contacts", {"parties"}, marks=pytest.mark.slow),
    ],
)
@pytest.mark.every_time
def test_a_block_that_is_missing_keeps_its_rows_and_is_asked_for_again(
    rig: Rig, field: str, without: set[str]
) -> None:
    before = {name: rig.rows(name) for name in without}
    touch_some_blocks(rig)
    hidden = {"vendor": "qualia", "match": EVERYWHERE, "times": None, "all": True}
    rig.box.faults.add("partial", field=field, **hidden)
    report = rig.sync()
    assert {r.entity for r in report.failures} == without
    for name in without:
        failed = result(report, name)
        assert "without their" in sentence(report, name)
        assert "(The field could not be resolved)" in sentence(report, name)
        assert failed.cursor_to == failed.cursor_from
        assert rig.rows(name) == before[name], "what was not seen is neither gone nor changed"
    rig.box.faults.clear()
    rig.box.clock.advance(seconds=60)
    assert not rig.sync().failures
    rig.must_equal_truth()


def test_a_block_that_is_missing_for_a_moment_costs_a_call(rig: Rig) -> None:
    touch_some_blocks(rig)
    for field in ("accounting", "loans"):
        rig.box.faults.add("partial", vendor="qualia", match=LIST, field=field, times=1)
    report = rig.sync()
    assert not report.failures
    assert rig.box.requests.count(vendor="qualia", template="#order$") == 1
    rig.must_equal_truth()


def test_a_block_that_no_order_has_fails_unless_it_is_closed_to_us(new_rig: Rig) -> None:
    """Finding that out again costs one call per sync and block."""
    hidden = {"vendor": "qualia", "match": EVERYWHERE, "times": None, "all": True}
    hidden["code"] = "INTERNAL_SERVER_ERROR"
    new_rig.box.faults.add("partial", field="tasks", **hidden)
    assert "(The field could not be resolved)" in sentence(new_rig.sync(), "tasks")
    new_rig.box.faults.clear()
    hidden["code"] = "FORBIDDEN"
    new_rig.box.faults.add("partial", field="tasks", **hidden)
    new_rig.box.clock.advance(seconds=60)
    for mode in ("full", "incremental"):
        report = new_rig.sync(full=mode == "full")
        assert report.failures == []
        assert result(report, "orders").mode == mode
        closed = result(report, "tasks")
        assert closed.status == "not_permitted"
        assert "no order with its tasks" in must_be_one_sentence(closed.error or "")
        assert closed.api_calls == (0 if mode == "full" else 1)
        new_rig.box.clock.advance(seconds=60)
    new_rig.box.faults.clear()
    assert not new_rig.sync().failures
    new_rig.must_equal_truth()


def test_an_own_block_that_is_missing_is_asked_for_in_the_next_sync(rig: Rig) -> None:
    play(rig, "touch")
    rig.box.faults.add("partial", vendor="qualia", match=EVERYWHERE, field="loans", times=None)
    rig.box.clock.advance(seconds=60)
    report = rig.sync()
    assert not report.failures
    [_, order] = (result(report, "orders").cursor_to or "").split()
    assert order in books(rig.box).orders
    [(note,)] = rig.query(
        "select error from raw_qualia.sync_marks where entity = 'orders' and error is not null"
    )
    assert note == (
        "Qualia sent 1 orders without some of their own blocks (The field could not be resolved)."
    )
    rig.box.faults.clear()
    rig.box.clock.advance(seconds=60)
    again = rig.sync()
    assert " " not in (result(again, "orders").cursor_to or " ")
    rig.must_equal_truth()


def test_a_block_that_is_left_out_is_not_asked_for_and_comes_whole_when_it_is_again(
    rig: Rig,
) -> None:
    """One name that the schema does not have would stop all orders."""
    before = rig.rows("tasks")
    settings = rig.settings.model_copy(update={"without": "tasks,loans"})
    play(rig, "add_task", label="Late")
    rig.box.clock.advance(seconds=60)
    report = rig.sync(settings=settings)
    assert not report.failures
    assert "tasks" not in {r.entity for r in report.results}
    assert rig.rows("tasks") == before
    next_night(rig)
    assert not rig.sync(settings=settings).failures
    rig.box.clock.advance(seconds=60)
    assert not rig.sync().failures
    assert [text for text in rig.differences() if " loans: " not in text] == []
    assert not rig.sync(full=True).failures
    rig.must_equal_truth()


def test_an_error_at_a_plain_field_refuses_the_page(rig: Rig) -> None:
    play(rig, "touch")
    before = rig.content()["orders"]
    rig.box.faults.add("partial", vendor="qualia", match=LIST, field="purchasePrice", times=None)
    report = rig.sync()
    assert "compare docs/vendors/qualia.md" in sentence(report, "orders")
    assert rig.content()["orders"] == before


# -- lists -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("cap", [pytest.param(1, marks=pytest.mark.slow), 3])
@pytest.mark.every_time
def test_a_page_that_is_cut_silently_is_followed(rig: Rig, cap: int) -> None:
    switch(rig, "page_cap", cap)
    rig.case.changes[0].play(rig.box)
    report = rig.sync(full=True)
    assert not report.failures
    assert result(report, "orders").rows_read == len(books(rig.box).orders)
    rig.must_equal_truth()


def test_a_cursor_that_never_moves_is_led_on_by_the_last_edge(new_rig: Rig) -> None:
    rule = new_rig.box.faults.add("stuck_cursor", vendor="qualia", match=LIST, times=None)
    report = new_rig.sync()
    assert not report.failures
    assert rule.hits > 5
    new_rig.must_equal_truth()


def test_an_order_that_comes_twice_counts_once(new_rig: Rig) -> None:
    new_rig.box.faults.add("duplicate_edge", vendor="qualia", match=LIST, times=None)
    assert not new_rig.sync().failures
    new_rig.must_equal_truth()


def between_pages(monkeypatch: pytest.MonkeyPatch, meddle: Callable[[], object]) -> list[int]:
    """Something happens after the first page of orders; the list it returns says whether."""
    send, happened = httpx.Client.request, list[int]()

    def sent(client: httpx.Client, *args: Any, **kwargs: Any) -> httpx.Response:
        answer = send(client, *args, **kwargs)
        if b"OrdersList" in kwargs["content"] and not happened:
            happened.append(1)
            meddle()
        return answer

    monkeypatch.setattr(engine_http.httpx.Client, "request", sent)
    return happened


def test_what_happens_between_two_pages_is_there_after_the_next_sync(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    def meddle() -> None:
        for order in list(books(rig.box).orders.values())[:20]:
            play(rig, "touch", order=order.id)
        play(rig, "edit_order", set={"purchase_price": "111111.11"})
        play(rig, "remove_charge", index=0)
        play(rig, "post_disbursement", amount="3.33")
        play(rig, "add_order", price="222222.22")

    happened = between_pages(monkeypatch, meddle)
    rig.box.clock.advance(seconds=60)
    assert not rig.sync(full=True).failures
    assert happened
    rig.box.clock.advance(seconds=60)
    assert not rig.sync().failures
    rig.must_equal_truth()


# -- forms of values -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "forms",
    [
        {"dates": "epoch_number", "money": "number", "line_numbers": "number"},
        pytest.param(
            {"dates": "epoch_text", "posted": "flag", "completed": "date"}, marks=pytest.mark.slow
        ),
        {"dates": "mixed", "money": "mixed", "source_of_business_list": True},
        pytest.param({"money": "noisy"}, marks=pytest.mark.slow),
    ],
)
@pytest.mark.every_time
def test_every_form_of_a_value_is_the_same_value(new_rig: Rig, forms: dict[str, Any]) -> None:
    for name, value in forms.items():
        switch(new_rig, name, value)
    assert not new_rig.sync().failures
    assert new_rig.rejected() == []
    assert new_rig.query("select entity, field from raw_qualia.schema_drift") == []
    new_rig.must_equal_truth()
    for row in new_rig.rows("orders").values():
        sent = row["dates_sent"]["createdDate"]
        assert isinstance(sent, int | str)
        assert row["created_date"].timestamp() == _seconds(sent)


def _seconds(sent: int | str) -> float:
    if isinstance(sent, int) or sent.isdigit():
        return int(sent) / 1000
    return datetime.fromisoformat(sent).timestamp()


@pytest.mark.every_time
def test_what_must_not_be_stored_is_not_even_if_it_is_sent(new_rig: Rig) -> None:
    stolen = {"ssn": CANARY, "loans": [{"amount": "1.00", "loanNumber": CANARY}]}
    new_rig.box.faults.add("edit_node", vendor="qualia", match=LIST, times=1, set=stolen)
    assert not new_rig.sync().failures
    assert CANARY not in repr(new_rig.content())
    assert any(row["loans"] == [{"amount": "1.00"}] for row in new_rig.rows("orders").values()), (
        "the rest of the block is kept"
    )


def test_people_are_stored_without_what_must_not_be(new_rig: Rig) -> None:
    """Where the vendor keeps it: on the individuals of an order's contacts."""
    person = {"__typename": "Individual", "firstName": "Robin", "email": "robin@example.com"}
    stolen = {**person, "ssn": CANARY, "dateOfBirth": CANARY, "maritalStatus": CANARY}
    contacts = {"borrowers": [stolen], "sourceOfBusiness": {"borrowerOrSeller": stolen}}
    new_rig.box.faults.add(
        "edit_node", vendor="qualia", match=LIST, times=1, set={"contacts": contacts}
    )
    assert not new_rig.sync().failures
    assert CANARY not in repr(new_rig.content())
    emails = [row["email"] for row in new_rig.rows("parties").values()]
    assert emails.count("robin@example.com") == 2


def test_a_refused_row_is_kept_without_what_must_not_be(new_rig: Rig) -> None:
    loans = [{"amount": "1.00", "loanNumber": CANARY}]
    stolen = {"purchasePrice": "a lot", "ssn": CANARY, "loans": loans}
    charge = {"borrowerAmount": {"total": "a lot"}, "payees": [{"name": "X", "ssn": CANARY}]}
    spoiled = {**stolen, "charges": [charge]}
    new_rig.box.faults.add("edit_node", vendor="qualia", match=LIST, times=1, set=spoiled)
    assert not new_rig.sync().failures
    refused = {entity: row for entity, _, _, row in new_rig.rejected()}
    assert refused["orders"]["loans"] == [{"amount": "1.00"}]
    assert refused["charges"]["payees"] == [{"name": "X"}]
    assert CANARY not in repr(new_rig.content())


def test_associates_of_agencies_come_with_the_e_mails_that_match_agents(loaded: Rig) -> None:
    emails = {
        p["email"] for p in loaded.rows("parties").values()
        if p["kind"] in ("listingAgencies", "sellingAgencies") and "." in p["position"]
    }  # fmt: skip
    agents = {account["email"] for account in loaded.box.accounts}
    assert emails & agents


# -- what is replaced, missed and gone -------------------------------------------------------------


def test_an_increment_has_all_changes_but_those_that_nothing_tells_of(rig: Rig) -> None:
    parties = rig.rows("parties")
    silent: set[str] = set()
    for change in rig.case.changes:
        told = cast(dict[str, Any], change.play(rig.box))
        rig.box.clock.advance(seconds=60)
        if change.late and "order" in told:
            silent.add(told["order"])
        elif change.late:
            silent |= {key for key, row in parties.items() if row["party_id"] == told["company"]}
    assert not rig.sync().failures
    differences = rig.differences()
    assert [text for text in differences if not any(key in text for key in silent)] == []
    found = {text.split(" ", 1)[0] for text in differences}
    assert found == {"orders", *BLOCKS}, "no increment brings them"


def test_a_line_that_left_its_order_is_gone_and_the_rest_is_not(rig: Rig) -> None:
    order = paid(rig.box).id
    before = {key for key, row in rig.rows("charges").items() if row["order_id"] == order}
    play(rig, "remove_charge", order=order, index=0)
    rig.box.clock.advance(seconds=60)
    report = rig.sync()
    assert result(report, "charges").rows_deleted == 1
    after = {key for key, row in rig.rows("charges").items() if row["order_id"] == order}
    assert before - after == {f"{order}|{len(before)}"}, "the places move up, the last is free"
    assert sum(r.rows_deleted for r in report.results) == 1
    rig.must_equal_truth()


def test_a_refused_line_keeps_its_stored_copy_while_the_line_behind_it_goes(rig: Rig) -> None:
    order = paid(rig.box)
    for other in books(rig.box).orders.values():
        other.last_activity -= timedelta(days=3)
    play(rig, "touch", order=order.id)
    names = {"amount": "amount", "payee_name": "payeeName", "status": "status", "posted": "posted"}
    before = [row for row in rig.rows("disbursements").values() if row["order_id"] == order.id]
    before.sort(key=lambda row: row["position"])
    lines = [{sent: row[name] for name, sent in names.items()} for row in before[:-1]]
    lines = [{**line, "amount": str(line["amount"])} for line in lines]
    lines[0]["amount"] = "1.00001"
    spoiled = {"accounting": {"disbursements": lines, "receipts": []}}
    rig.box.faults.add("edit_node", vendor="qualia", match=LIST, times=None, set=spoiled)
    rig.box.clock.advance(seconds=60)
    report = rig.sync()
    assert not report.failures
    assert [(entity, row["amount"]) for entity, _, _, row in rig.rejected()] == [
        ("disbursements", "1.00001")
    ]
    live = {row["position"]: row for row in rig.rows("disbursements").values()
            if row["order_id"] == order.id}  # fmt: skip
    assert live.keys() == {row["position"] for row in before[:-1]}
    assert live[1]["amount"] == before[0]["amount"]


@pytest.mark.every_time
def test_a_deleted_order_is_found_at_night_with_all_its_rows(rig: Rig) -> None:
    gone = paid(rig.box).id
    play(rig, "delete_order", order=gone)
    rig.box.clock.advance(seconds=3600)
    assert not rig.sync().failures
    assert gone in rig.rows("orders"), "the list of changes does not tell of it"
    next_night(rig)
    report = rig.sync()
    assert not report.failures
    assert result(report, "orders").mode == "nightly"
    assert result(report, "orders").rows_deleted == 1
    rig.must_equal_truth()
    again = rig.sync()
    assert result(again, "orders").mode == "incremental", "a night comes once"


@pytest.mark.every_time
def test_money_posted_silently_about_a_closing_is_found_at_night(rig: Rig) -> None:
    order = order_where(rig, lambda o: o.status in ("OPEN", "PENDING"))
    soon = (rig.box.clock.now() + timedelta(days=9)).isoformat()
    play(rig, "edit_order", order=order.id, set={"estimated_closing": soon})
    rig.box.clock.advance(seconds=60)
    assert not rig.sync().failures
    # long ago, so that no window reaches it
    order.last_activity -= timedelta(days=30)
    next_night(rig)
    play(rig, "post_disbursement", order=order.id, amount="9.09", silent=True)
    assert not rig.sync().failures
    rig.must_equal_truth()


def test_what_was_touched_in_the_last_week_is_read_again_at_night(rig: Rig) -> None:
    order = paid(rig.box)
    order.last_activity = rig.box.clock.now() - timedelta(days=5)
    play(rig, "post_disbursement", order=order.id, amount="9.09", silent=True)
    assert not rig.sync().failures
    assert rig.differences(), "five days are more than an increment looks back"
    next_night(rig)
    assert not rig.sync().failures
    rig.must_equal_truth()


def test_a_list_of_all_orders_that_is_cut_deletes_nothing(rig: Rig) -> None:
    next_night(rig)
    some = list(books(rig.box).orders)[:3]
    body = {"data": {"orders": some}}
    rig.box.faults.add(
        "status", vendor="qualia", match="#orders$", times=None, status=200, body=body
    )
    report = rig.sync()
    assert not report.failures
    assert sum(r.rows_deleted for r in report.results) == 0
    [(note,)] = rig.query("select error from raw_qualia.sync_marks where error is not null")
    assert note == "Qualia listed only 3 of 51 known orders, so nothing was marked as deleted."
    rig.must_equal_truth()


@pytest.mark.every_time
def test_an_order_that_keeps_failing_costs_only_itself(rig: Rig) -> None:
    """It is neither gone nor read, and everything else is."""
    hidden = play(rig, "delete_order")["order"]
    play(rig, "post_disbursement", amount="6.66")
    next_night(rig)
    rig.box.faults.add("status", vendor="qualia", match="#order$", times=None, status=500)
    for full in (False, True):
        report = rig.sync(full=full)
        assert not report.failures
        assert sum(r.rows_deleted for r in report.results) == 0
        assert hidden in rig.rows("orders")
        others = [d for d in rig.differences() if hidden not in d and "agencies" not in d]
        assert others == []
    notes = rig.query("select error from raw_qualia.sync_marks where error is not null")
    assert len(notes) == 2
    for (note,) in notes:
        assert note.endswith(" orders could not be read by themselves and stay as they were.")
    rig.box.faults.clear()
    next_night(rig)
    assert not rig.sync(full=True).failures
    rig.must_equal_truth()


def test_five_orders_that_fail_are_an_outage(rig: Rig) -> None:
    for order in list(books(rig.box).orders)[:6]:
        play(rig, "delete_order", order=order)
    next_night(rig)
    rig.box.faults.add("status", vendor="qualia", match="#order$", times=None, status=500)
    report = rig.sync()
    assert "HTTP 500" in sentence(report, "orders")
    assert sum(r.rows_deleted for r in report.results) == 0


@pytest.mark.parametrize("code", ["NOT_FOUND", pytest.param("FORBIDDEN", marks=pytest.mark.slow)])
def test_deleted_orders_that_are_answered_with_an_error_stay_and_stop_nothing(
    rig: Rig, code: str
) -> None:
    """That null stands for an unknown id is assumed only."""
    switch(rig, "unknown_order", code)
    gone = {
        play(rig, "delete_order", order=key)["order"] for key in list(books(rig.box).orders)[:6]
    }
    play(rig, "post_disbursement", amount="6.66")
    next_night(rig)
    report = rig.sync()
    assert not report.failures
    assert sum(r.rows_deleted for r in report.results) == 0
    assert result(report, "orders").mode == "nightly"
    [(note,)] = rig.query("select error from raw_qualia.sync_marks where error is not null")
    assert note == "Qualia does not show 6 orders; they stay as they were."
    assert gone <= rig.rows("orders").keys()
    switch(rig, "unknown_order", "null")
    next_night(rig)
    assert not rig.sync().failures
    rig.must_equal_truth()


def test_without_a_list_of_all_orders_the_rest_is_read(rig: Rig) -> None:
    play(rig, "delete_order")
    rig.case.changes[0].play(rig.box)
    rig.box.faults.add(
        "errors", vendor="qualia", match="#orders$", times=None, code="GRAPHQL_VALIDATION_FAILED"
    )
    report = rig.sync(full=True)
    assert not report.failures
    # everything was read, so who did not come was asked for one by one
    assert result(report, "orders").rows_deleted == 1
    rig.must_equal_truth()


@pytest.mark.parametrize("honoured", ["ids", pytest.param("none", marks=pytest.mark.slow)])
def test_a_filter_that_is_not_honoured_is_found_out_and_done_without(
    rig: Rig, honoured: str
) -> None:
    switch(rig, "activity_filter", honoured)
    next_night(rig)
    rig.sync()
    rig.case.changes[0].play(rig.box)
    play(rig, "post_disbursement", amount="4.44")
    rig.box.clock.advance(seconds=60)
    report = rig.sync()
    way = {"ids": "incremental by ids", "none": "full without a filter"}[honoured]
    assert result(report, "orders").mode == way
    if honoured == "ids":
        assert result(report, "orders").rows_read < 10
    rig.must_equal_truth()
    switch(rig, "activity_filter", "both")
    next_night(rig)
    rig.sync()
    rig.box.clock.advance(seconds=60)
    assert result(rig.sync(), "orders").mode == "incremental"
    rig.must_equal_truth()


def test_a_block_is_read_without_the_orders_too(new_rig: Rig) -> None:
    report = new_rig.sync(entities=["disbursements"])
    assert not report.failures
    assert result(report, "disbursements").mode == "full"
    held = new_rig.rows("disbursements")
    assert (
        len(held)
        == new_rig.box.truth("house")["qualia"]["control"]["totals"]["count"]["disbursements"]
    )
    play(new_rig, "post_disbursement", amount="2.22")
    new_rig.box.clock.advance(seconds=60)
    report = new_rig.sync(entities=["disbursements"])
    assert (result(report, "disbursements").mode, result(report, "disbursements").rows_written) == (
        "incremental",
        1,
    )


def test_the_source_runs_alone(new_rig: Rig) -> None:
    keys = new_rig.account("house").credentials.get()
    settings = QualiaSettings(base_url=f"{new_rig.box.url}/qualia/api/platform/graphql")
    settings = settings.model_copy(update={"rates": new_rig.settings.rates})
    items = [
        item for item in qualia_source(**keys, settings=settings) if isinstance(item, pa.Table)
    ]
    money = [item.column("amount").to_pylist() for item in items if "voided" in item.column_names]
    told = new_rig.box.truth("house")["qualia"]["control"]["totals"]["amount"]
    wanted = Decimal(told["disbursements"]) + Decimal(told["receipts"])
    assert sum(sum(amounts) for amounts in money) == wanted


@pytest.mark.parametrize(
    "shape",
    [{"amount": "1.00"}, *(pytest.param(s, marks=pytest.mark.slow) for s in (["1.00"], "none"))],
)
def test_a_block_in_another_shape_fails_and_deletes_nothing(rig: Rig, shape: Any) -> None:
    before = rig.rows("charges")
    play(rig, "touch")
    rig.box.faults.add("edit_node", vendor="qualia", match=LIST, times=None, set={"charges": shape})
    rig.box.clock.advance(seconds=60)
    report = rig.sync()
    assert {r.entity for r in report.failures} == {"charges"}
    assert "compare docs/vendors/qualia.md" in sentence(report, "charges")
    assert rig.rows("charges") == before
    rig.box.faults.clear()
    assert not rig.sync().failures
    rig.must_equal_truth()


def test_the_blocks_cost_no_calls_of_their_own(rig: Rig) -> None:
    report = rig.sync(full=True)
    assert {r.entity for r in report.results if r.api_calls == 0} == CHILDREN


def test_an_order_that_vanishes_between_the_lists_is_not_waited_for(rig: Rig) -> None:
    """The list of ids still has it, its own address has not."""
    order = play(rig, "add_order")["order"]
    rig.box.clock.advance(seconds=60)
    body = {"data": {"ordersList": {"edges": [], "pageInfo": {"hasNextPage": False}}}}
    rig.box.faults.add("status", vendor="qualia", match=LIST, times=None, status=200, body=body)
    rig.box.faults.add("vanish", vendor="qualia", match="#order$", times=None)
    next_night(rig)
    report = rig.sync()
    assert not report.failures
    assert order not in rig.rows("orders")
    rig.box.faults.clear()
    next_night(rig)
    assert not rig.sync().failures
    rig.must_equal_truth()
