"""The base of every vendor model and the field types that raw columns are made of.

A vendor model is the written form of one contract table: it names the fields, says which are
required, and thereby which rows are refused. The raw column types follow from the annotations:

| annotation                    | raw column                                   |
|-------------------------------|----------------------------------------------|
| `Id`, `str`                   | `text`                                       |
| `int`                         | `bigint`                                     |
| `Number`                      | `numeric(38,9)`                              |
| `Amount`                      | `numeric(20,4)`, major units, no currency    |
| `Money`                       | `<name>_amount numeric(20,4)`, `<name>_currency text` |
| `bool`                        | `boolean`                                    |
| `Instant`                     | `timestamptz`                                |
| `CalendarDate`                | `date`                                       |
| `Json`, lists, nested models  | `jsonb`, the vendor's JSON as it came        |
"""

from __future__ import annotations

import types
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import Annotated, Any, ClassVar, Literal, NamedTuple

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel
from pydantic.fields import FieldInfo

ColumnType = Literal[
    "text", "bigint", "number", "amount", "money", "boolean", "timestamptz", "date", "jsonb"
]


class MoneyValue(NamedTuple):
    """An amount in major units and its ISO currency; the currency is None if none was sent."""

    amount: Decimal | None
    currency: str | None


def _to_calendar_date(value: object) -> object:
    if isinstance(value, str):
        return value[:10] if value else None
    if isinstance(value, int | float) and not isinstance(value, bool):
        seconds = value / 1000 if abs(value) >= 1e11 else value
        try:
            return datetime.fromtimestamp(seconds, UTC).date()
        except (OverflowError, OSError):
            raise ValueError("not a day that a calendar has") from None
    return value


def _to_decimal(value: object) -> Decimal | None:
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        raise ValueError("not an amount")  # noqa: TRY004 - pydantic turns only this into a fault
    try:
        amount = Decimal(str(value).strip())
    except InvalidOperation:
        raise ValueError("not an amount") from None
    if not amount.is_finite():
        raise ValueError("not a finite amount")
    return amount


def _to_money(value: object) -> MoneyValue:
    currency: str | None = None
    if isinstance(value, Mapping):
        raw_currency = value.get("currency")
        if raw_currency is not None and not isinstance(raw_currency, str):
            raise ValueError("the currency of an amount is not text")
        currency = raw_currency or None
        value = value.get("amount")
    amount = _to_decimal(value)
    if amount is not None:
        _check_scale(amount)
    return MoneyValue(amount, currency)


def _check_scale(amount: Decimal) -> Decimal:
    """Refuse an amount that numeric(20,4) would round: a cent must never vanish silently."""
    if abs(amount) >= Decimal(10) ** 16 or amount != amount.quantize(Decimal("0.0001")):
        raise ValueError("an amount with more than four decimals or sixteen digits")
    return amount


@dataclass(frozen=True)
class RawType:
    """Marks an annotation with the raw column type it lands in."""

    name: ColumnType


Id = Annotated[str, Field(min_length=1), RawType("text")]
"""A vendor id. Integers become text; empty is refused."""

# Fields that occur in bulk are validated by pydantic's compiled core alone; a Python function
# per value would cost more than everything else. What they need beyond that (blank is null,
# no zone means UTC, more than nine decimals are rounded) is done where it is rare or columnar.
Instant = Annotated[datetime | None, RawType("timestamptz")]
"""A moment in UTC: ISO 8601, epoch milliseconds or epoch seconds. Blank is null."""

CalendarDate = Annotated[date | None, BeforeValidator(_to_calendar_date), RawType("date")]
"""A day without a zone; an instant is cut to its UTC day. Blank is null."""

Number = Annotated[Decimal | None, Field(max_digits=56, allow_inf_nan=False), RawType("number")]
"""A figure that is not money (percentages, counts with decimals): nine decimals are kept."""

Amount = Annotated[
    Decimal | None, Field(max_digits=20, decimal_places=4, allow_inf_nan=False), RawType("amount")
]
"""Money in major units where the vendor sends no currency. Blank is null."""

Money = Annotated[MoneyValue, BeforeValidator(_to_money), RawType("money")]
"""Money in major units with its currency; accepts an object, a number or a numeric string."""

Json = Annotated[Any, RawType("jsonb")]
"""Anything nested, kept as the vendor sent it."""


class VendorModel(BaseModel):
    """One contract table. Unknown fields are kept (they land in `_extra` and are reported)."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        extra="allow",
        coerce_numbers_to_str=True,
        protected_namespaces=(),
        frozen=False,
    )

    denied: ClassVar[frozenset[str]] = frozenset()
    """JSON keys that never leave the process, at any depth (secrets, tax, bank, birth dates)."""

    custom_prefix: ClassVar[str | None] = None
    """Unknown keys with this prefix are an account's own fields: they land in `_custom`."""


@dataclass(frozen=True)
class Column:
    """One raw column: `data_type` is PostgreSQL's, `field` is the model field it comes from."""

    name: str
    data_type: str
    description: str
    nullable: bool = True


@dataclass(frozen=True)
class ModelField:
    """A model field prepared for column building; `aliases` are its JSON keys by preference."""

    name: str
    raw_type: ColumnType
    aliases: tuple[str, ...]
    description: str
    required: bool


_PG_TYPES: Mapping[ColumnType, str] = {
    "text": "text",
    "bigint": "bigint",
    "number": "numeric(38,9)",
    "amount": "numeric(20,4)",
    "boolean": "boolean",
    "timestamptz": "timestamptz",
    "date": "date",
    "jsonb": "jsonb",
}
_PLAIN: Mapping[object, ColumnType] = {
    str: "text",
    int: "bigint",
    bool: "boolean",
    Decimal: "number",
    datetime: "timestamptz",
    date: "date",
}


def _raw_type(annotation: object, metadata: typing.Sequence[object]) -> ColumnType:
    for item in metadata:
        if isinstance(item, RawType):
            return item.name
    if typing.get_origin(annotation) is Annotated:
        inner, *rest = typing.get_args(annotation)
        return _raw_type(inner, rest)
    if typing.get_origin(annotation) in (types.UnionType, typing.Union):
        arms = [arm for arm in typing.get_args(annotation) if arm is not type(None)]
        if len(arms) == 1:
            return _raw_type(arms[0], ())
        return "jsonb"
    return _PLAIN.get(annotation, "jsonb")


def _aliases(name: str, info: FieldInfo) -> tuple[str, ...]:
    alias = info.validation_alias
    if isinstance(alias, AliasChoices):
        return tuple(choice for choice in alias.choices if isinstance(choice, str))
    if isinstance(alias, str):
        return (alias,)
    return (info.alias or to_camel(name),)


@cache
def fields_of(model: type[VendorModel]) -> tuple[ModelField, ...]:
    """The fields of a vendor model in their declared order."""
    return tuple(
        ModelField(
            name=name,
            raw_type=_raw_type(info.annotation, info.metadata),
            aliases=_aliases(name, info),
            description=info.description or "",
            required=info.is_required(),
        )
        for name, info in model.model_fields.items()
    )


def columns_of(model: type[VendorModel]) -> Iterator[Column]:
    """The raw columns that a vendor model lands in, without the engine's own columns."""
    for field in fields_of(model):
        if field.raw_type == "money":
            yield Column(f"{field.name}_amount", "numeric(20,4)", field.description)
            yield Column(
                f"{field.name}_currency", "text", f"currency (ISO 4217) of {field.name}_amount"
            )
        else:
            yield Column(
                field.name, _PG_TYPES[field.raw_type], field.description, not field.required
            )
    if model.custom_prefix:
        yield Column("_custom", "jsonb", "the account's own custom fields by their JSON key")
