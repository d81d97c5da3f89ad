"""The budget never lets a vendor's window overflow, and wastes little of it."""

from __future__ import annotations

import threading
from collections import deque

from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.common.budget import Budgets, Rate, RateBudget


class ManualClock:
    """Time that moves only when somebody waits for it."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now

    def wait(self, condition: threading.Condition, seconds: float | None) -> None:
        assert seconds is not None, "waits for an answer that no other thread will bring"
        self.now += max(seconds, 1e-9)

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@settings(max_examples=60, deadline=None)
@given(
    limit=st.integers(1, 30),
    latencies=st.lists(st.floats(0.0, 3.0), min_size=1, max_size=120),
    arrival=st.floats(0.0, 1.0),
)
def test_no_sliding_window_of_the_vendor_ever_overflows(
    limit: int, latencies: list[float], arrival: float
) -> None:
    """The vendor counts a request anywhere between its departure and its answer."""
    clock, window = ManualClock(), 10.0
    budget = RateBudget(Rate(limit, window, concurrent=1), clock)
    counted: deque[float] = deque()
    for latency in latencies:
        with budget.place():
            counted.append(clock.now + latency * arrival)
            clock.now += latency
    times = sorted(counted)
    for index, moment in enumerate(times):
        inside = [t for t in times[: index + 1] if t > moment - window]
        assert len(inside) <= limit, f"{len(inside)} requests in a window of {limit}"


def test_uses_nearly_all_of_the_limit() -> None:
    clock = ManualClock()
    budget = RateBudget(Rate(250, 10.0, concurrent=1), clock)
    began, requests = clock.now, 2500
    for _ in range(requests):
        with budget.place():
            clock.now += 0.01
    rate = requests / (clock.now - began)
    assert rate >= 0.95 * 25.0, f"only {rate:.2f} of 25 requests per second"


def test_lower_limit_of_the_vendor_is_obeyed() -> None:
    clock = ManualClock()
    budget = RateBudget(Rate(250, 10.0, concurrent=1), clock)
    budget.observe(limit=5)
    began = clock.now
    for _ in range(6):
        with budget.place():
            pass
    assert clock.now - began >= 10.0


def test_requests_of_strangers_count() -> None:
    clock = ManualClock()
    budget = RateBudget(Rate(10, 10.0, concurrent=1), clock)
    budget.observe(limit=10, remaining=2)
    began = clock.now
    for _ in range(4):
        with budget.place():
            pass
    assert clock.now - began >= 10.0


def test_after_a_429_nothing_is_sent_for_a_while_and_then_half() -> None:
    clock = ManualClock()
    budget = RateBudget(Rate(10, 1.0, concurrent=1), clock)
    budget.punish(3.0, halve_for=100.0)
    began = clock.now
    with budget.place():
        assert clock.now - began >= 3.0
    began = clock.now
    for _ in range(10):
        with budget.place():
            pass
    assert clock.now - began >= 1.0


def test_keys_and_contexts_have_budgets_of_their_own() -> None:
    budgets = Budgets({"default": Rate(1, 1.0), "events": Rate(2, 1.0)}, ManualClock())
    assert budgets.of("a", "events") is budgets.of("a", "events")
    assert budgets.of("a", "events") is not budgets.of("b", "events")
    assert budgets.of("a", "unheard of") is budgets.of("a", "default")
