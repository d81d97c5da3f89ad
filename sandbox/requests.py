"""A log of what the vendors were asked: the proof that a source is read-only and stays inside its
quota.
"""

import re
from collections import Counter, deque
from typing import Any

from sandbox.clock import Clock
from sandbox.http import Call

_IDS = (
    (re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"), "{id}"),
    (re.compile(r"(?<=/)\d+(?=/|$)"), "{n}"),
)


def template_of(path: str) -> str:
    """The path with ids replaced, so that requests of one kind count together."""
    for pattern, name in _IDS:
        path = pattern.sub(name, path)
    return path


class RequestLog:
    """Counts per (vendor, account, method, template, status); the last 2,000 requests in order."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.clear()

    def clear(self) -> None:
        """Starts counting from nothing."""
        self.counts: Counter[tuple[str, str, str, str, int]] = Counter()
        self.assumed: set[tuple[str, str]] = set()
        self.recent: deque[dict[str, Any]] = deque(maxlen=2000)
        self._in_flight: Counter[tuple[str, str]] = Counter()
        self.most_at_once: dict[tuple[str, str], int] = {}
        self._span: dict[tuple[str, str], tuple[float, float]] = {}

    def begin(self, call: Call) -> None:
        """Notes that a request came in."""
        who = (call.vendor, call.account or "nobody")
        self._in_flight[who] += 1
        self.most_at_once[who] = max(self.most_at_once.get(who, 0), self._in_flight[who])
        now = self._clock.monotonic()
        first, _ = self._span.get(who, (now, now))
        self._span[who] = (first, now)

    def end(self, who: str | None, call: Call, status: int) -> None:
        """Notes how a request was answered; status 0 stands for a cut connection. ``who`` as it was
        at begin.
        """
        self._in_flight[call.vendor, who or "nobody"] -= 1
        template = call.template or template_of(call.path)
        self.counts[call.vendor, call.account or "nobody", call.method, template, status] += 1
        if call.assumed:
            self.assumed.add((call.vendor, template))
        self.recent.append(
            {
                "vendor": call.vendor,
                "account": call.account,
                "method": call.method,
                "path": call.path,
                "query": call.query,
                "status": status,
                "faults": [rule.kind for rule in call.rules],
            }
        )

    def count(
        self,
        *,
        vendor: str | None = None,
        account: str | None = None,
        template: str | None = None,
        status: int | None = None,
        method: str | None = None,
    ) -> int:
        """Requests that fit every filter given; ``template`` is a regular expression."""
        return sum(
            n
            for (v, a, m, t, s), n in self.counts.items()
            if vendor in (None, v)
            and account in (None, a)
            and status in (None, s)
            and method in (None, m)
            and (template is None or re.search(template, t))
        )

    @property
    def throttled(self) -> int:
        """How many requests were answered 429."""
        return self.count(status=429)

    @property
    def writes_refused(self) -> int:
        """How many requests were answered 405: a source that is read-only has none."""
        return self.count(status=405)

    def describe(self, recent: int = 0) -> dict[str, Any]:
        """JSON-able summary; ``recent`` adds that many of the last requests."""
        rows = sorted(self.counts.items())
        body: dict[str, Any] = {
            "total": sum(self.counts.values()),
            "throttled": self.throttled,
            "writes_refused": self.writes_refused,
            "counts": [
                {"vendor": v, "account": a, "method": m, "path": t, "status": s, "count": n}
                for (v, a, m, t, s), n in rows
            ],
            "accounts": [
                {
                    "vendor": v,
                    "account": a,
                    "most_at_once": self.most_at_once[v, a],
                    "seconds": round(last - first, 3),
                }
                for (v, a), (first, last) in sorted(self._span.items())
            ],
            "assumed": [{"vendor": v, "path": t} for v, t in sorted(self.assumed)],
        }
        if recent:
            body["recent"] = list(self.recent)[-recent:]
        return body
