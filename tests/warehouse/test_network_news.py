"""Four days of a living sandbox: the digests of each day tell what happened in the world, and only
to whom it happened.

What is expected is computed from the sandbox's world by comparing each day with the one before, as
the tests of the histories do; nothing of it comes from the warehouse.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest

from brokerage.control.repository import ControlRepository
from brokerage.database.engine import make_engine
from brokerage.digests.sending import preview
from sandbox.box import Sandbox
from sandbox.clock import REPORTING_ZONE, Clock
from sandbox.server import serve
from tests.sources import rezen_case
from tests.sources.rig import ADA, BEN, on_the_sandbox_calendar
from tests.warehouse.filled import Warehouse
from tests.warehouse.test_history import NO_TESTS, _build

Databases = Callable[[], AbstractContextManager[str]]
BUILD = ("--select", "+network_news", "--exclude", *NO_TESTS)
TESTS = ("--select", "network_news", "int_revenue__changed", "int_deals__sighted")
# a deal that changes hands or is seen by others is told by the world's lists of deals
CHANGES = {
    "status": "status",
    "tier": "tier",
    "network_size": "size",
    "join_date": "joined",
    "departure": "left",
}


@dataclass
class Look:
    """What one agent could see on a day."""

    network: dict[str, dict[str, Any]]
    groups: dict[str, str]
    listings: set[str]
    share: dict[str, Decimal]


@dataclass
class Story:
    """The warehouse after some days, with what each agent could see on each."""

    warehouse: Warehouse
    days: list[date] = field(default_factory=list)
    looks: list[dict[str, Look]] = field(default_factory=list)
    played: dict[str, str] = field(default_factory=dict)

    def news(self, agent: str, day: int) -> dict[tuple[str, str], dict[str, Any]]:
        """The rows of the mart, by kind and the vendor's id of the subject."""
        rows = self.warehouse.rows(
            "select * from marts.network_news where agent_key = "
            f"'{agent}' and news_date = '{self.days[day]}'"
        )
        return {
            (row["news_kind"], str(row["subject_id"]).removeprefix("rezen:")): dict(row)
            for row in rows
        }


def _look(box: Sandbox, key: str) -> Look:
    world = box.world
    agent = world.agent_by_key(key)
    network = {}
    for tier in range(5, 0, -1):
        for who in world.down_line(agent.id, tier):
            network[who.id] = {
                "tier": tier,
                "status": who.status,
                "size": world.network_size(who.id),
                "joined": who.join_date,
                "left": who.terminated_as_of,
            }
    share = box.truth(key)["rezen"]["summary"]["revenue_share"]
    return Look(
        network=network,
        groups={deal.id: deal.group for deal in world.deals_of(agent.id, listing=False)},
        listings={deal.id for deal in world.deals_of(agent.id, listing=True)},
        share={share["currency"]: Decimal(share["total"])},
    )


def _play(box: Sandbox, day: int, played: dict[str, str]) -> None:
    match day:
        case 1:
            played["new"] = box.mutate({"op": "add_member", "agent_key": ADA})["agent_id"]
            played["closed"] = rezen_case.deals_of(box, "OPEN")[0].id
            box.mutate({"op": "close_deal", "deal_id": played["closed"]})
        case 2:
            played["inactive"] = rezen_case.leaf(box, 2).id
            box.mutate({"op": "set_status", "agent_id": played["inactive"], "status": "INACTIVE"})
            played["gone"] = rezen_case.leaf(box, 1).id
            box.mutate({"op": "remove_member", "agent_id": played["gone"]})
        case 3:
            played["moved"] = rezen_case.leaf(box, 3).id
            ada = box.world.agent_by_key(ADA).id
            box.mutate({"op": "set_sponsor", "agent_id": played["moved"], "sponsor_id": ada})


@pytest.fixture(scope="module")
def story(new_database: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    with ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        patch.setattr(Clock, "now", lambda clock: clock._base)
        box = stack.enter_context(serve(size="small", seed=7))
        stack.enter_context(on_the_sandbox_calendar(box))
        url = stack.enter_context(new_database())
        story = Story(Warehouse(box, url, tmp_path_factory.mktemp("news")))
        for day in range(4):
            if day:
                box.advance(days=1)
                _play(box, day, story.played)
            box.advance(seconds=60)
            assert not story.warehouse.rezen.sync(ADA, BEN, full=True).failures
            story.looks.append({key: _look(box, key) for key in (ADA, BEN)})
            now: datetime = box.clock.now()
            story.days.append(now.astimezone(REPORTING_ZONE).date())
            _build(story.warehouse, *BUILD)
        _build(story.warehouse, *TESTS)
        yield story


@pytest.mark.parametrize("agent", [ADA, BEN])
def test_the_news_of_each_day_are_what_happened(story: Story, agent: str) -> None:
    for day in range(1, len(story.days)):
        before, after = story.looks[day - 1][agent], story.looks[day][agent]
        expected = _expected(before, after)
        told = story.news(agent, day)
        assert set(told) == set(expected), (agent, day)
        for key, values in expected.items():
            for name, value in values.items():
                assert told[key][name] == value, (agent, day, key, name)


def _expected(before: Look, after: Look) -> dict[tuple[str, str], dict[str, Any]]:
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for who, facts in after.network.items():
        known = before.network.get(who)
        if known is None:
            found["new_member", who] = {"tier": facts["tier"], "value_new": facts["status"]}
            continue
        for kind, name in CHANGES.items():
            if known[name] != facts[name]:
                found[kind, who] = {
                    "tier": facts["tier"],
                    "value_old": None if known[name] is None else str(known[name]),
                    "value_new": None if facts[name] is None else str(facts[name]),
                }
    for who in before.network.keys() - after.network.keys():
        found["departure", who] = {"tier": before.network[who]["tier"], "value_new": None}
    for deal, group in after.groups.items():
        if group == "CLOSED" and before.groups.get(deal, "OPEN") != "CLOSED":
            found["closing", deal] = {"value_new": "CLOSED"}
    for listing in after.listings - before.listings:
        found["new_listing", listing] = {}
    for currency, total in after.share.items():
        if total != before.share.get(currency, 0):
            found["revenue", f"revenue_share:{currency}"] = {
                "amount": total - before.share.get(currency, 0),
                "currency": currency,
            }
    return found


def test_what_was_played_is_among_the_news(story: Story) -> None:
    played = story.played
    assert ("new_member", played["new"]) in story.news(ADA, 1)
    assert ("closing", played["closed"]) in story.news(ADA, 1)
    assert story.news(ADA, 2)["status", played["inactive"]]["value_new"] == "INACTIVE"
    assert ("departure", played["gone"]) in story.news(ADA, 2)
    assert story.news(ADA, 3)["tier", played["moved"]]["value_new"] == "1"


def test_the_first_day_of_an_agent_is_no_news_of_the_network(story: Story) -> None:
    kinds = {kind for agent in (ADA, BEN) for kind, _ in story.news(agent, 0)}
    assert kinds <= {"closing", "new_listing"}


def test_a_mail_can_be_made_of_them(story: Story) -> None:
    engine = make_engine(story.warehouse.database)
    try:
        ControlRepository(engine).add_agent(ADA, "Ada Sample")
        everything = ("network", "transactions", "listings", "revenue")
        rendered, count = preview(engine, ADA, "daily", story.days[1], everything)
    finally:
        engine.dispose()
    assert count == len(story.news(ADA, 1))
    assert "new member" in rendered.subject
    assert "Closings" in rendered.text
