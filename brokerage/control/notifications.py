"""What people are to be told: `control.notifications`, written once per happening.

Whoever tells them marks a row with `mark_notified`; what tells twice is a matter of its channel.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine import Engine

from brokerage.control.tables import notifications

Severity = Literal["info", "warning", "error"]


@dataclass(frozen=True)
class Notification:
    """One happening: a subject line and one sentence, without secrets or a person's message."""

    notification_id: int
    created_at: datetime
    type: str
    severity: str
    subject: str
    message: str
    agent_key: str | None
    run_id: str | None
    dedupe_key: str
    notified_at: datetime | None


class NotificationLog:
    """Reads and writes `control.notifications`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(
        self,
        type: str,
        subject: str,
        message: str,
        *,
        dedupe_key: str,
        severity: Severity = "info",
        agent_key: str | None = None,
        run_id: str | None = None,
    ) -> bool:
        """Write a notification; False if one with the key was written before.

        `type` is `<what>.<event>`, for example `onboarding.completed`.
        """
        query = (
            insert(notifications)
            .values(
                type=type,
                severity=severity,
                subject=subject,
                message=message,
                agent_key=agent_key,
                run_id=run_id,
                dedupe_key=dedupe_key,
            )
            .on_conflict_do_nothing(index_elements=[notifications.c.dedupe_key])
        )
        with self._engine.begin() as connection:
            return connection.execute(query).rowcount > 0

    def waiting(self) -> list[Notification]:
        """Those that nobody has been told about yet, oldest first."""
        query = (
            select(notifications)
            .where(notifications.c.notified_at.is_(None))
            .order_by(notifications.c.notification_id)
        )
        with self._engine.connect() as connection:
            return [Notification(**row._asdict()) for row in connection.execute(query)]

    def mark_notified(self, ids: Sequence[int]) -> None:
        """Remember that these were told."""
        with self._engine.begin() as connection:
            connection.execute(
                update(notifications)
                .where(notifications.c.notification_id.in_(ids))
                .values(notified_at=func.now())
            )
