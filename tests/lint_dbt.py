"""`python -m tests.lint_dbt`: sqlfluff (dbt templater) and dbt-bouncer, on a database of their own.

The templater compiles every model, which needs a database with the raw tables, and takes a second
of a processor for each. What was clean is remembered by its content and by that of all that is no
model or test of the project, so that only what has changed is linted again.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from sqlalchemy.engine import make_url

from assets import manifest
from brokerage.database.embedded import EmbeddedPostgres, free_port
from brokerage.database.engine import LIBPQ_DRIVER, LOADER, build_url, make_engine
from brokerage.database.setup import set_up_database
from pipelines.common.load import prepare_raw
from pipelines.registry import VENDORS
from resources.dbt import dbt_environment
from tests.memory import write_to_memory

PROJECT = Path(__file__).parents[1]
DBT = PROJECT / "dbt_project"
REMEMBERED = PROJECT / ".brokerage" / "lint" / "dbt.clean"
PROCESSES = 2
ENTRIES = {
    "dbt": ("dbt.cli.main", "cli"),
    "dbt-bouncer": ("dbt_bouncer.main", "app"),
    "sqlfluff": ("sqlfluff.cli.commands", "cli"),
}
LINTED = ("models", "snapshots", "tests")


def main() -> int:
    """0 if SQL and structure are clean; what is not is printed."""
    found = _fingerprints()
    known = set(REMEMBERED.read_text().split()) if REMEMBERED.exists() else set()
    if known >= set(found):
        sys.stdout.write("dbt project: unchanged since it was last clean\n")
        return 0
    write_to_memory()
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
        **dbt_environment(),
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
    project = manifest.fingerprint()
    parse = _started("dbt", "--quiet", "parse", "--profiles-dir", str(DBT), environment=environment)
    if not _is_clean("dbt", parse):
        return 1
    # the tests come next, and need not parse it once more
    manifest.take_parsed(target, project)
    running = [
        (
            "dbt-bouncer",
            _started(
                *("dbt-bouncer", "--config-file", str(base / "dbt-bouncer.yml")),
                environment=environment,
            ),
        )
    ]
    for part in range(PROCESSES):
        if chosen := changed[part::PROCESSES]:
            # each writes what it has parsed
            own = shutil.copytree(target, base / f"target-{part}")
            fluff = _started(
                *("sqlfluff", "lint", "--disable-progress-bar", *chosen),
                environment=environment | {"DBT_TARGET_PATH": str(own)},
            )
            running.append(("sqlfluff", fluff))
    clean = [_is_clean(name, process) for name, process in running]
    return 0 if all(clean) else 1


def _started(name: str, *arguments: str, environment: Mapping[str, str]) -> subprocess.Popen[str]:
    """One of the tools, without Python's search for garbage: it finds next to none in the trees of
    a project and its SQL, and takes a third of the time."""
    module, function = ENTRIES[name]
    script = (
        f"import gc, sys; gc.disable(); sys.argv[0] = {name!r}; from {module} import {function}"
    )
    return subprocess.Popen(
        [sys.executable, "-c", f"{script}; {function}()", *arguments],
        cwd=DBT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def _is_clean(name: str, process: subprocess.Popen[str]) -> bool:
    output, _ = process.communicate()
    found = f" found:\n{output[-8000:]}" if process.returncode else ": clean\n"
    sys.stdout.write(name + found)
    return not process.returncode


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
