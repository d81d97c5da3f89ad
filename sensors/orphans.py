"""Runs of the command line whose process is gone.

The daemon watches the runs that it started. A run inside `brokerage sync` that is killed would stay
"started" for ever, and keep the schedules and the onboarding of its job waiting. Such a run names
its process, so that whoever comes next on the same machine can end it.
"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import dagster as dg
import psutil

from sensors.runs import UNFINISHED

if TYPE_CHECKING:
    from dagster import DagsterInstance

PROCESS_TAG = "brokerage/process"
_MOST = 100


def this_process() -> str:
    """The machine, id and start of this process: an id alone would be given away again."""
    process = psutil.Process()
    return f"{socket.gethostname()}:{process.pid}:{process.create_time():.0f}"


def end_orphans(instance: DagsterInstance) -> list[str]:
    """Mark the unfinished runs of dead processes of this machine as failed; returns their ids."""
    ended = []
    for run in instance.get_runs(dg.RunsFilter(statuses=list(UNFINISHED)), limit=_MOST):
        name = run.tags.get(PROCESS_TAG)
        if name is not None and is_gone(name):
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
        return f"{psutil.Process(int(pid)).create_time():.0f}" != started
    except psutil.Error:
        return True
