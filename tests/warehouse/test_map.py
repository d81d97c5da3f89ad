"""docs/warehouse.md and the registers it is made of: nothing is missing, and nothing named is made
up. `seed_tables.txt` is the list of the former backend's tables, apart from what became of them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml
from croniter import croniter
from sqlalchemy import text
from sqlalchemy.engine import Engine

from assets import warehouse_map
from assets.manifest import find_manifest
from brokerage.database.engine import LIBPQ_DRIVER, LOADER, build_url
from pipelines.common.load import prepare_raw
from pipelines.registry import VENDORS
from sensors.cadences import CADENCES

FORMER_TABLES = Path(__file__).with_name("seed_tables.txt").read_text().splitlines()
TRAPS = range(1, 20)
DAY = 24

Manifest = Mapping[str, Any]


@pytest.fixture(scope="module")
def manifest() -> Manifest:
    found: Manifest = json.loads(find_manifest().read_bytes())
    return found


def test_the_page_is_up_to_date(manifest: Manifest) -> None:
    written = warehouse_map.PAGE.read_text("utf-8")
    assert written == warehouse_map.render(manifest), "run `make pages`"


def test_every_former_table_has_one_row() -> None:
    rows = [former.name for section in warehouse_map.read_register().values() for former in section]
    assert sorted(rows) == sorted(FORMER_TABLES)
    assert len(set(rows)) == len(rows) > 200


def test_no_name_stands_for_two_former_tables() -> None:
    sections = warehouse_map.read_register().values()
    others = [name for section in sections for former in section for name in former.also]
    assert len(set(others)) == len(others)
    # what the documents call sponsor_tree, say, must not be a row of its own
    assert not set(others) & set(FORMER_TABLES)


def test_places_beside_dbt_exist(engine: Engine, tmp_path: Path) -> None:
    address = engine.url.render_as_string(hide_password=False)
    for vendor in VENDORS.values():
        prepare_raw(vendor, build_url(address, role=LOADER, driver=LIBPQ_DRIVER), tmp_path)
    with engine.connect() as connection:
        there = set(
            connection.execute(
                text("select table_schema || '.' || table_name from information_schema.tables")
            ).scalars()
        )
    sections = warehouse_map.read_register().values()
    named = {place for section in sections for former in section for place in former.beside}
    assert named - there == set()
    assert len(named) > 10


def test_a_model_that_is_not_there_is_told(manifest: Manifest) -> None:
    without = {
        "nodes": {k: n for k, n in manifest["nodes"].items() if n["name"] != "network_closure"},
        "unit_tests": manifest["unit_tests"],
    }
    with pytest.raises(ValueError, match="network_hierarchy is in network_closure"):
        warehouse_map.render(without)


def test_reasons_are_one_sentence() -> None:
    for section in warehouse_map.read_register().values():
        for former in section:
            assert re.fullmatch(r"([A-Z].*[^.]\.)?", former.reason), former.name


def test_every_table_that_people_read_says_what_it_is(manifest: Manifest) -> None:
    tables = warehouse_map.read_tables(manifest)
    read = [t for t in tables.values() if t.schema != "staging" and not t.name.startswith("int_")]
    assert len(read) > 200
    for table in read:
        assert table.description, table.name
        assert table.grain, f"{table.name} has neither a primary_key test nor meta.grain"


def test_every_trap_has_a_test_named_after_it(manifest: Manifest) -> None:
    quality = yaml.safe_load(warehouse_map.QUALITY.read_text("utf-8"))
    assert [trap["number"] for trap in quality["traps"]] == list(TRAPS)
    tests = warehouse_map.quality_tests(manifest)
    assert {test.number for test in tests} == set(TRAPS)
    for test in tests:
        assert re.fullmatch(r"dq_\d\d_[a-z_]+", test.name)
    described = {
        node["name"]
        for node in manifest["nodes"].values()
        if node["resource_type"] == "test" and node["description"]
    }
    assert {test.name for test in tests} <= described


def test_every_rule_has_unit_tests_of_its_own() -> None:
    quality = yaml.safe_load(warehouse_map.QUALITY.read_text("utf-8"))
    named = [name for rule in quality["rules"] for name in rule["unit_tests"]]
    assert len(set(named)) == len(named)
    assert len(quality["rules"]) >= 15


@cache
def _longest_pause(cron: str) -> float:
    """In hours, over eight days."""
    times = croniter(cron, 0)
    moments = [times.get_next(float) for _ in range(8 * DAY * 4)]
    moments = [moment for moment in moments if moment < moments[0] + 8 * DAY * 3600]
    return max(after - before for before, after in pairwise(moments)) / 3600


def _hours_between_readings(vendor: str, entity: str) -> float:
    """The longest pause of the lane that reads an entity most often."""
    lanes = [c for c in CADENCES if c.vendor == vendor and c.lane != "weekly"]
    return min(_longest_pause(c.cron) for c in lanes if not c.entities or entity in c.entities)


@pytest.mark.parametrize("name", VENDORS)
def test_every_entity_that_is_read_has_a_freshness_that_fits_its_lane(
    manifest: Manifest, name: str
) -> None:
    vendor = VENDORS[name]
    settings = vendor.settings_type()
    sources = {
        source["name"]: source
        for source in manifest["sources"].values()
        if source["source_name"] == vendor.schema
    }
    for entity in vendor.entities:
        source = sources[entity.name]
        freshness = source["freshness"] or {}
        if not entity.enabled(settings):
            # a table that nobody reads must not be late
            assert not freshness.get("warn_after", {}).get("count"), entity.name
            continue
        assert freshness, entity.name
        warn, error = freshness["warn_after"], freshness["error_after"]
        assert warn["period"] == error["period"] == "hour"
        pause = _hours_between_readings(name, entity.name)
        assert 1.05 * pause < warn["count"] <= max(26, 2.5 * pause), entity.name
        assert warn["count"] < error["count"] <= 4 * DAY, entity.name
        assert source["loaded_at_query"].split() == [
            *("{{", f"last_good_sync('{name}',", f"'{entity.name}')", "}}")
        ]


def test_a_hook_names_its_table(manifest: Manifest) -> None:
    """In a properties file `this` is nothing yet: `analyze` would go through the whole database."""
    hooks = [
        (node["name"], hook["sql"])
        for node in manifest["nodes"].values()
        for when in ("pre-hook", "post-hook")
        for hook in node["config"].get(when, ())
    ]
    assert len(hooks) > 10
    for name, hook in hooks:
        assert re.search(r"{{ \w+_this\(\) }}|{{ this }}", hook), (name, hook)
