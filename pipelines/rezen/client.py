"""What is peculiar to reZEN's HTTP: hosts per service, the key header, errors, page shapes.

A refused key answers 403 with an *empty* body everywhere; 403 with a wrapper speaks of one
record or resource (rezen.md §4). An empty one may still be a single service that is closed, so
`users/me` has the last word on the key (§16.4).
Pages are computed per request and are no snapshot (§3.2).
An OAuth access token is an API key that lives twelve hours. Its refresh token works once, and one
that is used again ends the whole grant (§2.3): renewals are one at a time, stored before use.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Literal, Self, cast
from urllib.parse import quote_plus, urlencode, urlsplit

import httpx
import orjson
from pydantic import Field, SecretStr, model_validator

from pipelines.common.account import Credentials
from pipelines.common.budget import Rate
from pipelines.common.entity import Row
from pipelines.common.errors import (
    AccountBroken,
    ContractBroken,
    CredentialExpired,
    ResourceUnavailable,
    RetryLater,
    VendorError,
)
from pipelines.common.http import Answer, Api, Dialect, Failure, Params, VendorSettings
from pipelines.common.oauth import Attempt, Form, OAuth
from pipelines.common.openid import discover, must_answer
from pipelines.common.reading import Reading

DEAL_PAGE = 100
DOWN_LINE_PAGE = 1000
SLOW_TIMEOUT = 60.0
"""Seconds for down-line and revenue share, which were seen to take 2 to 5 s per call (§4)."""

SCOPES = "openid profile email real.identity ACCOUNT_READ"
CODE_SECONDS = 60
"""How long the code of a consent may be traded in (§2.3)."""

_ISSUER_SETTING = "BROKERAGE_REZEN_OAUTH_BASE_URL"
_APP_SETTINGS = "BROKERAGE_REZEN_OAUTH_CLIENT_ID and BROKERAGE_REZEN_OAUTH_CLIENT_SECRET"
_KEY_CHECK = "/users/me"
_WRAPPER = "com.real.commons.apierror.ApiError"
_COMMON_ARRAYS = ("transactions", "results", "content", "items", "data")


class KeyDoubted(VendorError):
    """A refusal without a word: the key is dead, or what was asked for is closed to it."""


class Wordless(RetryLater):
    """One record is refused without a word, though the key works: nobody said that it is gone."""


class RezenSettings(VendorSettings):
    """Hosts per service, the OAuth app, and switches."""

    yenta_base_url: str = Field(
        "https://yenta.therealbrokerage.com/api/v1", description="agents, teams, network, caps"
    )
    arrakis_base_url: str = Field(
        "https://arrakis.therealbrokerage.com/api/v1",
        description="transactions, listings, revenue share",
    )
    plutus_base_url: str = Field("https://plutus.therealbrokerage.com/api/v1", description="equity")
    oauth_base_url: str = Field(
        "https://keymaker-oauth.therealbrokerage.com", description="the issuer of OAuth tokens"
    )
    oauth_client_id: str | None = Field(None, description="client id of the OAuth app")
    oauth_client_secret: SecretStr | None = Field(
        None, description="its secret; unset: the app is a public one, which has none"
    )
    webhooks_base_url: str | None = Field(
        None,
        description="where webhooks are subscribed to; no such service of reZEN is known (§9)",
    )
    equity: bool = Field(False, description="pull equity, whose shapes are the least proven")
    revshare_months: int = Field(
        24, ge=2, description="months of revenue-share totals that a first load reads at most"
    )
    requests_at_once: int = Field(
        8, ge=1, description="requests under way at the same time, all accounts"
    )
    requests_per_minute: int = Field(
        240,
        ge=6,
        description="requests per key and minute; no limit is published, raise it with care",
    )
    concurrent_requests: int = Field(2, ge=1, description="requests of one key at the same time")

    @model_validator(mode="after")
    def _own_rate(self) -> Self:
        rate = Rate(self.requests_per_minute // 6, 10.0, self.concurrent_requests)
        self.rates.setdefault("default", rate)
        return self


# -- credentials -----------------------------------------------------------------------------------


def _app(settings: VendorSettings) -> tuple[RezenSettings, str]:
    """The settings in their own type and the app's client id."""
    own = cast(RezenSettings, settings)
    if own.oauth_client_id is None:
        raise ContractBroken(
            f"reZEN allows an access to a registered app only; set {_APP_SETTINGS}."
        )
    return own, own.oauth_client_id


def _address(
    client: httpx.Client,
    own: RezenSettings,
    endpoint: Literal["authorization_endpoint", "token_endpoint", "revocation_endpoint"],
) -> str:
    """Told anew each time: a token is renewed twice a day, an address may move (§2.3)."""
    return discover(
        client,
        own.oauth_base_url,
        endpoint,
        title="reZEN",
        setting=_ISSUER_SETTING,
    )


def _post(
    client: httpx.Client,
    settings: VendorSettings,
    endpoint: Literal["token_endpoint", "revocation_endpoint"],
    form: Form,
) -> httpx.Response:
    """A form; a confidential app as Basic, a public one by its id in the form (§2.3)."""
    own, client_id = _app(settings)
    address = _address(client, own, endpoint)
    if own.oauth_client_secret is None:
        return client.post(address, data={**form, "client_id": client_id})
    secret = own.oauth_client_secret.get_secret_value()
    # form-encoded before they are joined: a colon in one of them would split them elsewhere
    return client.post(address, data=dict(form), auth=(quote_plus(client_id), quote_plus(secret)))


def _ask(client: httpx.Client, settings: VendorSettings, form: Form) -> httpx.Response:
    return _post(client, settings, "token_endpoint", form)


def _withdraw(
    client: httpx.Client, settings: VendorSettings, credentials: Credentials
) -> httpx.Response:
    """The refresh token goes, and with it every key that came of it (RFC 7009, §2.3)."""
    kind = "refresh_token" if credentials.get("refresh_token") else "access_token"
    form = {"token": credentials[kind], "token_type_hint": kind}
    return _post(client, settings, "revocation_endpoint", form)


def _consent(client: httpx.Client, settings: VendorSettings, attempt: Attempt) -> str:
    own, client_id = _app(settings)
    query = {
        "response_type": "code",
        "client_id": client_id,
        "redirect_uri": attempt.redirect_uri,
        "scope": SCOPES,
        "state": attempt.state,
        "nonce": attempt.nonce,
        "code_challenge": attempt.challenge,
        "code_challenge_method": "S256",
    }
    return f"{_address(client, own, 'authorization_endpoint')}?{urlencode(query)}"


def _issuer(settings: VendorSettings) -> str:
    return cast(RezenSettings, settings).oauth_base_url


def _proves(tokens: Mapping[str, Any], attempt: Attempt, settings: VendorSettings) -> None:
    own, client_id = _app(settings)
    must_answer(
        tokens.get("id_token"),
        issuer=own.oauth_base_url,
        client_id=client_id,
        nonce=attempt.nonce,
        title="reZEN",
    )


OAUTH = OAuth(
    vendor="rezen",
    title="reZEN",
    app_settings=_APP_SETTINGS,
    ask=_ask,
    consent=_consent,
    withdraw=_withdraw,
    pkce=True,
    issuer=_issuer,
    code_seconds=CODE_SECONDS,
    proves=_proves,
)


def authorize(credentials: Credentials, _settings: VendorSettings) -> Mapping[str, str]:
    """The key header; an OAuth access token is an API key too (§2.3).

    Raises `CredentialExpired` if an access token is about to end and can be renewed.
    """
    if "access_token" in credentials:
        return {"X-API-KEY": OAUTH.bearer(credentials)}
    return {"X-API-KEY": credentials.get("api_key", "")}


def renewable(credentials: Credentials) -> bool:
    """Whether the credential is a grant; a plain key ends when it ends."""
    return bool(credentials.get("refresh_token"))


# -- errors ----------------------------------------------------------------------------------------


def error_message(data: Any) -> str | None:
    """The sentence inside the wrapper; flat bodies are read by the common layer."""
    wrapped = data.get(_WRAPPER) if isinstance(data, Mapping) else None
    message = wrapped.get("message") if isinstance(wrapped, Mapping) else None
    return message if isinstance(message, str) else None


def classify(failure: Failure) -> VendorError | None:
    """Tell a refused key from a refused record, and a refused equity service from both.

    An empty 403 says which it is only at `users/me`; `get` asks there.
    """
    if "/equity/" in failure.path and failure.status in (401, 403, 404):
        return ResourceUnavailable(
            "reZEN's equity service does not answer this key; equity stays unread.",
            status="not_available" if failure.status == 404 else "not_permitted",
        )
    wordless = failure.status == 403 and not failure.body.strip()
    if wordless and not failure.path.endswith(_KEY_CHECK):
        return KeyDoubted(
            f"reZEN answered HTTP 403 and not a word to {failure.path}: the key is refused, or may "
            f"not read this; check the connection."
        )
    if wordless or failure.status == 401:
        return CredentialExpired(
            f"reZEN refused the API key (HTTP {failure.status}): it is unknown, revoked or "
            f"expired; connect the account again with a new key."
        )
    return None


DIALECT = Dialect(
    title="reZEN",
    authorize=authorize,
    # no published limit; the settings hold the contract's choice (§4)
    rates={"default": Rate(limit=40, window=10.0, concurrent=2)},
    classify=classify,
    message=error_message,
    exchange=OAUTH.exchange,
    renewable=renewable,
)


def get(
    reading: Reading,
    url: str,
    params: Params = (),
    *,
    single_record: bool = False,
    timeout: float | None = None,
) -> Answer:
    """Read one page or record, as `Api.get`.

    A wordless 403 breaks the account only if `users/me` is refused, too. That check renews an
    access token that is over, so the question is asked again before it counts as closed. Raises
    `Wordless` where that is one record.
    """

    def ask() -> Answer:
        return reading.api.get(url, params, single_record=single_record, timeout=timeout)

    try:
        return ask()
    except KeyDoubted:
        who_am_i(reading.api, settings_of(reading))
    try:
        return ask()
    except KeyDoubted as refused:
        said = (
            f"reZEN answered HTTP 403 and not a word to {urlsplit(url).path}, but takes the key "
            f"elsewhere:"
        )
        if single_record:
            raise Wordless(f"{said} what is stored of it stays.") from refused
        raise ResourceUnavailable(
            f"{said} this account may not read it.", status="not_permitted"
        ) from refused


# -- bodies ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Page:
    """One page: its rows, the vendor's total if it tells one, and whether another follows."""

    number: int
    rows: list[Row]
    total: int | None
    more: bool


@dataclass(frozen=True)
class Listing:
    """All pages of a list: its rows, the total that was announced first, and whether all came.

    A row that leaves while its list is paged pushes another over the page's edge (§3.2): then
    fewer different rows come than were announced at most, and none may be taken for gone.
    """

    rows: list[Row]
    total: int | None
    whole: bool


def listing_of(pages: Sequence[Page]) -> Listing:
    """Put the pages of a list together; a list that announces nothing counts as whole."""
    rows = [row for page in pages for row in page.rows]
    # sums have no id; two that are alike in everything are one that came twice
    different = {
        str(row["id"]) if row.get("id") else orjson.dumps(row, option=orjson.OPT_SORT_KEYS)
        for row in rows
    }
    announced = max((page.total or 0 for page in pages), default=0)
    return Listing(rows, pages[0].total if pages else None, len(different) >= announced)


def read_page(data: Any, array: str, *, number: int, size: int) -> Page:
    """Read an envelope whose array is called `array`, or a bare array (§3.2).

    Without `hasNext` a full page means that another may follow. Raises `ContractBroken` if there
    is no array at all: a renamed array must not look like an empty account.
    """
    if data is None:
        return Page(number, [], None, more=False)
    total: int | None = None
    has_next: Any = None
    if isinstance(data, Mapping):
        if isinstance(data.get("totalCount"), int):
            total = data["totalCount"]
        has_next = data.get("hasNext")
        data = _array_in(data, array)
    if not isinstance(data, list):
        raise ContractBroken(
            f"reZEN answered without the list '{array}'; compare docs/vendors/rezen.md with a "
            f"live answer."
        )
    more = has_next if isinstance(has_next, bool) else len(data) >= size
    # what is no object is refused as a row later, whole
    rows = [row if isinstance(row, dict) else {"value": row} for row in data]
    return Page(number, rows, total, more and bool(rows))


def _array_in(body: Mapping[str, Any], array: str) -> Any:
    for name in (array, *_COMMON_ARRAYS):
        if isinstance(body.get(name), list):
            return body[name]
    arrays = [value for value in body.values() if isinstance(value, list)]
    return arrays[0] if len(arrays) == 1 else None


@dataclass(frozen=True)
class Pager:
    """One paged list of one account."""

    reading: Reading
    url: str
    array: str
    params: Sequence[tuple[str, str]] = ()
    size: int = DEAL_PAGE
    timeout: float | None = None
    single_record: bool = False

    def page(self, number: int) -> Page:
        """Read the page of that number (from 0)."""
        params = [*self.params, ("pageNumber", str(number)), ("pageSize", str(self.size))]
        answer = get(
            self.reading,
            self.url,
            params,
            timeout=self.timeout,
            single_record=self.single_record,
        )
        return read_page(answer.data, self.array, number=number, size=self.size)

    def pages(self) -> Iterator[Page]:
        """Read page after page until the vendor says that there is no other."""
        number = 0
        while True:
            page = self.page(number)
            yield page
            if not page.more:
                return
            number += 1

    def listing(self) -> Listing:
        """Read all pages."""
        return listing_of(list(self.pages()))


def as_object(data: Any, what: str) -> Row:
    """The answer as an object; an empty answer is an empty object (§4, HTTP 204)."""
    if data is None:
        return {}
    if not isinstance(data, dict):
        raise ContractBroken(
            f"reZEN answered {what} with a {type(data).__name__} instead of an object; compare "
            f"docs/vendors/rezen.md with a live answer."
        )
    return data


def who_am_i(api: Api, settings: RezenSettings) -> Row:
    """The key check: the caller's agent object (§2.1). Raises `AccountBroken` if refused.

    The answer must be the agent that the account was connected as: a swapped key must not pour
    one agent's rows into another's.
    """
    me = as_object(api.get(f"{settings.yenta_base_url}{_KEY_CHECK}").data, "users/me")
    own = me.get("id")
    if not isinstance(own, str) or not own:
        raise ContractBroken("reZEN answered users/me without an id, so the key has no agent.")
    expected = api.account.account_source_id
    if expected is not None and expected != own:
        raise AccountBroken(
            "The reZEN key now belongs to another agent than the one that was connected; connect "
            "the account again with the agent's own key."
        )
    return me


def settings_of(reading: Reading) -> RezenSettings:
    """The settings in their own type."""
    return cast(RezenSettings, reading.settings)


def me_of(reading: Reading) -> Row:
    """The caller's agent object: as read in this sync, else asked for now."""
    me: Row | None = reading.handover.get("me", None)
    if me is None:
        me = who_am_i(reading.api, settings_of(reading))
        reading.handover.put("me", me)
    return me


def own_id(reading: Reading) -> str:
    """The agent id that all paths of the caller carry."""
    return reading.account.account_source_id or str(me_of(reading)["id"])


def epoch_ms(value: object) -> int | None:
    """An instant as epoch milliseconds; it may come as ms, s, numeric text or ISO (§3.1)."""
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return _iso_ms(str(value))
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value if abs(value) >= 1e11 else value * 1000)


def day_of(value: object) -> date | None:
    """The UTC day of an instant or date in any of the forms of `epoch_ms`."""
    moment = epoch_ms(value)
    return None if moment is None else datetime.fromtimestamp(moment / 1000, UTC).date()


def joined_on(me: Row) -> date | None:
    """The day the agent joined Real, if it is known."""
    return day_of(me.get("joinDate"))


def _iso_ms(text: str) -> int | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return int(moment.timestamp() * 1000)
