"""Fixtures for all tests: one real PostgreSQL per test process, a fresh database per test."""

from __future__ import annotations

import contextlib
import gc
import itertools
import os
import re
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from sqlalchemy.engine import Engine
from xdist.scheduler import LoadScopeScheduling

from brokerage.database.embedded import EmbeddedPostgres, free_port
from brokerage.database.engine import make_engine
from brokerage.database.roles import grant_database
from brokerage.database.setup import set_up_database
from brokerage.settings import Settings, get_settings
from tests.memory import write_to_memory

TEMPLATE = "brokerage_template"

LONGEST = (
    *("tests/warehouse/test_ten_days.py", "tests/warehouse/test_whole.py"),
    *("tests/warehouse/", "tests/sources/"),
)

_VENDOR = re.compile(
    r"^(tests/sources)/.*\[(?:.*-)?(rezen|fub|skyslope|dotloop|lofty|qualia|stripe)\b"
)
# these read one warehouse, which takes minutes to fill
_LIVED_WORLD = re.compile(
    r"^tests/warehouse/test_((finance|identity|marts|metrics|network)_equals?_truth"
    r"|crm_title_billing|history|moments|network_news|pages|semantic_layer|unit_tests|whole)\.py"
)
NO_CERTIFICATES = Path(__file__).parent
BI_READER_PASSWORD = "bi-reader-of-the-tests"

_numbers = itertools.count(1)


def pytest_configure() -> None:
    """What the tests and all that they start find around them."""
    # tables that tests read must not be cut short by the width of whatever runs them
    os.environ["COLUMNS"] = "160"
    write_to_memory()
    # nobody is to be trusted, and to read whom a machine trusts takes 30 ms for each client
    os.environ.pop("SSL_CERT_FILE", None)
    os.environ["SSL_CERT_DIR"] = str(NO_CERTIFICATES)


class ByVendorOrFile(LoadScopeScheduling):
    """A file goes to one test process, of the sources' files the tests of one vendor, and what
    reads the same warehouse together: it is then filled once, and not in each process."""

    def _split_scope(self, nodeid: str) -> str:
        if _LIVED_WORLD.match(nodeid):
            return "tests/warehouse/lived_world"
        found = _VENDOR.match(nodeid)
        return "/".join(found.groups()) if found else nodeid.partition("::")[0]


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByVendorOrFile:
    """What `pytest -n` distributes by, whatever `--dist` says."""
    config.option.loadscopereorder = False
    return ByVendorOrFile(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest begins first, so that no process works alone in the end."""
    for begins in reversed(LONGEST):
        items.sort(key=lambda item: not item.nodeid.startswith(begins))


def pytest_collection_finish() -> None:
    """Modules and tests stay to the end: to look at them again and again costs 7 % of the time."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def _hermetic_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """No test sees the developer's home folder, `.env`, variables or terminal; each has its own
    home.
    """
    monkeypatch.delenv("COLUMNS", raising=False)
    for name in list(os.environ):
        if name.startswith("BROKERAGE_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("BROKERAGE_HOME", str(tmp_path / "home"))
    monkeypatch.setitem(Settings.model_config, "env_file", None)
    get_settings.cache_clear()
    yield
    get_settings.cache_clear()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[EmbeddedPostgres]:
    """An embedded server of this test process: not durable, small, gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="brokerage-tests-") as folder:
        base = Path(folder)
        # when root runs the tests, the server's own user has to get in
        base.chmod(0o755)
        server = EmbeddedPostgres(
            base / "home",
            port=free_port(),
            tuning={
                "fsync": "off",
                "synchronous_commit": "off",
                "full_page_writes": "off",
                "shared_buffers": "128MB",
                # beyond it what was written is forgotten
                "max_wal_size": "256MB",
                "autovacuum": "off",
            },
            reachable_bases=(base,),
        )
        server.start()
        try:
            yield server
        finally:
            server.destroy()


@pytest.fixture(scope="session")
def postgres_url(postgres_server: EmbeddedPostgres) -> str:
    """The superuser's address of the test server, `postgresql://…/brokerage`."""
    return postgres_server.url()


@pytest.fixture(scope="session")
def _template(postgres_server: EmbeddedPostgres) -> str:
    _execute(postgres_server, f"create database {TEMPLATE}")
    engine = make_engine(postgres_server.url(database=TEMPLATE))
    set_up_database(engine, bi_reader_password=BI_READER_PASSWORD)
    # a database with open sessions cannot be copied
    engine.dispose()
    return TEMPLATE


@pytest.fixture(scope="session")
def new_database(
    postgres_server: EmbeddedPostgres, _template: str
) -> Callable[..., contextlib.AbstractContextManager[str]]:
    """For fixtures of a wider scope: `with new_database() as url` is like `database`, without
    setting BROKERAGE_DATABASE_URL. A name may be given that no other database has."""
    return lambda name=None: _set_up_database(postgres_server, name)


@pytest.fixture
def empty_database(postgres_server: EmbeddedPostgres) -> Iterator[str]:
    """The address of a new database with nothing in it."""
    with _new_database(postgres_server, "template0") as url:
        yield url


@pytest.fixture
def database(
    postgres_server: EmbeddedPostgres, _template: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """The address of a new database with roles, schemas and control tables.

    BROKERAGE_DATABASE_URL names it too, so that settings read in the test find it.
    """
    with _set_up_database(postgres_server) as url:
        monkeypatch.setenv("BROKERAGE_DATABASE_URL", url)
        get_settings.cache_clear()
        yield url


@pytest.fixture
def engine(database: str) -> Iterator[Engine]:
    """The owner's engine on `database`."""
    owner = make_engine(database)
    yield owner
    owner.dispose()


@pytest.fixture
def bi_reader_password() -> str:
    """The password of `bi_reader` on the test server."""
    return BI_READER_PASSWORD


@pytest.fixture
def unused_port() -> int:
    """A port of 127.0.0.1 that nobody listens on."""
    return free_port()


@contextlib.contextmanager
def _new_database(
    server: EmbeddedPostgres, template: str, name: str | None = None
) -> Iterator[str]:
    name = name or f"test_{next(_numbers)}"
    _execute(server, f"create database {name} template {template} strategy file_copy")
    try:
        yield server.url(database=name)
    finally:
        _execute(server, f"drop database {name} with (force)")


@contextlib.contextmanager
def _set_up_database(server: EmbeddedPostgres, name: str | None = None) -> Iterator[str]:
    with _new_database(server, TEMPLATE, name) as url:
        owner = make_engine(url)
        grant_database(owner)
        owner.dispose()
        yield url


def _execute(server: EmbeddedPostgres, statement: str) -> None:
    connection = psycopg2.connect(server.url(database="postgres"))
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement)
    finally:
        connection.close()
