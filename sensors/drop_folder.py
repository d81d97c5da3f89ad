"""Files that somebody drops into a folder are imported as `brokerage import` would do it.

```
<drop folder>/<agent>/<entity>/people.csv             dropped
<drop folder>/<agent>/<entity>/people.mapping.yaml    how its columns are named, if need be
<drop folder>/<agent>/<entity>/mapping.yaml           the same for files without their own
<drop folder>/<agent>/<entity>/done/...               imported, with a report if rows were refused
<drop folder>/<agent>/<entity>/refused/...            not imported, with a report that says why
```

Columns that are never stored are empty in what is moved, but in a file that cannot be read at all.

A file is taken once it has not changed between two looks. It is kept as an import first and moved
then, so that a death in between only repeats what changes nothing.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg

from assets.partitions import AGENTS, agents_partitions, range_tags, to_ranges
from brokerage.control.repository import connection_id
from brokerage.settings import get_settings
from pipelines.common.entity import Entity
from pipelines.common.errors import VendorError
from pipelines.files.errors import ImportRefused
from pipelines.files.mapping import ColumnMapping, read_mapping
from pipelines.files.preparing import Refusal, prepare
from pipelines.files.reader import open_table
from pipelines.files.source import FILES
from pipelines.files.store import ImportStore, digest
from pipelines.files.table import without
from resources.connections import ACTIVE, ConnectionsResource
from sensors.jobs import manual_job_name

if TYPE_CHECKING:
    from dagster._core.definitions.unresolved_asset_job_definition import (
        UnresolvedAssetJobDefinition,
    )

DONE, REFUSED = "done", "refused"
JOB = manual_job_name(FILES.name)
_MOST_BYTES = 200 * 1024 * 1024

Stamp = tuple[int, int]


@dataclass(frozen=True)
class Dropped:
    """A file in the drop folder: for whom, and of what."""

    path: Path
    agent: str
    entity: str

    @property
    def stamp(self) -> Stamp:
        """What changes while the file is still being written."""
        found = self.path.stat()
        return found.st_size, found.st_mtime_ns

    @property
    def mapping_path(self) -> Path:
        """Where a mapping for the file would be."""
        return self.path.with_suffix(".mapping.yaml")

    @property
    def common_mapping_path(self) -> Path:
        """Where a mapping for all files of the folder would be."""
        return self.path.with_name("mapping.yaml")


@dataclass(frozen=True)
class Taken:
    """What became of a dropped file; `import_id` is None if it was refused as a whole."""

    dropped: Dropped
    import_id: str | None
    rows: int
    refused: int


def find_dropped(folder: Path) -> list[Dropped]:
    """The CSV files that lie where files are dropped, by path."""
    return [
        Dropped(path, path.parts[-3], path.parts[-2])
        for path in sorted(folder.glob("*/*/*.csv"))
        if path.is_file() and not path.name.startswith(".")
    ]


def settled(found: Sequence[Dropped], seen: Mapping[str, Sequence[int]]) -> list[Dropped]:
    """The files that are as they were at the last look."""
    return [file for file in found if tuple(seen.get(str(file.path), ())) == file.stamp]


def take(file: Dropped, files_dir: Path) -> Taken:
    """Import one file and move it away.

    Raises:
        ImportRefused: when it cannot be imported; it is moved to `refused` before.
    """
    entity = FILES.entity(file.entity)
    try:
        if file.path.stat().st_size > _MOST_BYTES:
            raise ImportRefused("The file has more than 200 MB: import it in parts.")
        content = file.path.read_bytes()
        given = _mapping(file)
        taken, refusals, kept = _keep(file, entity, content, given, files_dir)
    except ImportRefused as refused:
        _move(file, REFUSED, [Refusal(0, "", "", str(refused))])
        raise
    where = DONE if taken.import_id is not None else REFUSED
    _move(file, where, refusals, None if kept == content else kept)
    return taken


def _mapping(file: Dropped) -> ColumnMapping:
    path = next((p for p in (file.mapping_path, file.common_mapping_path) if p.exists()), None)
    if path is None:
        return ColumnMapping()
    try:
        return read_mapping(path.read_text("utf-8-sig"))
    except UnicodeDecodeError:
        raise ImportRefused("The mapping is not UTF-8: save it anew.") from None


def _keep(
    file: Dropped, entity: Entity, content: bytes, given: ColumnMapping, files_dir: Path
) -> tuple[Taken, Sequence[Refusal], bytes]:
    """What became of the file, why rows of it are refused, and the file as it may be kept."""
    table, plan = open_table(entity, content, given)
    prepared = prepare(entity, table, plan, file.path.name)
    mapping = plan.mapping.to_dict()
    kept = content
    if plan.denied:
        kept = without(table, plan.denied)
        mapping = {**mapping, "delimiter": ",", "encoding": "utf-8"}
    if not prepared.good:
        return Taken(file, None, 0, prepared.refused), prepared.refusals, kept
    store = ImportStore(files_dir, file.agent, file.entity)
    record = store.same(digest(content), mapping) or store.keep(
        file_name=file.path.name,
        source=digest(content),
        content=kept,
        mapping=mapping,
        rows=len(prepared.good),
        refused=prepared.refused,
    )
    taken = Taken(file, record.id, len(prepared.good), prepared.refused)
    return taken, prepared.refusals, kept


def _move(
    file: Dropped, where: str, refusals: Sequence[Refusal], emptied: bytes | None = None
) -> None:
    """Put the file, its mapping and a report of what was refused out of the way.

    With `emptied`, that is what is put there, and the file itself is deleted.
    """
    folder = file.path.parent / where
    folder.mkdir(exist_ok=True)
    stem = f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{file.path.stem}"
    if refusals:
        text = io.StringIO(newline="")
        writer = csv.writer(text)
        writer.writerow(["row", "column", "value", "reason"])
        writer.writerows((r.row or "", r.column, r.value, r.reason) for r in refusals)
        (folder / f"{stem}.reasons.csv").write_text(text.getvalue(), "utf-8")
    if file.mapping_path.exists():
        file.mapping_path.replace(folder / f"{stem}.mapping.yaml")
    target = folder / f"{stem}.csv"
    if emptied is None:
        file.path.replace(target)
        return
    target.touch(mode=0o600)
    target.write_bytes(emptied)
    shutil.copymode(file.path, target)
    file.path.unlink()


def why_not(file: Dropped, connections: ConnectionsResource) -> str | None:
    """Why a file cannot be taken where it lies; None if it can."""
    if file.entity not in {entity.name for entity in FILES.entities}:
        names = ", ".join(entity.name for entity in FILES.entities)
        return f"its folder is none of {names}: move it"
    if connections.repository.agent(file.agent) is None:
        return "its folder names no agent: see `brokerage agents`"
    known = connections.repository.connection(connection_id(file.agent, FILES.name))
    if known is not None and known.status != ACTIVE:
        return (
            f"the connection {known.connection_id} is {known.status.replace('_', ' ')}: make it "
            f"active with `brokerage connect {file.agent} {FILES.name}`"
        )
    return None


def _connect(agent: str, connections: ConnectionsResource) -> None:
    """Make the agent's connection for files if there is none: nobody has to be asked."""
    repository = connections.repository
    if repository.connection(connection_id(agent, FILES.name)) is None:
        repository.save_connection(
            agent,
            FILES.name,
            account_source_id=agent,
            account_label=FILES.title,
            verified_at=datetime.now(UTC),
        )


def _report(taken: Taken, connections: ConnectionsResource) -> None:
    file = taken.dropped
    name = f"{file.agent}/{file.entity}/{file.path.name}"
    if taken.import_id is not None:
        connections.log.event(
            "files.imported",
            f"{file.path.name} is kept as import {taken.import_id}.",
            source="drop folder",
            agent_key=file.agent,
        )
    if taken.refused:
        what = "the others are imported" if taken.import_id else "nothing was imported"
        connections.log.error(
            "drop folder",
            f"{taken.refused} rows of the dropped file {name} are refused, {what}; the report "
            "beside the file says why",
            agent_key=file.agent,
            entity=file.entity,
        )


def build_files_dropped(jobs: Sequence[UnresolvedAssetJobDefinition]) -> dg.SensorDefinition:
    """The sensor that imports dropped files; `jobs` holds the job that reads imports."""

    @dg.sensor(
        name="files__dropped",
        description="Imports CSV files that were dropped into the drop folder, and reads them.",
        jobs=[job for job in jobs if job.name == JOB],
        minimum_interval_seconds=30,
        default_status=dg.DefaultSensorStatus.RUNNING,
    )
    def files_dropped(
        context: dg.SensorEvaluationContext, connections: ConnectionsResource
    ) -> dg.SensorResult | dg.SkipReason:
        settings = get_settings()
        found = find_dropped(settings.drop_dir)
        seen: dict[str, list[int]] = json.loads(context.cursor or "{}")
        left: dict[str, list[int]] = {str(file.path): [*file.stamp] for file in found}
        imported: dict[str, set[str]] = {}
        for file in settled(found, seen):
            reason = why_not(file, connections)
            if reason is not None:
                # told once: the mark keeps the file from being settled again
                left[str(file.path)] = [*file.stamp, 1]
                connections.log.error(
                    "drop folder",
                    f"The dropped file {file.agent}/{file.entity}/{file.path.name} is left where "
                    f"it is, {reason}",
                    entity=file.entity,
                )
                continue
            del left[str(file.path)]
            _connect(file.agent, connections)
            try:
                taken = take(file, settings.files_dir)
            except ImportRefused:
                # why could quote headings, and this sentence is logged
                taken = Taken(file, None, 0, 1)
                connections.log.error(
                    "drop folder",
                    f"The dropped file {file.agent}/{file.entity}/{file.path.name} cannot be "
                    "imported; the report beside it says why",
                    agent_key=file.agent,
                    entity=file.entity,
                )
            except VendorError as broken:
                left[str(file.path)] = [*file.stamp, 1]
                connections.log.error(
                    "drop folder",
                    f"The dropped file {file.agent}/{file.entity}/{file.path.name} is left where "
                    f"it is: {broken.sentence}",
                    agent_key=file.agent,
                    entity=file.entity,
                )
                continue
            else:
                _report(taken, connections)
            if taken.import_id is not None:
                imported.setdefault(file.agent, set()).add(taken.import_id)
        for path, stamp in seen.items():
            if len(stamp) == 3 and left.get(path) == stamp[:2]:
                left[path] = stamp
        return dg.SensorResult(
            run_requests=_requests(context.instance, imported),
            dynamic_partitions_requests=_new_partitions(context.instance, imported),
            cursor=json.dumps(left),
            skip_reason=None if imported else f"{len(left)} files wait, none was imported.",
        )

    return files_dropped


def _new_partitions(
    instance: dg.DagsterInstance, imported: Mapping[str, set[str]]
) -> list[dg.AddDynamicPartitionsRequest]:
    missing = sorted(set(imported) - set(instance.get_dynamic_partitions(AGENTS)))
    return [agents_partitions.build_add_request(missing)] if missing else []


def _requests(
    instance: dg.DagsterInstance, imported: Mapping[str, set[str]]
) -> list[dg.RunRequest]:
    keys = list(instance.get_dynamic_partitions(AGENTS))
    keys += sorted(set(imported) - set(keys))
    names = "\n".join(sorted(name for ids in imported.values() for name in ids))
    key = hashlib.sha256(names.encode()).hexdigest()[:24]
    return [
        dg.RunRequest(run_key=f"{key}:{chosen.start}", job_name=JOB, tags=range_tags(chosen))
        for chosen in to_ranges(keys, set(imported))
    ]
