"""The platform's own tables that models read: the command line writes, Dagster only shows them."""

from __future__ import annotations

import dagster as dg

OWNER = "team:data-platform"

_TABLES = {
    "agents": "The product's users: one row per agent, whose key is also its partition.",
    "connections": "Which agent is connected to which vendor, and whether that works; no secrets.",
}

CONTROL_ASSETS = [
    dg.AssetSpec(
        ["control", name],
        description=description,
        group_name="control",
        kinds={"postgres"},
        owners=[OWNER],
        metadata={"dagster/table_name": f"control.{name}"},
    )
    for name, description in _TABLES.items()
]
