"""Credentials, limits, the envelope and what an error means (fub.md §1-3)."""

from __future__ import annotations

import base64
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest
from pydantic import SecretStr

from pipelines.common.errors import AccountBroken, ContractBroken, RecordUnavailable
from pipelines.common.http import Answer, Api
from pipelines.common.reading import Reading
from pipelines.fub.client import DIALECT, FubSettings, Listing, authorize, read_page
from pipelines.fub.source import FUB
from pipelines.fub.webhooks import READERS
from tests.pipelines.fub.fub_fake import IDENTITY, OWNER, Fub, connect
from tests.pipelines.in_memory import Connection, Outcome


def test_an_api_key_is_basic_and_a_token_is_bearer() -> None:
    key = authorize({"api_key": "fka_demo"}, FubSettings())
    assert key == {"Authorization": "Basic " + base64.b64encode(b"fka_demo:").decode()}
    settings = FubSettings(system="Northwind-Sync", system_key=SecretStr("s"))
    token = authorize({"access_token": "at", "refresh_token": "rt"}, settings)
    assert token == {
        "Authorization": "Bearer at",
        "X-System": "Northwind-Sync",
        "X-System-Key": "s",
    }


@pytest.mark.parametrize(
    ("body", "total", "cursor"),
    [
        ({"_metadata": {"collection": "People", "total": 5, "next": "x"}, "people": [{}]}, 5, "x"),
        ({"_metadata": {}, "anything": [{}]}, None, None),
        ({"_metadata": {"collection": "a", "next": ""}, "a": [{}], "b": []}, None, None),
    ],
)
def test_the_array_is_found(body: Any, total: int | None, cursor: str | None) -> None:
    page = read_page(body, "people")
    assert (len(page.rows), page.total, page.next) == (1, total, cursor)


@pytest.mark.parametrize("body", [{"_metadata": {}}, {"a": [], "b": []}, [], None])
def test_a_missing_array_is_loud(body: Any) -> None:
    with pytest.raises(ContractBroken, match="compare docs/vendors/fub"):
        read_page(body, "people")


def test_a_wrong_path_is_loud_and_a_gone_record_is_not() -> None:
    api = connect(Fub()).api()
    with pytest.raises(ContractBroken, match="BROKERAGE_FUB_BASE_URL"):
        api.get("https://api.test/v1/nothing")
    with pytest.raises(RecordUnavailable):
        api.get("https://api.test/v1/users/999", single_record=True)


def test_a_refused_key_is_one_sentence() -> None:
    fub = Fub()
    fub.identity = httpx.Response(401, json={"errorMessage": "bad key"})
    with pytest.raises(AccountBroken, match="refused the API key"):
        connect(fub).read("identity")


def test_an_expired_account_is_broken() -> None:
    fub = Fub()
    fub.identity = httpx.Response(403, json={"errorMessage": "Your account has expired"})
    with pytest.raises(AccountBroken, match="Your account has expired"):
        connect(fub).read("identity")


def test_a_key_of_another_account_stops_everything() -> None:
    with pytest.raises(
        AccountBroken, match="belongs to account 70011, but account 1 was connected"
    ):
        connect(Fub(), account_source_id="1").read("identity")


class OAuth(Fub):
    """Answers only to the newest token, and renews once per refresh token."""

    def __init__(self, **answer: Any) -> None:
        super().__init__()
        self.answer = answer
        self.refreshed: list[dict[str, list[str]]] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/oauth/token":
            self.refreshed.append(parse_qs(request.content.decode()))
            return httpx.Response(self.answer.get("status", 200), json=self.answer["json"])
        if request.headers["Authorization"] != "Bearer new":
            return httpx.Response(401, json={"errorMessage": "expired"})
        return super().__call__(request)


OLD = {"access_token": "old", "refresh_token": "rt1"}


@pytest.mark.parametrize(
    "json",
    [
        {"access_token": "new", "refresh_token": "rt2", "expires_in": 3600},
        {"success": True, "data": {"access_token": "new", "refresh_token": "rt2"}},
    ],
)
def test_an_expired_token_is_renewed_once(json: Any) -> None:
    oauth = OAuth(json=json)
    connection = connect(oauth, credentials=OLD)
    assert len(connection.read("identity").rows) == 1
    assert oauth.refreshed == [{"grant_type": ["refresh_token"], "refresh_token": ["rt1"]}]
    assert connection.account.credentials.get()["refresh_token"] == "rt2"


def test_without_rotation_the_refresh_token_stays() -> None:
    connection = connect(OAuth(json={"access_token": "new"}), credentials=OLD)
    connection.read("identity")
    assert connection.account.credentials.get()["refresh_token"] == "rt1"


def test_a_dead_grant_breaks_the_account() -> None:
    oauth = OAuth(status=400, json={"error": "invalid_grant"})
    with pytest.raises(AccountBroken, match="invalid_grant"):
        connect(oauth, credentials=OLD).read("identity")


@pytest.mark.parametrize(
    ("user", "role", "limited"),
    [
        ({"isOwner": True, "role": "Broker"}, "Owner", None),
        ({"role": "Broker"}, "Admin", "may not manage webhooks"),
        ({"role": "Agent"}, "Agent", "only people assigned to that user"),
    ],
)
def test_who_the_key_belongs_to(user: dict[str, Any], role: str, limited: str | None) -> None:
    fub = Fub()
    fub.identity = {**IDENTITY, "user": {"name": "Ari Demo", **user}}
    identity = FUB.check(connect(fub).api(), FubSettings())
    assert (identity.account_source_id, identity.label) == ("70011", "Northwind Realty")
    assert identity.role == role
    assert (identity.limited is None) if limited is None else limited in (identity.limited or "")


AGENT = {**IDENTITY, "user": {"id": 4, "name": "Bo Demo", "role": "Agent"}}
OTHER_AGENT = {**IDENTITY, "user": {"id": 5, "name": "Cy Demo", "role": "Agent"}}
TABLES = ("people", "deals", "events", "calls", "appointments")


def loaded(who: Any) -> tuple[Fub, Connection]:
    """Thirty rows of everything, read with the key of somebody."""
    fub = Fub()
    fub.identity = who
    for table in TABLES:
        fub.lists[table] = [{"id": n, "created": "2026-01-01T00:00:00Z"} for n in range(1, 31)]
    connection = connect(fub)
    read_all(connection)
    return fub, connection


def read_all(connection: Connection, *, full: bool = False) -> dict[str, Outcome]:
    connection.read("identity", full=full)
    return {table: connection.read(table, full=full) for table in TABLES}


@pytest.mark.parametrize(("before", "now"), [(OWNER, AGENT), (AGENT, OTHER_AGENT)])
def test_a_key_that_sees_less_deletes_nothing_however_often_it_reads(before: Any, now: Any) -> None:
    fub, connection = loaded(before)
    fub.identity = now
    fub.hidden = lambda row, _request: row["id"] > 26
    fub.lists["deals"] = fub.lists["deals"][:26]
    for full in (False, False, True):
        connection.later(days=31)
        outcomes = read_all(connection, full=full)
        assert {table: outcome.gone for table, outcome in outcomes.items() if outcome.gone} == {}
        assert "sees less" in (outcomes["deals"].reading.note or "")
    assert "sees less" in (outcomes["events"].reading.note or "")
    fub.identity = OWNER
    fub.hidden = lambda _row, _request: False
    connection.later(days=31)
    outcomes = read_all(connection)
    assert outcomes["deals"].gone == {"27", "28", "29", "30"}
    assert all(outcome.reading.complete for outcome in outcomes.values())


@pytest.mark.parametrize(("who", "gone"), [(OWNER, {"40"}), (AGENT, set())])
def test_a_webhook_ends_nothing_under_a_key_that_sees_less(who: Any, gone: set[str]) -> None:
    fub, connection = loaded(OWNER)
    fub.identity = who
    connection.later(hours=1)
    connection.read("identity")
    with ThreadPoolExecutor(1) as pages:
        reading = Reading(
            entity=FUB.entity("deals"),
            api=connection.api(),
            settings=connection.settings,
            memory=connection.warehouse,
            handover=connection.handover,
            now=connection.now,
            full=False,
            pages=pages,
            wanted=frozenset({"7", "40"}),
        )
        rows = [row["id"] for page in READERS["deals"](reading) for row in page]
    assert rows == [7]
    assert reading.gone == gone


def test_a_sync_without_the_identity_knows_that_the_key_sees_less() -> None:
    fub, connection = loaded(OWNER)
    fub.identity = AGENT
    connection.later(hours=1)
    connection.read("identity")
    fub.lists["deals"] = fub.lists["deals"][:26]
    connection.later(hours=1)
    assert connection.read("deals").gone == set()


def test_a_key_that_sees_less_does_not_sweep_in_every_sync() -> None:
    fub, connection = loaded(OWNER)
    fub.identity = AGENT
    for _ in range(2):
        connection.later(days=31)
        outcomes = read_all(connection)
        modes = {outcomes[table].reading.mode for table in ("events", "calls")}
        assert not any(mode.startswith("full") for mode in modes)


def test_a_mark_without_a_cursor_is_judged_by_the_stored_identity() -> None:
    fub, connection = loaded(OWNER)
    marks = connection.warehouse.marks
    marks["identity"] = replace(marks["identity"], cursor=None)
    fub.identity = AGENT
    fub.lists["deals"] = fub.lists["deals"][:26]
    connection.later(hours=1)
    assert read_all(connection)["deals"].gone == set()


def test_a_record_is_asked_for_within_the_limit_of_its_list() -> None:
    asked: list[str] = []

    class Watched(Api):
        def get(self, url: str, params: Any = (), **options: Any) -> Answer:
            asked.append(options["context"])
            return super().get(url, params, **options)

    fub = Fub()
    fub.lists["events"] = [{"id": 1}]
    api = connect(fub).api()
    watched = Watched(api.http, api.account, api.counter)
    Listing(watched, "https://api.test/v1", "events", context="events").record("1")
    assert asked == ["events"]


@pytest.mark.parametrize(("source_id", "key"), [("70011", "70011"), (None, "ada-sample:test")])
def test_connections_of_one_account_share_its_limit(source_id: str | None, key: str) -> None:
    account = connect(Fub(), account_source_id=source_id).account
    assert DIALECT.budget_key(account, {}) == key
