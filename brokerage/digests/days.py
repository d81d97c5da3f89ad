"""Which days a digest covers. News have days of the reporting zone; a digest tells whole days."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from brokerage.control.digests import DigestKind
from brokerage.errors import ConfigurationError

_LENGTH: dict[DigestKind, int] = {"daily": 1, "weekly": 7}


def last_whole_day(now: datetime, reporting_timezone: str) -> date:
    """The last day that is over in the reporting zone at an instant."""
    return now.astimezone(ZoneInfo(reporting_timezone)).date() - timedelta(days=1)


def digest_day(kind: DigestKind, now: datetime, reporting_timezone: str) -> date:
    """The day that names the digest due at an instant.

    Of a daily digest the last whole day; of a weekly one the last Sunday that is over.
    """
    day = last_whole_day(now, reporting_timezone)
    if kind == "weekly":
        # Sunday is the seventh day of the ISO week
        day -= timedelta(days=day.isoweekday() % 7)
    return day


def first_day(kind: DigestKind, day: date) -> date:
    """The first of the days that the digest named by its last day covers."""
    return day - timedelta(days=_LENGTH[kind] - 1)


def parse_day(text: str) -> date:
    """A day as people type it, `2026-06-15`.

    Raises:
        ConfigurationError: when it is none.
    """
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ConfigurationError(f"{text!r} is no day: write it as 2026-06-15.") from None
