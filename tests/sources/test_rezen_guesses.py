"""What of reZEN the source leans on unproven: the risks of the first live run (rezen.md §15.7)."""

from __future__ import annotations

from tests.sources.rig import Rig

ONLY = "rezen"

GUESSED = {
    "/yenta/api/v1/agents/{id}/cap-info",
    "/yenta/api/v1/agents/{id}/network-size-by-tier",
    "/yenta/api/v1/agents/{id}/sponsor-tree",
    "/arrakis/api/v1/revshares/{id}/payments",
    "/arrakis/api/v1/revshares/{id}/payments/{id}",
    "/arrakis/api/v1/revshares/{id}/payments/pending",
    "/arrakis/api/v1/revshares/{id}/payments/pending-overview",
    "/arrakis/api/v1/revshares/{id}/contributions/{n}",
    "/arrakis/api/v1/revshares/{id}/contributors/{n}",
    "/arrakis/api/v1/revshares/{id}/by-tier",
    "/arrakis/api/v1/revshares/{id}/history",
    "/arrakis/api/v1/revshares/performance/{id}/revenue-share/current",
    "/plutus/api/v1/equity/{id}/performance",
    "/plutus/api/v1/equity/{id}/transactions",
    "/plutus/api/v1/equity/{id}/monthly",
    "/plutus/api/v1/equity/{id}/annual",
}
"""A path more is a row more in "With the first real key" of docs/vendors/rezen.md."""


def test_no_other_guess_is_leant_on(rig: Rig) -> None:
    rig.box.requests.clear()
    assert not rig.sync(full=True).failures
    assert {path for _, path in rig.box.requests.assumed} == GUESSED
