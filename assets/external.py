"""Tables that models read and no run here fills: Dagster shows where the data comes from."""

from __future__ import annotations

import dagster as dg

from assets.raw import OWNER, group_name, raw_entities, raw_key
from pipelines.common.entity import Vendor
from pipelines.registry import VENDORS

_CONTROL = {
    "agents": "The product's users: one row per agent, whose key is also its partition.",
    "connections": "Which agent is connected to which vendor, and whether that works; no secrets.",
}
_BOOKKEEPING = {
    "sync_marks": "What each sync of an account read and wrote, with its cursor.",
    "rejected_rows": "Rows that the contract refuses, whole, with the reason.",
    "schema_drift": "Fields that the contract does not know, with when each was first seen.",
    "tombstones": "Rows that are gone at the vendor, with when their absence was seen.",
}


def external_assets() -> list[dg.AssetSpec]:
    """The control schema, the loader's own tables, and entities that a setting switches off."""
    return [
        *(_spec("control", name, "control", text) for name, text in _CONTROL.items()),
        *(spec for vendor in VENDORS.values() for spec in _of(vendor)),
    ]


def _of(vendor: Vendor) -> list[dg.AssetSpec]:
    read = {entity.name for entity in raw_entities(vendor)}
    group = group_name(vendor)
    return [
        *(_spec(vendor.schema, name, group, text) for name, text in _BOOKKEEPING.items()),
        *(
            dg.AssetSpec(
                raw_key(vendor, entity.name),
                description=f"{entity.description} A setting switches it off.",
                group_name=group,
                kinds={"postgres"},
                owners=[OWNER],
                metadata={"dagster/table_name": f"{vendor.schema}.{entity.name}"},
            )
            for entity in vendor.entities
            if entity.name not in read
        ),
    ]


def _spec(schema: str, table: str, group: str, description: str) -> dg.AssetSpec:
    return dg.AssetSpec(
        [schema, table],
        description=description,
        group_name=group,
        kinds={"postgres"},
        owners=[OWNER],
        metadata={"dagster/table_name": f"{schema}.{table}"},
    )
