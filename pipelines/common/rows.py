"""Vendor rows → checked rows → Arrow columns, a page at a time.

A page is checked column by column: pydantic's compiled validators for the annotation of a field
run over all values of the page at once, which is several times cheaper than building a model per
row. Only a page with a bad row is checked again row by row against its model, so that one bad row
costs its page and never its neighbours, and so that the reason is the model's.
"""

from __future__ import annotations

import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal, InvalidOperation
from functools import cache
from operator import itemgetter
from typing import Any

import orjson
import pyarrow as pa
import xxhash
from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic_core import PydanticUndefined, SchemaValidator

from pipelines.common.entity import Entity, Row
from pipelines.common.model import (
    ColumnType,
    ModelField,
    MoneyValue,
    RawType,
    VendorModel,
    fields_of,
)

_NUMBER_STEP = Decimal("0.000000001")
_ARROW_TYPES: Mapping[ColumnType, pa.DataType] = {
    "text": pa.string(),
    "bigint": pa.int64(),
    "number": pa.decimal128(38, 9),
    "amount": pa.decimal128(20, 4),
    "boolean": pa.bool_(),
    "timestamptz": pa.timestamp("us", tz="UTC"),
    "date": pa.date32(),
    "jsonb": pa.string(),
}
_MOMENT = _ARROW_TYPES["timestamptz"]
_MOST_SHAPES = 2_000
_MISSING: Any = object()


@dataclass(frozen=True)
class Rejected:
    """A row that does not fit its contract, whole, with the reason in words.

    `source_id` is the key that the row has or would have, so that a copy of it that was stored
    before counts as seen; without all parts of a key it is the vendor's id, if there is one.
    """

    row: Any
    reason: str
    source_id: str | None


@dataclass
class CheckedRows:
    """A page after checking; the lists and the columns run in parallel.

    `fields` has the checked values by field name, JSON as texts; `custom` and `extra` are the
    account's own and the unknown members as JSON texts, None if no row has any. `unknown` names the
    unknown members with the type of a value. `unchanged` are rows that the warehouse holds in this
    very form, as (key, hash, row); they were not checked again.
    """

    entity: Entity
    connection_id: str
    synced_at: datetime
    keys: list[str] = field(default_factory=list)
    hashes: list[str] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    fields: dict[str, Sequence[Any] | pa.Array] = field(default_factory=dict)
    custom: pa.Array | None = None
    extra: pa.Array | None = None
    unknown: dict[str, str] = field(default_factory=dict)
    rejected: list[Rejected] = field(default_factory=list)
    unchanged: list[tuple[str, str, Row]] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.keys)

    @property
    def values(self) -> list[dict[str, Any]]:
        """The checked values row by row, JSON read again."""
        kinds = {field_.name: field_.raw_type for field_ in fields_of(self.entity.model)}
        columns = {
            name: _read_json(column) if kinds[name] == "jsonb" else _listed(column)
            for name, column in self.fields.items()
        }
        if self.custom is not None:
            columns["_custom"] = _read_json(self.custom)
        return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]

    @property
    def extras(self) -> list[Row | None]:
        """The unknown members row by row."""
        return [None] * len(self) if self.extra is None else _read_json(self.extra)

    def take(self, positions: Sequence[int]) -> CheckedRows:
        """The rows at these positions, without the rejected and the unchanged ones."""
        return CheckedRows(
            self.entity,
            self.connection_id,
            self.synced_at,
            [self.keys[i] for i in positions],
            [self.hashes[i] for i in positions],
            [self.rows[i] for i in positions],
            {name: _taken(column, positions) for name, column in self.fields.items()},
            None if self.custom is None else _taken(self.custom, positions),
            None if self.extra is None else _taken(self.extra, positions),
            self.unknown,
        )


def _listed(column: Sequence[Any] | pa.Array) -> Sequence[Any]:
    return column.to_pylist() if isinstance(column, pa.Array) else column


def _read_json(column: pa.Array) -> list[Any]:
    return [None if text is None else orjson.loads(text) for text in column.to_pylist()]


def _taken(column: Sequence[Any] | pa.Array, positions: Sequence[int]) -> Sequence[Any] | pa.Array:
    if isinstance(column, pa.Array):
        return column.take(pa.array(positions, pa.int64()))
    return [column[i] for i in positions]


# -- what a model means for columns ----------------------------------------------------------------


@dataclass(frozen=True)
class _Column:
    """One field of a model: where its values are in a row and what checks them.

    `names` are its JSON keys by preference. `check` is None for JSON, which is kept as sent.
    `nulls` says that a column of nulls needs no check, `plain` that nothing but its type is asked.
    """

    field: ModelField
    names: tuple[str, ...]
    default: Any
    check: SchemaValidator | None
    nulls: bool
    plain: bool = False


@dataclass(frozen=True, eq=False)
class _Shape:
    """What a set of JSON keys in this order means: per column the key that holds it, if any.

    `doubled` are the keys of fields that are there under several names; `spare` are those of them
    that say something although another name is read.
    """

    names: tuple[str, ...]
    keys: tuple[str | None, ...]
    get: Callable[[Row], tuple[Any, ...]]
    custom: tuple[str, ...]
    unknown: tuple[str, ...]
    doubled: tuple[str, ...]
    spare: tuple[str, ...]
    denied: bool

    def reads_as(self, other: _Shape) -> bool:
        """True if a row of this shape may be read with the keys of the other, which has more."""
        pairs = zip(self.keys, other.keys, strict=True)
        return all(key is None or key == others for key, others in pairs)


def _getter(names: Sequence[str]) -> Callable[[Row], tuple[Any, ...]]:
    if len(names) > 1:
        return itemgetter(*names)
    return lambda row: tuple(row[name] for name in names)


class _Plan:
    """A model, prepared for columns. Shapes are remembered: rows of one list share a few."""

    def __init__(self, model: type[VendorModel]) -> None:
        self.model = model
        self.adapter: TypeAdapter[VendorModel] = TypeAdapter(model)
        self.columns = tuple(_column(model, field_) for field_ in fields_of(model))
        self.marks = tuple(f'"{name}":'.encode() for name in sorted(model.denied))
        self._known = {name for column in self.columns for name in column.names}
        self._shapes: dict[tuple[str, ...], _Shape] = {}

    def shapes(self, rows: Sequence[Any]) -> list[_Shape | None]:
        """The meanings of the rows' keys, None for what is no object. Of a field's names the first
        that is not null counts.
        """
        found: list[_Shape | None] = []
        last: _Shape | None = None
        for row in rows:
            if type(row) is not dict:
                found.append(None)
                continue
            names = tuple(row)
            # most rows have the keys of the one before
            if last is None or last.doubled or names != last.names:
                last = self.shape_of(names)
                empty = [name for name in last.doubled if row[name] is None]
                if empty:
                    # no key of JSON objects comes twice: a repeated one names another shape
                    last = self.shape_of((*names, *empty))
            found.append(last)
        return found

    def shape_of(self, names: tuple[str, ...]) -> _Shape:
        """The meaning of these keys; those that are named again hold null."""
        found = self._shapes.get(names)
        if found is None:
            if len(self._shapes) >= _MOST_SHAPES:
                self._shapes.clear()
            found = self._shapes[names] = self._new_shape(tuple(dict.fromkeys(names)), names)
        return found

    def _new_shape(self, names: tuple[str, ...], told: tuple[str, ...]) -> _Shape:
        empty = set(told[len(names) :])
        present = set(names)
        held = [[name for name in column.names if name in present] for column in self.columns]
        full = [[name for name in both if name not in empty] for both in held]
        keys = tuple(
            next(iter((*filled, *both)), None) for filled, both in zip(full, held, strict=True)
        )
        prefix = self.model.custom_prefix
        unknown = [name for name in names if name not in self._known]
        custom = [name for name in unknown if prefix and name.startswith(prefix)]
        return _Shape(
            names,
            keys,
            _getter([key for key in keys if key is not None]),
            tuple(custom),
            tuple(name for name in unknown if name not in custom),
            tuple(name for both in held if len(both) > 1 for name in both),
            tuple(name for filled in full for name in filled[1:]),
            not present.isdisjoint(self.model.denied),
        )


def _column(model: type[VendorModel], field_: ModelField) -> _Column:
    info = model.model_fields[field_.name]
    if info.default_factory is not None:
        raise TypeError(f"{model.__name__}.{field_.name}: a raw field takes no default_factory")
    # as pydantic looks a value up: the aliases in their order, then the field's own name
    names = tuple(dict.fromkeys((*field_.aliases, field_.name)))
    default = _MISSING if info.default is PydanticUndefined else info.default
    if field_.raw_type == "jsonb":
        return _Column(field_, names, default, None, nulls=True)
    annotation: Any = info.rebuild_annotation()
    coerces = bool(model.model_config["coerce_numbers_to_str"])
    check = _check_of(annotation, repr(annotation), coerces)
    try:
        nulls = check.validate_python([None]) == [None]
    except (ValidationError, TypeError, AttributeError):
        # a validator of ours that takes no null
        nulls = False
    plain = _is_plain(annotation)
    return _Column(field_, names, default, check, nulls, plain)


@cache
def _check_of(annotation: Any, _shown: str, coerces: bool) -> SchemaValidator:
    """The validator of a list of values: most columns share one of a dozen, and it takes a while to
    make. As it is written, because of `int | str` and `str | int`, which Python takes for the same.
    """
    config = ConfigDict(coerce_numbers_to_str=coerces)
    return TypeAdapter(list[annotation], config=config).validator  # type: ignore[bad-return]


def _is_plain(annotation: Any) -> bool:
    """True if no validator of ours hangs on the annotation, at any depth."""
    extras = getattr(annotation, "__metadata__", ())
    inner = (annotation.__origin__,) if extras else typing.get_args(annotation)
    return all(isinstance(extra, RawType) for extra in extras) and all(map(_is_plain, inner))


@cache
def _plan(model: type[VendorModel]) -> _Plan:
    return _Plan(model)


# -- reading a page --------------------------------------------------------------------------------


def _without_denied(value: Any, denied: frozenset[str]) -> Any:
    if isinstance(value, dict):
        return {k: _without_denied(v, denied) for k, v in value.items() if k not in denied}
    if isinstance(value, list):
        return [_without_denied(item, denied) for item in value]
    return value


def _faults(error: ValidationError) -> list[Any]:
    return error.errors(include_url=False, include_input=False, include_context=False)


def _words(faults: Sequence[Any]) -> str:
    """The first three faults in words, without the offending values (they may be personal)."""
    words = [f"{'.'.join(str(p) for p in f['loc']) or 'row'}: {f['msg']}" for f in faults[:3]]
    more = f" (and {len(faults) - 3} more)" if len(faults) > 3 else ""
    return "; ".join(words) + more


def _encode(row: Any) -> bytes:
    try:
        return orjson.dumps(row, default=str)
    except orjson.JSONEncodeError:
        # JSON has no such keys, but a reader may add what has; the option costs a third more
        return orjson.dumps(row, default=str, option=orjson.OPT_NON_STR_KEYS)


def row_hash(row: Any) -> str:
    """A 64-bit hash of a vendor row. Another order of its keys counts as a change."""
    return xxhash.xxh3_64_hexdigest(_encode(row))


def _source_id(entity: Entity, row: Any) -> str | None:
    """The key of a refused row, else the vendor's id, if it has one."""
    if not isinstance(row, dict):
        return None
    columns = {column.field.name: column for column in _plan(entity.model).columns}
    parts = [_key_part(columns[name], row) for name in entity.key]
    if None not in parts:
        return "|".join(map(str, parts))
    return next((str(part) for part in (row.get("id"), *parts) if part is not None), None)


def _key_part(column: _Column, row: Row) -> Any:
    """One part of a key as checking makes it, as sent if it does not fit."""
    value = next((row[name] for name in column.names if row.get(name) is not None), None)
    if value is None or column.check is None:
        return value
    try:
        return column.check.validate_python([value])[0]
    except ValidationError:
        return value


def check_rows(
    entity: Entity,
    rows: Sequence[Row],
    connection_id: str,
    synced_at: datetime,
    known: Callable[[list[str]], Mapping[str, str]] | None = None,
) -> CheckedRows:
    """Check one page against the entity's model; what does not fit is in `rejected`.

    `known` gives the hashes of those of some keys that the warehouse holds: a row that it holds in
    this form is not checked but put aside in `unchanged`.
    """
    plan = _plan(entity.model)
    denied = entity.model.denied
    permitted: list[Any] = list(rows)
    shapes = plan.shapes(permitted)
    if any(shape is not None and shape.denied for shape in set(shapes)):
        permitted = [
            _without_denied(row, denied) if shape is not None and shape.denied else row
            for row, shape in zip(rows, shapes, strict=True)
        ]
        shapes = plan.shapes(permitted)
    checked = CheckedRows(entity, connection_id, synced_at)
    try:
        _check(plan, permitted, shapes, checked, known)
    except _Denied:
        checked = CheckedRows(entity, connection_id, synced_at)
        permitted = [_without_denied(row, denied) for row in permitted]
        _check(plan, permitted, plan.shapes(permitted), checked, known)
    return checked


def _check(
    plan: _Plan,
    rows: list[Any],
    shapes: list[_Shape | None],
    checked: CheckedRows,
    known: Callable[[list[str]], Mapping[str, str]] | None,
) -> None:
    hashes = list(map(row_hash, rows))
    asked: set[str | None] = set()
    if known is not None:
        rows, hashes, shapes, asked = _without_unchanged(plan, rows, hashes, shapes, known, checked)
    try:
        _fill(plan, rows, hashes, shapes, checked)
    except (ValidationError, _NotColumns):
        # what is refused is kept whole, but never what is denied
        rows = [_without_denied(row, plan.model.denied) for row in rows]
        good, kept = _valid_alone(plan, rows, list(map(row_hash, rows)), checked)
        _fill(plan, good, kept, plan.shapes(good), checked)
    if known is not None:
        _set_unchanged_aside(checked, known, asked)


class _Denied(Exception):
    """A denied key was found deep in the page."""


class _NotColumns(Exception):
    """The page has a row that is no object or lacks a required field."""


def _fill(
    plan: _Plan,
    rows: list[Row],
    hashes: list[str],
    held: Sequence[_Shape | None],
    checked: CheckedRows,
) -> None:
    """Check all rows as columns. Raises if one does not fit, leaving `checked` as it was."""
    if not rows:
        return
    shapes = [shape for shape in held if shape is not None]
    if len(shapes) < len(rows):
        raise _NotColumns
    key = checked.entity.key
    fields = {
        column.field.name: _checked(column, values, has_gaps, len(rows), column.field.name in key)
        for column, values, has_gaps in _columns(plan, rows, shapes)
    }
    key_columns = [fields[name] for name in key]
    good = [i for i, parts in enumerate(zip(*key_columns, strict=True)) if None not in parts]
    custom = _picked(rows, [shape.custom for shape in shapes])
    extra = _picked(rows, [shape.unknown + shape.spare for shape in shapes])
    texts = [column for column in (custom, extra) if column is not None]
    texts += [fields[c.field.name] for c in plan.columns if c.check is None]
    if plan.marks and _has_denied(texts, plan.marks):
        raise _Denied
    checked.fields, checked.custom, checked.extra = fields, custom, extra
    if extra is not None:
        for row, shape in zip(rows, shapes, strict=True):
            for name in shape.unknown:
                checked.unknown.setdefault(name, type(row[name]).__name__)
    checked.rows = rows
    checked.hashes = hashes
    checked.keys = (
        list(map(str, key_columns[0]))
        if len(key_columns) == 1
        else ["|".join(map(str, parts)) for parts in zip(*key_columns, strict=True)]
    )
    if len(good) < len(rows):
        _keep_only(good, checked)


def _keep_only(good: list[int], checked: CheckedRows) -> None:
    """Refuse the rows whose key is not whole."""
    kept, key = checked.take(good), checked.entity.key
    for position in sorted(set(range(len(checked.rows))) - set(good)):
        missing = next(name for name in key if checked.fields[name][position] is None)
        row = checked.rows[position]
        checked.rejected.append(
            Rejected(
                row, f"{missing}: a part of the key is missing", _source_id(checked.entity, row)
            )
        )
    _replace(checked, kept)


def _replace(checked: CheckedRows, kept: CheckedRows) -> None:
    checked.keys, checked.hashes, checked.rows = kept.keys, kept.hashes, kept.rows
    checked.fields, checked.custom, checked.extra = kept.fields, kept.custom, kept.extra


def _columns(
    plan: _Plan, rows: list[Row], shapes: list[_Shape]
) -> Iterator[tuple[_Column, Sequence[Any] | None, bool]]:
    """Per column its values, None if no row has it, and whether some rows lack it."""
    common, gaps = shapes[0], frozenset[str]()
    if shapes.count(common) < len(shapes):
        different = set(shapes)
        blank = dict.fromkeys((name for shape in different for name in shape.names), _MISSING)
        common = plan.shape_of(tuple(blank))
        if not all(shape.reads_as(common) for shape in different):
            yield from _columns_one_by_one(plan, rows, shapes)
            return
        rows = [{**blank, **row} for row in rows]
        gaps = frozenset(blank) - frozenset.intersection(*(frozenset(s.names) for s in different))
    held = zip(*map(common.get, rows), strict=True)
    for column, key in zip(plan.columns, common.keys, strict=True):
        yield column, None if key is None else next(held), key in gaps


def _columns_one_by_one(
    plan: _Plan, rows: list[Row], shapes: list[_Shape]
) -> Iterator[tuple[_Column, Sequence[Any], bool]]:
    """For a page whose rows name the same field differently."""
    for number, column in enumerate(plan.columns):
        keys = [shape.keys[number] for shape in shapes]
        values = [_MISSING if k is None else row[k] for row, k in zip(rows, keys, strict=True)]
        yield column, values, None in keys


def _checked(
    column: _Column, values: Sequence[Any] | None, has_gaps: bool, size: int, is_key: bool
) -> Sequence[Any] | pa.Array:
    """The values as the field's annotation makes them. Raises if one does not fit."""
    if (values is None or has_gaps) and column.default is _MISSING:
        raise _NotColumns
    if values is None:
        values = [column.default] * size
        return _json(values) if column.check is None else values
    if column.check is None:
        return _json([column.default if v is _MISSING else v for v in values])
    if has_gaps:
        present = [value for value in values if value is not _MISSING]
        fitting = iter(_checked(column, present, False, len(present), True))
        return [column.default if value is _MISSING else next(fitting) for value in values]
    if not values or (column.nulls and values[0] is None and values.count(None) == len(values)):
        return values
    if column.plain and column.field.raw_type == "timestamptz" and not is_key:
        moments = _moments(values)
        if moments is not None:
            return moments
    try:
        return column.check.validate_python(values)
    except ValidationError:
        if "" not in values:
            raise
        # a blank where no text belongs is the vendor's way to say null
        nulled = [None if value == "" else value for value in values]
        return column.check.validate_python(nulled)


def _moments(values: Sequence[Any]) -> pa.Array | None:
    """ISO 8601 texts with a zone as moments; None for anything else, which pydantic reads.

    Arrow reads them several times faster than a datetime each can be made and taken apart again.
    """
    try:
        return pa.array(values, pa.string()).cast(_MOMENT)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        return None


def _picked(rows: list[Row], names: list[tuple[str, ...]]) -> pa.Array | None:
    """The named members of each row as JSON texts, None if no row has any."""
    if not any(names):
        return None
    return _json(
        [
            {name: row[name] for name in wanted} if wanted else None
            for row, wanted in zip(rows, names, strict=True)
        ]
    )


def _json(values: Sequence[Any]) -> pa.Array:
    """JSON texts; Arrow takes UTF-8 bytes for text, which saves making a str of each."""
    if values[0] is None and values.count(None) == len(values):
        return pa.nulls(len(values), pa.string())
    dumps = orjson.dumps
    return pa.array(
        [None if value is None else dumps(value, default=str) for value in values], pa.string()
    )


def _has_denied(columns: list[pa.Array], marks: Sequence[bytes]) -> bool:
    """True if a key that must not be stored is among nested values."""
    for column in columns:
        data = column.buffers()[2]
        if data is not None:
            text = data.to_pybytes()
            if any(mark in text for mark in marks):
                return True
    return False


def _without_unchanged(
    plan: _Plan,
    rows: list[Row],
    hashes: list[str],
    shapes: Sequence[_Shape | None],
    known: Callable[[list[str]], Mapping[str, str]],
    checked: CheckedRows,
) -> tuple[list[Row], list[str], list[_Shape | None], set[str | None]]:
    """Put aside what the warehouse holds in this form; returns the rest and the keys asked for.

    The key is read off the row as sent. Where checking makes another key of it, the row is looked
    for again afterwards.
    """
    positions = [
        number
        for name in checked.entity.key
        for number, column in enumerate(plan.columns)
        if column.field.name == name
    ]
    guesses = [
        None if shape is None else _guess(row, shape, positions)
        for row, shape in zip(rows, shapes, strict=True)
    ]
    held = known([guess for guess in guesses if guess])
    torn = _in_two_forms(guesses, hashes)
    kept: list[Row] = []
    kept_hashes: list[str] = []
    kept_shapes: list[_Shape | None] = []
    for row, hashed, shape, guess in zip(rows, hashes, shapes, guesses, strict=True):
        if guess is not None and held.get(guess) == hashed and guess not in torn:
            checked.unchanged.append((guess, hashed, row))
        else:
            kept.append(row)
            kept_hashes.append(hashed)
            kept_shapes.append(shape)
    return kept, kept_hashes, kept_shapes, set(guesses)


def _in_two_forms(keys: Sequence[str | None], hashes: Sequence[str]) -> set[str | None]:
    """Rows that the page holds in two forms: the last one counts, whichever is known."""
    forms = dict(zip(keys, hashes, strict=True))
    return {key for key, hashed in zip(keys, hashes, strict=True) if forms[key] != hashed}


def _set_unchanged_aside(
    checked: CheckedRows, known: Callable[[list[str]], Mapping[str, str]], asked: set[str | None]
) -> None:
    """The same for rows whose checked key is another than the one that was asked for."""
    others = [key for key in checked.keys if key not in asked]
    if not others:
        return
    held, torn = known(others), _in_two_forms(checked.keys, checked.hashes)
    aside = [
        position
        for position, (key, hashed) in enumerate(zip(checked.keys, checked.hashes, strict=True))
        if key not in asked and held.get(key) == hashed and key not in torn
    ]
    if not aside:
        return
    checked.unchanged += [(checked.keys[i], checked.hashes[i], checked.rows[i]) for i in aside]
    kept = checked.take([i for i in range(len(checked)) if i not in set(aside)])
    _replace(checked, kept)


def _guess(row: Row, shape: _Shape, positions: Sequence[int]) -> str | None:
    keys = shape.keys
    parts = [None if (key := keys[p]) is None else row[key] for p in positions]
    if all(type(part) is str or type(part) is int for part in parts):
        return "|".join(map(str, parts))
    return None


def _valid_alone(
    plan: _Plan, rows: list[Any], hashes: list[str], checked: CheckedRows
) -> tuple[list[Row], list[str]]:
    """Check row by row; those that do not fit go to `checked.rejected`."""
    good: list[Row] = []
    kept: list[str] = []
    for row, hashed in zip(rows, hashes, strict=True):
        alone = CheckedRows(checked.entity, checked.connection_id, checked.synced_at)
        try:
            _fill(plan, [row], [hashed], plan.shapes([row]), alone)
        except (ValidationError, _NotColumns) as error:
            reason = _why(plan, row, error)
            checked.rejected.append(Rejected(row, reason, _source_id(checked.entity, row)))
        else:
            good.append(row)
            kept.append(hashed)
    return good, kept


def _why(plan: _Plan, row: Any, error: ValidationError | _NotColumns) -> str:
    """The reason in the model's words, which name the field. What is in JSON is not judged."""
    nested = {name for column in plan.columns if column.check is None for name in column.names}
    try:
        plan.adapter.validate_python(row)
    except ValidationError as told:
        faults = [f for f in _faults(told) if not f["loc"] or f["loc"][0] not in nested]
        if faults:
            return _words(faults)
    return _words(_faults(error)) if isinstance(error, ValidationError) else "not a whole row"


# -- columns ---------------------------------------------------------------------------------------


_DOES_NOT_FIT = (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError, InvalidOperation)
_NO_MONEY = MoneyValue(None, None)


@cache
def arrow_schema(entity: Entity) -> pa.Schema:
    """The Arrow schema of a raw table: the columns of `Entity.columns` in their order."""
    fields: list[tuple[str, pa.DataType]] = [("connection_id", pa.string()), ("_key", pa.string())]
    for field_ in fields_of(entity.model):
        if field_.raw_type == "money":
            fields.append((f"{field_.name}_amount", _ARROW_TYPES["amount"]))
            fields.append((f"{field_.name}_currency", pa.string()))
        else:
            fields.append((field_.name, _ARROW_TYPES[field_.raw_type]))
    if entity.model.custom_prefix:
        fields.append(("_custom", pa.string()))
    fields += [("_extra", pa.string()), ("_row_hash", pa.string()), ("_synced_at", _MOMENT)]
    return pa.schema(fields)


def to_batch(part: CheckedRows) -> pa.RecordBatch:
    """The columns of one page.

    Raises pyarrow's `ArrowInvalid` if a value fits its model but not its column.
    """
    size = len(part)
    arrays: list[pa.Array] = [
        pa.repeat(part.connection_id, size),
        pa.array(part.keys, pa.string()),
    ]
    for field_ in fields_of(part.entity.model):
        arrays += _arrays(field_, part.fields[field_.name])
    if part.entity.model.custom_prefix:
        arrays.append(pa.nulls(size, pa.string()) if part.custom is None else part.custom)
    arrays.append(pa.nulls(size, pa.string()) if part.extra is None else part.extra)
    arrays.append(pa.array(part.hashes, pa.string()))
    arrays.append(pa.repeat(pa.scalar(part.synced_at, _MOMENT), size))
    return pa.RecordBatch.from_arrays(arrays, schema=arrow_schema(part.entity))


def _arrays(field_: ModelField, column: Sequence[Any] | pa.Array) -> list[pa.Array]:
    kind = field_.raw_type
    if isinstance(column, pa.Array):
        return [column]
    if kind == "money":
        money = [amount or _NO_MONEY for amount in column]
        return [
            pa.array([amount for amount, _ in money], _ARROW_TYPES["amount"]),
            pa.array([currency for _, currency in money], pa.string()),
        ]
    if kind == "number":
        rounded = [None if n is None else n.quantize(_NUMBER_STEP) for n in column]
        return [pa.array(rounded, _ARROW_TYPES[kind])]
    if column[0] is None and column.count(None) == len(column):
        return [pa.nulls(len(column), _ARROW_TYPES[kind])]
    return [pa.array(column, _ARROW_TYPES[kind])]


def to_batch_safely(part: CheckedRows) -> tuple[CheckedRows, pa.RecordBatch | None]:
    """The columns of one page, and what of it is in them.

    A row whose value overflows its column is refused like one that does not fit its model.
    """
    try:
        return part, to_batch(part) if len(part) else None
    except _DOES_NOT_FIT:
        good: list[int] = []
        for position in range(len(part)):
            try:
                to_batch(part.take([position]))
                good.append(position)
            except _DOES_NOT_FIT as error:
                reason = f"a value does not fit its column: {error}"
                part.rejected.append(Rejected(part.rows[position], reason, part.keys[position]))
        fitting = part.take(good)
        fitting.rejected, fitting.unchanged = part.rejected, part.unchanged
        return fitting, to_batch(fitting) if good else None


def to_arrow(parts: Sequence[CheckedRows]) -> pa.Table:
    """One Arrow table of several pages of one entity, columns as in `Entity.columns`."""
    return pa.Table.from_batches([to_batch(part) for part in parts], arrow_schema(parts[0].entity))
