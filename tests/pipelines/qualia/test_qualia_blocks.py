"""The rows that blocks become, from the shapes of the contract (qualia.md §3.4, §3.5)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from pipelines.common.errors import ContractBroken
from pipelines.qualia import blocks
from pipelines.qualia.client import Lack
from pipelines.qualia.orders import Told, order_row

Rows = Callable[[dict[str, Any]], Iterator[dict[str, Any]]]

EMPTY: list[Rows] = [
    blocks.disbursements, blocks.receipts, blocks.charges, blocks.statement_lines, blocks.team,
    blocks.parties, blocks.appointments, blocks.tasks,
]  # fmt: skip
NAMES = (
    "accounting", "charges", "settlementStatement", "settlementTeam", "contacts", "appointments",
    "tasks",
)  # fmt: skip


@pytest.mark.parametrize("rows", EMPTY)
def test_a_block_that_is_not_there_has_no_rows(rows: Rows) -> None:
    assert list(rows({})) == []
    assert list(rows(dict.fromkeys(NAMES))) == []
    lists = {name: [] for name in NAMES} | {"accounting": {}, "settlementStatement": {}}
    assert list(rows({**lists, "contacts": {}})) == []


@pytest.mark.parametrize("rows", EMPTY)
@pytest.mark.parametrize("odd", ["text", 7, [[1]], ["a"], True])
def test_a_block_in_another_shape_is_not_taken_for_an_empty_one(rows: Rows, odd: Any) -> None:
    with pytest.raises(ContractBroken, match="another shape"):
        list(rows(dict.fromkeys(NAMES, odd)))


def test_a_place_is_kept_when_a_neighbour_could_not_be_read() -> None:
    node = {"accounting": {"disbursements": [{"amount": "1.00"}, None, {"amount": "3.00"}]}}
    assert list(blocks.disbursements(node)) == [
        {"amount": "1.00", "position": 1},
        {"amount": "3.00", "position": 3},
    ]


def test_a_charge_has_totals_and_a_statement_line_scalars() -> None:
    [charge] = blocks.charges(
        {"charges": [{"section": "C", "borrowerAmount": {"total": "850.00"}, "sellerAmount": None}]}
    )
    assert charge == {
        "section": "C", "borrowerAmount": "850.00", "sellerAmount": None, "position": 1,
    }  # fmt: skip
    [line] = blocks.statement_lines(
        {"settlementStatement": {"lines": [{"borrowerAmount": 501500.0, "sellerAmount": "-1.5"}]}}
    )
    assert line == {"borrowerAmount": 501500.0, "sellerAmount": "-1.5", "position": 1}


def test_an_appointment_has_its_address_and_its_date_as_sent() -> None:
    [row] = blocks.appointments(
        {"appointments": [{"start": "1772409600000", "place": {"address": {"city": "Salem"}}}]}
    )
    assert row == {
        "start": "1772409600000", "position": 1, "address": {"city": "Salem"},
        "datesSent": {"start": "1772409600000"},
    }  # fmt: skip
    [row] = blocks.appointments({"appointments": [{"start": None, "place": None}]})
    assert row["address"] is None


def named(rows: Iterator[dict[str, Any]]) -> dict[tuple[str, str], Any]:
    return {(row["kind"], row["position"]): (row["partyType"], row.get("name")) for row in rows}


COMPANY = {
    "__typename": "OrderCompany", "id": "c1", "name": "Invented Realty LLC",
    "associates": [{"id": "a1", "workPhone": "555-0100"}, {"id": "a2", "workPhone": None}],
}  # fmt: skip


def test_parties_are_people_organizations_companies_and_their_associates() -> None:
    contacts = {
        "borrowers": [
            {"__typename": "Individual", "firstName": "Robin"},
            {"__typename": "Organization", "name": "Example Trust"},
        ],
        "sellers": None,
        "listingAgencies": [COMPANY],
        "lenders": [],
        "sourceOfBusiness": None,
    }
    rows = list(blocks.parties({"contacts": contacts}))
    assert named(iter(rows)) == {
        ("borrowers", "1"): ("Individual", None),
        ("borrowers", "2"): ("Organization", "Example Trust"),
        ("listingAgencies", "1"): ("OrderCompany", "Invented Realty LLC"),
        ("listingAgencies", "1.1"): ("OrderAssociate", None),
        ("listingAgencies", "1.2"): ("OrderAssociate", None),
    }
    associate = rows[3]
    assert (associate["partyId"], associate["phone"]) == ("a1", "555-0100")
    assert not {"id", "associates", "workPhone"} & associate.keys()


SOURCE = {
    "type": "AGENT", "manualEntry": "a friend", "company": COMPANY,
    "associates": [{"id": "a1"}], "borrowerOrSeller": {"__typename": "Individual"},
    "users": [{"id": "u1"}],
}  # fmt: skip


@pytest.mark.parametrize("sent", [SOURCE, [SOURCE]], ids=["object", "list"])
def test_the_source_of_business_is_an_object_or_a_list(sent: Any) -> None:
    rows = blocks.parties({"contacts": {"sourceOfBusiness": sent}})
    assert {position: kind for (_, position), (kind, _) in named(rows).items()} == {
        "1": "Source",
        "1.company": "OrderCompany",
        "1.company.1": "OrderAssociate",
        "1.company.2": "OrderAssociate",
        "1.associate.1": "OrderAssociate",
        "1.party": "Individual",
        "1.user.1": "User",
    }


def test_the_order_keeps_what_is_no_table() -> None:
    node = {
        "id": "o1", "createdDate": 1772409600000, "loans": [{"amount": 1}], "tasks": [{}],
        "settlementAgency": {"id": "ag1", "name": "Fairview Title"},
        "accounting": {"disbursementAccounts": [{"name": "Escrow trust"}], "receipts": [{}]},
    }  # fmt: skip
    row = order_row(node)
    assert row.pop("datesSent")["createdDate"] == 1772409600000
    assert row == {
        "id": "o1", "createdDate": 1772409600000, "loans": [{"amount": 1}],
        "settlementAgencyId": "ag1", "disbursementAccounts": [{"name": "Escrow trust"}],
    }  # fmt: skip
    bare = order_row({"id": "o1", "settlementAgency": None, "accounting": None})
    assert (bare["settlementAgencyId"], bare["disbursementAccounts"]) == (None, None)


@pytest.mark.parametrize(
    ("missing", "block", "lacks"),
    [
        (("accounting",), ("accounting", "receipts"), True),
        (("accounting", "receipts", "amount"), ("accounting", "receipts"), True),
        (("accounting", "receipts"), ("accounting", "disbursements"), False),
        (("tasks",), ("charges",), False),
    ],
)
def test_a_block_lacks_what_is_above_it_and_in_it(
    missing: tuple[str, ...], block: tuple[str, ...], lacks: bool
) -> None:
    lack = Lack(missing, "", "No.")
    assert Told({}, (lack,)).lacks(block) == [lack] * lacks
