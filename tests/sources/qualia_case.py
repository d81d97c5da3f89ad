"""Qualia for the conformance suite."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any, cast

from pipelines.common.budget import Rate
from pipelines.qualia.client import QualiaSettings
from pipelines.qualia.source import QUALIA
from sandbox.box import Sandbox
from sandbox.qualia.books import Books
from sandbox.qualia.model import Order
from tests.sources.rig import HOUSE, Case, Change, LateCommit, Rig, Row

LIST = r"#ordersList$"


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
    change("edit_company", None, phone="555-0999"),
    change("add_user", None, first_name="Nia", last_name="New", email="nia@example.com"),
    # nothing tells of these before the list of all orders, or everything, is read again
    change("delete_order", late=("orders", "agencies")),
    change("post_disbursement", amount="0.99", silent=True, name="post_silently", late=("orders",)),
)


def departure(box: Sandbox) -> tuple[str, str, Callable[[], object]]:
    gone = paid(box).id
    return "orders", gone, lambda: box.mutate({"op": "qualia.delete_order", "order": gone})


# -- what the truth has as sums --------------------------------------------------------------------


def control(rig: Rig, agent: str) -> Iterator[str]:
    """The counts and sums of each block of each order, and that nothing else is there."""
    truth = rig.box.truth(agent)["qualia"]["control"]["orders"]
    held = blocks(rig, agent)
    for key in sorted(held.keys() - truth.keys()):
        yield f"orders {key} blocks: belong to no order"
    orders = rig.rows("orders", agent)
    for key, wanted in truth.items():
        if key not in orders:
            continue
        found = {**held.get(key, _nothing()), **_own(orders[key])}
        for name, value in wanted.items():
            if value is not None and found[name] != value:
                yield f"orders {key} {name}: {found[name]!r}, in truth {value!r}"
            elif value is None and _count(found[name]):
                yield f"orders {key} {name}: {found[name]!r}, in truth nothing"


def _money(rows: list[Row], name: str = "amount") -> str:
    return f"{sum((row[name] or Decimal(0) for row in rows), Decimal(0)):.2f}"


def _count(found: Any) -> int:
    if isinstance(found, Mapping):
        return int(found["count"]) if "count" in found else sum(found.values())
    return int(found or 0) if not isinstance(found, str) else 1


def _own(order: Row) -> dict[str, Any]:
    """The blocks that are columns of the order."""
    loans = order["loans"] or []
    return {
        "properties": len(order["properties"] or []),
        "loans": {
            "count": len(loans),
            "amount": f"{sum((Decimal(str(loan['amount'])) for loan in loans), Decimal(0)):.2f}",
        },
        "closing_location": order["closing_location"] is not None,
        "settlement_agency": order["settlement_agency_id"],
    }


def _nothing() -> dict[str, Any]:
    return _told(defaultdict(list))


def blocks(rig: Rig, agent: str) -> dict[str, dict[str, Any]]:
    """Per order what the tables of its blocks hold, in the words of the truth."""
    found: dict[str, dict[str, list[Row]]] = defaultdict(lambda: defaultdict(list))
    for entity in rig.case.vendor.entities:
        if entity.grouped_by == "order_id":
            for row in rig.rows(entity.name, agent).values():
                found[row["order_id"]][entity.name].append(row)
    return {key: _told(tables) for key, tables in found.items()}


def _told(tables: Mapping[str, list[Row]]) -> dict[str, Any]:
    out, parties = tables["disbursements"], tables["parties"]
    kinds = (
        "borrowers", "sellers", "lenders", "mortgageBrokerages", "settlementAgencies",
        "titleCompanies", "titleAbstractors", "underwriters", "surveyingFirms",
        "recordingOffices", "taxAuthorities", "otherContacts", "listingAgencies",
        "sellingAgencies",
    )  # fmt: skip
    return {
        "settlement_team": len(tables["settlement_team"]),
        # associates stand behind their company and are not counted
        "contacts": {
            kind: sum(p["kind"] == kind and "." not in p["position"] for p in parties)
            for kind in kinds
        },
        "disbursements": {
            "count": len(out),
            "amount": _money(out),
            **{
                status.lower(): {
                    "count": sum(row["status"] == status for row in out),
                    "amount": _money([row for row in out if row["status"] == status]),
                }
                for status in ("POSTED", "PENDING", "VOIDED")
            },
        },
        "receipts": {
            "count": len(tables["receipts"]),
            "amount": _money(tables["receipts"]),
            "voided": _money([row for row in tables["receipts"] if row["voided"]]),
        },
        "charges": {
            "count": len(tables["charges"]),
            "borrower": _money(tables["charges"], "borrower_amount"),
            "seller": _money(tables["charges"], "seller_amount"),
        },
        "settlement_statement": {
            "count": len(tables["statement_lines"]),
            "borrower": _money(tables["statement_lines"], "borrower_amount"),
            "seller": _money(tables["statement_lines"], "seller_amount"),
        },
        "appointments": len(tables["appointments"]),
        "tasks": {
            "count": len(tables["tasks"]),
            "completed": sum(bool(row["completed"]) for row in tables["tasks"]),
        },
    }


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
    entities=(
        "users", "companies", "orders", "agencies", "disbursements", "receipts", "charges",
        "statement_lines", "settlement_team", "parties", "appointments", "tasks",
    ),
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
    control=control,
    late_commits=LATE_COMMITS,
)  # fmt: skip
