"""Follow Up Boss, imitated: keys, roles, rate limits, OAuth."""

from __future__ import annotations

import json
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.sandbox.fub_support import EVERYBODY, SYSTEM_HEADERS, Fub, running


@pytest.fixture(scope="module")
def server() -> Iterator[Fub]:
    with running() as client:
        yield client


@pytest.fixture
def fub(server: Fub) -> Fub:
    server.box.reset()
    return server


@pytest.fixture(scope="module")
def shared() -> Iterator[Fub]:
    """Only for tests that change nothing."""
    with running() as client:
        yield client


def test_a_wrong_key_is_refused(shared: Fub) -> None:
    response = shared.http.get("/v1/identity", auth=("fka_wrong", ""))
    assert response.status_code == 401
    assert "errorMessage" in response.json()
    assert shared.http.get("/v1/identity").status_code == 401


def test_an_agents_key_answers_less_with_200(shared: Fub) -> None:
    owner, agent = (shared.send("people", by=r, **EVERYBODY).json() for r in ("owner", "agent"))
    assert 0 < agent["_metadata"]["total"] < owner["_metadata"]["total"]
    assert shared.send("me", by="agent").json()["role"] == "Agent"
    assert shared.send("identity", by="admin").json()["user"]["isOwner"] is False
    admin = shared.send("people", by="admin", **EVERYBODY).json()
    assert admin["_metadata"]["total"] == owner["_metadata"]["total"]
    truth = shared.crm.truth("ada-sample", role="agent")["entities"]
    mine = shared.ids("people", by="agent", **EVERYBODY)
    assert {str(i) for i in mine} == set(truth["people"]["rows"])
    calls = shared.ids("calls", by="agent")
    assert {str(i) for i in calls} == set(truth["calls"]["rows"])
    hidden = next(i for i in shared.account.people.ids() if i not in set(mine))
    assert shared.send(f"people/{hidden}", by="agent").status_code == 403


def test_webhooks_are_the_owners(shared: Fub) -> None:
    assert shared.send("webhooks", by="admin").status_code == 403
    assert shared.send("webhooks", system=False).status_code == 401
    assert shared.get("webhooks")["webhooks"] == []


def test_a_bulk_edit_comes_in_parts_and_events_are_kept_for_three_days(fub: Fub) -> None:
    given = {"event": "peopleStageUpdated", "url": "http://127.0.0.1:9/hooks"}
    key = (fub.crm.key("ada-sample"), "")
    made = fub.http.post("/v1/webhooks", json=given, auth=key, headers=SYSTEM_HEADERS)
    assert made.status_code == 201
    fub.switch("ids_per_event", 2)
    winner, *losers = list(fub.account.people.ids())[:6]
    fub.mutate("merge", winner=winner, losers=losers)
    told = [json.loads(sent.body) for sent in fub.box.hooks.sent.values()]
    assert [body["resourceIds"] for body in told] == [losers[:2], losers[2:4], losers[4:]]
    assert len({body["eventId"] for body in told}) == 3
    lost = f"webhookEvents/{told[0]['eventId']}"
    assert fub.get(lost) == told[0]
    assert Fub(fub.box, "ben-example").send(lost).status_code == 404
    fub.box.advance(days=3)
    assert fub.send(lost).status_code == 404


def test_a_revoked_key_and_an_expired_account(fub: Fub) -> None:
    fub.mutate("revoke_key")
    assert fub.send("identity").status_code == 401
    fub.mutate("restore_key")
    fub.mutate("expire_account")
    assert fub.send("identity").status_code == 403
    fub.mutate("expire_account", on=False)
    assert fub.send("identity").status_code == 200


def test_a_swapped_key_shows_another_tenant(fub: Fub) -> None:
    mine = fub.get("identity")["account"]["id"]
    fub.mutate("swap_key", other="ben-example")
    assert fub.get("identity")["account"]["id"] != mine


def test_rate_limits_are_told_and_kept_per_context() -> None:
    with running(limited=True) as fub:
        first = fub.send("stages")
        assert first.headers["x-ratelimit-limit"] == "250"
        assert first.headers["x-ratelimit-remaining"] == "249"
        assert first.headers["x-ratelimit-window"] == "10"
        assert first.headers["x-ratelimit-context"] == "global"
        answers = [fub.send("events", limit=1) for _ in range(21)]
        assert [a.status_code for a in answers] == [200] * 20 + [429]
        assert answers[0].headers["x-ratelimit-context"] == "events"
        assert int(answers[-1].headers["retry-after"]) >= 1
        assert "errorMessage" in answers[-1].json()
        # another context and another account are not touched
        assert fub.send("stages").status_code == 200
        fub.box.clock.advance(seconds=11)
        assert fub.send("events").status_code == 200


def test_without_a_registered_system_the_limits_are_halved() -> None:
    with running(limited=True) as fub:
        assert fub.send("stages", system=False).headers["x-ratelimit-limit"] == "125"
        statuses = [fub.send("events", limit=1, system=False).status_code for _ in range(11)]
        assert statuses == [200] * 10 + [429]
        fub.switch("retry_after", False)
        assert "retry-after" not in fub.send("events", system=False).headers


def test_limits_can_be_read(shared: Fub) -> None:
    assert shared.http.get("/v1/rateLimit/limits").status_code == 401
    body = shared.http.get("/v1/rateLimit/limits", headers=SYSTEM_HEADERS).json()
    assert body["current_limits"]["per_account"]["default"] == 250


def test_the_browser_step_gives_a_code_that_works_once(fub: Fub) -> None:
    oauth = fub.crm.account("ben-example")["oauth"]
    params = {
        "response_type": "auth_code",
        "client_id": oauth["client_id"],
        "redirect_uri": "https://app.example.test/callback",
        "state": "s1",
        "agent_key": "ben-example",
    }
    location = fub.http.get("/oauth/authorize", params=params).headers["location"]
    answer = parse_qs(urlsplit(location).query)
    assert (answer["response"], answer["state"]) == (["approved"], ["s1"])
    form = {
        "grant_type": "authorization_code",
        "code": answer["code"][0],
        "redirect_uri": params["redirect_uri"],
        "state": "s1",
    }
    stateless = fub.token(**{name: text for name, text in form.items() if name != "state"})
    assert (stateless.status_code, stateless.json()["error"]) == (400, "invalid_request")
    pair = fub.token(**form).json()
    assert (pair["token_type"], pair["expires_in"]) == ("Bearer", 3600)
    body = fub.send("identity", token=pair["access_token"]).json()
    assert body["account"]["id"] == fub.crm.account_of("ben-example").id
    again = fub.token(**form)
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
    denied = fub.http.get("/oauth/authorize", params={**params, "deny": "1"}).headers["location"]
    assert "response=denied" in denied


def test_access_tokens_die_after_an_hour_and_refresh_rotates(fub: Fub) -> None:
    first = fub.crm.account("ada-sample")["oauth"]
    assert fub.send("me", token=first["access_token"]).status_code == 200
    fub.box.advance(seconds=3601)
    assert fub.send("me", token=first["access_token"]).status_code == 401
    pair = fub.token(grant_type="refresh_token", refresh_token=first["refresh_token"]).json()
    assert pair["refresh_token"] != first["refresh_token"]
    assert fub.send("me", token=pair["access_token"]).status_code == 200
    # the second of two refreshes with one token loses
    late = fub.token(grant_type="refresh_token", refresh_token=first["refresh_token"])
    assert (late.status_code, late.json()["error"]) == (400, "invalid_grant")


def test_refresh_without_rotation_keeps_the_refresh_token(fub: Fub) -> None:
    fub.switch("rotate", False)
    first = fub.crm.account("ada-sample")["oauth"]["refresh_token"]
    for _ in range(2):
        pair = fub.token(grant_type="refresh_token", refresh_token=first).json()
        assert pair["refresh_token"] == first


def test_a_token_can_die_after_some_requests(fub: Fub) -> None:
    fub.switch("token_requests", 2)
    first = fub.crm.account("ada-sample")["oauth"]["refresh_token"]
    token = fub.token(grant_type="refresh_token", refresh_token=first).json()["access_token"]
    assert [fub.send("me", token=token).status_code for _ in range(3)] == [200, 200, 401]


def test_grants_end(fub: Fub) -> None:
    first = fub.crm.account("ada-sample")["oauth"]["refresh_token"]
    fub.mutate("refuse_refresh")
    assert fub.token(grant_type="refresh_token", refresh_token=first).status_code == 400
    fub.mutate("refuse_refresh", on=False)
    fub.box.clock.advance(days=90)
    idle = fub.token(grant_type="refresh_token", refresh_token=first)
    assert idle.json()["error"] == "invalid_grant"
    assert fub.token(grant_type="password").json()["error"] == "unsupported_grant_type"
    assert fub.token(refresh_token=first).json()["error"] == "invalid_request"
    wrong = fub.http.post("/oauth/token", data={"grant_type": "refresh_token"}, auth=("a", "b"))
    assert (wrong.status_code, wrong.json()["error"]) == (401, "invalid_client")
