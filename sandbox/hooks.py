"""Webhooks of all vendors: subscriptions, and a loop that delivers to them over real HTTP.

A vendor's `hooks` module says what a change tells whom (`notices`) and how a delivery is signed
(`headers`); here are the subscriptions, the ladder of retries and the faults of delivery. Times in
signatures and bodies are the real clock's: receivers have no other.
"""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx
import orjson

if TYPE_CHECKING:
    from sandbox.box import Sandbox

FLAWS: Mapping[str, Any] = {
    "duplicate_every": 0,
    "drop_every": 0,
    "shuffle": 0,
    "wrong_signature": 0,
    "altered_body": 0,
    "stale": 0,
    "two_signatures": 0,
    "speed": 1.0,
}
"""Every nth delivery twice or never; so many at a time held back and sent in the reverse order; the
next so many wrongly signed, changed after signing, with a time of an hour ago, or signed twice; and
how much faster than the vendor's the ladder of retries runs."""


@dataclass
class Subscription:
    """One subscription. `topics` are the events that it is told, `target` narrows whose.

    `shown` is what the vendor's own API shows of it besides.
    """

    id: str
    vendor: str
    account: str
    url: str
    topics: frozenset[str]
    target: str = ""
    key: str | None = None
    active: bool = True
    shown: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Notice:
    """Something that happened: for whose account, which topic, and the body that tells it."""

    account: str
    topic: str
    body: Mapping[str, Any]
    target: str = ""


@dataclass(frozen=True)
class Flawed:
    """What is wrong with a delivery on purpose."""

    wrong_signature: bool = False
    altered_body: bool = False
    stale: bool = False
    two_signatures: bool = False

    @property
    def now(self) -> int:
        """The time that goes into the signature."""
        return int(time.time()) - (3600 if self.stale else 0)


def _nothing(_box: Sandbox, _change: Mapping[str, Any], _result: Any) -> Iterable[Notice]:
    return ()


def _unsigned(_subscription: Subscription, _body: bytes, _flawed: Flawed) -> dict[str, str]:
    return {}


@dataclass(frozen=True)
class Rules:
    """How a vendor delivers. `ladder` are the pauses in seconds before each further try; `gone` are
    answers that end the subscription.
    """

    notices: Callable[[Sandbox, Mapping[str, Any], Any], Iterable[Notice]] = _nothing
    headers: Callable[[Subscription, bytes, Flawed], dict[str, str]] = _unsigned
    ladder: tuple[float, ...] = ()
    timeout: float = 10.0
    gone: frozenset[int] = frozenset()


@dataclass
class Sent:
    """One delivery to one subscription, with what became of it."""

    id: str
    subscription: str
    vendor: str
    topic: str
    body: bytes = field(repr=False)
    tries: int = 0
    status: str = "waiting"
    answers: list[int] = field(default_factory=list)


class Hooks:
    """See the module's text. Thread-safe."""

    def __init__(self, box: Sandbox, rules: Mapping[str, Rules]) -> None:
        self._box = box
        self._rules = rules
        self._lock = threading.Condition()
        self._ids = itertools.count(1)
        self._order = itertools.count()
        self._waiting: list[tuple[float, int, Sent, Flawed]] = []
        self._held: list[tuple[Sent, Flawed]] = []
        self._threads: list[threading.Thread] = []
        self._busy = 0
        self._made = 0
        self.subscriptions: dict[str, Subscription] = {}
        self.sent: dict[str, Sent] = {}
        self.counts: Counter[str] = Counter()
        self.flaws: dict[str, Any] = dict(FLAWS)

    # -- subscriptions -------------------------------------------------------------------------

    def number(self) -> int:
        """The number of a new subscription."""
        return next(self._ids)

    def subscribe(self, subscription: Subscription) -> Subscription:
        """Keep a subscription. Raises ValueError for an address that no vendor would take."""
        parts = urlsplit(subscription.url)
        local = parts.hostname in ("127.0.0.1", "localhost")
        if parts.scheme != "https" and not (parts.scheme == "http" and local):
            raise ValueError("The address must begin with https.")
        with self._lock:
            self.subscriptions[subscription.id] = subscription
        return subscription

    def of(self, vendor: str, account: str) -> list[Subscription]:
        """The subscriptions of an account."""
        with self._lock:
            return [
                s
                for s in self.subscriptions.values()
                if s.vendor == vendor and s.account == account
            ]

    def find(self, vendor: str, account: str, number: str) -> Subscription | None:
        """One subscription of an account."""
        return next((s for s in self.of(vendor, account) if s.id == number), None)

    def unsubscribe(self, subscription: Subscription) -> None:
        """End a subscription; what is on its way to it is not sent any more."""
        with self._lock:
            self.subscriptions.pop(subscription.id, None)

    def clear(self) -> None:
        """Forget all subscriptions and deliveries."""
        with self._lock:
            self.subscriptions.clear()
            self.sent.clear()
            self.counts.clear()
            self._waiting.clear()
            self._held.clear()
            self.flaws = dict(FLAWS)

    # -- telling -------------------------------------------------------------------------------

    def announce(self, vendor: str, change: Mapping[str, Any], result: Any) -> None:
        """Tell subscribers of a change; `silent` in a change tells nobody, as if all were lost."""
        if self.subscriptions and not change.get("silent"):
            for notice in self._rules[vendor].notices(self._box, change, result):
                self.tell(vendor, notice)

    def tell(self, vendor: str, notice: Notice) -> int:
        """Put a notice on its way to whoever subscribed to it; how many they are."""
        with self._lock:
            to = [
                s
                for s in self.subscriptions.values()
                if s.vendor == vendor
                and s.account == notice.account
                and s.active
                and notice.topic in s.topics
                and s.target == notice.target
            ]
            for subscription in to:
                self._make(subscription, notice)
        return len(to)

    def _make(self, subscription: Subscription, notice: Notice) -> None:
        self._made += 1
        flaws = self.flaws
        self.counts["made"] += 1
        if flaws["drop_every"] and self._made % flaws["drop_every"] == 0:
            self.counts["dropped"] += 1
            return
        copies = 2 if flaws["duplicate_every"] and self._made % flaws["duplicate_every"] == 0 else 1
        body = orjson.dumps(dict(notice.body))
        for _ in range(copies):
            sent = Sent(
                f"del_{next(self._order)}", subscription.id, subscription.vendor, notice.topic, body
            )
            self.sent[sent.id] = sent
            flawed = Flawed(
                **{name: self._next_flaw(name)
                   for name in ("wrong_signature", "altered_body", "stale", "two_signatures")}
            )  # fmt: skip
            self._held.append((sent, flawed))
        if len(self._held) >= max(1, int(flaws["shuffle"])):
            self.flush()

    def _next_flaw(self, name: str) -> bool:
        if self.flaws[name] <= 0:
            return False
        self.flaws[name] -= 1
        return True

    def flush(self) -> None:
        """Send what was held back to be sent out of order."""
        with self._lock:
            held, self._held = self._held, []
            for sent, flawed in reversed(held) if self.flaws["shuffle"] else held:
                self._queue(sent, flawed, 0.0)
            self._start()
            self._lock.notify_all()

    def _queue(self, sent: Sent, flawed: Flawed, pause: float) -> None:
        due = time.monotonic() + pause / max(float(self.flaws["speed"]), 1e-9)
        heapq.heappush(self._waiting, (due, next(self._order), sent, flawed))

    def _start(self) -> None:
        while len(self._threads) < 4:
            thread = threading.Thread(target=self._run, name="sandbox hooks", daemon=True)
            self._threads.append(thread)
            thread.start()

    # -- delivering ----------------------------------------------------------------------------

    def _run(self) -> None:
        with httpx.Client(follow_redirects=False) as client:
            while True:
                sent, flawed = self._next()
                try:
                    self._deliver(client, sent, flawed)
                finally:
                    with self._lock:
                        self._busy -= 1
                        self._lock.notify_all()

    def _next(self) -> tuple[Sent, Flawed]:
        with self._lock:
            while True:
                now = time.monotonic()
                if self._waiting and self._waiting[0][0] <= now:
                    _, _, sent, flawed = heapq.heappop(self._waiting)
                    self._busy += 1
                    return sent, flawed
                self._lock.wait(self._waiting[0][0] - now if self._waiting else None)

    def _deliver(self, client: httpx.Client, sent: Sent, flawed: Flawed) -> None:
        with self._lock:
            subscription = self.subscriptions.get(sent.subscription)
        if subscription is None:
            sent.status = "dropped"
            return
        rules = self._rules[sent.vendor]
        headers = {
            "content-type": "application/json",
            **rules.headers(subscription, sent.body, flawed),
        }
        body = sent.body.replace(b"{", b'{"x":1,', 1) if flawed.altered_body else sent.body
        sent.tries += 1
        try:
            answer = client.post(
                subscription.url, content=body, headers=headers, timeout=rules.timeout
            )
            status = answer.status_code
        except httpx.HTTPError:
            status = 0
        sent.answers.append(status)
        with self._lock:
            self.counts[str(status)] += 1
            if 200 <= status < 300:
                sent.status = "delivered"
            elif status in rules.gone:
                sent.status = "failed"
                self.subscriptions.pop(subscription.id, None)
            elif sent.tries <= len(rules.ladder):
                self._queue(sent, flawed, rules.ladder[sent.tries - 1])
                self._lock.notify_all()
            else:
                sent.status = "failed"

    def settle(self, seconds: float = 30.0) -> bool:
        """Wait until nothing is on its way any more; False if something still is."""
        self.flush()
        with self._lock:
            return self._lock.wait_for(lambda: not self._waiting and not self._busy, seconds)

    # -- the control API -----------------------------------------------------------------------

    def describe(self) -> dict[str, Any]:
        """Subscriptions without their keys, counts of answers by status, and the flaws."""
        with self._lock:
            shown: list[dict[str, Any]] = [asdict(s) for s in self.subscriptions.values()]
            for one in shown:
                one["topics"] = sorted(one["topics"])
                one.pop("key")
            return {
                "subscriptions": shown,
                "counts": dict(self.counts),
                "waiting": len(self._waiting) + len(self._held) + self._busy,
                "flaws": dict(self.flaws),
            }

    def set_flaws(self, flaws: Mapping[str, Any]) -> None:
        """Change how deliveries go wrong. Raises ValueError for an unknown flaw."""
        unknown = sorted(flaws.keys() - FLAWS.keys())
        if unknown:
            raise ValueError(f"Unknown flaw {unknown[0]!r}; known are: {', '.join(FLAWS)}.")
        with self._lock:
            self.flaws |= flaws
