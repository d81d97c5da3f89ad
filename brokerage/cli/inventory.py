"""How many rows each table of the warehouse has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import text

from brokerage.database.roles import RAW_SCHEMAS

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

# counting millions of rows takes seconds; the planner's estimate is good enough for an overview
_COUNT_UP_TO = 200_000

WAREHOUSE_SCHEMAS = (
    *RAW_SCHEMAS,
    *("core", "identity", "network", "finance", "crm", "title", "billing", "metrics", "marts"),
    "pages",
)
# dlt's own tables tell nothing about the data
_INTERNAL = "\\_dlt\\_%"


@dataclass(frozen=True)
class TableRows:
    """One table; `is_exact` is False when the rows are the planner's estimate."""

    schema: str
    table: str
    rows: int
    is_exact: bool

    @property
    def text(self) -> str:
        return f"{'' if self.is_exact else '~'}{self.rows:,}"


def table_rows(engine: Engine) -> list[TableRows]:
    """The tables of the warehouse by schema and name; small ones are counted, others estimated."""
    found = []
    with engine.connect() as connection:
        tables = connection.execute(
            text(
                "select n.nspname, c.relname, c.reltuples from pg_class c "
                "join pg_namespace n on n.oid = c.relnamespace "
                "where c.relkind in ('r', 'p', 'm') and n.nspname = any(:schemas) "
                "and c.relname not like :internal "
                "order by array_position(:schemas, n.nspname::text), c.relname"
            ),
            {"schemas": list(WAREHOUSE_SCHEMAS), "internal": _INTERNAL},
        ).all()
        for schema, table, estimate in tables:
            exact = estimate < _COUNT_UP_TO
            rows = int(estimate)
            if exact:
                name = f'"{schema}"."{table}"'
                rows = int(connection.exec_driver_sql(f"select count(*) from {name}").scalar_one())  # noqa: S608
            found.append(TableRows(schema, table, rows, exact))
    return found
