"""Products, prices, customers, subscriptions and invoices: read by id when an event names them.

Once a day each list is read whole, which finds what no event told and what is gone (stripe.md Sync
strategy). A list is also read whole when that takes fewer requests than its changes by id.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pipelines.common.entity import Row
from pipelines.common.errors import RecordUnavailable
from pipelines.common.reading import Reading
from pipelines.common.records import RecordReader
from pipelines.stripe.client import PAGE, Listing, Params, as_text, id_of, listing, record
from pipelines.stripe.feed import OVERLAP, changed

FULL = timedelta(days=1)


@dataclass(frozen=True)
class Kind:
    """A kind of object: what a list, an event and a single read call it.

    `types` is the pattern of its events, `all` what a list needs to show every object, `expand`
    the parts that are sent only when asked for. If `by_creation`, the list of the newest is read
    each time, whatever the events say.
    """

    path: str
    name: str
    types: str
    all: Params = ()
    expand: tuple[str, ...] = ()
    by_creation: bool = False

    def listing(self, reading: Reading) -> Listing:
        """The list of all objects."""
        expand = (("expand[]", f"data.{part}") for part in self.expand)
        return listing(reading, self.path, (*self.all, *expand))

    def record(self, reading: Reading, key: str) -> Row | None:
        """One object, None if it is gone."""
        expand = [("expand[]", part) for part in self.expand]
        return record(reading, self.path, key, expand)

    def read(self, reading: Reading, key: str) -> list[Row]:
        """One object with all its items. Raises `RecordUnavailable` if it is gone."""
        row = self.record(reading, key)
        if row is None:
            raise RecordUnavailable("The object is gone.", reason="missing")
        return [with_all_items(reading, row)]


PRODUCTS = Kind("products", "product", "product.*")
PRICES = Kind("prices", "price", "price.*", expand=("tiers", "currency_options"))
CUSTOMERS = Kind("customers", "customer", "customer.*", by_creation=True)
SUBSCRIPTIONS = Kind(
    "subscriptions", "subscription", "customer.subscription.*", all=(("status", "all"),)
)
INVOICES = Kind("invoices", "invoice", "invoice.*")


def read_products(reading: Reading) -> Iterator[Sequence[Row]]:
    """Products, those not for sale included."""
    yield from _read(reading, PRODUCTS)


def read_prices(reading: Reading) -> Iterator[Sequence[Row]]:
    """Prices with their tiers and what they are in other currencies."""
    yield from _read(reading, PRICES)


def read_customers(reading: Reading) -> Iterator[Sequence[Row]]:
    """Customers."""
    yield from _read(reading, CUSTOMERS)


def read_subscriptions(reading: Reading) -> Iterator[Sequence[Row]]:
    """Subscriptions in every status, with all their items."""
    yield from _read(reading, SUBSCRIPTIONS)


def read_invoices(reading: Reading) -> Iterator[Sequence[Row]]:
    """Invoices."""
    yield from _read(reading, INVOICES)


def _read(reading: Reading, kind: Kind) -> Iterator[list[Row]]:
    since = reading.cursor_from
    ids = changed(reading, kind.name, kind.types)
    left = set(ids or ())
    whole = ids is None or reading.due_for_full(FULL) or _is_cheaper_whole(reading, len(left))
    listed: Iterator[list[Row]] = iter(())
    if whole:
        listed = kind.listing(reading).pages()
    elif kind.by_creation and since is not None:
        newest = datetime.fromisoformat(since) - OVERLAP
        listed = kind.listing(reading).pages(("created[gte]", as_text(newest)))
    partial: dict[str, Row] = {}
    for rows in listed:
        by_key = {key: row for row in rows if (key := id_of(row)) is not None}
        left -= by_key.keys()
        partial |= {key: row for key, row in by_key.items() if _lacks_items(row)}
        yield [with_all_items(reading, row) for row in rows if id_of(row) not in partial]

    def read(key: str) -> list[Row]:
        row = partial.get(key)
        return kind.read(reading, key) if row is None else [with_all_items(reading, row)]

    # what an event names and a list does not show is asked for itself
    records = RecordReader(reading, read, kind.path)
    yield from records.rows(sorted(left | partial.keys()))
    records.raise_failures()
    reading.gone |= records.missing
    if whole:
        reading.complete = True
        reading.confirm_gone = lambda key: kind.record(reading, key) is None
    reading.mode = "full" if whole else "incremental"


def _is_cheaper_whole(reading: Reading, changes: int) -> bool:
    """True if the list, as large as the warehouse knows it, has fewer pages than changes."""
    return changes > 1 and changes > len(reading.memory.keys(reading.entity.name)) // PAGE + 1


def _lacks_items(row: Row) -> bool:
    """True if more items have to be asked for."""
    items = row.get("items")
    return isinstance(items, dict) and bool(items.get("has_more"))


def with_all_items(reading: Reading, row: Row) -> Row:
    """A subscription with its items as a plain list (§3.3): about ten are sent, the rest is asked.

    One without the items' list is left as it is, to be refused by its model; so is anything else.
    """
    items = row.get("items")
    held = items.get("data") if isinstance(items, dict) else None
    if not isinstance(held, list):
        return row
    if _lacks_items(row):
        wanted = (("subscription", str(row.get("id"))),)
        held = [i for rows in listing(reading, "subscription_items", wanted).pages() for i in rows]
    return {**row, "items": held}
