"""Records read one by one: what is gone, what fails, and when the vendor counts as down."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest

from pipelines.common.errors import RecordUnavailable, RetryLater
from pipelines.common.reading import Reading
from pipelines.common.records import MOST_FAILURES, RecordReader


def in_turn(function: Any, items: Iterable[str]) -> Iterator[Any]:
    yield from map(function, items)


READING = cast(Reading, SimpleNamespace(parallel=in_turn))


def read(key: str) -> list[dict[str, Any]]:
    if key.startswith("gone"):
        raise RecordUnavailable("It is gone.", reason="missing")
    if key.startswith("down"):
        raise RetryLater("The vendor is down; try the sync again later.")
    return [{"id": key}]


def test_what_is_gone_or_fails_costs_only_itself() -> None:
    records = RecordReader(READING, read, "things")
    rows = [row["id"] for rows in records.rows(["a", "gone", "down", "b"]) for row in rows]
    assert rows == ["a", "b"]
    assert records.missing == {"gone"}
    with pytest.raises(RetryLater) as told:
        records.raise_failures()
    assert told.value.sentence == (
        "1 of 4 things could not be read and are tried again in the next sync: The vendor is "
        "down; try the sync again later."
    )


def test_without_a_failure_nothing_is_raised() -> None:
    records = RecordReader(READING, read, "things")
    assert len(list(records.rows(["a", "gone"]))) == 1
    records.raise_failures()


def test_many_failures_mean_that_the_vendor_is_down() -> None:
    asked: list[str] = []

    def counted(key: str) -> list[dict[str, Any]]:
        asked.append(key)
        return read(key)

    records = RecordReader(READING, counted, "things")
    with pytest.raises(RetryLater, match="The vendor is down"):
        list(records.rows([f"down {n}" for n in range(100)]))
    assert len(asked) == MOST_FAILURES
