"""A process of its own that asks reZEN whose Ada's key is, with the credential in the vault:
`python -m tests.orchestration.renewing CONNECTION_ID SETTINGS_JSON`.

It says when it is about to renew, and in the end which key it used and whose it is.
"""

from __future__ import annotations

import sys
from hashlib import sha256

from brokerage.control.vault import Vault
from brokerage.database.engine import make_engine, owner_url
from brokerage.settings import Settings
from pipelines.common.account import Account, Credentials, Exchange
from pipelines.common.entity import check_account
from pipelines.rezen.client import RezenSettings
from pipelines.rezen.source import REZEN
from resources.credentials import VaultCredentials


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def fingerprint(credentials: Credentials) -> str:
    """Names a key without showing it."""
    return sha256(credentials["access_token"].encode()).hexdigest()[:16]


class Telling(VaultCredentials):
    """Says that a renewal begins."""

    def refresh(self, stale: Credentials, exchange: Exchange) -> Credentials:
        say("renewing")
        return super().refresh(stale, exchange)


def main() -> None:
    connection_id, settings = sys.argv[1:]
    own = Settings(_env_file=None)
    engine = make_engine(owner_url(own))
    credentials = Telling(Vault.for_settings(engine, own), engine, connection_id)
    account = Account(connection_id, connection_id.partition(":")[0], "rezen", credentials)
    identity = check_account(REZEN, account, RezenSettings.model_validate_json(settings))
    say(f"{fingerprint(credentials.get())} {identity.account_source_id}")
    engine.dispose()


if __name__ == "__main__":
    main()
