"""The daily jobs that keep the platform itself in order: housekeeping, and copies of pictures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import dagster as dg

from assets.housekeeping import HOUSEKEEPING
from assets.images import AGENT_IMAGES
from brokerage.settings import get_settings

if TYPE_CHECKING:
    from dagster._core.definitions.unresolved_asset_job_definition import (
        UnresolvedAssetJobDefinition,
    )

MAX_RUNTIME_SECONDS = 2 * 3600


@dataclass(frozen=True)
class Upkeep:
    """One asset that is materialised once a day."""

    name: str
    asset: dg.AssetKey
    cron: str
    description: str


UPKEEP = (
    Upkeep(
        "housekeeping__daily",
        HOUSEKEEPING,
        "30 3 * * *",
        "Deletes what is old and needed no more.",
    ),
    Upkeep(
        "images__daily",
        AGENT_IMAGES,
        "0 9 * * *",
        "Copies the agents' pictures that changed.",
    ),
)


def build_upkeep_jobs() -> list[UnresolvedAssetJobDefinition]:
    """One job each."""
    return [
        dg.define_asset_job(
            upkeep.name,
            selection=dg.AssetSelection.assets(upkeep.asset),
            description=upkeep.description,
            tags={"dagster/max_runtime": str(MAX_RUNTIME_SECONDS)},
        )
        for upkeep in UPKEEP
    ]


def build_upkeep_schedules() -> list[dg.ScheduleDefinition]:
    """One schedule each, on by default."""
    return [
        dg.ScheduleDefinition(
            name=upkeep.name,
            job_name=upkeep.name,
            cron_schedule=upkeep.cron,
            execution_timezone=get_settings().reporting_timezone,
            description=upkeep.description,
            default_status=dg.DefaultScheduleStatus.RUNNING,
        )
        for upkeep in UPKEEP
    ]
