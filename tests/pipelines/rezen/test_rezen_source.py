"""The table of entities is complete and consistent."""

from __future__ import annotations

import pytest

from pipelines.common.entity import Entity, in_reading_order
from pipelines.common.model import fields_of
from pipelines.rezen.client import RezenSettings
from pipelines.rezen.source import ENTITIES


@pytest.mark.parametrize("entity", ENTITIES, ids=lambda entity: entity.name)
def test_every_column_is_described_and_the_key_exists(entity: Entity) -> None:
    fields = {field.name: field for field in fields_of(entity.model)}
    assert set(entity.key) <= set(fields)
    assert [name for name, field in fields.items() if not field.description] == []
    assert entity.contract.startswith("§")
    assert {other.name for other in ENTITIES} >= set(entity.depends_on)


def test_the_dashboard_comes_first() -> None:
    names = [entity.name for entity in in_reading_order(ENTITIES)]
    assert names[0] == "agents"
    assert names.index("transaction_list") < names.index("transactions")
    assert names.index("revshare_payments") < names.index("revshare_payment_contributions")


def test_equity_needs_its_switch() -> None:
    off, on = RezenSettings(), RezenSettings(equity=True)
    switched = {entity.name for entity in ENTITIES if not entity.enabled(off)}
    assert switched == {
        "equity_performance",
        "equity_transactions",
        "equity_monthly",
        "equity_annual",
    }
    assert all(entity.enabled(on) for entity in ENTITIES)
