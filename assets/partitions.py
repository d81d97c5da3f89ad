"""The partitions definition `agents`, and how a choice of agents becomes ranges for single runs.

Dagster hands a run of many partitions a range (first and last key in the order in which the keys
were added), not a list. A choice with holes therefore becomes several ranges.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import pairwise

import dagster as dg
from dagster import PartitionKeyRange

AGENTS = "agents"
agents_partitions = dg.DynamicPartitionsDefinition(name=AGENTS)

RANGE_START_TAG = "dagster/asset_partition_range_start"
RANGE_END_TAG = "dagster/asset_partition_range_end"


def to_ranges(
    keys: Sequence[str], wanted: Collection[str], *, idle: Collection[str] = (), most: int = 0
) -> list[PartitionKeyRange]:
    """The fewest ranges that cover the wanted keys and nothing else.

    Args:
        keys: every partition key, in Dagster's order. wanted: the keys to cover; one that is no
        partition key is left out. idle: keys that may be covered without harm, because a run has
        nothing to do for them. most: how many ranges are acceptable (0: any number). Above it, the
        smallest holes that consist
            of idle keys only are covered too.
    """
    positions = [index for index, key in enumerate(keys) if key in wanted]
    spans: list[tuple[int, int]] = []
    for position in positions:
        if spans and position == spans[-1][1] + 1:
            spans[-1] = (spans[-1][0], position)
        else:
            spans.append((position, position))
    while most and len(spans) > most:
        holes = [
            (after[0] - before[1], index)
            for index, (before, after) in enumerate(pairwise(spans))
            if all(key in idle for key in keys[before[1] + 1 : after[0]])
        ]
        if not holes:
            break
        _, index = min(holes)
        spans[index : index + 2] = [(spans[index][0], spans[index + 1][1])]
    return [PartitionKeyRange(keys[first], keys[last]) for first, last in spans]


def range_tags(partition_range: PartitionKeyRange) -> dict[str, str]:
    """The run tags by which Dagster runs a range of partitions in one run."""
    return {RANGE_START_TAG: partition_range.start, RANGE_END_TAG: partition_range.end}
