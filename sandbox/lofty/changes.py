"""The changes that a test may play on an account (``lofty.…``); the README has the table."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from sandbox.lofty import wire
from sandbox.lofty.account import Account
from sandbox.lofty.build import Builder
from sandbox.lofty.life import move
from sandbox.lofty.model import (
    Appointment,
    Communication,
    CustomField,
    Lead,
    Member,
    Note,
    Pond,
    SiteActivity,
    Tag,
    Task,
    Transaction,
)
from sandbox.switches import turn

if TYPE_CHECKING:
    from sandbox.lofty.books import Books

Change = Mapping[str, Any]
Part = TypeVar("Part")
DEFAULT = "ada-sample"
# a lead's JSON members that a change may set, and what they are here
LEAD_MEMBERS: Mapping[str, str] = {
    "firstName": "first_name", "lastName": "last_name", "birthday": "birthday",
    "emails": "emails", "phones": "phones", "phoneStatuses": "phone_statuses",
    "language": "language", "leadSource": "source_id", "score": "score",
    "opportunity": "opportunity", "leadTypes": "lead_types", "segments": "segments",
    "streetAddress": "street", "city": "city", "state": "state", "zipCode": "zip",
    "referredBy": "referred_by", "hiddenFlag": "hidden", "cannotText": "cannot_text",
    "cannotCall": "cannot_call", "cannotEmail": "cannot_email",
    "unsubscription": "unsubscription", "buyingTimeFrame": "buying_time_frame",
    "sellingTimeFrame": "selling_time_frame", "pondId": "pond_id",
    "lenderUserId": "lender_user_id",
}  # fmt: skip
MEMBER_MEMBERS: Mapping[str, str] = {
    "email": "email", "firstName": "first_name", "lastName": "last_name", "phoneNumber": "phone",
    "roleName": "role_name", "role": "role", "status": "status", "accountStatus": "account_status",
    "groupId": "group_id", "timeZoneId": "time_zone", "newLeadCount": "new_leads",
}  # fmt: skip
SAID_MEMBERS: Mapping[str, str] = {
    "callOutcome": "outcome", "status": "status", "eventType": "event", "direction": "direction",
    "communicationType": "kind",
}  # fmt: skip
TRANSACTION_MEMBERS = (
    *wire.DATES, "homePrice", "gci", "teamRevenue", "agentRevenue", "commissionRate",
)  # fmt: skip


def play(books: Books, change: Change) -> dict[str, Any]:
    """Plays one change and returns the ids it touched.

    Raises ValueError, one sentence, for one that is unknown or impossible.
    """
    op = str(change.get("op", "")).removeprefix("lofty.")
    general = GENERAL.get(op)
    if general is not None:
        return general(books, change)
    action = ACTIONS.get(op)
    if action is None:
        known = ", ".join(f"lofty.{name}" for name in sorted({*GENERAL, *ACTIONS}))
        raise ValueError(f"Unknown change {change.get('op')!r}; known are: {known}.")
    account = books.of(str(change.get("agent_key", DEFAULT)))
    scene = Scene(books, account, change)
    result = action(scene)
    account.version += 1
    return result


class Scene:
    """One change in one account."""

    def __init__(self, books: Books, account: Account, change: Change) -> None:
        self.books = books
        self.account = account
        self.change = change
        self.builder: Builder = books.builder(account)
        self.now: datetime = self.builder.now

    def touch(self, lead: Lead) -> None:
        """The lead changed; whether its clock moves is said by the change or by the switch."""
        silent = bool(self.change.get("silent", self.books.switches["silent_edits"]))
        self.account.touch(lead, self.now, moves=not silent)

    def lead(self, name: str = "lead_id") -> Lead:
        """The lead of that id; without one the first that is in the list and no deal's client."""
        account = self.account
        if name in self.change:
            found = account.leads.get(int(self.change[name]))
        else:
            clients = set(account.clients.values())
            seen = account.visible(account.owner)
            found = next((x for x in sorted(seen, key=_by_id) if x.id not in clients), None)
        if found is None:
            raise ValueError(f"There is no lead {self.change.get(name)!r}.")
        return found

    def told(self, lead: Lead) -> dict[str, Any]:
        """What a change of a lead reports."""
        updated = lead.updated.isoformat() if lead.updated else None
        return {"lead_id": lead.id, "updated_at": updated}

    def moment(self, name: str) -> datetime | None:
        """An instant of the change, ISO."""
        text = self.change.get(name)
        if text is None:
            return None
        moment = datetime.fromisoformat(str(text))
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).replace(microsecond=0)


def _by_id(lead: Lead) -> int:
    return lead.id


def _assign(target: Any, known: Mapping[str, str], members: Mapping[str, Any], what: str) -> None:
    for member, value in members.items():
        if member not in known:
            raise ValueError(
                f"A {what} has no member {member!r} to set; known are: {', '.join(known)}."
            )
        setattr(target, known[member], value)


# --- leads --------------------------------------------------------------------------------------


def _add_lead(s: Scene) -> dict[str, Any]:
    lead = s.builder.lead(s.now)
    lead.pond_id, lead.hidden = None, False
    lead.assigned_user_id = lead.assigned_user_id or s.account.owner.user_id
    _assign(lead, LEAD_MEMBERS, s.change.get("set", {}), "lead")
    s.account.touch(lead, s.now, moves=False)
    return s.told(lead)


def _edit_lead(s: Scene) -> dict[str, Any]:
    lead = s.lead()
    _assign(lead, LEAD_MEMBERS, s.change.get("set", {}), "lead")
    lead.answers.update(s.change.get("answers", {}))
    lead.custom.update(s.change.get("custom", {}))
    lead.extra.update(s.change.get("raw", {}))
    s.touch(lead)
    return s.told(lead)


def _set_stage(s: Scene) -> dict[str, Any]:
    lead, stage = s.lead(), int(s.change["stage_id"])
    if stage not in s.account.stages:
        raise ValueError(f"There is no stage {stage}.")
    if s.change.get("silent", s.books.switches["silent_edits"]):
        lead.stage_id = stage
        s.touch(lead)
    else:
        move(s.builder, lead, stage, s.now)
    return s.told(lead)


def _assign_lead(s: Scene) -> dict[str, Any]:
    """To a user (long id), by default to another than now; 0 for nobody."""
    lead = s.lead()
    others = [
        m.user_id
        for m in s.account.members.values()
        if m.role_name == "Agent" and not m.pending and m.user_id != lead.assigned_user_id
    ]
    user = int(s.change.get("user_id", others[0]))
    if user and s.account.member_by_user(user) is None:
        raise ValueError(f"There is no user {user}.")
    old = lead.assigned_user_id
    lead.assigned_user_id, lead.assign_time = user or None, s.now if user else None
    name = s.account.user_name
    s.builder.log(lead, s.now, "ASSIGNMENT", old, name(old), user or None, name(user))
    if "hidden" in s.change:
        lead.hidden = bool(s.change["hidden"])
    s.touch(lead)
    return s.told(lead)


def _hide_lead(s: Scene) -> dict[str, Any]:
    """Hidden and another agent's: gone from the owner's view, with the 404 of a deleted one."""
    s.change = {**s.change, "hidden": True}
    return _assign_lead(s)


def _delete_lead(s: Scene) -> dict[str, Any]:
    lead = s.lead()
    if s.change.get("purge"):
        del s.account.leads[lead.id]
        s.account.gone.add(lead.id)
    else:
        lead.trashed = s.now
        s.touch(lead)
    return {"lead_id": lead.id}


def _restore_lead(s: Scene) -> dict[str, Any]:
    lead = s.lead()
    lead.trashed = None
    s.touch(lead)
    return s.told(lead)


def _merge_leads(s: Scene) -> dict[str, Any]:
    """What hung on the loser hangs on the winner; nothing links the two."""
    winner, loser = s.lead("winner"), s.lead("loser")
    if winner is loser:
        raise ValueError("A lead cannot be merged into itself.")
    for name in ("site_activities", "notes", "tasks", "appointments", "calls", "system_logs"):
        getattr(winner, name).extend(getattr(loser, name))
        getattr(loser, name).clear()
    for row in s.account.communications():
        if row.lead_id == loser.id:
            row.lead_id = winner.id
    for deal in s.account.transactions.values():
        if deal.lead_id == loser.id:
            deal.lead_id, deal.edited = winner.id, s.now
    for client, lead_id in s.account.clients.items():
        if lead_id == loser.id:
            s.account.clients[client] = winner.id
    winner.tags = {**loser.tags, **winner.tags}
    s.touch(winner)
    if s.change.get("trash"):
        loser.trashed = s.now
        loser.blob = None
    else:
        del s.account.leads[loser.id]
        s.account.gone.add(loser.id)
    return {"winner": winner.id, "loser": loser.id}


def _touch_all(s: Scene) -> dict[str, Any]:
    """A bulk job: the change clock of every lead moves, nothing else does."""
    for lead in s.account.leads.values():
        s.account.touch(lead, s.now)
    return {"leads": len(s.account.leads)}


# --- tags, fields, ponds, stages ----------------------------------------------------------------


def _tag(s: Scene) -> Tag:
    wanted = s.change.get("tag", next(iter(s.account.tags.values())).name)
    found = next((t for t in s.account.tags.values() if wanted in (t.name, t.id)), None)
    if found is None:
        raise ValueError(f"There is no tag {wanted!r}.")
    return found


def _add_tag(s: Scene) -> dict[str, Any]:
    number = s.account.next_id("tag")
    name = str(s.change.get("name", f"Tag {number}"))
    s.account.tags[number] = Tag(number, name, s.account.owner.user_id, 1, s.now, s.now)
    return {"tag_id": number}


def _rename_tag(s: Scene) -> dict[str, Any]:
    tag = _tag(s)
    tag.name, tag.updated = str(s.change["name"]), s.now
    s.account.forget_blobs()
    return {"tag_id": tag.id}


def _delete_tag(s: Scene) -> dict[str, Any]:
    tag = _tag(s)
    del s.account.tags[tag.id]
    for lead in s.account.leads.values():
        if lead.tags.pop(tag.id, None) is not None:
            s.touch(lead)
    return {"tag_id": tag.id}


def _tag_lead(s: Scene) -> dict[str, Any]:
    lead, tag = s.lead(), _tag(s)
    if s.change.get("remove"):
        lead.tags.pop(tag.id, None)
    else:
        lead.tags.setdefault(tag.id, s.now)
    s.touch(lead)
    return {**s.told(lead), "tag_id": tag.id}


def _add_custom_field(s: Scene) -> dict[str, Any]:
    name = str(s.change["name"])
    params = s.change.get("options")
    s.account.custom_fields[name] = CustomField(
        name, str(s.change.get("type", "text")), "", None if params is None else json.dumps(params)
    )
    return {"name": name}


def _rename_custom_field(s: Scene) -> dict[str, Any]:
    """The old name is gone, as if the field had been another one."""
    old, new = str(s.change["name"]), str(s.change["new_name"])
    field = s.account.custom_fields.pop(old, None)
    if field is None:
        raise ValueError(f"There is no custom field {old!r}.")
    field.name = new
    s.account.custom_fields[new] = field
    for lead in s.account.leads.values():
        if old in lead.custom:
            lead.custom[new] = lead.custom.pop(old)
    s.account.forget_blobs()
    return {"name": new}


def _delete_custom_field(s: Scene) -> dict[str, Any]:
    name = str(s.change["name"])
    if s.account.custom_fields.pop(name, None) is None:
        raise ValueError(f"There is no custom field {name!r}.")
    for lead in s.account.leads.values():
        lead.custom.pop(name, None)
    s.account.forget_blobs()
    return {"name": name}


def _add_pond(s: Scene) -> dict[str, Any]:
    number = max(s.account.ponds, default=40) + 1
    agents = [int(a) for a in s.change.get("agent_ids", ())]
    s.account.ponds[number] = Pond(
        number, str(s.change.get("name", f"Pond {number}")), s.account.owner.user_id, agents
    )
    return {"pond_id": number}


def _edit_pond(s: Scene) -> dict[str, Any]:
    pond = s.account.ponds.get(int(s.change.get("pond_id", 41)))
    if pond is None:
        raise ValueError(f"There is no pond {s.change.get('pond_id')!r}.")
    pond.name = str(s.change.get("name", pond.name))
    pond.agent_ids = [int(a) for a in s.change.get("agent_ids", pond.agent_ids)]
    s.account.forget_blobs()
    return {"pond_id": pond.id}


def _delete_pond(s: Scene) -> dict[str, Any]:
    number = int(s.change.get("pond_id", 42))
    if s.account.ponds.pop(number, None) is None:
        raise ValueError(f"There is no pond {number}.")
    for lead in s.account.leads.values():
        if lead.pond_id == number:
            lead.pond_id = None
            s.touch(lead)
    return {"pond_id": number}


def _rename_lead_stage(s: Scene) -> dict[str, Any]:
    stage = int(s.change["stage_id"])
    if stage not in s.account.stages:
        raise ValueError(f"There is no stage {stage}.")
    s.account.stages[stage] = str(s.change["name"])
    s.account.forget_blobs()
    return {"stage_id": stage}


def _rename_stage(s: Scene) -> dict[str, Any]:
    """A stage of a transaction pipeline: its id stays, its transactions do not move."""
    kind = str(s.change.get("transaction_type", "Purchase"))
    stages = s.account.pipelines.get(kind, [])
    wanted = s.change.get("stage_id", stages[0].id if stages else None)
    stage = next((x for x in stages if x.id == wanted), None)
    if stage is None:
        raise ValueError(f"{kind} has no stage {wanted!r}.")
    stage.name = str(s.change["name"])
    return {"transaction_type": kind, "stage_id": stage.id}


# --- members ------------------------------------------------------------------------------------


def _member(s: Scene) -> Member:
    """By ``member_id``; without one the first Agent."""
    number = int(s.change.get("member_id", s.account.plain_agent.id))
    found = s.account.members.get(number)
    if found is None:
        raise ValueError(f"There is no member {number}.")
    return found


def _add_member(s: Scene) -> dict[str, Any]:
    first, last = (
        str(s.change.get(name, default))
        for name, default in (("first_name", "Nia"), ("last_name", "Newcomer"))
    )
    account = s.account
    member = s.builder.member(
        first, last, str(s.change.get("email", f"{first}.{last}@example.com".lower())), 0, "Agent"
    )
    member.pending = bool(s.change.get("pending", False))
    account.forget_blobs()
    return {"member_id": member.id, "user_id": member.user_id}


def _edit_member(s: Scene) -> dict[str, Any]:
    member = _member(s)
    _assign(member, MEMBER_MEMBERS, s.change.get("set", {}), "member")
    s.account.forget_blobs()
    return {"member_id": member.id}


def _remove_member(s: Scene) -> dict[str, Any]:
    """The member is gone; leads keep the id, without a name. By default the last one."""
    account = s.account
    number = int(s.change.get("member_id", next(reversed(account.members))))
    member = account.members.get(number)
    if member is None or member in (account.owner, account.plain_agent):
        raise ValueError(f"Member {number} is unknown, or the holder of an API key.")
    del s.account.members[member.id]
    s.account.forget_blobs()
    return {"member_id": member.id, "user_id": member.user_id}


# --- what hangs on a lead -----------------------------------------------------------------------


def _said(s: Scene) -> Communication:
    """By ``communication_id``; without one the newest."""
    rows = list(s.account.communications())
    wanted = s.change.get("communication_id")
    found = rows[-1] if wanted is None else next((r for r in rows if r.id == int(wanted)), None)
    if found is None:
        raise ValueError(f"There is no communication {wanted!r}.")
    return found


def _add_communication(s: Scene) -> dict[str, Any]:
    lead = s.lead()
    channel = str(s.change.get("channel", "Call"))
    if channel not in ("Call", "Text", "Email"):
        raise ValueError("A channel is Call, Text or Email.")
    row = s.builder.talk(lead, s.moment("at") or s.now, channel)
    row.kind = str(s.change.get("kind", row.kind))
    lead.last_touch = max(row.at, lead.last_touch or row.at)
    s.touch(lead)
    return {"communication_id": row.id, "lead_id": lead.id}


def _edit_communication(s: Scene) -> dict[str, Any]:
    row = _said(s)
    _assign(row, SAID_MEMBERS, s.change.get("set", {}), "communication")
    return {"communication_id": row.id, "at": row.at.isoformat()}


def _delete_communication(s: Scene) -> dict[str, Any]:
    row = _said(s)
    s.account.unsay(row.id)
    lead = s.account.leads.get(row.lead_id)
    if lead is not None:
        lead.calls = [call for call in lead.calls if call.id != row.id]
    return {"communication_id": row.id}


def _add_visit(s: Scene) -> dict[str, Any]:
    lead = s.lead()
    visit: SiteActivity = s.builder.visit(lead, s.now)
    visit.text = str(s.change.get("text", visit.text))
    lead.last_visit = s.now
    s.account.touch(lead, s.now, moves=False)
    return {"lead_id": lead.id, "created": wire.millis(visit.created)}


def _edit_alert(s: Scene) -> dict[str, Any]:
    """A listing alert of the lead: nothing of it is shown, only a webhook tells."""
    return {"lead_id": s.lead().id}


def _one(
    s: Scene, what: str, parts: Callable[[Lead], Iterable[Part]], id_of: Callable[[Part], Any]
) -> tuple[Lead, Part]:
    """The part of a lead that `<what>_id` names, else the first there is, with its lead."""
    wanted = s.change.get(f"{what}_id")
    for lead in s.account.visible(s.account.owner):
        for part in parts(lead):
            if wanted in (None, id_of(part)):
                return lead, part
    raise ValueError(f"There is no {what} {wanted!r}.")


def _note(s: Scene) -> tuple[Lead, Note]:
    return _one(s, "note", lambda lead: lead.notes, lambda note: note.note_id)


def _task(s: Scene) -> tuple[Lead, Task]:
    return _one(s, "task", lambda lead: lead.tasks, lambda task: task.id)


def _appointment(s: Scene) -> tuple[Lead, Appointment]:
    return _one(s, "appointment", lambda lead: lead.appointments, lambda one: one.id)


def _add_note(s: Scene) -> dict[str, Any]:
    lead = s.lead()
    note = s.builder.note(lead, s.now, str(s.change.get("content", "Called back")))
    note.system = bool(s.change.get("system", False))
    s.touch(lead)
    return {"note_id": note.note_id, "lead_id": lead.id}


def _edit_note(s: Scene) -> dict[str, Any]:
    lead, note = _note(s)
    note.content = str(s.change.get("content", note.content))
    note.pinned = bool(s.change.get("pinned", note.pinned))
    note.updated, note.editor_id = s.now, s.account.owner.user_id
    s.touch(lead)
    return {"note_id": note.note_id, "lead_id": lead.id}


def _delete_note(s: Scene) -> dict[str, Any]:
    """Marked as deleted; with ``purge`` not sent any more."""
    lead, note = _note(s)
    note.deleted, note.updated = True, s.now
    if s.change.get("purge"):
        lead.notes.remove(note)
    s.touch(lead)
    return {"note_id": note.note_id, "lead_id": lead.id}


def _add_task(s: Scene) -> dict[str, Any]:
    lead = s.lead()
    task = s.builder.task(lead, s.now)
    s.touch(lead)
    return {"task_id": task.id, "lead_id": lead.id}


def _edit_task(s: Scene) -> dict[str, Any]:
    lead, task = _task(s)
    task.subject = str(s.change.get("subject", task.subject))
    task.type = str(s.change.get("type", task.type))
    task.deadline = s.moment("deadline") or task.deadline
    task.updated = s.now
    s.touch(lead)
    return {"task_id": task.id, "lead_id": lead.id}


def _finish_task(s: Scene) -> dict[str, Any]:
    lead, task = _task(s)
    task.finished = None if s.change.get("undo") else s.now
    task.updated = s.now
    s.touch(lead)
    return {"task_id": task.id, "lead_id": lead.id}


def _delete_task(s: Scene) -> dict[str, Any]:
    lead, task = _task(s)
    task.deleted, task.updated = True, s.now
    if s.change.get("purge"):
        lead.tasks.remove(task)
    s.touch(lead)
    return {"task_id": task.id, "lead_id": lead.id}


def _add_appointment(s: Scene) -> dict[str, Any]:
    lead = s.lead()
    meeting = s.builder.appointment(lead, s.now)
    meeting.start = s.moment("start") or meeting.start
    meeting.end = None if meeting.end is None else meeting.start + timedelta(hours=1)
    s.touch(lead)
    return {"appointment_id": meeting.id, "lead_id": lead.id}


def _edit_appointment(s: Scene) -> dict[str, Any]:
    lead, meeting = _appointment(s)
    meeting.descr = str(s.change.get("descr", meeting.descr))
    meeting.start = s.moment("start") or meeting.start
    meeting.end = s.moment("end") or meeting.end
    if "finished" in s.change:
        meeting.finished = s.now if s.change["finished"] else None
    meeting.updated = s.now
    s.touch(lead)
    return {"appointment_id": meeting.id, "lead_id": lead.id}


def _delete_appointment(s: Scene) -> dict[str, Any]:
    lead, meeting = _appointment(s)
    meeting.deleted, meeting.updated = True, s.now
    if s.change.get("purge"):
        lead.appointments.remove(meeting)
    s.touch(lead)
    return {"appointment_id": meeting.id, "lead_id": lead.id}


# --- transactions -------------------------------------------------------------------------------


def _transaction(s: Scene) -> Transaction:
    """By ``transaction_id`` or ``deal_id``; without either the first."""
    rows = list(s.account.transactions.values())
    if "deal_id" in s.change:
        deal_id = str(s.change["deal_id"])
        rows = [row for row in rows if row.deal and row.deal.id == deal_id]
    elif "transaction_id" in s.change:
        rows = [row for row in rows if row.id == int(s.change["transaction_id"])]
    if not rows:
        raise ValueError("There is no such transaction.")
    return rows[0]


def _add_transaction(s: Scene) -> dict[str, Any]:
    kind = str(s.change.get("transaction_type", "Purchase"))
    if kind not in s.account.pipelines:
        raise ValueError(f"There is no transaction type {kind!r}.")
    number = s.account.next_id("transaction")
    row = s.account.transactions[number] = Transaction(
        id=number,
        type=kind,
        name=str(s.change.get("name", "1 New Street")),
        created=s.now,
        deal=None,
        number=len(s.account.transactions),
        assigned_agent=s.account.owner.user_id,
        lead_id=int(s.change["lead_id"]) if "lead_id" in s.change else None,
    )
    _set_members(row, s.change.get("set", {}))
    return {"transaction_id": number, "lead_id": row.lead_id}


def _set_members(row: Transaction, members: Mapping[str, Any]) -> None:
    for member, value in members.items():
        if member not in TRANSACTION_MEMBERS:
            raise ValueError(
                f"A transaction has no member {member!r} to set; known are: "
                f"{', '.join(TRANSACTION_MEMBERS)}."
            )
        row.edits[member] = value


def _edit_transaction(s: Scene) -> dict[str, Any]:
    """``set`` (amounts, dates in epoch ms), ``name``, ``stage_id``; the deal overwrites them no
    more.
    """
    row = _transaction(s)
    _set_members(row, s.change.get("set", {}))
    row.name = str(s.change.get("name", row.name))
    if "stage_id" in s.change:
        stage = int(s.change["stage_id"])
        if all(x.id != stage for x in s.account.pipelines[row.type]):
            raise ValueError(f"{row.type} has no stage {stage}.")
        row.stage_id = stage
    if not s.change.get("silent"):
        row.edited = max(s.books.now(), row.updated + timedelta(milliseconds=1))
    updated = row.updated.isoformat()
    return {"transaction_id": row.id, "lead_id": row.lead_id, "updated_at": updated}


def _delete_transaction(s: Scene) -> dict[str, Any]:
    """It does not come back with its deal."""
    row = _transaction(s)
    del s.account.transactions[row.id]
    return {"transaction_id": row.id, "lead_id": row.lead_id}


# --- access -------------------------------------------------------------------------------------


def _expire_token(books: Books, change: Change) -> dict[str, Any]:
    agent_key = str(change.get("agent_key", DEFAULT))
    return {"agent_key": agent_key, "tokens": books.grants.expire(agent_key)}


def _revoke_key(books: Books, change: Change) -> dict[str, Any]:
    books.grants.revoked.add(str(change.get("agent_key", DEFAULT)))
    return {"revoked": sorted(books.grants.revoked)}


def _restore_key(books: Books, change: Change) -> dict[str, Any]:
    books.grants.revoked.discard(str(change.get("agent_key", DEFAULT)))
    return {"revoked": sorted(books.grants.revoked)}


def _switch(books: Books, change: Change) -> dict[str, Any]:
    from sandbox.lofty.books import CHOICES

    return turn(books.switches, change, CHOICES)


GENERAL: Mapping[str, Callable[[Books, Change], dict[str, Any]]] = {
    "expire_token": _expire_token,
    "revoke_key": _revoke_key,
    "restore_key": _restore_key,
    "switch": _switch,
}
ACTIONS: Mapping[str, Callable[[Scene], dict[str, Any]]] = {
    "add_lead": _add_lead,
    "edit_lead": _edit_lead,
    "set_stage": _set_stage,
    "assign_lead": _assign_lead,
    "hide_lead": _hide_lead,
    "delete_lead": _delete_lead,
    "restore_lead": _restore_lead,
    "merge_leads": _merge_leads,
    "touch_all": _touch_all,
    "add_tag": _add_tag,
    "rename_tag": _rename_tag,
    "delete_tag": _delete_tag,
    "tag_lead": _tag_lead,
    "add_custom_field": _add_custom_field,
    "rename_custom_field": _rename_custom_field,
    "delete_custom_field": _delete_custom_field,
    "add_pond": _add_pond,
    "edit_pond": _edit_pond,
    "delete_pond": _delete_pond,
    "rename_lead_stage": _rename_lead_stage,
    "rename_stage": _rename_stage,
    "add_member": _add_member,
    "edit_member": _edit_member,
    "remove_member": _remove_member,
    "add_communication": _add_communication,
    "edit_communication": _edit_communication,
    "delete_communication": _delete_communication,
    "add_visit": _add_visit,
    "edit_alert": _edit_alert,
    "add_note": _add_note,
    "edit_note": _edit_note,
    "delete_note": _delete_note,
    "add_task": _add_task,
    "edit_task": _edit_task,
    "finish_task": _finish_task,
    "delete_task": _delete_task,
    "add_appointment": _add_appointment,
    "edit_appointment": _edit_appointment,
    "delete_appointment": _delete_appointment,
    "add_transaction": _add_transaction,
    "edit_transaction": _edit_transaction,
    "delete_transaction": _delete_transaction,
}
