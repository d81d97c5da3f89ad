"""dlt takes its settings from the platform alone, and tells its makers nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

EXTRACT = """
import json
import sys
from pathlib import Path
import dlt
from dlt.common.configuration import resolve_configuration
from dlt.common.configuration.specs import RuntimeConfiguration
from dlt.common.runtime import run_context
from dlt.common.runtime.telemetry import stop_telemetry
from pipelines.common.destination import KeptConnections
from pipelines.common.load import Package, as_source, make_pipeline
from pipelines.registry import VENDORS

whose, folder = sys.argv[1], Path(sys.argv[2])
url = "postgresql://nobody:nothing@127.0.0.1:1/nowhere"
if whose != "ours":
    # dlt has begun before a sync does
    run_context.active()
if whose == "dlt":
    there = dlt.destinations.postgres(url)
    pipeline = dlt.pipeline("sample", pipelines_dir=str(folder), destination=there)
    pipeline.extract(dlt.resource([{"a": 1}], name="sample"))
else:
    pipeline = make_pipeline(VENDORS["fub"], url, "sample", folder, KeptConnections())
    pipeline.extract(as_source(VENDORS["fub"], Package(folder)))
found = resolve_configuration(RuntimeConfiguration())
# what has been noted is sent before this returns
stop_telemetry()
print(json.dumps([found.dlthub_telemetry, found.log_level]))
"""


@pytest.fixture
def makers() -> Iterator[tuple[str, list[str]]]:
    """Where dlt's makers would listen: the address, and what they were told."""
    told: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/", told
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(
    ("whose", "tells"), [("dlt", True), ("ours", False), ("ours, after dlt's", False)]
)
def test_no_variable_changes_dlt_and_nobody_hears_of_a_load(
    makers: tuple[str, list[str]], tmp_path: Path, whose: str, tells: bool
) -> None:
    address, told = makers
    environment = {
        **os.environ,
        "RUNTIME__DLTHUB_TELEMETRY": "true",
        "RUNTIME__DLTHUB_TELEMETRY_ENDPOINT": address,
        "RUNTIME__LOG_LEVEL": "CRITICAL",
        "NO_PROXY": "127.0.0.1",
    }
    done = subprocess.run(
        [sys.executable, "-c", EXTRACT, whose, str(tmp_path)],
        capture_output=True,
        check=True,
        env=environment,
        text=True,
        timeout=120,
    )
    assert json.loads(done.stdout.splitlines()[-1]) == [tells, "CRITICAL" if tells else "WARNING"]
    assert bool(told) is tells
