"""dagster-dbt, imported without dbt itself. Import it from here, everywhere.

dagster-dbt imports half of dbt and all of networkx when it finds dbt installed: 3 of the 5 seconds
that loading the code took. It needs neither here: the manifest says what there is, and dbt runs as
a process of its own. Not finding dbt is a case that dagster-dbt supports; it is told so while it is
imported.
"""

from __future__ import annotations

import sys
from importlib.metadata import version as installed_version

from packaging.version import Version

_DBT = "dbt.version"

if "dagster_dbt" not in sys.modules and _DBT not in sys.modules:
    sys.modules[_DBT] = None  # type: ignore[assignment] # makes `import dbt.version` fail
    try:
        import dagster_dbt  # noqa: F401
    finally:
        del sys.modules[_DBT]

from dagster_dbt import (  # noqa: E402 - after the import that decides how much it imports
    DagsterDbtTranslator,
    DagsterDbtTranslatorSettings,
    DbtProject,
    dbt_assets,
)

__all__ = [
    "DagsterDbtTranslator",
    "DagsterDbtTranslatorSettings",
    "DbtProject",
    "dbt_assets",
    "dbt_version",
]


def dbt_version() -> Version:
    """The version of the dbt that is installed."""
    return Version(installed_version("dbt-core"))
