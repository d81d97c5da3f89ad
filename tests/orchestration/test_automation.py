"""When things run: ticks of schedules and sensors, and runs that nobody finished."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from dagster import (
    DagsterInstance,
    DagsterRunStatus,
    Definitions,
    SensorResult,
    SkipReason,
    build_schedule_context,
    build_sensor_context,
)
from dagster._core.test_utils import create_run_for_test, instance_for_test

from assets.partitions import AGENTS
from brokerage.control.repository import ConnectionRecord, ControlRepository
from resources.connections import ConnectionsResource
from resources.processes import OWNER_TAG, PROCESS_TAG, this_process
from sensors.cadences import CADENCES
from sensors.orphans import end_orphans, is_gone
from sensors.schedules import plan_tick
from sensors.sensors import plan_onboarding

FAST = next(cadence for cadence in CADENCES if cadence.name == "fub__fast")
START, END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"


def bounds(requests: Any) -> list[tuple[str, str]]:
    assert isinstance(requests, list)
    return [(request.tags[START], request.tags[END]) for request in requests]


def test_a_tick_reads_all_connected_agents_in_one_run() -> None:
    planned = plan_tick(FAST, ["ada", "ben", "cora"], {"ada", "ben", "cora"}, running=None)
    assert bounds(planned) == [("ada", "cora")]


def test_a_tick_leaves_out_agents_that_are_not_connected() -> None:
    planned = plan_tick(FAST, ["ada", "ben", "cora"], {"ada", "cora"}, running=None)
    assert bounds(planned) == [("ada", "ada"), ("cora", "cora")]


def test_a_tick_is_skipped_visibly_while_the_last_one_runs() -> None:
    planned = plan_tick(FAST, ["ada"], {"ada"}, running="0123456789abcdef")
    assert isinstance(planned, SkipReason)
    assert planned.skip_message == (
        "fub__fast still runs (run 01234567); what changed meanwhile is read by the next tick."
    )


def test_a_tick_without_connections_says_how_to_make_one() -> None:
    planned = plan_tick(FAST, ["ada"], set(), running=None)
    assert isinstance(planned, SkipReason)
    assert "`brokerage connect AGENT fub`" in str(planned.skip_message)


@pytest.fixture
def stored_instance() -> Iterator[DagsterInstance]:
    """Schedules are evaluated against an instance that other processes could open."""
    with instance_for_test() as stored:
        yield stored


@pytest.fixture
def two_agents(repository: ControlRepository) -> ControlRepository:
    for agent in ("ada-sample", "ben-example"):
        repository.add_agent(agent, agent)
        repository.save_connection(agent, "fub")
    return repository


@pytest.mark.usefixtures("two_agents")
def test_the_schedule_asks_dagster_and_the_control_schema(
    defs: Definitions, stored_instance: DagsterInstance
) -> None:
    instance = stored_instance
    instance.add_dynamic_partitions(AGENTS, ["ada-sample", "ben-example"])

    def tick() -> Any:
        with build_schedule_context(
            instance=instance,
            scheduled_execution_time=datetime(2026, 6, 15, tzinfo=UTC),
            resources={"connections": ConnectionsResource()},
            repository_def=defs.get_repository_def(),
        ) as context:
            return defs.resolve_schedule_def("fub__fast").evaluate_tick(context)

    assert [request.tags[END] for request in tick().run_requests] == ["ben-example"]
    create_run_for_test(instance, job_name="fub__fast", status=DagsterRunStatus.STARTED)
    assert "still runs" in tick().skip_message


def connection(agent: str, created: str = "2026-06-15") -> ConnectionRecord:
    at = datetime.fromisoformat(created).replace(tzinfo=UTC)
    return ConnectionRecord(
        f"{agent}:fub", agent, "fub", "active", None, "api_key", None, None, None, None, at, at
    )


def test_new_connections_are_onboarded_together() -> None:
    requests = plan_onboarding(
        "fub", ["ada", "ben", "cora"], [(connection("ben"), 0), (connection("cora"), 0)]
    )
    assert bounds(requests) == [("ben", "cora")]
    assert requests[0].job_name == "fub__onboarding"
    assert requests[0].tags["brokerage/reason"] == "2 new accounts"


def test_the_same_attempt_is_requested_once_and_the_next_one_again() -> None:
    def key(created: str, attempt: int = 0) -> str | None:
        [request] = plan_onboarding("fub", ["ada"], [(connection("ada", created), attempt)])
        return request.run_key

    assert key("2026-06-15") == key("2026-06-15") != key("2026-06-16")
    assert key("2026-06-15") != key("2026-06-15", 7)


@pytest.mark.usefixtures("two_agents")
def test_the_sensor_adds_each_partition_once(defs: Definitions, instance: DagsterInstance) -> None:
    def tick() -> SensorResult | SkipReason:
        with build_sensor_context(
            instance=instance,
            repository_def=defs.get_repository_def(),
            resources={"connections": ConnectionsResource()},
        ) as context:
            found: Any = defs.resolve_sensor_def("agents__connected")(context)
        return found

    first = tick()
    assert isinstance(first, SensorResult)
    [added] = first.dynamic_partitions_requests or []
    assert list(added.partition_keys) == ["ada-sample", "ben-example"]
    assert bounds(list(first.run_requests or [])) == [("ada-sample", "ben-example")]

    instance.add_dynamic_partitions(AGENTS, list(added.partition_keys))
    second = tick()
    assert isinstance(second, SensorResult)
    assert not second.dynamic_partitions_requests
    # Dagster launches a run key once, so that the request may be repeated
    assert [r.run_key for r in second.run_requests or []] == [
        r.run_key for r in first.run_requests or []
    ]

    create_run_for_test(instance, job_name="fub__onboarding", status=DagsterRunStatus.STARTED)
    third = tick()
    assert isinstance(third, SkipReason)
    assert "2 of Follow Up Boss" in str(third.skip_message)


@pytest.mark.usefixtures("database")
def test_nothing_is_built_before_anything_has_landed(
    defs: Definitions, instance: DagsterInstance
) -> None:
    with build_sensor_context(
        instance=instance, resources={"connections": ConnectionsResource()}
    ) as context:
        found: Any = defs.resolve_sensor_def("warehouse__data_landed")(context)
    assert isinstance(found, SkipReason)


def test_a_process_is_known_by_machine_id_and_start() -> None:
    mine = this_process()
    host, pid, started = mine.rsplit(":", 2)
    assert int(pid) == os.getpid()
    assert not is_gone(mine)
    assert is_gone(f"{host}:{pid}:{int(started) - 9}")
    assert not is_gone(f"elsewhere.example.com:{pid}:1")


def test_a_run_whose_process_died_is_ended(instance: DagsterInstance) -> None:
    dead = subprocess.run(
        [sys.executable, "-c", "from resources.processes import *; print(this_process())"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    started = DagsterRunStatus.STARTED
    orphan = create_run_for_test(instance, status=started, tags={PROCESS_TAG: dead})
    alive = create_run_for_test(instance, status=started, tags={PROCESS_TAG: this_process()})
    daemons = create_run_for_test(instance, status=started)
    retry = create_run_for_test(
        instance, status=started, tags={PROCESS_TAG: dead, OWNER_TAG: orphan.run_id}
    )

    assert end_orphans(instance) == [orphan.run_id]
    statuses = [
        instance.get_run_by_id(run.run_id).status for run in (orphan, alive, daemons, retry)
    ]  # type: ignore[union-attr]
    assert statuses == [DagsterRunStatus.FAILURE, started, started, started]
