"""Switches of a vendor: how it answers where its contract leaves that open."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from typing import Any

Choices = Mapping[str, tuple[Any, ...]]


def turn(
    switches: MutableMapping[str, Any], change: Mapping[str, Any], choices: Choices | None = None
) -> dict[str, Any]:
    """Set the switch that a change names; `choices` has the values of those that take few.

    Raises:
        ValueError: when there is no such switch, or it does not take the value.
    """
    name, value = str(change.get("name", "")), change.get("value")
    if name not in switches:
        raise ValueError(f"There is no switch {name!r}; known are: {', '.join(sorted(switches))}.")
    allowed = (choices or {}).get(name)
    if allowed is not None and value not in allowed:
        raise ValueError(f"The switch {name} is one of {', '.join(map(str, allowed))}.")
    switches[name] = value
    return {"name": name, "value": value}
