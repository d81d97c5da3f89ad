"""The entry point of Dagster: assets, jobs, schedules, sensors and resources, put together."""

from __future__ import annotations

import dagster as dg

from assets.dbt import build_warehouse_assets
from assets.external import external_assets
from assets.raw import build_raw_assets
from assets.reconciliation import build_reconciliation_asset
from pipelines.registry import VENDORS
from resources.connections import ConnectionsResource
from resources.dbt import DbtResource
from resources.vendor_settings import VendorSettingsResource
from resources.warehouse import WarehouseResource
from sensors.freshness import freshness_policies
from sensors.jobs import build_jobs
from sensors.schedules import build_schedules
from sensors.sensors import build_sensors


def build_definitions() -> dg.Definitions:
    """Everything that this code location offers."""
    warehouse = build_warehouse_assets()
    reconciliation = build_reconciliation_asset()
    jobs = build_jobs(warehouse, reconciliation)
    return dg.Definitions(
        assets=[
            *external_assets(),
            *(
                build_raw_assets(vendor, freshness_policies(vendor.name))
                for vendor in VENDORS.values()
            ),
            reconciliation,
            warehouse,
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
