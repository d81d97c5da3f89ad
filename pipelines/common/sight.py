"""Through whose eyes a connection was read: a credential that sees less must end nothing.

Vendors show a member less than an owner, with HTTP 200: what is missing then is hidden, not gone.
Whoever filled the warehouse is remembered in the cursor of the table that holds the identity. Under
a credential that sees less it stays as it is, so that the syncs to come know it, too, though they
find another identity stored.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from pipelines.common.reading import Reading

_WHOLE_ACCOUNT = "whole account"


@dataclass(frozen=True)
class Sight:
    """One vendor's: `table` holds the identity with `sees_all` and the `viewer` column, `note` is
    what a mark says while the credential sees less.
    """

    table: str
    viewer: str
    note: str

    def remember(self, reading: Reading, viewer: str, *, sees_all: bool) -> None:
        """For the reader of the identity: tells this sync and the next ones who is looking."""
        sight = _WHOLE_ACCOUNT if sees_all else viewer
        filled_by = self._filled_by(reading)
        is_less = _is_less(sight, filled_by)
        reading.handover.put("sees_less", is_less)
        reading.cursor_to = filled_by if is_less else sight

    def is_less(self, reading: Reading) -> bool:
        """True if the credential sees less than what is stored.

        In a sync that does not read the identity, the stored one counts.
        """
        told: bool | None = reading.handover.get("sees_less", None)
        if told is not None:
            return told
        return _is_less(self._stored(reading), self._filled_by(reading))

    def is_whole(self, reading: Reading) -> bool:
        """False if the credential sees less, which is noted: then absence means nothing."""
        if self.is_less(reading):
            reading.note = self.note
            return False
        return True

    def due_for_sweep(self, reading: Reading, every: timedelta) -> bool:
        """As `due_for_full`, but while less is seen no sweep is complete, so only `full` asks."""
        if self.is_less(reading) and not reading.full:
            return reading.first
        return reading.due_for_full(every)

    def _filled_by(self, reading: Reading) -> str | None:
        mark = reading.memory.mark(self.table)
        # a mark from before there was a cursor says nothing, but the identity beside it does
        return (mark.cursor if mark else None) or self._stored(reading)

    def _stored(self, reading: Reading) -> str | None:
        stored = reading.memory.values(self.table, "sees_all", self.viewer)
        return next((_WHOLE_ACCOUNT if all_ else who for all_, who in stored.values()), None)


def _is_less(sight: str | None, filled_by: str | None) -> bool:
    return filled_by is not None and sight not in (_WHOLE_ACCOUNT, filled_by)
