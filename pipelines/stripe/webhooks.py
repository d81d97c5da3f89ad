"""Stripe's webhooks: signed with the endpoint's secret; of an event only ids are kept (§4).

An event that comes is read again by its id, and so is the object that it is about. The order of
events means nothing, so none is ever applied.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast

import stripe

from pipelines.common.entity import Read, Row
from pipelines.common.errors import ContractBroken
from pipelines.common.http import Api, VendorSettings
from pipelines.common.reading import Reading
from pipelines.common.webhooks import (
    REPLAY_SECONDS,
    Delivery,
    Event,
    Hint,
    NotGenuine,
    NotUnderstood,
    Registry,
    Secrets,
    Subscription,
    Webhooks,
    by_id,
    check_moment,
    text_of,
    whole_number,
)
from pipelines.stripe.client import PAGE, StripeSettings, record, rows_of
from pipelines.stripe.feed import about, kept
from pipelines.stripe.objects import (
    CUSTOMERS,
    INVOICES,
    PRICES,
    PRODUCTS,
    SUBSCRIPTIONS,
)
from pipelines.stripe.source import STRIPE

TYPES = (
    *(f"product.{c}" for c in ("created", "updated", "deleted")),
    *(f"price.{c}" for c in ("created", "updated", "deleted")),
    *(f"customer.{c}" for c in ("created", "updated", "deleted")),
    *(
        f"customer.subscription.{c}"
        for c in (
            *("created", "updated", "deleted", "paused", "resumed", "trial_will_end"),
            *("pending_update_applied", "pending_update_expired"),
        )
    ),
    *(
        f"checkout.session.{c}"
        for c in ("completed", "expired", "async_payment_succeeded", "async_payment_failed")
    ),
    *(
        f"invoice.{c}"
        for c in (
            *("created", "updated", "deleted", "paid", "payment_succeeded", "payment_failed"),
            *("finalized", "voided", "marked_uncollectible"),
        )
    ),
    "payment_intent.succeeded",
    "payment_intent.payment_failed",
)
"""The events that are subscribed to (§3.7)."""

_KINDS = {kind.name: kind for kind in (PRODUCTS, PRICES, CUSTOMERS, SUBSCRIPTIONS, INVOICES)}
_TOPIC = "events"


# -- is it genuine ---------------------------------------------------------------------------------


def verify(delivery: Delivery, secrets: Secrets, settings: VendorSettings) -> None:
    """Raise `NotGenuine` unless the endpoint's secret signed the body within five minutes (§4.1).

    The package compares in constant time and refuses what is too old; what is ahead of us it lets
    pass.
    """
    header, secret = delivery.headers.get("stripe-signature"), secrets.get("signing_key")
    if not header:
        raise NotGenuine("no signature")
    if not secret or not header.isascii():
        raise NotGenuine("wrong signature")
    try:
        stripe.WebhookSignature.verify_header(delivery.body, header, secret)
    except (stripe.SignatureVerificationError, UnicodeDecodeError):
        raise NotGenuine("wrong signature") from None
    stamps = [part[2:] for part in header.split(",") if part.startswith("t=")]
    stamp = whole_number(stamps[0]) if stamps else None
    if stamp is None:
        raise NotGenuine("no time")
    check_moment(stamp, delivery.now, REPLAY_SECONDS)


def read(body: Any, _now: float) -> Iterator[Event]:
    """The one event of a delivery, without what it carries: that is a person's data (§3.6)."""
    source_id, kind_of_event = text_of(body, "id"), text_of(body, "type")
    if source_id is None or kind_of_event is None or text_of(body, "object") != "event":
        raise NotUnderstood("A delivery of Stripe is no event.")
    kind, key = about(body)
    data = {"object": {"id": key, "object": kind}}
    thin = {n: body.get(n) for n in ("id", "object", "type", "created", "api_version", "livemode")}
    found = [Hint("events", source_id)] if kind_of_event in TYPES else []
    if kind_of_event in TYPES and kind in _KINDS and key is not None:
        found.append(Hint(_KINDS[kind].path, key, is_new=kind_of_event.endswith(".created")))
    yield Event(source_id, kind_of_event, tuple(found), {**thin, "data": data})


# -- reading it again ------------------------------------------------------------------------------


def _event(reading: Reading, key: str) -> list[Row]:
    row = record(reading, "events", key)
    if row is None:
        # after 30 days they are not kept, which ends nothing of ours
        return []
    return [kept(row)]


READERS: Mapping[str, Read] = {
    "events": by_id(_event),
    **{kind.path: by_id(kind.read) for kind in _KINDS.values()},
}


# -- subscriptions ---------------------------------------------------------------------------------


def _url(settings: VendorSettings, *more: str) -> str:
    return "/".join((cast(StripeSettings, settings).base_url, "webhook_endpoints", *more))


def _existing(api: Api, settings: VendorSettings) -> list[Subscription]:
    found: list[Subscription] = []
    params: list[tuple[str, str]] = [("limit", str(PAGE))]
    while True:
        rows, more = rows_of(api.get(_url(settings), params).data, "webhook_endpoints")
        found += [_subscription(row, settings) for row in rows]
        if not more or not rows:
            return found
        params = [("limit", str(PAGE)), ("starting_after", str(rows[-1].get("id")))]


def _subscription(row: Row, settings: VendorSettings) -> Subscription:
    version = cast(StripeSettings, settings).api_version
    events = row.get("enabled_events") or []
    lacking = [] if "*" in events else sorted(set(TYPES) - set(events))
    problem = None
    if row.get("status") != "enabled":
        problem = f"its status is {text_of(row, 'status')}"
    elif lacking:
        problem = f"it lacks {len(lacking)} events, such as {lacking[0]}"
    elif row.get("api_version") not in (None, version):
        problem = f"its API version is {row.get('api_version')} and not {version}"
    return Subscription(text_of(row, "id") or "", _TOPIC, text_of(row, "url") or "", problem)


def _create(
    api: Api, settings: VendorSettings, _topic: str, url: str, _secrets: Secrets
) -> Secrets:
    form = [
        ("url", url),
        ("api_version", cast(StripeSettings, settings).api_version),
        *(("enabled_events[]", name) for name in TYPES),
    ]
    secret = text_of(api.write("POST", _url(settings), form=form).data, "secret")
    if secret is None:
        raise ContractBroken("Stripe made a webhook endpoint and did not tell its secret.")
    return {"signing_key": secret}


def _remove(api: Api, settings: VendorSettings, source_id: str) -> None:
    api.write("DELETE", _url(settings, source_id))


_REGISTRY = Registry(
    topics=lambda _api, _settings: (_TOPIC,),
    existing=_existing,
    create=_create,
    remove=_remove,
)

WEBHOOKS = Webhooks(
    vendor=STRIPE,
    verify=verify,
    read=read,
    readers=READERS,
    first=(),
    registry=lambda _settings: _REGISTRY,
    signing="HMAC-SHA256 of time and body, with the endpoint's secret",
    vendor_key=True,
)
