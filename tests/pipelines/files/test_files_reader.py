"""What a reading makes of a folder of imports: the latest row of each key, and what is gone."""

from __future__ import annotations

import shutil
from pathlib import Path

import httpx
import pytest

from pipelines.common.errors import VendorError
from pipelines.files import mapping
from pipelines.files.client import FilesSettings
from pipelines.files.models import Transaction
from pipelines.files.source import FILES
from tests.pipelines.files.files_support import Folder
from tests.pipelines.in_memory import Connection, Outcome


def no_request(_request: httpx.Request) -> httpx.Response:
    raise AssertionError("imports are not read over the wire")


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "imports")


@pytest.fixture
def ada(folder: Folder) -> Connection:
    return Connection(FILES, no_request, FilesSettings(dir=folder.root), {})


def prices(ada: Connection) -> dict[str, str]:
    live = ada.warehouse.rows["transactions"]
    return {key: str(row["price"].amount) for key, row in live.items()}


def again(ada: Connection) -> Outcome:
    ada.later(hours=1)
    return ada.read("transactions")


def deals(**rows: object) -> str:
    return "Deal ID,Sale Price\n" + "".join(f"{key},{price}\n" for key, price in rows.items())


def test_of_each_key_the_latest_row_counts(ada: Connection, folder: Folder) -> None:
    folder.add(deals(D1=1, D2=2))
    folder.add(deals(D2=22, D3=3))
    first = ada.read("transactions")
    assert prices(ada) == {"D1": "1", "D2": "22", "D3": "3"}
    assert (first.reading.complete, first.reading.vendor_count) == (True, 3)
    assert len(first.rows) == 3


def test_a_folder_that_did_not_change_is_not_read(
    ada: Connection, folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.add(deals(D1=1))
    ada.read("transactions")
    with monkeypatch.context() as patch:
        patch.delattr("pipelines.files.store.ImportStore.content")
        quiet = again(ada)
    assert (quiet.rows, quiet.gone, quiet.reading.mode) == ([], set(), "unchanged")
    assert not quiet.reading.complete
    assert prices(ada) == {"D1": "1"}
    assert ada.read("transactions", full=True).rows


def test_a_new_import_is_read_with_all_before_it(ada: Connection, folder: Folder) -> None:
    folder.add(deals(D1=1, D2=2))
    ada.read("transactions")
    folder.add(deals(D1=11))
    assert not again(ada).gone
    assert prices(ada) == {"D1": "11", "D2": "2"}


def test_taking_back_brings_earlier_rows_back_and_ends_the_others(
    ada: Connection, folder: Folder
) -> None:
    folder.add(deals(D1=1, D2=2))
    second = folder.add(deals(D2=22, D3=3, D4=4))
    ada.read("transactions")
    folder.store().undo(second.number)
    assert again(ada).gone == {"D3", "D4"}
    assert prices(ada) == {"D1": "1", "D2": "2"}
    folder.store().undo(1)
    assert again(ada).gone == {"D1", "D2"}
    assert prices(ada) == {}


def test_a_refused_row_neither_hides_an_earlier_one_nor_keeps_it_alive(
    ada: Connection, folder: Folder
) -> None:
    first = folder.add(deals(D1=1, D2=2))
    folder.add(deals(D1="one", D3=3))
    found = ada.read("transactions")
    assert prices(ada) == {"D1": "1", "D2": "2", "D3": "3"}
    [refused] = found.rejected
    assert refused.source_id == "deals.csv row 2"
    assert refused.reason == "row: price: not a number with '.' as decimal mark"
    assert refused.row["cells"] == {"Deal ID": "D1", "Sale Price": "one"}
    folder.store().undo(first.number)
    assert again(ada).gone == {"D1", "D2"}


def test_entities_do_not_mix(ada: Connection, folder: Folder) -> None:
    folder.add("Contact ID,Name\nC1,Ben Example\n", entity="contacts")
    assert ada.read("transactions").rows == []
    assert [row["name"] for row in ada.read("contacts").rows] == ["Ben Example"]


def test_a_lost_folder_ends_nothing(ada: Connection, folder: Folder) -> None:
    folder.add(deals(D1=1))
    folder.add(deals(D2=2))
    ada.read("transactions")
    shutil.rmtree(folder.root)
    for full in (False, True):
        with pytest.raises(VendorError, match="does not hold the 2 imports of transactions"):
            ada.read("transactions", full=full)
    assert prices(ada) == {"D1": "1", "D2": "2"}


def test_another_folder_ends_nothing(ada: Connection, folder: Folder) -> None:
    folder.add(deals(D1=1))
    ada.read("transactions")
    shutil.rmtree(folder.root)
    folder.add(deals(D7=7))
    folder.add(deals(D8=8))
    with pytest.raises(VendorError, match="does not hold the 1 imports of transactions"):
        again(ada)
    assert prices(ada) == {"D1": "1"}


def test_an_import_that_the_models_no_longer_take_fails_with_its_name(
    ada: Connection, folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.add(deals(D1=1))
    known = mapping.kinds_of(FILES.entity("transactions"))
    assert set(known) == set(Transaction.model_fields) - {"row_key"}
    del known["price"]
    monkeypatch.setattr(mapping, "kinds_of", lambda _entity: known)
    with pytest.raises(VendorError, match="Import ada-sample:transactions:1 can no longer be read"):
        ada.read("transactions")
