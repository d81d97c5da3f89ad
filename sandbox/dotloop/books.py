"""All Dotloop accounts of the brokerage: grants, profiles, loops and contacts, living with the
world.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from random import Random
from typing import TYPE_CHECKING, Any

from sandbox.dotloop import changes, facts, truth
from sandbox.dotloop.grants import CLIENT_SECRET, EXPIRES_IN, Grants
from sandbox.dotloop.model import Account, Contact, Loop, Profile, Value
from sandbox.world.model import Deal, Participant
from sandbox.world.names import FIRST, LAST, PLACES, STREETS

if TYPE_CHECKING:
    from sandbox.box import Sandbox

SHARE = 0.8
OFFICE_SIZE = 10
FIRST_LOOP = 70_011
ARCHIVED_AFTER = timedelta(days=300)
# loops that are about no deal: every account has the first three
PLAIN = (("REAL_ESTATE_OTHER", "IN_PROGRESS"), ("OTHER", "NEW"), (None, None))
DRAFTS = {
    "ada-sample": (("PURCHASE_OFFER", "PRE_OFFER"), ("LISTING_FOR_SALE", "PRE_LISTING")),
    "ben-example": (("LISTING_FOR_SALE", "PRIVATE_LISTING"), ("LISTING_FOR_LEASE", "PRE_LISTING")),
    "cora-upline": (("LISTING_FOR_LEASE", "ACTIVE_LISTING"), ("LEASE_OFFER", "PRE_OFFER")),
}
# view ids of further profiles, when the vendor gives each its own
STEP = 1_000_000
SWITCHES: Mapping[str, Any] = {
    "view_ids": "same",
    # what a webhook signs: "time and body" or "body"
    "signs": "time and body",
    # subscriptions and deliveries in a page
    "cursor_page": 20,
    "batch_cap": 100,
    "contact_batch_cap": 50,
    "updated_min_inclusive": True,
    "contact_filter": True,
    "participants_touch": False,
    "activities_touch": False,
    "inline_details": True,
    "expires_in": EXPIRES_IN,
    "rotate_refresh": False,
    "refusal_status": 400,
    "authorize": "approve",
    "reset_as": "ms",
}


def whole(moment: datetime) -> datetime:
    """The moment to the second: Dotloop knows nothing finer."""
    return moment.replace(microsecond=0)


def _draft(*, lease: bool) -> dict[str, dict[str, Value | None]]:
    """What is known of a property before there is a deal."""
    return {
        "Property Address": {
            "Street Number": "101",
            "Street Name": "Sample St",
            "City": "Fairview",
            "State/Prov": "OR",
            "Zip/Postal Code": "97000",
        },
        "Financials": {"Rent": Decimal(2150)}
        if lease
        else {"Purchase/Sale Price": Decimal("501500.25")},
    }


class Books:
    """See the module's text. `switches` are in the README; `version` grows with every change."""

    def __init__(self, box: Sandbox) -> None:
        self.world = box.world
        self.switches: dict[str, Any] = dict(SWITCHES)
        self.version = 0
        self.accounts: dict[str, Account] = {}
        self.profiles: dict[int, Profile] = {}
        self.loops: dict[int, Loop] = {}
        self.by_profile: dict[int, list[Loop]] = {}
        self.contacts: dict[str, dict[int, Contact]] = {}
        self.merges: list[Loop] = []
        self.grants = Grants(self.world.seed, self.switches, self.world.register_key)
        self._keys = {a.id: self.world.key_of(a.id) for a in self.world.connected}
        self._own: dict[str, Profile] = {}
        self._places: dict[str, list[Profile]] = {agent_id: [] for agent_id in self._keys}
        self._by_deal: dict[str, Loop] = {}
        self._built = False
        self._deals_seen = 0
        self._seen = -1
        self._numbers = {"profile": 42, "contact": 55_001, "loop": FIRST_LOOP}
        # noon and not now: the first day has the same bytes however long it took to build
        self.noon = datetime.combine(self.world.today, time(12), tzinfo=UTC)
        self._enrol()
        self.follow()
        self._by_hand()
        for key in self.accounts:
            self._befriend(key)
        for loop in list(self.loops.values()):
            self._age(loop, self.noon)
        self._built = True

    def now(self) -> datetime:
        """The current instant, to the second."""
        return whole(self.world.now())

    def number(self, what: str) -> int:
        """The next id of a kind."""
        self._numbers[what] += 1
        return self._numbers[what] - 1

    # --- accounts and profiles --------------------------------------------------------------------

    def _enrol(self) -> None:
        for index, agent in enumerate(self.world.connected):
            key = self.world.key_of(agent.id)
            own = self._profile_of(agent.id)
            own.members.add(key)
            own.listers.add(key)
            self.accounts[key] = Account(90_001 + index, key, agent.id, own.id)
            self.contacts[key] = {}
            self.grants.allow(key)
            team = next((t for t in self.world.teams_of(agent.id) if t.leader_id == agent.id), None)
            if team is not None:
                place = self.add_profile(
                    "TEAM", team.name, members={key}, listers={key}, country="US"
                )
                self._places[agent.id].append(place)
        keys = list(self.accounts)
        for start in range(0, len(keys), OFFICE_SIZE):
            chunk = keys[start : start + OFFICE_SIZE]
            broker = "cora-upline" if "cora-upline" in chunk else chunk[0]
            office = self.add_profile(
                "OFFICE", f"Sample Realty office {start // OFFICE_SIZE + 1}",
                company="Sample Realty LLC", phone="(555) 010-0110", fax="555.010.0111",
                address="1 Sample Plaza", city="Fairview", state="OR", zip_code="97000",
                country="US", requires_template=True, deactivated=None,
                members=set(chunk), listers={broker},
            )  # fmt: skip
            for key in chunk:
                self._places[self.accounts[key].agent_id].append(office)
        newer = frozenset({"country", "deactivated"})
        ada, ben, cora = keys[:3]
        self.add_profile("ASSOCIATION", "Example Association", members={ada}, listers={ada},
                         unsent=newer)  # fmt: skip
        self.add_profile("COMPANY", "Former Realty Inc", company="Former Realty Inc",
                         deactivated=True, members={ben}, listers={ben})  # fmt: skip
        self.add_profile("NATIONAL_PARTNER", "Placeholder Lending", members={cora}, unsent=newer)
        self.add_profile("BROKERAGE", "Sample Realty", company="Sample Realty LLC",
                         members={cora}, listers={cora})  # fmt: skip
        self.accounts[ben].edits["lastName"] = None
        self.accounts[cora].default_profile_id = None

    def add_profile(self, type_: str, name: str, **fields: Any) -> Profile:
        """A new profile."""
        profile = Profile(self.number("profile"), type_, name, **fields)
        self.profiles[profile.id] = profile
        self.by_profile[profile.id] = []
        self.version += 1
        return profile

    def _profile_of(self, agent_id: str) -> Profile:
        """The individual profile of one of the brokerage's people, connected or not."""
        if agent_id not in self._own:
            agent = self.world.agents[agent_id]
            self._own[agent_id] = self.add_profile(
                "INDIVIDUAL", f"{agent.first_name}'s profile", company="Invented Realty LLC",
                phone=agent.phone, owner_id=agent_id, country=None,
            )  # fmt: skip
        return self._own[agent_id]

    def profiles_of(self, agent_key: str) -> list[Profile]:
        """The profiles that an account sees, by id."""
        return [p for p in self.profiles.values() if agent_key in p.members]

    def account(self, agent_key: str) -> dict[str, Any] | None:
        """The credential in force, None for whoever has no account."""
        if agent_key not in self.accounts:
            return None
        grant = self.grants.of_agent[agent_key]
        return {
            "credentials": {
                "access_token": grant.access,
                "refresh_token": grant.refresh,
                "expires_at": grant.told.isoformat(timespec="seconds"),
            },
            "account_id": str(self.accounts[agent_key].id),
            "secrets": [CLIENT_SECRET, grant.access, grant.refresh],
        }

    # --- loops ------------------------------------------------------------------------------------

    def follow(self) -> None:
        """Opens loops for new deals, and marks those whose deals have changed."""
        if self._seen == self.world.version and self._deals_seen == len(self.world.deals):
            return
        for loop in self.loops.values():
            self._look(loop)
        for deal in self.world.deals[self._deals_seen :]:
            self._meet(deal)
        self._deals_seen = len(self.world.deals)
        self._seen = self.world.version
        self.version += 1

    def _look(self, loop: Loop) -> None:
        deal = loop.current
        if deal is None or loop.looked_at == deal.updated_at:
            return
        before, loop.face, loop.looked_at = loop.face, self._face(loop), deal.updated_at
        if before != loop.face:
            loop.updated = max(loop.updated, whole(deal.updated_at))
            if before[0] != loop.face[0]:
                loop.activities.append((loop.updated, f"Status changed to {loop.face[0]}"))

    def _face(self, loop: Loop) -> tuple[Any, ...]:
        seen = facts.fingerprint(loop)
        return (*seen, facts.people(loop)) if self.switches["participants_touch"] else seen

    def _meet(self, deal: Deal) -> None:
        """A deal that nobody has seen here: a loop of its own, or what became of a listing."""
        listing = self._by_deal.get(deal.built_from or "")
        if listing is not None:
            listing.sale = deal
            self._by_deal[deal.id] = listing
            self._share(listing, deal)
            self._greet(deal)
            self._look(listing)
            listing.updated = max(listing.updated, self._noticed(deal.updated_at))
            return
        chosen = zlib.crc32(f"{self.world.seed}:dotloop:{deal.built_from or deal.id}".encode())
        if chosen / 2**32 < SHARE:
            self._open(deal)

    def _open(self, deal: Deal) -> None:
        owner = self._profile_of(deal.owner_id)
        client = next((p for p in deal.participants if p.role in facts.CLIENTS), None)
        name = f"{client.last_name}, {deal.address.street}" if client else deal.address.street
        loop = self._new(owner, deal, whole(deal.created_at), name)
        loop.updated = max(loop.updated, self._noticed(deal.updated_at))
        self._share(loop, deal)
        self._by_deal[deal.id] = loop
        loop.face, loop.looked_at = self._face(loop), deal.updated_at
        loop.tasks_done = min(loop.tasks or 0, 3) if deal.group == "OPEN" else loop.tasks or 0
        loop.activities.append((loop.updated, f"Status changed to {facts.status(loop)}"))
        self._greet(deal)

    def _noticed(self, moment: datetime) -> datetime:
        """When somebody wrote it down here. The world may tell today of a deal of yesterday, and
        then it is today that the vendor's stamps name.
        """
        return self.now() if self._built else whole(moment)

    def _share(self, loop: Loop, deal: Deal) -> None:
        """Everybody with an account who is on a deal has a view of its loop."""
        for agent_id in deal.agent_ids():
            if agent_id in self._keys:
                self._show(loop, self._own[agent_id])
                for place in self._places[agent_id]:
                    # a team and an office see those that were handed to them
                    if loop.number % 4 == 1 if place.type == "TEAM" else loop.number % 3 == 2:
                        self._show(loop, place)

    def _new(self, owner: Profile, deal: Deal | None, created: datetime, name: str) -> Loop:
        number = self.number("loop")
        loop = Loop(
            id=number,
            number=number - FIRST_LOOP,
            views=[],
            deal=deal,
            created=created,
            updated=created,
            name=name,
        )
        self.loops[loop.id] = loop
        self._show(loop, owner)
        loop.activities.append((created, f"Loop created: {name}"))
        # a loop of today has not been looked at yet
        old = created < self.noon - timedelta(days=1)
        views = {3: 27, 5: 130}.get(loop.number, loop.number % 3) if old else 0
        loop.activities += [
            (created + timedelta(minutes=7 * n), f"Casey Example viewed offer-{n}.pdf “draft” ✍")
            for n in range(1, views + 1)
        ]
        return loop

    def add_loop(self, agent_key: str) -> Loop:
        """A loop that somebody makes by hand, now."""
        own = self._own[self.accounts[agent_key].agent_id]
        self.version += 1
        return self._new(own, None, self.now(), "A loop of my own")

    def _show(self, loop: Loop, profile: Profile) -> None:
        if profile.id not in loop.views:
            loop.views.append(profile.id)
            self.by_profile[profile.id].append(loop)

    def _by_hand(self) -> None:
        """Loops that are about no deal of the world, and one that was merged long ago."""
        for key, account in self.accounts.items():
            own = self._own[account.agent_id]
            for what, state in (*PLAIN, *DRAFTS.get(key, ())):
                created = whole(self.noon) - timedelta(days=40, minutes=len(self.loops) % 600)
                loop = self._new(own, None, created, f"{what or 'Untitled'} of {key}")
                loop.edits |= {"transactionType": what, "status": state}
                if (what, state) not in PLAIN:
                    loop.details = _draft(lease="LEASE" in str(what))
        own = self._own[self.accounts["ada-sample"].agent_id]
        long_ago = whole(self.noon) - timedelta(days=90)
        old = self._new(own, None, long_ago, "Kept twice")
        self.merge(old, self.by_profile[own.id][0], at=long_ago)

    def _age(self, loop: Loop, now: datetime) -> None:
        """A loop that was closed long ago is archived, at some offices."""
        closed = loop.current.closed_at if loop.current else None
        if closed is None or loop.number % 7 != 3 or "status" in loop.edits:
            return
        moment = whole(closed + ARCHIVED_AFTER)
        if moment <= now:
            self.edit(loop, {"status": "ARCHIVED"}, at=moment)

    def view_id(self, loop: Loop, profile_id: int) -> int:
        """The id under which a profile has the loop."""
        if self.switches["view_ids"] == "same":
            return loop.id
        return loop.id + STEP * loop.views.index(profile_id)

    def find(self, profile_id: int, view_id: int) -> Loop | None:
        """The loop of a profile by view id; one that was merged is found too."""
        same = self.switches["view_ids"] == "same"
        loop = self.loops.get(view_id if same else view_id % STEP)
        if loop is None or profile_id not in loop.views:
            return None
        return loop if self.view_id(loop, profile_id) == view_id else None

    def listed(self, profile_id: int) -> list[Loop]:
        """The loops in a profile's list, in no particular order."""
        self.follow()
        return self.by_profile[profile_id]

    def edit(self, loop: Loop, members: Mapping[str, Any], *, at: datetime | None = None) -> None:
        """Changes JSON members of a loop by hand."""
        loop.edits.update(members)
        self.touch(loop, at)
        if "status" in members:
            loop.activities.append((at or self.now(), f"Status changed to {members['status']}"))

    def touch(self, loop: Loop, at: datetime | None = None) -> None:
        """Moves `updated`."""
        loop.updated = max(loop.updated, at or self.now())
        self.version += 1

    def merge(self, old: Loop, into: Loop, *, at: datetime | None = None) -> None:
        """The old loop leaves all lists; its address leads to the other one. Raises ValueError if
        either has been merged already.
        """
        if old is into or old.merged_into or into.merged_into:
            raise ValueError("A loop can be merged once, and into another that still stands.")
        for profile_id in old.views:
            self._show(into, self.profiles[profile_id])
            self.by_profile[profile_id].remove(old)
        old.merged_into = into
        self.merges.append(old)
        self.touch(into, at)

    def delete(self, loop: Loop) -> None:
        """The loop is gone for good."""
        for profile_id in loop.views:
            self.by_profile[profile_id].remove(loop)
        del self.loops[loop.id]
        self.version += 1

    # --- contacts ---------------------------------------------------------------------------------

    def touch_contact(self, agent_key: str, contact: Contact) -> None:
        """Moves `updated`, and the contact to the end of the list."""
        box = self.contacts[agent_key]
        contact.updated = self.now()
        box[contact.id] = box.pop(contact.id)
        self.version += 1

    def _greet(self, deal: Deal) -> None:
        """The clients of a deal are contacts of the owner's account."""
        key = self._keys.get(deal.owner_id)
        if key is not None:
            for person in deal.participants:
                if person.role in facts.CLIENTS:
                    self._add_client(key, person, deal)

    def _add_client(self, key: str, person: Participant, deal: Deal) -> None:
        number = self.number("contact")
        phone = f"(555) 010-{number % 10_000:04d}"
        self.contacts[key][number] = Contact(
            number, person.first_name, person.last_name, person.email,
            home=phone if number % 3 == 0 else None,
            office=phone if number % 5 == 0 else None,
            cell=person.phone or (phone if number % 2 else None),
            fax=phone if number % 11 == 0 else None,
            address=deal.address.street if number % 2 else None,
            city=deal.address.city, state=deal.address.short_state, zip_code=deal.address.zip,
            country="US" if number % 4 else None,
            updated=None if number % 9 == 4 else self._noticed(deal.created_at),
        )  # fmt: skip
        self.version += 1

    def _befriend(self, key: str) -> None:
        """People of whom no deal has come yet; the first two show how little may be known."""
        wanted = max(60, self.world.size.people // 2)
        chance = Random(f"{self.world.seed}:dotloop:contacts:{key}")
        box = self.contacts[key]
        for _ in range(2):
            number = self.number("contact")
            box[number] = Contact(number, None, None, None, updated=whole(self.noon))
        while len(box) < wanted:
            number = self.number("contact")
            first, last = chance.choice(FIRST), chance.choice(LAST)
            city, _, state, zip_code, _, _ = chance.choice(PLACES)
            box[number] = Contact(
                number, first, last, f"{first}.{last}.{number}@example.com".lower(),
                cell=f"(555) 010-{number % 10_000:04d}",
                address=f"{number % 900 + 1} {chance.choice(STREETS)}",
                city=city, state=state, zip_code=zip_code, country="US",
                updated=whole(self.noon) - timedelta(minutes=chance.randrange(500_000)),
            )  # fmt: skip

    # --- the seam ---------------------------------------------------------------------------------

    def truth(self, agent_key: str) -> dict[str, Any]:
        """See `sandbox.dotloop.truth`."""
        self.follow()
        return truth.of(self, agent_key)

    def advance(self, days: int) -> None:
        """Loops follow the deals and grow old; people tick off tasks, and write to a contact."""
        del days
        self.follow()
        now = self.now()
        for loop in list(self.loops.values()):
            self._age(loop, now)
        chance = self.world.rng(f"dotloop:{self.world.today}")
        for key, box in self.contacts.items():
            mine = self.by_profile[self._own[self.accounts[key].agent_id].id]
            busy = [loop for loop in mine if loop.tasks_done < (loop.tasks or 0)]
            for loop in chance.sample(busy, min(2, len(busy))):
                loop.tasks_done += 1
                loop.activities.append((now, f"Casey Example completed task {loop.tasks_done}"))
                self.touch(loop, now)
            if box:
                contact = box[chance.choice(list(box))]
                contact.cell, contact.updated = f"(555) 010-{chance.randrange(10_000):04d}", now
        self.version += 1

    def mutate(self, change: Mapping[str, Any]) -> dict[str, Any]:
        """Plays one change. Raises ValueError for one that is unknown or impossible."""
        self.follow()
        result = changes.play(self, change)
        self.version += 1
        return result
