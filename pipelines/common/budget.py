"""How many requests may be sent: one sliding window per key and context, never crossed.

A request holds its place from the moment it leaves until one window after its *answer* arrived.
The vendor counted it somewhere in between, so no window of the vendor's can hold more requests
than ours does, whatever the latency; the price is latency ÷ window of the allowed rate.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Rate:
    """`limit` requests per `window` seconds and at most `concurrent` at once."""

    limit: int
    window: float
    concurrent: int = 8


class Clock(Protocol):
    """Monotonic seconds and a wait that a test can shorten."""

    def monotonic(self) -> float:
        """Seconds that only grow."""
        ...

    def wait(self, condition: threading.Condition, seconds: float | None) -> None:
        """Wait on a held condition for at most `seconds`."""
        ...

    def sleep(self, seconds: float) -> None:
        """Pause this thread."""
        ...


class SystemClock:
    """Real time."""

    def monotonic(self) -> float:
        """Seconds of the system's monotonic clock."""
        return time.monotonic()

    def wait(self, condition: threading.Condition, seconds: float | None) -> None:
        """Wait on the condition in real time."""
        condition.wait(seconds)

    def sleep(self, seconds: float) -> None:
        """Sleep in real time."""
        time.sleep(seconds)


class RateBudget:
    """The budget of one key in one context. Thread-safe.

    `observe` takes the vendor's own figures: a lower limit is obeyed, and requests that others
    sent with the same key are counted as ours. `punish` reacts to a 429 that came all the same.
    """

    def __init__(self, rate: Rate, clock: Clock) -> None:
        self._rate = rate
        self._limit = rate.limit
        self._clock = clock
        self._answered: deque[float] = deque()
        self._in_flight = 0
        self._closed_until = 0.0
        self._halved_until = 0.0
        self._condition = threading.Condition()

    def _free_places(self, now: float) -> int:
        while self._answered and self._answered[0] <= now - self._rate.window:
            self._answered.popleft()
        limit = max(1, self._limit // 2) if now < self._halved_until else self._limit
        return limit - len(self._answered) - self._in_flight

    @contextmanager
    def place(self) -> Iterator[None]:
        """Hold one place for the duration of a request; waits until there is one."""
        with self._condition:
            while True:
                now = self._clock.monotonic()
                if now < self._closed_until:
                    self._clock.wait(self._condition, self._closed_until - now)
                    continue
                if self._free_places(now) > 0 and self._in_flight < self._rate.concurrent:
                    self._in_flight += 1
                    break
                oldest = self._answered[0] + self._rate.window - now if self._answered else None
                self._clock.wait(self._condition, oldest)
        try:
            yield
        finally:
            with self._condition:
                self._in_flight -= 1
                self._answered.append(self._clock.monotonic())
                self._condition.notify_all()

    def observe(self, *, limit: int | None = None, remaining: int | None = None) -> None:
        """Take over the vendor's figures from the headers of an answer."""
        with self._condition:
            now = self._clock.monotonic()
            if limit is not None and limit > 0:
                self._limit = min(limit, self._rate.limit) if limit < self._rate.limit else limit
            if remaining is not None:
                strangers = self._free_places(now) - remaining
                # one request of slack: the answer being read is still counted as in flight
                for _ in range(max(0, strangers - 1)):
                    self._answered.append(now)

    def punish(self, seconds: float, *, halve_for: float = 600.0) -> None:
        """Send nothing for `seconds` and only half as much for `halve_for` seconds."""
        with self._condition:
            now = self._clock.monotonic()
            self._closed_until = max(self._closed_until, now + seconds)
            self._halved_until = max(self._halved_until, now + halve_for)


class Budgets:
    """All budgets of one vendor: made on first use per (key, context)."""

    def __init__(self, rates: Mapping[str, Rate], clock: Clock) -> None:
        self._rates = rates
        self._clock = clock
        self._budgets: dict[tuple[str, str], RateBudget] = {}
        self._lock = threading.Lock()

    def of(self, key: str, context: str) -> RateBudget:
        """The budget of `key` in `context`; an unknown context shares the default one."""
        name = context if context in self._rates else "default"
        with self._lock:
            budget = self._budgets.get((key, name))
            if budget is None:
                budget = self._budgets[(key, name)] = RateBudget(self._rates[name], self._clock)
            return budget
