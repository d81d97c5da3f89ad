"""The folder of imports: every file that was imported, with its mapping, and nothing overwritten.

```
<folder>/<agent>/<entity>/content/<sha256>.csv       a file as it was given, under its own hash
<folder>/<agent>/<entity>/imports/000007.json        an import: file, mapping, when, how many rows
<folder>/<agent>/<entity>/imports/000007.undone.json it was taken back
```

Files appear whole or not at all: each is written beside its place and linked to it, which fails if
something is there. The number of an import says which of two is the later.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pipelines.common.errors import VendorError

_temporary = itertools.count(1)


@dataclass(frozen=True)
class Import:
    """One import. `source` is the hash of the file as given, `content` that of the file as kept:
    they differ when a column that is never stored was emptied.
    """

    agent: str
    entity: str
    number: int
    file_name: str
    imported_at: str
    source: str
    content: str
    mapping: Mapping[str, Any]
    rows: int
    refused: int
    undone_at: str | None = None

    @property
    def id(self) -> str:
        """What names it for a person: `ada-sample:transactions:7`."""
        return f"{self.agent}:{self.entity}:{self.number}"

    @property
    def in_force(self) -> bool:
        """True unless it was taken back."""
        return self.undone_at is None


class StoreBroken(VendorError):
    """The folder of imports is not as it was left."""


@dataclass(frozen=True)
class ImportStore:
    """The imports of one agent and entity. Errors are `StoreBroken`."""

    root: Path
    agent: str
    entity: str

    @property
    def _imports(self) -> Path:
        return self.root / self.agent / self.entity / "imports"

    @property
    def _contents(self) -> Path:
        return self.root / self.agent / self.entity / "content"

    def all(self) -> list[Import]:
        """All imports, the earliest first."""
        with _readable(self._imports):
            if not self._imports.is_dir():
                return []
            names = sorted(p.name for p in self._imports.iterdir() if not p.name.startswith("."))
            found = [
                self._read(name, undone=f"{name.removesuffix('.json')}.undone.json" in names)
                for name in names
                if not name.endswith(".undone.json")
            ]
        for number, record in enumerate(found, 1):
            if record.number != number:
                raise StoreBroken(
                    f"Import {number} of {self.agent}'s {self.entity} is missing from the folder "
                    "of imports: restore it from a backup."
                )
        return found

    def in_force(self) -> list[Import]:
        """The imports that were not taken back, the earliest first."""
        return [record for record in self.all() if record.in_force]

    def content(self, record: Import) -> bytes:
        """The file of an import as kept."""
        path = self._contents / f"{record.content}.csv"
        with _readable(path):
            content = path.read_bytes()
        if digest(content) != record.content:
            raise StoreBroken(
                f"The kept file of import {record.id} was changed: restore it from a backup, or "
                f"take the import back with `brokerage import --undo {record.id}`."
            )
        return content

    def same(self, source: str, mapping: Mapping[str, Any]) -> Import | None:
        """The import in force of this very file with this very mapping."""
        for record in self.in_force():
            if record.source == source and record.mapping == mapping:
                return record
        return None

    def keep(
        self,
        *,
        file_name: str,
        source: str,
        content: bytes,
        mapping: Mapping[str, Any],
        rows: int,
        refused: int,
    ) -> Import:
        """Keep a file as the latest import."""
        name = digest(content)
        with _readable(self._imports):
            self._contents.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._imports.mkdir(parents=True, exist_ok=True, mode=0o700)
            _publish(self._contents / f"{name}.csv", content)
            while True:
                record = Import(
                    agent=self.agent,
                    entity=self.entity,
                    number=len(self.all()) + 1,
                    file_name=file_name,
                    imported_at=datetime.now(UTC).isoformat(timespec="seconds"),
                    source=source,
                    content=name,
                    mapping=mapping,
                    rows=rows,
                    refused=refused,
                )
                told = {k: v for k, v in asdict(record).items() if k != "undone_at"}
                # another import that takes the number at the same moment is the earlier one
                if _publish(self._path(record.number), _json(told)):
                    return record

    def undo(self, number: int) -> bool:
        """Take an import back; False if it was before."""
        path = self._path(number)
        with _readable(path):
            moment = datetime.now(UTC).isoformat(timespec="seconds")
            return _publish(path.with_suffix(".undone.json"), _json({"undone_at": moment}))

    def _path(self, number: int) -> Path:
        return self._imports / f"{number:06}.json"

    def _read(self, name: str, *, undone: bool) -> Import:
        path = self._imports / name
        undone_at = None
        if undone:
            undone_at = json.loads(path.with_suffix(".undone.json").read_bytes())["undone_at"]
        return Import(**json.loads(path.read_bytes()), undone_at=undone_at)


def digest(content: bytes) -> str:
    """SHA-256 in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def fingerprint(records: list[Import]) -> str:
    """What a set of imports comes to, in sixteen hexadecimal digits."""
    told = [(record.number, record.content, record.mapping) for record in records]
    return digest(_json(told))[:16]


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreBroken(
            f"The folder of imports cannot be used ({error.strerror} at {path.name}): give this "
            "user the right to read and write it, or set BROKERAGE_FILES_DIR."
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise StoreBroken(
            f"A file in the folder of imports is damaged (at {path.name}): restore it from a "
            "backup."
        ) from error


def _json(value: Any) -> bytes:
    return (json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True) + "\n").encode()


def _publish(path: Path, content: bytes) -> bool:
    """Put a file in its place, whole and for its owner only; False if there is one."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{next(_temporary)}")
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.link(temporary, path)
    except FileExistsError:
        return False
    finally:
        temporary.unlink()
    return True
