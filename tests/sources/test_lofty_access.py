"""Lofty's two kinds of credentials, its roles, ways to say no, and limits (lofty.md §1, §2)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from pipelines.common import oauth
from pipelines.common.account import StaticCredentials
from pipelines.common.entity import check_account
from pipelines.common.errors import AccountBroken
from pipelines.lofty import client
from tests.sources.lofty_case import truth
from tests.sources.rig import (
    ADA,
    BEN,
    FlyingClock,
    Rig,
    calendar_of,
    must_be_one_sentence,
    result,
    sentence,
)
from tests.sources.test_credentials import CountingCredentials, must_be_broken
from tests.sources.test_rate_limits import SandboxStopwatch, limited, size

__all__ = ["limited", "size"]

ONLY = "lofty"


def change(rig: Rig, op: str, **fields: Any) -> None:
    rig.box.mutate({"op": f"lofty.{op}", "agent_key": ADA, **fields})


def switch(rig: Rig, name: str, value: object) -> None:
    rig.box.mutate({"op": "lofty.switch", "name": name, "value": value})


def granted(rig: Rig, agent: str = ADA) -> CountingCredentials:
    return CountingCredentials(dict(rig.box.account(agent, "lofty")["oauth"]))


def key(rig: Rig, role: str) -> StaticCredentials:
    return StaticCredentials({"api_key": rig.box.account(ADA, "lofty")["keys"][role]})


@pytest.fixture
def on_the_calendar(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> Rig:
    """The client, too, takes its now from the sandbox, whose tokens end on its calendar."""
    monkeypatch.setattr(oauth, "datetime", calendar_of(rig.box))
    return rig


def renewals(rig: Rig) -> int:
    return rig.box.requests.count(vendor="lofty", method="POST", status=200)


# -- OAuth -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("endpoint", ["A", pytest.param("B", marks=pytest.mark.slow)])
@pytest.mark.every_time
def test_a_token_reads_what_a_key_reads_and_is_replaced_before_it_ends(
    on_the_calendar: Rig, endpoint: str
) -> None:
    rig = on_the_calendar
    switch(rig, "token_endpoint", endpoint)
    held = granted(rig)
    old = dict(held.values)
    assert not rig.sync(rig.account(ADA, held)).failures
    assert (held.renewals, renewals(rig)) == (0, 0), "an hour of two is left"
    rig.box.clock.advance(seconds=55 * 60 + 60)
    assert not rig.sync(rig.account(ADA, held), full=True).failures
    assert (held.renewals, renewals(rig)) == (1, 1)
    assert rig.box.requests.count(vendor="lofty", status=401) == 0, "no request was lost"
    assert held.values["access_token"] != old["access_token"]
    assert held.values["refresh_token"] != old["refresh_token"]
    left = datetime.fromisoformat(held.values["expires_at"]) - rig.box.clock.now()
    assert 7100 < left.total_seconds() <= 7200
    rig.must_equal_truth()


def test_a_fifth_of_a_tokens_life_is_left_when_it_is_replaced(on_the_calendar: Rig) -> None:
    rig = on_the_calendar
    switch(rig, "expires_in", 1000)
    held = granted(rig)
    rig.box.clock.advance(seconds=7200)
    for pause, count in ((0, 1), (700, 1), (110, 2)):
        rig.box.clock.advance(seconds=pause)
        assert not rig.sync(rig.account(ADA, held), entities=["account"]).failures
        assert held.renewals == count


@pytest.mark.engine
def test_a_token_that_dies_in_the_middle_costs_one_renewal(on_the_calendar: Rig) -> None:
    rig = on_the_calendar
    held = granted(rig)
    killed: list[str] = []

    def kill_the_token(progress: Any) -> None:
        if progress.entity == "members" and not killed:
            change(rig, "expire_token")
            killed.append(progress.entity)

    report = rig.sync(rig.account(ADA, held), full=True, progress=kill_the_token)
    assert killed
    assert not report.failures
    assert (held.renewals, renewals(rig)) == (1, 1)
    rig.must_equal_truth()


def test_a_dead_refresh_token_is_one_sentence(on_the_calendar: Rig) -> None:
    rig = on_the_calendar
    before = rig.content()
    held = granted(rig)
    assert not rig.sync(rig.account(ADA, held), entities=["account"]).failures
    # the pair is used elsewhere: a refresh token works once
    other = granted(rig)
    change(rig, "expire_token")
    assert not rig.sync(rig.account(ADA, other), entities=["account"]).failures
    said = must_be_broken(rig, rig.sync(rig.account(ADA, held), BEN))
    assert said.startswith("Lofty does not renew the access (")
    assert {k: v for k, v in rig.content().items() if k != "account"} == {
        k: v for k, v in before.items() if k != "account"
    }


@pytest.mark.engine
def test_a_token_service_that_is_down_breaks_no_account(rig: Rig) -> None:
    rig.box.faults.add("status", vendor="lofty", match="oauth/token", status=503, times=None)
    change(rig, "expire_token")
    report = rig.sync(rig.account(ADA, granted(rig)))
    assert report.broken_accounts == {}
    assert "token service answered HTTP 503" in sentence(report, "account")
    rig.box.faults.clear()
    assert not rig.sync(rig.account(ADA, granted(rig))).failures
    rig.must_equal_truth()


@pytest.mark.parametrize("kind", ["key_as_token", "token_as_key"])
def test_the_wrong_scheme_is_told_and_not_tried_again(rig: Rig, kind: str) -> None:
    own = rig.box.account(ADA, "lofty")
    swapped = (
        {"access_token": own["credentials"]["api_key"]}
        if kind == "key_as_token"
        else {"api_key": own["oauth"]["access_token"]}
    )
    said = must_be_broken(rig, rig.sync(rig.account(ADA, StaticCredentials(swapped)), BEN))
    assert "an API key was kept as an OAuth token" in said
    assert rig.box.requests.count(vendor="lofty", account=ADA) <= 2


# -- whose key -------------------------------------------------------------------------------------


def test_the_check_says_what_a_key_cannot_see(rig: Rig) -> None:
    owner = check_account(rig.case.vendor, rig.account(ADA, key(rig, "owner")), rig.settings)
    assert (owner.limited, owner.role) == (None, "Company Owner")
    agent = check_account(rig.case.vendor, rig.account(ADA, key(rig, "agent")), rig.settings)
    assert agent.account_source_id == owner.account_source_id
    assert "it shows only the leads of that user" in must_be_one_sentence(agent.limited or "")
    with pytest.raises(AccountBroken, match="with a new key of an owner or admin"):
        check_account(rig.case.vendor, rig.account(ADA, key(rig, "expired")), rig.settings)


@pytest.mark.every_time
def test_a_key_that_sees_less_than_before_deletes_nothing(rig: Rig) -> None:
    """A smaller answer with HTTP 200: absence means nothing any more, now and at the next time."""
    names = ("members", "tags", "leads", "communications", "transactions", "notes")
    before = {entity: set(rig.rows(entity)) for entity in names}
    lesser = rig.account(ADA, key(rig, "agent"))
    for _ in range(2):
        report = rig.sync(lesser, full=True)
        assert not report.failures
        assert result(report, "leads").rows_read < len(before["leads"])
        assert sum(r.rows_deleted for r in report.results) == 0
        assert all(keys <= rig.rows(entity).keys() for entity, keys in before.items())
        rig.box.clock.advance(seconds=60)
    [(note,)] = rig.query(
        "select error from raw_lofty.sync_marks where entity = 'leads' order by started_at desc"
        " limit 1"
    )
    assert "sees less of the account than before" in note


def test_an_agents_key_loads_what_the_agent_sees_and_says_so(new_rig: Rig) -> None:
    report = new_rig.sync(new_rig.account(ADA, key(new_rig, "agent")))
    assert not report.failures
    mine, owners = new_rig.rows("leads"), truth(new_rig.box, "leads")
    # a hidden lead is shown to its agent only
    assert {key for key, row in mine.items() if not row["hidden_flag"]} < owners.keys()
    [(note,)] = new_rig.query("select error from raw_lofty.sync_marks where entity = 'account'")
    assert "it shows only the leads of that user" in note
    [(note,)] = new_rig.query(
        "select error from raw_lofty.sync_marks where entity = 'communications'"
    )
    assert "only the communication of the credential's own user" in note


# -- ways to say no --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "style",
    [
        "mixed",
        "bare",
        "exception",
        *(
            pytest.param(name, marks=pytest.mark.slow)
            for name in ("int", "string", "symbol", "error_code")
        ),
    ],
)
def test_every_form_of_an_error_is_read(rig: Rig, style: str) -> None:
    switch(rig, "error_style", style)
    said = must_be_broken(rig, rig.sync(rig.account(ADA, key(rig, "expired")), BEN))
    assert said == rig.case.broken_key
    rig.box.faults.add("scope_missing", vendor="lofty", match="lead-ponds", times=1)
    rig.box.faults.add("server_error", vendor="lofty", match="listTag", times=3)
    clock = FlyingClock()
    report = rig.sync(clock=clock)
    assert not report.failures
    assert result(report, "ponds").status == "not_permitted"
    must_be_one_sentence(result(report, "ponds").error or "")
    assert len(clock.slept) == 3, "HTTP 500 is tried three times more"


@pytest.mark.every_time
def test_a_right_that_an_app_lacks_costs_one_table_and_no_row(on_the_calendar: Rig) -> None:
    """What is read lead by lead is no matter of the lead when the path itself is refused."""
    rig = on_the_calendar
    before = set(rig.rows("notes"))
    switch(rig, "missing_scopes", ["/v1.0/notes"])
    report = rig.sync(rig.account(ADA, granted(rig)), full=True)
    assert not report.failures
    notes = result(report, "notes")
    assert (notes.status, notes.rows_deleted) == ("not_permitted", 0)
    assert notes.api_calls < 10, "not a call for each lead"
    assert result(report, "tasks").status == "ok"
    assert set(rig.rows("notes")) == before


def test_bad_credentials_as_a_400_are_refused_credentials(rig: Rig) -> None:
    switch(rig, "unauthorized_status", 400)
    switch(rig, "error_style", "int")
    change(rig, "revoke_key")
    assert must_be_broken(rig, rig.sync(ADA, BEN)) == rig.case.broken_key


def test_a_success_that_hides_an_error_is_tried_again_and_then_told(rig: Rig) -> None:
    rig.box.faults.add("code_in_200", vendor="lofty", match="listTag", times=2)
    assert not rig.sync().failures
    rig.box.faults.add("code_in_200", vendor="lofty", match="listTag", times=None)
    said = sentence(rig.sync(), "tags")
    assert said == (
        "Lofty answered HTTP 200 to GET /lofty/v1.0/teamFeatures/listTag (code 20005); nothing was "
        "changed, try the sync again later."
    )
    rig.box.faults.clear()
    assert not rig.sync(full=True).failures
    rig.must_equal_truth()


@pytest.mark.parametrize("asked", ["all", pytest.param("none", marks=pytest.mark.slow)])
def test_gets_carry_the_type_that_some_of_them_want(rig: Rig, asked: str) -> None:
    switch(rig, "content_type", asked)
    assert not rig.sync(full=True).failures
    assert rig.box.requests.count(vendor="lofty", status=415) == 0


# -- limits ----------------------------------------------------------------------------------------


class MovingClock(FlyingClock):
    """Whoever pauses moves the sandbox's time on."""

    def __init__(self, rig: Rig) -> None:
        super().__init__()
        self._box = rig.box

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        self._box.clock.advance(seconds=seconds)


@pytest.mark.parametrize(
    "style",
    [
        "epoch",
        *(pytest.param(name, marks=pytest.mark.slow) for name in ("milliseconds", "seconds")),
    ],
)
@pytest.mark.every_time
def test_a_429_waits_for_the_reset_in_either_style(rig: Rig, style: str) -> None:
    """The engine knows of no limit, so it runs into this one, in the middle of a scroll, too."""
    switch(rig, "reset_style", style)
    switch(rig, "page_cap", 10)
    rig.box.limits.set("lofty", "key", 3, 60.0)
    rig.box.limits.enabled = True
    clock = MovingClock(rig)
    report = rig.sync(clock=clock, entities=["account", "leads"], full=True)
    assert not report.failures
    assert rig.box.requests.throttled > 0
    assert all(1 <= pause <= 61 for pause in clock.slept), clock.slept
    assert max(clock.slept) > 2, "the reset is understood, and not taken for an instant long past"
    assert [d for d in rig.differences() if d.startswith("leads ")] == []


@pytest.mark.parametrize(
    ("app", "limit"),
    [("development", 100), pytest.param("production", 500, marks=pytest.mark.slow)],
)
def test_the_headers_raise_the_rate_of_an_oauth_app(
    limited: tuple[Rig, SandboxStopwatch], monkeypatch: pytest.MonkeyPatch, app: str, limit: int
) -> None:
    """It begins with ten a minute, which would take a quarter of an hour."""
    rig, watch = limited
    monkeypatch.setattr(client, "datetime", calendar_of(rig.box))
    switch(rig, "app", app)
    begun = watch.monotonic()
    report = rig.sync(rig.account(ADA, granted(rig)), clock=watch)
    assert not report.failures
    calls = sum(r.api_calls for r in report.results)
    assert calls > 150
    assert rig.box.requests.throttled == 0
    assert watch.monotonic() - begun <= 60 * (calls // limit) + 1
    rig.must_equal_truth()


def test_accounts_of_one_app_keep_to_its_limit_together(
    limited: tuple[Rig, SandboxStopwatch], monkeypatch: pytest.MonkeyPatch
) -> None:
    rig, watch = limited
    monkeypatch.setattr(client, "datetime", calendar_of(rig.box))
    accounts = [rig.account(agent, granted(rig, agent)) for agent in (ADA, BEN)]
    assert not rig.sync(*accounts, clock=watch).failures
    assert rig.box.requests.throttled == 0
    rig.must_equal_truth(ADA, BEN)
