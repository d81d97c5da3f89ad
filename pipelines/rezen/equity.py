"""Stock of the agent, from the plutus service (rezen.md §8). Every path and field is assumed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pipelines.common.entity import Row
from pipelines.common.errors import ContractBroken
from pipelines.common.http import VendorSettings
from pipelines.common.reading import Reading
from pipelines.rezen.client import (
    SLOW_TIMEOUT,
    Pager,
    RezenSettings,
    as_object,
    get,
    joined_on,
    me_of,
    own_id,
    settings_of,
)


def is_on(settings: VendorSettings) -> bool:
    """Equity is read only where the switch says so."""
    return isinstance(settings, RezenSettings) and settings.equity


def _url(reading: Reading, path: str) -> str:
    return f"{settings_of(reading).plutus_base_url}/equity/{own_id(reading)}/{path}"


def _get(reading: Reading, path: str, params: Mapping[str, str] | None = None) -> Any:
    return get(reading, _url(reading, path), params or {}, timeout=SLOW_TIMEOUT).data


def _rows(data: Any, name: str) -> list[Row]:
    listed = data.get(name) if isinstance(data, Mapping) else data
    if listed is None:
        return []
    if not isinstance(listed, list):
        raise ContractBroken(
            f"reZEN answered equity without the list '{name}'; compare docs/vendors/rezen.md with "
            f"a live answer."
        )
    return [row if isinstance(row, dict) else {"value": row} for row in listed]


def read_performance(reading: Reading) -> Iterator[Sequence[Row]]:
    """The holdings of today."""
    yield [{**as_object(_get(reading, "performance"), "equity"), "agentId": own_id(reading)}]


def read_transactions(reading: Reading) -> Iterator[Sequence[Row]]:
    """The whole ledger: a few hundred entries at most, whose states still change."""
    pager = Pager(
        reading, _url(reading, "transactions"), "equityTransactions", timeout=SLOW_TIMEOUT
    )
    listing = pager.listing()
    yield listing.rows
    reading.vendor_count = listing.total
    reading.complete = listing.whole


def read_monthly(reading: Reading) -> Iterator[Sequence[Row]]:
    """The months of this year and the last one; the first time of every year since joining."""
    this_year = reading.now.year
    first = this_year - 1
    if reading.cursor_from is None:
        joined = joined_on(me_of(reading))
        first = min(joined.year, this_year) if joined else this_year - 2
    for year in range(first, this_year + 1):
        rows = _rows(_get(reading, "monthly", {"year": str(year)}), "months")
        yield [{"year": year, **row} for row in rows]
    reading.cursor_to = str(this_year)


def read_annual(reading: Reading) -> Iterator[Sequence[Row]]:
    """One row per year."""
    yield _rows(_get(reading, "annual"), "years")
    reading.complete = True
