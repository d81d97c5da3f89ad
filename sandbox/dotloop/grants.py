"""The OAuth grants of the accounts (contract §1). They live on real time: clients have no other
clock.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

CLIENT_ID, CLIENT_SECRET = "sandbox-dotloop-client", "sandbox-dotloop-secret"
SCOPE = "account:read, profile:*, loop:*, contact:*, template:read"
EXPIRES_IN = 43_199


class GrantError(ValueError):
    """A token request that is refused; ``code`` is the OAuth error."""

    def __init__(self, code: str, description: str) -> None:
        super().__init__(description)
        self.code = code


@dataclass(slots=True)
class Grant:
    """What one person allowed. ``access`` is the only access token in force; ``told`` is when the
    client was told that it ends, ``ends`` when it does.
    """

    agent_key: str
    refresh: str
    access: str
    told: datetime
    ends: datetime
    scope: str = SCOPE


class Grants:
    """One grant per account. ``on_issue(token, agent_key)`` hears of every new access token."""

    def __init__(
        self, seed: int, switches: Mapping[str, Any], on_issue: Callable[[str, str], None]
    ) -> None:
        self._seed = seed
        self._switches = switches
        self._on_issue = on_issue
        self._issued = 0
        self.of_agent: dict[str, Grant] = {}
        self._by_access: dict[str, Grant] = {}
        self._by_refresh: dict[str, Grant] = {}
        self._codes: dict[str, tuple[str, str | None, str]] = {}
        self.withdrawn: set[str] = set()

    def _token(self, name: str) -> str:
        self._issued += 1
        chance = Random(f"{self._seed}:dotloop:{name}:{self._issued}")
        return str(uuid.UUID(int=chance.getrandbits(128), version=4))

    def allow(self, agent_key: str) -> Grant:
        """A new grant, as after a click on *allow*; an older one of the account dies."""
        old = self.of_agent.get(agent_key)
        if old is not None:
            self._forget(old)
        now = datetime.now(UTC)
        grant = Grant(agent_key, self._token("refresh"), "", now, now)
        self.of_agent[agent_key] = self._by_refresh[grant.refresh] = grant
        self.withdrawn.discard(agent_key)
        self._renew(grant)
        return grant

    def _renew(self, grant: Grant) -> None:
        # every earlier access token is dead at once, the vendor says so
        self._by_access.pop(grant.access, None)
        grant.access = self._token("access")
        seconds = float(self._switches["expires_in"])
        grant.told = grant.ends = datetime.now(UTC) + timedelta(seconds=seconds)
        self._by_access[grant.access] = grant
        self._on_issue(grant.access, grant.agent_key)

    def _forget(self, grant: Grant) -> None:
        self._by_access.pop(grant.access, None)
        self._by_refresh.pop(grant.refresh, None)

    def code(self, agent_key: str, redirect_uri: str | None, state: str) -> str:
        """A code that can be exchanged once."""
        code = self._token("code")
        self._codes[code] = (agent_key, redirect_uri, state)
        return code

    def exchange(self, code: str, redirect_uri: str | None, state: str) -> Grant:
        """Code for tokens. Raises GrantError for one unknown, used, or of another address or
        state.
        """
        agent_key, expected, begun = self._codes.pop(code, ("", None, ""))
        if not agent_key:
            raise GrantError("invalid_grant", "The authorization code is unknown or used.")
        if expected != redirect_uri:
            raise GrantError("invalid_grant", "The redirect_uri is not the one authorized.")
        if begun != state:
            raise GrantError("invalid_grant", "The state is not the one authorized.")
        return self.allow(agent_key)

    def refresh(self, token: str) -> Grant:
        """Refresh token for an access token. Raises GrantError when the grant is gone."""
        grant = self._by_refresh.get(token)
        if grant is None or grant.agent_key in self.withdrawn:
            raise GrantError("invalid_grant", "The refresh token is invalid or was revoked.")
        if self._switches["rotate_refresh"]:
            del self._by_refresh[grant.refresh]
            grant.refresh = self._token("refresh")
            self._by_refresh[grant.refresh] = grant
        self._renew(grant)
        return grant

    def revoke(self, access: str) -> Grant | None:
        """The whole grant of an access token dies; None if there is no such token."""
        grant = self._by_access.get(access)
        if grant is not None:
            self._forget(grant)
        return grant

    def restore(self, agent_key: str) -> None:
        """The grant and its tokens are good again."""
        grant = self.of_agent[agent_key]
        self.withdrawn.discard(agent_key)
        self._by_access[grant.access] = self._by_refresh[grant.refresh] = grant

    def of(self, access: str) -> Grant | None:
        """The grant of an access token in force."""
        grant = self._by_access.get(access)
        if grant is None or grant.agent_key in self.withdrawn or grant.ends <= datetime.now(UTC):
            return None
        return grant

    def expire(self, agent_key: str, *, told: bool) -> None:
        """The access token ends now; with ``told`` the client could have known."""
        grant = self.of_agent[agent_key]
        grant.ends = datetime.now(UTC)
        if told:
            grant.told = grant.ends

    @staticmethod
    def answer(grant: Grant) -> dict[str, Any]:
        """The token response."""
        return {
            "access_token": grant.access,
            "token_type": "Bearer",
            "refresh_token": grant.refresh,
            "expires_in": max(0, round((grant.told - datetime.now(UTC)).total_seconds())),
            "scope": grant.scope,
        }
