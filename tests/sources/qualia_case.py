"""Qualia for the conformance suite."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, cast

from pipelines.common.budget import Rate
from pipelines.qualia.client import QualiaSettings
from pipelines.qualia.source import QUALIA
from sandbox.box import Sandbox
from sandbox.qualia.books import Books
from sandbox.qualia.model import Order
from tests.sources.rig import HOUSE, Case, Change, LateCommit, Row

LIST = r"#ordersList$"
BLOCKS = (
    "disbursements", "receipts", "charges", "statement_lines", "settlement_team", "parties",
    "appointments", "tasks",
)  # fmt: skip


def settings(box: Sandbox) -> QualiaSettings:
    # few enough that a first reading fills some windows
    return QualiaSettings(
        base_url=f"{box.url}/qualia/api/platform/graphql", rates={"default": Rate(8, 10.0, 4)}
    )


def books(box: Sandbox) -> Books:
    return cast(Books, box.books["qualia"])


# -- what the house has ----------------------------------------------------------------------------


def paid(box: Sandbox) -> Order:
    """The first order that was paid out and has no quirk."""
    return next(o for o in books(box).orders.values() if o.disbursed and not o.quirks)


def settled(box: Sandbox, back: int = 1) -> Order:
    """One of the last orders that were paid out: long ago, and no other change hits it."""
    return [o for o in books(box).orders.values() if o.disbursed and not o.quirks][-back]


def unpaid(box: Sandbox) -> Order:
    """The first open order."""
    return next(o for o in books(box).orders.values() if o.status in ("OPEN", "PENDING"))


# -- what may happen -------------------------------------------------------------------------------


def change(
    op: str,
    find: Callable[[Sandbox], Order] | None = paid,
    *,
    name: str | None = None,
    late: tuple[str, ...] = (),
    **fields: Any,
) -> Change:
    def play(box: Sandbox) -> object:
        whose = {} if find is None else {"order": find(box).id}
        return box.mutate({"op": f"qualia.{op}", **whose, **fields})

    return Change(name or op, play, frozenset(late))


CHANGES = (
    change("edit_order", set={"purchase_price": "512345.67"}, name="edit_a_price"),
    change("edit_order", set={"external_reference_number": None}, name="lose_a_reference"),
    change("edit_order", unpaid, set={"estimated_closing": "2026-09-01T17:00:00Z"}, name="redate"),
    change("add_order", None, price="345678.90"),
    change("close_order", unpaid),
    change("post_disbursement", amount="1234.56", payee="Invented Payee LLC", status="POSTED"),
    change("void_disbursement", index=1, repost=True, name="void_and_repost"),
    change("void_disbursement", index=0, name="void"),
    change("post_receipt", amount="7.01", received_from="Somebody", for_benefit_of="Buyer"),
    change("add_charge", section="H", line="99", description="Odd", payee="X", borrower="0.01"),
    change("remove_charge", index=0),
    change("complete_task", index=0, undo=True),
    change("add_task", label="Call back"),
    change("add_appointment", start="2026-07-01T10:00:00Z", type="Signing"),
    change("add_company", None, name="New Title Partner"),
    Change("edit_company", lambda box: box.mutate(
        {"op": "qualia.edit_company", "company": list(books(box).office.companies)[-1],
         "phone": "555-0998"})),
    change("add_user", None, first_name="Nia", last_name="New", email="nia@example.com"),
    # nothing tells of these before the list of all orders, or everything, is read again; that
    # nothing else is late is shown by order (`test_qualia_orders`)
    change("edit_company", None, phone="555-0999", name="edit_a_party", late=("parties",)),
    change("delete_order", settled, late=("orders", *BLOCKS)),
    change("post_disbursement", lambda box: settled(box, 2), amount="0.99", silent=True,
           name="post_silently", late=("disbursements",)),
)  # fmt: skip


def departure(box: Sandbox) -> tuple[str, str, Callable[[], object]]:
    gone = paid(box).id
    return "orders", gone, lambda: box.mutate({"op": "qualia.delete_order", "order": gone})


# -- how a raw value is read -----------------------------------------------------------------------


def flag(name: str) -> Callable[[Row], Any]:
    """Whether it happened, or when: the instant in whatever form it was sent."""

    def read(row: Row) -> Any:
        sent = row[name]
        if sent is None or isinstance(sent, bool):
            return sent
        number = isinstance(sent, int) or sent.isdigit()
        at = datetime.fromtimestamp(int(sent) / 1000, UTC) if number else _utc(sent)
        return at.isoformat(timespec="milliseconds")

    return read


def _utc(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def shares(name: str) -> Callable[[Row], Any]:
    """A list of objects with an amount, a number or text, as text to the cent."""

    def read(row: Row) -> Any:
        sent = row[name]
        return sent and [{**it, "amount": f"{Decimal(str(it['amount'])):.2f}"} for it in sent]

    return read


SHOWN = {
    **{(table, name): flag(name) for table in ("disbursements", "receipts")
       for name in ("posted", "voided")},
    ("tasks", "completed"): flag("completed"),
    ("charges", "payees"): shares("payees"),
    ("orders", "loans"): shares("loans"),
}  # fmt: skip


LATE_COMMITS = tuple(
    LateCommit(entity, timedelta(hours=23), newer.play, late.play)
    for entity, newer, late in (
        ("orders", change("edit_order", unpaid, set={"purchase_price": "500000.00"}),
         change("edit_order", set={"purchase_price": "400000.00"})),
        ("orders", change("add_task", unpaid, label="Newer"),
         change("post_disbursement", amount="2.34", payee="Late Payee LLC", status="POSTED")),
        ("companies", change("add_company", None, name="Newer Partner"),
         change("edit_company", None, phone="555-0888")),
    )
)  # fmt: skip

CASE = Case(
    vendor=QUALIA,
    entities=("orders", "users", "companies", "agencies", *BLOCKS),
    settings=settings,
    listed="orders",
    path=LIST,
    row_number="purchasePrice",
    row_text="transactionType",
    broken_key="Qualia refused the credential (HTTP 403); connect the account again.",
    most_calls=6,
    skip=0,
    changes=CHANGES,
    departure=departure,
    limit=8,
    account_id=lambda box, agent: str(box.account(agent, "qualia")["username"]),
    refusal={"kind": "wrong_password"},
    closed={"kind": "errors", "code": "FORBIDDEN", "message": "Not allowed."},
    agents=(HOUSE,),
    public=frozenset({"username"}),
    first_pages=1,
    reads_again=True,
    methods=frozenset({"POST"}),
    asks="POST",
    knows_owner=False,
    late_commits=LATE_COMMITS,
    shown=SHOWN,
)  # fmt: skip
