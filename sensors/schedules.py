"""The schedules: each cadence reads all connected agents in a single run, never twice at once."""

from __future__ import annotations

from collections.abc import Sequence

import dagster as dg

from assets.partitions import AGENTS, range_tags, to_ranges
from brokerage.settings import get_settings
from pipelines.registry import VENDORS
from resources.connections import ConnectionsResource
from sensors.cadences import CADENCES, Cadence
from sensors.jobs import BUILD_JOB, REASON_TAG, RECONCILE_JOB
from sensors.runs import unfinished_run
from sensors.webhooks import webhooks_check

MOST_RUNS = 3
"""Runs that one tick may start. Agents whose account is not to be read lie between the others; they
are stepped over as long as that takes few runs, and covered idly if it takes more."""


def plan_tick(
    cadence: Cadence, keys: Sequence[str], active: set[str], running: str | None
) -> list[dg.RunRequest] | dg.SkipReason:
    """What one tick of a schedule does.

    Args:
        cadence: the schedule's row.
        keys: all partitions, in Dagster's order.
        active: the agents whose account of this vendor may be read.
        running: the id of a run of this cadence that has not ended.
    """
    title = VENDORS[cadence.vendor].title
    if running is not None:
        return dg.SkipReason(
            f"{cadence.name} still runs (run {running[:8]}); what changed meanwhile is read by the "
            "next tick."
        )
    idle = set(keys) - active
    ranges = to_ranges(keys, active, idle=idle, most=MOST_RUNS)
    if not ranges:
        return dg.SkipReason(
            f"No agent has an active {title} connection: connect one with "
            f"`brokerage connect AGENT {cadence.vendor}`."
        )
    reason = {REASON_TAG: f"{cadence.lane.replace('_', '-')} lane of {title}"}
    return [dg.RunRequest(tags={**range_tags(one), **reason}) for one in ranges]


def build_schedule(cadence: Cadence) -> dg.ScheduleDefinition:
    """The schedule of one cadence, on by default."""

    @dg.schedule(
        name=cadence.name,
        job_name=cadence.name,
        cron_schedule=cadence.cron,
        execution_timezone=get_settings().reporting_timezone,
        description=cadence.description,
        default_status=dg.DefaultScheduleStatus.RUNNING,
    )
    def tick(
        context: dg.ScheduleEvaluationContext, connections: ConnectionsResource
    ) -> list[dg.RunRequest] | dg.SkipReason:
        running = unfinished_run(context.instance, cadence.name)
        return plan_tick(
            cadence,
            context.instance.get_dynamic_partitions(AGENTS),
            connections.active_agents(cadence.vendor),
            running.run_id if running else None,
        )

    return tick


def build_hourly_schedule(
    name: str, job: str, minute: int, description: str, reason: str
) -> dg.ScheduleDefinition:
    """A job that runs every hour, never twice at once."""

    @dg.schedule(
        name=name,
        job_name=job,
        cron_schedule=f"{minute} * * * *",
        execution_timezone=get_settings().reporting_timezone,
        description=description,
        default_status=dg.DefaultScheduleStatus.RUNNING,
    )
    def tick(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        running = unfinished_run(context.instance, job)
        if running is not None:
            return dg.SkipReason(f"{job} still runs (run {running.run_id[:8]}).")
        return dg.RunRequest(tags={REASON_TAG: reason})

    return tick


def build_schedules() -> list[dg.ScheduleDefinition]:
    """All schedules."""
    return [
        *(build_schedule(cadence) for cadence in CADENCES),
        build_hourly_schedule(
            "warehouse__hourly",
            BUILD_JOB,
            45,
            "Builds and tests every model, so that figures of the day and the metrics snapshot "
            "follow the clock also when nothing lands.",
            "hourly build with tests and the metrics snapshot",
        ),
        build_hourly_schedule(
            RECONCILE_JOB,
            RECONCILE_JOB,
            25,
            "Counts every list at its vendor and here, and reads again what differs.",
            "hourly counts of vendors and warehouse",
        ),
        webhooks_check,
    ]
