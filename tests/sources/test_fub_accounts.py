"""Follow Up Boss's two kinds of credentials and its roles (fub.md §1)."""

from __future__ import annotations

from typing import Any

import pytest

from pipelines.common.account import StaticCredentials
from pipelines.common.entity import check_account
from pipelines.common.errors import AccountBroken
from tests.sources.rig import ADA, BEN, Rig, only, result
from tests.sources.test_credentials import CountingCredentials, must_be_broken

ONLY = "fub"


def fub(rig: Rig, agent: str = ADA) -> dict[str, Any]:
    [found] = [a for a in rig.box.accounts if a["agent_key"] == agent]
    own: dict[str, Any] = found["fub"]
    return own


def oauth(rig: Rig) -> CountingCredentials:
    granted = fub(rig)["oauth"]
    return CountingCredentials({name: granted[name] for name in ("access_token", "refresh_token")})


def change(rig: Rig, op: str, **fields: Any) -> None:
    rig.box.mutate({"op": f"fub.{op}", "agent_key": ADA, **fields})


@pytest.mark.parametrize("rotate", [True, False], ids=["rotation", "no_rotation"])
def test_an_expired_token_is_renewed_once(rig: Rig, rotate: bool) -> None:
    change(rig, "switch", name="rotate", value=rotate)
    rig.box.advance(days=1)
    granted = oauth(rig)
    old = dict(granted.values)
    assert not rig.sync(rig.account(ADA, granted)).failures
    assert granted.renewals == 1
    assert granted.values["access_token"] != old["access_token"]
    assert (granted.values["refresh_token"] != old["refresh_token"]) is rotate
    assert rig.box.requests.count(vendor="fub", method="POST", status=200) == 1
    assert not rig.sync(rig.account(ADA, granted), full=True).failures
    rig.must_equal_truth()


def test_a_token_that_expires_in_the_middle_costs_one_renewal(rig: Rig) -> None:
    rig.box.advance(days=3)
    granted = oauth(rig)
    assert not rig.sync(rig.account(ADA, granted)).failures
    killed: list[str] = []

    def kill_the_token(progress: Any) -> None:
        if progress.entity == "users" and not killed:
            change(rig, "expire_tokens")
            killed.append(progress.entity)

    rig.box.clock.advance(seconds=60)
    report = rig.sync(rig.account(ADA, granted), full=True, progress=kill_the_token)
    assert killed
    assert not report.failures
    assert granted.renewals == 2
    rig.must_equal_truth()


def test_a_grant_that_is_gone_is_one_sentence(rig: Rig) -> None:
    before = rig.content()
    change(rig, "expire_tokens")
    change(rig, "refuse_refresh")
    granted = oauth(rig)
    said = must_be_broken(rig, rig.sync(rig.account(ADA, granted), BEN))
    assert said == (
        "Follow Up Boss does not renew the access (invalid_grant); connect the account again."
    )
    assert rig.content() == before
    change(rig, "refuse_refresh", on=False)
    rig.box.clock.advance(seconds=60)
    assert not rig.sync(rig.account(ADA, granted)).failures
    rig.must_equal_truth()


def test_a_token_service_that_is_down_breaks_no_account(rig: Rig) -> None:
    change(rig, "expire_tokens")
    rig.box.faults.add("status", vendor="fub", match="^/oauth/token", status=503, times=None)
    granted = oauth(rig)
    report = rig.sync(rig.account(ADA, granted))
    assert report.broken_accounts == {}
    assert "token service answered HTTP 503" in (result(report, "identity").error or "")
    rig.box.faults.clear()
    assert not rig.sync(rig.account(ADA, granted)).failures
    rig.must_equal_truth()


def test_an_unpaid_account_is_broken_with_the_vendors_own_words(rig: Rig) -> None:
    change(rig, "expire_account")
    said = must_be_broken(rig, rig.sync())
    assert "This account has expired" in said
    change(rig, "expire_account", on=False)
    assert not rig.sync().failures
    rig.must_equal_truth()


@pytest.mark.parametrize(
    ("role", "said"),
    [
        ("owner", None),
        ("admin", "may not manage webhooks; connect the account with the owner's key"),
        ("agent", "it shows only people assigned to that user"),
        ("lender", "it shows only people assigned to that user"),
    ],
)
def test_the_check_says_what_a_key_cannot_see(rig: Rig, role: str, said: str | None) -> None:
    account = rig.account(ADA, StaticCredentials({"api_key": fub(rig)["keys"][role]}))
    identity = check_account(rig.case.vendor, account, rig.settings)
    assert identity.account_source_id == str(fub(rig)["account_id"])
    if said is None:
        assert identity.limited is None
    else:
        assert said in (identity.limited or "")


def test_an_agents_key_loads_what_the_agent_sees_and_says_so(new_rig: Rig) -> None:
    key = StaticCredentials({"api_key": fub(new_rig)["keys"]["agent"]})
    report = new_rig.sync(new_rig.account(ADA, key))
    assert not report.failures
    truth = new_rig.box.crm.truth(ADA, role="agent")["entities"]
    for entity in ("people", "deals", "events", "calls"):
        assert set(new_rig.rows(entity)) == set(truth[entity]["rows"]), entity
    [(note,)] = new_rig.query("select error from raw_fub.sync_marks where entity = 'identity'")
    assert "shows only people assigned to that user" in note


def test_a_key_that_sees_less_than_before_deletes_nothing(rig: Rig) -> None:
    """A smaller answer with HTTP 200: absence means nothing any more."""
    before = {entity: rig.rows(entity) for entity in ("people", "deals", "events", "calls")}
    lesser = rig.account(ADA, StaticCredentials({"api_key": fub(rig)["keys"]["agent"]}))
    # the second sync finds the lesser identity stored
    for full in (False, False, True):
        report = rig.sync(lesser, full=full)
        assert not report.failures
        assert sum(r.rows_deleted for r in report.results if r.entity in before) == 0
        for entity, rows in before.items():
            assert set(rig.rows(entity)) == set(rows), entity
        rig.box.clock.advance(seconds=60)
    notes = rig.query(
        "select error from raw_fub.sync_marks where entity = 'people' order by started_at desc"
    )
    assert "sees less of the account than before" in notes[0][0]
    assert not rig.sync(full=True).failures
    rig.must_equal_truth()


def test_an_api_key_is_not_renewed(rig: Rig) -> None:
    change(rig, "revoke_key")
    with pytest.raises(AccountBroken, match="new key of the account owner"):
        check_account(rig.case.vendor, rig.account(ADA), rig.settings)
    assert rig.box.requests.count(vendor="fub", method="POST") == 0


# -- filters that do not do what they say (§4.3) ---------------------------------------------------


@pytest.mark.parametrize("mode", ["ignored", "always_empty"])
@pytest.mark.parametrize(
    "switch",
    [
        "updated_after",
        pytest.param("created_after", marks=pytest.mark.slow),
        pytest.param("last_activity_after", marks=pytest.mark.slow),
    ],
)
def test_a_filter_that_stops_working_costs_calls_and_no_rows(
    rig: Rig, switch: str, mode: str
) -> None:
    change(rig, "switch", name=switch, value=mode)
    for _ in range(2):
        rig.box.advance(days=1)
        assert not rig.sync().failures
        late = frozenset().union(*(c.late for c in rig.case.changes))
        assert only(late, rig.differences())
    assert not rig.sync(full=True).failures
    rig.must_equal_truth()


def test_rows_that_change_during_a_sorted_walk_are_not_lost(rig: Rig) -> None:
    change(rig, "switch", name="updated_after", value="ignored")
    rig.sync(full=True)
    change(rig, "switch", name="sort_drift", value=3)
    rig.box.advance(days=1)
    report = rig.sync()
    assert "sort_updated_walk" in result(report, "people").mode
    rig.box.clock.advance(seconds=60)
    assert not rig.sync().failures
    late = frozenset().union(*(c.late for c in rig.case.changes))
    assert only(late, rig.differences())
    assert not rig.sync(full=True).failures
    rig.must_equal_truth()
