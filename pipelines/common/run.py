"""One sync of one vendor: read many accounts at once, load them together, commit their cursors.

```
 worker threads: one per (account, entity)                       this thread
 reader ─► pages ─► skip unchanged ─► check ─► Arrow ─► queue ─► CSV per table ─► dlt ─► raw tables
                                                                 + sync_marks  (same load)
```

Reading stops while a full queue is loaded, so memory does not grow with the number of rows; a
long sync is cut into several loads, each complete in itself.
"""

from __future__ import annotations

import gc
import importlib
import queue
import shutil
import threading
import time
import traceback
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ContextDecorator, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import orjson
import psycopg2
import pyarrow as pa
from dlt.common.destination.exceptions import DestinationException
from dlt.extract.exceptions import ResourceExtractionError
from dlt.pipeline.exceptions import PipelineStepFailed

from pipelines.common.account import Account
from pipelines.common.destination import KeptConnections
from pipelines.common.entity import Entity, Read, Row, Vendor, in_reading_order
from pipelines.common.errors import AccountBroken, ResourceUnavailable, VendorError
from pipelines.common.http import CallCounter, VendorHttp, VendorSettings
from pipelines.common.load import Package, as_source, make_pipeline, workers_for
from pipelines.common.reading import (
    WEBHOOK,
    EntityResult,
    Handover,
    Memory,
    Progress,
    Reading,
    SyncReport,
    Targets,
)
from pipelines.common.rows import Rejected, check_rows, row_hash, to_batch_safely
from pipelines.common.warehouse import ConnectionMemory, RawStore, SyncLocks

LOAD_ROWS = 200_000
"""Rows after which a load is completed and the next one begun."""

PAGE_ROWS = 1_000
"""Rows that are checked together. Each call into Arrow lets other threads in, which costs more than
the call itself when there are only a hundred values in it."""

FIRST_ROWS = 100
"""Rows that are checked together at first, while the vendor makes the next page, so that few are
left for the end; where there are many, then twice as many each time, until `PAGE_ROWS`."""

QUEUE_PAGES = 16
_IMPATIENT = ("fast", WEBHOOK)
"""Lanes whose next run comes soon: they leave out an account that another sync is reading."""

GROUPS_AT_ONCE = 5_000

_IMPORTING = threading.Lock()


def _import_pandas() -> None:
    """pyarrow imports pandas at its first conversion and trips over a half-imported one.

    Two syncs that begin at the same moment in one process would do that to each other.
    """
    with _IMPORTING:
        importlib.import_module("pandas")


class _RarerCollections(ContextDecorator):
    """Let the garbage collector run rarely while any sync of this process is under way.

    Rows are acyclic, and scanning them costs a third of reading them; one look at everything that
    is imported takes 80 ms, a fifth of a small sync.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._syncs = 0
        self._before = gc.get_threshold()

    def __enter__(self) -> None:
        with self._lock:
            if not self._syncs:
                self._before = gc.get_threshold()
                gc.set_threshold(1_000_000, 20, 100)
            self._syncs += 1

    def __exit__(self, *_error: object) -> None:
        with self._lock:
            self._syncs -= 1
            if not self._syncs:
                gc.set_threshold(*self._before)


_rarer_collections = _RarerCollections()


class SyncRefused(Exception):
    """The sync could not begin; the message is one sentence with the next step."""


class LoadFailed(Exception):
    """The database refused a load; the message is one sentence, the cause has the details."""


@contextmanager
def _load_errors(vendor: Vendor) -> Iterator[None]:
    """Say in one sentence what dlt says in twenty lines; bugs and interrupts pass as they are."""
    try:
        yield
    except PipelineStepFailed as failed:
        cause: BaseException = failed.exception
        while isinstance(cause, ResourceExtractionError) and cause.__cause__ is not None:
            cause = cause.__cause__
        if not isinstance(cause, DestinationException | psycopg2.Error | OSError):
            raise cause from failed
        raise _load_failed(vendor, failed.step, cause) from failed
    except (psycopg2.Error, OSError) as error:
        raise _load_failed(vendor, "staging", error) from error


def _load_failed(vendor: Vendor, step: str, cause: BaseException) -> LoadFailed:
    reason = str(cause).strip().splitlines()[0] if str(cause).strip() else type(cause).__name__
    return LoadFailed(
        f"{vendor.title} rows could not be loaded into {vendor.schema} ({step}: "
        f"{reason[:300]}); no cursor moved, so mend the cause and start the sync again."
    )


@dataclass
class _Task:
    """One (account, entity) with its counts. Counts are written by one thread each."""

    account: Account
    entity: Entity
    reading: Reading
    waits_for: set[str]
    read: Read
    targeted: bool = False
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    finished_at: datetime | None = None
    status: str = "ok"
    error: str | None = None
    written: int = 0
    unchanged: int = 0
    rejected: int = 0
    deleted: int = 0
    newly_rejected: bool = False
    drift: set[str] = field(default_factory=set)
    missing: int | None = None
    surplus: int | None = None

    @property
    def name(self) -> tuple[str, str]:
        return (self.account.connection_id, self.entity.name)

    @property
    def holds_cursor(self) -> bool:
        """True if the next sync must start where this one did.

        A row refused for the first time may have been spoiled on the way: an increment gives it
        one more chance before it moves on. A first load does not, it would be read twice whole.
        """
        return self.status != "ok" or (self.newly_rejected and not self.reading.first)

    def result(self) -> EntityResult:
        reading = self.reading
        ended = self.finished_at or datetime.now(UTC)
        return EntityResult(
            connection_id=self.account.connection_id,
            agent_key=self.account.agent_key,
            entity=self.entity.name,
            status=self.status,
            # whatever a reader calls it: the mark of single records is no sync
            mode=WEBHOOK if self.targeted else reading.mode,
            rows_read=reading.rows_read,
            rows_written=self.written,
            rows_unchanged=self.unchanged,
            rows_rejected=self.rejected,
            rows_deleted=self.deleted,
            api_calls=reading.calls.count,
            cursor_from=reading.cursor_from,
            cursor_to=reading.cursor_from if self.holds_cursor else reading.cursor_to,
            seconds=(ended - self.started_at).total_seconds(),
            vendor_count=reading.vendor_count,
            error=self.error,
            drift=tuple(sorted(self.drift)),
            missing_keys=frozenset(reading.missing),
            failed_keys=dict(reading.failed),
            ids_missing=self.missing,
            ids_surplus=self.surplus,
        )

    def compare_ids(self, memory: RawStore) -> None:
        """Hold the ids that a complete reading saw against those that are stored by now."""
        if not self.reading.complete or self.status != "ok":
            return
        live = self.surplus = 0
        for keys in memory.key_batches(self.account.connection_id, self.entity.name):
            live += len(keys)
            self.surplus += len(self.reading.seen.missing(keys))
        gone = list(self.reading.gone)
        left = len(gone) - len(self.reading.seen.missing(gone))
        # a refused row was seen, and is kept beside the table
        known = live - self.surplus + self.rejected + left
        self.missing = max(0, self.reading.seen.distinct - known)


@dataclass(frozen=True)
class _Page:
    """One page, checked and turned into columns; `unchanged` rows are not among them."""

    task: _Task
    keys: list[str]
    hashes: list[str]
    batch: pa.RecordBatch | None
    rejected: list[Rejected]
    unknown: dict[str, str]
    unchanged: list[tuple[str, str, Row]]

    @property
    def rows(self) -> int:
        return len(self.keys)


@dataclass(frozen=True)
class _Finished:
    task: _Task


class _Staged:
    """Which rows a load holds, and in which form, by table and connection."""

    def __init__(self) -> None:
        self._forms: defaultdict[tuple[str, str], dict[str, str]] = defaultdict(dict)
        self.rows = 0

    def take(
        self, name: tuple[str, str], keys: Sequence[str], hashes: Sequence[str]
    ) -> tuple[list[int], list[int]]:
        """Note the rows of a page: the positions of those new to the load, and of those that it
        holds in another form. The rest is there as it is.
        """
        forms = self._forms[name]
        if forms.keys().isdisjoint(keys):
            before = len(forms)
            forms.update(zip(keys, hashes, strict=True))
            if len(forms) - before == len(keys):
                self.rows += len(keys)
                return list(range(len(keys))), []
            # the page itself has a row twice
            for key in keys:
                forms.pop(key, None)
        fresh: list[int] = []
        later: list[int] = []
        for position, (key, hashed) in enumerate(zip(keys, hashes, strict=True)):
            held = forms.get(key)
            if held is None:
                forms[key] = hashed
                fresh.append(position)
            elif held != hashed:
                later.append(position)
        self.rows += len(fresh)
        return fresh, later

    def differs(self, name: tuple[str, str], key: str, hashed: str) -> bool:
        """True if the load holds the row in another form."""
        return self._forms[name].get(key, hashed) != hashed


class _Session:
    """Reads all tasks in worker threads and packs what they found, load by load."""

    def __init__(
        self,
        vendor: Vendor,
        tasks: Sequence[_Task],
        settings: VendorSettings,
        memory: RawStore | None,
        run_id: str,
        progress: Callable[[Progress], None] | None,
    ) -> None:
        self.vendor = vendor
        self.tasks = list(tasks)
        self.settings = settings
        self.memory = memory
        self.run_id = run_id
        self.progress = progress
        self.broken: dict[str, str] = {}
        self.crash: BaseException | None = None
        self.left = len(self.tasks)
        self._queue: queue.Queue[_Page | _Finished] = queue.Queue(maxsize=QUEUE_PAGES)
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._waiting = list(self.tasks)
        self._finished: set[tuple[str, str]] = set()
        self._failed: set[tuple[str, str]] = set()
        self._workers = ThreadPoolExecutor(settings.workers, thread_name_prefix="reader")
        self._again: list[_Page] = []
        self._ends: list[_Task] = []

    # -- reading: worker threads -------------------------------------------------------------

    def start(self) -> None:
        for task in self.tasks:
            task.reading.stopped = self._stopped
        self._submit_ready()

    def stop(self) -> None:
        """Let every worker end at its next page; whatever is still queued is dropped."""
        self._stopped.set()
        self._workers.shutdown(wait=False, cancel_futures=True)

    def _submit_ready(self) -> None:
        with self._lock:
            ready = [t for t in self._waiting if t.waits_for <= self._done_of(t.account)]
            self._waiting = [t for t in self._waiting if t not in ready]
        for task in ready:
            self._workers.submit(self._read, task)

    def _done_of(self, account: Account) -> set[str]:
        return {entity for conn, entity in self._finished if conn == account.connection_id}

    def _put(self, message: _Page | _Finished) -> None:
        while not self._stopped.is_set():
            try:
                self._queue.put(message, timeout=0.2)
                return
            except queue.Full:
                continue

    def _read(self, task: _Task) -> None:
        task.started_at = datetime.now(UTC)
        try:
            self._read_pages(task)
        except AccountBroken as error:
            self.broken.setdefault(task.account.connection_id, error.sentence)
            task.status, task.error = "failed", error.sentence
        except ResourceUnavailable as error:
            task.status, task.error = error.status, error.sentence
        except VendorError as error:
            task.status, task.error = "failed", error.sentence
        except (httpx.HTTPError, KeyError, TypeError, ValueError, AttributeError) as error:
            # the shape of an answer surprised the reader: this entity fails, the others go on
            task.status = "failed"
            task.error = (
                f"{self.vendor.title} sent {task.entity.title.lower()} in a shape that the reader "
                f"does not know ({_place_of(error)}); compare the answer with "
                f"docs/vendors/{self.vendor.name}.md."
            )
        except BaseException as error:
            # a bug, not a vendor: the loading thread must hear of it or it would wait for ever
            self.crash = error
            task.status, task.error = "failed", f"internal error: {type(error).__name__}"
            raise
        finally:
            task.finished_at = datetime.now(UTC)
            with self._lock:
                self._finished.add(task.name)
                if task.status == "failed":
                    self._failed.add(task.name)
            self._put(_Finished(task))
            if not self._stopped.is_set():
                self._submit_ready()

    def _read_pages(self, task: _Task) -> None:
        connection_id = task.account.connection_id
        if connection_id in self.broken:
            raise AccountBroken(self.broken[connection_id])
        with self._lock:
            failed = [d for d in task.entity.depends_on if (connection_id, d) in self._failed]
        if failed:
            raise VendorError(f"Not read, because {failed[0]} could not be read in the same sync.")
        waiting: list[Row] = []
        enough = min(FIRST_ROWS, PAGE_ROWS)
        try:
            for rows in task.read(task.reading):
                if self._stopped.is_set():
                    return
                waiting += rows
                if len(waiting) >= enough:
                    page, waiting = waiting, []
                    self._hand_over(task, page)
                    if task.reading.first or task.reading.rows_read >= PAGE_ROWS:
                        enough = min(2 * enough, PAGE_ROWS)
        finally:
            # what came before a reader failed counts: the next sync need not read it as new
            if waiting and not self._stopped.is_set():
                self._hand_over(task, waiting)

    def _hand_over(self, task: _Task, rows: list[Row]) -> None:
        page = self._page(task, rows)
        reading = task.reading
        reading.rows_read += len(rows)
        reading.seen.add(page.keys)
        reading.seen.add(key for key, _, _ in page.unchanged)
        reading.seen.add(r.source_id for r in page.rejected if r.source_id)
        self._put(page)

    def _page(self, task: _Task, rows: Sequence[Row]) -> _Page:
        account, table = task.account.connection_id, task.entity.name
        memory = None if task.reading.first else self.memory
        known = None if memory is None else lambda keys: memory.hashes(account, table, keys)
        checked = check_rows(task.entity, rows, account, datetime.now(UTC), known)
        fitting, batch = to_batch_safely(checked)
        return _Page(
            task,
            fitting.keys,
            fitting.hashes,
            batch,
            fitting.rejected,
            fitting.unknown,
            fitting.unchanged,
        )

    # -- loading: the calling thread ---------------------------------------------------------

    @property
    def unfinished(self) -> bool:
        """True while there is something to read or to load."""
        return bool(self.left or self._again or self._ends)

    def pump(self, folder: Path) -> Package:
        """The next load: returns when it is full or all is read."""
        package = Package(folder)
        staged = _Staged()
        again, self._again = self._again, []
        for page in again:
            self._stage(page, package, staged)
        while self.left and staged.rows < LOAD_ROWS:
            if self.crash is not None:
                raise self.crash
            try:
                message = self._queue.get(timeout=1.0)
            except queue.Empty:
                continue
            if isinstance(message, _Page):
                self._stage(message, package, staged)
            else:
                self.left -= 1
                self._ends.append(message.task)
                self._report(message.task)
        # a task is over when its last row is loaded, not before
        waiting = {id(page.task) for page in self._again}
        ended = [task for task in self._ends if id(task) not in waiting]
        self._ends = [task for task in self._ends if id(task) in waiting]
        for task in ended:
            package.add("tombstones", self._tombstones(task))
        package.add("sync_marks", [self._mark(task) for task in ended])
        return package

    def _report(self, task: _Task) -> None:
        if self.progress is not None:
            result = task.result()
            self.progress(
                Progress(
                    *task.name,
                    task.status,
                    result.rows_read,
                    result.api_calls,
                    result.seconds,
                    len(self.tasks) - self.left,
                    len(self.tasks),
                )
            )

    def _stage(self, page: _Page, package: Package, staged: _Staged) -> None:
        """Put a page's rows into the load. A load holds a row once: another form of it waits."""
        task, table = page.task, page.task.entity.name
        package.add("rejected_rows", [self._rejected(task, bad) for bad in page.rejected])
        package.add("schema_drift", self._drift(task, page.unknown))
        name = (table, task.account.connection_id)
        fresh, later = staged.take(name, page.keys, page.hashes)
        task.unchanged += page.rows - len(fresh) - len(later)
        if page.batch is not None and fresh:
            whole = len(fresh) == page.rows
            batch = page.batch if whole else page.batch.take(pa.array(fresh))
            package.write(table, batch, task.account.connection_id)
        task.written += len(fresh)
        if page.batch is not None and later:
            self._again.append(
                _Page(
                    task,
                    [page.keys[i] for i in later],
                    [page.hashes[i] for i in later],
                    page.batch.take(pa.array(later)),
                    [],
                    {},
                    [],
                )
            )
        back = [row for key, hashed, row in page.unchanged if staged.differs(name, key, hashed)]
        task.unchanged += len(page.unchanged) - len(back)
        if back:
            # changed and changed back within one load: the form that the warehouse holds wins
            checked = check_rows(task.entity, back, task.account.connection_id, datetime.now(UTC))
            fitting, batch = to_batch_safely(checked)
            self._again.append(_Page(task, fitting.keys, fitting.hashes, batch, [], {}, []))

    def _rejected(self, task: _Task, bad: Rejected) -> dict[str, Any]:
        whole = bad.row if isinstance(bad.row, (dict, list)) else {"value": bad.row}
        key = f"{task.entity.name}|{row_hash(whole)}"
        task.rejected += 1
        if self.memory is None or self.memory.is_new_rejection(task.account.connection_id, key):
            task.newly_rejected = True
        return {
            "connection_id": task.account.connection_id,
            "_key": key,
            "entity": task.entity.name,
            "source_id": bad.source_id,
            "reason": bad.reason,
            "row": orjson.loads(orjson.dumps(whole, default=str, option=orjson.OPT_NON_STR_KEYS)),
            "rejected_at": datetime.now(UTC),
            "run_id": self.run_id,
        }

    def _drift(self, task: _Task, unknown: dict[str, str]) -> list[dict[str, Any]]:
        """The fields that this connection's entity never showed before."""
        found: list[dict[str, Any]] = []
        for name, kind in unknown.items():
            if name in task.drift:
                continue
            task.drift.add(name)
            key = f"{task.entity.name}|{name}"
            if self.memory is None or self.memory.is_new_drift(task.account.connection_id, key):
                found.append(
                    {
                        "connection_id": task.account.connection_id,
                        "_key": key,
                        "entity": task.entity.name,
                        "field": name,
                        "sample_type": kind,
                        "first_seen_at": datetime.now(UTC),
                    }
                )
        return found

    def _tombstones(self, task: _Task) -> list[dict[str, Any]]:
        """Mark what the vendor said is gone, and what a reading of all or of groups missed."""
        reading = task.reading
        if task.status != "ok" or self.memory is None or reading.first:
            return []
        connection_id, entity = task.account.connection_id, task.entity.name
        gone = set(self.memory.hashes(connection_id, entity, sorted(reading.gone)))
        gone |= self._gone_from_groups(task, self.memory)
        if reading.complete:
            gone.update(self._unseen(task, self.memory, gone))
        task.deleted = len(gone)
        now = datetime.now(UTC)
        return [
            {
                "connection_id": connection_id,
                "_key": f"{entity}|{key}",
                "entity": entity,
                "row_key": key,
                "deleted_at": now,
            }
            for key in sorted(gone)
        ]

    def _unseen(self, task: _Task, memory: RawStore, gone: set[str]) -> list[str]:
        """What a complete reading did not see and is gone, unless far too much is missing.

        What is known to be `gone` is not asked about.
        """
        reading = task.reading
        known, unseen = 0, []
        for keys in memory.key_batches(task.account.connection_id, task.entity.name):
            known += len(keys)
            unseen += reading.seen.missing(keys)
        back = known - len(unseen)
        if reading.too_few(back, known):
            reading.complete = False
            task.error = (
                f"Only {back} of {known} known rows came back, so nothing was marked as deleted; "
                f"if that is right, run the sync with --full."
            )
            return []
        if reading.confirm_gone is None:
            return unseen
        asked = [key for key in unseen if key not in gone]
        try:
            return [key for key in asked if reading.confirm_gone(key)]
        except VendorError as error:
            # whether they are gone is not known: not being complete, the next one asks again
            reading.complete = False
            task.error = (
                f"{len(asked)} rows did not come back, and whether they are gone could not be "
                f"asked, so they stay: {error.sentence}"
            )
            return []

    def _gone_from_groups(self, task: _Task, memory: RawStore) -> set[str]:
        groups, column = sorted(task.reading.groups, key=str), task.entity.grouped_by
        gone: set[str] = set()
        if column is None:
            return gone
        for start in range(0, len(groups), GROUPS_AT_ONCE):
            part = groups[start : start + GROUPS_AT_ONCE]
            keys = memory.keys_where(task.account.connection_id, task.entity.name, column, part)
            gone.update(task.reading.seen.missing(keys))
        return gone

    def _mark(self, task: _Task) -> dict[str, Any]:
        result = task.result()
        return {
            "run_id": self.run_id,
            "connection_id": result.connection_id,
            "entity": result.entity,
            "status": result.status,
            "mode": result.mode,
            "started_at": task.started_at,
            "finished_at": task.finished_at,
            "cursor_from": result.cursor_from,
            "cursor_to": result.cursor_to,
            "rows_read": result.rows_read,
            "rows_written": result.rows_written,
            "rows_unchanged": result.rows_unchanged,
            "rows_rejected": result.rows_rejected,
            "rows_deleted": result.rows_deleted,
            "api_calls": result.api_calls,
            "vendor_count": result.vendor_count,
            "vendor_counts": task.reading.vendor_counts,
            "is_complete_sweep": task.reading.complete and result.status == "ok",
            "is_probe": task.reading.probed,
            "error": result.error or task.reading.note,
        }


def _place_of(error: Exception) -> str:
    """Kind and place of an error. Its text may quote what the vendor sent, which is private."""
    frames = traceback.extract_tb(error.__traceback__)
    last = frames[-1] if frames else None
    return type(error).__name__ + (f", {Path(last.filename).name}:{last.lineno}" if last else "")


def _selected(
    vendor: Vendor, settings: VendorSettings, names: Collection[str] | None
) -> list[Entity]:
    if names is not None:
        for name in names:
            vendor.entity(name)
    return in_reading_order(
        [
            entity
            for entity in vendor.entities
            if entity.enabled(settings) and (names is None or entity.name in names)
        ]
    )


@_rarer_collections
def sync(
    vendor: Vendor,
    accounts: Sequence[Account],
    *,
    warehouse_url: str,
    settings: VendorSettings,
    entities: Collection[str] | None = None,
    lane: str = "fast",
    full: bool = False,
    vouched: bool = False,
    run_id: str,
    pipelines_dir: Path,
    progress: Callable[[Progress], None] | None = None,
    wait_seconds: float = 900.0,
    http: VendorHttp | None = None,
    targets: Targets | None = None,
) -> SyncReport:
    """Read the given entities (all by default) of the given accounts into the raw schema.

    Accounts that another sync is reading are waited for, except in the lanes `fast` and `webhook`,
    which leave them out and name them in `busy_accounts`. Vendor failures are results, not
    exceptions. `vouched` takes for gone whatever does not come back, however much it is: only a
    person can say so, never a schedule. With `targets`, only the records are read that it names,
    and no cursor moves.

    Raises `SyncRefused` if the lane stays taken, `LoadFailed` if the database refuses the rows.
    """
    begun = time.monotonic()
    _import_pandas()
    chosen = _selected(vendor, settings, entities if targets is None else targets.entities)
    own_http = http is None
    # first of all: it reads the certificates meanwhile
    http = http or VendorHttp(vendor.dialect, settings)
    locks = SyncLocks(warehouse_url)
    store: RawStore | None = None
    pages = ThreadPoolExecutor(settings.page_workers, thread_name_prefix="page")
    session: _Session | None = None
    load_ids: list[str] = []
    kept = KeptConnections()
    try:
        if not locks.take_lane(vendor.name, lane, wait_seconds):
            raise SyncRefused(
                f"Another {vendor.title} sync has held the lane '{lane}' for {wait_seconds:.0f} s; "
                f"look at the running runs in Dagster, then start this one again."
            )
        patience = 0.0 if lane in _IMPATIENT else wait_seconds
        ordered = sorted(accounts, key=lambda account: account.connection_id)
        free = [a for a in ordered if locks.take_account(a.connection_id, patience)]
        busy = tuple(a.connection_id for a in ordered if a not in free)
        store = RawStore(
            vendor, warehouse_url, [a.connection_id for a in free], size=min(settings.workers, 8)
        )
        tasks = _tasks(free, chosen, http, settings, store, pages, full, vouched, targets)
        session = _Session(vendor, tasks, settings, store, run_id, progress)
        session.start()
        # while the first pages are on their way
        pipeline = make_pipeline(vendor, warehouse_url, lane, pipelines_dir, kept)
        folder = pipelines_dir / pipeline.pipeline_name / "rows"
        while session.unfinished:
            with _load_errors(vendor):
                package = session.pump(folder)
                package.added_only = store.tables_without(package.owners)
                pipeline.extract(as_source(vendor, package), loader_file_format="csv")
            shutil.rmtree(folder, ignore_errors=True)
            if not locks.still_held():
                raise SyncRefused(
                    "The database session that held this sync's locks is gone, so nothing was "
                    "loaded; start the sync again."
                )
            kept.adopt(store.hand_over())
            with _load_errors(vendor):
                pipeline.normalize()
                workers = workers_for(package)
                load_ids += pipeline.load(workers=workers, raise_on_failed_jobs=True).loads_ids
            kept.close()
        if lane != "fast":
            for task in tasks:
                task.compare_ids(store)
        return SyncReport(
            vendor=vendor.name,
            run_id=run_id,
            results=[task.result() for task in tasks],
            broken_accounts=dict(session.broken),
            busy_accounts=busy,
            load_ids=tuple(load_ids),
            seconds=time.monotonic() - begun,
        )
    finally:
        if session is not None:
            session.stop()
        pages.shutdown(wait=False, cancel_futures=True)
        if own_http:
            http.close()
        kept.close()
        if store is not None:
            store.close()
        locks.release()


def _tasks(
    accounts: Sequence[Account],
    entities: Sequence[Entity],
    http: VendorHttp,
    settings: VendorSettings,
    store: RawStore,
    pages: ThreadPoolExecutor,
    full: bool,
    vouched: bool,
    targets: Targets | None,
) -> list[_Task]:
    now = datetime.now(UTC)
    tasks: list[_Task] = []
    # entity by entity, so that all accounts get their first figures early
    handovers = {account.connection_id: Handover() for account in accounts}
    names = {
        account.connection_id: {entity.name for entity in entities}
        if targets is None
        else set(targets.wanted.get(account.connection_id, ()))
        for account in accounts
    }
    for entity in entities:
        for account in accounts:
            own = names[account.connection_id]
            if entity.name not in own:
                continue
            memory: Memory = ConnectionMemory(store, account.connection_id)
            reading = Reading(
                entity=entity,
                api=http.api(account, CallCounter()),
                settings=settings,
                memory=memory,
                handover=handovers[account.connection_id],
                now=now,
                full=full,
                vouched=vouched,
                pages=pages,
            )
            read = entity.read
            if targets is not None:
                reading.wanted = frozenset(targets.wanted[account.connection_id][entity.name])
                read = targets.readers[entity.name]
            waits_for = {name for name in entity.depends_on if name in own}
            tasks.append(_Task(account, entity, reading, waits_for, read, targets is not None))
    return tasks
