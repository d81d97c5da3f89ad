"""The dlt that is changed finds, notes and holds what the dlt that is not changed does."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from pipelines.common import lean_dlt

COMPARE = """
import datetime
import json
import re
import tempfile
import dlt
from typing import Annotated, Final, List, Literal, NewType, Optional, Union
from dlt.common import typing, validation
from dlt.common.configuration import resolve
from dlt.common.configuration.specs import base_configuration
from dlt.common.configuration.specs.base_configuration import BaseConfiguration, NotResolved
from dlt.common.destination import client
from dlt.common.destination import utils as destination_utils
from dlt.common.schema import Schema, schema
from dlt.common.schema import utils as schema_utils
from dlt.common.schema.typing import TColumnSchema, TStoredSchema, TTableSchema
from dlt.common.exceptions import DictValidationException
from dlt.common.storages import SchemaStorageConfiguration
from dlt.common.storages.live_schema_storage import LiveSchemaStorage
from dlt.extract import extract
from pipelines.common.lean_dlt import _ASKED_OF_TYPES, make_lean
from pipelines.common.load import table_hints
from pipelines.registry import VENDORS

bad = {"name": "a", "columns": {"b": {"name": "b", "data_type": "no type", "nullable": 1}}}
good = {"name": "b", "data_type": "text", "nullable": True, "precision": 1}
# 1 is True, and True is no precision
looks_good = {**good, "nullable": 1}

def refused(spec, document):
    try:
        validation.validate_dict(spec, document, ".")
    except DictValidationException as error:
        return str(error)

def all_kinds(kind):
    for each in kind.__subclasses__():
        yield each
        yield from all_kinds(each)

def settings():
    found = {}
    for kind in all_kinds(BaseConfiguration):
        made = object.__new__(kind)
        fields = kind.get_resolvable_fields()
        shown = {name: re.sub("0x[0-9a-f]+", "", str(hint)) for name, hint in fields.items()}
        found[f"{kind.__module__}.{kind.__qualname__}"] = [
            list(made),
            len(made),
            bool(made),
            shown,
            ["no_such_setting" in made, *(name in dir(made) for name in fields)],
        ]
        fields.clear()
        # what is done to an answer is not done to the next one
        assert len(kind.get_resolvable_fields()) == len(shown)
    return found

def every_type():
    yield from (Final[int], Final, Annotated[str, NotResolved()], Annotated[str, []], Literal[1])
    yield from (Literal[True], Literal["a", None], Optional[str], str | None, Union[int, None])
    yield from (NewType("Odd", Optional[int]), List[str], list[str], dict[str, int], int, bool, 1)
    for kind in all_kinds(BaseConfiguration):
        yield kind
        yield from kind.get_resolvable_fields().values()
    for kind in (TColumnSchema, TTableSchema, TStoredSchema):
        yield kind
        yield from kind.__annotations__.values()

def asked_of_types():
    found = []
    for home, name in _ASKED_OF_TYPES:
        users = [user for user in (home, resolve) if hasattr(user, name)]
        others = [(BaseConfiguration,), (object,)] if name == "is_subclass" else [()]
        for ask in (getattr(user, name) for user in users):
            for kind in every_type():
                for other in others:
                    # what was unknown, and what is known
                    for _ in range(2):
                        try:
                            answer = re.sub(" at 0x[0-9a-f]+", "", str(ask(kind, *other)))
                        except (AttributeError, IndexError, TypeError, ValueError) as error:
                            answer = type(error).__name__
                        found.append(answer)
    return found

def hashes(tables):
    whole = {"name": "a", "version": 1, "engine_version": 11, "version_hash": "x", "settings": {},
             "previous_hashes": ["y"], "tables": tables}
    first = next(iter(tables))
    turned = {name: tables[name] for name in reversed(tables)}
    columns = dict(reversed(tables[first]["columns"].items()))
    forms = [
        whole,
        {**whole, "version": 2, "version_hash": "z", "previous_hashes": []},
        {**whole, "tables": turned},
        {**whole, "tables": {**tables, first: {**tables[first], "columns": columns}}},
        {**whole, "settings": {"detections": [True]}},
        {**whole, "settings": {"detections": [1]}},
        # this has no bytes
        {**whole, "settings": {"day": datetime.date(2026, 1, 2)}},
    ]
    return [schema_utils.generate_version_hash(form) for form in 2 * forms]

def copies():
    day = datetime.date(2026, 1, 2)
    first = {"a": [{"b": 1.5}, (day, [None])], "c": {"d": True}, "e": day}
    found = []
    for copy in (schema_utils.deepcopy, schema.deepcopy):
        other = copy(first)
        found.append([str(other), other == first])
        other["a"][0]["b"], other["c"]["d"] = 2, False
        other["a"][1][1].append(3)
    return [*found, str(first)]

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
    able = dlt.destinations.postgres().capabilities()
    prepare = (destination_utils.prepare_load_table, client.prepare_load_table)
    return [
        {name: str(hint) for name, hint in validation.get_type_hints(TStoredSchema).items()},
        [refused(*each) for each in 2 * [(TTableSchema, bad), (TColumnSchema, looks_good),
                                         (TColumnSchema, good), (TStoredSchema, good)]],
        settings(),
        copies(),
        [each(held.tables, table, able) for each in prepare for table in held.tables.values()],
        asked_of_types(),
        hashes(held.tables),
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
    _, refusals, settings, copies, prepared, types, hashes, same_object, tables, as_stored = before
    no_type, odd_type, sound, no_schema = refusals[:4]
    assert "no type" in no_type
    assert "nullable" in odd_type
    assert sound is None
    assert "unexpected" in no_schema
    assert refusals[4:] == refusals[:4]
    assert len(settings) > 50
    assert "1.5" in copies[-1]
    assert len(prepared) == 2 * tables
    assert {"True", "False", "<class 'int'>"} < set(types)
    assert hashes[:7] == hashes[7:]
    # neither its version nor the order of its tables is hashed; that of columns is
    assert hashes[0] == hashes[1] == hashes[2]
    assert len(set(hashes[2:7])) == 5
    assert same_object
    assert as_stored
    assert tables > 70
    assert changed_by == "pipelines.common.lean_dlt"


def test_what_is_sound_is_checked_once_and_all_else_each_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    checked: list[Any] = []

    def check(
        _spec: Any, doc: Any, _path: str, _filter: Any = None, _validator: Any = None
    ) -> None:
        checked.append(doc)
        if doc == "bad":
            raise ValueError(doc)

    def made() -> Any:
        return lambda: checked

    validate = lean_dlt._accepting(check)
    monkeypatch.setattr(lean_dlt, "MOST_ACCEPTED", 3)
    for doc in (1, True, 1, True):
        validate(str, doc, ".")
    assert checked == [1, True]
    validate(int, 1, ".")
    validate(str, 1, ".", None, len)
    assert len(checked) == 4
    # full: what was sound is looked at once more
    validate(str, 1, ".")
    assert len(checked) == 5
    for _ in range(2):
        with pytest.raises(ValueError, match="bad"):
            validate(str, "bad", ".")
        # neither a validator nor a document that is made anew can be known again
        validate(str, 1, ".", None, made())
        validate(str, object, ".")
    assert len(checked) == 11
