"""The vendor connections of the product's agents, with their secrets opened only when asked for."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import dagster as dg
from pydantic import PrivateAttr
from sqlalchemy import text

from brokerage.settings import get_settings
from pipelines.common.account import Account
from resources.credentials import VaultCredentials
from resources.processes import note_process

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

    from brokerage.control.log import ControlLog
    from brokerage.control.repository import ConnectionRecord, ControlRepository
    from brokerage.control.vault import Vault

ACTIVE: Final = "active"
NEEDS_REAUTH: Final = "needs_reauth"


@dataclass(frozen=True)
class Selection:
    """The accounts of some agents at one vendor: those to read, and those left out with a status.

    An agent without a connection to the vendor is in neither.
    """

    accounts: tuple[Account, ...]
    skipped: tuple[ConnectionRecord, ...]


class ConnectionsResource(dg.ConfigurableResource[None]):
    """Opens the control schema: who is connected, and what became of a connection."""

    _engine: Engine | None = PrivateAttr(default=None)
    _vault: Vault | None = PrivateAttr(default=None)

    def setup_for_execution(self, context: dg.InitResourceContext) -> None:
        """Let the run name its process, so that a crash is noticed."""
        note_process(context)

    @property
    def engine(self) -> Engine:
        """The owner's engine, opened at first use."""
        if self._engine is None:
            from brokerage.database.engine import make_engine

            self._engine = make_engine()
        return self._engine

    @property
    def repository(self) -> ControlRepository:
        """Agents and connections, without their secrets."""
        from brokerage.control.repository import ControlRepository

        return ControlRepository(self.engine)

    @property
    def log(self) -> ControlLog:
        """What happened and what went wrong, for people."""
        from brokerage.control.log import ControlLog

        return ControlLog(self.engine)

    @property
    def vault(self) -> Vault:
        """The encrypted secrets, opened at first use."""
        if self._vault is None:
            from brokerage.control.vault import Vault

            self._vault = Vault.for_settings(self.engine, get_settings())
        return self._vault

    def pipelines_dir(self) -> Path:
        """Where dlt keeps its working files; they may be deleted between two runs."""
        return get_settings().home / "dlt"

    def select(self, vendor: str, agents: Collection[str]) -> Selection:
        """The vendor's connections of these agents.

        Args:
            vendor: a key of `pipelines.registry.VENDORS`.
            agents: agent keys.
        """
        wanted = set(agents)
        found = [c for c in self.repository.connections(vendor=vendor) if c.agent_key in wanted]
        return Selection(
            accounts=tuple(self._account(c) for c in found if c.status == ACTIVE),
            skipped=tuple(c for c in found if c.status != ACTIVE),
        )

    def active_agents(self, vendor: str) -> set[str]:
        """The agents whose connection to the vendor may be read."""
        found = self.repository.connections(vendor=vendor, status=ACTIVE)
        return {connection.agent_key for connection in found}

    def read_before(self, vendor: str) -> set[str]:
        """The vendor's connections that were read well at least once."""
        query = text(
            "select distinct connection_id from control.sync_mark "
            "where vendor = :vendor and status = 'ok'"
        )
        with self.engine.connect() as connection:
            return set(connection.execute(query, {"vendor": vendor}).scalars())

    def mark_broken(self, connection_id: str, reason: str, *, run_id: str) -> None:
        """Leave a refused connection out of further runs, and log it the first time."""
        if self.repository.set_connection_status(connection_id, NEEDS_REAUTH, reason):
            self.log.error(
                "sync",
                reason,
                agent_key=connection_id.split(":")[0],
                connection_id=connection_id,
                run_id=run_id,
            )

    def ensure_sync_state(self, vendor: str) -> None:
        """Let `control.sync_state` show the vendor, which it can only after the first load."""
        from brokerage.control.sync_state import refresh_views

        query = text("select exists (select 1 from control.sync_mark where vendor = :vendor)")
        with self.engine.connect() as connection:
            shown = connection.scalar(query, {"vendor": vendor})
        if not shown:
            refresh_views(self.engine)

    def teardown_after_execution(self, context: dg.InitResourceContext) -> None:
        """Close the connections that the run has borrowed."""
        if self._engine is not None:
            self._engine.dispose()

    def _account(self, connection: ConnectionRecord) -> Account:
        return Account(
            connection_id=connection.connection_id,
            agent_key=connection.agent_key,
            vendor=connection.vendor,
            credentials=VaultCredentials(self.vault, self.engine, connection.connection_id),
            account_source_id=connection.account_source_id,
        )
