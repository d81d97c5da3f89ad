"""`python -m tests.lint_dbt`: sqlfluff (dbt templater) and dbt-bouncer, on a database of their own.

The templater compiles every model, which needs a database with the raw tables, and takes a second
of a processor for each. What was clean is remembered by its content and by that of all that is no
model or test of the project, so that only what has changed is linted again.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy.engine import make_url

from brokerage.database.embedded import EmbeddedPostgres, free_port
from brokerage.database.engine import LIBPQ_DRIVER, LOADER, build_url, make_engine
from brokerage.database.setup import set_up_database
from pipelines.common.load import prepare_raw
from pipelines.registry import VENDORS

PROJECT = Path(__file__).parents[1]
DBT = PROJECT / "dbt_project"
REMEMBERED = PROJECT / ".brokerage" / "lint" / "dbt.clean"
BIN = Path(sys.executable).parent
LINTED = ("models", "snapshots", "tests")


def main() -> int:
    """0 if SQL and structure are clean; what is not is printed."""
    found = _fingerprints()
    known = set(REMEMBERED.read_text().split()) if REMEMBERED.exists() else set()
    if known >= set(found):
        sys.stdout.write("dbt project: unchanged since it was last clean\n")
        return 0
    changed = [str(path.relative_to(DBT)) for mark, path in found.items() if mark not in known]
    with tempfile.TemporaryDirectory(prefix="brokerage-lint-") as folder:
        base = Path(folder)
        # when root lints, the server's own user has to get in
        base.chmod(0o755)
        server = EmbeddedPostgres(base / "home", port=free_port(), reachable_bases=(base,))
        server.start()
        try:
            failed = _lint(server.url(), base, changed)
        finally:
            server.destroy()
    if not failed:
        REMEMBERED.parent.mkdir(parents=True, exist_ok=True)
        REMEMBERED.write_text("\n".join(found))
    return failed


def _lint(url: str, base: Path, changed: Sequence[str]) -> int:
    engine = make_engine(url)
    set_up_database(engine)
    engine.dispose()
    for vendor in VENDORS.values():
        prepare_raw(vendor, build_url(url, role=LOADER, driver=LIBPQ_DRIVER), base / "dlt")
    parts = make_url(url)
    target = base / "target"
    environment = {
        **os.environ,
        "BROKERAGE_PG_HOST": str(parts.host),
        "BROKERAGE_PG_PORT": str(parts.port),
        "BROKERAGE_PG_USER": str(parts.username),
        "BROKERAGE_PG_PASSWORD": str(parts.password),
        "BROKERAGE_PG_DBNAME": str(parts.database),
        "DBT_TARGET_PATH": str(target),
        "DBT_LOG_PATH": str(base / "logs"),
    }
    bouncer = (DBT / "dbt-bouncer.yml").read_text()
    (base / "dbt-bouncer.yml").write_text(
        bouncer.replace("dbt_artifacts_dir: target", f"dbt_artifacts_dir: {target}")
    )
    commands = (
        ("dbt", "--quiet", "parse", "--profiles-dir", str(DBT)),
        ("dbt-bouncer", "--config-file", str(base / "dbt-bouncer.yml")),
        ("sqlfluff", "lint", "--processes", "2", "--disable-progress-bar", *changed),
    )
    for name, *arguments in commands:
        done = subprocess.run(
            [str(BIN / name), *arguments],
            cwd=DBT,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            sys.stdout.write(f"{name} found:\n{done.stdout[-8000:]}{done.stderr[-4000:]}")
            return 1
        sys.stdout.write(f"{name}: clean\n")
    return 0


def _fingerprints() -> dict[str, Path]:
    """What is linted, by a hash of its content and of all that bears upon it."""
    files = sorted(
        path
        for path in DBT.rglob("*")
        if path.is_file() and not {"target", "logs"} & set(path.relative_to(DBT).parts)
    )
    linted = [
        path for path in files if path.suffix == ".sql" and path.relative_to(DBT).parts[0] in LINTED
    ]
    common = hashlib.sha256((PROJECT / "requirements.lock").read_bytes())
    for path in sorted({*files} - {*linted}):
        common.update(str(path.relative_to(DBT)).encode() + path.read_bytes())
    marks = {}
    for path in linted:
        own = common.copy()
        own.update(str(path.relative_to(DBT)).encode() + path.read_bytes())
        marks[own.hexdigest()] = path
    return marks


if __name__ == "__main__":
    raise SystemExit(main())
