"""Odd types and nulls that live accounts hold (fub.md §10 item 9)."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from pipelines.common.rows import CheckedRows, check_rows, to_arrow
from pipelines.fub.source import FUB

NOW = datetime(2026, 6, 15, tzinfo=UTC)


def check(entity: str, *rows: dict[str, Any]) -> CheckedRows:
    return check_rows(FUB.entity(entity), list(rows), "ada-sample:fub", NOW)


def test_a_person_with_custom_fields_and_a_field_nobody_knows() -> None:
    person = {
        "id": 90125,
        "created": "2025-11-02T09:30:00Z",
        "contacted": 1,
        "price": 425000,
        "assignedUserId": 3,
        "socialData": [],
        "emails": [{"value": "mira@example.test", "isPrimary": 1}],
        "phones": [],
        "tags": ["past client"],
        "customBirthCity": "Bend",
        "brandNew": True,
    }
    checked = check("people", person)
    (values,) = checked.values
    assert checked.rejected == []
    assert (values["id"], values["assigned_user_id"]) == ("90125", "3")
    assert values["created"] == datetime(2025, 11, 2, 9, 30, tzinfo=UTC)
    assert values["price"] == Decimal(425000)
    assert values["_custom"] == {"customBirthCity": "Bend"}
    assert checked.extras == [{"brandNew": True}]
    table = to_arrow([checked])
    assert table["_custom"].to_pylist() == ['{"customBirthCity":"Bend"}']
    assert table["social_data"].to_pylist() == ["[]"]


def test_odd_calls_events_and_appointments() -> None:
    calls = check("calls", {"id": 1, "createdById": -1, "userId": None, "recordingUrl": "*hidden*"})
    assert calls.values[0]["created_by_id"] == "-1"
    events = check("events", {"id": 1, "personId": 0, "property": {"price": "350000"}})
    assert events.values[0]["person_id"] == "0"
    day = check(
        "appointments", {"id": 1, "start": "2026-03-01", "allDay": True, "isEditable": True}
    )
    assert to_arrow([day])["start"].to_pylist() == [datetime(2026, 3, 1, tzinfo=UTC)]
    assert not any(day.extras)


def test_a_note_is_stored_without_its_text() -> None:
    note = {
        "id": 1,
        "personId": 2,
        "subject": "Secret",
        "body": "Prefers evenings",
        "isHtml": False,
    }
    (values,) = check("notes", note).values
    assert (values["person_id"], values["is_html"]) == ("2", False)
    stored = str(to_arrow([check("notes", note)]).to_pylist())
    assert "Secret" not in stored
    assert "evenings" not in stored


def test_a_task_names_its_user_with_a_capital_letter() -> None:
    task = {"id": 88, "AssignedTo": "Ari Demo", "isCompleted": 0, "dueDate": "2026-02-10"}
    checked = check("tasks", task)
    assert checked.values[0]["assigned_to"] == "Ari Demo"
    assert checked.values[0]["due_date"] == date(2026, 2, 10)
    assert not any(checked.extras)


def test_a_close_date_is_a_date_or_an_instant() -> None:
    rows = [
        {"id": 1, "projectedCloseDate": "2026-03-15"},
        {"id": 2, "projectedCloseDate": "2026-03-15T06:00:00Z"},
        {"id": 3, "projectedCloseDate": ""},
    ]
    dates = [values["projected_close_date"] for values in check("deals", *rows).values]
    assert dates == [date(2026, 3, 15), date(2026, 3, 15), None]


def test_what_is_refused_says_why() -> None:
    bad = check("people", {"name": "no id"}, {"id": 1, "websiteVisits": "many"}, {"id": 2})
    assert bad.keys == ["2"]
    assert [row.reason.split(":")[0] for row in bad.rejected] == ["id", "websiteVisits"]


def test_the_address_that_takes_leads_is_not_stored() -> None:
    users = check("users", {"id": 3, "leadEmailAddress": "ari.leads@example.test"})
    assert "ari.leads" not in str(to_arrow([users]).to_pylist())
