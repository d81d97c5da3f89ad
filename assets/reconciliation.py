"""The vendors' own counts against the warehouse's: the guard against a green run that saw nothing.

Every list whose vendor counts it is counted on both sides. What differs is read again, first what
has changed, then everything (that leaves tombstones for what is gone), and counted anew. The
result stands in `control.reconciliations`, one row per account, list and part of the list.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import dagster as dg
from pydantic import Field
from sqlalchemy import text

from assets.raw import OWNER, raw_key
from pipelines.common.counting import Counted, count_accounts, counted_entities
from pipelines.common.entity import Entity, Vendor
from pipelines.registry import VENDORS
from resources.connections import ConnectionsResource
from resources.vendor_settings import VendorSettingsResource, vendor_settings
from resources.warehouse import LOADER, WarehouseResource

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

    from brokerage.control.reconciliation import Reconciled, Reconciliation
    from pipelines.common.account import Account
    from pipelines.common.reading import SyncReport

KEY = dg.AssetKey(["control", "reconciliations"])
NOTHING_IS_MISSING = "nothing_is_missing"
LANE = "reconcile"
FULL_EVERY = timedelta(hours=20)
"""A list that differs is not read whole more often: half a million calls take their time."""

LASTING = timedelta(minutes=30)
"""What differs for longer is an error: it was there at the check before, too."""

_SHOWN = 20


class ReconcileConfig(dg.Config):
    """Which accounts are counted (all by default), and whether what differs is read again."""

    agents: list[str] = Field(default_factory=list)
    vendors: list[str] = Field(default_factory=list)
    repair: bool = True


def with_dependencies(vendor: Vendor, names: Iterable[str]) -> set[str]:
    """The entities and all that their readers want to have read before."""
    chosen: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in chosen:
            chosen.add(name)
            waiting += vendor.entity(name).depends_on
    return chosen


@dataclass
class Reconciler:
    """Counts one vendor's accounts and mends what differs; `failures` has a sentence per cause."""

    vendor: Vendor
    accounts: "Sequence[Account]"
    warehouse: WarehouseResource
    connections: ConnectionsResource
    run_id: str
    failures: list[str]

    def run(self, settings: Any, *, repair: bool) -> "list[Reconciliation]":
        """Count, read again what differs, count again."""
        self.warehouse.create_raw_tables(self.vendor)
        first = self._count(settings)
        found = dict(first)
        ids: dict[tuple[str, str], tuple[int | None, int | None]] = {}
        whole: set[tuple[str, str]] = set()
        for full in (False, True) if repair else ():
            differing = {pair for pair, parts in found.items() if _differs(parts)}
            if full:
                differing -= self._read_whole_lately(differing)
            if not differing:
                break
            report = self._sync(settings, differing, full=full)
            if report is None:
                break
            for result in report.results:
                ids[result.connection_id, result.entity] = (result.ids_missing, result.ids_surplus)
            whole |= differing if full else set()
            found.update(self._count(settings, differing))
        return [
            self._row(part, first[pair], pair in whole, *ids.get(pair, (None, None)))
            for pair, parts in found.items()
            for part in parts
        ]

    def _count(
        self, settings: Any, pairs: Collection[tuple[str, str]] | None = None
    ) -> dict[tuple[str, str], list[Counted]]:
        chosen = (
            self.accounts
            if pairs is None
            else [a for a in self.accounts if a.connection_id in {pair[0] for pair in pairs}]
        )
        counted = count_accounts(
            self.vendor,
            chosen,
            warehouse_url=self.warehouse.url(LOADER),
            settings=settings,
            entities=None if pairs is None else {pair[1] for pair in pairs},
        )
        found: dict[tuple[str, str], list[Counted]] = {}
        for item in counted:
            pair = (item.connection_id, item.entity)
            if pairs is None or pair in pairs:
                found.setdefault(pair, []).append(item)
        return found

    def _sync(
        self, settings: Any, pairs: Collection[tuple[str, str]], *, full: bool
    ) -> "SyncReport | None":
        from pipelines.common.run import LoadFailed, SyncRefused, sync

        try:
            report = sync(
                self.vendor,
                [a for a in self.accounts if a.connection_id in {pair[0] for pair in pairs}],
                warehouse_url=self.warehouse.url(LOADER),
                settings=settings,
                entities=with_dependencies(self.vendor, {pair[1] for pair in pairs}),
                lane=LANE,
                full=full,
                run_id=self.run_id,
                pipelines_dir=self.connections.pipelines_dir(),
            )
        except (SyncRefused, LoadFailed) as stopped:
            self.failures.append(f"{self.vendor.title}: {stopped}")
            return None
        self.connections.ensure_sync_state(self.vendor.name)
        for connection_id, reason in sorted(report.broken_accounts.items()):
            self.connections.mark_broken(connection_id, reason, run_id=self.run_id)
        return report

    def _read_whole_lately(self, pairs: Collection[tuple[str, str]]) -> set[tuple[str, str]]:
        from brokerage.control.reconciliation import ReconciliationLog

        since = datetime.now(UTC) - FULL_EVERY
        known = ReconciliationLog(self.connections.engine).all({pair[0] for pair in pairs})
        return {
            (row.connection_id, row.entity)
            for row in known
            if row.read_whole_at is not None and row.read_whole_at > since
        }

    def _row(
        self,
        part: Counted,
        before: Sequence[Counted],
        read_whole: bool,
        ids_missing: int | None,
        ids_surplus: int | None,
    ) -> "Reconciliation":
        from brokerage.control.reconciliation import Reconciliation

        was = next((item.mismatch for item in before if item.part == part.part), 0)
        row = Reconciliation(
            connection_id=part.connection_id,
            vendor=self.vendor.name,
            entity=part.entity,
            lifecycle_group=part.part,
            tc_vendor=part.told,
            tc_ad=part.held,
            tc_mismatch=part.mismatch,
            rows_refused=part.refused,
            ids_missing=ids_missing,
            ids_surplus=ids_surplus,
            run_id=self.run_id,
            read_whole_at=datetime.now(UTC) if read_whole else None,
        )
        if part.told is None:
            return replace(row, verdict="unknown", explanation=part.error)
        if part.mismatch:
            return replace(row, verdict="differs", explanation=self._explain(part))
        if was > 0 and read_whole:
            explanation = (
                f"{was} rows were missing until everything was read: the readings before were "
                "green without them."
            )
            return replace(row, verdict="mended", explanation=explanation)
        return row

    def _explain(self, part: Counted) -> str:
        agent = part.connection_id.split(":")[0]
        return (
            f"{self.vendor.title} counts {part.told} rows, {part.held} are here; look for refused "
            f"rows, then run `brokerage sync --full --vendor {self.vendor.name} --agent {agent}`."
        )


def _differs(parts: Iterable[Counted]) -> bool:
    return any(part.mismatch for part in parts)


def counting_vendors() -> list[Vendor]:
    """The vendors that count at least one of their lists."""
    return [v for v in VENDORS.values() if counted_entities(v, vendor_settings(v))]


def build_reconciliation_asset() -> dg.AssetsDefinition:
    """The asset `control/reconciliations` with its check."""
    counted: list[tuple[Vendor, Entity]] = [
        (vendor, entity)
        for vendor in counting_vendors()
        for entity in counted_entities(vendor, vendor_settings(vendor))
    ]

    @dg.asset(
        key=KEY,
        description="What each vendor counts of each list against what is here, by account and "
        "lifecycle group; what differs was read again.",
        deps=[raw_key(vendor, entity.name) for vendor, entity in counted],
        group_name="control",
        kinds={"python", "postgres"},
        owners=[OWNER],
        metadata={"dagster/table_name": "control.reconciliations"},
        check_specs=[
            dg.AssetCheckSpec(
                NOTHING_IS_MISSING,
                asset=KEY,
                description="No list holds fewer or more rows than its vendor counts, and none had "
                "to be read whole to find what green readings had missed.",
            )
        ],
    )
    def reconciliations(
        context: dg.AssetExecutionContext,
        config: ReconcileConfig,
        connections: ConnectionsResource,
        warehouse: WarehouseResource,
        sources: VendorSettingsResource,
    ) -> dg.MaterializeResult:  # type: ignore[type-arg] # Dagster wants it bare
        from brokerage.control.reconciliation import ReconciliationLog

        log = ReconciliationLog(connections.engine)
        failures: list[str] = []
        counts = {"equal": 0, "mended": 0, "differs": 0, "unknown": 0}
        for vendor in counting_vendors():
            if config.vendors and vendor.name not in config.vendors:
                continue
            agents = connections.active_agents(vendor.name)
            chosen = agents.intersection(config.agents) if config.agents else agents
            accounts = connections.select(vendor.name, chosen).accounts
            if not accounts:
                continue
            reconciler = Reconciler(
                vendor, accounts, warehouse, connections, context.run_id, failures
            )
            rows = reconciler.run(sources.of(vendor), repair=config.repair)
            log.save(rows)
            for row in rows:
                counts[row.verdict] += 1
                if row.explanation:
                    context.log.info(f"{row.connection_id} · {row.entity}: {row.explanation}")
        if failures:
            raise dg.Failure("\n".join(failures), allow_retries=False)
        return dg.MaterializeResult(
            metadata={f"lists_{name}": number for name, number in counts.items()},
            check_results=[to_check(log.all(_active(connections.engine)))],
        )

    return reconciliations


def _active(engine: "Engine") -> list[str]:
    query = text("select connection_id from control.connections where status = 'active'")
    with engine.connect() as connection:
        return list(connection.execute(query).scalars())


def to_check(found: "Sequence[Reconciled]") -> dg.AssetCheckResult:
    """Fails if a list differs, or if only a reading of everything made it equal.

    An error if a list differs for longer than it takes to look again; else a warning, because a
    row may have come between the two counts.
    """
    wrong = [row for row in found if row.verdict in ("differs", "mended")]
    lasting = [
        row
        for row in wrong
        if row.mismatch_since is not None
        and row.checked_at is not None
        and row.checked_at - row.mismatch_since >= LASTING
    ]
    lines = [
        f"- {row.connection_id} · {row.entity} ({row.lifecycle_group}): {row.explanation}"
        for row in wrong
    ]
    more = [f"- and {len(lines) - _SHOWN} more"] if len(lines) > _SHOWN else []
    return dg.AssetCheckResult(
        asset_key=KEY,
        check_name=NOTHING_IS_MISSING,
        passed=not wrong,
        severity=dg.AssetCheckSeverity.ERROR if lasting else dg.AssetCheckSeverity.WARN,
        description="; ".join(line.removeprefix("- ") for line in lines[:3]) or None,
        metadata={
            "lists": dg.MetadataValue.int(len(found)),
            "unknown": dg.MetadataValue.int(sum(row.verdict == "unknown" for row in found)),
            **({"where": dg.MetadataValue.md("\n".join(lines[:_SHOWN] + more))} if wrong else {}),
        },
    )
