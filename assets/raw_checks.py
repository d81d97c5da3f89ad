"""What a raw table is checked for, after every run and for all accounts at once.

The checks read the committed marks, not the run that has just ended: they say how the table stands.
Each query returns only what is wrong, so that a healthy platform costs three short reads.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import dagster as dg
from sqlalchemy import text

from pipelines.common.entity import Entity, Vendor

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection, Engine

REJECTED_ROWS = "rejected_rows"
SCHEMA_DRIFT = "schema_drift"
SILENT_SUCCESS = "silent_success"

_DESCRIPTIONS = {
    REJECTED_ROWS: "The last sync of every account kept all its rows; see rejected_rows.",
    SCHEMA_DRIFT: "The vendor sends no field that the contract does not know.",
    SILENT_SUCCESS: "No account's last sync was green with fewer rows than the vendor counts.",
}
_SHOWN = 20


@dataclass(frozen=True)
class Finding:
    """Something wrong with a table: where (an agent or a field), how much, and as a sentence."""

    subject: str
    number: int
    detail: str


Findings = dict[str, list[Finding]]


def check_specs(vendor: Vendor, entities: Sequence[Entity]) -> list[dg.AssetCheckSpec]:
    """The checks of the vendor's raw tables."""
    return [
        dg.AssetCheckSpec(
            name, asset=dg.AssetKey([vendor.schema, entity.name]), description=description
        )
        for entity in entities
        for name, description in _DESCRIPTIONS.items()
    ]


def evaluate_checks(
    vendor: Vendor, engine: Engine, chosen: Collection[dg.AssetCheckKey]
) -> Iterator[dg.AssetCheckResult]:
    """Evaluate the chosen checks.

    Args:
        vendor: whose tables they are.
        engine: one that may read `control` and the raw schemas.
        chosen: the checks that the run asks for; others are left alone.
    """
    if not chosen:
        return
    entities = sorted({check.asset_key.path[-1] for check in chosen})
    with engine.connect() as connection:
        found = {
            REJECTED_ROWS: _rejected(connection, vendor, entities),
            SCHEMA_DRIFT: _drift(connection, vendor, entities),
            SILENT_SUCCESS: _silent(connection, vendor, entities),
        }
    for check in sorted(chosen):
        yield to_result(check, found[check.name].get(check.asset_key.path[-1], []))


def to_result(check: dg.AssetCheckKey, findings: Sequence[Finding]) -> dg.AssetCheckResult:
    """The result of one check; a green run that lost rows is an error, the others are warnings."""
    severity = (
        dg.AssetCheckSeverity.ERROR if check.name == SILENT_SUCCESS else dg.AssetCheckSeverity.WARN
    )
    metadata: dict[str, dg.MetadataValue] = {}
    if findings:
        metadata["number"] = dg.MetadataValue.int(sum(finding.number for finding in findings))
        metadata["where"] = dg.MetadataValue.md(
            "\n".join(f"- {finding.subject}: {finding.detail}" for finding in findings[:_SHOWN])
            + (f"\n- and {len(findings) - _SHOWN} more" if len(findings) > _SHOWN else "")
        )
    return dg.AssetCheckResult(
        asset_key=check.asset_key,
        check_name=check.name,
        passed=not findings,
        severity=severity,
        description="; ".join(f"{f.subject}: {f.detail}" for f in findings[:3]) or None,
        metadata=metadata,
    )


def _rejected(connection: Connection, vendor: Vendor, entities: list[str]) -> Findings:
    rows = connection.execute(
        text(
            "select entity, split_part(connection_id, ':', 1), rows_rejected "
            "from control.sync_state "
            "where vendor = :vendor and entity = any(:entities) and rows_rejected > 0 "
            "order by rows_rejected desc, connection_id"
        ),
        {"vendor": vendor.name, "entities": entities},
    )
    found: Findings = defaultdict(list)
    for entity, agent, number in rows:
        found[entity].append(
            Finding(agent, number, f"{number} rows refused, see {vendor.schema}.rejected_rows")
        )
    return found


def _silent(connection: Connection, vendor: Vendor, entities: list[str]) -> Findings:
    suspects = connection.execute(
        text(
            "select entity, connection_id, rows_rejected, vendor_count "
            "from control.sync_state "
            "where vendor = :vendor and entity = any(:entities) "
            "and status = 'ok' and vendor_count > coalesce(rows_read, 0) "
            "order by entity, connection_id"
        ),
        {"vendor": vendor.name, "entities": entities},
    ).all()
    found: Findings = defaultdict(list)
    for entity, connection_id, rejected, counted in suspects:
        # an incremental reading reads little: what counts is how much is there in the end
        held = _live_rows(connection, vendor, entity, connection_id) + (rejected or 0)
        if counted > held:
            found[entity].append(
                Finding(
                    connection_id.split(":")[0],
                    counted - held,
                    f"{vendor.title} counts {counted} rows, {held} are here",
                )
            )
    return found


def _live_rows(connection: Connection, vendor: Vendor, entity: str, connection_id: str) -> int:
    query = (
        f"select count(*) from {vendor.schema}.{entity} as r "  # noqa: S608 - registry names
        "where r.connection_id = :connection_id and not exists ("
        f"select 1 from {vendor.schema}.tombstones as t "
        "where t.connection_id = r.connection_id and t._key = :prefix || r._key "
        "and t.deleted_at >= r._synced_at)"
    )
    parameters = {"connection_id": connection_id, "prefix": f"{entity}|"}
    return int(connection.scalar(text(query), parameters) or 0)


def _drift(connection: Connection, vendor: Vendor, entities: list[str]) -> Findings:
    table = f"{vendor.schema}.schema_drift"
    if connection.scalar(text("select to_regclass(:table)"), {"table": table}) is None:
        return {}
    query = (
        "select entity, field, min(sample_type), count(distinct connection_id), "  # noqa: S608
        f"min(first_seen_at)::date from {table} "
        "where entity = any(:entities) group by entity, field order by entity, field"
    )
    rows = connection.execute(text(query), {"entities": entities})
    found: Findings = defaultdict(list)
    for entity, field, sample_type, accounts, first_seen in rows:
        found[entity].append(
            Finding(field, 1, f"{sample_type}, since {first_seen}, in {accounts} accounts")
        )
    return found
