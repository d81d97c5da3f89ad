"""Connections that go from one job of a load to the next, and no further."""

from __future__ import annotations

import psycopg2
import pytest

from pipelines.common.destination import KeptConnections


def test_a_connection_goes_from_job_to_job_and_ends_with_the_load(database: str) -> None:
    kept, connection = KeptConnections(), psycopg2.connect(database)
    kept.give("raw", connection)
    assert kept.take("staging") is None, "it was opened with another search path"
    assert kept.take("raw") is connection
    assert kept.take("raw") is None
    kept.give("raw", connection)
    kept.close()
    assert connection.closed
    assert kept.take("raw") is None


def test_one_in_which_something_has_gone_wrong_is_not_handed_on(database: str) -> None:
    kept, connection = KeptConnections(), psycopg2.connect(database)
    with connection.cursor() as cursor, pytest.raises(psycopg2.errors.UndefinedTable):
        cursor.execute("select * from nowhere")
    kept.give("raw", connection)
    assert connection.closed
    assert kept.take("raw") is None


def test_a_dead_one_is_not_handed_on(database: str) -> None:
    kept, connection = KeptConnections(), psycopg2.connect(database)
    connection.close()
    kept.give("raw", connection)
    assert kept.take("raw") is None
