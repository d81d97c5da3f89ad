"""Connecting an account: check the key with the vendor first, then store it encrypted.

The demo connects its agents through the same function as a person does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from brokerage.cli.session import Session
from brokerage.errors import ConfigurationError, RefusedError, UnavailableError

if TYPE_CHECKING:
    from brokerage.control.repository import ConnectionRecord
    from pipelines.common.account import Identity
    from pipelines.common.entity import Vendor
    from pipelines.common.http import VendorSettings
    from pipelines.common.oauth import Attempt, OAuth


@dataclass(frozen=True)
class Connected:
    """What `connect` did; `new_agent` is True if the agent was not known before."""

    connection: ConnectionRecord
    identity: Identity
    new_agent: bool


def find_vendor(name: str) -> Vendor:
    """The vendor of that name.

    Raises:
        ConfigurationError: when there is none; the sentence lists those that are.
    """
    from pipelines.registry import VENDORS

    vendor = VENDORS.get(name)
    if vendor is None:
        raise ConfigurationError(
            f"There is no vendor {name!r}: use one of {', '.join(sorted(VENDORS))}."
        )
    return vendor


def check_credentials(
    session: Session, vendor: Vendor, agent_key: str, credentials: Mapping[str, str]
) -> tuple[Identity, Mapping[str, str]]:
    """Ask the vendor whose key it is; nothing is stored.

    Returns whose it is, and the credentials as they are now: to ask may have renewed them, and
    what they were before may be worthless by then.

    Raises:
        RefusedError: when the vendor refuses the key.
        UnavailableError: when the vendor does not answer as it should.
    """
    from brokerage.control.repository import connection_id
    from pipelines.common.account import Account, StaticCredentials
    from pipelines.common.entity import check_account
    from pipelines.common.errors import AccountBroken, VendorError
    from resources.vendor_settings import vendor_settings

    held = StaticCredentials(dict(credentials))
    account = Account(
        connection_id=connection_id(agent_key, vendor.name),
        agent_key=agent_key,
        vendor=vendor.name,
        credentials=held,
    )
    try:
        identity = check_account(vendor, account, vendor_settings(vendor, session.settings))
        return identity, held.get()
    except AccountBroken as error:
        raise RefusedError(f"{error.sentence} Nothing was stored.") from error
    except VendorError as error:
        raise UnavailableError(
            f"{vendor.title} could not be asked about the key, so nothing was stored: "
            f"{error.sentence}"
        ) from error


def ask_consent(oauth: OAuth, settings: VendorSettings, attempt: Attempt) -> str:
    """The address where the account's owner allows the access.

    Raises:
        ConfigurationError: when no app is set up, or a base URL is not the vendor's.
        UnavailableError: when the vendor cannot tell its address now.
    """
    import httpx

    from pipelines.common.errors import ContractBroken, VendorError

    try:
        with httpx.Client(timeout=settings.timeout_seconds) as client:
            return oauth.consent(client, settings, attempt)
    except ContractBroken as error:
        raise ConfigurationError(error.sentence) from error
    except VendorError as error:
        raise UnavailableError(f"Nothing was stored: {error.sentence}") from error


def redeem(oauth: OAuth, settings: VendorSettings, code: str, attempt: Attempt) -> dict[str, str]:
    """The tokens for the code that consent gave; nothing is stored.

    Raises:
        RefusedError: when the vendor does not accept the code.
        UnavailableError: when its token service does not answer as it should.
    """
    import httpx

    from pipelines.common.errors import AccountBroken, VendorError

    try:
        with httpx.Client(timeout=settings.timeout_seconds) as client:
            return dict(oauth.redeem(client, settings, code, attempt))
    except AccountBroken as error:
        raise RefusedError(f"{error.sentence} Nothing was stored.") from error
    except VendorError as error:
        raise UnavailableError(f"Nothing was stored: {error.sentence}") from error


def connect_account(
    session: Session,
    agent_key: str,
    vendor: Vendor,
    credentials: Mapping[str, str],
    *,
    name: str | None = None,
    email: str | None = None,
    is_demo: bool = False,
    allow_limited: bool = False,
    replace_account: bool = False,
) -> Connected:
    """Check the credentials, then store agent, connection and secrets.

    Args:
        name: the agent's name; by default the vendor's.
        allow_limited: accept a key that sees less than the platform needs.
        replace_account: accept a key of another account than the one connected so far.

    Raises:
        RefusedError: when the key is refused, sees too little or belongs to another account.
    """
    from brokerage.control.repository import check_agent_key, connection_id

    check_agent_key(agent_key)
    identity, credentials = check_credentials(session, vendor, agent_key, credentials)
    if identity.limited and not allow_limited:
        raise RefusedError(
            f"{identity.limited} Nothing was stored: use the key of the account's owner, or "
            "accept the gaps with --allow-limited."
        )
    repository = session.repository
    known = repository.connection(connection_id(agent_key, vendor.name))
    if (
        known is not None
        and known.account_source_id not in (None, identity.account_source_id)
        and not replace_account
    ):
        raise RefusedError(
            f"{agent_key} is connected to {vendor.title} account {known.account_source_id}, but "
            f"this key belongs to {identity.account_source_id} ({identity.label}): give the right "
            "key, use another agent, or switch accounts with --replace-account."
        )
    agent = repository.agent(agent_key)
    repository.add_agent(
        agent_key,
        name or (agent.display_name if agent else identity.label),
        email=email or (None if agent and agent.email else identity.email),
        rezen_agent_id=identity.account_source_id if vendor.name == "rezen" else None,
        is_demo=is_demo,
    )
    connection = repository.save_connection(
        agent_key,
        vendor.name,
        auth_kind="oauth" if "access_token" in credentials else "api_key",
        account_source_id=identity.account_source_id,
        account_label=identity.label,
        account_role=identity.role,
        verified_at=datetime.now(UTC),
    )
    session.vault.replace(connection.connection_id, credentials)
    session.log.event(
        "connection.connected",
        f"{agent_key} is connected to {vendor.title} as {identity.label}.",
        source="cli",
        agent_key=agent_key,
        connection_id=connection.connection_id,
    )
    return Connected(connection, identity, new_agent=agent is None)
