"""What a vendor is to the sandbox: books that live with the world, and an ASGI app over them."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from sandbox.http import ASGIApp, Scope, header

if TYPE_CHECKING:
    from sandbox.box import Sandbox
    from sandbox.hooks import Rules

HOUSE = "house"
"""The agent_key of the brokerage itself: whose Stripe and title accounts belong to no one agent."""


class Books(Protocol):
    """All accounts of one vendor in one world. They are made anew when the sandbox is reset."""

    def account(self, agent_key: str) -> dict[str, Any] | None:
        """What a client needs to connect (credentials, ids), None if this agent has no account."""
        ...

    def truth(self, agent_key: str) -> dict[str, Any]:
        """What a warehouse must hold: at least `{"entities": {entity: {key: {field: value}}}}`."""
        ...

    def advance(self, days: int) -> None:
        """Lives through the last `days` days; the clock and the world have moved already."""
        ...

    def mutate(self, change: Mapping[str, Any]) -> dict[str, Any]:
        """Plays one change, whose `op` starts with the vendor's name and a dot.

        Raises ValueError, one sentence, for one that is unknown or impossible.
        """
        ...


def credential_of(scope: Scope) -> str | None:
    """The credential of a request where most vendors have it: key header, Bearer or Basic user."""
    key = header(scope, b"x-api-key")
    if key:
        return key
    value = header(scope, b"authorization") or ""
    scheme, _, token = value.partition(" ")
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(token).decode("latin-1").partition(":")[0]
        except binascii.Error:
            return None
    return token or None


@dataclass(frozen=True)
class Vendor:
    """One vendor. `build` makes its books from the box's world; `build_app` its HTTP, which asks
    `box.books[name]` at each request. `credential` finds whose request it is, for the log, the
    faults and the limits: the books make their credentials known by `world.register_key`.
    `question` tells from a body what a request asks for, where all requests have one path: the
    patterns of faults see it behind a `#`.
    `settings` are what a client must be told: paths, which begin with `/`, registered names, limits
    that are nowhere published. `roomy` are limits, in requests per minute by context, under which a
    demo takes seconds where the real ones would take hours. `hooks` is how it delivers webhooks.
    """

    name: str
    build: Callable[[Sandbox], Books]
    build_app: Callable[[Sandbox], ASGIApp]
    settings: Mapping[str, Any] | Callable[[Sandbox], Mapping[str, Any]]
    roomy: Mapping[str, int] = field(default_factory=dict)
    credential: Callable[[Scope], str | None] = credential_of
    question: Callable[[bytes], str] | None = None
    hooks: Rules | None = None

    def told(self, box: Sandbox) -> dict[str, Any]:
        """The settings of a client of this sandbox."""
        told = dict(self.settings(box) if callable(self.settings) else self.settings)
        if box.roomy and self.roomy:
            # a little less than is allowed, as a careful client would take
            told["requests_per_minute"] = min(self.roomy.values()) * 98 // 100
        return told
