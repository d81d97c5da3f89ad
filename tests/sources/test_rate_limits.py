"""The published limits: never crossed, and used where they are what binds.

Time is the sandbox's own stopwatch: it stands still while a request is under way and goes on when
the engine waits, so that the figures depend neither on the machine nor on its load.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass, field, replace

import httpx
import pytest

from pipelines.common import http as engine_http
from pipelines.common.budget import Rate
from pipelines.common.http import VendorHttp, VendorSettings
from pipelines.common.reading import SyncReport
from sandbox.box import Sandbox
from sandbox.limits import Limit, Verdict
from sandbox.world.sizes import SIZES, Size
from tests.sources.rig import Case, FlyingClock, Rig

MakeRig = Callable[..., AbstractContextManager[Rig]]

pytestmark = pytest.mark.engine
STILL = 1e-9


@dataclass
class SandboxStopwatch:
    """The engine's clock on the sandbox's stopwatch; `under_way` counts requests in flight."""

    box: Sandbox
    under_way: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def monotonic(self) -> float:
        return self.box.clock.monotonic()

    def wait(self, condition: threading.Condition, seconds: float | None) -> None:
        if seconds is None or self.under_way:
            # somebody's answer will wake us, at the latest when it is looked for again
            condition.wait(0.005)
        else:
            self._go_on_to(self.monotonic() + seconds)

    def sleep(self, seconds: float) -> None:
        self._go_on_to(self.monotonic() + seconds)

    def _go_on_to(self, moment: float) -> None:
        """Those who wait together wait once."""
        with self._lock:
            self.box.clock.advance(seconds=max(0.0, moment - self.monotonic()))


@pytest.fixture
def size() -> str | Size:
    return "small"


@pytest.fixture
def limited(
    case: Case, make_rig: MakeRig, size: str | Size, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Rig, SandboxStopwatch]]:
    with make_rig(case, limited=True, size=size) as rig:
        rig.settings = case.settings(rig.box)
        rig.box.clock.factor = STILL
        watch = SandboxStopwatch(rig.box)
        send = httpx.Client.request

        def counted(client: httpx.Client, *args: object, **kwargs: object) -> httpx.Response:
            with watch._lock:
                watch.under_way += 1
            try:
                return send(client, *args, **kwargs)  # type: ignore[arg-type]
            finally:
                with watch._lock:
                    watch.under_way -= 1

        monkeypatch.setattr(engine_http.httpx.Client, "request", counted)
        yield rig, watch


def set_limit(rig: Rig, limit: int) -> None:
    """Let the sandbox give every account so many requests per window."""
    rig.box.limits.set(rig.case.name, rig.case.limited_as, limit, rig.case.window)


def used(rig: Rig, agent: str, limit: int, window: float) -> float:
    """Requests sent, as a share of the most that the limit allows in the time they took."""
    log = rig.box.requests.describe()["accounts"]
    [own] = [a for a in log if a["account"] == agent and a["vendor"] == rig.case.name]
    sent = rig.box.requests.count(vendor=rig.case.name, account=agent)
    allowed = limit * (int(own["seconds"] / window) + 1)
    return sent / allowed


def must_have_met_no_limit(rig: Rig, report: SyncReport) -> None:
    assert not report.failures
    assert rig.box.requests.throttled == 0
    assert sum(r.api_calls for r in report.results) == rig.box.requests.count(vendor=rig.case.name)


def test_an_initial_load_meets_no_429_and_uses_the_allowed_rate(
    limited: tuple[Rig, SandboxStopwatch],
) -> None:
    rig, watch = limited
    limit = rig.case.limit
    set_limit(rig, limit)
    # events have a limit of their own, which shall not be what binds here
    rig.box.limits.set("fub", "events", limit, 10.0)
    report = rig.sync(clock=watch)
    must_have_met_no_limit(rig, report)
    assert used(rig, rig.case.first, limit, rig.case.window) >= 0.95 * whole_windows(rig, limit)
    rig.must_equal_truth()


def whole_windows(rig: Rig, limit: int) -> float:
    """The last window cannot be full: the share that is possible with that many requests."""
    sent = rig.box.requests.count(vendor=rig.case.name, account=rig.case.first)
    return sent / (limit * -(-sent // limit))


def test_every_account_has_a_limit_of_its_own(limited: tuple[Rig, SandboxStopwatch]) -> None:
    rig, watch = limited
    limit = rig.case.limit + rig.case.limit // 4
    set_limit(rig, limit)
    must_have_met_no_limit(rig, rig.sync(*rig.case.agents, clock=watch))
    rig.must_equal_truth(*rig.case.agents)


def with_own_rates(rig: Rig) -> VendorSettings:
    """The source's own rates, where the suite has put its own to fill windows with few requests."""
    return rig.settings.model_copy(update={"rates": rig.case.vendor.settings_type().rates})


def test_published_limits_hold_for_loads_and_increments(
    limited: tuple[Rig, SandboxStopwatch],
) -> None:
    rig, watch = limited
    own = with_own_rates(rig)
    must_have_met_no_limit(rig, rig.sync(*rig.case.pair, clock=watch, settings=own))
    rig.box.advance(days=2)
    rig.box.requests.clear()
    must_have_met_no_limit(rig, rig.sync(*rig.case.pair, clock=watch, settings=own))


def test_more_requests_than_the_published_limit_meet_no_429(
    limited: tuple[Rig, SandboxStopwatch],
) -> None:
    """No time passes by itself: without the source's own rates, the last ones would be refused."""
    rig, watch = limited
    own, log = with_own_rates(rig), rig.box.requests
    published = rig.box.limits.get(rig.case.name, rig.case.limited_as)
    assert published is not None
    with closing(VendorHttp(rig.case.vendor.dialect, own, watch)) as http:
        api = http.api(rig.account(rig.case.first))
        while log.count(vendor=rig.case.name) <= published.requests + 5:
            rig.case.vendor.check(api, own)
    assert log.count(vendor=rig.case.name) == log.count(vendor=rig.case.name, status=200)


@pytest.mark.applies(lambda case: "events" in case.vendor.dialect.rates)
@pytest.mark.parametrize("size", [replace(SIZES["small"], events=2_100)], ids=["many_events"])
def test_events_have_a_limit_of_their_own(limited: tuple[Rig, SandboxStopwatch]) -> None:
    """Follow Up Boss gives them fewer requests than all others (fub.md §3.1)."""
    rig, watch = limited
    published = rig.box.limits.get(rig.case.name, "events")
    assert published is not None
    must_have_met_no_limit(rig, rig.sync(clock=watch, entities=["identity", "events"]))
    assert rig.box.requests.count(template="/events") > published.requests


def test_the_limits_hold_in_real_time_too(case: Case, make_rig: MakeRig) -> None:
    """With latency, threads and a clock that runs ten times as fast on both sides."""
    with make_rig(case, limited=True, latency=0.002) as rig:
        rig.settings = case.settings(rig.box)
        limit = case.limit * 2
        set_limit(rig, limit)
        rig.box.clock.factor = 40.0

        class Fast(FlyingClock):
            def monotonic(self) -> float:
                return rig.box.clock.monotonic()

            def wait(self, condition: threading.Condition, seconds: float | None) -> None:
                condition.wait(None if seconds is None else seconds / rig.box.clock.factor)

        report = rig.sync(clock=Fast())
        must_have_met_no_limit(rig, report)
        rig.must_equal_truth()


def test_a_limit_that_others_use_up_is_waited_for(
    limited: tuple[Rig, SandboxStopwatch], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody else spends most of the account's requests: a 429 costs time and no rows."""
    rig, watch = limited
    # the vendor says how long to wait in real seconds, so that time has to run
    rig.box.clock.factor = 1.0
    set_limit(rig, rig.case.limit // 2)
    take, asked, refused = rig.box.limits.take, itertools.count(1), []

    def shared(*whose: str, limit: Limit | None = None) -> Verdict:
        if next(asked) in (5, 9):
            # all that is left, after the last answer told how much that was
            while take(*whose, limit=limit).allowed:
                pass
        verdict = take(*whose, limit=limit)
        refused.extend([] if verdict.allowed else [verdict])
        return verdict

    monkeypatch.setattr(rig.box.limits, "take", shared)
    rate = Rate(60, rig.case.window, 4)
    rates = dict.fromkeys(rig.case.vendor.dialect.rates, rate)
    settings = rig.settings.model_copy(update={"rates": rates})
    report = rig.sync(clock=watch, settings=settings)
    assert refused
    assert not report.failures
    rig.must_equal_truth()
