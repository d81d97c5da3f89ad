"""The command line `brokerage`. Exit codes: `brokerage.errors.ExitCode`."""

from __future__ import annotations

import sys


def main() -> None:
    """The entry point: run a command and turn known errors into one sentence and an exit code."""
    from typer.main import get_command

    from brokerage.cli.app import app
    from brokerage.cli.console import fail, show_unexpected
    from brokerage.errors import BrokerageError

    debug = "--debug" in sys.argv[1:]
    if not debug:
        sys.excepthook = show_unexpected
    try:
        # typer's own way of calling an app would put its traceback hook over ours
        get_command(app)(prog_name="brokerage")
    except BrokerageError as error:
        if debug:
            raise
        fail(str(error), error.exit_code)
