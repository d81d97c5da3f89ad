"""How many rows of a list Follow Up Boss has: the total in the envelope of a page of one."""

from __future__ import annotations

from collections.abc import Mapping

from pipelines.common.entity import EVERYTHING, Count
from pipelines.common.errors import ContractBroken
from pipelines.common.reading import Reading
from pipelines.fub.client import settings_of


def count_list(
    path: str, params: Mapping[str, str] | None = None, context: str = "default"
) -> Count:
    """The total of a list, narrowed or widened by `params`."""

    def count(reading: Reading) -> Mapping[str, int]:
        answer = reading.api.get(
            f"{settings_of(reading).base_url}/{path}",
            {**(params or {}), "limit": "1"},
            context=context,
        )
        envelope = answer.data.get("_metadata") if isinstance(answer.data, Mapping) else None
        total = envelope.get("total") if isinstance(envelope, Mapping) else None
        if isinstance(total, bool) or not isinstance(total, int):
            raise ContractBroken(
                f"Follow Up Boss tells no total of /{path}; compare docs/vendors/fub.md."
            )
        return {EVERYTHING: total}

    return count
