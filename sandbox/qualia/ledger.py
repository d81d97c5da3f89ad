"""An order's money: what each side is charged, and that what comes in goes out to the cent.

Signs of the statement: what a side owes is positive, what it is credited negative; each column
sums to zero with its last line. Received are the loan, the earnest money and the buyer's rest;
paid are the charges to their payees, the seller's payoff and the seller's proceeds.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from sandbox.qualia.model import Order, Row
from sandbox.qualia.office import BROKERAGE, LENDERS, OTHER_AGENCIES
from sandbox.world.compensation import cents

ZERO = Decimal(0)
HEIRS = 296
Line = tuple[str, str | None, Decimal | None, Decimal | None]
LISTING_SIDES = frozenset({"SELLER", "LANDLORD", "DUAL"})
# section, description, payee, dollars of the borrower (low, high), of the seller
FEES: tuple[tuple[str, str, str, tuple[int, int] | None, tuple[int, int] | None], ...] = (
    ("B", "Appraisal fee", "Example Appraisals", (450, 750), None),
    ("B", "Credit report", "Example Appraisals", (35, 90), None),
    ("C", "Title - settlement fee", "{agency}", (300, 600), (300, 600)),
    ("C", "Title - owner's policy", "Model Title Insurance", None, (700, 2200)),
    ("C", "Title - survey", "Mock Surveying", (250, 500), None),
    ("E", "Recording fees", "County Recorder", (60, 190), (20, 60)),
    ("E", "Transfer taxes", "County Treasurer", None, (200, 1800)),
    ("F", "Homeowner's insurance premium", "Sample Insurance Group", (700, 1900), None),
    ("G", "Property taxes", "County Treasurer", (300, 1500), (300, 1500)),
    ("H", "Home warranty fee", "Warranty Co", None, (400, 700)),
    ("H", "HOA transfer", "Sample Homes Association", (50, 200), (50, 200)),
)


@dataclass(slots=True)
class Charge:
    """One line of the closing disclosure; `shares` split it among payees."""

    section: str
    line: int
    description: str
    payee: str
    borrower: Decimal | None
    seller: Decimal | None
    shares: list[tuple[str, str, Decimal, str | None]] = field(default_factory=list)

    @property
    def total(self) -> Decimal:
        """What is paid for it."""
        return (self.borrower or ZERO) + (self.seller or ZERO)


@dataclass(slots=True)
class Money:
    """The whole of an order's money."""

    charges: list[Charge]
    loans: list[tuple[Decimal, Decimal | None]]
    lines: list[Line]
    receipts: list[tuple[Decimal, str | None, str | None]]
    payments: list[tuple[Decimal, str | None]]


def of(order: Order, rng: Random, buyer: str, seller: str, agency: str) -> Money:
    """The money of an order with these parties' names."""
    price = order.purchase_price or ZERO
    earnest = order.earnest or ZERO
    loans = _loans(order, rng, price)
    borrowed = sum((amount for amount, _ in loans), ZERO)
    charges = _charges(order, rng, agency, borrowed)
    by_borrower = sum((c.borrower or ZERO for c in charges), ZERO)
    by_seller = sum((c.seller or ZERO for c in charges), ZERO)
    if order.transaction_type == "REFINANCE":
        payoff = cents(borrowed * Decimal("0.7"))
        rest = borrowed - by_borrower - payoff
        lines: list[Line] = [("Loan amount", None, -borrowed, None)]
        lines += [(c.description, c.payee, c.borrower, c.seller) for c in charges]
        lines += [("Payoff of first mortgage", LENDERS[1], payoff, None)]
        lines += [("Cash to borrower", None, rest, None)]
        receipts: list[tuple[Decimal, str | None, str | None]] = [(borrowed, LENDERS[0], buyer)]
        payments: list[tuple[Decimal, str | None]] = _by_payee(charges)
        payments += [(payoff, LENDERS[1]), (rest, buyer)]
        return Money(charges, loans, lines, receipts, [p for p in payments if p[0]])
    payoff = cents(price * Decimal(rng.randint(0, 55)) / 100) if rng.random() < 0.6 else ZERO
    proceeds = price - by_seller - payoff
    cash = price + by_borrower - earnest - borrowed
    lines = [("Sale price", None, price, -price)]
    lines += [("Earnest money deposit", None, -earnest, None)] if earnest else []
    lines += [("Loan amount", LENDERS[0], -amount, None) for amount, _ in loans]
    lines += [(c.description, c.payee, c.borrower, c.seller) for c in charges]
    if payoff:
        lines.append(("Payoff of first mortgage", LENDERS[1], None, payoff))
    lines.append(("Due from borrower", None, -cash, None))
    lines.append(("Proceeds due to seller", seller, None, proceeds))
    receipts = [(earnest, buyer, buyer)] if earnest else []
    receipts += [(amount, LENDERS[n % len(LENDERS)], buyer) for n, (amount, _) in enumerate(loans)]
    receipts.append((cash, buyer, buyer))
    payments = [*_by_payee(charges), (payoff, LENDERS[1])]
    if "estate" in order.quirks:
        payments += _heirs(proceeds)
    else:
        payments.append((proceeds, seller))
    return Money(charges, loans, lines, receipts, [p for p in payments if p[0]])


def _loans(order: Order, rng: Random, price: Decimal) -> list[tuple[Decimal, Decimal | None]]:
    if order.transaction_type == "REFINANCE":
        return [(Decimal(rng.randint(120, 480) * 1000), Decimal("5.875"))]
    chance = rng.random()
    if not price or chance < 0.2:
        return []
    rate = Decimal(rng.randint(40, 64)) / 8
    if chance < 0.28:
        return [(cents(price * Decimal("0.75")), rate), (cents(price * Decimal("0.1")), None)]
    return [(cents(price * Decimal(rng.choice((75, 80, 90))) / 100), rate)]


def _charges(order: Order, rng: Random, agency: str, borrowed: Decimal) -> list[Charge]:
    rows: list[Charge] = []
    lines: dict[str, int] = {}

    def add(
        section: str, text: str, payee: str, borrower: Decimal | None, seller: Decimal | None
    ) -> Charge:
        lines[section] = lines.get(section, 0) + 1
        # the vendor's own texts have a real dash
        text = text.replace(" - ", " \N{EN DASH} ")
        charge = Charge(section, lines[section], text, payee, borrower, seller)
        rows.append(charge)
        return charge

    sale = order.transaction_type != "REFINANCE"
    if borrowed:
        add("A", "Loan origination fee", LENDERS[0], cents(borrowed / 100), None)
        add("A", "Underwriting fee", LENDERS[0], Decimal(rng.randint(500, 1100)), None)
        add("C", "Title - lender's policy", "Model Title Insurance",
            Decimal(rng.randint(300, 900)), None)  # fmt: skip
        add("F", "Prepaid interest", LENDERS[0], Decimal(rng.randint(5000, 60000)) / 100, None)
    for section, text, payee, borrower, seller in FEES:
        if rng.random() < 0.15:
            continue
        one = Decimal(rng.randint(borrower[0] * 100, borrower[1] * 100)) / 100 if borrower else None
        two = Decimal(rng.randint(seller[0] * 100, seller[1] * 100)) / 100 if seller else None
        if not sale:
            two = None
        if one is not None or two is not None:
            add(section, text, payee.format(agency=agency), one, two)
    if sale:
        for text, payee, amount, shares in _commissions(order, rng):
            add("H", text, payee, None, amount).shares = shares
    return rows


def _commissions(
    order: Order, rng: Random
) -> list[tuple[str, str, Decimal, list[tuple[str, str, Decimal, str | None]]]]:
    """The two sides' commissions; the brokerage's is the deal's gross, shared as the deal says."""
    other = OTHER_AGENCIES[rng.randrange(len(OTHER_AGENCIES))]
    theirs = cents((order.purchase_price or ZERO) * Decimal("0.025"))
    listing, selling = "Commission - listing agency", "Commission - selling agency"
    deal = order.deal
    if deal is None or deal.gross is None:
        return [(listing, other, theirs, []), (selling, other, theirs, [])]
    ours = deal.gross
    shares: list[tuple[str, str, Decimal, str | None]] = []
    referred = [
        p for p in deal.participants if p.role == "REFERRING_AGENT" and p.amount is not None
    ]
    if referred:
        away = sum((p.amount or ZERO for p in referred), ZERO)
        shares = [("AGENCY", BROKERAGE, ours - away, "Commission")]
        shares += [
            ("REFERRAL", p.company or f"{p.first_name} {p.last_name}", p.amount or ZERO, None)
            for p in referred
        ]
    if deal.representation == "DUAL":
        half = cents(ours / 2)
        return [(listing, BROKERAGE, ours - half, []), (selling, BROKERAGE, half, [])]
    if deal.representation in LISTING_SIDES:
        return [(listing, BROKERAGE, ours, shares), (selling, other, theirs, [])]
    return [(listing, other, theirs, []), (selling, BROKERAGE, ours, shares)]


def _by_payee(charges: list[Charge]) -> list[tuple[Decimal, str | None]]:
    sums: dict[tuple[str, str], Decimal] = {}
    for charge in charges:
        # commissions are cheques of their own
        key = (charge.payee, charge.description if "Commission" in charge.description else "")
        sums[key] = sums.get(key, ZERO) + charge.total
    return [(amount, payee) for (payee, _), amount in sums.items()]


def _heirs(proceeds: Decimal) -> list[tuple[Decimal, str | None]]:
    share = cents(proceeds / HEIRS)
    rows: list[tuple[Decimal, str | None]] = [
        (share, f"Heir {number} of the Example Estate") for number in range(1, HEIRS)
    ]
    return [*rows, (proceeds - share * (HEIRS - 1), f"Heir {HEIRS} of the Example Estate")]


def accounting(order: Order, money: Money, rng: Random, buyer: str) -> tuple[list[Row], list[Row]]:
    """Disbursements and receipts as far as the order has come."""
    earnest_at = order.created + timedelta(days=3)
    receipts: list[Row] = []
    payments: list[Row] = []
    if order.disbursed:
        at = order.disbursement_date
        if "reposted" in order.quirks:
            # a wire that bounced before it came
            amount, source, benefit = money.receipts[-1]
            receipts.append({**_receipt(amount, source, benefit, at), "voided": at})
        for number, (amount, source, benefit) in enumerate(money.receipts):
            first = number == 0 and order.earnest
            receipts.append(_receipt(amount, source, benefit, earnest_at if first else at))
        for amount, payee in money.payments:
            if payee == BROKERAGE and "reposted" in order.quirks:
                # a cheque that was lost, voided and written again
                payments.append(_payment(amount, payee, "VOIDED", at, at))
            payments.append(_payment(amount, payee, "POSTED", at, None))
        if not order.quirks and rng.random() < 0.08:
            at_random = rng.randrange(len(payments))
            lost = payments[at_random]
            payments.insert(
                at_random, {**lost, "status": "VOIDED", "voided": order.disbursement_date}
            )
        return payments, receipts
    paid_in = bool(order.earnest) and order.last_activity >= earnest_at
    if paid_in and order.earnest:
        receipts.append(_receipt(order.earnest, buyer, buyer, earnest_at))
    if order.status == "CANCELLED" and paid_in and order.earnest:
        payments.append(_payment(order.earnest, buyer, "POSTED", order.cancelled_date, None))
    elif order.status in ("PENDING", "CLOSED"):
        payments = [_payment(amount, payee, "PENDING", None, None) for amount, payee in
                    money.payments]  # fmt: skip
    return payments, receipts


def _payment(
    amount: Decimal, payee: str | None, status: str, posted: datetime | None, voided: Any
) -> Row:
    return {
        "amount": amount,
        "payeeName": payee,
        "status": status,
        "posted": posted,
        "voided": voided,
    }


def _receipt(
    amount: Decimal, source: str | None, benefit: str | None, posted: datetime | None
) -> Row:
    return {
        "amount": amount,
        "forBenefitOf": benefit,
        "receivedFrom": source,
        "posted": posted,
        "voided": None,
    }
