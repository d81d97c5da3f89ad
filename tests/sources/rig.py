"""A sandbox, a warehouse and the engine between them, for the tests of this folder.

A `Case` is what the suite has to know about a vendor; a `Rig` syncs that vendor into a database
and tells how its raw tables differ from the sandbox's truth. The engine lives on the sandbox's
calendar, and whoever waits in it finds that the time has passed already.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, tzinfo
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from psycopg2 import sql

from brokerage.database.engine import LIBPQ_DRIVER, LOADER, build_url
from pipelines.common import run
from pipelines.common.account import Account, CredentialProvider, StaticCredentials
from pipelines.common.budget import Rate
from pipelines.common.entity import Vendor
from pipelines.common.http import VendorHttp, VendorSettings
from pipelines.common.load import prepare_raw
from pipelines.common.model import columns_of
from pipelines.common.reading import EntityResult, SyncReport
from sandbox.box import Sandbox

Row = Mapping[str, Any]
ADA, BEN, CORA = "ada-sample", "ben-example", "cora-upline"
AGENTS = (ADA, BEN, CORA)
HOUSE = "house"
"""The brokerage itself: the only account of a vendor that no agent has one at."""
NO_LIMIT = Rate(10**9, 10.0, 64)


class NotSent:
    """Stands for a value that the vendor keeps to itself, so that no raw table can hold it."""


@dataclass(frozen=True)
class Change:
    """Something that happens at the vendor. `late` names the entities of which the contract lets
    an increment miss it, so that only a full reading brings it.
    """

    name: str
    play: Callable[[Sandbox], object]
    late: frozenset[str] = frozenset()


@dataclass(frozen=True)
class LateCommit:
    """`late` happened `by` before `newer`, and the vendor shows it only after that was read.

    Without an overlap the increments of `entity` would never have it.
    """

    entity: str
    by: timedelta
    newer: Callable[[Sandbox], object]
    late: Callable[[Sandbox], object]


@dataclass(frozen=True)
class Case:
    """A vendor as the suite sees it.

    `entities` is the documented list. `shown` reads a field of the truth out of a raw row where it
    is no column of its own. `control` compares what the truth has as sums only. `listed` is an
    entity that is read by a paged list, `path` the pattern of that list's requests, `row_number`
    and `row_text` fields of it that are a number and an open set of words. `skip` requests of that
    list are no pages of a first reading, and `first_pages` is how many of those that follow may be
    spoiled to spoil one row (None: all, it is a single page). `broken_key` is what is said about a
    refused key. `most_calls` is how many requests a quiet increment of one account may take.
    `departure` gives an entity, the key of one of its rows and a way to delete it for good.
    Deletions in `only_when_asked` are found by a full reading that somebody asked for, never by
    themselves.
    `row_id` is the list's key as sent; if it `reads_again`, a row whose key was lost is asked for
    by itself in the same sync. `load_rows` cuts a first reading into several loads.
    A key that was revoked comes back by the change `restore_key`, or by `revoke_key` itself if
    `revoke_restores`. `expired` gives by entity the keys of rows that the vendor keeps no more:
    only an earlier reading can hold them.
    `spoil` is the part of the credential that a wrong key is put into, `methods` what may be sent,
    `renewal` is what a credential is renewed with, where a wrong one must be wrong as well.
    Entities in `later` have no rows on the first day: only a change brings some.
    `account_id` who a credential belongs to; `knows_owner` is False if an answer never tells that.
    `agents` are those who have an account, the one whose account the tests read first; a vendor of
    the brokerage's own has one account.
    `limit` is a rate, in requests per `window` seconds, that a first reading of Ada's fills for
    some windows, `limited_as` what the sandbox calls it; `refusal` is the fault that refuses her
    credential from now on, `closed` one that closes the list to her. `public` are parts of the
    credential that are no secret, `asks` is the method of the list's requests. `together` says that
    all changes may be played before one sync: none hides another or ends most of a table.
    `late_commits` is what the overlaps are for. `unsent` gives by entity the columns that the
    sandbox fills in no row, and why.
    """

    vendor: Vendor
    entities: tuple[str, ...]
    settings: Callable[[Sandbox], VendorSettings]
    listed: str
    path: str
    row_number: str
    row_text: str
    broken_key: str
    most_calls: int
    skip: int
    changes: tuple[Change, ...]
    departure: Callable[[Sandbox], tuple[str, str, Callable[[], object]]]
    limit: int
    account_id: Callable[[Sandbox, str], str]
    refusal: Mapping[str, Any]
    agents: tuple[str, ...] = AGENTS
    window: float = 10.0
    limited_as: str = "global"
    spoil: str = "api_key"
    renewal: str | None = None
    later: frozenset[str] = frozenset()
    row_id: str = "id"
    first_pages: int | None = None
    reads_again: bool = False
    load_rows: int = 100
    methods: frozenset[str] = frozenset({"GET"})
    asks: str = "GET"
    public: frozenset[str] = frozenset()
    closed: Mapping[str, Any] = field(default_factory=lambda: {"kind": "status", "status": 403})
    knows_owner: bool = True
    only_when_asked: frozenset[str] = frozenset()
    revoke_restores: bool = False
    expired: Callable[[Sandbox, str], Mapping[str, Collection[str]]] = lambda _box, _agent: {}
    shown: Mapping[tuple[str, str], Callable[[Row], Any]] = field(default_factory=dict)
    control: Callable[[Rig, str], Iterable[str]] = lambda _rig, _agent: ()
    together: bool = True
    late_commits: tuple[LateCommit, ...] = ()
    unsent: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.vendor.name

    @property
    def first(self) -> str:
        """Whose account a test reads if it does not matter whose."""
        return self.agents[0]

    @property
    def pair(self) -> tuple[str, ...]:
        """Two who are read together; one where there is only one account."""
        return self.agents[:2]

    def truth(self, box: Sandbox, agent: str) -> dict[str, dict[str, Row]]:
        """The truth as `{entity: {key: {field: value}}}`."""
        with box.lock:
            entities = box.books[self.name].truth(agent)["entities"]
        return {name: rows.get("rows", rows) for name, rows in entities.items()}


class FlyingClock:
    """A stopwatch on which waiting takes no time: the time is there when somebody waits for it."""

    def __init__(self) -> None:
        self._ahead = 0.0
        self._lock = threading.Lock()
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return time.monotonic() + self._ahead

    def wait(self, condition: threading.Condition, seconds: float | None) -> None:
        if seconds is None:
            condition.wait(30)
        else:
            self._fly(seconds)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self._fly(seconds)

    def _fly(self, seconds: float) -> None:
        with self._lock:
            self._ahead += max(0.0, seconds)


def calendar_of(box: Sandbox) -> type[datetime]:
    """A `datetime` whose now is the sandbox's."""

    class Calendar(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            return box.clock.now().astimezone(tz or UTC)

    return Calendar


class Rig:
    """See the module's text. `url` connects as the loader; raw tables may be `prepared` already."""

    def __init__(
        self, case: Case, box: Sandbox, database: str, folder: Path, *, prepared: bool = False
    ) -> None:
        self.case = case
        self.box = box
        self.database = database
        self.url = build_url(database, role=LOADER, driver=LIBPQ_DRIVER)
        self.folder = folder
        self.settings = case.settings(box).model_copy(
            update={"rates": dict.fromkeys(case.vendor.dialect.rates, NO_LIMIT)}
        )
        self.clock = FlyingClock()
        if not prepared:
            prepare_raw(case.vendor, self.url, folder)

    # -- syncing -------------------------------------------------------------------------------

    def account(self, agent: str, credentials: CredentialProvider | None = None) -> Account:
        """The connection of a sandbox agent, by default with the key of its owner."""
        own = self.box.account(agent, self.case.name)["credentials"]
        key = credentials or StaticCredentials(dict(own))
        return Account(f"{agent}:{self.case.name}", agent, self.case.name, key)

    def sync(
        self,
        *accounts: str | Account,
        lane: str = "fast",
        settings: VendorSettings | None = None,
        clock: Any = None,
        **options: Any,
    ) -> SyncReport:
        """Sync accounts, by default the first one. `full` is meant as a person means it."""
        chosen = settings or self.settings
        options.setdefault("vouched", options.get("full", False))
        http = VendorHttp(self.case.vendor.dialect, chosen, clock or self.clock)
        with closing(http):
            return run.sync(
                self.case.vendor,
                [
                    self.account(a) if isinstance(a, str) else a
                    for a in accounts or (self.case.first,)
                ],
                warehouse_url=self.url,
                settings=chosen,
                lane=lane,
                run_id=options.pop("run_id", "run"),
                pipelines_dir=self.folder,
                http=http,
                **options,
            )

    # -- looking -------------------------------------------------------------------------------

    def query(self, query: str | sql.Composable, *values: Any) -> list[tuple[Any, ...]]:
        with closing(psycopg2.connect(self.url)) as connection, connection.cursor() as cursor:
            cursor.execute(query, values)
            return cursor.fetchall()

    def rows(self, entity: str, agent: str | None = None, *, live: bool = True) -> dict[str, Row]:
        """The raw rows of a connection by key; without those that are gone if `live`."""
        with closing(psycopg2.connect(self.url)) as connection:
            return self._rows(connection, entity, agent or self.case.first, live=live)

    def _rows(
        self, connection: Any, entity: str, agent: str, *, live: bool = True
    ) -> dict[str, Row]:
        table = sql.Identifier(self.case.vendor.schema, entity)
        tombstones = sql.Identifier(self.case.vendor.schema, "tombstones")
        query = sql.SQL(
            "select r.* from {} r left join {} t on t.connection_id = r.connection_id"
            " and t.entity = %s and t.row_key = r._key and t.deleted_at >= r._synced_at"
            " where r.connection_id = %s and (t.row_key is null or not %s)"
        ).format(table, tombstones)
        with connection.cursor() as cursor:
            cursor.execute(query, (entity, f"{agent}:{self.case.name}", live))
            names = [column.name for column in cursor.description or ()]
            found = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
        return {row["_key"]: row for row in found}

    def content(self) -> dict[str, list[tuple[Any, ...]]]:
        """Everything in the vendor's tables, bookkeeping of syncs aside."""
        tables = [entity.name for entity in self.case.vendor.entities]
        return {
            table: self.query(
                sql.SQL("select * from {} order by connection_id, _key").format(
                    sql.Identifier(self.case.vendor.schema, table)
                )
            )
            for table in (*tables, "tombstones", "rejected_rows", "schema_drift")
        }

    def rejected(self) -> list[tuple[Any, ...]]:
        """(entity, source id, reason, row) of what was refused."""
        return self.query(
            f"select entity, source_id, reason, row from {self.case.vendor.schema}.rejected_rows"
            " order by 1, 2, 3"
        )

    def empty_columns(self, entity: str) -> set[str]:
        """The model's columns of an entity that hold nothing in any row of any connection."""
        columns = [column.name for column in columns_of(self.case.vendor.entity(entity).model)]
        filled = sql.SQL(", ").join(
            sql.SQL("bool_or({0}::text not in ('', '[]', '{{}}', 'null'))").format(
                sql.Identifier(name)
            )
            for name in columns
        )
        [found] = self.query(
            sql.SQL("select {} from {}").format(
                filled, sql.Identifier(self.case.vendor.schema, entity)
            )
        )
        return {name for name, has_value in zip(columns, found, strict=True) if not has_value}

    # -- comparing -----------------------------------------------------------------------------

    def differences(self, agent: str | None = None) -> list[str]:
        """How the raw tables differ from the truth, one sentence each."""
        agent = agent or self.case.first
        truth = self.case.truth(self.box, agent)
        expired = self.case.expired(self.box, agent)
        with closing(psycopg2.connect(self.url)) as connection:
            stored = {entity: self._held(connection, entity, agent) for entity in truth}
        found: list[str] = []
        for entity, wanted in truth.items():
            held = stored[entity]
            missing = wanted.keys() - held.keys() - set(expired.get(entity, ()))
            found += [f"{entity} {key}: is missing" for key in sorted(missing)]
            found += [f"{entity} {key}: is no more" for key in sorted(held.keys() - wanted.keys())]
            for key in sorted(wanted.keys() & held.keys()):
                for name, value in wanted[key].items():
                    raw = self._shown(entity, name, held[key])
                    if raw is not NotSent and not same(raw, value):
                        found.append(f"{entity} {key} {name}: {raw!r}, in truth {value!r}")
        return found + list(self.case.control(self, agent))

    def _held(self, connection: Any, entity: str, agent: str) -> dict[str, Row]:
        held = self._rows(connection, entity, agent)
        if entity == "cap_info":
            # a row per day read; the last one is the state of now
            newest = sorted(held.values(), key=lambda row: row["read_on"])
            return {row["agent_id"]: row for row in newest}
        return held

    def _shown(self, entity: str, name: str, row: Row) -> Any:
        read = self.case.shown.get((entity, name))
        return read(row) if read else row[name]

    def must_equal_truth(self, *agents: str) -> None:
        """Fails with the first differences."""
        for agent in agents or (self.case.first,):
            found = self.differences(agent)
            assert not found, f"{agent}: {len(found)} differences, such as {found[:8]}"


def same(raw: Any, wanted: Any) -> bool:
    """Whether a raw value is the truth's: amounts and instants are exact.

    The loader's CSV tells no empty text from null, so raw tables have null for both.
    """
    raw, wanted = (None if value == "" else value for value in (raw, wanted))
    if raw is None or wanted is None:
        return raw is None and wanted is None
    if isinstance(raw, datetime):
        return raw == datetime.fromisoformat(wanted)
    if isinstance(raw, date):
        return raw == date.fromisoformat(wanted)
    if isinstance(raw, Decimal):
        return raw == Decimal(str(wanted))
    return type(raw) is type(wanted) and bool(raw == wanted)


def result(report: SyncReport, entity: str, agent: str | None = None) -> EntityResult:
    """The result of one entity of one account, by default the first of its case."""
    agent = agent or next(r.agent_key for r in report.results if r.agent_key in (ADA, HOUSE))
    [found] = [r for r in report.results if r.entity == entity and r.agent_key == agent]
    return found


def sentence(report: SyncReport, entity: str) -> str:
    """The one sentence that a person reads about a failed entity."""
    failed = result(report, entity)
    assert failed.status == "failed", failed
    assert failed.error is not None
    return must_be_one_sentence(failed.error)


def must_be_one_sentence(text: str) -> str:
    """The text, if it is short, on one line, ends like a sentence and holds no code or markup."""
    assert text[0].isupper() or text.startswith("reZEN"), text
    assert text.endswith("."), text
    assert len(text) < 400, text
    assert not any(sign in text for sign in ("\n", "Traceback", "<html", "http://", "\\n")), text
    return text


def failed_entities(report: SyncReport) -> set[str]:
    """The entities that did not succeed."""
    return {failure.entity for failure in report.failures}


Rigs = Callable[..., AbstractContextManager[Rig]]


@contextmanager
def on_the_sandbox_calendar(box: Sandbox) -> Iterator[None]:
    """The engine takes its now from the sandbox."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run, "datetime", calendar_of(box))
        yield


def folder_texts(folder: Path) -> Iterator[tuple[Path, bytes]]:
    """All files below a folder with their bytes."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield path, path.read_bytes()


def only(entities: Collection[str], differences: Sequence[str]) -> bool:
    """Whether all differences are about these entities."""
    return all(text.split(" ", 1)[0] in entities for text in differences)
