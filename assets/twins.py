"""Two schedulers that run by mistake: a tick of theirs asks for the same run twice.

Dagster looks for an existing run before it makes one, but two daemons look at the same moment. The
later of two runs for one tick therefore ends without reading anything, and says so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import dagster as dg
from dagster._core.storage.tags import (
    RUN_KEY_TAG,
    SCHEDULE_NAME_TAG,
    SCHEDULED_EXECUTION_TIME_TAG,
    SENSOR_NAME_TAG,
)

from assets.partitions import RANGE_END_TAG, RANGE_START_TAG

if TYPE_CHECKING:
    from dagster import DagsterInstance

_FAILED = (dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)
_TICK = ((SCHEDULE_NAME_TAG, SCHEDULED_EXECUTION_TIME_TAG), (SENSOR_NAME_TAG, RUN_KEY_TAG))


def earlier_twin(instance: DagsterInstance, run: dg.DagsterRun) -> str | None:
    """The id of a run that was made for the same tick before this one and did not fail."""
    tick = next((names for names in _TICK if all(name in run.tags for name in names)), None)
    if tick is None:
        return None
    same = (*tick, RANGE_START_TAG, RANGE_END_TAG)
    wanted = {name: run.tags[name] for name in same if name in run.tags}
    records = instance.get_run_records(
        dg.RunsFilter(job_name=run.job_name, tags=wanted), order_by="id", ascending=True
    )
    for record in records:
        if record.dagster_run.run_id == run.run_id:
            return None
        if record.dagster_run.status not in _FAILED:
            return record.dagster_run.run_id
    return None
