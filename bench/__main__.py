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

from bench.site import (
    ENTITIES,
    Site,
    change_share,
    count_rows,
    forget,
    open_site,
    open_vendor_site,
    settle,
    warm_up,
)
from pipelines.registry import VENDORS

RESULTS = Path(__file__).parent / "results.json"
ORDER = ("floor", "stock", "platform")
ROUNDS = {"initial": 3, "delta": 9}
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
    """Initial load and delta of every contender on the same data, several times by turns."""
    results: dict[str, Any] = {"initial": {}, "delta": {}}
    with console.status("starting PostgreSQL and the sandbox"):
        site_context = open_site(accounts, people, calls)
        site = site_context.__enter__()
    try:
        with console.status("reading everything once, to warm the sandbox"):
            rows = warm_up(site)
        console.print(f"{rows:,} rows in {accounts} accounts")
        for number in range(ROUNDS["initial"]):
            if number:
                forget(site)
            _round("initial", site, rows, results["initial"], console)
            _check_loaded(site, rows)
        for _ in range(ROUNDS["delta"]):
            with console.status(f"changing {share:.0%} of the people, adding calls"):
                site, changed = change_share(site, share)
            _round("delta", site, changed, results["delta"], console)
            rows += changed // 2
            _check_loaded(site, rows)
    finally:
        site_context.__exit__(None, None, None)
    return results


def _round(
    phase: str, site: Site, rows: int, results: dict[str, list[Any]], console: Console
) -> None:
    for name in ORDER:
        settle(site)
        with console.status(f"{phase}: {TITLES[name]}"):
            found = run(name, phase, site)
        # in a delta a path may read more than has changed: only what changed counts
        found["rows_per_second"] = rows / found["seconds"]
        results.setdefault(name, []).append(found)
        console.print(
            f"  {phase:8} {TITLES[name]:26} {found['rows']:>9,} rows {found['seconds']:8.2f} s"
        )


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


def every_vendor(deals: int, people: int, console: Console) -> dict[str, Any]:
    """The chief list of each vendor, first load, against the same bytes fetched and copied."""
    found: dict[str, Any] = {}
    with console.status("starting a world of all vendors"):
        context = open_vendor_site(deals, people)
        site = context.__enter__()
    try:
        for name in sorted(site.credentials.keys() & VENDORS.keys()):
            with console.status(f"every vendor: {name}"):
                done = subprocess.run(
                    [sys.executable, "-m", "bench.vendors", name, site.to_json()],
                    capture_output=True,
                    check=False,
                    text=True,
                )
            if done.returncode:
                raise SystemExit(f"{name} failed:\n{done.stderr[-4000:]}")
            found[name] = json.loads(done.stdout.strip().splitlines()[-1])
    finally:
        context.__exit__(None, None, None)
    return found


def report_vendors(vendors: dict[str, Any], console: Console) -> None:
    """One line per vendor."""
    table = Table(title="first load of one list per vendor", title_justify="left")
    for heading in ("vendor", "list", "rows", "calls", "s", "rows/s", "of fetch + COPY"):
        left = heading in ("vendor", "list")
        table.add_column(heading, justify="left" if left else "right", no_wrap=True)
    for name, found in vendors.items():
        table.add_row(
            name,
            found["entity"],
            f"{found['rows']:,}",
            f"{found['calls']:,}",
            f"{found['seconds']:.2f}",
            f"{found['rows'] / found['seconds']:,.0f}",
            f"{found['floor_seconds'] / found['seconds']:.0%}",
        )
    console.print(table)


def report(title: str, results: dict[str, Any], console: Console) -> None:
    """The tables that a person reads."""
    for phase in ("initial", "delta"):
        table = Table(title=f"{title}: {phase} load", title_justify="left")
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
        ratios = {"platform": [results[phase]["times_stock"], results[phase]["of_floor"]]}
        for name in ORDER:
            found = results[phase][name]
            rate = found["rows_per_second"]
            table.add_row(
                TITLES[name],
                f"{found['rows']:,}",
                f"{found['seconds']:.2f}",
                f"{rate:,.0f}",
                *_shown(ratios.get(name)),
                f"{found['peak_mb']:.0f}",
            )
        console.print(table)


def _shown(ratios: list[float] | None) -> tuple[str, str]:
    return ("", "") if ratios is None else (f"{ratios[0]:.1f}", f"{ratios[1]:.0%}")


def with_ratios(results: dict[str, Any]) -> dict[str, Any]:
    """The middle round of each contender and, per phase, the platform's rate against the others.

    A ratio is the middle one of those of each round: what is compared ran side by side.
    """
    for phase in ("initial", "delta"):
        rounds = results[phase]
        found: dict[str, Any] = {
            name: sorted(rounds[name], key=_seconds)[ROUNDS[phase] // 2] for name in ORDER
        }
        for title, other in (("times_stock", "stock"), ("of_floor", "floor")):
            pairs = zip(rounds["platform"], rounds[other], strict=True)
            ratios = sorted(_seconds(theirs) / _seconds(ours) for ours, theirs in pairs)
            found[title] = ratios[ROUNDS[phase] // 2]
            found[f"{title}_rounds"] = ratios
        results[phase] = found
    return results


def _seconds(found: dict[str, Any]) -> float:
    return float(found["seconds"])


def main() -> None:
    """Measure, print and write the results."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--people", type=int, default=15_000, help="per account of two")
    parser.add_argument("--calls", type=int, default=30_000, help="per account of two")
    parser.add_argument("--many", type=int, default=12, help="accounts that share as many rows")
    parser.add_argument("--share", type=float, default=0.01, help="changed before the delta")
    parser.add_argument("--deals", type=int, default=1_500, help="of each agent, all vendors")
    options = parser.parse_args()
    console = Console()
    people, calls, many = options.people, options.calls, options.many
    quarter = flatness(2, people, calls, console)
    results = with_ratios(measure(2, people, calls, options.share, console))
    few_each = (2 * people // many, 2 * calls // many)
    results["many"] = with_ratios(measure(many, *few_each, options.share, console))
    results["quarter"] = quarter
    results["vendors"] = every_vendor(options.deals, people // 3, console)
    results["machine"] = {"cores": os.cpu_count(), "python": machine.python_version()}
    results["measured_at"] = datetime.now(UTC).isoformat(timespec="seconds")
    RESULTS.write_text(json.dumps(results, indent=2) + "\n")
    report("two accounts", results, console)
    whole = results["initial"]["platform"]
    console.print(
        f"memory: {quarter['peak_mb']:.0f} MB for {quarter['rows']:,} rows, "
        f"{whole['peak_mb']:.0f} MB for {whole['rows']:,} rows"
    )
    report(f"{many} accounts", results["many"], console)
    report_vendors(results["vendors"], console)
    console.print(f"written to {RESULTS.relative_to(Path.cwd())}")


if __name__ == "__main__":
    main()
