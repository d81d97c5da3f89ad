"""The sensors: new connections are onboarded, arrived data is built, failures are written down.

Each derives what to do from records (connections, marks, runs); a cursor only saves work.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import dagster as dg
from sqlalchemy import text

from assets.partitions import AGENTS, agents_partitions, range_tags, to_ranges
from assets.raw import LANE_TAG
from pipelines.registry import VENDORS
from resources.connections import ACTIVE, ConnectionsResource
from sensors.cadences import ONBOARDING_LANE
from sensors.jobs import BUILD_JOB, onboarding_job_name
from sensors.launch import failure_lines
from sensors.onboarding import close_onboarding, open_onboarding, run_agents
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


def plan_onboarding(
    vendor: str,
    keys: Sequence[str],
    connections: Iterable[ConnectionRecord],
    read_before: Collection[str],
) -> list[dg.RunRequest]:
    """The onboarding runs of one vendor.

    Args:
        vendor: a key of the registry.
        keys: all partitions, the new ones included, in Dagster's order.
        connections: the vendor's active connections.
        read_before: the connections that have been read at least once.
    """
    fresh = [c for c in connections if c.connection_id not in read_before]
    requests = []
    for partition_range in to_ranges(keys, {c.agent_key for c in fresh}):
        first, last = keys.index(partition_range.start), keys.index(partition_range.end)
        covered = set(keys[first : last + 1])
        # a connection that is made anew is onboarded anew; the same one is requested only once
        names = sorted(f"{c.connection_id}@{c.created_at}" for c in fresh if c.agent_key in covered)
        digest = hashlib.sha256("\n".join(names).encode()).hexdigest()[:24]
        requests.append(
            dg.RunRequest(
                run_key=f"{vendor}:{digest}",
                job_name=onboarding_job_name(vendor),
                tags=range_tags(partition_range),
            )
        )
    return requests


def connections_read_before(engine: Engine) -> set[str]:
    """The connections with at least one committed mark."""
    with engine.connect() as connection:
        return set(
            connection.execute(
                text("select distinct connection_id from control.sync_state")
            ).scalars()
        )


def build_agents_connected(jobs: Sequence[UnresolvedAssetJobDefinition]) -> dg.SensorDefinition:
    """The sensor that onboards connections that were never read and that no run is reading.

    Args:
        jobs: all jobs; those for onboarding are among them.
    """
    names = {onboarding_job_name(vendor) for vendor in VENDORS}

    @dg.sensor(
        name="agents__connected",
        description="Adds the partition of a newly connected agent and reads everything of it.",
        jobs=[job for job in jobs if job.name in names],
        minimum_interval_seconds=30,
        default_status=RUNNING,
    )
    def agents_connected(
        context: dg.SensorEvaluationContext, connections: ConnectionsResource
    ) -> dg.SensorResult | dg.SkipReason:
        end_orphans(context.instance)
        found = connections.repository.connections(status=ACTIVE)
        active = [connection for connection in found if connection.vendor in VENDORS]
        keys = list(context.instance.get_dynamic_partitions(AGENTS))
        missing = sorted({connection.agent_key for connection in active} - set(keys))
        read_before = connections_read_before(connections.engine)
        requests: list[dg.RunRequest] = []
        for vendor in VENDORS:
            if unfinished_run(context.instance, onboarding_job_name(vendor)) is None:
                mine = [connection for connection in active if connection.vendor == vendor]
                requests += plan_onboarding(vendor, [*keys, *missing], mine, read_before)
        if not missing and not requests:
            return dg.SkipReason("No connection is new.")
        return dg.SensorResult(
            run_requests=requests,
            dynamic_partitions_requests=(
                [agents_partitions.build_add_request(missing)] if missing else []
            ),
        )

    return agents_connected


@dg.sensor(
    name="warehouse__data_landed",
    description="Builds the warehouse when a sync has changed rows since the last build.",
    job_name=BUILD_JOB,
    minimum_interval_seconds=60,
    default_status=RUNNING,
)
def warehouse_data_landed(
    context: dg.SensorEvaluationContext, connections: ConnectionsResource
) -> dg.RunRequest | dg.SkipReason:
    """Request one build for everything that has landed."""
    landed = last_change(connections.engine)
    if landed is None:
        return dg.SkipReason("No row has been loaded yet.")
    if unfinished_run(context.instance, BUILD_JOB) is not None:
        return dg.SkipReason("A build is running; what landed meanwhile is built after it.")
    built = last_build(context.instance)
    if built is not None and built >= landed.timestamp():
        return dg.SkipReason(f"The warehouse was built after the last change ({landed:%H:%M} UTC).")
    # the key keeps a build that fails from being tried again and again on the same data
    return dg.RunRequest(run_key=landed.isoformat())


def last_change(engine: Engine) -> datetime | None:
    """When the last sync that changed rows was finished (UTC); None if not in the last month.

    What a webhook brought counts ten minutes later: its run refreshes what is quick at once, and a
    build of everything after each webhook would leave room for nothing else.
    """
    query = text(
        "select max(finished_at) from control.sync_mark "
        "where rows_written + rows_deleted > 0 and finished_at > now() - interval '31 days' "
        "and (mode is distinct from 'webhook' or finished_at < now() - interval '10 minutes')"
    )
    with engine.connect() as connection:
        found: datetime | None = connection.scalar(query)
    return found


def last_build(instance: DagsterInstance) -> float | None:
    """When the last successful build began, in seconds since the epoch."""
    records = instance.get_run_records(
        dg.RunsFilter(job_name=BUILD_JOB, statuses=[dg.DagsterRunStatus.SUCCESS]), limit=1
    )
    return records[0].start_time if records else None


def _is_onboarding(run: dg.DagsterRun) -> bool:
    # a run of the command line has no code location, and keeps its own log
    return run.tags.get(LANE_TAG) == ONBOARDING_LANE and run.remote_job_origin is not None


@dg.run_status_sensor(
    name="agents__onboarding_ended",
    description="Writes down how an onboarding went: a step per table of every agent.",
    run_status=dg.DagsterRunStatus.SUCCESS,
    default_status=RUNNING,
    minimum_interval_seconds=30,
)
def onboarding_ended(context: dg.RunStatusSensorContext) -> None:
    """Log an onboarding run that succeeded."""
    if _is_onboarding(context.dagster_run):
        write_onboarding(context.instance, context.dagster_run)


@dg.run_failure_sensor(
    name="runs__failed",
    description="Writes the causes of a failed run to the error log, and ends its onboarding.",
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
    if _is_onboarding(run):
        write_onboarding(context.instance, run)


def logged_messages(log: ControlLog, run: dg.DagsterRun) -> list[str]:
    """What the error log has of a run already."""
    recent = log.errors_since(datetime.now(UTC) - timedelta(days=1))
    return [str(row["message"]) for row in recent if row["run_id"] == run.run_id]


def write_onboarding(instance: DagsterInstance, run: dg.DagsterRun) -> None:
    """Add the attempts that a run was, with how each ended."""
    jobs = open_onboarding(run_agents(instance, run), run_id=run.run_id)
    close_onboarding(instance, jobs, [run.run_id])


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
        warehouse_data_landed,
        webhooks_arrived,
        onboarding_ended,
        runs_failed,
    ]
