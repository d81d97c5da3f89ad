"""Lofty for the conformance suite."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import SecretStr

from pipelines.lofty.client import LoftySettings
from pipelines.lofty.source import LOFTY
from sandbox.box import Sandbox
from tests.sources.rig import ADA, Case, Change, LateCommit, NotSent, Row


def settings(box: Sandbox) -> LoftySettings:
    return LoftySettings(
        base_url=f"{box.url}/lofty",
        oauth_base_url=f"{box.url}/lofty",
        oauth_client_id="sandbox-lofty-client",
        oauth_client_secret=SecretStr("sandbox-lofty-secret"),
        lead_details=True,
    )


# -- what Ada has ----------------------------------------------------------------------------------


def truth(box: Sandbox, entity: str, agent: str = ADA) -> dict[str, Row]:
    found: dict[str, Row] = box.truth(agent)["lofty"]["entities"][entity]
    return found


def some_lead(box: Sandbox) -> str:
    """A lead that no transaction hangs on."""
    clients = {row["lead_id"] for row in truth(box, "transactions").values()}
    return min(truth(box, "leads").keys() - clients)


# -- what may happen -------------------------------------------------------------------------------

DETAILS = (
    "lead_activities", "notes", "tasks", "appointments", "calls", "system_logs",
    "transaction_commissions",
)  # fmt: skip


def change(
    op: str,
    find: Callable[[Sandbox], dict[str, Any]] = lambda _box: {},
    *,
    late: tuple[str, ...] = (),
    label: str | None = None,
    **fields: Any,
) -> Change:
    return Change(
        label or op,
        lambda box: box.mutate({"op": f"lofty.{op}", "agent_key": ADA, **find(box), **fields}),
        frozenset(late),
    )


def _lead(box: Sandbox) -> dict[str, Any]:
    return {"lead_id": int(some_lead(box))}


def _winner_and_loser(box: Sandbox) -> dict[str, Any]:
    leads = sorted(truth(box, "leads"))
    return {"winner": int(leads[0]), "loser": int(leads[5])}


def _a(entity: str, name: str) -> Callable[[Sandbox], dict[str, Any]]:
    return lambda box: {name: int(sorted(truth(box, entity))[0])}


# what no list sorts by comes with the daily scan; what hangs on a lead comes with the lead
CHANGES = (
    change("add_lead", set={"firstName": "Zoë", "emails": ["zoe@example.com"]}),
    change("edit_lead", _lead, late=("leads",), set={"firstName": "Renamed", "cannotCall": True}),
    change("edit_lead", _lead, label="silent_edit", late=("leads",), silent=True,
           set={"city": "Edited behind the clock's back"}),
    change("set_stage", _lead, late=("leads", "system_logs"), stage_id=9),
    change("assign_lead", _lead, late=("leads", "system_logs")),
    change("tag_lead", _lead, late=("leads",)),
    change("touch_all", late=("leads",)),
    change("delete_lead", _lead, late=("leads", "communications", *DETAILS)),
    change("hide_lead", _lead, late=("leads", "communications", *DETAILS)),
    change("merge_leads", _winner_and_loser, late=("leads", "communications", *DETAILS)),
    change("add_tag", name="Autumn"),
    change("rename_tag", name="Winter", late=("leads",)),
    change("delete_tag", late=("leads",)),
    change("add_custom_field", name="Garden"),
    change("delete_custom_field", name="Pet", late=("leads",)),
    change("add_pond"),
    change("edit_pond", name="Renamed pond", late=("leads",)),
    change("delete_pond", late=("leads",)),
    change("rename_lead_stage", stage_id=9, name="Fresh", late=("leads",)),
    change("rename_stage", name="Before the contract"),
    change("add_member"),
    change("edit_member", set={"phoneNumber": "+15550100199"}, late=("leads",)),
    change("remove_member", late=("leads", *DETAILS)),
    change("add_communication"),
    change("edit_communication", set={"status": "Failed"}),
    change("delete_communication", late=("communications", "calls")),
    change("add_visit"),
    change("add_note", late=("leads", "notes")),
    change("edit_note", late=("leads", "notes"), pinned=True),
    change("delete_note", late=("leads", "notes")),
    change("delete_note", label="purge_note", late=("leads", "notes"), purge=True),
    change("add_task", late=("leads", "tasks")),
    change("finish_task", late=("leads", "tasks")),
    change("add_appointment", late=("leads", "appointments")),
    change("edit_appointment", late=("leads", "appointments"), descr="Moved"),
    change("add_transaction", transaction_type="Lease", set={"homePrice": 2400, "gci": 1200.55}),
    change("edit_transaction", _a("transactions", "transaction_id"), set={"gci": 12345.67}),
    change("delete_transaction", _a("transactions", "transaction_id")),
    Change("add_deal", lambda box: box.mutate({"op": "add_deal", "agent_key": ADA})),
)  # fmt: skip


def departure(box: Sandbox) -> tuple[str, str, Callable[[], object]]:
    gone = some_lead(box)
    trash = {"op": "lofty.delete_lead", "agent_key": ADA, "lead_id": int(gone)}
    return "leads", gone, lambda: box.mutate(trash)


# -- what the truth shows of a row -----------------------------------------------------------------


def _created(row: Row) -> datetime:
    return datetime.fromtimestamp(row["created"] / 1000, UTC)


LATE_COMMITS = (
    LateCommit(
        "communications",
        timedelta(hours=47),
        change("add_communication").play,
        change("add_communication", channel="Text").play,
    ),
)

CASE = Case(
    vendor=LOFTY,
    entities=(
        "account", "members", "pipelines", "tags", "custom_fields", "ponds", "transaction_fields",
        "transaction_pipelines", "leads", "communications", "transactions", *DETAILS,
    ),
    settings=settings,
    listed="leads",
    path=r"^/v1.0/leads\?",
    row_number="score",
    row_text="facebook",
    broken_key="Lofty refused the API key (HTTP 401); connect the account again with a new key of "
    "an owner or admin.",
    most_calls=14,
    skip=0,
    changes=CHANGES,
    departure=departure,
    together=False,
    limit=20,
    window=60.0,
    limited_as="key",
    account_id=lambda box, agent: str(box.account(agent, "lofty")["team_id"]),
    refusal={"kind": "unauthorized"},
    row_id="leadId",
    only_when_asked=frozenset({"communications", *DETAILS}),
    shown={
        ("leads", "birthday"): lambda _row: NotSent,
        ("lead_activities", "created"): _created,
    },
    late_commits=LATE_COMMITS,
    unsent={
        "account": {"virtual_number": "the dialer is another member's"},
        "tasks": dict.fromkeys(("start_at", "end_at"), "of the newer list, which is not read"),
    },
)  # fmt: skip
