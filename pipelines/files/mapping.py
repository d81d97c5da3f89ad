"""The column mapping: which column is which field, and how its texts are to be read.

```yaml
columns:                              # field: heading, or headings of which the first found counts
  transaction_id: Deal No
  street: {join: [House, Street]}     # several columns with a space between them
  price: [Sale Price, Price]
  closing_date: {column: Closed, date_format: "%d.%m.%Y"}
constants: {state: FL}                # the same in every row
key: [transaction_id]                 # what names a row; the first must be filled in each
currency: USD                         # of amounts whose row names none
currency_column: Currency
decimal: "."                          # or ","
date_format: "%m/%d/%Y"               # one or several, as in strptime
ignore: [Checklist]                   # columns to be left out
header_row: 1
```

All is optional: what a mapping does not say is found out from the file where that can be done
without guessing (`complete`), and the completed mapping is kept with the file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from pipelines.common.entity import Entity
from pipelines.common.model import ModelField, fields_of
from pipelines.files.errors import ImportRefused
from pipelines.files.headings import CURRENCY_HEADINGS, HEADINGS, is_denied, plain
from pipelines.files.models import FilesModel
from pipelines.files.table import Table
from pipelines.files.values import (
    DecimalMark,
    day_formats_of,
    decimal_of,
    is_blank,
)

KEY_FIELD = "row_key"
_CURRENCY = re.compile(r"[A-Z]{3}")


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


Names = Annotated[tuple[str, ...], BeforeValidator(_as_list)]
"""One text or a list of them."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ColumnRule(_Strict):
    """Where one field comes from: `column` (the first of them that the file has) or `join`."""

    column: Names = ()
    join: Names = ()
    date_format: Names = ()
    decimal: DecimalMark | None = None


def _as_rule(value: Any) -> Any:
    return {"column": value} if isinstance(value, (str, list, tuple)) else value


class ColumnMapping(_Strict):
    """See the module's text."""

    entity: str | None = None
    columns: dict[str, Annotated[ColumnRule, BeforeValidator(_as_rule)]] = Field(
        default_factory=dict
    )
    constants: dict[str, str] = Field(default_factory=dict)
    key: Names = ()
    currency: str | None = None
    currency_column: str | None = None
    decimal: DecimalMark | None = None
    date_format: Names = ()
    ignore: Names = ()
    header_row: int | None = Field(None, ge=1)
    delimiter: str | None = None
    encoding: str | None = None

    def for_other_files(self, given: ColumnMapping) -> ColumnMapping:
        """The mapping without what was found out about the form of this one file."""
        return self.model_copy(
            update={
                "header_row": given.header_row,
                "delimiter": given.delimiter,
                "encoding": given.encoding,
            }
        )

    def to_yaml(self) -> str:
        """The mapping as a person would write it."""
        return str(yaml.safe_dump(self.to_dict(), sort_keys=False, allow_unicode=True))

    def to_dict(self) -> dict[str, Any]:
        """The mapping as plain values, without what is not set."""
        told = self.model_dump(mode="json", exclude_defaults=True)
        for name in ("key", "date_format", "ignore"):
            if name in told:
                told[name] = _one(told[name]) if name == "date_format" else list(told[name])
        if "columns" in told:
            told["columns"] = {
                field: _one(rule["column"]) if set(rule) == {"column"} else _told(rule)
                for field, rule in told["columns"].items()
            }
        return told


def _one(values: Sequence[str]) -> str | list[str]:
    return values[0] if len(values) == 1 else list(values)


def _told(rule: Mapping[str, Any]) -> dict[str, Any]:
    return {k: _one(v) if k in ("column", "date_format") else v for k, v in rule.items()}


class _Loader(yaml.BaseLoader):
    """Every scalar stays text: `NO` is a state and 02115 a postal code."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        names = [key.value for key, _ in node.value]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ImportRefused(f"The mapping says {twice!r} twice: keep one of them.")
        found: dict[Any, Any] = super().construct_mapping(node, deep)
        return found


def read_mapping(text: str) -> ColumnMapping:
    """The mapping in a YAML text.

    Raises:
        ImportRefused: when it is none; the sentence names what does not fit.
    """
    try:
        data = yaml.load(text, Loader=_Loader)  # noqa: S506 - it makes texts, lists and dicts only
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" (line {mark.line + 1})" if mark else ""
        raise ImportRefused(f"The mapping is no YAML{where}: mend it.") from None
    if not isinstance(data, dict):
        raise ImportRefused("The mapping is empty: see docs/vendors/files.md for an example.")
    return mapping_of(data)


def mapping_of(data: Mapping[str, Any]) -> ColumnMapping:
    """The mapping in plain values. Raises ImportRefused if they are none."""
    try:
        return ColumnMapping.model_validate({k: v for k, v in data.items() if v != ""})
    except ValidationError as error:
        fault = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(str(part) for part in fault["loc"])
        raise ImportRefused(
            f"The mapping's {place} does not fit ({fault['msg']}): see docs/vendors/files.md."
        ) from None


Kind = Literal["text", "money", "number", "date"]


@dataclass(frozen=True)
class Reading:
    """How one field is read: the positions of its columns, or a constant."""

    field: str
    kind: Kind
    positions: tuple[int, ...]
    constant: str | None = None
    decimal: DecimalMark = "."
    formats: tuple[str, ...] = ()

    def text(self, cells: Sequence[str]) -> str:
        """The field's text in a row."""
        if self.constant is not None:
            return self.constant
        return " ".join(cells[i] for i in self.positions if cells[i])


@dataclass(frozen=True)
class Plan:
    """A mapping that fits a table: what to read for every field, and what to keep besides.

    `fields` are all fields of the entity. `extras` are the columns that no field takes, by the name
    under which they are kept; `denied` are the positions of those that are never stored.
    """

    mapping: ColumnMapping
    readings: tuple[Reading, ...]
    fields: tuple[str, ...]
    key: tuple[str, ...]
    currency: str | None
    currency_at: int | None
    extras: Mapping[int, str]
    denied: frozenset[int]
    notes: tuple[str, ...]

    def reading(self, field: str) -> Reading:
        """How a field is read. Raises KeyError if the file does not fill it."""
        for reading in self.readings:
            if reading.field == field:
                return reading
        raise KeyError(field)


def kinds_of(entity: Entity) -> dict[str, Kind]:
    """The fields that a file may fill, with what they hold."""
    return {f.name: _kind(f) for f in fields_of(entity.model) if f.name != KEY_FIELD}


def _kind(field: ModelField) -> Kind:
    if field.raw_type in ("money", "number", "date", "text"):
        return field.raw_type
    raise TypeError(f"{field.name}: a file's field is text, money, a number or a date")


def complete(table: Table, entity: Entity, given: ColumnMapping) -> Plan:
    """Fit a mapping to a table, and find out what it does not say.

    Raises:
        ImportRefused: when it names what is not there, or what is missing would be a guess.
    """
    if given.entity not in (None, entity.name):
        raise ImportRefused(
            f"The mapping is for {given.entity}, but {entity.name} are imported: use another one."
        )
    kinds = kinds_of(entity)
    _check_names(given, entity, kinds)
    at = {_folded(heading): i for i, heading in enumerate(table.headings)}
    denied = frozenset(i for i, heading in enumerate(table.headings) if is_denied(heading))
    notes = [
        f"Heading {name!r} occurs more than once; the second column is called '{name} (2)'."
        for name in table.repeated
    ]
    if table.header_row > 1:
        notes.append(f"The headings are in row {table.header_row}.")
    rules = dict(given.columns) or _matched(table, entity, given, denied, notes)
    places = {field: _places(field, rule, at, table) for field, rule in rules.items()}
    for field, positions in places.items():
        if denied.intersection(positions):
            raise ImportRefused(
                f"The column of {field} holds what is never stored (tax, bank or birth data or a "
                "secret): take it out of the mapping."
            )
    if not places:
        raise ImportRefused(
            f"No heading is known as a field of {entity.name}: name the columns in a mapping, see "
            "docs/vendors/files.md."
        )
    currency, currency_at = _currency(table, given, kinds, places, at)
    mark = given.decimal or _mark(table, kinds, places, rules)
    formats = given.date_format or _formats(table, kinds, places, rules)
    key = _key(entity, given, {*places, *given.constants})
    readings = [
        Reading(
            field,
            kinds[field],
            positions,
            decimal=rules[field].decimal or mark,
            formats=rules[field].date_format or formats,
        )
        for field, positions in places.items()
    ]
    readings += [
        Reading(field, kinds[field], (), constant, mark, formats)
        for field, constant in given.constants.items()
    ]
    numeric = any(r.kind in ("money", "number") for r in readings)
    mapping = given.model_copy(
        update={
            "entity": entity.name,
            "columns": rules,
            "key": key,
            "currency": currency,
            "currency_column": None if currency_at is None else table.headings[currency_at],
            "decimal": mark if numeric else None,
            "date_format": formats,
            "header_row": table.header_row,
            "delimiter": table.delimiter,
            "encoding": table.encoding,
        }
    )
    used = {i for positions in places.values() for i in positions} | denied
    used |= {at[folded] for name in given.ignore if (folded := _folded(name)) in at}
    if currency_at is not None:
        used.add(currency_at)
    order = [*kinds]
    return Plan(
        mapping=mapping,
        readings=tuple(sorted(readings, key=lambda r: order.index(r.field))),
        fields=tuple(kinds),
        key=key,
        currency=currency,
        currency_at=currency_at,
        extras=_extras(table, used, entity),
        denied=denied,
        notes=tuple(notes),
    )


def _folded(heading: str) -> str:
    return " ".join(heading.split()).casefold()


def _check_names(given: ColumnMapping, entity: Entity, kinds: Mapping[str, Kind]) -> None:
    for field in (*given.columns, *given.constants, *given.key):
        if field not in kinds:
            raise ImportRefused(
                f"{entity.title} have no field {field!r}: use some of {', '.join(kinds)}."
            )
    both = next((field for field in given.columns if field in given.constants), None)
    if both is not None:
        raise ImportRefused(f"The mapping has {both} as a column and as a constant: keep one.")


def _matched(
    table: Table,
    entity: Entity,
    given: ColumnMapping,
    denied: frozenset[int],
    notes: list[str],
) -> dict[str, ColumnRule]:
    """The columns whose headings are known, each for one field; a field's best heading wins."""
    ignored = set(map(_folded, given.ignore))
    left = {
        i: plain(heading)
        for i, heading in enumerate(table.headings)
        if i not in denied and _folded(heading) not in ignored
    }
    rules: dict[str, ColumnRule] = {}
    for field, words in HEADINGS[entity.name].items():
        if field in given.constants:
            continue
        found = [i for word in words for i, name in left.items() if name == word]
        if not found:
            continue
        rules[field] = ColumnRule(column=(table.headings[found[0]],))
        del left[found[0]]
    for field, rule in rules.items():
        words = HEADINGS[entity.name][field]
        others = [table.headings[i] for i, name in left.items() if name in words]
        if others:
            notes.append(
                f"{field} is {rule.column[0]!r}, and not {' or '.join(map(repr, others))}."
            )
    return rules


def _places(field: str, rule: ColumnRule, at: Mapping[str, int], table: Table) -> tuple[int, ...]:
    names = rule.join or rule.column
    if bool(rule.join) == bool(rule.column):
        raise ImportRefused(f"The mapping's {field} needs either column or join.")
    found = [at[key] for name in names if (key := _folded(name)) in at]
    if not found or (rule.join and len(found) < len(names)):
        raise ImportRefused(
            f"The file has no column {' or '.join(map(repr, names))} for {field}: it has "
            f"{', '.join(table.headings)}."
        )
    return tuple(found) if rule.join else (found[0],)


def _texts(
    table: Table, kinds: Mapping[str, Kind], places: Mapping[str, tuple[int, ...]], kind: Kind
) -> Iterable[str]:
    for field, positions in places.items():
        if kinds[field] == kind:
            for line in table.lines:
                text = " ".join(line.cells[i] for i in positions if line.cells[i])
                if not is_blank(text):
                    yield text


def _mark(
    table: Table,
    kinds: Mapping[str, Kind],
    places: Mapping[str, tuple[int, ...]],
    rules: Mapping[str, ColumnRule],
) -> DecimalMark:
    """The decimal mark of the columns for which the mapping names none."""
    left = {field: at for field, at in places.items() if rules[field].decimal is None}
    return decimal_of(_texts(table, kinds, left, "money"), _texts(table, kinds, left, "number"))


def _formats(
    table: Table,
    kinds: Mapping[str, Kind],
    places: Mapping[str, tuple[int, ...]],
    rules: Mapping[str, ColumnRule],
) -> tuple[str, ...]:
    """The date formats of the columns for which the mapping names none."""
    left = {field: at for field, at in places.items() if not rules[field].date_format}
    return day_formats_of(list(_texts(table, kinds, left, "date")))


def _currency(
    table: Table,
    given: ColumnMapping,
    kinds: Mapping[str, Kind],
    places: Mapping[str, tuple[int, ...]],
    at: Mapping[str, int],
) -> tuple[str | None, int | None]:
    """The currency and the position of its column; there is one of both if there are amounts."""
    amounts = [f for f in (*places, *given.constants) if kinds[f] == "money"]
    position: int | None = None
    if given.currency_column is not None:
        [position] = _places(
            "currency_column", ColumnRule(column=(given.currency_column,)), at, table
        )
    elif amounts:
        # a row that names its currency has it, whatever holds for those that do not
        ignored = set(map(_folded, given.ignore))
        known = [
            i
            for i, name in enumerate(table.headings)
            if plain(name) in CURRENCY_HEADINGS and _folded(name) not in ignored
        ]
        position = known[0] if known else None
    currency = given.currency.strip().upper() if given.currency else None
    if currency is not None and not _CURRENCY.fullmatch(currency):
        raise ImportRefused("The currency is no code of three letters such as USD: mend it.")
    if amounts and currency is None and position is None:
        raise ImportRefused(
            f"The file has amounts ({', '.join(amounts)}) but nothing says in which currency: give "
            "--currency USD, or `currency: USD` or `currency_column: HEADING` in the mapping."
        )
    return currency, position


def _key(entity: Entity, given: ColumnMapping, filled: set[str]) -> tuple[str, ...]:
    model = entity.model
    if not issubclass(model, FilesModel):
        raise TypeError(f"{entity.name} are no rows of files")
    if given.key:
        missing = [field for field in given.key if field not in filled]
        if missing:
            raise ImportRefused(
                f"The key has {missing[0]}, which no column fills: map it or take it out of the "
                "key."
            )
        return given.key
    for names in model.default_keys:
        if names[0] in filled:
            return tuple(name for name in names if name in filled)
    wanted = " or ".join(names[0] for names in model.default_keys)
    raise ImportRefused(
        f"Nothing names a row of the file: map a column to {wanted}, or list other fields as `key` "
        "in the mapping."
    )


def _extras(table: Table, used: set[int], entity: Entity) -> dict[int, str]:
    """Columns kept under their heading; one that is called like a field is marked as the column."""
    taken = {n for f in fields_of(entity.model) for n in (f.name, *f.aliases)}
    extras: dict[int, str] = {}
    for i, heading in enumerate(table.headings):
        if i in used:
            continue
        name = heading
        while name in taken:
            name += " (column)"
        taken.add(name)
        extras[i] = name
    return extras
