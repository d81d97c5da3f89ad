"""Checking rows and turning them into columns."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import AliasChoices, BeforeValidator, Field, ValidationError

from pipelines.common.entity import Entity
from pipelines.common.model import (
    Amount,
    CalendarDate,
    Id,
    Instant,
    Json,
    Money,
    Number,
    VendorModel,
    columns_of,
)
from pipelines.common.rows import check_rows, row_hash, to_arrow, to_batch_safely
from tests.pipelines.common.fake import Thing, make_vendor

THINGS = make_vendor().entity("things")
NOW = datetime(2026, 6, 15, 12, tzinfo=UTC)


def landed(entity: Entity, *rows: Any) -> list[dict[str, Any]]:
    _, batch = to_batch_safely(check_rows(entity, list(rows), "a:v", NOW))
    return [] if batch is None else batch.to_pylist()


def test_arrow_columns_are_the_declared_ones_in_order() -> None:
    table = to_arrow([check_rows(THINGS, [{"id": 1}], "a:v", NOW)])
    assert table.column_names == [column.name for column in THINGS.columns()]


def test_a_row_lands_typed_with_its_nested_value_as_sent() -> None:
    [row] = landed(
        THINGS,
        {
            "id": 7,
            "name": "O'Brien 🏡",
            "updatedAt": 1767225600000,
            "price": {"amount": 10.1, "currency": "CAD"},
            "fee": "12.50",
            "parts": [{"camelCase": 1}],
            "customColour": "red",
            "newField": {"x": 1},
            "secretNumber": "123-45",
        },
    )
    assert row["id"] == "7"
    assert row["updated_at"] == datetime(2026, 1, 1, tzinfo=UTC)
    assert (row["price_amount"], row["price_currency"]) == (Decimal("10.1000"), "CAD")
    assert row["fee"] == Decimal("12.5000")
    assert row["parts"] == '[{"camelCase":1}]'
    assert row["_custom"] == '{"customColour":"red"}'
    assert row["_extra"] == '{"newField":{"x":1}}'
    assert not any("123-45" in str(value) for value in row.values()), "a denied field got through"


def test_denied_fields_are_removed_at_any_depth() -> None:
    [row] = landed(THINGS, {"id": 1, "parts": [{"deep": {"secretNumber": "9", "kept": 1}}]})
    assert row["parts"] == '[{"deep":{"kept":1}}]'


@pytest.mark.parametrize(
    "moment",
    ["2026-01-01T00:00:00Z", "2026-01-01T00:00:00", 1767225600000, 1767225600, "1767225600000"],
)
def test_an_instant_is_understood_in_every_dialect(moment: object) -> None:
    [row] = landed(THINGS, {"id": 1, "updatedAt": moment})
    assert row["updated_at"] == datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("value", [None, ""])
def test_blank_is_null_where_no_text_belongs(value: object) -> None:
    [row] = landed(THINGS, {"id": 1, "updatedAt": value, "fee": value, "price": value})
    assert (row["updated_at"], row["fee"], row["price_amount"]) == (None, None, None)


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ({"name": "x"}, "id: Field required"),
        ({"id": ""}, "id: String should have at least 1 character"),
        ({"id": 2, "fee": "a lot"}, "fee: Input should be a valid decimal"),
        ({"id": 2, "fee": 1.23456}, "fee: Decimal input should have no more than 4 decimal"),
        ({"id": 2, "price": {"amount": "1e99"}}, "price: Value error"),
        ({"id": 2, "price": {"amount": 1, "currency": 7}}, "price: Value error"),
        ({"id": 2, "updatedAt": "yesterday"}, "updatedAt: Input should be a valid datetime"),
        ("not even a row", "row: Input should be a valid dictionary"),
    ],
)
def test_a_bad_row_is_refused_whole_and_its_neighbours_are_not(bad: Any, reason: str) -> None:
    checked = check_rows(THINGS, [{"id": 1}, bad, {"id": 3}], "a:v", NOW)
    assert checked.keys == ["1", "3"]
    assert [r.row for r in checked.rejected] == [bad]
    assert checked.rejected[0].reason.startswith(reason)


def test_a_reason_does_not_repeat_the_value() -> None:
    checked = check_rows(THINGS, [{"id": 1, "fee": "4111 1111 1111 1111"}], "a:v", NOW)
    assert "4111" not in checked.rejected[0].reason


class Measured(Thing):
    ratio: Number | None = Field(None, description="a ratio")
    day: CalendarDate | None = Field(None, description="a day")


MEASURED = Entity("m", "M", "d", Measured, ("id",), lambda _r: iter(()), "sweep", "§", "A")


def test_a_number_keeps_nine_decimals_and_a_day_loses_its_time() -> None:
    [row] = landed(MEASURED, {"id": 1, "ratio": 0.1 + 0.2, "day": 1766447999000})
    assert row["ratio"] == Decimal("0.300000000")
    assert row["day"].isoformat() == "2025-12-22"


def test_a_value_that_overflows_its_column_costs_only_its_row() -> None:
    checked = check_rows(MEASURED, [{"id": 1}, {"id": 2, "ratio": 10.0**40}], "a:v", NOW)
    fitting, batch = to_batch_safely(checked)
    assert batch is not None
    assert batch.column("id").to_pylist() == fitting.keys == ["1"]
    assert [r.source_id for r in fitting.rejected] == ["2"]


@settings(max_examples=50, deadline=None)
@given(st.dictionaries(st.text(max_size=5), st.integers(-(2**63), 2**63) | st.text(max_size=5)))
def test_the_hash_sees_every_change(row: dict[str, Any]) -> None:
    assert row_hash(row) == row_hash(dict(row))
    assert row_hash({**row, "x": 1}) != row_hash({**row, "x": 2})


@settings(max_examples=100, deadline=None)
@given(st.decimals(min_value=-(10**12), max_value=10**12, places=2))
def test_money_keeps_every_cent(amount: Decimal) -> None:
    for form in (str(amount), float(amount), {"amount": float(amount), "currency": "USD"}):
        [row] = landed(THINGS, {"id": 1, "price": form})
        assert row["price_amount"] == amount


def test_columns_have_descriptions() -> None:
    assert all(column.description for column in columns_of(Thing) if column.name != "_custom")


# -- checking by column is the same as checking by row --------------------------------------------


class Anything(VendorModel):
    custom_prefix = "custom"

    id: Id = Field(description="id")
    name: str | None = Field(None, description="text")
    count: int | None = Field(None, description="whole number")
    flag: bool | None = Field(None, description="yes or no")
    at: Instant | None = Field(None, description="moment")
    day: CalendarDate | None = Field(None, description="day")
    ratio: Number | None = Field(None, description="ratio")
    fee: Amount | None = Field(None, description="amount")
    price: Money | None = Field(None, description="money")
    old_name: str | None = Field(
        None, validation_alias=AliasChoices("oldName", "formerName"), description="two names"
    )
    parts: Json | None = Field(None, description="nested")


ANYTHING = Entity("any", "A", "d", Anything, ("id",), lambda _r: iter(()), "sweep", "§", "A")

VALUES = st.one_of(
    st.none(),
    st.just(""),
    st.booleans(),
    st.integers(-(10**13), 10**13),
    st.floats(allow_nan=False, allow_infinity=False, width=32),
    st.sampled_from(
        [
            "2026-03-01T10:00:00Z",
            "2026-03-01T10:00:00.123456+02:00",
            "2026-03-01 10:00:00",
            "2026-03-01",
            "1767225600000",
            "12.5",
            "true",
            "7",
            "O'Brien 🏡",
            "2026-02-30T00:00:00Z",
        ]
    ),
    st.text(max_size=6),
    st.lists(st.integers(0, 9), max_size=2),
    st.dictionaries(st.sampled_from(["amount", "currency", "x"]), st.integers(0, 99), max_size=2),
)
NAMES = ["id", "name", "count", "flag", "at", "day", "ratio", "fee", "price", "oldName",
         "formerName", "old_name", "parts", "customColour", "surprise"]  # fmt: skip


def by_row(row: Any) -> dict[str, Any] | None:
    """The row as pydantic alone reads it, None if it refuses it.

    pydantic takes the first name that is there, even if it holds null and another does not.
    """
    names = ("oldName", "formerName", "old_name")
    if any(row.get(name) is not None for name in names):
        row = {k: v for k, v in row.items() if k not in names or v is not None}
    try:
        return Anything.model_validate(row).__dict__
    except ValidationError as error:
        blank = {f["loc"][0] for f in error.errors() if f["input"] == "" and len(f["loc"]) == 1}
    if not blank:
        return None
    try:
        return Anything.model_validate({**row, **dict.fromkeys(blank)}).__dict__
    except ValidationError:
        return None


def in_utc(value: Any) -> Any:
    return value.replace(tzinfo=value.tzinfo or UTC) if isinstance(value, datetime) else value


@settings(max_examples=400, deadline=None)
@given(st.lists(st.dictionaries(st.sampled_from(NAMES), VALUES), min_size=1, max_size=5))
def test_a_page_is_checked_as_its_rows_would_be_one_by_one(rows: list[dict[str, Any]]) -> None:
    checked = check_rows(ANYTHING, rows, "a:v", NOW)
    alone = [by_row(row) for row in rows]
    wanted = [values for values in alone if values is not None]
    assert [bad.row for bad in checked.rejected] == [
        row for row, values in zip(rows, alone, strict=True) if values is None
    ]
    assert checked.keys == [values["id"] for values in wanted]
    for found, values in zip(checked.values, wanted, strict=True):
        for name, value in values.items():
            if name in found and name != "parts":
                assert in_utc(found[name]) == in_utc(value), name
                assert type(found[name]) is type(value), name


def _no_year_one(value: Any) -> Any:
    return None if isinstance(value, str) and value.startswith("0001-") else value


class Dated(VendorModel):
    id: Id = Field(description="id")
    at: Annotated[Instant | None, BeforeValidator(_no_year_one)] = Field(None, description="at")
    nested: Annotated[Instant, BeforeValidator(_no_year_one)] | None = Field(None, description="n")
    since: Instant | None = Field(None, description="moment")


def test_a_validator_of_a_moment_is_never_passed_by() -> None:
    dated = Entity("dated", "D", "d", Dated, ("id",), lambda _r: iter(()), "sweep", "§", "A")
    never, moment = "0001-01-01T00:00:00Z", "2026-03-01T10:00:00Z"
    [row] = landed(dated, {"id": 1, "at": never, "nested": never, "since": never})
    assert (row["at"], row["nested"]) == (None, None)
    assert row["since"].year == 1
    [row] = landed(dated, {"id": 1, "at": moment, "nested": moment, "since": moment})
    assert row["at"] == row["nested"] == row["since"] == datetime(2026, 3, 1, 10, tzinfo=UTC)


def test_a_field_under_either_of_its_names_on_one_page() -> None:
    rows = [{"id": 1, "oldName": "a"}, {"id": 2, "formerName": "b"}, {"id": 3, "old_name": "c"}]
    checked = check_rows(ANYTHING, rows, "a:v", NOW)
    assert [row["old_name"] for row in checked.values] == ["a", "b", "c"]


def test_null_under_one_name_does_not_hide_what_is_under_another() -> None:
    rows = [
        {"id": 1, "oldName": None, "formerName": "a"},
        {"id": 2, "oldName": "b", "formerName": None},
        {"id": 3, "oldName": "c", "formerName": "d", "old_name": "e"},
        {"id": 4, "oldName": None, "formerName": None},
    ]
    found = landed(ANYTHING, *rows)
    assert [row["old_name"] for row in found] == ["a", "b", "c", None]
    assert [row["_extra"] for row in found] == [
        None,
        None,
        '{"formerName":"d","old_name":"e"}',
        None,
    ]
    checked = check_rows(ANYTHING, rows, "a:v", NOW)
    assert checked.unknown == {}, "another name of a known field is no news"


class Nested(VendorModel):
    id: Id = Field(description="part")


class Nesting(VendorModel):
    number: Id = Field(validation_alias=AliasChoices("number", "no"), description="number")
    day: CalendarDate = Field(description="day")
    fee: Amount | None = Field(None, description="fee")
    parts: list[Nested] | None = Field(None, description="parts")


NESTING = Entity(
    "nesting", "N", "d", Nesting, ("number", "day"), lambda _r: iter(()), "sweep", "§", "A"
)


def test_a_bad_row_does_not_take_along_what_is_odd_only_within_its_json() -> None:
    odd = {"number": 1, "day": "2026-03-01", "parts": ["u1", {"id": None}]}
    bad = {"number": 2, "day": "2026-03-01", "fee": "much", "parts": ["u2"]}
    checked = check_rows(NESTING, [odd, bad], "a:v", NOW)
    assert checked.keys == ["1|2026-03-01"]
    assert [refused.reason for refused in checked.rejected] == [
        "fee: Input should be a valid decimal"
    ]


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ({"number": 7, "day": "2026-03-01T09:00:00Z", "fee": "much"}, "7|2026-03-01"),
        ({"number": None, "no": "7", "day": "2026-03-01", "fee": "much"}, "7|2026-03-01"),
        ({"number": 7, "day": "never", "fee": "much"}, "7|never"),
        ({"number": 7, "fee": "much"}, "7"),
        ({"id": 5, "number": 7, "fee": "much"}, "5"),
        ({"fee": "much"}, None),
    ],
)
def test_a_refused_row_tells_the_key_under_which_it_would_be(
    row: dict[str, Any], told: str
) -> None:
    [refused] = check_rows(NESTING, [row], "a:v", NOW).rejected
    assert refused.source_id == told


@pytest.mark.parametrize("day", [6.8e19, -1e30])
def test_a_day_beyond_all_calendars_is_refused(day: float) -> None:
    [refused] = check_rows(ANYTHING, [{"id": 1, "day": day}], "a:v", NOW).rejected
    assert refused.reason.startswith("day: ")


def test_what_the_warehouse_holds_is_put_aside_unchecked() -> None:
    rows = [{"id": 1, "fee": "not checked"}, {"id": 2}, {"id": "3"}]
    held = {"1": row_hash(rows[0]), "2": "another form", "3": row_hash(rows[2])}
    asked: list[list[str]] = []

    def known(keys: list[str]) -> dict[str, str]:
        asked.append(keys)
        return held

    checked = check_rows(ANYTHING, rows, "a:v", NOW, known)
    assert [(key, row) for key, _, row in checked.unchanged] == [("1", rows[0]), ("3", rows[2])]
    assert checked.keys == ["2"]
    assert asked == [["1", "2", "3"]]


class Cased(VendorModel):
    id: Annotated[Id, BeforeValidator(str.lower)] = Field(description="id in either case")


def test_a_key_that_checking_changes_is_found_all_the_same() -> None:
    cased = Entity("cased", "C", "d", Cased, ("id",), lambda _r: iter(()), "sweep", "§", "A")
    rows = [{"id": "AB"}, {"id": "cd"}, {"id": "EF"}]
    held = {"ab": row_hash(rows[0]), "cd": row_hash(rows[1]), "ef": "another form"}
    checked = check_rows(
        cased, rows, "a:v", NOW, lambda keys: {k: held[k] for k in keys if k in held}
    )
    assert sorted(key for key, _, _ in checked.unchanged) == ["ab", "cd"]
    assert checked.keys == ["ef"]


def test_a_row_that_is_twice_on_a_page_is_put_aside_unless_its_forms_differ() -> None:
    same, torn = {"id": 1, "name": "a"}, [{"id": 2, "name": "old"}, {"id": 2, "name": "new"}]
    held = {"1": row_hash(same), "2": row_hash(torn[0])}
    checked = check_rows(ANYTHING, [same, same, *torn], "a:v", NOW, lambda _keys: held)
    assert [key for key, _, _ in checked.unchanged] == ["1", "1"]
    assert [row["name"] for row in checked.values] == ["old", "new"]
