"""What is built after a webhook: the quick models that stand on what changed, and no others."""

from __future__ import annotations

from typing import Any

from resources.dbt import refresh_selection

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
