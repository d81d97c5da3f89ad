"""Whatever may happen at a vendor, the next increment has it; what an increment may miss by
contract, the next full reading has.
"""

from __future__ import annotations

import pytest

from tests.sources.rig import Change, Rig, only, result

AT_A_TIME = 4


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
def test_changes_arrive_a_few_at_a_time(rig: Rig) -> None:
    changes = rig.case.changes
    for start in range(0, len(changes), AT_A_TIME):
        must_arrive(rig, *changes[start : start + AT_A_TIME])


@pytest.mark.slow
def test_a_change_arrives_by_itself(living: Rig, change: Change) -> None:
    must_arrive(living, change)


def must_arrive(rig: Rig, *changes: Change) -> None:
    play(rig, *changes)
    assert not rig.sync().failures
    late = rig.differences()
    assert only(frozenset().union(*(change.late for change in changes)), late), late[:8]
    if late:
        rig.box.clock.advance(seconds=60)
        assert not rig.sync(full=True).failures
        rig.must_equal_truth()
    rig.box.clock.advance(seconds=3600)


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
