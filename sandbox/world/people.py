"""Builds the people: connected agents, their up-lines and down-lines, teams."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from random import Random

from sandbox.world.compensation import add_months
from sandbox.world.model import Agent, Member, Team
from sandbox.world.names import FIRST, LAST, ODD
from sandbox.world.sizes import Size

DEMO = (
    ("ada-sample", "Ada", "Sample"),
    ("ben-example", "Ben", "EXAMPLE"),
    ("cora-upline", "Cora", "Upline"),
)
# share of a down-line per tier, in percent; tiers 6 and 7 exist so that a source that loops too far
# is caught
TIER_MIX = ((1, 16), (2, 28), (3, 24), (4, 16), (5, 12), (6, 3), (7, 1))


def new_id(rng: Random) -> str:
    """A UUID v4 from the stream."""
    # by hand: uuid.UUID costs three times as much, and a bench world has a million of them
    h = f"{rng.getrandbits(128):032x}"
    return f"{h[:8]}-{h[8:12]}-4{h[13:16]}-{'89ab'[int(h[16], 16) & 3]}{h[17:20]}-{h[20:]}"


def slug(first: str, last: str, number: int) -> str:
    """An e-mail's local part: ascii letters, digits and dots."""
    text = f"{first}.{last}".lower()
    return "".join(c for c in text if c.isascii() and (c.isalnum() or c == ".")).strip(".") + str(
        number
    )


def at_noon(day: date, hour: int = 15) -> datetime:
    """That day at an hour of UTC where the reporting zone has the same date."""
    return datetime.combine(day, time(hour), tzinfo=UTC)


class PeopleBuilder:
    """Makes agents and hangs them into the sponsor tree."""

    def __init__(self, rng: Random, size: Size, today: date) -> None:
        self._rng = rng
        self._size = size
        self._today = today
        self._number = 0
        self.agents: dict[str, Agent] = {}
        self.children: dict[str, list[str]] = {}
        self.connected: list[tuple[str, Agent]] = []
        self.teams: dict[str, Team] = {}

    def agent(
        self,
        sponsor: Agent | None,
        *,
        name: tuple[str, str] | None = None,
        status: str = "ACTIVE",
        joined: date | None = None,
        closings: int = 0,
        cap: int = 12000,
    ) -> Agent:
        """A new person under a sponsor; joined some day of the history unless told."""
        rng = self._rng
        self._number += 1
        first, last = name or (rng.choice(FIRST), rng.choice(LAST))
        span = self._size.months * 30
        day = joined or self._today - timedelta(days=rng.randint(30, span + 300))
        created = at_noon(day - timedelta(days=rng.randint(2, 20)), rng.randint(13, 21))
        left = None
        if status == "INACTIVE":
            left = min(
                day + timedelta(days=rng.randint(60, 500)),
                self._today - timedelta(days=rng.randint(1, 200)),
            )
            left = max(left, day + timedelta(days=1))
        joined_on = None if status in ("CANDIDATE", "REJECTED") else day
        touched = at_noon(left or day, rng.randint(13, 21)) + timedelta(minutes=rng.randint(0, 59))
        agent = Agent(
            id=new_id(rng),
            keymaker_id=new_id(rng),
            first_name=first,
            last_name=last,
            email=f"{slug(first, last, self._number)}@example.com",
            phone=None if rng.random() < 0.1 else f"1555555{self._number % 10000:04d}",
            status=status,
            country="UNITED_STATES",
            area=rng.choice(("US-UT", "US-NY", "US-CO", "US-FL", "US-TX")),
            join_date=joined_on,
            anniversary_date=joined_on and joined_on.replace(day=1),
            created_at=created,
            updated_at=max(created, touched),
            sponsor_id=sponsor.id if sponsor else None,
            terminated_as_of=left,
            cap=Decimal(cap),
            closings_per_year=closings,
        )
        if rng.random() < 0.5:
            agent.avatar = f"avatar/{agent.id[:8]}.png"
        self.agents[agent.id] = agent
        if sponsor is not None:
            self.children.setdefault(sponsor.id, []).append(agent.id)
        return agent

    def build(self) -> None:
        """The whole brokerage: an up-line of seven, the demo agents, the other connected agents,
        their networks.
        """
        size, rng = self._size, self._rng
        old = self._today - timedelta(days=size.months * 31 + 700)
        chain: list[Agent] = []
        for level in range(7):
            # the third from the top has left: an up-line keeps its departed
            status = "INACTIVE" if level == 2 else "ACTIVE"
            chain.append(
                self.agent(
                    chain[-1] if chain else None,
                    status=status,
                    joined=old + timedelta(days=level * 20),
                )
            )
        start = self._today - timedelta(days=size.months * 31)
        # months since the cap year began: far enough for ada to cap and cora to be Elite, not for
        # ben
        cora = self._connect(2, chain[-1], start, months=10)
        ada = self._connect(0, cora, start + timedelta(days=13), months=9)
        ben = self._connect(1, chain[3], start + timedelta(days=25), months=5)
        cora.buys_stock = True
        ben.phone = None
        ben.avatar = None
        self.connected.sort(key=lambda pair: [k for k, _, _ in DEMO].index(pair[0]))
        self._network(ada, size.network, regulars=22 if size.network >= 100 else 11)
        # with the co-sponsored one below ben has four producing people: his second tier stays
        # locked
        self._network(ben, max(10, size.network // 3), regulars=3)
        # ada is the fifth producing agent of cora's first tier
        self._network(cora, max(8, size.network // 6), regulars=4)
        self._odd_people(ada)
        shared = self.agent(
            ada, name=("Coco", "Sponsored"), joined=start + timedelta(days=60), closings=4
        )
        shared.co_sponsor_id = ben.id
        self.children.setdefault(ben.id, []).append(shared.id)
        self._demo_teams(ada, cora)
        for number in range(len(DEMO), size.connections):
            first, last = rng.choice(FIRST), rng.choice(LAST)
            agent = self.agent(
                chain[rng.randint(3, 6)],
                name=(first, last),
                joined=start + timedelta(days=rng.randint(0, 90)),
            )
            self.connected.append((f"agent-{number:04d}", agent))
            self._network(
                agent,
                rng.randint(size.network // 2, size.network * 3 // 2),
                regulars=rng.randint(2, 24),
            )
            if number % 2:
                self._team(agent, f"{last} Group {number}", members=3)

    def _connect(self, index: int, sponsor: Agent, joined: date, *, months: int) -> Agent:
        key, first, last = DEMO[index]
        agent = self.agent(sponsor, name=(first, last), joined=joined)
        agent.email = f"{first.lower()}@example.com"
        agent.phone = f"1555555010{index}"
        # the cap year differs from the day of joining: readers that mix them up get caps wrong
        month = add_months(self._today.replace(day=1), -months).month
        agent.anniversary_date = date(joined.year, month, 1)
        self.connected.append((key, agent))
        return agent

    def _network(self, root: Agent, size: int, *, regulars: int) -> None:
        rng = self._rng
        levels: dict[int, list[Agent]] = {0: [root]}
        start = self._today - timedelta(days=self._size.months * 31)
        for _ in range(regulars):
            joined = max(start, root.join_date or start) + timedelta(days=rng.randint(1, 60))
            levels.setdefault(1, []).append(
                self.agent(root, joined=joined, closings=max(4, self._size.network_deals))
            )
        for tier, percent in TIER_MIX:
            wanted = size * percent // 100
            if tier == 1:
                wanted = max(0, min(3, size // 8))
            elif tier <= 5:
                wanted = max(1, wanted)
            parents = levels.get(tier - 1) or levels[0]
            for _ in range(wanted):
                parent = rng.choice(parents)
                status = rng.choices(
                    ("ACTIVE", "INACTIVE", "CANDIDATE", "REJECTED", "RESURRECTING"),
                    (80, 13, 4, 1, 2),
                )[0]
                if tier == 1 and status == "ACTIVE":
                    # the number of active, producing people of a first tier is set by `regulars`
                    # alone
                    status = "INACTIVE"
                earliest = (parent.join_date or start) + timedelta(days=1)
                latest = max(earliest, self._today - timedelta(days=20))
                joined = earliest + timedelta(days=rng.randint(0, (latest - earliest).days))
                producing = tier > 1 and status in ("ACTIVE", "INACTIVE") and rng.random() < 0.6
                child = self.agent(
                    parent,
                    status=status,
                    joined=joined,
                    closings=self._size.network_deals if producing else 0,
                )
                if child.status in ("ACTIVE", "INACTIVE"):
                    levels.setdefault(tier, []).append(child)

    def _odd_people(self, ada: Agent) -> None:
        first_tier = [
            self.agents[i] for i in self.children[ada.id] if self.agents[i].status == "ACTIVE"
        ]
        for agent, (first, last) in zip(first_tier, ODD, strict=False):
            agent.first_name, agent.last_name = first, last
        first_tier[0].phone = None
        first_tier[1].avatar = None
        second = self.agent(first_tier[2], name=("Jodie", "Undated"), joined=None)
        second.join_date = second.anniversary_date = None
        second.email = None
        for status in ("CANDIDATE", "REJECTED", "RESURRECTING"):
            self.agent(first_tier[0], status=status)
        # one who brings in enough to cap within the year
        first_tier[3].closings_per_year = 14
        # 29 February as a cap-year anchor
        first_tier[4].anniversary_date = date(2024, 2, 29)

    def _demo_teams(self, ada: Agent, cora: Agent) -> None:
        mates = [
            self.agents[i] for i in self.children[ada.id] if self.agents[i].status == "ACTIVE"
        ][4:7]
        team = self._team(ada, "Sample Group", members=0)
        for mate in mates:
            mate.cap = Decimal(6000)
            self._join(team, mate, "MEMBER", Decimal("70.0"))
        admin = self.agent(cora, name=("Addie", "Ledger"), closings=0)
        self._join(team, admin, "ADMIN", Decimal("100.0"))
        gone = self.agent(ada, name=("Lee", "Departed"), status="INACTIVE", closings=2, cap=6000)
        self._join(team, gone, "MEMBER", Decimal("70.0"))
        team.invitations.append(self._invitation(team, ada))
        flex = self._team(cora, "Upline Collective", members=1)
        flex.flex = True
        flex.type = "GROUP"
        guest = self._team(self.agents[self.children[cora.id][1]], "Guest Flex Team", members=1)
        guest.flex = True
        self._join(guest, cora, "MEMBER", Decimal("85.0"))

    def _team(self, leader: Agent, name: str, *, members: int) -> Team:
        rng = self._rng
        created = at_noon((leader.join_date or self._today) + timedelta(days=30))
        team = Team(new_id(rng), name, "NORMAL", False, Decimal("70.0"), created, created)
        self.teams[team.id] = team
        self._join(team, leader, "LEADER", Decimal("100.0"))
        below = [
            self.agents[i]
            for i in self.children.get(leader.id, ())
            if self.agents[i].status == "ACTIVE"
        ]
        taken = {m.agent_id for t in self.teams.values() for m in t.members}
        connected = {a.id for _, a in self.connected}
        for mate in [a for a in below if a.id not in taken and a.id not in connected][:members]:
            mate.cap = Decimal(6000)
            self._join(team, mate, "MEMBER", Decimal("70.0"))
        return team

    def _join(self, team: Team, agent: Agent, role: str, split: Decimal) -> None:
        team.members.append(Member(new_id(self._rng), agent.id, role, split, agent.cap))

    def _invitation(self, team: Team, leader: Agent) -> dict[str, object]:
        sent = at_noon(self._today - timedelta(days=9))
        return {
            "invitationId": new_id(self._rng),
            "teamId": team.id,
            "firstName": "Nova",
            "lastName": "Invited",
            "firstAndLastName": "Nova Invited",
            "emailAddress": "nova.invited@example.com",
            "capLevel": 6000.0,
            "waiveFees": False,
            "invitationCreatedByAgentId": leader.id,
            "status": "EMAILED",
            "invitationSentAt": int(sent.timestamp() * 1000),
            "emailSentAt": int(sent.timestamp() * 1000),
            "emailStatus": None,
            "couponCode": None,
            "applicationId": None,
            "applicationStatus": None,
            "pending": True,
        }
