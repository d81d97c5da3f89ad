"""The connected agents that the runs are about."""

from __future__ import annotations

from dataclasses import dataclass

from brokerage.control.repository import ControlRepository
from brokerage.control.vault import Vault
from sandbox.box import Sandbox

AGENTS = ("ada-sample", "ben-example")


@dataclass
class Office:
    """The connected agents, with the keys that open their accounts."""

    box: Sandbox
    repository: ControlRepository
    vault: Vault

    def connect(self, agent_key: str, vendor: str, api_key: str | None = None) -> None:
        accounts = {account["agent_key"]: account for account in self.box.accounts}
        self.repository.add_agent(agent_key, agent_key.title())
        connection = self.repository.save_connection(agent_key, vendor)
        secret = api_key or accounts[agent_key][vendor]["api_key"]
        self.vault.put(connection.connection_id, {"api_key": secret})
