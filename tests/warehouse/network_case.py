"""What the tests of the network share: raw tables, and dbt for the network and what it needs."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg2
import psycopg2.extras

from brokerage.database.engine import LIBPQ_DRIVER, LOADER, build_url, parse_url
from pipelines.common.load import prepare_raw
from pipelines.registry import VENDORS

PROJECT = Path(__file__).parents[2] / "dbt_project"

Row = Mapping[str, Any]


def make_raw_tables(database: str, folder: Path) -> None:
    """The raw tables of all vendors, empty: agents and connections are built from all of them."""
    loader = build_url(database, role=LOADER, driver=LIBPQ_DRIVER)
    for vendor in VENDORS.values():
        prepare_raw(vendor, loader, folder / "dlt")


def build_network(database: str, folder: Path, as_of: datetime) -> None:
    """`dbt build` of the network models and all that they are made of, with their data tests."""
    url = parse_url(database)
    environment = {
        "BROKERAGE_PG_HOST": url.host,
        "BROKERAGE_PG_PORT": str(url.port),
        "BROKERAGE_PG_USER": url.username,
        "BROKERAGE_PG_PASSWORD": str(url.password),
        "BROKERAGE_PG_DBNAME": url.database,
        "DBT_TARGET_PATH": str(folder / "target"),
        "DBT_LOG_PATH": str(folder / "logs"),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    }
    done = subprocess.run(
        [
            str(Path(sys.executable).with_name("dbt")),
            "build",
            "--select",
            "+path:models/network",
            "--indirect-selection",
            "cautious",
            "--exclude",
            "test_type:unit",
            "--project-dir",
            str(PROJECT),
            "--profiles-dir",
            str(PROJECT),
            "--vars",
            f"{{as_of: '{as_of.isoformat()}'}}",
        ],
        env={**os.environ, **{k: str(v) for k, v in environment.items()}},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-1000:]


def rows_of(database: str, query: str, *values: Any) -> list[Row]:
    """The rows of a query."""
    with closing(psycopg2.connect(database)) as connection:
        cursor = connection.cursor(cursor_factory=psycopg2.extras.RealDictCursor)
        cursor.execute(query, values)
        return [dict(row) for row in cursor.fetchall()]
