"""Telling a channel what it has not been told: at least once, one message at a time.

What a channel was told is a row of `control.alert_deliveries`, written after it was sent. Killed in
between, the message comes again. While one process sends, the row of the channel is locked, so that
two schedulers do not send the same.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import exists, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine import Connection, Engine

from brokerage.alerts.message import Entry, Message, Told, compose
from brokerage.control.tables import alert_channels, alert_deliveries, alert_events, alerts
from brokerage.mail import Mail, MailDelayed, Mailer, MailRefused, MailUnknown
from brokerage.settings import Settings

_LONGEST_PAUSE = timedelta(minutes=30)
# a channel that is new is not told of what was over before
_LOOK_BACK = timedelta(days=1)


class Undelivered(Exception):
    """The channel did not take the message; one sentence without a secret."""


class Channel(Protocol):
    """Something that takes messages."""

    name: str

    def send(self, message: Message, number: int) -> None:
        """Send a message; `number` is different for each message of the channel.

        Raises:
            Undelivered: when it may not have arrived.
        """
        ...


class OutboxChannel:
    """The stand-in for Slack: each message becomes a file with its text and one with its blocks."""

    name = "slack"

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def send(self, message: Message, number: int) -> None:
        """Write the message."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        stem = f"{number:08d}"
        body = {"text": message.subject, "blocks": list(message.blocks)}
        (self._folder / f"{stem}.json").write_text(json.dumps(body, indent=2) + "\n", "utf-8")
        (self._folder / f"{stem}.txt").write_text(message.text, "utf-8")


class MailChannel:
    """Alerts by mail, one to each address."""

    name = "email"

    def __init__(self, mailer: Mailer, addresses: Sequence[str], settings: Settings) -> None:
        self._mailer = mailer
        self._addresses = addresses
        self._settings = settings

    def send(self, message: Message, number: int) -> None:
        """Send the message to everybody; an address that is refused for good stops no other."""
        refused = []
        with self._mailer as mailer:
            for position, address in enumerate(self._addresses):
                mail = Mail(
                    to=address,
                    subject=f"Brokerage data platform: {message.subject}",
                    text=message.text,
                    html=message.html,
                    message_id=f"<alert-{number}-{position}@{_host(self._settings)}>",
                    date=datetime.now().astimezone(),
                )
                try:
                    mailer.send(mail, lambda: None)
                except (MailDelayed, MailUnknown) as delayed:
                    raise Undelivered(str(delayed)) from delayed
                except MailRefused as error:
                    refused.append(str(error))
        if len(refused) == len(self._addresses):
            raise Undelivered(refused[0])


def _host(settings: Settings) -> str:
    return settings.mail_from.rpartition("@")[2].rstrip("> ") or "localhost"


@dataclass(frozen=True)
class Outcome:
    """What telling a channel came to; `told` events, 0 if there was nothing or it had to wait."""

    channel: str
    told: int = 0
    waits: str | None = None
    error: str | None = None


class Telling:
    """What one channel is still to be told."""

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self._engine = engine
        self._settings = settings

    def tell(self, channel: Channel, now: datetime) -> Outcome:
        """Send one message with everything that the channel does not know, if it is time to."""
        with self._engine.begin() as connection:
            connection.execute(
                insert(alert_channels)
                .values(channel=channel.name, created_at=now)
                .on_conflict_do_nothing()
            )
        with self._engine.begin() as connection:
            query = (
                select(alert_channels)
                .where(alert_channels.c.channel == channel.name)
                .with_for_update(skip_locked=True)
            )
            state = connection.execute(query).one_or_none()
            if state is None:
                return Outcome(channel.name, waits="another process is sending")
            waits = self._must_wait(state, now)
            if waits is not None:
                return Outcome(channel.name, waits=waits)
            events = self._untold(connection, channel.name, state.created_at - _LOOK_BACK)
            if not events:
                return Outcome(channel.name)
            entries = self._entries(events)
            try:
                if entries:
                    message = compose(entries, overview=self._settings.ui_url)
                    channel.send(message, int(events[-1].event_id))
            except Undelivered as undelivered:
                pause = min(timedelta(minutes=2 ** min(state.attempts, 5)), _LONGEST_PAUSE)
                self._note(
                    connection,
                    channel.name,
                    attempts=state.attempts + 1,
                    error=str(undelivered),
                    next_attempt_at=now + pause,
                )
                return Outcome(channel.name, error=str(undelivered))
            connection.execute(
                insert(alert_deliveries).values(
                    [
                        {"event_id": event.event_id, "channel": channel.name, "sent_at": now}
                        for event in events
                    ]
                )
            )
            self._note(
                connection,
                channel.name,
                attempts=0,
                error=None,
                next_attempt_at=None,
                last_sent_at=now,
            )
            return Outcome(channel.name, told=len(events))

    def channels(self) -> list[dict[str, Any]]:
        """How each channel does, one mapping per row."""
        query = select(alert_channels).order_by(alert_channels.c.channel)
        with self._engine.connect() as connection:
            return [dict(row._mapping) for row in connection.execute(query)]

    def _must_wait(self, state: Any, now: datetime) -> str | None:
        if state.next_attempt_at is not None and now < state.next_attempt_at:
            return f"it failed {state.attempts} times; the next try is at {state.next_attempt_at}"
        pause = timedelta(minutes=self._settings.alert_interval_minutes)
        if state.last_sent_at is not None and now - state.last_sent_at < pause:
            return "the last message was sent just now"
        return None

    def _untold(self, connection: Connection, channel: str, since: datetime) -> Sequence[Any]:
        told = exists().where(
            alert_deliveries.c.event_id == alert_events.c.event_id,
            alert_deliveries.c.channel == channel,
        )
        query = (
            select(
                alert_events.c.event_id,
                alert_events.c.kind.label("event_kind"),
                alert_events.c.agents.label("event_agents"),
                *alerts.c,
            )
            .join(alerts, alerts.c.alert_id == alert_events.c.alert_id)
            .where(~told, alert_events.c.occurred_at >= since)
            .order_by(alert_events.c.event_id)
        )
        return connection.execute(query).all()

    def _entries(self, events: Sequence[Any]) -> list[Entry]:
        """One entry per alert: an alert that opened and ended untold is told as one."""
        by_alert: dict[int, list[Any]] = {}
        for event in events:
            by_alert.setdefault(event.alert_id, []).append(event)
        return [self._entry(happened) for happened in by_alert.values()]

    def _entry(self, happened: Sequence[Any]) -> Entry:
        kinds = [event.event_kind for event in happened]
        last = happened[-1]
        told: Told
        if "noticed" in kinds:
            told = "noticed"
        elif "recovered" in kinds:
            told = "passed" if "opened" in kinds else "recovered"
        elif "opened" in kinds:
            told = "opened"
        else:
            told = "spread" if "spread" in kinds else "reminded"
        link = f"{self._settings.ui_url}/runs/{last.run_id}" if last.run_id else None
        return Entry(
            told=told,
            severity=last.severity,
            title=last.title,
            why=last.why,
            todo=last.todo,
            agents=tuple(last.agents),
            details=tuple(last.details),
            since=last.opened_at,
            until=last.ended_at,
            occurrences=last.occurrences,
            run_id=last.run_id,
            link=link,
        )

    def _note(self, connection: Connection, channel: str, **values: Any) -> None:
        connection.execute(
            update(alert_channels).where(alert_channels.c.channel == channel).values(**values)
        )
