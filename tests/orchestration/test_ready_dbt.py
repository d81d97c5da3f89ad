"""What a forked dbt tells, and what it keeps to itself."""

from __future__ import annotations

import json
import subprocess
import sys

TELL = """
import json
from resources.ready_dbt import _keep_details_quiet
_keep_details_quiet()
from dbt.adapters.events.types import SQLQuery
from dbt_common.events.base_types import EventLevel
from dbt_common.events.event_manager_client import get_event_manager
from dbt_common.events.functions import fire_event
from dbt_common.events.types import Note, PrintEvent
heard = []
manager = get_event_manager()
manager.loggers.clear()
manager.add_callback(lambda event: heard.append([event.info.level, event.info.msg]))
query = SQLQuery(conn_name="one", sql="select 1", node_info={})
fire_event(query)
fire_event(Note(msg="a detail"), level=EventLevel.DEBUG)
fire_event(Note(msg="a note"))
fire_event(Note(msg="a warning"), level=EventLevel.WARN)
fire_event(PrintEvent(msg="printed"))
print(json.dumps([heard, query.sql]))
"""


def test_details_are_not_told_and_all_else_is() -> None:
    # in a process of its own: dbt is changed for good
    done = subprocess.run(
        [sys.executable, "-c", TELL], capture_output=True, check=True, text=True, timeout=120
    )
    heard, sql = json.loads(done.stdout.splitlines()[-1])
    assert heard == [["info", "a note"], ["warn", "a warning"], ["info", "printed"]]
    assert sql == "select 1", "an event that is asked has what it was given"
