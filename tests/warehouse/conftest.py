"""The warehouse of a world that has lived for a while, built once for all tests that only read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack

import pytest

from sandbox.server import serve
from tests.sources import rezen_case
from tests.sources.rig import ADA, AGENTS, BEN, on_the_sandbox_calendar
from tests.warehouse.test_marts_equal_truth import Warehouse

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
    """Read, changed, read again eight days later, and built. Tests must not change it."""
    with ExitStack() as stack:
        box = stack.enter_context(serve(size="small", seed=21))
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
            assert world.sync() == 0
            assert not world.fub.sync(*AGENTS, full=True).failures
        world.build()
        yield world
