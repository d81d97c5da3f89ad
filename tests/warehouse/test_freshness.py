"""`dbt source freshness` tells of the account that was read longest ago, and of nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg2
import pytest

from brokerage.control.repository import ControlRepository
from brokerage.database.engine import LIBPQ_DRIVER, LOADER, build_url, make_engine
from pipelines.common.load import prepare_raw
from pipelines.registry import VENDORS
from tests.warehouse.running import run_dbt

# the sandbox's calendar: ahead of the clock that dbt compares with
NOW = datetime.now(UTC) + timedelta(days=200)
HOUR = timedelta(hours=1)


def _mark(number: int, agent: str, entity: str, ago: timedelta, status: str = "ok") -> str:
    moment = (NOW - ago).isoformat()
    return (
        "insert into raw_rezen.sync_marks (run_id, connection_id, entity, status, mode, started_at,"
        " finished_at, rows_read, rows_written, rows_unchanged, rows_rejected, rows_deleted,"
        f" api_calls, is_complete_sweep, is_probe, _dlt_load_id, _dlt_id) values ('{number}',"
        f" '{agent}:rezen', '{entity}', '{status}', 'incremental', '{moment}', '{moment}', 0, 0, 0,"
        f" 0, 0, 1, false, false, '{number}', '{number}');"
        f" insert into raw_rezen._dlt_loads values ('{number}', 'raw_rezen', 0, now(), '');"
    )


@pytest.fixture(scope="module")
def statuses(
    new_database: Callable[[], AbstractContextManager[str]],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[dict[str, str]]:
    """By table: three agents use reZEN, the third account waits for a new key."""
    folder: Path = tmp_path_factory.mktemp("freshness")
    with new_database() as url:
        loader = build_url(url, role=LOADER, driver=LIBPQ_DRIVER)
        for vendor in VENDORS.values():
            prepare_raw(vendor, loader, folder / "dlt")
        engine = make_engine(url)
        control = ControlRepository(engine)
        for agent in ("ann", "bob", "cat"):
            control.add_agent(agent, agent, email=f"{agent}@example.test", is_demo=False)
            control.save_connection(agent, "rezen", account_source_id=agent, account_label=agent)
        engine.dispose()
        marks = [
            # all read just now
            *(("agents", who, HOUR / 10, "ok") for who in ("ann", "bob")),
            # the account that needs a key was read long ago: somebody has been told
            ("agents", "cat", 90 * HOUR, "ok"),
            # one of two is late; a reading that failed is none
            ("transactions", "ann", HOUR / 10, "ok"),
            ("transactions", "bob", 5 * HOUR, "ok"),
            ("transactions", "bob", HOUR / 10, "failed"),
            # one of two is very late
            ("listings", "ann", HOUR / 10, "ok"),
            ("listings", "bob", 40 * HOUR, "ok"),
            # what an account may not read is read as far as that goes
            ("teams", "ann", HOUR / 10, "not_permitted"),
            ("teams", "bob", HOUR / 10, "ok"),
            # never read in one account, which was connected long ago
            ("front_line", "ann", HOUR / 10, "ok"),
        ]
        with closing(psycopg2.connect(url)) as session, session, session.cursor() as cursor:
            for number, (entity, agent, ago, status) in enumerate(marks):
                cursor.execute(_mark(number, agent, entity, ago, status))
            cursor.execute(
                "update control.connections set created_at = %s,"
                " status = case when agent_key = 'cat' then 'needs_reauth' else status end",
                (NOW - 100 * HOUR,),
            )
        run_dbt(url, folder, "source", "freshness", as_of=NOW, may_fail=True)
        results = json.loads((folder / "target" / "sources.json").read_bytes())["results"]
        yield {
            ".".join(result["unique_id"].split(".")[2:]): str(result["status"])
            for result in results
        }


@pytest.mark.parametrize(
    ("table", "status"),
    [
        ("raw_rezen.agents", "pass"),
        ("raw_rezen.transactions", "warn"),
        ("raw_rezen.listings", "error"),
        ("raw_rezen.teams", "pass"),
        ("raw_rezen.front_line", "error"),
    ],
)
def test_the_account_read_longest_ago_counts(
    statuses: dict[str, str], table: str, status: str
) -> None:
    assert statuses[table] == status


def test_a_vendor_that_nobody_has_connected_is_not_late(statuses: dict[str, str]) -> None:
    others = {s for table, s in statuses.items() if not table.startswith("raw_rezen.")}
    assert others == {"pass"}
    assert len(statuses) > 70
