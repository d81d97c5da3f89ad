"""SkySlope for the conformance suite."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any, cast

from pipelines.common.budget import Rate
from pipelines.skyslope.client import SkyslopeSettings
from pipelines.skyslope.source import SKYSLOPE
from sandbox.box import Sandbox
from sandbox.skyslope.books import CLIENT_ID, Books
from sandbox.skyslope.model import File
from tests.sources.rig import ADA, BEN, Case, Change, LateCommit, Row


def settings(box: Sandbox) -> SkyslopeSettings:
    # no limit is published; the suite's is one that few requests fill
    return SkyslopeSettings(base_url=f"{box.url}/skyslope", rates={"default": Rate(4, 10.0, 1)})


def books(box: Sandbox) -> Books:
    return cast(Books, box.books["skyslope"])


# -- what Ada has ----------------------------------------------------------------------------------


def files_of(box: Sandbox, group: str = "CLOSED", *, listing: bool = False) -> list[File]:
    """Ada's files whose deals are in a lifecycle group, oldest first."""
    mine = books(box).visible(ADA, listing=listing)
    return [f for f in mine if f.deal.group == group and f.deal.state and not f.folder_only]


# -- what may happen -------------------------------------------------------------------------------


def edit(name: str, group: str, *, listing: bool = False, **members: Any) -> Change:
    return Change(
        name,
        lambda box: box.mutate(
            {
                "op": "skyslope.edit_file",
                "guid": files_of(box, group, listing=listing)[0].guid,
                "set": members,
            }
        ),
    )


def deal(op: str, group: str, *, listing: bool = False, **fields: Any) -> Change:
    return Change(
        f"{op}_{group.lower()}",
        lambda box: box.mutate(
            {"op": op, "deal_id": files_of(box, group, listing=listing)[0].deal.id, **fields}
        ),
    )


def _remove_user(box: Sandbox) -> tuple[str, Callable[[], object]]:
    gone = books(box).people["Audra"].guid
    return gone, lambda: box.mutate({"op": "skyslope.remove_user", "guid": gone})


CHANGES = (
    edit("edit_a_sale", "CLOSED", salePrice=512345.67),
    edit("edit_a_listing", "CLOSED", listing=True, mlsNumber="MLS-NEW"),
    edit("a_status_never_seen", "CLOSED", status="On the moon"),
    deal("update_deal", "OPEN", price="412345.60", gross="12370.37"),
    deal("close_deal", "OPEN"),
    deal("update_deal", "CLOSED", closing_actual="2026-01-31"),
    Change("add_deal", lambda box: box.mutate({"op": "add_deal", "agent_key": ADA})),
    Change(
        "add_shared_deal",
        lambda box: box.mutate({"op": "add_deal", "agent_key": ADA, "partner_key": BEN}),
    ),
    Change("add_user", lambda box: box.mutate({"op": "skyslope.add_user", "first_name": "Nia"})),
    Change("remove_user", lambda box: _remove_user(box)[1]()),
    # the feed does not tell of it: the monthly reading of the folders does
    Change(
        "delete_file",
        lambda box: box.mutate({"op": "skyslope.delete_file", "guid": files_of(box)[-1].guid}),
        frozenset({"sales"}),
    ),
)


def departure(box: Sandbox) -> tuple[str, str, Callable[[], object]]:
    return "users", *_remove_user(box)


# -- what the truth shows of a row -----------------------------------------------------------------


def _gross(row: Row) -> Any:
    names = ("officeGrossCommission", "officeGrossCommissionOnSale")
    found = next((row["commission"][name] for name in names if name in row["commission"]), None)
    return None if found is None else Decimal(str(found))


def _number(value: Any) -> Decimal | None:
    return None if value is None else Decimal(str(value))


def _referral(row: Row) -> Decimal | None:
    """Under one of two names, by vintage."""
    newer, older = row["commission_referral"] or {}, row["commission"]
    return _number(newer.get("amount") or older.get("referralAmount"))


def _splits(row: Row) -> list[list[str]]:
    return [
        [s["agentGuid"], f"{Decimal(str(s['amount'] or 0)):.2f}"]
        for s in row["commission_splits"] or ()
    ]


SHARED = {
    "office": lambda row: row["office_guid"].lower(),
    "city": lambda row: row["property"]["city"],
    "gross": _gross,
    "listing_side": lambda row: _number(row["commission"]["listingCommissionAmount"]),
}

# the zone of the feed's instants is not known, and it is a replica's
LATE_COMMITS = tuple(
    LateCommit(
        entity,
        timedelta(hours=25),
        edit("newer", "OPEN", listing=listing, mlsNumber="NEWER").play,
        edit("late", "CLOSED", listing=listing, mlsNumber="LATE").play,
    )
    for entity, listing in (("sales", False), ("listings", True))
)

CASE = Case(
    vendor=SKYSLOPE,
    entities=("offices", "users", "checklist_types", "listings", "sales"),
    settings=settings,
    listed="sales",
    path=r"^/api/files\?.*type=sale",
    row_number="salePrice",
    row_text="checklistType",
    broken_key="SkySlope refused the credential (HTTP 401); connect the account again.",
    most_calls=9,
    skip=0,
    # a first reading goes back in windows, of which each is an answer
    first_pages=1,
    changes=CHANGES,
    departure=departure,
    limit=4,
    account_id=lambda _box, _agent: hashlib.sha256(CLIENT_ID.encode()).hexdigest()[:16],
    refusal={"kind": "status", "status": 401, "match": "^/api/"},
    spoil="access_secret",
    row_id="saleGuid",
    reads_again=True,
    load_rows=10,
    methods=frozenset({"GET", "POST"}),
    knows_owner=False,
    shown={
        **{("sales", name): read for name, read in SHARED.items()},
        **{("listings", name): read for name, read in SHARED.items()},
        ("sales", "accepted_on"): lambda row: (
            row["contract_acceptance_date"] or row["contract_accepted_date"]
        ),
        ("sales", "buyers_named"): lambda row: [b["lastName"] for b in row["buyers"]],
        ("sales", "splits"): _splits,
        ("sales", "referral"): _referral,
    },
    late_commits=LATE_COMMITS,
)
