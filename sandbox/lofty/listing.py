"""Which leads and communications are asked for, and in which order (contract §§3.1, 5.1)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sandbox.http import Query
from sandbox.lofty.account import Account
from sandbox.lofty.model import Communication, Lead, Member

KEPT = 12
SCROLLS = 200
EVER = datetime(1, 1, 1, tzinfo=UTC)

Order = Callable[[Lead], Any]


# the vendor's sorts; those that it only names order by creation
SORTS: Mapping[str, Order] = {
    "Default": lambda lead: lead.id,
    "LastContact": lambda lead: (lead.last_touch or EVER, lead.id),
    "LastCall": lambda lead: (max((c.start for c in lead.calls), default=EVER), lead.id),
    "LastActivity": lambda lead: (lead.active, lead.id),
    "CreateTime": lambda lead: (lead.created, lead.id),
    "DeleteTime": lambda lead: (lead.trashed or EVER, lead.id),
    "AssignTime": lambda lead: (lead.assign_time or EVER, lead.id),
    "Score": lambda lead: (lead.score, lead.id),
}
NAMED = frozenset(
    (
        "LastEmail", "Inquries", "Activity", "Communication", "HasDrip", "HasAlert", "Task",
        "Lender", "ActivitySearch", "ActivityViews", "ActivityFavorites", "DripStatus",
        "DripOpenRate", "AlertFrequency", "AlertOpenRate", "SCOREV2", "SmartPlanStatus",
    )
)  # fmt: skip


class ListingError(ValueError):
    """Something that the list refuses; the text names the vendor's error."""


def _words(text: str) -> set[str]:
    return {part.strip() for part in text.split(",") if part.strip()}


def lead_filter(account: Account, query: Query) -> Callable[[Lead], bool] | None:
    """The documented filters of a query, None for none. Whatever else is sent is ignored."""
    tests: list[Callable[[Lead], bool]] = []
    stage, source, segments = query.get("stage"), query.get("source"), query.get("segments")
    if stage:
        names = _words(stage)
        tests.append(lambda lead: account.stages[lead.stage_id] in names)
    if source:
        sources = _words(source)
        tests.append(lambda lead: account.sources.get(lead.source_id or 0) in sources)
    if segments:
        groups = _words(segments)
        tests.append(lambda lead: bool(groups & set(lead.segments)))
    for name, meets in (("allTags", set.issubset), ("anyTags", lambda a, b: bool(a & b))):
        text = query.get(name)
        if text:
            tags = _words(text)
            tests.append(
                lambda lead, tags=tags, meets=meets: meets(
                    tags, {account.tags[t].name for t in lead.tags}
                )
            )
    phone, email, key = query.get("phone"), query.get("email"), (query.get("key") or "").lower()
    if phone:
        tests.append(lambda lead: phone in lead.phones)
    if email:
        tests.append(lambda lead: email in lead.emails)
    if key:
        tests.append(
            lambda lead: any(key in t.lower() for t in (lead.name, *lead.phones, *lead.emails))
        )
    user = query.get("assignedUserId")
    if user:
        tests.append(lambda lead: str(lead.assigned_user_id) == user)
    if not tests:
        return None
    return lambda lead: all(test(lead) for test in tests)


@dataclass(slots=True)
class Scroll:
    """The leads of a scan in the order of its first page."""

    agent_key: str
    member_id: int
    ids: list[int]
    used: datetime


class Listing:
    """Sorted once per state of an account; a scan keeps the order that it began with."""

    def __init__(self) -> None:
        self._sorted: dict[tuple[Any, ...], list[int]] = {}
        self._windows: dict[tuple[Any, ...], list[Communication]] = {}
        self._of_leads: dict[tuple[Any, ...], dict[int, list[Communication]]] = {}
        self._scrolls: dict[str, Scroll] = {}
        self._number = 0

    # --- leads --------------------------------------------------------------------------------

    def leads(self, account: Account, viewer: Member, query: Query) -> list[int]:
        """The ids that the viewer sees, filtered and sorted. Raises ListingError for a bad sort."""
        sort = query.get("sort") or "Default"
        if sort not in SORTS and sort not in NAMED:
            raise ListingError("INVALID_PARAMETER")
        names = ("stage", "source", "segments", "allTags", "anyTags", "phone", "email", "key",
                 "assignedUserId")  # fmt: skip
        desc = sort == "Default" or (query.get("desc") or "").lower() == "true"
        asked = tuple(query.get(name) for name in names)
        key = (account.agent_key, account.version, viewer.id, sort, desc, asked)
        found = self._sorted.get(key)
        if found is None:
            fits = lead_filter(account, query)
            rows = account.visible(viewer)
            if fits is not None:
                rows = [row for row in rows if fits(row)]
            rows.sort(key=SORTS.get(sort, SORTS["CreateTime"]), reverse=desc)
            found = [row.id for row in rows]
            _keep(self._sorted, key, found)
        return found

    def begin(self, account: Account, viewer: Member, ids: list[int], now: datetime) -> str:
        """Keeps a scan's order; gives the scroll's name."""
        self._number += 1
        name = f"sc{self._number:06d}"
        self._scrolls[name] = Scroll(account.agent_key, viewer.id, ids, now)
        if len(self._scrolls) > SCROLLS:
            del self._scrolls[next(iter(self._scrolls))]
        return name

    def resume(
        self, token: str, account: Account, viewer: Member, now: datetime, idle: timedelta
    ) -> tuple[str, list[int], int]:
        """The scroll of a token: its name, ids and position.

        Raises ListingError for one that is unknown, another user's or was idle too long.
        """
        name, _, position = token.partition(".")
        scroll = self._scrolls.get(name)
        if (
            scroll is None
            or not position.isdecimal()
            or (scroll.agent_key, scroll.member_id) != (account.agent_key, viewer.id)
            or now - scroll.used > idle
        ):
            raise ListingError("INVALID_PARAMETER")
        scroll.used = now
        return name, scroll.ids, int(position)

    # --- communications -----------------------------------------------------------------------

    def communications(
        self,
        account: Account,
        viewer: Member,
        kind: str,
        window: tuple[datetime, datetime],
        *,
        team: bool,
    ) -> list[Communication]:
        """The feed's rows in a window, oldest first."""
        key = (account.agent_key, account.version, viewer.id, kind, window, team)
        found = self._windows.get(key)
        if found is None:
            channel = kind.capitalize()
            found = [
                row
                for row in account.said(*window)
                if (kind == "ALL" or row.channel == channel)
                and (team or row.agent_id == viewer.user_id)
            ]
            _keep(self._windows, key, found)
        return found

    def of_lead(self, account: Account, lead: Lead) -> list[Communication]:
        """What was said with one lead, oldest first."""
        key = (account.agent_key, account.version)
        found = self._of_leads.get(key)
        if found is None:
            found = {}
            for row in account.communications():
                found.setdefault(row.lead_id, []).append(row)
            _keep(self._of_leads, key, found)
        return found.get(lead.id, [])


def _keep(cache: dict[tuple[Any, ...], Any], key: tuple[Any, ...], value: Any) -> None:
    if len(cache) >= KEPT:
        del cache[next(iter(cache))]
    cache[key] = value
