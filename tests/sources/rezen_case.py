"""reZEN for the conformance suite."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

from pydantic import SecretStr

from pipelines.rezen.client import RezenSettings
from pipelines.rezen.source import REZEN
from sandbox.box import Sandbox
from sandbox.world.model import Agent, Deal
from tests.sources.rig import ADA, BEN, Case, Change, LateCommit, NotSent, Rig, Row


def settings(box: Sandbox) -> RezenSettings:
    return RezenSettings(
        yenta_base_url=f"{box.url}/rezen/yenta/api/v1",
        arrakis_base_url=f"{box.url}/rezen/arrakis/api/v1",
        plutus_base_url=f"{box.url}/rezen/plutus/api/v1",
        oauth_base_url=f"{box.url}/rezen/keymaker-oauth",
        oauth_client_id="app_sandbox_confidential",
        oauth_client_secret=SecretStr("sandbox:rezen/secret+1"),
        equity=True,
    )


# -- what Ada has ----------------------------------------------------------------------------------


def deals_of(box: Sandbox, group: str, *, listing: bool = False) -> list[Deal]:
    """Ada's deals of a lifecycle group, those in a known state, oldest first."""
    world = box.world
    mine = world.deals_of(world.agent_by_key(ADA).id, listing=listing)
    return sorted(
        (d for d in mine if d.group == group and d.state and not d.raw),
        key=lambda d: (d.created_at, d.id),
    )


def leaf(box: Sandbox, tier: int) -> Agent:
    """Somebody in Ada's network with nobody below."""
    world = box.world
    people = world.down_line(world.agent_by_key(ADA).id, tier)
    return next(a for a in people if not world.children.get(a.id) and a.status == "ACTIVE")


# -- what may happen -------------------------------------------------------------------------------


def change(
    op: str,
    find: Callable[[Sandbox], dict[str, Any]] = lambda _box: {},
    *,
    late: tuple[str, ...] = (),
    name: str | None = None,
    **fields: Any,
) -> Change:
    return Change(
        name or op,
        lambda box: box.mutate({"op": op, **find(box), **fields}),
        frozenset(late),
    )


def _open(box: Sandbox) -> dict[str, Any]:
    return {"deal_id": deals_of(box, "OPEN")[0].id}


def _closed(box: Sandbox) -> dict[str, Any]:
    return {"deal_id": deals_of(box, "CLOSED")[0].id}


def _listing(box: Sandbox) -> dict[str, Any]:
    return {"deal_id": deals_of(box, "OPEN", listing=True)[0].id}


def _first_tier(box: Sandbox) -> dict[str, Any]:
    return {"agent_id": leaf(box, 1).id}


def _second_tier(box: Sandbox) -> dict[str, Any]:
    return {"agent_id": leaf(box, 2).id}


def _team_mate(box: Sandbox) -> dict[str, Any]:
    world = box.world
    ada = world.agent_by_key(ADA).id
    [mate, *_] = [
        m.agent_id
        for t in world.teams_of(ada)
        for m in t.members
        if m.role == "MEMBER" and m.agent_id != ada
    ]
    return {"agent_id": mate}


def _to_ada(box: Sandbox) -> dict[str, Any]:
    return {"agent_id": leaf(box, 2).id, "sponsor_id": box.world.agent_by_key(ADA).id}


def _pending(box: Sandbox) -> dict[str, Any]:
    ledger = box.world.ledger
    return {"contribution_id": ledger.pending(box.world.agent_by_key(ADA).id)[-1].id}


def _hide_and_show(box: Sandbox) -> None:
    deal = deals_of(box, "CLOSED")[-1].id
    box.mutate({"op": "hide_deal", "deal_id": deal})
    box.mutate({"op": "show_deal", "deal_id": deal})


CHANGES = (
    change("add_deal", agent_key=ADA, price="450000.10"),
    change("add_deal", name="add_listing", agent_key=ADA, listing=True),
    change("add_deal", name="add_shared_deal", agent_key=ADA, partner_key=BEN),
    change("update_deal", _open, price="512345.67", gross="15370.37"),
    change("update_deal", _closed, name="correct_a_closed_deal", gross="9999.99"),
    change("update_deal", _closed, name="redate_a_closed_deal", closing_actual="2026-01-31"),
    change("update_deal", _open, name="no_lead_source", lead_source=None, street="1 New Way"),
    change("close_deal", _open),
    change("close_deal", _listing, name="close_listing"),
    change("terminate_deal", _open),
    change("set_state", _open, name="unknown_state", state="ON_THE_MOON", force=True),
    change("hide_deal", _closed, name="hide_deal_for_all"),
    change("hide_deal", _closed, name="hide_deal_from_ada", agent_key=ADA),
    Change("hide_and_show_deal", _hide_and_show),
    change("change_participant", _open, name="add_participant", add=True, role="LENDER"),
    change("change_participant", _open, name="rename_participant", first_name="Zoë"),
    change("add_member", agent_key=ADA, first_name="Nia", last_name="O'New"),
    change("set_status", _first_tier, status="INACTIVE"),
    change("set_sponsor", _to_ada),
    change("update_agent", agent_key=ADA, phone="8015550100"),
    change("update_agent", _second_tier, name="update_member", last_name="Renamed"),
    # whoever left the tree shows in no increment of the down-line: the weekly walk finds it
    change("remove_member", _first_tier, late=("down_line",)),
    change("remove_team_member", _team_mate),
    change("rezen.withdraw_contribution", _pending, name="withdraw_contribution", agent_key=ADA),
)


def departure(box: Sandbox) -> tuple[str, str, Callable[[], object]]:
    gone = leaf(box, 1).id
    return "front_line", gone, lambda: box.mutate({"op": "remove_member", "agent_id": gone})


# -- what the truth shows of a row -----------------------------------------------------------------


def _owner(row: Row) -> Any:
    # not every deal is sent with its owner
    return row["transaction_owner"]["id"] if row["transaction_owner"] else NotSent


def _split_percent(row: Row) -> Decimal:
    shares = [p["payment"] for p in row["participants"] or () if p["payment"]]
    return sum((Decimal(str(share["percent"])) for share in shares), Decimal(0))


DEAL = {
    "owner_id": _owner,
    "one_line": lambda row: row["address"]["oneLine"],
    "participants": lambda row: len(row["participants"] or ()),
    "split_percent": _split_percent,
}


def control(rig: Rig, agent: str) -> Iterator[str]:
    """Sums that other endpoints report about the same contributions."""
    with rig.box.lock:
        truth = rig.box.books["rezen"].truth(agent)
    wanted = truth["control"]

    def sums(table: str, group: str, amount: str, missed: bool | None = None) -> dict[str, Decimal]:
        found: dict[str, Decimal] = {}
        for row in rig.rows(table, agent).values():
            if missed is None or row["missed"] is missed:
                key = str(row[group])
                found[key] = found.get(key, Decimal(0)) + row[amount]
        return {key: value for key, value in found.items() if value}

    def compare(what: str, held: dict[str, Decimal], told: dict[str, str]) -> Iterator[str]:
        expected = {key: Decimal(value) for key, value in told.items() if Decimal(value)}
        if held != expected:
            yield f"{what}: {held}, in truth {expected}"

    by_tier = wanted["by_tier"]
    yield from compare(
        "revshare_by_tier", sums("revshare_by_tier", "tier", "amount_amount"), by_tier
    )
    contributors = sums("revshare_contributors", "tier", "total_payout_amount")
    yield from compare("revshare_contributors", contributors, by_tier)
    for missed, told in ((False, by_tier), (True, wanted["missed_by_tier"])):
        held = sums("revshare_contributions", "tier", "payout_amount", missed)
        yield from compare(f"revshare_contributions, missed {missed}", held, told)
    history = sums("revshare_history", "month", "amount_amount")
    yield from compare("revshare_history", history, wanted["history"])


# deals overlap by a day, but a walk reads whole pages of a hundred: more than this world has
LATE_COMMITS = (
    LateCommit(
        "down_line",
        timedelta(days=2),
        change("update_agent", _first_tier, last_name="Newer").play,
        change("update_agent", _second_tier, last_name="Late").play,
    ),
)


def _money(*names: str) -> tuple[str, ...]:
    return tuple(f"{name}_{part}" for name in names for part in ("amount", "currency"))


CAPS = "a cap is told in a call of its own"
OF_THE_SALE = "its sale has it"
PER_DEAL = "of single deals; read in test_rezen_contributions"
UNSENT = {
    "cap_info": dict.fromkeys(
        (f"{name}_currency" for name in ("cap_amount", "cap_amount_paid", "post_cap_fee",
                                         "normal_team_lead_annual_cap", "pre_cap_fee")),
        "caps are plain numbers",
    ),
    **{
        entity: dict.fromkeys(("capped", *_money("cap_amount", "cap_amount_paid")), CAPS)
        for entity in ("front_line", "down_line")
    },
    "transaction_list": {"listing_date": "of listings"},
    "transactions": dict.fromkeys(("listing_date", "listing_expiration_date"), "of listings"),
    "listing_list": dict.fromkeys(
        ("closed_at", "closing_date_actual", "closing_date_estimated", "contract_acceptance_date",
         *_money("my_net_payout")),
        OF_THE_SALE,
    ),
    "listings": dict.fromkeys(
        ("agent_reported_closing_date", "built_from_transaction_id", "cd_payer",
         "cd_payer_business_entity", "closed_at", "closing_date_actual", "closing_date_estimated",
         "commission_splits", "contract_acceptance_date", "firm_date", "paid_participants",
         "rezen_closed_at", "sale_commission_percent", "sky_slope_actual_closing_date",
         "sky_slope_escrow_closing_date", *_money("my_net_payout", "sale_commission_amount")),
        OF_THE_SALE,
    ),
    "revshare_contributions": dict.fromkeys(
        ("id", "transaction_id", "transaction_code", "transaction_type", "transaction_status",
         "earned_at", "pending_reason", "outgoing_payment_id"),
        PER_DEAL,
    ),
    "revshare_payment_contributions": dict.fromkeys(
        ("pending_reason", "missed_reason"), "what is paid is neither"
    ),
    "revshare_pending": dict.fromkeys(
        ("missed_reason", "outgoing_payment_id"), "what is pending is neither"
    ),
}  # fmt: skip

CASE = Case(
    vendor=REZEN,
    entities=(
        "agents", "cap_info", "teams", "team_members", "transaction_list", "transactions",
        "listing_list", "listings", "front_line", "down_line", "network_size", "sponsor_tree",
        "revshare_payments", "revshare_payment_contributions", "revshare_pending",
        "revshare_contributions", "revshare_contributors", "revshare_by_tier", "revshare_history",
        "revshare_overview", "equity_performance", "equity_transactions", "equity_monthly",
        "equity_annual",
    ),
    settings=settings,
    listed="transaction_list",
    path="/participant/[^/]+/transactions/CLOSED",
    row_number="price",
    row_text="transactionType",
    broken_key="reZEN refused the API key (HTTP 403): it is unknown, revoked or expired; "
    "connect the account again with a new key.",
    most_calls=100,
    skip=0,
    changes=CHANGES,
    departure=departure,
    limit=40,
    account_id=lambda box, agent: str(box.account(agent, "rezen")["yenta_id"]),
    revoke_restores=True,
    refusal={"kind": "wrong_key"},
    shown={
        ("cap_info", "cap_amount_paid"): lambda row: row["cap_amount_paid_amount"],
        ("revshare_payments", "amount"): lambda row: row["amount_amount"],
        ("team_members", "role"): lambda row: row["roles"][0],
        **{(entity, name): read for entity in ("transactions", "listings")
           for name, read in DEAL.items()},
        **{(entity, "earned_on"): lambda row: row["closing_date"]
           for entity in ("revshare_payment_contributions", "revshare_pending")},
    },
    control=control,
    late_commits=LATE_COMMITS,
    unsent=UNSENT,
)  # fmt: skip
