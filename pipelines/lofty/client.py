"""What is peculiar to Lofty's HTTP: two schemes, codes inside bodies, envelopes of many forms.

An API key goes with the scheme `token`, an OAuth token with `Bearer`; the wrong one is a 400
(lofty.md §1). An access token is replaced while a fifth of its life remains, and once after a
refusal; both tokens are stored before they are used (§11). Error codes come as numbers or names, in
an object or in a bare string, and at times with HTTP 200 (§2.1, §2.4).
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, Self, cast
from urllib.parse import urlencode

import httpx
import orjson
from pydantic import Field, SecretStr, model_validator

from pipelines.common.account import Account, Credentials
from pipelines.common.budget import Rate
from pipelines.common.entity import Row
from pipelines.common.errors import (
    AccountBroken,
    ContractBroken,
    CredentialExpired,
    RecordUnavailable,
    ResourceUnavailable,
    RetryLater,
    VendorError,
)
from pipelines.common.http import Dialect, Failure, VendorSettings, rate_limit_headers
from pipelines.common.oauth import Attempt, Form, OAuth
from pipelines.common.reading import Reading

PAGE = 100
"""The largest page of leads and transactions (§3.1, §5.3)."""

WINDOW = 60.0
"""Seconds of a rate window (§2.3)."""

CONCURRENT = 4
LONGEST_WAIT = 120.0

Params = Sequence[tuple[str, str]]
TokenEndpoint = Literal["crm", "api"]


class LoftySettings(VendorSettings):
    """Addresses, the OAuth app, and what costs a call per lead."""

    base_url: str = Field("https://api.lofty.com", description="the API, without a version")
    oauth_base_url: str = Field("https://crm.lofty.com", description="OAuth's own host (§1.2)")
    consent_url: str = Field(
        "https://lofty.com/page/vendor-auth.html", description="where a person allows the access"
    )
    oauth_client_id: str | None = Field(None, description="client id of the OAuth app")
    oauth_client_secret: SecretStr | None = Field(None, description="its secret")
    oauth_endpoint: TokenEndpoint = Field(
        "crm",
        description="whose token endpoint is asked first: crm (secret as Basic) or api (secret in "
        "the form); the other one is asked when it answers 404",
    )
    lead_details: bool = Field(
        False,
        description="read site activity, notes, tasks, appointments, calls, system logs and "
        "commissions, a call each per changed lead",
    )
    requests_per_minute: int = Field(
        10, ge=1, description="requests per key and minute until the vendor's headers tell (§2.3)"
    )

    @model_validator(mode="after")
    def _own_rate(self) -> Self:
        self.rates.setdefault("default", Rate(self.requests_per_minute, WINDOW, CONCURRENT))
        return self


# -- credentials -----------------------------------------------------------------------------------


def _ask(client: httpx.Client, settings: VendorSettings, form: Form) -> httpx.Response:
    """One of two endpoints, and the other one when the first does not exist (§1.2)."""
    own = cast(LoftySettings, settings)
    other: TokenEndpoint = "api" if own.oauth_endpoint == "crm" else "crm"
    response = _ask_at(client, own, form, own.oauth_endpoint)
    if response.status_code == httpx.codes.NOT_FOUND:
        response = _ask_at(client, own, form, other)
    return response


def _ask_at(
    client: httpx.Client, own: LoftySettings, form: Form, endpoint: TokenEndpoint
) -> httpx.Response:
    secret = own.oauth_client_secret.get_secret_value() if own.oauth_client_secret else ""
    app = own.oauth_client_id or ""
    if endpoint == "crm":
        url = f"{own.oauth_base_url}/api/user-web/oauth/token"
        return client.post(url, data=dict(form), auth=(app, secret))
    secrets = {"client_id": app, "client_secret": secret}
    return client.post(f"{own.base_url}/oauth/token", data={**form, **secrets})


def _consent(_client: httpx.Client, settings: VendorSettings, attempt: Attempt) -> str:
    own = cast(LoftySettings, settings)
    query = {
        "clientId": own.oauth_client_id or "",
        "redirect_uri": attempt.redirect_uri,
        "state": attempt.state,
    }
    return f"{own.consent_url}?{urlencode(query)}"


def _tokens(body: Any) -> Any:
    return None if refusal(body) is not None else unwrapped(body)


OAUTH = OAuth(
    vendor="lofty",
    title="Lofty",
    app_settings="BROKERAGE_LOFTY_OAUTH_CLIENT_ID and BROKERAGE_LOFTY_OAUTH_CLIENT_SECRET",
    ask=_ask,
    consent=_consent,
    key_owner="an owner or admin",
    unwrap=_tokens,
    share_left=0.2,
    grant_life=timedelta(days=180),
)


def authorize(credentials: Credentials, _settings: VendorSettings) -> Mapping[str, str]:
    """The scheme that goes with the credential, and the type that GETs want as well (§0).

    Raises `CredentialExpired` if an access token is about to end and can be renewed.
    """
    if "access_token" in credentials:
        scheme = f"Bearer {OAUTH.bearer(credentials)}"
    else:
        scheme = f"token {credentials.get('api_key', '')}"
    return {"Authorization": scheme, "Content-Type": "application/json"}


# -- errors ----------------------------------------------------------------------------------------

_EXPIRED = frozenset({"20004", "BAD_CREDENTIALS"})
_WRONG_SCHEME = "200058"
_FORBIDDEN = frozenset(
    {
        *("20017", "PERMISSION_DENIED", "200100", "VENDOR_HAS_NO_PERMISSION"),
        *("ACCESS_ALL_TEAM_LEADS", "NO_ACCESS_WEBSITE"),
    }
)
_OUT_OF_SCOPE = frozenset({"200100", "VENDOR_HAS_NO_PERMISSION"})
"""The app or key may not ask this path at all, whichever record it names (§2.4)."""

_NOBODY = frozenset({"20003", "USER_NOT_EXIST"})
_MISSING = frozenset(
    {*_NOBODY, "20006", "LEAD_NOT_EXIST", "200060", "TRANSACTION_NOT_EXIST"}
)  # fmt: skip
_SERVER = "20005"
_OVERSIZED = frozenset({"20042", "LIMIT_NOT_VALID", "LIMIT_PARAM_OVERSIZE"})
_NAMED = re.compile(r"\b[A-Z]+(?:_[A-Z]+)+\b")
_EMBEDDED = re.compile(r"errorCode\s*[=:]\s*\"?(\w+)")


class LimitRefused(ContractBroken):
    """The list does not give pages of that size (§4.1)."""


class NobodyThere(ResourceUnavailable):
    """How an empty list of members is told (§4.1)."""


def _parsed(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return None


def code_of(body: Any) -> str | None:
    """The vendor's code in an error body of any form: a number as text, or a name (§2.4)."""
    if isinstance(body, Mapping):
        for name in ("code", "errorCode"):
            value = body.get(name)
            if isinstance(value, int | str) and not isinstance(value, bool) and value != "":
                return str(value)
        body = body.get("message")
    if not isinstance(body, str):
        return None
    found = _EMBEDDED.search(body)
    if found:
        return found[1]
    named = _NAMED.search(body)
    return named[0] if named else None


def message(body: Any) -> str:
    """What may be told of an error: its code. The text may name people, or Java classes."""
    code = code_of(body)
    return f"code {code}" if code and re.fullmatch(r"\w{1,40}", code) else ""


def refusal(body: Any) -> int | None:
    """The status that a success with another code than 0 stands for (§2.1); None if it is one."""
    if not isinstance(body, Mapping) or body.get("code") in (None, 0, "0", ""):
        return None
    code = str(body["code"])
    if code in _EXPIRED:
        return httpx.codes.UNAUTHORIZED
    if code in _FORBIDDEN:
        return httpx.codes.FORBIDDEN
    if code in _MISSING:
        return httpx.codes.NOT_FOUND
    return httpx.codes.INTERNAL_SERVER_ERROR if code == _SERVER else httpx.codes.BAD_REQUEST


def classify(failure: Failure) -> VendorError | None:
    """What the status alone does not tell (§2.3, §2.4)."""
    code = code_of(_parsed(failure.body))
    said = failure.message or f"HTTP {failure.status}"
    whose = failure.path.endswith("/v1.0/me")
    if failure.status == httpx.codes.TOO_MANY_REQUESTS:
        return RetryLater(
            f"Lofty answered HTTP 429 to GET {failure.path}: the rate limit is used up; try the "
            f"sync again later.",
            retry_after=_wait(failure.headers),
            limited=True,
        )
    if code in _EXPIRED or failure.status == httpx.codes.UNAUTHORIZED:
        return CredentialExpired(
            "Lofty refused the credential (HTTP 401); connect the account again."
        )
    if code == _WRONG_SCHEME:
        return AccountBroken(
            f"Lofty knows nobody by this credential ({said}): an API key was kept as an OAuth "
            f"token, or the other way round; connect the account again."
        )
    if code in _FORBIDDEN or failure.status == httpx.codes.FORBIDDEN:
        return _forbidden(failure, said, whose=whose, one=code not in _OUT_OF_SCOPE)
    if whose and failure.status == httpx.codes.NOT_FOUND:
        return ContractBroken(
            f"Lofty does not know GET {failure.path}, so the address is wrong: check "
            f"BROKERAGE_LOFTY_BASE_URL."
        )
    if code in _NOBODY and not failure.single_record:
        return NobodyThere(f"Lofty shows nobody ({said}).", status="not_available")
    if failure.status == httpx.codes.BAD_REQUEST and code in _OVERSIZED:
        return LimitRefused(
            f"Lofty refuses the page size of GET {failure.path} ({said}); compare "
            f"docs/vendors/lofty.md."
        )
    return None


def _forbidden(failure: Failure, said: str, *, whose: bool, one: bool) -> VendorError:
    """`one` is False if the refusal is that of the path and not of the record."""
    if whose:
        return AccountBroken(
            f"Lofty does not let this credential see whose it is ({said}); connect the account "
            f"again with a key of an owner or admin."
        )
    if failure.single_record and one:
        return RecordUnavailable(
            f"Lofty does not show {failure.path} to this account ({said}).", reason="denied"
        )
    return ResourceUnavailable(
        f"This Lofty account may not read {failure.path} ({said}).", status="not_permitted"
    )


def _wait(headers: Mapping[str, str]) -> float:
    """Seconds by `Retry-After`, else until `X-RateLimit-Reset`, else a whole window (§2.3).

    Reset is described as an epoch in seconds and was seen as a countdown; which one it is shows in
    its size.
    """
    after = _figure(headers.get("retry-after"))
    if after is not None:
        return max(1.0, after)
    reset = _figure(headers.get("x-ratelimit-reset"))
    if reset is None:
        return WINDOW
    if reset > 1e9:
        left = reset - time.time()
    else:
        left = reset / 1000 if reset > WINDOW else reset
    return min(max(1.0, left), LONGEST_WAIT)


def _figure(text: str | None) -> float | None:
    digits = (text or "").strip()
    return float(digits) if digits.replace(".", "", 1).isdigit() else None


def budget_key(account: Account, credentials: Credentials) -> str:
    """A key has a limit of its own; all OAuth accounts share that of the app (§2.3)."""
    return "OAuth app" if "access_token" in credentials else account.connection_id


DIALECT = Dialect(
    title="Lofty",
    authorize=authorize,
    # an API key's; the headers of the first answer raise it for OAuth apps (§2.3)
    rates={"default": Rate(limit=10, window=WINDOW, concurrent=CONCURRENT)},
    classify=classify,
    message=message,
    limit_headers=rate_limit_headers,
    exchange=OAUTH.exchange,
    refusal=refusal,
    budget_key=budget_key,
)


# -- bodies ----------------------------------------------------------------------------------------


def unwrapped(body: Any) -> Any:
    """The data inside `{code: 0, message, data}`, which one integration reports (§2.1)."""
    if isinstance(body, Mapping) and "code" in body and "data" in body:
        return body["data"]
    return body


def rows_of(body: Any, path: str, *names: str) -> list[Row]:
    """The rows under the first of the names that is there, or of a bare array.

    Raises `ContractBroken` if there is no list: a renamed one must not look like an empty account.
    """
    held: Any = unwrapped(body)
    if isinstance(held, Mapping):
        held = next((held[name] for name in names if name in held), None)
    if not isinstance(held, list):
        wanted = f"a list '{names[0]}'" if names else "a list"
        raise ContractBroken(
            f"Lofty answered {path} without {wanted}; compare docs/vendors/lofty.md."
        )
    return [row if isinstance(row, dict) else {"value": row} for row in held]


def metadata_of(body: Any) -> Mapping[str, Any]:
    """`_metadata`; the vendor's own description calls it `get_metadata` (§2.1)."""
    held = unwrapped(body)
    if isinstance(held, Mapping):
        for name in ("_metadata", "get_metadata"):
            if isinstance(held.get(name), Mapping):
                return cast(Mapping[str, Any], held[name])
    return {}


def count_of(value: Any) -> int | None:
    """A count, None for anything else."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def settings_of(reading: Reading) -> LoftySettings:
    """The settings in their own type."""
    return cast(LoftySettings, reading.settings)


def get(reading: Reading, path: str, params: Params = (), *, single_record: bool = False) -> Any:
    """The parsed body of one GET below the base URL."""
    url = f"{settings_of(reading).base_url}/{path}"
    return reading.api.get(url, params, single_record=single_record).data


# -- values ----------------------------------------------------------------------------------------


def moment(value: object) -> datetime | None:
    """An instant in any of the vendor's forms (§2.2), in UTC; None for blanks and sentinels.

    `2026-02-03T04:05:06GMT`, `2026-02-03 04:05:06` (UTC), ISO with an offset, epoch milliseconds;
    epoch seconds, too, which only credentials may hold.
    """
    if isinstance(value, str):
        text = value.strip().removesuffix("GMT")
        if not text.lstrip("-").isdigit():
            return _iso(text)
        value = int(text)
    if isinstance(value, bool) or not isinstance(value, int) or value <= 0:
        return None
    try:
        return datetime.fromtimestamp(value / 1000 if value >= 1e11 else value, UTC)
    except (OverflowError, ValueError, OSError):
        return None


def _iso(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)


def id_of(row: Row, name: str) -> str | None:
    """An id of a row as text, None if it has none."""
    value = row.get(name)
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    return str(value) or None
