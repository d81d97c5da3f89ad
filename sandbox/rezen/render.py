"""Turns the world's things into reZEN's JSON (contract §§5-8). Unknown to the sources, written from
the contract.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from sandbox.clock import REPORTING_ZONE
from sandbox.world import compensation
from sandbox.world.model import (
    Agent,
    Contribution,
    Deal,
    EquityRow,
    Participant,
    Payment,
    Team,
)
from sandbox.world.world import World

Json = dict[str, Any]

# in every field that must never be stored: a warehouse that holds this text has failed
CANARY = "DO-NOT-STORE"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def number(amount: Decimal) -> int | float:
    """A JSON number; up to two decimals survive the way through a double unchanged."""
    return int(amount) if amount == amount.to_integral_value() else float(amount)


def money(amount: Decimal | None, currency: str = "USD") -> Json | None:
    """``{amount, currency}``, or None."""
    return None if amount is None else {"amount": number(amount), "currency": currency}


def millis(moment: datetime | None) -> int | None:
    """Epoch milliseconds, UTC."""
    # cut and not rounded, as the truth does it, and without the detour through a float
    return None if moment is None else (moment - EPOCH) // timedelta(milliseconds=1)


def iso(day: date | None) -> str | None:
    """``YYYY-MM-DD``."""
    return None if day is None else day.isoformat()


def related_id(*parts: str) -> str:
    """A stable UUID of its own for something that belongs to other things."""
    return str(uuid.UUID(bytes=uuid.uuid5(uuid.NAMESPACE_OID, "|".join(parts)).bytes, version=4))


def profile(who: Agent) -> Json:
    """What a person may tell of himself; only who has shown a picture has told anything."""
    page = f"https://{{}}.example.com/{who.id[:8]}"
    told: Json = {
        "middleName": f"{who.last_name[:1]}.",
        "company": f"{who.last_name} Homes",
        "title": "Realtor",
        "about": "Sells houses.",
        "skySlopeId": related_id("skyslope", who.id),
        "skySlopePublicId": str(int(who.id[:6], 16)),
        "personalWebsiteURL": "https://www.example.com",
        **{
            f"{site}URL": page.format(site.lower())
            for site in (
                *("facebook", "youtube", "twitter", "instagram", "clubhouse", "linkedIn"),
                *("zillow", "yelp", "googleBusinessProfile"),
            )
        },
        "divisions": [{"id": related_id("division"), "name": "Luxury", "logoUrl": None}],
        "availability": {"MONDAY": {"from": "09:00", "to": "17:00"}},
        "voiceVectorDisclaimerAcceptedAt": millis(who.created_at),
    }
    return told if who.avatar else {**dict.fromkeys(told), "divisions": []}


def agent(world: World, who: Agent) -> Json:
    """The agent object of §5.2."""
    anchor = who.anniversary_date
    today = world.today
    return {
        **profile(who),
        "id": who.id,
        "createdAt": millis(who.created_at),
        "updatedAt": millis(who.updated_at),
        "type": "AGENT",
        "firstName": who.first_name,
        "lastName": who.last_name,
        "fullName": who.full_name,
        "emailAddress": who.email or "unknown@example.com",
        "phoneNumber": who.phone,
        "avatar": who.avatar,
        "agentStatus": who.status,
        "agentAccountCountry": who.country,
        "joinDate": iso(who.join_date),
        "anniversaryDate": iso(anchor),
        "lastAnniversaryDate": iso(anchor and compensation.year_start(anchor, today)),
        "nextAnniversaryDate": iso(anchor and compensation.year_end(anchor, today)),
        "birthDate": "1901-01-01",
        "keyMakerId": who.keymaker_id,
        "administrativeAreaIds": [who.area],
        "optedIntoSms": False,
        "leoPhone": None,
        "paymentInstructions": {"note": CANARY},
        "tipaltiId": CANARY,
        "qualiaConnectUserId": None,
        "msdxVendors": [{"subsidiary": "US", "no": CANARY, "error": None, "syncedAt": None}],
        "offices": [
            {
                "id": related_id("office", who.area),
                "name": f"Real {who.area[3:]}",
                "address": {"stateOrProvince": who.area[3:]},
            }
        ],
        "teamMemberships": [
            {"teamId": t.id, "teamName": t.name, "teamType": t.type, "flex": t.flex}
            for t in world.teams_of(who.id)
        ],
    }


def me(world: World, who: Agent) -> Json:
    """``users/me``: the agent object with a display name."""
    return {**agent(world, who), "displayName": who.full_name}


def network_agent(world: World, who: Agent) -> Json:
    """The front-line and down-line element of §5.5."""
    unlocking = who.status == "ACTIVE" and world.ledger.producing(who.id, world.today)
    return {
        "id": who.id,
        "firstName": who.first_name,
        "lastName": who.last_name,
        "status": who.status,
        "emailAddress": who.email,
        "phoneNumber": who.phone,
        "avatar": who.avatar,
        "joinDate": iso(who.join_date),
        "anniversaryDate": iso(who.anniversary_date),
        "terminatedAsOf": iso(who.terminated_as_of),
        "sizeOfNetwork": world.network_size(who.id),
        "updatedAt": millis(who.updated_at),
        # not evidenced: one row in five comes without, so that nobody leans on it
        "sponsorId": None if who.id[0] in "37a" else who.sponsor_id,
        "sponsorshipType": "CO_SPONSOR" if who.co_sponsor_id else "PRIMARY",
        "sponsorSplit": 45 if who.co_sponsor_id else 100,
        "unlocking": unlocking,
        "unlockingExpiryDate": iso(producing_until(world, who)) if unlocking else None,
    }


def producing_until(world: World, who: Agent) -> date:
    """The day until which the last closing before today counts."""
    closed = (c.at.astimezone(REPORTING_ZONE).date() for c in world.ledger.closings[who.id])
    last = max(day for day in closed if day < world.today)
    return compensation.add_months(last, compensation.PRODUCING_MONTHS)


def without_nulls(row: Json) -> Json:
    """The row as an endpoint sends it that leaves nulls out."""
    return {name: value for name, value in row.items() if value is not None}


def team(world: World, it: Team, *, roster: bool = True) -> Json:
    """The team object of §5.3."""
    body: Json = {
        "id": it.id,
        "name": it.name,
        "type": it.type,
        "status": "ACTIVE",
        "country": "UNITED_STATES",
        "flex": it.flex,
        "instantPaymentEligible": False,
        "paidAtClosing": False,
        "memberCommissionSplit": float(it.split),
        "maxMemberCommissionSplit": 90.0,
        "commissionDocumentApprover": "TEAM_LEADER",
        "permittedTransactionEditors": "TEAM_LEADER",
        "config": {
            "commissionPlanId": related_id("plan", it.id),
            "minTeammates": 2,
            "maxTeammates": 50,
            "minLeaders": 1,
            "maxLeaders": 2,
            "paymentDetailsVisibility": "LEADER",
            "leaderSplitConfig": {"enforceSplits": False, "minSplitPercent": 0},
            "realCapConfig": {"leaderCap": 12000.0, "excludedMemberCaps": []},
            "allowedMemberCapsForNewMember": [6000.0, 12000.0],
            "allowedMemberCapsForPermanentPlan": [6000.0, 12000.0],
            "allowedMemberCapsForTemporaryPlan": [],
            "temporaryCommissionPlanId": None,
            "newMembersGetTempPlanUntil": None,
            "tempPlanExpiresOn": None,
        },
        "teamInvitations": it.invitations,
        "pendingGenericTeamApplications": [
            {
                "id": related_id("application", it.id),
                "firstName": "Abe",
                "lastName": "Applicant",
                "emailAddress": "abe.applicant@example.com",
                "capLevel": 6000.0,
                "status": "PENDING",
                "agentId": None,
                "waiveFees": False,
            }
            for _ in it.invitations
        ],
        "createdAt": millis(it.created_at),
        "updatedAt": millis(it.updated_at),
    }
    if roster:
        body["agents"] = team_agents(world, it)
    return body


def team_agents(world: World, it: Team) -> list[Json]:
    """The roster of §5.3.1; the first member has terms of his own with the leader."""
    first = next((m for m in it.members if m.role == "MEMBER"), None)
    fees = [{"feeType": "TRANSACTION_FEE", "percent": 50}]
    return [
        {
            "id": m.id,
            "agent": agent(world, world.agents[m.agent_id]),
            "roles": [m.role],
            "flexRoles": ["MEMBER"] if it.flex and m.role == "MEMBER" else [],
            "memberCommissionSplit": float(m.split),
            "realCap": float(m.cap),
            "leaderSplit": float(100 - m.split) if m is first else None,
            "leaderFeeSplits": fees if m is first else [],
            "teammateLeaderSplits": [
                {"leaderId": it.leader_id, "leaderSplit": float(100 - m.split)}
            ]
            if m is first
            else [],
            "teammateFeeSplits": [{"leaderId": it.leader_id, "feeSplits": fees}]
            if m is first
            else [],
            # whoever left was asked to come back, and did not
            "invitationStatus": "EXPIRED"
            if world.agents[m.agent_id].status == "INACTIVE"
            else None,
        }
        for m in it.members
    ]


def cap_info(world: World, who: Agent) -> Json:
    """The cap state of the current anniversary year, §5.4 (nesting assumed)."""
    year = world.ledger.cap_year(who, world.today)
    anchor = who.anniversary_date or who.join_date
    fee = compensation.ELITE_FEE if year.elite else compensation.POST_CAP_FEE
    teams = world.teams_of(who.id)
    shared = any(t.type in ("GROUP", "DOMESTIC") for t in teams)
    membership = next(
        (m for t in teams for m in t.members if m.agent_id == who.id and m.role == "MEMBER"), None
    )
    joined = who.join_date
    grace = joined and compensation.add_months(joined, compensation.PRODUCING_MONTHS)
    return {
        "agentId": who.id,
        "annualCap": money(year.cap),
        "capAmount": number(year.cap),
        "capAmountPaid": number(year.paid),
        "groupTeamCap": money(year.cap) if shared else None,
        "capped": year.capped,
        "cappedAt": millis(year.capped_at),
        "unlocked": world.ledger.producing_first_tier(who.id, world.today)
        >= compensation.UNLOCK_AT[2],
        "nextAnniversaryDate": iso(anchor and compensation.year_end(anchor, world.today)),
        # a day or an instant: both are said to occur
        "sponsorProducingGracePeriodEnd": iso(grace),
        "gracePeriodEnd": grace
        and millis(datetime(grace.year, grace.month, grace.day, tzinfo=UTC)),
        "deferredCapEndDate": iso(joined and compensation.add_months(joined, 12)),
        "preCapRealCommissionSplit": 15,
        "preCapFee": 30,
        "postCapFee": number(fee["UNITED_STATES"]),
        "leaderSplit": number(100 - membership.split) if membership else None,
        "memberCommissionSplit": number(membership.split) if membership else None,
        "paysLeaderSplit": membership is not None,
        "normalTeamLeadAnnualCap": 12000,
        "elite": year.elite,
    }


def address(deal: Deal) -> Json:
    """§6.3.1."""
    a = deal.address
    return {
        "oneLine": None if "no_one_line" in deal.flags else a.one_line,
        "street": a.street,
        "street2": None,
        "unit": a.unit,
        "city": a.city,
        "state": a.short_state if "short_state" in deal.flags else a.state,
        "zip": a.zip,
        "county": a.county,
        "country": a.country,
    }


def deal_row(world: World, deal: Deal, viewer_id: str) -> Json:
    """The lite row of a list, as ``viewer`` gets it."""
    state: Any = {"state": deal.state} if deal.state is not None else None
    if "plain_state" in deal.flags:
        state = deal.state
    row: Json = {
        "id": deal.id,
        "code": deal.code,
        "listing": deal.listing,
        "transactionType": deal.type,
        "propertyType": deal.property_type,
        "representation": deal.representation,
        "address": address(deal),
        "price": money(deal.price, deal.currency),
        "currency": deal.currency,
        "grossCommission": money(deal.gross, deal.currency),
        "myNetPayout": money(deal.net.get(viewer_id), deal.currency),
        "lifecycleState": state,
        "transactionStatus": deal.state,
        "closed": deal.group == "CLOSED",
        "terminated": deal.group == "TERMINATED",
        "contractAcceptanceDate": iso(deal.contract_date),
        "closingDateEstimated": iso(deal.closing_estimated),
        "closingDateActual": iso(deal.closing_actual),
        "closedAt": millis(deal.closed_at),
        "listingDate": iso(deal.listing_date),
        "createdAt": millis(deal.created_at),
        "updatedAt": millis(deal.updated_at),
        # only Real's people, and of them who they are
        "participants": [
            {
                "id": p.id,
                "participantRole": p.role,
                "yentaUserId": p.agent_id,
                "firstName": p.first_name,
                "lastName": p.last_name,
            }
            for p in deal.participants
            if not p.external
        ],
    }
    row.update((k, v) for k, v in deal.raw.items() if k in row)
    return row


def participant(deal: Deal, who: Participant) -> Json:
    """§6.4."""
    payment = None
    if who.percent is not None:
        payment = {"amount": money(who.amount, deal.currency), "percent": number(who.percent)}
    return {
        "id": who.id,
        "participantRole": who.role,
        "yentaUserId": who.agent_id,
        "firstName": who.first_name,
        "lastName": who.last_name,
        "company": who.company,
        "emailAddress": who.email,
        "phoneNumber": who.phone,
        "address": None,
        "external": who.external,
        "paidByReal": who.paid and not who.external,
        "payment": payment,
        "paidViaBusinessEntity": {"name": f"{who.last_name} LLC", "nationalIds": [CANARY]}
        if who.paid and not who.external
        else None,
        "payer": False,
        "commissionDocumentRecipient": False,
        "passThrough": False,
        "personalDeal": False,
        "createdAt": millis(who.created_at),
        "updatedAt": millis(max(who.created_at, deal.updated_at)),
    }


def splits(deal: Deal) -> list[Json]:
    """§6.5: shares of the gross, 100.00 % together."""
    return [
        {
            "participantId": p.id,
            "yentaId": p.agent_id,
            "firstName": p.first_name,
            "lastName": p.last_name,
            "amount": money(p.amount, deal.currency),
            "percentage": {"string": f"{p.percent:.2f}%"},
        }
        for p in deal.participants
        if p.percent is not None
    ]


def paid_participants(deal: Deal) -> list[Json]:
    """§6.5, assumed shape."""
    return [
        {
            "participantId": p.id,
            "yentaId": p.agent_id,
            "name": p.company or f"{p.first_name} {p.last_name}",
            "participantRole": p.role,
            "paymentAmount": money(p.amount, deal.currency),
            "paidByReal": not p.external,
            "paidAt": millis(deal.closed_at) if deal.state == "SETTLED" else None,
            "address": None,
        }
        for p in deal.participants
        if p.percent is not None
    ]


def deal_detail(world: World, deal: Deal, viewer_id: str) -> Json:
    """The full object of §6.3, as ``viewer`` gets it."""
    owner = world.agents[deal.owner_id]
    office = {"id": deal.office_id, "name": deal.office_name} if deal.office_id else None
    seller_side = deal.representation in ("SELLER", "LANDLORD")
    others = [p for p in deal.participants if p.external]
    payer = next((p for p in others if p.company), None)
    is_open = deal.group == "OPEN"
    row = deal_row(world, deal, viewer_id)
    row.update(
        {
            "grossCommissionPercentage": number(deal.percent),
            "saleCommissionAmount": None if seller_side else row["grossCommission"],
            "listingCommissionAmount": row["grossCommission"] if seller_side else None,
            "saleCommissionPercent": None if seller_side else number(deal.percent),
            "listingCommissionPercent": number(deal.percent) if seller_side else None,
            "complianceStatus": "COMPLIANT" if deal.group == "CLOSED" else "PENDING",
            "listingExpirationDate": iso(deal.listing_expiration_date),
            "firmDate": iso(deal.firm_date),
            "agentReportedClosingDate": iso(deal.agent_reported),
            "skySlopeActualClosingDate": iso(deal.skyslope_actual),
            "skySlopeEscrowClosingDate": iso(deal.closing_estimated),
            "rezenClosedAt": millis(deal.rezen_closed_at),
            "office": office,
            "teamId": deal.team_id,
            "leadSource": {
                "id": related_id("lead source", deal.lead_source),
                "name": deal.lead_source,
            }
            if deal.lead_source
            else None,
            "mlsNumber": deal.mls_number,
            # of a closed one it would have to be that of its order at the title company
            "escrowNumber": f"ESC-{deal.code}" if deal.group == "TERMINATED" else None,
            "personalDeal": False,
            "yearBuilt": deal.year_built,
            "journeyId": deal.journey_id,
            "checklistId": related_id("checklist", deal.id),
            "dropboxId": related_id("dropbox", deal.id),
            "builtFromTransactionId": deal.built_from,
            "cdPayer": {"fullName": f"Desk of {payer.company}", "email": payer.email}
            if payer
            else None,
            "cdPayerBusinessEntity": {"name": payer.company} if payer else None,
            "participants": [participant(deal, p) for p in deal.participants],
            "otherParticipants": [{"id": p.id, "role": p.role} for p in others],
            "paidParticipants": paid_participants(deal),
            "commissionSplits": splits(deal),
            "errors": ["The commission is not validated."] if is_open else [],
            "builderErrors": ["The year built is missing."] if is_open else [],
            "transactionWarnings": ["A document is missing."] if is_open else [],
        }
    )
    if deal.owner_sent:
        row["transactionOwner"] = {
            "id": owner.id,
            "name": owner.full_name,
            "emailAddress": owner.email,
        }
    row.update(deal.raw)
    if "skySlopeActualClosingDate" in deal.raw and deal.skyslope_actual is None:
        row["skySlopeActualClosingDate"] = None
    return row


def payment(row: Payment, status: str) -> Json:
    """A revenue-share payment, §7 (assumed shape)."""
    return {
        "id": row.id,
        "amount": money(row.amount),
        "status": status,
        "paidAt": millis(row.paid_at),
        "periodStart": iso(row.period_start),
        "periodEnd": iso(row.period_end),
        "method": "ACH",
        "reference": f"ACH {row.id[:8]}",
    }


def contribution(world: World, row: Contribution) -> Json:
    """One contribution, §7 (assumed shape)."""
    deal = world.deal(row.deal_id)
    return {
        "id": row.id,
        "agentYentaId": row.contributor_id,
        "agentName": world.agents[row.contributor_id].full_name,
        "tier": row.tier,
        "payout": money(row.payout),
        "contributionBase": money(row.base),
        "transactionId": row.deal_id,
        "transactionCode": row.code,
        "transactionType": row.type,
        "transactionStatus": deal.state if deal else "SETTLED",
        "closingDate": iso(row.earned_on),
        "earnedAt": millis(row.earned_at),
        "status": row.status,
        "pendingReason": "AWAITING_PAYMENT"
        if row.status == "PENDING" and row.earned_on >= world.today.replace(day=1)
        else None,
        "missed": row.missed,
        "missedReason": row.missed_reason,
        "outgoingPaymentId": row.payment_id,
    }


def contribution_sums(world: World, rows: Iterable[Contribution]) -> list[Json]:
    """Contributions summed per contributing agent: no id, no deal (assumed shape)."""
    sums: dict[str, list[Contribution]] = {}
    for row in rows:
        sums.setdefault(row.contributor_id, []).append(row)
    return [
        {
            "id": None,
            "agentYentaId": agent_id,
            "agentName": world.agents[agent_id].full_name,
            "tier": parts[0].tier,
            "payout": money(total(parts)),
            "contributionBase": money(sum((p.base for p in parts), Decimal(0))),
            "transactionId": None,
            "transactionCode": None,
            "transactionType": None,
            "transactionStatus": None,
            "closingDate": iso(max(p.earned_on for p in parts)),
            "earnedAt": None,
            "status": parts[-1].status,
            "pendingReason": None,
            "missed": parts[0].missed,
            "missedReason": parts[-1].missed_reason,
            "outgoingPaymentId": None,
        }
        for agent_id, parts in sums.items()
    ]


def contributors(world: World, rows: Iterable[Contribution]) -> list[Json]:
    """Who contributed, §7 (assumed shape)."""
    sums: dict[str, list[Contribution]] = {}
    for row in rows:
        sums.setdefault(row.contributor_id, []).append(row)
    return [
        {
            "id": agent_id,
            "name": world.agents[agent_id].full_name,
            "totalPayout": money(total(parts)),
            "transactionCount": len(parts),
            "capped": world.ledger.cap_year(world.agents[agent_id], world.today).capped,
        }
        for agent_id, parts in sums.items()
    ]


def total(rows: Iterable[Contribution]) -> Decimal:
    """The sum of payouts."""
    return sum((r.payout for r in rows), Decimal(0))


def equity_row(row: EquityRow) -> Json:
    """A movement of shares, §8 (assumed shape)."""
    return {
        "id": row.id,
        "grantType": row.grant_type,
        "transactionType": row.transaction_type,
        "shares": float(row.shares),
        "price": money(row.price),
        "value": money(row.amount),
        "status": row.status,
        "transactionDate": iso(row.on),
        "vestingDate": iso(row.vesting_date),
        # shares that were bought are kept, awards may lapse
        "expirationDate": iso(compensation.add_months(row.on, 120))
        if row.grant_type.endswith("_AWARD")
        else None,
        "transactionId": row.deal_id,
        "createdAt": millis(row.created_at),
        "updatedAt": millis(row.updated_at),
    }
