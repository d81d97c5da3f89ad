"""One reading: one entity of one account in one sync, as the vendor's reader function sees it.

A reader is a generator of row lists. It asks `memory` what the warehouse already holds, reads
pages with `api` (or several at once with `parallel`), and says at the end what it did: `cursor_to`
for the next increment, `complete` if it saw everything that exists (so that what it did not see
is gone; `confirm_gone(key)` may ask the vendor first), `gone` with the keys of which the vendor
said so itself, `whole(groups)` if it saw all rows of some groups only (the lists inside the records
that it read), `vendor_count` if the vendor tells one and `vendor_counts` if it does so by part,
`mode` for people to see, `probed` if it tried out which filters work, `guarded = False` if the list
may rightly shrink to nothing. `vouched` says that a person asked for everything and takes what does
not come back for gone.

A reading of single records is given their keys as `wanted`. It leaves those that the vendor does
not show in `missing` and those that could not be read in `failed`, with a sentence each; the rest
of the records is loaded all the same.
"""

from __future__ import annotations

import threading
from array import array
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, TypeVar

import numpy as np
import xxhash

from pipelines.common.account import Account
from pipelines.common.entity import Entity, Read
from pipelines.common.http import Api, CallCounter, VendorSettings

if TYPE_CHECKING:
    import numpy.typing as npt

WEBHOOK = "webhook"
"""The mode of a reading of single records that a webhook named. Its mark is no sync of the entity:
no cursor, no watermark and no decision of a later reading may come from it."""

Group: TypeAlias = str | date
T = TypeVar("T")
U = TypeVar("U")

GUARD_SHARE = 0.8
GUARD_MINIMUM = 20


@dataclass(frozen=True)
class Mark:
    """The last committed sync of one (connection, entity)."""

    started_at: datetime
    mode: str
    cursor: str | None
    rows_read: int
    complete: bool
    last_complete_at: datetime | None
    last_probe_at: datetime | None


class Memory(Protocol):
    """What the warehouse holds for one connection; rows that are gone do not count."""

    def mark(self, entity: str) -> Mark | None:
        """The last committed successful sync, None before the first one."""
        ...

    def keys(self, entity: str) -> set[str]:
        """The keys of all live rows."""
        ...

    def values(self, entity: str, *columns: str) -> dict[str, tuple[Any, ...]]:
        """The named columns of all live rows by key."""
        ...

    def hashes(self, entity: str, keys: Iterable[str]) -> dict[str, str]:
        """The row hashes of those of `keys` that are live."""
        ...

    def fetched_at(self, entity: str, keys: Iterable[str]) -> dict[str, datetime]:
        """When those of `keys` that are live were fetched in the form they have."""
        ...

    def keys_where(self, entity: str, column: str, values: Iterable[Group]) -> set[str]:
        """The keys of all live rows that have one of `values` in a column of texts or days."""
        ...


class EmptyMemory:
    """A warehouse that holds nothing: everything is read, as on the first day."""

    def mark(self, entity: str) -> Mark | None:
        """Nothing was synced before."""
        return None

    def keys(self, entity: str) -> set[str]:
        """No rows."""
        return set()

    def values(self, entity: str, *columns: str) -> dict[str, tuple[Any, ...]]:
        """No rows."""
        return {}

    def hashes(self, entity: str, keys: Iterable[str]) -> dict[str, str]:
        """No rows."""
        return {}

    def fetched_at(self, entity: str, keys: Iterable[str]) -> dict[str, datetime]:
        """No rows."""
        return {}

    def keys_where(self, entity: str, column: str, values: Iterable[Group]) -> set[str]:
        """No rows."""
        return set()


class SeenKeys:
    """The keys that a reading saw, as eight bytes each: millions of them stay a few megabytes.

    Two keys with the same hash (one chance in a million among five million keys) would only hide
    one deletion.
    """

    def __init__(self) -> None:
        self._hashes = array("Q")
        self._sorted: npt.NDArray[np.uint64] | None = None

    def add(self, keys: Iterable[str]) -> None:
        """Remember keys."""
        self._hashes.extend(xxhash.xxh3_64_intdigest(key.encode()) for key in keys)
        self._sorted = None

    @property
    def distinct(self) -> int:
        """How many different keys were seen."""
        return len(self._unique())

    def _unique(self) -> npt.NDArray[np.uint64]:
        if self._sorted is None:
            self._sorted = np.unique(np.frombuffer(self._hashes, dtype=np.uint64))
        return self._sorted

    def missing(self, keys: Sequence[str]) -> list[str]:
        """Those of `keys` that were not seen."""
        hashes = (xxhash.xxh3_64_intdigest(key.encode()) for key in keys)
        asked = np.fromiter(hashes, dtype=np.uint64, count=len(keys))
        found = np.isin(asked, self._unique(), assume_unique=False)
        return [key for key, was_seen in zip(keys, found, strict=True) if not was_seen]


class Handover:
    """What readers of one account leave for each other within one sync. Thread-safe.

    A detail reader needs to know which ids its list reader saw change; the warehouse does not
    hold those rows yet.
    """

    def __init__(self) -> None:
        self._values: dict[str, Any] = {}
        self._lock = threading.Lock()

    def put(self, name: str, value: Any) -> None:
        """Leave a value under a name, such as 'transactions.changed'."""
        with self._lock:
            self._values[name] = value

    def get(self, name: str, default: T) -> T:
        """The value left under a name, else `default` (its writer was not part of this sync)."""
        with self._lock:
            value: T = self._values.get(name, default)
            return value


@dataclass
class Reading:
    """See the module's text. Times are UTC."""

    entity: Entity
    api: Api
    settings: VendorSettings
    memory: Memory
    handover: Handover
    now: datetime
    full: bool
    pages: Executor = field(repr=False)
    vouched: bool = False
    parallelism: int = 4
    stopped: threading.Event = field(default_factory=threading.Event, repr=False)

    mode: str = ""
    cursor_to: str | None = None
    complete: bool = False
    vendor_count: int | None = None
    vendor_counts: Mapping[str, int] | None = None
    probed: bool = False
    guarded: bool = True
    note: str | None = None
    confirm_gone: Callable[[str], bool] | None = None
    gone: set[str] = field(default_factory=set, repr=False)

    wanted: frozenset[str] = frozenset()
    missing: set[str] = field(default_factory=set, repr=False)
    failed: dict[str, str] = field(default_factory=dict, repr=False)

    rows_read: int = 0
    seen: SeenKeys = field(default_factory=SeenKeys, repr=False)
    groups: set[Group] = field(default_factory=set, repr=False)

    def __post_init__(self) -> None:
        self._mark = self.memory.mark(self.entity.name)
        self.cursor_to = self._mark.cursor if self._mark else None
        if not self.mode:
            self.mode = "full" if self.first or self.full else self.entity.strategy

    @property
    def account(self) -> Account:
        """The account being read."""
        return self.api.account

    @property
    def calls(self) -> CallCounter:
        """Requests sent for this reading."""
        return self.api.counter

    @property
    def last(self) -> Mark | None:
        """The last committed successful sync of this entity in this account."""
        return self._mark

    @property
    def first(self) -> bool:
        """True if this entity was never synced for this account."""
        return self._mark is None

    @property
    def cursor_from(self) -> str | None:
        """The cursor that this reading starts from; None for a first or full reading."""
        return self._mark.cursor if self._mark and not self.full else None

    def whole(self, groups: Iterable[Group]) -> None:
        """All rows of these groups were seen: a stored one that was not is gone.

        A group is a value of the entity's `grouped_by`, such as the id of a record whose list was
        replaced, or a month. There is no guard: a list may rightly shrink to nothing.
        """
        if self.entity.grouped_by is None:
            raise ValueError(f"{self.entity.name} is not read in groups")
        self.groups.update(groups)

    def due_for_full(self, every: timedelta) -> bool:
        """True if everything must be read: asked for, never done, or last done too long ago."""
        if self.full or self._mark is None or self._mark.last_complete_at is None:
            return True
        return self.now - self._mark.last_complete_at >= every

    def too_few(self, back: int, known: int) -> bool:
        """True if so little of what is known came back that nothing may be taken for gone."""
        if not self.guarded or self.vouched:
            return False
        return known >= GUARD_MINIMUM and back < GUARD_SHARE * known

    def parallel(
        self, function: Callable[[T], U], items: Iterable[T], *, at_once: int | None = None
    ) -> Iterator[U]:
        """Apply `function` to `items`, a few at a time, in the order in which they finish.

        `function` must not call `parallel` itself. The first error ends the iteration.
        """
        limit = at_once or self.parallelism
        source = iter(items)
        running: set[Future[U]] = set()
        try:
            while not self.stopped.is_set():
                while len(running) < limit:
                    try:
                        item = next(source)
                    except StopIteration:
                        break
                    running.add(self.pages.submit(function, item))
                if not running:
                    return
                done, running = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    yield future.result()
        finally:
            for future in running:
                future.cancel()


@dataclass(frozen=True)
class Targets:
    """Single records to read instead of what has changed.

    `wanted` has their keys by connection and entity, `readers` how each of the entities is read.
    """

    wanted: Mapping[str, Mapping[str, Collection[str]]]
    readers: Mapping[str, Read]

    @property
    def entities(self) -> set[str]:
        """The entities that any connection wants."""
        return {entity for entities in self.wanted.values() for entity in entities}


@dataclass(frozen=True)
class Progress:
    """A sign of life for whoever waits: one (connection, entity) has finished."""

    connection_id: str
    entity: str
    status: str
    rows_read: int
    api_calls: int
    seconds: float
    done: int
    total: int


@dataclass(frozen=True)
class EntityResult:
    """What one reading came to. `error` is one sentence; counts are rows.

    `missing_keys` and `failed_keys` are those of a reading of single records.

    After a reading that saw everything, the ids that the vendor sent are compared with those that
    the warehouse holds: `ids_missing` were sent and are not there, `ids_surplus` are there and were
    not sent. Both are None after any other reading.
    """

    connection_id: str
    agent_key: str
    entity: str
    status: str
    mode: str
    rows_read: int
    rows_written: int
    rows_unchanged: int
    rows_rejected: int
    rows_deleted: int
    api_calls: int
    cursor_from: str | None
    cursor_to: str | None
    seconds: float
    vendor_count: int | None = None
    error: str | None = None
    drift: tuple[str, ...] = ()
    missing_keys: frozenset[str] = frozenset()
    failed_keys: Mapping[str, str] = field(default_factory=dict)
    ids_missing: int | None = None
    ids_surplus: int | None = None

    @property
    def succeeded(self) -> bool:
        """True unless the entity failed: a missing permission is an answer, not a failure."""
        return self.status in ("ok", "not_permitted", "not_available")


@dataclass(frozen=True)
class SyncReport:
    """All results of one sync. `broken_accounts` maps a connection to the sentence why."""

    vendor: str
    run_id: str
    results: list[EntityResult]
    broken_accounts: Mapping[str, str]
    busy_accounts: tuple[str, ...]
    load_ids: tuple[str, ...]
    seconds: float

    @property
    def failures(self) -> list[EntityResult]:
        """The readings that did not succeed."""
        return [result for result in self.results if not result.succeeded]
