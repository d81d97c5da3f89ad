"""`brokerage import` as a person or a script meets it, through the same runs as `sync`."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from sqlalchemy import text
from sqlalchemy.engine import Engine

from brokerage.settings import get_settings
from tests.brokerage.running import Outcome, Run, one_sentence

DEALS = (
    "Deal ID,Address,City,State,Zip,Status,Sale Price,Closed Date,Lender,SSN\n"
    'D1,1 Elm St,Fairview,NO,02115,Closed,"$450,000.00",03/14/2025,Acme,123-45-6789\n'
    'D2,2 Elm St,Fairview,FL,32801,Closed,"(1,234.50)",03/04/2025,,987-65-4321\n'
)
BAD = DEALS + "D3,3 Elm St,Fairview,FL,32801,Closed,hush-hush,03/04/2025,,\n"

Import = Callable[..., Outcome]


@pytest.fixture
def ada(run: Run, tmp_path: Path, engine: Engine) -> Import:
    """`brokerage import ada-sample deals.csv …` with the file's text."""

    def call(content: str, *options: str, entity: str = "transactions") -> Outcome:
        path = tmp_path / "deals.csv"
        path.write_text(content, "utf-8")
        command = ("import", "ada-sample", str(path), "--entity", entity)
        return run(*command, "--currency", "USD", "--no-build", *options)

    return call


def prices(engine: Engine) -> dict[str, Decimal]:
    """The live prices by key."""
    query = text(
        "select _key, price_amount from raw_files.transactions r where not exists ("
        "select 1 from raw_files.tombstones t where t.row_key = r._key"
        " and t.deleted_at >= r._synced_at)"
    )
    with engine.connect() as connection:
        return dict(connection.execute(query).all())


def stored(engine: Engine, *schemas: str) -> str:
    """Every row of every table of the schemas, as text."""
    tables = text(
        "select quote_ident(schemaname) || '.' || quote_ident(tablename) from pg_tables"
        " where schemaname = any(:schemas)"
    )
    with engine.connect() as connection:
        names = list(connection.execute(tables, {"schemas": list(schemas)}).scalars())
        assert names
        rows = (connection.execute(text(f"select t::text from {name} t")) for name in names)
        return "\n".join(str(row) for found in rows for row in found.scalars())


def files_of_home() -> str:
    """Every file of the home folder, the kept imports among them, as text."""
    paths = [path for path in get_settings().home.rglob("*") if path.is_file()]
    return "\n".join(path.read_text("utf-8", "replace") for path in paths)


def raw_is_untouched(engine: Engine) -> bool:
    with engine.connect() as connection:
        return connection.scalar(text("select to_regclass('raw_files.sync_marks')")) is None


def test_a_dry_run_tells_everything_and_stores_nothing(
    ada: Import, engine: Engine, tmp_path: Path
) -> None:
    report = tmp_path / "refused.csv"
    outcome = ada(BAD, "--dry-run", "--report", str(report))
    assert outcome.code == 7
    assert "1 of 3 rows of deals.csv are refused, nothing was stored" in outcome.err
    assert "price: Sale Price" in outcome.out
    assert "450,000.00 USD" in outcome.out
    assert "Kept under their heading: Lender" in outcome.err
    assert "Never stored: SSN" in outcome.err
    with report.open(newline="") as file:
        assert list(csv.reader(file)) == [
            ["row", "column", "value", "reason"],
            ["4", "Sale Price", "hush-hush", "price: not a number with '.' as decimal mark"],
        ]
    assert raw_is_untouched(engine)
    assert not get_settings().files_dir.exists()
    with engine.connect() as connection:
        assert connection.scalar(text("select count(*) from control.connections")) == 0


def test_a_dry_run_for_programs(ada: Import) -> None:
    outcome = ada(DEALS + "Total,,,,,,451234.50,,,\n", "--dry-run", "--json")
    assert outcome.code == 0
    told = json.loads(outcome.out)
    assert told["counts"] == {"new": 2, "changed": 0, "unchanged": 0, "refused": 0, "left_out": 1}
    assert told["left_out"] == [{"row": 4, "reason": "a line of totals"}]
    assert told["mapping"]["date_format"] == "%m/%d/%Y"
    [first, second] = told["preview"]
    assert (first["row"], first["change"], first["key"]) == (2, "new", "D1")
    assert second["values"]["price"] == {"amount": "-1234.5", "currency": "USD"}
    assert "987-65-4321" not in outcome.out + outcome.err


def test_an_import_loads_and_a_second_one_changes_nothing(ada: Import, engine: Engine) -> None:
    first = ada(DEALS)
    assert first.code == 0, first.err
    assert "deals.csv is import ada-sample:transactions:1: 2 rows written" in first.out
    assert prices(engine) == {"D1": Decimal(450_000), "D2": Decimal("-1234.5")}
    again = ada(DEALS)
    assert again.code == 0
    assert "is import ada-sample:transactions:1 already, and loaded: nothing changes" in again.out
    with engine.connect() as connection:
        assert (
            connection.scalar(text("select count(distinct run_id) from raw_files.sync_marks")) == 1
        )
        agents = connection.execute(
            text("select connection_id, status, auth_kind from control.connections")
        ).all()
    assert [tuple(row)[:2] for row in agents] == [("ada-sample:files", "active")]


def test_nothing_of_a_file_is_where_it_does_not_belong(ada: Import, engine: Engine) -> None:
    assert ada(BAD).code == 7
    everything = files_of_home() + stored(engine, "control", "dagster", "raw_files")
    assert everything.count("1 Elm St") >= 2, "the search does not find what is there"
    assert "123-45-6789" not in everything
    assert "987-65-4321" not in everything
    watched = stored(engine, "control", "dagster")
    assert "deals.csv is kept as import ada-sample:transactions:1" in watched
    for content in ("hush-hush", "1 Elm St", "450000", "450,000", "Acme", "Fairview"):
        assert content not in watched, content


def test_refused_rows_leave_the_others_alone_unless_it_is_strict(
    ada: Import, engine: Engine
) -> None:
    strict = ada(BAD, "--strict")
    assert strict.code == 1
    assert "1 rows of deals.csv are refused, so nothing was loaded" in strict.err
    assert raw_is_untouched(engine)
    assert not get_settings().files_dir.exists()
    loaded = ada(BAD)
    assert loaded.code == 7
    assert "the others are loaded" in loaded.err
    assert set(prices(engine)) == {"D1", "D2"}
    with engine.connect() as connection:
        found = connection.execute(text("select source_id from raw_files.rejected_rows")).scalars()
        assert list(found) == ["deals.csv row 4"]


def test_a_later_import_replaces_rows_and_undo_brings_them_back(
    ada: Import, run: Run, engine: Engine
) -> None:
    assert ada(DEALS).code == 0
    later = "Deal ID,Sale Price\nD2,7\nD3,8\nD1,450000\n"
    dry = json.loads(ada(later, "--dry-run", "--json").out)["counts"]
    assert (dry["new"], dry["changed"], dry["unchanged"]) == (1, 2, 0)
    loaded = json.loads(ada(later, "--json").out)
    assert loaded["import"] == "ada-sample:transactions:2"
    assert loaded["loaded"] == {"written": 3, "unchanged": 0, "gone": 0, "refused": 0}
    assert prices(engine) == {"D1": Decimal(450_000), "D2": Decimal(7), "D3": Decimal(8)}

    superseded = ada(DEALS)
    assert superseded.code == 0
    assert "later ones hold 2 of its rows in another form" in " ".join(superseded.out.split())
    listed = json.loads(run("import", "--list", "ada-sample", "--json").out)
    assert [(x["import"], x["rows"], x["undone_at"]) for x in listed] == [
        ("ada-sample:transactions:1", 2, None),
        ("ada-sample:transactions:2", 3, None),
    ]

    undone = run("import", "--undo", "ada-sample:transactions:2", "--no-build", "--json")
    assert undone.code == 0, undone.err
    assert json.loads(undone.out) == {"import": "ada-sample:transactions:2", "gone": 1, "back": 2}
    assert prices(engine) == {"D1": Decimal(450_000), "D2": Decimal("-1234.5")}
    assert "taken back" in run("import", "--list", "ada-sample").out
    twice = run("import", "--undo", "ada-sample:transactions:2")
    assert twice.code == 3
    assert "was taken back at" in one_sentence(twice)


def test_an_import_that_was_kept_but_not_read_is_read_when_it_comes_again(
    ada: Import, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_args: Any, **_kwargs: Any) -> Any:
        raise ValueError("a reader that stumbles")

    with monkeypatch.context() as patch:
        patch.setattr("pipelines.files.reader.prepare_import", fail)
        failed = ada(DEALS)
    assert failed.code == 1
    assert "Import ada-sample:transactions:1 is kept, but the sync after it failed" in failed.err
    assert prices(engine) == {}
    assert ada(DEALS).code == 0
    assert set(prices(engine)) == {"D1", "D2"}


def test_a_mapping_is_written_read_and_never_overwritten(ada: Import, tmp_path: Path) -> None:
    path = tmp_path / "mapping.yml"
    assert ada(DEALS, "--dry-run", "--write-mapping", str(path)).code == 0
    assert yaml.safe_load(path.read_text())["columns"]["price"] == "Sale Price"
    told = json.loads(ada(DEALS, "--dry-run", "--json", "--mapping", str(path)).out)
    assert told["counts"]["new"] == 2
    refused = ada(DEALS, "--dry-run", "--write-mapping", str(path))
    assert refused.code == 3
    assert "is there already" in one_sentence(refused)


def test_files_that_name_their_rows_differently_are_warned_of(ada: Import) -> None:
    assert ada(DEALS).code == 0
    other = ada("Address,City,Sale Price\n1 Elm St,Fairview,1\n", "--dry-run")
    assert "Warning: Import ada-sample:transactions:1 names its rows by transaction_id" in other.err


@pytest.mark.parametrize(
    ("content", "options", "code", "said"),
    [
        ("", (), 3, "The file is empty"),
        ("A,B\n1,2\n", (), 3, "No heading is known as a field of transactions"),
        ("Deal ID,Sale Price\nD1,x\n", (), 1, "has no row that can be loaded"),
        (DEALS, ("--mapping", "nowhere.yml"), 3, "nowhere.yml cannot be read"),
        (DEALS, ("--decimal", "x"), 3, "The mapping's decimal does not fit"),
        (DEALS, ("--report", "no/such/folder.csv"), 3, "cannot be written"),
    ],
)
def test_what_cannot_be_loaded_is_one_sentence(
    ada: Import, engine: Engine, content: str, options: tuple[str, ...], code: int, said: str
) -> None:
    outcome = ada(content, *options)
    assert outcome.code == code
    assert said in one_sentence(outcome)
    assert raw_is_untouched(engine)
    assert not get_settings().files_dir.exists()


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "Say whose file it is"),
        (("Ada Sample", "x.csv"), "for example ada-sample"),
        (("ada-sample",), "Name the file and what it holds"),
        (("ada-sample", "nowhere.csv", "--entity", "deals"), "'deals' cannot be imported"),
        (("ada-sample", "nowhere.csv", "--entity", "listings"), "nowhere.csv cannot be read"),
        (("--undo", "ada-sample:listings:1"), "There is no import 'ada-sample:listings:1'"),
        (("--undo", "7"), "There is no import '7'"),
    ],
)
def test_what_is_missing_is_one_sentence(run: Run, arguments: tuple[str, ...], said: str) -> None:
    outcome = run("import", *arguments)
    assert outcome.code == 3
    assert said in one_sentence(outcome)


def test_amounts_without_a_currency_are_never_loaded(
    run: Run, tmp_path: Path, database: str
) -> None:
    path = tmp_path / "deals.csv"
    path.write_text(DEALS)
    outcome = run("import", "ada-sample", str(path), "--entity", "transactions")
    assert outcome.code == 3
    assert "give --currency USD" in one_sentence(outcome)


def test_a_paused_connection_is_told_before_anything_is_kept(
    ada: Import, run: Run, engine: Engine
) -> None:
    assert run("connect", "ada-sample", "files", "--key-stdin").code == 0
    assert run("disconnect", "ada-sample").code == 0
    outcome = ada(DEALS)
    assert outcome.code == 3
    assert "ada-sample:files is paused, so nothing was imported" in outcome.err
    assert not get_settings().files_dir.exists()


def test_a_damaged_folder_is_one_sentence(ada: Import, run: Run) -> None:
    folder = get_settings().files_dir / "ada-sample" / "transactions" / "imports"
    folder.mkdir(parents=True)
    (folder / "000001.json").write_text("{")
    outcome = run("import", "--list", "ada-sample")
    assert outcome.code == 3
    assert "is damaged" in one_sentence(outcome)
