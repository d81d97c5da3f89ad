"""Lofty's webhooks: unsigned buckets of lead ids, without event id or documented retry (§7).

What proves a delivery is the secret in its address. Of their shapes only that of leads was seen, so
every list of items with a lead's id counts. A lead is read again by its id, what hangs on it by the
lead. The rate is ten requests a minute: from fifty leads on all of them are scanned instead.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, cast

from pipelines.common.entity import Read, Row
from pipelines.common.errors import ContractBroken
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
    by_id,
    read_each,
    text_of,
    whole_number,
)
from pipelines.lofty.account import SIGHT, read_account
from pipelines.lofty.client import LoftySettings, get, rows_of, unwrapped
from pipelines.lofty.commissions import commissions_of
from pipelines.lofty.details import (
    activities_of,
    appointments_of,
    calls_of,
    notes_of,
    system_logs_of,
    tasks_of,
)
from pipelines.lofty.leads import PATH
from pipelines.lofty.source import LOFTY
from pipelines.lofty.transactions import pages

log = logging.getLogger(__name__)

LISTS: Mapping[int, tuple[str, ...]] = {
    1: ("members",),
    2: ("leads",),
    3: ("leads", "lead_activities"),
    4: ("leads",),
    5: ("transactions", "transaction_commissions"),
    6: ("communications", "calls"),
    7: ("communications",),
    8: ("communications",),
    9: ("notes",),
    10: ("tasks",),
    11: ("appointments",),
    12: ("leads", "system_logs"),
}
"""What each list is about: the raw tables."""

_WHOLE = frozenset({"members", "communications"})
"""Tables that have no call for one record: they are read as in a sync."""

NEW_BUCKETS = ("new", "created")
KNOWN_BUCKETS = (*NEW_BUCKETS, "updated", "finished", "deleted")
"""How the names of buckets begin, as far as one was seen or the lists are described (§7)."""

BATCH = 5000
"""A batch cap by one reading, notifications per half hour by the other (§7)."""

EVERY_OWNERSHIP = 1
"""`permissionMode`: also what a team's or an office's ownership covers (§7)."""


def read(body: Any, now: float) -> Iterator[Event]:
    """An event per lead and bucket of a delivery."""
    number = body.get("listId") if isinstance(body, Mapping) else None
    tables = LISTS.get(number) if isinstance(number, int) else None
    if tables is None:
        raise NotUnderstood("A delivery of Lofty has no listId between 1 and 12.")
    items = list(_items(body))
    if not items and _WHOLE.isdisjoint(tables):
        raise NotUnderstood(f"A delivery of Lofty's list {number} names no lead.")
    for bucket, item in items or [("delivery", body)]:
        lead, moved = text_of(item, "leadId"), text_of(item, "updateTime")
        # what has no time of its own cannot be told from its repetition
        at = moved or str(int(now * 1000))
        yield Event(
            source_id=f"{number}:{bucket}:{lead}:{at}",
            type=f"list {number} {bucket}",
            hints=tuple(_hints(tables, lead, bucket)),
            body={"listId": number, "bucket": bucket, "leadId": lead, "updateTime": moved},
        )


def _items(body: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every item with a lead's id, with the name of its bucket; a bare ping is one itself.

    What to do follows from the lead as it is read again, so a bucket of an unknown name counts as
    one of updates; it is logged, because the vendor does not publish the names (§7).
    """
    if text_of(body, "leadId") is not None:
        yield "ping", body
    for bucket, held in body.items():
        items = [x for x in held if text_of(x, "leadId")] if isinstance(held, list) else []
        if items and not bucket.lower().startswith(KNOWN_BUCKETS):
            log.warning(
                "A webhook of Lofty has a bucket %r, which is read as updates.", bucket[:40]
            )
        for item in items:
            yield bucket, item


def _hints(tables: Sequence[str], lead: str | None, bucket: str) -> Iterator[Hint]:
    for table in tables:
        if table in _WHOLE:
            yield Hint(table)
        elif lead is not None and whole_number(lead) is not None:
            is_new = table == "leads" and bucket.lower().startswith(NEW_BUCKETS)
            yield Hint(table, lead, is_new=is_new)


# -- reading it again ------------------------------------------------------------------------------


def _lead(reading: Reading, key: str) -> list[Row]:
    found = unwrapped(get(reading, f"{PATH}/{key}", single_record=True))
    if isinstance(found, Mapping) and isinstance(found.get("lead"), Mapping):
        found = found["lead"]
    if not isinstance(found, dict) or "leadId" not in found:
        raise ContractBroken(
            "Lofty answered v1.0/leads/{id} with no lead; compare docs/vendors/lofty.md."
        )
    return [found]


def _leads(reading: Reading) -> Iterator[Sequence[Row]]:
    """The wanted leads. A credential that sees less than before ends none of them (§1.1, §6)."""
    yield from by_id(_lead)(reading)
    if not SIGHT.is_whole(reading):
        reading.gone.clear()


def _transactions_of(reading: Reading, lead: str) -> list[Row]:
    found = pages(reading, (("leadId", lead),), of_lead=True)
    return [row for rows, _ in found for row in rows]


def _commissions(reading: Reading) -> Iterator[Sequence[Row]]:
    """The lines of the wanted leads; what is gone of them is told lead by lead."""
    yield from by_id(commissions_of)(reading)
    reading.gone.clear()


def _of_lead(ask: Callable[[Reading, str], list[Row]], own_id: str | None) -> Read:
    """A reader of what hangs on the wanted leads; what a lead shows no more is gone.

    `own_id` is the field with the row's id; None for rows that are never gone.
    """

    def read_all(reading: Reading) -> Iterator[Sequence[Row]]:
        for lead in sorted(reading.wanted):
            shown: set[str] = set()
            for rows in read_each(reading, ask, [lead]):
                shown |= {str(row.get(own_id)) for row in rows if own_id}
                yield rows
            denied = lead in reading.missing and lead not in reading.gone
            reading.gone.discard(lead)
            if own_id and not denied and lead not in reading.failed and SIGHT.is_whole(reading):
                held = reading.memory.keys_where(reading.entity.name, "lead_id", [lead])
                reading.gone |= held - shown

    return read_all


READERS: Mapping[str, Read] = {
    "account": read_account,
    "leads": _leads,
    "transactions": _of_lead(_transactions_of, "transactionId"),
    "lead_activities": _of_lead(activities_of, None),
    "notes": _of_lead(notes_of, "noteId"),
    "tasks": _of_lead(tasks_of, "id"),
    "appointments": _of_lead(appointments_of, "id"),
    "calls": _of_lead(calls_of, "id"),
    "system_logs": _of_lead(system_logs_of, "id"),
    "transaction_commissions": _commissions,
}


# -- subscriptions ---------------------------------------------------------------------------------


def _url(settings: VendorSettings, path: str) -> str:
    return f"{cast(LoftySettings, settings).base_url}/v1.0/{path}"


def _topics(_api: Api, settings: VendorSettings) -> Sequence[str]:
    """The lists whose tables are pulled; details of leads are a setting."""
    enabled = {entity.name for entity in LOFTY.entities if entity.enabled(settings)}
    return [f"list {number}" for number, tables in LISTS.items() if enabled.intersection(tables)]


def _existing(api: Api, settings: VendorSettings) -> list[Subscription]:
    rows = rows_of(api.get(_url(settings, "webhooks")).data, "v1.0/webhooks")
    return [
        Subscription(
            source_id=text_of(row, "subscribeId") or "",
            topic=f"list {row.get('listId')}",
            url=text_of(row, "callbackUrl") or "",
            problem=None
            if row.get("permissionMode") == EVERY_OWNERSHIP
            else "it is told only of leads of its own",
        )
        for row in rows
    ]


def _create(api: Api, settings: VendorSettings, topic: str, url: str, _secrets: Secrets) -> Secrets:
    api.write(
        "POST",
        _url(settings, "webhook"),
        body={
            "listId": int(topic.removeprefix("list ")),
            "callbackUrl": url,
            "limit": BATCH,
            "permissionMode": EVERY_OWNERSHIP,
        },
    )
    return {}


def _remove(api: Api, settings: VendorSettings, source_id: str) -> None:
    api.write("DELETE", _url(settings, f"webhook/{source_id}"))


_REGISTRY = Registry(_topics, _existing, _create, _remove)

WEBHOOKS = Webhooks(
    vendor=LOFTY,
    verify=address_token,
    read=read,
    readers=READERS,
    first=("account",),
    registry=lambda _settings: _REGISTRY,
    signing="none: the secret is in the address",
    most=50,
    scan=frozenset({"leads"}),
)
