"""Whole lists: small ones by cursor, big ones in id windows at once (fub.md §2.2)."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.fub.sweep import windows
from tests.pipelines.fub.fub_fake import Fub, connect


def test_a_small_list_follows_the_cursor() -> None:
    fub = Fub()
    fub.lists["deals"] = [{"id": n} for n in range(1, 251)]
    outcome = connect(fub).read("deals")
    assert len(outcome.rows) == 250
    assert len(outcome.requests) == 3
    assert outcome.requests[0].url.params["includeArchived"] == "1"
    assert outcome.reading.complete
    assert outcome.reading.vendor_count == 250


@pytest.mark.parametrize(
    "ids",
    [
        list(range(1, 2601)),
        [*range(1, 2001), *range(5_000_000, 5_000_600)],
        list(range(7, 26_007, 10)),
    ],
    ids=["dense", "two clusters", "sparse"],
)
def test_a_big_list_is_read_in_windows(ids: list[int]) -> None:
    fub = Fub()
    fub.lists["calls"] = [{"id": n} for n in ids]
    outcome = connect(fub).read("calls")
    assert sorted(outcome.ids) == ids
    assert outcome.reading.complete
    assert not any("next" in request.url.params for request in outcome.requests)
    assert len(outcome.requests) < len(ids) / 100 * 2 + 20


def test_ignored_bounds_fall_back_to_the_cursor() -> None:
    fub = Fub()
    fub.ignored = {"idLessThan", "idGreaterThan"}
    fub.lists["calls"] = [{"id": n} for n in range(1, 1301)]
    outcome = connect(fub).read("calls")
    assert set(outcome.ids) == set(range(1, 1301))
    assert "ignores id bounds" in (outcome.reading.note or "")
    assert outcome.reading.complete


def test_an_unknown_sort_only_costs_empty_windows() -> None:
    fub = Fub()
    fub.ignored = {"sort"}
    fub.lists["calls"] = [{"id": n} for n in range(50_001, 51_501)]
    assert len(connect(fub).read("calls").rows) == 1500


def test_a_dead_cursor_is_replaced_by_the_lowest_id() -> None:
    fub = Fub()
    fub.lists["deals"] = [{"id": n} for n in range(1, 251)]
    fub.refuse_cursor_at = 151
    outcome = connect(fub).read("deals")
    assert len(outcome.rows) == 250
    assert outcome.requests[-2].url.params["idLessThan"] == "151"


def test_a_short_sweep_is_not_whole() -> None:
    fub = Fub()
    fub.lists["teams"] = [{"id": n} for n in range(1, 51)]
    connection = connect(fub)
    honest = connection.handler

    def short(request):  # type: ignore[no-untyped-def]
        answer = honest(request)
        body = answer.json()
        body["teams"] = body["teams"][:10]
        return type(answer)(200, json=body)

    connection.handler = short
    outcome = connection.read("teams")
    assert not outcome.reading.complete
    assert outcome.reading.note == "Only 10 of the 50 rows announced by /teams came."


def test_a_deal_is_gone_when_its_address_says_so() -> None:
    fub = Fub()
    fub.lists["deals"] = [{"id": 1}, {"id": 2, "status": "Active"}, {"id": 3}]
    connection = connect(fub)
    connection.read("deals")
    fub.lists["deals"] = [{"id": 1}, {"id": 2, "status": "Active"}]
    fub.hidden = lambda row, request: row["id"] == 2
    connection.later(hours=1)
    assert connection.read("deals").gone == {"3"}


@pytest.mark.parametrize("entity", ["deals", "people"])
def test_what_may_not_be_seen_is_not_gone(entity: str) -> None:
    fub = Fub()
    fub.lists[entity] = [{"id": 1}, {"id": 2}, {"id": 3}]
    connection = connect(fub)
    connection.read(entity)
    fub.denied = {2}
    fub.hidden = lambda row, _request: row["id"] == 2
    fub.lists[entity].pop()
    connection.later(days=7)
    assert connection.read(entity).gone == {"3"}


@given(low=st.integers(0, 10**7), size=st.integers(0, 10**7), total=st.integers(0, 10**6))
def test_windows_cover_every_id_once(low: int, size: int, total: int) -> None:
    found = sorted(windows(low, low + size, total), key=lambda window: window.low)
    assert found[0].low == low
    assert found[-1].high == low + size
    for left, right in pairwise(found):
        assert left.high + 1 == right.low
