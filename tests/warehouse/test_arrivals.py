"""What is to arrive: `dbt source freshness` tells of the account that was read longest ago, and
`still_arrives` of a field that is empty in all that was read of late.
"""

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
from tests.warehouse.running import results_of, run_dbt

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
def place(
    new_database: Callable[[], AbstractContextManager[str]],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[str, Path]]:
    """A database with empty raw tables, and a folder."""
    folder = tmp_path_factory.mktemp("arrivals")
    with new_database() as url:
        loader = build_url(url, role=LOADER, driver=LIBPQ_DRIVER)
        for vendor in VENDORS.values():
            prepare_raw(vendor, loader, folder / "dlt")
        yield url, folder


@pytest.fixture(scope="module")
def statuses(place: tuple[str, Path]) -> dict[str, str]:
    """By table: three agents use reZEN, the third account waits for a new key."""
    url, folder = place
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
    return {
        ".".join(result["unique_id"].split(".")[2:]): str(result["status"]) for result in results
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


def _read_deals(url: str, count: int, age: timedelta, gross: str | None) -> None:
    with closing(psycopg2.connect(url)) as session, session, session.cursor() as cursor:
        cursor.execute("delete from raw_rezen.transactions where _synced_at = %s", (NOW - age,))
        for number in range(count):
            cursor.execute(
                "insert into raw_rezen.transactions (connection_id, _key, id, _row_hash,"
                " _synced_at, lifecycle_state, price_amount, gross_commission_amount)"
                " values ('ann:rezen', %s, %s, '', %s, 'NEW', 100, %s)",
                (f"{age}-{number}", f"{age}-{number}", NOW - age, gross),
            )


@pytest.mark.parametrize(
    ("of_late", "gross", "status"),
    [
        pytest.param(5, None, "fail", id="renamed"),
        pytest.param(5, "3", "pass", id="as_ever"),
        pytest.param(4, None, "pass", id="too_few_to_tell", marks=pytest.mark.slow),
        pytest.param(0, None, "pass", id="nothing_read", marks=pytest.mark.slow),
    ],
)
def test_a_field_that_is_empty_in_all_that_was_read_of_late_is_told(
    place: tuple[str, Path], of_late: int, gross: str | None, status: str
) -> None:
    url, folder = place
    # that older rows have it is no excuse
    _read_deals(url, 9, 30 * HOUR, "3")
    _read_deals(url, of_late, HOUR, gross)
    run_dbt(url, folder, "build", "--select", "stg_rezen__transactions", as_of=NOW, may_fail=True)
    assert results_of(folder)["money_of_deals_still_arrives"] == status
