"""The embedded server: started twice, crashed, with a stale pid file, on a taken port, as root."""

from __future__ import annotations

import contextlib
import os
import pwd
import socket
import stat
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import psycopg2
import pytest

from brokerage.database import embedded
from brokerage.database.embedded import (
    EmbeddedPostgres,
    ServerUser,
    choose_server_user,
    find_installation,
    free_port,
)
from brokerage.errors import UnavailableError

SMALL = {"shared_buffers": "32MB", "fsync": "off"}
MakeServer = Callable[..., EmbeddedPostgres]

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root runs it as somebody else")


@pytest.fixture
def users(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with root, the user `sample` and `nobody`, whatever this one has."""
    known = [
        pwd.struct_passwd((name, "x", uid, gid, "", "/", "/bin/sh"))
        for name, uid, gid in (("root", 0, 0), ("sample", 1234, 1235), ("nobody", 65534, 65534))
    ]
    monkeypatch.setattr(pwd, "getpwuid", lambda uid: {u.pw_uid: u for u in known}[uid])
    monkeypatch.setattr(pwd, "getpwnam", lambda name: {u.pw_name: u for u in known}[name])


@pytest.fixture
def base() -> Iterator[Path]:
    """A folder that every user of the machine can enter; pytest's own are closed."""
    with tempfile.TemporaryDirectory(prefix="brokerage-tests-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture
def closed(base: Path) -> Path:
    """A folder that only its owner can enter."""
    folder = base / "closed"
    folder.mkdir(mode=0o700)
    return folder


@pytest.fixture
def make_server(base: Path) -> Iterator[MakeServer]:
    """Servers of the test; whatever still runs or lies about afterwards is removed."""
    made: list[EmbeddedPostgres] = []

    def make(home: Path | None = None, port: int | None = None) -> EmbeddedPostgres:
        server = EmbeddedPostgres(
            home or base / "home",
            port=port or free_port(),
            tuning=SMALL,
            reachable_bases=(base,),
        )
        made.append(server)
        return server

    yield make
    for server in made:
        server.destroy()


@pytest.fixture(scope="module")
def _shared_server() -> Iterator[EmbeddedPostgres]:
    with tempfile.TemporaryDirectory(prefix="brokerage-tests-") as folder:
        base = Path(folder)
        base.chmod(0o755)
        made = EmbeddedPostgres(
            base / "home", port=free_port(), tuning=SMALL, reachable_bases=(base,)
        )
        yield made
        made.destroy()


@pytest.fixture
def server(_shared_server: EmbeddedPostgres) -> EmbeddedPostgres:
    """A server that runs; what a test breaks is mended by the next start."""
    _shared_server.start()
    return _shared_server


def _ask(server: EmbeddedPostgres, query: str) -> object:
    with contextlib.closing(psycopg2.connect(server.url())) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(query)
            return cursor.fetchone()[0] if cursor.description else None  # type: ignore[index]


def _pid(server: EmbeddedPostgres) -> int:
    pid = server.status().pid
    assert pid is not None
    return pid


def test_starts_once_and_stops_once(server: EmbeddedPostgres) -> None:
    pid = _pid(server)
    assert server.start() is False, "it runs already"
    assert _pid(server) == pid
    assert server.stop() is True
    assert server.stop() is False, "it is stopped already"
    with contextlib.suppress(psutil.NoSuchProcess):
        assert psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_keeps_data_port_and_password(server: EmbeddedPostgres) -> None:
    url = server.url()
    _ask(server, "drop table if exists kept; create table kept as select 42 as answer")
    server.stop()
    server.start()
    assert server.url() == url
    assert _ask(server, "select answer from kept") == 42


def test_is_durable_and_utc_by_default(server: EmbeddedPostgres) -> None:
    assert _ask(server, "show synchronous_commit") == "on"
    assert _ask(server, "show timezone") == "UTC"
    assert _ask(server, "show server_encoding") == "UTF8"


def test_nobody_enters_without_the_password(server: EmbeddedPostgres) -> None:
    port = server.status().port
    with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
        psycopg2.connect(
            host="127.0.0.1",
            port=port,
            user="brokerage",
            password="wrong",
            dbname="brokerage",
        )


def test_the_password_is_private(server: EmbeddedPostgres) -> None:
    mode = (server.home / "postgres.json").stat().st_mode
    assert stat.S_IMODE(mode) == 0o600
    password = server.url().split(":")[2].split("@")[0]
    for log in (server.home / "logs" / "postgres.log", server.status().data / "server.log"):
        assert password not in log.read_text()


def test_listens_on_loopback_only(server: EmbeddedPostgres) -> None:
    listening = {
        connection.laddr.ip
        for connection in psutil.Process(_pid(server)).net_connections(kind="inet")
        if connection.status == psutil.CONN_LISTEN
    }
    assert listening == {"127.0.0.1"}


def test_recovers_after_a_kill(server: EmbeddedPostgres) -> None:
    _ask(server, "drop table if exists kept; create table kept as select 42 as answer")
    process = psutil.Process(_pid(server))
    process.kill()
    psutil.wait_procs([process], timeout=10)
    assert not server.status().running
    assert server.start() is True
    assert _ask(server, "select answer from kept") == 42


def test_a_stale_pid_file_does_not_fool_it(server: EmbeddedPostgres) -> None:
    pid_file = server.status().data / "postmaster.pid"
    lines = pid_file.read_text().splitlines()
    server.stop()
    # the pid now belongs to a stranger: this very test
    pid_file.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")
    assert not server.status().running
    assert server.start() is True
    assert _ask(server, "select 1") == 1


def test_a_lost_state_file_gets_a_new_password(server: EmbeddedPostgres) -> None:
    _ask(server, "drop table if exists kept; create table kept as select 42 as answer")
    (server.home / "postgres.json").unlink()
    assert server.start() is True
    assert _ask(server, "select answer from kept") == 42


def test_a_taken_port_is_one_sentence(make_server: MakeServer) -> None:
    with socket.socket() as stranger:
        stranger.bind(("127.0.0.1", 0))
        stranger.listen()
        port = stranger.getsockname()[1]
        with pytest.raises(UnavailableError) as caught:
            make_server(port=port).start()
    assert str(caught.value) == (
        f"Port {port} of the embedded PostgreSQL is taken by another program: stop that program "
        "or set BROKERAGE_POSTGRES_PORT to a free port."
    )


def test_a_half_made_cluster_is_made_again(make_server: MakeServer) -> None:
    server = make_server()
    half = server.home / "postgres.new"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    assert server.start() is True
    assert _ask(server, "select 1") == 1


def test_before_the_first_start_there_is_no_address(make_server: MakeServer) -> None:
    with pytest.raises(UnavailableError, match="run `brokerage up`"):
        make_server().url()


def test_a_home_that_is_a_file_is_one_sentence(tmp_path: Path, make_server: MakeServer) -> None:
    (tmp_path / "file").touch()
    server = EmbeddedPostgres(tmp_path / "file" / "home")
    with pytest.raises(UnavailableError, match="set BROKERAGE_HOME to a folder of your own"):
        server.start()


def test_the_binaries_are_found_without_a_fixed_path() -> None:
    assert (find_installation() / "bin" / "initdb").exists()


class TestAsRoot:
    @as_root
    def test_runs_as_an_unprivileged_user(self, server: EmbeddedPostgres) -> None:
        assert psutil.Process(_pid(server)).uids().effective != 0

    @as_root
    def test_a_closed_home_is_neither_opened_nor_an_obstacle(
        self, base: Path, closed: Path, make_server: MakeServer
    ) -> None:
        server = make_server(home=closed / "home")
        server.start()
        assert _ask(server, "select 1") == 1
        assert stat.S_IMODE(closed.stat().st_mode) == 0o700
        data = server.status().data
        assert not data.is_relative_to(closed)
        assert stat.S_IMODE(data.parent.stat().st_mode) == 0o700
        server.stop()
        server.start()
        assert server.status().data == data
        server.destroy()
        assert not data.parent.exists()

    @as_root
    def test_an_environment_that_is_closed_is_copied(
        self, closed: Path, make_server: MakeServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        package = find_installation().parent
        for part in (package, package.with_name(f"{package.name}.libs")):
            if part.exists():
                (closed / part.name).symlink_to(part)
        installation = closed / package.name / find_installation().name
        monkeypatch.setattr(embedded, "find_installation", lambda: installation)
        server = make_server()
        server.start()
        assert _ask(server, "select 1") == 1
        program = Path(psutil.Process(_pid(server)).exe())
        assert program.parent.parent.name == "pginstall18"
        assert program.is_relative_to(server._bases[0])
        copied_at = program.stat().st_ctime_ns
        server.stop()
        server.start()
        assert program.stat().st_ctime_ns == copied_at, "it is copied once"
        server.destroy()
        assert not program.exists()

    @as_root
    def test_data_of_a_deleted_home_do_not_come_back(
        self, base: Path, closed: Path, make_server: MakeServer
    ) -> None:
        server = make_server(home=closed / "home")
        server.start()
        _ask(server, "create table gone (id int)")
        server.stop()
        for file in sorted((closed / "home").rglob("*"), reverse=True):
            file.rmdir() if file.is_dir() and not file.is_symlink() else file.unlink()
        server.start()
        assert _ask(server, "select to_regclass('gone') is null") is True

    @as_root
    def test_a_planted_folder_is_refused(
        self, base: Path, closed: Path, make_server: MakeServer
    ) -> None:
        server = make_server(home=closed / "home")
        planted = base / server._relocated_name()
        planted.mkdir(mode=0o777)
        with pytest.raises(UnavailableError, match="is not a private folder"):
            server.start()

    @pytest.mark.usefixtures("users")
    def test_the_user_behind_sudo_comes_first(self) -> None:
        assert choose_server_user({"SUDO_UID": "1234"}) == ServerUser("sample", 1234, 1235)

    @pytest.mark.usefixtures("users")
    def test_root_behind_sudo_is_still_root(self) -> None:
        assert choose_server_user({"SUDO_UID": "0"}) == ServerUser("nobody", 65534, 65534)

    def test_without_a_user_to_run_it_the_next_step_is_told(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def unknown(name: str) -> pwd.struct_passwd:
            raise KeyError(name)

        monkeypatch.setattr(pwd, "getpwnam", unknown)
        with pytest.raises(UnavailableError, match="set BROKERAGE_DATABASE_URL"):
            choose_server_user({})
