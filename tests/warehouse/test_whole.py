"""What must not change a figure, and what must be found, on copies of the lived world: a build from
the ground up, a field that a vendor renames, rows that come late; and damage of every kind that the
data-quality register names.

What is expected is the warehouse itself before something that must not change it. `test_ten_days`
tells the long story, day by day.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import create_engine

from assets.raw_checks import _drift
from pipelines.registry import VENDORS
from sandbox.faults import Rule
from tests.sources.rig import ADA, AGENTS, on_the_sandbox_calendar
from tests.warehouse.filled import KEPT, Warehouse, copy_of
from tests.warehouse.running import results_of, run_dbt

SCHEMAS = (
    *("core", "identity", "network", "finance", "crm", "title", "billing", "metrics"),
    *("marts", "pages", "snapshots"),
)
BELOW = ("transaction", "transaction_financials")
MONEY_OF_DEALS = tuple(f"core.{name}" for name in BELOW)
RENAMED, NEW_NAME = "grossCommission", "grossCommissionValue"

Contents = dict[str, str]


def contents(whole: Warehouse) -> Contents:
    """A fingerprint of every row of every table of the warehouse."""
    tables = whole.rows(
        "select table_schema || '.' || table_name as name from information_schema.tables"
        " where table_schema = any(%s) and table_type = 'BASE TABLE'",
        list(SCHEMAS),
    )
    assert len(tables) > 200
    return {
        table["name"]: whole.rows(
            "select count(*) || ' ' || coalesce(md5(string_agg(row::text, E'\\n' order by row::text"
            f" collate \"C\")), '') as rows from {table['name']} as row"
        )[0]["rows"]
        for table in tables
    }


def differing(before: Contents, after: Contents) -> dict[str, tuple[str | None, str | None]]:
    names = before.keys() | after.keys()
    pairs = {name: (before.get(name), after.get(name)) for name in sorted(names)}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


@pytest.fixture
def whole(lived_world: Warehouse, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    """A copy of the lived world, to be played with."""
    # the clock stands still: what is read here is of the moment of the last build
    with on_the_sandbox_calendar(lived_world.box), copy_of(lived_world) as database:
        folder = tmp_path_factory.mktemp("whole")
        yield Warehouse(lived_world.box, database, folder, introduced=True)


def test_what_days_have_made_equals_what_is_made_from_the_ground_up(whole: Warehouse) -> None:
    """Byte for byte, in every table; what cannot be made again is kept."""
    before = contents(whole)
    filled = {name.split(".")[0] for name, told in before.items() if not told.startswith("0 ")}
    assert filled == set(SCHEMAS)
    whole.build("--full-refresh", "--exclude", *KEPT)
    assert differing(before, contents(whole)) == {}


def rename_a_field(world: Warehouse) -> Rule:
    """reZEN sends a deal's gross commission under another name from now on."""
    return world.box.faults.add(
        *("rename_field",),
        vendor="rezen",
        match="/transactions/",
        times=None,
        field=RENAMED,
        to=NEW_NAME,
    )


def test_a_renamed_field_stops_the_build_before_the_figures_and_is_told(whole: Warehouse) -> None:
    """The field is empty in what is read from then on: the check of what still arrives says which
    it is and holds up what is made of it, and the new name is in the check of the raw table."""

    def money() -> Contents:
        return {name: told for name, told in contents(whole).items() if name in MONEY_OF_DEALS}

    before = money()
    assert before.keys() == {*MONEY_OF_DEALS}
    renamed = rename_a_field(whole)
    try:
        assert not whole.rezen.sync(*AGENTS, full=True).failures
    finally:
        whole.box.faults.clear()
    assert renamed.hits
    # what these fail holds up all that is made of them
    chosen = ("stg_rezen__transactions", "stg_rezen__transaction_list", *BELOW)
    assert whole.build("--select", *chosen, tests=True, may_fail=True) == 1
    skipped = {name for name, status in results_of(whole.folder).items() if status == "skipped"}
    assert skipped >= {*BELOW}
    told = {name for name, status in results_of(whole.folder).items() if status == "fail"}
    assert told & {"money_of_deals_still_arrives", "money_of_listed_deals_still_arrives"}
    assert differing(before, money()) == {}
    engine = create_engine(whole.database)
    with engine.connect() as connection:
        found = _drift(connection, VENDORS["rezen"], ["transactions", "transaction_list"])
    engine.dispose()
    assert {finding.subject for findings in found.values() for finding in findings} == {NEW_NAME}


def test_a_contribution_of_last_month_counts_in_last_month(whole: Warehouse) -> None:
    def by_month() -> dict[Any, Decimal]:
        rows = whole.rows(
            "select earned_month, sum(earned_amount) as amount from marts.revenue_share_by_month"
            " where agent_key = %s and currency = 'USD' group by 1",
            ADA,
        )
        return {row["earned_month"]: row["amount"] for row in rows}

    before = by_month()
    today = whole.box.clock.now().date()
    last_month = today.replace(day=1) - timedelta(days=1)
    whole.execute(
        "create temp table late on commit drop as select * from raw_rezen.revshare_pending"
        f" where connection_id = '{ADA}:rezen' and payout_currency = 'USD' and not missed limit 1;"
        " update late set _key = 'late', id = 'late', transaction_id = 'late', payout_amount ="
        f" 12.34, closing_date = '{last_month}', earned_at = '{last_month}',"
        f" _synced_at = '{whole.box.clock.now().isoformat()}';"
        " insert into raw_rezen.revshare_pending select * from late",
    )
    whole.build("--select", "+revenue_share_by_month", "--exclude", *KEPT)
    after = by_month()
    month = last_month.replace(day=1)
    assert after.pop(month) - before.pop(month, Decimal(0)) == Decimal("12.34")
    assert after == before


DAMAGE = {
    1: "delete from crm.fub_user where user_source_id in (select assigned_user_source_id from"
    " crm.fub_person)",
    3: "update core.participant set agent_id = null where role_kind = 'agent' and not is_external",
    4: "insert into core.paid_participant select * from core.paid_participant limit 1",
    5: "delete from network.network_member where tier = 2",
    6: "delete from core.transaction_financials where transaction_id in (select transaction_id"
    " from core.transaction order by 1 limit 1)",
    7: "update core.transaction set mls_number = '' where transaction_id in (select"
    " transaction_id from core.transaction order by 1 limit 1)",
    8: "update crm.fub_event set person_source_id = '0' where event_source_id in (select"
    " event_source_id from crm.fub_event limit 1)",
    9: "update metrics.fact_income set period_date = '2000-01-01' where income_id in (select"
    " income_id from metrics.fact_income limit 1)",
    10: "update raw_rezen.sync_marks set vendor_count = vendor_count + 1 where entity ="
    " 'transaction_list'",
    11: f"delete from raw_lofty.sync_marks where connection_id = '{ADA}:lofty';"
    " update control.connections set created_at = '2020-01-01'",
    12: "delete from raw_rezen.transactions",
    13: "update core.agent set team_provenance = null where team_id is not null",
    14: "insert into core.effective_team_override (transaction_id, team_source_id) select"
    " transaction_id, 'another' from core.transaction order by 1 limit 1",
    16: "alter table core.listing add column mls_num text",
    17: "delete from finance.income where income_id in (select income_id from finance.income"
    " where income_type = 'Compensation' limit 1)",
    18: "delete from core.transaction where transaction_id in (select transaction_id from"
    " core.transaction where is_in_rezen order by 1 desc limit 1)",
    19: "alter table core.agent add column api_key text",
}
"""By number of the trap. 2 is about the project's files, and 15 shows only without demo agents."""


def test_each_trap_is_found_by_its_test(whole: Warehouse) -> None:
    def found() -> set[int]:
        run_dbt(
            whole.database,
            whole.folder,
            *("test", "--select", "dq_*", "--exclude", "test_type:unit"),
            as_of=whole.box.clock.now(),
            may_fail=True,
        )
        statuses = results_of(whole.folder)
        assert "error" not in statuses.values(), statuses
        return {int(name.split("_")[1]) for name, s in statuses.items() if s in ("fail", "warn")}

    assert found() == set()
    whole.execute(*DAMAGE.values())
    assert found() == set(DAMAGE)
