"""One brokerage's SkySlope account: keys, sessions, users and files, living with the world."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from random import Random
from typing import TYPE_CHECKING, Any

from sandbox.skyslope import truth
from sandbox.skyslope.model import OFFICES, File, Person
from sandbox.switches import turn
from sandbox.world.model import Deal

if TYPE_CHECKING:
    from sandbox.box import Sandbox

CLIENT_ID, CLIENT_SECRET = "northwind-client", "northwind-client-secret"
SHARE = 0.85
SESSION_SECONDS = 7200.0
BROKER = "cora-upline"


class Books:
    """See the module's text. ``switches`` are documented in the README."""

    def __init__(self, box: Sandbox) -> None:
        self.box = box
        self.world = box.world
        self.people: dict[str, Person] = {}
        self._keys: dict[str, tuple[str, str]] = {}
        self.sessions: dict[str, tuple[str, datetime]] = {}
        self.revoked: set[str] = set()
        self.files: dict[str, File] = {}
        self._chosen: set[str] = set()
        self._issued = 0
        self.switches: dict[str, Any] = {
            "shape": "array",
            "bom": True,
            "page_size": 0,
            "replica_lag": 0,
            "replica_in_value": False,
            "throttle": "retry_after",
            "session_seconds": SESSION_SECONDS,
        }
        self._hire()
        self.auditor = self.people["Audra"].guid
        self.follow()

    # --- people ---------------------------------------------------------------------------------

    def _guid(self, name: str) -> str:
        return str(uuid.UUID(int=Random(f"{self.world.seed}:skyslope:{name}").getrandbits(128)))

    def _hire(self) -> None:
        for number, user in enumerate({u.agent_id: u for u in self.world.users}.values()):
            self.people[user.agent_id] = Person(
                guid=self._guid(user.agent_id),
                first_name=user.first_name,
                last_name=user.last_name,
                email=user.email,
                kind="Agent",
                agent_id=user.agent_id,
                phone=user.phone,
                number=number,
                active=user.is_active,
            )
        for name, kind, active in (("Audra", "Auditor", True), ("Gone", "Agent", False)):
            self.people[name] = Person(
                self._guid(name), name, "Example", f"{name.lower()}@example.com", kind, None,
                number=len(self.people), active=active,
            )  # fmt: skip
        for agent in self.world.connected:
            key = self.world.key_of(agent.id)
            person = self.people[agent.id]
            if key == BROKER:
                person.kind, person.sees_all = "Broker", True
            chance = Random(f"{self.world.seed}:skyslope:{key}")
            access = f"ska_{chance.getrandbits(64):016x}"
            self._keys[access] = (key, f"sks_{chance.getrandbits(96):024x}")
            self.world.register_key(access, key)

    def person_of(self, agent_key: str) -> Person:
        """The user behind a connected agent."""
        return self.people[self.world.agent_by_key(agent_key).id]

    # --- keys and sessions ------------------------------------------------------------------------

    def account(self, agent_key: str) -> dict[str, Any] | None:
        """The four parts of the credential, None for whoever has no account."""
        for access, (owner, secret) in self._keys.items():
            if owner == agent_key:
                credentials = {
                    "client_id": CLIENT_ID,
                    "client_secret": CLIENT_SECRET,
                    "access_key": access,
                    "access_secret": secret,
                }
                return {
                    "credentials": credentials,
                    "user_guid": self.person_of(agent_key).guid,
                    "secrets": [CLIENT_SECRET, secret],
                }
        return None

    def secret_of(self, access_key: str) -> tuple[str, str] | None:
        """Agent key and secret of an access key that is in force."""
        found = self._keys.get(access_key)
        return None if found is None or found[0] in self.revoked else found

    def open_session(self, agent_key: str) -> tuple[str, datetime]:
        """A new session. Sessions live on real time: clients have no other clock."""
        self._issued += 1
        chance = Random(f"{self.world.seed}:session:{agent_key}:{self._issued}")
        token = f"ss-sess-{chance.getrandbits(96):024x}"
        ends = datetime.now(UTC) + timedelta(seconds=float(self.switches["session_seconds"]))
        self.sessions[token] = (agent_key, ends)
        self.world.register_key(token, agent_key)
        return token, ends

    def session(self, token: str) -> str | None:
        """Whose session it is, None if it is unknown, over, or its user's keys were revoked."""
        found = self.sessions.get(token)
        if found is None or found[1] <= datetime.now(UTC) or found[0] in self.revoked:
            return None
        return found[0]

    # --- files ------------------------------------------------------------------------------------

    def follow(self) -> None:
        """Opens a file for every new deal that the office handles in SkySlope."""
        for deal in self.world.deals:
            if deal.id in self._chosen or deal.owner_id not in self.people:
                continue
            self._chosen.add(deal.id)
            if Random(f"{self.world.seed}:skyslope:{deal.id}").random() < SHARE:
                self._open(deal)

    def _open(self, deal: Deal) -> File:
        agents = [a for a in deal.agent_ids() if a in self.people and a != deal.owner_id]
        number = len(self.files)
        co_agents = [self.people[a].guid for a in agents]
        if deal.listing and not co_agents and number % 3 == 1:
            # somebody without a key: nobody sees more for it
            co_agents = [self._guid("Gone")]
        file = File(
            guid=self._guid(f"file:{deal.id}"),
            listing=deal.listing,
            deal=deal,
            number=number,
            owner=self.people[deal.owner_id].guid,
            co_agents=co_agents,
            folder_only=number % 29 == 17,
        )
        self.files[file.guid] = file
        return file

    def file_of_listing(self, deal: Deal) -> File | None:
        """The listing file that a sale was built from."""
        if deal.built_from is None:
            return None
        return self.files.get(self._guid(f"file:{deal.built_from}"))

    def visible(self, agent_key: str, *, listing: bool) -> list[File]:
        """The files of one kind that an agent's user sees, oldest first."""
        self.follow()
        person = self.person_of(agent_key)
        mine = [f for f in self.files.values() if f.listing is listing and f.visible_to(person)]
        return sorted(mine, key=lambda f: (f.deal.created_at, f.guid))

    def office(self, file: File) -> tuple[str, str]:
        """Guid and name of the office that a file belongs to."""
        return OFFICES[1 if file.deal.currency == "CAD" else 0]

    # --- the seam ---------------------------------------------------------------------------------

    def truth(self, agent_key: str) -> dict[str, Any]:
        """See ``sandbox.skyslope.truth``."""
        return truth.of(self, agent_key)

    def advance(self, days: int) -> None:
        """Files follow the deals; now and then somebody writes into an old one."""
        del days
        self.follow()
        chance = self.world.rng(f"skyslope:{self.world.today}")
        old = sorted(self.files.values(), key=lambda f: f.guid)
        for file in chance.sample(old, min(2, len(old))):
            number = chance.randint(1000, 9999)
            member = (
                {"mlsNumber": f"MLS-{number}"}
                if file.listing
                else {"escrowNumber": f"ESC-{number}"}
            )
            self.edit(file, member)

    def edit(self, file: File, members: Mapping[str, Any]) -> None:
        """Changes JSON members of a file by hand."""
        file.edits.update(members)
        file.edited_at = max(self.world.now(), file.modified_at + timedelta(milliseconds=1))

    def mutate(self, change: Mapping[str, Any]) -> dict[str, Any]:
        """Plays one change. Raises ValueError for one that is unknown or impossible."""
        op = str(change.get("op", "")).removeprefix("skyslope.")
        match op:
            case "edit_file":
                file = self._file(change)
                self.edit(file, dict(change["set"]))
                return {"guid": file.guid, "modified_at": file.modified_at.isoformat()}
            case "delete_file":
                file = self._file(change)
                del self.files[file.guid]
                return {"deleted": file.guid}
            case "expire_session":
                agent_key = str(change["agent_key"])
                for token, (owner, _) in list(self.sessions.items()):
                    if owner == agent_key:
                        self.sessions[token] = (owner, datetime.now(UTC))
                return {"expired": agent_key}
            case "revoke_key":
                self.revoked.add(str(change["agent_key"]))
                return {"revoked": sorted(self.revoked)}
            case "restore_key":
                self.revoked.discard(str(change["agent_key"]))
                return {"revoked": sorted(self.revoked)}
            case "add_user":
                name = str(change["first_name"])
                self.people[name] = Person(
                    self._guid(name), name, "Example", f"{name.lower()}@example.com", "Agent",
                    None, number=len(self.people),
                )  # fmt: skip
                return {"guid": self.people[name].guid}
            case "remove_user":
                person = next(p for p in self.people.values() if p.guid == change["guid"])
                self.people = {k: p for k, p in self.people.items() if p is not person}
                return {"removed": person.guid}
            case "switch":
                return turn(self.switches, change)
            case _:
                raise ValueError(f"Unknown change {op!r}; see sandbox/skyslope/README.md.")

    def _file(self, change: Mapping[str, Any]) -> File:
        file = self.files.get(str(change.get("guid", "")))
        if file is None:
            raise ValueError(f"There is no file {change.get('guid')!r}.")
        return file
