"""Who watches a run: a caller in the same process may listen to it step by step.

Dagster's event log tells the same after the fact; a command line wants to show it while it happens.
Outside of `listening` nothing is heard and nothing costs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Step:
    """One thing that a run has just begun or done.

    `stage` is `sync` or `build`; `subject` names what it is about (`ada-sample · reZEN ·
    transactions`, `core.agent`); `done` of `total` steps of this run are finished (total is 0 while
    unknown); `rows` is None where there are none to count.
    """

    stage: Literal["sync", "build"]
    subject: str
    message: str
    rows: int | None = None
    done: int = 0
    total: int = 0
    failed: bool = False


Listener = Callable[[Step], None]

_listener: ContextVar[Listener | None] = ContextVar("brokerage_run_listener", default=None)


@contextmanager
def listening(listener: Listener | None) -> Iterator[None]:
    """Send the steps of the runs inside to the listener; it may be called from several threads."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)


def current_listener() -> Listener | None:
    """The listener of this thread's runs, to be taken along into other threads."""
    return _listener.get()
