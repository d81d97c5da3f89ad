"""Who gets digests, and which were sent: `control.digest_recipients`, `control.digest_deliveries`.

A delivery is a row per recipient, kind and day, and goes through these states:

| status        | means                                                                    |
|---------------|--------------------------------------------------------------------------|
| `claimed`     | somebody makes the mail; nothing has been handed to the mail server       |
| `handed_over` | the text is on its way: killed here, nobody knows whether it was taken    |
| `sent`        | the mail server has taken it                                              |
| `empty`       | there was nothing to tell, so nothing was sent                            |
| `failed`      | the mail server certainly did not take it; it is tried again              |
| `refused`     | the mail server will never take it                                        |

Whoever works on a delivery holds its advisory lock, which vanishes with the process.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from sqlalchemy import ColumnElement, delete, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine import Engine

from brokerage.control.tables import agents, digest_deliveries, digest_recipients
from brokerage.errors import ConfigurationError

DigestKind = Literal["daily", "weekly"]
Status = Literal["claimed", "handed_over", "sent", "empty", "failed", "refused"]

SECTIONS = ("network", "transactions", "listings", "revenue")
DONE = ("sent", "refused")


@dataclass(frozen=True)
class Recipient:
    """One address that gets the network news of one agent."""

    recipient_id: int
    agent_key: str
    email: str
    display_name: str | None
    wants_daily: bool
    wants_weekly: bool
    show_network: bool
    show_transactions: bool
    show_listings: bool
    show_revenue: bool
    is_active: bool
    created_at: datetime
    updated_at: datetime

    @property
    def sections(self) -> tuple[str, ...]:
        """The blocks that this recipient wants to see."""
        return tuple(name for name in SECTIONS if getattr(self, f"show_{name}"))


@dataclass(frozen=True)
class Delivery:
    """How far one digest for one recipient is."""

    recipient_id: int
    kind: str
    news_date: date
    status: str
    message_id: str
    news_count: int
    attempts: int
    error: str | None
    claimed_at: datetime
    handed_over_at: datetime | None
    ended_at: datetime | None


class Recipients:
    """Reads and writes `control.digest_recipients`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def all(self, agent_key: str | None = None) -> list[Recipient]:
        """Every recipient, by agent and address."""
        query = select(digest_recipients).order_by(
            digest_recipients.c.agent_key, digest_recipients.c.email
        )
        if agent_key is not None:
            query = query.where(digest_recipients.c.agent_key == agent_key)
        with self._engine.connect() as connection:
            return [Recipient(**row._asdict()) for row in connection.execute(query)]

    def due(self, kind: DigestKind) -> list[Recipient]:
        """The active recipients who want a kind of digest about an agent who is still here."""
        query = (
            select(digest_recipients)
            .join(agents, agents.c.agent_key == digest_recipients.c.agent_key)
            .where(
                digest_recipients.c.is_active,
                digest_recipients.c[f"wants_{kind}"],
                agents.c.status == "active",
            )
            .order_by(digest_recipients.c.recipient_id)
        )
        with self._engine.connect() as connection:
            return [Recipient(**row._asdict()) for row in connection.execute(query)]

    def save(self, agent_key: str, email: str, **values: bool | str | None) -> Recipient:
        """Add a recipient, or change what is named in `values` of a known one.

        Raises:
            ConfigurationError: when the agent is not known, or address or name cannot be used.
        """
        address = check_address(email)
        name = values.get("display_name")
        if isinstance(name, str) and not name.isprintable():
            raise ConfigurationError("The recipient's name holds a line break: leave it out.")
        with self._engine.begin() as connection:
            known = select(agents.c.agent_key).where(agents.c.agent_key == agent_key)
            if connection.scalar(known) is None:
                raise ConfigurationError(
                    f"There is no agent {agent_key!r}: see `brokerage agents`."
                )
            query = (
                insert(digest_recipients)
                .values(agent_key=agent_key, email=address, **values)
                .on_conflict_do_update(
                    index_elements=[digest_recipients.c.agent_key, digest_recipients.c.email],
                    set_={**values, "updated_at": func.now()},
                )
                .returning(*digest_recipients.c)
            )
            return Recipient(**connection.execute(query).one()._asdict())

    def remove(self, agent_key: str, email: str) -> bool:
        """Forget a recipient and what was sent to it; True if it was known."""
        with self._engine.begin() as connection:
            done = connection.execute(
                delete(digest_recipients).where(
                    digest_recipients.c.agent_key == agent_key,
                    digest_recipients.c.email == check_address(email),
                )
            )
            return done.rowcount > 0


def check_address(email: str) -> str:
    """The address in lower case.

    Raises:
        ConfigurationError: when it is none.
    """
    address = email.strip().lower()
    name, at, domain = address.partition("@")
    sound = name and at and domain and "@" not in domain
    if not sound or any(letter.isspace() or not letter.isprintable() for letter in address):
        raise ConfigurationError(f"{email!r} is no e-mail address: write it as name@example.com.")
    return address


class DeliveryLedger:
    """Reads and writes `control.digest_deliveries`; each change is committed at once."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @contextmanager
    def locked(self, recipient_id: int, kind: DigestKind, day: date) -> Iterator[bool]:
        """Hold the lock of one delivery; False if another process holds it."""
        name = f"digest:{recipient_id}:{kind}:{day.isoformat()}"
        key = {"name": name}
        with self._engine.connect() as connection:
            taken = bool(
                connection.scalar(
                    text("select pg_try_advisory_lock(hashtextextended(:name, 0))"), key
                )
            )
            connection.commit()
            try:
                yield taken
            finally:
                if taken:
                    connection.execute(
                        text("select pg_advisory_unlock(hashtextextended(:name, 0))"), key
                    )
                    connection.commit()

    def find(self, recipient_id: int, kind: DigestKind, day: date) -> Delivery | None:
        """The delivery, if anybody has begun it."""
        with self._engine.connect() as connection:
            row = connection.execute(
                select(digest_deliveries).where(*_this(recipient_id, kind, day))
            ).one_or_none()
        return None if row is None else Delivery(**row._asdict())

    def of_day(self, kind: DigestKind, day: date) -> dict[int, Delivery]:
        """All deliveries of a digest, by recipient."""
        query = select(digest_deliveries).where(
            digest_deliveries.c.kind == kind, digest_deliveries.c.news_date == day
        )
        with self._engine.connect() as connection:
            rows = connection.execute(query)
            return {row.recipient_id: Delivery(**row._asdict()) for row in rows}

    def unsent_days(self, kind: DigestKind, after: date, before: date) -> list[date]:
        """The days between two (the first not included, nor the second) with a digest that was
        begun and not sent."""
        columns = digest_deliveries.c
        query = (
            select(columns.news_date)
            .distinct()
            .join(digest_recipients, digest_recipients.c.recipient_id == columns.recipient_id)
            .where(
                columns.kind == kind,
                columns.news_date > after,
                columns.news_date < before,
                columns.status.in_(("claimed", "handed_over", "failed")),
                digest_recipients.c.is_active,
                digest_recipients.c[f"wants_{kind}"],
            )
            .order_by(columns.news_date)
        )
        with self._engine.connect() as connection:
            return list(connection.execute(query).scalars())

    def latest(self, limit: int = 50) -> list[Delivery]:
        """The deliveries that were begun last, newest first."""
        query = (
            select(digest_deliveries).order_by(digest_deliveries.c.claimed_at.desc()).limit(limit)
        )
        with self._engine.connect() as connection:
            return [Delivery(**row._asdict()) for row in connection.execute(query)]

    def claim(self, recipient_id: int, kind: DigestKind, day: date, message_id: str) -> Delivery:
        """Note that somebody works on a delivery; its lock is held.

        What was handed over and never confirmed keeps its Message-ID, so that a second copy can be
        recognised as the same mail.
        """
        query = (
            insert(digest_deliveries)
            .values(
                recipient_id=recipient_id,
                kind=kind,
                news_date=day,
                status="claimed",
                message_id=message_id,
                attempts=1,
            )
            .on_conflict_do_update(
                index_elements=["recipient_id", "kind", "news_date"],
                set_={
                    "status": "claimed",
                    "attempts": digest_deliveries.c.attempts + 1,
                    "claimed_at": func.now(),
                    "error": None,
                    "ended_at": None,
                },
                where=digest_deliveries.c.status.not_in(DONE),
            )
            .returning(*digest_deliveries.c)
        )
        with self._engine.begin() as connection:
            return Delivery(**connection.execute(query).one()._asdict())

    def hand_over(self, delivery: Delivery, *, error: str | None = None) -> None:
        """Note that from now on the mail server may have the mail; `error` says why that is all."""
        self._set(delivery, "handed_over", handed_over_at=func.now(), error=error)

    def end(
        self, delivery: Delivery, status: Status, *, error: str | None = None, news: int = 0
    ) -> None:
        """Note how it ended."""
        self._set(delivery, status, error=error, news_count=news, ended_at=func.now())

    def _set(self, delivery: Delivery, status: Status, **values: object) -> None:
        query = (
            update(digest_deliveries)
            .where(*_this(delivery.recipient_id, delivery.kind, delivery.news_date))
            .values(status=status, **values)
        )
        with self._engine.begin() as connection:
            connection.execute(query)


def _this(recipient_id: int, kind: str, day: date) -> tuple[ColumnElement[bool], ...]:
    return (
        digest_deliveries.c.recipient_id == recipient_id,
        digest_deliveries.c.kind == kind,
        digest_deliveries.c.news_date == day,
    )
