"""One account of a vendor, read through an in-process transport into dictionaries.

What the engine does with a database, in twenty lines, so that a reader's decisions (what to ask
for, when to stop, what is gone) can be tested without one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from pipelines.common.account import Account, StaticCredentials
from pipelines.common.budget import Rate, SystemClock
from pipelines.common.entity import Row, Vendor
from pipelines.common.http import Api, CallCounter, VendorHttp, VendorSettings
from pipelines.common.reading import Group, Handover, Mark, Reading
from pipelines.common.rows import CheckedRows, Rejected, check_rows

Handler = Callable[[httpx.Request], httpx.Response]


class NoWaiting(SystemClock):
    """Retries come at once."""

    def sleep(self, seconds: float) -> None:
        """Do not sleep."""


@dataclass
class Warehouse:
    """The live rows of one connection and the marks of its entities."""

    rows: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    marks: dict[str, Mark] = field(default_factory=dict)

    def mark(self, entity: str) -> Mark | None:
        return self.marks.get(entity)

    def keys(self, entity: str) -> set[str]:
        return set(self.rows.get(entity, {}))

    def values(self, entity: str, *columns: str) -> dict[str, tuple[Any, ...]]:
        live = self.rows.get(entity, {})
        return {key: tuple(row[name] for name in columns) for key, row in live.items()}

    def hashes(self, entity: str, keys: Iterable[str]) -> dict[str, str]:
        live = self.rows.get(entity, {})
        return {key: live[key]["_row_hash"] for key in keys if key in live}

    def fetched_at(self, entity: str, keys: Iterable[str]) -> dict[str, datetime]:
        live = self.rows.get(entity, {})
        return {key: live[key]["_synced_at"] for key in keys if key in live}

    def keys_where(self, entity: str, column: str, values: Iterable[Group]) -> set[str]:
        wanted = set(values)
        return {key for key, row in self.rows.get(entity, {}).items() if row[column] in wanted}


@dataclass
class Outcome:
    """What one reading did."""

    reading: Reading
    rows: list[Row]
    rejected: list[Rejected]
    gone: set[str]
    requests: list[httpx.Request]

    @property
    def ids(self) -> list[Any]:
        """The ids in the order in which they came."""
        return [row.get("id") for row in self.rows]

    @property
    def paths(self) -> list[str]:
        """The last part of each request's path."""
        return [request.url.path.rsplit("/", 1)[-1] for request in self.requests]


@dataclass
class Connection:
    """One account: `read` an entity as often as you like, time moving in between."""

    vendor: Vendor
    handler: Handler
    settings: VendorSettings
    credentials: Mapping[str, str]
    account_source_id: str | None = None
    now: datetime = datetime(2026, 6, 15, 12, tzinfo=UTC)
    warehouse: Warehouse = field(default_factory=Warehouse)
    handover: Handover = field(default_factory=Handover)

    def __post_init__(self) -> None:
        self.requests: list[httpx.Request] = []
        self._http: VendorHttp | None = None
        fast = {name: Rate(10_000, 10.0, 8) for name in self.vendor.dialect.rates}
        self.settings = self.settings.model_copy(update={"rates": fast, "max_attempts": 2})
        self.account = Account(
            "ada-sample:test",
            "ada-sample",
            self.vendor.name,
            StaticCredentials(self.credentials),
            self.account_source_id,
        )

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        return self.handler(request)

    def api(self) -> Api:
        """The API on top of the fake transport."""
        if self._http is None:
            self._http = VendorHttp(
                self.vendor.dialect,
                self.settings,
                clock=NoWaiting(),
                transport=httpx.MockTransport(self._answer),
            )
        return self._http.api(self.account, CallCounter())

    def later(self, **delta: float) -> None:
        """Begin another sync, some time later."""
        self.now += timedelta(**delta)
        self.handover = Handover()

    def read(self, name: str, *, full: bool = False) -> Outcome:
        """Read an entity and keep what came, as a committed sync would."""
        entity = self.vendor.entity(name)
        self.requests.clear()
        rows: list[Row] = []
        rejected: list[Rejected] = []
        with ThreadPoolExecutor(4) as pages:
            reading = Reading(
                entity=entity,
                api=self.api(),
                settings=self.settings,
                memory=self.warehouse,
                handover=self.handover,
                now=self.now,
                full=full,
                vouched=full,
                pages=pages,
            )
            live = self.warehouse.rows.setdefault(name, {})
            for page in entity.read(reading):
                checked = check_rows(entity, page, self.account.connection_id, self.now)
                rows += page
                rejected += checked.rejected
                reading.seen.add(checked.keys)
                self._keep(live, checked)
            gone = self._forget_gone(reading, name)
        self._remember(reading, name)
        return Outcome(reading, rows, rejected, gone, list(self.requests))

    def _keep(self, live: dict[str, dict[str, Any]], checked: CheckedRows) -> None:
        """Like the engine, leave a row that did not change as it is, with its old time."""
        for key, hashed, values in zip(checked.keys, checked.hashes, checked.values, strict=True):
            if live.get(key, {}).get("_row_hash") != hashed:
                live[key] = {**values, "_synced_at": self.now, "_row_hash": hashed}

    def _unseen(self, reading: Reading, asked: set[str], known: int) -> set[str]:
        unseen = set(reading.seen.missing(sorted(asked)))
        if reading.too_few(known - len(unseen), known):
            reading.complete = False
            return set()
        if reading.confirm_gone is not None:
            unseen = {key for key in unseen if reading.confirm_gone(key)}
        return unseen

    def _forget_gone(self, reading: Reading, name: str) -> set[str]:
        rows = self.warehouse.rows[name]
        column = reading.entity.grouped_by
        grouped = [key for key, row in rows.items() if column and row[column] in reading.groups]
        live = self.warehouse.keys(name)
        gone = (reading.gone & live) | set(reading.seen.missing(grouped))
        if reading.complete:
            gone |= self._unseen(reading, live - gone, len(live))
        for key in gone:
            del rows[key]
        return gone

    def _remember(self, reading: Reading, name: str) -> None:
        before = self.warehouse.marks.get(name)
        self.warehouse.marks[name] = Mark(
            started_at=self.now,
            mode=reading.mode,
            cursor=reading.cursor_to,
            rows_read=reading.rows_read,
            complete=reading.complete,
            last_complete_at=self.now
            if reading.complete
            else (before.last_complete_at if before else None),
            last_probe_at=self.now
            if reading.probed
            else (before.last_probe_at if before else None),
        )
