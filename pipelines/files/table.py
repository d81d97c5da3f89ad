"""The bytes of a file → a table of texts: encoding, delimiter, headings, rows with their numbers.

Nothing is inferred about the cells. A row's number is the one that a spreadsheet shows: the first
line is 1, blank lines count, and a cell with line breaks does not make more rows.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from pipelines.files.errors import ImportRefused

DELIMITERS = (",", ";", "\t", "|")

_SAMPLE_ROWS = 50
_FIRST_WIDTH = 64
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_CONTROLS = re.compile(r"[\x01-\x08\x0e-\x1f]")
_EXCEL_HINT = re.compile(r"sep=(.)\r?\n", re.IGNORECASE)


@dataclass(frozen=True)
class Line:
    """One row of a file: its number, a cell per heading, and how many cells lie beyond those, up
    to the last one that holds something.
    """

    number: int
    cells: tuple[str, ...]
    beyond: int = 0

    def without(self, denied: Collection[int]) -> tuple[str, ...]:
        """The cells, blank where one of the denied columns is, or may be.

        With cells beyond the headings an earlier text fell apart, which shifts those behind it by
        so many places at most.
        """
        hidden = {at + shift for at in denied for shift in range(self.beyond + 1)}
        return tuple("" if i in hidden else cell for i, cell in enumerate(self.cells))


@dataclass(frozen=True)
class Table:
    """A file as texts without blank rows. Headings are unique: the second `Price` is `Price (2)`,
    an empty one `column C`. `repeated` names headings that occur more than once.
    """

    headings: tuple[str, ...]
    lines: tuple[Line, ...]
    header_row: int
    encoding: str
    delimiter: str
    repeated: tuple[str, ...] = ()


def read_table(
    content: bytes,
    *,
    encoding: str | None = None,
    delimiter: str | None = None,
    header_row: int | None = None,
) -> Table:
    """Read a CSV file; what is not given is found out.

    Raises:
        ImportRefused: when it is no table of texts, with what to do about it.
    """
    found, text = _decode(content, encoding)
    hint = _EXCEL_HINT.match(text)
    if hint:
        # a line for Excel, which does not count it as a row
        text = text[hint.end() :]
        delimiter = delimiter or hint.group(1)
    delimiter = delimiter or _sniff(text)
    rows = [[cell.strip() for cell in row] for row in _parse(text, delimiter)]
    at = _heading_at(rows, header_row)
    width = max(i + 1 for i, cell in enumerate(rows[at]) if cell)
    below = [(number, row) for number, row in enumerate(rows[at + 1 :], at + 2) if any(row)]
    # a column without a heading is one if most rows fill it; else a row has too many cells
    while below and 2 * sum(len(row) > width and bool(row[width]) for _, row in below) > len(below):
        width += 1
    headings, repeated = _headings([*rows[at], *[""] * width][:width])
    lines = tuple(
        Line(
            number,
            tuple((*row, *[""] * width)[:width]),
            max((i for i, cell in enumerate(row[width:], 1) if cell), default=0),
        )
        for number, row in below
    )
    return Table(headings, lines, at + 1, found, delimiter, repeated)


def _decode(content: bytes, encoding: str | None) -> tuple[str, str]:
    if content.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise ImportRefused(
            "The file is an Excel workbook: save it as 'CSV UTF-8' and import that file."
        )
    name = encoding or next((name for bom, name in _BOMS if content.startswith(bom)), None)
    guesses = (name,) if name else (_wide(content) or "utf-8", "cp1252")
    for guess in guesses:
        try:
            text = content.decode(guess)
        except LookupError:
            raise ImportRefused(
                f"There is no encoding {guess!r}: use utf-8, utf-16 or cp1252."
            ) from None
        except UnicodeDecodeError:
            continue
        if len(_CONTROLS.findall(text)) > len(text) / 100:
            raise ImportRefused("The file is no text: export it as CSV and import that file.")
        # PostgreSQL stores no NUL; a mark at the very beginning is no part of the first heading
        return guess, text.replace("\x00", "").removeprefix("\ufeff")
    raise ImportRefused(
        f"The file cannot be read as {' or '.join(guesses)}: save it as 'CSV UTF-8' and import "
        "that file, or name its encoding in the mapping."
    )


def _wide(content: bytes) -> str | None:
    """UTF-16 without a mark: every other byte of mostly western text is zero."""
    sample = content[:2000]
    half = len(sample) // 2
    if half and sample[1::2].count(0) > 0.7 * half:
        return "utf-16-le"
    if half and sample[0::2].count(0) > 0.7 * half:
        return "utf-16-be"
    return None


def _sniff(text: str) -> str:
    """The delimiter that gives the most rows the same number of cells, then the most cells."""
    scores = {delimiter: _score(text, delimiter) for delimiter in DELIMITERS}
    return max(DELIMITERS, key=lambda delimiter: scores[delimiter])


def _score(text: str, delimiter: str) -> tuple[bool, float, int]:
    widths: Counter[int] = Counter()
    try:
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter):
            if any(cell.strip() for cell in row):
                widths[len(row)] += 1
            if widths.total() == _SAMPLE_ROWS:
                break
    except csv.Error:
        return False, 0.0, 0
    if not widths:
        return False, 0.0, 0
    [(width, count)] = widths.most_common(1)
    return width > 1, round(count / widths.total(), 1), width


def _parse(text: str, delimiter: str) -> list[list[str]]:
    """All rows as pandas reads them, blank ones included, padded to one width."""
    # half a second that commands without a file need not pay
    import pandas as pd

    if len(delimiter) != 1:
        raise ImportRefused(f"A delimiter is one sign, but the mapping has {delimiter!r}.")
    if not text.strip(' "\r\n' + "".join(DELIMITERS)):
        raise ImportRefused("The file is empty: export it again.")
    width, most = _FIRST_WIDTH, text.count(delimiter) + 1
    while True:
        try:
            frame = pd.read_csv(
                io.StringIO(text, newline=""),
                sep=delimiter,
                header=None,
                names=list(range(width)),
                index_col=False,
                dtype=str,
                keep_default_na=False,
                na_filter=False,
                skip_blank_lines=False,
                # of "\r\n" the first is blank at the end of a cell; alone it may be text
                lineterminator="\n" if "\n" in text else "\r",
                engine="c",
            )
        except pd.errors.ParserError as error:
            if "EOF inside string" in str(error):
                raise ImportRefused(
                    "A quotation mark is opened and never closed, so that rows would be lost: "
                    "close it or export the file again."
                ) from None
            if width > most:
                raise ImportRefused(
                    "The file is no table that can be read: export it again as CSV."
                ) from None
            # a row with more cells than columns were announced
            width *= 2
            continue
        rows: list[list[str]] = frame.to_numpy(dtype=object).tolist()
        return rows


def _heading_at(rows: Sequence[Sequence[str]], header_row: int | None) -> int:
    if header_row is not None:
        if not 1 <= header_row <= len(rows) or not any(rows[header_row - 1]):
            raise ImportRefused(f"Row {header_row} is no row of headings: mend header_row.")
        return header_row - 1
    # a title above the table stands alone in its row
    for least in (2, 1):
        for number, row in enumerate(rows):
            if sum(map(bool, row)) >= least:
                return number
    raise ImportRefused("The file is empty: export it again.")


def _headings(names: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    wanted = [" ".join(name.split()) or f"column {letters(i)}" for i, name in enumerate(names)]
    # a mapping names headings in any letter case
    taken = {name.casefold() for name in wanted}
    seen: Counter[str] = Counter()
    made: list[str] = []
    for name in wanted:
        seen[name.casefold()] += 1
        number, unique = seen[name.casefold()], name
        while number > 1 and (unique := f"{name} ({number})").casefold() in taken:
            number += 1
        taken.add(unique.casefold())
        made.append(unique)
    repeated = dict.fromkeys(name for name in wanted if seen[name.casefold()] > 1)
    return tuple(made), tuple(repeated)


def letters(position: int) -> str:
    """The name of a column in a spreadsheet: 0 is A, 26 is AA."""
    name = ""
    position += 1
    while position:
        position, rest = divmod(position - 1, 26)
        name = chr(ord("A") + rest) + name
    return name


def without(table: Table, denied: Collection[int]) -> bytes:
    """The table as a file again, UTF-8 and with commas, with some columns empty.

    Rows keep their numbers, so that a report stays true.
    """
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    out.write("\n" * (table.header_row - 1))
    writer.writerow(table.headings)
    written = table.header_row
    for line in table.lines:
        out.write("\n" * (line.number - written - 1))
        # what was shifted beyond the headings may be what must not be kept
        writer.writerow([*line.without(denied), *["…"] * line.beyond])
        written = line.number
    return out.getvalue().encode()
