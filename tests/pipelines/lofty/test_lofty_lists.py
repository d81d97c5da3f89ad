"""Members, configuration, communication, transactions and details (lofty.md §4, §5)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
import xxhash

from pipelines.common.entity import check_account
from pipelines.common.errors import (
    AccountBroken,
    ContractBroken,
    ResourceUnavailable,
    RetryLater,
)
from tests.pipelines.in_memory import Connection, Outcome
from tests.pipelines.lofty.lofty_fake import (
    ADMIN,
    AGENT,
    FIRST_LEAD,
    Lofty,
    connect,
    lead,
    ok,
    refused,
)

NOW = datetime(2026, 6, 15, 12, tzinfo=UTC)


def sent(outcome: Outcome) -> list[dict[str, str]]:
    return [dict(request.url.params.items()) for request in outcome.requests]


def millis(instant: datetime) -> int:
    return int(instant.timestamp() * 1000)


# -- account ---------------------------------------------------------------------------------------


def test_another_account_than_the_connected_one_stops_before_a_row() -> None:
    with pytest.raises(AccountBroken, match="now belongs to account 880001, but account 7 was"):
        connect(Lofty(), team="7").read("account")
    assert len(connect(Lofty(), team="880001").read("account").rows) == 1


def test_who_sees_all_is_an_owner_or_admin() -> None:
    for me, sees_all in (
        (ADMIN, True),
        (AGENT, False),
        ({**AGENT, "isAdmin": True}, True),
        ({**AGENT, "roleName": "Office Admin"}, True),
        ({**AGENT, "roleName": None, "isAdmin": None}, False),
    ):
        lofty = Lofty()
        lofty.me = me
        outcome = connect(lofty).read("account")
        assert outcome.rows[0]["seesAll"] is sees_all
        assert (outcome.reading.note is None) is sees_all


def test_an_account_without_a_team_is_no_account() -> None:
    lofty = Lofty()
    lofty.me = {"id": 7}
    with pytest.raises(ContractBroken, match="without a team id"):
        connect(lofty).read("account")


def test_that_a_credential_sees_less_is_known_until_it_sees_all_again() -> None:
    """A demoted member's row overwrites itself, so that the second look compares like with like."""
    lofty = Lofty()
    lofty.lists["v1.0/team-features/lead-ponds"] = [{"id": 41}, {"id": 42}]
    connection = connect(lofty)
    connection.read("account")
    connection.read("ponds")
    lofty.me = {**ADMIN, "roleName": "Agent", "isAdmin": False}
    lofty.lists["v1.0/team-features/lead-ponds"] = [{"id": 41}]
    for full in (False, False, True):
        connection.later(days=1)
        connection.read("account", full=full)
        outcome = connection.read("ponds", full=full)
        assert not outcome.reading.complete
        assert outcome.gone == set()
    lofty.me = ADMIN
    connection.later(days=1)
    connection.read("account")
    assert connection.read("ponds").gone == {"42"}


def test_check_wants_a_reachable_vendor() -> None:
    connection = connect(Lofty())
    settings = connection.settings.model_copy(
        update={"base_url": "http://127.0.0.1:1", "max_attempts": 1}
    )
    with pytest.raises(RetryLater, match="could not be reached"):
        check_account(connection.vendor, connection.account, settings)


# -- configuration ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("most", "calls"), [(100, 2), (25, 6)])
def test_members_are_asked_for_by_the_hundred_or_by_25(most: int, calls: int) -> None:
    lofty = Lofty()
    lofty.most_members = most
    lofty.lists["members"] = [{"id": n} for n in range(1, 121)]
    outcome = connect(lofty).read("members")
    assert outcome.ids == list(range(1, 121))
    assert len(outcome.requests) == calls
    assert outcome.reading.complete


def test_no_member_at_all_is_not_an_empty_team() -> None:
    connection = connect(Lofty())
    with pytest.raises(ResourceUnavailable):
        connection.read("members")


def test_members_that_shrink_while_they_are_read_end_with_the_404_of_nobody() -> None:
    lofty = Lofty()
    lofty.lists["members"] = [{"id": n} for n in range(1, 101)]

    class Shrinking(Lofty):
        def _members(self, params: dict[str, str]) -> Any:
            answer = lofty._members(params)
            if answer.status_code == 200 and params["offset"] == "0":
                body = answer.json()
                body["_metadata"]["total"] = 101
                return ok(body)
            return answer

    outcome = connect(Shrinking()).read("members")
    assert len(outcome.rows) == 100
    assert not outcome.reading.complete


def test_tags_without_a_lead_are_definitions() -> None:
    lofty = Lofty()
    lofty.lists["v1.0/teamFeatures/listTag"] = [
        {"tagId": 11, "leadId": 0, "tagName": "Spring"},
        {"tagId": 12, "leadId": None, "tagName": "Autumn"},
        {"tagId": 11, "leadId": FIRST_LEAD, "tagName": "Spring"},
    ]
    connection = connect(lofty)
    assert connection.read("tags").reading.complete
    assert connection.warehouse.keys("tags") == {"11|0", "12|0", f"11|{FIRST_LEAD}"}


def test_stages_of_transactions_are_rows_of_their_kind() -> None:
    lofty = Lofty()
    stages = [{"id": 101, "name": "Pre-contract", "default": True}, {"id": 102, "name": "Closed"}]
    lofty.lists["v2.0/transactions/pipelines"] = {
        "pipelines": [
            {"transactionType": "Purchase", "stages": stages},
            {"transactionType": "Lease", "stages": stages[:1]},
        ]
    }
    connection = connect(lofty)
    connection.read("transaction_pipelines")
    keys = connection.warehouse.keys("transaction_pipelines")
    assert keys == {"Purchase|101", "Purchase|102", "Lease|101"}


# -- communication ---------------------------------------------------------------------------------


def said(number: int, ago: timedelta) -> dict[str, Any]:
    return {"id": number, "communicationTime": millis(NOW - ago), "eventType": "Call"}


def windows(outcome: Outcome) -> list[tuple[datetime, datetime]]:
    return [
        (
            datetime.fromtimestamp(int(params["startTime"]) / 1000, UTC),
            datetime.fromtimestamp(int(params["endTime"]) / 1000, UTC),
        )
        for params in sent(outcome)
    ]


def talking(*ages: float) -> tuple[Lofty, Connection]:
    lofty = Lofty()
    lofty.communications = [said(n, timedelta(days=age)) for n, age in enumerate(ages, 1)]
    return lofty, connect(lofty)


def test_a_first_load_goes_back_in_windows_of_ninety_days_to_a_quiet_year() -> None:
    _, connection = talking(1, 89, 91, 300)
    outcome = connection.read("communications")
    assert sorted(outcome.ids) == [1, 2, 3, 4]
    spans = windows(outcome)
    assert len(spans) == 4 + 4, "the fourth is the last that holds anything"
    assert all(end - start <= timedelta(days=90) for start, end in spans)
    for (later, _), (_, earlier) in pairwise(spans):
        assert later - earlier == timedelta(milliseconds=1), "no gap and no overlap"
    assert {params["teamView"] for params in sent(outcome)} == {"true"}
    assert outcome.reading.complete


def test_quiet_years_are_crossed_down_to_the_oldest_lead() -> None:
    lofty, connection = talking(1, 900)
    lofty.leads = [lead(1, createTime="2023-12-01T00:00:00GMT")]
    connection.read("leads")
    assert set(connection.read("communications").ids) == {1, 2}


def test_an_increment_starts_two_days_before_the_newest_and_weekly_thirty() -> None:
    _, connection = talking(1)
    connection.read("communications")
    connection.later(hours=1)
    newest = NOW - timedelta(days=1)
    assert windows(connection.read("communications")) == [
        (newest - timedelta(hours=48), NOW + timedelta(hours=1))
    ]
    connection.later(days=7)
    assert windows(connection.read("communications"))[0][0] == newest - timedelta(days=30)
    connection.later(hours=1)
    assert windows(connection.read("communications"))[0][0] == newest - timedelta(hours=48)


def test_an_account_where_nobody_ever_spoke_is_not_read_whole_each_time() -> None:
    _, connection = talking()
    assert len(connection.read("communications").requests) == 4
    connection.later(hours=1)
    [(start, _)] = windows(connection.read("communications"))
    assert start == NOW - timedelta(hours=48)


def test_an_account_that_was_away_for_long_is_read_in_several_windows() -> None:
    _, connection = talking(1)
    connection.read("communications")
    # a complete reading a while ago, so that none is due now
    connection.later(days=29)
    mark = connection.warehouse.marks["communications"]
    connection.warehouse.marks["communications"] = mark.__class__(
        mark.started_at, mark.mode, "2026-01-01T00:00:00+00:00", 0, False,
        mark.last_complete_at, mark.last_complete_at,
    )  # fmt: skip
    spans = windows(connection.read("communications"))
    assert len(spans) == 3
    assert all(end - start <= timedelta(days=90) for start, end in spans)
    assert spans[0][0] == datetime(2025, 12, 2, tzinfo=UTC)
    assert spans[-1][1] == NOW + timedelta(days=29)


def test_a_full_last_page_is_followed_by_an_empty_one() -> None:
    lofty, connection = talking(*([1] * 6))
    lofty.cap = 3
    outcome = connection.read("communications")
    assert sorted(outcome.ids) == [1, 2, 3, 4, 5, 6]
    assert [p.get("cursor") for p in sent(outcome)][:3] == [None, "3", "6"]
    assert outcome.reading.complete


def test_a_refused_cursor_starts_its_window_again_once() -> None:
    class Forgetting(Lofty):
        refusals = 1

        def _communications(self, params: dict[str, str]) -> Any:
            if params.get("cursor") == "3" and self.refusals:
                self.refusals -= 1
                return refused(400, 20012)
            return super()._communications(params)

    lofty = Forgetting()
    lofty.cap = 3
    lofty.communications = [said(n, timedelta(days=1)) for n in range(1, 6)]
    outcome = connect(lofty).read("communications")
    assert set(outcome.ids) == {1, 2, 3, 4, 5}
    assert outcome.reading.complete
    lofty.refusals = 2
    with pytest.raises(ContractBroken):
        connect(lofty).read("communications")


def test_a_cursor_that_points_back_is_a_failure() -> None:
    lofty = Lofty()
    lofty.broken["v2.0/communication/agent"] = ok({"data": [], "nextCursor": "x", "hasMore": True})
    with pytest.raises(ContractBroken, match="points back"):
        connect(lofty).read("communications")


def test_without_the_right_to_the_team_only_the_own_communication_is_read() -> None:
    lofty, connection = talking(1)
    lofty.team_view = False
    outcome = connection.read("communications")
    assert outcome.ids == [1]
    assert "teamView" not in sent(outcome)[1]
    assert "teamView" not in sent(outcome)[-1], "asked once, not for each window"
    assert "only the communication of the credential's own user" in (outcome.reading.note or "")
    assert not outcome.reading.complete


def test_a_tenant_without_the_feed() -> None:
    lofty = Lofty()
    lofty.broken["v2.0/communication/agent"] = refused(404, "NOT_FOUND")
    with pytest.raises(ResourceUnavailable) as told:
        connect(lofty).read("communications")
    assert told.value.status == "not_available"


def test_a_window_that_brings_fewer_than_it_counts_is_not_complete() -> None:
    class Short(Lofty):
        def _communications(self, params: dict[str, str]) -> Any:
            body = super()._communications(params).json()
            return ok({**body, "totalCount": body["totalCount"] + (1 if body["data"] else 0)})

    lofty = Short()
    lofty.communications = [said(1, timedelta(days=1))]
    assert not connect(lofty).read("communications").reading.complete


# -- transactions ----------------------------------------------------------------------------------


def deal(number: int, kind: str = "Purchase", **members: Any) -> dict[str, Any]:
    return {"transactionId": number, "transactionType": kind, "leadId": FIRST_LEAD, **members}


def dealing(count: int) -> tuple[Lofty, Connection]:
    lofty = Lofty()
    kinds = ("Purchase", "Listing", "Lease", "Other")
    lofty.transactions = [deal(n, kinds[n % 4]) for n in range(1, count + 1)]
    return lofty, connect(lofty)


def numbers(outcome: Outcome) -> set[int]:
    return {row["transactionId"] for row in outcome.rows}


def test_transactions_of_all_kinds_are_read_from_page_0() -> None:
    _, connection = dealing(250)
    outcome = connection.read("transactions")
    assert numbers(outcome) == set(range(1, 251))
    assert [(p["pageNum"], p["pageSize"], p["transactionType"]) for p in sent(outcome)] == [
        ("0", "100", "All"),
        ("1", "100", "All"),
        ("2", "100", "All"),
    ]
    assert outcome.reading.complete


def test_one_that_slips_between_pages_is_found_by_a_second_reading() -> None:
    class Drifting(Lofty):
        pages = 0

        def _transactions(self, params: dict[str, str]) -> Any:
            self.pages += 1
            if self.pages == 2:
                # the last one jumps to the front, and the 100th is on a page that was read
                self.transactions.insert(0, self.transactions.pop())
            return super()._transactions(params)

    lofty = Drifting()
    lofty.transactions = [deal(n) for n in range(1, 151)]
    outcome = connect(lofty).read("transactions")
    assert numbers(outcome) == set(range(1, 151))
    assert len(outcome.requests) == 4
    assert outcome.reading.complete


def test_one_that_is_not_shown_is_looked_for_at_its_lead() -> None:
    lofty, connection = dealing(120)
    connection.read("transactions")
    # 7 is gone; 9 is left out, and the count does not tell
    lofty.transactions = [row for row in lofty.transactions if row["transactionId"] != 7]
    lofty.slipped = {9}

    class Hiding(Lofty):
        def _transactions(self, params: dict[str, str]) -> Any:
            body = lofty._transactions(params).json()
            return ok({**body, "totalCount": 118 if "leadId" not in params else 119})

    connection.handler = Hiding()
    connection.later(hours=4)
    outcome = connection.read("transactions")
    assert outcome.gone == {"7"}
    assert {p["leadId"] for p in sent(outcome) if "leadId" in p} == {str(FIRST_LEAD)}


def test_transactions_short_of_their_count_end_nobody() -> None:
    lofty, connection = dealing(120)
    connection.read("transactions")
    lofty.slipped = {9, 10}
    connection.later(hours=4)
    outcome = connection.read("transactions")
    assert outcome.gone == set()
    assert not outcome.reading.complete


# -- details ---------------------------------------------------------------------------------------


def with_notes(count: int) -> tuple[Lofty, Connection]:
    lofty = Lofty(*(lead(n) for n in range(count)))
    lofty.per_lead["v1.0/notes"] = {
        str(FIRST_LEAD + n): {"notes": [{"noteId": 400 + n, "content": "private"}]}
        for n in range(count)
    }
    return lofty, connect(lofty)


def asked(outcome: Outcome) -> set[str]:
    return {params["leadId"] for params in sent(outcome)}


def lead_ids(*places: int) -> set[str]:
    return {str(FIRST_LEAD + n) for n in places}


def test_a_first_reading_asks_every_lead_and_later_ones_those_that_moved() -> None:
    lofty, connection = with_notes(5)
    connection.read("leads")
    outcome = connection.read("notes")
    assert asked(outcome) == lead_ids(0, 1, 2, 3, 4)
    assert {p["includeSystemNote"] for p in sent(outcome)} == {"true"}
    assert outcome.reading.complete
    kept = connection.warehouse.rows["notes"]["400"]
    assert kept["lead_id"] == str(FIRST_LEAD)
    assert "content" not in kept
    lofty.leads[3]["lastUpdateTime"] = "2026-06-15T12:30:00GMT"
    connection.later(hours=1)
    connection.read("leads")
    outcome = connection.read("notes")
    assert asked(outcome) == lead_ids(3)
    assert not outcome.reading.complete


def test_leads_that_moved_while_details_were_not_read_are_due() -> None:
    lofty, connection = with_notes(5)
    connection.read("leads")
    connection.read("notes")
    lofty.leads[2]["lastTouch"] = "2026-06-15T12:30:00GMT"
    connection.later(hours=1)
    connection.read("leads")
    connection.later(hours=1)
    connection.read("leads")
    assert asked(connection.read("notes")) == lead_ids(2)
    connection.later(hours=1)
    connection.read("leads")
    assert asked(connection.read("notes")) == set()


def test_a_score_that_moves_by_itself_makes_no_lead_due() -> None:
    """Its row is rewritten, but none of its clocks moved."""
    lofty, connection = with_notes(5)
    connection.read("leads")
    connection.read("notes")
    for row in lofty.leads:
        row["score"] = 90
    lofty.leads[2]["lastUpdateTime"] = "2026-06-15T11:00:00GMT"
    connection.later(days=1)
    connection.read("leads")
    connection.later(hours=1)
    connection.read("leads")
    assert connection.warehouse.rows["leads"][str(FIRST_LEAD)]["score"] == 90
    outcome = connection.read("notes")
    assert asked(outcome) == lead_ids(2), "edited before the notes were read, found after that"


def test_details_without_a_complete_scan_end_nothing() -> None:
    lofty, connection = with_notes(5)
    lofty.total_more = 5
    connection.read("leads")
    assert not connection.read("notes").reading.complete
    connection.later(hours=1)
    assert not connection.read("notes", full=True).reading.complete, "leads were not read"


def test_what_hangs_on_a_lead_that_the_list_left_out_is_not_taken_for_deleted() -> None:
    lofty, connection = with_notes(200)
    connection.read("leads")
    connection.read("notes")
    lofty.hidden = {FIRST_LEAD + 7}
    del lofty.per_lead["v1.0/notes"][str(FIRST_LEAD + 8)]
    connection.later(days=1)
    outcome = connection.read("leads", full=True)
    assert outcome.reading.complete
    assert outcome.gone == set()
    outcome = connection.read("notes", full=True)
    assert outcome.reading.complete
    assert outcome.gone == {"408"}, "that one is gone from its lead"


def test_a_lead_that_is_gone_meanwhile_costs_only_itself() -> None:
    lofty, connection = with_notes(5)
    connection.read("leads")

    class Losing(Lofty):
        def __call__(self, request: Any) -> Any:
            if request.url.params.get("leadId") == str(FIRST_LEAD + 2):
                return refused(404, 20006)
            return lofty(request)

    connection.handler = Losing()
    outcome = connection.read("notes")
    assert {row["noteId"] for row in outcome.rows} == {400, 401, 403, 404}


def test_a_missing_right_is_told_once_and_ends_no_detail() -> None:
    lofty, connection = with_notes(30)
    connection.read("leads")
    connection.read("notes")
    lofty.broken["v1.0/notes"] = refused(403, 200100)
    connection.later(days=7)
    connection.read("leads", full=True)
    with pytest.raises(ResourceUnavailable) as told:
        connection.read("notes", full=True)
    assert told.value.status == "not_permitted"
    assert len(connection.requests) <= 4, "those that were under way"
    assert len(connection.warehouse.keys("notes")) == 30


def test_details_of_a_lead_that_may_not_be_seen_stay() -> None:
    lofty, connection = with_notes(30)
    connection.read("leads")
    connection.read("notes")
    del lofty.per_lead["v1.0/notes"][str(FIRST_LEAD + 8)]

    class Denying(Lofty):
        def __call__(self, request: Any) -> Any:
            if request.url.params.get("leadId") == str(FIRST_LEAD + 2):
                return refused(403, "PERMISSION_DENIED")
            return lofty(request)

    connection.handler = Denying()
    connection.later(days=7)
    connection.read("leads", full=True)
    outcome = connection.read("notes", full=True)
    assert outcome.reading.complete
    assert outcome.gone == {"408"}


def test_a_lead_that_keeps_failing_leaves_the_cursor_where_it_was() -> None:
    lofty, connection = with_notes(5)
    connection.read("leads")

    class Failing(Lofty):
        def __call__(self, request: Any) -> Any:
            if request.url.params.get("leadId") == str(FIRST_LEAD + 2):
                return refused(500, 20005)
            return lofty(request)

    connection.handler = Failing()
    with pytest.raises(RetryLater, match="1 of 5 leads' notes could not be read"):
        connection.read("notes")


@pytest.mark.parametrize("name", ["taskList", "tasks"])
def test_tasks_come_under_either_name_and_without_their_text(name: str) -> None:
    lofty = Lofty(lead(1))
    task = {"id": 5, "subject": "Call", "content": "private", "body": "private"}
    lofty.per_lead["v1.0/tasks"] = {str(FIRST_LEAD + 1): {name: [task]}}
    connection = connect(lofty)
    connection.read("leads")
    connection.read("tasks")
    [kept] = connection.warehouse.rows["tasks"].values()
    assert kept["subject"] == "Call"
    assert "private" not in repr(kept)


def visit(number: int, created: int = 0) -> dict[str, Any]:
    return {"type": "Browse", "text": f"Viewed {number}", "link": "/x", "created": 10**12 + created}


def test_site_activity_is_keyed_by_a_hash_of_text_and_link() -> None:
    lofty = Lofty(lead(1))
    key = str(FIRST_LEAD + 1)
    lofty.per_lead["activities"] = {key: [visit(1), visit(2)]}
    connection = connect(lofty)
    connection.read("leads")
    connection.read("lead_activities")
    hashes = [xxhash.xxh3_64_hexdigest(f"Viewed {n}/x".encode()) for n in (1, 2)]
    assert connection.warehouse.keys("lead_activities") == {
        f"{key}|{10**12}|Browse|{hashed}" for hashed in hashes
    }


def test_site_activity_is_read_down_to_what_is_known() -> None:
    lofty = Lofty(lead(1))
    key = str(FIRST_LEAD + 1)
    lofty.per_lead["activities"] = {key: [visit(n, -n) for n in range(250)]}
    connection = connect(lofty)
    connection.read("leads")
    assert [p["curPage"] for p in sent(connection.read("lead_activities"))] == ["0", "1", "2"]
    newer = [visit(1000 + n, 1000 - n) for n in range(120)]
    lofty.per_lead["activities"][key] = [*newer, *lofty.per_lead["activities"][key]]
    lofty.leads[0]["lastVisit"] = "2026-06-15T12:30:00GMT"
    connection.later(hours=1)
    connection.read("leads")
    outcome = connection.read("lead_activities")
    assert [p["curPage"] for p in sent(outcome)] == ["0", "1"]
    assert len(connection.warehouse.keys("lead_activities")) == 370


def test_details_are_off_unless_asked_for() -> None:
    connection = connect(Lofty(), lead_details=False)
    enabled = {e.name for e in connection.vendor.entities if e.enabled(connection.settings)}
    assert enabled.isdisjoint(
        {"lead_activities", "notes", "tasks", "appointments", "calls", "system_logs"}
    )
    assert len(enabled) == 11


@pytest.mark.parametrize("table", ["calls", "system_logs"])
def test_calls_and_system_logs_of_a_lead_come_page_by_page(table: str) -> None:
    lofty = Lofty(lead(1))
    lofty.cap = 3
    path = {"calls": "v1.0/calls", "system_logs": "v1.0/systemLogs"}[table]
    rows = [{"id": str(n), "leadId": FIRST_LEAD + 1, "content": "private"} for n in range(7)]
    lofty.per_lead[path] = {str(FIRST_LEAD + 1): rows}
    connection = connect(lofty)
    connection.read("leads")
    outcome = connection.read(table)
    assert connection.warehouse.keys(table) == {str(n) for n in range(7)}
    assert len(outcome.requests) == 3
    if table == "system_logs":
        assert "private" not in repr(connection.warehouse.rows[table])


def test_a_list_that_ignores_the_page_number_ends() -> None:
    lofty = Lofty(lead(1))
    lofty.broken["v1.0/systemLogs"] = ok({"hasMore": 1, "timeLines": [{"id": "1"}]})
    connection = connect(lofty)
    connection.read("leads")
    assert len(connection.read("system_logs").requests) == 2
    assert connection.warehouse.keys("system_logs") == {"1"}


# -- commissions -----------------------------------------------------------------------------------


def split(number: int, **members: Any) -> dict[str, Any]:
    return {"id": number, "payType": "AGENT", "value": 1200.55, "desc": "Own side", **members}


def selling() -> tuple[Lofty, Connection]:
    """Three leads; the first has two transactions, the second one, the third none."""
    lofty = Lofty(lead(1), lead(2), lead(3))
    one, two = FIRST_LEAD + 1, FIRST_LEAD + 2
    lofty.transactions = [
        deal(1, leadId=one, updated=10**12),
        deal(2, leadId=one, updated=10**12),
        deal(3, leadId=two, updated=10**12),
        deal(4, leadId=None),
    ]
    lofty.splits = {
        1: {"preSplit": [split(7, calculateType="PERCENT")], "split": [split(8), split(9)]},
        2: {"postSplit": [split(7)], "split": None},
        3: {"split": [split(7)]},
    }
    connection = connect(lofty)
    for name in ("account", "leads", "transactions", "transaction_commissions"):
        connection.read(name)
    return lofty, connection


def below(outcome: Outcome) -> set[str]:
    """The leads whose transactions were asked for."""
    return {request.url.path.split("/")[3] for request in outcome.requests}


def test_commissions_are_lines_of_their_transaction_and_part() -> None:
    _, connection = selling()
    rows = connection.warehouse.rows["transaction_commissions"]
    assert rows.keys() == {
        "1|preSplit|7", "1|split|8", "1|split|9", "2|postSplit|7", "3|split|7",
    }  # fmt: skip
    line = rows["1|preSplit|7"]
    assert (line["lead_id"], line["calculate_type"]) == (str(FIRST_LEAD + 1), "PERCENT")
    assert (line["value"], line["description"]) == (Decimal("1200.55"), "Own side")


def test_commissions_are_asked_of_leads_whose_transactions_moved() -> None:
    lofty, connection = selling()
    connection.later(days=1)
    connection.read("transactions")
    assert below(connection.read("transaction_commissions")) == set()
    lofty.transactions[0]["updated"] = 10**12 + 5
    lofty.splits[1]["split"].pop()
    connection.later(days=1)
    connection.read("transactions")
    outcome = connection.read("transaction_commissions")
    assert below(outcome) == lead_ids(1)
    assert outcome.gone == {"1|split|9"}
    lofty.transactions[2]["updated"] = 10**12 + 5
    connection.later(hours=6)
    connection.read("transactions")
    connection.later(hours=6)
    connection.read("transactions")
    assert below(connection.read("transaction_commissions")) == lead_ids(2), "of another lane"


@pytest.mark.parametrize("lane", ["the same", "another"])
def test_the_commissions_of_a_transaction_that_is_gone_are_gone(lane: str) -> None:
    lofty, connection = selling()
    del lofty.transactions[1]
    connection.later(days=1)
    connection.read("transactions")
    if lane == "another":
        connection.later(hours=1)
    outcome = connection.read("transaction_commissions")
    assert below(outcome) == lead_ids(1)
    assert outcome.gone == {"2|postSplit|7"}


def test_commissions_of_a_lead_that_is_gone_are_gone_and_denied_ones_stay() -> None:
    lofty, connection = selling()
    lofty.broken[f"v1.0/leads/{FIRST_LEAD + 2}/transactions"] = refused(403, "PERMISSION_DENIED")
    lofty.leads = lofty.leads[1:]
    connection.later(days=7)
    connection.read("transactions", full=True)
    outcome = connection.read("transaction_commissions", full=True)
    assert below(outcome) == lead_ids(1, 2)
    assert outcome.gone == {"1|preSplit|7", "1|split|8", "1|split|9", "2|postSplit|7"}
    assert connection.warehouse.keys("transaction_commissions") == {"3|split|7"}


def test_a_lesser_credential_ends_no_commission() -> None:
    lofty, connection = selling()
    lofty.me, lofty.splits = AGENT, {}
    connection.later(days=7)
    for name in ("account", "transactions"):
        connection.read(name, full=True)
    assert connection.read("transaction_commissions", full=True).gone == set()


def test_transactions_without_their_commissions_are_a_changed_contract() -> None:
    lofty, connection = selling()
    path = f"v1.0/leads/{FIRST_LEAD + 1}/transactions"
    lofty.broken[path] = ok([deal(1, leadId=FIRST_LEAD + 1)])
    with pytest.raises(ContractBroken, match="no object 'commissions'"):
        connection.read("transaction_commissions", full=True)
