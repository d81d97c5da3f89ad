"""Files in the drop folder are imported once, as the command line would, or say why not."""

from __future__ import annotations

import csv
import os
from pathlib import Path
from typing import Any

import pytest
from dagster import (
    DagsterInstance,
    Definitions,
    RunRequest,
    SensorResult,
    build_sensor_context,
)
from sqlalchemy.engine import Engine

from brokerage.control.log import ControlLog
from brokerage.control.repository import ControlRepository
from brokerage.settings import get_settings
from pipelines.files.store import Import, ImportStore
from resources.connections import ConnectionsResource

ADA = "ada-sample"
CONTACTS = (
    "Id,First Name,Last Name,Email\n1,Mia,Sample,mia@example.com\n2,Noah,Test,n@example.com\n"
)


class Folder:
    """The drop folder with its sensor; each tick goes on from the cursor of the last."""

    def __init__(self, defs: Definitions, instance: DagsterInstance, engine: Engine) -> None:
        self.defs = defs
        self.instance = instance
        self.engine = engine
        self.cursor: str | None = None
        self.path = get_settings().drop_dir

    def drop(self, content: str, name: str = "people.csv", where: str = f"{ADA}/contacts") -> Path:
        path = self.path / where / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, "utf-8")
        return path

    def tick(self) -> list[RunRequest]:
        with build_sensor_context(
            instance=self.instance,
            cursor=self.cursor,
            repository_def=self.defs.get_repository_def(),
            resources={"connections": ConnectionsResource()},
        ) as context:
            result: Any = self.defs.resolve_sensor_def("files__dropped")(context)
        assert isinstance(result, SensorResult)
        self.cursor = result.cursor
        for request in result.dynamic_partitions_requests or []:
            self.instance.add_dynamic_partitions("agents", list(request.partition_keys))
        return list(result.run_requests or [])

    def two_ticks(self) -> list[RunRequest]:
        assert self.tick() == []
        return self.tick()

    def imports(self, entity: str = "contacts") -> list[Import]:
        return ImportStore(get_settings().files_dir, ADA, entity).all()

    def names(self, where: str) -> list[str]:
        folder = self.path / ADA / "contacts" / where
        return sorted(p.name.partition("-")[2] for p in folder.glob("*")) if folder.exists() else []

    def errors(self) -> list[str]:
        return [str(row["message"]) for row in ControlLog(self.engine).unnotified_errors()]


@pytest.fixture
def folder(
    defs: Definitions, instance: DagsterInstance, engine: Engine, repository: ControlRepository
) -> Folder:
    repository.add_agent(ADA, "Ada Sample")
    return Folder(defs, instance, engine)


def test_a_file_is_imported_once_it_is_whole(folder: Folder, repository: ControlRepository) -> None:
    path = folder.drop(CONTACTS[:40])
    assert folder.tick() == []
    # still being written
    path.write_text(CONTACTS, "utf-8")
    os.utime(path, (1, 1))
    assert folder.tick() == []
    [request] = folder.tick()
    assert request.job_name == "files__manual"
    assert request.tags["dagster/asset_partition_range_start"] == ADA
    [record] = folder.imports()
    assert (record.rows, record.file_name) == (2, "people.csv")
    assert folder.names("done") == ["people.csv"]
    assert not path.exists()
    connection = repository.connection(f"{ADA}:files")
    assert connection is not None
    assert connection.status == "active"
    assert folder.instance.get_dynamic_partitions("agents") == [ADA]
    assert folder.errors() == []
    assert folder.two_ticks() == []


def test_the_same_file_again_is_the_same_import(folder: Folder) -> None:
    folder.drop(CONTACTS)
    [first] = folder.two_ticks()
    folder.drop(CONTACTS)
    [again] = folder.two_ticks()
    assert len(folder.imports()) == 1
    assert first.run_key == again.run_key


def test_rows_that_do_not_fit_are_reported_and_the_others_imported(folder: Folder) -> None:
    folder.drop("currency: USD\n", "mapping.yaml", f"{ADA}/transactions")
    folder.drop(
        "Deal ID,Sale Price,Closed Date\nT1,100.00,2026-01-31\nT2,a lot,2026-01-31\n",
        where=f"{ADA}/transactions",
    )
    assert len(folder.two_ticks()) == 1
    [record] = folder.imports("transactions")
    assert (record.rows, record.refused) == (1, 1)
    done = folder.path / ADA / "transactions" / "done"
    [report] = done.glob("*.reasons.csv")
    [row] = csv.DictReader(report.read_text("utf-8").splitlines())
    assert (row["row"], row["column"]) == ("3", "Sale Price")
    [error] = folder.errors()
    assert error.startswith("1 rows of the dropped file ada-sample/transactions/people.csv")
    assert "a lot" not in error


@pytest.mark.parametrize(("mail", "where"), [("mia@example.com", "done"), ("#REF!", "refused")])
def test_what_is_never_stored_is_not_left_in_the_folder_either(
    folder: Folder, mail: str, where: str
) -> None:
    path = folder.drop(f"Contact,Email,SSN,Notes\nMia,{mail},123-45-6789,ä\n")
    path.chmod(0o600)
    folder.two_ticks()
    assert len(folder.imports()) == (1 if where == "done" else 0)
    assert not path.exists()
    [left] = (path.parent / where).glob("*-people.csv")
    assert left.read_text("utf-8") == f"Contact,Email,SSN,Notes\nMia,{mail},,ä\n"
    assert left.stat().st_mode & 0o777 == 0o600
    held = [file.read_bytes() for file in folder.path.rglob("*") if file.is_file()]
    assert not any(b"123-45-6789" in content for content in held)


def test_a_file_that_cannot_be_read_is_put_aside_with_the_reason(folder: Folder) -> None:
    folder.drop("Secret Heading\nx\n")
    assert folder.two_ticks() == []
    assert folder.imports() == []
    assert folder.names("refused") == ["people.csv", "people.reasons.csv"]
    [error] = folder.errors()
    assert "Secret Heading" not in error
    assert folder.two_ticks() == []
    assert len(folder.errors()) == 1


def test_a_mapping_beside_the_file_is_used(folder: Folder) -> None:
    folder.drop("columns: {contact_id: nr, first_name: call}\n", "people.mapping.yaml")
    folder.drop("nr,call\n7,Mia\n")
    requests = folder.two_ticks()
    assert folder.errors() == []
    assert len(requests) == 1
    assert folder.imports()[0].rows == 1
    assert folder.names("done") == ["people.csv", "people.mapping.yaml"]


@pytest.mark.parametrize(
    ("where", "reason"),
    [
        ("nobody-here/contacts", "names no agent"),
        (f"{ADA}/invoices", "none of transactions, listings, contacts"),
    ],
)
def test_a_file_in_a_wrong_place_is_left_there_and_told_once(
    folder: Folder, where: str, reason: str
) -> None:
    path = folder.drop(CONTACTS, where=where)
    for _ in range(4):
        assert folder.tick() == []
    assert path.exists()
    [error] = folder.errors()
    assert reason in error


def test_a_paused_connection_takes_no_file_until_it_is_active(
    folder: Folder, repository: ControlRepository
) -> None:
    repository.save_connection(ADA, "files")
    repository.set_connection_status(f"{ADA}:files", "paused")
    path = folder.drop(CONTACTS)
    assert folder.two_ticks() == []
    assert path.exists()
    [error] = folder.errors()
    assert "is paused" in error


def test_killed_before_the_file_was_moved_nothing_is_imported_twice(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sensors.drop_folder as module

    class Killed(BaseException):
        pass

    def die(*_: object) -> None:
        raise Killed

    folder.drop(CONTACTS)
    folder.tick()
    with monkeypatch.context() as patch:
        patch.setattr(module, "_move", die)
        with pytest.raises(Killed):
            folder.tick()
    [request] = folder.tick()
    assert request.job_name == "files__manual"
    assert len(folder.imports()) == 1
    assert folder.names("done") == ["people.csv"]


def test_what_lies_elsewhere_is_not_touched(folder: Folder) -> None:
    for name, where in (
        ("notes.txt", f"{ADA}/contacts"),
        (".hidden.csv", f"{ADA}/contacts"),
        ("people.csv", f"{ADA}/contacts/done"),
        ("people.csv", ADA),
    ):
        folder.drop(CONTACTS, name, where)
    assert folder.two_ticks() == []
    assert folder.imports() == []
    assert folder.errors() == []
