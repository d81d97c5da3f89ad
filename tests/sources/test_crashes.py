"""Whatever stops a sync, and wherever: the next one ends at the truth."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from dlt.load.load import Load
from pydantic import SecretStr

from pipelines.common import run
from pipelines.common.reading import SyncReport
from tests.sources.rig import Rig, result

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.engine


class Killed(BaseException):
    """Nobody catches it."""


def counted_marks(rig: Rig) -> int:
    schema = rig.case.vendor.schema
    [(count,)] = rig.query(
        f"select count(*) from {schema}.sync_marks m join {schema}._dlt_loads l"
        " on l.load_id = m._dlt_load_id and l.status = 0"
    )
    return int(count)


@pytest.mark.parametrize(
    "place",
    [
        "pipelines.common.run.check_rows",
        pytest.param("pipelines.common.run.to_batch_safely", marks=pytest.mark.slow),
        pytest.param("dlt.normalize.normalize.Normalize.run", marks=pytest.mark.slow),
        pytest.param("dlt.load.load.Load.run", marks=pytest.mark.slow),
        "dlt.load.load.Load.complete_package",
    ],
)
def test_a_crash_commits_nothing_and_the_next_sync_has_it_all(
    new_rig: Rig, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_args: object, **_kwargs: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(place, die)
        with pytest.raises(Killed):
            new_rig.sync()
    assert counted_marks(new_rig) == 0
    new_rig.box.clock.advance(seconds=60)
    report = new_rig.sync()
    assert not report.failures
    assert {r.cursor_from for r in report.results} == {None}
    new_rig.must_equal_truth()


def test_a_crash_between_two_loads_of_one_sync_repeats_and_loses_nothing(
    new_rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    loads = 0
    complete = "dlt.load.load.Load.complete_package"
    real = Load.complete_package

    def die_at_the_third(self: Any, *args: Any, **kwargs: Any) -> Any:
        nonlocal loads
        loads += 1
        if loads == 3:
            raise Killed
        return real(self, *args, **kwargs)

    monkeypatch.setattr(run, "LOAD_ROWS", new_rig.case.load_rows)
    with monkeypatch.context() as patch:
        patch.setattr(complete, die_at_the_third)
        with pytest.raises(Killed):
            new_rig.sync()
    new_rig.box.clock.advance(seconds=60)
    assert not new_rig.sync().failures
    new_rig.must_equal_truth()


@contextmanager
def doomed_process(rig: Rig, folder: Path, *, stop_in_load: bool, load_rows: int) -> Iterator[Any]:
    account = rig.account(rig.case.first)
    settings = {
        name: value.get_secret_value() if isinstance(value, SecretStr) else value
        for name, value in rig.settings.model_dump(exclude={"rates"}).items()
    }
    settings["rates"] = {
        name: {"limit": rate.limit, "window": rate.window, "concurrent": rate.concurrent}
        for name, rate in rig.settings.rates.items()
    }
    order = {
        "vendor": rig.case.name, "agent_key": account.agent_key,
        "connection_id": account.connection_id,
        "credentials": dict(account.credentials.get()), "url": rig.url, "settings": settings,
        "folder": str(rig.folder), "stop_in_load": stop_in_load, "load_rows": load_rows,
        "ahead": (rig.box.clock.now() - datetime.now(UTC)).total_seconds(),
    }  # fmt: skip
    path = folder / "order.json"
    path.write_text(json.dumps(order))
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.sources.doomed", str(path)],
        cwd=ROOT, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.wait(30)
        assert process.stdout is not None
        process.stdout.close()


def kill_at(process: Any, line: str) -> None:
    """SIGKILL at the first line that starts so."""
    for said in process.stdout:
        assert not said.startswith("done"), "the sync ended before it could be killed"
        if said.startswith(line):
            break
    process.send_signal(signal.SIGKILL)
    assert process.wait(30) == -signal.SIGKILL


@pytest.mark.parametrize(
    ("line", "load_rows"),
    [
        pytest.param("read", 400_000, marks=pytest.mark.slow),
        ("loading", 400_000),
        pytest.param("read", 100, marks=pytest.mark.slow),
    ],
    ids=["while_reading", "while_loading", "between_loads"],
)
def test_a_killed_process_leaves_nothing_half_done(
    new_rig: Rig, tmp_path: Path, line: str, load_rows: int
) -> None:
    rig = new_rig
    stop = line == "loading"
    with doomed_process(rig, tmp_path, stop_in_load=stop, load_rows=load_rows) as process:
        kill_at(process, line)
    if load_rows > 100:
        assert counted_marks(rig) == 0
    rig.box.clock.advance(seconds=60)
    # the server needs a moment to notice that the killed session's locks are free
    report = rig.sync(rig.case.first, lane="onboarding", wait_seconds=60.0)
    assert not report.failures
    rig.must_equal_truth()


@pytest.mark.slow
def test_a_process_killed_in_an_increment_resumes_from_the_old_cursor(
    rig: Rig, tmp_path: Path
) -> None:
    rig.box.advance(days=2)
    with doomed_process(rig, tmp_path, stop_in_load=True, load_rows=400_000) as process:
        kill_at(process, "loading")
    marks = counted_marks(rig)
    rig.box.clock.advance(seconds=60)
    report = rig.sync(rig.case.first, lane="onboarding", wait_seconds=60.0)
    assert not report.failures
    assert counted_marks(rig) == marks + len(report.results)
    assert not rig.sync(rig.case.first, full=True).failures
    rig.must_equal_truth()


@pytest.mark.parametrize(
    "lanes", [("fast", "onboarding"), ("onboarding", "onboarding")], ids=["two_lanes", "one_lane"]
)
@pytest.mark.applies(lambda case: len(case.agents) > 1)
def test_agents_onboarded_at_the_same_moment_lose_nothing(
    new_rig: Rig, lanes: tuple[str, str]
) -> None:
    """In lanes of their own, and in the same one, whose second sync waits for the first."""
    rig = new_rig
    pair = rig.case.pair
    together = threading.Barrier(2)

    def onboard(agent: str, lane: str, full: bool) -> SyncReport:
        together.wait(timeout=60)
        return rig.sync(agent, lane=lane, full=full, run_id=f"run of {agent}")

    for full in (False, True):
        with ThreadPoolExecutor(2) as pool:
            running = [
                pool.submit(onboard, agent, lane, full)
                for agent, lane in zip(pair, lanes, strict=True)
            ]
            reports = [sync.result(120) for sync in running]
        assert not [failure for report in reports for failure in report.failures]
        assert [report.busy_accounts for report in reports] == [(), ()]
        rig.must_equal_truth(*pair)
        rig.box.clock.advance(seconds=60)


@pytest.mark.applies(lambda case: len(case.agents) > 1)
def test_the_fast_lane_leaves_out_who_is_being_onboarded(rig: Rig) -> None:
    ada, ben = rig.case.pair
    entered, leave = threading.Event(), threading.Event()

    def slowly(_progress: object) -> None:
        entered.set()
        assert leave.wait(60)

    with ThreadPoolExecutor(1) as pool:
        long_one = pool.submit(rig.sync, ada, lane="onboarding", progress=slowly, full=True)
        assert entered.wait(60)
        quick = rig.sync(ada, ben)
        leave.set()
        assert not long_one.result(120).failures
    assert quick.busy_accounts == (f"{ada}:{rig.case.name}",)
    assert result(quick, rig.case.listed, ben).status == "ok"
    rig.must_equal_truth(ada, ben)
