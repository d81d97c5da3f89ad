"""Instants as vendors write them: ISO 8601, UTC where no zone is given."""

from __future__ import annotations

from datetime import UTC, datetime


def moment(value: object) -> datetime | None:
    """An ISO instant or date, in UTC; None for anything else."""
    if not isinstance(value, str) or not value:
        return None
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        return None
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)


def as_text(instant: datetime) -> str:
    """An instant to the second, as most filters take it: `2026-03-02T18:05:10Z`."""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
