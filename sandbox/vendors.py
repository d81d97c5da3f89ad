"""Every vendor that the sandbox imitates. A new one is registered here, and nowhere else."""

from __future__ import annotations

from collections.abc import Mapping

from sandbox import dotloop, fub, lofty, qualia, rezen, skyslope, stripe
from sandbox.vendor import Vendor

VENDORS: Mapping[str, Vendor] = {
    vendor.name: vendor
    for vendor in (
        rezen.VENDOR,
        fub.VENDOR,
        skyslope.VENDOR,
        dotloop.VENDOR,
        stripe.VENDOR,
        qualia.VENDOR,
        lofty.VENDOR,
    )
}
