"""Increments, whose filters are never taken at their word (fub.md §2.3, §4.3, §11)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from pipelines.common.errors import ResourceUnavailable, RetryLater
from tests.pipelines.fub.fub_fake import Fub, connect
from tests.pipelines.in_memory import Connection

START = datetime(2026, 6, 15, 10, tzinfo=UTC)


def stamp(minutes: float = 0) -> str:
    return (START + timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%SZ")


def crowd(count: int = 300) -> Fub:
    """People, each updated an hour before the next."""
    fub = Fub()
    fub.lists["people"] = [
        {
            "id": n,
            "created": stamp(-100_000),
            "updated": stamp(-60 * (count - n)),
            "lastActivity": stamp(-60 * (count - n)),
            "phones": [{"value": "5550100"}],
        }
        for n in range(1, count + 1)
    ]
    # somebody was edited out of the order of ids, else a sort that is ignored looks honoured
    people = fub.lists["people"]
    people[-2]["updated"], people[-3]["updated"] = people[-3]["updated"], people[-2]["updated"]
    fub.lists["textMessages"] = []
    return fub


def touch(fub: Fub, key: int, minutes: float, column: str = "updated") -> None:
    fub.lists["people"][key - 1][column] = stamp(minutes)


def second_sync(fub: Fub, entity: str = "people") -> Connection:
    connection = connect(fub)
    connection.read(entity)
    connection.later(hours=1)
    return connection


def test_a_first_load_sees_trash_and_custom_fields() -> None:
    outcome = connect(crowd()).read("people")
    assert len(outcome.rows) == 300
    for request in outcome.requests:
        assert request.url.params["fields"] == "allFields"
        assert request.url.params["includeTrash"] == "true"
        assert request.url.params["includeUnclaimed"] == "true"
    assert outcome.reading.mode == "full (probe:updated_after)"
    assert outcome.reading.cursor_to == f"{stamp()} {stamp()}"


def test_a_working_filter_is_used() -> None:
    fub = crowd()
    connection = second_sync(fub)
    touch(fub, 5, 30)
    outcome = connection.read("people")
    assert set(outcome.ids) == {5, 300}
    assert outcome.reading.mode == "probe:updated_after"
    assert outcome.reading.cursor_to == f"{stamp(30)} {stamp()}"
    assert len(outcome.requests) == 2


def test_activity_that_moves_nothing_else_is_taken_by_its_own_pass() -> None:
    fub = crowd()
    connection = second_sync(fub)
    touch(fub, 7, 20, "lastActivity")
    assert 7 in connection.read("people").ids


@pytest.mark.parametrize("fault", ["ignored", "empty"])
def test_a_broken_filter_is_found_by_the_probe(fault: str) -> None:
    fub = crowd()
    getattr(fub, fault).add("updatedAfter")
    connection = second_sync(fub)
    assert connection.warehouse.marks["people"].mode == "full (probe:sort_updated_walk)"
    touch(fub, 5, 30)
    outcome = connection.read("people")
    assert 5 in outcome.ids
    assert outcome.reading.mode == "probe:sort_updated_walk"
    assert len(outcome.requests) == 2


@pytest.mark.parametrize("fault", ["ignored", "empty"])
def test_a_filter_that_breaks_later_is_noticed_in_the_same_sync(fault: str) -> None:
    fub = crowd()
    connection = second_sync(fub)
    getattr(fub, fault).add("updatedAfter")
    touch(fub, 5, 30)
    outcome = connection.read("people")
    assert 5 in outcome.ids
    assert outcome.reading.probed
    assert outcome.reading.mode == "full (probe:sort_updated_walk)"


def test_without_filter_and_sort_everything_is_swept() -> None:
    fub = crowd()
    fub.ignored = {"updatedAfter", "sort"}
    for row in fub.lists["people"]:
        row["updated"] = stamp(-row["id"])
    connection = second_sync(fub)
    touch(fub, 5, 30)
    outcome = connection.read("people")
    assert len(outcome.rows) == 300
    assert outcome.reading.mode == "full (probe:full_sweep)"


@pytest.mark.parametrize(
    "updated",
    [lambda key: stamp(-9999), lambda key: stamp(-9999 + key)],
    ids=["an import", "the order of ids"],
)
def test_an_order_that_proves_no_sort_is_not_trusted(updated: Callable[[int], str]) -> None:
    fub = crowd()
    fub.ignored = {"updatedAfter", "sort"}
    for row in fub.lists["people"]:
        row["updated"] = updated(row["id"])
    connection = second_sync(fub)
    touch(fub, 5, 30)
    outcome = connection.read("people")
    assert 5 in outcome.ids
    assert outcome.reading.mode == "full (probe:full_sweep)"


def test_the_probe_is_weekly() -> None:
    connection = second_sync(crowd())
    assert not connection.read("people").reading.probed
    connection.later(days=7)
    outcome = connection.read("people")
    assert outcome.reading.probed
    assert len(outcome.rows) == 300


def test_a_person_is_gone_only_when_the_record_is() -> None:
    fub = crowd(20)
    connection = connect(fub)
    connection.read("people")
    del fub.lists["people"][4]
    fub.hidden = lambda row, _request: row["id"] == 9
    connection.later(days=7)
    assert connection.read("people").gone == {"5"}


@pytest.mark.parametrize("fault", ["ignored", "empty"])
def test_a_broken_activity_filter_is_noticed_and_costs_freshness_only(fault: str) -> None:
    fub = crowd()
    connection = second_sync(fub)
    getattr(fub, fault).add("lastActivityAfter")
    touch(fub, 7, 20, "lastActivity")
    outcome = connection.read("people")
    assert "lastActivityAfter does not work" in (outcome.reading.note or "")
    connection.later(days=7)
    assert 7 in connection.read("people").ids


def test_nobody_active_is_no_broken_filter() -> None:
    fub = crowd()
    connection = second_sync(fub)
    touch(fub, 300, -5000, "lastActivity")
    assert connection.read("people").reading.note is None


def test_a_person_dated_in_the_future_does_not_stop_the_account() -> None:
    fub = crowd()
    touch(fub, 300, 60 * 24 * 365)
    connection = second_sync(fub)
    touch(fub, 5, 150)
    connection.later(hours=2)
    assert 5 in connection.read("people").ids


# -- events and calls ----------------------------------------------------------------------------


def history(path: str, count: int = 450) -> Fub:
    """Events or calls, one a day, newest last."""
    fub = Fub()
    fub.lists[path] = [
        {"id": n, "created": stamp(-60 * 24 * (count - n))} for n in range(1, count + 1)
    ]
    return fub


def add(fub: Fub, path: str, key: int, minutes: float) -> None:
    fub.lists[path].append({"id": key, "created": stamp(minutes)})


@pytest.mark.parametrize(
    ("ignored", "empty"), [("", ""), ("idGreaterThan", ""), ("", "idGreaterThan")]
)
def test_new_events_come_with_a_page_of_overlap(ignored: str, empty: str) -> None:
    fub = history("events")
    connection = second_sync(fub, "events")
    add(fub, "events", 451, 30)
    fub.ignored, fub.empty = {ignored}, {empty}
    outcome = connection.read("events")
    assert 451 in outcome.ids
    assert 351 in outcome.ids
    assert len(outcome.requests) <= 4
    assert outcome.reading.cursor_to == "451"


@pytest.mark.parametrize(
    ("ignored", "empty"), [("", ""), ("createdAfter", ""), ("", "createdAfter")]
)
def test_new_calls_come_with_a_day_of_overlap(ignored: str, empty: str) -> None:
    fub = history("calls")
    connection = second_sync(fub, "calls")
    fub.lists["calls"][-1]["note"] = "written an hour later"
    add(fub, "calls", 451, 30)
    fub.ignored, fub.empty = {ignored}, {empty}
    outcome = connection.read("calls")
    assert {450, 451} <= set(outcome.ids)
    assert len(outcome.requests) <= 5
    assert outcome.reading.cursor_to == stamp(30)


@pytest.mark.parametrize(
    ("ignored", "empty"), [("", ""), ("createdAfter", ""), ("", "createdAfter")]
)
def test_new_notes_come_like_calls(ignored: str, empty: str) -> None:
    fub = history("notes")
    connection = second_sync(fub, "notes")
    add(fub, "notes", 451, 30)
    fub.ignored, fub.empty = {ignored}, {empty}
    assert {450, 451} <= set(connection.read("notes").ids)


@pytest.mark.parametrize("fault", [None, "ignored", "empty"])
def test_a_task_that_is_done_comes_by_its_clock_else_within_a_month(fault: str | None) -> None:
    fub = history("tasks")
    for row in fub.lists["tasks"]:
        row["updated"] = row["created"]
    connection = second_sync(fub, "tasks")
    fub.lists["tasks"].append({"id": 451, "created": stamp(30), "updated": stamp(30)})
    fub.lists["tasks"][200 - 1].update(updated=stamp(30), completed=stamp(30))
    if fault is not None:
        getattr(fub, fault).add("updatedAfter")
    outcome = connection.read("tasks")
    assert 451 in outcome.ids
    assert (200 in outcome.ids) is (fault is None)
    assert len(outcome.requests) <= 5
    connection.later(days=30)
    assert 200 in connection.read("tasks").ids


def test_calls_of_a_month_are_read_again_weekly() -> None:
    fub = history("calls")
    connection = second_sync(fub, "calls")
    connection.later(days=7)
    weekly = connection.read("calls")
    assert len(set(weekly.ids)) >= 30
    connection.later(hours=1)
    assert len(set(connection.read("calls").ids)) <= 2


def test_monthly_everything() -> None:
    connection = second_sync(history("calls"), "calls")
    connection.later(days=30)
    assert len(set(connection.read("calls").ids)) == 450


# -- text messages -------------------------------------------------------------------------------


def test_texts_are_asked_for_person_by_person() -> None:
    fub = crowd(5)
    fub.lists["people"][1]["phones"] = []
    fub.lists["textMessages"] = [
        {"id": 10 * n, "personId": n, "created": stamp()} for n in (1, 2, 3)
    ]
    connection = connect(fub)
    connection.read("people")
    outcome = connection.read("text_messages")
    assert outcome.requests[0].url.params["personId"] == "5"
    assert {r.url.params["personId"] for r in outcome.requests} == {"1", "3", "4", "5"}
    assert sorted(outcome.ids) == [10, 30]


def test_then_only_people_who_were_active() -> None:
    fub = crowd(50)
    connection = connect(fub)
    connection.read("people")
    connection.read("text_messages")
    connection.later(hours=1)
    touch(fub, 7, 20, "lastActivity")
    connection.read("people")
    outcome = connection.read("text_messages")
    assert {r.url.params["personId"] for r in outcome.requests} == {"7", "50"}


def test_texts_missed_by_a_failure_are_made_up_for() -> None:
    fub = crowd(50)
    connection = connect(fub)
    connection.read("people")
    connection.read("text_messages")
    for minutes in (20, 80):
        connection.later(hours=1)
        touch(fub, 7 if minutes == 20 else 9, minutes, "lastActivity")
        connection.read("people")
    asked = {r.url.params["personId"] for r in connection.read("text_messages").requests}
    assert asked == {"7", "9", "50"}


def test_everybody_is_asked_again_within_a_month() -> None:
    connection = connect(crowd(60))
    connection.read("people")
    connection.read("text_messages")
    asked: set[str] = set()
    for days in (1, 2, 13, 14):
        connection.later(days=days)
        requests = connection.read("text_messages").requests
        asked |= {request.url.params["personId"] for request in requests}
        assert len(requests) <= days * 2 + 1
    assert len(asked) == 60


class Flaky(Fub):
    """One person's texts always fail."""

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.params.get("personId") == "2":
            return httpx.Response(500, text="<html>")
        return super().__call__(request)


def test_one_person_that_fails_costs_only_itself() -> None:
    flaky = Flaky()
    flaky.lists.update(crowd(5).lists)
    flaky.lists["textMessages"] = [{"id": 1, "personId": 1, "created": stamp()}]
    connection = connect(flaky)
    connection.read("people")
    with pytest.raises(RetryLater, match="The texts of 1 of 5 people"):
        connection.read("text_messages")
    assert connection.warehouse.keys("text_messages") == {"1"}


def test_a_first_load_of_texts_goes_on_where_it_broke_off() -> None:
    flaky = Flaky()
    flaky.lists.update(crowd(5).lists)
    flaky.lists["textMessages"] = [{"id": n, "personId": n, "created": stamp()} for n in (1, 3)]
    connection = connect(flaky)
    connection.read("people")
    with pytest.raises(RetryLater):
        connection.read("text_messages")
    connection.later(hours=1)
    connection.read("people")
    with pytest.raises(RetryLater):
        connection.read("text_messages")
    assert {r.url.params["personId"] for r in connection.requests} == {"2", "4", "5"}


def test_texts_that_are_refused_end_none() -> None:
    fub = crowd(30)
    fub.lists["textMessages"] = [{"id": n, "personId": n, "created": stamp()} for n in range(1, 31)]
    connection = connect(fub)
    connection.read("people")
    connection.read("text_messages")
    fub.refused = {"textMessages"}
    connection.later(days=7)
    connection.read("people", full=True)
    with pytest.raises(ResourceUnavailable, match="owner's key") as refused:
        connection.read("text_messages", full=True)
    assert refused.value.status == "not_permitted"
    assert len(connection.warehouse.keys("text_messages")) == 30


# -- appointments --------------------------------------------------------------------------------


class Calendar(Fub):
    """Appointments of user 4 show up only when asked for by user."""

    def __init__(self, private: bool) -> None:
        super().__init__()
        self.lists["appointments"] = [
            {"id": n, "user": 3 + n % 2, "updated": stamp(-60 * n), "start": stamp()}
            for n in range(1, 11)
        ]
        self.private = private
        self.hidden = self._hidden

    def _hidden(self, row: dict[str, Any], request: httpx.Request) -> bool:
        user = request.url.params.get("userId")
        if user is not None:
            return row.get("user") != int(user) if "user" in row else False
        return self.private and row.get("user") == 4


@pytest.mark.parametrize(("private", "calls"), [(True, 5), (False, 2)])
def test_passes_per_user_only_where_they_bring_more(private: bool, calls: int) -> None:
    fub = Calendar(private)
    connection = connect(fub)
    connection.read("users")
    first = connection.read("appointments")
    assert sorted(first.ids) == list(range(1, 11))
    assert first.reading.complete
    assert ("only when asked for by user" in (first.reading.note or "")) is private
    connection.later(hours=1)
    second = connection.read("appointments")
    assert len(second.requests) == calls
    assert second.requests[0].url.params["start"] == "2026-05-16T09:00:00Z"


def test_a_deleted_appointment_is_gone_after_the_monthly_reading() -> None:
    fub = Calendar(private=False)
    connection = connect(fub)
    connection.read("users")
    connection.read("appointments")
    fub.lists["appointments"].pop()
    connection.later(days=30)
    assert connection.read("appointments").gone == {"10"}


@pytest.mark.parametrize("user", [None, "3"])
def test_a_list_that_ends_early_ends_no_appointment(user: str | None) -> None:
    fub = Calendar(private=False)
    connection = connect(fub)
    connection.read("users")
    connection.read("appointments")
    honest = connection.handler

    def short(request: httpx.Request) -> httpx.Response:
        answer = honest(request)
        if (
            not request.url.path.endswith("appointments")
            or request.url.params.get("userId") != user
        ):
            return answer
        body = answer.json()
        body["appointments"] = body["appointments"][:2]
        return httpx.Response(200, json=body)

    connection.handler = short
    connection.later(days=30)
    connection.read("users")
    outcome = connection.read("appointments")
    assert outcome.gone == set()
    assert not outcome.reading.complete
    assert "announced by /appointments" in (outcome.reading.note or "")


def test_the_count_of_appointments_is_what_the_list_announced() -> None:
    fub = Calendar(private=True)
    connection = connect(fub)
    connection.read("users")
    assert connection.read("appointments").reading.vendor_count == 10


def test_an_appointment_that_a_page_jumped_over_is_asked_for() -> None:
    fub = Calendar(private=False)
    fub.lists["appointments"] = [
        {"id": n, "user": 3, "updated": stamp(-n), "start": stamp()} for n in range(1, 201)
    ]
    connection = connect(fub)
    connection.read("users")
    connection.read("appointments")
    honest = connection.handler

    def jumping(request: httpx.Request) -> httpx.Response:
        answer = honest(request)
        body = answer.json()
        rows = body.get("appointments", [])
        body["appointments"] = [row for row in rows if row["id"] != 7]
        return httpx.Response(answer.status_code, json=body)

    connection.handler = jumping
    connection.later(days=30)
    connection.read("users")
    assert connection.read("appointments").gone == set()


@pytest.mark.parametrize("fault", ["ignored", "empty"])
def test_a_filter_of_appointments_that_breaks_is_noticed(fault: str) -> None:
    fub = Calendar(private=False)
    connection = connect(fub)
    connection.read("users")
    connection.read("appointments")
    assert "updated_after" in connection.warehouse.marks["appointments"].mode
    getattr(fub, fault).add("updatedAfter")
    connection.later(hours=1)
    outcome = connection.read("appointments")
    assert "updatedAfter has no effect" in (outcome.reading.note or "")
    assert outcome.reading.mode == "probe:unscoped"
