"""A tiny reZEN: routes by path, the caller is always the same agent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx

from pipelines.rezen.client import RezenSettings
from pipelines.rezen.source import REZEN
from tests.pipelines.in_memory import Connection

ADA = "0b6f3c1e-7d2a-4c55-9e10-3f8a2d6b4c01"
ME = {
    "id": ADA,
    "fullName": "Ada Sample",
    "emailAddress": "ada@example.com",
    "type": "AGENT",
    "joinDate": "2026-04-10",
    "birthDate": "1980-01-01",
    "teamMemberships": [{"teamId": "t1", "teamName": "Sample Group", "teamType": "NORMAL"}],
}
Route = Callable[[httpx.Request], Any]


def wrapper(status: int, message: str) -> httpx.Response:
    """An error as yenta and arrakis word it."""
    body = {"com.real.commons.apierror.ApiError": {"message": message}}
    return httpx.Response(status, json=body)


def envelope(array: str, rows: list[Any], request: httpx.Request) -> dict[str, Any]:
    """One page of rows as the request asks for it."""
    number = int(request.url.params.get("pageNumber", 0))
    size = int(request.url.params.get("pageSize", 20))
    page = rows[number * size : (number + 1) * size]
    return {
        "pageNumber": number,
        "pageSize": size,
        "hasNext": (number + 1) * size < len(rows),
        "totalCount": len(rows),
        array: page,
    }


class Rezen:
    """Routes by the end of the path; the longest route that fits wins."""

    def __init__(self) -> None:
        self.routes: dict[str, Route] = {"/users/me": lambda _request: ME}

    def __call__(self, request: httpx.Request) -> httpx.Response:
        fitting = [route for route in self.routes if request.url.path.endswith(route)]
        if not fitting:
            return wrapper(404, f"no {request.url.path}")
        answer = self.routes[max(fitting, key=len)](request)
        return answer if isinstance(answer, httpx.Response) else httpx.Response(200, json=answer)


def connect(rezen: Callable[[httpx.Request], httpx.Response], **more: Any) -> Connection:
    """Ada's connection to it."""
    return Connection(
        REZEN,
        rezen,
        RezenSettings(equity=True),
        {"api_key": "sandbox_key_ada"},
        account_source_id=ADA,
        **more,
    )
