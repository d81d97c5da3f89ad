"""Subscriptions of Dotloop as the platform looks after them: in pages, and those that are off."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pipelines.common.http import Api, VendorHttp
from pipelines.common.webhooks import Registry
from pipelines.dotloop.client import DIALECT
from pipelines.dotloop.webhooks import WEBHOOKS
from tests.sources.dotloop_case import truth_of
from tests.sources.rig import ADA, Rig

ONLY = "dotloop"
URL = "https://hooks.example.com/hooks/dotloop/token"


@pytest.fixture
def api(new_rig: Rig) -> Iterator[Api]:
    http = VendorHttp(DIALECT, new_rig.settings)
    yield http.api(new_rig.account(ADA))
    http.close()


@pytest.fixture
def registry(new_rig: Rig) -> Registry:
    found = WEBHOOKS.registry(new_rig.settings)
    assert found is not None
    return found


@pytest.mark.parametrize("size", [1, 2, 20])
def test_all_subscriptions_are_found_whatever_a_page_holds(
    new_rig: Rig, api: Api, registry: Registry, size: int
) -> None:
    new_rig.box.mutate({"op": "dotloop.switch", "name": "cursor_page", "value": size})
    topics = registry.topics(api, new_rig.settings)
    assert len(topics) == 5
    for topic in topics:
        registry.create(api, new_rig.settings, topic, URL, {"signing_key": "ours"})
    found = registry.existing(api, new_rig.settings)
    assert [(one.topic, one.url, one.problem) for one in found] == [(t, URL, None) for t in topics]
    for one in found:
        registry.remove(api, new_rig.settings, one.source_id)
    assert registry.existing(api, new_rig.settings) == []


def test_a_profile_that_is_lost_disables_its_subscription(
    new_rig: Rig, api: Api, registry: Registry
) -> None:
    for topic in registry.topics(api, new_rig.settings):
        registry.create(api, new_rig.settings, topic, URL, {"signing_key": "ours"})
    profiles = truth_of(new_rig.box, "profiles")
    [team] = [key for key, row in profiles.items() if row["type"] == "TEAM"]
    new_rig.box.mutate({"op": "dotloop.remove_profile", "agent_key": ADA, "profile_id": team})
    found = registry.existing(api, new_rig.settings)
    assert {one.topic: one.problem for one in found if one.problem} == {
        f"PROFILE {team}": "it is disabled"
    }
    assert f"PROFILE {team}" not in registry.topics(api, new_rig.settings)
