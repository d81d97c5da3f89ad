"""dlt without what it does again for each load, as large as the rows of a small one.

A load of a few hundred rows is over in a third of a second, most of which dlt needs for itself. The
pinned version of dlt is what these lines fit; the tests of this module fail when another does not.
"""

from __future__ import annotations

import contextlib
import copy
import functools
import hashlib
import marshal
import sys
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import yaml
from dlt.common import validation
from dlt.common.configuration.specs import base_configuration
from dlt.common.configuration.specs.base_configuration import BaseConfiguration
from dlt.common.destination import client
from dlt.common.destination import utils as destination_utils
from dlt.common.schema import Schema, schema
from dlt.common.schema import utils as schema_utils
from dlt.common.storages.live_schema_storage import LiveSchemaStorage
from dlt.extract import extract, hints

_PLAIN = frozenset({str, int, float, bool, type(None)})

MOST_ACCEPTED = 10_000
"""Parts of schemas that are remembered as sound; those of all vendors are some thousand."""


def make_lean() -> None:
    """Change the dlt of this process, for good; again is harmless."""
    if isinstance(extract.yaml, SimpleNamespace):
        return
    _remember_schemas()
    _remember_settings()
    # tables of schemas are copied some fifty times in a load
    schema_utils.deepcopy = schema.deepcopy = copied  # type: ignore[bad-assignment]
    # what a destination can do is handed over; dlt would look for it among its settings all the
    # same, each time that it prepares a table
    plain = destination_utils.prepare_load_table.__wrapped__  # type: ignore[missing-attribute]
    destination_utils.prepare_load_table = client.prepare_load_table = plain
    # the columns of each table are noted in the trace, by a writer of YAML in Python
    dumper = yaml.CDumper if yaml.__with_libyaml__ else yaml.Dumper
    quick = SimpleNamespace(dump=functools.partial(yaml.dump, Dumper=dumper))
    extract.yaml = quick  # type: ignore[bad-assignment]


def copied(value: Any) -> Any:
    """A deep copy; of what came out of JSON, in a tenth of the time that `deepcopy` takes."""
    kind = type(value)
    if kind is dict:
        return {key: each if type(each) in _PLAIN else copied(each) for key, each in value.items()}
    if kind is list:
        return [copied(each) for each in value]
    return value if kind in _PLAIN else copy.deepcopy(value)


def _remember_schemas() -> None:
    read_hints = validation.get_type_hints

    @functools.cache
    def hints_of(spec: type) -> dict[str, Any]:
        return read_hints(spec, globalns=vars(sys.modules[spec.__module__]))

    # a schema is held against the types of its parts time and again, and they are read each time
    validation.get_type_hints = lambda spec, **_: hints_of(spec)  # type: ignore[bad-assignment]
    # and so are parts that were found sound before
    validation.validate_dict = _accepting(validation.validate_dict)
    whole = validation.validate_dict_ignoring_xkeys
    sound = functools.partial(validation.validate_dict, *whole.args, **whole.keywords)
    schema_utils.validate_dict_ignoring_xkeys = hints.validate_dict_ignoring_xkeys = sound

    read_schema = LiveSchemaStorage.__getitem__

    def held_schema(self: LiveSchemaStorage, name: str) -> Schema:
        held = self.live_schemas.get(name)
        return read_schema(self, name) if held is None else held

    # a pipeline's folder is its own: what it has stored is what it holds
    LiveSchemaStorage.__getitem__ = held_schema  # type: ignore[method-assign]


def _accepting(check: Callable[..., None]) -> Callable[..., None]:
    """The check, but not of what has passed it before; what does not pass is checked each time."""
    accepted: set[tuple[Any, ...]] = set()

    def validate(
        spec: Any, doc: Any, path: str, filter_f: Any = None, validator_f: Any = None
    ) -> None:
        looked_at = None
        # one that is made for each call is never seen again
        if getattr(validator_f, "__closure__", None) is None:
            with contextlib.suppress(ValueError):
                # of this version, equal values of equal types are equal bytes
                content = hashlib.sha256(marshal.dumps(doc, 2)).digest()
                looked_at = (spec, content, filter_f, validator_f)
        if looked_at in accepted:
            return
        check(spec, doc, path, filter_f, validator_f)
        if looked_at is not None:
            if len(accepted) >= MOST_ACCEPTED:
                accepted.clear()
            accepted.add(looked_at)

    return validate


def _remember_settings() -> None:
    """The names of the settings of each part of dlt are gathered each time that one is looked at,
    also to see that there are any."""
    config = BaseConfiguration
    is_setting = base_configuration.is_valid_configspec_field
    read_fields: Callable[[type], dict[str, type]] = vars(config)["get_resolvable_fields"].__func__

    @functools.cache
    def names(spec: type) -> dict[str, None]:
        fields = spec.__dataclass_fields__  # type: ignore[missing-attribute]
        return {each.name: None for each in fields.values() if is_setting(each)}

    fields_of = functools.cache(read_fields)

    def iterate(self: BaseConfiguration) -> Iterator[str]:
        return iter(names(type(self)))

    def count(self: BaseConfiguration) -> int:
        return len(names(type(self)))

    def has(self: BaseConfiguration, key: str) -> bool:
        return key in names(type(self))

    def fields(spec: type) -> dict[str, type]:
        return dict(fields_of(spec))

    config.__iter__ = iterate  # type: ignore[method-assign]
    config.__len__ = count  # type: ignore[method-assign]
    config._BaseConfiguration__has_attr = has
    config.get_resolvable_fields = classmethod(fields)  # type: ignore[bad-assignment]
