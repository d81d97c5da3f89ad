"""What is peculiar to Qualia: one GraphQL address, Basic authorisation, errors beside data.

A wrong password is 403 and not 401, the rate limit is 503, and mistakes come with HTTP 200 in a
list `errors`, possibly beside data that is whole but for a block (qualia.md §1, §2).
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, cast

import httpx
from pydantic import Field, field_validator

from pipelines.common import moments
from pipelines.common.account import Credentials
from pipelines.common.budget import Rate
from pipelines.common.errors import (
    AccountBroken,
    ContractBroken,
    RecordUnavailable,
    ResourceUnavailable,
    RetryLater,
    VendorError,
)
from pipelines.common.http import Api, Dialect, Failure, VendorSettings
from pipelines.common.reading import Reading

THROTTLED_WAIT = 60.0
QUERIES = Path(__file__).parent / "queries"
FRAGMENTS = "order_fields"

OPTIONAL = (
    ("properties",),
    ("loans",),
    ("closingLocation",),
    ("settlementTeam",),
    ("contacts",),
    ("accounting",),
    ("charges",),
    ("settlementStatement",),
    ("appointments",),
    ("tasks",),
)
"""Blocks of an order that may be missing for a while without failing the page (§2)."""

BLOCKS = frozenset({"settlementAgency", *(block for (block,) in OPTIONAL)})
"""What an order is asked for beside its own fields, by Qualia's names; each can be left out."""

Block = tuple[str, ...]
"""A place inside an order, by names: `("accounting", "receipts")`."""

FORBIDDEN = "FORBIDDEN"

RECORD_ERRORS = (RecordUnavailable, ResourceUnavailable, RetryLater, ContractBroken)
"""What may go wrong with one record without saying anything of the others."""


class QualiaSettings(VendorSettings):
    """Where the title company's Qualia is: every company has a subdomain of its own (§0)."""

    base_url: str = Field(
        "", description="the GraphQL address, https://{subdomain}.qualia.io/api/platform/graphql"
    )
    timeout_seconds: float = Field(90.0, description="seconds until a request is given up")
    limited_attempts: int = Field(5, description="tries of one request that meets HTTP 429 or 503")
    without: str = Field(
        "",
        description="blocks of orders that are not asked for, with commas between: loans,contacts",
    )

    @field_validator("without")
    @classmethod
    def _blocks(cls, value: str) -> str:
        for name in _names(value):
            if name not in BLOCKS:
                raise ValueError(f"has no block {name}; there are {', '.join(sorted(BLOCKS))}")
        return value

    @property
    def left_out(self) -> frozenset[str]:
        """The blocks in `without`."""
        return _names(self.without)


def _names(text: str) -> frozenset[str]:
    return frozenset(name for part in text.split(",") if (name := part.strip()))


def authorize(credentials: Credentials, _settings: VendorSettings) -> Mapping[str, str]:
    """Basic authorisation. Raises `AccountBroken` if a part of the credential is missing."""
    try:
        pair = f"{credentials['username']}:{credentials['api_key']}"
    except KeyError as error:
        raise AccountBroken(
            f"The Qualia credential lacks the {str(error)[1:-1].replace('_', ' ')}; connect the "
            f"account again."
        ) from error
    return {"Authorization": f"Basic {b64encode(pair.encode()).decode()}"}


def classify(failure: Failure) -> VendorError | None:
    """401 and 403 refuse the key, 429 and 503 mean 'too fast', 404 and 405 a wrong address."""
    if failure.status in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
        return AccountBroken(
            f"Qualia refused the credential (HTTP {failure.status}); connect the account again."
        )
    said = f"Qualia answered HTTP {failure.status} to POST {failure.path}"
    if failure.status in (httpx.codes.TOO_MANY_REQUESTS, httpx.codes.SERVICE_UNAVAILABLE):
        return RetryLater(
            f"{said}: the rate limit is used up; try the sync again later.",
            retry_after=_wait(failure.headers),
            limited=True,
        )
    if failure.status in (httpx.codes.NOT_FOUND, httpx.codes.METHOD_NOT_ALLOWED):
        return ContractBroken(f"{said}: the address is wrong; check BROKERAGE_QUALIA_BASE_URL.")
    return None


def _wait(headers: Mapping[str, str]) -> float:
    """Seconds by `Retry-After`, else a minute, which is the window of the limit (§2)."""
    after = headers.get("retry-after", "").strip()
    return max(1.0, float(after)) if after.isdigit() else THROTTLED_WAIT


# -- errors that come with HTTP 200 ----------------------------------------------------------------


def errors_of(data: Any) -> list[Mapping[str, Any]]:
    """The list `errors` of an answer, empty if there is none; whatever else stands there is one."""
    found = data.get("errors") if isinstance(data, Mapping) else None
    if not found:
        return []
    listed = found if isinstance(found, list) else [found]
    return [error if isinstance(error, Mapping) else {} for error in listed]


def block_of(error: Mapping[str, Any]) -> Block | None:
    """Where in its order an error lies: `("accounting", "receipts")`; None if in no optional block.

    A path leads through `ordersList.edges.N.node` or `order`; positions in lists are left out.
    """
    path = error.get("path")
    if not isinstance(path, list):
        return None
    names = tuple(str(part) for part in path if isinstance(part, str))
    inside = next(
        (
            names[len(head) :]
            for head in (("ordersList", "edges", "node"), ("order",))
            if names[: len(head)] == head
        ),
        (),
    )
    return inside if any(inside[: len(block)] == block for block in OPTIONAL) else None


@dataclass(frozen=True)
class Lack:
    """A block of an order that an error stood for; `code` is empty if the error has none."""

    block: Block
    code: str
    said: str

    @property
    def is_closed(self) -> bool:
        """True if the block is not for this account: asking again brings nothing."""
        return self.code == FORBIDDEN


# servers quote a value in quotation marks or braces; what has a digit or an @ may be one as well
_VALUES = re.compile(r"""(["'`]).*?\1|[{\[].*[}\]]|\S*[@\d]\S*""")


def lack_of(error: Mapping[str, Any]) -> Lack | None:
    """The block that an error stands for, None if it lies in no optional block.

    Blocks hold people, so the error's text is told without what may be a value.
    """
    block = block_of(error)
    if block is None:
        return None
    code = _code(error)
    return Lack(block, code, _VALUES.sub("…", _told(error, code)))


def refusal(data: Any) -> VendorError | None:
    """What a list `errors` means; None if only optional blocks of orders are missing.

    With HTTP 200 the key was accepted: what is forbidden then is the question (§1, surface 4), or
    the one record that the error's path names.
    """
    serious = [error for error in errors_of(data) if block_of(error) is None]
    if not serious:
        if errors_of(data) and not isinstance(data.get("data"), Mapping):
            return RetryLater("Qualia answered errors and no data; try the sync again later.")
        return None
    code = _code(serious[0])
    said = f"Qualia answered an error ({_told(serious[0], code)})"
    if code in ("UNAUTHORIZED", "UNAUTHENTICATED"):
        return AccountBroken(f"Qualia refused the credential ({code}); connect the account again.")
    if code == "INTERNAL_SERVER_ERROR":
        return RetryLater(f"{said}; try the sync again later.")
    if serious[0].get("path") in (["order"], ["companyContact"]):
        return RecordUnavailable(f"{said}: Qualia does not show the record.", reason="denied")
    if code == FORBIDDEN:
        return ResourceUnavailable(f"{said}: this account may not read it.", status="not_permitted")
    return ContractBroken(
        f"{said}: the question does not fit Qualia's schema; compare docs/vendors/qualia.md and "
        f"mend the query."
    )


def _code(error: Mapping[str, Any]) -> str:
    extensions = error.get("extensions")
    return str(extensions.get("code") or "") if isinstance(extensions, Mapping) else ""


def _told(error: Mapping[str, Any], code: str) -> str:
    message = error.get("message")
    text = " ".join(message.split())[:200].rstrip(".") if isinstance(message, str) else ""
    return text or code or "without a message"


DIALECT = Dialect(
    title="Qualia",
    authorize=authorize,
    # an integration speaks of 200 a minute, which nobody confirms (§2)
    rates={"default": Rate(limit=120, window=60.0, concurrent=4)},
    classify=classify,
    refusal=refusal,
    message=lambda data: next((_told(error, "") for error in errors_of(data)), None),
)


# -- questions -------------------------------------------------------------------------------------


@cache
def document(name: str, without: frozenset[str] = frozenset()) -> str:
    """The text of `queries/<name>.graphql`, with the order's fragments if it uses them.

    Blocks in `without` are taken out of the order, and with them the fragments that nothing else
    uses: a server refuses those.
    """
    text = (QUERIES / f"{name}.graphql").read_text("utf-8")
    if "...OrderFields" not in text:
        return text
    order, *fragments = (QUERIES / f"{FRAGMENTS}.graphql").read_text("utf-8").split("\n\n")
    for block in without:
        # a block is a line that closes itself, or all lines up to the brace below its name
        order = re.sub(rf"^  {block} {{(.*}}\n|\n(?:    .*\n)*?  }}\n)", "", order, flags=re.M)
    text += order
    while used := [part for part in fragments if f"...{_fragment(part)} " in text]:
        text += "\n\n" + "\n\n".join(used)
        fragments = [part for part in fragments if part not in used]
    return text


def _fragment(text: str) -> str:
    return text.split(maxsplit=2)[1]


def settings_of(reading: Reading) -> QualiaSettings:
    """The settings in their own type."""
    return cast(QualiaSettings, reading.settings)


def ask(
    api: Api, settings: VendorSettings, name: str, **variables: Any
) -> tuple[Any, list[Mapping[str, Any]]]:
    """The answer to `queries/<name>.graphql` under its only root field, and the errors beside it.

    Variables that are None are left out (§3.2). Raises `ContractBroken` if the field is not there.
    """
    own = cast(QualiaSettings, settings)
    if not own.base_url:
        raise VendorError(
            "Qualia's address is not set: every company has its own, so set "
            "BROKERAGE_QUALIA_BASE_URL to https://{subdomain}.qualia.io/api/platform/graphql."
        )
    given = {key: value for key, value in variables.items() if value is not None}
    text = document(name, own.left_out)
    body = {"query": text, "variables": given, "operationName": operation_of(name)}
    answer = api.post(own.base_url, body).data
    data = answer.get("data") if isinstance(answer, Mapping) else None
    field = root_field(name)
    if not isinstance(data, Mapping) or field not in data:
        raise ContractBroken(f"Qualia answered without '{field}'; compare docs/vendors/qualia.md.")
    return data[field], errors_of(answer)


def list_of(api: Api, settings: VendorSettings, name: str, **variables: Any) -> list[Any]:
    """The same where the answer has to be a list."""
    found, _ = ask(api, settings, name, **variables)
    if not isinstance(found, list):
        raise ContractBroken(
            f"Qualia answered '{root_field(name)}' that is no list; compare docs/vendors/qualia.md."
        )
    return found


def operation_of(name: str) -> str:
    """The name of the operation in `queries/<name>.graphql`."""
    return "".join(part.title() for part in name.split("_"))


_ROOTS = {
    "orders_list": "ordersList",
    "filter_probe": "ordersList",
    "order": "order",
    "order_ids": "orders",
    "users": "users",
    "company_ids": "companyContacts",
    "company": "companyContact",
}


def root_field(name: str) -> str:
    """The only root field of `queries/<name>.graphql`."""
    return _ROOTS[name]


# -- values ----------------------------------------------------------------------------------------


def moment(value: object) -> datetime | None:
    """An instant from ISO 8601, epoch milliseconds, or these as text (§2); None for anything else.

    Without a zone it is UTC.
    """
    if isinstance(value, str) and value.strip().lstrip("-").isdigit():
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return datetime.fromtimestamp(value / 1000, UTC)
    return moments.moment(value)
