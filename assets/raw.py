"""The raw tables: every vendor of the registry becomes one step with an asset per entity.

A run reads all accounts of its partitions at once and records each account's tables on its own
partition. If an account fails, the others are recorded all the same and the run then fails with the
causes. Dagster keeps a partition that failed red until it is recorded again, also while later runs
leave its account out: one red square per broken account, not one per run.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

import dagster as dg

from assets.outcome import (
    RECORDED,
    failure_description,
    failure_sentences,
    materialisation_metadata,
    reconnect_hint,
)
from assets.partitions import agents_partitions
from assets.raw_checks import check_specs, evaluate_checks
from assets.twins import earlier_twin
from pipelines.common.entity import Entity, Vendor
from resources.connections import NEEDS_REAUTH, ConnectionsResource
from resources.progress import Step, current_listener
from resources.vendor_settings import VendorSettingsResource, vendor_settings
from resources.warehouse import LOADER, WarehouseResource

if TYPE_CHECKING:
    from brokerage.control.repository import ConnectionRecord
    from pipelines.common.reading import Progress, SyncReport

OWNER = "team:data-platform"
LANE_TAG = "brokerage/lane"
FULL_TAG = "brokerage/full"
DEFAULT_LANE = "manual"
QUICK_LANES = frozenset({"fast", "hourly", "six_hourly"})
"""Lanes that leave the first reading of an account to its onboarding: it may take hours."""


def group_name(vendor: Vendor) -> str:
    """The asset group of a vendor: `Follow Up Boss` is `follow_up_boss`."""
    return vendor.title.lower().replace(" ", "_")


def raw_key(vendor: Vendor, entity: str) -> dg.AssetKey:
    """The asset key of a raw table: its schema and its name."""
    return dg.AssetKey([vendor.schema, entity])


def step_name(vendor: Vendor) -> str:
    """The name of the vendor's step in a run."""
    return f"{vendor.name}__sync"


def raw_spec(
    vendor: Vendor, entity: Entity, freshness: dg.FreshnessPolicy | None = None
) -> dg.AssetSpec:
    """The asset of one raw table; `freshness` says how long it may go unread."""
    return dg.AssetSpec(
        key=raw_key(vendor, entity.name),
        description=f"**{entity.title}** ({vendor.title}). {entity.description}",
        deps=[raw_key(vendor, name) for name in entity.depends_on],
        group_name=group_name(vendor),
        kinds={"dlt", "postgres", vendor.name},
        owners=[OWNER],
        tags={"vendor": vendor.name, "strategy": entity.strategy},
        partitions_def=agents_partitions,
        metadata={
            "dagster/table_name": f"{vendor.schema}.{entity.name}",
            "dagster/column_schema": _column_schema(entity),
            "natural_key": ", ".join(entity.key),
            "contract": entity.contract,
            "evidence": entity.evidence,
            **({"docs": dg.MetadataValue.path(vendor.docs)} if vendor.docs else {}),
            **{name: dg.MetadataValue.url(url) for name, url in vendor.links.items()},
        },
        freshness_policy=freshness,
        # a run records what it got by itself; an output it does not give is not an error
        skippable=True,
    )


def _column_schema(entity: Entity) -> dg.TableSchema:
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                column.name,
                column.data_type,
                description=column.description or None,
                constraints=dg.TableColumnConstraints(nullable=column.nullable),
            )
            for column in entity.columns()
        ]
    )


def raw_entities(vendor: Vendor) -> list[Entity]:
    """The entities of a vendor that the platform's settings do not switch off."""
    settings = vendor_settings(vendor)
    return [entity for entity in vendor.entities if entity.enabled(settings)]


def build_raw_assets(
    vendor: Vendor, freshness: Mapping[str, dg.FreshnessPolicy] | None = None
) -> dg.AssetsDefinition:
    """The assets of one vendor: one step that reads any choice of entities for any agents.

    `freshness` has a policy by entity; one that it leaves out has none.
    """
    entities = raw_entities(vendor)
    policies = freshness or {}

    @dg.multi_asset(
        name=step_name(vendor),
        specs=[raw_spec(vendor, entity, policies.get(entity.name)) for entity in entities],
        check_specs=check_specs(vendor, entities),
        can_subset=True,
        # no pool: its slots outlive a process that is killed and then block every later run. The
        # sync takes the lane and its accounts by database locks, which vanish with the process.
        backfill_policy=dg.BackfillPolicy.single_run(),
    )
    def sync_vendor(
        context: dg.AssetExecutionContext,
        connections: ConnectionsResource,
        warehouse: WarehouseResource,
        sources: VendorSettingsResource,
    ) -> Iterator[dg.AssetCheckResult]:
        sentences: list[str] = []
        if context.selected_asset_keys:
            sentences = _sync(context, vendor, connections, warehouse, sources)
        yield from evaluate_checks(vendor, warehouse.engine(), context.selected_asset_check_keys)
        if sentences:
            raise dg.Failure(failure_description(sentences), allow_retries=False)

    return sync_vendor


def _sync(
    context: dg.AssetExecutionContext,
    vendor: Vendor,
    connections: ConnectionsResource,
    warehouse: WarehouseResource,
    sources: VendorSettingsResource,
) -> list[str]:
    """Sync the run's partitions, record what succeeded and return what did not."""
    # dlt and pyarrow take a second to import: only a run that moves rows pays for it
    from pipelines.common.run import LoadFailed, SyncRefused, sync

    twin = earlier_twin(context.instance, context.run)
    if twin is not None:
        context.log.warning(
            f"Run {twin[:8]} was made for the same tick before this one, which therefore reads "
            "nothing: two daemons run the schedules, so stop one of them."
        )
        return []
    entities = {key.path[-1] for key in context.selected_asset_keys}
    selection = connections.select(vendor.name, context.partition_keys)
    for connection in selection.skipped:
        _tell_skipped(context, vendor, connection)
    lane = context.run.tags.get(LANE_TAG, DEFAULT_LANE)
    accounts = selection.accounts
    if lane in QUICK_LANES:
        known = connections.read_before(vendor.name)
        for account in accounts:
            if account.connection_id not in known:
                context.log.info(f"{account.agent_key} · {vendor.title} waits for its onboarding.")
        accounts = tuple(a for a in accounts if a.connection_id in known)
    if not accounts:
        context.log.info(f"No {vendor.title} account of the chosen agents is to be read.")
        return []

    agents = {account.connection_id: account.agent_key for account in accounts}
    warehouse.create_raw_tables(vendor)
    full = context.run.tags.get(FULL_TAG) == "true"
    try:
        report = sync(
            vendor,
            accounts,
            warehouse_url=warehouse.url(LOADER),
            settings=sources.of(vendor),
            entities=entities,
            lane=lane,
            full=full,
            # the weekly schedule reads everything too, but nobody looks at what did not come back
            vouched=full and lane == DEFAULT_LANE,
            run_id=context.run_id,
            pipelines_dir=connections.pipelines_dir(),
            progress=_progress(vendor, agents),
        )
    except (SyncRefused, LoadFailed) as stopped:
        return [f"{vendor.title}: {stopped}"]
    connections.ensure_sync_state(vendor.name)
    for connection_id in report.busy_accounts:
        context.log.info(
            f"{agents[connection_id]} · {vendor.title} is being read by another run and left out."
        )
    _record(context, vendor, report)
    for connection_id, reason in sorted(report.broken_accounts.items()):
        connections.mark_broken(connection_id, reason, run_id=context.run_id)
    return failure_sentences(vendor, report, agents)


def _tell_skipped(
    context: dg.AssetExecutionContext, vendor: Vendor, connection: "ConnectionRecord"
) -> None:
    subject = f"{connection.agent_key} · {vendor.title}"
    why = f"left out: {connection.status.replace('_', ' ')}"
    if connection.status_reason:
        why += f" ({connection.status_reason})"
    if connection.status == NEEDS_REAUTH:
        why += f"; {reconnect_hint(connection.agent_key, vendor)}"
    context.log.info(f"{subject} is {why}")
    listener = current_listener()
    if listener is not None:
        listener(Step(stage="sync", subject=subject, message=why, failed=True))


def _record(context: dg.AssetExecutionContext, vendor: Vendor, report: "SyncReport") -> None:
    for result in report.results:
        if result.status in RECORDED:
            context.log_event(
                dg.AssetMaterialization(
                    asset_key=raw_key(vendor, result.entity),
                    partition=result.agent_key,
                    metadata=materialisation_metadata(vendor, result),
                )
            )


def _progress(vendor: Vendor, agents: dict[str, str]) -> "Callable[[Progress], None] | None":
    listener = current_listener()
    if listener is None:
        return None

    def report(progress: "Progress") -> None:
        listener(
            Step(
                stage="sync",
                subject=f"{agents[progress.connection_id]} · {vendor.title} · {progress.entity}",
                message=progress.status.replace("_", " "),
                rows=progress.rows_read,
                done=progress.done,
                total=progress.total,
                failed=progress.status == "failed",
            )
        )

    return report
