"""When a scan is complete, when it goes on, what an increment asks for (lofty.md §3, §6, §11)."""

from __future__ import annotations

from typing import Any

import pytest

from pipelines.common.errors import (
    ContractBroken,
    RecordUnavailable,
    ResourceUnavailable,
    RetryLater,
)
from tests.pipelines.in_memory import Outcome
from tests.pipelines.lofty.lofty_fake import FIRST_LEAD, Lofty, connect, lead, ok, refused, told


def many(count: int) -> Lofty:
    return Lofty(*(lead(number) for number in range(count)))


def ids(outcome: Outcome) -> list[int]:
    return [row["leadId"] for row in outcome.rows]


def sent(outcome: Outcome) -> list[dict[str, str]]:
    return [dict(request.url.params.items()) for request in outcome.requests]


def test_a_scan_follows_the_cursor_to_its_end() -> None:
    lofty = many(250)
    outcome = connect(lofty).read("leads")
    assert sorted(ids(outcome)) == [FIRST_LEAD + n for n in range(250)]
    assert sent(outcome) == [
        {"limit": "100"},
        {"scrollId": "scroll-100", "limit": "100"},
        {"scrollId": "scroll-200", "limit": "100"},
    ]
    assert outcome.reading.complete
    assert outcome.reading.vendor_count == 250
    assert outcome.reading.mode == "full scan, pages of 100"


@pytest.mark.parametrize("cap", [25, 7])
def test_a_smaller_page_than_asked_for_is_no_end(cap: int) -> None:
    lofty = many(60)
    lofty.cap = cap
    outcome = connect(lofty).read("leads")
    assert len(ids(outcome)) == 60
    assert outcome.reading.complete
    assert outcome.reading.mode == f"full scan, pages of {cap}"


def test_without_a_cursor_it_goes_on_by_offset_until_all_are_there() -> None:
    lofty = many(250)
    lofty.scrolls = False
    outcome = connect(lofty).read("leads")
    assert [params.get("offset") for params in sent(outcome)] == [None, "100", "200"]
    assert set(ids(outcome)) == {FIRST_LEAD + n for n in range(250)}
    assert outcome.reading.complete


def test_a_refused_cursor_is_replaced_by_an_offset_one_page_back() -> None:
    lofty = many(400)

    class Expiring(Lofty):
        def __call__(self, request: Any) -> Any:
            if request.url.params.get("scrollId") == "scroll-200":
                return refused(400, 20012)
            return super().__call__(request)

    expiring = Expiring(*lofty.leads)
    outcome = connect(expiring).read("leads")
    assert [p.get("scrollId") or p.get("offset") for p in sent(outcome)] == [
        None, "scroll-100", "scroll-200", "100", "scroll-200", "200", "scroll-300",
    ]  # fmt: skip
    assert set(ids(outcome)) == {FIRST_LEAD + n for n in range(400)}
    assert outcome.reading.complete


class Guarded(Lofty):
    """`refusals` cursors beyond row 200 are refused, and every offset there (§10.5)."""

    refusals = 1

    def _leads(self, params: dict[str, str]) -> Any:
        place = int(params.get("scrollId", "scroll-0").removeprefix("scroll-"))
        if place > 200 and self.refusals:
            self.refusals -= 1
            return refused(400, 20012)
        if int(params.get("offset", "0")) + int(params["limit"]) > 200:
            return refused(400, "OFFSET_EXCEED_LIMIT")
        return super()._leads(params)


def test_a_scan_that_lost_its_place_is_begun_anew_once() -> None:
    guarded = Guarded(*many(450).leads)
    outcome = connect(guarded).read("leads")
    assert [p.get("scrollId") or p.get("offset") for p in sent(outcome)] == [
        None, "scroll-100", "scroll-200", "scroll-300", "200",
        None, "scroll-100", "scroll-200", "scroll-300", "scroll-400",
    ]  # fmt: skip
    assert set(ids(outcome)) == {FIRST_LEAD + n for n in range(450)}
    assert outcome.reading.complete
    guarded.refusals = 2
    with pytest.raises(ContractBroken):
        connect(guarded).read("leads")


def test_a_list_that_goes_in_circles_ends_and_is_not_complete() -> None:
    class Circling(Lofty):
        def __call__(self, request: Any) -> Any:
            if request.url.path == "/v1.0/leads":
                meta = {"total": 100, "scrollId": "again", "limit": 3}
                return ok({"_metadata": meta, "leads": self.leads[:3]})
            return super().__call__(request)

    circling = Circling(*(lead(n) for n in range(3)))
    outcome = connect(circling).read("leads")
    assert len(outcome.requests) == 3
    assert not outcome.reading.complete


@pytest.mark.parametrize(("announced", "complete"), [(100, True), (101, True), (102, False)])
def test_99_percent_of_what_was_announced_make_a_scan_complete(
    announced: int, complete: bool
) -> None:
    lofty = many(100)
    lofty.total_more = announced - 100
    outcome = connect(lofty).read("leads")
    assert outcome.reading.complete is complete
    assert (outcome.reading.note is None) is complete


def test_a_scan_without_a_total_is_not_complete() -> None:
    class Silent(Lofty):
        def _leads(self, params: dict[str, str]) -> Any:
            body = super()._leads(params).json()
            del body["_metadata"]["total"]
            return ok(body)

    outcome = connect(Silent(*(lead(n) for n in range(150)))).read("leads")
    assert len(set(ids(outcome))) == 150
    assert not outcome.reading.complete


def test_the_total_of_the_beginning_counts() -> None:
    """Leads that come in during a scan make it no less complete."""

    class Growing(Lofty):
        def _leads(self, params: dict[str, str]) -> Any:
            self.total_more += 40
            return super()._leads(params)

    growing = Growing(*(lead(n) for n in range(250)))
    growing.total_more = -40
    outcome = connect(growing).read("leads")
    assert outcome.reading.vendor_count == 250
    assert outcome.reading.complete


# -- gone ------------------------------------------------------------------------------------------


def test_who_is_gone_is_asked_for_and_the_trash_is_told_apart() -> None:
    lofty = many(200)
    connection = connect(lofty)
    connection.read("leads")
    trashed, gone, left_out = (FIRST_LEAD + n for n in (3, 4, 5))
    lofty.trash = {trashed}
    lofty.hidden = {trashed, left_out}
    lofty.leads = [row for row in lofty.leads if row["leadId"] != gone]
    connection.later(days=1)
    outcome = connection.read("leads")
    assert outcome.gone == {str(trashed), str(gone)}
    assert outcome.reading.note == "Leads no longer listed: 1 in the trash, 1 gone or hidden."
    asked = [(r.url.path, r.url.params.get("withTrash")) for r in outcome.requests[2:]]
    assert sorted(asked, key=str) == sorted(
        [
            (f"/v1.0/leads/{trashed}", None),
            (f"/v1.0/leads/{trashed}", "true"),
            (f"/v1.0/leads/{gone}", None),
            (f"/v1.0/leads/{gone}", "true"),
            (f"/v1.0/leads/{left_out}", None),
        ],
        key=str,
    )


@pytest.mark.parametrize("code", [200100, "PERMISSION_DENIED"])
def test_who_may_not_be_asked_for_is_not_gone(code: int | str) -> None:
    lofty = many(100)
    connection = connect(lofty)
    connection.read("leads")
    lofty.hidden = {FIRST_LEAD + 3}
    lofty.broken[f"v1.0/leads/{FIRST_LEAD + 3}"] = refused(403, code)
    connection.later(days=1)
    with pytest.raises((RecordUnavailable, ResourceUnavailable)):
        connection.read("leads")
    assert str(FIRST_LEAD + 3) in connection.warehouse.keys("leads")


def test_an_incomplete_scan_ends_nobody() -> None:
    lofty = many(100)
    connection = connect(lofty)
    connection.read("leads")
    lofty.hidden = {FIRST_LEAD + n for n in range(10)}
    lofty.total_more = 10
    connection.later(days=1)
    outcome = connection.read("leads")
    assert outcome.gone == set()
    assert len(outcome.requests) == 2, "an offset for the rest, which is not there"


def test_a_scan_that_fails_ends_nobody() -> None:
    lofty = many(250)
    connection = connect(lofty)
    connection.read("leads")
    lofty.broken["v1.0/leads"] = refused(500, 20005)
    connection.later(days=1)
    with pytest.raises(RetryLater):
        connection.read("leads")
    assert len(connection.warehouse.keys("leads")) == 250


def test_a_renamed_list_is_a_failure() -> None:
    lofty = many(3)
    lofty.broken["v1.0/leads"] = ok({"_metadata": {"total": 0}, "people": []})
    with pytest.raises(ContractBroken, match="without a list 'leads'"):
        connect(lofty).read("leads")


# -- increments ------------------------------------------------------------------------------------


def test_a_quiet_increment_is_two_requests() -> None:
    lofty = many(500)
    connection = connect(lofty)
    connection.read("leads")
    connection.later(minutes=30)
    outcome = connection.read("leads")
    assert outcome.reading.mode == "recent"
    assert sent(outcome) == [
        {"sort": "CreateTime", "desc": "true", "limit": "100"},
        {"sort": "LastActivity", "desc": "true", "limit": "100"},
    ]
    assert not outcome.reading.complete


def fresh(*numbers: int) -> list[dict[str, Any]]:
    """Leads that came ten minutes after the first reading."""
    return [lead(n, createTime="2026-06-15T12:10:00GMT") for n in numbers]


def test_new_leads_are_followed_to_those_from_before_the_last_increment() -> None:
    lofty = many(300)
    connection = connect(lofty)
    connection.read("leads")
    lofty.leads += fresh(*range(300, 550))
    connection.later(minutes=30)
    outcome = connection.read("leads")
    pages = [params.get("scrollId") for params in sent(outcome) if params["sort"] == "CreateTime"]
    assert pages == [None, "scroll-100", "scroll-200"]
    assert {FIRST_LEAD + n for n in range(300, 550)} <= set(ids(outcome))


def test_new_leads_behind_a_page_that_failed_come_with_the_next_increment() -> None:
    """Pages from before a failure are kept, so that what is known says nothing of the rest."""
    lofty = many(300)
    connection = connect(lofty)
    connection.read("leads")
    lofty.leads += fresh(*range(300, 550))

    class Failing(Lofty):
        def __call__(self, request: Any) -> Any:
            if "scrollId" in request.url.params:
                return refused(503, "x")
            return lofty(request)

    connection.later(minutes=30)
    connection.handler = Failing()
    with pytest.raises(RetryLater):
        connection.read("leads")
    assert len(connection.warehouse.keys("leads")) == 400
    connection.handler = lofty
    connection.later(minutes=30)
    connection.read("leads")
    assert len(connection.warehouse.keys("leads")) == 550
    connection.later(minutes=30)
    assert len(connection.read("leads").requests) == 2


def test_leads_that_a_webhook_brought_end_no_increment() -> None:
    lofty = many(300)
    connection = connect(lofty)
    connection.read("leads")
    lofty.leads += fresh(*range(300, 550))
    connection.later(minutes=20)
    assert len(told(connection, "leads", *(str(FIRST_LEAD + n) for n in (450, 449))).rows) == 2
    connection.later(minutes=10)
    connection.read("leads")
    assert len(connection.warehouse.keys("leads")) == 550


def test_a_refused_cursor_of_an_increment_is_replaced_by_an_offset() -> None:
    lofty = many(300)
    connection = connect(lofty)
    connection.read("leads")
    lofty.leads += fresh(*range(300, 550))
    lofty.forget_scrolls = True
    connection.later(minutes=30)
    connection.read("leads")
    assert len(connection.warehouse.keys("leads")) == 550


def test_active_leads_are_followed_while_they_moved() -> None:
    lofty = many(400)
    connection = connect(lofty)
    connection.read("leads")
    active = {FIRST_LEAD + n for n in range(10, 160)}
    for row in lofty.leads:
        if row["leadId"] in active:
            row["lastVisit"] = "2026-06-15T12:10:00GMT"
    connection.later(minutes=30)
    outcome = connection.read("leads")
    pages = [params.get("scrollId") for params in sent(outcome) if params["sort"] == "LastActivity"]
    assert pages == [None, "scroll-100"], "the second ends with one that did not move"
    assert active <= set(ids(outcome))
    assert connection.handover.get("leads.changed", set()) == {str(key) for key in active}


def test_a_sort_that_is_ignored_costs_two_requests_and_the_scan_finds_the_rest() -> None:
    lofty = many(300)
    connection = connect(lofty)
    connection.read("leads")
    for row in lofty.leads:
        row.pop("lastVisit")
    lofty.leads[250]["lastTouch"] = "2026-06-15T12:10:00GMT"
    connection.later(minutes=30)
    assert len(connection.read("leads").requests) == 2
    connection.later(days=1)
    connection.read("leads")
    touched = connection.warehouse.rows["leads"][str(FIRST_LEAD + 250)]["last_touch"]
    assert touched.isoformat() == "2026-06-15T12:10:00+00:00"


def test_a_scan_is_due_once_a_day_and_an_incomplete_one_after_six_hours() -> None:
    lofty = many(100)
    connection = connect(lofty)
    lofty.total_more = 50
    assert not connection.read("leads").reading.complete
    for hours, mode in ((1, "recent"), (4, "recent"), (2, "full scan"), (20, "full scan")):
        connection.later(hours=hours)
        assert connection.read("leads").reading.mode.startswith(mode), hours
    lofty.total_more = 0
    connection.later(hours=7)
    assert connection.read("leads").reading.complete
    for hours, mode in ((20, "recent"), (5, "full scan")):
        connection.later(hours=hours)
        assert connection.read("leads").reading.mode.startswith(mode), hours


def test_sentinels_and_ids_stay_as_sent_and_birthdays_do_not_stay() -> None:
    row = lead(
        1, leadSource=-1, pondId=0, birthday="1980-05-04", assignTime="",
        leadFamilyMemberList=[{"firstName": "Pat", "birthday": "Feb 28, 1982"}],
    )  # fmt: skip
    row["leadId"] = 2**53 + 1
    connection = connect(Lofty(row))
    connection.read("leads")
    [(key, kept)] = connection.warehouse.rows["leads"].items()
    assert key == "9007199254740993"
    assert (kept["lead_source"], kept["pond_id"], kept["assign_time"]) == ("-1", "0", None)
    assert kept["lead_family_member_list"] == [{"firstName": "Pat"}]
    assert "birthday" not in kept
