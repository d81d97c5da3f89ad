"""What the tests of identity share: rows of the warehouse."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from typing import Any

import psycopg2
import psycopg2.extras

Row = Mapping[str, Any]


def rows_of(database: str, query: str, *values: Any) -> list[Row]:
    """The rows of a query."""
    with closing(psycopg2.connect(database)) as connection:
        cursor = connection.cursor(cursor_factory=psycopg2.extras.RealDictCursor)
        cursor.execute(query, values or None)
        return [dict(row) for row in cursor.fetchall()]
