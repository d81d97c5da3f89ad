"""A sliding-window request limiter, one window per (vendor, key, context). Headers are the vendor's
business.
"""

import math
from collections import deque
from dataclasses import dataclass

from sandbox.clock import Clock


@dataclass(frozen=True, slots=True)
class Limit:
    """At most ``requests`` in any ``window`` seconds of the stopwatch."""

    requests: int
    window: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one request: ``retry_after`` is in whole real seconds, 0 when allowed;
    ``resets_in`` the real seconds until the oldest request that counts no longer does.
    """

    allowed: bool
    limit: int
    window: float
    remaining: int
    retry_after: int
    resets_in: float = 0.0


class Limits:
    """Holds each vendor's limits and who used how much of them.

    ``set(vendor, context, requests, window)`` replaces a limit; with ``enabled`` false every
    request passes
    (and is reported with its full allowance).
    """

    def __init__(self, clock: Clock, *, enabled: bool = True) -> None:
        self._clock = clock
        self.enabled = enabled
        self._limits: dict[tuple[str, str], Limit] = {}
        self._windows: dict[tuple[str, str, str], deque[float]] = {}

    def set(self, vendor: str, context: str, requests: int, window: float) -> None:
        """Sets the limit of a context. Raises ValueError unless both figures are positive."""
        if requests < 1 or window <= 0:
            raise ValueError("A limit needs at least one request and a positive window in seconds.")
        self._limits[vendor, context] = Limit(requests, window)

    def default(self, vendor: str, context: str, requests: int, window: float) -> None:
        """Sets the limit only where none was configured before."""
        if (vendor, context) not in self._limits:
            self.set(vendor, context, requests, window)

    def get(self, vendor: str, context: str) -> Limit | None:
        """The limit in force, or None when the context is unlimited."""
        return self._limits.get((vendor, context))

    def take(
        self, vendor: str, key: str, context: str = "global", *, limit: Limit | None = None
    ) -> Verdict:
        """Counts one request unless it is over the limit; a refused request does not count."""
        limit = limit or self.get(vendor, context)
        if limit is None or not self.enabled:
            requests = limit.requests if limit else 0
            window = limit.window if limit else 0.0
            return Verdict(True, requests, window, requests, 0)
        now = self._clock.monotonic()
        used = self._windows.setdefault((vendor, key, context), deque())
        while used and used[0] <= now - limit.window:
            used.popleft()
        if len(used) >= limit.requests:
            wait = used[-limit.requests] + limit.window - now
            seconds = max(1, math.ceil(wait / self._clock.factor))
            resets_in = wait / self._clock.factor
            return Verdict(False, limit.requests, limit.window, 0, seconds, resets_in)
        used.append(now)
        left = limit.requests - len(used)
        resets_in = (used[0] + limit.window - now) / self._clock.factor
        return Verdict(True, limit.requests, limit.window, left, 0, resets_in)

    def clear(self) -> None:
        """Forgets all use, keeps the limits."""
        self._windows.clear()

    def describe(self) -> dict[str, object]:
        """JSON-able state for the control API."""
        return {
            "enabled": self.enabled,
            "factor": self._clock.factor,
            "limits": [
                {"vendor": v, "context": c, "requests": limit.requests, "window": limit.window}
                for (v, c), limit in sorted(self._limits.items())
            ],
        }
