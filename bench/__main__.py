"""`make bench`: the platform's path against dlt's stock source and a raw COPY, in one run.

Prints a table and writes `bench/results.json`. Rates are rows per second of the whole path, from
the first request to the committed load; compare the ratios, not the rates of two machines.
"""

from __future__ import annotations

import argparse
import json
import os
import platform as machine
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.site import ENTITIES, Site, change_share, count_rows, open_site, warm_up

RESULTS = Path(__file__).parent / "results.json"
ORDER = ("floor", "stock", "platform")
TITLES = {
    "platform": "this platform",
    "stock": "dlt rest_api",
    "floor": "fetch + COPY",
}


def run(name: str, phase: str, site: Site) -> dict[str, Any]:
    """One contender in one phase, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.contenders", name, phase, site.to_json()],
        capture_output=True,
        check=False,
        text=True,
    )
    if done.returncode:
        raise SystemExit(f"{TITLES[name]} failed in the {phase} load:\n{done.stderr[-4000:]}")
    outcome: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    outcome["rows_per_second"] = outcome["rows"] / outcome["seconds"]
    return outcome


def measure(accounts: int, people: int, calls: int, share: float, console: Console) -> Any:
    """Initial load and delta of every contender on the same data."""
    results: dict[str, Any] = {"initial": {}, "delta": {}}
    with console.status("starting PostgreSQL and the sandbox"):
        site_context = open_site(accounts, people, calls)
        site = site_context.__enter__()
    try:
        with console.status("reading everything once, to warm the sandbox"):
            rows = warm_up(site)
        console.print(f"{rows:,} rows in {accounts} accounts")
        for phase in ("initial", "delta"):
            if phase == "delta":
                _check_loaded(site, rows)
                with console.status(f"changing {share:.0%} of the people, adding calls"):
                    site, rows = change_share(site, share)
                console.print(f"{rows:,} rows changed or new")
            for name in ORDER:
                with console.status(f"{phase}: {TITLES[name]}"):
                    found = results[phase][name] = run(name, phase, site)
                # in a delta a path may read more than has changed: only what changed counts
                found["rows_per_second"] = rows / found["seconds"]
                console.print(
                    f"  {phase:8} {TITLES[name]:26} {found['rows']:>9,} rows "
                    f"{found['seconds']:8.2f} s"
                )
    finally:
        site_context.__exit__(None, None, None)
    return results


def _check_loaded(site: Site, rows: int) -> None:
    loaded = sum(count_rows(site, "raw_fub", entity) for entity in ENTITIES)
    if loaded != rows:
        raise SystemExit(f"The platform loaded {loaded:,} of {rows:,} rows, so its rate is void.")


def flatness(accounts: int, people: int, calls: int, console: Console) -> dict[str, Any]:
    """Peak memory of the platform's path for a quarter of the rows."""
    with (
        console.status("memory: a quarter of the rows"),
        open_site(accounts, people // 4, calls // 4) as site,
    ):
        return run("platform", "initial", site)


def report(results: dict[str, Any], console: Console) -> None:
    """The table that a person reads."""
    for phase in ("initial", "delta"):
        table = Table(title=f"{phase} load", title_justify="left")
        for heading in (
            "path",
            "rows",
            "s",
            "rows/s",
            "x stock",
            "of floor",
            "MB",
        ):
            table.add_column(
                heading, justify="left" if heading == "path" else "right", no_wrap=True
            )
        stock = results[phase]["stock"]["rows_per_second"]
        floor = results[phase]["floor"]["rows_per_second"]
        for name in ORDER:
            found = results[phase][name]
            rate = found["rows_per_second"]
            table.add_row(
                TITLES[name],
                f"{found['rows']:,}",
                f"{found['seconds']:.2f}",
                f"{rate:,.0f}",
                f"{rate / stock:.1f}",
                f"{rate / floor:.0%}",
                f"{found['peak_mb']:.0f}",
            )
        console.print(table)
    quarter, whole = results["quarter"], results["initial"]["platform"]
    console.print(
        f"memory: {quarter['peak_mb']:.0f} MB for {quarter['rows']:,} rows, "
        f"{whole['peak_mb']:.0f} MB for {whole['rows']:,} rows"
    )


def main() -> None:
    """Measure, print and write the results."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--accounts", type=int, default=2)
    parser.add_argument("--people", type=int, default=15_000, help="per account")
    parser.add_argument("--calls", type=int, default=30_000, help="per account")
    parser.add_argument("--share", type=float, default=0.01, help="changed before the delta")
    options = parser.parse_args()
    console = Console()
    figures = (options.accounts, options.people, options.calls)
    results = measure(*figures, options.share, console)
    results["quarter"] = flatness(*figures, console)
    for phase in ("initial", "delta"):
        ours = results[phase]["platform"]["rows_per_second"]
        results[phase]["times_stock"] = ours / results[phase]["stock"]["rows_per_second"]
        results[phase]["of_floor"] = ours / results[phase]["floor"]["rows_per_second"]
    results["machine"] = {"cores": os.cpu_count(), "python": machine.python_version()}
    results["measured_at"] = datetime.now(UTC).isoformat(timespec="seconds")
    RESULTS.write_text(json.dumps(results, indent=2) + "\n")
    report(results, console)
    console.print(f"written to {RESULTS.relative_to(Path.cwd())}")


if __name__ == "__main__":
    main()
