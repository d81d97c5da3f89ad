"""One HTTP layer for all vendors: auth, budgets, time-outs, retries, classification, counting.

A vendor folder gives a `Dialect` (how to authenticate, which limits hold, how to read an error);
everything else is here. Bodies are read whole (pages are at most a few MB) and parsed once.
"""

from __future__ import annotations

import logging
import random
import ssl
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx
import orjson
from pydantic import BaseModel, Field, ValidationInfo, field_validator
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt

from pipelines.common.account import Account, Credentials
from pipelines.common.budget import Budgets, Clock, Rate, SystemClock
from pipelines.common.errors import (
    AccountBroken,
    ContractBroken,
    CredentialExpired,
    RecordUnavailable,
    ResourceUnavailable,
    RetryLater,
    VendorError,
)

Params = Sequence[tuple[str, str]] | Mapping[str, str]

for _name in ("httpx", "httpcore"):
    # they log whole addresses and headers, and in these travel tokens
    logging.getLogger(_name).setLevel(logging.WARNING)

_FORM = "application/x-www-form-urlencoded"

MOST_HOPS = 3
"""Redirections that are followed, where they are; more are a loop."""


class VendorSettings(BaseModel):
    """What every vendor's settings have; vendor folders add base URLs and switches."""

    timeout_seconds: float = Field(30.0, description="seconds until a request is given up")
    max_attempts: int = Field(4, description="tries of one request before its entity fails")
    backoff_seconds: float = Field(1.0, description="first pause before a retry; doubles each time")
    max_backoff_seconds: float = Field(60.0, description="longest pause before a retry")
    limited_attempts: int = Field(8, description="tries of one request that meets HTTP 429")
    max_wait_seconds: float = Field(
        300.0, description="longest Retry-After that is waited for; a longer one fails the entity"
    )
    workers: int = Field(12, description="(account, entity) pairs read at the same time")
    page_workers: int = Field(12, description="pages read ahead at the same time, all accounts")
    requests_at_once: int = Field(
        24, ge=1, description="requests under way at the same time, all accounts"
    )
    user_agent: str = Field("brokerage-data-platform/1", description="User-Agent of every request")
    rates: dict[str, Rate] = Field(
        default_factory=dict, description="budgets by context that replace the contract's"
    )

    @field_validator("*")
    @classmethod
    def _addresses(cls, value: Any, info: ValidationInfo) -> Any:
        if not value or not (info.field_name or "").endswith("base_url"):
            return value
        parts = urlsplit(str(value))
        if parts.scheme not in {"http", "https"} or not parts.netloc:
            raise ValueError("is not an http(s) address")
        return str(value).rstrip("/")


@dataclass(frozen=True)
class Answer:
    """A successful answer: the parsed JSON (None for an empty body) and the headers."""

    status: int
    data: Any
    headers: Mapping[str, str]
    url: str


@dataclass(frozen=True)
class Failure:
    """What a dialect sees of an unsuccessful answer; `message` is the vendor's own sentence."""

    status: int
    message: str
    body: bytes
    headers: Mapping[str, str]
    path: str
    single_record: bool


@dataclass(frozen=True)
class Dialect:
    """What is peculiar to one vendor's HTTP.

    `authorize` turns a credential into headers. `classify` may answer an error of its own for a
    failure, or None to take the common reading. `rates` are the contract's limits by context and
    need a `default`. `limit_headers` reads the vendor's live figures (limit, remaining).
    `quoted_headers` are those whose values belong into an error, such as a request id.
    `refusal` finds an error in the body of a successful answer: the error itself (GraphQL says them
    with HTTP 200), or the HTTP status that it stands for.
    `exchange` renews an expired credential (`authorize` may raise `CredentialExpired` to ask for
    that before anything is sent), if the credential is `renewable`. `budget_key` names what a limit
    is counted for, by default the connection. `decode` repairs a body that is no clean JSON.
    """

    title: str
    authorize: Callable[[Credentials, VendorSettings], Mapping[str, str]]
    rates: Mapping[str, Rate]
    classify: Callable[[Failure], VendorError | None] = lambda _failure: None
    refusal: Callable[[Any], VendorError | int | None] = lambda _data: None
    message: Callable[[Any], str | None] = lambda _data: None
    limit_headers: Callable[[Mapping[str, str]], tuple[int | None, int | None]] = lambda _headers: (
        None,
        None,
    )
    quoted_headers: Sequence[str] = ()
    exchange: Callable[[httpx.Client, Credentials, VendorSettings], Credentials] | None = None
    renewable: Callable[[Credentials], bool] = lambda _credentials: True
    decode: Callable[[bytes], bytes] = lambda body: body
    budget_key: Callable[[Account, Credentials], str] = lambda account, _: account.connection_id


class CallCounter:
    """Counts requests actually sent (retries included). Thread-safe."""

    def __init__(self) -> None:
        self._count = 0
        self._lock = threading.Lock()

    def add(self) -> None:
        """Count one request."""
        with self._lock:
            self._count += 1

    @property
    def count(self) -> int:
        """Requests sent so far."""
        return self._count


@cache
def _trust() -> ssl.SSLContext:
    """The certificates that are trusted: reading them takes as long as ten small requests."""
    return httpx.create_ssl_context()


@cache
def _nothing() -> ssl.SSLContext:
    """Trust in nobody: TLS that was not expected fails."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def _reading_trust() -> Future[ssl.SSLContext]:
    """The certificates, read beside what its caller goes on with, and once for all threads."""
    reader = ThreadPoolExecutor(1, thread_name_prefix="trust")
    trusted = reader.submit(_trust)
    reader.shutdown(wait=False)
    return trusted


def _needs_trust(settings: VendorSettings) -> bool:
    """False if all addresses are plain HTTP, as a sandbox's are."""
    own = settings.model_dump(exclude_none=True)
    schemes = {
        urlsplit(own[name]).scheme for name in own if name.endswith("base_url") and own[name]
    }
    return schemes != {"http"}


@dataclass
class VendorHttp:
    """The shared connection pool, budgets and retry policy of one vendor for one sync."""

    dialect: Dialect
    settings: VendorSettings
    clock: Clock = field(default_factory=SystemClock)
    transport: httpx.BaseTransport | None = None

    def __post_init__(self) -> None:
        self.budgets = Budgets({**self.dialect.rates, **self.settings.rates}, self.clock)
        self.places = threading.BoundedSemaphore(self.settings.requests_at_once)
        self._jitter = random.Random()  # noqa: S311 - spreads retries, decides nothing
        self._mine = threading.local()
        self._clients: list[httpx.Client] = []
        self._lock = threading.Lock()
        needed = self.transport is None and _needs_trust(self.settings)
        self._trusted = _reading_trust() if needed else None

    @property
    def client(self) -> httpx.Client:
        """This thread's connection pool.

        One pool for all threads would make them queue for its lock, which is held while every
        connection is looked at: with a dozen threads that took a third of the time.
        """
        client: httpx.Client | None = getattr(self._mine, "client", None)
        if client is None:
            client = self._mine.client = httpx.Client(
                transport=self.transport,
                verify=_nothing() if self._trusted is None else self._trusted.result(),
                timeout=httpx.Timeout(self.settings.timeout_seconds, connect=10.0),
                headers={"User-Agent": self.settings.user_agent, "Accept": "application/json"},
                follow_redirects=False,
            )
            with self._lock:
                self._clients.append(client)
        return client

    def close(self) -> None:
        """Close the connections of all threads."""
        with self._lock:
            while self._clients:
                self._clients.pop().close()

    def api(self, account: Account, counter: CallCounter | None = None) -> Api:
        """The API as one account sees it."""
        return Api(self, account, counter or CallCounter())

    def pause_before(self, state: RetryCallState) -> float:
        """Seconds to wait before the next try: the vendor's wish, else doubling, with jitter."""
        error = state.outcome.exception() if state.outcome else None
        doubled = self.settings.backoff_seconds * 2.0 ** (state.attempt_number - 1)
        pause = min(doubled, self.settings.max_backoff_seconds)
        if isinstance(error, RetryLater) and error.retry_after is not None:
            pause = error.retry_after
        return pause + self._jitter.uniform(0, self.settings.backoff_seconds / 4)


@dataclass(frozen=True)
class _Request:
    """One request as the reader asked for it."""

    method: str
    url: str
    params: Params
    body: bytes | None
    context: str
    single_record: bool
    timeout: float | None
    hops: int = 0
    content_type: str = "application/json"
    repeatable: bool = True

    @property
    def path(self) -> str:
        return urlsplit(self.url).path

    @property
    def target(self) -> httpx.URL:
        """The address with its query, taken apart once: httpx would do it three times."""
        params = self.params.items() if isinstance(self.params, Mapping) else self.params
        query = urlencode(list(params))
        return httpx.URL(
            f"{self.url}{'&' if '?' in self.url else '?'}{query}" if query else self.url
        )

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"


def _moved(request: _Request, target: httpx.URL, response: httpx.Response) -> _Request | None:
    """The request at the address that a redirection names; None if it is not to be followed.

    Another host would be shown the credential.
    """
    if not request.hops or not response.has_redirect_location:
        return None
    try:
        moved = target.join(response.headers["location"])
    except httpx.InvalidURL:
        return None
    if (moved.scheme, moved.netloc) != (target.scheme, target.netloc):
        return None
    return replace(request, url=str(moved), params=(), hops=request.hops - 1)


@dataclass(frozen=True)
class Api:
    """What one account can read. Safe to use from several threads."""

    http: VendorHttp
    account: Account
    counter: CallCounter

    def get(
        self,
        url: str,
        params: Params = (),
        *,
        context: str = "default",
        single_record: bool = False,
        timeout: float | None = None,
        follow: bool = False,
    ) -> Answer:
        """Read one page or record.

        `url` is absolute. `single_record` says that a 403 or 404 speaks of this record only.
        `follow` goes where the vendor says that it has moved, on the same host; the answer's
        `url` tells where it was found. Any other redirection is an error.
        Raises one of the `errors`; passing failures were already tried again.
        """
        hops = MOST_HOPS if follow else 0
        return self._renewing(
            _Request("GET", url, params, None, context, single_record, timeout, hops)
        )

    def post(
        self,
        url: str,
        body: Any,
        *,
        context: str = "default",
        single_record: bool = False,
        timeout: float | None = None,
    ) -> Answer:
        """Ask a question that has to be posted as JSON (GraphQL). Never for anything that writes.

        Otherwise as `get`.
        """
        return self._renewing(
            _Request("POST", url, (), orjson.dumps(body), context, single_record, timeout)
        )

    def write(
        self, method: str, url: str, *, body: Any = None, form: Params | None = None
    ) -> Answer:
        """Change a webhook subscription, the only thing that is ever written at a vendor.

        `body` is sent as JSON, `form` as a form. What makes something new is not tried again: it
        may have been made. The answer may be empty. Otherwise as `get`, of a single record.
        """
        content, content_type = None, "application/json"
        if form is not None:
            pairs = form.items() if isinstance(form, Mapping) else form
            content, content_type = urlencode(list(pairs)).encode(), _FORM
        elif body is not None:
            content = orjson.dumps(body)
        return self._renewing(
            _Request(
                method,
                url,
                (),
                content,
                "default",
                single_record=True,
                timeout=None,
                content_type=content_type,
                repeatable=method != "POST",
            )
        )

    def _renewing(self, request: _Request) -> Answer:
        credentials = self.account.credentials.get()
        try:
            return self._patiently(request, credentials)
        except CredentialExpired as expired:
            dialect, refused = self.http.dialect, expired
            exchange = dialect.exchange
            if exchange is None:
                raise AccountBroken(refused.sentence) from refused

            def renew(stale: Credentials) -> Credentials:
                if not dialect.renewable(stale):
                    raise AccountBroken(refused.sentence) from refused
                # a service that answered did not give new tokens; one that did not, may have
                for attempt in self._trying(lambda error: error.__cause__ is None):
                    with attempt:
                        self.counter.add()
                        return exchange(self.http.client, stale, self.http.settings)
                raise AssertionError("unreachable: Retrying either returns or raises")

            renewed = self.account.credentials.refresh(credentials, renew)
        try:
            return self._patiently(request, renewed)
        except CredentialExpired as expired:
            raise AccountBroken(expired.sentence) from expired

    def _patiently(self, request: _Request, credentials: Credentials) -> Answer:
        for attempt in self._trying(lambda error: request.repeatable or error.limited):
            with attempt:
                return self._once(request, credentials)
        raise AssertionError("unreachable: Retrying either returns or raises")

    def _trying(self, again: Callable[[RetryLater], bool]) -> Retrying:
        """Tries of what may pass, as many and as far apart as the settings say."""
        settings = self.http.settings

        def stop(state: RetryCallState) -> bool:
            error = state.outcome.exception() if state.outcome else None
            if not isinstance(error, RetryLater) or not again(error):
                return True
            if (error.retry_after or 0) > settings.max_wait_seconds:
                return True
            tries = settings.limited_attempts if error.limited else settings.max_attempts
            return stop_after_attempt(tries)(state)

        return Retrying(
            retry=retry_if_exception_type(RetryLater),
            stop=stop,
            wait=self.http.pause_before,
            sleep=self.http.clock.sleep,
            reraise=True,
        )

    def _once(self, request: _Request, credentials: Credentials) -> Answer:
        dialect, settings = self.http.dialect, self.http.settings
        headers = dict(dialect.authorize(credentials, settings))
        if request.body is not None:
            headers["Content-Type"] = request.content_type
        target = request.target
        whose = dialect.budget_key(self.account, credentials)
        budget = self.http.budgets.of(whose, request.context)
        with budget.place(), self.http.places:
            self.counter.add()
            try:
                response = self.http.client.request(
                    request.method,
                    target,
                    content=request.body,
                    headers=headers,
                    timeout=httpx.USE_CLIENT_DEFAULT
                    if request.timeout is None
                    else request.timeout,
                )
            except httpx.TimeoutException as error:
                raise RetryLater(
                    f"{dialect.title} did not answer {request.name} in time; try the sync again "
                    f"later."
                ) from error
            except httpx.TransportError as error:
                raise RetryLater(
                    f"{dialect.title} could not be reached for {request.name} "
                    f"({type(error).__name__}); check the network, then try the sync again."
                ) from error
        # an answer and its stream point at each other: left so, every page's bytes would wait for
        # the garbage collector, a kilobyte for each row that is read
        response.stream = httpx.ByteStream(b"")
        limit, remaining = dialect.limit_headers(response.headers)
        budget.observe(limit=limit, remaining=remaining)
        if response.is_success:
            data = self._parse(response, request)
            hidden = dialect.refusal(data)
            if hidden is None:
                return Answer(response.status_code, data, response.headers, str(response.url))
            refusal = (
                self._classify(response, request, hidden) if isinstance(hidden, int) else hidden
            )
        else:
            moved = _moved(request, target, response)
            if moved is not None:
                return self._once(moved, credentials)
            refusal = self._classify(response, request, response.status_code)
        if isinstance(refusal, RetryLater) and refusal.limited:
            wish = refusal.retry_after if refusal.retry_after is not None else 2.0
            # a day's wish must not hold the lane for a day: who asks again is refused again
            budget.punish(min(wish, settings.max_wait_seconds))
        raise refusal

    def _parse(self, response: httpx.Response, request: _Request) -> Any:
        body = self.http.dialect.decode(response.content)
        if response.status_code == httpx.codes.NO_CONTENT:
            return None
        if not body.strip():
            if request.method == "DELETE":
                return None
            raise RetryLater(
                f"{self.http.dialect.title} answered {request.name} with HTTP "
                f"{response.status_code} and no content; try the sync again later."
            )
        if b"\\u0000" in body:
            # PostgreSQL stores no NUL in text or jsonb: one such character would fail a whole load
            body = _without_nul(body)
        try:
            return orjson.loads(body)
        except orjson.JSONDecodeError as error:
            kind = response.headers.get("content-type", "no content type").split(";")[0]
            raise RetryLater(
                f"{self.http.dialect.title} answered {request.name} with HTTP "
                f"{response.status_code} and broken JSON ({kind}, {len(body)} bytes); "
                f"try the sync again later."
            ) from error

    def _classify(self, response: httpx.Response, request: _Request, status: int) -> VendorError:
        """The error that `status` means; it is not the answer's own if that hid a refusal."""
        dialect = self.http.dialect
        message = _vendor_message(response, dialect)
        single_record = request.single_record
        failure = Failure(
            status, message, response.content, response.headers, request.path, single_record
        )
        special = dialect.classify(failure)
        if special is not None:
            return special
        said = f"{dialect.title} answered HTTP {response.status_code} to {request.name}"
        quoted = (response.headers.get(name, "")[:100] for name in dialect.quoted_headers)
        details = ", ".join(detail for detail in (message, *quoted) if detail)
        said += f" ({details})" if details else ""
        if status == httpx.codes.TOO_MANY_REQUESTS:
            return RetryLater(
                f"{said}: the rate limit is used up; try the sync again later.",
                retry_after=retry_after(response.headers),
                limited=True,
            )
        if status >= 500 or status == httpx.codes.REQUEST_TIMEOUT:
            return RetryLater(
                f"{said}; nothing was changed, try the sync again later.",
                retry_after=retry_after(response.headers),
            )
        if status == httpx.codes.UNAUTHORIZED:
            return CredentialExpired(
                f"{dialect.title} refused the credential (HTTP 401); connect the account again."
            )
        if response.has_redirect_location and single_record:
            return RecordUnavailable(f"{said}: the record is elsewhere.", reason="missing")
        if status in (httpx.codes.NOT_FOUND, httpx.codes.GONE):
            if single_record:
                return RecordUnavailable(f"{said}: the record is gone.", reason="missing")
            return ResourceUnavailable(
                f"{said}: this account has no such resource.", status="not_available"
            )
        if status == httpx.codes.FORBIDDEN:
            if single_record:
                return RecordUnavailable(f"{said}: not this account's record.", reason="denied")
            return ResourceUnavailable(
                f"{said}: this account may not read it.", status="not_permitted"
            )
        return ContractBroken(
            f"{said}: the request does not fit the vendor's contract; "
            f"look at the contract page in docs/vendors and mend the source."
        )


def _without_nul(body: bytes) -> bytes:
    r"""Remove `\u0000` escapes, but not the text `\\u0000` (an escaped backslash before u0000)."""
    out = bytearray()
    start = 0
    while (at := body.find(b"\\u0000", start)) != -1:
        backslashes = 0
        while at - 1 - backslashes >= 0 and body[at - 1 - backslashes] == 0x5C:
            backslashes += 1
        keep = backslashes % 2 == 1
        out += body[start : at + 6] if keep else body[start:at]
        start = at + 6
    return bytes(out + body[start:])


def rate_limit_headers(headers: Mapping[str, str]) -> tuple[int | None, int | None]:
    """The live limit and what is left of it, from `X-RateLimit-Limit` and `…-Remaining`."""
    return _whole(headers.get("x-ratelimit-limit")), _whole(headers.get("x-ratelimit-remaining"))


def _whole(text: str | None) -> int | None:
    return int(text) if text is not None and text.strip().isdigit() else None


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds of a Retry-After header; its date form is rare and read as 'not given'."""
    text = headers.get("retry-after", "").strip()
    return max(1.0, float(text)) if text.replace(".", "", 1).isdigit() else None


def _vendor_message(response: httpx.Response, dialect: Dialect) -> str:
    """The vendor's own error sentence, shortened; never a piece of an HTML page."""
    try:
        data = orjson.loads(response.content) if response.content else None
    except orjson.JSONDecodeError:
        return ""
    own = dialect.message(data)
    if own is None and isinstance(data, dict):
        own = next(
            (
                str(data[name])
                for name in ("errorMessage", "message", "error", "detail", "title")
                if isinstance(data.get(name), str)
            ),
            None,
        )
    return (own or "")[:200]
