"""Starting, watching and stopping the local stack.

`up` starts what does not run and leaves alone what does; `down` stops everything in the opposite
order. Both may be called at any time, twice, or at once: a lock in the home folder makes one wait.
"""

from __future__ import annotations

import contextlib
import fcntl
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import psutil

from brokerage.database.embedded import EmbeddedPostgres, is_free
from brokerage.database.engine import make_engine, owner_url
from brokerage.errors import BrokerageError, UnavailableError
from brokerage.settings import PROJECT_DIR, Settings
from brokerage.stack.dagster_home import service_environment
from brokerage.stack.leftovers import end_dead_runs
from brokerage.stack.process import ProcessFiles, last_lines, pause
from brokerage.stack.sandbox_client import remember_sandbox
from brokerage.stack.services import (
    DaemonService,
    SandboxService,
    Service,
    WebhookService,
    WebserverService,
    check_external_database,
)

State = Literal["running", "starting", "stopped", "crashed", "unreachable"]
Note = Callable[[str], None]

POSTGRES = "postgres"
_POLL_SECONDS = 0.25


@dataclass(frozen=True)
class ServiceStatus:
    """How one part of the stack is doing; `detail` is one sentence when something is wrong."""

    name: str
    title: str
    state: State
    pid: int | None = None
    address: str | None = None
    started_at: float | None = None
    detail: str | None = None


def _silent(message: str) -> None:
    pass


class Stack:
    """The services of one home folder."""

    def __init__(self, settings: Settings, *, note: Note = _silent) -> None:
        """Describe the stack; `note` is told in one line each what is being done."""
        self._settings = settings
        self._note = note
        self._files = ProcessFiles(settings.home)
        self._postgres = EmbeddedPostgres.for_settings(settings)

    # -- up -----------------------------------------------------------------------------------

    def start_database(self) -> bool:
        """Start the embedded server, or make sure that the configured one answers.

        Returns:
            True if a server was started.
        """
        if not self._settings.uses_embedded_database:
            version = check_external_database(self._settings)
            self._note(f"PostgreSQL {version} answers (BROKERAGE_DATABASE_URL)")
            return False
        started = self._postgres.start()
        port = self._postgres.status().port
        self._note(f"PostgreSQL {'started' if started else 'runs already'} on port {port}")
        return started

    def start_sandbox(self) -> list[str]:
        """Start the sandbox of this home; the home becomes a sandbox home if it was not."""
        self._settings.make_home()
        with self._locked():
            return self._start(
                [SandboxService(remember_sandbox(self._settings), self._settings.home)]
            )

    def start_services(self) -> list[str]:
        """Start Dagster, and the sandbox in a sandbox home.

        Returns:
            The names of what was started; what ran already is not among them.
        """
        self._settings.make_home()
        with self._locked():
            if self._files.find(DaemonService.name) is None:
                self._end_dead_runs()
            return self._start(self._services())

    def _end_dead_runs(self) -> None:
        # a former daemon's runs end with it, also those that the daemon's crash left behind
        self._files.stop(DaemonService.name)
        engine = make_engine(owner_url(self._settings))
        try:
            ended = end_dead_runs(engine, self._settings)
        finally:
            engine.dispose()
        if ended:
            self._note(f"{len(ended)} runs that Dagster left unfinished are marked as failed")

    def _start(self, services: Sequence[Service]) -> list[str]:
        missing = [service for service in services if self._files.find(service.name) is None]
        for service in services:
            if service not in missing:
                self._note(f"{service.title} runs already")
        # orphans of a crashed part would hold its port
        self._files.stop(*(service.name for service in missing))
        for service in missing:
            if service.port is not None and not is_free(service.port):
                raise UnavailableError(
                    f"Port {service.port} of {service.title} is taken by another program: stop "
                    f"that program or set {service.port_variable} to a free port."
                )
        environment = service_environment(self._settings)
        started = [
            (
                service,
                self._files.start(
                    service.name,
                    service.arguments(),
                    environment=environment,
                    directory=PROJECT_DIR,
                    port=service.port,
                ),
            )
            for service in missing
        ]
        for service, process in started:
            self._note(f"{service.title} is starting")
            self._wait_until_healthy(service, process)
            service.after_start(process)
            where = f" on {service.address}" if service.address else ""
            self._note(f"{service.title} is up{where}")
        return [service.name for service, _ in started]

    def _wait_until_healthy(self, service: Service, process: psutil.Process) -> None:
        deadline = time.monotonic() + service.start_seconds
        while time.monotonic() < deadline:
            if not _is_alive(process):
                log = self._files.log(service.name)
                self._files.forget(service.name)
                raise UnavailableError(
                    f"{service.title} ended at once ({last_lines(log)}): see {log}."
                )
            if service.is_healthy(process):
                return
            pause(process, _POLL_SECONDS)
        raise UnavailableError(
            f"{service.title} does not answer after {service.start_seconds:.0f} seconds: see "
            f"{self._files.log(service.name)}."
        )

    # -- down ---------------------------------------------------------------------------------

    def down(self) -> list[str]:
        """Stop everything, children included, and wait until it is gone.

        Returns:
            The names of what was stopped.
        """
        if not self._settings.home.exists():
            return []
        titles = {
            service.name: service.title
            for service in (DaemonService, WebserverService, WebhookService, SandboxService)
        }
        with self._locked():
            stopped = self._files.stop(*titles)
            for name in stopped:
                self._note(f"{titles[name]} is stopped")
            if self._settings.uses_embedded_database and self._postgres.stop():
                stopped.append(POSTGRES)
                self._note("PostgreSQL is stopped")
        return stopped

    def purge(self) -> None:
        """Stop everything and delete the embedded database, also where it lies outside the home."""
        self.down()
        self._postgres.destroy()

    def stop_service(self, name: str) -> bool:
        """Stop one service; True if it ran."""
        with self._locked():
            return bool(self._files.stop(name))

    # -- status -------------------------------------------------------------------------------

    def status(self) -> list[ServiceStatus]:
        """Every part of the stack that belongs to this home."""
        return [self._database_status(), *map(self._service_status, self._services())]

    def _database_status(self) -> ServiceStatus:
        settings = self._settings
        if not settings.uses_embedded_database:
            try:
                version = check_external_database(settings)
            except BrokerageError as error:
                return ServiceStatus(POSTGRES, "PostgreSQL", "unreachable", detail=str(error))
            return ServiceStatus(POSTGRES, f"PostgreSQL {version}", "running")
        found = self._postgres.status()
        address = f"127.0.0.1:{found.port}" if found.port else None
        if not found.running or found.pid is None:
            # a pid file without its process: the server did not end by itself
            crashed = (found.data / "postmaster.pid").exists()
            return ServiceStatus(
                POSTGRES,
                "PostgreSQL (embedded)",
                "crashed" if crashed else "stopped",
                None,
                address,
            )
        started = psutil.Process(found.pid).create_time()
        return ServiceStatus(
            POSTGRES, "PostgreSQL (embedded)", "running", found.pid, address, started
        )

    def _service_status(self, service: Service) -> ServiceStatus:
        process = self._files.find(service.name)
        if process is None:
            crashed = self._files.identity(service.name) is not None
            log = self._files.log(service.name)
            return ServiceStatus(
                service.name,
                service.title,
                "crashed" if crashed else "stopped",
                address=service.address,
                detail=f"It ended by itself: see {log}, then `brokerage up`." if crashed else None,
            )
        healthy = service.is_healthy(process)
        return ServiceStatus(
            service.name,
            service.title,
            "running" if healthy else "starting",
            process.pid,
            service.address,
            process.create_time(),
        )

    # -- parts --------------------------------------------------------------------------------

    def _services(self) -> list[Service]:
        services: list[Service] = []
        state = self._settings.sandbox_state
        if self._settings.is_sandbox and state is not None:
            services.append(SandboxService(state, self._settings.home))
        return [
            *services,
            WebhookService(self._settings),
            WebserverService(self._settings),
            DaemonService(self._settings),
        ]

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        try:
            lock = (self._settings.home / "stack.lock").open("a")
        except OSError as error:
            raise UnavailableError(
                f"The home folder {self._settings.home} cannot be written ({error.strerror}): work "
                "as its owner, or set BROKERAGE_HOME to a folder of your own."
            ) from error
        with lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _is_alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False
