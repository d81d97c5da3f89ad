"""Rigs of all widths: a world that is only looked at, one that goes on living, one per test."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterator

import psycopg2
import pytest

from brokerage.database.engine import LOADER, parse_url
from sandbox.server import serve
from tests.sources import (
    dotloop_case,
    fub_case,
    lofty_case,
    qualia_case,
    rezen_case,
    skyslope_case,
    stripe_case,
)
from tests.sources.rig import Case, Rig, on_the_sandbox_calendar

# a new vendor is one more case here
CASES = (
    rezen_case.CASE,
    fub_case.CASE,
    skyslope_case.CASE,
    dotloop_case.CASE,
    lofty_case.CASE,
    qualia_case.CASE,
    stripe_case.CASE,
)

WHOLE = (rezen_case.CASE.name, fub_case.CASE.name)
"""The vendors whose peculiarities the fast suite shows all."""
SHOWN_WITH = fub_case.CASE.name
"""With whom the fast suite shows what the engine does for every vendor alike, unless a test names
another."""

Databases = Callable[[], contextlib.AbstractContextManager[str]]
MakeRig = Callable[..., contextlib.AbstractContextManager[Rig]]

_numbers = itertools.count(1)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers",
        "engine(fast, shown_with): shows what the engine does for every vendor alike; slow but for "
        "one vendor, and where `fast` says so of the parameters",
    )
    config.addinivalue_line(
        "markers", "every_time: of what is peculiar to one vendor, what the fast suite shows too"
    )


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A mechanism that was shown with one vendor is shown with the others by `make test-all`, and
    so is most of what is peculiar to a vendor: its readers have tests of their own, without HTTP.
    """
    for item in items:
        only = getattr(getattr(item, "module", None), "ONLY", None)
        if only not in (None, *WHOLE) and not item.get_closest_marker("every_time"):
            item.add_marker(pytest.mark.slow)
        mark = item.get_closest_marker("engine")
        if mark is None or not isinstance(item, pytest.Function):
            continue
        params = item.callspec.params
        shown = params["case"].name == mark.kwargs.get("shown_with", SHOWN_WITH)
        if not shown and not any(fast(params) for fast in mark.args):
            item.add_marker(pytest.mark.slow)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that asks for a `case` runs for each vendor; for a `change`, for each of its changes.

    A module that sets `ONLY` to a vendor's name is about that vendor; a test that is marked
    `applies` runs for the cases that its predicate takes, one with an `agent` for each account.
    """
    only = getattr(metafunc.module, "ONLY", None)
    marks = metafunc.definition.iter_markers("applies")
    predicates = [predicate for mark in marks for predicate in mark.args]
    cases = [
        case
        for case in CASES
        if only in (None, case.name) and all(predicate(case) for predicate in predicates)
    ]
    if "change" in metafunc.fixturenames:
        pairs = [(case, change) for case in cases for change in case.changes]
        ids = [f"{case.name}-{change.name}" for case, change in pairs]
        metafunc.parametrize(("case", "change"), pairs, ids=ids, scope="module")
    elif {"case", "agent"} <= set(metafunc.fixturenames):
        accounts = [(case, agent) for case in cases for agent in case.agents]
        ids = [f"{case.name}-{agent}" for case, agent in accounts]
        metafunc.parametrize(("case", "agent"), accounts, ids=ids, scope="module")
    elif "case" in metafunc.fixturenames:
        metafunc.parametrize("case", cases, ids=[case.name for case in cases], scope="module")


@pytest.fixture(scope="session")
def make_rig(new_database: Databases, tmp_path_factory: pytest.TempPathFactory) -> MakeRig:
    """`with make_rig(case) as rig`: a world on its first day and an empty warehouse."""

    @contextlib.contextmanager
    def make(
        case: Case, database: str | None = None, *, prepared: bool = False, **options: object
    ) -> Iterator[Rig]:
        with contextlib.ExitStack() as stack:
            chosen = {"size": "small", "seed": 7, **options}
            box = stack.enter_context(serve(**chosen))  # type: ignore[arg-type]
            stack.enter_context(on_the_sandbox_calendar(box))
            url = database or stack.enter_context(new_database())
            yield Rig(case, box, url, tmp_path_factory.mktemp("dlt"), prepared=prepared)

    return make


@pytest.fixture(scope="session")
def synced_database(new_database: Databases, make_rig: MakeRig) -> Iterator[Callable[[Case], str]]:
    """The address of a warehouse into which all three agents were read on the first day."""
    with contextlib.ExitStack() as stack:
        made: dict[str, str] = {}

        def of(case: Case) -> str:
            if case.name not in made:
                url = stack.enter_context(new_database())
                with make_rig(case, url) as rig:
                    assert not rig.sync(*case.agents).failures
                made[case.name] = url
            return made[case.name]

        yield of


@contextlib.contextmanager
def _copy_of(url: str) -> Iterator[str]:
    source = parse_url(url)
    name = f"copy_{next(_numbers)}"
    target = source.set(database=name)
    server = source.set(database="postgres", drivername="postgresql")
    address = server.render_as_string(hide_password=False)
    with contextlib.closing(psycopg2.connect(address)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(f"create database {name} template {source.database} strategy file_copy")
            # a copy has no rights on the database itself
            cursor.execute(f"grant connect, create, temporary on database {name} to {LOADER}")
            try:
                yield target.render_as_string(hide_password=False)
            finally:
                cursor.execute(f"drop database {name} with (force)")


@pytest.fixture
def new_rig(case: Case, make_rig: MakeRig) -> Iterator[Rig]:
    """A world on its first day and an empty warehouse."""
    with make_rig(case) as rig:
        yield rig


@pytest.fixture
def rig(
    case: Case,
    make_rig: MakeRig,
    synced_database: Callable[[Case], str],
) -> Iterator[Rig]:
    """A world of its own an hour after its three agents were read."""
    with _copy_of(synced_database(case)) as url, make_rig(case, url, prepared=True) as made:
        made.box.clock.advance(seconds=3600)
        yield made


@pytest.fixture(scope="module")
def loaded(
    case: Case,
    make_rig: MakeRig,
    synced_database: Callable[[Case], str],
) -> Iterator[Rig]:
    """The three agents as read on the first day, to be looked at only."""
    with make_rig(case, synced_database(case), prepared=True) as made:
        yield made


@pytest.fixture(scope="module")
def living(
    case: Case,
    make_rig: MakeRig,
    synced_database: Callable[[Case], str],
) -> Iterator[Rig]:
    """A world that goes on from test to test of a module; each test leaves it in step."""
    with _copy_of(synced_database(case)) as url, make_rig(case, url, prepared=True) as made:
        made.box.clock.advance(seconds=3600)
        yield made
