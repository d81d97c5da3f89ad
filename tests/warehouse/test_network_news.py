"""The digests of each day tell what happened in the world, and only to whom it happened: four days
of a living sandbox, and the world that lived between two builds.

What is expected is computed from the sandbox's world by comparing each day with the one before, as
the tests of the histories do; nothing of it comes from the warehouse.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from brokerage.control.repository import ControlRepository
from brokerage.database.engine import make_engine
from brokerage.digests.sending import preview
from sandbox.box import Sandbox
from sandbox.clock import REPORTING_ZONE
from tests.sources import rezen_case
from tests.sources.rig import ADA, BEN
from tests.warehouse.filled import KEPT, still_world
from tests.warehouse.history_case import Row, Sight, Story, look_at, sight_of
from tests.warehouse.test_history import NO_TESTS, _build

Databases = Callable[[], AbstractContextManager[str]]
BUILD = ("--select", "+network_news", "--exclude", *NO_TESTS)
DAILY = (*BUILD, *KEPT)
TESTS = ("--select", "network_news", "int_revenue__changed", "int_deals__sighted")
# what is older when it is seen first is none
OLD_NEWS = timedelta(days=7)
# a deal that changes hands or is seen by others is told by the world's lists of deals
CHANGES = {
    "status": "status",
    "tier": "tier",
    "network_size": "size",
    "join_date": "joined",
    "departure": "left",
}


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
def four_days(new_database: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    with still_world(new_database, tmp_path_factory, "news") as world:
        box = world.box
        story = Story(world)
        for day in range(4):
            if day:
                box.advance(days=1)
                _play(box, day, story.played)
            box.advance(seconds=60)
            assert not story.warehouse.rezen.sync(ADA, BEN, full=True).failures
            story.looks[day] = look_at(box, None, network_is_read=True)
            story.sights[day] = {key: sight_of(box, key) for key in (ADA, BEN)}
            _build(story.warehouse, *(DAILY if day else BUILD))
        _build(story.warehouse, *TESTS)
        yield story


@pytest.fixture(params=["lived_story", pytest.param("four_days", marks=pytest.mark.slow)])
def story(request: pytest.FixtureRequest) -> Story:
    found: Story = request.getfixturevalue(request.param)
    return found


def news(story: Story, agent: str, day: int) -> dict[tuple[str, str], Row]:
    """The rows of the mart, by kind and the vendor's id of the subject."""
    rows = story.warehouse.rows(
        "select * from marts.network_news where agent_key = %s and news_date = %s",
        agent,
        date_of(story, day),
    )
    return {(row["news_kind"], str(row["subject_id"]).removeprefix("rezen:")): row for row in rows}


def date_of(story: Story, day: int) -> date:
    return story.looks[day].as_of.astimezone(REPORTING_ZONE).date()


@pytest.mark.parametrize("agent", [ADA, BEN])
def test_the_news_of_each_day_are_what_happened(story: Story, agent: str) -> None:
    kinds = set()
    for day, _, _ in story.pairs():
        [before, after] = (
            story.sights[one][agent] for one in (max(d for d in story.sights if d < day), day)
        )
        expected = _expected(before, after, story.looks[day].as_of)
        told = news(story, agent, day)
        assert set(told) == set(expected), (agent, day)
        kinds |= {kind for kind, _ in expected}
        for key, values in expected.items():
            for name, value in values.items():
                assert told[key][name] == value, (agent, day, key, name)
    assert len(kinds) > (agent == ADA), "nothing has happened"


def _expected(before: Sight, after: Sight, now: datetime) -> dict[tuple[str, str], dict[str, Any]]:
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
    for listing in after.listings.keys() - before.listings:
        if after.listings[listing] >= now - OLD_NEWS:
            found["new_listing", listing] = {}
    for currency, total in after.share.items():
        if total != before.share.get(currency, 0):
            found["revenue", f"revenue_share:{currency}"] = {
                "amount": total - before.share.get(currency, 0),
                "currency": currency,
            }
    return found


def test_what_was_played_is_among_the_news(four_days: Story) -> None:
    played = four_days.played
    assert ("new_member", played["new"]) in news(four_days, ADA, 1)
    assert ("closing", played["closed"]) in news(four_days, ADA, 1)
    assert news(four_days, ADA, 2)["status", played["inactive"]]["value_new"] == "INACTIVE"
    assert ("departure", played["gone"]) in news(four_days, ADA, 2)
    assert news(four_days, ADA, 3)["tier", played["moved"]]["value_new"] == "1"


def test_the_first_day_of_an_agent_is_no_news_of_the_network(story: Story) -> None:
    kinds = {kind for agent in (ADA, BEN) for kind, _ in news(story, agent, 0)}
    assert kinds <= {"closing", "new_listing"}


def test_a_mail_can_be_made_of_them(story: Story) -> None:
    day, *_ = sorted(story.looks)[1:]
    engine = make_engine(story.warehouse.database)
    try:
        ControlRepository(engine).add_agent(ADA, "Ada Sample")
        everything = ("network", "transactions", "listings", "revenue")
        rendered, count = preview(engine, ADA, "daily", date_of(story, day), everything)
    finally:
        engine.dispose()
    assert count == len(news(story, ADA, day))
    assert "new member" in rendered.subject
    assert "Closings" in rendered.text
