"""Every vendor that sends webhooks: whoever has a `webhooks` module in its folder."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Mapping

from pipelines.common.webhooks import Webhooks
from pipelines.registry import VENDORS


def _found() -> dict[str, Webhooks]:
    found: dict[str, Webhooks] = {}
    for name in VENDORS:
        module = f"pipelines.{name}.webhooks"
        if importlib.util.find_spec(module) is not None:
            webhooks: Webhooks = importlib.import_module(module).WEBHOOKS
            found[name] = webhooks
    return found


WEBHOOKS: Mapping[str, Webhooks] = _found()
