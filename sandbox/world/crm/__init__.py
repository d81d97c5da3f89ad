"""The CRM side of the world: one Follow Up Boss account per connected agent (contract ``fub``).

``build_crm(world, rng)`` is the only way in. Nothing here knows HTTP or JSON shapes:
``sandbox.fub`` does.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from random import Random
from typing import Any

from sandbox.world.crm.account import Account
from sandbox.world.crm.build import AccountBuilder, Counts
from sandbox.world.crm.changes import Changes
from sandbox.world.crm.grants import CLIENT_ID, CLIENT_SECRET, Grants
from sandbox.world.crm.model import ADMIN, AGENT, LENDER, OWNER, User
from sandbox.world.crm.switches import Switches
from sandbox.world.crm.truth import account_truth
from sandbox.world.world import World

SYSTEM, SYSTEM_KEY = "Northwind-Sync", "sandbox-system-key"
FIRST_ACCOUNT = 70_011
# Ben and Cora have smaller books than Ada
DEMO_SHARE = {"ben-example": 0.6, "cora-upline": 0.35}

MANY = 10

__all__ = ["SYSTEM", "SYSTEM_KEY", "Account", "Credential", "Crm", "build_crm"]


@dataclass(frozen=True, slots=True)
class Credential:
    """Who an API key acts as."""

    account: Account
    user: User


class Crm:
    """All accounts with their keys, grants and switches."""

    def __init__(self, world: World, rng: Random) -> None:
        self.world = world
        self.switches = Switches()
        self.told: dict[str, tuple[str, datetime]] = {}
        self.systems = {SYSTEM: SYSTEM_KEY}
        self.accounts: dict[str, Account] = {}
        self.revoked: set[str] = set()
        self._keys: dict[str, tuple[str, int]] = {}
        self._role_keys: dict[tuple[str, str], str] = {}
        self.grants = Grants(world.seed, world.now, world.register_key)
        self._builders: dict[str, AccountBuilder] = {}
        self._first_tokens: dict[str, dict[str, Any]] = {}
        base = rng.getrandbits(32)
        for number, agent in enumerate(world.connected):
            self._add(number, world.key_of(agent.id), Random(f"{base}:{number}"))
        self._changes = Changes(world, self.accounts, self._builders, self.switches, Random(base))

    def _add(self, number: int, agent_key: str, rng: Random) -> None:
        world, size = self.world, self.world.size
        agent = world.agent_by_key(agent_key)
        counts = Counts(
            people=size.people,
            events=size.events,
            calls=size.calls,
            text_messages=size.texts,
            appointments=size.appointments,
            deals=size.crm_deals,
            # many accounts: few objects each, so that the start stays a matter of seconds
            **({"formula_from": 200, "patterns": 97} if size.connections > MANY else {}),
        ).scaled(DEMO_SHARE.get(agent_key, 1.0))
        builder = AccountBuilder(
            account_id=FIRST_ACCOUNT + number,
            users=[u for u in world.users if u.agent_key == agent_key],
            agent_name=agent.last_name.title(),
            counts=counts,
            deals=world.deals_of(agent.id, listing=False),
            now=world.now(),
            rng=rng,
        )
        account = self.accounts[agent_key] = builder.build()
        self._builders[agent_key] = builder
        for role in (OWNER, ADMIN, AGENT, LENDER):
            holder = next(
                u for u in reversed(account.users.values()) if u.kind == role and not u.deleted
            )
            if role == AGENT:
                holder = next(
                    u for u in account.users.values() if u.first_name == "Ari" and u.kind == AGENT
                )
            digest = hashlib.sha256(f"{world.seed}:{agent_key}:{role}".encode()).hexdigest()[:24]
            key = f"fka_{digest}"
            self._keys[key] = (agent_key, holder.id)
            self._role_keys[agent_key, role] = key
            world.register_key(key, agent_key)
        self._first_tokens[agent_key] = self.grants.issue(agent_key, account.owner.id)

    def key(self, agent_key: str, role: str = OWNER) -> str:
        """The API key of a role (owner, admin, agent, lender) in an agent's account."""
        self.account_of(agent_key)
        return self._role_keys[agent_key, role]

    def account_of(self, agent_key: str) -> Account:
        """The account of a connected agent. Raises ValueError when there is none."""
        if agent_key not in self.accounts:
            raise ValueError(
                f"There is no CRM account of {agent_key!r}; GET /sandbox/accounts lists them."
            )
        return self.accounts[agent_key]

    def credential(self, api_key: str) -> Credential | None:
        """Whom an API key stands for; None when it is unknown or revoked."""
        found = self._keys.get(api_key)
        if found is None or api_key in self.revoked:
            return None
        account = self.accounts[found[0]]
        return Credential(account, account.users[found[1]])

    def bearer(self, token: str) -> Credential | None:
        """Whom an access token stands for; counts as one use."""
        access = self.grants.use(token)
        if access is None:
            return None
        account = self.accounts[access.agent_key]
        return Credential(account, account.users[access.user_id])

    def account(self, agent_key: str) -> dict[str, Any] | None:
        """Everything a client needs to connect: keys of each role, the OAuth client with a token
        pair, the system. None for whoever has no account.
        """
        account = self.accounts.get(agent_key)
        if account is None:
            return None
        first = self._first_tokens[agent_key]
        return {
            "api_key": self.key(agent_key),
            "credentials": {"api_key": self.key(agent_key)},
            "role": OWNER,
            "account_id": account.id,
            "keys": {role: self.key(agent_key, role) for role in (OWNER, ADMIN, AGENT, LENDER)},
            "oauth": {
                "client_id": CLIENT_ID,
                "client_secret": CLIENT_SECRET,
                "access_token": first["access_token"],
                "refresh_token": first["refresh_token"],
            },
            "system": SYSTEM,
            "system_key": SYSTEM_KEY,
        }

    def truth(self, agent_key: str, role: str = OWNER) -> dict[str, Any]:
        """What the warehouse must hold of the account as seen by a role (format:
        ``sandbox.world.crm.truth``).
        """
        account = self.account_of(agent_key)
        viewer = account.users[self._keys[self.key(agent_key, role)][1]]
        return account_truth(account, viewer, self.world.now())

    def advance(self, days: int) -> None:
        """Lets the accounts live through the last ``days`` days; the clock has moved already."""
        self._changes.advance(days)

    def mutate(self, change: Mapping[str, Any]) -> dict[str, Any]:
        """Plays one change; ``change["op"]`` starts with ``fub.``. Raises ValueError for an unknown
        one.
        """
        change = _Change(change)
        op = str(change.get("op", "")).removeprefix("fub.")
        agent_key = str(change.get("agent_key") or next(iter(self.accounts)))
        match op:
            case "switch":
                self.switches.set(str(change["name"]), change["value"], change.get("entity"))
                return {
                    "switch": change["name"],
                    "value": getattr(self.switches, str(change["name"])),
                }
            case "revoke_key":
                key = self.key(agent_key, str(change.get("role", OWNER)))
                self.revoked.add(key)
                return {"revoked": agent_key}
            case "restore_key":
                self.revoked.discard(self.key(agent_key, str(change.get("role", OWNER))))
                return {"restored": agent_key}
            case "swap_key":
                other = str(change["other"])
                mine, theirs = self.key(agent_key), self.key(other)
                self._keys[mine], self._keys[theirs] = self._keys[theirs], self._keys[mine]
                return {"swapped": [agent_key, other]}
            case "expire_tokens":
                return {"expired": self.grants.expire(agent_key)}
            case "revoke_grant":
                self.grants.revoke(agent_key)
                return {"revoked": agent_key}
            case "refuse_refresh":
                (
                    self.grants.refused.add
                    if change.get("on", True)
                    else self.grants.refused.discard
                )(agent_key)
                return {"refused": sorted(self.grants.refused)}
            case "expire_account":
                self.account_of(agent_key).expired = bool(change.get("on", True))
                return {"expired": agent_key}
            case _:
                return self._changes.play(self.account_of(agent_key), op, change)


class _Change(dict[str, Any]):
    """A change that says which of its fields is missing."""

    def __missing__(self, name: str) -> Any:
        raise ValueError(
            f"The change {self.get('op')!r} needs {name!r}; see sandbox/fub/README.md."
        )


def build_crm(world: World, rng: Random) -> Crm:
    """The CRM accounts of a world's connected agents."""
    return Crm(world, rng)
