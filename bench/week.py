"""A week in which the platform runs by itself: `python -m bench.week` (`make bench-week`; Linux).

Dagster's daemon with all schedules and sensors, run workers, PostgreSQL and the sandbox share one
false clock (libfaketime), which leaps from one day to the next when nothing is left to do. Every
day the three demo agents and the brokerage itself live on at all seven vendors, and things happen
that the contracts name. At the end of each day every raw table is compared with the sandbox's truth
field by field, and the agents' figures in the marts to the cent. What a vendor tells nobody, so
that by its contract only a full reading finds it, is counted apart until the weekly lane has run.

Between two leaps a lane runs once, however often it had been due: Dagster makes up for the last
missed tick only. What a day costs at the real cadence is computed from the cost of single runs.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from sandbox.box import Sandbox
    from sandbox.skyslope.books import Books as SkySlopeBooks
    from tests.sources.rig import Change, Rig

RESULTS = Path(__file__).with_name("week.json")
FIRST_DAY = date(2026, 6, 15)
"""A Monday; the days run from noon to noon, UTC."""

DAY_SECONDS = 86_400.0
"""One leap: every lane is due in it, and what it reads is built after it."""

LATE_ON = 5
"""The day, counted from 0, of the changes that only a full reading finds: a Saturday."""

MOVED_BY_A_MERGE = ("fub", "person_id")
"""What belonged to somebody belongs to somebody else, and no stamp has moved."""

FAST_LANE_SECONDS = 900
NUDGE_SECONDS = 125
PATIENCE_SECONDS = 1200.0
_CLOCK_FILE = "BROKERAGE_BENCH_CLOCK"
_UNFINISHED = "status not in ('SUCCESS', 'FAILURE', 'CANCELED')"


# -- the clock -------------------------------------------------------------------------------------


def run_on_a_false_clock(arguments: Sequence[str]) -> int:
    """This module once more, in a process for which it is noon of the first day."""
    found = importlib.util.find_spec("libfaketime")
    library = None
    if found is not None and found.origin is not None:
        vendored = Path(found.origin).parent / "vendor" / "libfaketime" / "src"
        library = next(iter(vendored.glob("libfaketime.so*")), None)
    if library is None:
        raise SystemExit("The week needs libfaketime on Linux: run `make env`.")
    with tempfile.TemporaryDirectory(prefix="bench-week-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        clock = folder / "clock"
        noon = datetime(FIRST_DAY.year, FIRST_DAY.month, FIRST_DAY.day, 12, tzinfo=UTC)
        clock.write_text(f"{noon.timestamp() - time.time():+.3f}\n")
        done = subprocess.run(
            [sys.executable, "-m", "bench.week", *arguments],
            env={
                **os.environ,
                _CLOCK_FILE: str(clock),
                "LD_PRELOAD": str(library),
                "FAKETIME_TIMESTAMP_FILE": str(clock),
                "FAKETIME_DONT_FAKE_MONOTONIC": "1",
                # as it guesses, Python's threads wait for the interpreter without waiting
                "FAKETIME_FORCE_MONOTONIC_FIX": "0",
                "FAKETIME_CACHE_DURATION": "1",
                "NO_FAKE_STAT": "1",
            },
            check=False,
        )
        return done.returncode


@dataclass
class Clock:
    """The false clock and the sandbox's calendar, which move together."""

    file: Path
    box: Sandbox

    def leap(self, seconds: float, *, living: bool = False) -> None:
        """Move both, and wait until this process has seen it; the others look once a second too.

        A day is lived before the platform knows that it has passed: nobody reads a morning in the
        evening and finds in the night that more had happened in it.
        """
        wanted = datetime.now(UTC) + timedelta(seconds=seconds)
        self.box.advance(seconds=seconds)
        if living:
            self.box.live()
        new = self.file.with_suffix(".new")
        new.write_text(f"{float(self.file.read_text()) + seconds:+.3f}\n")
        new.replace(self.file)
        deadline = time.monotonic() + 30
        while datetime.now(UTC) < wanted:
            if time.monotonic() > deadline:
                raise RuntimeError("The false clock did not move.")
            threading.Event().wait(0.2)
        threading.Event().wait(1.2)


# -- the office ------------------------------------------------------------------------------------


@dataclass
class Office:
    """The platform under a clock, and what is known about its week."""

    clock: Clock
    rigs: Mapping[str, Rig]
    schedules: Mapping[str, tuple[str, str]]
    sensors: Sequence[str]
    # which weekly lanes are still to bring what was changed since they last ran
    awaited: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    awaited_rows: int = 0

    def unfinished(self) -> list[str]:
        """The runs under way, by job and state."""
        from bench.processes import query

        rows = query(f"select pipeline_name, status from dagster.runs where {_UNFINISHED}")
        return [f"{job} ({status})" for job, status in rows]

    def ticked(self, since: datetime) -> set[str]:
        """The schedules and sensors that were evaluated for a moment from `since` on."""
        from bench.processes import query

        rows = query(
            "select distinct tick_body::json->>'job_name' from dagster.job_ticks "
            "where timestamp >= :since and status <> 'STARTED'",
            since=since.replace(tzinfo=None),
        )
        return {str(row[0]) for row in rows}

    def settle(self, before: datetime) -> None:
        """Wait until every schedule due since `before` has ticked and no sensor finds work."""
        from dagster._utils.schedules import schedule_execution_time_iterator

        now = datetime.now(UTC)
        due = {}
        for name, (cron, zone) in self.schedules.items():
            times = schedule_execution_time_iterator(before.timestamp(), cron, zone)
            passed = [moment for moment in _until(times, now) if moment > before]
            if passed:
                due[name] = passed[-1].astimezone(UTC)
        self._wait(
            lambda: [name for name, at in due.items() if name not in self.ticked(at)],
            "Schedules that did not tick",
        )
        while True:
            self._wait(self.unfinished, "Runs that do not end")
            runs = _count("dagster.runs")
            at = datetime.now(UTC) + timedelta(seconds=NUDGE_SECONDS)
            self.clock.leap(NUDGE_SECONDS)
            self._wait(
                lambda at=at: sorted(set(self.sensors) - self.ticked(at)),
                "Sensors that were not evaluated",
            )
            if not self.unfinished() and _count("dagster.runs") == runs:
                return

    def pause(self) -> None:
        """Wait for a moment in which nothing runs and no schedule is about to begin something: a
        run that sees a day pass while it waits for its turn is taken for one that never starts.
        """
        while True:
            self._wait(self.unfinished, "Runs that do not end")
            if 20 <= datetime.now(UTC).second <= 50 and not self.unfinished():
                return
            threading.Event().wait(1.0)

    def _wait(self, left: Any, what: str) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while found := left():
            if time.monotonic() > deadline:
                raise RuntimeError(f"{what} after {PATIENCE_SECONDS:.0f} s: {', '.join(found)}.")
            threading.Event().wait(1.0)

    def play(self, changes: Sequence[tuple[str, Change]]) -> list[str]:
        """Let things happen at the vendors; what could not any more is told."""
        left = []
        for vendor, change in changes:
            try:
                change.play(self.clock.box)
            except (ValueError, LookupError, StopIteration) as error:
                left.append(f"{vendor} {change.name}: {error}")
                continue
            self.awaited[vendor] |= change.late
        return left

    def compare(self, since: datetime) -> list[str]:
        """The differences that two more ticks of the fast lanes have left: a vendor lives on, and
        what changed a moment ago comes with the next tick.
        """
        found = self.differences(since)
        for _ in range(2):
            if not found:
                break
            before = datetime.now(UTC)
            self.pause()
            self.clock.leap(FAST_LANE_SECONDS)
            self.settle(before)
            found = self.differences(since)
        return found

    def differences(self, since: datetime) -> list[str]:
        """How raw tables and marts differ from the truth, less what a weekly lane is to bring."""
        from bench.processes import query
        from brokerage.cli.figures import agent_figures, differences
        from brokerage.database.engine import make_engine

        weekly = query(
            "select pipeline_name from dagster.runs where status = 'SUCCESS' "
            "and pipeline_name like '%\\_\\_weekly' and create_timestamp >= :since",
            since=since.replace(tzinfo=None),
        )
        self.awaited_rows = 0
        read_whole = {str(job).removesuffix("__weekly") for [job] in weekly}
        for vendor in read_whole:
            self.awaited.pop(vendor, None)
        found = []
        for vendor, rig in self.rigs.items():
            awaited = self.awaited.get(vendor, set())
            for agent in rig.case.agents:
                for text in rig.differences(agent):
                    if vendor not in read_whole and (
                        text.split(" ", 1)[0] in awaited or self._is_told_to_nobody(rig, text)
                    ):
                        self.awaited_rows += 1
                    else:
                        found.append(f"{vendor} {agent} {text}")
        engine = make_engine()
        try:
            figures = agent_figures(engine)
        finally:
            engine.dispose()
        for agent in (account["agent_key"] for account in self.clock.box.accounts):
            truth = self.clock.box.truth(agent)["rezen"]["summary"]
            found += differences(agent, figures.get(agent, []), truth)
        return found

    def _is_told_to_nobody(self, rig: Rig, text: str) -> bool:
        """Whether a difference is of a kind that by the vendor's contract only a full reading
        finds: deleted or joined without a word, or a file that SkySlope's feed leaves out.
        """
        entity, key, *rest = text.replace(":", "", 1).split(" ")
        forgotten = frozenset[str]().union(*(change.late for change in rig.case.changes))
        if rig.case.name == "skyslope":
            books = cast("SkySlopeBooks", self.clock.box.books["skyslope"])
            if key in books.files and books.files[key].folder_only:
                return True
        return entity in forgotten and (
            text.endswith(": is no more") or (rig.case.name, *rest[:1]) == MOVED_BY_A_MERGE
        )


def _until(times: Iterator[datetime], end: datetime) -> Iterator[datetime]:
    for moment in times:
        if moment > end:
            return
        yield moment


def _count(table: str) -> int:
    from bench.processes import query

    return int(query(f"select count(*) from {table}")[0][0])


@contextlib.contextmanager
def open_office(folder: Path) -> Iterator[Office]:
    """The platform with the demo's agents at all vendors, onboarded, at noon of the first day."""
    from bench.processes import connect, dagster_processes, database, onboardings, open_session
    from brokerage.stack.dagster_home import service_environment
    from definitions import defs
    from pipelines.registry import VENDORS
    from sandbox.server import serve
    from tests.sources.conftest import CASES
    from tests.sources.rig import Rig

    repository = defs.get_repository_def()
    with database(folder) as url, serve(size="small", seed=7, today=FIRST_DAY, roomy=True) as box:
        session = open_session(box.url)
        connect(session, [*box.accounts[:3], box.house], list(VENDORS))
        with dagster_processes(service_environment(session.settings), folder):
            office = Office(
                Clock(Path(os.environ[_CLOCK_FILE]), box),
                {case.name: Rig(case, box, url, folder / "dlt") for case in CASES},
                {
                    schedule.name: (
                        str(schedule.cron_schedule),
                        schedule.execution_timezone or "UTC",
                    )
                    for schedule in repository.schedule_defs
                },
                [
                    sensor.name
                    for sensor in repository.sensor_defs
                    if sensor.default_status.value == "RUNNING"
                ],
            )
            office._wait(
                lambda: sorted(
                    agent
                    for agent in (*(a["agent_key"] for a in box.accounts[:3]), "house")
                    if onboardings().get(agent) != "Complete"
                ),
                "Onboardings that do not end",
            )
            office.settle(datetime.now(UTC))
            yield office


# -- the week --------------------------------------------------------------------------------------


def live(office: Office, days: int) -> Iterator[dict[str, Any]]:
    """One record per day: what happened, what ran, how it compares with the truth."""
    for number in range(days):
        begun, real = datetime.now(UTC), time.monotonic()
        before = _storage()
        changes = []
        for vendor, rig in office.rigs.items():
            timely = [change for change in rig.case.changes if not change.late]
            late = [change for change in rig.case.changes if change.late]
            chosen = [*timely[number::7], *(late if number == LATE_ON else ())]
            changes += [(vendor, change) for change in chosen]
        impossible = office.play(changes)
        office.pause()
        before_leap = datetime.now(UTC)
        office.clock.leap(DAY_SECONDS, living=True)
        office.settle(before_leap)
        found = office.compare(begun)
        runs = _runs(begun)
        day = {
            "day": f"{begun:%a %d %b}",
            "changes": len(changes) - len(impossible),
            "impossible": impossible,
            "runs": runs,
            "differences": len(found),
            "such_as": found[:20],
            "awaited": {v: sorted(names) for v, names in office.awaited.items() if names},
            "awaited_rows": office.awaited_rows,
            "grown": {name: value - before[name] for name, value in _storage().items()},
            "real_seconds": round(time.monotonic() - real),
        }
        _say(
            f"{day['day']}: {day['changes']} changes, {sum(runs.values())} runs "
            f"({runs}), {len(found)} differences, {day['awaited_rows']} left to the weekly "
            f"lanes, {day['real_seconds']} s"
        )
        for text in found[:20]:
            _say(f"    {text}")
        yield day


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _runs(since: datetime) -> dict[str, int]:
    from bench.processes import query

    rows = query(
        "select status, count(*) from dagster.runs where create_timestamp >= :since group by 1",
        since=since.replace(tzinfo=None),
    )
    return {str(status): int(count) for status, count in rows}


def _storage() -> dict[str, int]:
    from bench.processes import query

    return {
        "event_log_rows": _count("dagster.event_logs"),
        "event_log_bytes": int(query("select pg_total_relation_size('dagster.event_logs')")[0][0]),
        "tick_rows": _count("dagster.job_ticks"),
    }


def costs(schedules: Mapping[str, tuple[str, str]]) -> dict[str, Any]:
    """What single runs cost, and what a day of scheduled runs costs at the real cadence."""
    from dagster._utils.schedules import schedule_execution_time_iterator

    from bench.processes import query
    from definitions import defs

    job_of = {s.name: s.job_name for s in defs.get_repository_def().schedule_defs}
    rows = query(
        "select r.pipeline_name, r.end_time - r.start_time, "
        "r.start_time - extract(epoch from r.create_timestamp), "
        "(select count(*) from dagster.event_logs e where e.run_id = r.run_id), "
        "(select sum(pg_column_size(e.event)) from dagster.event_logs e where e.run_id = r.run_id) "
        "from dagster.runs r where r.status = 'SUCCESS'"
    )
    by_job: dict[str, list[Any]] = defaultdict(list)
    for job, *measured in rows:
        by_job[job].append(measured)
    jobs = {
        job: {
            "runs": len(found),
            "median_seconds": round(statistics.median(float(one[0]) for one in found), 1),
            "median_start_seconds": round(statistics.median(float(one[1]) for one in found), 1),
            "median_events": statistics.median(int(one[2]) for one in found),
            "median_event_bytes": int(statistics.median(int(one[3] or 0) for one in found)),
        }
        for job, found in sorted(by_job.items())
    }
    # a Saturday and a Sunday have the weekly lanes: the mean of a whole week
    start = datetime.now(UTC)
    end = start + timedelta(days=7)
    fires = {
        name: sum(
            1 for _ in _until(schedule_execution_time_iterator(start.timestamp(), cron, zone), end)
        )
        / 7
        for name, (cron, zone) in schedules.items()
    }
    known: dict[str, float] = defaultdict(float)
    for name, count in fires.items():
        if (job := job_of[name]) in jobs:
            known[job] += count
    return {
        "jobs": jobs,
        "at_the_real_cadence": {
            "scheduled_runs_a_day": round(sum(fires.values())),
            "events_a_day": round(sum(n * jobs[job]["median_events"] for job, n in known.items())),
            "event_bytes_a_day": round(
                sum(n * jobs[job]["median_event_bytes"] for job, n in known.items())
            ),
            "run_seconds_a_day": round(
                sum(n * jobs[job]["median_seconds"] for job, n in known.items())
            ),
        },
    }


def main() -> None:
    """Live, print and write the results. Fails if a day ended with a difference or a stuck run."""
    parser = argparse.ArgumentParser(prog="python -m bench.week", description=__doc__)
    parser.add_argument("--days", type=int, default=7)
    options = parser.parse_args()
    if _CLOCK_FILE not in os.environ:
        raise SystemExit(run_on_a_false_clock(sys.argv[1:]))
    # what was started ends with the bench, also when that is told to stop
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    with open_office(Path(os.environ[_CLOCK_FILE]).parent) as office:
        days: list[dict[str, Any]] = []
        for day in live(office, options.days):
            days.append(day)
            ticks = _ticks(office.schedules)
            results = {
                "days": days,
                "ticks": ticks,
                "unfinished_runs": office.unfinished(),
                "failed_runs": _failed(),
                **costs(office.schedules),
            }
            # a week that is cut short has told what it has seen
            RESULTS.write_text(json.dumps(results, indent=2, default=str) + "\n")
    _say(json.dumps(results["at_the_real_cadence"], indent=2))
    bad_ticks = [name for name, count in ticks.items() if count.get("FAILURE") or not count]
    if bad_ticks or results["unfinished_runs"] or any(day["differences"] for day in days):
        raise SystemExit(f"Not every day was as it should be: see {RESULTS.name}.")


def _ticks(schedules: Sequence[str] | Mapping[str, Any]) -> dict[str, dict[str, int]]:
    """How the ticks of each schedule ended; every one must have some."""
    from bench.processes import query

    rows = query(
        "select tick_body::json->>'job_name', status, count(*) "
        "from dagster.job_ticks where type = 'SCHEDULE' group by 1, 2"
    )
    found: dict[str, dict[str, int]] = {name: {} for name in schedules}
    for name, status, count in rows:
        found[str(name)][str(status)] = int(count)
    return found


def _failed() -> list[str]:
    from bench.processes import query

    rows = query("select pipeline_name, run_id from dagster.runs where status = 'FAILURE'")
    return [f"{job} {run_id[:8]}" for job, run_id in rows]


if __name__ == "__main__":
    main()
