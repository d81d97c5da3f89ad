"""One Lofty account: its people, lists, leads and what they said; who sees what."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from sandbox.lofty.model import (
    Communication,
    CustomField,
    Lead,
    Member,
    Pond,
    Stage,
    Tag,
    Transaction,
)
from sandbox.lofty.words import PIPELINES, SOURCES, STAGES
from sandbox.world.model import Deal

FIRST_IDS: Mapping[str, int] = {
    "lead": 730_000_000_000_101,
    "lead_user": 735_000_000_000_555,
    "member": 1207,
    "short_user": 90_210,
    "user": 710_000_000_000_900,
    "communication": 990_000_000_000_001,
    "timeline": 880_000_000_000_001,
    "note": 400_000_000_001,
    "task": 5_001,
    "appointment": 3_301,
    "log": 77_000_001,
    "transaction": 10_077,
    "property": 20_001,
    "inquiry": 60_001,
    "lead_property": 501,
    "tag": 11,
}


@dataclass(slots=True)
class Account:
    """A tenant. Every id but ``team_id`` repeats from account to account.

    ``gone`` are leads deleted for good (a merge's losers among them). ``lived`` is the last day
    that was played. ``feed`` is ordered by instant and id. ``version`` grows with every change.
    ``clients`` tells which lead a deal's participant is.
    """

    agent_key: str
    agent_id: str
    team_id: int
    name: str
    lived: date
    version: int = 0
    members: dict[int, Member] = field(default_factory=dict)
    leads: dict[int, Lead] = field(default_factory=dict)
    gone: set[int] = field(default_factory=set)
    feed: list[tuple[datetime, int, Communication]] = field(default_factory=list)
    transactions: dict[int, Transaction] = field(default_factory=dict)
    seen_deals: set[str] = field(default_factory=set)
    clients: dict[str, int] = field(default_factory=dict)
    stages: dict[int, str] = field(default_factory=lambda: dict(STAGES))
    sources: dict[int, str] = field(default_factory=lambda: dict(SOURCES))
    pipelines: dict[str, list[Stage]] = field(
        default_factory=lambda: {
            kind: [Stage(number, name, index == 0) for index, (number, name) in enumerate(stages)]
            for kind, stages in PIPELINES
        }
    )
    tags: dict[int, Tag] = field(default_factory=dict)
    custom_fields: dict[str, CustomField] = field(default_factory=dict)
    ponds: dict[int, Pond] = field(default_factory=dict)
    counters: Counter[str] = field(default_factory=lambda: Counter(FIRST_IDS))

    def next_id(self, name: str) -> int:
        """The next id of a kind; none is given twice."""
        number = self.counters[name]
        self.counters[name] += 1
        return number

    # --- people -----------------------------------------------------------------------------------

    @property
    def owner(self) -> Member:
        """The company owner: the connected agent."""
        return next(m for m in self.members.values() if m.role_name == "Company Owner")

    @property
    def plain_agent(self) -> Member:
        """The member whose key sees only what is theirs."""
        return next(m for m in self.members.values() if m.role_name == "Agent" and not m.pending)

    def member_by_user(self, user_id: int | None) -> Member | None:
        """The member behind a long user id."""
        return next((m for m in self.members.values() if m.user_id == user_id), None)

    def user_name(self, user_id: int | None) -> str | None:
        """The label of a user, None for nobody."""
        member = self.member_by_user(user_id) if user_id else None
        return member.name if member else None

    # --- who sees what ----------------------------------------------------------------------------

    def sees(self, viewer: Member, lead: Lead) -> bool:
        """Hidden leads show to their agent only, others to their agent, the pond, and admins."""
        if lead.assigned_user_id == viewer.user_id:
            return True
        if lead.hidden:
            return False
        pond = self.ponds.get(lead.pond_id) if lead.pond_id else None
        return viewer.sees_all or (pond is not None and viewer.user_id in pond.agent_ids)

    def visible(self, viewer: Member) -> list[Lead]:
        """The leads that a list shows, in no particular order."""
        return [x for x in self.leads.values() if x.trashed is None and self.sees(viewer, x)]

    def find(self, viewer: Member, lead_id: int, *, with_trash: bool = False) -> Lead | None:
        """A lead by id, None if it is gone, hidden, or in the trash without being asked for."""
        lead = self.leads.get(lead_id)
        if lead is None or not self.sees(viewer, lead):
            return None
        return lead if lead.trashed is None or with_trash else None

    # --- changing ---------------------------------------------------------------------------------

    def add(self, lead: Lead) -> None:
        """Takes a lead in."""
        self.leads[lead.id] = lead
        self.version += 1

    def touch(self, lead: Lead, at: datetime, *, moves: bool = True) -> None:
        """Notes a change: the cached JSON goes, and the change clock moves on (if it ``moves``)."""
        lead.blob = None
        self.version += 1
        if moves:
            last = lead.updated
            lead.updated = at if last is None or at > last else last + timedelta(seconds=1)

    def forget_blobs(self) -> None:
        """Drops the cached JSON of all leads, after a name changed that they show."""
        self.version += 1
        for lead in self.leads.values():
            lead.blob = None

    def say(self, row: Communication) -> None:
        """Puts a communication into the feed."""
        insort(self.feed, (row.at, row.id, row), key=lambda entry: entry[:2])
        self.version += 1

    def unsay(self, number: int) -> Communication | None:
        """Takes a communication out of the feed; None if there is none of that id."""
        for index, (_, known, row) in enumerate(self.feed):
            if known == number:
                del self.feed[index]
                self.version += 1
                return row
        return None

    def said(self, start: datetime, end: datetime) -> list[Communication]:
        """The communications of an inclusive window, oldest first."""
        low = bisect_left(self.feed, (start,), key=lambda entry: entry[:1])
        high = bisect_right(self.feed, (end,), key=lambda entry: entry[:1])
        return [row for _, _, row in self.feed[low:high]]

    def communications(self) -> Iterable[Communication]:
        """Every communication, oldest first."""
        return (row for _, _, row in self.feed)

    # --- transactions -----------------------------------------------------------------------------

    def stage_of(self, row: Transaction) -> Stage:
        """The stage that a transaction is in: as set by hand, else as far as its deal is."""
        stages = self.pipelines[row.type]
        if row.stage_id is not None:
            return next(s for s in stages if s.id == row.stage_id)
        if row.deal is None:
            return stages[0]
        return stages[_progress(row.deal, len(stages))]


def _progress(deal: Deal, stages: int) -> int:
    if deal.group == "CLOSED":
        return stages - 2
    if deal.group == "TERMINATED":
        return stages - 1
    if deal.state in (None, "NEW", "LISTING_ACTIVE"):
        return 1 if deal.listing else 0
    if deal.state == "APPROVED_FOR_CLOSING" or deal.listing:
        return stages - 3
    return min(1, stages - 3)
