"""`python -m brokerage.settings_doc` writes docs/settings.md from `brokerage.settings`."""

from __future__ import annotations

import sys
from pathlib import Path

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from brokerage.errors import EXIT_CODE_MEANING
from brokerage.settings import PROJECT_DIR, Settings
from pipelines.common.http import VendorSettings
from pipelines.registry import VENDORS

SETTINGS_PAGE = PROJECT_DIR / "docs" / "settings.md"

_HEAD = """# Settings

<!-- written by `make pages`; change brokerage/settings.py and pipelines/<vendor> instead -->

All settings are environment variables; a file `.env` in the project folder is read too, and the
environment wins. An empty variable counts as unset. Nothing has to be set to try the platform out.

| variable | default | meaning |
|---|---|---|
"""

_VENDORS = """
## Vendors

Each vendor has settings of its own, and those at the end of the table under its name too:
`BROKERAGE_FUB_TIMEOUT_SECONDS`. In a sandbox home the sandbox tells addresses and registered names.

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
    rows = [_row(name, info) for name, info in Settings.model_fields.items()]
    common = VendorSettings.model_fields
    vendors = [
        _row(f"{vendor.name}_{name}", info, vendor.title)
        for vendor in VENDORS.values()
        for name, info in vendor.settings_type.model_fields.items()
        if name not in common and not {name, f"{vendor.name}_{name}"} & set(Settings.model_fields)
    ]
    vendors += [_row(f"<vendor>_{name}", info) for name, info in common.items()]
    codes = [f"| {int(code)} | {meaning} |\n" for code, meaning in EXIT_CODE_MEANING.items()]
    return "".join([_HEAD, *rows, _VENDORS, *vendors, _EXIT_CODES, *codes])


def _row(name: str, info: FieldInfo, title: str = "") -> str:
    description = (info.description or "").replace("|", "\\|").rstrip(".")
    said = f"{title}: {description}." if title else f"{description[:1].upper()}{description[1:]}."
    secret = " **Secret.**" if "SecretStr" in str(info.annotation) else ""
    default = info.get_default(call_default_factory=True)
    shown = "" if default is None or default == {} else f"`{_shown(default)}`"
    variable = name if name.startswith("<") else name.upper()
    variable = variable.replace("<vendor>_", "<VENDOR>_").upper() if "<" in variable else variable
    return f"| `BROKERAGE_{variable}` | {shown} | {said}{secret} |\n"


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
