"""SkySlope, imitated from its contract: ``/skyslope/auth/login`` and ``/skyslope/api/...``."""

from __future__ import annotations

from sandbox.skyslope.app import build_app, credential_of
from sandbox.skyslope.books import Books
from sandbox.vendor import Vendor

VENDOR = Vendor(
    name="skyslope",
    build=Books,
    build_app=build_app,
    settings={"base_url": "/skyslope"},
    credential=credential_of,
)
