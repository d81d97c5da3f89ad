"""The sensor that tells people what is wrong: look, write it into the book, tell the channels."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import dagster as dg

from brokerage.alerts.book import AlertBook
from brokerage.alerts.delivery import Channel, Outcome, Telling
from brokerage.settings import Settings, get_settings
from resources.connections import ConnectionsResource
from resources.notifier import NotifierResource
from sensors.alert_sources import (
    look,
    new_errors,
    new_notices,
    note_silent_runs,
    successes_since,
)

if TYPE_CHECKING:
    from dagster import DagsterInstance, RepositoryDefinition


def watch(
    instance: DagsterInstance,
    repository: RepositoryDefinition,
    connections: ConnectionsResource,
    settings: Settings,
    now: datetime,
) -> None:
    """Bring the book of alerts up to date with what is wrong now."""
    graph = repository.asset_graph
    note_silent_runs(instance, connections)
    errors = new_errors(connections.log.unnotified_errors())
    findings = look(
        instance,
        connections,
        checks=sorted(graph.asset_check_keys),
        with_policy=[node.key for node in graph.asset_nodes if node.freshness_policy is not None],
        now=now,
        stale_after=timedelta(hours=settings.alert_stale_hours),
        warn_before=timedelta(days=settings.grant_warning_days),
    )
    book = AlertBook(connections.engine, repeat_after=timedelta(hours=settings.alert_repeat_hours))
    book.update(
        findings,
        now=now,
        errors=errors,
        succeeded=successes_since(instance, book.open_alerts()),
        notices=new_notices(connections.engine),
    )


def tell(
    connections: ConnectionsResource,
    channels: Sequence[Channel],
    settings: Settings,
    now: datetime,
) -> list[Outcome]:
    """Tell each channel what it does not know yet; one that is down stops no other."""
    telling = Telling(connections.engine, settings)
    return [telling.tell(channel, now) for channel in channels]


@dg.sensor(
    name="alerts__raised",
    description="Tells Slack, and mail addresses if there are any, what is wrong and what is over: "
    "one message for everything that is new, grouped by cause.",
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
)
def alerts_raised(
    context: dg.SensorEvaluationContext,
    connections: ConnectionsResource,
    notifier: NotifierResource,
) -> dg.SkipReason:
    """Look at everything, then tell. What could not be told is told by a later tick."""
    repository = context.repository_def
    if repository is None:
        raise dg.DagsterInvariantViolationError("The alerts need the loaded definitions.")
    settings, now = get_settings(), datetime.now(UTC)
    watch(context.instance, repository, connections, settings, now)
    outcomes = tell(connections, notifier.channels(), settings, now)
    for outcome in outcomes:
        if outcome.error is not None:
            context.log.warning(f"{outcome.channel}: {outcome.error}")
    return dg.SkipReason(" ".join(_said(outcome) for outcome in outcomes))


def _said(outcome: Outcome) -> str:
    if outcome.error is not None:
        return f"{outcome.channel}: not told, {outcome.error}"
    if outcome.waits is not None:
        return f"{outcome.channel}: waits, as {outcome.waits}."
    return f"{outcome.channel}: {outcome.told or 'nothing'} told."
