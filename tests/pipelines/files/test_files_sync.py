"""Imports through the engine into a database, held against an independent reading of the files."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from brokerage.database.engine import LIBPQ_DRIVER, LOADER, build_url
from pipelines.common import run
from pipelines.common.account import Account, StaticCredentials
from pipelines.common.load import prepare_raw
from pipelines.common.reading import EntityResult
from pipelines.files.client import FilesSettings
from pipelines.files.mapping import mapping_of
from pipelines.files.source import FILES
from tests.pipelines.files.files_support import ADA, Folder

ROOT = Path(__file__).parents[3]
MIXED = (
    "Deal ID,Address,City,State,Zip,Status,Sale Price,GCI,Commission %,Close Date,Lender\n"
    'D1,"1 Elm St, Rear",Fairview,NO,02115,Closed,"$450,000.10","13,500.33",3 %,03/14/2025,Acme\n'
    'D2,"2 Elm\nSt",Fairview,FL,32801,Closed,"(1,234.50)",,2.875,45720,\n'
    'D3,3 Élan St,Fairview,FL,,Pending,0.01,,,,"Best ""Bank"""\n'
    "D4,4 Elm St,Fairview,FL,32801,Closed,many,,,03/14/2025,\n"
)


class Office:
    """Ada's imports, a database, and the engine between them."""

    def __init__(self, database: str, tmp_path: Path) -> None:
        self.folder = Folder(tmp_path / "imports")
        self.url = build_url(database, role=LOADER, driver=LIBPQ_DRIVER)
        self.dlt = tmp_path / "dlt"
        prepare_raw(FILES, self.url, self.dlt)

    def sync(self, *, full: bool = False, **options: Any) -> EntityResult:
        """Sync everything of Ada; the result of her transactions."""
        report = run.sync(
            FILES,
            [Account(f"{ADA}:files", ADA, "files", StaticCredentials({}))],
            warehouse_url=self.url,
            settings=FilesSettings(dir=self.folder.root),
            full=full,
            run_id="run",
            pipelines_dir=self.dlt,
            **options,
        )
        assert not report.failures, report.failures
        assert {result.api_calls for result in report.results} == {0}
        [found] = [result for result in report.results if result.entity == "transactions"]
        return found

    def query(self, query: str) -> list[tuple[Any, ...]]:
        with closing(psycopg2.connect(self.url)) as connection, connection.cursor() as cursor:
            cursor.execute(query)
            return cursor.fetchall()

    def live(self) -> dict[str, tuple[Any, ...]]:
        """The live transactions: address, zip, price with currency, GCI, percent, day, others."""
        rows = self.query(
            "select _key, street, state, postal_code, price_amount, price_currency,"
            " gross_commission_amount, commission_percent, closing_date, _extra"
            " from raw_files.transactions r where not exists (select 1 from raw_files.tombstones t"
            " where t.connection_id = r.connection_id and t.entity = 'transactions'"
            " and t.row_key = r._key and t.deleted_at >= r._synced_at)"
        )
        return {row[0]: row[1:] for row in rows}

    def written_at(self) -> dict[str, Any]:
        return dict(self.query("select _key, _synced_at from raw_files.transactions"))

    def marks(self) -> int:
        [(count,)] = self.query(
            "select count(*) from raw_files.sync_marks m join raw_files._dlt_loads l"
            " on l.load_id = m._dlt_load_id and l.status = 0"
        )
        return int(count)


@pytest.fixture
def office(database: str, tmp_path: Path) -> Office:
    return Office(database, tmp_path)


def by_hand(text: str) -> dict[str, tuple[Any, ...]]:
    """The file as Python's csv module reads it and a few lines understand it."""

    def amount(cell: str) -> Decimal | None:
        bare = cell.strip("$()").replace(",", "")
        return Decimal(("-" if cell.startswith("(") else "") + bare) if bare else None

    def day(cell: str) -> date | None:
        if not cell:
            return None
        if cell.isdecimal():
            return date(1899, 12, 30) + timedelta(int(cell))
        month, of_month, year = map(int, cell.split("/"))
        return date(year, month, of_month)

    found: dict[str, tuple[Any, ...]] = {}
    for row in csv.DictReader(io.StringIO(text, newline="")):
        if row["Sale Price"] == "many":
            continue
        percent = row["Commission %"].removesuffix("%").strip()
        found[row["Deal ID"]] = (
            row["Address"], row["State"], row["Zip"] or None, amount(row["Sale Price"]), "USD",
            amount(row["GCI"]), Decimal(percent) if percent else None, day(row["Close Date"]),
            {"Lender": row["Lender"]} if row["Lender"] else None,
        )  # fmt: skip
    return found


def test_raw_equals_an_independent_reading_of_the_file(office: Office) -> None:
    office.folder.add(MIXED)
    result = office.sync()
    assert (result.rows_read, result.rows_written, result.rows_rejected) == (4, 3, 1)
    held = office.live()
    assert held == by_hand(MIXED)
    assert len(held) == 3
    assert sum(row[3] for row in held.values()) == Decimal("448765.61")


@pytest.mark.parametrize("codec", ["utf-8-sig", "utf-16", "cp1252"])
def test_raw_is_the_same_in_every_encoding(office: Office, codec: str) -> None:
    office.folder.add(MIXED.replace("\n", "\r\n").replace("Elm\r\n", "Elm\n").encode(codec))
    office.sync()
    assert office.live() == by_hand(MIXED)


def test_what_is_refused_is_kept_and_what_is_unknown_is_reported(office: Office) -> None:
    office.folder.add(MIXED)
    office.sync()
    [(entity, source_id, reason, row)] = office.query(
        "select entity, source_id, reason, row from raw_files.rejected_rows"
    )
    assert (entity, source_id) == ("transactions", "deals.csv row 5")
    assert reason == "row: price: not a number with '.' as decimal mark"
    assert row["cells"]["Sale Price"] == "many"
    assert office.query("select entity, field, sample_type from raw_files.schema_drift") == [
        ("transactions", "Lender", "str")
    ]


def test_read_twice_writes_nothing(office: Office) -> None:
    office.folder.add(MIXED)
    office.sync()
    before = office.written_at()
    quiet, whole = office.sync(), office.sync(full=True)
    assert (quiet.rows_read, quiet.mode) == (0, "unchanged")
    assert (whole.rows_written, whole.rows_unchanged, whole.rows_rejected) == (0, 3, 1)
    assert office.written_at() == before
    assert office.query("select count(*) from raw_files.rejected_rows") == [(1,)]


def test_a_later_import_writes_only_what_differs(office: Office) -> None:
    office.folder.add(MIXED)
    office.sync()
    before = office.written_at()
    # other headings in another order and another notation, one price another, one row new
    office.folder.add(
        "Lender;Zip;State;City;Property Address;Close Date;GCI;Commission %;Price;Status;Deal ID\n"
        "Acme;02115;NO;Fairview;1 Elm St, Rear;2025-03-14;13500.33;3;450000.1;Closed;D1\n"
        ";32801;FL;Fairview;2 Elm St;2025-03-04;;2.875;-1234.51;Closed;D2\n"
        ";32801;FL;Fairview;5 Elm St;2025-03-04;;;7;Closed;D5\n"
    )
    result = office.sync()
    assert (result.rows_written, result.rows_unchanged, result.rows_deleted) == (2, 2, 0)
    after = office.written_at()
    assert {key for key in after if after[key] != before.get(key)} == {"D2", "D5"}
    assert office.live()["D2"][3] == Decimal("-1234.51")


def test_taking_back_ends_rows_by_tombstone_and_brings_forms_back(office: Office) -> None:
    office.folder.add(MIXED)
    office.sync()
    second = office.folder.add(
        "Deal ID,Sale Price\nD1,5\n" + "".join(f"E{n},{n}\n" for n in range(100))
    )
    office.sync()
    assert len(office.live()) == 103
    office.folder.store().undo(second.number)
    result = office.sync()
    # most of what is known is gone, and that is as it should be
    assert (result.rows_deleted, result.rows_written) == (100, 1)
    assert office.live() == by_hand(MIXED)
    office.folder.add("Deal ID,Sale Price\nE7,7\n")
    office.sync()
    assert office.live()["E7"][3] == 7


def test_a_row_refused_for_the_first_time_costs_one_more_reading_only(office: Office) -> None:
    office.folder.add("Deal ID,Sale Price\nD1,1\n")
    office.sync()
    office.folder.add("Deal ID,Sale Price\nD2,two\nD3,3\n")
    assert [office.sync().rows_rejected for _ in range(3)] == [1, 1, 0]
    assert set(office.live()) == {"D1", "D3"}


class Killed(BaseException):
    """Nobody catches it."""


@pytest.mark.parametrize(
    "place", ["pipelines.files.reader.prepare_import", "dlt.load.load.Load.complete_package"]
)
def test_a_crash_commits_nothing_and_the_next_sync_has_it_all(
    office: Office, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_args: object, **_kwargs: object) -> None:
        raise Killed

    office.folder.add("Deal ID,Sale Price\nD9,9\n")
    office.sync()
    office.folder.store().undo(1)
    office.folder.add(MIXED)
    before = office.marks()
    with monkeypatch.context() as patch:
        patch.setattr(place, die)
        with pytest.raises(Killed):
            office.sync()
    assert office.marks() == before
    office.sync()
    assert office.live() == by_hand(MIXED)


def kill_while_loading(office: Office, tmp_path: Path) -> None:
    """A sync in a process of its own, killed when its rows are there and its marks are not."""
    settings: Mapping[str, Any] = FilesSettings(dir=office.folder.root).model_dump(mode="json")
    order = {
        "vendor": "files", "agent_key": ADA, "connection_id": f"{ADA}:files", "credentials": {},
        "url": office.url, "settings": settings, "folder": str(office.dlt), "stop_in_load": True,
        "load_rows": 400_000, "ahead": 0,
    }  # fmt: skip
    path = tmp_path / "order.json"
    path.write_text(json.dumps(order))
    with subprocess.Popen(
        [sys.executable, "-m", "tests.sources.doomed", str(path)],
        cwd=ROOT, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)},
    ) as process:  # fmt: skip
        assert process.stdout is not None
        said = [line.strip() for line in iter(process.stdout.readline, "loading\n")]
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    assert sorted(said) == ["read contacts", "read listings", "read transactions"]


def test_a_killed_process_leaves_nothing_half_done(office: Office, tmp_path: Path) -> None:
    office.folder.add(MIXED)
    kill_while_loading(office, tmp_path)
    assert office.marks() == 0
    # the server needs a moment to notice that the killed session's locks are free
    office.sync(lane="onboarding", wait_seconds=60.0)
    assert office.live() == by_hand(MIXED)


def test_an_import_between_two_moments_of_a_sync_is_not_lost(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.folder.add("Deal ID,Sale Price\nD1,1\n")
    real = run.check_rows
    added: list[datetime] = []

    def check(*args: Any, **kwargs: Any) -> Any:
        if not added:
            added.append(datetime.now(UTC))
            office.folder.add("Deal ID,Sale Price\nD2,2\n")
        return real(*args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(run, "check_rows", check)
        office.sync()
    assert set(office.live()) == {"D1"}
    office.sync()
    assert set(office.live()) == {"D1", "D2"}


def test_contacts_and_listings_arrive_in_tables_of_their_own(office: Office) -> None:
    office.folder.add("MLS #,Address,List Price\nM1,1 Elm St,5\n", entity="listings")
    office.folder.add(
        'First,Last,E-mail,Phone,Tags\nBen,Example,ben@example.com,\'+1 555 0100,"a, b"\n',
        mapping_of({}),
        entity="contacts",
    )
    office.sync()
    assert office.query("select _key, street, list_price_amount from raw_files.listings") == [
        ("M1", "1 Elm St", Decimal(5))
    ]
    assert office.query("select _key, last_name, tags from raw_files.contacts") == [
        ("ben@example.com", "Example", "a, b")
    ]
