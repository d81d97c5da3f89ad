"""A reZEN connection by consent: a key that lives twelve hours and a refresh token that works once
(rezen.md §2.3).
"""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from pipelines.common.account import Account
from pipelines.common.entity import check_account
from pipelines.common.errors import AccountBroken
from tests.sources.rig import ADA, BEN, Rig, must_be_one_sentence, sentence
from tests.sources.test_credentials import CountingCredentials, must_be_broken

ONLY = "rezen"


def held(rig: Rig) -> tuple[Account, CountingCredentials]:
    """Ada's connection by consent, whose credential outlives a sync."""
    kept = CountingCredentials(dict(rig.box.account(ADA, "rezen")["oauth"]))
    return rig.account(ADA, kept), kept


def change(rig: Rig, op: str, **fields: Any) -> None:
    rig.box.mutate({"op": f"rezen.{op}", "agent_key": ADA, **fields})


def renewals(rig: Rig) -> int:
    return rig.box.requests.count(vendor="rezen", method="POST", status=200)


def refusals(rig: Rig) -> int:
    return sum(n for (*_, status), n in rig.box.requests.counts.items() if status == 403)


def test_an_access_token_reads_what_a_key_reads(rig: Rig) -> None:
    account, kept = held(rig)
    before = rig.content()
    rig.sync()
    with_key = refusals(rig)
    assert not rig.sync(account, full=True).failures
    assert (kept.renewals, renewals(rig)) == (0, 0)
    assert refusals(rig) == 2 * with_key, "what a key may not see, a token may not see"
    assert rig.content() == before
    rig.must_equal_truth()


@pytest.mark.parametrize("told", [False, True])
def test_a_token_that_is_over_is_renewed_once_by_all_readers(rig: Rig, told: bool) -> None:
    """Readers side by side meet its end together; a second renewal would end the whole grant."""
    account, kept = held(rig)
    change(rig, "expire_token", told=told)
    if told:
        account, kept = held(rig)
    old = dict(kept.values)
    rig.box.requests.clear()
    assert not rig.sync(account, full=True).failures
    assert (kept.renewals, renewals(rig)) == (1, 1)
    assert refusals(rig) == (0 if told else 1)
    assert kept.values["access_token"] != old["access_token"]
    assert kept.values["refresh_token"] != old["refresh_token"]
    rig.must_equal_truth()


@pytest.mark.parametrize("skip", [7, pytest.param(30, marks=pytest.mark.slow)])
def test_a_token_that_dies_in_the_middle_costs_a_renewal(rig: Rig, skip: int) -> None:
    account, kept = held(rig)
    rig.box.advance(days=3)
    rule = rig.box.faults.add(
        "expire_token", vendor="rezen", match="^/(yenta|arrakis)", skip=skip, times=1, agent_key=ADA
    )
    assert not rig.sync(account).failures
    assert rule.hits == 1
    assert (kept.renewals, renewals(rig)) == (1, 1)
    assert not rig.sync(account, full=True).failures
    rig.must_equal_truth()


def test_a_service_that_is_closed_stops_neither_a_key_nor_a_token(rig: Rig) -> None:
    account, kept = held(rig)
    for path in ("/sponsor-tree", "/by-tier"):
        rig.box.faults.add("empty_403", vendor="rezen", match=path, times=None)
    for whose in (rig.account(ADA), account):
        report = rig.sync(whose)
        assert report.broken_accounts == {}
        assert not report.failures
        refused = {r.entity for r in report.results if r.status == "not_permitted"}
        assert {"sponsor_tree", "revshare_by_tier"} <= refused
    assert kept.renewals == 0


def test_each_renewal_is_with_the_refresh_token_of_the_last(rig: Rig) -> None:
    account, kept = held(rig)
    for count in (1, 2, 3):
        change(rig, "expire_token")
        assert not rig.sync(account, entities=["agents"]).failures
        assert (kept.renewals, renewals(rig)) == (count, count)


def test_a_refused_renewal_breaks_the_account_only(rig: Rig) -> None:
    before = rig.rows("transactions")
    account, _ = held(rig)
    change(rig, "revoke_grant")
    said = must_be_broken(rig, rig.sync(account, BEN))
    assert said == "reZEN does not renew the access (invalid_grant); connect the account again."
    assert rig.rows("transactions") == before
    with pytest.raises(AccountBroken, match="connect the account again"):
        check_account(rig.case.vendor, account, rig.settings)


def test_a_grant_that_is_given_back_opens_nothing(rig: Rig) -> None:
    account, kept = held(rig)
    oauth = rig.case.vendor.oauth
    assert oauth is not None
    with httpx.Client() as client:
        assert oauth.revoke(client, kept.values, rig.settings)
    must_be_broken(rig, rig.sync(account, BEN))
    rig.box.clock.advance(seconds=60)
    assert not rig.sync().failures, "a key that was entered is another access"


def test_a_refresh_token_that_was_used_elsewhere_is_one_sentence(rig: Rig) -> None:
    """As when a backup of the secrets is put back: nothing is asked again and again."""
    account, _ = held(rig)
    other, _ = held(rig)
    change(rig, "expire_token")
    assert not rig.sync(other, entities=["agents"]).failures
    rig.box.requests.clear()
    must_be_broken(rig, rig.sync(account, BEN))
    assert rig.box.requests.count(vendor="rezen", method="POST") == 1


def test_a_token_service_that_is_down_breaks_nobody(rig: Rig) -> None:
    account, kept = held(rig)
    change(rig, "expire_token")
    rig.box.faults.add("status", vendor="rezen", match="oauth2/token", status=503, times=None)
    report = rig.sync(account, entities=["agents"])
    assert report.broken_accounts == {}
    said = "reZEN's token service answered HTTP 503; try the sync again later."
    assert sentence(report, "agents") == said
    rig.box.faults.clear()
    assert not rig.sync(account, entities=["agents"]).failures
    assert kept.renewals > 1
    assert renewals(rig) == 1


def test_an_app_that_is_not_set_up_breaks_no_account(rig: Rig) -> None:
    account, _ = held(rig)
    change(rig, "expire_token")
    bare = rig.settings.model_copy(update={"oauth_client_id": None})
    report = rig.sync(account, settings=bare, entities=["agents"])
    assert report.broken_accounts == {}
    said = must_be_one_sentence(sentence(report, "agents"))
    assert "BROKERAGE_REZEN_OAUTH_CLIENT_ID" in said
