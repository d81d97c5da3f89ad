"""Errors, envelopes and cursors, from the contract (stripe.md §1, §2)."""

from __future__ import annotations

from typing import Any

import httpx
import orjson
import pytest

from pipelines.common.errors import (
    AccountBroken,
    ContractBroken,
    RecordUnavailable,
    ResourceUnavailable,
    RetryLater,
    VendorError,
)
from pipelines.stripe.client import StripeSettings, rows_of
from pipelines.stripe.source import STRIPE
from tests.pipelines.in_memory import Connection, Handler

BASE = "http://stripe.test/v1"
KEY = "rk_test_of_nobody"


def connection(handler: Handler) -> Connection:
    settings = StripeSettings(base_url=BASE, limited_attempts=1)
    return Connection(STRIPE, handler, settings, {"api_key": KEY})


def refusal(status: int, headers: dict[str, str] | None = None, **error: Any) -> httpx.Response:
    return httpx.Response(status, json={"error": error}, headers=headers)


def page(*ids: str, more: bool = False) -> httpx.Response:
    rows = [{"id": key, "object": "invoice", "created": 1_767_225_600} for key in ids]
    return httpx.Response(200, json={"object": "list", "data": rows, "has_more": more, "url": "/"})


def test_every_request_has_the_key_and_the_version() -> None:
    seen = connection(lambda _request: page())
    seen.api().get(f"{BASE}/invoices")
    [request] = seen.requests
    assert request.headers["Authorization"] == f"Bearer {KEY}"
    assert request.headers["Stripe-Version"] == "2026-06-24.dahlia"


@pytest.mark.parametrize(
    ("answer", "error", "said"),
    [
        (refusal(400, code="parameter_unknown", param="x"), ContractBroken, "parameter_unknown x"),
        (refusal(400, code="resource_missing", param="starting_after"), RecordUnavailable, "gone"),
        (refusal(401, message="Invalid API Key provided: rk_****ody"), AccountBroken, "connect"),
        (refusal(402, type="card_error"), ContractBroken, "card_error"),
        (refusal(404, code="resource_missing"), RecordUnavailable, "gone"),
        (httpx.Response(404, text="<html>"), ContractBroken, "check BROKERAGE_STRIPE_BASE_URL"),
        (refusal(409, type="idempotency_error"), RetryLater, "idempotency_error"),
        (refusal(429, code="lock_timeout"), RetryLater, "lock_timeout"),
        (refusal(500, type="api_error"), RetryLater, "api_error"),
        (refusal(500, {"stripe-should-retry": "true"}), RetryLater, "HTTP 500"),
        (refusal(500, {"stripe-should-retry": "false"}), RetryLater, "not to be tried again"),
        (refusal(409, {"stripe-should-retry": "false"}), RetryLater, "not to be tried again"),
        (refusal(400, {"stripe-should-retry": "true"}), RetryLater, "HTTP 400"),
    ],
)
def test_an_error_is_what_recovers_from_it(
    answer: httpx.Response, error: type[VendorError], said: str
) -> None:
    answer.headers["Request-Id"] = "req_7"
    with pytest.raises(error, match=said) as raised:
        connection(lambda _request: answer).api().get(f"{BASE}/invoices/in_1", single_record=True)
    assert type(raised.value) is error
    assert "rk_****" not in raised.value.sentence
    if error not in (AccountBroken,):
        assert "req_7" in raised.value.sentence


@pytest.mark.parametrize(
    ("status", "wish", "tries"),
    [
        (409, None, 2),
        (409, "false", 1),
        (500, None, 2),
        (500, "true", 2),
        (500, "false", 1),
        # a limit passes, whatever the header says
        (429, "false", 2),
    ],
)
def test_stripe_says_itself_what_is_tried_again(status: int, wish: str | None, tries: int) -> None:
    headers = {} if wish is None else {"stripe-should-retry": wish}
    account = connection(lambda _request: refusal(status, headers))
    account.settings = account.settings.model_copy(update={"limited_attempts": 2})
    with pytest.raises(RetryLater):
        account.api().get(f"{BASE}/invoices")
    assert len(account.requests) == tries


@pytest.mark.parametrize(
    ("message", "said"),
    [
        (
            "Having the 'rak_invoice_read' permission would",
            "lacks the permission rak_invoice_read;",
        ),
        ("No.", "lacks the permission to read it;"),
    ],
)
def test_a_missing_permission_is_one_of_the_key_and_not_of_a_record(
    message: str, said: str
) -> None:
    refused = refusal(403, message=message)
    with pytest.raises(ResourceUnavailable, match=said) as raised:
        connection(lambda _request: refused).api().get(f"{BASE}/invoices/in_1", single_record=True)
    assert raised.value.status == "not_permitted"


@pytest.mark.parametrize(
    "body", [[], "text", {"data": []}, {"data": {}, "has_more": False}, {"has_more": True}]
)
def test_what_is_no_list_is_not_an_empty_one(body: Any) -> None:
    with pytest.raises(ContractBroken, match=r"compare docs/vendors/stripe\.md"):
        rows_of(orjson.loads(orjson.dumps(body)), "invoices")


def test_a_list_ends_where_it_says_and_goes_on_from_its_last_id() -> None:
    answers = {None: page("in_3", "in_2", more=True), "in_2": page("in_1")}

    def handler(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/events"):
            return page()
        return answers[request.url.params.get("starting_after")]

    account = connection(handler)
    account.read("events")
    read = account.read("invoices")
    assert read.ids == ["in_3", "in_2", "in_1"]
    assert [request.url.params["limit"] for request in read.requests] == ["100", "100"]


def test_more_pages_without_an_id_to_go_on_from_are_a_broken_contract() -> None:
    endless = httpx.Response(200, json={"data": [{"object": "event"}], "has_more": True})
    with pytest.raises(ContractBroken, match="no id to go on from"):
        connection(lambda _request: endless).read("events")


@pytest.mark.parametrize(
    ("entity", "params"),
    [
        ("subscriptions", [("status", "all")]),
        ("prices", [("expand[]", "data.tiers"), ("expand[]", "data.currency_options")]),
        ("products", []),
    ],
)
def test_lists_ask_for_everything_there_is(entity: str, params: list[tuple[str, str]]) -> None:
    """Subscriptions hold back cancelled ones, prices tiers and currencies (§3.2, §3.3)."""
    read = connection(lambda _request: page()).read(entity)
    assert read.requests[-1].url.params.multi_items() == [*params, ("limit", "100")]
