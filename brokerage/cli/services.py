"""`up`, `down`, `init`, `status`, `doctor`, `psql-url`."""

from __future__ import annotations

from typing import Annotated

import typer

from brokerage.cli.console import note, out, print_json
from brokerage.cli.session import Session
from brokerage.settings import get_settings

Json = Annotated[bool, typer.Option("--json", help="Print JSON for a program to read.")]


def register(app: typer.Typer) -> None:
    for command in (up, down, init, status, doctor):
        app.command()(command)
    app.command("psql-url")(psql_url)


def up(
    sandbox: Annotated[
        bool,
        typer.Option("--sandbox", help="Make this home a sandbox home: vendors are imitated."),
    ] = False,
) -> None:
    """Start what does not run yet: PostgreSQL, the sandbox in a sandbox home, Dagster."""
    from brokerage.stack.sandbox_client import remember_sandbox

    session = Session.open(database=False)
    session.stack.start_database()
    if sandbox:
        remember_sandbox(session.settings)
        session.reload()
    session.set_up()
    session.stack.start_services()
    out.print(
        f"Everything is up. Dagster: http://127.0.0.1:{session.settings.dagster_port} · "
        "`brokerage status` shows more · `brokerage down` stops it."
    )


def down(
    purge: Annotated[
        bool, typer.Option("--purge", help="Delete the embedded database as well, for good.")
    ] = False,
) -> None:
    """Stop everything that `up`, `demo` or another command started. Data stays."""
    session = Session.open(database=False)
    stopped = session.stack.down()
    out.print("Everything is stopped." if stopped else "Nothing was running.")
    if purge:
        session.stack.purge()
        out.print("The embedded database is deleted.")


def init() -> None:
    """Set up the database: roles, schemas, control tables, raw tables. Again is harmless."""
    session = Session.open(database=False)
    session.stack.start_database()
    session.set_up()
    out.print("The database is set up.")


def status(as_json: Json = False) -> None:
    """Show services, connections, last sync per vendor and entity, row counts and failures."""
    from brokerage.cli.status import collect, show

    found = collect(Session.open(database=False))
    if as_json:
        print_json(found)
    else:
        show(found)


def doctor(as_json: Json = False) -> None:
    """Check the machine, the settings, the database and the keys; say what to do about each."""
    from brokerage.cli.doctor import examine, show

    checks = examine(get_settings())
    if as_json:
        print_json(checks)
    else:
        show(checks)
    if any(check.ok is False for check in checks):
        raise typer.Exit(1)


def psql_url(
    role: Annotated[
        str, typer.Option(help="bi (a login of its own, marts only), owner, loader, transformer")
    ] = "bi",
) -> None:
    """Print the database's address for psql or a BI tool. It contains a password."""
    from brokerage.cli.query import url_for_role

    session = Session.open()
    typer.echo(url_for_role(session.settings, role))
    note("The address contains a password: keep it out of files that others can read.")
