"""A table and its mapping → rows for the engine, and what of it is refused, row by row.

The dry run and the sync prepare a file by this same function, and both check the rows with the
engine's own `check_rows`, so that what a dry run says is what a sync does.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from pydantic import ValidationError

from pipelines.common.entity import Entity, Row
from pipelines.common.rows import check_rows, to_batch_safely
from pipelines.files.mapping import KEY_FIELD, Plan, Reading
from pipelines.files.models import REFUSED
from pipelines.files.table import Line, Table
from pipelines.files.values import amount_of, check_text, day_of, is_blank, number_of

PAGE_ROWS = 500
_SHOWN = 40
_TOTAL = re.compile(
    r"(?:grand\s+|sub\s*-?\s*)?(?:totals?|sum|summe|count)\b[\s:=()\d.,$€£]*"
    r"(?:(?:rows|records|deals|transactions|listings|contacts)[\s)]*)?",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Refusal:
    """Why a row is refused: `row` as a spreadsheet counts, the heading, the value shortened."""

    row: int
    column: str
    value: str
    reason: str


@dataclass(frozen=True)
class GoodRow:
    """A row that fits: the engine's row with its key and its hash."""

    number: int
    key: str
    hash: str
    data: Row


@dataclass
class Prepared:
    """What a file comes to. `refused_rows` go to the engine too, which keeps them as refused.

    `left_out` are rows that hold nothing to load (number, reason).
    """

    good: list[GoodRow] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    refused_rows: list[Row] = field(default_factory=list)
    left_out: list[tuple[int, str]] = field(default_factory=list)

    @property
    def refused(self) -> int:
        """How many rows are refused; a row may have several refusals."""
        return len(self.refused_rows)


@dataclass
class _Candidate:
    line: Line
    data: Row
    faults: list[Refusal]


def prepare(entity: Entity, table: Table, plan: Plan, file_name: str) -> Prepared:
    """Read, convert and check every row of a table."""
    prepared = Prepared()
    lines = _without_totals(table, plan, prepared)
    candidates = [_candidate(line, table, plan) for line in lines]
    sound = [c for c in candidates if not c.faults]
    for start in range(0, len(sound), PAGE_ROWS):
        _check_page(entity, sound[start : start + PAGE_ROWS], table, plan, prepared)
    _refuse_ambiguous(candidates, prepared, table, plan)
    for candidate in candidates:
        if candidate.faults:
            prepared.refusals += candidate.faults
            prepared.refused_rows.append(_refused_row(candidate, table, plan, file_name))
    prepared.good.sort(key=lambda row: row.number)
    prepared.left_out.sort()
    return prepared


def shorten(text: str) -> str:
    """A cell for a report: on one line, forty signs at most."""
    flat = " ".join(text.split())
    return flat if len(flat) <= _SHOWN else f"{flat[: _SHOWN - 1]}…"


# -- rows that are none ----------------------------------------------------------------------------


def _without_totals(table: Table, plan: Plan, prepared: Prepared) -> list[Line]:
    """The rows without repeated headings and without the lines of totals at the end."""
    lines = []
    for line in table.lines:
        if line.cells == table.headings:
            prepared.left_out.append((line.number, "the headings once more"))
        else:
            lines.append(line)
    while lines and _is_total(lines[-1], plan):
        prepared.left_out.append((lines.pop().number, "a line of totals"))
    return lines


def _is_total(line: Line, plan: Plan) -> bool:
    """True if the row begins with the word for a total, is mostly empty and has no other key."""
    filled = [cell for cell in line.cells if cell]
    if not filled or not _TOTAL.fullmatch(filled[0]) or 2 * len(filled) > len(line.cells):
        return False
    return plan.reading(plan.key[0]).text(line.cells) in ("", filled[0])


# -- converting ------------------------------------------------------------------------------------


def _candidate(line: Line, table: Table, plan: Plan) -> _Candidate:
    # all fields in one order: the same content gives the same hash, whatever the file's columns
    data: Row = dict.fromkeys((KEY_FIELD, *plan.fields))
    faults: list[Refusal] = []
    refused: set[str] = set()

    def refuse(column: str, value: str, reason: str) -> None:
        faults.append(Refusal(line.number, column, shorten(value), reason))

    if line.beyond:
        # whatever else it says stands in the wrong column, and may be what is never stored
        refuse(
            "",
            "",
            "the row has more cells than there are headings; a text with the delimiter in it may "
            "lack its quotation marks",
        )
        return _Candidate(line, data, faults)
    for reading in plan.readings:
        text = reading.text(line.cells)
        try:
            data[reading.field] = _value(reading, text, line, plan)
        except ValueError as error:
            refused.add(reading.field)
            refuse(_column(reading, table), text, f"{reading.field}: {error}")
    first = plan.reading(plan.key[0])
    if first.field not in refused and data[first.field] is None:
        reason = f"{first.field}: the key is missing, so nothing names the row"
        refuse(_column(first, table), "", reason)
    elif not faults:
        data[KEY_FIELD] = _key_text([data[name] for name in plan.key])
    for position, name in sorted(plan.extras.items(), key=lambda item: item[1]):
        if line.cells[position]:
            data[name] = line.cells[position]
    return _Candidate(line, data, faults)


def _value(reading: Reading, text: str, line: Line, plan: Plan) -> object:
    """The value as the model takes it. Raises ValueError with the reason."""
    if reading.kind == "text":
        return check_text(text, is_id=reading.field.endswith(("_id", "_number"))) or None
    if is_blank(text):
        return None
    if reading.kind == "date":
        return day_of(text, reading.formats).isoformat()
    if reading.kind == "number":
        return number_of(text, reading.decimal)
    currency = plan.currency
    if plan.currency_at is not None:
        currency = line.cells[plan.currency_at].upper() or currency
    if currency is None:
        raise ValueError("the row names no currency; fill its column, or give a currency for all")
    if not re.fullmatch(r"[A-Z]{3}", currency):
        raise ValueError("the row's currency is no code of three letters")
    return {"amount": amount_of(text, reading.decimal, currency), "currency": currency}


def _column(reading: Reading, table: Table) -> str:
    return " + ".join(table.headings[i] for i in reading.positions)


def _key_text(parts: Sequence[object]) -> str:
    """The key of a row. An id stays as it is; of several parts, case and spacing do not count."""
    if len(parts) == 1:
        return _plain_key(parts[0], folded=False)
    texts = (_plain_key(part, folded=True) for part in parts)
    return "|".join(text.replace("\\", "\\\\").replace("|", "\\|") for text in texts)


def _plain_key(part: object, *, folded: bool) -> str:
    if part is None:
        return ""
    text = str(part["amount"]) if isinstance(part, dict) else str(part)
    text = " ".join(unicodedata.normalize("NFKC", text).split())
    return text.casefold() if folded else text


# -- checking --------------------------------------------------------------------------------------


def _check_page(
    entity: Entity, page: Sequence[_Candidate], table: Table, plan: Plan, prepared: Prepared
) -> None:
    checked = check_rows(entity, [c.data for c in page], "", datetime.now(UTC))
    fitting, _ = to_batch_safely(checked)
    if not fitting.rejected:
        prepared.good += [
            GoodRow(candidate.line.number, key, hashed, candidate.data)
            for candidate, key, hashed in zip(page, fitting.keys, fitting.hashes, strict=True)
        ]
    elif len(page) > 1:
        # which rows they are is known of a page of one only
        half = len(page) // 2
        _check_page(entity, page[:half], table, plan, prepared)
        _check_page(entity, page[half:], table, plan, prepared)
    else:
        page[0].faults += _model_faults(entity, page[0], table, plan, fitting.rejected[0].reason)


def _model_faults(
    entity: Entity, candidate: _Candidate, table: Table, plan: Plan, reason: str
) -> list[Refusal]:
    """The model's own reasons, by column; `reason` is the engine's for what only it refuses."""
    number = candidate.line.number
    try:
        entity.model.model_validate(candidate.data)
    except ValidationError as error:
        found = []
        for fault in error.errors(include_url=False, include_input=False, include_context=False):
            reading = plan.reading(str(fault["loc"][0]))
            text = shorten(reading.text(candidate.line.cells))
            said = f"{reading.field}: {fault['msg'].removeprefix('Value error, ')}"
            found.append(Refusal(number, _column(reading, table), text, said))
        return found
    return [Refusal(number, "", "", reason)]


def _refuse_ambiguous(
    candidates: Sequence[_Candidate], prepared: Prepared, table: Table, plan: Plan
) -> None:
    """Refuse rows of one key that differ; of rows that are the same, the first is enough."""
    rows: dict[str, list[GoodRow]] = {}
    for good in prepared.good:
        rows.setdefault(good.key, []).append(good)
    by_number = {candidate.line.number: candidate for candidate in candidates}
    prepared.good = []
    for same in rows.values():
        first, *others = sorted(same, key=lambda row: row.number)
        if all(row.hash == first.hash for row in others):
            prepared.good.append(first)
            prepared.left_out += [(row.number, f"the same as row {first.number}") for row in others]
            continue
        numbers = [first.number, *(row.number for row in others)]
        for number in numbers:
            by_number[number].faults.append(_twice(by_number[number].line, numbers, table, plan))


def _twice(line: Line, numbers: Sequence[int], table: Table, plan: Plan) -> Refusal:
    readings = [plan.reading(name) for name in plan.key]
    others = [str(number) for number in numbers if number != line.number]
    rows = f"row {others[0]} has" if len(others) == 1 else f"rows {', '.join(others)} have"
    return Refusal(
        line.number,
        " + ".join(filter(None, (_column(reading, table) for reading in readings))),
        shorten(" ".join(filter(None, (reading.text(line.cells) for reading in readings)))),
        f"{rows} the same key ({', '.join(plan.key)}) with other values",
    )


def _refused_row(candidate: _Candidate, table: Table, plan: Plan, file_name: str) -> Row:
    """What the engine keeps of a refused row: its cells as they are, its place and the reason.

    The place is the row's id, not its key: a refused row must not hold back the end of another.
    """
    cells = {
        heading: cell
        for heading, cell in zip(table.headings, candidate.line.without(plan.denied), strict=True)
        if cell
    }
    return {
        "id": f"{file_name} row {candidate.line.number}",
        REFUSED: "; ".join(fault.reason for fault in candidate.faults),
        "cells": cells,
    }
