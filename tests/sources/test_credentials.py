"""Keys and tokens that are wrong, revoked, expired, somebody else's, or see too little."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pipelines.common.account import Account, Credentials, Exchange, StaticCredentials
from pipelines.common.entity import check_account
from pipelines.common.errors import AccountBroken
from pipelines.common.reading import SyncReport
from tests.sources.rig import Rig, must_be_one_sentence, result


def must_be_broken(rig: Rig, report: SyncReport) -> str:
    """The account is broken with one sentence, all of it failed, the others did not."""
    agent = rig.case.first
    [(connection, said)] = report.broken_accounts.items()
    assert connection == f"{agent}:{rig.case.name}"
    own = [r for r in report.results if r.agent_key == agent]
    assert {r.error for r in own if r.error == said}, own
    assert {r.agent_key for r in report.failures} == {agent}
    return must_be_one_sentence(said)


def with_key(rig: Rig, key: str) -> Account:
    agent = rig.case.first
    own = rig.account(agent).credentials.get()
    wrong = dict.fromkeys({rig.case.spoil, rig.case.renewal or rig.case.spoil}, key)
    return rig.account(agent, StaticCredentials({**own, **wrong}))


def test_a_wrong_key_breaks_its_account_only(rig: Rig) -> None:
    before = rig.rows(rig.case.listed)
    rig.box.advance(days=1)
    report = rig.sync(with_key(rig, "no-such-key"), *rig.case.pair[1:])
    assert must_be_broken(rig, report) == rig.case.broken_key
    assert "no-such-key" not in repr(report)
    assert rig.rows(rig.case.listed) == before
    assert {r.status for r in report.results if r.agent_key == rig.case.first} == {"failed"}
    assert sum(r.api_calls for r in report.results if r.agent_key == rig.case.first) <= 2, (
        "asked on and on"
    )
    with pytest.raises(AccountBroken, match="connect the account again"):
        check_account(rig.case.vendor, with_key(rig, "no-such-key"), rig.settings)
    assert not rig.sync(*rig.case.pair, full=True).failures
    rig.must_equal_truth(*rig.case.pair)


@pytest.mark.engine
def test_a_key_revoked_in_the_middle_loses_nothing(rig: Rig) -> None:
    rig.box.advance(days=3)
    rig.box.faults.add(
        **rig.case.refusal, vendor=rig.case.name, agent_key=rig.case.first,
        skip=rig.case.most_calls // 2, times=None,
    )  # fmt: skip
    report = rig.sync(*rig.case.pair)
    assert must_be_broken(rig, report) == rig.case.broken_key
    assert any(r.status == "ok" for r in report.results if r.agent_key == rig.case.first)
    rig.box.faults.clear()
    rig.box.clock.advance(seconds=60)
    assert not rig.sync(*rig.case.pair).failures
    assert not rig.sync(*rig.case.pair, full=True).failures
    rig.must_equal_truth(*rig.case.pair)


@pytest.mark.engine
def test_a_revoked_key_and_its_return(rig: Rig) -> None:
    prefix = "" if rig.case.name == "rezen" else f"{rig.case.name}."
    revoke = {"op": f"{prefix}revoke_key", "agent_key": rig.case.first}
    rig.box.mutate(revoke)
    must_be_broken(rig, rig.sync(*rig.case.pair))
    other_way = {"restore": True} if rig.case.revoke_restores else {"op": f"{prefix}restore_key"}
    rig.box.mutate({**revoke, **other_way})
    rig.box.clock.advance(seconds=60)
    assert not rig.sync(*rig.case.pair).failures
    rig.must_equal_truth(*rig.case.pair)


@pytest.mark.engine
@pytest.mark.applies(lambda case: case.knows_owner and len(case.agents) > 1)
def test_a_key_swapped_for_anothers_is_refused_before_a_row_is_written(rig: Rig) -> None:
    """Ada's connection suddenly holds Ben's key: his rows must not pour into hers."""
    mine = rig.account(rig.case.first)
    identity = check_account(rig.case.vendor, mine, rig.settings)
    known = replace(mine, account_source_id=identity.account_source_id)
    assert not rig.sync(known).failures
    before = rig.content()
    swapped = replace(known, credentials=rig.account(rig.case.pair[1]).credentials)
    rig.box.clock.advance(seconds=60)
    report = rig.sync(swapped, full=True)
    said = must_be_broken(rig, report)
    assert "now belongs to" in said
    assert "connect" in said
    assert rig.content() == before
    rig.box.clock.advance(seconds=60)
    assert not rig.sync(known).failures
    rig.must_equal_truth()


class CountingCredentials(StaticCredentials):
    """Counts how often it was renewed."""

    renewals = 0

    def refresh(self, stale: Credentials, exchange: Exchange) -> Credentials:
        def counted(old: Credentials) -> Credentials:
            self.renewals += 1
            return exchange(old)

        return super().refresh(stale, counted)


@pytest.mark.engine
def test_nobody_is_left_out_of_the_report(rig: Rig) -> None:
    """Even a broken account has a result per entity, so that every partition gets its sentence."""
    report = rig.sync(with_key(rig, "wrong"))
    assert {r.entity for r in report.results} == set(rig.case.entities)
    assert all(r.error for r in report.results)
    assert result(report, rig.case.listed).rows_written == 0
