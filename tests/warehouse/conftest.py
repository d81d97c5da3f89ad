"""The warehouse of a world that has lived for a while, built once for all tests that only read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack

import pytest

from sandbox.box import Sandbox
from sandbox.server import serve
from tests.sources import rezen_case
from tests.sources.rig import ADA, AGENTS, BEN, on_the_sandbox_calendar
from tests.warehouse.filled import DAYS, Warehouse, play
from tests.warehouse.history_case import Story, look_at, sight_of
from tests.warehouse.identity_case import lost_deal
from tests.warehouse.test_marts_equal_truth import equals_the_truth

Databases = Callable[..., AbstractContextManager[str]]


LONG_STORIES = {"ten_days", "four_days", "two_months"}
"""Worlds that are read and built again and again."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if isinstance(item, pytest.Function) and LONG_STORIES & {*item.fixturenames}:
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def new_database(new_database: Databases) -> Databases:
    """As everywhere, but of one name for each module.

    dbt's parsed project holds the name, and parsing is a third of the time of these tests. Modules
    of one process come one after the other, and so do their databases.
    """
    return lambda name="warehouse": new_database(name)


@pytest.fixture(scope="session")
def lived_story(
    new_database: Databases, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Story]:
    """Read, built and held against the truth; ten days with every change that the vendors' tests
    know; read again, first in vain; built and tested. Nobody changes it."""
    with ExitStack() as stack:
        box = stack.enter_context(serve(size="small", seed=21))
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        # minutes go by before the last test compares: this world, and no other, stands still
        patch.setattr(box.clock, "now", lambda: box.clock._base)
        url = stack.enter_context(new_database("lived"))
        world = Warehouse(box, url, tmp_path_factory.mktemp("lived"))
        story = Story(world)
        # the calendar is the whole process's: it must not outlast the readings
        with on_the_sandbox_calendar(box):
            assert world.sync() == 0
            _look(story, 0)
            world.build()
            equals_the_truth(world)
            _live(box)
            world.read_in_vain()
            assert world.sync() == 0
            # who was deleted is for full readings to find
            box.advance(seconds=60)
            for rig in world.rigs:
                assert not rig.sync(*rig.case.agents, full=True).failures
        _look(story, DAYS)
        world.build(tests=True)
        yield story


@pytest.fixture(scope="session")
def lived_world(lived_story: Story) -> Warehouse:
    """Its warehouse."""
    return lived_story.warehouse


def _look(story: Story, day: int) -> None:
    box = story.warehouse.box
    story.looks[day] = look_at(box, None, network_is_read=True)
    story.sights[day] = {agent: sight_of(box, agent) for agent in AGENTS}


def _live(box: Sandbox) -> None:
    for change in (
        {"op": "add_deal", "agent_key": ADA, "price": "123456.78", "partner_key": BEN},
        {"op": "add_member", "agent_key": ADA},
    ):
        box.mutate(change)
    box.mutate({"op": "close_deal", "deal_id": rezen_case.deals_of(box, "OPEN")[0].id})
    played, impossible = 0, []
    for day in range(1, DAYS + 1):
        box.advance(days=1)
        could, could_not = play(box, day)
        played, impossible = played + could, impossible + could_not
    assert played > 140
    assert len(impossible) < 10, impossible
    box.mutate({"op": "hide_deal", "deal_id": lost_deal(box).id})
