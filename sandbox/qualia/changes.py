"""The changes that a test may play on the title company (`qualia.…`); the README has the table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from sandbox.qualia.model import STATUSES, Order, Person, Row, new_id
from sandbox.switches import turn

if TYPE_CHECKING:
    from sandbox.qualia.books import Books

Change = Mapping[str, Any]
# an order's scalars by their raw columns
TEXTS = {
    "status": "status",
    "transaction_type": "transaction_type",
    "external_reference_number": "external_reference",
}
DATES = {
    "estimated_closing": "estimated_closing",
    "close_date": "close_date",
    "disbursement_date": "disbursement_date",
    "cancelled_date": "cancelled_date",
}
AMOUNTS = {"purchase_price": "purchase_price", "earnest_amount": "earnest"}


def play(books: Books, change: Change) -> dict[str, Any]:
    """Plays one change and returns the ids it touched. Raises ValueError for an unknown or
    impossible one.
    """
    op = str(change.get("op", "")).removeprefix("qualia.")
    action = ACTIONS.get(op)
    if action is None:
        raise ValueError(
            f"Unknown change {change.get('op')!r}; known are: "
            f"{', '.join(f'qualia.{name}' for name in sorted(ACTIONS))}."
        )
    return action(books, change)


def _order(books: Books, change: Change) -> Order:
    """By `order` (its id) or `deal_id`; without either the first that went out."""
    if "order" in change:
        found = books.orders.get(str(change["order"]))
    elif "deal_id" in change:
        deal_id = str(change["deal_id"])
        found = next((o for o in books.orders.values() if o.deal and o.deal.id == deal_id), None)
    else:
        found = next((o for o in books.orders.values() if o.disbursed and not o.quirks), None)
    if found is None:
        raise ValueError("There is no such order; give order (its id) or deal_id.")
    return found


def _moved(books: Books, order: Order, change: Change) -> dict[str, Any]:
    """Edits move the order's last activity, unless they are `silent`."""
    if not change.get("silent"):
        order.last_activity = max(books.now, order.last_activity + timedelta(milliseconds=1))
    return {
        "order": order.id,
        "status": order.status,
        "last_activity": order.last_activity.isoformat(timespec="milliseconds"),
    }


def _moment(text: Any) -> datetime | None:
    if text is None:
        return None
    moment = datetime.fromisoformat(str(text))
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


# --- orders -------------------------------------------------------------------------------------


def _add_order(books: Books, change: Change) -> dict[str, Any]:
    price = Decimal(str(change.get("price", "350000")))
    order = books.open_own(books.now, f"added:{len(books.orders)}:{books.version}", price)
    order.external_reference = change.get("external_reference_number")
    books.number()
    return {"order": order.id, "order_number": order.number}


def _edit_order(books: Books, change: Change) -> dict[str, Any]:
    order = _order(books, change)
    values: Mapping[str, Any] = change.get("set", {})
    unknown = sorted(values.keys() - {*TEXTS, *DATES, *AMOUNTS})
    if unknown:
        known = ", ".join((*TEXTS, *DATES, *AMOUNTS))
        raise ValueError(f"An order has no {unknown[0]!r} to set; known are: {known}.")
    if values.get("status", "OPEN") not in STATUSES:
        raise ValueError(f"The schema's statuses are {', '.join(STATUSES)}.")
    attribute: str
    made: Any
    for name, value in values.items():
        if name in DATES:
            attribute, made = DATES[name], _moment(value)
        elif name in AMOUNTS:
            attribute, made = AMOUNTS[name], None if value is None else Decimal(str(value))
        else:
            attribute, made = TEXTS[name], value
        setattr(order, attribute, made)
        order.overrides[attribute] = made
    return _moved(books, order, change)


def _touch(books: Books, change: Change) -> dict[str, Any]:
    return _moved(books, _order(books, change), change)


def _unsettled(books: Books, change: Change) -> Order:
    if "order" in change or "deal_id" in change:
        return _order(books, change)
    found = next((o for o in books.orders.values() if o.status in ("OPEN", "PENDING")), None)
    if found is None:
        raise ValueError("No order is open; add one with qualia.add_order.")
    return found


def _close_order(books: Books, change: Change) -> dict[str, Any]:
    """Closed now; the money goes out a day later, or at once with `disburse`."""
    order = _unsettled(books, change)
    if order.status not in ("OPEN", "PENDING", "ON_HOLD"):
        raise ValueError(f"The order is {order.status}; only an open one can close.")
    now = books.now
    order.status = order.overrides["status"] = "CLOSED"
    order.close_date = order.overrides["close_date"] = now
    if change.get("disburse"):
        order.disbursement_date = order.overrides["disbursement_date"] = now
    else:
        books.plan_disbursement(order, now + timedelta(days=1))
    return _moved(books, order, change)


def _disburse_order(books: Books, change: Change) -> dict[str, Any]:
    order = _order(books, change)
    if order.status != "CLOSED" or order.disbursed:
        raise ValueError("Only a closed order whose money is not out yet can be disbursed.")
    order.disbursement_date = order.overrides["disbursement_date"] = books.now
    return _moved(books, order, change)


def _cancel_order(books: Books, change: Change) -> dict[str, Any]:
    order = _unsettled(books, change)
    order.status = order.overrides["status"] = "CANCELLED"
    order.cancelled_date = order.overrides["cancelled_date"] = books.now
    return _moved(books, order, change)


def _delete_order(books: Books, change: Change) -> dict[str, Any]:
    order = _order(books, change)
    books.forget(order)
    return {"order": order.id}


# --- blocks -------------------------------------------------------------------------------------


def _block(rows: Row, name: str) -> list[Row]:
    if rows.get(name) is None:
        rows[name] = []
    found: list[Row] = rows[name]
    return found


def _accounting(rows: Row, name: str) -> list[Row]:
    if rows["accounting"] is None:
        rows["accounting"] = {"disbursements": [], "disbursementAccounts": [], "receipts": []}
    found: list[Row] = rows["accounting"][name]
    return found


def _patch(
    books: Books, change: Change, order: Order, patch: Callable[[Row], None]
) -> dict[str, Any]:
    order.patches.append(patch)
    try:
        books.blocks(order)
    except (IndexError, KeyError) as error:
        order.patches.remove(patch)
        raise ValueError("The order has no such row to change.") from error
    return _moved(books, order, change)


def _post_disbursement(books: Books, change: Change) -> dict[str, Any]:
    order = _order(books, change)
    row = {
        "amount": Decimal(str(change.get("amount", "125.00"))),
        "payeeName": change.get("payee", "Late Payee LLC"),
        "status": str(change.get("status", "POSTED")),
        "posted": books.now if change.get("status", "POSTED") == "POSTED" else None,
        "voided": None,
    }
    return _patch(
        books, change, order, lambda rows: _accounting(rows, "disbursements").append(dict(row))
    )


def _void_disbursement(books: Books, change: Change) -> dict[str, Any]:
    """The disbursement at `index` is voided; with `repost` written again right behind."""
    order, now = _order(books, change), books.now
    index, again = int(change.get("index", 0)), bool(change.get("repost", False))

    def void(rows: Row) -> None:
        payments = _accounting(rows, "disbursements")
        old = payments[index]
        payments[index] = {**old, "status": "VOIDED", "voided": now}
        if again:
            new = {**old, "status": "POSTED", "posted": now, "voided": None}
            payments.insert(index + 1, new)

    return _patch(books, change, order, void)


def _post_receipt(books: Books, change: Change) -> dict[str, Any]:
    order = _order(books, change)
    row = {
        "amount": Decimal(str(change.get("amount", "500.00"))),
        "forBenefitOf": change.get("for_benefit_of"),
        "receivedFrom": change.get("received_from", "Late Payer"),
        "posted": books.now,
        "voided": None,
    }
    return _patch(
        books, change, order, lambda rows: _accounting(rows, "receipts").append(dict(row))
    )


def _add_charge(books: Books, change: Change) -> dict[str, Any]:
    order = _order(books, change)

    def amount(name: str) -> Row | None:
        return {"total": Decimal(str(change[name]))} if change.get(name) is not None else None

    sides = {"borrowerAmount": amount("borrower"), "sellerAmount": amount("seller")}
    # who alone is paid has the whole of it
    share = {
        "type": "COMPANY",
        "amount": sum((side["total"] for side in sides.values() if side), Decimal(0)),
        "name": change.get("payee"),
        "label": None,
        "address": None,
    }
    row = {
        "section": str(change.get("section", "H")),
        "lineNumber": int(change.get("line", 99)),
        "description": change.get("description", "Late fee"),
        "payeeName": change.get("payee"),
        **sides,
        "payees": [share],
    }
    return _patch(books, change, order, lambda rows: _block(rows, "charges").append(dict(row)))


def _remove_charge(books: Books, change: Change) -> dict[str, Any]:
    order, index = _order(books, change), int(change.get("index", 0))

    def remove(rows: Row) -> None:
        del _block(rows, "charges")[index]

    return _patch(books, change, order, remove)


def _complete_task(books: Books, change: Change) -> dict[str, Any]:
    order, now, index = _order(books, change), books.now, int(change.get("index", 0))

    def complete(rows: Row) -> None:
        tasks = _block(rows, "tasks")
        tasks[index] = {**tasks[index], "completed": None if change.get("undo") else now}

    return _patch(books, change, order, complete)


def _add_task(books: Books, change: Change) -> dict[str, Any]:
    row = {
        "label": str(change.get("label", "Call the seller")),
        "assigneeName": change.get("assignee"),
        "due": _moment(change.get("due")),
        "completed": None,
    }
    order = _order(books, change)
    return _patch(books, change, order, lambda rows: _block(rows, "tasks").append(dict(row)))


def _add_appointment(books: Books, change: Change) -> dict[str, Any]:
    row = {
        "start": _moment(change.get("start")) or books.now + timedelta(days=2),
        "type": change.get("type", "SIGNING"),
        "eventName": str(change.get("name", "Second signing")),
        "guestInstructions": None,
        "duration": int(change.get("duration", 30)),
        "place": None,
    }
    order = _order(books, change)
    return _patch(books, change, order, lambda rows: _block(rows, "appointments").append(dict(row)))


# --- the office ---------------------------------------------------------------------------------


def _add_company(books: Books, change: Change) -> dict[str, Any]:
    name = str(change.get("name", f"New Company {len(books.office.companies)}"))
    company = books.office.add_company(name, change.get("type", "OTHER"), books.now)
    return {"company": company.id}


def _edit_company(books: Books, change: Change) -> dict[str, Any]:
    companies = books.office.companies
    company = companies.get(str(change.get("company", next(iter(companies)))))
    if company is None:
        raise ValueError(f"There is no company {change.get('company')!r}.")
    for name in ("name", "email", "phone"):
        if name in change:
            setattr(company, name, change[name])
    if not change.get("silent"):
        company.touched = books.now
    return {"company": company.id}


def _add_user(books: Books, change: Change) -> dict[str, Any]:
    number = len(books.office.people)
    person = Person(
        id=new_id(f"added user:{number}"),
        first_name=str(change.get("first_name", "New")),
        last_name=str(change.get("last_name", "Closer")),
        email=change.get("email", f"new.closer{number}@title.example.com"),
        phone=None,
        role="Closer",
        role_id="rl2",
    )
    books.office.people[person.id] = person
    return {"user": person.id}


def _revoke_key(books: Books, change: Change) -> dict[str, Any]:
    books.revoked = not change.get("restore")
    return {"revoked": books.revoked}


def _switch(books: Books, change: Change) -> dict[str, Any]:
    from sandbox.qualia.books import CHOICES

    return turn(books.switches, change, CHOICES)


ACTIONS: dict[str, Callable[[Books, Change], dict[str, Any]]] = {
    "add_order": _add_order,
    "edit_order": _edit_order,
    "touch": _touch,
    "close_order": _close_order,
    "disburse_order": _disburse_order,
    "cancel_order": _cancel_order,
    "delete_order": _delete_order,
    "post_disbursement": _post_disbursement,
    "void_disbursement": _void_disbursement,
    "post_receipt": _post_receipt,
    "add_charge": _add_charge,
    "remove_charge": _remove_charge,
    "complete_task": _complete_task,
    "add_task": _add_task,
    "add_appointment": _add_appointment,
    "add_company": _add_company,
    "edit_company": _edit_company,
    "add_user": _add_user,
    "revoke_key": _revoke_key,
    "restore_key": lambda books, change: _revoke_key(books, {**change, "restore": True}),
    "switch": _switch,
}
