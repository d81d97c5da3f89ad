"""The engine against a real PostgreSQL: nothing is lost, doubled, hidden or left half done."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import psycopg2
import pyarrow as pa
import pytest
from psycopg2 import extensions

from brokerage.database.engine import LIBPQ_DRIVER, LOADER, role_url
from pipelines.common import load, run, warehouse
from pipelines.common.destination import KeptConnections
from pipelines.common.entity import Vendor
from pipelines.common.errors import VendorError
from pipelines.common.http import VendorSettings
from pipelines.common.load import Package, prepare_raw, workers_for
from pipelines.common.reading import Reading, SyncReport
from pipelines.common.warehouse import ConnectionMemory, RawStore
from tests.pipelines.common.fake import FakeServer, account, make_vendor

SETTINGS = VendorSettings(backoff_seconds=0.001, max_attempts=2, workers=4, page_workers=4)


class Bench:
    """A fake vendor, a warehouse, and a way to sync and to look."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url = url
        self.folder = folder
        self.vendor: Vendor = make_vendor()
        self.server = FakeServer()
        prepare_raw(self.vendor, url, folder)

    def sync(self, *keys: str, lane: str = "fast", **options: Any) -> SyncReport:
        http = self.server.http(self.vendor, SETTINGS)
        return run.sync(
            self.vendor,
            [account(key) for key in keys],
            warehouse_url=self.url,
            settings=SETTINGS,
            lane=lane,
            run_id=options.pop("run_id", "run"),
            pipelines_dir=self.folder,
            http=http,
            **options,
        )

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        connection = psycopg2.connect(self.url)
        try:
            with connection.cursor() as cursor:
                cursor.execute(query)
                return cursor.fetchall()
        finally:
            connection.close()

    def things(self) -> list[tuple[Any, ...]]:
        return self.rows("select connection_id, id, name from raw_rezen.things order by 1, 2")

    def gone(self) -> list[str]:
        return [row[0] for row in self.rows("select row_key from raw_rezen.tombstones order by 1")]

    def counted_marks(self) -> int:
        return int(
            self.rows(
                "select count(*) from raw_rezen.sync_marks m join raw_rezen._dlt_loads l"
                " on l.load_id = m._dlt_load_id and l.status = 0"
            )[0][0]
        )


@pytest.fixture
def bench(database: str, tmp_path: Path) -> Bench:
    del database
    return Bench(role_url(LOADER, driver=LIBPQ_DRIVER), tmp_path / "dlt")


def thing(number: int, name: str = "thing") -> dict[str, Any]:
    return {"id": number, "name": name, "price": {"amount": 1.5, "currency": "USD"}}


def result(report: SyncReport, entity: str = "things", key: str = "ada") -> Any:
    [found] = [
        r for r in report.results if r.entity == entity and r.connection_id == f"{key}:rezen"
    ]
    return found


def test_the_same_sync_twice_changes_nothing(bench: Bench) -> None:
    bench.server.things = {"ada": [thing(n) for n in range(5)], "ben": [thing(0, "ben's")]}
    first = result(bench.sync("ada", "ben"))
    assert (first.rows_read, first.rows_written, first.mode) == (5, 5, "full")
    before = bench.rows("select * from raw_rezen.things order by 1, 2")
    again = result(bench.sync("ada", "ben"))
    assert (again.rows_read, again.rows_written, again.rows_unchanged) == (5, 0, 5)
    assert bench.rows("select * from raw_rezen.things order by 1, 2") == before
    assert ("ben:rezen", "0", "ben's") in bench.things(), "connections overwrite each other"


def test_a_sync_logs_in_a_few_times_and_leaves_nothing_open(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[Any] = []
    connect = psycopg2.connect

    def counting(*arguments: Any, **options: Any) -> Any:
        opened.append(connect(*arguments, **options))
        return opened[-1]

    bench.server.things = {"ada": [thing(n) for n in range(5)], "ben": [thing(0)]}
    monkeypatch.setattr(psycopg2, "connect", counting)
    bench.sync("ada", "ben")
    # that of the locks, and at least one for all the rest
    assert 1 < len(opened) < 7, "of its load alone it would be five"
    assert all(connection.closed for connection in opened)


def test_a_change_a_new_row_and_a_departure(bench: Bench) -> None:
    bench.server.things["ada"] = [thing(1), thing(2), thing(3)]
    bench.sync("ada")
    bench.server.things["ada"] = [thing(1), thing(2, "renamed"), thing(4)]
    report = result(bench.sync("ada"))
    assert (report.rows_written, report.rows_unchanged, report.rows_deleted) == (2, 1, 1)
    assert bench.gone() == ["3"]
    assert [row[1:] for row in bench.things()] == [
        ("1", "thing"), ("2", "renamed"), ("3", "thing"), ("4", "thing"),
    ]  # fmt: skip


def test_a_row_that_comes_back_is_alive_again(bench: Bench) -> None:
    for present in ([1, 2], [1], [1, 2]):
        bench.server.things["ada"] = [thing(n) for n in present]
        bench.sync("ada")
    alive = bench.rows(
        "select t._key from raw_rezen.things t left join raw_rezen.tombstones d"
        " on d.row_key = t._key and d.deleted_at >= t._synced_at where d.row_key is null order by 1"
    )
    assert alive == [("1",), ("2",)]


def test_a_sweep_that_comes_back_nearly_empty_deletes_nothing(bench: Bench) -> None:
    bench.server.things["ada"] = [thing(n) for n in range(30)]
    bench.sync("ada")
    bench.server.things["ada"] = [thing(1)]
    for full in (False, True):
        report = result(bench.sync("ada", full=full))
        assert (report.status, report.rows_deleted) == ("ok", 0)
        assert report.error.startswith("Only 1 of 30 known rows came back")
        assert bench.gone() == []
    assert result(bench.sync("ada", full=True, vouched=True)).rows_deleted == 29


def test_a_doubled_row_lands_once_in_its_latest_form(bench: Bench) -> None:
    bench.server.things["ada"] = [thing(1, "old"), thing(2), thing(1, "new")]
    bench.sync("ada")
    assert [row[1:] for row in bench.things()] == [("1", "new"), ("2", "thing")]


def test_bad_rows_are_kept_with_their_reason_and_once(bench: Bench) -> None:
    bad = {"id": 2, "fee": "a lot", "name": "Näme", "secretNumber": "1"}
    bench.server.things["ada"] = [thing(1), bad, {"name": "no id"}, thing(3)]
    for _ in range(2):
        report = result(bench.sync("ada"))
        assert (report.status, report.rows_rejected) == ("ok", 2)
    kept = bench.rows("select source_id, reason, row from raw_rezen.rejected_rows order by 1")
    assert kept == [
        ("2", "fee: Input should be a valid decimal", {"id": 2, "fee": "a lot", "name": "Näme"}),
        (None, "id: Field required", {"name": "no id"}),
    ]
    assert [row[1] for row in bench.things()] == ["1", "3"]


def test_a_row_refused_for_the_first_time_holds_the_cursor_once(bench: Bench) -> None:
    bench.server.things["ada"] = [thing(1)]
    bench.sync("ada")
    bench.server.things["ada"] = [thing(1), {"id": 2, "fee": "spoiled on the way"}]
    cursors = [result(bench.sync("ada")).cursor_to for _ in range(2)]
    assert cursors == ["seen 1", "seen 2"]


def test_a_list_that_may_shrink_is_not_guarded(bench: Bench) -> None:
    bench.server.things["ada"] = [thing(n) for n in range(30)]
    bench.sync("ada")
    bench.server.special[("ada", "/things")] = lambda _r: httpx.Response(
        200, json=[], headers={"X-May-Shrink": "yes"}
    )
    assert result(bench.sync("ada")).rows_deleted == 30


def test_what_the_vendor_says_is_gone_needs_no_complete_reading(bench: Bench) -> None:
    bench.server.things["ada"] = [thing(1), thing(2), thing(3)]
    bench.sync("ada")
    for _ in range(2):
        bench.server.special[("ada", "/things")] = lambda _r: httpx.Response(
            200, json=[thing(1, "renamed")], headers={"X-Only-Changes": "yes", "X-Gone": "2 99"}
        )
        report = result(bench.sync("ada"))
        assert report.status == "ok"
        assert bench.gone() == ["2"], "neither what it only did not see nor what nobody knew"
    assert report.rows_deleted == 0, "it is marked once"


def test_what_the_vendor_says_is_gone_is_marked_however_little_came_back(bench: Bench) -> None:
    bench.server.things["ada"] = [thing(n) for n in range(30)]
    bench.sync("ada")
    bench.server.special[("ada", "/things")] = lambda _r: httpx.Response(
        200, json=[thing(1)], headers={"X-Gone": "2"}
    )
    report = result(bench.sync("ada"))
    assert report.error.startswith("Only 1 of 30 known rows came back")
    assert bench.gone() == ["2"]


def test_memory_tells_when_a_row_was_fetched_in_its_form(bench: Bench) -> None:
    bench.server.things["ada"] = [thing(1), thing(2)]
    bench.sync("ada")
    bench.server.things["ada"] = [thing(1), thing(2, "renamed")]
    bench.sync("ada")
    store = RawStore(bench.vendor, bench.url, ["ada:rezen"])
    told = ConnectionMemory(store, "ada:rezen").fetched_at("things", ["1", "2", "9"])
    store.close()
    assert told == dict(bench.rows("select _key, _synced_at from raw_rezen.things"))
    assert told["1"] < told["2"]


def test_a_store_hands_over_what_nobody_uses_and_closes_the_rest_later(bench: Bench) -> None:
    bench.sync("ada")
    store = RawStore(bench.vendor, bench.url, ["ada:rezen"])
    (first,) = store.hand_over()
    assert first.autocommit
    first.close()
    with store._cursor() as cursor:
        assert store.hand_over() == []
        store.close()
        assert not cursor.connection.closed
    assert cursor.connection.closed


@pytest.mark.parametrize(("patience", "opened"), [(30.0, 1), (0.0, 2)])
def test_a_question_waits_a_little_for_the_connection_of_another(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, patience: float, opened: int
) -> None:
    bench.sync("ada")
    monkeypatch.setattr(warehouse, "PATIENCE", patience)
    store = RawStore(bench.vendor, bench.url, ["ada:rezen"])

    def ask() -> int:
        with store._cursor() as cursor:
            return int(cursor.connection.info.backend_pid)

    with ThreadPoolExecutor(1) as pool:
        with store._cursor() as cursor:
            other = pool.submit(ask)
            if opened == 2:
                # nobody waits for this one
                other.result(10)
            first = cursor.connection.info.backend_pid
        pids = {first, other.result(10)}
    assert len(pids) == opened
    handed = store.hand_over()
    assert len(handed) == opened
    # with none left, the next question opens one at once
    assert ask() not in pids
    store.close()
    for connection in handed:
        connection.close()


def test_a_load_goes_on_through_the_connections_of_the_readers(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    adopted: list[extensions.connection] = []
    adopt = KeptConnections.adopt

    def noting(kept: KeptConnections, connections: list[extensions.connection]) -> None:
        adopted.extend(connections)
        adopt(kept, connections)

    monkeypatch.setattr(KeptConnections, "adopt", noting)
    bench.server.things["ada"] = [thing(1)]
    bench.sync("ada")
    assert adopted
    assert all(connection.closed for connection in adopted)
    assert bench.rows("select _key from raw_rezen.things") == [("1",)]


class Lists:
    """The `details` of the fake vendor as lists inside things: each list that comes is whole."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.lists: dict[str, list[str]] = {}
        self.fails = False
        things, details = bench.vendor.entities
        listed = replace(details, grouped_by="thing_id", read=self._read, depends_on=())
        bench.vendor = replace(bench.vendor, entities=(things, listed))

    def _read(self, reading: Reading) -> Iterator[list[dict[str, Any]]]:
        for thing_id, ids in self.lists.items():
            yield [{"id": key, "thingId": thing_id} for key in ids]
        reading.whole(self.lists)
        if self.fails:
            raise VendorError("Something else could not be read.")

    def sync(self, **lists: list[str]) -> Any:
        self.lists = lists
        return result(self.bench.sync("ada", entities=["details"]), "details")


def test_of_a_list_that_was_read_whole_what_is_missing_is_gone(bench: Bench) -> None:
    lists = Lists(bench)
    assert lists.sync(a=["1", "2", "3"], b=["4", "5"]).rows_deleted == 0
    # b was not read this time
    assert lists.sync(a=["1", "3"]).rows_deleted == 1
    assert bench.gone() == ["2"]
    assert lists.sync(a=["1", "2", "3"]).rows_deleted == 0, "it came back"
    # a list may shrink to nothing, whatever its share of all rows
    assert lists.sync(a=[], b=["4"]).rows_deleted == 4
    assert bench.gone() == ["1", "2", "3", "5"]
    assert lists.sync(a=[]).rows_deleted == 0, "they are gone already"


def test_a_row_that_moved_to_another_list_is_not_gone(bench: Bench) -> None:
    lists = Lists(bench)
    lists.sync(a=["1", "2"], b=["3"])
    assert lists.sync(a=["1"], b=["2", "3"]).rows_deleted == 0
    assert bench.gone() == []


def test_a_reading_that_failed_deletes_nothing_from_its_lists(bench: Bench) -> None:
    lists = Lists(bench)
    lists.sync(a=["1", "2"])
    lists.fails = True
    assert lists.sync(a=["1"]).rows_deleted == 0
    lists.fails = False
    assert lists.sync(a=["1"]).rows_deleted == 1


def test_lists_of_many_things_are_looked_up_in_parts(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "GROUPS_AT_ONCE", 2)
    lists = Lists(bench)
    lists.sync(**{f"t{n}": [f"{n}", f"{n}x"] for n in range(7)})
    assert lists.sync(**{f"t{n}": [f"{n}"] for n in range(7)}).rows_deleted == 7
    assert bench.gone() == [f"{n}x" for n in range(7)]


def test_only_an_entity_with_groups_may_speak_of_them(bench: Bench) -> None:
    def read(reading: Reading) -> Iterator[list[dict[str, Any]]]:
        yield []
        reading.whole(["a"])

    things, details = bench.vendor.entities
    bench.vendor = replace(bench.vendor, entities=(replace(things, read=read), details))
    assert result(bench.sync("ada")).status == "failed"


def test_a_refused_row_does_not_delete_its_stored_self(bench: Bench) -> None:
    bench.server.things["ada"] = [thing(1), thing(2)]
    bench.sync("ada")
    bench.server.things["ada"] = [thing(1), {"id": 2, "fee": "a lot"}]
    assert result(bench.sync("ada")).rows_deleted == 0


def test_unknown_fields_are_kept_and_reported_once(bench: Bench) -> None:
    bench.server.things["ada"] = [{"id": 1, "brandNew": 5}, {"id": 2, "brandNew": 6}]
    assert result(bench.sync("ada")).drift == ("brandNew",)
    bench.sync("ada")
    assert bench.rows("select entity, field, sample_type from raw_rezen.schema_drift") == [
        ("things", "brandNew", "int")
    ]
    assert bench.rows("select _extra from raw_rezen.things order by id") == [
        ({"brandNew": 5},),
        ({"brandNew": 6},),
    ]


def test_one_broken_account_does_not_hurt_the_others(bench: Bench) -> None:
    bench.server.things["ada"] = [thing(1)]
    bench.server.special[("ben", "/things")] = lambda _r: httpx.Response(401)
    report = bench.sync("ada", "ben")
    assert result(report).status == "ok"
    assert list(report.broken_accounts) == ["ben:rezen"]
    assert report.broken_accounts["ben:rezen"].endswith("connect the account again.")
    assert {r.status for r in report.results if r.agent_key == "ben"} == {"failed"}
    assert ("ben", "/things/1/details") not in bench.server.calls


def test_a_failed_entity_stops_its_dependants_and_keeps_its_cursor(bench: Bench) -> None:
    bench.server.things["ada"] = [thing(1)]
    bench.sync("ada")
    bench.server.special[("ada", "/things")] = lambda _r: httpx.Response(503)
    report = bench.sync("ada")
    failed, dependant = result(report), result(report, "details")
    assert (failed.status, failed.cursor_to) == ("failed", "seen 1")
    assert "HTTP 503" in failed.error
    assert dependant.error == "Not read, because things could not be read in the same sync."
    del bench.server.special[("ada", "/things")]
    assert result(bench.sync("ada")).cursor_from == "seen 1"


@pytest.mark.parametrize(("code", "status"), [(403, "not_permitted"), (404, "not_available")])
def test_a_missing_permission_is_an_answer_not_a_failure(
    bench: Bench, code: int, status: str
) -> None:
    bench.server.special[("ada", "/things")] = lambda _r: httpx.Response(code)
    report = bench.sync("ada")
    assert result(report).status == status
    assert report.failures == []


def test_an_answer_of_another_shape_is_a_sentence(bench: Bench) -> None:
    bench.server.special[("ada", "/things")] = lambda _r: httpx.Response(200, json={"oops": 1})
    report = result(bench.sync("ada"))
    assert report.status == "failed"
    assert report.error.startswith("Testing Vendor sent things in a shape that")


def test_the_sentence_of_a_surprised_reader_does_not_quote_the_answer(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.server.things["ada"] = [thing(1)]

    def surprised(*_args: object) -> None:
        raise ValueError("not a date: 'call me about the divorce'")

    monkeypatch.setattr(run, "check_rows", surprised)
    report = result(bench.sync("ada"))
    assert "divorce" not in report.error
    assert "(ValueError, test_sync.py:" in report.error


def test_a_failed_load_commits_no_cursor(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed after the rows were copied but before the package was complete."""
    bench.server.things["ada"] = [thing(1)]

    def die(*_args: object, **_kwargs: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("dlt.load.load.Load.complete_package", die)
        with pytest.raises(KeyboardInterrupt):
            bench.sync("ada")
    assert bench.counted_marks() == 0
    assert [row[2] for row in bench.things()] == ["thing"]
    bench.server.things["ada"] = [thing(1, "changed"), thing(2)]
    report = result(bench.sync("ada"))
    assert (report.cursor_from, report.mode) == (None, "full")
    assert [row[1:] for row in bench.things()] == [("1", "changed"), ("2", "thing")]


def test_only_what_meets_no_row_of_its_connection_is_copied_without_a_merge(bench: Bench) -> None:
    def merged() -> int:
        if not bench.rows(
            "select 1 where to_regclass('raw_rezen_staging_fast.things') is not null"
        ):
            return 0
        return len(bench.rows("select 1 from raw_rezen_staging_fast.things"))

    bench.server.things = {"ada": [thing(1), thing(2)], "ben": [thing(1)], "cora": [thing(1)]}
    bench.sync("ada")
    assert (merged(), len(bench.things())) == (0, 2)
    bench.sync("ben")
    assert (merged(), len(bench.things())) == (0, 3)
    bench.server.things["ada"] = [thing(1, "changed"), thing(2)]
    bench.sync("ada", "cora")
    assert merged() == 2
    assert [row[:3] for row in bench.things()] == [
        ("ada:rezen", "1", "changed"), ("ada:rezen", "2", "thing"),
        ("ben:rezen", "1", "thing"), ("cora:rezen", "1", "thing"),
    ]  # fmt: skip


def test_a_large_table_comes_in_several_files(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "PAGE_ROWS", 5)
    monkeypatch.setattr(load, "WRITTEN_ROWS", 10)
    monkeypatch.setattr(load, "FILE_ROWS", 20)
    copied: list[str] = []
    plain = load.dlt.mark.with_file_import

    def counting(path: str, *others: Any) -> Any:
        copied.append(path)
        return plain(path, *others)

    monkeypatch.setattr(load.dlt.mark, "with_file_import", counting)
    bench.server.things["ada"] = [thing(n) for n in range(60)]
    assert result(bench.sync("ada")).rows_written == 60
    assert len([path for path in copied if "things" in path]) == 3
    assert {int(row[1]) for row in bench.things()} == set(range(60))
    bench.server.things["ada"] = [thing(n, "changed") for n in range(60)]
    assert result(bench.sync("ada", full=True)).rows_written == 60
    assert [row[2] for row in bench.things()] == ["changed"] * 60


def test_only_many_rows_are_copied_through_many_connections(tmp_path: Path) -> None:
    package = Package(tmp_path)
    assert workers_for(package) == 2
    package.files["things"] = [SimpleNamespace(rows=load.FILE_ROWS)]
    assert workers_for(package) == 2
    package.files["details"] = [SimpleNamespace(rows=1)]
    assert workers_for(package) == 4


def test_most_rows_are_written_before_the_last_has_come(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(load, "WRITTEN_ROWS", 40)
    package = Package(tmp_path)
    written = []
    for start in range(0, 200, 10):
        numbers = pa.array(range(start, start + 10))
        package.write("things", pa.RecordBatch.from_arrays([numbers], ["id"]), "ada:rezen")
        written.append(package.files["things"][0].rows)
    assert written[:8] == [10, 20, 20, 40, 40, 40, 40, 80]
    assert written[-2:] == [160, 200]
    package.close()
    (file,) = package.files["things"]
    assert file.path.read_text().split() == ['"id"', *map(str, range(200))]


def test_few_rows_are_checked_as_they_come_and_many_together(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "FIRST_ROWS", 2)
    monkeypatch.setattr(run, "PAGE_ROWS", 8)
    sizes: list[int] = []
    plain = run.check_rows

    def noting(entity: Any, rows: Any, *others: Any) -> Any:
        sizes.append(len(rows))
        return plain(entity, rows, *others)

    monkeypatch.setattr(run, "check_rows", noting)
    bench.server.things["ada"] = [thing(n) for n in range(20)]
    assert result(bench.sync("ada")).rows_written == 20
    assert sizes == [2, 4, 8, 6]
    sizes.clear()
    bench.server.things["ada"] = [thing(n, "changed") for n in range(20)]
    assert result(bench.sync("ada")).rows_written == 20
    assert sizes == [2, 2, 2, 2, 4, 8]


def test_a_long_sync_is_cut_into_loads_and_loses_nothing(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "LOAD_ROWS", 10)
    bench.server.things = {key: [thing(n) for n in range(25)] for key in ("ada", "ben", "cora")}
    report = bench.sync("ada", "ben", "cora")
    assert len(report.load_ids) > 3
    assert len(bench.things()) == 75
    assert bench.counted_marks() == 6


@pytest.mark.parametrize("page_rows", [1, 500])
def test_of_a_row_in_two_forms_the_later_one_stays(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, page_rows: int
) -> None:
    """A row that changes while its list is read comes twice, on one page or on two."""
    monkeypatch.setattr(run, "PAGE_ROWS", page_rows)
    bench.server.things["ada"] = [
        thing(1, "old"), thing(2), thing(1, "newer"), thing(2), thing(1, "newest"),
    ]  # fmt: skip
    report = result(bench.sync("ada"))
    assert [row[1:] for row in bench.things()] == [("1", "newest"), ("2", "thing")]
    assert (report.status, report.rows_read) == ("ok", 5)
    assert bench.counted_marks() == 2


@pytest.mark.parametrize("page_rows", [1, 500])
def test_a_row_that_changes_and_changes_back_stays_as_it_was(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, page_rows: int
) -> None:
    bench.server.things["ada"] = [thing(1)]
    bench.sync("ada")
    monkeypatch.setattr(run, "PAGE_ROWS", page_rows)
    bench.server.things["ada"] = [thing(1, "for a moment"), thing(1)]
    assert result(bench.sync("ada")).status == "ok"
    assert [row[1:] for row in bench.things()] == [("1", "thing")]
    bench.server.things["ada"] = [thing(1), thing(1, "for good")]
    assert result(bench.sync("ada")).status == "ok"
    assert [row[1:] for row in bench.things()] == [("1", "for good")]


def test_writers_in_different_lanes_lose_nothing(bench: Bench) -> None:
    """Two agents onboarded at the same moment into one schema, six rounds."""
    for round_ in range(6):
        keys = [f"r{round_}a", f"r{round_}b"]
        bench.server.things |= {key: [thing(n) for n in range(400)] for key in keys}
        together = threading.Barrier(2)

        def onboard(key: str, lane: str, together: threading.Barrier = together) -> SyncReport:
            together.wait(timeout=30)
            return bench.sync(key, lane=lane)

        with ThreadPoolExecutor(2) as pool:
            reports = list(pool.map(onboard, keys, ["fast", "onboarding"]))
        assert not [f for report in reports for f in report.failures]
    counts = bench.rows("select connection_id, count(*) from raw_rezen.things group by 1")
    assert len(counts) == 12
    assert {count for _, count in counts} == {400}


def test_a_connection_is_read_by_one_sync_at_a_time(bench: Bench) -> None:
    bench.server.things = {"ada": [thing(1)], "ben": [thing(1)]}
    entered, leave = threading.Event(), threading.Event()

    def slowly(_request: httpx.Request) -> httpx.Response:
        entered.set()
        assert leave.wait(30)
        return httpx.Response(200, json=[thing(1)])

    bench.server.special[("ada", "/things")] = slowly
    with ThreadPoolExecutor(1) as pool:
        long_one = pool.submit(bench.sync, "ada", lane="onboarding")
        assert entered.wait(30)
        quick = bench.sync("ada", "ben", lane="fast")
        leave.set()
        assert result(long_one.result()).status == "ok"
    assert quick.busy_accounts == ("ada:rezen",)
    assert {r.connection_id for r in quick.results} == {"ben:rezen"}


def test_a_taken_lane_is_waited_for_and_then_refused(bench: Bench) -> None:
    locks = run.SyncLocks(bench.url)
    assert locks.take_lane("rezen", "fast", 0)
    with pytest.raises(run.SyncRefused, match="held the lane"):
        bench.sync("ada", wait_seconds=0.05)
    locks.release()
    bench.server.things["ada"] = [thing(1)]
    assert result(bench.sync("ada")).status == "ok"


def test_a_refused_load_is_one_sentence_and_moves_no_cursor(bench: Bench) -> None:
    bench.server.things["ada"] = [thing(1)]
    owner = psycopg2.connect(bench.url)
    with owner, owner.cursor() as cursor:
        cursor.execute("alter table raw_rezen.things add constraint no check (id <> '1')")
    owner.close()
    with pytest.raises(run.LoadFailed, match=r"could not be loaded into raw_rezen \(load: .*again"):
        bench.sync("ada")
    assert bench.counted_marks() == 0


def test_a_bug_in_a_reader_ends_the_sync_and_loads_nothing(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.server.things["ada"] = [thing(1)]

    def bug(*_args: object) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(run, "check_rows", bug)
    with pytest.raises(ZeroDivisionError, match="a bug"):
        bench.sync("ada")
    assert bench.counted_marks() == 0


def test_an_unknown_entity_is_refused_by_name(bench: Bench) -> None:
    with pytest.raises(KeyError, match="has no entity 'nope'; it has things, details"):
        bench.sync("ada", entities=["nope"])


def test_only_the_chosen_entities_are_read(bench: Bench) -> None:
    bench.server.things["ada"] = [thing(1)]
    report = bench.sync("ada", entities=["things"])
    assert [r.entity for r in report.results] == ["things"]


def test_raw_tables_describe_themselves(bench: Bench) -> None:
    [comment] = bench.rows(
        "select col_description('raw_rezen.things'::regclass, attnum) from pg_attribute"
        " where attrelid = 'raw_rezen.things'::regclass and attname = 'price_amount'"
    )
    assert comment == ("price",)
    prepare_raw(bench.vendor, bench.url, bench.folder)
