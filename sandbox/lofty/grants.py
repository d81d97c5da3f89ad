"""API keys and OAuth grants of all accounts, alive by the sandbox's clock (contract §1)."""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

CLIENT_ID, CLIENT_SECRET = "sandbox-lofty-client", "sandbox-lofty-secret"
REFRESH_LIFE = timedelta(days=180)
CODE_LIFE = timedelta(minutes=10)
OWNER, AGENT = "owner", "agent"


class GrantError(ValueError):
    """A token request that is refused; ``code`` is the standard error code."""

    def __init__(self, code: str, description: str) -> None:
        super().__init__(description)
        self.code = code


@dataclass(frozen=True, slots=True)
class Holder:
    """Whose credential it is: an account, and whether the owner's or the plain agent's."""

    agent_key: str
    role: str = OWNER


@dataclass(slots=True)
class Token:
    """An access or a refresh token and the instant at which it dies."""

    holder: Holder
    until: datetime


@dataclass(slots=True)
class Code:
    """A one-use authorization code; ``challenge`` is PKCE's, if the consent page had one."""

    holder: Holder
    until: datetime
    challenge: str | None


class Grants:
    """Issues and checks credentials. ``on_issue(credential, agent_key)`` hears of every new one."""

    def __init__(
        self,
        seed: int,
        now: Callable[[], datetime],
        on_issue: Callable[[str, str], None],
        switches: Mapping[str, Any],
    ) -> None:
        self._seed = seed
        self._now = now
        self._on_issue = on_issue
        self._switches = switches
        self._number = 0
        self.keys: dict[str, Holder] = {}
        self.expired: set[str] = set()
        self.access: dict[str, Token] = {}
        self.refresh: dict[str, Token] = {}
        self.codes: dict[str, Code] = {}
        self.revoked: set[str] = set()

    def _text(self, prefix: str, name: str) -> str:
        digest = hashlib.sha256(f"{self._seed}:lofty:{prefix}:{name}".encode()).hexdigest()[:32]
        return f"{prefix}_{digest}"

    def _new(self, prefix: str) -> str:
        self._number += 1
        return self._text(prefix, str(self._number))

    # --- API keys -----------------------------------------------------------------------------

    def key_of(self, agent_key: str, role: str) -> str:
        """The API key of a user; the first call makes it known."""
        key = self._text("lak", f"{agent_key}:{role}")
        if key not in self.keys:
            self.keys[key] = Holder(agent_key, AGENT if role == AGENT else OWNER)
            self._on_issue(key, agent_key)
        return key

    def by_key(self, key: str) -> Holder | None:
        """Whose key it is; None if it is unknown, past its date or revoked."""
        holder = self.keys.get(key)
        if holder is None or key in self.expired or holder.agent_key in self.revoked:
            return None
        return holder

    # --- OAuth --------------------------------------------------------------------------------

    def issue(self, holder: Holder) -> dict[str, Any]:
        """A new pair in the vendor's form."""
        seconds = int(self._switches["expires_in"])
        access, refresh = self._new("lat"), self._new("lrt")
        self.access[access] = Token(holder, self._now() + timedelta(seconds=seconds))
        self.refresh[refresh] = Token(holder, self._now() + REFRESH_LIFE)
        self._on_issue(access, holder.agent_key)
        return {
            "access_token": access,
            "token_type": "Bearer",
            "expires_in": seconds,
            "refresh_token": refresh,
            "scope": "openApi",
        }

    def authorize(self, holder: Holder, challenge: str | None = None) -> str:
        """A one-use code, as after a click on *allow*."""
        code = self._new("lac")
        self.codes[code] = Code(holder, self._now() + CODE_LIFE, challenge)
        return code

    def exchange(self, code: str, verifier: str | None) -> dict[str, Any]:
        """Code for tokens. Raises GrantError for one that is unknown, used, late or unproven."""
        held = self.codes.pop(code, None)
        if held is None or held.until <= self._now():
            raise GrantError("invalid_grant", "The code is unknown, used or expired.")
        if held.challenge is not None:
            digest = hashlib.sha256((verifier or "").encode()).digest()
            if urlsafe_b64encode(digest).rstrip(b"=").decode() != held.challenge:
                raise GrantError("invalid_grant", "The code_verifier does not fit the challenge.")
        return self.issue(held.holder)

    def renew(self, refresh: str) -> dict[str, Any]:
        """Refresh token for a new pair; with the switch ``rotate`` the old one dies.

        Raises GrantError when it is dead.
        """
        held = self.refresh.get(refresh)
        if held is None or held.until <= self._now() or held.holder.agent_key in self.revoked:
            raise GrantError("invalid_grant", "The refresh token is invalid or was revoked.")
        if self._switches["rotate"]:
            del self.refresh[refresh]
        return self.issue(held.holder)

    def by_token(self, token: str) -> Holder | None:
        """Whose access token it is; None if it is unknown, over or revoked."""
        held = self.access.get(token)
        if held is None or held.until <= self._now() or held.holder.agent_key in self.revoked:
            return None
        return held.holder

    def expire(self, agent_key: str) -> int:
        """Ends an account's access tokens, not its refresh tokens. Returns how many."""
        mine = [t for t in self.access.values() if t.holder.agent_key == agent_key]
        for token in mine:
            token.until = self._now()
        return len(mine)
