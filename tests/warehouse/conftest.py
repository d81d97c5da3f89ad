"""The warehouse of a world that has lived for a while, built once for all tests that only read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack

import pytest

from sandbox.server import serve
from tests.sources import rezen_case
from tests.sources.rig import ADA, AGENTS, BEN, on_the_sandbox_calendar
from tests.warehouse.filled import Warehouse
from tests.warehouse.identity_case import lost_deal

Databases = Callable[..., AbstractContextManager[str]]


@pytest.fixture(scope="session")
def new_database(new_database: Databases) -> Databases:
    """As everywhere, but of one name for each module.

    dbt's parsed project holds the name, and parsing is a third of the time of these tests. Modules
    of one process come one after the other, and so do their databases.
    """
    return lambda name="warehouse": new_database(name)


@pytest.fixture(scope="session")
def lived_world(
    new_database: Databases, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Warehouse]:
    """Read, changed, read eight days later, first in vain, built and tested. Nobody changes it."""
    with ExitStack() as stack:
        box = stack.enter_context(serve(size="small", seed=21))
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        # minutes go by before the last test compares: this world, and no other, stands still
        patch.setattr(box.clock, "now", lambda: box.clock._base)
        url = stack.enter_context(new_database("lived"))
        world = Warehouse(box, url, tmp_path_factory.mktemp("lived"))
        # the calendar is the whole process's: it must not outlast the readings
        with on_the_sandbox_calendar(box):
            assert world.sync() == 0
            for change in (
                {"op": "add_deal", "agent_key": ADA, "price": "123456.78", "partner_key": BEN},
                {"op": "add_member", "agent_key": ADA},
                {"op": "fub.create_person", "agent_key": ADA},
                {"op": "fub.delete_person", "agent_key": ADA},
            ):
                box.mutate(change)
            box.mutate({"op": "close_deal", "deal_id": rezen_case.deals_of(box, "OPEN")[0].id})
            box.advance(days=8)
            box.mutate({"op": "hide_deal", "deal_id": lost_deal(box).id})
            world.read_in_vain()
            assert world.sync() == 0
            # neither CRM tells who was deleted: that is for full readings to find
            box.advance(seconds=60)
            for rig in (world.fub, world.lofty):
                assert not rig.sync(*AGENTS, full=True).failures
        world.build(tests=True)
        yield world
