"""A mail server and a Slack on loopback, as small as the protocol allows, with faults."""

from __future__ import annotations

import json
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import Message
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs


@dataclass
class Taken:
    """A mail that the server has taken."""

    recipient: str
    message: Message

    @property
    def message_id(self) -> str:
        return str(self.message["Message-ID"])

    @property
    def html(self) -> str:
        return self.part("text/html")

    @property
    def text(self) -> str:
        return self.part("text/plain")

    def part(self, kind: str) -> str:
        [found] = [p for p in self.message.walk() if p.get_content_type() == kind]
        return str(found.get_content())  # type: ignore[attr-defined]


@dataclass
class MailServer:
    """What was taken, and what is to go wrong.

    `codes` answers RCPT of an address. `when_text_is_here` is called with the number of the mail
    before the server says that it has taken it; if it returns False, it hangs up without a word.
    """

    port: int = 0
    taken: list[Taken] = field(default_factory=list)
    codes: dict[str, int] = field(default_factory=dict)
    when_text_is_here: Callable[[int], bool] = lambda number: True
    when_recipient_is_named: Callable[[str], None] = lambda address: None
    connections: int = 0


class _Smtp(socketserver.StreamRequestHandler):
    server: Any

    def handle(self) -> None:
        state: MailServer = self.server.state
        state.connections += 1
        self._say("220 loopback ready")
        recipient = ""
        while line := self.rfile.readline():
            word = line.decode().strip()
            verb = word[:4].upper()
            if verb == "EHLO":
                self._say("250 loopback")
            elif verb == "RCPT":
                recipient = word.partition("<")[2].partition(">")[0]
                state.when_recipient_is_named(recipient)
                code = state.codes.get(recipient, 250)
                self._say(f"{code} {recipient}")
            elif verb == "DATA":
                self._say("354 go on")
                text = self._text()
                state.taken.append(Taken(recipient, message_from_bytes(text, policy=default)))
                if not state.when_text_is_here(len(state.taken)):
                    return
                self._say("250 taken")
            elif verb == "QUIT":
                self._say("221 bye")
                return
            else:
                self._say("250 ok")

    def _text(self) -> bytes:
        lines = []
        while (line := self.rfile.readline()) not in (b".\r\n", b""):
            lines.append(line[1:] if line.startswith(b"..") else line)
        return b"".join(lines)

    def _say(self, answer: str) -> None:
        self.wfile.write(f"{answer}\r\n".encode())


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


@contextmanager
def mail_server(port: int = 0) -> Iterator[MailServer]:
    """A mail server on 127.0.0.1."""
    with _Server(("127.0.0.1", port), _Smtp) as server:
        state = MailServer(port=server.server_address[1])
        server.state = state  # type: ignore[attr-defined]
        with _running(server):
            yield state


@dataclass
class Slack:
    """What was posted; `answers` are given in turn instead of a yes: an error code or a status."""

    url: str = ""
    posts: list[dict[str, Any]] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    answers: list[str | int] = field(default_factory=list)
    before_answer: Callable[[], None] = lambda: None


class _Web(BaseHTTPRequestHandler):
    server: Any

    def do_POST(self) -> None:
        slack: Slack = self.server.state
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        if "json" in self.headers.get("Content-Type", ""):
            post = json.loads(body)
        else:
            post = {name: values[0] for name, values in parse_qs(body).items()}
            post["blocks"] = json.loads(post.get("blocks", "[]"))
        slack.tokens.append(self.headers.get("Authorization", ""))
        slack.before_answer()
        answer = slack.answers.pop(0) if slack.answers else None
        if answer is None:
            slack.posts.append(post)
        status = answer if isinstance(answer, int) else 200
        told = {"ok": answer is None, "error": answer} if status == 200 else {}
        content = json.dumps(told).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *arguments: Any) -> None:
        """Nothing on the terminal."""


@contextmanager
def slack_server() -> Iterator[Slack]:
    """A Slack on 127.0.0.1."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Web) as server:
        state = Slack(url=f"http://127.0.0.1:{server.server_address[1]}/api/")
        server.state = state  # type: ignore[attr-defined]
        with _running(server):
            yield state


@contextmanager
def _running(server: socketserver.BaseServer) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
