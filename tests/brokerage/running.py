"""The command line as a test calls it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Outcome:
    """What a command printed and returned."""

    code: int
    out: str
    err: str


Run = Callable[..., Outcome]


def one_sentence(outcome: Outcome) -> str:
    """What an error says; fails if it is more than a sentence."""
    lines = outcome.err.strip().splitlines()
    assert len(lines) == 1, outcome.err
    assert lines[0].startswith("Error: ")
    return lines[0].removeprefix("Error: ")
