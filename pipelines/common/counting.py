"""What a vendor counts against what the warehouse holds, without reading a row.

A reader that sees nothing, a path that answers an empty list, a load that lost its rows: all of
these end green. The vendor's own count does not go through any of them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime

import httpx
import psycopg2
from psycopg2 import sql

from pipelines.common.account import Account
from pipelines.common.entity import EVERYTHING, Entity, Vendor
from pipelines.common.errors import VendorError
from pipelines.common.http import CallCounter, VendorHttp, VendorSettings
from pipelines.common.reading import EmptyMemory, Handover, Reading


@dataclass(frozen=True)
class Counted:
    """One part of one list of one account.

    `held` are live rows, `refused` those that the contract refused and that are kept beside the
    table. `told` is None if the vendor could not be asked; `error` says why.
    """

    connection_id: str
    entity: str
    part: str
    told: int | None
    held: int
    refused: int = 0
    error: str | None = None

    @property
    def mismatch(self) -> int:
        """Rows that the vendor has and we do not; negative for rows that are gone there."""
        if self.told is None:
            return 0
        difference = self.told - self.held
        # a refused row is known, and reported by its own check
        return max(0, difference - self.refused) if difference > 0 else difference


def counted_entities(vendor: Vendor, settings: VendorSettings) -> list[Entity]:
    """The entities whose rows the vendor counts."""
    return [e for e in vendor.entities if e.count is not None and e.enabled(settings)]


def count_accounts(
    vendor: Vendor,
    accounts: Sequence[Account],
    *,
    warehouse_url: str,
    settings: VendorSettings,
    entities: Collection[str] | None = None,
    http: VendorHttp | None = None,
) -> list[Counted]:
    """Count every list of every account at the vendor and here; one item per part of a list.

    What the vendor refuses is an item with an error, not an exception. A part of a list that only
    one side knows counts 0 at the other.
    """
    chosen = [
        entity
        for entity in counted_entities(vendor, settings)
        if entities is None or entity.name in entities
    ]
    own_http = http is None
    http = http or VendorHttp(vendor.dialect, settings)
    pages = ThreadPoolExecutor(settings.page_workers, thread_name_prefix="count")
    try:
        asked = [(account, entity) for account in accounts for entity in chosen]
        told = list(pages.map(lambda pair: _ask(pair[0], pair[1], http, settings, pages), asked))
    finally:
        pages.shutdown(wait=True, cancel_futures=True)
        if own_http:
            http.close()
    # counted afterwards: a row that arrives meanwhile is then no row too few
    with psycopg2.connect(warehouse_url) as connection, connection.cursor() as cursor:
        held = {
            (account.connection_id, entity.name): _held(cursor, vendor, account, entity)
            for account, entity in asked
        }
    connection.close()
    return [
        item
        for (account, entity), answer in zip(asked, told, strict=True)
        for item in _compare(account, entity, answer, *held[account.connection_id, entity.name])
    ]


def _ask(
    account: Account,
    entity: Entity,
    http: VendorHttp,
    settings: VendorSettings,
    pages: ThreadPoolExecutor,
) -> Mapping[str, int] | str:
    """The vendor's counts, or the sentence why there are none."""
    if entity.count is None:
        raise ValueError(f"{entity.name} is not counted by its vendor")
    reading = Reading(
        entity=entity,
        api=http.api(account, CallCounter()),
        settings=settings,
        memory=EmptyMemory(),
        handover=Handover(),
        now=datetime.now(UTC),
        full=False,
        pages=pages,
    )
    try:
        return entity.count(reading)
    except VendorError as error:
        return error.sentence
    except (httpx.HTTPError, KeyError, TypeError, ValueError, AttributeError) as error:
        return f"The answer has a shape that is not known ({type(error).__name__})."


def _held(
    cursor: psycopg2.extensions.cursor, vendor: Vendor, account: Account, entity: Entity
) -> tuple[dict[str, int], int]:
    """The live rows by part, and how many rows of the list are refused."""
    part = sql.Identifier("r", entity.counted_by) if entity.counted_by else sql.Literal(EVERYTHING)
    names = {
        "table": sql.Identifier(vendor.schema, entity.name),
        "tombstones": sql.Identifier(vendor.schema, "tombstones"),
        "rejected": sql.Identifier(vendor.schema, "rejected_rows"),
        "part": part,
    }
    cursor.execute(
        sql.SQL(
            "select coalesce({part}::text, 'none'), count(*) from {table} as r"
            " where r.connection_id = %s and not exists ("
            " select 1 from {tombstones} as t where t.connection_id = r.connection_id"
            " and t._key = %s || r._key and t.deleted_at >= r._synced_at) group by 1"
        ).format(**names),
        (account.connection_id, f"{entity.name}|"),
    )
    held = {str(name): int(number) for name, number in cursor.fetchall()}
    cursor.execute(
        sql.SQL(
            "select count(distinct coalesce(b.source_id, b._key)) from {rejected} as b"
            " where b.connection_id = %s and b.entity = %s and not exists ("
            " select 1 from {table} as r where r.connection_id = b.connection_id"
            " and r._key = b.source_id)"
        ).format(**names),
        (account.connection_id, entity.name),
    )
    [refused] = cursor.fetchone() or (0,)
    return held, int(refused)


def _compare(
    account: Account,
    entity: Entity,
    answer: Mapping[str, int] | str,
    held: Mapping[str, int],
    refused: int,
) -> list[Counted]:
    if isinstance(answer, str):
        total = sum(held.values())
        name = (account.connection_id, entity.name, EVERYTHING)
        return [Counted(*name, None, total, refused, answer)]
    parts = sorted({*answer, *held})
    if not entity.counted_by:
        parts = [EVERYTHING]
    return [
        Counted(
            account.connection_id,
            entity.name,
            part,
            answer.get(part, 0),
            held.get(part, 0),
            refused,
        )
        for part in parts
    ]
