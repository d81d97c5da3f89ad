"""What the tests of identity share: what each vendor's records are about, rows of the warehouse."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any, cast

import psycopg2
import psycopg2.extras

from sandbox.box import Sandbox
from sandbox.dotloop.books import Books as DotloopBooks
from sandbox.qualia.books import Books as QualiaBooks
from sandbox.skyslope.books import Books as SkySlopeBooks
from sandbox.world.model import Deal
from tests.sources.rig import ADA

Row = Mapping[str, Any]


def rows_of(database: str, query: str, *values: Any) -> list[Row]:
    """The rows of a query."""
    with closing(psycopg2.connect(database)) as connection:
        cursor = connection.cursor(cursor_factory=psycopg2.extras.RealDictCursor)
        cursor.execute(query, values or None)
        return [dict(row) for row in cursor.fetchall()]


@dataclass(frozen=True)
class Record:
    """A vendor's record: `about` are the ids of deals it may be told to be, None for no deal."""

    vendor: str
    source_id: str
    about: frozenset[str] | None


def skyslope_records(box: Sandbox) -> Iterator[Record]:
    books = cast(SkySlopeBooks, box.books["skyslope"])
    for file in books.files.values():
        yield Record("skyslope", file.guid, frozenset({file.deal.id}))


def dotloop_records(box: Sandbox) -> Iterator[Record]:
    books = cast(DotloopBooks, box.books["dotloop"])
    for loop in books.loops.values():
        now = loop.current
        if loop.merged_into is None:
            yield Record("dotloop", str(loop.id), now and frozenset({now.id}))


def qualia_records(box: Sandbox) -> Iterator[Record]:
    books = cast(QualiaBooks, box.books["qualia"])
    for order in books.orders.values():
        yield Record("qualia", order.id, order.deal and frozenset({order.deal.id}))


def fub_records(box: Sandbox) -> Iterator[Record]:
    for account in box.crm.accounts.values():
        number = box.truth(account.agent_key)["fub"]["account_id"]
        for card in account.deals.rows():
            about = frozenset({card.world_id}) if card.world_id else None
            yield Record("fub", f"{number}:{card.id}", about)


def records(box: Sandbox) -> dict[tuple[str, str], Record]:
    found = (skyslope_records, dotloop_records, qualia_records, fub_records)
    return {(r.vendor, r.source_id): r for records_of in found for r in records_of(box)}


def lost_deal(box: Sandbox) -> Deal:
    """A closed deal of Ada's that reZEN will not show any more, and that three others know."""
    about = Counter(d for r in records(box).values() if r.vendor != "fub" for d in r.about or ())
    mine = box.world.owned_by(box.world.agent_by_key(ADA).id)
    known = [d for d in mine if d.group == "CLOSED" and not d.listing and about[d.id] == 3]
    return min((d for d in known if d.currency == "USD" and d.gross), key=lambda d: d.id)
