"""The table of entities is complete and consistent."""

from __future__ import annotations

import pytest

from pipelines.common.entity import Entity, in_reading_order
from pipelines.common.model import fields_of
from pipelines.fub.source import ENTITIES


@pytest.mark.parametrize("entity", ENTITIES, ids=lambda entity: entity.name)
def test_every_column_is_described_and_the_key_exists(entity: Entity) -> None:
    fields = {field.name: field for field in fields_of(entity.model)}
    assert set(entity.key) <= set(fields)
    assert [name for name, field in fields.items() if not field.description] == []
    assert entity.contract.startswith("§")
    assert {other.name for other in ENTITIES} >= set(entity.depends_on)


def test_identity_is_asked_first() -> None:
    ordered = in_reading_order(ENTITIES)
    assert ordered[0].name == "identity"
    assert all("identity" in entity.depends_on for entity in ordered[1:])
