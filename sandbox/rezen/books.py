"""reZEN's books are the world itself: its deals, its people and its ledger; OAuth grants; and what
became of a payment or a contribution since it was booked.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sandbox.rezen.grants import EXPIRES_IN, Grants
from sandbox.switches import turn
from sandbox.truth import rezen_truth
from sandbox.vendor import HOUSE

if TYPE_CHECKING:
    from sandbox.box import Sandbox


SWITCHES: Mapping[str, Any] = {
    "expires_in": EXPIRES_IN,
    "authorize": "approve",
    "nonce": "same",
}


class Books:
    """See the module's text. ``switches`` are in the sandbox's README."""

    def __init__(self, box: Sandbox) -> None:
        self._world = box.world
        self.switches: dict[str, Any] = dict(SWITCHES)
        self.grants = Grants(box.world.seed, self.switches, box.world.register_key)
        self.payment_status: dict[str, str] = {}

    def account(self, agent_key: str) -> dict[str, Any] | None:
        """The agent's API key and yenta id, and the tokens of its OAuth grant."""
        if agent_key == HOUSE:
            return None
        key = self._world.api_keys[agent_key]
        grant = self.grants.of_agent(agent_key)
        return {
            "api_key": key,
            "yenta_id": self._world.agent_by_key(agent_key).id,
            "credentials": {"api_key": key},
            "oauth": {
                "access_token": grant.access,
                "refresh_token": grant.refresh,
                "expires_at": grant.told.isoformat(),
            },
        }

    def truth(self, agent_key: str) -> dict[str, Any]:
        """See ``sandbox.truth``."""
        return rezen_truth(self._world, self._world.agent_by_key(agent_key).id)

    def advance(self, days: int) -> None:
        """Nothing to do: the world has lived already."""

    def mutate(self, change: Mapping[str, Any]) -> dict[str, Any]:
        """Plays one change of grants or payments (``rezen.…``); all others are the world's."""
        op = str(change.get("op", ""))
        agent_key = str(change.get("agent_key", ""))
        match op.partition(".")[2]:
            case "switch":
                return turn(self.switches, change)
            case "expire_token":
                self._world.agent_by_key(agent_key)
                self.grants.expire(agent_key, told=bool(change.get("told")))
            case "revoke_grant":
                self._world.agent_by_key(agent_key)
                self.grants.withdrawn.add(agent_key)
            case "set_payment_status":
                status = str(change["status"])
                payment = self._world.ledger.payments[self._world.agent_by_key(agent_key).id][-1]
                self.payment_status[payment.id] = status
                return {"agent_key": agent_key, "payment_id": payment.id}
            case "withdraw_contribution":
                return self._withdraw(agent_key, str(change["contribution_id"]))
            case "":
                return self._world.mutate(change)
            case _:
                raise ValueError(f"There is no change {op!r}; see sandbox/README.md.")
        return {"agent_key": agent_key}

    def _withdraw(self, agent_key: str, contribution_id: str) -> dict[str, Any]:
        """A contribution that was never earned after all: it is nowhere any more."""
        ledger, receiver = self._world.ledger, self._world.agent_by_key(agent_key).id
        row = next((c for c in ledger.contributions[receiver] if c.id == contribution_id), None)
        if row is None:
            raise ValueError(f"{agent_key} has no contribution {contribution_id!r}.")
        ledger.contributions[receiver].remove(row)
        if row in ledger.pending(receiver):
            ledger.pending(receiver).remove(row)
        for payment in ledger.payments[receiver]:
            if payment.id == row.payment_id:
                payment.contributions.remove(row)
                payment.amount -= row.payout
        self._world.touch()
        return {"agent_key": agent_key, "contribution_id": contribution_id}
