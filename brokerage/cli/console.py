"""How the command line talks: results on standard output, everything else on standard error."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, is_dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.table import Table

from brokerage.errors import ExitCode

# into a file or a pipe there is no terminal to ask for its width
_PIPED_WIDTH = 100


def _console(*, stderr: bool = False) -> Console:
    stream = sys.stderr if stderr else sys.stdout
    piped = not stream.isatty() and "COLUMNS" not in os.environ
    return Console(stderr=stderr, highlight=False, width=_PIPED_WIDTH if piped else None)


out = _console()
err = _console(stderr=True)

MARKS = {True: "[green]✓[/green]", False: "[red]✗[/red]", None: "[yellow]![/yellow]"}


def note(message: str) -> None:
    """Tell what is being done."""
    err.print(f"[dim]·[/dim] {message}", soft_wrap=True)


def warn(message: str) -> None:
    err.print(f"[yellow]Warning:[/yellow] {message}", soft_wrap=True)


def fail(message: str, code: ExitCode = ExitCode.FAILED) -> None:
    """Say in one sentence what is wrong and end with the code."""
    err.print("[red]Error:[/red] ", end="")
    err.print(message, markup=False, soft_wrap=True)
    raise SystemExit(int(code))


def show_unexpected(
    kind: type[BaseException], error: BaseException, _trace: TracebackType | None
) -> None:
    """What `sys.excepthook` does without --debug: one sentence instead of a traceback."""
    if issubclass(kind, KeyboardInterrupt):
        err.print("Interrupted.")
        return
    first = (str(error).strip().splitlines() or ["no message"])[0]
    err.print("[red]Error:[/red] ", end="")
    err.print(
        f"Something unexpected happened ({kind.__name__}: {first[:300]}): run the same command "
        "as `brokerage --debug …` to see where.",
        markup=False,
        soft_wrap=True,
    )


def plain(value: Any) -> Any:
    """A value as JSON knows it; decimals become strings, because a JSON number may lose cents."""
    if is_dataclass(value) and not isinstance(value, type):
        return plain(asdict(value))
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set)):
        return [plain(item) for item in value]
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Decimal | Path):
        return str(value)
    if isinstance(value, memoryview | bytes):
        return bytes(value).hex()
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def print_json(value: Any) -> None:
    sys.stdout.write(json.dumps(plain(value), indent=2, ensure_ascii=False) + "\n")


def make_table(
    columns: Sequence[str], *, title: str | None = None, right: Iterable[int] = ()
) -> Table:
    """A table whose columns at the positions `right` are aligned to the right."""
    table = Table(title=title, title_justify="left", title_style="bold", header_style="bold")
    aligned = set(right)
    for position, column in enumerate(columns):
        table.add_column(
            column, justify="right" if position in aligned else "left", overflow="fold"
        )
    return table


def cell(value: Any) -> str:
    """A value for a person: empty for none, thousands separated, instants to the second."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | Decimal):
        return f"{value:,}"
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S")
    return str(value)


@contextmanager
def working(message: str) -> Iterator[Callable[[str], None]]:
    """Show that something goes on; the function given changes the message."""
    if not err.is_terminal:
        note(message)
        yield note
        return
    with err.status(message) as status:
        yield status.update
