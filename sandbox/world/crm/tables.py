"""Where the rows live: in memory one by one, or (for volume) made from their id when somebody
looks.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Generic, Protocol, TypeVar


class Row(Protocol):
    """Anything with an id."""

    @property
    def id(self) -> int:
        """The account's own number."""
        ...


R = TypeVar("R", bound=Row)
LAG = timedelta(days=20)
LAG_SECONDS = int(LAG.total_seconds())


class Table(Generic[R]):
    """Rows by ascending id, indexed by the person they hang on.

    ``version`` counts changes, so that whoever caches a count or a rendering can tell that it is
    stale; ``revision(id)`` is the same for one row. Put a row back after changing it.
    """

    def __init__(
        self, name: str, first_id: int, person_of: Callable[[R], int | None] | None = None
    ) -> None:
        self.name = name
        self.first_id = first_id
        self.version = 0
        self.rendered: dict[tuple[int, str], bytes] = {}
        self.removed: set[int] = set()
        self._person_of = person_of
        self._rows: dict[int, R] = {}
        self._ids: list[int] = []
        self._parent: dict[int, int] = {}
        self._children: dict[int, list[int]] = {}

    def __len__(self) -> int:
        return len(self._ids)

    @property
    def next_id(self) -> int:
        """The id of the next row; ids are never given twice, not even after a deletion."""
        last = self._ids[-1] if self._ids else self.first_id - 1
        return max(last, max(self.removed, default=0)) + 1

    def get(self, row_id: int) -> R | None:
        """The row, or None."""
        return self._rows.get(row_id)

    def put(self, row: R) -> None:
        """Stores a new or changed row."""
        self.version += 1
        if row.id not in self._rows:
            if not self._ids or row.id > self._ids[-1]:
                self._ids.append(row.id)
            else:
                insort(self._ids, row.id)
        self._rows[row.id] = row
        self._forget_rendering(row.id)
        self._index(row)

    def remove(self, row_id: int) -> None:
        """Takes a row away for good."""
        if self._rows.pop(row_id, None) is None:
            return
        self.version += 1
        self.removed.add(row_id)
        del self._ids[bisect_left(self._ids, row_id)]
        self._forget_rendering(row_id)
        self._unindex(row_id)

    def ids(self, low: int | None = None, high: int | None = None) -> Iterator[int]:
        """Ids with ``low <= id < high``, descending."""
        start = 0 if low is None else bisect_left(self._ids, low)
        stop = len(self._ids) if high is None else bisect_left(self._ids, high)
        return (
            reversed(self._ids[start:stop])
            if start or stop < len(self._ids)
            else iter(self._ids[::-1])
        )

    def ids_up(self, low: int | None = None) -> Iterator[int]:
        """Ids from ``low`` on, ascending."""
        return iter(self._ids[0 if low is None else bisect_left(self._ids, low) :])

    def page(self, high: int | None, count: int) -> list[int]:
        """The ``count`` highest ids below ``high``, descending: what an unfiltered keyset page
        needs.
        """
        stop = len(self._ids) if high is None else bisect_left(self._ids, high)
        return self._ids[max(0, stop - count) : stop][::-1]

    def ids_of_person(self, person_id: int) -> list[int]:
        """Ids of the rows that hang on a person, descending."""
        return self._children.get(person_id, [])[::-1]

    def created_floor(self, instant: datetime) -> int | None:
        """An id below which every row is older than ``instant``; None when that is not known."""
        del instant
        return None

    def rows(self) -> Iterator[R]:
        """Every row, ids descending."""
        for row_id in list(self.ids()):
            row = self.get(row_id)
            if row is not None:
                yield row

    def render(self, row_id: int, view: str, make: Callable[[R], bytes]) -> bytes:
        """The row as JSON in a view, from the cache when nothing changed."""
        key = (row_id, view)
        found = self.rendered.get(key)
        if found is None:
            row = self.get(row_id)
            if row is None:
                raise KeyError(f"{self.name} has no row {row_id}")
            found = self.rendered[key] = make(row)
        return found

    def forget_renderings(self) -> None:
        """Drops all cached JSON."""
        self.version += 1
        self.rendered.clear()

    def _forget_rendering(self, row_id: int) -> None:
        for view in ("default", "all", "custom"):
            self.rendered.pop((row_id, view), None)

    def _index(self, row: R) -> None:
        if self._person_of is None:
            return
        person = self._person_of(row) or 0
        old = self._parent.get(row.id)
        if old == person:
            return
        self._unindex(row.id)
        self._parent[row.id] = person
        insort(self._children.setdefault(person, []), row.id)

    def _unindex(self, row_id: int) -> None:
        old = self._parent.pop(row_id, None)
        if old is not None:
            self._children[old].remove(row_id)


class Formula(Generic[R]):
    """How to make row number ``n`` (0-based) of a large table.

    Rows repeat ``variants`` with another id, instants and person; ``stamp(variant, id, created,
    updated, person_id)`` returns the copy. Creation instants rise evenly from ``start``;
    ``updated`` lags behind by less than ``LAG``. ``people`` is (first id, count) of the people rows
    hang on, None for people themselves.
    """

    def __init__(
        self,
        variants: list[R],
        stamp: Callable[[R, int, datetime, datetime, int], R],
        *,
        first_id: int,
        count: int,
        start: datetime,
        end: datetime,
        picker: PersonPicker | None,
    ) -> None:
        self.variants = variants
        self.stamp = stamp
        self.first_id = first_id
        self.count = count
        self.picker = picker
        self._start = int(start.timestamp())
        self._end = int(end.timestamp())
        self._span = max(1, self._end - self._start)

    def created(self, number: int) -> int:
        """Epoch seconds at which row ``number`` was created."""
        return self._start + number * self._span // max(1, self.count)

    def updated(self, number: int) -> int:
        """Epoch seconds of its last change."""
        created = self.created(number)
        lag = (number * 2_654_435_761 >> 7) % LAG_SECONDS if number % 3 == 0 else 0
        # a change that would still be to come did not happen: put at the end instead, a tenth of
        # the youngest rows would all have changed at one moment
        return created + lag if created + lag <= self._end else created

    def variant(self, number: int) -> R:
        """The pattern of row ``number``."""
        return self.variants[number % len(self.variants)]

    def person(self, number: int) -> int:
        """The person row ``number`` hangs on."""
        return self.picker.pick(number) if self.picker else self.first_id + number

    def make(self, number: int) -> R:
        """Row ``number``."""
        created = datetime.fromtimestamp(self.created(number), UTC)
        updated = datetime.fromtimestamp(self.updated(number), UTC)
        return self.stamp(
            self.variant(number), self.first_id + number, created, updated, self.person(number)
        )

    def number_at(self, instant: datetime) -> int:
        """The first row created at ``instant`` or later."""
        seconds = int(instant.timestamp()) - self._start
        if seconds <= 0:
            return 0
        return min(self.count, seconds * self.count // self._span)


class PersonPicker:
    """Spreads ``count`` children over the people whose pattern is in ``slots``, and finds them
    again.

    Person number ``p`` follows pattern ``p % cycle``; child ``n`` belongs to the ``n * step``-th
    eligible person.
    """

    def __init__(
        self, first_id: int, people: int, cycle: int, slots: list[int], count: int
    ) -> None:
        self._first_id = first_id
        self._cycle = cycle
        self._slots = slots
        self._slot_index = {slot: index for index, slot in enumerate(slots)}
        full, rest = divmod(people, cycle)
        self._eligible = full * len(slots) + bisect_left(slots, rest)
        self._count = count
        # a prime that divides no realistic table size: children of one person lie far apart
        self._step = 15_485_863 % self._eligible or 1
        while _gcd(self._step, self._eligible) != 1:
            self._step += 1
        self._inverse = pow(self._step, -1, self._eligible) if self._eligible > 1 else 0

    def pick(self, number: int) -> int:
        """The person id of child ``number``."""
        index = number * self._step % self._eligible
        block, slot = divmod(index, len(self._slots))
        return self._first_id + block * self._cycle + self._slots[slot]

    def children(self, person_id: int) -> range:
        """The numbers of a person's children, ascending."""
        number = person_id - self._first_id
        block, slot = divmod(number, self._cycle)
        place = self._slot_index.get(slot)
        if number < 0 or place is None:
            return range(0)
        index = block * len(self._slots) + place
        if index >= self._eligible:
            return range(0)
        return range(index * self._inverse % self._eligible, self._count, self._eligible)


def _gcd(a: int, b: int) -> int:
    while b:
        a, b = b, a % b
    return a


class FormulaTable(Table[R]):
    """A table whose first ``formula.count`` rows are made on demand; others are kept."""

    def __init__(
        self,
        name: str,
        formula: Formula[R],
        person_of: Callable[[R], int | None] | None = None,
    ) -> None:
        super().__init__(name, formula.first_id, person_of)
        self._formula = formula
        self._stop = formula.first_id + formula.count
        self._gone: list[int] = []
        self._templates: dict[tuple[int, str], bytes] = {}

    def __len__(self) -> int:
        extra = len(self._ids) - bisect_left(self._ids, self._stop)
        return self._formula.count - len(self._gone) + extra

    @property
    def next_id(self) -> int:
        """The id of the next row."""
        return max(super().next_id, self._stop)

    def _made(self, row_id: int) -> bool:
        return self.first_id <= row_id < self._stop and row_id not in self.removed

    def get(self, row_id: int) -> R | None:
        """The row, made now unless it was changed before."""
        found = self._rows.get(row_id)
        if found is None and self._made(row_id):
            return self._formula.make(row_id - self.first_id)
        return found

    def remove(self, row_id: int) -> None:
        """Takes a row away for good."""
        made = self._made(row_id)
        super().remove(row_id)
        if made:
            self.version += 1
            self.removed.add(row_id)
            insort(self._gone, row_id)

    def _extra(self) -> list[int]:
        return self._ids[bisect_left(self._ids, self._stop) :]

    def ids(self, low: int | None = None, high: int | None = None) -> Iterator[int]:
        """Ids with ``low <= id < high``, descending."""
        bottom = self.first_id if low is None else max(low, self.first_id)
        for row_id in reversed(self._extra()):
            if row_id >= bottom and (high is None or row_id < high):
                yield row_id
        top = self._stop if high is None else min(high, self._stop)
        gone = self.removed
        for row_id in range(top - 1, bottom - 1, -1):
            if row_id not in gone:
                yield row_id

    def ids_up(self, low: int | None = None) -> Iterator[int]:
        """Ids from ``low`` on, ascending."""
        bottom = self.first_id if low is None else max(low, self.first_id)
        for row_id in range(bottom, self._stop):
            if row_id not in self.removed:
                yield row_id
        yield from (i for i in self._extra() if i >= bottom)

    def page(self, high: int | None, count: int) -> list[int]:
        """The ``count`` highest ids below ``high``, descending."""
        found: list[int] = []
        for row_id in self.ids(None, high):
            found.append(row_id)
            if len(found) == count:
                break
        return found

    def ids_of_person(self, person_id: int) -> list[int]:
        """Ids of the rows that hang on a person, descending."""
        kept = self._children.get(person_id, [])
        picker = self._formula.picker
        made = [] if picker is None else [self.first_id + n for n in picker.children(person_id)]
        fresh = [i for i in made if i not in self._rows and self._made(i)]
        return sorted([*kept, *fresh], reverse=True)

    def created_floor(self, instant: datetime) -> int | None:
        """An id below which every row is older than ``instant``. Changed rows keep their creation
        instant.
        """
        return self.first_id + self._formula.number_at(instant)

    def updated_floor(self, instant: datetime) -> int:
        """An id below which no untouched row was updated at ``instant`` or later."""
        return self.first_id + self._formula.number_at(instant - LAG)

    def changed_ids(self) -> list[int]:
        """Ids of the made rows that were changed since, ascending."""
        return self._ids[: bisect_right(self._ids, self._stop - 1)]

    def pattern(self, row_id: int) -> int | None:
        """The number of an untouched made row's pattern; None for any other row."""
        if row_id in self._rows or not self._made(row_id):
            return None
        return (row_id - self.first_id) % len(self._formula.variants)

    def variant(self, pattern: int) -> R:
        """The row that a pattern's rows are copies of."""
        return self._formula.variants[pattern]

    def instants(self, row_id: int) -> tuple[int, int]:
        """(created, updated) of an untouched made row in epoch seconds, without making it."""
        number = row_id - self.first_id
        return self._formula.created(number), self._formula.updated(number)

    def forget_renderings(self) -> None:
        """Drops all cached JSON and the templates."""
        super().forget_renderings()
        self._templates.clear()

    def render(self, row_id: int, view: str, make: Callable[[R], bytes]) -> bytes:
        """The row as JSON; untouched rows come from their pattern's template."""
        if row_id in self._rows or not self._made(row_id):
            return super().render(row_id, view, make)
        number = row_id - self.first_id
        formula = self._formula
        pattern = number % len(formula.variants)
        template = self._templates.get((pattern, view))
        if template is None:
            template = self._templates[pattern, view] = _template(formula, pattern, make)
        created, updated = formula.created(number), formula.updated(number)
        return template % {
            b"id": row_id,
            b"created": stamp_of(created),
            b"updated": stamp_of(updated),
            b"person": formula.person(number),
        }


_ID, _PERSON = 987_654_321_987, 987_654_321_123
_CREATED, _UPDATED = (
    datetime(1901, 1, 1, 0, 0, 1, tzinfo=UTC),
    datetime(1901, 1, 1, 0, 0, 2, tzinfo=UTC),
)


def stamp_of(seconds: int) -> bytes:
    """Epoch seconds the way the vendor writes instants."""
    return b"%bZ" % datetime.fromtimestamp(seconds, UTC).isoformat()[:19].encode()


def _template(formula: Formula[R], pattern: int, make: Callable[[R], bytes]) -> bytes:
    """A pattern's JSON with places for what differs from row to row."""
    row = formula.stamp(formula.variants[pattern], _ID, _CREATED, _UPDATED, _PERSON)
    text = make(row).replace(b"%", b"%%")
    for value, name in (
        (str(_ID).encode(), b"%(id)d"),
        (str(_PERSON).encode(), b"%(person)d"),
        (stamp_of(int(_CREATED.timestamp())), b"%(created)b"),
        (stamp_of(int(_UPDATED.timestamp())), b"%(updated)b"),
    ):
        text = text.replace(value, name)
    return text
