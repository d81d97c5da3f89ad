"""Places that name every vendor by hand: whoever adds one is told of those that were forgotten."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable

import pytest

from brokerage.settings import PROJECT_DIR
from pipelines.registry import VENDORS
from pipelines.webhooks import WEBHOOKS
from sandbox.vendors import VENDORS as IMITATED
from tests import conftest
from tests.sources.conftest import CASES
from tests.webhooks.test_fresh import STORIES
from tests.webhooks.test_receiver import EVENTS

ALL = set(VENDORS)
ASKED = ALL - {"files"}
"""Those that are asked over the network."""


def named(path: str, pattern: str) -> list[str]:
    """What a pattern's only group finds in a file of the project."""
    return re.findall(pattern, (PROJECT_DIR / path).read_text("utf-8"), re.MULTILINE)


def independent() -> Iterable[str]:
    settings = tomllib.loads((PROJECT_DIR / "pyproject.toml").read_text("utf-8"))
    [contract] = [
        contract
        for contract in settings["tool"]["importlinter"]["contracts"]
        if contract["type"] == "independence"
    ]
    return (module.removeprefix("pipelines.") for module in contract["modules"])


def staging_names() -> Iterable[str]:
    [names] = named("dbt_project/dbt-bouncer.yml", r"\^stg_\(([^)]+)\)")
    # the control schema is staged too
    return set(names.split("|")) - {"control"}


def never_stuck() -> Iterable[str]:
    [names] = named("dbt_project/tests/dq_11_no_account_is_stuck.sql", r"set vendors = \[([^]]+)\]")
    return re.findall(r'"(\w+)"', names)


def folders(path: str) -> Iterable[str]:
    return (folder.name for folder in (PROJECT_DIR / path).iterdir() if folder.is_dir())


def kept_together() -> Iterable[str]:
    return (name for name in ASKED if conftest._VENDOR.match(f"tests/sources/test.py::a[{name}]"))


PLACES: dict[str, tuple[set[str], Callable[[], Iterable[str]]]] = {
    "sandbox/vendors.py": (ASKED, lambda: IMITATED),
    "CASES in tests/sources/conftest.py": (ASKED, lambda: (case.name for case in CASES)),
    "_VENDOR in tests/conftest.py": (ASKED, kept_together),
    "the independence contract in pyproject.toml": (ALL, independent),
    "the names of staging models in dbt_project/dbt-bouncer.yml": (ALL, staging_names),
    "dbt_project/tests/dq_11_no_account_is_stuck.sql": (ALL, never_stuck),
    "dbt_project/models/staging": (
        ALL, lambda: set(folders("dbt_project/models/staging")) - {"control"},
    ),
    "the table of docs/vendors/README.md": (
        ALL, lambda: named("docs/vendors/README.md", r"^\| \[(\w+)\.md\]"),
    ),
    "the prefixes in sandbox/README.md": (
        ASKED, lambda: set(named("sandbox/README.md", r"^\| `/(\w+)/")) - {"sandbox"},
    ),
    "STORIES in tests/webhooks/test_fresh.py": (
        set(WEBHOOKS), lambda: (story.vendor for story in STORIES),
    ),
    "EVENTS in tests/webhooks/test_receiver.py": (set(WEBHOOKS), lambda: EVENTS),
}  # fmt: skip


@pytest.mark.parametrize("place", PLACES)
def test_no_vendor_is_forgotten(place: str) -> None:
    wanted, told = PLACES[place]
    named_there = set(told())
    forgotten, unknown = wanted - named_there, named_there - wanted
    assert not forgotten, f"{place} does not name {', '.join(sorted(forgotten))}"
    assert not unknown, f"{place} names {', '.join(sorted(unknown))}, which is registered nowhere"
