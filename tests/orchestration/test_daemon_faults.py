"""A real daemon with its queue and run workers, and what is done to it. Minutes, not seconds."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.engine import Engine

from brokerage.control.onboarding import OnboardingLog
from brokerage.database.embedded import EmbeddedPostgres
from brokerage.database.engine import LIBPQ_DRIVER, LOADER, role_url
from brokerage.settings import PROJECT_DIR, get_settings
from brokerage.stack.dagster_home import service_environment
from pipelines.common.load import prepare_raw
from pipelines.registry import VENDORS
from tests.orchestration.office import AGENTS, Office
from tests.sources import fub_case
from tests.sources.rig import Rig

pytestmark = pytest.mark.slow
PATIENCE = 540.0


def wait_until(condition: Callable[[], Any], what: str, every: float = 0.3) -> Any:
    pause = threading.Event()
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        pause.wait(every)
    raise AssertionError(f"{what} did not happen within {PATIENCE:.0f} s")


class Daemon:
    """One daemon; its code server and workers are of its session."""

    def __init__(self, folder: Path, number: int) -> None:
        self.log = folder / f"daemon-{number}.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "dagster._daemon", "run"),
                    *("--workspace", str(PROJECT_DIR / "workspace.yaml")),
                ],
                cwd=PROJECT_DIR,
                env=service_environment(get_settings()),
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def kill(self) -> None:
        """Without warning, workers included."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(30)


@pytest.fixture
def daemons(office: Office, engine: Engine, tmp_path: Path) -> Iterator[Callable[[], Daemon]]:
    """Starts daemons on the office; all are gone afterwards. The office has read nothing yet."""
    for vendor in VENDORS.values():
        url = role_url(LOADER, get_settings(), driver=LIBPQ_DRIVER)
        prepare_raw(vendor, url, get_settings().home / "dlt")
    with engine.begin() as connection:
        connection.execute(text("create schema if not exists dagster"))
    started: list[Daemon] = []

    def start() -> Daemon:
        started.append(Daemon(tmp_path, len(started)))
        return started[-1]

    yield start
    for daemon in started:
        daemon.kill()


def query(engine: Engine, statement: str, **parameters: Any) -> list[Any]:
    with engine.connect() as connection:
        there = (
            "select to_regclass('dagster.runs') is not null "
            "and to_regclass('dagster.job_ticks') is not null"
        )
        if not connection.scalar(text(there)):
            return []
        return [tuple(row) for row in connection.execute(text(statement), parameters)]


def all_complete(engine: Engine) -> bool:
    latest = OnboardingLog(engine).latest_of_all()
    return {agent: job.status for agent, job in latest.items()} == dict.fromkeys(AGENTS, "Complete")


def readings(engine: Engine) -> dict[str, int]:
    """How many runs have read each account's stages, which no fast lane reads."""
    rows = query(
        engine,
        "select connection_id, count(distinct run_id) from control.sync_mark "
        "where vendor = 'fub' and entity = 'stages' and status = 'ok' group by 1",
    )
    return {row[0]: row[1] for row in rows}


def test_two_daemons_by_mistake_read_every_account_once(
    daemons: Callable[[], Daemon], engine: Engine
) -> None:
    for _ in range(2):
        daemons()
    wait_until(lambda: all_complete(engine), "the onboarding")
    assert readings(engine) == {f"{agent}:fub": 1 for agent in AGENTS}


def test_a_daemon_killed_while_it_launches_goes_on_where_it_was(
    daemons: Callable[[], Daemon], engine: Engine
) -> None:
    first = daemons()
    tick = (
        "select 1 from dagster.job_ticks where status = 'STARTED' "
        "and tick_body like '%agents__connected%'"
    )
    wait_until(lambda: query(engine, tick), "a tick", every=0.02)
    first.kill()
    daemons()
    wait_until(lambda: all_complete(engine), "the onboarding")
    assert readings(engine) == {f"{agent}:fub": 1 for agent in AGENTS}


def test_a_worker_killed_while_it_reads_is_started_again(
    daemons: Callable[[], Daemon], engine: Engine, office: Office
) -> None:
    office.box.faults.add("slow", vendor="fub", seconds=1.0, times=None)
    daemons()
    worker = (
        "select t.value from dagster.run_tags t join dagster.runs r using (run_id) "
        "where r.pipeline_name = 'fub__onboarding' and t.key = 'brokerage/process'"
    )
    [[named], *_] = wait_until(lambda: query(engine, worker), "the start of a worker", every=0.1)
    os.kill(int(str(named).split(":")[-2]), signal.SIGKILL)
    office.box.faults.clear()
    wait_until(lambda: all_complete(engine), "the onboarding")
    statuses = "select status from dagster.runs where pipeline_name = 'fub__onboarding' order by 1"

    # the rows are committed before the run has said that it is over
    def ended() -> bool:
        return query(engine, statuses) == [("FAILURE",), ("SUCCESS",)]

    wait_until(ended, "the end of the second run")


def test_postgres_restarted_while_a_run_reads_costs_a_retry_and_no_row(
    daemons: Callable[[], Daemon],
    engine: Engine,
    office: Office,
    postgres_server: EmbeddedPostgres,
    database: str,
    tmp_path: Path,
) -> None:
    slow = office.box.faults.add("slow", vendor="fub", seconds=1.0, times=None)
    daemons()
    reading = (
        "select 1 from dagster.run_tags t join dagster.runs r using (run_id) "
        "where r.pipeline_name = 'fub__onboarding' and t.key = 'brokerage/process'"
    )
    wait_until(lambda: query(engine, reading), "the start of a worker", every=0.1)
    asked = office.box.requests.count(vendor="fub")
    wait_until(lambda: office.box.requests.count(vendor="fub") > asked, "a request", every=0.1)
    postgres_server.stop()
    postgres_server.start()
    engine.dispose()
    office.box.faults.clear(slow.id)
    wait_until(lambda: all_complete(engine), "the onboarding")
    rig = Rig(fub_case.CASE, office.box, database, tmp_path / "dlt")
    rig.must_equal_truth(*AGENTS)

    # nothing is left under way, by itself
    def at_rest() -> bool:
        unfinished = "select 1 from dagster.runs where status not in ('SUCCESS', 'FAILURE')"
        return not query(engine, unfinished)

    wait_until(at_rest, "the end of all runs")
