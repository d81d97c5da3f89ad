"""Runs over real HTTP into a real database: what is recorded when an account fails."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from dagster import AssetCheckKey, AssetKey, DagsterInstance, Definitions, RunsFilter
from dagster._core.execution.backfill import BulkActionStatus
from sqlalchemy import text
from sqlalchemy.engine import Engine, make_url

from assets.partitions import agents_partitions
from assets.raw_checks import REJECTED_ROWS, SCHEMA_DRIFT, SILENT_SUCCESS, evaluate_checks
from brokerage.control.log import ControlLog
from brokerage.control.onboarding import OnboardingLog
from brokerage.database.engine import owner_url
from pipelines.common.account import Credentials
from pipelines.registry import VENDORS
from resources.credentials import VaultCredentials
from resources.progress import Step
from sensors.launch import onboard_agents, sync_agents
from sensors.sensors import keep_failed, last_change
from tests.orchestration.office import AGENTS, Office

ENTITIES = ("users", "stages")
USERS = AssetKey(["raw_fub", "users"])
REFUSED = "ben-example · Follow Up Boss: "


def everything_stored(instance: DagsterInstance) -> str:
    """Every run with its tags and config, and every event, as text."""
    runs = instance.get_runs()
    events = [entry.to_json() for run in runs for entry in instance.all_logs(run.run_id)]
    return "\n".join([*(f"{run.tags} {run.run_config}" for run in runs), *events])


def api_keys(office: Office) -> list[str]:
    return [account[v]["api_key"] for account in office.box.accounts for v in ("fub", "rezen")]


def test_each_account_is_recorded_on_its_own_partition(
    defs: Definitions, instance: DagsterInstance, office: Office, engine: Engine
) -> None:
    steps: list[Step] = []
    [outcome] = sync_agents(
        defs, instance, AGENTS, vendors=["fub"], entities=ENTITIES, listener=steps.append
    )

    assert outcome.succeeded, outcome.failures
    assert outcome.recorded == len(AGENTS) * len(ENTITIES)
    assert instance.get_materialized_partitions(USERS) == set(AGENTS)
    event = instance.get_latest_materialization_event(USERS)
    assert event is not None
    assert event.asset_materialization is not None
    metadata = event.asset_materialization.metadata
    assert metadata["status"].value == "ok"
    with engine.connect() as connection:
        rows = connection.scalar(text("select count(*) from raw_fub.users"))
    assert rows
    assert [step.done for step in steps] == [1, 2, 3, 4]
    assert {step.subject for step in steps} == {
        f"{agent} · Follow Up Boss · {entity}" for agent in AGENTS for entity in ENTITIES
    }
    assert last_change(engine) is not None


def test_a_refused_key_fails_its_own_partition_and_no_other(
    defs: Definitions, instance: DagsterInstance, office: Office, engine: Engine
) -> None:
    office.connect("ben-example", "fub", api_key="a-key-that-was-revoked")

    [outcome] = sync_agents(defs, instance, AGENTS, vendors=["fub"], entities=ENTITIES)

    assert not outcome.succeeded
    assert len(outcome.failures) == 1, outcome.failures
    assert outcome.failures[0].startswith(REFUSED)
    assert outcome.failures[0].endswith("; run `brokerage connect ben-example fub`")
    assert outcome.recorded == len(ENTITIES)
    assert instance.get_materialized_partitions(USERS) == {"ada-sample"}

    connection = office.repository.connection("ben-example:fub")
    assert connection is not None
    assert connection.status == "needs_reauth"
    assert connection.status_reason is not None
    [logged] = ControlLog(engine).unnotified_errors()
    assert logged["connection_id"] == "ben-example:fub"
    assert logged["run_id"] == outcome.run_id


def test_a_broken_account_stays_red_while_later_runs_leave_it_out(
    defs: Definitions, instance: DagsterInstance, office: Office
) -> None:
    office.connect("ben-example", "fub", api_key="a-key-that-was-revoked")
    [broken] = sync_agents(defs, instance, AGENTS, vendors=["fub"], entities=["users"])
    run = instance.get_run_by_id(broken.run_id)
    assert run is not None
    keep_failed(instance, run)

    steps: list[Step] = []
    [later] = sync_agents(
        defs, instance, AGENTS, vendors=["fub"], entities=["users"], listener=steps.append
    )
    assert later.succeeded, later.failures
    [left_out] = [step for step in steps if step.failed]
    assert left_out.subject == "ben-example · Follow Up Boss"
    assert left_out.message.startswith("left out: needs reauth (")
    assert left_out.message.endswith("run `brokerage connect ben-example fub`")
    assert partitions(instance) == {"ada-sample": "MATERIALIZED", "ben-example": "FAILED"}

    office.connect("ben-example", "fub")
    [mended] = sync_agents(defs, instance, AGENTS, vendors=["fub"], entities=["users"])
    assert mended.succeeded, mended.failures
    assert set(partitions(instance).values()) == {"MATERIALIZED"}


def partitions(instance: DagsterInstance) -> dict[str, str]:
    statuses = instance.get_status_by_partition(USERS, AGENTS, agents_partitions) or {}
    return {agent: status.name for agent, status in statuses.items() if status is not None}


def test_rejected_rows_and_unknown_fields_warn(
    defs: Definitions, instance: DagsterInstance, office: Office, engine: Engine
) -> None:
    [outcome] = sync_agents(defs, instance, AGENTS, vendors=["fub"], entities=["users"])
    assert outcome.succeeded
    with engine.begin() as connection:
        connection.execute(
            text(
                "insert into raw_fub.schema_drift "
                "(connection_id, _key, entity, field, sample_type, first_seen_at) "
                "values ('ada-sample:fub', 'users|shoeSize', 'users', 'shoeSize', 'int', now())"
            )
        )
        connection.execute(
            text("update raw_fub.sync_marks set rows_rejected = 3, vendor_count = 99")
        )
    chosen = {AssetCheckKey(USERS, name) for name in (REJECTED_ROWS, SCHEMA_DRIFT, SILENT_SUCCESS)}
    found = {r.check_name: r for r in evaluate_checks(VENDORS["fub"], engine, chosen)}

    assert not any(result.passed for result in found.values())
    assert {name: result.severity.name for name, result in found.items()} == {
        REJECTED_ROWS: "WARN",
        SCHEMA_DRIFT: "WARN",
        SILENT_SUCCESS: "ERROR",
    }
    assert found[REJECTED_ROWS].metadata["number"].value == 3 * len(AGENTS)
    assert "shoeSize: int" in str(found[SCHEMA_DRIFT].description)
    assert "Follow Up Boss counts 99 rows" in str(found[SILENT_SUCCESS].description)


def test_an_onboarding_writes_a_step_per_table(
    defs: Definitions, instance: DagsterInstance, office: Office, engine: Engine
) -> None:
    office.connect("ben-example", "fub", api_key="a-key-that-was-revoked")
    outcomes = onboard_agents(defs, instance, AGENTS)

    log = OnboardingLog(engine)
    ada, ben = (log.latest(agent) for agent in AGENTS)
    assert ada is not None
    assert ben is not None
    assert (ada.status, ben.status) == ("Complete", "Failed")
    assert ada.run_id in {outcome.run_id for outcome in outcomes}
    tables = {entity.name for entity in VENDORS["fub"].entities}
    steps = {step.step: step for step in log.steps(ada.job_id)}
    assert set(steps) == {f"raw_fub/{table}" for table in tables}
    assert steps["raw_fub/users"].rows_written
    assert {step.status for step in log.steps(ben.job_id)} == {"Failed"}


def test_an_onboarding_is_one_backfill_that_knows_what_failed(
    defs: Definitions, instance: DagsterInstance, office: Office
) -> None:
    office.connect("ben-example", "fub", api_key="a-key-that-was-revoked")
    outcomes = onboard_agents(defs, instance, AGENTS)

    [backfill] = instance.get_backfills()
    assert backfill.status == BulkActionStatus.COMPLETED_FAILED
    assert backfill.title == "Onboarding of ada-sample, ben-example"
    tables = {AssetKey(["raw_fub", entity.name]) for entity in VENDORS["fub"].entities}
    assert set(backfill.asset_selection or ()) == tables
    data = backfill.asset_backfill_data
    assert data is not None
    done = set(data.materialized_subset.iterate_asset_partitions())
    assert {(key.asset_key, key.partition_key) for key in done} == {
        (table, "ada-sample") for table in tables
    }
    failed = set(data.failed_and_downstream_subset.iterate_asset_partitions())
    assert {key.partition_key for key in failed} == {"ben-example"}
    runs = instance.get_runs(RunsFilter.for_backfill(backfill.backfill_id))
    assert {run.run_id for run in runs} == {outcome.run_id for outcome in outcomes}


def test_nothing_dagster_stores_holds_a_secret(
    defs: Definitions, instance: DagsterInstance, office: Office
) -> None:
    office.connect("ben-example", "fub", api_key="a-key-that-was-revoked")
    sync_agents(defs, instance, AGENTS, vendors=["fub"], entities=ENTITIES)
    stored = everything_stored(instance)

    password = make_url(owner_url()).password
    assert "ben-example" in stored
    for secret in (*api_keys(office), "a-key-that-was-revoked", password):
        assert secret not in stored


def test_an_oauth_token_is_renewed_once_for_all_who_ask(office: Office, engine: Engine) -> None:
    office.vault.put("ada-sample:fub", {"api_key": "old"})
    credentials = VaultCredentials(office.vault, engine, "ada-sample:fub")
    stale = credentials.get()
    renewals: list[str] = []

    def exchange(before: Credentials) -> Credentials:
        renewals.append(before["api_key"])
        return {"api_key": f"new-{len(renewals)}"}

    with ThreadPoolExecutor(max_workers=6) as threads:
        renewed = list(threads.map(lambda _: credentials.refresh(stale, exchange), range(12)))

    assert renewals == ["old"]
    assert {given["api_key"] for given in renewed} == {"new-1"}
    assert office.vault.get("ada-sample:fub") == {"api_key": "new-1"}


def test_an_agent_without_the_vendor_is_not_touched(
    defs: Definitions, instance: DagsterInstance, office: Office
) -> None:
    office.connect("ben-example", "fub", api_key="a-key-that-was-revoked")
    office.repository.add_agent("cora-upline", "Cora")
    everyone = ("cora-upline", *AGENTS)

    sync_agents(defs, instance, everyone, vendors=["fub"], entities=["users"])

    found = instance.get_status_by_partition(USERS, everyone, agents_partitions) or {}
    assert {agent: status.name for agent, status in found.items() if status is not None} == {
        "ada-sample": "MATERIALIZED",
        "ben-example": "FAILED",
    }


def test_the_fast_lane_leaves_the_first_reading_to_the_onboarding(
    defs: Definitions, instance: DagsterInstance, office: Office, engine: Engine
) -> None:
    ada, ben = AGENTS
    [first] = sync_agents(defs, instance, [ada], vendors=["fub"], entities=ENTITIES)
    assert first.succeeded
    [fast] = sync_agents(defs, instance, AGENTS, vendors=["fub"], entities=ENTITIES, lane="fast")
    assert fast.succeeded
    with engine.connect() as connection:
        read = connection.execute(text("select distinct connection_id from raw_fub.sync_marks"))
        assert set(read.scalars()) == {f"{ada}:fub"}
    [manual] = sync_agents(defs, instance, [ben], vendors=["fub"], entities=ENTITIES)
    assert manual.recorded == len(ENTITIES)
