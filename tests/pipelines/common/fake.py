"""A vendor of two entities behind an in-process transport: the engine's tests need no real one."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx
from pydantic import Field

from pipelines.common.account import Account, StaticCredentials
from pipelines.common.budget import Rate
from pipelines.common.entity import Entity, Row, Vendor
from pipelines.common.http import Dialect, VendorHttp, VendorSettings
from pipelines.common.model import Amount, Id, Instant, Json, Money, VendorModel
from pipelines.common.reading import Reading

BASE = "http://vendor.test"


class Thing(VendorModel):
    denied = frozenset({"secretNumber"})
    custom_prefix = "custom"

    id: Id = Field(description="thing id")
    name: str | None = Field(None, description="label")
    updated_at: Instant | None = Field(None, description="last change")
    price: Money | None = Field(None, description="price")
    fee: Amount | None = Field(None, description="fee")
    parts: Json | None = Field(None, description="nested")


class Detail(VendorModel):
    id: Id = Field(description="detail id")
    thing_id: Id = Field(description="thing")


def _read_things(reading: Reading) -> Iterator[Sequence[Row]]:
    answer = reading.api.get(f"{BASE}/things")
    yield from (answer.data[i : i + 2] for i in range(0, len(answer.data), 2))
    reading.complete = "X-Only-Changes" not in answer.headers
    reading.guarded = "X-May-Shrink" not in answer.headers
    reading.gone = set(filter(None, answer.headers.get("X-Gone", "").split()))
    reading.cursor_to = f"seen {len(answer.data)}"
    reading.vendor_count = len(answer.data)


def _read_details(reading: Reading) -> Iterator[Sequence[Row]]:
    yield from reading.parallel(
        lambda key: reading.api.get(f"{BASE}/things/{key}/details").data,
        sorted(reading.memory.keys("things")),
    )


def _authorize(credentials: Mapping[str, str], _settings: VendorSettings) -> Mapping[str, str]:
    return {"X-Key": credentials.get("api_key", "")}


def make_vendor(name: str = "rezen") -> Vendor:
    """A vendor that owns one of the raw schemas that exist in a set-up database."""
    return Vendor(
        name=name,
        title="Testing Vendor",
        dialect=Dialect("Testing Vendor", _authorize, {"default": Rate(1000, 1.0, 8)}),
        entities=(
            Entity(
                "things", "Things", "all things", Thing, ("id",), _read_things, "sweep", "§1", "A",
            ),
            Entity(
                "details", "Details", "their details", Detail, ("id",), _read_details,
                "detail", "§2", "A", depends_on=("things",),
            ),
        ),
        settings_type=VendorSettings,
        check=lambda _api, _settings: _refuse(),
    )  # fmt: skip


def _refuse() -> Any:
    raise AssertionError("the fake vendor's credentials are not checked")


@dataclass
class FakeServer:
    """Answers by account key; `answers` maps (key, path) to a body or to a response maker."""

    things: dict[str, list[Any]] = field(default_factory=dict)
    special: dict[tuple[str, str], Callable[[httpx.Request], httpx.Response]] = field(
        default_factory=dict
    )
    calls: list[tuple[str, str]] = field(default_factory=list)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        key, path = request.headers["X-Key"], request.url.path
        self.calls.append((key, path))
        special = self.special.get((key, path))
        if special is not None:
            return special(request)
        if path == "/things":
            return httpx.Response(200, content=json.dumps(self.things.get(key, [])).encode())
        return httpx.Response(200, json=[])

    def http(self, vendor: Vendor, settings: VendorSettings) -> VendorHttp:
        return VendorHttp(vendor.dialect, settings, transport=httpx.MockTransport(self))


def account(key: str, vendor: str = "rezen") -> Account:
    return Account(f"{key}:{vendor}", key, vendor, StaticCredentials({"api_key": key}))
