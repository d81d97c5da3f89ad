"""Roles, schemas and grants: who may do what, set up again and again without harm.

| role                    | may                                                    |
|-------------------------|--------------------------------------------------------|
| the owner (the login)   | everything; owns `control` and `dagster`                |
| `brokerage_loader`      | create and write raw schemas                            |
| `brokerage_transformer` | read raw and who is connected, write the dbt schemas    |
| `bi_reader` (login)     | select in `marts` and `pages`, read-only, 60 s each     |

The owner need not be a superuser: CREATEROLE and CREATE on the database are enough.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from brokerage.database.engine import BI_READER, LOADER, TRANSFORMER
from brokerage.errors import UnavailableError

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection, Engine


def _vendors() -> list[str]:
    """The vendors by their folders: importing the sources takes seconds that nobody needs here."""
    spec = find_spec("pipelines")
    folders = list(spec.submodule_search_locations or ()) if spec else []
    return sorted(
        path.parent.name for folder in folders for path in Path(folder).glob("*/source.py")
    )


RAW_SCHEMAS = tuple(f"raw_{name}" for name in _vendors())
DBT_SCHEMAS = (
    "staging",
    "snapshots",
    "core",
    "identity",
    "network",
    "finance",
    "crm",
    "title",
    "billing",
    "metrics",
    "marts",
    "pages",
)
OWNER_SCHEMAS = ("control", "dagster")
# what bi_reader may read
BI_SCHEMAS = ("marts", "pages")

# one name for all processes: two set-ups at once would race on CREATE ROLE and CREATE SCHEMA
_LOCK = "select pg_advisory_xact_lock(hashtext('brokerage.setup'))"


def ensure_roles(engine: Engine, *, bi_reader_password: str | None = None) -> None:
    """Create the roles and schemas that are missing and set every grant.

    Args:
        engine: the owner's.
        bi_reader_password: set as the password of `bi_reader`; None leaves it as it is.

    Raises:
        UnavailableError: when the owner lacks the right to do so.
    """
    from sqlalchemy.exc import ProgrammingError

    try:
        with engine.begin() as connection:
            _ensure(connection, bi_reader_password)
    except ProgrammingError as error:
        reason = str(error.orig).strip().splitlines()[0]
        raise UnavailableError(
            f"The roles and schemas could not be set up ({reason}): let the user of "
            "BROKERAGE_DATABASE_URL own the database and have CREATEROLE."
        ) from error


def grant_control(engine: Engine) -> None:
    """Let dbt read who is connected, and nothing else of schema `control`."""
    with engine.begin() as connection:
        connection.exec_driver_sql(f"grant usage on schema control to {TRANSFORMER}")
        connection.exec_driver_sql(
            f"grant select on control.agents, control.connections to {TRANSFORMER}"
        )


def grant_database(engine: Engine) -> None:
    """Grant what belongs to the database itself, which a copy made from a template lacks."""
    with engine.begin() as connection:
        _grant_database(connection)


def _grant_database(connection: Connection) -> None:
    run = connection.exec_driver_sql
    database = _quote(str(run("select current_database()").scalar_one()))
    # dlt makes its staging datasets and dbt its schemas, both with `create schema if not exists`,
    # which asks for the right even when the schema is there
    run(f"grant connect, create, temporary on database {database} to {LOADER}, {TRANSFORMER}")
    run(f"grant connect on database {database} to {BI_READER}")


def _ensure(connection: Connection, bi_reader_password: str | None) -> None:
    run = connection.exec_driver_sql
    run(_LOCK)
    for role in (LOADER, TRANSFORMER, BI_READER):
        login = "login" if role == BI_READER else "nologin"
        # roles belong to the whole server: another database's set-up may create them meanwhile
        run(
            f"do $$ begin if to_regrole('{role}') is null then create role {role} {login}; end if; "
            "exception when duplicate_object or unique_violation then null; end $$"
        )
    if bi_reader_password is not None:
        run(f"alter role {BI_READER} login password %s", (bi_reader_password,))
    run(f"alter role {BI_READER} set default_transaction_read_only = on")
    run(f"alter role {BI_READER} set statement_timeout = '60s'")

    _join(connection, (LOADER, TRANSFORMER, BI_READER))

    _grant_database(connection)
    for schema in OWNER_SCHEMAS:
        run(f"create schema if not exists {schema}")
        run(f"revoke all on schema {schema} from public")
    for schema in RAW_SCHEMAS:
        run(f"create schema if not exists {schema} authorization {LOADER}")
        run(f"revoke all on schema {schema} from public")
        run(f"grant usage on schema {schema} to {TRANSFORMER}")
        run(f"grant select on all tables in schema {schema} to {TRANSFORMER}")
        run(
            f"alter default privileges for role {LOADER} in schema {schema} "
            f"grant select on tables to {TRANSFORMER}"
        )
    for schema in DBT_SCHEMAS:
        run(f"create schema if not exists {schema} authorization {TRANSFORMER}")
        run(f"revoke all on schema {schema} from public")
    for schema in BI_SCHEMAS:
        run(f"grant usage on schema {schema} to {BI_READER}")
        run(f"grant select on all tables in schema {schema} to {BI_READER}")
        run(
            f"alter default privileges for role {TRANSFORMER} in schema {schema} "
            f"grant select on tables to {BI_READER}"
        )


def _join(connection: Connection, roles: tuple[str, ...]) -> None:
    """Let the owner take the roles; a superuser may anyway."""
    run = connection.exec_driver_sql
    if run("select rolsuper from pg_roles where rolname = current_user").scalar_one():
        return
    # from version 16 on, the creator of a role may grant it but neither becomes nor inherits it
    newer = int(str(run("show server_version_num").scalar_one())) >= 160000
    suffix = " with inherit true, set true" if newer else ""
    for role in roles:
        run(f"grant {role} to current_user{suffix}")


def _quote(identifier: str) -> str:
    return '"' + identifier.replace('"', '""') + '"'
