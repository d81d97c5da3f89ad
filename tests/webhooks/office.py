"""A sandbox, a warehouse and a receiver on a port, with connected agents; see conftest."""

from __future__ import annotations

import socket
import threading
from collections.abc import Collection, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg2
import uvicorn
from sqlalchemy.engine import Engine

from assets.webhooks import Pass, Refetcher
from brokerage.control.repository import ConnectionRecord, ControlRepository
from brokerage.control.vault import Vault
from brokerage.control.webhooks import InboxCounts, WebhookInbox
from brokerage.database.engine import LIBPQ_DRIVER, LOADER, build_url
from brokerage.webhooks.__main__ import build_app
from pipelines.common import run
from pipelines.common.load import prepare_raw
from pipelines.registry import VENDORS
from resources.connections import ConnectionsResource
from resources.vendor_settings import VendorSettingsResource, vendor_settings
from resources.warehouse import WarehouseResource
from resources.webhook_registry import Registered, WebhookRegistry
from sandbox.box import Sandbox

HOLDERS = {"stripe": "house"}
"""Whose account it is where it is no agent's."""


@contextmanager
def receiving() -> Iterator[str]:
    """The receiver of this process's settings, on a free port: its address."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(256)
        server = uvicorn.Server(
            uvicorn.Config(
                build_app(),
                access_log=False,
                log_level="error",
                ws="none",
                timeout_graceful_shutdown=1,
            )
        )
        ready = threading.Event()
        original = server.startup

        async def startup(sockets: Any = None) -> None:
            await original(sockets)
            ready.set()

        server.startup = startup  # type: ignore[method-assign]
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        assert ready.wait(20), "the receiver does not start"
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(20)


@dataclass
class Office:
    """See the module's text."""

    box: Sandbox
    engine: Engine
    database: str
    address: str
    vault: Vault
    folder: Path

    def __post_init__(self) -> None:
        self.repository = ControlRepository(self.engine)
        self.registry = WebhookRegistry(self.engine, self.vault)
        self.inbox = WebhookInbox(self.engine)
        self.connections = ConnectionsResource()
        self.warehouse = WarehouseResource()
        self.refetcher = Refetcher(
            self.connections, self.warehouse, VendorSettingsResource(), "webhook run"
        )

    # -- who is connected ----------------------------------------------------------------------

    def connect(
        self, vendor: str, agent: str = "ada-sample", *, entities: Collection[str] | None = ()
    ) -> ConnectionRecord:
        """Connect an agent of the sandbox, and read these entities of the account; None is all."""
        agent = HOLDERS.get(vendor, agent)
        account = self.box.account(agent, vendor)
        self.repository.add_agent(agent, agent.title())
        connection = self.repository.save_connection(agent, vendor)
        self.vault.put(connection.connection_id, dict(account["credentials"]))
        if entities is None or entities:
            self.sync(vendor, agent, entities=entities)
        return connection

    def sync(self, vendor: str, agent: str = "ada-sample", **options: Any) -> run.SyncReport:
        """An ordinary sync of everything."""
        agent = HOLDERS.get(vendor, agent)
        url = build_url(self.database, role=LOADER, driver=LIBPQ_DRIVER)
        prepare_raw(VENDORS[vendor], url, self.folder)
        report = run.sync(
            VENDORS[vendor],
            self.connections.select(vendor, [agent]).accounts,
            warehouse_url=url,
            settings=vendor_settings(VENDORS[vendor]),
            run_id="sync",
            pipelines_dir=self.folder,
            **options,
        )
        assert not report.failures, report.failures
        self.connections.ensure_sync_state(vendor)
        return report

    def register(self, connection: ConnectionRecord) -> Registered:
        return self.registry.register(connection)

    def url(self, connection: ConnectionRecord) -> str:
        """The secret address of a connection."""
        endpoint = self.registry.endpoints.of(connection.connection_id)
        assert endpoint is not None
        return self.registry.address(endpoint)

    # -- what happens --------------------------------------------------------------------------

    def play(self, **change: Any) -> Mapping[str, Any]:
        """Something happens at a vendor, and its webhooks are delivered."""
        result = self.box.mutate(change)
        assert self.box.hooks.settle(), "deliveries are still on their way"
        return result

    def work_off(self, vendor: str) -> Pass:
        """One pass over a vendor's inbox."""
        return self.refetcher.work_off(vendor)

    # -- looking -------------------------------------------------------------------------------

    def query(self, text: str, *values: Any) -> list[tuple[Any, ...]]:
        with closing(psycopg2.connect(self.database)) as connection:
            with connection.cursor() as cursor:
                cursor.execute(text, values)
                rows: list[tuple[Any, ...]] = cursor.fetchall()
            return rows

    def live(self, table: str, *columns: str) -> dict[str, tuple[Any, ...]]:
        """The live rows of a raw table by key."""
        schema, entity = table.split(".")
        shown = ", ".join(f'r."{name}"' for name in ("_key", *columns))
        rows = self.query(
            f"select {shown} from {table} r where not exists (select 1 from {schema}.tombstones t "
            "where t.connection_id = r.connection_id and t._key = %s || r._key "
            "and t.deleted_at >= r._synced_at)",
            f"{entity}|",
        )
        return {row[0]: row[1:] for row in rows}

    def letters(self, *columns: str) -> list[tuple[Any, ...]]:
        """Columns of the inbox, in the order of arrival."""
        return self.query(
            f"select {', '.join(columns)} from control.webhook_inbox order by webhook_id"
        )

    def counts(self, vendor: str) -> InboxCounts:
        """The inbox of one vendor."""
        found = {counts.vendor: counts for counts in self.inbox.counts()}
        return found.get(vendor) or InboxCounts(vendor, 0, 0, 0, 0, None, None)

    def due_now(self) -> None:
        """Let the pauses be over."""
        with self.engine.begin() as connection:
            connection.exec_driver_sql(
                "update control.webhook_inbox set next_attempt_at = now() where status = 'new'"
            )

    def refusals(self) -> dict[str, int]:
        """Refused deliveries by reason."""
        return {refused.reason: refused.count for refused in self.inbox.refusals()}
