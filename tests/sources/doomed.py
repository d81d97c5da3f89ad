"""A sync in a process of its own, to be killed: `python -m tests.sources.doomed ORDER.json`.

It writes a line when an entity has been read, and stops for good before a load is complete if
the order says so.
"""

from __future__ import annotations

import json
import sys
import threading
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path

import dlt.load.load

from pipelines.common import run
from pipelines.common.account import Account, StaticCredentials
from pipelines.common.reading import Progress
from pipelines.registry import VENDORS


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def say_progress(progress: Progress) -> None:
    say(f"read {progress.entity}")


def wait_for_the_end(*_args: object, **_kwargs: object) -> None:
    say("loading")
    threading.Event().wait(60)


def main() -> None:
    order = json.loads(Path(sys.argv[1]).read_text())
    vendor = VENDORS[order["vendor"]]
    ahead = timedelta(seconds=order["ahead"])

    class Calendar(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            return datetime.now(tz or UTC) + ahead

    run.datetime = Calendar  # type: ignore[attr-defined]
    run.LOAD_ROWS = order["load_rows"]
    if order["stop_in_load"]:
        dlt.load.load.Load.complete_package = wait_for_the_end  # type: ignore[method-assign]
    key = StaticCredentials(order["credentials"])
    run.sync(
        vendor,
        [Account(order["connection_id"], order["agent_key"], vendor.name, key)],
        warehouse_url=order["url"],
        settings=vendor.settings_type.model_validate(order["settings"]),
        lane="onboarding",
        run_id="doomed",
        pipelines_dir=Path(order["folder"]),
        progress=say_progress,
    )
    say("done")


if __name__ == "__main__":
    main()
