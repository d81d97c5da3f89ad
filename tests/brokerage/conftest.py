"""Running `brokerage` inside the test's process."""

from __future__ import annotations

import io
import sys
from typing import TextIO

import pytest

from brokerage.cli import main
from brokerage.settings import get_settings
from tests.brokerage.running import Outcome, Run


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run `brokerage` in this process with arguments and an input."""

    def call(*arguments: str, stdin: str | TextIO = "") -> Outcome:
        get_settings.cache_clear()
        monkeypatch.setattr(sys, "argv", ["brokerage", *arguments])
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin) if isinstance(stdin, str) else stdin)
        monkeypatch.setattr(sys, "excepthook", sys.__excepthook__)
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        code = ended.value.code
        return Outcome(code if isinstance(code, int) else 0, printed.out, printed.err)

    return call
