"""Webhooks of Stripe (contract §4): whole events, signed with the endpoint's secret."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, cast

from sandbox.hooks import Flawed, Notice, Rules, Subscription
from sandbox.stripe import wire
from sandbox.vendor import HOUSE

if TYPE_CHECKING:
    from sandbox.box import Sandbox
    from sandbox.stripe.books import Books


def notices(box: Sandbox, _change: Mapping[str, Any], result: Any) -> Iterable[Notice]:
    """The events that a change was told by."""
    store = cast("Books", box.books["stripe"]).store
    for number in result.get("events", ()):
        event = store.events.get(number)
        if event is not None:
            yield Notice(HOUSE, event.type, wire.event(event, None, store))


def headers(subscription: Subscription, body: bytes, flawed: Flawed) -> dict[str, str]:
    """`t=…,v1=…` over time, dot and body (§4.1), with a `v0` that means nothing.

    While a secret is being rolled there are two: of another secret, then of the endpoint's.
    """
    secret = "whsec_another" if flawed.wrong_signature else subscription.key or ""
    signed = f"{flawed.now}.".encode() + body
    secrets = ["whsec_rolled", secret] if flawed.two_signatures else [secret]
    made = (hmac.new(s.encode(), signed, hashlib.sha256).hexdigest() for s in secrets)
    v1 = ",".join(f"v1={signature}" for signature in made)
    return {"Stripe-Signature": f"t={flawed.now},{v1},v0={'0' * 64}"}


# test mode: three tries over a few hours (§4.3)
RULES = Rules(notices, headers, (1800, 7200))
