"""dlt without what it does again for each load, as large as the rows of a small one.

A load of a few hundred rows is over in a third of a second, most of which dlt needs for itself. The
pinned version of dlt is what these lines fit; the tests of this module fail when another does not.
"""

from __future__ import annotations

import copy
import functools
import hashlib
import marshal
import sys
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any, get_args

from dlt.common import typing, validation
from dlt.common.configuration.specs import base_configuration
from dlt.common.configuration.specs.base_configuration import BaseConfiguration
from dlt.common.destination import client
from dlt.common.destination import utils as destination_utils
from dlt.common.schema import Schema, schema
from dlt.common.schema import utils as schema_utils
from dlt.common.storages.live_schema_storage import LiveSchemaStorage
from dlt.common.storages.load_package import (
    LoadJobInfo,
    LoadPackageInfo,
    PackageStorage,
    TPackageJobState,
)
from dlt.extract import extract, hints
from dlt.load.load import Load

_PLAIN = frozenset({str, int, float, bool, type(None)})

MOST_ACCEPTED = 10_000
"""Parts of schemas that are remembered as sound; those of all vendors are some thousand."""


def make_lean() -> None:
    """Change the dlt of this process, for good; again is harmless."""
    if isinstance(extract.yaml, SimpleNamespace):
        return
    _remember_types()
    _remember_schemas()
    _remember_settings()
    _note_less()
    # tables of schemas are copied some fifty times in a load
    schema_utils.deepcopy = schema.deepcopy = copied  # type: ignore[bad-assignment]
    # what a destination can do is handed over; dlt would look for it among its settings all the
    # same, each time that it prepares a table
    plain = destination_utils.prepare_load_table.__wrapped__  # type: ignore[missing-attribute]
    destination_utils.prepare_load_table = client.prepare_load_table = plain


def _note_less() -> None:
    """A load that broke off is never taken up again, its folder is removed: what is noted of each
    job for that is not written.
    """

    def nothing(*_what: Any, **_how: Any) -> None:
        pass

    def no_text(*_columns: Any, **_style: Any) -> str:
        return ""

    def in_short(self: PackageStorage, load_id: str) -> LoadPackageInfo:
        jobs: dict[TPackageJobState, list[LoadJobInfo]] = {
            state: [] for state in get_args(TPackageJobState)
        }
        path = self.storage.make_full_path(self.get_package_path(load_id))
        none: Any = None
        return LoadPackageInfo(load_id, path, self.initial_state, none, {}, none, jobs)

    # after each step, dlt reads again what it has written, to tell what the step has done
    PackageStorage.get_load_package_info = in_short  # type: ignore[method-assign]
    Load._persist_job_metrics_to_state = nothing  # type: ignore[method-assign]
    PackageStorage.save_pending_transition = nothing  # type: ignore[method-assign]
    # the columns of each table, for a trace that is not kept
    extract.yaml = SimpleNamespace(dump=no_text)  # type: ignore[bad-assignment]


def copied(value: Any) -> Any:
    """A deep copy; of what came out of JSON, in a tenth of the time that `deepcopy` takes."""
    kind = type(value)
    if kind is dict:
        return {key: each if type(each) in _PLAIN else copied(each) for key, each in value.items()}
    if kind is list:
        return [copied(each) for each in value]
    return value if kind in _PLAIN else copy.deepcopy(value)


_ASKED_OF_TYPES = (
    (typing, "extract_type_if_modifier"),
    (typing, "extract_inner_type"),
    (typing, "is_annotated"),
    (typing, "is_dict_generic_type"),
    (typing, "is_final_type"),
    (typing, "is_list_generic_type"),
    (typing, "is_literal_type"),
    (typing, "is_optional_type"),
    (typing, "is_subclass"),
    (typing, "is_typeddict"),
    (typing, "is_union_type"),
    (base_configuration, "extract_inner_hint"),
    (base_configuration, "get_config_if_union_hint"),
    (base_configuration, "is_base_configuration_inner_hint"),
    (base_configuration, "is_context_inner_hint"),
    (base_configuration, "is_credentials_inner_hint"),
    (base_configuration, "is_hint_not_resolvable"),
    (base_configuration, "is_secret_hint"),
    (base_configuration, "is_valid_hint"),
)


def _remember_types() -> None:
    """What a type is made of is asked ten thousand times in a load, for settings and checks."""
    users = [module for name, module in sys.modules.items() if name.startswith("dlt.")]
    for home, name in _ASKED_OF_TYPES:
        asked = getattr(home, name)
        remembered = _remembering(asked)
        for user in users:
            if vars(user).get(name) is asked:
                setattr(user, name, remembered)


def _remembering(asked: Callable[..., Any]) -> Callable[..., Any]:
    known = functools.lru_cache(MOST_ACCEPTED)(asked)

    @functools.wraps(asked)
    def answer(*about: Any, **how: Any) -> Any:
        try:
            return known(*about, **how)
        except TypeError:
            # what has no hash cannot be looked up
            return asked(*about, **how)

    return answer


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
    hashing = _hashing(schema_utils.generate_version_hash)
    schema_utils.generate_version_hash = hashing  # type: ignore[bad-assignment]


def _digest(content: Any) -> bytes | None:
    """Of this version, equal values of equal types are equal bytes; None if it has none."""
    try:
        return hashlib.sha256(marshal.dumps(content, 2)).digest()
    except ValueError:
        return None


def _hashing(make_hash: Callable[[Any], str]) -> Callable[[Any], str]:
    """The hash of a schema, which is asked for some forty times in a load."""
    known: dict[bytes, str] = {}

    def hash_of(stored: Any) -> str:
        # what the hash is not made of
        left_out = ("version", "version_hash", "imported_version_hash", "previous_hashes")
        content = _digest({name: part for name, part in stored.items() if name not in left_out})
        if content is None:
            return make_hash(stored)
        found = known.get(content)
        if found is None:
            if len(known) >= MOST_ACCEPTED:
                known.clear()
            found = known[content] = make_hash(stored)
        return found

    return hash_of


def _accepting(check: Callable[..., None]) -> Callable[..., None]:
    """The check, but not of what has passed it before; what does not pass is checked each time."""
    accepted: set[tuple[Any, ...]] = set()

    def validate(
        spec: Any, doc: Any, path: str, filter_f: Any = None, validator_f: Any = None
    ) -> None:
        looked_at = None
        # one that is made for each call is never seen again
        if getattr(validator_f, "__closure__", None) is None:
            content = _digest(doc)
            if content is not None:
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
