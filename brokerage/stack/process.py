"""Detached processes that outlive the command which starts them, found again by a pid file.

A pid alone proves nothing: after a crash or a reboot it may be a stranger's. The file therefore
holds the time at which the process was created, and each process of the stack and its descendants
carry the home folder in their environment, by which `stop` finds even orphans.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from brokerage.database.embedded import write_private
from brokerage.errors import UnavailableError

HOME_VARIABLE = "BROKERAGE_STACK_HOME"
SERVICE_VARIABLE = "BROKERAGE_STACK_SERVICE"

# the creation time is computed from the boot time, which moves when the clock is set
_CREATION_TOLERANCE_SECONDS = 5.0
_TERMINATE_SECONDS = 20.0
_KILL_SECONDS = 10.0


@dataclass(frozen=True)
class Identity:
    """Which process it was: pid, creation time (Unix seconds) and the port it serves, if any."""

    pid: int
    created: float
    port: int | None = None


class ProcessFiles:
    """Pid files and logs of one home folder."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self._run = home / "run"
        self._logs = home / "logs"

    def log(self, name: str) -> Path:
        return self._logs / f"{name}.log"

    def start(
        self,
        name: str,
        arguments: Sequence[str],
        *,
        environment: Mapping[str, str],
        directory: Path,
        port: int | None = None,
    ) -> psutil.Process:
        """Start a Python module detached from this terminal, its output appended to its log.

        Args:
            arguments: what follows the interpreter, for example `("-m", "sandbox")`.
            environment: the whole environment of the process.
        """
        self._run.mkdir(parents=True, exist_ok=True)
        self._logs.mkdir(parents=True, exist_ok=True)
        marked = {**environment, HOME_VARIABLE: str(self.home), SERVICE_VARIABLE: name}
        with self.log(name).open("ab") as log:
            started = subprocess.Popen(
                [sys.executable, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=directory,
                env=marked,
                start_new_session=True,
            )
        process = psutil.Process(started.pid)
        identity = Identity(process.pid, process.create_time(), port)
        write_private(self._run / f"{name}.json", json.dumps(asdict(identity)) + "\n")
        return process

    def find(self, name: str) -> psutil.Process | None:
        """The running process of that name, or None; a stale pid file counts as none."""
        identity = self.identity(name)
        if identity is None:
            return None
        try:
            process = psutil.Process(identity.pid)
            alive = process.is_running() and process.status() != psutil.STATUS_ZOMBIE
            same = abs(process.create_time() - identity.created) <= _CREATION_TOLERANCE_SECONDS
        except psutil.Error:
            return None
        return process if alive and same else None

    def identity(self, name: str) -> Identity | None:
        """What the pid file says, whether or not it is true any more."""
        try:
            return Identity(**json.loads((self._run / f"{name}.json").read_text("utf-8")))
        except (FileNotFoundError, ValueError, TypeError):
            return None
        except PermissionError as error:
            raise UnavailableError(
                f"{self._run} belongs to another user: work as the user who ran `brokerage up`."
            ) from error

    def forget(self, name: str) -> None:
        (self._run / f"{name}.json").unlink(missing_ok=True)

    def stop(self, *names: str) -> list[str]:
        """Stop the processes of these names with all their descendants, together.

        Returns:
            The names of which anything ran.
        """
        found = {name: self._marked(name) for name in names}
        for name in names:
            process = self.find(name)
            if process is not None:
                found[name].append(process)
            self.forget(name)
        stop_processes(process for processes in found.values() for process in processes)
        return [name for name in names if found[name]]

    def _marked(self, name: str) -> list[psutil.Process]:
        """Every process of the service, orphans included, told by its environment."""
        wanted = {HOME_VARIABLE: str(self.home), SERVICE_VARIABLE: name}
        mine = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
        found = []
        for process in psutil.process_iter():
            if process.pid in mine:
                continue
            with contextlib.suppress(psutil.Error, OSError):
                environment = process.environ()
                if all(environment.get(key) == value for key, value in wanted.items()):
                    found.append(process)
        return found


def stop_processes(processes: Iterable[psutil.Process]) -> None:
    """Ask the processes and their descendants to end, and end those that do not."""
    doomed: dict[int, psutil.Process] = {}
    for process in processes:
        doomed[process.pid] = process
        with contextlib.suppress(psutil.Error):
            doomed.update({child.pid: child for child in process.children(recursive=True)})
    for process in doomed.values():
        with contextlib.suppress(psutil.Error):
            process.terminate()
    _, stubborn = psutil.wait_procs(doomed.values(), timeout=_TERMINATE_SECONDS)
    for process in stubborn:
        with contextlib.suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(stubborn, timeout=_KILL_SECONDS)


def pause(process: psutil.Process, seconds: float) -> None:
    """Wait a moment before asking again how a process is doing, or until it ends."""
    with contextlib.suppress(psutil.Error):
        process.wait(seconds)


def last_lines(path: Path, count: int = 3) -> str:
    """The last lines of a log on one line, for an error message."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - 4000))
            lines = file.read().decode("utf-8", "replace").splitlines()
    except OSError:
        return "its log is empty"
    told = [line.strip() for line in lines if line.strip()][-count:]
    return " | ".join(told)[-400:] or "its log is empty"
