"""What happens in an account from noon to noon."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

from sandbox.lofty.build import Builder, stage_for, stream
from sandbox.lofty.model import Lead
from sandbox.lofty.words import NOTES

PER_DAY = 300


def live(builder: Builder, seed: int, day: date) -> None:
    """Plays the day that ends at noon of ``day``."""
    account = builder.account
    end = datetime.combine(day, time(12), tzinfo=UTC)
    rng = builder.rng = stream(seed, account.agent_key, day)
    builder.now = end
    moments = sorted(end - timedelta(seconds=rng.randint(1, 86_000)) for _ in range(8))
    for moment in moments[: 1 + builder.size.people // PER_DAY]:
        lead = builder.lead(moment)
        builder.visit(lead, moment)
        lead.last_visit = moment
    present = [lead for lead in account.leads.values() if lead.trashed is None]
    talks = 2 + builder.size.calls // PER_DAY
    for lead in rng.sample(present, min(talks, len(present))):
        at = end - timedelta(seconds=rng.randint(1, 20_000))
        if at > lead.created:
            builder.talk(lead, at, rng.choice(("Call", "Text", "Email")))
            lead.last_touch = max(at, lead.last_touch or at)
            account.touch(lead, at)
    visitor = rng.choice(present)
    if visitor.created < moments[-1]:
        builder.visit(visitor, moments[-1])
        visitor.last_visit = moments[-1]
        visitor.score = min(100, visitor.score + 5)
        account.touch(visitor, moments[-1], moves=False)
    busy = rng.choice(present)
    if busy.created < moments[-2]:
        match day.toordinal() % 3:
            case 0:
                builder.note(busy, moments[-2], rng.choice(NOTES))
            case 1:
                builder.task(busy, moments[-2])
            case _:
                builder.appointment(busy, moments[-2])
        account.touch(busy, moments[-2])
    for lead in present:
        due = [t for t in lead.tasks if t.finished is None and t.deadline <= end and t.id % 2]
        for todo in due:
            todo.finished = todo.updated = todo.deadline
            account.touch(lead, todo.deadline)
    _follow_deals(builder, end)


def _follow_deals(builder: Builder, at: datetime) -> None:
    """A client's stage goes with the deal, once the deal moves after the lead came."""
    account = builder.account
    for row in account.transactions.values():
        lead = account.leads.get(row.lead_id or 0)
        if row.deal is None or lead is None or not _recent(row.deal.updated_at, at):
            continue
        if row.deal.listing and row.deal.group == "OPEN":
            continue
        move(builder, lead, stage_for(row.deal), at - timedelta(minutes=5))


def _recent(moment: datetime, end: datetime) -> bool:
    return end - timedelta(days=1) < moment <= end


def move(builder: Builder, lead: Lead, stage: int, at: datetime) -> None:
    """Puts a lead into a stage; the system notes it."""
    account = builder.account
    old = lead.stage_id
    if old == stage or at < lead.created:
        return
    lead.stage_id = stage
    builder.log(lead, at, "STAGE", old, account.stages[old], stage, account.stages[stage])
    account.touch(lead, at)
