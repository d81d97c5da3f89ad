"""When digests are sent: at their hour, and every half hour until everybody has theirs.

Three hours later the day's digest is given up for the day; what was begun and not sent is sent with
the next one.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

import dagster as dg

from assets.digests import digest_key
from brokerage.control.digests import DeliveryLedger, DigestKind
from brokerage.digests.days import digest_day
from brokerage.digests.sending import unsettled
from brokerage.settings import Settings, get_settings
from resources.connections import ConnectionsResource

if TYPE_CHECKING:
    from dagster._core.definitions.unresolved_asset_job_definition import (
        UnresolvedAssetJobDefinition,
    )
    from sqlalchemy.engine import Engine

KINDS: tuple[DigestKind, ...] = ("daily", "weekly")
MAX_RUNTIME_SECONDS = 3600
_HOURS = 3
_LATEST: dict[DigestKind, timedelta] = {"daily": timedelta(days=3), "weekly": timedelta(days=14)}


def digest_job_name(kind: DigestKind) -> str:
    """The job, and the schedule, of a digest."""
    return f"digests__{kind}"


def digest_cron(kind: DigestKind, hour: int) -> str:
    """At the hour, then every half hour for three hours; the weekly one on Mondays."""
    return f"0,30 {hour}-{hour + _HOURS} * * {'1' if kind == 'weekly' else '*'}"


def days_to_send(engine: Engine, kind: DigestKind, day: date) -> list[date]:
    """The digests that somebody waits for: that of the day, and earlier ones that were begun and
    not sent, the oldest first."""
    begun = DeliveryLedger(engine).unsent_days(kind, day - _LATEST[kind], day)
    wanted = {*begun, day} if unsettled(engine, kind, day) else {*begun}
    return sorted(wanted)


def plan_digest(
    kind: DigestKind, days: Sequence[date], scheduled_for: datetime
) -> dg.RunRequest | dg.SkipReason:
    """One run for all days that somebody waits for; each tick asks for its run once."""
    if not days:
        return dg.SkipReason(f"Everybody has the {kind} digest, or nobody wants it.")
    names = [day.isoformat() for day in days]
    return dg.RunRequest(
        run_key=f"{kind}:{names[-1]}:{scheduled_for.isoformat()}",
        run_config=dg.RunConfig(
            ops={digest_key(kind).to_python_identifier(): {"config": {"days": names}}}
        ),
        tags={"brokerage/digest": f"{kind} {names[-1]}"},
    )


def moment_of(settings: Settings, scheduled_for: datetime) -> datetime:
    """What "now" means for a tick: in a sandbox home its clock."""
    return settings.as_of or scheduled_for


def build_digest_jobs() -> list[UnresolvedAssetJobDefinition]:
    """One job per digest."""
    return [
        dg.define_asset_job(
            digest_job_name(kind),
            selection=dg.AssetSelection.assets(digest_key(kind)),
            description=f"Send the {kind} network news to everybody who does not have them yet.",
            tags={"dagster/max_runtime": str(MAX_RUNTIME_SECONDS)},
        )
        for kind in KINDS
    ]


def build_digest_schedule(kind: DigestKind) -> dg.ScheduleDefinition:
    """The schedule of one digest, on by default."""
    settings = get_settings()

    @dg.schedule(
        name=digest_job_name(kind),
        job_name=digest_job_name(kind),
        cron_schedule=digest_cron(kind, settings.digest_hour),
        execution_timezone=settings.digest_zone,
        description=f"Sends the {kind} network news; again until everybody has theirs.",
        default_status=dg.DefaultScheduleStatus.RUNNING,
    )
    def tick(
        context: dg.ScheduleEvaluationContext, connections: ConnectionsResource
    ) -> dg.RunRequest | dg.SkipReason:
        due = context.scheduled_execution_time
        current = get_settings()
        day = digest_day(kind, moment_of(current, due), current.reporting_timezone)
        return plan_digest(kind, days_to_send(connections.engine, kind, day), due)

    return tick


def build_digest_schedules() -> list[dg.ScheduleDefinition]:
    """Both schedules."""
    return [build_digest_schedule(kind) for kind in KINDS]
