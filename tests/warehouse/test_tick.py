"""What is built every quarter of an hour is whole: nothing in it waits for an hour unseen."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import yaml

from assets.manifest import DBT_DIR, find_manifest
from sensors.cadences import CADENCES

# who an agent is and what team, what a reading tells of the network, follows with the full build
FOLLOWS_LATER = {
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


def ancestors(models: Mapping[str, Mapping[str, Any]], name: str) -> Iterator[str]:
    seen, todo = set[str](), [name]
    while todo:
        for parent in parents(models[todo.pop()]) - seen:
            seen.add(parent)
            todo.append(parent)
            yield parent


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
    """Between a table of a fast lane and a model of the tick, no model is left out by accident."""
    fast = {
        f"raw_{cadence.vendor}.{entity}"
        for cadence in CADENCES
        if cadence.lane == "fast" and cadence.vendor in ("rezen", "fub")
        for entity in cadence.entities
    }
    moves = {
        name
        for name in models
        if any(parents(models[one], "source") & fast for one in (name, *ancestors(models, name)))
    }
    assert len(moves) > len(tick)
    for name in tick:
        left_out = {
            one
            for one in ancestors(models, name)
            if one in moves and one not in tick and models[one]["config"]["materialized"] != "view"
        }
        assert left_out <= FOLLOWS_LATER, name


def test_no_model_follows_later_for_nothing(models: Mapping[str, Any], tick: set[str]) -> None:
    used = {one for name in tick for one in ancestors(models, name)}
    assert used >= FOLLOWS_LATER
