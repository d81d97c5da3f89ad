"""reZEN's books are the world itself: its deals, its people and its ledger."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sandbox.truth import rezen_truth
from sandbox.vendor import HOUSE

if TYPE_CHECKING:
    from sandbox.box import Sandbox


class Books:
    """See the module's text."""

    def __init__(self, box: Sandbox) -> None:
        self._world = box.world

    def account(self, agent_key: str) -> dict[str, Any] | None:
        """The agent's API key and yenta id."""
        if agent_key == HOUSE:
            return None
        key = self._world.api_keys[agent_key]
        return {
            "api_key": key,
            "yenta_id": self._world.agent_by_key(agent_key).id,
            "credentials": {"api_key": key},
        }

    def truth(self, agent_key: str) -> dict[str, Any]:
        """See ``sandbox.truth``."""
        return rezen_truth(self._world, self._world.agent_by_key(agent_key).id)

    def advance(self, days: int) -> None:
        """Nothing to do: the world has lived already."""

    def mutate(self, change: Mapping[str, Any]) -> dict[str, Any]:
        """Plays one change of the world."""
        return self._world.mutate(change)
