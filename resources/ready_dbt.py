"""dbt without its start: a process that has imported dbt and the parsed project, and forks.

A command of dbt spends four seconds of a processor on its imports and on reading what was parsed,
before it looks at the first model; refreshing some models takes hardly longer than that. Here one
process has done both and forks for each command, so that none sees what another has left behind.

    with ReadyDbt(environment) as dbt:
        dbt.run(["parse", …, "--target-path", target])
        dbt.run(["build", "--select", …, "--target-path", target], parsed=target / PARSED)

The process is `python -m resources.ready_dbt`: a JSON object per line in, one per line out.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from brokerage.errors import UnavailableError

PARSED = "partial_parse.msgpack"
"""What dbt writes into its target folder when it has parsed a project."""

_END_SECONDS = 10.0


class ReadyDbt:
    """One such process. It starts at once and is ready when it is; commands follow one another."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        """Start it with the whole environment that its commands have."""
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] = subprocess.Popen(
            [sys.executable, "-m", "resources.ready_dbt"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=Path(__file__).parents[1],
            env=dict(environment),
            text=True,
            start_new_session=True,
        )

    def __enter__(self) -> ReadyDbt:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def run(
        self,
        arguments: Sequence[str],
        *,
        parsed: Path | None = None,
        results: Path | None = None,
        environment: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run a command of dbt, as `subprocess.run` would run the executable.

        Args:
            arguments: what follows `dbt`.
            parsed: the project as an earlier command has parsed it. Nothing is compared with the
                project's files, and no manifest is written; None has dbt look and write.
            results: with a parsed project, where to write what dbt calls `run_results.json` or
                `sources.json`.
            environment: what this command has beside the process's own environment.
            timeout: seconds; None waits for ever.

        Raises:
            UnavailableError: when the process is gone.
            subprocess.TimeoutExpired: when the command takes longer; the process is ended.
        """
        with self._lock, tempfile.NamedTemporaryFile("r", suffix=".log") as output:
            asked = {
                "arguments": list(arguments),
                "parsed": None if parsed is None else str(parsed),
                "results": None if results is None else str(results),
                "environment": dict(environment or {}),
                "output": output.name,
            }
            answer = self._ask(asked, timeout)
            return subprocess.CompletedProcess(
                ["dbt", *arguments], int(answer["returncode"]), output.read(), ""
            )

    def _ask(self, asked: Mapping[str, Any], timeout: float | None) -> dict[str, Any]:
        into, out = self._process.stdin, self._process.stdout
        if into is None or out is None:
            raise UnavailableError("The process that runs dbt was started without its channels.")
        with contextlib.suppress(BrokenPipeError):
            into.write(json.dumps(asked) + "\n")
            into.flush()
        if not select.select([out], [], [], timeout)[0]:
            self._kill()
            raise subprocess.TimeoutExpired(["dbt", *asked["arguments"]], timeout or 0.0)
        line = out.readline()
        if not line:
            raise UnavailableError(
                f"The process that runs dbt has ended (exit code {self._process.wait()}): run the "
                "job again."
            )
        answer: dict[str, Any] = json.loads(line)
        return answer

    def close(self) -> None:
        """End the process; a command that runs is ended with it."""
        for channel in (self._process.stdin, self._process.stdout):
            if channel is not None:
                with contextlib.suppress(BrokenPipeError):
                    channel.close()
        try:
            self._process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self._kill()

    def _kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


# -- the process -----------------------------------------------------------------------------------


class _Projects:
    """Parsed projects by their file, read again when that has changed."""

    def __init__(self) -> None:
        self._held: dict[str, tuple[float, Any]] = {}

    def of(self, path: str | None) -> Any:
        if path is None:
            return None
        from dbt.contracts.graph.manifest import Manifest

        changed = Path(path).stat().st_mtime
        if path not in self._held or self._held[path][0] != changed:
            manifest = Manifest.from_msgpack(Path(path).read_bytes())
            # as after every parse: the `graph` of the context
            manifest.build_flat_graph()
            self._held[path] = (changed, manifest)
            # it stays: to look at it again and again is a sixth of the time of a build
            gc.collect()
            gc.freeze()
        return self._held[path][1]


def _serve(commands: IO[str], answers: IO[str]) -> None:
    # what all commands share, and what the first build would import otherwise
    import dbt.cli.main
    import dbt.task.build  # noqa: F401

    from resources.lean_dbt import make_lean

    make_lean()
    projects = _Projects()
    for line in commands:
        asked = json.loads(line)
        parsed = projects.of(asked["parsed"])
        child = os.fork()
        if child == 0:
            code = 2
            try:
                code = _run(asked, parsed)
            finally:
                # whatever has happened, a fork must not go on as the process that it left
                if (error := sys.exc_info()[1]) is not None:
                    traceback.print_exception(error)
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(code)
        _, status = os.waitpid(child, 0)
        answers.write(json.dumps({"returncode": os.waitstatus_to_exitcode(status)}) + "\n")
        answers.flush()


def _run(asked: Mapping[str, Any], parsed: Any) -> int:
    """One command, in its own process: 0 if all went well, 1 if not, 2 if dbt itself failed."""
    from dbt.artifacts.schemas.freshness import FreshnessResult
    from dbt.artifacts.schemas.run import RunExecutionResult
    from dbt.cli.exceptions import DbtUsageException
    from dbt.cli.main import dbtRunner

    with Path(asked["output"]).open("w", encoding="utf-8") as output:
        os.dup2(output.fileno(), 1)
        os.dup2(output.fileno(), 2)
    os.environ.update(asked["environment"])
    callbacks = []
    if parsed is not None:
        # dbt writes the whole manifest with each command, and makes a line of every event to throw
        # most of them away
        os.environ.update(DBT_WRITE_JSON="false", DBT_LOG_LEVEL="none")
        callbacks.append(_teller(quiet="--quiet" in asked["arguments"]))
    done = dbtRunner(manifest=parsed, callbacks=callbacks).invoke(list(asked["arguments"]))
    if isinstance(done.exception, DbtUsageException):
        # everything else dbt has said itself
        sys.stdout.write(f"{done.exception}\n")
    if asked["results"] is not None and isinstance(
        done.result, RunExecutionResult | FreshnessResult
    ):
        done.result.write(asked["results"])
    return 0 if done.success else 1 if done.exception is None else 2


def _teller(*, quiet: bool) -> Callable[[Any], None]:
    """What prints dbt's events; errors and what is printed on purpose only if it is to be quiet."""
    shown = {"error"} if quiet else {"error", "warn", "info"}

    def tell(event: Any) -> None:
        if event.info.level in shown or event.info.name == "PrintEvent":
            sys.stdout.write(f"{event.info.msg}\n")

    return tell


def main() -> None:
    """Serve until nobody asks any more."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    # what dbt prints while it is imported is no answer
    os.dup2(2, 1)
    _serve(sys.stdin, answers)


if __name__ == "__main__":
    main()
