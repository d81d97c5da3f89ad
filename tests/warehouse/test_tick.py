"""What is built every quarter of an hour is whole: nothing in it waits for an hour unseen."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any

import pytest
import yaml

from assets.manifest import DBT_DIR, find_manifest
from sensors.cadences import CADENCES

# who an agent is and what team, what a reading tells of the network, which records of several
# vendors are one deal or one person: that follows with the full build
FOLLOWS_LATER = {
    *("agent_crosswalk", "deal", "listing_outside_rezen", "transaction_outside_rezen"),
    *("agent", "team", "team_member"),
    *("network_member", "network_size", "revshare_totals", "contribution", "revshare_payment"),
}


@pytest.fixture(scope="module")
def manifest() -> Mapping[str, Any]:
    found: Mapping[str, Any] = json.loads(find_manifest().read_bytes())
    return found


@pytest.fixture(scope="module")
def models(manifest: Mapping[str, Any]) -> Mapping[str, Mapping[str, Any]]:
    return {n["name"]: n for n in manifest["nodes"].values() if n["resource_type"] == "model"}


@pytest.fixture(scope="module")
def tick() -> set[str]:
    [selector] = [
        one
        for one in yaml.safe_load((DBT_DIR / "selectors.yml").read_text())["selectors"]
        if one["name"] == "tick"
    ]
    return {name for name in selector["definition"]["union"] if isinstance(name, str)}


def parents(node: Mapping[str, Any], kind: str = "model") -> set[str]:
    return {
        parent.split(".", 2)[2]
        for parent in node["depends_on"]["nodes"]
        if parent.startswith(f"{kind}.")
    }


def ancestors(
    models: Mapping[str, Mapping[str, Any]], name: str, without: Collection[str] = ()
) -> set[str]:
    """All models that a model stands on, but for those of `without` and what only they stand on."""
    seen, todo = set[str](), [name]
    while todo:
        found = parents(models[todo.pop()]) - seen - {*without}
        seen |= found
        todo.extend(found)
    return seen


def test_names_exist(models: Mapping[str, Any], tick: set[str]) -> None:
    assert tick <= set(models)


def test_what_is_kept_by_key_is_kept_up_to_date(models: Mapping[str, Any], tick: set[str]) -> None:
    kept = {
        name
        for name, node in models.items()
        if node["config"].get("incremental_strategy") == "replace_keys"
    }
    assert kept <= tick


def test_a_view_comes_back_with_its_tables(models: Mapping[str, Any], tick: set[str]) -> None:
    """A table that is made anew takes the views on it with it."""
    for name, node in models.items():
        if node["config"]["materialized"] != "view" or name in tick:
            continue
        replaced = {
            one
            for one in ancestors(models, name)
            if one in tick and models[one]["config"]["materialized"] == "table"
        }
        assert not replaced, name


def test_what_moved_reaches_what_is_built(models: Mapping[str, Any], tick: set[str]) -> None:
    """Between a table of a fast lane and a table of the tick, no table is left out by accident.

    What stands on a model that follows later has moved only as far as that model.
    """
    fast = {
        f"raw_{cadence.vendor}.{entity}"
        for cadence in CADENCES
        if cadence.lane == "fast" and cadence.vendor in ("rezen", "fub")
        for entity in cadence.entities
    }
    tables = {n for n, node in models.items() if node["config"]["materialized"] != "view"}
    moves = {
        name
        for name in models
        if any(
            parents(models[one], "source") & fast
            for one in (name, *ancestors(models, name, FOLLOWS_LATER))
        )
    }
    assert len(moves) > len(tick)
    for name in tick & tables:
        left_out = (ancestors(models, name, FOLLOWS_LATER) & moves & tables) - tick
        assert not left_out, name


def test_no_model_follows_later_for_nothing(models: Mapping[str, Any], tick: set[str]) -> None:
    used = {one for name in tick for one in ancestors(models, name)}
    assert used >= FOLLOWS_LATER
