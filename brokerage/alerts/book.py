"""The book of alerts: `control.alerts` has one open row per cause, `control.alert_events` what is
to be told of it.

What is written here is told later by each channel for itself (`delivery`), so that a channel that
is down delays only itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import insert, select, text, update
from sqlalchemy.engine import Connection, Engine

from brokerage.alerts.findings import Finding, Notice, group
from brokerage.control.tables import alert_events, alerts, error_log

EventKind = Literal["opened", "spread", "reminded", "recovered", "noticed"]

_LOCK = text("select pg_advisory_xact_lock(hashtextextended('alerts', 0))")
_KEPT_DETAILS = 50


@dataclass(frozen=True)
class Alert:
    """One row of `control.alerts`."""

    alert_id: int
    cause: str
    kind: str
    severity: str
    title: str
    why: str
    todo: str
    agents: list[str]
    details: list[str]
    job: str | None
    run_id: str | None
    occurrences: int
    status: str
    opened_at: datetime
    last_seen_at: datetime
    absent_since: datetime | None
    ended_at: datetime | None

    @property
    def is_state(self) -> bool:
        """True if looking tells whether it is still so; errors are events that happened."""
        return self.kind != "error"


class AlertBook:
    """The alerts of one database."""

    def __init__(self, engine: Engine, *, repeat_after: timedelta) -> None:
        """Open the book; open errors are told again after `repeat_after`."""
        self._engine = engine
        self._repeat_after = repeat_after

    def open_alerts(self) -> list[Alert]:
        """Everything that is open, the worst and oldest first."""
        query = (
            select(alerts)
            .where(alerts.c.status == "open")
            .order_by(alerts.c.severity, alerts.c.opened_at, alerts.c.alert_id)
        )
        with self._engine.connect() as connection:
            return [Alert(**row._asdict()) for row in connection.execute(query)]

    def update(
        self,
        findings: Sequence[Finding],
        *,
        now: datetime,
        errors: Mapping[int, Finding | None] | None = None,
        succeeded: Mapping[int, datetime] | None = None,
        notices: Sequence[Notice] = (),
    ) -> None:
        """Bring the book up to date, all or nothing.

        Args:
            findings: everything that is wrong now.
            now: the moment of looking.
            errors: new rows of the error log as findings, None for those that another finding
                tells of; from now on the alerts stand for them.
            succeeded: of open alerts about jobs, when the job succeeded after the failure.
            notices: rows of `control.notifications` that nobody was told of yet.
        """
        with self._engine.begin() as connection:
            # two daemons that look at once would both open an alert for what both have found
            connection.execute(_LOCK)
            fresh = self._still_new(connection, errors or {})
            seen = [*findings, *(found for found in fresh.values() if found is not None)]
            known = {
                row.cause: Alert(**row._asdict())
                for row in connection.execute(select(alerts).where(alerts.c.status == "open"))
            }
            grouped = group(seen)
            for finding in grouped:
                alert = known.get(finding.cause)
                if alert is None:
                    self._open(connection, finding, now)
                else:
                    self._see_again(connection, alert, finding, now)
            present = {finding.cause for finding in grouped}
            for alert in known.values():
                if alert.cause not in present:
                    self._miss(connection, alert, now, succeeded or {})
            self._notice(connection, notices, now)
            if fresh:
                connection.execute(
                    update(error_log)
                    .where(error_log.c.error_id.in_(list(fresh)))
                    .values(notified_at=now)
                )

    def _still_new(
        self, connection: Connection, errors: Mapping[int, Finding | None]
    ) -> dict[int, Finding | None]:
        """The errors that no other process has taken since they were read."""
        if not errors:
            return {}
        query = (
            select(error_log.c.error_id)
            .where(error_log.c.error_id.in_(list(errors)), error_log.c.notified_at.is_(None))
            .with_for_update()
        )
        return {number: errors[number] for number in connection.execute(query).scalars()}

    def _notice(self, connection: Connection, notices: Sequence[Notice], now: datetime) -> None:
        """Take in what people are told once; it is over as soon as it is there."""
        taken = text(
            "update control.notifications set notified_at = :now "
            "where notification_id = :id and notified_at is null"
        )
        for notice in notices:
            if not connection.execute(taken, {"now": now, "id": notice.notice_id}).rowcount:
                continue
            query = (
                insert(alerts)
                .values(
                    cause=f"notice:{notice.notice_id}",
                    kind="notice",
                    severity=notice.severity,
                    title=notice.subject,
                    why=notice.message,
                    todo="",
                    agents=[notice.agent_key] if notice.agent_key else [],
                    run_id=notice.run_id,
                    status="quiet",
                    opened_at=now,
                    last_seen_at=now,
                    ended_at=now,
                )
                .returning(alerts.c.alert_id)
            )
            alert_id = int(connection.execute(query).scalar_one())
            _event(connection, alert_id, "noticed", now, ())

    def _open(self, connection: Connection, finding: Finding, now: datetime) -> None:
        query = (
            insert(alerts)
            .values(
                cause=finding.cause,
                kind=finding.kind,
                job=finding.needs_success_of,
                opened_at=now,
                **_told(finding, now),
                occurrences=finding.occurrences,
            )
            .returning(alerts.c.alert_id)
        )
        alert_id = int(connection.execute(query).scalar_one())
        _event(connection, alert_id, "opened", now, finding.agents)

    def _see_again(
        self, connection: Connection, alert: Alert, finding: Finding, now: datetime
    ) -> None:
        new_agents = sorted(set(finding.agents) - set(alert.agents))
        values = _told(finding, now)
        if not alert.is_state:
            # what a later error does not name is still broken until the job succeeds
            values["agents"] = sorted({*alert.agents, *finding.agents})
            values["details"] = list(dict.fromkeys((*alert.details, *finding.details)))
            values["details"] = values["details"][-_KEPT_DETAILS:]
            values["occurrences"] = alert.occurrences + finding.occurrences
        connection.execute(
            update(alerts).where(alerts.c.alert_id == alert.alert_id).values(**values)
        )
        worse = finding.severity == "error" and alert.severity == "warning"
        if new_agents or worse:
            _event(connection, alert.alert_id, "spread", now, new_agents)
        else:
            self._remind(connection, alert, finding.severity, now)

    def _remind(self, connection: Connection, alert: Alert, severity: str, now: datetime) -> None:
        last = connection.scalar(
            select(alert_events.c.occurred_at)
            .where(alert_events.c.alert_id == alert.alert_id)
            .order_by(alert_events.c.event_id.desc())
            .limit(1)
        )
        if severity == "error" and last is not None and now - last >= self._repeat_after:
            _event(connection, alert.alert_id, "reminded", now, ())

    def _miss(
        self,
        connection: Connection,
        alert: Alert,
        now: datetime,
        succeeded: Mapping[int, datetime],
    ) -> None:
        """What is not found any more is over once it has been so for long enough."""
        if alert.is_state:
            absent_since = alert.absent_since or now
        elif alert.job is not None:
            since = succeeded.get(alert.alert_id)
            if since is None:
                self._remind(connection, alert, alert.severity, now)
                return
            absent_since = since
        else:
            absent_since = alert.last_seen_at
        values: dict[str, Any] = {"absent_since": absent_since}
        if now - absent_since >= _settle(alert):
            # of an error without a job nobody knows whether it is mended: it is only quiet
            values["status"] = "recovered" if alert.is_state or alert.job else "quiet"
            values["ended_at"] = now
            if values["status"] == "recovered":
                _event(connection, alert.alert_id, "recovered", now, alert.agents)
        connection.execute(
            update(alerts).where(alerts.c.alert_id == alert.alert_id).values(**values)
        )


def _settle(alert: Alert) -> timedelta:
    if alert.kind in ("account", "grant"):
        return timedelta()
    if alert.kind == "error":
        # a job of every quarter of an hour that fails every other time has not recovered
        return timedelta(minutes=20) if alert.job else timedelta(hours=24)
    return timedelta(minutes=5)


def _told(finding: Finding, now: datetime) -> dict[str, Any]:
    return {
        "severity": finding.severity,
        "title": finding.title,
        "why": finding.why,
        "todo": finding.todo,
        "agents": list(finding.agents),
        "details": list(finding.details)[:_KEPT_DETAILS],
        "run_id": finding.run_id,
        "last_seen_at": now,
        "absent_since": None,
    }


def _event(
    connection: Connection,
    alert_id: int,
    kind: EventKind,
    now: datetime,
    agents: Sequence[str],
) -> None:
    connection.execute(
        insert(alert_events).values(
            alert_id=alert_id, kind=kind, agents=list(agents), occurred_at=now
        )
    )
