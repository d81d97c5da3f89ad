"""What `brokerage status` tells of syncs."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.engine import Engine

from brokerage.cli.status import _cursor, _entity_syncs
from brokerage.control.sync_state import SyncState
from brokerage.database.engine import LIBPQ_DRIVER, LOADER, build_url
from pipelines.common.account import Account, StaticCredentials
from pipelines.common.load import prepare_raw
from pipelines.common.run import sync
from pipelines.registry import VENDORS
from pipelines.stripe.client import StripeSettings
from sandbox.server import serve
from tests.brokerage.running import Run

NOON = datetime(2026, 6, 15, 12, tzinfo=UTC)


def state(agent: str, cursor: str | None, status: str = "ok") -> SyncState:
    return SyncState(
        connection_id=f"{agent}:fub", vendor="fub", entity="events", status=status, mode=None,
        cursor=cursor, last_sync_at=NOON, last_success_at=NOON, rows_read=1, rows_written=1,
        rows_unchanged=0, rows_rejected=0, rows_deleted=0, api_calls=1, vendor_count=None,
        run_id="run", error=None,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("cursors", "lagging", "shown"),
    [
        (("1000", "999"), "999", "999"),
        (("1781524800000", "1781438400000"), "1781438400000", "26-06-14 12:00"),
        (("2026-06-15T12:00:00Z 2026-06-15", "2026-06-14T12:00:00Z 2026-06-15"),
         "2026-06-14T12:00:00Z 2026-06-15", "26-06-14 12:00"),
        (('{"7":"2026-06-15T12:00:00Z"}', '{"42":"2026-06-15T12:00:00Z","5":"2026-06-13"}'),
         '{"42":"2026-06-15T12:00:00Z","5":"2026-06-13"}', "26-06-13 00:00"),
        (("20260101",), "20260101", "20260101"),
    ],
    ids=["ids", "milliseconds", "instants", "by_part", "an_id_like_a_day"],
)  # fmt: skip
def test_the_cursor_that_lags_most_is_shown(
    cursors: tuple[str, ...], lagging: str, shown: str
) -> None:
    states = [state(f"agent-{number}", cursor) for number, cursor in enumerate(cursors)]
    [found] = _entity_syncs(states, [], {}, {})
    assert found.cursor == lagging
    assert _cursor(found.cursor) == shown


def test_an_account_that_was_never_read_is_missed() -> None:
    wanted = {("fub", "events"): {"ada:fub", "ben:fub"}, ("fub", "people"): {"ada:fub"}}
    events, people = _entity_syncs([state("ada", "7")], [], {}, wanted)
    assert (events.accounts_ok, events.accounts) == (1, 2)
    assert (people.accounts_ok, people.accounts, people.last_sync_at) == (0, 1, None)


def test_a_home_that_was_synced_and_an_account_that_was_not(
    run: Run, engine: Engine, database: str, tmp_path: Path
) -> None:
    stripe = VENDORS["stripe"]
    url = build_url(database, role=LOADER, driver=LIBPQ_DRIVER)
    with serve(size="small") as box:
        key = StaticCredentials(dict(box.account("house", "stripe")["credentials"]))
        prepare_raw(stripe, url, tmp_path)
        report = sync(
            stripe,
            [Account("house:stripe", "house", "stripe", key)],
            warehouse_url=url,
            settings=StripeSettings(base_url=f"{box.url}/stripe/v1"),
            entities=["events", "products"],
            run_id="run",
            pipelines_dir=tmp_path,
        )
    assert not report.failures
    with engine.begin() as connection:
        connection.execute(
            text("insert into control.agents (agent_key, display_name) values ('house', 'House')")
        )
        connection.execute(
            text(
                "insert into control.connections (connection_id, agent_key, vendor, auth_kind)"
                " values ('house:stripe', 'house', 'stripe', 'api_key'),"
                " ('house:qualia', 'house', 'qualia', 'api_key')"
            )
        )
    told = json.loads(run("status", "--json").out)["syncs"]
    found = {(s["vendor"], s["entity"]): (s["accounts_ok"], s["accounts"]) for s in told}
    assert found == {
        (vendor.name, entity.name): (int(entity.name in ("events", "products")), 1)
        for vendor in (stripe, VENDORS["qualia"])
        for entity in vendor.entities
    }
    [products] = [s for s in told if s["entity"] == "products"]
    assert products["rows"] == next(
        r.rows_written for r in report.results if r.entity == "products"
    )
    lines = run("status").out.splitlines()
    [read] = [line for line in lines if " products " in line]
    [unread] = [line for line in lines if " invoices " in line]
    assert "1/1" in read
    assert "0/1" in unread
    assert "never" in unread
