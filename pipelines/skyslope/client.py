"""What is peculiar to SkySlope: the signed login, the session, bodies that are no clean JSON.

A user's keys sign a login, and the login gives a session of about two hours (skyslope.md §1). There
is no renewal: whoever has no session, or an old one, logs in again. The session is kept with the
credentials, encrypted, so that a sync every fifteen minutes does not log in each time.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import time
from base64 import b64encode
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import httpx
import orjson
from pydantic import Field

from pipelines.common import moments
from pipelines.common.account import Credentials
from pipelines.common.budget import Rate
from pipelines.common.entity import Row
from pipelines.common.errors import (
    AccountBroken,
    ContractBroken,
    CredentialExpired,
    RetryLater,
    VendorError,
)
from pipelines.common.http import Api, Dialect, Failure, VendorSettings
from pipelines.common.oauth import ask_sign_in
from pipelines.common.reading import Reading

RENEW_BEFORE = timedelta(minutes=5)
"""A session is replaced so long before its end, of a short life after half of it (§1.2)."""

LIFE = timedelta(hours=2)
SHORTEST_LIFE = timedelta(minutes=1)
"""An end that is nearer says that its form was misread: a session is not over when it begins."""

THROTTLED_WAIT = 10.0
FEED_PATIENCE = 10
"""How many times longer than other answers the feed may take: it is large and slow (§3.1)."""


class SkyslopeSettings(VendorSettings):
    """Where SkySlope is; the same paths answer on both of its hosts (§0)."""

    base_url: str = Field(
        "https://api-latest.skyslope.com",
        description="the API (the older host `https://api.skyslope.com` answers alike)",
    )


def signature(client_id: str, client_secret: str, access_secret: str, timestamp: str) -> str:
    """The signature of a login (§1.2): only the login is signed, with the secret as it is."""
    message = f"{client_id}:{client_secret}:{timestamp}".encode()
    return b64encode(hmac.digest(access_secret.encode(), message, hashlib.sha256)).decode()


def authorize(credentials: Credentials, _settings: VendorSettings) -> Mapping[str, str]:
    """The session header. Raises `CredentialExpired` if there is none or it is to be replaced."""
    session = credentials.get("session")
    renew_at = moments.moment(credentials.get("session_renew_at"))
    if not session or renew_at is None or renew_at <= datetime.now(UTC):
        raise CredentialExpired(
            "SkySlope refused the credential (HTTP 401); connect the account again."
        )
    return {"Session": session}


def exchange(
    client: httpx.Client, credentials: Credentials, settings: VendorSettings
) -> Credentials:
    """Log in.

    Raises `AccountBroken` if the keys are refused, `RetryLater` if nobody answers now,
    `ContractBroken` if the host answers otherwise, which says nothing about the account.
    """
    own = cast(SkyslopeSettings, settings)
    try:
        client_id, client_secret, access_key, access_secret = (
            credentials[name]
            for name in ("client_id", "client_secret", "access_key", "access_secret")
        )
    except KeyError as error:
        raise AccountBroken(
            f"The SkySlope credential lacks the {str(error)[1:-1].replace('_', ' ')}; connect the "
            f"account again."
        ) from error
    stamp = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    signed = signature(client_id, client_secret, access_secret, stamp)
    response = ask_sign_in(
        lambda: client.post(
            f"{own.base_url}/auth/login",
            json={"ClientId": client_id, "ClientSecret": client_secret},
            headers={"Timestamp": stamp, "Authorization": f"SS {access_key}:{signed}"},
        ),
        "SkySlope's login",
    )
    return {**credentials, **_session(response)}


def _session(response: httpx.Response) -> dict[str, str]:
    status = response.status_code
    if status in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
        raise AccountBroken(
            f"SkySlope refused the credential (HTTP {status}); connect the account again."
        )
    if not response.is_success:
        raise ContractBroken(
            f"SkySlope's login answered HTTP {status}; check BROKERAGE_SKYSLOPE_BASE_URL and "
            f"compare docs/vendors/skyslope.md."
        )
    try:
        body = orjson.loads(response.content)
    except orjson.JSONDecodeError:
        body = None
    if not isinstance(body, dict) or not isinstance(body.get("Session"), str):
        raise ContractBroken(
            "SkySlope's login answered without a session; compare docs/vendors/skyslope.md."
        )
    renew_at = _renew_at(moments.moment(body.get("Expiration")))
    return {"session": body["Session"], "session_renew_at": renew_at.isoformat()}


def _renew_at(ends: datetime | None) -> datetime:
    """When a new session is replaced. The form of its end is not documented (§1.2)."""
    now = datetime.now(UTC)
    life = ends - now if ends is not None else timedelta()
    if life < SHORTEST_LIFE:
        # whoever trusts it too long gets a 401, and logs in again
        life = LIFE
    return now + life - min(RENEW_BEFORE, life / 2)


def classify(failure: Failure) -> VendorError | None:
    """429 and 503 both mean 'too fast' (§2.3); how long to wait is said in one of three ways."""
    if failure.status not in (httpx.codes.TOO_MANY_REQUESTS, httpx.codes.SERVICE_UNAVAILABLE):
        return None
    said = f" ({failure.message})" if failure.message else ""
    return RetryLater(
        f"SkySlope answered HTTP {failure.status} to GET {failure.path}{said}: the rate limit is "
        f"used up; try the sync again later.",
        retry_after=_wait(failure.headers),
        limited=True,
    )


def _wait(headers: Mapping[str, str]) -> float:
    """Seconds by `Retry-After`, else until `x-ratelimit-reset` (Unix seconds), else ten (§2.4)."""
    after = headers.get("retry-after", "").strip()
    if after.isdigit():
        return max(1.0, float(after))
    reset = headers.get("x-ratelimit-reset", "").strip()
    if reset.isdigit():
        return min(max(1.0, float(reset) - time.time()), 120.0)
    return THROTTLED_WAIT


_CONTROL = bytes(code for code in range(32) if code not in b"\t\n\r")
_BOM = b"\xef\xbb\xbf"
_BETWEEN_LINES = re.compile(rb"\}\s*[\r\n]\s*\{")

STREAM = "stream"
"""What `decode` calls the objects of a body that only follow each other."""


def decode(body: bytes) -> bytes:
    """A body as clean JSON: no mark at its start, no control characters, one value (§2.2, §3.1).

    The feed streams in one of three shapes; objects that only follow each other, with commas or
    line breaks between them, come as `{"stream": [...]}`. Half an object stays broken.
    """
    clean = body.removeprefix(_BOM).translate(None, _CONTROL)
    if clean.lstrip()[:1] != b"{":
        return clean
    try:
        orjson.loads(clean)
    except orjson.JSONDecodeError:
        # no text holds a line break, so this one is between two objects
        objects = _BETWEEN_LINES.sub(b"},{", clean.strip(b", \t\r\n"))
        return b'{"%s":[%s]}' % (STREAM.encode(), objects)
    return clean


DIALECT = Dialect(
    title="SkySlope",
    authorize=authorize,
    # no number is published: one request at a time, 0.3 s apart, as careful clients do (§2.4)
    rates={"default": Rate(limit=1, window=0.3, concurrent=1)},
    classify=classify,
    exchange=exchange,
    decode=decode,
)


def settings_of(reading: Reading) -> SkyslopeSettings:
    """The settings in their own type."""
    return cast(SkyslopeSettings, reading.settings)


def value_of(data: Any, noun: str, path: str) -> Any:
    """What is under `value.<noun>` (§2.1). Raises `ContractBroken` if it is not there."""
    value = data.get("value") if isinstance(data, Mapping) else None
    if isinstance(value, Mapping) and noun in value:
        return value[noun]
    raise ContractBroken(
        f"SkySlope answered {path} without '{noun}'; compare docs/vendors/skyslope.md."
    )


def list_of(api: Api, url: str, noun: str, params: Mapping[str, str] | None = None) -> list[Row]:
    """An unpaged list."""
    path = httpx.URL(url).path
    rows = value_of(api.get(url, params or {}).data, noun, path)
    if not isinstance(rows, list):
        raise ContractBroken(
            f"SkySlope answered {path} with '{noun}' that is no list; compare "
            f"docs/vendors/skyslope.md."
        )
    return [row if isinstance(row, dict) else {"value": row} for row in rows]


def moment(value: object) -> datetime | None:
    """An instant without a zone, read as UTC (§2.2); None for the year 1 and for rubbish."""
    if isinstance(value, str) and value.startswith("0001-"):
        return None
    return moments.moment(value)


def as_text(instant: datetime) -> str:
    """An instant as the filters take it (§3.1)."""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")
