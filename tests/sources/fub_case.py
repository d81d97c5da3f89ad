"""Follow Up Boss for the conformance suite."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from pydantic import SecretStr

from pipelines.fub.client import FubSettings
from pipelines.fub.source import FUB
from sandbox.box import Sandbox
from sandbox.world.crm import Crm
from sandbox.world.crm.account import Account
from tests.sources.rig import ADA, Case, Change, LateCommit, Row


def settings(box: Sandbox) -> FubSettings:
    fub = box.accounts[0]["fub"]
    return FubSettings(
        base_url=f"{box.url}/fub/v1",
        app_base_url=f"{box.url}/fub",
        system=fub["system"],
        system_key=SecretStr(fub["system_key"]),
        oauth_client_id=fub["oauth"]["client_id"],
        oauth_client_secret=SecretStr(fub["oauth"]["client_secret"]),
    )


# -- what Ada has ----------------------------------------------------------------------------------


def account(box: Sandbox) -> Account:
    crm = box.crm
    assert isinstance(crm, Crm)
    return crm.account_of(ADA)


def busy_person(box: Sandbox) -> int:
    """Somebody with calls, not in the trash."""
    own = account(box)
    return next(
        p.id
        for p in own.people.rows()
        if own.calls.ids_of_person(p.id) and p.stage_id != own.trash_id and p.merged_into is None
    )


def with_phone(box: Sandbox) -> int:
    own = account(box)
    return next(p.id for p in own.people.rows() if p.phones and p.stage_id != own.trash_id)


def _first(table: str) -> Callable[[Sandbox], dict[str, Any]]:
    return lambda box: {"id": next(account(box).table(table).ids_up())}


# -- what may happen -------------------------------------------------------------------------------

CHILDREN = ("events", "calls", "text_messages", "notes", "tasks")


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
        lambda box: box.mutate({"op": f"fub.{op}", "agent_key": ADA, **find(box), **fields}),
        frozenset(late),
    )


def _person(box: Sandbox) -> dict[str, Any]:
    return {"id": busy_person(box)}


def _of_person(box: Sandbox) -> dict[str, Any]:
    return {"person_id": with_phone(box)}


def _winner_and_loser(box: Sandbox) -> dict[str, Any]:
    own = account(box)
    loser = busy_person(box)
    winner = next(p.id for p in own.people.rows() if p.id != loser and p.stage_id != own.trash_id)
    return {"winner": winner, "losers": [loser]}


def _stage(box: Sandbox) -> dict[str, Any]:
    own = account(box)
    return {"id": next(p.stage_id for p in own.people.rows() if p.stage_id != own.trash_id)}


def _agent_user(box: Sandbox) -> dict[str, Any]:
    own = account(box)
    return {"id": next(u.id for u in own.users.values() if u.kind == "agent" and not u.deleted)}


def _deal(box: Sandbox) -> dict[str, Any]:
    return {"id": next(d.id for d in account(box).deals.rows() if d.status == "Active")}


CHANGES = (
    change("create_person", set={"first_name": "Zoë", "price": 450000}),
    change("update_person", _person, set={"first_name": "Renamed", "contacted": 1}),
    change(
        "update_person", _person, label="silent_edit", late=("people",), touch=False,
        set={"background": "edited behind the clock's back"},
    ),
    change("trash_person", _person),
    change("delete_person", _person, late=("people", *CHILDREN)),
    # children move to the winner without a new clock
    change("merge", _winner_and_loser, late=("people", *CHILDREN)),
    change("create_event", _of_person),
    change("create_event", label="event_of_nobody", set={"person_id": 0}),
    change("create_call", _of_person),
    change("create_call", label="call_of_nobody", set={"person_id": None}),
    change("create_text", _of_person),
    change("create_note", _of_person),
    change("create_task", _of_person),
    change("create_appointment"),
    change("update", _first("calls"), label="late_note_on_an_old_call", late=("calls",),
           table="calls", set={"outcome": "Interested"}),
    change("update", _first("appointments"), label="move_appointment", table="appointments",
           set={"title": "Moved"}),
    change("update", _deal, label="reprice_deal", table="deals", set={"price": 777_001}),
    change("update", _first("notes"), label="edit_note", late=("notes",), table="notes",
           set={"is_html": True}),
    change("update", _first("tasks"), label="do_task", table="tasks",
           set={"completed": "2026-06-15T11:00:00+00:00"}),
    change("delete", _first("notes"), label="delete_note", late=("notes",), table="notes"),
    change("delete", _first("tasks"), label="delete_task", late=("tasks",), table="tasks"),
    change("delete", _first("calls"), label="delete_call", late=("calls",), table="calls"),
    change("delete", _first("events"), label="delete_event", late=("events",), table="events"),
    change("delete", _first("text_messages"), label="delete_text", late=("text_messages",),
           table="text_messages"),
    change("delete", _first("appointments"), label="delete_appointment", late=("appointments",),
           table="appointments"),
    change("add_custom_field", name="customNewField", value="new"),
    change("add_custom_field", label="undefined_custom_field", name="customGhost", defined=False),
    change("rename_stage", _stage, late=("people",), name="Renamed Stage"),
    change("add_stage", name="New Stage"),
    change("delete_user", _agent_user),
    change("add_user", first_name="Ned"),
    change("move_deal", _deal),
    change("archive_deal", _deal),
    change("delete_deal", _deal),
)  # fmt: skip


def departure(box: Sandbox) -> tuple[str, str, Callable[[], object]]:
    gone = busy_person(box)
    change = {"op": "fub.delete_person", "agent_key": ADA, "id": gone}
    return "people", str(gone), lambda: box.mutate(change)


# -- what the truth shows of a row -----------------------------------------------------------------


def _ids(name: str) -> Callable[[Row], list[str]]:
    return lambda row: [str(item["id"]) for item in row[name] or ()]


def _when(name: str) -> Callable[[Row], Any]:
    return lambda row: row[name].date() if row["all_day"] else row[name]


def _reachable(name: str, nth: int) -> Callable[[Sandbox], dict[str, Any]]:
    """The nth person with a phone: what happens to one must not bring another along."""

    def find(box: Sandbox) -> dict[str, Any]:
        own = account(box)
        people = [
            p.id
            for p in own.people.rows()
            if p.phones and p.stage_id != own.trash_id and p.merged_into is None
        ]
        return {name: people[nth]}

    return find


def _late_event(box: Sandbox) -> None:
    """One with a smaller id than the newest stands for one that was committed after it."""
    _newest, *earlier = account(box).events.ids()
    late = change(
        "update", lambda _box: {"id": earlier[2]}, table="events", set={"message": "Late"}
    )
    late.play(box)
    change("create_event").play(box)


LATE_COMMITS = (
    LateCommit(
        "people",
        timedelta(minutes=9),
        change("create_person").play,
        change("update_person", _reachable("id", 0), set={"first_name": "Late"}).play,
    ),
    # a text shows in when its person was last active
    LateCommit(
        "text_messages",
        timedelta(minutes=9),
        change("create_call", _reachable("person_id", 1)).play,
        change("create_text", _reachable("person_id", 2)).play,
    ),
    LateCommit(
        "calls",
        timedelta(hours=23),
        change("create_call", set={"person_id": None}).play,
        change("create_call", set={"person_id": None}).play,
    ),
    LateCommit("events", timedelta(minutes=9), change("create_event").play, _late_event),
    # one whose day is long past: today's are read anyway
    LateCommit(
        "appointments",
        timedelta(minutes=9),
        change("create_appointment").play,
        change("update", _first("appointments"), table="appointments", set={"title": "Late"}).play,
    ),
)

CASE = Case(
    vendor=FUB,
    entities=(
        "identity", "users", "teams", "groups", "ponds", "pipelines", "stages", "custom_fields",
        "deal_custom_fields", "people", "deals", "events", "calls", "notes", "tasks",
        "text_messages", "appointments", "appointment_types", "appointment_outcomes",
    ),
    settings=settings,
    listed="people",
    path="^/v1/people",
    row_number="websiteVisits",
    row_text="type",
    broken_key="Follow Up Boss refused the API key (HTTP 401); connect the account again with a "
    "new key of the account owner.",
    most_calls=40,
    # the probe of what filters work
    skip=3,
    changes=CHANGES,
    departure=departure,
    # one request per person: too dear to be repeated for everybody
    limit=20,
    account_id=lambda box, agent: str(box.account(agent, "fub")["account_id"]),
    refusal={"kind": "unauthorized"},
    # twenty notes: those of the people who are deleted in some weeks are too many for the guard
    only_when_asked=frozenset({"text_messages", "notes"}),
    shown={
        ("identity", "name"): lambda row: row["account_name"],
        ("people", "emails"): lambda row: [e["value"] for e in row["emails"] or ()],
        ("people", "phones"): lambda row: [p["normalized"] for p in row["phones"] or ()],
        ("people", "_custom"): lambda row: row["_custom"] or {},
        ("deals", "_custom"): lambda row: row["_custom"] or {},
        ("deals", "people"): _ids("people"),
        ("deals", "users"): _ids("users"),
        ("events", "property_price"): lambda row: (row["property"] or {}).get("price"),
        ("appointments", "start"): _when("start"),
        ("appointments", "end"): _when("end"),
        ("appointments", "invitee_person_ids"): lambda row: [
            str(i["personId"]) for i in row["invitees"] or () if i["personId"]
        ],
    },
    late_commits=LATE_COMMITS,
)  # fmt: skip
