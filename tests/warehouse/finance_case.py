"""What the tests of finance share: empty raw tables, dbt, queries."""

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

FINANCE = "path:models/finance"

Row = Mapping[str, Any]


def make_raw_tables(database: str, folder: Path) -> None:
    """The raw tables of all vendors, empty: agents and connections are built from all of them."""
    loader = build_url(database, role=LOADER, driver=LIBPQ_DRIVER)
    for vendor in VENDORS.values():
        prepare_raw(vendor, loader, folder / "dlt")


def build_finance(database: str, folder: Path, as_of: datetime) -> str:
    """`dbt build` of finance and all that it is made of, with the data tests."""
    chosen = (f"+{FINANCE}", "--indirect-selection", "cautious", "--exclude", "test_type:unit")
    return run_dbt(database, folder, "build", "--select", *chosen, as_of=as_of).stdout


def rows_of(database: str, query: str, *values: Any) -> list[dict[str, Any]]:
    """The rows of a query."""
    with closing(psycopg2.connect(database)) as connection:
        cursor = connection.cursor(cursor_factory=psycopg2.extras.RealDictCursor)
        cursor.execute(query, values or None)
        return [dict(row) for row in cursor.fetchall()]
