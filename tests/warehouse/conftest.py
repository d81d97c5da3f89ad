"""One name for the database of each module: dbt's parsed project holds it, and parsing is a third
of the time of these tests. Modules of one process come one after the other, and so do their
databases.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest


@pytest.fixture(scope="session")
def new_database(
    new_database: Callable[..., AbstractContextManager[str]],
) -> Callable[[], AbstractContextManager[str]]:
    """As everywhere, but always of one name."""
    return lambda: new_database("warehouse")
