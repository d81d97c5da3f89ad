"""Showing a run while it happens: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn
from rich.progress import TimeElapsedColumn as Elapsed

from brokerage.cli.console import err, make_table, note, out

if TYPE_CHECKING:
    from resources.progress import Listener, Step

_QUIET_SECONDS = 2.0


class Watcher:
    """Turns the steps of a run into what a person sees; called from several threads."""

    def __init__(self, progress: Progress | None) -> None:
        self._progress = progress
        self._lock = threading.Lock()
        self._task = progress.add_task("starting", total=None) if progress else None
        self._said_at = 0.0

    def __call__(self, step: Step) -> None:
        with self._lock:
            if step.failed:
                self._say(f"[red]{escape(step.subject)}: {escape(step.message)}[/red]")
            if self._progress is not None and self._task is not None:
                self._progress.update(
                    self._task,
                    description=escape(step.subject)[:58].ljust(58),
                    completed=step.done,
                    total=step.total or None,
                )
            elif time.monotonic() - self._said_at >= _QUIET_SECONDS or step.done == step.total:
                self._said_at = time.monotonic()
                of = f"{step.done}/{step.total} " if step.total else ""
                self._say(f"{of}{escape(step.subject)}")

    def _say(self, message: str) -> None:
        if self._progress is not None:
            self._progress.console.print(f"  {message}")
        else:
            note(message)


@contextmanager
def watching() -> Iterator[Listener]:
    """A listener for `resources.progress.listening` that shows what it hears."""
    if not err.is_terminal:
        yield Watcher(None)
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(bar_width=16))
    with Progress(*columns, MofNCompleteColumn(), Elapsed(), console=err, transient=True) as bar:
        yield Watcher(bar)


@dataclass
class Stages:
    """Names what is being done and how long each took."""

    seconds: list[tuple[str, float]] = field(default_factory=list)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        err.print(f"[bold]▸ {name}[/bold]")
        started = time.monotonic()
        yield
        self.seconds.append((name, time.monotonic() - started))

    def show(self) -> None:
        table = make_table(["Stage", "Seconds"], title="Time", right=(1,))
        for name, seconds in self.seconds:
            table.add_row(name, f"{seconds:.1f}")
        table.add_section()
        table.add_row("together", f"{sum(seconds for _, seconds in self.seconds):.1f}")
        out.print(table)
