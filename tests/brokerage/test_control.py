"""The control schema: migrations, repository, vault, logs, onboarding, sync state."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.engine import Engine
from sqlalchemy.exc import IntegrityError

from brokerage.control.log import ControlLog, error_fingerprint
from brokerage.control.migrations import is_current, migrate
from brokerage.control.onboarding import OnboardingLog
from brokerage.control.repository import ControlRepository, check_agent_key, slug
from brokerage.control.sync_state import read_sync_state, refresh_views
from brokerage.control.tables import metadata
from brokerage.control.vault import KEY_FILE, Vault, fingerprint, load_keys, new_key
from brokerage.control.webhooks import WebhookInbox
from brokerage.database.engine import make_engine
from brokerage.errors import ConfigurationError
from brokerage.settings import Settings

ADA = "ada-sample"
ADA_FUB = "ada-sample:fub"


@pytest.fixture
def repository(engine: Engine) -> ControlRepository:
    """A repository that knows one agent, connected to Follow Up Boss."""
    made = ControlRepository(engine)
    made.add_agent(ADA, "Ada Sample", email="ada@example.com")
    made.save_connection(ADA, "fub", account_source_id="1", account_label="Sample Realty")
    return made


class TestMigrations:
    def test_from_nothing_and_again(self, empty_database: str) -> None:
        engine = make_engine(empty_database)
        assert not is_current(engine)
        for _ in range(2):
            migrate(engine)
            assert is_current(engine)
        engine.dispose()

    def test_rows_of_the_first_version_live_on(self, empty_database: str) -> None:
        engine = make_engine(empty_database)
        migrate(engine, "0001")
        with engine.begin() as connection:
            connection.exec_driver_sql(
                """
                insert into control.agents (agent_key, display_name) values ('ada-sample', 'Ada');
                insert into control.connections (connection_id, agent_key, vendor)
                    values ('ada-sample:fub', 'ada-sample', 'fub');
                insert into control.webhook_inbox
                    (vendor, connection_id, event_source_id, event_type, body)
                    values ('fub', 'ada-sample:fub', 'e1', 'peopleUpdated', '{}');
                insert into control.onboarding_jobs (agent_key, status)
                    values ('ada-sample', 'Complete');
                """
            )
        migrate(engine)
        assert is_current(engine)
        [letter] = WebhookInbox(engine).due("fub")
        assert (letter.connection_id, letter.hints) == ("ada-sample:fub", [])
        job = OnboardingLog(engine).latest("ada-sample")
        assert job is not None
        assert (job.status, job.attempt, job.retry_at) == ("Complete", 1, None)
        engine.dispose()

    def test_they_make_the_tables_that_the_code_knows(self, engine: Engine) -> None:
        from alembic.autogenerate import compare_metadata
        from alembic.runtime.migration import MigrationContext

        options = {
            "include_schemas": True,
            "compare_server_default": False,
            "include_name": lambda name, kind, _: kind != "schema" or name == "control",
            "include_object": lambda _object, name, *_rest: name != "alembic_version",
        }
        with engine.connect() as connection:
            context = MigrationContext.configure(connection, opts=options)
            assert compare_metadata(context, metadata) == []


class TestRepository:
    def test_an_agent_is_added_once_and_nothing_known_is_forgotten(
        self, repository: ControlRepository
    ) -> None:
        repository.add_agent(ADA, "Ada B. Sample", rezen_agent_id="r-1")
        (agent,) = repository.agents()
        assert (agent.display_name, agent.email) == ("Ada B. Sample", "ada@example.com")
        assert agent.rezen_agent_id == "r-1"

    @pytest.mark.parametrize("key", ["Ada Sample", "ada_sample", "", "-ada", "ada--b", "ada:rezen"])
    def test_a_key_that_is_no_slug_is_refused(self, key: str) -> None:
        with pytest.raises(ConfigurationError, match="cannot name an agent"):
            check_agent_key(key)

    def test_a_slug_is_made_of_any_name(self) -> None:
        assert slug("  Zoë O'Example-Smith ") == "zoe-o-example-smith"

    def test_a_broken_connection_heals_when_it_is_connected_again(
        self, repository: ControlRepository
    ) -> None:
        assert repository.set_connection_status(ADA_FUB, "needs_reauth", "The key was revoked.")
        assert not repository.set_connection_status(ADA_FUB, "needs_reauth", "The key was revoked.")
        assert repository.connections(status="active") == []
        repository.save_connection(ADA, "fub", account_source_id="1")
        connection = repository.connection(ADA_FUB)
        assert connection is not None
        assert (connection.status, connection.status_reason) == ("active", None)

    def test_offboarding_pauses_the_connections(self, repository: ControlRepository) -> None:
        repository.offboard_agent(ADA)
        assert repository.agents(status="active") == []
        assert [c.status for c in repository.connections(agent_key=ADA)] == ["paused"]


class TestVault:
    def test_gives_back_what_was_put_and_stores_nothing_readable(
        self, repository: ControlRepository, engine: Engine
    ) -> None:
        vault = Vault(engine, [new_key()])
        vault.put(ADA_FUB, {"api_key": "hush-hush", "note": ""})
        assert vault.get(ADA_FUB) == {"api_key": "hush-hush", "note": ""}
        with engine.connect() as connection:
            stored = connection.execute(text("select ciphertext from control.secrets")).scalars()
            assert all(b"hush" not in bytes(value) for value in stored)

    def test_nothing_of_a_former_credential_stays_beside_the_new_one(
        self, repository: ControlRepository, engine: Engine
    ) -> None:
        vault = Vault(engine, [new_key()])
        vault.put(ADA_FUB, {"access_token": "a", "refresh_token": "r", "hook:secret": "h"})
        vault.replace(ADA_FUB, {"api_key": "k"})
        assert vault.get(ADA_FUB) == {"api_key": "k", "hook:secret": "h"}
        vault.replace(ADA_FUB, {"api_key": "k-2"})
        assert vault.get(ADA_FUB)["api_key"] == "k-2"

    def test_an_unknown_connection_has_no_secrets(self, engine: Engine) -> None:
        assert Vault(engine, [new_key()]).get("nobody:fub") == {}

    def test_a_secret_needs_a_connection(self, engine: Engine) -> None:
        with pytest.raises(IntegrityError):
            Vault(engine, [new_key()]).put("nobody:fub", {"api_key": "x"})

    def test_rotation_leaves_the_old_key_behind(
        self, repository: ControlRepository, engine: Engine
    ) -> None:
        old, new = new_key(), new_key()
        Vault(engine, [old]).put(ADA_FUB, {"api_key": "hush-hush", "secret": "more"})
        both = Vault(engine, [new, old])
        assert both.rotate() == 2
        assert both.rotate() == 0, "nothing is left to do"
        assert Vault(engine, [new]).get(ADA_FUB)["api_key"] == "hush-hush"

    def test_a_wrong_key_is_one_sentence(
        self, repository: ControlRepository, engine: Engine
    ) -> None:
        old = new_key()
        Vault(engine, [old]).put(ADA_FUB, {"api_key": "hush-hush"})
        with pytest.raises(ConfigurationError) as caught:
            Vault(engine, [new_key()]).get(ADA_FUB)
        assert str(caught.value) == (
            f"The secret 'api_key' of {ADA_FUB} was encrypted with key {fingerprint(old)}, which "
            "BROKERAGE_SECRET_KEYS or the key file cannot open: add that key to them."
        )

    def test_a_failed_rotation_changes_nothing(
        self, repository: ControlRepository, engine: Engine
    ) -> None:
        old = new_key()
        Vault(engine, [old]).put(ADA_FUB, {"a": "1", "b": "2"})
        with pytest.raises(ConfigurationError):
            Vault(engine, [new_key()]).rotate()
        assert Vault(engine, [old]).get(ADA_FUB) == {"a": "1", "b": "2"}

    def test_a_row_of_another_connection_is_refused(
        self, repository: ControlRepository, engine: Engine
    ) -> None:
        repository.save_connection(ADA, "rezen")
        vault = Vault(engine, [new_key()])
        vault.put(ADA_FUB, {"api_key": "hush-hush"})
        with engine.begin() as connection:
            connection.execute(
                text("update control.secrets set connection_id = 'ada-sample:rezen'")
            )
        with pytest.raises(ConfigurationError, match="belongs to another connection"):
            vault.get("ada-sample:rezen")

    def test_it_does_not_show_its_keys(self, engine: Engine) -> None:
        key = new_key()
        assert key not in repr(Vault(engine, [key]))


class TestKeys:
    def test_one_is_made_once_and_is_private(self) -> None:
        settings = Settings.load()
        first = load_keys(settings)
        assert load_keys(settings) == first
        assert (settings.home / KEY_FILE).stat().st_mode & 0o777 == 0o600

    def test_those_of_the_environment_win(self, monkeypatch: pytest.MonkeyPatch) -> None:
        keys = [new_key(), new_key()]
        monkeypatch.setenv("BROKERAGE_SECRET_KEYS", f" {keys[0]} , {keys[1]},")
        assert load_keys(Settings.load()) == keys

    def test_what_is_no_key_is_one_sentence_without_it(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("BROKERAGE_SECRET_KEYS", "hush-hush")
        with pytest.raises(ConfigurationError, match="not a Fernet key") as caught:
            load_keys(Settings.load())
        assert "hush" not in str(caught.value)


class TestLogs:
    def test_errors_of_one_cause_have_one_fingerprint(self) -> None:
        one = error_fingerprint("fub", "3 rows of run 0af1b2c3 were refused")
        assert one == error_fingerprint("fub", "17 rows of run 99aabbcc were refused")
        assert one != error_fingerprint("rezen", "3 rows of run 0af1b2c3 were refused")

    def test_an_error_is_told_once(self, engine: Engine) -> None:
        log = ControlLog(engine)
        number = log.error("fub", "The key was revoked.", connection_id=ADA_FUB)
        assert [row["error_id"] for row in log.unnotified_errors()] == [number]
        log.mark_notified([number])
        assert log.unnotified_errors() == []
        assert len(log.errors_since(datetime.now(UTC) - timedelta(hours=1))) == 1


def test_an_onboarding_is_written_down_step_by_step(
    repository: ControlRepository, engine: Engine
) -> None:
    log = OnboardingLog(engine)
    job = log.open(ADA)
    log.set_status(job.job_id, "Running", run_id="run-1")
    log.set_step(job.job_id, "raw_fub/people", "Running")
    log.set_step(job.job_id, "raw_fub/people", "Complete", rows_written=40)
    log.set_status(job.job_id, "Complete")
    latest = log.latest(ADA)
    assert latest is not None
    assert (latest.status, latest.run_id) == ("Complete", "run-1")
    assert latest.started_at is not None
    assert latest.ended_at is not None
    (step,) = log.steps(job.job_id)
    assert (step.status, step.rows_written, step.started_at is not None) == ("Complete", 40, True)


class TestSyncState:
    @pytest.fixture
    def marks(self, engine: Engine) -> Engine:
        """Raw marks of one entity: two committed ones, the later failed, and a torn load."""
        with engine.begin() as connection:
            for statement in _MARKS:
                connection.exec_driver_sql(statement)
        return engine

    def test_is_empty_before_the_first_load(self, engine: Engine) -> None:
        assert refresh_views(engine) == []
        assert read_sync_state(engine) == []

    def test_shows_the_latest_committed_mark_and_the_last_good_cursor(self, marks: Engine) -> None:
        assert refresh_views(marks) == ["fub"]
        (state,) = read_sync_state(marks)
        assert (state.vendor, state.entity, state.status) == ("fub", "people", "failed")
        assert state.cursor == "2026-06-01"
        assert state.error == "The vendor is down."
        assert state.rows_read == 0
        assert state.last_success_at == datetime(2026, 6, 1, 10, 5, tzinfo=UTC)

    def test_refreshing_again_leaves_the_views_alone(self, marks: Engine) -> None:
        refresh_views(marks)
        before = _view_id(marks)
        refresh_views(marks)
        assert _view_id(marks) == before


def _view_id(engine: Engine) -> int:
    with engine.connect() as connection:
        return int(
            connection.execute(text("select 'control.sync_mark'::regclass::oid::int8")).scalar_one()
        )


_MARKS = (
    "create table raw_fub._dlt_loads (load_id text, status bigint)",
    "insert into raw_fub._dlt_loads values ('1', 0), ('2', 0)",
    """
    create table raw_fub.sync_marks (
        run_id text, connection_id text, entity text, status text, started_at timestamptz,
        finished_at timestamptz, cursor_to text, rows_read bigint, error text, _dlt_load_id text
    )
    """,
    # the load of the last one was cut off: neither rows nor cursor may count
    """
    insert into raw_fub.sync_marks values
    ('a', 'ada-sample:fub', 'people', 'ok', '2026-06-01 10:00Z', '2026-06-01 10:05Z',
     '2026-06-01', 40, null, '1'),
    ('b', 'ada-sample:fub', 'people', 'failed', '2026-06-02 10:00Z', '2026-06-02 10:05Z',
     null, 0, 'The vendor is down.', '2'),
    ('c', 'ada-sample:fub', 'people', 'ok', '2026-06-03 10:00Z', '2026-06-03 10:05Z',
     '2026-06-03', 99, null, '3')
    """,
)
