"""Every vendor there is. A new one is registered here, and nowhere else."""

from __future__ import annotations

from collections.abc import Mapping

from pipelines.common.entity import Vendor
from pipelines.dotloop.source import DOTLOOP
from pipelines.files.source import FILES
from pipelines.fub.source import FUB
from pipelines.lofty.source import LOFTY
from pipelines.qualia.source import QUALIA
from pipelines.rezen.source import REZEN
from pipelines.skyslope.source import SKYSLOPE
from pipelines.stripe.source import STRIPE

VENDORS: Mapping[str, Vendor] = {
    vendor.name: vendor
    for vendor in (
        REZEN,
        FUB,
        SKYSLOPE,
        DOTLOOP,
        LOFTY,
        QUALIA,
        STRIPE,
        FILES,
    )
}
