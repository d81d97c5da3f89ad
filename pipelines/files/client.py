"""Settings, and the dialect of a vendor that is asked nothing: imports lie in a folder."""

from __future__ import annotations

from pathlib import Path
from typing import cast

from pydantic import Field

from pipelines.common.budget import Rate
from pipelines.common.http import Dialect, VendorSettings
from pipelines.common.reading import Reading


class FilesSettings(VendorSettings):
    """Where the imports are kept."""

    dir: Path = Field(Path("imports"), description="folder with a folder per agent and entity")


def settings_of(reading: Reading) -> FilesSettings:
    """The settings of a reading."""
    return cast(FilesSettings, reading.settings)


DIALECT = Dialect(
    title="CSV files",
    authorize=lambda _credentials, _settings: {},
    rates={"default": Rate(1, 1.0, 1)},
)
"""Never used to send anything."""
