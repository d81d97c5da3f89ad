"""What a warehouse must hold of a Lofty account, told from the things and never from an answer.

``{"team_id", "entities": {entity: {key: {column: value}}}, "control": {entity: {key: {...}}}}`` as
the owner sees it. Keys are the raw natural key's parts as sent, joined with ``|``; columns are the
vendor's names in snake case. Ids are text, amounts text, instants ISO UTC with milliseconds.
``control`` has by the same keys what the vendor sends as a sentinel (None here), what depends on
the clock, and what is inside nested values.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import xxhash

from sandbox.lofty import wire
from sandbox.lofty.account import Account
from sandbox.lofty.model import Lead, Member, Transaction
from sandbox.lofty.words import OFFICES, TRANSACTION_FIELDS, YES_NO

if TYPE_CHECKING:
    from sandbox.lofty.books import Books

Columns = dict[str, Any]
Rows = dict[str, Columns]


def of(books: Books, account: Account) -> dict[str, Any]:
    """The truth of one account."""
    owner, now = account.owner, books.now()
    leads = account.visible(owner)
    stages = [(kind, stage) for kind, rows in account.pipelines.items() for stage in rows]
    told: dict[str, tuple[Rows, Rows]] = {
        "account": _account(account),
        "members": _members(books, account),
        "pipelines": ({str(i): {"name": name} for i, name in account.stages.items()}, {}),
        "tags": _tags(account, leads),
        "custom_fields": (
            {
                f.name: {"attribute_type": f.type, "value": f.value, "params": f.params}
                for f in account.custom_fields.values()
            },
            {},
        ),
        "ponds": (
            {
                str(p.id): {"pond_name": p.name, "pond_owner_id": str(p.owner_id)}
                for p in account.ponds.values()
            },
            {
                str(p.id): {"agent_ids": [str(a) for a in p.agent_ids]}
                for p in account.ponds.values()
            },
        ),
        "transaction_fields": (
            {
                str(number): {"name": name, "type": kind, "params": params}
                for number, name, kind, params, _ in TRANSACTION_FIELDS
            },
            {},
        ),
        "transaction_pipelines": (
            {f"{kind}|{s.id}": {"name": s.name} for kind, s in stages},
            {f"{kind}|{s.id}": {"default": s.default} for kind, s in stages},
        ),
        "leads": (
            {str(lead.id): _lead(account, lead) for lead in leads},
            {str(lead.id): _lead_control(account, lead) for lead in leads},
        ),
        "communications": ({str(c.id): _communication(c) for c in account.communications()}, {}),
        "transactions": (
            {str(t.id): _transaction(account, t) for t in account.transactions.values()},
            {str(t.id): _transaction_control(t) for t in account.transactions.values()},
        ),
        "lead_activities": _visits(leads),
        "notes": _notes(account, leads),
        "tasks": _tasks(account, leads, now),
        "appointments": _appointments(leads, now),
        "calls": _calls(leads),
        "system_logs": _system_logs(leads),
        "transaction_commissions": _commissions(account, leads),
    }
    return {
        "team_id": str(account.team_id),
        "entities": {name: rows for name, (rows, _) in told.items()},
        "control": {name: control for name, (_, control) in told.items() if control},
    }


def _at(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).isoformat(timespec="milliseconds")


def _id(value: int | None) -> str | None:
    return None if value is None else str(value)


def _amount(value: Decimal | None) -> str | None:
    return None if value is None else str(value)


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


# --- people and lists ---------------------------------------------------------------------------


def _account(account: Account) -> tuple[Rows, Rows]:
    owner = account.owner
    row = {
        "id": str(owner.id),
        "team_id": str(account.team_id),
        "role_name": owner.role_name,
        "email": owner.email,
        "first_name": owner.first_name,
        "last_name": owner.last_name,
    }
    key = str(owner.short_user_id)
    return {key: row}, {key: {"user_id": str(owner.user_id)}}


def _member(account: Account, row: Member, user_id: int) -> Columns:
    return {
        "member_user_id": str(user_id),
        "team_id": str(account.team_id),
        "role": row.role,
        "role_name": row.role_name,
        "is_admin": row.is_admin,
        "email": row.email,
        "first_name": row.first_name,
        "last_name": row.last_name,
        "phone_number": row.phone,
        "virtual_number": row.virtual_number,
        "status": row.status,
        "account_status": row.account_status,
        "time_zone_id": row.time_zone,
        "group_id": _id(row.group_id),
        "group_name": dict(OFFICES)[row.group_id] if row.group_id is not None else None,
    }


def _members(books: Books, account: Account) -> tuple[Rows, Rows]:
    members = account.members.values()
    return (
        {
            str(m.id): _member(account, m, m.user_id if books.long_id(m) else m.short_user_id)
            for m in members
        },
        {
            str(m.id): {
                "user_id": str(m.user_id),
                "invitor_user_id": _id(m.invitor_user_id),
                "license_id": (m.agent_info or {}).get("licenseId"),
            }
            for m in members
        },
    )


def _tags(account: Account, leads: list[Lead]) -> tuple[Rows, Rows]:
    rows: Rows = {}
    control: Rows = {}

    def tell(tag_id: int, lead_id: int | None, created: datetime, updated: datetime) -> None:
        tag = account.tags[tag_id]
        key = f"{tag_id}|{lead_id or 0}"
        rows[key] = {
            "tag_name": tag.name,
            "creator_user_id": str(tag.creator_user_id),
            "visible_type": tag.visible_type,
            "create_time": _at(created),
            "update_time": _at(updated),
        }
        control[key] = {"lead_id": _id(lead_id)}

    for tag in account.tags.values():
        tell(tag.id, None, tag.created, tag.updated)
    for lead in leads:
        for tag_id, at in lead.tags.items():
            tell(tag_id, lead.id, at, at)
    return rows, control


# --- leads --------------------------------------------------------------------------------------


def _lead(account: Account, row: Lead) -> Columns:
    pond = account.ponds.get(row.pond_id) if row.pond_id else None
    return {
        "lead_user_id": str(row.user_id),
        "team_id": str(account.team_id),
        "first_name": row.first_name,
        "last_name": row.last_name,
        "birthday": row.birthday,
        "emails": list(row.emails),
        "phones": list(row.phones),
        "phone_statuses": list(row.phone_statuses),
        "language": row.language,
        "source": account.sources[row.source_id] if row.source_id is not None else None,
        "stage_id": str(row.stage_id),
        "stage": account.stages[row.stage_id],
        "assigned_user": account.user_name(row.assigned_user_id),
        "assign_time": _at(row.assign_time),
        "assign_completion_status": row.assign_completion,
        "pond_name": pond.name if pond else None,
        "ownership_scope": row.ownership_scope,
        "ownership_id": _id(row.ownership_id),
        "score": row.score,
        "opportunity": row.opportunity,
        "lead_types": list(row.lead_types),
        "segments": list(row.segments),
        "street_address": row.street,
        "city": row.city,
        "state": row.state,
        "zip_code": row.zip,
        "create_time": _at(row.created),
        "last_update_time": _at(row.updated),
        "last_touch": _at(row.last_touch),
        "last_visit": _at(row.last_visit),
        "referred_by": row.referred_by,
        "hidden_flag": row.hidden,
        "cannot_text": row.cannot_text,
        "cannot_call": row.cannot_call,
        "cannot_email": row.cannot_email,
        "unsubscription": row.unsubscription,
        "buying_time_frame": row.buying_time_frame,
        "selling_time_frame": row.selling_time_frame,
        **{_snake(name): row.answers.get(name) for name in YES_NO},
    }


def _lead_control(account: Account, row: Lead) -> Columns:
    inquiry = row.inquiry
    return {
        "lead_source": _id(row.source_id),
        "assigned_user_id": _id(row.assigned_user_id),
        "lender_user_id": _id(row.lender_user_id),
        "pond_id": _id(row.pond_id),
        "tags": sorted(account.tags[t].name for t in row.tags),
        "custom": {k: v for k, v in row.custom.items() if k in account.custom_fields},
        "roles": {str(role): str(user) for role, user in row.roles.items()},
        "family": [r.first_name for r in row.family],
        "price_min": inquiry.price_min if inquiry else None,
        "price_max": inquiry.price_max if inquiry else None,
        "bedrooms_min": inquiry.bedrooms_min if inquiry else None,
        "properties": [str(p.id) for p in row.properties],
        "prices": [p.price for p in row.properties],
    }


def _visits(leads: list[Lead]) -> tuple[Rows, Rows]:
    rows: Rows = {}
    control: Rows = {}
    for lead in leads:
        for visit in lead.site_activities:
            digest = xxhash.xxh3_64_hexdigest((visit.text + visit.link).encode())
            key = f"{lead.id}|{wire.millis(visit.created)}|{visit.type}|{digest}"
            rows[key] = {
                "lead_id": str(lead.id),
                "type": visit.type,
                "created": _at(visit.created),
                "text": visit.text,
                "link": visit.link,
                "picture": visit.picture,
                "page_name": visit.page_name,
            }
            control[key] = {
                "scheduled_date": _at(visit.scheduled),
                "listing_street": visit.listing.street if visit.listing else None,
            }
    return rows, control


def _notes(account: Account, leads: list[Lead]) -> tuple[Rows, Rows]:
    notes = [(lead, note) for lead in leads for note in lead.notes]
    return (
        {
            str(note.note_id): {
                "id": str(note.id),
                "lead_id": str(lead.id),
                "creator_name": account.user_name(note.creator_id),
                "create_time": _at(note.created),
                "last_update": _at(note.updated),
                "last_editor_name": account.user_name(note.editor_id),
                "delete_flag": note.deleted,
                "is_pin": note.pinned,
                "system_note": note.system,
            }
            for lead, note in notes
        },
        {
            str(note.note_id): {
                "creator_id": _id(note.creator_id),
                "last_editor_id": _id(note.editor_id),
            }
            for _, note in notes
        },
    )


def _tasks(account: Account, leads: list[Lead], now: datetime) -> tuple[Rows, Rows]:
    tasks = [(lead, task) for lead in leads for task in lead.tasks]
    return (
        {
            str(task.id): {
                "lead_id": str(lead.id),
                "creator_id": str(task.creator_id),
                "type": task.type,
                "finish_flag": task.finished is not None,
                "finish_time": _at(task.finished),
                "create_time": _at(task.created),
                "last_update": _at(task.updated),
                "assigned_user_id": str(task.assigned_user_id),
                "assigned_role": task.assigned_role,
                "assigned_user": account.user_name(task.assigned_user_id),
                "subject": task.subject,
            }
            for lead, task in tasks
        },
        {
            str(task.id): {
                "deadline": _at(task.deadline),
                "delete_flag": task.deleted,
                "overdue_flag": wire.overdue(task, now),
            }
            for _, task in tasks
        },
    )


def _appointments(leads: list[Lead], now: datetime) -> tuple[Rows, Rows]:
    meetings = [(lead, meeting) for lead in leads for meeting in lead.appointments]
    return (
        {
            str(row.id): {
                "lead_id": str(lead.id),
                "descr": row.descr,
                "address": row.address,
                "create_time": _at(row.created),
                "last_update": _at(row.updated),
                "deadline": _at(row.start),
                "end_time": _at(row.end),
                "all_day": row.all_day,
                "finish_flag": row.finished is not None,
                "finish_time": _at(row.finished),
                "delete_flag": row.deleted,
                "assign_to_uid": str(row.assign_to),
                "creator_id": str(row.creator_id),
            }
            for lead, row in meetings
        },
        {str(row.id): {"overdue": wire.overdue(row, now)} for _, row in meetings},
    )


def _calls(leads: list[Lead]) -> tuple[Rows, Rows]:
    return (
        {
            str(call.id): {
                "dialer_call_record_id": _id(call.dialer_id),
                "user_id": str(call.user_id),
                "user_phone_number": call.user_phone,
                "lead_id": str(lead.id),
                "lead_phone_number": call.lead_phone,
                "direction": call.direction,
                "status": call.status,
                "start_time": _at(call.start),
                "end_time": None
                if call.seconds is None
                else _at(call.start + timedelta(seconds=call.seconds)),
                "duration": call.seconds,
                "calling_outcome": call.outcome,
                "rate_score": call.rate,
            }
            for lead in leads
            for call in lead.calls
        },
        {},
    )


def _system_logs(leads: list[Lead]) -> tuple[Rows, Rows]:
    logs = [(lead, log) for lead in leads for log in lead.system_logs]
    return (
        {
            str(log.id): {
                "lead_id": str(lead.id),
                "timeline_type": log.type,
                "timeline_type_desc": log.description,
                "timeline_time": _at(log.at),
                "from_name": log.from_name,
                "to_name": log.to_name,
                "sticky": log.sticky,
            }
            for lead, log in logs
        },
        {
            str(log.id): {
                "agent_id": _id(log.agent_id),
                "from_id": _id(log.from_id),
                "to_id": _id(log.to_id),
            }
            for _, log in logs
        },
    )


def _commissions(account: Account, leads: list[Lead]) -> tuple[Rows, Rows]:
    """Of the transactions whose lead is shown: the brokerage's own figures as lines."""
    shown = {lead.id for lead in leads}
    rows: Rows = {}
    control: Rows = {}
    for row in account.transactions.values():
        deal = row.deal
        if row.lead_id not in shown or deal is None or deal.gross is None:
            continue
        net = deal.net.get(deal.owner_id)
        rest = None if net is None else deal.gross - net
        me = account.member_by_user(row.assigned_agent) or account.owner
        lines: list[tuple[str, int, str, int | None, str, Decimal | None, str]] = [
            ("split", 2, "AGENT", me.user_id, me.name, net, "AMOUNT"),
            ("split", 3, "TEAM", account.team_id, account.name, rest, "AMOUNT"),
        ]
        if row.number % 3 == 0:
            lines.append(("preSplit", 1, "OTHER", None, "Referral desk", Decimal(25), "PERCENT"))
        if row.number % 4 == 0:
            lines.append(("postSplit", 4, "UPLINE", None, "Upline", Decimal(50), "AMOUNT"))
        for part, place, kind, party, name, value, how in lines:
            key = f"{row.id}|{part}|{row.id * 10 + place}"
            rows[key] = {
                "lead_id": str(row.lead_id),
                "pay_type": kind,
                "pay_to_name": name,
                "value": _amount(value),
                "calculate_type": how,
            }
            control[key] = {"pay_to": _id(party)}
    return rows, control


# --- communications and transactions ------------------------------------------------------------


def _communication(row: Any) -> Columns:
    return {
        "lead_id": str(row.lead_id),
        "agent_id": str(row.agent_id),
        "direction": row.direction,
        "event_type": row.event,
        "communication_type": row.kind,
        "communication_time": _at(row.at),
        "call_outcome": row.outcome,
        "call_duration": None if row.seconds is None else str(row.seconds),
        "status": row.status,
        "from_pond": row.from_pond,
    }


def _cut(moment: datetime) -> datetime:
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def _transaction(account: Account, row: Transaction) -> Columns:
    lead = account.leads.get(row.lead_id) if row.lead_id is not None else None
    told = {
        "created": _at(_cut(row.created)),
        "updated": _at(_cut(row.updated)),
        "transaction_name": row.name,
        "transaction_type": row.type,
        "transaction_status": account.stage_of(row).name,
        "lead_id": _id(row.lead_id),
        "lead_name": lead.name if lead else None,
        "property_id": _id(row.property_id),
        "assigned_agent": _id(row.assigned_agent),
        "agent_name": account.user_name(row.assigned_agent),
        **{_snake(name): _amount(value) for name, value in wire.money(row).items()},
        **{_snake(name): _at(value) for name, value in wire.milestones(row).items()},
    }
    for member, value in row.edits.items():
        # only what `edit_transaction` takes can be in here
        if member in wire.DATES and value is not None:
            told[_snake(member)] = _at(datetime.fromtimestamp(value / 1000, tz=UTC))
        elif isinstance(value, int | float):
            told[_snake(member)] = str(value)
        else:
            told[_snake(member)] = value
    return told


def _transaction_control(row: Transaction) -> Columns:
    return {
        "deal_id": row.deal.id if row.deal else None,
        "custom": {
            str(number): values[row.number % len(values)]
            for number, _, _, _, values in TRANSACTION_FIELDS[: row.number % 9]
        },
    }
