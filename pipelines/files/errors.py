"""What stops an import as a whole; a row that does not fit is no error but a `Refusal`."""

from __future__ import annotations


class ImportRefused(Exception):
    """The file or its mapping cannot be used; the message is one sentence with the next step.

    It may name headings and columns, never the content of a cell.
    """
