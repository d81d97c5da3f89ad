"""Lofty, imitated from its contract: ``/lofty/v1.0/...``, ``/lofty/v2.0/...`` and two token
endpoints.
"""

from __future__ import annotations

from sandbox.lofty.app import build_app, credential_of
from sandbox.lofty.books import Books
from sandbox.lofty.grants import CLIENT_ID, CLIENT_SECRET
from sandbox.lofty.hooks import RULES
from sandbox.vendor import Vendor

VENDOR = Vendor(
    name="lofty",
    build=Books,
    build_app=build_app,
    hooks=RULES,
    settings={
        "base_url": "/lofty",
        "oauth_base_url": "/lofty",
        "oauth_client_id": CLIENT_ID,
        "oauth_client_secret": CLIENT_SECRET,
        "lead_details": True,
    },
    roomy={"key": 12_000},
    credential=credential_of,
)
