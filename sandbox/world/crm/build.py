"""Builds an account: the owner and the team mates, the lists, and rows with every oddity of the
contract.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from operator import attrgetter
from random import Random
from typing import Any, TypeVar

from sandbox.world.crm.account import TRASH, Account
from sandbox.world.crm.model import (
    AGENT,
    OWNER,
    Appointment,
    Call,
    Deal,
    Event,
    Note,
    Person,
    Task,
    Text,
)
from sandbox.world.crm.oddities import make_odd
from sandbox.world.crm.setup import add_lists, add_users
from sandbox.world.crm.shapes import (
    address_of,
    email_of,
    phone_of,
    property_of,
    slug_of,
    stamp_call,
    stamp_event,
    stamp_note,
    stamp_person,
    stamp_text,
)
from sandbox.world.crm.tables import Formula, FormulaTable, PersonPicker, Row, Table
from sandbox.world.crm.words import (
    EVENT_TYPES,
    MASKED,
    ODD_NAMES,
    OUTCOMES,
    SOURCES,
    TAGS,
    WORDS,
)
from sandbox.world.model import Deal as WorldDeal
from sandbox.world.model import User as WorldUser
from sandbox.world.names import FIRST, LAST, STREETS

FIRST_IDS = {
    "people": 90_001,
    "deals": 5_501,
    "events": 800_001,
    "calls": 410_001,
    "text_messages": 610_001,
    "appointments": 3_301,
    "notes": 720_001,
    "tasks": 8_001,
}
# oddities repeat after this many people
CYCLE = 499

R = TypeVar("R", bound=Row)


@dataclass(frozen=True, slots=True)
class Counts:
    """Rows per account. Above ``formula_from`` rows a table is a formula over ``patterns`` rows."""

    people: int
    events: int
    calls: int
    text_messages: int
    appointments: int
    deals: int
    formula_from: int = 20_000
    patterns: int = CYCLE

    def scaled(self, factor: float) -> Counts:
        """The same mix, smaller, but never too small for one of each oddity."""
        return Counts(
            people=max(80, round(self.people * factor)),
            events=max(40, round(self.events * factor)),
            calls=max(40, round(self.calls * factor)),
            text_messages=max(20, round(self.text_messages * factor)),
            appointments=max(12, round(self.appointments * factor)),
            deals=max(14, round(self.deals * factor)),
            formula_from=self.formula_from,
            patterns=self.patterns,
        )


def second(instant: datetime) -> datetime:
    """Whole seconds: the vendor's precision."""
    return instant.replace(microsecond=0)


def _person_id_if_any(row: Row) -> int | None:
    found: int | None = getattr(row, "person_id", None)
    return found


class AccountBuilder:
    """Makes one account. The same stream gives the same account."""

    def __init__(
        self,
        *,
        account_id: int,
        users: Sequence[WorldUser],
        agent_name: str,
        counts: Counts,
        deals: Sequence[WorldDeal],
        now: datetime,
        rng: Random,
        days: int = 720,
    ) -> None:
        self._rng = rng
        self._counts = counts
        person_id = attrgetter("person_id")
        self._world_deals = deals
        # to the minute: the clock runs on while accounts are built, the data must not
        self._now = second(now).replace(second=0)
        self._start = self._now - timedelta(days=days)
        owner = next(u for u in users if u.is_connected)
        key = owner.agent_key
        self.account = Account(
            id=account_id,
            agent_key=key,
            agent_id=owner.agent_id,
            name=f"{agent_name} Realty",
            domain=key.replace("-", ""),
            people=Table("people", FIRST_IDS["people"], attrgetter("id")),
            deals=Table("deals", FIRST_IDS["deals"]),
            events=Table("events", FIRST_IDS["events"], person_id),
            calls=Table("calls", FIRST_IDS["calls"], person_id),
            text_messages=Table("text_messages", FIRST_IDS["text_messages"], person_id),
            appointments=Table("appointments", FIRST_IDS["appointments"]),
            notes=Table("notes", FIRST_IDS["notes"], person_id),
            tasks=Table("tasks", FIRST_IDS["tasks"], person_id),
        )
        self._world_users = users

    def build(self) -> Account:
        """The whole account."""
        add_users(self.account, self._world_users, self._start - timedelta(days=200))
        add_lists(self.account)
        large = self._counts.people > self._counts.formula_from
        patterns = min(self._counts.people, self._counts.patterns) if large else self._counts.people
        for number, created in enumerate(self._instants(patterns)):
            self.account.people.put(self.person(number, created))
        if large:
            self._large_people(patterns)
        else:
            self._merge_some()
        self._children("events", self._counts.events, self.event, stamp_event)
        self._children("calls", self._counts.calls, self.call, stamp_call)
        self._children("text_messages", self._counts.text_messages, self.text, stamp_text)
        notes = min(200, self._counts.people // 4)
        self._children("notes", notes, self.note, stamp_note)
        for number, created in enumerate(self._instants(min(200, self._counts.people // 6))):
            self.account.tasks.put(self.task(number, created))
        self._deals()
        for number, created in enumerate(self._instants(self._counts.appointments)):
            self.account.appointments.put(self.appointment(number, created))
        return self.account

    def _instants(self, count: int) -> list[datetime]:
        """Strictly rising creation instants over the history, the last ones in the last hours."""
        rng = self._rng
        span = int((self._now - self._start).total_seconds()) - 60
        picks = (
            sorted(rng.sample(range(span), count))
            if count < span
            else [i * span // count for i in range(count)]
        )
        return [self._start + timedelta(seconds=pick) for pick in picks]

    # --- rows ---

    def _user(self) -> int:
        users = [u.id for u in self.account.users.values() if u.kind in (OWNER, AGENT)]
        return self._rng.choice(users)

    def _later(self, instant: datetime, days: int) -> datetime:
        """Some moment between ``instant`` and ``days`` later, or between ``instant`` and now."""
        later = instant + timedelta(seconds=self._rng.randint(60, days * 86_400))
        share = self._rng.randint(1, 3_600)
        if later < self._now:
            return later
        return instant + timedelta(seconds=(self._now - instant).total_seconds() * share // 3_601)

    def _words(self, count: int) -> str:
        return " ".join(self._rng.choice(WORDS) for _ in range(count)).capitalize()

    def person(self, number: int, created: datetime) -> Person:
        """Person ``number``: the first sixty carry the oddities one by one, all others a mix."""
        rng, account = self._rng, self.account
        person_id = account.people.next_id
        first, last = rng.choice(FIRST), rng.choice(LAST)
        if number < len(ODD_NAMES):
            first, last = ODD_NAMES[number]
        updated = created if rng.random() < 0.3 else self._later(created, 400)
        stages = [s.id for s in account.stages.values() if s.name != TRASH]
        source = rng.randrange(len(SOURCES))
        owner = self._user()
        person = Person(
            id=person_id,
            created=created,
            updated=updated,
            first_name=first,
            last_name=last,
            stage_id=rng.choice(stages),
            created_by_id=owner,
            updated_by_id=owner,
            created_via=rng.choice(
                ("API", "Email Parsing", "Historic Email Parsing", "Import", "Manually")
            ),
            last_activity=None if rng.random() < 0.2 else self._later(created, 500),
            type=rng.choice(("Buyer", "Seller", "Buyer", None)),
            source=SOURCES[source],
            source_id=50 + source,
            source_url=f"https://listings.example.test/{person_id}" if rng.random() < 0.2 else None,
            contacted=int(rng.random() < 0.6),
            price=rng.choice((None, None, rng.randint(150, 1200) * 1000)),
            assigned_user_id=owner,
            tags=rng.sample(TAGS, rng.choice((0, 0, 1, 2))),
            emails=[email_of(f"{slug_of(first)}.{slug_of(last)}.{person_id}@example.test")],
            phones=[phone_of(person_id)],
            website_visits=rng.choice((0, 0, 1, 4, 17)),
            claimed=True,
            background=self._words(8) if rng.random() < 0.3 else None,
            custom=self._custom(),
        )
        if rng.random() < 0.3:
            # as typed by somebody; only ``normalized`` is bare digits
            person.phones[0]["value"] = f"(555) {person_id}"
        if rng.random() < 0.3:
            person.addresses = [address_of(rng)]
        make_odd(self.account, person, number % CYCLE)
        return person

    def _custom(self) -> dict[str, Any]:
        rng = self._rng
        values: dict[str, Any] = {
            "customBirthCity": rng.choice((None, None, "Bend", "São Paulo", "")),
            "customMoveDate": rng.choice((None, None, "2026-09-01")),
            "customHouseholdSize": rng.choice((None, 2, 4, 2.5)),
            "customHeat": rng.choice((None, "Hot", "Warm", "Cold")),
            "customOrder": None,
        }
        return values

    def _merge_some(self) -> None:
        """Two losers of old merges: in Trash, keeping their ids, linked to nobody."""
        people = [p for p in self.account.people.rows() if p.stage_id != self.account.trash_id]
        if len(people) < 60:
            return
        for loser, winner in ((people[20], people[10]), (people[21], people[10])):
            loser.stage_id, loser.merged_into = self.account.trash_id, winner.id
            self.account.people.put(loser)

    def move_to(self, now: datetime) -> None:
        """What the builder takes for the present."""
        self._now = second(now)

    def pick_person(self, *, with_phone: bool = False) -> Person:
        """Any person who did not lose a merge."""
        people = self.account.people
        high = people.next_id
        while True:
            person = people.get(self._rng.randrange(people.first_id, high))
            if (
                person is not None
                and person.merged_into is None
                and (person.phones or not with_phone)
            ):
                return person

    def event(self, number: int, created: datetime, person: Person | None = None) -> Event:
        """Event ``number``; the first few carry the oddities."""
        rng = self._rng
        owner = person or self.pick_person()
        kind = EVENT_TYPES[number % len(EVENT_TYPES)]
        row = Event(
            id=self.account.events.next_id,
            created=created,
            updated=created if rng.random() < 0.8 else self._later(created, 10),
            person_id=owner.id,
            type=kind,
            occurred=created - timedelta(seconds=rng.randint(0, 90))
            if rng.random() < 0.8
            else None,
            source=rng.choice(("Website", "Zillow-like Portal", None)),
            message="" if rng.random() < 0.5 else self._words(6),
        )
        if "Property" in kind:
            row.property = property_of(rng, row.id)
        if "Search" in kind:
            row.property_search = {"minPrice": "200000", "maxPrice": None, "cities": ["Bend"]}
        if "Page" in kind or "Website" in kind:
            row.page_url, row.page_title, row.page_duration = (
                "https://site.example.test/p",
                "Homes",
                rng.randint(0, 90),
            )
        match number:
            case 3:
                row.person_id = 0
            case 7 if person is None:
                row.property = {
                    "mlsNumber": "DEMO-77",
                    "price": "",
                    "bedrooms": "3+1",
                    "bathrooms": "2.5",
                }
            case 8 if person is None:
                row.property = {"price": "1,250,000", "forRent": 0}
            case 9:
                row.source = row.message = None
            case 10:
                row.description = "Seen twice"
                row.extra = {
                    "additional": [{"name": "campaign", "value": "spring"}],
                    "noteId": FIRST_IDS["notes"],
                }
            case _:
                pass
        return row

    def call(self, number: int, created: datetime, person: Person | None = None) -> Call:
        """Call ``number``; the first few carry the oddities."""
        rng = self._rng
        owner = person or self.pick_person()
        user = self._user()
        row = Call(
            id=self.account.calls.next_id,
            created=created,
            updated=created if rng.random() < 0.7 else self._later(created, 3),
            created_by_id=user,
            person_id=owner.id,
            label=(owner.first_name, owner.last_name),
            user_id=user,
            phone=owner.phones[0]["normalized"] if owner.phones else None,
            is_incoming=rng.random() < 0.3,
            duration=rng.choice((0, 0, 7, 64, 611)),
            ring_duration=rng.choice((None, 7, 20)),
            started_at=created - timedelta(seconds=70) if rng.random() < 0.8 else None,
            outcome=rng.choice(OUTCOMES),
        )
        if number == 7:
            row.extra = {
                "forwardNumber": "5550102009",
                "sharedInboxId": 4,
                "conferenceCallId": 12,
                "systemId": 2,
            }
        match number:
            case 0:
                row.created_by_id = -1
            case 1:
                row.user_id = None
            case 2:
                row.recording_url = MASKED
            case 3:
                row.person_id, row.label = 0, None
            case 4:
                row.person_id, row.label = None, None
            case 5:
                row.created_by_id, row.user_id, row.phone = -1, None, None
            case 6:
                row.outcome = "Some new outcome"
                row.note = self._words(12)
            case _:
                if rng.random() < 0.1:
                    row.recording_url = MASKED
        return row

    def text(self, number: int, created: datetime, person: Person | None = None) -> Text:
        """Text ``number``, always to somebody with a phone: only such people are ever asked for."""
        rng = self._rng
        owner = person or self.pick_person(with_phone=True)
        user = self._user()
        phone = owner.phones[0]["normalized"] if owner.phones else "5550000"
        incoming = rng.random() < 0.4
        office = "5550102001"
        row = Text(
            id=self.account.text_messages.next_id,
            created=created,
            updated=created if rng.random() < 0.8 else self._later(created, 1),
            created_by_id=user,
            person_id=owner.id,
            label=(owner.first_name, owner.last_name),
            user_id=user,
            message=self._words(rng.randint(2, 9)),
            from_number=phone if incoming else office,
            to_number=office if incoming else phone,
            is_incoming=incoming,
            sent=None if incoming else created,
            delivery_status=None if incoming else rng.choice(("sent", "delivered", "undelivered")),
            is_external=rng.random() < 0.05,
            thread_id=owner.id,
        )
        match number:
            case 0:
                row.message = "* Body is hidden for privacy reasons *"
            case 1:
                row.message = None
            case 2:
                row.message = "👍🏽 ok — ñ \u2028 line"
            case 3:
                row.user_id = None
            case 4:
                row.is_external = True
                row.extra = {
                    "picture": {"small": "https://img.example.test/1.png"},
                    "externalUrl": "https://dialer.example.test/1",
                    "externalLabel": "Dialer",
                    "systemName": "Dialer",
                    "sharedInboxId": 4,
                    "actionPlanId": 6,
                    "groupTextId": 9,
                    "media": [{"url": "https://img.example.test/2.png"}],
                }
            case _:
                pass
        return row

    def note(self, number: int, created: datetime, person: Person | None = None) -> Note:
        """Note ``number``; the first is 10 kB."""
        owner = person or self.pick_person()
        row = Note(
            id=self.account.notes.next_id,
            created=created,
            updated=created,
            created_by_id=None if number == 1 else self._user(),
            person_id=owner.id,
            subject=None,
            body="long note " * 1024 if number == 0 else self._words(10),
            is_html=number % 7 == 2,
        )
        if number == 3:
            row.subject = "From a plan"
            row.extra = {
                "actionPlanId": 6,
                "automationId": 3,
                "systemId": 2,
                "systemName": "Dialer",
                "isExternal": True,
            }
        return row

    def task(self, number: int, created: datetime) -> Task:
        """Task ``number``."""
        rng = self._rng
        owner = self.pick_person()
        done = self._later(created, 20) if rng.random() < 0.6 else None
        return Task(
            id=self.account.tasks.next_id,
            created=created,
            updated=done or created,
            person_id=None if number == 0 else owner.id,
            assigned_user_id=self._user(),
            name=f"Call {owner.first_name}".strip(),
            type=rng.choice(("Call", "Email", "Text", "Showing", "Follow Up")),
            due=(created + timedelta(days=3)).date() if number else None,
            completed=done,
            extra={"dueDateTime": "2026-02-10T17:30:00Z"} if number == 1 else {},
        )

    def appointment(self, number: int, created: datetime) -> Appointment:
        """Appointment ``number``; the first few carry the oddities."""
        rng, account = self._rng, self.account
        person = self.pick_person()
        user = account.users[self._user()]
        start = second(created + timedelta(days=rng.randint(0, 40), hours=rng.randint(0, 8)))
        invitees = [
            {
                "userId": user.id,
                "personId": None,
                "relationshipId": None,
                "name": user.name,
                "email": user.email,
            },
            {
                "userId": None,
                "personId": person.id,
                "relationshipId": None,
                "name": person.name,
                "email": person.emails[0]["value"] if person.emails else None,
            },
        ]
        done = start < self._now
        row = Appointment(
            id=account.appointments.next_id,
            created=created,
            updated=created if rng.random() < 0.6 else self._later(created, 30),
            created_by_id=user.id,
            calendar_user_id=user.id,
            title=rng.choice(("Showing", "Listing Consultation", "Coffee ☕")),
            start=start,
            end=start + timedelta(hours=1),
            location=f"{rng.randint(1, 99)} {rng.choice(STREETS)}" if rng.random() < 0.5 else None,
            invitees=invitees,
            type_id=rng.choice((1, 2, None)),
            outcome_id=rng.choice((1, 2, 3, None)) if done else None,
        )
        match number:
            case 0:
                row.created_by_id = None
            case 1:
                row.all_day = True
            case 2:
                row.invitees = []
            case 3:
                row.origin_fub = False
            case 4:
                row.deleted = True
            case 5 | 6:
                private = next(u for u in account.users.values() if not u.shares_calendar)
                row.created_by_id = row.calendar_user_id = private.id
                row.invitees = invitees[1:]
            case 7:
                row.type_id = 99
            case 8:
                row.description = "Bring the keys"
                row.extra = {
                    "externalEventLink": "https://calendar.example.test/e/1",
                    "externalCalendarId": "calendar-1",
                }
            case _:
                pass
        return row

    # --- deals ---

    def _deals(self) -> None:
        account, rng = self.account, self._rng
        mirrored = sorted(self._world_deals, key=lambda d: (d.created_at, d.id))
        wanted = self._counts.deals
        mirrored = mirrored[-max(1, wanted * 2 // 5) :]
        rows: list[tuple[datetime, WorldDeal | None]] = [
            (second(d.created_at), d) for d in mirrored
        ]
        rows += [(instant, None) for instant in self._instants(wanted - len(mirrored))]
        for created, source in sorted(rows, key=lambda pair: pair[0]):
            deal = self.mirror(source) if source is not None else self._plain_deal(created)
            account.deals.put(deal)
        own = [d for d in account.deals.rows() if d.world_id is None]
        for deal, oddity in zip(own, range(8), strict=False):
            self._odd_deal(deal, oddity)
            account.deals.put(deal)
        for deal in account.deals.rows():
            for person_id in deal.person_ids:
                person = account.people.get(person_id)
                if person is not None and rng.random() < 0.7:
                    person.main_deal_id = deal.id
                    account.people.put(person)

    def mirror(self, source: WorldDeal) -> Deal:
        """The CRM's copy of a deal of the brokerage: address in the name, whole-dollar price, a
        board stage.
        """
        account = self.account
        person = self.pick_person()
        pipeline = 3 if source.representation == "SELLER" else 2
        created = second(source.created_at)
        deal = Deal(
            id=account.deals.next_id,
            created=created,
            name=f"{source.address.street}, {source.address.city} — {person.last_name or 'Sample'}",
            status="Active",
            pipeline_id=pipeline,
            stage_id=0,
            price=None,
            entered_stage_at=created,
            order_weight=1000 + len(account.deals),
            person_ids=[person.id],
            user_ids=[account.owner.id],
            custom={"customLenderName": "Demo Bank", "customInspectionDate": None},
            world_id=source.id,
        )
        mirror_state(account, deal, source)
        return deal

    def _plain_deal(self, created: datetime) -> Deal:
        rng, account = self._rng, self.account
        pipeline = account.pipelines[rng.choice((2, 3))]
        person = self.pick_person()
        return Deal(
            id=account.deals.next_id,
            created=created,
            name=f"{rng.randint(1, 99)} {rng.choice(STREETS)} — {person.last_name or 'Sample'}",
            status="Active",
            pipeline_id=pipeline.id,
            stage_id=rng.choice(pipeline.stages).id,
            price=rng.randint(200, 900) * 1000,
            entered_stage_at=self._later(created, 30),
            order_weight=1000 + len(account.deals),
            description="",
            projected_close=(created + timedelta(days=45)).date(),
            person_ids=[person.id],
            user_ids=[self._user()],
            custom={"customLenderName": None, "customInspectionDate": "2026-01-31"},
        )

    def _odd_deal(self, deal: Deal, oddity: int) -> None:
        match oddity:
            case 0:
                deal.person_ids, deal.user_ids = [], []
            case 1:
                deal.price = deal.projected_close = deal.description = None
            case 2:
                deal.status = "Archived"
            case 3:
                deal.status = "Deleted"
            case 4:
                deal.projected_close = datetime(2026, 3, 15, 0, 0, tzinfo=UTC)
            case 5:
                deal.commission_value, deal.agent_commission = 15250.5, 12200.4
                deal.team_commission, deal.time_to_close = 3050.1, 42
            case 6:
                deal.entered_stage_at = None
            case _:
                deal.person_ids = [self.pick_person().id, self.pick_person().id]
                deal.description = "Two buyers"
                deal.extra = {
                    "earnestMoneyDueDate": "2026-02-03",
                    "mutualAcceptanceDate": "2026-01-31T00:00:00Z",
                    "dueDiligenceDate": "2026-02-14",
                    "finalWalkThroughDate": "2026-03-10",
                    "possessionDate": "2026-03-15",
                }

    # --- volume ---

    def _large_people(self, patterns: int) -> None:
        account = self.account
        variants = [
            p for p in (account.people.get(FIRST_IDS["people"] + n) for n in range(patterns)) if p
        ]
        formula: Formula[Person] = Formula(
            variants,
            stamp_person,
            first_id=FIRST_IDS["people"],
            count=self._counts.people,
            start=self._start,
            end=self._now,
            picker=None,
        )
        account.people = FormulaTable("people", formula, attrgetter("id"))

    def _children(
        self,
        name: str,
        count: int,
        make: Callable[[int, datetime], R],
        stamp: Callable[[R, int, datetime, datetime, int], R],
    ) -> None:
        account = self.account
        table: Table[R] = account.table(name)
        patterns = self._counts.patterns if count > self._counts.formula_from else count
        for number, created in enumerate(self._instants(patterns)):
            table.put(make(number, created))
        if count <= self._counts.formula_from:
            return
        variants = list(reversed(list(table.rows())))
        people = account.people
        # people who are objects follow no pattern: each is a pattern of its own
        made = isinstance(people, FormulaTable)
        cycle = min(self._counts.patterns, len(people)) if made else len(people)
        slots = list(range(cycle))
        if name == "text_messages":
            slots = [
                s for s in slots if (p := people.get(people.first_id + s)) is not None and p.phones
            ]
        picker = PersonPicker(people.first_id, len(people), cycle, slots, count)
        formula = Formula(
            variants,
            stamp,
            first_id=table.first_id,
            count=count,
            start=self._start,
            end=self._now,
            picker=picker,
        )
        setattr(account, name, FormulaTable(name, formula, _person_id_if_any))


def mirror_state(account: Account, deal: Deal, source: WorldDeal) -> bool:
    """Brings a mirrored deal up to its original; returns whether anything moved."""
    pipeline = account.pipelines[deal.pipeline_id]
    words = {"OPEN": "Under Contract", "CLOSED": "Closed", "TERMINATED": "Lost"}
    word = words.get(source.group, "Under Contract")
    stage = next((s for s in pipeline.stages if s.name == word), pipeline.stages[0])
    before = (deal.stage_id, deal.price, deal.projected_close, deal.commission_value)
    if deal.stage_id != stage.id:
        deal.stage_id = stage.id
        deal.entered_stage_at = second(max(source.updated_at, deal.created))
    deal.price = int(source.price) if source.price is not None else None
    closing: date | None = source.closing_actual or source.closing_estimated
    deal.projected_close = closing
    deal.commission_value = float(source.gross) if source.gross is not None else None
    return before != (deal.stage_id, deal.price, deal.projected_close, deal.commission_value)
