"""The record of an onboarding as a backfill, so that Dagster's backfill page shows it.

The runs of an onboarding are executed by whoever asked for it (the sensor, or the command line in
its own process), all partitions of a vendor at once; a record that is still to be worked on would
be the daemon's to execute. So it is written when the runs have ended, with what each partition came
to.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dagster import AssetKey, DagsterRun, RunsFilter
from dagster._core.definitions.assets.graph.asset_graph_subset import AssetGraphSubset
from dagster._core.definitions.events import AssetKeyPartitionKey
from dagster._core.definitions.partitions.context import partition_loading_context
from dagster._core.definitions.timestamp import TimestampWithTimezone
from dagster._core.execution.asset_backfill import AssetBackfillData
from dagster._core.execution.backfill import BulkActionStatus, PartitionBackfill
from dagster._core.storage.tags import BACKFILL_ID_TAG
from dagster._core.utils import make_new_backfill_id

from assets.raw import LANE_TAG
from resources.processes import PROCESS_TAG
from sensors.cadences import ONBOARDING_LANE
from sensors.onboarding import run_agents

if TYPE_CHECKING:
    from dagster import DagsterInstance
    from dagster._core.definitions.assets.graph.base_asset_graph import BaseAssetGraph

Partitions = set[tuple[AssetKey, str]]
_RECENT = 200


@dataclass
class Backfill:
    """What is to be filled, as (asset, partition) pairs; `tags` go on each of its runs."""

    id: str = field(default_factory=make_new_backfill_id)
    begun: float = field(default_factory=time.time)
    wanted: Partitions = field(default_factory=set)

    @property
    def tags(self) -> dict[str, str]:
        return {BACKFILL_ID_TAG: self.id}

    def want(self, assets: Collection[AssetKey], partitions: Collection[str]) -> None:
        """Add the partitions of some assets to what is to be filled."""
        self.wanted |= {(asset, partition) for asset in assets for partition in partitions}

    def record(
        self,
        graph: BaseAssetGraph[Any],
        instance: DagsterInstance,
        run_ids: Collection[str],
        *,
        title: str,
        succeeded: bool,
    ) -> None:
        """Write the record: what its runs have materialised is done, the rest has failed."""
        done = self.wanted & _materialised(instance, run_ids)
        with partition_loading_context(dynamic_partitions_store=instance):

            def subset(pairs: Partitions) -> AssetGraphSubset:
                keys = {AssetKeyPartitionKey(asset, partition) for asset, partition in pairs}
                return AssetGraphSubset.from_asset_partition_set(keys, graph)

            data = AssetBackfillData(
                target_subset=subset(self.wanted),
                requested_runs_for_target_roots=True,
                latest_storage_id=None,
                materialized_subset=subset(done),
                requested_subset=subset(self.wanted),
                failed_and_downstream_subset=subset(self.wanted - done),
                backfill_start_time=TimestampWithTimezone(self.begun, "UTC"),
            )
            instance.add_backfill(
                PartitionBackfill(
                    backfill_id=self.id,
                    status=BulkActionStatus.COMPLETED_SUCCESS
                    if succeeded
                    else BulkActionStatus.COMPLETED_FAILED,
                    from_failure=False,
                    tags={},
                    backfill_timestamp=self.begun,
                    asset_selection=sorted({asset for asset, _ in self.wanted}),
                    title=title,
                    asset_backfill_data=data,
                    backfill_end_timestamp=time.time(),
                )
            )


def record_ended(graph: BaseAssetGraph[Any], instance: DagsterInstance) -> list[str]:
    """Write the records of the onboardings that the sensor asked for, once all their runs are over.

    Returns the ids of the backfills that were written.
    """
    by_batch: dict[str, list[DagsterRun]] = defaultdict(list)
    for run in instance.get_runs(RunsFilter(tags={LANE_TAG: ONBOARDING_LANE}), limit=_RECENT):
        batch = run.tags.get(BACKFILL_ID_TAG)
        if batch is not None and PROCESS_TAG not in run.tags:
            by_batch[batch].append(run)
    written = []
    for batch, runs in by_batch.items():
        if not all(run.is_finished for run in runs) or instance.get_backfill(batch) is not None:
            continue
        agents: dict[str, None] = {}
        backfill = Backfill(id=batch, begun=_begun(instance, runs))
        for run in runs:
            covered = run_agents(instance, run)
            agents |= dict.fromkeys(covered)
            backfill.want(run.asset_selection or (), covered)
        backfill.record(
            graph,
            instance,
            [run.run_id for run in runs],
            title=f"Onboarding of {named(list(agents))}",
            succeeded=all(run.is_success for run in runs),
        )
        written.append(batch)
    return written


def _begun(instance: DagsterInstance, runs: Collection[DagsterRun]) -> float:
    records = instance.get_run_records(RunsFilter(run_ids=[run.run_id for run in runs]))
    return min(record.create_timestamp.timestamp() for record in records)


def named(agents: Sequence[str], most: int = 3) -> str:
    """A few agents by name, and how many more."""
    more = f" and {len(agents) - most} more" if len(agents) > most else ""
    return ", ".join(agents[:most]) + more


def _materialised(instance: DagsterInstance, run_ids: Collection[str]) -> Partitions:
    from dagster import DagsterEventType

    found: Partitions = set()
    for run_id in run_ids:
        logs = instance.all_logs(run_id, of_type=DagsterEventType.ASSET_MATERIALIZATION)
        for entry in logs:
            event = entry.asset_materialization
            if event is not None and event.partition is not None:
                found.add((event.asset_key, event.partition))
    return found
