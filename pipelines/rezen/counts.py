"""How many deals and listings reZEN has of the caller, asked for with one row each."""

from __future__ import annotations

from collections.abc import Mapping

from pipelines.common.entity import Count
from pipelines.common.errors import ContractBroken
from pipelines.common.reading import Reading
from pipelines.rezen.client import get, own_id, settings_of

LIFECYCLE_GROUPS = ("OPEN", "CLOSED", "TERMINATED")


def count_list(kind: str) -> Count:
    """The totals of the caller's `kind` list ('transactions', 'listing-transactions') by group."""

    def count(reading: Reading) -> Mapping[str, int]:
        base = settings_of(reading).arrakis_base_url
        totals: dict[str, int] = {}
        for group in LIFECYCLE_GROUPS:
            url = f"{base}/transactions/participant/{own_id(reading)}/{kind}/{group}"
            data = get(reading, url, {"pageNumber": "0", "pageSize": "1"}).data
            if data is None:
                # an empty group may be answered with nothing at all (§4, HTTP 204)
                totals[group] = 0
                continue
            total = data.get("totalCount") if isinstance(data, Mapping) else None
            if isinstance(total, bool) or not isinstance(total, int):
                raise ContractBroken(
                    f"reZEN tells no totalCount of {kind} {group}; compare docs/vendors/rezen.md "
                    "with a live answer."
                )
            totals[group] = total
        return totals

    return count
