"""Which process carries a run, written on the run itself.

The launcher starts a local run as a process of its own and cannot ask later whether it lives. A run
that names its process can be ended by whoever finds the process gone (`sensors.orphans`).
"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    import dagster as dg

PROCESS_TAG = "brokerage/process"
OWNER_TAG = "brokerage/process_of"
"""The run whose process it is: a retry takes the tags of the run that it repeats."""


def this_process() -> str:
    """The machine, id and start of this process: an id alone would be given away again."""
    process = psutil.Process()
    return f"{socket.gethostname()}:{process.pid}:{process.create_time():.0f}"


def note_process(context: dg.InitResourceContext) -> None:
    """Let the run say which process carries it; outside of a run nothing happens."""
    run, instance = context.dagster_run, context.instance
    if run is None or instance is None:
        return
    if run.tags.get(PROCESS_TAG) == this_process() and OWNER_TAG not in run.tags:
        return
    instance.add_run_tags(run.run_id, {PROCESS_TAG: this_process(), OWNER_TAG: run.run_id})
