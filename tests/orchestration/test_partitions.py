"""A choice of agents as ranges of partitions."""

from __future__ import annotations

import pytest
from dagster import PartitionKeyRange
from hypothesis import given
from hypothesis import strategies as st

from assets.partitions import range_tags, to_ranges

KEYS = list("abcdefgh")


def spans(ranges: list[PartitionKeyRange]) -> list[str]:
    return [f"{found.start}{found.end}" for found in ranges]


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ("abc", ["ac"]),
        ("ace", ["aa", "cc", "ee"]),
        ("", []),
        ("zb", ["bb"]),
        ("abgh", ["ab", "gh"]),
    ],
)
def test_ranges_cover_exactly_what_is_wanted(wanted: str, expected: list[str]) -> None:
    assert spans(to_ranges(KEYS, set(wanted))) == expected


def test_idle_keys_are_covered_only_when_ranges_would_be_too_many() -> None:
    assert spans(to_ranges(KEYS, set("aceh"), idle=set("bdfg"), most=4)) == ["aa", "cc", "ee", "hh"]
    assert spans(to_ranges(KEYS, set("aceh"), idle=set("bdfg"), most=2)) == ["ae", "hh"]


def test_a_hole_with_somebody_to_read_is_never_covered() -> None:
    assert spans(to_ranges(KEYS, set("ac"), idle=set("d"), most=1)) == ["aa", "cc"]


@given(wanted=st.sets(st.sampled_from(KEYS)), idle=st.sets(st.sampled_from(KEYS)))
def test_every_wanted_key_is_covered_once_and_others_only_if_idle(
    wanted: set[str], idle: set[str]
) -> None:
    covered: list[str] = []
    for found in to_ranges(KEYS, wanted, idle=idle, most=1):
        covered += KEYS[KEYS.index(found.start) : KEYS.index(found.end) + 1]
    assert len(covered) == len(set(covered))
    assert wanted <= set(covered) <= wanted | idle


def test_a_range_is_told_by_dagsters_own_tags() -> None:
    assert range_tags(PartitionKeyRange("ada", "cora")) == {
        "dagster/asset_partition_range_start": "ada",
        "dagster/asset_partition_range_end": "cora",
    }
