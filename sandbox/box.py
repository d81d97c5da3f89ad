"""The sandbox itself: one world, one clock, the limits, the faults and the request log."""

from __future__ import annotations

import gc
import threading
from collections.abc import Mapping
from datetime import date
from typing import Any

from sandbox.clock import Clock
from sandbox.faults import Faults
from sandbox.limits import Limits
from sandbox.requests import RequestLog
from sandbox.truth import rezen_truth
from sandbox.world.crm import build_crm
from sandbox.world.sizes import SIZES, Size
from sandbox.world.world import World


class Sandbox:
    """Everything a test may touch. Hold ``lock`` while changing the world from another thread."""

    def __init__(
        self,
        *,
        size: str | Size = "small",
        seed: int = 7,
        today: date = date(2026, 6, 15),
        limited: bool = True,
        latency: float = 0.0,
        rezen_per_minute: int = 600,
    ) -> None:
        self.size = SIZES[size] if isinstance(size, str) else size
        self.seed = seed
        self.start = today
        self.latency = latency
        self.url = ""
        self.lock = threading.RLock()
        self.clock = Clock(today)
        self.limits = Limits(self.clock, enabled=limited)
        self.limits.set("rezen", "global", rezen_per_minute, 60.0)
        self.faults = Faults()
        self.requests = RequestLog(self.clock)
        self.rebuilt = 0
        self._build()

    def _build(self) -> None:
        # a large world is millions of live objects: collecting while building doubles the time
        gc.disable()
        try:
            self.world = World(seed=self.seed, size=self.size, clock=self.clock)
            self.crm = build_crm(self.world, self.world.rng("crm"))
        finally:
            gc.enable()
        self.rebuilt += 1

    @property
    def accounts(self) -> list[dict[str, Any]]:
        """The connected agents with their sandbox credentials, the three demo agents first."""
        rows = []
        for agent in self.world.connected:
            key = self.world.key_of(agent.id)
            row: dict[str, Any] = {
                "agent_key": key,
                "name": agent.full_name,
                "email": agent.email,
                "rezen": {"api_key": self.world.api_keys[key], "yenta_id": agent.id},
                "fub": self.crm.account(key),
            }
            rows.append(row)
        return rows

    def truth(self, agent_key: str | None = None) -> dict[str, Any]:
        """The ground truth of one agent, or of all under their keys (format: sandbox/README.md)."""
        with self.lock:
            if agent_key is None:
                return {self.world.key_of(a.id): self._truth(a.id) for a in self.world.connected}
            return self._truth(self.world.agent_by_key(agent_key).id)

    def _truth(self, agent_id: str) -> dict[str, Any]:
        key = self.world.key_of(agent_id)
        return {
            "agent_key": key,
            "rezen": rezen_truth(self.world, agent_id),
            "fub": self.crm.truth(key),
        }

    def advance(self, *, days: int = 0, seconds: float = 0) -> None:
        """Moves the calendar; whole days let the brokerage live on."""
        with self.lock:
            if seconds:
                self.clock.advance(seconds=seconds)
                self.world.catch_up()
            if days:
                self.world.advance(days)
                self.crm.advance(days)

    def mutate(self, change: Mapping[str, Any]) -> dict[str, Any]:
        """Plays one change (``op`` and its fields, see sandbox/README.md) and reports what it
        touched.
        """
        op = str(change.get("op", ""))
        with self.lock:
            if op.startswith("fub."):
                return self.crm.mutate(change)
            return self.world.mutate(change)

    def reset(self) -> None:
        """Back to the first day: same seed, same size, no faults, no counts."""
        with self.lock:
            factor = self.clock.factor
            self.clock.restart(self.start, factor=factor)
            self.faults.clear()
            self.limits.clear()
            self.requests.clear()
            self._build()
