"""Lists that move while they are read, and records that vanish between list and detail."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace

import pytest

from pipelines.common.reading import Progress
from sandbox.world.sizes import SIZES
from tests.sources import fub_case, rezen_case
from tests.sources.rig import ADA, Rig, only, result

MakeRig = Callable[..., AbstractContextManager[Rig]]

# lists of more than one page
LONG = replace(SIZES["small"], deals=480, people=130, calls=150, events=150, network=12)
LISTS = ["identity", "agents", "transaction_list", "people", "calls", "events"]


@pytest.fixture
def rezen(make_rig: MakeRig) -> Iterator[Rig]:
    with make_rig(rezen_case.CASE, size=LONG) as rig:
        yield rig


@pytest.fixture
def fub(make_rig: MakeRig) -> Iterator[Rig]:
    with make_rig(fub_case.CASE, size=LONG) as rig:
        yield rig


def differences(rig: Rig, *entities: str) -> list[str]:
    return [d for d in rig.differences() if d.split(" ", 1)[0] in entities]


@pytest.mark.parametrize("kind", ["shift_page", "group_move"])
def test_deals_that_move_between_pages_are_not_lost(rezen: Rig, kind: str) -> None:
    """Before the second page, the oldest deal jumps to the front, or into another list."""
    second = "/transactions/CLOSED.*pageNumber=1"
    rule = rezen.box.faults.add(kind, vendor="rezen", match=second, times=1, agent_key=ADA)
    assert not rezen.sync(entities=LISTS[1:3]).failures
    assert rule.hits == 1
    assert differences(rezen, "transaction_list") == []


def test_deals_that_move_during_a_whole_walk_are_not_taken_for_deleted(rezen: Rig) -> None:
    assert not rezen.sync(entities=LISTS[1:3]).failures
    for kind in ("shift_page", "group_move"):
        rezen.box.faults.add(kind, vendor="rezen", match="pageNumber=1", times=2, agent_key=ADA)
    rezen.box.clock.advance(seconds=60)
    report = rezen.sync(entities=LISTS[1:3], full=True)
    assert result(report, "transaction_list").rows_deleted == 0
    rezen.box.clock.advance(seconds=60)
    assert not rezen.sync(entities=LISTS[1:3]).failures
    assert differences(rezen, "transaction_list") == []


def test_long_lists_are_read_in_all_shapes(rezen: Rig) -> None:
    """Without `hasNext`, without an envelope, with a total that is off."""
    for profile in ("legacy", "bare", "drift"):
        rezen.box.faults.profile("rezen", profile)
        rezen.box.clock.advance(seconds=60)
        report = rezen.sync(entities=LISTS[1:3], full=True)
        assert not report.failures
        assert differences(rezen, "transaction_list") == [], profile
        assert result(report, "transaction_list").rows_deleted == 0
        rezen.box.faults.clear()


@pytest.mark.parametrize(
    "for_viewer",
    [pytest.param(False, id="for_all"), pytest.param(True, id="for_ada", marks=pytest.mark.slow)],
)
def test_a_deal_that_vanishes_between_list_and_detail(make_rig: MakeRig, for_viewer: bool) -> None:
    with make_rig(rezen_case.CASE) as rig:
        rule = rig.box.faults.add(
            "vanish_between_list_and_detail", vendor="rezen", match="/transactions/[0-9a-f-]{36}$",
            for_viewer=for_viewer, skip=3, times=1,
        )  # fmt: skip
        report = rig.sync()
        assert rule.hits == 1
        assert not report.failures
        notes = rig.query(
            "select error from raw_rezen.sync_marks where entity in ('transactions', 'listings')"
        )
        assert ("1 listed deals are gone or belong to others.",) in notes
        # the list had shown it: the next sync sees that it is gone
        assert only({"transaction_list", "listing_list"}, rig.differences())
        rig.box.clock.advance(seconds=60)
        assert not rig.sync().failures
        rig.must_equal_truth()


def test_a_deal_that_keeps_failing_costs_only_itself(make_rig: MakeRig) -> None:
    with make_rig(rezen_case.CASE) as rig:
        bad = rezen_case.deals_of(rig.box, "CLOSED")[0].id
        rig.box.faults.add("status", vendor="rezen", match=f"/{bad}$", status=500, times=None)
        report = rig.sync()
        said = result(report, "transactions").error or ""
        assert said.startswith("1 of ")
        assert "could not be read and are tried again in the next sync" in said
        assert {f.entity for f in report.failures} == {"transactions"}
        assert rig.differences() == [f"transactions {bad}: is missing"]
        rig.box.faults.clear()
        rig.box.clock.advance(seconds=60)
        assert not rig.sync().failures
        rig.must_equal_truth()


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("shift_page", {"by": -1}),
        ("stale_cursor", {}),
        pytest.param("duplicate_row", {}, marks=pytest.mark.slow),
        pytest.param("wrong_total", {}, marks=pytest.mark.slow),
    ],
)
def test_pages_of_people_that_overlap_or_end_early_lose_nobody(
    fub: Rig, kind: str, fields: dict[str, int]
) -> None:
    rule = fub.box.faults.add(
        kind, vendor="fub", match="^/v1/people.*next=", times=1, agent_key=ADA, **fields
    )
    assert not fub.sync(entities=[LISTS[0], *LISTS[3:]]).failures
    assert rule.hits == 1
    assert differences(fub, "people", "calls", "events") == []


def test_people_who_come_and_go_while_the_list_is_read(fub: Rig) -> None:
    """Somebody new is at the front of a list that is being read from front to back."""
    crm, seen = fub.box.crm, []

    def meddle(progress: Progress) -> None:
        if not seen:
            seen.append(progress.entity)
            for _ in range(3):
                fub.box.mutate({"op": "fub.create_person", "agent_key": ADA})
            fub.box.mutate({"op": "fub.create_call", "agent_key": ADA})
            fub.box.mutate({"op": "fub.delete_person", "agent_key": ADA})

    assert crm is not None
    fub.sync(entities=[LISTS[0], *LISTS[3:]], progress=meddle)
    assert seen
    fub.box.clock.advance(seconds=60)
    assert not fub.sync(entities=[LISTS[0], *LISTS[3:]]).failures
    late = {"people", "calls", "events"}
    fresh = [d for d in differences(fub, *late) if d.endswith("is missing")]
    assert fresh == []
    fub.box.clock.advance(seconds=60)
    assert not fub.sync(entities=[LISTS[0], *LISTS[3:]], full=True).failures
    assert differences(fub, *late) == []


def test_a_missed_row_of_a_whole_list_is_not_taken_for_deleted(fub: Rig) -> None:
    """A page that jumps over a row: its own address still answers it."""
    names = [LISTS[0], *LISTS[3:]]
    assert not fub.sync(entities=names).failures
    for path in ("people", "events", "calls"):
        fub.box.faults.add(
            "shift_page", vendor="fub", match=f"^/v1/{path}.*next=", times=1, agent_key=ADA, by=1
        )
    fub.box.clock.advance(seconds=60)
    report = fub.sync(entities=names, full=True)
    assert not report.failures
    assert sum(r.rows_deleted for r in report.results) == 0
    assert differences(fub, "people", "calls", "events") == []


@pytest.mark.parametrize("status", [503, pytest.param(401, marks=pytest.mark.slow)])
def test_a_departure_that_cannot_be_asked_about_waits(make_rig: MakeRig, status: int) -> None:
    with make_rig(fub_case.CASE) as rig:
        assert not rig.sync().failures
        before = set(rig.rows("people"))
        rig.box.mutate(
            {"op": "fub.delete_person", "agent_key": ADA, "id": fub_case.busy_person(rig.box)}
        )
        rig.box.faults.add(
            "status", vendor="fub", match=r"^/v1/people/\d+", status=status, times=None
        )
        rig.box.clock.advance(seconds=60)
        report = rig.sync(full=True)
        assert result(report, "people").rows_deleted == 0
        assert (result(report, "people").error or "").startswith("1 rows did not come back, and ")
        assert set(rig.rows("people")) == before
        rig.box.faults.clear()
        # not having been complete, the reading is due again by itself
        rig.box.clock.advance(days=8)
        assert not rig.sync().failures
        assert differences(rig, "people") == []


def test_texts_of_a_person_who_is_gone_meanwhile(make_rig: MakeRig) -> None:
    with make_rig(fub_case.CASE) as rig:
        rule = rig.box.faults.add("status", vendor="fub", match="^/v1/textMessages", status=404)
        assert not rig.sync().failures
        assert rule.hits == 1
        # somebody whom the list left out, but who is still there, stays
        rig.box.mutate({"op": "fub.vanish", "agent_key": ADA, "id": fub_case.busy_person(rig.box)})
        rig.box.clock.advance(seconds=60)
        report = rig.sync(full=True)
        assert result(report, "people").rows_deleted == 0
        rig.must_equal_truth()
