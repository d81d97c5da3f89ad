"""What a sync did, in the words and figures that people see. Pure functions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import dagster as dg

from pipelines.common.entity import Vendor

if TYPE_CHECKING:
    from pipelines.common.reading import EntityResult, SyncReport

RECORDED = frozenset({"ok", "not_permitted", "not_available"})
"""The statuses that count as a materialisation; `failed` does not."""

_NAMED_AGENTS = 5


def materialised(
    metadata: Mapping[str, Any], *, asset_key: dg.AssetKey | None = None
) -> dg.MaterializeResult[None]:
    """What a materialisation tells; what it made is not in Dagster's hands."""
    # the default for no value is of a type of its own
    return dg.MaterializeResult(asset_key=asset_key, metadata=metadata)  # type: ignore[bad-return]


def materialisation_metadata(vendor: Vendor, result: EntityResult) -> dict[str, dg.MetadataValue]:
    """The figures of one account's sync of one entity, as they stand on its partition."""
    metadata: dict[str, dg.MetadataValue] = {
        "status": dg.MetadataValue.text(result.status),
        "mode": dg.MetadataValue.text(result.mode),
        "rows_read": dg.MetadataValue.int(result.rows_read),
        "rows_written": dg.MetadataValue.int(result.rows_written),
        "rows_unchanged": dg.MetadataValue.int(result.rows_unchanged),
        "rows_rejected": dg.MetadataValue.int(result.rows_rejected),
        "rows_deleted": dg.MetadataValue.int(result.rows_deleted),
        "api_calls": dg.MetadataValue.int(result.api_calls),
        "cursor": dg.MetadataValue.text(
            f"{result.cursor_from or 'the beginning'} → {result.cursor_to or 'none'}"
        ),
        "seconds": dg.MetadataValue.float(round(result.seconds, 3)),
    }
    if result.ids_missing is not None and result.ids_surplus is not None:
        metadata["ids_missing"] = dg.MetadataValue.int(result.ids_missing)
        metadata["ids_surplus"] = dg.MetadataValue.int(result.ids_surplus)
    if result.error:
        metadata["reason"] = dg.MetadataValue.text(result.error)
    if vendor.docs:
        metadata["docs"] = dg.MetadataValue.path(vendor.docs)
    return metadata


def reconnect_hint(agent: str, vendor: Vendor) -> str:
    """The command that mends a refused connection."""
    return f"run `brokerage connect {agent} {vendor.name}`"


def failure_sentences(vendor: Vendor, report: SyncReport, agents: Mapping[str, str]) -> list[str]:
    """What went wrong, one sentence per cause; empty if nothing did.

    A refused connection is one sentence however many entities it took along. Accounts that failed
    on the same entity for the same reason share a sentence.

    Args:
        vendor: the vendor that was read.
        report: what `pipelines.common.run.sync` returned.
        agents: the agent key of each connection id.
    """
    sentences = [
        f"{agents[connection_id]} · {vendor.title}: {_clause(reason)}; "
        f"{reconnect_hint(agents[connection_id], vendor)}"
        for connection_id, reason in sorted(report.broken_accounts.items())
    ]
    causes: dict[tuple[str, str], set[str]] = defaultdict(set)
    for result in report.results:
        if result.status == "failed" and result.connection_id not in report.broken_accounts:
            reason = _clause(result.error or "it failed without saying why")
            causes[(result.entity, reason)].add(agents[result.connection_id])
        elif result.ids_missing:
            reason = (
                f"{result.ids_missing} rows were read but are not in {vendor.schema}."
                f"{result.entity}; start the sync again, and look for two writers of one lane"
            )
            causes[(result.entity, reason)].add(agents[result.connection_id])
    sentences += [
        f"{_name(accounts)} · {vendor.title} · {entity}: {reason}"
        for (entity, reason), accounts in sorted(causes.items())
    ]
    return sentences


def failure_description(sentences: Iterable[str]) -> str:
    """The text of the run's failure: the causes, one per line."""
    return "\n".join(sentences)


def _clause(sentence: str) -> str:
    """The sentence without its full stop, so that it can be continued."""
    return sentence.strip().removesuffix(".")


def _name(agents: set[str]) -> str:
    named = sorted(agents)
    if len(named) <= _NAMED_AGENTS:
        return ", ".join(named)
    return f"{', '.join(named[:_NAMED_AGENTS])} and {len(named) - _NAMED_AGENTS} more"
