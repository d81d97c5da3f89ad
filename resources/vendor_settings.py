"""What a vendor's source is told: the environment first, in a sandbox home the sandbox second.

A field `base_url` of the vendor `fub` is the variable BROKERAGE_FUB_BASE_URL, or a line of `.env`.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import dagster as dg
from pydantic import ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from brokerage.errors import ConfigurationError
from brokerage.settings import Settings, get_settings
from pipelines.common.entity import Vendor
from pipelines.common.http import VendorSettings


@cache
def _reader(vendor_name: str, settings_type: type[VendorSettings]) -> type[BaseSettings]:
    """A type with the fields of the vendor's settings that fills itself from the environment."""

    class Environment(BaseSettings, settings_type):
        model_config = SettingsConfigDict(
            env_prefix=f"BROKERAGE_{vendor_name.upper()}_",
            env_file_encoding="utf-8",
            env_ignore_empty=True,
            extra="ignore",
            hide_input_in_errors=True,
        )

    return Environment


def vendor_settings(vendor: Vendor, settings: Settings | None = None) -> VendorSettings:
    """The vendor's settings; what is a platform-wide setting too (`files_dir` is the field `dir` of
    `files`, `reporting_timezone` is anybody's) is taken from there.

    Raises:
        ConfigurationError: one sentence that names the variable and never its value, or says that
            the sandbox does not imitate the vendor.
    """
    settings = settings or get_settings()
    reader = _reader(vendor.name, vendor.settings_type)
    shared = {
        name: getattr(settings, candidate)
        for name in vendor.settings_type.model_fields
        for candidate in (name, f"{vendor.name}_{name}")
        if candidate in Settings.model_fields
    }
    told = _told_by_sandbox(vendor, settings)
    try:
        found = reader(_env_file=Settings.model_config.get("env_file"))
        values = {**told, **found.model_dump(exclude_unset=True), **shared}
        return vendor.settings_type.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        place = "_".join(str(part) for part in first["loc"])
        name = f"BROKERAGE_{vendor.name}_{place}".upper()
        reason = first["msg"].removeprefix("Value error, ")
        raise ConfigurationError(f"{name} is not usable: {reason}. See docs/settings.md.") from None


def _told_by_sandbox(vendor: Vendor, settings: Settings) -> dict[str, Any]:
    fields = vendor.settings_type.model_fields
    if not settings.is_sandbox or not any(name.endswith("base_url") for name in fields):
        return {}
    state = settings.sandbox_state
    if state is None or vendor.name not in state.vendors:
        # a sandbox home must never reach a real vendor
        raise ConfigurationError(
            f"This home uses the sandbox, which has not told where it imitates {vendor.title}: "
            "start it anew with `brokerage down` and `brokerage up --sandbox`."
        )
    return {
        name: f"{state.url}{value}" if str(value).startswith("/") else value
        for name, value in state.vendors[vendor.name].items()
    }


class VendorSettingsResource(dg.ConfigurableResource[None]):
    """The vendors' base URLs and switches, read from the environment by the run."""

    def of(self, vendor: Vendor) -> VendorSettings:
        """The settings of one vendor's source."""
        return vendor_settings(vendor)
