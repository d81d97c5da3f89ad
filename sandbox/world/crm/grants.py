"""The OAuth grants of the accounts: codes, access tokens and refresh tokens, alive by the world's
clock.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

CLIENT_ID, CLIENT_SECRET = "cid_sandbox_41", "sandbox-client-secret"
CODE_LIFE = timedelta(minutes=15)
ACCESS_LIFE = timedelta(hours=1)
REFRESH_IDLE = timedelta(days=90)


class GrantError(ValueError):
    """A token request that OAuth refuses; ``code`` is the standard error code."""

    def __init__(self, code: str, description: str) -> None:
        super().__init__(description)
        self.code = code


@dataclass(slots=True)
class Access:
    """An access token; ``uses_left`` None means as often as one likes."""

    agent_key: str
    user_id: int
    expires_at: datetime
    uses_left: int | None


@dataclass(slots=True)
class Refresh:
    """A refresh token; it dies when unused for ``REFRESH_IDLE``."""

    agent_key: str
    user_id: int
    last_used: datetime


class Grants:
    """Issues and checks tokens. ``on_issue(token, agent_key)`` hears of every new access token."""

    def __init__(
        self, seed: int, now: Callable[[], datetime], on_issue: Callable[[str, str], None]
    ) -> None:
        self._seed = seed
        self._now = now
        self._on_issue = on_issue
        self._number = 0
        self.clients = {CLIENT_ID: CLIENT_SECRET}
        self.codes: dict[str, tuple[str, int, str | None, datetime]] = {}
        self.access: dict[str, Access] = {}
        self.refresh: dict[str, Refresh] = {}
        self.refused: set[str] = set()

    def _token(self, prefix: str) -> str:
        self._number += 1
        digest = hashlib.sha256(f"{self._seed}:{prefix}:{self._number}".encode()).hexdigest()[:32]
        return f"{prefix}_{digest}"

    def issue(
        self, agent_key: str, user_id: int, uses: int | None = None, keep: str | None = None
    ) -> dict[str, Any]:
        """A fresh token pair in the vendor's shape; ``keep`` reuses that refresh token."""
        access, refresh = self._token("at"), keep or self._token("rt")
        now = self._now()
        self.access[access] = Access(agent_key, user_id, now + ACCESS_LIFE, uses)
        self.refresh[refresh] = Refresh(agent_key, user_id, now)
        self._on_issue(access, agent_key)
        return {
            "access_token": access,
            "token_type": "Bearer",
            "expires_in": int(ACCESS_LIFE.total_seconds()),
            "refresh_token": refresh,
        }

    def authorize(self, agent_key: str, user_id: int, redirect_uri: str | None = None) -> str:
        """A one-use code, as after a click on *approve*."""
        code = self._token("code")
        self.codes[code] = (agent_key, user_id, redirect_uri, self._now() + CODE_LIFE)
        return code

    def exchange(self, code: str, redirect_uri: str | None, uses: int | None) -> dict[str, Any]:
        """Code for tokens. Raises GrantError for one unknown, used, late or of another address."""
        agent_key, user_id, expected, until = self.codes.pop(code, ("", 0, None, self._now()))
        if not agent_key or until <= self._now():
            raise GrantError("invalid_grant", "The authorization code is unknown, used or expired.")
        if expected is not None and expected != redirect_uri:
            raise GrantError(
                "invalid_grant", "The redirect_uri differs from the one that was authorized."
            )
        return self.issue(agent_key, user_id, uses)

    def renew(self, token: str, *, rotate: bool, uses: int | None) -> dict[str, Any]:
        """Refresh token for tokens; with ``rotate`` the old one dies. Raises GrantError when it is
        dead.
        """
        held = self.refresh.get(token)
        if (
            held is None
            or held.agent_key in self.refused
            or self._now() - held.last_used >= REFRESH_IDLE
        ):
            raise GrantError("invalid_grant", "The refresh token is invalid or was revoked.")
        if rotate:
            del self.refresh[token]
            return self.issue(held.agent_key, held.user_id, uses)
        return self.issue(held.agent_key, held.user_id, uses, keep=token)

    def use(self, token: str) -> Access | None:
        """Counts one use of an access token; None when it is unknown or dead."""
        held = self.access.get(token)
        if held is None or held.expires_at <= self._now():
            return None
        if held.uses_left is not None:
            if held.uses_left <= 0:
                return None
            held.uses_left -= 1
        return held

    def expire(self, agent_key: str) -> int:
        """Kills an account's access tokens, not its refresh tokens. Returns how many died."""
        dead = [token for token, held in self.access.items() if held.agent_key == agent_key]
        for token in dead:
            del self.access[token]
        return len(dead)

    def revoke(self, agent_key: str) -> None:
        """Withdraws the whole grant, as a user does in the vendor's settings."""
        self.expire(agent_key)
        self.refresh = {t: held for t, held in self.refresh.items() if held.agent_key != agent_key}
