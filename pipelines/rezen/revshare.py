"""Revenue share: payments and what is behind them, what is pending, and totals by month (§7).

No field of these answers is proven, so shapes are read tolerantly. Payments with their details
and the pending list are the facts; the totals per tier and agent are control values.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from pipelines.common.entity import Row
from pipelines.common.errors import ContractBroken, RecordUnavailable, ResourceUnavailable
from pipelines.common.reading import Reading
from pipelines.common.records import RecordReader
from pipelines.rezen.client import (
    SLOW_TIMEOUT,
    Page,
    Pager,
    day_of,
    get,
    joined_on,
    listing_of,
    me_of,
    own_id,
    settings_of,
)
from pipelines.rezen.network import TIERS
from pipelines.rezen.windows import Window, filled, month_before, month_of, months, months_back

FULL_WALK = timedelta(days=7)
FINAL_PAYMENTS = frozenset({"PAID", "FAILED"})
_AGENT_NAMES = ("agentYentaId", "contributorYentaId", "yentaId", "agentId", "contributorId")
_AMOUNT_NAMES = ("amount", "totalPayout", "payout", "total")


def _url(reading: Reading, path: str) -> str:
    return f"{settings_of(reading).arrakis_base_url}/revshares/{own_id(reading)}/{path}"


def _pager(
    reading: Reading, path: str, array: str, params: Sequence[tuple[str, str]] = ()
) -> Pager:
    return Pager(reading, _url(reading, path), array, params, timeout=SLOW_TIMEOUT)


def _agent_id(row: Mapping[str, Any]) -> str | None:
    return next((str(row[name]) for name in _AGENT_NAMES if row.get(name)), None)


def contribution(row: Row) -> Row:
    """A contribution whose agent may be nested (`agent.id`, `contributor.id`), made flat."""
    if _agent_id(row) is None:
        for name in ("agent", "contributor"):
            nested = row.get(name)
            if isinstance(nested, Mapping) and nested.get("id"):
                return {**row, "agentYentaId": nested["id"]}
    return row


class RowKeys:
    """Names contributions: by their id, else by agent, deal and tier, counting repeats."""

    def __init__(self) -> None:
        self._repeats: Counter[str] = Counter()

    def of(self, row: Row) -> str:
        """The key of a row within its list."""
        if row.get("id"):
            return str(row["id"])
        parts = (_agent_id(row), row.get("transactionId"), row.get("tier"))
        key = "|".join("" if part is None else str(part) for part in parts)
        self._repeats[key] += 1
        return key if self._repeats[key] == 1 else f"{key}#{self._repeats[key]}"


# -- payments ------------------------------------------------------------------------------------


def _payment_id(row: Mapping[str, Any]) -> str | None:
    names = ("id", "outgoingPaymentId", "paymentId")
    return next((str(row[name]) for name in names if row.get(name)), None)


def read_payments(reading: Reading) -> Iterator[Sequence[Row]]:
    """Payments, newest first; an increment ends at the first page of known, final ones."""
    stored = {
        key: row[0] for key, row in reading.memory.values("revshare_payments", "status").items()
    }
    whole = reading.due_for_full(FULL_WALK)
    changed: set[str] = set()
    pages: list[Page] = []
    for page in _pager(reading, "payments", "payments").pages():
        pages.append(page)
        settled = 0
        for row in page.rows:
            key = _payment_id(row)
            if key is not None and stored.get(key) in FINAL_PAYMENTS:
                settled += 1
            elif key is not None:
                changed.add(key)
        yield page.rows
        if page.more and not whole and settled == len(page.rows):
            break
    listing = listing_of(pages)
    reading.vendor_count = listing.total
    reading.complete = not pages[-1].more and listing.whole
    reading.mode = "full" if reading.complete else "incremental"
    reading.handover.put("revshare_payments.changed", changed)


def read_payment_contributions(reading: Reading) -> Iterator[Sequence[Row]]:
    """What is behind each payment that is new, not final yet, or changed since the last time.

    A contribution that its payment shows no more was withdrawn, as are all of a payment that is
    gone: what stayed would count as paid.
    """

    def detail(key: str) -> list[Row]:
        rows: list[Row] = []
        names = RowKeys()
        pager = replace(_pager(reading, f"payments/{key}", "contributions"), single_record=True)
        try:
            listing = pager.listing()
        except RecordUnavailable as error:
            if error.reason == "missing":
                reading.whole([key])
            raise
        for row in listing.rows:
            flat = contribution(row)
            rows.append({**flat, "paymentId": key, "rowKey": names.of(flat)})
        if listing.whole:
            reading.whole([key])
        return rows

    records = RecordReader(reading, detail, "payments")
    # a payment is handed over whole or not at all, so that half a payment is never taken as read
    yield from records.rows(_payments_to_read(reading))
    records.raise_failures()


def _payments_to_read(reading: Reading) -> list[str]:
    wanted: set[str] = set(reading.handover.get("revshare_payments.changed", set()))
    stored = reading.memory.values("revshare_payments", "status", "_synced_at")
    behind = reading.memory.values("revshare_payment_contributions", "payment_id")
    read = {row[0] for row in behind.values()}
    # of a payment that no list shows any more: its own answer says whether it is gone
    wanted |= read - stored.keys()
    for key, (status, synced_at) in stored.items():
        newer = reading.last is not None and synced_at > reading.last.started_at
        if reading.full or key not in read or status not in FINAL_PAYMENTS or newer:
            wanted.add(key)
    return sorted(wanted)


def read_pending(reading: Reading) -> Iterator[Sequence[Row]]:
    """Everything earned and not yet paid; what has left the list was paid or withdrawn."""
    names = RowKeys()
    rows: dict[str, Row] = {}
    listing = _pager(reading, "payments/pending", "contributions").listing()
    for row in listing.rows:
        flat = contribution(row)
        key = names.of(flat)
        rows[key] = {**flat, "rowKey": key}
    yield list(rows.values())
    reading.vendor_count = listing.total
    reading.complete = listing.whole
    # on the day of a payment the list empties at once; the count above guards it instead
    reading.guarded = False


# -- totals by month -----------------------------------------------------------------------------


def _first_day(reading: Reading) -> date:
    """Where the past begins: the month of joining, but not further back than the setting."""
    earliest = months_back(reading.now.date(), settings_of(reading).revshare_months)
    joined = joined_on(me_of(reading))
    return earliest if joined is None else max(joined, earliest)


def _months_to_read(reading: Reading) -> list[Window]:
    """The current month and the previous one, and back to the last month that held anything."""
    today = reading.now.date()
    first = _first_day(reading)
    if reading.cursor_from is not None:
        held = month_before(date.fromisoformat(reading.cursor_from)).start
        first = max(first, min(held, month_before(today).start))
    return months(min(first, today), today)


def _advance(reading: Reading, month: Window) -> None:
    """Move the cursor to the newest month that held something."""
    day = month.start.isoformat()
    if reading.cursor_to is None or reading.cursor_to < day:
        reading.cursor_to = day


def _in_months(
    reading: Reading, path: str, array: str, params: Sequence[tuple[str, str]], short: list[str]
) -> list[Row]:
    """The rows of a window; a list that came short is noted in `short`."""
    listing = _pager(reading, path, array, params).listing()
    if not listing.whole:
        short.append(path)
    return [contribution(row) for row in listing.rows]


def _end_what_left(reading: Reading, wanted: Sequence[Window], short: Sequence[str] = ()) -> None:
    """A stored row of these months that did not come again is gone, if no list came short."""
    if short:
        reading.note = f"reZEN announced more of {short[0]} than it showed, so nothing was ended."
        return
    reading.whole(month.start for month in wanted)


def _in_window(row: Row, window: Window) -> Row:
    return {
        **row,
        "windowStart": window.start.isoformat(),
        "windowEnd": window.end.isoformat(),
    }


def read_contributions(reading: Reading) -> Iterator[Sequence[Row]]:
    """Contributions per tier. Rows of single deals are asked for at once and put into the month
    of their day; rows that are sums per agent are asked for month by month (§7).
    """
    wanted = _months_to_read(reading)
    short: list[str] = []
    for rows in reading.parallel(
        lambda tier: _tier_contributions(reading, tier, wanted, short), TIERS
    ):
        for row in rows:
            _advance(reading, month_of(date.fromisoformat(row["windowStart"])))
        yield rows
    _end_what_left(reading, wanted, short)


def _tier_contributions(
    reading: Reading, tier: int, wanted: Sequence[Window], short: list[str]
) -> list[Row]:
    def ask(window: Window, *more: tuple[str, str]) -> list[Row]:
        params = (*window.params, *more)
        return _in_months(reading, f"contributions/{tier}", "contributions", params, short)

    def ask_for_missed(window: Window) -> list[Row]:
        # a reZEN that does not know the parameter would answer with the same rows again
        return [row for row in ask(window, ("missed", "true")) if _is_missed(row)]

    # what the tree earned and lost comes only if it is asked for
    whole = Window(wanted[0].start, wanted[-1].end)
    earned, missed = ask(whole), ask_for_missed(whole)
    rows = _once(earned, missed)
    found: dict[str, Row] = {}
    if all(row.get("id") for row in rows):
        for row in rows:
            month = _month_of_row(row) or wanted[-1]
            found[str(row["id"])] = _named(_in_window(row, month), tier, str(row["id"]))
        return list(found.values())
    repeats: Counter[str] = Counter()
    for month in wanted:
        # of a kind that the whole time has none of, no month has one
        parts = ask(month) if earned else [], ask_for_missed(month) if missed else []
        for row in _once(*parts):
            # a sum has no id: its month names it, and a second sum of the agent is told apart
            name = month.start.isoformat() + ("|missed" if _is_missed(row) else "")
            repeats[f"{_agent_id(row)}|{name}"] += 1
            count = repeats[f"{_agent_id(row)}|{name}"]
            key = str(row.get("id") or (name if count == 1 else f"{name}#{count}"))
            found[f"{_agent_id(row)}|{key}"] = _named(_in_window(row, month), tier, key)
    return list(found.values())


def _once(earned: Sequence[Row], missed: Sequence[Row]) -> list[Row]:
    """Both, where the first answer may hold what the second one holds."""
    return [*(row for row in earned if not (missed and _is_missed(row))), *missed]


def _is_missed(row: Row) -> bool:
    flag = row.get("missed")
    return bool(flag) if flag is not None else str(row.get("status") or "").upper() == "MISSED"


def _named(row: Row, tier: int, key: str) -> Row:
    return {**row, "tier": tier, "rowKey": key}


def _month_of_row(row: Row) -> Window | None:
    for name in ("closingDate", "earnedAt"):
        day = day_of(row.get(name))
        if day is not None:
            return month_of(day)
    return None


def read_contributors(reading: Reading) -> Iterator[Sequence[Row]]:
    """What each agent of a tier contributed, month by month."""
    wanted = _months_to_read(reading)
    short: list[str] = []
    for found in reading.parallel(
        lambda tier: _tier_contributors(reading, tier, wanted, short), TIERS
    ):
        for month, rows in found:
            if rows:
                _advance(reading, month)
            yield rows
    _end_what_left(reading, wanted, short)


def _tier_contributors(
    reading: Reading, tier: int, wanted: Sequence[Window], short: list[str]
) -> list[tuple[Window, list[Row]]]:
    def read(window: Window) -> list[Row]:
        path = f"contributors/{tier}"
        rows = _in_months(reading, path, "contributors", window.params, short)
        return [{**_in_window(row, window), "tier": tier} for row in rows]

    return list(filled(wanted, read, lambda rows: not rows))


def read_by_tier(reading: Reading) -> Iterator[Sequence[Row]]:
    """The sum of each tier, month by month."""

    def read(window: Window) -> list[Row]:
        answer = get(reading, _url(reading, "by-tier"), window.params, timeout=SLOW_TIMEOUT)
        return [_in_window(row, window) for row in tier_rows(answer.data)]

    wanted = _months_to_read(reading)
    for month, rows in filled(wanted, read, _all_zero):
        if not _all_zero(rows):
            _advance(reading, month)
        yield rows
    _end_what_left(reading, wanted)


def tier_rows(data: Any) -> list[Row]:
    """Rows with a tier from `{"tiers": […]}`, a bare list or a map from tier to amount."""
    if isinstance(data, Mapping):
        listed = next((v for v in (data.get("tiers"), data.get("results")) if v is not None), None)
        if listed is not None:
            return tier_rows(listed)
        return [{"tier": int(k), "amount": v} for k, v in data.items() if str(k).isdigit()]
    if isinstance(data, list):
        return [row if isinstance(row, dict) else {"value": row} for row in data]
    if data is None:
        return []
    raise ContractBroken("reZEN answered by-tier without tiers; compare docs/vendors/rezen.md.")


def _all_zero(rows: Sequence[Row]) -> bool:
    return all(amount_of(row) in (None, Decimal(0)) for row in rows)


def amount_of(row: Mapping[str, Any]) -> Decimal | None:
    """The amount of a total under any of its names, None if there is none."""
    value = next((row[name] for name in _AMOUNT_NAMES if row.get(name) is not None), None)
    if isinstance(value, Mapping):
        value = value.get("amount")
    try:
        return None if value is None else Decimal(str(value))
    except InvalidOperation:
        return None


def read_history(reading: Reading) -> Iterator[Sequence[Row]]:
    """The sum of each month since the agent joined, in one answer."""
    today = reading.now.date()
    start = joined_on(me_of(reading)) or _first_day(reading)
    window = Window(min(start, today).replace(day=1), month_of(today).end)
    answer = get(reading, _url(reading, "history"), window.params, timeout=SLOW_TIMEOUT)
    yield month_rows(answer.data)
    reading.complete = True


def month_rows(data: Any) -> list[Row]:
    """Rows with a month from `{"history": […]}`, a bare list or a map from month to amount."""
    if isinstance(data, Mapping):
        for name in ("history", "results", "months", "monthlyPayouts", "payouts"):
            if isinstance(data.get(name), list):
                return month_rows(data[name])
        return [{"month": key, "amount": value} for key, value in data.items() if key[:1].isdigit()]
    if isinstance(data, list):
        return [row if isinstance(row, dict) else {"value": row} for row in data]
    if data is None:
        return []
    raise ContractBroken("reZEN answered history without months; compare docs/vendors/rezen.md.")


def read_overview(reading: Reading) -> Iterator[Sequence[Row]]:
    """The two summaries, whole, because their shapes are unknown; one may be missing."""
    arrakis, own = settings_of(reading).arrakis_base_url, own_id(reading)
    urls = {
        "pending": _url(reading, "payments/pending-overview"),
        "current": f"{arrakis}/revshares/performance/{own}/revenue-share/current",
    }
    refused: list[ResourceUnavailable] = []
    rows: list[Row] = []
    for kind, url in urls.items():
        try:
            rows.append({"kind": kind, "body": get(reading, url, timeout=SLOW_TIMEOUT).data})
        except ResourceUnavailable as error:
            refused.append(error)
    if not rows:
        raise refused[0]
    if refused:
        reading.note = refused[0].sentence
    yield rows
