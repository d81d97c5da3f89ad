"""A receiver on a port, a small world and an empty warehouse, anew for each test."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy.engine import Engine

from brokerage.control.vault import Vault
from brokerage.settings import SandboxState, database_fingerprint, get_settings
from sandbox.server import serve
from sandbox.vendors import VENDORS
from tests.brokerage.conftest import run
from tests.webhooks.office import Office, receiving

__all__ = ["run"]


@pytest.fixture
def office(
    database: str, engine: Engine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[Office]:
    """See `Office`; nobody is connected yet. The world's day is today, as ours is."""
    today = datetime.now(UTC).date()
    with serve(size="small", today=today, roomy=True) as box:
        port = int(box.url.rpartition(":")[2])
        home = get_settings().make_home()
        told = {name: vendor.told(box) for name, vendor in VENDORS.items()}
        SandboxState(
            port, "small", 7, today.isoformat(), database_fingerprint(database), vendors=told
        ).write(home)
        get_settings.cache_clear()
        with receiving() as address:
            monkeypatch.setenv("BROKERAGE_WEBHOOK_BASE_URL", address)
            get_settings.cache_clear()
            vault = Vault.for_settings(engine, get_settings())
            yield Office(box, engine, database, address, vault, tmp_path / "dlt")
            box.hooks.clear()
