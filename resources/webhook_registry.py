"""Subscribing to a vendor's webhooks, looking after the subscriptions, and giving them up.

Only a person gives them up. A check reads what the vendor shows and changes nothing there.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from brokerage.control.webhooks import Endpoint, SubscriptionState, WebhookEndpoints
from brokerage.errors import ConfigurationError
from brokerage.settings import Settings, get_settings
from pipelines.common.account import Account
from pipelines.common.http import Api, VendorHttp
from pipelines.common.webhooks import Registry, Subscription, Webhooks
from pipelines.webhooks import WEBHOOKS
from resources.credentials import VaultCredentials
from resources.vendor_settings import vendor_settings

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

    from brokerage.control.repository import ConnectionRecord
    from brokerage.control.vault import Vault


@dataclass(frozen=True)
class Registered:
    """What `register` did for a connection: subscriptions made, replaced and left as they were.

    `by_hand` says what is left for a person where the vendor cannot be asked; it holds the secret
    address.
    """

    made: int
    replaced: int
    kept: int
    by_hand: str | None = None


class WebhookRegistry:
    """The subscriptions of connections; vendor failures come as the typed errors of `Api`."""

    def __init__(self, engine: Engine, vault: Vault, settings: Settings | None = None) -> None:
        self._engine = engine
        self._vault = vault
        self._settings = settings or get_settings()
        self.endpoints = WebhookEndpoints(engine, vault)

    def address(self, endpoint: Endpoint) -> str:
        """The secret address of an endpoint.

        Raises:
            ConfigurationError: when no public address is set.
        """
        base = self._settings.webhook_address
        if base is None:
            raise ConfigurationError(
                "Vendors cannot reach the receiver: set BROKERAGE_WEBHOOK_BASE_URL to its public "
                "https address, see docs/webhooks.md."
            )
        return f"{base}/hooks/{endpoint.vendor}/{endpoint.secrets['token']}"

    def _ours(self, found: Sequence[Subscription], endpoint: Endpoint) -> list[Subscription]:
        """The subscriptions that lead to an endpoint, also from before the public address moved."""
        url = self.address(endpoint)
        end = f"/hooks/{endpoint.vendor}/{endpoint.secrets['token']}"
        return [
            s if s.url == url else replace(s, problem="it delivers to a former address")
            for s in found
            if s.url.endswith(end)
        ]

    def register(self, connection: ConnectionRecord) -> Registered:
        """Subscribe to what is missing and replace what is not alive; again is harmless."""
        webhooks = WEBHOOKS[connection.vendor]
        endpoint = self.endpoints.ensure(
            connection.connection_id, connection.vendor, own_key=webhooks.own_key
        )
        url = self.address(endpoint)
        with self._vendor(connection, webhooks) as (api, registry):
            if registry is None:
                self.endpoints.save_states(
                    connection.connection_id, [_state(connection, "by hand", None, None)]
                )
                return Registered(0, 0, 0, f"{webhooks.by_hand}: {url}")
            settings = vendor_settings(webhooks.vendor, self._settings)
            topics = registry.topics(api, settings)
            mine = self._ours(registry.existing(api, settings), endpoint)
            made = replaced = kept = 0
            for topic in topics:
                held = [s for s in mine if s.topic == topic]
                alive = next((s for s in held if s.problem is None), None)
                if alive is not None and not self._lacks_key(endpoint, webhooks):
                    kept += 1
                    continue
                # vendors allow few subscriptions of one kind: the dead one makes room first
                for dead in held:
                    registry.remove(api, settings, dead.source_id)
                new = registry.create(api, settings, topic, url, endpoint.secrets)
                self.endpoints.keep(connection.connection_id, new)
                made, replaced = (made, replaced + 1) if held else (made + 1, replaced)
        self.check(connection)
        return Registered(made, replaced, kept)

    def _lacks_key(self, endpoint: Endpoint, webhooks: Webhooks) -> bool:
        """True if a key that only the vendor's answer to the making told is not there."""
        return webhooks.vendor_key and "signing_key" not in endpoint.secrets

    def check(self, connection: ConnectionRecord) -> list[SubscriptionState]:
        """Ask the vendor which subscriptions are alive, and write that down."""
        webhooks = WEBHOOKS[connection.vendor]
        endpoint = self.endpoints.of(connection.connection_id)
        if endpoint is None:
            return []
        with self._vendor(connection, webhooks) as (api, registry):
            if registry is None:
                states = [_state(connection, "by hand", None, None)]
            else:
                settings = vendor_settings(webhooks.vendor, self._settings)
                mine = self._ours(registry.existing(api, settings), endpoint)
                topics = registry.topics(api, settings)
                states = [
                    _judged(connection, topic, [s for s in mine if s.topic == topic])
                    for topic in topics
                ]
                # of a profile that was closed, or a table that is no longer pulled
                states += [
                    _state(connection, s.topic, s.source_id, "it is not needed any more")
                    for s in mine
                    if s.topic not in topics
                ]
        self.endpoints.save_states(connection.connection_id, states)
        return states

    def unregister(self, connection: ConnectionRecord) -> int:
        """Remove our subscriptions at the vendor, then close the address; how many they were."""
        webhooks = WEBHOOKS[connection.vendor]
        endpoint = self.endpoints.of(connection.connection_id)
        removed = 0
        if endpoint is not None:
            with self._vendor(connection, webhooks) as (api, registry):
                if registry is not None:
                    settings = vendor_settings(webhooks.vendor, self._settings)
                    for found in self._ours(registry.existing(api, settings), endpoint):
                        registry.remove(api, settings, found.source_id)
                        removed += 1
        self.endpoints.remove(connection.connection_id)
        return removed

    @contextlib.contextmanager
    def _vendor(
        self, connection: ConnectionRecord, webhooks: Webhooks
    ) -> Iterator[tuple[Api, Registry | None]]:
        settings = vendor_settings(webhooks.vendor, self._settings)
        http = VendorHttp(webhooks.vendor.dialect, settings)
        account = Account(
            connection_id=connection.connection_id,
            agent_key=connection.agent_key,
            vendor=connection.vendor,
            credentials=VaultCredentials(self._vault, self._engine, connection.connection_id),
            account_source_id=connection.account_source_id,
        )
        try:
            yield http.api(account), webhooks.registry(settings)
        finally:
            http.close()


def _judged(
    connection: ConnectionRecord, topic: str, held: Sequence[Subscription]
) -> SubscriptionState:
    if not held:
        return _state(connection, topic, None, "it is missing")
    best = next((s for s in held if s.problem is None), held[0])
    return _state(connection, topic, best.source_id, best.problem)


def _state(
    connection: ConnectionRecord, topic: str, source_id: str | None, problem: str | None
) -> SubscriptionState:
    return SubscriptionState(connection.connection_id, topic, source_id, problem, datetime.now(UTC))
