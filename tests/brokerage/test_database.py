"""Addresses, roles and grants, on a real server."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import psycopg2
import pytest
from sqlalchemy import text
from sqlalchemy.engine import Engine
from sqlalchemy.exc import DBAPIError, ProgrammingError

from brokerage.database.engine import (
    LIBPQ_DRIVER,
    LOADER,
    TRANSFORMER,
    build_url,
    check_reachable,
    make_engine,
    parse_url,
)
from brokerage.database.roles import RAW_SCHEMAS
from brokerage.database.setup import set_up_database
from brokerage.errors import ConfigurationError, UnavailableError
from pipelines.registry import VENDORS
from sandbox.box import Sandbox
from sandbox.vendors import VENDORS as IMITATED

RunAs = Callable[[str, str], None]


class TestAddresses:
    @pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg2"])
    def test_every_spelling_gets_the_same_driver(self, scheme: str) -> None:
        url = build_url(f"{scheme}://me:pw@db.example.com:5433/x")
        assert url == "postgresql+psycopg2://me:pw@db.example.com:5433/x"

    def test_options_that_were_there_are_kept(self) -> None:
        url = build_url(
            "postgresql://me@db.example.com/x?sslmode=require&options=-c%20jit%3Doff",
            role=LOADER,
            driver=LIBPQ_DRIVER,
        )
        query = parse_url(url).query
        assert query["options"] == "-c jit=off -c role=brokerage_loader"
        assert query["sslmode"] == "require"

    def test_a_password_with_signs_survives(self) -> None:
        url = build_url("postgresql://me:p%40s%2Fs@db.example.com/x", role=LOADER)
        assert parse_url(url).password == "p@s/s"

    @pytest.mark.parametrize("url", ["mysql://me:hush@h/x", "nonsense", "postgresql://me:hush@h"])
    def test_what_is_no_address_is_one_sentence_without_it(self, url: str) -> None:
        with pytest.raises(ConfigurationError, match="BROKERAGE_DATABASE_URL") as caught:
            parse_url(url)
        assert "hush" not in str(caught.value)

    def test_an_unreachable_server_is_one_sentence(self, unused_port: int) -> None:
        engine = make_engine(f"postgresql://me:hush@127.0.0.1:{unused_port}/x")
        with pytest.raises(
            UnavailableError, match=f"127.0.0.1:{unused_port}/x cannot be used"
        ) as e:
            check_reachable(engine)
        assert "hush" not in str(e.value)


def test_set_up_twice_changes_nothing(empty_database: str, bi_reader_password: str) -> None:
    engine = make_engine(empty_database)
    set_up_database(engine, bi_reader_password=bi_reader_password)
    before = _shape(engine)
    set_up_database(engine, bi_reader_password=bi_reader_password)
    assert _shape(engine) == before
    assert ("control", "agents") in before
    engine.dispose()


def _shape(engine: Engine) -> set[tuple[str, str]]:
    with engine.connect() as connection:
        rows = connection.execute(
            text("select table_schema, table_name from information_schema.tables")
        )
        return {(schema, name) for schema, name in rows}


class TestRoles:
    @pytest.fixture
    def as_role(self, database: str) -> RunAs:
        """Run a statement as a role, in a transaction of its own."""

        def run(role: str, statement: str) -> None:
            engine = make_engine(database, role=role)
            try:
                with engine.begin() as connection:
                    connection.exec_driver_sql(statement)
            finally:
                engine.dispose()

        return run

    def test_loader_writes_raw_and_dbt_reads_it(self, as_role: RunAs) -> None:
        as_role(LOADER, "create table raw_fub.people (id text)")
        as_role(TRANSFORMER, "select * from raw_fub.people")
        with pytest.raises(ProgrammingError, match="permission denied"):
            as_role(TRANSFORMER, "insert into raw_fub.people values ('1')")

    def test_both_may_make_schemas_as_dlt_and_dbt_do(self, as_role: RunAs) -> None:
        as_role(LOADER, "create schema if not exists raw_fub_staging_fast")
        as_role(TRANSFORMER, "create schema if not exists marts")

    def test_dbt_sees_who_is_connected_but_no_secret(self, as_role: RunAs) -> None:
        as_role(TRANSFORMER, "select * from control.agents, control.connections")
        for table in ("secrets", "webhook_inbox", "error_log"):
            with pytest.raises(ProgrammingError, match="permission denied"):
                as_role(TRANSFORMER, f"select * from control.{table}")

    def test_the_loader_sees_nothing_of_control(self, as_role: RunAs) -> None:
        with pytest.raises(ProgrammingError, match="permission denied"):
            as_role(LOADER, "select * from control.secrets")


class TestBiReader:
    @pytest.fixture
    def reader(self, database: str, bi_reader_password: str) -> Iterator[Engine]:
        """A session that logs in as `bi_reader`, beside a mart and a raw table."""
        loader, transformer = (
            make_engine(database, role=LOADER),
            make_engine(database, role=TRANSFORMER),
        )
        with loader.begin() as connection:
            connection.exec_driver_sql("create table raw_fub.people (id text)")
        with transformer.begin() as connection:
            connection.exec_driver_sql("create table marts.agent_summary as select 1 as units")
            connection.exec_driver_sql("create table core.agent as select 1 as id")
        url = parse_url(database).set(username="bi_reader", password=bi_reader_password)
        engine = make_engine(url.render_as_string(hide_password=False))
        yield engine
        for opened in (loader, transformer, engine):
            opened.dispose()

    def test_reads_marts_made_after_the_grant(self, reader: Engine) -> None:
        with reader.connect() as connection:
            assert connection.execute(text("select units from marts.agent_summary")).scalar() == 1

    @pytest.mark.parametrize(
        "table", ["raw_fub.people", "control.secrets", "control.agents", "core.agent"]
    )
    def test_reads_nothing_else(self, reader: Engine, table: str) -> None:
        with reader.connect() as connection, pytest.raises(ProgrammingError, match="denied"):
            connection.exec_driver_sql(f"select * from {table}")

    def test_writes_nothing(self, reader: Engine) -> None:
        with reader.connect() as connection, pytest.raises(DBAPIError, match="read-only"):
            connection.exec_driver_sql("insert into marts.agent_summary values (2)")

    def test_takes_no_other_role(self, reader: Engine) -> None:
        with reader.connect() as connection, pytest.raises(ProgrammingError, match="denied"):
            connection.exec_driver_sql(f"set role {LOADER}")

    def test_a_statement_ends_after_a_minute(self, reader: Engine) -> None:
        with reader.connect() as connection:
            assert connection.execute(text("show statement_timeout")).scalar() == "1min"


class TestOwnerWhoIsNoSuperuser:
    @pytest.fixture
    def owner_url(self, postgres_url: str, empty_database: str) -> Iterator[str]:
        """A login with CREATEROLE that owns an empty database in which no role exists yet."""
        name = parse_url(empty_database).database
        admin = psycopg2.connect(postgres_url)
        admin.autocommit = True
        with admin.cursor() as cursor:
            cursor.execute("create role tenant login createrole password 'tenant'")
            cursor.execute(f"alter database {name} owner to tenant")
            cursor.execute(_RENAME.format(suffix="_kept", bare=""))
        url = parse_url(empty_database).set(username="tenant", password="tenant")
        yield url.render_as_string(hide_password=False)
        with admin.cursor() as cursor:
            cursor.execute(f"drop database {name} with (force)")
            cursor.execute(_DROP)
            cursor.execute(_RENAME.format(suffix="", bare="_kept"))
            cursor.execute("drop role tenant")
            # the fixture that made the database drops it again
            cursor.execute(f"create database {name}")
        admin.close()

    def test_sets_everything_up_twice_and_works_as_each_role(self, owner_url: str) -> None:
        engine = make_engine(owner_url)
        for _ in range(2):
            set_up_database(engine, bi_reader_password="reader")
        engine.dispose()
        loader = make_engine(owner_url, role=LOADER)
        with loader.begin() as connection:
            connection.exec_driver_sql("create table raw_rezen.agents (id text)")
        loader.dispose()
        transformer = make_engine(owner_url, role=TRANSFORMER)
        with transformer.begin() as connection:
            connection.exec_driver_sql("create table marts.m as select * from raw_rezen.agents")
        transformer.dispose()


_ROLES = ("brokerage_loader", "brokerage_transformer", "bi_reader")
# roles belong to the server, which other tests have set up: theirs step aside meanwhile
_RENAME = ";".join(f"alter role {role}{{bare}} rename to {role}{{suffix}}" for role in _ROLES)
_DROP = ";".join(f"drop role {role}" for role in _ROLES)


def test_every_vendor_has_its_raw_schema_and_its_settings() -> None:
    """A folder is a raw schema; whoever has addresses is imitated, so that no test reaches them."""
    vendors = VENDORS.values()
    assert set(RAW_SCHEMAS) == {vendor.schema for vendor in vendors}
    box = Sandbox(size="small")
    for vendor in vendors:
        addresses = {n for n in vendor.settings_type.model_fields if n.endswith("base_url")}
        told = IMITATED[vendor.name].told(box) if addresses else {}
        assert addresses <= set(told), vendor.name
