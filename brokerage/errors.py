"""Errors that a person reads: one sentence that says what happened and what to do next.

The exit codes of the command line are fixed here, so that scripts may rely on them.
"""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """What the process returns: 0 is success, 2 is left to the argument parser."""

    OK = 0
    FAILED = 1
    USAGE = 2
    CONFIGURATION = 3
    UNAVAILABLE = 4
    REFUSED = 5
    PARTIAL = 6
    ROWS_REFUSED = 7


EXIT_CODE_MEANING: dict[ExitCode, str] = {
    ExitCode.OK: "everything held",
    ExitCode.FAILED: "the work failed, or a check of its result did",
    ExitCode.USAGE: "the command line could not be understood",
    ExitCode.CONFIGURATION: "a setting, a key or a file is missing or wrong",
    ExitCode.UNAVAILABLE: "a service, a port or the database cannot be reached or used",
    ExitCode.REFUSED: "a vendor refused the credentials",
    ExitCode.PARTIAL: "some accounts or entities failed, the others are done",
    ExitCode.ROWS_REFUSED: "some rows of an imported file were refused, the others are loaded",
}


class BrokerageError(Exception):
    """The work failed; the message is one sentence for a person."""

    exit_code: ExitCode = ExitCode.FAILED


class ConfigurationError(BrokerageError):
    """A setting, a key or a file is missing or wrong."""

    exit_code = ExitCode.CONFIGURATION


class UnavailableError(BrokerageError):
    """A service, a port or the database cannot be reached or used."""

    exit_code = ExitCode.UNAVAILABLE


class RefusedError(BrokerageError):
    """A vendor refused the credentials."""

    exit_code = ExitCode.REFUSED


class PartialError(BrokerageError):
    """Some accounts or entities failed, the others are done."""

    exit_code = ExitCode.PARTIAL


class RowsRefusedError(BrokerageError):
    """Some rows of an imported file were refused, the others are loaded."""

    exit_code = ExitCode.ROWS_REFUSED
