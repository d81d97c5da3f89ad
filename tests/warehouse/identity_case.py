"""What the tests of identity share: dbt for the models that it is made of, and their rows."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg2
import psycopg2.extras

from brokerage.database.engine import parse_url

PROJECT = Path(__file__).parents[2] / "dbt_project"

Row = Mapping[str, Any]


def dbt(database: str, folder: Path, *arguments: str, variables: Mapping[str, Any]) -> None:
    """A dbt command on the database, with its artifacts in the folder."""
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
    told = ", ".join(f"{name}: {value!r}" for name, value in variables.items())
    done = subprocess.run(
        [
            str(Path(sys.executable).with_name("dbt")),
            *arguments,
            "--project-dir",
            str(PROJECT),
            "--profiles-dir",
            str(PROJECT),
            "--vars",
            f"{{{told}}}",
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
        cursor.execute(query, values or None)
        return [dict(row) for row in cursor.fetchall()]
