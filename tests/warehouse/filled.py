"""What the tests of the whole warehouse share: all vendors' readings and dbt over one database."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg2
import psycopg2.extras
import pytest

from brokerage.control.repository import ControlRepository
from brokerage.database.engine import make_engine, parse_url
from brokerage.database.roles import grant_database
from pipelines.common.entity import check_account
from pipelines.common.load import prepare_raw
from pipelines.registry import VENDORS
from sandbox.box import Sandbox
from sandbox.clock import Clock
from sandbox.server import serve
from tests.sources.conftest import CASES
from tests.sources.rig import Rig, on_the_sandbox_calendar
from tests.warehouse.running import run_dbt

DAYS = 10
KEPT = ("path:models/staging", "resource_type:seed")
"""What stays as it is from the first build of a database on: views and seeds."""

Row = Mapping[str, Any]
Databases = Callable[[], AbstractContextManager[str]]


def play(box: Sandbox, day: int) -> tuple[int, list[str]]:
    """What happens on one of ten days: each vendor's changes are spread over them, in their order.

    Returns how many were played, and what could not be: the world goes on by itself, and an invoice
    that was to be paid may be paid already.
    """
    played, impossible = 0, []
    for case in CASES:
        for number, change in enumerate(case.changes):
            if number * DAYS // len(case.changes) == day - 1:
                try:
                    change.play(box)
                    played += 1
                except ValueError as error:
                    impossible.append(f"{change.name}: {error}")
    return played, impossible


class Warehouse:
    """All vendors and dbt over one database."""

    def __init__(
        self, box: Sandbox, database: str, folder: Path, *, introduced: bool = False
    ) -> None:
        self.box = box
        self.database = database
        self.folder = folder
        self.said = ""
        """What dbt printed in the last build."""
        rigs = {case.name: Rig(case, box, database, folder / "dlt") for case in CASES}
        self.rezen, self.fub, self.lofty = (rigs[n] for n in ("rezen", "fub", "lofty"))
        self.house = rigs["stripe"]
        self.rigs = tuple(rigs.values())
        # dbt builds everything: who is not read here has empty tables
        for vendor in VENDORS.values():
            prepare_raw(vendor, self.rezen.url, folder / "dlt")
        if not introduced:
            self._introduce()

    def _introduce(self) -> None:
        """What the product knows about its users: the control schema."""
        engine = make_engine(self.database)
        control = ControlRepository(engine)
        for account in self.box.accounts:
            key = account["agent_key"]
            control.add_agent(
                key,
                account["name"],
                email=account["email"],
                rezen_agent_id=account["rezen"]["yenta_id"],
                is_demo=True,
            )
            for rig in (rig for rig in self.rigs if key in rig.case.agents):
                identity = check_account(rig.case.vendor, rig.account(key), rig.settings)
                control.save_connection(
                    key,
                    rig.case.name,
                    account_source_id=identity.account_source_id,
                    account_label=identity.label,
                )
        engine.dispose()

    def sync(self, **options: Any) -> int:
        """Read all vendors; the number of failures."""
        self.box.clock.advance(seconds=60)
        return sum(len(rig.sync(*rig.case.agents, **options).failures) for rig in self.rigs)

    def read_in_vain(self) -> None:
        """A run that lasts for a part of the entities only, of some accounts only."""
        for vendor in ("rezen", "fub"):
            self.box.faults.add("status", vendor=vendor, every=2, times=None, status=503)
            self.box.faults.add("truncated_json", vendor=vendor, every=3, times=None)
        patient = {rig: rig.settings for rig in (self.rezen, self.fub)}
        for rig in patient:
            rig.settings = rig.settings.model_copy(update={"max_attempts": 1})
        assert self.sync() > 10
        for rig, settings in patient.items():
            rig.settings = settings
        self.box.faults.clear()

    def build(self, *options: str, tests: bool = False, may_fail: bool = False) -> int:
        """`dbt build` at the sandbox's now. Its tests of the data take as long as the rest."""
        left_out = ("unit_test",) if tests else ("test", "unit_test")
        done = run_dbt(
            self.database,
            self.folder,
            *("build", "--exclude-resource-type", *left_out, *options),
            as_of=self.box.clock.now(),
            may_fail=may_fail,
        )
        self.said = done.stdout
        return done.returncode

    def execute(self, *statements: str) -> None:
        with closing(psycopg2.connect(self.database)) as session, session:
            for statement in statements:
                session.cursor().execute(statement)

    def rows(self, query: str, *values: Any) -> list[Row]:
        with closing(psycopg2.connect(self.database)) as connection:
            cursor = connection.cursor(cursor_factory=psycopg2.extras.RealDictCursor)
            cursor.execute(query, values)
            return [dict(row) for row in cursor.fetchall()]


@contextmanager
def still_world(
    new_database: Databases, tmp_path_factory: pytest.TempPathFactory, name: str
) -> Iterator[Warehouse]:
    """A new world and an empty warehouse; time goes by only where a test says so."""
    with ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        patch.setattr(Clock, "now", lambda clock: clock._base)
        box = stack.enter_context(serve(size="small", seed=7))
        stack.enter_context(on_the_sandbox_calendar(box))
        yield Warehouse(box, stack.enter_context(new_database()), tmp_path_factory.mktemp(name))


@contextmanager
def copy_of(world: Warehouse) -> Iterator[str]:
    """The address of a copy of a warehouse, to be played with; nothing may be connected to it."""
    url = parse_url(world.database).set(drivername="postgresql")
    server, copy = url.set(database="postgres"), url.set(database=f"{url.database}_copy")
    with closing(psycopg2.connect(server.render_as_string(hide_password=False))) as session:
        session.autocommit = True
        cursor = session.cursor()
        cursor.execute(
            f"create database {copy.database} template {url.database} strategy file_copy"
        )
        address = copy.render_as_string(hide_password=False)
        owner = make_engine(address)
        grant_database(owner)
        owner.dispose()
        try:
            yield address
        finally:
            cursor.execute(f"drop database {copy.database} with (force)")
