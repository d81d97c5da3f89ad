"""Reading and writing who is connected: `control.agents` and `control.connections`."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine import Engine, Row

from brokerage.control.tables import agents, connections, webhook_inbox
from brokerage.errors import ConfigurationError

ConnectionStatus = Literal["active", "needs_reauth", "paused"]
AuthKind = Literal["api_key", "oauth"]

_SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


@dataclass(frozen=True)
class AgentRecord:
    """One product user; `agent_key` is also the key of its partition in Dagster."""

    agent_key: str
    display_name: str
    email: str | None
    rezen_agent_id: str | None
    referral_code: str | None
    status: str
    is_demo: bool
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True)
class ConnectionRecord:
    """One agent at one vendor, without its secrets; `connection_id` is `<agent_key>:<vendor>`."""

    connection_id: str
    agent_key: str
    vendor: str
    status: str
    status_reason: str | None
    auth_kind: str
    account_source_id: str | None
    account_label: str | None
    account_role: str | None
    verified_at: datetime | None
    created_at: datetime
    updated_at: datetime


def connection_id(agent_key: str, vendor: str) -> str:
    return f"{agent_key}:{vendor}"


def slug(text: str) -> str:
    """`Ada Sample` → `ada-sample`; empty if nothing of it can be used."""
    ascii_text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", ascii_text.lower()).strip("-")


def check_agent_key(agent_key: str) -> str:
    """Return the key if it is a slug.

    Raises:
        ConfigurationError: when it is not; the sentence offers one that is.
    """
    if _SLUG.fullmatch(agent_key):
        return agent_key
    offer = slug(agent_key) or "ada-sample"
    raise ConfigurationError(
        f"{agent_key!r} cannot name an agent: use lower-case letters, digits and single hyphens, "
        f"for example {offer}."
    )


class ControlRepository:
    """The agents and connections of one database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def agents(self, *, status: str | None = None) -> list[AgentRecord]:
        query = select(agents).order_by(agents.c.agent_key)
        if status is not None:
            query = query.where(agents.c.status == status)
        with self._engine.connect() as connection:
            return [_agent(row) for row in connection.execute(query)]

    def agent(self, agent_key: str) -> AgentRecord | None:
        query = select(agents).where(agents.c.agent_key == agent_key)
        with self._engine.connect() as connection:
            row = connection.execute(query).one_or_none()
        return _agent(row) if row is not None else None

    def add_agent(
        self,
        agent_key: str,
        display_name: str,
        *,
        email: str | None = None,
        rezen_agent_id: str | None = None,
        referral_code: str | None = None,
        is_demo: bool = False,
    ) -> AgentRecord:
        """Add an agent, or bring what is known about it up to date.

        None never overwrites something known. An offboarded agent becomes active again.
        """
        values = {
            "agent_key": check_agent_key(agent_key),
            "display_name": display_name,
            "email": email,
            "rezen_agent_id": rezen_agent_id,
            "referral_code": referral_code,
            "is_demo": is_demo,
        }
        new = insert(agents).values(status="active", **values)
        known = {
            name: func.coalesce(new.excluded[name], agents.c[name])
            for name in ("email", "rezen_agent_id", "referral_code")
        }
        query = new.on_conflict_do_update(
            index_elements=[agents.c.agent_key],
            set_={
                **known,
                "display_name": new.excluded.display_name,
                "status": "active",
                "updated_at": func.now(),
            },
        ).returning(*agents.c)
        with self._engine.begin() as connection:
            return _agent(connection.execute(query).one())

    def set_referral_code(self, agent_key: str, code: str) -> None:
        """Remember an agent's referral code; a new one replaces the old."""
        with self._engine.begin() as connection:
            connection.execute(
                update(agents)
                .where(agents.c.agent_key == agent_key)
                .values(referral_code=code, updated_at=func.now())
            )

    def offboard_agent(self, agent_key: str, *, forget_person: bool = False) -> None:
        """Mark the agent as gone and pause its connections; the rows stay: history names them.

        `forget_person` empties name, address and codes.
        """
        personal = {
            "display_name": agent_key,
            "email": None,
            "rezen_agent_id": None,
            "referral_code": None,
        }
        with self._engine.begin() as connection:
            connection.execute(
                update(agents)
                .where(agents.c.agent_key == agent_key)
                .values(
                    status="offboarded",
                    updated_at=func.now(),
                    **(personal if forget_person else {}),
                )
            )
            connection.execute(
                update(connections)
                .where(connections.c.agent_key == agent_key, connections.c.status != "paused")
                .values(status="paused", status_reason="offboarded", updated_at=func.now())
            )

    def delete_connection(self, connection_id: str) -> None:
        """Delete a connection with what hangs on it: secrets, counts, its webhooks."""
        with self._engine.begin() as connection:
            for table in (webhook_inbox, connections):
                connection.execute(delete(table).where(table.c.connection_id == connection_id))

    def connections(
        self,
        vendor: str | None = None,
        agent_key: str | None = None,
        status: str | None = None,
    ) -> list[ConnectionRecord]:
        query = select(connections).order_by(connections.c.connection_id)
        wanted = {"vendor": vendor, "agent_key": agent_key, "status": status}
        for name, value in wanted.items():
            if value is not None:
                query = query.where(connections.c[name] == value)
        with self._engine.connect() as connection:
            return [_connection(row) for row in connection.execute(query)]

    def connection(self, connection_id: str) -> ConnectionRecord | None:
        query = select(connections).where(connections.c.connection_id == connection_id)
        with self._engine.connect() as connection:
            row = connection.execute(query).one_or_none()
        return _connection(row) if row is not None else None

    def save_connection(
        self,
        agent_key: str,
        vendor: str,
        *,
        auth_kind: AuthKind = "api_key",
        account_source_id: str | None = None,
        account_label: str | None = None,
        account_role: str | None = None,
        verified_at: datetime | None = None,
    ) -> ConnectionRecord:
        """Add the connection or replace what is known about its account; it becomes active."""
        values: dict[str, Any] = {
            "auth_kind": auth_kind,
            "account_source_id": account_source_id,
            "account_label": account_label,
            "account_role": account_role,
            "verified_at": verified_at,
            "status": "active",
            "status_reason": None,
        }
        new = insert(connections).values(
            connection_id=connection_id(agent_key, vendor),
            agent_key=agent_key,
            vendor=vendor,
            **values,
        )
        query = new.on_conflict_do_update(
            index_elements=[connections.c.connection_id],
            set_={**values, "updated_at": func.now()},
        ).returning(*connections.c)
        with self._engine.begin() as connection:
            return _connection(connection.execute(query).one())

    def set_connection_status(
        self, connection_id: str, status: ConnectionStatus, reason: str | None = None
    ) -> bool:
        """Set the status; True if that changed anything."""
        query = (
            update(connections)
            .where(
                connections.c.connection_id == connection_id,
                (connections.c.status != status)
                | connections.c.status_reason.is_distinct_from(reason),
            )
            .values(status=status, status_reason=reason, updated_at=func.now())
        )
        with self._engine.begin() as connection:
            return connection.execute(query).rowcount > 0


def _agent(row: Row[Any]) -> AgentRecord:
    return AgentRecord(**row._asdict())


def _connection(row: Row[Any]) -> ConnectionRecord:
    return ConnectionRecord(**row._asdict())
