"""Vendor rows → checked rows → Arrow tables, a page at a time.

A page is checked in one call of pydantic's compiled validator; only a page with a bad row is
checked again row by row, so that one bad row costs its page and never its neighbours.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import Any

import orjson
import pyarrow as pa
import xxhash
from pydantic import TypeAdapter, ValidationError

from pipelines.common.entity import Entity, Row
from pipelines.common.model import ColumnType, ModelField, MoneyValue, VendorModel, fields_of

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


@dataclass(frozen=True)
class Rejected:
    """A row that does not fit its contract, whole, with the reason in words."""

    row: Any
    reason: str
    source_id: str | None


@dataclass
class CheckedRows:
    """A page after checking; the lists run in parallel."""

    entity: Entity
    connection_id: str
    synced_at: datetime
    keys: list[str] = field(default_factory=list)
    hashes: list[str] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    values: list[dict[str, Any]] = field(default_factory=list)
    extras: list[dict[str, Any] | None] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.keys)

    def take(self, positions: Sequence[int]) -> CheckedRows:
        """The rows at these positions, without the rejected ones."""
        return CheckedRows(
            self.entity,
            self.connection_id,
            self.synced_at,
            [self.keys[i] for i in positions],
            [self.hashes[i] for i in positions],
            [self.rows[i] for i in positions],
            [self.values[i] for i in positions],
            [self.extras[i] for i in positions],
        )


@cache
def _adapter(model: type[VendorModel]) -> TypeAdapter[list[VendorModel]]:
    return TypeAdapter(list[model])  # type: ignore[valid-type]


def _without_denied(value: Any, denied: frozenset[str]) -> Any:
    if isinstance(value, dict):
        return {k: _without_denied(v, denied) for k, v in value.items() if k not in denied}
    if isinstance(value, list):
        return [_without_denied(item, denied) for item in value]
    return value


def _reason(error: ValidationError) -> str:
    """The first three faults in words, without the offending values (they may be personal)."""
    faults = error.errors(include_url=False, include_input=False, include_context=False)
    words = [f"{'.'.join(str(p) for p in f['loc']) or 'row'}: {f['msg']}" for f in faults[:3]]
    more = f" (and {len(faults) - 3} more)" if len(faults) > 3 else ""
    return "; ".join(words) + more


def _encode(row: Any) -> bytes:
    return orjson.dumps(row, default=str, option=orjson.OPT_NON_STR_KEYS)


def row_hash(row: Any) -> str:
    """A 64-bit hash of a vendor row. Another order of its keys counts as a change."""
    return xxhash.xxh3_64_hexdigest(_encode(row))


@cache
def _denied_marks(denied: frozenset[str]) -> tuple[bytes, ...]:
    return tuple(f'"{name}":'.encode() for name in sorted(denied))


def _permitted(rows: Sequence[Any], denied: frozenset[str]) -> tuple[list[Any], list[bytes]]:
    """The rows without denied keys, and each as JSON bytes.

    Looking for the names in the bytes, which the hash needs anyway, is ten times cheaper than
    walking through every row.
    """
    kept = list(rows)
    encoded = [_encode(row) for row in kept]
    page = b"\n".join(encoded)
    marks = [mark for mark in _denied_marks(denied) if mark in page]
    if marks:
        for position, blob in enumerate(encoded):
            if any(mark in blob for mark in marks):
                kept[position] = _without_denied(kept[position], denied)
                encoded[position] = _encode(kept[position])
    return kept, encoded


def _source_id(row: Any) -> str | None:
    source_id = row.get("id") if isinstance(row, dict) else None
    return None if source_id is None else str(source_id)


def _validate(model: type[VendorModel], row: Row) -> VendorModel:
    """Check one row; a blank where no text belongs is the vendor's way to say null."""
    try:
        return model.model_validate(row)
    except ValidationError as error:
        blank = {
            fault["loc"][0]
            for fault in error.errors(include_url=False, include_context=False)
            if fault["input"] == "" and len(fault["loc"]) == 1
        }
        if not blank:
            raise
        try:
            return model.model_validate({k: None if k in blank else v for k, v in row.items()})
        except ValidationError:
            raise error from None


def check_rows(
    entity: Entity, rows: Sequence[Row], connection_id: str, synced_at: datetime
) -> CheckedRows:
    """Check one page against the entity's model; what does not fit is in `rejected`."""
    model = entity.model
    checked = CheckedRows(entity, connection_id, synced_at)
    permitted, encoded = _permitted(rows, model.denied)
    try:
        models = _adapter(model).validate_python(permitted)
    except ValidationError:
        permitted, encoded, models = _valid_alone(model, permitted, encoded, checked)
    one_part = entity.key[0] if len(entity.key) == 1 else None
    for row, blob, one in zip(permitted, encoded, models, strict=True):
        values = one.__dict__
        if one_part is not None and values[one_part] is not None:
            key = str(values[one_part])
        else:
            parts = [values[name] for name in entity.key]
            if any(part is None for part in parts):
                missing = entity.key[[part is None for part in parts].index(True)]
                checked.rejected.append(
                    Rejected(row, f"{missing}: a part of the key is missing", _source_id(row))
                )
                continue
            key = "|".join(map(str, parts))
        checked.keys.append(key)
        checked.hashes.append(xxhash.xxh3_64_hexdigest(blob))
        checked.rows.append(row)
        checked.values.append(values)
        extra = one.__pydantic_extra__
        if not extra:
            checked.extras.append(None)
        elif model.custom_prefix:
            checked.extras.append(_split_custom(values, extra, model.custom_prefix))
        else:
            checked.extras.append(extra)
    return checked


def _split_custom(
    values: dict[str, Any], extra: dict[str, Any], prefix: str
) -> dict[str, Any] | None:
    """Put an account's own fields under `_custom`; what remains is unknown."""
    custom: dict[str, Any] = {}
    unknown: dict[str, Any] = {}
    for name, value in extra.items():
        (custom if name.startswith(prefix) else unknown)[name] = value
    values["_custom"] = custom or None
    return unknown or None


def _valid_alone(
    model: type[VendorModel], rows: list[Any], encoded: list[bytes], checked: CheckedRows
) -> tuple[list[Any], list[bytes], list[VendorModel]]:
    """Check row by row; those that do not fit go to `checked.rejected`."""
    good_rows: list[Any] = []
    good_blobs: list[bytes] = []
    models: list[VendorModel] = []
    for row, blob in zip(rows, encoded, strict=True):
        try:
            models.append(_validate(model, row))
        except ValidationError as error:
            checked.rejected.append(Rejected(row, _reason(error), _source_id(row)))
            continue
        good_rows.append(row)
        good_blobs.append(blob)
    return good_rows, good_blobs, models


def _dump(value: Any) -> str | None:
    return None if value is None else orjson.dumps(value, default=str).decode()


def _json_column(field_: ModelField, rows: Sequence[Row]) -> list[str | None]:
    if len(field_.aliases) == 1:
        alias, name = field_.aliases[0], field_.name
        return [_dump(row[alias] if alias in row else row.get(name)) for row in rows]
    names = (*field_.aliases, field_.name)
    return [_dump(next((row[n] for n in names if n in row), None)) for row in rows]


_DOES_NOT_FIT = (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError, InvalidOperation)
_NO_MONEY = MoneyValue(None, None)


def to_arrow(parts: Sequence[CheckedRows]) -> pa.Table:
    """One Arrow table of several pages of one entity, columns as in `Entity.columns`.

    Raises pyarrow's `ArrowInvalid` if a value fits its model but not its column.
    """
    entity = parts[0].entity
    fields = fields_of(entity.model)
    values = [value for part in parts for value in part.values]
    rows = [row for part in parts for row in part.rows]
    arrays: dict[str, pa.Array] = {
        "connection_id": pa.array(
            [part.connection_id for part in parts for _ in part.keys], pa.string()
        ),
        "_key": pa.array([key for part in parts for key in part.keys], pa.string()),
    }
    for field_ in fields:
        name = field_.name
        if field_.raw_type == "jsonb":
            arrays[name] = pa.array(_json_column(field_, rows), pa.string())
            continue
        column = [value[name] for value in values]
        if field_.raw_type == "money":
            money = [amount or _NO_MONEY for amount in column]
            arrays[f"{name}_amount"] = pa.array([m[0] for m in money], pa.decimal128(20, 4))
            arrays[f"{name}_currency"] = pa.array([m[1] for m in money], pa.string())
        elif field_.raw_type == "number":
            arrays[name] = pa.array(
                [None if n is None else n.quantize(_NUMBER_STEP) for n in column],
                pa.decimal128(38, 9),
            )
        else:
            arrays[name] = pa.array(column, _ARROW_TYPES[field_.raw_type])
    if entity.model.custom_prefix:
        arrays["_custom"] = pa.array([_dump(v.get("_custom")) for v in values], pa.string())
    arrays["_extra"] = pa.array(
        [_dump(extra) for part in parts for extra in part.extras], pa.string()
    )
    arrays["_row_hash"] = pa.array([h for part in parts for h in part.hashes], pa.string())
    arrays["_synced_at"] = pa.array(
        [part.synced_at for part in parts for _ in part.keys], pa.timestamp("us", tz="UTC")
    )
    return pa.table(arrays)


def to_arrow_safely(
    parts: Sequence[CheckedRows], reject: Callable[[CheckedRows, int, str], None]
) -> pa.Table | None:
    """As `to_arrow`, but a row whose value overflows its column is given to `reject`."""
    try:
        return to_arrow(parts) if any(len(part) for part in parts) else None
    except _DOES_NOT_FIT:
        fitting: list[CheckedRows] = []
        for part in parts:
            good: list[int] = []
            for position in range(len(part)):
                try:
                    to_arrow([part.take([position])])
                    good.append(position)
                except _DOES_NOT_FIT as error:
                    reject(part, position, f"a value does not fit its column: {error}")
            fitting.append(part.take(good))
        return to_arrow(fitting) if any(len(part) for part in fitting) else None
