"""Builds an account as it stands on the first day: people, lists, leads and their history."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from zlib import crc32

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
from sandbox.lofty.words import (
    BUYING,
    CALL_OUTCOMES,
    CALL_STATUSES,
    CUSTOM_FIELDS,
    LEAD_TYPES,
    NOTES,
    ODD_NAMES,
    OPPORTUNITIES,
    PROPERTY_TYPES,
    ROLES,
    SITE_TYPES,
    SOURCES,
    STAGES,
    TAGS,
    YES_NO,
)
from sandbox.world.model import Agent, Deal, Participant, User
from sandbox.world.names import FIRST, LAST, PLACES, STREETS
from sandbox.world.sizes import Size

# 2**53 + 1: a reader that goes through floats makes another id of it
BEYOND_FLOATS = 9_007_199_254_740_993
HOME, UNDER_CONTRACT, CLOSED, NURTURE = 9, 15, 16, 18
# one lead has more site activities than fit a page of that endpoint
BUSY = 104
CLIENTS = ("BUYER", "TENANT"), ("SELLER", "LANDLORD")


def client_of(deal: Deal) -> Participant | None:
    """The person on the agent's side of the deal, None for one without."""
    buying = deal.representation in ("BUYER", "TENANT", "DUAL") and not deal.listing
    roles = CLIENTS[0] if buying else CLIENTS[1]
    return next((p for p in deal.participants if p.role in roles and p.first_name), None)


def kind_of(deal: Deal) -> str:
    """The transaction type of a deal."""
    if deal.type in ("LEASE", "RENTAL"):
        return "Lease"
    if deal.type not in ("SALE", "PURCHASE"):
        return "Other"
    buying = deal.representation in ("BUYER", "DUAL") and not deal.listing
    return "Purchase" if buying else "Listing"


def stage_for(deal: Deal) -> int:
    """The stage of a client whose deal is as far as this one."""
    return {"CLOSED": CLOSED, "TERMINATED": NURTURE}.get(deal.group, UNDER_CONTRACT)


class Builder:
    """Fills one account. ``rng`` is the account's own stream of chance."""

    def __init__(self, account: Account, rng: Random, size: Size, now: datetime) -> None:
        self.account = account
        self.rng = rng
        self.size = size
        self.now = now

    def build(self, agent: Agent, users: Iterable[User], deals: Sequence[Deal]) -> None:
        """Everything up to now. ``deals`` are those of the account's people, oldest first."""
        self._hire(agent, users)
        self._lists()
        self._leads(deals)
        self._communications()
        for deal in deals:
            self.open_transaction(deal)
        self._own_transactions()

    # --- people and lists ---------------------------------------------------------------------

    def member(self, first: str, last: str, email: str, role: int, name: str) -> Member:
        """A new user of the account."""
        account = self.account
        member = Member(
            id=account.next_id("member"),
            user_id=account.next_id("user"),
            short_user_id=account.next_id("short_user"),
            first_name=first,
            last_name=last,
            email=email,
            phone="",
            role=role,
            role_name=name,
        )
        account.members[member.id] = member
        return member

    def _hire(self, agent: Agent, users: Iterable[User]) -> None:
        key = self.account.agent_key
        owner = self.member(
            agent.first_name, agent.last_name, agent.email or "", 1, "Company Owner"
        )
        owner.is_admin = owner.sees_all = True
        owner.agent_id, owner.phone = agent.id, agent.phone or ""
        owner.agent_info = {
            "licenseId": "DEMO-1", "position": "Broker", "companyName": "Sample Realty",
            "companyAddress": "1 Example Street", "mlsAgentId": "MLS-1", "agentPid": "",
        }  # fmt: skip
        invented = (
            ("Ari", "Demo", 0, "Agent"),
            ("Robin", "Admin", 2, "Company Admin"),
            ("Ira", "Caller", 3, "ISA"),
            ("Lee", "Lender", 4, "Lender"),
            ("Pia", "Pending", 0, "Agent"),
        )
        for first, last, role, name in invented:
            email = f"{first.lower()}.{key}@example.com"
            self.member(first, last, email, role, name).invitor_user_id = owner.user_id
        for user in users:
            if user.agent_id != agent.id:
                mate = self.member(user.first_name, user.last_name, user.email, 0, "Agent")
                mate.agent_id, mate.phone = user.agent_id, user.phone or ""
                mate.status = 1 if user.is_active else 0
        for number, member in enumerate(self.account.members.values()):
            member.group_id = (31, None, 32)[number % 3]
            member.new_leads = number % 4
            if member.role_name == "Company Admin":
                member.is_admin = member.sees_all = True
            if member.first_name == "Pia":
                member.pending, member.status, member.account_status = True, 3, "PENDING"
                member.time_zone = None
            if number == 1:
                member.virtual_number = "+15550100901"
                member.agent_info = {"licenseId": "DEMO-2", "position": "", "agentPid": "77"}
            if number % 3 == 2:
                member.account_status = None
        self._agents = [
            m for m in self.account.members.values() if m.role_name in ("Agent", "Company Owner")
            and not m.pending
        ]  # fmt: skip

    def _lists(self) -> None:
        account = self.account
        old = self.now - timedelta(days=self.size.months * 31)
        for number, name in enumerate(TAGS):
            tag = account.next_id("tag")
            made = old + timedelta(days=number)
            account.tags[tag] = Tag(tag, name, account.owner.user_id, number % 3, made, made)
        for name, kind, params, _ in CUSTOM_FIELDS:
            # a choice may have a default
            value = "Low" if kind == "single_select" else ""
            account.custom_fields[name] = CustomField(name, kind, value, params)
        agents = [m.user_id for m in self._agents]
        account.ponds[41] = Pond(41, "New inquiries", account.owner.user_id, agents[:2])
        account.ponds[42] = Pond(42, "Nobody's pond", account.owner.user_id, [])

    # --- leads --------------------------------------------------------------------------------

    def _leads(self, deals: Sequence[Deal]) -> None:
        """The clients of the deals and the people who only asked, in order of coming."""
        rng, span = self.rng, self.size.months * 30
        coming: list[tuple[datetime, Deal | None]] = []
        for deal in deals:
            if client_of(deal) is not None and len(coming) < self.size.people // 2:
                before = timedelta(days=rng.randint(10, 90), minutes=rng.randint(0, 1000))
                coming.append((deal.created_at.replace(microsecond=0) - before, deal))
        while len(coming) < self.size.people:
            ago = timedelta(days=rng.randint(1, span), seconds=rng.randint(0, 80_000))
            coming.append((self.now - ago, None))
        coming.sort(key=lambda pair: pair[0])
        for created, its_deal in coming:
            lead = self.lead(created, client_of(its_deal) if its_deal else None)
            if its_deal is not None:
                lead.stage_id = stage_for(its_deal)
        for lead in self.account.leads.values():
            self._history(lead)
        self._special()

    def lead(self, created: datetime, client: Participant | None = None) -> Lead:
        """A new lead with everything that hangs on it but its history."""
        account, rng = self.account, self.rng
        number = len(account.leads) + len(account.gone)
        lead_id = account.next_id("lead")
        if number == 7:
            lead_id = BEYOND_FLOATS
        if client is not None:
            first, last, email = client.first_name or "", client.last_name or "", client.email or ""
        elif number % 4 == 1 and number // 4 < len(ODD_NAMES):
            first, last = ODD_NAMES[number // 4]
            email = f"lead{number}.{account.agent_key}@example.com"
        else:
            first, last = rng.choice(FIRST), rng.choice(LAST)
            email = f"{first}.{last}{number}@example.com".lower()
        agent = rng.choice(self._agents[:4])
        prefix = f"+1555{account.team_id % 1000:03d}"
        phones = [f"{prefix}{number * 3 + k:04d}" for k in range(number % 3)]
        lead = Lead(
            id=lead_id,
            user_id=account.next_id("lead_user"),
            number=number,
            first_name=first,
            last_name=last,
            created=created,
            updated=created,
            emails=[email] if email and number % 6 else [],
            phones=phones,
            # longer lists of phones than of their states occur
            phone_statuses=[1 + (number + k) % 5 for k in range(len(phones))][: 1 + number % 2],
            stage_id=HOME if number < 4 else rng.choice(STAGES)[0],
            assigned_user_id=agent.user_id,
            birthday="1980-05-04" if number % 9 == 0 else None,
            language=(None, "en", "es")[number % 3],
            source_id=rng.choice(SOURCES)[0] if number % 5 else None,
            assign_time=created + timedelta(seconds=2),
            assign_completion=(True, False, None)[number % 3],
            ownership_scope=(None, "TEAM", "OFFICE", "PERSONAL")[number % 4],
            score=rng.randint(0, 100),
            opportunity=OPPORTUNITIES[number % 7] if number % 7 < len(OPPORTUNITIES) else None,
            lead_types=[LEAD_TYPES[number % 8]] if number % 6 else [],
            private=(False, None, True)[number % 3],
        )
        if lead.ownership_scope == "OFFICE":
            lead.ownership_id = 31
        elif lead.ownership_scope is not None:
            lead.ownership_id = agent.user_id
        if number % 10 == 3:
            lead.pond_id, lead.assigned_user_id, lead.assign_time = 41, None, None
        if number % 11 == 4:
            lead.lead_types = [1, 2]
            lead.lender_user_id = next(
                m.user_id for m in account.members.values() if m.role_name == "Lender"
            )
        self._details(lead)
        account.add(lead)
        if client is not None:
            account.clients[client.id] = lead.id
        return lead

    def _details(self, lead: Lead) -> None:
        rng, number, account = self.rng, lead.number, self.account
        city, _, short, zip_code, county, _ = rng.choice(PLACES)
        if number % 2:
            lead.street = f"{rng.randint(1, 9899)} {rng.choice(STREETS)}"
            lead.city, lead.state, lead.zip = city, short, zip_code
        tags = list(account.tags)
        for tag in rng.sample(tags, number % 3):
            lead.tags[tag] = lead.created + timedelta(days=1)
        if number % 5 == 2:
            lead.segments, lead.groups = ["Buyers 2026"], ["Buyers 2026"]
        if number % 8 == 1:
            lead.facebook, lead.twitter, lead.referred_by = "fb.example", "@example", "A friend"
        lead.cannot_text = number % 13 == 5
        lead.cannot_call = number % 17 == 6
        lead.cannot_email = lead.unsubscription = number % 19 == 7
        if number % 3:
            lead.buying_time_frame = BUYING[number % len(BUYING)]
            lead.answers = {name: ("Yes", "No")[(number + k) % 2] for k, name in enumerate(YES_NO)}
        if number % 4 == 1:
            lead.selling_time_frame = BUYING[(number + 1) % len(BUYING)]
        for k in range(number % 4):
            name, _, _, values = CUSTOM_FIELDS[(number + k) % len(CUSTOM_FIELDS)]
            lead.custom[name] = values[number % len(values)]
        if number % 3 != 2:
            lead.inquiry = Inquiry(
                id=account.next_id("inquiry"),
                price_min=rng.randint(100, 400) * 1000 if number % 2 else None,
                price_max=rng.randint(401, 900) * 1000 if number % 4 else None,
                property_types=list(PROPERTY_TYPES[number % 8 :][:2]),
                bedrooms_min=number % 5 or None,
                bathrooms_min=("1.5", None, "2")[number % 3],
                cities=[city][: number % 2],
                modified_by_agent=number % 2 == 0,
                default_value=number % 6 == 0,
                created=lead.created,
                updated=lead.created + timedelta(hours=1),
            )
        for k in range(number % 3):
            lead.properties.append(self._property(lead, city, short, zip_code, county, k))
        if number % 6 == 2:
            lead.family = [
                Relative("Wife", "Pat", lead.last_name, ["+15550100777"], ["pat@example.com"],
                         datetime(1982, 2, 28, tzinfo=UTC).date()),
                Relative("Child", "Kim", lead.last_name, [], [], None),
            ]  # fmt: skip
        if number % 4 == 2:
            lead.roles = {
                role: m.user_id
                for (role, name) in ROLES
                for m in account.members.values()
                if m.role_name == name and name != "Agent"
            }

    def _property(
        self, lead: Lead, city: str, state: str, zip_code: str, county: str, k: int
    ) -> Property:
        rng, whole = self.rng, k == 0 and lead.number % 2 == 0
        return Property(
            id=self.account.next_id("lead_property"),
            street=f"{rng.randint(1, 9899)} {rng.choice(STREETS)}",
            city=city,
            state=state,
            zip=zip_code,
            county=county,
            mailing=k == 0,
            price=rng.randint(200, 900) * 1000 if whole else None,
            bedrooms=rng.randint(1, 5) if whole else None,
            bathrooms=Decimal("2.5") if whole else None,
            square_feet=rng.randint(700, 4000) if whole else None,
            lot_size=rng.randint(2000, 9000) if whole and lead.number % 4 else None,
            property_type=PROPERTY_TYPES[lead.number % 8] if whole else None,
            listing_id=f"L-{rng.randint(1000, 9999)}" if whole else "",
            auto_listing_id=rng.randint(10_000, 99_999) if whole else None,
            label="Home" if whole else "",
            listing_status="Active" if whole else None,
            note="",
            created=lead.created,
        )

    def _special(self) -> None:
        """Hidden, trashed, never updated; by position, so that each account has each."""
        leads = list(self.account.leads.values())
        others = [m for m in self._agents if not m.sees_all]
        # hidden from the owner, and hidden but the owner's own
        leads[5].hidden, leads[5].assigned_user_id, leads[5].pond_id = True, others[0].user_id, None
        leads[10].hidden, leads[10].pond_id = True, None
        leads[10].assigned_user_id = self.account.owner.user_id
        leads[6].trashed = self.now - timedelta(days=3)
        leads[9].updated = None
        leads[12].assigned_user_id = leads[12].assign_time = leads[12].pond_id = None
        # the plain agent's key shows a few, whatever chance gave away
        leads[14].assigned_user_id = self.account.plain_agent.user_id

    # --- what happened ------------------------------------------------------------------------

    def _later(self, lead: Lead, days: int = 60) -> datetime:
        """A moment after the lead came, and before now."""
        room = max(1, int((self.now - lead.created).total_seconds()) - 60)
        return lead.created + timedelta(seconds=self.rng.randint(0, min(room, days * 86_400)))

    def _history(self, lead: Lead) -> None:
        number, rng = lead.number, self.rng
        for _ in range(BUSY if number == 2 else rng.randint(0, 3)):
            self.visit(lead, self._later(lead))
        if number == 2:
            # two at one moment, told apart by their texts alone
            twin = lead.site_activities[0]
            lead.site_activities.append(
                SiteActivity(twin.type, twin.created, f"{twin.text} again", twin.link, "")
            )
        for k in range(number % 3):
            note = self.note(lead, self._later(lead), NOTES[(number + k) % len(NOTES)])
            note.pinned, note.deleted = k == 1, number % 13 == 2 and k == 1
            note.system = number % 7 == 1 and k == 0
            if note.system:
                note.creator_id = note.editor_id = None
        for k in range((number + 1) % 3):
            task = self.task(lead, self._later(lead))
            if (number + k) % 2:
                task.finished = min(self.now, task.deadline)
                task.updated = task.finished
            task.deleted = number % 17 == 1
        if number % 3 == 1:
            self.appointment(lead, self._later(lead)).deleted = number % 19 == 4
        stage = self.account.stages[lead.stage_id]
        if lead.stage_id != HOME:
            self.log(lead, self._later(lead), "STAGE", HOME, "New Lead", lead.stage_id, stage)
        if lead.assigned_user_id is not None:
            user = lead.assigned_user_id
            name = self.account.user_name(user)
            self.log(lead, lead.created, "ASSIGNMENT", None, None, user, name)
        if lead.number % 5 == 0:
            lead.updated = self._later(lead, 400)
        if lead.number % 4:
            lead.last_touch = self._later(lead, 200)
        if lead.site_activities:
            lead.last_visit = max(a.created for a in lead.site_activities)

    def visit(self, lead: Lead, at: datetime) -> SiteActivity:
        """Something done on the website."""
        rng = self.rng
        kind = rng.choice(SITE_TYPES)
        street = f"{rng.randint(1, 9899)} {rng.choice(STREETS)}"
        text, page, showing, listing = f"Viewed {street}", None, None, None
        match kind:
            case "Search":
                text = f"Searched {rng.choice(PLACES)[0]}"
            case "Request":
                showing = at + timedelta(days=2)
            case "Submission":
                text, page = "", "Home value"
            case "Browse":
                listing = self._property(lead, "Provo", "UT", "84601", "UTAH COUNTY", 1)
                listing.street = street
        activity = SiteActivity(
            type=kind,
            created=at,
            text=text,
            link=f"https://homes.example.com/{rng.randint(1, 99_999)}" if kind != "Search" else "",
            picture="https://homes.example.com/p.jpg" if kind == "Favorite" else "",
            listing=listing,
            scheduled=showing,
            page_name=page,
        )
        lead.site_activities.append(activity)
        return activity

    def note(self, lead: Lead, at: datetime, content: str) -> Note:
        """A note of the lead's agent."""
        account = self.account
        who = lead.assigned_user_id or account.owner.user_id
        note = Note(account.next_id("timeline"), account.next_id("note"), who, content, at, at, who)
        lead.notes.append(note)
        return note

    def task(self, lead: Lead, at: datetime) -> Task:
        """A to-do of the lead's agent."""
        account = self.account
        number = account.next_id("task")
        task = Task(
            id=number,
            creator_id=account.owner.user_id,
            content="Ask about the loan",
            type=("Call", "Email", "Text", "Other")[number % 4],
            deadline=at + timedelta(days=self.rng.randint(1, 20)),
            assigned_user_id=lead.assigned_user_id or account.owner.user_id,
            assigned_role="Agent",
            created=at,
            updated=at,
            subject="" if number % 3 else "Follow-up",
            body="" if number % 2 else "The loan is with the bank",
        )
        lead.tasks.append(task)
        return task

    def appointment(self, lead: Lead, at: datetime) -> Appointment:
        """A meeting, a week ahead."""
        account = self.account
        number = account.next_id("appointment")
        start = at + timedelta(days=7)
        appointment = Appointment(
            id=number,
            descr="" if number % 5 == 0 else "Showing",
            address="12 Example Street, Provo" if number % 2 else "",
            start=start,
            end=start + timedelta(hours=1) if number % 3 else None,
            created=at,
            updated=at,
            assign_to=lead.assigned_user_id or account.owner.user_id,
            creator_id=account.owner.user_id,
            all_day=number % 3 == 0,
            finished=start if number % 2 and start < self.now else None,
            role_type=1,
        )
        lead.appointments.append(appointment)
        return appointment

    def log(
        self,
        lead: Lead,
        at: datetime,
        kind: str,
        old_id: int | None,
        old: str | None,
        new_id: int | None,
        new: str | None,
    ) -> SystemLog:
        """A line of the system's own history of the lead."""
        words = {"STAGE": "Stage changed", "ASSIGNMENT": "Lead assigned"}
        log = SystemLog(
            id=self.account.next_id("log"),
            agent_id=self.account.owner.user_id if old_id else None,
            type=kind,
            description=words[kind],
            at=at,
            from_id=old_id,
            from_name=old,
            to_id=new_id,
            to_name=new,
            kind=kind,
        )
        lead.system_logs.append(log)
        return log

    # --- what was said ------------------------------------------------------------------------

    def _communications(self) -> None:
        size, rng = self.size, self.rng
        leads = list(self.account.leads.values())
        channels = ["Call"] * size.calls + ["Text"] * size.texts + ["Email"] * size.texts
        rows = []
        for channel in channels:
            lead = rng.choice(leads)
            rows.append((self._later(lead, self.size.months * 30), channel, lead))
        for at, channel, lead in sorted(rows, key=lambda row: row[0]):
            self.talk(lead, at, channel)

    def talk(self, lead: Lead, at: datetime, channel: str) -> Communication:
        """A call, a text or an e-mail with a lead."""
        rng, account = self.rng, self.account
        number = account.next_id("communication")
        agent = lead.assigned_user_id or account.owner.user_id
        row = Communication(
            id=number,
            lead_id=lead.id,
            agent_id=agent,
            channel=channel,
            direction=rng.choice(("Outbound", "Outbound", "Inbound")) if number % 9 else None,
            event=channel,
            kind=rng.choice(("MANUAL", "MANUAL", "LOGGED", "AUTO")),
            at=at,
            from_pond=(False, None)[number % 2] if lead.pond_id is None else True,
        )
        match channel:
            case "Call":
                outcome = CALL_OUTCOMES[number % 6]
                talked = outcome == "Talked"
                row.outcome = outcome if number % 8 else None
                row.seconds = rng.randint(5, 1800) if talked else (0, None)[number % 2]
                lead.calls.append(
                    PhoneCall(
                        id=number,
                        dialer_id=number % 100_000 if number % 2 else None,
                        user_id=agent,
                        user_phone="+15550100123" if number % 3 else "",
                        lead_phone=lead.phones[0] if lead.phones else "",
                        direction=row.direction,
                        status="Completed" if talked else CALL_STATUSES[number % 6],
                        start=at,
                        seconds=row.seconds,
                        outcome=row.outcome,
                        rate=number % 6 if talked else None,
                    )
                )
            case "Text":
                row.status = ("Delivered", "Failed", None)[number % 3]
            case _:
                row.event = ("Sent Email", "Opened Email", "Bounced Email")[number % 3]
                row.subject = "New homes" if number % 4 else None
                row.status = "Delivered" if number % 3 == 0 else None
        account.say(row)
        return row

    # --- transactions -------------------------------------------------------------------------

    def open_transaction(self, deal: Deal) -> Transaction:
        """A transaction that mirrors a deal."""
        account = self.account
        account.seen_deals.add(deal.id)
        number = len(account.transactions)
        member = next((m for m in account.members.values() if m.agent_id == deal.owner_id), None)
        client = client_of(deal)
        row = Transaction(
            id=account.next_id("transaction"),
            type=kind_of(deal),
            name=deal.one_line if number % 2 else deal.address.street,
            created=deal.created_at,
            deal=deal,
            number=number,
            assigned_agent=member.user_id if member and number % 7 else None,
            lead_id=account.clients.get(client.id) if client else None,
            property_id=account.next_id("property") if number % 4 else None,
        )
        account.transactions[row.id] = row
        account.version += 1
        return row

    def follow(self, deal: Deal) -> Transaction:
        """A deal that is new since the account was built, with its client as a new lead."""
        client = client_of(deal)
        if client is not None and client.id not in self.account.clients:
            self.rng = Random(f"{self.account.team_id}:{deal.id}")
            self.lead(deal.created_at.replace(microsecond=0), client)
        return self.open_transaction(deal)

    def _own_transactions(self) -> None:
        """Two that are no deal of the brokerage: barely begun, with hardly a value."""
        for kind in ("Lease", "Other"):
            number = len(self.account.transactions)
            row = Transaction(
                id=self.account.next_id("transaction"),
                type=kind,
                name=f"{kind} by hand",
                created=self.now - timedelta(days=20 + number),
                deal=None,
                number=number,
                assigned_agent=self.account.owner.user_id,
            )
            self.account.transactions[row.id] = row


def stream(seed: int, *names: object) -> Random:
    """An independent stream of chance."""
    return Random(":".join(str(part) for part in (seed, "lofty", *names)))


def team_of(seed: int, agent_key: str) -> int:
    """The tenant's id."""
    return 880_001 + crc32(f"{seed}:{agent_key}".encode()) % 90_000
