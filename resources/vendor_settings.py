"""What the platform's settings say about a vendor, in the shape that the vendor's source takes."""

from __future__ import annotations

from typing import Any

import dagster as dg
from pydantic import SecretStr

from brokerage.settings import Settings, get_settings
from pipelines.common.entity import Vendor
from pipelines.common.http import VendorSettings


def vendor_settings(vendor: Vendor, settings: Settings | None = None) -> VendorSettings:
    """Fill the vendor's settings by name: `base_url` of `fub` is the platform's `fub_base_url`.

    A field that has no setting of its own takes the platform-wide one of its name
    (`reporting_timezone`), else the default of the vendor's source.
    """
    settings = settings or get_settings()
    values: dict[str, Any] = {}
    for name, field in vendor.settings_type.model_fields.items():
        for candidate in (f"{vendor.name}_{name}", name):
            value = getattr(settings, candidate, None)
            if value is None:
                continue
            takes_secret = "SecretStr" in str(field.annotation)
            if isinstance(value, SecretStr) and not takes_secret:
                value = value.get_secret_value()
            values[name] = value
            break
    return vendor.settings_type.model_validate(values)


class VendorSettingsResource(dg.ConfigurableResource[None]):
    """The vendors' base URLs and switches, read from the environment by the run."""

    def of(self, vendor: Vendor) -> VendorSettings:
        """The settings of one vendor's source."""
        return vendor_settings(vendor)
