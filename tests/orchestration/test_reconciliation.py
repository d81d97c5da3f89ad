"""A green run that saw nothing: the vendor's own count finds it out, and what can be is mended."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from dagster import AssetCheckSeverity, DagsterInstance, Definitions
from sqlalchemy import text
from sqlalchemy.engine import Engine

from assets.reconciliation import KEY, NOTHING_IS_MISSING, to_check
from brokerage.control.reconciliation import Reconciled, ReconciliationLog
from pipelines.common.counting import Counted
from pipelines.common.entity import Row
from pipelines.common.reading import Reading
from pipelines.registry import VENDORS
from sensors.launch import reconcile, sync_agents
from tests.orchestration.office import AGENTS, Office

ADA = AGENTS[0]
NOW = datetime(2026, 6, 15, 12, tzinfo=UTC)
LISTS = ("users", "people", "deals", "events", "calls", "stages", "teams")


def rows(engine: Engine, agent: str = ADA) -> dict[str, Reconciled]:
    found = ReconciliationLog(engine).all([f"{agent}:fub"])
    return {row.entity: row for row in found}


def check_of(instance: DagsterInstance) -> Any:
    from dagster import AssetCheckKey

    key = AssetCheckKey(KEY, NOTHING_IS_MISSING)
    [record] = instance.event_log_storage.get_asset_check_execution_history(key, limit=1)
    assert record.event is not None
    return record.event.asset_check_evaluation


@pytest.fixture
def synced(defs: Definitions, instance: DagsterInstance, office: Office) -> Office:
    outcomes = sync_agents(defs, instance, [ADA], vendors=["fub"])
    assert all(outcome.succeeded for outcome in outcomes), outcomes
    return office


def blind(entity: str, *, also_full: bool) -> None:
    """A reader that is green and sees nothing, as the one that read a wrong key for 40 days."""
    wanted = VENDORS["fub"].entity(entity)
    real = wanted.read

    def read(reading: Reading) -> Iterator[Sequence[Row]]:
        if reading.full and not also_full:
            yield from real(reading)

    object.__setattr__(wanted, "read", read)


@pytest.fixture
def readers() -> Iterator[None]:
    """The readers of the vendor are put back afterwards; entities are frozen."""
    before = {entity.name: entity.read for entity in VENDORS["fub"].entities}
    yield
    for entity in VENDORS["fub"].entities:
        object.__setattr__(entity, "read", before[entity.name])


def lose(engine: Engine, table: str, number: int) -> None:
    with engine.begin() as connection:
        connection.execute(
            text(
                f"delete from raw_fub.{table} where _key in ("
                f"select _key from raw_fub.{table} where connection_id = :of "
                "order by _key limit :number)"
            ),
            {"of": f"{ADA}:fub", "number": number},
        )


def test_what_is_equal_is_said_to_be(
    defs: Definitions, instance: DagsterInstance, synced: Office, engine: Engine
) -> None:
    outcome = reconcile(defs, instance, agents=[ADA])
    assert outcome.succeeded, outcome.failures
    found = rows(engine)
    assert set(LISTS) <= set(found)
    assert {row.verdict for row in found.values()} == {"equal"}
    with engine.connect() as connection:
        held = connection.scalar(
            text("select count(*) from raw_fub.people where connection_id = :of"),
            {"of": f"{ADA}:fub"},
        )
    assert found["people"].tc_vendor == found["people"].tc_ad == held
    assert check_of(instance).passed


@pytest.mark.usefixtures("readers")
def test_a_reader_that_sees_nothing_while_the_vendor_has_new_rows_fails_a_check(
    defs: Definitions,
    instance: DagsterInstance,
    synced: Office,
    engine: Engine,
) -> None:
    blind("calls", also_full=True)
    lose(engine, "calls", 3)
    [green] = sync_agents(defs, instance, [ADA], vendors=["fub"], entities=["identity", "calls"])
    assert green.succeeded

    outcome = reconcile(defs, instance, agents=[ADA])
    assert outcome.succeeded
    found = rows(engine)["calls"]
    assert (found.verdict, found.tc_mismatch) == ("differs", 3)
    check = check_of(instance)
    assert not check.passed
    assert f"{ADA}:fub · calls" in str(check.description)
    assert "brokerage sync --full" in str(check.description)


@pytest.mark.usefixtures("readers")
def test_what_only_a_whole_reading_finds_is_mended_and_told(
    defs: Definitions,
    instance: DagsterInstance,
    synced: Office,
    engine: Engine,
) -> None:
    blind("calls", also_full=False)
    lose(engine, "calls", 3)
    reconcile(defs, instance, agents=[ADA])
    found = rows(engine)["calls"]
    assert (found.verdict, found.tc_mismatch) == ("mended", 0)
    assert "3 rows were missing until everything was read" in str(found.explanation)
    check = check_of(instance)
    assert not check.passed
    assert check.severity == AssetCheckSeverity.WARN
    # the next look is content
    reconcile(defs, instance, agents=[ADA])
    assert rows(engine)["calls"].verdict == "equal"
    assert check_of(instance).passed


def test_what_the_vendor_deleted_gets_a_tombstone_and_is_no_alarm(
    defs: Definitions, instance: DagsterInstance, synced: Office, engine: Engine
) -> None:
    with engine.begin() as connection:
        connection.execute(
            text(
                "insert into raw_fub.stages select (jsonb_populate_record(s, "
                "jsonb_build_object('_key', '999999', 'id', 999999))).* from raw_fub.stages s "
                "where connection_id = :of limit 1"
            ),
            {"of": f"{ADA}:fub"},
        )
    reconcile(defs, instance, agents=[ADA])
    assert rows(engine)["stages"].verdict == "equal"
    assert check_of(instance).passed
    with engine.connect() as connection:
        gone = connection.scalar(
            text("select count(*) from raw_fub.tombstones where _key = 'stages|999999'")
        )
    assert gone == 1


def test_a_vendor_that_cannot_be_asked_is_not_taken_for_equal(
    defs: Definitions, instance: DagsterInstance, synced: Office, engine: Engine
) -> None:
    synced.vault.put(f"{ADA}:fub", {"api_key": "a-key-that-was-revoked"})
    reconcile(defs, instance, agents=[ADA])
    assert {row.verdict for row in rows(engine).values()} == {"unknown"}
    assert rows(engine)["people"].tc_vendor is None


def test_looking_only_changes_nothing(
    defs: Definitions, instance: DagsterInstance, synced: Office, engine: Engine
) -> None:
    lose(engine, "users", 1)
    reconcile(defs, instance, agents=[ADA], repair=False)
    assert rows(engine)["users"].tc_mismatch == 1
    assert not check_of(instance).passed


class TestCheck:
    ROW = Reconciled(
        "ada:fub", "fub", "calls", "ALL", 9, 6, 3, verdict="differs", explanation="3 too few.",
        checked_at=NOW, mismatch_since=NOW,
    )  # fmt: skip

    def test_a_difference_of_a_moment_warns_and_a_lasting_one_is_an_error(self) -> None:
        fresh = to_check([self.ROW])
        assert (fresh.passed, fresh.severity) == (False, AssetCheckSeverity.WARN)
        lasting = replace(self.ROW, mismatch_since=NOW - timedelta(hours=1))
        assert to_check([lasting]).severity == AssetCheckSeverity.ERROR

    def test_refused_rows_are_no_missing_ones(self) -> None:
        assert Counted("ada:fub", "calls", "ALL", 9, 6, refused=3).mismatch == 0
        assert Counted("ada:fub", "calls", "ALL", 9, 6, refused=1).mismatch == 2
        assert Counted("ada:fub", "calls", "ALL", 6, 9, refused=3).mismatch == -3
        assert Counted("ada:fub", "calls", "ALL", None, 9).mismatch == 0
