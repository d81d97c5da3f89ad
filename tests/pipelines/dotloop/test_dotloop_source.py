"""The table of entities, and the source without the platform."""

from __future__ import annotations

import httpx
import pytest

from pipelines.alone import source_of
from pipelines.common.entity import Entity, in_reading_order
from pipelines.common.model import fields_of
from pipelines.dotloop.client import DotloopSettings
from pipelines.dotloop.source import DOTLOOP, ENTITIES, dotloop_source
from tests.pipelines.dotloop.dotloop_fake import SETTINGS, Dotloop, a_loop


@pytest.mark.parametrize("entity", ENTITIES, ids=lambda entity: entity.name)
def test_every_column_is_described_and_the_key_exists(entity: Entity) -> None:
    fields = {field.name: field for field in fields_of(entity.model)}
    assert set(entity.key) <= set(fields)
    assert [name for name, field in fields.items() if not field.description] == []
    assert entity.contract.startswith("§")


def test_people_come_after_loops_and_merges_after_both() -> None:
    names = [entity.name for entity in in_reading_order(ENTITIES)]
    assert names[:2] == ["accounts", "profiles"]
    assert names.index("loops") < names.index("participants") < names.index("merged_loops")


def test_activities_need_their_switch() -> None:
    switched = {entity.name for entity in ENTITIES if not entity.enabled(DotloopSettings())}
    assert switched == {"activities"}


def test_the_source_alone_reads_what_the_platform_reads() -> None:
    dotloop = Dotloop()
    dotloop.loops[42] = [a_loop(1, -5), a_loop(2, -6)]
    dotloop.people = {1: [{"id": 8801, "role": "BUYER"}], 2: []}
    dotloop.merged = {2: 1}
    dotloop.contacts = [{"id": 7}]
    source = source_of(
        DOTLOOP,
        {"access_token": "long over", "refresh_token": "grant"},
        SETTINGS,
        transport=httpx.MockTransport(dotloop),
    )
    rows: dict[str, int] = {}
    for item in source:
        rows[str(item.column_names)] = rows.get(str(item.column_names), 0) + item.num_rows
    # the person, a profile, two loops, somebody, the merge and a contact
    assert sorted(rows.values()) == [1, 1, 1, 1, 1, 2]
    assert dotloop.renewals == 1
    assert dotloop_source("token", "grant").name == "raw_dotloop"
