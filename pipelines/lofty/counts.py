"""How many leads and transactions Lofty has, asked for with one row each."""

from __future__ import annotations

from collections.abc import Mapping

from pipelines.common.entity import EVERYTHING
from pipelines.common.errors import ContractBroken
from pipelines.common.reading import Reading
from pipelines.lofty.client import count_of, get, metadata_of, unwrapped


def count_leads(reading: Reading) -> Mapping[str, int]:
    """The total of the leads that the credential sees (§3.1)."""
    return _total("leads", metadata_of(get(reading, "v1.0/leads", (("limit", "1"),))).get("total"))


def count_transactions(reading: Reading) -> Mapping[str, int]:
    """The total of transactions of every type (§5.3)."""
    params = (("transactionType", "All"), ("pageNum", "0"), ("pageSize", "1"))
    held = unwrapped(get(reading, "v2.0/transactions", params))
    return _total("transactions", held.get("totalCount") if isinstance(held, Mapping) else None)


def _total(what: str, told: object) -> Mapping[str, int]:
    total = count_of(told)
    if total is None:
        raise ContractBroken(f"Lofty tells no total of {what}; compare docs/vendors/lofty.md.")
    return {EVERYTHING: total}
