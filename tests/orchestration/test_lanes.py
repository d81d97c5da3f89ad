"""The lanes: how often, which first, what happens to a tick that comes twice, and to clocks."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml
from dagster import DagsterInstance, DagsterRunStatus, Definitions, RunRequest, SkipReason
from dagster._core.storage.tags import (
    RUN_KEY_TAG,
    SCHEDULE_NAME_TAG,
    SCHEDULED_EXECUTION_TIME_TAG,
    SENSOR_NAME_TAG,
)
from dagster._core.test_utils import create_run_for_test
from dagster._utils.schedules import schedule_execution_time_iterator

from assets.twins import earlier_twin
from brokerage.settings import PROJECT_DIR
from pipelines.registry import VENDORS
from sensors.cadences import CADENCES
from sensors.freshness import freshness_policies
from sensors.jobs import BUILD_JOB, TICK_JOB, run_tags
from sensors.sensors import plan_build

NEW_YORK = ZoneInfo("America/New_York")
MINUTES = {"fast": 15, "hourly": 60, "six_hourly": 360, "daily": 24 * 60, "weekly": 7 * 24 * 60}
NOON = datetime(2026, 6, 15, 12, tzinfo=UTC)


def ticks(cron: str, begin: datetime, end: datetime) -> list[datetime]:
    found = []
    for tick in schedule_execution_time_iterator(
        begin.timestamp(), cron, "America/New_York", ascending=True
    ):
        if tick.timestamp() >= end.timestamp():
            return found
        found.append(tick.astimezone(UTC))
    return found


@pytest.mark.parametrize("cadence", CADENCES, ids=lambda cadence: cadence.name)
def test_a_lane_ticks_as_often_as_its_name_says(cadence: Any) -> None:
    """Over two weeks without a change of clocks."""
    begin = datetime(2026, 6, 7, tzinfo=NEW_YORK)
    found = ticks(cadence.cron, begin, begin + timedelta(days=14))
    gaps = {int((b - a).total_seconds() // 60) for a, b in pairwise(found)}
    assert gaps == {MINUTES[cadence.lane]}


@pytest.mark.parametrize("cadence", CADENCES, ids=lambda cadence: cadence.name)
@pytest.mark.parametrize("sunday", ["2026-03-08", "2026-11-01"], ids=["forward", "back"])
def test_a_change_of_clocks_takes_no_tick_and_doubles_none(cadence: Any, sunday: str) -> None:
    begin = datetime.fromisoformat(f"{sunday} 00:00").replace(tzinfo=NEW_YORK) - timedelta(days=4)
    end = begin + timedelta(days=14)
    found = ticks(cadence.cron, begin, end)
    if cadence.lane in ("daily", "weekly"):
        days = Counter(tick.astimezone(NEW_YORK).date() for tick in found)
        assert set(days.values()) == {1}
        assert len(days) == (14 if cadence.lane == "daily" else 2)
    elif cadence.lane in ("fast", "hourly"):
        gaps = {(b - a).total_seconds() / 60 for a, b in pairwise(found)}
        assert gaps == {MINUTES[cadence.lane]}
    else:
        gaps = {(b - a).total_seconds() / 60 for a, b in pairwise(found)}
        assert gaps <= {300, 360, 420}


def test_the_fast_lane_goes_first_and_slow_ones_leave_it_places() -> None:
    tags = {lane: run_tags(lane) for lane in (*MINUTES, "onboarding", "manual", "reconcile")}
    priority = {lane: int(found["dagster/priority"]) for lane, found in tags.items()}
    assert max(priority, key=lambda lane: priority[lane]) == "fast"
    slow = {lane for lane, found in tags.items() if found.get("brokerage/slow") == "true"}
    assert slow == {"onboarding", "daily", "weekly", "reconcile"}
    runs = yaml.safe_load((PROJECT_DIR / "dagster.yaml").read_text())["concurrency"]["runs"]
    limits = {
        (one["key"], one.get("value")): one["limit"] for one in runs["tag_concurrency_limits"]
    }
    assert limits["brokerage/slow", "true"] < runs["max_concurrent_runs"]
    assert limits["brokerage/lane", "onboarding"] < limits["brokerage/slow", "true"]
    # what has no lane, such as the build, finds a place beside all lanes
    assert limits["brokerage/lane", None] < runs["max_concurrent_runs"]


def test_every_raw_table_that_is_read_has_a_time_until_which_it_must_be(defs: Definitions) -> None:
    specs = {spec.key: spec for spec in defs.resolve_all_asset_specs() if "dlt" in spec.kinds}
    assert all(spec.freshness_policy is not None for spec in specs.values())
    hours = {
        name: policy.fail_window.to_timedelta() / timedelta(hours=1)  # type: ignore[attr-defined]
        for name, policy in freshness_policies("fub").items()
    }
    assert (hours["people"], hours["text_messages"], hours["teams"]) == (6, 12, 24)
    assert hours["stages"] == 72
    assert set(hours) == {entity.name for entity in VENDORS["fub"].entities}


class TestTwins:
    def run(self, instance: DagsterInstance, **tags: str) -> Any:
        status = DagsterRunStatus(tags.pop("status", "STARTED"))
        named = {
            SCHEDULE_NAME_TAG: "fub__fast",
            SCHEDULED_EXECUTION_TIME_TAG: "2026-06-15T12:00:00+00:00",
            **tags,
        }
        return create_run_for_test(instance, job_name="fub__fast", status=status, tags=named)

    def test_the_later_of_two_runs_for_one_tick_reads_nothing(
        self, instance: DagsterInstance
    ) -> None:
        first, second = self.run(instance), self.run(instance)
        assert earlier_twin(instance, first) is None
        assert earlier_twin(instance, second) == first.run_id

    def test_the_next_tick_another_range_and_a_manual_run_are_no_twins(
        self, instance: DagsterInstance
    ) -> None:
        self.run(instance)
        later = self.run(instance, **{SCHEDULED_EXECUTION_TIME_TAG: "2026-06-15T12:15:00+00:00"})
        other = self.run(instance, **{"dagster/asset_partition_range_start": "ben"})
        pressed = create_run_for_test(instance, job_name="fub__fast")
        for run in (later, other, pressed):
            assert earlier_twin(instance, run) is None

    def test_a_run_that_failed_does_not_keep_its_retry_from_reading(
        self, instance: DagsterInstance
    ) -> None:
        self.run(instance, status="FAILURE")
        assert earlier_twin(instance, self.run(instance)) is None

    def test_sensors_have_twins_too(self, instance: DagsterInstance) -> None:
        tags = {SENSOR_NAME_TAG: "agents__connected", RUN_KEY_TAG: "fub:abc"}
        first, second = (
            create_run_for_test(instance, job_name="fub__onboarding", tags=tags) for _ in range(2)
        )
        assert earlier_twin(instance, second) == first.run_id


class TestBuilds:
    def planned(
        self, landed: int, slow: int | None, full: int | None, tick: int | None, *running: str
    ) -> str:
        """Minutes after noon; which job is asked for, or why none."""

        def at(minute: int | None) -> datetime | None:
            return None if minute is None else NOON + timedelta(minutes=minute)

        def seconds(minute: int | None) -> float | None:
            found = at(minute)
            return None if found is None else found.timestamp()

        built = {BUILD_JOB: seconds(full), TICK_JOB: seconds(tick)}
        found = plan_build(at(landed), at(slow), built, running)
        if isinstance(found, SkipReason):
            return str(found.skip_message)
        assert isinstance(found, RunRequest)
        return str(found.job_name)

    def test_the_first_build_is_whole(self) -> None:
        assert self.planned(5, None, None, None) == BUILD_JOB

    def test_the_fast_lanes_are_followed_at_once(self) -> None:
        assert self.planned(15, 1, 5, None) == TICK_JOB
        assert "was built after the last change" in self.planned(15, 1, 5, 16)

    def test_everything_else_is_followed_by_a_whole_build(self) -> None:
        assert self.planned(15, 12, 5, 16) == BUILD_JOB

    def test_a_whole_build_is_newer_than_a_quick_one(self) -> None:
        assert "was built after" in self.planned(15, 12, 20, 16)

    def test_builds_do_not_pile_up(self) -> None:
        assert "is running" in self.planned(15, 12, 5, None, TICK_JOB)
