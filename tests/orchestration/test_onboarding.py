"""Onboardings: what is due, what has become of it, and who is told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from dagster import DagsterInstance, DagsterRunStatus, Definitions
from dagster._core.storage.tags import BACKFILL_ID_TAG
from dagster._core.test_utils import create_run_for_test
from sqlalchemy import text
from sqlalchemy.engine import Engine

from assets.partitions import AGENTS, range_tags
from assets.raw import LANE_TAG
from brokerage.control.notifications import NotificationLog
from brokerage.control.onboarding import OnboardingJob, OnboardingLog, OnboardingRun
from brokerage.control.repository import ConnectionRecord, ControlRepository
from pipelines.registry import VENDORS
from sensors.backfills import record_ended
from sensors.launch import onboard_agents
from sensors.onboarding import (
    MOST_ATTEMPTS,
    Reading,
    derive_status,
    derive_steps,
    due_connections,
    failure_message,
    find_due,
    mirror,
    retry_at,
)
from tests.orchestration.office import AGENTS as OFFICE_AGENTS
from tests.orchestration.office import Office

NOW = datetime(2026, 6, 15, 12, tzinfo=UTC)
FUB_TABLES = [entity.name for entity in VENDORS["fub"].entities]
ADA, BEN = OFFICE_AGENTS


def account(
    agent: str = "ada", vendor: str = "fub", status: str = "active", at: datetime = NOW
) -> ConnectionRecord:
    return ConnectionRecord(
        f"{agent}:{vendor}", agent, vendor, status, None, "api_key", None, None, None, None, at, at
    )


def attempt(**changes: Any) -> OnboardingJob:
    values: dict[str, Any] = {
        "job_id": 7, "agent_key": "ada", "status": "Partial", "run_id": None, "backfill_id": None,
        "error": None, "created_at": NOW - timedelta(hours=2), "started_at": None,
        "ended_at": NOW - timedelta(hours=1), "attempt": 1, "retry_at": NOW,
    }  # fmt: skip
    return OnboardingJob(**{**values, **changes})


def run(status: DagsterRunStatus, vendor: str = "fub") -> OnboardingRun:
    return OnboardingRun(7, f"run-of-{vendor}", vendor, status.value)


def marks(**statuses: str) -> dict[tuple[str, str], Reading]:
    return {("ada:fub", name): Reading(status, 3, None) for name, status in statuses.items()}


class TestSteps:
    def test_a_step_is_complete_when_its_reading_is_committed_even_while_the_run_goes_on(
        self,
    ) -> None:
        steps = derive_steps(
            [account()], [run(DagsterRunStatus.STARTED)], marks(users="ok", teams="failed"), {}
        )
        found = {step.name: step.status for step in steps}
        assert set(found) == {f"raw_fub/{name}" for name in FUB_TABLES}
        assert found.pop("raw_fub/users") == "Complete"
        # a retry of the same run may still bring it
        assert set(found.values()) == {"Running"}

    def test_a_missing_permission_is_an_answer(self) -> None:
        ended = [run(DagsterRunStatus.SUCCESS)]
        steps = derive_steps([account()], ended, marks(teams="not_permitted"), {})
        [teams] = [step for step in steps if step.name == "raw_fub/teams"]
        assert teams.status == "Complete"

    def test_what_an_ended_run_did_not_commit_failed_with_its_reason(self) -> None:
        failed = {("ada:fub", "people"): Reading("failed", 0, "The vendor is down.")}
        steps = derive_steps([account()], [run(DagsterRunStatus.FAILURE)], failed, {})
        by_name = {step.name: step for step in steps}
        assert by_name["raw_fub/people"].error == "The vendor is down."
        assert by_name["raw_fub/users"].error == "not read; see the run in Dagster"
        assert {step.status for step in steps} == {"Failed"}

    def test_an_account_that_waits_for_its_run_keeps_the_attempt_open(self) -> None:
        accounts = [account(), account(vendor="skyslope")]
        every = marks(**dict.fromkeys(FUB_TABLES, "ok"))
        steps = derive_steps(accounts, [run(DagsterRunStatus.SUCCESS)], every, {})
        assert derive_status(steps) == "Running"
        known = {"ada:skyslope": {"sales"}}
        steps = derive_steps(accounts, [run(DagsterRunStatus.SUCCESS)], every, known)
        assert derive_status(steps) == "Complete"

    def test_one_branch_that_fails_makes_it_partial(self) -> None:
        some = marks(**dict.fromkeys(FUB_TABLES[:-1], "ok"))
        steps = derive_steps([account()], [run(DagsterRunStatus.FAILURE)], some, {})
        assert derive_status(steps) == "Partial"

    def test_a_failure_is_told_by_cause(self) -> None:
        some = marks(**dict.fromkeys(FUB_TABLES[:-2], "ok"))
        steps = derive_steps([account()], [run(DagsterRunStatus.FAILURE)], some, {})
        assert failure_message(steps, NOW) == (
            "Follow Up Boss: 2 tables are missing (not read; see the run in Dagster). It is tried "
            "again at 2026-06-15 12:00 UTC."
        )


class TestDue:
    def due(
        self,
        connection: ConnectionRecord,
        job: OnboardingJob | None = None,
        *,
        read: bool = False,
        failed: bool = False,
        taken: bool = True,
    ) -> bool:
        jobs = {} if job is None else {"ada": job}
        vendors = {connection.vendor}
        return bool(
            due_connections(
                [connection],
                {connection.connection_id} if read else set(),
                jobs,
                {7: vendors if failed else set()},
                {7: vendors if taken else set()},
                NOW,
            )
        )

    def test_an_account_that_was_never_read_is(self) -> None:
        assert self.due(account())
        assert not self.due(account(), read=True)

    def test_one_that_is_being_onboarded_is_not(self) -> None:
        assert not self.due(account(), attempt(status="Running", ended_at=None), failed=True)

    def test_a_second_vendor_does_not_wait_for_the_first(self) -> None:
        assert self.due(account(vendor="rezen"), attempt(status="Running"), taken=False)

    def test_a_partial_one_is_tried_again_when_its_time_has_come(self) -> None:
        assert self.due(account(), attempt(), read=True, failed=True)
        later = attempt(retry_at=NOW + timedelta(seconds=1))
        early = account(at=NOW - timedelta(hours=3))
        assert not self.due(early, later, read=True, failed=True)

    def test_only_the_branch_that_failed_is_tried_again(self) -> None:
        assert not self.due(account(), attempt(), read=True, failed=False)

    def test_a_connection_that_was_renewed_does_not_wait(self) -> None:
        job = attempt(status="Failed", retry_at=None)
        assert self.due(account(at=NOW), job, failed=True)
        assert not self.due(account(at=NOW - timedelta(hours=3)), job, failed=True)

    def test_the_pauses_grow_and_a_broken_account_is_not_tried_again(self) -> None:
        pauses = [retry_at(n, NOW, ["fub"], ["fub"]) for n in range(1, MOST_ATTEMPTS + 1)]
        hours = [(at - NOW).total_seconds() / 3600 for at in pauses if at is not None]
        assert hours == sorted(hours)
        assert hours[0] * 60 == 5
        # a vendor that is down for a day is back before the attempts are over
        assert sum(hours) > 24
        assert pauses[-1] is None
        assert retry_at(1, NOW, ["fub"], []) is None


def onboarding_run(
    instance: DagsterInstance, status: DagsterRunStatus, first: str, last: str, vendor: str = "fub"
) -> str:
    from dagster import PartitionKeyRange

    made = create_run_for_test(
        instance,
        job_name=f"{vendor}__onboarding",
        status=status,
        tags={
            LANE_TAG: "onboarding",
            BACKFILL_ID_TAG: "batch123",
            **range_tags(PartitionKeyRange(first, last)),
        },
    )
    return made.run_id


def commit_marks(engine: Engine, run_id: str, agent: str, entities: list[str]) -> None:
    """What a load leaves behind, written by hand."""
    with engine.begin() as connection:
        connection.execute(
            text("create table if not exists raw_fub._dlt_loads (load_id text, status bigint)")
        )
        connection.execute(
            text("insert into raw_fub._dlt_loads values (:load, 0)"), {"load": run_id}
        )
        for entity in entities:
            connection.execute(
                text(
                    "insert into raw_fub.sync_marks (run_id, connection_id, entity, status, mode,"
                    " started_at, finished_at, rows_read, rows_written, rows_unchanged,"
                    " rows_rejected, rows_deleted, api_calls, is_complete_sweep, is_probe,"
                    " _dlt_load_id, _dlt_id) values (:run, :conn, :entity, 'ok', 'full', now(),"
                    " now(), 5, 5, 0, 0, 0, 1, true, false, :run, :conn || :entity)"
                ),
                {"run": run_id, "conn": f"{agent}:fub", "entity": entity},
            )


@pytest.fixture
def connected(engine: Engine, repository: ControlRepository) -> Engine:
    from brokerage.control.sync_state import refresh_views
    from brokerage.database.engine import LIBPQ_DRIVER, LOADER, role_url
    from brokerage.settings import get_settings
    from pipelines.common.warehouse import create_raw_tables

    for agent in (ADA, BEN):
        repository.add_agent(agent, agent.title())
        repository.save_connection(agent, "fub")
    create_raw_tables(VENDORS["fub"], role_url(LOADER, get_settings(), driver=LIBPQ_DRIVER))
    with engine.begin() as connection:
        connection.execute(text("create table raw_fub._dlt_loads (load_id text, status bigint)"))
    refresh_views(engine)
    return engine


class TestMirror:
    def test_progress_is_what_is_committed_and_telling_it_twice_changes_nothing(
        self, connected: Engine, instance: DagsterInstance
    ) -> None:
        instance.add_dynamic_partitions(AGENTS, [ADA, BEN])
        run_id = onboarding_run(instance, DagsterRunStatus.STARTED, ADA, BEN)
        commit_marks(connected, run_id, ADA, FUB_TABLES[:4])
        log = OnboardingLog(connected)

        assert mirror(instance, connected) == []
        job = log.latest(ADA)
        assert job is not None
        assert (job.status, job.run_id) == ("Running", run_id)
        steps = {step.step: step.status for step in log.steps(job.job_id)}
        assert sorted(name for name, status in steps.items() if status == "Complete") == sorted(
            f"raw_fub/{name}" for name in FUB_TABLES[:4]
        )
        before = [log.latest(ADA), log.steps(job.job_id), NotificationLog(connected).waiting()]
        mirror(instance, connected)
        assert before == [
            log.latest(ADA), log.steps(job.job_id), NotificationLog(connected).waiting()
        ]  # fmt: skip

        commit_marks(connected, run_id, ADA, FUB_TABLES[4:])
        record = instance.get_run_by_id(run_id)
        assert record is not None
        instance.report_run_failed(record)
        ended = {job.agent_key: job for job in mirror(instance, connected)}
        assert (ended[ADA].status, ended[BEN].status) == ("Complete", "Failed")
        assert ended[ADA].retry_at is None
        assert ended[BEN].retry_at is not None
        told = [(n.type, n.agent_key) for n in NotificationLog(connected).waiting()]
        assert sorted(told) == [
            ("onboarding.completed", ADA),
            ("onboarding.failed", BEN),
            ("onboarding.started", ADA),
            ("onboarding.started", BEN),
        ]

    def test_a_failed_one_is_due_again_and_its_second_attempt_ends_well(
        self, connected: Engine, instance: DagsterInstance
    ) -> None:
        instance.add_dynamic_partitions(AGENTS, [ADA, BEN])
        first = onboarding_run(instance, DagsterRunStatus.FAILURE, ADA, ADA)
        mirror(instance, connected)
        waits = {c.agent_key for c, _ in find_due(connected, datetime.now(UTC))}
        assert waits == {BEN}
        soon = datetime.now(UTC) + timedelta(minutes=6)
        due = {c.agent_key: before for c, before in find_due(connected, soon)}
        assert set(due) == {ADA, BEN}
        assert due[ADA] > 0

        second = onboarding_run(instance, DagsterRunStatus.SUCCESS, ADA, ADA)
        commit_marks(connected, second, ADA, FUB_TABLES)
        [ended] = mirror(instance, connected)
        assert (ended.status, ended.attempt) == ("Complete", 2)
        assert first != second
        assert ADA not in {c.agent_key for c, _ in find_due(connected, soon)}

    def test_a_run_that_dagster_starts_again_belongs_to_the_same_attempt(
        self, connected: Engine, instance: DagsterInstance
    ) -> None:
        instance.add_dynamic_partitions(AGENTS, [ADA])
        onboarding_run(instance, DagsterRunStatus.FAILURE, ADA, ADA)
        again = onboarding_run(instance, DagsterRunStatus.SUCCESS, ADA, ADA)
        commit_marks(connected, again, ADA, FUB_TABLES)
        [ended] = mirror(instance, connected)
        assert (ended.status, ended.attempt) == ("Complete", 1)
        assert len(OnboardingLog(connected).runs(job_id=ended.job_id)) == 2

    def test_what_does_not_move_is_told(self, connected: Engine, instance: DagsterInstance) -> None:
        instance.add_dynamic_partitions(AGENTS, [ADA])
        onboarding_run(instance, DagsterRunStatus.NOT_STARTED, ADA, ADA)
        mirror(instance, connected)
        mirror(instance, connected, now=datetime.now(UTC) + timedelta(hours=5))
        [stuck] = [n for n in NotificationLog(connected).waiting() if n.type == "onboarding.stuck"]
        assert stuck.severity == "error"

    def test_two_that_mirror_at_once_do_not_write_twice(
        self, connected: Engine, instance: DagsterInstance
    ) -> None:
        instance.add_dynamic_partitions(AGENTS, [ADA])
        onboarding_run(instance, DagsterRunStatus.STARTED, ADA, ADA)
        with connected.connect() as other:
            other.execute(text("select pg_advisory_lock(hashtextextended('onboarding mirror', 0))"))
            assert mirror(instance, connected) == []
            assert OnboardingLog(connected).latest(ADA) is None


def test_onboarding_a_complete_agent_again_is_harmless(
    defs: Definitions, instance: DagsterInstance, office: Office, engine: Engine
) -> None:
    onboard_agents(defs, instance, [ADA])
    log = OnboardingLog(engine)
    first = log.latest(ADA)
    with engine.connect() as connection:
        rows = connection.scalar(text("select count(*) from raw_fub.people"))
    onboard_agents(defs, instance, [ADA])
    second = log.latest(ADA)
    assert first is not None
    assert second is not None
    assert second.job_id > first.job_id
    assert (first.status, second.status) == ("Complete", "Complete")
    people = {step.step: step for step in log.steps(second.job_id)}["raw_fub/people"]
    # what is there is not written again
    assert people.rows_written == 0
    with engine.connect() as connection:
        assert connection.scalar(text("select count(*) from raw_fub.people")) == rows


def test_the_runs_of_a_sensor_are_a_backfill_once_they_have_ended(
    defs: Definitions, connected: Engine, instance: DagsterInstance
) -> None:
    instance.add_dynamic_partitions(AGENTS, [ADA, BEN])
    graph = defs.resolve_asset_graph()
    onboarding_run(instance, DagsterRunStatus.SUCCESS, ADA, BEN)
    running = onboarding_run(instance, DagsterRunStatus.STARTED, ADA, BEN, vendor="rezen")
    assert record_ended(graph, instance) == []
    record = instance.get_run_by_id(running)
    assert record is not None
    instance.report_run_failed(record)
    assert record_ended(graph, instance) == ["batch123"]
    assert record_ended(graph, instance) == []
    [backfill] = instance.get_backfills()
    assert backfill.title == f"Onboarding of {ADA}, {BEN}"


def test_a_vendor_that_is_down_for_a_day_costs_the_day_and_nothing_else(
    defs: Definitions,
    instance: DagsterInstance,
    office: Office,
    engine: Engine,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The first attempts fail with the vendor's reason; the one after its return completes."""
    monkeypatch.setenv("BROKERAGE_FUB_MAX_ATTEMPTS", "1")
    office.box.faults.add("status", vendor="fub", status=503, times=None)
    onboard_agents(defs, instance, [ADA])
    log = OnboardingLog(engine)
    down = log.latest(ADA)
    assert down is not None
    assert down.status == "Failed"
    assert down.retry_at is not None
    connection = office.repository.connection(f"{ADA}:fub")
    assert connection is not None
    assert connection.status == "active", "an outage says nothing about the account"
    reasons = {step.error for step in log.steps(down.job_id)}
    assert all("503" in str(reason) or "Not read, because" in str(reason) for reason in reasons)

    office.box.faults.clear()
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    assert ADA in {c.agent_key for c, _ in find_due(engine, tomorrow)}
    onboard_agents(defs, instance, [ADA])
    back = log.latest(ADA)
    assert back is not None
    assert (back.status, back.attempt) == ("Complete", 2)


def test_independent_branches_go_on_when_one_fails_and_what_depends_on_it_stops(
    defs: Definitions,
    instance: DagsterInstance,
    office: Office,
    engine: Engine,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("BROKERAGE_FUB_MAX_ATTEMPTS", "1")
    office.box.faults.add("status", vendor="fub", match="v1/users", status=503, times=None)
    onboard_agents(defs, instance, [ADA])
    log = OnboardingLog(engine)
    job = log.latest(ADA)
    assert job is not None
    assert job.status == "Partial"
    steps = {step.step: step for step in log.steps(job.job_id)}
    failed = {name for name, step in steps.items() if step.status == "Failed"}
    assert failed == {"raw_fub/users", "raw_fub/appointments"}
    assert "because users could not be read" in str(steps["raw_fub/appointments"].error)
    [told] = [n for n in NotificationLog(engine).waiting() if n.type == "onboarding.partial"]
    assert "2 tables are missing" in told.message or "1 table is missing" in told.message
    assert "It is tried again at" in told.message
