"""What the tests of finance share: empty raw tables, dbt, queries."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
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
FINANCE = "path:models/finance"

Row = Mapping[str, Any]


def make_raw_tables(database: str, folder: Path) -> None:
    """The raw tables of all vendors, empty: agents and connections are built from all of them."""
    loader = build_url(database, role=LOADER, driver=LIBPQ_DRIVER)
    for vendor in VENDORS.values():
        prepare_raw(vendor, loader, folder / "dlt")


def run_dbt(
    database: str, folder: Path, as_of: datetime, command: str, selected: Sequence[str]
) -> str:
    """What dbt says when it did all of it."""
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
        "PGOPTIONS": f"-c brokerage.as_of={as_of.isoformat()}",
    }
    places = ["--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT)]
    done = subprocess.run(
        [
            str(Path(sys.executable).with_name("dbt")),
            command,
            "--select",
            *selected,
            *places,
        ],
        env={**os.environ, **{k: str(v) for k, v in environment.items()}},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-1000:]
    return done.stdout


def build_finance(database: str, folder: Path, as_of: datetime) -> str:
    """`dbt build` of finance and all that it is made of, with the data tests."""
    chosen = [f"+{FINANCE}", "--indirect-selection", "cautious", "--exclude", "test_type:unit"]
    return run_dbt(database, folder, as_of, "build", chosen)


def rows_of(database: str, query: str, *values: Any) -> list[dict[str, Any]]:
    """The rows of a query."""
    with closing(psycopg2.connect(database)) as connection:
        cursor = connection.cursor(cursor_factory=psycopg2.extras.RealDictCursor)
        cursor.execute(query, values or None)
        return [dict(row) for row in cursor.fetchall()]
