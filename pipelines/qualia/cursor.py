"""Where a reading left off: until when it asked, and whom it has to ask for again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from pipelines.qualia.client import moment


@dataclass(frozen=True)
class Cursor:
    """The end of the last window, and the ids that are asked for again whatever the window shows.

    As text it is the instant and the ids, with spaces between.
    """

    until: datetime | None
    again: frozenset[str] = frozenset()

    @classmethod
    def read(cls, text: str | None) -> Cursor:
        """The cursor of a mark; None is the beginning."""
        until, *again = (text or "").split() or [""]
        return cls(moment(until), frozenset(again))

    def __str__(self) -> str:
        until = "" if self.until is None else self.until.isoformat()
        return " ".join((until, *sorted(self.again)))
