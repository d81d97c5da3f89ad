"""The folder of imports: nothing half written, nothing overwritten, nothing lost in silence."""

from __future__ import annotations

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pipelines.files.store import StoreBroken, digest, fingerprint
from tests.pipelines.files.files_support import Folder

DEALS = "Deal ID,Sale Price\nD1,1\n"
MORE = "Deal ID,Sale Price\nD2,2\n"


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "imports")


def paths(folder: Folder) -> list[Path]:
    return sorted(path for path in folder.root.rglob("*") if path.is_file())


def test_an_import_is_kept_with_its_mapping(folder: Folder) -> None:
    record = folder.add(DEALS)
    assert record.id == "ada-sample:transactions:1"
    assert (record.rows, record.refused, record.in_force) == (1, 0, True)
    assert folder.store().all() == [record]
    assert folder.store().content(record) == DEALS.encode()
    assert record.mapping["columns"] == {"transaction_id": "Deal ID", "price": "Sale Price"}
    assert folder.store().same(digest(DEALS.encode()), record.mapping) == record
    assert folder.store().same(digest(DEALS.encode()), {}) is None


def test_it_is_readable_by_its_owner_only(folder: Folder) -> None:
    folder.add(DEALS)
    assert {stat.S_IMODE(path.stat().st_mode) for path in paths(folder)} == {0o600}


def test_the_same_content_is_kept_once_and_imports_are_counted(folder: Folder) -> None:
    folder.add(DEALS)
    folder.add(MORE)
    third = folder.add(DEALS, name="again.csv")
    assert third.number == 3
    assert [record.file_name for record in folder.store().all()] == [
        *("deals.csv", "deals.csv", "again.csv"),
    ]
    assert len(list(folder.root.rglob("*.csv"))) == 2


def test_taking_back_happens_once_and_leaves_everything_there(folder: Folder) -> None:
    record = folder.add(DEALS)
    before = {path: path.read_bytes() for path in paths(folder)}
    assert folder.store().undo(1)
    assert not folder.store().undo(1)
    assert {path: path.read_bytes() for path in before} == before
    [undone] = folder.store().all()
    assert undone.undone_at is not None
    assert folder.store().in_force() == []
    assert folder.store().same(record.source, record.mapping) is None
    assert folder.add(DEALS).number == 2


def test_imports_at_the_same_moment_get_numbers_of_their_own(folder: Folder) -> None:
    texts = [f"Deal ID,Sale Price\nD{n},{n}\n" for n in range(12)]
    with ThreadPoolExecutor(6) as pool:
        records = list(pool.map(folder.add, texts))
    assert sorted(record.number for record in records) == list(range(1, 13))
    kept = {folder.store().content(record).decode() for record in folder.store().all()}
    assert kept == set(texts)


def test_a_crash_while_writing_leaves_no_import(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.add(DEALS)
    real = os.link

    def die(source: Path, target: Path) -> None:
        if Path(target).suffix == ".json":
            raise KeyboardInterrupt
        real(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "link", die)
        with pytest.raises(KeyboardInterrupt):
            folder.add(MORE)
    assert [record.number for record in folder.store().all()] == [1]
    assert folder.add(MORE).number == 2


def test_a_left_over_of_a_killed_process_is_no_import(folder: Folder) -> None:
    folder.add(DEALS)
    (folder.root / "ada-sample/transactions/imports/.000002.json.1.1").write_text("{")
    assert [record.number for record in folder.store().all()] == [1]


def test_what_was_changed_or_removed_is_noticed(folder: Folder) -> None:
    record = folder.add(DEALS)
    folder.add(MORE)
    [content] = folder.root.rglob(f"{record.content}.csv")
    content.write_text("Deal ID,Sale Price\nD1,1000000\n")
    with pytest.raises(StoreBroken, match="import ada-sample:transactions:1 was changed"):
        folder.store().content(record)
    [first] = folder.root.rglob("000001.json")
    first.unlink()
    with pytest.raises(StoreBroken, match="Import 1 of ada-sample's transactions is missing"):
        folder.store().all()
    first.write_text("{")
    with pytest.raises(StoreBroken, match=r"is damaged \(at imports\)"):
        folder.store().all()


def test_a_folder_that_cannot_be_written_is_one_sentence(folder: Folder) -> None:
    folder.root.write_text("a file where the folder should be")
    with pytest.raises(StoreBroken, match="BROKERAGE_FILES_DIR") as broken:
        folder.add(DEALS)
    assert str(folder.root.parent) not in broken.value.sentence


def test_the_fingerprint_depends_on_what_is_in_force_only(folder: Folder) -> None:
    first, second = folder.add(DEALS), folder.add(MORE)
    assert fingerprint([first, second]) == fingerprint(folder.store().in_force())
    assert len({fingerprint(x) for x in ([], [first], [second], [first, second])}) == 4
