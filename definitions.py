"""The entry point of Dagster: assets, jobs, schedules, sensors and resources, put together."""

from __future__ import annotations

import dagster as dg

from assets.dbt import build_warehouse_assets
from assets.digests import build_digest_assets
from assets.external import external_assets
from assets.housekeeping import housekeeping
from assets.images import agent_images
from assets.raw import build_raw_assets
from assets.reconciliation import build_reconciliation_asset
from assets.webhooks import build_webhook_assets
from pipelines.registry import VENDORS
from resources.connections import ConnectionsResource
from resources.dbt import DbtResource
from resources.notifier import NotifierResource
from resources.vendor_settings import VendorSettingsResource
from resources.warehouse import WarehouseResource
from sensors.alerts import alerts_raised
from sensors.digests import build_digest_jobs, build_digest_schedules
from sensors.drop_folder import build_files_dropped
from sensors.freshness import freshness_policies
from sensors.jobs import build_jobs
from sensors.schedules import build_schedules
from sensors.sensors import build_sensors
from sensors.upkeep import build_upkeep_jobs, build_upkeep_schedules


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
            *build_webhook_assets(),
            *build_digest_assets(),
            housekeeping,
            agent_images,
        ],
        jobs=[*jobs, *build_digest_jobs(), *build_upkeep_jobs()],
        schedules=[
            *build_schedules(),
            *build_digest_schedules(),
            *build_upkeep_schedules(),
        ],
        sensors=[*build_sensors(jobs), alerts_raised, build_files_dropped(jobs)],
        resources={
            "connections": ConnectionsResource(),
            "warehouse": WarehouseResource(),
            "sources": VendorSettingsResource(),
            "dbt": DbtResource(),
            "notifier": NotifierResource(),
        },
        # a step per process would pay Python's start for nothing: each job is one step
        executor=dg.in_process_executor,
    )


defs = build_definitions()
