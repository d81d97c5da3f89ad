"""The little HTTP layer under the vendor apps: hand-made ASGI, because pages are served by the
hundred per second.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

import orjson

from sandbox.faults import Rule

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = tuple[tuple[bytes, bytes], ...]

JSON = b"application/json"
HTML = b"text/html; charset=utf-8"
CSV = b"text/csv; charset=utf-8"
ASSUMED: Headers = ((b"x-sandbox-assumed", b"true"),)


@dataclass(slots=True)
class Reply:
    """One answer: status, body bytes, content type and extra headers (lower-case names)."""

    status: int = 200
    body: bytes = b""
    content_type: bytes = JSON
    headers: Headers = ()

    @classmethod
    def json(cls, data: Any, status: int = 200, headers: Headers = ()) -> Reply:
        """A JSON answer; Decimals must be made numbers or strings before."""
        return cls(status, orjson.dumps(data), JSON, headers)


@dataclass(slots=True)
class Call:
    """What the frame knows about a request; in every vendor scope under ``"sandbox.call"``.

    ``path`` is below the vendor's prefix (``/v1/people``). A vendor app may set ``template`` (for
    the request log),
    ``account`` (whose credential it was), ``sent`` (the body) and ``assumed`` (adds
    ``X-Sandbox-Assumed: true``).
    """

    vendor: str
    method: str
    path: str
    query: str
    api_key: str | None
    account: str | None
    rules: list[Rule] = field(default_factory=list)
    template: str | None = None
    assumed: bool = False
    sent: bytes = b""

    def fault(self, kind: str) -> Rule | None:
        """The rule of that kind that hit this request, if any."""
        for rule in self.rules:
            if rule.kind == kind:
                return rule
        return None


class Query:
    """The query string with repeated keys kept, in order."""

    __slots__ = ("_values",)

    def __init__(self, raw: str) -> None:
        self._values: dict[str, list[str]] = {}
        for name, value in parse_qsl(raw, keep_blank_values=True):
            self._values.setdefault(name, []).append(value)

    def get(self, name: str, default: str | None = None) -> str | None:
        """The last value of a parameter."""
        values = self._values.get(name)
        return values[-1] if values else default

    def all(self, name: str) -> list[str]:
        """Every value of a repeated parameter."""
        return self._values.get(name, [])

    def names(self) -> list[str]:
        """The parameter names that were sent."""
        return list(self._values)


def header(scope: Scope, name: bytes) -> str | None:
    """A request header by its lower-case name."""
    for key, value in scope["headers"]:
        if key == name:
            return bytes(value).decode("latin-1")
    return None


async def read_body(receive: Receive) -> bytes:
    """The whole request body."""
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body", False):
            return bytes(body)


async def send_reply(send: Send, reply: Reply) -> None:
    """Sends an answer with its length; a 204 carries no body."""
    headers: list[tuple[bytes, bytes]] = list(reply.headers)
    if reply.body:
        headers.append((b"content-type", reply.content_type))
    if reply.status != 204:
        headers.append((b"content-length", str(len(reply.body)).encode()))
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": reply.body})
