"""Everything as Lofty sends it: sentinels for what is unset, many forms of time (contract §2.2)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import orjson

from sandbox.lofty.account import Account
from sandbox.lofty.model import (
    Appointment,
    Communication,
    CustomField,
    Inquiry,
    Lead,
    Member,
    Note,
    PhoneCall,
    Pond,
    Property,
    Relative,
    SiteActivity,
    SystemLog,
    Tag,
    Task,
    Transaction,
)
from sandbox.lofty.words import OFFICES, ROLES, TRANSACTION_FIELDS, YES_NO

Row = dict[str, Any]
# a mark that must never be found in a warehouse
SECRET = "DO-NOT-STORE"
NO_NUMBER = -1


# --- times and numbers --------------------------------------------------------------------------


def gmt(moment: datetime | None) -> str | None:
    """A lead's instant: nearly ISO."""
    return None if moment is None else f"{moment:%Y-%m-%dT%H:%M:%S}GMT"


def plain(moment: datetime | None) -> str | None:
    """UTC without a zone: calls, notes, tasks."""
    return None if moment is None else f"{moment:%Y-%m-%d %H:%M:%S}"


def iso(moment: datetime | None) -> str | None:
    """With an offset: unified activity, calendar, system log."""
    return None if moment is None else f"{moment:%Y-%m-%dT%H:%M:%S}+00:00"


def zulu(moment: datetime) -> str:
    """An appointment's creation."""
    return f"{moment:%Y-%m-%dT%H:%M:%S}Z"


def millis(moment: datetime | None) -> int | None:
    """Epoch milliseconds, cut and not rounded."""
    if moment is None:
        return None
    return int(moment.replace(microsecond=0).timestamp()) * 1000 + moment.microsecond // 1000


def at_five(day: date | None) -> datetime | None:
    """A milestone's instant: 17:00 UTC, the same day in all of North America."""
    return None if day is None else datetime.combine(day, time(17), tzinfo=UTC)


def number(value: Decimal | None) -> int | float | None:
    """A JSON number."""
    if value is None:
        return None
    return int(value) if value == value.to_integral_value() else float(value)


def _or(value: Any, sentinel: Any) -> Any:
    return sentinel if value is None else value


# --- people and configuration -------------------------------------------------------------------


def member(account: Account, row: Member, *, long_id: bool) -> Row:
    """§4.1. ``long_id`` sends the id that records carry as ``memberUserId``."""
    body: Row = {
        "id": row.id,
        "memberUserId": row.user_id if long_id else row.short_user_id,
        "teamId": account.team_id,
        "invitorUserId": _or(row.invitor_user_id, 0),
        "role": row.role,
        "roleName": row.role_name,
        "isAdmin": row.is_admin,
        "email": row.email,
        "firstName": row.first_name,
        "lastName": row.last_name,
        "firstLetter": row.first_name.strip()[:1].upper(),
        "phoneNumber": row.phone,
        "virtualNumber": row.virtual_number,
        "status": row.status,
        "newLeadCount": row.new_leads,
        "assignedLeadCount": sum(
            lead.assigned_user_id == row.user_id and lead.trashed is None
            for lead in account.leads.values()
        ),
        "timeZoneId": row.time_zone,
    }
    if row.account_status is not None:
        body["accountStatus"] = row.account_status
    if row.group_id is not None:
        name = dict(OFFICES)[row.group_id]
        body |= {"groupId": row.group_id, "groupName": name, "group": _office(account, row)}
    if row.agent_info is not None:
        body["agentInfo"] = dict(row.agent_info)
    return body


def _office(account: Account, row: Member) -> Row:
    name = dict(OFFICES)[row.group_id or 0]
    return {
        "id": row.group_id,
        "teamId": account.team_id,
        "parentId": 0,
        "name": name,
        "type": 1,
        "phone": "",
        "email": f"{name.lower()}@example.com",
        "address": "1 Example Street",
        "city": "Provo",
        "state": "UT",
        "zipCode": "84601",
        "webSiteUrl": "https://office.example.com",
        "createTime": "2024-01-02T03:04:05GMT",
        "updateTime": None,
        "path": f"/{row.group_id}",
        "status": "ACTIVE" if row.group_id == OFFICES[0][0] else "PENDING",
        "agentCount": sum(m.group_id == row.group_id for m in account.members.values()),
        "layer": 1,
    }


def tag(row: Tag, lead_id: int, at: datetime | None = None) -> Row:
    """§4.2: a definition with ``leadId`` 0, or the tag of a lead."""
    return {
        "leadId": lead_id,
        "tagId": row.id,
        "tagName": row.name,
        "creatorUserId": row.creator_user_id,
        "visibleType": row.visible_type,
        "createTime": gmt(at or row.created),
        "updateTime": gmt(at or row.updated),
    }


def custom_field(row: CustomField) -> Row:
    """§4.2."""
    return {
        "attributeName": row.name,
        "attributeType": row.type,
        "value": row.value,
        "params": row.params,
    }


def pond(row: Pond) -> Row:
    """§4.2."""
    return {
        "id": row.id,
        "pondName": row.name,
        "pondOwnerId": row.owner_id,
        "agentIds": list(row.agent_ids),
    }


def transaction_fields() -> list[Row]:
    """§4.2."""
    return [
        {"id": field_id, "name": name, "type": kind, "params": params}
        for field_id, name, kind, params, _ in TRANSACTION_FIELDS
    ]


def pipelines(account: Account) -> list[Row]:
    """§4.2: the transactions' pipelines."""
    return [
        {
            "transactionType": kind,
            "stages": [{"id": s.id, "name": s.name, "default": s.default} for s in stages],
        }
        for kind, stages in account.pipelines.items()
    ]


# --- leads --------------------------------------------------------------------------------------


def lead_blob(account: Account, row: Lead) -> bytes:
    """The lead's JSON, made once per change."""
    if row.blob is None:
        row.blob = orjson.dumps(lead(account, row))
    return row.blob


def lead(account: Account, row: Lead) -> Row:
    """§3.3."""
    odd = row.number % 2
    pond_row = account.ponds.get(row.pond_id) if row.pond_id else None
    body: Row = {
        "leadId": row.id,
        "leadUserId": row.user_id,
        "teamId": account.team_id,
        "firstName": row.first_name,
        "lastName": row.last_name,
        "birthday": row.birthday,
        "emails": row.emails,
        "phones": row.phones,
        "phoneStatuses": row.phone_statuses,
        "language": row.language,
        "leadSource": _or(row.source_id, NO_NUMBER),
        "source": account.sources[row.source_id] if row.source_id is not None else "",
        "stageId": row.stage_id,
        "stage": account.stages[row.stage_id],
        "assignedUserId": _or(row.assigned_user_id, 0),
        "assignedUser": account.user_name(row.assigned_user_id) or "",
        "assignTime": gmt(row.assign_time),
        "lenderUserId": _or(row.lender_user_id, NO_NUMBER if odd else 0),
        "pondId": _or(row.pond_id, 0),
        "pondName": pond_row.name if pond_row else None,
        "score": row.score,
        "opportunity": row.opportunity,
        "leadTypes": row.lead_types,
        "tags": [tag(account.tags[tag_id], row.id, at) for tag_id, at in row.tags.items()],
        "segments": row.segments,
        "groups": row.groups,
        "streetAddress": row.street,
        "city": row.city,
        "state": row.state,
        "zipCode": row.zip,
        "createTime": gmt(row.created),
        "lastUpdateTime": gmt(row.updated),
        "lastTouch": gmt(row.last_touch),
        "lastVisit": gmt(row.last_visit),
        "facebook": _or(row.facebook, "" if odd else None),
        "twitter": _or(row.twitter, None if odd else ""),
        "referredBy": _or(row.referred_by, "" if odd else None),
        "hiddenFlag": row.hidden,
        "cannotText": row.cannot_text,
        "cannotCall": row.cannot_call,
        "cannotEmail": row.cannot_email,
        "unsubscription": row.unsubscription,
        "buyingTimeFrame": row.buying_time_frame,
        "sellingTimeFrame": row.selling_time_frame,
        **{name: row.answers.get(name) for name in YES_NO},
        "leadInquiry": None if row.inquiry is None else _inquiry(row, row.inquiry),
        "leadPropertyList": [_property(row, p) for p in row.properties],
        "customAttributes": [
            {**custom_field(account.custom_fields[name]), "value": value}
            for name, value in row.custom.items()
            if name in account.custom_fields
        ],
        "leadFamilyMemberList": [_relative(r) for r in row.family],
        "customRoleList": [
            {
                "roleId": role,
                "role": name,
                "assigneeId": row.roles.get(role, 0),
                "assignee": account.user_name(row.roles.get(role)),
            }
            for role, name in ROLES
        ],
    }
    if row.assign_completion is not None:
        body["assignCompletionStatus"] = row.assign_completion
    if row.ownership_scope is not None:
        body |= {"ownershipScope": row.ownership_scope, "ownershipId": row.ownership_id}
    if row.private is not None:
        body["privateFlag"] = row.private
    if row.number % 4 == 3 and row.lead_types:
        body["leadType"] = row.lead_types[0]
    return {**body, **row.extra}


def _inquiry(row: Lead, inquiry: Inquiry) -> Row:
    return {
        "id": inquiry.id,
        "leadUserId": row.user_id,
        "priceMin": _or(inquiry.price_min, NO_NUMBER),
        "priceMax": _or(inquiry.price_max, NO_NUMBER),
        "propertyType": inquiry.property_types,
        "bedroomsMin": _or(inquiry.bedrooms_min, NO_NUMBER),
        "bedroomsMax": NO_NUMBER,
        "bathroomsMin": _or(inquiry.bathrooms_min, ""),
        "bathroomsMax": "",
        "locations": [
            {"stateCode": "UT", "city": city, "zipCode": "", "county": "", "streetAddress": "",
             "description": city}
            for city in inquiry.cities
        ],
        "modifyByAgent": inquiry.modified_by_agent,
        "defaultValue": inquiry.default_value,
        "createTime": gmt(inquiry.created),
        "updateTime": gmt(inquiry.updated),
    }  # fmt: skip


def _property(row: Lead, home: Property) -> Row:
    return {
        "id": home.id,
        "leadUserId": row.user_id,
        "listingId": home.listing_id,
        "autoListingId": _or(home.auto_listing_id, NO_NUMBER),
        "label": home.label,
        "labelList": [home.label] if home.label else [],
        "labelType": 1 if home.label else NO_NUMBER,
        "listingStatus": home.listing_status,
        "propertyType": home.property_type,
        "propertySource": "Manual",
        "streetAddress": home.street,
        "city": home.city,
        "state": home.state,
        "zipCode": home.zip,
        "county": home.county,
        "price": _or(home.price, NO_NUMBER),
        "priceMin": NO_NUMBER,
        "priceMax": NO_NUMBER,
        "bedrooms": _or(home.bedrooms, NO_NUMBER),
        "bathrooms": _or(number(home.bathrooms), NO_NUMBER),
        "squareFeet": _or(home.square_feet, NO_NUMBER),
        "lotSize": _or(home.lot_size, NO_NUMBER),
        "floors": NO_NUMBER,
        "parkingSpace": NO_NUMBER,
        "mailAddress": home.mailing,
        "note": home.note,
        "pictureUrl": "",
        "siteListingUrl": "",
        "createTime": gmt(home.created),
    }


def _relative(person: Relative) -> Row:
    day = person.birthday
    return {
        "relationship": person.relationship,
        "firstName": person.first_name,
        "lastName": person.last_name,
        "phones": person.phones,
        "emails": person.emails,
        "birthday": None if day is None else f"{day:%b} {day.day}, {day.year}",
    }


# --- what hangs on a lead -----------------------------------------------------------------------


def site_activity(row: Lead, visit: SiteActivity) -> Row:
    """§5.2."""
    return {
        "type": visit.type,
        "text": visit.text,
        "link": visit.link,
        "picture": visit.picture,
        "listing": None if visit.listing is None else _property(row, visit.listing),
        "created": millis(visit.created),
        "scheduledDate": plain(visit.scheduled),
        "pageName": visit.page_name,
    }


def note(account: Account, row: Lead, written: Note) -> Row:
    """§5.2."""
    return {
        "id": written.id,
        "noteId": written.note_id,
        "leadId": row.id,
        "creatorId": _or(written.creator_id, 0),
        "creatorName": account.user_name(written.creator_id) or "",
        "content": f"{written.content} {SECRET}" if written.content else "",
        "createTime": plain(written.created),
        "lastUpdate": plain(written.updated),
        "lastEditorId": _or(written.editor_id, 0),
        "lastEditorName": account.user_name(written.editor_id) or "",
        "deleteFlag": written.deleted,
        "isPin": written.pinned,
        "systemNote": written.system,
    }


def _task(account: Account, row: Lead, todo: Task, now: datetime) -> Row:
    return {
        "id": todo.id,
        "leadId": row.id,
        "creatorId": todo.creator_id,
        "content": f"{todo.content} {SECRET}",
        "type": todo.type,
        "finishFlag": todo.finished is not None,
        "overdueFlag": overdue(todo, now),
        "assignedUserId": todo.assigned_user_id,
        "assignedRole": todo.assigned_role,
        "assignedUser": account.user_name(todo.assigned_user_id) or "",
        "subject": todo.subject,
        "body": f"{todo.body} {SECRET}" if todo.body else "",
        "leadFirstName": row.first_name,
        "leadLastName": row.last_name,
    }


def overdue(row: Task | Appointment, now: datetime) -> bool:
    """Whether its time is past and it is not done."""
    due = row.deadline if isinstance(row, Task) else row.start
    return row.finished is None and due < now


def task_v1(account: Account, row: Lead, todo: Task, now: datetime) -> Row:
    """§5.2, with times in plain form."""
    return {
        **_task(account, row, todo, now),
        "deadline": plain(todo.deadline),
        "finishTime": plain(todo.finished) or "",
        "deleteFlag": todo.deleted,
        "createTime": plain(todo.created),
        "lastUpdate": plain(todo.updated),
    }


def task_v2(account: Account, row: Lead, todo: Task, now: datetime) -> Row:
    """§5.2, with a start and an end."""
    return {
        **_task(account, row, todo, now),
        "startAt": iso(todo.deadline),
        "endAt": iso(todo.deadline),
        "finishTime": iso(todo.finished) or "",
        "createTime": iso(todo.created),
        "lastUpdate": iso(todo.updated),
    }


def appointment(row: Lead, meeting: Appointment, now: datetime) -> Row:
    """§5.2."""
    return {
        "id": meeting.id,
        "descr": meeting.descr,
        "address": meeting.address,
        "createTime": zulu(meeting.created),
        "lastUpdate": zulu(meeting.updated),
        "deadline": millis(meeting.start),
        "endTime": millis(meeting.end),
        "allDay": meeting.all_day,
        "finishFlag": meeting.finished is not None,
        "finishTime": millis(meeting.finished),
        "deleteFlag": meeting.deleted,
        "overdue": overdue(meeting, now),
        "leadId": row.id,
        "assignToUid": meeting.assign_to,
        "assignRoleType": meeting.role_type,
        "creatorId": meeting.creator_id,
    }


def calendar_item(row: Lead, what: Task | Appointment) -> Row:
    """§5.2: a task or an appointment in the caller's calendar."""
    is_task = isinstance(what, Task)
    start = what.deadline if isinstance(what, Task) else what.start
    end = None if isinstance(what, Task) else what.end
    return {
        "id": f"{what.id}-{'task' if is_task else 'appointment'}",
        "type": "TASK" if is_task else "APPOINTMENT",
        "taskId": what.id,
        "leadId": row.id,
        "title": what.type if isinstance(what, Task) else what.descr,
        "content": f"{what.content} {SECRET}" if isinstance(what, Task) else what.address,
        "finished": what.finished is not None,
        "startAt": iso(start),
        "endAt": iso(end),
        "startAtMs": millis(start),
        "endAtMs": millis(end),
        "timeZoneCode": "America/Denver",
    }


def system_log(row: Lead, log: SystemLog) -> Row:
    """§5.2."""
    return {
        "id": str(log.id),
        "leadId": row.id,
        "agentId": _or(log.agent_id, 0),
        "timelineType": log.type,
        "timelineTypeDesc": log.description,
        "timelineTime": iso(log.at),
        "createTime": iso(log.at),
        "updateTime": iso(log.at),
        "fromId": _or(log.from_id, 0),
        "fromType": log.kind,
        "fromName": log.from_name,
        "toId": _or(log.to_id, 0),
        "toType": log.kind,
        "toName": log.to_name,
        "refId": 0,
        "sticky": log.sticky,
        "content": {"from": log.from_name, "to": log.to_name},
    }


def phone_call(row: Lead, call: PhoneCall) -> Row:
    """§5.2, ``/v1.0/calls``."""
    seconds = call.seconds
    return {
        "id": call.id,
        "dialerCallRecordId": call.dialer_id,
        "userId": call.user_id,
        "userPhoneNumber": call.user_phone,
        "leadId": row.id,
        "leadPhoneNumber": call.lead_phone,
        "direction": call.direction,
        "status": call.status,
        "startTime": plain(call.start),
        "endTime": None if seconds is None else plain(call.start + timedelta(seconds=seconds)),
        "duration": seconds,
        "callingOutcome": call.outcome,
        "rateScore": call.rate,
    }


# --- communications -----------------------------------------------------------------------------


def communication(row: Communication, form: str) -> Row:
    """§5.1: a row of the team's feed; ``form`` is that of its time."""
    times: Mapping[str, Any] = {"gmt": gmt(row.at), "iso": iso(row.at), "epoch": millis(row.at)}
    body: Row = {
        "id": row.id,
        "leadId": row.lead_id,
        "agentId": row.agent_id,
        "eventType": row.event,
        "communicationType": row.kind,
        "communicationTime": times[form],
        "callOutcome": row.outcome,
        "callDuration": None if row.seconds is None else str(row.seconds),
        "status": row.status,
    }
    if row.direction is not None:
        body["direction"] = row.direction
    if row.from_pond is not None:
        body["fromPond"] = row.from_pond
    return body


def email(row: Communication) -> Row:
    """§5.2."""
    return {
        "id": row.id,
        "leadId": row.lead_id,
        "agentId": row.agent_id,
        "direction": row.direction,
        "eventType": row.event.removesuffix(" Email"),
        "emailEventTime": gmt(row.at),
        "emailType": "Auto" if row.kind == "AUTO" else "Manual",
        "emailSubject": row.subject,
        "fromPond": bool(row.from_pond),
    }


def text(row: Communication) -> Row:
    """§5.2."""
    return {
        "id": row.id,
        "leadId": row.lead_id,
        "agentId": row.agent_id,
        "direction": row.direction,
        "textOutcome": row.status,
        "textTime": gmt(row.at),
        "textType": "Auto" if row.kind == "AUTO" else "Manual",
        "textContent": f"Thanks {SECRET}",
    }


def short_call(row: Communication, phone: str) -> Row:
    """§5.2, ``communication/call/v2``."""
    return {
        "id": row.id,
        "agentId": row.agent_id,
        "leadId": row.lead_id,
        "createTime": plain(row.at),
        "direction": row.direction,
        "leadPhoneNumber": phone,
    }


def unified(row: Communication, phone: str) -> Row:
    """§5.2, ``/v2.0/leads/{id}/activities``."""
    is_mail = row.channel == "Email"
    return {
        "id": row.id,
        "leadId": row.lead_id,
        "agentId": row.agent_id,
        "activityTime": iso(row.at),
        "channel": row.channel,
        "communicationType": row.kind,
        "direction": row.direction,
        "callingOutcome": row.outcome,
        "leadPhoneNumber": "" if is_mail else phone,
        "emailEventType": row.event.removesuffix(" Email") if is_mail else None,
        "emailSubject": row.subject,
        "note": SECRET if row.kind == "LOGGED" else "",
    }


# --- transactions -------------------------------------------------------------------------------

DATES = (
    "expectedCloseDate", "closeDate", "appointmentDate", "agreementSignedDate", "offerDate",
    "contractDate", "appraisalDate", "homeInspectionDate", "escrowDate", "expiration",
)  # fmt: skip


def milestones(row: Transaction) -> dict[str, datetime | None]:
    """The milestones that the deal knows."""
    known: dict[str, datetime | None] = dict.fromkeys(DATES)
    deal = row.deal
    if deal is not None:
        known |= {
            "expectedCloseDate": at_five(deal.closing_estimated),
            "closeDate": at_five(deal.closing_actual),
            "agreementSignedDate": at_five(deal.listing_date),
            "contractDate": at_five(deal.contract_date),
            "offerDate": at_five(deal.contract_date) if row.number % 2 else None,
            "appraisalDate": at_five(deal.firm_date),
            "escrowDate": at_five(deal.contract_date) if row.number % 3 == 0 else None,
            "homeInspectionDate": at_five(deal.contract_date) if row.number % 4 == 1 else None,
            "appointmentDate": at_five(deal.created_at.date()) if row.number % 5 == 0 else None,
            "expiration": at_five(deal.listing_expiration_date),
        }
    return known


def money(row: Transaction) -> dict[str, Decimal | None]:
    """The amounts that the deal knows."""
    deal = row.deal
    if deal is None:
        return dict.fromkeys(("homePrice", "gci", "teamRevenue", "agentRevenue", "commissionRate"))
    net = deal.net.get(deal.owner_id)
    rest = deal.gross - net if deal.gross is not None and net is not None else None
    return {
        "homePrice": deal.price,
        "gci": deal.gross,
        "teamRevenue": rest,
        "agentRevenue": net,
        "commissionRate": deal.percent,
    }


def transaction(account: Account, row: Transaction) -> Row:
    """§5.3."""
    body: Row = {
        "transactionId": row.id,
        "created": millis(row.created),
        "updated": millis(row.updated),
        "transactionName": row.name,
        "transactionType": row.type,
        "transactionStatus": account.stage_of(row).name,
        **{name: number(value) for name, value in money(row).items()},
        **{name: millis(value) for name, value in milestones(row).items()},
        "customFields": [
            {"id": field_id, "value": values[row.number % len(values)]}
            for field_id, _, _, _, values in TRANSACTION_FIELDS[: row.number % 9]
        ],
    }
    lead_row = account.leads.get(row.lead_id) if row.lead_id is not None else None
    if row.lead_id is not None:
        body["leadId"] = row.lead_id
    if lead_row is not None:
        body["leadName"] = lead_row.name
    if row.property_id is not None:
        body["propertyId"] = row.property_id
    if row.assigned_agent is not None:
        body |= {
            "assignedAgent": row.assigned_agent,
            "agentName": account.user_name(row.assigned_agent) or "",
        }
    return {**body, **row.edits}


def transaction_of_lead(account: Account, row: Transaction) -> Row:
    """§5.3: below a lead a transaction tells of its commissions, too."""
    return {**transaction(account, row), "commissions": commissions(account, row)}


def commissions(account: Account, row: Transaction) -> Row:
    """§5.3: only the transactions of a lead tell of commissions."""
    deal = row.deal
    if deal is None or deal.gross is None:
        return {"preSplit": [], "split": [], "postSplit": []}
    me = account.member_by_user(row.assigned_agent) or account.owner
    amounts = money(row)

    def line(k: int, kind: str, to: str, to_id: int, name: str, value: Any, how: str) -> Row:
        return {
            "id": row.id * 10 + k,
            "splitPayType": kind,
            "splitPayTo": to_id,
            "splitPayToName": name,
            "payType": to,
            "payTo": to_id,
            "payToName": name,
            "value": value,
            "calculateType": how,
            "desc": "Referral fee" if to == "OTHER" else "",
        }

    return {
        "preSplit": [line(1, "TEAM", "OTHER", 0, "Referral desk", 25, "PERCENT")]
        if row.number % 3 == 0
        else [],
        "split": [
            line(
                2, "TEAM", "AGENT", me.user_id, me.name, number(amounts["agentRevenue"]), "AMOUNT"
            ),
            line(
                3, "AGENT", "TEAM", account.team_id, account.name, number(amounts["teamRevenue"]),
                "AMOUNT",
            ),
        ],
        "postSplit": [line(4, "AGENT", "UPLINE", 0, "Upline", 50, "AMOUNT")]
        if row.number % 4 == 0
        else [],
    }  # fmt: skip
