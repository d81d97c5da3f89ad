"""Webhooks in the control schema: where they may come in, what came, what became of it.

The inbox is the only thing that the receiver writes and the only thing that the re-fetch reads. A
row is `new` until what it names was read again, then `done`; `ignored` if it names nothing that is
pulled, or a connection that is not active; `failed` after too many attempts: a dead letter.
"""

from __future__ import annotations

import hashlib
import secrets as random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import case, delete, func, insert, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.engine import Engine, Row

from brokerage.control.tables import (
    connections,
    webhook_endpoints,
    webhook_inbox,
    webhook_refusals,
    webhook_subscriptions,
)
from brokerage.control.vault import WEBHOOKS, Vault

MOST_ATTEMPTS = 5
FIRST_PAUSE = timedelta(seconds=15)
"""Before the second attempt; each further pause is four times as long, twenty minutes in all."""

LEASE = timedelta(minutes=5)
"""How long an attempt may take before it counts as one that killed its run."""

KEPT = timedelta(days=90)
"""How long handled deliveries are remembered, and their repetitions known for such."""


@dataclass(frozen=True)
class Endpoint:
    """An address that webhooks of a connection come in at."""

    connection_id: str
    vendor: str
    secrets: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True)
class Arrival:
    """One event as it is stored. `hints` are `[entity, key or null, is new]` each."""

    vendor: str
    connection_id: str
    event_source_id: str
    event_type: str
    body: Mapping[str, Any] = field(repr=False)
    hints: Sequence[tuple[str, str | None, bool]] = ()
    status: str = "new"
    error: str | None = None


@dataclass(frozen=True)
class Letter:
    """A row of the inbox that is to be worked on, or shown."""

    webhook_id: int
    vendor: str
    connection_id: str
    event_type: str
    hints: Sequence[tuple[str, str | None, bool]]
    status: str
    attempts: int
    error: str | None
    received_at: datetime


@dataclass(frozen=True)
class InboxCounts:
    """One vendor's inbox: rows by status, and when the oldest that waits has come (UTC)."""

    vendor: str
    new: int
    done: int
    ignored: int
    failed: int
    oldest_new_at: datetime | None
    last_received_at: datetime | None


@dataclass(frozen=True)
class SubscriptionState:
    """A subscription at its last check; `problem` is a clause, None if it is alive."""

    connection_id: str
    topic: str
    subscription_source_id: str | None
    problem: str | None
    checked_at: datetime


@dataclass(frozen=True)
class Refusals:
    """Requests that were refused on one day for one reason; no connection: a wrong address."""

    vendor: str
    connection_id: str
    reason: str
    count: int
    last_at: datetime


def token_hash(token: str) -> str:
    """What an address is looked up by: the token itself is kept encrypted only."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


class WebhookEndpoints:
    """The addresses of one database and what their subscriptions look like."""

    def __init__(self, engine: Engine, vault: Vault) -> None:
        self._engine = engine
        self._vault = vault

    def find(self, token: str) -> Endpoint | None:
        """The endpoint at an address, None if there is none."""
        query = select(webhook_endpoints).where(webhook_endpoints.c.token_hash == token_hash(token))
        with self._engine.connect() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            return None
        secrets = self._vault.get(row.connection_id, scope=WEBHOOKS)
        return Endpoint(row.connection_id, row.vendor, secrets)

    def of(self, connection_id: str) -> Endpoint | None:
        """The endpoint of a connection; None if it has none, or its secrets are deleted."""
        query = select(webhook_endpoints).where(webhook_endpoints.c.connection_id == connection_id)
        with self._engine.connect() as connection:
            row = connection.execute(query).one_or_none()
        secrets = self._vault.get(connection_id, scope=WEBHOOKS) if row is not None else {}
        return Endpoint(connection_id, row.vendor, secrets) if row and secrets else None

    def ensure(self, connection_id: str, vendor: str, *, own_key: bool) -> Endpoint:
        """The endpoint of a connection, made if need be; `own_key` also makes a signing key."""
        found = self.of(connection_id)
        if found is not None:
            return found
        secrets = {"token": random.token_urlsafe(32)}
        if own_key:
            secrets["signing_key"] = random.token_urlsafe(32)
        self._vault.put(connection_id, secrets, scope=WEBHOOKS)
        values = {"vendor": vendor, "token_hash": token_hash(secrets["token"])}
        query = upsert(webhook_endpoints).values(connection_id=connection_id, **values)
        with self._engine.begin() as connection:
            connection.execute(
                query.on_conflict_do_update(
                    index_elements=[webhook_endpoints.c.connection_id], set_=values
                )
            )
        return Endpoint(connection_id, vendor, secrets)

    def keep(self, connection_id: str, secrets: Mapping[str, str]) -> None:
        """Keep further secrets of an endpoint, such as the key that the vendor made."""
        if secrets:
            self._vault.put(connection_id, secrets, scope=WEBHOOKS)

    def remove(self, connection_id: str) -> None:
        """Close an address: what comes there from now on is refused."""
        with self._engine.begin() as connection:
            for table in (webhook_endpoints, webhook_subscriptions):
                connection.execute(delete(table).where(table.c.connection_id == connection_id))
        self._vault.delete(connection_id, scope=WEBHOOKS)

    def connections(self) -> list[str]:
        """The connections with an address."""
        query = select(webhook_endpoints.c.connection_id).order_by(
            webhook_endpoints.c.connection_id
        )
        with self._engine.connect() as connection:
            return list(connection.execute(query).scalars())

    def save_states(self, connection_id: str, states: Sequence[SubscriptionState]) -> None:
        """Replace what is known of a connection's subscriptions."""
        table = webhook_subscriptions
        with self._engine.begin() as connection:
            connection.execute(delete(table).where(table.c.connection_id == connection_id))
            if states:
                connection.execute(insert(table), [vars(state) for state in states])

    def states(self) -> list[SubscriptionState]:
        """All subscriptions as they were at their last check."""
        table = webhook_subscriptions
        query = select(table).order_by(table.c.connection_id, table.c.topic)
        with self._engine.connect() as connection:
            return [SubscriptionState(**row._asdict()) for row in connection.execute(query)]


class WebhookInbox:
    """What came, and what became of it."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    # -- writing -----------------------------------------------------------------------------

    def store(self, arrivals: Sequence[Arrival]) -> int:
        """Store events, all or none, durably; those that are there already are left alone.

        Returns how many are new.
        """
        now = datetime.now(UTC)
        rows = [
            {
                "vendor": a.vendor,
                "connection_id": a.connection_id,
                "event_source_id": _index_size(a.event_source_id),
                "event_type": _plain(a.event_type)[:200],
                "body": _json(a.body),
                "hints": _json([list(hint) for hint in a.hints]),
                "status": a.status,
                "error": a.error,
                "processed_at": None if a.status == "new" else now,
            }
            for a in arrivals
        ]
        if not rows:
            return 0
        query = text(
            "insert into control.webhook_inbox (vendor, connection_id, event_source_id,"
            " event_type, body, hints, status, error, processed_at)"
            " select vendor, connection_id, event_source_id, event_type, body, hints, status,"
            " error, processed_at from jsonb_to_recordset(cast(:rows as jsonb)) as r("
            " vendor text, connection_id text, event_source_id text, event_type text,"
            " body jsonb, hints jsonb, status text, error text, processed_at timestamptz)"
            " on conflict (connection_id, event_source_id) do nothing"
        )
        packed = orjson.dumps(rows).decode()
        with self._engine.begin() as connection:
            return connection.execute(query, {"rows": packed}).rowcount

    def refuse(self, counts: Mapping[tuple[str, str, str], int]) -> None:
        """Add to the refusals of today, by (vendor, connection or '', reason)."""
        now = datetime.now(UTC)
        table = webhook_refusals
        with self._engine.begin() as connection:
            for (vendor, connection_id, reason), count in counts.items():
                query = upsert(table).values(
                    vendor=vendor,
                    connection_id=connection_id,
                    reason=reason,
                    refused_on=now.date(),
                    count=count,
                    last_at=now,
                )
                connection.execute(
                    query.on_conflict_do_update(
                        index_elements=list(table.primary_key.columns),
                        set_={"count": table.c.count + query.excluded.count, "last_at": now},
                    )
                )

    def finish(self, ids: Iterable[int], status: str, error: str | None = None) -> None:
        """Put an end to letters: `done`, `ignored` or `failed`."""
        self._update(ids, status=status, error=error, processed_at=func.now())

    def claim(self, ids: Sequence[int]) -> None:
        """Count an attempt before it begins, so that one that kills its run is counted as well.

        The letters are due again when the run has had time to say what became of them.
        """
        self._update(
            ids,
            attempts=webhook_inbox.c.attempts + 1,
            next_attempt_at=func.now() + LEASE,
        )

    def put_off(self, ids: Iterable[int], pause: timedelta, error: str | None = None) -> None:
        """Take back a claim: nothing was tried, and it is due again later."""
        self._update(
            ids,
            attempts=func.greatest(webhook_inbox.c.attempts - 1, 0),
            next_attempt_at=func.now() + pause,
            error=error,
        )

    def fail(self, ids: Iterable[int], error: str) -> None:
        """A claimed attempt has failed: the next is due after a pause, or there is none."""
        table = webhook_inbox
        last = table.c.attempts >= MOST_ATTEMPTS
        self._update(
            ids,
            error=error,
            status=case((last, "failed"), else_=table.c.status),
            processed_at=case((last, func.now()), else_=None),
            next_attempt_at=func.now() + FIRST_PAUSE * func.power(4, table.c.attempts - 1),
        )

    def bury(self, vendor: str) -> int:
        """Make dead letters of those whose every attempt ended with its run; how many."""
        table = webhook_inbox
        query = (
            update(table)
            .where(
                table.c.vendor == vendor,
                table.c.status == "new",
                table.c.attempts >= MOST_ATTEMPTS,
                table.c.next_attempt_at <= func.now(),
            )
            .values(
                status="failed",
                processed_at=func.now(),
                error=func.coalesce(
                    table.c.error,
                    f"It was tried {MOST_ATTEMPTS} times, and no run lived to tell what happened: "
                    "look at the failed runs of webhooks__refetch.",
                ),
            )
        )
        with self._engine.begin() as connection:
            return connection.execute(query).rowcount

    def _update(self, ids: Iterable[int], **values: Any) -> None:
        wanted = list(ids)
        if not wanted:
            return
        query = update(webhook_inbox).where(
            webhook_inbox.c.webhook_id.in_(wanted), webhook_inbox.c.status == "new"
        )
        with self._engine.begin() as connection:
            connection.execute(query.values(**values))

    def replay(self, ids: Sequence[int] | None = None, *, vendor: str | None = None) -> int:
        """Let dead letters start again, those of `ids` (also handled ones) or all; how many."""
        table = webhook_inbox
        query = update(table).values(
            status="new", attempts=0, error=None, processed_at=None, next_attempt_at=func.now()
        )
        if ids is None:
            query = query.where(table.c.status == "failed")
        else:
            query = query.where(table.c.webhook_id.in_(list(ids)))
        # what names nothing has nothing to be read again
        query = query.where(func.jsonb_array_length(table.c.hints) > 0)
        if vendor is not None:
            query = query.where(table.c.vendor == vendor)
        with self._engine.begin() as connection:
            return connection.execute(query).rowcount

    def dismiss(self, ids: Sequence[int]) -> int:
        """Put dead letters aside for good; how many."""
        table = webhook_inbox
        query = (
            update(table)
            .where(table.c.webhook_id.in_(list(ids)), table.c.status == "failed")
            .values(status="ignored", processed_at=func.now())
        )
        with self._engine.begin() as connection:
            return connection.execute(query).rowcount

    def purge(self) -> int:
        """Forget what was handled long ago; dead letters stay. Returns how many."""
        table = webhook_inbox
        old = datetime.now(UTC) - KEPT
        query = delete(table).where(
            table.c.received_at < old, table.c.status.in_(("done", "ignored"))
        )
        with self._engine.begin() as connection:
            connection.execute(
                delete(webhook_refusals).where(webhook_refusals.c.refused_on < old.date())
            )
            return connection.execute(query).rowcount

    # -- reading -----------------------------------------------------------------------------

    def due(self, vendor: str, most: int = 5_000) -> list[Letter]:
        """What is to be read again now, in the order in which it came."""
        table = webhook_inbox
        query = (
            select(table)
            .where(
                table.c.status == "new",
                table.c.next_attempt_at <= func.now(),
                table.c.vendor == vendor,
            )
            .order_by(table.c.webhook_id)
            .limit(most)
        )
        with self._engine.connect() as connection:
            return [_letter(row) for row in connection.execute(query)]

    def vendors_due(self) -> list[str]:
        """The vendors of which something is to be read again now."""
        table = webhook_inbox
        query = select(table.c.vendor.distinct()).where(
            table.c.status == "new", table.c.next_attempt_at <= func.now()
        )
        with self._engine.connect() as connection:
            return sorted(connection.execute(query).scalars())

    def dead_letters(self, most: int = 100) -> list[Letter]:
        """What could not be read again, newest first."""
        table = webhook_inbox
        query = (
            select(table)
            .where(table.c.status == "failed")
            .order_by(table.c.webhook_id.desc())
            .limit(most)
        )
        with self._engine.connect() as connection:
            return [_letter(row) for row in connection.execute(query)]

    def counts(self) -> list[InboxCounts]:
        """The inbox by vendor."""
        table = webhook_inbox

        def of(status: str) -> Any:
            return func.count().filter(table.c.status == status).label(status)

        query = (
            select(
                table.c.vendor,
                *(of(status) for status in ("new", "done", "ignored", "failed")),
                func.min(table.c.received_at)
                .filter(table.c.status == "new")
                .label("oldest_new_at"),
                func.max(table.c.received_at).label("last_received_at"),
            )
            .group_by(table.c.vendor)
            .order_by(table.c.vendor)
        )
        with self._engine.connect() as connection:
            return [InboxCounts(**row._asdict()) for row in connection.execute(query)]

    def refusals(self, since: timedelta = timedelta(days=1)) -> list[Refusals]:
        """What was refused lately, the most frequent first."""
        table = webhook_refusals
        query = (
            select(
                table.c.vendor,
                table.c.connection_id,
                table.c.reason,
                func.sum(table.c.count).label("count"),
                func.max(table.c.last_at).label("last_at"),
            )
            .where(table.c.last_at > datetime.now(UTC) - since)
            .group_by(table.c.vendor, table.c.connection_id, table.c.reason)
            .order_by(func.sum(table.c.count).desc())
        )
        with self._engine.connect() as connection:
            return [
                Refusals(**{**row._asdict(), "count": int(row.count)})  # type: ignore[call-overload]
                for row in connection.execute(query)
            ]

    def status_of(self, connection_ids: Iterable[str]) -> dict[str, str]:
        """The status of connections; one that does not exist is in it not."""
        table = connections
        query = select(table.c.connection_id, table.c.status).where(
            table.c.connection_id.in_(list(connection_ids))
        )
        with self._engine.connect() as connection:
            return {row.connection_id: row.status for row in connection.execute(query)}


def _letter(row: Row[Any]) -> Letter:
    return Letter(
        webhook_id=row.webhook_id,
        vendor=row.vendor,
        connection_id=row.connection_id or "",
        event_type=row.event_type,
        hints=[(entity, key, bool(is_new)) for entity, key, is_new in row.hints],
        status=row.status,
        attempts=row.attempts,
        error=row.error,
        received_at=row.received_at,
    )


def _plain(value: str) -> str:
    """The text without the one character that PostgreSQL cannot keep."""
    return value.replace("\x00", "")


def _index_size(value: str) -> str:
    """The id as it is, unless it is too long for an index."""
    plain = _plain(value)
    return plain if len(plain) <= 300 else hashlib.sha256(plain.encode()).hexdigest()


def _json(value: Any) -> Any:
    """The value without characters that jsonb cannot keep."""
    packed = orjson.dumps(value)
    if b"\\u0000" in packed:
        return _without_nul(value)
    return value


def _without_nul(value: Any) -> Any:
    if isinstance(value, str):
        return _plain(value)
    if isinstance(value, Mapping):
        return {_plain(str(k)): _without_nul(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_nul(item) for item in value]
    return value
