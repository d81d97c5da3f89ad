"""Records that are read one by one: what is gone or fails costs only itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from pipelines.common.entity import Row
from pipelines.common.errors import RecordUnavailable, RetryLater
from pipelines.common.reading import Reading

MOST_FAILURES = 5
"""Records that may fail one after another's retries before the vendor counts as down."""


@dataclass
class RecordReader:
    """Reads many records of one kind, keeping what fails apart from what is gone.

    `missing` holds the ids that answered 404 or 403. A record that keeps failing costs only
    itself: the others are read, and `raise_failures` then reports it.
    """

    reading: Reading
    read: Callable[[str], list[Row]]
    what: str

    def __post_init__(self) -> None:
        self.missing: set[str] = set()
        self.failures: list[RetryLater] = []
        self._asked = 0

    def rows(self, ids: Iterable[str]) -> Iterator[list[Row]]:
        """The rows of each record, in the order in which the answers come."""
        for key, outcome in self.reading.parallel(self._one, ids):
            self._asked += 1
            if isinstance(outcome, RecordUnavailable):
                self.missing.add(key)
            elif isinstance(outcome, RetryLater):
                self.failures.append(outcome)
                if len(self.failures) >= MOST_FAILURES:
                    raise outcome
            else:
                yield outcome

    def raise_failures(self) -> None:
        """Raise if any record could not be read, so that the entity's cursor stays."""
        if self.failures:
            raise RetryLater(
                f"{len(self.failures)} of {self._asked} {self.what} could not be read and are "
                f"tried again in the next sync: {self.failures[0].sentence}"
            )

    def _one(self, key: str) -> tuple[str, list[Row] | RecordUnavailable | RetryLater]:
        try:
            return key, self.read(key)
        except (RecordUnavailable, RetryLater) as error:
            return key, error
