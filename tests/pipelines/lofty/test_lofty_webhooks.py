"""What webhooks name, how it is read again, and what is gone then (lofty.md §6, §7)."""

from __future__ import annotations

from typing import Any

import pytest

from pipelines.common.errors import ResourceUnavailable
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
