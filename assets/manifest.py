"""dbt's manifest: what Dagster knows of the warehouse, made once per change of the dbt project.

Parsing takes seconds, so a manifest is kept and belongs to the project's files by a fingerprint. It
is made at the first load after a change, or ahead of that, for an image, by `python -m
assets.manifest`.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

from brokerage.errors import BrokerageError, ConfigurationError
from brokerage.settings import PROJECT_DIR
from resources.dbt import dbt_environment, dbt_executable

DBT_DIR = PROJECT_DIR / "dbt_project"
TARGET_DIR = DBT_DIR / "target"
MANIFEST = TARGET_DIR / "manifest.json"
ARTIFACTS = ("partial_parse.msgpack", "semantic_manifest.json", MANIFEST.name)
"""What dbt makes of the project; the manifest comes last, as others wait for it."""
_SOURCES = TARGET_DIR / "manifest.sources"
_SUFFIXES = frozenset({".sql", ".yml", ".yaml", ".csv", ".md"})
_NOT_SOURCES = frozenset({"target", "logs", "dbt_packages"})


def ensure_manifest() -> bool:
    """Make the manifest unless it belongs to the dbt project as it is now.

    Safe to call from several processes at once: one parses, the others wait for it.

    Returns:
        True if dbt had to parse, which takes a few seconds.

    Raises:
        BrokerageError: when dbt cannot read the project; the message has its first error.
    """
    if _is_current():
        return False
    with _locked():
        if _is_current():
            return False
        _parse()
    return True


def take_parsed(folder: Path, of: str) -> None:
    """Keep what dbt has made of the project in a folder, for who has parsed it for other reasons.

    `of` is the project's `fingerprint` from before.
    """
    with _locked():
        if not _is_current():
            _keep(folder, of)


@contextlib.contextmanager
def _locked() -> Iterator[None]:
    TARGET_DIR.mkdir(parents=True, exist_ok=True)
    with (TARGET_DIR / ".manifest.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def find_manifest() -> Path:
    """The manifest to load: of the project as it is, or the one that an image was shipped with.

    Raises:
        BrokerageError: when dbt cannot read the project.
        ConfigurationError: when there is no manifest and none can be written.
    """
    try:
        ensure_manifest()
    except OSError as error:
        if not MANIFEST.exists():
            raise ConfigurationError(
                f"The manifest of the dbt project is missing and cannot be written to {TARGET_DIR} "
                f"({error.strerror}): run `python -m assets.manifest` where it can."
            ) from error
    return MANIFEST


def _is_current() -> bool:
    try:
        return MANIFEST.exists() and _SOURCES.read_text("ascii") == fingerprint()
    except FileNotFoundError:
        return False


def fingerprint() -> str:
    """Of dbt and all that it reads of the project."""
    digest = hashlib.sha256(version("dbt-core").encode())
    for path in _project_files():
        digest.update(str(path.relative_to(DBT_DIR)).encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _project_files() -> Iterator[Path]:
    for path in sorted(DBT_DIR.rglob("*")):
        inside = path.relative_to(DBT_DIR).parts
        if path.suffix in _SUFFIXES and not _NOT_SOURCES.intersection(inside) and path.is_file():
            yield path


def _parse() -> None:
    before = fingerprint()
    # dbt writes its files bit by bit: they are made aside, so that nobody reads half a manifest
    with tempfile.TemporaryDirectory(dir=TARGET_DIR, prefix=".parse-") as folder:
        aside = Path(folder)
        done = subprocess.run(
            [
                *(dbt_executable(), "--quiet", "--no-use-colors", "parse"),
                *("--project-dir", str(DBT_DIR), "--profiles-dir", str(DBT_DIR)),
                *("--target-path", str(aside), "--log-path", str(aside)),
            ],
            cwd=DBT_DIR,
            env={**os.environ, **dbt_environment()},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0 or not (aside / MANIFEST.name).exists():
            said = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
            raise BrokerageError(
                "dbt cannot read the dbt project: " + " ".join(said[-6:] or ["it gave no reason"])
            )
        _keep(aside, before)


def _keep(folder: Path, of: str) -> None:
    for name in ARTIFACTS:
        part = TARGET_DIR / f".{name}.part"
        shutil.copy(folder / name, part)
        part.replace(TARGET_DIR / name)
    _SOURCES.write_text(of, "ascii")


def main() -> int:
    """Make the manifest; the exit code is 0 if it is there afterwards."""
    try:
        parsed = ensure_manifest()
    except BrokerageError as error:
        sys.stderr.write(f"{error}\n")
        return int(error.exit_code)
    sys.stdout.write(f"{MANIFEST} {'is made' if parsed else 'is up to date'}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
