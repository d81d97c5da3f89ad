"""Qualia as a vendor: its entities in reading order, and the check of a credential.

Pulls a title company's orders with their money and their people by the Platform API (qualia.md §0,
surface 1). The account is the company's own, one per platform. `qualia_source` runs it alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from dlt.extract import DltSource

from pipelines.alone import source_of
from pipelines.common.account import Identity
from pipelines.common.entity import Entity, Vendor
from pipelines.common.http import Api, VendorSettings
from pipelines.common.model import VendorModel
from pipelines.qualia import blocks, models
from pipelines.qualia.client import DIALECT, QualiaSettings, ask
from pipelines.qualia.directory import read_companies, read_users
from pipelines.qualia.orders import read_orders

# whether the key is refused is found out once, not by several readers at the same moment; the
# orders' query is the best attested one
_ORDERS = ("orders",)
_HELPER = "fields sent by one client library; types assumed, no schema is public"


def _with(block: str) -> Callable[[VendorSettings], bool]:
    """True where a block is asked for (§3.4)."""
    return lambda settings: block not in cast(QualiaSettings, settings).left_out


def _block(
    name: str,
    title: str,
    description: str,
    model: type[VendorModel],
    rows: blocks.Rows,
    *block: str,
    key: tuple[str, ...] = ("order_id", "position"),
    contract: str = "§3.4",
    evidence: str = _HELPER,
) -> Entity:
    """A list inside the orders, as a table of its own."""
    return Entity(
        name=name,
        title=title,
        description=description,
        model=model,
        key=key,
        read=blocks.read_block(rows, *block),
        strategy="incremental",
        contract=contract,
        evidence=evidence,
        depends_on=_ORDERS,
        enabled=_with(block[0]),
        grouped_by="order_id",
    )


ENTITIES = (
    Entity(
        name="orders",
        title="Orders",
        description="Title orders: dates, status, price, property and loans.",
        model=models.Order,
        key=("id",),
        read=read_orders,
        strategy="incremental",
        contract="§3.1-3.4",
        evidence="client library and dashboards in public code; the filter by last activity is a "
        "client library's, and tried out nightly",
        grouped_by="id",
    ),
    Entity(
        name="users",
        title="Users",
        description="Users of the title company's account.",
        model=models.User,
        key=("id",),
        read=read_users,
        strategy="sweep",
        contract="§3.6",
        evidence="observed in public code; only id and e-mail are known",
        depends_on=_ORDERS,
    ),
    Entity(
        name="companies",
        title="Companies",
        description="The title company's address book.",
        model=models.Company,
        key=("id",),
        read=read_companies,
        strategy="incremental",
        contract="§3.6",
        evidence="one client library",
        depends_on=_ORDERS,
    ),
    Entity(
        name="agencies",
        title="Settlement agencies",
        description="The distinct settlement agencies of the orders.",
        model=models.Agency,
        key=("id",),
        read=blocks.read_agencies,
        strategy="incremental",
        contract="§3.4",
        evidence=_HELPER,
        depends_on=_ORDERS,
        enabled=_with("settlementAgency"),
    ),
    _block(
        "disbursements",
        "Disbursements",
        "Money out of each order, voided and pending lines included.",
        models.Disbursement,
        blocks.disbursements,
        "accounting",
        "disbursements",
        evidence="client library; the status comes from dashboards in public code",
    ),
    _block(
        "receipts",
        "Receipts",
        "Money into each order.",
        models.Receipt,
        blocks.receipts,
        "accounting",
        "receipts",
    ),
    _block(
        "charges",
        "Charges",
        "Lines of the closing disclosure of each order.",
        models.Charge,
        blocks.charges,
        "charges",
    ),
    _block(
        "statement_lines",
        "Settlement statement lines",
        "Lines of the settlement statement of each order.",
        models.StatementLine,
        blocks.statement_lines,
        "settlementStatement",
    ),
    _block(
        "settlement_team",
        "Settlement team",
        "Staff of the title company on each order.",
        models.TeamMember,
        blocks.team,
        "settlementTeam",
    ),
    _block(
        "parties",
        "Parties",
        "Borrowers, sellers, companies with their associates, and the source of business of each "
        "order.",
        models.Party,
        blocks.parties,
        "contacts",
        key=("order_id", "kind", "position"),
        contract="§3.5",
    ),
    _block(
        "appointments",
        "Appointments",
        "Closings and other appointments of each order.",
        models.Appointment,
        blocks.appointments,
        "appointments",
    ),
    _block(
        "tasks",
        "Tasks",
        "Tasks of each order.",
        models.Task,
        blocks.tasks,
        "tasks",
    ),
)


def check(api: Api, settings: VendorSettings) -> Identity:
    """Ask for one order, which shows that the key is taken: no call tells whose it is (§1)."""
    ask(api, settings, "filter_probe")
    username = api.account.credentials.get()["username"]
    return Identity(account_source_id=username, label=f"Qualia API user {username}")


QUALIA = Vendor(
    name="qualia",
    title="Qualia",
    dialect=DIALECT,
    entities=ENTITIES,
    settings_type=QualiaSettings,
    check=check,
    credential_names=("username", "api_key"),
    docs="docs/vendors/qualia.md",
)


def qualia_source(username: str, api_key: str, settings: QualiaSettings | None = None) -> DltSource:
    """One title company's Qualia as a plain dlt source; `settings` name its address."""
    return source_of(
        QUALIA, {"username": username, "api_key": api_key}, settings or QualiaSettings()
    )
