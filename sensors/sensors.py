"""The sensors: new connections are onboarded, arrived data is built, failures are written down.

Each derives what to do from records (connections, marks, runs); a cursor only saves work.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import dagster as dg
from dagster._core.storage.tags import BACKFILL_ID_TAG
from sqlalchemy import text

from assets.partitions import AGENTS, agents_partitions, range_tags, to_ranges
from pipelines.registry import VENDORS
from resources.connections import ACTIVE, ConnectionsResource
from sensors.backfills import record_ended
from sensors.cadences import CADENCES
from sensors.jobs import BUILD_JOB, REASON_TAG, TICK_JOB, chosen_entities, onboarding_job_name
from sensors.launch import failure_lines
from sensors.onboarding import find_due, mirror, run_agents
from sensors.orphans import end_orphans
from sensors.runs import unfinished_run
from sensors.webhooks import webhooks_arrived

if TYPE_CHECKING:
    from dagster import DagsterInstance
    from dagster._core.definitions.unresolved_asset_job_definition import (
        UnresolvedAssetJobDefinition,
    )
    from sqlalchemy.engine import Engine

    from brokerage.control.log import ControlLog
    from brokerage.control.repository import ConnectionRecord

RUNNING = dg.DefaultSensorStatus.RUNNING
TICK_VENDORS = frozenset({"rezen", "fub"})
"""The vendors that dbt's selector `tick` follows; a change at any other asks for the full build."""


def plan_onboarding(
    vendor: str, keys: Sequence[str], due: Sequence[tuple[ConnectionRecord, int]]
) -> list[dg.RunRequest]:
    """The onboarding runs of one vendor.

    Args:
        vendor: a key of the registry.
        keys: all partitions, the new ones included, in Dagster's order.
        due: the vendor's accounts to read, each with the attempt that went before.
    """
    batch = _digest(f"{c.agent_key}@{attempt}" for c, attempt in due)[:8]
    requests = []
    for partition_range in to_ranges(keys, {c.agent_key for c, _ in due}):
        first, last = keys.index(partition_range.start), keys.index(partition_range.end)
        covered = set(keys[first : last + 1])
        # the same attempt at the same connection is requested only once
        key = _digest(
            f"{c.connection_id}@{c.created_at}#{attempt}"
            for c, attempt in due
            if c.agent_key in covered
        )
        again = sum(1 for c, attempt in due if c.agent_key in covered and attempt)
        requests.append(
            dg.RunRequest(
                run_key=f"{vendor}:{key[:24]}",
                job_name=onboarding_job_name(vendor),
                tags={
                    **range_tags(partition_range),
                    BACKFILL_ID_TAG: batch,
                    REASON_TAG: f"{len(covered)} new accounts" + (f", {again} again" * bool(again)),
                },
            )
        )
    return requests


def _digest(names: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(sorted(names)).encode()).hexdigest()


def build_agents_connected(jobs: Sequence[UnresolvedAssetJobDefinition]) -> dg.SensorDefinition:
    """The sensor that onboards accounts that were never read, and tries again what failed.

    Args:
        jobs: all jobs; those for onboarding are among them.
    """
    names = {onboarding_job_name(vendor) for vendor in VENDORS}

    @dg.sensor(
        name="agents__connected",
        description="Adds the partition of a newly connected agent and reads everything of it; "
        "tries again what an onboarding left out.",
        jobs=[job for job in jobs if job.name in names],
        minimum_interval_seconds=30,
        default_status=RUNNING,
    )
    def agents_connected(
        context: dg.SensorEvaluationContext, connections: ConnectionsResource
    ) -> dg.SensorResult | dg.SkipReason:
        end_orphans(context.instance)
        active = connections.repository.connections(status=ACTIVE)
        keys = list(context.instance.get_dynamic_partitions(AGENTS))
        wanted = {connection.agent_key for connection in active if connection.vendor in VENDORS}
        missing = sorted(wanted - set(keys))
        due = find_due(connections.engine, datetime.now(UTC))
        requests: list[dg.RunRequest] = []
        waiting = []
        for vendor in VENDORS:
            mine = [found for found in due if found[0].vendor == vendor]
            if mine and unfinished_run(context.instance, onboarding_job_name(vendor)) is not None:
                waiting.append(f"{len(mine)} of {VENDORS[vendor].title}")
            elif mine:
                requests += plan_onboarding(vendor, [*keys, *missing], mine)
        if not missing and not requests:
            return dg.SkipReason(
                f"Accounts wait for the onboarding that runs: {', '.join(waiting)}."
                if waiting
                else "No connection is new, and none is due to be tried again."
            )
        return dg.SensorResult(
            run_requests=requests,
            dynamic_partitions_requests=(
                [agents_partitions.build_add_request(missing)] if missing else []
            ),
        )

    return agents_connected


@dg.sensor(
    name="agents__onboarding_progress",
    description="Writes down how onboardings stand, from runs and committed readings: jobs, steps, "
    "and what people are told.",
    minimum_interval_seconds=30,
    default_status=RUNNING,
)
def onboarding_progress(
    context: dg.SensorEvaluationContext, connections: ConnectionsResource
) -> dg.SkipReason:
    """Mirror the onboardings; it starts no runs."""
    ended = mirror(context.instance, connections.engine)
    repository = context.repository_def
    if repository is not None:
        record_ended(repository.asset_graph, context.instance)
    if ended:
        return dg.SkipReason(
            "Ended: " + ", ".join(f"{job.agent_key} {job.status.lower()}" for job in ended)
        )
    return dg.SkipReason("No onboarding has ended since the last time.")


def build_data_landed(jobs: Sequence[UnresolvedAssetJobDefinition]) -> dg.SensorDefinition:
    """The sensor that builds the warehouse after its inputs.

    What only the fast lanes have changed is followed by the quick build; everything else by the
    full one, with tests.
    """

    @dg.sensor(
        name="warehouse__data_landed",
        description="Builds the warehouse when a sync has changed rows since the last build: what "
        "the fast lanes change at once, everything else with tests.",
        jobs=[job for job in jobs if job.name in (BUILD_JOB, TICK_JOB)],
        minimum_interval_seconds=30,
        default_status=RUNNING,
    )
    def warehouse_data_landed(
        context: dg.SensorEvaluationContext, connections: ConnectionsResource
    ) -> dg.RunRequest | dg.SkipReason:
        return plan_build(
            last_change(connections.engine),
            last_change(connections.engine, without=fast_tables()),
            {job: last_build(context.instance, job) for job in (BUILD_JOB, TICK_JOB)},
            [job for job in (BUILD_JOB, TICK_JOB) if unfinished_run(context.instance, job)],
        )

    return warehouse_data_landed


def plan_build(
    landed: datetime | None,
    landed_slowly: datetime | None,
    built: Mapping[str, float | None],
    running: Sequence[str],
) -> dg.RunRequest | dg.SkipReason:
    """Which build what has landed asks for.

    Args:
        landed: when rows last changed.
        landed_slowly: when rows last changed that the quick build does not follow.
        built: when the last successful build of each job began, in seconds since the epoch.
        running: the builds that have not ended.
    """
    if landed is None:
        return dg.SkipReason("No row has been loaded yet.")
    if running:
        return dg.SkipReason(f"{running[0]} is running; what landed meanwhile is built after it.")
    full = built[BUILD_JOB]
    if full is None or (landed_slowly is not None and full < landed_slowly.timestamp()):
        at = landed_slowly or landed
        # the key keeps a build that fails from being tried again and again on the same data
        return dg.RunRequest(
            run_key=f"full:{at.isoformat()}",
            job_name=BUILD_JOB,
            tags={REASON_TAG: f"rows landed at {at:%H:%M} UTC"},
        )
    if max(full, built[TICK_JOB] or 0.0) >= landed.timestamp():
        return dg.SkipReason(f"The warehouse was built after the last change ({landed:%H:%M} UTC).")
    return dg.RunRequest(
        run_key=f"tick:{landed.isoformat()}",
        job_name=TICK_JOB,
        tags={REASON_TAG: f"rows of the fast lanes landed at {landed:%H:%M} UTC"},
    )


def fast_tables() -> list[str]:
    """The raw tables of the vendors whose fast lane the quick build follows, `fub.people`."""
    return [
        f"{cadence.vendor}.{entity}"
        for cadence in CADENCES
        if cadence.lane == "fast" and cadence.vendor in TICK_VENDORS
        for entity in chosen_entities(cadence)
    ]


def last_change(engine: Engine, *, without: Collection[str] = ()) -> datetime | None:
    """When the last sync that changed rows was finished (UTC); None if not in the last month.

    What a webhook brought counts ten minutes later: its run refreshes what is quick at once, and a
    build of everything after each webhook would leave room for nothing else. `without` names tables
    (`fub.people`) whose changes do not count.
    """
    query = text(
        "select max(finished_at) from control.sync_mark "
        "where rows_written + rows_deleted > 0 and finished_at > now() - interval '31 days' "
        "and (mode is distinct from 'webhook' or finished_at < now() - interval '10 minutes')"
        "and not (vendor || '.' || entity = any(:without))"
    )
    with engine.connect() as connection:
        found: datetime | None = connection.scalar(query, {"without": list(without)})
    return found


def last_build(instance: DagsterInstance, job: str = BUILD_JOB) -> float | None:
    """When the last successful build began, in seconds since the epoch."""
    records = instance.get_run_records(
        dg.RunsFilter(job_name=job, statuses=[dg.DagsterRunStatus.SUCCESS]), limit=1
    )
    return records[0].start_time if records else None


@dg.run_failure_sensor(
    name="runs__failed",
    description="Writes the causes of a failed run to the error log, and keeps its partitions red.",
    default_status=RUNNING,
    minimum_interval_seconds=30,
)
def runs_failed(context: dg.RunFailureSensorContext, connections: ConnectionsResource) -> None:
    """Log each cause once, and keep the failed partitions red."""
    run = context.dagster_run
    logged = logged_messages(connections.log, run)
    for line in failure_lines(context.get_step_failure_events()):
        # the run itself has logged the accounts that it found refused
        if any(message.removesuffix(".") in line for message in logged):
            continue
        connections.log.error("dagster", line, run_id=run.run_id, data={"job": run.job_name})
    keep_failed(context.instance, run)


def logged_messages(log: ControlLog, run: dg.DagsterRun) -> list[str]:
    """What the error log has of a run already."""
    recent = log.errors_since(datetime.now(UTC) - timedelta(days=1))
    return [str(row["message"]) for row in recent if row["run_id"] == run.run_id]


def keep_failed(instance: DagsterInstance, run: dg.DagsterRun) -> None:
    """Let Dagster note which partitions the run has left failed.

    It notes that when somebody looks at the asset. If nobody does before the next run, which leaves
    the broken account out, the partition would turn green again with the old rows.
    """
    agents = run_agents(instance, run)
    if not agents:
        return
    for key in run.asset_selection or ():
        instance.get_status_by_partition(key, agents, agents_partitions)


def build_sensors(jobs: Sequence[UnresolvedAssetJobDefinition]) -> list[dg.SensorDefinition]:
    """All sensors, on by default."""
    return [
        build_agents_connected(jobs),
        onboarding_progress,
        build_data_landed(jobs),
        webhooks_arrived,
        runs_failed,
    ]
