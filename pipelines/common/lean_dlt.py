"""dlt without what it does again for each load, as large as the rows of a small one.

A load of a few hundred rows is over in a third of a second, most of which dlt needs for itself. The
pinned version of dlt is what these lines fit; the tests of this module fail when another does not.
"""

from __future__ import annotations

import functools
import sys
from types import SimpleNamespace
from typing import Any

import yaml
from dlt.common import validation
from dlt.common.schema import Schema
from dlt.common.storages.live_schema_storage import LiveSchemaStorage
from dlt.extract import extract


def make_lean() -> None:
    """Change the dlt of this process, for good; again is harmless."""
    if isinstance(extract.yaml, SimpleNamespace):
        return
    read_hints = validation.get_type_hints

    @functools.cache
    def hints_of(spec: type) -> dict[str, Any]:
        return read_hints(spec, globalns=vars(sys.modules[spec.__module__]))

    # a schema is held against the types of its parts time and again, and they are read each time
    validation.get_type_hints = lambda spec, **_: hints_of(spec)  # type: ignore[bad-assignment]
    read_schema = LiveSchemaStorage.__getitem__

    def held_schema(self: LiveSchemaStorage, name: str) -> Schema:
        held = self.live_schemas.get(name)
        return read_schema(self, name) if held is None else held

    # a pipeline's folder is its own: what it has stored is what it holds
    LiveSchemaStorage.__getitem__ = held_schema  # type: ignore[method-assign]
    # the columns of each table are noted in the trace, by a writer of YAML in Python
    dumper = yaml.CDumper if yaml.__with_libyaml__ else yaml.Dumper
    quick = SimpleNamespace(dump=functools.partial(yaml.dump, Dumper=dumper))
    extract.yaml = quick  # type: ignore[bad-assignment]
