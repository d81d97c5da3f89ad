"""Questions about runs that several parts ask."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dagster as dg

if TYPE_CHECKING:
    from dagster import DagsterInstance

UNFINISHED = (
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
)


def unfinished_run(instance: DagsterInstance, job: str) -> dg.DagsterRun | None:
    """A run of the job that has not ended."""
    runs = instance.get_runs(dg.RunsFilter(job_name=job, statuses=list(UNFINISHED)), limit=1)
    return runs[0] if runs else None
