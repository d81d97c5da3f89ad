"""Credentials from the vault, renewed by one caller at a time across threads and processes."""

from __future__ import annotations

import threading
from collections import defaultdict
from typing import TYPE_CHECKING

from sqlalchemy import text

from pipelines.common.account import Credentials, Exchange

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

    from brokerage.control.vault import Vault

# An OAuth refresh token works once: two callers that renew at the same time lock the account out.
# The lock is the database's, because a scheduled run and the command line are two processes.
_LOCK = text("select pg_advisory_xact_lock(hashtextextended('credential:' || :connection_id, 0))")

# A renewal holds one database connection and needs a second one: callers queue up here, without
# any, and few renew at a time, so that they cannot use up the pool and wait for each other.
_in_process: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
_renewing = threading.BoundedSemaphore(4)


class VaultCredentials:
    """The credential of one connection; see `pipelines.common.account.CredentialProvider`."""

    def __init__(self, vault: Vault, engine: Engine, connection_id: str) -> None:
        self._vault = vault
        self._engine = engine
        self._connection_id = connection_id

    def __repr__(self) -> str:
        return f"VaultCredentials({self._connection_id!r})"

    def get(self) -> Credentials:
        """The credential as stored now; empty if there is none.

        Raises:
            ConfigurationError: when the keys at hand cannot open it.
        """
        return self._vault.get(self._connection_id)

    def refresh(self, stale: Credentials, exchange: Exchange) -> Credentials:
        """Renew and store the credential, unless somebody else has done so since it was read."""
        with (
            _in_process[self._connection_id],
            _renewing,
            self._engine.begin() as connection,
        ):
            connection.execute(_LOCK, {"connection_id": self._connection_id})
            stored = self._vault.get(self._connection_id)
            if stored != dict(stale):
                return stored
            renewed = exchange(stale)
            # stored before the lock is given back: the old refresh token is worthless by now
            self._vault.replace(self._connection_id, renewed)
            return renewed
