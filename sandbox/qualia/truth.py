"""What a warehouse must hold of the account, told from the orders."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from sandbox.qualia import lists
from sandbox.qualia.lists import at, text
from sandbox.qualia.model import Company, Order, Row

if TYPE_CHECKING:
    from sandbox.qualia.books import Books

ZERO = Decimal(0)
LISTS = (
    "disbursements", "receipts", "charges", "statement_lines", "settlement_team", "parties",
    "appointments", "tasks",
)  # fmt: skip


def of(books: Books) -> Row:
    """`{"entities": {entity: {key: {column: value}}}, "control": {"orders", "totals", "deals"}}`.

    The lists inside orders are entities too, see `lists`. Amounts are strings with two places,
    instants ISO UTC with milliseconds. A block that was null is None under `control`, an empty one
    counts 0.
    """
    orders: dict[str, Row] = {}
    control: dict[str, Row] = {}
    agencies: dict[str, Row] = {}
    inside: dict[str, dict[str, Row]] = {name: {} for name in LISTS}
    for order in books.orders.values():
        rows = books.blocks(order)
        orders[order.id] = {**_order(order), **_own(rows)}
        for entity, key, row in lists.of(order.id, rows, books.switches):
            inside[entity][key] = row
        control[order.id] = _blocks(rows)
        agency = rows["settlementAgency"]
        if agency is not None:
            agencies[agency["id"]] = {
                "name": agency["name"],
                "branch_name": agency["branchName"],
                "email": agency["email"],
                "phone": agency["phone"],
                "fax": agency["fax"],
                "addresses": agency["addresses"],
            }
    return {
        "entities": {
            "orders": orders,
            "companies": {c.id: _company(c) for c in books.office.companies.values()},
            "users": {p.id: {"email": p.email} for p in books.office.people.values()},
            "agencies": agencies,
            **inside,
        },
        "control": {
            "orders": control,
            "totals": _totals(control.values()),
            "deals": {o.id: o.deal.id for o in books.orders.values() if o.deal is not None},
        },
    }


def _order(it: Order) -> Row:
    return {
        "order_number": it.number,
        "status": it.status,
        "transaction_type": it.transaction_type,
        "created_date": at(it.created),
        "estimated_closing": at(it.estimated_closing),
        "close_date": at(it.close_date),
        "disbursement_date": at(it.disbursement_date),
        "cancelled_date": at(it.cancelled_date),
        "external_reference_number": it.external_reference,
        "purchase_price": text(it.purchase_price),
        "earnest_amount": text(it.earnest),
    }


def _own(rows: Row) -> Row:
    """The blocks that an order has as columns; its loans' numbers are not to be stored."""
    agency, accounting, loans = rows["settlementAgency"], rows["accounting"], rows["loans"]
    return {
        "settlement_agency_id": agency and agency["id"],
        "properties": rows["properties"],
        "loans": loans
        and [{"amount": text(it["amount"]), "interestRate": it["interestRate"]} for it in loans],
        "closing_location": rows["closingLocation"],
        "disbursement_accounts": accounting and accounting["disbursementAccounts"],
    }


def _company(it: Company) -> Row:
    return {
        "name": it.name,
        "type": it.type,
        "email": it.email,
        "phone": it.phone,
        "national_license_id": it.national_license,
        "state_license_ids": it.state_licenses,
        "primary_address": it.address,
        "mailing_address": it.mailing_address,
    }


def _count(rows: Any) -> int | None:
    return None if rows is None else len(rows)


def _sum(rows: Iterable[Row], name: str) -> str:
    return str(text(sum((row[name] or ZERO for row in rows), ZERO)))


def _total(rows: Iterable[Row], name: str) -> str:
    return str(text(sum(((row[name] or {"total": ZERO})["total"] for row in rows), ZERO)))


def _blocks(rows: Row) -> Row:
    """Counts and sums of an order's blocks, by the block's raw column."""
    accounting, statement = rows["accounting"], rows["settlementStatement"]
    contacts, charges = rows["contacts"], rows["charges"]
    loans, tasks = rows["loans"], rows["tasks"]
    return {
        "properties": _count(rows["properties"]),
        "loans": None if loans is None else {"count": len(loans), "amount": _sum(loans, "amount")},
        "settlement_team": _count(rows["settlementTeam"]),
        "settlement_agency": None
        if rows["settlementAgency"] is None
        else rows["settlementAgency"]["id"],
        "contacts": None
        if contacts is None
        else {name: len(people) for name, people in contacts.items() if name != "sourceOfBusiness"},
        "disbursements": None if accounting is None else _payments(accounting["disbursements"]),
        "receipts": None
        if accounting is None
        else {
            "count": len(accounting["receipts"]),
            "amount": _sum(accounting["receipts"], "amount"),
            "voided": _sum((r for r in accounting["receipts"] if r["voided"]), "amount"),
        },
        "charges": None
        if charges is None
        else {
            "count": len(charges),
            "borrower": _total(charges, "borrowerAmount"),
            "seller": _total(charges, "sellerAmount"),
        },
        "settlement_statement": None
        if statement is None
        else {
            "count": len(statement["lines"]),
            "borrower": _sum(statement["lines"], "borrowerAmount"),
            "seller": _sum(statement["lines"], "sellerAmount"),
        },
        "closing_location": rows["closingLocation"] is not None,
        "appointments": _count(rows["appointments"]),
        "tasks": None
        if tasks is None
        else {
            "count": len(tasks),
            "completed": sum(task["completed"] is not None for task in tasks),
        },
    }


def _payments(rows: list[Row]) -> Row:
    by_status: Row = {"count": len(rows), "amount": _sum(rows, "amount")}
    for status in ("POSTED", "PENDING", "VOIDED"):
        chosen = [row for row in rows if row["status"] == status]
        by_status[status.lower()] = {"count": len(chosen), "amount": _sum(chosen, "amount")}
    return by_status


def _totals(orders: Iterable[Row]) -> Row:
    """The sums over all orders, the simplest figures to compare a warehouse with."""
    counts: dict[str, int] = {}
    amounts: dict[str, Decimal] = {}

    def add(name: str, count: int | None, amount: str | None = None) -> None:
        counts[name] = counts.get(name, 0) + (count or 0)
        if amount is not None:
            amounts[name] = amounts.get(name, ZERO) + Decimal(amount)

    for order in orders:
        for name in ("properties", "settlement_team", "appointments"):
            add(name, order[name])
        for name in ("loans", "disbursements", "receipts"):
            block = order[name] or {"count": 0, "amount": "0"}
            add(name, block["count"], block["amount"])
        posted = (order["disbursements"] or {}).get("posted") or {"count": 0, "amount": "0"}
        add("disbursements_posted", posted["count"], posted["amount"])
        for name in ("charges", "settlement_statement"):
            block = order[name] or {"count": 0, "borrower": "0", "seller": "0"}
            add(name, block["count"])
            add(f"{name}_borrower", 0, block["borrower"])
            add(f"{name}_seller", 0, block["seller"])
        add("tasks", (order["tasks"] or {"count": 0})["count"])
    return {
        "count": {
            name: n for name, n in counts.items() if not name.endswith(("_borrower", "_seller"))
        },
        "amount": {name: text(amount) for name, amount in amounts.items()},
    }
