"""The HTTP layer: what is tried again, what is not, and what a person reads."""

from __future__ import annotations

import contextlib
import logging
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from pipelines.common.account import Account, StaticCredentials
from pipelines.common.budget import Rate
from pipelines.common.errors import (
    AccountBroken,
    ContractBroken,
    RecordUnavailable,
    ResourceUnavailable,
    RetryLater,
    VendorError,
)
from pipelines.common.http import (
    MOST_HOPS,
    Api,
    Dialect,
    VendorHttp,
    VendorSettings,
    _trust,
    _without_nul,
    rate_limit_headers,
)

Handler = Callable[[httpx.Request], httpx.Response]


class RecordingClock:
    """Remembers pauses instead of making them."""

    def __init__(self) -> None:
        self.pauses: list[float] = []
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def wait(self, condition: threading.Condition, seconds: float | None) -> None:
        self.now += seconds or 0.0

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds


def _authorize(credentials: Mapping[str, str], _settings: VendorSettings) -> Mapping[str, str]:
    return {"Authorization": f"Bearer {credentials['token']}"}


def _exchange(
    _client: httpx.Client, credentials: Mapping[str, str], _settings: VendorSettings
) -> Mapping[str, str]:
    if credentials["refresh"] == "revoked":
        raise AccountBroken("The vendor refuses to renew the token; connect the account again.")
    return {"token": "fresh", "refresh": "next"}


def _refusal(data: object) -> VendorError | int | None:
    code = data.get("refused") if isinstance(data, dict) else None
    match code:
        case "busy":
            return RetryLater("The vendor is busy.")
        case "limited":
            return RetryLater("Too fast.", retry_after=9.0, limited=True)
        case "wrong":
            return ContractBroken("The question is wrong.")
        case _:
            return None


Refusal = Callable[[Any], VendorError | int | None]


def make_api(
    handler: Handler, refusal: Refusal = _refusal, **credentials: str
) -> tuple[Api, RecordingClock]:
    clock = RecordingClock()
    dialect = Dialect(
        "Vendor",
        _authorize,
        {"default": Rate(1000, 1.0)},
        exchange=_exchange if "refresh" in credentials else None,
        refusal=refusal,
    )
    http = VendorHttp(
        dialect, VendorSettings(), clock=clock, transport=httpx.MockTransport(handler)
    )
    held = StaticCredentials({"token": "stale", **credentials})
    return http.api(Account("a:v", "a", "v", held)), clock


def answering(*responses: httpx.Response | Exception) -> Handler:
    """Give the responses in turn; the last one for ever."""
    left = list(responses)

    def handler(_request: httpx.Request) -> httpx.Response:
        response = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(response, Exception):
            raise response
        return response

    return handler


OK = httpx.Response(200, json={"fine": True})


@pytest.mark.parametrize(
    "passing",
    [
        httpx.Response(500),
        httpx.Response(502, html="<html>bad gateway</html>"),
        httpx.Response(503),
        httpx.Response(200, content=b""),
        httpx.Response(200, content=b'{"people": [{"id": 1'),
        httpx.Response(200, html="<html>maintenance</html>"),
        httpx.ReadTimeout("slow"),
        httpx.ConnectError("refused"),
        httpx.RemoteProtocolError("reset"),
    ],
)
def test_a_passing_failure_is_tried_again(passing: httpx.Response | Exception) -> None:
    api, clock = make_api(answering(passing, passing, OK))
    assert api.get("http://v.test/x").data == {"fine": True}
    assert api.counter.count == 3
    assert clock.pauses[1] > clock.pauses[0], "the pause does not grow"


def test_a_lasting_outage_ends_in_one_sentence() -> None:
    api, _ = make_api(answering(httpx.Response(503, html="<h1>secret page</h1>")))
    with pytest.raises(RetryLater, match=r"^Vendor answered HTTP 503 to GET /x; .* later\.$"):
        api.get("http://v.test/x")
    assert api.counter.count == VendorSettings().max_attempts


def test_retry_after_is_the_pause() -> None:
    limited = httpx.Response(429, headers={"Retry-After": "7"}, json={"message": "slow down"})
    api, clock = make_api(answering(limited, OK))
    api.get("http://v.test/x")
    assert 7.0 <= clock.pauses[0] < 8.0


def test_an_error_in_a_successful_answer_is_treated_as_one() -> None:
    busy, limited = ({"refused": code} for code in ("busy", "limited"))
    api, clock = make_api(answering(*(httpx.Response(200, json=x) for x in (busy, limited)), OK))
    assert api.get("http://v.test/x").data == {"fine": True}
    assert api.counter.count == 3
    assert [round(pause) for pause in clock.pauses] == [1, 9]
    api, _ = make_api(answering(httpx.Response(200, json={"refused": "wrong"})))
    with pytest.raises(ContractBroken, match="The question is wrong"):
        api.get("http://v.test/x")
    assert api.counter.count == 1


def test_a_429_without_retry_after_is_waited_out() -> None:
    api, clock = make_api(answering(*[httpx.Response(429)] * 5, OK))
    assert api.get("http://v.test/x").data == {"fine": True}
    assert api.counter.count == 6, "a limit is worth more tries than an outage"
    assert sum(clock.pauses) > 10


@pytest.mark.parametrize(
    ("response", "single", "error"),
    [
        (httpx.Response(400, json={"errorMessage": "bad limit"}), False, ContractBroken),
        (httpx.Response(401), False, AccountBroken),
        (httpx.Response(403), False, ResourceUnavailable),
        (httpx.Response(403), True, RecordUnavailable),
        (httpx.Response(404), False, ResourceUnavailable),
        (httpx.Response(404), True, RecordUnavailable),
        (httpx.Response(410), True, RecordUnavailable),
    ],
)
def test_a_lasting_failure_is_not_tried_again(
    response: httpx.Response, single: bool, error: type[Exception]
) -> None:
    api, clock = make_api(answering(response))
    with pytest.raises(error) as caught:
        api.get("http://v.test/x", single_record=single)
    assert clock.pauses == []
    assert str(caught.value).endswith((".", ";")), "not a sentence"


def test_an_error_quotes_the_headers_that_the_vendors_support_asks_for() -> None:
    refused = httpx.Response(503, json={"message": "busy"}, headers={"Request-Id": "req_7"})
    api, _ = make_api(answering(refused))
    quoting = replace(api.http.dialect, quoted_headers=("x-reason", "request-id"))
    api = replace(api, http=replace(api.http, dialect=quoting))
    with pytest.raises(RetryLater, match=r"HTTP 503 to GET /things \(busy, req_7\); nothing"):
        api.get("http://vendor.test/things")


def test_an_expired_token_is_renewed_once_and_the_request_repeated() -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        fresh = request.headers["Authorization"] == "Bearer fresh"
        return OK if fresh else httpx.Response(401)

    api, _ = make_api(handler, refresh="good")
    assert api.get("http://v.test/x").data == {"fine": True}
    assert api.account.credentials.get()["refresh"] == "next", "the rotated token was lost"


def test_a_renewed_token_that_is_refused_too_breaks_the_account() -> None:
    api, _ = make_api(answering(httpx.Response(401)), refresh="good")
    with pytest.raises(AccountBroken, match="connect the account again"):
        api.get("http://v.test/x")
    # two tries and the renewal between them
    assert api.counter.count == 3


def test_a_renewal_is_tried_again_only_if_the_service_answered() -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        return OK if request.headers["Authorization"] == "Bearer fresh" else httpx.Response(401)

    def renewing(*failures: VendorError) -> tuple[Api, RecordingClock]:
        left = list(failures)

        def exchange(*_args: Any) -> Mapping[str, str]:
            if left:
                raise left.pop(0)
            return {"token": "fresh"}

        api, clock = make_api(handler, refresh="good")
        dialect = replace(api.http.dialect, exchange=exchange)
        return replace(api, http=replace(api.http, dialect=dialect)), clock

    api, clock = renewing(RetryLater("HTTP 503"), RetryLater("429", retry_after=9.0, limited=True))
    assert api.get("http://v.test/x").data == {"fine": True}
    assert [int(pause) for pause in clock.pauses] == [1, 9]

    unheard = RetryLater("no answer")
    unheard.__cause__ = httpx.ReadTimeout("slow")
    api, clock = renewing(unheard)
    with pytest.raises(RetryLater, match="no answer"):
        api.get("http://v.test/x")
    assert clock.pauses == []


def test_a_revoked_grant_breaks_the_account() -> None:
    api, _ = make_api(answering(httpx.Response(401)), refresh="revoked")
    with pytest.raises(AccountBroken, match="refuses to renew"):
        api.get("http://v.test/x")


@pytest.mark.parametrize(
    ("means", "error"),
    [(404, ResourceUnavailable), (403, ResourceUnavailable), (400, ContractBroken)],
)
def test_an_error_hidden_in_a_success_is_read_as_what_it_means(
    means: int, error: type[Exception]
) -> None:
    api, clock = make_api(answering(httpx.Response(200, json={"code": 7})), lambda _data: means)
    with pytest.raises(error, match="answered HTTP 200 to GET /list"):
        api.get("https://vendor.test/list")
    assert clock.pauses == []


def test_a_passing_error_hidden_in_a_success_is_tried_again() -> None:
    bodies = answering(httpx.Response(200, json={"code": 7}), httpx.Response(200, json={"a": 1}))
    api, clock = make_api(bodies, lambda data: 500 if "code" in data else None)
    assert api.get("https://vendor.test/list").data == {"a": 1}
    assert len(clock.pauses) == 1


def test_a_request_holds_one_of_the_places_that_all_accounts_share() -> None:
    left_over: list[bool] = []

    def handler(_request: httpx.Request) -> httpx.Response:
        left_over.append(http.places.acquire(blocking=False))
        return httpx.Response(200, json={})

    http = VendorHttp(
        Dialect("Vendor", _authorize, {"default": Rate(1000, 1.0, 8)}),
        VendorSettings(requests_at_once=1),
        transport=httpx.MockTransport(handler),
    )
    for agent in ("a", "b"):
        held = StaticCredentials({"token": "t"})
        http.api(Account(f"{agent}:v", agent, "v", held)).get("http://v.test/x")
    assert left_over == [False, False]
    assert http.places.acquire(blocking=False), "a place was not given back"


def test_the_certificates_are_read_once_for_all_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    trust = httpx.create_ssl_context()
    readers: list[str] = []
    # readers that come side by side would meet here
    meeting = threading.Barrier(2)

    def read() -> ssl.SSLContext:
        readers.append(threading.current_thread().name)
        with contextlib.suppress(threading.BrokenBarrierError):
            meeting.wait(0.2)
        return trust

    monkeypatch.setattr(httpx, "create_ssl_context", read)
    _trust.cache_clear()
    dialect = Dialect("Vendor", _authorize, {"default": Rate(1000, 1.0)})
    with (
        contextlib.closing(VendorHttp(dialect, VendorSettings())) as http,
        ThreadPoolExecutor(4) as threads,
    ):
        start = threading.Barrier(4)

        def use(_number: int) -> httpx.Client:
            start.wait(5)
            return http.client

        clients = set(threads.map(use, range(4)))
    _trust.cache_clear()
    assert len(clients) == 4
    assert len(readers) == 1


class _Addressed(VendorSettings):
    base_url: str = "https://v.test"
    app_base_url: str = "https://app.v.test"


PLAIN = _Addressed(base_url="http://v.test", app_base_url="http://app.v.test")


@pytest.mark.parametrize(
    ("settings", "needed"),
    [
        (VendorSettings(), True),
        (_Addressed(), True),
        (_Addressed(base_url="http://v.test"), True),
        (_Addressed(base_url="HTTPS://v.test", app_base_url=""), True),
        (_Addressed(base_url="http://v.test", app_base_url=""), False),
        (PLAIN, False),
    ],
)
def test_certificates_are_read_unless_all_is_plain_http(
    settings: VendorSettings, needed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[bool] = []
    trust = httpx.create_ssl_context()
    monkeypatch.setattr(httpx, "create_ssl_context", lambda: reads.append(True) or trust)
    _trust.cache_clear()
    dialect = Dialect("Vendor", _authorize, {"default": Rate(1000, 1.0)})
    with contextlib.closing(VendorHttp(dialect, settings)) as http:
        assert isinstance(http.client, httpx.Client)
    _trust.cache_clear()
    assert bool(reads) is needed


def test_tls_that_was_not_expected_is_refused(tmp_path: Path) -> None:
    dialect = Dialect("Vendor", _authorize, {"default": Rate(1000, 1.0)})
    with (
        _tls_server(tmp_path) as address,
        contextlib.closing(VendorHttp(dialect, PLAIN)) as http,
    ):
        # the control: somebody answers there
        assert httpx.get(address, verify=False).json() == {}  # noqa: S501
        with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            http.client.get(address)


@contextlib.contextmanager
def _tls_server(folder: Path) -> Iterator[str]:
    """Answers `{}` to everything, under a certificate that it has signed itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    both = folder / "server.pem"
    both.write_bytes(key.private_bytes(pem, *plain) + certificate.public_bytes(pem))

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_said: object) -> None:
            pass

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(both)
    with ThreadingHTTPServer(("localhost", 0), Handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"https://localhost:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()


def test_the_client_does_not_log_addresses(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    api, _ = make_api(answering(OK))
    api.get("http://v.test/x?refresh_token=hidden")
    assert "hidden" not in caplog.text


def test_the_live_limit_is_read() -> None:
    sent = {"x-ratelimit-limit": "250", "x-ratelimit-remaining": "17"}
    assert rate_limit_headers(sent) == (250, 17)
    assert rate_limit_headers({"x-ratelimit-limit": "plenty"}) == (None, None)


def test_no_error_tells_the_credential() -> None:
    for status in (400, 401, 403, 404, 429, 500):
        api, _ = make_api(answering(httpx.Response(status, json={"message": "no"})))
        with pytest.raises(Exception, match="Vendor") as caught:
            api.get("http://v.test/x")
        assert "stale" not in str(caught.value)


def moved(location: str, status: int = 301) -> httpx.Response:
    return httpx.Response(status, headers={"Location": location})


@pytest.mark.parametrize("location", ["http://v.test/things/2", "/things/2", "2", "2?part=all"])
def test_a_record_that_moved_is_followed_with_the_credential_and_counted(location: str) -> None:
    seen: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return moved(location) if request.url.path == "/things/1" else OK

    api, _ = make_api(handler)
    answer = api.get("http://v.test/things/1", {"size": "5"}, follow=True)
    assert httpx.URL(answer.url).path == "/things/2"
    assert [request.headers["Authorization"] for request in seen] == ["Bearer stale"] * 2
    assert "size" not in seen[1].url.params, "the new address comes with its own query"
    assert api.counter.count == 2


@pytest.mark.parametrize("location", ["http://else.test/things/2", "https://v.test/x", "http://["])
def test_a_credential_is_sent_to_no_other_host(location: str) -> None:
    api, _ = make_api(answering(moved(location)))
    with pytest.raises(RecordUnavailable):
        api.get("http://v.test/things/1", single_record=True, follow=True)
    assert api.counter.count == 1


def test_a_redirection_that_was_not_asked_for_or_never_ends_is_an_error() -> None:
    api, _ = make_api(answering(moved("/things/1")))
    with pytest.raises(ContractBroken, match="HTTP 301"):
        api.get("http://v.test/things/1")
    assert api.counter.count == 1
    with pytest.raises(ContractBroken, match="HTTP 301"):
        api.get("http://v.test/things/1", follow=True)
    assert api.counter.count == 1 + 1 + MOST_HOPS


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (rb'"a\u0000b"', b'"ab"'),
        (rb'"a\\u0000b"', rb'"a\\u0000b"'),
        (rb'"a\\\u0000b"', rb'"a\\b"'),
        (rb'"\u0000\u0000"', b'""'),
        (rb'"none"', b'"none"'),
    ],
)
def test_nul_characters_are_removed_and_escaped_backslashes_are_not(
    sent: bytes, kept: bytes
) -> None:
    assert _without_nul(sent) == kept
