"""The sandbox's two clocks: the calendar its data lives by, and the stopwatch its limits use."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from datetime import time as time_of_day
from zoneinfo import ZoneInfo

REPORTING_ZONE = ZoneInfo("America/New_York")


class Clock:
    """A settable calendar that runs on with real time, and a stopwatch that can run faster.

    The calendar starts at 12:00 UTC of ``today``, so that the UTC day and the reporting day agree.
    """

    def __init__(self, today: date, *, factor: float = 1.0) -> None:
        self.restart(today, factor=factor)

    def restart(self, today: date, *, factor: float = 1.0) -> None:
        """Back to noon of ``today`` with the stopwatch at zero."""
        self._base = datetime.combine(today, time_of_day(12), tzinfo=UTC)
        self._started = time.monotonic()
        self._factor = factor
        self._stopwatch_base = 0.0
        self._stopwatch_from = self._started

    def now(self) -> datetime:
        """The current instant of the imitated world, in UTC."""
        return self._base + timedelta(seconds=time.monotonic() - self._started)

    @property
    def today(self) -> date:
        """The current UTC calendar day of the imitated world."""
        return self.now().date()

    @property
    def reporting_today(self) -> date:
        """The current day in the reporting zone."""
        return self.now().astimezone(REPORTING_ZONE).date()

    def advance(self, *, days: float = 0, seconds: float = 0) -> None:
        """Moves the calendar forward. It never goes back: vendors' clocks do not."""
        if days < 0 or seconds < 0:
            raise ValueError("The sandbox clock only moves forward; give days or seconds >= 0.")
        self._base += timedelta(days=days, seconds=seconds)
        # limits and token lives must see the same jump
        self._stopwatch_base += days * 86_400 + seconds

    @contextmanager
    def behind(self, by: timedelta) -> Iterator[None]:
        """Whatever happens within is stamped so much earlier, as if it had been committed late."""
        self._base -= by
        try:
            yield
        finally:
            self._base += by

    @property
    def factor(self) -> float:
        """How many stopwatch seconds pass in one real second."""
        return self._factor

    @factor.setter
    def factor(self, value: float) -> None:
        if value <= 0:
            raise ValueError("The clock factor must be positive.")
        self._stopwatch_base = self.monotonic()
        self._stopwatch_from = time.monotonic()
        self._factor = value

    def monotonic(self) -> float:
        """Stopwatch seconds since start; the time base of every rate limit."""
        return self._stopwatch_base + (time.monotonic() - self._stopwatch_from) * self._factor
