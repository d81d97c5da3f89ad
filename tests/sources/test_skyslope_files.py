"""What only SkySlope does: bodies in three shapes, a lagging replica, sessions that end."""

from __future__ import annotations

from typing import Any

import pytest

from pipelines.common.account import StaticCredentials
from tests.sources.rig import ADA, BEN, FlyingClock, Rig, result, sentence
from tests.sources.skyslope_case import books, files_of

ONLY = "skyslope"


def switch(rig: Rig, name: str, value: object) -> None:
    rig.box.mutate({"op": "skyslope.switch", "name": name, "value": value})


@pytest.mark.parametrize("shape", ["array", "value", "stream"])
@pytest.mark.parametrize("bom", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_the_feed_is_read_in_every_shape(rig: Rig, shape: str, bom: bool) -> None:
    switch(rig, "shape", shape)
    switch(rig, "bom", bom)
    rig.case.changes[0].play(rig.box)
    assert not rig.sync(full=True).failures
    rig.must_equal_truth()


def test_a_feed_of_several_pages_is_followed(rig: Rig) -> None:
    switch(rig, "page_size", 7)
    rig.case.changes[0].play(rig.box)
    report = rig.sync(full=True)
    assert not report.failures
    assert result(report, "sales").rows_read >= len(books(rig.box).visible(ADA, listing=False))
    rig.must_equal_truth()


@pytest.mark.every_time
def test_a_feed_that_is_not_whole_is_refused(rig: Rig) -> None:
    rig.box.faults.add("wrong_summary", vendor="skyslope", match="type=sale", times=None)
    report = rig.sync(full=True)
    assert "that it announced" in sentence(report, "sales")
    assert result(report, "sales").cursor_to == result(report, "sales").cursor_from
    rig.box.faults.clear()
    assert not rig.sync().failures
    rig.must_equal_truth()


def test_a_stream_without_its_summary_is_refused(rig: Rig) -> None:
    """A stream that was cut between two objects reads well."""
    switch(rig, "shape", "stream")
    rig.case.changes[0].play(rig.box)
    rig.box.faults.add("no_summary", vendor="skyslope", match="type=sale", times=None)
    report = rig.sync()
    assert "ended without its summary" in sentence(report, "sales")
    assert result(report, "sales").cursor_to == result(report, "sales").cursor_from
    rig.box.faults.clear()
    assert not rig.sync().failures
    rig.must_equal_truth()


def test_an_array_without_its_summary_is_read(rig: Rig) -> None:
    rig.case.changes[0].play(rig.box)
    rig.box.faults.add("no_summary", vendor="skyslope", match="type=", times=None)
    assert not rig.sync(full=True).failures
    rig.must_equal_truth()


@pytest.mark.parametrize("in_value", [True, pytest.param(False, marks=pytest.mark.slow)])
@pytest.mark.every_time
def test_what_the_replica_has_not_got_yet_comes_with_a_later_sync(rig: Rig, in_value: bool) -> None:
    switch(rig, "replica_in_value", in_value)
    rig.sync()
    switch(rig, "replica_lag", 7200)
    rig.case.changes[0].play(rig.box)
    rig.box.clock.advance(seconds=60)
    assert not rig.sync().failures
    assert rig.differences(), "the replica hides the change for two hours"
    rig.box.clock.advance(seconds=3 * 3600)
    assert not rig.sync().failures
    rig.must_equal_truth()


def test_a_host_without_a_replica_clock_is_read_all_the_same(rig: Rig) -> None:
    rig.box.faults.add("no_replica", vendor="skyslope", match="replica", times=None)
    rig.case.changes[0].play(rig.box)
    assert not rig.sync().failures
    rig.must_equal_truth()


@pytest.mark.every_time
def test_files_that_the_feed_leaves_out_come_from_the_folders(loaded: Rig) -> None:
    hidden = [f.guid for f in books(loaded.box).visible(ADA, listing=False) if f.folder_only]
    assert hidden
    assert set(hidden) <= loaded.rows("sales").keys()


@pytest.mark.every_time
def test_an_agent_sees_the_own_files_and_a_broker_all(loaded: Rig) -> None:
    ben, cora = loaded.rows("sales", BEN).keys(), loaded.rows("sales", "cora-upline").keys()
    assert ben < cora


@pytest.mark.every_time
def test_a_file_deleted_in_skyslope_is_gone_after_a_full_reading(rig: Rig) -> None:
    gone = files_of(rig.box)[-1].guid
    rig.box.mutate({"op": "skyslope.delete_file", "guid": gone})
    assert not rig.sync().failures
    assert gone in rig.rows("sales")
    assert not rig.sync(full=True).failures
    rig.must_equal_truth()


class Kept(StaticCredentials):
    """Counts logins."""

    logins = 0

    def refresh(self, stale: Any, exchange: Any) -> Any:
        def counted(old: Any) -> Any:
            self.logins += 1
            return exchange(old)

        return super().refresh(stale, counted)


def test_one_session_serves_many_syncs_and_a_dead_one_is_replaced(rig: Rig) -> None:
    kept = Kept(dict(rig.account(ADA).credentials.get()))
    account = rig.account(ADA, kept)
    for _ in range(3):
        assert not rig.sync(account).failures
    assert kept.logins == 1
    rig.box.mutate({"op": "skyslope.expire_session", "agent_key": ADA})
    assert not rig.sync(account).failures
    assert kept.logins == 2
    rig.must_equal_truth()


def test_a_short_session_is_used(rig: Rig) -> None:
    switch(rig, "session_seconds", 240)
    kept = Kept(dict(rig.account(ADA).credentials.get()))
    assert not rig.sync(rig.account(ADA, kept)).failures
    assert kept.logins == 1


def test_a_session_that_ends_inside_a_list_costs_a_login(rig: Rig) -> None:
    rig.case.changes[0].play(rig.box)
    rig.box.faults.add(
        "status", vendor="skyslope", status=401, match="^/api/files/sales\\?", skip=1, times=1
    )
    kept = Kept(dict(rig.account(ADA).credentials.get()))
    assert not rig.sync(rig.account(ADA, kept), full=True).failures
    assert kept.logins == 2
    rig.must_equal_truth()


@pytest.mark.parametrize("status", [403, pytest.param(404, marks=pytest.mark.slow)])
def test_a_file_that_is_refused_by_itself_stays_while_the_folder_shows_it(
    rig: Rig, status: int
) -> None:
    hidden = [f.guid for f in books(rig.box).visible(ADA, listing=False) if f.folder_only]
    rig.box.faults.add(
        "status", vendor="skyslope", status=status, match="^/api/files/sales/[0-9a-f]", times=None
    )
    report = rig.sync(full=True)
    assert not report.failures
    assert result(report, "sales").rows_deleted == 0
    assert set(hidden) <= rig.rows("sales").keys()
    [(note,)] = rig.query(
        "select error from raw_skyslope.sync_marks where entity = 'sales' and run_id = 'run'"
        " order by started_at desc limit 1"
    )
    assert note.startswith(f"{len(hidden)} sales are in the folder")


class MovingClock(FlyingClock):
    """Whoever pauses moves the sandbox's time on."""

    def __init__(self, rig: Rig) -> None:
        super().__init__()
        self._box = rig.box

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        self._box.clock.advance(seconds=seconds)


@pytest.mark.parametrize(
    "throttle", ["retry_after", "reset", "503", pytest.param("none", marks=pytest.mark.slow)]
)
def test_every_way_of_saying_slow_down_is_understood(rig: Rig, throttle: str) -> None:
    switch(rig, "throttle", throttle)
    rig.box.limits.set("skyslope", "global", 3, 10.0)
    rig.box.limits.enabled = True
    rig.case.changes[0].play(rig.box)
    clock = MovingClock(rig)
    assert not rig.sync(clock=clock).failures
    assert clock.slept
    assert min(clock.slept) >= (10.0 if throttle in ("none", "503") else 1.0)
    rig.must_equal_truth()
