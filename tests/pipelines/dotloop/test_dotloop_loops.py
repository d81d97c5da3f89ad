"""Loops: batches that move while they are read, what is missing, merged or not ours (§2, §3.3)."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from pipelines.common.errors import ContractBroken, ResourceUnavailable, RetryLater
from pipelines.dotloop.loops import merged_into, tidy
from tests.pipelines.dotloop.dotloop_fake import Dotloop, a_loop, connect, stamp
from tests.pipelines.in_memory import Connection, Outcome


def many(count: int, *, each: float = -60) -> Dotloop:
    """Loops, the first changed last; their people are themselves."""
    dotloop = Dotloop()
    dotloop.loops[42] = [a_loop(n, each * n) for n in range(1, count + 1)]
    dotloop.people = {n: [] for n in range(1, count + 1)}
    return dotloop


def keys(connection: Connection) -> set[str]:
    return set(connection.warehouse.rows["loops"])


def numbered(*numbers: int) -> set[str]:
    return {f"42|{number}" for number in numbers}


def asked(outcome: Outcome, name: str) -> list[str | None]:
    return [request.url.params.get(name) for request in outcome.requests]


# -- lists -----------------------------------------------------------------------------------------


def test_a_first_reading_begins_without_a_bound_and_goes_on_from_the_last_change() -> None:
    connection = connect(many(230))
    outcome = connection.read("loops")
    assert keys(connection) == numbered(*range(1, 231))
    lists = [request for request in outcome.requests if request.url.path.endswith("/loop")]
    assert [request.url.params["batch_number"] for request in lists] == ["1", "1", "1"]
    for request in lists:
        assert request.url.params["batch_size"] == "100"
        assert request.url.params["sort"] == "updated:asc"
        assert request.url.params["include_details"] == "true"
    assert [request.url.params.get("filter") for request in lists] == [
        None,
        # a second before the newest change of the batch before
        f"updated_min={stamp(-131 * 60 - 1 / 60)}",
        f"updated_min={stamp(-32 * 60 - 1 / 60)}",
    ]
    assert orjson.loads(outcome.reading.cursor_to or "") == {"42": stamp(-60)}
    assert outcome.reading.complete
    assert outcome.reading.mode == "full"


def test_an_increment_asks_from_ten_minutes_before_the_last_change() -> None:
    dotloop = many(30)
    connection = connect(dotloop)
    connection.read("loops")
    connection.later(hours=1)
    dotloop.loops[42][4]["updated"] = stamp(30)
    outcome = connection.read("loops")
    assert asked(outcome, "filter")[-1] == f"updated_min={stamp(-60 - 10 - 1 / 60)}"
    assert {row["id"] for row in outcome.rows} == {1, 5}
    assert len(outcome.requests) == 2
    assert outcome.reading.mode == "incremental"
    assert not outcome.reading.complete
    assert orjson.loads(outcome.reading.cursor_to or "") == {"42": stamp(30)}


@pytest.mark.parametrize("cap", [50, 20])
def test_a_silent_cap_is_not_taken_for_the_end(cap: int) -> None:
    dotloop = many(170)
    dotloop.cap = cap
    connection = connect(dotloop)
    outcome = connection.read("loops")
    assert keys(connection) == numbered(*range(1, 171))
    first, second, *others = asked(outcome, "batch_size")[1:]
    assert (first, {second, *others}) == ("100", {str(cap)})


@pytest.mark.parametrize("count", [20, 50, 100])
def test_a_list_that_ends_with_a_full_batch_costs_one_more_request(count: int) -> None:
    connection = connect(many(count))
    outcome = connection.read("loops")
    assert keys(connection) == numbered(*range(1, count + 1))
    assert len(outcome.requests) == 1 + 2


def test_a_loop_that_changes_while_the_list_is_read_pushes_nobody_over_an_edge() -> None:
    """Counted off, batch two would begin one loop too late, and loop 130 would be lost for good."""
    dotloop = many(230)

    def touch(number: int) -> None:
        if number == 2:
            dotloop.loops[42][200]["updated"] = stamp(5)

    dotloop.before_batch = touch
    connection = connect(dotloop)
    connection.read("loops")
    assert keys(connection) == numbered(*range(1, 231))
    assert orjson.loads(connection.warehouse.marks["loops"].cursor or "") == {"42": stamp(5)}


@pytest.mark.parametrize("ignored", [{"inclusive"}, {"filter"}, {"sort"}, {"filter", "sort"}])
def test_a_vendor_that_does_not_do_as_asked_hides_nothing(ignored: set[str]) -> None:
    dotloop = many(230)
    dotloop.ignores = ignored
    connection = connect(dotloop)
    outcome = connection.read("loops")
    assert keys(connection) == numbered(*range(1, 231))
    said = "Dotloop does not list profile 42 by the last change."
    assert (outcome.reading.note == said) == (ignored != {"inclusive"})
    assert len(outcome.requests) <= 1 + 5


def test_more_loops_of_one_second_than_a_batch_holds() -> None:
    connection = connect(many(230, each=0))
    connection.read("loops")
    assert keys(connection) == numbered(*range(1, 231))


def test_a_loop_dated_in_the_future_does_not_stop_its_profile() -> None:
    dotloop = many(3)
    dotloop.loops[42].append(a_loop(9, 10**6))
    connection = connect(dotloop)
    connection.read("loops")
    connection.later(hours=2)
    dotloop.loops[42][0]["updated"] = stamp(180)
    assert 1 in connection.read("loops").ids


# -- profiles --------------------------------------------------------------------------------------


def with_profiles(*more: dict[str, Any]) -> Dotloop:
    dotloop = many(2)
    dotloop.profiles += more
    dotloop.loops[43] = [a_loop(7, -5)]
    dotloop.people[7] = []
    return dotloop


def test_the_key_has_the_profile_that_was_asked() -> None:
    dotloop = with_profiles({"id": 43})
    dotloop.loops[43] = [a_loop(1, -5, profileId=42, ownerProfileId=42)]
    connection = connect(dotloop)
    connection.read("loops")
    assert keys(connection) == {"42|1", "42|2", "43|1"}


def test_a_profile_without_the_right_is_noted_and_its_loops_stay() -> None:
    dotloop = with_profiles({"id": 43})
    connection = connect(dotloop)
    connection.read("loops")
    dotloop.refuses.add("/profile/43/loop")
    connection.later(days=8)
    dotloop.loops[42][1]["updated"] = stamp(60)
    outcome = connection.read("loops")
    assert outcome.reading.note == "No loops are shown of the profiles 43."
    assert outcome.gone == set()
    assert keys(connection) == {"42|1", "42|2", "43|7"}
    assert orjson.loads(outcome.reading.cursor_to or "") == {"42": stamp(60), "43": stamp(-5)}


def test_an_account_without_the_right_on_any_profile_is_told_so() -> None:
    dotloop = with_profiles({"id": 43})
    dotloop.refuses |= {"/profile/42/loop", "/profile/43/loop"}
    with pytest.raises(ResourceUnavailable) as caught:
        connect(dotloop).read("loops")
    assert caught.value.status == "not_permitted"


def test_a_closed_profile_is_not_asked_and_its_loops_stay() -> None:
    dotloop = with_profiles({"id": 43, "deactivated": None})
    connection = connect(dotloop)
    connection.read("loops")
    dotloop.profiles[1]["deactivated"] = True
    connection.later(days=8)
    outcome = connection.read("loops", full=True)
    assert "/v2/profile/43/loop" not in [request.url.path for request in outcome.requests]
    assert outcome.gone == set()
    assert "43|7" in keys(connection)


def test_a_new_profile_is_read_from_the_beginning() -> None:
    dotloop = with_profiles()
    connection = connect(dotloop)
    connection.read("loops")
    dotloop.profiles.append({"id": 43})
    connection.later(hours=1)
    connection.read("loops")
    assert keys(connection) == {"42|1", "42|2", "43|7"}


def test_a_profile_that_comes_back_is_read_from_the_beginning() -> None:
    dotloop = with_profiles({"id": 43})
    dotloop.loops[43].append(a_loop(8, -5000))
    connection = connect(dotloop)
    connection.read("loops")
    profile = dotloop.profiles.pop()
    dotloop.refuses |= {"/profile/43/loop/7", "/profile/43/loop/8"}
    connection.later(days=8)
    assert connection.read("loops").gone == {"43|7", "43|8"}
    dotloop.profiles.append(profile)
    dotloop.refuses.clear()
    connection.later(hours=1)
    connection.read("loops")
    assert {"43|7", "43|8"} <= keys(connection)


# -- what is missing -------------------------------------------------------------------------------


def test_what_is_missing_from_a_whole_list_is_there_merged_or_gone() -> None:
    dotloop = many(6)
    dotloop.loops[42][4]["details"] = {"Financials": {"Rent": "900"}}
    connection = connect(dotloop)
    connection.read("loops")
    dotloop.merged[2] = 3
    dotloop.loops[42] = [row for row in dotloop.loops[42] if row["id"] not in (2, 4)]
    for row in dotloop.loops[42]:
        row["hidden"] = row["id"] in (5, 6)
    dotloop.loops[42][2]["updated"] = stamp(60)
    connection.later(days=8)
    outcome = connection.read("loops")
    assert outcome.gone == numbered(2, 4)
    # loop 5 changed as well: it is read by itself, with its details
    assert [row for row in outcome.rows if row["id"] == 5] == [
        {
            "id": 5, "name": "Loop 5", "updated": stamp(60), "hidden": True, "profileId": "42",
            "details": {"Financials": {"Rent": "900"}},
        }
    ]  # fmt: skip
    assert outcome.paths.count("detail") == 1
    assert connection.read("merged_loops").rows == [
        {"profileId": "42", "oldLoopId": "2", "newLoopId": "3"}
    ]


def test_a_list_that_came_back_nearly_empty_is_not_asked_about() -> None:
    dotloop = many(40)
    connection = connect(dotloop)
    connection.read("loops")
    for row in dotloop.loops[42][:30]:
        row["hidden"] = True
    connection.later(days=8)
    outcome = connection.read("loops")
    assert len(outcome.requests) == 2
    connection.later(days=8)
    assert len(connection.read("loops", full=True).requests) == 2 + 30


def test_a_merge_that_a_broken_sync_forgot_is_asked_about_again() -> None:
    """The loop is marked as gone already, but its people are held, and nothing says where it is."""
    dotloop = many(3)
    dotloop.people[2] = [{"id": 8801, "role": "BUYER"}]
    connection = connect(dotloop)
    connection.read("loops")
    connection.read("participants")
    del connection.warehouse.rows["loops"]["42|2"]
    dotloop.merged[2] = 3
    del dotloop.loops[42][1]
    connection.later(days=8)
    connection.read("loops")
    assert connection.read("participants").gone == {"42|2|8801"}
    [row] = connection.read("merged_loops").rows
    assert row == {"profileId": "42", "oldLoopId": "2", "newLoopId": "3"}


@pytest.mark.parametrize("host", ["https://dotloop.test", "http://www.dotloop.test"])
def test_a_merge_is_recorded_wherever_the_other_loop_is_said_to_be(host: str) -> None:
    """Nobody goes to another host, which would be shown the token; the address is enough."""
    dotloop = many(6)
    dotloop.host = host
    connection = connect(dotloop)
    connection.read("loops")
    dotloop.merged[2] = 3
    del dotloop.loops[42][1]
    connection.later(days=8)
    outcome = connection.read("loops")
    assert outcome.gone == numbered(2)
    assert {request.url.host for request in outcome.requests} == {"dotloop.test"}
    assert connection.read("merged_loops").rows == [
        {"profileId": "42", "oldLoopId": "2", "newLoopId": "3"}
    ]


@pytest.mark.parametrize("answer", [[{"id": 2}], None, "gone"])
def test_an_answer_that_is_no_loop_is_no_deletion(answer: Any) -> None:
    dotloop = many(6)
    connection = connect(dotloop)
    connection.read("loops")
    dotloop.loops[42][1]["hidden"], dotloop.odd[2] = True, answer
    connection.later(days=8)
    with pytest.raises(ContractBroken, match="with no object"):
        connection.read("loops")
    assert keys(connection) == numbered(*range(1, 7))


def test_a_merge_of_a_loop_without_people_is_not_forgotten_when_people_fail() -> None:
    """Nothing else would remind of it: the loop is marked as gone, and nobody was in it."""
    dotloop = many(6)
    connection = connect(dotloop)
    connection.read("loops")
    connection.read("participants")
    dotloop.merged[2] = 3
    del dotloop.loops[42][1]
    dotloop.loops[42][1]["updated"] = stamp(60)
    dotloop.down.add("/profile/42/loop/3/participant")
    connection.later(days=8)
    assert connection.read("loops").gone == numbered(2)
    with pytest.raises(RetryLater):
        connection.read("participants")
    dotloop.down.clear()
    connection.later(hours=1)
    connection.read("loops")
    connection.read("participants")
    assert connection.read("merged_loops").rows == [
        {"profileId": "42", "oldLoopId": "2", "newLoopId": "3"}
    ]
    # what is recorded is not told again
    connection.later(hours=1)
    outcome = connection.read("loops")
    assert orjson.loads(outcome.reading.cursor_to or "") == {"42": stamp(60)}
    assert connection.read("merged_loops").rows == []


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("http://x.test/v2/profile/42/loop/7", None),
        ("http://x.test/v2/profile/42/loop/7/participant?a=b", None),
        ("http://x.test/v2/profile/42/loop/8", "8"),
        ("http://x.test/v2/profile/43/loop/8/participant", "8"),
        ("http://x.test/v2/profile/42/loop", None),
        ("http://x.test/elsewhere", None),
    ],
)
def test_where_an_answer_came_from(url: str, found: str | None) -> None:
    assert merged_into(url, "42|7") == found


def test_sections_of_older_records_are_details_too() -> None:
    address = {"City": "Fairview"}
    assert tidy({"id": 1, "Property Address": address, "Odd One": {}}, "42") == {
        "id": 1, "profileId": "42", "details": {"Property Address": address, "Odd One": {}},
    }  # fmt: skip
    both = {"details": {"Property": {"Type": "Condo"}}, "Property": {"Type": "?"}, "Class": "text"}
    assert tidy(both, "42") == {
        "profileId": "42", "details": {"Property": {"Type": "Condo"}}, "Class": "text",
    }  # fmt: skip
    assert tidy({"id": 1, "details": None}, "42") == {
        "id": 1, "profileId": "42", "details": None,
    }  # fmt: skip
