"""Lofty's lists that move, forget and end early, and what is gone for which reason (§3-6)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sources.lofty_case import some_lead, truth
from tests.sources.rig import ADA, Rig, only, result

ONLY = "lofty"
LEADS = ["account", "leads"]


def change(rig: Rig, op: str, **fields: Any) -> None:
    rig.box.mutate({"op": f"lofty.{op}", "agent_key": ADA, **fields})


def switch(rig: Rig, name: str, value: object) -> None:
    rig.box.mutate({"op": "lofty.switch", "name": name, "value": value})


def fault(rig: Rig, kind: str, match: str, **fields: Any) -> Any:
    return rig.box.faults.add(kind, vendor="lofty", match=match, agent_key=ADA, **fields)


def differences(rig: Rig, *entities: str) -> list[str]:
    return [d for d in rig.differences() if d.split(" ", 1)[0] in entities]


def note_of(rig: Rig, entity: str = "leads") -> str:
    [(note,)] = rig.query(
        "select error from raw_lofty.sync_marks where entity = %s order by started_at desc limit 1",
        entity,
    )
    return note or ""


# -- scans -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("metadata_key", "get_metadata"),
        ("lead_detail", "bare"),
        pytest.param("page_cap", 25, marks=pytest.mark.slow),
        ("page_cap", 7),
        pytest.param("last_page", "empty", marks=pytest.mark.slow),
        pytest.param("member_limit", 25, marks=pytest.mark.slow),
        ("member_ids", "long"),
        ("communication_time", "iso"),
        pytest.param("communication_time", "epoch", marks=pytest.mark.slow),
    ],
)
def test_every_form_of_a_list_is_read(new_rig: Rig, name: str, value: object) -> None:
    switch(new_rig, name, value)
    assert not new_rig.sync().failures
    new_rig.must_equal_truth()
    new_rig.box.clock.advance(seconds=60)
    report = new_rig.sync(full=True)
    assert not report.failures
    assert sum(r.rows_written for r in report.results) == 0
    if name == "page_cap":
        assert result(report, "leads").mode == f"full scan, pages of {value}"


@pytest.mark.parametrize(
    "kind",
    [
        "scroll_expired",
        "repeat_row",
        "shift_page",
        pytest.param("moving_total", marks=pytest.mark.slow),
        pytest.param("lofty_429", marks=pytest.mark.slow),
    ],
)
@pytest.mark.every_time
def test_a_list_that_moves_while_it_is_read_loses_and_ends_nobody(rig: Rig, kind: str) -> None:
    switch(rig, "page_cap", 5)
    wire = {"kind": "429_with_retry_after", "retry_after": 5} if kind == "lofty_429" else {}
    rule = fault(rig, str(wire.pop("kind", kind)), r"^/v1.0/leads\?.*scrollId", times=2, **wire)
    report = rig.sync(entities=LEADS, full=True)
    assert rule.hits == 2
    assert not report.failures
    assert result(report, "leads").rows_deleted == 0
    rig.box.clock.advance(seconds=60)
    assert not rig.sync(entities=LEADS).failures
    assert differences(rig, "leads") == []


def test_a_scroll_that_idles_too_long_goes_on_by_offset(rig: Rig) -> None:
    switch(rig, "page_cap", 5)
    switch(rig, "scroll_idle_minutes", 0)
    report = rig.sync(entities=LEADS, full=True)
    assert not report.failures
    assert result(report, "leads").rows_deleted == 0
    assert differences(rig, "leads") == []


@pytest.mark.parametrize("by", [1, pytest.param(5, marks=pytest.mark.slow)])
def test_a_scan_below_99_percent_ends_nobody(rig: Rig, by: int) -> None:
    """More leads are announced than come: whoever is missing may only have been left out."""
    gone = some_lead(rig.box)
    change(rig, "delete_lead", lead_id=int(gone))
    fault(rig, "wrong_total", r"^/v1.0/leads\?", times=None, by=by)
    report = rig.sync(entities=LEADS, full=True)
    assert not report.failures
    assert result(report, "leads").rows_deleted == 0
    assert gone in rig.rows("leads")
    assert "announced leads came." in note_of(rig)
    rig.box.faults.clear()
    rig.box.clock.advance(seconds=24 * 3600)
    assert result(rig.sync(entities=LEADS), "leads").rows_deleted == 1, "scanned again by itself"
    assert differences(rig, "leads") == []


def test_a_scan_that_breaks_off_ends_nobody(rig: Rig) -> None:
    switch(rig, "page_cap", 10)
    gone = some_lead(rig.box)
    change(rig, "delete_lead", lead_id=int(gone))
    fault(rig, "status", r"^/v1.0/leads\?.*scrollId", status=502, times=None)
    report = rig.sync(entities=LEADS, full=True)
    assert {failure.entity for failure in report.failures} == {"leads"}
    assert gone in rig.rows("leads")


def test_edits_come_with_the_daily_scan_whatever_moves_the_clock(rig: Rig) -> None:
    switch(rig, "page_cap", 5)
    lead = int(some_lead(rig.box))
    change(rig, "edit_lead", lead_id=lead, set={"city": "Bend"}, silent=True)
    rig.box.clock.advance(seconds=3600)
    report = rig.sync(entities=LEADS)
    assert result(report, "leads").mode == "recent"
    assert rig.box.requests.count(vendor="lofty", template="/v1.0/leads") <= 2
    assert differences(rig, "leads")
    rig.box.clock.advance(seconds=24 * 3600)
    report = rig.sync(entities=LEADS)
    assert result(report, "leads").mode.startswith("full scan")
    assert differences(rig, "leads") == []


def test_new_and_active_leads_come_at_once(rig: Rig) -> None:
    change(rig, "add_lead", set={"firstName": "Nia"})
    change(rig, "add_visit", lead_id=int(some_lead(rig.box)))
    rig.box.clock.advance(seconds=600)
    report = rig.sync()
    assert not report.failures
    assert result(report, "leads").mode == "recent"
    assert result(report, "leads").rows_written == 2
    rig.must_equal_truth()


# -- gone ------------------------------------------------------------------------------------------


def test_where_leads_went_is_counted(rig: Rig) -> None:
    first = some_lead(rig.box)
    change(rig, "delete_lead", lead_id=int(first))
    second = some_lead(rig.box)
    change(rig, "hide_lead", lead_id=int(second))
    third = some_lead(rig.box)
    change(rig, "delete_lead", lead_id=int(third), purge=True)
    report = rig.sync(full=True)
    assert not report.failures
    assert result(report, "leads").rows_deleted == 3
    assert note_of(rig) == "Leads no longer listed: 1 in the trash, 2 gone or hidden."
    rig.must_equal_truth()
    change(rig, "restore_lead", lead_id=int(first))
    rig.box.clock.advance(seconds=60)
    assert not rig.sync(full=True).failures
    assert first in rig.rows("leads")
    rig.must_equal_truth()


@pytest.mark.every_time
def test_a_merged_lead_is_gone_and_what_hung_on_it_is_the_winners(rig: Rig) -> None:
    leads = sorted(truth(rig.box, "leads"))
    change(rig, "merge_leads", winner=int(leads[0]), loser=int(leads[1]), trash=True)
    rig.box.clock.advance(seconds=60)
    report = rig.sync(full=True)
    assert not report.failures
    assert leads[1] not in rig.rows("leads")
    rig.must_equal_truth()


def test_a_departure_that_cannot_be_asked_about_waits(rig: Rig) -> None:
    gone = some_lead(rig.box)
    change(rig, "delete_lead", lead_id=int(gone))
    fault(rig, "status", r"^/v1.0/leads/\d+$", status=503, times=None)
    report = rig.sync(entities=LEADS, full=True)
    assert (result(report, "leads").error or "").startswith("1 rows did not come back, and ")
    assert gone in rig.rows("leads")
    rig.box.faults.clear()
    rig.box.clock.advance(seconds=24 * 3600)
    assert not rig.sync(entities=LEADS).failures
    assert differences(rig, "leads") == []


# -- details ---------------------------------------------------------------------------------------


def test_details_are_asked_of_changed_leads_only(rig: Rig) -> None:
    lead = int(some_lead(rig.box))
    change(rig, "add_visit", lead_id=lead)
    change(rig, "add_note", lead_id=lead)
    rig.box.clock.advance(seconds=60)
    rig.box.requests.clear()
    assert not rig.sync().failures
    for path in ("notes", "tasks", "appts"):
        assert rig.box.requests.count(vendor="lofty", template=f"/v1.0/{path}") == 1
    assert only({"leads"}, rig.differences())


def test_details_that_failed_are_read_when_their_lead_is_quiet_again(rig: Rig) -> None:
    change(rig, "add_visit", lead_id=int(some_lead(rig.box)))
    change(rig, "add_note", lead_id=int(some_lead(rig.box)))
    fault(rig, "status", "^/v1.0/notes", status=500, times=None)
    rig.box.clock.advance(seconds=60)
    report = rig.sync()
    assert {f.entity for f in report.failures} == {"notes"}
    assert "1 of 1 leads' notes could not be read" in (result(report, "notes").error or "")
    rig.box.faults.clear()
    rig.box.clock.advance(seconds=60)
    assert not rig.sync().failures
    assert only({"leads"}, rig.differences())


def test_details_of_leads_that_another_lane_read_are_not_forgotten(rig: Rig) -> None:
    change(rig, "add_visit", lead_id=int(some_lead(rig.box)))
    rig.box.clock.advance(seconds=60)
    assert not rig.sync(entities=LEADS).failures
    assert differences(rig, "lead_activities")
    rig.box.clock.advance(seconds=600)
    assert not rig.sync().failures
    rig.must_equal_truth()


def test_a_lead_that_is_gone_before_its_details_are_asked_for(new_rig: Rig) -> None:
    rule = fault(new_rig, "lead_gone", "^/v1.0/notes", times=2)
    assert not new_rig.sync().failures
    assert rule.hits == 2
    assert only({"notes"}, new_rig.differences())


@pytest.mark.every_time
def test_no_text_of_a_note_or_task_is_kept(rig: Rig) -> None:
    change(rig, "add_note", lead_id=int(some_lead(rig.box)), content="PRIVATE-WORDS")
    rig.box.clock.advance(seconds=60)
    assert not rig.sync(full=True).failures
    assert "PRIVATE-WORDS" not in repr(rig.content())
    columns = rig.query(
        "select table_name, column_name from information_schema.columns"
        " where table_schema = 'raw_lofty' and column_name in ('content', 'body', 'birthday')"
    )
    assert columns == []


# -- communication and transactions ----------------------------------------------------------------


def test_a_tenant_without_the_feed_is_an_answer(new_rig: Rig) -> None:
    switch(new_rig, "communication_feed", False)
    report = new_rig.sync()
    assert not report.failures
    assert result(report, "communications").status == "not_available"
    assert result(report, "leads").status == "ok"
    switch(new_rig, "communication_feed", True)
    new_rig.box.clock.advance(seconds=60)
    assert not new_rig.sync().failures
    new_rig.must_equal_truth()


def test_a_communication_that_is_logged_days_late_comes_with_the_weekly_window(rig: Rig) -> None:
    lead = int(some_lead(rig.box))
    rig.sync()
    late = rig.box.clock.now().replace(microsecond=0)
    rig.box.clock.advance(days=6)
    change(rig, "add_communication", lead_id=lead)
    assert not rig.sync().failures
    change(rig, "add_communication", lead_id=lead, at=late.isoformat())
    assert not rig.sync().failures
    assert differences(rig, "communications"), "older than the overlap of two days"
    rig.box.clock.advance(days=2)
    assert not rig.sync().failures
    assert differences(rig, "communications") == []


def test_a_refused_cursor_of_the_feed_starts_its_window_again(rig: Rig) -> None:
    switch(rig, "feed_cap", 10)
    rule = fault(rig, "status", "communication/agent.*cursor=", status=400, times=1)
    report = rig.sync(full=True)
    assert rule.hits == 1
    assert not report.failures
    assert result(report, "communications").rows_deleted == 0
    rig.must_equal_truth()


def test_all_kinds_of_transactions_are_read(loaded: Rig) -> None:
    kinds = {row["transaction_type"] for row in loaded.rows("transactions").values()}
    assert kinds == {row["transaction_type"] for row in truth(loaded.box, "transactions").values()}
    assert len(kinds) > 1, "only purchases come by default"


@pytest.mark.parametrize("kind", ["drop_row", pytest.param("repeat_row", marks=pytest.mark.slow)])
@pytest.mark.every_time
def test_transactions_that_slip_between_pages_end_nobody(rig: Rig, kind: str) -> None:
    switch(rig, "transaction_cap", 20)
    rule = fault(rig, kind, r"^/v2.0/transactions\?.*pageNum=1&", times=1)
    report = rig.sync(full=True)
    assert rule.hits == 1
    assert not report.failures
    assert result(report, "transactions").rows_deleted == 0
    rig.must_equal_truth()


def test_ids_beyond_what_a_float_holds_are_exact(loaded: Rig) -> None:
    beyond = {key for key in truth(loaded.box, "leads") if int(key) > 2**53}
    assert beyond
    assert beyond <= loaded.rows("leads").keys()
    assert all(float(key) != int(key) for key in beyond)
