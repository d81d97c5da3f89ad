"""How long a raw table may go unread, by the lane that reads it most often."""

from __future__ import annotations

from datetime import timedelta

from dagster import FreshnessPolicy

from sensors.cadences import CADENCES
from sensors.jobs import chosen_entities

# by lane: warn and fail; an agent's account may be read later than another's, never this late
_WINDOWS = {
    "fast": (timedelta(hours=1), timedelta(hours=6)),
    "hourly": (timedelta(hours=3), timedelta(hours=12)),
    "six_hourly": (timedelta(hours=13), timedelta(hours=24)),
    "daily": (timedelta(hours=30), timedelta(hours=72)),
}


def freshness_policies(vendor: str) -> dict[str, FreshnessPolicy]:
    """The policy of each raw table of a vendor, by the entity's name."""
    policies: dict[str, FreshnessPolicy] = {}
    lanes = list(_WINDOWS)
    mine = [c for c in CADENCES if c.vendor == vendor and c.lane in _WINDOWS]
    for cadence in sorted(mine, key=lambda cadence: lanes.index(cadence.lane)):
        warn, fail = _WINDOWS[cadence.lane]
        for entity in chosen_entities(cadence):
            policies.setdefault(
                entity, FreshnessPolicy.time_window(fail_window=fail, warn_window=warn)
            )
    return policies
