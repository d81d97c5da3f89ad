"""Twenty agents connect at once, while the fast lane of three others goes on.

    python -m bench.onboarding [--agents 20] [--vendors fub,rezen,skyslope]

A real daemon with its queue, sensors and run workers; a sandbox that enforces the vendors' limits.
Prints how long the onboarding took, what the fast lane waited and took before and meanwhile, how
often a vendor said 429, and whether every agent's rows are there.
"""

from __future__ import annotations

import argparse
import json
import signal
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from bench.processes import (
    connect,
    dagster_processes,
    database,
    onboardings,
    open_session,
    query,
)
from brokerage.database.embedded import free_port
from sandbox.server import serve
from sandbox.world.sizes import Size

RESULTS = Path(__file__).with_name("onboarding.json")
OLD = 3
TICKS_BEFORE = 3
BETWEEN_TICKS = 20.0
MOST_SECONDS = 1500.0
_LAUNCH = """
mutation Launch($params: ExecutionParams!) {
  launchRun(executionParams: $params) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on PythonError { message }
    ... on RunConfigValidationInvalid { errors { message } }
  }
}"""


@dataclass(frozen=True)
class FastRun:
    """One run of the fast lane: seconds in the queue with the worker's start, and of work."""

    waited: float
    took: float


def _size(connections: int) -> Size:
    return Size(
        name="onboarding", connections=connections, deals=20, listings=8, network=30,
        network_deals=2, months=18, people=300, calls=400, events=400, texts=100, appointments=60,
        crm_deals=30,
    )  # fmt: skip


def _launch(port: int, job: str, tags: Mapping[str, str]) -> str:
    params = {
        "selector": {
            "repositoryLocationName": "brokerage",
            "repositoryName": "__repository__",
            "jobName": job,
        },
        "runConfigData": {},
        "executionMetadata": {"tags": [{"key": k, "value": v} for k, v in tags.items()]},
    }
    answer = httpx.post(
        f"http://127.0.0.1:{port}/graphql",
        json={"query": _LAUNCH, "variables": {"params": params}},
        timeout=120.0,
    ).json()
    launched = answer["data"]["launchRun"]
    if launched["__typename"] != "LaunchRunSuccess":
        raise RuntimeError(f"The run was not launched: {json.dumps(launched)}")
    return str(launched["run"]["runId"])


def _wait_for(agents: Sequence[str], begun: float, wait: threading.Event) -> float:
    """Seconds until all are complete. Raises if that takes too long."""
    while time.monotonic() - begun < MOST_SECONDS:
        found = onboardings()
        if all(found.get(agent) == "Complete" for agent in agents):
            return time.monotonic() - begun
        wait.wait(2.0)
    raise RuntimeError(f"After {MOST_SECONDS:.0f} s the onboardings are {onboardings()}")


def _fast_runs(run_ids: Sequence[str]) -> list[FastRun]:
    rows = query(
        "select run_id, status, extract(epoch from create_timestamp), start_time, end_time "
        "from dagster.runs where run_id = any(:ids) order by create_timestamp",
        ids=list(run_ids),
    )
    failed = [row[0] for row in rows if row[1] != "SUCCESS"]
    if failed:
        raise RuntimeError(f"Runs of the fast lane did not succeed: {failed}")
    return [FastRun(float(r[3]) - float(r[2]), float(r[4]) - float(r[3])) for r in rows]


def _wait_for_runs(run_ids: Sequence[str], wait: threading.Event) -> None:
    deadline = time.monotonic() + 600
    while time.monotonic() < deadline:
        left = query(
            "select count(*) from dagster.runs where run_id = any(:ids) "
            "and status not in ('SUCCESS', 'FAILURE', 'CANCELED')",
            ids=list(run_ids),
        )
        if left[0][0] == 0:
            return
        wait.wait(1.0)
    raise RuntimeError("Runs of the fast lane do not end.")


def measure(agents: int, vendors: Sequence[str], folder: Path) -> dict[str, Any]:
    """Run the scenario; see the module's text for what comes back."""
    from brokerage.stack.dagster_home import service_environment

    wait = threading.Event()
    with database(folder), serve(size=_size(agents + OLD), limited=True) as box:
        session = open_session(box.url)
        accounts = [a for a in box.accounts if all(vendor in a for vendor in vendors)]
        old, new = accounts[:OLD], accounts[OLD : OLD + agents]
        port = free_port()
        environment = service_environment(session.settings)
        with dagster_processes(environment, folder, webserver_port=port):
            connect(session, old, vendors)
            _wait_for([a["agent_key"] for a in old], time.monotonic(), wait)
            keys = [a["agent_key"] for a in old]
            order = query("select partition from dagster.dynamic_partitions order by id")
            known = [row[0] for row in order]
            span = sorted(keys, key=known.index)
            tags = {
                "dagster/asset_partition_range_start": span[0],
                "dagster/asset_partition_range_end": span[-1],
            }
            before = []
            for _ in range(TICKS_BEFORE):
                before.append(_launch(port, "fub__fast", tags))
                _wait_for_runs(before, wait)

            box.requests.clear()
            begun = time.monotonic()
            connect(session, new, vendors)
            connected = time.monotonic() - begun
            meanwhile: list[str] = []
            ended = threading.Event()

            def tick() -> None:
                while not ended.wait(BETWEEN_TICKS):
                    meanwhile.append(_launch(port, "fub__fast", tags))
                    _wait_for_runs(meanwhile, wait)

            ticking = threading.Thread(target=tick)
            ticking.start()
            try:
                seconds = _wait_for([a["agent_key"] for a in new], begun, wait)
            finally:
                ended.set()
                ticking.join()
            limited = box.requests.count(status=429)
            sent = box.requests.count()
        missing = [
            f"{a['agent_key']}:{vendor}"
            for a in new
            for vendor in vendors
            if not query(
                "select 1 from control.sync_state where connection_id = :of and status = 'ok'",
                of=f"{a['agent_key']}:{vendor}",
            )
        ]
        return {
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "agents": agents,
            "vendors": list(vendors),
            "connect_seconds": round(connected, 1),
            "onboarding_seconds": round(seconds, 1),
            "requests": sent,
            "refused_429": limited,
            "accounts_without_rows": missing,
            "fast_before": _told(_fast_runs(before)),
            "fast_meanwhile": _told(_fast_runs(meanwhile)),
            "notifications": dict(
                query("select type, count(*) from control.notifications group by type")
            ),
        }


def _told(runs: Sequence[FastRun]) -> dict[str, float]:
    return {
        "runs": len(runs),
        "longest_wait": round(max((run.waited for run in runs), default=0.0), 1),
        "median_wait": round(statistics.median([run.waited for run in runs] or [0.0]), 1),
        "longest_run": round(max((run.took for run in runs), default=0.0), 1),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--agents", type=int, default=20)
    parser.add_argument("--vendors", default="fub,rezen,skyslope")
    options = parser.parse_args()
    # what was started ends with the bench, also when that is told to stop
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    with tempfile.TemporaryDirectory(prefix="bench-onboarding-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        found = json.dumps(measure(options.agents, options.vendors.split(","), folder), indent=2)
    RESULTS.write_text(found + "\n")
    print(found)


if __name__ == "__main__":
    main()
