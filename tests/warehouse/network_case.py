"""What the tests of the network share: raw tables, and dbt for the network and what it needs."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg2
import psycopg2.extras

from brokerage.database.engine import LIBPQ_DRIVER, LOADER, build_url
from pipelines.common.load import prepare_raw
from pipelines.registry import VENDORS
from tests.warehouse.running import run_dbt

Row = Mapping[str, Any]


def make_raw_tables(database: str, folder: Path) -> None:
    """The raw tables of all vendors, empty: agents and connections are built from all of them."""
    loader = build_url(database, role=LOADER, driver=LIBPQ_DRIVER)
    for vendor in VENDORS.values():
        prepare_raw(vendor, loader, folder / "dlt")


def build_network(database: str, folder: Path, as_of: datetime) -> None:
    """`dbt build` of the network models and all that they are made of, with their data tests."""
    run_dbt(
        database,
        folder,
        *("build", "--select", "+path:models/network", "--indirect-selection", "cautious"),
        *("--exclude", "test_type:unit"),
        as_of=as_of,
    )


def rows_of(database: str, query: str, *values: Any) -> list[Row]:
    """The rows of a query."""
    with closing(psycopg2.connect(database)) as connection:
        cursor = connection.cursor(cursor_factory=psycopg2.extras.RealDictCursor)
        cursor.execute(query, values)
        return [dict(row) for row in cursor.fetchall()]
