"""The ASGI app at which vendors deliver: `POST /hooks/<vendor>/<token>`.

| Case | Answer |
|---|---|
| genuine, stored (also again) | what the vendor wants for it, 200 or 202 |
| unknown address | 404 |
| not signed, wrongly signed, too old, from the future | 401 |
| more than a megabyte | 413 |
| too slow to arrive | 408 |
| not stored | 503: the vendor delivers again |

A delivery is proved on its raw bytes before they are parsed. What is genuine and not understood is
stored as a dead letter: to refuse it would only bring it again.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
import re
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
from sqlalchemy.exc import SQLAlchemyError
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from brokerage.control.log import ControlLog
from brokerage.control.webhooks import Arrival, Endpoint, WebhookEndpoints, WebhookInbox
from brokerage.webhooks.writing import NotStored, Writer
from pipelines.common.http import VendorSettings
from pipelines.common.webhooks import Delivery, Event, NotGenuine, NotUnderstood, Webhooks

MOST_BYTES = 1_000_000
BODY_SECONDS = 10.0
KNOWN_SECONDS = 30.0
"""How long an address is remembered: so long does one that was closed stay open."""

UNKNOWN_SECONDS = 3.0
MOST_REMEMBERED = 10_000
FLUSH_SECONDS = 5.0
ALARM_SECONDS = 3600.0

UNKNOWN_ADDRESS = "unknown address"
_TOKEN = re.compile(r"[A-Za-z0-9_-]{20,200}")
_LIKE_A_SIGNATURE = re.compile(r"signature|hmac|digest", re.IGNORECASE)

log = logging.getLogger(__name__)


@dataclass
class _Addresses:
    """Endpoints by their token, remembered for a moment."""

    endpoints: WebhookEndpoints
    _known: dict[str, tuple[float, Endpoint | None]] = field(default_factory=dict)

    async def find(self, vendor: str, token: str) -> Endpoint | None:
        if not _TOKEN.fullmatch(token):
            return None
        now = time.monotonic()
        held = self._known.get(token)
        if held is None or held[0] < now:
            found = await asyncio.to_thread(self.endpoints.find, token)
            if len(self._known) >= MOST_REMEMBERED:
                self._known.clear()
            keep = KNOWN_SECONDS if found is not None else UNKNOWN_SECONDS
            held = self._known[token] = (now + keep, found)
        endpoint = held[1]
        return endpoint if endpoint is not None and endpoint.vendor == vendor else None


class Receiver:
    """See the module's text. `settings` are the vendors' by name."""

    def __init__(
        self,
        endpoints: WebhookEndpoints,
        inbox: WebhookInbox,
        control_log: ControlLog,
        webhooks: Mapping[str, Webhooks],
        settings: Mapping[str, VendorSettings],
    ) -> None:
        self._addresses = _Addresses(endpoints)
        self._inbox = inbox
        self._log = control_log
        self._webhooks = webhooks
        self._settings = settings
        self._writer = Writer(inbox)
        self._refused: Counter[tuple[str, str, str]] = Counter()
        self._alarmed: dict[tuple[str, str], float] = {}
        self._stored = 0

    def app(self) -> Starlette:
        """The ASGI app."""
        return Starlette(
            routes=[
                Route("/hooks/{vendor}/{token}", self.deliver, methods=["POST"]),
                Route("/health", self.health, methods=["GET"]),
            ],
            lifespan=self._lifespan,
        )

    @contextlib.asynccontextmanager
    async def _lifespan(self, _app: Starlette) -> AsyncIterator[None]:
        self._writer.start()
        flushing = asyncio.create_task(self._flush_now_and_then(), name="refusals")
        try:
            yield
        finally:
            flushing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await flushing
            await self._writer.stop()
            await self._flush()

    # -- a delivery --------------------------------------------------------------------------

    async def deliver(self, request: Request) -> Response:
        """Take one delivery."""
        vendor, token = request.path_params["vendor"], request.path_params["token"]
        webhooks = self._webhooks.get(vendor)
        try:
            endpoint = await self._addresses.find(vendor, token) if webhooks else None
        except SQLAlchemyError:
            log.error("The database does not answer.")
            return _answer(503, "The delivery could not be stored; deliver it again later.")
        if webhooks is None or endpoint is None:
            # the name of a vendor that does not exist is a stranger's text
            self._count(vendor if webhooks else "", "", UNKNOWN_ADDRESS)
            return _answer(404, "There is no such address.")
        try:
            body = await _read(request)
        except ClientDisconnect:
            return Response(status_code=400)
        except TimeoutError:
            self._count(vendor, endpoint.connection_id, "too slow")
            return _answer(408, "The delivery took too long to arrive.")
        if body is None:
            self._count(vendor, endpoint.connection_id, "too large")
            return _answer(413, "The delivery is too large.")
        delivery = Delivery(body, _headers(request), time.time())
        try:
            webhooks.verify(delivery, endpoint.secrets, self._settings[vendor])
            arrivals = _arrivals(webhooks, endpoint, delivery)
        except NotGenuine as refused:
            self._count(vendor, endpoint.connection_id, refused.reason)
            return _answer(401, f"The delivery is refused: {refused.reason}.")
        try:
            await self._writer.store(arrivals)
        except NotStored:
            return _answer(503, "The delivery could not be stored; deliver it again later.")
        self._stored += len(arrivals)
        return Response(status_code=webhooks.acknowledgement)

    # -- what is refused ---------------------------------------------------------------------

    def _count(self, vendor: str, connection_id: str, reason: str) -> None:
        self._refused[(vendor, connection_id, reason)] += 1

    async def _flush_now_and_then(self) -> None:
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            await self._flush()

    async def _flush(self) -> None:
        counts, self._refused = self._refused, Counter()
        if not counts:
            return
        try:
            await asyncio.to_thread(self._write_refusals, counts)
        except SQLAlchemyError as error:
            self._refused.update(counts)
            log.error("Refused webhooks could not be counted (%s).", type(error).__name__)

    def _write_refusals(self, counts: Counter[tuple[str, str, str]]) -> None:
        self._inbox.refuse(counts)
        now = time.monotonic()
        for (vendor, connection_id, reason), count in counts.items():
            # whoever tries addresses at random is counted and does not ring
            last = self._alarmed.get((connection_id, reason))
            if not connection_id or (last is not None and now - last < ALARM_SECONDS):
                continue
            self._alarmed[(connection_id, reason)] = now
            self._log.error(
                "webhooks",
                f"{count} webhook deliveries to {connection_id} were refused ({reason}): run "
                f"`brokerage webhooks check {connection_id.split(':')[0]} {vendor}`.",
                agent_key=connection_id.split(":")[0],
                connection_id=connection_id,
            )

    # -- health ------------------------------------------------------------------------------

    async def health(self, _request: Request) -> Response:
        """Whether the database answers, and what was stored since the start."""
        try:
            await asyncio.to_thread(self._inbox.vendors_due)
        except SQLAlchemyError:
            return JSONResponse({"status": "the database does not answer"}, 503)
        return JSONResponse({"status": "ok", "stored": self._stored})


def _headers(request: Request) -> dict[str, str]:
    return {name.lower(): value for name, value in request.headers.items()}


async def _read(request: Request) -> bytes | None:
    """The raw body; None if it is larger than it may be."""
    announced = request.headers.get("content-length", "")
    if announced.isdigit() and int(announced) > MOST_BYTES:
        return None
    body = bytearray()
    async with asyncio.timeout(BODY_SECONDS):
        async for chunk in request.stream():
            body += chunk
            if len(body) > MOST_BYTES:
                return None
    return bytes(body)


def _arrivals(webhooks: Webhooks, endpoint: Endpoint, delivery: Delivery) -> list[Arrival]:
    """What a genuine delivery tells, as it is stored. Raises `NotGenuine` for a replay."""
    _note_signature(webhooks, delivery)
    try:
        parsed: Any = orjson.loads(delivery.body)
    except orjson.JSONDecodeError:
        return [_dead(endpoint, delivery, "A delivery is no JSON.", None)]
    try:
        events = list(webhooks.read(parsed, delivery.now))
    except NotUnderstood as error:
        return [_dead(endpoint, delivery, str(error), parsed)]
    return [_arrival(endpoint, event) for event in events]


def _arrival(endpoint: Endpoint, event: Event) -> Arrival:
    return Arrival(
        vendor=endpoint.vendor,
        connection_id=endpoint.connection_id,
        event_source_id=event.source_id,
        event_type=event.type,
        body=event.body,
        hints=[(hint.entity, hint.key, hint.is_new) for hint in event.hints],
        status="new" if event.hints else "ignored",
    )


def _dead(endpoint: Endpoint, delivery: Delivery, why: str, parsed: Any) -> Arrival:
    """What was not understood, without its values: whose they are nobody knows."""
    fields = sorted(map(str, parsed))[:50] if isinstance(parsed, Mapping) else []
    return Arrival(
        vendor=endpoint.vendor,
        connection_id=endpoint.connection_id,
        event_source_id=f"unread:{hashlib.sha256(delivery.body).hexdigest()}",
        event_type="not understood",
        body={"bytes": len(delivery.body), "fields": fields},
        status="failed",
        error=f"{why} Compare docs/vendors/{endpoint.vendor}.md with the fields in `body`.",
    )


_noted: set[str] = set()


def _note_signature(webhooks: Webhooks, delivery: Delivery) -> None:
    """A vendor that signs nothing may begin to: its header is named once, never its value."""
    if not webhooks.signing.startswith("none"):
        return
    for name in delivery.headers:
        if _LIKE_A_SIGNATURE.search(name) and name not in _noted:
            _noted.add(name)
            log.warning("%s sends a header %s, which nobody checks.", webhooks.vendor.title, name)


def _answer(status: int, sentence: str) -> Response:
    return JSONResponse({"error": sentence}, status)
