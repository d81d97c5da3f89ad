"""What the stack consists of: each service's command, port and sign of health."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import psutil

from brokerage.database.engine import check_reachable, make_engine, owner_url
from brokerage.errors import UnavailableError
from brokerage.settings import (
    PROJECT_DIR,
    SandboxState,
    Settings,
)
from brokerage.stack.process import pause
from brokerage.stack.sandbox_client import SandboxClient

_POLL_SECONDS = 0.5
_LOCATIONS_QUERY = """{ workspaceOrError { ... on Workspace { locationEntries {
    loadStatus locationOrLoadError { __typename ... on PythonError { message } } } } } }"""
_DAEMON_SILENCE = timedelta(seconds=90)


class Service(ABC):
    """One background process of the stack."""

    name: str
    title: str
    port: int | None = None
    port_variable: str | None = None
    start_seconds: float = 120.0

    @property
    def address(self) -> str | None:
        return f"http://127.0.0.1:{self.port}" if self.port else None

    @abstractmethod
    def arguments(self) -> Sequence[str]:
        """What follows the interpreter on the command line."""

    @abstractmethod
    def is_healthy(self, process: psutil.Process) -> bool:
        """Whether the running process does its work; never raises."""

    def after_start(self, process: psutil.Process) -> None:  # noqa: B027 - most services need nothing
        """What is left to do once it is healthy."""


class SandboxService(Service):
    """The imitated vendors; a world rebuilt from the same seed and day is the same world."""

    name = "sandbox"
    title = "Sandbox (all vendors, imitated)"
    port_variable = "BROKERAGE_SANDBOX_PORT"

    def __init__(self, state: SandboxState, home: Path) -> None:
        self._state = state
        self._home = home
        self._client = SandboxClient(state.url)
        self.port = state.port

    def arguments(self) -> Sequence[str]:
        state = self._state
        return (
            *("-m", "sandbox", "--port", str(state.port), "--size", state.size),
            *("--seed", str(state.seed), "--today", state.today),
            "--roomy",
        )

    def is_healthy(self, process: psutil.Process) -> bool:
        return self._client.healthy()

    def after_start(self, process: psutil.Process) -> None:
        replace(self._state, vendors=self._client.settings()).write(self._home)
        days, seconds = divmod(self._state.advanced_seconds, 86_400)
        if days or seconds:
            self._client.advance(days=days, seconds=seconds)


class WebserverService(Service):
    """Dagster's UI."""

    name = "dagster-webserver"
    title = "Dagster UI"
    port_variable = "BROKERAGE_DAGSTER_PORT"

    def __init__(self, settings: Settings) -> None:
        self.port = settings.dagster_port

    def arguments(self) -> Sequence[str]:
        return (
            *("-m", "dagster_webserver", "--host", "127.0.0.1", "--port", str(self.port)),
            *("--workspace", str(PROJECT_DIR / "workspace.yaml")),
        )

    def is_healthy(self, process: psutil.Process) -> bool:
        try:
            answer = httpx.get(f"{self.address}/server_info", timeout=2.0)
        except httpx.HTTPError:
            return False
        return answer.status_code == 200

    def after_start(self, process: psutil.Process) -> None:
        """Make sure that the definitions could be loaded: without them the UI is an empty shell.

        Raises:
            UnavailableError: with the first line of what stands in their way.
        """
        deadline = time.monotonic() + self.start_seconds
        while time.monotonic() < deadline:
            entries = self._code_locations()
            if entries and all(entry["loadStatus"] == "LOADED" for entry in entries):
                break
            pause(process, _POLL_SECONDS)
        else:
            raise UnavailableError(
                f"Dagster does not load its definitions within {self.start_seconds:.0f} seconds: "
                f"see {self.address}/locations."
            )
        for entry in entries:
            found = entry["locationOrLoadError"] or {}
            if found.get("__typename") == "PythonError":
                reason = str(found["message"]).strip().splitlines()[0]
                raise UnavailableError(
                    f"Dagster runs but cannot load its definitions ({reason}): see "
                    f"{self.address}/locations."
                )

    def _code_locations(self) -> list[dict[str, Any]]:
        try:
            answer = httpx.post(
                f"{self.address}/graphql", json={"query": _LOCATIONS_QUERY}, timeout=30.0
            )
            workspace = answer.json()["data"]["workspaceOrError"]
        except (httpx.HTTPError, ValueError, KeyError, TypeError):
            return []
        return list(workspace.get("locationEntries", []))


class DaemonService(Service):
    """Dagster's daemon: schedules, sensors, the run queue and backfills."""

    name = "dagster-daemon"
    title = "Dagster daemon"

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def arguments(self) -> Sequence[str]:
        return (
            *("-m", "dagster._daemon", "run"),
            *("--workspace", str(PROJECT_DIR / "workspace.yaml")),
        )

    def is_healthy(self, process: psutil.Process) -> bool:
        """Its heartbeats are in the storage; one from before this process does not count."""
        from sqlalchemy import text
        from sqlalchemy.exc import SQLAlchemyError

        started = datetime.fromtimestamp(process.create_time(), UTC)
        since = max(started, datetime.now(UTC) - _DAEMON_SILENCE).replace(tzinfo=None)
        engine = make_engine(owner_url(self._settings))
        try:
            with engine.connect() as connection:
                beats = connection.execute(
                    text(
                        "select count(distinct daemon_type) from dagster.daemon_heartbeats "
                        "where timestamp >= :since and daemon_type in ('SCHEDULER', 'SENSOR')"
                    ),
                    {"since": since},
                ).scalar_one()
        except SQLAlchemyError:
            return False
        finally:
            engine.dispose()
        return int(beats) == 2


class WebhookService(Service):
    """The receiver of webhooks."""

    name = "webhooks"
    title = "Webhook receiver"
    port_variable = "BROKERAGE_WEBHOOK_PORT"

    def __init__(self, settings: Settings) -> None:
        self.port = settings.webhook_port

    def arguments(self) -> Sequence[str]:
        return ("-m", "brokerage.webhooks", "--port", str(self.port))

    def is_healthy(self, process: psutil.Process) -> bool:
        try:
            return httpx.get(f"{self.address}/health", timeout=2.0).status_code == 200
        except httpx.HTTPError:
            return False


def check_external_database(settings: Settings) -> str:
    """The version of the configured server.

    Raises:
        UnavailableError: when it cannot be used.
    """
    if settings.database_url is None:
        raise UnavailableError("No database is configured: set BROKERAGE_DATABASE_URL.")
    engine = make_engine(owner_url(settings))
    try:
        return check_reachable(engine)
    finally:
        engine.dispose()
