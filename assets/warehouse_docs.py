"""`python -m assets.warehouse_docs` makes dbt's documentation and shows it until Ctrl-C.

With a database that runs, it has the types and sizes of all tables; without one, what the project
says of them. It lies in the home folder, so that it disturbs no build.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy.exc import OperationalError

from assets.manifest import DBT_DIR, find_manifest
from brokerage.database.engine import make_engine, owner_url
from brokerage.errors import BrokerageError, UnavailableError
from brokerage.settings import get_settings
from resources.dbt import dbt_environment, dbt_executable

PORT = 8580


def generate() -> Path:
    """Make the documentation anew.

    Returns:
        The folder with `index.html`, `manifest.json` and `catalog.json`.

    Raises:
        BrokerageError: when dbt cannot read the project.
    """
    folder = get_settings().make_home() / "dbt-docs"
    folder.mkdir(exist_ok=True)
    without = [] if _database_runs() else ["--empty-catalog", "--no-compile"]
    done = _dbt(folder, "--quiet", "docs", "generate", *without, capture=True)
    if done.returncode != 0:
        said = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
        raise BrokerageError(
            "dbt cannot make its documentation: " + " ".join(said[-6:] or ["it gave no reason"])
        )
    if without:
        # dbt writes the manifest when it compiles, for which some tests need the tables
        shutil.copy(find_manifest(), folder / "manifest.json")
        sys.stdout.write("No database runs: types and sizes are left out. `make up` starts one.\n")
    return folder


def serve(folder: Path, port: int) -> int:
    """Show a folder of documentation on the loopback until Ctrl-C; the exit code."""
    sys.stdout.write(f"The warehouse's documentation: http://127.0.0.1:{port}  (Ctrl-C ends it)\n")
    sys.stdout.flush()
    try:
        return _dbt(
            folder,
            *("--quiet", "docs", "serve", "--no-browser"),
            *("--host", "127.0.0.1", "--port", str(port)),
            capture=False,
        ).returncode
    except KeyboardInterrupt:
        return 0


def _database_runs() -> bool:
    try:
        engine = make_engine(owner_url())
    except UnavailableError:
        return False
    try:
        engine.connect().close()
    except OperationalError:
        return False
    finally:
        engine.dispose()
    return True


def _dbt(folder: Path, *arguments: str, capture: bool) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            *(dbt_executable(), *arguments),
            *("--project-dir", str(DBT_DIR), "--profiles-dir", str(DBT_DIR)),
            *("--target-path", str(folder), "--log-path", str(folder)),
        ],
        env={**os.environ, **dbt_environment()},
        capture_output=capture,
        text=True,
        check=False,
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Make and show it; with --no-serve only make it."""
    parser = argparse.ArgumentParser(prog="python -m assets.warehouse_docs")
    parser.add_argument("--port", type=int, default=PORT)
    parser.add_argument("--no-serve", action="store_true", help="only make it, and say where it is")
    chosen = parser.parse_args(arguments)
    try:
        folder = generate()
    except BrokerageError as error:
        sys.stderr.write(f"{error}\n")
        return int(error.exit_code)
    if chosen.no_serve:
        sys.stdout.write(f"{folder / 'index.html'}\n")
        return 0
    return serve(folder, chosen.port)


if __name__ == "__main__":
    raise SystemExit(main())
