"""The three ways from Follow Up Boss to PostgreSQL, each run in a process of its own.

- `platform`: this project's path, `pipelines.common.run.sync`.
- `stock`: dlt's `rest_api` source with default settings.
- `floor`: fetch the same pages and COPY their bytes; nothing is parsed but the next link. In a
  delta that is what the platform's path asks for: changed people, active people, a day of calls.

`python -m bench.contenders NAME PHASE SITE` prints one JSON object: rows, seconds (imports not
counted), peak_mb.
"""

from __future__ import annotations

import importlib
import io
import json
import os
import re
import resource
import ssl
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path

import httpx
import psycopg2
from dlt.common.runtime import run_context

from bench.site import ENTITIES, EVERYTHING, Site


def platform(site: Site, phase: str) -> tuple[int, float]:
    """The path that the assets use; the second run finds its cursors in the warehouse."""
    from pipelines.common.account import Account, StaticCredentials
    from pipelines.common.budget import Rate
    from pipelines.common.load import prepare_raw
    from pipelines.common.run import sync
    from pipelines.fub.client import FubSettings
    from pipelines.registry import VENDORS

    vendor = VENDORS["fub"]
    folder = Path(site.folder) / "platform"
    prepare_raw(vendor, site.database_url, folder)
    settings = FubSettings(
        base_url=site.fub_url,
        app_base_url=site.fub_url.removesuffix("/v1"),
        system=site.system,
        system_key=site.system_key,
        rates={context: Rate(10**9, 10.0, 64) for context in vendor.dialect.rates},
    )
    accounts = [
        Account(f"{agent}:fub", agent, "fub", StaticCredentials({"api_key": key}))
        for agent, key in site.accounts.items()
    ]
    begun = time.perf_counter()
    report = sync(
        vendor,
        accounts,
        warehouse_url=site.database_url,
        settings=settings,
        entities=ENTITIES,
        run_id=phase,
        pipelines_dir=folder,
    )
    seconds = time.perf_counter() - begun
    if report.failures:
        raise SystemExit(f"The platform's path failed: {report.failures[0].error}")
    return sum(result.rows_read for result in report.results), seconds


def stock(site: Site, phase: str) -> tuple[int, float]:
    """What a data engineer writes in ten minutes, as dlt's documentation shows it."""
    import dlt
    from dlt.sources.rest_api import rest_api_source

    pipeline = dlt.pipeline(
        "bench_stock",
        destination=dlt.destinations.postgres(credentials=site.database_url),
        dataset_name="bench_stock",
        pipelines_dir=str(Path(site.folder) / "stock"),
    )
    everything = {"limit": 100, "fields": "allFields", "includeTrash": "true",
                  "includeUnclaimed": "true"}  # fmt: skip
    filters = {"people": ("updatedAfter", "updated"), "calls": ("createdAfter", "created")}
    begun, rows = time.perf_counter(), 0
    for agent, key in site.accounts.items():
        source = rest_api_source(
            {
                "client": {
                    "base_url": site.fub_url,
                    "auth": {"type": "http_basic", "username": key, "password": ""},
                    "paginator": {"type": "json_link", "next_url_path": "_metadata.nextLink"},
                },
                "resource_defaults": {"primary_key": "id", "write_disposition": "merge"},
                "resources": [
                    {
                        "name": entity,
                        "endpoint": {
                            "path": entity,
                            "params": dict(everything),
                            "data_selector": entity,
                            "incremental": {
                                "start_param": filters[entity][0],
                                "cursor_path": filters[entity][1],
                                "initial_value": "2000-01-01T00:00:00Z",
                            },
                        },
                    }
                    for entity in ENTITIES
                ],
            },
            name=f"fub_{agent.replace('-', '_')}",
        )
        pipeline.extract(source)
        counts = pipeline.normalize().row_counts  # the steps of `run`, to read the count
        pipeline.load()
        rows += sum(counts.get(entity, 0) for entity in ENTITIES)
    return rows, time.perf_counter() - begun


_NEXT = re.compile(rb'"nextLink":\s*"([^"]+)"')
_IDS = re.compile(rb'[{,]"id":\s*(\d+),"created"')
WINDOWS = 4


def floor(site: Site, phase: str) -> tuple[int, float]:
    """Bytes from the socket to COPY, pages fetched side by side: HTTP and the database alone."""
    with psycopg2.connect(site.database_url) as connection, connection.cursor() as cursor:
        cursor.execute("create table if not exists bench_floor (entity text, page text)")
    connection.close()
    begun, rows = time.perf_counter(), 0
    # every contender logs in while its clock runs
    connection = psycopg2.connect(site.database_url)
    # no contender reads certificates: the sandbox speaks plain HTTP
    trust = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    with httpx.Client(timeout=60.0, verify=trust) as client, ThreadPoolExecutor(8) as pool:
        jobs = [
            (key, entity, link)
            for key in site.accounts.values()
            for entity in ENTITIES
            for link in _starts(client, site, key, entity, phase)
        ]
        batches = [pool.submit(_fetch, client, key, link) for key, _, link in jobs]
        for (_, entity, _), batch in zip(jobs, batches, strict=True):
            buffer = io.BytesIO()
            for body in batch.result():
                rows += len(_IDS.findall(body))
                escaped = body.replace(b"\\", b"\\\\")
                buffer.write(entity.encode() + b"\t" + escaped + b"\n")
            buffer.seek(0)
            with connection, connection.cursor() as cursor:
                cursor.copy_expert("copy bench_floor from stdin", buffer)
    seconds = time.perf_counter() - begun
    connection.close()
    return rows, seconds


def _starts(client: httpx.Client, site: Site, key: str, entity: str, phase: str) -> Iterator[str]:
    """First links of windows of ids that together cover everything, or of what changed."""
    base = f"{site.fub_url}/{entity}?limit=100&{EVERYTHING}"
    if phase == "delta":
        if entity == "people":
            for name in ("updatedAfter", "lastActivityAfter"):
                yield f"{base}&{name}={site.changed_after}"
        else:
            day_before = datetime.fromisoformat(site.changed_after) - timedelta(days=1)
            yield f"{base}&createdAfter={day_before:%Y-%m-%dT%H:%M:%SZ}"
        return
    page = client.get(f"{base}&limit=1", auth=(key, "")).json()
    highest, total = int(page[entity][0]["id"]), int(page["_metadata"]["total"])
    width = total // WINDOWS + 1
    for number in range(WINDOWS):
        upper = highest + 1 - number * width
        lower = "" if number == WINDOWS - 1 else f"&idGreaterThan={upper - width - 1}"
        yield f"{base}&idLessThan={upper}{lower}"


def _fetch(client: httpx.Client, key: str, link: str | None) -> list[bytes]:
    pages = []
    while link:
        body = client.get(link, auth=(key, "")).content
        pages.append(body)
        found = _NEXT.search(body)
        link = found[1].decode().replace("\\/", "/") if found else None
    return pages


CONTENDERS: dict[str, Callable[[Site, str], tuple[int, float]]] = {
    "platform": platform,
    "stock": stock,
    "floor": floor,
}


IMPORTED = (
    "pandas", "pyarrow.csv", "pyarrow.pandas_compat", "pyarrow.vendored.version", "sqlalchemy",
    "httpcore", "anyio", "netrc", "pendulum.locales.en.locale", "dlt.sources.rest_api",
    "dlt.common.libs.sql_alchemy_compat", "dlt.destinations.impl.postgres.postgres",
)  # fmt: skip


def main(name: str, phase: str, site: str) -> None:
    """Run one contender in this process and print what it did."""
    # a long-lived process imports once: no contender pays for it inside the clock
    for module in IMPORTED:
        importlib.import_module(module)
    # and dlt looks for its plugins once; its makers need not hear of this
    os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
    run_context.active()
    rows, seconds = CONTENDERS[name](Site.from_json(site), phase)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"rows": rows, "seconds": seconds, "peak_mb": peak}))


if __name__ == "__main__":
    main(*sys.argv[1:4])
