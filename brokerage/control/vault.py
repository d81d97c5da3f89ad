"""The credentials of the connections, encrypted in `control.secrets`.

Fernet (AES-128-CBC with HMAC-SHA256). The sealed text holds the connection and the name next to the
secret, so that a row copied to another connection is refused. Keys are held newest first: the
first encrypts, all decrypt, `rotate` re-encrypts what an older one did.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine import Connection, Engine

from brokerage.control.tables import secrets
from brokerage.database.embedded import write_private
from brokerage.errors import ConfigurationError
from brokerage.settings import Settings

KEY_FILE = "secret.key"

CREDENTIALS = ""
WEBHOOKS = "webhook:"
"""What a secret is for, as the beginning of its name: what opens the vendor's API, or what proves a
webhook."""


def fingerprint(key: str) -> str:
    """A short name for a key that says nothing about it."""
    return hashlib.sha256(key.encode()).hexdigest()[:12]


def new_key() -> str:
    return Fernet.generate_key().decode()


def load_keys(settings: Settings) -> list[str]:
    """The keys of the settings, else of the home folder's key file, which is made if missing.

    Returns:
        Fernet keys, newest first.

    Raises:
        ConfigurationError: when a key is not a Fernet key or the file cannot be read.
    """
    if settings.secret_keys is not None:
        configured = settings.secret_keys.get_secret_value().split(",")
        return check_keys(
            [key.strip() for key in configured if key.strip()], "BROKERAGE_SECRET_KEYS"
        )
    path = settings.make_home() / KEY_FILE
    if not path.exists():
        write_private(path, new_key() + "\n")
    return read_key_file(path)


def read_key_file(path: Path) -> list[str]:
    """The keys of a key file, one per line, newest first."""
    try:
        return check_keys(path.read_text("ascii").split(), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"{path} cannot be read: restore it, or set BROKERAGE_SECRET_KEYS."
        ) from error


def check_keys(keys: Sequence[str], origin: str) -> list[str]:
    """Return the keys if each is a Fernet key and there is at least one."""
    for key in keys:
        try:
            Fernet(key)
        except ValueError as error:
            raise ConfigurationError(
                f"{origin} holds something that is not a Fernet key: make one with "
                "`brokerage secrets new-key`."
            ) from error
    if not keys:
        raise ConfigurationError(
            f"{origin} holds no key: make one with `brokerage secrets new-key`."
        )
    return list(keys)


def _scope_of(name: str) -> str:
    return WEBHOOKS if name.startswith(WEBHOOKS) else CREDENTIALS


class Vault:
    """Secrets by connection; values leave it only through `get`."""

    def __init__(self, engine: Engine, keys: Sequence[str]) -> None:
        self._engine = engine
        self._keys = check_keys(keys, "The vault")
        self._fernet = MultiFernet([Fernet(key) for key in self._keys])

    def __repr__(self) -> str:
        return f"Vault(keys={[fingerprint(key) for key in self._keys]})"

    @classmethod
    def for_settings(cls, engine: Engine, settings: Settings) -> Vault:
        return cls(engine, load_keys(settings))

    def put(
        self, connection_id: str, values: Mapping[str, str], *, scope: str = CREDENTIALS
    ) -> None:
        """Store the secrets, replacing those with the same names."""
        with self._engine.begin() as connection:
            for name, value in values.items():
                full = scope + name
                self._store(connection, connection_id, full, self._seal(connection_id, full, value))

    def replace(self, connection_id: str, credential: Mapping[str, str]) -> None:
        """Store a credential in place of the former one, of which nothing stays.

        What is left of a grant would be used instead of the key that replaced it. A name with a
        colon is of another purpose than the credential, and stays.
        """
        former = secrets.c.name.not_in(credential) & secrets.c.name.not_like("%:%")
        with self._engine.begin() as connection:
            connection.execute(
                delete(secrets).where(secrets.c.connection_id == connection_id, former)
            )
            for name, value in credential.items():
                self._store(connection, connection_id, name, self._seal(connection_id, name, value))

    def get(self, connection_id: str, *, scope: str = CREDENTIALS) -> dict[str, str]:
        """The secrets of a connection in a scope, by name; empty if it has none.

        Raises:
            ConfigurationError: when the keys at hand cannot open them.
        """
        query = select(secrets).where(secrets.c.connection_id == connection_id)
        with self._engine.connect() as connection:
            return {
                row.name.removeprefix(scope): self._open(
                    row.connection_id, row.name, row.ciphertext, row.key_fingerprint
                )
                for row in connection.execute(query)
                if _scope_of(row.name) == scope
            }

    def delete(self, connection_id: str, *, scope: str | None = None) -> None:
        """Delete the secrets of one scope, by default all of the connection."""
        query = delete(secrets).where(secrets.c.connection_id == connection_id)
        if scope is not None:
            query = query.where(secrets.c.name.startswith(scope, autoescape=True))
        with self._engine.begin() as connection:
            connection.execute(query)

    def rotate(self) -> int:
        """Re-encrypt with the newest key what an older key encrypted.

        Returns:
            How many secrets were re-encrypted. All or none are.

        Raises:
            ConfigurationError: when one of them cannot be opened.
        """
        newest = fingerprint(self._keys[0])
        query = select(secrets).where(secrets.c.key_fingerprint != newest).with_for_update()
        with self._engine.begin() as connection:
            rows = connection.execute(query).all()
            for row in rows:
                value = self._open(row.connection_id, row.name, row.ciphertext, row.key_fingerprint)
                sealed = self._seal(row.connection_id, row.name, value)
                self._store(connection, row.connection_id, row.name, sealed)
        return len(rows)

    def _store(self, connection: Connection, connection_id: str, name: str, sealed: bytes) -> None:
        values = {"ciphertext": sealed, "key_fingerprint": fingerprint(self._keys[0])}
        connection.execute(
            insert(secrets)
            .values(connection_id=connection_id, name=name, **values)
            .on_conflict_do_update(
                index_elements=[secrets.c.connection_id, secrets.c.name],
                set_={**values, "updated_at": func.now()},
            )
        )

    def _seal(self, connection_id: str, name: str, value: str) -> bytes:
        return self._fernet.encrypt(json.dumps([connection_id, name, value]).encode())

    def _open(self, connection_id: str, name: str, sealed: bytes, key_fingerprint: str) -> str:
        try:
            owner, opened_name, value = json.loads(self._fernet.decrypt(bytes(sealed)))
        except InvalidToken:
            known = key_fingerprint in {fingerprint(key) for key in self._keys}
            reason = "is damaged" if known else f"was encrypted with key {key_fingerprint}"
            remedy = "connect the account again" if known else "add that key to them"
            raise ConfigurationError(
                f"The secret {name!r} of {connection_id} {reason}, which BROKERAGE_SECRET_KEYS or "
                f"the key file cannot open: {remedy}."
            ) from None
        if (owner, opened_name) != (connection_id, name):
            raise ConfigurationError(
                f"The secret {name!r} of {connection_id} belongs to another connection: connect "
                "the account again."
            )
        return str(value)
