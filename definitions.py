"""The entry point of Dagster: assets, jobs, schedules, sensors and resources, put together."""

from __future__ import annotations

import dagster as dg

from assets.dbt import build_warehouse_assets
from assets.external import external_assets
from assets.raw import build_raw_assets
from assets.webhooks import build_webhook_assets
from pipelines.registry import VENDORS
from resources.connections import ConnectionsResource
from resources.dbt import DbtResource
from resources.vendor_settings import VendorSettingsResource
from resources.warehouse import WarehouseResource
from sensors.jobs import build_jobs
from sensors.schedules import build_schedules
from sensors.sensors import build_sensors


def build_definitions() -> dg.Definitions:
    """Everything that this code location offers."""
    warehouse = build_warehouse_assets()
    jobs = build_jobs(warehouse)
    return dg.Definitions(
        assets=[
            *external_assets(),
            *(build_raw_assets(vendor) for vendor in VENDORS.values()),
            warehouse,
            *build_webhook_assets(),
        ],
        jobs=jobs,
        schedules=build_schedules(),
        sensors=build_sensors(jobs),
        resources={
            "connections": ConnectionsResource(),
            "warehouse": WarehouseResource(),
            "sources": VendorSettingsResource(),
            "dbt": DbtResource(),
        },
        # a step per process would pay Python's start for nothing: each job is one step
        executor=dg.in_process_executor,
    )


defs = build_definitions()
