"""What is unknown or disputed about the vendor and therefore settable per test."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

MODES = ("ok", "ignored", "always_empty")


@dataclass(slots=True)
class Switches:
    """The sandbox's answers to the contract's open questions.

    ``updated_after``/``created_after``/``last_activity_after``: entity (or ``*``) → ``ok``,
    ``ignored`` or ``always_empty``. ``inclusive``: whether time bounds include their instant.
    ``over_limit``: ``clamp`` or ``error`` above 100 rows. ``offset_limit``: first refused offset.
    ``cursor_ttl``: seconds a cursor lives (None: for ever). ``read_delay``: seconds until a created
    person can be read. ``retry_after``: whether a 429 says when. ``rotate``: a refresh replaces the
    refresh token. ``token_requests``: how often a newly issued access token works. ``sort_drift``:
    rows touched before each further page of a list sorted by ``updated``. ``calendars``: ``shared``
    (unshared ones only with ``userId``) or ``all``. ``doubled_ampersand``: in ``nextLink``.
    ``ids_per_event``: most records that one webhook names (None: all).
    """

    updated_after: dict[str, str] = field(default_factory=lambda: {"*": "ok", "deals": "ignored"})
    created_after: dict[str, str] = field(default_factory=lambda: {"*": "ok", "deals": "ignored"})
    last_activity_after: dict[str, str] = field(default_factory=lambda: {"*": "ok"})
    inclusive: bool = True
    over_limit: str = "clamp"
    offset_limit: int = 2000
    cursor_ttl: float | None = None
    read_delay: float = 0.0
    retry_after: bool = True
    rotate: bool = True
    token_requests: int | None = None
    sort_drift: int = 0
    calendars: str = "shared"
    doubled_ampersand: bool = True
    ids_per_event: int | None = None

    def set(self, name: str, value: Any, entity: str | None = None) -> None:
        """Sets one switch; ``entity`` picks the entry of a per-entity switch. Raises ValueError for
        an unknown one.
        """
        known = {f.name for f in fields(self)}
        if name not in known:
            raise ValueError(f"There is no switch {name!r}; there are: {', '.join(sorted(known))}.")
        current = getattr(self, name)
        if isinstance(current, dict):
            if value not in MODES:
                raise ValueError(f"{name} is one of {', '.join(MODES)}, not {value!r}.")
            current[entity or "*"] = value
            return
        setattr(self, name, value)

    def mode(self, name: str, entity: str) -> str:
        """The mode of a per-entity switch."""
        modes: dict[str, str] = getattr(self, name)
        return modes.get(entity, modes["*"])
