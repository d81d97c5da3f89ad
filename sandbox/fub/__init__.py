"""Follow Up Boss, imitated from its contract: ``/fub/v1/...`` and ``/fub/oauth/...``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.fub.app import build_app
from sandbox.fub.hooks import RULES
from sandbox.vendor import Vendor
from sandbox.world.crm import SYSTEM, SYSTEM_KEY, Crm, build_crm
from sandbox.world.crm.grants import CLIENT_ID, CLIENT_SECRET

if TYPE_CHECKING:
    from sandbox.box import Sandbox


def build(box: Sandbox) -> Crm:
    """The Follow Up Boss accounts of the box's world."""
    return build_crm(box.world, box.world.rng("crm"))


VENDOR = Vendor(
    name="fub",
    build=build,
    build_app=build_app,
    hooks=RULES,
    settings={
        "base_url": "/fub/v1",
        "app_base_url": "/fub",
        "system": SYSTEM,
        "system_key": SYSTEM_KEY,
        "oauth_client_id": CLIENT_ID,
        "oauth_client_secret": CLIENT_SECRET,
    },
)
