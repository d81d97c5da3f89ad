"""Where alerts come from: each source finds what is wrong in real records, and only that."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
import pytest
from dagster._core.test_utils import create_run_for_test
from sqlalchemy import text
from sqlalchemy.engine import Engine

from brokerage.alerts.book import AlertBook
from brokerage.control.log import ControlLog
from brokerage.control.repository import ControlRepository
from brokerage.control.vault import Vault
from brokerage.settings import get_settings
from resources.connections import ConnectionsResource
from sensors.alert_sources import (
    Grant,
    Reading,
    broken_accounts,
    ending_grants,
    failed_checks,
    failed_ticks,
    lost_rights,
    new_errors,
    new_notices,
    overdue_assets,
    read_grants,
    read_readings,
    stale_tables,
    stale_warehouse,
    successes_since,
)
from sensors.jobs import BUILD_JOB

NOW = datetime(2026, 6, 15, 12, tzinfo=UTC)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
REFUSED = "Follow Up Boss refused the API key (HTTP 401); connect the account again."


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as ephemeral:
        yield ephemeral


@pytest.fixture
def repository(engine: Engine) -> ControlRepository:
    made = ControlRepository(engine)
    for agent in ("ada-sample", "ben-example", "cora-upline"):
        made.add_agent(agent, agent)
        made.save_connection(agent, "fub")
    return made


# -- accounts and grants ---------------------------------------------------------------------------


def test_refused_accounts_of_one_reason_are_one_finding(repository: ControlRepository) -> None:
    for agent in ("ada-sample", "ben-example"):
        repository.set_connection_status(f"{agent}:fub", "needs_reauth", REFUSED)
    repository.set_connection_status("cora-upline:fub", "paused", "offboarded")
    [found] = broken_accounts(repository.connections())
    assert found.agents == ("ada-sample", "ben-example")
    assert found.title == "Follow Up Boss refuses 2 accounts"
    assert found.why == REFUSED
    assert found.todo == "For each, run `brokerage connect AGENT fub`."
    repository.save_connection("ben-example", "fub")
    [found] = broken_accounts(repository.connections())
    assert found.title == "Follow Up Boss refuses an account"
    assert found.todo == "Run `brokerage connect ada-sample fub`."
    repository.save_connection("ada-sample", "fub")
    assert broken_accounts(repository.connections()) == []


def test_a_grant_that_ends_soon_is_told_days_before() -> None:
    grants = [
        Grant("ada-sample", "lofty", NOW + 3 * DAY),
        Grant("ben-example", "lofty", NOW + 6 * DAY),
        Grant("cora-upline", "lofty", NOW + 30 * DAY),
    ]
    [found] = ending_grants(grants, NOW, 7 * DAY)
    assert found.severity == "warning"
    assert found.agents == ("ada-sample", "ben-example")
    assert found.details == ("ada-sample on 2026-06-18", "ben-example on 2026-06-21")
    assert ending_grants(grants, NOW - 10 * DAY, 7 * DAY) == []


def test_when_a_grant_ends_is_read_from_the_vault(
    repository: ControlRepository, engine: Engine
) -> None:
    vault = Vault.for_settings(engine, get_settings())
    end = "2026-06-20T00:00:00+00:00"
    for agent, vendor, secrets in (
        # nothing renews it: it ends when it says
        ("ada-sample", "dotloop", {"access_token": "a", "expires_at": end}),
        # renewed again and again; the vendor says when that ends
        (
            "ada-sample",
            "fub",
            {"access_token": "a", "expires_at": end, "refresh_token": "r"}
            | {"refresh_expires_at": "2026-07-01T00:00:00+00:00"},
        ),
        # a life of 180 days since it was stored last
        ("ada-sample", "lofty", {"access_token": "a", "expires_at": end, "refresh_token": "r"}),
        # does not end by itself
        ("ben-example", "dotloop", {"access_token": "a", "expires_at": end, "refresh_token": "r"}),
        ("ben-example", "lofty", {"api_key": "k"}),
    ):
        repository.save_connection(agent, vendor)
        vault.put(f"{agent}:{vendor}", secrets)
    with engine.begin() as connection:
        connection.execute(text("update control.secrets set updated_at = '2026-01-01 00:00+00'"))
    found = {(g.agent_key, g.vendor): g.ends_at for g in read_grants(ConnectionsResource())}
    assert found == {
        ("ada-sample", "dotloop"): datetime(2026, 6, 20, tzinfo=UTC),
        ("ada-sample", "fub"): datetime(2026, 7, 1, tzinfo=UTC),
        ("ada-sample", "lofty"): datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=180),
    }


# -- stale -----------------------------------------------------------------------------------------


def reading(entity: str, age: timedelta, status: str | None = "ok", agent: str = "ada") -> Reading:
    return Reading(agent, "fub", entity, NOW - age, status)


def test_tables_that_were_not_read_for_long_are_stale() -> None:
    readings = [
        reading("people", 31 * HOUR),
        reading("calls", 40 * HOUR, "failed", "ben"),
        reading("deals", 2 * HOUR),
        reading("groups", 400 * HOUR, "not_permitted"),
    ]
    [found] = stale_tables(readings, NOW, 30 * HOUR)
    assert (found.severity, found.agents) == ("warning", ("ada", "ben"))
    assert found.details == ("calls", "people")
    assert "2026-06-13 20:00 UTC" in found.why
    [worse] = stale_tables([*readings, reading("stages", 80 * HOUR)], NOW, 30 * HOUR)
    assert worse.severity == "error"
    assert stale_tables(readings, NOW, 50 * HOUR) == []


def test_a_table_that_could_be_read_and_is_refused_now_is_told_of() -> None:
    readings = [
        reading("groups", 3 * HOUR, "not_permitted"),
        reading("teams", 2 * HOUR, "not_available", "ben"),
        reading("people", HOUR),
        replace(reading("ponds", HOUR, "not_permitted"), was_read=False),
    ]
    [found] = lost_rights(readings)
    assert (found.severity, found.agents) == ("warning", ("ada", "ben"))
    assert found.details == ("groups", "teams")
    assert "2 tables could be read until 2026-06-15 " in found.why
    assert lost_rights(readings[2:]) == []


def test_a_connection_that_was_never_read_becomes_stale(
    repository: ControlRepository, engine: Engine
) -> None:
    repository.set_connection_status("cora-upline:fub", "paused")
    readings = read_readings(engine)
    assert {(r.agent_key, r.entity) for r in readings} == {
        ("ada-sample", "everything"),
        ("ben-example", "everything"),
    }
    assert stale_tables(readings, datetime.now(UTC), 30 * HOUR) == []
    [found] = stale_tables(readings, datetime.now(UTC) + 2 * DAY, 30 * HOUR)
    assert found.agents == ("ada-sample", "ben-example")


@pytest.mark.parametrize(
    ("landed", "built", "is_stale"),
    [
        (None, None, False),
        (NOW - HOUR, None, False),
        (NOW - 3 * HOUR, None, True),
        (NOW - 3 * HOUR, NOW - 4 * HOUR, True),
        (NOW - 3 * HOUR, NOW - 2 * HOUR, False),
    ],
)
def test_the_warehouse_is_stale_if_no_build_takes_what_landed(
    landed: datetime | None, built: datetime | None, is_stale: bool
) -> None:
    found = stale_warehouse(landed, built.timestamp() if built else None, NOW)
    assert bool(found) is is_stale


def test_assets_later_than_their_policy_are_told(instance: dg.DagsterInstance) -> None:
    from dagster._core.definitions.freshness import FreshnessState, FreshnessStateRecord
    from dagster._core.definitions.freshness import FreshnessStateRecordBody as Body

    late, fresh = dg.AssetKey(["marts", "late"]), dg.AssetKey(["marts", "fresh"])
    states = {late: FreshnessState.FAIL, fresh: FreshnessState.PASS}

    class Told:
        def get_freshness_state_records(self, keys: Any) -> Any:
            return {
                key: FreshnessStateRecord(
                    entity_key=key,
                    freshness_state=states[key],
                    updated_at=NOW,
                    record_body=Body(metadata=None),
                )
                for key in keys
            }

    [found] = overdue_assets(Told(), [late, fresh])  # type: ignore[arg-type]
    assert (found.severity, found.details) == ("error", ("late",))
    assert overdue_assets(instance, [late]) == []
    assert overdue_assets(instance, []) == []


# -- checks ----------------------------------------------------------------------------------------


def run_checks(
    instance: dg.DagsterInstance, name: str, passed: bool, *, job: str = "a_job", **how: Any
) -> list[dg.AssetCheckKey]:
    """Materialise two tables whose check gives a result, in a run of a job."""

    def build(table: str) -> dg.AssetsDefinition:
        key = dg.AssetKey(["raw_fub", table])

        @dg.asset(key=key, check_specs=[dg.AssetCheckSpec(name, asset=key)])
        def checked() -> Iterator[Any]:
            yield dg.MaterializeResult(
                check_results=[dg.AssetCheckResult(check_name=name, passed=passed, **how)]
            )
            if job == BUILD_JOB and not passed:
                raise dg.Failure("tests failed")

        return checked

    assets = [build("people"), build("calls")]
    defs = dg.Definitions(assets=assets, jobs=[dg.define_asset_job(job)])
    defs.resolve_job_def(job).execute_in_process(instance=instance, raise_on_error=False)
    return [key for asset in assets for key in asset.check_keys]


def test_failed_checks_of_one_name_are_one_finding(instance: dg.DagsterInstance) -> None:
    keys = run_checks(
        instance,
        "rejected_rows",
        False,
        severity=dg.AssetCheckSeverity.WARN,
        description="ada: 3 rows refused",
    )
    found = failed_checks(instance, keys)
    assert {f.cause for f in found} == {"check:raw_fub:rejected_rows"}
    assert {f.severity for f in found} == {"warning"}
    assert sorted(f.details[0] for f in found) == [
        "calls: ada: 3 rows refused",
        "people: ada: 3 rows refused",
    ]
    assert all(f.run_id for f in found)
    run_checks(instance, "rejected_rows", True)
    assert failed_checks(instance, keys) == []


def test_a_build_that_failed_tells_of_its_tests_itself(instance: dg.DagsterInstance) -> None:
    keys = run_checks(instance, "not_null", False, job=BUILD_JOB)
    assert failed_checks(instance, keys) == []
    keys = run_checks(instance, "silent_success", False)
    assert {f.severity for f in failed_checks(instance, keys)} == {"error"}


def test_a_check_that_never_ran_is_no_finding(instance: dg.DagsterInstance) -> None:
    assert failed_checks(instance, [dg.AssetCheckKey(dg.AssetKey("x"), "never")]) == []
    assert failed_checks(instance, []) == []


# -- ticks -----------------------------------------------------------------------------------------


def test_a_sensor_whose_last_tick_failed_is_told_without_what_it_said() -> None:
    from dagster._core.remote_origin import RemoteInstigatorOrigin
    from dagster._core.scheduler.instigation import (
        InstigatorState,
        InstigatorStatus,
        SensorInstigatorData,
        TickData,
        TickStatus,
    )
    from dagster._core.test_utils import instance_for_test
    from dagster._utils.error import SerializableErrorInfo

    with instance_for_test() as stored:
        origin: Any = RemoteInstigatorOrigin(repository_origin=_repository(), instigator_name="s")
        state = InstigatorState(
            origin,
            dg._core.definitions.run_request.InstigatorType.SENSOR,  # type: ignore[attr-defined]
            InstigatorStatus.RUNNING,
            SensorInstigatorData(),
        )
        stored.add_instigator_state(state)
        for status, error in (
            (TickStatus.FAILURE, SerializableErrorInfo("password=hush", [], "OperationalError")),
            (TickStatus.SUCCESS, None),
        ):
            stored.create_tick(
                TickData(
                    instigator_origin_id=state.instigator_origin_id,
                    instigator_name="s",
                    instigator_type=state.instigator_type,
                    status=status,
                    timestamp=time.time(),
                    selector_id=state.selector_id,
                    run_ids=[],
                    error=error,
                )
            )
            found = failed_ticks(stored)
            assert bool(found) is (status is TickStatus.FAILURE)
            assert not found or "OperationalError" in found[0].why
            assert not found or "hush" not in str(found[0])


def _repository() -> Any:
    from dagster._core.remote_origin import (
        InProcessCodeLocationOrigin,
        RemoteRepositoryOrigin,
    )
    from dagster._core.types.loadable_target_origin import LoadableTargetOrigin

    location = InProcessCodeLocationOrigin(LoadableTargetOrigin(module_name="m"))
    return RemoteRepositoryOrigin(location, "r")


# -- errors and runs -------------------------------------------------------------------------------


def test_rows_of_the_error_log_are_findings_but_for_refused_accounts(engine: Engine) -> None:
    log = ControlLog(engine)
    log.error("sync", REFUSED, agent_key="ada-sample", connection_id="ada-sample:fub")
    log.error(
        "dagster",
        "ada-sample · Follow Up Boss · people: HTTP 503",
        run_id="r1",
        data={"job": "fub__fast"},
    )
    log.error("drop folder", "The file is odd", agent_key="ben-example", entity="contacts")
    account, run, file = new_errors(log.unnotified_errors()).values()
    assert account is None
    assert run is not None
    assert (run.title, run.needs_success_of, run.run_id) == (
        "Follow Up Boss failed",
        "fub__fast",
        "r1",
    )
    assert file is not None
    assert (file.agents, file.details, file.needs_success_of) == (
        ("ben-example",),
        ("contacts",),
        None,
    )


def test_a_job_has_recovered_when_it_succeeded_for_the_same_agents(
    instance: dg.DagsterInstance, engine: Engine
) -> None:
    instance.add_dynamic_partitions("agents", ["ada", "ben", "cora"])

    def _event(kind: dg.DagsterEventType) -> dg.DagsterEvent:
        return dg.DagsterEvent(event_type_value=kind.value, job_name="fub__fast")

    # records of runs get their times from the events
    def whole(first: str, last: str, good: bool) -> dg.DagsterRun:
        made = create_run_for_test(
            instance,
            job_name="fub__fast",
            tags={
                "dagster/asset_partition_range_start": first,
                "dagster/asset_partition_range_end": last,
            },
        )
        instance.report_dagster_event(_event(dg.DagsterEventType.RUN_START), made.run_id)
        end = dg.DagsterEventType.RUN_SUCCESS if good else dg.DagsterEventType.RUN_FAILURE
        instance.report_dagster_event(_event(end), made.run_id)
        return made

    whole("ada", "cora", good=True)
    failed = whole("ada", "ben", good=False)
    row = ControlLog(engine).error(
        "dagster", "It broke", run_id=failed.run_id, data={"job": "fub__fast"}
    )
    book = AlertBook(engine, repeat_after=DAY)
    errors = new_errors(ControlLog(engine).unnotified_errors())
    assert list(errors) == [row]
    book.update([], now=datetime.now(UTC), errors=errors)
    assert successes_since(instance, book.open_alerts()) == {}
    whole("cora", "cora", good=True)
    assert successes_since(instance, book.open_alerts()) == {}
    whole("ben", "cora", good=True)
    [alert] = book.open_alerts()
    assert list(successes_since(instance, [alert])) == [alert.alert_id]


def test_what_other_parts_want_to_be_told_is_told_once(engine: Engine) -> None:
    assert new_notices(engine) == []
    with engine.begin() as connection:
        connection.execute(
            text(
                "insert into control.notifications "
                "(type, severity, subject, message, agent_key, dedupe_key) values ('onboarding', "
                "'info', 'Onboarding of ada-sample is complete', '40 tables', 'ada-sample', 'one')"
            )
        )
    notices = new_notices(engine)
    book = AlertBook(engine, repeat_after=DAY)
    for _ in range(2):
        book.update([], now=NOW, notices=notices)
    assert new_notices(engine) == []
    with engine.connect() as connection:
        kinds = connection.execute(text("select kind from control.alert_events")).scalars().all()
    assert kinds == ["noticed"]
    assert book.open_alerts() == []
