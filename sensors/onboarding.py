"""The log of an onboarding, derived from what its runs have recorded."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

import dagster as dg

from assets.partitions import AGENTS, RANGE_END_TAG, RANGE_START_TAG
from assets.raw import raw_entities, raw_key
from pipelines.registry import VENDORS

if TYPE_CHECKING:
    from dagster import DagsterInstance
    from sqlalchemy.engine import Engine

    from brokerage.control.onboarding import JobStatus


def open_onboarding(agents: Iterable[str], *, run_id: str | None = None) -> dict[str, int]:
    """Add an attempt per agent, running; returns the attempts' ids by agent."""
    from brokerage.control.onboarding import OnboardingLog

    with _owner() as engine:
        log = OnboardingLog(engine)
        jobs = {agent: log.open(agent, run_id=run_id).job_id for agent in agents}
        for job_id in jobs.values():
            log.set_status(job_id, "Running", run_id=run_id)
    return jobs


def close_onboarding(
    instance: DagsterInstance, jobs: Mapping[str, int], run_ids: Iterable[str]
) -> None:
    """End the attempts: a step per raw table that the runs were to fill, and the sum of them.

    Args:
        instance: where the runs are recorded.
        jobs: the attempt's id by agent.
        run_ids: the runs that did the work.
    """
    from brokerage.control.onboarding import OnboardingLog
    from brokerage.control.repository import ControlRepository

    runs = list(run_ids)
    written = recorded_rows(instance, runs)
    with _owner() as engine:
        log, repository = OnboardingLog(engine), ControlRepository(engine)
        for agent, job_id in jobs.items():
            vendors = {c.vendor: c for c in repository.connections(agent_key=agent)}
            expected = [
                (name, raw_key(VENDORS[name], entity.name))
                for name in vendors
                if name in VENDORS
                for entity in raw_entities(VENDORS[name])
            ]
            missing = 0
            for vendor, key in expected:
                rows = written.get((agent, key))
                error = None
                if rows is None:
                    missing += 1
                    error = vendors[vendor].status_reason or "not read; see the run in Dagster"
                log.set_step(
                    job_id,
                    "/".join(key.path),
                    "Failed" if rows is None else "Complete",
                    rows_written=rows,
                    error=error,
                )
            log.set_status(
                job_id,
                onboarding_status(len(expected), missing),
                error=f"{missing} of {len(expected)} tables are missing" if missing else None,
                run_id=runs[0] if runs else None,
            )


def onboarding_status(expected: int, missing: int) -> JobStatus:
    """How an attempt ended that was to fill so many tables and left some out."""
    if not missing:
        return "Complete"
    return "Partial" if missing < expected else "Failed"


def recorded_rows(
    instance: DagsterInstance, run_ids: Iterable[str]
) -> dict[tuple[str, dg.AssetKey], int]:
    """The rows written by agent and raw table, for every partition that the runs recorded."""
    rows: dict[tuple[str, dg.AssetKey], int] = defaultdict(int)
    for run_id in run_ids:
        records = instance.get_records_for_run(
            run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION
        ).records
        for record in records:
            made = record.event_log_entry.asset_materialization
            if made is None or made.partition is None:
                continue
            value = made.metadata.get("rows_written")
            number = value.value if isinstance(value, dg.IntMetadataValue) else 0
            rows[(made.partition, made.asset_key)] += number or 0
    return dict(rows)


def run_agents(instance: DagsterInstance, run: dg.DagsterRun) -> list[str]:
    """The agents whose partitions a run covers."""
    start, end = run.tags.get(RANGE_START_TAG), run.tags.get(RANGE_END_TAG)
    if start is None or end is None:
        single = run.tags.get("dagster/partition")
        return [single] if single else []
    keys = list(instance.get_dynamic_partitions(AGENTS))
    if start not in keys or end not in keys:
        return []
    return keys[keys.index(start) : keys.index(end) + 1]


@contextmanager
def _owner() -> Iterator[Engine]:
    from brokerage.database.engine import make_engine

    engine = make_engine()
    try:
        yield engine
    finally:
        engine.dispose()
