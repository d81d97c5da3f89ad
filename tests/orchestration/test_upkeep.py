"""Housekeeping deletes what is old and nothing that is needed; pictures are copied once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import dagster as dg
import httpx
import pytest
import yaml
from dagster._core.test_utils import create_run_for_test
from sqlalchemy import text
from sqlalchemy.engine import Engine

from assets.housekeeping import housekeeping, purge_files, purge_runs, rotate_logs
from assets.images import agent_images, copy_images
from brokerage.control.retention import purge_inbox, purge_logs, purge_marks
from brokerage.control.sync_state import read_sync_state, refresh_views
from brokerage.database.engine import LIBPQ_DRIVER, LOADER, build_url
from brokerage.settings import PROJECT_DIR, get_settings
from pipelines.common.load import prepare_raw
from pipelines.registry import VENDORS
from resources.connections import ConnectionsResource
from resources.processes import OWNER_TAG, PROCESS_TAG, this_process

NOW = datetime(2026, 6, 15, 12, tzinfo=UTC)
DAY = timedelta(days=1)


# -- runs ------------------------------------------------------------------------------------------


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    folder = tmp_path / "dagster"
    folder.mkdir()
    with dg.DagsterInstance.local_temp(str(folder)) as stored:
        yield stored


def materialise(instance: dg.DagsterInstance, *partitions: str, good: bool = True) -> str:
    """A run that materialises partitions of one asset, or one without any."""

    @dg.op
    def work(context) -> None:  # type: ignore[no-untyped-def]
        for partition in partitions:
            context.log_event(dg.AssetMaterialization("people", partition=partition))
        if not partitions:
            context.log_event(dg.AssetMaterialization("model"))
        if not good:
            raise dg.Failure("it broke")

    @dg.job(name="a_job")
    def a_job() -> None:
        work()

    return a_job.execute_in_process(instance=instance, raise_on_error=False).run_id


def purge(instance: dg.DagsterInstance, **how: Any) -> int:
    later = datetime.now(UTC) + DAY
    return purge_runs(instance, **{"good_before": later, "bad_before": later, **how})


def run_ids(instance: dg.DagsterInstance) -> set[str]:
    return {run.run_id for run in instance.get_runs()}


def test_old_runs_go_unless_a_partition_would_seem_missing(instance: dg.DagsterInstance) -> None:
    both = materialise(instance, "ada", "ben")
    superseded = materialise(instance, "ada")
    newest = materialise(instance, "ada")
    model_before = materialise(instance)
    model = materialise(instance)
    assert purge(instance) == 2
    # the first run has the only materialisation of ben
    assert run_ids(instance) == {both, newest, model}
    assert instance.get_materialized_partitions(dg.AssetKey("people")) == {"ada", "ben"}
    assert not instance.all_logs(superseded)
    assert not instance.all_logs(model_before)
    assert purge(instance) == 0


def test_failed_runs_are_kept_longer_and_unfinished_ones_for_ever(
    instance: dg.DagsterInstance,
) -> None:
    failed = materialise(instance, "ada", good=False)
    materialise(instance, "ada", "ben")
    stuck = create_run_for_test(instance, status=dg.DagsterRunStatus.STARTED).run_id
    newest = materialise(instance, "ada", "ben")
    assert purge(instance, bad_before=datetime.now(UTC) - DAY) == 1
    assert run_ids(instance) == {failed, stuck, newest}
    assert purge(instance) == 1
    assert run_ids(instance) == {stuck, newest}
    assert purge(instance, good_before=datetime.now(UTC) - DAY) == 0


def test_a_pass_deletes_only_so_many_the_oldest_first(instance: dg.DagsterInstance) -> None:
    runs = [materialise(instance, "ada") for _ in range(4)]
    assert purge(instance, most=2) == 2
    assert run_ids(instance) == set(runs[2:])


def test_what_a_step_has_printed_goes_with_its_run(instance: dg.DagsterInstance) -> None:
    first = materialise(instance, "ada")
    materialise(instance, "ada")
    folder = Path(instance.storage_directory()) / first
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "output.out").write_text("printed")
    assert purge(instance) == 1
    assert not folder.exists()


# -- the control schema ----------------------------------------------------------------------------


def count(engine: Engine, table: str) -> int:
    with engine.connect() as connection:
        return int(connection.scalar(text(f"select count(*) from {table}")) or 0)


def execute(engine: Engine, *statements: str) -> None:
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))


def test_only_webhooks_that_were_dealt_with_go(engine: Engine) -> None:
    execute(
        engine,
        "insert into control.webhook_inbox "
        "(vendor, event_source_id, event_type, body, status, received_at, processed_at) values "
        "('fub', '1', 'x', '{}', 'done', '2026-01-01', '2026-01-01'), "
        "('fub', '2', 'x', '{}', 'ignored', '2026-01-01', null), "
        "('fub', '3', 'x', '{}', 'new', '2026-01-01', null), "
        "('fub', '4', 'x', '{}', 'failed', '2026-01-01', '2026-01-01'), "
        "('fub', '5', 'x', '{}', 'done', '2026-01-01', '2026-06-14')",
    )
    assert purge_inbox(engine, NOW - 30 * DAY) == 2
    with engine.connect() as connection:
        kept = connection.execute(
            text("select event_source_id from control.webhook_inbox order by 1")
        )
        assert list(kept.scalars()) == ["3", "4", "5"]


def test_of_logs_goes_what_is_over_and_was_told(engine: Engine) -> None:
    execute(
        engine,
        "insert into control.event_log (type, source, message, occurred_at) values "
        "('a', 'x', 'm', '2025-01-01'), ('b', 'x', 'm', '2026-06-01')",
        "insert into control.error_log (module, message, fingerprint, occurred_at, notified_at) "
        "values ('a', 'm', 'f', '2025-01-01', '2025-01-01'), ('b', 'm', 'f', '2025-01-01', null)",
        "insert into control.alerts (cause, kind, severity, title, why, todo, status, ended_at) "
        "values ('a', 'error', 'error', 't', 'w', 'd', 'recovered', '2025-01-01'), "
        "('b', 'error', 'error', 't', 'w', 'd', 'open', null)",
        "insert into control.alert_events (alert_id, kind) "
        "select alert_id, 'opened' from control.alerts",
        "insert into control.alert_deliveries (event_id, channel) "
        "select event_id, 'slack' from control.alert_events",
        "insert into control.agents (agent_key, display_name) values ('ada', 'Ada')",
        "insert into control.digest_recipients (agent_key, email) values ('ada', 'a@example.com')",
        "insert into control.digest_deliveries "
        "(recipient_id, kind, news_date, status, message_id, claimed_at) "
        "select recipient_id, 'daily', day, 'sent', day::text, day from control.digest_recipients "
        "cross join (values (date '2025-01-01'), (date '2025-01-02')) as days (day)",
    )
    assert purge_logs(engine, NOW - 180 * DAY) == {
        "event_log": 1,
        "error_log": 1,
        "alerts": 1,
        "digest_deliveries": 1,
        "onboarding_jobs": 0,
    }
    for table in ("event_log", "error_log", "alerts", "alert_events", "alert_deliveries"):
        assert count(engine, f"control.{table}") == 1, table
    assert count(engine, "control.digest_deliveries") == 1


# -- marks -----------------------------------------------------------------------------------------

_MARK = (
    "insert into raw_rezen.sync_marks (run_id, connection_id, entity, status, mode, started_at, "
    "finished_at, rows_read, rows_written, rows_unchanged, rows_rejected, rows_deleted, api_calls, "
    "cursor_to, vendor_count, is_complete_sweep, is_probe, _dlt_load_id, _dlt_id) values "
    "('r', 'ada:rezen', '{entity}', '{status}', 'full', '{at}', '{at}', 0, 0, 0, 0, 0, 0, "
    "{cursor}, {counted}, {complete}, {probe}, '{load}', '{load}')"
)


@pytest.fixture
def marks(engine: Engine, tmp_path: Path) -> Engine:
    """Marks of two years, with the tables as the loader makes them."""
    url = engine.url.render_as_string(hide_password=False)
    vendor = VENDORS["rezen"]
    prepare_raw(vendor, build_url(url, role=LOADER, driver=LIBPQ_DRIVER), tmp_path / "dlt")
    with engine.begin() as connection:
        connection.execute(
            text(
                "create table if not exists raw_rezen._dlt_loads (load_id text, schema_name text, "
                "status bigint, inserted_at timestamptz, schema_version_hash text)"
            )
        )
    number = 0

    def add(entity: str, at: str, status: str = "ok", load_status: int = 0, **more: Any) -> None:
        nonlocal number
        number += 1
        values = {"cursor": "null", "counted": "null", "complete": "false", "probe": "false"}
        execute(
            engine,
            _MARK.format(entity=entity, at=at, status=status, load=f"l{number}", **values | more),
            "insert into raw_rezen._dlt_loads (load_id, status, inserted_at) "
            f"values ('l{number}', {load_status}, '{at}')",
        )

    add("agents", "2024-01-01")  # l1 goes
    add("agents", "2024-02-01", cursor="'c2'")  # l2: the last cursor
    add("agents", "2024-03-01", counted="7")  # l3: the last count
    add("agents", "2024-04-01", complete="true")  # l4: the last complete one
    add("agents", "2024-05-01", probe="true")  # l5: the last probe
    add("agents", "2024-06-01")  # l6: the last good one
    add("agents", "2024-07-01", status="failed")  # l7: the last one
    add("agents", "2024-08-01", load_status=1)  # l8: never counted, goes
    add("down_line", "2024-01-01", complete="true")  # l9: the change log starts here
    add("down_line", "2024-02-01", complete="true")  # l10: and says who was seen
    add("down_line", "2024-02-02")  # l11 goes
    add("down_line", "2026-06-01", cursor="'d'", complete="true")  # l12 is young
    refresh_views(engine)
    return engine


def test_marks_go_that_nothing_is_made_of(marks: Engine) -> None:
    before = read_sync_state(marks)
    assert purge_marks(marks, NOW - 90 * DAY) == (3, 3)
    with marks.connect() as connection:
        query = "select _dlt_id from raw_rezen.sync_marks"
        kept = set(connection.execute(text(query)).scalars())
    assert kept == {f"l{n}" for n in (2, 3, 4, 5, 6, 7, 9, 10, 12)}
    assert count(marks, "raw_rezen._dlt_loads") == len(kept)
    assert read_sync_state(marks) == before
    assert purge_marks(marks, NOW - 90 * DAY) == (0, 0)


# -- files -----------------------------------------------------------------------------------------


def test_old_files_go_and_large_logs_start_anew(tmp_path: Path) -> None:
    import os

    old, new = tmp_path / "a" / "old.eml", tmp_path / "new.eml"
    for path in (old, new):
        path.parent.mkdir(exist_ok=True)
        path.write_text("mail")
    os.utime(old, (NOW.timestamp(), NOW.timestamp()))
    assert purge_files(tmp_path, datetime.now(UTC) - DAY) == 1
    assert not old.exists()
    assert new.exists()
    assert purge_files(tmp_path / "missing", NOW) == 0

    log = tmp_path / "daemon.log"
    with log.open("ab") as service:
        service.write(b"x" * 100)
        service.flush()
        assert rotate_logs(tmp_path, most_bytes=50) == 1
        service.write(b"later")
    assert log.read_bytes() == b"later"
    assert (tmp_path / "daemon.log.1").read_bytes() == b"x" * 100
    assert rotate_logs(tmp_path, most_bytes=50) == 0


def test_the_whole_pass_works_on_an_empty_platform(
    engine: Engine, instance: dg.DagsterInstance
) -> None:
    result = dg.materialize(
        [housekeeping], instance=instance, resources={"connections": ConnectionsResource()}
    )
    [event] = result.asset_materializations_for_node("operations__housekeeping")
    assert event.metadata["runs"].value == 0
    assert event.metadata["sync_marks"].value == 0
    # whoever finds the process gone can end the run
    run = instance.get_run_by_id(result.run_id)
    assert run is not None
    assert run.tags[PROCESS_TAG] == this_process()
    assert run.tags[OWNER_TAG] == run.run_id


def test_dagster_forgets_ticks_and_limits_every_run() -> None:
    config = yaml.safe_load((PROJECT_DIR / "dagster.yaml").read_text("utf-8"))
    assert config["run_monitoring"]["enabled"]
    assert config["run_monitoring"]["max_runtime_seconds"] >= 12 * 3600
    for kind in ("schedule", "sensor"):
        days = config["retention"][kind]["purge_after_days"]
        assert set(days) == {"skipped", "success", "failure", "started"}
        assert all(0 < number <= 90 for number in days.values())


# -- pictures --------------------------------------------------------------------------------------


class Pictures:
    """A server of pictures that knows ETags."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.sent: list[str] = []
        self.kind = "image/png"
        self.url = ""


@contextmanager
def picture_server() -> Iterator[Pictures]:
    pictures = Pictures()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = pictures.files.get(self.path)
            if content is None:
                self.send_error(404)
                return
            tag = f'"{hash(content)}"'
            if self.headers.get("If-None-Match") == tag:
                self.send_response(304)
                self.end_headers()
                return
            pictures.sent.append(self.path)
            self.send_response(200)
            self.send_header("Content-Type", pictures.kind)
            self.send_header("ETag", tag)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *arguments: Any) -> None:
            """Nothing on the terminal."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        pictures.url = f"http://127.0.0.1:{server.server_address[1]}/files"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield pictures
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def pictures() -> Iterator[Pictures]:
    with picture_server() as server:
        server.files = {"/files/avatar/a.png": b"ada", "/files/avatar/b.png": b"ben"}
        yield server


WANTED = [("avatar/a.png", "a"), ("avatar/b.png", "b"), ("avatar/gone.png", "c")]


def copy(engine: Engine, pictures: Pictures, target: Path, wanted: Any = WANTED) -> Any:
    with httpx.Client() as client:
        return copy_images(engine, client, wanted, source=pictures.url, target=target.as_uri())


def test_only_pictures_that_changed_are_fetched(
    engine: Engine, pictures: Pictures, tmp_path: Path
) -> None:
    first = copy(engine, pictures, tmp_path / "images")
    assert (first.copied, first.gone, first.failures) == (2, 1, [])
    again = copy(engine, pictures, tmp_path / "images")
    assert (again.copied, again.unchanged) == (0, 2)
    assert len(pictures.sent) == 2
    pictures.files["/files/avatar/b.png"] = b"ben, older"
    assert copy(engine, pictures, tmp_path / "images").copied == 1
    contents = sorted(p.read_bytes() for p in (tmp_path / "images").rglob("*.png"))
    assert contents == [b"ada", b"ben", b"ben, older"]
    with engine.connect() as connection:
        stored = connection.scalar(
            text("select stored_as from control.image_copies where agent_source_id = 'b'")
        )
    assert (tmp_path / "images" / str(stored)).read_bytes() == b"ben, older"


def test_what_is_no_picture_is_not_copied(
    engine: Engine, pictures: Pictures, tmp_path: Path
) -> None:
    pictures.kind = "text/html"
    report = copy(engine, pictures, tmp_path / "images", [("avatar/a.png", "a")])
    assert report.failures == ["The picture of agent a was answered with HTTP 200 and text/html."]
    assert not list((tmp_path / "images").rglob("*.png"))


@pytest.mark.parametrize("path", ["../secret.key", "/etc/hosts", "http://elsewhere/x.png", ""])
def test_a_path_that_leads_elsewhere_is_refused(
    engine: Engine, pictures: Pictures, tmp_path: Path, path: str
) -> None:
    report = copy(engine, pictures, tmp_path / "images", [(path, "a")])
    assert len(report.failures) == 1
    assert pictures.sent == []


def test_without_a_source_nothing_is_copied(engine: Engine, instance: dg.DagsterInstance) -> None:
    result = dg.materialize(
        [agent_images], instance=instance, resources={"connections": ConnectionsResource()}
    )
    [event] = result.asset_materializations_for_node("operations__agent_images")
    assert event.metadata["skipped"].value == "no source is set"
    assert get_settings().images_source_url is None
