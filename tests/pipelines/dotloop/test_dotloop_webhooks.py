"""Webhooks: which form was signed, and subscriptions in pages (§5)."""

from __future__ import annotations

import hashlib
import hmac
import logging

import httpx
import pytest

from pipelines.common.webhooks import Delivery, NotGenuine
from pipelines.dotloop.webhooks import WEBHOOKS, verify
from tests.pipelines.dotloop.dotloop_fake import SETTINGS, Dotloop, connect

NOW = 1_781_000_000
BODY = b'{"eventId": "e-1"}'


def signed(content: bytes, key: str = "ours") -> Delivery:
    signature = hmac.new(key.encode(), content, hashlib.sha1).hexdigest()
    headers = {"x-dotloop-timestamp": str(NOW), "x-dotloop-signature": signature}
    return Delivery(BODY, headers, NOW)


@pytest.mark.parametrize(
    ("content", "form"), [(BODY, "body"), (f"{NOW}.".encode() + BODY, "time and body")]
)
def test_the_log_tells_of_each_delivery_what_was_signed(
    content: bytes, form: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    for _ in range(2):
        verify(signed(content), {"signing_key": "ours"}, SETTINGS)
    assert caplog.messages == [f"Dotloop signed a delivery in the form: {form}"] * 2


def test_a_forged_delivery_is_refused_and_matched_no_form(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    with pytest.raises(NotGenuine, match="wrong signature"):
        verify(signed(BODY, "another"), {"signing_key": "ours"}, SETTINGS)
    assert caplog.messages == []


@pytest.mark.parametrize("place", ["beside", "in meta"])
def test_subscriptions_come_in_pages_of_the_vendors_size(place: str) -> None:
    def row(number: int) -> dict[str, object]:
        return {"id": f"s-{number}", "targetType": "PROFILE", "targetId": number, "url": "u",
                "enabled": number != 2, "eventTypes": []}  # fmt: skip

    def answer(request: httpx.Request) -> httpx.Response:
        number = int(request.url.params.get("next_cursor", "c1").removeprefix("c"))
        more = {"next_cursor": f"c{number + 1}"} if number < 3 else {}
        body = {"data": [row(number)], **({"meta": more} if place == "in meta" else more)}
        return httpx.Response(200, json=body)

    connection = connect(Dotloop())
    connection.handler = answer
    registry = WEBHOOKS.registry(SETTINGS)
    assert registry is not None
    found = registry.existing(connection.api(), SETTINGS)
    assert [one.source_id for one in found] == ["s-1", "s-2", "s-3"]
    assert found[1].problem == "it is disabled"
