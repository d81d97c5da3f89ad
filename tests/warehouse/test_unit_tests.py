"""dbt's unit tests: the rules that can be got wrong, without data. Builds leave them out."""

from __future__ import annotations

import json

from tests.warehouse.filled import Warehouse
from tests.warehouse.running import run_dbt


def test_every_rule_holds(lived_world: Warehouse) -> None:
    run_dbt(lived_world.database, lived_world.folder, "test", "--select", "test_type:unit")
    target = lived_world.folder / "target"
    declared = json.loads((target / "manifest.json").read_bytes())["unit_tests"]
    results = json.loads((target / "run_results.json").read_bytes())["results"]
    assert {r["unique_id"] for r in results if r["status"] == "pass"} == set(declared)
