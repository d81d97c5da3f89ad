"""Files as people have them: whatever wrote them, the texts and the row numbers are right."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipelines.files.errors import ImportRefused
from pipelines.files.table import Table, letters, read_table, without

PLAIN = "Deal ID,Client,Price\nD1,Ada Sample,10\nD2,Ben Élan,20\n"


def cells(table: Table) -> list[tuple[str, ...]]:
    return [line.cells for line in table.lines]


def numbers(table: Table) -> list[int]:
    return [line.number for line in table.lines]


@pytest.mark.parametrize(
    ("codec", "mark", "found"),
    [
        ("utf-8", b"", "utf-8"),
        ("utf-8", b"\xef\xbb\xbf", "utf-8-sig"),
        ("utf-16-le", b"\xff\xfe", "utf-16"),
        ("utf-16-be", b"\xfe\xff", "utf-16"),
        ("utf-16-le", b"", "utf-16-le"),
        ("utf-16-be", b"", "utf-16-be"),
        ("cp1252", b"", "cp1252"),
    ],
)
def test_the_encoding_is_found(codec: str, mark: bytes, found: str) -> None:
    table = read_table(mark + PLAIN.encode(codec))
    assert table.encoding == found
    assert table.headings == ("Deal ID", "Client", "Price")
    assert cells(table)[1] == ("D2", "Ben Élan", "20")


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found(delimiter: str) -> None:
    text = PLAIN.replace(",", delimiter).replace("Ada Sample", f'"Sample{delimiter} Ada, the 2nd"')
    table = read_table(text.encode())
    assert table.delimiter == delimiter
    assert cells(table)[0] == ("D1", f"Sample{delimiter} Ada, the 2nd", "10")


def test_commas_in_amounts_do_not_hide_a_semicolon() -> None:
    table = read_table(b"Deal;Price;Fee\nD1;1.234,50;2,00\nD2;5,00;1,00\n")
    assert table.delimiter == ";"
    assert cells(table)[0] == ("D1", "1.234,50", "2,00")


def test_excels_own_hint_is_no_row() -> None:
    table = read_table(b"sep=;\r\nDeal;Note\r\nD1;a,b,c\r\n")
    assert table.headings == ("Deal", "Note")
    assert numbers(table) == [2]


def test_a_row_is_numbered_as_a_spreadsheet_numbers_it() -> None:
    text = '\n\nDeal,Note\nD1,"two\nlines"\n\n,\nD2,x\n'
    table = read_table(text.encode())
    assert table.header_row == 3
    assert list(zip(numbers(table), cells(table), strict=True)) == [
        (4, ("D1", "two\nlines")),
        (7, ("D2", "x")),
    ]


def test_line_breaks_of_all_systems() -> None:
    for lines in ("\n", "\r\n", "\r"):
        table = read_table(PLAIN.replace("\n", lines).encode())
        assert numbers(table) == [2, 3]
        assert table.headings[-1] == "Price"


def test_headings_that_repeat_or_lack_get_names_of_their_own() -> None:
    table = read_table(b"Deal,Price,,Price,Price (2)\nD1,1,2,3,4\n")
    assert table.headings == ("Deal", "Price", "column C", "Price (3)", "Price (2)")
    assert table.repeated == ("Price",)
    assert read_table(b"Deal,PRICE,Price\nD1,1,2\n").headings == ("Deal", "PRICE", "Price (2)")


def test_columns_that_nobody_named_are_columns_if_most_rows_fill_them() -> None:
    table = read_table(b"Deal,Price\nD1,1,a\nD2,2,b\nD3,3\n")
    assert table.headings == ("Deal", "Price", "column C")
    assert cells(table) == [("D1", "1", "a"), ("D2", "2", "b"), ("D3", "3", "")]


def test_ragged_rows_are_filled_up_or_told() -> None:
    table = read_table(b"Deal,Price\nD1\nD2,1,000,50\nD3,3\nD4,4\nD5,5,\n")
    assert cells(table) == [("D1", ""), ("D2", "1"), ("D3", "3"), ("D4", "4"), ("D5", "5")]
    assert [line.beyond for line in table.lines] == [0, 2, 0, 0, 0]


def test_a_row_of_very_many_cells_is_read() -> None:
    text = "Deal,Price\nD1,1\nD2,2\nD3,3" + ",x" * 500 + "\n"
    assert [line.beyond for line in read_table(text.encode()).lines] == [0, 0, 500]


def test_a_null_character_does_not_reach_the_database() -> None:
    assert cells(read_table(b"Deal,Note\nD1,a\x00b\n")) == [("D1", "ab")]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "The file is empty"),
        (b"\n \n", "The file is empty"),
        (b",,\n,,\n", "The file is empty"),
        (b"PK\x03\x04rest of a workbook", "is an Excel workbook"),
        (bytes(range(256)) * 4, "cannot be read as utf-8 or cp1252"),
        (b"\x01\x02\x03\x04\x05,\x06\n", "The file is no text"),
        (b'Deal,Note\nD1,"never closed\nD2,x\nD3,y\n', "A quotation mark is opened and never"),
    ],
)
def test_what_is_no_table_is_refused_with_the_next_step(content: bytes, said: str) -> None:
    with pytest.raises(ImportRefused, match=said) as refused:
        read_table(content)
    assert str(refused.value).endswith(".")


def test_an_unknown_encoding_and_a_wrong_heading_row_are_refused() -> None:
    with pytest.raises(ImportRefused, match="no encoding 'klingon'"):
        read_table(PLAIN.encode(), encoding="klingon")
    with pytest.raises(ImportRefused, match="Row 9 is no row of headings"):
        read_table(PLAIN.encode(), header_row=9)


def test_a_title_above_the_headings_is_stepped_over() -> None:
    table = read_table(b"Export of 3 deals\n\nDeal,Price\nD1,1\n")
    assert table.headings == ("Deal", "Price")
    assert (table.header_row, numbers(table)) == (3, [4])


def test_the_heading_row_may_be_named() -> None:
    table = read_table(b"Export,of,June\nDeal,Price\nD1,1\n", header_row=2)
    assert table.headings == ("Deal", "Price")
    assert numbers(table) == [3]


def test_columns_are_lettered_like_a_spreadsheet() -> None:
    assert [letters(i) for i in (0, 25, 26, 51, 52, 701, 702)] == [
        *("A", "Z", "AA", "AZ", "BA", "ZZ", "AAA"),
    ]


def test_a_copy_without_some_columns_keeps_rows_and_numbers() -> None:
    text = '\nDeal,Secret,Note\nD1,s1,"a\nb"\n\nD2,s2,c,shifted s3\nD3,s4,d\n'
    table = read_table(text.encode())
    copy = without(table, {1})
    assert not any(f"s{n}".encode() in copy for n in range(1, 5))
    again = read_table(copy)
    assert again.headings == table.headings
    assert numbers(again) == numbers(table) == [3, 5, 6]
    assert [line.beyond for line in again.lines] == [0, 1, 0]
    # the row that is shifted by one has lost the cell after it too
    assert cells(again) == [("D1", "", "a\nb"), ("D2", "", ""), ("D3", "", "d")]


@pytest.mark.parametrize(
    ("row", "kept"),
    [
        ("D2,2 Elm St, Rear,s3,Acme,200", ("D2", "2 Elm St", "", "", "Acme")),
        ("D2,2 Elm St, Rear, West,s3,,200", ("D2", "2 Elm St", "", "", "")),
        ("D2,2 Elm St,s3,a,b", ("D2", "2 Elm St", "", "a", "b")),
    ],
)
def test_a_shifted_row_keeps_nothing_that_may_be_secret(row: str, kept: tuple[str, ...]) -> None:
    table = read_table(f"Deal,Address,Secret,Lender,Price\n{row}\nD3,1 Elm St,s4,a,b\n".encode())
    copy = without(table, {2})
    assert b"s3" not in copy
    again = read_table(copy)
    assert cells(again)[0] == kept
    assert [line.beyond for line in again.lines] == [line.beyond for line in table.lines]


CELL = st.text(
    st.characters(codec="utf-8", exclude_characters="\x00\ufeff", exclude_categories=("Cs", "Cc"))
    | st.sampled_from("\n\r\",;\t|' "),
    max_size=12,
)


@st.composite
def files(draw: st.DrawFn) -> tuple[list[list[str]], bytes]:
    """A table as Python's csv module writes it, in a dialect and an encoding by chance."""
    width = draw(st.integers(2, 6))
    rows = draw(st.lists(st.lists(CELL, min_size=width, max_size=width), min_size=1, max_size=8))
    headings = [f"Heading {i}" for i in range(width)]
    out = io.StringIO(newline="")
    writer = csv.writer(
        out,
        delimiter=draw(st.sampled_from(",;\t")),
        quoting=draw(st.sampled_from((csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC))),
        lineterminator=draw(st.sampled_from(("\n", "\r\n"))),
    )
    writer.writerows([headings, *rows])
    codec = draw(st.sampled_from(("utf-8", "utf-8-sig", "utf-16")))
    return [headings, *rows], out.getvalue().encode(codec)


@settings(max_examples=120, deadline=None)
@given(files())
@example(([["A", "B"], ['"', "\r\n"], ["", "x"]], b'A,B\n"""","\r\n"\n,x\n'))
def test_what_csv_writes_comes_back_equal(file: tuple[list[list[str]], bytes]) -> None:
    (headings, *rows), content = file
    table = read_table(content)
    wanted = {
        number: tuple(cell.strip() for cell in row)
        for number, row in enumerate(rows, 2)
        if any(cell.strip() for cell in row)
    }
    assert table.headings == tuple(headings)
    assert {line.number: line.cells for line in table.lines} == wanted
    assert not any(line.beyond for line in table.lines)
