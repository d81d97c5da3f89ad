"""Addresses and engines.

One database, several roles: a session takes a role through the connection option
`-c role=brokerage_loader`, so that one password serves all and no tool needs to know about it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from brokerage.errors import ConfigurationError, UnavailableError
from brokerage.settings import Settings, get_settings

if TYPE_CHECKING:
    from sqlalchemy.engine import URL, Engine

LOADER = "brokerage_loader"
TRANSFORMER = "brokerage_transformer"
BI_READER = "bi_reader"

# dagster-postgres reads postgresql:// as psycopg 3 from SQLAlchemy 2.1 on, so the driver is named
SQLALCHEMY_DRIVER = "postgresql+psycopg2"
LIBPQ_DRIVER = "postgresql"


def parse_url(url: str) -> URL:
    """Read any spelling of a PostgreSQL address (`postgres://`, `postgresql+psycopg2://`, …).

    Raises:
        ConfigurationError: when it is not one; the message never contains the address.
    """
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError) as error:
        raise ConfigurationError(
            "BROKERAGE_DATABASE_URL is not an address of the form "
            "postgresql://user:password@host:port/database."
        ) from error
    if parsed.drivername.split("+")[0] not in {"postgres", "postgresql"}:
        raise ConfigurationError(
            f"BROKERAGE_DATABASE_URL names {parsed.drivername}, but only PostgreSQL works here: "
            "use postgresql://user:password@host:port/database."
        )
    if not parsed.database:
        raise ConfigurationError(
            "BROKERAGE_DATABASE_URL names no database: add /database at its end."
        )
    return parsed.set(drivername=SQLALCHEMY_DRIVER)


def build_url(
    url: str,
    *,
    role: str | None = None,
    options: Mapping[str, str] | None = None,
    driver: str = SQLALCHEMY_DRIVER,
) -> str:
    """The same address for a role and with session settings such as `search_path`.

    Args:
        url: any spelling of a PostgreSQL address; options in it are kept.
        role: the role that each session takes.
        options: further `name: value` server settings for each session.
        driver: `SQLALCHEMY_DRIVER`, or `LIBPQ_DRIVER` for psql, dlt and dbt.
    """
    parsed = parse_url(url).set(drivername=driver)
    wanted = {**({"role": role} if role else {}), **(options or {})}
    if wanted:
        kept = parsed.query.get("options", "")
        flags = [kept if isinstance(kept, str) else " ".join(kept)]
        flags += [f"-c {name}={_escape(value)}" for name, value in wanted.items()]
        parsed = parsed.update_query_dict({"options": " ".join(flag for flag in flags if flag)})
    rendered = parsed.render_as_string(hide_password=False)
    address, mark, query = rendered.partition("?")
    # SQLAlchemy writes a blank as "+", which libpq (psql, dlt) takes literally
    return address + mark + query.replace("+", "%20")


def _escape(value: str) -> str:
    # libpq splits `options` at blanks; a backslash keeps one
    return value.replace("\\", "\\\\").replace(" ", "\\ ")


def owner_url(settings: Settings | None = None, *, driver: str = SQLALCHEMY_DRIVER) -> str:
    """The address of the owner: the configured database, or the embedded one.

    Raises:
        UnavailableError: when no database is configured and the embedded one was never started.
    """
    settings = settings or get_settings()
    if settings.database_url is not None:
        return build_url(settings.database_url.get_secret_value(), driver=driver)
    from brokerage.database.embedded import EmbeddedPostgres

    return build_url(EmbeddedPostgres.for_settings(settings).url(), driver=driver)


def role_url(
    role: str,
    settings: Settings | None = None,
    *,
    options: Mapping[str, str] | None = None,
    driver: str = SQLALCHEMY_DRIVER,
) -> str:
    """The owner's address whose sessions work as the given role."""
    return build_url(owner_url(settings), role=role, options=options, driver=driver)


def dagster_storage_url(settings: Settings | None = None) -> str:
    """The address of Dagster's storage: the same database, schema `dagster`."""
    return build_url(owner_url(settings), options={"search_path": "dagster"})


def make_engine(url: str | None = None, *, role: str | None = None) -> Engine:
    """An engine on the address, or on the database of the settings; sessions are in UTC."""
    from sqlalchemy import create_engine

    full = build_url(url or owner_url(), role=role, options={"timezone": "UTC"})
    return create_engine(
        full,
        pool_pre_ping=True,
        hide_parameters=True,
        connect_args={"connect_timeout": 10, "application_name": "brokerage"},
    )


def check_reachable(engine: Engine) -> str:
    """Connect once and return the server's version, for example `18.4`.

    Raises:
        UnavailableError: when the server does not answer, refuses the login or is too old.
    """
    from sqlalchemy import text
    from sqlalchemy.exc import OperationalError

    try:
        with engine.connect() as connection:
            number = int(connection.scalar(text("show server_version_num")) or 0)
            version = str(connection.scalar(text("show server_version")))
    except OperationalError as error:
        reason = str(error.orig).strip().splitlines()[0] if error.orig else "no answer"
        where = f"{engine.url.host}:{engine.url.port or 5432}/{engine.url.database}"
        raise UnavailableError(
            f"The database {where} cannot be used ({reason}): start it (`brokerage up`) or correct "
            "BROKERAGE_DATABASE_URL."
        ) from error
    if number < 140000:
        raise UnavailableError(
            f"The database is PostgreSQL {version}; 14 or newer is needed: use a newer server."
        )
    return version.split()[0]
