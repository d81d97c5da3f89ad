"""reZEN's webhooks: assumed, unsigned, and only a reason to read a deal sooner (§9).

No way to subscribe is known. The address with its secret is given to whoever can enter it at Real;
the sandbox has a way of its own, whose address it tells.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from pipelines.common.entity import Read, Row
from pipelines.common.http import Api, VendorSettings
from pipelines.common.reading import Reading
from pipelines.common.webhooks import (
    Event,
    Hint,
    NotUnderstood,
    Registry,
    Secrets,
    Subscription,
    Webhooks,
    address_token,
    read_each,
    text_of,
)
from pipelines.rezen.agents import read_agent
from pipelines.rezen.client import RezenSettings, as_object, get, settings_of
from pipelines.rezen.source import REZEN

EVENTS: Mapping[str, tuple[str, str]] = {
    **{
        f"TRANSACTION_{what}": ("transaction_list", "transactions")
        for what in ("CREATED", "UPDATED", "CLOSED", "TERMINATED")
    },
    **{
        f"LISTING_{what}": ("listing_list", "listings") for what in ("CREATED", "UPDATED", "CLOSED")
    },
}
"""The events that are known, and the tables that each is about: the list and the details."""

TOPIC = "deals and listings"


def read(body: Any, _now: float) -> Iterator[Event]:
    """The one event of a delivery."""
    name = text_of(body, "eventName")
    if name is None:
        raise NotUnderstood("A delivery of reZEN has no eventName.")
    about = body.get("rezenObject")
    key, at = text_of(about, "id"), text_of(body, "timestamp")
    if name in EVENTS and key is None:
        raise NotUnderstood("A delivery of reZEN names no record.")
    hints = tuple(
        Hint(table, key, is_new=name.endswith("_CREATED")) for table in EVENTS.get(name, ())
    )
    kept = {
        "eventName": name,
        "timestamp": at,
        "rezenObject": {"id": key, "type": text_of(about, "type")},
    }
    yield Event(f"{name}:{key}:{at}", name, hints, kept)


# -- reading it again ------------------------------------------------------------------------------


def _details(list_table: str) -> tuple[Read, Read]:
    """Readers of a list and of its details.

    The list has no call for one record, but ends with it: whether a deal is gone is asked when the
    list is due, and what came is left for the details.
    """

    def ask(reading: Reading, key: str) -> list[Row]:
        url = f"{settings_of(reading).arrakis_base_url}/transactions/{key}"
        return [as_object(get(reading, url, single_record=True).data, "transactions/{id}")]

    def read_list(reading: Reading) -> Iterator[Sequence[Row]]:
        found: list[Row] = []
        for rows in read_each(reading, ask, sorted(reading.wanted)):
            found += rows
        left = (found, set(reading.missing), set(reading.gone), dict(reading.failed))
        reading.handover.put(f"{list_table}.asked", left)
        yield []

    def read_details(reading: Reading) -> Iterator[Sequence[Row]]:
        none: tuple[list[Row], set[str], set[str], dict[str, str]] = ([], set(), set(), {})
        rows, missing, gone, failed = reading.handover.get(f"{list_table}.asked", none)
        reading.missing |= missing
        reading.gone |= gone
        reading.failed |= failed
        yield rows

    return read_list, read_details


_DEALS, _LISTINGS = _details("transaction_list"), _details("listing_list")

READERS: Mapping[str, Read] = {
    "agents": read_agent,
    "transaction_list": _DEALS[0],
    "transactions": _DEALS[1],
    "listing_list": _LISTINGS[0],
    "listings": _LISTINGS[1],
}


# -- subscriptions ---------------------------------------------------------------------------------


def _url(settings: VendorSettings, *more: str) -> str:
    return "/".join((str(cast(RezenSettings, settings).webhooks_base_url), "webhooks", *more))


def _existing(api: Api, settings: VendorSettings) -> list[Subscription]:
    rows = api.get(_url(settings)).data
    return [
        Subscription(
            source_id=text_of(row, "id") or "",
            topic=TOPIC,
            url=text_of(row, "url") or "",
            problem=None
            if set(row.get("events") or ()) >= set(EVENTS)
            else "it is not told of all events",
        )
        for row in (rows if isinstance(rows, list) else [])
    ]


def _create(
    api: Api, settings: VendorSettings, _topic: str, url: str, _secrets: Secrets
) -> Secrets:
    api.write("POST", _url(settings), body={"url": url, "events": list(EVENTS)})
    return {}


def _remove(api: Api, settings: VendorSettings, source_id: str) -> None:
    api.write("DELETE", _url(settings, source_id))


_REGISTRY = Registry(
    topics=lambda _api, _settings: (TOPIC,),
    existing=_existing,
    create=_create,
    remove=_remove,
)

WEBHOOKS = Webhooks(
    vendor=REZEN,
    verify=address_token,
    read=read,
    readers=READERS,
    first=("agents",),
    registry=lambda settings: (
        _REGISTRY if cast(RezenSettings, settings).webhooks_base_url else None
    ),
    signing="none: the secret is in the address",
    most=200,
    acknowledgement=202,
    by_hand="reZEN has no known way to subscribe by program: give this address to Real's partner "
    "contact, or enter it where Real offers that",
)
