"""The warehouse: a dbt model is an asset, a dbt test is a check, one dbt process builds them."""

from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg
from sqlalchemy import text

from assets.manifest import DBT_DIR, find_manifest
from pipelines.registry import VENDORS
from resources.dbt import DbtResource, tick_models
from resources.light_dbt import (
    DagsterDbtTranslator,
    DagsterDbtTranslatorSettings,
    DbtProject,
    dbt_assets,
)
from resources.warehouse import WarehouseResource

BUILD_STEP = "dbt_build"
OWNER = "team:data-platform"

# Two builds at once would drop each other's tables; a snapshot would even write its rows twice.
# The lock is the database's, because a schedule and the command line are two processes.
BUILD_LOCK = text("select pg_advisory_lock(hashtextextended('warehouse build', 0))")


class WarehouseTranslator(DagsterDbtTranslator):
    """Names the models as the database does: schema, then table; a group per layer."""

    def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> dg.AssetKey:
        """`[schema, table]`, for sources too: they are then the raw assets."""
        props = dbt_resource_props
        table = props.get("alias") or props.get("identifier") or props["name"]
        return dg.AssetKey([props["schema"], table])

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str | None:
        """The layer: the schema that the model is in."""
        return str(dbt_resource_props["schema"])

    def get_description(self, dbt_resource_props: Mapping[str, Any]) -> str:
        """What the model is, without its SQL: that is in the repository."""
        return str(dbt_resource_props.get("description") or "").strip()

    def get_owners(self, dbt_resource_props: Mapping[str, Any]) -> list[str]:
        """The owners in the model's meta, else the data platform."""
        meta = {**dbt_resource_props.get("meta", {}), **_config_meta(dbt_resource_props)}
        return list(meta.get("dagster", {}).get("owners") or [OWNER])

    def get_tags(self, dbt_resource_props: Mapping[str, Any]) -> Mapping[str, str]:
        """How the model is stored, as its third kind next to dbt and postgres."""
        stored = dbt_resource_props.get("config", {}).get("materialized") or "table"
        return {
            **super().get_tags(dbt_resource_props),
            f"dagster/kind/{stored}": "",
        }


def _config_meta(props: Mapping[str, Any]) -> dict[str, Any]:
    return dict(props.get("config", {}).get("meta") or {})


def tick_selection(warehouse: dg.AssetsDefinition) -> list[dg.AssetKey]:
    """The models of dbt's selector `tick`: what is built after the fast lanes."""
    names = tick_models(DBT_DIR)
    return sorted(key for key in warehouse.keys if key.path[-1] in names)


def build_warehouse_assets() -> dg.AssetsDefinition:
    """The step that builds any choice of models.

    Raises:
        BrokerageError: when there is no manifest and dbt cannot make one.
    """
    translator = WarehouseTranslator(
        DagsterDbtTranslatorSettings(
            enable_asset_checks=True,
            # sources are tested by the loader's contract; their models carry the tests
            enable_source_tests_as_checks=False,
        )
    )

    @dbt_assets(
        manifest=find_manifest(),
        project=DbtProject(DBT_DIR),
        dagster_dbt_translator=translator,
        name=BUILD_STEP,
    )
    def build_warehouse(
        context: dg.AssetExecutionContext, dbt: DbtResource, warehouse: WarehouseResource
    ) -> Iterator[Any]:
        # a vendor that nobody has connected yet has empty tables, not missing ones
        for vendor in VENDORS.values():
            warehouse.create_raw_tables(vendor)
        with warehouse.engine().connect() as connection:
            connection.execute(BUILD_LOCK)
            build = dbt.build(context)
            yield from build.events()
        failure = build.failure()
        if failure:
            raise dg.Failure(failure, allow_retries=False)

    return build_warehouse
