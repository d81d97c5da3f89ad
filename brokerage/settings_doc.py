"""`python -m brokerage.settings_doc` writes docs/settings.md from `brokerage.settings`."""

from __future__ import annotations

import sys
from pathlib import Path

from pydantic import SecretStr

from brokerage.errors import EXIT_CODE_MEANING
from brokerage.settings import PROJECT_DIR, Settings

SETTINGS_PAGE = PROJECT_DIR / "docs" / "settings.md"

_HEAD = """# Settings

<!-- written by `python -m brokerage.settings_doc`; change brokerage/settings.py instead -->

All settings are environment variables; a file `.env` in the project folder is read too, and the
environment wins. An empty variable counts as unset. Nothing has to be set to try the platform out.

| variable | default | meaning |
|---|---|---|
"""

_EXIT_CODES = """
## Exit codes of `brokerage`

| code | meaning |
|---|---|
"""


def render() -> str:
    """The whole page as Markdown."""
    rows = []
    for name, field in Settings.model_fields.items():
        description = (field.description or "").replace("|", "\\|")
        secret = " **Secret.**" if "SecretStr" in str(field.annotation) else ""
        default = "" if field.default is None else f"`{_shown(field.default)}`"
        rows.append(f"| `BROKERAGE_{name.upper()}` | {default} | {description}{secret} |\n")
    codes = [f"| {int(code)} | {meaning} |\n" for code, meaning in EXIT_CODE_MEANING.items()]
    return _HEAD + "".join(rows) + _EXIT_CODES + "".join(codes)


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, SecretStr):
        return "set"
    return value.as_posix() if isinstance(value, Path) else str(value)


def main() -> int:
    """Write the page; with --check only say whether it is up to date."""
    page = render()
    if "--check" in sys.argv[1:]:
        if SETTINGS_PAGE.exists() and SETTINGS_PAGE.read_text("utf-8") == page:
            return 0
        sys.stderr.write("docs/settings.md is out of date: python -m brokerage.settings_doc\n")
        return 1
    SETTINGS_PAGE.parent.mkdir(exist_ok=True)
    SETTINGS_PAGE.write_text(page, "utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
