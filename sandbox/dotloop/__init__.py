"""Dotloop, imitated from its contract: ``/dotloop/oauth/...`` and ``/dotloop/public/v2/...``."""

from __future__ import annotations

from sandbox.dotloop.app import build_app
from sandbox.dotloop.books import Books
from sandbox.dotloop.grants import CLIENT_ID, CLIENT_SECRET
from sandbox.dotloop.hooks import RULES
from sandbox.vendor import Vendor

VENDOR = Vendor(
    name="dotloop",
    build=Books,
    build_app=build_app,
    hooks=RULES,
    settings={
        "base_url": "/dotloop/public/v2",
        "auth_base_url": "/dotloop/oauth",
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
        "activities": True,
    },
    roomy={"global": 6000},
)
