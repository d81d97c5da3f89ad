"""Runs of Dagster's jobs inside this process: one process for a whole backfill.

Everything of Dagster is imported here and late: it takes seconds, which no other command pays.
"""

from __future__ import annotations

import importlib
import logging
import warnings
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from sqlalchemy import text

from brokerage.cli.session import Session
from brokerage.errors import BrokerageError, PartialError
from brokerage.stack.dagster_home import enter_dagster_home

if TYPE_CHECKING:
    from dagster import DagsterInstance, Definitions

    from resources.progress import Listener
    from sensors.launch import RunOutcome

_SHOWN_FAILURES = 8


@dataclass(frozen=True)
class RunReport:
    """What some runs came to: `recorded` materialisations, one sentence per failure."""

    what: str
    run_ids: tuple[str, ...]
    succeeded: bool
    recorded: int
    failures: tuple[str, ...]

    def raise_if_failed(self) -> None:
        """End the command if a run failed.

        Raises:
            PartialError: when something was recorded all the same.
            BrokerageError: when nothing was.
        """
        if self.succeeded:
            return
        told = " · ".join(self.failures[:_SHOWN_FAILURES])
        more = len(self.failures) - _SHOWN_FAILURES
        told += f" · and {more} more" if more > 0 else ""
        if self.recorded:
            raise PartialError(f"{self.what} is done in part: {told}")
        raise BrokerageError(f"{self.what} failed: {told}")


def onboard(session: Session, agents: Sequence[str], listener: Listener) -> RunReport:
    """Add the agents' partitions and backfill them over the same assets as the schedules."""
    from sensors.launch import onboard_agents

    with _dagster(session) as (definitions, instance):
        outcomes = onboard_agents(definitions, instance, agents, listener=listener)
    return _report("The onboarding", session, outcomes)


def sync(
    session: Session,
    listener: Listener,
    *,
    vendors: Collection[str] | None = None,
    agents: Collection[str] | None = None,
    full: bool = False,
) -> RunReport:
    """Read what has changed; None means all vendors, or all agents with an active connection."""
    from sensors.launch import sync_agents

    active = {c.agent_key for c in session.repository.connections(status="active")}
    chosen = sorted(active if agents is None else active.intersection(agents))
    with _dagster(session) as (definitions, instance):
        outcomes = sync_agents(
            definitions, instance, chosen, vendors=vendors, full=full, listener=listener
        )
    return _report("The sync", session, outcomes)


def build(session: Session, listener: Listener, *, rebuild: bool = False) -> RunReport:
    """Build and test every model; `rebuild` makes anew what is otherwise kept key by key."""
    from sensors.launch import build_warehouse

    with _dagster(session) as (definitions, instance):
        outcome = build_warehouse(definitions, instance, rebuild=rebuild, listener=listener)
    return _report("The warehouse build", session, [outcome])


def is_built(session: Session) -> bool:
    """Whether the warehouse holds what a build would make: that of today, of every row there is.

    Then the last full build succeeded, after the last change of a row, with the models as they are
    now, and has written down the figures of the day.
    """
    from assets.manifest import find_manifest
    from sensors.sensors import last_build, last_change

    with _dagster(session) as (_, instance):
        built = last_build(instance)
    changed = last_change(session.engine)
    if built is None or changed is None:
        return False
    today = (session.settings.as_of or datetime.now(UTC)).astimezone(
        ZoneInfo(session.settings.reporting_timezone)
    )
    with session.engine.connect() as connection:
        measured = connection.scalar(
            text("select max(snapshot_date) from metrics.metrics_snapshot")
        )
    return (
        built > max(changed.timestamp(), find_manifest().stat().st_mtime)
        and measured == today.date()
    )


def reconcile(
    session: Session,
    listener: Listener,
    *,
    agents: Collection[str] = (),
    vendors: Collection[str] = (),
    repair: bool = True,
) -> RunReport:
    """Count at the vendors and here; `repair` reads again what differs. Empty means all."""
    from sensors.launch import reconcile as run

    with _dagster(session) as (definitions, instance):
        outcome = run(
            definitions,
            instance,
            agents=agents,
            vendors=vendors,
            repair=repair,
            listener=listener,
        )
    return _report("The reconciliation", session, [outcome])


def forget_partition(session: Session, agent: str) -> None:
    """Take the agent's partition away, so that it is not shown as missing."""
    from assets.partitions import AGENTS

    with _dagster(session) as (_, instance):
        if agent in instance.get_dynamic_partitions(AGENTS):
            instance.delete_dynamic_partition(AGENTS, agent)


@contextmanager
def _dagster(session: Session) -> Iterator[tuple[Definitions, DagsterInstance]]:
    enter_dagster_home(session.settings)
    _be_quiet()
    from sensors.launch import open_instance

    definitions: Definitions = importlib.import_module("definitions").defs
    with open_instance() as instance:
        yield definitions, instance


def _be_quiet() -> None:
    """What Dagster and its libraries log goes to the run; the terminal shows the progress."""
    from dagster import BetaWarning, PreviewWarning

    for category in (BetaWarning, PreviewWarning):
        warnings.simplefilter("ignore", category)
    for name in ("dagster", "dlt", "httpx", "alembic"):
        logging.getLogger(name).setLevel(logging.ERROR)


def _report(what: str, session: Session, outcomes: Sequence[RunOutcome]) -> RunReport:
    from brokerage.control.sync_state import refresh_views

    # a raw schema has committed marks from its first load on
    refresh_views(session.engine)
    return RunReport(
        what=what,
        run_ids=tuple(outcome.run_id for outcome in outcomes),
        succeeded=all(outcome.succeeded for outcome in outcomes),
        recorded=sum(outcome.recorded for outcome in outcomes),
        failures=tuple(line for outcome in outcomes for line in outcome.failures),
    )
