"""Offices, users and checklist types: small lists without a clock, read whole (§3.11, §3.12)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pipelines.common.entity import Row
from pipelines.common.reading import Reading
from pipelines.skyslope.client import list_of, settings_of


def _url(reading: Reading, path: str) -> str:
    return f"{settings_of(reading).base_url}/api/{path}"


def read_offices(reading: Reading) -> Iterator[Sequence[Row]]:
    """Offices; the list and the detail call the same two facts by other names."""
    rows = list_of(reading.api, _url(reading, "offices"), "offices")
    reading.vendor_count = len(rows)
    yield rows
    reading.complete = True


def read_users(reading: Reading) -> Iterator[Sequence[Row]]:
    """Users, those who were deactivated included."""
    rows = list_of(reading.api, _url(reading, "users"), "users", {"includeDeactivated": "true"})
    reading.vendor_count = len(rows)
    yield rows
    reading.complete = True


def read_checklist_types(reading: Reading) -> Iterator[Sequence[Row]]:
    """Checklist types of sales and of listings."""
    for kind in ("Sale", "Listing"):
        rows = list_of(
            reading.api,
            _url(reading, "checklistTypes"),
            "checklistTypes",
            {"transactionType": kind},
        )
        yield [{**row, "transactionType": kind} for row in rows]
    reading.complete = True
