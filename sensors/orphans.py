"""Runs whose process is gone.

Neither a run inside `brokerage sync` that is killed nor a local run of the daemon whose process
dies is seen by the daemon's monitoring: it would stay "started" for hours, and keep the schedules
and the onboarding of its job waiting. Each run names its process, so that whoever comes next on the
same machine can end it.
"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import dagster as dg
import psutil

from resources.processes import OWNER_TAG, PROCESS_TAG
from sensors.runs import UNFINISHED

if TYPE_CHECKING:
    from dagster import DagsterInstance

_MOST = 100


def end_orphans(instance: DagsterInstance) -> list[str]:
    """Mark the unfinished runs of dead processes of this machine as failed; returns their ids."""
    ended = []
    for run in instance.get_runs(dg.RunsFilter(statuses=list(UNFINISHED)), limit=_MOST):
        name = run.tags.get(PROCESS_TAG)
        # a retry has the tags of the run that it repeats until it has begun itself
        is_its_own = run.tags.get(OWNER_TAG, run.run_id) == run.run_id
        if name is not None and is_its_own and is_gone(name):
            instance.report_run_failed(
                run, "The process of this run has ended without finishing it: start it again."
            )
            ended.append(run.run_id)
    return ended


def is_gone(name: str) -> bool:
    """True if the named process ran on this machine and does so no more."""
    host, pid, started = name.rsplit(":", 2)
    if host != socket.gethostname():
        return False
    try:
        process = psutil.Process(int(pid))
        return f"{process.create_time():.0f}" != started or process.status() == psutil.STATUS_ZOMBIE
    except psutil.Error:
        return True
