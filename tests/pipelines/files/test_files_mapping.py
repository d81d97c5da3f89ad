"""Which column is which field: by a mapping, or by headings that are known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pipelines.common.entity import Entity
from pipelines.common.model import fields_of
from pipelines.files.errors import ImportRefused
from pipelines.files.headings import HEADINGS, is_denied, plain
from pipelines.files.mapping import ColumnMapping, Plan, complete, mapping_of, read_mapping
from pipelines.files.source import FILES
from pipelines.files.table import read_table

TRANSACTIONS = FILES.entity("transactions")


def plan_of(text: str, mapping: str | None = None, entity: Entity = TRANSACTIONS) -> Plan:
    given = ColumnMapping() if mapping is None else read_mapping(mapping)
    return complete(read_table(text.encode()), entity, given)


def refusal(text: str, mapping: str | None = None, entity: Entity = TRANSACTIONS) -> str:
    with pytest.raises(ImportRefused) as refused:
        plan_of(text, mapping, entity)
    said = str(refused.value)
    assert said.endswith(".")
    assert "\n" not in said
    return said


def read(plan: Plan, *cells: str) -> dict[str, str]:
    return {reading.field: reading.text(cells) for reading in plan.readings}


def test_known_headings_are_matched_whatever_their_spelling() -> None:
    plan = plan_of(
        "MLS No.,PROPERTY ADDRESS,Zip_Code,sold-date,Commission %,Buyer Names,Color\n"
        "M1,1 Elm St,02115,2025-03-04,3,Ada Sample,blue\n"
    )
    assert read(plan, "M1", "1 Elm St", "02115", "2025-03-04", "3", "Ada Sample", "blue") == {
        "mls_number": "M1",
        "street": "1 Elm St",
        "postal_code": "02115",
        "closing_date": "2025-03-04",
        "commission_percent": "3",
        "buyer_name": "Ada Sample",
    }
    assert plan.key == ("street", "postal_code")
    assert dict(plan.extras) == {6: "Color"}


def test_of_two_columns_for_a_field_the_better_heading_wins_and_that_is_told() -> None:
    plan = plan_of("Deal ID,Price,Sale Price\nD1,1,2\n", "currency: USD")
    assert read(plan, "D1", "1", "2")["price"] == "2"
    assert plan.notes == ("price is 'Sale Price', and not 'Price'.",)
    assert dict(plan.extras) == {1: "Price"}


def test_every_known_heading_belongs_to_a_field_and_is_plain() -> None:
    for entity in FILES.entities:
        fields = {field.name for field in fields_of(entity.model)} - {"row_key"}
        headings = HEADINGS[entity.name]
        assert set(headings) == fields, entity.name
        words = [word for field in headings.values() for word in field]
        assert [plain(word) for word in words] == words
        assert not [word for word in words if is_denied(word)]


def test_a_mapping_names_columns_in_all_its_ways() -> None:
    plan = plan_of(
        'No,House,Road,Asked,Paid,When,Listed\n7,1,Elm St,5,"1.234,50",4.3.2025,03/31/2025\n',
        """
        columns:
          transaction_id: [Number, no]
          street: {join: [House, Road]}
          list_price: {column: Asked, decimal: "."}
          price: Paid
          closing_date: When
          listing_date: {column: Listed, date_format: "%m/%d/%Y"}
        constants: {state: NO, postal_code: 02115}
        currency: nok
        decimal: ","
        date_format: "%d.%m.%Y"
        """,
    )
    assert read(plan, "7", "1", "Elm St", "5", "1.234,50", "4.3.2025", "03/31/2025") == {
        "transaction_id": "7",
        "street": "1 Elm St",
        "state": "NO",
        "postal_code": "02115",
        "list_price": "5",
        "price": "1.234,50",
        "listing_date": "03/31/2025",
        "closing_date": "4.3.2025",
    }
    ways = {reading.field: (reading.decimal, reading.formats) for reading in plan.readings}
    assert ways["list_price"][0] == "."
    assert ways["price"][0] == ","
    assert ways["listing_date"][1] == ("%m/%d/%Y",)
    assert ways["closing_date"][1] == ("%d.%m.%Y",)
    assert plan.currency == "NOK"


def test_the_example_of_the_documentation_is_a_mapping() -> None:
    page = (Path(__file__).parents[3] / "docs" / "vendors" / "files.md").read_text("utf-8")
    example = page.split("```yaml\n")[1].split("```")[0]
    text = (
        "Deal No,House,Road,Price,Currency,Closed,Checklist\n"
        '2041,12,Elm Street,"$450,000.00",CAD,03/14/2025,done\n'
    )
    plan = plan_of(text, example)
    cells = ("2041", "12", "Elm Street", "$450,000.00", "CAD", "03/14/2025", "done")
    assert read(plan, *cells) == {
        "transaction_id": "2041",
        "side": "seller",
        "street": "12 Elm Street",
        "price": "$450,000.00",
        "closing_date": "03/14/2025",
    }
    assert (plan.currency, plan.currency_at, dict(plan.extras)) == ("USD", 4, {})
    assert set(read_mapping(example).model_fields_set) == (
        set(ColumnMapping.model_fields) - {"entity", "delimiter", "encoding"}
    )


FILE = "Deal ID,Sale Price,Closed,Notes\nD1,1,2025-03-04,x\n"


@pytest.mark.parametrize(
    ("mapping", "said"),
    [
        ("columns: {transaction_id: Deal Nr}", "The file has no column 'Deal Nr' for transac"),
        ("columns: {deal: Deal ID}", "Transactions have no field 'deal'"),
        ("constants: {row_key: x}", "Transactions have no field 'row_key'"),
        ("columns: {street: {join: [Deal ID, Road]}}", "no column 'Deal ID' or 'Road' for street"),
        ("columns: {street: {}}", "street needs either column or join"),
        ("columns: {status: Notes}\nconstants: {status: x}", "status as a column and as a const"),
        ("columns: {status: Notes}", "Nothing names a row of the file"),
        ("columns: {status: Notes}\nkey: [street]", "The key has street, which no column fills"),
        ("entity: contacts", "The mapping is for contacts, but transactions are imported"),
        ("currency: dollars", "no code of three letters"),
        ("decimal: x", "The mapping's decimal does not fit"),
        ("colums: {status: Notes}", "The mapping's colums does not fit"),
        ("header_row: zero", "The mapping's header_row does not fit"),
        ("currency: USD\ncurrency: CAD", "says 'currency' twice"),
        ("columns: {status: A\n", r"The mapping is no YAML (line 2)"),
        ("- a", "The mapping is empty"),
        ("currency_column: Ccy", "The file has no column 'Ccy' for currency_column"),
    ],
)
def test_a_mapping_that_does_not_fit_is_one_sentence(mapping: str, said: str) -> None:
    assert said in refusal(FILE, mapping)


def test_no_currency_is_ever_guessed() -> None:
    said = refusal(FILE)
    assert "amounts (price)" in said
    assert "--currency USD" in said
    assert "currency_column" in said
    assert plan_of("Deal ID,Notes\nD1,x\n").currency is None


def test_a_currency_column_counts_for_the_rows_that_fill_it() -> None:
    text = "Deal ID,Sale Price,Currency\nD1,1,CAD\n"
    plan = plan_of(text, "currency: USD")
    assert (plan.currency, plan.currency_at) == ("USD", 2)
    assert plan_of(text).currency_at == 2
    assert plan_of(text, "currency: USD\nignore: [currency]").currency_at is None


def test_what_can_be_read_two_ways_is_asked_for() -> None:
    assert "--date-format" in refusal("Deal ID,Closed\nD1,03/04/2025\n")
    assert "--decimal" in refusal('Deal ID,Price,GCI\nD1,"1,234",1.234\n', "currency: USD")


def test_a_column_whose_form_is_named_is_no_evidence() -> None:
    plan = plan_of(
        'Deal ID,Price,GCI,Closed\nD1,"1,234",1.234,03/04/2025\n',
        """
        columns:
          transaction_id: Deal ID
          price: {column: Price, decimal: "."}
          gross_commission: {column: GCI, decimal: ","}
          closing_date: {column: Closed, date_format: "%d/%m/%Y"}
        currency: USD
        """,
    )
    assert {r.field: r.decimal for r in plan.readings if r.kind == "money"} == {
        "price": ".",
        "gross_commission": ",",
    }


def test_a_file_without_known_headings_is_refused() -> None:
    assert "No heading is known" in refusal("A,B\n1,2\n")


def test_columns_that_must_not_be_stored_are_never_a_field() -> None:
    text = "Deal ID,Buyer SSN,Date of Birth,Notes\nD1,1,2,x\n"
    plan = plan_of(text)
    assert plan.denied == {1, 2}
    assert dict(plan.extras) == {3: "Notes"}
    mapping = "columns: {transaction_id: Deal ID, buyer_name: Buyer SSN}"
    assert "buyer_name holds what is never stored" in refusal(text, mapping)


@pytest.mark.parametrize(
    ("heading", "denied"),
    [
        ("SSN", True),
        ("Seller 1 S.S.N.", False),
        ("Tax-ID", True),
        ("Birthday", True),
        ("Bank Account #", True),
        ("Routing Number", True),
        ("TaxID", True),
        ("buyer_taxid", True),
        ("DateOfBirth", True),
        ("SocialSecurityNumber", True),
        ("BuyerSSN", True),
        ("BankAccount", True),
        ("CreditCard", True),
        ("Driver's Licence", True),
        ("API Key", True),
        ("APIKey", True),
        ("Token", True),
        ("accessToken", True),
        ("Client Secret", True),
        ("Secretary", False),
        ("Contact ID", False),
        ("Tax Included", False),
        ("DoubleEnded", False),
        ("Business", False),
        ("Tint", False),
        ("Account", False),
    ],
)
def test_denied_headings(heading: str, denied: bool) -> None:
    assert is_denied(heading) is denied


def test_an_unmapped_column_that_is_called_like_a_field_does_not_become_it() -> None:
    text = "Deal ID,Deal,status,closingDate,status (column)\nD1,x,open,2025-01-01,y\n"
    plan = plan_of(text, "columns: {transaction_id: Deal ID, status: Deal}")
    assert dict(plan.extras) == {
        2: "status (column)",
        3: "closingDate (column)",
        4: "status (column) (column)",
    }


def test_a_completed_mapping_says_everything_and_reads_the_same_again() -> None:
    text = "Deal ID;Sale Price;Closed;Notes\nD1;1.234,50;31.03.2025;x\n"
    plan = plan_of(text, "currency: EUR")
    told: dict[str, Any] = plan.mapping.to_dict()
    assert told == {
        "entity": "transactions",
        "columns": {"transaction_id": "Deal ID", "price": "Sale Price", "closing_date": "Closed"},
        "key": ["transaction_id"],
        "currency": "EUR",
        "decimal": ",",
        "date_format": "%d.%m.%Y",
        "header_row": 1,
        "delimiter": ";",
        "encoding": "utf-8",
    }
    assert mapping_of(told) == plan.mapping
    assert read_mapping(plan.mapping.to_yaml()) == plan.mapping
    again = complete(read_table(text.encode()), TRANSACTIONS, plan.mapping)
    assert again == plan


@pytest.mark.parametrize(
    ("heading", "said"),
    [
        ("MLS #", "mls number"),
        ("MLS No.", "mls number"),
        (" mls__NR ", "mls number"),
        ("Commission (%)", "commission percent"),
        ("E-Mail", "e mail"),
        ("Straße", "strasse"),
        ("Número", "numero"),
    ],
)
def test_spellings_of_a_heading(heading: str, said: str) -> None:
    assert plain(heading) == said


def test_the_contacts_of_two_exports_get_along() -> None:
    contacts = FILES.entity("contacts")
    plan = plan_of("First Name,Last Name,E-mail,Cell\nAda,Sample,a@example.com,1\n", None, contacts)
    assert plan.key == ("email",)
    plan = plan_of("Full Name,Phone Number\nAda Sample,1\n", None, contacts)
    assert plan.key == ("phone",)
