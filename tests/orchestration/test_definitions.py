"""Everything that Dagster is told: the specs of all assets, the jobs, schedules and sensors."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from dagster import AssetSpec, Definitions, TableSchema

from assets.raw import build_raw_assets
from brokerage.settings import PROJECT_DIR, get_settings
from pipelines.registry import VENDORS
from sensors.cadences import CADENCES
from sensors.jobs import chosen_entities
from sensors.upkeep import UPKEEP

SNAPSHOT = Path(__file__).with_name("raw_assets.json")
LAYERS = {
    "staging", "snapshots", "core", "identity", "network", "finance", "crm", "title", "billing",
    "metrics", "marts", "pages",
}  # fmt: skip


@pytest.fixture
def everything(monkeypatch: pytest.MonkeyPatch) -> None:
    """All entities, the ones behind a setting included."""
    monkeypatch.setenv("BROKERAGE_REZEN_EQUITY", "true")
    monkeypatch.setenv("BROKERAGE_DOTLOOP_ACTIVITIES", "true")
    monkeypatch.setenv("BROKERAGE_LOFTY_LEAD_DETAILS", "true")
    get_settings.cache_clear()


def describe(spec: AssetSpec) -> dict[str, Any]:
    schema = spec.metadata.get("dagster/column_schema")
    return {
        "group": spec.group_name,
        "kinds": sorted(spec.kinds),
        "owners": list(spec.owners),
        "depends_on": sorted("/".join(dep.asset_key.path) for dep in spec.deps),
        "partitions": spec.partitions_def.name if spec.partitions_def else None,  # type: ignore[attr-defined]
        "described": bool(spec.description and spec.description.strip()),
        "columns": len(schema.columns) if isinstance(schema, TableSchema) else 0,
    }


@pytest.mark.usefixtures("everything")
def test_raw_assets_are_as_written_down() -> None:
    """Run with UPDATE_SNAPSHOTS=1 to write the file anew, then read its diff."""
    described = {
        "/".join(spec.key.path): describe(spec)
        for vendor in VENDORS.values()
        for spec in build_raw_assets(vendor).specs
    }
    if os.environ.get("UPDATE_SNAPSHOTS"):
        SNAPSHOT.write_text(json.dumps(described, indent=1, sort_keys=True) + "\n", "utf-8")
    assert described == json.loads(SNAPSHOT.read_text("utf-8"))


@pytest.mark.usefixtures("everything")
def test_every_raw_table_has_its_three_checks() -> None:
    for vendor in VENDORS.values():
        checks = {(key.asset_key.path[-1], key.name) for key in build_raw_assets(vendor).check_keys}
        assert checks == {
            (entity.name, check)
            for entity in vendor.entities
            for check in ("rejected_rows", "schema_drift", "silent_success")
        }


def test_an_entity_behind_a_setting_is_not_read_while_it_is_off() -> None:
    for vendor, name in (("rezen", "equity_performance"), ("dotloop", "activities")):
        assert name not in {key.path[-1] for key in build_raw_assets(VENDORS[vendor]).keys}


def test_models_are_named_grouped_and_owned(defs: Definitions) -> None:
    models = [spec for spec in defs.resolve_all_asset_specs() if "dbt" in spec.kinds]
    assert models
    for spec in models:
        schema = spec.key.path[0]
        assert len(spec.key.path) == 2, spec.key
        assert spec.group_name == schema, spec.key
        assert schema in LAYERS, spec.key
        assert spec.owners, spec.key
        assert spec.description, spec.key
        assert len(spec.kinds) == 3, spec.key


def test_models_are_built_from_the_raw_assets(defs: Definitions) -> None:
    graph = defs.resolve_asset_graph()
    people = next(spec for spec in defs.resolve_all_asset_specs() if spec.key.path[-1] == "people")
    children = {"/".join(key.path) for key in graph.get(people.key).child_keys}
    assert "staging/stg_fub__people" in children


def test_no_model_reads_a_raw_table_that_no_vendor_has(defs: Definitions) -> None:
    known = {
        (vendor.schema, entity.name) for vendor in VENDORS.values() for entity in vendor.entities
    }
    bookkeeping = {"tombstones", "sync_marks", "_dlt_loads", "rejected_rows", "schema_drift"}
    for key in defs.resolve_asset_graph().get_all_asset_keys():
        schema, table = key.path
        if schema.startswith("raw_") and table not in bookkeeping:
            assert (schema, table) in known


def test_jobs_schedules_and_sensors_have_one_name_each(defs: Definitions) -> None:
    repository = defs.get_repository_def()
    cadences = {cadence.name for cadence in CADENCES}
    others = {
        *("digests__daily", "digests__weekly", "webhooks__check"),
        *("warehouse__hourly", "reconcile__hourly"),
        *(upkeep.name for upkeep in UPKEEP),
    }
    assert {schedule.name for schedule in repository.schedule_defs} == cadences | others
    assert {sensor.name for sensor in repository.sensor_defs} == {
        "agents__connected",
        "agents__onboarding_progress",
        "alerts__raised",
        "files__dropped",
        "runs__failed",
        "warehouse__data_landed",
        "webhooks__arrived",
    }
    assert {name for name in repository.job_names if not name.startswith("__")} == {
        *cadences,
        # the hourly build is the same job as any other
        *(others - {"warehouse__hourly"}),
        *(f"{vendor}__{lane}" for vendor in VENDORS for lane in ("onboarding", "manual")),
        "warehouse__build",
        "warehouse__tick",
        "webhooks__refetch",
    }


@pytest.mark.usefixtures("everything")
def test_every_entity_is_read_daily_and_again_from_the_beginning_weekly() -> None:
    for vendor in VENDORS.values():
        mine = [cadence for cadence in CADENCES if cadence.vendor == vendor.name]
        names = {entity.name for entity in vendor.entities}
        assert names <= set(chosen_entities(next(c for c in mine if c.lane == "daily")))
        assert any(cadence.full and set(chosen_entities(cadence)) == names for cadence in mine)
        assert len({cadence.lane for cadence in mine}) == len(mine)


@pytest.mark.usefixtures("everything")
def test_what_an_entity_needs_is_read_in_the_same_cadence() -> None:
    for cadence in CADENCES:
        chosen = set(chosen_entities(cadence))
        vendor = VENDORS[cadence.vendor]
        for name in chosen:
            assert set(vendor.entity(name).depends_on) <= chosen, (cadence.name, name)


def test_loading_the_code_imports_no_dbt() -> None:
    loaded = subprocess.run(
        [
            sys.executable,
            "-c",
            "import definitions, sys; print(*(m for m in ('dbt', 'networkx') if m in sys.modules))",
        ],
        cwd=PROJECT_DIR,
        capture_output=True,
        text=True,
        check=True,
    )
    assert loaded.stdout.strip() == ""
