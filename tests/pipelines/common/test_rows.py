"""Checking rows and turning them into columns."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import Field

from pipelines.common.entity import Entity
from pipelines.common.model import CalendarDate, Number, columns_of
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
