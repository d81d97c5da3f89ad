"""How the things of an account look as JSON (contract §5). Nothing here decides what a caller may
see.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from sandbox.world.crm.account import Account
from sandbox.world.crm.model import (
    OWNER,
    Appointment,
    Call,
    CustomField,
    Deal,
    Event,
    Group,
    Kind,
    Note,
    Person,
    Pipeline,
    Pond,
    Stage,
    Task,
    Team,
    Text,
    User,
)
from sandbox.world.crm.tables import FormulaTable

Json = dict[str, Any]


def instant(value: datetime) -> str:
    """UTC with ``Z`` and whole seconds."""
    return value.astimezone(UTC).replace(tzinfo=None, microsecond=0).isoformat() + "Z"


def maybe(value: datetime | None) -> str | None:
    """An instant or null."""
    return instant(value) if value is not None else None


def day(value: date | datetime | None) -> str | None:
    """Deal dates are sent date-only or as an instant; both occur."""
    if isinstance(value, datetime):
        return instant(value)
    return value.isoformat() if value is not None else None


def identity(account: Account, viewer: User) -> Json:
    """``GET /identity`` (§1.4)."""
    return {
        "account": {
            "id": account.id,
            "domain": account.domain,
            "name": account.name,
            "owner": {"name": account.owner.name, "email": account.owner.email},
        },
        "user": {
            "id": viewer.id,
            "name": viewer.name,
            "email": viewer.email,
            "fuid": f"fu_{account.id}_{viewer.id}",
            "role": viewer.role,
            "isOwner": viewer.kind == OWNER,
            "isAdmin": viewer.role == "Broker",
            "isLender": viewer.role == "Lender",
        },
    }


def user(account: Account, row: User) -> Json:
    """§5.10."""
    return {
        "id": row.id,
        "created": instant(row.created),
        "updated": instant(row.updated),
        "name": row.name,
        "firstName": row.first_name,
        "lastName": row.last_name,
        "email": row.email,
        "phone": row.phone,
        "role": row.role,
        "isOwner": row.kind == OWNER,
        "status": row.status,
        "timezone": row.timezone,
        "fuid": f"fu_{account.id}_{row.id}",
        "beta": False,
        "pauseLeadDistribution": False,
        "canExport": row.kind == OWNER,
        "canCreateApiKeys": row.role == "Broker",
        "picture": {"small": "https://img.example.test/owner.png"} if row.kind == OWNER else None,
        "lastSeenIos": instant(row.updated) if row.id % 3 == 1 else None,
        "lastSeenAndroid": instant(row.updated) if row.id % 3 == 2 else None,
        "lastSeenFub2": None if row.deleted else instant(row.updated),
        "groups": [
            {"id": g, "name": account.groups[g].name} for g in row.group_ids if g in account.groups
        ],
        "teamIds": row.team_ids,
        "teamLeaderOf": row.leads,
        "leadEmailAddress": f"user{row.id}.leads@{account.domain}.example.test",
        "mlsMemberships": [{"mls": "Demo MLS", "memberId": "DEMO-1"}] if row.kind == OWNER else [],
        "acceptedShowingtimeConsent": None,
    }


def team(account: Account, row: Team) -> Json:
    """§5.12."""
    del account
    return {"id": row.id, "name": row.name, "userIds": row.user_ids, "leaderIds": row.leader_ids}


def group(account: Account, row: Group) -> Json:
    """§5.11."""
    members = [account.users[u] for u in row.user_ids]
    return {
        "id": row.id,
        "name": row.name,
        "type": row.type,
        "distribution": row.distribution,
        "defaultUserId": row.default_user_id,
        "defaultPondId": row.default_pond_id,
        "defaultGroupId": None if row.is_primary or row.default_user_id else 7,
        "claimWindow": row.claim_window,
        "hideName": 0,
        "hideSource": 0,
        "nextRoundRobinUser": {"id": members[0].id, "name": members[0].name}
        if members and row.distribution == "round-robin"
        else None,
        "isPrimary": row.is_primary,
        "users": [
            {
                "id": m.id,
                "name": m.name,
                "firstName": m.first_name,
                "lastName": m.last_name,
                "role": m.role,
                "picture": None,
                "pauseLeadDistribution": False,
            }
            for m in members
        ],
    }


def pond(account: Account, row: Pond) -> Json:
    """§5.13."""
    del account
    return {"id": row.id, "name": row.name, "userId": row.user_id, "userIds": row.user_ids}


def pipeline(account: Account, row: Pipeline) -> Json:
    """§5.3."""
    del account
    return {
        "id": row.id,
        "name": row.name,
        "description": "Where buyers are" if row.id == 2 else None,
        "orderWeight": row.order_weight,
        "stages": [
            {
                "id": s.id,
                "name": s.name,
                "color": s.color,
                "description": None,
                "orderWeight": s.order_weight,
                "closedStage": s.closed,
            }
            for s in row.stages
        ],
    }


def stage(account: Account, row: Stage) -> Json:
    """§5.4; how many people are in it is left out where counting them would take long."""
    odd = row.id == 12
    body: Json = {
        "id": row.id,
        "name": row.name,
        "orderWeight": row.order_weight,
        "isProtected": row.protected,
        "pipelineId": 2 if odd else None,
        "description": "New leads" if odd else None,
        "systems": [{"id": 2, "name": "Dialer", "externalLabel": "New", "externalIcon": None}]
        if odd
        else [],
    }
    if not isinstance(account.people, FormulaTable):
        body["peopleCount"] = sum(p.stage_id == row.id for p in account.people.rows())
    return body


def custom_field(account: Account, row: CustomField) -> Json:
    """§5.16."""
    del account
    body: Json = {
        "id": row.id,
        "name": row.name,
        "label": row.label,
        "type": row.type,
        "orderWeight": row.order_weight,
        "hideIfEmpty": False,
        "readOnly": False,
    }
    if row.choices is not None:
        body["choices"] = row.choices
    return body


def kind(account: Account, row: Kind) -> Json:
    """Appointment types and outcomes (§5.9)."""
    del account
    return {"id": row.id, "name": row.name, "orderWeight": row.order_weight}


def person(account: Account, row: Person, view: str = "default") -> Json:
    """§5.1. ``view`` is default, custom (with the custom fields) or all."""
    deal = account.deals.get(row.main_deal_id) if row.main_deal_id else None
    in_pond = row.assigned_pond_id is not None
    assignee = account.user_name(row.assigned_user_id)
    body: Json = {
        "id": row.id,
        "created": instant(row.created),
        "updated": instant(row.updated),
        "lastActivity": maybe(row.last_activity),
        "name": row.name,
        "firstName": row.first_name,
        "lastName": row.last_name,
        "stage": account.stages[row.stage_id].name,
        "stageId": row.stage_id,
        "source": row.source,
        "sourceId": row.source_id,
        "sourceUrl": row.source_url,
        "leadFlowId": row.lead_flow_id,
        "delayed": False,
        "contacted": row.contacted,
        "price": row.price,
        "assignedTo": account.ponds[row.assigned_pond_id].name
        if row.assigned_pond_id is not None
        else assignee,
        "assignedUserId": None if in_pond else row.assigned_user_id,
        "assignedPondId": row.assigned_pond_id,
        "assignedLenderId": row.assigned_lender_id,
        "assignedLenderName": account.user_name(row.assigned_lender_id),
        "tags": row.tags,
        "emails": row.emails,
        "phones": row.phones,
        "addresses": row.addresses,
        "picture": row.picture,
        "socialData": row.social_data,
        "websiteVisits": row.website_visits,
        "timeframeId": row.timeframe_id,
        "timeframeUpdated": None,
        "timeframeStatus": None,
        "timeframeDateRange": None,
        "claimed": row.claimed,
        "firstToClaimOffer": False,
        "dealStatus": deal.status if deal else None,
        "dealStage": account.deal_stage(deal.stage_id).name if deal else None,
        "dealName": deal.name if deal else None,
        "dealCloseDate": day(deal.projected_close) if deal else None,
        "dealPrice": deal.price if deal else None,
        "collaborators": [
            {
                "id": u,
                "name": account.users[u].name,
                "assigned": False,
                "role": account.users[u].role,
            }
            for u in row.collaborator_ids
        ],
        "teamLeaders": [],
        "pondMembers": [],
    }
    if row.created_via is not None:
        body["createdVia"] = row.created_via
    if row.type is not None:
        body["type"] = row.type
    body.update(row.extra)
    if view != "default":
        body.update(row.custom)
    if view == "all":
        body["createdById"] = row.created_by_id
        body["updatedById"] = row.updated_by_id
        body["background"] = row.background
        body["relationships"] = row.relationships
    return body


def deal(account: Account, row: Deal) -> Json:
    """§5.2."""
    people = [p for p in (account.people.get(i) for i in row.person_ids) if p is not None]
    users = [u for u in (account.users.get(i) for i in row.user_ids) if u is not None]
    body: Json = {
        "id": row.id,
        "name": row.name,
        "type": 0,
        "status": row.status,
        "price": row.price,
        "createdAt": instant(row.created),
        "enteredStageAt": maybe(row.entered_stage_at),
        "orderWeight": row.order_weight,
        "description": row.description,
        "pipelineId": row.pipeline_id,
        "pipelineName": account.pipelines[row.pipeline_id].name,
        "stageId": row.stage_id,
        "stageName": account.deal_stage(row.stage_id).name,
        "projectedCloseDate": day(row.projected_close),
        "commissionValue": row.commission_value,
        "agentCommission": row.agent_commission,
        "teamCommission": row.team_commission,
        "earnestMoneyDueDate": None,
        "mutualAcceptanceDate": None,
        "dueDiligenceDate": None,
        "finalWalkThroughDate": None,
        "possessionDate": None,
        "people": [{"id": p.id, "name": p.name, "avatar": None} for p in people],
        "users": [{"id": u.id, "name": u.name, "picture": None} for u in users],
    }
    if row.time_to_close is not None:
        body["timeToClose"] = row.time_to_close
    body.update(row.custom)
    body.update(row.extra)
    return body


def event(account: Account, row: Event) -> Json:
    """§5.5."""
    del account
    return {
        "id": row.id,
        "created": instant(row.created),
        "updated": instant(row.updated),
        "occurred": maybe(row.occurred),
        "personId": row.person_id,
        "type": row.type,
        "source": row.source,
        "message": row.message,
        "description": row.description,
        "noteId": None,
        "pageTitle": row.page_title,
        "pageUrl": row.page_url,
        "pageDuration": row.page_duration,
        "property": row.property,
        "propertySearch": row.property_search,
        **row.extra,
    }


def _label(label: tuple[str, str] | None) -> Json:
    if label is None:
        return {"name": None, "firstName": None, "lastName": None}
    return {"name": f"{label[0]} {label[1]}".strip(), "firstName": label[0], "lastName": label[1]}


def call(account: Account, row: Call) -> Json:
    """§5.6."""
    return {
        "id": row.id,
        "created": instant(row.created),
        "updated": instant(row.updated),
        "createdById": row.created_by_id,
        "updatedById": row.created_by_id,
        "personId": row.person_id,
        "relationshipId": 0,
        **_label(row.label),
        "userId": row.user_id,
        "userName": account.user_name(row.user_id),
        "phone": row.phone,
        "fromNumber": row.phone if row.is_incoming else "5550102001",
        "toNumber": "5550102001" if row.is_incoming else row.phone,
        "forwardNumber": None,
        "isIncoming": row.is_incoming,
        "duration": row.duration,
        "ringDuration": row.ring_duration,
        "startedAt": maybe(row.started_at),
        "outcome": row.outcome,
        "note": row.note,
        "recordingUrl": row.recording_url,
        "sharedInboxId": None,
        "conferenceCallId": None,
        "systemId": None,
        **row.extra,
    }


def text(account: Account, row: Text) -> Json:
    """§5.7."""
    return {
        "id": row.id,
        "created": instant(row.created),
        "updated": instant(row.updated),
        "sent": maybe(row.sent),
        "createdById": row.created_by_id,
        "updatedById": row.created_by_id,
        "personId": row.person_id,
        **_label(row.label),
        "picture": None,
        "userId": row.user_id,
        "userName": account.user_name(row.user_id),
        "message": row.message,
        "status": "Received" if row.is_incoming else "Sent",
        "deliveryStatus": row.delivery_status,
        "fromNumber": row.from_number,
        "toNumber": row.to_number,
        "isIncoming": row.is_incoming,
        "isExternal": row.is_external,
        "archived": False,
        "read": True,
        "externalUrl": None,
        "externalLabel": None,
        "systemName": None,
        "sharedInboxId": None,
        "actionPlanId": None,
        "groupTextId": None,
        "threadId": row.thread_id,
        "media": [],
        **row.extra,
    }


def appointment(account: Account, row: Appointment, viewer: User) -> Json:
    """§5.9; three flags depend on who asks."""
    mine = row.calendar_user_id == viewer.id
    types, outcomes = account.appointment_types, account.appointment_outcomes
    body: Json = {
        "id": row.id,
        "created": instant(row.created),
        "updated": instant(row.updated),
        "updatedById": row.created_by_id,
        "title": row.title,
        "description": row.description,
        "location": row.location,
        "start": row.start.date().isoformat() if row.all_day else instant(row.start),
        "end": row.end.date().isoformat() if row.all_day else instant(row.end),
        "timezone": row.timezone,
        "allDay": row.all_day,
        "originFub": row.origin_fub,
        "invitees": row.invitees,
        "typeId": row.type_id,
        "type": types[row.type_id].name if row.type_id in types else None,
        "outcomeId": row.outcome_id,
        "outcome": outcomes[row.outcome_id].name if row.outcome_id in outcomes else None,
        "isEditable": mine,
        "isDeletable": mine,
        "detailsVisible": True,
        "externalEventLink": None,
        **row.extra,
    }
    if row.created_by_id is not None:
        body["createdById"] = row.created_by_id
    return body


def note(account: Account, row: Note) -> Json:
    """§5.14."""
    author = account.user_name(row.created_by_id)
    return {
        "id": row.id,
        "created": instant(row.created),
        "updated": instant(row.updated),
        "createdById": row.created_by_id,
        "updatedById": row.created_by_id,
        "createdBy": author,
        "updatedBy": author,
        "personId": row.person_id,
        "subject": row.subject,
        "body": row.body,
        "type": "Note",
        "isHtml": row.is_html,
        "showContent": True,
        "isExternal": False,
        "actionPlanId": None,
        "automationId": None,
        "systemId": None,
        "systemName": None,
        **row.extra,
    }


def task(account: Account, row: Task) -> Json:
    """§5.14; ``AssignedTo`` has a capital A."""
    return {
        "id": row.id,
        "created": instant(row.created),
        "updated": instant(row.updated),
        "completed": maybe(row.completed),
        "personId": row.person_id,
        "assignedUserId": row.assigned_user_id,
        "AssignedTo": account.user_name(row.assigned_user_id),
        "name": row.name,
        "type": row.type,
        "isCompleted": int(row.completed is not None),
        "dueDate": day(row.due),
        "dueDateTime": None,
        **row.extra,
    }
