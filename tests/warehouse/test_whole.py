"""The whole warehouse through what a warehouse lives through: the first load, ten days with every
change that the sandbox can play at every vendor, a build from the ground up, a field that a vendor
renames, rows that come late; and damage of every kind that the data-quality register names.

What is expected is the sandbox's truth, or the warehouse itself before something that must not
change it. The tests are chapters of one story and come in its order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing
from datetime import timedelta
from decimal import Decimal
from typing import Any

import psycopg2
import pytest
from sqlalchemy import create_engine

import tests.warehouse.test_marts_equal_truth as marts
from assets.raw_checks import _drift
from pipelines.registry import VENDORS
from sandbox.clock import Clock
from sandbox.server import serve
from tests.sources.conftest import CASES
from tests.sources.rig import ADA, AGENTS, BEN, Change, on_the_sandbox_calendar
from tests.warehouse.filled import Warehouse
from tests.warehouse.running import results_of, run_dbt

DAYS = 10
# read and built on some days; on one of them one account is read only after the build
BUILT_DAYS, LATE_DAY = (3, 7), 7
SCHEMAS = (
    *("core", "identity", "network", "finance", "crm", "title", "billing", "metrics"),
    *("marts", "pages", "snapshots"),
)
WITHOUT_TESTS = ("resource_type:test", "test_type:unit")
# its open month is measured at the moment of the build, and says so
MEASURED_NOW = "marts.recurring_revenue"
RENAMED, NEW_NAME = "grossCommission", "grossCommissionValue"

Databases = Callable[[], AbstractContextManager[str]]
Contents = dict[str, str]


def changes_of(day: int) -> list[Change]:
    """Each vendor's changes spread over the days, in their order."""
    return [
        change
        for case in CASES
        for number, change in enumerate(case.changes)
        if number * DAYS // len(case.changes) == day - 1
    ]


def execute(whole: Warehouse, *statements: str) -> None:
    with closing(psycopg2.connect(whole.database)) as session, session, session.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


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


def equals_the_truth(whole: Warehouse) -> None:
    """Everything that the marts are held against, at once."""
    for agent in AGENTS:
        marts.test_production_equals_the_truth_in_each_currency(whole, agent)
        marts.test_units_under_way_and_terminated_equal_the_truth(whole, agent)
        marts.test_the_network_equals_the_truth_by_tier(whole, agent)
        marts.test_revenue_share_equals_the_truth(whole, agent)
        marts.test_revenue_share_by_month_equals_the_vendors_own_history(whole, agent)
        marts.test_the_crm_equals_the_truth(whole, agent)
        marts.test_what_lofty_leaves_unset_is_null_in_staging(whole, agent)
        marts.test_loops_equal_the_truth_to_the_cent_and_the_day(whole, agent)
    marts.test_every_deal_is_there_once_with_its_owner_and_money(whole)
    marts.test_billing_equals_the_truth_to_the_smallest_unit(whole)
    marts.test_title_orders_and_their_money_equal_the_truth(whole)
    marts.test_no_agent_shows_in_anothers_marts(whole)


def read(whole: Warehouse, *, full: bool = False, without: str | None = None) -> None:
    """All vendors, all accounts; those of one agent may be left out."""
    whole.box.advance(seconds=60)
    for rig in whole.rigs:
        agents = [agent for agent in rig.case.agents if agent != without]
        assert not rig.sync(*agents, full=full).failures, rig.case.name


def build(whole: Warehouse, *options: str, tests: bool = False, may_fail: bool = False) -> int:
    without = ("--exclude", "test_type:unit", *(() if tests else WITHOUT_TESTS))
    return run_dbt(
        whole.database,
        whole.folder,
        *("build", *options, *without),
        as_of=whole.box.clock.now(),
        may_fail=may_fail,
    ).returncode


@pytest.fixture(scope="module")
def whole(new_database: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    with ExitStack() as stack:
        # the world stands still while it is read and built
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        patch.setattr(Clock, "now", lambda clock: clock._base)
        box = stack.enter_context(serve(size="small", seed=7))
        stack.enter_context(on_the_sandbox_calendar(box))
        url = stack.enter_context(new_database())
        yield Warehouse(box, url, tmp_path_factory.mktemp("whole"))


def test_the_first_load_equals_the_truth(whole: Warehouse) -> None:
    read(whole)
    build(whole, tests=True)
    equals_the_truth(whole)


def test_ten_days_with_every_kind_of_change_equal_the_truth(whole: Warehouse) -> None:
    played, impossible = 0, []
    for day in range(1, DAYS + 1):
        whole.box.advance(days=1)
        for change in changes_of(day):
            try:
                change.play(whole.box)
                played += 1
            except ValueError as error:
                # the world goes on by itself: an invoice that was to be paid may be paid already
                impossible.append((change.name, str(error)))
        if day in BUILT_DAYS:
            read(whole, without=BEN if day == LATE_DAY else None)
            build(whole)
        if day == LATE_DAY:
            read(whole)
    assert played > 140
    assert len(impossible) < 10, impossible
    # who was deleted is for a full reading to find
    read(whole, full=True)
    build(whole, tests=True)
    equals_the_truth(whole)


def test_what_days_have_made_equals_what_is_made_from_the_ground_up(whole: Warehouse) -> None:
    """Byte for byte, in every table; what cannot be made again is kept."""
    before = contents(whole)
    filled = {name.split(".")[0] for name, told in before.items() if not told.startswith("0 ")}
    assert filled == set(SCHEMAS)
    build(whole, "--full-refresh")
    assert differing(before, contents(whole)) == {}


def test_a_renamed_field_changes_no_figure_and_is_told(whole: Warehouse) -> None:
    """The field is empty in what is read from then on: the figures stay as they were, the build
    says which field it is, and the new name is in the check of the raw table."""
    before = contents(whole)
    renamed = whole.box.faults.add(
        *("rename_field",),
        vendor="rezen",
        match="/transactions/",
        times=None,
        field=RENAMED,
        to=NEW_NAME,
    )
    read(whole, full=True)
    assert renamed.hits
    assert build(whole, tests=True, may_fail=True) == 1
    told = {name for name, status in results_of(whole.folder).items() if status == "fail"}
    assert told & {"money_of_deals_still_arrives", "money_of_listed_deals_still_arrives"}
    made_of_it = ("core.transaction", "finance.", "metrics.fact_transaction", "marts.")
    changed = {name for name in differing(before, contents(whole)) if name.startswith(made_of_it)}
    assert changed <= {MEASURED_NOW}
    engine = create_engine(whole.database)
    with engine.connect() as connection:
        found = _drift(connection, VENDORS["rezen"], ["transactions", "transaction_list"])
    engine.dispose()
    assert {finding.subject for findings in found.values() for finding in findings} == {NEW_NAME}

    whole.box.faults.clear()
    read(whole, full=True)
    build(whole, tests=True)
    equals_the_truth(whole)


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
    execute(
        whole,
        "create temp table late on commit drop as select * from raw_rezen.revshare_pending"
        f" where connection_id = '{ADA}:rezen' and payout_currency = 'USD' and not missed limit 1;"
        " update late set _key = 'late', id = 'late', transaction_id = 'late', payout_amount ="
        f" 12.34, closing_date = '{last_month}', earned_at = '{last_month}',"
        f" _synced_at = '{whole.box.clock.now().isoformat()}';"
        " insert into raw_rezen.revshare_pending select * from late",
    )
    build(whole)
    after = by_month()
    month = last_month.replace(day=1)
    assert after.pop(month) - before.pop(month, Decimal(0)) == Decimal("12.34")
    assert after == before
    execute(whole, "delete from raw_rezen.revshare_pending where _key = 'late'")


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
    execute(whole, *DAMAGE.values())
    assert found() == set(DAMAGE)
