"""The sandbox as an HTTP server: dispatch to the vendors, the faults of the wire, and the request
log.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from functools import partial
from typing import Any

import orjson
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from sandbox.box import Sandbox
from sandbox.control import Control
from sandbox.faults import AFTER, BEFORE, ROW, Rule, spoil_rows
from sandbox.http import (
    ASSUMED,
    HTML,
    ASGIApp,
    Call,
    Message,
    Receive,
    Reply,
    Scope,
    Send,
    read_body,
    send_reply,
)
from sandbox.vendors import VENDORS
from sandbox.world.sizes import Size

BAD_GATEWAY = (
    b"<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"
)


class _Protocol(HttpToolsProtocol):
    """uvicorn's protocol with the transport in the scope: a fault can cut the connection."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["sandbox.transport"] = self.transport  # type: ignore[typeddict-unknown-key]


class Frame:
    """The outermost ASGI app: ``/<vendor>/...`` and ``/sandbox/...``."""

    def __init__(self, box: Sandbox) -> None:
        self._box = box
        self._control = Control(box)
        self._apps: dict[str, ASGIApp] = {
            name: vendor.build_app(box) for name, vendor in VENDORS.items()
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Plays one request."""
        if scope["type"] != "http":
            return
        _, vendor, rest = (*str(scope["path"]).split("/", 2), "", "")[:3]
        if vendor == "sandbox":
            await self._control(scope, receive, send)
            return
        app = self._apps.get(vendor)
        if app is None:
            await send_reply(send, Reply.json({"error": f"No vendor at /{vendor}."}, 404))
            return
        await self._play(app, vendor, f"/{rest}", scope, receive, send)

    async def _play(
        self, app: ASGIApp, vendor: str, path: str, scope: Scope, receive: Receive, send: Send
    ) -> None:
        box = self._box
        key = VENDORS[vendor].credential(scope)
        query = scope["query_string"].decode("latin-1")
        call = Call(vendor, scope["method"], path, query, key, box.world.account_of(key))
        target = f"{path}?{query}" if query else path
        question = VENDORS[vendor].question
        if question is not None:
            body = await read_body(receive)
            target += f"#{question(body)}"
            receive = _again(body, receive)
        call.rules = box.faults.strike(vendor, target, call.account, key)
        who = call.account
        box.requests.begin(call)
        status = 0
        try:
            if box.latency:
                await asyncio.sleep(box.latency)
            early = next((rule for rule in call.rules if rule.kind in BEFORE), None)
            if early is not None:
                status = await _before(early, scope, receive, send)
                return
            child = {**scope, "path": path, "raw_path": path.encode(), "sandbox.call": call}
            catch = _Catch()
            await app(child, receive, catch)
            status = await _after(call, catch, scope, send)
        finally:
            box.requests.end(who, call, status)


def _again(body: bytes, receive: Receive) -> Receive:
    """Gives a body that was read already once more, then goes on with the wire."""
    left: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return left.pop() if left else await receive()

    return replay


class _Catch:
    """Holds back an app's answer until the faults had their way with it."""

    def __init__(self) -> None:
        self.status = 500
        self.headers: list[tuple[bytes, bytes]] = []
        self.chunks: list[bytes] = []

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = list(message.get("headers", []))
        elif message["type"] == "http.response.body":
            self.chunks.append(message.get("body", b""))

    @property
    def body(self) -> bytes:
        return self.chunks[0] if len(self.chunks) == 1 else b"".join(self.chunks)


async def _before(rule: Rule, scope: Scope, receive: Receive, send: Send) -> int:
    params = rule.params
    match rule.kind:
        case "reset":
            await _cut(scope, receive)
            return 0
        case "timeout":
            await _hang(float(params.get("seconds", 120)), receive)
            await _cut(scope, receive)
            return 0
        case "429_with_retry_after":
            wait = str(params.get("retry_after", 2)).encode()
            reply = Reply.json({"message": "Too many requests"}, 429, ((b"retry-after", wait),))
        case "429_without":
            reply = Reply.json({"message": "Too many requests"}, 429)
        case "html":
            reply = Reply(int(params.get("status", 502)), BAD_GATEWAY, HTML)
        case "empty_403":
            reply = Reply(403)
        case "no_content":
            reply = Reply(204)
        case _:
            status = int(params.get("status", 500))
            body = params.get("body", {"message": "Injected fault"})
            text = body.encode() if isinstance(body, str) else orjson.dumps(body)
            extra = tuple(
                (str(k).lower().encode(), str(v).encode())
                for k, v in params.get("headers", {}).items()
            )
            reply = Reply(status, text, headers=extra)
    await send_reply(send, reply)
    return reply.status


async def _after(call: Call, catch: _Catch, scope: Scope, send: Send) -> int:
    status, body = catch.status, catch.body
    for rule in call.rules:
        if rule.kind in ROW and status == 200 and body[:1] in (b"{", b"["):
            body = spoil_rows(body, rule)
        elif rule.kind in AFTER:
            match rule.kind:
                case "slow":
                    await asyncio.sleep(float(rule.params.get("seconds", 2)))
                case "empty_body":
                    status, body = 200, b""
                case "garbage":
                    body = b"\x00<!doctype html>not json"
                case "bare":
                    body = _bare(body)
                case _:
                    # length and bytes agree: only the JSON is cut, as a broken proxy does
                    body = body[: max(1, len(body) // 2)]
    headers = [(k, v) for k, v in catch.headers if k != b"content-length"]
    if status != 204:
        headers.append((b"content-length", str(len(body)).encode()))
    if call.assumed:
        headers.extend(ASSUMED)
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
    return status


def _bare(body: bytes) -> bytes:
    data = orjson.loads(body)
    if isinstance(data, dict):
        for value in data.values():
            if isinstance(value, list):
                return orjson.dumps(value)
    return body


async def _hang(seconds: float, receive: Receive) -> None:
    async def gone() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    try:
        await asyncio.wait_for(gone(), seconds)
    except TimeoutError:
        return


async def _cut(scope: Scope, receive: Receive) -> None:
    transport = scope.get("sandbox.transport")
    if transport is not None:
        transport.abort()
        while (await receive())["type"] != "http.disconnect":
            pass


class _Server(uvicorn.Server):
    """uvicorn that says when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()


class _Threaded(_Server):
    """One that ends at once when it is told to: uvicorn looks ten times a second, then waits."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._end: Callable[[], object] = lambda: None

    async def main_loop(self) -> None:
        told = asyncio.Event()
        loop = asyncio.get_running_loop()
        self._end = partial(loop.call_soon_threadsafe, told.set)
        await self.on_tick(0)
        if not self.should_exit:
            await told.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Cuts what is under way: whoever asked is gone."""
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        for task in list(self.server_state.tasks):
            task.cancel()

    def end(self) -> None:
        """From any thread."""
        self.should_exit = True
        self._end()


def make_server(box: Sandbox) -> _Server:
    """A uvicorn server for the box, quiet and without access log."""
    return _Server(_config(box))


def _config(box: Sandbox) -> uvicorn.Config:
    return uvicorn.Config(
        Frame(box),
        http=_Protocol,
        ws="none",
        lifespan="off",
        access_log=False,
        log_level="error",
        timeout_keep_alive=75,
        timeout_graceful_shutdown=1,
    )


def listen(host: str = "127.0.0.1", port: int = 0) -> socket.socket:
    """A listening socket; port 0 takes a free one. Raises OSError when the port is taken."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind((host, port))
    sock.listen(512)
    return sock


@contextmanager
def serve(
    *,
    size: str | Size = "small",
    seed: int = 7,
    today: date = date(2026, 6, 15),
    limited: bool = False,
    latency: float = 0.0,
    port: int = 0,
    **options: Any,
) -> Iterator[Sandbox]:
    """Runs a sandbox in a thread and yields its ``Sandbox``; ``box.url`` is ``http://127.0.0.1:<port>``.

    Rate limits are off unless ``limited``. Other options go to ``Sandbox`` (``rezen_per_minute``).
    """
    box = Sandbox(size=size, seed=seed, today=today, limited=limited, latency=latency, **options)
    sock = listen(port=port)
    box.url = f"http://127.0.0.1:{sock.getsockname()[1]}"
    server = _Threaded(_config(box))
    thread = threading.Thread(
        target=server.run, kwargs={"sockets": [sock]}, name="sandbox", daemon=True
    )
    thread.start()
    try:
        if not server.ready.wait(10):
            raise RuntimeError("The sandbox did not start within 10 seconds; see its log above.")
        yield box
    finally:
        server.end()
        thread.join(10)
        sock.close()
