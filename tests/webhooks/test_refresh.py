"""What is built after a webhook: the quick models that stand on what changed, and no others."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from assets.manifest import DBT_DIR, find_manifest
from brokerage.database.engine import LIBPQ_DRIVER, LOADER, build_url
from pipelines.common.load import prepare_raw
from pipelines.registry import VENDORS
from resources.dbt import Refresh, Refresher, refresh_selection, tick_models
from tests.warehouse.running import run_dbt
from tests.webhooks.office import Office

TICK = {"person", "contacts", "deal"}


def manifest() -> dict[str, Any]:
    names = ("stg_people", "person", "contacts", "lead_quality", "stg_deals", "deal", "stg_prices")
    below = {
        "source.b.raw_a.people": ["model.b.stg_people"],
        "source.b.raw_a.deals": ["model.b.stg_deals", "test.b.not_null"],
        "source.b.raw_a.prices": ["model.b.stg_prices"],
        "model.b.stg_people": ["model.b.person"],
        "model.b.person": ["model.b.contacts", "model.b.lead_quality"],
        "model.b.stg_deals": ["model.b.deal", "snapshot.b.snap_deal"],
        "model.b.deal": ["model.b.contacts"],
        "snapshot.b.snap_deal": [],
    }
    return {
        "sources": {
            f"source.b.raw_a.{name}": {"schema": "raw_a", "name": name}
            for name in ("people", "deals", "prices")
        },
        "nodes": {
            **{f"model.b.{name}": {"name": name} for name in names},
            "snapshot.b.snap_deal": {"name": "snap_deal"},
        },
        "child_map": below,
    }


def test_the_quick_models_below_a_changed_table_are_built() -> None:
    assert refresh_selection(manifest(), TICK, ["raw_a.people"]) == ("contacts", "person")


def test_tables_that_changed_together_are_followed_together() -> None:
    chosen = refresh_selection(manifest(), TICK, ["raw_a.people", "raw_a.deals"])
    assert chosen == ("contacts", "deal", "person")


def test_where_nothing_quick_stands_on_a_table_everything_does_that_there_is() -> None:
    assert refresh_selection(manifest(), TICK, ["raw_a.prices"]) == ("stg_prices",)


def test_a_table_that_no_model_reads_asks_for_nothing() -> None:
    assert refresh_selection(manifest(), TICK, ["raw_b.people"]) == ()


@pytest.fixture
def refresher(office: Office) -> Iterator[Refresher]:
    """On the office's database."""
    assert office.database
    with closing(Refresher(DBT_DIR, find_manifest())) as made:
        yield made


@pytest.mark.slow
def test_a_refresh_brings_what_was_read_again_to_the_marts(
    office: Office, refresher: Refresher, tmp_path: Path
) -> None:
    office.connect("fub", entities=None)
    for vendor in VENDORS.values():
        prepare_raw(vendor, build_url(office.database, role=LOADER, driver=LIBPQ_DRIVER), tmp_path)
    selection = refresh_selection(
        json.loads(find_manifest().read_bytes()), tick_models(DBT_DIR), ["raw_fub.people"]
    )
    run_dbt(
        office.database,
        tmp_path / "dbt",
        *("build", "--exclude-resource-type", "test", "unit_test"),
        *("--select", *(f"+{name}" for name in selection)),
    )
    [(person, name)] = office.query(
        "select person_source_id, first_name from marts.contacts where first_name is not null"
        " order by 1 limit 1"
    )
    for renamed in (f"{name} Once", f"{name} Twice"):
        office.play(
            op="fub.update_person", agent_key="ada-sample", id=int(person),
            set={"first_name": renamed},
        )  # fmt: skip
        office.sync("fub")
        done = refresher.refresh(["raw_fub.people"])
        assert done.failure is None
        assert done.selection == selection
        assert done.models == len([one for one in selection if not one.endswith("_history")])
        assert office.query(
            "select first_name from marts.contacts where person_source_id = %s", person
        ) == [(renamed,)]

    assert refresher.refresh(["raw_fub.nothing"]) == Refresh((), 0, 0.0, None)
    with office.engine.begin() as connection:
        connection.execute(text("drop table raw_fub.people cascade"))
    failed = refresher.refresh(["raw_fub.people"])
    assert failed.failure is not None
    assert "does not exist" in failed.failure
