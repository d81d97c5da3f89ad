"""The record of an onboarding as a backfill, so that Dagster's backfill page shows it.

The runs of an onboarding are executed by whoever asked for it, in seconds and with the progress on
the terminal; a record that is still to be worked on would be the daemon's to execute. So it is
written when the runs have ended, with what each partition came to.
"""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dagster import AssetKey
from dagster._core.definitions.assets.graph.asset_graph_subset import AssetGraphSubset
from dagster._core.definitions.events import AssetKeyPartitionKey
from dagster._core.definitions.partitions.context import partition_loading_context
from dagster._core.definitions.timestamp import TimestampWithTimezone
from dagster._core.execution.asset_backfill import AssetBackfillData
from dagster._core.execution.backfill import BulkActionStatus, PartitionBackfill
from dagster._core.storage.tags import BACKFILL_ID_TAG
from dagster._core.utils import make_new_backfill_id

if TYPE_CHECKING:
    from dagster import DagsterInstance, Definitions

Partitions = set[tuple[AssetKey, str]]


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
        defs: Definitions,
        instance: DagsterInstance,
        run_ids: Collection[str],
        *,
        title: str,
        succeeded: bool,
    ) -> None:
        """Write the record: what its runs have materialised is done, the rest has failed."""
        done = self.wanted & _materialised(instance, run_ids)
        graph = defs.resolve_asset_graph()
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
