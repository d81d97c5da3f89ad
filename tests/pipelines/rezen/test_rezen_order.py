"""The order in which an agent's reZEN data must be read."""

from __future__ import annotations

import pytest

from pipelines.rezen.source import REZEN


def ancestors(name: str) -> set[str]:
    found: set[str] = set()
    waiting = list(REZEN.entity(name).depends_on)
    while waiting:
        one = waiting.pop()
        if one not in found:
            found.add(one)
            waiting += REZEN.entity(one).depends_on
    return found


@pytest.mark.parametrize("entity", REZEN.entities, ids=lambda entity: entity.name)
def test_everything_begins_with_the_agent(entity: object) -> None:
    name = entity.name  # type: ignore[attr-defined]
    assert name == "agents" or "agents" in ancestors(name)


@pytest.mark.parametrize(
    ("later", "earlier"),
    [
        ("team_members", "teams"),
        ("transactions", "transaction_list"),
        ("listings", "listing_list"),
        ("revshare_payment_contributions", "revshare_payments"),
    ],
)
def test_what_needs_another_list_waits_for_it(later: str, earlier: str) -> None:
    assert earlier in ancestors(later)


@pytest.mark.parametrize(
    "branches",
    [("transactions", "down_line"), ("listings", "sponsor_tree"), ("cap_info", "teams")],
)
def test_branches_do_not_wait_for_each_other(branches: tuple[str, str]) -> None:
    one, other = branches
    assert other not in ancestors(one)
    assert one not in ancestors(other)
