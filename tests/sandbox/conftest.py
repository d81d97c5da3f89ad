"""One small sandbox per test module, put back to its first day for every test."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from sandbox.box import Sandbox
from sandbox.server import serve


@pytest.fixture(scope="module")
def _server() -> Iterator[Sandbox]:
    with serve(size="small") as box:
        yield box


@pytest.fixture
def box(_server: Sandbox) -> Sandbox:
    _server.limits.enabled = False
    _server.reset()
    return _server


@pytest.fixture
def http(box: Sandbox) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=box.url, timeout=10) as client:
        yield client
