"""The jobs: one per cadence, one per vendor and thing that a person presses, and the builds.

Each job is a single step, so all run in one process: a process per step would only add its start.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import dagster as dg
from dagster._core.storage.tags import PRIORITY_TAG

from assets.dbt import tick_selection
from assets.partitions import agents_partitions
from assets.raw import FULL_TAG, LANE_TAG, raw_entities, raw_key
from pipelines.common.entity import Vendor
from pipelines.registry import VENDORS
from sensors.cadences import CADENCES, MANUAL_LANE, ONBOARDING_LANE, Cadence
from sensors.webhooks import build_webhook_jobs

if TYPE_CHECKING:
    from dagster._core.definitions.unresolved_asset_job_definition import (
        UnresolvedAssetJobDefinition,
    )

BUILD_JOB = "warehouse__build"
TICK_JOB = "warehouse__tick"
RECONCILE_JOB = "reconcile__hourly"
RECONCILE_LANE = "reconcile"
MAX_RUNTIME_TAG = "dagster/max_runtime"
REASON_TAG = "brokerage/reason"
"""Why a run happened, in words, for whoever looks at the list of runs."""

SLOW_TAG = "brokerage/slow"
"""On the runs that may take hours; dagster.yaml keeps places free from them."""

_FAST_SECONDS = 3600
_SLOW_SECONDS = 12 * 3600
_PRIORITIES = {
    "fast": 10,
    MANUAL_LANE: 8,
    "hourly": 5,
    "six_hourly": 3,
    ONBOARDING_LANE: 1,
    RECONCILE_LANE: 0,
    "daily": -2,
    "weekly": -5,
}
_SLOW_LANES = frozenset({ONBOARDING_LANE, RECONCILE_LANE, "daily", "weekly"})
_BUILD_PRIORITY = 20


def run_tags(lane: str, *, full: bool = False) -> dict[str, str]:
    """The tags that tell a sync how to run; they carry no account and no secret.

    A queued run with a higher priority starts first. A slow lane never takes all places.
    """
    return {
        LANE_TAG: lane,
        FULL_TAG: "true" if full else "false",
        MAX_RUNTIME_TAG: str(_FAST_SECONDS if lane == "fast" else _SLOW_SECONDS),
        PRIORITY_TAG: str(_PRIORITIES[lane]),
        **({SLOW_TAG: "true"} if lane in _SLOW_LANES else {}),
    }


def onboarding_job_name(vendor: str) -> str:
    """The job that reads a vendor's accounts for the first time."""
    return f"{vendor}__{ONBOARDING_LANE}"


def manual_job_name(vendor: str) -> str:
    """The job of `brokerage sync`."""
    return f"{vendor}__{MANUAL_LANE}"


def chosen_entities(cadence: Cadence) -> list[str]:
    """The entities a cadence reads. Raises KeyError if the vendor has no such entity."""
    vendor = VENDORS[cadence.vendor]
    available = [entity.name for entity in raw_entities(vendor)]
    if not cadence.entities:
        return available
    return [name for name in cadence.entities if vendor.entity(name).name in available]


def _selection(vendor: Vendor, entities: list[str]) -> dg.AssetSelection:
    return dg.AssetSelection.assets(*(raw_key(vendor, name) for name in entities))


def _cadence_job(cadence: Cadence) -> UnresolvedAssetJobDefinition:
    return dg.define_asset_job(
        cadence.name,
        selection=_selection(VENDORS[cadence.vendor], chosen_entities(cadence)),
        description=cadence.description,
        partitions_def=agents_partitions,
        tags=run_tags(cadence.lane, full=cadence.full),
    )


def _chosen_agents_job(vendor: Vendor, lane: str, when: str) -> UnresolvedAssetJobDefinition:
    return dg.define_asset_job(
        f"{vendor.name}__{lane}",
        selection=_selection(vendor, [entity.name for entity in raw_entities(vendor)]),
        description=f"Every table of {vendor.title} for chosen agents, {when}.",
        partitions_def=agents_partitions,
        tags=run_tags(lane),
    )


def build_jobs(
    warehouse: dg.AssetsDefinition, reconciliation: dg.AssetsDefinition
) -> list[UnresolvedAssetJobDefinition]:
    """All jobs; `warehouse` is the step that builds the dbt models."""
    first = {PRIORITY_TAG: str(_BUILD_PRIORITY)}
    return [
        *(_cadence_job(cadence) for cadence in CADENCES),
        *(
            _chosen_agents_job(vendor, lane, when)
            for vendor in VENDORS.values()
            for lane, when in (
                (ONBOARDING_LANE, "when they are newly connected"),
                (MANUAL_LANE, "when somebody asks for it"),
            )
        ),
        dg.define_asset_job(
            BUILD_JOB,
            selection=dg.AssetSelection.assets(warehouse),
            description="Build and test every model of the warehouse, for all accounts at once.",
            tags=first,
        ),
        dg.define_asset_job(
            TICK_JOB,
            selection=dg.AssetSelection.assets(*tick_selection(warehouse)).without_checks(),
            description="Build what the fast lanes change: deals, contacts and what is shown of "
            "them, without tests.",
            tags=first,
        ),
        dg.define_asset_job(
            RECONCILE_JOB,
            selection=dg.AssetSelection.assets(reconciliation),
            description="Count at the vendors and here; read again what differs.",
            tags=run_tags(RECONCILE_LANE),
        ),
        *build_webhook_jobs(),
    ]
