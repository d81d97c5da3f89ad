"""Whatever may happen at a vendor, the next increment has it; what an increment may miss by
contract, the next full reading has.
"""

from __future__ import annotations

import pytest

from tests.sources.rig import Change, Rig, only, result


@pytest.mark.applies(lambda case: case.together)
def test_all_changes_arrive_together(rig: Rig) -> None:
    """One after another at the vendor: those that no increment may miss in one, the others after
    one more, all of them with a full reading.
    """
    late = [change for change in rig.case.changes if change.late]
    play(rig, *(change for change in rig.case.changes if not change.late))
    assert not rig.sync().failures
    rig.must_equal_truth()
    play(rig, *late)
    assert not rig.sync().failures
    missed = rig.differences()
    assert only(frozenset().union(*(change.late for change in late)), missed), missed[:8]
    rig.box.clock.advance(seconds=60)
    assert not rig.sync(full=True).failures
    rig.must_equal_truth()


def play(rig: Rig, *changes: Change) -> None:
    for change in changes:
        change.play(rig.box)
        rig.box.clock.advance(seconds=60)


@pytest.mark.applies(lambda case: not case.together)
def test_a_change_arrives(living: Rig, change: Change) -> None:
    must_arrive(living, change)


@pytest.mark.slow
@pytest.mark.applies(lambda case: case.together)
def test_a_change_arrives_by_itself(living: Rig, change: Change) -> None:
    must_arrive(living, change)


def must_arrive(living: Rig, change: Change) -> None:
    change.play(living.box)
    living.box.clock.advance(seconds=60)
    assert not living.sync().failures
    late = living.differences()
    assert only(change.late, late), late[:8]
    if late:
        living.box.clock.advance(seconds=60)
        assert not living.sync(full=True).failures
        living.must_equal_truth()
    living.box.clock.advance(seconds=3600)


def test_what_is_gone_is_marked_and_not_removed(rig: Rig) -> None:
    entity, key, play = rig.case.departure(rig.box)
    play()
    rig.box.clock.advance(seconds=60)
    report = rig.sync(full=True)
    assert result(report, entity).rows_deleted == 1
    assert key in rig.rows(entity, live=False)
    assert key not in rig.rows(entity)
    assert rig.query(
        f"select connection_id, entity, row_key from {rig.case.vendor.schema}.tombstones"
        " where entity = %s",
        entity,
    ) == [(f"{rig.case.first}:{rig.case.name}", entity, key)]
    rig.must_equal_truth()
