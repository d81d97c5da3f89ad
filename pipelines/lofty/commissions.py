"""Commission lines of transactions, which only the transactions of a lead tell (lofty.md §5.3).

A call per lead with a transaction that is new, has changed or is gone; a first or a full reading
takes all leads with transactions. A transaction without a lead tells nobody its commissions.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from pipelines.common.entity import Row
from pipelines.common.errors import ContractBroken, RecordUnavailable
from pipelines.common.reading import Reading
from pipelines.common.records import RecordReader
from pipelines.lofty.account import SIGHT
from pipelines.lofty.client import get, rows_of

NOBODY = (None, "", "0", "-1")


def read_commissions(reading: Reading) -> Iterator[Sequence[Row]]:
    """The lines of all leads that are due."""
    ask = RecordReader(reading, lambda lead: commissions_of(reading, lead), "leads' commissions")
    yield from ask.rows(_due(reading))
    ask.raise_failures()
    reading.mode = "full" if reading.first or reading.full else "changed transactions"


def _due(reading: Reading) -> list[str]:
    deals = reading.memory.values("transactions", "lead_id", "_synced_at")
    lines = reading.memory.values("transaction_commissions", "lead_id", "transaction_id")
    due: set[str | None] = set(reading.handover.get("transactions.changed", set()))
    if reading.first or reading.full:
        due.update(lead for lead, _ in (*deals.values(), *lines.values()))
        return _leads(due)
    there: set[str] = reading.handover.get("transactions.seen", set(deals))
    due.update(lead for lead, deal in lines.values() if deal not in there)
    own, last = reading.last, reading.memory.mark("transactions")
    if own is not None and last is not None and own.started_at < last.started_at:
        # transactions were read without these, or these failed: what was written since is due
        due.update(lead for lead, synced_at in deals.values() if synced_at > own.started_at)
    return _leads(due)


def _leads(due: Iterable[str | None]) -> list[str]:
    return sorted(lead for lead in due if lead not in NOBODY and lead is not None)


def commissions_of(reading: Reading, lead: str) -> list[Row]:
    """The lines of a lead's transactions; what is stored of it beyond them is gone."""
    path = f"v1.0/leads/{lead}/transactions"
    try:
        deals = rows_of(get(reading, path, single_record=True), path, "transactions")
    except RecordUnavailable as error:
        if error.reason == "missing" and SIGHT.is_whole(reading):
            reading.whole([lead])
        raise
    found = [row for deal in deals for row in _lines(deal, lead)]
    if SIGHT.is_whole(reading):
        reading.whole([lead])
    return found


def _lines(deal: Row, lead: str) -> Iterator[Row]:
    told = deal.get("commissions", ())
    if told is None:
        return
    if not isinstance(told, Mapping):
        raise ContractBroken(
            "Lofty answered v1.0/leads/{id}/transactions with a transaction that has no object "
            "'commissions'; compare docs/vendors/lofty.md."
        )
    for part, lines in told.items():
        for line in lines or ():
            yield {
                **line, "part": part, "transactionId": deal.get("transactionId"), "leadId": lead,
            }  # fmt: skip
