"""Which records a pile of webhooks asks for, and what became of each webhook. Pure functions.

Events come twice, late and in any order. None of that matters here: they only name records, each
record is read once, and what is read is how the vendor shows it now.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from pipelines.common.http import VendorSettings
from pipelines.common.reading import Targets
from pipelines.common.webhooks import Webhooks

if TYPE_CHECKING:
    from brokerage.control.webhooks import Letter
    from pipelines.common.reading import SyncReport

GRACE = timedelta(seconds=60)
"""How long a vendor may not show what it has just made (fub.md: read after create)."""

SOON = timedelta(seconds=5)
"""When what could not be asked for, because somebody else is reading the account, is due again."""

Place = tuple[str, str]
"""A connection and an entity."""


@dataclass
class Work:
    """What to read for one vendor: single records, and entities as in a sync.

    `again` are read by what has changed, `scans` from the beginning; by connection.
    """

    records: dict[str, dict[str, set[str]]] = field(default_factory=dict)
    again: dict[str, set[str]] = field(default_factory=dict)
    scans: dict[str, set[str]] = field(default_factory=dict)

    def targets(self, webhooks: Webhooks) -> Targets:
        """The single records, after that which tells whose credential it is."""
        wanted = {
            connection: {**{name: set[str]() for name in webhooks.first}, **entities}
            for connection, entities in self.records.items()
        }
        return Targets(wanted, webhooks.readers)

    @property
    def count(self) -> int:
        """How many records are asked for one by one."""
        return sum(len(keys) for held in self.records.values() for keys in held.values())


def plan(
    letters: Iterable[Letter],
    webhooks: Webhooks,
    settings: VendorSettings,
    connections: Collection[str],
) -> Work:
    """Each record once, whatever named it. Only `connections` are asked for.

    Entities that a setting switches off are left out. Where an entity is read as a whole anyway, or
    too many of its records are named, it is read as in a sync.
    """
    enabled = {e.name for e in webhooks.vendor.entities if e.enabled(settings)}
    keys: dict[Place, set[str]] = defaultdict(set)
    whole: set[Place] = set()
    for letter in letters:
        if letter.connection_id not in connections:
            continue
        for entity, key, _ in letter.hints:
            if entity not in enabled:
                continue
            if key is None or entity not in webhooks.readers:
                whole.add((letter.connection_id, entity))
            else:
                keys[(letter.connection_id, entity)].add(key)
    work = Work()
    for place, named in sorted(keys.items()):
        connection, entity = place
        if place in whole:
            continue
        if len(named) <= webhooks.most:
            work.records.setdefault(connection, {})[entity] = named
        elif entity in webhooks.scan:
            work.scans.setdefault(connection, set()).add(entity)
        else:
            whole.add(place)
    for connection, entity in sorted(whole):
        work.again.setdefault(connection, set()).add(entity)
    return work


@dataclass
class Outcome:
    """What became of what was asked for, by place: errors, and what to ask for later."""

    failed: dict[Place, str] = field(default_factory=dict)
    failed_keys: dict[Place, Mapping[str, str]] = field(default_factory=dict)
    missing_keys: dict[Place, Collection[str]] = field(default_factory=dict)
    closed: dict[Place, str] = field(default_factory=dict)
    busy: set[str] = field(default_factory=set)
    broken: dict[str, str] = field(default_factory=dict)

    def take(self, report: SyncReport) -> None:
        """Add what a reading came to."""
        self.busy.update(report.busy_accounts)
        self.broken.update(report.broken_accounts)
        for result in report.results:
            place = (result.connection_id, result.entity)
            if result.status == "failed":
                self.failed[place] = result.error or "It failed without saying why."
            elif result.status != "ok":
                self.closed[place] = result.error or result.status.replace("_", " ")
            if result.failed_keys:
                self.failed_keys[place] = result.failed_keys
            if result.missing_keys:
                self.missing_keys[place] = result.missing_keys

    def refuse(self, places: Iterable[Place], sentence: str) -> None:
        """None of these could be asked for."""
        self.failed.update(dict.fromkeys(places, sentence))


@dataclass
class Verdicts:
    """The ids of letters by what becomes of them; those with a sentence are grouped by it."""

    done: list[int] = field(default_factory=list)
    ignored: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    later: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    failed: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))


def judge(
    letters: Sequence[Letter], outcome: Outcome, statuses: Mapping[str, str], now: datetime
) -> Verdicts:
    """What becomes of each letter: the worst of what became of the records that it names.

    Args:
        letters: what was worked on.
        outcome: what the readings came to.
        statuses: the status of every connection that there is.
        now: the time of the readings (UTC), from which a new record's grace is counted.
    """
    verdicts = Verdicts()
    for letter in letters:
        connection, number = letter.connection_id, letter.webhook_id
        status = statuses.get(connection)
        if connection in outcome.broken:
            verdicts.ignored[_repaired_by_sync("needs_reauth")].append(number)
        elif status != "active":
            verdicts.ignored[_repaired_by_sync(status or "gone")].append(number)
        elif connection in outcome.busy:
            verdicts.later["Another run is reading the account."].append(number)
        else:
            _judge_one(letter, outcome, verdicts, now)
    return verdicts


def _repaired_by_sync(status: str) -> str:
    return (
        f"The connection is {status.replace('_', ' ')}: the first sync after it is connected again "
        "reads what has changed."
    )


def _judge_one(letter: Letter, outcome: Outcome, verdicts: Verdicts, now: datetime) -> None:
    number = letter.webhook_id
    failures = [why for hint in letter.hints if (why := _failure(letter, hint, outcome))]
    places = [(letter.connection_id, entity) for entity, _, _ in letter.hints]
    closed = [outcome.closed[place] for place in places if place in outcome.closed]
    if failures:
        verdicts.failed[failures[0]].append(number)
    elif now - letter.received_at < GRACE and any(
        is_new and key in outcome.missing_keys.get((letter.connection_id, entity), ())
        for entity, key, is_new in letter.hints
    ):
        verdicts.later["The vendor does not show yet what it has just made."].append(number)
    elif closed and len(closed) == len(places):
        verdicts.ignored[closed[0]].append(number)
    else:
        verdicts.done.append(number)


def _failure(letter: Letter, hint: tuple[str, str | None, bool], outcome: Outcome) -> str | None:
    entity, key, _ = hint
    place = (letter.connection_id, entity)
    if place in outcome.failed:
        return outcome.failed[place]
    return outcome.failed_keys.get(place, {}).get(key) if key is not None else None
