"""Data land while the warehouse is built, and a part of it is built: neither may surprise anybody.

The real build step of Dagster with the real dbt, on a copy of the lived world. A trigger of the
database lets a team land at the very moment at which the table of teams is complete, and that of
their members is not.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import dagster as dg
import psycopg2
import pytest

from assets.dbt import build_warehouse_assets
from brokerage.settings import get_settings
from resources.dbt import DbtResource, dbt_environment
from resources.warehouse import WarehouseResource
from tests.warehouse.filled import Warehouse, copy_of
from tests.warehouse.running import put_parsed

TEAMS = ("core/team", "core/team_member", "core/team_role")
LAND = """
insert into raw_rezen.teams
select (jsonb_populate_record(t, '{"_key": "late", "id": "late"}')).* from raw_rezen.teams as t
where not exists (select 1 from raw_rezen.teams where id = 'late') limit 1;
insert into raw_rezen.team_members
select (jsonb_populate_record(m, '{"_key": "late", "id": "late", "team_id": "late"}')).*
from raw_rezen.team_members as m
where not exists (select 1 from raw_rezen.team_members where team_id = 'late')
and m.roles ? 'LEADER' limit 1;
"""
WHEN_TEAMS_ARE_COMPLETE = f"""
create function land() returns event_trigger language plpgsql security definer as $$
begin
    if exists (
        select 1 from pg_event_trigger_ddl_commands() where object_identity = 'core.team'
    ) then {LAND} end if;
end $$;
create event trigger landing on ddl_command_end when tag in ('ALTER TABLE')
execute function land()
"""


@dataclass
class Place:
    """A warehouse of its own, and Dagster's step on it."""

    database: str
    warehouse: dg.AssetsDefinition

    def execute(self, statement: str) -> None:
        with closing(psycopg2.connect(self.database)) as session, session:
            session.cursor().execute(statement)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with closing(psycopg2.connect(self.database)) as session, session.cursor() as cursor:
            cursor.execute(query)
            return cursor.fetchall()

    def build(self, *names: str) -> dg.ExecuteInProcessResult:
        return dg.materialize(
            [self.warehouse],
            selection=[dg.AssetKey(name.split("/")) for name in names],
            resources={"dbt": DbtResource(), "warehouse": WarehouseResource()},
            raise_on_error=False,
        )


@pytest.fixture(scope="module")
def warehouse() -> dg.AssetsDefinition:
    return build_warehouse_assets()


@pytest.fixture
def place(
    lived_world: Warehouse,
    warehouse: dg.AssetsDefinition,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Place]:
    home = tmp_path_factory.getbasetemp() / "moments"
    monkeypatch.setenv("BROKERAGE_HOME", str(home))
    now = lived_world.box.clock.now().isoformat()
    monkeypatch.setenv("PGOPTIONS", f"-c brokerage.as_of={now}")
    with copy_of(lived_world) as database:
        monkeypatch.setenv("BROKERAGE_DATABASE_URL", database)
        get_settings.cache_clear()
        if not (home / "dbt").exists():
            put_parsed(database, home / "dbt", dbt_environment())
        yield Place(database, warehouse)


def checks(result: dg.ExecuteInProcessResult) -> dict[str, bool]:
    return {e.check_name: e.passed for e in result.get_asset_check_evaluations()}


def test_what_lands_between_two_tables_fails_no_build(place: Place) -> None:
    place.execute(WHEN_TEAMS_ARE_COMPLETE)
    result = place.build(*TEAMS)
    assert result.success
    made = [str(e.asset_key.to_user_string()) for e in result.get_asset_materialization_events()]
    assert made.count("core/team") == 2, "the test did fail at first"
    assert made.count("core/team_role") == 1, "what had been left out follows"
    told = checks(result)
    assert all(told.values())
    assert any(name.startswith("relationships_team_member_team_id") for name in told)
    assert place.rows("select team_role from core.team_member where team_id = 'rezen:late'") == [
        ("LEADER",)
    ]
    assert place.rows("select count(*) from core.team_role where team_id = 'rezen:late'") == [(2,)]


@pytest.mark.slow
def test_what_is_wrong_at_both_times_fails_with_its_name(place: Place) -> None:
    place.execute(LAND)
    # a roster of a team that nobody tells of: the table of teams never has it
    place.execute("update raw_rezen.team_members set team_id = 'nobodys' where id = 'late'")
    result = place.build(*TEAMS)
    assert not result.success
    wrong = [name for name, passed in checks(result).items() if not passed]
    assert [name for name in wrong if name.startswith("relationships_team_member_team_id")] == wrong
    [failure] = [e for e in result.all_events if e.is_step_failure]
    assert "relationships_team_member_team_id" in str(failure.step_failure_data.user_failure_data)
    made = [str(e.asset_key.to_user_string()) for e in result.get_asset_materialization_events()]
    assert "core/team_role" not in made


def test_views_stay_when_the_table_that_they_read_is_made_anew(place: Place) -> None:
    """PostgreSQL drops them with the old table; nobody had asked for that."""
    views = "select table_schema || '.' || table_name from information_schema.views order by 1"
    before = place.rows(views)
    assert {("metrics.fact_activity",), ("identity.int_rezen__sighted",)} <= set(before)
    assert place.build("core/agent").success
    assert place.rows(views) == before
