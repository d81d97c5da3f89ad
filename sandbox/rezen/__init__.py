"""reZEN, imitated: yenta (people), arrakis (deals, revenue share), plutus (equity), keymaker (sign-
in).
"""

from __future__ import annotations

from sandbox.rezen.app import build_app
from sandbox.rezen.books import Books
from sandbox.vendor import Vendor

VENDOR = Vendor(
    name="rezen",
    build=Books,
    build_app=build_app,
    settings={
        "yenta_base_url": "/rezen/yenta/api/v1",
        "arrakis_base_url": "/rezen/arrakis/api/v1",
        "plutus_base_url": "/rezen/plutus/api/v1",
        "keymaker_base_url": "/rezen/keymaker/api/v1",
        "equity": True,
    },
)
