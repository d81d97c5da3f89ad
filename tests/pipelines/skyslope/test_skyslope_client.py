"""The signature, the bodies and the waits, from the contract (skyslope.md §1.2, §2.2-2.4, §3.1)."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta

import httpx
import orjson
import pytest

from pipelines.common.budget import Budgets
from pipelines.common.errors import (
    AccountBroken,
    ContractBroken,
    CredentialExpired,
    RetryLater,
)
from pipelines.common.http import Failure
from pipelines.skyslope.client import (
    DIALECT,
    SkyslopeSettings,
    authorize,
    classify,
    decode,
    exchange,
    moment,
    signature,
)

SETTINGS = SkyslopeSettings(base_url="http://skyslope.test")
KEYS = {"client_id": "cid", "client_secret": "cs", "access_key": "ak", "access_secret": "as"}


def test_the_signature_is_the_one_that_openssl_makes() -> None:
    """printf 'cid:cs:2026-03-02T18:05:10Z' | openssl dgst -sha256 -hmac as -binary | base64"""
    made = signature("cid", "cs", "as", "2026-03-02T18:05:10Z")
    assert made == "N5vowwzCOl+vmtowYA860YaxtmUmYnfU6JqE6JIZos0="


def login(answer: httpx.Response | Exception) -> tuple[httpx.Client, list[httpx.Request]]:
    seen: list[httpx.Request] = []

    def reply(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        if isinstance(answer, Exception):
            raise answer
        return answer

    return httpx.Client(transport=httpx.MockTransport(reply)), seen


def test_a_login_signs_the_very_stamp_it_sends_and_keeps_the_keys() -> None:
    ok = httpx.Response(200, json={"Session": "s1", "Expiration": "2026-03-02T18:05:10"})
    client, seen = login(ok)
    renewed = exchange(client, KEYS, SETTINGS)
    assert {**KEYS, "session": "s1"}.items() <= renewed.items()
    [request] = seen
    stamp = request.headers["Timestamp"]
    assert request.headers["Authorization"] == f"SS ak:{signature('cid', 'cs', 'as', stamp)}"
    assert orjson.loads(request.content) == {"ClientId": "cid", "ClientSecret": "cs"}
    assert abs(datetime.fromisoformat(stamp) - datetime.now(UTC)) < timedelta(minutes=1)


@pytest.mark.parametrize("form", ["{}+00:00", "{}Z", "{}"])
@pytest.mark.parametrize(
    ("life", "used"),
    [
        (timedelta(hours=2), 115),
        (timedelta(minutes=4), 2),
        # the form is not documented: an end that cannot be right is not believed
        (timedelta(hours=-6), 115),
        (timedelta(seconds=5), 115),
    ],
)
def test_a_new_session_is_used_for_its_life_or_two_hours(
    life: timedelta, used: float, form: str
) -> None:
    told = form.format((datetime.now(UTC) + life).isoformat().removesuffix("+00:00"))
    assert minutes_of_use(told) == pytest.approx(used, abs=0.5)


@pytest.mark.parametrize("told", ["11/26/2026 6:05:10 PM", 1_795_000_000, "", None])
def test_a_new_session_is_used_though_its_end_cannot_be_read(told: object) -> None:
    assert minutes_of_use(told) == pytest.approx(115, abs=0.5)


def minutes_of_use(told: object) -> float:
    """Until a session that was just given, with this end, is replaced."""
    answer = httpx.Response(200, json={"Session": "s1", "Expiration": told})
    renewed = exchange(login(answer)[0], KEYS, SETTINGS)
    assert authorize(renewed, SETTINGS) == {"Session": "s1"}
    left = datetime.fromisoformat(renewed["session_renew_at"]) - datetime.now(UTC)
    return left.total_seconds() / 60


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (httpx.Response(401, json={"message": "Unauthorized"}), AccountBroken),
        (httpx.Response(403), AccountBroken),
        # a wrong host says nothing about the account
        (httpx.Response(302, headers={"Location": "http://moved.test/"}), ContractBroken),
        (httpx.Response(400, json={"message": "Bad"}), ContractBroken),
        (httpx.Response(404), ContractBroken),
        (httpx.Response(200, text="<html>"), ContractBroken),
        (httpx.Response(200, json={"Session": None}), ContractBroken),
        (httpx.Response(503), RetryLater),
        (httpx.Response(429), RetryLater),
        (httpx.ConnectError("down"), RetryLater),
    ],
)
def test_a_login_that_fails(answer: httpx.Response | Exception, error: type[Exception]) -> None:
    with pytest.raises(error):
        exchange(login(answer)[0], KEYS, SETTINGS)


def test_a_credential_that_lacks_a_part_is_named() -> None:
    partial = {name: part for name, part in KEYS.items() if name != "access_secret"}
    with pytest.raises(AccountBroken, match="lacks the access secret"):
        exchange(login(httpx.Response(200))[0], partial, SETTINGS)


@pytest.mark.parametrize(
    "kept",
    [
        {},
        {"session": "s1"},
        {"session": "s1", "session_renew_at": "2026-03-02T18:05:10+00:00"},
    ],
)
def test_whoever_has_no_session_that_lasts_asks_for_one(kept: dict[str, str]) -> None:
    with pytest.raises(CredentialExpired):
        authorize({**KEYS, **kept}, SETTINGS)


class Stopwatch:
    """Time passes when somebody waits for it."""

    now = 0.0

    def monotonic(self) -> float:
        return self.now

    def wait(self, condition: threading.Condition, seconds: float | None) -> None:
        assert seconds is not None
        self.sleep(max(seconds, 1e-9))

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def test_requests_go_out_one_by_one_with_a_gap_of_three_tenths_of_a_second() -> None:
    """As careful clients do; nobody publishes a limit (§2.4)."""
    clock = Stopwatch()
    budget = Budgets(DIALECT.rates, clock).of("ada:skyslope", "default")
    sent = []
    for _ in range(4):
        with budget.place():
            sent.append(clock.now)
            clock.now += 0.1  # the answer takes so long
    assert sent == pytest.approx([0.0, 0.4, 0.8, 1.2])


@pytest.mark.parametrize("body", [b'[{"a":1},{"b":"x"}]', b'\xef\xbb\xbf[{"a":1},{"b":"\x01x"}]'])
def test_a_body_becomes_clean_json(body: bytes) -> None:
    assert orjson.loads(decode(body)) == [{"a": 1}, {"b": "x"}]


@pytest.mark.parametrize(
    "body",
    [
        b'{"a":1},\r\n{"b":"x"}',
        b'{"a":1}\n{"b":"x"}\n',
        b'\xef\xbb\xbf {"a":1} ,{"b":"x\x01"},\n',
        b'{"a":1},{"b":"x"}',
    ],
)
def test_objects_that_follow_each_other_become_one_value(body: bytes) -> None:
    assert orjson.loads(decode(body)) == {"stream": [{"a": 1}, {"b": "x"}]}


def test_texts_and_nested_objects_of_a_stream_stay_as_they_are() -> None:
    rows = [{"a": "} {", "b": {"c": [{"d": 1}, {"d": 2}]}}, {"a": "},{", "b": {}}]
    body = b"\n".join(orjson.dumps(row, option=orjson.OPT_INDENT_2) for row in rows)
    assert orjson.loads(decode(body)) == {"stream": rows}


def test_an_object_stays_an_object() -> None:
    assert orjson.loads(decode(b'{"value":{"sales":[]}}')) == {"value": {"sales": []}}


@pytest.mark.parametrize("body", [b'{"a":1},\n{"b":', b'{"a":1},{"b":"x"'])
def test_half_a_stream_is_not_taken_for_a_whole_one(body: bytes) -> None:
    with pytest.raises(orjson.JSONDecodeError):
        orjson.loads(decode(body))


@pytest.mark.parametrize("status", [429, 503])
def test_how_long_to_wait_is_read_in_three_ways(status: int) -> None:
    def wait(headers: dict[str, str]) -> float:
        said = classify(Failure(status, "", b"", httpx.Headers(headers), "/api/files", False))
        assert isinstance(said, RetryLater)
        assert said.limited
        assert said.retry_after is not None
        return said.retry_after

    assert wait({"Retry-After": "7"}) == 7.0
    assert 20 < wait({"x-ratelimit-reset": str(int(time.time()) + 30)}) <= 30
    assert wait({}) == 10.0


def test_an_instant_without_a_zone_is_utc_and_the_year_1_is_none() -> None:
    assert moment("2026-03-04T17:22:05.113") == datetime(2026, 3, 4, 17, 22, 5, 113000, tzinfo=UTC)
    assert moment("0001-01-01T00:00:00") is None
    assert moment("soon") is None
