"""reZEN's pages, errors and parameter checks (contract §§3, 4, 15.3)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, TypeVar

import orjson

from sandbox.http import Query, Reply

T = TypeVar("T")
DEFAULT_SIZE, MAXIMUM_SIZE = 20, 1000


class Refused(Exception):
    """Ends a request with an error answer."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.status)
        self.reply = reply


_NAMES = {
    400: "BAD_REQUEST",
    401: "UNAUTHORIZED",
    403: "FORBIDDEN",
    404: "NOT_FOUND",
    405: "METHOD_NOT_ALLOWED",
}


def refused(status: int, message: str, *, at: str = "2026-01-01 00:00:00") -> Refused:
    """The wrapped error of yenta and arrakis."""
    body = {
        "com.real.commons.apierror.ApiError": {
            "status": _NAMES[status],
            "timestamp": at,
            "message": message,
            "debugMessage": None,
            "subErrors": None,
        }
    }
    return Refused(Reply.json(body, status))


@dataclass(frozen=True, slots=True)
class Page:
    """A page asked for."""

    number: int
    size: int


def _whole(query: Query, name: str, default: int) -> int:
    raw = query.get(name)
    if raw is None or raw == "":
        return default
    try:
        return int(raw)
    except ValueError:
        raise refused(400, f"Failed to convert value of parameter '{name}': \"{raw}\"") from None


def page_of(query: Query) -> Page:
    """``pageNumber`` from 0 and ``pageSize`` 1…1000, else 400."""
    number, size = _whole(query, "pageNumber", 0), _whole(query, "pageSize", DEFAULT_SIZE)
    if number < 0:
        raise refused(400, "Page index must not be less than zero")
    if not 1 <= size <= MAXIMUM_SIZE:
        raise refused(400, f"Page size must be between 1 and {MAXIMUM_SIZE}")
    return Page(number, size)


def envelope(
    query: Query,
    key: str,
    rows: Sequence[T],
    render: Callable[[T], bytes],
    *,
    legacy: bool = False,
    extra: bytes = b"",
) -> bytes:
    """A page of ``rows`` under ``key``; ``legacy`` leaves ``hasNext`` out, ``extra`` are members
    put in front.
    """
    page = page_of(query)
    start = page.number * page.size
    part = rows[start : start + page.size]
    has_next = (
        b""
        if legacy
        else b'"hasNext":%s,' % (b"true" if start + page.size < len(rows) else b"false")
    )
    return b'{%s"pageNumber":%d,"pageSize":%d,%s"totalCount":%d,"%s":[%s]}' % (
        extra,
        page.number,
        page.size,
        has_next,
        len(rows),
        key.encode(),
        b",".join([render(row) for row in part]),
    )


def choice(value: str, allowed: Sequence[str], java: str) -> str:
    """The value if allowed, else 400 as Jackson and Spring word it."""
    if value not in allowed:
        raise refused(400, f"No enum constant {java}.{value}")
    return value


def day(query: Query, name: str, *, required: bool = False) -> date | None:
    """A ``YYYY-MM-DD`` parameter; 400 when malformed, or missing though required."""
    raw = query.get(name)
    if not raw:
        if required:
            raise refused(
                400,
                f"Required request parameter '{name}' is not present",
            )
        return None
    try:
        return date.fromisoformat(raw)
    except ValueError:
        raise refused(400, f"Failed to convert value of parameter '{name}': \"{raw}\"") from None


def dumps(data: Any) -> bytes:
    """Compact JSON."""
    return orjson.dumps(data)
