"""`sql`: a query over the warehouse, read-only unless told otherwise."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from brokerage.cli.console import cell, err, make_table, out, plain
from brokerage.cli.session import Session
from brokerage.errors import BrokerageError, ConfigurationError
from brokerage.settings import Settings

if TYPE_CHECKING:
    from sqlalchemy.engine import CursorResult

_TABLE_ROWS = 500
_BATCH = 1000


class Format(StrEnum):
    TABLE = "table"
    CSV = "csv"
    JSON = "json"


def register(app: typer.Typer) -> None:
    app.command()(sql)


def role_name(role: str) -> str | None:
    """The database role behind `bi`, `loader`, `transformer`; None for `owner`."""
    from brokerage.database.engine import BI_READER, LOADER, TRANSFORMER

    known = {"bi": BI_READER, "loader": LOADER, "transformer": TRANSFORMER, "owner": None}
    known |= {name: name for name in (BI_READER, LOADER, TRANSFORMER)}
    if role not in known:
        raise ConfigurationError(
            f"There is no role {role!r}: use bi, owner, loader or transformer."
        )
    return known[role]


def url_for_role(settings: Settings, role: str) -> str:
    """The address of a role; `bi_reader` logs in by itself, the others through the owner."""
    from brokerage.database.engine import (
        BI_READER,
        LIBPQ_DRIVER,
        build_url,
        owner_url,
        parse_url,
    )
    from brokerage.database.setup import bi_reader_password

    name = role_name(role)
    owner = owner_url(settings)
    if name != BI_READER:
        return build_url(owner, role=name, driver=LIBPQ_DRIVER)
    login = parse_url(owner).set(
        drivername=LIBPQ_DRIVER, username=BI_READER, password=bi_reader_password(settings)
    )
    return login.render_as_string(hide_password=False)


def sql(
    query: Annotated[str, typer.Argument(help="One SQL statement; - reads it from the input.")],
    format: Annotated[
        Format, typer.Option("--format", "-f", help="How to print it.")
    ] = Format.TABLE,
    role: Annotated[
        str, typer.Option(help="Ask as bi (marts only), loader, transformer or owner.")
    ] = "owner",
    write: Annotated[bool, typer.Option("--write", help="Let the statement change data.")] = False,
) -> None:
    """Run a query over the warehouse. In JSON, decimals are strings, so that no cent is lost."""
    from sqlalchemy.exc import DBAPIError

    from brokerage.database.engine import BI_READER, make_engine, owner_url

    statement = sys.stdin.read() if query == "-" else query
    session = Session.open()
    name = role_name(role)
    engine = make_engine(owner_url(session.settings), role=name)
    read_only = not write or name == BI_READER
    try:
        with engine.connect() as connection:
            if name == BI_READER:
                # a role that is taken, not logged in as, brings none of its settings along
                connection.exec_driver_sql("set local statement_timeout = '60s'")
            if read_only:
                connection.exec_driver_sql("set transaction read only")
            options = {"no_parameters": True, "stream_results": format is Format.CSV}
            result = connection.execution_options(**options).exec_driver_sql(statement)
            if result.returns_rows:
                _PRINTERS[format](list(result.keys()), _rows(result))
            else:
                err.print(f"Done; {max(result.rowcount, 0)} rows.")
            if not read_only:
                connection.commit()
    except DBAPIError as error:
        lines = str(error.orig).strip().splitlines() or ["no reason given"]
        raise BrokerageError(f"PostgreSQL refused the query: {lines[0]}{_hint(lines)}") from error
    finally:
        engine.dispose()


def _hint(lines: Sequence[str]) -> str:
    if "read-only transaction" in lines[0]:
        return "; add --write to change data."
    hints = [line for line in lines[1:] if line.startswith("HINT:")]
    return f" ({hints[0].removeprefix('HINT:').strip()})" if hints else ""


def _rows(result: CursorResult[Any]) -> Iterator[Sequence[Any]]:
    for batch in result.partitions(_BATCH):
        yield from batch


def _print_table(columns: Sequence[str], rows: Iterator[Sequence[Any]]) -> None:
    shown: list[Sequence[Any]] = []
    more = 0
    for row in rows:
        if len(shown) < _TABLE_ROWS:
            shown.append(row)
        else:
            more += 1
    numeric = [
        position
        for position in range(len(columns))
        if any(isinstance(row[position], int) for row in shown)
        or any(type(row[position]).__name__ == "Decimal" for row in shown)
    ]
    table = make_table(columns, right=numeric)
    for row in shown:
        table.add_row(*(_text(value) for value in row))
    out.print(table)
    err.print(f"{len(shown) + more} rows" + (f", the first {_TABLE_ROWS} shown" if more else ""))


def _text(value: Any) -> str:
    from rich.markup import escape

    if isinstance(value, (dict, list)):
        return escape(json.dumps(plain(value), ensure_ascii=False))
    return escape(cell(value))


def _print_csv(columns: Sequence[str], rows: Iterator[Sequence[Any]]) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow(
            json.dumps(plain(value), ensure_ascii=False)
            if isinstance(value, (dict, list))
            else plain(value)
            for value in row
        )


def _print_json(columns: Sequence[str], rows: Iterator[Sequence[Any]]) -> None:
    sys.stdout.write("[")
    separator = "\n"
    for row in rows:
        found = {name: plain(value) for name, value in zip(columns, row, strict=True)}
        sys.stdout.write(separator + "  " + json.dumps(found, ensure_ascii=False))
        separator = ",\n"
    sys.stdout.write("\n]\n")


_PRINTERS = {Format.TABLE: _print_table, Format.CSV: _print_csv, Format.JSON: _print_json}
