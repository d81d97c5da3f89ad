"""Loops of every profile, and which of them became part of another (dotloop.md §3.3, §3.4).

A batch begins at the newest change of the one before it, instead of being counted off: a loop that
changes while the list is read moves to its end and would push another over the edge of a batch.
Once a week everything is read; what is missing then is asked for by itself, and is there, merged
or gone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any
from urllib.parse import urlsplit

import orjson

from pipelines.common.entity import Row
from pipelines.common.errors import ContractBroken, RecordUnavailable, ResourceUnavailable
from pipelines.common.http import Answer
from pipelines.common.moments import as_text, moment
from pipelines.common.reading import Reading
from pipelines.common.rows import row_hash
from pipelines.dotloop.account import profiles_of
from pipelines.dotloop.client import (
    Elsewhere,
    batch,
    data_of,
    granted,
    id_of,
    list_of,
    object_of,
    settings_of,
)

OVERLAP = timedelta(minutes=10)
FULL = timedelta(days=7)
BATCH = 100

ROUNDING = timedelta(seconds=1)
"""Whether a bound is inclusive is not documented; instants have no fractions (§3.3)."""


@dataclass
class _Sight:
    """What one reading saw: keys of loops in all sorts of states, and notes for people."""

    listed: set[str] = field(default_factory=set)
    changed: set[str] = field(default_factory=set)
    gone: set[str] = field(default_factory=set)
    merged: dict[str, str] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def read_loops(reading: Reading) -> Iterator[Sequence[Row]]:
    """Loops with their details, profile by profile."""
    whole = reading.due_for_full(FULL)
    held, unrecorded = _held(reading)
    sight = _Sight(merged=unrecorded)
    open_profiles, closed_profiles = _profiles(reading)
    # a profile that comes back after it was gone is new
    watermarks = {p: held[p] for p in (*open_profiles, *closed_profiles) if p in held}
    for profile in open_profiles:
        newest = None if whole else watermarks.get(profile)
        try:
            for rows in _walk(reading, sight, profile, newest and newest - OVERLAP):
                dated = [at for row in rows if (at := moment(row.get("updated"))) is not None]
                newest = max((*dated, *filter(None, [newest])), default=None)
                yield rows
        except RecordUnavailable:
            sight.refused.append(profile)
            continue
        if newest is not None:
            # a loop that is dated in the future must not stop the profile
            watermarks[profile] = min(newest, reading.now)
    _judge_refusals(reading, sight, open_profiles)
    if whole:
        yield from _reconcile(reading, sight, {*closed_profiles, *sight.refused})
    for name in ("listed", "changed", "gone", "merged"):
        reading.handover.put(f"loops.{name}", getattr(sight, name))
    reading.mode = "full" if whole else "incremental"
    reading.note = " ".join(sight.notes) or None
    reading.cursor_to = _cursor(watermarks, sight.merged)


def read_merged_loops(reading: Reading) -> Iterator[Sequence[Row]]:
    """Old and new ids of loops that this sync found to be part of another; none is ever gone."""
    merged: dict[str, str] = {
        **reading.handover.get("loops.merged", {}),
        **reading.handover.get("participants.merged", {}),
    }
    rows: list[Row] = []
    for key, new in sorted(merged.items()):
        profile, old = key.split("|")
        rows.append({"profileId": profile, "oldLoopId": old, "newLoopId": new})
    yield rows


def loop_url(reading: Reading, key: str) -> str:
    """The address of a loop by its key, `profile|loop`."""
    profile, loop = key.split("|")
    return f"{settings_of(reading).base_url}/profile/{profile}/loop/{loop}"


def merged_into(url: str, key: str) -> str | None:
    """The id of another loop, if the answer about a loop came from that one's address."""
    parts = urlsplit(url).path.split("/")
    if "loop" not in parts[:-1]:
        return None
    found = parts[parts.index("loop") + 1]
    return found if found != key.split("|")[1] else None


def answer_about(reading: Reading, key: str, below: str = "") -> Answer | str:
    """What is said about a loop, or about what is `below` it; the id of another that it is part of.

    Raises `RecordUnavailable` if the loop is gone or not ours.
    """
    try:
        answer = reading.api.get(
            f"{loop_url(reading, key)}{below}", single_record=True, follow=True
        )
    except Elsewhere as moved:
        new = merged_into(moved.location, key)
        if new is None:
            raise
        return new
    return merged_into(answer.url, key) or answer


def loop_of(answer: Answer) -> Row:
    """The loop in an answer. Raises `ContractBroken` if it is no object: that is no deletion."""
    path = urlsplit(answer.url).path
    found = data_of(answer.data, path)
    if not isinstance(found, dict):
        raise ContractBroken(
            f"Dotloop answered {path} with no object; compare docs/vendors/dotloop.md."
        )
    return found


def with_details(reading: Reading, key: str, row: Row) -> Row:
    """A loop that was asked for by itself, with its details, for which it takes another request."""
    details = object_of(reading.api, f"{loop_url(reading, key)}/detail")
    return tidy({**row, "details": details}, key.split("|")[0])


def _held(reading: Reading) -> tuple[dict[str, datetime], dict[str, str]]:
    """What the cursor holds: the newest change seen by profile, and merges not recorded yet."""
    cursor = reading.last.cursor if reading.last else None
    held: Mapping[str, Any] = orjson.loads(cursor) if cursor else {}
    marks = {profile: at for profile, text in held.items() if (at := moment(text)) is not None}
    recorded = reading.memory.keys("merged_loops")
    merged: Mapping[str, str] = held.get("merged", {})
    return marks, {key: new for key, new in merged.items() if key not in recorded}


def _cursor(watermarks: Mapping[str, datetime], merged: Mapping[str, str]) -> str:
    """Merges are kept in it until they are recorded: lists do not show them a second time."""
    held: dict[str, Any] = {profile: as_text(at) for profile, at in watermarks.items()}
    if merged:
        held["merged"] = merged
    return orjson.dumps(held, option=orjson.OPT_SORT_KEYS).decode()


def _profiles(reading: Reading) -> tuple[list[str], list[str]]:
    """Ids of the profiles that are asked for loops, and of those that are closed (§3.2)."""
    rows = [(key, row) for row in profiles_of(reading) if (key := id_of(row)) is not None]
    return (
        [key for key, row in rows if row.get("deactivated") is not True],
        [key for key, row in rows if row.get("deactivated") is True],
    )


def _judge_refusals(reading: Reading, sight: _Sight, asked: Sequence[str]) -> None:
    """A profile may have no right to list loops; an account in which none has cannot be read."""
    if not sight.refused:
        return
    if len(sight.refused) == len(asked):
        raise ResourceUnavailable(
            "Dotloop shows this account no loops of any profile.", status="not_permitted"
        )
    sight.notes.append(f"No loops are shown of the profiles {', '.join(sight.refused)}.")


# -- lists -----------------------------------------------------------------------------------------


def _walk(
    reading: Reading, sight: _Sight, profile: str, since: datetime | None
) -> Iterator[list[Row]]:
    """The loops of a profile that changed at or after `since`, oldest change first.

    If the vendor does not keep to sort or filter, batches are counted off from the first one.
    Raises `RecordUnavailable` if the profile may not list loops.
    """
    floor, number, size, most, keeps_order = since, 1, BATCH, 0, True
    while True:
        rows = _batch(reading, profile, floor, number, size)
        _note(reading, sight, rows)
        yield rows
        most = max(most, len(rows))
        size = granted(most, size)
        if len(rows) < size:
            return
        newest = _newest(rows) if keeps_order and _keeps(rows, floor) else None
        if newest is None and keeps_order:
            keeps_order, floor, number = False, since, 1
            sight.notes.append(f"Dotloop does not list profile {profile} by the last change.")
        elif newest is not None and (floor is None or newest > floor):
            floor, number = newest, 1
        else:
            # more loops of one second than a batch holds
            number += 1


def _keeps(rows: Sequence[Row], floor: datetime | None) -> bool:
    """True if a batch is in the order and within the bound that were asked for."""
    dated = [moment(row.get("updated")) for row in rows]
    known = [at for at in dated if at is not None]
    in_order = all(earlier <= later for earlier, later in pairwise(known))
    return in_order and (floor is None or not known or known[0] >= floor - ROUNDING)


def _newest(rows: Sequence[Row]) -> datetime | None:
    return max((at for row in rows if (at := moment(row.get("updated"))) is not None), default=None)


def _batch(
    reading: Reading, profile: str, floor: datetime | None, number: int, size: int
) -> list[Row]:
    params = [
        *batch(number, size),
        ("sort", "updated:asc"),
        ("include_details", "true"),
    ]
    if floor is not None:
        params.append(("filter", f"updated_min={as_text(floor - ROUNDING)}"))
    url = f"{settings_of(reading).base_url}/profile/{profile}/loop"
    rows = list_of(reading.api, url, params, single_record=True)
    return [tidy(row, profile) for row in rows]


def tidy(row: Row, profile: str) -> Row:
    """The row with the profile that was asked, and its details in one place.

    Sections of older records are beside the fields (§3.3); they are known by their display labels,
    which begin with a capital.
    """
    sections = {k: v for k, v in row.items() if k[:1].isupper() and isinstance(v, dict)}
    fields = {k: v for k, v in row.items() if k not in sections}
    details = fields.get("details")
    if sections and (details is None or isinstance(details, dict)):
        fields["details"] = {**sections, **(details or {})}
    return {**fields, "profileId": profile}


def _note(reading: Reading, sight: _Sight, rows: Sequence[Row]) -> None:
    forms = {f"{row['profileId']}|{key}": row_hash(row) for row in rows if (key := id_of(row))}
    held = reading.memory.hashes("loops", forms)
    sight.listed.update(forms)
    sight.changed.update(key for key, form in forms.items() if held.get(key) != form)
    # also a row that will be refused is there
    reading.seen.add(forms)


# -- what is missing from a whole list -------------------------------------------------------------


def _reconcile(reading: Reading, sight: _Sight, unread: set[str]) -> Iterator[list[Row]]:
    """Ask for each loop that no list showed. Loops of profiles that were not read stay."""
    held = reading.memory.values("loops", "updated")
    kept = {key for key in held if key.split("|")[0] in unread}
    reading.seen.add(kept)
    reading.complete = True
    missing = held.keys() - sight.listed - kept
    if reading.too_few(len(held) - len(missing), len(held)):
        return
    for key, found in reading.parallel(
        lambda key: (key, _ask(reading, key)), sorted(missing | _unexplained(reading, held, sight))
    ):
        if isinstance(found, dict):
            reading.seen.add([key])
            sight.listed.add(key)
            if key not in held or moment(found.get("updated")) != held[key][0]:
                rows = [with_details(reading, key, found)]
                _note(reading, sight, rows)
                yield rows
            continue
        sight.gone.add(key)
        if found is not None:
            sight.merged[key] = found


def _unexplained(reading: Reading, held: Mapping[str, object], sight: _Sight) -> set[str]:
    """Loops that are gone but whose people are held: a sync broke off before it told why."""
    people = {key.rpartition("|")[0] for key in reading.memory.keys("participants")}
    return people - held.keys() - sight.listed - reading.memory.keys("merged_loops")


def _ask(reading: Reading, key: str) -> Row | str | None:
    """The loop, the id of the loop that it became part of, or None if it is gone."""
    try:
        answer = answer_about(reading, key)
    except RecordUnavailable:
        return None
    return answer if isinstance(answer, str) else loop_of(answer)
