"""An account to read from: one agent's connection to one vendor, and its credentials."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

Credentials = Mapping[str, str]
Exchange = Callable[[Credentials], Credentials]


class CredentialProvider(Protocol):
    """Gives the current credential and renews it when the vendor says that it has run out."""

    def get(self) -> Credentials:
        """The credential as stored now."""
        ...

    def refresh(self, stale: Credentials, exchange: Exchange) -> Credentials:
        """Renew `stale` with `exchange`, once even if several callers ask at the same time.

        If somebody else renewed it in the meantime, the stored one is returned unchanged.
        Raises `AccountBroken` if the vendor refuses the renewal.
        """
        ...


@dataclass
class StaticCredentials:
    """Credentials held in memory: for running a source alone and for tests."""

    values: Credentials = field(repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    def get(self) -> Credentials:
        """The credential it was made with, or the last renewed one."""
        return self.values

    def refresh(self, stale: Credentials, exchange: Exchange) -> Credentials:
        """Renew in memory; a credential that changed since `stale` was read is kept."""
        # a refresh token works once: the second of two readers that ask together must find the new
        with self._lock:
            if dict(self.values) == dict(stale):
                self.values = exchange(stale)
            return self.values


@dataclass(frozen=True)
class Account:
    """One connection. `account_source_id` is the vendor's own id of the account, once known."""

    connection_id: str
    agent_key: str
    vendor: str
    credentials: CredentialProvider = field(repr=False)
    account_source_id: str | None = None


@dataclass(frozen=True)
class Identity:
    """Who a credential belongs to, as the vendor says.

    `limited` is a sentence when the credential sees less than the platform needs.
    """

    account_source_id: str
    label: str
    email: str | None = None
    role: str | None = None
    limited: str | None = None
