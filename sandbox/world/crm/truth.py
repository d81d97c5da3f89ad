"""What a warehouse must hold of an account, told from the objects and never from an answer.

Format: ``{"account_id": "70011", "role": "owner", "now": iso, "entities": {name: Entity},
"summary": {...}}`` with ``Entity = {"count": n, "rows": {key: {column: value}} | None, "gone":
[key, ...]}``. Names are those of the tables of ``raw_fub``; ids are text, instants ISO with ``Z``,
dates ISO, other numbers and texts as they are; a column that the vendor leaves out is null.
``rows`` is None above 20,000 rows. ``gone`` are rows that once were there and were deleted for
good. ``summary`` has what staging and marts can be compared with.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime
from typing import Any

from sandbox.world.crm.account import Account
from sandbox.world.crm.model import (
    OWNER,
    Appointment,
    Call,
    Deal,
    Event,
    Kind,
    Note,
    Person,
    Task,
    Text,
    User,
)

ROWS_UP_TO = 20_000
Columns = dict[str, Any]


def _at(value: datetime | None) -> str | None:
    return None if value is None else f"{value.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _on(value: date | datetime | None) -> str | None:
    if isinstance(value, datetime):
        return value.astimezone(UTC).date().isoformat()
    return None if value is None else value.isoformat()


def _text(value: int | None) -> str | None:
    return None if value is None else str(value)


def _person(account: Account, row: Person) -> Columns:
    return {
        "created": _at(row.created),
        "updated": _at(row.updated),
        "last_activity": _at(row.last_activity),
        "name": row.name,
        "first_name": row.first_name,
        "last_name": row.last_name,
        "stage": account.stages[row.stage_id].name,
        "stage_id": _text(row.stage_id),
        "source": row.source,
        "contacted": row.contacted,
        "price": row.price,
        "assigned_user_id": None
        if row.assigned_pond_id is not None
        else _text(row.assigned_user_id),
        "assigned_pond_id": _text(row.assigned_pond_id),
        "claimed": row.claimed,
        "background": row.background,
        "tags": row.tags,
        "emails": [e["value"] for e in row.emails],
        "phones": [p["normalized"] for p in row.phones],
        "_custom": row.custom,
    }


def _deal(account: Account, row: Deal) -> Columns:
    return {
        "created_at": _at(row.created),
        "entered_stage_at": _at(row.entered_stage_at),
        "name": row.name,
        "status": row.status,
        "price": row.price,
        "pipeline_id": _text(row.pipeline_id),
        "pipeline_name": account.pipelines[row.pipeline_id].name,
        "stage_id": _text(row.stage_id),
        "stage_name": account.deal_stage(row.stage_id).name,
        "projected_close_date": _on(row.projected_close),
        "commission_value": row.commission_value,
        "people": [str(p) for p in row.person_ids if account.people.get(p) is not None],
        "users": [str(u) for u in row.user_ids],
        "_custom": row.custom,
    }


def _event(account: Account, row: Event) -> Columns:
    del account
    return {
        "created": _at(row.created),
        "updated": _at(row.updated),
        "occurred": _at(row.occurred),
        "person_id": _text(row.person_id),
        "type": row.type,
        "source": row.source,
        "property_price": row.property.get("price") if row.property else None,
    }


def _call(account: Account, row: Call) -> Columns:
    del account
    return {
        "created": _at(row.created),
        "updated": _at(row.updated),
        "created_by_id": _text(row.created_by_id),
        "person_id": _text(row.person_id),
        "user_id": _text(row.user_id),
        "is_incoming": row.is_incoming,
        "duration": row.duration,
        "started_at": _at(row.started_at),
        "outcome": row.outcome,
    }


def _message(account: Account, row: Text) -> Columns:
    del account
    return {
        "created": _at(row.created),
        "updated": _at(row.updated),
        "sent": _at(row.sent),
        "person_id": _text(row.person_id),
        "user_id": _text(row.user_id),
        "is_incoming": row.is_incoming,
        "delivery_status": row.delivery_status,
    }


def _appointment(account: Account, row: Appointment) -> Columns:
    del account
    return {
        "created": _at(row.created),
        "updated": _at(row.updated),
        "created_by_id": _text(row.created_by_id),
        "title": row.title,
        "all_day": row.all_day,
        "start": _on(row.start) if row.all_day else _at(row.start),
        "end": _on(row.end) if row.all_day else _at(row.end),
        "type_id": _text(row.type_id),
        "outcome_id": _text(row.outcome_id),
        "invitee_person_ids": [str(i["personId"]) for i in row.invitees if i["personId"]],
    }


def _note(account: Account, row: Note) -> Columns:
    return {
        "created": _at(row.created),
        "updated": _at(row.updated),
        "created_by_id": _text(row.created_by_id),
        "created_by": account.user_name(row.created_by_id),
        "person_id": _text(row.person_id),
        "is_html": row.is_html,
    }


def _task(account: Account, row: Task) -> Columns:
    return {
        "created": _at(row.created),
        "updated": _at(row.updated),
        "completed": _at(row.completed),
        "person_id": _text(row.person_id),
        "assigned_user_id": _text(row.assigned_user_id),
        "assigned_to": account.user_name(row.assigned_user_id),
        "name": row.name,
        "type": row.type,
        "is_completed": int(row.completed is not None),
        "due_date": _on(row.due),
    }


def _user(row: User) -> Columns:
    return {
        "name": row.name,
        "email": row.email,
        "phone": row.phone,
        "role": row.role,
        "is_owner": row.kind == OWNER,
        "status": row.status,
    }


def _kind(row: Kind) -> Columns:
    return {"name": row.name}


def _entity(rows: Iterable[tuple[int, Columns]], gone: Iterable[int] = ()) -> dict[str, Any]:
    found = {str(key): columns for key, columns in rows}
    return {"count": len(found), "rows": found, "gone": [str(i) for i in sorted(gone)]}


def account_truth(account: Account, viewer: User, now: datetime) -> dict[str, Any]:
    """The truth of one account for one of its users; see the module's text for the format."""
    tables: tuple[tuple[str, Callable[[Any], bool], Callable[[Account, Any], Columns]], ...] = (
        ("people", lambda p: account.sees_person(viewer, p) and account.readable(p, now), _person),
        ("deals", lambda d: account.sees_deal(viewer, d), _deal),
        ("events", lambda e: account.sees_child(viewer, e), _event),
        ("calls", lambda c: account.sees_child(viewer, c), _call),
        ("text_messages", lambda t: account.sees_child(viewer, t), _message),
        ("notes", lambda n: account.sees_child(viewer, n), _note),
        ("tasks", lambda t: account.sees_child(viewer, t), _task),
        (
            "appointments",
            # an answer does not tell a deleted one apart, so the warehouse must not hold it
            lambda a: (
                not a.deleted and account.sees_appointment(viewer, a, scoped_to=a.calendar_user_id)
            ),
            _appointment,
        ),
    )
    entities: dict[str, Any] = {
        "identity": _entity(
            [(account.id, {"name": account.name, "owner_email": account.owner.email})]
        ),
        "users": _entity((u.id, _user(u)) for u in account.users.values()),
        "teams": _entity((t.id, {"name": t.name}) for t in account.teams.values()),
        "groups": _entity(
            (g.id, {"name": g.name, "type": g.type}) for g in account.groups.values()
        ),
        "ponds": _entity((p.id, {"name": p.name}) for p in account.ponds.values()),
        "pipelines": _entity((p.id, {"name": p.name}) for p in account.pipelines.values()),
        "stages": _entity((s.id, {"name": s.name}) for s in account.stages.values()),
        "custom_fields": _entity(
            (f.id, {"name": f.name, "label": f.label}) for f in account.custom_fields.values()
        ),
        "deal_custom_fields": _entity(
            (f.id, {"name": f.name, "label": f.label}) for f in account.deal_custom_fields.values()
        ),
        "appointment_types": _entity((k.id, _kind(k)) for k in account.appointment_types.values()),
        "appointment_outcomes": _entity(
            (k.id, _kind(k)) for k in account.appointment_outcomes.values()
        ),
    }
    everything = viewer.role == "Broker"
    for name, visible, columns in tables:
        table = account.table(name)
        if len(table) > ROWS_UP_TO:
            count = len(table) if everything else sum(visible(row) for row in table.rows())
            entities[name] = {
                "count": count,
                "rows": None,
                "gone": [str(i) for i in sorted(table.removed)],
            }
        else:
            entities[name] = _entity(
                ((row.id, columns(account, row)) for row in table.rows() if visible(row)),
                table.removed,
            )
    return {
        "account_id": str(account.id),
        "role": viewer.kind,
        "now": _at(now),
        "entities": entities,
        "summary": _summary(account) if len(account.people) <= ROWS_UP_TO else {},
    }


def _summary(account: Account) -> dict[str, Any]:
    """Figures of the whole account as its owner would count them."""
    people = list(account.people.rows())
    calls = list(account.calls.rows())
    texts = list(account.text_messages.rows())
    deals = [d for d in account.deals.rows() if d.status == "Active"]
    closed = {s.id for p in account.pipelines.values() for s in p.stages if s.closed}
    return {
        "people_by_stage": dict(Counter(account.stages[p.stage_id].name for p in people)),
        "people_in_trash": sum(p.stage_id == account.trash_id for p in people),
        "people_unclaimed": sum(p.claimed is False for p in people),
        "people_in_ponds": sum(p.assigned_pond_id is not None for p in people),
        "calls_incoming": sum(c.is_incoming for c in calls),
        "calls_seconds": sum(c.duration for c in calls),
        "texts_incoming": sum(t.is_incoming for t in texts),
        "events_without_person": sum(e.person_id == 0 for e in account.events.rows()),
        "deals_active": len(deals),
        "deals_active_price": sum(d.price or 0 for d in deals),
        "deals_in_closed_stage": sum(d.stage_id in closed for d in deals),
        "mirrored_deals": {str(d.id): d.world_id for d in account.deals.rows() if d.world_id},
    }
