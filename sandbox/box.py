"""The sandbox itself: one world, one clock, the limits, the faults and the request log."""

from __future__ import annotations

import gc
import threading
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, cast

from sandbox.clock import Clock
from sandbox.faults import Faults
from sandbox.first_day import first_day
from sandbox.hooks import Hooks, Rules
from sandbox.limits import Limits
from sandbox.requests import RequestLog
from sandbox.vendor import HOUSE, Books
from sandbox.vendors import VENDORS
from sandbox.world.crm import Crm
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
        roomy: bool = False,
    ) -> None:
        self.size = SIZES[size] if isinstance(size, str) else size
        self.seed = seed
        self.start = today
        self.latency = latency
        self.url = ""
        self.lock = threading.RLock()
        self.clock = Clock(today)
        self.limits = Limits(self.clock, enabled=limited)
        self.rezen_per_minute = rezen_per_minute
        self.limits.set("rezen", "global", rezen_per_minute, 60.0)
        self.roomy = roomy
        if roomy:
            for name, vendor in VENDORS.items():
                for context, requests in vendor.roomy.items():
                    self.limits.set(name, context, requests, 60.0)
        self.faults = Faults()
        self.requests = RequestLog(self.clock)
        self.hooks = Hooks(self, {n: v.hooks or Rules() for n, v in VENDORS.items()})
        self.rebuilt = 0
        self.world: World
        self.books: dict[str, Books]
        self._build()

    def _build(self) -> None:
        # a large world is millions of live objects: collecting while building doubles the time
        gc.disable()
        try:
            self.world, self.books, moment = first_day(
                (self.seed, self.size, self.start),
                self._built,
                {"box": self, "clock": self.clock, "lock": self.lock},
            )
            # what was built in some milliseconds must not be of the future when it is read back
            self.clock.advance(seconds=max(0.0, (moment - self.clock.now()).total_seconds()))
        finally:
            gc.enable()
        self.rebuilt += 1

    def _built(self) -> tuple[World, dict[str, Books], datetime]:
        # the books look for the world here
        self.world = World(seed=self.seed, size=self.size, clock=self.clock)
        books = {name: vendor.build(self) for name, vendor in VENDORS.items()}
        return self.world, books, self.clock.now()

    @property
    def crm(self) -> Crm:
        """Follow Up Boss's books."""
        return cast(Crm, self.books["fub"])

    @property
    def accounts(self) -> list[dict[str, Any]]:
        """The connected agents with their sandbox credentials, the three demo agents first."""
        return [
            {
                "agent_key": self.world.key_of(agent.id),
                "name": agent.full_name,
                "email": agent.email,
                **self._accounts_of(self.world.key_of(agent.id)),
            }
            for agent in self.world.connected
        ]

    @property
    def house(self) -> dict[str, Any]:
        """The brokerage itself, with the accounts that belong to no one agent."""
        return {
            "agent_key": HOUSE,
            "name": "The brokerage",
            "email": "office@example.com",
            **self._accounts_of(HOUSE),
        }

    def account(self, agent_key: str, vendor: str) -> dict[str, Any]:
        """What a client needs to connect. Raises ValueError when there is no such account."""
        found = self.books[vendor].account(agent_key)
        if found is None:
            raise ValueError(f"{agent_key} has no account at {vendor}; see GET /sandbox/accounts.")
        return found

    def _accounts_of(self, agent_key: str) -> dict[str, Any]:
        found = {name: books.account(agent_key) for name, books in self.books.items()}
        return {name: account for name, account in found.items() if account is not None}

    def truth(self, agent_key: str | None = None) -> dict[str, Any]:
        """The ground truth of one agent, or of all under their keys (format: sandbox/README.md)."""
        with self.lock:
            if agent_key is None:
                keys = [self.world.key_of(a.id) for a in self.world.connected]
                return {key: self._truth(key) for key in keys}
            if agent_key != HOUSE:
                self.world.agent_by_key(agent_key)
            return self._truth(agent_key)

    def _truth(self, agent_key: str) -> dict[str, Any]:
        return {
            "agent_key": agent_key,
            **{name: self.books[name].truth(agent_key) for name in self._accounts_of(agent_key)},
        }

    def advance(self, *, days: int = 0, seconds: float = 0) -> None:
        """Moves the calendar; whole days let the brokerage live on."""
        with self.lock:
            if seconds:
                self.clock.advance(seconds=seconds)
                self.world.catch_up()
            if days:
                self.world.advance(days)
                for books in self.books.values():
                    books.advance(days)

    def live(self) -> None:
        """Lets the last 24 hours happen, for a calendar that was moved by seconds."""
        with self.lock:
            self.world.live()
            for books in self.books.values():
                books.advance(1)

    def mutate(self, change: Mapping[str, Any]) -> dict[str, Any]:
        """Plays one change (``op`` and its fields, see sandbox/README.md) and reports what it
        touched.
        """
        vendor, dot, _ = str(change.get("op", "")).partition(".")
        with self.lock:
            if not dot:
                vendor, result = "rezen", self.world.mutate(change)
            elif vendor not in self.books:
                raise ValueError(f"There is no vendor {vendor!r}; see sandbox/README.md.")
            else:
                result = self.books[vendor].mutate(change)
            self.hooks.announce(vendor, change, result)
            return result

    def reset(self) -> None:
        """Back to the first day: same seed, same size, no faults, no counts."""
        with self.lock:
            factor = self.clock.factor
            self.clock.restart(self.start, factor=factor)
            self.faults.clear()
            self.limits.clear()
            self.requests.clear()
            self.hooks.clear()
            self._build()
