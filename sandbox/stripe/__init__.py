"""Stripe, imitated from its contract: the product's own billing behind `/stripe/v1/...`."""

from __future__ import annotations

from sandbox.stripe.app import build_app
from sandbox.stripe.books import Books
from sandbox.stripe.hooks import RULES
from sandbox.vendor import Vendor

VENDOR = Vendor(
    name="stripe",
    build=Books,
    build_app=build_app,
    hooks=RULES,
    settings={"base_url": "/stripe/v1"},
)
