"""`python -m bench.entities` writes docs/vendors/entities.md: what each table costs to read.

All accounts of a sandbox of the demo's size are read for the first time and, an hour later on its
clock, again; the page says what came and how many requests both took.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path

import httpx

from bench.site import VendorSite, open_demo_site
from bench.vendors import accounts_of, settings_of
from brokerage.settings import PROJECT_DIR
from pipelines.common import run
from pipelines.common.entity import Vendor
from pipelines.common.http import VendorHttp
from pipelines.common.load import prepare_raw
from pipelines.registry import VENDORS

PAGE = PROJECT_DIR / "docs" / "vendors" / "entities.md"
HEAD = """# Entities

<!-- written by `python -m bench.entities` -->

Every raw table of a vendor that is asked over the network: where the contract's statement comes
from, how the table is read, its rows in the demo (all accounts), and the requests that a first
reading and a quiet one an hour later take, all accounts together. Requests that a credential costs
count with the entity that met them first. What CSV files bring is in [files.md](files.md).
"""


@dataclass(frozen=True)
class Cost:
    """Rows and requests of one entity, by entity name."""

    rows: Counter[str]
    first: Counter[str]
    quiet: Counter[str]
    quiet_written: Counter[str]


@contextlib.contextmanager
def _calendar(site: VendorSite) -> Iterator[None]:
    """The engine lives on the sandbox's calendar, as far as that is from the real one."""
    now = datetime.fromisoformat(httpx.get(f"{site.url}/sandbox/health").json()["now"])
    ahead = now - datetime.now(UTC)

    class Calendar(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            return datetime.now(tz or UTC) + ahead

    real, run.datetime = run.datetime, Calendar
    try:
        yield
    finally:
        run.datetime = real


def read_twice(vendor: Vendor, site: VendorSite) -> Cost:
    """A first reading of all accounts, and a quiet one."""
    folder = Path(site.folder) / vendor.name
    settings = settings_of(vendor, site)
    prepare_raw(vendor, site.database_url, folder)
    accounts = accounts_of(vendor, site)
    counted: list[list[Counter[str]]] = []
    for number in range(2):
        if number:
            seconds = timedelta(hours=1).total_seconds()
            httpx.post(f"{site.url}/sandbox/clock", json={"seconds": seconds}).raise_for_status()
        with _calendar(site), closing(VendorHttp(vendor.dialect, settings)) as http:
            report = run.sync(
                vendor,
                accounts,
                warehouse_url=site.database_url,
                settings=settings,
                run_id=f"reading {number}",
                pipelines_dir=folder,
                http=http,
            )
        if report.failures:
            raise SystemExit(f"{vendor.title} failed: {report.failures[0].error}")
        rows, calls, written = Counter[str](), Counter[str](), Counter[str]()
        for result in report.results:
            rows[result.entity] += result.rows_read
            calls[result.entity] += result.api_calls
            written[result.entity] += result.rows_written
        counted.append([rows, calls, written])
    (_, first, loaded), (_, quiet, quiet_written) = counted
    return Cost(loaded, first, quiet, quiet_written)


def render(costs: dict[str, Cost]) -> str:
    """The page as Markdown."""
    parts = [HEAD]
    for name, cost in costs.items():
        vendor = VENDORS[name]
        settings = vendor.settings_type()
        parts.append(
            f"\n## {vendor.title}\n\n"
            "| Table | Evidence | Strategy | Rows | First reading | Quiet reading |\n"
            "|---|---|---|---:|---:|---:|\n"
        )
        for entity in vendor.entities:
            off = "" if entity.enabled(settings) else " (off by default)"
            parts.append(
                f"| `{entity.name}`{off} | {entity.evidence} | {entity.strategy} | "
                f"{cost.rows[entity.name]:,} | {cost.first[entity.name]:,} | "
                f"{cost.quiet[entity.name]:,} |\n"
            )
        parts.append(
            f"| together | | | {cost.rows.total():,} | {cost.first.total():,} | "
            f"{cost.quiet.total():,} |\n"
        )
    return "".join(parts)


def main() -> None:
    """Read everything twice and write the page."""
    with open_demo_site() as site:
        costs = {
            name: read_twice(vendor, site)
            for name, vendor in VENDORS.items()
            if name in site.credentials
        }
    PAGE.write_text(render(costs), "utf-8")
    print(f"written to {PAGE.relative_to(PROJECT_DIR)}")


if __name__ == "__main__":
    main()
