"""What people read when a sync or a build did not work."""

from __future__ import annotations

from typing import Any

from assets.outcome import failure_sentences, materialisation_metadata
from pipelines.common.reading import EntityResult, SyncReport
from pipelines.registry import VENDORS
from resources.dbt import failure_lines, row_count

FUB = VENDORS["fub"]


def result(agent: str, entity: str = "people", **changes: Any) -> EntityResult:
    values: dict[str, Any] = {
        "connection_id": f"{agent}:fub",
        "agent_key": agent,
        "entity": entity,
        "status": "ok",
        "mode": "incremental",
        "rows_read": 7,
        "rows_written": 4,
        "rows_unchanged": 2,
        "rows_rejected": 1,
        "rows_deleted": 0,
        "api_calls": 3,
        "cursor_from": None,
        "cursor_to": "2026-06-15T00:00:00Z",
        "seconds": 1.23456,
    }
    return EntityResult(**{**values, **changes})


def report(results: list[EntityResult], broken: dict[str, str] | None = None) -> SyncReport:
    return SyncReport("fub", "run", results, broken or {}, (), (), 1.0)


def agents(*names: str) -> dict[str, str]:
    return {f"{name}:fub": name for name in names}


def test_the_partition_shows_what_the_sync_did() -> None:
    metadata = materialisation_metadata(FUB, result("ada"))
    assert {name: value.value for name, value in metadata.items() if name != "docs"} == {
        "status": "ok",
        "mode": "incremental",
        "rows_read": 7,
        "rows_written": 4,
        "rows_unchanged": 2,
        "rows_rejected": 1,
        "rows_deleted": 0,
        "api_calls": 3,
        "cursor": "the beginning → 2026-06-15T00:00:00Z",
        "seconds": 1.235,
    }


def test_a_missing_permission_is_visible_with_its_reason() -> None:
    metadata = materialisation_metadata(
        FUB, result("ada", status="not_permitted", error="Only owners may read teams.")
    )
    assert metadata["status"].value == "not_permitted"
    assert metadata["reason"].value == "Only owners may read teams."


def test_a_refused_key_is_one_sentence_with_the_next_step() -> None:
    refused = "the key was refused (HTTP 401)."
    failed = [result("ben", name, status="failed", error=refused) for name in ("people", "deals")]
    assert failure_sentences(FUB, report(failed, {"ben:fub": refused}), agents("ben")) == [
        "ben · Follow Up Boss: the key was refused (HTTP 401); run `brokerage connect ben fub`"
    ]


def test_accounts_that_fail_alike_share_a_sentence() -> None:
    names = [f"agent-{number}" for number in range(7)]
    down = [result(name, status="failed", error="down.") for name in names]
    assert failure_sentences(FUB, report(down), agents(*names)) == [
        "agent-0, agent-1, agent-2, agent-3, agent-4 and 2 more · Follow Up Boss · people: down"
    ]


def test_nothing_wrong_says_nothing() -> None:
    assert failure_sentences(FUB, report([result("ada")]), agents("ada")) == []


def test_failed_models_are_told_by_their_cause() -> None:
    def node(name: str, status: str, message: str | None = None) -> dict[str, Any]:
        return {"unique_id": f"model.brokerage.{name}", "status": status, "message": message}

    missing = (
        "Database Error in model {} (models/{}.sql)\n  relation does not exist\n"
        "  compiled code at target/run/models/it.sql"
    )
    assert failure_lines(
        {
            "results": [
                node("agent", "success"),
                node("team", "error", missing.format("team", "core/team")),
                node("office", "error", missing.format("office", "core/office")),
                node("income", "skipped"),
                node("unique_agent", "fail", "Got 3 results, configured to fail if != 0"),
            ]
        }
    ) == [
        "team, office: relation does not exist",
        "unique_agent: Got 3 results, configured to fail if != 0",
    ]


def test_rows_are_counted_for_tables_only() -> None:
    def answer(status: str, materialized: str = "table") -> dict[str, Any]:
        return {"data": {"status": status, "node_info": {"materialized": materialized}}}

    assert row_count(answer("SELECT 105")) == 105
    assert row_count(answer("INSERT 0 12")) == 12
    assert row_count(answer("CREATE VIEW", "view")) is None
    assert row_count(answer("INSERT 0 12", "snapshot")) is None
