"""Which rows of a table a request asks for: the documented filters of each list (contract §2.3, §4,
§5).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import chain
from typing import Any

from sandbox.http import Query
from sandbox.world.crm.account import Account
from sandbox.world.crm.model import ADMIN, OWNER, Appointment, User
from sandbox.world.crm.switches import Switches
from sandbox.world.crm.tables import FormulaTable, Table

Test = Callable[[Any], bool]
TEXT_SCOPES = (
    "personId", "threadId", "phone", "toNumber", "fromNumber", "sharedInboxId", "groupTextId",
    "participants",
)  # fmt: skip


class BadRequest(ValueError):
    """The vendor's 400; the text is its ``errorMessage``."""


@dataclass(slots=True)
class Selection:
    """A filtered view of a table; ``key`` names the filter so that its count can be kept.

    ``timed`` is a filter by time of somebody who sees all, which depends on this table alone.

    ``stable`` tests look only at what the rows of one pattern of a formula table share (not at ids,
    instants or people): they run once per pattern.
    """

    table: Table[Any]
    key: tuple[Any, ...]
    low: int | None = None
    high: int | None = None
    ids: list[int] | None = None
    person_ids: list[int] | None = None
    updated_from: datetime | None = None
    spans: list[Span] = field(default_factory=list)
    tests: list[Test] = field(default_factory=list)
    stable: list[Test] = field(default_factory=list)
    nothing: bool = False
    timed: bool = False
    _known: dict[int, bool] = field(default_factory=dict)

    @property
    def plain(self) -> bool:
        """Whether every row of the table qualifies."""
        bounded = self.low is not None or self.high is not None
        return (
            not (bounded or self.nothing or self.tests or self.stable or self.spans)
            and self.ids is None
            and self.person_ids is None
        )

    def down(self, below: int | None = None) -> Iterator[int]:
        """Ids that qualify, descending, those under ``below`` only."""
        if self.nothing:
            return iter(())
        high = self.high if below is None else below if self.high is None else min(below, self.high)
        return (i for i in self._candidates(high) if self._fits(i))

    def up(self, above: int | None = None) -> Iterator[int]:
        """Ids that qualify, ascending, those over ``above`` only."""
        if self.nothing:
            return iter(())
        low = (
            self.low
            if above is None
            else above + 1
            if self.low is None
            else max(above + 1, self.low)
        )
        if self.ids is not None or self.person_ids is not None:
            found = [i for i in self._candidates(self.high) if low is None or i >= low]
            return (i for i in reversed(found) if self._fits(i))
        return (
            i
            for i in self.table.ids_up(low)
            if (self.high is None or i < self.high) and self._fits(i)
        )

    def _candidates(self, high: int | None) -> Iterator[int]:
        table = self.table
        if self.ids is not None:
            return iter(self._bounded(sorted(set(self.ids), reverse=True), high))
        if self.person_ids is not None:
            found = {i for person in self.person_ids for i in table.ids_of_person(person)}
            return iter(self._bounded(sorted(found, reverse=True), high))
        if self.updated_from is not None and isinstance(table, FormulaTable):
            floor = table.updated_floor(self.updated_from)
            low = floor if self.low is None else max(floor, self.low)
            early = [
                i for i in table.changed_ids() if i < low and (self.low is None or i >= self.low)
            ]
            return chain(table.ids(low, high), self._bounded(early[::-1], high))
        return table.ids(self.low, high)

    def _bounded(self, ids: list[int], high: int | None) -> list[int]:
        return [
            i for i in ids if (high is None or i < high) and (self.low is None or i >= self.low)
        ]

    def _fits(self, row_id: int) -> bool:
        if not self.tests and not self.spans and not self.stable:
            return self.ids is None or self.table.get(row_id) is not None
        if isinstance(self.table, FormulaTable):
            cheap = self._cheap(self.table, row_id)
            if cheap is not None:
                return cheap
        row = self.table.get(row_id)
        return (
            row is not None
            and all(span.holds(getattr(row, span.name)) for span in self.spans)
            and all(test(row) for test in chain(self.tests, self.stable))
        )

    def _cheap(self, table: FormulaTable[Any], row_id: int) -> bool | None:
        """The answer for an untouched row without making it; None when it must be made."""
        pattern = table.pattern(row_id)
        if pattern is None or self.tests or any(s.name not in INSTANTS for s in self.spans):
            return None
        if self.spans:
            instants, variant = table.instants(row_id), table.variant(pattern)
            for span in self.spans:
                # what never happened to the pattern did not happen to its rows
                if getattr(variant, span.name) is None or not span.holds_seconds(
                    instants[INSTANTS[span.name]]
                ):
                    return False
        known = self._known.get(pattern)
        if known is None:
            variant = table.variant(pattern)
            known = self._known[pattern] = all(test(variant) for test in self.stable)
        return known


INSTANTS = {"created": 0, "updated": 1, "last_activity": 1}
"""Which of an untouched row's two instants each column has."""


class Span:
    """A time filter on one column, with or without its edges."""

    __slots__ = ("_after", "_before", "_high", "_inclusive", "_low", "name")

    def __init__(
        self, name: str, after: datetime | None, before: datetime | None, *, inclusive: bool
    ) -> None:
        self.name = name
        self._after = after
        self._before = before
        self._inclusive = inclusive
        edge = 0 if inclusive else 1
        # whole seconds: rows have no finer precision
        self._low = -math.inf if after is None else math.ceil(after.timestamp())
        if after is not None and after.microsecond == 0:
            self._low += edge
        self._high = math.inf if before is None else math.floor(before.timestamp())
        if before is not None and before.microsecond == 0:
            self._high -= edge

    @property
    def bounds(self) -> tuple[str, float, float]:
        """What it tests, to tell it from another one."""
        return self.name, self._low, self._high

    def holds(self, value: datetime | None) -> bool:
        """Whether an instant is inside; no instant never is."""
        return value is not None and self.holds_seconds(int(value.timestamp()))

    def holds_seconds(self, value: int) -> bool:
        """The same for epoch seconds."""
        return self._low <= value <= self._high


def parse_instant(name: str, text: str) -> datetime:
    """An ISO instant or date, UTC unless it says otherwise. Raises BadRequest."""
    try:
        value = datetime.fromisoformat(text.strip().replace(" ", "+"))
    except ValueError as error:
        raise BadRequest(f"Invalid value for {name}: expected an ISO 8601 date.") from error
    return value if value.tzinfo else value.replace(tzinfo=UTC)


def parse_int(name: str, text: str) -> int:
    """A whole number. Raises BadRequest."""
    try:
        return int(text)
    except ValueError as error:
        raise BadRequest(f"Invalid value for {name}: expected an integer.") from error


def parse_ids(name: str, text: str) -> list[int]:
    """A comma list of whole numbers. Raises BadRequest."""
    return [parse_int(name, part) for part in text.split(",") if part.strip()]


def flag(query: Query, name: str) -> bool:
    """``true``/``1`` in any casing."""
    return (query.get(name) or "").lower() in ("1", "true", "yes")


# filters on what differs between the rows of a pattern
PER_ROW = frozenset(
    {"email", "phone", "threadId", "fromNumber", "toNumber", "dueStart", "dueEnd", "isCompleted"}
)
PAGING = frozenset({"limit", "offset", "next", "fields", "sort"})


def select(
    entity: str, account: Account, viewer: User, query: Query, switches: Switches, now: datetime
) -> Selection:
    """Reads the filters of a request; parameters that the list does not know are ignored, as the
    vendor does.
    """
    table = account.table(entity)
    sent = tuple(sorted((n, *query.all(n)) for n in query.names() if n not in PAGING))
    chosen = Selection(table, (account.id, viewer.id, entity, sent))
    _common(chosen, entity, query, switches)
    _visibility(chosen, entity, account, viewer, query, switches, now)
    for name, make in FILTERS[entity].items():
        value = query.get(name)
        if value is not None and value != "":
            test = make(value)
            if test is not None:
                (chosen.tests if name in PER_ROW else chosen.stable).append(test)
    if entity != "appointments" and query.get("personId"):
        chosen.person_ids = parse_ids("personId", query.get("personId") or "")
    if entity == "people":
        _people(chosen, account, query, switches)
    if entity == "deals":
        _deals(chosen, query)
    if entity == "appointments":
        _appointments(chosen, query)
    if entity == "text_messages":
        scopes = (*TEXT_SCOPES, "id", "ids")
        if not any(query.get(name) for name in scopes):
            raise BadRequest(
                f"At least one of these parameters is required: {', '.join(TEXT_SCOPES)}, id."
            )
    chosen.timed = bool(chosen.spans) and viewer.kind in (OWNER, ADMIN)
    chosen.key = (*chosen.key, *(span.bounds for span in chosen.spans))
    return chosen


def _common(chosen: Selection, entity: str, query: Query, switches: Switches) -> None:
    ids = query.get("id") or query.get("ids")
    if ids:
        chosen.ids = parse_ids("id", ids)
    if query.get("idGreaterThan"):
        chosen.low = parse_int("idGreaterThan", query.get("idGreaterThan") or "") + 1
    if query.get("idLessThan"):
        chosen.high = parse_int("idLessThan", query.get("idLessThan") or "")
    for kind in ("created", "updated"):
        texts = [query.get(f"{kind}{edge}") for edge in ("After", "Before")]
        after, before = (parse_instant(kind, t) if t else None for t in texts)
        if after is None and before is None:
            continue
        mode = switches.mode(f"{kind}_after", entity)
        if mode == "always_empty":
            chosen.nothing = True
        if mode != "ok" or (kind == "updated" and entity == "deals"):
            continue
        chosen.spans.append(Span(kind, after, before, inclusive=switches.inclusive))
        if after is not None and kind == "updated":
            chosen.updated_from = after
        if after is not None and kind == "created":
            floor = chosen.table.created_floor(after)
            if floor is not None:
                chosen.low = floor if chosen.low is None else max(chosen.low, floor)


def _visibility(
    chosen: Selection,
    entity: str,
    account: Account,
    viewer: User,
    query: Query,
    switches: Switches,
    now: datetime,
) -> None:
    if entity == "people":
        if account.unlisted:
            chosen.tests.append(lambda p: p.id not in account.unlisted)
        if any(at > now for at in account.pending.values()):
            chosen.key = (*chosen.key, now)
            chosen.tests.append(lambda p: account.readable(p, now))
    if entity == "appointments":
        user_id = query.get("userId")
        scoped = parse_int("userId", user_id) if user_id else None
        if switches.calendars == "all" and viewer.kind in (OWNER, ADMIN):
            scoped = viewer.id
        chosen.key = (*chosen.key, switches.calendars)
        chosen.tests.append(lambda a: account.sees_appointment(viewer, a, scoped_to=scoped))
        return
    if viewer.kind in (OWNER, ADMIN):
        return
    match entity:
        case "people":
            chosen.stable.append(lambda p: account.sees_person(viewer, p))
        case "deals":
            chosen.tests.append(lambda d: account.sees_deal(viewer, d))
        case _:
            chosen.tests.append(lambda row: account.sees_child(viewer, row))


def _people(chosen: Selection, account: Account, query: Query, switches: Switches) -> None:
    trash = account.trash_id
    stage = (query.get("stage") or "").lower()
    if not flag(query, "includeTrash") and stage != "trash":
        chosen.stable.append(lambda p: p.stage_id != trash)
    if not flag(query, "includeUnclaimed"):
        chosen.stable.append(lambda p: p.claimed is not False)
    if stage:
        wanted = {s.id for s in account.stages.values() if s.name.lower() == stage}
        chosen.stable.append(lambda p: p.stage_id in wanted)
    spans = [query.get(f"lastActivity{edge}") for edge in ("After", "Before")]
    if any(spans):
        after, before = (parse_instant("lastActivity", t) if t else None for t in spans)
        mode = switches.mode("last_activity_after", "people")
        if mode == "always_empty":
            chosen.nothing = True
        elif mode == "ok":
            chosen.spans.append(Span("last_activity", after, before, inclusive=True))
            # an untouched row was last active when it was last changed
            chosen.updated_from = chosen.updated_from or after
    assigned = query.get("assignedTo")
    if assigned:
        chosen.tests.append(lambda p: account.user_name(p.assigned_user_id) == assigned)
    for name in query.names():
        if name.startswith("custom"):
            value = query.get(name) or ""
            chosen.tests.append(_custom_test(name, value))


def _custom_test(name: str, value: str) -> Test:
    low, comma, high = value.partition(",")

    def test(person: Any) -> bool:
        held = person.custom.get(name)
        if held is None:
            return False
        if not comma:
            return str(held) == value
        return (not low or str(held) >= low) and (not high or str(held) <= high)

    return test


def _deals(chosen: Selection, query: Query) -> None:
    status = query.get("status")
    allowed = {"Active"}
    if status:
        allowed = {status.capitalize()}
    if flag(query, "includeArchived"):
        allowed.add("Archived")
    if flag(query, "includeDeleted"):
        allowed.add("Deleted")
    if allowed != {"Active", "Archived", "Deleted"}:
        chosen.tests.append(lambda d: d.status in allowed)
    person = query.get("personId")
    if person:
        wanted = set(parse_ids("personId", person))
        chosen.person_ids = None
        chosen.tests.append(lambda d: bool(wanted & set(d.person_ids)))


def _appointments(chosen: Selection, query: Query) -> None:
    if not flag(query, "includeDeleted"):
        chosen.tests.append(lambda a: not a.deleted)
    start, end = query.get("start"), query.get("end")
    if bool(start) != bool(end):
        raise BadRequest("The start and end parameters must be used together.")
    if start and end:
        first, last = parse_instant("start", start), parse_instant("end", end)
        if last.time() == datetime.min.time() and "T" not in end:
            last += timedelta(days=1)
        chosen.tests.append(lambda a: a.start < last and a.end > first)
    person = query.get("personId")
    if person:
        people = set(parse_ids("personId", person))
        chosen.tests.append(lambda a: any(i.get("personId") in people for i in a.invitees))
    user = query.get("userId")
    if user:
        wanted = parse_int("userId", user)

        def of_user(row: Appointment) -> bool:
            return row.calendar_user_id == wanted or any(
                i.get("userId") == wanted for i in row.invitees
            )

        chosen.tests.append(of_user)


def _equal(attribute: str, *, many: bool = False) -> Callable[[str], Test]:
    def make(value: str) -> Test:
        wanted = set(value.split(",")) if many else {value}
        return lambda row: str(getattr(row, attribute)) in wanted

    return make


def _like(*attributes: str) -> Callable[[str], Test]:
    def make(value: str) -> Test:
        needle = value.lower()
        return lambda row: any(needle in str(getattr(row, a) or "").lower() for a in attributes)

    return make


def _digits(text: str) -> str:
    return "".join(c for c in text if c.isdigit())


def _value_in(attribute: str, name: str) -> Callable[[str], Test]:
    def make(value: str) -> Test:
        wanted = _digits(value) if name == "normalized" else value.lower()
        return lambda row: any(
            str(item.get(name, "")).lower() == wanted for item in getattr(row, attribute)
        )

    return make


def _any_tag(value: str) -> Test:
    wanted = {t.strip().lower() for t in value.split(",")}
    return lambda row: any(t.lower() in wanted for t in row.tags)


def _above(attribute: str, sign: int) -> Callable[[str], Test]:
    def make(value: str) -> Test:
        edge = parse_int(attribute, value)
        return lambda row: (
            getattr(row, attribute) is not None and sign * (getattr(row, attribute) - edge) > 0
        )

    return make


def _call_number(side: str) -> Callable[[str], Test]:
    def make(value: str) -> Test:
        wanted = _digits(value)

        def test(row: Any) -> bool:
            ours = side == ("to" if row.is_incoming else "from")
            if side != "any" and ours:
                return wanted == "5550102001"
            return row.phone is not None and _digits(row.phone) == wanted

        return test

    return make


def _text_number(*attributes: str) -> Callable[[str], Test]:
    def make(value: str) -> Test:
        wanted = _digits(value)
        return lambda row: any(_digits(getattr(row, a)) == wanted for a in attributes)

    return make


def _truth(attribute: str) -> Callable[[str], Test]:
    def make(value: str) -> Test:
        wanted = value.lower() in ("1", "true", "yes")
        return lambda row: (getattr(row, attribute) not in (None, 0, False)) is wanted

    return make


def _due(edge: str) -> Callable[[str], Test]:
    def make(value: str) -> Test:
        wanted = parse_instant(edge, value).date()

        def test(row: Any) -> bool:
            due: date | None = row.due
            return due is not None and (due >= wanted if edge == "dueStart" else due <= wanted)

        return test

    return make


def _never(value: str) -> Test:
    del value
    return lambda row: False


FILTERS: dict[str, dict[str, Callable[[str], Test | None]]] = {
    "people": {
        "name": _like("name"),
        "firstName": _like("first_name"),
        "lastName": _like("last_name"),
        "email": _value_in("emails", "value"),
        "phone": _value_in("phones", "normalized"),
        "source": _equal("source"),
        "assignedUserId": _equal("assigned_user_id"),
        "assignedPondId": _equal("assigned_pond_id"),
        "assignedLenderId": _equal("assigned_lender_id"),
        "contacted": _truth("contacted"),
        "priceAbove": _above("price", 1),
        "priceBelow": _above("price", -1),
        "tags": _any_tag,
    },
    "deals": {
        "userId": lambda value: lambda d: parse_int("userId", value) in d.user_ids,
        "pipelineId": _equal("pipeline_id"),
    },
    "events": {
        "type": _equal("type", many=True),
        "hasProperty": _truth("property"),
        "propertyAddress": lambda value: (
            lambda e: bool(e.property) and value in str(e.property.get("street", ""))
        ),
    },
    "calls": {
        "userId": _equal("user_id"),
        "phone": _call_number("any"),
        "fromNumber": _call_number("from"),
        "toNumber": _call_number("to"),
    },
    "text_messages": {
        "threadId": _equal("thread_id"),
        "phone": _text_number("from_number", "to_number"),
        "fromNumber": _text_number("from_number"),
        "toNumber": _text_number("to_number"),
        "sharedInboxId": _never,
        "groupTextId": _never,
        "participants": _never,
    },
    "appointments": {
        "createdById": _equal("created_by_id"),
        "typeId": _equal("type_id"),
        "outcomeId": _equal("outcome_id"),
    },
    "notes": {"createdById": _equal("created_by_id")},
    "tasks": {
        "assignedUserId": _equal("assigned_user_id"),
        "isCompleted": _truth("completed"),
        "name": _like("name"),
        "type": _equal("type"),
        "dueStart": _due("dueStart"),
        "dueEnd": _due("dueEnd"),
    },
}
