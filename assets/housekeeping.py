"""Housekeeping: what is old and needed no more is deleted, once a day."""

import shutil
from collections.abc import Collection, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg

from assets.outcome import materialised
from assets.raw import OWNER
from brokerage.control.retention import purge_inbox, purge_logs, purge_marks
from brokerage.settings import get_settings
from resources.connections import ConnectionsResource

HOUSEKEEPING = dg.AssetKey(["operations", "housekeeping"])

_GOOD = (dg.DagsterRunStatus.SUCCESS,)
_BAD = (dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)
_MOST_RUNS = 3000
_PAGE = 200
_LOG_BYTES = 20 * 1024 * 1024
_OUTBOX_DAYS = 30


@dg.asset(
    key=HOUSEKEEPING,
    description="Deletes what is old and needed no more: runs of Dagster with their events and "
    "output, webhooks that were dealt with, logs, marks of syncs and dlt's loads, sent files.",
    group_name="operations",
    kinds={"python", "postgres"},
    owners=[OWNER],
)
def housekeeping(
    context: dg.AssetExecutionContext, connections: ConnectionsResource
) -> dg.MaterializeResult[None]:
    """One pass over everything; how long things are kept is in docs/settings.md."""
    settings, now, engine = get_settings(), datetime.now(UTC), connections.engine

    def ago(days: int) -> datetime:
        return now - timedelta(days=days)

    runs = purge_runs(
        context.instance,
        good_before=ago(settings.keep_runs_days),
        bad_before=ago(settings.keep_failed_runs_days),
    )
    inbox = purge_inbox(engine, ago(settings.keep_inbox_days))
    logs = purge_logs(engine, ago(settings.keep_logs_days))
    marks, loads = purge_marks(engine, ago(settings.keep_marks_days))
    files = purge_files(settings.outbox, ago(_OUTBOX_DAYS))
    rotated = rotate_logs(settings.home / "logs")
    return materialised(
        metadata={
            "runs": runs,
            "webhooks": inbox,
            **logs,
            "sync_marks": marks,
            "dlt_loads": loads,
            "outbox_files": files,
            "rotated_logs": rotated,
        }
    )


def purge_runs(
    instance: dg.DagsterInstance,
    *,
    good_before: datetime,
    bad_before: datetime,
    most: int = _MOST_RUNS,
) -> int:
    """Delete old runs with their events and output, the oldest first; returns how many.

    A run stays while the latest materialisation of an asset or of one of its partitions is its
    own: with it, Dagster would take the partition for missing. Ages are those of the creation.
    """
    latest = _Latest(instance)
    deleted = 0
    for statuses, before in ((_GOOD, good_before), (_BAD, bad_before)):
        for run_id in _old_runs(instance, statuses, before):
            if deleted >= most:
                # the rest waits for tomorrow: a first pass over years must not take a day
                return deleted
            if latest.is_made_by(run_id):
                continue
            instance.delete_run(run_id)
            instance.compute_log_manager.delete_logs(prefix=[run_id])
            deleted += 1
    return deleted


def _old_runs(
    instance: dg.DagsterInstance, statuses: Collection[dg.DagsterRunStatus], before: datetime
) -> Iterator[str]:
    """The ids of old runs, the oldest first. The runs given may be deleted meanwhile."""
    chosen = dg.RunsFilter(statuses=list(statuses), created_before=before)
    records = instance.get_run_records(chosen, limit=10 * _MOST_RUNS, ascending=True)
    yield from [record.dagster_run.run_id for record in records]


class _Latest:
    """Which runs made the latest materialisation of something; asked per asset, once."""

    def __init__(self, instance: dg.DagsterInstance) -> None:
        self._instance = instance
        self._of_asset: dict[dg.AssetKey, frozenset[str]] = {}

    def is_made_by(self, run_id: str) -> bool:
        """True if a run made the latest of any asset or partition."""
        cursor = None
        while True:
            page = self._instance.get_records_for_run(
                run_id,
                of_type=dg.DagsterEventType.ASSET_MATERIALIZATION,
                cursor=cursor,
                limit=_PAGE,
            )
            for record in page.records:
                made = record.event_log_entry.asset_materialization
                if made is not None and run_id in self._latest(made.asset_key):
                    return True
            if not page.has_more:
                return False
            cursor = page.cursor

    def _latest(self, key: dg.AssetKey) -> frozenset[str]:
        if key not in self._of_asset:
            by_partition = self._instance.event_log_storage.get_latest_storage_id_by_partition(
                key, dg.DagsterEventType.ASSET_MATERIALIZATION
            )
            ids = set(by_partition.values())
            for record in self._instance.get_asset_records([key]):
                last = record.asset_entry.last_materialization_storage_id
                if last is not None:
                    ids.add(last)
            self._of_asset[key] = frozenset(self._runs_of(key, sorted(ids)))
        return self._of_asset[key]

    def _runs_of(self, key: dg.AssetKey, storage_ids: list[int]) -> Iterator[str]:
        for start in range(0, len(storage_ids), _PAGE):
            chosen = storage_ids[start : start + _PAGE]
            found = self._instance.fetch_materializations(
                dg.AssetRecordsFilter(asset_key=key, storage_ids=chosen), limit=_PAGE
            )
            yield from (record.run_id for record in found.records)


def purge_files(folder: Path, before: datetime) -> int:
    """Delete the files below a folder that were last written before an instant."""
    old = [
        path
        for path in folder.rglob("*")
        if path.is_file() and path.stat().st_mtime < before.timestamp()
    ]
    for path in old:
        path.unlink(missing_ok=True)
    return len(old)


def rotate_logs(folder: Path, most_bytes: int = _LOG_BYTES) -> int:
    """Start the logs of the services anew that have grown large; one earlier copy is kept.

    The services go on writing into the same file, so that it is emptied, not moved.
    """
    large = [path for path in folder.glob("*.log") if path.stat().st_size > most_bytes]
    for path in large:
        shutil.copyfile(path, path.with_suffix(".log.1"))
        with path.open("r+b") as file:
            file.truncate(0)
    return len(large)
