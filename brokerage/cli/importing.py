"""Bringing a CSV file in: look at it, say what it would do, keep it, sync it.

What a dry run says and what a sync does come from the same functions of `pipelines.files`.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from brokerage.cli.session import Session
from brokerage.cli.watching import watching
from brokerage.errors import BrokerageError, ConfigurationError

if TYPE_CHECKING:
    from pipelines.common.entity import Entity
    from pipelines.files.mapping import ColumnMapping, Plan
    from pipelines.files.preparing import Prepared, Refusal
    from pipelines.files.store import Import, ImportStore
    from pipelines.files.table import Table

VENDOR = "files"
ENTITIES = ("transactions", "listings", "contacts")


@dataclass(frozen=True)
class Opened:
    """A file with the mapping that fits it and what its rows come to."""

    file_name: str
    content: bytes
    entity: Entity
    given: ColumnMapping
    table: Table
    plan: Plan
    prepared: Prepared

    @property
    def to_keep(self) -> tuple[bytes, dict[str, Any]]:
        """The file and the mapping as they are kept: columns that are never stored are emptied."""
        from pipelines.files.table import without

        told = self.plan.mapping.to_dict()
        if not self.plan.denied:
            return self.content, told
        kept = without(self.table, self.plan.denied)
        return kept, {**told, "delimiter": ",", "encoding": "utf-8"}


@dataclass(frozen=True)
class Counts:
    """What a file would do to the rows that are loaded; `left_out` rows hold nothing to load."""

    new: int
    changed: int
    unchanged: int
    refused: int
    left_out: int


@dataclass(frozen=True)
class Loaded:
    """What the sync did to the entity, as it says itself. Counts are rows."""

    written: int = 0
    unchanged: int = 0
    gone: int = 0
    refused: int = 0


@dataclass(frozen=True)
class Comparison:
    """The counts, and by row number whether a row is new, changed or unchanged."""

    counts: Counts
    changes: Mapping[int, str] = field(repr=False)


# -- the file --------------------------------------------------------------------------------------


def find_entity(name: str) -> Entity:
    """The entity of that name. Raises ConfigurationError with those that there are."""
    from pipelines.files.source import FILES

    try:
        return FILES.entity(name)
    except KeyError:
        raise ConfigurationError(
            f"{name!r} cannot be imported: use --entity {', '.join(ENTITIES)}."
        ) from None


def open_mapping(
    path: Path | None,
    *,
    currency: str | None = None,
    decimal: str | None = None,
    date_format: Sequence[str] = (),
) -> ColumnMapping:
    """The mapping in a file, empty without one; what is given besides wins over it."""
    from pipelines.files.errors import ImportRefused
    from pipelines.files.mapping import ColumnMapping, mapping_of, read_mapping

    said = {"currency": currency, "decimal": decimal, "date_format": list(date_format)}
    wanted = {name: value for name, value in said.items() if value}
    try:
        found = ColumnMapping() if path is None else read_mapping(_read(path).decode("utf-8-sig"))
        return mapping_of({**found.to_dict(), **wanted})
    except UnicodeDecodeError:
        raise ConfigurationError(f"{path} is not UTF-8: save it anew.") from None
    except ImportRefused as refused:
        raise ConfigurationError(str(refused)) from refused


def open_file(path: Path, entity: Entity, given: ColumnMapping) -> Opened:
    """Read and prepare a file.

    Raises:
        ConfigurationError: when the file or its mapping cannot be used.
    """
    from pipelines.files.errors import ImportRefused
    from pipelines.files.preparing import prepare
    from pipelines.files.reader import open_table

    content = _read(path)
    try:
        table, plan = open_table(entity, content, given)
    except ImportRefused as refused:
        raise ConfigurationError(str(refused)) from refused
    prepared = prepare(entity, table, plan, path.name)
    return Opened(path.name, content, entity, given, table, plan, prepared)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigurationError(
            f"{path} cannot be read ({error.strerror}): check its name."
        ) from error


def write_report(path: Path, refusals: Sequence[Refusal]) -> None:
    """The refused rows as CSV, one line per reason."""
    try:
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["row", "column", "value", "reason"])
            writer.writerows((r.row, r.column, r.value, r.reason) for r in refusals)
    except OSError as error:
        raise ConfigurationError(
            f"The report {path} cannot be written ({error.strerror}): name another file."
        ) from error


def write_mapping(path: Path, mapping: ColumnMapping) -> None:
    """A mapping as YAML; a file that is there is left alone."""
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(mapping.to_yaml())
    except FileExistsError:
        raise ConfigurationError(f"{path} is there already: name another file.") from None
    except OSError as error:
        raise ConfigurationError(
            f"The mapping {path} cannot be written ({error.strerror}): name another file."
        ) from error


# -- the warehouse ---------------------------------------------------------------------------------


def compare(session: Session, agent: str, opened: Opened) -> Comparison:
    """Hold the file's rows against those that are loaded for the agent."""
    prepared = opened.prepared
    held = _held(session, agent, opened.entity.name, [row.key for row in prepared.good])
    changes = {
        row.number: "new"
        if row.key not in held
        else ("unchanged" if held[row.key] == row.hash else "changed")
        for row in prepared.good
    }
    said = list(changes.values())
    counts = Counts(
        new=said.count("new"),
        changed=said.count("changed"),
        unchanged=said.count("unchanged"),
        refused=prepared.refused,
        left_out=len(prepared.left_out),
    )
    return Comparison(counts, changes)


def _held(session: Session, agent: str, entity: str, keys: list[str]) -> dict[str, str]:
    """The hashes of those rows that are loaded, by key; none before the first load."""
    from sqlalchemy import text

    from brokerage.control.repository import connection_id
    from brokerage.database.engine import LIBPQ_DRIVER, LOADER, role_url
    from pipelines.common.warehouse import RawStore
    from pipelines.files.source import FILES

    with session.engine.connect() as connection:
        made = connection.scalar(text("select to_regclass('raw_files.sync_marks') is not null"))
    if not made:
        return {}
    name = connection_id(agent, VENDOR)
    url = role_url(LOADER, session.settings, driver=LIBPQ_DRIVER)
    raw = RawStore(FILES, url, [name], size=1)
    try:
        return raw.hashes(name, entity, keys)
    finally:
        raw.close()


def ready_agent(session: Session, agent: str) -> None:
    """Make the agent and the connection for files if they are missing.

    Raises:
        ConfigurationError: when the connection is there but may not be read.
    """
    from brokerage.cli.connecting import connect_account, find_vendor
    from brokerage.control.repository import connection_id

    known = session.repository.connection(connection_id(agent, VENDOR))
    if known is None:
        record = session.repository.agent(agent)
        name = record.display_name if record else agent
        connect_account(session, agent, find_vendor(VENDOR), {}, name=name)
    elif known.status != "active":
        raise ConfigurationError(
            f"The connection {known.connection_id} is {known.status.replace('_', ' ')}, so nothing "
            f"was imported: make it active with `brokerage connect {agent} {VENDOR}`."
        )


def store_of(session: Session, agent: str, entity: str) -> ImportStore:
    """The agent's imports of an entity."""
    from pipelines.files.store import ImportStore

    return ImportStore(session.settings.files_dir, agent, entity)


def known_import(session: Session, opened: Opened, agent: str) -> Import | None:
    """The import in force of this very file with this mapping, if there is one."""
    from pipelines.files.store import digest

    _, mapping = opened.to_keep
    return store_of(session, agent, opened.entity.name).same(digest(opened.content), mapping)


def keep(session: Session, opened: Opened, agent: str) -> Import:
    """Keep a file as the agent's latest import."""
    from pipelines.files.store import digest

    content, mapping = opened.to_keep
    record = store_of(session, agent, opened.entity.name).keep(
        file_name=opened.file_name,
        source=digest(opened.content),
        content=content,
        mapping=mapping,
        rows=len(opened.prepared.good),
        refused=opened.prepared.refused,
    )
    session.log.event(
        "files.imported",
        f"{opened.file_name} is kept as import {record.id}.",
        source="cli",
        agent_key=agent,
    )
    return record


def sync(session: Session, record: Import, *, build: bool, done: str = "kept") -> Loaded:
    """Read the agent's imports by the same assets as the schedules.

    Raises:
        BrokerageError: when the rows did not arrive; what was `done` to the import stays.
    """
    from brokerage.cli import running

    with watching() as listener:
        report = running.sync(session, listener, vendors=[VENDOR], agents=[record.agent])
    if not report.succeeded:
        raise BrokerageError(
            f"Import {record.id} is {done}, but the sync after it failed; try it again with "
            f"`brokerage sync --vendor {VENDOR} --agent {record.agent}`: "
            f"{' · '.join(report.failures)}."
        )
    if build:
        with watching() as listener:
            running.build(session, listener).raise_if_failed()
    return _loaded(session, record, report.run_ids)


def _loaded(session: Session, record: Import, run_ids: Sequence[str]) -> Loaded:
    from sqlalchemy import text

    from brokerage.control.repository import connection_id

    query = text(
        "select rows_written, rows_unchanged, rows_deleted, rows_rejected from control.sync_mark "
        "where vendor = :vendor and connection_id = :connection and entity = :entity "
        "and run_id = any(:runs)"
    )
    parameters = {
        "vendor": VENDOR,
        "connection": connection_id(record.agent, VENDOR),
        "entity": record.entity,
        "runs": list(run_ids),
    }
    with session.engine.connect() as connection:
        row = connection.execute(query, parameters).one_or_none()
    if row is None:
        raise BrokerageError(
            f"Import {record.id} is noted, but no sync tells that it was read: run `brokerage sync "
            f"--vendor {VENDOR} --agent {record.agent}`."
        )
    return Loaded(*row)


# -- taking back -----------------------------------------------------------------------------------


def imports_of(session: Session, agent: str) -> list[Import]:
    """All imports of an agent, entity by entity, the earliest first."""
    return [record for name in ENTITIES for record in store_of(session, agent, name).all()]


def find_import(session: Session, name: str) -> Import:
    """The import of that name. Raises ConfigurationError if there is none."""
    from brokerage.control.repository import check_agent_key

    agent, _, rest = name.partition(":")
    entity, _, number = rest.partition(":")
    if entity in ENTITIES and number.isdecimal():
        for record in store_of(session, check_agent_key(agent), entity).all():
            if record.number == int(number):
                return record
    raise ConfigurationError(
        f"There is no import {name!r}: see `brokerage import --list AGENT`, which shows names such "
        "as ada-sample:transactions:7."
    )


def undo(session: Session, record: Import, *, build: bool) -> Loaded:
    """Take an import back: rows known only from it are gone, earlier forms of others return."""
    ready_agent(session, record.agent)
    store_of(session, record.agent, record.entity).undo(record.number)
    session.log.event(
        "files.undone",
        f"Import {record.id} ({record.file_name}) was taken back.",
        source="cli",
        agent_key=record.agent,
    )
    return sync(session, record, build=build, done="taken back")
