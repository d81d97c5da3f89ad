"""OAuth grants of keymaker-oauth (contract §2.3): access tokens that are API keys, and families of
refresh tokens. They live on real time: clients have no other clock.
"""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

CONFIDENTIAL_ID, PUBLIC_ID = "app_sandbox_confidential", "app_sandbox_public"
# needs form encoding before it goes into a Basic header
CLIENT_SECRET = "sandbox:rezen/secret+1"
SCOPES = ("openid", "profile", "email", "real.identity", "ACCOUNT_READ")
EXPIRES_IN = 43_200
CODE_LIFE = timedelta(seconds=60)


class GrantError(ValueError):
    """A token request that is refused; ``code`` is the OAuth error."""

    def __init__(self, code: str, description: str) -> None:
        super().__init__(description)
        self.code = code


@dataclass(slots=True)
class Code:
    """A one-use code and what it was asked for with."""

    agent_key: str
    client_id: str
    redirect_uri: str
    challenge: str
    nonce: str
    until: datetime


@dataclass(slots=True)
class Family:
    """One consent: every token that descends from it lives and dies with it."""

    agent_key: str
    client_id: str
    nonce: str
    refresh: str = ""
    access: str = ""
    told: datetime = field(default_factory=lambda: datetime.now(UTC))
    keys: dict[str, datetime] = field(default_factory=dict)
    revoked: bool = False


class Grants:
    """Issues and checks tokens. ``on_issue(token, agent_key)`` hears of every new access token."""

    def __init__(
        self, seed: int, switches: Mapping[str, Any], on_issue: Callable[[str, str], None]
    ) -> None:
        self._seed = seed
        self._switches = switches
        self._on_issue = on_issue
        self._number = 0
        self._codes: dict[str, Code] = {}
        self._by_access: dict[str, Family] = {}
        self._by_refresh: dict[str, Family] = {}
        self._of_agent: dict[str, Family] = {}
        self.withdrawn: set[str] = set()

    def _token(self, prefix: str) -> str:
        self._number += 1
        text = f"{self._seed}:rezen:{prefix}:{self._number}"
        return f"sandbox_{prefix}_{hashlib.sha256(text.encode()).hexdigest()[:32]}"

    def of_agent(self, agent_key: str) -> Family:
        """The agent's latest grant; the first call allows one."""
        if agent_key not in self._of_agent:
            self._allow(Family(agent_key, CONFIDENTIAL_ID, ""))
        return self._of_agent[agent_key]

    def _allow(self, family: Family) -> Family:
        self._of_agent[family.agent_key] = family
        self._renew(family)
        return family

    def _renew(self, family: Family) -> None:
        # an old refresh token stays known: whoever shows it again ends the family
        family.refresh = self._token("refresh")
        self._by_refresh[family.refresh] = family
        family.access = self._token("key")
        seconds = float(self._switches["expires_in"])
        family.told = datetime.now(UTC) + timedelta(seconds=seconds)
        family.keys[family.access] = family.told
        self._by_access[family.access] = family
        self._on_issue(family.access, family.agent_key)

    def authorize(
        self, agent_key: str, client_id: str, redirect_uri: str, challenge: str, nonce: str
    ) -> str:
        """A one-use code, as after a click on *allow*."""
        code = self._token("code")
        until = datetime.now(UTC) + CODE_LIFE
        self._codes[code] = Code(agent_key, client_id, redirect_uri, challenge, nonce, until)
        return code

    def exchange(self, code: str, client_id: str, redirect_uri: str, verifier: str) -> Family:
        """Code for tokens. Raises GrantError for one unknown, used, late, of another app or
        address, or without its verifier.
        """
        held = self._codes.pop(code, None)
        if held is None or held.until <= datetime.now(UTC):
            raise GrantError("invalid_grant", "The code is unknown, used or expired.")
        digest = hashlib.sha256(verifier.encode()).digest()
        if urlsafe_b64encode(digest).rstrip(b"=").decode() != held.challenge:
            raise GrantError("invalid_grant", "The code_verifier does not fit the challenge.")
        if (client_id, redirect_uri) != (held.client_id, held.redirect_uri):
            raise GrantError("invalid_grant", "The code was given to another client or address.")
        self.withdrawn.discard(held.agent_key)
        return self._allow(Family(held.agent_key, client_id, held.nonce))

    def refresh(self, token: str, client_id: str) -> Family:
        """Refresh token for a new pair. One that was used before ends the whole family."""
        family = self._by_refresh.get(token)
        if family is not None and token != family.refresh:
            family.revoked = True
        if (
            family is None
            or family.revoked
            or family.client_id != client_id
            or family.agent_key in self.withdrawn
        ):
            raise GrantError("invalid_grant", "The refresh token is invalid or was revoked.")
        self._renew(family)
        return family

    def revoke(self, token: str) -> None:
        """RFC 7009: a refresh token takes the keys minted from it along; an unknown one is fine."""
        family = self._by_refresh.get(token)
        if family is not None:
            family.revoked = True
        elif token in self._by_access:
            self._by_access[token].keys.pop(token, None)

    def of_key(self, key: str) -> Family | None:
        """The grant of an access token in force; a renewal leaves earlier ones to their end."""
        family = self._by_access.get(key)
        if family is None or family.revoked or family.agent_key in self.withdrawn:
            return None
        ends = family.keys.get(key)
        return family if ends is not None and ends > datetime.now(UTC) else None

    def expire(self, agent_key: str, *, told: bool) -> None:
        """The agent's access tokens end now; with ``told`` the client could have known."""
        family = self.of_agent(agent_key)
        family.keys = dict.fromkeys(family.keys, datetime.now(UTC))
        if told:
            family.told = datetime.now(UTC)
