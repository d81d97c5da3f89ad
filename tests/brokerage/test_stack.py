"""Background processes: found by identity and not by number, stopped with all their children."""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from sqlalchemy import text
from sqlalchemy.engine import Engine

from brokerage.errors import UnavailableError
from brokerage.settings import PROJECT_DIR, SandboxState, Settings, get_settings
from brokerage.stack.dagster_home import dagster_environment
from brokerage.stack.process import ProcessFiles
from brokerage.stack.sandbox_client import remember_sandbox
from brokerage.stack.stack import Stack

# a parent with a child that has left its session, as an orphaned worker has
_FAMILY = (
    "import subprocess, sys, time;"
    "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'],"
    " start_new_session=True);"
    "print('ready', flush=True); time.sleep(600)"
)


@pytest.fixture
def files(tmp_path: Path) -> Iterator[ProcessFiles]:
    made = ProcessFiles(tmp_path / "home")
    yield made
    made.stop("family", "other")


def _start(files: ProcessFiles, name: str = "family", code: str = _FAMILY) -> psutil.Process:
    return files.start(
        name, ("-c", code), environment=dict(os.environ), directory=files.home.parent
    )


def _relatives(files: ProcessFiles, name: str) -> list[psutil.Process]:
    return files._marked(name)


def _until_ready(files: ProcessFiles) -> None:
    """Read the log until the parent has made its child."""
    while "ready" not in files.log("family").read_text():
        os.sched_yield()


class TestProcesses:
    def test_is_found_again_and_stopped_with_its_children(self, files: ProcessFiles) -> None:
        process = _start(files)
        _until_ready(files)
        assert ProcessFiles(files.home).find("family") == process
        family = _relatives(files, "family")
        assert len(family) == 2
        assert files.stop("family") == ["family"]
        assert not any(_is_alive(relative) for relative in family)
        assert files.stop("family") == [], "twice is harmless"

    def test_an_orphan_of_a_crash_is_found_too(self, files: ProcessFiles) -> None:
        process = _start(files)
        _until_ready(files)
        process.kill()
        psutil.wait_procs([process], timeout=10)
        assert files.find("family") is None
        orphans = _relatives(files, "family")
        assert len(orphans) == 1
        assert files.stop("family") == ["family"]
        assert not _is_alive(orphans[0])

    def test_a_pid_that_now_belongs_to_a_stranger_is_left_alone(self, files: ProcessFiles) -> None:
        stale = files.home / "run" / "family.json"
        stale.parent.mkdir(parents=True)
        me = psutil.Process()
        stale.write_text(json.dumps({"pid": me.pid, "created": me.create_time() - 3600}))
        assert files.find("family") is None
        assert files.stop("family") == []
        assert not stale.exists()

    @pytest.mark.parametrize("content", ["", "{", '{"pid": 1}', "[]"])
    def test_a_damaged_pid_file_counts_as_none(self, files: ProcessFiles, content: str) -> None:
        stale = files.home / "run" / "family.json"
        stale.parent.mkdir(parents=True)
        stale.write_text(content)
        assert files.find("family") is None

    def test_services_of_the_same_home_are_told_apart(self, files: ProcessFiles) -> None:
        _start(files)
        other = _start(files, "other", "import time; time.sleep(600)")
        files.stop("family")
        assert files.find("other") == other


def _is_alive(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


class TestStack:
    @pytest.mark.usefixtures("database")
    def test_a_taken_port_is_one_sentence_and_nothing_starts(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with socket.socket() as stranger:
            stranger.bind(("127.0.0.1", 0))
            stranger.listen()
            port = stranger.getsockname()[1]
            monkeypatch.setenv("BROKERAGE_DAGSTER_PORT", str(port))
            stack = Stack(Settings.load())
            with pytest.raises(UnavailableError) as caught:
                stack.start_services()
        assert str(caught.value) == (
            f"Port {port} of Dagster UI is taken by another program: stop that program or set "
            "BROKERAGE_DAGSTER_PORT to a free port."
        )
        states = {status.name: status.state for status in stack.status()}
        assert states == {
            "postgres": "running",
            "webhooks": "stopped",
            "dagster-webserver": "stopped",
            "dagster-daemon": "stopped",
        }

    @pytest.mark.usefixtures("database")
    def test_sandbox_starts_once_is_missed_when_killed_and_comes_back(
        self, monkeypatch: pytest.MonkeyPatch, unused_port: int
    ) -> None:
        monkeypatch.setenv("BROKERAGE_SANDBOX_PORT", str(unused_port))
        monkeypatch.setenv("BROKERAGE_SANDBOX_SIZE", "small")
        stack = Stack(Settings.load())
        try:
            assert stack.start_sandbox() == ["sandbox"]
            assert stack.start_sandbox() == [], "it runs already"
            stack = Stack(Settings.load())
            process = ProcessFiles(Settings.load().home).find("sandbox")
            assert process is not None
            assert _state(stack, "sandbox") == "running"
            process.kill()
            psutil.wait_procs([process], timeout=10)
            assert _state(stack, "sandbox") == "crashed"
            assert stack.start_sandbox() == ["sandbox"]
        finally:
            stopped = stack.down()
        assert stopped == ["sandbox"]
        assert stack.down() == []

    def test_a_service_that_ends_at_once_says_why(
        self, monkeypatch: pytest.MonkeyPatch, database: str, unused_port: int
    ) -> None:
        monkeypatch.setenv("BROKERAGE_SANDBOX_PORT", str(unused_port))
        settings = Settings.load()
        SandboxState(unused_port, "small", 7, "no-day", "embedded").write(settings.make_home())
        with pytest.raises(UnavailableError, match=r"ended at once .*no-day"):
            Stack(settings).start_sandbox()

    def test_down_without_a_home_does_nothing(self) -> None:
        settings = Settings.load()
        assert Stack(settings).down() == []
        assert not settings.home.exists()


def _state(stack: Stack, name: str) -> str:
    return next(status.state for status in stack.status() if status.name == name)


def test_the_sandbox_is_remembered_with_its_first_day(database: str) -> None:
    first = remember_sandbox(Settings.load())
    assert remember_sandbox(Settings.load()) == first
    assert Settings.load().is_sandbox


def test_dagster_works_on_this_home_and_database(database: str) -> None:
    settings = Settings.load()
    environment = dagster_environment(settings)
    link = Path(environment["DAGSTER_HOME"]) / "dagster.yaml"
    assert link.resolve() == PROJECT_DIR / "dagster.yaml"
    assert "search_path" in environment["BROKERAGE_DAGSTER_STORAGE_URL"]
    assert sys.modules.get("dagster_webserver") is None, "the stack itself stays light"


def test_dagsters_storage_keeps_its_connections(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection per statement made the run of a full build wait for minutes."""
    from dagster import DagsterInstance
    from sqlalchemy.pool import NullPool

    for name, value in dagster_environment(get_settings()).items():
        monkeypatch.setenv(name, value)
    with DagsterInstance.get() as instance:
        instance.add_dynamic_partitions("agents", ["ada-sample"])
        assert instance.get_dynamic_partitions("agents") == ["ada-sample"]
        for storage in (instance.run_storage, instance.event_log_storage):
            assert not isinstance(storage._engine.pool, NullPool)  # type: ignore[attr-defined]
        with engine.begin() as connection:
            # as a restart of the server does
            connection.execute(
                text(
                    "select pg_terminate_backend(pid) from pg_stat_activity "
                    "where pid <> pg_backend_pid() and datname = current_database()"
                )
            )
        assert instance.get_dynamic_partitions("agents") == ["ada-sample"]
