"""Two agents at Follow Up Boss, one sandbox, Dagster in memory."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from dagster import DagsterInstance, Definitions
from sqlalchemy.engine import Engine

from brokerage.control.repository import ControlRepository
from brokerage.control.vault import Vault
from brokerage.settings import get_settings
from sandbox.server import serve
from tests.orchestration.office import AGENTS, Office


@pytest.fixture(scope="session")
def defs() -> Definitions:
    from definitions import build_definitions

    return build_definitions()


@pytest.fixture
def instance() -> Iterator[DagsterInstance]:
    with DagsterInstance.ephemeral() as ephemeral:
        yield ephemeral


@pytest.fixture
def repository(engine: Engine) -> ControlRepository:
    return ControlRepository(engine)


@pytest.fixture
def office(
    database: str,
    engine: Engine,
    repository: ControlRepository,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Office]:
    """Ada's and Ben's Follow Up Boss accounts, connected."""
    with serve(size="small") as box:
        monkeypatch.setenv("BROKERAGE_FUB_BASE_URL", f"{box.url}/fub/v1")
        monkeypatch.setenv("BROKERAGE_FUB_APP_BASE_URL", f"{box.url}/fub")
        get_settings.cache_clear()
        office = Office(box, repository, Vault.for_settings(engine, get_settings()))
        for agent in AGENTS:
            office.connect(agent, "fub")
        yield office
