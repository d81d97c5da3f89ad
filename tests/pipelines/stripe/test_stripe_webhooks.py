"""Signatures: real ones in all their forms are taken, others are not (stripe.md §4.1)."""

from __future__ import annotations

import hashlib
import hmac

import pytest

from pipelines.common.webhooks import Delivery, NotGenuine
from pipelines.stripe.client import StripeSettings
from pipelines.stripe.webhooks import verify
from sandbox.hooks import Flawed, Subscription
from sandbox.stripe.hooks import headers

BODY = b'{"id": "evt_1", "object": "event"}'
SECRETS = {"signing_key": "whsec_test"}


def check(header: str, now: float, body: bytes = BODY) -> None:
    verify(Delivery(body, {"stripe-signature": header}, now), SECRETS, StripeSettings())


def signed(now: int, secret: str = SECRETS["signing_key"]) -> str:
    return hmac.new(secret.encode(), f"{now}.".encode() + BODY, hashlib.sha256).hexdigest()


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr("time.time", lambda: 1_780_000_000.0)
    return 1_780_000_000


def test_while_a_secret_is_rolled_either_signature_will_do(now: int) -> None:
    ours, other = signed(now), signed(now, "whsec_other")
    for v1 in ([ours], [ours, other], [other, ours]):
        check(",".join([f"t={now}", *(f"v1={one}" for one in v1)]), now)
    with pytest.raises(NotGenuine, match="wrong signature"):
        check(f"t={now},v1={other},v0={ours}", now)


def test_the_sandbox_signs_twice_while_a_secret_is_rolled(now: int) -> None:
    endpoint = Subscription("we_1", "stripe", "house", "http://x", frozenset(), key="whsec_test")
    one = headers(endpoint, BODY, Flawed())["Stripe-Signature"]
    two = headers(endpoint, BODY, Flawed(two_signatures=True))["Stripe-Signature"]
    assert (one.count("v1="), two.count("v1=")) == (1, 2)
    for header in (one, two):
        check(header, now)
        with pytest.raises(NotGenuine, match="wrong signature"):
            check(header, now, body=BODY + b" ")
