"""What is peculiar to Dotloop's HTTP: tokens that kill each other, batches, merged loops.

A renewal makes every earlier access token worthless at once (dotloop.md §1), so it happens in one
place only, `account.credentials.refresh`: locked, and stored before the new token is used.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Self, cast
from urllib.parse import urlencode

import httpx
from pydantic import Field, SecretStr, model_validator

from pipelines.common.account import Credentials
from pipelines.common.budget import Rate
from pipelines.common.entity import Row
from pipelines.common.errors import (
    ContractBroken,
    CredentialExpired,
    RecordUnavailable,
    RetryLater,
    VendorError,
)
from pipelines.common.http import Api, Dialect, Failure, VendorSettings
from pipelines.common.oauth import Attempt, Form, OAuth
from pipelines.common.reading import Reading

PACE = 80
"""Requests a minute; 100 are allowed to a user, and others may use the same account (§2)."""

SHORTEST_WAIT, LONGEST_WAIT = 1.0, 60.0
EPOCH = 10**10
"""A reset above this is no wait but a moment, in epoch milliseconds (§2)."""

CAPS = (50, 20)
"""Who asks for more may be given so many without a word: it is not the end of the list (§2)."""

REFUSED = "Dotloop refused the credential; connect the account again."

Params = Sequence[tuple[str, str]]


class DotloopSettings(VendorSettings):
    """Addresses, the registered app, and a switch."""

    base_url: str = Field("https://api-gateway.dotloop.com/public/v2", description="the API")
    auth_base_url: str = Field("https://auth.dotloop.com/oauth", description="OAuth")
    client_id: str | None = Field(None, description="client id of the registered app")
    client_secret: SecretStr | None = Field(None, description="its secret")
    requests_per_minute: int = Field(PACE, ge=1, description="requests per person and minute (§2)")
    activities: bool = Field(
        False, description="read what was done in a loop, which costs a request per loop (§3.8)"
    )

    @model_validator(mode="after")
    def _own_rate(self) -> Self:
        self.rates.setdefault("default", Rate(self.requests_per_minute, 60.0))
        return self


def _ask(client: httpx.Client, settings: VendorSettings, form: Form) -> httpx.Response:
    """Everything is in the query, the body is empty (§1)."""
    own = cast(DotloopSettings, settings)
    if own.client_id is None or own.client_secret is None:
        raise ContractBroken(
            "Dotloop's access cannot be renewed without the registered app; set "
            "BROKERAGE_DOTLOOP_CLIENT_ID and BROKERAGE_DOTLOOP_CLIENT_SECRET."
        )
    app = httpx.BasicAuth(own.client_id, own.client_secret.get_secret_value())
    return client.post(f"{own.auth_base_url}/token", params=dict(form), auth=app)


def _consent(_client: httpx.Client, settings: VendorSettings, attempt: Attempt) -> str:
    own = cast(DotloopSettings, settings)
    query = {
        "response_type": "code",
        "client_id": own.client_id or "",
        "redirect_uri": attempt.redirect_uri,
        "state": attempt.state,
        "redirect_on_deny": "true",
    }
    return f"{own.auth_base_url}/authorize?{urlencode(query)}"


def _withdraw(
    client: httpx.Client, settings: VendorSettings, credentials: Credentials
) -> httpx.Response:
    """The whole grant of a token ends; the app signs as for a token (§1)."""
    own = cast(DotloopSettings, settings)
    secret = own.client_secret.get_secret_value() if own.client_secret else ""
    return client.post(
        f"{own.auth_base_url}/token/revoke",
        params={"token": credentials["access_token"]},
        auth=httpx.BasicAuth(own.client_id or "", secret),
    )


OAUTH = OAuth(
    vendor="dotloop",
    title="Dotloop",
    app_settings="BROKERAGE_DOTLOOP_CLIENT_ID and BROKERAGE_DOTLOOP_CLIENT_SECRET",
    ask=_ask,
    consent=_consent,
    withdraw=_withdraw,
    refused=REFUSED,
    sends_state=True,
)


class Elsewhere(RecordUnavailable):
    """A record is at another address, to which nobody went: not on our host, or a loop."""

    def __init__(self, sentence: str, location: str) -> None:
        super().__init__(sentence, reason="missing")
        self.location = location


def authorize(credentials: Credentials, _settings: VendorSettings) -> Mapping[str, str]:
    """The Bearer header. Raises `CredentialExpired` if there is no token, or none that lasts."""
    return {"Authorization": f"Bearer {OAUTH.bearer(credentials)}"}


def classify(failure: Failure) -> VendorError | None:
    """Bodies of errors are not documented, so only the status counts (§2)."""
    if failure.status == httpx.codes.UNAUTHORIZED:
        return CredentialExpired(REFUSED)
    location = failure.headers.get("location")
    if failure.single_record and location and 300 <= failure.status < 400:
        return Elsewhere(
            f"Dotloop answered HTTP {failure.status} to GET {failure.path}: the record is "
            f"elsewhere.",
            location,
        )
    reset = _wait(failure.headers.get("x-ratelimit-reset", ""))
    if failure.status == httpx.codes.TOO_MANY_REQUESTS and reset is not None:
        return RetryLater(
            f"Dotloop answered HTTP 429 to GET {failure.path}: the rate limit is used up; try the "
            f"sync again later.",
            retry_after=reset,
            limited=True,
        )
    return None


def _wait(text: str) -> float | None:
    """Seconds until the window ends: sent as milliseconds, or as the moment in epoch ms (§2)."""
    if not text.strip().isdigit():
        return None
    value = int(text)
    seconds = value / 1000 - (time.time() if value > EPOCH else 0)
    return min(max(seconds, SHORTEST_WAIT), LONGEST_WAIT)


def limits(headers: Mapping[str, str]) -> tuple[int | None, int | None]:
    """The live limit, if it is lower than our pace, and what is left of it (§2)."""
    limit, remaining = (
        int(text) if (text := headers.get(name, "").strip()).isdigit() else None
        for name in ("x-ratelimit-limit", "x-ratelimit-remaining")
    )
    # a higher one does not quicken the pace: others may use the account
    return limit if limit is not None and limit < PACE else None, remaining


DIALECT = Dialect(
    title="Dotloop",
    authorize=authorize,
    rates={"default": Rate(limit=PACE, window=60.0)},
    classify=classify,
    # what an error's body says is not documented, and may be personal
    message=lambda _data: "",
    limit_headers=limits,
    exchange=OAUTH.exchange,
)


def settings_of(reading: Reading) -> DotloopSettings:
    """The settings in their own type."""
    return cast(DotloopSettings, reading.settings)


def data_of(answer: Any, path: str) -> Any:
    """What is in the envelope (§2). Raises `ContractBroken` if there is none."""
    if isinstance(answer, Mapping) and "data" in answer:
        return answer["data"]
    raise ContractBroken(
        f"Dotloop answered {path} without 'data'; compare docs/vendors/dotloop.md."
    )


def object_of(api: Api, url: str) -> Row:
    """The one object at an address. Raises `RecordUnavailable` if it is gone or not ours."""
    path = httpx.URL(url).path
    found = data_of(api.get(url, single_record=True).data, path)
    if not isinstance(found, dict):
        raise ContractBroken(
            f"Dotloop answered {path} with no object; compare docs/vendors/dotloop.md."
        )
    return found


def rows_of(answer: Any, path: str) -> list[Row]:
    """The rows in the envelope of a list; its `meta.total` is not to be believed (§2)."""
    rows = data_of(answer, path)
    if not isinstance(rows, list):
        raise ContractBroken(
            f"Dotloop answered {path} with no list; compare docs/vendors/dotloop.md."
        )
    # what is no object is refused as a row later, whole
    return [row if isinstance(row, dict) else {"value": row} for row in rows]


def list_of(api: Api, url: str, params: Params = (), *, single_record: bool = False) -> list[Row]:
    """A list, or one batch of it."""
    answer = api.get(url, params, single_record=single_record)
    return rows_of(answer.data, httpx.URL(url).path)


def batch(number: int, size: int) -> tuple[tuple[str, str], ...]:
    """The parameters of one batch; numbers begin with 1."""
    return ("batch_number", str(number)), ("batch_size", str(size))


def granted(most: int, asked: int) -> int:
    """The size of the batches that are given, told by the fullest one of a list."""
    return most if most in CAPS and most < asked else asked


def batches(
    api: Api, url: str, size: int, params: Params = (), *, single_record: bool = False
) -> Iterator[list[Row]]:
    """The batches of a list, the last of which is not full (§2)."""
    for number in itertools.count(1):
        rows = list_of(api, url, (*params, *batch(number, size)), single_record=single_record)
        yield rows
        if number == 1:
            size = granted(len(rows), size)
        if len(rows) < size:
            return


def id_of(row: Row) -> str | None:
    """The id of a row as text, None if it has none that makes sense."""
    value = row.get("id")
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    return str(value) or None
