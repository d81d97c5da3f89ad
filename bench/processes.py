"""A platform for a bench: Dagster's processes around a sandbox and a PostgreSQL of its own."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from brokerage.database.embedded import EmbeddedPostgres, free_port
from brokerage.settings import PROJECT_DIR, get_settings
from brokerage.stack.sandbox_client import SandboxClient

if TYPE_CHECKING:
    from brokerage.cli.session import Session


@contextlib.contextmanager
def database(folder: Path) -> Iterator[str]:
    """An embedded server whose home is `folder/home`, which becomes this process's home."""
    home = folder / "home"
    os.environ["BROKERAGE_HOME"] = str(home)
    get_settings.cache_clear()
    postgres = EmbeddedPostgres(home, port=free_port(), reachable_bases=(folder,))
    postgres.start()
    try:
        os.environ["BROKERAGE_DATABASE_URL"] = postgres.url()
        get_settings.cache_clear()
        yield postgres.url()
    finally:
        postgres.destroy()


def open_session(sandbox_url: str) -> Session:
    """The platform, set up on the database, whose vendors are the sandbox's."""
    from brokerage.cli.session import Session

    for vendor, told in SandboxClient(sandbox_url).settings().items():
        for name, value in told.items():
            os.environ[f"BROKERAGE_{vendor}_{name}".upper()] = (
                f"{sandbox_url}{value}" if str(value).startswith("/") else str(value)
            )
    get_settings.cache_clear()
    session = Session.open()
    session.set_up()
    return session


@contextlib.contextmanager
def dagster_processes(
    environment: Mapping[str, str], logs: Path, *, webserver_port: int | None = None
) -> Iterator[None]:
    """Daemon and, with a port, webserver; both are gone afterwards with all that they started."""
    workspace = str(PROJECT_DIR / "workspace.yaml")
    commands: dict[str, tuple[str, ...]] = {
        "daemon": ("-m", "dagster._daemon", "run", "--workspace", workspace)
    }
    if webserver_port is not None:
        address = ("-h", "127.0.0.1", "-p", str(webserver_port))
        commands["webserver"] = ("-m", "dagster_webserver", *address, "-w", workspace)
    started = []
    with contextlib.ExitStack() as files:
        try:
            for name, command in commands.items():
                log = files.enter_context((logs / f"{name}.log").open("wb"))
                started.append(
                    subprocess.Popen(
                        [sys.executable, *command],
                        cwd=PROJECT_DIR,
                        env=dict(environment),
                        stdout=log,
                        stderr=log,
                        start_new_session=True,
                    )
                )
            yield
        finally:
            for process in started:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait(60)


def connect(
    session: Session, accounts: Sequence[Mapping[str, Any]], vendors: Sequence[str]
) -> None:
    """Connect each agent to those of the vendors where it has an account."""
    from brokerage.cli.connecting import connect_account, find_vendor

    for account in accounts:
        for vendor in vendors:
            if vendor not in account:
                continue
            credentials = {str(k): str(v) for k, v in account[vendor]["credentials"].items()}
            connect_account(
                session,
                str(account["agent_key"]),
                find_vendor(vendor),
                credentials,
                name=str(account["name"]),
                email=str(account["email"]),
                is_demo=True,
                allow_limited=True,
            )


def query(statement: str, **parameters: Any) -> list[Any]:
    """Rows of the database, as its owner."""
    from brokerage.database.engine import make_engine

    engine = make_engine()
    try:
        with engine.connect() as connection:
            return [tuple(row) for row in connection.execute(text(statement), parameters)]
    finally:
        engine.dispose()


def onboardings() -> dict[str, str]:
    """The status of each agent's last onboarding."""
    from brokerage.control.onboarding import OnboardingLog
    from brokerage.database.engine import make_engine

    engine = make_engine()
    try:
        return {agent: job.status for agent, job in OnboardingLog(engine).latest_of_all().items()}
    finally:
        engine.dispose()
