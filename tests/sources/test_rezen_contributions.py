"""Revenue share that is taken back: what counts as paid, pending or earned must shrink with it
(rezen.md §7).
"""

from __future__ import annotations

from collections import Counter

from sandbox.world.model import Contribution
from tests.sources.rig import ADA, Rig

ONLY = "rezen"


def change(rig: Rig, op: str, **fields: str) -> None:
    rig.box.mutate({"op": f"rezen.{op}", "agent_key": ADA, **fields})
    rig.box.clock.advance(seconds=60)


def earned(rig: Rig) -> list[Contribution]:
    world = rig.box.world
    return [c for c in world.ledger.contributions[world.agent_by_key(ADA).id] if not c.missed]


def test_what_a_payment_lost_before_it_was_paid_is_not_paid(rig: Rig) -> None:
    change(rig, "set_payment_status", status="SCHEDULED")
    assert not rig.sync().failures
    payment = rig.box.world.ledger.payments[rig.box.world.agent_by_key(ADA).id][-1]
    assert rig.rows("revshare_payments")[payment.id]["status"] == "SCHEDULED"
    lost = payment.contributions[0]
    change(rig, "withdraw_contribution", contribution_id=lost.id)
    change(rig, "set_payment_status", status="PAID")
    assert not rig.sync().failures
    key = f"{payment.id}|{lost.id}"
    assert key in rig.rows("revshare_payment_contributions", live=False)
    assert key not in rig.rows("revshare_payment_contributions")
    # the month of the payment may be too long ago for an increment
    assert not rig.sync(full=True).failures
    rig.must_equal_truth()


def test_a_contributor_who_earned_nothing_after_all_is_in_no_sum(rig: Rig) -> None:
    month = f"{rig.box.world.today:%Y-%m}"
    of_month = [c for c in earned(rig) if f"{c.earned_on:%Y-%m}" == month]
    times = Counter((c.tier, c.contributor_id) for c in of_month)
    lost = next(c for c in of_month if times[c.tier, c.contributor_id] == 1)
    key = f"{lost.tier}|{month}-01|{lost.contributor_id}"
    assert key in rig.rows("revshare_contributors")
    change(rig, "withdraw_contribution", contribution_id=lost.id)
    assert not rig.sync().failures
    assert key not in rig.rows("revshare_contributors")
    sums = rig.rows("revshare_contributions")
    assert f"{lost.tier}|{lost.contributor_id}|{month}-01" not in sums
    rig.must_equal_truth()


def test_contributions_may_come_deal_by_deal(rig: Rig) -> None:
    """Which of the two forms reZEN sends is open: the other one replaces what is held."""
    assert {row["id"] for row in rig.rows("revshare_contributions").values()} == {None}
    rig.box.faults.add("per_deal", vendor="rezen", match="/contributions/", times=None)
    rig.box.clock.advance(seconds=60)
    assert not rig.sync(full=True).failures
    world = rig.box.world
    told = world.ledger.contributions[world.agent_by_key(ADA).id]
    held = rig.rows("revshare_contributions")
    assert held.keys() == {f"{c.tier}|{c.contributor_id}|{c.id}" for c in told}
    for row in told:
        raw = held[f"{row.tier}|{row.contributor_id}|{row.id}"]
        assert raw["payout_amount"] == row.payout
        assert (raw["transaction_id"], raw["transaction_code"]) == (row.deal_id, row.code)
        assert raw["earned_at"] == row.earned_at.replace(
            microsecond=row.earned_at.microsecond // 1000 * 1000
        )
        assert raw["window_start"] == row.earned_on.replace(day=1)
        assert (raw["missed"], raw["missed_reason"]) == (row.missed, row.missed_reason)
        assert raw["outgoing_payment_id"] == row.payment_id
    assert {row["transaction_type"] for row in held.values()} >= {"SALE"}
    assert {row["pending_reason"] for row in held.values()} >= {"AWAITING_PAYMENT"}
    rig.must_equal_truth()
