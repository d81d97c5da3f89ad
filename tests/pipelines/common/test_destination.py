"""Connections that go from one job of a load to the next, and no further."""

from __future__ import annotations

import io

import psycopg2
import pytest
from dlt.common.schema import Schema
from dlt.destinations.impl.postgres.configuration import (
    PostgresClientConfiguration,
    PostgresCredentials,
)
from dlt.destinations.impl.postgres.postgres import PostgresClient
from psycopg2 import extensions

from pipelines.common.destination import COPIED_BYTES, KeptConnections, kept_postgres


def test_a_connection_goes_from_job_to_job_and_ends_with_the_load(database: str) -> None:
    kept, connection = KeptConnections(), psycopg2.connect(database)
    kept.give("raw", connection)
    assert kept.take("raw") is connection
    assert kept.take("raw") is None
    kept.give("raw", connection)
    kept.close()
    assert connection.closed
    assert kept.take("raw") is None


def test_one_of_another_search_path_gets_the_one_that_is_asked_for(database: str) -> None:
    kept, first, second = KeptConnections(), psycopg2.connect(database), _committing(database)
    kept.give("raw", first)
    kept.give("staging", second)
    assert kept.take("raw") is first, "the one that has it comes first"
    assert kept.take("raw") is second
    with second.cursor() as cursor:
        cursor.execute("show search_path")
        assert cursor.fetchone() == ("raw, public",)
    first.close()
    second.close()


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


def _committing(database: str) -> extensions.connection:
    connection = psycopg2.connect(database)
    connection.autocommit = True
    return connection


def test_an_adopted_one_gets_the_search_path_and_ends_with_the_load(database: str) -> None:
    kept, first, second = KeptConnections(), _committing(database), _committing(database)
    kept.adopt([first, second])
    taken = kept.take('"some_where"')
    assert taken is second
    with taken.cursor() as cursor:
        cursor.execute("show search_path")
        assert cursor.fetchone() == ("some_where, public",)
    kept.give('"some_where"', taken)
    assert kept.take('"some_where"') is second, "it has the path, so it goes first"
    kept.give('"some_where"', taken)
    kept.close()
    assert first.closed
    assert second.closed


def test_an_adopted_one_that_was_cut_off_is_left_out(database: str) -> None:
    kept, cut, sound = KeptConnections(), _committing(database), _committing(database)
    with sound.cursor() as cursor:
        cursor.execute("select pg_terminate_backend(%s)", (cut.info.backend_pid,))
    kept.adopt([sound, cut])
    assert kept.take('"raw"') is sound
    assert cut.closed
    assert kept.take('"raw"') is None
    sound.close()


def _client(database: str, kept: KeptConnections) -> PostgresClient:
    config = PostgresClientConfiguration(credentials=PostgresCredentials(database))
    config._bind_dataset_name("raw_there")
    return kept_postgres(database, "fast", kept).client(Schema("raw_there"), config)


def test_a_dataset_is_a_schema_that_is_there(database: str) -> None:
    kept = KeptConnections()
    with _client(database, kept).sql_client as opened:
        assert not opened.has_dataset()
        opened.create_dataset()
        assert opened.has_dataset()
        with opened.with_staging_dataset():
            assert not opened.has_dataset()
        opened.drop_dataset()
        assert not opened.has_dataset()
    kept.close()


class _Asked(io.BytesIO):
    """A file that remembers how many bytes it is asked for at a time."""

    def __init__(self, content: bytes) -> None:
        super().__init__(content)
        self.sizes: set[int] = set()

    def read(self, size: int | None = -1) -> bytes:
        self.sizes.add(size or -1)
        return super().read(size)


@pytest.mark.parametrize("adopted", [True, False])
def test_files_are_copied_in_large_pieces(database: str, adopted: bool) -> None:
    kept = KeptConnections()
    if adopted:
        kept.adopt([_committing(database)])
    client = _client(database, kept)
    rows = _Asked(b"1\n2\n")
    with client.sql_client as opened, opened.native_connection.cursor() as cursor:
        cursor.execute("create temporary table copied (number int)")
        # as dlt's job does it
        cursor.copy_expert("copy copied from stdin", rows, size=8192)
        cursor.execute("select array_agg(number) from copied")
        assert cursor.fetchone() == ([1, 2],)
    kept.close()
    assert rows.sizes == {COPIED_BYTES}
