"""Texts of cells → amounts, numbers and days, strictly; and what a column's texts give away.

A text that can be read two ways is never guessed at: the mapping says which, or the whole column
has to (`decimal_of`, `day_formats_of`). The reasons name no content.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Literal

from pipelines.files.errors import ImportRefused

DecimalMark = Literal[".", ","]

BLANKS = ("n/a", "na", "null", "none", "-", "--")
"""What stands for nothing in a column of amounts, numbers or days, besides nothing."""

_DOLLARS = frozenset({"USD", "CAD", "AUD", "NZD", "HKD", "SGD", "MXN"})
_SIGNS = {
    "us$": frozenset({"USD"}), "ca$": frozenset({"CAD"}), "c$": frozenset({"CAD"}),
    "au$": frozenset({"AUD"}), "a$": frozenset({"AUD"}), "nz$": frozenset({"NZD"}),
    "$": _DOLLARS, "€": frozenset({"EUR"}), "£": frozenset({"GBP"}),
}  # fmt: skip
_SIGN = "|".join(re.escape(sign) for sign in sorted(_SIGNS, key=len, reverse=True))
_CURRENCY = re.compile(
    rf"(?:(?P<sign>{_SIGN})|(?P<code>[a-z]{{3}})(?![a-z]))|(?:(?P<sign2>{_SIGN})|(?P<code2>"
    r"(?<![a-z])[a-z]{3}))$"
)
_WHOLE = r"(?P<whole>[1-9]\d{{0,2}}(?P<gap>[{gaps}])\d{{3}}(?:(?P=gap)\d{{3}})*|\d*)"
_DIGITS: Mapping[DecimalMark, re.Pattern[str]] = {
    ".": re.compile(_WHOLE.format(gaps=", '") + r"(?:\.(?P<part>\d*))?", re.ASCII),
    ",": re.compile(_WHOLE.format(gaps=". '") + r"(?:,(?P<part>\d*))?", re.ASCII),
}
_SHORTENED = re.compile(r"\d(?:[.,]\d+)?e\+?-?\d+", re.IGNORECASE)
_SHEET_ERROR = re.compile(r"#(?:REF!|N/A|VALUE!|NAME\?|DIV/0!|NULL!|NUM!|SPILL!|#+)", re.IGNORECASE)
_MOST_DIGITS = 40

_EXCEL_DAY_0 = date(1899, 12, 30)
_SERIAL = re.compile(r"([2-7]\d{4})(?:[.,]\d+)?", re.ASCII)
"""Days 20000 to 79999: 1954 to 2119. No way to write a date is a five-digit number."""

_TIME = re.compile(
    r"(?<=\d)[T ,]+\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?\s*(?:[ap]\.?m\.?)?"
    r"\s*(?:Z|UTC|[+-]\d{2}:?\d{2})?$",
    re.IGNORECASE,
)
_PLAIN_FORMATS = (
    "%Y-%m-%d", "%Y/%m/%d", "%b %d %Y", "%B %d %Y", "%d %b %Y", "%d %B %Y", "%d-%b-%Y", "%d-%b-%y",
)  # fmt: skip
"""Days that can be read one way only; commas and the dots of short months do not count."""

_MONTH_FIRST = ("%m/%d/%Y", "%m/%d/%y", "%m-%d-%Y", "%m-%d-%y")
_DAY_FIRST = ("%d/%m/%Y", "%d/%m/%y", "%d-%m-%Y", "%d-%m-%y", "%d.%m.%Y", "%d.%m.%y")
_OTHERS = ("%Y%m%d",)


def is_blank(text: str, blanks: Collection[str] = BLANKS) -> bool:
    """True if the text of an amount, a number or a day stands for nothing."""
    return not text or text.casefold() in blanks


def check_text(text: str, *, is_id: bool = False) -> str:
    """The text. Raises ValueError with the reason if a spreadsheet has spoiled it."""
    if _SHEET_ERROR.fullmatch(text):
        raise ValueError("a spreadsheet put an error there instead of a value")
    if is_id and _SHORTENED.fullmatch(text):
        raise ValueError("a spreadsheet shortened the number; format its column as text")
    return text


def amount_of(text: str, mark: DecimalMark, currency: str) -> str:
    """An amount in digits: `(1,234.50)` and `-$1,234.50` are `-1234.5`.

    Raises ValueError with the reason, also if the text names another currency.
    """
    number, currencies = _amount(text, mark)
    if currencies is not None and currency not in currencies:
        raise ValueError(f"the amount is in another currency than {currency}")
    return number


def number_of(text: str, mark: DecimalMark) -> str:
    """A number in digits; a percent sign does not change it. Raises ValueError with the reason."""
    negative, rest = _without_sign(_tidy(check_text(text)).removesuffix("%").strip())
    return _digits(rest, mark, negative)


def _amount(text: str, mark: DecimalMark) -> tuple[str, frozenset[str] | None]:
    negative, rest = _without_sign(_tidy(check_text(text)))
    rest, currencies = _without_currency(rest)
    if currencies is not None:
        # the sign may stand on either side of the currency
        second, rest = _without_sign(rest)
        if negative and second:
            raise ValueError("not an amount")
        negative = negative or second
        if rest == "" and negative:
            # a spreadsheet's accounting format writes zero as a dash
            return "0", currencies
    return _digits(rest, mark, negative), currencies


def _tidy(text: str) -> str:
    text = unicodedata.normalize("NFKC", text).casefold().strip()
    return re.sub(r"\s+", " ", text.translate({0x2212: "-", 0x2013: "-", 0x2019: "'"}))


def _without_sign(text: str) -> tuple[bool, str]:
    if text.startswith("(") and text.endswith(")"):
        return True, text[1:-1].strip()
    if text.startswith("-"):
        return True, text[1:].strip()
    if text.endswith("-"):
        return True, text[:-1].strip()
    return False, text.removeprefix("+").strip()


def _without_currency(text: str) -> tuple[str, frozenset[str] | None]:
    for found in _CURRENCY.finditer(text):
        at_start = found.start() == 0
        if not at_start and found.end() != len(text):
            continue
        rest = text[found.end() :] if at_start else text[: found.start()]
        sign = found["sign"] or found["sign2"]
        code = found["code"] or found["code2"]
        return rest.strip(), _SIGNS[sign] if sign else frozenset({code.upper()})
    return text, None


def _digits(text: str, mark: DecimalMark, negative: bool) -> str:
    if _SHORTENED.fullmatch(text):
        raise ValueError("a spreadsheet shortened the number; format its column as number")
    found = _DIGITS[mark].fullmatch(text)
    whole = re.sub(r"\D", "", found["whole"]) if found else ""
    part = (found["part"] or "") if found else ""
    if not whole + part:
        raise ValueError(f"not a number with '{mark}' as decimal mark")
    if len(whole + part) > _MOST_DIGITS:
        raise ValueError("a number with too many digits")
    number = whole.lstrip("0") or "0"
    part = part.rstrip("0")
    shown = f"{number}.{part}" if part else number
    return f"-{shown}" if negative and shown != "0" else shown


def decimal_of(amounts: Iterable[str], numbers: Iterable[str] = ()) -> DecimalMark:
    """The decimal mark of a file's amounts and other numbers.

    Raises:
        ImportRefused: when the amounts can be read either way with different results, or the mark
            that fits most of them would make thousandths of what looks like thousands.
    """
    fitting: Counter[DecimalMark] = Counter()
    unlikely: set[DecimalMark] = set()
    for text in amounts:
        read = _readings(text)
        fitting.update(list(read))
        if len(set(read.values())) > 1:
            # one separator before three digits: thousands, far more likely than three decimals
            unlikely.add(min(read, key=lambda mark: abs(Decimal(read[mark]))))
    for text in numbers:
        fitting.update(list(_readings(text.removesuffix("%").strip())))
    chosen: DecimalMark = "," if unlikely == {"."} else "."
    if fitting["."] != fitting[","]:
        chosen = "." if fitting["."] > fitting[","] else ","
    if chosen in unlikely:
        raise ImportRefused(
            'Amounts such as 1,234 or 1.234 can be read two ways: say `decimal: "."` or '
            '`decimal: ","` in the mapping, or give --decimal.'
        )
    return chosen


def _readings(text: str) -> dict[DecimalMark, str]:
    read: dict[DecimalMark, str] = {}
    for mark in _DIGITS:
        try:
            read[mark] = _amount(text, mark)[0]
        except ValueError:
            continue
    return read


@lru_cache(maxsize=50_000)
def day_of(text: str, formats: tuple[str, ...] = ()) -> date:
    """A day: in one of the formats, as ISO, with the month in words, or a spreadsheet's number.

    A time of day is left away. Raises ValueError with the reason.
    """
    check_text(text)
    serial = _SERIAL.fullmatch(text)
    if serial:
        return _EXCEL_DAY_0 + timedelta(days=int(serial.group(1)))
    whole = " ".join(text.split())
    for form in formats:
        for candidate in (whole, _TIME.sub("", whole)):
            if (day := _strictly(candidate, form)) is not None:
                return _sensible(day)
    words = " ".join(_TIME.sub("", whole).replace(",", " ").replace(".", " ").split())
    words = re.sub(r"\bsept\b", "sep", words, flags=re.IGNORECASE)
    for form in _PLAIN_FORMATS:
        if (day := _strictly(words, form)) is not None:
            return _sensible(day)
    told = f" as {' or '.join(formats)}" if formats else ""
    raise ValueError(f"not a day that can be read{told}")


def _strictly(text: str, form: str) -> date | None:
    try:
        return datetime.strptime(text, form).date()  # noqa: DTZ007 - only its day is taken
    except ValueError:
        return None


def _sensible(day: date) -> date:
    if not 1900 <= day.year < 2200:
        raise ValueError("a day that is not between 1900 and 2199")
    return day


def day_formats_of(texts: Sequence[str]) -> tuple[str, ...]:
    """The formats of a file's days, those that need none left out.

    Raises:
        ImportRefused: when month and day cannot be told apart.
    """
    odd = [text for text in dict.fromkeys(texts) if not _is_day(text, ())]
    if not odd:
        return ()
    families = (_MONTH_FIRST, _DAY_FIRST, _OTHERS)
    counts = [sum(_is_day(text, family) for text in odd) for family in families]
    best = max(counts)
    if best == 0:
        return ()
    if counts[0] == counts[1] == best and any(
        _is_day(text, _MONTH_FIRST)
        and _is_day(text, _DAY_FIRST)
        and day_of(text, _MONTH_FIRST) != day_of(text, _DAY_FIRST)
        for text in odd
    ):
        raise ImportRefused(
            'Days such as 03/04/2025 can be read two ways: say `date_format: "%m/%d/%Y"` or '
            '`date_format: "%d/%m/%Y"` in the mapping, or give --date-format.'
        )
    family = families[counts.index(best)]
    return tuple(form for form in family if any(_is_day(text, (form,)) for text in odd))


def _is_day(text: str, formats: tuple[str, ...]) -> bool:
    try:
        day_of(text, formats)
    except ValueError:
        return False
    return True
