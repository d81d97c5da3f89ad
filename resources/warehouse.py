"""The warehouse: an address and an engine per database role, from the settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dagster as dg
from pydantic import PrivateAttr

from brokerage.database.engine import (
    BI_READER,
    LIBPQ_DRIVER,
    LOADER,
    TRANSFORMER,
    make_engine,
    owner_url,
    role_url,
)
from brokerage.settings import get_settings
from resources.processes import note_process

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

    from pipelines.common.entity import Vendor

__all__ = ["BI_READER", "LOADER", "TRANSFORMER", "WarehouseResource"]


class WarehouseResource(dg.ConfigurableResource[None]):
    """The database that holds raw data, models and marts."""

    _engines: dict[str, Engine] = PrivateAttr(default_factory=dict)

    def setup_for_execution(self, context: dg.InitResourceContext) -> None:
        """Let the run name its process, so that a crash is noticed."""
        note_process(context)

    def url(self, role: str | None = None) -> str:
        """The address for libpq, dlt and dbt; it holds the password, so never log it.

        Args:
            role: `LOADER`, `TRANSFORMER` or `BI_READER`; None is the owner.
        """
        if role is None:
            return owner_url(driver=LIBPQ_DRIVER)
        return role_url(role, driver=LIBPQ_DRIVER)

    def engine(self, role: str | None = None) -> Engine:
        """An engine whose sessions work as the role, kept for the life of the resource."""
        key = role or ""
        if key not in self._engines:
            self._engines[key] = make_engine(role=role)
        return self._engines[key]

    def create_raw_tables(self, vendor: Vendor) -> None:
        """Create what is missing of a vendor's raw tables, so that loads and models find them."""
        from pipelines.common.load import prepare_raw

        prepare_raw(vendor, self.url(LOADER), get_settings().home / "dlt")

    def teardown_after_execution(self, context: dg.InitResourceContext) -> None:
        """Close the connections that the run has borrowed."""
        for engine in self._engines.values():
            engine.dispose()
        self._engines.clear()
