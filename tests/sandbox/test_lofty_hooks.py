"""What the imitated Lofty tells by webhook, to which list and of whom (contract §7, §10.12)."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.box import Sandbox
from sandbox.lofty.account import Account
from sandbox.lofty.books import Books
from sandbox.lofty.hooks import notices

ADA = "ada-sample"
Told = list[tuple[int, dict[str, list[int]]]]


def account(box: Sandbox) -> Account:
    books = box.books["lofty"]
    assert isinstance(books, Books)
    return books.of(ADA)


def told(box: Sandbox, op: str, **fields: Any) -> Told:
    """The deliveries of a change: the list, and the leads by bucket."""
    change = {"op": f"lofty.{op}", "agent_key": ADA, **fields}
    found: Told = []
    for notice in notices(box, change, box.mutate(change)):
        body = dict(notice.body)
        assert str(body["listId"]) == notice.topic
        assert body.pop("teamId") == account(box).team_id
        number = int(body.pop("listId"))
        if "leadId" in body:
            body = {"ping": [body]}
        found.append((number, {name: [x["leadId"] for x in items] for name, items in body.items()}))
    return found


def plain_lead(box: Sandbox) -> int:
    """A lead that is not hidden and no deal's client."""
    clients = set(account(box).clients.values())
    leads = account(box).visible(account(box).owner)
    return min(x.id for x in leads if not x.hidden and x.id not in clients)


@pytest.mark.parametrize(
    ("op", "fields", "number", "bucket"),
    [
        ("edit_lead", {}, 2, "updatedLead"),
        ("delete_lead", {}, 2, "deletedLead"),
        ("add_visit", {}, 3, "ping"),
        ("edit_alert", {}, 4, "updatedAlert"),
        ("add_transaction", {}, 5, "createdTransaction"),
        ("add_communication", {"channel": "Call", "kind": "MANUAL"}, 6, "newCall"),
        ("add_communication", {"channel": "Email", "kind": "LOGGED"}, 7, "newEmail"),
        ("add_communication", {"channel": "Text", "kind": "MANUAL"}, 8, "newText"),
        ("add_note", {}, 9, "createdNote"),
        ("add_task", {}, 10, "createdTask"),
        ("add_appointment", {}, 11, "createdAppointment"),
    ],
)
def test_each_list_is_told_of_its_own(
    box: Sandbox, op: str, fields: dict[str, Any], number: int, bucket: str
) -> None:
    lead = plain_lead(box)
    assert told(box, op, lead_id=lead, **fields) == [(number, {bucket: [lead]})]


def test_members_stages_merges_and_endings(box: Sandbox) -> None:
    lead = plain_lead(box)
    assert told(box, "add_member") == [(1, {})]
    assert told(box, "set_stage", lead_id=lead, stage_id=9) == [
        (2, {"updatedLead": [lead]}),
        (12, {"updatedLead": [lead]}),
    ]
    task = box.mutate({"op": "lofty.add_task", "agent_key": ADA, "lead_id": lead})["task_id"]
    assert told(box, "finish_task", task_id=task) == [(10, {"finishedTask": [lead]})]
    assert told(box, "delete_task", task_id=task) == [(10, {"deletedTask": [lead]})]
    made = box.mutate({"op": "lofty.add_transaction", "agent_key": ADA, "lead_id": lead})
    deal = made["transaction_id"]
    assert told(box, "delete_transaction", transaction_id=deal) == [
        (5, {"deletedTransaction": [lead]})
    ]
    other = max(x.id for x in account(box).visible(account(box).owner))
    assert told(box, "merge_leads", winner=lead, loser=other) == [
        (2, {"updatedLead": [lead], "deletedLead": [other]})
    ]


def test_what_was_sent_by_itself_and_what_is_deleted_is_told_to_nobody(box: Sandbox) -> None:
    lead = plain_lead(box)
    assert told(box, "add_communication", lead_id=lead, kind="AUTO", channel="Text") == []
    assert told(box, "delete_communication") == []


def test_of_a_hidden_lead_only_its_agent_is_told(box: Sandbox) -> None:
    lead = plain_lead(box)
    assert told(box, "hide_lead", lead_id=lead) == []
    for op in ("add_note", "add_task", "add_appointment", "add_visit", "edit_lead"):
        assert told(box, op, lead_id=lead) == [], op
    own = next(x for x in account(box).leads.values() if x.hidden and x.id != lead)
    assert own.assigned_user_id != account(box).owner.user_id
    own.assigned_user_id = account(box).owner.user_id
    assert told(box, "add_note", lead_id=own.id) == [(9, {"createdNote": [own.id]})]


def test_a_job_over_all_leads_comes_in_batches(box: Sandbox) -> None:
    everybody = sorted(x.id for x in account(box).visible(account(box).owner))
    box.mutate({"op": "lofty.switch", "name": "webhook_batch", "value": 7})
    parts = told(box, "touch_all")
    assert [lead for _, buckets in parts for lead in buckets["updatedLead"]] == everybody
    assert max(len(buckets["updatedLead"]) for _, buckets in parts) == 7
