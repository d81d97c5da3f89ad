"""What webhooks name, how it is read again, and what is gone then (lofty.md §6, §7)."""

from __future__ import annotations

from typing import Any

import pytest

from pipelines.common.errors import ResourceUnavailable
from pipelines.common.webhooks import NotUnderstood
from pipelines.lofty.webhooks import LISTS, WEBHOOKS, read
from tests.pipelines.in_memory import Connection
from tests.pipelines.lofty.lofty_fake import (
    ADMIN,
    AGENT,
    FIRST_LEAD,
    Lofty,
    connect,
    lead,
    refused,
    told,
)

LEAD, OTHER = str(FIRST_LEAD + 1), str(FIRST_LEAD + 2)


def deal(number: int, of: str = LEAD) -> dict[str, Any]:
    return {"transactionId": number, "transactionType": "Lease", "leadId": int(of)}


def loaded() -> tuple[Lofty, Connection]:
    """Two leads, of which the first has everything."""
    lofty = Lofty(lead(1), lead(2))
    lofty.transactions = [deal(7), deal(8), deal(9, OTHER)]
    lofty.per_lead |= {
        "v1.0/notes": {LEAD: {"notes": [{"noteId": 400}, {"noteId": 401}]}},
        "v1.0/tasks": {LEAD: {"taskList": [{"id": 5001}]}},
        "v1.0/appts": {LEAD: [{"id": 3301}]},
        "activities": {LEAD: [{"type": "Browse", "text": "A", "link": "/a", "created": 10**12}]},
    }
    connection = connect(lofty)
    for name in ("account", "leads", "transactions", "lead_activities", *HANGING):
        connection.read(name)
    connection.later(hours=1)
    connection.read("account")
    return lofty, connection


HANGING = ("notes", "tasks", "appointments")


# -- what a delivery names -------------------------------------------------------------------------


def item(lead: str, at: int = 1_769_000_000_000) -> dict[str, Any]:
    return {"leadId": int(lead), "updateTime": at}


def named(body: Any) -> set[tuple[str, str | None]]:
    """The tables and records that a delivery names."""
    return {(hint.entity, hint.key) for event in read(body, 0.0) for hint in event.hints}


@pytest.mark.parametrize(
    ("number", "bucket", "tables"),
    [
        (2, "updatedLead", {"leads"}),
        (4, "updatedAlert", {"leads"}),
        (5, "createdTransaction", {"transactions", "transaction_commissions"}),
        (9, "createdNote", {"notes"}),
        (10, "finishedTask", {"tasks"}),
        (11, "deletedAppointment", {"appointments"}),
        (12, "updatedLead", {"leads", "system_logs"}),
    ],
)
def test_a_bucket_names_leads_and_its_list_the_tables(
    number: int, bucket: str, tables: set[str]
) -> None:
    body = {"teamId": 880001, "listId": number, bucket: [item(LEAD), item(OTHER)]}
    assert named(body) == {(table, key) for table in tables for key in (LEAD, OTHER)}


def test_a_bare_ping_is_an_item_itself() -> None:
    body = {"teamId": 880001, "listId": 3, **item(LEAD)}
    assert named(body) == {("leads", LEAD), ("lead_activities", LEAD)}


def test_lists_without_a_call_for_one_record_are_read_whole() -> None:
    assert named({"listId": 1}) == {("members", None)}
    for number in (6, 7, 8):
        assert named({"listId": number}) == {("communications", None)}
    assert named({"listId": 6, "newCall": [item(LEAD)]}) == {
        ("communications", None), ("calls", LEAD),
    }  # fmt: skip


def test_several_buckets_in_one_delivery_are_events_of_their_own() -> None:
    body = {
        "listId": 2, "newLead": [item(LEAD)], "updatedLead": [item(LEAD), item(OTHER)],
        "deletedLead": [item(OTHER)],
    }  # fmt: skip
    events = list(read(body, 0.0))
    assert len({event.source_id for event in events}) == len(events) == 4
    assert [hint.is_new for event in events for hint in event.hints] == [True, False, False, False]
    assert {e.source_id for e in read(body, 99.0)} == {e.source_id for e in events}, "told again"


def test_a_bucket_of_an_unknown_name_counts_as_updates_and_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert named({"listId": 2, "mergedLead": [item(LEAD)]}) == {("leads", LEAD)}
    assert [record.getMessage() for record in caplog.records] == [
        "A webhook of Lofty has a bucket 'mergedLead', which is read as updates."
    ]
    caplog.clear()
    named({"listId": 2, "newLead": [item(LEAD)], "deletedLead": [item(OTHER)], "extra": [1]})
    named({"listId": 3, **item(LEAD)})
    assert not caplog.records


@pytest.mark.parametrize("body", [{}, [], {"listId": 13}, {"listId": "2"}, {"listId": 9}, None])
def test_what_names_no_list_or_no_lead_is_not_understood(body: Any) -> None:
    with pytest.raises(NotUnderstood):
        list(read(body, 0.0))


# -- reading it again ------------------------------------------------------------------------------


def test_each_reader_brings_what_a_webhook_told_of() -> None:
    lofty, connection = loaded()
    lofty.leads.append(lead(3))
    lofty.transactions.append(deal(10))
    lofty.splits = {10: {"split": [{"id": 77, "value": 5}]}}
    lofty.per_lead = {
        "v1.0/notes": {LEAD: {"notes": [{"noteId": 400}, {"noteId": 401}, {"noteId": 402}]}},
        "v1.0/tasks": {LEAD: {"taskList": [{"id": 5001}, {"id": 5002}]}},
        "v1.0/appts": {LEAD: [{"id": 3301}, {"id": 3302}]},
        "activities": {
            LEAD: [{"type": "Browse", "text": "B", "link": "/b", "created": 10**12 + 1}]
        },
        "v1.0/calls": {LEAD: [{"id": 601}]},
        "v1.0/systemLogs": {LEAD: [{"id": "701"}]},
    }
    third = str(FIRST_LEAD + 3)
    for name, key, fresh in (
        ("leads", third, third),
        ("transactions", LEAD, "10"),
        ("transaction_commissions", LEAD, "10|split|77"),
        ("notes", LEAD, "402"),
        ("tasks", LEAD, "5002"),
        ("appointments", LEAD, "3302"),
        ("calls", LEAD, "601"),
        ("system_logs", LEAD, "701"),
    ):
        held = connection.warehouse.keys(name)
        outcome = told(connection, name, key)
        assert connection.warehouse.keys(name) - held == {fresh}, name
        assert outcome.gone == set(), name
    told(connection, "lead_activities", LEAD)
    assert len(connection.warehouse.keys("lead_activities")) == 2, "what was seen before stays"
    assert WEBHOOKS.readers.keys() - {"account"} == {
        table for tables in LISTS.values() for table in tables
    } - {"members", "communications"}


# -- what is gone ----------------------------------------------------------------------------------


def test_what_a_lead_shows_no_more_is_gone() -> None:
    lofty, connection = loaded()
    lofty.per_lead["v1.0/notes"][LEAD]["notes"].pop()
    lofty.transactions.pop(0)
    assert told(connection, "notes", LEAD).gone == {"401"}
    assert told(connection, "transactions", LEAD).gone == {"7"}


def test_a_lead_that_is_gone_takes_along_what_hung_on_it() -> None:
    lofty, connection = loaded()
    lofty.broken["v1.0/notes"] = refused(404, 20006)
    assert told(connection, "notes", LEAD).gone == {"400", "401"}


def test_what_hangs_on_a_lead_that_may_not_be_seen_stays() -> None:
    lofty, connection = loaded()
    for path in ("v1.0/notes", "v2.0/transactions"):
        lofty.broken[path] = refused(403, "PERMISSION_DENIED")
    for name in ("notes", "transactions"):
        outcome = told(connection, name, LEAD)
        assert outcome.reading.missing == {LEAD}
        assert outcome.gone == set()


def test_a_right_that_is_missing_is_that_of_the_entity() -> None:
    lofty, connection = loaded()
    lofty.broken["v1.0/notes"] = refused(403, 200100)
    with pytest.raises(ResourceUnavailable) as found:
        told(connection, "notes", LEAD)
    assert found.value.status == "not_permitted"
    assert connection.warehouse.keys("notes") == {"400", "401"}


def test_a_credential_that_sees_less_than_before_ends_nothing() -> None:
    lofty, connection = loaded()
    lofty.me, lofty.leads, lofty.transactions = AGENT, [], []
    lofty.per_lead["v1.0/notes"] = {}
    connection.read("account")
    for name in ("leads", "transactions", "notes"):
        outcome = told(connection, name, LEAD)
        assert outcome.gone == set(), name
        assert "sees less of the account than before" in (outcome.reading.note or "")
    lofty.me = ADMIN
    connection.read("account")
    assert told(connection, "leads", LEAD).gone == {LEAD}
    assert told(connection, "notes", LEAD).gone == {"400", "401"}
