"""Members, stages, tags, custom fields and ponds: small lists, read whole each time (§4)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from pipelines.common.entity import Read, Row
from pipelines.common.errors import ContractBroken
from pipelines.common.reading import Reading
from pipelines.lofty.account import SIGHT
from pipelines.lofty.client import (
    PAGE,
    LimitRefused,
    NobodyThere,
    count_of,
    get,
    id_of,
    metadata_of,
    rows_of,
)

SAFE_PAGE = 25
"""The page of members that the vendor itself takes; its maximum is not published (§4.1)."""

Ask = Callable[[int, int, int], list[tuple[str, str]]]
"""The parameters of a page: (rows so far, page number, page size)."""


def bare_list(path: str) -> Read:
    """A reader of a list that comes whole and without an envelope."""

    def read(reading: Reading) -> Iterator[Sequence[Row]]:
        rows = rows_of(get(reading, path), path)
        reading.vendor_count = len(rows)
        yield rows
        reading.complete = SIGHT.is_whole(reading)

    return read


def read_tags(reading: Reading) -> Iterator[Sequence[Row]]:
    """Tags; definitions have no lead (0), the others are applied to one (§4.2)."""
    for rows in bare_list("v1.0/teamFeatures/listTag")(reading):
        yield [{**row, "leadId": row.get("leadId") or 0} for row in rows]


def read_members(reading: Reading) -> Iterator[Sequence[Row]]:
    """Members, a hundred at a time if the vendor allows it."""

    def ask(count: int, _number: int, size: int) -> list[tuple[str, str]]:
        return [("offset", str(count)), ("limit", str(size))]

    try:
        yield from _pages(reading, "v1.0/members", "members", ask, PAGE)
    except LimitRefused:
        yield from _pages(reading, "v1.0/members", "members", ask, SAFE_PAGE)


def read_pipelines(reading: Reading) -> Iterator[Sequence[Row]]:
    """Lead pipelines, which serve as the stages of leads."""

    def ask(_count: int, number: int, size: int) -> list[tuple[str, str]]:
        return [("currPage", str(number)), ("pageSize", str(size))]

    yield from _pages(reading, "v1.0/teamFeatures/lead-pipelines", "pipelines", ask, PAGE)


def _pages(reading: Reading, path: str, noun: str, ask: Ask, size: int) -> Iterator[list[Row]]:
    """All pages, until what the vendor counts is there or a page brings nothing new."""
    seen: set[str] = set()
    number, total = 0, None
    while True:
        try:
            body = get(reading, path, ask(len(seen), number, size))
        except NobodyThere:
            if not seen:
                raise
            # an offset behind the last row is a filter that finds nobody
            break
        rows = rows_of(body, path, noun)
        total = count_of(metadata_of(body).get("total"))
        fresh = {key for row in rows if (key := id_of(row, "id")) is not None} - seen
        yield rows
        if not fresh:
            break
        seen |= fresh
        number += 1
        if total is not None and len(seen) >= total:
            break
    reading.vendor_count = total
    # without a count, a page without anything new is the end
    whole = total is None or len(seen) >= total
    reading.complete = whole and SIGHT.is_whole(reading)


def read_transaction_pipelines(reading: Reading) -> Iterator[Sequence[Row]]:
    """The stages of each kind of transaction, a row per stage."""
    path = "v2.0/transactions/pipelines"
    rows: list[Row] = []
    for pipeline in rows_of(get(reading, path), path, "pipelines"):
        kind, stages = pipeline.get("transactionType"), pipeline.get("stages")
        if not isinstance(stages, list):
            raise ContractBroken(
                f"Lofty answered {path} with a pipeline that has no list 'stages'; compare "
                f"docs/vendors/lofty.md."
            )
        rows += [{**stage, "transactionType": kind} for stage in stages]
    reading.vendor_count = len(rows)
    yield rows
    reading.complete = SIGHT.is_whole(reading)
