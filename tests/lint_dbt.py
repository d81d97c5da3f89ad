"""`python -m tests.lint_dbt`: sqlfluff (dbt templater) and dbt-bouncer, on a database of their own.

The templater compiles every model, which needs a database with the raw tables. What was clean is
remembered by the content of the dbt project, so that an unchanged project is not linted again.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
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
FOLDERS = ("models", "snapshots", "tests")
BIN = Path(sys.executable).parent


def main() -> int:
    """0 if SQL and structure are clean; what is not is printed."""
    fingerprint = _fingerprint()
    if REMEMBERED.exists() and REMEMBERED.read_text() == fingerprint:
        sys.stdout.write("dbt project: unchanged since it was last clean\n")
        return 0
    with tempfile.TemporaryDirectory(prefix="brokerage-lint-") as folder:
        base = Path(folder)
        # when root lints, the server's own user has to get in
        base.chmod(0o755)
        server = EmbeddedPostgres(base / "home", port=free_port(), reachable_bases=(base,))
        server.start()
        try:
            failed = _lint(server.url(), base)
        finally:
            server.destroy()
    if not failed:
        REMEMBERED.parent.mkdir(parents=True, exist_ok=True)
        REMEMBERED.write_text(fingerprint)
    return failed


def _lint(url: str, base: Path) -> int:
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
        ("sqlfluff", "lint", "--processes", "2", "--disable-progress-bar", *FOLDERS),
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


def _fingerprint() -> str:
    digest = hashlib.sha256((PROJECT / "requirements.lock").read_bytes())
    for path in sorted(DBT.rglob("*")):
        inside = path.relative_to(DBT).parts
        if path.is_file() and not {"target", "logs"} & set(inside):
            digest.update("/".join(inside).encode() + path.read_bytes())
    return digest.hexdigest()


if __name__ == "__main__":
    raise SystemExit(main())
