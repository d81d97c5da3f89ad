"""Rows out of a table: what fits, what is refused and why, by a spreadsheet's row numbers."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipelines.common.rows import check_rows
from pipelines.files.mapping import complete, mapping_of, read_mapping
from pipelines.files.preparing import Prepared, prepare, shorten
from pipelines.files.source import FILES
from pipelines.files.table import read_table

USD = "currency: USD"


def prepared(text: str, mapping: str = USD, entity: str = "transactions") -> Prepared:
    chosen = FILES.entity(entity)
    table = read_table(text.encode())
    return prepare(chosen, table, complete(table, chosen, read_mapping(mapping)), "deals.csv")


def told(found: Prepared) -> list[tuple[int, str, str, str]]:
    return [(r.row, r.column, r.value, r.reason) for r in found.refusals]


def rows(found: Prepared) -> dict[int, dict[str, Any]]:
    return {row.number: {k: v for k, v in row.data.items() if v is not None} for row in found.good}


def test_a_row_becomes_what_the_model_takes() -> None:
    found = prepared(
        "Deal ID,Address,State,Sale Price,Commission %,Closed,Lender,SSN\n"
        ' D1 ,1 Elm St,NO,"($1,234.50)",3 %,45720,Acme,123-45-6789\n'
    )
    assert rows(found) == {
        2: {
            "row_key": "D1",
            "transaction_id": "D1",
            "street": "1 Elm St",
            "state": "NO",
            "price": {"amount": "-1234.5", "currency": "USD"},
            "commission_percent": "3",
            "closing_date": "2025-03-04",
            "Lender": "Acme",
        }
    }
    assert not found.refusals
    assert not found.left_out


def test_every_fault_of_a_row_is_told_with_its_column() -> None:
    found = prepared(
        "Deal ID,Sale Price,GCI,Closed\nD1,5,1,2025-03-04\nD2,five,1.00001,2025-02-30\n,1,1,\n"
    )
    assert told(found) == [
        (3, "Sale Price", "five", "price: not a number with '.' as decimal mark"),
        (3, "Closed", "2025-02-30", "closing_date: not a day that can be read"),
        (4, "Deal ID", "", "transaction_id: the key is missing, so nothing names the row"),
    ]
    assert list(rows(found)) == [2]
    [refused, _] = found.refused_rows
    assert refused["id"] == "deals.csv row 3"
    assert refused["cells"] == {
        "Deal ID": "D2", "Sale Price": "five", "GCI": "1.00001", "Closed": "2025-02-30",
    }  # fmt: skip


def test_what_is_never_stored_is_not_kept_of_a_refused_row_either() -> None:
    found = prepared("Deal ID,Sale Price,Buyer SSN\nD1,much,123-45-6789\nD2,2,987-65-4321\n")
    assert found.refused_rows[0]["cells"] == {"Deal ID": "D1", "Sale Price": "much"}
    assert list(rows(found)) == [3]
    assert "987-65-4321" not in repr(found)


@pytest.mark.parametrize(
    "row", ["D2,2 Elm St, Rear,987-65-4321,Acme,200", "D2,2 Elm St, Rear, West,987-65-4321,,200"]
)
def test_what_is_never_stored_is_not_kept_of_a_shifted_row_either(row: str) -> None:
    text = f"Deal ID,Address,SSN,Sale Price,GCI\nD1,1 Elm St,123-45-6789,1,1\n{row}\n"
    found = prepared(text)
    assert list(rows(found)) == [2]
    [(_, column, value, reason)] = told(found)
    assert (column, value) == ("", "")
    assert "more cells than there are headings" in reason
    cells = found.refused_rows[0]["cells"]
    assert (cells["Deal ID"], cells["Address"]) == ("D2", "2 Elm St")
    assert "987-65-4321" not in repr(found)


def test_what_only_the_model_or_the_column_refuses_is_told_too() -> None:
    found = prepared(
        "Deal ID,Sale Price,Commission %\nD1,1.00001,1\nD2,12345678901234567,1\n"
        f"D3,1,{'9' * 35}\nD4,1,3\n"
    )
    assert [(row, column) for row, column, _, _ in told(found)] == [
        (2, "Sale Price"), (3, "Sale Price"), (4, ""),
    ]  # fmt: skip
    assert all("more than four decimals" in reason for *_, reason in told(found)[:2])
    assert "does not fit its column" in told(found)[2][3]
    assert list(rows(found)) == [5]


def test_rows_of_one_key_are_told_with_each_others_numbers() -> None:
    found = prepared("Deal ID,Sale Price\nD1,1\nD2,2\nD1,3\nD3,4\nD2,2.00\nD4,5\nD4,6\nD4,7\n")
    assert list(rows(found)) == [3, 5]
    assert told(found) == [
        (2, "Deal ID", "D1", "row 4 has the same key (transaction_id) with other values"),
        (4, "Deal ID", "D1", "row 2 has the same key (transaction_id) with other values"),
        (7, "Deal ID", "D4", "rows 8, 9 have the same key (transaction_id) with other values"),
        (8, "Deal ID", "D4", "rows 7, 9 have the same key (transaction_id) with other values"),
        (9, "Deal ID", "D4", "rows 7, 8 have the same key (transaction_id) with other values"),
    ]
    assert found.left_out == [(6, "the same as row 3")]


def test_a_line_of_totals_is_left_out_only_at_the_end() -> None:
    found = prepared(
        "Deal ID,Client,Sale Price,Closed\nTotal,x,1,2025-01-01\nD1,,2,\n"
        "Deal ID,Client,Sale Price,Closed\n,,,\nSubtotal:,,2,\nGrand Total (2),,3,\n"
    )
    assert list(rows(found)) == [2, 3]
    assert found.left_out == [
        (4, "the headings once more"),
        (6, "a line of totals"),
        (7, "a line of totals"),
    ]


def test_a_client_called_total_is_no_line_of_totals() -> None:
    found = prepared(
        "Name,Company,Stage,E-mail\nAda,,,a@example.com\nTotal,,,t@example.com\n",
        "currency: USD",
        "contacts",
    )
    assert list(rows(found)) == [2, 3]
    assert not found.left_out


def test_rows_with_more_cells_than_headings_are_refused_not_shifted() -> None:
    found = prepared("Deal ID,Sale Price\nD1,1,000\nD2,2\nD3,3\n")
    [(row, _, _, reason)] = told(found)
    assert row == 2
    assert "more cells than there are headings" in reason
    assert list(rows(found)) == [3, 4]


def test_the_currency_of_a_row_is_its_own() -> None:
    text = "Deal ID,Sale Price,Currency\nD1,1,cad\nD2,€2,EUR\nD3,$3,EUR\nD4,4,\nD5,5,Dollar\nD6,,\n"
    found = prepared(text, "{}\n# no currency")
    assert {n: row.get("price") for n, row in rows(found).items()} == {
        2: {"amount": "1", "currency": "CAD"},
        3: {"amount": "2", "currency": "EUR"},
        7: None,
    }
    assert [(row, reason) for row, _, _, reason in told(found)] == [
        (4, "price: the amount is in another currency than EUR"),
        (5, "price: the row names no currency; fill its column, or give a currency for all"),
        (6, "price: the row's currency is no code of three letters"),
    ]
    assert rows(prepared(text))[5]["price"] == {"amount": "4", "currency": "USD"}


def test_numbers_that_a_spreadsheet_shortened_name_nothing() -> None:
    found = prepared("Deal ID,MLS\n4.5E+11,M1\n#NAME?,M2\nD3,1.2E+5\n")
    assert [row for row, *_ in told(found)] == [2, 3, 4]
    assert not found.good


def test_the_same_content_has_the_same_hash_in_any_form() -> None:
    one = prepared("Deal ID,Address,Sale Price,Closed,Lender,Bank\nD1,1 Elm St,1234.50,45720,a,b\n")
    two = prepared(
        "Bank;Lender;Closed;County;Sale Price;Address;Deal ID\n"
        "b;a;04.03.2025;;$ 1.234,5;1 Elm St;D1\n"
    )
    other = prepared("Deal ID,Address,Sale Price,Closed,Lender\nD1,1 Elm St,1234.50,45720,a\n")
    assert one.good[0].hash == two.good[0].hash != other.good[0].hash


def test_a_key_of_several_parts_does_not_mind_case_and_spacing() -> None:
    text = "Address,Unit,City,Zip,Side\n{}\n"
    keys = {
        prepared(text.format(row)).good[0].key
        for row in ("1 Elm  St,,Fairview,02115,Buyer", "1 ELM ST,,fairview,02115,buyer")
    }
    assert keys == {"1 elm st||fairview|02115|buyer"}


ODD = st.sampled_from(
    (
        "", "D1", "D2", "Total", "5", "1,234.50", "(3)", "$ -", "€9", "1.2E+5", "#REF!", "n/a", "-",
        "2025-03-04", "45720", "03/14/2025", "9999999999999999999", "0.00001", "\u0665", "NaN",
        "inf", "USD", "CAD", "Deal ID", "%", "--", "1e400", "\U0001f600",
    )
) | st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=6)  # fmt: skip


@settings(max_examples=150, deadline=None)
@example([["D1"], ["D2"], [*[""] * 7, "x"]])
@given(st.lists(st.lists(ODD, min_size=0, max_size=9), max_size=8))
def test_every_row_is_loaded_refused_or_left_out_and_nothing_crashes(
    cells: list[list[str]],
) -> None:
    out = io.StringIO(newline="")
    headings = ["Deal ID", "Sale Price", "Currency", "Commission %", "Closed", "Lender", "SSN"]
    csv.writer(out).writerows([headings, *cells])
    content = out.getvalue().encode("utf-8", "surrogatepass").decode("utf-8", "replace").encode()
    entity = FILES.entity("transactions")
    mapping = mapping_of({"currency": "USD", "decimal": ".", "date_format": "%m/%d/%Y"})
    table = read_table(content, encoding="utf-8", delimiter=",", header_row=1)
    found = prepare(entity, table, complete(table, entity, mapping), "deals.csv")
    good = {row.number for row in found.good}
    refused = {refusal.row for refusal in found.refusals}
    left_out = {number for number, _ in found.left_out}
    assert good | refused | left_out == {line.number for line in table.lines}
    assert len(good) + len(refused) + len(left_out) == len(table.lines)
    assert len(found.refused_rows) == len(refused)
    again = check_rows(entity, found.refused_rows, "a:files", datetime.now(UTC))
    assert len(again.rejected) == len(refused)
    assert len({row.key for row in found.good}) == len(good)


PART = st.text(st.sampled_from("ab|\\ "), min_size=1, max_size=4).filter(
    lambda text: bool(text.strip())
)


@settings(max_examples=60, deadline=None)
@given(st.tuples(PART, PART), st.tuples(PART, PART))
@example(("a|b", "a"), ("a", "b|a"))
@example(("a\\", "b|a"), ("a|b\\", "a"))
def test_keys_of_different_parts_differ(one: tuple[str, str], two: tuple[str, str]) -> None:
    def key(parts: tuple[str, str]) -> str:
        text = 'Address\tCity\n"{}"\t"{}"\n'.format(*parts)
        [row] = prepared(text, '{delimiter: "\\t", key: [street, city]}').good
        return row.key

    same = [" ".join(part.split()) for part in one] == [" ".join(part.split()) for part in two]
    assert (key(one) == key(two)) == same


def test_a_value_is_shortened_for_the_report() -> None:
    assert shorten("a\n b") == "a b"
    assert len(shorten("x" * 100)) == 40
