"""The environment that Dagster needs: its home, its storage, the project on the path."""

from __future__ import annotations

import os
from pathlib import Path

from brokerage.database.engine import dagster_storage_url
from brokerage.errors import ConfigurationError
from brokerage.settings import PROJECT_DIR, Settings

STORAGE_VARIABLE = "BROKERAGE_DAGSTER_STORAGE_URL"


def prepare_dagster_home(settings: Settings) -> Path:
    """Make `dagster/` in the home folder with a link to the project's `dagster.yaml`.

    Raises:
        ConfigurationError: when the project has no `dagster.yaml`.
    """
    source = PROJECT_DIR / "dagster.yaml"
    if not source.exists():
        raise ConfigurationError(
            f"{source} is missing: run brokerage in the project folder, or restore the file."
        )
    home = settings.make_home() / "dagster"
    home.mkdir(exist_ok=True)
    link = home / "dagster.yaml"
    if not (link.is_symlink() and link.readlink() == source):
        link.unlink(missing_ok=True)
        link.symlink_to(source)
    return home


def dagster_environment(settings: Settings) -> dict[str, str]:
    """The variables that make any Dagster process work on this home and this database."""
    return {
        "BROKERAGE_HOME": str(settings.home),
        "DAGSTER_HOME": str(prepare_dagster_home(settings)),
        STORAGE_VARIABLE: dagster_storage_url(settings),
        "DAGSTER_DISABLE_TELEMETRY": "yes",
    }


def enter_dagster_home(settings: Settings) -> None:
    """Make this very process work on the home, for runs that happen inside it."""
    os.environ.update(dagster_environment(settings))


def service_environment(settings: Settings) -> dict[str, str]:
    """The whole environment of a service: ours, Dagster's, and the project on the path."""
    path = os.environ.get("PYTHONPATH", "")
    project = str(PROJECT_DIR)
    known = path.split(os.pathsep) if path else []
    return {
        **os.environ,
        **dagster_environment(settings),
        "PYTHONPATH": os.pathsep.join([project, *(entry for entry in known if entry != project)]),
        "PYTHONUNBUFFERED": "1",
    }
