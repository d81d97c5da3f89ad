"""The blocks of orders as tables: each replaced whole for every order that was read.

A block comes with the traversal of the orders in the same sync. Who needs more than that brought,
because the last sync failed or the orders are not part of this one, reads the orders himself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from pipelines.common.entity import Read, Row
from pipelines.common.errors import ContractBroken, ResourceUnavailable, VendorError
from pipelines.common.reading import Reading
from pipelines.qualia.client import Block, Lack, moment
from pipelines.qualia.cursor import Cursor
from pipelines.qualia.orders import (
    FETCHED,
    MOST_ASKED_AGAIN,
    OVERLAP,
    PAGE,
    REFUSED,
    Fetch,
    Fetched,
    Told,
    with_dates_sent,
)

T = TypeVar("T")
ROWS = 500
Rows = Callable[[Row], Iterator[Row]]
"""The rows of a block from its order, without the order's id."""


def read_block(rows: Rows, *block: str) -> Read:
    """A reader of one block, such as `accounting`, `receipts`.

    Orders of which the block could not be read keep the rows they had, and are asked for again in
    the next sync. It fails if it could be read of none, or if there are too many of them.
    """

    def read(reading: Reading) -> Iterator[Sequence[Row]]:
        seen: dict[str, list[Lack]] = {}

        def look(page: Sequence[Told]) -> None:
            _refuse([told.lacks(block) for told in page], block)
            seen.update((str(t.node.get("id")), found) for t in page if (found := t.lacks(block)))
            _fail(seen, block, some=True)

        fetched = _fetched(reading, look)
        whole: set[str] = set()
        lacking: dict[str, list[Lack]] = {}
        batch: list[Row] = []
        for key, told in fetched.orders():
            if found := told.lacks(block):
                lacking[key] = found
                continue
            whole.add(key)
            batch += [{**row, "orderId": key} for row in rows(told.node)]
            if len(batch) >= ROWS:
                yield batch
                batch = []
        yield batch
        if not whole:
            _refuse(list(lacking.values()), block)
        _fail(lacking, block, some=bool(whole))
        reading.whole(whole | fetched.gone)
        # what could not be read is not gone
        if kept := lacking.keys() | fetched.failed | fetched.hidden:
            reading.seen.add(reading.memory.keys_where(reading.entity.name, "order_id", kept))
        if lacking:
            reading.note = f"{_without(lacking, block)}; their rows stay as they were."
        _finish(reading, fetched, _passing(lacking), complete=fetched.sure)

    return read


def _passing(lacking: Mapping[str, Sequence[Lack]]) -> set[str]:
    """The orders of which the block may come if they are asked for again."""
    return {key for key, lacks in lacking.items() if not all(lack.is_closed for lack in lacks)}


def _refuse(page: Sequence[Sequence[Lack]], block: Block) -> None:
    """Raise if no order of a full page may show the block: then it is closed to this account."""
    if len(page) >= PAGE and all(lacks and all(lack.is_closed for lack in lacks) for lacks in page):
        raise ResourceUnavailable(
            f"Qualia sends no order with its {'.'.join(block)}: this account may not read it.",
            status="not_permitted",
        )


def _fail(lacking: Mapping[str, Sequence[Lack]], block: Block, *, some: bool) -> None:
    """Raise if too many orders came without the block, or, unless `some` came with it, if any."""
    if len(_passing(lacking)) > (MOST_ASKED_AGAIN if some else 0):
        raise VendorError(
            f"{_without(lacking, block)}; their rows stay as they were, and they are read again in "
            f"the next sync."
        )


def _without(lacking: Mapping[str, Sequence[Lack]], block: Block) -> str:
    told = sorted(
        (lack for lacks in lacking.values() for lack in lacks), key=lambda lack: lack.is_closed
    )
    return f"Qualia sent {len(lacking)} orders without their {'.'.join(block)} ({told[0].said})"


def read_agencies(reading: Reading) -> Iterator[Sequence[Row]]:
    """The distinct settlement agencies of the orders; the newest order's copy counts."""
    fetched = _fetched(reading, lambda _page: None)
    newest: dict[str, tuple[str, Row]] = {}
    for order_id, told in fetched.orders():
        agency = _of(dict, told.node.get("settlementAgency"))
        if agency is None:
            continue
        created = moment(told.node.get("createdDate"))
        age = f"{created.isoformat() if created else ''}|{order_id}"
        key = str(agency.get("id"))
        if key not in newest or age > newest[key][0]:
            newest[key] = (age, agency)
    yield [agency for _, agency in newest.values()]
    # an order that could not be read may have one that no other has
    known = fetched.sure and not fetched.failed and not fetched.hidden
    _finish(reading, fetched, set(), complete=known)


def _finish(reading: Reading, fetched: Fetched, again: set[str], *, complete: bool) -> None:
    reading.mode = fetched.mode
    reading.complete = fetched.since is None and complete
    reading.cursor_to = str(Cursor(fetched.until, frozenset(again | fetched.failed)))


def _fetched(reading: Reading, look: Callable[[Sequence[Told]], None]) -> Fetched:
    """What the orders brought in this sync if it is enough, else what is read now.

    `look` sees each page that is read now, and may end the reading.
    """
    refused: ResourceUnavailable | None = reading.handover.get(REFUSED, None)
    if refused is not None:
        raise ResourceUnavailable(refused.sentence, status=refused.status)
    found: Fetched | None = reading.handover.get(FETCHED, None)
    lost = _lost_a_night(reading)
    if found is not None and (found.since is None or (not lost and _covers(found, reading))):
        return found
    fetch = Fetch(reading, nightly=False, whole=lost)
    for page in fetch.run():
        look(page)
    return fetch.fetched


def _covers(found: Fetched, reading: Reading) -> bool:
    cursor, since = Cursor.read(reading.cursor_from), found.since
    return (
        cursor.until is not None
        and since is not None
        and cursor.until - OVERLAP >= since
        and cursor.again <= found.asked
    )


def _lost_a_night(reading: Reading) -> bool:
    """True if a night before this sync was read and the block was not read since.

    What only a night finds comes in no window.
    """
    orders, last = reading.memory.mark("orders"), reading.last
    night = orders.last_probe_at if orders else None
    return night is not None and last is not None and last.started_at < night < reading.now


# -- the rows of each block ------------------------------------------------------------------------


def _numbered(value: Any) -> Iterator[Row]:
    """The objects of a list with their place in it, from 1. Null is an empty list or a gap in one.

    Raises `ContractBroken` for anything else: taken for empty, it would end all rows.
    """
    for position, item in enumerate(_of(list, value) or (), start=1):
        if (row := _of(dict, item)) is not None:
            yield {**row, "position": position}


def _under(value: Any, name: str) -> Any:
    """A member of an object; null has none."""
    holder = _of(dict, value)
    return None if holder is None else holder.get(name)


def _of(kind: type[T], value: Any) -> T | None:
    if value is None or isinstance(value, kind):
        return value
    raise ContractBroken(
        "Qualia sent a block of an order in another shape; compare docs/vendors/qualia.md."
    )


def _amount(value: Any) -> Any:
    """A scalar in the statement, an object with a total in the charges (§3.4)."""
    return value.get("total") if isinstance(value, dict) else value


def disbursements(node: Row) -> Iterator[Row]:
    """Money out, voided and pending lines included."""
    return _numbered(_under(node.get("accounting"), "disbursements"))


def receipts(node: Row) -> Iterator[Row]:
    """Money in."""
    return _numbered(_under(node.get("accounting"), "receipts"))


def charges(node: Row) -> Iterator[Row]:
    """Lines of the closing disclosure with both sides' totals."""
    for row in _numbered(node.get("charges")):
        yield {name: _amount(v) if name.endswith("Amount") else v for name, v in row.items()}


def statement_lines(node: Row) -> Iterator[Row]:
    """Lines of the settlement statement."""
    for row in _numbered(_under(node.get("settlementStatement"), "lines")):
        yield {name: _amount(v) if name.endswith("Amount") else v for name, v in row.items()}


def team(node: Row) -> Iterator[Row]:
    """The staff on the order."""
    return _numbered(node.get("settlementTeam"))


def appointments(node: Row) -> Iterator[Row]:
    """Appointments, with the address of their place."""
    for row in _numbered(node.get("appointments")):
        place = row.pop("place", None)
        yield with_dates_sent({**row, "address": _under(place, "address")}, "start")


def tasks(node: Row) -> Iterator[Row]:
    """Tasks."""
    for row in _numbered(node.get("tasks")):
        yield with_dates_sent(row, "due")


def parties(node: Row) -> Iterator[Row]:
    """Everybody in `contacts`; associates follow their company (§3.5)."""
    contacts = _of(dict, node.get("contacts")) or {}
    for kind, listed in contacts.items():
        if kind == "sourceOfBusiness":
            found = _sources(listed)
        else:
            found = (row for n, item in _counted(listed) for row in _with_associates(item, n))
        for row in found:
            yield {**row, "kind": kind}


def _counted(value: Any) -> Iterator[tuple[str, Row]]:
    return ((str(row.pop("position")), row) for row in _numbered(value))


def _sources(value: Any) -> Iterator[Row]:
    """The source of business, an object or a list of them, with everybody it names."""
    for number, source in _counted(value if isinstance(value, list) else [value]):
        row = {name: source.get(name) for name in ("type", "manualEntry")}
        yield {**row, "partyType": "Source", "position": number}
        if (company := _of(dict, source.get("company"))) is not None:
            yield from _with_associates(company, f"{number}.company")
        for place, person in _counted(source.get("associates")):
            yield _party(person, "OrderAssociate", f"{number}.associate.{place}")
        if (side := _of(dict, source.get("borrowerOrSeller"))) is not None:
            yield _party(side, None, f"{number}.party")
        for place, user in _counted(source.get("users")):
            yield _party(user, "User", f"{number}.user.{place}")


def _with_associates(item: Row, position: str) -> Iterator[Row]:
    associates = item.get("associates")
    yield _party({k: v for k, v in item.items() if k != "associates"}, None, position)
    for place, person in _counted(associates):
        yield _party(person, "OrderAssociate", f"{position}.{place}")


_RENAMED = {"__typename": "partyType", "id": "partyId", "workPhone": "phone"}


def _party(item: Row, kind: str | None, position: str) -> Row:
    row = {_RENAMED.get(name, name): value for name, value in item.items()}
    return {"partyType": kind, **row, "position": position}
