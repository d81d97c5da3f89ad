"""`make bench-warehouse`: how long dbt takes to build a warehouse of production size.

The raw tables are made in the database, without HTTP; then everything is built, a quarter of an
hour of changes comes in, and what a schedule builds after that is built. Prints the slowest models
of each and writes `bench/warehouse.json`. Compare runs of one machine.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform as machine
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg2
from rich.console import Console
from rich.table import Table

from brokerage.database.embedded import EmbeddedPostgres, free_port
from brokerage.database.engine import LIBPQ_DRIVER, LOADER, build_url, make_engine, parse_url
from brokerage.database.setup import set_up_database
from pipelines.common.load import prepare_raw
from pipelines.registry import VENDORS

HERE = Path(__file__).parent
PROJECT = HERE.parent / "dbt_project"
RESULTS = HERE / "warehouse.json"
READ_AT = datetime(2026, 6, 15, 12, tzinfo=UTC)
TICK = timedelta(minutes=15)
TARGETS = {"full": 300.0, "tick": 25.0}
# what is counted once however large the brokerage is
FIXED = {"accounts": 12, "crm_connections": 14}
SIZES = {
    "connected": 120,
    "agents": 37_000,
    "deals": 55_000,
    "contributions": 515_000,
    "people": 1_700_000,
    "calls": 5_500_000,
    "events": 165_000,
    "texts": 200_000,
    "appointments": 40_000,
    "crm_deals": 40_000,
}


@dataclass(frozen=True)
class Place:
    """A database with the raw tables of the world, and a folder to work in."""

    url: str
    folder: Path
    figures: Mapping[str, Any]

    def run(self, script: str, **figures: Any) -> float:
        """Run a script of this folder with its placeholders filled in; the seconds it took."""
        text = (HERE / script).read_text()
        for name, value in {**self.figures, **figures}.items():
            text = text.replace("{{" + name + "}}", str(value))
        started = time.monotonic()
        with contextlib.closing(psycopg2.connect(self.url)) as connection, connection:
            connection.cursor().execute(text)
        return time.monotonic() - started

    def execute(self, statement: str) -> None:
        """Run one statement outside a transaction."""
        with contextlib.closing(psycopg2.connect(self.url)) as connection:
            connection.autocommit = True
            connection.cursor().execute(statement)

    def count(self) -> dict[str, int]:
        """The rows of the largest raw tables."""
        tables = (
            *("raw_rezen.transactions", "raw_rezen.listings", "raw_rezen.down_line"),
            *("raw_rezen.revshare_payment_contributions", "raw_rezen.revshare_pending"),
            *("raw_fub.people", "raw_fub.calls"),
        )
        with contextlib.closing(psycopg2.connect(self.url)) as connection:
            cursor = connection.cursor()
            found = {}
            for table in tables:
                cursor.execute(f"select count(*) from {table}")
                [[found[table]]] = cursor.fetchall()
        return found


@contextlib.contextmanager
def open_place(scale: float, home: Path | None) -> Iterator[Place]:
    """A server as the stack starts it, with its default memory, removed afterwards."""
    with contextlib.ExitStack() as stack:
        base = home or Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="brokerage-bench-"))
        )
        base.mkdir(exist_ok=True)
        base.chmod(0o755)
        server = EmbeddedPostgres(base / "home", port=free_port(), reachable_bases=(base,))
        server.start()
        if home is None:
            stack.callback(server.destroy)
        else:
            stack.callback(server.stop)
        sizes = {name: max(int(size * scale), 20) for name, size in SIZES.items()}
        figures = {**FIXED, **sizes, "now": READ_AT.isoformat()}
        yield Place(server.url(), base, figures)


def fill(place: Place) -> float:
    """The roles, the empty raw tables and the world in them; the seconds of the last."""
    engine = make_engine(place.url)
    set_up_database(engine)
    engine.dispose()
    loader = build_url(place.url, role=LOADER, driver=LIBPQ_DRIVER)
    for vendor in VENDORS.values():
        prepare_raw(vendor, loader, place.folder / "dlt")
    seconds = place.run("warehouse_world.sql")
    # what autovacuum would have done by the time somebody builds
    place.execute("vacuum analyze")
    return seconds


def dbt(place: Place, now: datetime, *arguments: str) -> dict[str, Any]:
    """One dbt process: how long, how large, which nodes were slowest, what did not work."""
    url = parse_url(place.url)
    target = place.folder / "target"
    environment = {
        **os.environ,
        "BROKERAGE_PG_HOST": str(url.host),
        "BROKERAGE_PG_PORT": str(url.port),
        "BROKERAGE_PG_USER": str(url.username),
        "BROKERAGE_PG_PASSWORD": str(url.password),
        "BROKERAGE_PG_DBNAME": str(url.database),
        "PGOPTIONS": f"-c brokerage.as_of={now.isoformat()}",
        "DBT_TARGET_PATH": str(target),
        "DBT_LOG_PATH": str(place.folder / "logs"),
        "DBT_LOG_LEVEL_FILE": "warn",
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    }
    command = [
        *(str(Path(sys.executable).with_name("dbt")), *arguments),
        *("--quiet", "--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT)),
    ]
    started = time.monotonic()
    with (place.folder / "dbt.txt").open("w") as said:
        process = subprocess.Popen(command, env=environment, stdout=said, stderr=said)
        # wait4 tells the peak memory of this very child
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.monotonic() - started
    if process.returncode not in (0, 1):
        raise SystemExit((place.folder / "dbt.txt").read_text()[-4000:])
    results = json.loads((target / "run_results.json").read_bytes())["results"]
    built = sorted(results, key=lambda result: -result["execution_time"])
    return {
        "seconds": round(seconds, 1),
        "peak_mb": round(usage.ru_maxrss / 1024),
        "nodes": len(results),
        "slowest": [
            {"node": _name(result), "seconds": round(result["execution_time"], 2)}
            for result in built[:10]
        ],
        "seconds_by_layer": _by_layer(results),
        "failed": sorted(
            f"{_name(r)}: {r['status']}"
            for r in results
            if r["status"] in ("error", "fail", "skipped")
        ),
    }


def _name(result: Mapping[str, Any]) -> str:
    kind, _, name, *_ = str(result["unique_id"]).split(".")
    return f"{kind} {name}"


def _by_layer(results: list[Mapping[str, Any]]) -> dict[str, float]:
    """Seconds of work by schema; four threads at a time, so it is more than the build took."""
    seconds: dict[str, float] = {}
    for result in results:
        relation = str(result.get("relation_name") or "").replace('"', "").split(".")
        kind = str(result["unique_id"]).split(".")[0]
        layer = relation[1] if kind == "model" and len(relation) == 3 else f"{kind}s"
        seconds[layer] = seconds.get(layer, 0.0) + result["execution_time"]
    return {layer: round(seconds[layer], 1) for layer in sorted(seconds)}


def report(title: str, found: Mapping[str, Any], target: float | None, console: Console) -> None:
    """What a person reads of one build."""
    aim = f", to be at most {target:.0f}" if target else ""
    table = Table(
        title=f"{title}: {found['seconds']:.1f} s{aim}; {found['nodes']} nodes, "
        f"dbt {found['peak_mb']} MB",
        title_justify="left",
    )
    table.add_column("slowest")
    table.add_column("s", justify="right")
    for one in found["slowest"]:
        table.add_row(one["node"], f"{one['seconds']:.2f}")
    console.print(table)
    console.print(
        "seconds of work: " + ", ".join(f"{k} {v}" for k, v in found["seconds_by_layer"].items())
    )
    for failed in found["failed"]:
        console.print(f"  [red]{failed}[/red]")


def measure(place: Place, console: Console, *, filled: bool, first: int) -> dict[str, Any]:
    """Fill, build everything, change, build what a schedule builds; `first` numbers the changes."""
    found: dict[str, Any] = {}
    if not filled:
        with console.status("making the raw tables"):
            found["fill_seconds"] = round(fill(place), 1)
    found["rows"] = place.count()
    console.print(", ".join(f"{table} {rows:,}" for table, rows in found["rows"].items()))
    with console.status("parsing the project"):
        dbt_parse(place)
    with console.status("building everything"):
        found["full"] = dbt(
            place,
            READ_AT + (first - 1) * TICK,
            *("build", "--full-refresh", "--exclude-resource-type", "test", "unit_test"),
        )
    report("everything", found["full"], TARGETS["full"], console)
    with console.status("testing the data"):
        now = READ_AT + (first - 1) * TICK
        found["tests"] = dbt(place, now, "test", "--exclude", "test_type:unit")
    report("all tests of the data", found["tests"], None, console)
    place.execute("vacuum analyze")
    for number, name in enumerate(("tick", "second_tick"), first):
        with console.status("changing what changes in a quarter of an hour"):
            place.run("warehouse_delta.sql", now=(READ_AT + number * TICK).isoformat(), tick=number)
        with console.status("building what a schedule builds"):
            found[name] = dbt(place, READ_AT + number * TICK, "build", "--selector", "tick")
        report("a quarter of an hour later", found[name], TARGETS["tick"], console)
    return found


def dbt_parse(place: Place) -> None:
    """As a deployment has done before its first build."""
    url = parse_url(place.url)
    subprocess.run(
        [
            *(str(Path(sys.executable).with_name("dbt")), "parse", "--quiet"),
            *("--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT)),
        ],
        env={
            **os.environ,
            "BROKERAGE_PG_HOST": str(url.host),
            "DBT_TARGET_PATH": str(place.folder / "target"),
            "DBT_LOG_PATH": str(place.folder / "logs"),
        },
        check=True,
    )


def main() -> None:
    """Measure, print and write the results."""
    parser = argparse.ArgumentParser(prog="python -m bench.warehouse", description=__doc__)
    parser.add_argument(
        "--scale", type=float, default=1.0, help="of production, 0.1 for a quick run"
    )
    parser.add_argument(
        "--home", type=Path, help="keep the server's data here, for looking into it"
    )
    parser.add_argument("--filled", action="store_true", help="the home has the raw tables already")
    parser.add_argument(
        "--first", type=int, default=1, help="number of the first change, if the home has had some"
    )
    options = parser.parse_args()
    console = Console()
    with open_place(options.scale, options.home) as place:
        results = measure(place, console, filled=options.filled, first=options.first)
    results["scale"] = options.scale
    results["machine"] = {"cores": os.cpu_count(), "python": machine.python_version()}
    results["measured_at"] = datetime.now(UTC).isoformat(timespec="seconds")
    RESULTS.write_text(json.dumps(results, indent=2) + "\n")
    console.print(f"written to {RESULTS.relative_to(HERE.parent)}")
    slow = [name for name in TARGETS if results[name]["seconds"] > TARGETS[name]]
    if options.scale >= 1 and slow:
        raise SystemExit(f"Too slow: {', '.join(slow)}.")


if __name__ == "__main__":
    main()
