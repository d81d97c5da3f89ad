"""The dlt that is changed finds, notes and holds what the dlt that is not changed does."""

from __future__ import annotations

import json
import subprocess
import sys

COMPARE = """
import json
import tempfile
import dlt
from dlt.common import validation
from dlt.common.schema import Schema
from dlt.common.schema.typing import TStoredSchema, TTableSchema
from dlt.common.exceptions import DictValidationException
from dlt.common.storages import SchemaStorageConfiguration
from dlt.common.storages.live_schema_storage import LiveSchemaStorage
from dlt.extract import extract
from pipelines.common.lean_dlt import make_lean
from pipelines.common.load import table_hints
from pipelines.registry import VENDORS

columns = [
    hints["columns"] for vendor in VENDORS.values() for hints in table_hints(vendor).values()
]
bad = {"name": "a", "columns": {"b": {"name": "b", "data_type": "no type", "nullable": 1}}}

def refused():
    try:
        validation.validate_dict(TTableSchema, bad, ".")
    except DictValidationException as error:
        return str(error)

def looked_at():
    storage = LiveSchemaStorage(
        SchemaStorageConfiguration(schema_volume_path=tempfile.mkdtemp()), makedirs=True
    )
    storage.save_schema(Schema("sample"))
    held = storage["sample"]
    for vendor in VENDORS.values():
        for name, hints in table_hints(vendor).items():
            resource = dlt.resource([], name=name, max_table_nesting=0, **hints)
            held.update_table(resource.compute_table_schema())
    storage.commit_live_schema("sample")
    return [
        {name: str(hint) for name, hint in validation.get_type_hints(TStoredSchema).items()},
        refused(),
        [extract.yaml.dump(held, default_flow_style=False, sort_keys=False) for held in columns],
        storage["sample"] is held,
        len(held.tables),
        storage["sample"].to_dict() == storage.load_schema("sample").to_dict(),
    ]

before = looked_at()
make_lean()
make_lean()
print(json.dumps([before, looked_at(), validation.get_type_hints.__module__]))
"""


def test_it_is_told_and_holds_the_same() -> None:
    # in a process of its own: dlt is changed for good
    done = subprocess.run(
        [sys.executable, "-c", COMPARE], capture_output=True, check=True, text=True, timeout=120
    )
    before, after, changed_by = json.loads(done.stdout.splitlines()[-1])
    assert after == before
    assert "no type" in before[1]
    same_object, tables, as_stored = before[3:]
    assert same_object
    assert as_stored
    assert tables > 70
    assert changed_by == "pipelines.common.lean_dlt"
