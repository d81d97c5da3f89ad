"""When webhooks are worked off and their subscriptions looked at. Nothing here unsubscribes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dagster as dg

from assets.webhooks import INBOX_KEY, SUBSCRIPTIONS_KEY
from brokerage.control.webhooks import WebhookEndpoints, WebhookInbox
from brokerage.settings import get_settings
from resources.connections import ConnectionsResource
from sensors.runs import unfinished_run

if TYPE_CHECKING:
    from dagster._core.definitions.unresolved_asset_job_definition import (
        UnresolvedAssetJobDefinition,
    )

REFETCH_JOB = "webhooks__refetch"
CHECK_JOB = "webhooks__check"
CHECK_CRON = "47 * * * *"


def build_webhook_jobs() -> list[UnresolvedAssetJobDefinition]:
    """The job that works off the inbox, and the one that asks which subscriptions are alive."""
    return [
        dg.define_asset_job(
            REFETCH_JOB,
            selection=dg.AssetSelection.assets(INBOX_KEY),
            description="Read again what webhooks name, and refresh what stands on it.",
            tags={"dagster/max_runtime": "3600", "dagster/priority": "10"},
        ),
        dg.define_asset_job(
            CHECK_JOB,
            selection=dg.AssetSelection.assets(SUBSCRIPTIONS_KEY),
            description="Ask every vendor which webhook subscriptions are alive.",
            tags={"dagster/max_runtime": "1800"},
        ),
    ]


@dg.sensor(
    name="webhooks__arrived",
    description="Works off the webhook inbox when something is due in it.",
    job_name=REFETCH_JOB,
    minimum_interval_seconds=2,
    default_status=dg.DefaultSensorStatus.RUNNING,
)
def webhooks_arrived(
    context: dg.SensorEvaluationContext, connections: ConnectionsResource
) -> dg.RunRequest | dg.SkipReason:
    """Start a run, unless one is at it."""
    if not WebhookInbox(connections.engine).vendors_due():
        return dg.SkipReason("No webhook waits.")
    running = unfinished_run(context.instance, REFETCH_JOB)
    if running is not None:
        return dg.SkipReason(f"Run {running.run_id[:8]} takes what has come.")
    return dg.RunRequest()


@dg.schedule(
    name=CHECK_JOB,
    job_name=CHECK_JOB,
    cron_schedule=CHECK_CRON,
    execution_timezone=get_settings().reporting_timezone,
    description="Asks every vendor which webhook subscriptions are alive.",
    default_status=dg.DefaultScheduleStatus.RUNNING,
)
def webhooks_check(
    context: dg.ScheduleEvaluationContext, connections: ConnectionsResource
) -> dg.RunRequest | dg.SkipReason:
    """Look at the subscriptions, if any were registered."""
    if not WebhookEndpoints(connections.engine, connections.vault).connections():
        return dg.SkipReason("No webhooks are registered: `brokerage webhooks register`.")
    return dg.RunRequest()
