"""dbt as the tests of the warehouse start it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from brokerage.database.engine import parse_url

PROJECT = Path(__file__).parents[2] / "dbt_project"

# what dbt has parsed in this process, by all that goes into it
_parsed: dict[str, bytes] = {}


def run_dbt(
    database: str,
    folder: Path,
    *arguments: str,
    as_of: datetime | None = None,
    variables: Mapping[str, Any] | None = None,
    may_fail: bool = False,
) -> subprocess.CompletedProcess[str]:
    """A dbt command on a database, with its artifacts in `folder/target`.

    `as_of` is a setting of the session: as a variable, each new moment would have dbt parse the
    project anew.
    """
    url = parse_url(database)
    environment = {
        "BROKERAGE_PG_HOST": url.host,
        "BROKERAGE_PG_PORT": url.port,
        "BROKERAGE_PG_USER": url.username,
        "BROKERAGE_PG_PASSWORD": url.password,
        "BROKERAGE_PG_DBNAME": url.database,
        "DBT_TARGET_PATH": folder / "target",
        "DBT_LOG_PATH": folder / "logs",
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        **({"PGOPTIONS": f"-c brokerage.as_of={as_of.isoformat()}"} if as_of else {}),
    }
    key, parsed = json.dumps([database, variables]), folder / "target" / "partial_parse.msgpack"
    if key in _parsed:
        parsed.parent.mkdir(parents=True, exist_ok=True)
        parsed.write_bytes(_parsed[key])
    done = subprocess.run(
        [
            *(str(Path(sys.executable).with_name("dbt")), *arguments),
            *("--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT)),
            *(("--vars", json.dumps(variables)) if variables else ()),
        ],
        env={**os.environ, **{name: str(value) for name, value in environment.items()}},
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    if key not in _parsed and parsed.exists():
        _parsed[key] = parsed.read_bytes()
    # warnings come last and hide what failed
    failed = [line for line in done.stdout.splitlines() if " ERROR " in line or " FAIL " in line]
    assert may_fail or done.returncode == 0, "\n".join([*failed, done.stdout[-3000:], done.stderr])
    return done


def results_of(folder: Path, name: str = "run_results") -> dict[str, str]:
    """The statuses of the last command by the names of what was built or tested."""
    results = json.loads((folder / "target" / f"{name}.json").read_bytes())["results"]
    return {result["unique_id"].split(".")[2]: str(result["status"]) for result in results}
