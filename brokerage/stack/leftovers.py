"""Runs that died with the processes that carried them: a power cut, a kill, `brokerage down`.

Dagster's own monitoring cannot ask a local run whether it lives. Left alone, such a run stays
"started" for ever and keeps the slot of its pool, so that the next run of the vendor never begins.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from sqlalchemy import text

from brokerage.stack.dagster_home import dagster_environment

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

    from brokerage.settings import Settings

_UNFINISHED = ("NOT_STARTED", "STARTING", "STARTED", "CANCELING")


def end_dead_runs(engine: Engine, settings: Settings) -> list[str]:
    """End the runs that a former daemon launched; to be called only while no daemon runs.

    Returns:
        The ids of the runs that were ended.
    """
    if not _has_unfinished(engine):
        # importing Dagster takes seconds, and nearly always there is nothing to do
        return []
    os.environ.update(dagster_environment(settings))
    import dagster as dg
    from dagster._core.storage.tags import GRPC_INFO_TAG

    statuses = [dg.DagsterRunStatus(name) for name in _UNFINISHED]
    ended = []
    with dg.DagsterInstance.get() as instance:
        for run in instance.get_runs(dg.RunsFilter(statuses=statuses)):
            # runs inside a command of its own do not have the tag, and may well be alive
            if GRPC_INFO_TAG not in run.tags:
                continue
            instance.report_run_failed(
                run, "Dagster was stopped or killed while this run was under way: start it again."
            )
            instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)
            ended.append(run.run_id)
    return ended


def _has_unfinished(engine: Engine) -> bool:
    with engine.connect() as connection:
        if connection.execute(text("select to_regclass('dagster.runs')")).scalar_one() is None:
            return False
        found = connection.execute(
            text("select exists (select from dagster.runs where status = any(:unfinished))"),
            {"unfinished": list(_UNFINISHED)},
        )
        return bool(found.scalar_one())
