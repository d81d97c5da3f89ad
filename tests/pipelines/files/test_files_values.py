"""Texts of amounts and days: read strictly, or refused with a reason that quotes nothing."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.files.errors import ImportRefused
from pipelines.files.values import (
    amount_of,
    check_text,
    day_formats_of,
    day_of,
    decimal_of,
    is_blank,
    number_of,
)


@pytest.mark.parametrize(
    ("text", "mark", "amount"),
    [
        ("1234.50", ".", "1234.5"),
        ("$1,234.50", ".", "1234.5"),
        ("(1,234.50)", ".", "-1234.5"),
        ("$(1,234.50)", ".", "-1234.5"),
        ("($1,234.50)", ".", "-1234.5"),
        ("-$5", ".", "-5"),
        ("$-5", ".", "-5"),
        ("5-", ".", "-5"),
        ("\u2212 5", ".", "-5"),
        ("+5", ".", "5"),
        ("USD 1,234", ".", "1234"),
        ("1,234 usd", ".", "1234"),
        ("US$1,234", ".", "1234"),
        ("1'234.50", ".", "1234.5"),
        ("1\u00a0234.50", ".", "1234.5"),
        ("1.234,50", ",", "1234.5"),
        ("1 234,50", ",", "1234.5"),
        ("12,5", ",", "12.5"),
        ("$ -", ".", "0"),
        ("-$0.00", ".", "0"),
        (".5", ".", "0.5"),
        ("007", ".", "7"),
        ("12345678901234567890123456789.01", ".", "12345678901234567890123456789.01"),
    ],
)
def test_an_amount_is_read(text: str, mark: str, amount: str) -> None:
    assert amount_of(text, mark, "USD") == amount  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "mark", "said"),
    [
        ("abc", ".", "not a number with '.' as decimal mark"),
        ("1.234,50", ".", "not a number with '.' as decimal mark"),
        ("1.5", ",", "not a number with ',' as decimal mark"),
        ("1,23", ".", "not a number"),
        ("12,34.5", ".", "not a number"),
        ("1,234 567", ".", "not a number"),
        ("0,125", ".", "not a number"),
        ("--5", ".", "not a number"),
        ("(-5)", ".", "not a number"),
        ("-$-5", ".", "not an amount"),
        ("5 5", ".", "not a number"),
        ("\u0665", ".", "not a number"),
        ("1.2E+6", ".", "a spreadsheet shortened the number"),
        ("#REF!", ".", "a spreadsheet put an error there"),
        ("#######", ".", "a spreadsheet put an error there"),
        ("€5", ".", "another currency than USD"),
        ("CAD 5", ".", "another currency than USD"),
        ("C$5", ".", "another currency than USD"),
        ("9" * 41, ".", "too many digits"),
    ],
)
def test_what_is_no_amount_is_refused_without_quoting_it(text: str, mark: str, said: str) -> None:
    with pytest.raises(ValueError, match=said) as refused:
        amount_of(text, mark, "USD")  # type: ignore[arg-type]
    assert text not in str(refused.value)


def test_a_dollar_is_of_the_country_that_the_mapping_names() -> None:
    assert amount_of("$5", ".", "CAD") == "5"
    with pytest.raises(ValueError, match="another currency than EUR"):
        amount_of("$5", ".", "EUR")


AMOUNTS = st.decimals(
    min_value=-(10**14), max_value=10**14, places=2, allow_nan=False, allow_infinity=False
)


@settings(max_examples=300, deadline=None)
@given(AMOUNTS, st.sampled_from(("plain", "comma", "dot", "space", "parentheses")))
def test_any_amount_in_any_notation_keeps_its_cents(amount: Decimal, notation: str) -> None:
    grouped = f"{abs(amount):,.2f}"
    sign = "-" if amount < 0 else ""
    written = {
        "plain": f"{amount:.2f}",
        "comma": f"{sign}${grouped}",
        "dot": sign + grouped.translate(str.maketrans(",.", ".,")),
        "space": sign + grouped.translate(str.maketrans(",.", " ,")) + " USD",
        "parentheses": f"({grouped})" if amount < 0 else grouped,
    }[notation]
    mark = "," if notation in ("dot", "space") else "."
    assert Decimal(amount_of(written, mark, "USD")) == amount  # type: ignore[arg-type]


def test_a_percent_sign_changes_no_number() -> None:
    assert [number_of(text, ".") for text in ("3%", "2.50 %", "0.03")] == ["3", "2.5", "0.03"]


@pytest.mark.parametrize(
    ("amounts", "numbers", "mark"),
    [
        ([], [], "."),
        (["5", "1200"], [], "."),
        (["1,234.50", "2"], [], "."),
        (["1.234,50", "2"], [], ","),
        (["1,234"], [], "."),
        (["1.234"], [], ","),
        (["0.125"], [], "."),
        (["12,50"], [], ","),
        (["450000"], ["2.875"], "."),
        (["450000"], ["2,5 %"], ","),
        (["1.234", "1.234,50", "12,5"], [], ","),
    ],
)
def test_the_decimal_mark_shows_in_the_column(
    amounts: list[str], numbers: list[str], mark: str
) -> None:
    assert decimal_of(amounts, numbers) == mark


@pytest.mark.parametrize(
    "amounts",
    [
        ["1,234", "1.234"],
        # one odd cell must not make thousandths of all the others
        ["$450,000"] * 20 + ["5,50"],
        ["1.234", "12.5"],
    ],
)
def test_a_decimal_mark_that_does_not_show_is_asked_for(amounts: list[str]) -> None:
    with pytest.raises(ImportRefused, match="--decimal"):
        decimal_of(amounts)


@pytest.mark.parametrize(
    ("text", "formats"),
    [
        ("2025-03-04", ()),
        ("2025/03/04", ()),
        ("45720", ()),
        ("45720.75", ()),
        ("Mar 4, 2025", ()),
        ("4 march 2025", ()),
        ("04-Mar-25", ()),
        ("March 4, 2025, 3:00 PM", ()),
        ("2025-03-04T23:59:59Z", ()),
        ("2025-03-04 00:00:00.000+00:00", ()),
        ("3/4/2025", ("%m/%d/%Y",)),
        ("3/4/2025 12:00:00 AM", ("%m/%d/%Y",)),
        ("04.03.2025", ("%d.%m.%Y",)),
        ("4/3/25", ("%d/%m/%Y", "%d/%m/%y")),
        ("20250304", ("%Y%m%d",)),
    ],
)
def test_a_day_is_read(text: str, formats: tuple[str, ...]) -> None:
    assert day_of(text, formats) == date(2025, 3, 4)


@pytest.mark.parametrize("serial", [20_000, 36_526, 45_658, 60_000])
def test_a_spreadsheets_number_of_a_day(serial: int) -> None:
    # day 1 is 1 January 1900, and Excel takes 1900 for a leap year
    assert day_of(str(serial)) == date(1900, 1, 1) + timedelta(days=serial - 2)


@pytest.mark.parametrize(
    "text",
    ["3/4/2025", "2025-02-30", "31.12.2025", "0205-01-01", "9999-01-01", "2025", "soon", "#REF!"],
)
def test_what_is_no_day_is_refused_without_quoting_it(text: str) -> None:
    with pytest.raises(ValueError, match=r"day|spreadsheet") as refused:
        day_of(text)
    assert text not in str(refused.value)


@pytest.mark.parametrize(
    ("texts", "formats"),
    [
        (["2025-03-04", "45720"], ()),
        (["3/14/2025", "3/4/2025"], ("%m/%d/%Y",)),
        (["14/3/2025", "3/4/2025"], ("%d/%m/%Y",)),
        (["3/14/2025", "3/4/25"], ("%m/%d/%Y", "%m/%d/%y")),
        (["04.03.2025"], ("%d.%m.%Y",)),
        (["20250304"], ("%Y%m%d",)),
        (["3/3/2025"], ("%m/%d/%Y",)),
        (["no day"], ()),
    ],
)
def test_the_format_of_days_shows_in_the_column(texts: list[str], formats: tuple[str, ...]) -> None:
    assert day_formats_of(texts) == formats


def test_a_format_that_does_not_show_is_asked_for() -> None:
    with pytest.raises(ImportRefused, match="--date-format"):
        day_formats_of(["03/04/2025", "05/06/2025", "2025-01-31"])


def test_blanks_and_spoiled_texts() -> None:
    assert all(map(is_blank, ("", "N/A", "-", "null")))
    assert not is_blank("0")
    assert check_text("1.5E+11") == "1.5E+11"
    with pytest.raises(ValueError, match="shortened"):
        check_text("1.5E+11", is_id=True)
    with pytest.raises(ValueError, match="put an error"):
        check_text("#N/A")
