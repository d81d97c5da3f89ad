"""Participants and activities: a request per loop, so only where it is worth it (§3.6, §3.8)."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
import xxhash

from pipelines.common.errors import RetryLater
from pipelines.dotloop.parts import day_of
from tests.pipelines.dotloop.dotloop_fake import Dotloop, a_loop, connect, stamp
from tests.pipelines.in_memory import Connection, Outcome


def office() -> Dotloop:
    """Three loops with two people each."""
    dotloop = Dotloop()
    dotloop.loops[42] = [a_loop(n, -60 * n) for n in (1, 2, 3)]
    dotloop.people = {
        n: [{"id": 8801, "role": "BUYER"}, {"id": 8802, "role": "BUYING_AGENT"}] for n in (1, 2, 3)
    }
    return dotloop


def sync(connection: Connection, *, full: bool = False) -> Outcome:
    connection.read("loops", full=full)
    return connection.read("participants", full=full)


def loops_asked(outcome: Outcome) -> set[int]:
    return {int(r.url.path.split("/")[-2]) for r in outcome.requests if "/loop/" in r.url.path}


def closing(text: str, **more: Any) -> dict[str, Any]:
    return {"details": {"Contract Dates": {"Closing Date": text}}, **more}


def test_the_first_reading_asks_for_each_loop_and_a_quiet_one_for_none() -> None:
    connection = connect(office())
    assert loops_asked(sync(connection)) == {1, 2, 3}
    connection.later(hours=1)
    assert loops_asked(sync(connection)) == set()
    assert len(connection.warehouse.rows["participants"]) == 6


def test_people_of_a_loop_that_changed_are_replaced_within_it() -> None:
    dotloop = office()
    connection = connect(dotloop)
    sync(connection)
    dotloop.loops[42][1]["updated"] = stamp(30)
    dotloop.people[2] = [{"id": 8802, "role": "OTHER"}, {"id": 8803, "role": "SELLER"}]
    dotloop.people[3] = []
    connection.later(hours=1)
    outcome = sync(connection)
    assert loops_asked(outcome) == {2}
    assert outcome.gone == {"42|2|8801"}
    assert {key for key in connection.warehouse.rows["participants"] if key[3] != "1"} == {
        "42|2|8802", "42|2|8803", "42|3|8801", "42|3|8802",
    }  # fmt: skip


def test_a_loop_whose_people_failed_is_asked_again_though_its_list_goes_on() -> None:
    dotloop = office()
    connection = connect(dotloop)
    sync(connection)
    dotloop.loops[42][1]["updated"] = stamp(30)
    dotloop.down.add("/profile/42/loop/2/participant")
    connection.later(hours=1)
    connection.read("loops")
    with pytest.raises(RetryLater, match="1 of 1 loops could not be read and are tried again"):
        connection.read("participants")
    dotloop.down.clear()
    connection.later(hours=1)
    assert loops_asked(sync(connection)) == {2}


def test_a_first_reading_that_broke_off_goes_on_where_it_stopped() -> None:
    dotloop = office()
    dotloop.down.add("/profile/42/loop/2/participant")
    connection = connect(dotloop)
    connection.read("loops")
    with pytest.raises(RetryLater):
        connection.read("participants")
    assert set(connection.warehouse.rows["participants"]) == {
        "42|1|8801", "42|1|8802", "42|3|8801", "42|3|8802",
    }  # fmt: skip
    dotloop.down.clear()
    connection.later(hours=1)
    assert loops_asked(sync(connection)) == {2}


def test_loops_about_to_close_are_asked_once_a_day() -> None:
    """It is June 15: whether a participant moves the loop's `updated` is not documented."""
    dotloop = office()
    dotloop.loops[42] = [
        a_loop(1, -1, **closing("07/20/2026")),
        a_loop(2, -2, **closing("April 20, 2026")),
        a_loop(3, -3, **closing("07/20/2026", status="ARCHIVED")),
        a_loop(4, -4, **closing("04/01/2026")),
        a_loop(5, -5, **closing("when the bank says yes")),
        a_loop(6, -6),
    ]
    dotloop.people = {n: [] for n in range(1, 7)}
    connection = connect(dotloop)
    sync(connection)
    connection.later(hours=22)
    assert loops_asked(sync(connection)) == set()
    connection.later(hours=1)
    assert loops_asked(sync(connection)) == {1, 2}
    connection.later(hours=22)
    assert loops_asked(sync(connection)) == set()
    connection.later(hours=22)
    assert loops_asked(sync(connection, full=True)) == {1, 2, 3, 4, 5, 6}


@pytest.mark.parametrize("host", ["", "https://dotloop.test"])
def test_a_merged_loop_is_recorded_and_the_other_ones_people_are_not_its_own(host: str) -> None:
    dotloop = office()
    dotloop.host = host
    connection = connect(dotloop)
    dotloop.merged[1] = 2
    outcome = sync(connection)
    assert {row["loopId"] for row in outcome.rows} == {"2", "3"}
    assert connection.read("merged_loops").rows == [
        {"profileId": "42", "oldLoopId": "1", "newLoopId": "2"}
    ]
    connection.later(hours=1)
    assert not connection.read("merged_loops").gone
    # it stands in raw for a while, and is not asked any more
    connection.later(days=2)
    assert "42|1" in connection.warehouse.rows["loops"]
    assert loops_asked(sync(connection, full=True)) >= {2, 3}
    assert not any(key.startswith("42|1|") for key in connection.warehouse.rows["participants"])


def test_a_loop_that_is_gone_or_not_ours_meanwhile_costs_only_itself() -> None:
    dotloop = office()
    connection = connect(dotloop)
    sync(connection)
    connection.later(hours=1)
    dotloop.refuses.add("/profile/42/loop/1/participant")
    del dotloop.people[2]
    outcome = sync(connection, full=True)
    assert outcome.reading.note == "2 listed loops are gone or belong to others."
    assert outcome.gone == set()
    assert len(connection.warehouse.rows["participants"]) == 6


def test_people_of_a_loop_that_is_gone_are_gone() -> None:
    dotloop = office()
    connection = connect(dotloop)
    sync(connection)
    del dotloop.loops[42][0]
    connection.later(days=8)
    assert sync(connection).gone == {"42|1|8801", "42|1|8802"}


def test_a_person_who_does_not_fit_is_not_taken_for_gone() -> None:
    dotloop = office()
    connection = connect(dotloop)
    sync(connection)
    dotloop.loops[42][0]["updated"] = stamp(30)
    dotloop.people[1][0]["role"] = {"code": 7}
    connection.later(hours=1)
    outcome = sync(connection)
    assert len(outcome.rejected) == 1
    assert outcome.gone == set()


@pytest.mark.parametrize(
    ("sent", "labels", "phone"),
    [
        ({"id": 1, "role": "BUYER"}, None, None),
        (
            {"id": 1, "phone": None, "Phone": "555-0100", "CITY": "Fairview", "state/prov": "OR"},
            {"city": "Fairview", "state/prov": "OR"},
            "555-0100",
        ),
        (
            {"id": 1, "phone": "555-0101", "PHONE": "555-0100", "cell phone": "1", "city": "X"},
            {"phone": "555-0100", "cell phone": "1", "city": "X"},
            "555-0101",
        ),
        ({"id": 1, "newField": 7, "Never Seen": "x"}, {"never seen": "x"}, None),
    ],
)
def test_labels_come_in_any_letter_case(
    sent: dict[str, Any], labels: dict[str, Any] | None, phone: str | None
) -> None:
    dotloop = office()
    dotloop.people = {1: [sent], 2: [], 3: []}
    [row] = sync(connect(dotloop)).rows
    assert row["labels"] == labels
    assert row["phone"] == phone
    assert row.get("newField") == sent.get("newField")


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("04/05/2026", date(2026, 4, 5)),
        ("March 05, 2026", date(2026, 3, 5)),
        ("02/29/2028", date(2028, 2, 29)),
        ("02/30/2026", None),
        ("soon", None),
        (None, None),
    ],
)
def test_days_come_in_two_forms(text: str | None, day: date | None) -> None:
    assert day_of(text) == day


# -- activities ------------------------------------------------------------------------------------


def test_activities_have_a_hash_for_an_id_and_come_in_batches() -> None:
    dotloop = office()
    dotloop.activities = {
        1: [{"date": stamp(n), "message": f"Nia viewed page {n}"} for n in range(230)],
        2: [{"date": stamp(), "message": None}],
    }
    connection = connect(dotloop)
    connection.read("loops")
    outcome = connection.read("activities")
    hashed = xxhash.xxh3_64_hexdigest(b"Nia viewed page 7")
    row = connection.warehouse.rows["activities"][f"42|1|{stamp(7)}|{hashed}"]
    assert row["message"] == "Nia viewed page 7"
    assert row["date"].isoformat() == "2026-06-15T10:07:00+00:00"
    assert len(connection.warehouse.rows["activities"]) == 231
    assert len(outcome.requests) == 3 + 1 + 1
    connection.later(hours=1)
    connection.read("loops")
    assert connection.read("activities").requests == []


@pytest.mark.parametrize(("cap", "requests"), [(50, 5), (20, 12)])
def test_a_silent_cap_is_not_taken_for_the_end_of_activities(cap: int, requests: int) -> None:
    dotloop = office()
    dotloop.activity_cap = cap
    dotloop.activities = {1: [{"date": stamp(n), "message": f"{n}"} for n in range(230)]}
    connection = connect(dotloop)
    connection.read("loops")
    outcome = connection.read("activities")
    assert len(connection.warehouse.rows["activities"]) == 230
    # the two other loops cost a request each
    assert len(outcome.requests) == requests + 2
