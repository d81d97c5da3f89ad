"""From a webhook's POST to the mart: `python -m bench.webhooks` (`make bench-webhooks`).

The whole platform runs as `make up` starts it, in a home folder of its own: receiver, Dagster's
daemon with all schedules, sandbox, PostgreSQL, and one agent at Follow Up Boss and reZEN. Something
changes at a vendor every few seconds, whether or not what came before has arrived; a mart is looked
at four times a second until it shows each change. The time begins when the change is made, just
before its webhook is posted.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import psycopg2

from brokerage.database.embedded import free_port

RESULTS = Path(__file__).with_name("webhooks.json")
AGENT = "ada-sample"
LOOK_SECONDS = 0.25
PATIENCE_SECONDS = 180.0


@dataclass
class Home:
    """A platform of its own."""

    folder: Path
    environment: dict[str, str]
    sandbox: str

    def run(self, *arguments: str, given: str | None = None) -> str:
        """One command of the platform; `given` is its input."""
        done = subprocess.run(
            [sys.executable, "-m", "brokerage", *arguments],
            env=self.environment,
            input=given,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            said = (done.stderr or done.stdout or "").strip()[-1500:]
            raise SystemExit(f"brokerage {' '.join(arguments)} failed:\n{said}")
        return done.stdout or ""

    def mutate(self, **change: Any) -> dict[str, Any]:
        """Something happens at a vendor."""
        answer = httpx.post(f"{self.sandbox}/sandbox/mutate", json=change, timeout=30.0)
        answer.raise_for_status()
        return dict(answer.json())


@contextmanager
def open_home(keep: Path | None) -> Iterator[Home]:
    """The platform, up, with one agent at two vendors; the folder is removed afterwards."""
    with tempfile.TemporaryDirectory(prefix="brokerage-bench-") as made:
        folder = keep or Path(made)
        Path(made).chmod(0o755)
        ports = {name: str(free_port()) for name in ("POSTGRES", "SANDBOX", "DAGSTER", "WEBHOOK")}
        environment = {
            **os.environ,
            "BROKERAGE_HOME": str(folder),
            "BROKERAGE_SANDBOX_SIZE": "small",
            **{f"BROKERAGE_{name}_PORT": port for name, port in ports.items()},
        }
        home = Home(folder, environment, f"http://127.0.0.1:{ports['SANDBOX']}")
        try:
            home.run("up", "--sandbox")
            accounts = httpx.get(f"{home.sandbox}/sandbox/accounts", timeout=30.0).json()
            keys = next(account for account in accounts if account["agent_key"] == AGENT)
            for vendor in ("fub", "rezen"):
                key = keys[vendor]["credentials"]["api_key"]
                home.run("connect", AGENT, vendor, "--key-stdin", given=f"{key}\n")
            home.run("onboard", AGENT)
            home.run("webhooks", "register", AGENT, "fub")
            home.run("webhooks", "register", AGENT, "rezen")
            yield home
        finally:
            home.run("down", "--purge")


@dataclass
class Watch:
    """Looks for changes in the marts, in a thread of its own."""

    url: str
    found: dict[str, float] = field(default_factory=dict)
    wanted: dict[str, tuple[str, str, float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def want(self, name: str, query: str, value: str, since: float) -> None:
        """Wait for a query about `value` to find something."""
        with self._lock:
            self.wanted[name] = (query, value, since)

    def _run(self) -> None:
        with closing(psycopg2.connect(self.url)) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                while not self._stop.wait(LOOK_SECONDS):
                    with self._lock:
                        looking = list(self.wanted.items())
                    for name, (query, value, since) in looking:
                        cursor.execute(query, (value,))
                        if cursor.fetchone() is not None:
                            with self._lock:
                                self.found[name] = time.monotonic() - since
                                del self.wanted[name]

    def finish(self, seconds: float) -> list[str]:
        """Wait for what is still wanted; returns what never came."""
        deadline = time.monotonic() + seconds
        while self.wanted and time.monotonic() < deadline:
            self._stop.wait(0.5)
        self._stop.set()
        self._thread.join(10)
        return sorted(self.wanted)


PERSON = "select 1 from marts.contacts where first_name = %s"
DEAL = "select 1 from marts.transactions where price_amount = %s::numeric"


def measure(home: Home, changes: int, every: float) -> dict[str, Any]:
    """Make changes at two vendors in turn and see how long each takes to the mart."""
    url = home.run("psql-url", "--role", "owner").strip().splitlines()[0]
    chance = random.Random(7)
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute(
            "select person_source_id from marts.contacts where agent_key = %s order by 1", (AGENT,)
        )
        people = [row[0] for row in cursor.fetchall()]
        cursor.execute("select transaction_source_id from marts.transactions order by 1")
        deals = [row[0] for row in cursor.fetchall()]
    watch = Watch(url)
    pause = threading.Event()
    for number in range(changes):
        begun = time.monotonic()
        if number % 2:
            price = f"{700_000 + number}.00"
            home.mutate(op="update_deal", deal_id=deals[number % len(deals)], price=price)
            watch.want(f"deal {number}", DEAL, price, begun)
        else:
            name = f"Webhook{number}"
            home.mutate(
                op="fub.update_person", agent_key=AGENT, id=int(people[number % len(people)]),
                set={"first_name": name},
            )  # fmt: skip
            watch.want(f"person {number}", PERSON, name, begun)
        pause.wait(every * chance.uniform(0.5, 1.5))
    lost = watch.finish(PATIENCE_SECONDS)
    took = sorted(watch.found.values())
    if not took:
        raise SystemExit("No change reached a mart; see the logs of the home folder.")
    return {
        "changes": changes,
        "seconds_between": every,
        "arrived": len(took),
        "lost": lost,
        "p50_seconds": round(statistics.median(took), 1),
        "p95_seconds": round(took[max(0, -(-95 * len(took) // 100) - 1)], 1),
        "max_seconds": round(took[-1], 1),
        "by_change": {name: round(value, 1) for name, value in sorted(watch.found.items())},
    }


def main() -> None:
    """Measure, print and write the results."""
    parser = argparse.ArgumentParser(prog="python -m bench.webhooks", description=__doc__)
    parser.add_argument("--changes", type=int, default=40)
    parser.add_argument("--every", type=float, default=6.0, help="seconds between, on average")
    parser.add_argument("--home", type=Path, help="keep the home folder, to look at its logs")
    options = parser.parse_args()
    with open_home(options.home) as home:
        results = measure(home, options.changes, options.every)
    results["machine"] = {"cores": os.cpu_count(), "load_before": round(os.getloadavg()[2], 1)}
    results["measured_at"] = datetime.now(UTC).isoformat(timespec="seconds")
    RESULTS.write_text(json.dumps(results, indent=2) + "\n")
    sys.stdout.write(
        f"{results['arrived']} of {results['changes']} changes reached the mart: p50 "
        f"{results['p50_seconds']} s, p95 {results['p95_seconds']} s, longest "
        f"{results['max_seconds']} s.\n"
    )
    if results["lost"]:
        raise SystemExit(f"These did not: {', '.join(results['lost'])}.")


if __name__ == "__main__":
    main()
