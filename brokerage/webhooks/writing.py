"""Storing events for many requests at once: whoever waits shares a transaction with the others.

A commit waits for the disk, one insert hardly costs anything: under load a batch is what came
while the one before was written. A request is answered when its own rows are durable.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from brokerage.control.webhooks import Arrival, WebhookInbox

MOST_WAITING = 5_000
BATCH = 400

log = logging.getLogger(__name__)


class NotStored(Exception):
    """The events are not in the inbox, so the vendor must not be told that they are."""


class Overloaded(NotStored):
    """Too many requests wait for the database."""


@dataclass(frozen=True)
class _Waiting:
    arrivals: Sequence[Arrival]
    stored: asyncio.Future[None]


class Writer:
    """Stores events in batches, in a thread of its own; `start` it in the running loop."""

    def __init__(self, inbox: WebhookInbox) -> None:
        self._inbox = inbox
        self._queue: asyncio.Queue[_Waiting] = asyncio.Queue(MOST_WAITING)
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to write."""
        self._task = asyncio.create_task(self._run(), name="webhook writer")

    async def stop(self) -> None:
        """Write what waits, then end."""
        if self._task is not None:
            await self._queue.join()
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def store(self, arrivals: Sequence[Arrival]) -> None:
        """Return when the events are durable. Raises `NotStored` if they could not be stored."""
        waiting = _Waiting(arrivals, asyncio.get_running_loop().create_future())
        try:
            self._queue.put_nowait(waiting)
        except asyncio.QueueFull:
            raise Overloaded from None
        await waiting.stored

    async def _run(self) -> None:
        while True:
            batch = [await self._queue.get()]
            while len(batch) < BATCH and not self._queue.empty():
                batch.append(self._queue.get_nowait())
            try:
                await self._write(batch)
            finally:
                for waiting in batch:
                    # a bug must not leave a request waiting for ever
                    if not waiting.stored.done():
                        waiting.stored.set_exception(NotStored())
                    self._queue.task_done()

    async def _write(self, batch: Sequence[_Waiting]) -> None:
        try:
            await asyncio.to_thread(self._store, [a for w in batch for a in w.arrivals])
        except SQLAlchemyError as error:
            if len(batch) > 1 and not _is_lost(error):
                # one event that the database refuses must not hold up the others
                for waiting in batch:
                    await self._write([waiting])
                return
            log.error("Webhooks could not be stored (%s).", type(error).__name__)
            return
        for waiting in batch:
            if not waiting.stored.done():
                waiting.stored.set_result(None)

    def _store(self, arrivals: Sequence[Arrival]) -> None:
        try:
            self._inbox.store(arrivals)
        except DBAPIError as error:
            if not _is_lost(error):
                raise
            # the database was restarted: the pool has dropped its connections by now
            self._inbox.store(arrivals)


def _is_lost(error: SQLAlchemyError) -> bool:
    return isinstance(error, DBAPIError) and bool(error.connection_invalidated)
