"""Every query fits the schema that the contract assumes, and asks for nothing that is denied."""

from __future__ import annotations

import re
from itertools import combinations
from pathlib import Path

import pytest
from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    OperationDefinitionNode,
    Visitor,
    parse,
    validate,
    visit,
)

from pipelines.common.model import fields_of
from pipelines.qualia import models
from pipelines.qualia.client import (
    BLOCKS,
    FRAGMENTS,
    QUERIES,
    QualiaSettings,
    document,
    operation_of,
    root_field,
)
from pipelines.qualia.source import QUALIA
from sandbox.qualia.schema import Variant, schema_of

# from the contract (§3.5), and what else would tell the same
DENIED = {"ssn", "dateOfBirth", "maritalStatus", "loanNumber"}
SUSPICIOUS = re.compile(
    r"ssn|social|birth|dob|marital|loannumber|taxid|routing|accountnumber", re.I
)
NAMES = sorted(path.stem for path in QUERIES.glob("*.graphql") if path.stem != FRAGMENTS)


def asked(text: str) -> set[str]:
    """The fields of a document by their real names, whatever they are called in the answer."""
    found: set[str] = set()

    class Fields(Visitor):
        def enter_field(self, node: FieldNode, *_: object) -> None:
            found.add(node.name.value)

    visit(parse(text), Fields())
    return found


def test_there_are_queries() -> None:
    assert {"orders_list", "order", "order_ids", "users", "company", "company_ids"} <= set(NAMES)
    assert {"amount", "payeeName", "status"} <= asked(document("orders_list"))


@pytest.mark.parametrize("name", NAMES)
def test_a_query_fits_the_schema(name: str) -> None:
    assert validate(schema_of(Variant()), parse(document(name))) == []


@pytest.mark.parametrize("name", NAMES)
def test_a_query_fits_where_less_is_offered(name: str) -> None:
    poorer = Variant(created_date_filter=False, source_of_business_list=True)
    assert validate(schema_of(poorer), parse(document(name))) == []


# from the contract (§3.4): what an order holds beside its own fields
HEAVY = {
    "properties", "loans", "settlementTeam", "settlementAgency", "contacts", "accounting",
    "charges", "settlementStatement", "closingLocation", "appointments", "tasks",
}  # fmt: skip


def of_the_order(text: str) -> set[str]:
    """The fields that a document asks for of an order itself."""
    [order] = [
        node for node in parse(text).definitions
        if isinstance(node, FragmentDefinitionNode) and node.name.value == "OrderFields"
    ]  # fmt: skip
    return {f.name.value for f in order.selection_set.selections if isinstance(f, FieldNode)}


@pytest.mark.parametrize(
    "without", [*map(frozenset, combinations(sorted(HEAVY), 1)), frozenset(HEAVY)], ids=sorted
)
def test_each_block_can_be_left_out(without: frozenset[str]) -> None:
    assert BLOCKS == HEAVY
    for name in ("order", "orders_list"):
        text = document(name, without)
        assert validate(schema_of(Variant()), parse(text)) == []
        assert of_the_order(document(name)) - of_the_order(text) == without


def test_what_is_left_out_is_named_as_qualia_names_it_and_has_no_tables() -> None:
    settings = QualiaSettings(without="accounting, settlementAgency")
    assert settings.left_out == {"accounting", "settlementAgency"}
    off = {entity.name for entity in QUALIA.entities if not entity.enabled(settings)}
    assert off == {"disbursements", "receipts", "agencies"}
    with pytest.raises(ValueError, match="has no block receipts; there are accounting, "):
        QualiaSettings(without="receipts")


@pytest.mark.parametrize("name", NAMES)
def test_a_query_is_sent_under_its_own_name_and_read_under_its_root_field(name: str) -> None:
    [operation] = [
        node for node in parse(document(name)).definitions
        if isinstance(node, OperationDefinitionNode)
    ]  # fmt: skip
    assert operation.operation.value == "query", "nothing may write"
    assert operation.name is not None
    assert operation.name.value == operation_of(name)
    [root] = operation.selection_set.selections
    assert isinstance(root, FieldNode)
    assert root.name.value == root_field(name)
    assert root.alias is None


@pytest.mark.parametrize("name", NAMES)
def test_no_query_asks_for_what_is_denied(name: str) -> None:
    fields = asked(document(name))
    assert not fields & DENIED
    assert [field for field in fields if SUSPICIOUS.search(field)] == []


def test_the_walk_sees_a_denied_field_behind_an_alias_and_in_a_fragment() -> None:
    sneaky = "{ users { x: ssn ...F } } fragment F on User { loanNumber }"
    assert asked(sneaky) & DENIED == {"ssn", "loanNumber"}


def test_no_model_has_a_denied_field_and_all_remove_them() -> None:
    assert models.DENIED == DENIED
    for entity in QUALIA.entities:
        names = {n for field in fields_of(entity.model) for n in (field.name, *field.aliases)}
        assert not names & DENIED
        assert [name for name in names if SUSPICIOUS.search(name)] == [], entity.name
        assert entity.model.denied >= DENIED, entity.name


def test_queries_are_files_and_not_text_in_code() -> None:
    """A query in code would escape the walk."""
    folder = Path(models.__file__).parent
    for path in folder.glob("*.py"):
        assert not re.search(r"\bquery\s+\w+\s*[({]|\bfragment\s+\w+\s+on\b", path.read_text())
