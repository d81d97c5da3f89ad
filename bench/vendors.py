"""The chief list of every vendor: this path against the same answers fetched again and copied raw.

A first reading is recorded (and warms the sandbox), a second one is timed into an empty schema,
and the recorded requests are sent once more, side by side, with their bodies copied as they come:
HTTP and the database alone, whatever the vendor. `python -m bench.vendors NAME SITE` measures one
in a process of its own and prints JSON.
"""

from __future__ import annotations

import importlib
import io
import json
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import psycopg2
from psycopg2 import sql

from bench.contenders import IMPORTED
from bench.site import VendorSite
from pipelines.common.account import Account, StaticCredentials
from pipelines.common.budget import Rate
from pipelines.common.entity import Entity, Vendor
from pipelines.common.http import VendorHttp, VendorSettings
from pipelines.common.load import prepare_raw
from pipelines.common.reading import SyncReport
from pipelines.common.run import sync
from pipelines.registry import VENDORS

CHIEF = {
    "rezen": "transactions", "fub": "people", "skyslope": "sales", "dotloop": "loops",
    "lofty": "leads", "qualia": "orders", "stripe": "invoices",
}  # fmt: skip
"""The entity that is measured; of a vendor that is not named, the first that is no plain sweep."""

FETCHERS = 8


class Recorder(httpx.HTTPTransport):
    """Sends requests and remembers them."""

    def __init__(self) -> None:
        super().__init__(retries=0)
        self.requests: list[httpx.Request] = []
        self._lock = threading.Lock()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        with self._lock:
            self.requests.append(request)
        return super().handle_request(request)


def chief_of(vendor: Vendor) -> Entity:
    """The vendor's entity that is measured."""
    name = CHIEF.get(vendor.name)
    return next(
        entity
        for entity in vendor.entities
        if (entity.name == name if name else entity.strategy != "sweep")
    )


def needed_for(vendor: Vendor, entity: Entity) -> list[str]:
    """The entity with everything that it depends on."""
    names = [entity.name]
    for name in names:
        names += [d for d in vendor.entity(name).depends_on if d not in names]
    return names


def settings_of(vendor: Vendor, site: VendorSite) -> VendorSettings:
    """As the sandbox tells, without limits: the machine is measured and not a quota."""
    told = {
        name: f"{site.url}{value}" if str(value).startswith("/") else value
        for name, value in site.settings[vendor.name].items()
    }
    rates = {context: Rate(10**9, 10.0, 64) for context in vendor.dialect.rates}
    return vendor.settings_type.model_validate({**told, "rates": rates})


def accounts_of(vendor: Vendor, site: VendorSite) -> list[Account]:
    """Every account that somebody has at the vendor."""
    return [
        Account(f"{agent}:{vendor.name}", agent, vendor.name, StaticCredentials(dict(credentials)))
        for agent, credentials in site.credentials[vendor.name].items()
    ]


def measure(vendor: Vendor, site: VendorSite) -> dict[str, Any]:
    """Rows of the chief list; seconds of both ways and requests sent with what it depends on."""
    entity = chief_of(vendor)
    recorder = Recorder()
    _read(vendor, site, recorder, "recorded")
    _empty(vendor, site)
    begun = time.perf_counter()
    report = _read(vendor, site, httpx.HTTPTransport(retries=0), "timed")
    seconds = time.perf_counter() - begun
    return {
        "entity": entity.name,
        "rows": sum(r.rows_read for r in report.results if r.entity == entity.name),
        "calls": len(recorder.requests),
        "seconds": seconds,
        "floor_seconds": _replay(recorder.requests, site),
    }


def _read(
    vendor: Vendor, site: VendorSite, transport: httpx.BaseTransport, run_id: str
) -> SyncReport:
    settings = settings_of(vendor, site)
    folder = Path(site.folder) / vendor.name
    prepare_raw(vendor, site.database_url, folder)
    with closing(VendorHttp(vendor.dialect, settings, transport=transport)) as http:
        report = sync(
            vendor,
            accounts_of(vendor, site),
            warehouse_url=site.database_url,
            settings=settings,
            entities=needed_for(vendor, chief_of(vendor)),
            run_id=run_id,
            pipelines_dir=folder,
            http=http,
        )
    if report.failures:
        raise SystemExit(f"{vendor.title} failed: {report.failures[0].error}")
    return report


def _empty(vendor: Vendor, site: VendorSite) -> None:
    with closing(psycopg2.connect(site.database_url)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            schema = sql.Identifier(vendor.schema)
            cursor.execute(sql.SQL("drop schema {} cascade").format(schema))


def _replay(requests: list[httpx.Request], site: VendorSite) -> float:
    """Send the requests again and copy their bodies; seconds."""
    with (
        closing(psycopg2.connect(site.database_url)) as connection,
        httpx.Client(timeout=60.0) as client,
        ThreadPoolExecutor(FETCHERS) as pool,
    ):
        with connection, connection.cursor() as cursor:
            cursor.execute("create table if not exists bench_floor (page text)")
        begun = time.perf_counter()
        for response in pool.map(client.send, requests):
            page = response.content.replace(b"\\", b"\\\\").replace(b"\n", b"\\n")
            page = page.replace(b"\r", b"\\r").replace(b"\t", b"\\t")
            with connection.cursor() as cursor:
                cursor.copy_expert("copy bench_floor from stdin", io.BytesIO(page + b"\n"))
        connection.commit()
        return time.perf_counter() - begun


def main(name: str, site: str) -> None:
    """Measure one vendor and print what was found."""
    for module in IMPORTED:
        importlib.import_module(module)
    print(json.dumps(measure(VENDORS[name], VendorSite.from_json(site))))


if __name__ == "__main__":
    main(*sys.argv[1:3])
