"""reZEN, imitated: yenta (people), arrakis (deals, revenue share), plutus (equity), keymaker (sign-
in), keymaker-oauth (OpenID Connect).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.rezen.app import build_app
from sandbox.rezen.books import Books
from sandbox.rezen.grants import CLIENT_SECRET, CONFIDENTIAL_ID
from sandbox.rezen.hooks import RULES
from sandbox.vendor import Vendor

if TYPE_CHECKING:
    from sandbox.box import Sandbox


def settings(box: Sandbox) -> dict[str, Any]:
    """Four services; no limit is published, so the client is told what this one allows."""
    return {
        "yenta_base_url": "/rezen/yenta/api/v1",
        "arrakis_base_url": "/rezen/arrakis/api/v1",
        "plutus_base_url": "/rezen/plutus/api/v1",
        "keymaker_base_url": "/rezen/keymaker/api/v1",
        "oauth_base_url": "/rezen/keymaker-oauth",
        "oauth_client_id": CONFIDENTIAL_ID,
        "oauth_client_secret": CLIENT_SECRET,
        # ours: reZEN is not known to have one (§9)
        "webhooks_base_url": "/rezen/sandbox",
        "equity": True,
        "requests_per_minute": box.rezen_per_minute - 20,
        "concurrent_requests": 8,
    }


VENDOR = Vendor(
    name="rezen",
    build=Books,
    build_app=build_app,
    hooks=RULES,
    settings=settings,
    roomy={"global": 1200},
)
