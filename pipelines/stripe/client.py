"""What is peculiar to Stripe's HTTP: the pinned version, the error envelope, lists by id cursor.

Every request names the API version, so that what is read has one shape whatever the account's
default is (stripe.md §1). Lists are newest first and know no total; the last id of a page leads to
the next one (§2).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from math import inf
from typing import Any, cast

import httpx
import orjson
from pydantic import Field

from pipelines.common.account import Credentials
from pipelines.common.budget import Rate
from pipelines.common.entity import Row
from pipelines.common.errors import (
    ContractBroken,
    RecordUnavailable,
    ResourceUnavailable,
    RetryLater,
    VendorError,
)
from pipelines.common.http import Api, Dialect, Failure, VendorSettings
from pipelines.common.reading import Reading

PAGE = 100
"""The largest page (§2)."""

Params = Sequence[tuple[str, str]]


class StripeSettings(VendorSettings):
    """Where Stripe is, and the version whose shapes the models have (§1)."""

    base_url: str = Field("https://api.stripe.com/v1", description="the API")
    api_version: str = Field(
        "2026-06-24.dahlia",
        description="version asked for with every request; the webhook endpoint's must be the same",
    )


def authorize(credentials: Credentials, settings: VendorSettings) -> Mapping[str, str]:
    """Bearer, and the version (§1)."""
    return {
        "Authorization": f"Bearer {credentials.get('api_key', '')}",
        "Stripe-Version": cast(StripeSettings, settings).api_version,
    }


def _error(data: Any) -> Mapping[str, Any]:
    """The object under `error` (§2), empty if there is none."""
    held = data.get("error") if isinstance(data, Mapping) else None
    return held if isinstance(held, Mapping) else {}


def message(data: Any) -> str | None:
    """What kind of error it is, and of which parameter: the sentence may quote a part of a key."""
    held = _error(data)
    parts = (held.get("code") or held.get("type"), held.get("param"))
    return " ".join(part for part in parts if isinstance(part, str)) or None


def _body(failure: Failure) -> Mapping[str, Any]:
    try:
        return _error(orjson.loads(failure.body))
    except orjson.JSONDecodeError:
        return {}


_PERMISSION = re.compile(r"\brak_[a-z0-9_]+")


def classify(failure: Failure) -> VendorError | None:
    """The statuses that mean something else than usual (§2).

    What does not exist is told by its code: as 404 by its own address, as 400 as a list's cursor.
    A 404 without that code is not Stripe's.
    """
    status, wish = failure.status, failure.headers.get("stripe-should-retry")
    details = ", ".join(filter(None, (failure.message, failure.headers.get("request-id"))))
    said = f"Stripe answered HTTP {status} to GET {failure.path}"
    said += f" ({details})" if details else ""
    if status in (httpx.codes.BAD_REQUEST, httpx.codes.NOT_FOUND):
        if _body(failure).get("code") == "resource_missing":
            return RecordUnavailable(f"{said}: the record is gone.", reason="missing")
        if status == httpx.codes.NOT_FOUND:
            return ContractBroken(
                f"{said} and does not say that a record is missing, so the address is wrong: check "
                f"BROKERAGE_STRIPE_BASE_URL."
            )
    if status == httpx.codes.FORBIDDEN:
        named = _PERMISSION.search(str(_body(failure).get("message")))
        lacks = f"the permission {named[0]}" if named else "the permission to read it"
        return ResourceUnavailable(
            f"{said}: the key lacks {lacks}; add it to the restricted key in Stripe's dashboard.",
            status="not_permitted",
        )
    if wish == "false" and (status == httpx.codes.CONFLICT or status >= 500):
        return RetryLater(
            f"{said} and asks not to be tried again at once; try the sync again later.",
            # longer than anybody waits: it is one record's failure, and of this sync
            retry_after=inf,
        )
    if status == httpx.codes.CONFLICT or (wish == "true" and status < 500 and status != 429):
        return RetryLater(f"{said}; nothing was changed, try the sync again later.")
    return None


DIALECT = Dialect(
    title="Stripe",
    authorize=authorize,
    # a tenth of what live keys may, and less than half of what test keys may (§2)
    rates={"default": Rate(limit=10, window=1.0, concurrent=4)},
    classify=classify,
    message=message,
    quoted_headers=("stripe-rate-limited-reason", "request-id"),
)


def settings_of(reading: Reading) -> StripeSettings:
    """The settings in their own type."""
    return cast(StripeSettings, reading.settings)


def rows_of(data: Any, path: str) -> tuple[list[Row], bool]:
    """The rows of a list, and whether there are more (§2).

    Raises `ContractBroken` if it is no list envelope.
    """
    rows = data.get("data") if isinstance(data, Mapping) else None
    has_more = data.get("has_more") if isinstance(data, Mapping) else None
    if not isinstance(rows, list) or not isinstance(has_more, bool):
        raise ContractBroken(
            f"Stripe answered /{path} with no list of its kind; compare docs/vendors/stripe.md."
        )
    return [row if isinstance(row, dict) else {"value": row} for row in rows], has_more


def id_of(row: Row) -> str | None:
    """The id of a row, None if it has none."""
    value = row.get("id")
    return value if isinstance(value, str) and value else None


@dataclass(frozen=True)
class Listing:
    """One list of one account with its fixed parameters."""

    api: Api
    base_url: str
    path: str
    params: Params = ()

    def pages(self, *more: tuple[str, str]) -> Iterator[list[Row]]:
        """All pages, newest first; `more` narrows the list.

        If the row that leads to the next page is deleted meanwhile, the list goes on from its
        second, so that rows of that second come twice.
        """
        rows, has_more = self._page(*more)
        yield rows
        while has_more:
            last = self._last(rows)
            try:
                rows, has_more = self._page(*more, ("starting_after", str(last["id"])))
            except RecordUnavailable:
                rows, has_more = self._page(*more, ("created[lte]", str(last.get("created"))))
            yield rows

    def _page(self, *more: tuple[str, str]) -> tuple[list[Row], bool]:
        params = [*self.params, *more, ("limit", str(PAGE))]
        return rows_of(self.api.get(f"{self.base_url}/{self.path}", params).data, self.path)

    def _last(self, rows: Sequence[Row]) -> Row:
        """The row that leads to the next page."""
        last = next((row for row in reversed(rows) if id_of(row)), None)
        if last is None:
            raise ContractBroken(
                f"Stripe answered /{self.path} with more pages but no id to go on from; compare "
                f"docs/vendors/stripe.md."
            )
        return last


def listing(reading: Reading, path: str, params: Params = ()) -> Listing:
    """A list of the account being read."""
    return Listing(reading.api, settings_of(reading).base_url, path, params)


def record(reading: Reading, path: str, key: str, params: Params = ()) -> Row | None:
    """One object by id; None if it is gone: not found, or only its tombstone left (§2)."""
    url = f"{settings_of(reading).base_url}/{path}/{key}"
    try:
        row = reading.api.get(url, params, single_record=True).data
    except RecordUnavailable:
        return None
    if not isinstance(row, dict):
        raise ContractBroken(
            f"Stripe answered /{path} with no object; compare docs/vendors/stripe.md."
        )
    return None if row.get("deleted") is True else row


def moment(value: object) -> datetime | None:
    """Unix seconds as an instant (§2); None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return datetime.fromtimestamp(value, UTC)


def as_text(instant: datetime) -> str:
    """An instant as the filters take it (§2)."""
    return str(int(instant.timestamp()))
