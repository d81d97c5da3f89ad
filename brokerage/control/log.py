"""Writers of `control.event_log` (what happened) and `control.error_log` (what went wrong).

Messages are written for people and hold no secret and no text of a customer's message: callers pass
sentences of their own, not vendor answers.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import func, insert, select, update
from sqlalchemy.engine import Engine

from brokerage.control.tables import error_log, event_log

_VARIABLE_PART = re.compile(r"\b[0-9a-f]{8,}\b|\d+")


def error_fingerprint(module: str, message: str) -> str:
    """Equal for errors of one cause: numbers and ids in the message do not count."""
    cause = f"{module}|{_VARIABLE_PART.sub('#', message)}"
    return hashlib.sha256(cause.encode()).hexdigest()[:16]


class ControlLog:
    """The two logs of one database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def event(
        self,
        type: str,
        message: str,
        *,
        source: str,
        agent_key: str | None = None,
        connection_id: str | None = None,
        entity: str | None = None,
        run_id: str | None = None,
        data: Mapping[str, Any] | None = None,
    ) -> int:
        """Write an event such as `agent.connected`; returns its id."""
        query = (
            insert(event_log)
            .values(
                type=type,
                message=message,
                source=source,
                agent_key=agent_key,
                connection_id=connection_id,
                entity=entity,
                run_id=run_id,
                data=None if data is None else dict(data),
            )
            .returning(event_log.c.event_id)
        )
        with self._engine.begin() as connection:
            return int(connection.execute(query).scalar_one())

    def error(
        self,
        module: str,
        message: str,
        *,
        agent_key: str | None = None,
        connection_id: str | None = None,
        entity: str | None = None,
        run_id: str | None = None,
        data: Mapping[str, Any] | None = None,
    ) -> int:
        """Write an error; returns its id."""
        query = (
            insert(error_log)
            .values(
                module=module,
                message=message,
                fingerprint=error_fingerprint(module, message),
                agent_key=agent_key,
                connection_id=connection_id,
                entity=entity,
                run_id=run_id,
                data=None if data is None else dict(data),
            )
            .returning(error_log.c.error_id)
        )
        with self._engine.begin() as connection:
            return int(connection.execute(query).scalar_one())

    def errors_since(self, since: datetime) -> list[dict[str, Any]]:
        """The errors that occurred after an instant, newest first, one mapping per row."""
        query = (
            select(error_log)
            .where(error_log.c.occurred_at > since)
            .order_by(error_log.c.error_id.desc())
        )
        with self._engine.connect() as connection:
            return [dict(row._mapping) for row in connection.execute(query)]

    def unnotified_errors(self) -> list[dict[str, Any]]:
        """The errors that nobody has been told about yet, oldest first."""
        query = (
            select(error_log)
            .where(error_log.c.notified_at.is_(None))
            .order_by(error_log.c.error_id)
        )
        with self._engine.connect() as connection:
            return [dict(row._mapping) for row in connection.execute(query)]

    def mark_notified(self, error_ids: list[int]) -> None:
        with self._engine.begin() as connection:
            connection.execute(
                update(error_log)
                .where(error_log.c.error_id.in_(error_ids))
                .values(notified_at=func.now())
            )
