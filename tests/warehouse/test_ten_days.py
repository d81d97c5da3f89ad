"""The whole warehouse through what a warehouse lives through, day by day: the first load, ten days
with every change that the sandbox can play at every vendor, readings and builds on some of them, a
build from the ground up, a field that a vendor renames and names again as before.

What is expected is the sandbox's truth, or the warehouse itself before something that must not
change it. The tests are chapters of one story and come in its order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest

from tests.sources.rig import BEN
from tests.warehouse.filled import DAYS, Warehouse, play, still_world
from tests.warehouse.running import results_of
from tests.warehouse.test_marts_equal_truth import equals_the_truth
from tests.warehouse.test_whole import contents, differing, rename_a_field

pytestmark = pytest.mark.slow

# read and built on some days; on one of them one account is read only after the build
BUILT_DAYS, LATE_DAY = (3, 7), 7
# its open month is measured at the moment of the build, and says so
MEASURED_NOW = "marts.recurring_revenue"

Databases = Callable[[], AbstractContextManager[str]]


def read(whole: Warehouse, *, full: bool = False, without: str | None = None) -> None:
    """All vendors, all accounts; those of one agent may be left out."""
    whole.box.advance(seconds=60)
    for rig in whole.rigs:
        agents = [agent for agent in rig.case.agents if agent != without]
        assert not rig.sync(*agents, full=full).failures, rig.case.name


@pytest.fixture(scope="module")
def whole(new_database: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    with still_world(new_database, tmp_path_factory, "ten_days") as world:
        yield world


def test_the_first_load_equals_the_truth(whole: Warehouse) -> None:
    read(whole)
    whole.build(tests=True)
    equals_the_truth(whole)


def test_ten_days_with_every_kind_of_change_equal_the_truth(whole: Warehouse) -> None:
    played, impossible = 0, []
    for day in range(1, DAYS + 1):
        whole.box.advance(days=1)
        could, could_not = play(whole.box, day)
        played, impossible = played + could, impossible + could_not
        if day in BUILT_DAYS:
            read(whole, without=BEN if day == LATE_DAY else None)
            whole.build()
        if day == LATE_DAY:
            read(whole)
    assert played > 140
    assert len(impossible) < 10, impossible
    # who was deleted is for a full reading to find
    read(whole, full=True)
    whole.build(tests=True)
    equals_the_truth(whole)


def test_what_days_have_made_equals_what_is_made_from_the_ground_up(whole: Warehouse) -> None:
    """Byte for byte, in every table; what cannot be made again is kept."""
    before = contents(whole)
    whole.build("--full-refresh")
    assert differing(before, contents(whole)) == {}


def test_a_renamed_field_changes_no_figure_of_all_and_comes_back(whole: Warehouse) -> None:
    before = contents(whole)
    renamed = rename_a_field(whole)
    read(whole, full=True)
    assert renamed.hits
    assert whole.build(tests=True, may_fail=True) == 1
    told = {name for name, status in results_of(whole.folder).items() if status == "fail"}
    assert told & {"money_of_deals_still_arrives", "money_of_listed_deals_still_arrives"}
    made_of_it = ("core.transaction", "finance.", "metrics.fact_transaction", "marts.")
    changed = {name for name in differing(before, contents(whole)) if name.startswith(made_of_it)}
    assert changed <= {MEASURED_NOW}

    whole.box.faults.clear()
    read(whole, full=True)
    whole.build(tests=True)
    equals_the_truth(whole)
