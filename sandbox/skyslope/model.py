"""The things of a SkySlope account: people, offices, and files that follow the world's deals."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sandbox.world.model import Deal

OFFICES = (
    ("c0de0000-0000-4000-8000-000000000001", "Sample Realty - Salt Lake City"),
    ("c0de0000-0000-4000-8000-000000000002", "Sample Realty - Toronto"),
)
CHECKLISTS = {
    "Sale": ((17001, "Residential Purchase"), (17002, "Residential Lease")),
    "Listing": ((18001, "Listing - Residential"),),
}


@dataclass(slots=True)
class Person:
    """A user. ``agent_id`` links to the world; ``sees_all`` is a broker's view."""

    guid: str
    first_name: str
    last_name: str
    email: str | None
    kind: str
    agent_id: str | None
    phone: str | None = None
    number: int = 0
    active: bool = True
    sees_all: bool = False


@dataclass(slots=True)
class File:
    """A sale or listing file.

    ``number`` is the running number that decides which oddities it shows; ``edits`` are JSON
    members that were changed by hand in SkySlope; ``folder_only`` files are missing in the feed.
    """

    guid: str
    listing: bool
    deal: Deal
    number: int
    owner: str
    co_agents: list[str]
    edits: dict[str, Any] = field(default_factory=dict)
    edited_at: datetime | None = None
    folder_only: bool = False

    @property
    def modified_at(self) -> datetime:
        """The last change of the deal or of the file, whichever is later."""
        moved = self.deal.updated_at
        return max(moved, self.edited_at) if self.edited_at else moved

    @property
    def new_vintage(self) -> bool:
        """Whether the file's money block has the newer names."""
        return self.number % 2 == 1

    def visible_to(self, person: Person) -> bool:
        """Brokers see all files, agents those that they are on."""
        return person.sees_all or person.guid == self.owner or person.guid in self.co_agents
