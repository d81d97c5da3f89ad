"""Qualia, imitated from its contract: the title company's GraphQL endpoint at
`/qualia/api/platform/graphql`.
"""

from __future__ import annotations

from sandbox.qualia.app import build_app, question
from sandbox.qualia.books import Books
from sandbox.vendor import Vendor

VENDOR = Vendor(
    name="qualia",
    build=Books,
    build_app=build_app,
    settings={"base_url": "/qualia/api/platform/graphql"},
    question=question,
)
